//! Tracks against each other: traits, two side by side, and all of them on a map.

use serde_json::{Value, json};

use crate::harness::{TestServer, wait_until};
use crate::wire::Wire;

/// Tracks of which length and genre are known: ten or more, so that shares of pairs are told.
const TRACKS: u32 = 12;

fn fill(wire: &Wire) -> Vec<String> {
    let tracks: Vec<Value> = (1..=TRACKS)
        .map(|number| {
            let genre = ["folk", "jazz", "techno"][number as usize % 3];
            json!({"title": format!("track {number}"), "artist": "Crowd", "genre": genre,
                "duration_ms": number * 60_000, "external_ids": {"t": number.to_string()},
                "lyrics": "the morning was the colour of the river\nand I remember all of it forever"})
        })
        .collect();
    let written = wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let all = written["tracks"].as_array().unwrap().iter();
    all.map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

fn find<'a>(list: &'a Value, name: &str) -> &'a Value {
    let all = list.as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn journey_compare() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let ids = fill(wire);
    server.wait_idle();
    wire.post(
        "/api/v1/spaces/other-1/vectors",
        &json!({"vectors": [{"track": ids[0], "vector": [1, 0]}, {"track": ids[1], "vector": [0, 2]}]}),
    );

    let traits = wire.get("/api/v1/tracks/t:3/traits");
    let length = find(&traits["traits"], "duration_ms");
    // Two of twelve are shorter, and it is as long as itself.
    assert_eq!(
        (&length["value"], &length["percentile"]),
        (&json!(180_000.0), &json!(20.8))
    );
    assert_eq!(length["tracks_known"], TRACKS);
    assert_eq!(find(&traits["traits"], "genre")["value"], "folk");

    let answer = wire.get("/api/v1/tracks/t:1/compare/t:2");
    assert_eq!(
        (
            &answer["track"]["title"],
            &answer["other"]["title"],
            &answer["catalogue_tracks"]
        ),
        (&json!("track 1"), &json!("track 2"), &json!(TRACKS))
    );
    let length = find(&answer["descriptors"], "duration_ms");
    assert_eq!(
        (&length["difference"], &length["comparison"]),
        (&json!(60_000.0), &json!("difference"))
    );
    // Eleven of the 66 pairs are a minute apart.
    let ratio = length["pairs_ratio"].as_f64().unwrap();
    assert!((ratio - 11.0 / 66.0).abs() < 1e-9, "{ratio}");
    assert_eq!(answer["strongest"], json!(["duration_ms"]), "{answer}");
    let spaces = answer["spaces"].as_array().unwrap();
    let other = spaces.iter().find(|one| one["space"] == "other-1").unwrap();
    assert_eq!(other["distance"], 1.0);
    // The words are the same, and so are their vectors.
    let words = spaces.iter().find(|one| one["space"] != "other-1").unwrap();
    assert!(words["distance"].as_f64().unwrap() < 1e-3, "{words}");
    // Nobody is third in the space of two.
    let third = wire.get("/api/v1/tracks/t:1/compare/t:3");
    let other = third["spaces"].as_array().unwrap().iter();
    let other = other.clone().find(|one| one["space"] == "other-1").unwrap();
    assert_eq!(other["distance"], Value::Null);

    let get = |path: &str| wire.send("GET", path, &[], b"");
    get("/api/v1/tracks/t:1/compare/t:1").points_at(400, "/other", "the same track");
    get("/api/v1/tracks/t:1/compare/t:99").problem(404, "an unknown other");
    get("/api/v1/tracks/t:99/compare/t:1").problem(404, "an unknown track");

    let sung = wire.get("/api/v1/tracks/t:1/lyrics/syllables");
    let line = sung["lines"][0].as_array().unwrap();
    assert_eq!(line.len(), 11, "{sung}");
    assert_eq!(
        (&line[1]["stress"], &line[1]["begins_word"]),
        (&json!(1), &json!(true))
    );
}

#[test]
fn journey_map() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let get = |path: &str| wire.send("GET", path, &[], b"");
    get("/api/v1/map").problem(404, "no embedding at all");
    let ids = fill(wire);
    server.wait_idle();
    // Two groups in opposite directions, two copies in each.
    let vectors: Vec<Value> = (ids.iter().zip(0u32..))
        .take(11)
        .map(|(id, number)| {
            let sign = if number % 2 == 0 { 1.0 } else { -1.0 };
            json!({"track": id, "vector": [sign, f64::from(number / 4) / 10.0, 0.1]})
        })
        .collect();
    wire.post(
        "/api/v1/spaces/other-1/vectors",
        &json!({ "vectors": vectors }),
    );
    let lone = json!({"vectors": [{"track": ids[0], "vector": [1, 2]}]});
    wire.post("/api/v1/spaces/lone-1/vectors", &lone);

    let made = |wire: &Wire, space: &str| {
        wait_until("the map is made", || {
            let map = wire.get(&format!("/api/v1/map?space={space}"));
            let percent = map["progress_percent"].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&percent), "{map}");
            (map["state"] == "ready").then_some(map)
        })
    };
    let map = made(wire, "other-1");
    assert_eq!(
        (&map["points"], &map["placed_later"]),
        (&json!(11), &json!(0))
    );
    let column = |map: &Value, name: &str| -> Vec<f64> {
        let values = map[name].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap()).collect()
    };
    let (x, y) = (column(&map, "x"), column(&map, "y"));
    assert_eq!((x.len(), y.len()), (11, 11));
    // One track alone stands in the middle.
    let lone = made(wire, "lone-1");
    assert_eq!(
        (&lone["x"], &lone["y"]),
        (&json!([32_768]), &json!([32_768]))
    );

    let version = map["version"].as_str().unwrap();
    let points = wire.get(&format!(
        "/api/v1/map/tracks?space=other-1&version={version}&points=2,0"
    ));
    let named = points["tracks"].as_array().unwrap();
    assert_eq!((named.len(), &named[0]["point"]), (2, &json!(2)));
    assert!(ids.contains(&named[1]["id"].as_str().unwrap().to_owned()));
    let colours = wire.get("/api/v1/map/colours?space=other-1&by=genre");
    assert_eq!(
        (&colours["kind"], &colours["known"]),
        (&json!("name"), &json!(11))
    );
    assert_eq!(colours["values"].as_array().unwrap().len(), 11);
    let lengths = wire.get("/api/v1/map/colours?space=other-1&by=duration_ms");
    assert_eq!(lengths["kind"], "number");
    let silent = wire.get("/api/v1/map/colours?space=other-1&by=tempo_bpm");
    assert_eq!(
        (&silent["known"], &silent["values"][0]),
        (&json!(0), &Value::Null)
    );

    let near = format!(
        "/api/v1/tracks/{}/similar?space=both&lyrics_weight=",
        ids[0]
    );
    for beyond in ["-0.1", "1.1", "NaN"] {
        get(&format!("{near}{beyond}")).points_at(400, "?lyrics_weight", beyond);
    }
    get("/api/v1/map?space=none-1").problem(404, "an unknown space");
    get("/api/v1/map?space=NO%20SPACE").points_at(400, "?space", "no name of a space");
    get("/api/v1/map/colours?by=mood").points_at(400, "?by", "no trait");
    get("/api/v1/map/tracks?space=other-1&points=11").points_at(400, "?points", "no such point");
    get("/api/v1/map/tracks?space=other-1&points=x").points_at(400, "?points", "no number");
    get("/api/v1/map/tracks?space=other-1&version=old&points=1").problem(409, "an old version");

    // A copy of the first track comes later and stands among its neighbours.
    let copy = json!({"vectors": [{"track": ids[11], "vector": [1.0, 0.0, 0.1]}]});
    wire.post("/api/v1/spaces/other-1/vectors", &copy);
    let more = made(wire, "other-1");
    assert_eq!(
        (&more["points"], &more["placed_later"]),
        (&json!(12), &json!(1))
    );
    assert_ne!(more["version"], map["version"]);

    // It is kept: after a restart it is there at once.
    drop(server);
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let again = wire.get("/api/v1/map?space=other-1");
    assert_eq!(again["state"], "ready");
    assert_eq!((&again["x"], &again["y"]), (&more["x"], &more["y"]));
    let gone = wire.send("DELETE", &format!("/api/v1/tracks/{}", ids[5]), &[], b"");
    assert_eq!(gone.status, 204);
    assert_eq!(wire.get("/api/v1/map?space=other-1")["points"], 11);
}
