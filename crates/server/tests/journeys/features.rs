//! Features over HTTP and the command line: views, reads, rows of the past, parity, a restart.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;
use crate::wire::Wire;

const FEATURES: &str = "/api/v1/features";
const DAY: i64 = 86_400_000;

fn prepare(wire: &Wire) {
    let tracks: Vec<Value> = (0..12)
        .map(|i| {
            json!({"title": format!("Song {i}"), "artist": format!("Band {}", i % 3),
                "external_ids": {"f": i.to_string()}})
        })
        .collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let events: Vec<Value> = (0..300)
        .map(|i| {
            json!({"kind": "listen", "occurred_at": now() - i * 3_600_000,
                "listener": format!("ear {}", i % 4), "track": format!("f:{}", i % 12),
                "outcome": if i % 5 == 0 { "skipped" } else { "completed" },
                "played_ms": 100_000, "track_ms": 200_000, "device": "phone",
                "zone": "Europe/Lisbon", "cell": "eycs"})
        })
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
}

fn online(wire: &Wire, features: &[&str], entities: &Value) -> Value {
    let asked = json!({"features": features, "entities": entities});
    wire.post(&format!("{FEATURES}/online"), &asked)
}

#[test]
fn journey_features() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    prepare(wire);

    // What ships with the product answers at once, level with the log.
    let read = online(
        wire,
        &[
            "listener:plays_7d",
            "listener:last_device",
            "listener:top_artists_90d",
        ],
        &json!({"listener": ["ear 1", "nobody"]}),
    );
    let column = |at: usize| {
        (
            &read["features"][at]["values"],
            &read["features"][at]["statuses"],
        )
    };
    assert_eq!(column(0).1, &json!(["present", "not_found"]));
    assert_eq!(column(1).0, &json!(["phone", null]));
    assert_eq!(
        read["features"][2]["values"][0].as_array().unwrap().len(),
        3
    );
    let before = column(0).0[0].as_f64().unwrap();
    let play = json!({"kind": "listen", "occurred_at": now(), "listener": "ear 1",
        "track": "f:1", "outcome": "completed"});
    wire.post("/api/v1/events", &json!({"events": [play]}));
    let read = online(
        wire,
        &["listener:plays_7d"],
        &json!({"listener": ["ear 1"]}),
    );
    assert_eq!(
        read["features"][0]["values"][0].as_f64(),
        Some(before + 1.0)
    );

    // Wrong files are refused where they are wrong, before anything is kept.
    let versions = format!("{FEATURES}/mine/versions");
    let head = "name = 'mine'\nentity = 'artist'\n[[features]]\nname = 'a'\nevent = 'listen'\n";
    for (rest, part) in [
        (
            "aggregate = 'count'\nwindow = '0d'",
            "line 7, column 10: `window` is 0",
        ),
        (
            "aggregate = 'sum'\nfield = 'tempo'",
            "line 7, column 9: no field `tempo`",
        ),
        (
            "aggregate = 'count'\n[[derived]]\nname = 'b'\nratio = ['c', 'a']\n[[derived]]\nname = 'c'\nratio = ['b', 'a']",
            "`b` → `c` → `b`",
        ),
    ] {
        let problem = wire.ask("POST", &versions, &json!({"text": format!("{head}{rest}")}));
        problem.points_at(400, "/text", rest);
        assert!(problem.text().contains(part), "{}", problem.text());
    }
    assert_eq!(wire.walk(&versions, "versions", 1).len(), 0);

    // Tried, then put into service: the whole log counts.
    let text = format!(
        "{head}aggregate = 'count'\n[[derived]]\nname = 'twice'\ndifference = ['a', 'zero']\n[[derived]]\nname = 'zero'\ndifference = ['a', 'a']"
    );
    let preview = wire.post(&format!("{FEATURES}/preview"), &json!({ "text": text }));
    assert_eq!(
        (&preview["entity_count"], &preview["after_offset"]),
        (&json!(3), &json!(0))
    );
    let added = wire.post(&versions, &json!({"text": text, "note": "first"}));
    assert_eq!(added["version"], 1);
    let read = online(wire, &["mine"], &json!({"artist": ["BAND 1", "Nobody"]}));
    assert_eq!(read["features"][0]["values"], json!([101.0, null]));
    assert_eq!(read["features"][2]["feature"], "zero");

    // As it was: an event counts from its moment, and what was recorded today was not known before.
    let rows = |known: &str, at: i64| {
        let asked = json!({"entities": {"artist": ["band 1"]}, "at": [at], "known": known});
        let answer = wire.post(&format!("{FEATURES}/mine/rows"), &asked);
        answer["rows"][0]["values"][0].clone()
    };
    assert_eq!(rows("recorded", now() - 5 * DAY), Value::Null);
    assert_eq!(rows("occurred", now() + 60_000), json!(101.0));
    let five_days_ago = rows("occurred", now() - 5 * DAY).as_f64().unwrap();
    assert!((50.0..70.0).contains(&five_days_ago), "{five_days_ago}");

    // Pages of entities, a distribution, and what a read may ask.
    assert_eq!(
        wire.walk(&format!("{FEATURES}/track/entities"), "entities", 5)
            .len(),
        12
    );
    let lies = wire.get(&format!("{FEATURES}/track/distribution?feature=plays_30d"));
    let bins: u64 = lies["bins"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!((&lies["entity_count"], bins), (&json!(12), 12));
    for (features, entities, status) in [
        (json!([]), json!({"track": ["f:1"]}), 400),
        (json!(["track:plays_7d"]), json!({}), 400),
        (json!(["track:plays_7d"]), json!({"listener": ["a"]}), 400),
        (
            json!(["track:plays_7d"]),
            json!({"track": ["f:1"], "x": []}),
            400,
        ),
        (json!(["track:plays_7d"]), json!({"track": [{"a": 1}]}), 400),
        (json!(["track:colour"]), json!({"track": ["f:1"]}), 404),
        (json!(["none:plays"]), json!({"track": ["f:1"]}), 404),
    ] {
        let asked = json!({"features": features, "entities": entities});
        wire.ask("POST", &format!("{FEATURES}/online"), &asked)
            .problem(status, &asked.to_string());
    }

    // What was served is what a replay gives, to the last bit; also after a restart.
    let parity = wire.post(&format!("{FEATURES}/parity"), &json!({"sample": 20}));
    assert_eq!(parity["differing"], 0, "{parity}");
    assert!(parity["values"].as_u64().unwrap() > 300, "{parity}");
    drop(server);
    command_line(&data, folder.path());
    let server = TestServer::start(&data);
    let asked = json!({"projection": "features"});
    let replay = server.wire.post("/api/v1/events/replay", &asked);
    assert_eq!(replay["is_equal"], true, "{replay}");
}

fn command_line(data: &std::path::Path, folder: &std::path::Path) {
    let said = cli(data, &["--json", "feature", "list"]).json();
    let mine = said["views"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "mine");
    assert_eq!(mine.unwrap()["version"], 1);
    let described = cli(data, &["feature", "describe", "track"]);
    assert!(described.is_success, "{}", described.stderr);
    assert!(
        described
            .stdout
            .contains("ratio of plays_30d, listeners_30d")
    );
    let file = folder.join("mine.toml");
    let text = "name = 'mine'\nentity = 'track'\n[[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let tried = cli(data, &["--json", "feature", "preview", path]).json();
    assert_eq!(tried["entity_count"], 12);
    let put = cli(data, &["--json", "feature", "put", path]).json();
    assert_eq!(put["version"], 2);
    let out = folder.join("rows.jsonl");
    let from = leitmotif_domain::Timestamp::from_ms(now() - 2 * DAY).to_string();
    let to = leitmotif_domain::Timestamp::from_ms(now()).to_string();
    let arguments = [
        "--json",
        "feature",
        "backfill",
        "mine",
        "--from",
        &from,
        "--to",
        &to,
        "--known",
        "occurred",
        "--out",
        out.to_str().unwrap(),
    ];
    let first = cli(data, &arguments).json();
    assert_eq!(
        (&first["rows"], &first["written"]),
        (&json!(36), &json!(36))
    );
    let whole = std::fs::read_to_string(&out).unwrap();
    let cut: Vec<&str> = whole.lines().take(10).collect();
    std::fs::write(&out, format!("{}\n{{\"at", cut.join("\n"))).unwrap();
    let second = cli(data, &arguments).json();
    assert_eq!(
        second["written"], 26,
        "it goes on behind the last whole row"
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap(), whole);
    let parity = cli(data, &["--json", "feature", "parity"]).json();
    assert_eq!(parity["differing"], 0, "{parity}");
}
