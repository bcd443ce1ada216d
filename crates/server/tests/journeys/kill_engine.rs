//! SIGKILL at random moments under load, over and over; then everything that was acknowledged must
//! be there once, and nothing by halves.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::wire::Wire;

/// Clients that send plays.
const PLAYERS: usize = 3;
/// Clients that send tracks.
const SENDERS: usize = 2;
/// One in so many tracks has words.
const WORDS_EVERY: i64 = 50;

/// What to do.
#[derive(Clone, Copy)]
pub struct KillPlan {
    pub kills: usize,
    pub seed: u64,
    /// Longest time to be ready again.
    pub ready_max: Duration,
    /// Present time in milliseconds since 1970.
    pub now_ms: i64,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct KillReport {
    pub kills: usize,
    pub acknowledged_batches: usize,
    pub cut_batches: usize,
    pub events_found: usize,
    pub tracks_found: usize,
    pub ready_ms_median: u128,
    pub ready_ms_max: u128,
}

/// A batch on its way: its number, its items, and what became of it.
struct Batch {
    items: Vec<i64>,
    state: Sent,
}

#[derive(Clone, Copy, PartialEq)]
enum Sent {
    Acknowledged,
    /// The line broke before an answer.
    Cut,
}

/// A client with everything it ever sent.
struct Client {
    name: String,
    is_player: bool,
    next: i64,
    batches: Vec<Batch>,
    rng: ChaCha8Rng,
    start_ms: i64,
}

impl Client {
    fn body(&self, items: &[i64]) -> (&'static str, Value) {
        if self.is_player {
            let events: Vec<Value> = items
                .iter()
                .map(|item| {
                    json!({"kind": "listen", "occurred_at": self.start_ms + item,
                        "listener": self.name, "track": format!("k:{}", item % 10),
                        "outcome": "completed"})
                })
                .collect();
            ("/api/v1/events", json!({ "events": events }))
        } else {
            let tracks: Vec<Value> = items
                .iter()
                .map(|item| {
                    // A few have words, so that the queue is in play and still empties in time.
                    let lyrics =
                        (item % WORDS_EVERY == 0).then(|| format!("la la la\nnumber {item}"));
                    json!({"title": format!("T{item}"), "artist": self.name, "lyrics": lyrics,
                        "external_ids": {"k": format!("{}-{item}", self.name)}})
                })
                .collect();
            ("/api/v1/tracks", json!({ "tracks": tracks }))
        }
    }

    fn deliver(&self, wire: &Wire, items: &[i64]) -> Sent {
        let (path, body) = self.body(items);
        let media = [("content-type", "application/json")];
        match wire.try_send("POST", path, &media, body.to_string().as_bytes()) {
            Ok(reply) => {
                assert_eq!(reply.status, 200, "{path}: {}", reply.text());
                Sent::Acknowledged
            }
            Err(_) => Sent::Cut,
        }
    }

    /// Sends batches until the line breaks.
    fn send_until_cut(&mut self, wire: &Wire, stop: &AtomicBool) {
        // Half of what was cut is sent again, as a careful client does; the rest must be whole.
        if self.rng.random_bool(0.5)
            && let Some(place) = self.batches.iter().rposition(|b| b.state == Sent::Cut)
        {
            let state = self.deliver(wire, &self.batches[place].items);
            self.batches[place].state = state;
        }
        while !stop.load(Ordering::Relaxed) {
            let count = self.rng.random_range(1..=40);
            let items: Vec<i64> = (self.next..self.next + count).collect();
            self.next += count;
            let state = self.deliver(wire, &items);
            self.batches.push(Batch { items, state });
            if state == Sent::Cut {
                return;
            }
        }
    }

    /// How often each item is stored.
    fn stored(&self, wire: &Wire) -> HashMap<i64, usize> {
        let mut counts = HashMap::new();
        if self.is_player {
            let path = format!("/api/v1/listeners/{}/events", self.name);
            for event in wire.walk(&path, "events", 200) {
                let at: leitmotif_domain::Timestamp =
                    serde_json::from_value(event["occurred_at"].clone()).unwrap();
                *counts.entry(at.as_ms() - self.start_ms).or_default() += 1;
            }
        } else {
            let path = format!("/api/v1/tracks?artist={}", self.name);
            for track in wire.walk(&path, "tracks", 200) {
                *counts.entry(item_of(&track)).or_default() += 1;
            }
        }
        counts
    }

    /// The items whose words were never read.
    fn unread(&self, wire: &Wire) -> HashSet<i64> {
        let path = format!(
            "/api/v1/tracks?artist={}&has_lyrics=true&has_analysis=false",
            self.name
        );
        let tracks = wire.walk(&path, "tracks", 200);
        tracks.iter().map(item_of).collect()
    }

    /// Panics when something acknowledged is missing or doubled, or a batch is there by halves.
    fn check(&self, wire: &Wire, report: &mut KillReport) {
        let stored = self.stored(wire);
        let unread = match self.is_player {
            true => HashSet::new(),
            false => self.unread(wire),
        };
        let mut expected = 0;
        for batch in &self.batches {
            let counts: Vec<usize> = batch
                .items
                .iter()
                .map(|item| stored.get(item).copied().unwrap_or(0))
                .collect();
            let is_whole = counts.iter().all(|count| *count == 1);
            let is_absent = counts.iter().all(|count| *count == 0);
            let (first, name) = (batch.items[0], &self.name);
            match batch.state {
                Sent::Acknowledged => {
                    report.acknowledged_batches += 1;
                    let is_read = batch.items.iter().all(|item| !unread.contains(item));
                    assert!(is_read, "{name}: nobody reads the words of batch {first}");
                    assert!(
                        is_whole,
                        "{name}: batch at {first} was acknowledged: {counts:?}"
                    );
                }
                Sent::Cut => {
                    report.cut_batches += 1;
                    assert!(
                        is_whole || is_absent,
                        "{name}: half a batch at {first}: {counts:?}"
                    );
                }
            }
            expected += usize::from(is_whole) * batch.items.len();
        }
        let found: usize = stored.values().sum();
        assert_eq!(found, expected, "{}: nothing but what was sent", self.name);
        if self.is_player {
            report.events_found += found;
        } else {
            report.tracks_found += found;
        }
    }
}

fn item_of(track: &Value) -> i64 {
    let name = track["external_ids"]["k"].as_str().unwrap();
    name.rsplit('-').next().unwrap().parse().unwrap()
}

/// Runs the plan on an empty folder.
pub fn run(plan: KillPlan, binary: &Path, data: &Path) -> KillReport {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let settings = [("LEITMOTIF_LOG", "info")];
    let start = || TestServer::spawn(binary, data, &settings).unwrap_or_else(|e| panic!("{e}"));
    let mut clients: Vec<Client> = (0..PLAYERS + SENDERS)
        .map(|index| Client {
            name: format!("client{index}"),
            is_player: index < PLAYERS,
            next: 0,
            batches: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(plan.seed ^ (index as u64 + 1) << 32),
            start_ms: plan.now_ms - 30 * 86_400_000,
        })
        .collect();
    let mut report = KillReport::default();
    let mut ready_ms = Vec::new();
    for kill in 0..plan.kills {
        let mut server = start();
        if kill == 0 {
            let tracks: Vec<Value> = (0..10)
                .map(|i| json!({"title": format!("K{i}"), "external_ids": {"k": i.to_string()}}))
                .collect();
            server
                .wire
                .post("/api/v1/tracks", &json!({ "tracks": tracks }));
        } else {
            assert!(
                server.ready_after < plan.ready_max,
                "ready after {:?}",
                server.ready_after
            );
            ready_ms.push(server.ready_after.as_millis());
        }
        let stop = AtomicBool::new(false);
        let wire = server.wire.clone();
        let moment = Duration::from_micros(rng.random_range(0..250_000));
        std::thread::scope(|scope| {
            for client in &mut clients {
                let (wire, stop) = (&wire, &stop);
                scope.spawn(move || client.send_until_cut(wire, stop));
            }
            let begun = Instant::now();
            std::thread::sleep(moment.saturating_sub(begun.elapsed()));
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        report.kills += 1;
    }
    let server = start();
    let dead_count = server.wait_idle();
    let dead = server.wire.get("/api/v1/jobs?state=dead");
    assert_eq!(dead_count, 0, "no job is lost to the kills: {dead}");
    for client in &clients {
        client.check(&server.wire, &mut report);
    }
    ready_ms.sort_unstable();
    report.ready_ms_median = ready_ms.get(ready_ms.len() / 2).copied().unwrap_or(0);
    report.ready_ms_max = ready_ms.last().copied().unwrap_or(0);
    report
}
