//! The event log as a vector; an offset is a position plus one.

use std::collections::BTreeMap;
use std::collections::HashMap;

use async_trait::async_trait;
use leitmotif_domain::event::{Event, RecordedEvent};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp};

use super::MemoryStorage;
use crate::arguments::{check_event_count, further_already, page_position};
use crate::error::Result;
use crate::ports::{
    Appended, Checkpoint, ConsumerPosition, EventLog, EventSelection, EventSlice, EventWindow,
    StatePart, UsageEntry,
};

/// The log of one tenant.
#[derive(Default)]
pub struct Log {
    events: Vec<RecordedEvent>,
    offsets: HashMap<EventId, u64>,
    checkpoints: BTreeMap<String, Checkpoint>,
    /// By consumer, number and offset.
    parts: BTreeMap<(String, u32, u64), Vec<u8>>,
}

impl Log {
    /// The offset of a checkpoint, 0 for none.
    fn stored_offset(&self, consumer: &str) -> u64 {
        self.checkpoints
            .get(consumer)
            .map_or(0, |stored| stored.offset)
    }

    fn part_bytes(&self, consumer: &str) -> usize {
        let parts = self.parts.iter().filter(|((of, ..), _)| of == consumer);
        parts.map(|(_, state)| state.len()).sum()
    }

    pub(super) fn append(&mut self, event: Event, recorded_at: Timestamp) -> Appended {
        if let Some(&offset) = self.offsets.get(&event.event_id) {
            let is_duplicate = true;
            return Appended {
                offset,
                is_duplicate,
            };
        }
        let offset = self.events.len() as u64 + 1;
        self.offsets.insert(event.event_id, offset);
        self.events.push(RecordedEvent {
            offset,
            recorded_at,
            event,
        });
        Appended {
            offset,
            is_duplicate: false,
        }
    }
}

#[async_trait]
impl EventLog for MemoryStorage {
    async fn append(&self, scope: &TenantScope, events: Vec<Event>) -> Result<Vec<Appended>> {
        check_event_count(events.len())?;
        let now = self.clock.now();
        self.with(scope, |state| {
            let mut metered = 0;
            let appended = events.into_iter().map(|event| {
                let is_metered = event.payload.is_metered();
                let appended = state.log.append(event, now);
                metered += u64::from(is_metered && !appended.is_duplicate);
                appended
            });
            let appended = appended.collect();
            if metered > 0 {
                state.ledger.add(now, vec![UsageEntry::events(metered)]);
            }
            Ok(appended)
        })
    }

    async fn read(
        &self,
        scope: &TenantScope,
        after_offset: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        self.with(scope, |state| {
            let start = usize::try_from(after_offset).unwrap_or(usize::MAX);
            let events = state.log.events.iter().skip(start).take(limit);
            Ok(events.cloned().collect())
        })
    }

    async fn select(
        &self,
        scope: &TenantScope,
        selection: &EventSelection,
        from: u64,
        limit: usize,
    ) -> Result<EventSlice> {
        self.with(scope, |state| {
            let head = state.log.events.len() as u64;
            let is_selected = |one: &&RecordedEvent| {
                let of = |listener| one.event.listener == Some(listener);
                let kind = one.event.payload.kind();
                !selection.leaves_out(kind)
                    && selection.listener.is_none_or(of)
                    && (selection.kind.as_ref()).is_none_or(|wanted| kind == wanted)
            };
            let events: Vec<RecordedEvent> = if selection.is_newest_first {
                let before = state
                    .log
                    .events
                    .iter()
                    .rev()
                    .filter(|one| one.offset < from);
                before.filter(is_selected).take(limit).cloned().collect()
            } else {
                let after = state.log.events.iter().filter(|one| one.offset > from);
                after.filter(is_selected).take(limit).cloned().collect()
            };
            let reached = match events.last() {
                Some(last) if events.len() >= limit => last.offset,
                _ if selection.is_newest_first => 1,
                _ => head.max(from),
            };
            Ok(EventSlice { events, reached })
        })
    }

    async fn head(&self, scope: &TenantScope) -> Result<u64> {
        self.with(scope, |state| Ok(state.log.events.len() as u64))
    }

    async fn of_listener(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        page: &PageRequest,
    ) -> Result<Page<RecordedEvent>> {
        let before = page_position(page, i64::MAX)?;
        self.with(scope, |state| {
            let is_before = |offset: u64| i64::try_from(offset).is_ok_and(|at| at < before);
            let items = state.log.events.iter().rev();
            let items = items
                .filter(|one| one.event.listener == Some(listener) && is_before(one.offset))
                .take(page.limit() + 1)
                .cloned()
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |event| {
                event.offset.to_string()
            }))
        })
    }

    async fn of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        window: &EventWindow,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        self.with(scope, |state| {
            let is_inside = |one: &&RecordedEvent| {
                let at = one.event.occurred_at;
                one.event.listener == Some(listener)
                    && one.event.payload.kind() == window.kind
                    && window.after.is_none_or(|after| at > after)
                    && window.before.is_none_or(|before| at < before)
            };
            let mut found: Vec<&RecordedEvent> =
                state.log.events.iter().filter(is_inside).collect();
            found.sort_by_key(|one| (one.event.occurred_at, one.offset));
            if !window.is_earliest_first {
                found.reverse();
            }
            Ok(found.into_iter().take(limit).cloned().collect())
        })
    }

    async fn event(&self, scope: &TenantScope, id: EventId) -> Result<Option<RecordedEvent>> {
        self.with(scope, |state| {
            let index = state
                .log
                .offsets
                .get(&id)
                .map(|offset| *offset as usize - 1);
            Ok(index.and_then(|index| state.log.events.get(index).cloned()))
        })
    }

    async fn count_of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        kind: &str,
    ) -> Result<u64> {
        self.with(scope, |state| {
            let is_counted = |one: &&RecordedEvent| {
                one.event.listener == Some(listener) && one.event.payload.kind() == kind
            };
            Ok(state.log.events.iter().filter(is_counted).count() as u64)
        })
    }

    async fn checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<Option<Checkpoint>> {
        self.with(scope, |state| {
            Ok(state.log.checkpoints.get(consumer).cloned())
        })
    }

    async fn consumers(&self, scope: &TenantScope) -> Result<Vec<ConsumerPosition>> {
        self.with(scope, |state| {
            let checkpoints = state.log.checkpoints.iter();
            let position = |(consumer, stored): (&String, &Checkpoint)| ConsumerPosition {
                consumer: consumer.clone(),
                offset: stored.offset,
                state_bytes: (stored.state.len() + state.log.part_bytes(consumer)) as u64,
            };
            Ok(checkpoints.map(position).collect())
        })
    }

    async fn save_checkpoint(
        &self,
        scope: &TenantScope,
        consumer: &str,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        self.with(scope, |state| {
            let stored = state.log.checkpoints.get(consumer);
            if stored.is_some_and(|stored| stored.offset > checkpoint.offset) {
                return Err(further_already(consumer));
            }
            let checkpoints = &mut state.log.checkpoints;
            checkpoints.insert(consumer.to_owned(), checkpoint);
            Ok(())
        })
    }

    async fn save_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        offset: u64,
        parts: Vec<StatePart>,
    ) -> Result<()> {
        self.with(scope, |state| {
            if state.log.stored_offset(consumer) >= offset {
                return Err(further_already(consumer));
            }
            let kept = parts
                .into_iter()
                .map(|one| ((consumer.to_owned(), one.part, offset), one.state));
            state.log.parts.extend(kept);
            Ok(())
        })
    }

    async fn commit_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        since: u64,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        self.with(scope, |state| {
            let (log, offset) = (&mut state.log, checkpoint.offset);
            let stored = log.stored_offset(consumer);
            if offset < since || ![since, offset].contains(&stored) {
                return Err(further_already(consumer));
            }
            let checkpoints = &mut log.checkpoints;
            checkpoints.insert(consumer.to_owned(), checkpoint);
            let newest: BTreeMap<u32, u64> = (log.parts.keys())
                .filter(|(of, _, at)| of == consumer && *at <= offset)
                .map(|(_, part, at)| (*part, *at))
                .collect();
            log.parts
                .retain(|(of, part, at), _| of != consumer || newest.get(part) == Some(at));
            Ok(())
        })
    }

    async fn parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        from: u32,
        limit: usize,
    ) -> Result<Vec<StatePart>> {
        self.with(scope, |state| {
            let stored = state.log.stored_offset(consumer);
            // Ascending, so that the last of a number is the newest.
            let mut found: BTreeMap<u32, &Vec<u8>> = BTreeMap::new();
            for ((of, part, at), bytes) in &state.log.parts {
                if of == consumer && *part >= from && *at <= stored {
                    found.insert(*part, bytes);
                }
            }
            let part = |(part, state): (u32, &Vec<u8>)| StatePart {
                part,
                state: state.clone(),
            };
            Ok(found.into_iter().take(limit).map(part).collect())
        })
    }

    async fn drop_checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<()> {
        self.with(scope, |state| {
            state.log.checkpoints.remove(consumer);
            state.log.parts.retain(|(of, ..), _| of != consumer);
            Ok(())
        })
    }
}
