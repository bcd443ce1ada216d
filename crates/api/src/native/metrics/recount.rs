//! A metric counted anew from the first event, with its progress.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use leitmotif_features::metrics::RecountProgress;
use leitmotif_features::metrics::registry::Recount;
use leitmotif_features::metrics::{MetricDefinition, MetricValue};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::definitions::metric_of;
use super::values::{ValueAnswer, ValuesQuery, asked_of};
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::QueryParameters;
use crate::native::off_thread;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Lines that wait for a slow reader; progress beyond it is left out, the last line never.
const LINES_MAX: usize = 16;

/// What a recount found: the last line of the answer, under `result`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecountAnswer {
    /// Whether what is kept has the counts of the log, in every group to the last bit.
    pub is_equal: bool,
    /// The last event that counts.
    pub log_offset: u64,
    /// Groups that were compared, the total being one.
    pub groups: u64,
    /// Groups that differ.
    pub differing: u64,
    /// Share of the listeners that are kept.
    pub listener_share: f64,
    /// The total as it is kept.
    pub kept: ValueAnswer,
    /// The same listeners, counted anew.
    pub recounted: ValueAnswer,
    /// Everybody, counted anew.
    pub everybody: ValueAnswer,
}

/// Counts a metric anew over the whole log, beside what is kept, and says whether they are equal. The answer is JSON
/// lines: `progress` with `done` and `total` events, as it goes on, and at the end `result`, or `problem` where it
/// could not be ended. Nothing changes; a reader who leaves ends it.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/recount", tag = "metrics",
    params(("metric" = String, Path, description = "The metric"), ValuesQuery), responses(
    (status = 200, description = "one JSON object a line", body = RecountAnswer, content_type = "application/x-ndjson"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn recount(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(metric): Path<String>,
    QueryParameters(query): QueryParameters<ValuesQuery>,
) -> Result<Response, Problem> {
    let scope = access.scope().clone();
    let metric = metric_of(&state, &scope, &metric).await?.definition;
    let asked = asked_of(&metric, &query)?;
    let gate = state.replays.enter()?;
    let (lines, mut reader) = mpsc::channel::<Value>(LINES_MAX);
    tokio::spawn(async move {
        let _gate = gate;
        let (progress, registry) = (lines.clone(), Arc::clone(&state.metric_registry));
        let counted = Arc::clone(&metric);
        let work = async move {
            let tell = |told: RecountProgress| {
                let line = json!({"progress": {"done": told.done, "total": told.total}});
                !matches!(
                    progress.try_send(line),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
            };
            Ok(registry.recount(&scope, &counted, &asked, tell).await)
        };
        let last = match off_thread(work).await {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(recount))) => json!({"result": answer_of(&metric, &recount)}),
            Ok(Err(error)) => json!({"problem": error.to_string()}),
            Err(_) => json!({"problem": "the recount broke off"}),
        };
        if lines.send(last).await.is_err() {
            tracing::debug!("nobody waits for the end of a recount");
        }
    });
    let pieces = futures_util::stream::poll_fn(move |context| reader.poll_recv(context));
    let bytes =
        futures_util::StreamExt::map(pieces, |line| Ok::<_, std::io::Error>(format!("{line}\n")));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

fn answer_of(metric: &MetricDefinition, recount: &Recount) -> RecountAnswer {
    let kept = &recount.kept.evaluation;
    let total = |evaluation: &leitmotif_features::metrics::Evaluation| {
        let value: MetricValue = evaluation.value(metric, &evaluation.total);
        ValueAnswer::of(&value)
    };
    let keys: std::collections::BTreeSet<_> = kept
        .groups
        .keys()
        .chain(recount.recounted.groups.keys())
        .collect();
    let differs = |key: &&&leitmotif_features::metrics::tally::GroupKey| {
        kept.groups.get(**key) != recount.recounted.groups.get(**key)
    };
    let is_total_different = kept.total != recount.recounted.total;
    RecountAnswer {
        is_equal: recount.is_equal(),
        log_offset: recount.kept.offset,
        groups: keys.len() as u64 + 1,
        differing: keys.iter().filter(differs).count() as u64 + u64::from(is_total_different),
        listener_share: recount.kept.part.share(),
        kept: total(kept),
        recounted: total(&recount.recounted),
        everybody: total(&recount.everybody),
    }
}
