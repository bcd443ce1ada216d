//! One walk through every module of the product: analyzers, vector store, feature store, playlists,
//! the recommender over all kinds of evidence, and learning while the music plays.

use std::collections::BTreeSet;
use std::fs;

use leitmotif_demo::songs::{SongSpec, Style, render_song, write_wav};
use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;

const SONGS: usize = 12;
const STYLES: [Style; 3] = [Style::BoomBap, Style::House, Style::Ballad];
const LYRICS: &str = "we walk along the river in the light\nwe laugh about the lovely ships we saw last night\n\
                      the morning comes and everything is bright\nand nobody remembers how to cry or fight\n";

fn ids(answer: &Value) -> Vec<String> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks
        .map(|track| track["id"].as_str().unwrap().to_owned())
        .collect()
}

fn import_songs(folder: &std::path::Path, data: &std::path::Path) {
    let music = folder.join("music");
    fs::create_dir(&music).unwrap();
    for index in 0..SONGS {
        let spec = SongSpec::typical(STYLES[index % STYLES.len()], index as u64, 8.0);
        write_wav(
            &render_song(&spec),
            &music.join(format!("song {index:02}.wav")),
        )
        .unwrap();
        fs::write(music.join(format!("song {index:02}.txt")), LYRICS).unwrap();
    }
    let imported = cli(data, &["import", music.to_str().unwrap()]);
    assert!(imported.is_success, "{}", imported.stderr);
}

/// Two camps play and skip, so that there is something to learn.
fn history(tracks: &[String]) -> Vec<Value> {
    let mut events = Vec::new();
    for (number, (round, person)) in (0..16)
        .flat_map(|r| (0..20).map(move |p| (r, p)))
        .enumerate()
    {
        let (half, own) = (SONGS / 2, (person % 2) * (SONGS / 2));
        let is_skip = round % 4 == 3;
        let camp = if is_skip { half - own } else { own };
        let track = camp + (person * 5 + round * 7) % half;
        let (outcome, played_ms) = if is_skip {
            ("skipped", 900)
        } else {
            ("completed", 8_000)
        };
        events.push(
            json!({"kind": "listen", "occurred_at": now() - (400 - number as i64) * 60_000,
            "listener": format!("p{person}"), "track": tracks[track], "outcome": outcome,
            "played_ms": played_ms, "track_ms": 8_000}),
        );
    }
    events
}

#[test]
fn journey_through_every_module() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    import_songs(folder.path(), &data);
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let tracks = ids(&wire.get("/api/v1/tracks?limit=50"));
    assert_eq!(tracks.len(), SONGS);

    // The analyzers: each descriptor says how sure it is and how it was made.
    let analysis = wire.get(&format!("/api/v1/tracks/{}/analysis", tracks[0]));
    let descriptors = analysis["descriptors"].as_array().unwrap();
    let named = |name: &str| descriptors.iter().find(|one| one["name"] == name);
    for (analyzer, descriptor) in [
        ("rhythm", "tempo_bpm"),
        ("harmony", "key"),
        ("sound", "integrated_loudness_lufs"),
        ("words", "rhyme_density_ratio"),
        ("meaning", "sentiment"),
    ] {
        let found = named(descriptor);
        assert!(
            found.is_some_and(|one| !one["value"].is_null()),
            "{analyzer}: {descriptor}"
        );
    }
    assert!(
        descriptors
            .iter()
            .all(|one| !one["method"].as_str().unwrap().is_empty())
    );

    // The vector store: neighbours of sound and of words.
    for space in ["leitmotif-audio-2", "leitmotif-words-1"] {
        let near = wire.get(&format!(
            "/api/v1/tracks/{}/similar?space={space}&limit=5",
            tracks[0]
        ));
        assert!(!ids(&near).is_empty(), "{space}: {near}");
    }

    // Learning while the music plays: events in, the model trained, a skip changes the next list.
    wire.post("/api/v1/events", &json!({ "events": history(&tracks) }));
    let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&job)["state"], "done");

    // The feature store: what the log says of a listener, at once.
    let listener = wire.walk("/api/v1/listeners", "listeners", 50);
    let listener = listener.iter().find(|one| one["name"] == "p3").unwrap();
    let profile = wire.get(&format!(
        "/api/v1/listeners/{}",
        listener["id"].as_str().unwrap()
    ));
    assert_eq!(
        (&profile["plays"], &profile["skips"]),
        (&json!(16), &json!(4))
    );

    // The recommender: several kinds of evidence in one list, each place with its reasons.
    let asked = json!({"listener": "p3", "count": 5, "include_heard": true});
    let before = wire.post("/api/v1/recommendations", &asked);
    assert_eq!(before["rung"], "personalised");
    let told = wire.get(&format!(
        "/api/v1/explain/{}",
        before["request_id"].as_str().unwrap()
    ));
    let offered: BTreeSet<&str> = (told["sources"].as_array().unwrap().iter())
        .filter(|source| source["offered"].as_u64() > Some(0))
        .map(|source| source["source"].as_str().unwrap())
        .collect();
    for source in ["taste", "neighbours", "content", "popular"] {
        assert!(offered.contains(source), "{source} in {offered:?}");
    }
    let first = &before["tracks"][0];
    let listen = |outcome: &str| {
        json!({"events": [{"kind": "listen", "occurred_at": now(),
        "listener": "p3", "track": first["id"], "outcome": outcome, "played_ms": 300,
        "track_ms": 8_000, "request_id": before["request_id"]}]})
    };
    for _ in 0..3 {
        wire.post("/api/v1/events", &listen("skipped"));
    }
    let after = wire.post("/api/v1/recommendations", &asked);
    assert_ne!(
        after["tracks"], before["tracks"],
        "the skip counts in the next answer"
    );

    // Playlists: a way through the sound, smoother than chance.
    let asked = json!({"kind": "seeds", "seeds": [tracks[0]], "count": SONGS});
    let draft = wire.post("/api/v1/playlist-drafts", &asked);
    assert_eq!(ids(&draft).len(), SONGS);
    assert!(
        draft["step_cost"].as_f64() < draft["shuffled_step_cost"].as_f64(),
        "{draft}"
    );
}
