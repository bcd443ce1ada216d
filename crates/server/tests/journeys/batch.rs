//! Lists for many listeners at once, through the real command.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;

#[test]
fn journey_batch() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let tracks: Vec<Value> = (0..40)
        .map(|i| {
            json!({"title": format!("t {i}"), "artist": format!("a {}", i % 7),
            "external_ids": {"a": i.to_string()}})
        })
        .collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let events: Vec<Value> = (0..600)
        .map(|i| {
            json!({"kind": "listen", "occurred_at": now() - i * 60_000,
                "listener": format!("p{}", i % 20), "track": format!("a:{}", (i * 7) % 40),
                "outcome": "completed"})
        })
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
    let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&job)["state"], "done");
    // Another process: what it reads is what a start reads.
    assert!(server.stop());
    let out = folder.path().join("rows.jsonl");
    let path = out.to_str().unwrap();
    let arguments = [
        "recommend",
        "batch",
        "--all",
        "--count",
        "5",
        "--out",
        path,
        "--json",
    ];
    let made = cli(&data, &arguments).json();
    assert_eq!(
        (&made["done"], &made["is_done"]),
        (&json!(20), &json!(true))
    );
    let text = std::fs::read_to_string(&out).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 20);
    for row in &rows {
        let name = row["listener"].as_str().unwrap();
        let arguments = [
            "recommend",
            name,
            "--count",
            "5",
            "--placement",
            "batch",
            "--json",
        ];
        let single = cli(&data, &arguments).json();
        assert_eq!(row["rung"], single["rung"], "{name}");
        let pair = |track: &Value| (track["id"].clone(), track["score"].clone());
        let list = |of: &Value| {
            of["tracks"]
                .as_array()
                .unwrap()
                .iter()
                .map(pair)
                .collect::<Vec<_>>()
        };
        assert_eq!(list(row), list(&single), "{name}");
    }
    let names = folder.path().join("names");
    std::fs::write(&names, "p3\n\nnobody known\n").unwrap();
    let some = [
        "recommend",
        "batch",
        "--listeners",
        names.to_str().unwrap(),
        "--out",
        path,
    ];
    let told = cli(&data, &some);
    assert!(
        told.stdout.starts_with("2 lists as of event"),
        "{}",
        told.stdout
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 2);
    let neither = cli(&data, &["recommend", "batch", "--out", path]);
    assert!(!neither.is_success && neither.stderr.contains("--listeners"));
}
