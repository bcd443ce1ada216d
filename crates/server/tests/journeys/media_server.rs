//! Learning the ids of a media server: a second server of ours stands for one.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};

fn tracks(count: usize, more: impl Fn(usize) -> Value) -> Value {
    let one = |i: usize| {
        let mut track = json!({"title": format!("Tune {i}"), "artist": format!("Player {}", i % 3),
            "duration_ms": 200_000});
        for (name, value) in more(i).as_object().unwrap() {
            track[name] = value.clone();
        }
        track
    };
    json!({"tracks": (0..count).map(one).collect::<Vec<_>>()})
}

#[test]
fn journey_media_server() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = TestServer::start(&folder.path().join("theirs"));
    theirs
        .wire
        .post("/api/v1/tracks", &tracks(620, |_| json!({})));
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    wire.post("/api/v1/tracks", &tracks(600, |_| json!({})));
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, theirs.wire.key.as_deref().unwrap()).unwrap();
    let import = |more: &[&str]| {
        let from = format!("http://{}", theirs.wire.address);
        let file = key_file.to_str().unwrap();
        let asked = [
            "--json",
            "import",
            "subsonic",
            &from,
            "--password-file",
            file,
        ];
        cli(&data, &[&asked, more].concat())
    };
    let first = import(&[]);
    assert!(first.is_success, "{}", first.stderr);
    let told = first.json();
    assert_eq!(
        (&told["songs"], &told["linked"], &told["missing"]),
        (&json!(620), &json!(600), &json!(20)),
        "{told}"
    );
    assert_eq!(told["missing_examples"].as_array().unwrap().len(), 10);
    assert_eq!(told["namespace"], "subsonic");

    // The ids lead to the tracks, a song's and an artist's.
    let song = theirs.wire.get("/api/v1/tracks?q=tune%20599")["tracks"][0].clone();
    let id = song["id"].as_str().unwrap();
    let here = wire.get(&format!("/api/v1/tracks/subsonic:{id}"));
    assert_eq!(here["title"], "Tune 599");
    let of_artist = wire.get(&format!("/api/v1/tracks?artist_id=subsonic:{id}"));
    assert_eq!(of_artist["tracks"][0]["artist"], "Player 2", "{of_artist}");
    let wrong = wire.send("GET", "/api/v1/tracks?artist_id=plain", &[], b"");
    wrong.points_at(400, "?artist_id", "no namespace");

    // Again changes nothing; what is missing comes on request.
    let again = import(&["--add-missing"]).json();
    assert_eq!(
        (&again["linked"], &again["unchanged"], &again["added"]),
        (&json!(0), &json!(600), &json!(20)),
        "{again}"
    );
    let refused = import(&["--user", "nobody"]);
    assert!(!refused.is_success);
    assert!(
        refused.stderr.contains("refused `ping`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn ids_of_tracks_are_told_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    wire.post(
        "/api/v1/tracks",
        &tracks(3, |i| json!({"external_ids": {"x": i.to_string()}})),
    );
    let ids = |track: &str, id: &str| {
        json!({"track": track, "external_ids": {"navidrome": id},
        "artist_ids": {"navidrome": format!("artist-{id}")}})
    };
    let sent = json!({"tracks": [ids("x:0", "n0"), ids("x:1", "n1"), ids("x:9", "n9")]});
    let told = wire.post("/api/v1/track-ids", &sent);
    assert_eq!(
        (&told["linked"], &told["unknown"]),
        (&json!(2), &json!(1)),
        "{told}"
    );
    assert_eq!(told["tracks"][2]["track"], Value::Null);
    // One that belongs to another track is refused, the rest is taken; everything else stays.
    let sent = json!({"tracks": [ids("x:0", "n0"), ids("x:1", "n0"), ids("x:2", "n2")]});
    let told = wire.post("/api/v1/track-ids", &sent);
    let outcomes: Vec<&Value> = (0..3).map(|i| &told["tracks"][i]["outcome"]).collect();
    assert_eq!(outcomes, ["unchanged", "refused", "linked"], "{told}");
    assert!(
        told["tracks"][1]["reason"]
            .as_str()
            .unwrap()
            .contains("navidrome:n0"),
        "{told}"
    );
    let track = wire.get("/api/v1/tracks/navidrome:n2");
    assert_eq!(
        (&track["title"], &track["duration_ms"]),
        (&json!("Tune 2"), &json!(200_000))
    );
    assert_eq!(track["artist_ids"], json!({"navidrome": "artist-n2"}));
    let many = json!({"tracks": vec![json!({"track": "x:0"}); 2_001]});
    wire.ask("POST", "/api/v1/track-ids", &many)
        .points_at(400, "/tracks", "too many");
}
