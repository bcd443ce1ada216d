//! What a listener skips, wherever heard tracks may appear.

use leitmotif_recommend::pipeline::PipelineDefinition;
use leitmotif_recommend::playlists::{Period, PlaylistKind, PlaylistRequest, generate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const DAY_MS: i64 = 86_400_000;

fn ids(answer: &Recommendations) -> Vec<TrackId> {
    answer.tracks.iter().map(|place| place.track).collect()
}

impl World {
    /// What somebody gets where heard tracks may appear.
    async fn heard_too(&self, name: &str, placement: &str) -> Recommendations {
        let listener = Some(self.listener(name));
        self.ask(|request| {
            request.listener = listener;
            request.include_heard = true;
            request.placement = placement.to_owned();
        })
        .await
    }

    async fn playlist_for(&self, name: &str, kind: PlaylistKind) -> Vec<TrackId> {
        let request = PlaylistRequest {
            kind,
            listener: Some(self.listener(name)),
            count: 8,
            arc: None,
            only: None,
            is_private: true,
        };
        let made = generate(&self.recommender, &self.scope, &request).await;
        made.unwrap().tracks
    }

    /// A trained world in which `ann` loves three tracks.
    async fn with_favourites() -> (Self, [TrackId; 3]) {
        let world = Self::new().await;
        world.live().await;
        world.train().await.unwrap();
        let favourites = [world.tracks[1], world.tracks[4], world.tracks[7]];
        for _ in 0..3 {
            for track in favourites {
                world.play("ann", track, ListenOutcome::Completed).await;
            }
        }
        world.clock.advance_ms(DAY_MS);
        (world, favourites)
    }
}

#[tokio::test]
async fn what_was_skipped_more_than_played_is_on_no_list_of_any_placement() {
    let (world, favourites) = World::with_favourites().await;
    let before = ids(&world.heard_too("ann", "home.familiar").await);
    assert!(favourites.iter().any(|track| before.contains(track)));
    for _ in 0..6 {
        for track in favourites {
            world.play("ann", track, ListenOutcome::Skipped).await;
        }
    }
    // For good, and not only in the session.
    for days in [0, 30, 400] {
        world.clock.advance_ms(days * DAY_MS);
        let mut lists = Vec::new();
        for placement in ["home.familiar", "radio", "home.for_you"] {
            lists.push(ids(&world.heard_too("ann", placement).await));
        }
        let seeded = world.ask(|request| {
            request.listener = Some(world.listener("ann"));
            request.seeds = vec![world.tracks[2]];
            request.include_heard = true;
        });
        lists.push(ids(&seeded.await));
        let genre = PlaylistKind::Genre("genre 0".to_owned());
        lists.push(world.playlist_for("ann", genre).await);
        let (familiarity, period) = (1.0, Period::Day);
        let mix = PlaylistKind::Mix {
            familiarity,
            period,
        };
        lists.push(world.playlist_for("ann", mix).await);
        for list in lists {
            assert!(!list.is_empty());
            let skipped = list.iter().find(|track| favourites.contains(track));
            assert_eq!(skipped, None, "{days} days later");
        }
    }
    let seeds = PlaylistKind::Seeds(vec![favourites[0]]);
    let wished = world.playlist_for("ann", seeds).await;
    assert_eq!(wished[0], favourites[0], "who names it hears it");
}

#[tokio::test]
async fn one_skip_takes_a_favourite_out_of_the_session_and_down_for_some_days() {
    let (world, favourites) = World::with_favourites().await;
    let place = |list: &[TrackId], track| list.iter().position(|one| *one == track);
    let before = ids(&world.heard_too("ann", "radio").await);
    let loved = before.iter().position(|one| favourites.contains(one));
    let skipped = before[loved.unwrap()];
    world.play("ann", skipped, ListenOutcome::Skipped).await;
    let next = ids(&world.heard_too("ann", "radio").await);
    assert_eq!(place(&next, skipped), None);
    // Another play goes on with the session.
    world.clock.advance_ms(20 * 60_000);
    world
        .play("ann", world.tracks[2], ListenOutcome::Completed)
        .await;
    let later = ids(&world.heard_too("ann", "radio").await);
    assert_eq!(place(&later, skipped), None);

    let of_skips = async || {
        let answer = world.ask(|request| {
            request.listener = Some(world.listener("ann"));
            request.include_heard = true;
            request.count = 36;
        });
        let answer = answer.await;
        let found = answer.tracks.iter().position(|one| one.track == skipped);
        let reasons = answer.tracks[found.unwrap()].reasons.iter();
        let moved = reasons.filter(|reason| reason.source == Source::Skips);
        (found, moved.map(|reason| reason.contribution).sum::<f32>())
    };
    world.clock.advance_ms(DAY_MS);
    let (tomorrow, moved) = of_skips().await;
    assert!(moved < 0.0);
    world.clock.advance_ms(60 * DAY_MS);
    let (faded, moved) = of_skips().await;
    assert!(
        moved.abs() < 1e-4 && faded < tomorrow,
        "{faded:?} {tomorrow:?}"
    );
}

#[tokio::test]
async fn who_plays_it_on_after_all_has_it_back_at_once() {
    let (world, [loved, ..]) = World::with_favourites().await;
    let before = ids(&world.heard_too("ann", "radio").await);
    assert!(before.contains(&loved));
    world.play("ann", loved, ListenOutcome::Skipped).await;
    let skipped = ids(&world.heard_too("ann", "radio").await);
    assert!(!skipped.contains(&loved));
    world.play("ann", loved, ListenOutcome::Completed).await;
    let after = ids(&world.heard_too("ann", "radio").await);
    assert!(after.contains(&loved));
}

#[tokio::test]
async fn a_pin_goes_before_skips_and_a_dislike_before_a_pin() {
    let (world, favourites) = World::with_favourites().await;
    let title = "song 1";
    let text = format!("rules = ['pin 1 when track.title == \"{title}\"']{UNHURRIED}");
    let definition = Arc::new(PipelineDefinition::parse(&text).unwrap());
    let pinned = async || {
        let answer = world.ask(|request| {
            request.listener = Some(world.listener("ann"));
            request.include_heard = true;
            request.draft = Some(Arc::clone(&definition));
        });
        ids(&answer.await)
    };
    assert_eq!(pinned().await[0], favourites[0]);
    for _ in 0..6 {
        world
            .play("ann", favourites[0], ListenOutcome::Skipped)
            .await;
    }
    assert_eq!(pinned().await[0], favourites[0]);
    let dislike = EventPayload::Feedback(Feedback {
        track: favourites[0],
        opinion: Opinion::Dislike,
    });
    world.append(Some(world.listener("ann")), dislike).await;
    assert!(!pinned().await.contains(&favourites[0]));
}

#[tokio::test]
async fn skips_of_an_artist_move_its_other_tracks_down_unless_they_are_asked_for() {
    let world = World::new().await;
    // Eight of an artist nobody else is by, newest of all, so that a list of the newest begins with them.
    let mut theirs = Vec::new();
    for number in 0..8 {
        theirs.push(world.add_track(&format!("tune {number}"), "band").await);
    }
    let count_in_front = async |seeds: &[TrackId]| {
        let answer = world.ask(|request| {
            request.listener = Some(world.listener("ann"));
            request.seeds = seeds.to_vec();
            request.count = 6;
        });
        let tracks = ids(&answer.await);
        let front = tracks.iter().take(3);
        front.filter(|track| theirs.contains(track)).count()
    };
    assert_eq!(count_in_front(&[]).await, 1, "spaced, and first");
    for track in &theirs[..3] {
        world.play("ann", *track, ListenOutcome::Skipped).await;
    }
    assert_eq!(count_in_front(&[]).await, 0);
    assert_eq!(count_in_front(&theirs[..1]).await, 1);
}

#[test]
fn no_list_holds_what_rests_or_is_rejected_while_anything_else_is_there() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, _) = runtime.block_on(World::with_favourites());
    let plays = prop::collection::vec((0_usize..12, any::<bool>()), 1..20);
    let mut runner = TestRunner::new(Config::with_cases(40));
    let number = std::cell::Cell::new(0);
    let check = |plays: Vec<(usize, bool)>| {
        number.set(number.get() + 1);
        let name = format!("somebody {}", number.get());
        runtime.block_on(async {
            let (mut sums, mut skipped_last) = ([0; 12], [false; 12]);
            for (track, is_skip) in plays {
                let outcome = if is_skip {
                    ListenOutcome::Skipped
                } else {
                    ListenOutcome::Completed
                };
                world.play(&name, world.tracks[track], outcome).await;
                sums[track] += if is_skip { -98 } else { 100 };
                skipped_last[track] = is_skip;
            }
            let unwanted: Vec<TrackId> = (0..12)
                .filter(|track| sums[*track] < 0 || skipped_last[*track])
                .map(|track| world.tracks[track])
                .collect();
            for placement in ["home.familiar", "radio"] {
                let list = ids(&world.heard_too(&name, placement).await);
                assert_eq!(list.len(), 10);
                assert!(list.iter().all(|track| !unwanted.contains(track)));
            }
        });
        Ok(())
    };
    runner.run(&plays, check).unwrap();
}
