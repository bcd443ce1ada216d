//! Metrics by definition over HTTP and the command line: values by hand, late and private plays, definitions, a recount.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli, wait_until};
use crate::tables::now;
use crate::wire::Wire;

const METRICS: &str = "/api/v1/metrics";
const DAY: i64 = 86_400_000;
const LISTENERS: u64 = 12;
const SHOWN: u64 = 5;

/// Shows every listener five tracks, of which they play the first ones, one more each up to five. The second listener
/// plays one in private, too.
fn prepare(wire: &Wire) -> u64 {
    let tracks: Vec<Value> = (0..20)
        .map(|i| {
            json!({"title": format!("Song {i}"), "artist": format!("Band {}", i % 3),
                "external_ids": {"f": i.to_string()}})
        })
        .collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let mut played = 0;
    for listener in 0..LISTENERS {
        let name = format!("ear {listener}");
        let placement = if listener % 2 == 0 { "home" } else { "radio" };
        let asked = json!({"listener": name, "count": SHOWN, "placement": placement});
        let answer = wire.post("/api/v1/recommendations", &asked);
        let shown = answer["tracks"].as_array().unwrap();
        let count = listener % SHOWN + 1;
        let play = |track: &Value, is_private: bool| {
            json!({"kind": "listen", "occurred_at": now(), "listener": name, "track": track["id"],
                "outcome": "completed", "played_ms": 100_000, "track_ms": 100_000,
                "request_id": answer["request_id"], "private": is_private})
        };
        let mut events: Vec<Value> = shown[..count as usize]
            .iter()
            .map(|one| play(one, false))
            .collect();
        if listener == 1 {
            events.push(play(&shown[SHOWN as usize - 1], true));
        }
        wire.post("/api/v1/events", &json!({ "events": events }));
        played += count;
    }
    wait_until("every exposure", || {
        let log = wire.get("/api/v1/events?kind=exposure&limit=200");
        (log["events"].as_array().unwrap().len() as u64 == LISTENERS).then_some(())
    });
    played
}

fn values(wire: &Wire, metric: &str, query: &str) -> Value {
    wire.get(&format!("{METRICS}/{metric}/values?{query}"))
}

fn number(value: &Value, name: &str) -> f64 {
    value[name]
        .as_f64()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn journey_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let played = prepare(wire) as f64;

    let through = values(wire, "click_through", "by=placement");
    let total = &through["total"];
    assert_eq!(
        number(total, "numerator"),
        played,
        "nothing of the private session"
    );
    assert_eq!(number(total, "denominator"), (LISTENERS * SHOWN) as f64);
    assert_eq!(
        (&total["listeners"], &through["listener_share"]),
        (&json!(12), &json!(1.0))
    );
    assert!(
        number(total, "low") < number(total, "value") && number(total, "high") < 1.0,
        "{total}"
    );
    let groups = through["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    let sum: f64 = groups.iter().map(|group| number(group, "numerator")).sum();
    assert_eq!(
        (sum, &groups[0]["key"]["placement"]),
        (played, &json!("home"))
    );
    let first = values(wire, "click_through_at_1", "");
    assert_eq!(number(&first["total"], "value"), 1.0);
    let answers = values(wire, "plays_per_answer", "by=rung");
    assert_eq!(
        number(&answers["total"], "value"),
        played / LISTENERS as f64
    );

    // A play that comes a month late counts on its day, and only there.
    let late = json!({"kind": "listen", "occurred_at": now() - 30 * DAY, "listener": "ear 0",
        "track": "f:0", "outcome": "skipped", "played_ms": 7_000, "track_ms": 100_000});
    wire.post("/api/v1/events", &json!({"events": [late]}));
    let time = values(wire, "listened_time", "by=day");
    let days = time["groups"].as_array().unwrap();
    assert_eq!(number(&days[0], "value"), 7.0, "{time}");
    assert_eq!(
        number(&values(wire, "click_through", "")["total"], "numerator"),
        played
    );
    let skipped = values(wire, "skip_rate", "");
    assert_eq!(number(&skipped["total"], "value"), 1.0 / (played + 1.0));
    let coverage = values(wire, "catalogue_coverage", "");
    assert_eq!(number(&coverage["total"], "denominator"), 20.0);

    refusals(wire);
    defined(wire, played);
    by_command(&data, folder.path());
    let before = values(wire, "satisfaction", "by=day");
    assert!(server.stop());
    let again = TestServer::start(&data);
    assert_eq!(values(&again.wire, "satisfaction", "by=day"), before);
}

fn refusals(wire: &Wire) {
    for (metric, query, pointer) in [
        ("listened_time", "by=placement", "?by"),
        ("click_through", "by=mood", "?by"),
        ("click_through", "by=day,rung,model", "?by"),
        ("click_through", "by=day,day", "?by"),
        ("click_through", "from=yesterday", "?from"),
        ("click_through", "zone=Nowhere", "?zone"),
    ] {
        let reply = wire.send(
            "GET",
            &format!("{METRICS}/{metric}/values?{query}"),
            &[],
            b"",
        );
        reply.points_at(400, pointer, query);
    }
    let reply = wire.send("GET", &format!("{METRICS}/nothing/values"), &[], b"");
    reply.problem(404, "an unknown metric");
}

/// A tenant's own metric takes the place of a built-in one of its name, and gives it back.
fn defined(wire: &Wire, played: f64) {
    let describe = || wire.get(&format!("{METRICS}/click_through"));
    let built_in = describe();
    let text = built_in["text"].as_str().unwrap();
    let wrong = json!({"text": text.replace("any", "every")});
    let problem = wire.ask("PUT", &format!("{METRICS}/click_through"), &wrong);
    let problem = problem.problem(400, "an unknown count");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("line 10, column 9") && detail.contains("`every`"),
        "{detail}"
    );
    let mine = json!({"text": text.replace("\"any\"", "\"each\"\nweight = 2.0"), "note": "twice"});
    let checked = wire.post(&format!("{METRICS}/validate"), &mine);
    assert_eq!(
        (&checked["name"], &checked["window_s"]),
        (&json!("click_through"), &json!(86_400))
    );
    let put = wire.ask("PUT", &format!("{METRICS}/click_through"), &mine);
    assert_eq!((put.status, &put.json()["version"]), (200, &json!(1)));
    assert_eq!(describe()["version"], 1);
    let doubled = values(wire, "click_through", "");
    assert_eq!(number(&doubled["total"], "numerator"), 2.0 * played);
    let versions = wire.get(&format!("{METRICS}/click_through/versions"));
    assert_eq!(versions["versions"][0]["note"], "twice");
    let gone = wire.send("DELETE", &format!("{METRICS}/click_through"), &[], b"");
    assert_eq!((gone.status, describe()), (204, built_in));
    let all = wire.walk(METRICS, "metrics", 4);
    assert_eq!(all.len(), 11);
}

fn by_command(data: &std::path::Path, folder: &std::path::Path) {
    let listed = cli(data, &["metric", "list"]);
    assert!(
        listed.is_success && listed.stdout.contains("satisfaction"),
        "{}",
        listed.stderr
    );
    let read = cli(
        data,
        &["metric", "read", "click_through", "--by", "day,placement"],
    );
    assert!(
        read.stdout.contains("placement radio") && read.stdout.contains("of 12 listeners"),
        "{}",
        read.stdout
    );
    let counted = cli(
        data,
        &[
            "metric",
            "recount",
            "click_through",
            "--by",
            "day",
            "--json",
        ],
    );
    assert!(counted.is_success, "{}{}", counted.stdout, counted.stderr);
    let counted = counted.json();
    assert_eq!(
        (&counted["is_equal"], &counted["differing"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(counted["kept"], counted["everybody"]);
    let told = cli(data, &["metric", "recount", "catalogue_coverage"]);
    assert!(
        told.stdout.contains("equal to the last bit"),
        "{}",
        told.stdout
    );
    let file = folder.join("wrong.toml");
    fs::write(&file, "name = 'x'").unwrap();
    let refused = cli(data, &["metric", "check", file.to_str().unwrap()]);
    assert!(
        !refused.is_success && refused.stderr.contains("line 1"),
        "{}",
        refused.stderr
    );
}
