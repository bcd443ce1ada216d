//! What the platform makes of skips at once: the same listeners with the same luck, told of and untold.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::listening::{event_of, listener_name};
use super::wire::{PublicApi, at, post};
use super::{TourError, TourProgress};
use crate::listeners::{BothSittings, Simulation, Sitting, SkipGain};

/// Listeners who sit twice: some seconds of the tour.
const LISTENERS: usize = 80;
/// Tracks of a sitting.
const LENGTH: usize = 12;
/// Time between two tracks of a sitting as its events tell it, in milliseconds.
const STEP_MS: i64 = 1_000;

/// Has listeners hear one track after the other, first without the platform being told and then with.
///
/// What was heard in a sitting is excluded by name in both, so that only what it says of taste differs.
pub async fn measure(
    api: &dyn PublicApi,
    catalogue: &Catalogue,
    simulation: &Simulation,
    now_ms: i64,
    progress: &dyn TourProgress,
) -> Result<SkipGain, TourError> {
    let step = "listen and skip";
    progress.begin(step, LISTENERS as u64);
    let ids = catalogue.ids.iter().enumerate();
    let songs: HashMap<&str, usize> = ids.map(|(index, id)| (id.as_str(), index)).collect();
    let mut sittings = Vec::with_capacity(LISTENERS);
    for listener in 0..LISTENERS {
        let sit = || Sitting::of(simulation, listener, listener as u64);
        let (Some(untold), Some(told)) = (sit(), sit()) else {
            continue;
        };
        let room = Room {
            api,
            catalogue,
            songs: &songs,
            now_ms,
        };
        sittings.push(BothSittings {
            untold: room.sit(untold, false).await?,
            told: room.sit(told, true).await?,
        });
        progress.advance(step, listener as u64 + 1);
    }
    progress.end(step);
    Ok(SkipGain::of(&sittings))
}

/// Where listeners sit.
struct Room<'r> {
    api: &'r dyn PublicApi,
    catalogue: &'r Catalogue,
    /// Songs by the ids of their tracks.
    songs: &'r HashMap<&'r str, usize>,
    now_ms: i64,
}

impl Room<'_> {
    async fn sit(&self, mut sitting: Sitting<'_>, is_told: bool) -> Result<Vec<bool>, TourError> {
        let unexpected = |reason: &str| TourError::Unexpected {
            call: "POST /api/v1/recommendations".to_owned(),
            reason: reason.to_owned(),
        };
        let mut heard: Vec<String> = Vec::with_capacity(LENGTH);
        for place in 0..LENGTH {
            let name = listener_name(sitting.listener_index());
            let asked =
                json!({"listener": name, "count": 1, "placement": "radio", "exclude": heard});
            let answer = post(self.api, "/api/v1/recommendations", &asked).await?;
            let id = at(&answer, &["tracks"])
                .get(0)
                .map(|track| at(track, &["id"]));
            let id = id
                .and_then(Value::as_str)
                .ok_or_else(|| unexpected("nothing was recommended"))?;
            let song = self.songs.get(id).copied();
            let listen = song.and_then(|song| sitting.hear(song));
            let listen = listen.ok_or_else(|| unexpected("a track of no world"))?;
            heard.push(id.to_owned());
            if is_told {
                // As far back as keeps every play of the sitting in the past.
                let at_ms = self.now_ms - (LENGTH - place) as i64 * STEP_MS;
                let event = event_of(&listen, self.catalogue, at_ms);
                let mut event = event.ok_or_else(|| unexpected("a track of no world"))?;
                event["request_id"] = at(&answer, &["request_id"]).clone();
                post(self.api, "/api/v1/events", &json!({"events": [event]})).await?;
            }
        }
        Ok(sitting.played_to_end())
    }
}
