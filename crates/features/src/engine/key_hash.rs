//! A fast hash for maps by ids and entities.

use std::hash::{BuildHasherDefault, Hasher};

use crate::aggregate::sketch::hash_of;

/// Hashes ids of 128 bits. They are random or derived by a hash already, so that it need not defend: whoever makes
/// them collide slows down nobody but their own tenant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

/// What a map of the standard library is built with.
pub(crate) type BuildIdHasher = BuildHasherDefault<IdHasher>;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn write_u128(&mut self, bits: u128) {
        self.0 = hash_of(bits ^ u128::from(self.0));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
