//! Trees laid out so that many rows are scored without jumps.

use super::features::Features;
use super::kernels::{SmallTree, Step, add_small_trees, narrowed};
use super::tree::Tree;
use super::views::{LANES, Lane, Sight, Views, ViewsMaker};

/// Largest tree whose leaves are a set of bits; larger ones are walked.
const SET_LEAVES_MAX: usize = 64;

/// A test of a tree that is walked.
#[derive(Debug, Clone, Copy)]
struct Fork {
    view: u32,
    threshold: f32,
    children: [i32; 2],
}

#[derive(Debug, Clone)]
enum Layout {
    /// Trees of few leaves that follow each other, whose leaves are bits too.
    Small(Vec<SmallTree>),
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
    views: Views,
    layouts: Vec<Layout>,
}

impl Scorer {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let mut views = ViewsMaker::default();
        let mut layouts = Vec::new();
        for tree in trees {
            let layout = if tree.leaves.len() <= SET_LEAVES_MAX {
                as_set(tree, &mut views)
            } else {
                as_walk(tree, &mut views)
            };
            // In the order of the trees: sums are the same to the last bit.
            match (layouts.last_mut(), layout) {
                (Some(Layout::Small(run)), Layout::Small(mut one)) => run.append(&mut one),
                (_, layout) => layouts.push(layout),
            }
        }
        Self {
            views: views.finish(),
            layouts,
        }
    }

    pub(super) fn score(&self, features: Features<'_>, scores: &mut [f64]) {
        let width = features.column_count();
        let mut sight = Sight::default();
        let batches = features.values().chunks(LANES * width);
        for (rows, scores) in batches.zip(scores.chunks_mut(LANES)) {
            let viewed = self.views.look(rows, width, &mut sight);
            let mut sums = [0f64; LANES];
            for layout in &self.layouts {
                layout.add(viewed, &mut sums);
            }
            scores.copy_from_slice(&sums[..scores.len()]);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let layouts: usize = (self.layouts.iter())
            .map(|layout| match layout {
                Layout::Small(trees) => trees.iter().map(SmallTree::memory_bytes).sum(),
                Layout::Set { steps, values } => {
                    steps.len() * size_of::<Step>() + values.len() * size_of::<f64>()
                }
                Layout::Walk { forks, values } => {
                    forks.len() * size_of::<Fork>() + values.len() * size_of::<f64>()
                }
            })
            .sum();
        layouts + self.views.memory_bytes()
    }
}

impl Layout {
    fn add(&self, viewed: &[Lane], sums: &mut [f64; LANES]) {
        match self {
            Self::Small(trees) => add_small_trees(trees, viewed, sums),
            Self::Set { steps, values } if values.len() <= 32 => {
                let low = narrowed::<0>(steps, viewed);
                for (sum, set) in sums.iter_mut().zip(low) {
                    *sum += values[set.trailing_zeros() as usize];
                }
            }
            Self::Set { steps, values } => {
                let (low, high) = (narrowed::<0>(steps, viewed), narrowed::<1>(steps, viewed));
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

fn as_walk(tree: &Tree, views: &mut ViewsMaker) -> Layout {
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

fn as_set(tree: &Tree, views: &mut ViewsMaker) -> Layout {
    let root = if tree.nodes.is_empty() { !0 } else { 0 };
    let (mut steps, mut values) = (Vec::new(), Vec::new());
    visit(tree, root, views, &mut steps, &mut values);
    match SmallTree::new(&steps, &values) {
        Some(small) => Layout::Small(vec![small]),
        None => Layout::Set { steps, values },
    }
}

/// Numbers leaves from left to right and lists tests, children before parents.
fn visit(
    tree: &Tree,
    at: i32,
    views: &mut ViewsMaker,
    steps: &mut Vec<Step>,
    values: &mut Vec<f64>,
) {
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
