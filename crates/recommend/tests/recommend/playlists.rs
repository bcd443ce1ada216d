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

#[tokio::test]
async fn a_continuation_goes_on_in_the_same_vein_without_what_is_there() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    let first_group = &world.tracks[..TRACKS_PER_GROUP];
    let before: Vec<TrackId> = first_group[..4].to_vec();
    let text = format!("rules = ['filter track.genre == \"genre 0\"']{UNHURRIED}");
    let version = world.add_pipeline("playlist_continuation", &text).await;
    let kind = PlaylistKind::Continuation(before.clone());
    let free = world.make(kind.clone(), None).await;
    assert_eq!((free.tracks.len(), free.steps.len()), (8, 7));
    assert!(free.tracks.iter().all(|track| !before.contains(track)));
    let in_vein = free
        .tracks
        .iter()
        .filter(|track| world.group_of(**track) == 0);
    assert!(in_vein.count() >= 5, "{:?}", free.tracks);
    // The placement has its own pipeline.
    world
        .put_into_service("playlist_continuation", &[Share { version, weight: 1 }])
        .await;
    let ruled = world.make(kind, Some("person 0")).await;
    assert!(ruled.tracks.iter().all(|track| world.group_of(*track) == 0));
    assert_eq!(ruled.tracks.len(), 8, "all that is left of the group");
}
