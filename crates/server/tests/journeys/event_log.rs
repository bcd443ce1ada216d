//! The log as commands and routes: tail, lag, replay, rebuild, and what the log promises.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;
use crate::wire::Wire;

const EVENTS: &str = "/api/v1/events";

fn catalogue(wire: &Wire, count: usize) {
    let tracks: Vec<Value> = (0..count)
        .map(|i| {
            json!({"title": format!("Song {i}"), "artist": format!("Band {}", i % 7),
                "duration_ms": 200_000, "external_ids": {"a": i.to_string()}})
        })
        .collect();
    for part in tracks.chunks(1_000) {
        wire.post("/api/v1/tracks", &json!({ "tracks": part }));
    }
}

fn listen(listener: &str, track: usize, at: i64) -> Value {
    json!({"kind": "listen", "occurred_at": at, "listener": listener,
        "track": format!("a:{track}"), "outcome": "completed"})
}

fn hash(wire: &Wire, projection: &str) -> Value {
    let asked = json!({ "projection": projection });
    let answer = wire.post("/api/v1/events/replay", &asked);
    assert_eq!(answer["is_equal"], true, "{answer}");
    assert_eq!(answer["live_sha256"], answer["replayed_sha256"]);
    answer["live_sha256"].clone()
}

fn command(data: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["--json", "events"];
    all.extend_from_slice(arguments);
    cli(data, &all).json()
}

#[test]
fn a_projection_is_dropped_and_rebuilt_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    catalogue(wire, 20);
    let events: Vec<Value> = (0..500)
        .map(|i| listen(&format!("p{}", i % 9), i % 20, now() - i as i64 * 7_000))
        .collect();
    wire.post(EVENTS, &json!({ "events": events }));
    let told = json!({"listener": "p1", "listens": [
        {"occurred_at": now() - 5_000, "track": {"title": "Song 3", "artist": "Band 3"}},
        {"occurred_at": now() - 9_000, "track": {"title": "Not here", "artist": "Nobody"}}]});
    wire.post("/api/v1/listens", &told);

    for projection in ["listening", "scrobbles", "features"] {
        let before = hash(wire, projection);
        // Through the server that runs.
        let rebuilt = command(&data, &["rebuild", "--projection", projection]);
        assert_eq!(rebuilt["sha256"], before, "{projection}");
        let replayed = command(&data, &["replay", "--projection", projection]);
        assert_eq!(replayed["is_equal"], true);
        assert_eq!(replayed["live_sha256"], before, "{projection}");
    }
    let before = [hash(wire, "listening"), hash(wire, "scrobbles")];
    let taste = wire.get("/api/v1/listeners/p1");
    assert!(server.stop());

    // Over the folder without a server: the same log, the same bytes.
    for (projection, before) in ["listening", "scrobbles"].into_iter().zip(before) {
        let rebuilt = command(&data, &["rebuild", "--projection", projection]);
        assert_eq!(rebuilt["sha256"], before, "{projection}");
    }
    let server = TestServer::start(&data);
    assert_eq!(server.wire.get("/api/v1/listeners/p1"), taste);
}

#[test]
fn a_consumer_that_stands_still_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    catalogue(wire, 20);
    let told = json!({"listener": "p1", "listens": [
        {"occurred_at": now() - 9_000, "track": {"title": "Later", "artist": "Nobody"}}]});
    wire.post("/api/v1/listens", &told);
    hash(wire, "scrobbles");
    let lag = || {
        let answer = command(&data, &["lag"]);
        let consumers = answer["consumers"].as_array().unwrap().clone();
        let of = |name: &str| {
            let found = consumers.iter().find(|one| one["projection"] == name);
            found.unwrap()["behind_events"].as_u64().unwrap()
        };
        (of("listening"), of("scrobbles"))
    };
    // Nobody scrobbles any more: that consumer stands, the log and the other one go on.
    let (_, stands) = lag();
    let events: Vec<Value> = (0..3_000)
        .map(|i| listen("p2", i % 20, now() - i as i64 * 1_000))
        .collect();
    wire.post(EVENTS, &json!({ "events": events }));
    hash(wire, "listening");
    let (listening, scrobbles) = lag();
    assert_eq!((listening, scrobbles), (0, stands + 3_000));
    assert_eq!(wire.get("/api/v1/listeners/p2")["plays"], 3_000);
    let consumers = wire.get("/api/v1/events/consumers");
    assert_eq!(consumers["consumers"][0]["behind_ms"], 0);

    // When it goes on, nothing was lost: the listen that waited finds its track.
    wire.post(
        "/api/v1/tracks",
        &json!({"tracks": [{"title": "Later", "artist": "Nobody"}]}),
    );
    wire.post("/api/v1/listens", &told);
    assert_eq!(wire.get("/api/v1/listeners/p1")["plays"], 1);
    hash(wire, "scrobbles");
}

#[test]
fn a_batch_counts_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    catalogue(wire, 50);
    // A month, from the newest back, sent a hundred times.
    let day = 86_400_000;
    let events: Vec<Value> = (0..90)
        .map(|i| listen(&format!("p{}", i % 3), i % 50, now() - i as i64 * day / 3))
        .collect();
    let batch = json!({ "events": events });
    for round in 0..100 {
        let answer = wire.post(EVENTS, &batch);
        let expected = if round == 0 { (90, 0) } else { (0, 90) };
        let found = (answer["written"].as_u64(), answer["duplicates"].as_u64());
        assert_eq!(found, (Some(expected.0), Some(expected.1)));
    }
    assert_eq!(server.usage("events"), 90);
    assert_eq!(wire.get("/api/v1/listeners/p0")["plays"], 30);
    hash(wire, "listening");
}

#[test]
fn ten_thousand_events_of_one_listener_in_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    catalogue(wire, 100);
    let at = now() - 3_600_000;
    for half in 0..2 {
        let events: Vec<Value> = (0..5_000)
            .map(|i| listen("busy", i % 100, at + (half * 5_000 + i as i64) / 10))
            .collect();
        let answer = wire.post(EVENTS, &json!({ "events": events }));
        assert_eq!(answer["written"], 5_000);
    }
    assert_eq!(wire.get("/api/v1/listeners/busy")["plays"], 10_000);
    hash(wire, "listening");
    let page = wire.get("/api/v1/events?listener=busy&limit=200&order=newest");
    assert_eq!(page["events"].as_array().unwrap().len(), 200);
    let tail = cli(&data, &["events", "tail", "--listener", "busy", "-n", "3"]);
    assert_eq!(tail.stdout.lines().count(), 3, "{}", tail.stdout);
}

#[test]
fn the_log_is_read_followed_and_kept_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    catalogue(wire, 5);
    let mut secret = listen("ann", 1, now() - 4_000);
    secret["private"] = json!(true);
    let search = json!({"kind": "search", "occurred_at": now(), "listener": "bob", "query": "q"});
    let events = json!({"events": [listen("ann", 0, now() - 9_000), secret, search]});
    wire.post(EVENTS, &events);
    let key = |label: &str| {
        let asked = json!({"label": label, "scopes": ["read"]});
        let key = wire.post("/api/v1/keys", &asked);
        wire.with_key(key["secret"].as_str().unwrap())
    };
    let count = |wire: &Wire, path: &str| wire.get(path)["events"].as_array().unwrap().len();
    let (ann, bob) = (key("ann"), key("bob"));
    for (path, rest) in [
        ("/api/v1/events?kind=listen", 1),
        ("/api/v1/listeners/ann/events", 1),
    ] {
        assert_eq!(count(wire, path), rest + 1, "{path}");
        assert_eq!(count(&ann, path), rest + 1, "{path}");
        assert_eq!(count(&bob, path), rest, "{path}");
    }
    assert_eq!(count(wire, "/api/v1/events?listener=bob"), 1);

    // Paging: a cursor belongs to its filter, and the end of the log has one too.
    let first = wire.get("/api/v1/events?limit=2");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = wire.get(&format!("/api/v1/events?limit=200&cursor={cursor}"));
    assert_eq!(second["events"][0]["offset"], 3);
    assert_eq!(second["has_more"], false);
    let other = format!("/api/v1/events?kind=listen&cursor={cursor}");
    let refused = wire.send("GET", &other, &[], b"");
    refused.points_at(400, "?cursor", "another filter");
    for (query, pointer) in [
        ("kind=nothing", "?kind"),
        ("wait_s=31", "?wait_s"),
        ("wait_s=1&order=newest", "?wait_s"),
        ("limit=201", "?limit"),
    ] {
        let refused = wire.send("GET", &format!("/api/v1/events?{query}"), &[], b"");
        refused.points_at(400, pointer, query);
    }
    // The bound itself is taken.
    assert_eq!(count(wire, "/api/v1/events?wait_s=30&limit=200"), 8);

    // A follower waits for what comes.
    let end = second["next_cursor"].as_str().unwrap().to_owned();
    let waiting = wire.clone();
    let follower = std::thread::spawn(move || {
        let path = format!("/api/v1/events?limit=200&wait_s=30&cursor={end}");
        waiting.get(&path)["events"].clone()
    });
    wire.post(EVENTS, &json!({"events": [listen("bob", 2, now())]}));
    let seen = follower.join().unwrap();
    assert_eq!(seen[0]["kind"], "listen");
    assert_eq!(seen[0]["offset"], 9);

    let shown = cli(&data, &["--json", "events", "tail", "--kind", "search"]);
    let line: Value = serde_json::from_str(shown.stdout.trim()).unwrap();
    assert_eq!(line["payload"]["query"], "q");
    let weak = bob.ask("POST", "/api/v1/events/replay", &json!({}));
    weak.problem(403, "replay is for admins");
}
