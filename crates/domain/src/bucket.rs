//! The one hash behind canary, A/B and sharding.

/// Hashes bytes to 32 bits.
///
/// - Cost: O(bytes), no allocation.
/// - Source: MurmurHash3_x86_32 by Austin Appleby (public domain), from its description.
pub fn murmur3_32(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = seed;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        hash ^= scramble(u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xE654_6B64);
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        let word = tail
            .iter()
            .rev()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        hash ^= scramble(word);
    }
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85EB_CA6B);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xCC9E_2D51)
        .rotate_left(15)
        .wrapping_mul(0x1B87_3593)
}

/// Picks the variant of a unit: `hash(salt, unit)` on a line of integer weights.
///
/// - Returns the index into `weights`, `None` when they sum to zero.
/// - Exact: no floats, so every implementation agrees on every unit.
pub fn choose(salt: &str, unit: &str, weights: &[u32]) -> Option<usize> {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if total == 0 {
        return None;
    }
    let key = [salt.as_bytes(), b":", unit.as_bytes()].concat();
    let mut point = (u64::from(murmur3_32(&key, 0)) * total) >> 32;
    for (index, weight) in weights.iter().enumerate() {
        if point < u64::from(*weight) {
            return Some(index);
        }
        point -= u64::from(*weight);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_published_values() {
        assert_eq!(murmur3_32(b"", 0), 0);
        assert_eq!(murmur3_32(b"", 1), 0x514E_28B7);
        assert_eq!(murmur3_32(b"hello", 0), 0x248B_FA47);
        assert_eq!(murmur3_32(b"hello, world", 0), 0x149B_BB7F);
        assert_eq!(
            murmur3_32(b"The quick brown fox jumps over the lazy dog", 0),
            0x2E4F_F723
        );
    }

    #[test]
    fn shares_follow_the_weights_and_are_sticky() {
        let mut counts = [0_u32; 3];
        for unit in 0..20_000 {
            let chosen = choose("salt", &unit.to_string(), &[1, 0, 3]).unwrap();
            assert_eq!(choose("salt", &unit.to_string(), &[1, 0, 3]), Some(chosen));
            counts[chosen] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!(
            (f64::from(counts[0]) / 20_000.0 - 0.25).abs() < 0.01,
            "{counts:?}"
        );
        assert_eq!(choose("salt", "unit", &[0, 0]), None);
        assert_eq!(choose("salt", "unit", &[]), None);
    }
}
