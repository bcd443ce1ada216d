//! Listens in: validation, and the way from their words to ours.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use leitmotif_domain::event::check_occurred_at;
use leitmotif_domain::{ListenerId, RecordingId, Timestamp, limits};
use leitmotif_ingest::listens::{Ending, ReportedListen};
use serde_json::{Map, Value, json};

use crate::middleware::auth::{Caller, WriteAccess};
use crate::middleware::body::{parse_json, read_bounded};
use crate::problem::Problem;
use crate::state::ApiState;

/// Largest request.
const REQUEST_BYTES_MAX: usize = 10_240_000;
/// Largest listen.
const LISTEN_BYTES_MAX: usize = 10_240;
/// Most listens in a request.
const LISTENS_MAX: usize = 1_000;
/// Most tags of a listen, and the longest.
const TAGS_MAX: usize = 50;
const TAG_CHARS_MAX: usize = 64;
/// How long a track may say that it is, in milliseconds, as ListenBrainz has it: 24 days.
const DURATION_MS_MAX: u64 = 24 * 24 * 3_600 * 1_000;

/// Says whose token this is. Always 200 with a token, right or wrong.
pub async fn validate_token(
    caller: Option<axum::Extension<Caller>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    if let Some(axum::Extension(caller)) = caller {
        return Ok(Json(json!({
            "code": 200,
            "message": "Token valid.",
            "valid": true,
            "user_name": caller.principal.label(),
        })));
    }
    let query = request.uri().query().unwrap_or_default();
    let has_token = request.headers().contains_key("authorization")
        || query.split('&').any(|pair| pair.starts_with("token="));
    if !has_token {
        let detail = "You need to provide an Authorization token.";
        return Err(Problem::invalid("?token", detail));
    }
    let invalid = json!({"code": 200, "message": "Token invalid.", "valid": false});
    Ok(Json(invalid))
}

/// Takes listens, or what plays now.
pub async fn submit_listens(
    State(state): State<ApiState>,
    access: WriteAccess,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body = body_of(request).await?;
    let name = listener_name(&access.0)?;
    let listen_type = body.get("listen_type").and_then(Value::as_str);
    let payload = body.get("payload").and_then(Value::as_array);
    let (Some(listen_type), Some(payload)) = (listen_type, payload) else {
        return Err(invalid(
            "JSON document must contain listen_type and payload",
        ));
    };
    let is_playing = match listen_type {
        "playing_now" => true,
        "single" | "import" => false,
        _ => return Err(invalid("JSON document requires a valid listen_type key.")),
    };
    if payload.is_empty() {
        return Err(invalid("JSON document does not contain any listens"));
    }
    if payload.len() > 1 && listen_type != "import" {
        return Err(invalid(
            "JSON document contains more than listen for this listen_type",
        ));
    }
    if payload.len() > LISTENS_MAX {
        let detail =
            format!("Too many listens. You may not submit more than {LISTENS_MAX} at once.");
        return Err(invalid(detail));
    }
    let now = state.clock.now();
    let mut reported = Vec::with_capacity(payload.len());
    for listen in payload {
        reported.push(listen_of(listen, is_playing, now)?);
    }
    let is_asked =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "return_msid=true"));
    if is_playing {
        let Some(one) = reported.pop() else {
            return Err(invalid("JSON document does not contain any listens"));
        };
        let recording = state.scrobbles.announce(access.scope(), name, one).await?;
        let told = json!({"status": "ok", "recording_msid": recording.to_uuid()});
        return Ok(Json(if is_asked {
            told
        } else {
            json!({"status": "ok"})
        }));
    }
    let submitted = state
        .scrobbles
        .submit(access.scope(), name, reported)
        .await?;
    state.metrics.events_appended.inc_by(submitted.written);
    state.metrics.events_duplicate.inc_by(submitted.duplicates);
    let mut answer = json!({"status": "ok"});
    if let (true, [recording]) = (is_asked, submitted.recordings.as_slice()) {
        answer["recording_msid"] = json!(recording.to_uuid());
    }
    Ok(Json(answer))
}

/// Takes a listen back. One that is not there is taken back already.
pub async fn delete_listen(
    State(state): State<ApiState>,
    access: WriteAccess,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body = body_of(request).await?;
    let name = listener_name(&access.0)?;
    let listener = ListenerId::of_name(access.scope().tenant(), name);
    let Some(at) = body.get("listened_at").and_then(Value::as_i64) else {
        return Err(invalid("listened_at must be an integer."));
    };
    let recording = body.get("recording_msid").and_then(Value::as_str);
    let Some(recording) = recording.and_then(RecordingId::of_uuid) else {
        return Err(invalid("recording_msid must be a UUID."));
    };
    let at = Timestamp::from_ms(at.saturating_mul(1_000));
    state
        .scrobbles
        .delete(access.scope(), listener, at, recording)
        .await?;
    Ok(Json(json!({"status": "ok"})))
}

/// The name a key reports for.
pub(super) fn listener_name(caller: &Caller) -> Result<&str, Problem> {
    let name = caller.principal.label();
    if name.trim().is_empty() {
        return Err(Problem::denied(
            "the label of the key is the name of the listener, and this key has none",
        ));
    }
    Ok(name)
}

/// Reads a JSON object, whatever its Content-Type says.
pub(super) async fn body_of(request: Request) -> Result<Map<String, Value>, Problem> {
    let (parts, body): (_, Body) = request.into_parts();
    let bytes = read_bounded(&parts.headers, body, REQUEST_BYTES_MAX).await?;
    let parsed: Value = parse_json(&bytes)
        .map_err(|problem| invalid(format!("Cannot parse JSON document: {}", problem.detail())))?;
    match parsed {
        Value::Object(body) => Ok(body),
        _ => Err(invalid("JSON document must be an object")),
    }
}

pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::invalid("", detail)
}

fn listen_of(listen: &Value, is_playing: bool, now: Timestamp) -> Result<ReportedListen, Problem> {
    let size = listen.to_string().len();
    if size > LISTEN_BYTES_MAX {
        let detail = format!(
            "JSON document is too large. In total, {size} bytes, at most {LISTEN_BYTES_MAX}."
        );
        return Err(invalid(detail));
    }
    refuse_nul(listen)?;
    let Some(listen) = listen.as_object() else {
        return Err(invalid("A listen must be an object."));
    };
    let expected: &[&str] = if is_playing {
        &["track_metadata"]
    } else {
        &["listened_at", "track_metadata"]
    };
    if let Some(missing) = expected.iter().find(|key| !listen.contains_key(**key)) {
        return Err(invalid(format!(
            "JSON document must contain the key {missing}."
        )));
    }
    if let Some(strange) = listen.keys().find(|key| !expected.contains(&key.as_str())) {
        return Err(invalid(format!(
            "JSON document must not contain the key {strange} here."
        )));
    }
    let at = match listen.get("listened_at") {
        Some(at) => moment_of(at, now)?,
        None => now,
    };
    let Some(metadata) = listen.get("track_metadata").and_then(Value::as_object) else {
        return Err(invalid("track_metadata must be an object."));
    };
    reported(at, metadata)
}

fn moment_of(listened_at: &Value, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(seconds) = listened_at.as_i64() else {
        return Err(invalid(
            "listened_at must be an integer of seconds since 1970.",
        ));
    };
    let at = Timestamp::from_ms(seconds.saturating_mul(1_000));
    check_occurred_at(at, now).map_err(|wrong| {
        invalid(format!(
            "Value for key listened_at is wrong: {}",
            wrong.reason
        ))
    })?;
    Ok(at)
}

fn reported(at: Timestamp, metadata: &Map<String, Value>) -> Result<ReportedListen, Problem> {
    let text = |key: &str| -> Result<Option<String>, Problem> {
        match metadata.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(invalid(format!("{key} must be a single string."))),
        }
    };
    let needed = |key: &str| -> Result<String, Problem> {
        text(key)?
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(|| invalid(format!("track_metadata must contain a non-empty {key}.")))
    };
    let (title, artist) = (needed("track_name")?, needed("artist_name")?);
    let album = text("release_name")?.filter(|album| !album.is_empty());
    let nothing = Map::new();
    let more = match metadata.get("additional_info") {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(more)) => more,
        Some(_) => return Err(invalid("additional_info must be an object.")),
    };
    check_tags(more)?;
    check_mbids(more)?;
    let is_private = more.get("private") == Some(&Value::Bool(true));
    Ok(ReportedListen {
        at,
        title,
        artist,
        album,
        duration_ms: duration_of(more)?,
        external_ids: external_ids_of(more),
        ending: Ending {
            is_private,
            ..Ending::default()
        },
        metadata: Value::Object(metadata.clone()),
    })
}

fn duration_of(more: &Map<String, Value>) -> Result<Option<u32>, Problem> {
    let number = |key: &str, unit_ms: u64| -> Result<Option<u64>, Problem> {
        let Some(value) = more.get(key).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let told = value
            .as_u64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        told.map(|told| told.saturating_mul(unit_ms))
            .filter(|told| (1..=DURATION_MS_MAX).contains(told))
            .map(Some)
            .ok_or_else(|| invalid(format!("Value for {key} is invalid: at most 24 days.")))
    };
    match (number("duration", 1_000)?, number("duration_ms", 1)?) {
        (Some(_), Some(_)) => Err(invalid(
            "only one of duration and duration_ms may be given.",
        )),
        // What is longer than any track here has a length that nothing can be done with.
        (seconds, milliseconds) => Ok(seconds
            .or(milliseconds)
            .and_then(|told| u32::try_from(told).ok())
            .filter(|told| *told <= limits::TRACK_MS_MAX)),
    }
}

fn check_tags(more: &Map<String, Value>) -> Result<(), Problem> {
    let Some(tags) = more.get("tags").and_then(Value::as_array) else {
        return Ok(());
    };
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("at most {TAGS_MAX} tags may be given.")));
    }
    let is_good = |tag: &Value| {
        tag.as_str()
            .is_some_and(|tag| tag.chars().count() <= TAG_CHARS_MAX)
    };
    if tags.iter().all(is_good) {
        return Ok(());
    }
    Err(invalid(format!(
        "a tag is a string of at most {TAG_CHARS_MAX} characters."
    )))
}

fn check_mbids(more: &Map<String, Value>) -> Result<(), Problem> {
    for (key, value) in more {
        let texts: Vec<&Value> = match value {
            Value::Null => continue,
            Value::Array(values) if key.ends_with("_mbids") => values.iter().collect(),
            value if key.ends_with("_mbid") => vec![value],
            _ => continue,
        };
        // Players without an id for something send an empty text.
        let is_good = |value: &&Value| {
            value
                .as_str()
                .is_some_and(|text| text.is_empty() || RecordingId::of_uuid(text).is_some())
        };
        if !texts.iter().all(is_good) {
            return Err(invalid(format!("{key}: MBIDs must be UUIDs.")));
        }
    }
    Ok(())
}

/// The ids that we keep under a namespace of ours.
fn external_ids_of(more: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |key: &str| {
        let text = more.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let mbid = text("recording_mbid").map(str::to_lowercase);
    let spotify = text("spotify_id").and_then(|url| url.rsplit('/').next());
    let known = [
        ("musicbrainz", mbid),
        ("spotify", spotify.map(str::to_owned)),
        ("isrc", text("isrc").map(str::to_owned)),
    ];
    known
        .into_iter()
        .filter_map(|(namespace, value)| Some((namespace.to_owned(), value?)))
        .collect()
}

fn refuse_nul(value: &Value) -> Result<(), Problem> {
    let has_nul = |text: &str| text.contains('\0');
    let is_refused = match value {
        Value::String(text) => has_nul(text),
        Value::Array(values) => return values.iter().try_for_each(refuse_nul),
        Value::Object(values) => {
            if !values.keys().any(|key| has_nul(key)) {
                return values.values().try_for_each(refuse_nul);
            }
            true
        }
        _ => false,
    };
    if is_refused {
        return Err(invalid("a text holds the character NUL."));
    }
    Ok(())
}
