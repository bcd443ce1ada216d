//! What a training tells.

use leitmotif_domain::training::TrainingRequest;
use leitmotif_domain::{ModelId, Timestamp};
use leitmotif_learn::factorize::IalsOptions;
use serde::{Deserialize, Serialize};

use super::ablation::Ablation;
use super::against::SearchVerdict;
use super::cold::ColdReport;
use super::current::Comparison;
use super::exposed::ExposureReport;
use super::ladder::Ladder;
use super::listened::ListenedReport;
use super::moment::MomentReport;
use super::newcomers::NewcomerReport;
use super::pareto::ParetoPoint;
use super::ranker::{RankerReport, RankerTrial};
use super::stages::StageTime;
use super::steps::StepReport;
use super::tune::{NeighbourTrial, SourceTrial};
use super::validate::DataFacts;
use crate::model::BlendWeights;
use crate::neighbour_settings::NeighbourSettings;

/// What a training found.
///
/// Everything but `model` and `stages` follows from the log, the catalogue, the request and the model
/// in production; a search by time besides from how many trials the time was enough for, which
/// `search` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// The new model.
    pub model: ModelId,
    /// What was asked for.
    pub request: TrainingRequest,
    /// Listens it learnt from.
    pub listens: u64,
    /// Listeners in them.
    pub listeners: u64,
    /// Tracks it knows.
    pub items: u64,
    /// What the log holds.
    pub data: DataFacts,
    /// What makes the result doubtful.
    pub warnings: Vec<String>,
    /// From here on listens were held out for judging.
    pub split_at: Timestamp,
    /// How each candidate source does on the held-out listens, and their blend.
    pub ladder: Ladder,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// The factorisation's settings.
    pub factorization: IalsOptions,
    /// Which model neighbours are of; none in reports from before it was chosen.
    #[serde(default)]
    pub neighbours: Option<NeighbourReport>,
    /// How tracks are found that came after the training; none where there were too few to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<ColdReport>,
    /// How listeners are answered of whom few tracks are known; none where there were too few to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newcomers: Option<NewcomerReport>,
    /// What orders the candidates; none where there was too little to learn an order from.
    pub ranker: Option<RankerReport>,
    /// What lists that were shown brought to the ranker; none where none was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposures: Option<ExposureReport>,
    /// How well the expected listened share is told; none where there were too few listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listened: Option<ListenedReport>,
    /// What steps from one track to the next cost; none where there were too few steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<StepReport>,
    /// What knowing the moment of a request brings; none where listens tell no moments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<MomentReport>,
    /// The model in production on the same listens; none where there was none that could be judged.
    pub comparison: Option<Comparison>,
    /// Whether the model answers requests from now on.
    pub promotion: PromotionReport,
    /// What was tried, where a search was asked for.
    pub search: Option<SearchReport>,
    /// What the ranker needs, in a full report.
    pub ablation: Option<Ablation>,
    /// Relevance against variety, in a full report.
    pub pareto: Option<Pareto>,
    /// What each stage took; the one part that differs from run to run.
    pub stages: Vec<StageTime>,
}

/// Whether a model was put into production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionReport {
    /// Whether it was.
    pub is_promoted: bool,
    /// Why, as a sentence.
    pub reason: String,
}

/// Which model the source `neighbours` answers from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighbourReport {
    /// The one that was kept: the best on the listens that weigh, of equals the simpler.
    pub kept: NeighbourSettings,
    /// What each reached, the simpler first; empty where no listens could judge.
    pub trials: Vec<NeighbourTrial>,
}

/// What a search tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// Trials of the sources' settings: the count that gives the same model again.
    pub source_trial_count: u32,
    /// Trials of the ranker's settings.
    pub ranker_trial_count: u32,
    /// The sources' settings in the order in which they were tried.
    pub source_trials: Vec<SourceTrial>,
    /// The ranker's settings in the order in which they were tried.
    pub ranker_trials: Vec<RankerTrial>,
    /// Whether what was found for the sources is used; none where no setting was drawn.
    #[serde(default)]
    pub verdict: Option<SearchVerdict>,
    /// Whether what was found for the ranker is used; none where the usual settings reached most.
    #[serde(default)]
    pub ranker_verdict: Option<SearchVerdict>,
}

/// Relevance against variety.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pareto {
    /// Listeners asked about.
    pub listeners: u64,
    /// Listeners there are; more than were asked about when a sample stands for them.
    pub listeners_held_out: u64,
    /// One point for each setting of the knob.
    pub points: Vec<ParetoPoint>,
}
