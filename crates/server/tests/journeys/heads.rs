//! Genre and mood by the tenant's own labels: trained over HTTP, told of tracks that nobody labelled,
//! refused with what is missing.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};

const ARTISTS: usize = 30;
const PER_ARTIST: usize = 4;

/// What a track is labelled: the artist says which, so that nothing but the sound can tell it of another.
fn labels(artist: usize, song: usize) -> (&'static str, Vec<String>) {
    let genre = ["techno", "ballad", "Techno; acid"][artist % 3];
    let mood = match (artist, song) {
        // Two artists of four songs are too few.
        (0..2, _) => "mood:Eerie".to_owned(),
        // Nothing in the sound tells this one.
        (_, song) => ["mood:odd", "mood:even"][(artist * 7 / 3 + song * 5 / 2) % 2].to_owned(),
    };
    // The sound tells how glad it is, and does not tell whether people are there.
    let glad = if artist % 3 == 1 { 0.2 } else { 0.8 } + song as f64 / 100.0;
    let live = (artist * 7 + song * 29) % 31;
    let values = [format!("valence:{glad}"), format!("liveness:0.{live:02}")];
    let mut tags = vec![mood, format!("own:{artist}")];
    tags.extend(values);
    (genre, tags)
}

/// The sound: the first direction is the genre, the rest noise.
fn vector(artist: usize, song: usize) -> Vec<f64> {
    let noise = |place: usize| ((artist * 37 + song * 101 + place * 17) % 23) as f64 / 23.0 - 0.5;
    let side = if artist % 3 == 1 { -1.0 } else { 1.0 };
    let mut vector = vec![side + 0.4 * noise(0)];
    vector.extend((1..6).map(noise));
    vector
}

fn prepare(server: &TestServer) {
    let all = || (0..ARTISTS).flat_map(|artist| (0..PER_ARTIST).map(move |song| (artist, song)));
    let tracks: Vec<Value> = all()
        .map(|(artist, song)| {
            let (genre, tags) = labels(artist, song);
            json!({"title": format!("Song {song}"), "artist": format!("Artist {artist}"),
                "genre": genre, "tags": tags, "external_ids": {"t": format!("{artist}-{song}")}})
        })
        .collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    // Labelled and never measured; measured and never labelled.
    let others = json!({"tracks": [
        {"title": "Unheard", "artist": "A", "genre": "techno", "external_ids": {"t": "unheard"}},
        {"title": "Plain", "artist": "B", "lyrics": "one line\nand a second", "external_ids": {"t": "plain"}},
    ]});
    server.wire.post("/api/v1/tracks", &others);
    let mut vectors: Vec<Value> = all()
        .map(|(artist, song)| json!({"track": format!("t:{artist}-{song}"), "vector": vector(artist, song)}))
        .collect();
    vectors.push(json!({"track": "t:plain", "vector": [1.1, 0.1, -0.2, 0.1, 0.3, 0.0]}));
    server.wire.post(
        "/api/v1/spaces/own-1/vectors",
        &json!({ "vectors": vectors }),
    );
    server.wait_idle();
}

fn train(server: &TestServer) {
    let job = server.wire.post("/api/v1/heads/train", &json!({}))["job"].clone();
    let over = server.wait_job(&job);
    assert_eq!(
        (&over["state"], &over["kind"]),
        (&json!("done"), &json!("train_heads")),
        "{over}"
    );
    assert_eq!(over["progress_done"], over["progress_total"], "{over}");
}

fn descriptor(server: &TestServer, track: &str, name: &str) -> Value {
    let analysis = server.wire.get(&format!("/api/v1/tracks/{track}/analysis"));
    let mut all = analysis["descriptors"].as_array().unwrap().iter();
    all.rfind(|one| one["name"] == name).cloned().unwrap()
}

#[test]
fn journey_heads() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let before = wire.get("/api/v1/heads");
    assert_eq!(
        (&before["trained_at"], &before["heads"]),
        (&Value::Null, &json!([]))
    );
    prepare(&server);
    let untrained = descriptor(&server, "t:plain", "genre");
    assert_eq!(untrained["value"], Value::Null);
    let reason = untrained["reason"].as_str().unwrap();
    let says_how_many = reason.starts_with("not trained yet; ") && reason.contains(" of 20 tracks");
    assert!(says_how_many, "{untrained}");

    train(&server);
    let answer = wire.get("/api/v1/heads");
    assert_eq!(answer["unmeasured_tracks"], 1, "{answer}");
    assert_eq!(
        (&answer["is_stale"], &answer["genre_tracks"]),
        (&json!(false), &json!(120))
    );
    let heads = wire.walk("/api/v1/heads", "heads", 2);
    let names: Vec<&str> = heads
        .iter()
        .map(|head| head["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "genre:acid",
            "genre:ballad",
            "genre:techno",
            "mood:eerie",
            "mood:even",
            "mood:odd"
        ]
    );
    shown_and_refused(&server, &heads);
    told_of_tracks(&server);
    values_told(&server, &answer["values"]);

    // Another label makes the heads stale, and the next training learns it.
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "New", "artist": "C", "tags": ["mood:calm"]}),
    );
    assert_eq!(wire.get("/api/v1/heads")["is_stale"], true);
    let said = cli(&data, &["heads", "train", "--json"]);
    assert!(said.is_success, "{}", said.stderr);
    let trained = said.json();
    assert_eq!(
        (
            &trained["is_stale"],
            trained["heads"].as_array().unwrap().len()
        ),
        (&json!(false), 6)
    );
    let shown = cli(&data, &["heads", "show", "genre:Techno", "--json"]);
    assert_eq!(shown.json()["state"], "shown", "{}", shown.stderr);
    versions_go_back(&server, &answer);
    hostile_labels(&server);
}

fn shown_and_refused(server: &TestServer, heads: &[Value]) {
    let head = |name: &str| heads.iter().find(|head| head["name"] == name).unwrap();
    for name in ["genre:techno", "genre:ballad"] {
        let told = head(name);
        assert_eq!(told["state"], "shown", "{told}");
        let skill = &told["measure"]["skill"];
        assert!(
            skill["low"].as_f64().unwrap() >= 0.5
                && skill["low"].as_f64() <= skill["value"].as_f64()
        );
    }
    let rare = head("mood:eerie");
    assert_eq!(rare["state"], "too_few");
    assert_eq!(
        rare["missing"],
        json!({"tracks": 12, "artists": 3, "other_tracks": 0, "other_artists": 0})
    );
    let reason = rare["reason"].as_str().unwrap();
    assert!(
        reason.contains("12 more tracks of 3 more artists labelled `eerie`"),
        "{reason}"
    );
    let noise = head("mood:odd");
    assert_eq!(noise["state"], "below_bar", "{noise}");
    assert!(noise["missing"]["tracks"].as_u64().unwrap() > 0);
    assert!(
        noise["reason"]
            .as_str()
            .unwrap()
            .contains("more tracks labelled `odd`"),
        "{noise}"
    );
    let one = server.wire.get("/api/v1/heads/mood:odd");
    assert_eq!(&one, noise);
    for unknown in ["genre:polka", "polka", "era:90s", "genre:%00"] {
        let reply = server
            .wire
            .send("GET", &format!("/api/v1/heads/{unknown}"), &[], b"");
        reply.problem(404, unknown);
    }
}

/// Valence is told with how sure that is, liveness is refused, and what a person says comes first.
fn values_told(server: &TestServer, values: &Value) {
    let [valence, liveness] = [&values[0], &values[1]];
    assert_eq!(
        (&valence["name"], &valence["state"], &valence["tracks"]),
        (&json!("valence"), &json!("shown"), &json!(120)),
        "{valence}"
    );
    let skill = &valence["measure"]["skill"];
    assert!(skill["low"].as_f64().unwrap() >= 0.25, "{valence}");
    assert_eq!(liveness["state"], "below_bar", "{liveness}");
    let heard = descriptor(server, "t:plain", "valence");
    assert!(heard["value"].as_f64().unwrap() > 0.6, "{heard}");
    assert_eq!(
        heard["confidence"].as_f64().map(|sure| sure > 0.8),
        Some(true),
        "{heard}"
    );
    let refused = descriptor(server, "t:plain", "liveness");
    assert_eq!(refused["value"], Value::Null);
    let reason = refused["reason"].as_str().unwrap();
    assert!(
        reason.contains("labelled `liveness` are worth another try"),
        "{reason}"
    );
    let contrary = json!({"title": "Plain", "artist": "B", "genre": "Ballad",
        "external_ids": {"t": "plain"}, "tags": ["valence:0.05", "liveness:loud", "liveness:7"]});
    server.wire.post("/api/v1/tracks", &contrary);
    let given = descriptor(server, "t:plain", "valence");
    assert_eq!(
        (&given["value"], &given["method"], &given["confidence"]),
        (&json!(0.05), &json!("label of the catalogue"), &Value::Null)
    );
    assert_eq!(
        descriptor(server, "t:plain", "liveness")["value"],
        Value::Null
    );
}

fn told_of_tracks(server: &TestServer) {
    let heard = descriptor(server, "t:plain", "genre");
    assert_eq!(heard["value"][0]["label"], "techno", "{heard}");
    let sure = heard["value"][0]["probability"].as_f64().unwrap();
    assert!(
        sure > 0.8 && (heard["confidence"].as_f64().unwrap() - sure).abs() < 1e-6,
        "{heard}"
    );
    assert!(
        heard["version"].as_str().unwrap().starts_with("heads-1/"),
        "{heard}"
    );
    let mood = descriptor(server, "t:plain", "mood");
    assert_eq!(mood["value"], Value::Null);
    assert!(
        mood["reason"].as_str().unwrap().contains("more tracks"),
        "{mood}"
    );
    // What is told is written nowhere, and what a person said comes first.
    let track = server.wire.get("/api/v1/tracks/t:plain");
    assert_eq!(
        (&track["genre"], &track["tags"]),
        (&Value::Null, &json!([]))
    );
    let contrary =
        json!({"title": "Plain", "artist": "B", "genre": "Ballad", "external_ids": {"t": "plain"}});
    server.wire.post("/api/v1/tracks", &contrary);
    train(server);
    let given = descriptor(server, "t:plain", "genre");
    assert_eq!(
        given["value"],
        json!([{"label": "ballad", "probability": null}])
    );
    assert_eq!(
        (&given["method"], &given["confidence"]),
        (&json!("label of the catalogue"), &Value::Null)
    );
}

/// A version of the heads is put back into use like any model, and the recommender's stays.
fn versions_go_back(server: &TestServer, first: &Value) {
    let wire = &server.wire;
    let path = format!(
        "/api/v1/models/{}/production",
        first["model"].as_str().unwrap()
    );
    let reply = wire.ask("PUT", &path, &json!({}));
    assert_eq!(reply.json()["name"], "heads", "{}", reply.text());
    assert_eq!(wire.get("/api/v1/heads")["trained_at"], first["trained_at"]);
    assert_eq!(wire.get("/api/v1/overview")["model"], Value::Null);
    let asked = json!({"count": 3});
    assert_eq!(
        wire.post("/api/v1/recommendations", &asked)["tracks"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

fn hostile_labels(server: &TestServer) {
    let wire = &server.wire;
    let long = json!({"title": "Long", "genre": "x".repeat(10_240)});
    assert_eq!(wire.ask("POST", "/api/v1/tracks", &long).status, 400);
    let control = json!({"title": "Control", "tags": ["mood:\u{0}"]});
    assert_eq!(wire.ask("POST", "/api/v1/tracks", &control).status, 400);
    // As many labels as 40 tracks can carry, each once: kept up to the bound, counted above it.
    let tracks: Vec<Value> = (0..40)
        .map(|track| {
            let tags: Vec<String> = (0..60).map(|tag| format!("mood:m{track}x{tag}")).collect();
            json!({"title": format!("Many {track}"), "artist": "Many", "genre": " ; ", "tags": tags,
                "external_ids": {"t": format!("many-{track}")}})
        })
        .collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let vectors: Vec<Value> = (0..40)
        .map(|track| json!({"track": format!("t:many-{track}"), "vector": [1, 0, 0, 0, 0, 0]}))
        .collect();
    wire.post(
        "/api/v1/spaces/own-1/vectors",
        &json!({ "vectors": vectors }),
    );
    train(server);
    let answer = wire.get("/api/v1/heads?limit=1");
    // 2,400 and the three of before.
    assert_eq!(answer["labels_left_out"], 1_403, "{answer}");
    let heads = wire.walk("/api/v1/heads", "heads", 200);
    assert_eq!(heads.len(), 1_003);
    let refused = heads.iter().filter(|head| head["state"] == "too_many");
    assert_eq!(refused.count(), 800);
}
