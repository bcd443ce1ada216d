//! Nothing lies here.

use axum::extract::OriginalUri;
use leitmotif_api::Problem;

use crate::failure::{Failure, PageResult};

/// Answers every path of the studio that has no page.
pub async fn show(OriginalUri(uri): OriginalUri) -> PageResult {
    Err(Failure(Problem::not_found("page", uri.path())))
}
