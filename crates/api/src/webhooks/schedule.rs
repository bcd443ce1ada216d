//! When a message is tried again.

/// Wait after the first failed attempt.
const FIRST_WAIT_MS: i64 = 5_000;
/// Longest wait before chance is added.
const WAIT_MS_MAX: i64 = 3_600_000;

/// The wait after so many failed attempts: doubled each time, and up to as much again by chance, so that
/// receivers that failed together are not asked together.
///
/// - Shape: `attempts` from 1; `chance` is any number, evenly drawn.
/// - Units: milliseconds.
/// - Source: Brooker, "Exponential backoff and jitter", AWS Architecture Blog 2015; half of the wait is kept
///   certain, so that a receiver is never asked again at once.
pub fn wait_ms(attempts: u32, chance: u128) -> i64 {
    let doublings = attempts.saturating_sub(1).min(20);
    let certain = (FIRST_WAIT_MS << doublings).min(WAIT_MS_MAX);
    certain + (chance % certain.unsigned_abs() as u128) as i64
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::limits;

    use super::*;

    #[test]
    fn waits_double_with_jitter_up_to_a_bound() {
        let check = |attempts, chance, expected| assert_eq!(wait_ms(attempts, chance), expected);
        check(1, 0, 5_000);
        check(1, 4_999, 9_999);
        check(1, 5_000, 5_000);
        check(2, 3, 10_003);
        check(5, 0, 80_000);
        check(99, 0, WAIT_MS_MAX);
        let waits = (1..limits::DELIVERY_ATTEMPTS_MAX).map(|attempts| wait_ms(attempts, 0));
        let minutes = waits.sum::<i64>() / 60_000;
        assert_eq!(minutes, 10, "the limits say how long it takes");
    }
}
