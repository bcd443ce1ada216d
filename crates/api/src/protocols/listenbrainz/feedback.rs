//! Love and hate.

use axum::Json;
use axum::extract::{Path, Request, State};
use leitmotif_domain::RecordingId;
use leitmotif_domain::event::Opinion;
use leitmotif_ingest::listens::ReportedFeedback;
use serde::Deserialize;
use serde_json::{Value, json};

use super::find_user;
use super::listens::seconds;
use super::submit::{body_of, invalid, listener_name};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::QueryParameters;
use crate::problem::Problem;
use crate::state::ApiState;

/// Judgements in an answer when nothing is said, and at most.
const FEEDBACK_DEFAULT: usize = 25;
const FEEDBACK_MAX: usize = 1_000;

/// Which judgements.
#[derive(Debug, Default, Deserialize)]
pub struct FeedbackQuery {
    score: Option<i64>,
    count: Option<usize>,
    offset: Option<usize>,
}

/// Takes a judgement: 1 loves, -1 hates, 0 takes back.
pub async fn recording_feedback(
    State(state): State<ApiState>,
    access: WriteAccess,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body = body_of(request).await?;
    let name = listener_name(&access.0)?;
    const KEYS: [&str; 3] = ["recording_mbid", "recording_msid", "score"];
    if let Some(strange) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(invalid(format!(
            "JSON document must not contain the key {strange}."
        )));
    }
    let id = |key: &str| -> Result<Option<RecordingId>, Problem> {
        match body.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_str()
                .and_then(RecordingId::of_uuid)
                .map(Some)
                .ok_or_else(|| invalid(format!("{key} must be a UUID."))),
        }
    };
    let (mbid, recording) = (id("recording_mbid")?, id("recording_msid")?);
    if mbid.is_none() && recording.is_none() {
        return Err(invalid(
            "JSON document must contain either recording_mbid or recording_msid.",
        ));
    }
    let opinion = match body.get("score").and_then(Value::as_i64) {
        Some(1) => Opinion::Like,
        Some(-1) => Opinion::Dislike,
        Some(0) => Opinion::Cleared,
        _ => return Err(invalid("score must be 1, -1 or 0.")),
    };
    let reported = ReportedFeedback {
        recording_mbid: mbid.map(RecordingId::to_uuid),
        recording,
        opinion,
    };
    state
        .scrobbles
        .judge(access.scope(), name, reported)
        .await?;
    state.metrics.events_appended.inc();
    Ok(Json(json!({"status": "ok"})))
}

/// Reads the judgements that stand.
pub async fn get_feedback(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(user): Path<String>,
    QueryParameters(query): QueryParameters<FeedbackQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let listener = find_user(&state, &access.0, &user).await?;
    let wanted = match query.score {
        None => None,
        Some(1) => Some(Opinion::Like),
        Some(-1) => Some(Opinion::Dislike),
        Some(_) => return Err(invalid("score must be 1 or -1.")),
    };
    let mut standing = state.scrobbles.judgements(scope, listener.id).await?;
    standing.retain(|(_, said)| wanted.is_none_or(|wanted| said.opinion == wanted));
    let total = standing.len();
    let offset = query.offset.unwrap_or(0);
    let count = query.count.unwrap_or(FEEDBACK_DEFAULT).min(FEEDBACK_MAX);
    let told: Vec<Value> = standing
        .into_iter()
        .skip(offset)
        .take(count)
        .map(|(at, said)| {
            json!({
                "created": seconds(at),
                "recording_mbid": said.recording_mbid,
                "recording_msid": said.recording.map(RecordingId::to_uuid),
                "score": if said.opinion == Opinion::Like { 1 } else { -1 },
                "user_id": listener.name,
                "track_metadata": null,
            })
        })
        .collect();
    Ok(Json(json!({
        "feedback": told,
        "count": told.len(),
        "total_count": total,
        "offset": offset,
    })))
}
