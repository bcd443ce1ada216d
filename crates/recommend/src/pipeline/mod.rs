//! The pipeline: from a request to a list, as a placement's definition says.

mod choose;
mod definition;
mod explore;
mod facts;
mod kinship;
mod list;
mod offers;
mod request;

pub(crate) use choose::let_through;
pub use choose::{Chosen, Circumstances, causes_of, choose, controls_of, present};
pub use definition::{
    BUILT_IN, Budgets, Controls, DefinitionError, Diversify, Exploration, ListOptions, Objective,
    PipelineDefinition, RankBy, Ranking, Stage, TRENDING,
};
pub(crate) use kinship::Kinship;
pub use list::{Adjustment, Considered, Fate};
pub use offers::{Near, content_seeds};
pub(crate) use offers::{cold_weight, personal_shortlist};
pub use request::{
    Causes, Degraded, DegradedCause, RecommendRequest, Recommendations, RecommendedTrack,
    ShownLayout, TurnedControls,
};

/// Candidates a learned ranker is taught to order.
pub const RANKED_MAX: usize = 200;
