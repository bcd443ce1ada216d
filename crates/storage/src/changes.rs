//! What the log is told of a change of the catalogue; both backends append it with the change.

use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, EventPayload,
};
use leitmotif_domain::{EventId, Timestamp, TrackId};

use crate::ports::{UpsertOutcome, UpsertResult};

/// The event of an upsert, if it changed anything.
pub fn of_upsert(result: &UpsertResult, event_id: EventId, now: Timestamp) -> Option<Event> {
    let change = match result.outcome {
        UpsertOutcome::Created => CatalogueChange::Added,
        UpsertOutcome::Updated => CatalogueChange::Updated,
        UpsertOutcome::Unchanged => return None,
    };
    Some(event(event_id, result.id, change, now))
}

/// The event of a change.
pub fn event(event_id: EventId, track: TrackId, change: CatalogueChange, now: Timestamp) -> Event {
    Event {
        event_id,
        occurred_at: now,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::CatalogueChanged(CatalogueChanged { track, change }),
    }
}
