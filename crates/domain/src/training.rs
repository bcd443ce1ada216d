//! What a training is asked for.

use serde::{Deserialize, Serialize};

/// What a training is asked for; what is left out is as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingRequest {
    /// How much the report measures.
    pub report: ReportDepth,
    /// When the new model answers requests.
    pub promotion: Promotion,
    /// How long settings are searched for; none for the few that are always tried.
    pub search: Option<SearchBudget>,
}

/// How much a training report measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportDepth {
    /// The ladder, and the model in production on the same listens.
    #[default]
    Brief,
    /// The ablation and the Pareto curve too.
    Full,
}

/// When a new model answers requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promotion {
    /// When it is not measurably worse than the model in production.
    #[default]
    IfNotWorse,
    /// Whatever was measured.
    Always,
}

/// How long settings are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchBudget {
    /// As many trials as fit into this time, judged by what the first one takes.
    Seconds(u32),
    /// So many trials.
    Trials {
        /// Of the settings of the sources.
        sources: u32,
        /// Of the settings of the ranker.
        ranker: u32,
    },
}
