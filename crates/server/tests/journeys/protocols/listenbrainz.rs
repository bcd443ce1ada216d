//! What scrobblers send, and what of it may teach.

use serde_json::{Value, json};

use super::{MBID, key_of, single, told};
use crate::harness::TestServer;
use crate::tables::now;

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
