//! Seeded randomness, passed in wherever chance is needed.

use sha2::{Digest, Sha256};

/// A seed; the same seed gives the same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Derives an independent seed for a named purpose, so that adding a consumer does not shift
    /// the draws of the others.
    pub fn derive(self, purpose: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0.to_le_bytes());
        hasher.update(purpose.as_bytes());
        let digest = hasher.finalize();
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// Starts a generator.
    pub fn rng(self) -> SplitMix64 {
        SplitMix64 { state: self.0 }
    }
}

/// SplitMix64, enough for ids, jitter and sampling; not for secrets.
///
/// - Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Draws 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Draws a float in 0..1 with 53 random bits.
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws an index below `bound`; zero when `bound` is zero.
    pub fn next_below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            return 0;
        }
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }
}

/// A source of unpredictable bytes for secrets and ids. The operating system's in production, a
/// seeded one in tests.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// Draws 128 bits.
    fn next_u128(&self) -> u128 {
        let mut bytes = [0_u8; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}

/// Entropy from a seed, for tests and reproducible runs.
#[derive(Debug)]
pub struct SeededEntropy(std::sync::Mutex<SplitMix64>);

impl SeededEntropy {
    /// Starts from a seed.
    pub fn new(seed: Seed) -> Self {
        Self(std::sync::Mutex::new(seed.rng()))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut generator = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            let bytes = generator.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_matches_the_published_sequence() {
        let mut generator = Seed(1_234_567).rng();
        assert_eq!(generator.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(generator.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn derived_seeds_differ_by_purpose() {
        assert_ne!(Seed(1).derive("ids"), Seed(1).derive("jitter"));
        assert_eq!(Seed(1).derive("ids"), Seed(1).derive("ids"));
    }

    #[test]
    fn draws_stay_below_the_bound() {
        let mut generator = Seed(7).rng();
        assert!((0..1_000).all(|_| generator.next_below(3) < 3));
        assert_eq!(generator.next_below(0), 0);
    }
}
