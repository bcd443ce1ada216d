//! What every client may rely on, whatever route it calls.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::tables::now;
use crate::wire::read_reply;

const JSON: (&str, &str) = ("content-type", "application/json");

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn problems_name_status_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    let get = |path: &str| wire.send("GET", path, &[], b"");
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "T", "external_ids": {"t": "1"}}),
    );

    get("/api/v1/nothing").problem(404, "unknown route");
    get("/api/v1/tracks/t:2").problem(404, "unknown track");
    get("/api/v1/tracks/%FF%FE").problem(400, "a path that is no text");
    get("/api/v1/jobs/zzz").problem(404, "unknown job");
    let wrong = wire.send("PATCH", "/api/v1/tracks", &[], b"");
    wrong.problem(405, "wrong method");
    assert!(wrong.header("allow").is_some(), "Allow names the methods");
    let nobody = wire.anonymous().send("GET", "/api/v1/tracks", &[], b"");
    nobody.problem(401, "no key");
    assert!(nobody.header("www-authenticate").is_some());
    wire.with_key("lmk_wrong")
        .send("GET", "/api/v1/tracks", &[], b"")
        .problem(401, "wrong key");

    let reader = wire.post("/api/v1/keys", &json!({"label": "r", "scopes": ["read"]}));
    let reader = wire.with_key(reader["secret"].as_str().unwrap());
    reader
        .ask("POST", "/api/v1/tracks", &json!({"title": "T"}))
        .problem(403, "read-only key");

    for path in [
        "/api/v1/tracks?limit=x",
        "/api/v1/jobs?state=odd",
        "/api/v1/tracks/t:1/similar?limit=x",
    ] {
        get(path).problem(400, path);
    }
    for (method, path) in [
        ("PUT", "/api/v1/tracks/t:1/audio?offset=x"),
        ("POST", "/api/v1/tracks/t:1/analyze-and-recommend?k=x"),
        ("PUT", "/api/v1/tracks/t:1/audio?partial=maybe"),
    ] {
        wire.send(method, path, &[], b"x").problem(400, path);
    }
    get("/api/v1/tracks?limit=0").points_at(400, "?limit", "no items");
    get("/api/v1/tracks?limit=201").points_at(400, "?limit", "too many items");
    get("/api/v1/usage?from=today").points_at(400, "?from", "no day");
}

#[test]
fn wrong_fields_are_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "T", "external_ids": {"t": "1"}}),
    );
    let check = |path: &str, body: Value, pointer: &str| {
        let context = format!("{path} {body}");
        wire.ask("POST", path, &body)
            .points_at(400, pointer, &context);
    };
    let tracks = "/api/v1/tracks";
    check(tracks, json!({"title": ""}), "/title");
    check(tracks, json!({"title": "T", "mood": 1}), "/mood");
    check(tracks, json!({"title": 1}), "/title");
    check(
        tracks,
        json!({"tracks": [{"title": "T"}, {"title": "T", "duration_ms": -1}]}),
        "/tracks/1/duration_ms",
    );
    check(
        tracks,
        json!({"tracks": [{"title": "T"}, {"title": ""}]}),
        "/tracks/1/title",
    );
    check(
        tracks,
        json!({"title": "T", "release_date": "2001-13"}),
        "/release_date",
    );
    check(tracks, json!({"title": "x".repeat(1_025)}), "/title");

    let event = |changes: Value| {
        let mut event = json!({"kind": "listen", "occurred_at": now(), "listener": "a",
            "track": "t:1", "outcome": "completed"});
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        let good = json!({"kind": "search", "occurred_at": now(), "listener": "a", "query": "q"});
        json!({ "events": [good, event] })
    };
    let events = "/api/v1/events";
    check(
        events,
        event(json!({"occurred_at": "1970-01-01T00:00:00Z"})),
        "/events/1/occurred_at",
    );
    check(
        events,
        event(json!({"occurred_at": now() + 366 * 86_400_000_i64})),
        "/events/1/occurred_at",
    );
    check(events, event(json!({"track": "t:9"})), "/events/1/track");
    check(events, event(json!({"listener": ""})), "/events/1/listener");
    check(
        events,
        event(json!({"event_id": "?"})),
        "/events/1/event_id",
    );
    check(
        events,
        event(json!({"played_ms": 86_400_001})),
        "/events/1/played_ms",
    );
    for wrong in [
        json!({"kind": "dream"}),
        json!({"outcome": "loved"}),
        json!({"played_ms": -5}),
        json!({"volume": 11}),
    ] {
        let body = event(wrong.clone());
        let document = wire
            .ask("POST", events, &body)
            .problem(400, &wrong.to_string());
        let pointer = document["errors"][0]["pointer"].as_str().unwrap();
        assert!(pointer.starts_with("/events/1"), "{document}");
    }
    let recommendations = "/api/v1/recommendations";
    check(recommendations, json!({"count": 0}), "/count");
    check(recommendations, json!({"count": 501}), "/count");
    check(
        recommendations,
        json!({"seeds": ["t:1", "t:8"]}),
        "/seeds/1",
    );
    check(
        recommendations,
        json!({"disabled_rungs": ["roof"]}),
        "/disabled_rungs/0",
    );
    check(
        "/api/v1/playlists",
        json!({"name": "P", "tracks": ["zz"]}),
        "/tracks/0",
    );
    check("/api/v1/playlists", json!({"name": ""}), "/name");
    check(
        "/api/v1/keys",
        json!({"label": "k", "scopes": []}),
        "/scopes",
    );
    check("/api/v1/tenants", json!({"name": "Not Good"}), "/name");

    // Numbers that are none, and depth that only an attack has.
    for body in [
        r#"{"title": NaN}"#.to_owned(),
        r#"{"title": "T", "duration_ms": 1e999}"#.to_owned(),
        r#"{"title": "T"} x"#.to_owned(),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        String::new(),
        "\u{0}".to_owned(),
    ] {
        let shown: String = body.chars().take(40).collect();
        wire.send("POST", tracks, &[JSON], body.as_bytes())
            .problem(400, &shown);
        wire.send("POST", events, &[JSON], body.as_bytes())
            .problem(400, &shown);
    }
    let ndjson = [("content-type", "application/x-ndjson")];
    let lines = b"{\"title\":\"L1\"}\n\n{\"title\":\"\"}\n";
    wire.send("POST", tracks, &ndjson, lines)
        .points_at(400, "/line/3/title", "a wrong line");
}

#[test]
fn bodies_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    let track = json!({"title": "Zipped", "external_ids": {"z": "1"}}).to_string();
    let packed = [JSON, ("content-encoding", "gzip")];
    let taken = wire.send("POST", "/api/v1/tracks", &packed, &gzip(track.as_bytes()));
    assert_eq!(taken.json()["created"], 1);
    let ndjson = [
        ("content-type", "application/x-ndjson"),
        ("content-encoding", "gzip"),
    ];
    let lines = gzip(b"{\"title\":\"a\"}\n{\"title\":\"b\"}\n");
    let taken = wire.send("POST", "/api/v1/tracks", &ndjson, &lines);
    assert_eq!(taken.json()["created"], 2, "{}", taken.text());

    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    for path in [
        "/api/v1/tracks",
        "/api/v1/events",
        "/api/v1/recommendations",
    ] {
        wire.send("POST", path, &packed, &bomb).problem(413, path);
    }
    let damaged = &gzip(track.as_bytes())[..20];
    wire.send("POST", "/api/v1/tracks", &packed, damaged)
        .problem(400, "damaged gzip");
    let brotli = [JSON, ("content-encoding", "br")];
    wire.send("POST", "/api/v1/tracks", &brotli, b"x")
        .problem(400, "unknown encoding");
    let audio = "/api/v1/tracks/z:1/audio?extension=wav";
    wire.send("PUT", audio, &[("content-encoding", "gzip")], b"x")
        .problem(400, "packed audio");

    // What is declared too large is refused before it is sent.
    for (method, path, media) in [
        ("POST", "/api/v1/tracks", "application/json"),
        ("POST", "/api/v1/tracks", "application/x-ndjson"),
        ("POST", "/api/v1/events", "application/json"),
        ("PUT", audio, "audio/wav"),
    ] {
        let started = Instant::now();
        let head = wire.head(method, path, &[("content-type", media)], 10_000_000_000);
        wire.raw(&head).problem(413, &format!("{path} {media}"));
        assert!(started.elapsed().as_secs() < 5, "{path} {media}: at once");
    }
    let chunked = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        wire.key.as_deref().unwrap()
    );
    let mut stream = wire.open().unwrap();
    stream.write_all(chunked.as_bytes()).unwrap();
    let piece = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..12 {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    if let Ok(reply) = read_reply(&stream, false) {
        reply.problem(413, "a chunked body without end");
    }
    assert_eq!(
        wire.get("/api/v1/overview")["tracks"],
        3,
        "the server goes on"
    );
}

#[test]
fn pages_hold_every_item_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let wire = &server.wire;
    let tracks: Vec<Value> = (0..53)
        .map(|i| json!({"title": format!("Track {i}"), "artist": "A", "lyrics": "la la la"}))
        .collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let events: Vec<Value> = (0..23)
        .map(|i| json!({"kind": "search", "occurred_at": now() - i, "listener": format!("l{}", i % 11), "query": "q"}))
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
    for i in 0..7 {
        wire.post("/api/v1/playlists", &json!({"name": format!("P{i}")}));
        wire.post(
            "/api/v1/keys",
            &json!({"label": format!("k{i}"), "scopes": ["read"]}),
        );
        wire.post("/api/v1/tenants", &json!({"name": format!("tenant-{i}")}));
    }
    server.wait_idle();
    let check = |path: &str, list: &str, key: &str, count: usize| {
        for limit in [1, 3, 200] {
            let items = wire.walk(path, list, limit);
            let distinct: HashSet<String> = items.iter().map(|i| i[key].to_string()).collect();
            assert_eq!(
                (items.len(), distinct.len()),
                (count, count),
                "{path} by {limit}"
            );
        }
    };
    check("/api/v1/tracks", "tracks", "id", 53);
    check("/api/v1/tracks?q=Track%205", "tracks", "id", 8);
    check("/api/v1/jobs", "jobs", "id", 53);
    check("/api/v1/jobs?state=done", "jobs", "id", 53);
    check("/api/v1/listeners", "listeners", "id", 11);
    check("/api/v1/listeners/l0/events", "events", "offset", 3);
    check("/api/v1/playlists", "playlists", "id", 7);
    check("/api/v1/keys", "keys", "id", 8);
    check("/api/v1/tenants", "tenants", "id", 8);

    // A cursor belongs to its listing, its filter and its tenant.
    let cursor = wire.get("/api/v1/tracks?limit=5")["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = wire.post("/api/v1/tenants", &json!({"name": "stranger"}));
    let stranger = wire.with_key(other["key"]["secret"].as_str().unwrap());
    let mut forged = cursor.clone().into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for (client, path) in [
        (wire, format!("/api/v1/jobs?cursor={cursor}")),
        (wire, format!("/api/v1/tracks?q=Track&cursor={cursor}")),
        (wire, format!("/api/v1/tracks?cursor={forged}")),
        (wire, "/api/v1/tracks?cursor=%F0%9F%98%80".to_owned()),
        (wire, "/api/v1/tracks?cursor=".to_owned()),
        (&stranger, format!("/api/v1/tracks?cursor={cursor}")),
    ] {
        client
            .send("GET", &path, &[], b"")
            .points_at(400, "?cursor", &path);
    }
}

/// Whether the bytes of a text lie in any file of a folder.
fn folder_holds(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return folder_holds(&path, text);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[test]
fn repeated_requests_are_answered_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = TestServer::start(folder.path());
    let wire = server.wire.clone();
    let send = |key: &str, name: &str| {
        let headers = [JSON, ("idempotency-key", key)];
        let body = json!({ "name": name }).to_string();
        wire.send("POST", "/api/v1/playlists", &headers, body.as_bytes())
    };
    let first = send("one", "P");
    let again = send("one", "P");
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body, "the same answer, byte for byte");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("idempotency-replayed"), None);
    send("one", "Q").problem(422, "the key of another request");
    send(&"k".repeat(256), "P").problem(400, "a key too long");
    assert_ne!(send("two", "P").json()["id"], first.json()["id"]);
    let refused = send("three", "");
    refused.problem(400, "a wrong request");
    assert_eq!(send("three", "").status, 400);
    assert_eq!(wire.walk("/api/v1/playlists", "playlists", 50).len(), 2);

    // A secret is written down nowhere, so it is not answered again either.
    let issue = || {
        let headers = [JSON, ("idempotency-key", "secret")];
        let body = br#"{"label":"x","scopes":["read"]}"#;
        wire.send("POST", "/api/v1/keys", &headers, body)
    };
    let (one, other) = (issue(), issue());
    assert_eq!(one.header("cache-control"), Some("no-store"));
    let secret = one.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(other.json()["secret"], secret.as_str());
    assert!(
        !folder_holds(folder.path(), &secret),
        "the key lies on the disk"
    );

    // The answer outlives the process; so does the right to try again what nobody answered.
    server.kill();
    let server = TestServer::start(folder.path());
    let headers = [JSON, ("idempotency-key", "one")];
    let replayed = server
        .wire
        .send("POST", "/api/v1/playlists", &headers, br#"{"name":"P"}"#);
    assert_eq!(replayed.body, first.body);

    // A client that hangs up does not lock its key.
    let body = br#"{"name":"hung up"}"#;
    let headers = [JSON, ("idempotency-key", "four")];
    for _ in 0..20 {
        let mut stream = server.wire.open().unwrap();
        let mut bytes = server
            .wire
            .head("POST", "/api/v1/playlists", &headers, body.len() as u64);
        bytes.extend_from_slice(body);
        stream.write_all(&bytes).unwrap();
        drop(stream);
    }
    crate::harness::wait_until("the key is free again", || {
        let reply = server
            .wire
            .send("POST", "/api/v1/playlists", &headers, body);
        (reply.status == 201).then_some(())
    });
    let named = server.wire.walk("/api/v1/playlists", "playlists", 50);
    assert_eq!(named.iter().filter(|p| p["name"] == "hung up").count(), 1);
}

#[test]
fn headers_and_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("LEITMOTIF_REQUESTS_PER_SECOND", "5"),
        ("LEITMOTIF_REQUEST_BURST", "40"),
    ];
    let server = TestServer::with(folder.path(), &settings);
    let (wire, key) = (&server.wire, server.wire.key.clone().unwrap());
    let anonymous = wire.anonymous();
    let basic = {
        use base64::Engine;
        let text = format!("anybody:{key}");
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(text)
        )
    };
    let spelled = [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("authorization", format!("Token {key}")),
        ("authorization", basic),
        ("x-api-key", key.clone()),
        ("cookie", format!("other=1; leitmotif_key={key}")),
    ];
    for (name, value) in &spelled {
        let reply = anonymous.send("GET", "/api/v1/overview", &[(name, value)], b"");
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
    }
    for name in ["apiKey", "token"] {
        let reply = anonymous.send("GET", &format!("/api/v1/overview?{name}={key}"), &[], b"");
        assert_eq!(reply.status, 200, "?{name}");
    }
    let cookie = ("cookie", format!("leitmotif_key={key}"));
    let body = br#"{"name":"P"}"#;
    anonymous
        .send(
            "POST",
            "/api/v1/playlists",
            &[(cookie.0, &cookie.1), JSON],
            body,
        )
        .problem(401, "a cookie writes from our own pages only");
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Basic !!!",
        "Digest x",
        "Bearer lmk_",
    ] {
        let reply = anonymous.send("GET", "/api/v1/overview", &[("authorization", wrong)], b"");
        reply.problem(401, wrong);
    }

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let reply = wire.send(
        "GET",
        "/api/v1/tracks/t:1",
        &[("traceparent", &parent)],
        b"",
    );
    assert_eq!(reply.problem(404, "traced")["trace_id"], trace);
    assert!(reply.header("traceparent").unwrap().contains(trace));
    let other = wire.send(
        "GET",
        "/api/v1/overview",
        &[("traceparent", "00-0-0-0")],
        b"",
    );
    assert!(!other.header("traceparent").unwrap().contains("00-0-0-0"));
    assert!(other.header("ratelimit-policy").unwrap().contains("q=40"));
    assert!(other.header("ratelimit").unwrap().contains("r="));

    // Beyond the quota: 429 with the time to come back, for this key only.
    let limited = (0..60)
        .map(|_| wire.send("GET", "/api/v1/overview", &[], b""))
        .find(|reply| reply.status == 429)
        .expect("60 requests are more than 40");
    limited.problem(429, "beyond the quota");
    assert!(
        limited
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    assert_eq!(anonymous.send("GET", "/livez", &[], b"").status, 200);
}

#[test]
fn probes_metrics_and_description() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let open = server.wire.anonymous();
    server.wire.post("/api/v1/tracks", &json!({"title": "T"}));
    server.wire.post("/api/v1/recommendations", &json!({}));
    for path in ["/livez", "/healthz", "/readyz"] {
        assert_eq!(open.send("GET", path, &[], b"").text(), "ok", "{path}");
    }
    let verbose = open.send("GET", "/readyz?verbose", &[], b"").text();
    for check in ["serving", "views", "control-plane"] {
        assert!(verbose.contains(&format!("[+]{check} ok")), "{verbose}");
    }
    let partly = open
        .send("GET", "/readyz?verbose=1&exclude=serving", &[], b"")
        .text();
    assert!(!partly.contains("serving"), "{partly}");

    let plain = open.send("GET", "/metrics", &[], b"");
    assert!(
        plain
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    let accept = [("accept", "application/openmetrics-text; version=1.0.0")];
    let metrics = open.send("GET", "/metrics", &accept, b"");
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(metrics.text().trim_end().ends_with("# EOF"));
    assert!(!plain.text().contains("# EOF"));
    for reply in [&plain, &metrics] {
        let text = reply.text();
        assert!(text.contains("/api/v1/tracks"), "routes are labels: {text}");
        assert!(text.contains("static"), "rungs are labels: {text}");
    }
    check_with_promtool(&plain.body);

    let served: Value = open.send("GET", "/openapi.json", &[], b"").json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/leitmotif.json");
    let committed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(
        served == committed,
        "openapi/leitmotif.json is out of date: cargo run -- openapi > openapi/leitmotif.json"
    );
    let printed = crate::harness::cli(folder.path(), &["openapi"]).json();
    assert!(served == printed, "the command prints what is served");
}

fn check_with_promtool(text: &[u8]) {
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    match command.spawn() {
        Ok(mut child) => {
            child.stdin.take().unwrap().write_all(text).unwrap();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}");
        }
        Err(_) => eprintln!("SKIPPED: `promtool check metrics`, promtool is not in PATH"),
    }
}

#[test]
fn a_full_day_is_refused_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("LEITMOTIF_REQUESTS_PER_DAY", "6")];
    let server = TestServer::with(folder.path(), &settings);
    for _ in 0..5 {
        server.wire.get("/api/v1/overview");
    }
    assert!(server.stop(), "a planned end writes the count down");

    let server = TestServer::with(folder.path(), &settings);
    assert_eq!(server.usage("requests"), 5, "the sixth reads it");
    let refused = server.wire.send("GET", "/api/v1/overview", &[], b"");
    assert_eq!(
        refused.problem(429, "the seventh")["code"],
        "daily_quota_used"
    );
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds), "until the UTC day ends");
    assert_eq!(server.wire.send("GET", "/livez", &[], b"").status, 200);
}
