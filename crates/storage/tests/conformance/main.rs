//! The conformance suite on every backend of one process, and what only the embedded one promises.

#![allow(
    clippy::unwrap_used,
    reason = "steps of a test outside its own function"
)]

mod decorated;
mod embedded;
mod event_index;
mod inspect;

use std::sync::Arc;

use leitmotif_storage::conformance::{self, World};
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::memory::MemoryStorage;

fn memory() -> World {
    let clock = World::clock();
    let store = MemoryStorage::new(clock.clone(), World::entropy());
    World::of(&Arc::new(store), clock, Box::new(()))
}

#[tokio::test]
async fn memory_conforms() {
    conformance::suite(memory).await;
}

#[tokio::test]
async fn embedded_conforms() {
    let make = || {
        let (folder, clock) = (tempfile::tempdir().unwrap(), World::clock());
        let store =
            EmbeddedStorage::open(folder.path(), clock.clone(), World::entropy(), "test").unwrap();
        World::of(&Arc::new(store), clock, Box::new(folder))
    };
    conformance::suite(make).await;
}

#[tokio::test]
async fn embedded_conforms_with_most_of_the_log_indexed_on_disk() {
    let make = || {
        let (folder, clock) = (tempfile::tempdir().unwrap(), World::clock());
        let store = EmbeddedStorage::open(folder.path(), clock.clone(), World::entropy(), "test");
        let store = store.unwrap().with_tail_events(2);
        World::of(&Arc::new(store), clock, Box::new(folder))
    };
    conformance::suite(make).await;
}

#[test]
fn the_isolation_check_covers_every_method() {
    let methods = conformance::scoped_methods();
    assert!(methods.len() > 50, "{methods:?}");
    assert_eq!(methods, conformance::covered_methods());
}
