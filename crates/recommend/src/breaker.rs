//! Leaves a model out for a while that fails, or is late, again and again.

use leitmotif_domain::{ModelId, Timestamp};
use parking_lot::Mutex;

/// Answers in a row that a part must fail in: a single slow answer is chance.
const FAILURES_MAX: u32 = 5;
/// How long it is left out: long enough for a burst of requests to pass, short enough that nobody has to be called.
const REST_MS: i64 = 30_000;

/// A part of a model that fails by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its sources; without them nothing of it is left.
    Sources,
    /// Its learnt order; without it the blend orders.
    Ranking,
}

/// Which parts are left out of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resting {
    /// The whole model.
    pub sources: bool,
    /// Its learnt order.
    pub ranking: bool,
}

/// What came of a model's last answers, by part.
#[derive(Default)]
pub struct Breaker {
    runs: Mutex<[Option<Run>; 2]>,
}

struct Run {
    model: ModelId,
    failures: u32,
    rests_until: Option<Timestamp>,
}

impl Breaker {
    /// What is left out of an answer of a model now.
    pub fn resting(&self, model: ModelId, now: Timestamp) -> Resting {
        let runs = self.runs.lock();
        let rests = |part: Part| {
            let run = runs[part as usize].as_ref();
            let until = run.filter(|run| run.model == model);
            until
                .and_then(|run| run.rests_until)
                .is_some_and(|until| now < until)
        };
        Resting {
            sources: rests(Part::Sources),
            ranking: rests(Part::Ranking),
        }
    }

    /// Notes what came of a part that was not left out. After a rest one more failure is enough for the next.
    pub fn note(&self, model: ModelId, part: Part, is_good: bool, now: Timestamp) {
        let run = &mut self.runs.lock()[part as usize];
        if is_good {
            *run = None;
            return;
        }
        let mut failed = run.take().filter(|run| run.model == model).unwrap_or(Run {
            model,
            failures: 0,
            rests_until: None,
        });
        failed.failures += 1;
        if failed.failures >= FAILURES_MAX {
            failed.failures = FAILURES_MAX - 1;
            failed.rests_until = Some(now.plus_ms(REST_MS));
        }
        *run = Some(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_rests_after_failures_in_a_row_and_is_tried_again() {
        let (breaker, model) = (Breaker::default(), ModelId::from_u128(1));
        let at = |ms: i64| Timestamp::from_ms(ms);
        let rests = |ms: i64| breaker.resting(model, at(ms)).ranking;
        for number in 0..FAILURES_MAX {
            assert!(!rests(0), "{number}");
            breaker.note(model, Part::Ranking, false, at(0));
        }
        assert!(rests(0) && rests(REST_MS - 1) && !rests(REST_MS));
        assert!(!breaker.resting(model, at(0)).sources);
        let other = ModelId::from_u128(2);
        assert!(
            !breaker.resting(other, at(0)).ranking,
            "another model starts anew"
        );
        breaker.note(model, Part::Ranking, false, at(REST_MS));
        assert!(rests(REST_MS), "one more is enough");
        breaker.note(model, Part::Ranking, true, at(3 * REST_MS));
        breaker.note(model, Part::Ranking, false, at(3 * REST_MS));
        assert!(!rests(3 * REST_MS), "in a row");
    }
}
