//! The job over a store in memory, with an encoder that counts letters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::job::Progress;
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::{Clock, ErrorKind, TenantScope, Timestamp, TrackId};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{CatalogStore, TrackPatch, VectorSpace, VectorStore};

use super::{LyricsEncoder, encode_lyrics, vector_of};
use crate::catalogue::{Catalogue, lyrics_of};
use crate::error::{Error, Result};
use crate::lyrics_space::LyricsSpaces;
use crate::testing::store_of_one;

/// Counts `a` and `b`; knows nothing else, and breaks at a `!`.
struct Letters {
    space: VectorSpace,
    calls: AtomicUsize,
}

impl Letters {
    fn new(files_hash: u64) -> Arc<Self> {
        Arc::new(Self {
            space: VectorSpace::of_lyrics_encoder(files_hash),
            calls: AtomicUsize::new(0),
        })
    }
}

impl LyricsEncoder for Letters {
    fn space(&self) -> &VectorSpace {
        &self.space
    }

    fn dimensions(&self) -> usize {
        2
    }

    fn window_tokens(&self) -> usize {
        8
    }

    fn embed(&self, text: &str) -> Result<Option<Vec<f32>>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if text.contains('!') {
            let reason = "a mark".to_owned();
            return Err(Error::Encoder { reason });
        }
        let [a, b] = ['a', 'b'].map(|letter| text.matches(letter).count() as f32);
        let length = a.hypot(b);
        Ok((length > 0.0).then(|| vec![a / length, b / length]))
    }
}

struct World {
    storage: Arc<MemoryStorage>,
    scope: TenantScope,
    catalogue: Arc<Catalogue>,
}

impl World {
    async fn new(songs: &[&str]) -> (Self, Vec<TrackId>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let (storage, scope) = store_of_one(clock.clone()).await;
        let time: Arc<dyn Clock> = clock;
        let catalogue = Arc::new(Catalogue::over(&storage, &time));
        let world = Self {
            storage,
            scope,
            catalogue,
        };
        let mut ids = Vec::new();
        for words in songs {
            ids.push(world.write(None, words).await);
        }
        (world, ids)
    }

    fn with(&self, encoder: Arc<Letters>) -> LyricsSpaces {
        LyricsSpaces::new(Arc::clone(&self.catalogue), Some(encoder))
    }

    async fn write(&self, id: Option<TrackId>, words: &str) -> TrackId {
        let patch = TrackPatch {
            id,
            details: TrackDetails {
                title: "T".to_owned(),
                artist: "A".to_owned(),
                ..TrackDetails::default()
            },
            audio: None,
            lyrics: lyrics_of(words),
        };
        let written = self.storage.upsert_tracks(&self.scope, vec![patch]).await;
        written.unwrap()[0].id
    }

    async fn encode(&self, encoder: &Arc<Letters>) -> Result<Vec<VectorSpace>> {
        let spaces = self.with(Arc::clone(encoder));
        encode_lyrics(&spaces, &self.scope, |_| {}).await
    }

    async fn held(&self) -> Vec<(VectorSpace, u64)> {
        self.storage.spaces(&self.scope).await.unwrap()
    }

    async fn vector(&self, encoder: &Letters, track: TrackId) -> Option<Vec<f32>> {
        let found = self.storage.vector(&self.scope, &encoder.space, track);
        found.await.unwrap()
    }
}

#[tokio::test]
async fn every_song_is_embedded_once_and_progress_ends_at_its_total() {
    let (world, ids) = World::new(&["aaa", "ab", "1 2 3"]).await;
    let encoder = Letters::new(1);
    let spaces = world.with(Arc::clone(&encoder));
    let mut told: Vec<Progress> = Vec::new();
    let done = encode_lyrics(&spaces, &world.scope, |progress| told.push(progress));
    assert_eq!(done.await.unwrap(), []);
    assert_eq!(world.held().await, [(encoder.space.clone(), 2)]);
    assert_eq!(world.vector(&encoder, ids[0]).await, Some(vec![1.0, 0.0]));
    let steps: Vec<(u64, u64)> = told.iter().map(|one| (one.done, one.total)).collect();
    assert_eq!(steps, [(0, 3), (1, 3), (2, 3), (3, 3), (3, 3)]);
    // Those that are in the space are not embedded again.
    let later = world.write(None, "bb").await;
    encoder.calls.store(0, Ordering::Relaxed);
    world.encode(&encoder).await.unwrap();
    assert_eq!(encoder.calls.load(Ordering::Relaxed), 2);
    assert_eq!(world.vector(&encoder, later).await, Some(vec![0.0, 1.0]));
}

#[tokio::test]
async fn a_job_that_is_cut_off_goes_on() {
    let (world, _) = World::new(&["a", "b", "ab"]).await;
    let encoder = Letters::new(1);
    let (spaces, scope) = (world.with(Arc::clone(&encoder)), world.scope.clone());
    let cut = tokio::spawn(async move {
        let work = encode_lyrics(&spaces, &scope, |progress| {
            if progress.done == 2 {
                std::panic::resume_unwind(Box::new("cut"));
            }
        });
        work.await.map(drop)
    });
    assert!(cut.await.is_err());
    assert_eq!(world.held().await, [(encoder.space.clone(), 2)]);
    encoder.calls.store(0, Ordering::Relaxed);
    world.encode(&encoder).await.unwrap();
    assert_eq!(encoder.calls.load(Ordering::Relaxed), 1);
    assert_eq!(world.held().await, [(encoder.space.clone(), 3)]);
}

#[tokio::test]
async fn a_song_that_fails_is_told_of_and_the_others_are_embedded() {
    let (world, ids) = World::new(&["a", "a!", "b!", "b"]).await;
    let (former, encoder) = (Letters::new(1), Letters::new(2));
    let one = vec![(ids[0], vec![1.0, 0.0])];
    let seeded = world.storage.upsert(&world.scope, &former.space, one);
    seeded.await.unwrap();
    let refused = world.encode(&encoder).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let said = refused.to_string();
    let first = ids[1].to_string();
    assert!(
        said.contains("2 songs") && said.contains(&first) && said.contains("a mark"),
        "{said}"
    );
    let held = world.held().await;
    assert_eq!(
        held,
        [(former.space.clone(), 1), (encoder.space.clone(), 2)]
    );
}

#[tokio::test]
async fn another_encoder_replaces_the_former_when_it_is_done() {
    let (world, _) = World::new(&["a", "b"]).await;
    let (former, encoder) = (Letters::new(1), Letters::new(2));
    world.encode(&former).await.unwrap();
    let dropped = world.encode(&encoder).await.unwrap();
    assert_eq!(dropped.as_slice(), std::slice::from_ref(&former.space));
    assert_eq!(world.held().await, [(encoder.space.clone(), 2)]);
    let nothing = LyricsSpaces::new(Arc::clone(&world.catalogue), None);
    let refused = encode_lyrics(&nothing, &world.scope, |_| {}).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("`lyrics_encoder`"), "{refused}");
}

#[tokio::test]
async fn words_that_change_leave_every_encoder_that_did_not_read_them() {
    let (world, ids) = World::new(&["a"]).await;
    let (former, encoder) = (Letters::new(1), Letters::new(2));
    world.encode(&former).await.unwrap();
    let words = vec![(ids[0], vec![1.0, 0.0])];
    let other: VectorSpace = "leitmotif-words-1".parse().unwrap();
    let written = world.storage.upsert(&world.scope, &other, words);
    written.await.unwrap();
    let spaces = world.with(Arc::clone(&encoder));
    let embedded = spaces.embed_all(&world.scope, "b").await.unwrap();
    assert_eq!(embedded, [(encoder.space.clone(), vec![0.0, 1.0])]);
    assert_eq!(spaces.embed_all(&world.scope, "b!").await.unwrap(), []);
    spaces
        .leave_encoders_but(&world.scope, ids[0], std::slice::from_ref(&encoder.space))
        .await
        .unwrap();
    assert_eq!(world.held().await, [(other, 1)]);
}

#[test]
fn only_what_is_sung_is_embedded() {
    let sung = "[Chorus: bbb]\n[00:12.00]a\n[00:13.50]a b\n";
    let vector = vector_of(Letters::new(1).as_ref(), sung).unwrap().unwrap();
    assert_eq!(vector, [2.0 / 5f32.sqrt(), 1.0 / 5f32.sqrt()]);
}
