//! A made-up world of listeners and tracks, and a server filled with it.
//!
//! It is only as real as memory and time need: a listener plays some tracks of a neighbourhood of their
//! own and some that everybody plays, so that neighbour lists fill as they do in life.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use serde_json::{Value, json};

use crate::events::{TRACKS_PER_CALL, send_some_tracks};
use crate::random::Random;
use crate::server::Server;
use crate::wire::Wire;

/// Listens of one batch.
const LISTENS_PER_CALL: usize = 5_000;
/// Milliseconds over which the listens are spread: ninety days.
const SPREAD_MS: u64 = 90 * 86_400_000;
/// Tracks around which a listener's own plays lie.
const NEIGHBOURHOOD: usize = 500;
/// Share of plays out of that neighbourhood.
const OWN_SHARE: f64 = 0.7;
/// Connections that fill a server, each with one batch under way.
const CONNECTIONS: usize = 4;

/// How large the world is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct World {
    /// Tracks of the catalogue.
    #[arg(long, default_value_t = 1_000_000)]
    pub tracks: usize,
    /// Listeners.
    #[arg(long, default_value_t = 1_000_000)]
    pub listeners: usize,
    /// The last moment of a listen in milliseconds since 1970.
    #[arg(long, default_value_t = 1_790_000_000_000)]
    pub until_ms: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl World {
    /// So many plays: who and what.
    pub fn plays(&self, count: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut random = Random(self.seed);
        let world = *self;
        (0..count).map(move |_| world.play(&mut random))
    }

    fn play(&self, random: &mut Random) -> (usize, usize) {
        let listener = random.index(self.listeners);
        let track = if random.uniform() < OWN_SHARE {
            let home = Random(listener as u64).index(self.tracks);
            (home + random.index(NEIGHBOURHOOD.min(self.tracks))) % self.tracks
        } else {
            // Half of these plays go to the first eighth of the tracks, a fifth to the first hundredth.
            ((random.uniform().powi(3) * self.tracks as f64) as usize).min(self.tracks - 1)
        };
        (listener, track)
    }

    /// Fills the catalogue of a server; track 7 is `e:7`.
    pub fn send_tracks(&self, server: &Server) -> anyhow::Result<()> {
        let count = self.tracks;
        in_parallel(server, count.div_ceil(TRACKS_PER_CALL), |wire, batch| {
            let first = batch * TRACKS_PER_CALL;
            send_some_tracks(wire, first..(first + TRACKS_PER_CALL).min(count))
        })
    }

    /// Fills the log of a server. Batches that are under way at once reach the log in any order; their
    /// listens keep their moments.
    pub fn send_listens(&self, server: &Server, count: usize) -> anyhow::Result<()> {
        in_parallel(server, count.div_ceil(LISTENS_PER_CALL), |wire, batch| {
            let first = batch * LISTENS_PER_CALL;
            let last = (first + LISTENS_PER_CALL).min(count);
            let mut random = Random(self.seed ^ ((batch as u64 + 1) << 32));
            let listens = (first..last).map(|place| self.listen(&mut random, place, count));
            let listens: Vec<Value> = listens.collect();
            wire.post("/api/v1/events", &json!({ "events": listens }))?;
            Ok(())
        })
    }

    fn listen(&self, random: &mut Random, place: usize, count: usize) -> Value {
        let (listener, track) = self.play(random);
        let played_ms = random.index(200_000);
        let outcome = if played_ms < 60_000 {
            "skipped"
        } else {
            "completed"
        };
        let age_ms = (SPREAD_MS as f64 / count as f64 * (count - place) as f64) as u64;
        json!({"kind": "listen", "occurred_at": self.until_ms - age_ms,
            "listener": format!("listener-{listener}"), "track": format!("e:{track}"),
            "outcome": outcome, "played_ms": played_ms, "track_ms": 200_000, "source": "radio"})
    }
}

/// Sends batches 0 to `count` over several connections.
fn in_parallel(
    server: &Server,
    count: usize,
    send: impl Fn(&mut Wire, usize) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let sender = || -> anyhow::Result<()> {
        let mut wire = server.wire()?;
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= count {
                return Ok(());
            }
            send(&mut wire, batch)?;
        }
    };
    std::thread::scope(|threads| {
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| threads.spawn(sender)).collect();
        senders
            .into_iter()
            .try_for_each(|sender| sender.join().ok().context("a sender broke")?)
    })
}
