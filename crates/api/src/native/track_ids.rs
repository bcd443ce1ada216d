//! Ids elsewhere, told of tracks that are here already.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use leitmotif_domain::track::{Track, TrackRef};
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_storage::ports::{TrackPatch, UpsertOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::middleware::auth::WriteAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// What tracks and their artists are called elsewhere.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackIdsInput {
    /// The tracks.
    #[schema(max_items = 2000)]
    pub tracks: Vec<TrackIds>,
}

/// What one track is called elsewhere.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackIds {
    /// Our id, or `namespace:id`.
    pub track: String,
    /// Ids by namespace; those of other namespaces stay.
    #[serde(default)]
    pub external_ids: BTreeMap<String, String>,
    /// Ids of its artist by namespace; those of other namespaces stay.
    #[serde(default)]
    pub artist_ids: BTreeMap<String, String>,
}

/// What became of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdsOutcome {
    /// The track has them now.
    Linked,
    /// The track had them.
    Unchanged,
    /// There is no such track.
    Unknown,
    /// An id is another track's already, or is none.
    Refused,
}

/// What became of the ids of one track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrackIdsAnswer {
    /// Our id of the track; null for one that is not here.
    pub track: Option<String>,
    /// What became of them.
    pub outcome: IdsOutcome,
    /// Why they were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of all.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct TracksIdsAnswer {
    /// Tracks that have new ids.
    pub linked: u64,
    /// Tracks that had them.
    pub unchanged: u64,
    /// Tracks that are not here.
    pub unknown: u64,
    /// Tracks whose ids were refused.
    pub refused: u64,
    /// One entry per track, in the order sent.
    pub tracks: Vec<TrackIdsAnswer>,
}

/// Tells tracks of the catalogue their ids elsewhere, and those of their artists; everything else of
/// them stays. A track whose ids cannot be taken costs the others nothing.
#[utoipa::path(post, path = "/api/v1/track-ids", tag = "tracks", request_body = TrackIdsInput, responses(
    (status = 200, body = TracksIdsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn link(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<TrackIdsInput>,
) -> Result<Json<TracksIdsAnswer>, Problem> {
    let (count, most) = (input.tracks.len(), limits::TRACKS_PER_BATCH_MAX);
    if count > most {
        let detail = format!("{count} tracks, at most {most}");
        return Err(Problem::invalid("/tracks", detail));
    }
    let scope = access.scope();
    let mut known = known(&state, scope, &input.tracks).await?;
    let patches: Vec<Option<TrackPatch>> = (input.tracks.into_iter())
        .map(|ids| Some(patch_of(known.get_mut(&ids.track)?, ids)))
        .collect();
    let mut outcomes = write(&state, scope, patches.iter().flatten())
        .await?
        .into_iter();
    let mut answer = TracksIdsAnswer::default();
    for patch in &patches {
        let (outcome, reason) = match patch {
            Some(_) => outcomes.next().unwrap_or((IdsOutcome::Unchanged, None)),
            None => (IdsOutcome::Unknown, None),
        };
        let count = match outcome {
            IdsOutcome::Linked => &mut answer.linked,
            IdsOutcome::Unchanged => &mut answer.unchanged,
            IdsOutcome::Unknown => &mut answer.unknown,
            IdsOutcome::Refused => &mut answer.refused,
        };
        *count += 1;
        let track = patch.as_ref().and_then(|patch| patch.id);
        answer.tracks.push(TrackIdsAnswer {
            track: track.map(|track| track.to_string()),
            outcome,
            reason,
        });
    }
    Ok(Json(answer))
}

/// The tracks that are named, by their names.
async fn known(
    state: &ApiState,
    scope: &TenantScope,
    named: &[TrackIds],
) -> Result<HashMap<String, Track>, Problem> {
    let names = named.iter().map(|ids| &ids.track);
    let (names, references): (Vec<&String>, Vec<TrackRef>) = names
        .filter_map(|name| Some((name, name.parse::<TrackRef>().ok()?)))
        .unzip();
    let found = state.catalog.resolve(scope, &references).await?;
    let ids: Vec<TrackId> = found.iter().flatten().copied().collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let tracks: HashMap<TrackId, Track> =
        tracks.into_iter().map(|track| (track.id, track)).collect();
    let found = names.into_iter().zip(found);
    Ok(found
        .filter_map(|(name, id)| Some((name.clone(), tracks.get(&id?)?.clone())))
        .collect())
}

/// A track with further ids; named once more in the same request, it has them already.
fn patch_of(track: &mut Track, ids: TrackIds) -> TrackPatch {
    track.details.external_ids.extend(ids.external_ids);
    track.details.artist_ids.extend(ids.artist_ids);
    TrackPatch {
        id: Some(track.id),
        details: track.details.clone(),
        audio: None,
        lyrics: None,
    }
}

type Outcome = (IdsOutcome, Option<String>);

/// Writes patches together; where one is refused, each alone, so that it is known which.
async fn write<'p>(
    state: &ApiState,
    scope: &TenantScope,
    patches: impl Iterator<Item = &'p TrackPatch>,
) -> Result<Vec<Outcome>, Problem> {
    let patches: Vec<TrackPatch> = patches.cloned().collect();
    let mut outcomes = Vec::with_capacity(patches.len());
    if let Ok(written) = write_some(state, scope, &patches).await? {
        return Ok(written);
    }
    for patch in patches {
        match write_some(state, scope, &[patch]).await? {
            Ok(written) => outcomes.extend(written),
            Err(reason) => outcomes.push((IdsOutcome::Refused, Some(reason))),
        }
    }
    Ok(outcomes)
}

/// Writes patches, all or none; the inner error says why they were refused.
async fn write_some(
    state: &ApiState,
    scope: &TenantScope,
    patches: &[TrackPatch],
) -> Result<Result<Vec<Outcome>, String>, Problem> {
    use leitmotif_ingest::Error::Storage;
    use leitmotif_storage::Error::{Conflict, Invalid};

    match state.catalogue.upsert(scope, patches.to_vec()).await {
        Ok(results) => Ok(Ok((results.iter())
            .map(|result| match result.outcome {
                UpsertOutcome::Unchanged => (IdsOutcome::Unchanged, None),
                UpsertOutcome::Created | UpsertOutcome::Updated => (IdsOutcome::Linked, None),
            })
            .collect())),
        Err(Storage(refusal @ (Conflict { .. } | Invalid(_)))) => Ok(Err(refusal.to_string())),
        Err(error) => Err(error.into()),
    }
}
