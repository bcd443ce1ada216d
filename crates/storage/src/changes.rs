//! What the log is told of a change of the catalogue; both backends append it with the change.

use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, EventPayload,
};
use leitmotif_domain::{EventId, Timestamp, TrackId};

use crate::ports::{UpsertOutcome, UpsertResult};

/// The event of an upsert to a track of `artist`, if it changed anything.
pub fn of_upsert(
    result: &UpsertResult,
    artist: &str,
    event_id: EventId,
    now: Timestamp,
) -> Option<Event> {
    let change = match result.outcome {
        UpsertOutcome::Created => CatalogueChange::Added,
        UpsertOutcome::Updated => CatalogueChange::Updated,
        UpsertOutcome::Unchanged => return None,
    };
    let changed = CatalogueChanged {
        track: result.id,
        change,
        artist: Some(artist.to_owned()),
    };
    Some(event(event_id, changed, now))
}

/// The event of a removal.
pub fn of_removal(track: TrackId, event_id: EventId, now: Timestamp) -> Event {
    let changed = CatalogueChanged {
        track,
        change: CatalogueChange::Removed,
        artist: None,
    };
    event(event_id, changed, now)
}

fn event(event_id: EventId, changed: CatalogueChanged, now: Timestamp) -> Event {
    Event {
        event_id,
        occurred_at: now,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::CatalogueChanged(changed),
    }
}
