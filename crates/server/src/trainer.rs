//! The recommender's jobs, trainings and batches, in the hands of the job workers.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::event::Event;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::webhook::{NoticeKind, notice};
use leitmotif_domain::{ErrorKind, EventId, JobId, TenantScope, Timestamp};
use leitmotif_ingest::jobs::{JobFailure, JobHandle, JobRunner};
use leitmotif_ingest::lyrics_encoder::encode_lyrics;
use leitmotif_ingest::lyrics_space::{LyricsSpaces, learn_lyrics};
use leitmotif_recommend::heads::{LabelKind, train_heads};
use leitmotif_recommend::map::Mapper;
use leitmotif_recommend::train::{TrainingReport, TrainingRun, train};
use leitmotif_recommend::{Recommender, Searcher};
use leitmotif_storage::ports::{JobQueue, VectorSpace};
use serde_json::json;

/// Trains the models of a tenant.
pub struct TrainRunner {
    /// Whose stores are read.
    pub recommender: Arc<Recommender>,
}

#[async_trait]
impl JobRunner for TrainRunner {
    fn kind(&self) -> &'static str {
        "train"
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let stores = self.recommender.stores();
        let leased = &job.leased.job;
        let JobTask::Train(request) = leased.task else {
            return Err(JobFailure {
                reason: format!("{} is no training", leased.task.kind()),
                is_retryable: false,
            });
        };
        let run = TrainingRun {
            job: leased.id,
            request,
        };
        match train(stores, scope, &run, |progress| job.report(progress)).await {
            Ok(report) => {
                let blend = report.ladder.blend.ndcg_at_10;
                let promotion = report.promotion.reason.as_str();
                for time in &report.stages {
                    let (stage, taken) = (time.stage.name(), time.duration_ms);
                    tracing::debug!(model = %report.model, stage, taken, "a stage of a training");
                }
                tracing::info!(model = %report.model, listens = report.listens, blend, promotion, "trained");
                let event = finished(&report, leased.id, stores.clock.now());
                let told = stores.log.append(scope, vec![event]).await;
                told.map_err(leitmotif_ingest::Error::from)?;
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }
}

/// Tells that a training ended, and whether its model answers requests from now on.
fn finished(report: &TrainingReport, job: JobId, now: Timestamp) -> Event {
    let id = EventId::derive(&[b"training finished", &report.model.as_u128().to_be_bytes()]);
    let detail = json!({
        "job": job,
        "model": report.model,
        "is_promoted": report.promotion.is_promoted,
        "listens": report.listens,
        "blend_ndcg_at_10": report.ladder.blend.ndcg_at_10,
    });
    let conclusion = report.promotion.reason.clone();
    notice(NoticeKind::TrainingFinished, id, now, conclusion, detail)
}

/// Trains the heads of a tenant.
pub struct TrainHeadsRunner {
    /// Whose stores are read.
    pub recommender: Arc<Recommender>,
    /// Spaces that the heads before may have read.
    pub former: FormerSpaces,
}

#[async_trait]
impl JobRunner for TrainHeadsRunner {
    fn kind(&self) -> &'static str {
        "train_heads"
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let stores = self.recommender.stores();
        match train_heads(stores, scope, |progress| job.report(progress)).await {
            Ok(heads) => {
                let [genres, moods] = LabelKind::ALL.map(|kind| heads.shown_count(kind));
                tracing::info!(labels = heads.rows.len(), genres, moods, "heads trained");
                self.former.drop_unread(scope, &heads.spaces()).await
            }
            Err(error) => Err(failure(&error)),
        }
    }
}

/// Learns an embedding from the lyrics of a tenant.
pub struct LearnLyricsRunner {
    /// Who may read the space before.
    pub heads: HeadsBehind,
    /// The space before, and what hangs on it.
    pub former: FormerSpaces,
}

#[async_trait]
impl JobRunner for LearnLyricsRunner {
    fn kind(&self) -> &'static str {
        "learn_lyrics"
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let spaces = &self.former.spaces;
        let learned = learn_lyrics(spaces, scope, |progress| job.report(progress)).await?;
        let (space, words) = (learned.space(), learned.embedding.word_count());
        tracing::info!(%space, songs = learned.songs, words, "lyrics learned");
        let read = self.heads.spaces(scope).await?;
        self.former.drop_unread(scope, &read).await?;
        let is_former = |read: &VectorSpace| {
            let number = read.learned_lyrics_number();
            number.is_some_and(|number| number < learned.number)
        };
        if read.iter().any(is_former) {
            self.heads.train_again(scope).await?;
        }
        Ok(())
    }
}

/// Embeds the lyrics of a tenant by the encoder of the settings.
pub struct EncodeLyricsRunner {
    /// Who may read the spaces of former encoders.
    pub heads: HeadsBehind,
    /// Those spaces, and what hangs on them.
    pub former: FormerSpaces,
}

#[async_trait]
impl JobRunner for EncodeLyricsRunner {
    fn kind(&self) -> &'static str {
        "encode_lyrics"
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let spaces = &self.former.spaces;
        let dropped = encode_lyrics(spaces, scope, |progress| job.report(progress)).await?;
        for space in &dropped {
            self.former.forget_map(scope, space).await?;
            tracing::info!(%space, "the space of a former lyrics encoder is removed");
        }
        // Until they are trained again, heads take tracks for tracks that are not in the space.
        let read = self.heads.spaces(scope).await?;
        if read.iter().any(|space| dropped.contains(space)) {
            self.heads.train_again(scope).await?;
        }
        Ok(())
    }
}

/// Makes the lists of many listeners.
pub struct BatchRunner {
    /// Who makes them.
    pub recommender: Arc<Recommender>,
}

#[async_trait]
impl JobRunner for BatchRunner {
    fn kind(&self) -> &'static str {
        "recommend_batch"
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let ran = (self.recommender).run_batch(scope, |progress| job.report(progress));
        let batch = ran.await.map_err(|error| failure(&error))?;
        let (lists, spent_ms) = (batch.done, batch.spent_ms);
        tracing::info!(lists, spent_ms, "a batch is made");
        Ok(())
    }
}

/// Gives answers of the past again.
pub struct ReplayRunner {
    /// Who reads them, and what constraints ask for.
    pub search: Arc<Searcher>,
}

#[async_trait]
impl JobRunner for ReplayRunner {
    fn kind(&self) -> &'static str {
        "replay_answers"
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let leased = &job.leased.job;
        let JobTask::ReplayAnswers(selection) = &leased.task else {
            return Err(JobFailure {
                reason: format!("{} is no replay", leased.task.kind()),
                is_retryable: false,
            });
        };
        let ran = (self.search).replay_answers(scope, leased.id, selection, |progress| {
            job.report(progress);
        });
        let report = ran.await.map_err(|error| failure(&error))?;
        let (identical, different) = (report.counts.identical, report.counts.different);
        tracing::info!(identical, different, "answers are replayed");
        Ok(())
    }
}

/// The heads that are in use, which may read a space that goes.
#[derive(Clone)]
pub struct HeadsBehind {
    /// Who keeps them.
    pub recommender: Arc<Recommender>,
    /// Where their training waits.
    pub jobs: Arc<dyn JobQueue>,
}

impl HeadsBehind {
    /// The spaces that they read.
    async fn spaces(&self, scope: &TenantScope) -> Result<Vec<VectorSpace>, JobFailure> {
        match self.recommender.heads(scope).await {
            Ok(heads) => Ok(heads.map(|(_, heads)| heads.spaces()).unwrap_or_default()),
            // Heads that do not read read no space either; their own page says so.
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                Ok(Vec::new())
            }
            Err(error) => Err(failure(&error)),
        }
    }

    async fn train_again(&self, scope: &TenantScope) -> Result<(), JobFailure> {
        let training = NewJob::alone(JobTask::TrainHeads);
        let queued = self.jobs.enqueue(scope, vec![training]).await;
        queued.map_err(leitmotif_ingest::Error::from)?;
        Ok(())
    }
}

/// Spaces that a later learning replaced.
#[derive(Clone)]
pub struct FormerSpaces {
    /// What was learned.
    pub spaces: Arc<LyricsSpaces>,
    /// Where their maps are.
    pub mapper: Arc<Mapper>,
}

impl FormerSpaces {
    /// Removes those that are not `read`, with their maps.
    async fn drop_unread(
        &self,
        scope: &TenantScope,
        read: &[VectorSpace],
    ) -> Result<(), JobFailure> {
        for space in self.spaces.drop_former(scope, read).await? {
            self.forget_map(scope, &space).await?;
            tracing::info!(%space, "a former lyrics space is removed");
        }
        Ok(())
    }

    async fn forget_map(&self, scope: &TenantScope, space: &VectorSpace) -> Result<(), JobFailure> {
        let forgotten = self.mapper.forget_space(scope, space).await;
        forgotten.map_err(|error| failure(&error))
    }
}

fn failure(error: &leitmotif_recommend::Error) -> JobFailure {
    JobFailure {
        is_retryable: error.kind() == ErrorKind::Unavailable,
        reason: error.to_string(),
    }
}
