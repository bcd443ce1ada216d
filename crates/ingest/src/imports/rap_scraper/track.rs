//! A row of `tracks` as a track of ours and what is said of it.

use std::collections::BTreeMap;

use leitmotif_domain::limits;
use leitmotif_domain::statement::StatementKind;
use leitmotif_domain::track::{ReleaseDate, TrackDetails};
use serde_json::{Map, Value, json};

use super::SOURCE;
use super::spotify::{SpotifyData, confirmed_artists, credited_id, read_spotify};
use super::statement::{MappedStatement, filled_columns};
use crate::imports::cells::{day_of, text_at, truth_at, vector_at, whole_at};

/// Namespace of Spotify's ids, and source of what its object says.
const SPOTIFY: &str = "spotify";
/// Columns that the catalogue itself knows; kept with the track's provenance.
const PROVENANCE_COLUMNS: [&str; 5] = [
    "language",
    "scraped_date",
    "song_art_url",
    "url",
    "word_count",
];
/// Columns with vectors, and how their spaces begin.
const VECTOR_COLUMNS: [(&str, &str); 2] =
    [("lyrics_embedding", "lyrics"), ("flow_embedding", "flow")];

/// A track's vector in a space that is named after its column, model and dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedVector {
    /// The space, for example `lyrics-unknown-768`.
    pub space: String,
    /// The model as the row names it.
    pub model: Option<String>,
    /// The column it came from.
    pub column: &'static str,
    /// The vector.
    pub vector: Vec<f32>,
}

/// A mapped row.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedTrack {
    /// The id over there; ours is another.
    pub row_id: i64,
    /// What the track is, checked against every bound. External ids are claimed later, because
    /// several rows may have the same.
    pub details: TrackDetails,
    /// The artist as printed in the row.
    pub artist_printed: String,
    /// The words as they are in the row.
    pub lyrics: Option<String>,
    /// Ids that other rows may have too: `(namespace, id)`.
    pub ids: Vec<(&'static str, String)>,
    /// What is said of it.
    pub statements: Vec<MappedStatement>,
    /// Its vectors.
    pub vectors: Vec<MappedVector>,
    /// What Spotify said.
    pub spotify: Option<SpotifyData>,
    /// Parts of the row that could not be read; the rest is used.
    pub warnings: Vec<String>,
    /// Whether the flag `explicit` was taken from Spotify.
    pub is_explicit_of_spotify: bool,
    /// A date that is none.
    pub has_unreadable_date: bool,
}

/// Maps a row of `tracks`.
///
/// - Errors: what makes the whole row useless: no id, no title, a name beyond its bound.
pub fn map_track(row: &Map<String, Value>) -> Result<MappedTrack, String> {
    let row_id = whole_at(row, "id").ok_or("no `id`")?;
    let mut warnings = Vec::new();
    let spotify = read_spotify(row.get("spotify_data")).unwrap_or_else(|reason| {
        warnings.push(reason);
        None
    });
    let artist_printed = text_at(row, "artist").unwrap_or_default();
    let credited = spotify.as_ref().map_or(&[][..], |data| &data.artists);
    let parts = confirmed_artists(&artist_printed, credited);
    let (release_date, has_unreadable_date) = date_of(row, spotify.as_ref());
    let explicit = truth_at(row, "explicit");
    let explicit_of_spotify = spotify.as_ref().and_then(|data| data.explicit);
    let artist = parts.first().unwrap_or(&artist_printed).clone();
    let artist_id = credited_id(&artist, credited).map(|id| (SPOTIFY.to_owned(), id));
    let details = TrackDetails {
        title: text_at(row, "title").ok_or("no `title`")?,
        artist,
        album: text_at(row, "album").or_else(|| spotify.as_ref()?.album.clone()),
        genre: text_at(row, "genre"),
        release_date,
        duration_ms: spotify.as_ref().and_then(|data| data.duration_ms),
        explicit: explicit.or(explicit_of_spotify),
        popularity: popularity_of(row, spotify.as_ref()).map(|(_, value, _)| value),
        external_ids: BTreeMap::from([(SOURCE.to_owned(), row_id.to_string())]),
        artist_ids: artist_id.into_iter().collect(),
        ..TrackDetails::default()
    };
    details.check().map_err(|error| error.to_string())?;
    let ids = ids_of(row, spotify.as_ref());
    let vectors = vectors_of(row, &mut warnings);
    Ok(MappedTrack {
        row_id,
        details,
        lyrics: lyrics_at(row),
        ids,
        statements: statements_of(row, spotify.as_ref(), &artist_printed, &parts),
        vectors,
        is_explicit_of_spotify: explicit.is_none() && explicit_of_spotify.is_some(),
        artist_printed,
        spotify,
        warnings,
        has_unreadable_date,
    })
}

fn lyrics_at(row: &Map<String, Value>) -> Option<String> {
    let text = row.get("lyrics")?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The row's own date or Spotify's; four characters are a year. Says whether there was one that
/// could not be read.
fn date_of(row: &Map<String, Value>, spotify: Option<&SpotifyData>) -> (Option<ReleaseDate>, bool) {
    let own = text_at(row, "release_date");
    let Some(text) = own.or_else(|| spotify?.release_date.clone()) else {
        return (None, false);
    };
    let date = text.parse().ok().or_else(|| day_of(&text)?.parse().ok());
    let is_unreadable = date.is_none();
    (date, is_unreadable)
}

fn ids_of(row: &Map<String, Value>, spotify: Option<&SpotifyData>) -> Vec<(&'static str, String)> {
    let genius = whole_at(row, "genius_id").map(|id| ("genius", id.to_string()));
    let spotify = spotify.and_then(|data| Some((SPOTIFY, data.id.clone()?)));
    let is_short = |id: &(&str, String)| id.1.len() <= limits::NAME_BYTES_MAX;
    genius.into_iter().chain(spotify).filter(is_short).collect()
}

fn vectors_of(row: &Map<String, Value>, warnings: &mut Vec<String>) -> Vec<MappedVector> {
    let model = text_at(row, "embedding_model");
    let mut vectors = Vec::new();
    for (column, kind) in VECTOR_COLUMNS {
        match vector_at(row, column) {
            Ok(Some(vector)) => vectors.push(MappedVector {
                space: space_name(kind, model.as_deref(), vector.len()),
                model: model.clone(),
                column,
                vector,
            }),
            Ok(None) => {}
            Err(reason) => warnings.push(reason),
        }
    }
    vectors
}

/// One space per column, model and dimension: what does not have all three in common is never
/// compared.
fn space_name(kind: &str, model: Option<&str>, dimension: usize) -> String {
    let model = model.unwrap_or("unknown").to_lowercase();
    let words = model
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug: String = words
        .collect::<Vec<_>>()
        .join("-")
        .chars()
        .take(40)
        .collect();
    let slug = slug.trim_matches('-');
    let slug = if slug.is_empty() { "unknown" } else { slug };
    format!("{kind}-{slug}-{dimension}")
}

fn statements_of(
    row: &Map<String, Value>,
    spotify: Option<&SpotifyData>,
    artist_printed: &str,
    parts: &[String],
) -> Vec<MappedStatement> {
    let mut statements = Vec::new();
    let own = filled_columns(row, &PROVENANCE_COLUMNS);
    if !own.is_empty() {
        let content = Value::Object(own);
        statements.push(MappedStatement::good(
            SOURCE,
            "",
            StatementKind::Provenance,
            content,
        ));
    }
    if let Some(data) = spotify {
        statements.push(spotify_statement(data, artist_printed, parts));
    }
    if let Some(quality) = row
        .get("lyrics_quality_score")
        .filter(|value| value.is_number())
    {
        let content = json!({ "lyrics_quality_score": quality });
        statements.push(MappedStatement::good(
            "unknown",
            "",
            StatementKind::Opinion,
            content,
        ));
    }
    statements.extend(prior_of(row, spotify));
    statements
}

/// Ids, credits and flags as Spotify gave them.
fn spotify_statement(
    data: &SpotifyData,
    artist_printed: &str,
    parts: &[String],
) -> MappedStatement {
    let artists: Vec<Value> = data
        .artists
        .iter()
        .map(|(id, name)| json!({ "id": id, "name": name }))
        .collect();
    let content = json!({
        "id": data.id,
        "album": data.album,
        "artists": artists,
        "artist_printed": artist_printed,
        "artists_confirmed": parts,
        "explicit": data.explicit,
        "release_date": data.release_date,
    });
    let version = data.snapshot.as_deref().unwrap_or_default();
    MappedStatement::good(SPOTIFY, version, StatementKind::Provenance, content)
}

/// Who says how popular the track was, how much, 0 to 100, and on which day.
fn popularity_of(
    row: &Map<String, Value>,
    spotify: Option<&SpotifyData>,
) -> Option<(&'static str, u8, Option<String>)> {
    let row_day = ["scraped_date", "created_at"]
        .iter()
        .find_map(|name| day_of(&text_at(row, name)?));
    let bounded = |value: i64| u8::try_from(value).ok().filter(|value| *value <= 100);
    let own = whole_at(row, "popularity_score").and_then(bounded);
    let theirs = spotify.and_then(|data| Some((bounded(data.popularity?)?, data.snapshot.clone())));
    match (own, theirs) {
        (Some(value), _) => Some((SOURCE, value, row_day)),
        (None, Some((value, day))) => Some((SPOTIFY, value, day.or(row_day))),
        (None, None) => None,
    }
}

/// How popular the track was, and on which day.
fn prior_of(row: &Map<String, Value>, spotify: Option<&SpotifyData>) -> Option<MappedStatement> {
    let (author, value, day) = popularity_of(row, spotify)?;
    let content = json!({ "popularity": value, "snapshot": day });
    let version = day.unwrap_or_default();
    Some(MappedStatement::good(
        author,
        &version,
        StatementKind::Prior,
        content,
    ))
}
