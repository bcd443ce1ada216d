//! The stages of a training one after the other: what each reads, what is computed off the async
//! threads, and what is written down.

use std::sync::Arc;

use leitmotif_domain::job::Progress;
use leitmotif_domain::training::{ReportDepth, SearchBudget, TrainingRequest};
use leitmotif_domain::{ErrorKind, ModelId, TenantScope, TrackId, limits};
use leitmotif_features::LiveView;
use leitmotif_storage::ports::{AnalysisDocument, ModelRecord};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::dataset::{Dataset, content_lists};
use super::exposed::Exposures;
use super::fitting::{Fitting, LearntOrders, LearntTrees, Loaded, Recipe};
use super::past::{self, Past};
use super::ranker::{DRAWN_COST, RankerSettings};
use super::report::{NeighbourReport, SearchReport, TrainingReport};
use super::settled::{Evaluated, Measured, Settled, SettledOrder, SettledRanker, SettledSources};
use super::stages::{Meter, Stage};
use super::steps::{SoundedSteps, StepReport, Stretch};
use super::tune::{Weighing, costliest, trials_within, with_short_fits};
use super::validate::{self, DataFacts};
use super::{JUDGE_AT, TrainingRun, WEIGH_AT, against, cold, newcomers, promote};
use crate::catalogue::CatalogueView;
use crate::cold_map::ContentVectors;
use crate::error::{Error, Result};
use crate::item_sounds::ItemSounds;
use crate::model::Newcomers;
use crate::model_bytes;
use crate::playlists::measured_of;
use crate::rank::{FeatureColumns, ListenedShare, Ranker, views_of};
use crate::service::{PRODUCTION, Stores};

/// Analyses read at once: some megabytes of documents.
const ANALYSES_AT_ONCE: usize = 200;
/// Embedding neighbours kept per track.
const CONTENT_NEIGHBOURS: usize = 50;
/// Shares at which the ranker is asked what comes next.
const RANKER_AT: [f64; 5] = [0.32, 0.4, 0.48, 0.56, WEIGH_AT];
/// Listens above which the ranker asks at the last moment only: each costs a fit and a replay.
const RANKER_LISTENS_MAX: usize = 2_000_000;
/// Share of the sources' stage that the embedding neighbours take.
const CONTENT_SHARE: f64 = 0.1;

/// A training under way.
pub struct Training<'t, F> {
    stores: &'t Stores,
    scope: &'t TenantScope,
    run: TrainingRun,
    meter: Meter<'t, F>,
    /// The feature views of the tenant.
    views: Vec<LiveView>,
    /// The features that are columns of what is learnt.
    columns: FeatureColumns,
    /// Lent to a thread that computes, in between.
    fitting: Option<Fitting>,
}

/// What the stages before found.
struct Found {
    until: u64,
    facts: DataFacts,
    /// Why features are no columns that should be.
    refused: Vec<String>,
    recipe: Recipe,
    sources: SettledSources,
    ranker: SettledRanker,
    evaluated: Evaluated,
    measured: Measured,
}

impl<'t, F: FnMut(Progress) + Send> Training<'t, F> {
    /// Starts before the first stage.
    pub fn new(stores: &'t Stores, scope: &'t TenantScope, run: TrainingRun, tell: F) -> Self {
        Self {
            meter: Meter::new(run.request, stores.clock.as_ref(), tell),
            stores,
            scope,
            run,
            views: Vec::new(),
            columns: FeatureColumns::default(),
            fitting: None,
        }
    }

    /// Walks the stages.
    pub async fn run(mut self) -> Result<TrainingReport> {
        self.meter.begin(Stage::Validate, false);
        let catalogue = CatalogueView::read(self.stores.catalog.as_ref(), self.scope).await?;
        self.views = self.stores.features.views(self.scope).await?;
        let (columns, refused) = FeatureColumns::of_service(&self.views);
        self.columns = columns;
        let read = views_of(&self.views, self.columns.names());
        let settled = Settled::open(self.stores, self.scope, &self.run, &catalogue, &read).await?;
        let dataset = Dataset::read(self.stores, self.scope, &catalogue, settled.until).await?;
        let facts = validate::facts(&dataset, self.stores.clock.now());
        if let Err(refused) = validate::check(&dataset, &facts) {
            settled.clear().await?;
            return Err(refused);
        }
        let names = Arc::clone(self.columns.names());
        self.fitting = Some(Fitting::new(settled.id, dataset, catalogue, names)?);

        let sources = self.sources(&settled).await?;
        let recipe = Recipe {
            settings: sources.settings,
            blend: sources.blend,
        };
        let ranker = self.ranker(&settled, recipe).await?;
        let evaluated = self.evaluate(&settled, recipe, &ranker).await?;
        let measured = self.measure(&settled, recipe, &ranker, &evaluated).await?;
        let found = Found {
            until: settled.until,
            facts,
            refused,
            recipe,
            sources,
            ranker,
            evaluated,
            measured,
        };
        self.register(&settled, found).await
    }

    fn resumed<T>(&mut self, stage: Stage, value: T) -> T {
        self.meter.begin(stage, true);
        value
    }

    fn fitting(&self) -> Result<&Fitting> {
        let fitting = self.fitting.as_ref();
        fitting.ok_or_else(|| Error::bug("nothing is being fitted"))
    }

    /// How the items sound.
    ///
    /// - Cost: reads every analysis, so many at once.
    async fn sounds(&self, items: &[TrackId]) -> Result<Option<ItemSounds>> {
        let mut sounds = Vec::with_capacity(items.len());
        for some in items.chunks(ANALYSES_AT_ONCE) {
            let read = self.stores.catalog.analyses(self.scope, some).await?;
            let sound = |document: &Option<AnalysisDocument>| {
                let measured = document.as_ref().map(|one| measured_of(&one.document));
                measured.unwrap_or_default()
            };
            sounds.extend(read.iter().map(sound));
        }
        Ok(ItemSounds::of(sounds.iter()))
    }

    /// Finds the settings and weights of the sources.
    async fn sources(&mut self, settled: &Settled<'_>) -> Result<SettledSources> {
        let items = self.fitting()?.dataset.items.clone();
        let sounds = self.sounds(&items).await?;
        if let Some(sources) = settled.read::<SettledSources>("sources").await? {
            let content = sources.content.clone();
            self.lend(0.0, |fitting, _| {
                (fitting.content, fitting.sounds) = (content, sounds);
                Ok(())
            })
            .await?;
            return Ok(self.resumed(Stage::FitSources, sources));
        }
        self.meter.begin(Stage::FitSources, false);
        let content = content_lists(self.stores, self.scope, &items, CONTENT_NEIGHBOURS).await?;
        let count = self.source_trials(settled).await?;
        let vectors = self.stores.vectors.as_ref();
        let vectors = ContentVectors::read(vectors, self.scope, &items).await?;
        let sources = self
            .lend(CONTENT_SHARE, move |fitting, on_share| {
                (fitting.content, fitting.sounds) = (content, sounds);
                let dataset = &fitting.dataset;
                let weighing = Weighing::new(dataset, dataset.split(WEIGH_AT, JUDGE_AT))?;
                let count = count.unwrap_or_else(|| weighing.usual_trials());
                let mut found = weighing.search(count, &fitting.content, on_share)?;
                let searched = (found.settings, found.blend);
                let verdict = match found.usual {
                    Some(usual) => {
                        Some(against::judge(dataset, &fitting.content, usual, searched)?)
                    }
                    None => None,
                };
                if let Some(usual) = found.usual
                    && verdict.is_some_and(|verdict| !verdict.is_kept)
                {
                    (found.settings, found.blend) = usual;
                }
                let plays = dataset.split(JUDGE_AT, 1.0);
                let factorization = found.settings.factorization;
                let cold = cold::judge(dataset, plays.train(), &vectors, factorization)?;
                let recipe = Recipe {
                    settings: found.settings,
                    blend: found.blend,
                };
                let newcomers = newcomers::judge(dataset, &plays, &fitting.content, &recipe)?;
                Ok(SettledSources {
                    content: fitting.content.clone(),
                    settings: found.settings,
                    blend: found.blend,
                    trials: found.trials,
                    neighbour_trials: found.neighbour_trials,
                    verdict,
                    cold,
                    newcomers,
                })
            })
            .await?;
        settled.write("sources", &sources).await?;
        Ok(sources)
    }

    /// How many settings of the sources are tried; none for the usual number.
    async fn source_trials(&mut self, settled: &Settled<'_>) -> Result<Option<usize>> {
        let asked = match self.run.request.search {
            None => return Ok(None),
            Some(SearchBudget::Trials { sources, .. }) => return Ok(Some(sources as usize)),
            Some(SearchBudget::Seconds(seconds)) => seconds,
        };
        let first = |fitting: &mut Fitting| {
            let dataset = &fitting.dataset;
            let weighing = Weighing::new(dataset, dataset.split(WEIGH_AT, JUDGE_AT))?;
            weighing.try_one(costliest()).map(|_| ())
        };
        let whole = self.trials(settled, "source_trials", asked, 1, first);
        let whole = whole.await?;
        Ok(Some(with_short_fits(whole) as usize))
    }

    /// How many trials fit into half of the seconds where one takes `cost` times as long as the first. The number is
    /// written down before it is used: it, not the clock, decides what is tried.
    async fn trials(
        &mut self,
        settled: &Settled<'_>,
        part: &'static str,
        seconds: u32,
        cost: u64,
        first: impl FnOnce(&mut Fitting) -> Result<()> + Send + 'static,
    ) -> Result<u32> {
        if let Some(count) = settled.read(part).await? {
            return Ok(count);
        }
        let began = self.stores.clock.now();
        self.lend(0.0, |fitting, _| first(fitting)).await?;
        let taken_ms = self
            .stores
            .clock
            .now()
            .since_ms(began)
            .max(0)
            .unsigned_abs();
        let half_ms = u64::from(seconds) * 500;
        let trial_ms = taken_ms.saturating_mul(cost);
        let count = trials_within(half_ms, trial_ms, limits::TRAINING_TRIALS_MAX);
        settled.write(part, &count).await?;
        Ok(count)
    }

    /// Learns the order.
    async fn ranker(&mut self, settled: &Settled<'_>, recipe: Recipe) -> Result<SettledRanker> {
        if let Some(ranker) = settled.read("ranker").await? {
            return Ok(self.resumed(Stage::FitRanker, ranker));
        }
        self.build_rows(settled, recipe).await?;
        self.meter.begin(Stage::FitRanker, false);
        let count = match self.run.request.search {
            None => 0,
            Some(SearchBudget::Trials { ranker, .. }) => ranker,
            Some(SearchBudget::Seconds(seconds)) => {
                let first = |fitting: &mut Fitting| {
                    let rows = fitting.parted_rows()?;
                    let fitted = rows.map(|rows| rows.fit(&RankerSettings::default()));
                    fitted.transpose().map(|_| ())
                };
                self.trials(settled, "ranker_trials", seconds, DRAWN_COST, first)
                    .await?
            }
        };
        let steps = self.sounded(Fitting::steps).await?;
        let learn = move |fitting: &mut Fitting, on_share: &dyn Fn(f64)| {
            fitting.learn_order(count as usize, &steps, on_share)
        };
        let ranker = self.lend(0.0, learn).await?;
        settled.write("ranker", &ranker).await?;
        Ok(ranker)
    }

    /// Builds the rows that an order is learnt from, unless they lie there.
    async fn build_rows(&mut self, settled: &Settled<'_>, recipe: Recipe) -> Result<()> {
        if self.fitting()?.has_rows() {
            return Ok(());
        }
        self.meter.begin(Stage::Split, false);
        let is_large = self.fitting()?.dataset.listens.len() > RANKER_LISTENS_MAX;
        let first = if is_large { RANKER_AT.len() - 1 } else { 0 };
        let shares = &RANKER_AT[first..];
        let mut pasts = Vec::with_capacity(shares.len());
        for share in shares {
            pasts.push((*share, self.past(settled, *share, &[]).await?));
            self.meter.within(pasts.len() as f64 / shares.len() as f64);
        }
        self.meter.begin(Stage::BuildRows, false);
        let judge_at = self.fitting()?.judge_at();
        let exposures = Exposures::read(self.stores, self.scope, settled.until, judge_at).await?;
        let build = move |fitting: &mut Fitting, on_share: &dyn Fn(f64)| {
            fitting.build_rows(pasts, exposures, &recipe, on_share)
        };
        self.lend(0.0, build).await
    }

    /// Finds steps, and reads the sounds of their tracks.
    async fn sounded(&mut self, find: fn(&Fitting) -> Stretch) -> Result<SoundedSteps> {
        let stretch = self.lend(0.0, move |fitting, _| Ok(find(fitting))).await?;
        let items = &self.fitting()?.dataset.items;
        SoundedSteps::read(self.stores, self.scope, items, stretch).await
    }

    /// What was known at a share of the listens, of the features also what others than ours are.
    async fn past(&self, settled: &Settled<'_>, share: f64, others: &[String]) -> Result<Past> {
        let (stores, scope, until) = (self.stores, self.scope, settled.until);
        let at = self.fitting()?.dataset.split(share, 1.0).at;
        let state = past::state_before(stores, scope, at, until).await?;
        let names: Vec<String> = self.columns.names().iter().chain(others).cloned().collect();
        let views = views_of(&self.views, &names);
        let features = match views.is_empty() {
            true => None,
            false => Some(past::features_before(stores, scope, &views, at, until).await?),
        };
        Ok(Past { state, features })
    }

    /// Judges on the held-out listens, beside the model in production.
    async fn evaluate(
        &mut self,
        settled: &Settled<'_>,
        recipe: Recipe,
        ranker: &SettledRanker,
    ) -> Result<Evaluated> {
        let production = self.stores.models.alias(self.scope, PRODUCTION).await?;
        let known = settled.read::<Evaluated>("evaluated").await?;
        // Another model may have gone into production while this training lay still.
        let current = production.as_ref().map(|record| record.id);
        if let Some(evaluated) = known.filter(|known| known.current.id() == current) {
            return Ok(self.resumed(Stage::Evaluate, evaluated));
        }
        self.meter.begin(Stage::Evaluate, false);
        let current = self.load(production).await?;
        let others = match &current {
            Loaded::Read(model, _) => model.features(),
            _ => &[],
        };
        let past = self.past(settled, JUDGE_AT, others).await?;
        let orders = LearntOrders {
            learnt: read_learnt(ranker, ranker.learnt.as_ref())?,
            usual: match &ranker.usual {
                Some(usual) => Some(read_learnt(ranker, Some(usual))?),
                None => None,
            },
        };
        let steps = match ranker.steps.clone() {
            Some(steps) => Some((steps, self.sounded(Fitting::held_out_steps).await?)),
            None => None,
        };
        let judge = move |fitting: &mut Fitting, on_share: &dyn Fn(f64)| {
            fitting.evaluate(past, &recipe, orders, steps, current, on_share)
        };
        let evaluated = self.lend(0.0, judge).await?;
        settled.write("evaluated", &evaluated).await?;
        Ok(evaluated)
    }

    /// Reads the model in production; one that is damaged or lost cannot be judged and protects
    /// nothing.
    async fn load(&self, production: Option<ModelRecord>) -> Result<Loaded> {
        let Some(record) = production else {
            return Ok(Loaded::None);
        };
        let loaded = model_bytes::load(&self.stores.blobs, self.scope, record.id).await;
        Ok(match loaded {
            Ok(model) => Loaded::Read(Box::new(model), record.log_offset),
            Err(Error::DamagedModel { reason, .. }) => Loaded::Damaged(record.id, reason),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Loaded::Damaged(record.id, "its bytes are lost".to_owned())
            }
            Err(error) => return Err(error),
        })
    }

    /// Measures what a full report shows beyond the ladder.
    async fn measure(
        &mut self,
        settled: &Settled<'_>,
        recipe: Recipe,
        ranker: &SettledRanker,
        evaluated: &Evaluated,
    ) -> Result<Measured> {
        if self.run.request.report == ReportDepth::Brief {
            return Ok(Measured::default());
        }
        if let Some(measured) = settled.read("measured").await? {
            return Ok(self.resumed(Stage::Measure, measured));
        }
        self.build_rows(settled, recipe).await?;
        self.meter.begin(Stage::Measure, false);
        let past = self.past(settled, JUDGE_AT, &[]).await?;
        let order = ranker.kept(evaluated.ranker_verdict.as_ref());
        let settings = order.map(|order| order.report.settings);
        let ranker = evaluated.kept(read_learnt(ranker, order)?).ranker;
        let measure = move |fitting: &mut Fitting, on_share: &dyn Fn(f64)| {
            fitting.measure(past, &recipe, ranker, settings, on_share)
        };
        let measured = self.lend(0.0, measure).await?;
        settled.write("measured", &measured).await?;
        Ok(measured)
    }

    /// Fits on everything, registers, and promotes.
    async fn register(mut self, settled: &Settled<'_>, found: Found) -> Result<TrainingReport> {
        if settled.read::<()>("model").await?.is_some() {
            self.resumed(Stage::Register, ());
        } else {
            self.meter.begin(Stage::Register, false);
            let recipe = found.recipe;
            let order = found.ranker.kept(found.evaluated.ranker_verdict.as_ref());
            let learnt = found.evaluated.kept(read_learnt(&found.ranker, order)?);
            let steps = found.evaluated.steps.as_ref();
            let steps = steps.and_then(StepReport::kept);
            let (blobs, scope) = (Arc::clone(&self.stores.blobs), self.scope.clone());
            let runtime = Handle::current();
            let newcomers = found.sources.newcomers.as_ref();
            let newcomers = newcomers.map_or(Newcomers::default(), |report| report.chosen);
            let cold = found.sources.cold.filter(|report| report.is_in_use);
            let cold = match cold {
                Some(report) => {
                    let items = self.fitting()?.dataset.items.clone();
                    let vectors = self.stores.vectors.as_ref();
                    let vectors = ContentVectors::read(vectors, self.scope, &items).await?;
                    Some((vectors, report.penalty))
                }
                None => None,
            };
            let fit = move |fitting: &mut Fitting, _: &dyn Fn(f64)| {
                let model = fitting.whole(&recipe, learnt, steps, cold, newcomers)?;
                model_bytes::store(&model, blobs, &scope, runtime)
            };
            self.lend(0.0, fit).await?;
            settled.write("model", &()).await?;
        }
        let (id, until) = (settled.id, found.until);
        let mut report = report(self.run.request, id, found);
        self.meter.end();
        report.stages = self.meter.times().to_vec();
        let record = ModelRecord {
            id,
            name: "recommender".to_owned(),
            created_at: self.stores.clock.now(),
            log_offset: until,
            metrics: serde_json::to_value(&report).map_err(Error::bug)?,
        };
        // It is there already where a training was broken off between here and its end.
        if self.stores.models.model(self.scope, id).await?.is_none() {
            self.stores.models.register(self.scope, record).await?;
        }
        if report.promotion.is_promoted {
            promote(self.stores, self.scope, id).await?;
        }
        settled.clear().await?;
        self.meter.finish();
        Ok(report)
    }

    /// Computes off the async threads and tells how far it is; the stage's shares before `from` are
    /// done already.
    async fn lend<T: Send + 'static>(
        &mut self,
        from: f64,
        work: impl FnOnce(&mut Fitting, &dyn Fn(f64)) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, mut told) = watch::channel(0.0);
        let lent = self.fitting.take();
        let mut lent = lent.ok_or_else(|| Error::bug("nothing is being fitted"))?;
        let mut task = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut lent, &|share| {
                tell.send_replace(share);
            });
            (lent, outcome)
        });
        loop {
            tokio::select! {
                ended = &mut task => {
                    let (lent, outcome) = ended.map_err(Error::bug)?;
                    self.fitting = Some(lent);
                    return outcome;
                }
                Ok(()) = told.changed() => {
                    let share = *told.borrow();
                    self.meter.within(from + (1.0 - from) * share);
                }
            }
        }
    }
}

fn read_learnt(settled: &SettledRanker, order: Option<&SettledOrder>) -> Result<LearntTrees> {
    let weight = order.map_or(0.0, |order| order.listened_weight);
    let listened = settled.listened.as_deref().map(ListenedShare::from_text);
    Ok(LearntTrees {
        ranker: order
            .map(|order| Ranker::from_text(&order.trees, order.blend_weight))
            .transpose()?,
        listened: listened.transpose()?.map(|share| (Arc::new(share), weight)),
    })
}

fn report(request: TrainingRequest, id: ModelId, found: Found) -> TrainingReport {
    let Found {
        facts,
        refused,
        recipe,
        sources,
        ranker,
        evaluated,
        measured,
        ..
    } = found;
    let search = request.search.map(|_| SearchReport {
        source_trial_count: sources.trials.len() as u32,
        ranker_trial_count: ranker.trials.len() as u32,
        source_trials: sources.trials,
        ranker_trials: ranker.trials.clone(),
        verdict: sources.verdict,
        ranker_verdict: evaluated.ranker_verdict,
    });
    let order = ranker.kept(evaluated.ranker_verdict.as_ref());
    let order = order.map(|order| order.report.clone());
    let exposures = ranker.exposed;
    let mut ranker = order;
    if let Some(report) = &mut ranker {
        report.is_in_use = evaluated.is_ranker_in_use;
    }
    let promotion = evaluated.current.promotion(request.promotion);
    TrainingReport {
        model: id,
        request,
        listens: facts.listens,
        listeners: facts.listeners,
        items: facts.tracks,
        data: facts,
        warnings: [validate::warnings(&facts), refused].concat(),
        split_at: evaluated.split_at,
        ladder: evaluated.ladder,
        blend: recipe.blend,
        factorization: recipe.settings.factorization,
        cold: sources.cold,
        newcomers: sources.newcomers,
        neighbours: Some(NeighbourReport {
            kept: recipe.settings.neighbours,
            trials: sources.neighbour_trials,
        }),
        ranker,
        exposures,
        listened: evaluated.listened,
        steps: evaluated.steps,
        moments: evaluated.moments,
        comparison: evaluated.current.comparison().copied(),
        promotion,
        search,
        ablation: measured.ablation,
        pareto: measured.pareto,
        stages: Vec::new(),
    }
}
