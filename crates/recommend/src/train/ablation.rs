//! What the ranker needs: it is fitted again without each group of its columns.

use leitmotif_domain::chance::Seed;
use serde::{Deserialize, Serialize};

use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::{DEPTH, Judged, by_listener, listener_count};
use super::questions::Question;
use super::ranker::{FittedTrees, Moment, PartedRows, RankerSettings};
use super::table::{RankerRows, sample};
use crate::error::Result;
use crate::rank::{fill_row, group_of};

/// Questions each fit learns from at most.
const QUESTIONS_MAX: usize = 2_000;
/// Questions each fit is judged on at most: their candidates lie in memory together, 60 MB.
const JUDGED_MAX: usize = 2_000;
/// Seed of the samples.
const SEED: Seed = Seed(0x0061_626c_6174);

/// What the ranker needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// Questions each fit learnt from.
    pub questions: u64,
    /// Questions there are; more than were learnt from when a sample stands for them.
    pub questions_asked: u64,
    /// Listeners each fit was judged on.
    pub listeners: u64,
    /// Listeners there are.
    pub listeners_held_out: u64,
    /// NDCG@10 with all columns, on those listeners.
    pub ndcg_at_10: f64,
    /// What is lost without each group, largest loss first.
    pub groups: Vec<AblatedGroup>,
}

/// What is lost without a group of columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblatedGroup {
    /// The group.
    pub group: String,
    /// Its columns.
    pub columns: u64,
    /// NDCG@10 without them; the blend beside the trees still counts them.
    pub ndcg_at_10: f64,
    /// All columns less without: what the group brings.
    pub difference: f64,
    /// 95% interval of the difference, by resampling listeners.
    pub interval: Option<Interval>,
}

/// The candidates of held-out questions, read once for all fits.
struct HeldOut<'q> {
    questions: Vec<&'q Question>,
    rows: RankerRows,
    /// The dataset's column of each row.
    columns: Vec<Option<usize>>,
}

impl<'q> HeldOut<'q> {
    fn read(moment: &Moment<'_>, questions: &'q [Question]) -> Result<Self> {
        let chosen = sample(questions.len(), JUDGED_MAX, SEED);
        let mut read = Self {
            questions: chosen
                .iter()
                .filter_map(|one| questions.get(*one))
                .collect(),
            rows: RankerRows::with_features(moment.feature_names.len()),
            columns: Vec::new(),
        };
        for question in &read.questions {
            let choice = moment.choice(question)?;
            let told = (question.listener, &moment.moments.moment(question.moment));
            let indexes = choice.shortlist.iter().map(|one| one.index);
            let features = moment.features_of(moment.feature_names, told, indexes)?;
            read.rows.begin_group(question.listener);
            for (place, one) in choice.shortlist.iter().enumerate() {
                read.rows.push(one.blended, 0.0, |values| {
                    let column = moment.view.column(one.index);
                    fill_row(moment.view, &choice.facts, one, column, values);
                    features.append(place, column.is_some(), values);
                });
                read.columns.push(moment.column(one.index));
            }
        }
        Ok(read)
    }

    /// NDCG@10 of each listener in the order of trees and blend.
    fn judge(&self, rows: &RankerRows, fitted: &FittedTrees) -> Result<Vec<f64>> {
        let mut trees = vec![0.0; rows.row_count()];
        fitted.ensemble.predict_into(rows.features()?, &mut trees)?;
        let scores = rows.scores(&trees, fitted.blend_weight);
        let judged = rows.groups().zip(&self.questions).map(|(group, question)| {
            let mut order: Vec<usize> = group.collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            let best = order.iter().filter_map(|row| self.columns[*row]);
            Judged::of(&best.take(DEPTH).collect::<Vec<_>>(), question)
        });
        let judged = by_listener(&self.questions, &judged.collect::<Vec<_>>());
        Ok(judged.iter().map(|one| one.ndcg_at_10).collect())
    }
}

/// Fits the ranker without each group of columns; none where there are too few questions for any.
///
/// - Deterministic for rows, questions and settings.
/// - Cost: one fit a group, on a bounded sample.
pub fn ablate(
    rows: &RankerRows,
    settings: &RankerSettings,
    moment: &Moment<'_>,
    questions: &[Question],
    on_share: &dyn Fn(f64),
) -> Result<Option<Ablation>> {
    let sampled = rows.sample(QUESTIONS_MAX, SEED);
    let Some(parted) = PartedRows::new(&sampled)? else {
        return Ok(None);
    };
    let held_out = HeldOut::read(moment, questions)?;
    let whole = held_out.judge(&held_out.rows, &parted.fit(settings)?)?;
    let group = |column: usize| group_of(column, moment.feature_names);
    let mut names: Vec<_> = (0..rows.column_count()).map(group).collect();
    names.sort_unstable();
    names.dedup();
    let mut groups = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        on_share((number + 1) as f64 / (names.len() + 1) as f64);
        let is_dropped = |column: usize| group(column) == *name;
        let Some(parted) = PartedRows::new(&sampled.without(is_dropped))? else {
            continue;
        };
        let fitted = parted.fit(settings)?;
        let without = held_out.judge(&held_out.rows.without(is_dropped), &fitted)?;
        let differences: Vec<f64> = (whole.iter().zip(&without)).map(|(a, b)| a - b).collect();
        groups.push(AblatedGroup {
            group: name.to_string(),
            columns: (0..rows.column_count())
                .filter(|one| is_dropped(*one))
                .count() as u64,
            ndcg_at_10: mean_of(&without),
            difference: mean_of(&differences),
            interval: interval_of_mean(&differences),
        });
    }
    groups.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    Ok(Some(Ablation {
        questions: sampled.question_count() as u64,
        questions_asked: rows.question_count() as u64,
        listeners: listener_count(&held_out.questions),
        listeners_held_out: listener_count(questions),
        ndcg_at_10: mean_of(&whole),
        groups,
    }))
}
