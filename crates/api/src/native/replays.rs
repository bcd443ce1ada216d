//! Building projections anew from the log, beside the ones that live or in their place.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{ErrorKind, TenantScope};
use leitmotif_features::projection::{self, Projection};
use leitmotif_ingest::listens;
use leitmotif_storage::ports::Checkpoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::features;
use super::features::views::off_thread;
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Attempts to put a rebuilt state in place while the old one writes itself down beside it.
const ATTEMPTS_MAX: usize = 5;

/// Lets one projection be built at a time: each holds a second state in memory.
#[derive(Default)]
pub struct ReplayGate(Arc<tokio::sync::Mutex<()>>);

impl ReplayGate {
    pub(crate) fn enter(&self) -> Result<tokio::sync::OwnedMutexGuard<()>, Problem> {
        let busy = |_| Problem::conflict("another replay is running; ask again when it is over");
        Arc::clone(&self.0).try_lock_owned().map_err(busy)
    }
}

/// What can be built from the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProjectionName {
    /// What listeners did and what happened to tracks.
    #[default]
    Listening,
    /// What scrobbles became, and which of them wait for their track.
    Scrobbles,
    /// What feature views define.
    Features,
}

impl ProjectionName {
    /// Every projection.
    pub const ALL: [Self; 3] = [Self::Listening, Self::Scrobbles, Self::Features];

    /// The name a caller uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Scrobbles => "scrobbles",
            Self::Features => "features",
        }
    }

    /// The name its checkpoint is stored under.
    pub fn consumer(self) -> &'static str {
        match self {
            Self::Listening => projection::CONSUMER,
            Self::Scrobbles => listens::CONSUMER,
            Self::Features => leitmotif_features::service::CONSUMER,
        }
    }
}

/// Which projection.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// `listening` (when left out), `scrobbles` or `features`.
    #[serde(default)]
    pub projection: ProjectionName,
}

/// A replay beside the projection that lives.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplayAnswer {
    /// The projection.
    pub projection: &'static str,
    /// The last event in both states.
    pub through_offset: u64,
    /// Whether both have the same bytes.
    pub is_equal: bool,
    /// SHA-256 of the state that lives.
    pub live_sha256: String,
    /// SHA-256 of the state built anew.
    pub replayed_sha256: String,
    /// Size of the state built anew.
    pub state_bytes: u64,
    /// Time taken by reading, decoding and taking in.
    pub elapsed_ms: f64,
    /// Events by that time.
    pub events_per_second: f64,
}

/// A projection built anew in the place of the one before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RebuildAnswer {
    /// The projection.
    pub projection: &'static str,
    /// The last event in its state.
    pub through_offset: u64,
    /// SHA-256 of the state.
    pub sha256: String,
    /// Size of the state.
    pub state_bytes: u64,
    /// Time taken by reading, decoding and taking in.
    pub elapsed_ms: f64,
}

/// Builds a projection from the first event and compares its bytes with those of the one that
/// lives. Nothing changes; requests are answered meanwhile.
#[utoipa::path(post, path = "/api/v1/events/replay", tag = "events", request_body = ReplayInput, responses(
    (status = 200, body = ReplayAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn replay(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<ReplayInput>,
) -> Result<Json<ReplayAnswer>, Problem> {
    let _gate = state.replays.enter()?;
    let scope = access.scope();
    let (live, replayed, elapsed_s) = both(&state, scope, input.projection).await?;
    let (live_sha256, replayed_sha256) = (hash_of(&live), hash_of(&replayed));
    Ok(Json(ReplayAnswer {
        projection: input.projection.name(),
        through_offset: replayed.offset,
        is_equal: live == replayed,
        live_sha256,
        replayed_sha256,
        state_bytes: replayed.state.len() as u64,
        elapsed_ms: elapsed_s * 1_000.0,
        events_per_second: replayed.offset as f64 / elapsed_s.max(1e-9),
    }))
}

/// The state that lives, the one built anew, and the seconds that took.
async fn both(
    state: &ApiState,
    scope: &TenantScope,
    name: ProjectionName,
) -> Result<(Checkpoint, Checkpoint, f64), Problem> {
    let live = match name {
        ProjectionName::Listening => live_listening(state, scope).await?,
        ProjectionName::Scrobbles => state.scrobbles.state(scope).await?,
        ProjectionName::Features => {
            // Their values hang on the moment too, so that both are made for the same one.
            state.features.level(scope).await?;
            let (features, own) = (Arc::clone(&state.features), scope.clone());
            let started = Instant::now();
            let (live, replayed) =
                off_thread(async move { Ok(features.compare(&own).await?) }).await?;
            return Ok((live, replayed, started.elapsed().as_secs_f64()));
        }
    };
    let started = Instant::now();
    let replayed = build(state, scope, name, live.offset).await?;
    Ok((live, replayed, started.elapsed().as_secs_f64()))
}

/// Drops a projection's stored state and builds it anew from the first event.
#[utoipa::path(post, path = "/api/v1/events/rebuild", tag = "events", request_body = ReplayInput, responses(
    (status = 200, body = RebuildAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn rebuild(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<ReplayInput>,
) -> Result<Json<RebuildAnswer>, Problem> {
    let _gate = state.replays.enter()?;
    let scope = access.scope();
    let started = Instant::now();
    let built = match input.projection {
        ProjectionName::Listening => rebuild_listening(&state, scope).await?,
        ProjectionName::Scrobbles => state.scrobbles.rebuild(scope).await?,
        ProjectionName::Features => features::views::rebuild(&state, scope).await?,
    };
    Ok(Json(RebuildAnswer {
        projection: input.projection.name(),
        through_offset: built.offset,
        sha256: hash_of(&built),
        state_bytes: built.state.len() as u64,
        elapsed_ms: started.elapsed().as_secs_f64() * 1_000.0,
    }))
}

/// Brings the recommender level with the log and has it write its state down.
async fn live_listening(state: &ApiState, scope: &TenantScope) -> Result<Checkpoint, Problem> {
    state.recommender.titles(scope, &[]).await?;
    let written = state
        .recommender
        .checkpoint_all(std::slice::from_ref(scope))
        .await;
    match written {
        // A newer one is there already.
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        outcome => outcome?,
    }
    match state.log.checkpoint(scope, projection::CONSUMER).await? {
        Some(checkpoint) => Ok(checkpoint),
        None => Ok(Projection::default().checkpoint()?),
    }
}

/// Builds a state on a thread that may take its time.
async fn build(
    state: &ApiState,
    scope: &TenantScope,
    name: ProjectionName,
    through_offset: u64,
) -> Result<Checkpoint, Problem> {
    let (state, scope) = (state.clone(), scope.clone());
    let runtime = tokio::runtime::Handle::current();
    let work = async move {
        match name {
            ProjectionName::Listening => {
                let log = state.log.as_ref();
                let built = Projection::replay(log, &scope, through_offset).await;
                Ok(built.and_then(|mut built| built.checkpoint())?)
            }
            ProjectionName::Scrobbles => Ok(state.scrobbles.replay(&scope, through_offset).await?),
            ProjectionName::Features => Err(Problem::bug(&"features are compared by themselves")),
        }
    };
    let built = tokio::task::spawn_blocking(move || runtime.block_on(work));
    built.await.map_err(|error| Problem::bug(&error))?
}

/// Builds the listening state beside the one that lives, puts it in its place, and has the
/// recommender open it: answers wait only for what came meanwhile.
async fn rebuild_listening(state: &ApiState, scope: &TenantScope) -> Result<Checkpoint, Problem> {
    let (log, consumer) = (&state.log, projection::CONSUMER);
    log.drop_checkpoint(scope, consumer).await?;
    let head = log.head(scope).await?;
    let built = build(state, scope, ProjectionName::Listening, head).await?;
    for attempt in 1.. {
        log.drop_checkpoint(scope, consumer).await?;
        match log.save_checkpoint(scope, consumer, built.clone()).await {
            // The state that lives wrote itself down in between.
            Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS_MAX => {}
            outcome => {
                outcome?;
                break;
            }
        }
    }
    state.recommender.forget(scope.tenant());
    state.recommender.titles(scope, &[]).await?;
    Ok(built)
}

fn hash_of(state: &Checkpoint) -> String {
    hex::encode(Sha256::digest(&state.state))
}
