//! Folds that no artist is in twice.

use std::collections::BTreeMap;

/// Folds: four fifths to learn from leave few labels a wide interval, and five fits are cheap.
pub const FOLDS: usize = 5;

/// Deals groups into folds, so that no group is in two: first those that hold a positive, in the order
/// of their number, then the others. A label of five groups is thus in every fold.
///
/// - Shape: one fold of `0..FOLDS` a row, in the order of the rows. Depends on the set of groups and on
///   which of them hold a positive, not on the order of the rows.
pub(super) fn deal(groups: &[u64], targets: &[bool]) -> Vec<usize> {
    let mut holds: BTreeMap<u64, bool> = BTreeMap::new();
    for (group, target) in groups.iter().zip(targets) {
        *holds.entry(*group).or_default() |= target;
    }
    let with = holds.iter().filter(|(_, holds)| **holds);
    let without = holds.iter().filter(|(_, holds)| !**holds);
    let dealt = with.chain(without).enumerate();
    let fold_of: BTreeMap<u64, usize> = dealt
        .map(|(place, (group, _))| (*group, place % FOLDS))
        .collect();
    groups.iter().map(|group| fold_of[group]).collect()
}
