//! The calls that Spotify withdrew.

use serde_json::{Value, json};

use super::sounding;
use crate::harness::TestServer;

#[test]
fn journey_spotify() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let ids = sounding(&server, folder.path());
    let wire = &server.wire;
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "Silent", "artist": "Nobody", "genre": "Folk",
            "external_ids": {"spotify": "4uLU6hMCjMI75M1A2tKUQC"}}),
    );

    // Features: measured or null, in the order asked, with either spelling of the path.
    let asked = format!("{},4uLU6hMCjMI75M1A2tKUQC,unknown,{}", ids[1], ids[0]);
    for path in ["/v1/audio-features", "/v1/audio-features/"] {
        let told = wire.get(&format!("{path}?ids={asked}"))["audio_features"].clone();
        assert_eq!(told.as_array().unwrap().len(), 4, "{told}");
        assert_eq!((&told[1], &told[2]), (&Value::Null, &Value::Null));
        assert_eq!(
            (&told[0]["id"], &told[3]["id"]),
            (&json!(ids[1]), &json!(ids[0]))
        );
    }
    let one = wire.get(&format!("/v1/audio-features/{}", ids[0]));
    for name in [
        "tempo",
        "key",
        "mode",
        "time_signature",
        "danceability",
        "valence",
    ] {
        let members = one.as_object().unwrap();
        assert!(members.contains_key(name), "{name}: {one}");
    }
    assert!(
        one["loudness"].as_f64().unwrap() < 0.0 && one["duration_ms"].is_number(),
        "{one}"
    );
    assert_eq!(
        (&one["type"], &one["valence"]),
        (&json!("audio_features"), &Value::Null)
    );
    let analysis = wire.get(&format!("/v1/audio-analysis/{}", ids[0]));
    assert!(analysis["beats"].is_array());
    let segments = analysis["segments"].as_array().unwrap();
    assert!(segments.len() > 4, "{analysis}");
    for segment in segments {
        for name in ["pitches", "timbre"] {
            assert_eq!(
                segment[name].as_array().map(Vec::len),
                Some(12),
                "{segment}"
            );
        }
        let loudest = segment["loudness_max"].as_f64().unwrap();
        assert!(loudest >= segment["loudness_start"].as_f64().unwrap() && loudest <= 0.0);
    }
    assert_eq!(analysis["track"]["codestring"], "");
    assert_eq!(analysis["track"]["tempo"], one["tempo"]);

    // Recommendations: bounds hold, what is not measured passes none.
    let recommend = |more: &str| {
        let answer = wire.get(&format!(
            "/v1/recommendations?seed_tracks={}&{more}",
            ids[0]
        ));
        answer["tracks"].as_array().unwrap().clone()
    };
    let all = recommend("limit=100");
    assert!(!all.is_empty() && all.iter().all(|track| track["id"] != json!(ids[0])));
    let bound = one["loudness"].as_f64().unwrap();
    for track in recommend(&format!("max_loudness={bound}")) {
        let id = track["id"].as_str().unwrap();
        let told = wire.get(&format!("/v1/audio-features/{id}"));
        assert!(told["loudness"].as_f64().unwrap() <= bound, "{told}");
    }
    assert!(recommend("min_valence=0").is_empty());
    let nearest = recommend(&format!("target_loudness={bound}"));
    let apart = |track: &Value| {
        let id = track["id"].as_str().unwrap();
        let told = wire.send("GET", &format!("/v1/audio-features/{id}"), &[], b"");
        let loudness = (told.status == 200).then(|| told.json()["loudness"].as_f64());
        loudness
            .flatten()
            .map_or(1.0, |told| (told - bound).abs() / 60.0)
    };
    let distances: Vec<f64> = nearest.iter().map(apart).collect();
    assert!(distances.is_sorted(), "{distances:?}");
    // What only the sender knows bounds too.
    for (place, popularity) in [(2, 40), (3, 80)] {
        let told = json!({"id": ids[place], "title": format!("Tune {place}"), "album": "Tunes",
            "artist": format!("Player {}", place % 3), "duration_ms": 4_000, "popularity": popularity});
        wire.post("/api/v1/tracks", &told);
    }
    let names = |found: &[Value]| -> Vec<String> {
        let names = found.iter().map(|track| track["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert_eq!(names(&recommend("min_popularity=50")), ["Tune 3"]);
    assert_eq!(names(&recommend("max_popularity=50")), ["Tune 2"]);
    let nearest = names(&recommend("target_popularity=45"));
    assert_eq!(nearest[..2], ["Tune 2", "Tune 3"]);
    assert_eq!(one["error_bars"]["loudness"]["card"], "loudness", "{one}");
    let genres = wire.get("/v1/recommendations/available-genre-seeds");
    assert_eq!(genres, json!({"genres": ["folk"]}));
    let by_genre = wire.get("/v1/recommendations?seed_genres=folk&limit=2");
    assert_eq!(by_genre["seeds"][0]["type"], "GENRE");
    let related = wire.get(&format!("/v1/artists/{}/related-artists", ids[0]));
    assert_eq!(related["artists"].as_array().unwrap().len(), 2, "{related}");
    assert_eq!(wire.get("/v1/artists/sp0/related-artists"), related);
    assert!(
        related["artists"][0]["id"]
            .as_str()
            .unwrap()
            .starts_with("sp"),
        "{related}"
    );

    // Tracks by either id, and by words.
    let silent = wire.get("/v1/tracks/4uLU6hMCjMI75M1A2tKUQC");
    assert_eq!(
        (&silent["uri"], &silent["popularity"]),
        (&json!("spotify:track:4uLU6hMCjMI75M1A2tKUQC"), &Value::Null)
    );
    let both = wire.get(&format!("/v1/tracks/?ids={},unknown", ids[2]));
    assert_eq!(
        (&both["tracks"][0]["name"], &both["tracks"][1]),
        (&json!("Tune 2"), &Value::Null)
    );
    let found = wire.get("/v1/search?q=track:tune%20artist:player&type=track&limit=2&offset=1");
    assert_eq!(
        (&found["tracks"]["total"], &found["tracks"]["limit"]),
        (&json!(6), &json!(2))
    );
    let every = wire.get("/v1/search?q=tune")["tracks"]["items"].clone();
    assert_eq!(found["tracks"]["items"][0]["name"], every[1]["name"]);
    for (path, status) in [
        ("/v1/audio-features/unknown", 404),
        ("/v1/audio-analysis/4uLU6hMCjMI75M1A2tKUQC", 404),
        ("/v1/recommendations", 400),
        ("/v1/recommendations?seed_genres=a,b,c,d,e,f", 400),
        ("/v1/recommendations?seed_genres=folk&min_tempo=fast", 400),
        ("/v1/search?q=", 400),
        ("/v1/nothing", 404),
    ] {
        let reply = wire.send("GET", path, &[], b"");
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert_eq!(reply.json()["error"]["status"], status, "{path}");
    }
}
