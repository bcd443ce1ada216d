//! Maps by numbers that nobody outside chooses: ids are random already, catalogue indexes and hashes
//! are ours, so that hashing need not defend against an attacker.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by id, index or hash.
pub type KeyedMap<K, V> = HashMap<K, V, BuildHasherDefault<KeyHasher>>;
/// A set of ids, indexes or hashes.
pub type KeyedSet<K> = HashSet<K, BuildHasherDefault<KeyHasher>>;

/// An empty map with room, so that filling it moves nothing.
pub fn map_for<K, V>(count: usize) -> KeyedMap<K, V> {
    KeyedMap::with_capacity_and_hasher(count, BuildHasherDefault::default())
}

/// Spreads one number over 64 bits.
#[derive(Default)]
pub struct KeyHasher(u64);

/// 2^64 divided by the golden ratio: multiples of it are spread evenly (Knuth, volume 3, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(GOLDEN);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64 ^ (number >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn neighbours_are_spread() {
        let build = BuildHasherDefault::<KeyHasher>::default();
        // The map takes its place from the low bits and compares the high seven.
        let low: HashSet<u64> = (0..1_000_usize)
            .map(|key| build.hash_one(key) % 1_024)
            .collect();
        assert!(low.len() > 550, "{} of 1,024 places taken", low.len());
        let high: HashSet<u64> = (0..1_000_usize)
            .map(|key| build.hash_one(key) >> 57)
            .collect();
        assert_eq!(high.len(), 128);
    }
}
