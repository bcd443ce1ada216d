//! The routes of the rap scraper's own service, by what its clients send and read.

use serde_json::{Value, json};

use crate::harness::{TestServer, wait_until};

const VERSE: &str = "I love the way you smile at me tonight\nI love the way the stars are shining bright\n\
    the money comes, the money goes away\nbut love is here with you and me to stay";

/// What its answers are made of: the names of each, as its models declare them.
fn has_keys(answer: &Value, keys: &[&str]) {
    for key in keys {
        assert!(answer.get(key).is_some(), "`{key}` is missing: {answer}");
    }
}

#[test]
fn journey_rap_scraper_service() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;

    // Recorded: the request of its web page.
    let asked = json!({"lyrics": VERSE, "use_cache": true});
    let told = wire.post("/analyze", &asked);
    has_keys(
        &told,
        &[
            "success",
            "analysis",
            "cached",
            "timestamp",
            "processing_time_ms",
        ],
    );
    assert_eq!(
        (&told["success"], &told["cached"]),
        (&json!(true), &json!(false))
    );
    let analysis = &told["analysis"];
    assert_eq!(analysis["sentiment"], "positive", "{analysis}");
    assert_eq!(analysis["total_words"], 35, "{analysis}");
    assert!(analysis["themes"].is_array() && analysis["rhyme_scheme"].is_string());
    for name in ["complexity_score", "quality_score"] {
        assert_eq!(analysis[name], Value::Null, "{name} would be made up");
    }

    // Its validation: lyrics of 10 to 5,000 characters, a temperature of 0.1 to 1.
    for (wrong, place) in [
        (json!({"lyrics": "short"}), json!(["body", "lyrics"])),
        (
            json!({"lyrics": "a".repeat(5_001)}),
            json!(["body", "lyrics"]),
        ),
        (
            json!({"lyrics": VERSE, "temperature": 2}),
            json!(["body", "temperature"]),
        ),
    ] {
        let refused = wire.ask("POST", "/analyze", &wrong);
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(refused.json()["detail"][0]["loc"], place);
    }
    let unknown = wire.anonymous().ask("POST", "/analyze", &asked);
    assert_eq!(unknown.status, 401);
    assert!(unknown.json()["detail"].is_string());

    let items: Vec<Value> = (0..30)
        .map(|number| json!({"lyrics": VERSE, "id": format!("item_{number}")}))
        .collect();
    let sent = wire.ask(
        "POST",
        "/batch",
        &json!({"items": items, "operation": "analyze"}),
    );
    assert_eq!(sent.status, 202, "{}", sent.text());
    let sent = sent.json();
    has_keys(&sent, &["batch_id", "status", "items_count", "timestamp"]);
    assert_eq!(
        (&sent["status"], &sent["items_count"]),
        (&json!("queued"), &json!(30))
    );
    let path = format!("/batch/{}/status", sent["batch_id"].as_str().unwrap());
    let done = wait_until("the batch is done", || {
        let status = wire.get(&path);
        has_keys(
            &status,
            &[
                "batch_id",
                "status",
                "progress",
                "completed_items",
                "total_items",
                "timestamp",
            ],
        );
        (status["status"] == "completed").then_some(status)
    });
    assert_eq!(
        (&done["progress"], &done["completed_items"]),
        (&json!(100), &json!(30))
    );
    assert_eq!(done["results"][29]["id"], "item_29");
    assert_eq!(done["results"][29]["analysis"]["total_words"], 35);
    let refused = wire.ask("POST", "/batch", &json!({"items": []}));
    assert_eq!(refused.json()["detail"][0]["loc"], json!(["body", "items"]));
    let stranger = wire.post("/api/v1/tenants", &json!({"name": "second"}));
    let stranger = wire.with_key(stranger["key"]["secret"].as_str().unwrap());
    assert_eq!(stranger.send("GET", &path, &[], b"").status, 404);
    assert_eq!(
        wire.send("GET", "/batch/nothing/status", &[], b"").status,
        404
    );

    for (path, keys) in [
        ("/models/info", &["models", "version", "timestamp"][..]),
        (
            "/models/status",
            &["api_version", "models_loaded", "models", "timestamp"],
        ),
        (
            "/config/info",
            &["application", "api", "database", "redis", "monitoring"],
        ),
        (
            "/cache/stats",
            &["enabled", "stats", "config", "message", "error"],
        ),
    ] {
        has_keys(&wire.get(path), keys);
        assert_eq!(
            wire.anonymous().send("GET", path, &[], b"").status,
            401,
            "{path}"
        );
    }
    let health = wire.anonymous().get("/health");
    has_keys(
        &health,
        &[
            "status",
            "version",
            "environment",
            "timestamp",
            "components",
        ],
    );
    assert_eq!(
        (&health["status"], &health["components"]["database"]),
        (&json!("healthy"), &json!("healthy"))
    );
    assert_eq!(wire.anonymous().get("/ready")["status"], "ready");
}
