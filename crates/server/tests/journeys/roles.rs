//! Parts of the platform in processes of their own, one after the other on one folder.

use serde_json::{Value, json};

use crate::harness::{TestServer, wait_until};
use crate::tables::now;

#[test]
fn journey_roles() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();

    // The API takes a song and leaves the work to others.
    let server = TestServer::in_role(data, "api");
    let words = "the river runs below the town\nand all the lights go slowly down";
    let track = json!({"title": "one", "lyrics": words, "external_ids": {"a": "1"}});
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": [track] }));
    fill(&server);
    assert_eq!(server.wire.get("/api/v1/overview")["jobs"]["waiting"], 1);
    assert!(server.stop());

    // Who trains and who follows the log let it lie, and answer probes only.
    for role in ["train", "stream"] {
        let server = TestServer::in_role(data, role);
        assert_eq!(server.wire.send("GET", "/livez", &[], b"").status, 200);
        let metrics = server.wire.send("GET", "/metrics", &[], b"");
        assert_eq!(metrics.status, 200);
        let refused = server.wire.send("GET", "/api/v1/overview", &[], b"");
        refused.problem(404, "role");
        assert_eq!(server.wire.send("GET", "/studio", &[], b"").status, 404);
        assert!(server.stop());
    }
    let server = TestServer::in_role(data, "api");
    assert_eq!(server.wire.get("/api/v1/overview")["jobs"]["waiting"], 1);
    let queued = server.wire.post("/api/v1/training-runs", &json!({}));
    assert!(server.stop());

    // The worker analyses, and leaves the training to the trainer.
    let server = TestServer::in_role(data, "worker");
    // The folder is of one at a time, whatever the roles, and whoever comes second is told by whom it is held.
    for role in ["train", "api", "worker"] {
        let refused = TestServer::spawn_in_role(data, role).err().unwrap();
        let holder = format!("process {}", server.id());
        assert!(refused.contains(&holder), "{role}: {refused}");
        assert!(refused.contains("is in use by"), "{role}: {refused}");
    }
    wait_until("the worker analysed", || {
        let log = server.log();
        log.contains("a job is done").then_some(())
    });
    assert!(server.stop());
    let server = TestServer::in_role(data, "api");
    let analysis = server.wire.get("/api/v1/tracks/a:1/analysis");
    assert_eq!(analysis["is_current"], true);
    let path = format!("/api/v1/jobs/{}", queued["job"].as_str().unwrap());
    assert_eq!(server.wire.get(&path)["state"], "waiting");
    assert!(server.stop());

    // The trainer does, and what it learnt answers where the next role asks.
    let server = TestServer::in_role(data, "train");
    wait_until("the trainer trained", || {
        let log = server.log();
        log.contains("a job is done").then_some(())
    });
    assert!(server.stop());
    let server = TestServer::in_role(data, "api");
    let trained = server.wire.get(&path);
    assert_eq!(trained["state"], "done", "{trained}");
    let asked = json!({"listener": "p1", "count": 3, "include_heard": true});
    let answer = server.wire.post("/api/v1/recommendations", &asked);
    assert_eq!(answer["rung"], "personalised", "{answer}");
    assert!(answer["model_version"].is_string(), "{answer}");
    assert!(server.stop());
}

/// Enough tracks and listens for a training.
fn fill(server: &TestServer) {
    let track = |number: i64| {
        json!({"title": format!("t {number}"), "artist": format!("a {}", number % 7),
            "external_ids": {"b": number.to_string()}})
    };
    let tracks: Vec<Value> = (0..40).map(track).collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let listen = |number: i64| {
        json!({"kind": "listen", "occurred_at": now() - number * 60_000, "outcome": "completed",
            "listener": format!("p{}", number % 20), "track": format!("b:{}", (number * 7) % 40)})
    };
    let events: Vec<Value> = (0..600).map(listen).collect();
    server
        .wire
        .post("/api/v1/events", &json!({ "events": events }));
}
