//! Rows of the catalogue tables and how they become nouns.

use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::{Lyrics, Track, TrackDetails};
use leitmotif_domain::{Timestamp, TrackId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Result;
use crate::ports::TrackFilter;
use crate::{arguments, merge};

/// The columns [`track_parts`] reads.
pub const TRACK_COLUMNS: &str =
    "id, details, audio, lyrics_hash IS NOT NULL, created_at, updated_at";

/// A track row as SQLite gives it.
pub type TrackParts = ([u8; 16], String, Option<String>, bool, i64, i64);

/// Reads [`TRACK_COLUMNS`].
pub fn track_parts(row: &Row<'_>) -> rusqlite::Result<TrackParts> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    ))
}

/// Parses a row.
pub fn track_of(parts: TrackParts) -> Result<Track> {
    let (id, details, audio, has_lyrics, created_at, updated_at) = parts;
    Ok(Track {
        id: TrackId::from_u128(u128::from_be_bytes(id)),
        details: serde_json::from_str::<TrackDetails>(&details)?,
        audio: audio.map(|text| serde_json::from_str(&text)).transpose()?,
        has_lyrics,
        created_at: Timestamp::from_ms(created_at),
        updated_at: Timestamp::from_ms(updated_at),
    })
}

/// Reads one track.
pub fn find_track(db: &Connection, id: TrackId) -> Result<Option<Track>> {
    let sql = format!("SELECT {TRACK_COLUMNS} FROM tracks WHERE id = ?");
    let mut statement = db.prepare_cached(&sql)?;
    let found = statement
        .query_row(params![key_of(id)], track_parts)
        .optional()?;
    found.map(track_of).transpose()
}

/// Reads the lyrics of a track.
pub fn find_lyrics(db: &Connection, id: TrackId) -> Result<Option<Lyrics>> {
    let sql = "SELECT lyrics, lyrics_hash FROM tracks WHERE id = ? AND lyrics_hash IS NOT NULL";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![key_of(id)], |row| {
            Ok(Lyrics {
                text: row.get(0)?,
                content_hash: row.get(1)?,
            })
        });
    Ok(found.optional()?)
}

/// The key of a track's rows.
pub fn key_of(id: TrackId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

/// The key a listing by id goes on after; `otherwise` for the first page.
pub fn page_start(page: &PageRequest, otherwise: u128) -> Result<[u8; 16]> {
    Ok(arguments::page_id(page, otherwise)?.to_be_bytes())
}

/// The conditions of a filter and their arguments.
pub fn conditions(filter: &TrackFilter) -> (String, Vec<Value>) {
    let mut sql = String::new();
    let mut arguments = Vec::new();
    for word in filter.text.iter().flat_map(|text| text.split_whitespace()) {
        sql.push_str(" AND instr(search, ?) > 0");
        arguments.push(Value::Text(word.to_lowercase()));
    }
    let exact = [("artist_key", &filter.artist), ("genre_key", &filter.genre)];
    for (column, wanted) in exact {
        if let Some(value) = wanted {
            sql.push_str(&format!(" AND {column} = ?"));
            arguments.push(Value::Text(value.to_lowercase()));
        }
    }
    if let Some((namespace, value)) = &filter.artist_id {
        sql.push_str(" AND id IN (SELECT track FROM artist_ids WHERE namespace = ? AND value = ?)");
        arguments.extend([namespace, value].map(|text| Value::Text(text.clone())));
    }
    let flags = [
        ("audio IS NOT NULL", filter.has_audio),
        ("lyrics_hash IS NOT NULL", filter.has_lyrics),
        ("has_analysis", filter.has_analysis),
    ];
    for (condition, wanted) in flags {
        match wanted {
            Some(true) => sql.push_str(&format!(" AND {condition}")),
            Some(false) => sql.push_str(&format!(" AND NOT ({condition})")),
            None => {}
        }
    }
    (sql, arguments)
}

/// Finds the one track that any of these external ids names.
///
/// - Errors: `Conflict` when they name several.
pub fn match_external(db: &Connection, details: &TrackDetails) -> Result<Option<TrackId>> {
    let sql = "SELECT track FROM external_ids WHERE namespace = ? AND value = ?";
    let mut find = db.prepare_cached(sql)?;
    merge::only_match(details, |namespace, value| {
        let found: Option<[u8; 16]> = find
            .query_row(params![namespace, value], |row| row.get(0))
            .optional()?;
        Ok(found.map(|key| TrackId::from_u128(u128::from_be_bytes(key))))
    })
}
