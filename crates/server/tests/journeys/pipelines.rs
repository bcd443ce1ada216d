//! Pipelines over HTTP: versions, shares, preview; and the explanation of an answer.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli, wait_until};
use crate::tables::now;

const TRACKS: usize = 30;

fn prepare(server: &TestServer) {
    let tracks: Vec<Value> = (0..TRACKS)
        .map(|i| {
            json!({"title": format!("Track {i}"), "artist": format!("Artist {}", i % 6),
                "genre": if i % 2 == 0 { "jazz" } else { "rock" },
                "release_date": (1990 + i).to_string(), "external_ids": {"t": i.to_string()}})
        })
        .collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
}

fn titles(answer: &Value) -> Vec<String> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks
        .map(|track| track["title"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn journey_pipelines() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    prepare(&server);
    let versions = "/api/v1/pipelines/jazz.club/versions";
    let asked = json!({"placement": "jazz.club", "count": 12, "trace": true});
    let plain = wire.post("/api/v1/recommendations", &asked);
    assert!(plain["pipeline_version"].is_null());

    // A file that does not read is refused where it is wrong, before anything is kept.
    let broken = json!({"text": "rules = ['filter track.genre = \"jazz\"']"});
    let problem = wire.ask("POST", versions, &broken);
    problem.points_at(400, "/text", "a broken rule");
    assert!(
        problem.text().contains("line 1, column 30"),
        "{}",
        problem.text()
    );
    assert_eq!(wire.walk(versions, "versions", 1).len(), 0);

    // Tried before it serves.
    let text = "rules = ['filter track.genre == \"Jazz\"', 'pin 1 when track.year == 2000']";
    let tried = json!({"text": text, "request": {"count": 12}});
    let preview = wire.post("/api/v1/pipelines/preview", &tried);
    let jazz = titles(&preview);
    assert_eq!(jazz[0], "Track 10");
    assert!(
        jazz.iter()
            .all(|title| title[6..].parse::<usize>().unwrap() % 2 == 0)
    );

    // In service at once, for this placement alone.
    let added = wire.post(versions, &json!({"text": text, "note": "only jazz"}));
    assert_eq!(added["version"], 1);
    assert_eq!(
        titles(&wire.post("/api/v1/recommendations", &asked)),
        titles(&plain)
    );
    let share = json!({"shares": [{"version": 1, "weight": 1}]});
    let put = wire.ask("PUT", "/api/v1/pipelines/jazz.club/shares", &share);
    assert_eq!(put.status, 204, "{}", put.text());
    let served = wire.post("/api/v1/recommendations", &asked);
    assert_eq!(
        (titles(&served), &served["pipeline_version"]),
        (jazz, &json!(1))
    );
    let elsewhere = wire.post("/api/v1/recommendations", &json!({"count": 12}));
    assert!(elsewhere["pipeline_version"].is_null());
    let unknown = json!({"shares": [{"version": 9, "weight": 1}]});
    wire.ask("PUT", "/api/v1/pipelines/jazz.club/shares", &unknown)
        .problem(404, "unknown version");
    let twice = json!({"shares": [{"version": 1, "weight": 1}, {"version": 1, "weight": 1}]});
    wire.ask("PUT", "/api/v1/pipelines/jazz.club/shares", &twice)
        .problem(400, "twice");

    // The command line does the same.
    let file = folder.path().join("rock.toml");
    std::fs::write(&file, "rules = ['filter track.genre == \"rock\"']\n").unwrap();
    let path = file.to_str().unwrap();
    drop(server);
    let checked = cli(&data, &["pipeline", "check", path]);
    assert!(checked.is_success, "{}", checked.stderr);
    let put = cli(
        &data,
        &[
            "pipeline",
            "put",
            "jazz.club",
            path,
            "--live",
            "--note",
            "rock",
        ],
    );
    assert!(put.is_success, "{}", put.stderr);
    let shown = cli(&data, &["pipeline", "list", "--json"]).json();
    assert_eq!(
        shown["pipelines"][0]["shares"],
        json!([{"version": 2, "weight": 1}])
    );
    let server = TestServer::start(&data);
    let rock = server.wire.post("/api/v1/recommendations", &asked);
    assert_eq!(rock["pipeline_version"], 2, "it serves after a restart");
}

#[test]
fn journey_home() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    prepare(&server);
    let events: Vec<Value> = (0..8)
        .map(|i| {
            json!({"kind": "listen", "occurred_at": now() - i * 60_000, "listener": "ann",
                "track": format!("t:{i}"), "outcome": "completed"})
        })
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
    let home = wire.get("/api/v1/home?listener=ann&count=4");
    let objectives = home["objectives"].as_array().unwrap();
    assert!(objectives.contains(&json!("novelty")) && !objectives.contains(&json!("diversity")));
    objectives_are_kept(wire, &home);
    let shelves = home["shelves"].as_array().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for shelf in shelves {
        let name = shelf["name"].as_str().unwrap();
        assert_eq!(shelf["placement"], format!("home.{name}"));
        assert!(shelf["request_id"].is_string());
        for title in titles(shelf) {
            assert!(seen.insert(title.clone()), "{title} stands on two shelves");
        }
    }
    assert!(shelves.len() >= 4, "{home}");
    let again = wire.get("/api/v1/home?listener=ann&count=4");
    assert_eq!(
        again["layout"], home["layout"],
        "a listener keeps their layout"
    );
    let layouts: std::collections::BTreeSet<String> = (0..20)
        .map(|person| wire.get(&format!("/api/v1/home?listener=p{person}&count=1")))
        .map(|home| home["layout"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(layouts.len(), 2);
    let stranger = wire.get("/api/v1/home");
    let names: Vec<&Value> = stranger["shelves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shelf| &shelf["name"])
        .collect();
    assert_eq!(names, ["popular", "new"]);
    wire.ask("GET", "/api/v1/home?count=51", &json!({}))
        .points_at(400, "?count", "too many");
}

/// Lists tell what they were made for, and are made for what is asked.
fn objectives_are_kept(wire: &crate::wire::Wire, home: &Value) {
    let of = |home: &Value, name: &str| {
        let shelves = home["shelves"].as_array().unwrap().clone();
        let shelf = shelves.into_iter().find(|shelf| shelf["name"] == name);
        shelf.unwrap()["objectives"].clone()
    };
    let relevance = json!({"name": "relevance", "weight": 1.0});
    assert_eq!(of(home, "for_you"), json!([relevance]));
    let novelty = json!({"name": "novelty", "weight": 1.0});
    assert_eq!(of(home, "discover"), json!([relevance, novelty]));
    let varied = "/api/v1/home?listener=ann&count=4&objectives=relevance:1,diversity:1";
    let halves = ["relevance", "diversity"].map(|name| json!({"name": name, "weight": 0.5}));
    assert_eq!(of(&wire.get(varied), "for_you"), json!(halves));
    for wrong in ["profit:1", "diversity:2", "relevance"] {
        let path = format!("/api/v1/home?objectives={wrong}");
        wire.ask("GET", &path, &json!({})).problem(400, wrong);
    }
    let asked = json!({"objectives": {"diversity": 1, "profit": 2}});
    let problem = wire.ask("POST", "/api/v1/recommendations", &asked);
    assert!(problem.text().contains("novelty"), "{}", problem.text());
    problem.problem(400, "an objective that is none");
}

#[test]
fn journey_layouts_are_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    prepare(&server);
    let text = "[exploration]\nlayout = true";
    wire.post("/api/v1/pipelines/home/versions", &json!({ "text": text }));
    let share = json!({"shares": [{"version": 1, "weight": 1}]});
    let put = wire.ask("PUT", "/api/v1/pipelines/home/shares", &share);
    assert_eq!(put.status, 204, "{}", put.text());
    let home = |who: &str| {
        let path = format!("/api/v1/home?listener={who}&count=1&hour=8");
        wire.get(&path)
    };
    // What is shown first of the new is played, what is shown first of the known is not.
    let mut shown = 0;
    for number in 0..40 {
        let home = home(&format!("early-{number}"));
        let propensity = home["layout_propensity"].as_f64().unwrap();
        assert!(
            (0.4..0.6).contains(&propensity),
            "nothing is known yet: {home}"
        );
        let shelves = home["shelves"].as_array().unwrap();
        shown += shelves.len();
        let plays = shelves.iter().map(|shelf| {
            json!({"kind": "listen", "occurred_at": now(), "listener": format!("early-{number}"),
                "track": shelf["tracks"][0]["id"], "request_id": shelf["request_id"],
                "outcome": if home["layout"] == "new_first" { "completed" } else { "skipped" }})
        });
        wire.post(
            "/api/v1/events",
            &json!({ "events": plays.collect::<Vec<_>>() }),
        );
    }
    let counted = |layout: usize, what: &str| {
        let told = wire.get("/api/v1/home/layouts");
        assert_eq!(told["parts"][1]["part"], "morning");
        told["parts"][1]["layouts"][layout][what].as_f64().unwrap()
    };
    // What was shown is written beside the answers.
    wait_until("all shelves are counted", || {
        (counted(0, "shown") + counted(1, "shown") == shown as f64).then_some(())
    });
    assert_eq!(counted(0, "played"), 0.0);
    assert_eq!(counted(1, "played"), counted(1, "shown"));
    assert!(counted(1, "share") > 0.99);
    let ratio = wire.get("/api/v1/home/layouts")["sample_ratio"].clone();
    assert!(ratio.is_null(), "40 pages tell nothing: {ratio}");
    for number in 0..20 {
        let home = home(&format!("late-{number}"));
        let propensity = home["layout_propensity"].as_f64().unwrap();
        assert_eq!(home["layout"] == "new_first", propensity > 0.5, "{home}");
    }
}

#[test]
fn journey_explanations() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    prepare(&server);
    let asked = json!({"listener": "ann", "count": 5, "popularity": 0.5, "trace": true});
    let answer = wire.post("/api/v1/recommendations", &asked);
    let id = answer["request_id"].as_str().unwrap().to_owned();
    let told = wire.get(&format!("/api/v1/explain/{id}"));
    assert_eq!(told["detail"], "trace");
    assert_eq!(told["rung"], answer["rung"]);
    let candidates = told["candidates"].as_array().unwrap();
    for (place, track) in answer["tracks"].as_array().unwrap().iter().enumerate() {
        assert_eq!(candidates[place]["id"], track["id"]);
        assert_eq!(candidates[place]["position"], place + 1);
        assert_eq!(candidates[place]["fate"], "shown");
    }
    assert!(candidates.len() > 5, "what was not shown is there too");

    // Features, assignment, model, prediction, and the time they took, in this order.
    let names: Vec<&str> = told["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    let place = |name: &str| names.iter().position(|other| *other == name).unwrap();
    assert!(place("features") < place("assignment"));
    assert!(place("assignment") < place("model"));
    assert!(place("model") < place("ranking"));
    assert!(told["latency_us"].as_u64().unwrap() > 0);
    assert_eq!(told["pipeline_propensity"], 1.0);

    // After a restart the log still knows what was shown.
    assert!(server.stop());
    let server = TestServer::start(&data);
    let told = server.wire.get(&format!("/api/v1/explain/{id}"));
    assert_eq!(told["detail"], "exposure");
    let kept = told["candidates"].as_array().unwrap();
    assert_eq!(kept.len(), 5);
    for (kept, shown) in kept.iter().zip(answer["tracks"].as_array().unwrap()) {
        assert_eq!(kept["artist"], shown["artist"].as_str().unwrap());
        let reasons = kept["reasons"].as_array().unwrap();
        let sum: f64 = reasons
            .iter()
            .map(|one| one["contribution"].as_f64().unwrap())
            .sum();
        assert!(
            (sum - shown["score"].as_f64().unwrap()).abs() < 1e-3,
            "{kept}"
        );
        assert_eq!(reasons[0]["source"], shown["reasons"][0]["source"]);
    }
    let unknown = server
        .wire
        .ask("GET", "/api/v1/explain/0000000000000000000007", &json!({}));
    unknown.problem(404, "unknown request");
    let bad = json!({"listener": "ann", "popularity": 2});
    server
        .wire
        .ask("POST", "/api/v1/recommendations", &bad)
        .points_at(400, "/popularity", "too far");
    let bad = json!({"listener": "ann", "context": {"hour": 24}});
    server
        .wire
        .ask("POST", "/api/v1/recommendations", &bad)
        .points_at(400, "/context/hour", "hour");
    let bad = json!({"listener": "ann", "context": {"zone": "Mars/Base"}});
    server
        .wire
        .ask("POST", "/api/v1/recommendations", &bad)
        .points_at(400, "/context/zone", "zone");
    let at_a_place = json!({"listener": "ann", "context": {"zone": "+05:30", "weekday": 3}});
    let answer = server.wire.post("/api/v1/recommendations", &at_a_place);
    let told = format!("/api/v1/explain/{}", answer["request_id"].as_str().unwrap());
    let told = &server.wire.get(&told)["context"];
    assert!(told["hour"].is_u64() && told["weekday"] == 3, "{told}");
}
