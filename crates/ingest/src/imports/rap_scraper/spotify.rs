//! What a catalogue row keeps of Spotify, in the two shapes it was written in over the years.

use serde_json::{Map, Value};

use crate::imports::cells::{day_of, text_at, truth_at, whole_at};
use crate::imports::literal::parse_python;

/// Which of the two shapes a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotifyShape {
    /// With `id`, `album.name`, `duration_ms` and `explicit`.
    A,
    /// With `track_id`, `album_name`, and neither length nor flag.
    B,
}

/// What Spotify said of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct SpotifyData {
    /// The shape it was written in.
    pub shape: SpotifyShape,
    /// Spotify's id of the track.
    pub id: Option<String>,
    /// The release.
    pub album: Option<String>,
    /// Artists as `(id, name)`, in the order of the credits.
    pub artists: Vec<(Option<String>, String)>,
    /// Whether it is marked explicit.
    pub explicit: Option<bool>,
    /// Popularity, 0 to 100.
    pub popularity: Option<i64>,
    /// Length.
    pub duration_ms: Option<u32>,
    /// Release date as written.
    pub release_date: Option<String>,
    /// Whether there is a preview to listen to.
    pub has_preview: bool,
    /// Whether audio features came with it.
    pub has_audio_features: bool,
    /// The day it was taken, when the row tells.
    pub snapshot: Option<String>,
}

/// Reads a cell: an object, text that holds one (as JSON or as Python shows it), or nothing.
pub fn read_spotify(cell: Option<&Value>) -> Result<Option<SpotifyData>, String> {
    let Some(object) = object_of(cell, 0)? else {
        return Ok(None);
    };
    let is_b = object.contains_key("track_id") || object.contains_key("album_name");
    let shape = if is_b && !object.contains_key("id") {
        SpotifyShape::B
    } else {
        SpotifyShape::A
    };
    let id_field = match shape {
        SpotifyShape::A => "id",
        SpotifyShape::B => "track_id",
    };
    let album = match object.get("album") {
        Some(Value::Object(album)) => text_at(album, "name"),
        _ => None,
    };
    let length = whole_at(&object, "duration_ms").and_then(|ms| u32::try_from(ms).ok());
    Ok(Some(SpotifyData {
        shape,
        id: text_at(&object, id_field),
        album: album.or_else(|| text_at(&object, "album_name")),
        artists: artists_of(object.get("artists")),
        explicit: truth_at(&object, "explicit"),
        popularity: whole_at(&object, "popularity").filter(|value| (0..=100).contains(value)),
        duration_ms: length.filter(|ms| *ms > 0 && *ms <= leitmotif_domain::limits::TRACK_MS_MAX),
        release_date: text_at(&object, "release_date"),
        has_preview: text_at(&object, "preview_url").is_some(),
        has_audio_features: object
            .get("audio_features")
            .is_some_and(|value| !value.is_null()),
        snapshot: text_at(&object, "migration_date").and_then(|text| day_of(&text)),
    }))
}

fn object_of(cell: Option<&Value>, depth: usize) -> Result<Option<Map<String, Value>>, String> {
    match cell {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) if object.is_empty() => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object.clone())),
        Some(Value::String(text)) if depth < 3 => {
            let text = text.trim();
            if matches!(text, "" | "null" | "None" | "nan" | "{}") {
                return Ok(None);
            }
            let parsed = serde_json::from_str(text)
                .ok()
                .or_else(|| parse_python(text));
            let parsed: Value = parsed.ok_or("`spotify_data` is neither JSON nor readable text")?;
            object_of(Some(&parsed), depth + 1)
        }
        Some(_) => Err("`spotify_data` is no object".to_owned()),
    }
}

fn artists_of(cell: Option<&Value>) -> Vec<(Option<String>, String)> {
    let items = cell.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| {
            let artist = item.as_object()?;
            Some((text_at(artist, "id"), text_at(artist, "name")?))
        })
        .collect()
}

/// Splits a printed artist at `feat.`, `ft.`, `&` and `,`, but only when every part is one of the
/// artists that Spotify credits; otherwise a band's own name would be torn apart.
pub fn confirmed_artists(printed: &str, credited: &[(Option<String>, String)]) -> Vec<String> {
    let lowered = printed.to_lowercase();
    // Cutting by the positions of the lower-case text is right only while no letter changes length.
    if lowered.len() != printed.len() {
        return Vec::new();
    }
    let mut cuts = vec![(0, 0)];
    for word in [" feat. ", " feat ", " ft. ", " ft ", " & ", ", "] {
        let found = lowered.match_indices(word);
        cuts.extend(found.map(|(at, word)| (at, at + word.len())));
    }
    cuts.sort_unstable();
    cuts.push((printed.len(), printed.len()));
    let parts: Vec<String> = cuts
        .windows(2)
        .filter_map(|pair| printed.get(pair[0].1..pair[1].0))
        .map(|part| {
            part.trim_matches(|c| matches!(c, ' ' | '(' | ')'))
                .to_owned()
        })
        .filter(|part| !part.is_empty())
        .collect();
    let names: Vec<String> = credited.iter().map(|(_, name)| folded(name)).collect();
    let is_confirmed = parts.len() > 1 && parts.iter().all(|part| names.contains(&folded(part)));
    if is_confirmed { parts } else { Vec::new() }
}

/// The id of a credited artist.
pub fn credited_id(artist: &str, credited: &[(Option<String>, String)]) -> Option<String> {
    let mut named = credited
        .iter()
        .filter(|(_, name)| folded(name) == folded(artist));
    named.next()?.0.clone()
}

/// Letters and digits in lower case: what is left of a name when its spelling is forgotten.
fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape_a() -> Value {
        json!({"id": "s1", "name": "T", "album": {"name": "L"},
            "artists": [{"id": "a1", "name": "One"}, {"id": "a2", "name": "Two"}],
            "explicit": true, "popularity": 47, "duration_ms": 201_000, "preview_url": null,
            "release_date": "2020-12-11", "external_urls": {"spotify": "u"},
            "migration_date": "2025-08-01T10:00:00", "migrated_from_sqlite": true})
    }

    #[test]
    fn shape_a_is_read_and_found_in_text() {
        let read = read_spotify(Some(&shape_a())).unwrap().unwrap();
        assert_eq!(
            (read.shape, read.id.as_deref()),
            (SpotifyShape::A, Some("s1"))
        );
        assert_eq!(read.album.as_deref(), Some("L"));
        assert_eq!(read.artists[1], (Some("a2".to_owned()), "Two".to_owned()));
        assert_eq!(
            (read.explicit, read.popularity, read.duration_ms),
            (Some(true), Some(47), Some(201_000))
        );
        assert_eq!(read.snapshot.as_deref(), Some("2025-08-01"));
        assert!(!read.has_preview && !read.has_audio_features);
        let text = Value::String(shape_a().to_string());
        assert_eq!(read_spotify(Some(&text)), Ok(Some(read.clone())));
        let twice = Value::String(text.to_string());
        assert_eq!(read_spotify(Some(&twice)), Ok(Some(read)));
        let python = json!("{'id': 's1', 'explicit': False, 'preview_url': None}");
        let read = read_spotify(Some(&python)).unwrap().unwrap();
        assert_eq!(
            (read.id.as_deref(), read.explicit),
            (Some("s1"), Some(false))
        );
    }

    #[test]
    fn shape_b_has_neither_length_nor_flag() {
        let cell = json!({"track_id": "s2", "album_id": "l2", "album_name": "M",
            "artists": [{"id": "a1", "uri": "u", "name": "One", "type": "artist"}],
            "popularity": 12, "preview_url": "p", "release_date": "1999"});
        let read = read_spotify(Some(&cell)).unwrap().unwrap();
        assert_eq!(
            (read.shape, read.id.as_deref()),
            (SpotifyShape::B, Some("s2"))
        );
        assert_eq!(
            (read.album.as_deref(), read.explicit, read.duration_ms),
            (Some("M"), None, None)
        );
        assert!(read.has_preview);
    }

    #[test]
    fn nothing_and_nonsense_are_told_apart() {
        for nothing in [
            json!(null),
            json!(""),
            json!("null"),
            json!("{}"),
            json!({}),
        ] {
            assert_eq!(read_spotify(Some(&nothing)), Ok(None), "{nothing}");
        }
        assert_eq!(read_spotify(None), Ok(None));
        for nonsense in [json!("{cut"), json!([1]), json!(3), json!("[1]")] {
            assert!(read_spotify(Some(&nonsense)).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn artists_are_split_only_when_spotify_confirms() {
        let credited = |names: &[&str]| -> Vec<_> {
            names
                .iter()
                .map(|name| (None, (*name).to_owned()))
                .collect()
        };
        let check = |printed: &str, names: &[&str], expected: &[&str]| {
            let parts = confirmed_artists(printed, &credited(names));
            assert_eq!(parts, expected, "{printed}");
        };
        check("One feat. Two", &["One", "Two"], &["One", "Two"]);
        check(
            "One ft. T-wo & Three",
            &["one", "Two", "Three"],
            &["One", "T-wo", "Three"],
        );
        check("One (feat. Two)", &["One", "Two"], &[]);
        check("Tyler, The Creator", &["Tyler, The Creator"], &[]);
        check("One & Two", &[], &[]);
        check("One & Two", &["One"], &[]);
        check("One", &["One", "Two"], &[]);
        check("İone & Two", &["İone", "Two"], &[]);
    }
}
