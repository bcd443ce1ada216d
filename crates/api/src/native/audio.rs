//! Audio: upload that can be resumed, download by range.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use leitmotif_domain::track::{AudioLocation, AudioSource, Track};
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_ingest::tracks::files::AUDIO_EXTENSIONS;
use leitmotif_storage::ports::{BlobKey, TrackPatch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::analysis::DescriptorAnswer;
use super::find_track;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{check_declared, is_packed};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Bytes read from the store at once on the way out.
const READ_BYTES: u64 = 256 * 1024;
/// Bytes of an upload that are written in small pieces: two seconds and more of most files.
const FIRST_BYTES: u64 = 1024 * 1024;
/// Bytes of such a piece.
const FIRST_PIECE_BYTES: usize = 32 * 1024;
/// Bytes that are written in the smallest pieces, and bytes of those: two seconds of a file of 64 kbit/s are 16 KiB,
/// and what is heard of it is told by a quarter of a second.
const VERY_FIRST_BYTES: u64 = 32 * 1024;
const VERY_FIRST_PIECE_BYTES: usize = 2 * 1024;

/// How the bytes are sent.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// File ending such as `flac`; a hint only.
    pub extension: Option<String>,
    /// Byte the body starts at; the length that `GET …/upload` reports. 0 when left out.
    pub offset: Option<u64>,
    /// Whether more parts follow; the last part is sent without it.
    pub partial: Option<bool>,
}

/// How far an upload is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UploadAnswer {
    /// Bytes received; the next part starts here.
    pub offset_bytes: u64,
    /// Whether the audio is complete and waits for its analysis.
    pub is_complete: bool,
    /// What was heard of the bytes so far, once that is a second and a half; gone when the upload is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisional: Option<ProvisionalAnswer>,
}

/// What the beginning of an upload is like. Nothing of it is stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProvisionalAnswer {
    /// How much was heard, in milliseconds.
    pub heard_ms: u64,
    /// Descriptors of the sound so far; what so little cannot tell is `null`.
    pub descriptors: Vec<DescriptorAnswer>,
}

/// Uploads the audio of a track, whole or in parts.
///
/// A part that breaks off keeps what arrived: ask for the offset and go on there.
#[utoipa::path(put, path = "/api/v1/tracks/{id}/audio", tag = "audio",
    params(("id" = String, Path, description = "track id or `namespace:id`"), UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 200, body = UploadAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn upload(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Json<UploadAnswer>, Problem> {
    let track = find_track(&state, access.scope(), &id).await?;
    let extension = extension_of(query.extension.as_deref())?;
    let upload: BlobKey = track.to_string().parse()?;
    let start = query.offset.unwrap_or(0);
    if is_packed(request.headers()) {
        let detail = "audio is taken as it is: send it without Content-Encoding";
        return Err(Problem::invalid("", detail));
    }
    if start > limits::AUDIO_BYTES_MAX {
        let detail = format!("must be at most {}", limits::AUDIO_BYTES_MAX);
        return Err(Problem::invalid("?offset", detail));
    }
    let room = limits::AUDIO_BYTES_MAX - start;
    check_declared(request.headers(), room)?;
    if start == 0 {
        state.blobs.upload_abort(access.scope(), &upload).await?;
        state.beginnings.forget(access.scope(), track);
    }
    let arriving = Arriving {
        track,
        upload: &upload,
        extension: &extension,
    };
    let body = request.into_body();
    let reached = receive(&state, access.scope(), &arriving, start, body).await?;
    if query.partial == Some(true) {
        return Ok(Json(UploadAnswer {
            offset_bytes: reached,
            is_complete: false,
            provisional: None,
        }));
    }
    if reached == 0 {
        return Err(Problem::invalid("", "the audio is empty"));
    }
    finish(&state, access.scope(), track, &upload, extension).await?;
    state.beginnings.forget(access.scope(), track);
    Ok(Json(UploadAnswer {
        offset_bytes: reached,
        is_complete: true,
        provisional: None,
    }))
}

/// Says how far an unfinished upload is, and what was heard of it so far.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/audio/upload", tag = "audio",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = UploadAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn upload_offset(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<UploadAnswer>, Problem> {
    let track = find_track(&state, access.scope(), &id).await?;
    let upload: BlobKey = track.to_string().parse()?;
    let offset_bytes = state.blobs.upload_len(access.scope(), &upload).await?;
    let heard = state.beginnings.heard(access.scope(), track);
    Ok(Json(UploadAnswer {
        offset_bytes,
        is_complete: false,
        provisional: heard.map(|heard| ProvisionalAnswer {
            heard_ms: heard.heard_ms,
            descriptors: (heard.descriptors.into_iter())
                .map(DescriptorAnswer::of)
                .collect(),
        }),
    }))
}

fn extension_of(given: Option<&str>) -> Result<String, Problem> {
    let extension = given.unwrap_or_default().to_lowercase();
    if extension.is_empty() || AUDIO_EXTENSIONS.contains(&extension.as_str()) {
        return Ok(extension);
    }
    let detail = format!("must be one of {}", AUDIO_EXTENSIONS.join(", "));
    Err(Problem::invalid("?extension", detail))
}

/// An upload that arrives.
struct Arriving<'a> {
    track: TrackId,
    upload: &'a BlobKey,
    extension: &'a str,
}

impl Arriving<'_> {
    /// Writes a piece down, and lets the beginning be heard; answers the length that is reached.
    async fn append(
        &self,
        state: &ApiState,
        scope: &TenantScope,
        at: u64,
        bytes: Bytes,
    ) -> Result<u64, Problem> {
        let reached = at + bytes.len() as u64;
        let blobs = &state.blobs;
        blobs.upload_append(scope, self.upload, at, bytes).await?;
        if let Some(path) = blobs.upload_path(scope, self.upload).await? {
            let file = (path, self.extension);
            state.beginnings.arrived(scope, self.track, file, reached);
        }
        Ok(reached)
    }
}

/// Bytes of the next piece: small ones first, so that the beginning is soon there to be heard.
fn piece_bytes(reached: u64) -> usize {
    if reached < VERY_FIRST_BYTES {
        VERY_FIRST_PIECE_BYTES
    } else if reached < FIRST_BYTES {
        FIRST_PIECE_BYTES
    } else {
        limits::UPLOAD_CHUNK_BYTES_MAX
    }
}

/// Writes the body down in pieces; what arrived before an error is kept.
async fn receive(
    state: &ApiState,
    scope: &TenantScope,
    arriving: &Arriving<'_>,
    start: u64,
    body: Body,
) -> Result<u64, Problem> {
    let mut stream = body.into_data_stream();
    let (mut reached, mut piece) = (start, BytesMut::new());
    loop {
        let next = stream.next().await;
        let is_end = !matches!(next, Some(Ok(_)));
        if let Some(Ok(chunk)) = &next {
            piece.extend_from_slice(chunk);
        }
        if reached + piece.len() as u64 > limits::AUDIO_BYTES_MAX {
            state.blobs.upload_abort(scope, arriving.upload).await?;
            return Err(Problem::too_large(limits::AUDIO_BYTES_MAX));
        }
        if !piece.is_empty() && (is_end || piece.len() >= piece_bytes(reached)) {
            let bytes = piece.split().freeze();
            reached = arriving.append(state, scope, reached, bytes).await?;
        }
        match next {
            Some(Ok(_)) => {}
            None => return Ok(reached),
            Some(Err(_)) => {
                let detail = format!("the body ended before its time; go on at byte {reached}");
                return Err(Problem::invalid("", detail));
            }
        }
    }
}

async fn finish(
    state: &ApiState,
    scope: &TenantScope,
    track: TrackId,
    upload: &BlobKey,
    extension: String,
) -> Result<(), Problem> {
    let key: BlobKey = format!("audio/{track}").parse()?;
    state.blobs.upload_finish(scope, upload, &key).await?;
    let (content_hash, size_bytes) = hash(state, scope, &key).await?;
    let stored = state.catalog.tracks(scope, &[track]).await?.pop();
    let stored = stored.ok_or_else(|| Problem::not_found("track", &track.to_string()))?;
    let location = AudioLocation::Blob(key.as_str().to_owned());
    let audio = AudioSource {
        location,
        content_hash,
        payload_hash: None,
        size_bytes,
        extension,
    };
    let patch = TrackPatch {
        id: Some(track),
        details: stored.details,
        audio: Some(audio),
        lyrics: None,
    };
    state.catalogue.upsert(scope, vec![patch]).await?;
    state.wake_workers.notify_one();
    Ok(())
}

async fn hash(
    state: &ApiState,
    scope: &TenantScope,
    key: &BlobKey,
) -> Result<(String, u64), Problem> {
    let mut hasher = Sha256::new();
    let mut at = 0;
    loop {
        let end = at + limits::UPLOAD_CHUNK_BYTES_MAX as u64;
        let bytes = state.blobs.read(scope, key, at..end).await?;
        if bytes.is_empty() {
            return Ok((hex::encode(hasher.finalize()), at));
        }
        at += bytes.len() as u64;
        hasher.update(&bytes);
    }
}

/// Downloads the audio of a track; `Range: bytes=…` is understood.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/audio", tag = "audio",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn download(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = find_track(&state, access.scope(), &id).await?;
    let track = state.catalog.tracks(access.scope(), &[found]).await?.pop();
    let Some(Track {
        audio: Some(audio), ..
    }) = track
    else {
        return Err(Problem::not_found("audio of track", &id));
    };
    let size = audio.size_bytes;
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let range = match asked.map(|text| parse_range(text, size)) {
        Some(Asked::Part(start, end)) => Some((start, end)),
        Some(Asked::Outside) => return Err(Problem::range_not_satisfiable(size)),
        Some(Asked::Ignored) | None => None,
    };
    let (start, end) = range.unwrap_or((0, size));
    let body = stream(state, access.scope().clone(), audio.location, start, end);
    let status = if range.is_some() {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    let media_type = media_type_of(&audio.extension).unwrap_or("application/octet-stream");
    let media_type = HeaderValue::from_static(media_type);
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if range.is_some()
        && let Ok(value) =
            HeaderValue::from_str(&format!("bytes {start}-{}/{size}", end.saturating_sub(1)))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", audio.content_hash)) {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

enum Asked {
    Part(u64, u64),
    Outside,
    Ignored,
}

/// Reads a single byte range (RFC 9110 §14); several ranges are answered with the whole.
fn parse_range(text: &str, size: u64) -> Asked {
    let Some(spec) = text
        .strip_prefix("bytes=")
        .filter(|spec| !spec.contains(','))
    else {
        return Asked::Ignored;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Asked::Ignored;
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size),
        _ => return Asked::Ignored,
    };
    if start >= end {
        Asked::Outside
    } else {
        Asked::Part(start, end)
    }
}

/// Streams bytes from where they lie, a piece at a time.
fn stream(
    state: ApiState,
    scope: TenantScope,
    location: AudioLocation,
    start: u64,
    end: u64,
) -> Body {
    let pieces = futures_util::stream::try_unfold(start, move |at| {
        let (state, scope, location) = (state.clone(), scope.clone(), location.clone());
        async move {
            if at >= end {
                return Ok(None);
            }
            let until = end.min(at + READ_BYTES);
            let bytes = read(&state, &scope, &location, at, until).await?;
            if bytes.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            let reached = at + bytes.len() as u64;
            Ok(Some((bytes, reached)))
        }
    });
    Body::from_stream(pieces)
}

async fn read(
    state: &ApiState,
    scope: &TenantScope,
    location: &AudioLocation,
    start: u64,
    end: u64,
) -> std::io::Result<Bytes> {
    match location {
        AudioLocation::Blob(key) => {
            let key = key.parse::<BlobKey>().map_err(std::io::Error::other)?;
            state
                .blobs
                .read(scope, &key, start..end)
                .await
                .map_err(std::io::Error::other)
        }
        AudioLocation::File(path) => {
            use tokio::io::{AsyncReadExt, AsyncSeekExt};
            let mut file = tokio::fs::File::open(path).await?;
            file.seek(std::io::SeekFrom::Start(start)).await?;
            let mut bytes = Vec::new();
            file.take(end - start).read_to_end(&mut bytes).await?;
            Ok(bytes.into())
        }
    }
}

/// The media type of a file's ending, where it is one of audio that is known.
pub(crate) fn media_type_of(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "m4a" | "mp4" | "aac" => "audio/mp4",
        "aif" | "aiff" => "audio/aiff",
        "opus" => "audio/opus",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_rfc() {
        let check = |text: &str, expected: Option<Option<(u64, u64)>>| {
            let found = match parse_range(text, 100) {
                Asked::Part(start, end) => Some(Some((start, end))),
                Asked::Outside => Some(None),
                Asked::Ignored => None,
            };
            assert_eq!(found, expected, "{text}");
        };
        check("bytes=0-9", Some(Some((0, 10))));
        check("bytes=90-", Some(Some((90, 100))));
        check("bytes=90-500", Some(Some((90, 100))));
        check("bytes=-10", Some(Some((90, 100))));
        check("bytes=-500", Some(Some((0, 100))));
        check("bytes=100-", Some(None));
        check("bytes=-0", Some(None));
        check("bytes=9-1", None);
        check("bytes=0-1,5-6", None);
        check("lines=0-1", None);
        check(
            "bytes=18446744073709551615-18446744073709551615",
            Some(None),
        );
    }
}
