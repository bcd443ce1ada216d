//! Writing tracks: the store and the analysis queue move together.

use std::sync::Arc;

use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::track::{AudioLocation, Lyrics, Track};
use leitmotif_domain::{Clock, JobId, TenantScope, TrackId, limits};
use leitmotif_storage::ports::{
    BlobStore, CatalogStore, EventLog, JobQueue, PluginStore, TrackPatch, UpsertOutcome,
    UpsertResult, VectorStore,
};
use sha2::{Digest, Sha256};

use crate::clashes::{ApartTurns, keep_apart};
use crate::error::Result;
use crate::jobs::TrackAnalysis;
use crate::jobs::analyze::hash_input;
use crate::jobs::segments::segments_key;
use crate::listens::ScrobbleLog;
use crate::plugins::outstanding;

/// Writes tracks and queues their analysis.
pub struct Catalogue {
    /// Where tracks lie.
    pub store: Arc<dyn CatalogStore>,
    /// Where uploaded audio lies.
    pub blobs: Arc<dyn BlobStore>,
    /// Where embeddings lie.
    pub vectors: Arc<dyn VectorStore>,
    /// Where analyses are told.
    pub log: Arc<dyn EventLog>,
    /// What waits for tracks to come.
    pub scrobbles: Arc<ScrobbleLog>,
    /// Which analyzers of third parties there are.
    pub plugins: Arc<dyn PluginStore>,
    /// Where analyses wait.
    pub jobs: Arc<dyn JobQueue>,
    /// Who writes songs whose ids may be of others.
    pub apart: ApartTurns,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Catalogue {
    /// A catalogue whose every part lies in one store.
    pub fn over<S>(storage: &Arc<S>, clock: &Arc<dyn Clock>) -> Self
    where
        S: CatalogStore + BlobStore + VectorStore + EventLog + PluginStore + JobQueue + 'static,
    {
        let scrobbles = ScrobbleLog::new(storage.clone(), storage.clone(), Arc::clone(clock));
        Self {
            store: storage.clone(),
            blobs: storage.clone(),
            vectors: storage.clone(),
            log: storage.clone(),
            scrobbles: Arc::new(scrobbles),
            plugins: storage.clone(),
            jobs: storage.clone(),
            apart: ApartTurns::default(),
            clock: Arc::clone(clock),
        }
    }

    /// Writes tracks, of which the store tells the log, and queues the analysis of what is new.
    ///
    /// A crash or a full disk in between leaves a track without its analysis; it is queued when the
    /// same patch is sent again, which whoever got no answer does.
    pub async fn upsert(
        &self,
        scope: &TenantScope,
        patches: Vec<TrackPatch>,
    ) -> Result<Vec<UpsertResult>> {
        let has_input: Vec<bool> = patches
            .iter()
            .map(|patch| patch.audio.is_some() || patch.lyrics.is_some())
            .collect();
        let results = self.store.upsert_tracks(scope, patches).await?;
        let is_change = |result: &UpsertResult| result.outcome != UpsertOutcome::Unchanged;
        if results.iter().any(is_change) {
            self.scrobbles.catalogue_changed(scope).await?;
        }
        let mut stale = Vec::new();
        for (result, has_input) in results.iter().zip(has_input) {
            let is_sent_again = has_input && result.outcome == UpsertOutcome::Unchanged;
            if result.needs_analysis || is_sent_again && self.is_stale(scope, result.id).await? {
                stale.push(result.id);
            }
        }
        self.queue_analysis(scope, stale).await?;
        Ok(results)
    }

    /// Writes tracks as [`Self::upsert`] does, but keeps those apart whose ids clearly name other songs of the
    /// catalogue; answers these ids, `namespace:id`, too, in the order of the patches.
    ///
    /// Callers of one tenant take turns, so that each decides by what the others have written.
    pub async fn upsert_apart(
        &self,
        scope: &TenantScope,
        mut patches: Vec<TrackPatch>,
    ) -> Result<(Vec<UpsertResult>, Vec<Vec<String>>)> {
        let _turn = self.apart.take(scope).await;
        let clashes = keep_apart(self.store.as_ref(), scope, &mut patches).await?;
        Ok((self.upsert(scope, patches).await?, clashes))
    }

    /// Whether a track lacks the analysis of its present input, or a plugin that runs on it has not told of
    /// that: whoever wrote it may have died before the analysis was queued, and sends it again now.
    pub async fn is_stale(&self, scope: &TenantScope, id: TrackId) -> Result<bool> {
        let stored = self.store.analyses(scope, &[id]).await?.pop().flatten();
        let Some(stored) = stored else {
            return Ok(true);
        };
        let track = self.store.tracks(scope, &[id]).await?.pop();
        let lyrics = self.store.lyrics(scope, id).await?;
        let audio = track.and_then(|track| track.audio);
        if stored.input_hash != hash_input(audio.as_ref(), lyrics.as_ref()) {
            return Ok(true);
        }
        let plugins = self.plugins_of(scope).await?;
        let Ok(document) = serde_json::from_value::<TrackAnalysis>(stored.document) else {
            return Ok(false);
        };
        let (wanted, some_are_gone) = outstanding(&plugins, id, &document, &stored.input_hash);
        Ok(some_are_gone || !wanted.is_empty())
    }

    /// Removes a track with everything that hangs on it; says whether it was there.
    pub async fn delete(&self, scope: &TenantScope, id: TrackId) -> Result<bool> {
        let track = self.store.tracks(scope, &[id]).await?.pop();
        let was_there = self.store.delete_track(scope, id).await?;
        self.vectors.remove(scope, id).await?;
        self.blobs.delete(scope, &segments_key(id)?).await?;
        if let Some(Track {
            audio: Some(audio), ..
        }) = track
            && let AudioLocation::Blob(key) = &audio.location
        {
            self.blobs.delete(scope, &key.parse()?).await?;
        }
        Ok(was_there)
    }

    /// Queues the analysis of tracks; one that waits already is not queued twice.
    pub async fn queue_analysis(
        &self,
        scope: &TenantScope,
        tracks: Vec<TrackId>,
    ) -> Result<Vec<JobId>> {
        if tracks.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = tracks
            .into_iter()
            .map(|track| NewJob {
                task: JobTask::AnalyzeTrack { track },
                dedupe_key: format!("analyze:{track}"),
            })
            .collect();
        Ok(self.jobs.enqueue(scope, jobs).await?)
    }
}

/// Makes lyrics of a text: repaired, cut to their bound at a line. `None` for an empty one.
///
/// The hash is of the repaired text before it was cut, so that a change behind the cut is a change.
pub fn lyrics_of(text: &str) -> Option<Lyrics> {
    let kept: String = text
        .chars()
        .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
        .collect();
    let mut cut = kept.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let content_hash = hash_text(cut);
    if cut.len() > limits::LYRICS_BYTES_MAX {
        let end = (0..=limits::LYRICS_BYTES_MAX)
            .rev()
            .find(|at| cut.is_char_boundary(*at));
        cut = cut.get(..end.unwrap_or(0)).unwrap_or_default();
        cut = cut.rfind('\n').and_then(|at| cut.get(..at)).unwrap_or(cut);
    }
    if cut.is_empty() {
        return None;
    }
    Some(Lyrics {
        text: cut.to_owned(),
        content_hash,
    })
}

/// Whether lyrics are less than what was sent: their hash is of the whole.
pub fn is_cut(lyrics: &Lyrics) -> bool {
    lyrics.content_hash != hash_text(&lyrics.text)
}

fn hash_text(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use leitmotif_domain::clock::{ManualClock, Timestamp};
    use leitmotif_domain::track::TrackDetails;
    use leitmotif_storage::ports::AnalysisDocument;

    use super::*;
    use crate::testing::store_of_one;

    /// A writer that died between the track and its job sends the track again; a queue that has
    /// the job, or an analysis that is there, asks for no second one.
    #[tokio::test]
    async fn a_track_sent_again_is_analysed_if_it_never_was() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_ms(1)));
        let (storage, scope) = store_of_one(Arc::clone(&clock)).await;
        let catalogue = Catalogue::over(&storage, &clock);
        let patch = TrackPatch {
            id: None,
            details: TrackDetails {
                title: "T".to_owned(),
                external_ids: BTreeMap::from([("t".to_owned(), "1".to_owned())]),
                ..TrackDetails::default()
            },
            audio: None,
            lyrics: lyrics_of("la la"),
        };
        let waiting = async || storage.job_counts(&scope).await.unwrap().waiting;
        let sent = storage.upsert_tracks(&scope, vec![patch.clone()]).await;
        let id = sent.unwrap()[0].id;
        assert_eq!(waiting().await, 0);
        for _ in 0..2 {
            catalogue.upsert(&scope, vec![patch.clone()]).await.unwrap();
            assert_eq!(waiting().await, 1);
        }
        let job = storage
            .lease(&scope, "analyze_track", 1, 1_000)
            .await
            .unwrap()
            .remove(0);
        let analysis = AnalysisDocument {
            input_hash: hash_input(None, patch.lyrics.as_ref()),
            document: serde_json::Value::Null,
        };
        storage.put_analysis(&scope, id, analysis).await.unwrap();
        storage.complete(&scope, &job).await.unwrap();
        catalogue.upsert(&scope, vec![patch]).await.unwrap();
        assert_eq!(waiting().await, 0);
    }

    #[test]
    fn lyrics_are_repaired_and_bounded() {
        assert!(lyrics_of("\u{feff}\0 \r\n").is_none());
        assert_eq!(lyrics_of("one\r\ntwo\0").unwrap().text, "one\ntwo");
        let long = "é".repeat(limits::LYRICS_BYTES_MAX);
        assert!(lyrics_of(&long).unwrap().text.len() <= limits::LYRICS_BYTES_MAX);
        let lined = "word word\n".repeat(limits::LYRICS_BYTES_MAX / 5);
        let cut = lyrics_of(&lined).unwrap();
        assert!(cut.text.ends_with("word word") && is_cut(&cut));
        let changed = lyrics_of(&format!("{lined}another end")).unwrap();
        assert_eq!(changed.text, cut.text);
        assert_ne!(changed.content_hash, cut.content_hash, "behind the cut");
        assert!(!is_cut(&lyrics_of("whole").unwrap()));
    }
}
