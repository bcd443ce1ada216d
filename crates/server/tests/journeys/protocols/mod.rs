//! Foreign protocols, by requests as their clients send them.

mod apart;
mod listenbrainz;
mod media_players;
mod spotify;

use serde_json::{Value, json};

use crate::harness::{TestServer, write_song};
use crate::wire::{Reply, Wire};

const MBID: &str = "0a1b2c3d-4e5f-4a1b-8c3d-4e5f60718293";

/// A key of a listener.
fn key_of(wire: &Wire, label: &str, scopes: &Value) -> Wire {
    let key = wire.post("/api/v1/keys", &json!({"label": label, "scopes": scopes}));
    wire.with_key(key["secret"].as_str().unwrap())
}

/// Sends a document as liblistenbrainz does: `Token`, and no Content-Type.
fn told(wire: &Wire, path: &str, document: &Value) -> Reply {
    let token = format!("Token {}", wire.key.as_deref().unwrap_or_default());
    let headers = [("authorization", token.as_str())];
    let body = document.to_string();
    wire.anonymous()
        .send("POST", path, &headers, body.as_bytes())
}

fn single(at: i64, metadata: &Value) -> Value {
    json!({"listen_type": "single",
        "payload": [{"listened_at": at, "track_metadata": metadata}]})
}

/// Six short songs with embeddings, by three artists.
fn sounding(server: &TestServer, folder: &std::path::Path) -> Vec<String> {
    let wire = &server.wire;
    let tracks: Vec<Value> = (0..6)
        .map(|i| {
            json!({"title": format!("Tune {i}"), "artist": format!("Player {}", i % 3),
            "album": "Tunes", "duration_ms": 4_000, "external_ids": {"navidrome": format!("nd{i}")},
            "artist_ids": {"navidrome": format!("ar{}", i % 3), "spotify": format!("sp{}", i % 3)}})
        })
        .collect();
    let written = wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let ids: Vec<String> = written["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|track| track["id"].as_str().unwrap().to_owned())
        .collect();
    for (place, id) in ids.iter().enumerate() {
        let song = folder.join(format!("{place}.wav"));
        write_song(&song, place as u64, 4.0);
        let path = format!("/api/v1/tracks/{id}/audio?extension=wav");
        let up = wire.send("PUT", &path, &[], &std::fs::read(&song).unwrap());
        assert_eq!(up.status, 200, "{}", up.text());
    }
    assert_eq!(server.wait_idle(), 0);
    ids
}
