//! Retries with bounded attempts and growing, jittered waits.

use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::chance::{Seed, SplitMix64};
use parking_lot::Mutex;

use super::PortCall;
use crate::error::Result;

/// How often and how patiently to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// Tries in all, at least 1.
    pub attempts_max: u32,
    /// Longest wait before the second try; it doubles with every further one.
    pub first_wait: Duration,
    /// Longest wait before any try.
    pub wait_max: Duration,
}

impl Default for RetryOptions {
    /// Five tries within about two seconds: longer outages are for the caller to see.
    fn default() -> Self {
        Self {
            attempts_max: 5,
            first_wait: Duration::from_millis(50),
            wait_max: Duration::from_secs(1),
        }
    }
}

/// Repeats calls that failed with a retryable kind, if they may be done twice.
pub struct Retry<T: ?Sized> {
    pub(super) inner: Arc<T>,
    options: RetryOptions,
    jitter: Mutex<SplitMix64>,
}

impl<T: ?Sized> Retry<T> {
    /// Wraps a backend; the seed draws the jitter.
    pub fn new(inner: Arc<T>, options: RetryOptions, seed: Seed) -> Self {
        Self {
            inner,
            options,
            jitter: Mutex::new(seed.derive("retry").rng()),
        }
    }

    pub(super) async fn around<V, W, F>(&self, call: PortCall, work: W) -> Result<V>
    where
        W: Fn() -> F,
        F: Future<Output = Result<V>>,
    {
        let mut attempt = 1;
        loop {
            let outcome = work().await;
            let is_final = attempt >= self.options.attempts_max || !call.is_repeatable;
            match outcome {
                Err(error) if error.kind().is_retryable() && !is_final => {
                    tokio::time::sleep(self.wait(attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Draws between half and the whole of the present bound, so that callers that failed together
    /// do not come back together.
    fn wait(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt - 1);
        let bound = self.options.first_wait.saturating_mul(doubled);
        let share = 0.5 + 0.5 * self.jitter.lock().next_f64();
        bound.min(self.options.wait_max).mul_f64(share)
    }
}
