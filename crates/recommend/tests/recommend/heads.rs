//! Heads over a real store: the same twice, whatever labels are called, and whole or not at all.

use std::collections::BTreeSet;

use leitmotif_domain::ModelId;
use leitmotif_domain::track::TrackDetails;
use leitmotif_recommend::heads::{
    HEADS, Heads, Label, LabelKind, Told, ToldValue, ValueKind, ValueStanding, Values, train_heads,
};
use leitmotif_storage::ports::{BlobStore, CatalogStore, ModelRegistry, TrackPatch, VectorStore};

use crate::World;

/// Artists of four tracks; the first number of the vector tells the genre, nothing tells the mood.
async fn label(world: &World, genres: [&str; 2]) {
    let patches: Vec<TrackPatch> = (0..96)
        .map(|track| {
            let artist = track / 4;
            TrackPatch {
                details: TrackDetails {
                    title: format!("Labelled {track}"),
                    artist: format!("Artist {artist}"),
                    genre: Some(genres[artist % 2].to_owned()),
                    tags: vec![format!("mood:{}", ["calm", "dark"][artist * 5 / 3 % 2])],
                    external_ids: [("l".to_owned(), track.to_string())].into(),
                    ..TrackDetails::default()
                },
                ..TrackPatch::default()
            }
        })
        .collect();
    let written = world
        .storage
        .upsert_tracks(&world.scope, patches)
        .await
        .unwrap();
    let vectors = written.iter().enumerate().map(|(track, one)| {
        let noise = |place: usize| ((track * 37 + place * 101) % 29) as f32 / 29.0 - 0.5;
        let side = if (track / 4) % 2 == 0 { 1.0 } else { -1.0 };
        (one.id, vec![side + 0.3 * noise(1), noise(2), noise(3)])
    });
    let space = "own-1".parse().unwrap();
    world
        .storage
        .upsert(&world.scope, &space, vectors.collect())
        .await
        .unwrap();
}

async fn trained(world: &World) -> Heads {
    let mut last = None;
    let heads = train_heads(&world.stores, &world.scope, |progress| {
        last = Some(progress)
    })
    .await
    .unwrap();
    let last = last.unwrap_or_default();
    assert_eq!(last.done, last.total);
    Heads::clone(&heads)
}

#[tokio::test]
async fn heads_are_the_same_twice_and_know_no_names() {
    let world = World::new().await;
    label(&world, ["ambient", "zouk"]).await;
    let first = trained(&world).await;
    let again = trained(&world).await;
    assert_eq!(first.to_bytes().unwrap(), again.to_bytes().unwrap());
    assert_eq!(first.shown_count(LabelKind::Genre), 2, "{:?}", first.rows);
    assert_eq!(first.shown_count(LabelKind::Mood), 0, "{:?}", first.rows);
    // The two genres change their names, and so their order, and nothing else.
    label(&world, ["zouk", "ambient"]).await;
    let renamed = trained(&world).await;
    let standing = |heads: &Heads, name: &str| {
        let label = Label::new(LabelKind::Genre, name).unwrap();
        heads.row(&label).unwrap().standing.clone()
    };
    assert_eq!(standing(&first, "ambient"), standing(&renamed, "zouk"));
    assert_eq!(standing(&first, "zouk"), standing(&renamed, "ambient"));
}

#[tokio::test]
async fn a_tenant_without_analyses_is_told_what_is_missing() {
    let world = World::new().await;
    let (track, none) = (world.tracks[0], BTreeSet::new());
    let before = world.recommender.told(&world.scope, track, &none).await;
    let Told::Unknown(why) = &before.unwrap()[0].told else {
        panic!("nothing was trained");
    };
    assert!(why.starts_with("not trained yet; "), "{why}");
    assert!(why.contains("of 20 tracks"), "{why}");
    let heads = trained(&world).await;
    assert!(heads.rows.is_empty());
    assert_eq!(heads.unmeasured, world.tracks.len());
    let told = world.recommender.told(&world.scope, track, &none);
    let told = told.await.unwrap();
    let Told::Unknown(why) = &told[1].told else {
        panic!("{told:?}");
    };
    assert_eq!(
        why,
        "no track with an analysis carries a mood (0 of 20 tracks, 0 of 5 artists); missing: 20 tracks of 5 \
         artists with each mood that is to be told"
    );
}

#[tokio::test]
async fn damaged_heads_cost_genre_and_mood_alone() {
    let world = World::new().await;
    label(&world, ["a", "b"]).await;
    let bytes = trained(&world).await.to_bytes().unwrap();
    let id = ModelId::from_u128(1);
    assert!(Heads::from_bytes(id, &bytes).is_ok());
    for end in [0, 10, 32, 40, bytes.len() - 1] {
        assert!(Heads::from_bytes(id, &bytes[..end]).is_err(), "{end}");
    }
    for place in (0..bytes.len()).step_by(97) {
        let mut turned = bytes.clone();
        turned[place] ^= 4;
        assert!(Heads::from_bytes(id, &turned).is_err(), "{place}");
    }
    let record = world
        .storage
        .alias(&world.scope, HEADS)
        .await
        .unwrap()
        .unwrap();
    let key = format!("models/{}", record.id).parse().unwrap();
    world
        .storage
        .put(&world.scope, &key, bytes[1..].to_vec().into())
        .await
        .unwrap();
    let (track, none) = (world.tracks[0], BTreeSet::new());
    let told = world.recommender.told(&world.scope, track, &none);
    for one in told.await.unwrap() {
        assert!(
            matches!(&one.told, Told::Unknown(why) if why.contains("train them again")),
            "{one:?}"
        );
    }
}

/// Gives every track of [`label`] a valence that the second number of its vector tells, and a liveness
/// that nothing tells.
async fn give_values(world: &World, count: usize) -> Vec<leitmotif_domain::TrackId> {
    let patches = (0..count).map(|track| {
        let told = ((track * 37 + 2 * 101) % 29) as f32 / 29.0;
        let live = (track * 61 % 97) as f32 / 97.0;
        TrackPatch {
            details: TrackDetails {
                title: format!("Valued {track}"),
                artist: format!("Artist {}", track / 4),
                tags: vec![format!("valence:{told}"), format!("liveness:{live}")],
                external_ids: [("l".to_owned(), track.to_string())].into(),
                ..TrackDetails::default()
            },
            ..TrackPatch::default()
        }
    });
    let written = world.storage.upsert_tracks(&world.scope, patches.collect());
    written.await.unwrap().iter().map(|one| one.id).collect()
}

#[tokio::test]
async fn values_are_told_above_their_bar_only_and_what_is_given_comes_first() {
    let world = World::new().await;
    label(&world, ["a", "b"]).await;
    let valued = give_values(&world, 96).await;
    let heads = trained(&world).await;
    let states: Vec<_> = heads
        .values
        .iter()
        .map(|row| (row.kind, &row.standing))
        .collect();
    assert!(
        matches!(
            states[..],
            [
                (ValueKind::Valence, ValueStanding::Shown(_)),
                (ValueKind::Liveness, ValueStanding::BelowBar(..))
            ]
        ),
        "{states:?}"
    );
    let bytes = heads.to_bytes().unwrap();
    assert_eq!(
        Heads::from_bytes(ModelId::from_u128(1), &bytes).unwrap(),
        heads
    );
    let fresh = world.add_track("unheard of", "nobody").await;
    let space = "own-1".parse().unwrap();
    let rows = vec![(fresh, vec![1.0, 0.5 - 1.0 / 29.0, 0.0])];
    world
        .storage
        .upsert(&world.scope, &space, rows)
        .await
        .unwrap();
    let ask = async |track, given: &Values| {
        let told = world.recommender.told_values(&world.scope, track, given);
        told.await.unwrap()
    };
    let told = ask(fresh, &Values::new()).await;
    let ToldValue::Heard(value, sure) = told[0].told else {
        panic!("{told:?}");
    };
    assert!(value > 0.8 && sure > 0.8, "{value} {sure}");
    let ToldValue::Unknown(why) = &told[1].told else {
        panic!("{told:?}");
    };
    assert!(
        why.contains("labelled `liveness` are worth another try"),
        "{why}"
    );
    let given = Values::from([(ValueKind::Valence, 0.1)]);
    assert_eq!(ask(valued[0], &given).await[0].told, ToldValue::Given(0.1));
    let silent = ask(world.tracks[0], &Values::new()).await;
    assert!(matches!(&silent[0].told, ToldValue::Unknown(why) if why.contains("analyse it")));
    // With other numbers the heads are behind.
    assert!(
        !world
            .recommender
            .are_heads_stale(&world.scope, &heads)
            .await
            .unwrap()
    );
    give_values(&world, 90).await;
    world
        .storage
        .delete_track(&world.scope, valued[95])
        .await
        .unwrap();
    assert!(
        world
            .recommender
            .are_heads_stale(&world.scope, &heads)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_value_of_few_tracks_says_what_is_missing() {
    let world = World::new().await;
    label(&world, ["a", "b"]).await;
    give_values(&world, 30).await;
    let heads = trained(&world).await;
    let reasons: Vec<_> = heads.values.iter().filter_map(|row| row.reason()).collect();
    assert_eq!(
        reasons,
        [
            "missing: 10 more tracks of 2 more artists labelled `valence` (30 of 40 tracks, 8 of 10 artists)",
            "missing: 10 more tracks of 2 more artists labelled `liveness` (30 of 40 tracks, 8 of 10 artists)"
        ]
    );
}
