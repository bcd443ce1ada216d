//! Where a track stands among those of its catalogue.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_recommend::search::{Comparison, Standing, TRAITS, TraitTable};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::find_track;
use crate::middleware::auth::ReadAccess;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Majors of the circle of fifths from C on, and the minors beside them.
const WHEEL: [[&str; 2]; 12] = [
    ["C major", "A minor"],
    ["G major", "E minor"],
    ["D major", "B minor"],
    ["A major", "F# minor"],
    ["E major", "C# minor"],
    ["B major", "G# minor"],
    ["F# major", "D# minor"],
    ["C# major", "A# minor"],
    ["G# major", "F minor"],
    ["D# major", "C minor"],
    ["A# major", "G minor"],
    ["F major", "D minor"],
];

/// How the tracks of the catalogue are spread over a trait.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpreadAnswer {
    /// Where the first step begins; a hundredth of the tracks may lie below.
    pub low: f32,
    /// Where the last step ends; a hundredth of the tracks may lie above.
    pub high: f32,
    /// Tracks in equal steps from `low` to `high`; the ends take what lies beyond.
    pub counts: Vec<u32>,
}

/// A trait of a track among those of the catalogue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TraitAnswer {
    /// Name of the descriptor, its unit last.
    pub name: String,
    /// Unit for people; empty where there is none.
    pub unit: String,
    /// The value: a number, or a name.
    #[schema(value_type = Object)]
    pub value: Value,
    /// Tracks of the catalogue of which it is known, this one among them.
    pub tracks_known: usize,
    /// Per cent of them that are lower, ties counting half; `null` where values have no order.
    pub percentile: Option<f64>,
    /// How they are spread; `null` where values have no order.
    pub spread: Option<SpreadAnswer>,
}

/// The traits of a track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TraitsAnswer {
    /// The track.
    pub track: String,
    /// Those that are known of it.
    pub traits: Vec<TraitAnswer>,
}

/// A value as it is told: keys, genres and languages by name.
pub(super) fn told(table: &TraitTable, index: usize, value: f32) -> Value {
    if let Some(name) = table.name(index, value) {
        return json!(name);
    }
    let kind = TRAITS.get(index);
    if kind.is_some_and(|kind| kind.comparison == Comparison::Wheel) {
        return json!(key_name(value as usize));
    }
    // An `f32` read as a double has digits that nobody measured.
    let rounded = (f64::from(value) * 1e4).round() / 1e4;
    json!(rounded)
}

/// The name of a place on the circle of fifths.
pub(super) fn key_name(place: usize) -> &'static str {
    WHEEL[place / 2 % WHEEL.len()][place % 2]
}

fn answer(table: &TraitTable, index: usize, standing: Standing) -> TraitAnswer {
    let kind = TRAITS[index];
    TraitAnswer {
        name: kind.name.to_owned(),
        unit: kind.unit.to_owned(),
        value: told(table, index, standing.value),
        tracks_known: standing.known,
        percentile: standing.percentile.map(tenths),
        spread: standing.percentile.map(|_| SpreadAnswer {
            low: standing.low,
            high: standing.high,
            counts: standing.counts,
        }),
    }
}

/// Rounds to what is worth telling of a percentile.
pub(super) fn tenths(percentile: f64) -> f64 {
    (percentile * 10.0).round() / 10.0
}

/// Says where a track stands in its catalogue: of each trait that is known of it the value, the percentile
/// and how the others are spread.
///
/// The first question after a start reads every analysis of the tenant; later ones read what changed.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/traits", tag = "similar",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = TraitsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn traits(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<TraitsAnswer>, Problem> {
    let track = find_track(&state, access.scope(), &id).await?;
    let table = state.search.traits(access.scope()).await?;
    let work = move || {
        let known = (0..TRAITS.len()).filter_map(|index| {
            let standing = table.standing(index, track)?;
            Some(answer(&table, index, standing))
        });
        known.collect()
    };
    let traits = tokio::task::spawn_blocking(work).await;
    Ok(Json(TraitsAnswer {
        track: track.to_string(),
        traits: traits.map_err(|error| Problem::bug(&error))?,
    }))
}
