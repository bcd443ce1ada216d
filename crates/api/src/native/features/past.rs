//! Features as they were, as they would be, and whether what was served was right.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::{Timestamp, limits};
use leitmotif_features::offline::{Knowledge, PastRow, point_in_time};
use leitmotif_features::{EntityKey, LiveView, Row, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use utoipa::ToSchema;

use super::entities::{EntityColumns, keys_of, row_count};
use super::online::resolve_values;
use super::views::{parsed, view_of};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::JsonBody;
use crate::native::off_thread;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Rows of a preview.
const PREVIEW_ROWS: usize = 20;

/// Entities with moments.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsInput {
    /// Entities by join key, one value a row. At most 5,000 rows.
    #[schema(value_type = Object)]
    pub entities: EntityColumns,
    /// The moment of each row, or one for all of them.
    #[schema(value_type = Vec<String>)]
    pub at: Vec<Timestamp>,
    /// What counts as known at a moment: what was `recorded` by then (when left out), or what had
    /// `occurred`, whenever it was recorded.
    #[serde(default)]
    pub known: Known,
}

/// What counts as known at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// What had happened and had been recorded.
    #[default]
    Recorded,
    /// What had happened.
    Occurred,
}

/// Features as they were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RowsAnswer {
    /// The names of the columns.
    pub features: Vec<String>,
    /// One a row asked, in that order.
    pub rows: Vec<RowAnswer>,
}

/// The features of one entity at one moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RowAnswer {
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `present`, `not_found` or `outside_max_age`.
    pub status: &'static str,
    /// When the newest event that counts happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// The values.
    #[schema(value_type = Vec<Object>)]
    pub values: Vec<JsonValue>,
}

/// A view to try.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeaturePreviewInput {
    /// The file.
    pub text: String,
}

/// A view computed from the newest events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviewAnswer {
    /// The names of the columns.
    pub features: Vec<String>,
    /// Entities that the newest events tell of.
    pub entity_count: u64,
    /// The event after which it begins: 0 when it has the whole log.
    pub after_offset: u64,
    /// Twenty entities at most.
    pub rows: Vec<RowAnswer>,
}

/// What is compared.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParityInput {
    /// Reads so many entities of each view first, at most 200; 0 for what was asked by others alone.
    #[serde(default)]
    #[schema(maximum = 200)]
    pub sample: usize,
}

/// How what was served compares with a replay.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParityAnswer {
    /// Served rows that were computed anew from the log.
    pub rows: u64,
    /// Values in them.
    pub values: u64,
    /// Values that differ in any bit; anything but 0 is a fault of the platform.
    pub differing: u64,
    /// The largest difference of two numbers.
    pub difference_max: f64,
}

/// Reads features as they were at moments of the past: training rows, by the code that answers now. An
/// event counts if it had happened by the row's moment and, unless asked otherwise, had been recorded by
/// then. Costs one pass over the log, however many rows.
#[utoipa::path(post, path = "/api/v1/features/{view}/rows", tag = "features",
    params(("view" = String, Path, description = "The view")), request_body = RowsInput, responses(
    (status = 200, body = RowsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn rows(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(view): Path<String>,
    JsonBody(input): JsonBody<RowsInput>,
) -> Result<Json<RowsAnswer>, Problem> {
    let scope = access.scope();
    let view = view_of(&state.features.level(scope).await?, &view)?;
    let count = row_count(&input.entities)?;
    if input.at.len() != count && input.at.len() != 1 {
        let detail = format!("{} moments for {count} rows", input.at.len());
        return Err(Problem::invalid("/at", detail));
    }
    let keys = keys_of(&state, scope, &view.definition, &input.entities).await?;
    let unknown = EntityKey::pair(u128::MAX, u128::MAX);
    let moments = input.at.iter().cycle();
    let asked: Vec<PastRow> = keys
        .into_iter()
        .zip(moments)
        .map(|(key, at)| PastRow {
            key: key.unwrap_or(unknown),
            at: *at,
        })
        .collect();
    let knowledge = match input.known {
        Known::Recorded => Knowledge::Recorded,
        Known::Occurred => Knowledge::Occurred,
    };
    let (log, own, of_view, sought) = (
        Arc::clone(&state.log),
        scope.clone(),
        view.clone(),
        asked.clone(),
    );
    let work =
        async move { Ok(point_in_time(log.as_ref(), &own, &of_view, &sought, knowledge).await?) };
    let mut found = off_thread(work).await?;
    for column in 0..view.definition.features.len() {
        let values = found
            .iter_mut()
            .filter_map(|row| row.values.get_mut(column));
        resolve_values(&state, scope, &view, column, values.collect()).await?;
    }
    let rows = found
        .iter()
        .zip(&asked)
        .map(|(row, asked)| row_of(row, asked.at));
    Ok(Json(RowsAnswer {
        features: names_of(&view),
        rows: rows.collect(),
    }))
}

fn names_of(view: &LiveView) -> Vec<String> {
    view.definition.columns().map(str::to_owned).collect()
}

fn row_of(row: &Row, at: Timestamp) -> RowAnswer {
    RowAnswer {
        at,
        status: match row.status {
            Status::Present => "present",
            Status::NotFound => "not_found",
            Status::OutsideMaxAge => "outside_max_age",
        },
        newest: row.newest,
        values: row
            .values
            .iter()
            .map(leitmotif_features::Value::to_json)
            .collect(),
    }
}

/// Computes a view that is not in service from the newest 50,000 events. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/features/preview", tag = "features",
    request_body = FeaturePreviewInput, responses(
    (status = 200, body = PreviewAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn preview(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<FeaturePreviewInput>,
) -> Result<Json<PreviewAnswer>, Problem> {
    let definition = parsed(&input.text)?;
    let view = LiveView {
        version: None,
        text: input.text.into(),
        definition: Arc::new(definition),
    };
    let (features, scope, now) = (
        Arc::clone(&state.features),
        access.scope().clone(),
        state.clock.now(),
    );
    off_thread(async move {
        let mut preview = features
            .preview(&scope, std::slice::from_ref(&view))
            .await?;
        let name = &view.definition.name;
        let entity_count = preview.set.size(name).map_or(0, |size| size.entities);
        let keys = preview.set.entities(name, None, PREVIEW_ROWS);
        let columns: Vec<usize> = (0..view.definition.width()).collect();
        let read = preview.set.read(name, &keys, &columns, now);
        let rows = (0..keys.len()).filter_map(|row| Some(read.as_ref()?.row(row)));
        let rows = rows.map(|row| row_of(&row, now)).collect();
        Ok(Json(PreviewAnswer {
            features: names_of(&view),
            entity_count: entity_count as u64,
            after_offset: preview.after_offset,
            rows,
        }))
    })
    .await
}

/// Computes rows that were served since the start anew, each from the log up to the event and the moment
/// it followed from, and compares them to the last bit.
#[utoipa::path(post, path = "/api/v1/features/parity", tag = "features", request_body = ParityInput, responses(
    (status = 200, body = ParityAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn parity(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<ParityInput>,
) -> Result<Json<ParityAnswer>, Problem> {
    let _gate = state.replays.enter()?;
    if input.sample > limits::PAGE_ITEMS_MAX {
        let detail = format!("must be in 0..={}", limits::PAGE_ITEMS_MAX);
        return Err(Problem::invalid("/sample", detail));
    }
    if input.sample > 0 {
        let level = state.features.level(access.scope()).await?;
        for view in level.views() {
            let name = &view.definition.name;
            let columns: Vec<usize> = (0..view.definition.width()).collect();
            for key in level.entities(name, None, input.sample) {
                level.read(name, &[key], &columns);
            }
        }
    }
    let (features, scope) = (Arc::clone(&state.features), access.scope().clone());
    let parity = off_thread(async move { Ok(features.parity(&scope).await?) }).await?;
    Ok(Json(ParityAnswer {
        rows: parity.rows,
        values: parity.values,
        differing: parity.differing,
        difference_max: parity.difference_max,
    }))
}
