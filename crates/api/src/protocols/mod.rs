//! Foreign protocols at their own roots, so that clients of others work as they are. What they say
//! is turned into our own words here, and their shapes never leak inside.
//!
//! Each has one file that writes its errors; whatever refuses a request, its clients read a shape
//! they know.

pub mod catalogue;
pub mod errors;

pub mod audiomuse;
pub mod feast;
pub mod listenbrainz;
pub mod opensubsonic;
pub mod rap_scraper;
pub mod spotify;

use axum::Router;

use crate::state::ApiState;

/// Every foreign route.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .merge(listenbrainz::routes())
        .merge(audiomuse::routes())
        .merge(feast::routes())
        .merge(opensubsonic::routes())
        .merge(rap_scraper::routes())
        .merge(spotify::routes())
}
