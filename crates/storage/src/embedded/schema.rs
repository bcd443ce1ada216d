//! Table definitions. Migrations only add (expand, then contract), so old and new binaries can run
//! one after the other on the same files.

use rusqlite::Connection;

use crate::error::{Error, Result};

/// Steps from an empty file to the present; step n brings `user_version` to n + 1.
pub type Migrations = &'static [&'static str];

/// The control plane.
pub const CONTROL: Migrations = &["
CREATE TABLE tenants (
    id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (
    id BLOB PRIMARY KEY, tenant BLOB NOT NULL, prefix TEXT NOT NULL UNIQUE,
    secret_hash BLOB NOT NULL, scopes INTEGER NOT NULL, label TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER) WITHOUT ROWID;
CREATE INDEX keys_of_tenant ON keys (tenant, id);
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL,
    action TEXT NOT NULL, hash BLOB NOT NULL);
"];

/// One tenant.
pub const TENANT: Migrations = &["
CREATE TABLE events (
    offset INTEGER PRIMARY KEY, event_id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL,
    occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, listener BLOB,
    schema_version INTEGER NOT NULL, payload TEXT NOT NULL);
CREATE INDEX events_of_listener ON events (listener, offset) WHERE listener IS NOT NULL;
CREATE TABLE checkpoints (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL, state BLOB NOT NULL);

CREATE TABLE tracks (
    id BLOB NOT NULL UNIQUE, search TEXT NOT NULL, artist_key TEXT NOT NULL, genre_key TEXT,
    details TEXT NOT NULL, audio TEXT, lyrics TEXT, lyrics_hash TEXT,
    has_analysis INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE INDEX tracks_of_artist ON tracks (artist_key, id);
CREATE TABLE external_ids (
    namespace TEXT NOT NULL, value TEXT NOT NULL, track BLOB NOT NULL,
    PRIMARY KEY (namespace, value)) WITHOUT ROWID;
CREATE INDEX external_ids_of_track ON external_ids (track);
CREATE TABLE analyses (track BLOB NOT NULL UNIQUE, input_hash TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE listeners (
    id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE playlists (
    id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL, owner BLOB,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE playlist_tracks (
    playlist BLOB NOT NULL, position INTEGER NOT NULL, track BLOB NOT NULL,
    PRIMARY KEY (playlist, position)) WITHOUT ROWID;
CREATE INDEX playlist_tracks_of_track ON playlist_tracks (track);

CREATE TABLE vectors (
    space TEXT NOT NULL, track BLOB NOT NULL, sequence INTEGER NOT NULL, vector BLOB,
    PRIMARY KEY (space, track));
CREATE UNIQUE INDEX vectors_by_sequence ON vectors (space, sequence);
CREATE INDEX vectors_of_track ON vectors (track);

CREATE TABLE jobs (
    id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, progress_done INTEGER NOT NULL DEFAULT 0,
    progress_total INTEGER NOT NULL DEFAULT 0, error TEXT, dedupe_key TEXT NOT NULL,
    lease INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE UNIQUE INDEX jobs_open ON jobs (dedupe_key) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_ready ON jobs (kind, not_before, id) WHERE state = 'waiting';
CREATE INDEX jobs_running ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_state ON jobs (state, id);

CREATE TABLE models (
    id BLOB PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL,
    log_offset INTEGER NOT NULL, metrics TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE aliases (alias TEXT PRIMARY KEY, model BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE usage (
    day TEXT NOT NULL, metric TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (day, metric)) WITHOUT ROWID;
CREATE TABLE usage_seen (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE replays (
    key TEXT PRIMARY KEY, request_hash BLOB NOT NULL, at INTEGER NOT NULL, status INTEGER,
    content_type TEXT, body BLOB) WITHOUT ROWID;
CREATE INDEX replays_by_age ON replays (at);
", "
CREATE TABLE statements (
    track BLOB NOT NULL, source TEXT NOT NULL, author TEXT NOT NULL, version TEXT NOT NULL,
    content_hash BLOB NOT NULL, kind INTEGER NOT NULL, status INTEGER NOT NULL, said_at INTEGER,
    document TEXT NOT NULL, UNIQUE (track, source, author, version, content_hash));
CREATE TABLE import_audits (
    id BLOB PRIMARY KEY, created_at INTEGER NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL);
", "
CREATE INDEX events_of_kind ON events (listener, kind, occurred_at, offset)
    WHERE listener IS NOT NULL;
", "
CREATE TABLE definitions (
    kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL,
    note TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name, version)) WITHOUT ROWID;
CREATE TABLE definition_shares (
    kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, weight INTEGER NOT NULL,
    PRIMARY KEY (kind, name, version)) WITHOUT ROWID;
", "
ALTER TABLE jobs ADD COLUMN wanted_again INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_wanted_again ON jobs (state) WHERE wanted_again = 1;
", "
DROP INDEX events_of_listener;
", "
DROP INDEX events_of_kind;
ALTER TABLE events RENAME TO indexed_events;
CREATE TABLE events (
    offset INTEGER PRIMARY KEY, event_id BLOB NOT NULL, kind TEXT NOT NULL,
    occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, listener BLOB,
    schema_version INTEGER NOT NULL, payload TEXT NOT NULL);
INSERT INTO events SELECT * FROM indexed_events ORDER BY offset;
DROP TABLE indexed_events;
CREATE TABLE event_ids (event_id BLOB PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO event_ids SELECT event_id, offset FROM events ORDER BY event_id;
CREATE TABLE listener_events (
    listener BLOB NOT NULL, kind TEXT NOT NULL, occurred_at INTEGER NOT NULL,
    offset INTEGER NOT NULL, PRIMARY KEY (listener, kind, occurred_at, offset)) WITHOUT ROWID;
INSERT INTO listener_events SELECT listener, kind, occurred_at, offset FROM events
    WHERE listener IS NOT NULL ORDER BY 1, 2, 3, 4;
CREATE TABLE events_indexed (through INTEGER NOT NULL);
INSERT INTO events_indexed SELECT coalesce(max(offset), 0) FROM events;
", "
CREATE TABLE checkpoint_parts (
    consumer TEXT NOT NULL, part INTEGER NOT NULL, offset INTEGER NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (consumer, part, offset));
", "
ALTER TABLE jobs ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
", "
CREATE TABLE artist_ids (
    namespace TEXT NOT NULL, value TEXT NOT NULL, track BLOB NOT NULL,
    PRIMARY KEY (namespace, value, track)) WITHOUT ROWID;
CREATE INDEX artist_ids_of_track ON artist_ids (track);
", "
CREATE TABLE webhooks (id BLOB PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dead_letters (
    webhook BLOB NOT NULL, offset INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (webhook, offset)) WITHOUT ROWID;
", "
CREATE TABLE plugins (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
"];

/// Brings a file to the present version.
///
/// - Errors: `Corrupt` when the file was written by a newer release.
pub fn migrate(connection: &Connection, migrations: Migrations) -> Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > migrations.len() {
        let reason = format!(
            "it has format {version}, this release reads up to {}; use a newer release",
            migrations.len()
        );
        return Err(Error::Corrupt { reason });
    }
    for (step, sql) in migrations.iter().enumerate().skip(version) {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;",
            step + 1
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_format_goes_on() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &TENANT[..1]).unwrap();
        connection
            .execute(
                "INSERT INTO events VALUES (1, x'01', 'listen', 5, 6, x'02', 1, '{}')",
                [],
            )
            .unwrap();
        migrate(&connection, TENANT).unwrap();
        let kept: i64 = connection
            .query_row(
                "SELECT occurred_at + events.offset + through FROM events, events_indexed
                 JOIN listener_events USING (listener, kind, occurred_at)
                 JOIN event_ids USING (event_id)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(kept, 7);
        migrate(&connection, TENANT).unwrap();
        assert!(migrate(&connection, &TENANT[..1]).is_err());
    }
}
