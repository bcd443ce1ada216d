//! Learning over a store in memory: what is embedded, replaced, refused and repaired.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::job::Progress;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::{Clock, ErrorKind, TenantScope, Timestamp, TrackId};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{
    BlobStore, CatalogStore, TrackFilter, TrackPatch, VectorSpace, VectorStore,
};

use super::{LyricsSpaces, learn_lyrics};
use crate::catalogue::{Catalogue, lyrics_of};
use crate::testing::store_of_one;

struct World {
    storage: Arc<MemoryStorage>,
    scope: TenantScope,
    spaces: LyricsSpaces,
}

/// Words of a subject and words that all share.
fn song(number: usize, subject: &str) -> String {
    let word = |at: usize| match at % 2 {
        0 => format!("{subject}{}", (number * 7 + at * at) % 61),
        _ => format!("all{}", (number * 5 + at * at) % 41),
    };
    let words: Vec<String> = (0..40).map(word).collect();
    words.join(" ")
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let (storage, scope) = store_of_one(clock.clone()).await;
        let time: Arc<dyn Clock> = clock;
        let catalogue = Arc::new(Catalogue::over(&storage, &time));
        Self {
            storage,
            scope,
            spaces: LyricsSpaces::new(catalogue, None),
        }
    }

    async fn with_songs(count: usize) -> Self {
        let world = Self::new().await;
        for number in 0..count {
            world.add(&song(number, ["sea", "war"][number % 2])).await;
        }
        world
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

    async fn add(&self, words: &str) -> TrackId {
        self.write(None, words).await
    }

    async fn learn(&self) -> crate::error::Result<VectorSpace> {
        let learned = learn_lyrics(&self.spaces, &self.scope, |_| {}).await;
        learned.map(|learned| learned.space())
    }

    async fn held(&self) -> Vec<(String, u64)> {
        let spaces = self.storage.spaces(&self.scope).await.unwrap();
        let told = spaces
            .into_iter()
            .map(|(space, count)| (space.to_string(), count));
        told.collect()
    }

    async fn vector(&self, space: &VectorSpace, track: TrackId) -> Option<Vec<f32>> {
        self.storage
            .vector(&self.scope, space, track)
            .await
            .unwrap()
    }
}

/// Finishes work of the store in memory, which never waits.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("the store in memory does not wait"),
    }
}

#[tokio::test]
async fn every_song_is_embedded_and_progress_ends_at_its_total() {
    let world = World::with_songs(250).await;
    let nothing = world.add("χρόνος").await;
    let mut told: Vec<Progress> = Vec::new();
    let learned = learn_lyrics(&world.spaces, &world.scope, |progress| told.push(progress));
    let learned = learned.await.unwrap();
    assert_eq!(world.held().await, [("leitmotif-lyrics-1".to_owned(), 250)]);
    assert_eq!((learned.number, learned.songs), (1, 251));
    assert_eq!(world.vector(&learned.space(), nothing).await, None);
    let done: Vec<u64> = told.iter().map(|progress| progress.done).collect();
    assert!(done.is_sorted() && told.iter().all(|progress| progress.total == 753));
    assert_eq!((done[0], done.last()), (0, Some(&753)));
}

#[tokio::test]
async fn too_few_songs_leave_what_is_in_use() {
    let world = World::with_songs(60).await;
    let space = world.learn().await.unwrap();
    let other = World::with_songs(49).await;
    let refused = other.learn().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("50 are needed"), "{refused}");
    assert!(other.held().await.is_empty());
    let (all, first) = (TrackFilter::default(), PageRequest::new(Some(20), None));
    let first = first.unwrap();
    let tracks = world.storage.list_tracks(&world.scope, &all, &first);
    for track in tracks.await.unwrap().items {
        world
            .storage
            .delete_track(&world.scope, track.id)
            .await
            .unwrap();
    }
    assert!(world.learn().await.is_err());
    let current = world.spaces.current(&world.scope).await.unwrap();
    assert_eq!(current.map(|learned| learned.space()), Some(space));
}

#[tokio::test]
async fn later_songs_are_embedded_as_the_job_would() {
    let world = World::with_songs(80).await;
    assert_eq!(
        world.spaces.embed(&world.scope, "sea1").await.unwrap(),
        None
    );
    let space = world.learn().await.unwrap();
    let words = song(3, "war");
    let (named, vector) = world
        .spaces
        .embed(&world.scope, &words)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(named, space);
    let track = world.add(&words).await;
    let again = world.learn().await.unwrap();
    assert_eq!(again.as_str(), "leitmotif-lyrics-2");
    // A copy of a known song teaches nothing, so the axes are the same.
    assert_eq!(world.vector(&again, track).await, Some(vector));
    let fresh = LyricsSpaces::new(world.spaces.catalogue.clone(), None);
    let read = fresh.current(&world.scope).await.unwrap();
    assert_eq!(read, world.spaces.current(&world.scope).await.unwrap());
}

#[tokio::test]
async fn a_former_space_stays_while_it_is_read() {
    let world = World::with_songs(60).await;
    let first = world.learn().await.unwrap();
    let second = world.learn().await.unwrap();
    let drop = async |read: &[VectorSpace]| {
        let dropped = world.spaces.drop_former(&world.scope, read).await;
        dropped.unwrap()
    };
    assert!(drop(std::slice::from_ref(&first)).await.is_empty());
    assert_eq!(drop(&[]).await, [first]);
    assert!(drop(&[]).await.is_empty());
    assert_eq!(world.held().await, [(second.to_string(), 60)]);
}

#[tokio::test]
async fn songs_that_change_while_it_is_learned_are_not_missed() {
    let world = World::with_songs(60).await;
    let (changed, gone) = (
        world.add(&song(100, "sea")).await,
        world.add("sea1 sea2 all1").await,
    );
    let mut came = None;
    let learned = learn_lyrics(&world.spaces, &world.scope, |progress| {
        // After everything was embedded, before it is in use.
        if progress.done == progress.total && came.is_none() {
            came = Some(at_once(world.add("war1 war2 war3")));
            at_once(world.write(Some(changed), "war5 war6 all1"));
            at_once(world.storage.delete_track(&world.scope, gone)).unwrap();
        }
    });
    let learned = learned.await.unwrap();
    let of = |words: &str| learned.embedding.embed(words.split_whitespace());
    let space = learned.space();
    assert_eq!(
        world.vector(&space, came.unwrap()).await,
        of("war1 war2 war3")
    );
    assert_eq!(world.vector(&space, changed).await, of("war5 war6 all1"));
    assert_eq!(world.vector(&space, gone).await, None);
}

#[tokio::test]
async fn a_damaged_document_costs_vectors_and_is_replaced() {
    let world = World::with_songs(60).await;
    world.learn().await.unwrap();
    let key = "lyrics/space".parse().unwrap();
    let broken = world.storage.put(&world.scope, &key, vec![7; 90].into());
    broken.await.unwrap();
    let spaces = LyricsSpaces::new(world.spaces.catalogue.clone(), None);
    let error = spaces.current(&world.scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(spaces.embed(&world.scope, "sea1").await.unwrap(), None);
    let learned = learn_lyrics(&spaces, &world.scope, |_| {}).await.unwrap();
    assert_eq!(learned.number, 2, "no space gets another's vectors");
    assert!(
        spaces
            .embed(&world.scope, "sea1 sea2")
            .await
            .unwrap()
            .is_some()
    );
}
