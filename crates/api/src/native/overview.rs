//! The state of a tenant at a glance.

use axum::Json;
use axum::extract::State;
use leitmotif_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::JobCountsAnswer;
use crate::middleware::auth::ReadAccess;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// An embedding space.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpaceAnswer {
    /// Its name: model and version.
    pub name: String,
    /// Tracks in it.
    pub tracks: u64,
}

/// The production model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProductionAnswer {
    /// Its id.
    pub id: String,
    /// When it was trained.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Events that came after what it learnt from.
    pub events_behind: u64,
}

/// The state of a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OverviewAnswer {
    /// The tenant's name.
    pub tenant: String,
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
    /// Events in the log.
    pub events: u64,
    /// Jobs by state.
    pub jobs: JobCountsAnswer,
    /// Embedding spaces.
    pub spaces: Vec<SpaceAnswer>,
    /// The production model.
    pub model: Option<ProductionAnswer>,
}

/// Counts what is there and what is going on.
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview", responses(
    (status = 200, body = OverviewAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn overview(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<OverviewAnswer>, Problem> {
    let scope = access.scope();
    let counts = state.catalog.counts(scope).await?;
    let tenant = state.accounts.own_tenant(scope).await?;
    let events = state.log.head(scope).await?;
    let spaces = state.vectors.spaces(scope).await?;
    let model = state.recommender.production(scope).await?;
    Ok(Json(OverviewAnswer {
        tenant: tenant.map(|tenant| tenant.name).unwrap_or_default(),
        tracks: counts.tracks,
        with_audio: counts.with_audio,
        with_lyrics: counts.with_lyrics,
        analysed: counts.analysed,
        artists: counts.artists,
        listeners: counts.listeners,
        playlists: counts.playlists,
        events,
        jobs: state.jobs.job_counts(scope).await?.into(),
        spaces: spaces
            .into_iter()
            .map(|(name, tracks)| SpaceAnswer {
                name: name.to_string(),
                tracks,
            })
            .collect(),
        model: model.map(|model| ProductionAnswer {
            id: model.id.to_string(),
            created_at: model.created_at,
            events_behind: events.saturating_sub(model.log_offset),
        }),
    }))
}
