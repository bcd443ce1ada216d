//! Sums over sessions: events with no longer gap between them than is allowed.

use serde::{Deserialize, Serialize};

/// How late an event may come and still count in a session. It is a property of the event alone, so
/// that a replay decides as the first reading did; and it bounds which sessions must be kept.
pub const LATE_MS_MAX: i64 = 86_400_000;

/// The sessions of an entity that may still grow, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    start_ms: i64,
    end_ms: i64,
    sum: i64,
}

impl Sessions {
    /// Adds an event; a late one may join two sessions. One that is taken back is added once more with
    /// what it counted below 0: how long the session was stays.
    ///
    /// - Cost: O(sessions of a day), one in most cases.
    pub fn add(&mut self, at_ms: i64, gap_ms: i64, by: i64) {
        let mut joined = Session {
            start_ms: at_ms,
            end_ms: at_ms,
            sum: by,
        };
        let first = self
            .sessions
            .partition_point(|one| one.end_ms < at_ms.saturating_sub(gap_ms));
        let last = self
            .sessions
            .partition_point(|one| one.start_ms <= at_ms.saturating_add(gap_ms));
        for one in self.sessions.drain(first..last.max(first)) {
            joined.start_ms = joined.start_ms.min(one.start_ms);
            joined.end_ms = joined.end_ms.max(one.end_ms);
            joined.sum = joined.sum.saturating_add(one.sum);
        }
        self.sessions.insert(first, joined);
    }

    /// The sum of the session that lasts at a moment, and when it ends unless something happens.
    pub fn lasting(&self, at_ms: i64, gap_ms: i64) -> Option<(i64, i64)> {
        let last = self.sessions.last()?;
        let over_ms = last.end_ms.saturating_add(gap_ms);
        (at_ms <= over_ms).then_some((last.sum, over_ms))
    }

    /// Forgets the sessions that no event known of from now on can reach.
    pub fn forget(&mut self, known_ms: i64, gap_ms: i64) {
        let reach_ms = known_ms.saturating_sub(LATE_MS_MAX).saturating_sub(gap_ms);
        self.sessions.retain(|one| one.end_ms >= reach_ms);
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.sessions.capacity() * size_of::<Session>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_event_joins_two_sessions() {
        let mut sessions = Sessions::default();
        for at in [0, 10, 35, 40] {
            sessions.add(at, 20, 1);
        }
        assert_eq!(sessions.sessions.len(), 2);
        assert_eq!(sessions.lasting(60, 20), Some((2, 60)));
        assert_eq!(sessions.lasting(61, 20), None);
        sessions.add(25, 20, 1);
        assert_eq!(sessions.sessions.len(), 1);
        assert_eq!(sessions.lasting(41, 20), Some((5, 60)));
        sessions.add(10, 20, -1);
        assert_eq!(sessions.lasting(41, 20), Some((4, 60)));
    }

    proptest::proptest! {
        #[test]
        fn sessions_are_those_of_the_ordered_events(
            times in proptest::collection::vec(0_i64..2_000, 1..60),
            gap in 1_i64..100,
        ) {
            let mut any_order = Sessions::default();
            times.iter().for_each(|at| any_order.add(*at, gap, 1));
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let mut plain: Vec<Session> = Vec::new();
            for at in sorted {
                match plain.last_mut() {
                    Some(last) if at - last.end_ms <= gap => {
                        last.end_ms = at;
                        last.sum += 1;
                    }
                    _ => plain.push(Session { start_ms: at, end_ms: at, sum: 1 }),
                }
            }
            proptest::prop_assert_eq!(any_order.sessions, plain);
        }
    }
}
