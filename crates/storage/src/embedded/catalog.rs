//! Tracks, lyrics and analyses.

use async_trait::async_trait;
use leitmotif_domain::listener::Listener;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::{Lyrics, Track, TrackDetails, TrackRef};
use leitmotif_domain::{EventId, ListenerId, PlaylistId, TenantScope, Timestamp, TrackId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::catalog_rows::{
    TRACK_COLUMNS, conditions, find_lyrics, find_track, key_of, match_external, page_start,
    track_of, track_parts,
};
use super::{EmbeddedStorage, imports, listeners};
use crate::arguments::search_text;
use crate::changes;
use crate::error::{Error, Result};
use crate::merge::{self, Merged};
use crate::ports::{
    AnalysisDocument, CatalogCounts, CatalogStore, TrackFilter, TrackPatch, UpsertOutcome,
    UpsertResult,
};

#[async_trait]
impl CatalogStore for EmbeddedStorage {
    async fn upsert_tracks(
        &self,
        scope: &TenantScope,
        patches: Vec<TrackPatch>,
    ) -> Result<Vec<UpsertResult>> {
        patches.iter().try_for_each(|patch| patch.details.check())?;
        let (clock, entropy) = (self.clock.as_ref(), self.entropy.as_ref());
        let fresh = TrackId::generate_ascending(patches.len(), clock, entropy);
        let events: Vec<EventId> = (patches.iter())
            .map(|_| EventId::generate(clock, entropy))
            .collect();
        let now = self.clock.now();
        let work = move |db: &Connection| {
            let mut changes = Vec::new();
            let mut results = Vec::with_capacity(patches.len());
            for ((patch, track), event) in patches.into_iter().zip(fresh).zip(events) {
                let merged = upsert(db, patch, track, now)?;
                let artist = &merged.track.details.artist;
                changes.extend(changes::of_upsert(&merged.result, artist, event, now));
                results.push(merged.result);
            }
            Ok((results, changes))
        };
        self.write_and_tell(scope, work).await
    }

    async fn tracks(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Track>> {
        let ids = ids.to_vec();
        let work = move |db: &Connection| {
            ids.iter()
                .filter_map(|id| find_track(db, *id).transpose())
                .collect()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn resolve(
        &self,
        scope: &TenantScope,
        references: &[TrackRef],
    ) -> Result<Vec<Option<TrackId>>> {
        let references = references.to_vec();
        let work = move |db: &Connection| {
            references
                .iter()
                .map(|reference| resolve_one(db, reference))
                .collect()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn list_tracks(
        &self,
        scope: &TenantScope,
        filter: &TrackFilter,
        page: &PageRequest,
    ) -> Result<Page<Track>> {
        let (sql, mut arguments) = conditions(filter);
        let limit = page.limit();
        arguments.insert(0, Value::Blob(page_start(page, 0)?.to_vec()));
        arguments.push(Value::Integer(limit as i64 + 1));
        let work = move |db: &Connection| {
            let sql =
                format!("SELECT {TRACK_COLUMNS} FROM tracks WHERE id > ?{sql} ORDER BY id LIMIT ?");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(arguments), track_parts)?;
            rows.map(|parts| track_of(parts?))
                .collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |track| {
            track.id.to_string()
        }))
    }

    async fn track_ids(&self, scope: &TenantScope, filter: &TrackFilter) -> Result<Vec<TrackId>> {
        let (sql, arguments) = conditions(filter);
        let work = move |db: &Connection| {
            let sql = format!("SELECT id FROM tracks WHERE true{sql} ORDER BY id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(arguments), |row| row.get(0))?;
            rows.map(|key| Ok(TrackId::from_u128(u128::from_be_bytes(key?))))
                .collect()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn delete_track(&self, scope: &TenantScope, id: TrackId) -> Result<bool> {
        let event = EventId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let now = self.clock.now();
        let work = move |db: &Connection| {
            let was_there = delete(db, id)?;
            let removed = was_there.then(|| changes::of_removal(id, event, now));
            Ok((was_there, removed.into_iter().collect()))
        };
        self.write_and_tell(scope, work).await
    }

    async fn counts(&self, scope: &TenantScope) -> Result<CatalogCounts> {
        self.files(scope)?.database.read(count_all).await
    }

    async fn lyrics(&self, scope: &TenantScope, id: TrackId) -> Result<Option<Lyrics>> {
        self.files(scope)?
            .database
            .read(move |db| find_lyrics(db, id))
            .await
    }

    async fn lyrics_of(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Option<Lyrics>>> {
        let ids = ids.to_vec();
        let work = move |db: &Connection| ids.iter().map(|id| find_lyrics(db, *id)).collect();
        self.files(scope)?.database.read(work).await
    }

    async fn put_analysis(
        &self,
        scope: &TenantScope,
        id: TrackId,
        analysis: AnalysisDocument,
    ) -> Result<()> {
        let work =
            move |db: &Connection| {
                let marked = db.execute(
                    "UPDATE tracks SET has_analysis = 1 WHERE id = ?",
                    [key_of(id)],
                )?;
                if marked == 0 {
                    return Ok(());
                }
                db.execute(
                "INSERT OR REPLACE INTO analyses (track, input_hash, document) VALUES (?, ?, ?)",
                params![key_of(id), analysis.input_hash, analysis.document.to_string()],
            )?;
                Ok(())
            };
        self.files(scope)?.database.write(work).await
    }

    async fn analyses(
        &self,
        scope: &TenantScope,
        ids: &[TrackId],
    ) -> Result<Vec<Option<AnalysisDocument>>> {
        let ids = ids.to_vec();
        let work = move |db: &Connection| ids.iter().map(|id| find_analysis(db, *id)).collect();
        self.files(scope)?.database.read(work).await
    }

    async fn touch_listeners(&self, scope: &TenantScope, names: &[String]) -> Result<()> {
        let (tenant, names, now) = (scope.tenant(), names.to_vec(), self.clock.now());
        let work = move |db: &Connection| listeners::touch(db, tenant, &names, now);
        self.files(scope)?.database.write(work).await
    }

    async fn listener(&self, scope: &TenantScope, id: ListenerId) -> Result<Option<Listener>> {
        self.files(scope)?
            .database
            .read(move |db| listeners::find(db, id))
            .await
    }

    async fn list_listeners(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Listener>> {
        let page = page.clone();
        self.files(scope)?
            .database
            .read(move |db| listeners::list(db, &page))
            .await
    }

    async fn put_playlist(&self, scope: &TenantScope, playlist: Playlist) -> Result<()> {
        playlist.check()?;
        let work = move |db: &Connection| listeners::put_playlist(db, &playlist);
        self.files(scope)?.database.write(work).await
    }

    async fn playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<Option<Playlist>> {
        self.files(scope)?
            .database
            .read(move |db| listeners::find_playlist(db, id))
            .await
    }

    async fn list_playlists(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Playlist>> {
        let page = page.clone();
        self.files(scope)?
            .database
            .read(move |db| listeners::list_playlists(db, &page))
            .await
    }

    async fn delete_playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<bool> {
        self.files(scope)?
            .database
            .write(move |db| listeners::delete_playlist(db, id))
            .await
    }
}

fn upsert(db: &Connection, patch: TrackPatch, fresh: TrackId, now: Timestamp) -> Result<Merged> {
    let matched = match_external(db, &patch.details)?;
    let Some(id) = merge::meant_track(patch.id, matched)? else {
        let created = merge::created(fresh, patch, now);
        insert(db, &created)?;
        return Ok(created);
    };
    let stored = find_track(db, id)?.ok_or_else(|| Error::not_found("track", id))?;
    let updated = merge::updated(stored, find_lyrics(db, id)?, patch, now)?;
    if updated.result.outcome != UpsertOutcome::Unchanged {
        update(db, &updated)?;
    }
    Ok(updated)
}

fn insert(db: &Connection, created: &Merged) -> Result<()> {
    let Merged { track, lyrics, .. } = created;
    db.prepare_cached(
        "INSERT INTO tracks (id, search, artist_key, genre_key, details, audio, lyrics,
         lyrics_hash, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        key_of(track.id),
        search_text(&track.details),
        track.details.artist.to_lowercase(),
        genre_key(&track.details),
        serde_json::to_string(&track.details)?,
        audio_text(track)?,
        lyrics.as_ref().map(|lyrics| &lyrics.text),
        lyrics.as_ref().map(|lyrics| &lyrics.content_hash),
        track.created_at.as_ms(),
        track.updated_at.as_ms(),
    ])?;
    link_external(db, track.id, &track.details)
}

fn update(db: &Connection, updated: &Merged) -> Result<()> {
    let Merged { track, lyrics, .. } = updated;
    db.prepare_cached(
        "UPDATE tracks SET search = ?, artist_key = ?, genre_key = ?, details = ?, audio = ?,
         lyrics = ?, lyrics_hash = ?, updated_at = ? WHERE id = ?",
    )?
    .execute(params![
        search_text(&track.details),
        track.details.artist.to_lowercase(),
        genre_key(&track.details),
        serde_json::to_string(&track.details)?,
        audio_text(track)?,
        lyrics.as_ref().map(|lyrics| &lyrics.text),
        lyrics.as_ref().map(|lyrics| &lyrics.content_hash),
        track.updated_at.as_ms(),
        key_of(track.id),
    ])?;
    link_external(db, track.id, &track.details)
}

fn genre_key(details: &TrackDetails) -> Option<String> {
    details.genre.as_ref().map(|genre| genre.to_lowercase())
}

fn audio_text(track: &Track) -> Result<Option<String>> {
    let audio = track.audio.as_ref();
    Ok(audio.map(serde_json::to_string).transpose()?)
}

fn link_external(db: &Connection, id: TrackId, details: &TrackDetails) -> Result<()> {
    let kinds = [
        ("external_ids", &details.external_ids),
        ("artist_ids", &details.artist_ids),
    ];
    for (table, ids) in kinds {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE track = ?"))?
            .execute([key_of(id)])?;
        let sql = format!("INSERT INTO {table} (namespace, value, track) VALUES (?, ?, ?)");
        let mut link = db.prepare_cached(&sql)?;
        for (namespace, value) in ids {
            link.execute(params![namespace, value, key_of(id)])?;
        }
    }
    Ok(())
}

fn resolve_one(db: &Connection, reference: &TrackRef) -> Result<Option<TrackId>> {
    let found: Option<[u8; 16]> = match reference {
        TrackRef::Id(id) => db
            .prepare_cached("SELECT id FROM tracks WHERE id = ?")?
            .query_row([key_of(*id)], |row| row.get(0))
            .optional()?,
        TrackRef::External { namespace, value } => db
            .prepare_cached("SELECT track FROM external_ids WHERE namespace = ? AND value = ?")?
            .query_row(params![namespace, value], |row| row.get(0))
            .optional()?,
    };
    Ok(found.map(|key| TrackId::from_u128(u128::from_be_bytes(key))))
}

fn find_analysis(db: &Connection, id: TrackId) -> Result<Option<AnalysisDocument>> {
    let found: Option<(String, String)> = db
        .prepare_cached("SELECT input_hash, document FROM analyses WHERE track = ?")?
        .query_row([key_of(id)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((input_hash, document)) = found else {
        return Ok(None);
    };
    Ok(Some(AnalysisDocument {
        input_hash,
        document: serde_json::from_str(&document)?,
    }))
}

fn delete(db: &Connection, id: TrackId) -> Result<bool> {
    let key = key_of(id);
    let removed = db.execute("DELETE FROM tracks WHERE id = ?", [key])?;
    db.execute("DELETE FROM external_ids WHERE track = ?", [key])?;
    db.execute("DELETE FROM artist_ids WHERE track = ?", [key])?;
    db.execute("DELETE FROM analyses WHERE track = ?", [key])?;
    db.execute("DELETE FROM playlist_tracks WHERE track = ?", [key])?;
    imports::forget(db, id)?;
    Ok(removed > 0)
}

fn count_all(db: &Connection) -> Result<CatalogCounts> {
    let count = |sql: &str| -> Result<u64> {
        let value: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(value.unsigned_abs())
    };
    Ok(CatalogCounts {
        tracks: count("SELECT count(*) FROM tracks")?,
        with_audio: count("SELECT count(audio) FROM tracks")?,
        with_lyrics: count("SELECT count(lyrics_hash) FROM tracks")?,
        analysed: count("SELECT count(*) FROM analyses")?,
        artists: count("SELECT count(DISTINCT artist_key) FROM tracks WHERE artist_key <> ''")?,
        listeners: count("SELECT count(*) FROM listeners")?,
        playlists: count("SELECT count(*) FROM playlists")?,
    })
}
