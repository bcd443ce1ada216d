//! The map of the catalogue: every track with an embedding as a point of the plane.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_recommend::map::{CatalogueMap, GRID, MapView};
use leitmotif_recommend::search::{Comparison, TRAITS, ToldColumn, TraitTable, trait_index};
use leitmotif_storage::ports::{VectorSpace, current_spaces};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::traits::key_name;
use super::vectors::is_own;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Points named in one answer: what fits on a list beside the map.
const POINTS_NAMED_MAX: usize = 100;
/// Names that have a colour of their own; rarer ones share one.
const NAMES_MAX: usize = 11;
/// What the rarer names are called together.
const RARER: &str = "others";

/// Which map.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MapQuery {
    /// Embedding space; the one with most tracks when left out, our own before imported ones.
    pub space: Option<String>,
}

/// The map: columns of the same length, one entry a track. A point is named by its place in them, from 0.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MapAnswer {
    /// The space. Places of two spaces say nothing of each other.
    pub space: String,
    /// `ready`, or `making`: the first question begins to make the map; ask again.
    pub state: &'static str,
    /// How far that is, per cent.
    pub progress_percent: f64,
    /// Tracks on the map.
    pub points: usize,
    /// Those of them that came after the last run: they stand among their neighbours until the next.
    pub placed_later: usize,
    /// Changes with every track that comes or goes; empty while it is made.
    pub version: String,
    /// The largest coordinate; the smallest is 0.
    pub grid: u16,
    /// How far right each track stands.
    pub x: Vec<u16>,
    /// How far down each track stands.
    pub y: Vec<u16>,
}

/// Which colours.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ColoursQuery {
    /// Embedding space; as for the map.
    pub space: Option<String>,
    /// Version of the map that the colours are for.
    pub version: Option<String>,
    /// Name of the trait: `tempo_bpm`, `key`, `genre`; or of any other descriptor with a number or a word, a
    /// plugin's too: `spectral_rolloff_hz`, `line-length.mean`. A name that is none is refused with those there are.
    pub by: Option<String>,
}

/// A trait of every track of the map.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ColoursAnswer {
    /// Name of the trait.
    pub by: String,
    /// Its unit for people; empty where there is none.
    pub unit: String,
    /// `number`: from `low` to `high`; `circle`: the last of `names` is beside the first; `name`: values
    /// are places in `names`.
    pub kind: &'static str,
    /// A fiftieth of the known values lies below; 0 for names.
    pub low: f32,
    /// A fiftieth of the known values lies above; 0 for names.
    pub high: f32,
    /// The names; empty for numbers.
    pub names: Vec<String>,
    /// Tracks of the map of which it is known.
    pub known: usize,
    /// The value of each point of the map, `null` where it is not known.
    pub values: Vec<Option<f32>>,
    /// Version of the map.
    pub version: String,
}

/// Which points.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PointsQuery {
    /// Embedding space; as for the map.
    pub space: Option<String>,
    /// Version of the map that the points are of.
    pub version: Option<String>,
    /// Numbers of points, separated by commas, at most 100.
    pub points: Option<String>,
}

/// A track behind a point.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PointAnswer {
    /// The point.
    pub point: usize,
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
}

/// The tracks behind points, in the order asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PointsAnswer {
    /// The tracks.
    pub tracks: Vec<PointAnswer>,
}

/// What colours the map, for whoever offers a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour {
    /// Name of the trait or descriptor.
    pub name: String,
    /// Its unit for people; empty where there is none or the name has it.
    pub unit: &'static str,
}

/// Every trait that colours the map.
pub fn traits_known() -> Vec<Colour> {
    let colours = TRAITS.iter().map(|kind| Colour {
        name: kind.name.to_owned(),
        unit: kind.unit,
    });
    colours.collect()
}

/// Every trait, and every other descriptor that an analysis told, ours before those of plugins.
pub async fn colours_known(state: &ApiState, scope: &TenantScope) -> Result<Vec<Colour>, Problem> {
    let mut colours = traits_known();
    let told = state.search.told_names(scope).await?.into_iter();
    let mut others: Vec<String> = told.map(|(name, _)| name).collect();
    others.retain(|name| trait_index(name).is_none());
    others.sort_by_key(|name| name.contains('.'));
    colours.extend(others.into_iter().map(|name| Colour { name, unit: "" }));
    Ok(colours)
}

/// Shows the map of a space: a place for every track that has an embedding in it, so that tracks stand near
/// each other where their embeddings do.
///
/// The first question begins to make the map in the background and says how far it is. It is kept; tracks that
/// come later stand among their neighbours until a tenth came, then it is made anew. The answer holds numbers
/// only, in columns: names are asked for by point.
#[utoipa::path(get, path = "/api/v1/map", tag = "similar", params(MapQuery), responses(
    (status = 200, body = MapAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn map(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<MapQuery>,
) -> Result<Json<MapAnswer>, Problem> {
    let space = space_of(&state, access.scope(), query.space.as_deref()).await?;
    let answer = match view(&state, access.scope(), &space).await? {
        MapView::Making(progress) => MapAnswer {
            space: space.to_string(),
            state: "making",
            progress_percent: progress.permille as f64 / 10.0,
            points: 0,
            placed_later: 0,
            version: String::new(),
            grid: GRID,
            x: Vec::new(),
            y: Vec::new(),
        },
        MapView::Ready(map) => MapAnswer {
            space: space.to_string(),
            state: "ready",
            progress_percent: 100.0,
            points: map.tracks.len(),
            placed_later: map.placed_later,
            version: map.version.clone(),
            grid: GRID,
            x: map.places.iter().map(|place| place[0]).collect(),
            y: map.places.iter().map(|place| place[1]).collect(),
        },
    };
    Ok(Json(answer))
}

/// Reads a trait of every track of the map, in the order of its points.
#[utoipa::path(get, path = "/api/v1/map/colours", tag = "similar", params(ColoursQuery), responses(
    (status = 200, body = ColoursAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn colours(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<ColoursQuery>,
) -> Result<Json<ColoursAnswer>, Problem> {
    let by = query.by.as_deref().unwrap_or("tempo_bpm");
    let map = ready(&state, access.scope(), &query.space, &query.version);
    let Some(index) = trait_index(by) else {
        // A name that is none is refused whether there is a map or not.
        let column = state.search.told_column(access.scope(), by, None).await;
        let column = column.map_err(|error| match error {
            leitmotif_recommend::Error::Invalid(name) => Problem::invalid("?by", name.reason),
            other => other.into(),
        })?;
        let (map, by) = (map.await?, by.to_owned());
        let work = tokio::task::spawn_blocking(move || coloured_by(&map, &column, by));
        return Ok(Json(work.await.map_err(|error| Problem::bug(&error))?));
    };
    let (map, table) = (map.await?, state.search.traits(access.scope()).await?);
    let work = tokio::task::spawn_blocking(move || coloured(&map, &table, index));
    let answer = work.await.map_err(|error| Problem::bug(&error))?;
    Ok(Json(answer))
}

/// Names the tracks behind points of the map.
#[utoipa::path(get, path = "/api/v1/map/tracks", tag = "similar", params(PointsQuery), responses(
    (status = 200, body = PointsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn tracks(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PointsQuery>,
) -> Result<Json<PointsAnswer>, Problem> {
    let points = read_points(query.points.as_deref().unwrap_or_default())?;
    let map = ready(&state, access.scope(), &query.space, &query.version).await?;
    let id = |point: &usize| -> Result<TrackId, Problem> {
        let track = map.tracks.get(*point).copied();
        let detail = || format!("there is no point {point} among {}", map.tracks.len());
        track.ok_or_else(|| Problem::invalid("?points", detail()))
    };
    let ids: Vec<TrackId> = points.iter().map(id).collect::<Result<_, _>>()?;
    let found = state.catalog.tracks(access.scope(), &ids).await?;
    let named = points.iter().zip(&ids).filter_map(|(point, id)| {
        let track = found.iter().find(|track| track.id == *id)?;
        Some(PointAnswer {
            point: *point,
            id: id.to_string(),
            title: track.details.title.clone(),
            artist: track.details.artist.clone(),
        })
    });
    Ok(Json(PointsAnswer {
        tracks: named.collect(),
    }))
}

fn read_points(text: &str) -> Result<Vec<usize>, Problem> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let points: Option<Vec<usize>> = parts.map(|part| part.parse().ok()).collect();
    let points = points.ok_or_else(|| Problem::invalid("?points", "must be numbers and commas"))?;
    if points.len() > POINTS_NAMED_MAX {
        let detail = format!("{} points, at most {POINTS_NAMED_MAX}", points.len());
        return Err(Problem::invalid("?points", detail));
    }
    Ok(points)
}

/// The space asked for, or the one that shows most.
async fn space_of(
    state: &ApiState,
    scope: &TenantScope,
    asked: Option<&str>,
) -> Result<VectorSpace, Problem> {
    if let Some(name) = asked.filter(|name| !name.is_empty()) {
        let space = name.parse::<VectorSpace>();
        return space.map_err(|error| Problem::invalid("?space", error.reason));
    }
    let spaces = current_spaces(state.vectors.as_ref(), scope).await?;
    let largest = spaces
        .into_iter()
        .max_by_key(|(space, count)| (is_own(space), *count));
    let none = || Problem::not_found("embedding space", "of this catalogue");
    largest.map(|(space, _)| space).ok_or_else(none)
}

async fn view(
    state: &ApiState,
    scope: &TenantScope,
    space: &VectorSpace,
) -> Result<MapView, Problem> {
    let view = state.mapper.view(scope, space).await?;
    view.ok_or_else(|| Problem::not_found("embedding space", space.as_str()))
}

/// The map when it is made and still the one that was asked about.
async fn ready(
    state: &ApiState,
    scope: &TenantScope,
    space: &Option<String>,
    version: &Option<String>,
) -> Result<Arc<CatalogueMap>, Problem> {
    let space = space_of(state, scope, space.as_deref()).await?;
    match view(state, scope, &space).await? {
        MapView::Making(_) => Err(Problem::conflict(
            "the map is being made; ask /api/v1/map until its state is `ready`",
        )),
        MapView::Ready(map) if version.as_ref().is_some_and(|asked| *asked != map.version) => Err(
            Problem::conflict("the map has changed since; read /api/v1/map again"),
        ),
        MapView::Ready(map) => Ok(map),
    }
}

fn coloured(map: &CatalogueMap, table: &TraitTable, index: usize) -> ColoursAnswer {
    let kind = TRAITS[index];
    let mut values = table.column(index, &map.tracks);
    let known = values.iter().flatten().count();
    let (mut low, mut high, mut names) = (0.0, 0.0, Vec::new());
    let told = match kind.comparison {
        Comparison::Difference | Comparison::Octaves => {
            (low, high) = ends(&values);
            (values.iter_mut().flatten()).for_each(|value| *value = four_digits(*value));
            "number"
        }
        Comparison::Wheel => {
            names = (0..24).map(|place| key_name(place).to_owned()).collect();
            "circle"
        }
        Comparison::Sameness => {
            let name = |value: f32| {
                let name = table.name(index, value).map(str::to_owned);
                name.unwrap_or_else(|| format!("{value}"))
            };
            names = rename(&mut values, &table.named_groups(index), name);
            "name"
        }
    };
    ColoursAnswer {
        by: kind.name.to_owned(),
        unit: kind.unit.to_owned(),
        kind: told,
        low,
        high,
        names,
        known,
        values,
        version: map.version.clone(),
    }
}

/// Colours by a descriptor that is no trait.
fn coloured_by(map: &CatalogueMap, column: &ToldColumn, by: String) -> ColoursAnswer {
    let values = map.tracks.iter().map(|track| column.values.get(track));
    let mut values: Vec<Option<f32>> = values.map(|value| value.copied()).collect();
    let known = values.iter().flatten().count();
    let (mut low, mut high, mut names) = (0.0, 0.0, Vec::new());
    let kind = if column.names.is_empty() {
        (low, high) = ends(&values);
        (values.iter_mut().flatten()).for_each(|value| *value = four_digits(*value));
        "number"
    } else {
        let mut counts = vec![0_u64; column.names.len()];
        for value in values.iter().flatten() {
            if let Some(count) = counts.get_mut(*value as usize) {
                *count += 1;
            }
        }
        let mut groups: Vec<(f32, u64)> = (0_u16..)
            .map(f32::from)
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .collect();
        groups.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.total_cmp(&other.0)));
        let name = |value: f32| column.names.get(value as usize).cloned();
        names = rename(&mut values, &groups, |value| {
            name(value).unwrap_or_default()
        });
        "name"
    };
    ColoursAnswer {
        by,
        unit: String::new(),
        kind,
        low,
        high,
        names,
        known,
        values,
        version: map.version.clone(),
    }
}

/// Where a fiftieth of the known values lies below and above.
fn ends(values: &[Option<f32>]) -> (f32, f32) {
    let mut known: Vec<f32> = values.iter().flatten().copied().collect();
    known.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| {
        let place = (known.len().saturating_sub(1) as f64 * share).round() as usize;
        known.get(place).copied().unwrap_or_default()
    };
    (at(0.02), at(0.98))
}

/// What can be told apart by colour, and no more.
fn four_digits(value: f32) -> f32 {
    let scale = 10f32.powi(3 - (value.abs().max(1e-6).log10().floor() as i32));
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

/// Numbers names by how common they are; rarer ones become one.
fn rename(
    values: &mut [Option<f32>],
    groups: &[(f32, u64)],
    name: impl Fn(f32) -> String,
) -> Vec<String> {
    let mut names: Vec<String> = groups
        .iter()
        .take(NAMES_MAX)
        .map(|(value, _)| name(*value))
        .collect();
    if groups.len() > NAMES_MAX {
        names.push(RARER.to_owned());
    }
    for value in values.iter_mut().flatten() {
        let place = groups.iter().position(|(group, _)| group == value);
        *value = place.unwrap_or(NAMES_MAX).min(NAMES_MAX) as f32;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_numbers_and_commas() {
        assert_eq!(read_points("3, 1,1,").unwrap(), [3, 1, 1]);
        assert!(read_points("").unwrap().is_empty());
        let many = vec!["1"; POINTS_NAMED_MAX + 1].join(",");
        for wrong in ["x", "-1", "1;2", many.as_str(), "99999999999999999999999"] {
            assert!(read_points(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn any_descriptor_colours_the_map() {
        let track = TrackId::from_u128;
        let map = CatalogueMap {
            space: "own-1".parse().unwrap(),
            version: "v".to_owned(),
            tracks: vec![track(1), track(2), track(3)],
            places: vec![[0, 0]; 3],
            placed_later: 0,
        };
        let numbers = ToldColumn {
            values: Arc::new([(track(1), 2.0), (track(3), 9.123_45)].into()),
            names: Vec::new(),
        };
        let answer = coloured_by(&map, &numbers, "verse.length".to_owned());
        assert_eq!((answer.kind, answer.known), ("number", 2));
        assert_eq!(answer.values, [Some(2.0), None, Some(9.123)]);
        let words = ToldColumn {
            values: Arc::new([(track(1), 0.0), (track(2), 1.0), (track(3), 1.0)].into()),
            names: vec!["dark".to_owned(), "calm".to_owned(), "gone".to_owned()],
        };
        let answer = coloured_by(&map, &words, "verse.mood".to_owned());
        assert_eq!(
            (answer.kind, answer.names),
            ("name", vec!["calm".to_owned(), "dark".to_owned()])
        );
        assert_eq!(answer.values, [Some(1.0), Some(0.0), Some(0.0)]);
    }

    #[test]
    fn the_ends_of_a_scale_leave_the_strange_out() {
        let mut values: Vec<Option<f32>> = (0..=100u8).map(|v| Some(f32::from(v))).collect();
        values.push(None);
        assert_eq!(ends(&values), (2.0, 98.0));
        assert_eq!(ends(&[None]), (0.0, 0.0));
        assert_eq!(four_digits(123.456), 123.5);
        assert_eq!(four_digits(-0.012_345_6), -0.01235);
        assert_eq!((four_digits(0.0), four_digits(1999.0)), (0.0, 1999.0));
    }
}
