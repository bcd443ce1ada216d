//! Memory that answers are worked out in, kept from one to the next.

use std::ops::{Deref, DerefMut};

use parking_lot::Mutex;

/// What is kept for the next request: as many as answer at once on a small machine.
const KEPT_MAX: usize = 4;

/// Something as large as a catalogue that is emptied at the cost of what was touched.
pub trait Scratch: Default {
    /// Empties it.
    fn clear(&mut self);
}

/// Empty ones, kept so that no request has to clear the memory of a whole catalogue.
pub struct ScratchPool<T>(Mutex<Vec<T>>);

impl<T> Default for ScratchPool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Scratch> ScratchPool<T> {
    /// Lends an empty one.
    pub fn lend(&self) -> Lent<'_, T> {
        let kept = self.0.lock().pop();
        Lent {
            scratch: kept.unwrap_or_default(),
            pool: self,
        }
    }
}

/// One that goes back, emptied, when it is dropped.
pub struct Lent<'p, T: Scratch> {
    scratch: T,
    pool: &'p ScratchPool<T>,
}

impl<T: Scratch> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.scratch
    }
}

impl<T: Scratch> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.scratch
    }
}

impl<T: Scratch> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let mut kept = self.pool.0.lock();
        if kept.len() < KEPT_MAX {
            kept.push(scratch);
        }
    }
}

/// Numbers catalogue indexes in the order in which they come, without hashing.
#[derive(Default)]
pub struct Numbering {
    /// One more than the number of each index, 0 for none.
    by_index: Vec<u32>,
    numbered: Vec<u32>,
}

impl Numbering {
    /// The number of an index, a new one where it has none.
    pub fn number(&mut self, index: usize) -> usize {
        if index >= self.by_index.len() {
            self.by_index.resize(index + 1, 0);
        }
        let place = &mut self.by_index[index];
        if *place == 0 {
            self.numbered.push(index as u32);
            *place = self.numbered.len() as u32;
        }
        *place as usize - 1
    }

    /// The number of an index that has one.
    pub fn find(&self, index: usize) -> Option<usize> {
        let place = self.by_index.get(index).copied().unwrap_or(0);
        (place as usize).checked_sub(1)
    }
}

impl Scratch for Numbering {
    fn clear(&mut self) {
        for index in self.numbered.drain(..) {
            self.by_index[index as usize] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_kept_as_answer_at_once() {
        let pool = ScratchPool::<Numbering>::default();
        let lent: Vec<_> = (0..KEPT_MAX + 2).map(|_| pool.lend()).collect();
        assert_eq!(pool.0.lock().len(), 0);
        drop(lent);
        assert_eq!(pool.0.lock().len(), KEPT_MAX);
        let one = pool.lend();
        assert_eq!(pool.0.lock().len(), KEPT_MAX - 1);
        drop(one);
        assert_eq!(pool.0.lock().len(), KEPT_MAX);
    }

    #[test]
    fn indexes_are_numbered_as_they_come_and_forgotten() {
        let pool = ScratchPool::<Numbering>::default();
        {
            let mut numbers = pool.lend();
            assert_eq!(
                [7, 3, 7, 0].map(|index| numbers.number(index)),
                [0, 1, 0, 2]
            );
            assert_eq!(
                [7, 3, 0, 1, 99].map(|index| numbers.find(index)),
                [Some(0), Some(1), Some(2), None, None]
            );
        }
        let mut numbers = pool.lend();
        assert_eq!(numbers.find(7), None, "nothing is left of the one before");
        assert_eq!(numbers.number(3), 0);
    }
}
