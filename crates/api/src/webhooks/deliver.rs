//! The consumers of the log that deliver messages: one for each webhook, with a checkpoint of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::chance::Entropy;
use leitmotif_domain::event::RecordedEvent;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::webhook::{DeadLetter, NoticeKind, Pause, Webhook, notice};
use leitmotif_domain::{Clock, EventId, TenantId, TenantScope, WebhookId, limits};
use leitmotif_ingest::jobs::TenantDirectory;
use leitmotif_storage::Error;
use leitmotif_storage::ports::{EventLog, WebhookStore};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::message::outgoing;
use super::position::{DeliveryState, Position, Waiting, consumer_of};
use super::schedule::wait_ms;
use super::{Courier, Outgoing};
use crate::metrics::DeliveryLabels;

/// Time between two looks for something to deliver.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Events read at once.
const READ_BATCH: usize = 500;
/// Messages of one webhook before others have their turn.
const TURN_MESSAGES: usize = 100;
/// Events without a message after which the position is written down: what a start reads again.
const EVENTS_PER_CHECKPOINT: u64 = 20_000;
/// What a receiver answers that wants no more messages: 410 Gone, by Standard Webhooks.
const GONE: u16 = 410;

/// What deliveries need.
pub struct DeliveryParts {
    /// Who is told, and what could not be told.
    pub webhooks: Arc<dyn WebhookStore>,
    /// What happened.
    pub log: Arc<dyn EventLog>,
    /// Takes messages to their receivers.
    pub courier: Arc<dyn Courier>,
    /// Whose webhooks.
    pub directory: Arc<TenantDirectory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for the jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Attempts by outcome.
    pub outcomes: Family<DeliveryLabels, Counter>,
}

/// Delivers messages.
///
/// - Ordering: by offset for each webhook; a message that fails keeps those behind it waiting.
/// - At least once: a position is written down after its message was taken. A receiver knows a message that
///   comes again by its id.
/// - A receiver that hangs costs one of [`limits::DELIVERIES_PER_TENANT_MAX`] tasks of its tenant and nothing
///   else: nobody waits for a delivery.
pub struct Deliveries {
    parts: DeliveryParts,
    under_way: Mutex<HashSet<(TenantId, WebhookId)>>,
    /// Positions as reached in memory; the stored ones may be behind where nothing was delivered.
    reached: Mutex<HashMap<WebhookId, Position>>,
}

impl Deliveries {
    /// Starts with nothing under way.
    pub fn new(parts: DeliveryParts) -> Self {
        Self {
            parts,
            under_way: Mutex::default(),
            reached: Mutex::default(),
        }
    }

    /// Delivers until `stop` turns true. What is under way then is sent again at the next start.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        while !*stop.borrow() {
            for scope in self.parts.directory.scopes() {
                if let Err(error) = self.begin(&scope, &mut tasks).await {
                    tracing::warn!(tenant = %scope.tenant(), %error, "webhooks are not looked at");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.changed() => {}
            }
            while tasks.try_join_next().is_some() {}
        }
        tasks.shutdown().await;
    }

    /// Starts the deliveries of a tenant that are due and may run beside the others.
    async fn begin(
        self: &Arc<Self>,
        scope: &TenantScope,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), Error> {
        let page = PageRequest::largest();
        let listed = self.parts.webhooks.list_webhooks(scope, &page).await?;
        if listed.items.is_empty() {
            return Ok(());
        }
        let (head, now) = (self.parts.log.head(scope).await?, self.parts.clock.now());
        for webhook in listed.items {
            if webhook.pause.is_some() || !self.position(scope, &webhook).await?.is_due(head, now) {
                continue;
            }
            let Some(turn) = Turn::take(self, scope, webhook.id) else {
                continue;
            };
            let scope = scope.clone();
            tasks.spawn(async move {
                let delivered = turn.deliveries.advance(&scope, &webhook).await;
                let forgotten = turn.deliveries.forget_removed(&scope, webhook.id).await;
                if let Err(error) = delivered.and(forgotten) {
                    tracing::warn!(webhook = %webhook.id, %error, "a webhook does not go on");
                }
            });
        }
        Ok(())
    }

    /// Whether nothing is under way.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.lock().is_empty()
    }

    /// Delivers what is due to one webhook, in order, until it is level with the log, has to wait, or had
    /// its turn.
    ///
    /// - Errors: those of the stores; what the receiver does is no error.
    pub async fn advance(&self, scope: &TenantScope, webhook: &Webhook) -> Result<(), Error> {
        let mut position = self.position(scope, webhook).await?;
        let mut messages = 0;
        while messages < TURN_MESSAGES {
            let read = self.parts.log.read(scope, position.offset, READ_BATCH);
            let events = read.await?;
            let Some(last) = events.last().map(|event| event.offset) else {
                break;
            };
            let wanted = |event: &RecordedEvent| {
                NoticeKind::of_event(event).filter(|kind| webhook.wants(*kind))
            };
            for event in &events {
                let Some(kind) = wanted(event) else { continue };
                messages += 1;
                if !self
                    .tell(scope, webhook, (kind, event), &mut position)
                    .await?
                {
                    return Ok(());
                }
            }
            position.offset = last;
            if position.offset - position.stored >= EVENTS_PER_CHECKPOINT {
                position
                    .store(self.parts.log.as_ref(), scope, webhook.id)
                    .await?;
            }
            self.keep(webhook.id, &position);
        }
        Ok(())
    }

    /// Sends one message once, whatever became of it before, for a person who waits for the outcome.
    ///
    /// - Errors: why the receiver did not take it.
    pub async fn send_once(
        &self,
        webhook: &Webhook,
        kind: NoticeKind,
        event: &RecordedEvent,
    ) -> Result<(), String> {
        let message = outgoing(webhook, kind, event, self.parts.clock.now())?;
        self.post(message).await.map_err(|(reason, _)| reason)
    }

    /// The stored state of a webhook, with the offset it holds at.
    pub async fn state_of(
        &self,
        scope: &TenantScope,
        webhook: &Webhook,
    ) -> Result<(u64, DeliveryState), Error> {
        let position = self.position(scope, webhook).await?;
        Ok((position.offset, position.state))
    }

    /// Forgets a webhook that was removed.
    pub async fn forget(&self, scope: &TenantScope, webhook: WebhookId) -> Result<(), Error> {
        self.reached.lock().remove(&webhook);
        let consumer = consumer_of(webhook);
        self.parts.log.drop_checkpoint(scope, &consumer).await
    }

    /// Forgets a webhook that was removed while a delivery to it was under way, which wrote its position down once
    /// more.
    async fn forget_removed(&self, scope: &TenantScope, webhook: WebhookId) -> Result<(), Error> {
        if self.parts.webhooks.webhook(scope, webhook).await?.is_some() {
            return Ok(());
        }
        self.forget(scope, webhook).await
    }

    /// Tries a message and says whether the next may follow.
    async fn tell(
        &self,
        scope: &TenantScope,
        webhook: &Webhook,
        (kind, event): (NoticeKind, &RecordedEvent),
        position: &mut Position,
    ) -> Result<bool, Error> {
        let tried = position.state.waiting.take();
        let now = self.parts.clock.now();
        if let Some(waiting) = tried.as_ref().filter(|waiting| waiting.next_at > now) {
            position.state.waiting = Some(waiting.clone());
            return Ok(false);
        }
        let attempts = tried.map_or(0, |waiting| waiting.attempts) + 1;
        let sent = match outgoing(webhook, kind, event, now) {
            Ok(message) => self.post(message).await,
            Err(reason) => Err((reason, None)),
        };
        let mut may_go_on = true;
        match sent {
            Ok(()) => {
                position.state.delivered += 1;
                position.state.given_up_in_row = 0;
                position.state.last_delivered_at = Some(self.parts.clock.now());
                position.offset = event.offset;
            }
            Err((error, status)) => {
                let is_gone = status == Some(GONE);
                if attempts < limits::DELIVERY_ATTEMPTS_MAX && !is_gone {
                    let wait = wait_ms(attempts, self.parts.entropy.next_u128());
                    position.state.waiting = Some(Waiting {
                        attempts,
                        next_at: self.parts.clock.now().plus_ms(wait),
                        error,
                    });
                    // Just before the event, so that the wait is found at it again.
                    position.offset = event.offset - 1;
                    may_go_on = false;
                } else {
                    let letter = DeadLetter {
                        webhook: webhook.id,
                        offset: event.offset,
                        event_id: event.event.event_id,
                        kind,
                        attempts,
                        error,
                        failed_at: self.parts.clock.now(),
                    };
                    may_go_on = !self.give_up(scope, letter, is_gone, position).await?;
                }
            }
        }
        position
            .store(self.parts.log.as_ref(), scope, webhook.id)
            .await?;
        self.keep(webhook.id, position);
        Ok(may_go_on)
    }

    /// Puts a message among the dead letters and says whether its webhook is paused now.
    async fn give_up(
        &self,
        scope: &TenantScope,
        letter: DeadLetter,
        is_gone: bool,
        position: &mut Position,
    ) -> Result<bool, Error> {
        self.count("given_up");
        let state = &mut position.state;
        state.given_up += 1;
        state.given_up_in_row += 1;
        position.offset = letter.offset;
        let (webhook, offset) = (letter.webhook, letter.offset);
        let reason = match is_gone {
            true => "the receiver answered 410 Gone".to_owned(),
            false => format!(
                "{} messages in a row were given up; the last: {}",
                state.given_up_in_row, letter.error
            ),
        };
        let is_paused = is_gone || state.given_up_in_row >= limits::DELIVERY_FAILURES_MAX;
        self.parts.webhooks.put_dead_letter(scope, letter).await?;
        if is_paused {
            // When somebody lets it go on, it has all its attempts again.
            state.given_up_in_row = 0;
            self.pause(scope, webhook, offset, reason).await?;
        }
        Ok(is_paused)
    }

    async fn pause(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
        reason: String,
    ) -> Result<(), Error> {
        let at = self.parts.clock.now();
        tracing::warn!(%webhook, reason, "a webhook is paused");
        let id = EventId::derive(&[
            b"webhook paused",
            &webhook.as_u128().to_be_bytes(),
            &offset.to_be_bytes(),
        ]);
        let detail = json!({ "webhook": webhook });
        let event = notice(NoticeKind::WebhookPaused, id, at, reason.clone(), detail);
        self.parts.log.append(scope, vec![event]).await?;
        let pause = Some(Pause { at, reason });
        let store = &self.parts.webhooks;
        store.pause_webhook(scope, webhook, pause).await?;
        Ok(())
    }

    /// Posts a message; the error says why it was not taken, with the status where there was one.
    async fn post(&self, message: Outgoing) -> Result<(), (String, Option<u16>)> {
        let wait = Duration::from_millis(limits::DELIVERY_MS_MAX);
        let answer = tokio::time::timeout(wait, self.parts.courier.post(message)).await;
        let outcome = match answer {
            Ok(Ok(200..=299)) => Ok(()),
            Ok(Ok(status)) => Err((format!("the receiver answered {status}"), Some(status))),
            Ok(Err(reason)) => Err((reason, None)),
            Err(_) => Err((format!("no answer in {} s", wait.as_secs()), None)),
        };
        self.count(if outcome.is_ok() { "taken" } else { "failed" });
        outcome
    }

    fn count(&self, outcome: &'static str) {
        self.parts
            .outcomes
            .get_or_create(&DeliveryLabels { outcome })
            .inc();
    }

    async fn position(&self, scope: &TenantScope, webhook: &Webhook) -> Result<Position, Error> {
        if let Some(known) = self.reached.lock().get(&webhook.id) {
            return Ok(known.clone());
        }
        let position = Position::read(self.parts.log.as_ref(), scope, webhook).await?;
        self.keep(webhook.id, &position);
        Ok(position)
    }

    fn keep(&self, webhook: WebhookId, position: &Position) {
        self.reached.lock().insert(webhook, position.clone());
    }
}

/// The right to deliver to a webhook: nobody else does meanwhile.
struct Turn {
    deliveries: Arc<Deliveries>,
    of: (TenantId, WebhookId),
}

impl Turn {
    fn take(deliveries: &Arc<Deliveries>, scope: &TenantScope, webhook: WebhookId) -> Option<Self> {
        let of = (scope.tenant(), webhook);
        let mut under_way = deliveries.under_way.lock();
        let own = under_way.iter().filter(|(tenant, _)| *tenant == of.0);
        if own.count() >= limits::DELIVERIES_PER_TENANT_MAX
            || under_way.len() >= limits::DELIVERIES_MAX
            || !under_way.insert(of)
        {
            return None;
        }
        Some(Self {
            deliveries: Arc::clone(deliveries),
            of,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.deliveries.under_way.lock().remove(&self.of);
    }
}
