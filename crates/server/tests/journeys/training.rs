//! Training through the real binary: it dies and goes on, on one thread or two, and says which model
//! answers.

use std::fs;
use std::path::{Path, PathBuf};

use leitmotif_domain::chance::Seed;
use serde_json::{Value, json};

use crate::harness::{TestServer, cli, wait_until};
use crate::tables::now;

const TRACKS: usize = 120;
const CAMPS: usize = 4;
const LISTENERS: usize = 160;
const MINUTE_MS: i64 = 60_000;

/// A catalogue of four camps, and listeners who play one of them and skip every fifth track.
fn fill(server: &TestServer, listeners: usize, rounds: usize) {
    let tracks: Vec<Value> = (0..TRACKS)
        .map(|i| {
            json!({"title": format!("Track {i}"), "artist": format!("Artist {}", i % 30),
                "duration_ms": 180_000, "external_ids": {"t": i.to_string()}})
        })
        .collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let mut generator = Seed(7).rng();
    let total = (listeners * rounds) as i64;
    let start = now() - (total + 60) * MINUTE_MS;
    let mut events = Vec::new();
    for place in 0..listeners * rounds {
        let person = place % listeners;
        let size = TRACKS / CAMPS;
        let track = person % CAMPS * size + generator.next_below(size);
        let (outcome, played_ms) = match track % 5 {
            0 => ("skipped", 4_000),
            _ => ("completed", 180_000),
        };
        events.push(
            json!({"kind": "listen", "occurred_at": start + place as i64 * MINUTE_MS,
            "listener": format!("p{person}"), "track": format!("t:{track}"),
            "outcome": outcome, "played_ms": played_ms, "track_ms": 180_000}),
        );
    }
    for part in events.chunks(1_000) {
        server
            .wire
            .post("/api/v1/events", &json!({ "events": part }));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn find(folder: &Path, parent: &str, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find(&path, parent, name) {
                return Some(found);
            }
        } else if path.ends_with(Path::new(parent).join(name)) {
            return Some(path);
        }
    }
    None
}

fn full_report(server: &TestServer) -> Value {
    let newest = server.wire.get("/api/v1/models?limit=1");
    let id = newest["models"][0]["id"].as_str().unwrap().to_owned();
    server.wire.get(&format!("/api/v1/models/{id}"))
}

fn model_bytes(folder: &Path, model: &Value) -> Vec<u8> {
    let path = find(folder, "models", model["id"].as_str().unwrap());
    fs::read(path.expect("the model is a file")).unwrap()
}

#[test]
fn a_training_that_is_killed_ends_in_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    let server = TestServer::start(&killed);
    fill(&server, LISTENERS, 20);
    assert!(server.stop());
    copy(&killed, &whole);
    let asked = json!({"report": "full"});

    let server = TestServer::with(&whole, &[("RAYON_NUM_THREADS", "1")]);
    let job = server.wire.post("/api/v1/training-runs", &asked)["job"].clone();
    let over = server.wait_job(&job);
    assert_eq!(over["state"], "done", "{over}");
    assert_eq!(over["progress_done"], over["progress_total"]);
    let expected = full_report(&server);
    assert!(expected["report"]["ablation"].is_object(), "{expected}");
    assert!(expected["report"]["pareto"].is_object());
    assert!(server.stop());

    let two = [("RAYON_NUM_THREADS", "2")];
    let mut server = TestServer::with(&killed, &two);
    let job = server.wire.post("/api/v1/training-runs", &asked)["job"].clone();
    for part in ["sources", "ranker"] {
        wait_until(part, || find(&killed, "training", part));
        server.kill();
        server = TestServer::with(&killed, &two);
    }
    let over = server.wait_job(&job);
    assert_eq!(
        (&over["state"], &over["attempts"]),
        (&json!("done"), &json!(3)),
        "{over}"
    );
    let found = full_report(&server);
    let stages = found["report"]["stages"].as_array().unwrap();
    let is_resumed = |stage: &&Value| stage["is_resumed"] == true;
    let resumed = stages
        .iter()
        .filter(is_resumed)
        .map(|stage| &stage["stage"]);
    let resumed: Vec<&Value> = resumed.collect();
    assert!(resumed.contains(&&json!("fit_sources")), "{stages:?}");
    assert!(resumed.contains(&&json!("fit_ranker")), "{stages:?}");
    assert!(
        find(&killed, "training", "sources").is_none(),
        "nothing is left behind"
    );
    assert!(model_bytes(&killed, &found) == model_bytes(&whole, &expected));
    let told = |model: &Value| {
        let mut report = model["report"].clone();
        let fields = report.as_object_mut().unwrap();
        fields.retain(|name, _| name != "model" && name != "stages");
        report
    };
    assert_eq!(told(&found), told(&expected));
}

#[test]
fn which_model_answers_is_said_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    fill(&server, 40, 10);
    let wire = &server.wire;
    for wrong in [
        json!({"report": "endless"}),
        json!({"search": {}}),
        json!({"search": {"seconds": 0}}),
        json!({"search": {"seconds": 5, "source_trials": 3}}),
        json!({"search": {"source_trials": 501, "ranker_trials": 1}}),
        json!({"speed": "fast"}),
    ] {
        let reply = wire.ask("POST", "/api/v1/training-runs", &wrong);
        assert_eq!(reply.status, 400, "{wrong} {}", reply.text());
    }
    assert!(server.stop());
    let data = folder.path();
    let search = ["--json", "train", "--auto", "--trials", "3,2"];
    let first = cli(data, &search).json();
    assert_eq!(first["is_production"], true, "{first}");
    let tried = &first["report"]["search"];
    assert_eq!(tried["source_trial_count"], 3, "{tried}");
    let second = cli(data, &["--json", "train"]).json();
    let compared = &second["report"]["comparison"];
    assert_eq!(compared["current"], first["id"], "{second}");
    assert_eq!(compared["basis"], "fitted_anew");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (first, second) = (text(&first["id"]), text(&second["id"]));
    let said = cli(data, &["model", "promote", &first]);
    assert!(
        said.is_success && said.stdout.contains("is in production"),
        "{}",
        said.stderr
    );
    let list = cli(data, &["model", "list"]).stdout;
    assert!(
        list.lines()
            .any(|line| line.starts_with(&format!("* {first}"))),
        "{list}"
    );
    assert!(
        list.lines()
            .any(|line| line.starts_with(&format!("  {second}"))),
        "{list}"
    );
    let shown = cli(data, &["model", "show", &first]).stdout;
    assert!(
        shown.contains("blend") && shown.contains("tried 3 settings"),
        "{shown}"
    );
    let unknown = cli(data, &["model", "promote", "0000000000000000000001"]);
    assert!(!unknown.is_success, "{}", unknown.stdout);

    // A model whose bytes are damaged is not put into production, and the one that is there stays.
    let path = find(data, "models", &second).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let server = TestServer::start(data);
    let promote = format!("/api/v1/models/{second}/production");
    let refused = server.wire.ask("PUT", &promote, &json!({}));
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("damaged"), "{}", refused.text());
    let kept = server.wire.get(&format!("/api/v1/models/{first}"));
    assert_eq!(kept["is_production"], true, "{kept}");
    let page = server.wire.get("/api/v1/models?limit=1");
    assert_eq!(
        (&page["models"][0]["id"], &page["has_more"]),
        (&json!(second), &json!(true))
    );
    assert!(
        page["models"][0]["report"]["stages"].is_null(),
        "a listing is short"
    );
}
