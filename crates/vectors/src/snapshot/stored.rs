//! Numbers as little-endian bytes, written in safe code: the twin of reading them in place.

use crate::graph::LinkLine;
use crate::quantise::{CodeLine, Terms};

/// A number, or a fixed group of them, that sections are made of.
pub(crate) trait Stored: Copy {
    /// Reads one from exactly its bytes.
    fn from_stored(bytes: &[u8]) -> Self;

    /// Appends its bytes.
    fn store(self, bytes: &mut Vec<u8>);
}

/// Reads a whole section.
pub(super) fn decode_all<T: Stored>(bytes: &[u8]) -> Vec<T> {
    bytes
        .chunks_exact(size_of::<T>())
        .map(T::from_stored)
        .collect()
}

/// Writes a whole section.
pub(super) fn encode_all<'t, T: Stored + 't>(values: impl Iterator<Item = &'t T>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.size_hint().0 * size_of::<T>());
    values.for_each(|&value| value.store(&mut bytes));
    bytes
}

macro_rules! stored_number {
    ($($number:ty),*) => {$(
        impl Stored for $number {
            #[inline]
            fn from_stored(bytes: &[u8]) -> Self {
                let mut whole = [0; size_of::<Self>()];
                whole.copy_from_slice(bytes);
                Self::from_le_bytes(whole)
            }

            #[inline]
            fn store(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

stored_number!(f32, u32, u128);

impl Stored for CodeLine {
    #[inline]
    fn from_stored(bytes: &[u8]) -> Self {
        let mut line = Self::ZERO;
        line.0.copy_from_slice(bytes);
        line
    }

    #[inline]
    fn store(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0);
    }
}

impl Stored for LinkLine {
    #[inline]
    fn from_stored(bytes: &[u8]) -> Self {
        let mut line = Self::EMPTY;
        for (link, word) in line.0.iter_mut().zip(bytes.chunks_exact(4)) {
            *link = u32::from_stored(word);
        }
        line
    }

    #[inline]
    fn store(self, bytes: &mut Vec<u8>) {
        self.0.iter().for_each(|link| link.store(bytes));
    }
}

impl Stored for Terms {
    #[inline]
    fn from_stored(bytes: &[u8]) -> Self {
        let (scale, norm) = bytes.split_at(4);
        Self {
            scale: f32::from_stored(scale),
            norm: f32::from_stored(norm),
        }
    }

    #[inline]
    fn store(self, bytes: &mut Vec<u8>) {
        self.scale.store(bytes);
        self.norm.store(bytes);
    }
}
