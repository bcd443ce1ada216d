//! A demo world that is drawn and not rendered, and sent to a server as players would tell it.

use std::collections::BTreeMap;

use leitmotif_demo::listeners::{
    ListenOutcome, ListenersSpec, SimulatedListen, Simulation, simulate_listeners,
};
use leitmotif_demo::world::{World, WorldSpec};
use serde_json::{Value, json};

use crate::events::TRACKS_PER_CALL;
use crate::wire::Wire;

/// Events sent together.
const EVENTS_PER_CALL: usize = 2_000;
/// When the worlds begin, in milliseconds since 1970: a Monday at midnight.
const START_MS: u64 = 1_767_571_200_000;
/// The zones that listeners live in, with how far their clocks are ahead, in milliseconds.
const ZONES: [(&str, i64); 3] = [
    ("+00:00", 0),
    ("+05:30", 19_800_000),
    ("-08:00", -28_800_000),
];

/// Songs that exist by name alone, and who listens to them.
pub struct DrawnWorld {
    songs: World,
    pub simulation: Simulation,
}

impl DrawnWorld {
    pub fn new(spec: WorldSpec, moment_strength: f32) -> Self {
        let songs = World::new(spec);
        let listeners = ListenersSpec {
            seed: spec.seed,
            listener_count: spec.listener_count,
            listen_count: spec.listen_count,
            day_count: spec.day_count,
            moment_strength,
            ..ListenersSpec::default()
        };
        Self {
            simulation: simulate_listeners(&listeners, &songs.traits(&BTreeMap::new())),
            songs,
        }
    }

    pub fn song_count(&self) -> usize {
        self.songs.songs.len()
    }

    /// Fills a catalogue and its log; answers the ids that the songs were given.
    pub fn send(&self, wire: &mut Wire) -> anyhow::Result<Vec<String>> {
        let songs = self.songs.songs.iter().enumerate();
        let tracks: Vec<Value> = songs
            .map(|(index, song)| {
                json!({"title": song.title, "artist": song.artist, "genre": song.genre,
                    "external_ids": {"demo": index.to_string()}})
            })
            .collect();
        let mut ids = Vec::with_capacity(tracks.len());
        for part in tracks.chunks(TRACKS_PER_CALL) {
            let written = wire.post("/api/v1/tracks", &json!({ "tracks": part }))?;
            let written = written["tracks"].as_array().into_iter().flatten();
            ids.extend(written.filter_map(|track| Some(track["id"].as_str()?.to_owned())));
        }
        for part in self.simulation.listens.chunks(EVENTS_PER_CALL) {
            let events: Vec<Value> = part.iter().map(event).collect();
            wire.post("/api/v1/events", &json!({ "events": events }))?;
        }
        Ok(ids)
    }
}

/// The name a listener goes by.
pub fn listener_name(index: usize) -> String {
    format!("listener-{index}")
}

/// A play as a player tells it: the time of day of the simulation is that of the listener's own clock.
fn event(listen: &SimulatedListen) -> Value {
    let (_, ahead_ms) = ZONES[listen.listener_index % ZONES.len()];
    played(listen, (START_MS + listen.at_ms) as i64 - ahead_ms)
}

/// A play as a player tells it at a time of its own.
pub fn played(listen: &SimulatedListen, occurred_at: i64) -> Value {
    let (zone, _) = ZONES[listen.listener_index % ZONES.len()];
    let outcome = match listen.outcome {
        ListenOutcome::Played => "completed",
        ListenOutcome::Skipped => "skipped",
    };
    json!({
        "kind": "listen",
        "occurred_at": occurred_at,
        "listener": listener_name(listen.listener_index),
        "track": format!("demo:{}", listen.track_index),
        "outcome": outcome,
        "played_ms": listen.played_ms,
        "track_ms": listen.track_ms,
        "zone": zone,
        "device": listen.moment.device(),
        "activity": listen.moment.activity(),
    })
}
