//! XXH64, seed 0.

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// Sums up bytes in 64 bits, against accidents, not against forgers.
///
/// - Source: the XXH64 algorithm of the xxHash specification, version 0.1.1.
pub(super) fn xxh64(bytes: &[u8]) -> u64 {
    let stripes = bytes.chunks_exact(32);
    let mut tail = stripes.remainder();
    let mut sum = if bytes.len() < 32 {
        PRIMES[4]
    } else {
        long_sum(stripes)
    };
    sum = sum.wrapping_add(bytes.len() as u64);
    while let Some((word, rest)) = tail.split_first_chunk::<8>() {
        sum ^= round(0, u64::from_le_bytes(*word));
        sum = (sum.rotate_left(27).wrapping_mul(PRIMES[0])).wrapping_add(PRIMES[3]);
        tail = rest;
    }
    if let Some((word, rest)) = tail.split_first_chunk::<4>() {
        sum ^= u64::from(u32::from_le_bytes(*word)).wrapping_mul(PRIMES[0]);
        sum = (sum.rotate_left(23).wrapping_mul(PRIMES[1])).wrapping_add(PRIMES[2]);
        tail = rest;
    }
    for &byte in tail {
        sum ^= u64::from(byte).wrapping_mul(PRIMES[4]);
        sum = sum.rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    sum = (sum ^ (sum >> 33)).wrapping_mul(PRIMES[1]);
    sum = (sum ^ (sum >> 29)).wrapping_mul(PRIMES[2]);
    sum ^ (sum >> 32)
}

fn long_sum(stripes: std::slice::ChunksExact<'_, u8>) -> u64 {
    let mut lanes = [
        PRIMES[0].wrapping_add(PRIMES[1]),
        PRIMES[1],
        0,
        0u64.wrapping_sub(PRIMES[0]),
    ];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let rotations = [1, 7, 12, 18];
    let mut sum = 0u64;
    for (lane, rotation) in lanes.iter().zip(rotations) {
        sum = sum.wrapping_add(lane.rotate_left(rotation));
    }
    for lane in lanes {
        sum = (sum ^ round(0, lane)).wrapping_mul(PRIMES[0]);
        sum = sum.wrapping_add(PRIMES[3]);
    }
    sum
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1]))
        .rotate_left(31)
        .wrapping_mul(PRIMES[0])
}

#[cfg(test)]
mod tests {
    use super::xxh64;

    /// Sums published with the reference implementation.
    #[test]
    fn known_sums() {
        let check = |text: &str, expected| assert_eq!(xxh64(text.as_bytes()), expected, "{text}");
        check("", 0xef46_db37_51d8_e999);
        check("a", 0xd24e_c4f1_a98c_6e5b);
        check("abc", 0x44bc_2cf5_ad77_0999);
        check(
            "The quick brown fox jumps over the lazy dog",
            0x0b24_2d36_1fda_71bc,
        );
    }
}
