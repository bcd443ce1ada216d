//! Building projections anew from the log, beside the ones that live or in their place.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{ErrorKind, TenantScope};
use leitmotif_features::projection::{self, Projection};
use leitmotif_features::saving::{self, parts_of};
use leitmotif_ingest::listens;
use leitmotif_storage::ports::{Checkpoint, StatePart};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::features;
use super::off_thread;
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Attempts to put a rebuilt state in place while the old one writes itself down beside it.
const ATTEMPTS_MAX: usize = 5;

/// Parts of a state that are read at once, some ten kilobytes each.
const PARTS_AT_ONCE: usize = 256;

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
    Ok(Json(ReplayAnswer {
        projection: input.projection.name(),
        through_offset: replayed.offset,
        is_equal: live == replayed,
        live_sha256: live.sha256,
        replayed_sha256: replayed.sha256,
        state_bytes: replayed.bytes,
        elapsed_ms: elapsed_s * 1_000.0,
        events_per_second: replayed.offset as f64 / elapsed_s.max(1e-9),
    }))
}

/// What is told of a state: two of them with the same hash have the same bytes.
#[derive(PartialEq, Eq)]
struct StateDigest {
    offset: u64,
    sha256: String,
    bytes: u64,
}

impl StateDigest {
    fn of(checkpoint: &Checkpoint) -> Self {
        Self {
            offset: checkpoint.offset,
            sha256: hex::encode(Sha256::digest(&checkpoint.state)),
            bytes: checkpoint.state.len() as u64,
        }
    }
}

/// Adds parts up to the digest of a state, one after the other.
#[derive(Default)]
struct PartsDigest {
    hasher: Sha256,
    bytes: u64,
}

impl PartsDigest {
    fn add(&mut self, part: &StatePart) {
        // A part without entries counts no more than one that is not there.
        if !part.state.is_empty() {
            self.hasher.update(part.part.to_le_bytes());
            self.hasher.update((part.state.len() as u64).to_le_bytes());
            self.hasher.update(&part.state);
            self.bytes += part.state.len() as u64;
        }
    }

    fn at(self, offset: u64) -> StateDigest {
        StateDigest {
            offset,
            sha256: hex::encode(self.hasher.finalize()),
            bytes: self.bytes,
        }
    }
}

/// The state that lives, the one built anew, and the seconds that took.
async fn both(
    state: &ApiState,
    scope: &TenantScope,
    name: ProjectionName,
) -> Result<(StateDigest, StateDigest, f64), Problem> {
    let live = match name {
        ProjectionName::Listening => live_listening(state, scope).await?,
        ProjectionName::Scrobbles => StateDigest::of(&state.scrobbles.state(scope).await?),
        ProjectionName::Features => {
            // Their values hang on the moment too, so that both are made for the same one.
            state.features.level(scope).await?;
            let (features, own) = (Arc::clone(&state.features), scope.clone());
            let started = Instant::now();
            let (live, replayed) =
                off_thread(async move { Ok(features.compare(&own).await?) }).await?;
            let elapsed_s = started.elapsed().as_secs_f64();
            return Ok((
                StateDigest::of(&live),
                StateDigest::of(&replayed),
                elapsed_s,
            ));
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
        ProjectionName::Scrobbles => StateDigest::of(&state.scrobbles.rebuild(scope).await?),
        ProjectionName::Features => {
            StateDigest::of(&features::views::rebuild(&state, scope).await?)
        }
    };
    Ok(Json(RebuildAnswer {
        projection: input.projection.name(),
        through_offset: built.offset,
        sha256: built.sha256,
        state_bytes: built.bytes,
        elapsed_ms: started.elapsed().as_secs_f64() * 1_000.0,
    }))
}

/// Brings the recommender level with the log, has it write its state down, and reads that.
async fn live_listening(state: &ApiState, scope: &TenantScope) -> Result<StateDigest, Problem> {
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
    let (log, consumer) = (&state.log, projection::CONSUMER);
    let stored = log.checkpoint(scope, consumer).await?;
    let mut digest = PartsDigest::default();
    let mut from = 0;
    loop {
        let parts = log.parts(scope, consumer, from, PARTS_AT_ONCE).await?;
        parts.iter().for_each(|part| digest.add(part));
        match parts.last() {
            Some(last) => from = last.part.saturating_add(1),
            None => return Ok(digest.at(stored.map_or(0, |stored| stored.offset))),
        }
    }
}

/// Builds a state on a thread that may take its time.
async fn build(
    state: &ApiState,
    scope: &TenantScope,
    name: ProjectionName,
    through_offset: u64,
) -> Result<StateDigest, Problem> {
    match name {
        ProjectionName::Listening => Ok(build_listening(state, scope, through_offset).await?.1),
        ProjectionName::Scrobbles => {
            let (state, scope) = (state.clone(), scope.clone());
            let work = async move { Ok(state.scrobbles.replay(&scope, through_offset).await?) };
            Ok(StateDigest::of(&off_thread(work).await?))
        }
        ProjectionName::Features => Err(Problem::bug(&"features are compared by themselves")),
    }
}

/// Builds the listening state up to an offset, and what is told of it.
async fn build_listening(
    state: &ApiState,
    scope: &TenantScope,
    through_offset: u64,
) -> Result<(Projection, StateDigest), Problem> {
    let (log, scope) = (Arc::clone(&state.log), scope.clone());
    off_thread(async move {
        let built = Projection::replay(log.as_ref(), &scope, through_offset).await?;
        let mut digest = PartsDigest::default();
        for part in parts_of(&built.state) {
            digest.add(&part?);
        }
        let told = digest.at(built.offset);
        Ok((built, told))
    })
    .await
}

/// Builds the listening state beside the one that lives, puts it in its place, and has the
/// recommender open it: answers wait only for what came meanwhile.
async fn rebuild_listening(state: &ApiState, scope: &TenantScope) -> Result<StateDigest, Problem> {
    let (log, consumer) = (&state.log, projection::CONSUMER);
    log.drop_checkpoint(scope, consumer).await?;
    let head = log.head(scope).await?;
    let (built, told) = build_listening(state, scope, head).await?;
    let built = Mutex::new(built);
    for attempt in 1.. {
        match saving::save_anew(&built, log.as_ref(), scope).await {
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
    Ok(told)
}
