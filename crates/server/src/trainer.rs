//! The training jobs: the recommender's work in the hands of the job workers.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::job::JobTask;
use leitmotif_domain::{ErrorKind, TenantScope};
use leitmotif_ingest::jobs::{JobFailure, JobHandle, JobRunner};
use leitmotif_recommend::Recommender;
use leitmotif_recommend::heads::{LabelKind, train_heads};
use leitmotif_recommend::train::{TrainingRun, train};

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
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }
}

/// Trains the heads of a tenant.
pub struct TrainHeadsRunner {
    /// Whose stores are read.
    pub recommender: Arc<Recommender>,
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
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }
}

fn failure(error: &leitmotif_recommend::Error) -> JobFailure {
    JobFailure {
        is_retryable: error.kind() == ErrorKind::Unavailable,
        reason: error.to_string(),
    }
}
