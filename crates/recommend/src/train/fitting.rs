//! The part of training that computes.

use std::sync::Arc;

use leitmotif_domain::{ModelId, Timestamp};
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::sequencing::TransitionWeights;
use serde::{Deserialize, Serialize};

use super::ablation::ablate;
use super::against::SearchVerdict;
use super::cold::played;
use super::current::{Basis, Comparison, CurrentModel, has_seen};
use super::dataset::{Dataset, Split};
use super::exposed::{ExposureReport, Exposures};
use super::ladder::{Judged, JudgedLists, Ladder, LadderRow, RankedGain};
use super::listened::{ListenedReport, ShareRows, order_weight};
use super::moment::{MomentReport, untold};
use super::pareto::pareto;
use super::past::{self, Past};
use super::questions::Question;
use super::ranker::{FittedTrees, Moment, PartedRows, RankerSettings, named};
use super::settled::{Evaluated, Measured, SettledOrder, SettledRanker};
use super::steps::{LearntSteps, SoundedSteps, StepRows, Stretch};
use super::table::RankerRows;
use super::{JUDGE_AT, STEPS_AT, WEIGH_AT, ladder};
use crate::audiences::AudiencePopularity;
use crate::catalogue::CatalogueView;
use crate::cold_map::{ColdMap, ContentVectors};
use crate::error::{Error, Result};
use crate::feature_source::FeatureSource;
use crate::item_sounds::ItemSounds;
use crate::model::{BlendWeights, ModelParts, Newcomers, RecommenderModel};
use crate::moments::MomentLifts;
use crate::neighbour_settings::NeighbourSettings;
use crate::pipeline::RANKED_MAX;
use crate::rank::{ListenedShare, Ranker};
use crate::recent_sessions::RecentSessions;
use crate::view::TenantView;

/// Share of the measuring that the Pareto curve takes; the rest is fits of the ranker.
const CURVE_SHARE: f64 = 0.03;

/// The fitted parts over one set of listens.
pub(crate) struct Parts {
    pub taste: IalsModel,
    pub neighbours: ItemNeighbours,
    pub neighbours_by: NeighbourSettings,
    pub transitions: ItemNeighbours,
    pub sessions: RecentSessions,
    /// Listeners × items, weighed.
    pub matrix: InteractionMatrix,
    /// Popularity by column.
    pub popularity: Vec<f32>,
    /// How much more than usual a column is played.
    pub trends: Vec<f32>,
    /// What is played at which moments, where plays tell theirs.
    pub moments: Option<MomentLifts>,
    /// What is popular with whom, where enough plays tell it.
    pub audiences: Option<AudiencePopularity>,
    /// The leading genre of each listener.
    pub leading_genres: Vec<Option<u64>>,
}

/// Fits the sources on the known listens of a split.
pub(crate) fn fit(dataset: &Dataset, split: &Split<'_>, settings: SourceSettings) -> Result<Parts> {
    let matrix = dataset.matrix(split.train())?;
    let liked = dataset.liked_matrix(split.train())?;
    let leading_genres = dataset.leading_genres(split.train());
    Ok(Parts {
        taste: IalsModel::fit(&matrix, settings.factorization)?,
        neighbours: settings.neighbours.fit(&liked)?,
        neighbours_by: settings.neighbours,
        transitions: past::transitions(split.train(), dataset.items.len())?,
        sessions: past::sessions(dataset, split.train())?,
        popularity: dataset.popularity(split.train(), split.at),
        trends: dataset.trends(split.train(), split.at),
        moments: dataset.lifts(split.train()),
        audiences: dataset.audiences(split.train(), split.at, &leading_genres),
        leading_genres,
        matrix,
    })
}

/// The settings that sources are fitted with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceSettings {
    /// The factorisation's.
    pub factorization: IalsOptions,
    /// Which model neighbours are of.
    pub neighbours: NeighbourSettings,
}

/// What the sources were found to want.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Their settings.
    pub settings: SourceSettings,
    /// How much each source counts.
    pub blend: BlendWeights,
}

/// What the model in production is, as far as it could be read.
pub enum Loaded {
    /// There is none.
    None,
    /// Its bytes do not read, and why.
    Damaged(ModelId, String),
    /// The model, and the log offset it learnt up to.
    Read(Box<RecommenderModel>, u64),
}

/// What trees were grown for.
#[derive(Default)]
pub struct LearntTrees {
    /// The order, without the listened share as a term.
    pub ranker: Option<Ranker>,
    /// The listened share, and what it counts in the order where it is told.
    pub listened: Option<(Arc<ListenedShare>, f32)>,
}

impl LearntTrees {
    /// The order as it serves: with the listened share as a term where that is told.
    fn ranker(self, is_told: bool) -> Option<Ranker> {
        match (self.ranker, self.listened) {
            (Some(ranker), Some((share, weight))) if is_told => {
                Some(ranker.with_listened(share, weight))
            }
            (ranker, _) => ranker,
        }
    }

    /// What a model keeps of them.
    pub fn kept(self, is_ranker_in_use: bool, is_told: bool) -> Self {
        let listened = self.listened.clone().filter(|_| is_told);
        Self {
            ranker: self.ranker(is_told).filter(|_| is_ranker_in_use),
            listened,
        }
    }
}

/// What a training learnt, and what it would have learnt without a search where that is something else.
pub struct LearntOrders {
    /// What was learnt.
    pub learnt: LearntTrees,
    /// With the usual settings.
    pub usual: Option<LearntTrees>,
}

/// The order that remains, and what it reaches.
struct JudgedOrder {
    ranker: Option<Ranker>,
    ranked: Option<Vec<Judged>>,
    verdict: Option<SearchVerdict>,
}

/// The part of training that computes.
pub struct Fitting {
    /// The new model's id.
    pub id: ModelId,
    /// The log as a table.
    pub dataset: Dataset,
    /// Embedding neighbours.
    pub content: ItemNeighbours,
    /// How items sound.
    pub sounds: Option<ItemSounds>,
    /// The features that are columns of what is learnt, as `view.feature`.
    feature_names: Arc<[String]>,
    /// What features were at the moment that the view is at, where any is a column.
    features: Option<FeatureSource>,
    /// Holds the catalogue; moments of the past are put into it one after the other.
    view: TenantView,
    /// The dataset's column of each catalogue index.
    column_of: Vec<Option<u32>>,
    /// What the ranker learns from, once it is built.
    rows: Option<RankerRows>,
    /// What lists that were shown brought to the rows.
    exposed: Option<ExposureReport>,
    /// What the listened share is learnt from.
    share_rows: ShareRows,
}

impl Fitting {
    /// Starts over a table of the log and the catalogue that it is about.
    pub fn new(
        id: ModelId,
        dataset: Dataset,
        catalogue: CatalogueView,
        feature_names: Arc<[String]>,
    ) -> Result<Self> {
        let mut column_of = vec![None; catalogue.len()];
        for (column, (index, _)) in catalogue.cards().enumerate() {
            if let Some(slot) = column_of.get_mut(index) {
                *slot = Some(column as u32);
            }
        }
        let content = ItemNeighbours::from_lists(vec![Vec::new(); dataset.items.len()])?;
        let mut view = TenantView::default();
        view.catalogue = catalogue;
        Ok(Self {
            id,
            dataset,
            content,
            sounds: None,
            feature_names,
            features: None,
            view,
            column_of,
            rows: None,
            exposed: None,
            share_rows: ShareRows::default(),
        })
    }

    /// The steps that costs are learnt from, before those that judge.
    pub fn steps(&self) -> Stretch {
        let split = self.dataset.split(STEPS_AT, 1.0);
        Stretch::of(self.dataset.split(JUDGE_AT, 1.0).train(), split.at)
    }

    /// The steps that judge.
    pub fn held_out_steps(&self) -> Stretch {
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        Stretch::of(&self.dataset.listens, judge.at)
    }

    /// Asks from several moments what came next; each question looks as far ahead as from `WEIGH_AT`
    /// to `JUDGE_AT`, so that nothing of what judges is seen. Lists that were shown are read as of the
    /// latest of the moments before them, where enough was left to chance to tell what positions do.
    pub fn build_rows(
        &mut self,
        pasts: Vec<(f64, Past)>,
        exposures: Exposures,
        recipe: &Recipe,
        on_share: &dyn Fn(f64),
    ) -> Result<()> {
        let mut rows = RankerRows::with_features(self.feature_names.len());
        let mut share_rows = ShareRows::with_features(&self.feature_names);
        let count = pasts.len().max(1) as f64;
        let requests = ladder::requests_max(self.dataset.items.len()) / pasts.len().max(1);
        let judge_at = self.judge_at();
        let shown = exposures.joined(&self.dataset, judge_at);
        let (found, mut exposed) = shown.examine().unzip();
        let examination = found.flatten();
        let shares = pasts.iter().map(|(share, _)| *share);
        let begins = shares.map(|share| self.dataset.split(share, 1.0).at);
        let moments: Vec<Timestamp> = begins.chain([judge_at]).collect();
        for (number, (share, past)) in pasts.into_iter().enumerate() {
            let split = self.dataset.split(share, share + JUDGE_AT - WEIGH_AT);
            let most = ladder::questions_max(RANKED_MAX).min(requests);
            let questions = self.dataset.questions(&split, most);
            let (at, parts) = (split.at, fit(&self.dataset, &split, recipe.settings)?);
            let model = self.model(parts, recipe.blend, LearntTrees::default())?;
            self.stand_at(past, at, model)?;
            if let Some(next) = moments.get(number + 1) {
                let plays = self.dataset.between(at, *next);
                share_rows.add(&self.moment(at), &self.dataset.items, plays, requests / 2)?;
            }
            rows.add(&self.moment(at), &questions)?;
            if let (Some(examination), Some(next)) = (&examination, moments.get(number + 1)) {
                let lists = shown.between(at, *next);
                let before = rows.row_count();
                rows.add_shown(&self.moment(at), &lists, examination)?;
                if let Some(exposed) = &mut exposed {
                    exposed.lists_used = rows.shown_count() as u64;
                    exposed.rows_used += (rows.row_count() - before) as u64;
                }
            }
            on_share((number + 1) as f64 / count);
        }
        self.rows = Some(rows);
        self.exposed = exposed;
        self.share_rows = share_rows;
        Ok(())
    }

    /// When the listens that judge begin.
    pub fn judge_at(&self) -> Timestamp {
        self.dataset.split(JUDGE_AT, 1.0).at
    }

    /// Whether the rows lie there.
    pub fn has_rows(&self) -> bool {
        self.rows.is_some()
    }

    fn rows(&self) -> Result<&RankerRows> {
        (self.rows.as_ref()).ok_or_else(|| Error::bug("no rows were built"))
    }

    /// The rows parted for the trees; none where there is too little to learn an order from.
    pub fn parted_rows(&self) -> Result<Option<PartedRows>> {
        PartedRows::new(self.rows()?)
    }

    /// Learns the order that answers the questions best.
    pub fn learn_order(
        &self,
        trials: usize,
        steps: &SoundedSteps,
        on_share: &dyn Fn(f64),
    ) -> Result<SettledRanker> {
        let share = self.share_rows.fit()?;
        let before = self.dataset.split(STEPS_AT, JUDGE_AT);
        let steps = StepRows::of(&self.dataset, &before, steps).learn();
        let mut settled = SettledRanker {
            learnt: None,
            usual: None,
            trials: Vec::new(),
            exposed: self.exposed.clone(),
            listened: share.as_ref().map(ListenedShare::to_text),
            steps,
        };
        if let Some(parted) = self.parted_rows()? {
            let searched = parted.search(trials, on_share)?;
            let order = |(trees, settings)| self.settle_order(trees, settings, share.as_ref());
            let better = searched.better.map(order).transpose()?;
            let usual = Some(order((searched.usual, RankerSettings::default()))?);
            settled.trials = searched.trials;
            (settled.learnt, settled.usual) = match better {
                Some(better) => (Some(better), usual),
                None => (usual, None),
            };
        }
        Ok(settled)
    }

    fn settle_order(
        &self,
        trees: FittedTrees,
        settings: RankerSettings,
        share: Option<&ListenedShare>,
    ) -> Result<SettledOrder> {
        let rows = self.rows()?;
        let (ranker, report) = named(trees, settings, rows, &self.feature_names)?;
        let listened_weight = match share {
            Some(share) => order_weight(share, &ranker, rows)?,
            None => 0.0,
        };
        Ok(SettledOrder {
            trees: ranker.to_text(),
            blend_weight: ranker.blend_weight(),
            listened_weight,
            report,
        })
    }

    fn questions(&self) -> Vec<Question> {
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        let most = ladder::questions_max(self.dataset.items.len());
        self.dataset.questions(&judge, most)
    }

    /// Judges every source, the learnt order and the model in production on the held-out listens.
    pub fn evaluate(
        &mut self,
        past: Past,
        recipe: &Recipe,
        orders: LearntOrders,
        steps: Option<(LearntSteps, SoundedSteps)>,
        current: Loaded,
        on_share: &dyn Fn(f64),
    ) -> Result<Evaluated> {
        let questions = self.questions();
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        let (at, parts) = (judge.at, fit(&self.dataset, &judge, recipe.settings)?);
        on_share(0.2);
        let steps = steps.map(|(learnt, held_out)| {
            learnt.judge(&StepRows::of(&self.dataset, &judge, &held_out))
        });
        let (mut ladder, blended) = self.ladder(&judge, &questions, &parts, &recipe.blend)?;
        on_share(0.4);
        let model = self.model(parts, recipe.blend, LearntTrees::default())?;
        self.stand_at(past, at, model)?;
        let listened = self.judge_listened(&orders.learnt)?;
        let is_told = listened.is_some_and(|report| report.is_in_use);
        let JudgedOrder {
            ranker,
            ranked,
            verdict,
        } = self.judge_orders(at, orders, is_told, &questions)?;
        ladder.ranked = ranked.as_deref().map(LadderRow::of);
        let gain = |ranked| RankedGain::new(ranked, &blended);
        ladder.ranked_gain = ranked.as_deref().map(gain);
        let is_ranker_in_use =
            (ladder.ranked).is_some_and(|row| row.ndcg_at_10 > ladder.blend.ndcg_at_10);
        let served = match ranked.filter(|_| is_ranker_in_use) {
            Some(ranked) => ranked,
            None => self.moment(at).judge(None, &questions)?,
        };
        let serving = ranker.as_ref().filter(|_| is_ranker_in_use);
        let moments = self.judge_moments(at, serving, &questions, &served)?;
        let order_weight = (ranker.as_ref().and_then(Ranker::listened)).map_or(0.0, |one| one.1);
        on_share(0.7);
        let current = self.judge_current(current, at, &questions, &served)?;
        Ok(Evaluated {
            split_at: at,
            ladder,
            ranker_verdict: verdict,
            is_ranker_in_use,
            listened: listened.map(|report| ListenedReport {
                order_weight: if is_told && is_ranker_in_use {
                    order_weight
                } else {
                    0.0
                },
                ..report
            }),
            steps,
            moments,
            current,
        })
    }

    /// Judges the learnt order, and the usual one where a search found another; the better remains.
    fn judge_orders(
        &self,
        at: Timestamp,
        orders: LearntOrders,
        is_told: bool,
        questions: &[Question],
    ) -> Result<JudgedOrder> {
        let judge = |learnt: LearntTrees| -> Result<Option<(Ranker, Vec<Judged>)>> {
            let Some(ranker) = learnt.ranker(is_told) else {
                return Ok(None);
            };
            let judged = self.moment(at).judge(Some(&ranker), questions)?;
            Ok(Some((ranker, judged)))
        };
        let found = judge(orders.learnt)?;
        let usual = orders.usual.map(judge).transpose()?.flatten();
        let reached =
            |judged: &[Judged]| -> Vec<f64> { judged.iter().map(|one| one.ndcg_at_10).collect() };
        let verdict = (usual.as_ref().zip(found.as_ref()))
            .map(|((_, usual), (_, found))| SearchVerdict::new(&reached(usual), &reached(found)));
        let kept = match verdict {
            Some(verdict) if !verdict.is_kept => usual,
            _ => found,
        };
        let (ranker, ranked) = kept.unzip();
        Ok(JudgedOrder {
            ranker,
            ranked,
            verdict,
        })
    }

    /// Judges the model in production; the view is of it from here on.
    fn judge_current(
        &mut self,
        current: Loaded,
        at: Timestamp,
        questions: &[Question],
        served: &[Judged],
    ) -> Result<CurrentModel> {
        Ok(match current {
            Loaded::None => CurrentModel::None,
            Loaded::Damaged(id, reason) => CurrentModel::Damaged(id, reason),
            Loaded::Read(current, log_offset) => {
                let id = current.id;
                let (basis, model) = self.comparable(*current, log_offset)?;
                self.view.set_model(Some(Arc::new(model)));
                let model = self.view.model.clone();
                let ranker = model.as_ref().and_then(|model| model.ranker.as_ref());
                // An order whose features are no more answers nobody.
                let moment = self.moment(at);
                let ranker = ranker.filter(|ranker| moment.serves(ranker.features()));
                let old = moment.judge(ranker, questions)?;
                CurrentModel::Judged(Comparison::new(id, basis, served, &old))
            }
        })
    }

    /// Judges every source and the blend.
    fn ladder(
        &self,
        judge: &Split<'_>,
        questions: &[Question],
        parts: &Parts,
        blend: &BlendWeights,
    ) -> Result<(Ladder, Vec<Judged>)> {
        let baseline = NeighbourSettings::ItemCosine;
        let lists = JudgedLists {
            content: &self.content,
            cosine: &match parts.neighbours_by {
                NeighbourSettings::ItemCosine => parts.neighbours.clone(),
                _ => baseline.fit(&self.dataset.liked_matrix(judge.train())?)?,
            },
        };
        Ok(ladder::judge(
            &self.dataset,
            questions,
            parts,
            &lists,
            blend,
        ))
    }

    /// Judges what is served without telling it the moments, as the view stands; none where it knows none.
    fn judge_moments(
        &self,
        at: Timestamp,
        ranker: Option<&Ranker>,
        questions: &[Question],
        told: &[Judged],
    ) -> Result<Option<MomentReport>> {
        let model = self.view.model.as_deref();
        let Some((lifts, weight)) =
            model.and_then(|model| Some((model.moments.as_ref()?, model.blend.moment)))
        else {
            return Ok(None);
        };
        let untold = self.moment(at).judge(ranker, &untold(questions))?;
        Ok(Some(MomentReport::new(lifts, weight, told, &untold)))
    }

    /// Judges the listened share, as the view stands.
    fn judge_listened(&self, learnt: &LearntTrees) -> Result<Option<ListenedReport>> {
        let Some((share, _)) = &learnt.listened else {
            return Ok(None);
        };
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        let mut rows = ShareRows::with_features(&self.feature_names);
        let (items, plays) = (&self.dataset.items, judge.test());
        let requests = ladder::requests_max(items.len()) / 2;
        rows.add(&self.moment(judge.at), items, plays, requests)?;
        rows.judge(share, judge.train()).map(Some)
    }

    /// The model in production as it may be judged on held-out listens.
    fn comparable(
        &self,
        current: RecommenderModel,
        log_offset: u64,
    ) -> Result<(Basis, RecommenderModel)> {
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        if !has_seen(&judge, log_offset) {
            return Ok((Basis::AsItStands, current));
        }
        let blend = current.blend;
        let settings = SourceSettings {
            factorization: *current.taste.options(),
            neighbours: current.neighbours_by,
        };
        let ranker = match &current.ranker {
            Some(ranker) => {
                let again = Ranker::from_text(&ranker.to_text(), ranker.blend_weight())?;
                Some(match ranker.listened() {
                    Some((share, weight)) => again.with_listened(Arc::clone(share), *weight),
                    None => again,
                })
            }
            None => None,
        };
        let learnt = LearntTrees {
            ranker,
            listened: None,
        };
        let parts = fit(&self.dataset, &judge, settings)?;
        Ok((Basis::FittedAnew, self.model(parts, blend, learnt)?))
    }

    /// Measures what a full report shows beyond the ladder: of the ranker that serves, and of the
    /// settings that an order was learnt with, if any.
    pub fn measure(
        &mut self,
        past: Past,
        recipe: &Recipe,
        ranker: Option<Ranker>,
        settings: Option<RankerSettings>,
        on_share: &dyn Fn(f64),
    ) -> Result<Measured> {
        let questions = self.questions();
        let judge = self.dataset.split(JUDGE_AT, 1.0);
        let (at, parts) = (judge.at, fit(&self.dataset, &judge, recipe.settings)?);
        let learnt = LearntTrees {
            ranker,
            listened: None,
        };
        let model = self.model(parts, recipe.blend, learnt)?;
        self.stand_at(past, at, model)?;
        let moment = self.moment(at);
        let curve = pareto(&moment, &questions, self.dataset.items.len(), &|share| {
            on_share(CURVE_SHARE * share);
        })?;
        let ablation = match settings {
            Some(settings) => ablate(self.rows()?, &settings, &moment, &questions, &|share| {
                on_share(CURVE_SHARE + (1.0 - CURVE_SHARE) * share);
            })?,
            None => None,
        };
        Ok(Measured {
            ablation,
            pareto: Some(curve),
        })
    }

    /// Fits on everything.
    pub fn whole(
        &self,
        recipe: &Recipe,
        learnt: LearntTrees,
        steps: Option<TransitionWeights>,
        cold: Option<(ContentVectors, f64)>,
        newcomers: Newcomers,
    ) -> Result<RecommenderModel> {
        let whole = self.dataset.split(1.0, 1.0);
        let parts = fit(&self.dataset, &whole, recipe.settings)?;
        let map = |(content, penalty): (ContentVectors, f64)| {
            ColdMap::fit(&content, &parts.taste, &played(&parts.matrix), penalty)
        };
        let cold = cold.map(map).transpose()?;
        let parts = ModelParts {
            steps,
            cold,
            newcomers,
            ..self.parts(parts, recipe.blend, learnt)
        };
        RecommenderModel::new(self.id, parts)
    }

    /// Makes the view what a request would have met at a moment.
    fn stand_at(&mut self, past: Past, at: Timestamp, model: RecommenderModel) -> Result<()> {
        self.view.projection.state = past.state;
        self.features = past.features;
        self.view.set_model(Some(Arc::new(model)));
        self.view.count_popularity(at);
        let sessions = self.view.read_sessions()?;
        self.view.set_sessions(sessions);
        Ok(())
    }

    fn moment(&self, at: Timestamp) -> Moment<'_> {
        Moment {
            view: &self.view,
            at,
            listeners: &self.dataset.listeners,
            moments: &self.dataset.moments,
            column_of: &self.column_of,
            feature_names: &self.feature_names,
            features: self.features.as_ref(),
        }
    }

    fn model(
        &self,
        parts: Parts,
        blend: BlendWeights,
        learnt: LearntTrees,
    ) -> Result<RecommenderModel> {
        RecommenderModel::new(self.id, self.parts(parts, blend, learnt))
    }

    fn parts(&self, parts: Parts, blend: BlendWeights, learnt: LearntTrees) -> ModelParts {
        ModelParts {
            items: self.dataset.items.clone(),
            taste: parts.taste,
            neighbours: parts.neighbours,
            neighbours_by: parts.neighbours_by,
            content: self.content.clone(),
            transitions: parts.transitions,
            cold: None,
            moments: parts.moments,
            audiences: parts.audiences,
            sounds: self.sounds.clone(),
            blend,
            ranker: learnt.ranker,
            is_ranker_unread: false,
            listened: learnt.listened.map(|(share, _)| share),
            steps: None,
            newcomers: Newcomers::default(),
        }
    }
}
