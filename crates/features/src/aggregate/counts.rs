//! How often each value came.

use serde::{Deserialize, Serialize};

use super::Merge;
use super::sketch::hash_of;

/// Different values kept. Beyond it those with the lowest hashes are: a sample that does not depend
/// on the order, whose counts are exact.
pub const VALUES_MAX: usize = 2_048;

/// Hash and value, and how often it came.
type Entry = ((u64, u128), i64);

/// Counts by value.
///
/// - Cost: O(log values) for a known value, O(values) to put a new one among the others and to find the most frequent.
///   Most have a few values, for which a tree would take ten times the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By hash, then value. A value that was taken back stays with a count of 0, so that it does not
    /// matter when that happened.
    counts: Vec<Entry>,
    /// Whether values beyond the bound were passed over.
    is_sampled: bool,
}

impl Counts {
    /// Counts a value; takes it back by a negative number.
    pub fn add(&mut self, bits: u128, by: i64) {
        let key = (hash_of(bits), bits);
        let is_full = self.is_sampled && self.counts.len() == VALUES_MAX;
        if is_full && self.counts.last().is_some_and(|(last, _)| *last < key) {
            return;
        }
        match self.counts.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => {
                if let Some((_, count)) = self.counts.get_mut(place) {
                    *count += by;
                }
            }
            Err(place) => {
                // A quarter more than needed: tiles are many and most have a value or two.
                if self.counts.len() == self.counts.capacity() {
                    self.counts.reserve_exact((self.counts.len() / 4).max(1));
                }
                self.counts.insert(place, (key, by));
            }
        }
        if self.counts.len() > VALUES_MAX {
            self.counts.pop();
            self.is_sampled = true;
        }
    }

    /// The most frequent values with their counts, the most frequent first, ties by value.
    pub fn top(&self, k: usize) -> Vec<(u128, i64)> {
        let counts = self.counts.iter().filter(|(_, count)| *count > 0);
        let mut all: Vec<(u128, i64)> = counts.map(|((_, bits), count)| (*bits, *count)).collect();
        all.sort_unstable_by_key(|(bits, count)| (std::cmp::Reverse(*count), *bits));
        all.truncate(k);
        all
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.counts.capacity() * size_of::<Entry>()
    }
}

impl Merge for Counts {
    fn merge(&mut self, other: &Self) {
        // A sample says nothing of what lies beyond its last value, so neither does the union.
        if other.is_sampled {
            self.is_sampled = true;
            if let Some((last, _)) = other.counts.last() {
                let end = self.counts.partition_point(|(own, _)| own <= last);
                self.counts.truncate(end);
            }
        }
        let mut own = std::mem::take(&mut self.counts).into_iter().peekable();
        let mut others = other.counts.iter().copied().peekable();
        self.counts.reserve(own.len() + others.len());
        while let Some(key) = least(own.peek(), others.peek()) {
            let is_next = |next: &Entry| next.0 == key;
            let counts = [own.next_if(is_next), others.next_if(is_next)];
            let sum = counts.iter().flatten().map(|(_, count)| count).sum();
            self.counts.push((key, sum));
        }
        if self.counts.len() > VALUES_MAX {
            self.counts.truncate(VALUES_MAX);
            self.is_sampled = true;
        }
    }
}

fn least(one: Option<&Entry>, other: Option<&Entry>) -> Option<(u64, u128)> {
    let keys = [one, other].into_iter().flatten().map(|(key, _)| *key);
    keys.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_ties_have_an_order() {
        let mut counts = Counts::default();
        for (value, by) in [(3, 2), (1, 2), (2, 5), (4, 1), (4, -1), (5, 1)] {
            counts.add(value, by);
        }
        assert_eq!(counts.top(3), [(2, 5), (1, 2), (3, 2)]);
        assert_eq!(counts.top(9).len(), 4, "what was taken back is not shown");
    }

    #[test]
    fn beyond_the_bound_a_sample_is_exact_and_has_no_order() {
        let values: Vec<u128> = (0..10_000).map(|i: u128| i * i % 7_919).collect();
        let mut forwards = Counts::default();
        values.iter().for_each(|value| forwards.add(*value, 1));
        let mut backwards = Counts::default();
        values
            .iter()
            .rev()
            .for_each(|value| backwards.add(*value, 1));
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.counts.len(), VALUES_MAX);
        for (value, count) in forwards.top(VALUES_MAX) {
            let true_count = values.iter().filter(|other| **other == value).count();
            assert_eq!(count, true_count as i64);
        }
        let (mut left, mut right) = (Counts::default(), Counts::default());
        values[..9_000].iter().for_each(|value| left.add(*value, 1));
        values[9_000..]
            .iter()
            .for_each(|value| right.add(*value, 1));
        let mut other_way = right.clone();
        other_way.merge(&left);
        left.merge(&right);
        assert_eq!(left, forwards);
        assert_eq!(other_way, forwards);
    }
}
