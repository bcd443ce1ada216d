//! Whether what a search found beats what is found without one, on listens that no trial saw.

use leitmotif_learn::neighbours::ItemNeighbours;
use serde::{Deserialize, Serialize};

use super::JUDGE_AT;
use super::contenders::Contenders;
use super::dataset::Dataset;
use super::fit;
use super::fitting::SourceSettings;
use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::{Judged, SourceScores, by_listener, questions_max};
use super::questions::Question;
use crate::error::Result;
use crate::model::BlendWeights;

/// What a search found beside what is found without one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SearchVerdict {
    /// Listeners asked about.
    pub listeners: u64,
    /// NDCG@10 with the usual settings.
    pub usual_ndcg_at_10: f64,
    /// NDCG@10 with what was found.
    pub found_ndcg_at_10: f64,
    /// 95% interval of the difference, by resampling listeners.
    pub gain: Option<Interval>,
    /// Whether what was found is used: only where it reached more.
    pub is_kept: bool,
}

impl SearchVerdict {
    /// Compares what both reach for the same listeners.
    pub fn new(usual: &[f64], found: &[f64]) -> Self {
        let gains = found.iter().zip(usual).map(|(new, old)| new - old);
        let gains: Vec<f64> = gains.collect();
        Self {
            listeners: gains.len() as u64,
            usual_ndcg_at_10: mean_of(usual),
            found_ndcg_at_10: mean_of(found),
            gain: interval_of_mean(&gains),
            is_kept: mean_of(&gains) > 0.0,
        }
    }
}

/// Settings and weights of the sources.
pub type Found = (SourceSettings, BlendWeights);

/// Judges both on the held-out listens. That one of two is chosen there is the only thing that a search learns
/// from them.
///
/// - Cost: two fits of the sources, and a list for each listener and both.
pub fn judge(
    dataset: &Dataset,
    content: &ItemNeighbours,
    usual: Found,
    found: Found,
) -> Result<SearchVerdict> {
    let split = dataset.split(JUDGE_AT, 1.0);
    let questions = dataset.questions(&split, questions_max(dataset.items.len()));
    let reached = |(settings, blend): Found| -> Result<Vec<f64>> {
        let parts = fit(dataset, &split, settings)?;
        let judge = |question: &Question| {
            let scores = SourceScores::of(dataset, &parts, content, question);
            Contenders::of(&scores, question).judged(&blend, question)
        };
        let judged: Vec<Judged> = questions.iter().map(judge).collect();
        let judged = by_listener(&questions, &judged);
        Ok(judged.iter().map(|one| one.ndcg_at_10).collect())
    };
    Ok(SearchVerdict::new(&reached(usual)?, &reached(found)?))
}
