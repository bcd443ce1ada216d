//! The best few of many scores.

/// Scores kept beside the wanted ones before those beyond are dropped: dropping costs a pass, so it has to
/// be worth it.
const SPARE_MIN: usize = 64;

/// Scores for which there is room before any is told.
const ROOM_MAX: usize = 512;

/// Keeps the best of the scored indexes it is told, ties by index.
///
/// A score and its index are one number, smaller for the better: numbers are compared and sorted without
/// jumps.
///
/// - Cost: O(told + count · log count).
pub struct Best {
    count: usize,
    keys: Vec<u64>,
    /// Nothing from here on is among the best.
    limit: u64,
}

impl Best {
    /// Starts with nothing told.
    pub fn new(count: usize) -> Self {
        Self {
            count,
            // Those of a usual offer; more are seldom told.
            keys: Vec::with_capacity(count.saturating_mul(2).min(ROOM_MAX)),
            limit: if count == 0 { 0 } else { u64::MAX },
        }
    }

    /// Tells a score; one that is not finite is passed over.
    pub fn tell(&mut self, index: u32, score: f32) {
        let key = best_first(score, index);
        if key < self.limit && score.is_finite() {
            self.keys.push(key);
            if self.keys.len() >= self.count.saturating_mul(2).max(self.count + SPARE_MIN) {
                self.narrow();
            }
        }
    }

    fn narrow(&mut self) {
        if self.keys.len() > self.count {
            let (_, first_beyond, _) = self.keys.select_nth_unstable(self.count);
            self.limit = *first_beyond;
            self.keys.truncate(self.count);
        }
    }

    /// The best, best first, with their scores.
    pub fn into_sorted(mut self) -> impl ExactSizeIterator<Item = (u32, f32)> {
        self.narrow();
        self.keys.sort_unstable();
        let parts = |key: u64| (key as u32, from_ascending(!((key >> 32) as u32)));
        self.keys.into_iter().map(parts)
    }
}

/// One number for a score and its index: smaller for the better score, of equals for the lower index.
pub fn best_first(score: f32, index: u32) -> u64 {
    u64::from(!ascending(score)) << 32 | u64::from(index)
}

/// The bits of a number, changed so that they grow with it, as [`f32::total_cmp`] has it.
fn ascending(score: f32) -> u32 {
    let bits = score.to_bits();
    bits ^ (((bits as i32 >> 31) as u32) | 1 << 31)
}

fn from_ascending(bits: u32) -> f32 {
    let sign = if bits >> 31 == 0 { u32::MAX } else { 1 << 31 };
    f32::from_bits(bits ^ sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_sort(
            scores in prop::collection::vec(
                prop_oneof![-2.0_f32..2.0, Just(0.0), Just(-0.0), Just(f32::NAN), Just(f32::INFINITY)],
                0..600,
            ),
            count in 0_usize..90,
        ) {
            let mut best = Best::new(count);
            for (index, score) in scores.iter().enumerate() {
                best.tell(index as u32, *score);
            }
            let mut sorted: Vec<(u32, f32)> = (0..).zip(scores).filter(|(_, x)| x.is_finite()).collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            sorted.truncate(count);
            let bits = |list: Vec<(u32, f32)>| -> Vec<(u32, u32)> {
                list.into_iter().map(|(index, score)| (index, score.to_bits())).collect()
            };
            prop_assert_eq!(bits(best.into_sorted().collect()), bits(sorted));
        }
    }
}
