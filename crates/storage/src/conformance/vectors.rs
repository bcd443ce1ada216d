//! Vectors.

use std::sync::Arc;

use leitmotif_domain::{ErrorKind, TrackId, limits};

use super::kind_of;
use super::world::World;
use crate::ports::{VectorFilter, VectorSpace, current_spaces};

fn space(name: &str) -> VectorSpace {
    name.parse().unwrap()
}

fn track(id: u128) -> TrackId {
    TrackId::from_u128(id)
}

pub async fn bad_vectors_are_refused(world: &World) {
    let (scope, vectors, sound) = (world.first(), &world.vectors, space("sound-1"));
    let good = vec![(track(1), vec![1.0, 0.0])];
    vectors.upsert(&scope, &sound, good).await.unwrap();
    vectors.upsert(&scope, &sound, Vec::new()).await.unwrap();
    for bad in [
        vec![],
        vec![0.0, 0.0],
        vec![f32::NAN, 1.0],
        vec![f32::INFINITY, 1.0],
        vec![1.0, 0.0, 0.0],
        vec![1.0; limits::VECTOR_DIMENSION_MAX + 1],
    ] {
        let batch = vec![(track(2), vec![0.0, 1.0]), (track(3), bad.clone())];
        let refused = vectors.upsert(&scope, &sound, batch).await;
        assert_eq!(kind_of(refused), ErrorKind::Invalid, "{bad:?}");
        let refused = vectors.nearest(&scope, &sound, &bad, 1, None).await;
        assert_eq!(kind_of(refused), ErrorKind::Invalid, "{bad:?}");
    }
    assert_eq!(vectors.spaces(&scope).await.unwrap(), [(sound, 1)]);
    let mixed = vec![(track(1), vec![1.0]), (track(2), vec![1.0, 2.0])];
    let refused = vectors.upsert(&scope, &space("mixed"), mixed).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
    assert_eq!(vectors.spaces(&scope).await.unwrap().len(), 1);
}

pub async fn neighbours_come_nearest_first(world: &World) {
    let (scope, vectors, sound) = (world.first(), &world.vectors, space("sound-1"));
    let query = [1.0, 0.0];
    let nobody = vectors.nearest(&scope, &sound, &query, 5, None).await;
    assert_eq!(nobody.unwrap(), []);
    let batch = [
        (4, [1.0, 1.0]),
        (3, [1.0, 1.0]),
        (2, [0.0, 3.0]),
        (1, [5.0, 0.0]),
    ];
    let batch = batch.map(|(id, vector)| (track(id), vector.to_vec()));
    vectors
        .upsert(&scope, &sound, batch.to_vec())
        .await
        .unwrap();
    let ids = async |count, filter: Option<VectorFilter>| {
        let found = vectors.nearest(&scope, &sound, &query, count, filter).await;
        let found = found.unwrap();
        found
            .iter()
            .map(|one| one.track.as_u128())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(9, None).await, [1, 3, 4, 2]);
    assert_eq!(ids(2, None).await, [1, 3]);
    assert_eq!(ids(0, None).await, [] as [u128; 0]);
    let is_even: VectorFilter = Arc::new(|id: TrackId| id.as_u128().is_multiple_of(2));
    assert_eq!(ids(9, Some(is_even)).await, [4, 2]);
    let found = vectors
        .nearest(&scope, &sound, &query, 9, None)
        .await
        .unwrap();
    for (one, distance) in found.iter().zip([0.0, 0.292_893, 0.292_893, 1.0]) {
        // The index works in f32 on unit vectors of two components.
        assert!((one.distance - distance).abs() < 1e-5, "{one:?}");
    }
    vectors.remove(&scope, track(3)).await.unwrap();
    vectors.remove(&scope, track(3)).await.unwrap();
    assert_eq!(ids(9, None).await, [1, 4, 2]);
    let moved = vec![(track(2), vec![1.0, 0.1])];
    vectors.upsert(&scope, &sound, moved).await.unwrap();
    assert_eq!(ids(9, None).await, [1, 2, 4]);
}

pub async fn vectors_are_read_as_written(world: &World) {
    let (scope, vectors) = (world.first(), &world.vectors);
    let (sound, text) = (space("sound-1"), space("text-1"));
    let twice = vec![(track(1), vec![9.0, 9.0]), (track(1), vec![3.0, 4.0])];
    vectors.upsert(&scope, &sound, twice).await.unwrap();
    let other = vec![(track(1), vec![1.0; 7]), (track(2), vec![2.0; 7])];
    vectors.upsert(&scope, &text, other).await.unwrap();
    let read = vectors.vector(&scope, &sound, track(1)).await.unwrap();
    assert_eq!(read, Some(vec![3.0, 4.0]));
    assert_eq!(
        vectors.vector(&scope, &sound, track(2)).await.unwrap(),
        None
    );
    let spaces = vectors.spaces(&scope).await.unwrap();
    assert_eq!(spaces, [(sound.clone(), 1), (text.clone(), 2)]);
    vectors.remove(&scope, track(1)).await.unwrap();
    assert_eq!(
        vectors.vector(&scope, &sound, track(1)).await.unwrap(),
        None
    );
    assert_eq!(vectors.spaces(&scope).await.unwrap(), [(text, 1)]);
}

pub async fn an_emptied_space_takes_another_dimension(world: &World) {
    let (scope, vectors, sound) = (world.first(), &world.vectors, space("sound-1"));
    let flat = vec![(track(1), vec![1.0, 0.0])];
    vectors.upsert(&scope, &sound, flat).await.unwrap();
    vectors.remove(&scope, track(1)).await.unwrap();
    let query = [0.0, 0.0, 1.0];
    let nobody = vectors.nearest(&scope, &sound, &query, 5, None).await;
    assert_eq!(nobody.unwrap(), []);
    let deep = vec![
        (track(2), vec![0.0, 0.0, 2.0]),
        (track(1), vec![0.0, 1.0, 0.0]),
    ];
    vectors.upsert(&scope, &sound, deep).await.unwrap();
    let found = vectors
        .nearest(&scope, &sound, &query, 5, None)
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|one| one.track.as_u128()).collect();
    assert_eq!(ids, [2, 1]);
}

pub async fn a_track_leaves_the_spaces_that_are_meant(world: &World) {
    let (scope, vectors) = (world.first(), &world.vectors);
    let (sound, text) = (space("sound-1"), space("text-1"));
    let flat = vec![(track(1), vec![1.0, 0.0]), (track(2), vec![0.0, 1.0])];
    for space in [&sound, &text] {
        vectors.upsert(&scope, space, flat.clone()).await.unwrap();
    }
    let leave = async |track: TrackId, name: &'static str| {
        let is_meant = Arc::new(move |space: &VectorSpace| space.as_str() == name);
        vectors.remove_from(&scope, track, is_meant).await.unwrap();
    };
    leave(track(1), "text-1").await;
    leave(track(1), "text-1").await;
    leave(track(2), "nowhere").await;
    let gone = vectors.vector(&scope, &text, track(1)).await.unwrap();
    assert_eq!(gone, None);
    let left = vectors.nearest(&scope, &text, &[1.0, 0.0], 5, None).await;
    let left: Vec<_> = left.unwrap().iter().map(|one| one.track).collect();
    assert_eq!(left, [track(2)]);
    let kept = vectors.spaces(&scope).await.unwrap();
    assert_eq!(kept, [(sound.clone(), 2), (text, 1)]);
    leave(track(2), "text-1").await;
    assert_eq!(vectors.spaces(&scope).await.unwrap(), [(sound, 2)]);
}

pub async fn a_removed_space_is_gone(world: &World) {
    let (scope, vectors) = (world.first(), &world.vectors);
    let (sound, text) = (space("sound-1"), space("text-1"));
    vectors.remove_space(&scope, &sound).await.unwrap();
    let flat = vec![(track(1), vec![1.0, 0.0]), (track(2), vec![0.0, 1.0])];
    for space in [&sound, &text] {
        vectors.upsert(&scope, space, flat.clone()).await.unwrap();
    }
    vectors.remove_space(&scope, &sound).await.unwrap();
    let spaces = vectors.spaces(&scope).await.unwrap();
    assert_eq!(spaces, [(text.clone(), 2)]);
    let gone = vectors.vector(&scope, &sound, track(1)).await.unwrap();
    assert_eq!(gone, None);
    let nobody = vectors.nearest(&scope, &sound, &[1.0, 0.0], 5, None).await;
    assert_eq!(nobody.unwrap(), []);
    // The name is free, for any dimension.
    let deep = vec![(track(3), vec![0.0, 0.0, 1.0])];
    vectors.upsert(&scope, &sound, deep).await.unwrap();
    let found = vectors.nearest(&scope, &sound, &[0.0, 1.0, 1.0], 5, None);
    let ids: Vec<_> = found.await.unwrap().iter().map(|one| one.track).collect();
    assert_eq!(ids, [track(3)]);
    vectors.remove(&scope, track(2)).await.unwrap();
    assert_eq!(
        vectors.spaces(&scope).await.unwrap(),
        [(sound, 1), (text, 1)]
    );
}

pub async fn a_later_learning_replaces_a_former(world: &World) {
    let (scope, vectors) = (world.first(), &world.vectors);
    let learned = VectorSpace::of_learned_lyrics;
    let odd = space("leitmotif-lyrics-x");
    let encoder = VectorSpace::of_lyrics_encoder(0xab);
    assert_eq!(encoder.as_str(), "leitmotif-encoder-00000000000000ab");
    assert!(encoder.is_of_lyrics_encoder() && !odd.is_of_lyrics_encoder());
    let sound = space("sound-1");
    for space in [&learned(9), &learned(10), &encoder, &sound, &odd] {
        let one = vec![(track(1), vec![1.0, 0.0])];
        vectors.upsert(&scope, space, one).await.unwrap();
    }
    assert_eq!(vectors.spaces(&scope).await.unwrap().len(), 5);
    let current = current_spaces(vectors.as_ref(), &scope).await.unwrap();
    let names: Vec<_> = current.into_iter().map(|(space, _)| space).collect();
    assert_eq!(names, [encoder, learned(10), odd, sound]);
}
