//! Our own API, one file a noun.

pub mod analysis;
pub mod analyze_and_recommend;
pub mod analyzers;
pub mod answer_replays;
pub mod artists;
pub mod audio;
pub mod audits;
pub mod batches;
pub mod compare;
pub mod constraints;
pub mod duplicates;
pub mod event_log;
pub mod events;
pub mod explanations;
pub mod exports;
pub mod features;
pub mod heads;
pub mod home;
pub mod import_turns;
pub mod imports;
pub mod jobs;
pub mod keys;
pub mod list_body;
pub mod listeners;
pub mod listens;
pub mod lyrics_encoder;
pub mod lyrics_space;
pub mod map;
pub mod metrics;
pub mod objectives;
pub mod overview;
pub mod pipelines;
pub mod playlist_drafts;
pub mod playlist_files;
pub mod playlists;
pub mod plugins;
pub mod privacy;
pub mod probes;
mod profiles;
pub mod rankers;
pub mod recommendations;
pub mod replays;
pub mod search;
pub mod similar;
pub mod statements;
pub mod syllables;
pub mod tenants;
pub mod track_ids;
pub mod track_order;
pub mod tracks;
pub mod training;
pub mod traits;
pub mod usage;
pub mod vectors;
pub mod versions;
pub mod webhooks;

use leitmotif_domain::track::TrackRef;
use leitmotif_domain::{TenantScope, TrackId, limits};

use crate::problem::Problem;
use crate::state::ApiState;

/// Seeds and exclusions taken at most.
const REFERENCES_MAX: usize = 1_000;

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

/// Finds named tracks; each must exist, so that a typing mistake does not pass silently.
pub(crate) async fn known_tracks(
    state: &ApiState,
    scope: &TenantScope,
    field: &str,
    texts: &[String],
) -> Result<Vec<TrackId>, Problem> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    if texts.len() > REFERENCES_MAX {
        let detail = format!("{} entries, at most {REFERENCES_MAX}", texts.len());
        return Err(Problem::invalid(format!("/{field}"), detail));
    }
    let unknown = |place: usize, text: &str| {
        let detail = format!("no track `{text}` in the catalogue");
        Problem::invalid(format!("/{field}/{place}"), detail)
    };
    let mut references = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let reference: TrackRef = text.parse().map_err(|_| unknown(place, text))?;
        references.push(reference);
    }
    let found = state.catalog.resolve(scope, &references).await?;
    found
        .into_iter()
        .enumerate()
        .map(|(place, id)| id.ok_or_else(|| unknown(place, &texts[place])))
        .collect()
}

/// Does work that reads a whole log on a thread that may take its time.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work));
    done.await.map_err(|error| Problem::bug(&error))?
}

/// Refuses the file of a definition that is too large to read.
///
/// - Errors: 400 with both sizes.
fn check_definition_text(text: &str) -> Result<(), Problem> {
    let (size, size_max) = (text.len(), limits::DEFINITION_BYTES_MAX);
    if size > size_max {
        let detail = format!("{size} bytes, at most {size_max}");
        return Err(Problem::invalid("/text", detail));
    }
    Ok(())
}
