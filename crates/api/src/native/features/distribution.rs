//! How the values of a feature lie.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::views::{SAMPLE_MAX, view_of};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Bars of a distribution.
const BINS: usize = 20;

/// Which feature's values are counted.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DistributionQuery {
    /// The feature.
    pub feature: String,
}

/// How the values of a feature lie.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DistributionAnswer {
    /// The feature.
    pub feature: String,
    /// Entities looked at, at most 5,000.
    pub entity_count: u64,
    /// Those of them without a value.
    pub null_count: u64,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// Values in each twentieth of the way from the smallest to the largest.
    pub bins: Vec<u64>,
}

/// Counts how the values of a feature lie, over the first 5,000 entities of its view.
#[utoipa::path(get, path = "/api/v1/features/{view}/distribution", tag = "features",
    params(("view" = String, Path, description = "The view"), DistributionQuery), responses(
    (status = 200, body = DistributionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn distribution(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(view): Path<String>,
    QueryParameters(query): QueryParameters<DistributionQuery>,
) -> Result<Json<DistributionAnswer>, Problem> {
    let level = state.features.level(access.scope()).await?;
    let view = view_of(&level, &view)?;
    let column = view.definition.column(&query.feature);
    let column = column.ok_or_else(|| Problem::not_found("feature", &query.feature))?;
    let keys = level.entities(&view.definition.name, None, SAMPLE_MAX);
    let read = level.read(&view.definition.name, &keys, &[column]);
    let numbers = read.map(|read| read.rows.numbers).unwrap_or_default();
    let known: Vec<f64> = numbers
        .iter()
        .copied()
        .filter(|one| !one.is_nan())
        .collect();
    let min = known.iter().copied().reduce(f64::min);
    let max = known.iter().copied().reduce(f64::max);
    let mut bins = vec![0; BINS];
    if let (Some(min), Some(max)) = (min, max) {
        for value in &known {
            let share = if max > min {
                (value - min) / (max - min)
            } else {
                0.0
            };
            let bin = ((share * BINS as f64) as usize).min(BINS - 1);
            if let Some(count) = bins.get_mut(bin) {
                *count += 1;
            }
        }
    }
    let count = known.len();
    Ok(Json(DistributionAnswer {
        feature: query.feature,
        entity_count: numbers.len() as u64,
        null_count: (numbers.len() - count) as u64,
        min,
        max,
        mean: (count > 0).then(|| known.iter().sum::<f64>() / count as f64),
        bins,
    }))
}
