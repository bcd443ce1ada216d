//! What knowing the moment of a request brings.

use serde::{Deserialize, Serialize};

use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::Judged;
use super::questions::Question;
use crate::moments::{MomentLifts, MomentValue, UNKNOWN};

/// What knowing the moment brings: the same answers, once told the moment and once not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MomentReport {
    /// What tracks were found to be played at more or less than else, with the listens it was learnt from.
    pub values: Vec<MomentValue>,
    /// What a unit of the natural logarithm of it counts in the blend.
    pub weight: f32,
    /// Listeners that judged.
    pub listeners: u64,
    /// NDCG@10 of what is served, told the moment of each question.
    pub told_ndcg_at_10: f64,
    /// The same, not told.
    pub untold_ndcg_at_10: f64,
    /// By how much the first is larger.
    pub difference: f64,
    /// 95% interval of the difference, by resampling listeners.
    pub interval: Option<Interval>,
}

impl MomentReport {
    /// Compares listener by listener.
    pub fn new(lifts: &MomentLifts, weight: f32, told: &[Judged], untold: &[Judged]) -> Self {
        let ndcg =
            |judged: &[Judged]| -> Vec<f64> { judged.iter().map(|one| one.ndcg_at_10).collect() };
        let (told, untold) = (ndcg(told), ndcg(untold));
        let differences: Vec<f64> = told.iter().zip(&untold).map(|(a, b)| a - b).collect();
        Self {
            values: lifts.values().to_vec(),
            weight,
            listeners: told.len() as u64,
            told_ndcg_at_10: mean_of(&told),
            untold_ndcg_at_10: mean_of(&untold),
            difference: mean_of(&differences),
            interval: interval_of_mean(&differences),
        }
    }
}

/// The same questions, of moments that are not told.
pub fn untold(questions: &[Question]) -> Vec<Question> {
    let untold = questions.iter().cloned().map(|question| Question {
        moment: UNKNOWN,
        ..question
    });
    untold.collect()
}
