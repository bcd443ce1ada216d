//! What each column adds to the score of a row.

use super::ensemble::Ensemble;
use super::tree::Tree;
use crate::error::{Error, Result};

/// Parts of a score by column, which add up to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// What each column adds.
    pub columns: Vec<f64>,
    /// Mean score of the rows of the fit.
    pub bias: f64,
}

impl Ensemble {
    /// Divides the score of a row among its columns: their Shapley values, exactly.
    ///
    /// - Shape: as many values as columns; one part a column.
    /// - Errors: [`Error::Mismatch`] for another number of values; [`Error::Unsupported`] for a
    ///   model read without the numbers of rows of its nodes.
    /// - Cost: O(trees × leaves × depth²).
    /// - Source: Lundberg et al. 2020, "From local explanations to global understanding with
    ///   explainable AI for trees", path-dependent TreeSHAP.
    pub fn contributions(&self, row: &[f32]) -> Result<Contributions> {
        if row.len() != self.column_count() {
            return Err(Error::Mismatch {
                name: "values in a row",
                count: row.len(),
                expected: self.column_count(),
            });
        }
        check_counts(self)?;
        let mut contributions = Contributions {
            columns: vec![0.0; row.len()],
            bias: 0.0,
        };
        let mut is_left = Vec::new();
        for tree in &self.trees {
            contributions.bias += mean(tree);
            is_left.clear();
            let tests = tree.nodes.iter();
            is_left.extend(tests.map(|node| node.test.is_left(row[node.column as usize])));
            contribute(tree, &is_left, &mut contributions.columns);
        }
        Ok(contributions)
    }
}

/// Adds what one tree gives each column when its tests come out like this.
pub(super) fn contribute(tree: &Tree, is_left: &[bool], columns: &mut [f64]) {
    if tree.nodes.is_empty() {
        return;
    }
    let mut walk = Walk {
        tree,
        is_left,
        arena: Vec::new(),
        columns,
    };
    walk.visit(0, 0..0, Part::START);
}

/// Refuses a model without the numbers of rows of its nodes.
pub(super) fn check_counts(ensemble: &Ensemble) -> Result<()> {
    if ensemble.trees.iter().all(is_counted) {
        return Ok(());
    }
    let what = "numbers of rows are missing, save it with `leaf_count` and `internal_count`";
    Err(Error::Unsupported(what.to_owned()))
}

/// Tells whether the numbers of rows add up everywhere.
fn is_counted(tree: &Tree) -> bool {
    tree.nodes.iter().all(|node| {
        let children = [node.left, node.right].map(|child| tree.outcome(child).count);
        node.outcome.count > 0 && children[0].checked_add(children[1]) == Some(node.outcome.count)
    })
}

pub(super) fn mean(tree: &Tree) -> f64 {
    let Some(root) = tree.nodes.first() else {
        return tree.leaves[0].value;
    };
    let leaves = tree.leaves.iter();
    let sum: f64 = leaves.map(|leaf| leaf.value * leaf.count as f64).sum();
    sum / root.outcome.count as f64
}

/// A column on the way to a node.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Column; the first part has none.
    column: u32,
    /// Share of the rows of the fit that pass when the column is unknown.
    zero: f64,
    /// 1 if the row passes, else 0.
    one: f64,
    /// Weight of the subsets of columns with as many members as the place of this part.
    weight: f64,
}

impl Part {
    const START: Self = Self {
        column: u32::MAX,
        zero: 1.0,
        one: 1.0,
        weight: 1.0,
    };
}

struct Walk<'w> {
    tree: &'w Tree,
    /// Whether each test leads left.
    is_left: &'w [bool],
    /// Ways of the nodes above, one after the other.
    arena: Vec<Part>,
    columns: &'w mut [f64],
}

impl Walk<'_> {
    fn visit(&mut self, at: i32, parent: std::ops::Range<usize>, mut part: Part) {
        let start = self.arena.len();
        self.arena.extend_from_within(parent);
        part.weight = if self.arena.len() == start { 1.0 } else { 0.0 };
        self.arena.push(part);
        extend(&mut self.arena[start..]);
        if at < 0 {
            let value = self.tree.leaves[!at as usize].value;
            self.credit(start, value);
        } else {
            self.fork(at as usize, start);
        }
        self.arena.truncate(start);
    }

    fn credit(&mut self, start: usize, value: f64) {
        let way = &self.arena[start..];
        for (at, part) in way.iter().enumerate().skip(1) {
            let weight = unwound_sum(way, at);
            self.columns[part.column as usize] += weight * (part.one - part.zero) * value;
        }
    }

    fn fork(&mut self, at: usize, start: usize) {
        let node = &self.tree.nodes[at];
        let (mut zero, mut one) = (1.0, 1.0);
        let mut known = self.arena[start..].iter().skip(1);
        if let Some(place) = known.position(|part| part.column == node.column) {
            let part = self.arena[start + 1 + place];
            (zero, one) = (part.zero, part.one);
            unwind(&mut self.arena[start..], 1 + place);
            self.arena.pop();
        }
        let end = self.arena.len();
        let is_left = self.is_left[at];
        let sides = [(node.left, is_left), (node.right, !is_left)];
        for (child, is_taken) in sides {
            let share = self.tree.outcome(child).count as f64 / node.outcome.count as f64;
            let part = Part {
                column: node.column,
                zero: zero * share,
                one: if is_taken { one } else { 0.0 },
                weight: 0.0,
            };
            // Nobody comes here, known column or not: every weight below would be 0.
            if part.zero > 0.0 || part.one > 0.0 {
                self.visit(child, start..end, part);
            }
        }
    }
}

/// Spreads the weights of a way over the part that was just appended.
fn extend(way: &mut [Part]) {
    let last = way.len() - 1;
    let Part { zero, one, .. } = way[last];
    let length = (last + 1) as f64;
    for at in (0..last).rev() {
        let weight = way[at].weight;
        way[at + 1].weight += one * weight * (at + 1) as f64 / length;
        way[at].weight = zero * weight * (last - at) as f64 / length;
    }
}

/// Undoes [`extend`] for a part in the middle; the last place is free afterwards.
fn unwind(way: &mut [Part], place: usize) {
    let last = way.len() - 1;
    let Part { zero, one, .. } = way[place];
    let length = (last + 1) as f64;
    let mut next = way[last].weight;
    for at in (0..last).rev() {
        if one != 0.0 {
            let weight = way[at].weight;
            way[at].weight = next * length / ((at + 1) as f64 * one);
            next = weight - way[at].weight * zero * (last - at) as f64 / length;
        } else {
            way[at].weight = way[at].weight * length / (zero * (last - at) as f64);
        }
    }
    for at in place..last {
        let Part {
            column, zero, one, ..
        } = way[at + 1];
        way[at] = Part {
            column,
            zero,
            one,
            weight: way[at].weight,
        };
    }
}

/// Sum of the weights after [`unwind`], without changing them.
fn unwound_sum(way: &[Part], place: usize) -> f64 {
    let last = way.len() - 1;
    let Part { zero, one, .. } = way[place];
    let length = (last + 1) as f64;
    let (mut next, mut sum) = (way[last].weight, 0.0);
    for at in (0..last).rev() {
        if one != 0.0 {
            let weight = next * length / ((at + 1) as f64 * one);
            sum += weight;
            next = way[at].weight - weight * zero * (last - at) as f64 / length;
        } else {
            sum += way[at].weight * length / (zero * (last - at) as f64);
        }
    }
    sum
}
