//! How an answer came about: what took how long, and what became of every candidate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use leitmotif_domain::event::Moment;
use leitmotif_domain::{
    Assignment, ListenerId, ModelId, RequestId, Rung, TenantId, Timestamp, limits,
};
use parking_lot::Mutex;
use std::sync::Arc;

use crate::explain::Source;
use crate::pipeline::{Considered, Degraded};
use crate::rank::{Pooled, RankedRows};

/// A step of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// When it began, in microseconds from the start of the request.
    pub start_us: u64,
    /// How long it took in microseconds.
    pub duration_us: u64,
}

/// A moment after which a part of an answer is not waited for; none where nobody waits, and that is the usual.
///
/// Long loops ask it every so many rounds: often enough to end within a fraction of a millisecond, seldom enough to cost nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }
}

/// Measures steps.
pub struct Stopwatch {
    spans: Vec<Span>,
    start: Instant,
    budget_start: Instant,
    last: Instant,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        let now = Instant::now();
        Self {
            spans: Vec::with_capacity(12),
            start: now,
            budget_start: now,
            last: now,
        }
    }

    /// Ends a step and begins the next; a step that comes again adds to its former time.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        let duration_us = microseconds(now.duration_since(self.last));
        match self.spans.iter_mut().find(|span| span.name == name) {
            Some(span) => span.duration_us = span.duration_us.saturating_add(duration_us),
            None => self.spans.push(Span {
                name,
                start_us: microseconds(self.last.duration_since(self.start)),
                duration_us,
            }),
        }
        self.last = now;
    }

    /// Begins to count budgets. What was waited for before, such as a log to be read after a start, is
    /// spent: leaving sources out would not bring it back.
    pub fn begin_budgets(&mut self) {
        self.budget_start = Instant::now();
    }

    /// How long the request has taken since [`Stopwatch::begin_budgets`].
    pub fn spent(&self) -> Duration {
        self.budget_start.elapsed()
    }

    /// When so much time is spent.
    pub fn deadline(&self, budget: Duration) -> Deadline {
        Deadline(self.budget_start.checked_add(budget))
    }

    /// The steps.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What a source offered.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTrace {
    /// On which rung.
    pub rung: Rung,
    /// Which source.
    pub source: Source,
    /// What it counts in the blend.
    pub weight: f32,
    /// How many candidates it offered.
    pub offered: usize,
}

/// Everything about one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The answer.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// For whom.
    pub listener: Option<ListenerId>,
    /// Where it was shown.
    pub placement: String,
    /// What the player said of the moment.
    pub moment: Moment,
    /// The version of the pipeline.
    pub assignment: Assignment,
    /// How personal it was.
    pub rung: Rung,
    /// The model behind it.
    pub model: Option<ModelId>,
    /// The offset of the log the state was level with.
    pub log_offset: u64,
    /// The steps.
    pub spans: Vec<Span>,
    /// What is missing.
    pub degraded: Vec<Degraded>,
    /// What the sources offered.
    pub sources: Vec<SourceTrace>,
    /// The rows of the candidates that the ranker ordered.
    pub by_ranker: RankedRows,
    /// The best candidates of the blend, where no ranker ordered them.
    pub by_blend: Vec<Pooled>,
    /// What became of the candidates that were looked at.
    pub considered: Vec<Considered>,
    /// Each rule with how many candidates it dropped.
    pub rules: Vec<(String, u64)>,
}

impl Trace {
    /// About how many bytes of memory it takes.
    fn bytes(&self) -> usize {
        let adjustments = |one: &Considered| size_of_val(one.adjustments.as_slice());
        let (rows, row_bytes) = (
            self.by_ranker.iter().count(),
            self.by_ranker.width() * size_of::<f32>(),
        );
        size_of::<Self>()
            + rows * (row_bytes + size_of::<usize>())
            + size_of_val(self.by_blend.as_slice())
            + size_of_val(self.considered.as_slice())
            + self.considered.iter().map(adjustments).sum::<usize>()
            + size_of_val(self.spans.as_slice())
            + size_of_val(self.sources.as_slice())
    }
}

/// The traces of the last hour's answers of a process, as many as its bytes hold.
///
/// Half of the bytes are for the newest. Of those that leave them the other half keeps every one, or, where an hour
/// has more, every second, fourth and so on: which, follows from the request id alone.
#[derive(Default)]
pub struct TraceRing {
    kept: Mutex<KeptTraces>,
}

#[derive(Default)]
struct KeptTraces {
    newest: Part,
    sample: Part,
    /// One in so many, as a power of two, is in the sample.
    halvings: u32,
}

/// Traces in order, the oldest first, with their bytes.
#[derive(Default)]
struct Part {
    traces: VecDeque<Kept>,
    bytes: usize,
}

/// A trace with its tenant and about how many bytes it takes.
struct Kept {
    tenant: TenantId,
    trace: Arc<Trace>,
    bytes: usize,
}

impl Part {
    fn push(&mut self, kept: Kept) {
        self.bytes += kept.bytes;
        self.traces.push_back(kept);
    }

    /// Takes the oldest out where there is one too many or it is too old.
    fn pop(&mut self, now: Timestamp) -> Option<Kept> {
        let is_old = self.traces.front()?.is_old(now);
        if self.bytes <= limits::TRACES_BYTES_MAX / 2 && !is_old {
            return None;
        }
        let popped = self.traces.pop_front()?;
        self.bytes -= popped.bytes;
        Some(popped)
    }
}

impl Kept {
    fn is_old(&self, now: Timestamp) -> bool {
        now.since_ms(self.trace.at) > limits::TRACES_KEPT_MS
    }

    /// Whether it is in a sample of one in two to the power of `halvings`.
    fn is_sampled(&self, halvings: u32) -> bool {
        let bits = self.trace.request_id.as_u128();
        // Ids begin with the time: the random bits are at the end.
        bits.trailing_zeros() >= halvings
    }
}

impl KeptTraces {
    fn halve(&mut self) -> Vec<Kept> {
        self.halvings += 1;
        let all = std::mem::take(&mut self.sample).traces.into_iter();
        let (kept, forgotten): (Vec<_>, Vec<_>) =
            all.partition(|one| one.is_sampled(self.halvings));
        kept.into_iter().for_each(|one| self.sample.push(one));
        forgotten
    }
}

impl TraceRing {
    /// Keeps a trace and forgets others at the bounds.
    ///
    /// - Cost: constant but for one in many, which halves the sample.
    pub fn keep(&self, tenant: TenantId, trace: Trace) {
        let (now, bytes) = (trace.at, trace.bytes());
        let trace = Arc::new(trace);
        let mut forgotten = Vec::new();
        {
            let mut kept = self.kept.lock();
            kept.newest.push(Kept {
                tenant,
                trace,
                bytes,
            });
            while let Some(popped) = kept.newest.pop(now) {
                if popped.is_old(now) || !popped.is_sampled(kept.halvings) {
                    forgotten.push(popped);
                } else {
                    kept.sample.push(popped);
                }
            }
            while (kept.sample.traces.front()).is_some_and(|oldest| oldest.is_old(now)) {
                forgotten.extend(kept.sample.pop(now));
            }
            if kept.sample.bytes > limits::TRACES_BYTES_MAX / 2 {
                forgotten.extend(kept.halve());
            } else if kept.sample.bytes < limits::TRACES_BYTES_MAX / 8 {
                // A quieter hour has room for more of it.
                kept.halvings = kept.halvings.saturating_sub(1);
            }
        }
        // Freed outside the lock.
        drop(forgotten);
    }

    /// Finds a tenant's trace.
    ///
    /// - Cost: O(kept traces).
    pub fn find(&self, tenant: TenantId, request_id: RequestId) -> Option<Arc<Trace>> {
        let kept = self.kept.lock();
        let is_wanted = |one: &&Kept| one.tenant == tenant && one.trace.request_id == request_id;
        let newest = kept.newest.traces.iter().rev();
        let mut all = newest.chain(kept.sample.traces.iter().rev());
        all.find(is_wanted).map(|one| Arc::clone(&one.trace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Fate;

    /// A trace of some 30 KB at a second.
    fn trace(number: u128, second: i64) -> Trace {
        let considered = Considered {
            index: 0,
            score: 0.0,
            adjustments: Vec::new(),
            fate: Fate::NotReached,
            propensity: None,
            expected_listened_share: None,
        };
        Trace {
            request_id: RequestId::from_u128(number),
            at: Timestamp::from_ms(second * 1_000),
            listener: None,
            placement: String::new(),
            moment: Moment::default(),
            assignment: Assignment::built_in("test"),
            rung: Rung::Static,
            model: None,
            log_offset: 0,
            spans: Vec::new(),
            degraded: Vec::new(),
            sources: Vec::new(),
            by_ranker: RankedRows::default(),
            by_blend: Vec::new(),
            considered: vec![considered; 400],
            rules: Vec::new(),
        }
    }

    #[test]
    fn the_newest_and_a_sample_of_the_hour_are_kept_within_their_bytes() {
        let (ring, tenant) = (TraceRing::default(), TenantId::from_u128(1));
        let find = |tenant, number: u128| ring.find(tenant, RequestId::from_u128(number)).is_some();
        let count = 8 * limits::TRACES_BYTES_MAX / trace(0, 0).bytes();
        for number in 0..count as u128 {
            // Ten a second, so that all are within the hour.
            ring.keep(tenant, trace(number, number as i64 / 10));
        }
        let newest = count as u128 - 1;
        assert!((0..100).all(|ago| find(tenant, newest - ago)));
        assert!(!find(TenantId::from_u128(2), newest), "strangers find none");
        let (bytes, halvings) = {
            let kept = ring.kept.lock();
            (kept.newest.bytes + kept.sample.bytes, kept.halvings)
        };
        assert!(
            bytes <= limits::TRACES_BYTES_MAX && halvings >= 3,
            "{bytes}"
        );
        let step = 1_u128 << halvings;
        assert!(
            (0..20).all(|number| find(tenant, number * step)),
            "of the whole hour"
        );
        assert!(!find(tenant, 1));
        // An hour later nothing of it is left.
        ring.keep(tenant, trace(newest + 1, newest as i64 / 10 + 3_601));
        assert!(!find(tenant, newest) && find(tenant, newest + 1));
        assert_eq!(ring.kept.lock().sample.bytes, 0);
    }

    #[test]
    fn few_answers_of_an_hour_are_all_kept() {
        let (ring, tenant) = (TraceRing::default(), TenantId::from_u128(1));
        (0..900).for_each(|number| ring.keep(tenant, trace(number, number as i64)));
        assert!((0..900).all(|number| ring.find(tenant, RequestId::from_u128(number)).is_some()));
    }
}
