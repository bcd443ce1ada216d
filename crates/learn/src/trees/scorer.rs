//! Trees laid out so that many rows are scored without jumps.

use std::collections::HashMap;

use super::binning::{ZERO, floor_f32};
use super::features::Features;
use super::tree::{Missing, Test, Tree};

/// Rows scored together; their values and leaf sets stay in vector registers.
const LANES: usize = 16;

/// Largest tree whose leaves are a set of bits; larger ones are walked.
const SET_LEAVES_MAX: usize = 64;

/// A number of each row of a batch.
type Lane = [f32; LANES];

/// What tests look at: a column with its missing values put where a test sends them, so that every
/// test is one comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum View {
    /// NaN is 0.
    Plain,
    /// NaN is below everything, or else above.
    Nan { is_left: bool },
    /// NaN and 0 are below everything, or else above.
    Zero { is_left: bool },
    /// 0 for the categories of the set, 1 for others.
    Categories(Vec<u32>),
}

impl View {
    fn look(&self, value: f32) -> f32 {
        let edge = |is_left: bool| {
            if is_left {
                f32::NEG_INFINITY
            } else {
                f32::INFINITY
            }
        };
        match self {
            Self::Plain if value.is_nan() => 0.0,
            Self::Nan { is_left } if value.is_nan() => edge(*is_left),
            Self::Zero { is_left } if value.is_nan() || value.abs() <= ZERO => edge(*is_left),
            Self::Categories(set) => {
                let test = super::binning::category_of(value).is_some_and(|category| {
                    let word = set.get(category as usize / 32).copied().unwrap_or(0);
                    word >> (category % 32) & 1 == 1
                });
                f32::from(u8::from(!test))
            }
            _ => value,
        }
    }
}

/// A test as one comparison: right when the viewed value is above the threshold.
#[derive(Debug, Clone, Copy)]
struct Step {
    view: u32,
    threshold: f32,
    /// Leaves that remain possible when the row goes right, by halves.
    remaining: [u32; 2],
}

/// A test of a tree that is walked.
#[derive(Debug, Clone, Copy)]
struct Fork {
    view: u32,
    threshold: f32,
    children: [i32; 2],
}

#[derive(Debug, Clone)]
enum Layout {
    /// Leaves from left to right are bits.
    Set {
        steps: Vec<Step>,
        values: Vec<f64>,
    },
    Walk {
        forks: Vec<Fork>,
        values: Vec<f64>,
    },
}

/// An ensemble ready to score batches.
///
/// - Source: the leaf sets of QuickScorer (Lucchese et al. 2015), all tests of a tree against a
///   batch of rows as in its vector form (2016). Departure: tests are taken tree by tree and none
///   is left out, which needs neither sorting nor jumps.
#[derive(Debug, Clone)]
pub(super) struct Scorer {
    views: Vec<(u32, View)>,
    layouts: Vec<Layout>,
}

impl Scorer {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let mut views = Views::default();
        let layouts = (trees.iter())
            .map(|tree| {
                if tree.leaves.len() <= SET_LEAVES_MAX {
                    as_set(tree, &mut views)
                } else {
                    as_walk(tree, &mut views)
                }
            })
            .collect();
        Self {
            views: views.list,
            layouts,
        }
    }

    pub(super) fn score(&self, features: Features<'_>, scores: &mut [f64]) {
        let width = features.column_count();
        let mut viewed = vec![[0f32; LANES]; self.views.len()];
        let batches = features.values().chunks(LANES * width);
        for (rows, scores) in batches.zip(scores.chunks_mut(LANES)) {
            for (lane, (column, view)) in viewed.iter_mut().zip(&self.views) {
                let values = rows.chunks_exact(width).map(|row| row[*column as usize]);
                for (place, value) in lane.iter_mut().zip(values) {
                    *place = view.look(value);
                }
            }
            let mut sums = [0f64; LANES];
            for layout in &self.layouts {
                layout.add(&viewed, &mut sums);
            }
            scores.copy_from_slice(&sums[..scores.len()]);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let layouts: usize = (self.layouts.iter())
            .map(|layout| match layout {
                Layout::Set { steps, values } => {
                    steps.len() * size_of::<Step>() + values.len() * size_of::<f64>()
                }
                Layout::Walk { forks, values } => {
                    forks.len() * size_of::<Fork>() + values.len() * size_of::<f64>()
                }
            })
            .sum();
        layouts + self.views.len() * size_of::<(u32, View)>()
    }
}

impl Layout {
    fn add(&self, viewed: &[Lane], sums: &mut [f64; LANES]) {
        match self {
            Self::Set { steps, values } if values.len() <= 32 => {
                let low = narrow::<0>(steps, viewed);
                for (sum, set) in sums.iter_mut().zip(low) {
                    *sum += values[set.trailing_zeros() as usize];
                }
            }
            Self::Set { steps, values } => {
                let (low, high) = (narrow::<0>(steps, viewed), narrow::<1>(steps, viewed));
                for (sum, (low, high)) in sums.iter_mut().zip(low.into_iter().zip(high)) {
                    let set = u64::from(low) | u64::from(high) << 32;
                    *sum += values[set.trailing_zeros() as usize];
                }
            }
            Self::Walk { forks, values } => {
                for (lane, sum) in sums.iter_mut().enumerate() {
                    let mut at = 0i32;
                    while at >= 0 {
                        let fork = &forks[at as usize];
                        let is_right = viewed[fork.view as usize][lane] > fork.threshold;
                        at = fork.children[usize::from(is_right)];
                    }
                    *sum += values[!at as usize];
                }
            }
        }
    }
}

/// Takes from one half of the set of leaves those that the tests rule out; the first is the row's.
///
/// It stays a function of its own, because inlined its sets do not stay in vector registers.
#[inline(never)]
fn narrow<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
    let mut sets = [u32::MAX; LANES];
    for step in steps {
        let values = &viewed[step.view as usize];
        let (threshold, remaining) = (step.threshold, step.remaining[HALF]);
        for lane in 0..LANES {
            // All ones unless the row goes right; the compiler makes this four vector instructions.
            let is_left = u32::from(values[lane] > threshold).wrapping_sub(1);
            sets[lane] &= remaining | is_left;
        }
    }
    sets
}

/// Views in use, each once.
#[derive(Default)]
struct Views {
    list: Vec<(u32, View)>,
    places: HashMap<(u32, View), u32>,
}

impl Views {
    /// Place of the view a test needs, and its threshold there.
    fn place(&mut self, column: u32, test: &Test) -> (u32, f32) {
        let (view, threshold) = match test {
            Test::Number {
                threshold,
                missing,
                is_missing_left: is_left,
            } => {
                let is_left = *is_left;
                let view = match missing {
                    Missing::None => View::Plain,
                    Missing::Zero => View::Zero { is_left },
                    Missing::Nan => View::Nan { is_left },
                };
                (view, floor_f32(*threshold))
            }
            Test::Categories { set, .. } => (View::Categories(set.clone()), 0.5),
        };
        let key = (column, view);
        if let Some(&place) = self.places.get(&key) {
            return (place, threshold);
        }
        let place = self.list.len() as u32;
        self.list.push(key.clone());
        self.places.insert(key, place);
        (place, threshold)
    }
}

fn as_walk(tree: &Tree, views: &mut Views) -> Layout {
    let forks = (tree.nodes.iter())
        .map(|node| {
            let (view, threshold) = views.place(node.column, &node.test);
            Fork {
                view,
                threshold,
                children: [node.left, node.right],
            }
        })
        .collect();
    Layout::Walk {
        forks,
        values: tree.leaves.iter().map(|leaf| leaf.value).collect(),
    }
}

fn as_set(tree: &Tree, views: &mut Views) -> Layout {
    let root = if tree.nodes.is_empty() { !0 } else { 0 };
    let (mut steps, mut values) = (Vec::new(), Vec::new());
    visit(tree, root, views, &mut steps, &mut values);
    Layout::Set { steps, values }
}

/// Numbers leaves from left to right and lists tests, children before parents.
fn visit(tree: &Tree, at: i32, views: &mut Views, steps: &mut Vec<Step>, values: &mut Vec<f64>) {
    if at < 0 {
        values.push(tree.leaves[!at as usize].value);
        return;
    }
    let node = &tree.nodes[at as usize];
    let first = values.len();
    visit(tree, node.left, views, steps, values);
    // Bits of the leaves of the left child, which a row that goes right cannot reach.
    let below = |end: usize| (1u128 << end) - 1;
    let remaining = !(below(values.len()) & !below(first)) as u64;
    let (view, threshold) = views.place(node.column, &node.test);
    steps.push(Step {
        view,
        threshold,
        remaining: [remaining as u32, (remaining >> 32) as u32],
    });
    visit(tree, node.right, views, steps, values);
}
