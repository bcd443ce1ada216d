//! Training from lists that were shown.

use leitmotif_domain::ModelId;
use leitmotif_recommend::pipeline::PipelineDefinition;

use super::*;

/// How the lists of a world were shown.
enum Showing {
    /// Not at all: the same plays name no list.
    Not,
    /// By a pipeline.
    By(&'static str),
}

impl World {
    /// Waits until every exposure is written.
    pub async fn flush(&mut self) {
        let (exposures, writer) = ExposureWriter::start(self.storage.clone());
        let recommender = Recommender::new(self.stores.clone(), exposures);
        drop(std::mem::replace(
            &mut self.recommender,
            Arc::new(recommender),
        ));
        let written = std::mem::replace(&mut self.writer, writer);
        written.await.unwrap();
    }

    /// Shows lists, of which the first places are looked at more than the others.
    async fn show_lists(&self, showing: &Showing) {
        let text = match showing {
            Showing::Not => "",
            Showing::By(text) => text,
        };
        let draft = Arc::new(PipelineDefinition::parse(&format!("{text}{UNHURRIED}")).unwrap());
        let mut generator = Seed(11).rng();
        for number in 0..400 {
            let name = format!("person {}", number % 90);
            let request = RecommendRequest {
                listener: Some(self.listener(&name)),
                count: 8,
                placement: "test".to_owned(),
                draft: Some(draft.clone()),
                ..RecommendRequest::default()
            };
            let answer = match showing {
                Showing::Not => self.recommender.rank(&self.scope, request).await,
                Showing::By(_) => self.recommender.recommend(&self.scope, request).await,
            };
            let answer = answer.unwrap();
            for (place, track) in answer.tracks.iter().enumerate() {
                if generator.next_below(place + 2) == 0 {
                    let listen = Listen {
                        request_id: match showing {
                            Showing::Not => None,
                            Showing::By(_) => Some(answer.request_id),
                        },
                        ..whole(track.track)
                    };
                    let listener = Some(self.listener(&name));
                    self.append(listener, EventPayload::Listen(listen)).await;
                }
            }
        }
    }
}

fn whole(track: TrackId) -> Listen {
    Listen {
        played_ms: Some(200_000),
        track_ms: Some(200_000),
        ..Listen::of(track, ListenOutcome::Completed)
    }
}

/// Plays, lists, plays; and a training.
async fn taught(showing: Showing) -> (World, TrainingReport) {
    let mut world = World::new().await;
    world.live_with_duds().await;
    world.show_lists(&showing).await;
    world.flush().await;
    world.live_with_duds().await;
    let report = world.train_as(5, TrainingRequest::default()).await.unwrap();
    (world, report)
}

async fn bytes(world: &World, model: ModelId) -> Vec<u8> {
    let key = format!("models/{model}").parse().unwrap();
    let read = world
        .stores
        .blobs
        .read(&world.scope, &key, 0..u64::MAX)
        .await;
    read.unwrap().to_vec()
}

#[tokio::test]
async fn swapped_lists_tell_what_positions_do_and_teach_the_order() {
    let text = "[list]\nartist_gap = 0\ninclude_heard = true\n[exploration]\nswap = 0.5";
    let (_, report) = taught(Showing::By(text)).await;
    let told = report.exposures.unwrap();
    assert_eq!((told.lists, told.refused.as_deref()), (400, None));
    assert!(told.swapped_pairs >= 500 && told.pairs > told.swapped_pairs);
    assert!(told.listens > 400, "{}", told.listens);
    let examination = told.examination.unwrap();
    assert_eq!((examination[0].position, examination[0].share), (1, 1.0));
    assert!(examination.is_sorted_by(|a, b| a.share >= b.share));
    let fourth = examination[3];
    let off = (fourth.share / (2.0 / 5.0)).ln().abs();
    assert!(off <= 4.0 * fourth.log_error, "{fourth:?}");
    assert!(told.lists_used > 0 && told.rows_used > told.lists_used);
}

#[tokio::test]
async fn lists_in_which_nothing_was_left_to_chance_change_no_byte() {
    let (never, without) = taught(Showing::Not).await;
    assert!(without.exposures.is_none());
    let told = serde_json::to_value(&without).unwrap();
    assert!(told.get("exposures").is_none());
    let (shown, with) = taught(Showing::By("")).await;
    let exposures = with.exposures.unwrap();
    assert_eq!((exposures.lists, exposures.lists_used), (400, 0));
    let refused = exposures.refused.unwrap();
    assert!(refused.contains("0 swapped pairs, 500 more"), "{refused}");
    assert_eq!(
        bytes(&never, without.model).await,
        bytes(&shown, with.model).await
    );
}

#[tokio::test]
async fn own_exposures_are_passed_over_and_what_others_write_is_read() {
    let world = World::new().await;
    let (exposures, _) = ExposureWriter::start(world.storage.clone());
    let recommender = Recommender::new(world.stores.clone(), exposures.clone());
    let tenant = world.scope.tenant();
    let request = || RecommendRequest {
        listener: Some(world.listener("somebody")),
        count: 3,
        placement: "test".to_owned(),
        ..RecommendRequest::default()
    };
    let head = || async { world.storage.head(&world.scope).await.unwrap() };
    let before = head().await;
    for shown in 1..=2 {
        let answered = recommender.recommend(&world.scope, request()).await;
        assert_eq!(answered.unwrap().tracks.len(), 3);
        while head().await < before + shown || exposures.passed_over(tenant, before) == before {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    while exposures.passed_over(tenant, before) < before + 2 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(exposures.passed_over(tenant, before - 1), before - 1);

    let played = Listen::of(world.tracks[0], ListenOutcome::Completed);
    let listener = Some(world.listener("somebody"));
    world.append(listener, EventPayload::Listen(played)).await;
    let offset_of = |answered: leitmotif_recommend::Recommendations| {
        let trace = recommender.trace(&world.scope, answered.request_id);
        trace.unwrap().log_offset
    };
    assert_eq!(exposures.passed_over(tenant, before + 2), before + 2);
    let answered = recommender.rank(&world.scope, request()).await.unwrap();
    assert_eq!(offset_of(answered), before + 3);

    let answered = recommender.recommend(&world.scope, request()).await;
    answered.unwrap();
    while exposures.passed_over(tenant, before + 3) == before + 3 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let answered = recommender.rank(&world.scope, request()).await.unwrap();
    assert_eq!(offset_of(answered), before + 4, "passed over");
}
