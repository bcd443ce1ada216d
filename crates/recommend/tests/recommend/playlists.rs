//! Playlists: rules of their placement, genres, and mixes that change with the day.

use leitmotif_domain::definition::Share;
use leitmotif_recommend::playlists::{
    Period, PlaylistDraft, PlaylistKind, PlaylistRequest, generate,
};

use super::*;

const DAY_MS: i64 = 86_400_000;

impl World {
    async fn make(&self, kind: PlaylistKind, listener: Option<&str>) -> PlaylistDraft {
        let request = PlaylistRequest {
            kind,
            listener: listener.map(|name| self.listener(name)),
            count: 8,
            arc: None,
        };
        generate(&self.recommender, &self.scope, &request)
            .await
            .unwrap()
    }
}

fn mix(familiarity: f32) -> PlaylistKind {
    PlaylistKind::Mix {
        familiarity,
        period: Period::Day,
    }
}

#[tokio::test]
async fn rules_of_the_placement_hold_for_what_is_loved_too() {
    let world = World::new().await;
    for track in &world.tracks[..6] {
        world.play("ann", *track, ListenOutcome::Completed).await;
    }
    let before = world.make(mix(0.5), Some("ann")).await;
    let is_first = |track: &TrackId| world.group_of(*track) == 0;
    assert!(before.tracks.iter().any(is_first) && before.shortage.is_none());
    let text = format!("rules = ['filter track.genre == \"genre 1\"']{UNHURRIED}");
    let version = world.add_pipeline("playlist", &text).await;
    let share = Share { version, weight: 1 };
    world.put_into_service("playlist", &[share]).await;
    let after = world.make(mix(0.5), Some("ann")).await;
    assert_eq!(after.tracks.len(), 8);
    for track in after.tracks {
        assert_eq!(world.group_of(track), 1);
    }
}

#[tokio::test]
async fn a_genre_is_kept_to_for_somebody_and_for_nobody() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    for listener in [Some("person 4"), None] {
        let kind = PlaylistKind::Genre("GENRE 2".to_owned());
        let made = world.make(kind, listener).await;
        assert_eq!(made.tracks.len(), 8);
        for track in made.tracks {
            assert_eq!(world.group_of(track), 2);
        }
    }
    let none = world
        .make(PlaylistKind::Genre("polka".to_owned()), None)
        .await;
    let shortage = none.shortage.unwrap();
    assert!(
        none.tracks.is_empty() && shortage.contains("polka"),
        "{shortage}"
    );
}

#[tokio::test]
async fn a_mix_stays_for_its_day_and_changes_with_it() {
    let world = World::new().await;
    for track in &world.tracks[..24] {
        world.play("ann", *track, ListenOutcome::Completed).await;
    }
    let set = |draft: PlaylistDraft| draft.tracks.into_iter().collect::<HashSet<TrackId>>();
    let first = set(world.make(mix(0.5), Some("ann")).await);
    assert_eq!(set(world.make(mix(0.5), Some("ann")).await), first);
    let mut others = 0;
    for _ in 0..5 {
        world.clock.advance_ms(DAY_MS);
        others += usize::from(set(world.make(mix(0.5), Some("ann")).await) != first);
    }
    assert!(others >= 4, "{others} of 5 days had another mix");
}
