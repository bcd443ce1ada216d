//! What was shown, written down beside the answer and not in its way.

use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::TenantScope;
use leitmotif_domain::event::Event;
use leitmotif_storage::ports::EventLog;
use tokio::sync::mpsc;

/// Exposures waiting to be written; at the bound, answers wait for the log instead of losing one.
const QUEUE_MAX: usize = 4_096;
/// Exposures of one tenant written together.
const BATCH_MAX: usize = 256;
/// How long the first exposure of a batch waits for company. Each batch costs one durable write and one
/// reading of the log; nobody waits for an exposure, and one that a crash takes was never acknowledged.
const LINGER: Duration = Duration::from_millis(20);

type Entry = (TenantScope, Event);

/// The door to the task that writes exposures.
#[derive(Clone)]
pub struct ExposureWriter {
    sender: mpsc::Sender<Entry>,
}

impl ExposureWriter {
    /// Starts the task; it ends, its queue written, when the last door is dropped.
    pub fn start(log: Arc<dyn EventLog>) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(write(log, receiver));
        (Self { sender }, task)
    }

    /// Hands an exposure over.
    pub async fn record(&self, scope: &TenantScope, event: Event) {
        if self.sender.send((scope.clone(), event)).await.is_err() {
            tracing::warn!("the exposure writer has stopped, an exposure is not written");
        }
    }
}

async fn write(log: Arc<dyn EventLog>, mut receiver: mpsc::Receiver<Entry>) {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, BATCH_MAX).await > 0 {
        let until = tokio::time::Instant::now() + LINGER;
        while waiting.len() < BATCH_MAX {
            let room = BATCH_MAX - waiting.len();
            let more = receiver.recv_many(&mut waiting, room);
            if !matches!(tokio::time::timeout_at(until, more).await, Ok(1..)) {
                break;
            }
        }
        let mut by_tenant: Vec<(TenantScope, Vec<Event>)> = Vec::new();
        for (scope, event) in waiting.drain(..) {
            match by_tenant.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, events)) => events.push(event),
                None => by_tenant.push((scope, vec![event])),
            }
        }
        for (scope, events) in by_tenant {
            let lost = events.len();
            if let Err(error) = log.append(&scope, events).await {
                tracing::warn!(tenant = %scope.tenant(), lost, %error, "exposures not written");
            }
        }
    }
}
