//! Rows of numbers, the first of them perhaps in a mapped snapshot.

use std::ops::{Index, IndexMut};

use crate::kernels::prefetch;
use crate::snapshot::{Mapped, Plain};

/// An array in two pieces: what a snapshot held stays mapped, what came later is on the heap.
///
/// An array that grew as a whole would be copied at the first insertion after a load, gigabytes for
/// one vector. A piece always ends between two rows, so a row is one slice. Without a mapped file the
/// first piece is empty.
pub(crate) struct Rows<T> {
    saved: Mapped<T>,
    added: Vec<T>,
}

impl<T: Plain> Rows<T> {
    pub(crate) fn len(&self) -> usize {
        self.saved.len() + self.added.len()
    }

    /// The mapped piece of an array that has no other.
    pub(crate) fn into_saved(self) -> Option<Mapped<T>> {
        self.added.is_empty().then_some(self.saved)
    }

    /// Both pieces, the mapped one first.
    #[inline(always)]
    pub(crate) fn pieces(&self) -> (&[T], &[T]) {
        (&self.saved, &self.added)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.saved.iter().chain(&self.added)
    }

    /// The elements of one row.
    #[inline(always)]
    pub(crate) fn row(&self, start: usize, length: usize) -> &[T] {
        let saved: &[T] = &self.saved;
        if start < saved.len() {
            &saved[start..][..length]
        } else {
            &self.added[start - saved.len()..][..length]
        }
    }

    /// The elements of one row, to be written; of a mapped file the touched pages become our own.
    pub(crate) fn row_mut(&mut self, start: usize, length: usize) -> &mut [T] {
        let saved_count = self.saved.len();
        if start < saved_count {
            &mut self.saved[start..][..length]
        } else {
            &mut self.added[start - saved_count..][..length]
        }
    }

    /// Grows to a number of elements; never shrinks.
    pub(crate) fn grow(&mut self, count: usize, value: T) {
        let added_count = count.saturating_sub(self.saved.len());
        if added_count > self.added.len() {
            self.added.resize(added_count, value);
        }
    }

    /// Asks the processor for an element; a place past the end is ignored.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: usize) {
        let saved: &[T] = &self.saved;
        if at < saved.len() {
            prefetch(saved, at);
        } else {
            prefetch(&self.added, at - saved.len());
        }
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T> From<Vec<T>> for Rows<T> {
    fn from(added: Vec<T>) -> Self {
        let saved = Mapped::default();
        Self { saved, added }
    }
}

impl<T> From<Mapped<T>> for Rows<T> {
    fn from(saved: Mapped<T>) -> Self {
        let added = Vec::new();
        Self { saved, added }
    }
}

impl<T: Plain> Index<usize> for Rows<T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, at: usize) -> &T {
        let saved: &[T] = &self.saved;
        if at < saved.len() {
            &saved[at]
        } else {
            &self.added[at - saved.len()]
        }
    }
}

impl<T: Plain> IndexMut<usize> for Rows<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.row_mut(at, 1)[0]
    }
}
