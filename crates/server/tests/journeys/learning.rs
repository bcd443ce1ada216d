//! Plays in, personal lists out.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{TestServer, wait_until};
use crate::tables::now;

const TRACKS: usize = 40;
const MINUTE_MS: i64 = 60_000;

fn listen(listener: &str, track: usize, at: i64, outcome: &str) -> Value {
    let played_ms = if outcome == "completed" {
        180_000
    } else {
        4_000
    };
    json!({"kind": "listen", "occurred_at": at, "listener": listener,
        "track": format!("t:{track}"), "outcome": outcome, "played_ms": played_ms,
        "track_ms": 180_000})
}

/// Two camps: even listeners play the first half of the catalogue, odd ones the second.
fn history(start: i64) -> Vec<Value> {
    let mut events = Vec::new();
    for round in 0..14_usize {
        for person in 0..24_usize {
            let camp = (person % 2) * (TRACKS / 2);
            let track = camp + (person * 7 + round * 3) % (TRACKS / 2);
            let at = start + (round * 24 + person) as i64 * MINUTE_MS;
            events.push(listen(&format!("p{person}"), track, at, "completed"));
        }
    }
    events
}

fn ids(answer: &Value) -> Vec<String> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks
        .map(|t| t["id"].as_str().unwrap().to_owned())
        .collect()
}

fn prepare(data: &std::path::Path) -> TestServer {
    let server = TestServer::start(data);
    let tracks: Vec<Value> = (0..TRACKS)
        .map(|i| {
            json!({"title": format!("Track {i}"), "artist": format!("Artist {i}"),
                "duration_ms": 180_000, "external_ids": {"t": i.to_string()}})
        })
        .collect();
    let written = server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    assert_eq!(written["created"], TRACKS);
    server
}

fn train(server: &TestServer) -> String {
    let job = server.wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    let over = server.wait_job(&job);
    assert_eq!(over["state"], "done", "{over}");
    let models = server.wire.get("/api/v1/models?limit=1");
    assert_eq!(models["models"][0]["is_production"], true);
    models["models"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn journey_learning() {
    let folder = tempfile::tempdir().unwrap();
    let server = prepare(folder.path());
    let wire = &server.wire;
    let recommend = |asked: Value| wire.post("/api/v1/recommendations", &asked);

    // Too little to learn from is said, not hidden.
    let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    let early = server.wait_job(&job);
    assert_eq!(early["state"], "dead");
    assert!(
        early["error"].as_str().unwrap().contains("at least 200"),
        "{early}"
    );

    // Duplicates count once, in one batch and over two.
    let start = now() - 8 * 3_600_000;
    let events = history(start);
    let first = wire.post("/api/v1/events", &json!({ "events": events }));
    assert_eq!(
        (first["written"].as_u64(), first["duplicates"].as_u64()),
        (Some(336), Some(0))
    );
    let second = wire.post("/api/v1/events", &json!({ "events": events }));
    assert_eq!(
        (second["written"].as_u64(), second["duplicates"].as_u64()),
        (Some(0), Some(336))
    );
    assert_eq!(server.usage("events"), 336);
    let p0 = wire.get("/api/v1/listeners/p0");
    assert_eq!(p0["plays"], 14, "{p0}");

    let model = train(&server);
    let mine = recommend(json!({"listener": "p0", "count": 5}));
    assert_eq!(mine["rung"], "personalised", "{mine}");
    assert_eq!(mine["model_version"], json!(model));
    let camp: HashSet<String> = (0..TRACKS / 2)
        .map(|i| {
            wire.get(&format!("/api/v1/tracks/t:{i}"))["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let in_camp = ids(&mine).iter().filter(|id| camp.contains(*id)).count();
    assert!(
        in_camp >= 3,
        "{in_camp} of 5 are of the listener's camp: {mine}"
    );

    // What is disliked is gone from the very next answer.
    let top = ids(&mine)[0].clone();
    let dislike = json!({"events": [{"kind": "feedback", "occurred_at": now(), "listener": "p0",
        "track": top, "opinion": "dislike"}]});
    wire.post("/api/v1/events", &dislike);
    let next = recommend(json!({"listener": "p0", "count": 5}));
    assert!(!ids(&next).contains(&top), "{next}");

    // A skip moves the very next answer.
    let top = ids(&next)[0].clone();
    let score = |answer: &Value, id: &str| {
        let mut tracks = answer["tracks"].as_array().unwrap().iter();
        tracks
            .find(|t| t["id"] == id)
            .and_then(|t| t["score"].as_f64())
    };
    let all = json!({"listener": "p0", "count": 40});
    let before = recommend(all.clone());
    let mut skip = listen("p0", 0, now(), "skipped");
    skip["track"] = json!(top);
    wire.post("/api/v1/events", &json!({ "events": [skip] }));
    let after = recommend(all);
    assert_ne!(ids(&before), ids(&after), "a skip changes the order");
    let (was, is) = (score(&before, &top), score(&after, &top));
    assert!(is.is_none() || is < was, "{was:?} {is:?}");

    // Rungs can be switched off, one after the other.
    let off =
        |rungs: Value| recommend(json!({"listener": "p0", "count": 5, "disabled_rungs": rungs}));
    let without = off(json!(["personalised"]));
    assert_ne!(without["rung"], "personalised");
    assert!(!ids(&without).is_empty());
    let bare = off(json!(["personalised", "session", "content", "popular"]));
    assert_eq!(bare["rung"], "static");
    assert_eq!(ids(&bare).len(), 5);
    let unknown = recommend(json!({"listener": "nobody has met", "count": 5}));
    assert_eq!(unknown["rung"], "popular", "{unknown}");

    exposures_are_written(&server, &next);
    private_plays_stay_private(&server, start);
    models_roll_back(&server, &model);
}

fn exposures_are_written(server: &TestServer, shown: &Value) {
    let request = shown["request_id"].as_str().unwrap();
    let entry = wait_until("the exposure is written", || {
        let history = server
            .wire
            .walk("/api/v1/listeners/p0/events", "events", 200);
        history
            .into_iter()
            .find(|event| event["request_id"] == request)
    });
    assert_eq!(entry["kind"], "exposure", "{entry}");
    assert!(
        entry["detail"]
            .as_str()
            .unwrap()
            .contains("5 tracks shown at api, personalised")
    );
    let mut heard = listen("p0", 1, now(), "completed");
    heard["request_id"] = json!(request);
    server
        .wire
        .post("/api/v1/events", &json!({ "events": [heard] }));
    let newest = server.wire.get("/api/v1/listeners/p0/events?limit=1");
    assert_eq!(newest["events"][0]["request_id"], request, "{newest}");
}

fn private_plays_stay_private(server: &TestServer, start: i64) {
    let wire = &server.wire;
    let events: Vec<Value> = (0..10)
        .map(|i| {
            let mut event = listen("shy", i, start + i as i64, "completed");
            event["private"] = json!(true);
            event
        })
        .collect();
    let popular = || {
        let asked = json!({"count": 40, "disabled_rungs": ["personalised", "session", "content"]});
        ids(&wire.post("/api/v1/recommendations", &asked))
    };
    let before = popular();
    wire.post("/api/v1/events", &json!({ "events": events }));
    let shy = wire.get("/api/v1/listeners/shy");
    assert_eq!(
        (&shy["plays"], &shy["likes"]),
        (&json!(0), &json!([])),
        "{shy}"
    );
    let answer = wire.post(
        "/api/v1/recommendations",
        &json!({"listener": "shy", "count": 5}),
    );
    assert_eq!(answer["rung"], "popular", "{answer}");
    assert_eq!(
        before,
        popular(),
        "private plays do not make anything popular"
    );
    let history = wire.walk("/api/v1/listeners/shy/events", "events", 3);
    let listens = history
        .iter()
        .filter(|event| event["kind"] == "listen")
        .count();
    assert_eq!(listens, 10, "they are kept in the history");
}

fn models_roll_back(server: &TestServer, first: &str) {
    let second = train(server);
    assert_ne!(first, second);
    let in_use = || {
        let asked = json!({"listener": "p2", "count": 3});
        let answer = server.wire.post("/api/v1/recommendations", &asked);
        answer["model_version"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(in_use(), second);
    let back = server.wire.ask(
        "PUT",
        &format!("/api/v1/models/{first}/production"),
        &json!({}),
    );
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(in_use(), first);
    let models = server.wire.get("/api/v1/models");
    let production: Vec<&Value> = models["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| model["is_production"] == true)
        .collect();
    assert_eq!((production.len(), &production[0]["id"]), (1, &json!(first)));
    assert_eq!(
        server.wire.get("/api/v1/overview")["model"]["id"],
        json!(first)
    );
}

/// What was learnt outlives the process, whether it ends well or not.
#[test]
fn learning_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let server = prepare(folder.path());
    server.wire.post(
        "/api/v1/events",
        &json!({ "events": history(now() - 8 * 3_600_000) }),
    );
    train(&server);
    let asked = json!({"listener": "p1", "count": 10});
    let answer = |server: &TestServer| {
        let answer = server.wire.post("/api/v1/recommendations", &asked);
        (answer["rung"].clone(), ids(&answer))
    };
    let before = answer(&server);
    assert!(server.stop(), "SIGTERM ends the server well");
    let mut server = TestServer::start(folder.path());
    assert_eq!(before, answer(&server));
    server.kill();
    let server = TestServer::start(folder.path());
    assert_eq!(before, answer(&server));
}
