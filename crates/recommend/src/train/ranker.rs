//! Learning to order: the candidates that requests would have had, and what was played next.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SplitMix64};
use leitmotif_domain::event;
use leitmotif_domain::{ListenerId, Timestamp};
use leitmotif_learn::exposure::Examination;
use leitmotif_learn::rank_metrics::graded_ndcg_at;
use leitmotif_learn::trees::{
    BinOptions, Dataset as RowDataset, Ensemble, Objective, Parameters, fit,
};
use serde::{Deserialize, Serialize};

use super::exposed::ShownList;
use super::interval::mean_of;
use super::ladder::{DEPTH, Judged, by_listener};
use super::questions::Question;
use super::table::{RankerRows, is_validating, sample};
use super::tune::{log_uniform, pick};
use crate::error::{Error, Result};
use crate::feature_source::FeatureSource;
use crate::keyed::KeyedMap;
use crate::known::KnownTracks;
use crate::moments::{MomentTable, UNKNOWN};
use crate::pipeline::{RANKED_MAX, RecommendRequest, cold_weight, personal_shortlist};
use crate::rank::{
    FeatureAsk, FeatureRows, ListenerFacts, Pooled, Ranker, fill_row, names_with, shown,
};
use crate::trace::Deadline;
use crate::view::TenantView;

/// Fewest questions with an answer among the candidates that an order is learnt from; of fewer, what
/// is learnt is mostly chance.
const QUESTIONS_MIN: usize = 200;
/// One candidate in so many is shown to the ranker as a track that came after the training.
///
/// - Source: DropoutNet, Volkovs et al. 2017, for the idea of learning cold starts by hiding what is
///   known.
const NEW_EVERY: usize = 10;
/// One question in so many is asked as if nothing were known of its moment: many requests tell nothing.
const MOMENTLESS_EVERY: usize = 5;
/// Label of a track the listener took to, and of one they loved: liked, or played again and again.
const LABELS: (f32, f32) = (1.0, 2.0);
/// What more a label is in a question of a moment, and that of a track the listener took to at other moments
/// alone. As nothing it would teach that they do not like it, and taste, which most of the order is, would be
/// learnt from a part of the answers.
const ELSEWHERE: f32 = 1.0;
/// What one over the chance of being looked at counts at most: beyond it, a few lucky plays at the
/// bottom would speak louder than all the others.
const INVERSE_MAX: f64 = 10.0;
/// Most lists that were shown of one moment; each costs as much as a question.
const SHOWN_MAX: usize = 5_000;
/// Fewest rows of a leaf however little there is.
const LEAF_ROWS_MIN: usize = 40;
/// What the best candidate of a question is worth by the blend alone, before the trees correct it. The
/// blend has to lead, or the trees spend themselves on learning it again and lose it to noise; likelihood
/// alone would have it twice as steep, and then the trees move little. Of 0, 1, 2, 4 and 8 about 2 told the
/// true order of simulated listeners best.
const BEST_BY_BLEND: f32 = 2.0;
/// What a drawn setting costs in the mean beside the usual ones: 233 trees for 100, of 13 leaves for 8, which are not
/// twice as dear.
pub const DRAWN_COST: u64 = 3;
/// Seed of a search.
pub const SEED: Seed = Seed(0x7261_6e6b_6572);

/// How the trees are grown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankerSettings {
    /// Trees.
    pub trees: usize,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Share of each tree's values that is added.
    pub learning_rate: f64,
    /// A leaf holds at least one in so many of the rows.
    pub leaves_of_rows: usize,
}

impl Default for RankerSettings {
    /// Finer leaves learnt single listeners by heart and lost what the trees had won on the listens that
    /// judge. All the trees are kept: the few hundred questions that could tell when enough is learnt are
    /// so noisy that they stopped after one tree as often as after all.
    fn default() -> Self {
        Self {
            trees: 100,
            leaves: 8,
            learning_rate: 0.04,
            leaves_of_rows: 400,
        }
    }
}

/// Settings of the ranker that were tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankerTrial {
    /// The settings.
    pub settings: RankerSettings,
    /// What was reached on the questions that decide between settings.
    pub ndcg_at_10: f64,
}

/// What the ranker learnt from and whether it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankerReport {
    /// Questions with an answer among the candidates.
    pub questions: u64,
    /// Candidates in them.
    pub rows: u64,
    /// Trees kept.
    pub trees: u64,
    /// What the blended score counts beside the trees.
    pub blend_weight: f32,
    /// Whether it beat the blend on the listens that judge, and orders requests from now on.
    pub is_in_use: bool,
    /// The columns it leans on, with their share of all gain, largest first.
    pub columns: Vec<(String, f64)>,
    /// How the trees were grown.
    #[serde(default)]
    pub settings: RankerSettings,
}

/// A moment of the past to ask from.
pub struct Moment<'v> {
    /// What was known.
    pub view: &'v TenantView,
    /// When.
    pub at: Timestamp,
    /// The listeners by the dataset's index.
    pub listeners: &'v [ListenerId],
    /// Device, activity and time of plays and questions.
    pub moments: &'v MomentTable,
    /// The dataset's column of each catalogue index.
    pub column_of: &'v [Option<u32>],
    /// The features that are columns of what is learnt.
    pub feature_names: &'v [String],
    /// What features were, where any is a column.
    pub features: Option<&'v FeatureSource>,
}

/// What a request of the past would have had to choose from.
pub struct Choice<'v> {
    /// The candidates, best of the blend first.
    pub shortlist: Vec<Pooled>,
    /// What was known of the listener.
    pub facts: ListenerFacts<'v>,
}

impl<'v> Moment<'v> {
    /// What content counts for a track that the model does not know.
    fn cold_weight(&self) -> f32 {
        let model = self.view.model.as_ref();
        model.map_or(0.0, |model| cold_weight(&model.blend))
    }

    /// The request of a question's listener.
    pub fn request(&self, question: &Question) -> Result<RecommendRequest> {
        Ok(RecommendRequest {
            moment: self.moments.moment(question.moment),
            ..self.request_of(question.listener)?
        })
    }

    fn request_of(&self, listener: usize) -> Result<RecommendRequest> {
        let listener = self.listeners.get(listener);
        Ok(RecommendRequest {
            listener: Some(*listener.ok_or_else(|| Error::bug("a question of no listener"))?),
            count: RANKED_MAX,
            placement: "training".to_owned(),
            ..RecommendRequest::default()
        })
    }

    /// What the listener of a question could have been shown.
    pub fn choice(&self, question: &Question) -> Result<Choice<'v>> {
        self.choice_for(self.request(question)?)
    }

    /// What a listener, by the dataset's index, could have been shown at a moment of which nothing is
    /// known.
    pub fn choice_of(&self, listener: usize) -> Result<Choice<'v>> {
        self.choice_for(self.request_of(listener)?)
    }

    fn choice_for(&self, request: RecommendRequest) -> Result<Choice<'v>> {
        let known = Arc::new(KnownTracks::of(self.view, request.listener));
        let shortlist = personal_shortlist(self.view, &request, &known)?;
        let facts = ListenerFacts::of(self.view, known, self.at)?;
        let facts = facts.at(self.view, &request.moment)?;
        Ok(Choice { shortlist, facts })
    }

    /// Reads features of these names for candidates of a listener, by the dataset's index, when that was said of the
    /// moment.
    ///
    /// - Errors: a name that no view serves, which [`Moment::serves`] tells before.
    pub fn features_of(
        &self,
        names: &[String],
        (listener, moment): (usize, &event::Moment),
        indexes: impl Iterator<Item = usize>,
    ) -> Result<FeatureRows> {
        if names.is_empty() {
            return Ok(FeatureRows::default());
        }
        let source = self.features.ok_or_else(|| Error::bug("no features"))?;
        let tracks = self.view.catalogue.tracks_at(indexes);
        let asked = FeatureAsk {
            listener: self.listeners.get(listener).copied(),
            moment,
            now: self.at,
        };
        let (rows, _) = (source.read(names, &asked, &tracks)).map_err(Error::bug)?;
        Ok(rows)
    }

    /// Whether features of these names are served.
    pub fn serves(&self, names: &[String]) -> bool {
        let asked = FeatureAsk {
            listener: None,
            moment: &event::Moment::default(),
            now: self.at,
        };
        let has_them = |source: &FeatureSource| source.read(names, &asked, &[]).is_ok();
        names.is_empty() || self.features.is_some_and(has_them)
    }

    /// The dataset's column of a catalogue index.
    pub fn column(&self, index: usize) -> Option<usize> {
        self.column_of.get(index).copied()?.map(|one| one as usize)
    }

    /// Judges what requests would have been answered with: by the ranker where there is one, else by
    /// the blend. All tracks are ranked: what is no candidate is a miss.
    pub fn judge(&self, ranker: Option<&Ranker>, questions: &[Question]) -> Result<Vec<Judged>> {
        let judge = |question: &Question| {
            let Choice { shortlist, facts } = self.choice(question)?;
            let columns: Vec<usize> = match ranker {
                Some(ranker) => {
                    let told = (question.listener, &self.moments.moment(question.moment));
                    let indexes = shortlist.iter().map(|one| one.index);
                    let features = self.features_of(ranker.features(), told, indexes)?;
                    let deadline = Deadline::default();
                    let order = ranker.rank(self.view, &facts, &shortlist, &features, deadline)?;
                    let order = order.map_or(Vec::new(), |order| order.ranked);
                    let best = order.iter().filter_map(|one| self.column(one.index));
                    best.take(DEPTH).collect()
                }
                None => {
                    let best = shortlist.iter().filter_map(|one| self.column(one.index));
                    best.take(DEPTH).collect()
                }
            };
            Ok(Judged::of(&columns, question))
        };
        let judged: Vec<Judged> = questions.iter().map(judge).collect::<Result<_>>()?;
        Ok(by_listener(questions, &judged))
    }
}

impl RankerRows {
    /// Mean graded NDCG@10 of the groups in the order of these scores.
    fn mean_ndcg(&self, scores: &[f64]) -> f64 {
        let judged = (self.groups())
            .map(|group| graded_ndcg_at(&self.labels()[group.clone()], &scores[group], 10));
        mean_of(&judged.collect::<Vec<_>>())
    }

    /// Adds what requests of that moment would have had to choose from. Questions whose answers are
    /// not among it teach no order and are left out.
    pub fn add(&mut self, moment: &Moment<'_>, questions: &[Question]) -> Result<()> {
        for question in questions {
            let is_momentless = question.moment != UNKNOWN
                && (question.listener + usize::from(question.moment))
                    .is_multiple_of(MOMENTLESS_EVERY);
            let (Choice { shortlist, facts }, told) = match is_momentless {
                true => (
                    moment.choice_of(question.listener)?,
                    event::Moment::default(),
                ),
                false => (
                    moment.choice(question)?,
                    moment.moments.moment(question.moment),
                ),
            };
            let labels: Vec<f32> = (shortlist.iter())
                .map(|one| label(question, moment.column(one.index)))
                .collect();
            if labels.iter().all(|label| *label == 0.0) {
                continue;
            }
            let indexes = shortlist.iter().map(|one| one.index);
            let features =
                moment.features_of(moment.feature_names, (question.listener, &told), indexes)?;
            self.begin_group(question.listener);
            for ((place, one), label) in shortlist.iter().enumerate().zip(labels) {
                let is_masked = (place + question.listener).is_multiple_of(NEW_EVERY);
                match one.as_new(moment.cold_weight()).filter(|_| is_masked) {
                    Some(new) => self.push(new.blended, label, |values| {
                        fill_row(moment.view, &facts, &new, None, values);
                        features.append(place, false, values);
                    }),
                    None => self.push(one.blended, label, |values| {
                        let column = moment.view.column(one.index);
                        fill_row(moment.view, &facts, one, column, values);
                        features.append(place, column.is_some(), values);
                    }),
                }
            }
        }
        Ok(())
    }
}

impl RankerRows {
    /// Adds lists as they were shown after that moment, as far as their tracks are what the listener
    /// could have been shown by what was known then. Plays carry one over the chance that their
    /// position was looked at. Lists whose tracks all fared alike teach no order and are left out, and
    /// so are those of validating listeners.
    ///
    /// - Cost: one request of each listener, of at most [`SHOWN_MAX`] lists.
    pub fn add_shown(
        &mut self,
        moment: &Moment<'_>,
        lists: &[&ShownList],
        examination: &Examination,
    ) -> Result<()> {
        let mut by_listener: BTreeMap<usize, Vec<&ShownList>> = BTreeMap::new();
        for chosen in sample(lists.len(), SHOWN_MAX, SEED) {
            // What was shown to a validating listener was answered by the very plays that validate.
            if let Some(list) = lists.get(chosen).filter(|one| !is_validating(one.listener)) {
                by_listener.entry(list.listener).or_default().push(list);
            }
        }
        for (listener, lists) in by_listener {
            let Choice {
                shortlist,
                mut facts,
            } = moment.choice_of(listener)?;
            let of_column: KeyedMap<usize, &Pooled> = (shortlist.iter())
                .filter_map(|one| Some((moment.column(one.index)?, one)))
                .collect();
            for list in lists {
                let tracks = list.tracks.iter().enumerate();
                let known: Vec<(f32, f32, &Pooled)> = tracks
                    .filter_map(|(position, track)| {
                        let one = of_column.get(&track.item?)?;
                        let inverse = 1.0 / examination.at(position);
                        let weight = if track.is_positive() {
                            inverse.min(INVERSE_MAX) as f32
                        } else {
                            1.0
                        };
                        Some((track.label, weight, *one))
                    })
                    .collect();
                let first = known.first().map(|one| one.0);
                if known.iter().all(|one| Some(one.0) == first) {
                    continue;
                }
                self.begin_shown(listener);
                facts = facts.at(moment.view, &list.moment)?;
                facts = facts.in_session(moment.view, &list.session);
                let shift = moment.view.shift(&list.moment);
                let indexes = known.iter().map(|(.., one)| one.index);
                let told = (listener, &list.moment);
                let features = moment.features_of(moment.feature_names, told, indexes)?;
                for (place, (label, weight, one)) in known.into_iter().enumerate() {
                    let column = moment.view.column(one.index);
                    let one = one.shifted(shift.of(column));
                    self.push_weighed(one.blended, label, weight, |values| {
                        fill_row(moment.view, &facts, &one, column, values);
                        features.append(place, column.is_some(), values);
                    });
                }
            }
        }
        Ok(())
    }
}

fn label(question: &Question, column: Option<usize>) -> f32 {
    let Some(column) = column else {
        return 0.0;
    };
    let more = if question.moment == UNKNOWN {
        0.0
    } else {
        ELSEWHERE
    };
    if question.loved.contains(&column) {
        LABELS.1 + more
    } else if question.relevant.contains(&column) {
        LABELS.0 + more
    } else if question.elsewhere.contains(&column) {
        more
    } else {
        0.0
    }
}

/// Trees with what the blend counts beside them.
pub struct FittedTrees {
    /// The trees.
    pub ensemble: Ensemble,
    /// What the blended score counts beside them.
    pub blend_weight: f32,
    /// What both reach on the questions that decide between settings.
    pub ndcg_at_10: f64,
}

/// What a search of settings found.
pub struct SearchedTrees {
    /// The trees of the usual settings.
    pub usual: FittedTrees,
    /// Trees of other settings that reach more on the questions that decide, with the settings.
    pub better: Option<(FittedTrees, RankerSettings)>,
    /// Everything tried.
    pub trials: Vec<RankerTrial>,
}

/// Rows parted into those that are learnt from and those that decide between settings.
pub struct PartedRows {
    dataset: RowDataset,
    row_count: usize,
    blend_weight: f32,
    validation: RankerRows,
}

impl PartedRows {
    /// Parts and bins rows; none where there are too few questions to learn an order from.
    pub fn new(rows: &RankerRows) -> Result<Option<Self>> {
        if rows.question_count() < QUESTIONS_MIN {
            return Ok(None);
        }
        let (training, validation) = rows.split();
        if training.question_count() == 0 || validation.question_count() == 0 {
            return Ok(None);
        }
        let blend_weight = blend_weight(&training);
        let blended = training.blended(blend_weight);
        let dataset = RowDataset::new(&training.examples(&blended)?, &BinOptions::default())?;
        Ok(Some(Self {
            dataset,
            row_count: training.row_count(),
            blend_weight,
            validation,
        }))
    }

    /// Grows trees that correct the blend.
    ///
    /// - Deterministic for the rows and the settings.
    pub fn fit(&self, settings: &RankerSettings) -> Result<FittedTrees> {
        let parameters = Parameters {
            objective: Objective::LAMBDA_RANK,
            trees: settings.trees,
            leaves: settings.leaves,
            learning_rate: settings.learning_rate,
            leaf_rows_min: (self.row_count / settings.leaves_of_rows).max(LEAF_ROWS_MIN),
            lambda_l2: 10.0,
            feature_fraction: 0.4,
            seed: 1,
            ..Parameters::default()
        };
        let ensemble = fit(&self.dataset, None, &parameters)?.ensemble;
        Ok(FittedTrees {
            ndcg_at_10: self.judge(&ensemble)?,
            ensemble,
            blend_weight: self.blend_weight,
        })
    }

    /// NDCG@10 of trees and blend on the questions that decide.
    fn judge(&self, ensemble: &Ensemble) -> Result<f64> {
        let validation = &self.validation;
        let mut trees = vec![0.0; validation.row_count()];
        ensemble.predict_into(validation.features()?, &mut trees)?;
        Ok(validation.mean_ndcg(&validation.scores(&trees, self.blend_weight)))
    }

    /// Tries so many settings and keeps the best, and the usual ones beside it.
    ///
    /// - Deterministic for the count: more trials begin with the same ones.
    pub fn search(&self, count: usize, on_share: &dyn Fn(f64)) -> Result<SearchedTrees> {
        let usual = self.fit(&RankerSettings::default())?;
        let mut best: Option<(FittedTrees, RankerSettings)> = None;
        let mut trials = Vec::with_capacity(count);
        for (number, settings) in drawn(count).into_iter().enumerate() {
            let fitted = match number {
                0 => None,
                _ => Some(self.fit(&settings)?),
            };
            trials.push(RankerTrial {
                settings,
                ndcg_at_10: fitted.as_ref().unwrap_or(&usual).ndcg_at_10,
            });
            let to_beat = best.as_ref().map_or(&usual, |(best, _)| best).ndcg_at_10;
            if let Some(fitted) = fitted.filter(|fitted| fitted.ndcg_at_10 > to_beat) {
                best = Some((fitted, settings));
            }
            on_share((number + 1) as f64 / count.max(1) as f64);
        }
        Ok(SearchedTrees {
            usual,
            better: best,
            trials,
        })
    }
}

/// The settings of a search: the usual ones, then drawn ones.
fn drawn(count: usize) -> Vec<RankerSettings> {
    let mut generator: SplitMix64 = SEED.rng();
    let random = std::iter::repeat_with(|| RankerSettings {
        trees: pick(&mut generator, &[100, 200, 400]),
        leaves: pick(&mut generator, &[4, 6, 8, 12, 16, 31]),
        learning_rate: log_uniform(&mut generator, (0.01, 0.1)),
        leaves_of_rows: pick(&mut generator, &[100, 200, 400, 800]),
    });
    let usual = std::iter::once(RankerSettings::default());
    usual.chain(random).take(count).collect()
}

/// Names the trees' columns and tells what they learnt from.
pub fn named(
    fitted: FittedTrees,
    settings: RankerSettings,
    rows: &RankerRows,
    feature_names: &[String],
) -> Result<(Ranker, RankerReport)> {
    let ensemble = fitted.ensemble.with_names(names_with(feature_names))?;
    let ranker = Ranker::new(ensemble, fitted.blend_weight)?;
    let report = RankerReport {
        questions: rows.question_count() as u64,
        rows: rows.row_count() as u64,
        trees: ranker.ensemble().tree_count() as u64,
        blend_weight: fitted.blend_weight,
        is_in_use: false,
        columns: important_columns(&ranker),
        settings,
    };
    Ok((ranker, report))
}

/// What the blend counts beside the trees: so much that the best candidates of the questions are worth
/// [`BEST_BY_BLEND`] in the mean.
fn blend_weight(rows: &RankerRows) -> f32 {
    let blended = rows.blended(1.0);
    let best = rows.groups().map(|group| {
        let scores = blended[group].iter().copied();
        f64::from(scores.fold(0.0, f32::max))
    });
    let best = mean_of(&best.collect::<Vec<_>>());
    if best > 0.0 {
        BEST_BY_BLEND / best as f32
    } else {
        BEST_BY_BLEND
    }
}

fn important_columns(ranker: &Ranker) -> Vec<(String, f64)> {
    let gains = ranker.ensemble().importances();
    let total: f64 = gains.iter().map(|one| one.gain).sum();
    let names = ranker.ensemble().names().iter();
    let names = names.map(|name| shown(name).to_owned());
    let mut shares: Vec<(String, f64)> = (names.zip(&gains))
        .map(|(name, one)| (name, one.gain / total.max(f64::MIN_POSITIVE)))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::COLUMN_COUNT;

    #[test]
    fn the_best_of_a_question_is_worth_two_by_the_blend() {
        let mut rows = RankerRows::default();
        assert_eq!(blend_weight(&rows), BEST_BY_BLEND, "nothing to scale");
        for (listener, scores) in [[0.5, 4.0], [2.0, 1.0]].into_iter().enumerate() {
            rows.begin_group(listener);
            for score in scores {
                rows.push(score, 0.0, |values| {
                    values.resize(values.len() + COLUMN_COUNT, 0.0);
                });
            }
        }
        let weight = blend_weight(&rows);
        assert!((weight - 2.0 / 3.0).abs() < 1e-6, "{weight}");
    }
}
