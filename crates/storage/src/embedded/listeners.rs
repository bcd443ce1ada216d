//! Listeners and their playlists.

use leitmotif_domain::listener::Listener;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::check_text;
use leitmotif_domain::{ListenerId, PlaylistId, TenantId, Timestamp, TrackId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::catalog_rows::page_start;
use crate::error::{Error, Result};

/// Records names that are not known yet.
pub fn touch(db: &Connection, tenant: TenantId, names: &[String], now: Timestamp) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO listeners (id, name, created_at) VALUES (?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for name in names {
        check_text("listener", name)?;
        let key = ListenerId::of_name(tenant, name).as_u128().to_be_bytes();
        insert.execute(params![key, name, now.as_ms()])?;
    }
    Ok(())
}

/// Reads a listener.
pub fn find(db: &Connection, id: ListenerId) -> Result<Option<Listener>> {
    let sql = "SELECT id, name, created_at FROM listeners WHERE id = ?";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement
        .query_row([id.as_u128().to_be_bytes()], listener_of)
        .optional()?)
}

/// Lists listeners by name.
pub fn list(db: &Connection, page: &PageRequest) -> Result<Page<Listener>> {
    let mut statement = db.prepare_cached(
        "SELECT id, name, created_at FROM listeners WHERE name > ? ORDER BY name LIMIT ?",
    )?;
    let after = page.after.as_deref().unwrap_or_default();
    let rows = statement.query_map(params![after, page.limit() as i64 + 1], listener_of)?;
    let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::from_surplus(items, page.limit(), |listener| {
        listener.name.clone()
    }))
}

fn listener_of(row: &Row<'_>) -> rusqlite::Result<Listener> {
    Ok(Listener {
        id: ListenerId::from_u128(u128::from_be_bytes(row.get(0)?)),
        name: row.get(1)?,
        created_at: Timestamp::from_ms(row.get(2)?),
    })
}

const PLAYLIST_COLUMNS: &str = "id, name, description, owner, created_at, updated_at";

/// Writes a playlist.
pub fn put_playlist(db: &Connection, playlist: &Playlist) -> Result<()> {
    let key = playlist.id.as_u128().to_be_bytes();
    let mut known = db.prepare_cached("SELECT 1 FROM tracks WHERE id = ?")?;
    for track in &playlist.tracks {
        if !known.exists([track.as_u128().to_be_bytes()])? {
            return Err(Error::not_found("track", track));
        }
    }
    db.execute(
        "INSERT INTO playlists (id, name, description, owner, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET
         name = ?2, description = ?3, owner = ?4, updated_at = ?6",
        params![
            key,
            playlist.name,
            playlist.description,
            playlist.owner.map(|owner| owner.as_u128().to_be_bytes()),
            playlist.created_at.as_ms(),
            playlist.updated_at.as_ms(),
        ],
    )?;
    db.execute("DELETE FROM playlist_tracks WHERE playlist = ?", [key])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO playlist_tracks (playlist, position, track) VALUES (?, ?, ?)",
    )?;
    for (position, track) in playlist.tracks.iter().enumerate() {
        insert.execute(params![key, position as i64, track.as_u128().to_be_bytes()])?;
    }
    Ok(())
}

/// Reads a playlist.
pub fn find_playlist(db: &Connection, id: PlaylistId) -> Result<Option<Playlist>> {
    let sql = format!("SELECT {PLAYLIST_COLUMNS} FROM playlists WHERE id = ?");
    let mut statement = db.prepare_cached(&sql)?;
    let found = statement
        .query_row([id.as_u128().to_be_bytes()], playlist_of)
        .optional()?;
    found.map(|playlist| with_tracks(db, playlist)).transpose()
}

/// Lists playlists by id.
pub fn list_playlists(db: &Connection, page: &PageRequest) -> Result<Page<Playlist>> {
    let sql = format!("SELECT {PLAYLIST_COLUMNS} FROM playlists WHERE id > ? ORDER BY id LIMIT ?");
    let mut statement = db.prepare_cached(&sql)?;
    let start = page_start(page, 0)?;
    let rows = statement.query_map(params![start, page.limit() as i64 + 1], playlist_of)?;
    let items = rows
        .map(|playlist| with_tracks(db, playlist?))
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::from_surplus(items, page.limit(), |playlist| {
        playlist.id.to_string()
    }))
}

/// Removes a playlist.
pub fn delete_playlist(db: &Connection, id: PlaylistId) -> Result<bool> {
    let key = id.as_u128().to_be_bytes();
    db.execute("DELETE FROM playlist_tracks WHERE playlist = ?", [key])?;
    Ok(db.execute("DELETE FROM playlists WHERE id = ?", [key])? > 0)
}

fn playlist_of(row: &Row<'_>) -> rusqlite::Result<Playlist> {
    let owner: Option<[u8; 16]> = row.get(3)?;
    Ok(Playlist {
        id: PlaylistId::from_u128(u128::from_be_bytes(row.get(0)?)),
        name: row.get(1)?,
        description: row.get(2)?,
        owner: owner.map(|key| ListenerId::from_u128(u128::from_be_bytes(key))),
        tracks: Vec::new(),
        created_at: Timestamp::from_ms(row.get(4)?),
        updated_at: Timestamp::from_ms(row.get(5)?),
    })
}

fn with_tracks(db: &Connection, mut playlist: Playlist) -> Result<Playlist> {
    let mut statement = db
        .prepare_cached("SELECT track FROM playlist_tracks WHERE playlist = ? ORDER BY position")?;
    let rows = statement.query_map([playlist.id.as_u128().to_be_bytes()], |row| {
        Ok(TrackId::from_u128(u128::from_be_bytes(row.get(0)?)))
    })?;
    playlist.tracks = rows.collect::<rusqlite::Result<_>>()?;
    Ok(playlist)
}
