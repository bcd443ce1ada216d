//! Listeners of whom one or a few tracks are known.

use super::*;

const LISTENERS: usize = 150;

/// All play the same few hits most, and besides what chance brings: a track says nothing of who plays it.
async fn live_by_hits(world: &World) {
    let mut random = Seed(11).rng();
    for person in 0..LISTENERS {
        let name = format!("person {person}");
        for _ in 0..20 {
            let hit = random.next_below(12).min(random.next_below(12));
            let track = match random.next_below(3) {
                0 => random.next_below(world.tracks.len()),
                _ => hit,
            };
            let track = world.tracks[track];
            world.play(&name, track, ListenOutcome::Completed).await;
        }
    }
}

#[tokio::test]
async fn where_a_track_says_little_popularity_answers_with_it() {
    let world = World::new().await;
    live_by_hits(&world).await;
    let report = world.train().await.unwrap();
    let newcomers = report.newcomers.unwrap();
    let known: Vec<u32> = newcomers.rows.iter().map(|row| row.known).collect();
    assert_eq!(known, [0, 1, 3, 5]);
    assert!(newcomers.listeners >= 20, "{newcomers:?}");
    assert!(newcomers.chosen.mix.prior_tracks > 0.0, "{newcomers:?}");
    for row in &newcomers.rows {
        assert!(row.difference > -0.02, "{row:?}");
        assert!(
            row.answered_ndcg_at_10 >= row.alone_ndcg_at_10 - 0.02,
            "{row:?}"
        );
    }
    let one = newcomers.rows[1];
    assert!(one.answered_ndcg_at_10 > one.alone_ndcg_at_10, "{one:?}");

    let rare = world.tracks[30];
    let named = world.ask(|request| request.seeds = vec![rare]).await;
    assert_eq!((named.rung, named.tracks.len()), (Rung::Session, 10));
    let popular = |answer: &Recommendations| {
        let places = answer.tracks.iter();
        let by_many = places.filter(|one| {
            let mut reasons = one.reasons.iter();
            reasons.any(|reason| reason.source == Source::Popular)
        });
        by_many.count()
    };
    assert!(popular(&named) > 0, "{named:?}");
    for one in &named.tracks {
        let sum: f32 = one.reasons.iter().map(|reason| reason.contribution).sum();
        assert!((sum - one.score).abs() < 1e-4, "{one:?}");
    }

    // Who has played as little is answered so too, as long as it is better than the blend; who plays much by the blend.
    world.play("newcomer", rare, ListenOutcome::Completed).await;
    let played = async |name: &str| {
        let listener = Some(world.listener(name));
        let answer = world.ask(|request| request.listener = listener).await;
        answer.rung
    };
    let expected = match newcomers.chosen.tracks_max {
        0 => Rung::Personalised,
        _ => Rung::Session,
    };
    assert_eq!(played("newcomer").await, expected);
    assert_eq!(played("person 3").await, Rung::Personalised);
    // Without the session rung the most personal one is left.
    let listener = Some(world.listener("newcomer"));
    let answer = world.ask(|request| {
        request.listener = listener;
        request.disabled_rungs = vec![Rung::Session];
    });
    assert_eq!(answer.await.rung, Rung::Personalised);
}

#[tokio::test]
async fn of_too_few_listeners_nothing_is_chosen() {
    let world = World::new().await;
    world.live().await;
    assert_eq!(world.train().await.unwrap().newcomers, None);
    let named = world.ask(|request| request.seeds = vec![world.tracks[3]]);
    let named = named.await;
    assert_eq!(named.rung, Rung::Session);
    let mut reasons = named.tracks.iter().flat_map(|one| &one.reasons);
    assert!(reasons.all(|reason| reason.source != Source::Popular));
}
