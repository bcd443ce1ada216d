//! The disk that fills between the steps of one upsert: the tracks with their events, then the jobs.

use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::clock::{ManualClock, Timestamp};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::track::{Lyrics, TrackDetails};
use leitmotif_domain::{Clock, OperatorScope, TenantId};
use leitmotif_ingest::Catalogue;
use leitmotif_storage::Error;
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::{Accounts, CatalogStore, EventLog, JobQueue, TrackPatch};

const TRACKS: u64 = 60;
/// More pages than an upsert of these tracks can need; a fresh file has some forty.
const PAGES: u32 = 200;
const PAGES_MAX: u32 = 1_000_000;

fn patches() -> Vec<TrackPatch> {
    let patch = |number: u64| TrackPatch {
        details: TrackDetails {
            title: format!("Song {number}"),
            external_ids: [("n".to_owned(), number.to_string())].into(),
            ..TrackDetails::default()
        },
        lyrics: Some(Lyrics {
            text: "la la la\n".repeat(20),
            content_hash: number.to_string(),
        }),
        ..TrackPatch::default()
    };
    (0..TRACKS).map(patch).collect()
}

/// Every place at which the disk can be full, page by page.
#[tokio::test]
async fn a_disk_that_fills_within_an_upsert_leaves_nothing_half() {
    let (mut before, mut between) = (0, 0);
    for pages in 40.. {
        assert!(pages < PAGES, "the disk never was large enough");
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> =
            Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage =
            EmbeddedStorage::open(folder.path(), clock.clone(), entropy, "pid 1, test").unwrap();
        let storage = Arc::new(storage);
        let seal = SealKey::new([1; 32]);
        let tenant = Tenant {
            id: TenantId::from_u128(1),
            name: "t".to_owned(),
            created_at: Timestamp::from_ms(0),
        };
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let operator = OperatorScope::of_platform(&seal, "test");
        storage.create_tenant(&operator, tenant).await.unwrap();
        let catalogue = Catalogue::over(&storage, &clock);
        storage.limit_pages(&scope, pages).await.unwrap();
        let written = catalogue.upsert(&scope, patches()).await;
        let tracks = storage.counts(&scope).await.unwrap().tracks;
        assert_eq!(storage.head(&scope).await.unwrap(), tracks);
        assert!(tracks == 0 || tracks == TRACKS, "{tracks}");
        let waiting = async || storage.job_counts(&scope).await.unwrap().waiting;
        if written.is_ok() {
            assert_eq!((tracks, waiting().await), (TRACKS, TRACKS));
            break;
        }
        let error = written.unwrap_err();
        assert!(
            matches!(error, leitmotif_ingest::Error::Storage(Error::DiskFull)),
            "{error}"
        );
        assert_eq!(waiting().await, 0);
        before += u32::from(tracks == 0);
        between += u32::from(tracks == TRACKS);
        // There is room again, and whoever was refused sends the same once more.
        storage.limit_pages(&scope, PAGES_MAX).await.unwrap();
        catalogue.upsert(&scope, patches()).await.unwrap();
        assert_eq!(storage.counts(&scope).await.unwrap().tracks, TRACKS);
        assert_eq!(storage.head(&scope).await.unwrap(), TRACKS);
        assert_eq!(waiting().await, TRACKS);
    }
    assert!(
        before > 0 && between > 1,
        "{before} before, {between} between"
    );
}
