//! Lyrics that belong to no track: one at once, or a batch of them as a job.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_analysis::descriptor::Descriptor;
use leitmotif_analysis::lyrics::{MeaningAnalyzer, WordsAnalyzer, analyze_lyrics};
use leitmotif_analysis::{Analyzer, AnalyzerManifest};
use leitmotif_domain::bucket;
use leitmotif_domain::job::{JobTask, NewJob, Progress};
use leitmotif_domain::{JobId, RequestId, TenantScope};
use leitmotif_storage::ports::BlobKey;
use serde::{Deserialize, Serialize};

use super::threads::off_the_async_threads;
use super::worker::{JobFailure, JobHandle, JobRunner};
use crate::catalogue::Catalogue;
use crate::error::Result;

/// Places for the results of batches; a new one takes the place of whichever was there.
const RESULT_PLACES: u32 = 64;
/// Texts between two reports of the progress.
const TEXTS_PER_REPORT: usize = 20;

/// The analyzers that read lyrics.
pub fn lyrics_analyzers() -> [AnalyzerManifest; 2] {
    [WordsAnalyzer.describe(), MeaningAnalyzer.describe()]
}

/// Measures lyrics that belong to no track; nothing is stored.
pub async fn describe_lyrics(text: String) -> Result<Vec<Descriptor>> {
    off_the_async_threads(move || described(&text)).await
}

fn described(text: &str) -> Vec<Descriptor> {
    let analysis = analyze_lyrics(text);
    [analysis.descriptors, analysis.meaning].concat()
}

/// A text of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchText {
    /// What the sender calls it.
    pub id: Option<String>,
    /// The words.
    pub lyrics: String,
}

/// What was measured of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextResult {
    /// What the sender calls it.
    pub id: Option<String>,
    /// The descriptors of its words.
    pub descriptors: Vec<Descriptor>,
}

/// The results of a batch, with whose they are: their place is shared.
#[derive(Debug, Serialize, Deserialize)]
struct StoredResults {
    batch: RequestId,
    results: Vec<TextResult>,
}

/// Keeps the texts of a batch and queues their analysis.
pub async fn queue_texts(
    catalogue: &Catalogue,
    scope: &TenantScope,
    batch: RequestId,
    texts: &[BatchText],
) -> Result<Option<JobId>> {
    let bytes = serde_json::to_vec(texts).map_err(leitmotif_storage::Error::bug)?;
    let key = request_key(batch)?;
    catalogue.blobs.put(scope, &key, bytes.into()).await?;
    let job = NewJob {
        task: JobTask::AnalyzeTexts {
            batch,
            count: u32::try_from(texts.len()).unwrap_or(u32::MAX),
        },
        dedupe_key: format!("texts:{batch}"),
    };
    Ok(catalogue.jobs.enqueue(scope, vec![job]).await?.pop())
}

/// Reads the results of a batch; `None` before its end, and once others took their place.
pub async fn text_results(
    catalogue: &Catalogue,
    scope: &TenantScope,
    batch: RequestId,
) -> Result<Option<Vec<TextResult>>> {
    let key = results_key(batch)?;
    if catalogue.blobs.stat(scope, &key).await?.is_none() {
        return Ok(None);
    }
    let bytes = catalogue.blobs.read(scope, &key, 0..u64::MAX).await?;
    let stored: StoredResults =
        serde_json::from_slice(&bytes).map_err(leitmotif_storage::Error::bug)?;
    Ok((stored.batch == batch).then_some(stored.results))
}

/// Analyses batches of texts.
pub struct TextsRunner {
    /// Where they lie.
    pub catalogue: Arc<Catalogue>,
}

#[async_trait]
impl JobRunner for TextsRunner {
    fn kind(&self) -> &'static str {
        "analyze_texts"
    }

    async fn run(
        &self,
        scope: &TenantScope,
        job: &JobHandle,
    ) -> std::result::Result<(), JobFailure> {
        let JobTask::AnalyzeTexts { batch, .. } = job.leased.job.task else {
            return Err(JobFailure {
                reason: "not a batch of texts".to_owned(),
                is_retryable: false,
            });
        };
        let report = |progress| job.report(progress);
        Ok(self.analyze(scope, batch, report).await?)
    }
}

impl TextsRunner {
    async fn analyze(
        &self,
        scope: &TenantScope,
        batch: RequestId,
        report: impl Fn(Progress),
    ) -> Result<()> {
        let blobs = &self.catalogue.blobs;
        let key = request_key(batch)?;
        if blobs.stat(scope, &key).await?.is_none() {
            // It was done before, and the process died before it said so.
            return Ok(());
        }
        let bytes = blobs.read(scope, &key, 0..u64::MAX).await?;
        let texts: Vec<BatchText> =
            serde_json::from_slice(&bytes).map_err(leitmotif_storage::Error::bug)?;
        let mut results = Vec::with_capacity(texts.len());
        for part in texts.chunks(TEXTS_PER_REPORT) {
            let part = part.to_vec();
            let measured = off_the_async_threads(move || {
                let measured = part.into_iter().map(|text| TextResult {
                    descriptors: described(&text.lyrics),
                    id: text.id,
                });
                measured.collect::<Vec<TextResult>>()
            });
            results.extend(measured.await?);
            report(Progress {
                done: results.len() as u64,
                total: texts.len() as u64,
            });
        }
        let stored = serde_json::to_vec(&StoredResults { batch, results });
        let stored = stored.map_err(leitmotif_storage::Error::bug)?;
        blobs
            .put(scope, &results_key(batch)?, stored.into())
            .await?;
        blobs.delete(scope, &key).await?;
        Ok(())
    }
}

fn request_key(batch: RequestId) -> Result<BlobKey> {
    Ok(format!("texts/request-{batch}").parse()?)
}

fn results_key(batch: RequestId) -> Result<BlobKey> {
    let place = bucket::murmur3_32(batch.to_string().as_bytes(), 0) % RESULT_PLACES;
    Ok(format!("texts/results-{place}").parse()?)
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Clock;
    use leitmotif_domain::clock::{ManualClock, Timestamp};
    use leitmotif_storage::ports::JobQueue;
    use parking_lot::Mutex;

    use super::*;
    use crate::testing::store_of_one;

    #[tokio::test]
    async fn a_batch_is_analysed_once_and_its_results_are_its_own() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_ms(1)));
        let (storage, scope) = store_of_one(Arc::clone(&clock)).await;
        let catalogue = Arc::new(Catalogue::over(&storage, &clock));
        let texts: Vec<BatchText> = (0..45)
            .map(|number| BatchText {
                id: Some(number.to_string()),
                lyrics: format!("la la number {number}\nanother line of words"),
            })
            .collect();
        let batch = RequestId::from_u128(7);
        let read = async |batch| {
            text_results(&catalogue, &scope, batch)
                .await
                .expect("it reads")
        };
        let job = queue_texts(&catalogue, &scope, batch, &texts).await;
        assert!(job.expect("it is queued").is_some());
        assert_eq!(
            storage.job_counts(&scope).await.expect("counted").waiting,
            1
        );
        assert_eq!(read(batch).await, None, "it waits");
        let runner = TextsRunner {
            catalogue: Arc::clone(&catalogue),
        };
        let told = Mutex::new(Vec::new());
        for _ in 0..2 {
            let ran = runner.analyze(&scope, batch, |progress| told.lock().push(progress.done));
            ran.await.expect("it is analysed");
        }
        assert_eq!(*told.lock(), [20, 40, 45]);
        let results = read(batch).await.expect("there are results");
        assert_eq!(results.len(), 45);
        assert_eq!(results[3].id.as_deref(), Some("3"));
        let words = results[3]
            .descriptors
            .iter()
            .find(|one| one.name == "word_count");
        assert_eq!(words.expect("words are counted").value, 8);
        // One of other batches shares the place of the first.
        let other = (8..2_000).map(RequestId::from_u128);
        let place = results_key(batch).expect("a key");
        let mut other = other.into_iter();
        let other = other.find(|one| results_key(*one).expect("a key") == place);
        let other = other.expect("there are 64 places");
        assert_eq!(read(other).await, None);
        queue_texts(&catalogue, &scope, other, &texts[..1])
            .await
            .expect("it is queued");
        runner
            .analyze(&scope, other, |_| {})
            .await
            .expect("it is analysed");
        assert_eq!(read(batch).await, None, "another took its place");
    }
}
