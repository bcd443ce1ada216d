//! Folders and jobs over a real store, with a decoder made for the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use leitmotif_analysis::audio::{AudioAnalysis, AudioBuffer, analyze_audio};
use leitmotif_analysis::lyrics::LYRICS_EMBEDDING_SPACE;
use leitmotif_domain::chance::{Entropy, Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::job::{JobCounts, JobState};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::track::Track;
use leitmotif_domain::{OperatorScope, TenantId, TenantScope, Timestamp};
use leitmotif_ingest::jobs::{AnalyzeRunner, AudioProcess, TenantDirectory, Workers};
use leitmotif_ingest::lyrics_space::LyricsSpaces;
use leitmotif_ingest::plugins::{PluginProcess, Plugins};
use leitmotif_ingest::tracks::scan::{ScanReport, scan_folder};
use leitmotif_ingest::{Catalogue, Error};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{
    Accounts, CatalogStore, JobFilter, JobQueue, Ledger, TrackFilter, VectorStore,
};
use tokio::sync::{Notify, Semaphore, watch};

/// Analyses a tone; refuses files that say `bad`, fails `flaky` ones the first time.
#[derive(Default)]
struct ToneProcess {
    calls: AtomicUsize,
    failures: AtomicUsize,
    running: AtomicUsize,
    running_most: AtomicUsize,
}

#[async_trait]
impl AudioProcess for ToneProcess {
    async fn analyze(&self, path: &Path, _extension: &str) -> Result<AudioAnalysis, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.running_most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let content = std::fs::read_to_string(path).unwrap();
        if content.starts_with("bad") {
            return Err(Error::Audio {
                reason: "it says so".to_owned(),
            });
        }
        if content.starts_with("flaky") && self.failures.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::Decoder {
                reason: "it was killed".to_owned(),
            });
        }
        let samples = (0..22_050 * 2)
            .map(|i| (i as f32 * 0.06).sin() * 0.5)
            .collect();
        let audio = AudioBuffer {
            samples,
            channel_count: 1,
            sample_rate_hz: 22_050,
        };
        Ok(analyze_audio(&audio).unwrap())
    }

    async fn hear(
        &self,
        path: &Path,
        extension: &str,
        _seconds_max: u32,
    ) -> Result<AudioAnalysis, Error> {
        self.analyze(path, extension).await
    }
}

struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    scope: TenantScope,
    catalogue: Arc<Catalogue>,
    process: Arc<ToneProcess>,
    workers: Arc<Workers>,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage = Arc::new(MemoryStorage::new(clock.clone(), entropy.clone()));
        let seal = SealKey::new([1; 32]);
        let operator = OperatorScope::of_platform(&seal, "test");
        let tenant = Tenant {
            id: TenantId::from_u128(7),
            name: "test".to_owned(),
            created_at: Timestamp::from_ms(0),
        };
        storage
            .create_tenant(&operator, tenant.clone())
            .await
            .unwrap();
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let time: Arc<dyn leitmotif_domain::Clock> = clock.clone();
        let catalogue = Arc::new(Catalogue::over(&storage, &time));
        let process = Arc::new(ToneProcess::default());
        let directory = Arc::new(TenantDirectory::new(seal, storage.clone()));
        directory.refresh().await.unwrap();
        let runner = AnalyzeRunner {
            catalogue: catalogue.clone(),
            process: process.clone(),
            ledger: storage.clone(),
            lyrics_spaces: Arc::new(LyricsSpaces::new(catalogue.clone(), None)),
            computing: Semaphore::new(2),
            plugins: Arc::new(Plugins {
                catalogue: catalogue.clone(),
                host: Arc::new(PluginProcess {
                    program: "there are none".into(),
                }),
            }),
        };
        let workers = Arc::new(Workers {
            log: storage.clone(),
            queue: storage.clone(),
            directory,
            runners: vec![Arc::new(runner)],
            wake: Arc::new(Notify::new()),
            entropy,
        });
        let folder = tempfile::tempdir().unwrap();
        Self {
            storage,
            clock,
            scope,
            catalogue,
            process,
            workers,
            folder,
        }
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn scan(&self) -> ScanReport {
        scan_folder(&self.catalogue, &self.scope, self.folder.path(), |_| {})
            .await
            .unwrap()
    }

    async fn counts(&self) -> JobCounts {
        self.storage.job_counts(&self.scope).await.unwrap()
    }

    /// Works until `done` holds; the manual clock moves so that waiting jobs come up.
    async fn work_until(&self, done: impl Fn(JobCounts) -> bool) {
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(self.workers.clone().run(2, stopped));
        for _ in 0..2_000 {
            if done(self.counts().await) {
                break;
            }
            self.clock.advance_ms(100);
            self.workers.wake.notify_one();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stop.send_replace(true);
        self.workers.wake.notify_waiters();
        running.await.unwrap();
        let counts = self.counts().await;
        assert!(done(counts), "{counts:?}");
    }

    async fn tracks(&self) -> Vec<Track> {
        let page = PageRequest::largest();
        self.storage
            .list_tracks(&self.scope, &TrackFilter::default(), &page)
            .await
            .unwrap()
            .items
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_becomes_tracks_and_a_second_scan_changes_nothing() {
    let world = World::new().await;
    world.write("a/one.mp3", "song one");
    world.write(
        "a/one.lrc",
        "[00:01.00]the night is long\n[00:02.00]so sing along",
    );
    world.write("b/two.flac", "song two");
    world.write("b/copy of two.flac", "song two");
    world.write("b/notes.doc", "no music");
    let first = world.scan().await;
    assert_eq!((first.files, first.written, first.duplicates), (3, 2, 1));
    world.work_until(|counts| counts.done == 2).await;
    let analysed = world.process.calls.load(Ordering::SeqCst);
    let second = world.scan().await;
    assert_eq!((second.unchanged, second.written), (3, 0));
    assert_eq!(world.counts().await.waiting, 0);
    let with_lyrics = world
        .tracks()
        .await
        .into_iter()
        .filter(|t| t.has_lyrics)
        .count();
    assert_eq!(with_lyrics, 1);
    assert_eq!(world.process.calls.load(Ordering::SeqCst), analysed);
    let spaces = world.storage.spaces(&world.scope).await.unwrap();
    assert_eq!(spaces.len(), 2, "{spaces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_is_the_same_track_and_is_not_analysed_again() {
    let world = World::new().await;
    world.write("old.mp3", "song");
    world.scan().await;
    world.work_until(|counts| counts.done == 1).await;
    let before = world.tracks().await;
    std::fs::rename(
        world.folder.path().join("old.mp3"),
        world.folder.path().join("new.mp3"),
    )
    .unwrap();
    assert_eq!(world.scan().await.written, 1);
    let after = world.tracks().await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].id, before[0].id);
    assert!(after[0].details.external_ids["path"].ends_with("new.mp3"));
    assert_eq!(world.counts().await.waiting, 0);
    assert_eq!(world.process.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_a_dead_letter_with_its_reason_and_the_rest_goes_on() {
    let world = World::new().await;
    world.write("bad.mp3", "bad");
    world.write("bad.txt", "words are left\nwhere sound is theft");
    world.write("good.mp3", "good");
    world.scan().await;
    world
        .work_until(|counts| counts.done == 1 && counts.dead == 1)
        .await;
    assert_eq!(
        world.process.calls.load(Ordering::SeqCst),
        2,
        "a bad file is not tried again"
    );
    let filter = JobFilter {
        state: Some(JobState::Dead),
        kind: None,
    };
    let page = PageRequest::largest();
    let dead = world
        .storage
        .list_jobs(&world.scope, &filter, &page)
        .await
        .unwrap()
        .items;
    assert!(dead[0].error.as_deref().unwrap().contains("it says so"));
    let tracks = world.tracks().await;
    let bad = tracks
        .iter()
        .find(|track| track.details.title == "bad")
        .unwrap();
    let stored = world
        .storage
        .analyses(&world.scope, &[bad.id])
        .await
        .unwrap();
    let document = &stored[0].as_ref().unwrap().document;
    assert!(
        document["lyrics"]["descriptors"].is_array(),
        "the words were read all the same"
    );
    assert!(
        document["failures"][0]
            .as_str()
            .unwrap()
            .contains("it says so")
    );
}

/// Lyrics as strangers send them: of nothing that can be read, and cut and garbled at any place.
fn odd_lyrics() -> Vec<String> {
    const WHOLE: &str =
        "La la la 🎶🎤 yeah 💔\u{200d}🔥 e\u{301}té\nМы идём по ночи\n[00:12.00]夜の街を歩いてく";
    let wordless = [
        "🎶🎤🔥",
        "... !!!",
        "\u{200b}\u{200d}\u{feff}",
        "—",
        "[Chorus]",
        "\u{301}",
    ];
    let mut texts: Vec<String> = wordless.map(str::to_owned).into();
    let entropy = SeededEntropy::new(Seed(7));
    for _ in 0..150 {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..=entropy.next_u128() % 4 {
            let drawn = entropy.next_u128();
            let at = (drawn >> 32) as usize % bytes.len();
            match drawn % 3 {
                0 => bytes.truncate(at + 1),
                1 => drop(bytes.drain(at / 2..at)),
                _ => bytes[at] ^= 1 << (drawn % 8),
            }
        }
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lyrics_cost_a_track_its_analysis() {
    let world = World::new().await;
    let texts = odd_lyrics();
    for (number, text) in texts.iter().enumerate() {
        world.write(&format!("{number}.wav"), &format!("good {number}"));
        world.write(&format!("{number}.txt"), text);
    }
    world.scan().await;
    let all = texts.len() as u64;
    world
        .work_until(|counts| counts.done + counts.dead == all)
        .await;
    assert_eq!(world.counts().await.dead, 0);
    for track in world.tracks().await {
        let store = &world.storage;
        let stored = store.analyses(&world.scope, &[track.id]).await.unwrap();
        let document = &stored[0].as_ref().expect("analysed").document;
        assert!(document["audio"].is_object(), "{}", track.details.title);
        if track.details.title == "0" {
            let words = LYRICS_EMBEDDING_SPACE.parse().unwrap();
            let vector = store.vector(&world.scope, &words, track.id).await.unwrap();
            assert_eq!(vector, None, "emoji point nowhere");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_decoder_is_tried_again_and_usage_is_counted_once() {
    let world = World::new().await;
    world.write("flaky.mp3", "flaky");
    world.scan().await;
    world.work_until(|counts| counts.done == 1).await;
    assert_eq!(world.process.calls.load(Ordering::SeqCst), 2);
    let usage = world
        .storage
        .usage(&world.scope, "0001-01-01", "9999-12-31")
        .await
        .unwrap();
    let analysed = usage
        .iter()
        .find(|row| row.metric == "tracks_analysed")
        .unwrap();
    assert_eq!(analysed.amount, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_short_jobs_are_each_done_once_and_two_compute_at_a_time() {
    let world = World::new().await;
    for number in 0..60 {
        world.write(&format!("{number}.wav"), &format!("bad {number}"));
    }
    world.write("good.wav", "good");
    world.scan().await;
    world
        .work_until(|counts| counts.dead == 60 && counts.done == 1)
        .await;
    assert_eq!(world.process.calls.load(Ordering::SeqCst), 61);
    assert!(world.process.running_most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn removing_a_track_removes_what_hangs_on_it() {
    let world = World::new().await;
    world.write("one.mp3", "song");
    world.scan().await;
    let id = world.tracks().await[0].id;
    let space = "x".parse().unwrap();
    world
        .storage
        .upsert(&world.scope, &space, vec![(id, vec![1.0, 0.0])])
        .await
        .unwrap();
    assert!(world.catalogue.delete(&world.scope, id).await.unwrap());
    assert!(!world.catalogue.delete(&world.scope, id).await.unwrap());
    assert!(world.storage.spaces(&world.scope).await.unwrap().is_empty());
    assert!(world.tracks().await.is_empty());
}
