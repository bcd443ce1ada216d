//! Training: read the log, split by time, fit, weigh, judge on what came later, fit on everything,
//! register.

mod dataset;
mod ladder;
mod tune;

pub use dataset::Dataset;
pub use ladder::{Ladder, LadderRow};

use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, ModelChanged};
use leitmotif_domain::job::Progress;
use leitmotif_domain::{EventId, ModelId, TenantScope, Timestamp};
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::{ItemNeighbours, item_cosine};
use leitmotif_storage::ports::ModelRecord;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{BlendWeights, RecommenderModel};
use crate::service::{PRODUCTION, Stores};
use dataset::Split;

/// Fewest listens that say anything about taste.
const LISTENS_MIN: usize = 200;
/// Neighbours kept per track.
const NEIGHBOURS: usize = 200;
/// Embedding neighbours kept per track.
const CONTENT_NEIGHBOURS: usize = 50;
/// Shares of the listens, by time: what is fitted to weigh, and what is fitted to judge.
const WEIGH_AT: f64 = 0.64;
/// See [`WEIGH_AT`].
const JUDGE_AT: f64 = 0.8;
/// Steps told to the progress bar.
const STEPS: u64 = 6;

/// What a training found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// The new model.
    pub model: ModelId,
    /// Listens it learnt from.
    pub listens: u64,
    /// Listeners in them.
    pub listeners: u64,
    /// Tracks it knows.
    pub items: u64,
    /// From here on listens were held out for judging.
    pub split_at: Timestamp,
    /// How each candidate source does on the held-out listens, and their blend.
    pub ladder: Ladder,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// The factorisation's settings.
    pub factorization: IalsOptions,
}

/// The fitted parts over one set of listens.
pub(crate) struct Parts {
    pub taste: IalsModel,
    pub neighbours: ItemNeighbours,
    /// Listeners × items, weighed.
    pub matrix: InteractionMatrix,
    /// Popularity by column.
    pub popularity: Vec<f32>,
}

/// Trains a model on the whole log and puts it into production.
///
/// - Deterministic for a log: the seed is fixed and results do not depend on the thread count.
/// - Errors: `TooLittle` below 200 listens; `Storage`.
pub async fn train(
    stores: &Stores,
    scope: &TenantScope,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<TrainingReport> {
    let mut step = 0;
    let mut advance = || {
        step += 1;
        on_progress(Progress {
            done: step,
            total: STEPS,
        });
    };
    let dataset = Dataset::read(stores, scope).await?;
    if dataset.listens.len() < LISTENS_MIN {
        let reason = format!("{} listens, at least {LISTENS_MIN}", dataset.listens.len());
        return Err(Error::TooLittle { reason });
    }
    advance();
    let content = dataset::content_lists(stores, scope, &dataset.items, CONTENT_NEIGHBOURS).await?;
    advance();
    let id = ModelId::generate(stores.clock.as_ref(), stores.entropy.as_ref());
    let (model, report) = blocking(move || fit_all(id, &dataset, content)).await?;
    advance();
    let bytes = model.to_bytes()?;
    advance();
    let key = format!("models/{id}").parse()?;
    stores.blobs.put(scope, &key, bytes.into()).await?;
    advance();
    let record = ModelRecord {
        id,
        name: "recommender".to_owned(),
        created_at: stores.clock.now(),
        log_offset: stores.log.head(scope).await?,
        metrics: serde_json::to_value(&report).map_err(Error::bug)?,
    };
    stores.models.register(scope, record).await?;
    promote(stores, scope, id).await?;
    advance();
    Ok(report)
}

/// Points production at a model and tells the log.
pub async fn promote(stores: &Stores, scope: &TenantScope, model: ModelId) -> Result<()> {
    stores.models.set_alias(scope, PRODUCTION, model).await?;
    let event = Event {
        event_id: EventId::generate(stores.clock.as_ref(), stores.entropy.as_ref()),
        occurred_at: stores.clock.now(),
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::ModelChanged(ModelChanged {
            alias: PRODUCTION.to_owned(),
            model,
        }),
    };
    stores.log.append(scope, vec![event]).await?;
    Ok(())
}

fn fit_all(
    id: ModelId,
    dataset: &Dataset,
    content: ItemNeighbours,
) -> Result<(RecommenderModel, TrainingReport)> {
    let weigh = dataset.split(WEIGH_AT, JUDGE_AT);
    let factorization = tune::factorization(dataset, &weigh)?;
    let weighed = fit(dataset, &weigh, factorization)?;
    let blend = tune::blend(dataset, &weigh, &weighed, &content);
    let judge = dataset.split(JUDGE_AT, 1.0);
    let judged = fit(dataset, &judge, factorization)?;
    let ladder = ladder::judge(dataset, &judge, &judged, &content, &blend);
    let whole = dataset.split(1.0, 1.0);
    let parts = fit(dataset, &whole, factorization)?;
    let model = RecommenderModel::new(
        id,
        dataset.items.clone(),
        parts.taste,
        parts.neighbours,
        content,
        blend,
    )?;
    let report = TrainingReport {
        model: id,
        listens: dataset.listens.len() as u64,
        listeners: dataset.listeners.len() as u64,
        items: dataset.items.len() as u64,
        split_at: judge.at,
        ladder,
        blend,
        factorization,
    };
    Ok((model, report))
}

fn fit(dataset: &Dataset, split: &Split, factorization: IalsOptions) -> Result<Parts> {
    let matrix = dataset.matrix(split.train())?;
    let liked = dataset.liked_matrix(split.train())?;
    Ok(Parts {
        taste: IalsModel::fit(&matrix, factorization)?,
        neighbours: item_cosine(&liked, NEIGHBOURS)?,
        popularity: dataset.popularity(split.train(), split.at),
        matrix,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::bug)?
}
