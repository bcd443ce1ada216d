//! Listens told in words: kept as they were told, counted once, and tied to a track now or later.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, INFERRED_SKIP_SOURCE, Listen, ListenOutcome,
    Opinion, RecordedEvent, RecordingFeedback, Scrobble, ScrobbleDeleted,
};
use leitmotif_domain::track::check_text;
use leitmotif_domain::{
    Clock, EventId, ListenerId, RecordingId, TenantId, TenantScope, Timestamp, TrackId,
};
use leitmotif_storage::ports::{CatalogStore, Checkpoint, EventLog, EventWindow};
use parking_lot::Mutex;

use super::announcements::{Announcement, Announcements, InferredSkip};
use super::follower::{CONSUMER, Follower, Sources};
use super::names::folded;
use crate::error::Result;

/// Judgements of one listener read at most; the newest count.
const JUDGEMENTS_MAX: usize = 50_000;

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
    /// A private session: kept, never learnt from.
    pub is_private: bool,
}

/// A judgement as a scrobbler tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedFeedback {
    /// The recording in MusicBrainz.
    pub recording_mbid: Option<String>,
    /// The recording by its words.
    pub recording: Option<RecordingId>,
    /// What the listener thinks.
    pub opinion: Opinion,
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
    store: Arc<dyn CatalogStore>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    tenants: Mutex<HashMap<TenantId, Arc<Slot>>>,
}

#[derive(Default)]
pub(super) struct Slot {
    /// Held by whoever reads the log on or adds to it.
    follower: tokio::sync::Mutex<Follower>,
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

    /// Notes what a listener's player has started. Kept in memory only.
    pub async fn announce(
        &self,
        scope: &TenantScope,
        listener: &str,
        reported: ReportedListen,
    ) -> Result<RecordingId> {
        let (id, slot) = self.enter(scope, listener).await?;
        let scrobble = scrobble_of(reported);
        let recording = scrobble.recording;
        let sources = self.sources(scope);
        let track = {
            let mut follower = slot.follower.lock().await;
            self.open(&sources, &mut follower).await?;
            follower.follow(&sources).await?;
            follower.find(&sources, &scrobble).await?
        };
        let length_ms = match (scrobble.duration_ms, track) {
            (None, Some(track)) => {
                let found = self.store.tracks(scope, &[track]).await?.pop();
                found.and_then(|track| track.details.duration_ms)
            }
            (told, _) => told,
        };
        let now = self.clock.now();
        let announced = Announcement::new(scrobble, now, track, length_ms);
        let skips = {
            let mut announcements = slot.announcements.lock();
            announcements.announce(id, announced);
            announcements.settle(id, now)
        };
        self.write_skips(scope, id, skips).await?;
        Ok(recording)
    }

    /// Notes that a track was heard, told by other ways than a scrobble, so that it is no skip.
    pub fn heard(
        &self,
        scope: &TenantScope,
        listener: &str,
        title: &str,
        artist: &str,
        at: Timestamp,
    ) {
        let id = ListenerId::of_name(scope.tenant(), listener);
        let recording = recording_id(title, artist);
        let slot = self.slot(scope);
        slot.announcements.lock().hear(id, recording, at);
    }

    /// What a listener's player plays.
    pub fn playing(&self, scope: &TenantScope, listener: ListenerId) -> Option<Announcement> {
        let slot = self.slot(scope);
        let announcements = slot.announcements.lock();
        announcements.playing(listener, self.clock.now()).cloned()
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

    /// Writes a judgement; it counts for the track now or when the track comes.
    pub async fn judge(
        &self,
        scope: &TenantScope,
        listener: &str,
        reported: ReportedFeedback,
    ) -> Result<()> {
        let (id, slot) = self.enter(scope, listener).await?;
        let now = self.clock.now();
        let said = RecordingFeedback {
            recording_mbid: reported.recording_mbid,
            recording: reported.recording,
            opinion: reported.opinion,
        };
        let event_id = EventId::derive(&[
            b"recording feedback",
            &scope.tenant().as_u128().to_be_bytes(),
            &id.as_u128().to_be_bytes(),
            &now.as_ms().to_be_bytes(),
            key_of(&said).as_bytes(),
        ]);
        let sources = self.sources(scope);
        let mut follower = slot.follower.lock().await;
        self.open(&sources, &mut follower).await?;
        let told = event(event_id, now, id, EventPayload::RecordingFeedback(said));
        self.log.append(scope, vec![told]).await?;
        follower.follow(&sources).await?;
        let becoming = [Scrobble::resolved_event_id(event_id)];
        follower.resolve(&sources, &becoming, None).await
    }

    /// The judgements of a listener that stand, the newest first.
    pub async fn judgements(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
    ) -> Result<Vec<(Timestamp, RecordingFeedback)>> {
        let window = EventWindow::of_kind("recording_feedback");
        let read = self.log.of_kind(scope, listener, &window, JUDGEMENTS_MAX);
        let mut seen = HashSet::new();
        let mut standing = Vec::new();
        for recorded in read.await? {
            let at = recorded.event.occurred_at;
            if let EventPayload::RecordingFeedback(said) = recorded.event.payload
                && seen.insert(key_of(&said))
                && said.opinion != Opinion::Cleared
            {
                standing.push((at, said));
            }
        }
        Ok(standing)
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

    async fn enter(&self, scope: &TenantScope, name: &str) -> Result<(ListenerId, Arc<Slot>)> {
        check_text("listener", name)?;
        let names = [name.to_owned()];
        self.store.touch_listeners(scope, &names).await?;
        Ok((ListenerId::of_name(scope.tenant(), name), self.slot(scope)))
    }

    /// Opens a follower that is not, and leaves the mark that this tenant scrobbles.
    async fn open(&self, sources: &Sources<'_>, follower: &mut Follower) -> Result<()> {
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

    async fn write_skips(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        skips: Vec<InferredSkip>,
    ) -> Result<()> {
        if skips.is_empty() {
            return Ok(());
        }
        let skip_event = |skip: InferredSkip| {
            let id = EventId::derive(&[
                b"inferred skip",
                &scope.tenant().as_u128().to_be_bytes(),
                &listener.as_u128().to_be_bytes(),
                &skip.at.as_ms().to_be_bytes(),
                &skip.recording.as_u128().to_be_bytes(),
            ]);
            let listen = Listen {
                track: skip.track,
                played_ms: Some(skip.played_ms),
                track_ms: Some(skip.track_ms),
                outcome: ListenOutcome::Skipped,
                source: Some(INFERRED_SKIP_SOURCE.to_owned()),
                request_id: None,
                device: None,
                activity: None,
                zone: None,
                cell: None,
                private: false,
            };
            event(id, skip.at, listener, EventPayload::Listen(listen))
        };
        let events = skips.into_iter().map(skip_event).collect();
        self.log.append(scope, events).await?;
        Ok(())
    }

    pub(super) fn slot(&self, scope: &TenantScope) -> Arc<Slot> {
        let mut tenants = self.tenants.lock();
        Arc::clone(tenants.entry(scope.tenant()).or_default())
    }

    fn sources<'s>(&'s self, scope: &'s TenantScope) -> Sources<'s> {
        Sources {
            store: self.store.as_ref(),
            log: self.log.as_ref(),
            scope,
        }
    }
}

fn scrobble_of(reported: ReportedListen) -> Scrobble {
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
        private: reported.ending.is_private,
        metadata: reported.metadata,
    }
}

fn event(event_id: EventId, at: Timestamp, listener: ListenerId, payload: EventPayload) -> Event {
    Event {
        event_id,
        occurred_at: at,
        listener: Some(listener),
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    }
}

/// What a judgement is about: a later one about the same takes its place.
fn key_of(said: &RecordingFeedback) -> String {
    match (&said.recording_mbid, said.recording) {
        (Some(mbid), _) => mbid.to_lowercase(),
        (None, Some(recording)) => recording.to_uuid(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::OperatorScope;
    use leitmotif_domain::chance::{Seed, SeededEntropy};
    use leitmotif_domain::clock::ManualClock;
    use leitmotif_domain::tenant::{SealKey, Tenant};
    use leitmotif_domain::track::TrackDetails;
    use leitmotif_storage::memory::MemoryStorage;
    use leitmotif_storage::ports::{Accounts, TrackPatch};

    use super::*;

    struct World {
        storage: Arc<MemoryStorage>,
        clock: Arc<ManualClock>,
        scope: TenantScope,
        scrobbles: ScrobbleLog,
    }

    impl World {
        async fn new() -> Self {
            let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
            let entropy = Arc::new(SeededEntropy::new(Seed(1)));
            let storage = Arc::new(MemoryStorage::new(clock.clone(), entropy));
            let seal = SealKey::new([1; 32]);
            let tenant = Tenant {
                id: TenantId::from_u128(1),
                name: "t".to_owned(),
                created_at: clock.now(),
            };
            let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
            let operator = OperatorScope::of_platform(&seal, "test");
            storage.create_tenant(&operator, tenant).await.unwrap();
            let scrobbles = ScrobbleLog::new(storage.clone(), storage.clone(), clock.clone());
            Self {
                storage,
                clock,
                scope,
                scrobbles,
            }
        }

        async fn add(&self, title: &str, mbid: Option<&str>) -> TrackId {
            let external_ids = mbid
                .map(|id| ("musicbrainz".to_owned(), id.to_owned()))
                .into_iter()
                .collect();
            let patch = TrackPatch {
                details: TrackDetails {
                    title: title.to_owned(),
                    artist: "Band".to_owned(),
                    external_ids,
                    ..TrackDetails::default()
                },
                ..TrackPatch::default()
            };
            let written = self.storage.upsert_tracks(&self.scope, vec![patch]).await;
            let track = written.unwrap()[0].id;
            self.scrobbles.catalogue_changed(&self.scope).await.unwrap();
            track
        }

        fn ann(&self) -> ListenerId {
            ListenerId::of_name(self.scope.tenant(), "ann")
        }

        fn told(&self, title: &str, second: i64) -> ReportedListen {
            ReportedListen {
                at: Timestamp::from_ms(1_600_000_000_000 + second * 1_000),
                title: title.to_owned(),
                artist: "band".to_owned(),
                album: None,
                duration_ms: Some(200_000),
                external_ids: BTreeMap::new(),
                ending: Ending::default(),
                metadata: serde_json::json!({"as told": title}),
            }
        }

        async fn submit(&self, title: &str, second: i64) -> Submitted {
            let told = vec![self.told(title, second)];
            let submitted = self.scrobbles.submit(&self.scope, "ann", told).await;
            submitted.unwrap()
        }

        /// Track and outcome of every listen.
        async fn listens(&self) -> Vec<(TrackId, ListenOutcome)> {
            let window = EventWindow::of_kind("listen");
            let found = self.storage.of_kind(&self.scope, self.ann(), &window, 99);
            let listen = |recorded: RecordedEvent| match recorded.event.payload {
                EventPayload::Listen(listen) => Some((listen.track, listen.outcome)),
                _ => None,
            };
            found
                .await
                .unwrap()
                .into_iter()
                .filter_map(listen)
                .collect()
        }

        async fn count(&self) -> u64 {
            let count = self.scrobbles.count(&self.scope, self.ann());
            count.await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_scrobble_counts_once_and_is_kept_as_told() {
        let world = World::new().await;
        let track = world.add("Song", None).await;
        let first = world.submit("SONG (Remastered)", 5).await;
        assert_eq!((first.written, first.duplicates), (1, 0));
        let again = world.submit("SONG (Remastered)", 5).await;
        assert_eq!((again.written, again.duplicates), (0, 1));
        assert_eq!(first.recordings, again.recordings);
        assert_eq!(world.listens().await, [(track, ListenOutcome::Completed)]);
        let page = world
            .scrobbles
            .listens(&world.scope, world.ann(), (None, None), 9)
            .await
            .unwrap();
        let EventPayload::Scrobble(told) = &page.scrobbles[0].event.payload else {
            unreachable!("only scrobbles are asked for")
        };
        assert_eq!(told.metadata["as told"], "SONG (Remastered)");
        assert_eq!(world.count().await, 1);
    }

    #[tokio::test]
    async fn what_is_unknown_waits_for_its_track_over_a_restart() {
        let world = World::new().await;
        world.submit("Later", 5).await;
        world.submit("Never", 6).await;
        assert_eq!(world.listens().await, []);
        let restarted = World {
            scrobbles: ScrobbleLog::new(
                world.storage.clone(),
                world.storage.clone(),
                world.clock.clone(),
            ),
            ..world
        };
        let track = restarted.add("Later", None).await;
        let expected = [(track, ListenOutcome::Completed)];
        assert_eq!(restarted.listens().await, expected);
        // Neither another start nor the same scrobble counts it again.
        restarted.submit("Later", 5).await;
        restarted.add("Something Else", None).await;
        assert_eq!(restarted.listens().await, expected);
        let usage = leitmotif_storage::ports::Ledger::usage(
            restarted.storage.as_ref(),
            &restarted.scope,
            "2000-01-01",
            "2100-01-01",
        );
        assert_eq!(usage.await.unwrap()[0].amount, 1);
    }

    #[tokio::test]
    async fn a_deleted_scrobble_is_gone_and_stays_gone() {
        let world = World::new().await;
        let told = world.submit("Later", 5).await;
        let at = world.told("", 5).at;
        let delete = |recording| {
            world
                .scrobbles
                .delete(&world.scope, world.ann(), at, recording)
        };
        assert!(!delete(RecordingId::from_u128(1)).await.unwrap());
        assert!(delete(told.recordings[0]).await.unwrap());
        assert!(!delete(told.recordings[0]).await.unwrap());
        assert_eq!(world.count().await, 0);
        world.submit("Later", 5).await;
        world.add("Later", None).await;
        assert_eq!(world.listens().await, []);
        assert_eq!(world.count().await, 0);
    }

    #[tokio::test]
    async fn bounds_are_not_part_of_what_is_read() {
        let world = World::new().await;
        for second in 0..9 {
            world.submit(&format!("Song number {second}"), second).await;
        }
        let moment = |second: i64| Some(world.told("", second).at);
        let check = async |bounds, count, expected: &[i64]| {
            let page = world
                .scrobbles
                .listens(&world.scope, world.ann(), bounds, count)
                .await
                .unwrap();
            let seconds: Vec<i64> = page
                .scrobbles
                .iter()
                .map(|one| (one.event.occurred_at.as_ms() - 1_600_000_000_000) / 1_000)
                .collect();
            assert_eq!(seconds, expected, "{bounds:?}");
            assert_eq!((page.latest, page.oldest), (moment(8), moment(0)));
        };
        check((None, None), 3, &[8, 7, 6]).await;
        check((None, moment(6)), 3, &[5, 4, 3]).await;
        check((moment(2), None), 3, &[5, 4, 3]).await;
        check((moment(2), moment(5)), 9, &[4, 3]).await;
    }

    #[tokio::test]
    async fn judgements_stand_until_the_next_and_wait_for_their_track() {
        let world = World::new().await;
        let mbid = "0a1b2c3d-4e5f-4a1b-8c3d-4e5f60718293";
        let judge = async |opinion| {
            let said = ReportedFeedback {
                recording_mbid: Some(mbid.to_owned()),
                recording: None,
                opinion,
            };
            world.clock.advance_ms(1);
            world
                .scrobbles
                .judge(&world.scope, "ann", said)
                .await
                .unwrap();
        };
        let standing = async || {
            let standing = world.scrobbles.judgements(&world.scope, world.ann());
            let standing = standing.await.unwrap().into_iter();
            standing.map(|(_, said)| said.opinion).collect::<Vec<_>>()
        };
        judge(Opinion::Dislike).await;
        judge(Opinion::Like).await;
        assert_eq!(standing().await, [Opinion::Like]);
        world.add("Song", Some(mbid)).await;
        let window = EventWindow::of_kind("feedback");
        let became = world.storage.of_kind(&world.scope, world.ann(), &window, 9);
        assert_eq!(became.await.unwrap().len(), 2);
        judge(Opinion::Cleared).await;
        assert_eq!(standing().await, []);
    }

    #[tokio::test]
    async fn a_track_that_was_replaced_early_is_a_skip() {
        let world = World::new().await;
        let track = world.add("First", None).await;
        let announce = async |title: &str| {
            let told = world.told(title, 0);
            world
                .scrobbles
                .announce(&world.scope, "ann", told)
                .await
                .unwrap();
        };
        announce("First").await;
        world.clock.advance_ms(10_000);
        announce("Second").await;
        let playing = world.scrobbles.playing(&world.scope, world.ann());
        assert_eq!(playing.unwrap().scrobble.title, "Second");
        world.clock.advance_ms(230_000);
        assert_eq!(world.listens().await, []);
        announce("Third").await;
        assert_eq!(world.listens().await, [(track, ListenOutcome::Skipped)]);
    }
}
