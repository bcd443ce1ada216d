//! The part of OpenSubsonic that is about similarity and listening, for players that can use a
//! second server. Streaming and libraries stay with the media server.
//!
//! Every answer is HTTP 200 with its success inside; a call we do not have is HTTP 404.
//!
//! - Source: the OpenSubsonic API documentation, with its extensions `sonicSimilarity`,
//!   `topSongsByArtistId`, `playbackReport`, `apiKeyAuthentication` and `formPost`.

mod call;
pub mod errors;
mod listening;
mod songs;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use leitmotif_domain::tenant::Scope;
use serde_json::{Map, Value, json};

use self::call::Call;
use self::errors::{Failure, Form, envelope};
use crate::middleware::auth::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new().route("/rest/{call}", get(answer).post(answer))
}

/// Extensions that are spoken here.
const EXTENSIONS: [&str; 5] = [
    "apiKeyAuthentication",
    "formPost",
    "playbackReport",
    "sonicSimilarity",
    "topSongsByArtistId",
];

async fn answer(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Extension(form): Extension<Form>,
    caller: Option<Extension<Caller>>,
) -> Response {
    let name = name.strip_suffix(".view").unwrap_or(&name).to_owned();
    let needed = match name.as_str() {
        "getOpenSubsonicExtensions" => None,
        "ping"
        | "getLicense"
        | "tokenInfo"
        | "search3"
        | "getSonicSimilarTracks"
        | "findSonicPath"
        | "getSimilarSongs"
        | "getSimilarSongs2"
        | "getTopSongs" => Some(Scope::Read),
        "scrobble" | "reportPlayback" => Some(Scope::Write),
        _ => return Problem::no_route(&format!("/rest/{name}")).into_response(),
    };
    let caller = caller.map(|Extension(caller)| caller);
    let outcome = match needed {
        None => Ok(extensions()),
        Some(scope) => match call::admit(&form, caller, scope) {
            Ok(call) => dispatch(&state, &name, &call).await,
            Err(failure) => Err(failure),
        },
    };
    envelope(form.format(), outcome)
}

async fn dispatch(
    state: &ApiState,
    name: &str,
    call: &Call<'_>,
) -> Result<Map<String, Value>, Failure> {
    match name {
        "getLicense" => Ok(payload("license", json!({"valid": true}))),
        "tokenInfo" => Ok(payload("tokenInfo", json!({"username": call.listener()?}))),
        "search3" => songs::search3(state, call).await,
        "getSonicSimilarTracks" => songs::sonic_similar(state, call).await,
        "findSonicPath" => songs::sonic_path(state, call).await,
        "getSimilarSongs" => songs::similar_songs(state, call, "similarSongs").await,
        "getSimilarSongs2" => songs::similar_songs(state, call, "similarSongs2").await,
        "getTopSongs" => songs::top_songs(state, call).await,
        "scrobble" => listening::scrobble(state, call).await,
        "reportPlayback" => listening::report_playback(state, call).await,
        _ => Ok(Map::new()),
    }
}

fn extensions() -> Map<String, Value> {
    let known = EXTENSIONS.map(|name| json!({"name": name, "versions": [1]}));
    payload("openSubsonicExtensions", json!(known))
}

fn payload(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}
