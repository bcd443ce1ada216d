//! The different words of an artist.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};

#[test]
fn the_words_of_an_artist_are_counted_in_the_order_of_release() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let track = |title: &str, date: Option<&str>, lyrics: Option<&str>| {
        json!({"title": title, "artist": "Ann B", "release_date": date, "lyrics": lyrics,
            "external_ids": {"a": title}})
    };
    // Sent in another order than released; the one without a date comes last.
    let tracks = [
        track("undated", None, Some("zeta zeta")),
        track("late", Some("2020-05"), Some("delta delta echo")),
        track("silent", Some("1990"), None),
        track("early", Some("1999"), Some("alpha beta alpha gamma")),
    ];
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let path = "/api/v1/artists/ann%20b/vocabulary";
    let found = server.wire.get(&format!("{path}?window=5"));
    assert_eq!((&found["tracks"], &found["words"]), (&json!(3), &json!(9)));
    // alpha beta alpha gamma delta: four; then 4, 4, 4 and 3 in the windows after it.
    assert_eq!(found["unique_in_first"], 4);
    assert_eq!(found["windows"], 5);
    let mean = found["unique_mean"].as_f64().unwrap();
    assert!((mean - 3.8).abs() < 1e-9, "{mean}");
    let short = server.wire.get(path);
    assert_eq!(short["unique_in_first"], Value::Null);
    assert_eq!(short["reason"], "9 of 35000 words");
    let nobody = server
        .wire
        .ask("GET", "/api/v1/artists/nobody/vocabulary", &Value::Null);
    nobody.problem(404, "no such artist");
    let refused = server
        .wire
        .ask("GET", &format!("{path}?window=0"), &Value::Null);
    refused.points_at(400, "?window", "an empty window");
    let told = cli(&data, &["lyrics", "vocabulary", "Ann B", "--window", "5"]);
    assert!(
        told.stdout.contains("4 different ones in the first 5"),
        "{}",
        told.stdout
    );
}
