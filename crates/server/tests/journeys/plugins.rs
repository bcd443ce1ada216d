//! A stranger's analyzer through the real binary: taken, tried, shown beside ours, contained, removed.

use serde_json::{Value, json};

use crate::harness::{TestServer, cli_with, wait_until, write_song};

/// A plugin of words with a body of `leitmotif_begin`; it tells `line-count.is_long` and `.size` of the length of its input.
pub fn line_count(version: &str, description: &str, begin: &str) -> Vec<u8> {
    let manifest = json!({
        "abi": 1, "name": "line-count", "version": version, "description": description,
        "needs": {"lyrics": true},
        "descriptors": [{"name": "is_long", "kind": "boolean",
            "description": "Whether the words are more than some thirty bytes"},
            {"name": "size", "kind": "number", "description": "One, and nine where they are"}],
        "examples": [{"lyrics": "la", "expect": {"is_long": {"value": false}}}]
    });
    let body = format!(
        r#"(global $bytes (mut i32) (i32.const 0))
        (func (export "leitmotif_begin") (param i32) (global.set $bytes (local.get 0)) {begin})"#
    );
    let told = |value: bool| {
        json!([{"name": "is_long", "value": value, "confidence": 0.75},
            {"name": "size", "value": if value { 9 } else { 1 }}])
    };
    let when = "(i32.gt_u (global.get $bytes) (i32.const 64))";
    telling(&manifest, &body, when, told)
}

/// A plugin that tells whether anything sounds.
fn sound_check() -> Vec<u8> {
    let manifest = json!({
        "abi": 1, "name": "sound-check", "version": "1.0.0",
        "needs": {"audio": {"sample_rate_hz": 11025}, "descriptors": ["tempo_bpm"]},
        "descriptors": [{"name": "sounds", "kind": "boolean", "description": "Whether anything sounds"}],
        "examples": [
            {"audio": {"seconds": 2, "tones": [{"hertz": 440, "amplitude": 0.5}]},
             "descriptors": {"tempo_bpm": 120}, "expect": {"sounds": {"value": true}}},
            {"audio": {"seconds": 2}, "expect": {"sounds": {"value": false}}}]
    });
    let body = r#"(global $peak (mut f32) (f32.const 0))
        (func (export "leitmotif_begin") (param i32))
        (func (export "leitmotif_audio") (param $frames i32) (local $i i32)
          (loop $next
            (global.set $peak (f32.max (global.get $peak) (f32.abs (f32.load
              (i32.add (i32.const 4096) (i32.shl (local.get $i) (i32.const 2)))))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (local.get $frames)))))"#;
    let told = |value: bool| json!([{"name": "sounds", "value": value}]);
    let when = "(f32.gt (global.get $peak) (f32.const 0.01))";
    telling(&manifest, body, when, told)
}

/// A module that tells one of two lists of descriptors, by a condition at the end.
fn telling(manifest: &Value, body: &str, when: &str, told: impl Fn(bool) -> Value) -> Vec<u8> {
    let manifest = manifest.to_string();
    let [yes, no] = [true, false].map(|value| json!({"descriptors": told(value)}).to_string());
    let place = |at: u64, text: &str| (at << 32) | text.len() as u64;
    let text = format!(
        r#"(module
        (memory (export "memory") 2)
        (data (i32.const 16) {yes:?}) (data (i32.const 256) {no:?})
        (func (export "leitmotif_buffer") (param i32) (result i32) (i32.const 4096))
        {body}
        (func (export "leitmotif_finish") (result i64)
          (if (result i64) {when} (then (i64.const {})) (else (i64.const {}))))
        (@custom "leitmotif.plugin" {manifest:?}))"#,
        place(16, &yes),
        place(256, &no),
    );
    wat::parse_str(&text).expect("the text is a module")
}

fn find<'v>(list: &'v Value, name: &str) -> Option<&'v Value> {
    list.as_array()?.iter().find(|one| one["name"] == name)
}

#[test]
fn journey_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::start(&data);
    let wire = &server.wire;
    let file = folder.path().join("line_count.wasm");
    std::fs::write(&file, line_count("1.0.0", "Counts", "")).unwrap();
    let added = cli_with(
        &data,
        &["plugin", "add", file.to_str().unwrap(), "--json"],
        &[],
    );
    let added = added.json();
    assert_eq!(
        (&added["stage"], &added["trial_share"]),
        (&json!("trial"), &json!(1.0))
    );
    let heard = wire.send("POST", "/api/v1/plugins", &[], &sound_check());
    assert_eq!(heard.status, 201, "{}", heard.text());

    // A song comes in, and both tell of it beside ours.
    let words = "la la la of a long song\nthat goes on for more than thirty bytes";
    let track = json!({"title": "one", "lyrics": words, "external_ids": {"a": "1"}});
    wire.post("/api/v1/tracks", &json!({ "tracks": [track] }));
    let song = folder.path().join("song.wav");
    write_song(&song, 3, 8.0);
    let path = "/api/v1/tracks/a:1/audio?extension=wav";
    let up = wire.send("PUT", path, &[], &std::fs::read(&song).unwrap());
    assert_eq!(up.status, 200, "{}", up.text());
    server.wait_idle();
    let analysis = wire.get("/api/v1/tracks/a:1/analysis");
    let told = find(&analysis["descriptors"], "line-count.is_long").unwrap();
    assert_eq!(
        (&told["value"], &told["plugin"], &told["card"]),
        (&json!(true), &json!("line-count"), &Value::Null)
    );
    assert_eq!(
        (&told["version"], &told["method"]),
        (&json!("1.0.0"), &json!("plugin"))
    );
    let sounds = find(&analysis["descriptors"], "sound-check.sounds").unwrap();
    assert_eq!(sounds["value"], true);
    let ours = find(&analysis["descriptors"], "tempo_bpm").unwrap();
    assert!(ours.get("plugin").is_none(), "{ours}");
    assert_eq!(analysis["is_current"], true);
    let analyzers = wire.get("/api/v1/analyzers?limit=200");
    let listed = find(&analyzers["analyzers"], "line-count").unwrap();
    assert_eq!(listed["status"], "third_party");
    let exported = wire
        .send("GET", "/api/v1/exports/descriptors", &[], b"")
        .text();
    assert!(exported.contains("\"line-count.is_long\""), "{exported}");

    // What it tells narrows a search like a number of ours, and shows in the studio.
    for (range, expected) in [("5..", 1), ("..5", 0), ("9..9", 1)] {
        let path = format!("/api/v1/search?descriptors=line-count.size:{range}");
        assert_eq!(wire.get(&path)["found"], expected, "{range}");
    }
    for name in ["line-count.width", "line-count.is_long"] {
        let path = format!("/api/v1/search?descriptors={name}:1..");
        let refused = wire.send("GET", &path, &[], b"");
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(
            refused.text().contains("line-count.size"),
            "{}",
            refused.text()
        );
    }
    for page in ["/studio/plugins", "/studio/plugins/line-count"] {
        let page = wire.send("GET", page, &[], b"");
        assert_eq!(page.status, 200);
        assert!(page.text().contains("line-count"), "{}", page.text());
    }

    // A version that never ends is stopped at its fuel; the song keeps its own analysis, and the server answers.
    let endless = "(if (i32.gt_u (local.get 0) (i32.const 64)) (then (loop $on (br $on))))";
    let second = wire.send(
        "POST",
        "/api/v1/plugins",
        &[],
        &line_count("2.0.0", "", endless),
    );
    assert_eq!(second.status, 201, "{}", second.text());
    assert_eq!(wire.send("GET", "/livez", &[], b"").status, 200);
    let analysis = wait_until("the endless version is stopped", || {
        let analysis = wire.get("/api/v1/tracks/a:1/analysis");
        let failures = analysis["failures"].as_array().unwrap().len();
        (failures > 0 && analysis["is_current"] == true).then_some(analysis)
    });
    let failure = analysis["failures"][0].as_str().unwrap();
    let expected = "plugin `line-count` 2.0.0: it used up its fuel in `leitmotif_begin`";
    assert!(failure.starts_with(expected), "{failure}");
    assert!(find(&analysis["descriptors"], "tempo_bpm").unwrap()["value"].is_number());
    let shown = cli_with(&data, &["plugin", "show", "line-count", "--json"], &[]).json();
    assert_eq!(
        (&shown["answers"], &shown["failures"]),
        (&json!(1), &json!(1))
    );

    // What it told goes with it.
    cli_with(&data, &["plugin", "remove", "line-count"], &[]);
    wait_until("what it told is gone", || {
        let analysis = wire.get("/api/v1/tracks/a:1/analysis");
        let is_gone = analysis["failures"] == json!([]);
        (is_gone && analysis["is_current"] == true).then_some(())
    });
    wire.send("GET", "/api/v1/plugins/line-count", &[], b"")
        .problem(404, "removed");
}

#[test]
fn what_is_no_plugin_is_refused_and_damaged_ones_leave_the_server_alive() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::with(
        &folder.path().join("data"),
        &[("LEITMOTIF_REQUESTS_PER_DAY", "1000000")],
    );
    let wire = &server.wire;
    let add = |module: &[u8]| wire.send("POST", "/api/v1/plugins", &[], module);
    let whole = line_count("1.0.0", "", "");
    let import = wat::parse_str(
        r#"(module (import "env" "system" (func (param i32) (result i32))) (memory (export "memory") 1))"#,
    );
    let refused = add(&import.unwrap()).problem(400, "an import");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("it imports `env.system`"), "{detail}");
    add(&vec![0; 5 * 1024 * 1024]).problem(413, "too large");
    // Bytes changed all over the module: taken or refused, and the server goes on.
    let mut refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let reply = add(&damaged);
        assert!(
            [201, 400, 409].contains(&reply.status),
            "{at}: {}",
            reply.text()
        );
        refused += u32::from(reply.status == 400);
    }
    assert!(refused > 100, "{refused}");
    assert_eq!(wire.send("GET", "/readyz", &[], b"").status, 200);
}
