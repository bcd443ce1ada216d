//! Quota arithmetic: the generic cell rate algorithm, pure.

/// A rate with a burst.
///
/// - Units: nanoseconds between permitted units, and the units that may come at once.
/// - Source: ITU-T I.371, Annex A (virtual scheduling); one number of state per key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    interval_ns: u64,
    burst: u64,
}

/// What a quota says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaDecision {
    /// Whether the request may go on.
    pub is_allowed: bool,
    /// Units left right now.
    pub remaining: u64,
    /// Milliseconds until the request could go on; zero when allowed.
    pub retry_after_ms: u64,
    /// Milliseconds until the whole burst is back.
    pub reset_after_ms: u64,
}

impl Gcra {
    /// Permits `per_second` units a second and `burst` at once; both at least one.
    pub fn new(per_second: u64, burst: u64) -> Self {
        Self {
            interval_ns: 1_000_000_000 / per_second.max(1),
            burst: burst.max(1),
        }
    }

    /// The burst.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// Seconds in which a whole burst refills, rounded up.
    pub fn window_s(&self) -> u64 {
        (self.interval_ns.saturating_mul(self.burst))
            .div_ceil(1_000_000_000)
            .max(1)
    }

    /// Decides on a request of `cost` units at `now_ns` and moves the state.
    ///
    /// - `theoretical_arrival_ns` is the state of one key, zero at first. A clock that jumps back
    ///   by more than a full burst is taken at its word instead of locking the key out.
    pub fn decide(
        &self,
        theoretical_arrival_ns: &mut u64,
        now_ns: u64,
        cost: u64,
    ) -> QuotaDecision {
        let tolerance_ns = self.interval_ns.saturating_mul(self.burst);
        if theoretical_arrival_ns.saturating_sub(now_ns) > tolerance_ns {
            *theoretical_arrival_ns = now_ns.saturating_add(tolerance_ns);
        }
        let start_ns = (*theoretical_arrival_ns).max(now_ns);
        let end_ns = start_ns.saturating_add(self.interval_ns.saturating_mul(cost));
        let earliest_ns = end_ns.saturating_sub(tolerance_ns);
        let is_allowed = earliest_ns <= now_ns;
        if is_allowed {
            *theoretical_arrival_ns = end_ns;
        }
        let backlog_ns = theoretical_arrival_ns.saturating_sub(now_ns);
        QuotaDecision {
            is_allowed,
            remaining: tolerance_ns.saturating_sub(backlog_ns) / self.interval_ns.max(1),
            retry_after_ms: if is_allowed {
                0
            } else {
                (earliest_ns - now_ns).div_ceil(1_000_000)
            },
            reset_after_ms: backlog_ns.div_ceil(1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let quota = Gcra::new(10, 5);
        let mut state = 0;
        let now = 100 * SECOND;
        for left in (0..5).rev() {
            let decision = quota.decide(&mut state, now, 1);
            assert!(decision.is_allowed);
            assert_eq!(decision.remaining, left);
        }
        let refused = quota.decide(&mut state, now, 1);
        assert!(!refused.is_allowed);
        assert_eq!(refused.retry_after_ms, 100);
        assert_eq!(refused.reset_after_ms, 500);
        assert!(quota.decide(&mut state, now + SECOND / 10, 1).is_allowed);
        assert!(!quota.decide(&mut state, now + SECOND / 10, 1).is_allowed);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_lock_out() {
        let quota = Gcra::new(10, 5);
        let mut state = 0;
        assert!(quota.decide(&mut state, 1_000 * SECOND, 5).is_allowed);
        let decision = quota.decide(&mut state, SECOND, 1);
        assert!(
            !decision.is_allowed && decision.retry_after_ms <= 100,
            "{decision:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_more_than_burst_plus_rate(gaps in proptest::collection::vec(0_u64..300_000_000, 1..200)) {
            let quota = Gcra::new(20, 7);
            let (mut state, mut now, mut allowed) = (0, SECOND, 0_u64);
            for gap in &gaps {
                now += gap;
                allowed += u64::from(quota.decide(&mut state, now, 1).is_allowed);
            }
            let elapsed = now - SECOND;
            proptest::prop_assert!(allowed <= 7 + elapsed / 50_000_000 + 1);
        }
    }
}
