//! Songs in, analysis awaited.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire::{Call, PublicApi, at, get, json as call_json, post};
use super::{TourError, TourProgress};
use crate::songs::SongTruth;
use crate::world::World;

/// Time between two looks at the platform.
const LOOK_EVERY_MS: u64 = 150;

/// The songs as the platform knows them.
pub struct Catalogue {
    /// Track id of each song.
    pub ids: Vec<String>,
    /// What is true of each song.
    pub truths: BTreeMap<usize, SongTruth>,
}

/// Renders the songs and uploads them with their words.
pub async fn fill(
    api: &dyn PublicApi,
    world: &World,
    progress: &dyn TourProgress,
) -> Result<Catalogue, TourError> {
    let tracks: Vec<Value> = world
        .songs
        .iter()
        .enumerate()
        .map(|(index, song)| {
            json!({
                "title": song.title, "artist": song.artist, "album": song.album,
                "genre": song.genre, "lyrics": song.lyrics, "tags": ["simulated"],
                "external_ids": {"demo": format!("song-{index}")},
            })
        })
        .collect();
    let written = post(api, "/api/v1/tracks", &json!({ "tracks": tracks })).await?;
    let ids: Vec<String> = at(&written, &["tracks"])
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|track| track.get("id")?.as_str().map(str::to_owned))
        .collect();
    let step = "synthesise and upload songs";
    progress.begin(step, ids.len() as u64);
    let mut truths = BTreeMap::new();
    for (index, id) in ids.iter().enumerate() {
        let Some(rendered) = world.render(index) else {
            break;
        };
        let call = Call {
            method: "PUT",
            path: format!("/api/v1/tracks/{id}/audio?extension=wav"),
            content_type: "audio/wav",
            body: rendered.wav,
        };
        call_json(api, call).await?;
        truths.insert(index, rendered.truth);
        progress.advance(step, index as u64 + 1);
    }
    progress.end(step);
    Ok(Catalogue { ids, truths })
}

/// Waits until no analysis is waiting or running.
///
/// - Errors: `Failed` when one failed for good: nothing in this world is broken.
pub async fn wait_for_analysis(
    api: &dyn PublicApi,
    total: u64,
    progress: &dyn TourProgress,
) -> Result<(), TourError> {
    let step = "analyse and index songs";
    progress.begin(step, total);
    loop {
        let overview = get(api, "/api/v1/overview").await?;
        let count = |name: &str| at(&overview, &["jobs", name]).as_u64().unwrap_or(0);
        if count("dead") > 0 {
            let dead = get(api, "/api/v1/jobs?state=dead&limit=1").await?;
            let first = at(&dead, &["jobs"]).get(0).cloned().unwrap_or_default();
            let reason = at(&first, &["error"])
                .as_str()
                .unwrap_or("unknown")
                .to_owned();
            return Err(TourError::Failed {
                what: "analysis",
                reason,
            });
        }
        let open = count("waiting") + count("running");
        progress.advance(step, total.saturating_sub(open));
        if open == 0 {
            progress.end(step);
            return Ok(());
        }
        api.pause(LOOK_EVERY_MS).await;
    }
}
