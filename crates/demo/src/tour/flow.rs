//! Playlists of the platform, judged by what the listeners mind about steps.

use std::collections::HashMap;

use leitmotif_learn::sequencing::{Mode, SequenceOptions, TrackSound, sequence_tracks};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::listening::listener_name;
use super::wire::{PublicApi, at, post};
use super::{TourError, TourProgress};
use crate::listeners::Simulation;
use crate::songs::PITCH_NAMES;
use crate::world::World;

/// Listeners for whom a playlist is made: half a second of the tour.
const LISTENERS: usize = 40;
/// Tracks of a playlist.
const TRACKS: usize = 20;
/// Shuffles of a playlist; their mean stands for chance.
const SHUFFLES: usize = 8;

/// How many tracks of a daily mix are played to the end, in three orders of the same tracks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FlowSummary {
    /// Playlists in the means.
    pub playlists: usize,
    /// Where the platform has its costs of steps from.
    pub step_costs_by: String,
    /// In a random order.
    pub shuffled_plays: f64,
    /// Ordered by a mixer's convention, by the tempo, key and energy that the platform tells; sound is not
    /// told.
    pub convention_plays: f64,
    /// As the platform orders them.
    pub ordered_plays: f64,
}

/// Asks for playlists and judges their order by the hidden tastes, as they are at the end.
pub async fn judge(
    api: &dyn PublicApi,
    world: &World,
    catalogue: &Catalogue,
    simulation: &Simulation,
    progress: &dyn TourProgress,
) -> Result<FlowSummary, TourError> {
    let step = "order playlists";
    let listeners = LISTENERS.min(world.spec.listener_count);
    progress.begin(step, listeners as u64);
    let songs = catalogue.ids.iter().enumerate();
    let songs: HashMap<&str, usize> = songs.map(|(index, id)| (id.as_str(), index)).collect();
    let at_ms = (simulation.listens.last()).map_or(0, |listen| listen.at_ms);
    let mut found = FlowSummary::default();
    for listener in 0..listeners {
        let asked = json!({
            "kind": "daily_mix", "listener": listener_name(listener), "count": TRACKS,
        });
        let draft = post(api, "/api/v1/playlist-drafts", &asked).await?;
        let tracks = at(&draft, &["tracks"]).as_array();
        let tracks: Vec<&Value> = tracks.into_iter().flatten().collect();
        let order = tracks.iter().map(|track| {
            let song = at(track, &["id"]).as_str().and_then(|id| songs.get(id));
            song.copied()
                .ok_or_else(|| unexpected("a track is no song"))
        });
        let order = order.collect::<Result<Vec<usize>, TourError>>()?;
        let plays = |order: &[usize]| {
            let plays = simulation.oracle.expected_plays(listener, order, at_ms);
            plays.ok_or_else(|| unexpected("a listener or song is a stranger"))
        };
        found.ordered_plays += plays(&order)?;
        found.convention_plays += plays(&by_convention(world, &tracks, &order)?)?;
        let mut rng = ChaCha8Rng::seed_from_u64(listener as u64);
        let mut shuffled = order;
        for _ in 0..SHUFFLES {
            shuffled.shuffle(&mut rng);
            found.shuffled_plays += plays(&shuffled)? / SHUFFLES as f64;
        }
        let basis = at(&draft, &["step_costs_by"]).as_str();
        found.step_costs_by = basis.unwrap_or("unknown").to_owned();
        progress.advance(step, listener as u64 + 1);
    }
    progress.end(step);
    found.playlists = listeners;
    let sums = [
        &mut found.shuffled_plays,
        &mut found.convention_plays,
        &mut found.ordered_plays,
    ];
    sums.into_iter()
        .for_each(|sum| *sum /= listeners.max(1) as f64);
    Ok(found)
}

/// The same tracks in the order of the convention.
fn by_convention(
    world: &World,
    tracks: &[&Value],
    order: &[usize],
) -> Result<Vec<usize>, TourError> {
    let sounds: Vec<TrackSound> = tracks.iter().map(|track| sound_of(track)).collect();
    let artists = (order.iter()).filter_map(|song| Some(world.songs.get(*song)?.artist_key()));
    let artists: Vec<u64> = artists.collect();
    let sequenced = sequence_tracks(&sounds, &artists, SequenceOptions::default())
        .map_err(|error| unexpected(error.to_string()))?;
    let places = sequenced.order.iter();
    Ok(places
        .filter_map(|place| order.get(*place).copied())
        .collect())
}

fn unexpected(reason: impl Into<String>) -> TourError {
    TourError::Unexpected {
        call: "POST /api/v1/playlist-drafts".to_owned(),
        reason: reason.into(),
    }
}

fn sound_of(track: &Value) -> TrackSound {
    let number = |name: &str| at(track, &[name]).as_f64().map(|value| value as f32);
    let key = at(track, &["key"]).as_str().and_then(|text| {
        let (tonic, mode) = text.split_once(' ')?;
        let tonic = PITCH_NAMES.iter().position(|name| *name == tonic)?;
        let mode = match mode {
            "major" => Mode::Major,
            _ => Mode::Minor,
        };
        Some((u8::try_from(tonic).ok()?, mode))
    });
    TrackSound {
        tempo_bpm: number("tempo_bpm"),
        key,
        energy: number("energy"),
        timbre: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_read_as_it_is_told() {
        let told = json!({"tempo_bpm": 92.5, "key": "F# minor", "energy": 0.25});
        let sound = sound_of(&told);
        assert_eq!(sound.key, Some((6, Mode::Minor)));
        assert_eq!((sound.tempo_bpm, sound.energy), (Some(92.5), Some(0.25)));
        let unknown = json!({"tempo_bpm": null, "key": "H minor"});
        assert_eq!(sound_of(&unknown), TrackSound::default());
    }
}
