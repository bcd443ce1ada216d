//! Tracks that a person confirmed to be one recording, in everything that lists tracks.

use std::collections::HashSet;

use leitmotif_domain::Clock;
use leitmotif_recommend::playlists::{Period, PlaylistKind, PlaylistRequest, generate};
use leitmotif_recommend::search::{Constraints, NearRequest};
use leitmotif_recommend::{RecommendedTrack, Searcher};
use leitmotif_storage::duplicates::{
    DuplicateGroup, DuplicateReport, DuplicateTrack, announce, decide, keep_report,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

impl World {
    /// Finds groups, of which the first track stands for each, and says that they are one recording or
    /// not; `None` leaves it open.
    async fn group(&self, groups: &[Vec<TrackId>], is_confirmed: Option<bool>) {
        let group = |tracks: &Vec<TrackId>| {
            let mut ids = tracks.clone();
            ids.sort();
            let track = |track| DuplicateTrack {
                track,
                bit_error_rate: 0.1,
                offset_s: 0.0,
            };
            DuplicateGroup {
                canonical: tracks[0],
                tracks: ids.into_iter().map(track).collect(),
                shared_id: None,
            }
        };
        let now = self.clock.now();
        let report = DuplicateReport {
            searched_at: Some(now),
            groups: groups.iter().map(group).collect(),
            ..DuplicateReport::default()
        };
        let blobs = self.stores.blobs.as_ref();
        keep_report(blobs, &self.scope, &report).await.unwrap();
        for group in report.groups.iter().filter(|_| is_confirmed.is_some()) {
            let said = is_confirmed == Some(true);
            decide(blobs, &self.scope, group, said, None).await.unwrap();
        }
        let id = EventId::generate(self.clock.as_ref(), self.stores.entropy.as_ref());
        let log = self.stores.log.as_ref();
        announce(log, &self.scope, id, "test", now).await.unwrap();
    }

    async fn all(&self, listener: &str) -> Vec<TrackId> {
        let listener = Some(self.listener(listener));
        let answer = self.ask(|request| {
            request.listener = listener;
            request.count = 100;
        });
        ids(&answer.await.tracks)
    }
}

fn ids(tracks: &[RecommendedTrack]) -> Vec<TrackId> {
    tracks.iter().map(|place| place.track).collect()
}

#[tokio::test]
async fn only_a_confirmed_group_counts_and_its_canonical_track_stands_for_it() {
    let world = World::new().await;
    let [one, two, three] = [world.tracks[4], world.tracks[20], world.tracks[30]];
    let group = [vec![two, one, three]];
    let count = world.tracks.len();
    assert_eq!(world.all("a").await.len(), count);
    for open in [None, Some(false)] {
        world.group(&group, open).await;
        assert_eq!(world.all("a").await.len(), count, "{open:?}");
    }
    world.group(&group, Some(true)).await;
    let listed = world.all("a").await;
    assert_eq!(listed.len(), count - 2);
    assert!(listed.contains(&two) && !listed.contains(&one) && !listed.contains(&three));
    // One that is gone is stood in for by the next.
    world.storage.delete_track(&world.scope, two).await.unwrap();
    let listed = world.all("a").await;
    let there = [one, three].map(|track| listed.contains(&track));
    assert_eq!(there.iter().filter(|is_there| **is_there).count(), 1);
    // A search that finds another track in the group opens it again.
    let fresh = world.add_track("a third copy", "somebody").await;
    world.group(&[vec![one, three, fresh]], None).await;
    let listed = world.all("a").await;
    assert!(
        [one, three, fresh]
            .iter()
            .all(|track| listed.contains(track))
    );
}

#[tokio::test]
async fn what_was_heard_or_rejected_of_one_version_was_so_of_all() {
    let world = World::new().await;
    let group = world.tracks[..6].to_vec();
    world.group(std::slice::from_ref(&group), Some(true)).await;
    let is_listed = |listed: &[TrackId]| group.iter().any(|track| listed.contains(track));
    assert!(is_listed(&world.all("a").await));
    // Enough else is left for a list of ten, so that nothing known is shown.
    let ten = |name: &'static str| {
        let listener = Some(world.listener(name));
        world.ask(move |request| request.listener = listener)
    };
    for (name, outcome) in [
        ("b", ListenOutcome::Completed),
        ("c", ListenOutcome::Skipped),
    ] {
        world.play(name, group[3], outcome).await;
        assert!(!is_listed(&ids(&ten(name).await.tracks)), "{name}");
    }
    let seeded = world.ask(|request| {
        request.seeds = vec![group[5]];
        request.count = 100;
    });
    assert!(
        !is_listed(&ids(&seeded.await.tracks)),
        "a seed is no answer"
    );
    // Who loves one version and rejects another does not hear it where all is known.
    for track in &world.tracks {
        world.play("d", *track, ListenOutcome::Completed).await;
    }
    let dislike = EventPayload::Feedback(Feedback {
        track: group[2],
        opinion: Opinion::Dislike,
    });
    world.append(Some(world.listener("d")), dislike).await;
    let listed = world.all("d").await;
    assert_eq!(listed.len(), world.tracks.len() - group.len());
    assert!(!is_listed(&listed));
}

#[tokio::test]
async fn playlists_and_near_tracks_hold_a_recording_once() {
    let world = World::new().await;
    let space = "leitmotif-audio-test".parse().unwrap();
    let place = |index: usize| vec![1.0, index as f32 / 40.0, 0.3];
    let rows = world.tracks.iter().enumerate();
    let rows = rows.map(|(index, track)| (*track, place(index))).collect();
    world
        .storage
        .upsert(&world.scope, &space, rows)
        .await
        .unwrap();
    let groups: Vec<Vec<TrackId>> = (world.tracks.chunks(3).map(<[TrackId]>::to_vec)).collect();
    world.group(&groups, Some(true)).await;
    let number = |track: &TrackId| {
        world
            .tracks
            .iter()
            .position(|known| known == track)
            .unwrap()
            / 3
    };
    let is_once = |tracks: &[TrackId]| {
        let recordings: HashSet<usize> = tracks.iter().map(number).collect();
        recordings.len() == tracks.len()
    };
    let make = async |kind: PlaylistKind| {
        let request = PlaylistRequest {
            kind,
            listener: Some(world.listener("a")),
            count: 8,
            arc: None,
            only: None,
            is_private: false,
        };
        generate(&world.recommender, &world.scope, &request).await
    };
    let seeds = PlaylistKind::Seeds(vec![world.tracks[7], world.tracks[6], world.tracks[30]]);
    let made = make(seeds).await.unwrap().tracks;
    assert!(made.len() == 8 && is_once(&made), "{made:?}");
    assert!(
        made.contains(&world.tracks[7]),
        "a seed stays the one that was named"
    );
    for track in &world.tracks[..18] {
        world.play("a", *track, ListenOutcome::Completed).await;
    }
    let made = make(PlaylistKind::Mix {
        familiarity: 0.5,
        period: Period::Day,
    })
    .await
    .unwrap()
    .tracks;
    assert!(made.len() == 8 && is_once(&made), "{made:?}");
    assert!(
        made.iter()
            .all(|track| groups.iter().any(|group| group[0] == *track))
    );
    let path = |from, to| PlaylistKind::Path { from, to };
    let made = make(path(world.tracks[1], world.tracks[34]))
        .await
        .unwrap()
        .tracks;
    assert!(made.len() == 8 && is_once(&made), "{made:?}");
    let same = make(path(world.tracks[1], world.tracks[2])).await;
    assert!(same.unwrap_err().to_string().contains("same recording"));

    let (exposures, _) = ExposureWriter::start(world.storage.clone());
    let searcher = Searcher::new(Arc::new(Recommender::new(world.stores.clone(), exposures)));
    let request = NearRequest {
        track: world.tracks[1],
        space,
        constraints: Constraints::default(),
        may_read_lyrics: true,
        count: 5,
    };
    let near = searcher.near(&world.scope, request).await.unwrap().unwrap();
    let near: Vec<TrackId> = near.tracks.iter().map(|one| one.track).collect();
    let expected: Vec<TrackId> = groups[1..6].iter().map(|group| group[0]).collect();
    assert_eq!(near, expected, "canonical tracks of others, nearest first");
}

/// Which recording each track is of, with few numbers so that many are the same; who asks, for how
/// many, near what.
fn asked() -> impl Strategy<Value = (Vec<u8>, usize, usize, Vec<usize>, bool)> {
    let tracks = GROUPS * TRACKS_PER_GROUP;
    let recordings = proptest::collection::vec(0_u8..20, tracks);
    let seeds = proptest::collection::vec(0..tracks, 0..3);
    (recordings, 0_usize..30, 1_usize..50, seeds, any::<bool>())
}

#[test]
fn no_list_holds_two_of_a_group() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let world = World::new().await;
        world.live().await;
        world.train().await.unwrap();
        world
    });
    let mut runner = TestRunner::new_with_rng(
        Config::with_cases(40),
        proptest::test_runner::TestRng::deterministic_rng(Config::default().rng_algorithm),
    );
    let outcome = runner.run(
        &asked(),
        |(recordings, person, count, seeds, may_be_heard)| {
            let of = |number: u8| -> Vec<TrackId> {
                let tracks = world.tracks.iter().zip(&recordings);
                let same = tracks.filter(|(_, recording)| **recording == number);
                same.map(|(track, _)| *track).collect()
            };
            let groups: Vec<Vec<TrackId>> =
                (0..20).map(of).filter(|group| group.len() > 1).collect();
            let listed = runtime.block_on(async {
                world.group(&groups, Some(true)).await;
                let listener = world.listener(&format!("person {person}"));
                let answer = world.ask(|request| {
                    request.listener = Some(listener);
                    request.count = count;
                    request.seeds = seeds.iter().map(|seed| world.tracks[*seed]).collect();
                    request.include_heard = may_be_heard;
                });
                ids(&answer.await.tracks)
            });
            for group in &groups {
                let shown = listed.iter().filter(|track| group.contains(*track)).count();
                prop_assert!(shown <= 1, "{shown} of a group");
                prop_assert!(
                    shown == 0 || listed.contains(&group[0]),
                    "not the canonical one"
                );
            }
            Ok(())
        },
    );
    outcome.unwrap();
}
