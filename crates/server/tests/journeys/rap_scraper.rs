//! Moving in from rap-scraper: what came in, what is wrong with it, and that a second time changes
//! nothing.

use std::fs;
use std::path::Path;

use leitmotif_demo::rap_catalogue::{write_analyses, write_table, write_tracks};
use serde_json::{Value, json};

use crate::harness::{TestServer, binary, cli, wait_until};

/// Imports and answers the audit with its id.
fn import(data: &Path, source: [&str; 2]) -> Value {
    let html = data.with_extension("html");
    let [flag, path] = source;
    let arguments = ["import", "rap-scraper", flag, path, "--html"];
    let html = html.to_str().unwrap();
    let said = cli(data, &[&arguments[..], &[html, "--json"]].concat());
    let found: Value = serde_json::from_str(&said.stdout).expect(&said.stderr);
    assert_eq!(found["failed_analyses"], 0, "{found}");
    let audit = &found["audit"];
    let tables = audit["document"]["tables"].as_array().unwrap().iter();
    let left_out: u64 = tables
        .map(|table| table["rejected_rows"].as_u64().unwrap())
        .sum();
    assert_eq!(said.is_success, left_out == 0, "{}", said.stderr);
    assert_eq!(said.stderr.contains("left out"), left_out > 0);
    audit.clone()
}

fn changes(audit: &Value) -> u64 {
    let tables = audit["document"]["tables"].as_array().unwrap().iter();
    tables.map(|table| table["changed"].as_u64().unwrap()).sum()
}

fn tally(list: &Value, name: &str) -> u64 {
    let mut found = list.as_array().unwrap().iter();
    let found = found.find(|tally| tally["name"] == name);
    found.map_or(0, |tally| tally["count"].as_u64().unwrap())
}

#[test]
fn journey_move_in_from_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let table = folder.path().join("quick_dataset.csv");
    write_table(3, fs::File::create(&table).unwrap()).unwrap();
    let table = table.to_str().unwrap();

    let audit = import(&data, ["--csv", table]);
    let (document, tracks) = (&audit["document"], &audit["document"]["tracks"]);
    for (name, expected) in [
        ("tracks", 1_000),
        ("artists", 24),
        ("spotify_ids", 929),
        ("previews", 0),
        ("audio_features", 0),
        ("shared_id_groups", 71),
    ] {
        assert_eq!(tracks[name], expected, "{name}");
    }
    assert_eq!(tally(&tracks["dates"], "year"), 63);
    assert_eq!(tally(&tracks["dates"], "day"), 937);
    assert_eq!(tally(&tracks["spotify_shapes"], "A"), 753);
    assert_eq!(tally(&tracks["spotify_shapes"], "B"), 247);
    assert_eq!(document["analyzers"].as_array().unwrap().len(), 1);
    assert_eq!(document["analyzers"][0]["fallback_rows"], 258);
    let read = &document["tables"][0];
    assert_eq!(
        (&read["rows_in"], &read["rows_out"]),
        (&json!(1_000), &json!(1_000))
    );
    assert_eq!(read["constant_columns"], json!(["mood_label"]));
    assert_eq!(read["empty_columns"], json!(["explicit"]));
    let pair = json!([["quality_score", "qwen_complexity"]]);
    assert_eq!(read["identical_columns"], pair);
    assert!(changes(&audit) > 1_000);

    let again = import(&data, ["--csv", table]);
    assert_eq!(changes(&again), 0, "{}", again["document"]["tables"]);
    let newest = cli(&data, &["audit", "--json"]).json();
    assert_eq!(newest["id"], again["id"]);
    let shown = cli(&data, &["audit", audit["id"].as_str().unwrap()]);
    assert!(shown.is_success && shown.stdout.contains("quality_score = qwen_complexity"));

    // The file for the browser and the page show the same; neither tells a line of the lyrics.
    let line = lyrics_line(table);
    let html = fs::read_to_string(data.with_extension("html")).unwrap();
    assert!(html.contains("258") && html.contains("mood_label"));
    let server = TestServer::start(&data);
    let overview = server.wire.get("/api/v1/overview");
    assert_eq!(
        (&overview["tracks"], &overview["analysed"]),
        (&json!(1_000), &json!(1_000))
    );
    let listed = server.wire.walk("/api/v1/audits", "audits", 1);
    assert_eq!(listed.len(), 2);
    let path = format!("/studio/audits/{}", audit["id"].as_str().unwrap());
    let page = server.wire.send("GET", &path, &[], b"");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("mood_label"));
    for text in [html, page.text(), audit.to_string()] {
        assert!(!text.contains(&line), "the audit tells lyrics");
    }
    let near = server.wire.get("/api/v1/tracks/rap-scraper:34000/similar");
    assert_eq!(near["space"], "leitmotif-words-1");
    assert!(!near["tracks"].as_array().unwrap().is_empty());
}

/// A long line of the first track's lyrics.
fn lyrics_line(table: &str) -> String {
    let text = fs::read_to_string(table).unwrap();
    let mut lines = text.lines().skip(1);
    let line = lines.find(|line| !line.contains([',', '[']) && line.len() > 20);
    line.unwrap().to_owned()
}

#[test]
fn journey_move_in_from_tables_with_broken_lines() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    let mut tracks = Vec::new();
    write_tracks(5, 120, &mut tracks).unwrap();
    tracks
        .extend_from_slice(b"{\"id\": 500, \"title\": \"\xff\"}\n{\"id\": 501, \"title\": \"cut\n");
    tracks
        .extend_from_slice(b"{\"id\": 502, \"title\": \"kept\", \"lyrics_embedding\": \"[1, \"}\n");
    tracks.extend_from_slice(b"{\"id\": 1, \"title\": \"again\"}\n{\"title\": \"nameless\"}\n");
    fs::write(dump.join("tracks.jsonl"), tracks).unwrap();
    let mut analyses = Vec::new();
    let rows = write_analyses(5, 120, &mut analyses).unwrap();
    let extra = [
        json!({"id": 1, "track_id": 9_999, "analyzer_type": "qwen-3-4b-fp8"}),
        json!({"id": 2, "track_id": 502, "analyzer_type": "mock_analyzer_v1", "confidence": 1}),
    ];
    for row in &extra {
        analyses.extend_from_slice(format!("{row}\n").as_bytes());
    }
    fs::write(dump.join("analysis.jsonl"), analyses).unwrap();
    let features = json!({"track_id": 502, "rhyme_density": 0.5, "feature_version": "v1"});
    fs::write(dump.join("ml_features.jsonl"), format!("{features}\n")).unwrap();
    let version = json!({"version_tag": "v1", "track_count": 120});
    fs::write(dump.join("dataset_versions.jsonl"), format!("{version}\n")).unwrap();
    fs::write(dump.join("songs.jsonl"), "not read\n").unwrap();
    let dump = dump.to_str().unwrap();

    let audit = import(&data, ["--jsonl", dump]);
    let tables = audit["document"]["tables"].as_array().unwrap();
    let names: Vec<_> = tables.iter().map(|table| &table["name"]).collect();
    assert_eq!(
        names,
        ["tracks", "analysis", "ml_features", "dataset_versions"]
    );
    let counted = |table: &Value, name: &str| table[name].as_u64().unwrap();
    let read = &tables[0];
    assert_eq!(
        (counted(read, "rows_in"), counted(read, "rows_out")),
        (125, 121)
    );
    assert_eq!(
        (
            counted(read, "rejected_rows"),
            counted(read, "damaged_rows")
        ),
        (3, 1)
    );
    assert_eq!(counted(read, "duplicate_rows"), 1);
    let lines: Vec<_> = read["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["line"])
        .collect();
    assert_eq!(lines, [121, 122, 123, 125]);
    let read = &tables[1];
    assert_eq!(
        (counted(read, "rows_in"), counted(read, "orphan_rows")),
        (rows + 2, 1)
    );
    assert!(counted(read, "duplicate_rows") > 50);
    let why = tables[3]["left_out_because"].as_str().unwrap();
    assert!(why.contains("no track"), "{why}");
    assert_eq!(changes(&import(&data, ["--jsonl", dump])), 0);

    let server = TestServer::start(&data);
    let wire = &server.wire;
    assert_eq!(wire.get("/api/v1/overview")["tracks"], 121);
    let said = wire.get("/api/v1/tracks/rap-scraper:502/statements");
    let said = said["statements"].as_array().unwrap();
    let authors: Vec<_> = said
        .iter()
        .map(|one| (&one["author"], &one["status"]))
        .collect();
    let expected = json!([["ml_features", "good"], ["mock_analyzer_v1", "quarantined"]]);
    assert_eq!(json!(authors), expected);
    let spaces = wire.get("/api/v1/overview")["spaces"].clone();
    assert_eq!(tracks_in(&spaces, "lyrics-unknown-768"), 10);
    assert_eq!(tracks_in(&spaces, "flow-unknown-384"), 5);
    let near = wire.get("/api/v1/tracks/rap-scraper:1/similar?space=lyrics-unknown-768");
    assert_eq!(near["tracks"].as_array().unwrap().len(), 9, "{near}");

    // The spaces of our own analysis are not written to, and no space takes two dimensions.
    let vector =
        |numbers: Value| json!({"vectors": [{"track": "rap-scraper:1", "vector": numbers}]});
    let own = wire.ask(
        "POST",
        "/api/v1/spaces/leitmotif-words-1/vectors",
        &vector(json!([1])),
    );
    own.problem(409, "own space");
    let path = "/api/v1/spaces/lyrics-unknown-768/vectors";
    wire.ask("POST", path, &vector(json!([1, 2])))
        .problem(400, "dimension");
}

fn tracks_in(spaces: &Value, name: &str) -> u64 {
    let mut found = spaces.as_array().unwrap().iter();
    let space = found.find(|space| space["name"] == name);
    space.map_or(0, |space| space["tracks"].as_u64().unwrap())
}

/// An import that dies goes on when it is run again, and ends where one that lived ends.
#[test]
fn an_import_goes_on_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    let create = |name: &str| fs::File::create(dump.join(name)).unwrap();
    write_tracks(8, 1_500, std::io::BufWriter::new(create("tracks.jsonl"))).unwrap();
    write_analyses(8, 1_500, std::io::BufWriter::new(create("analysis.jsonl"))).unwrap();
    let dump = dump.to_str().unwrap();
    let killed = folder.path().join("killed");
    let mut child = std::process::Command::new(binary())
        .args(["import", "rap-scraper", "--jsonl", dump, "--data"])
        .arg(&killed)
        .arg("--html")
        .arg(killed.with_extension("html"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("something is written", || {
        let is_over = child.try_wait().unwrap().is_some();
        let tenants = fs::read_dir(killed.join("tenants")).ok()?;
        let mut logs = tenants
            .flatten()
            .map(|tenant| tenant.path().join("tenant.db-wal"));
        let is_written = logs.any(|log| fs::metadata(log).is_ok_and(|log| log.len() > 500_000));
        (is_written || is_over).then_some(())
    });
    let _ = child.kill();
    child.wait().unwrap();
    let rest = import(&killed, ["--jsonl", dump]);
    assert_eq!(changes(&import(&killed, ["--jsonl", dump])), 0);
    let whole_data = folder.path().join("whole");
    let whole = import(&whole_data, ["--jsonl", dump]);
    let (rest, whole) = (&rest["document"], &whole["document"]);
    for part in ["tracks", "analyzers", "agreements", "spaces", "reanalysis"] {
        assert_eq!(rest[part], whole[part], "{part}");
    }
    let overview = |data: &Path| cli(data, &["overview", "--json"]).json();
    let (one, other) = (overview(&killed), overview(&whole_data));
    for count in ["tracks", "artists", "analysed", "spaces", "with_lyrics"] {
        assert_eq!(one[count], other[count], "{count}");
    }
}
