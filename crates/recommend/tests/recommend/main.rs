//! The recommender over a real store: rungs, freshness, exclusions, training.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod batch;
mod cold;
mod constrained;
mod exploration;
mod exposed;
mod features;
mod heads;
mod layouts;
mod listened;
mod moments;
mod newcomers;
mod paths;
mod pipelines;
mod playlists;
mod recordings;
mod replay;
mod search;
mod skips;
mod steps;
mod training;

use std::collections::HashSet;
use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, Exposure, FeaturesPushed, Feedback, Listen,
    ListenOutcome, Moment, Opinion,
};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::training::TrainingRequest;
use leitmotif_domain::{
    EventId, JobId, ListenerId, OperatorScope, Rung, TenantId, TenantScope, Timestamp, TrackId,
};
use leitmotif_features::Features;
use leitmotif_features::projection::CONSUMER;
use leitmotif_features::{Projection, saving};
use leitmotif_recommend::explain::Source;
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::pipeline::ShownLayout;
use leitmotif_recommend::service::{PRODUCTION, Stores};
use leitmotif_recommend::train::{TrainingReport, TrainingRun, promote, train};
use leitmotif_recommend::{Error, RecommendRequest, Recommendations, Recommender};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{
    Accounts, CatalogStore, EventLog, ModelRegistry, StatePart, TrackPatch, VectorStore,
};

const GROUPS: usize = 3;
const TRACKS_PER_GROUP: usize = 12;
/// The end of a pipeline of which no stage is late on a busy machine.
const UNHURRIED: &str = "\n[budgets]\nfeatures = 1000000\ncandidates = 0\nranking = 0\nlist = 0";

/// Three groups of tracks and of listeners who like one group each.
struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    scope: TenantScope,
    stores: Stores,
    recommender: Arc<Recommender>,
    writer: tokio::task::JoinHandle<()>,
    tracks: Vec<TrackId>,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage = Arc::new(MemoryStorage::new(clock.clone(), entropy.clone()));
        let seal = SealKey::new([1; 32]);
        let operator = OperatorScope::of_platform(&seal, "test");
        let tenant = Tenant {
            id: TenantId::from_u128(7),
            name: "test".to_owned(),
            created_at: Timestamp::from_ms(0),
        };
        storage
            .create_tenant(&operator, tenant.clone())
            .await
            .unwrap();
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let stores = Stores {
            catalog: storage.clone(),
            log: storage.clone(),
            vectors: storage.clone(),
            blobs: storage.clone(),
            models: storage.clone(),
            definitions: storage.clone(),
            features: Arc::new(Features::new(
                storage.clone(),
                storage.clone(),
                clock.clone(),
            )),
            clock: clock.clone(),
            entropy,
        };
        let (exposures, writer) = ExposureWriter::start(storage.clone());
        let recommender = Arc::new(Recommender::new(stores.clone(), exposures));
        let mut world = Self {
            storage,
            clock,
            scope,
            stores,
            recommender,
            writer,
            tracks: Vec::new(),
        };
        for index in 0..GROUPS * TRACKS_PER_GROUP {
            let (title, artist) = (format!("song {index}"), format!("artist {}", index % 9));
            let genre = format!("genre {}", index / TRACKS_PER_GROUP);
            let id = world.add_track_of(&title, &artist, Some(&genre)).await;
            world.tracks.push(id);
        }
        world
    }

    /// The exposures that were written, in order; ends the world.
    async fn exposures(self) -> Vec<Exposure> {
        drop(self.recommender);
        self.writer.await.unwrap();
        let events = self.storage.read(&self.scope, 0, 100_000).await.unwrap();
        let exposure = |payload: EventPayload| match payload {
            EventPayload::Exposure(exposure) => Some(exposure),
            _ => None,
        };
        let payloads = events.into_iter().map(|recorded| recorded.event.payload);
        payloads.filter_map(exposure).collect()
    }

    async fn add_track(&self, title: &str, artist: &str) -> TrackId {
        self.add_track_of(title, artist, None).await
    }

    async fn add_track_of(&self, title: &str, artist: &str, genre: Option<&str>) -> TrackId {
        // Days apart, so that some are newer than others.
        self.clock.advance_ms(24 * 3_600 * 1_000);
        let details = TrackDetails {
            title: title.to_owned(),
            artist: artist.to_owned(),
            genre: genre.map(str::to_owned),
            ..TrackDetails::default()
        };
        let patch = TrackPatch {
            details,
            ..TrackPatch::default()
        };
        let written = self.storage.upsert_tracks(&self.scope, vec![patch]).await;
        written.unwrap()[0].id
    }

    fn listener(&self, name: &str) -> ListenerId {
        ListenerId::of_name(self.scope.tenant(), name)
    }

    async fn append(&self, listener: Option<ListenerId>, payload: EventPayload) {
        self.clock.advance_ms(60_000);
        let event = Event {
            event_id: EventId::generate(self.clock.as_ref(), self.stores.entropy.as_ref()),
            occurred_at: leitmotif_domain::Clock::now(self.clock.as_ref()),
            listener,
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        };
        self.storage.append(&self.scope, vec![event]).await.unwrap();
    }

    async fn play(&self, listener: &str, track: TrackId, outcome: ListenOutcome) {
        let played_ms = if outcome == ListenOutcome::Skipped {
            2_000
        } else {
            200_000
        };
        let listen = Listen {
            played_ms: Some(played_ms),
            track_ms: Some(200_000),
            ..Listen::of(track, outcome)
        };
        self.append(Some(self.listener(listener)), EventPayload::Listen(listen))
            .await;
    }

    /// Everybody plays most of their group and skips something of another.
    async fn live(&self) {
        let mut generator = Seed(3).rng();
        for round in 0..10 {
            for person in 0..30 {
                let name = format!("person {person}");
                let group = person % GROUPS * TRACKS_PER_GROUP;
                let track = group + generator.next_below(TRACKS_PER_GROUP);
                self.play(&name, self.tracks[track], ListenOutcome::Completed)
                    .await;
                if round % 5 == 0 {
                    let other = (group + TRACKS_PER_GROUP + generator.next_below(TRACKS_PER_GROUP))
                        % self.tracks.len();
                    self.play(&name, self.tracks[other], ListenOutcome::Skipped)
                        .await;
                }
            }
        }
    }

    /// Ninety listeners; every fourth track is one that people begin and leave.
    async fn live_with_duds(&self) {
        let mut generator = Seed(5).rng();
        for _ in 0..10 {
            for person in 0..90 {
                let group = person % GROUPS * TRACKS_PER_GROUP;
                let track = group + generator.next_below(TRACKS_PER_GROUP);
                let outcome = match track % 4 {
                    0 => ListenOutcome::Skipped,
                    _ => ListenOutcome::Completed,
                };
                let name = format!("person {person}");
                self.play(&name, self.tracks[track], outcome).await;
            }
        }
    }

    async fn train(&self) -> Result<TrainingReport, Error> {
        self.train_as(1, TrainingRequest::default()).await
    }

    async fn train_as(&self, job: u128, request: TrainingRequest) -> Result<TrainingReport, Error> {
        let job = JobId::from_u128(job);
        train(
            &self.stores,
            &self.scope,
            &TrainingRun { job, request },
            |_| {},
        )
        .await
    }

    async fn ask(&self, change: impl FnOnce(&mut RecommendRequest)) -> Recommendations {
        let mut request = RecommendRequest {
            count: 10,
            placement: "test".to_owned(),
            ..RecommendRequest::default()
        };
        change(&mut request);
        self.recommender
            .recommend(&self.scope, request)
            .await
            .unwrap()
    }

    fn group_of(&self, track: TrackId) -> usize {
        self.tracks
            .iter()
            .position(|known| *known == track)
            .unwrap()
            / TRACKS_PER_GROUP
    }
}

#[tokio::test]
async fn an_empty_platform_answers_with_its_newest_tracks() {
    let world = World::new().await;
    let answer = world.ask(|_| {}).await;
    assert_eq!(answer.rung, Rung::Static);
    assert_eq!(answer.tracks.len(), 10);
    assert_eq!(answer.tracks[0].track, *world.tracks.last().unwrap());
    assert_eq!(answer.model, None);
}

#[tokio::test]
async fn a_list_reaches_beyond_the_most_popular_and_the_newest_where_these_are_excluded() {
    let mut world = World::new().await;
    // More than are offered at first.
    while world.tracks.len() < 2_040 {
        let number = world.tracks.len();
        let (title, artist) = (format!("song {number}"), format!("artist {}", number % 97));
        world.tracks.push(world.add_track(&title, &artist).await);
    }
    let asked = |exclude: &[TrackId]| RecommendRequest {
        count: 20,
        placement: "test".to_owned(),
        exclude: exclude.to_vec(),
        ..RecommendRequest::default()
    };
    let answer = async |exclude: &[TrackId]| {
        let answered = world.recommender.rank(&world.scope, asked(exclude)).await;
        let answered = answered.unwrap();
        let scores: Vec<f32> = answered.tracks.iter().map(|one| one.score).collect();
        let tracks: HashSet<TrackId> = answered.tracks.iter().map(|one| one.track).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        assert_eq!((tracks.len(), scores.len()), (20, 20));
        (answered.rung, tracks, scores[0])
    };
    let of = |tracks: &[TrackId]| tracks.iter().copied().collect::<HashSet<TrackId>>();
    // Nothing was played: the newest, and where these are excluded the oldest.
    let (rung, _, score) = answer(&[]).await;
    assert_eq!((rung, score), (Rung::Static, 1.0));
    let (rung, tracks, score) = answer(&world.tracks[20..]).await;
    assert_eq!((rung, tracks), (Rung::Static, of(&world.tracks[..20])));
    assert!((score - 20.0_f32 / 2_040.0).abs() < 1e-4, "{score}");
    // Half of what is offered first, and half of what is behind it.
    let (_, tracks, _) = answer(&[&world.tracks[..30], &world.tracks[50..]].concat()).await;
    assert_eq!(tracks, of(&world.tracks[30..50]));

    for (number, track) in world.tracks.iter().enumerate() {
        for _ in 0..=usize::from(number >= 20) {
            world
                .play("somebody", *track, ListenOutcome::Completed)
                .await;
        }
    }
    let (rung, _, score) = answer(&[]).await;
    assert_eq!((rung, score), (Rung::Popular, 1.0));
    let (rung, tracks, score) = answer(&world.tracks[20..]).await;
    assert_eq!((rung, tracks), (Rung::Popular, of(&world.tracks[..20])));
    assert!(score < 1.0, "measured by the best of all");
}

#[tokio::test]
async fn a_stranger_gets_what_is_popular_and_each_rung_can_be_disabled() {
    let world = World::new().await;
    for _ in 0..3 {
        world
            .play("a", world.tracks[5], ListenOutcome::Completed)
            .await;
    }
    world
        .play("a", world.tracks[6], ListenOutcome::Completed)
        .await;
    let answer = world
        .ask(|r| r.listener = Some(world.listener("nobody")))
        .await;
    assert_eq!(answer.rung, Rung::Popular);
    assert_eq!(answer.tracks[0].track, world.tracks[5]);
    assert_eq!(
        answer.tracks.len(),
        10,
        "the rest comes from the rung below"
    );
    let without = world.ask(|r| r.disabled_rungs = vec![Rung::Popular]).await;
    assert_eq!(without.rung, Rung::Static);
}

#[tokio::test]
async fn content_carries_where_nothing_was_learnt() {
    let world = World::new().await;
    let space = "sound-1".parse().unwrap();
    let rows = world.tracks.iter().enumerate().map(|(index, track)| {
        let mut vector = vec![0.1; 4];
        vector[index / TRACKS_PER_GROUP] = 1.0 + index as f32 * 0.001;
        (*track, vector)
    });
    world
        .storage
        .upsert(&world.scope, &space, rows.collect())
        .await
        .unwrap();
    world
        .play("a", world.tracks[0], ListenOutcome::Completed)
        .await;
    let answer = world.ask(|r| r.listener = Some(world.listener("a"))).await;
    assert_eq!(answer.rung, Rung::Content);
    assert!(
        answer.tracks[..8]
            .iter()
            .all(|t| world.group_of(t.track) == 0)
    );
    assert!(
        answer.tracks.iter().all(|t| t.track != world.tracks[0]),
        "heard already"
    );
    assert_eq!(
        answer.tracks[0].reasons[0].because_of,
        Some(world.tracks[0])
    );
    let seeded = world.ask(|r| r.seeds = vec![world.tracks[20]]).await;
    assert_eq!(seeded.rung, Rung::Content);
    assert_eq!(world.group_of(seeded.tracks[0].track), 1);
}

#[tokio::test]
async fn training_makes_it_personal_and_the_ladder_holds() {
    let world = World::new().await;
    world.live().await;
    let report = world.train().await.unwrap();
    assert!(report.ladder.ials.ndcg_at_10 > report.ladder.popularity.ndcg_at_10);
    assert!(report.ladder.blend.ndcg_at_10 > report.ladder.random.ndcg_at_10);
    for person in ["person 0", "person 1", "person 2"] {
        let answer = world
            .ask(|r| r.listener = Some(world.listener(person)))
            .await;
        assert_eq!(answer.rung, Rung::Personalised);
        assert_eq!(answer.model, Some(report.model));
        let group: usize = person[7..].parse().unwrap();
        assert_eq!(world.group_of(answer.tracks[0].track), group, "{person}");
        for track in &answer.tracks {
            let sum: f32 = track.reasons.iter().map(|reason| reason.contribution).sum();
            assert!((sum - track.score).abs() < 1e-4);
        }
    }
}

#[tokio::test]
async fn a_skip_changes_the_next_answer() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    let person = Some(world.listener("person 4"));
    let before = world.ask(|r| r.listener = person).await;
    let skipped = before.tracks[0].track;
    world
        .play("person 4", skipped, ListenOutcome::Skipped)
        .await;
    let after = world.ask(|r| r.listener = person).await;
    assert!(after.tracks.iter().all(|track| track.track != skipped));
    let order = |answer: &Recommendations| {
        answer
            .tracks
            .iter()
            .map(|track| (track.track, track.score.to_bits()))
            .collect::<Vec<_>>()
    };
    assert_ne!(
        order(&before)[1..],
        order(&after)[..9],
        "the taste moved, not only the track"
    );
}

#[tokio::test]
async fn the_first_play_is_seen_however_long_the_log_is() {
    let world = World::new().await;
    for _ in 0..200 {
        let changed = leitmotif_domain::event::CatalogueChanged {
            track: world.tracks[0],
            change: leitmotif_domain::event::CatalogueChange::Updated,
            artist: None,
        };
        world
            .append(None, EventPayload::CatalogueChanged(changed))
            .await;
    }
    assert_eq!(world.ask(|_| {}).await.rung, Rung::Static);
    world
        .play("ann", world.tracks[5], ListenOutcome::Completed)
        .await;
    let answer = world.ask(|_| {}).await;
    assert_eq!(answer.rung, Rung::Popular);
    assert_eq!(answer.tracks[0].track, world.tracks[5]);
}

#[tokio::test]
async fn an_order_is_learnt_and_judged_before_it_serves() {
    let world = World::new().await;
    world.live_with_duds().await;
    let report = world.train().await.unwrap();
    let learnt = report.ranker.unwrap();
    let ranked = report.ladder.ranked.unwrap();
    assert!(learnt.questions >= 200 && learnt.trees > 0, "{learnt:?}");
    let is_better = ranked.ndcg_at_10 > report.ladder.blend.ndcg_at_10;
    assert_eq!(
        learnt.is_in_use, is_better,
        "it serves only where it is better"
    );

    let person = Some(world.listener("person 4"));
    let before = world.ask(|r| r.listener = person).await;
    assert_eq!(before.rung, Rung::Personalised);
    for track in &before.tracks {
        let sum: f32 = track.reasons.iter().map(|reason| reason.contribution).sum();
        assert!((sum - track.score).abs() < 1e-4, "{track:?}");
    }
    let scores = before.tracks.iter().map(|track| track.score);
    assert!(before.tracks.len() == 10 && scores.clone().all(f32::is_finite));
    // The duds are known by their skips, whatever the taste.
    let place = |answer: &Recommendations, track: usize| {
        let mut tracks = answer.tracks.iter();
        tracks.position(|one| one.track == world.tracks[track])
    };
    let duds = (12..24)
        .step_by(4)
        .filter_map(|track| place(&before, track));
    assert!(duds.min().is_none_or(|first| first > 0), "{before:?}");
    let skipped = before.tracks[0].track;
    world
        .play("person 4", skipped, ListenOutcome::Skipped)
        .await;
    let after = world.ask(|r| r.listener = person).await;
    assert!(after.tracks.iter().all(|track| track.track != skipped));
    let bits = |answer: &Recommendations, from: usize| {
        let tracks = answer.tracks.iter().skip(from).take(9);
        (tracks.map(|track| track.score.to_bits())).collect::<Vec<_>>()
    };
    assert_ne!(
        bits(&before, 1),
        bits(&after, 0),
        "the taste moved, not only the track"
    );
}

#[tokio::test]
async fn a_new_track_is_recommended_by_its_sound() {
    let world = World::new().await;
    let space = "sound-1".parse().unwrap();
    let vector = |group: usize| {
        let mut vector = vec![0.1_f32; 4];
        vector[group] = 1.0;
        vector
    };
    let rows = world.tracks.iter().enumerate();
    let rows = rows
        .map(|(index, track)| (*track, vector(index / TRACKS_PER_GROUP)))
        .collect();
    world
        .storage
        .upsert(&world.scope, &space, rows)
        .await
        .unwrap();
    world.live().await;
    world.train().await.unwrap();
    let fresh = world.add_track("brand new", "somebody").await;
    world
        .storage
        .upsert(&world.scope, &space, vec![(fresh, vector(2))])
        .await
        .unwrap();
    let answer = world.ask(|r| {
        r.listener = Some(world.listener("person 2"));
        r.count = 20;
    });
    assert!(answer.await.tracks.iter().any(|track| track.track == fresh));
}

#[tokio::test]
async fn who_has_heard_everything_still_gets_a_list_without_what_they_reject() {
    let world = World::new().await;
    for track in &world.tracks {
        world.play("a", *track, ListenOutcome::Completed).await;
    }
    let feedback = Feedback {
        track: world.tracks[3],
        opinion: Opinion::Dislike,
    };
    world
        .append(Some(world.listener("a")), EventPayload::Feedback(feedback))
        .await;
    let answer = world.ask(|r| r.listener = Some(world.listener("a"))).await;
    assert_eq!(answer.tracks.len(), 10);
    assert!(
        answer
            .tracks
            .iter()
            .all(|track| track.track != world.tracks[3])
    );
    assert_eq!(
        answer.tracks[0].track, world.tracks[0],
        "not heard for longest"
    );
}

#[tokio::test]
async fn who_has_heard_more_than_sources_offer_still_gets_a_list_of_their_taste() {
    const TRACKS: usize = 400;
    let world = World::new().await;
    let mut tracks = Vec::new();
    for number in 0..TRACKS {
        let artist = format!("band {}", number / 4);
        tracks.push(world.add_track(&format!("tune {number}"), &artist).await);
    }
    // Everybody knows most of what they share; what one has not heard others have.
    for person in 0..8 {
        for (place, track) in tracks.iter().enumerate() {
            if (place + person) % 8 != 0 {
                let name = format!("heavy {person}");
                world.play(&name, *track, ListenOutcome::Completed).await;
            }
        }
    }
    world.train().await.unwrap();
    let listener = world.listener("heavy 3");
    let answer = world.ask(|request| request.listener = Some(listener)).await;
    assert_eq!(answer.rung, Rung::Personalised);
    let is_unheard = |track: &TrackId| {
        let place = tracks.iter().position(|one| one == track);
        place.is_some_and(|place| (place + 3) % 8 == 0)
    };
    let theirs = answer.tracks.iter().filter(|one| is_unheard(&one.track));
    assert!(theirs.count() >= 8, "{:?}", answer.tracks);
    // What they know best is offered first, and what they may be shown comes behind it.
    let trace = world
        .recommender
        .trace(&world.scope, answer.request_id)
        .unwrap();
    let taste = trace.sources.iter().find(|one| one.source == Source::Taste);
    assert!(
        taste.unwrap().offered > TRACKS * 7 / 8,
        "{:?}",
        trace.sources
    );
}

#[tokio::test]
async fn artists_are_spaced_and_versions_of_a_song_appear_once() {
    let world = World::new().await;
    world.add_track("song 7 (Remastered)", "artist 7").await;
    let answer = world.ask(|r| r.count = 37).await;
    let names: Vec<String> = answer
        .tracks
        .iter()
        .map(|t| t.title.replace(" (Remastered)", ""))
        .collect();
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    for pair in answer.tracks.windows(3).take(20) {
        assert_ne!(pair[0].artist, pair[1].artist);
        assert_ne!(pair[0].artist, pair[2].artist);
    }
}

#[tokio::test]
async fn exposures_are_written_with_their_request_and_order() {
    let world = World::new().await;
    let listener = world.listener("a");
    let moment = Moment {
        activity: Some("running".to_owned()),
        hour: Some(7),
        ..Moment::default()
    };
    let answer = world
        .ask(|r| {
            r.listener = Some(listener);
            r.moment = moment.clone();
            r.layout = Some(ShownLayout {
                name: "new_first",
                propensity: Some(0.75),
            });
        })
        .await;
    let trace = world.recommender.trace(&world.scope, answer.request_id);
    assert_eq!(trace.unwrap().moment, moment);
    let exposures = world.exposures().await;
    let [shown] = exposures.as_slice() else {
        panic!("one list was shown, {exposures:?}")
    };
    assert_eq!(shown.request_id, answer.request_id);
    assert_eq!(
        (&shown.moment, shown.layout.as_deref()),
        (&moment, Some("new_first"))
    );
    assert_eq!(shown.layout_propensity, Some(0.75));
    for (place, told) in answer.tracks.iter().enumerate() {
        let kept = shown.reasons.of(place);
        assert_eq!(kept.len(), told.reasons.len());
        for ((source, contribution, because_of), told) in kept.into_iter().zip(&told.reasons) {
            assert_eq!((source, because_of), (told.source.name(), told.because_of));
            assert!((contribution - told.contribution).abs() <= 5.1e-5);
        }
    }
    let order: Vec<_> = shown.tracks.iter().map(|track| track.track).collect();
    assert_eq!(
        order,
        answer
            .tracks
            .iter()
            .map(|track| track.track)
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn the_trace_names_every_step_in_order() {
    let world = World::new().await;
    let names: Vec<_> = world
        .ask(|_| {})
        .await
        .spans
        .iter()
        .map(|span| span.name)
        .collect();
    let steps = [
        "features",
        "assignment",
        "model",
        "content neighbours",
        "candidates",
        "ranking",
        "list",
        "explain",
    ];
    assert_eq!(names, steps);
}

#[tokio::test]
async fn a_dropped_projection_is_rebuilt_to_the_same_bytes() {
    let world = World::new().await;
    world.live().await;
    let log = world.storage.as_ref();
    let mut followed = Projection::open(log, &world.scope).await.unwrap();
    followed.catch_up(log, &world.scope).await.unwrap();
    let followed = parking_lot::Mutex::new(followed);
    saving::save(&followed, log, &world.scope).await.unwrap();
    let followed = followed.into_inner();
    let restored = Projection::open(log, &world.scope).await.unwrap();
    assert_eq!(restored.offset, followed.offset);
    assert_eq!(bytes_of(&restored), bytes_of(&followed));
    log.drop_checkpoint(&world.scope, CONSUMER).await.unwrap();
    let mut rebuilt = Projection::open(log, &world.scope).await.unwrap();
    assert_eq!(rebuilt.offset, 0);
    rebuilt.catch_up(log, &world.scope).await.unwrap();
    assert_eq!(bytes_of(&rebuilt), bytes_of(&followed));
}

fn bytes_of(projection: &Projection) -> Vec<StatePart> {
    let parts: Result<_, _> = saving::parts_of(&projection.state).collect();
    parts.unwrap()
}

#[tokio::test]
async fn too_little_to_learn_from_is_said() {
    let world = World::new().await;
    let error = world.train().await.unwrap_err();
    assert!(matches!(error, Error::TooLittle { .. }), "{error}");
}

#[tokio::test]
async fn a_rollback_is_followed_at_once() {
    let world = World::new().await;
    world.live().await;
    let first = world.train().await.unwrap().model;
    let second = world.train().await.unwrap().model;
    let person = Some(world.listener("person 0"));
    assert_eq!(world.ask(|r| r.listener = person).await.model, Some(second));
    promote(&world.stores, &world.scope, first).await.unwrap();
    assert_eq!(world.ask(|r| r.listener = person).await.model, Some(first));
    let alias = world.storage.alias(&world.scope, PRODUCTION).await.unwrap();
    assert_eq!(alias.map(|model| model.id), Some(first));
}
