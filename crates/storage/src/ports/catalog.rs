//! Tracks, their words and their analysis; listeners; playlists.

use async_trait::async_trait;
use leitmotif_domain::listener::Listener;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::{AudioSource, Lyrics, Track, TrackDetails, TrackRef};
use leitmotif_domain::{ListenerId, PlaylistId, TenantScope, TrackId};

use crate::error::Result;

/// One track to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrackPatch {
    /// The track, when the sender knows our id; otherwise it is found by its external ids.
    pub id: Option<TrackId>,
    /// Everything the sender knows; replaces the stored details; external ids, the artist's too, are merged.
    pub details: TrackDetails,
    /// New audio; `None` keeps what is there.
    pub audio: Option<AudioSource>,
    /// New lyrics; `None` keeps what is there.
    pub lyrics: Option<Lyrics>,
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertOutcome {
    /// The track is new.
    Created,
    /// Something changed.
    Updated,
    /// Everything was there already.
    Unchanged,
}

/// What became of one patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpsertResult {
    /// The track.
    pub id: TrackId,
    /// What happened.
    pub outcome: UpsertOutcome,
    /// Whether audio or lyrics differ from before, so that the analysis is out of date.
    pub needs_analysis: bool,
}

/// Which tracks a listing shows; every given part must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackFilter {
    /// Words that title, artist or album contain, case ignored.
    pub text: Option<String>,
    /// The artist, exactly, case ignored.
    pub artist: Option<String>,
    /// An id of the artist elsewhere: its namespace and the id.
    pub artist_id: Option<(String, String)>,
    /// The genre, exactly, case ignored.
    pub genre: Option<String>,
    /// Only tracks with (or without) audio.
    pub has_audio: Option<bool>,
    /// Only tracks with (or without) lyrics.
    pub has_lyrics: Option<bool>,
    /// Only tracks with (or without) a stored analysis.
    pub has_analysis: Option<bool>,
}

/// How much is in the catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatalogCounts {
    /// Tracks.
    pub tracks: u64,
    /// Tracks with audio.
    pub with_audio: u64,
    /// Tracks with lyrics.
    pub with_lyrics: u64,
    /// Tracks with an analysis.
    pub analysed: u64,
    /// Distinct artists.
    pub artists: u64,
    /// Listeners.
    pub listeners: u64,
    /// Playlists.
    pub playlists: u64,
}

/// The stored analysis of a track: one JSON document, written by `ingest`.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisDocument {
    /// Hash over what was analysed (audio, lyrics, analyzer versions).
    pub input_hash: String,
    /// The document.
    pub document: serde_json::Value,
}

/// Tracks, listeners and playlists of a tenant.
///
/// - Ordering: tracks and playlists by id, which is by time of creation; listeners by name.
/// - Log: what changes a track appends its `catalogue_changed` event in the same transaction, so
///   that neither a crash nor a full disk parts the two.
/// - External ids are unique within a tenant and namespace.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Writes tracks, all or none, in the order given. A patch without an id is matched by any of
    /// its external ids, else it is a new track. Details are checked by the store. The ids of new tracks of one
    /// write ascend as these were given.
    ///
    /// - Errors: `Invalid` for a detail out of bounds; `NotFound` for an unknown id; `Conflict`
    ///   when external ids point at different tracks.
    async fn upsert_tracks(
        &self,
        scope: &TenantScope,
        patches: Vec<TrackPatch>,
    ) -> Result<Vec<UpsertResult>>;

    /// Reads tracks; the answer has the order of the ids, unknown ones are left out.
    async fn tracks(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Track>>;

    /// Finds the ids behind references, in their order.
    async fn resolve(
        &self,
        scope: &TenantScope,
        references: &[TrackRef],
    ) -> Result<Vec<Option<TrackId>>>;

    /// Lists tracks.
    async fn list_tracks(
        &self,
        scope: &TenantScope,
        filter: &TrackFilter,
        page: &PageRequest,
    ) -> Result<Page<Track>>;

    /// The ids of all tracks that a filter shows, by id: for whoever puts them into an order that the store
    /// does not have.
    ///
    /// - Cost: one pass over the catalogue without its texts; 16 bytes a track.
    async fn track_ids(&self, scope: &TenantScope, filter: &TrackFilter) -> Result<Vec<TrackId>>;

    /// Removes a track with its lyrics, analysis and place in playlists; says whether it was there.
    async fn delete_track(&self, scope: &TenantScope, id: TrackId) -> Result<bool>;

    /// Counts.
    async fn counts(&self, scope: &TenantScope) -> Result<CatalogCounts>;

    /// Reads the lyrics of a track.
    async fn lyrics(&self, scope: &TenantScope, id: TrackId) -> Result<Option<Lyrics>>;

    /// Reads the lyrics of many tracks; the answer has the order of the ids, `None` where there are
    /// none.
    async fn lyrics_of(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Option<Lyrics>>>;

    /// Stores an analysis, replacing the former one. A track that is gone by now is no error.
    async fn put_analysis(
        &self,
        scope: &TenantScope,
        id: TrackId,
        analysis: AnalysisDocument,
    ) -> Result<()>;

    /// Reads analyses; the answer has the order of the ids, `None` where there is none.
    async fn analyses(
        &self,
        scope: &TenantScope,
        ids: &[TrackId],
    ) -> Result<Vec<Option<AnalysisDocument>>>;

    /// Records listeners under the names their players use; known ones are left alone.
    async fn touch_listeners(&self, scope: &TenantScope, names: &[String]) -> Result<()>;

    /// Reads a listener.
    async fn listener(&self, scope: &TenantScope, id: ListenerId) -> Result<Option<Listener>>;

    /// Lists listeners by name.
    async fn list_listeners(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Listener>>;

    /// Writes a playlist, new or not.
    ///
    /// - Errors: `Invalid` for a bound; `NotFound` when it names a track that does not exist.
    async fn put_playlist(&self, scope: &TenantScope, playlist: Playlist) -> Result<()>;

    /// Reads a playlist.
    async fn playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<Option<Playlist>>;

    /// Lists playlists.
    async fn list_playlists(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Playlist>>;

    /// Removes a playlist; says whether it was there.
    async fn delete_playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<bool>;
}
