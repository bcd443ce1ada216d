//! Which protocol a path belongs to, and the shape of its answers.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{audiomuse, feast, listenbrainz, opensubsonic, rap_scraper, spotify};
use crate::problem::Problem;
use crate::state::ApiState;

/// A foreign protocol.
enum Protocol {
    ListenBrainz,
    AudioMuse,
    Feast,
    OpenSubsonic,
    RapScraper,
    Spotify,
}

/// Gives answers of foreign paths the shape and the headers their clients read.
pub async fn reshape(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(protocol) = protocol_of(request.uri().path()) else {
        return next.run(request).await;
    };
    if let Protocol::OpenSubsonic = protocol {
        return opensubsonic::errors::around(request, next).await;
    }
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    match (&protocol, problem) {
        (_, None) => {}
        (Protocol::AudioMuse, Some(problem)) => {
            response = rewritten(response, audiomuse::errors::body_of(&problem));
        }
        (Protocol::Feast, Some(problem)) => {
            response = rewritten(response, feast::errors::body_of(&problem));
        }
        (Protocol::RapScraper, Some(problem)) => {
            response = rewritten(response, rap_scraper::errors::body_of(&problem));
        }
        (Protocol::Spotify, Some(problem)) => {
            response = rewritten(response, spotify::errors::body_of(&problem));
        }
        (_, Some(problem)) => {
            response = rewritten(response, listenbrainz::errors::body_of(&problem));
        }
    }
    if let Protocol::ListenBrainz = protocol {
        listenbrainz::errors::add_rate_headers(&state.quotas, &mut response);
    }
    response
}

fn protocol_of(path: &str) -> Option<Protocol> {
    const AUDIOMUSE: [&str; 4] = [
        "/api/similar_tracks",
        "/api/search_tracks",
        "/api/find_path",
        "/api/similar_artists",
    ];
    if feast::PATHS.contains(&path) {
        Some(Protocol::Feast)
    } else if rap_scraper::PATHS.contains(&path) || path.starts_with(rap_scraper::BATCHES) {
        Some(Protocol::RapScraper)
    } else if path.starts_with("/1/") {
        Some(Protocol::ListenBrainz)
    } else if path.starts_with("/rest/") {
        Some(Protocol::OpenSubsonic)
    } else if path.starts_with("/v1/") {
        Some(Protocol::Spotify)
    } else {
        AUDIOMUSE.contains(&path).then_some(Protocol::AudioMuse)
    }
}

/// Another body in place of the former; the headers that do not speak of the body stay.
pub fn rewritten(former: Response, (status, body): (StatusCode, Value)) -> Response {
    let mut response = (status, Json(body)).into_response();
    for (name, value) in former.headers() {
        let is_of_body = *name == header::CONTENT_TYPE || *name == header::CONTENT_LENGTH;
        if !is_of_body {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
