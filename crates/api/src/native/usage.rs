//! What the tenant used.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Which days.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// First UTC day, `YYYY-MM-DD`; the beginning when left out.
    pub from: Option<String>,
    /// Last UTC day; today when left out.
    pub to: Option<String>,
}

/// The usage of one metric on one day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageDay {
    /// The UTC day.
    pub day: String,
    /// `requests`, `events`, `tracks_analysed`.
    pub metric: String,
    /// How much, in whole units.
    pub amount: u64,
}

/// Usage by day and metric.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageAnswer {
    /// The rows.
    pub usage: Vec<UsageDay>,
}

/// Reads the tenant's usage.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageQuery), responses(
    (status = 200, body = UsageAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn usage(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<UsageQuery>,
) -> Result<Json<UsageAnswer>, Problem> {
    let from = day_of("?from", query.from.as_deref().unwrap_or("0001-01-01"))?;
    let to = day_of("?to", query.to.as_deref().unwrap_or("9999-12-31"))?;
    let rows = state.ledger.usage(access.scope(), &from, &to).await?;
    let usage = rows
        .into_iter()
        .map(|row| UsageDay {
            day: row.day,
            metric: row.metric,
            amount: row.amount,
        })
        .collect();
    Ok(Json(UsageAnswer { usage }))
}

fn day_of(pointer: &str, text: &str) -> Result<String, Problem> {
    let date: Result<leitmotif_domain::track::ReleaseDate, _> = text.parse();
    match date {
        Ok(date) if date.precision() == "day" => Ok(text.to_owned()),
        _ => Err(Problem::invalid(
            pointer,
            format!("`{text}` is not YYYY-MM-DD"),
        )),
    }
}
