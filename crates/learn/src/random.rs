//! Choices from a seed.

/// Steele, Lea and Flood's SplitMix64: small, and good enough to choose rows and columns.
pub(crate) struct SplitMix(u64);

impl SplitMix {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        // The high half of the product is uniform below `count`.
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// Draws a number from 0 to below 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// Chooses `chosen` of `0..count`, ascending (selection sampling, Knuth 3.4.2, algorithm S).
    pub(crate) fn choose(&mut self, count: usize, chosen: usize) -> Vec<u32> {
        let mut rows = Vec::with_capacity(chosen);
        for at in 0..count {
            let left = (count - at) as u64;
            let wanted = (chosen - rows.len()) as u64;
            if wanted == 0 {
                break;
            }
            // The high half of the product is uniform below `left`.
            let draw = ((u128::from(self.next()) * u128::from(left)) >> 64) as u64;
            if draw < wanted {
                rows.push(at as u32);
            }
        }
        rows
    }
}
