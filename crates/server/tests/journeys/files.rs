//! A folder of music, good and bad, read again and again.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli, write_song};

const WORDS: &str = "walking down the quiet street\nevery corner keeps the beat\n\
                     morning light on empty trains\nsinging softly through the rains\n";

fn build(music: &Path) {
    let album = music.join("artist/album");
    fs::create_dir_all(&album).unwrap();
    for (seed, name) in ["one", "two", "three", "four"].iter().enumerate() {
        write_song(&album.join(format!("{name}.wav")), seed as u64, 6.0);
    }
    write_song(&music.join("loose.WAV"), 5, 6.0);
    fs::copy(album.join("one.wav"), music.join("copy of one.wav")).unwrap();
    fs::write(album.join("one.txt"), WORDS).unwrap();
    fs::write(
        album.join("two.lrc"),
        "[ti:Two]\n[00:01.00]over the hill\n[00:03.50]standing still\n",
    )
    .unwrap();
    let noise: Vec<u8> = (0..4_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(music.join("corrupt.mp3"), noise).unwrap();
    fs::write(music.join("letter.flac"), "dear diary, this is no music\n").unwrap();
    fs::write(music.join("cover.jpg"), b"not music").unwrap();
    std::os::unix::fs::symlink(music, album.join("up")).unwrap();
    std::os::unix::fs::symlink(music.join("nowhere"), music.join("dangling.mp3")).unwrap();
}

fn analysed(data: &Path) -> u64 {
    let usage = cli(data, &["usage", "--json"]).json();
    let rows = usage["usage"].as_array().unwrap().iter();
    let mine = rows.filter(|row| row["metric"] == "tracks_analysed");
    mine.map(|row| row["amount"].as_u64().unwrap()).sum()
}

fn descriptor<'v>(analysis: &'v Value, name: &str) -> Option<&'v Value> {
    let mut all = analysis["descriptors"].as_array().unwrap().iter();
    all.find(|one| one["name"] == name).map(|one| &one["value"])
}

#[test]
fn journey_files() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    build(&music);
    let source = music.to_str().unwrap();

    let found = cli(&data, &["import", source, "--json"]).json();
    assert_eq!(found["new_tracks"], 7, "{found}");
    assert_eq!(found["failed_analyses"], 2, "{found}");
    assert_eq!(analysed(&data), 7);

    let dead = cli(&data, &["jobs", "--state", "dead", "--json"]).json();
    let jobs = dead["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2, "{dead}");
    for job in jobs {
        let error = job["error"].as_str().unwrap();
        assert!(error.starts_with("cannot analyse the audio: "), "{error}");
        assert_eq!(
            job["attempts"], 1,
            "a damaged file is not tried again: {job}"
        );
    }

    let one = cli(&data, &["analyze", "one", "--json"]);
    assert!(!one.is_success || !one.stdout.is_empty());
    let two = cli(&data, &["analyze", "two", "--json"]).json();
    let tempo = descriptor(&two, "tempo_bpm").unwrap_or(&Value::Null);
    assert!(
        tempo
            .as_f64()
            .is_some_and(|bpm| (40.0..260.0).contains(&bpm)),
        "{two}"
    );
    assert!(!two["beats_ms"].as_array().unwrap().is_empty());
    let language = descriptor(&two, "lyrics_language").or(descriptor(&two, "language"));
    assert!(
        language.is_some(),
        "the words beside the file are read: {two}"
    );

    let near = cli(&data, &["similar", "two", "--json", "--count", "3"]).json();
    assert_eq!(near["tracks"].as_array().unwrap().len(), 3, "{near}");
    let shown = cli(&data, &["recommend", "anybody", "--json", "--count", "5"]).json();
    assert_eq!(shown["tracks"].as_array().unwrap().len(), 5, "{shown}");
    for command in ["overview", "jobs", "usage"] {
        let text = cli(&data, &[command]);
        assert!(
            text.is_success && !text.stdout.is_empty(),
            "{command}: {}",
            text.stderr
        );
    }

    // A damaged file stays a failure however often it is asked for.
    let again = cli(&data, &["analyze", "corrupt", "--json"]);
    assert!(!again.is_success, "{}", again.stdout);
    assert!(
        again.stderr.contains("cannot analyse the audio"),
        "{}",
        again.stderr
    );

    let before = two["analysed_at"].clone();
    let rescanned = cli(&data, &["import", source, "--json"]).json();
    assert_eq!(rescanned["new_tracks"], 0, "{rescanned}");
    assert_eq!(analysed(&data), 7, "nothing is analysed twice");

    let album = music.join("artist/album");
    fs::rename(album.join("two.wav"), album.join("second.wav")).unwrap();
    fs::rename(album.join("two.lrc"), album.join("second.lrc")).unwrap();
    let renamed = cli(&data, &["import", source, "--json"]).json();
    assert_eq!(renamed["new_tracks"], 0, "{renamed}");
    assert_eq!(analysed(&data), 7, "a rename costs no analysis");
    let second = cli(&data, &["analyze", "second", "--json"]).json();
    assert_eq!(second["track"], two["track"], "it is the same track");
    assert_eq!(second["analysed_at"], before);

    // New words beside an old file are noticed.
    fs::write(album.join("three.txt"), WORDS).unwrap();
    cli(&data, &["import", source, "--json"]).json();
    assert_eq!(analysed(&data), 8, "new words are analysed");
}

#[test]
fn words_do_not_reach_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    build(&music);
    let roots = format!("[{:?}]", music.display().to_string());
    let server = TestServer::with(&data, &[("LEITMOTIF_IMPORT_ROOTS", &roots)]);
    let asked = serde_json::json!({ "path": music });
    let job = server.wire.post("/api/v1/imports", &asked)["job"].clone();
    let done = server.wait_job(&job);
    assert_eq!(done["state"], "done");
    assert_eq!(done["progress_done"], done["progress_total"], "{done}");
    assert!(done["progress_done"].as_u64() > Some(0), "{done}");
    assert_eq!(server.wait_idle(), 2);
    server.wire.post(
        "/api/v1/tracks",
        &serde_json::json!({ "title": "T", "lyrics": WORDS }),
    );
    server.wait_idle();
    server
        .wire
        .send("GET", "/api/v1/tracks?q=quiet%20street", &[], b"");
    let outside = serde_json::json!({ "path": "/etc" });
    server
        .wire
        .ask("POST", "/api/v1/imports", &outside)
        .points_at(400, "/path", "a folder outside the roots");
    let log = server.log();
    assert!(!log.is_empty(), "the log is on");
    for words in [
        "quiet street",
        "keeps the beat",
        "over the hill",
        "dear diary",
    ] {
        assert!(!log.contains(words), "the log tells lyrics: {words}");
    }
}

#[test]
fn journey_lyrics_without_words() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    fs::create_dir(&music).unwrap();
    write_song(&music.join("heard.wav"), 3, 4.0);
    fs::write(music.join("heard.txt"), "🎶🎤\n... !!!\n\u{200b}").unwrap();
    let found = cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    assert_eq!(found["failed_analyses"], 0, "{found}");
    let told = cli(&data, &["analyze", "heard", "--json"]).json();
    assert!(descriptor(&told, "tempo_bpm").is_some(), "{told}");
    assert_eq!(descriptor(&told, "word_count"), Some(&json!(0)), "{told}");

    fs::write(music.join("broken.wav"), "no sound").unwrap();
    cli(&data, &["import", music.to_str().unwrap()]);
    let said = cli(&data, &["doctor"]).stdout;
    assert!(
        said.contains("refused again") && !said.contains("/retry"),
        "a retry cannot help: {said}"
    );
}
