//! Ways through the sound keep the artists apart.

use leitmotif_recommend::playlists::{PlaylistDraft, PlaylistKind, PlaylistRequest, generate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Places that must lie between two tracks of one artist: the next two are of others.
const GAP: usize = 2;

/// Tracks of these artists along a line, and a way from the first to the last.
async fn way(artists: &[usize], count: usize) -> (Vec<TrackId>, PlaylistDraft) {
    let world = World::new().await;
    let mut tracks = Vec::new();
    for (number, artist) in artists.iter().enumerate() {
        let (title, artist) = (format!("walk {number}"), format!("walker {artist}"));
        tracks.push(world.add_track(&title, &artist).await);
    }
    let last = (tracks.len() - 1) as f32;
    let vector = |number: usize| {
        let share = number as f32 / last;
        vec![1.0 - share, share, 0.1]
    };
    let rows = tracks.iter().enumerate();
    let rows = rows.map(|(number, track)| (*track, vector(number)));
    let space = "leitmotif-audio-test".parse().unwrap();
    let put = world.storage.upsert(&world.scope, &space, rows.collect());
    put.await.unwrap();
    let request = PlaylistRequest {
        kind: PlaylistKind::Path {
            from: tracks[0],
            to: tracks[tracks.len() - 1],
        },
        listener: None,
        count,
        arc: None,
        only: None,
        is_private: true,
    };
    let made = generate(&world.recommender, &world.scope, &request).await;
    (tracks, made.unwrap())
}

#[tokio::test]
async fn a_path_keeps_artists_apart_though_nearer_tracks_are_theirs() {
    // Blocks of one artist along the line: the nearest tracks of a step are of the artist before it.
    let artists: Vec<usize> = (0..24).map(|number| number / 6).collect();
    let (tracks, made) = way(&artists, 8).await;
    assert_eq!(made.tracks.len(), 8);
    assert_eq!(made.tracks[0], tracks[0]);
    assert_eq!(made.tracks.last(), tracks.last());
    assert_eq!(made.crowding, None, "{:?}", made.tracks);
}

#[tokio::test]
async fn a_path_of_one_artist_is_made_and_says_so() {
    let (_, made) = way(&[0; 9], 6).await;
    assert_eq!(made.tracks.len(), 6);
    let told = made.crowding.unwrap();
    assert!(told.starts_with("5 of 6 tracks"), "{told}");
}

#[test]
fn an_artist_comes_too_early_only_where_no_other_is_left() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = (prop::collection::vec(0_usize..5, 4..16), 3_usize..12);
    let mut runner = TestRunner::new(Config::with_cases(30));
    let check = |(artists, count): (Vec<usize>, usize)| {
        let (tracks, made) = runtime.block_on(way(&artists, count));
        let artist = |track: &TrackId| {
            let place = tracks.iter().position(|one| one == track);
            artists[place.unwrap()]
        };
        let path = &made.tracks;
        let distinct: HashSet<&TrackId> = path.iter().collect();
        prop_assert_eq!(distinct.len(), path.len());
        let mut close = 0;
        for place in 1..path.len() {
            let before = &path[place.saturating_sub(GAP)..place];
            let is_close = before.iter().any(|one| artist(one) == artist(&path[place]));
            close += usize::from(is_close);
            // The end is where it is; what stands before it is chosen.
            if is_close && place + 1 < path.len() {
                let is_at_the_end = path.len() - 1 - place <= GAP;
                let mut avoided: Vec<usize> = before.iter().map(artist).collect();
                avoided.extend(is_at_the_end.then(|| artist(&path[path.len() - 1])));
                let unused = tracks
                    .iter()
                    .filter(|one| !path[..place].contains(one) && *one != &path[path.len() - 1]);
                let others = unused.filter(|one| !avoided.contains(&artist(one)));
                prop_assert_eq!(others.count(), 0, "step {} of {:?}", place, path);
            }
        }
        prop_assert_eq!(made.crowding.is_some(), close > 0);
        Ok(())
    };
    runner.run(&cases, check).unwrap();
}
