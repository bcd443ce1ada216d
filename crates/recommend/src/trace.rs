//! What took how long.

use std::time::Instant;

/// A step of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// How long it took in microseconds.
    pub duration_us: u64,
}

/// Measures steps.
pub struct Stopwatch {
    spans: Vec<Span>,
    last: Instant,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self {
            spans: Vec::new(),
            last: Instant::now(),
        }
    }

    /// Ends a step and begins the next; a step that comes again adds to its former time.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        let taken = now.duration_since(self.last).as_micros();
        let duration_us = u64::try_from(taken).unwrap_or(u64::MAX);
        match self.spans.iter_mut().find(|span| span.name == name) {
            Some(span) => span.duration_us = span.duration_us.saturating_add(duration_us),
            None => self.spans.push(Span { name, duration_us }),
        }
        self.last = now;
    }

    /// The steps.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }
}
