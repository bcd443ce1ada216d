//! Look-up tables with keys of our own.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are all in the program. Nobody outside can choose keys that collide, so a hash is
/// enough that is three times as fast on short words as the one that guards against that.
pub(super) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

/// - Source: Fowler, Noll and Vo, FNV-1a of 64 bits.
#[derive(Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
