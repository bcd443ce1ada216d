//! What media servers and their plugins ask.

use serde_json::{Value, json};

use super::{key_of, sounding};
use crate::harness::TestServer;
use crate::tables::now;

#[test]
fn journey_audiomuse_and_opensubsonic() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let ids = sounding(&server, folder.path());
    let wire = key_of(&server.wire, "bob", &json!(["read", "write"]));

    // The plugin's own queries: ids of the media server in, the same out.
    let near = wire.get(
        "/api/similar_tracks?item_id=nd0&n=3&eliminate_duplicates=true&radius_similarity=false",
    );
    let near = near.as_array().unwrap().clone();
    assert_eq!(near.len(), 3, "{near:?}");
    let mut before = 0.0;
    for one in &near {
        assert!(one["item_id"].as_str().unwrap().starts_with("nd"), "{one}");
        assert!(
            one["title"].is_string() && one["author"].is_string(),
            "{one}"
        );
        let distance = one["distance"].as_f64().unwrap();
        assert!((before..=1.0).contains(&distance), "{near:?}");
        before = distance;
    }
    // Every song lasts four seconds, and is known to.
    let within = |more: &str| wire.get(&format!("/api/similar_tracks?item_id=nd0&n=3&{more}"));
    assert_eq!(within("duration_min_ms=3000")[0], near[0]);
    assert_eq!(within("duration_max_ms=3000"), json!([]));
    let wrong = wire.send("GET", "/api/similar_tracks?item_id=nd0&bpm_min=0", &[], b"");
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let by_ours = wire.get(&format!("/api/similar_tracks?item_id={}&n=1", ids[0]));
    assert_eq!(by_ours[0]["item_id"].as_str().unwrap().len(), 22);
    let by_words = wire.get("/api/similar_tracks?title=tune%200&artist=player%200&n=1");
    assert_eq!(by_words[0]["item_id"], near[0]["item_id"]);
    let path = wire.get(
        "/api/find_path?start_song_id=nd0&end_song_id=nd5&count=4&max_steps=4\
         &path_fix_size=false&mood_pct=100",
    );
    let steps = path["path"].as_array().unwrap();
    assert_eq!(
        (&steps[0]["item_id"], steps.len()),
        (&json!("nd0"), 4),
        "{path}"
    );
    assert_eq!(steps[3]["item_id"], "nd5");
    assert!(path["total_distance"].as_f64().unwrap() > 0.0);
    let narrow =
        "/api/find_path?start_song_id=nd0&end_song_id=nd5&max_steps=4&duration_max_ms=3000";
    let bare = wire.get(narrow)["path"].clone();
    assert_eq!(bare.as_array().unwrap().len(), 2, "the ends alone: {bare}");
    assert_eq!(
        wire.get("/api/similar_artists?artist=Player%200&duration_max_ms=3000"),
        json!([])
    );
    let artists =
        wire.get("/api/similar_artists?artist=Player%200&n=5&include_component_matches=true");
    assert_eq!(artists.as_array().unwrap().len(), 2, "{artists}");
    assert!(
        artists[0]["artist_id"].as_str().unwrap().starts_with("ar"),
        "{artists}"
    );
    let by_id = wire.get("/api/similar_artists?artist=ar0&n=5&include_component_matches=true");
    assert_eq!(
        by_id, artists,
        "an artist's id of the media server names it too"
    );
    let songs = &artists[0]["component_matches"][0];
    assert!(
        songs["artist1_representative_songs"][0]["item_id"].is_string(),
        "{artists}"
    );
    assert_eq!(
        wire.get("/api/search_tracks?search_query=")
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let found = wire.get("/api/search_tracks?search_query=tune&start=0&end=4");
    assert_eq!(found.as_array().unwrap().len(), 4);
    for (path, status) in [
        ("/api/similar_tracks", 400),
        ("/api/similar_tracks?item_id=none", 404),
        ("/api/find_path?start_song_id=nd0&end_song_id=nd0", 400),
        ("/api/similar_artists?artist=Nobody", 404),
    ] {
        let reply = wire.send("GET", path, &[], b"");
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.json()["error"].is_string(), "{path}");
    }

    // Every answer is 200 with its success inside, by GET or form, as JSON or XML.
    let key = wire.key.clone().unwrap();
    let nobody = wire.anonymous();
    let ask = |call: &str, more: &str| -> Value {
        let body = format!("f=json&v=1.16.1&c=test&apiKey={key}&{more}");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let posted = nobody.send(
            "POST",
            &format!("/rest/{call}.view"),
            &form,
            body.as_bytes(),
        );
        let got = nobody.send("GET", &format!("/rest/{call}?{body}"), &[], b"");
        assert_eq!((posted.status, got.status), (200, 200), "{call}");
        let document = got.json()["subsonic-response"].clone();
        assert_eq!(document, posted.json()["subsonic-response"], "{call}");
        document
    };
    let fails = |query: &str, code: u64| {
        let reply = nobody.send("GET", &format!("/rest/ping?f=json&{query}"), &[], b"");
        let document = reply.json()["subsonic-response"].clone();
        assert_eq!(reply.status, 200);
        assert_eq!(
            (&document["status"], &document["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{query}: {document}"
        );
    };
    let ping = ask("ping", "");
    assert_eq!(
        (&ping["status"], &ping["openSubsonic"]),
        (&json!("ok"), &json!(true))
    );
    assert_eq!(ask("getLicense", "")["license"]["valid"], true);
    assert_eq!(ask("tokenInfo", "")["tokenInfo"]["username"], "bob");
    fails("", 10);
    fails("apiKey=wrong", 44);
    fails(&format!("apiKey={key}&u=bob"), 43);
    fails("u=bob&p=wrong", 40);
    fails(&format!("u=somebody&p={key}"), 40);
    fails("u=bob&t=26719a1196d2a940705a59634eb18eab&s=c19b2d", 41);
    let hexadecimal = hex_of(&key);
    for password in [key.clone(), format!("enc:{hexadecimal}")] {
        let path = format!("/rest/ping?u=bob&p={password}");
        let xml = nobody.send("GET", &path, &[], b"").text();
        assert!(
            xml.contains("<subsonic-response") && xml.contains("status=\"ok\""),
            "{xml}"
        );
    }
    let open = nobody.get("/rest/getOpenSubsonicExtensions?f=json");
    let extensions = open["subsonic-response"]["openSubsonicExtensions"].clone();
    assert!(
        extensions
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["name"] == "sonicSimilarity")
    );
    assert_eq!(
        wire.send("GET", "/rest/getIndexes?f=json", &[], b"").status,
        404
    );

    let similar = ask("getSonicSimilarTracks", "id=nd0&count=3")["sonicMatch"].clone();
    assert_eq!(similar.as_array().unwrap().len(), 3, "{similar}");
    assert_eq!(similar[0]["entry"]["id"], near[0]["item_id"]);
    let told = similar[0]["similarity"].as_f64().unwrap() + near[0]["distance"].as_f64().unwrap();
    assert!((told - 1.0).abs() < 1e-6);
    let way = ask("findSonicPath", "startSongId=nd0&endSongId=nd5&count=4")["sonicMatch"].clone();
    assert_eq!(
        (&way[0]["entry"]["id"], &way[3]["entry"]["id"]),
        (&json!("nd0"), &json!("nd5"))
    );
    assert!((way[0]["similarity"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    let narrow = "startSongId=nd0&endSongId=nd5&count=4&duration_max_ms=3000";
    let bare = ask("findSonicPath", narrow)["sonicMatch"].clone();
    assert_eq!(bare.as_array().unwrap().len(), 2, "the ends alone: {bare}");
    for (call, name) in [
        ("getSimilarSongs", "similarSongs"),
        ("getSimilarSongs2", "similarSongs2"),
    ] {
        let songs = ask(call, "id=nd0&count=4")[name]["song"].clone();
        assert_eq!(songs.as_array().unwrap().len(), 4, "{call}");
        for (id, length, count) in [("nd0", "min", 4), ("nd0", "max", 0), ("ar0", "max", 0)] {
            let asked = format!("id={id}&count=4&duration_{length}_ms=3000");
            let songs = ask(call, &asked)[name]["song"].clone();
            assert_eq!(songs.as_array().unwrap().len(), count, "{call} {asked}");
        }
    }
    let wrong = ask("getSonicSimilarTracks", "id=nd0&year_min=soon");
    assert!(wrong["error"]["message"].is_string(), "{wrong}");
    let of_artist = ask("getSimilarSongs2", "id=ar0&count=4")["similarSongs2"]["song"].clone();
    assert_eq!(of_artist.as_array().unwrap().len(), 4, "{of_artist}");
    let names_artist = |song: &Value| song["artistId"].as_str().unwrap().starts_with("ar");
    assert!(
        of_artist.as_array().unwrap().iter().all(names_artist),
        "{of_artist}"
    );
    let found = ask("search3", "query=player%201&songCount=9")["searchResult3"].clone();
    assert_eq!(found["song"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["artist"].as_array().unwrap().len(), 1, "{found}");
    let albums = ask("search3", "query=tunes")["searchResult3"]["album"].clone();
    assert_eq!(
        (&albums[0]["songCount"], &albums[0]["duration"]),
        (&json!(2), &json!(8))
    );
    assert!(albums[0]["created"].is_string(), "{albums}");
    assert_eq!(ask("getSonicSimilarTracks", "id=none")["error"]["code"], 70);
    assert_eq!(ask("getSonicSimilarTracks", "")["error"]["code"], 10);

    // Plays count once; how playback ended says skip or play.
    let plays = || {
        let bob = wire.get("/api/v1/listeners/bob");
        (
            bob["plays"].as_u64().unwrap(),
            bob["skips"].as_u64().unwrap(),
        )
    };
    let at = now() - 100_000;
    let both = format!("id=nd0&id=nd1&time={at}&time={}", at + 5_000);
    assert_eq!(ask("scrobble", &both)["status"], "ok");
    assert_eq!(plays(), (2, 0));
    assert_eq!(ask("scrobble", "id=nd2&submission=false")["status"], "ok");
    assert_eq!(plays(), (2, 0));
    let playing = wire.get("/1/user/bob/playing-now")["payload"].clone();
    assert_eq!(
        playing["listens"][0]["track_metadata"]["track_name"],
        "Tune 2"
    );
    let report = |id: &str, position: u32, state: &str| {
        let path = format!("/rest/reportPlayback?f=json&apiKey={key}&mediaType=song");
        let reply = nobody.get(&format!(
            "{path}&mediaId={id}&positionMs={position}&state={state}&ignoreScrobble=false"
        ));
        assert_eq!(reply["subsonic-response"]["status"], "ok", "{reply}");
    };
    report("nd3", 400, "stopped");
    assert_eq!(plays(), (3, 1));
    report("nd4", 3_950, "stopped");
    assert_eq!(plays(), (4, 1));
    let top = ask("getTopSongs", "artist=Player%200")["topSongs"]["song"].clone();
    assert_eq!(top[0]["title"], "Tune 0", "{top}");
    assert_eq!(
        ask("getTopSongs", "id=ar0")["topSongs"]["song"][0]["title"],
        "Tune 0"
    );
    let top = ask("getTopSongs", "id=ar0&duration_max_ms=3000")["topSongs"]["song"].clone();
    assert_eq!(top, json!([]));
    let wrong = ask("getTopSongs", "id=ar0&bpm_min=abc");
    assert!(wrong["error"]["message"].is_string(), "{wrong}");
}

fn hex_of(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
