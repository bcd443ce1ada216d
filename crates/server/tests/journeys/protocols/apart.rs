//! The walls between tenants on every foreign route.

use serde_json::json;

use super::{MBID, key_of, single, told};
use crate::harness::TestServer;
use crate::tables::now;
use crate::wire::Reply;

/// Every foreign route: method, path, and whether the answer names nobody's objects on success.
const FOREIGN: &[(&str, &str)] = &[
    ("GET", "/1/user/aurora-ann/listens"),
    ("GET", "/1/user/aurora-ann/listen-count"),
    ("GET", "/1/user/aurora-ann/playing-now"),
    ("GET", "/1/stats/user/aurora-ann/artists"),
    ("GET", "/1/cf/recommendation/user/aurora-ann/recording"),
    ("GET", "/1/feedback/user/aurora-ann/get-feedback"),
    ("POST", "/1/submit-listens"),
    ("POST", "/1/delete-listen"),
    ("POST", "/1/feedback/recording-feedback"),
    ("GET", "/api/similar_tracks?item_id=nd0"),
    ("GET", "/api/search_tracks?search_query=aurora"),
    ("GET", "/api/find_path?start_song_id=nd0&end_song_id=nd1"),
    ("GET", "/api/similar_artists?artist=Aurora"),
    ("GET", "/v1/audio-features/4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/audio-features?ids=4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/audio-features/?ids=4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/audio-analysis/4uLU6hMCjMI75M1A2tKUQC"),
    (
        "GET",
        "/v1/recommendations?seed_tracks=4uLU6hMCjMI75M1A2tKUQC",
    ),
    ("GET", "/v1/recommendations/available-genre-seeds"),
    ("GET", "/v1/artists/4uLU6hMCjMI75M1A2tKUQC/related-artists"),
    ("GET", "/v1/tracks/4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/tracks?ids=4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/tracks/?ids=4uLU6hMCjMI75M1A2tKUQC"),
    ("GET", "/v1/search?q=aurora&type=track"),
    ("POST", "/analyze"),
    ("POST", "/batch"),
    ("GET", "/batch/aurora/status"),
    ("GET", "/models/info"),
    ("GET", "/models/status"),
    ("GET", "/config/info"),
    ("GET", "/cache/stats"),
    ("GET", "/rest/ping?f=json"),
    ("GET", "/rest/getLicense?f=json"),
    ("GET", "/rest/tokenInfo?f=json"),
    ("GET", "/rest/search3?f=json&query=aurora"),
    ("GET", "/rest/getSonicSimilarTracks?f=json&id=nd0"),
    (
        "GET",
        "/rest/findSonicPath?f=json&startSongId=nd0&endSongId=nd1",
    ),
    ("GET", "/rest/getSimilarSongs?f=json&id=nd0"),
    ("GET", "/rest/getSimilarSongs2?f=json&id=nd0"),
    ("GET", "/rest/getTopSongs?f=json&artist=Aurora"),
    ("GET", "/rest/scrobble?f=json&id=nd0"),
    (
        "GET",
        "/rest/reportPlayback?f=json&mediaId=nd0&mediaType=song&positionMs=1&state=stopped",
    ),
];

#[test]
fn every_foreign_route_keeps_tenants_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let ann = key_of(wire, "aurora-ann", &json!(["read", "write"]));
    let reader = key_of(wire, "aurora-ann", &json!(["read"]));
    let second = wire.post("/api/v1/tenants", &json!({"name": "second"}));
    let stranger = wire.with_key(second["key"]["secret"].as_str().unwrap());
    wire.post(
        "/api/v1/tracks",
        &json!({"tracks": [{"title": "Aurora 0", "artist": "Aurora", "external_ids":
            {"navidrome": "nd0", "musicbrainz": MBID, "spotify": "4uLU6hMCjMI75M1A2tKUQC"}, "genre": "aurora"}, {"title": "Aurora 1", "artist": "Aurora",
            "external_ids": {"navidrome": "nd1"}}]}),
    );
    let at = now() / 1_000 - 60;
    let listen = single(
        at,
        &json!({"track_name": "Aurora 0", "artist_name": "Aurora"}),
    );
    let sent = told(&ann, "/1/submit-listens?return_msid=true", &listen).json();
    let bodies = |path: &str| match path {
        "/1/submit-listens" => listen.clone(),
        "/1/delete-listen" => json!({"listened_at": at, "recording_msid": sent["recording_msid"]}),
        "/1/feedback/recording-feedback" => json!({"recording_mbid": MBID, "score": -1}),
        _ => json!({}),
    };
    let failed = |reply: &Reply, code: u64| {
        let document = reply.json();
        document["subsonic-response"]["error"]["code"] == code
    };
    for (method, path) in FOREIGN {
        let body = bodies(path);
        let is_rest = path.starts_with("/rest/");
        let none = wire.anonymous().ask(method, path, &body);
        let is_closed = if is_rest {
            failed(&none, 10)
        } else {
            none.status == 401
        };
        assert!(is_closed, "{path} without a key: {}", none.text());
        // To measure lyrics that are sent along keeps nothing.
        let writes = *method == "POST" && *path != "/analyze"
            || path.contains("scrobble")
            || path.contains("reportPlay");
        if writes {
            let weak = reader.ask(method, path, &body);
            let is_refused = if is_rest {
                failed(&weak, 50)
            } else {
                weak.status == 403
            };
            assert!(is_refused, "{path} with a reading key: {}", weak.text());
        }
        let reply = stranger.ask(method, path, &body);
        // The address of a page repeats what was asked.
        let text = reply
            .text()
            .replace("aurora-ann", "")
            .replace("q=aurora", "")
            .replace("`aurora`", "")
            .replace("`Aurora`", "");
        assert!(
            !text.to_lowercase().contains("aurora"),
            "{path} tells a stranger: {text}"
        );
        assert!(reply.status < 500, "{path}: {text}");
    }
    // Nothing that the stranger tried has happened here.
    assert_eq!(
        ann.get("/1/user/aurora-ann/listen-count")["payload"]["count"],
        1
    );
    let mine = wire.get("/api/v1/listeners/aurora-ann");
    assert_eq!((&mine["plays"], &mine["dislikes"]), (&json!(1), &json!([])));
    // Routes are counted by their template, never by a name in the path.
    let metrics = wire.anonymous().send("GET", "/metrics", &[], b"").text();
    assert!(metrics.contains("/1/user/{user}/listens"));
    assert!(metrics.contains("/rest/{call}"));
    assert!(!metrics.contains("aurora"), "{metrics}");
}
