//! Server-rendered pages over the API's own handlers.

/// The pages.
pub fn pages() -> axum::Router<leitmotif_api::ApiState> {
    axum::Router::new()
}
