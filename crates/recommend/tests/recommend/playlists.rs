//! Playlists: rules of their placement, genres, and mixes that change with the day.

use leitmotif_domain::definition::Share;
use leitmotif_recommend::playlists::{
    Period, PlaylistDraft, PlaylistKind, PlaylistRequest, generate,
};

use leitmotif_recommend::search::{Constraint, genre_key};

use super::*;

const DAY_MS: i64 = 86_400_000;

impl World {
    async fn make(&self, kind: PlaylistKind, listener: Option<&str>) -> PlaylistDraft {
        self.made(kind, listener, false).await
    }

    async fn made(
        &self,
        kind: PlaylistKind,
        listener: Option<&str>,
        is_private: bool,
    ) -> PlaylistDraft {
        let request = PlaylistRequest {
            kind,
            listener: listener.map(|name| self.listener(name)),
            count: 8,
            arc: None,
            only: None,
            is_private,
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
async fn constraints_hold_in_every_kind() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    let second = Constraint::Genre(genre_key("genre 2"), None);
    let only = world.admitted(vec![second]).await;
    let named = world.tracks[0];
    let kinds = [
        PlaylistKind::Seeds(vec![named]),
        PlaylistKind::Tracks(world.tracks.clone()),
        PlaylistKind::Continuation(vec![named]),
        PlaylistKind::Genre("genre 2".to_owned()),
        PlaylistKind::Genre("genre 1".to_owned()),
        mix(0.5),
    ];
    for kind in kinds {
        let request = PlaylistRequest {
            kind: kind.clone(),
            listener: Some(world.listener("person 4")),
            count: 5,
            arc: None,
            only: only.clone(),
            is_private: true,
        };
        let made = generate(&world.recommender, &world.scope, &request).await;
        let made = made.unwrap();
        let found: Vec<_> = made
            .tracks
            .iter()
            .filter(|track| **track != named)
            .collect();
        assert!(
            found.iter().all(|track| world.group_of(**track) == 2),
            "{kind:?}"
        );
        let is_other = kind == PlaylistKind::Genre("genre 1".to_owned());
        assert_eq!(found.is_empty(), is_other, "{kind:?}");
        assert_eq!(made.shortage.is_some(), made.tracks.len() < 5, "{kind:?}");
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
    // A mix is drawn from twice as many, which is nobody's business.
    let text = format!("rules = ['filter track.genre == \"polka\"']{UNHURRIED}");
    let version = world.add_pipeline("playlist", &text).await;
    let share = Share { version, weight: 1 };
    world.put_into_service("playlist", &[share]).await;
    let shortage = world.make(mix(0.5), Some("person 4")).await.shortage;
    let shortage = shortage.unwrap();
    assert!(shortage.starts_with("0 of 8 tracks: `filter"), "{shortage}");
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

#[tokio::test]
async fn what_is_made_is_written_down_as_it_is_shown() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    let version = world.add_pipeline("playlist", UNHURRIED).await;
    let share = Share { version, weight: 1 };
    world.put_into_service("playlist", &[share]).await;
    let seed = world.tracks[0];
    let somebody = Some("person 4");
    let kinds = [
        PlaylistKind::Seeds(vec![seed]),
        PlaylistKind::Genre("genre 2".to_owned()),
        mix(0.5),
        PlaylistKind::Tracks(world.tracks[..8].to_vec()),
        PlaylistKind::Continuation(vec![seed]),
    ];
    let mut made = Vec::new();
    for kind in kinds {
        made.push(world.make(kind, somebody).await);
    }
    let unseen = world.made(mix(0.5), somebody, true).await;
    assert_eq!((unseen.request_id, unseen.tracks.len()), (None, 8));
    let shown = world.exposures().await;
    assert_eq!(shown.len(), made.len(), "nothing of a private session");
    for (shown, made) in shown.iter().zip(&made) {
        let tracks: Vec<TrackId> = shown.tracks.iter().map(|one| one.track).collect();
        assert_eq!(tracks, made.tracks, "each at its place");
        assert_eq!(Some(shown.request_id), made.request_id);
        assert_eq!((shown.rung, shown.model), (made.rung, made.model));
        assert!(shown.is_sequenced && shown.exploration.is_none());
    }
    let [seeds, genre, mixed, named, further] = shown.as_slice() else {
        panic!("five were made")
    };
    assert_eq!((seeds.tracks[0].track, seeds.tracks[0].score), (seed, None));
    assert!(seeds.tracks[1..].iter().all(|one| one.score.is_some()));
    let chosen_by = |one: &Exposure| one.assignment.as_ref().and_then(|one| one.version);
    for one in [seeds, genre, mixed] {
        assert_eq!(
            (one.placement.as_str(), chosen_by(one)),
            ("playlist", Some(version))
        );
    }
    assert!(named.tracks.iter().all(|one| one.score.is_none()));
    assert_eq!(
        (further.placement.as_str(), chosen_by(further)),
        ("playlist_continuation", None)
    );
    let is_known = |one: &Exposure| one.tracks.iter().all(|one| one.propensity == Some(1.0));
    assert!(is_known(seeds) && is_known(genre) && is_known(named) && is_known(further));
    assert!(
        mixed.tracks.iter().all(|one| one.propensity.is_none()),
        "a draw"
    );
}
