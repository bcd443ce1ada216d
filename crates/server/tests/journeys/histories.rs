//! Listening histories of other services, playlists from files, and plays that are told twice.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;

fn run(data: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["--json"];
    all.extend_from_slice(arguments);
    cli(data, &all).json()
}

fn import(data: &Path, file: &Path, more: &[&str]) -> Value {
    let mut arguments = vec!["import", "listens", file.to_str().unwrap()];
    arguments.extend_from_slice(more);
    run(data, &arguments)
}

fn counts(summary: &Value) -> [u64; 8] {
    let names = [
        "rows",
        "listens",
        "skips",
        "private",
        "matched",
        "unresolved",
        "duplicates",
        "rejected",
    ];
    names.map(|name| summary[name].as_u64().unwrap())
}

fn stream(title: &str, minute: u32, played_ms: u32, end: &str, is_private: bool) -> Value {
    json!({"ts": format!("2020-09-13T12:{minute:02}:00Z"), "ms_played": played_ms,
        "master_metadata_track_name": title, "master_metadata_album_artist_name": "Band",
        "spotify_track_uri": format!("spotify:track:{title}"), "reason_end": end,
        "skipped": end == "fwdbtn", "incognito_mode": is_private, "ip_addr": "192.0.2.1"})
}

fn add_tracks(server: &TestServer, titles: &[&str]) {
    let track = |title: &&str| json!({"title": title, "artist": "Band", "duration_ms": 200_000});
    let tracks: Vec<Value> = titles.iter().map(track).collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
}

#[test]
fn a_history_of_spotify_comes_in_once_and_waits_for_its_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    add_tracks(&server, &["First", "Second", "Secret"]);
    let streams = json!([
        stream("First", 10, 200_000, "trackdone", false),
        stream("Second", 11, 20_000, "fwdbtn", false),
        stream("Secret", 12, 200_000, "trackdone", true),
        stream("Later", 13, 200_000, "trackdone", false),
        stream("First", 14, 200_000, "trackdone", false),
        {"ts": "never", "ms_played": 1}
    ]);
    let file = folder.path().join("Streaming_History_Audio_2020_0.json");
    fs::write(&file, serde_json::to_vec_pretty(&streams).unwrap()).unwrap();
    let listener = ["--listener", "ann"];
    let first = import(&data, &file, &listener);
    assert_eq!(counts(&first), [6, 5, 1, 1, 4, 1, 0, 1]);
    let example = first["rejected_examples"][0].as_str().unwrap();
    assert!(
        example.contains("line ") && example.contains("never"),
        "{example}"
    );
    // Again, and packed: nothing new.
    let packed = folder.path().join("packed.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(&packed).unwrap(),
        flate2::Compression::default(),
    );
    encoder.write_all(&fs::read(&file).unwrap()).unwrap();
    encoder.finish().unwrap();
    for file in [&file, &packed] {
        let again = import(&data, file, &listener);
        assert_eq!(counts(&again), [6, 0, 1, 1, 0, 0, 5, 1]);
    }
    // Two plays and a skip count, the private session does not, and the addresses stayed away.
    let wire = &server.wire;
    let taste = wire.get("/api/v1/listeners/ann");
    assert_eq!((&taste["plays"], &taste["skips"]), (&json!(3), &json!(1)));
    assert!(!taste.to_string().contains("Secret"), "{taste}");
    let log = wire.get("/api/v1/events?limit=200").to_string();
    assert!(log.contains("Secret") && !log.contains("192.0.2.1"));
    // A skip after a tenth of the track, whose length the catalogue knew.
    let skip = &taste["dislikes"][0];
    assert_eq!(
        (&skip["title"], &skip["signal"]),
        (&json!("Second"), &json!(-0.8))
    );
    // What waited becomes a listen when its track comes.
    add_tracks(&server, &["Later"]);
    assert_eq!(wire.get("/api/v1/listeners/ann")["plays"], 4);
    let answer = wire.post("/api/v1/events/replay", &json!({"projection": "scrobbles"}));
    assert_eq!(answer["is_equal"], true);
    // Who may not see private sessions is not told of them by the scrobbler's protocol either.
    let key = wire.post("/api/v1/keys", &json!({"label": "bob", "scopes": ["read"]}));
    let bob = wire.with_key(key["secret"].as_str().unwrap());
    let told = bob.send("GET", "/1/user/ann/listens", &[], b"").text();
    assert!(told.contains("First") && !told.contains("Secret"), "{told}");
}

#[test]
fn histories_of_listenbrainz_and_lastfm_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    add_tracks(&server, &["First", "Second"]);
    let listen = |at: i64, title: &str| {
        json!({"listened_at": at, "user_name": "bob", "inserted_at": at, "recording_msid": "x",
            "track_metadata": {"track_name": title, "artist_name": "Band",
                "additional_info": {"duration_ms": 200_000}}})
    };
    let lines = format!(
        "{}\n{{\"listened_at\": 16000\n{}\n",
        listen(1_600_000_000, "First"),
        listen(1_600_000_300, "Second")
    );
    let file = folder.path().join("listens.jsonl");
    fs::write(&file, lines).unwrap();
    // The rows say whose they are.
    let summary = import(&data, &file, &[]);
    assert_eq!(counts(&summary), [3, 2, 0, 0, 2, 0, 0, 1]);
    assert_eq!(server.wire.get("/api/v1/listeners/bob")["plays"], 2);

    let table = "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n\
        1600000000,\"13 Sep 2020, 12:26\",Band,,,,First,\n\
        1600000600,\"13 Sep 2020, 12:36,Band,,,,Broken,\n\
        1600000900,\"13 Sep 2020, 12:41\",Band,,,,Second,\n";
    let file = folder.path().join("scrobbles.csv");
    fs::write(&file, table).unwrap();
    let said = cli(&data, &["import", "listens", file.to_str().unwrap()]);
    assert!(
        !said.is_success && said.stderr.contains("--listener"),
        "{}",
        said.stderr
    );
    // The first is the same listen as the one of ListenBrainz.
    let summary = import(&data, &file, &["--listener", "bob"]);
    assert_eq!(counts(&summary), [3, 1, 0, 0, 1, 0, 1, 1]);
    assert_eq!(server.wire.get("/api/v1/listeners/bob")["plays"], 3);
    let list = folder.path().join("list.m3u");
    fs::write(&list, "#EXTM3U\nx.mp3\n").unwrap();
    let said = cli(&data, &["import", "listens", list.to_str().unwrap()]);
    assert!(said.stderr.contains("playlist import"), "{}", said.stderr);
}

#[test]
fn an_import_that_was_killed_goes_on_when_it_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = TestServer::start(&data);
    add_tracks(&server, &["Song 0", "Song 1", "Song 2"]);
    let count = 12_000;
    let lines: String = (0..count)
        .map(|i| {
            let listen = json!({"listened_at": 1_600_000_000 + i * 60,
                "track_metadata": {"track_name": format!("Song {}", i % 3), "artist_name": "Band"}});
            format!("{listen}\n")
        })
        .collect();
    let file = folder.path().join("listens.jsonl");
    fs::write(&file, lines).unwrap();
    let (path, place) = (file.clone(), data.clone());
    let running = std::thread::spawn(move || {
        let path = path.to_str().unwrap();
        cli(
            &place,
            &["--json", "import", "listens", path, "--listener", "ann"],
        )
    });
    // The server dies in the middle, and the import with it.
    crate::harness::wait_until("some are in", || {
        let head = server.wire.get("/api/v1/events/consumers")["head_offset"].as_u64()?;
        (head > 4_000).then_some(())
    });
    server.kill();
    let cut = running.join().unwrap();
    drop(server);
    let server = TestServer::start(&data);
    let summary = import(&data, &file, &["--listener", "ann"]);
    assert_eq!(summary["rows"], count);
    let new = summary["listens"].as_u64().unwrap();
    assert!(cut.is_success || new < count as u64, "{summary}");
    assert_eq!(new + summary["duplicates"].as_u64().unwrap(), count as u64);
    assert_eq!(server.wire.get("/api/v1/listeners/ann")["plays"], count);
    let answer = server.wire.post("/api/v1/events/replay", &json!({}));
    assert_eq!(answer["is_equal"], true);
}

#[test]
fn told_listens_are_bounded_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let listen =
        |title: &str| json!({"occurred_at": now(), "track": {"title": title, "artist": "B"}});
    let many =
        |count: usize| -> Vec<Value> { (0..count).map(|i| listen(&format!("Song {i}"))).collect() };
    let ask = |listens: Value| {
        wire.ask(
            "POST",
            "/api/v1/listens",
            &json!({"listener": "ann", "listens": listens}),
        )
    };
    assert_eq!(ask(json!(many(2_000))).json()["waiting"], 2_000);
    ask(json!(many(2_001))).points_at(400, "/listens", "too many");
    ask(json!([listen("")])).points_at(400, "/listens/0/track/title", "no title");
    let mut late = listen("A");
    late["occurred_at"] = json!(now() + 7_200_000);
    ask(json!([late])).points_at(400, "/listens/0/occurred_at", "future");
    let words = |count: usize| json!({"tracks": vec![json!({"title": "A"}); count]});
    let found = wire.post("/api/v1/track-matches", &words(2_000));
    assert_eq!(found["tracks"].as_array().unwrap().len(), 2_000);
    let refused = wire.ask("POST", "/api/v1/track-matches", &words(2_001));
    refused.points_at(400, "/tracks", "too many");
}

#[test]
fn playlists_come_in_from_files_and_go_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    add_tracks(&server, &["First", "Second"]);
    let m3u = folder.path().join("Evening.m3u8");
    let text = "#EXTM3U\n#EXTINF:200,Band - Second\na.mp3\n#EXTINF:200,Band - First\nb.mp3\n\
        #EXTINF:10,Nobody - Nothing\nc.mp3\n";
    fs::write(&m3u, text).unwrap();
    let read = run(&data, &["playlist", "import", m3u.to_str().unwrap()]);
    assert_eq!((&read["tracks"], &read["missing"]), (&json!(2), &json!(1)));
    assert_eq!(read["missing_examples"][0], "Nobody - Nothing");
    let id = read["playlist"].as_str().unwrap();
    let kept = server.wire.get(&format!("/api/v1/playlists/{id}"));
    assert_eq!(kept["name"], "Evening");
    // Every format that is written is read, into the same playlist.
    for format in ["m3u8", "xspf", "jspf"] {
        let file = folder.path().join(format!("out.{format}"));
        let path = file.to_str().unwrap();
        cli(
            &data,
            &["playlist", "export", id, "--format", format, "--out", path],
        );
        let again = run(&data, &["playlist", "import", path]);
        assert_eq!(
            (&again["playlist"], &again["missing"]),
            (&json!(id), &json!(0)),
            "{format}"
        );
        let now = server.wire.get(&format!("/api/v1/playlists/{id}"));
        assert_eq!(now["tracks"], kept["tracks"], "{format}");
    }
}

#[test]
fn a_play_that_a_player_tells_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    add_tracks(&server, &["First", "Second", "Third"]);
    let wire = &server.wire;
    let key = wire.post(
        "/api/v1/keys",
        &json!({"label": "ann", "scopes": ["read", "write"]}),
    );
    let ann = wire.with_key(key["secret"].as_str().unwrap());
    let tracks = wire.walk("/api/v1/tracks", "tracks", 50);
    let id = |title: &str| {
        let found = tracks.iter().find(|track| track["title"] == title).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let call = |method: &str, parameters: String| {
        let path = format!("/rest/{method}?f=json&v=1.16.1&c=t&{parameters}");
        let reply = ann.send("GET", &path, &[], b"").json();
        assert_eq!(reply["subsonic-response"]["status"], "ok", "{reply}");
    };
    let scrobble = |title: &str, at: i64| call("scrobble", format!("id={}&time={at}", id(title)));
    let stop = |title: &str, position_ms: i64| {
        let song = id(title);
        let rest = format!("mediaId={song}&mediaType=song&positionMs={position_ms}&state=stopped");
        call("reportPlayback", rest);
    };
    let plays = || wire.get("/api/v1/listeners/ann")["plays"].as_u64().unwrap();
    // Submitted at half with its start, reported at the end.
    scrobble("First", now() - 200_000);
    stop("First", 200_000);
    assert_eq!(plays(), 1);
    // The other way round, and the report sent again.
    stop("Second", 200_000);
    stop("Second", 200_000);
    scrobble("Second", now() - 200_000);
    assert_eq!(plays(), 2);
    // A genuine repeat: the round before started a track's length earlier.
    scrobble("Second", now() - 400_000);
    assert_eq!(plays(), 3);
    // A skip is no submission's other half.
    stop("Third", 5_000);
    scrobble("Third", now());
    assert_eq!(plays(), 5);
}
