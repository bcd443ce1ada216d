//! How long an answer of 20 places takes, by stage, in one thread: 200 candidates of five sources, ordered
//! and explained by a ranker. Prints one JSON object.
//!
//! The world follows from a seed: 1,000 tracks with embeddings, 500 listeners who play 80 tracks each near
//! their taste and skip a part of them, a model trained on that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::chance::{Seed, SeededEntropy, SplitMix64};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::training::TrainingRequest;
use leitmotif_domain::{
    EventId, JobId, ListenerId, OperatorScope, TenantId, TenantScope, Timestamp, TrackId,
};
use leitmotif_features::Features;
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::service::Stores;
use leitmotif_recommend::train::{TrainingRun, train};
use leitmotif_recommend::{RecommendRequest, Recommender};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{Accounts, CatalogStore, EventLog, TrackPatch, VectorStore};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TRACKS: usize = 1_000;
const LISTENERS: usize = 500;
const PLAYS: usize = 80;
const DIMENSIONS: usize = 16;
/// Tracks a listener chooses each play from: the nearest to the taste of so many drawn ones.
const DRAWN: usize = 8;
const ROUNDS: usize = 20;
const PLACES: usize = 20;
const T0: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 86_400_000;

struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    scope: TenantScope,
    stores: Stores,
    listeners: Vec<ListenerId>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::new().await;
    let run = TrainingRun {
        job: JobId::from_u128(1),
        request: TrainingRequest::default(),
    };
    let report = train(&world.stores, &world.scope, &run, |_| {})
        .await
        .expect("enough plays to learn from");
    let (exposures, _writer) = ExposureWriter::start(world.storage.clone());
    let recommender = Recommender::new(world.stores.clone(), exposures);
    let mut took = Vec::new();
    let mut stages: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for round in 0..=ROUNDS {
        for listener in &world.listeners {
            let request = RecommendRequest {
                listener: Some(*listener),
                count: PLACES,
                placement: "bench".to_owned(),
                ..RecommendRequest::default()
            };
            let start = Instant::now();
            let answered = recommender.rank(&world.scope, request).await;
            let us = start.elapsed().as_secs_f64() * 1e6;
            let answered = answered.expect("a listener with plays");
            assert_eq!(answered.tracks.len(), PLACES);
            if round > 0 {
                took.push(us);
                for span in answered.spans {
                    let of_stage = stages.entry(span.name).or_default();
                    of_stage.push(span.duration_us);
                }
            }
        }
    }
    took.sort_by(f64::total_cmp);
    let median = |mut spans: Vec<u64>| {
        spans.sort_unstable();
        spans[spans.len() / 2]
    };
    let stages: BTreeMap<_, _> = (stages.into_iter())
        .map(|(name, spans)| (name, median(spans)))
        .collect();
    let told = serde_json::json!({
        "median_us": took[took.len() / 2],
        "p1_us": took[took.len() / 100],
        "p99_us": took[took.len() * 99 / 100],
        "median_us_by_stage": stages,
        "ordered_by_ranker": report.ranker.is_some_and(|ranker| ranker.is_in_use),
    });
    println!("{told}");
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(T0)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage = Arc::new(MemoryStorage::new(clock.clone(), entropy.clone()));
        let seal = SealKey::new([1; 32]);
        let tenant = Tenant {
            id: TenantId::from_u128(7),
            name: "bench".to_owned(),
            created_at: Timestamp::from_ms(0),
        };
        let operator = OperatorScope::of_platform(&seal, "bench");
        let created = storage.create_tenant(&operator, tenant.clone()).await;
        created.expect("a new tenant");
        let scope = seal.open(&seal.seal_for(&tenant)).expect("our own seal");
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
        let names = (0..LISTENERS).map(|at| format!("listener {at}"));
        let listeners = names.map(|name| ListenerId::of_name(scope.tenant(), &name));
        let world = Self {
            listeners: listeners.collect(),
            storage,
            clock,
            scope,
            stores,
        };
        let mut chance = Seed(3).rng();
        let vectors: Vec<_> = (0..TRACKS).map(|_| direction(&mut chance)).collect();
        let tracks = world.add_tracks(&vectors).await;
        world.live(&tracks, &vectors, &mut chance).await;
        world
    }

    async fn add_tracks(&self, vectors: &[Vec<f32>]) -> Vec<TrackId> {
        let patches = (0..vectors.len()).map(|at| TrackPatch {
            details: TrackDetails {
                title: format!("song {at}"),
                artist: format!("artist {}", at % (TRACKS / 5)),
                ..TrackDetails::default()
            },
            ..TrackPatch::default()
        });
        let written = self.storage.upsert_tracks(&self.scope, patches.collect());
        let tracks: Vec<TrackId> = written
            .await
            .expect("valid tracks")
            .iter()
            .map(|one| one.id)
            .collect();
        let space = "sound-1".parse().expect("a valid space");
        let rows = tracks
            .iter()
            .copied()
            .zip(vectors.iter().cloned())
            .collect();
        let embedded = self.storage.upsert(&self.scope, &space, rows).await;
        embedded.expect("finite vectors");
        tracks
    }

    /// Everybody plays the nearest of a few drawn tracks; the farther it is, the likelier it is skipped, and
    /// every fourth track is left by nearly all: that is what a ranker knows better than the blend.
    async fn live(&self, tracks: &[TrackId], vectors: &[Vec<f32>], chance: &mut SplitMix64) {
        let tastes: Vec<_> = (0..LISTENERS).map(|_| direction(chance)).collect();
        for _ in 0..PLAYS {
            let mut events = Vec::with_capacity(LISTENERS);
            for (listener, taste) in self.listeners.iter().zip(&tastes) {
                let near = |track: &usize| dot(&vectors[*track], taste);
                let drawn = (0..DRAWN).map(|_| chance.next_below(tracks.len()));
                let track = drawn.max_by(|a, b| near(a).total_cmp(&near(b)));
                let track = track.unwrap_or_default();
                let liked = if track % 4 == 0 {
                    0.1
                } else {
                    near(&track) + 0.4
                };
                let is_skipped = chance.next_f64() > f64::from(liked);
                let (outcome, played_ms) = if is_skipped {
                    (ListenOutcome::Skipped, 20_000)
                } else {
                    (ListenOutcome::Completed, 200_000)
                };
                let listen = Listen {
                    played_ms: Some(played_ms),
                    track_ms: Some(200_000),
                    ..Listen::of(tracks[track], outcome)
                };
                self.clock
                    .advance_ms(60 * DAY_MS / (PLAYS * LISTENERS) as i64);
                events.push(Event {
                    event_id: EventId::generate(self.clock.as_ref(), self.stores.entropy.as_ref()),
                    occurred_at: leitmotif_domain::Clock::now(self.clock.as_ref()),
                    listener: Some(*listener),
                    schema_version: EVENT_SCHEMA_VERSION,
                    payload: EventPayload::Listen(listen),
                });
            }
            let appended = self.storage.append(&self.scope, events).await;
            appended.expect("valid events");
        }
    }
}

fn direction(chance: &mut SplitMix64) -> Vec<f32> {
    let drawn: Vec<f32> = (0..DIMENSIONS)
        .map(|_| chance.next_f64() as f32 - 0.5)
        .collect();
    let length = dot(&drawn, &drawn).sqrt();
    drawn.iter().map(|x| x / length).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
