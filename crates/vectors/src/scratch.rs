//! Buffers that searches borrow, so that a search allocates next to nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use crate::quantise::QueryCode;

/// A slot at a distance, ordered by distance, then slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub distance: f32,
    pub slot: u32,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.distance.total_cmp(&other.distance)).then(self.slot.cmp(&other.slot))
    }
}

/// The best candidates seen, ascending, at most `capacity`.
#[derive(Default)]
pub(crate) struct Pool {
    pub entries: Vec<Candidate>,
    capacity: usize,
}

impl Pool {
    pub(crate) fn reset(&mut self, capacity: usize) {
        self.entries.clear();
        self.entries.reserve(capacity + 1);
        self.capacity = capacity;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// Distance a newcomer must beat.
    #[inline(always)]
    pub(crate) fn bound(&self) -> f32 {
        if self.is_full() {
            self.entries
                .last()
                .map_or(f32::NEG_INFINITY, |e| e.distance)
        } else {
            f32::INFINITY
        }
    }

    /// Puts a candidate in its place and returns the place, if it is good enough.
    #[inline(always)]
    pub(crate) fn insert(&mut self, candidate: Candidate) -> Option<usize> {
        if candidate.distance >= self.bound() {
            return None;
        }
        if self.is_full() {
            self.entries.pop();
        }
        let place = (self.entries).partition_point(|entry| entry.distance <= candidate.distance);
        self.entries.insert(place, candidate);
        Some(place)
    }
}

/// Marks of visited slots that are cleared by counting up.
#[derive(Default)]
pub(crate) struct Visited {
    marks: Vec<u8>,
    epoch: u8,
}

impl Visited {
    pub(crate) fn reset(&mut self, slot_count: usize) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 || self.marks.len() < slot_count {
            self.marks.clear();
            self.marks.resize(slot_count, 0);
            self.epoch = 1;
        }
    }

    /// Marks a slot; true on the first time.
    #[inline(always)]
    pub(crate) fn visit(&mut self, slot: u32) -> bool {
        let mark = &mut self.marks[slot as usize];
        let is_first = *mark != self.epoch;
        *mark = self.epoch;
        is_first
    }
}

/// All buffers of one search or one insertion.
#[derive(Default)]
pub(crate) struct Scratch {
    pub query: QueryCode,
    pub visited: Visited,
    pub pool: Pool,
    pub frontier: BinaryHeap<Reverse<Candidate>>,
    pub links: Vec<u32>,
    pub slots: Vec<u32>,
    pub products: Vec<i32>,
    pub distances: Vec<f32>,
}

/// Idle scratch sets, as many as there were searches at one time.
#[derive(Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// Lends a scratch set to `work`.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        // A panic elsewhere leaves the list itself whole, so a poisoned lock is usable.
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = idle.unwrap_or_default();
        let result = work(&mut scratch);
        (self.0.lock().unwrap_or_else(PoisonError::into_inner)).push(scratch);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_keeps_the_best_in_order() {
        let mut pool = Pool::default();
        pool.reset(2);
        let candidate = |distance, slot| Candidate { distance, slot };
        assert_eq!(pool.insert(candidate(3.0, 0)), Some(0));
        assert_eq!(pool.insert(candidate(1.0, 1)), Some(0));
        assert_eq!(pool.insert(candidate(3.0, 2)), None);
        assert_eq!(pool.insert(candidate(2.0, 3)), Some(1));
        assert_eq!(pool.entries, [candidate(1.0, 1), candidate(2.0, 3)]);
    }

    #[test]
    fn visited_forgets_at_every_reset() {
        let mut visited = Visited::default();
        for _ in 0..600 {
            visited.reset(3);
            assert!(visited.visit(2));
            assert!(!visited.visit(2));
        }
    }
}
