//! The lyrics embedding that a tenant's own songs teach: refused, learned, read, replaced.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};

const SONGS: usize = 80;

/// Words of a subject and words that all share.
fn song(number: usize) -> String {
    let subject = ["sea", "war"][number % 2];
    let word = |at: usize| match at % 2 {
        0 => format!("{subject}{}", (number * 7 + at * at) % 61),
        _ => format!("all{}", (number * 5 + at * at) % 41),
    };
    let words: Vec<String> = (0..60).map(word).collect();
    let lines: Vec<String> = words.chunks(6).map(|line| line.join(" ")).collect();
    lines.join("\n")
}

fn track(number: usize) -> Value {
    let genre = ["Shanty", "March"][number % 2];
    json!({"title": genre, "artist": format!("Artist {}", number / 4),
        "genre": genre, "lyrics": song(number),
        "external_ids": {"t": number.to_string()}})
}

fn send(server: &TestServer, numbers: std::ops::Range<usize>) {
    let tracks: Vec<Value> = numbers.map(track).collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    server.wait_idle();
}

fn spaces(server: &TestServer) -> Vec<String> {
    let overview = server.wire.get("/api/v1/overview");
    let spaces = overview["spaces"].as_array().unwrap().iter();
    spaces
        .map(|space| space["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn journey_lyrics_space() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let empty = wire.get("/api/v1/lyrics/space");
    assert_eq!(
        (&empty["space"], &empty["songs_needed"]),
        (&Value::Null, &json!(50))
    );

    // Too few songs are refused with what is missing.
    send(&server, 0..10);
    let job = wire.post("/api/v1/lyrics/space", &json!({}))["job"].clone();
    let refused = server.wait_job(&job);
    assert_eq!(
        (&refused["state"], &refused["attempts"]),
        (&json!("dead"), &json!(1))
    );
    let why = refused["error"].as_str().unwrap();
    assert!(
        why.contains("10 different songs") && why.contains("50 are needed"),
        "{why}"
    );

    send(&server, 10..SONGS);
    let said = cli(&data, &["lyrics", "learn", "--json"]);
    assert!(said.is_success, "{}", said.stderr);
    let learned = said.json();
    assert_eq!(learned["space"], "leitmotif-lyrics-1", "{learned}");
    assert_eq!(
        (&learned["tracks"], &learned["songs"]),
        (&json!(80), &json!(80)),
        "{learned}"
    );
    let jobs = wire.get("/api/v1/jobs?kind=learn_lyrics&limit=1")["jobs"][0].clone();
    assert_eq!(
        (&jobs["state"], &jobs["progress_done"]),
        (&json!("done"), &jobs["progress_total"])
    );

    // What is near sings of the same, and so it is for a song that comes later.
    send(&server, SONGS..SONGS + 1);
    assert_eq!(wire.get("/api/v1/lyrics/space")["tracks"], 81);
    for number in [0, 1, SONGS] {
        let near = wire.get(&format!(
            "/api/v1/tracks/t:{number}/similar?space=leitmotif-lyrics-1&limit=10"
        ));
        let near = near["tracks"].as_array().unwrap();
        let title = &track(number)["title"];
        let alike = near.iter().filter(|one| one["title"] == *title).count();
        assert!(near.len() == 10 && alike >= 9, "{number}: {near:?}");
    }
    let own = wire.ask(
        "POST",
        "/api/v1/spaces/leitmotif-lyrics-1/vectors",
        &json!({"vectors": []}),
    );
    own.problem(409, "vectors of ours");
    replaced_when_nothing_reads_it(&server, &data);
    assert!(server.stop());

    // Another process goes on with what was learned.
    let server = TestServer::start(&data);
    send(&server, SONGS + 1..SONGS + 2);
    let learned = server.wire.get("/api/v1/lyrics/space");
    assert_eq!(
        (&learned["space"], &learned["tracks"]),
        (&json!("leitmotif-lyrics-2"), &json!(82))
    );
}

/// Heads that read the former space keep it until they are trained on the new one.
fn replaced_when_nothing_reads_it(server: &TestServer, data: &std::path::Path) {
    let wire = &server.wire;
    let map = wire.get("/api/v1/map?space=leitmotif-lyrics-1");
    assert_eq!(map["space"], "leitmotif-lyrics-1");
    let heads = wire.post("/api/v1/heads/train", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&heads)["state"], "done");
    let reads = |space: &str| {
        let inputs = wire.get("/api/v1/heads")["inputs"].to_string();
        inputs.contains(space)
    };
    assert!(reads("leitmotif-lyrics-1"));
    let said = cli(data, &["lyrics", "learn"]);
    assert!(said.is_success, "{}", said.stderr);
    assert!(said.stdout.contains("81 of 81 tracks"), "{}", said.stdout);
    server.wait_idle();
    assert_eq!(spaces(server), ["leitmotif-lyrics-2", "leitmotif-words-1"]);
    assert!(reads("leitmotif-lyrics-2") && !reads("leitmotif-lyrics-1"));
    let trainings = wire.get("/api/v1/jobs?kind=train_heads&limit=5");
    assert_eq!(trainings["jobs"].as_array().unwrap().len(), 2);
    let gone = "/api/v1/tracks/t:0/similar?space=leitmotif-lyrics-1";
    wire.send("GET", gone, &[], b"")
        .problem(404, "a former space");
}
