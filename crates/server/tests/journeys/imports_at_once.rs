//! Two imports of one tenant at once end as one after the other would.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Said, TestServer, cli, wait_until};
use crate::wire::Wire;

const ROWS: usize = 60;

/// A table whose rows have the ids of every other one of these tables, and songs of their own.
fn write_songs(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.csv"));
    let mut text = "title,artist,external_ids.spotify\n".to_owned();
    for row in 0..ROWS {
        text.push_str(&format!("{name} song {row},{name} singer {row},s{row}\n"));
    }
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn import(data: &Path, table: &str) -> Said {
    cli(data, &["import", table, "--no-wait", "--json"])
}

/// What is in the catalogue, without our own ids and times.
fn songs(wire: &Wire) -> BTreeSet<String> {
    let tracks = wire.walk("/api/v1/tracks", "tracks", 100);
    let told = tracks
        .iter()
        .map(|track| json!([track["title"], track["artist"], track["external_ids"]]).to_string());
    told.collect()
}

#[test]
fn journey_two_imports_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["avalanche", "butterfly"];
    let tables = names.map(|name| write_songs(folder.path(), name));
    let in_turn = |first: usize| {
        let data = folder.path().join(format!("in turn {first}"));
        let server = TestServer::start(&data);
        for table in [&tables[first], &tables[1 - first]] {
            import(&data, table).json();
        }
        songs(&server.wire)
    };
    let expected = [in_turn(0), in_turn(1)];
    assert_eq!(expected[0].len(), 2 * ROWS);
    assert_ne!(expected[0], expected[1], "the first owns the ids");

    // While one holds the turn, another is told whose it is and writes nothing.
    let data = folder.path().join("data");
    let mut server = TestServer::start(&data);
    let turn = json!({"source": "a table elsewhere"});
    let held = server.wire.post("/api/v1/import-turns", &turn);
    let refused = import(&data, &tables[0]);
    assert!(!refused.is_success);
    let sentence = &refused.stderr;
    assert!(sentence.contains("`a table elsewhere`"), "{sentence}");
    assert!(
        sentence.contains(held["job"].as_str().unwrap()),
        "{sentence}"
    );
    assert_eq!(server.wire.get("/api/v1/overview")["tracks"], 0);
    let path = format!("/api/v1/import-turns/{}", held["job"].as_str().unwrap());
    let sign = json!({"lease": held["lease"], "progress_done": 7, "progress_total": 0});
    assert_eq!(server.wire.ask("PUT", &path, &sign).status, 204);
    let job = format!("/api/v1/jobs/{}", held["job"].as_str().unwrap());
    assert_eq!(server.wire.get(&job)["progress_done"], 7);
    let stolen = json!({"lease": "1", "progress_done": 8, "progress_total": 0});
    let stolen = server.wire.ask("PUT", &path, &stolen);
    stolen.problem(409, "the turn of somebody else");

    // A kill of everything takes the turn with it.
    server.kill();
    let server = TestServer::start(&data);
    assert_eq!(server.wire.get(&job)["state"], "dead");
    let again = server.wire.ask("POST", &format!("{job}/retry"), &json!({}));
    let told = again.problem(409, "no worker reads it")["detail"].clone();
    assert!(told.as_str().unwrap().contains("again"), "{told}");

    // Two begin at once; whoever is refused comes again.
    std::thread::scope(|scope| {
        for table in &tables {
            let data = &data;
            scope.spawn(move || {
                wait_until("the turn of a table", || {
                    let said = import(data, table);
                    let is_refused = said.stderr.contains("is being imported");
                    assert!(said.is_success || is_refused, "{}", said.stderr);
                    said.is_success.then_some(())
                });
            });
        }
    });
    let found = songs(&server.wire);
    assert!(expected.contains(&found), "{found:?}");
    let jobs = server.wire.get("/api/v1/jobs?kind=import_tracks");
    let states: Vec<&Value> = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["state"])
        .collect();
    assert_eq!(states, ["done", "done", "dead"]);
}

/// Programs that take no turn and send rows of several songs under one id: every song stays.
#[test]
fn songs_sent_at_once_under_one_id_all_stay() {
    const SENDERS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                for id in 0..8 {
                    let mark = char::from(b'a' + sender as u8).to_string().repeat(9);
                    let track = json!({"title": format!("{mark} {id}"), "artist": format!("by {mark}"),
                        "external_ids": {"spotify": format!("s{id}")}});
                    let body = json!({ "tracks": [track] });
                    wire.post("/api/v1/tracks?on_clash=keep_both", &body);
                }
            });
        }
    });
    assert_eq!(songs(wire).len(), SENDERS * 8);
}
