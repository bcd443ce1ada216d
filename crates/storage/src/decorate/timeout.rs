//! A time limit for every call.

use std::sync::Arc;
use std::time::Duration;

use super::PortCall;
use crate::error::{Error, Result};

/// Stops waiting for a call after a limit. The work itself may still be done, so a caller must treat
/// the error like a lost answer.
pub struct Timeout<T: ?Sized> {
    pub(super) inner: Arc<T>,
    limit: Duration,
}

impl<T: ?Sized> Timeout<T> {
    /// Wraps a backend.
    pub fn new(inner: Arc<T>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    pub(super) async fn around<V, W, F>(&self, call: PortCall, work: W) -> Result<V>
    where
        W: Fn() -> F,
        F: Future<Output = Result<V>>,
    {
        match tokio::time::timeout(self.limit, work()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Unavailable {
                backend: "storage",
                reason: format!(
                    "no answer to `{}` within {} ms",
                    call.method,
                    self.limit.as_millis()
                ),
            }),
        }
    }
}
