//! Training: read the log, split by time, fit, weigh, judge on what came later, fit on everything,
//! register.

mod dataset;
mod ladder;
mod past;
mod ranker;
mod tune;

pub use dataset::Dataset;
pub use ladder::{Ladder, LadderRow};
pub use ranker::RankerReport;

use std::sync::Arc;

use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, ModelChanged};
use leitmotif_domain::job::Progress;
use leitmotif_domain::{EventId, ModelId, TenantScope, Timestamp};
use leitmotif_features::ListeningState;
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::{ItemNeighbours, item_cosine};
use leitmotif_storage::ports::ModelRecord;
use serde::{Deserialize, Serialize};

use crate::catalogue::CatalogueView;
use crate::error::{Error, Result};
use crate::model::{BlendWeights, ModelParts, RecommenderModel};
use crate::pipeline::RANKED_MAX;
use crate::rank::Ranker;
use crate::service::{PRODUCTION, Stores};
use crate::view::TenantView;
use dataset::Split;
use ranker::{Moment, RankerRows};

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
/// Shares at which the ranker is asked what comes next; each question looks as far ahead as from
/// [`WEIGH_AT`] to [`JUDGE_AT`], so that nothing of what judges is seen.
const RANKER_AT: [f64; 5] = [0.32, 0.4, 0.48, 0.56, WEIGH_AT];
/// Listens above which the ranker asks at the last moment only: each costs a fit and a replay.
const RANKER_LISTENS_MAX: usize = 2_000_000;
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
    /// What orders the candidates; none where there was too little to learn an order from.
    #[serde(default)]
    pub ranker: Option<RankerReport>,
}

/// The fitted parts over one set of listens.
pub(crate) struct Parts {
    pub taste: IalsModel,
    pub neighbours: ItemNeighbours,
    pub transitions: ItemNeighbours,
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
    let catalogue = CatalogueView::read(stores.catalog.as_ref(), scope).await?;
    let dataset = Dataset::read(stores, scope, &catalogue).await?;
    if dataset.listens.len() < LISTENS_MIN {
        let reason = format!("{} listens, at least {LISTENS_MIN}", dataset.listens.len());
        return Err(Error::TooLittle { reason });
    }
    advance();
    let content = dataset::content_lists(stores, scope, &dataset.items, CONTENT_NEIGHBOURS).await?;
    advance();
    let id = ModelId::generate(stores.clock.as_ref(), stores.entropy.as_ref());
    let pasts = Pasts::read(stores, scope, &dataset).await?;
    let mut view = TenantView::default();
    view.catalogue = catalogue;
    let fitting = Fitting {
        id,
        dataset,
        content,
        view,
    };
    let (model, report) = blocking(move || fitting.run(pasts)).await?;
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

/// What was known at each moment that training asks from.
struct Pasts {
    /// Shares of the listens with the state before them.
    ranker: Vec<(f64, ListeningState)>,
    judge: ListeningState,
}

impl Pasts {
    async fn read(stores: &Stores, scope: &TenantScope, dataset: &Dataset) -> Result<Self> {
        let is_large = dataset.listens.len() > RANKER_LISTENS_MAX;
        let first = if is_large { RANKER_AT.len() - 1 } else { 0 };
        let mut ranker = Vec::new();
        for share in &RANKER_AT[first..] {
            let at = dataset.split(*share, 1.0).at;
            ranker.push((*share, past::state_before(stores, scope, at).await?));
        }
        let at = dataset.split(JUDGE_AT, 1.0).at;
        let judge = past::state_before(stores, scope, at).await?;
        Ok(Self { ranker, judge })
    }
}

/// The part of training that computes.
struct Fitting {
    id: ModelId,
    dataset: Dataset,
    content: ItemNeighbours,
    /// Holds the catalogue; moments of the past are put into it one after the other.
    view: TenantView,
}

impl Fitting {
    fn run(mut self, pasts: Pasts) -> Result<(RecommenderModel, TrainingReport)> {
        let weigh = self.dataset.split(WEIGH_AT, JUDGE_AT);
        let factorization = tune::factorization(&self.dataset, &weigh)?;
        let weighed = fit(&self.dataset, &weigh, factorization)?;
        let blend = tune::blend(&self.dataset, &weigh, &weighed, &self.content);
        let learnt = self.learn_order(pasts.ranker, factorization, blend)?;

        let judge = self.dataset.split(JUDGE_AT, 1.0);
        let (split_at, judged) = (judge.at, fit(&self.dataset, &judge, factorization)?);
        let questions = ladder::bounded(self.dataset.questions(&judge), self.dataset.items.len());
        let mut ladder = ladder::judge(&self.dataset, &questions, &judged, &self.content, &blend);
        self.meet(pasts.judge, split_at, judged, blend)?;
        let (mut ranker, mut ranker_report) = learnt.unzip();
        if let (Some(fitted), Some(report)) = (&ranker, &mut ranker_report) {
            let ranked = ranker::judge_ranker(&self.moment(split_at), fitted, &questions)?;
            ladder.ranked = Some(ranked);
            report.is_in_use = ranked.ndcg_at_10 > ladder.blend.ndcg_at_10;
            if !report.is_in_use {
                ranker = None;
            }
        }
        let whole = self.dataset.split(1.0, 1.0);
        let parts = fit(&self.dataset, &whole, factorization)?;
        let report = TrainingReport {
            model: self.id,
            listens: self.dataset.listens.len() as u64,
            listeners: self.dataset.listeners.len() as u64,
            items: self.dataset.items.len() as u64,
            split_at,
            ladder,
            blend,
            factorization,
            ranker: ranker_report,
        };
        Ok((self.model(parts, blend, ranker)?, report))
    }

    /// Asks from several moments what came next, and learns the order that answers best.
    fn learn_order(
        &mut self,
        pasts: Vec<(f64, ListeningState)>,
        factorization: IalsOptions,
        blend: BlendWeights,
    ) -> Result<Option<(Ranker, RankerReport)>> {
        let mut rows = RankerRows::default();
        for (share, state) in pasts {
            let split = self.dataset.split(share, share + JUDGE_AT - WEIGH_AT);
            let questions = ladder::bounded(self.dataset.questions(&split), RANKED_MAX);
            let (at, parts) = (split.at, fit(&self.dataset, &split, factorization)?);
            self.meet(state, at, parts, blend)?;
            rows.add(&self.moment(at), &questions)?;
        }
        ranker::fit_ranker(&rows)
    }

    /// Makes the view what a request would have met at a moment.
    fn meet(
        &mut self,
        state: ListeningState,
        at: Timestamp,
        parts: Parts,
        blend: BlendWeights,
    ) -> Result<()> {
        self.view.projection.state = state;
        let model = self.model(parts, blend, None)?;
        self.view.set_model(Some(Arc::new(model)));
        self.view.count_popularity(at);
        Ok(())
    }

    fn moment(&self, at: Timestamp) -> Moment<'_> {
        Moment {
            view: &self.view,
            at,
            listeners: &self.dataset.listeners,
        }
    }

    fn model(
        &self,
        parts: Parts,
        blend: BlendWeights,
        ranker: Option<Ranker>,
    ) -> Result<RecommenderModel> {
        let parts = ModelParts {
            items: self.dataset.items.clone(),
            taste: parts.taste,
            neighbours: parts.neighbours,
            content: self.content.clone(),
            transitions: parts.transitions,
            blend,
            ranker,
        };
        RecommenderModel::new(self.id, parts)
    }
}

fn fit(dataset: &Dataset, split: &Split, factorization: IalsOptions) -> Result<Parts> {
    let matrix = dataset.matrix(split.train())?;
    let liked = dataset.liked_matrix(split.train())?;
    Ok(Parts {
        taste: IalsModel::fit(&matrix, factorization)?,
        neighbours: item_cosine(&liked, NEIGHBOURS)?,
        transitions: past::transitions(split.train(), dataset.items.len())?,
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
