//! What only the embedded backend promises: files that survive.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::Error;
use leitmotif_storage::conformance::{World, listen};
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::{BlobStore, EventLog, ImportStore, VectorSpace, VectorStore};

fn open(folder: &Path) -> leitmotif_storage::error::Result<EmbeddedStorage> {
    EmbeddedStorage::open(folder, World::clock(), World::entropy(), "pid 7, leitmotif")
}

/// Opens a fresh folder with two tenants.
async fn prepared(folder: &Path) -> (Arc<EmbeddedStorage>, TenantScope) {
    let store = Arc::new(open(folder).unwrap());
    let mut world = World::of(&store, World::clock(), Box::new(()));
    world.prepare().await;
    (store, world.first())
}

fn space() -> VectorSpace {
    "sound-1".parse().unwrap()
}

fn tenant_folder(folder: &Path, scope: &TenantScope) -> std::path::PathBuf {
    folder.join("tenants").join(scope.tenant().to_string())
}

/// Brings a tenant's file back to what the first release wrote: without what later ones brought.
fn to_first_format(folder: &Path) {
    let file = folder.join("tenant.db");
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute_batch(
        "DROP TABLE checkpoint_parts; DROP TABLE artist_ids;
         DROP TABLE webhooks; DROP TABLE dead_letters;
         DROP TABLE plugins; DROP TABLE definitions; DROP TABLE definition_shares; DROP TABLE statements;
         DROP TABLE import_audits; DROP INDEX jobs_wanted_again;
         ALTER TABLE jobs DROP COLUMN wanted_again; ALTER TABLE jobs DROP COLUMN losses;
         DROP TABLE event_ids; DROP TABLE listener_events; DROP TABLE events_indexed;
         ALTER TABLE events RENAME TO later_events;
         CREATE TABLE events (
             offset INTEGER PRIMARY KEY, event_id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL,
             occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, listener BLOB,
             schema_version INTEGER NOT NULL, payload TEXT NOT NULL);
         INSERT INTO events SELECT * FROM later_events; DROP TABLE later_events;
         CREATE INDEX events_of_listener ON events (listener, offset) WHERE listener IS NOT NULL;
         PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_forward() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    write_some(&store, &scope).await;
    drop(store);
    to_first_format(&tenant_folder(folder.path(), &scope));
    let store = open(folder.path()).unwrap();
    check_some(&store, &scope).await;
    assert_eq!(store.statement_counts(&scope).await.unwrap(), []);
}

async fn write_some(store: &EmbeddedStorage, scope: &TenantScope) {
    let events = (1..=3).map(|id| listen(id, None)).collect();
    store.append(scope, events).await.unwrap();
    let vectors = (1..=9_u128).map(|id| (TrackId::from_u128(id), vec![1.0, id as f32]));
    store
        .upsert(scope, &space(), vectors.collect())
        .await
        .unwrap();
    let (blob, upload) = ("a/b".parse().unwrap(), "u".parse().unwrap());
    let bytes = Bytes::from_static(b"bytes");
    store.put(scope, &blob, bytes.clone()).await.unwrap();
    store.upload_append(scope, &upload, 0, bytes).await.unwrap();
}

async fn check_some(store: &EmbeddedStorage, scope: &TenantScope) {
    assert_eq!(store.head(scope).await.unwrap(), 3);
    let events = EventLog::read(store, scope, 0, 9).await.unwrap();
    assert_eq!(events[2].event, listen(3, None));
    let found = store
        .nearest(scope, &space(), &[1.0, 9.0], 9, None)
        .await
        .unwrap();
    assert_eq!((found.len(), found[0].track), (9, TrackId::from_u128(9)));
    let (blob, upload) = ("a/b".parse().unwrap(), "u".parse().unwrap());
    let bytes = BlobStore::read(store, scope, &blob, 0..9).await.unwrap();
    assert_eq!(bytes, "bytes".as_bytes());
    assert_eq!(store.upload_len(scope, &upload).await.unwrap(), 5);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    write_some(&store, &scope).await;
    drop(store);
    // From the table: no snapshot was written.
    let store = open(folder.path()).unwrap();
    check_some(&store, &scope).await;
    store.flush().unwrap();
    drop(store);
    let snapshot = tenant_folder(folder.path(), &scope).join("vectors/sound-1.vectors");
    assert!(snapshot.is_file());
    let store = open(folder.path()).unwrap();
    check_some(&store, &scope).await;
    drop(store);
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    std::fs::write(&snapshot, bytes).unwrap();
    check_some(&open(folder.path()).unwrap(), &scope).await;
    std::fs::write(&snapshot, b"short").unwrap();
    check_some(&open(folder.path()).unwrap(), &scope).await;
}

#[tokio::test]
async fn a_snapshot_follows_a_new_dimension() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    let (one, two) = (TrackId::from_u128(1), TrackId::from_u128(2));
    store
        .upsert(&scope, &space(), vec![(one, vec![1.0, 0.0])])
        .await
        .unwrap();
    store.flush().unwrap();
    store.remove(&scope, one).await.unwrap();
    let deep = vec![(two, vec![0.0, 0.0, 1.0]), (one, vec![0.0, 1.0, 0.0])];
    store.upsert(&scope, &space(), deep).await.unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    let found = store
        .nearest(&scope, &space(), &[0.0, 1.0, 0.0], 9, None)
        .await;
    let ids: Vec<_> = found.unwrap().iter().map(|one| one.track).collect();
    assert_eq!(ids, [one, two]);
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = prepared(folder.path()).await;
    let refused = open(folder.path()).err();
    assert!(
        matches!(&refused, Some(Error::Locked { holder, .. }) if holder == "pid 7, leitmotif"),
        "{refused:?}"
    );
    drop(store);
    assert!(open(folder.path()).is_ok());
}

#[tokio::test]
async fn files_of_a_newer_release_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    store.head(&scope).await.unwrap();
    drop(store);
    let file = tenant_folder(folder.path(), &scope).join("tenant.db");
    let newer = |file: &Path| {
        let database = rusqlite::Connection::open(file).unwrap();
        database.execute_batch("PRAGMA user_version = 99").unwrap();
    };
    newer(&file);
    let refused = open(folder.path()).unwrap().head(&scope).await;
    assert!(
        matches!(&refused, Err(Error::Corrupt { reason }) if reason.contains("99")),
        "{refused:?}"
    );
    newer(&folder.path().join("control.db"));
    assert!(matches!(open(folder.path()), Err(Error::Corrupt { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_are_all_acknowledged_and_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    let append = |id: u128| {
        let (store, scope) = (Arc::clone(&store), scope.clone());
        // Every event is sent twice.
        let call = async move { store.append(&scope, vec![listen(id / 2, None)]).await };
        tokio::spawn(call)
    };
    let calls: Vec<_> = (0..400).map(append).collect();
    let mut offsets = Vec::new();
    for call in calls {
        offsets.push(call.await.unwrap().unwrap()[0].offset);
    }
    for pair in offsets.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(store.head(&scope).await.unwrap(), 200);
    let read = EventLog::read(store.as_ref(), &scope, 0, 999)
        .await
        .unwrap();
    let mut ids: Vec<_> = read
        .iter()
        .map(|one| one.event.event_id.as_u128())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_head_moves_without_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    store.head(&scope).await.unwrap();
    let mut append = Box::pin(store.append(&scope, vec![listen(1, None)]));
    // One poll queues the command; then the caller is gone.
    let polled = futures_poll_once(append.as_mut()).await;
    assert!(!polled);
    drop(append);
    // The writer works in order, so that this write comes after.
    store.drop_checkpoint(&scope, "none").await.unwrap();
    assert_eq!(store.head(&scope).await.unwrap(), 1);
}

/// Polls a future once and says whether it was ready.
async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready()))
        .await
}

#[tokio::test]
async fn a_copy_of_the_open_files_holds_what_was_acknowledged() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, scope) = prepared(folder.path()).await;
    write_some(&store, &scope).await;
    let (from, to) = (
        tenant_folder(folder.path(), &scope),
        tenant_folder(other.path(), &scope),
    );
    std::fs::create_dir_all(&to).unwrap();
    for name in ["tenant.db", "tenant.db-wal"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    // A frame that was being written when the power went.
    let mut wal = std::fs::read(to.join("tenant.db-wal")).unwrap();
    wal.extend_from_slice(&[0xAB; 3_000]);
    std::fs::write(to.join("tenant.db-wal"), wal).unwrap();
    let copy = open(other.path()).unwrap();
    assert_eq!(copy.head(&scope).await.unwrap(), 3);
    assert_eq!(copy.spaces(&scope).await.unwrap(), [(space(), 9)]);
    let appended = copy.append(&scope, vec![listen(4, None)]).await.unwrap();
    assert_eq!(appended[0].offset, 4);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope) = prepared(folder.path()).await;
    store.append(&scope, vec![listen(0, None)]).await.unwrap();
    store.limit_pages(&scope, 80).await.unwrap();
    let mut acknowledged = vec![0_u128];
    let refused = loop {
        let ids: Vec<u128> = (0..50).map(|n| acknowledged.len() as u128 + n).collect();
        let batch = ids.iter().map(|id| listen(*id, None)).collect();
        match store.append(&scope, batch).await {
            Ok(_) => acknowledged.extend(ids),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "the limit does not hold");
    };
    assert!(matches!(refused, Error::DiskFull), "{refused:?}");
    let count = acknowledged.len() as u64;
    let stored = |offset: u64| {
        let (store, scope) = (Arc::clone(&store), scope.clone());
        async move {
            EventLog::read(store.as_ref(), &scope, offset, 9_999)
                .await
                .unwrap()
        }
    };
    assert_eq!(stored(0).await.len() as u64, count);
    assert_eq!(store.head(&scope).await.unwrap(), count);
    // A group in which one command hits the bound: each gets its own answer, and it is true.
    let calls = (0..20_u128).map(|n| {
        let (store, scope) = (Arc::clone(&store), scope.clone());
        let batch = (0..40)
            .map(|id| listen(20_000 + n * 100 + id, None))
            .collect();
        tokio::spawn(async move { store.append(&scope, batch).await })
    });
    let mut accepted = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(appended) => accepted += appended.len() as u64,
            Err(error) => assert!(
                matches!(error, Error::DiskFull | Error::Busy { .. }),
                "{error:?}"
            ),
        }
    }
    assert_eq!(stored(0).await.len() as u64, count + accepted);
    store.limit_pages(&scope, 1_000_000).await.unwrap();
    store
        .append(&scope, vec![listen(90_000, None)])
        .await
        .unwrap();
    let all = stored(0).await;
    assert_eq!(store.head(&scope).await.unwrap(), all.len() as u64);
    let ids: Vec<_> = all.iter().map(|one| one.event.event_id.as_u128()).collect();
    assert!(ids.starts_with(&acknowledged) && ids.ends_with(&[90_000]));
}

#[tokio::test]
async fn a_read_only_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), b"").is_ok() {
        eprintln!("SKIPPED: this user (root?) writes into read-only folders");
        return;
    }
    let refused = open(&closed).err();
    assert!(
        matches!(&refused, Some(Error::ReadOnly { .. })),
        "{refused:?}"
    );
}
