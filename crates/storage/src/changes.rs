//! What the log is told of changes of the catalogue and of definitions; both backends append it with the
//! change.

use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, DefinitionChanged, EVENT_SCHEMA_VERSION, Event, EventPayload,
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
    let payload = EventPayload::CatalogueChanged(changed);
    Some(event(event_id, payload, now))
}

/// The event of a removal.
pub fn of_removal(track: TrackId, event_id: EventId, now: Timestamp) -> Event {
    let changed = CatalogueChanged {
        track,
        change: CatalogueChange::Removed,
        artist: None,
    };
    event(event_id, EventPayload::CatalogueChanged(changed), now)
}

/// The event of other shares of a definition.
pub fn of_shares(kind: DefinitionKind, name: &str, event_id: EventId, now: Timestamp) -> Event {
    let changed = DefinitionChanged {
        definition: kind,
        name: name.to_owned(),
    };
    event(event_id, EventPayload::DefinitionChanged(changed), now)
}

fn event(event_id: EventId, payload: EventPayload, now: Timestamp) -> Event {
    Event {
        event_id,
        occurred_at: now,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    }
}
