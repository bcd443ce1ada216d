//! Blobs: whole after every write, read by range, continued where an upload stopped.

use bytes::Bytes;
use leitmotif_domain::ErrorKind;

use super::kind_of;
use super::world::World;
use crate::ports::{BlobKey, BlobStat};

fn key(name: &str) -> BlobKey {
    name.parse().unwrap()
}

pub async fn blobs_are_whole_and_cut_by_range(world: &World) {
    let (scope, blobs, name) = (world.first(), &world.blobs, key("audio/a.flac"));
    assert_eq!(blobs.stat(&scope, &name).await.unwrap(), None);
    let missing = blobs.read(&scope, &name, 0..9).await;
    assert_eq!(kind_of(missing), ErrorKind::NotFound);
    let first = Bytes::from_static(b"a longer former blob");
    blobs.put(&scope, &name, first).await.unwrap();
    let bytes = Bytes::from_static(b"0123456789");
    blobs.put(&scope, &name, bytes).await.unwrap();
    let stat = blobs.stat(&scope, &name).await.unwrap();
    assert_eq!(stat, Some(BlobStat { size_bytes: 10 }));
    for (from, to, expected) in [
        (0, u64::MAX, "0123456789"),
        (2, 4, "23"),
        (8, 99, "89"),
        (10, 12, ""),
        (50, 60, ""),
        (5, 5, ""),
    ] {
        let read = blobs.read(&scope, &name, from..to).await.unwrap();
        assert_eq!(read, expected.as_bytes(), "{from}..{to}");
    }
    if let Some(path) = blobs.local_path(&scope, &name).await.unwrap() {
        assert_eq!(std::fs::read(path).unwrap(), b"0123456789");
    }
    assert!(blobs.delete(&scope, &name).await.unwrap());
    assert!(!blobs.delete(&scope, &name).await.unwrap());
    assert_eq!(blobs.stat(&scope, &name).await.unwrap(), None);
    for bad in ["", "/", "a//b", "../a", "a/..", ".a", "a b", "ä"] {
        assert!(bad.parse::<BlobKey>().is_err(), "{bad}");
    }
}

pub async fn uploads_go_on_where_they_were(world: &World) {
    let (scope, blobs) = (world.first(), &world.blobs);
    let (upload, name) = (key("u1"), key("audio/b"));
    let nothing = blobs.upload_finish(&scope, &upload, &name).await;
    assert_eq!(kind_of(nothing), ErrorKind::NotFound);
    let part = |text: &'static str| Bytes::from_static(text.as_bytes());
    let ahead = blobs.upload_append(&scope, &upload, 3, part("x")).await;
    assert_eq!(kind_of(ahead), ErrorKind::Conflict);
    let nothing = blobs.upload_finish(&scope, &upload, &name).await;
    assert_eq!(kind_of(nothing), ErrorKind::NotFound);
    assert_eq!(blobs.upload_len(&scope, &upload).await.unwrap(), 0);
    assert_eq!(blobs.upload_path(&scope, &upload).await.unwrap(), None);
    let begun = blobs.upload_append(&scope, &upload, 0, part("abc"));
    begun.await.unwrap();
    if let Some(path) = blobs.upload_path(&scope, &upload).await.unwrap() {
        assert_eq!(std::fs::read(path).unwrap(), b"abc");
    }
    for wrong in [0, 2, 4] {
        let refused = blobs.upload_append(&scope, &upload, wrong, part("x")).await;
        assert_eq!(kind_of(refused), ErrorKind::Conflict, "{wrong}");
    }
    assert_eq!(blobs.upload_len(&scope, &upload).await.unwrap(), 3);
    let more = blobs.upload_append(&scope, &upload, 3, part("de"));
    more.await.unwrap();
    assert_eq!(blobs.stat(&scope, &name).await.unwrap(), None);
    let finished = blobs.upload_finish(&scope, &upload, &name);
    finished.await.unwrap();
    let whole = blobs.read(&scope, &name, 0..99).await.unwrap();
    assert_eq!(whole, "abcde".as_bytes());
    assert_eq!(blobs.upload_len(&scope, &upload).await.unwrap(), 0);
    let begun = blobs.upload_append(&scope, &upload, 0, part("again"));
    begun.await.unwrap();
    blobs.upload_abort(&scope, &upload).await.unwrap();
    blobs.upload_abort(&scope, &upload).await.unwrap();
    assert_eq!(blobs.upload_len(&scope, &upload).await.unwrap(), 0);
}

pub async fn names_that_clash_are_refused(world: &World) {
    let (scope, blobs) = (world.first(), &world.blobs);
    let (upper, lower) = (key("a"), key("a/b"));
    let bytes = Bytes::from_static(b"1");
    blobs.put(&scope, &lower, bytes.clone()).await.unwrap();
    assert_eq!(blobs.stat(&scope, &upper).await.unwrap(), None);
    let missing = blobs.read(&scope, &upper, 0..1).await;
    assert_eq!(kind_of(missing), ErrorKind::NotFound);
    assert!(!blobs.delete(&scope, &upper).await.unwrap());
    let refused = blobs.put(&scope, &upper, bytes.clone()).await;
    assert_eq!(kind_of(refused), ErrorKind::Conflict);
    let (upper, lower) = (key("c"), key("c/d"));
    blobs.put(&scope, &upper, bytes.clone()).await.unwrap();
    assert_eq!(blobs.stat(&scope, &lower).await.unwrap(), None);
    assert!(!blobs.delete(&scope, &lower).await.unwrap());
    let refused = blobs.put(&scope, &lower, bytes).await;
    assert_eq!(kind_of(refused), ErrorKind::Conflict);
}
