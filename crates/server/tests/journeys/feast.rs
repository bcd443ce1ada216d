//! Feast's online protocol by recorded pairs: what its client sends, and what it must read.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::TestServer;

const VIEW: &str = "name = 'driver_hourly_stats'
entity = 'named'
join_keys = ['driver_id']
push_source = 'driver_stats_push_source'
ttl = '2h'
services = {pricing = ['conv_rate']}
[[features]]\nname = 'conv_rate'\nevent = 'push'\naggregate = 'pushed'
[[features]]\nname = 'avg_daily_trips'\nevent = 'push'\naggregate = 'pushed'";

/// Requests and answers, one pair a line; moments are written as `{now-N}` seconds before the test.
const PAIRS: &str = "tests/fixtures/feast/pairs.jsonl";

#[test]
fn journey_feast() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let versions = "/api/v1/features/driver_hourly_stats/versions";
    wire.post(versions, &json!({"text": VIEW}));
    let now = crate::tables::now() / 1_000 * 1_000;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAIRS);
    let pairs = std::fs::read_to_string(fixture).unwrap();
    for (number, line) in pairs.lines().enumerate() {
        let pair: Value = serde_json::from_str(&with_moments(line, now)).unwrap();
        let path = pair["path"].as_str().unwrap();
        let reply = wire.ask("POST", path, &pair["request"]);
        let context = format!("pair {}: {path}: {}", number + 1, reply.text());
        assert_eq!(json!(reply.status), pair["status"], "{context}");
        match &pair["answer"] {
            // An empty body.
            Value::Object(empty) if empty.is_empty() => assert_eq!(reply.text(), "", "{context}"),
            Value::String(_) if reply.status >= 400 => {
                // A JSON string that holds JSON.
                let inner: Value = serde_json::from_str(reply.json().as_str().unwrap()).unwrap();
                assert_eq!(inner["class"], pair["answer"], "{context}");
                assert!(inner["module"].is_string() && inner["message"].is_string());
            }
            answer => assert_eq!(&reply.json(), answer, "{context}"),
        }
    }
    assert_eq!(wire.send("GET", "/health", &[], b"").status, 200);
    let refused = wire.anonymous().ask("POST", "/push", &json!({}));
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .json()
            .as_str()
            .unwrap()
            .contains("FeastPermissionError")
    );
}

/// Puts moments in the place of `{now-N}`, with `Z` where an answer has them.
fn with_moments(line: &str, now_ms: i64) -> String {
    let mut parts = line.split("{now-");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (seconds, rest) = part.split_once('}').unwrap();
        let at = now_ms - seconds.parse::<i64>().unwrap() * 1_000;
        text += &leitmotif_domain::Timestamp::from_ms(at).to_string();
        text += rest;
    }
    text
}
