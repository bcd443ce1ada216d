//! The job that analyses a track.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use leitmotif_analysis::audio::{
    AUDIO_ANALYZER_VERSION, AUDIO_EMBEDDING_SPACE, AudioAnalysis, Segments,
};
use leitmotif_analysis::lyrics::{
    LYRICS_EMBEDDING_SPACE, LyricsAnalysis, MEANING_VERSION, WORDS_VERSION, analyze_lyrics,
};
use leitmotif_domain::event::{AnalysisCompleted, EVENT_SCHEMA_VERSION, Event, EventPayload};
use leitmotif_domain::job::JobTask;
use leitmotif_domain::track::{AudioLocation, AudioSource, Lyrics, Track};
use leitmotif_domain::{EventId, TenantScope, TrackId, limits};
use leitmotif_storage::ports::{
    AnalysisDocument, Ledger, TrackPatch, UsageEntry, VectorSpace, has_direction,
};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::catalogue::{Catalogue, is_cut};
use crate::error::{Error, Result};
use crate::jobs::document::{AudioPart, LyricsPart, TrackAnalysis};
use crate::jobs::process::AudioProcess;
use crate::jobs::segments::keep_segments;
use crate::jobs::threads::off_the_async_threads;
use crate::jobs::worker::{JobFailure, JobHandle, JobRunner};
use crate::lyrics_space::LyricsSpaces;
use crate::plugins::{PluginTrack, Plugins};

/// Analyses tracks.
pub struct AnalyzeRunner {
    /// Where tracks, vectors and events lie.
    pub catalogue: Arc<Catalogue>,
    /// Where audio is decoded.
    pub process: Arc<dyn AudioProcess>,
    /// Where usage is counted.
    pub ledger: Arc<dyn Ledger>,
    /// What the tenant's lyrics taught.
    pub lyrics_spaces: Arc<LyricsSpaces>,
    /// As many as may compute at once, each with a decoding child; others wait for the disk meanwhile.
    pub computing: Semaphore,
    /// Analyzers of third parties.
    pub plugins: Arc<Plugins>,
}

#[async_trait]
impl JobRunner for AnalyzeRunner {
    fn kind(&self) -> &'static str {
        "analyze_track"
    }

    fn may_be_together(&self) -> bool {
        true
    }

    async fn run(
        &self,
        scope: &TenantScope,
        job: &JobHandle,
    ) -> std::result::Result<(), JobFailure> {
        let JobTask::AnalyzeTrack { track } = &job.leased.job.task else {
            return Err(JobFailure {
                reason: "not an analysis".to_owned(),
                is_retryable: false,
            });
        };
        Ok(self.analyze(scope, *track).await?)
    }
}

/// What one analysis yields: the document and the vectors beside it.
struct Measured {
    document: TrackAnalysis,
    vectors: Vec<(VectorSpace, Vec<f32>)>,
    /// Kept beside the document, which everything else reads whole.
    segments: Option<Segments>,
}

impl AnalyzeRunner {
    /// Analyses a track unless exactly this input was analysed before.
    ///
    /// - Errors: `Audio` when the file is at fault (what could be measured is stored all the same),
    ///   `Decoder`, `Storage`. A track that is gone is no error.
    pub async fn analyze(&self, scope: &TenantScope, id: TrackId) -> Result<()> {
        let store = &self.catalogue.store;
        let Some(track) = store.tracks(scope, &[id]).await?.pop() else {
            return Ok(());
        };
        let lyrics = store.lyrics(scope, id).await?;
        let input_hash = hash_input(track.audio.as_ref(), lyrics.as_ref());
        let stored = store.analyses(scope, &[id]).await?.pop().flatten();
        if let Some(stored) = stored
            && stored.input_hash == input_hash
            && let Ok(mut document) = serde_json::from_value::<TrackAnalysis>(stored.document)
            && document.failures.is_empty()
        {
            let lyrics = lyrics.as_ref();
            let asked = self
                .plugin_track(scope, &track, lyrics, &input_hash)
                .await?;
            let computing = self.computing().await?;
            let plugins = &self.plugins;
            let is_changed = plugins.bring_level(scope, &asked, &mut document).await?;
            drop(computing);
            if is_changed {
                self.put(scope, id, &document, &input_hash).await?;
            }
            // A process that died right after the analysis was stored did not tell of it.
            return self.tell(scope, id, &document, &input_hash).await;
        }
        let computing = self.computing().await?;
        let (mut measured, failure) = self.measure(scope, &track, lyrics.as_ref()).await?;
        let asked = self
            .plugin_track(scope, &track, lyrics.as_ref(), &input_hash)
            .await?;
        let document = &mut measured.document;
        self.plugins.bring_level(scope, &asked, document).await?;
        drop(computing);
        self.keep(scope, &track, measured, input_hash).await?;
        failure.map_or(Ok(()), Err)
    }

    /// Waits for one of the places to compute.
    async fn computing(&self) -> Result<SemaphorePermit<'_>> {
        let computing = self.computing.acquire().await;
        Ok(computing.map_err(leitmotif_storage::Error::bug)?)
    }

    /// What plugins may be run on.
    async fn plugin_track<'a>(
        &self,
        scope: &TenantScope,
        track: &Track,
        lyrics: Option<&'a Lyrics>,
        input_hash: &'a str,
    ) -> Result<PluginTrack<'a>> {
        let sound = match &track.audio {
            None => None,
            Some(source) => match self.file_of(scope, source).await {
                Ok(path) => Some((path, source.extension.clone())),
                Err(Error::Audio { .. }) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(PluginTrack {
            id: track.id,
            sound,
            lyrics,
            input_hash,
        })
    }

    async fn measure(
        &self,
        scope: &TenantScope,
        track: &Track,
        lyrics: Option<&Lyrics>,
    ) -> Result<(Measured, Option<Error>)> {
        let mut failure = None;
        let mut failures = Vec::new();
        let sound = match &track.audio {
            None => None,
            Some(source) => match self.hear(scope, source).await {
                Ok(analysis) => Some(analysis),
                Err(error @ Error::Audio { .. }) => {
                    failures.push(error.to_string());
                    failure = Some(error);
                    None
                }
                Err(error) => return Err(error),
            },
        };
        let mut vectors = Vec::new();
        let mut remarks = Vec::new();
        if let Some(sound) = &sound {
            remarks.clone_from(&sound.remarks);
            vectors.push((AUDIO_EMBEDDING_SPACE.parse()?, sound.embedding.clone()));
        }
        let segments = sound.as_ref().map(|sound| sound.segments.clone());
        let words = match lyrics {
            None => None,
            Some(lyrics) => {
                let embedded = self.lyrics_spaces.embed_all(scope, &lyrics.text).await?;
                let words = read(lyrics.text.clone()).await?;
                vectors.push((LYRICS_EMBEDDING_SPACE.parse()?, words.embedding.clone()));
                vectors.extend(embedded);
                if is_cut(lyrics) {
                    remarks.push(format!(
                        "the lyrics were longer than {} KiB, the rest of them is not kept",
                        limits::LYRICS_BYTES_MAX >> 10
                    ));
                }
                remarks.extend(words.remarks.iter().cloned());
                Some(words)
            }
        };
        let document = TrackAnalysis {
            analysed_at: self.catalogue.clock.now(),
            audio: sound.map(|sound| AudioPart {
                descriptors: sound.descriptors,
                beats_ms: sound.beats_ms,
                downbeats_ms: sound.downbeats_ms,
                waveform: sound.waveform,
                loudness_curve: sound.loudness_curve,
                fingerprint: sound.fingerprint,
            }),
            lyrics: words.map(|words| LyricsPart {
                descriptors: [words.descriptors, words.meaning].concat(),
                chains: words.chains,
            }),
            plugins: Vec::new(),
            failures,
            remarks,
        };
        let measured = Measured {
            document,
            vectors,
            segments,
        };
        Ok((measured, failure))
    }

    async fn hear(&self, scope: &TenantScope, source: &AudioSource) -> Result<AudioAnalysis> {
        let path = self.file_of(scope, source).await?;
        self.process.analyze(&path, &source.extension).await
    }

    /// Where the bytes of a track's audio can be read on this machine.
    async fn file_of(&self, scope: &TenantScope, source: &AudioSource) -> Result<PathBuf> {
        match &source.location {
            AudioLocation::File(path) => Ok(PathBuf::from(path)),
            AudioLocation::Blob(key) => {
                let found = self
                    .catalogue
                    .blobs
                    .local_path(scope, &key.parse()?)
                    .await?;
                found.ok_or_else(|| Error::Audio {
                    reason: "the blob store keeps no files on this machine".to_owned(),
                })
            }
        }
    }

    async fn keep(
        &self,
        scope: &TenantScope,
        track: &Track,
        measured: Measured,
        input_hash: String,
    ) -> Result<()> {
        let mut written = Vec::new();
        for (space, vector) in measured.vectors {
            // Lyrics of nothing but emoji are analysed, and are like no others.
            if has_direction(&vector) {
                let rows = vec![(track.id, vector)];
                self.catalogue.vectors.upsert(scope, &space, rows).await?;
                written.push(space);
            }
        }
        self.leave_spaces_but(scope, track.id, &measured.document, &written)
            .await?;
        if let Some(segments) = &measured.segments {
            keep_segments(&self.catalogue, scope, track.id, segments).await?;
        }
        if measured.document.lyrics.is_some() {
            let spaces = &self.lyrics_spaces;
            let left = spaces.leave_encoders_but(scope, track.id, &written);
            left.await?;
        }
        self.complete_length(scope, track, &measured.document)
            .await?;
        self.put(scope, track.id, &measured.document, &input_hash)
            .await?;
        self.tell(scope, track.id, &measured.document, &input_hash)
            .await
    }

    /// Takes a track out of the spaces of the analyzers that measured it and now found no direction.
    async fn leave_spaces_but(
        &self,
        scope: &TenantScope,
        track: TrackId,
        document: &TrackAnalysis,
        written: &[VectorSpace],
    ) -> Result<()> {
        let mut left: Vec<VectorSpace> = Vec::new();
        if document.audio.is_some() {
            left.push(AUDIO_EMBEDDING_SPACE.parse()?);
        }
        if document.lyrics.is_some() {
            left.push(LYRICS_EMBEDDING_SPACE.parse()?);
        }
        left.retain(|space| !written.contains(space));
        if left.is_empty() {
            return Ok(());
        }
        let is_meant = move |space: &VectorSpace| left.contains(space);
        let vectors = &self.catalogue.vectors;
        Ok(vectors
            .remove_from(scope, track, Arc::new(is_meant))
            .await?)
    }

    async fn put(
        &self,
        scope: &TenantScope,
        track: TrackId,
        document: &TrackAnalysis,
        input_hash: &str,
    ) -> Result<()> {
        let document = serde_json::to_value(document).map_err(leitmotif_storage::Error::bug)?;
        let stored = AnalysisDocument {
            input_hash: input_hash.to_owned(),
            document,
        };
        Ok(self
            .catalogue
            .store
            .put_analysis(scope, track, stored)
            .await?)
    }

    /// Tells the log and the bill of an analysis; each hears of the same input once.
    async fn tell(
        &self,
        scope: &TenantScope,
        track: TrackId,
        document: &TrackAnalysis,
        input_hash: &str,
    ) -> Result<()> {
        let event = completed(scope, track, input_hash, document);
        self.catalogue.log.append(scope, vec![event]).await?;
        let dedupe = format!("analysis:{track}:{input_hash}");
        let now = self.catalogue.clock.now();
        let usage = vec![UsageEntry {
            metric: "tracks_analysed".to_owned(),
            amount: 1,
        }];
        Ok(self
            .ledger
            .record_usage(scope, now, Some(&dedupe), usage)
            .await?)
    }

    /// Fills in the length of a track whose sender did not know it.
    async fn complete_length(
        &self,
        scope: &TenantScope,
        track: &Track,
        document: &TrackAnalysis,
    ) -> Result<()> {
        let measured = document
            .descriptor("duration_ms")
            .and_then(|found| found.value.as_u64());
        let Some(length_ms) = measured.and_then(|length| u32::try_from(length).ok()) else {
            return Ok(());
        };
        if track.details.duration_ms.is_some() || length_ms == 0 {
            return Ok(());
        }
        let mut details = track.details.clone();
        details.duration_ms = Some(length_ms);
        let patch = TrackPatch {
            id: Some(track.id),
            details,
            audio: None,
            lyrics: None,
        };
        self.catalogue
            .store
            .upsert_tracks(scope, vec![patch])
            .await?;
        Ok(())
    }
}

/// Reads the words off the async threads: a long text takes milliseconds.
async fn read(text: String) -> Result<LyricsAnalysis> {
    off_the_async_threads(move || analyze_lyrics(&text)).await
}

/// Version of what hears audio with that of what is kept beside its descriptors, as one part of the hash:
/// a new curve makes no number another, so the analyzer keeps its version, but tracks without the curve
/// are analysed once more. So are those without segments.
static AUDIO_VERSIONS: LazyLock<String> =
    LazyLock::new(|| format!("{AUDIO_ANALYZER_VERSION} loudness-curve@1 segments@1"));

/// Versions of what reads lyrics, as one part of the hash: tracks without lyrics keep theirs.
static LYRICS_VERSIONS: LazyLock<String> =
    LazyLock::new(|| format!("words@{WORDS_VERSION} meaning@{MEANING_VERSION}"));

/// Names the input of an analysis: what is heard and read, and by which version.
pub fn hash_input(audio: Option<&AudioSource>, lyrics: Option<&Lyrics>) -> String {
    let mut hasher = Sha256::new();
    let parts = [
        audio.map(AudioSource::sound_hash),
        audio.map(|_| AUDIO_VERSIONS.as_str()),
        lyrics.map(|lyrics| lyrics.content_hash.as_str()),
        lyrics.map(|_| LYRICS_VERSIONS.as_str()),
    ];
    for part in parts {
        hasher.update(part.unwrap_or("-").as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}

fn completed(
    scope: &TenantScope,
    track: TrackId,
    input_hash: &str,
    document: &TrackAnalysis,
) -> Event {
    let tenant = scope.tenant().as_u128().to_be_bytes();
    let mut analyzers = Vec::new();
    if document.audio.is_some() {
        analyzers.push(format!("audio@{AUDIO_ANALYZER_VERSION}"));
    }
    if document.lyrics.is_some() {
        analyzers.push(format!("words@{WORDS_VERSION}"));
        analyzers.push(format!("meaning@{MEANING_VERSION}"));
    }
    let track_bytes = track.as_u128().to_be_bytes();
    let mut named: Vec<&[u8]> = vec![&tenant, &track_bytes, input_hash.as_bytes()];
    for part in &document.plugins {
        analyzers.push(format!("{}@{}", part.plugin, part.version));
        named.push(part.module_hash.as_bytes());
        named.push(part.failure.as_ref().map_or(b"told", |_| b"failed"));
    }
    Event {
        event_id: EventId::derive(&named),
        occurred_at: document.analysed_at,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::AnalysisCompleted(AnalysisCompleted { track, analyzers }),
    }
}
