//! The same recording twice: found, shown, decided on, never merged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli, write_song};
use crate::wire::Wire;

/// A copy whose start is cut off and whose samples are a little quieter.
fn cut_copy(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap();
    let place = bytes.windows(4).position(|four| four == b"data").unwrap() + 8;
    let rate = u32::from_le_bytes(bytes[28..32].try_into().unwrap()) as usize;
    let samples = bytes[place + 2 * rate..].chunks_exact(2);
    let quieter = samples.flat_map(|pair| {
        let sample = i16::from_le_bytes([pair[0], pair[1]]);
        (sample - sample / 5).to_le_bytes()
    });
    let samples: Vec<u8> = quieter.collect();
    let mut copy = bytes[..place].to_vec();
    copy[4..8].copy_from_slice(&((place - 8 + samples.len()) as u32).to_le_bytes());
    copy[place - 4..place].copy_from_slice(&(samples.len() as u32).to_le_bytes());
    copy.extend_from_slice(&samples);
    fs::write(to, copy).unwrap();
}

/// The titles of everything that is recommended to somebody new.
fn listed(wire: &Wire) -> BTreeSet<String> {
    let answer = wire.post("/api/v1/recommendations", &json!({"count": 20}));
    let tracks = answer["tracks"].as_array().unwrap().iter();
    let titles = tracks.map(|track| track["title"].as_str().unwrap().to_owned());
    titles.collect()
}

#[test]
fn journey_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    fs::create_dir_all(&music).unwrap();
    for seed in 0..4 {
        write_song(&music.join(format!("song {seed}.wav")), seed, 24.0);
    }
    cut_copy(&music.join("song 2.wav"), &music.join("copy.wav"));
    let before = cli(&data, &["duplicates", "--no-search", "--json"]).json();
    assert_eq!(before["groups"], json!([]));
    cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    let found = cli(&data, &["duplicates", "--json"]).json();
    assert_eq!(found["fingerprinted"], 5, "{found}");
    assert_eq!(found["groups"].as_array().unwrap().len(), 1, "{found}");
    let group = &found["groups"][0];
    let titles = |group: &serde_json::Value| -> Vec<String> {
        let tracks = group["tracks"].as_array().unwrap().iter();
        let mut titles: Vec<_> = tracks
            .map(|track| track["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    };
    assert_eq!(titles(group), ["copy", "song 2"]);
    assert_eq!(group["state"], "open");
    let of = |title: &str| {
        let tracks = group["tracks"].as_array().unwrap().iter();
        tracks
            .clone()
            .find(|track| track["title"] == title)
            .unwrap()["id"]
            .clone()
    };
    assert_eq!(
        group["canonical"],
        of("song 2"),
        "the longer stands for both"
    );
    let text = cli(&data, &["duplicates", "--no-search"]).stdout;
    assert!(text.contains("1 groups among 5"), "{text}");

    let server = TestServer::start(&data);
    let wire = &server.wire;
    assert_eq!(
        wire.get("/api/v1/overview")["tracks"],
        5,
        "nothing is merged"
    );
    assert_eq!(listed(wire).len(), 5, "nobody decided yet");
    let path = format!(
        "/api/v1/duplicates/{}/decision",
        group["id"].as_str().unwrap()
    );
    let chosen = json!({"state": "confirmed", "canonical": of("copy")});
    let decided = wire.post(&path, &chosen);
    assert_eq!(
        (&decided["state"], &decided["canonical"]),
        (&json!("confirmed"), &of("copy"))
    );
    wire.ask(
        "POST",
        &path,
        &json!({"state": "confirmed", "canonical": group["tracks"][0]["title"]}),
    )
    .points_at(400, "/canonical", "no id");
    wire.ask("POST", &path, &json!({"state": "maybe"}))
        .problem(400, "no state");
    let other = wire.get("/api/v1/tracks?q=song%203")["tracks"][0]["id"].clone();
    wire.ask(
        "POST",
        &path,
        &json!({"state": "confirmed", "canonical": other}),
    )
    .points_at(400, "/canonical", "none of the group");
    wire.ask("POST", "/api/v1/duplicates/zzz/decision", &chosen)
        .problem(404, "no group");
    // From now on the one that was chosen stands for both in what is recommended.
    assert_eq!(
        listed(wire),
        BTreeSet::from(["copy", "song 0", "song 1", "song 3"].map(str::to_owned))
    );
    let near = wire.get(&format!(
        "/api/v1/tracks/{}/similar",
        other.as_str().unwrap()
    ));
    let near = near["tracks"].as_array().unwrap();
    assert!(near.iter().all(|one| one["id"] != of("song 2")), "{near:?}");
    assert!(near.iter().any(|one| one["id"] == of("copy")), "{near:?}");
    let versions = wire.get(&format!(
        "/api/v1/tracks/{}/similar",
        of("song 2").as_str().unwrap()
    ));
    let versions = versions["tracks"].as_array().unwrap();
    assert!(
        versions.iter().all(|one| one["id"] != of("copy")),
        "{versions:?}"
    );
    // A second search keeps what was said.
    let job = wire.post("/api/v1/duplicates", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&job)["state"], "done");
    let again = wire.walk("/api/v1/duplicates", "groups", 1);
    assert_eq!((&again[0]["state"], again.len()), (&json!("confirmed"), 1));
    assert_eq!(
        wire.post(&path, &json!({"state": "dismissed"}))["state"],
        "dismissed"
    );
    assert_eq!(listed(wire).len(), 5, "a dismissed group is none");
    let page = wire.send("GET", "/studio/duplicates", &[], b"");
    assert!(page.status < 400, "{}", page.status);
    // One of two is no group, also before the next search.
    let gone = format!("/api/v1/tracks/{}", of("copy").as_str().unwrap());
    assert!(wire.send("DELETE", &gone, &[], b"").status < 300);
    let listed = wire.get("/api/v1/duplicates");
    assert_eq!(listed["groups"], json!([]), "{listed}");
}

/// Songs of a table that name one id are songs of their own, reported, and a group.
#[test]
fn journey_ids_of_earlier_imports() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let import = |rows: &str| {
        let table = folder.path().join("songs.csv");
        let header = "title,artist,genre,external_ids.spotify";
        fs::write(&table, format!("{header}\n{rows}")).unwrap();
        cli(&data, &["import", table.to_str().unwrap(), "--json"]).json()
    };
    let counts = |found: &Value| {
        ["created", "updated", "unchanged", "id_clashes"].map(|name| found[name].as_u64().unwrap())
    };
    let first = import("Heroes,David Bowie,rock,s1\nHello,Adele,pop,s2\n");
    assert_eq!(counts(&first), [2, 0, 0, 0]);
    // A title is corrected, an id is of another song, a song is corrected under it, all again.
    let corrected = "Helo World,Adele,pop,s2\n";
    let clash = "Hurt,Johnny Cash,country,s1\n";
    assert_eq!(counts(&import(corrected)), [0, 1, 0, 0]);
    let found = import(clash);
    assert_eq!(counts(&found), [1, 0, 0, 1]);
    let fault = found["faults"][0]["reason"].as_str().unwrap();
    assert!(fault.contains("`spotify:s1`"), "{found}");
    let audit = cli(&data, &["audit", "--json"]).json();
    assert_eq!(audit["document"]["tables"][0]["clashing_rows"], 1);
    let renewed = clash.replace("country", "folk");
    assert_eq!(counts(&import(&renewed)), [0, 1, 0, 1]);
    assert_eq!(counts(&import(&renewed)), [0, 0, 1, 1]);
    assert_eq!(
        counts(&import("Heroes,David Bowie,rock,s1\n")),
        [0, 0, 1, 0]
    );

    let found = cli(&data, &["duplicates", "--json"]).json();
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{found}");
    assert_eq!(groups[0]["shared_id"], "spotify:s1");
    assert_eq!(groups[0]["tracks"].as_array().unwrap().len(), 2);
}

#[test]
fn journey_shared_ids() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let table = folder.path().join("songs.csv");
    let mut text = "title,artist,external_ids.spotify\n".to_owned();
    for number in 0..20 {
        text.push_str(&format!("Song {number},A,s{}\n", number / 2));
    }
    text.push_str("SONG 0,A,s0\n");
    fs::write(&table, text).unwrap();
    let source = table.to_str().unwrap();
    let found = cli(&data, &["import", source, "--json"]).json();
    assert_eq!(
        (&found["created"], &found["updated"]),
        (&json!(20), &json!(1))
    );
    let again = cli(&data, &["import", source, "--json"]).json();
    assert_eq!(again["created"], 0, "{again}");
    let audits = cli(&data, &["audit", "--json"]).json();
    let audit = audits.to_string();
    assert!(
        audit.contains("\"rows_out\":20") && audit.contains("\"renewing_rows\":1"),
        "{audit}"
    );

    let found = cli(&data, &["duplicates", "--json"]).json();
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 10, "{found}");
    let ids: BTreeSet<&str> = groups
        .iter()
        .map(|group| group["shared_id"].as_str().unwrap())
        .collect();
    assert!(ids.contains("spotify:s3") && ids.len() == 10, "{ids:?}");
    assert!(groups.iter().all(|group| group["kind"] == "shared id"
        && group["tracks"].as_array().unwrap().len() == 2
        && group["tracks"][0]["bit_error_rate"].is_null()));
    let server = TestServer::start(&data);
    let path = format!(
        "/api/v1/duplicates/{}/decision",
        groups[0]["id"].as_str().unwrap()
    );
    let decided = server.wire.post(&path, &json!({"state": "confirmed"}));
    assert_eq!(decided["state"], "confirmed");
}
