//! The combined call: analyses a track, finds what is near, and ranks it for somebody.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::TrackId;
use leitmotif_domain::job::JobState;
use leitmotif_recommend::RecommendRequest;
use leitmotif_recommend::search::Admitted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::analysis::{self, AnalysisAnswer, queue};
use super::constraints::ConstraintQuery;
use super::recommendations::{
    ContextInput, DegradedAnswer, RecommendInput, RecommendedTrackAnswer, answered, present,
    request_of,
};
use super::similar::{SimilarAnswer, SimilarQuery, SimilarTrack, similar_tracks};
use super::{find_track, path_id};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{OptionalJsonBody, QueryParameters};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Neighbours when nothing is said.
pub const NEIGHBOURS_DEFAULT: usize = 50;
/// The placement whose pipeline ranks the neighbours when nothing is said.
const PLACEMENT: &str = "similar";
/// Longest wait for an analysis.
const WAIT_MAX_MS: u64 = 30_000;
/// Time between two looks at a waited-for job.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the combined call does.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnalyzeAndRecommendQuery {
    /// Neighbours wanted; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// The earlier name of `limit`.
    #[param(minimum = 1, maximum = 200)]
    pub k: Option<usize>,
    /// Embedding space of the neighbours; the first the track is in when left out.
    pub space: Option<String>,
    /// Longest wait for the analysis in milliseconds; 10,000 when left out.
    #[param(maximum = 30_000)]
    pub wait_ms: Option<u64>,
}

/// For whom the neighbours are ranked; everything may be left out.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyzeAndRecommendInput {
    /// The name the player uses. Left out for nobody known.
    #[serde(default)]
    pub listener: Option<String>,
    /// What the player knows of the moment.
    #[serde(default)]
    pub context: ContextInput,
    /// Whose pipeline ranks them; `similar` when left out.
    #[serde(default)]
    pub placement: Option<String>,
}

/// An analysis with what is near.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnalyzeAndRecommendAnswer {
    /// The analysis; `null` while it still runs.
    pub analysis: Option<AnalysisAnswer>,
    /// The nearest tracks, ranked.
    pub recommendations: Option<RankedNeighboursAnswer>,
    /// Parts that are missing from this answer, and why.
    pub degraded: Vec<String>,
}

/// The nearest tracks in the order of the ranking that answers recommendations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RankedNeighboursAnswer {
    /// The space they were found in.
    pub space: String,
    /// Names this answer; send it with the listens it leads to.
    pub request_id: String,
    /// How personal the order is: `personalised`, `session`, `content`, `popular` or `static`.
    pub rung: &'static str,
    /// The model behind it; `null` when none was used.
    pub model_version: Option<String>,
    /// The version of the placement's pipeline; `null` for the built-in one.
    pub pipeline_version: Option<u32>,
    /// The tracks in order.
    pub tracks: Vec<RankedNeighbourAnswer>,
    /// Parts of the ranking that failed or came too late.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<DegradedAnswer>,
    /// Why there are fewer tracks than wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortage: Option<String>,
}

/// A near track at its place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RankedNeighbourAnswer {
    /// The track, its score and why it stands here.
    #[serde(flatten)]
    pub ranked: RecommendedTrackAnswer,
    /// Cosine distance to the analysed track, 0 to 2.
    pub distance: f32,
}

/// Analyses a track, waits for the result within bounds, finds its neighbours and ranks them.
///
/// The neighbours are the candidates of the same ranking that answers recommendations, with the listener and the
/// context of the body; what the listener has heard may be among them, what they reject is not. What is shown is
/// written to the log with request id and position.
#[utoipa::path(post, path = "/api/v1/tracks/{id}/analyze-and-recommend", tag = "analysis",
    params(("id" = String, Path, description = "track id or `namespace:id`"), AnalyzeAndRecommendQuery),
    request_body(content = Option<AnalyzeAndRecommendInput>), responses(
    (status = 200, body = AnalyzeAndRecommendAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn analyze_and_recommend(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<AnalyzeAndRecommendQuery>,
    OptionalJsonBody(input): OptionalJsonBody<AnalyzeAndRecommendInput>,
) -> Result<Json<AnalyzeAndRecommendAnswer>, Problem> {
    if query.limit.is_some() && query.k.is_some() {
        let detail = "is the earlier name of `limit`, which is there too";
        return Err(Problem::invalid("?k", detail));
    }
    let reader = ReadAccess(access.0.clone());
    // What is refused is so before anything is done.
    let asked = RecommendInput {
        listener: input.listener,
        placement: Some(input.placement.unwrap_or_else(|| PLACEMENT.to_owned())),
        context: input.context,
        include_heard: true,
        ..RecommendInput::default()
    };
    let mut request = request_of(&state, &reader, asked).await?;
    request.seeds = vec![find_track(&state, access.scope(), &id).await?];
    let job = queue(&state, &access, &id).await?;
    let wait_ms = query.wait_ms.unwrap_or(10_000).min(WAIT_MAX_MS);
    let mut degraded = Vec::new();
    let waited = tokio::time::timeout(
        Duration::from_millis(wait_ms),
        wait_for(&state, &access, &job),
    );
    match waited.await {
        Ok(outcome) => degraded.extend(outcome?),
        Err(_) => degraded.push(format!(
            "analysis: still running after {wait_ms} ms, job `{job}`"
        )),
    }
    let analysis = analysis::get(State(state.clone()), reader.clone(), Path(id.clone()));
    let analysis = analysis.await.ok();
    let similar = SimilarQuery {
        limit: Some(query.limit.or(query.k).unwrap_or(NEIGHBOURS_DEFAULT)),
        space: query.space,
        bpm_near: None,
        lyrics_weight: None,
    };
    let wanted = ConstraintQuery::default();
    let recommendations = match similar_tracks(&state, &reader, &id, &similar, &wanted).await {
        Ok(near) => {
            let wanted = similar.limit.unwrap_or(NEIGHBOURS_DEFAULT);
            Some(ranked(&state, &reader, near, request, wanted).await?)
        }
        Err(problem) if problem.status() == StatusCode::BAD_REQUEST => return Err(problem),
        Err(problem) => {
            degraded.push(format!("recommendations: {}", problem.detail()));
            None
        }
    };
    Ok(Json(AnalyzeAndRecommendAnswer {
        analysis: analysis.map(|Json(answer)| answer),
        recommendations,
        degraded,
    }))
}

/// Ranks what is near to the only seed of a request.
async fn ranked(
    state: &ApiState,
    access: &ReadAccess,
    near: SimilarAnswer,
    mut request: RecommendRequest,
    wanted: usize,
) -> Result<RankedNeighboursAnswer, Problem> {
    let seed = request.seeds.first().copied();
    let distance_of = |one: &SimilarTrack| {
        let track: TrackId = one.id.parse().ok()?;
        Some((track, one.distance))
    };
    let distances: Vec<(TrackId, f32)> = near.tracks.iter().filter_map(distance_of).collect();
    let likeness = distances.iter();
    let likeness = likeness.filter_map(|(track, distance)| Some((*track, 1.0 - distance, seed?)));
    request.near = Some(likeness.collect());
    request.only = Some(Arc::new(Admitted {
        tracks: distances.iter().map(|(track, _)| *track).collect(),
        ..Admitted::default()
    }));
    request.count = distances.len();
    let list = present(answered(state, access.scope(), request).await?, false);
    let found = list.tracks.len();
    let shortage = (found < wanted).then(|| {
        format!("{found} of {wanted} tracks: no other is in the space, or the placement and the listener leave it out")
    });
    let with_distance = |ranked: RecommendedTrackAnswer| {
        let track = ranked.id.parse().ok();
        let known = distances.iter().find(|(one, _)| Some(*one) == track);
        let distance = known.map(|(_, distance)| *distance)?;
        Some(RankedNeighbourAnswer { ranked, distance })
    };
    Ok(RankedNeighboursAnswer {
        space: near.space,
        request_id: list.request_id,
        rung: list.rung,
        model_version: list.model_version,
        pipeline_version: list.pipeline_version,
        tracks: list.tracks.into_iter().filter_map(with_distance).collect(),
        degraded: list.degraded,
        shortage,
    })
}

/// Waits until the job ended; says why when it failed.
async fn wait_for(
    state: &ApiState,
    access: &WriteAccess,
    job: &str,
) -> Result<Option<String>, Problem> {
    let id = path_id("job", job)?;
    loop {
        match state.jobs.job(access.scope(), id).await? {
            None => return Ok(None),
            Some(job) if job.state == JobState::Done => return Ok(None),
            Some(job) if job.state == JobState::Dead => {
                return Ok(Some(format!("analysis: {}", job.error.unwrap_or_default())));
            }
            Some(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
