//! Messages to addresses that a tenant registered: a consumer of the log of its own for each.
//!
//! - Source: Standard Webhooks 1.0, sections on metadata, signatures and operation.

mod deliver;
mod digest;
mod drift;
mod message;
mod notices;
mod position;
mod schedule;
mod signature;
mod target;

use async_trait::async_trait;
use axum::http::Uri;

pub use deliver::{Deliveries, DeliveryParts};
pub use notices::Notices;
pub use position::{DeliveryState, Waiting};
pub use signature::secret_text;
pub use target::{Target, check_address};

/// Whether a consumer of the log is one of those that tell others.
pub fn is_teller(consumer: &str) -> bool {
    position::is_webhook(consumer) || [drift::CONSUMER, digest::CONSUMER].contains(&consumer)
}

/// A request to a receiver.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub url: Uri,
    /// Headers, the signature among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, a JSON document.
    pub body: Vec<u8>,
}

/// Takes messages to their receivers.
///
/// Implementations bound the time and the answer, follow no redirect, and refuse addresses that
/// [`check_address`] refuses, after the name was resolved.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Posts a message and answers with the status; the error says why there was none.
    async fn post(&self, message: Outgoing) -> Result<u16, String>;
}

#[cfg(test)]
mod tests;
