//! Tables of tracks, with words and without.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli};

fn verse(index: usize) -> String {
    let places = ["harbour", "station", "river", "mountain", "garden"];
    let place = places[index % places.len()];
    format!(
        "I walk along the {place} in the night\nthe {place} keeps me waiting for the light\n\
         nobody knows the road that I have known\nthe {place} and the wind will take me home\n"
    )
}

#[test]
fn journey_tables() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = |name: &str| folder.path().join(name);

    // A wrong line is named, in both kinds of table, wherever the fault is found, and what is no
    // table is refused.
    let good = json!({"title": "Good", "artist": "A"});
    let other = folder.path().join("other");
    let check = |name: &str, text: String, expected: &str| {
        fs::write(path(name), text).unwrap();
        let said = cli(&other, &["import", path(name).to_str().unwrap()]);
        assert!(!said.is_success, "{name}: {}", said.stdout);
        assert!(said.stderr.contains(expected), "{name}: {}", said.stderr);
    };
    check(
        "cut.jsonl",
        format!("{good}\n\n{{\"title\": \"B\n"),
        "line 3",
    );
    check(
        "wrong.jsonl",
        format!("{good}\n{}\n", json!({"title": ""})),
        "line 2",
    );
    check(
        "number.csv",
        "title,duration_ms\nA,1000\nB,long\n".to_owned(),
        "line 3",
    );
    check(
        "date.csv",
        "title,release_date\nA,2001\nB,2001-13\n".to_owned(),
        "line 3",
    );
    check("untitled.csv", "name,artist\nA,B\n".to_owned(), "title");
    check("what.xlsx", "x".to_owned(), "xlsx");

    let rows: String = (0..40)
        .map(|i| {
            let row = json!({"title": format!("Song {i}"), "artist": format!("Artist {}", i % 6),
                "genre": "folk", "external_ids": {"shop": format!("s{i}")}, "lyrics": verse(i)});
            format!("{row}\n")
        })
        .collect();
    fs::write(path("words.jsonl"), rows).unwrap();
    let words = path("words.jsonl");
    let first = cli(&data, &["import", words.to_str().unwrap(), "--json"]).json();
    assert_eq!(
        (&first["created"], &first["failed_analyses"]),
        (&json!(40), &json!(0)),
        "{first}"
    );
    let again = cli(&data, &["import", words.to_str().unwrap(), "--json"]).json();
    assert_eq!(again["unchanged"], 40, "{again}");

    let mut table = String::from("title,artist,explicit,external_ids.shop,tags,colour\n");
    for i in 0..20 {
        table.push_str(&format!(
            "Plain {i},Artist {},no,p{i},calm; slow,red\n",
            i % 5
        ));
    }
    fs::write(path("plain.csv"), table).unwrap();
    let plain = cli(
        &data,
        &["import", path("plain.csv").to_str().unwrap(), "--json"],
    )
    .json();
    assert_eq!(plain["created"], 20, "{plain}");

    let near = cli(&data, &["similar", "shop:s0", "--json"]).json();
    assert_eq!(near["tracks"].as_array().unwrap().len(), 10, "{near}");
    assert_eq!(
        near["tracks"][0]["distance"].as_f64().map(|d| d < 0.5),
        Some(true),
        "{near}"
    );

    // Words alone are enough for content; nothing at all is still an answer.
    let server = TestServer::start(&data);
    let overview = server.wire.get("/api/v1/overview");
    assert_eq!(
        (&overview["tracks"], &overview["analysed"]),
        (&json!(60), &json!(40))
    );
    assert_eq!(
        server.usage("tracks_analysed"),
        40,
        "an unchanged table costs no analysis"
    );
    let recommend = |asked: Value| server.wire.post("/api/v1/recommendations", &asked);
    let from_seed = recommend(json!({"seeds": ["shop:s0"], "count": 10}));
    assert_eq!(from_seed["rung"], "content", "{from_seed}");
    let nobody = recommend(json!({"count": 60}));
    assert_eq!(nobody["rung"], "static", "{nobody}");
    let listen = json!({"events": [{"kind": "listen", "occurred_at": now(), "listener": "ann",
        "track": "shop:s3", "outcome": "completed", "played_ms": 1000, "track_ms": 1000}]});
    server.wire.post("/api/v1/events", &listen);
    let popular = recommend(json!({"count": 10}));
    assert_eq!(popular["rung"], "popular", "{popular}");
    let plain_seed = recommend(json!({"seeds": ["shop:p0"], "count": 10}));
    for answer in [from_seed, nobody, popular, plain_seed] {
        assert!(!answer["tracks"].as_array().unwrap().is_empty(), "{answer}");
    }
}

/// What is broken costs its own rows: the others go in, are audited with every column, and nothing is
/// written twice when the table is read again, mended.
#[test]
fn journey_broken_tables() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let import = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let said = cli(&data, &["import", path.to_str().unwrap(), "--json"]);
        let report: Value = serde_json::from_str(&said.stdout).expect(&said.stderr);
        assert_eq!(said.is_success, report["left_out"] == 0, "{report}");
        let audit = cli(&data, &["audit", "--json"]).json();
        assert_eq!(audit["id"], report["audit"], "{report}");
        (report, audit["document"].clone())
    };
    let lines = |table: &Value| -> Vec<u64> {
        let faults = table["faults"].as_array().unwrap().iter();
        faults
            .map(|fault| fault["line"].as_u64().unwrap())
            .collect()
    };

    let broken = "title,artist,quality,complexity,mood\nOne,A,0.5,0.5,calm\nTwo,\"B,0.6,0.6,calm\n\
                  Three,C,0.7,0.70,calm\nFour,D,0.8,0.8,calm\nThree,C,0.7,0.7,calm\n";
    let (report, audit) = import("songs.csv", broken);
    let count = |report: &Value, name: &str| report[name].as_u64().unwrap();
    let counts = ["rows", "created", "left_out", "duplicates"].map(|name| count(&report, name));
    assert_eq!(counts, [5, 3, 1, 1], "{report}");
    let table = &audit["tables"][0];
    assert_eq!(lines(table), [3]);
    assert_eq!(table["constant_columns"], json!(["mood"]));
    assert_eq!(
        table["identical_columns"],
        json!([["complexity", "quality"]])
    );
    assert_eq!(
        table["columns_not_imported"],
        json!(["complexity", "mood", "quality"])
    );
    let of_table = [
        "rows_in",
        "rows_out",
        "duplicate_rows",
        "rejected_rows",
        "changed",
    ];
    assert_eq!(of_table.map(|name| count(table, name)), [5, 3, 1, 1, 3]);
    let mended = broken.replace("\"B", "B");
    let (report, _) = import("songs.csv", &mended);
    let counts = ["created", "updated", "unchanged", "left_out"].map(|name| count(&report, name));
    assert_eq!(counts, [1, 0, 3, 0], "{report}");

    // Faults of the file and of a row; a row whose ids are another's is a track without them, and is told of.
    let row = |title: &str, ids: Value| json!({"title": title, "external_ids": ids, "mood": 1});
    let rows = [
        row("Cut one", json!({"a": "1"})).to_string(),
        row("Cut two", json!({"b": "1"})).to_string(),
        "{\"title\": \"cut in the mid".to_owned(),
        row("Of two", json!({"a": "1", "b": "1"})).to_string(),
        json!({"title": "Late", "release_date": "soon"}).to_string(),
        json!({"title": "Sung", "lyrics": verse(1)}).to_string(),
    ];
    let (report, audit) = import("rows.jsonl", &rows.join("\n"));
    let counts = ["rows", "created", "left_out"].map(|name| count(&report, name));
    assert_eq!(counts, [6, 4, 2], "{report}");
    assert_eq!(lines(&audit["tables"][0]), [3, 4, 4, 5]);
    assert_eq!(report["not_imported"], json!(["mood"]));
    assert!(!audit["rhyme_detectors"].as_array().unwrap().is_empty());
    let overview = cli(&data, &["overview", "--json"]).json();
    assert_eq!(overview["tracks"], 8, "{overview}");
}

/// The present in milliseconds since 1970.
pub fn now() -> i64 {
    use leitmotif_domain::Clock;
    leitmotif_domain::clock::SystemClock.now().as_ms()
}
