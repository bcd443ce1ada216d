//! The ListenBrainz API under `/1/`: scrobblers report what was heard, and read it back.
//!
//! The token is an API key of ours, and the label of the key is the name of the listener it
//! reports for. Whoever may read a tenant may read its listeners.
//!
//! - Source: the ListenBrainz server's API documentation, version 1.

pub mod errors;
mod feedback;
mod listens;
mod submit;

use axum::Router;
use axum::routing::{get, post};
use leitmotif_domain::ListenerId;
use leitmotif_domain::listener::Listener;

use crate::middleware::auth::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/1/validate-token", get(submit::validate_token))
        .route("/1/submit-listens", post(submit::submit_listens))
        .route("/1/delete-listen", post(submit::delete_listen))
        .route("/1/user/{user}/listens", get(listens::listens))
        .route("/1/user/{user}/listen-count", get(listens::listen_count))
        .route("/1/user/{user}/playing-now", get(listens::playing_now))
        .route("/1/stats/user/{user}/{entity}", get(listens::stats))
        .route(
            "/1/cf/recommendation/user/{user}/recording",
            get(listens::recommendation),
        )
        .route(
            "/1/feedback/recording-feedback",
            post(feedback::recording_feedback),
        )
        .route(
            "/1/feedback/user/{user}/get-feedback",
            get(feedback::get_feedback),
        )
}

/// Finds a listener by name. The one a key reports for is there before the first report.
///
/// - Errors: 404.
async fn find_user(state: &ApiState, caller: &Caller, name: &str) -> Result<Listener, Problem> {
    let id = ListenerId::of_name(caller.scope.tenant(), name);
    if let Some(found) = state.catalog.listener(&caller.scope, id).await? {
        return Ok(found);
    }
    if caller.principal.label() == name {
        return Ok(Listener {
            id,
            name: name.to_owned(),
            created_at: state.clock.now(),
        });
    }
    Err(Problem::not_found("user", name))
}
