//! What is heard of uploads while they arrive: first descriptors, long before the last byte.
//!
//! They are told and forgotten: nothing of them is stored or searched, since what is stored is of the whole file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use leitmotif_analysis::descriptor::Descriptor;
use leitmotif_domain::{TenantId, TenantScope, TrackId};
use parking_lot::Mutex;

use super::process::AudioProcess;

/// How much audio is told of: the first look, one at which tempo and energy can be told, and the last. The first
/// has room for a piece more to arrive before two seconds are there.
const STEPS_MS: [u64; 3] = [1_500, 8_000, 30_000];
/// How much audio the first look waits for, once it is known how long the bytes sound.
const AIM_MS: u64 = 1_600;
/// Seconds that a child hears at most: it then ends in a fraction of one.
const HEARD_SECONDS_MAX: u32 = 30;
/// Bytes from which the first child is asked: half a second of an MP3 of 64 kbit/s, which tells when to ask again.
const FIRST_BYTES: u64 = 4 * 1024;
/// Children of a tenant at once; what comes meanwhile is not queued, since more will have arrived by then.
const CHILDREN_MAX: usize = 2;
/// Uploads remembered at once, of all tenants; beyond it the oldest is forgotten.
const UPLOADS_MAX: usize = 1_000;

/// What was heard of an upload so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// How much was heard, in milliseconds.
    pub heard_ms: u64,
    /// What it is like, each with its own confidence.
    pub descriptors: Vec<Descriptor>,
}

/// An upload that arrives.
struct Upload {
    /// Tells it apart from one of the same track before it; rising.
    number: u64,
    is_heard_now: bool,
    reached_bytes: u64,
    /// Bytes from which it is heard next; none once nothing more is to be told.
    next_bytes: Option<u64>,
    heard: Option<Beginning>,
}

#[derive(Default)]
struct Uploads {
    known: BTreeMap<(TenantId, TrackId), Upload>,
    begun: u64,
}

impl Uploads {
    fn begin(&mut self, key: (TenantId, TrackId)) -> &mut Upload {
        let is_new = !self.known.contains_key(&key);
        if is_new && self.known.len() >= UPLOADS_MAX {
            let oldest = self.known.iter().min_by_key(|(_, upload)| upload.number);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.known.remove(&oldest);
            }
        }
        let begun = &mut self.begun;
        self.known.entry(key).or_insert_with(|| {
            *begun += 1;
            Upload {
                number: *begun,
                is_heard_now: false,
                reached_bytes: 0,
                next_bytes: Some(FIRST_BYTES),
                heard: None,
            }
        })
    }

    /// Takes what a child heard of so many bytes. What is too short is heard again when enough is there by its
    /// rate, and, as the bytes may begin with tags, at the latest when twice as much is there. Answers how much is there where that is enough already.
    fn take(
        &mut self,
        key: (TenantId, TrackId),
        number: u64,
        bytes: u64,
        heard: Option<Beginning>,
    ) -> Option<u64> {
        let known = self.known.get_mut(&key);
        let upload = known.filter(|one| one.number == number)?;
        let heard_ms = heard.as_ref().map_or(0, |heard| heard.heard_ms);
        let by_rate = bytes.saturating_mul(AIM_MS).checked_div(heard_ms);
        let twice = 2 * bytes;
        upload.next_bytes = Some(by_rate.map_or(twice, |enough| enough.clamp(bytes + 1, twice)));
        let told = heard.filter(|heard| STEPS_MS.first() <= Some(&heard.heard_ms));
        if let Some(heard) = told {
            let next = STEPS_MS.iter().find(|step| **step > heard.heard_ms);
            upload.next_bytes = next.map(|step| bytes.saturating_mul(*step) / heard.heard_ms);
            upload.heard = Some(heard);
        }
        upload.is_heard_now = upload.is_due();
        upload.is_heard_now.then_some(upload.reached_bytes)
    }
}

impl Upload {
    fn is_due(&self) -> bool {
        (self.next_bytes).is_some_and(|next| self.reached_bytes >= next)
    }
}

/// Hears uploads while they arrive.
pub struct Beginnings {
    process: Arc<dyn AudioProcess>,
    uploads: Mutex<Uploads>,
}

impl Beginnings {
    /// Hears by a process.
    pub fn new(process: Arc<dyn AudioProcess>) -> Self {
        Self {
            process,
            uploads: Mutex::default(),
        }
    }

    /// Tells that so many bytes of a track's upload lie in a file. A child is asked where that says more than is
    /// known; the caller does not wait for it.
    pub fn arrived(
        self: &Arc<Self>,
        scope: &TenantScope,
        track: TrackId,
        (path, extension): (PathBuf, &str),
        bytes: u64,
    ) {
        let key = (scope.tenant(), track);
        let number = {
            let mut uploads = self.uploads.lock();
            let of_tenant = uploads.known.range((key.0, TrackId::from_u128(0))..);
            let of_tenant = of_tenant.take_while(|((tenant, _), _)| *tenant == key.0);
            let children = of_tenant.filter(|(_, upload)| upload.is_heard_now).count();
            let upload = uploads.begin(key);
            upload.reached_bytes = bytes;
            if !upload.is_due() || upload.is_heard_now || children >= CHILDREN_MAX {
                return;
            }
            upload.is_heard_now = true;
            upload.number
        };
        let (own, extension) = (Arc::clone(self), extension.to_owned());
        tokio::spawn(async move {
            let mut bytes = Some(bytes);
            while let Some(there) = bytes {
                let heard = own.process.hear(&path, &extension, HEARD_SECONDS_MAX).await;
                // A refusal is no fault yet: the index of an MP4 may stand at its end.
                let heard = heard.ok().map(|analysis| Beginning {
                    heard_ms: analysis.heard_ms,
                    descriptors: analysis.descriptors,
                });
                bytes = own.uploads.lock().take(key, number, there, heard);
            }
        });
    }

    /// What was heard of an upload so far.
    pub fn heard(&self, scope: &TenantScope, track: TrackId) -> Option<Beginning> {
        let uploads = self.uploads.lock();
        uploads.known.get(&(scope.tenant(), track))?.heard.clone()
    }

    /// Forgets an upload that ended, or begins anew.
    pub fn forget(&self, scope: &TenantScope, track: TrackId) {
        self.uploads.lock().known.remove(&(scope.tenant(), track));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use leitmotif_analysis::audio::AudioAnalysis;
    use leitmotif_domain::Timestamp;
    use leitmotif_domain::clock::ManualClock;
    use tokio::sync::Notify;

    use super::*;
    use crate::error::Error;
    use crate::testing::store_of_one;

    fn key(track: u128) -> (TenantId, TrackId) {
        (TenantId::from_u128(1), TrackId::from_u128(track))
    }

    fn heard(heard_ms: u64) -> Option<Beginning> {
        Some(Beginning {
            heard_ms,
            descriptors: Vec::new(),
        })
    }

    #[test]
    fn an_upload_is_heard_at_one_and_a_half_eight_and_thirty_seconds() {
        let mut uploads = Uploads::default();
        let number = uploads.begin(key(1)).number;
        let mut check = |bytes, of: Option<Beginning>, next: Option<u64>, told: Option<u64>| {
            let more = uploads.take(key(1), number, bytes, of);
            assert_eq!(more, None, "nothing more has arrived");
            let upload = &uploads.known[&key(1)];
            assert_eq!(upload.next_bytes, next);
            assert_eq!(upload.heard.as_ref().map(|one| one.heard_ms), told);
        };
        check(4_096, None, Some(8_192), None);
        check(8_192, heard(400), Some(16_384), None);
        check(16_384, heard(1_024), Some(25_600), None);
        check(25_600, heard(1_499), Some(27_324), None);
        check(131_072, heard(4_096), Some(256_000), Some(4_096));
        check(256_000, heard(8_000), Some(960_000), Some(8_000));
        check(960_000, heard(30_000), None, Some(30_000));
    }

    #[test]
    fn what_arrived_meanwhile_is_heard_at_once() {
        let mut uploads = Uploads::default();
        let number = uploads.begin(key(1)).number;
        let mut arrived = |reached_bytes, bytes, of: Option<Beginning>| {
            let upload = uploads.begin(key(1));
            upload.reached_bytes = reached_bytes;
            let more = uploads.take(key(1), number, bytes, of);
            (more, uploads.known[&key(1)].is_heard_now)
        };
        assert_eq!(arrived(70_000, 32_768, None), (Some(70_000), true));
        assert_eq!(arrived(90_000, 70_000, heard(1_000)), (None, false));
        assert_eq!(
            arrived(900_000, 140_000, heard(2_000)),
            (Some(900_000), true)
        );
        assert_eq!(arrived(900_000, 900_000, heard(30_000)), (None, false));
    }

    #[test]
    fn what_was_heard_of_an_upload_before_is_not_told() {
        let mut uploads = Uploads::default();
        let number = uploads.begin(key(1)).number;
        uploads.known.remove(&key(1));
        uploads.begin(key(1));
        uploads.take(key(1), number, 99, heard(5_000));
        assert!(uploads.known[&key(1)].heard.is_none());
        uploads.take(key(2), number, 99, heard(5_000));
        assert_eq!(uploads.known.len(), 1);
    }

    /// Hears until it is let go, and counts how often it was asked.
    #[derive(Default)]
    struct SlowProcess {
        asked: AtomicUsize,
        let_go: Notify,
    }

    #[async_trait]
    impl AudioProcess for SlowProcess {
        async fn analyze(&self, _: &Path, _: &str) -> Result<AudioAnalysis, Error> {
            let reason = "nothing is analysed whole".to_owned();
            Err(Error::Audio { reason })
        }

        async fn hear(&self, path: &Path, kind: &str, _: u32) -> Result<AudioAnalysis, Error> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.let_go.notified().await;
            self.analyze(path, kind).await
        }
    }

    #[tokio::test]
    async fn a_tenant_has_two_children_at_once_and_an_upload_one() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(0)));
        let (_storage, scope) = store_of_one(clock).await;
        let process = Arc::new(SlowProcess::default());
        let beginnings = Arc::new(Beginnings::new(process.clone()));
        let arrived = async |track: u128, bytes: u64| {
            let file = (PathBuf::from("song.wav"), "wav");
            beginnings.arrived(&scope, TrackId::from_u128(track), file, bytes);
            tokio::task::yield_now().await;
            process.asked.load(Ordering::SeqCst)
        };
        assert_eq!(arrived(1, FIRST_BYTES - 1).await, 0);
        assert_eq!(arrived(1, FIRST_BYTES).await, 1);
        assert_eq!(arrived(1, 2 * FIRST_BYTES).await, 1, "one of an upload");
        assert_eq!(arrived(2, FIRST_BYTES).await, 2);
        assert_eq!(arrived(3, FIRST_BYTES).await, 2, "two of a tenant");
        // What arrived of the first meanwhile is heard at once.
        process.let_go.notify_one();
        while process.asked.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(beginnings.heard(&scope, TrackId::from_u128(1)), None);
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let mut uploads = Uploads::default();
        for track in 0..=UPLOADS_MAX as u128 {
            uploads.begin(key(track));
        }
        assert_eq!(uploads.known.len(), UPLOADS_MAX);
        assert!(!uploads.known.contains_key(&key(0)) && uploads.known.contains_key(&key(1)));
        assert_eq!(uploads.begin(key(1)).number, 2, "it stays");
    }
}
