//! The catalogue as files: the same bytes for the same catalogue, and no word that was not asked for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;

const WORDS: &str = "a lantern in the harbour\nswinging slow and amber";

fn fill(server: &TestServer) {
    let tracks: Vec<Value> = (0..450)
        .map(|number| {
            json!({"title": format!("Song {number}"), "artist": "Böse \"Brüder\"", "genre": "Rock",
                "duration_ms": 180_000 + number, "external_ids": {"t": number.to_string()},
                "lyrics": (number % 50 == 0).then(|| format!("{WORDS} {number}"))})
        })
        .collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let vectors = json!({"vectors": [{"track": "t:7", "vector": [0.1, -0.25, 1.5e-8]},
        {"track": "t:3", "vector": [1.0, 0.0, 0.5]}]});
    server
        .wire
        .post("/api/v1/spaces/by-hand-1/vectors", &vectors);
    let listen = |track: &str, private: bool| {
        json!({"kind": "listen", "listener": "anna", "track": track, "occurred_at": now(),
            "outcome": "completed", "played_ms": 1_000, "track_ms": 2_000, "private": private})
    };
    let events = json!({"events": [listen("t:1", false), listen("t:2", true)]});
    server.wire.post("/api/v1/events", &events);
    server.wait_idle();
}

fn export(data: &Path, out: &Path, more: &[&str]) -> Value {
    let arguments = [&["export", "--json", "--out", out.to_str().unwrap()], more].concat();
    cli(data, &arguments).json()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn journey_exports() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    fill(&server);
    let out = |name: &str| folder.path().join(name);
    let everything = ["--with-embeddings", "--with-listens"];
    let first = export(&data, &out("first"), &everything);
    let second = export(&data, &out("second"), &everything);
    assert_eq!(first, second);
    for file in [
        "tracks.jsonl",
        "descriptors.jsonl",
        "embeddings.jsonl",
        "listens.jsonl",
        "manifest.json",
    ] {
        let [a, b] = ["first", "second"].map(|name| fs::read(out(name).join(file)).unwrap());
        assert!(a == b && !a.is_empty(), "{file} is the same bytes");
        let text = String::from_utf8(a).unwrap();
        assert!(!text.contains("lantern"), "{file} holds no words");
        assert!(!text.contains("anna"), "{file} names nobody");
    }
    assert_eq!(
        fs::read_dir(out("first")).unwrap().count(),
        5,
        "nothing is left beside them"
    );

    let tracks = lines(&out("first").join("tracks.jsonl"));
    assert_eq!(tracks.len(), 450);
    let ids: Vec<&str> = tracks
        .iter()
        .map(|row| row["track"].as_str().unwrap())
        .collect();
    assert!(ids.is_sorted(), "rows are sorted");
    // Tracks of one batch have ids of one millisecond, in any order.
    let titled = |title: &str| tracks.iter().find(|row| row["title"] == title).unwrap();
    assert_eq!(titled("Song 7")["external_ids"], "{\"t\":\"7\"}");
    assert!(titled("Song 50").get("lyrics").is_none());
    assert!(titled("Song 50")["lyrics_sha256"].is_string());
    let listens = lines(&out("first").join("listens.jsonl"));
    assert_eq!(
        listens.len(),
        1,
        "a private play is nobody else's: {listens:?}"
    );
    assert_eq!(listens[0]["played_ms"], 1_000);
    let vectors = lines(&out("first").join("embeddings.jsonl"));
    let by_hand: Vec<_> = vectors
        .iter()
        .filter(|row| row["space"] == "by-hand-1")
        .collect();
    assert_eq!(by_hand.len(), 2);
    let written = by_hand
        .iter()
        .find(|row| row["track"] == titled("Song 7")["track"])
        .unwrap();
    assert_eq!(written["vector"].to_string(), "[0.1,-0.25,1.5e-8]");
    let descriptors = lines(&out("first").join("descriptors.jsonl"));
    let count = descriptors
        .iter()
        .find(|row| row["name"] == "word_count")
        .unwrap();
    assert_eq!(
        (&count["source"], count["value_number"].is_f64()),
        (&json!("lyrics"), true)
    );

    // The manifest describes what lies there.
    let files = first["distribution"].as_array().unwrap();
    assert_eq!(
        files[0]["contentSize"],
        fs::metadata(out("first").join("tracks.jsonl"))
            .unwrap()
            .len()
    );
    assert_eq!(files[0]["rows"], 450);
    let fields: Vec<_> = first["recordSet"][0]["field"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].clone())
        .collect();
    assert!(
        tracks[0]
            .as_object()
            .unwrap()
            .keys()
            .all(|name| fields.contains(&json!(name)))
    );
    assert_eq!(
        first["license"],
        Value::Null,
        "the licence is the owner's to name"
    );

    // A word that changes, changes the hash; without words in the export too.
    let content = |manifest: &Value| manifest["leitmotif"]["contentSha256"].clone();
    let words = export(&data, &out("words"), &["--with-lyrics"]);
    assert!(
        fs::read_to_string(out("words").join("tracks.jsonl"))
            .unwrap()
            .contains("lantern")
    );
    let before = export(&data, &out("before"), &[]);
    server.wire.post(
        "/api/v1/tracks",
        &json!({"title": "Song 50", "artist": "Böse \"Brüder\"", "genre": "Rock",
        "duration_ms": 180_050, "external_ids": {"t": "50"}, "lyrics": format!("{WORDS} fifty")}),
    );
    server.wait_idle();
    assert_ne!(
        content(&export(&data, &out("after"), &[])),
        content(&before)
    );
    assert_ne!(
        content(&export(&data, &out("after"), &["--with-lyrics"])),
        content(&words)
    );
}

#[test]
fn what_cannot_be_exported_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    wire.send("GET", "/api/v1/exports/secrets", &[], b"")
        .problem(404, "no such table");
    wire.send("GET", "/api/v1/exports/tracks?with_lyrics=maybe", &[], b"")
        .problem(400, "no flag");
    let writer = wire.post("/api/v1/keys", &json!({"label": "w", "scopes": ["write"]}));
    let writer = wire.with_key(writer["secret"].as_str().unwrap());
    for path in [
        "/api/v1/exports/tracks",
        "/api/v1/exports/tracks?with_lyrics=true",
    ] {
        writer.send("GET", path, &[], b"").problem(403, path);
    }
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    if !cfg!(feature = "parquet") {
        let said = cli(
            folder.path(),
            &["export", "--out", out, "--format", "parquet"],
        );
        assert!(
            !said.is_success && said.stderr.contains("--features parquet"),
            "{}",
            said.stderr
        );
    }
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    let said = cli(folder.path(), &["export", "--out", file.to_str().unwrap()]);
    assert!(
        !said.is_success && said.stderr.contains("cannot make"),
        "{}",
        said.stderr
    );
    let empty = export(folder.path(), Path::new(out), &[]);
    assert_eq!(empty["distribution"][0]["rows"], 0);
}
