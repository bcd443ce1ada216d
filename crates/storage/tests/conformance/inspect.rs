//! A data folder read beside the process that holds it.

use std::sync::Arc;

use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::{Clock, ModelId, Timestamp, TrackId};
use leitmotif_storage::Error;
use leitmotif_storage::conformance::{World, listen};
use leitmotif_storage::embedded::{EmbeddedStorage, inspect};
use leitmotif_storage::ports::{Checkpoint, EventLog, JobQueue, ModelRecord, ModelRegistry};

#[tokio::test]
async fn a_folder_is_read_beside_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(!inspect::is_held(root).unwrap());
    assert!(inspect::check_control(root).is_err());
    let clock = World::clock();
    let store = EmbeddedStorage::open(root, clock.clone(), World::entropy(), "test").unwrap();
    let store = Arc::new(store);
    let mut world = World::of(&store, clock.clone(), Box::new(()));
    world.prepare().await;
    let scope = world.first();
    let events = (1..=3).map(|id| listen(id, None)).collect();
    store.append(&scope, events).await.unwrap();
    let checkpoint = Checkpoint {
        offset: 2,
        state: vec![1],
    };
    store
        .save_checkpoint(&scope, "c", checkpoint)
        .await
        .unwrap();
    let jobs = (1..=3).map(|track| NewJob {
        task: JobTask::AnalyzeTrack {
            track: TrackId::from_u128(track),
        },
        dedupe_key: track.to_string(),
    });
    store.enqueue(&scope, jobs.collect()).await.unwrap();
    let leased = store
        .lease(&scope, "analyze_track", 2, 1_000)
        .await
        .unwrap();
    let said = store.fail(&scope, &leased[0], "too loud", None).await;
    said.unwrap();
    let model = ModelRecord {
        id: ModelId::from_u128(7),
        name: "recommender".to_owned(),
        created_at: Timestamp::from_ms(5),
        log_offset: 2,
        metrics: serde_json::Value::Null,
    };
    store.register(&scope, model).await.unwrap();
    store
        .set_alias(&scope, "p", ModelId::from_u128(7))
        .await
        .unwrap();

    assert!(inspect::is_held(root).unwrap());
    let listed = inspect::tenants(root).unwrap();
    assert!(listed.iter().any(|(id, _)| *id == scope.tenant()) && listed.len() == 2);
    for found in [
        inspect::check_control(root).unwrap(),
        inspect::check_tenant(root, scope.tenant()).unwrap(),
    ] {
        assert_eq!(found.format, found.format_max);
        assert!(
            found.problems.is_empty() && found.size_bytes > 0,
            "{found:?}"
        );
    }
    let now = clock.now().plus_ms(2_000);
    let found = inspect::tenant(root, scope.tenant(), "p", now).unwrap();
    assert_eq!(
        (found.head_offset, found.consumers),
        (3, vec![("c".to_owned(), 2)])
    );
    let states = found.jobs.by_state.iter();
    let states: Vec<_> = states
        .map(|(name, count, _)| (name.as_str(), *count))
        .collect();
    assert_eq!(states, [("dead", 1), ("running", 1), ("waiting", 1)]);
    assert_eq!((found.jobs.overdue, found.jobs.lost_a_worker), (1, 0));
    let errors = [("analyze_track".to_owned(), "too loud".to_owned())];
    assert_eq!(found.jobs.errors, errors);
    let model = found.model.unwrap();
    assert_eq!(model.id, ModelId::from_u128(7));
    assert!(
        model
            .file
            .ends_with(format!("blobs/kept/models/{}", model.id))
    );

    drop((world, store));
    assert!(!inspect::is_held(root).unwrap());
    let file = root.join("tenants").join(scope.tenant().to_string());
    std::fs::write(file.join("tenant.db"), [7; 9_000]).unwrap();
    let refused = inspect::check_tenant(root, scope.tenant());
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
}
