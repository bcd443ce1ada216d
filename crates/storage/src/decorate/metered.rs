//! Counts of calls, errors and time.

use std::sync::Arc;

use leitmotif_domain::ErrorKind;
use tokio::time::Instant;

use super::PortCall;
use crate::error::Result;

/// Takes the counts; the metrics registry implements it.
pub trait PortMeter: Send + Sync {
    /// Records one finished call. A call whose caller gave up is not recorded.
    fn record(&self, call: PortCall, elapsed_us: u64, error: Option<ErrorKind>);
}

/// Reports every call to a meter.
pub struct Metered<T: ?Sized> {
    pub(super) inner: Arc<T>,
    meter: Arc<dyn PortMeter>,
}

impl<T: ?Sized> Metered<T> {
    /// Wraps a backend.
    pub fn new(inner: Arc<T>, meter: Arc<dyn PortMeter>) -> Self {
        Self { inner, meter }
    }

    pub(super) async fn around<V, W, F>(&self, call: PortCall, work: W) -> Result<V>
    where
        W: Fn() -> F,
        F: Future<Output = Result<V>>,
    {
        let begun = Instant::now();
        let outcome = work().await;
        let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let error = outcome.as_ref().err().map(crate::Error::kind);
        self.meter.record(call, elapsed_us, error);
        outcome
    }
}
