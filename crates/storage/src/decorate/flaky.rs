//! Failures made on purpose, the same for the same seed.

use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SplitMix64};
use parking_lot::Mutex;

use super::PortCall;
use crate::error::{Error, Result};

/// How often to fail.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FlakyOptions {
    /// Probability, 0..=1, that a call fails and nothing was done.
    pub before: f64,
    /// Probability, 0..=1, that the work is done and its answer is lost.
    pub after: f64,
    /// Leaves calls alone that must not be repeated: no retry can hide their failure.
    pub spares_unrepeatable: bool,
}

/// Fails calls with `Unavailable`, for tests of what copes with that.
pub struct Flaky<T: ?Sized> {
    pub(super) inner: Arc<T>,
    options: FlakyOptions,
    dice: Mutex<SplitMix64>,
}

impl<T: ?Sized> Flaky<T> {
    /// Wraps a backend; the seed decides which calls fail.
    pub fn new(inner: Arc<T>, options: FlakyOptions, seed: Seed) -> Self {
        Self {
            inner,
            options,
            dice: Mutex::new(seed.derive("flaky").rng()),
        }
    }

    pub(super) async fn around<V, W, F>(&self, call: PortCall, work: W) -> Result<V>
    where
        W: Fn() -> F,
        F: Future<Output = Result<V>>,
    {
        if self.options.spares_unrepeatable && !call.is_repeatable {
            return work().await;
        }
        let draw = self.dice.lock().next_f64();
        if draw < self.options.before {
            return Err(broken(call, "before the work"));
        }
        let outcome = work().await;
        if draw < self.options.before + self.options.after {
            return Err(broken(call, "after the work"));
        }
        outcome
    }
}

fn broken(call: PortCall, when: &str) -> Error {
    Error::Unavailable {
        backend: "flaky",
        reason: format!("`{}` was made to fail {when}", call.method),
    }
}
