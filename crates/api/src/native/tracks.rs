//! Tracks: upsert, list, read, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use leitmotif_domain::track::{Track, TrackDetails};
use leitmotif_domain::{Timestamp, TrackId, limits};
use leitmotif_ingest::catalogue::{is_cut, lyrics_of};
use leitmotif_ingest::verse::verse_lines;
use leitmotif_storage::ports::{TrackFilter, TrackPatch, UpsertOutcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::find_track;
use super::track_order::{self, SortAnswer, SortDirection};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{
    QueryParameters, check_declared, is_packed, parse_json, read_bounded,
};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks of an NDJSON body that are written together.
const NDJSON_BATCH: usize = 500;

/// A track as a sender describes it; everything but the title may be left out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackInput {
    /// Our id, when the sender knows it; otherwise the track is found by its external ids.
    #[serde(default)]
    pub id: Option<String>,
    /// Title as printed.
    #[schema(min_length = 1, max_length = 1024)]
    pub title: String,
    /// Artist as printed.
    #[serde(default)]
    pub artist: Option<String>,
    /// Release it appeared on.
    #[serde(default)]
    pub album: Option<String>,
    /// Genre as the sender calls it.
    #[serde(default)]
    pub genre: Option<String>,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    #[serde(default)]
    pub release_date: Option<String>,
    /// Length in milliseconds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86_400_000)]
    pub duration_ms: Option<u32>,
    /// Whether the sender marks it explicit.
    #[serde(default)]
    pub explicit: Option<bool>,
    /// Position on its release.
    #[serde(default)]
    #[schema(maximum = 100_000)]
    pub track_number: Option<u32>,
    /// How popular it is elsewhere; counts only while nobody plays it here.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100)]
    pub popularity: Option<u8>,
    /// Ids elsewhere by namespace, for example `{"spotify": "…"}`.
    #[serde(default)]
    pub external_ids: BTreeMap<String, String>,
    /// Ids of its artist elsewhere by namespace; of several artists the first.
    #[serde(default)]
    pub artist_ids: BTreeMap<String, String>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The words, one line of verse per line; LRC time tags are understood.
    #[serde(default)]
    pub lyrics: Option<String>,
}

impl TrackInput {
    fn into_patch(self) -> Result<TrackPatch, Problem> {
        let id = match self.id {
            Some(text) => Some(
                text.parse::<TrackId>()
                    .map_err(|error| Problem::invalid("/id", error.reason))?,
            ),
            None => None,
        };
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let release_date = match filled(self.release_date) {
            Some(text) => Some(text.parse()?),
            None => None,
        };
        let details = TrackDetails {
            title: self.title,
            artist: self.artist.unwrap_or_default(),
            album: filled(self.album),
            genre: filled(self.genre),
            release_date,
            duration_ms: self.duration_ms,
            explicit: self.explicit,
            track_number: self.track_number,
            popularity: self.popularity,
            external_ids: self.external_ids,
            artist_ids: self.artist_ids,
            tags: self.tags,
        };
        details.check()?;
        let lyrics = self.lyrics.as_deref().and_then(lyrics_of);
        Ok(TrackPatch {
            id,
            details,
            audio: None,
            lyrics,
        })
    }
}

/// The audio of a track, by its hashes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AudioAnswer {
    /// SHA-256 of all bytes, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of the sound without the tags; absent for uploads and containers that are not
    /// understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_sha256: Option<String>,
    /// Bytes.
    pub size_bytes: u64,
    /// Lower-case file extension.
    pub extension: String,
}

/// A track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrackAnswer {
    /// Our id, 22 characters.
    pub id: String,
    /// Title as printed.
    pub title: String,
    /// Artist as printed; empty when unknown.
    pub artist: String,
    /// Release it appeared on.
    pub album: Option<String>,
    /// Genre as the sender calls it.
    pub genre: Option<String>,
    /// Release date as precise as it is known.
    pub release_date: Option<String>,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Whether the sender marks it explicit.
    pub explicit: Option<bool>,
    /// Position on its release.
    pub track_number: Option<u32>,
    /// How popular it is elsewhere, 0 to 100, as the sender says; counts only while nobody plays it here.
    pub popularity: Option<u8>,
    /// Ids elsewhere.
    pub external_ids: BTreeMap<String, String>,
    /// Ids of its artist elsewhere.
    pub artist_ids: BTreeMap<String, String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Whether there is audio.
    pub has_audio: bool,
    /// The audio, when there is some.
    pub audio: Option<AudioAnswer>,
    /// Whether there are lyrics.
    pub has_lyrics: bool,
    /// When it entered the catalogue.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Track> for TrackAnswer {
    fn from(track: Track) -> Self {
        let details = track.details;
        Self {
            id: track.id.to_string(),
            title: details.title,
            artist: details.artist,
            album: details.album,
            genre: details.genre,
            release_date: details.release_date.map(String::from),
            duration_ms: details.duration_ms,
            explicit: details.explicit,
            track_number: details.track_number,
            popularity: details.popularity,
            external_ids: details.external_ids,
            artist_ids: details.artist_ids,
            tags: details.tags,
            has_audio: track.audio.is_some(),
            audio: track.audio.map(|audio| AudioAnswer {
                sha256: audio.content_hash,
                payload_sha256: audio.payload_hash,
                size_bytes: audio.size_bytes,
                extension: audio.extension,
            }),
            has_lyrics: track.has_lyrics,
            created_at: track.created_at,
            updated_at: track.updated_at,
        }
    }
}

/// What became of one track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UpsertAnswer {
    /// The track.
    pub id: String,
    /// `created`, `updated` or `unchanged`.
    pub outcome: &'static str,
    /// With `on_clash=keep_both`: its ids elsewhere, `namespace:id`, under which another song is in the
    /// catalogue. It is a track of its own without them, and both are a duplicate group of kind `shared id`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<String>,
    /// There and true when its lyrics are longer than 512 KiB: the rest is not kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lyrics_cut: bool,
}

/// What became of all.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct UpsertsAnswer {
    /// New tracks.
    pub created: u64,
    /// Changed tracks.
    pub updated: u64,
    /// Tracks that were there already.
    pub unchanged: u64,
    /// Tracks with an id elsewhere under which another song is in the catalogue.
    pub clashes: u64,
    /// Tracks whose lyrics are longer than 512 KiB: the rest is not kept.
    pub lyrics_cut: u64,
    /// One entry per track, in the order sent.
    pub tracks: Vec<UpsertAnswer>,
}

/// A page of tracks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TracksAnswer {
    /// The tracks, by age where nothing else was asked for.
    pub tracks: Vec<TrackAnswer>,
    /// The order, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<SortAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// What to do with a track whose id elsewhere names clearly another song of the catalogue: title and artist
/// both differ by more than a mistake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnClash {
    /// The id says which track it is; the track is renewed.
    #[default]
    Update,
    /// Both stay: the track goes in without the id.
    KeepBoth,
}

/// How tracks are written.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UpsertQuery {
    /// `update` when left out; `keep_both` as imports of tables ask.
    #[serde(default)]
    pub on_clash: OnClash,
}

/// Which tracks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrackQuery {
    /// Words that title, artist or album contain.
    pub q: Option<String>,
    /// The artist, exactly but for case.
    pub artist: Option<String>,
    /// An id of the artist elsewhere, `namespace:id`.
    pub artist_id: Option<String>,
    /// The genre, exactly but for case.
    pub genre: Option<String>,
    /// Only tracks with (or without) audio.
    pub has_audio: Option<bool>,
    /// Only tracks with (or without) lyrics.
    pub has_lyrics: Option<bool>,
    /// Only tracks with (or without) an analysis.
    pub has_analysis: Option<bool>,
    /// Any descriptor with a number, a plugin's too, to order by: `tempo_bpm`, `energy`, `rhyme_density_ratio`,
    /// `line-length.mean`. A name that is none is refused with those there are. By age when left out.
    pub sort: Option<String>,
    /// Which way `sort` runs, `asc` when left out; tracks of which it is not known come last either way.
    #[param(value_type = Option<SortDirection>)]
    pub order: Option<SortDirection>,
    /// Items wanted, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Writes tracks: new ones are made, known ones (by id or external id) are renewed.
///
/// The body is one track, `{"tracks": […]}`, or NDJSON (`application/x-ndjson`) of any length, which
/// is written in batches: on an error everything before the named line may be written.
#[utoipa::path(post, path = "/api/v1/tracks", tag = "tracks", params(UpsertQuery),
    request_body(content = TrackInput, description = "one track; `{\"tracks\": [...]}` and NDJSON are understood too"),
    responses(
        (status = 200, body = UpsertsAnswer),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn upsert(
    State(state): State<ApiState>,
    access: WriteAccess,
    QueryParameters(query): QueryParameters<UpsertQuery>,
    request: Request,
) -> Result<Json<UpsertsAnswer>, Problem> {
    let is_ndjson = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.contains("ndjson") || text.contains("jsonl"));
    let mut answer = UpsertsAnswer::default();
    if is_ndjson {
        upsert_lines(&state, &access, query, request, &mut answer).await?;
    } else {
        let (parts, body) = request.into_parts();
        let bytes = read_bounded(&parts.headers, body, limits::BODY_BYTES_MAX).await?;
        let inputs = parse_tracks(&bytes)?;
        if inputs.len() > limits::TRACKS_PER_BATCH_MAX {
            let detail = format!(
                "{} tracks, at most {}",
                inputs.len(),
                limits::TRACKS_PER_BATCH_MAX
            );
            return Err(Problem::invalid("/tracks", detail));
        }
        let patches = inputs
            .into_iter()
            .map(|(pointer, input)| {
                input
                    .into_patch()
                    .map_err(|problem| problem.under(&pointer))
            })
            .collect::<Result<_, _>>()?;
        write(&state, &access, query, patches, &mut answer).await?;
    }
    state.wake_workers.notify_one();
    Ok(Json(answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    tracks: Vec<TrackInput>,
}

/// Reads one track or many, each with the pointer its problems go under.
fn parse_tracks(bytes: &[u8]) -> Result<Vec<(String, TrackInput)>, Problem> {
    let value: serde_json::Value = parse_json(bytes)?;
    if value.get("tracks").is_none() {
        return Ok(vec![(String::new(), parse_json(bytes)?)]);
    }
    let many: Many = parse_json(bytes)?;
    let pointed = |(place, input)| (format!("/tracks/{place}"), input);
    Ok(many.tracks.into_iter().enumerate().map(pointed).collect())
}

async fn write(
    state: &ApiState,
    access: &WriteAccess,
    query: UpsertQuery,
    patches: Vec<TrackPatch>,
    answer: &mut UpsertsAnswer,
) -> Result<(), Problem> {
    let cut: Vec<bool> = patches
        .iter()
        .map(|patch| patch.lyrics.as_ref().is_some_and(is_cut))
        .collect();
    let (scope, count) = (access.scope(), patches.len());
    let (results, clashes) = match query.on_clash {
        OnClash::Update => {
            let results = state.catalogue.upsert(scope, patches).await?;
            (results, vec![Vec::new(); count])
        }
        OnClash::KeepBoth => state.catalogue.upsert_apart(scope, patches).await?,
    };
    for ((result, lyrics_cut), clashes) in results.into_iter().zip(cut).zip(clashes) {
        let (count, outcome) = match result.outcome {
            UpsertOutcome::Created => (&mut answer.created, "created"),
            UpsertOutcome::Updated => (&mut answer.updated, "updated"),
            UpsertOutcome::Unchanged => (&mut answer.unchanged, "unchanged"),
        };
        *count += 1;
        answer.lyrics_cut += u64::from(lyrics_cut);
        answer.clashes += u64::from(!clashes.is_empty());
        answer.tracks.push(UpsertAnswer {
            id: result.id.to_string(),
            outcome,
            clashes,
            lyrics_cut,
        });
    }
    Ok(())
}

/// Reads NDJSON as a stream, so that its length does not matter.
async fn upsert_lines(
    state: &ApiState,
    access: &WriteAccess,
    query: UpsertQuery,
    request: Request,
    answer: &mut UpsertsAnswer,
) -> Result<(), Problem> {
    let (parts, body) = request.into_parts();
    check_declared(&parts.headers, limits::BULK_BODY_BYTES_MAX as u64)?;
    // A packed body is unpacked whole, and so within the bound of an ordinary one.
    let body = if is_packed(&parts.headers) {
        Body::from(read_bounded(&parts.headers, body, limits::BODY_BYTES_MAX).await?)
    } else {
        body
    };
    let mut stream = body.into_data_stream();
    let (mut rest, mut line, mut read) = (Vec::new(), 0_u64, 0_usize);
    let mut patches = Vec::new();
    let mut is_open = true;
    while is_open {
        match stream.next().await {
            Some(chunk) => {
                let chunk =
                    chunk.map_err(|_| Problem::invalid("", "the body ended before its time"))?;
                read += chunk.len();
                rest.extend_from_slice(&chunk);
            }
            None => {
                is_open = false;
                rest.push(b'\n');
            }
        }
        if read > limits::BULK_BODY_BYTES_MAX {
            return Err(Problem::too_large(limits::BULK_BODY_BYTES_MAX as u64));
        }
        let mut start = 0;
        while let Some(length) = rest[start..].iter().position(|byte| *byte == b'\n') {
            line += 1;
            let text = rest[start..start + length].trim_ascii();
            if !text.is_empty() {
                let patch = parse_json::<TrackInput>(text).and_then(TrackInput::into_patch);
                patches.push(patch.map_err(|problem| problem.under(&format!("/line/{line}")))?);
            }
            start += length + 1;
            if patches.len() >= NDJSON_BATCH {
                write(state, access, query, std::mem::take(&mut patches), answer).await?;
            }
        }
        rest.drain(..start);
        if rest.len() > limits::BODY_BYTES_MAX {
            let detail = format!("the line is longer than {} bytes", limits::BODY_BYTES_MAX);
            return Err(Problem::invalid(format!("/line/{}", line + 1), detail));
        }
    }
    write(state, access, query, patches, answer).await
}

fn artist_id_of(text: &str) -> Result<(String, String), Problem> {
    let (namespace, id) = (text.split_once(':'))
        .filter(|(namespace, id)| !namespace.is_empty() && !id.is_empty())
        .ok_or_else(|| {
            let detail = "an id of an artist elsewhere is written `namespace:id`";
            Problem::invalid("?artist_id", detail)
        })?;
    Ok((namespace.to_owned(), id.to_owned()))
}

/// Lists tracks, oldest first or by a descriptor.
#[utoipa::path(get, path = "/api/v1/tracks", tag = "tracks", params(TrackQuery), responses(
    (status = 200, body = TracksAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<TrackQuery>,
) -> Result<Json<TracksAnswer>, Problem> {
    let order = track_order::order_of(&query)?;
    let filter = TrackFilter {
        text: query.q,
        artist: query.artist,
        artist_id: query.artist_id.as_deref().map(artist_id_of).transpose()?,
        genre: query.genre,
        has_audio: query.has_audio,
        has_lyrics: query.has_lyrics,
        has_analysis: query.has_analysis,
    };
    let asked = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "tracks",
        filter: format!("{filter:?} {order:?}"),
    };
    if let Some(order) = order {
        let sorted = track_order::sorted(&listing, &filter, order, &asked);
        return sorted.await.map(Json);
    }
    let asked = listing.request(&asked)?;
    let page = state
        .catalog
        .list_tracks(access.scope(), &filter, &asked)
        .await?;
    let info = listing.info(&page);
    let tracks = page.items.into_iter().map(TrackAnswer::from).collect();
    Ok(Json(TracksAnswer {
        tracks,
        sort: None,
        page: info,
    }))
}

/// Reads a track by our id or as `namespace:id`.
#[utoipa::path(get, path = "/api/v1/tracks/{id}", tag = "tracks",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = TrackAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<TrackAnswer>, Problem> {
    let found = find_track(&state, access.scope(), &id).await?;
    let track = state.catalog.tracks(access.scope(), &[found]).await?.pop();
    track
        .map(|track| Json(track.into()))
        .ok_or_else(|| Problem::not_found("track", &id))
}

/// Removes a track with its audio, lyrics, analysis and embeddings.
#[utoipa::path(delete, path = "/api/v1/tracks/{id}", tag = "tracks",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 204, description = "removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn delete(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let found = find_track(&state, access.scope(), &id).await?;
    if state.catalogue.delete(access.scope(), found).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("track", &id))
}

/// One line of verse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VerseLineAnswer {
    /// The words, without time tags.
    pub text: String,
    /// When it is sung in milliseconds, where the lyrics say.
    pub time_ms: Option<u64>,
}

/// The words of a track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LyricsAnswer {
    /// The text.
    pub text: String,
    /// The lines of verse, numbered from 0 as the analysis numbers them in its rhymes.
    pub lines: Vec<VerseLineAnswer>,
    /// SHA-256 of the text, hexadecimal.
    pub content_hash: String,
}

/// Reads the lyrics of a track.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/lyrics", tag = "tracks",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = LyricsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn lyrics(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<LyricsAnswer>, Problem> {
    if !access.may_read_lyrics() {
        return Err(Problem::denied("the key may not read lyrics"));
    }
    let found = find_track(&state, access.scope(), &id).await?;
    let lyrics = state.catalog.lyrics(access.scope(), found).await?;
    let lyrics = lyrics.ok_or_else(|| Problem::not_found("lyrics of track", &id))?;
    let lines = verse_lines(&lyrics.text).into_iter();
    Ok(Json(LyricsAnswer {
        lines: lines
            .map(|line| VerseLineAnswer {
                text: line.text,
                time_ms: line.time_ms,
            })
            .collect(),
        text: lyrics.text,
        content_hash: lyrics.content_hash,
    }))
}
