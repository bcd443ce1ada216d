//! Parts of the platform in processes of their own, one after the other on one folder.

use serde_json::json;

use crate::harness::{TestServer, wait_until};

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
}
