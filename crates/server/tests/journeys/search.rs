//! Finding tracks by words: over HTTP, from the command line, in the studio, by foreign clients.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};
use crate::tables::now;

fn titles(answer: &Value) -> Vec<&str> {
    let tracks = answer["tracks"].as_array().unwrap().iter();
    tracks
        .map(|track| track["title"].as_str().unwrap())
        .collect()
}

fn fill(server: &TestServer) {
    let mut tracks = vec![
        json!({"title": "Paper Lanterns", "artist": "Nora Vale", "album": "Harbour Lights", "genre": "Folk",
            "release_date": "1994", "duration_ms": 170_000,
            "lyrics": "we float above the river\ncandles on the water tonight"}),
        json!({"title": "Glass Weather", "artist": "Nora Vale", "genre": "Folk", "release_date": "2003",
            "duration_ms": 301_000}),
        json!({"title": "Déjà Vu", "artist": "Kairo", "genre": "Techno", "release_date": "1996"}),
        json!({"title": "Белая ночь", "artist": "Форум", "release_date": "1985"}),
    ];
    tracks.extend((0..30).map(|i| json!({"title": format!("filler {i}"), "artist": "Crowd"})));
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
}

#[test]
fn journey_search() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    fill(&server);

    // Mistakes, accents, scripts, unfinished words, lyrics.
    for (words, title) in [
        ("papre%20lantrens", "Paper Lanterns"),
        ("nora%20glass%20wea", "Glass Weather"),
        ("DEJA%20vu", "Déjà Vu"),
        (
            "%D0%B1%D0%B5%D0%BB%D0%B0%D1%8F%20%D0%BD%D1%87%D0%BE%D1%8C",
            "Белая ночь",
        ),
        ("candles%20on%20the%20water", "Paper Lanterns"),
    ] {
        let found = wire.get(&format!("/api/v1/search?q={words}"));
        assert_eq!(titles(&found).first(), Some(&title), "{words}: {found}");
    }
    let found = wire.get("/api/v1/search?q=candles%20water");
    let best = &found["tracks"][0];
    assert!(best["legs"]["lyrics"].as_f64().unwrap() > 0.0 && best["found_by"] == "words");
    let line = best["highlights"].as_array().unwrap();
    let line = line.iter().find(|one| one["field"] == "lyrics").unwrap();
    assert_eq!(
        line["parts"][0],
        json!({"text": "candles", "is_match": true})
    );

    // Describing words become filters that are shown; `filters=false` leaves them words.
    let found = wire.get("/api/v1/search?q=nora%2090s%20under%203%20min");
    assert_eq!(titles(&found), ["Paper Lanterns"]);
    assert_eq!(found["words"], "nora");
    let filters = found["filters"].as_array().unwrap();
    let names: Vec<_> = filters
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["year", "duration_ms"]);
    assert_eq!(
        (&filters[0]["min"], &filters[0]["text"]),
        (&json!(1990.0), &json!("90s"))
    );
    let literal = wire.get("/api/v1/search?q=nora%2090s&filters=false&embeddings=false");
    assert_eq!(literal["found"], 2);
    assert_eq!(
        wire.get("/api/v1/search?genre=FOLK&year_min=2000")["found"],
        1
    );

    pages(&server);
    refusals(&server);

    // A listener's search is kept in their history.
    let listen = json!({"kind": "listen", "occurred_at": now(), "listener": "anna",
        "track": best["id"], "outcome": "completed"});
    wire.post("/api/v1/events", &json!({ "events": [listen] }));
    wire.get("/api/v1/search?q=kairo&listener=anna");
    let history = "/api/v1/listeners/anna/events";
    let kept = || {
        wire.ask("GET", history, &json!({}))
            .text()
            .contains("kairo")
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !kept() {
        assert!(
            std::time::Instant::now() < deadline,
            "the search is not in the log"
        );
        std::thread::yield_now();
    }
    drop(server);

    let said = cli(&data, &["search", "papre", "lanterns", "--json"]);
    assert!(said.is_success, "{}", said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(titles(&found)[0], "Paper Lanterns");
    let said = cli(&data, &["search", "nora 90s"]);
    assert!(said.stdout.contains("filter year: 90s"), "{}", said.stdout);
}

/// Pages follow each other without gap or repetition, and a cursor belongs to its question. Lyrics are
/// still being analysed meanwhile, so embeddings would change the list under the reader.
fn pages(server: &TestServer) {
    let wire = &server.wire;
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = wire.get(&format!(
            "/api/v1/search?q=filler&limit=7&embeddings=false{cursor}"
        ));
        seen.extend(titles(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 30);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 30);
    wire.ask(
        "GET",
        &format!("/api/v1/search?q=other&limit=7{cursor}"),
        &json!({}),
    )
    .problem(400, "a cursor of another question");
}

fn refusals(server: &TestServer) {
    let wrong = [
        ("", "?q"),
        ("q=%20", "?q"),
        ("q=a&limit=0", "?limit"),
        ("q=a&cursor=nonsense", "?cursor"),
        ("q=a&bpm_min=130&bpm_max=120", "?bpm_min"),
        ("q=a&energy_min=2", "?energy_min"),
        ("q=a&key=H2", "?key"),
        ("q=a&key_match=same", "?key_match"),
        ("q=a&listener=%20", "?listener"),
    ];
    for (query, pointer) in wrong {
        let path = format!("/api/v1/search?{query}");
        let problem = server
            .wire
            .ask("GET", &path, &json!({}))
            .problem(400, query);
        assert_eq!(
            problem["errors"][0]["pointer"], pointer,
            "{query}: {problem}"
        );
    }
}

#[test]
fn near_tracks_keep_to_constraints_and_say_why_they_are_few() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    fill(&server);
    let all = wire.get("/api/v1/tracks?limit=50");
    let mut known: Vec<(&str, &str)> = (all["tracks"].as_array().unwrap().iter())
        .map(|track| {
            (
                track["title"].as_str().unwrap(),
                track["id"].as_str().unwrap(),
            )
        })
        .collect();
    known.sort_by_key(|(title, _)| *title != "Paper Lanterns");
    let ids: Vec<&str> = known.iter().map(|(_, id)| *id).collect();
    let vectors: Vec<Value> = (ids.iter().zip(0..))
        .map(|(id, place)| json!({"track": id, "vector": [1.0, f64::from(place)]}))
        .collect();
    wire.post(
        "/api/v1/spaces/other-1/vectors",
        &json!({ "vectors": vectors }),
    );
    let near = |rest: &str| {
        wire.get(&format!(
            "/api/v1/tracks/{}/similar?space=other-1&limit=5{rest}",
            ids[0]
        ))
    };
    assert_eq!(titles(&near("")).len(), 5);
    assert!(near("").get("shortfall").is_none());
    let folk = near("&genre=folk");
    assert_eq!(titles(&folk), ["Glass Weather"]);
    assert_eq!(folk["shortfall"]["admitted"], 1);
    assert_eq!(folk["shortfall"]["lacking"]["genre"], 31);
    let tempo = near("&bpm_min=100");
    assert!(titles(&tempo).is_empty());
    let reason = tempo["shortfall"]["reason"].as_str().unwrap();
    assert!(reason.contains("tempo_bpm of 33"), "{reason}");
    assert_eq!(titles(&near("&text=kairo")), ["Déjà Vu"]);
    let own = format!("/api/v1/tracks/{}/similar?key_match=wheel", ids[0]);
    wire.ask("GET", &own, &json!({}))
        .problem(400, "a key that is unknown");

    // A list keeps to them too, and refuses what is none.
    let list = |constraints: Value| {
        let body = json!({"count": 5, "constraints": constraints});
        wire.ask("POST", "/api/v1/recommendations", &body)
    };
    let folk = list(json!({"genre": "folk"})).json();
    let mut found = titles(&folk);
    // Both came in the same moment, and nothing else tells them apart.
    found.sort_unstable();
    assert_eq!(found, ["Glass Weather", "Paper Lanterns"], "{folk}");
    let told = folk["shortage"].as_str().unwrap();
    assert!(told.contains("2 of 5 tracks: 2 of 34"), "{told}");
    list(json!({"bpm_min": -1})).points_at(400, "/constraints/bpm_min", "a tempo");
    list(json!({"bmp_min": 100})).problem(400, "a name that is no constraint");
}
