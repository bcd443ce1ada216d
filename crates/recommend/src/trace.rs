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

/// The traces of the last answers of a process; older ones are forgotten.
#[derive(Default)]
pub struct TraceRing {
    traces: Mutex<VecDeque<(TenantId, Arc<Trace>)>>,
}

impl TraceRing {
    /// Keeps a trace and forgets the oldest at the bound.
    pub fn keep(&self, tenant: TenantId, trace: Trace) {
        let forgotten = {
            let mut traces = self.traces.lock();
            traces.push_back((tenant, Arc::new(trace)));
            (traces.len() > limits::TRACES_MAX).then(|| traces.pop_front())
        };
        // Freed outside the lock.
        drop(forgotten);
    }

    /// Finds a tenant's trace.
    ///
    /// - Cost: O([`limits::TRACES_MAX`]).
    pub fn find(&self, tenant: TenantId, request_id: RequestId) -> Option<Arc<Trace>> {
        let traces = self.traces.lock();
        let is_wanted = |(owner, trace): &&(TenantId, Arc<Trace>)| {
            *owner == tenant && trace.request_id == request_id
        };
        traces
            .iter()
            .rev()
            .find(is_wanted)
            .map(|(_, trace)| Arc::clone(trace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(number: usize) -> Trace {
        Trace {
            request_id: RequestId::from_u128(number as u128),
            at: Timestamp::from_ms(0),
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
            considered: Vec::new(),
            rules: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_trace_is_forgotten_and_strangers_find_none() {
        let (ring, tenant) = (TraceRing::default(), TenantId::from_u128(1));
        for number in 0..=limits::TRACES_MAX {
            ring.keep(tenant, trace(number));
        }
        let find = |tenant, number: usize| ring.find(tenant, RequestId::from_u128(number as u128));
        assert!(find(tenant, 0).is_none());
        assert!(find(tenant, 1).is_some() && find(tenant, limits::TRACES_MAX).is_some());
        assert!(find(TenantId::from_u128(2), 1).is_none());
    }
}
