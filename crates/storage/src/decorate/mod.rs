//! Wrappers around ports: retries, time limits, counts, and failures made on purpose.
//!
//! Each wrapper takes any backend of a port and is that port again, so they nest:
//! `Metered(Retry(Timeout(remote)))`. One list of methods serves them all.

mod flaky;
mod forward;
mod metered;
mod retry;
mod timeout;

pub use flaky::{Flaky, FlakyOptions};
pub use metered::{Metered, PortMeter};
pub use retry::{Retry, RetryOptions};
pub use timeout::Timeout;

/// One call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortCall {
    /// The port: `EventLog`.
    pub port: &'static str,
    /// The method: `append`.
    pub method: &'static str,
    /// Whether the backend ends in the same state when it does the work twice. The second answer may
    /// still say so: an append is then a duplicate, a removal finds nothing.
    pub is_repeatable: bool,
}
