//! Listens told in words: kept as they were told, counted once, and tied to a track now or later.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, ListenOutcome, RecordedEvent, Scrobble,
    ScrobbleDeleted,
};
use leitmotif_domain::track::check_text;
use leitmotif_domain::{
    Clock, EventId, ListenerId, RecordingId, TenantId, TenantScope, Timestamp, TrackId,
};
use leitmotif_storage::ports::{CatalogStore, Checkpoint, EventLog, EventWindow};
use parking_lot::Mutex;

use super::announcements::Announcements;
use super::follower::{CONSUMER, Follower, Sources};
use super::names::folded;
use crate::error::Result;

/// A play as a scrobbler tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedListen {
    /// When the track started.
    pub at: Timestamp,
    /// Title.
    pub title: String,
    /// Artist.
    pub artist: String,
    /// Release.
    pub album: Option<String>,
    /// Length of the track in milliseconds.
    pub duration_ms: Option<u32>,
    /// Ids elsewhere, by namespace.
    pub external_ids: BTreeMap<String, String>,
    /// How the play ended, where the sender knows more than that it was heard.
    pub ending: Ending,
    /// Everything that was said, to be given back.
    pub metadata: serde_json::Value,
}

/// How a told play ended, as far as the sender knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// How it ended; heard to the end when it is not said.
    pub outcome: Option<ListenOutcome>,
    /// Milliseconds heard.
    pub played_ms: Option<u32>,
    /// Where the play was recorded, for example `spotify`.
    pub source: Option<String>,
    /// Why it ended, in the sender's words.
    pub reason: Option<String>,
    /// A private session: kept, never learnt from.
    pub is_private: bool,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Scrobbles that are new.
    pub written: u64,
    /// Scrobbles that were there already.
    pub duplicates: u64,
    /// New scrobbles whose track is known, so that they are listens now.
    pub matched: u64,
    /// The recordings, in the order of the report.
    pub recordings: Vec<RecordingId>,
}

/// Scrobbles of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct ListensPage {
    /// The scrobbles, the latest first.
    pub scrobbles: Vec<RecordedEvent>,
    /// The moment of the listener's latest scrobble.
    pub latest: Option<Timestamp>,
    /// The moment of the earliest.
    pub oldest: Option<Timestamp>,
}

/// The recording that words name: case, accents and punctuation do not count.
pub fn recording_id(title: &str, artist: &str) -> RecordingId {
    RecordingId::derive(&[folded(title).as_bytes(), folded(artist).as_bytes()])
}

/// Takes scrobbles in and answers what was scrobbled.
pub struct ScrobbleLog {
    pub(super) store: Arc<dyn CatalogStore>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    tenants: Mutex<HashMap<TenantId, Arc<Slot>>>,
}

#[derive(Default)]
pub(super) struct Slot {
    /// Held by whoever reads the log on or adds to it.
    pub(super) follower: tokio::sync::Mutex<Follower>,
    pub(super) announcements: Mutex<Announcements>,
    /// Held by whoever looks whether a play was told already.
    pub(super) plays: tokio::sync::Mutex<()>,
}

impl ScrobbleLog {
    /// Starts with nothing in memory; a tenant is opened by its first scrobble.
    pub fn new(
        store: Arc<dyn CatalogStore>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            log,
            clock,
            tenants: Mutex::default(),
        }
    }

    /// Writes scrobbles, all or none; a scrobble that is there already changes nothing. Those whose
    /// track is known become listens at once, the others when the track comes.
    pub async fn submit(
        &self,
        scope: &TenantScope,
        listener: &str,
        reported: Vec<ReportedListen>,
    ) -> Result<Submitted> {
        let (id, slot) = self.enter(scope, listener).await?;
        let moments: Vec<Timestamp> = reported.iter().map(|one| one.at).collect();
        let scrobbles: Vec<Scrobble> = reported.into_iter().map(scrobble_of).collect();
        let recordings: Vec<RecordingId> = scrobbles.iter().map(|one| one.recording).collect();
        let events: Vec<Event> = scrobbles
            .into_iter()
            .zip(&moments)
            .map(|(scrobble, at)| {
                let event_id = Scrobble::event_id(scope.tenant(), id, *at, scrobble.recording);
                event(event_id, *at, id, EventPayload::Scrobble(scrobble))
            })
            .collect();
        let becoming: Vec<EventId> = events
            .iter()
            .map(|event| Scrobble::resolved_event_id(event.event_id))
            .collect();
        let sources = self.sources(scope);
        let mut follower = slot.follower.lock().await;
        self.open(&sources, &mut follower).await?;
        let appended = self.log.append(scope, events).await?;
        follower.follow(&sources).await?;
        follower.resolve(&sources, &becoming, None).await?;
        let new = appended.iter().zip(&becoming);
        let matched = new.filter(|(one, id)| !one.is_duplicate && !follower.is_waiting(**id));
        let matched = matched.count() as u64;
        drop(follower);
        let skips = {
            let mut announcements = slot.announcements.lock();
            for (recording, at) in recordings.iter().zip(&moments) {
                announcements.hear(id, *recording, *at);
            }
            announcements.settle(id, self.clock.now())
        };
        self.write_skips(scope, id, skips).await?;
        let duplicates = appended.iter().filter(|one| one.is_duplicate).count() as u64;
        Ok(Submitted {
            written: appended.len() as u64 - duplicates,
            duplicates,
            matched,
            recordings,
        })
    }

    /// The state that lives, level with the log.
    pub async fn state(&self, scope: &TenantScope) -> Result<Checkpoint> {
        let (slot, sources) = (self.slot(scope), self.sources(scope));
        let mut follower = slot.follower.lock().await;
        follower.follow(&sources).await?;
        follower.encode()
    }

    /// Builds the state anew from the first event up to an offset, beside the one that lives.
    pub async fn replay(&self, scope: &TenantScope, through_offset: u64) -> Result<Checkpoint> {
        let follower = Follower::replay(&self.sources(scope), through_offset).await?;
        follower.encode()
    }

    /// Drops the stored state and the one that lives, and builds both anew. Scrobbles that come
    /// meanwhile wait.
    pub async fn rebuild(&self, scope: &TenantScope) -> Result<Checkpoint> {
        let (slot, sources) = (self.slot(scope), self.sources(scope));
        let mut follower = slot.follower.lock().await;
        self.log.drop_checkpoint(scope, CONSUMER).await?;
        *follower = Follower::default();
        self.open(&sources, &mut follower).await?;
        follower.encode()
    }

    /// Finds the tracks that words mean, by an id elsewhere first.
    pub async fn find(
        &self,
        scope: &TenantScope,
        asked: Vec<ReportedListen>,
    ) -> Result<Vec<Option<TrackId>>> {
        let (slot, sources) = (self.slot(scope), self.sources(scope));
        let mut follower = slot.follower.lock().await;
        follower.follow(&sources).await?;
        let mut found = Vec::with_capacity(asked.len());
        for one in asked {
            found.push(follower.find(&sources, &scrobble_of(one)).await?);
            tokio::task::yield_now().await;
        }
        Ok(found)
    }

    /// Takes a scrobble back, with the listen it became; says whether it was there.
    pub async fn delete(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        at: Timestamp,
        recording: RecordingId,
    ) -> Result<bool> {
        let scrobble = Scrobble::event_id(scope.tenant(), listener, at, recording);
        let became = Scrobble::resolved_event_id(scrobble);
        let slot = self.slot(scope);
        let sources = self.sources(scope);
        let mut follower = slot.follower.lock().await;
        let find = |events: Vec<RecordedEvent>, id: EventId| {
            let mut found = events.into_iter().map(|recorded| recorded.event);
            found.find(|event| event.event_id == id)
        };
        let limit = usize::MAX >> 1;
        let (told, heard) = (
            EventWindow::at("scrobble", at),
            EventWindow::at("listen", at),
        );
        let scrobbles = self.log.of_kind(scope, listener, &told, limit);
        if find(scrobbles.await?, scrobble).is_none() {
            return Ok(false);
        }
        let listens = self.log.of_kind(scope, listener, &heard, limit);
        let listen = find(listens.await?, became).and_then(|event| match event.payload {
            EventPayload::Listen(listen) => Some(listen),
            _ => None,
        });
        let deleted = EventPayload::ScrobbleDeleted(ScrobbleDeleted { scrobble, listen });
        let id = EventId::derive(&[b"scrobble deleted", &scrobble.as_u128().to_be_bytes()]);
        let appended = self
            .log
            .append(scope, vec![event(id, at, listener, deleted)])
            .await?;
        if follower.is_open() {
            follower.follow(&sources).await?;
        }
        Ok(appended.iter().any(|one| !one.is_duplicate))
    }

    /// Reads a listener's scrobbles inside bounds that are not part of them, the latest first. With
    /// a lower bound alone the earliest above it are taken, so that a reader can go forward.
    pub async fn listens(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        (after, before): (Option<Timestamp>, Option<Timestamp>),
        count: usize,
    ) -> Result<ListensPage> {
        let is_earliest_first = after.is_some() && before.is_none();
        let window = EventWindow {
            after,
            before,
            is_earliest_first,
            ..EventWindow::of_kind("scrobble")
        };
        let mut scrobbles = self.standing(scope, listener, window, count).await?;
        if is_earliest_first {
            scrobbles.reverse();
        }
        let edge = async |is_earliest_first| -> Result<Option<Timestamp>> {
            let window = EventWindow {
                is_earliest_first,
                ..EventWindow::of_kind("scrobble")
            };
            let found = self.standing(scope, listener, window, 1).await?;
            Ok(found.first().map(|recorded| recorded.event.occurred_at))
        };
        Ok(ListensPage {
            scrobbles,
            latest: edge(false).await?,
            oldest: edge(true).await?,
        })
    }

    /// Counts a listener's scrobbles.
    pub async fn count(&self, scope: &TenantScope, listener: ListenerId) -> Result<u64> {
        let count = |kind| self.log.count_of_kind(scope, listener, kind);
        let told = count("scrobble").await?;
        Ok(told.saturating_sub(count("scrobble_deleted").await?))
    }

    /// Ties waiting scrobbles to tracks that came, for tenants that scrobble.
    pub async fn catalogue_changed(&self, scope: &TenantScope) -> Result<()> {
        let known = self.tenants.lock().get(&scope.tenant()).cloned();
        if known.is_none() && self.log.checkpoint(scope, CONSUMER).await?.is_none() {
            return Ok(());
        }
        let slot = self.slot(scope);
        let mut follower = slot.follower.lock().await;
        follower.follow(&self.sources(scope)).await
    }

    /// The track that a scrobbled recording turned out to be.
    pub async fn track_of(
        &self,
        scope: &TenantScope,
        recording: RecordingId,
    ) -> Result<Option<TrackId>> {
        let slot = self.slot(scope);
        let follower = slot.follower.lock().await;
        Ok(follower.track_of_recording(recording))
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.lock().remove(&tenant);
    }

    pub(super) async fn enter(
        &self,
        scope: &TenantScope,
        name: &str,
    ) -> Result<(ListenerId, Arc<Slot>)> {
        check_text("listener", name)?;
        let names = [name.to_owned()];
        self.store.touch_listeners(scope, &names).await?;
        Ok((ListenerId::of_name(scope.tenant(), name), self.slot(scope)))
    }

    /// Opens a follower that is not, and leaves the mark that this tenant scrobbles.
    pub(super) async fn open(&self, sources: &Sources<'_>, follower: &mut Follower) -> Result<()> {
        if follower.is_open() {
            return Ok(());
        }
        follower.follow(sources).await?;
        follower.checkpoint(sources).await
    }

    /// Scrobbles that were not deleted, in the order of the window.
    async fn standing(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        window: EventWindow,
        count: usize,
    ) -> Result<Vec<RecordedEvent>> {
        // A deletion carries the moment of its scrobble, so both are found by the same bounds.
        let deletions = EventWindow {
            kind: "scrobble_deleted".to_owned(),
            ..window.clone()
        };
        let limit = usize::MAX >> 1;
        let deletions = self.log.of_kind(scope, listener, &deletions, limit).await?;
        let deleted: HashSet<EventId> = deletions
            .into_iter()
            .filter_map(|recorded| match recorded.event.payload {
                EventPayload::ScrobbleDeleted(deleted) => Some(deleted.scrobble),
                _ => None,
            })
            .collect();
        let limit = count.saturating_add(deleted.len());
        let mut found = self.log.of_kind(scope, listener, &window, limit).await?;
        found.retain(|recorded| !deleted.contains(&recorded.event.event_id));
        found.truncate(count);
        Ok(found)
    }

    pub(super) fn slot(&self, scope: &TenantScope) -> Arc<Slot> {
        let mut tenants = self.tenants.lock();
        Arc::clone(tenants.entry(scope.tenant()).or_default())
    }

    pub(super) fn sources<'s>(&'s self, scope: &'s TenantScope) -> Sources<'s> {
        Sources {
            store: self.store.as_ref(),
            log: self.log.as_ref(),
            scope,
        }
    }
}

/// What the log keeps of a report.
pub(super) fn scrobble_of(reported: ReportedListen) -> Scrobble {
    Scrobble {
        recording: recording_id(&reported.title, &reported.artist),
        title: reported.title,
        artist: reported.artist,
        album: reported.album,
        duration_ms: reported.duration_ms,
        external_ids: reported.external_ids,
        outcome: reported.ending.outcome,
        played_ms: reported.ending.played_ms,
        source: reported.ending.source,
        reason: reported.ending.reason,
        private: reported.ending.is_private,
        metadata: reported.metadata,
    }
}

/// An event of a listener.
pub(super) fn event(
    event_id: EventId,
    at: Timestamp,
    listener: ListenerId,
    payload: EventPayload,
) -> Event {
    Event {
        event_id,
        occurred_at: at,
        listener: Some(listener),
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    }
}
