//! Which route leads where, and what every request passes through.

use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::middleware::{auth, daily, idempotency, observe, quota, rejections, trace};
use crate::native;
use crate::openapi::ApiDescription;
use crate::problem::Problem;
use crate::protocols;
use crate::state::ApiState;

/// The described routes of what is built from the log.
fn of_the_log() -> OpenApiRouter<ApiState> {
    use native::{answer_replays, event_log, replays};
    OpenApiRouter::new()
        .routes(routes!(event_log::consumers))
        .routes(routes!(replays::replay))
        .routes(routes!(replays::rebuild))
        .routes(routes!(answer_replays::create))
        .routes(routes!(answer_replays::get))
}

/// Every described route.
fn described() -> OpenApiRouter<ApiState> {
    use native::{
        analysis, analyze_and_recommend, analyzers, audio, audits, batches, duplicates, event_log,
        events, explanations, exports, home, import_turns, imports, jobs, listeners, listens,
        overview, pipelines, playlist_drafts, playlist_files, playlists, recommendations, search,
        similar, statements, track_ids, tracks, usage, vectors,
    };
    OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(tracks::upsert, tracks::list))
        .routes(routes!(tracks::get, tracks::delete))
        .routes(routes!(tracks::lyrics))
        .routes(routes!(audio::upload, audio::download))
        .routes(routes!(audio::upload_offset))
        .routes(routes!(analysis::get))
        .routes(routes!(analyzers::list))
        .routes(routes!(analyzers::card))
        .routes(routes!(analysis::analyze))
        .routes(routes!(analyze_and_recommend::analyze_and_recommend))
        .routes(routes!(similar::similar))
        .routes(routes!(search::search))
        .routes(routes!(events::append, event_log::list))
        .merge(of_the_log())
        .routes(routes!(listens::create))
        .routes(routes!(listens::find))
        .routes(routes!(track_ids::link))
        .routes(routes!(listeners::list))
        .routes(routes!(listeners::get))
        .routes(routes!(listeners::events))
        .routes(routes!(recommendations::recommend))
        .routes(routes!(batches::create, batches::get))
        .routes(routes!(batches::rows))
        .routes(routes!(home::home))
        .routes(routes!(home::layouts))
        .routes(routes!(explanations::explain))
        .routes(routes!(pipelines::list))
        .routes(routes!(pipelines::preview))
        .routes(routes!(pipelines::versions, pipelines::create))
        .routes(routes!(pipelines::version))
        .routes(routes!(pipelines::set_shares))
        .routes(routes!(playlists::create, playlists::list))
        .routes(routes!(
            playlists::get,
            playlists::replace,
            playlists::delete
        ))
        .routes(routes!(playlists::append))
        .routes(routes!(playlist_files::file))
        .routes(routes!(playlist_files::flow))
        .routes(routes!(playlist_drafts::draft))
        .routes(routes!(statements::create))
        .routes(routes!(statements::list))
        .routes(routes!(vectors::create))
        .routes(routes!(audits::create, audits::list))
        .routes(routes!(audits::get))
        .routes(routes!(imports::create))
        .routes(routes!(import_turns::create))
        .routes(routes!(import_turns::keep, import_turns::end))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::retry))
        .routes(routes!(exports::export))
        .routes(routes!(duplicates::search, duplicates::list))
        .routes(routes!(duplicates::decision))
        .routes(routes!(overview::overview))
        .routes(routes!(usage::usage))
        .merge(models())
        .merge(comparisons())
        .merge(administration())
}

/// What learns, and what was learnt.
fn models() -> OpenApiRouter<ApiState> {
    use native::{heads, rankers, training};
    OpenApiRouter::new()
        .routes(routes!(training::create))
        .routes(routes!(training::list))
        .routes(routes!(training::get))
        .routes(routes!(training::set_production))
        .routes(routes!(rankers::get, rankers::put_beside))
        .routes(routes!(heads::list))
        .routes(routes!(heads::train))
        .routes(routes!(heads::get))
}

/// What sets a track beside others.
fn comparisons() -> OpenApiRouter<ApiState> {
    use native::{artists, compare, lyrics_encoder, lyrics_space, map, syllables, traits};
    OpenApiRouter::new()
        .routes(routes!(syllables::syllables))
        .routes(routes!(traits::traits))
        .routes(routes!(artists::vocabulary))
        .routes(routes!(compare::compare))
        .routes(routes!(lyrics_space::get, lyrics_space::learn))
        .routes(routes!(lyrics_encoder::get, lyrics_encoder::encode))
        .routes(routes!(map::map))
        .routes(routes!(map::colours))
        .routes(routes!(map::tracks))
}

/// Keys, tenants and probes: what runs an installation.
fn administration() -> OpenApiRouter<ApiState> {
    use native::{keys, plugins, probes, tenants, webhooks};
    OpenApiRouter::new()
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::rotate))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::delete))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::dead_letters))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::drop_letter))
        .routes(routes!(plugins::add, plugins::list))
        .routes(routes!(plugins::get, plugins::delete))
        .routes(routes!(plugins::enable))
        .routes(routes!(plugins::disable))
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(tenants::delete))
        .routes(routes!(tenants::audit))
        .routes(routes!(probes::livez))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
        .merge(described_features())
        .merge(described_metrics())
}

/// The described routes of features.
fn described_features() -> OpenApiRouter<ApiState> {
    use native::features::{distribution, online, past, views};
    OpenApiRouter::new()
        .routes(routes!(views::list))
        .routes(routes!(online::read))
        .routes(routes!(past::preview))
        .routes(routes!(past::parity))
        .routes(routes!(views::describe))
        .routes(routes!(views::versions, views::create))
        .routes(routes!(views::version))
        .routes(routes!(views::entities))
        .routes(routes!(distribution::distribution))
        .routes(routes!(past::rows))
}

/// Whether the process lives, is ready and how it does, for one that answers nothing else.
pub fn probes(state: ApiState) -> Router {
    let routes = Router::new()
        .route("/livez", get(native::probes::livez))
        .route("/readyz", get(native::probes::readyz))
        .route("/metrics", get(native::probes::metrics))
        .fallback(|| async { Problem::other_role() });
    layered(routes, state)
}

/// The described routes of metrics by definition.
fn described_metrics() -> OpenApiRouter<ApiState> {
    use native::metrics::{definitions, recount, values};
    OpenApiRouter::new()
        .routes(routes!(definitions::list))
        .routes(routes!(definitions::validate))
        .routes(routes!(
            definitions::describe,
            definitions::put,
            definitions::withdraw
        ))
        .routes(routes!(definitions::versions))
        .routes(routes!(definitions::version))
        .routes(routes!(values::values))
        .routes(routes!(recount::recount))
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

/// The whole surface. `pages` are mounted beside it and pass through the same layers.
pub fn router(state: ApiState, pages: Router<ApiState>) -> Router {
    let (routes, description) = described().split_for_parts();
    let document = description.to_json().unwrap_or_default();
    let serve_document = move || {
        let document = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], document) }
    };
    let routes = routes
        .route("/healthz", get(native::probes::livez))
        .route("/openapi.json", get(serve_document))
        .merge(protocols::routes())
        .merge(pages)
        .fallback(|OriginalUri(uri): OriginalUri| async move { Problem::no_route(uri.path()) });
    layered(routes, state)
}

/// What every request passes through, the first first.
///
/// One layer of all: of layers put on one by one each is boxed, and a box is copied with all boxes in it on every
/// pass, so that their cost grows with the square of their number.
fn layered(routes: Router<ApiState>, state: ApiState) -> Router {
    let layers = (
        middleware::from_fn_with_state(state.clone(), trace::trace),
        middleware::from_fn_with_state(state.clone(), observe::observe),
        CatchPanicLayer::custom(|_| Problem::bug(&"a handler panicked").into_response()),
        middleware::from_fn_with_state(state.clone(), protocols::errors::reshape),
        middleware::from_fn_with_state(state.clone(), auth::authenticate),
        middleware::from_fn_with_state(state.clone(), quota::limit),
        middleware::from_fn_with_state(state.clone(), daily::limit),
        middleware::from_fn_with_state(state.clone(), idempotency::replay),
        middleware::from_fn(rejections::explain),
        // Bodies are bounded where they are read, each by its own limit.
        DefaultBodyLimit::disable(),
    );
    routes
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(layers)
        .with_state(state)
}
