//! Learning to order: the candidates that requests would have had, and what was played next.

use leitmotif_domain::{ListenerId, Timestamp};
use leitmotif_learn::rank_metrics::{graded_ndcg_at, ndcg_at, recall_at};
use leitmotif_learn::trees::{
    BinOptions, Dataset as RowDataset, Ensemble, Examples, Features, Objective, Parameters, fit,
};
use serde::{Deserialize, Serialize};

use super::dataset::Question;
use super::ladder::{DEPTH, LadderRow, mean};
use crate::error::Result;
use crate::pipeline::{RANKED_MAX, RecommendRequest, cold_weight, personal_shortlist};
use crate::rank::{BLENDED_COLUMN, COLUMN_COUNT, ListenerFacts, Ranker, column_names, fill_row};
use crate::view::TenantView;

/// Fewest questions with an answer among the candidates that an order is learnt from; of fewer, what
/// is learnt is mostly chance.
const QUESTIONS_MIN: usize = 200;
/// One question in so many decides when enough is learnt.
const VALIDATION_EVERY: usize = 5;
/// One candidate in so many is shown to the ranker as a track that came after the training.
///
/// - Source: DropoutNet, Volkovs et al. 2017, for the idea of learning cold starts by hiding what is
///   known.
const NEW_EVERY: usize = 10;
/// Label of a track the listener took to, and of one they loved: liked, or played again and again.
const LABELS: (f32, f32) = (1.0, 2.0);
/// A leaf holds at least one in so many of the rows: finer leaves learnt single listeners by heart and
/// lost what the trees had won on the listens that judge.
const LEAVES_OF_ROWS: usize = 400;
/// Fewest rows of a leaf however little there is.
const LEAF_ROWS_MIN: usize = 40;
/// Weights tried for the blended score beside the trees; never none, see [`Ranker`].
const BLEND_WEIGHTS: [f32; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
/// Columns told of in a report.
const IMPORTANT: usize = 10;

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
    /// The columns it leans on most, with their share of all gain.
    pub columns: Vec<(String, f64)>,
}

/// Rows of several questions on end.
#[derive(Default)]
pub struct RankerRows {
    values: Vec<f32>,
    labels: Vec<f32>,
    group_sizes: Vec<usize>,
}

/// A moment of the past to ask from.
pub struct Moment<'v> {
    /// What was known.
    pub view: &'v TenantView,
    /// When.
    pub at: Timestamp,
    /// The listeners by the dataset's index.
    pub listeners: &'v [ListenerId],
}

impl Moment<'_> {
    /// What content counts for a track that the model does not know.
    fn cold_weight(&self) -> f32 {
        let model = self.view.model.as_ref();
        model.map_or(0.0, |model| cold_weight(&model.blend))
    }

    fn request(&self, question: &Question) -> Option<RecommendRequest> {
        Some(RecommendRequest {
            listener: Some(*self.listeners.get(question.listener)?),
            count: RANKED_MAX,
            placement: "training".to_owned(),
            ..RecommendRequest::default()
        })
    }
}

impl RankerRows {
    /// Adds what requests of that moment would have had to choose from. Questions whose answers are
    /// not among it teach no order and are left out.
    pub fn add(&mut self, moment: &Moment<'_>, questions: &[Question]) -> Result<()> {
        for question in questions {
            let Some(request) = moment.request(question) else {
                continue;
            };
            let shortlist = personal_shortlist(moment.view, &request)?;
            let profile = moment.view.profile(request.listener);
            let facts = ListenerFacts::of(moment.view, profile, moment.at)?;
            let labels: Vec<f32> = (shortlist.iter())
                .map(|one| label(question, moment.view.column(one.index)))
                .collect();
            if labels.iter().all(|label| *label == 0.0) {
                continue;
            }
            for (place, one) in shortlist.iter().enumerate() {
                let is_masked = (place + question.listener).is_multiple_of(NEW_EVERY);
                let values = &mut self.values;
                match one.as_new(moment.cold_weight()).filter(|_| is_masked) {
                    Some(new) => fill_row(moment.view, &facts, &new, None, values),
                    None => {
                        let column = moment.view.column(one.index);
                        fill_row(moment.view, &facts, one, column, values);
                    }
                }
            }
            self.group_sizes.push(labels.len());
            self.labels.extend(labels);
        }
        Ok(())
    }

    /// Splits every n-th question off.
    fn split(&self) -> (Self, Self) {
        let (mut training, mut validation) = (Self::default(), Self::default());
        let mut row = 0;
        for (number, &size) in self.group_sizes.iter().enumerate() {
            let part = match number % VALIDATION_EVERY {
                0 => &mut validation,
                _ => &mut training,
            };
            let values = row * COLUMN_COUNT..(row + size) * COLUMN_COUNT;
            part.values.extend_from_slice(&self.values[values]);
            part.labels.extend_from_slice(&self.labels[row..row + size]);
            part.group_sizes.push(size);
            row += size;
        }
        (training, validation)
    }

    fn examples(&self) -> Result<Examples<'_>> {
        Ok(Examples {
            group_sizes: &self.group_sizes,
            ..Examples::new(Features::new(&self.values, COLUMN_COUNT)?, &self.labels)
        })
    }
}

fn label(question: &Question, column: Option<usize>) -> f32 {
    match column {
        Some(column) if question.loved.contains(&column) => LABELS.1,
        Some(column) if question.relevant.contains(&column) => LABELS.0,
        _ => 0.0,
    }
}

/// Fits a ranker; none where there is too little to learn an order from.
///
/// - Deterministic for the rows.
pub fn fit_ranker(rows: &RankerRows) -> Result<Option<(Ranker, RankerReport)>> {
    if rows.group_sizes.len() < QUESTIONS_MIN {
        return Ok(None);
    }
    let (training, validation) = rows.split();
    let parameters = Parameters {
        objective: Objective::LAMBDA_RANK,
        trees: 200,
        leaves: 8,
        learning_rate: 0.02,
        leaf_rows_min: (training.labels.len() / LEAVES_OF_ROWS).max(LEAF_ROWS_MIN),
        lambda_l2: 10.0,
        feature_fraction: 0.4,
        early_stopping: Some(60),
        // Deeper than what is judged: of a few hundred questions the first ten places are mostly noise.
        ndcg_at: DEPTH,
        seed: 1,
        ..Parameters::default()
    };
    let dataset = RowDataset::new(&training.examples()?, &BinOptions::default())?;
    let fitted = fit(&dataset, Some(&validation.examples()?), &parameters)?;
    let ensemble = fitted.ensemble.with_names(column_names())?;
    let blend_weight = blend_weight(&ensemble, &validation)?;
    let ranker = Ranker::new(ensemble, blend_weight)?;
    let report = RankerReport {
        questions: rows.group_sizes.len() as u64,
        rows: rows.labels.len() as u64,
        trees: ranker.ensemble().tree_count() as u64,
        blend_weight,
        is_in_use: false,
        columns: important_columns(&ranker),
    };
    Ok(Some((ranker, report)))
}

/// Finds what the blend should count beside the trees, by NDCG@10 on the validation questions.
fn blend_weight(ensemble: &Ensemble, validation: &RankerRows) -> Result<f32> {
    let mut trees = vec![0.0; validation.labels.len()];
    ensemble.predict_into(Features::new(&validation.values, COLUMN_COUNT)?, &mut trees)?;
    let rows = validation.values.chunks(COLUMN_COUNT);
    let blended: Vec<f64> = rows.map(|row| f64::from(row[BLENDED_COLUMN])).collect();
    let mut best = (f64::NEG_INFINITY, BLEND_WEIGHTS[0]);
    for weight in BLEND_WEIGHTS {
        let scores: Vec<f64> = (trees.iter().zip(&blended))
            .map(|(trees, blended)| trees + f64::from(weight) * blended)
            .collect();
        let (mut first, mut sum) = (0, 0.0);
        for size in &validation.group_sizes {
            let group = first..first + size;
            sum += graded_ndcg_at(&validation.labels[group.clone()], &scores[group], 10);
            first += size;
        }
        if sum > best.0 {
            best = (sum, weight);
        }
    }
    Ok(best.1)
}

fn important_columns(ranker: &Ranker) -> Vec<(String, f64)> {
    let gains = ranker.ensemble().importances();
    let total: f64 = gains.iter().map(|one| one.gain).sum();
    let mut shares: Vec<(String, f64)> = (column_names().into_iter().zip(&gains))
        .map(|(name, one)| (name, one.gain / total.max(f64::MIN_POSITIVE)))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares.truncate(IMPORTANT);
    shares
}

/// Judges the ranker on questions, all tracks ranked: what is no candidate is a miss.
pub fn judge_ranker(
    moment: &Moment<'_>,
    ranker: &Ranker,
    questions: &[Question],
) -> Result<LadderRow> {
    let mut rows = Vec::with_capacity(questions.len());
    for question in questions {
        let Some(request) = moment.request(question) else {
            continue;
        };
        let shortlist = personal_shortlist(moment.view, &request)?;
        let profile = moment.view.profile(request.listener);
        let facts = ListenerFacts::of(moment.view, profile, moment.at)?;
        let order = ranker.rank(moment.view, &facts, shortlist)?;
        let columns = (order.ranked.iter()).filter_map(|one| moment.view.column(one.index));
        let ranked: Vec<usize> = columns.take(DEPTH).collect();
        rows.push(LadderRow {
            ndcg_at_10: ndcg_at(&ranked, &question.relevant, 10),
            recall_at_20: recall_at(&ranked, &question.relevant, DEPTH),
        });
    }
    Ok(mean(rows.into_iter()))
}
