//! What waits for its track, kept level with the log of one tenant.

use std::collections::{BTreeMap, HashMap};

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, Feedback, Listen, ListenOutcome, RecordedEvent,
    RecordingFeedback, Scrobble,
};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::TrackRef;
use leitmotif_domain::{EventId, ListenerId, RecordingId, TenantScope, Timestamp, TrackId, limits};
use leitmotif_storage::ports::{CatalogStore, Checkpoint, EventLog, EventSelection, TrackFilter};
use serde::{Deserialize, Serialize};

use super::matching::{MatchIndex, Words};
use crate::error::Result;

/// The name under which the state is stored; it exists for tenants that scrobble only.
pub const CONSUMER: &str = "scrobbles-1";
/// Where a listen says that it came from when its scrobble does not.
const SOURCE: &str = "scrobble";
/// Events read at once.
const READ_BATCH: usize = 5_000;
/// Events after which the state is written down: what a start has to read again.
const EVENTS_PER_CHECKPOINT: u64 = 20_000;
/// Waiting reports looked at before other work gets its turn; each costs a few microseconds.
const REPORTS_PER_TURN: usize = 64;
/// The namespace of MusicBrainz recordings.
pub const MUSICBRAINZ: &str = "musicbrainz";

/// A report whose track is not known yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    listener: ListenerId,
    at: Timestamp,
    what: Report,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Report {
    Listen(Scrobble),
    Feedback(RecordingFeedback),
}

/// What is stored between two starts.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    /// By the id of the event the report will become.
    waiting: BTreeMap<EventId, Waiting>,
    /// The tracks that scrobbled recordings turned out to be.
    tracks: BTreeMap<RecordingId, TrackId>,
}

/// The reports and the catalogue of a tenant up to a log offset.
#[derive(Default)]
pub struct Follower {
    is_open: bool,
    offset: u64,
    checkpointed: u64,
    stored: Stored,
    words: HashMap<EventId, Words>,
    index: MatchIndex,
    /// Tracks that changed and that nothing was tried on yet.
    changed: Vec<TrackId>,
}

/// Where the follower reads and writes.
pub struct Sources<'s> {
    pub store: &'s dyn CatalogStore,
    pub log: &'s dyn EventLog,
    pub scope: &'s TenantScope,
}

impl Follower {
    /// Whether it has been opened.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Brings the state level with the log. Whatever waits for a track that came becomes a listen
    /// or a judgement.
    ///
    /// - Cost: the log's new events; on opening all tracks once, and the log since the checkpoint.
    pub async fn follow(&mut self, sources: &Sources<'_>) -> Result<()> {
        let is_first = !self.is_open;
        if is_first {
            self.open(sources).await?;
        }
        self.read_on(sources).await?;
        let changed = std::mem::take(&mut self.changed);
        let mut arrived = MatchIndex::default();
        for ids in changed.chunks(READ_BATCH) {
            ids.iter().for_each(|id| self.index.remove(*id));
            for track in sources.store.tracks(sources.scope, ids).await? {
                self.index.put(&track);
                arrived.put(&track);
            }
        }
        if is_first || !changed.is_empty() {
            let waiting: Vec<EventId> = self.stored.waiting.keys().copied().collect();
            let only = (!is_first).then_some(&arrived);
            self.resolve(sources, &waiting, only).await?;
        }
        if self.offset.saturating_sub(self.checkpointed) >= EVENTS_PER_CHECKPOINT {
            self.checkpoint(sources).await?;
        }
        Ok(())
    }

    /// Appends the events that reports become whose track is known, and takes them in. `reports`
    /// names them by the events they become; `arrived` limits the look to these tracks.
    pub async fn resolve(
        &mut self,
        sources: &Sources<'_>,
        reports: &[EventId],
        arrived: Option<&MatchIndex>,
    ) -> Result<()> {
        let mut events = Vec::new();
        for part in reports.chunks(REPORTS_PER_TURN) {
            for id in part {
                let Some(waiting) = self.stored.waiting.get(id) else {
                    continue;
                };
                if let Some(track) = self.track_of(sources, *id, waiting, arrived).await? {
                    let length_ms = self.index.duration_ms(track);
                    events.push(event_of(*id, waiting, (track, length_ms)));
                }
            }
            // One commit for many: each costs a flush of the disk.
            if events.len() >= limits::EVENTS_PER_BATCH_MAX - REPORTS_PER_TURN {
                let full = std::mem::take(&mut events);
                sources.log.append(sources.scope, full).await?;
            }
            tokio::task::yield_now().await;
        }
        if !events.is_empty() {
            sources.log.append(sources.scope, events).await?;
        }
        self.read_on(sources).await
    }

    /// The track of a scrobble that nobody has reported yet.
    pub async fn find(
        &self,
        sources: &Sources<'_>,
        scrobble: &Scrobble,
    ) -> Result<Option<TrackId>> {
        let found = resolve_external(sources, &scrobble.external_ids).await?;
        Ok(found.or_else(|| self.index.find(&words_of(scrobble))))
    }

    /// Whether the report that will become this event waits for its track.
    pub fn is_waiting(&self, becoming: EventId) -> bool {
        self.stored.waiting.contains_key(&becoming)
    }

    /// The track that a scrobbled recording turned out to be.
    pub fn track_of_recording(&self, recording: RecordingId) -> Option<TrackId> {
        self.stored.tracks.get(&recording).copied()
    }

    /// The state with its offset, as it is stored.
    pub fn encode(&self) -> Result<Checkpoint> {
        let state = serde_json::to_vec(&self.stored).map_err(leitmotif_storage::Error::from)?;
        Ok(Checkpoint {
            offset: self.offset,
            state,
        })
    }

    /// Builds the state anew from the first event up to an offset. Nothing is resolved on the way:
    /// what was resolved is in the log.
    pub async fn replay(sources: &Sources<'_>, through_offset: u64) -> Result<Self> {
        let mut follower = Self::default();
        while follower.offset < through_offset {
            let left = through_offset - follower.offset;
            let batch = READ_BATCH.min(usize::try_from(left).unwrap_or(READ_BATCH));
            let (log, scope) = (sources.log, sources.scope);
            let events = log.read(scope, follower.offset, batch).await?;
            let Some(last) = events.last() else {
                break;
            };
            let last_offset = last.offset;
            events.iter().for_each(|event| follower.take(event));
            follower.offset = last_offset;
        }
        Ok(follower)
    }

    /// Stores the state with its offset.
    pub async fn checkpoint(&mut self, sources: &Sources<'_>) -> Result<()> {
        let checkpoint = self.encode()?;
        let log = sources.log;
        log.save_checkpoint(sources.scope, CONSUMER, checkpoint)
            .await?;
        self.checkpointed = self.offset;
        Ok(())
    }

    async fn open(&mut self, sources: &Sources<'_>) -> Result<()> {
        *self = Self::default();
        if let Some(checkpoint) = sources.log.checkpoint(sources.scope, CONSUMER).await?
            // A state that does not read is rebuilt: the log has everything.
            && let Ok(stored) = serde_json::from_slice::<Stored>(&checkpoint.state)
        {
            self.stored = stored;
            self.offset = checkpoint.offset;
            self.checkpointed = checkpoint.offset;
        }
        for (id, waiting) in &self.stored.waiting {
            if let Report::Listen(scrobble) = &waiting.what {
                self.words.insert(*id, words_of(scrobble));
            }
        }
        let mut page = PageRequest::largest();
        loop {
            let filter = TrackFilter::default();
            let store = sources.store;
            let found = store.list_tracks(sources.scope, &filter, &page).await?;
            found.items.iter().for_each(|track| self.index.put(track));
            match found.next {
                Some(after) => page = page.following(after),
                None => break,
            }
        }
        self.is_open = true;
        Ok(())
    }

    /// Takes the log's new events in.
    async fn read_on(&mut self, sources: &Sources<'_>) -> Result<()> {
        let (log, scope) = (sources.log, sources.scope);
        let selection = EventSelection::without_answers();
        while self.offset < log.head(scope).await? {
            let read = log.select(scope, &selection, self.offset, READ_BATCH);
            let slice = read.await?;
            slice.events.iter().for_each(|event| self.take(event));
            self.offset = slice.reached;
        }
        Ok(())
    }

    fn take(&mut self, recorded: &RecordedEvent) {
        let event = &recorded.event;
        match &event.payload {
            EventPayload::Scrobble(scrobble) => {
                self.wait(event, Report::Listen(scrobble.clone()));
            }
            EventPayload::RecordingFeedback(feedback) => {
                self.wait(event, Report::Feedback(feedback.clone()));
            }
            EventPayload::Listen(listen) => {
                if let Some(waiting) = self.forget(event.event_id)
                    && let Report::Listen(scrobble) = waiting.what
                {
                    self.stored.tracks.insert(scrobble.recording, listen.track);
                }
            }
            EventPayload::Feedback(_) => drop(self.forget(event.event_id)),
            EventPayload::ScrobbleDeleted(deleted) => {
                self.forget(Scrobble::resolved_event_id(deleted.scrobble));
            }
            EventPayload::CatalogueChanged(change) => self.changed.push(change.track),
            _ => {}
        }
    }

    fn wait(&mut self, event: &Event, what: Report) {
        let Some(listener) = event.listener else {
            return;
        };
        let id = Scrobble::resolved_event_id(event.event_id);
        if let Report::Listen(scrobble) = &what {
            self.words.insert(id, words_of(scrobble));
        }
        let at = event.occurred_at;
        self.stored
            .waiting
            .insert(id, Waiting { listener, at, what });
        if self.stored.waiting.len() > limits::WAITING_REPORTS_MAX {
            // The log keeps it; only its track is looked for no longer.
            if let Some((oldest, _)) = self.stored.waiting.pop_first() {
                self.words.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, id: EventId) -> Option<Waiting> {
        self.words.remove(&id);
        self.stored.waiting.remove(&id)
    }

    async fn track_of(
        &self,
        sources: &Sources<'_>,
        id: EventId,
        waiting: &Waiting,
        arrived: Option<&MatchIndex>,
    ) -> Result<Option<TrackId>> {
        let external_ids = match &waiting.what {
            Report::Listen(scrobble) => scrobble.external_ids.clone(),
            Report::Feedback(feedback) => {
                let mbid = feedback.recording_mbid.clone();
                mbid.map(|mbid| (MUSICBRAINZ.to_owned(), mbid))
                    .into_iter()
                    .collect()
            }
        };
        if !external_ids.is_empty()
            && let Some(track) = resolve_external(sources, &external_ids).await?
        {
            return Ok(Some(track));
        }
        if let Report::Feedback(feedback) = &waiting.what {
            let recording = feedback.recording;
            return Ok(recording.and_then(|recording| self.track_of_recording(recording)));
        }
        let Some(words) = self.words.get(&id) else {
            return Ok(None);
        };
        let is_worth_a_look = arrived.is_none_or(|tracks| tracks.find(words).is_some());
        Ok(if is_worth_a_look {
            self.index.find(words)
        } else {
            None
        })
    }
}

async fn resolve_external(
    sources: &Sources<'_>,
    external_ids: &BTreeMap<String, String>,
) -> Result<Option<TrackId>> {
    let references: Vec<TrackRef> = external_ids
        .iter()
        .map(|(namespace, value)| TrackRef::External {
            namespace: namespace.clone(),
            value: value.clone(),
        })
        .collect();
    if references.is_empty() {
        return Ok(None);
    }
    let found = sources.store.resolve(sources.scope, &references).await?;
    Ok(found.into_iter().flatten().next())
}

fn words_of(scrobble: &Scrobble) -> Words {
    let album = scrobble.album.as_deref();
    Words::new(
        &scrobble.title,
        &scrobble.artist,
        album,
        scrobble.duration_ms,
    )
}

/// The event that a report becomes. Where the report does not know how long the track is, the
/// catalogue does: without a length a skip after three minutes would count like one at the start.
fn event_of(id: EventId, waiting: &Waiting, (track, length_ms): (TrackId, Option<u32>)) -> Event {
    let payload = match &waiting.what {
        Report::Listen(scrobble) => EventPayload::Listen(Listen {
            track,
            played_ms: scrobble.played_ms,
            track_ms: scrobble.duration_ms.or(length_ms),
            outcome: scrobble.outcome.unwrap_or(ListenOutcome::Completed),
            source: Some(scrobble.source.clone().unwrap_or(SOURCE.to_owned())),
            request_id: None,
            device: None,
            activity: None,
            zone: None,
            cell: None,
            reason: scrobble.reason.clone(),
            private: scrobble.private,
        }),
        Report::Feedback(feedback) => EventPayload::Feedback(Feedback {
            track,
            opinion: feedback.opinion,
        }),
    };
    Event {
        event_id: id,
        occurred_at: waiting.at,
        listener: Some(waiting.listener),
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::event::Opinion;

    use super::*;

    fn told(id: u128) -> Event {
        Event {
            event_id: EventId::from_u128(id),
            occurred_at: Timestamp::from_ms(0),
            listener: Some(ListenerId::from_u128(1)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload: EventPayload::RecordingFeedback(feedback()),
        }
    }

    fn feedback() -> RecordingFeedback {
        RecordingFeedback {
            recording_mbid: None,
            recording: None,
            opinion: Opinion::Like,
        }
    }

    #[test]
    fn waiting_reports_are_bounded() {
        let mut follower = Follower::default();
        for id in 0..limits::WAITING_REPORTS_MAX as u128 {
            follower.wait(&told(id), Report::Feedback(feedback()));
        }
        assert_eq!(follower.stored.waiting.len(), limits::WAITING_REPORTS_MAX);
        follower.wait(&told(u128::MAX), Report::Feedback(feedback()));
        assert_eq!(follower.stored.waiting.len(), limits::WAITING_REPORTS_MAX);
    }
}
