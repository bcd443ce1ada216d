//! Playlists made by the platform: chosen, ordered, kept, written as files.

use std::fs;

use leitmotif_demo::songs::{SongSpec, Style, render_song, write_wav};
use serde_json::{Value, json};

use crate::harness::{TestServer, cli, wait_until};

/// Songs of three styles, so that tempo and sound differ between them.
const STYLES: [Style; 3] = [Style::BoomBap, Style::House, Style::Ballad];
const SONGS: usize = 12;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn steps(answer: &Value) -> Vec<Option<f64>> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks.map(|track| track["step_cost"].as_f64()).collect()
}

fn ids(answer: &Value) -> Vec<String> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks.map(|track| text(&track["id"])).collect()
}

#[test]
fn journey_playlists() {
    let folder = tempfile::tempdir().unwrap();
    let (data, music) = (folder.path().join("data"), folder.path().join("music"));
    fs::create_dir(&music).unwrap();
    for index in 0..SONGS {
        let spec = SongSpec::typical(STYLES[index % STYLES.len()], index as u64, 8.0);
        write_wav(
            &render_song(&spec),
            &music.join(format!("song {index:02}.wav")),
        )
        .unwrap();
    }
    let imported = cli(&data, &["import", music.to_str().unwrap()]);
    assert!(imported.is_success, "{}", imported.stderr);
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let all = wire.get("/api/v1/tracks?limit=50");
    let known = ids(&all);
    assert_eq!(known.len(), SONGS);

    // From seeds: the seed first, nothing twice, smoother than chance.
    let asked = json!({"kind": "seeds", "seeds": [known[0]], "count": SONGS});
    let draft = wire.post("/api/v1/playlist-drafts", &asked);
    let mut found = ids(&draft);
    assert_eq!(found[0], known[0]);
    assert!(steps(&draft)[0].is_none() && steps(&draft)[1..].iter().all(Option::is_some));
    let cost = |name: &str| draft[name].as_f64().unwrap();
    assert!(cost("step_cost") < cost("shuffled_step_cost"), "{draft}");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), SONGS, "every song once");

    // An arc runs as it is called; a path begins and ends where it was told.
    let asked = json!({"kind": "text", "text": "song", "count": 9, "arc": "rise"});
    let rising = wire.post("/api/v1/playlist-drafts", &asked);
    let energies = rising["tracks"].as_array().unwrap().iter();
    let energies: Vec<f64> = energies
        .map(|track| track["energy"].as_f64().unwrap())
        .collect();
    assert!(energies[0] < energies[8], "{energies:?}");
    let asked = json!({"kind": "path", "from": known[1], "to": known[2], "count": 6});
    let path = wire.post("/api/v1/playlist-drafts", &asked);
    let way = ids(&path);
    assert_eq!((way.len(), &way[0], &way[5]), (6, &known[1], &known[2]));
    assert!(path["shuffled_step_cost"].is_null());
    // Nobody has listened, so nothing was learnt.
    for answer in [&draft, &path] {
        assert_eq!(answer["step_costs_by"], "convention", "{answer}");
    }

    // Constraints are kept to beside what was named, through the API and the command line.
    let other = text(&all["tracks"][1]["title"]);
    let only = json!({ "text": other });
    let asked = json!({"kind": "seeds", "seeds": [known[0]], "count": 5, "constraints": only});
    let narrow = wire.post("/api/v1/playlist-drafts", &asked);
    let made = cli(
        &data,
        &[
            "playlist",
            "make",
            "--seed",
            &known[0],
            "--only-text",
            &other,
            "--count",
            "5",
            "--json",
        ],
    );
    for answer in [narrow, made.json()] {
        assert_eq!(ids(&answer).len(), 2, "{answer}");
        let shortage = text(&answer["shortage"]);
        assert!(shortage.starts_with("2 of 5 tracks"), "{answer}");
    }

    // A stored playlist goes on, and what goes on can be put behind it.
    let kept = json!({"name": "Road", "owner": "ann", "tracks": known[..3]});
    let road = text(&wire.post("/api/v1/playlists", &kept)["id"]);
    let asked = json!({"kind": "continuation", "playlist": road, "count": 4});
    let further = ids(&wire.post("/api/v1/playlist-drafts", &asked));
    assert!(further.len() == 4 && further.iter().all(|id| !known[..3].contains(id)));
    let made = cli(
        &data,
        &["playlist", "continue", &road, "--count", "4", "--append"],
    );
    assert!(
        made.is_success && made.stdout.contains("kept as playlist"),
        "{}",
        made.stdout
    );
    let longer = wire.get(&format!("/api/v1/playlists/{road}"));
    let tracks: Vec<String> = longer["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    assert_eq!((&tracks[..3], &tracks[3..]), (&known[..3], &further[..]));
    assert!(
        longer["owner"].is_string() && longer["name"] == "Road",
        "{longer}"
    );

    // A daily mix holds what was loved.
    let listen = json!({"kind": "listen", "listener": "ann", "track": known[3],
        "occurred_at": "2024-05-01T10:00:00Z", "outcome": "completed"});
    wire.post("/api/v1/events", &json!({"events": [listen]}));
    let asked = json!({"kind": "daily_mix", "listener": "ann", "count": 8});
    let mix = wire.post("/api/v1/playlist-drafts", &asked);
    assert!(ids(&mix).contains(&known[3]), "{mix}");
    assert_eq!(ids(&mix).len(), 8);

    shown_and_played(&server, &draft, &mix);
    refusals(&server, &known);
    kept_and_exported(&server, &data);
}

/// Exposures are written beside answers, and so a moment later.
fn explained(server: &TestServer, request: &str) -> Value {
    wait_until("the exposure of a draft", || {
        let path = format!("/api/v1/explain/{request}");
        let reply = server.wire.send("GET", &path, &[], b"");
        (reply.status == 200).then(|| reply.json())
    })
}

/// What was made is found again by its request, and is no more than what was shown.
fn shown_and_played(server: &TestServer, draft: &Value, mix: &Value) {
    let wire = &server.wire;
    for (made, propensity) in [(draft, json!(1.0)), (mix, Value::Null)] {
        let request = text(&made["request_id"]);
        let told = explained(server, &request);
        assert_eq!(
            (&told["detail"], &told["placement"]),
            (&json!("exposure"), &json!("playlist"))
        );
        assert_eq!(told["rung"], made["rung"], "{told}");
        let candidates = told["candidates"].as_array().unwrap();
        let places: Vec<(String, Option<u64>)> = (candidates.iter())
            .map(|one| (text(&one["id"]), one["position"].as_u64()))
            .collect();
        let shown: Vec<(String, Option<u64>)> =
            ids(made).into_iter().zip((1..).map(Some)).collect();
        assert_eq!(places, shown);
        assert!(
            candidates.iter().all(|one| one["propensity"] == propensity),
            "{told}"
        );
    }
    let exposures = || {
        let log = wire.get("/api/v1/events?kind=exposure&limit=200");
        log["events"].as_array().unwrap().len()
    };
    // Each of the drafts so far, that of the command too.
    let before = exposures();
    assert_eq!(before, 8);
    let kept = json!({"name": "Edited", "tracks": ids(mix)[..3]});
    let id = text(&wire.post("/api/v1/playlists", &kept)["id"]);
    let more = json!({"tracks": ids(draft)[..2]});
    wire.post(&format!("/api/v1/playlists/{id}/tracks"), &more);
    wire.get(&format!("/api/v1/playlists/{id}/flow"));
    let asked = json!({"kind": "daily_mix", "listener": "ann", "count": 8, "private": true});
    let unseen = wire.post("/api/v1/playlist-drafts", &asked);
    assert!(
        unseen["request_id"].is_null() && unseen["tracks"] == mix["tracks"],
        "{unseen}"
    );
    // What comes after them in the log is there, and they are not.
    let asked = json!({"kind": "weekly_mix", "listener": "ann", "count": 4});
    let last = text(&wire.post("/api/v1/playlist-drafts", &asked)["request_id"]);
    explained(server, &last);
    assert_eq!(exposures(), before + 1);
}

fn refusals(server: &TestServer, known: &[String]) {
    let refused = |asked: Value, pointer: &str| {
        let body = asked.to_string();
        let json = [("content-type", "application/json")];
        let reply = server
            .wire
            .send("POST", "/api/v1/playlist-drafts", &json, body.as_bytes());
        let problem = reply.problem(400, &body);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    };
    refused(json!({"kind": "seeds"}), "/seeds");
    refused(json!({"kind": "daily_mix"}), "/listener");
    refused(json!({"kind": "path", "from": known[0]}), "/to");
    refused(
        json!({"kind": "text", "text": "nowhere to be found"}),
        "/text",
    );
    refused(
        json!({"kind": "text", "text": "song", "count": 1}),
        "/count",
    );
    refused(
        json!({"kind": "text", "text": "song", "count": 501}),
        "/count",
    );
    let mix = |share: f64| json!({"kind": "daily_mix", "listener": "a", "familiarity": share});
    refused(mix(1.5), "/familiarity");
}

/// The command keeps what it makes; players read the files.
fn kept_and_exported(server: &TestServer, data: &std::path::Path) {
    let arguments = [
        "playlist", "make", "--text", "song", "--count", "5", "--name", "Evening", "--json",
    ];
    let made = cli(data, &arguments);
    assert!(made.is_success, "{}", made.stderr);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let id = text(&made["playlist"]);
    let stored = server.wire.get(&format!("/api/v1/playlists/{id}"));
    assert_eq!(stored["tracks"].as_array().unwrap().len(), 5);
    let flow = server.wire.get(&format!("/api/v1/playlists/{id}/flow"));
    assert_eq!(steps(&flow), steps(&made), "shown as it was made");
    let exported = cli(data, &["playlist", "export", &id]);
    assert!(
        exported
            .stdout
            .starts_with("#EXTM3U\n#PLAYLIST:Evening\n#EXTINF:8,")
    );
    let file = |format: &str| {
        let path = format!("/api/v1/playlists/{id}/file?format={format}");
        server.wire.send("GET", &path, &[], b"")
    };
    assert!(
        file("xspf")
            .header("content-type")
            .unwrap()
            .starts_with("application/xspf+xml")
    );
    let jspf: Value = serde_json::from_str(&file("jspf").text()).unwrap();
    assert_eq!(jspf["playlist"]["track"].as_array().unwrap().len(), 5);
    file("mp3").problem(400, "an unknown format");
}
