//! Foreign protocols, by requests as their clients send them, and the walls between tenants on
//! every foreign route.

use serde_json::{Value, json};

use crate::harness::{TestServer, write_song};
use crate::tables::now;
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

#[test]
fn journey_listenbrainz() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let ann = key_of(wire, "ann", &json!(["read", "write"]));
    wire.post(
        "/api/v1/tracks",
        &json!({"tracks": [{"title": "Heroes", "artist": "David Bowie", "duration_ms": 371_000},
            {"title": "Known", "artist": "Somebody", "external_ids": {"musicbrainz": MBID}}]}),
    );

    // Tokens are judged with 200, their absence is not.
    let valid = ann.get("/1/validate-token");
    assert_eq!(
        (&valid["valid"], &valid["user_name"], &valid["code"]),
        (&json!(true), &json!("ann"), &json!(200))
    );
    let nobody = wire.anonymous();
    assert_eq!(nobody.get("/1/validate-token?token=x")["valid"], false);
    let none = nobody.send("GET", "/1/validate-token", &[], b"");
    assert_eq!((none.status, &none.json()["code"]), (400, &json!(400)));
    assert_eq!(ann.get("/1/user/ann/listen-count")["payload"]["count"], 0);

    // What is wrong is refused in the shape its clients read, with the rate headers.
    let at = now() / 1_000 - 5_000;
    let good = json!({"track_name": "heroes - 2017 Remaster", "artist_name": "DAVID BOWIE",
        "additional_info": {"submission_client": "navidrome", "odd": [1, 2]}});
    let refused = |document: Value, what: &str| {
        let reply = told(&ann, "/1/submit-listens", &document);
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        let error = reply.json();
        assert_eq!(error["code"], 400, "{what}");
        assert!(error["error"].is_string(), "{what}: {error}");
        for name in ["limit", "remaining", "reset-in"] {
            let header = reply.header(&format!("x-ratelimit-{name}"));
            assert!(
                header.is_some_and(|text| text.parse::<u64>().is_ok()),
                "{name}"
            );
        }
    };
    let with = |change: fn(&mut Value)| {
        let mut document = single(at, &good);
        change(&mut document);
        document
    };
    refused(json!([]), "no object");
    refused(with(|d| d["listen_type"] = json!("other")), "type");
    refused(with(|d| d["payload"] = json!([])), "no listens");
    refused(
        with(|d| d["payload"][0]["listened_at"] = json!("1")),
        "moment is text",
    );
    refused(
        with(|d| d["payload"][0]["listened_at"] = json!(1_033_410_599)),
        "too old",
    );
    refused(
        with(|d| d["payload"][0]["listened_at"] = json!(9_999_999_999_u64)),
        "future",
    );
    refused(
        with(|d| d["payload"][0]["strange"] = json!(1)),
        "strange key",
    );
    refused(
        with(|d| d["payload"][0]["track_metadata"]["track_name"] = json!(" ")),
        "no title",
    );
    refused(
        with(|d| d["payload"][0]["track_metadata"]["artist_name"] = json!(7)),
        "number",
    );
    refused(
        with(|d| d["payload"][0]["track_metadata"]["track_name"] = json!("a\0b")),
        "NUL",
    );
    refused(
        with(|d| d["listen_type"] = json!("playing_now")),
        "a moment of what plays",
    );
    let info = |change: Value| {
        let mut document = single(at, &good);
        document["payload"][0]["track_metadata"]["additional_info"] = change;
        document
    };
    refused(
        info(json!({"duration": 1, "duration_ms": 1})),
        "two lengths",
    );
    refused(info(json!({"duration": 24 * 24 * 3_600 + 1})), "too long");
    refused(info(json!({"recording_mbid": "x"})), "no UUID");
    refused(info(json!({"tags": vec!["t"; 51]})), "many tags");
    refused(info(json!({"tags": ["t".repeat(65)]})), "long tag");
    refused(info(json!({"long": "x".repeat(10_241)})), "large listen");
    let one = single(at, &good)["payload"][0].clone();
    refused(
        json!({"listen_type": "single", "payload": [one, one]}),
        "two at once",
    );
    refused(
        json!({"listen_type": "import", "payload": vec![one.clone(); 1_001]}),
        "1,001",
    );
    assert_eq!(
        told(&nobody, "/1/submit-listens", &single(at, &good)).status,
        401
    );

    // A listen counts once, however often it is sent, and is given back as it was told.
    let path = "/1/submit-listens?return_msid=true";
    let first = told(&ann, path, &single(at, &good)).json();
    let again = told(&ann, path, &single(at, &good)).json();
    assert_eq!((&first["status"], &first), (&json!("ok"), &again));
    let import: Vec<Value> = (1..=3)
        .map(|i| {
            json!({"listened_at": at + i, "track_metadata":
            {"track_name": format!("Later {i}"), "artist_name": "Not Yet Here"}})
        })
        .collect();
    let import = json!({"listen_type": "import", "payload": import});
    assert_eq!(
        told(&ann, "/1/submit-listens", &import).json(),
        json!({"status": "ok"})
    );
    let page = ann.get("/1/user/ann/listens")["payload"].clone();
    assert_eq!(
        (&page["count"], &page["user_id"]),
        (&json!(4), &json!("ann"))
    );
    assert_eq!(
        (&page["latest_listen_ts"], &page["oldest_listen_ts"]),
        (&json!(at + 3), &json!(at))
    );
    let oldest = &page["listens"][3];
    assert_eq!(oldest["track_metadata"], good);
    assert_eq!(oldest["recording_msid"], first["recording_msid"]);
    let moments = |query: &str| {
        let page = ann.get(&format!("/1/user/ann/listens?{query}"));
        let listens = page["payload"]["listens"].as_array().unwrap().clone();
        let moment = |listen: &Value| listen["listened_at"].as_i64().unwrap() - at;
        listens.iter().map(moment).collect::<Vec<_>>()
    };
    assert_eq!(moments("count=2"), [3, 2]);
    assert_eq!(moments(&format!("max_ts={}", at + 2)), [1, 0]);
    assert_eq!(moments(&format!("min_ts={}&count=2", at)), [2, 1]);
    let contradiction = format!("/1/user/ann/listens?min_ts={at}&max_ts={at}");
    assert_eq!(ann.send("GET", &contradiction, &[], b"").status, 400);
    assert_eq!(
        ann.send("GET", "/1/user/stranger/listens", &[], b"").status,
        404
    );

    // What was unknown becomes a listen when its track comes.
    let plays = || wire.get("/api/v1/listeners/ann")["plays"].clone();
    assert_eq!(plays(), 1);
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "Later 2", "artist": "Not Yet Here"}),
    );
    assert_eq!(plays(), 2);

    // What is deleted is gone from the list and from the taste.
    let gone = json!({"listened_at": at, "recording_msid": first["recording_msid"]});
    assert_eq!(
        told(&ann, "/1/delete-listen", &gone).json(),
        json!({"status": "ok"})
    );
    assert_eq!(ann.get("/1/user/ann/listen-count")["payload"]["count"], 3);
    assert_eq!(plays(), 1);

    // Judgements stand until they are taken back.
    let judge = |score: i64| {
        let said = json!({"recording_mbid": MBID, "score": score});
        let reply = told(&ann, "/1/feedback/recording-feedback", &said);
        assert_eq!(reply.json(), json!({"status": "ok"}));
    };
    let total = || ann.get("/1/feedback/user/ann/get-feedback?score=1")["total_count"].clone();
    judge(1);
    assert_eq!(total(), 1);
    assert_eq!(
        wire.get("/api/v1/listeners/ann")["likes"][0]["title"],
        "Known"
    );
    judge(0);
    assert_eq!(total(), 0);
    let strange = json!({"recording_mbid": MBID, "score": 1, "more": 1});
    assert_eq!(
        told(&ann, "/1/feedback/recording-feedback", &strange).status,
        400
    );

    // What plays is told until it ends; statistics are not kept.
    let playing = json!({"listen_type": "playing_now", "payload": [{"track_metadata": good}]});
    assert_eq!(told(&ann, "/1/submit-listens", &playing).status, 200);
    let playing = ann.get("/1/user/ann/playing-now")["payload"].clone();
    assert_eq!(
        (&playing["count"], &playing["listens"][0]["track_metadata"]),
        (&json!(1), &good)
    );
    assert_eq!(
        ann.send("GET", "/1/stats/user/ann/artists", &[], b"")
            .status,
        204
    );
    let recommended = ann.get("/1/cf/recommendation/user/ann/recording?count=5");
    let mbids = recommended["payload"]["mbids"].as_array().unwrap().clone();
    assert_eq!(mbids[0]["recording_mbid"], MBID);
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
}

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

fn hex_of(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

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

#[test]
fn what_is_private_or_of_another_taste_stays_out_of_the_main_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::with(&data, &[("LEITMOTIF_OWN_TASTES", "[\"sleep\"]")]);
    let wire = &server.wire;
    let ann = key_of(wire, "ann", &json!(["read", "write"]));
    let tracks: Vec<Value> = ["Rain", "Thunder", "Heroes"]
        .map(|title| json!({"title": title, "artist": "Somebody", "duration_ms": 200_000}))
        .to_vec();
    let written = wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let id = |place: usize| written["tracks"][place]["id"].clone();
    let play = |track: Value, activity: Value, minute: i64| {
        json!({"kind": "listen", "occurred_at": now() - minute * 60_000, "listener": "ann",
            "track": track, "outcome": "completed", "activity": activity})
    };
    let events = [
        play(id(0), json!("sleep"), 30),
        play(id(1), json!("Sleep"), 20),
        play(id(2), json!("running"), 10),
    ];
    wire.post("/api/v1/events", &json!({ "events": events }));
    let private = json!({"track_name": "Rain", "artist_name": "Somebody",
        "additional_info": {"private": true}});
    let at = now() / 1_000 - 100;
    assert_eq!(
        told(&ann, "/1/submit-listens", &single(at, &private)).status,
        200
    );
    let playing = json!({"listen_type": "playing_now", "payload": [{"track_metadata": private}]});
    assert_eq!(told(&ann, "/1/submit-listens", &playing).status, 200);
    let now_playing = ann.get("/1/user/ann/playing-now");
    assert_eq!(now_playing["payload"]["count"], 0, "{now_playing}");
    assert_eq!(wire.get("/api/v1/listeners/ann")["plays"], 1);
    assert_eq!(wire.get("/api/v1/listeners/ann%23sleep")["plays"], 2);

    // A list of the activity is made of its own taste: what was heard there is not offered again.
    let titles = |activity: &str, count: usize| -> Vec<String> {
        let body = json!({"listener": "ann", "count": count, "context": {"activity": activity}});
        let answer = wire.post("/api/v1/recommendations", &body);
        let tracks = answer["tracks"].as_array().unwrap().iter();
        let mut titles: Vec<String> = tracks
            .map(|track| track["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    };
    assert_eq!(titles("sleep", 1), ["Heroes"]);
    assert_eq!(titles("running", 2), ["Rain", "Thunder"]);
}
