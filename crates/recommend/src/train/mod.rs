//! Training: read the log, split by time, fit, weigh, judge on what came later beside the model in
//! production, fit on everything, register.

mod ablation;
mod against;
mod cold;
mod contenders;
mod current;
mod dataset;
mod exposed;
mod fitting;
mod interval;
mod ladder;
mod listened;
mod moment;
mod newcomers;
mod pareto;
mod past;
mod pipeline;
mod questions;
mod ranker;
mod report;
mod settled;
mod stages;
mod steps;
mod table;
mod tune;
mod validate;

pub use ablation::{AblatedGroup, Ablation};
pub use against::SearchVerdict;
pub use cold::ColdReport;
pub use current::{Basis, Comparison};
pub use dataset::Dataset;
pub use exposed::{ExaminedPosition, ExposureReport};
pub use interval::Interval;
pub use ladder::{Ladder, LadderRow, RankedGain};
pub use listened::ListenedReport;
pub use moment::MomentReport;
pub use newcomers::{NewcomerReport, NewcomerRow};
pub use pareto::ParetoPoint;
pub use ranker::{RankerReport, RankerSettings, RankerTrial};
pub use report::{NeighbourReport, Pareto, PromotionReport, SearchReport, TrainingReport};
pub use stages::{Stage, StageTime};
pub use steps::StepReport;
pub use tune::{NeighbourTrial, SourceTrial};
pub use validate::DataFacts;

pub(crate) use fitting::{Parts, fit};

use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, ModelChanged};
use leitmotif_domain::job::Progress;
use leitmotif_domain::training::TrainingRequest;
use leitmotif_domain::{ErrorKind, EventId, JobId, ModelId, TenantScope};
use leitmotif_storage::ports::ModelRecord;

use crate::error::{Error, Result};
use crate::heads::{HEADS, HEADS_FAMILY, Heads};
use crate::model_bytes;
use crate::service::{PRODUCTION, Stores};

/// Shares of the listens, by time: what is fitted to weigh, and what is fitted to judge.
const WEIGH_AT: f64 = 0.64;
/// See [`WEIGH_AT`].
const JUDGE_AT: f64 = 0.8;
/// See [`WEIGH_AT`]: from here on steps are learnt from. What lies before says how often listeners and tracks
/// are played on.
const STEPS_AT: f64 = 0.32;

/// Which training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingRun {
    /// The job it is the work of: one that is begun again goes on where it was broken off.
    pub job: JobId,
    /// What is asked for.
    pub request: TrainingRequest,
}

/// Trains a model on the log as it stands when the job begins first, registers it, and puts it into
/// production unless it is worse than the model that is there.
///
/// - Deterministic for a log, a catalogue, a request and a model in production: seeds are fixed and
///   results do not depend on the thread count, nor on how often the training was broken off.
/// - Errors: `TooLittle` for a log that nothing can be learnt from; `Storage`.
pub async fn train(
    stores: &Stores,
    scope: &TenantScope,
    run: &TrainingRun,
    on_progress: impl FnMut(Progress) + Send,
) -> Result<TrainingReport> {
    pipeline::Training::new(stores, scope, *run, on_progress)
        .run()
        .await
}

/// The alias under which the version of a family that is in use is found.
pub fn alias_of(record: &ModelRecord) -> &'static str {
    match record.name.as_str() {
        HEADS_FAMILY => HEADS,
        _ => PRODUCTION,
    }
}

/// Reads a model's bytes and says whether they could answer requests.
///
/// - Errors: `DamagedModel` for one that is damaged or lost.
pub async fn check_readable(
    stores: &Stores,
    scope: &TenantScope,
    record: &ModelRecord,
) -> Result<()> {
    let model = record.id;
    let checked = match alias_of(record) {
        HEADS => {
            let key = model_bytes::blob_key(model)?;
            let bytes = stores.blobs.read(scope, &key, 0..u64::MAX).await;
            bytes
                .map_err(Error::from)
                .and_then(|bytes| Heads::from_bytes(model, &bytes).map(|_| ()))
        }
        _ => {
            let loaded = model_bytes::load(&stores.blobs, scope, model).await;
            loaded.map(|_| ())
        }
    };
    match checked {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(model_bytes::damaged(model, "its bytes are lost"))
        }
        outcome => outcome,
    }
}

/// Points production at a model and tells the log.
pub async fn promote(stores: &Stores, scope: &TenantScope, model: ModelId) -> Result<()> {
    point(stores, scope, PRODUCTION, model).await
}

/// Points an alias at a model and tells the log.
pub async fn point(
    stores: &Stores,
    scope: &TenantScope,
    alias: &str,
    model: ModelId,
) -> Result<()> {
    stores.models.set_alias(scope, alias, model).await?;
    let event = Event {
        event_id: EventId::generate(stores.clock.as_ref(), stores.entropy.as_ref()),
        occurred_at: stores.clock.now(),
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::ModelChanged(ModelChanged {
            alias: alias.to_owned(),
            model,
        }),
    };
    stores.log.append(scope, vec![event]).await?;
    Ok(())
}
