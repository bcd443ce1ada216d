//! The sentence encoder that the operator brings: refused, embedding, cut off, replaced.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{TestServer, binary};

const SETTING: &str = "LEITMOTIF_LYRICS_ENCODER";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/fixtures/encoder")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn journey_lyrics_encoder_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let refused = |encoder: &str| {
        let started = TestServer::spawn(binary(), &data, &[(SETTING, encoder)]);
        started.err().unwrap()
    };
    if !cfg!(feature = "onnx") {
        let said = refused(text(&fixtures()));
        assert!(said.contains("--features onnx"), "{said}");
        assert!(!data.exists(), "the data folder was opened");
        return;
    }
    let said = refused("/nowhere");
    assert!(said.contains("/nowhere/model.onnx"), "{said}");
    let encoder = folder.path().join("encoder");
    std::fs::create_dir(&encoder).unwrap();
    std::fs::write(encoder.join("model.onnx"), "not a network").unwrap();
    let tokenizer = encoder.join("tokenizer.json");
    std::fs::copy(fixtures().join("tokenizer.json"), tokenizer).unwrap();
    let said = refused(text(&encoder));
    assert!(
        said.contains("`lyrics_encoder = ") && said.contains("is no ONNX network"),
        "{said}"
    );
    assert!(!data.exists(), "the data folder was opened");
}

#[test]
fn journey_lyrics_encoder_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let found = server.wire.get("/api/v1/lyrics/encoder");
    assert_eq!(
        (&found["space"], &found["dimensions"], &found["tracks"]),
        (&Value::Null, &json!(0), &json!(0))
    );
    let job = server.wire.post("/api/v1/lyrics/encoder", &json!({}))["job"].clone();
    let refused = server.wait_job(&job);
    assert_eq!(
        (&refused["state"], &refused["attempts"]),
        (&json!("dead"), &json!(1))
    );
    let why = refused["error"].as_str().unwrap();
    assert!(why.contains("set `lyrics_encoder`"), "{why}");
}

#[cfg(feature = "onnx")]
mod with_onnx {
    use super::*;
    use crate::harness::cli;

    /// Words of a subject, in lines.
    fn song(number: usize) -> String {
        let line = [
            "the river and the sea\nriver stone and sea",
            "no war, no day of war\nwarred all the day",
        ][number % 2];
        format!("{line}\nlove {number}")
    }

    fn send(server: &TestServer, numbers: std::ops::Range<usize>) {
        let track = |number: usize| {
            let title = ["Water", "Battle"][number % 2];
            json!({"title": title, "artist": format!("Artist {number}"),
                "lyrics": song(number), "external_ids": {"t": number.to_string()}})
        };
        let tracks: Vec<Value> = numbers.map(track).collect();
        server
            .wire
            .post("/api/v1/tracks", &json!({ "tracks": tracks }));
        assert_eq!(server.wait_idle(), 0);
    }

    fn similar(server: &TestServer, number: usize, space: &str) -> Value {
        let path = format!("/api/v1/tracks/t:{number}/similar?space={space}&limit=8");
        server.wire.get(&path)
    }

    #[test]
    fn journey_lyrics_encoder() {
        let folder = tempfile::tempdir().unwrap();
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        let server = TestServer::start(&data);
        send(&server, 0..20);
        assert!(server.stop());

        // The encoder comes: what is there is embedded by the job, what comes when it is analysed.
        let first = fixtures();
        let server = TestServer::with(&data, &[(SETTING, text(&first))]);
        let before = server.wire.get("/api/v1/lyrics/encoder");
        let space = before["space"].as_str().unwrap().to_owned();
        assert!(space.starts_with("leitmotif-encoder-"), "{before}");
        assert_eq!(
            (&before["tracks"], &before["dimensions"]),
            (&json!(0), &json!(16))
        );
        send(&server, 20..21);
        assert_eq!(server.wire.get("/api/v1/lyrics/encoder")["tracks"], 1);
        let said = cli(&data, &["lyrics", "encode", "--json"]);
        assert!(said.is_success, "{}", said.stderr);
        let encoded = said.json();
        assert_eq!(
            (&encoded["tracks"], &encoded["tracks_with_lyrics"]),
            (&json!(21), &json!(21))
        );
        let jobs = server.wire.get("/api/v1/jobs?kind=encode_lyrics&limit=1")["jobs"][0].clone();
        assert_eq!(
            (&jobs["progress_done"], &jobs["progress_total"]),
            (&json!(21), &json!(21))
        );
        for number in [0, 1, 20] {
            let near = similar(&server, number, &space);
            let near = near["tracks"].as_array().unwrap();
            let title = ["Water", "Battle"][number % 2];
            assert!(near.len() == 8 && near.iter().all(|one| one["title"] == title));
        }
        let own = format!("/api/v1/spaces/{space}/vectors");
        let own = server.wire.ask("POST", &own, &json!({"vectors": []}));
        own.problem(409, "vectors of ours");

        // A song whose words change without the encoder leaves its space.
        assert!(server.stop());
        let server = TestServer::start(&data);
        let changed = json!({"tracks": [{"title": "Water", "artist": "Artist 0",
            "lyrics": song(1), "external_ids": {"t": "0"}}]});
        server.wire.post("/api/v1/tracks", &changed);
        assert_eq!(server.wait_idle(), 0);
        let gone = format!("/api/v1/tracks/t:0/similar?space={space}");
        let gone = server.wire.send("GET", &gone, &[], b"");
        gone.problem(404, "words that the encoder did not read");
        assert!(server.stop());

        // Another encoder is another space, and the former goes when all songs are in it.
        std::fs::create_dir(&other).unwrap();
        std::fs::copy(first.join("sentence.onnx"), other.join("model.onnx")).unwrap();
        std::fs::copy(first.join("tokenizer.json"), other.join("tokenizer.json")).unwrap();
        let server = TestServer::with(&data, &[(SETTING, text(&other))]);
        let said = cli(&data, &["lyrics", "encode"]);
        assert!(said.is_success, "{}", said.stderr);
        assert!(said.stdout.contains("21 of 21 tracks"), "{}", said.stdout);
        let overview = server.wire.get("/api/v1/overview")["spaces"].to_string();
        assert!(!overview.contains(&space), "{overview}");
        let now = server.wire.get("/api/v1/lyrics/encoder");
        assert!(overview.contains(now["space"].as_str().unwrap()));
        assert_eq!(
            similar(&server, 0, now["space"].as_str().unwrap())["tracks"][0]["title"],
            "Battle"
        );
    }
}
