//! Where a webhook is in the log, and what its deliveries came to.

use leitmotif_domain::webhook::Webhook;
use leitmotif_domain::{TenantScope, Timestamp, WebhookId};
use leitmotif_storage::Error;
use leitmotif_storage::ports::{Checkpoint, EventLog};
use serde::{Deserialize, Serialize};

/// What the names of their consumers begin with.
const PREFIX: &str = "webhook-";

/// Name of the consumer that delivers to a webhook.
pub fn consumer_of(webhook: WebhookId) -> String {
    format!("{PREFIX}{webhook}")
}

/// Whether a consumer is a webhook's.
pub fn is_webhook(consumer: &str) -> bool {
    consumer.starts_with(PREFIX)
}

/// What the deliveries of a webhook came to; stored with the position in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryState {
    /// Messages that the receiver took.
    pub delivered: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// Those of them since the last that was taken.
    pub given_up_in_row: u32,
    /// When the receiver last took a message.
    pub last_delivered_at: Option<Timestamp>,
    /// The message that failed and is tried again.
    pub waiting: Option<Waiting>,
}

/// A message that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Attempts made.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// Why the last attempt failed.
    pub error: String,
}

/// Where a webhook is in the log.
#[derive(Debug, Clone, Default)]
pub struct Position {
    /// The last event that needs nothing any more.
    pub offset: u64,
    /// The offset that is written down.
    pub stored: u64,
    /// What was done.
    pub state: DeliveryState,
}

impl Position {
    /// Whether there is something to do.
    pub fn is_due(&self, head: u64, now: Timestamp) -> bool {
        let has_waited = |waiting: &Waiting| waiting.next_at <= now;
        self.offset < head && self.state.waiting.as_ref().is_none_or(has_waited)
    }

    /// Reads a stored position; before the first, the webhook's beginning.
    pub async fn read(
        log: &dyn EventLog,
        scope: &TenantScope,
        webhook: &Webhook,
    ) -> Result<Self, Error> {
        let stored = log.checkpoint(scope, &consumer_of(webhook.id)).await?;
        let Some(stored) = stored else {
            return Ok(Self {
                offset: webhook.after_offset,
                stored: webhook.after_offset,
                state: DeliveryState::default(),
            });
        };
        let state = serde_json::from_slice(&stored.state).map_err(|error| Error::Corrupt {
            reason: format!("the state of webhook `{}`: {error}", webhook.id),
        })?;
        Ok(Self {
            offset: stored.offset,
            stored: stored.offset,
            state,
        })
    }

    /// Writes the position down.
    pub async fn store(
        &mut self,
        log: &dyn EventLog,
        scope: &TenantScope,
        webhook: WebhookId,
    ) -> Result<(), Error> {
        let state = serde_json::to_vec(&self.state).map_err(Error::bug)?;
        let checkpoint = Checkpoint {
            offset: self.offset,
            state,
        };
        let consumer = consumer_of(webhook);
        log.save_checkpoint(scope, &consumer, checkpoint).await?;
        self.stored = self.offset;
        Ok(())
    }
}
