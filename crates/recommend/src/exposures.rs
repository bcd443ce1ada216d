//! What was shown, written down beside the answer and not in its way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::event::{Event, EventPayload};
use leitmotif_domain::{TenantId, TenantScope};
use leitmotif_storage::ports::{Appended, EventLog};
use parking_lot::Mutex;
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
    stretches: Stretches,
}

/// First and last offset of the newest stretch of each tenant's log that was written here as a whole and
/// holds nothing that a listening state or a catalogue takes in. Whoever is level with what lies before it
/// is level with its end, and need not read back what this process wrote.
type Stretches = Arc<Mutex<HashMap<TenantId, (u64, u64)>>>;

impl ExposureWriter {
    /// Starts the task; it ends, its queue written, when the last door is dropped.
    pub fn start(log: Arc<dyn EventLog>) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let stretches = Stretches::default();
        let task = tokio::spawn(write(log, receiver, Arc::clone(&stretches)));
        (Self { sender, stretches }, task)
    }

    /// How far who is level with `offset` is level, since nothing of interest follows up to there.
    pub fn passed_over(&self, tenant: TenantId, offset: u64) -> u64 {
        let stretch = self.stretches.lock().get(&tenant).copied();
        match stretch {
            Some((first, last)) if (first..=last).contains(&(offset + 1)) => last,
            _ => offset,
        }
    }

    /// Hands an exposure over.
    pub async fn record(&self, scope: &TenantScope, event: Event) {
        if self.sender.send((scope.clone(), event)).await.is_err() {
            tracing::warn!("the exposure writer has stopped, an exposure is not written");
        }
    }
}

async fn write(log: Arc<dyn EventLog>, mut receiver: mpsc::Receiver<Entry>, stretches: Stretches) {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, BATCH_MAX).await > 0 {
        if waiting.len() < BATCH_MAX {
            // Asleep and not waiting for the next: each would wake this task up.
            tokio::time::sleep(LINGER).await;
            let room = BATCH_MAX - waiting.len();
            waiting.extend(std::iter::from_fn(|| receiver.try_recv().ok()).take(room));
        }
        let mut by_tenant: Vec<(TenantScope, Vec<Event>)> = Vec::new();
        for (scope, event) in waiting.drain(..) {
            match by_tenant.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, events)) => events.push(event),
                None => by_tenant.push((scope, vec![event])),
            }
        }
        for (scope, events) in by_tenant {
            let (lost, tenant) = (events.len(), scope.tenant());
            let is_passed_over = events.iter().all(|event| is_passed_over(&event.payload));
            match log.append(&scope, events).await {
                Ok(appended) if is_passed_over => {
                    if let Some(written) = stretch_of(&appended) {
                        let mut stretches = stretches.lock();
                        let stretch = stretches.entry(tenant).or_insert(written);
                        *stretch = joined(*stretch, written);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%tenant, lost, %error, "exposures not written"),
            }
        }
    }
}

/// Whether a payload changes nothing that answers are made from.
fn is_passed_over(payload: &EventPayload) -> bool {
    EventPayload::ANSWER_KINDS.contains(&payload.kind())
}

/// First and last offset of a batch; none where others wrote in between or something was there already.
fn stretch_of(appended: &[Appended]) -> Option<(u64, u64)> {
    let (first, last) = (appended.first()?.offset, appended.last()?.offset);
    let is_whole = (appended.iter().zip(first..)).all(|(one, at)| one.offset == at);
    let is_new = appended.iter().all(|one| !one.is_duplicate);
    (is_whole && is_new).then_some((first, last))
}

/// A stretch with what was written after it, or that alone where something lies between.
fn joined(stretch: (u64, u64), written: (u64, u64)) -> (u64, u64) {
    if stretch.1 + 1 == written.0 {
        (stretch.0, written.1)
    } else {
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_whole_new_and_join() {
        let appended = |offsets: &[u64], is_duplicate| -> Vec<Appended> {
            let one = |offset: &u64| Appended {
                offset: *offset,
                is_duplicate,
            };
            offsets.iter().map(one).collect()
        };
        assert_eq!(stretch_of(&appended(&[4, 5, 6], false)), Some((4, 6)));
        assert_eq!(stretch_of(&appended(&[4, 6], false)), None);
        assert_eq!(stretch_of(&appended(&[4], true)), None);
        assert_eq!(stretch_of(&[]), None);
        assert_eq!(joined((4, 6), (7, 9)), (4, 9));
        assert_eq!(joined((4, 6), (8, 9)), (8, 9));
    }
}
