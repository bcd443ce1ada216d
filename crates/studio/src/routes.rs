//! Which page lies where.

use axum::extract::DefaultBodyLimit;
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use leitmotif_api::ApiState;
use leitmotif_domain::limits;

use crate::pages::{
    analyzers, audits, compare, duplicates, features, heads, home, jobs, library, listener,
    listeners, login, lyrics_space, map, metrics, models, not_found, overview, pipelines,
    playground, playlists, plugins, recommended, track, webhooks,
};
use crate::visitor::TenantNames;
use crate::{assets, security};

/// Bytes of a form; the login key is the longest thing that is sent.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the form with a pipeline: its text may grow threefold on the way.
const PIPELINE_FORM_BYTES_MAX: usize = 3 * limits::DEFINITION_BYTES_MAX + FORM_BYTES_MAX;

/// The studio, to be mounted beside the API: `leitmotif_api::router(state, pages())`.
pub fn pages() -> Router<ApiState> {
    let home = || async { Redirect::to("/studio") };
    Router::new()
        .route("/", get(home))
        .route("/studio/", get(home))
        .route("/studio", get(overview::show))
        .route("/studio/login", get(login::show).post(login::submit))
        .route("/studio/logout", post(login::logout))
        .route("/studio/library", get(library::show))
        .route("/studio/tracks/{id}", get(track::show))
        .route("/studio/tracks/{id}/analyze", post(track::analyze))
        .route("/studio/compare", get(compare::show))
        .route("/studio/map", get(map::show))
        .route("/studio/listeners", get(listeners::show))
        .route("/studio/listeners/{id}", get(listener::show))
        .route(
            "/studio/listeners/{id}/recommendations",
            get(recommended::fragment),
        )
        .route(
            "/studio/playlists",
            get(playlists::show).post(playlists::make),
        )
        .route("/studio/playlists/{id}", get(playlists::show_one))
        .route("/studio/playlists/{id}/continue", post(playlists::go_on))
        .route("/studio/home", get(home::show))
        .route("/studio/playground", get(playground::show))
        .route("/studio/playground/list", get(playground::fragment))
        .route("/studio/pipelines", get(pipelines::show))
        .route("/studio/pipelines/of", get(pipelines::open))
        .route(
            "/studio/pipelines/{placement}",
            get(pipelines::show_one)
                .post(pipelines::edit)
                .layer(DefaultBodyLimit::max(PIPELINE_FORM_BYTES_MAX)),
        )
        .route("/studio/pipelines/{placement}/live", post(pipelines::serve))
        .route("/studio/analyzers", get(analyzers::show))
        .route("/studio/analyzers/{name}", get(analyzers::show_one))
        .route("/studio/features", get(features::show))
        .route("/studio/features/parity", post(features::compare))
        .route("/studio/features/{view}", get(features::show_one))
        .route("/studio/metrics", get(metrics::show))
        .route("/studio/metrics/{metric}", get(metrics::show_one))
        .route("/studio/heads", get(heads::show))
        .route("/studio/heads/train", post(heads::train))
        .route("/studio/lyrics-space", get(lyrics_space::show))
        .route("/studio/lyrics-space/learn", post(lyrics_space::learn))
        .route("/studio/audits", get(audits::show))
        .route("/studio/audits/{id}", get(audits::show_one))
        .route("/studio/duplicates", get(duplicates::show))
        .route("/studio/models", get(models::show))
        .route("/studio/models/train", post(models::train))
        .route("/studio/models/{id}", get(models::show_one))
        .route("/studio/models/{id}/promote", post(models::promote))
        .route("/studio/jobs", get(jobs::show))
        .route("/studio/jobs/rows", get(jobs::fragment))
        .route("/studio/jobs/{id}/retry", post(jobs::retry))
        .merge(webhook_pages())
        .merge(plugin_pages())
        .route("/studio/assets/{name}", get(assets::serve))
        .route("/studio/{*rest}", get(not_found::show))
        .layer(middleware::from_fn(security::protect))
        .layer(Extension(TenantNames::default()))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

fn plugin_pages() -> Router<ApiState> {
    Router::new()
        .route("/studio/plugins", get(plugins::show))
        .route("/studio/plugins/{name}", get(plugins::show_one))
        .route("/studio/plugins/{name}/enable", post(plugins::enable))
        .route("/studio/plugins/{name}/disable", post(plugins::disable))
        .route("/studio/plugins/{name}/remove", post(plugins::remove))
}

fn webhook_pages() -> Router<ApiState> {
    Router::new()
        .route("/studio/webhooks", get(webhooks::show))
        .route("/studio/webhooks/{id}", get(webhooks::show_one))
        .route("/studio/webhooks/{id}/resume", post(webhooks::resume))
        .route(
            "/studio/webhooks/{id}/dead-letters/{offset}/replay",
            post(webhooks::replay),
        )
}
