//! Answers that are given again, through the real command.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;
use crate::wire::Wire;

/// A pipeline of which no stage is late on a busy machine.
const UNHURRIED: &str = "[budgets]\nfeatures = 1000000\ncandidates = 0\nranking = 0\nlist = 0\n";

/// Some numbers of which none follows from the one before at first sight.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn serve(wire: &Wire, placement: &str, text: &str) {
    let text = format!("{text}\n{UNHURRIED}");
    wire.post(
        &format!("/api/v1/pipelines/{placement}/versions"),
        &json!({ "text": text }),
    );
    let shares = json!({"shares": [{"version": 1, "weight": 1}]});
    let put = wire.ask(
        "PUT",
        &format!("/api/v1/pipelines/{placement}/shares"),
        &shares,
    );
    assert_eq!(put.status, 204, "{}", put.text());
}

/// One question, of many kinds.
fn ask(wire: &Wire, draws: &mut Draws, round: u64) {
    let track = |draws: &mut Draws| format!("a:{}", draws.below(40));
    let person = format!("p{}", draws.below(20));
    let count = 1 + draws.below(15);
    let asked = match round % 9 {
        0 => {
            json!({"listener": person, "placement": "radio", "seeds": [track(draws), track(draws)]})
        }
        1 => json!({"listener": person, "placement": "chance", "count": count}),
        2 => json!({"listener": person, "placement": "radio", "exclude": [track(draws)],
            "popularity": -0.5, "familiarity": 0.3}),
        3 => json!({"listener": format!("new {round}"), "placement": "radio", "count": count}),
        4 => json!({"placement": "similar", "seeds": [track(draws)], "count": count}),
        5 => json!({"listener": person, "placement": "radio", "include_heard": true,
            "objectives": {"relevance": 1.0, "diversity": 0.5}}),
        6 => json!({"listener": person, "placement": "radio",
            "constraints": {"genre": "folk", "popularity_max": 80.0}}),
        7 => json!({"listener": person, "placement": "radio", "disabled_rungs": ["personalised"],
            "context": {"hour": draws.below(24), "device": "car", "cell": "u33d"}}),
        _ => {
            let path = format!("/api/v1/home?listener={person}&count=4");
            assert!(!wire.get(&path)["shelves"].as_array().unwrap().is_empty());
            return;
        }
    };
    wire.post("/api/v1/recommendations", &asked);
}

/// Something that happens between two questions.
fn happen(wire: &Wire, draws: &mut Draws, round: u64) {
    let person = format!("p{}", draws.below(20));
    let track = format!("a:{}", draws.below(40));
    match round % 7 {
        3 => {
            let tracks = json!([{"title": format!("late {round}"), "artist": "a 3",
                "genre": "folk", "external_ids": {"late": round.to_string()}}]);
            wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
        }
        5 => {
            let said = json!([{"kind": "feedback", "listener": person, "track": track,
                "opinion": "like", "occurred_at": now()}]);
            wire.post("/api/v1/events", &json!({ "events": said }));
        }
        kind => {
            let outcome = if kind < 2 { "skipped" } else { "completed" };
            let plays = json!([{"kind": "listen", "listener": person, "track": track,
                "outcome": outcome, "occurred_at": now()}]);
            wire.post("/api/v1/events", &json!({ "events": plays }));
        }
    }
}

#[test]
fn journey_replay_of_served_requests() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let genres = ["folk", "jazz", "rock"];
    let tracks: Vec<Value> = (0..40)
        .map(|i| {
            json!({"title": format!("t {i}"), "artist": format!("a {}", i % 7),
            "genre": genres[i % 3], "external_ids": {"a": i.to_string()}})
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
    let chance = "[exploration]\nswap = 0.4\ndraw = 0.3\ndraw_after = 2";
    for (placement, text) in [("radio", ""), ("chance", chance), ("similar", "")] {
        serve(wire, placement, text);
    }
    for shelf in [
        "for_you", "familiar", "popular", "trending", "discover", "new",
    ] {
        serve(wire, &format!("home.{shelf}"), "");
    }
    let mut draws = Draws(7);
    for round in 0..150 {
        if round == 40 || round == 100 {
            let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
            assert_eq!(server.wait_job(&job)["state"], "done");
        }
        happen(wire, &mut draws, round);
        ask(wire, &mut draws, round);
    }
    // Another process reads what this one wrote.
    assert!(server.stop());
    let replay = ["recommend", "replay", "--json"];
    let report = cli(&data, &replay);
    assert!(report.is_success, "{} {}", report.stdout, report.stderr);
    let report = report.json();
    assert_eq!(report["different"], 0, "{report:#}");
    assert_eq!(report["identical"], report["answers"], "{report:#}");
    assert!(report["answers"].as_u64().unwrap() > 200, "{report:#}");
    // A title that changes is nothing; an artist that does may move a list, and that is told apart.
    let server = TestServer::start(&data);
    let renamed = json!([{"title": "t 0", "artist": "somebody else", "genre": "jazz",
        "external_ids": {"a": "0"}}]);
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": renamed }));
    assert!(server.stop());
    let told = cli(&data, &["recommend", "replay", "-n", "100"]);
    assert!(told.is_success, "{}", told.stdout);
    assert!(
        told.stdout.starts_with("100 answers through event"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("0 DIFFERENT"), "{}", told.stdout);
    let most = cli(&data, &["recommend", "replay", "--count", "10000"]);
    assert!(most.is_success, "{}", most.stderr);
    for beyond in ["0", "10001"] {
        let none = cli(&data, &["recommend", "replay", "--count", beyond]);
        let said = format!("{beyond} is not in 1..=10000");
        assert!(!none.is_success && none.stderr.contains(&said), "{beyond}");
    }
}
