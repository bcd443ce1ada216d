//! Batches: the lists of single requests, for everybody, from one moment.

use std::cell::Cell;

use leitmotif_domain::job::Progress;
use leitmotif_recommend::batch::{BatchRequest, BatchRow, LISTENERS_PER_PART};

use super::*;

impl World {
    fn another_recommender(&self) -> Recommender {
        let (exposures, _) = ExposureWriter::start(self.storage.clone());
        Recommender::new(self.stores.clone(), exposures)
    }

    async fn rows(&self) -> Vec<BatchRow> {
        let mut rows = Vec::new();
        for part in 0.. {
            let read = self.recommender.batch_part(&self.scope, part).await;
            let Some(bytes) = read.unwrap() else { break };
            let lines = bytes.split(|byte| *byte == b'\n');
            let full = lines.filter(|line| !line.is_empty());
            rows.extend(full.map(|line| serde_json::from_slice::<BatchRow>(line).unwrap()));
        }
        rows
    }

    async fn name_listeners(&self, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count)
            .map(|person| format!("person {person}"))
            .collect();
        let named = self.storage.touch_listeners(&self.scope, &names).await;
        named.unwrap();
        names
    }
}

fn asked(listeners: Option<Vec<String>>) -> BatchRequest {
    BatchRequest {
        placement: "home".to_owned(),
        count: 10,
        listeners,
    }
}

#[tokio::test]
async fn batch_scores_are_those_of_single_requests_bit_for_bit() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    // More than one part, and most of them never played anything.
    let names = world.name_listeners(LISTENERS_PER_PART + 30).await;
    let everybody = asked(None);
    let prepared = (world.recommender).prepare_batch(&world.scope, &everybody);
    prepared.await.unwrap();
    let last = Cell::new(Progress::default());
    let ran = world
        .recommender
        .run_batch(&world.scope, |progress| last.set(progress));
    let state = ran.await.unwrap();
    assert!(state.is_done && state.parts == 2);
    assert_eq!((last.get().done, last.get().total), (230, 230));
    let rows = world.rows().await;
    assert_eq!(rows.len(), names.len());
    let online = world.another_recommender();
    let mut personal = 0;
    for row in rows {
        let request = RecommendRequest {
            listener: Some(world.listener(&row.listener)),
            count: 10,
            placement: "home".to_owned(),
            ..RecommendRequest::default()
        };
        let answered = online.recommend(&world.scope, request).await.unwrap();
        personal += usize::from(answered.rung == Rung::Personalised);
        assert_eq!(row.rung, answered.rung.name(), "{}", row.listener);
        assert_eq!(row.tracks.len(), answered.tracks.len());
        for (batch, single) in row.tracks.iter().zip(&answered.tracks) {
            assert_eq!(batch.id, single.track, "{}", row.listener);
            assert_eq!(batch.score.to_bits(), single.score.to_bits());
            let shares = [
                batch.expected_listened_share,
                single.expected_listened_share,
            ];
            assert_eq!(shares[0].map(f32::to_bits), shares[1].map(f32::to_bits));
        }
    }
    assert!(personal >= 30, "{personal}");
}

#[tokio::test]
async fn a_batch_goes_on_where_it_was_or_begins_anew_when_the_log_grew() {
    let world = World::new().await;
    world.live().await;
    let names = world.name_listeners(LISTENERS_PER_PART * 2).await;
    let request = asked(Some(names.clone()));
    let prepared = world.recommender.prepare_batch(&world.scope, &request);
    prepared.await.unwrap();
    let run = async || {
        let ran = world.recommender.run_batch(&world.scope, |_| {}).await;
        ran.unwrap().log_offset
    };
    let whole = run().await;
    let rows = world.rows().await;
    // As if the process had died after the first part, which is then not made again.
    let cut = async || {
        let mut state = world.recommender.batch_state(&world.scope).await.unwrap();
        let state = state.as_mut().unwrap();
        (state.done, state.parts, state.is_done) = (LISTENERS_PER_PART as u64, 1, false);
        let bytes = serde_json::to_vec(state).unwrap();
        let key = "batch/state.json".parse().unwrap();
        let put = world.stores.blobs.put(&world.scope, &key, bytes.into());
        put.await.unwrap();
    };
    cut().await;
    world.clock.advance_ms(90 * 24 * 3_600_000);
    assert_eq!(run().await, whole);
    assert_eq!(
        world.rows().await,
        rows,
        "the moment is the one it began at"
    );
    cut().await;
    world
        .play("person 0", world.tracks[0], ListenOutcome::Completed)
        .await;
    assert_eq!(run().await, whole + 1);
    let state = world.recommender.batch_state(&world.scope).await.unwrap();
    assert_eq!(state.unwrap().done, names.len() as u64);

    let fewer = asked(Some(names[..3].to_vec()));
    let prepared = world.recommender.prepare_batch(&world.scope, &fewer);
    prepared.await.unwrap();
    assert_eq!(world.rows().await, [], "the rows before are gone");
    run().await;
    assert_eq!(world.rows().await.len(), 3);
}
