//! Tastes that move with the moment.

use leitmotif_domain::Clock;
use leitmotif_domain::zone::LocalHour;
use leitmotif_recommend::{PipelineDefinition, Source};

use super::*;

const TRACKS: usize = 240;

impl World {
    /// A play at an hour of the listener's own clock, wherever that has to stand.
    async fn play_at(&self, listener: &str, track: TrackId, hour: u8) {
        let utc = LocalHour::at(self.clock.now().plus_ms(60_000), None).hour;
        let ahead = i32::from(hour) - i32::from(utc);
        let sign = if ahead < 0 { '-' } else { '+' };
        let listen = Listen {
            played_ms: Some(200_000),
            track_ms: Some(200_000),
            zone: Some(format!("{sign}{:02}:00", ahead.abs())),
            ..Listen::of(track, ListenOutcome::Completed)
        };
        self.append(Some(self.listener(listener)), EventPayload::Listen(listen))
            .await;
    }
}

#[tokio::test]
async fn the_order_follows_the_hour_where_listens_teach_it() {
    let mut world = World::new().await;
    while world.tracks.len() < TRACKS {
        let number = world.tracks.len();
        let (title, artist) = (format!("song {number}"), format!("artist {}", number % 40));
        world.tracks.push(world.add_track(&title, &artist).await);
    }
    // Everybody plays tracks of even numbers in the morning and of odd ones in the evening.
    let mut random = Seed(8).rng();
    for round in 0..24 {
        for person in 0..120 {
            let is_morning = round % 2 == 0;
            let track = 2 * random.next_below(TRACKS / 2) + usize::from(!is_morning);
            let hour = if is_morning { 8 } else { 20 };
            let name = format!("person {person}");
            world.play_at(&name, world.tracks[track], hour).await;
        }
    }
    let report = world.train().await.unwrap();
    let ladder = report.ladder;
    assert!(ladder.questions > ladder.listeners, "{ladder:?}");
    let told = report.moments.unwrap();
    assert!(
        told.weight > 0.0 && told.interval.unwrap().low > 0.0,
        "{told:?}"
    );
    assert!(told.told_ndcg_at_10 > 1.3 * told.untold_ndcg_at_10);
    let names: Vec<&str> = told.values.iter().map(|one| one.name.as_str()).collect();
    assert!(names.starts_with(&["morning", "evening"]), "{names:?}");

    let plain = Arc::new(PipelineDefinition::parse(UNHURRIED).unwrap());
    let asked = async |hour: Option<u8>| {
        let listener = world.listener("person 3");
        let answer = world
            .ask(|request| {
                request.draft = Some(Arc::clone(&plain));
                request.listener = Some(listener);
                request.moment.hour = hour;
            })
            .await;
        let mut told = (0, false);
        for track in &answer.tracks {
            let number = world.tracks.iter().position(|one| *one == track.track);
            told.0 += number.unwrap() % 2;
            told.1 |= track.reasons.iter().any(|one| one.source == Source::Moment);
            let sum: f32 = track.reasons.iter().map(|one| one.contribution).sum();
            assert!((sum - track.score).abs() < 1e-3, "{track:?}");
        }
        told
    };
    let (morning, evening, never) = (
        asked(Some(9)).await,
        asked(Some(21)).await,
        asked(None).await,
    );
    assert!(morning.0 <= 1 && evening.0 >= 9, "{morning:?} {evening:?}");
    assert!(morning.1 && evening.1, "the moment is a reason");
    assert!((2..=8).contains(&never.0), "{never:?}");
}
