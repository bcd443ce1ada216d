//! Two tracks side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_ingest::jobs::TrackAnalysis;
use leitmotif_recommend::search::{TRAITS, TraitTable, strongest, trait_index};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::find_track;
use super::traits::{tenths, told};
use super::vectors::is_own;
use crate::middleware::auth::ReadAccess;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A track of a comparison.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparedTrack {
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
}

/// A descriptor that is known of both tracks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SharedDescriptor {
    /// Stable name, its unit last.
    pub name: String,
    /// Unit for people; empty where there is none, or where the name says it.
    pub unit: String,
    /// The value of the first track.
    #[schema(value_type = Object)]
    pub track: Value,
    /// The value of the other.
    #[schema(value_type = Object)]
    pub other: Value,
    /// The other less the first; `null` for what is no number.
    pub difference: Option<f64>,
    /// How far apart they are by `comparison`; `null` for descriptors that are no traits.
    pub distance: Option<f64>,
    /// How they are held against each other: `difference`; `octaves`: halves and doubles of a tempo are
    /// the same, the distance is in octaves, half of one at most; `wheel`: steps on the circle of fifths,
    /// one more for the other mode; `sameness`: 0 or 1. `null` for descriptors that are no traits.
    pub comparison: Option<String>,
    /// Share of all pairs of the catalogue that are at most as far apart, the pair itself among them:
    /// the smaller, the rarer the likeness. `null` under ten tracks that have the trait.
    pub pairs_ratio: Option<f64>,
    /// Per cent of the catalogue that is lower than the first track, ties counting half.
    pub track_percentile: Option<f64>,
    /// Per cent of the catalogue that is lower than the other track.
    pub other_percentile: Option<f64>,
    /// Tracks of the catalogue of which it is known; 0 for descriptors that are no traits.
    pub tracks_known: usize,
}

/// How far apart two tracks are in one embedding space.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpaceDistance {
    /// The space; distances of two spaces are never compared.
    pub space: String,
    /// Cosine distance, 0 to 2; `null` when one of the tracks is not in it.
    pub distance: Option<f64>,
}

/// Two tracks side by side.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparisonAnswer {
    /// The first track.
    pub track: ComparedTrack,
    /// The other.
    pub other: ComparedTrack,
    /// Tracks in the catalogue.
    pub catalogue_tracks: usize,
    /// Names of the strongest shared traits: at most three, of different families, in which these two are
    /// nearer than half of all pairs of the catalogue, the rarest first.
    pub strongest: Vec<String>,
    /// Every descriptor that is known of both.
    pub descriptors: Vec<SharedDescriptor>,
    /// Every embedding space that one of them is in, each for itself.
    pub spaces: Vec<SpaceDistance>,
}

/// Sets two tracks side by side: every descriptor that is known of both, how rare their likeness is among
/// the pairs of the catalogue, and how far apart they are in each embedding space.
///
/// The first question after a start reads every analysis of the tenant; later ones read what changed.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/compare/{other}", tag = "similar",
    params(("id" = String, Path, description = "track id or `namespace:id`"),
        ("other" = String, Path, description = "the other track: id or `namespace:id`")), responses(
    (status = 200, body = ComparisonAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn compare(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((id, other)): Path<(String, String)>,
) -> Result<Json<ComparisonAnswer>, Problem> {
    let scope = access.scope();
    let pair = [
        find_track(&state, scope, &id).await?,
        find_track(&state, scope, &other).await?,
    ];
    if pair[0] == pair[1] {
        let detail = "both are the same track; name another to compare it with";
        return Err(Problem::invalid("/other", detail));
    }
    let [track, other] = named(&state, scope, pair).await?;
    let documents = documents(&state, scope, &pair).await?;
    let spaces = distances(&state, scope, pair).await?;
    let table = state.search.traits(scope).await?;
    let work = tokio::task::spawn_blocking(move || {
        let (descriptors, strongest) = shared(&table, pair, &documents);
        (descriptors, strongest, table.track_count())
    });
    let (descriptors, strongest, catalogue_tracks) =
        work.await.map_err(|error| Problem::bug(&error))?;
    Ok(Json(ComparisonAnswer {
        track,
        other,
        catalogue_tracks,
        strongest,
        descriptors,
        spaces,
    }))
}

async fn named(
    state: &ApiState,
    scope: &TenantScope,
    pair: [TrackId; 2],
) -> Result<[ComparedTrack; 2], Problem> {
    let tracks = state.catalog.tracks(scope, &pair).await?;
    let found = |id: TrackId| {
        let track = tracks.iter().find(|track| track.id == id);
        // It was there a moment ago.
        let track = track.ok_or_else(|| Problem::not_found("track", &id.to_string()))?;
        Ok::<_, Problem>(ComparedTrack {
            id: id.to_string(),
            title: track.details.title.clone(),
            artist: track.details.artist.clone(),
        })
    };
    Ok([found(pair[0])?, found(pair[1])?])
}

/// The scalar descriptors of both, by name.
async fn documents(
    state: &ApiState,
    scope: &TenantScope,
    pair: &[TrackId; 2],
) -> Result<[BTreeMap<String, Value>; 2], Problem> {
    let stored = state.catalog.analyses(scope, pair).await?;
    let mut read = stored.into_iter().map(|stored| {
        let Some(stored) = stored else {
            return Ok(BTreeMap::new());
        };
        let analysis: TrackAnalysis =
            serde_json::from_value(stored.document).map_err(|error| Problem::bug(&error))?;
        let scalars = analysis.descriptors().filter(|one| {
            matches!(
                one.value,
                Value::Number(_) | Value::String(_) | Value::Bool(_)
            )
        });
        Ok::<_, Problem>(
            scalars
                .map(|one| (one.name.clone(), one.value.clone()))
                .collect(),
        )
    });
    let mut next = || read.next().unwrap_or_else(|| Ok(BTreeMap::new()));
    Ok([next()?, next()?])
}

/// The traits first, in their order, then the descriptors that are no traits, by name.
fn shared(
    table: &Arc<TraitTable>,
    [track, other]: [TrackId; 2],
    [one, two]: &[BTreeMap<String, Value>; 2],
) -> (Vec<SharedDescriptor>, Vec<String>) {
    let coincidences = table.coincidences(track, other);
    let strongest = strongest(&coincidences);
    let percentile = |index: usize, of: TrackId| table.standing(index, of)?.percentile.map(tenths);
    let mut descriptors: Vec<SharedDescriptor> = Vec::new();
    for found in &coincidences {
        let (kind, index) = (TRAITS[found.index], found.index);
        let value = |of: TrackId| {
            table
                .value(index, of)
                .map(|value| told(table, index, value))
        };
        let (a, b) = (
            value(track).unwrap_or_default(),
            value(other).unwrap_or_default(),
        );
        descriptors.push(SharedDescriptor {
            name: kind.name.to_owned(),
            unit: kind.unit.to_owned(),
            difference: difference(&a, &b),
            track: a,
            other: b,
            distance: Some(rounded(found.distance)),
            comparison: Some(kind.comparison.as_str().to_owned()),
            pairs_ratio: found.pairs_ratio,
            track_percentile: percentile(index, track),
            other_percentile: percentile(index, other),
            tracks_known: found.known,
        });
    }
    for (name, a) in one {
        // The key is a trait with its mode.
        let is_told = trait_index(name).is_some() || name == "mode";
        let Some(b) = two.get(name).filter(|_| !is_told) else {
            continue;
        };
        descriptors.push(SharedDescriptor {
            name: name.clone(),
            unit: String::new(),
            difference: difference(a, b),
            track: a.clone(),
            other: b.clone(),
            distance: None,
            comparison: None,
            pairs_ratio: None,
            track_percentile: None,
            other_percentile: None,
            tracks_known: 0,
        });
    }
    let names = strongest.iter().map(|index| TRAITS[*index].name.to_owned());
    (descriptors, names.collect())
}

fn difference(a: &Value, b: &Value) -> Option<f64> {
    Some(rounded(b.as_f64()? - a.as_f64()?)).filter(|difference| difference.is_finite())
}

/// Drops digits that come of subtracting.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// The cosine distance in every space that one of the two is in, our own spaces first.
async fn distances(
    state: &ApiState,
    scope: &TenantScope,
    [track, other]: [TrackId; 2],
) -> Result<Vec<SpaceDistance>, Problem> {
    let mut spaces = state.vectors.spaces(scope).await?;
    spaces.sort_by_key(|(space, _)| !is_own(space));
    let mut distances = Vec::with_capacity(spaces.len());
    for (space, _) in spaces {
        let one = state.vectors.vector(scope, &space, track).await?;
        let two = state.vectors.vector(scope, &space, other).await?;
        if one.is_none() && two.is_none() {
            continue;
        }
        let distance = one
            .zip(two)
            .and_then(|(one, two)| cosine_distance(&one, &two));
        distances.push(SpaceDistance {
            space: space.to_string(),
            distance: distance.map(rounded),
        });
    }
    Ok(distances)
}

/// One less the cosine; nothing for vectors of different lengths or of no direction.
fn cosine_distance(one: &[f32], two: &[f32]) -> Option<f64> {
    let sum = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y));
        products.sum()
    };
    let norm = (sum(one, one) * sum(two, two)).sqrt();
    if one.len() != two.len() || norm <= 0.0 {
        return None;
    }
    Some((1.0 - sum(one, two) / norm).clamp(0.0, 2.0)).filter(|distance| distance.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn distances_and_differences() {
        assert_eq!(cosine_distance(&[1.0, 0.0], &[2.0, 0.0]), Some(0.0));
        assert_eq!(cosine_distance(&[1.0, 0.0], &[0.0, 3.0]), Some(1.0));
        assert_eq!(cosine_distance(&[1.0, 0.0], &[-1.0, 0.0]), Some(2.0));
        assert_eq!(cosine_distance(&[1.0], &[1.0, 0.0]), None);
        assert_eq!(cosine_distance(&[0.0], &[1.0]), None);
        assert_eq!(difference(&json!(0.1), &json!(0.3)), Some(0.2));
        assert_eq!(difference(&json!("a"), &json!(0.3)), None);
    }

    #[test]
    fn what_is_no_trait_is_told_without_a_share() {
        let table = Arc::new(TraitTable::default());
        let document = |value: Value| {
            let all = [
                ("beat_count", value),
                ("mode", json!("minor")),
                ("tempo_bpm", json!(90)),
            ];
            all.map(|(name, value)| (name.to_owned(), value)).into()
        };
        let pair = [TrackId::from_u128(1), TrackId::from_u128(2)];
        let (found, strongest) = shared(&table, pair, &[document(json!(8)), document(json!(12))]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].name.as_str(), found[0].difference),
            ("beat_count", Some(4.0))
        );
        assert_eq!((found[0].pairs_ratio, found[0].tracks_known), (None, 0));
        assert!(strongest.is_empty());
    }
}
