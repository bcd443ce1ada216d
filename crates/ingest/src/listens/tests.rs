//! Scrobbles, judgements and what plays now, through one log in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{EventPayload, ListenOutcome, Opinion, RecordedEvent};
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::{ListenerId, RecordingId, TenantScope, Timestamp, TrackId};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{CatalogStore, EventLog, EventWindow, TrackPatch};

use crate::testing::store_of_one;

use super::{Ending, ReportedFeedback, ReportedListen, ScrobbleLog, Submitted};

struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    scope: TenantScope,
    scrobbles: ScrobbleLog,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let (storage, scope) = store_of_one(clock.clone()).await;
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
