//! Reading features as they are now.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{TenantScope, Timestamp, TrackId, limits};
use leitmotif_features::definition::Aggregate;
use leitmotif_features::service::{Answer, Level};
use leitmotif_features::{EntityKey, LiveView, Status, Value};
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use utoipa::ToSchema;

use super::entities::{EntityColumns, keys_of, row_count};
use super::views::view_of;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Which features of whom.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OnlineInput {
    /// Features as `view:feature`, or `view` for all of its.
    pub features: Vec<String>,
    /// Entities by join key, one value a row: `{"listener": ["ana", "bo"]}`. At most 5,000 rows, and
    /// 200,000 values.
    #[schema(value_type = Object)]
    pub entities: EntityColumns,
}

/// Features, one after the other.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OnlineAnswer {
    /// The features in the order asked.
    pub features: Vec<FeatureColumn>,
    /// The moment the values hold at.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The last event that counts in them.
    pub through_offset: u64,
    /// Time taken by reading, in microseconds; without finding entities and writing the answer.
    pub read_us: f64,
}

/// One feature of many entities.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FeatureColumn {
    /// Its view.
    pub view: String,
    /// Its name.
    pub feature: String,
    /// The values, one a row; null where there is none.
    #[schema(value_type = Vec<Object>)]
    pub values: Vec<JsonValue>,
    /// `present`; `null_value` where events say nothing of it; `not_found` for an entity without
    /// events; `outside_max_age` where the newest event is older than the view's time to live.
    pub statuses: Vec<&'static str>,
    /// When the newest event of each entity happened.
    #[schema(value_type = Vec<Option<String>>)]
    pub newest: Vec<Option<Timestamp>>,
}

/// Reads features of many entities as they are now, level with the log.
#[utoipa::path(post, path = "/api/v1/features/online", tag = "features", request_body = OnlineInput, responses(
    (status = 200, body = OnlineAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn read(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<OnlineInput>,
) -> Result<Json<OnlineAnswer>, Problem> {
    let scope = access.scope();
    read_columns(&state, scope, &input.features, &input.entities)
        .await
        .map(Json)
}

/// Features of a view that are asked for.
struct Wanted {
    view: LiveView,
    columns: Vec<usize>,
}

/// Reads features by name.
///
/// - Errors: 400 for no features, missing join keys and more than may be asked; 404 for an unknown view
///   or feature.
pub async fn read_columns(
    state: &ApiState,
    scope: &TenantScope,
    names: &[String],
    entities: &EntityColumns,
) -> Result<OnlineAnswer, Problem> {
    let rows = row_count(entities)?;
    let level = state.features.level(scope).await?;
    let (wanted, order) = wanted(&level, names)?;
    if order.len() * rows > limits::FEATURE_VALUES_MAX {
        let (count, count_max) = (order.len() * rows, limits::FEATURE_VALUES_MAX);
        let detail = format!("{count} values, at most {count_max}: ask for fewer rows at once");
        return Err(Problem::invalid("/entities", detail));
    }
    let mut keys = Vec::new();
    for one in &wanted {
        keys.push(keys_of(state, scope, &one.view.definition, entities).await?);
    }
    // An entity that is not in the catalogue is looked up like one without events.
    let unknown = EntityKey::pair(u128::MAX, u128::MAX);
    let keys: Vec<Vec<EntityKey>> = keys
        .into_iter()
        .map(|keys| keys.into_iter().map(|key| key.unwrap_or(unknown)).collect())
        .collect();
    let started = Instant::now();
    let read = |(one, keys): (&Wanted, &Vec<EntityKey>)| {
        let name = &one.view.definition.name;
        let answer = level.read(name, keys, &one.columns);
        answer.ok_or_else(|| Problem::not_found("feature view", name))
    };
    let read: Result<Vec<Answer>, Problem> = wanted.iter().zip(&keys).map(read).collect();
    let mut read = read?;
    let read_us = started.elapsed().as_secs_f64() * 1e6;
    for (one, answer) in wanted.iter().zip(&mut read) {
        resolve(state, scope, &one.view, answer).await?;
    }
    let features = order.iter().filter_map(|(view, place)| {
        let (wanted, answer) = (wanted.get(*view)?, read.get(*view)?);
        Some(column_of(wanted, answer, *place))
    });
    Ok(OnlineAnswer {
        features: features.collect(),
        at: read.first().map_or_else(|| state.clock.now(), |one| one.at),
        through_offset: read.first().map_or(0, |one| one.offset),
        read_us,
    })
}

/// The views asked for, and for each feature its view's and its own place.
type Order = Vec<(usize, usize)>;

fn wanted(level: &Level, names: &[String]) -> Result<(Vec<Wanted>, Order), Problem> {
    if names.is_empty() {
        return Err(Problem::invalid("/features", "names no feature"));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut order = Vec::new();
    for name in names {
        let (view, feature) = match name.split_once(':') {
            Some((view, feature)) => (view, Some(feature)),
            None => (name.as_str(), None),
        };
        let place = wanted
            .iter()
            .position(|one| one.view.definition.name == view);
        let place = match place {
            Some(place) => place,
            None => {
                wanted.push(Wanted {
                    view: view_of(level, view)?,
                    columns: Vec::new(),
                });
                wanted.len() - 1
            }
        };
        let Some(one) = wanted.get_mut(place) else {
            continue;
        };
        let columns = match feature {
            None => (0..one.view.definition.width()).collect(),
            Some(feature) => {
                let column = one.view.definition.column(feature);
                vec![column.ok_or_else(|| Problem::not_found("feature", name))?]
            }
        };
        for column in columns {
            order.push((place, one.columns.len()));
            one.columns.push(column);
        }
    }
    Ok((wanted, order))
}

fn column_of(wanted: &Wanted, answer: &Answer, place: usize) -> FeatureColumn {
    let rows = &answer.rows;
    let name = |column: &usize| wanted.view.definition.columns().nth(*column);
    let mut values = Vec::with_capacity(rows.statuses.len());
    let mut statuses = Vec::with_capacity(rows.statuses.len());
    for (row, status) in rows.statuses.iter().enumerate() {
        let value = rows.value(row, place);
        statuses.push(match status {
            Status::NotFound => "not_found",
            Status::OutsideMaxAge => "outside_max_age",
            Status::Present if value.is_null() => "null_value",
            Status::Present => "present",
        });
        values.push(value.to_json());
    }
    FeatureColumn {
        view: wanted.view.definition.name.clone(),
        feature: wanted
            .columns
            .get(place)
            .and_then(name)
            .unwrap_or_default()
            .to_owned(),
        values,
        statuses,
        newest: rows.newest.clone(),
    }
}

/// Reads the vectors that means are made of.
async fn resolve(
    state: &ApiState,
    scope: &TenantScope,
    view: &LiveView,
    answer: &mut Answer,
) -> Result<(), Problem> {
    let columns = answer.rows.columns.clone();
    for (place, values) in &mut answer.rows.others {
        let column = columns.get(*place).copied().unwrap_or_default();
        let values: Vec<&mut Value> = values.iter_mut().collect();
        resolve_values(state, scope, view, column, values).await?;
    }
    Ok(())
}

/// Reads the vectors that the values of a column are made of.
pub(super) async fn resolve_values(
    state: &ApiState,
    scope: &TenantScope,
    view: &LiveView,
    column: usize,
    values: Vec<&mut Value>,
) -> Result<(), Problem> {
    let feature = view.definition.features.get(column);
    let Some(Aggregate::EmbeddingMean { space }) = feature.map(|one| &one.aggregate) else {
        return Ok(());
    };
    let mut vectors: HashMap<TrackId, Vec<f32>> = HashMap::new();
    if let Some(space) = space_of(state, scope, space).await? {
        let mut tracks = BTreeMap::new();
        for value in &values {
            if let Value::Tracks(of_value) = &**value {
                tracks.extend(of_value.iter().map(|(track, _)| (*track, ())));
            }
        }
        for track in tracks.into_keys() {
            if let Some(vector) = state.vectors.vector(scope, &space, track).await? {
                vectors.insert(track, vector);
            }
        }
    }
    values.into_iter().for_each(|value| value.resolve(&vectors));
    Ok(())
}

/// The space of a name: `audio` and `words` are the newest of our own analysis.
async fn space_of(
    state: &ApiState,
    scope: &TenantScope,
    name: &str,
) -> Result<Option<VectorSpace>, Problem> {
    let own = format!("leitmotif-{name}-");
    let spaces = state
        .vectors
        .spaces(scope)
        .await?
        .into_iter()
        .map(|(space, _)| space);
    let named = spaces.filter(|space| space.as_str() == name || space.as_str().starts_with(&own));
    Ok(named.max_by(|a, b| (a.as_str().len(), a.as_str()).cmp(&(b.as_str().len(), b.as_str()))))
}
