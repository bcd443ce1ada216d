//! The expected listened share: learnt, judged, kept, told.

use leitmotif_recommend::pipeline::{Fate, PipelineDefinition};

use super::*;

impl World {
    /// Everybody hears tracks of their group to the end and begins those of the others.
    async fn live_by_group(&self) {
        let mut generator = Seed(9).rng();
        for _ in 0..16 {
            for person in 0..90 {
                let track = generator.next_below(self.tracks.len());
                let is_own = track / TRACKS_PER_GROUP == person % GROUPS;
                let listen = Listen {
                    played_ms: Some(if is_own { 200_000 } else { 30_000 }),
                    track_ms: Some(200_000),
                    ..Listen::of(
                        self.tracks[track],
                        if is_own {
                            ListenOutcome::Completed
                        } else {
                            ListenOutcome::Skipped
                        },
                    )
                };
                let listener = Some(self.listener(&format!("person {person}")));
                self.append(listener, EventPayload::Listen(listen)).await;
            }
        }
    }
}

#[tokio::test]
async fn answers_tell_how_much_will_be_heard_where_that_beats_every_mean() {
    let world = World::new().await;
    world.live_by_group().await;
    let report = world.train().await.unwrap();
    let told = report.listened.unwrap();
    assert!(
        told.is_in_use && told.interval.unwrap().low > 0.0,
        "{told:?}"
    );
    let means = [
        told.constant_mae,
        told.listener_mean_mae,
        told.track_mean_mae,
    ];
    assert!(means.iter().all(|mean| told.mae < *mean), "{told:?}");
    for by in ["blend", "ranker"] {
        let text = format!("[ranking]\nby = '{by}'\n[list]\ninclude_heard = true{UNHURRIED}");
        let draft = Arc::new(PipelineDefinition::parse(&text).unwrap());
        let answer = world
            .ask(|request| {
                request.listener = Some(world.listener("person 4"));
                request.draft = Some(draft);
                request.count = 30;
            })
            .await;
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for track in &answer.tracks {
            let Some(share) = track.expected_listened_share else {
                continue;
            };
            assert!((0.0..=1.0).contains(&share));
            if world.group_of(track.track) == 4 % GROUPS {
                own.push(share);
            } else {
                others.push(share);
            }
        }
        let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
        assert!(own.len() > 5, "{by}: {}", own.len());
        assert!(
            others.is_empty() || mean(&own) > mean(&others) + 0.2,
            "{by}: {own:?} {others:?}"
        );
        let trace = (world.recommender).trace(&world.scope, answer.request_id);
        let traced: Vec<Option<f32>> = (trace.unwrap().considered.iter())
            .filter(|one| one.fate == Fate::Shown)
            .map(|one| one.expected_listened_share)
            .collect();
        let answered = answer.tracks.iter().map(|one| one.expected_listened_share);
        assert_eq!(traced, answered.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn few_listens_tell_no_share() {
    let world = World::new().await;
    world.live().await;
    let report = world.train().await.unwrap();
    assert!(report.listened.is_none(), "{:?}", report.listened);
    let answer = world
        .ask(|request| request.listener = Some(world.listener("person 4")))
        .await;
    assert_eq!(answer.rung, Rung::Personalised);
    let mut shares = answer.tracks.iter().map(|one| one.expected_listened_share);
    assert!(shares.all(|share| share.is_none()));
}
