//! Rows of any table with metadata and lyrics, mapped to tracks. What a table has beyond that is
//! audited and not imported.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use leitmotif_domain::TrackId;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::track::TrackDetails;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::cells::{text_at, truth_at, whole_at};
use super::lines::{Fault, Row};
use super::records::read_cells;

/// Columns that a track has.
const COLUMNS: [&str; 14] = [
    "album",
    "artist",
    "artist_ids",
    "duration_ms",
    "explicit",
    "external_ids",
    "genre",
    "id",
    "lyrics",
    "popularity",
    "release_date",
    "tags",
    "title",
    "track_number",
];
/// Columns with ids elsewhere; a dot and a namespace follow where a column has those of one.
const EXTERNAL_IDS: &str = "external_ids";
const ARTIST_IDS: &str = "artist_ids";
/// The namespace of ids that are made of what a row says.
const ROW_NAMESPACE: &str = "table";
/// Bytes of a hash that an id of a row has: two of a billion rows share one with a chance of 1e-21.
const ROW_ID_BYTES: usize = 16;

/// Why a table is none of tracks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The header cannot be read.
    #[error("line {}: {}", .0.line, .0.reason)]
    Header(Fault),
    /// The header lacks what every track needs.
    #[error("the header has no `title` column; it has: {columns}")]
    NoTitle {
        /// The columns there are.
        columns: String,
    },
}

/// A row as a track.
#[derive(Debug, Clone, PartialEq)]
pub struct TableTrack {
    /// Our id, where the row has one.
    pub id: Option<TrackId>,
    /// What the track is, checked against every bound.
    pub details: TrackDetails,
    /// The words as they are in the row.
    pub lyrics: Option<String>,
}

/// Reads CSV with a header of tracks.
///
/// - Errors: no header, and one without `title`.
pub fn read_csv<R: BufRead>(reader: R) -> Result<impl Iterator<Item = Row>, TableError> {
    let mut rows = read_cells(reader).map_err(TableError::Header)?.peekable();
    if let Some(Ok((_, row))) = rows.peek()
        && !row.contains_key("title")
    {
        let columns: Vec<&str> = row.keys().map(String::as_str).collect();
        let columns = columns.join(", ");
        return Err(TableError::NoTitle { columns });
    }
    Ok(rows)
}

/// Maps a row; cells may be typed or spelled. Columns with values that no track has are added to
/// `other`.
///
/// A row without any id is given one that is made of what it says, so that the same table read again
/// changes nothing.
///
/// - Errors: the column that is wrong; the whole row is then useless.
pub fn map_row(
    row: &Map<String, Value>,
    other: &mut BTreeSet<String>,
) -> Result<TableTrack, String> {
    let id = id_in(row, other)?;
    for (name, value) in row {
        let is_of_ids = |column| namespace_in(name, column).is_some();
        let is_known =
            COLUMNS.contains(&name.as_str()) || is_of_ids(EXTERNAL_IDS) || is_of_ids(ARTIST_IDS);
        if !is_known && !value.is_null() && !other.contains(name) {
            other.insert(name.clone());
        }
    }
    let release_date = match text_in(row, "release_date")? {
        Some(text) => Some(
            text.parse()
                .map_err(|error: InvalidValue| error.to_string())?,
        ),
        None => None,
    };
    let mut details = TrackDetails {
        title: text_in(row, "title")?.ok_or("no `title`")?,
        artist: text_in(row, "artist")?.unwrap_or_default(),
        album: text_in(row, "album")?,
        genre: text_in(row, "genre")?,
        release_date,
        duration_ms: number_in(row, "duration_ms")?,
        explicit: truth_in(row, "explicit")?,
        track_number: number_in(row, "track_number")?,
        // What is beyond a byte is beyond the bound too.
        popularity: number_in(row, "popularity")?.map(|number| number.min(255) as u8),
        external_ids: ids_in(row, EXTERNAL_IDS)?,
        artist_ids: ids_in(row, ARTIST_IDS)?,
        tags: tags_in(row)?,
    };
    let lyrics = match row.get("lyrics") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Some(_) => return Err("`lyrics` is no text".to_owned()),
    };
    if id.is_none() && details.external_ids.is_empty() {
        let row_id = row_id_of(&details, lyrics.as_deref());
        details
            .external_ids
            .insert(ROW_NAMESPACE.to_owned(), row_id);
    }
    details.check().map_err(|error| error.to_string())?;
    Ok(TableTrack {
        id,
        details,
        lyrics,
    })
}

impl TableTrack {
    /// The track as the track route takes it.
    pub fn body(&self) -> Value {
        let mut body = json!(self.details);
        if let Some(fields) = body.as_object_mut() {
            if let Some(id) = self.id {
                fields.insert("id".to_owned(), id.to_string().into());
            }
            if let Some(lyrics) = &self.lyrics {
                fields.insert("lyrics".to_owned(), lyrics.as_str().into());
            }
        }
        body
    }
}

/// Our id. Other tables number their rows in a column of that name: what cannot be an id of ours is
/// a column like any that is not imported.
fn id_in(
    row: &Map<String, Value>,
    other: &mut BTreeSet<String>,
) -> Result<Option<TrackId>, String> {
    let Some(text) = text_at(row, "id") else {
        return Ok(None);
    };
    let id = text.parse().ok();
    if id.is_none() && !other.contains("id") {
        other.insert("id".to_owned());
    }
    Ok(id)
}

/// A text, or a number that is spelled as one.
fn text_in(row: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("`{name}` is no text")),
    }
}

fn number_in(row: &Map<String, Value>, name: &str) -> Result<Option<u32>, String> {
    if !is_filled(row, name) {
        return Ok(None);
    }
    let number = whole_at(row, name).and_then(|number| u32::try_from(number).ok());
    number
        .map(Some)
        .ok_or_else(|| wrong(row, name, "no number"))
}

fn truth_in(row: &Map<String, Value>, name: &str) -> Result<Option<bool>, String> {
    if !is_filled(row, name) {
        return Ok(None);
    }
    let typed = match whole_at(row, name) {
        Some(0) => Some(false),
        Some(1) => Some(true),
        _ => truth_at(row, name),
    };
    let neither = || wrong(row, name, "neither true nor false");
    typed.map(Some).ok_or_else(neither)
}

fn is_filled(row: &Map<String, Value>, name: &str) -> bool {
    match row.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

fn wrong(row: &Map<String, Value>, name: &str, what: &str) -> String {
    let value = row.get(name).map(Value::to_string).unwrap_or_default();
    let shown: String = value.trim_matches('"').chars().take(32).collect();
    format!("`{name}`: `{shown}` is {what}")
}

/// Ids by namespace: an object in the column itself, or a column each.
fn ids_in(row: &Map<String, Value>, column: &str) -> Result<BTreeMap<String, String>, String> {
    let mut ids = BTreeMap::new();
    match row.get(column) {
        None | Some(Value::Null) => {}
        Some(Value::Object(named)) => {
            for namespace in named.keys() {
                if let Some(id) = text_in(named, namespace)? {
                    ids.insert(namespace.clone(), id);
                }
            }
        }
        Some(_) => return Err(format!("`{column}` is no object of ids by namespace")),
    }
    for name in row.keys() {
        if let Some(namespace) = namespace_in(name, column)
            && let Some(id) = text_in(row, name)?
        {
            ids.insert(namespace.to_owned(), id);
        }
    }
    Ok(ids)
}

fn namespace_in<'n>(name: &'n str, column: &str) -> Option<&'n str> {
    name.strip_prefix(column)?.strip_prefix('.')
}

/// Labels, as a list or split at `;`.
fn tags_in(row: &Map<String, Value>) -> Result<Vec<String>, String> {
    let texts: Vec<&str> = match row.get("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split(';').collect(),
        Some(Value::Array(items)) => {
            let texts: Option<_> = items.iter().map(Value::as_str).collect();
            texts.ok_or("`tags` holds something that is no text")?
        }
        Some(_) => return Err("`tags` is no list".to_owned()),
    };
    let texts = texts.into_iter().map(str::trim);
    Ok(texts
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect())
}

pub(super) fn row_id_of(details: &TrackDetails, lyrics: Option<&str>) -> String {
    let said = json!([details, lyrics]).to_string();
    let hash = hex::encode(Sha256::digest(said.as_bytes()));
    hash.chars().take(2 * ROW_ID_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(row: Value) -> Result<TableTrack, String> {
        map_row(row.as_object().unwrap(), &mut BTreeSet::new())
    }

    #[test]
    fn cells_are_mapped_typed_or_spelled() {
        let text = "\u{feff}title,Artist,duration_ms,explicit,external_ids.genius,artist_ids.genius,tags,other\n\
                    \"A, B\",X,1000,TRUE,77,7,rap; live,z\nC,,,,,,,\n";
        let rows: Vec<_> = read_csv(text.as_bytes())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut other = BTreeSet::new();
        let expected = json!({"title": "A, B", "artist": "X", "duration_ms": 1000,
            "explicit": true, "external_ids": {"genius": "77"},
            "artist_ids": {"genius": "7"}, "tags": ["rap", "live"]});
        assert_eq!(
            map_row(&rows[0].1, &mut other).map(|t| t.body()),
            Ok(expected.clone())
        );
        let mut typed = expected.clone();
        typed["external_ids"] = json!({"genius": 77, "spotify": null});
        typed["explicit"] = json!(1);
        typed["mood"] = json!({"deep": 1});
        let typed = map_row(typed.as_object().unwrap(), &mut other);
        assert_eq!(typed.map(|track| track.body()), Ok(expected));
        assert_eq!(rows[1].0, 3);
        assert!(map_row(&rows[1].1, &mut other).is_ok());
        assert_eq!(other.into_iter().collect::<Vec<_>>(), ["mood", "other"]);
    }

    #[test]
    fn wrong_cells_are_named() {
        for (row, expected) in [
            (json!({"title": "", "artist": "A"}), "no `title`"),
            (json!({"title": ["A"]}), "`title` is no text"),
            (
                json!({"title": "A", "duration_ms": "long"}),
                "`duration_ms`: `long` is no number",
            ),
            (
                json!({"title": "A", "track_number": -1}),
                "`track_number`: `-1` is no number",
            ),
            (
                json!({"title": "A", "explicit": "x"}),
                "neither true nor false",
            ),
            (json!({"title": "A", "release_date": "2001-13"}), "2001-13"),
            (json!({"title": "A", "external_ids": "x"}), "`external_ids`"),
            (json!({"title": "A", "external_ids.No": "x"}), "namespace"),
            (json!({"title": "A", "tags": [1]}), "`tags`"),
            (json!({"title": "A", "popularity": 300}), "0..=100"),
            (json!({"title": "A", "lyrics": 7}), "`lyrics`"),
        ] {
            let reason = map(row.clone()).unwrap_err();
            assert!(reason.contains(expected), "{row}: {reason}");
        }
        assert_eq!(
            read_csv("name,artist\nA,B\n".as_bytes()).err(),
            Some(TableError::NoTitle {
                columns: "artist, name".to_owned()
            })
        );
        assert!(read_csv(&b""[..]).is_err());
    }

    #[test]
    fn a_row_without_an_id_is_known_by_what_it_says() {
        let id = |row: Value| map(row).unwrap().details.external_ids["table"].clone();
        let one = id(json!({"title": "A", "artist": "X", "mood": "calm", "id": 7}));
        assert_eq!(one, id(json!({"artist": "X", "title": " A "})));
        assert_ne!(
            one,
            id(json!({"title": "A", "artist": "X", "lyrics": "la"}))
        );
        let own = json!({"title": "A", "id": "0356ObHGwOzENOpwj2yDXL"});
        let own = map(own).unwrap();
        assert!(own.id.is_some() && own.details.external_ids.is_empty());
    }
}
