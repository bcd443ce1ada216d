//! Arrays that lie in a mapped file.
#![allow(unsafe_code)] // a memory map is unsafe by nature: the file may change under it

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};

use memmap2::{MmapMut, MmapOptions};

use super::stored::Stored;
use crate::graph::LinkLine;
use crate::quantise::{CodeLine, Terms};

/// Whether a mapped file can be used in place: numbers are little-endian in it, and only Unix lets a
/// file be replaced while it is mapped.
pub(super) const CAN_MAP: bool = cfg!(all(unix, target_endian = "little"));

/// Numbers whose bytes in memory are, on a little-endian machine, their bytes in a file.
///
/// # Safety
/// Every pattern of bytes must be a value, without padding, with a size above 0 and an alignment of
/// at most [`super::ALIGNMENT`].
pub(crate) unsafe trait Plain: Stored {}

// SAFETY: a primitive number without invalid patterns or padding.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above; its alignment is 16 at most.
unsafe impl Plain for u128 {}
// SAFETY: `repr(C)` around 64 bytes, with an alignment and so a size of 64: no padding.
unsafe impl Plain for CodeLine {}
// SAFETY: `repr(C)` around 16 words of 4 bytes, with an alignment and so a size of 64: no padding.
unsafe impl Plain for LinkLine {}
// SAFETY: `repr(C)` with two `f32` and nothing else.
unsafe impl Plain for Terms {}

/// An array in a part of a file, mapped privately: reading shares the page cache, writing copies the
/// touched page and never reaches the file.
pub(crate) struct Mapped<T> {
    /// Nothing for an empty array, which cannot be mapped. Invariant: begins at a multiple of the
    /// alignment of `T` and holds a whole number of them.
    map: Option<MmapMut>,
    element: PhantomData<T>,
}

impl<T> Default for Mapped<T> {
    fn default() -> Self {
        let (map, element) = (None, PhantomData);
        Self { map, element }
    }
}

impl<T: Plain> Mapped<T> {
    /// Takes a mapped part of a file as an array, or gives it back when it is not one.
    pub(super) fn new(map: MmapMut) -> Result<Self, MmapMut> {
        let is_aligned = map.as_ptr().cast::<T>().is_aligned();
        if !CAN_MAP || !is_aligned || !map.len().is_multiple_of(size_of::<T>()) {
            return Err(map);
        }
        let (map, element) = (Some(map), PhantomData);
        Ok(Self { map, element })
    }
}

impl<T: Plain> Deref for Mapped<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        let Some(map) = &self.map else {
            return &[];
        };
        let count = map.len() / size_of::<T>();
        // SAFETY: the map owns `count` elements' bytes from its aligned start on (invariant), they
        // live and stay unwritten as long as `self` is borrowed, and any bytes are a `T` (`Plain`).
        unsafe { std::slice::from_raw_parts(map.as_ptr().cast(), count) }
    }
}

impl<T: Plain> DerefMut for Mapped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let Some(map) = &mut self.map else {
            return &mut [];
        };
        let count = map.len() / size_of::<T>();
        // SAFETY: as in `deref`; the borrow is exclusive, no other map shares our written pages, and
        // any `T` is valid as bytes (no padding).
        unsafe { std::slice::from_raw_parts_mut(map.as_mut_ptr().cast(), count) }
    }
}

/// Maps a part of a file that is not empty.
pub(super) fn map_part(file: &File, part: Range<usize>) -> io::Result<MmapMut> {
    let mut options = MmapOptions::new();
    options.offset(part.start as u64).len(part.len());
    // SAFETY: nothing may change or cut the file while it is mapped: changed bytes would break what
    // was checked, reading past a new end raises SIGBUS. We rely on the writer, `super::save`, and on
    // whoever restores copies: a snapshot is written under another name and renamed, never written in
    // place, so a newer one is another file, and ours lives until the last map of it is gone. The
    // part lies within the file (checked by the caller against its length), and the map is private.
    unsafe { options.map_copy(file) }
}
