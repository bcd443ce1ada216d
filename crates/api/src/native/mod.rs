//! Our own API, one file a noun.

pub mod analysis;
pub mod audio;
pub mod audits;
pub mod events;
pub mod imports;
pub mod jobs;
pub mod keys;
pub mod listeners;
pub mod overview;
pub mod playlists;
pub mod probes;
pub mod recommendations;
pub mod similar;
pub mod statements;
pub mod tenants;
pub mod tracks;
pub mod training;
pub mod usage;
pub mod vectors;

use leitmotif_domain::track::TrackRef;
use leitmotif_domain::{TenantScope, TrackId};

use crate::problem::Problem;
use crate::state::ApiState;

/// Finds the track behind a path segment or a field: our id or `namespace:id`.
///
/// - Errors: 404; a malformed id names no track either.
pub async fn find_track(
    state: &ApiState,
    scope: &TenantScope,
    text: &str,
) -> Result<TrackId, Problem> {
    let missing = || Problem::not_found("track", text);
    let reference: TrackRef = text.parse().map_err(|_| missing())?;
    state
        .catalog
        .resolve(scope, &[reference])
        .await?
        .pop()
        .flatten()
        .ok_or_else(missing)
}

/// Parses an id of a path.
///
/// - Errors: 404; a malformed id names nothing.
pub fn path_id<T: std::str::FromStr>(noun: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(noun, text))
}
