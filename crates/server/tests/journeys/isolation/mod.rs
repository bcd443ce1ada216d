//! Every route of the description, by who asks: nobody, a weak key, a stranger. A route that is in
//! neither table fails the test, so that none is forgotten.

mod routes;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{TestServer, write_song};
use crate::plugins::line_count;
use crate::tables::now;
use crate::wire::Wire;
use routes::{COVERED, EXEMPT, Stranger};

/// In everything that belongs to the first tenant; must never reach a stranger.
const MARK: &str = "aurora";

/// One tenant's objects.
struct World {
    request: String,
    track: String,
    listener: String,
    playlist: String,
    job: String,
    model: String,
    key: String,
    tenant: String,
    audit: String,
    webhook: String,
}

fn fill(server: &TestServer, folder: &std::path::Path) -> World {
    let wire = &server.wire;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tracks: Vec<Value> = (0..12)
        .map(|i| {
            json!({"title": format!("{MARK} {i}"), "artist": MARK, "tags": [MARK, "mood:quiet"],
                "lyrics": format!("{MARK} over the hill {i}\n{MARK} standing still"),
                "external_ids": {"a": format!("{MARK}-{i}")}})
        })
        .collect();
    let written = wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let track = text(&written["tracks"][0]["id"]);
    let song = folder.join("song.wav");
    write_song(&song, 3, 4.0);
    let path = format!("/api/v1/tracks/{track}/audio?extension=wav");
    let up = wire.send("PUT", &path, &[], &std::fs::read(&song).unwrap());
    assert_eq!(up.status, 200, "{}", up.text());
    let events: Vec<Value> = (0..240)
        .map(|i| {
            json!({"kind": "listen", "occurred_at": now() - i * 60_000,
                "listener": format!("{MARK}-{}", i % 5), "track": format!("a:{MARK}-{}", i % 12),
                "outcome": "completed"})
        })
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
    let playlist = wire.post(
        "/api/v1/playlists",
        &json!({"name": MARK, "tracks": [track]}),
    );
    server.wait_idle();
    let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&job)["state"], "done");
    let model = text(&wire.get("/api/v1/models")["models"][0]["id"]);
    let heads = wire.post("/api/v1/heads/train", &json!({}))["job"].clone();
    assert_eq!(server.wait_job(&heads)["state"], "done");
    let key = wire.post("/api/v1/keys", &json!({"label": MARK, "scopes": ["read"]}));
    let tenants = wire.get("/api/v1/tenants");
    let hook = json!({"url": format!("http://{MARK}.example/"), "kinds": ["webhook.paused"]});
    let webhook = wire.post("/api/v1/webhooks", &hook);
    let plugin = wire.send("POST", "/api/v1/plugins", &[], &line_count("1", MARK, ""));
    assert_eq!(plugin.status, 201, "{}", plugin.text());
    server.wait_idle();
    let said = json!({ "statements": [statement(&track)] });
    wire.post("/api/v1/statements", &said);
    let audit = wire.post("/api/v1/audits", &json!({"document": {"source": MARK}}));
    for number in 1..=2 {
        let text = format!("description = '{MARK} {number}'");
        let pipeline = json!({"text": text, "note": MARK});
        wire.post("/api/v1/pipelines/home/versions", &pipeline);
    }
    let view = json!({"text": view_text("track"), "note": MARK});
    wire.post("/api/v1/features/mine/versions", &view);
    let metric = json!({"text": metric_text("play"), "note": MARK});
    wire.ask("PUT", "/api/v1/metrics/mine", &metric);
    let asked = json!({"seeds": [track], "placement": MARK});
    let answered = wire.post("/api/v1/recommendations", &asked);
    World {
        request: text(&answered["request_id"]),
        audit: text(&audit["id"]),
        webhook: text(&webhook["id"]),
        track,
        listener: format!("{MARK}-0"),
        playlist: text(&playlist["id"]),
        job: text(&job),
        model,
        key: text(&key["id"]),
        tenant: text(&tenants["tenants"][0]["id"]),
    }
}

fn view_text(entity: &str) -> String {
    format!(
        "name = 'mine'\nentity = '{entity}'\n[[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'"
    )
}

fn metric_text(observation: &str) -> String {
    format!(
        "name = 'mine'\ndescription = 'mine'\nobservation = '{observation}'\nbetter = 'higher'\nunit = ''\n[[numerator]]\nevent = 'listen'\ncount = 'any'"
    )
}

fn statement(track: &str) -> Value {
    json!({"track": track, "source": MARK, "author": MARK, "kind": "opinion", "status": "good",
        "content": {"mood": MARK}})
}

/// The path with an object of the first tenant in it, and a body that leads to one.
fn request(path: &str, world: &World) -> (String, Value) {
    let id = match path.split('/').nth(3) {
        Some("tracks") => &world.track,
        Some("listeners") => &world.listener,
        Some("playlists") => &world.playlist,
        Some("jobs" | "import-turns") => &world.job,
        Some("models") => &world.model,
        Some("keys") => &world.key,
        Some("audits") => &world.audit,
        Some("webhooks") => &world.webhook,
        _ => &world.tenant,
    };
    let track = &world.track;
    let body = match path {
        "/api/v1/tracks" => json!({"title": "mine"}),
        "/api/v1/events" => json!({"events": [{"kind": "listen", "occurred_at": now(),
            "listener": "x", "track": track, "outcome": "completed"}]}),
        "/api/v1/listens" => json!({"listener": "y", "listens": [{"occurred_at": now(),
            "track": {"title": format!("{MARK} 0"), "artist": MARK}}]}),
        "/api/v1/track-matches" => {
            json!({"tracks": [{"title": format!("{MARK} 0"), "artist": MARK}]})
        }
        "/api/v1/track-ids" => {
            json!({"tracks": [{"track": track, "external_ids": {"mine": "1"}}]})
        }
        "/api/v1/recommendations" => json!({"seeds": [track], "listener": world.listener}),
        "/api/v1/pipelines/preview" => json!({"text": "", "request": {"seeds": [track]}}),
        "/api/v1/pipelines/{placement}/versions" => json!({"text": "description = 'mine'"}),
        "/api/v1/pipelines/{placement}/shares" => {
            json!({"shares": [{"version": 2, "weight": 1}]})
        }
        "/api/v1/features/online" => {
            json!({"features": ["mine:plays"], "entities": {"track": [track]}})
        }
        "/api/v1/features/{view}/rows" => {
            json!({"entities": {"track": [track]}, "at": [now()]})
        }
        "/api/v1/metrics/validate" => json!({"text": metric_text("play")}),
        "/api/v1/metrics/{metric}" => json!({"text": metric_text("listener_day")}),
        "/api/v1/features/preview" => json!({"text": view_text("listener")}),
        "/api/v1/features/{view}/versions" => json!({"text": view_text("listener")}),
        "/api/v1/playlist-drafts" => {
            json!({"kind": "seeds", "seeds": [track], "listener": world.listener})
        }
        "/api/v1/playlists/{id}/tracks" => json!({"tracks": [track]}),
        "/api/v1/playlists" | "/api/v1/playlists/{id}" => json!({"name": "P", "tracks": [track]}),
        "/api/v1/imports" => json!({"path": "/"}),
        "/api/v1/import-turns" => json!({"source": "mine.csv"}),
        "/api/v1/import-turns/{id}" => {
            json!({"lease": "0", "progress_done": 0, "progress_total": 0})
        }
        "/api/v1/statements" => json!({ "statements": [statement(track)] }),
        "/api/v1/spaces/{name}/vectors" => json!({"vectors": [{"track": track, "vector": [1, 0]}]}),
        "/api/v1/duplicates/{id}/decision" => json!({"state": "confirmed"}),
        "/api/v1/audits" => json!({"document": {"source": "mine"}}),
        "/api/v1/models/{id}/ranker" => json!({"trees": ""}),
        "/api/v1/keys" => json!({"label": "mine", "scopes": ["read"]}),
        "/api/v1/webhooks" => json!({"url": "http://mine.example/"}),
        "/api/v1/tenants" => json!({"name": "another"}),
        _ => json!({}),
    };
    let path = path
        .replace("heads/{name}", "heads/mood:quiet")
        .replace("plugins/{name}", "plugins/line-count")
        .replace("{id}", id)
        .replace("{other}", id)
        .replace("{name}", "other-1")
        .replace("{table}", "tracks")
        .replace("{offset}", "1")
        .replace("{artist}", MARK)
        .replace("{placement}", "home")
        .replace("{view}", "mine")
        .replace("{metric}", "mine")
        .replace("{version}", "1")
        .replace("{request_id}", &world.request);
    let path = match path.as_str() {
        // A word of the lyrics that is not the mark, which an answer would repeat.
        "/api/v1/search" => format!("{path}?q=hill"),
        _ if path.starts_with("/api/v1/import-turns/") => format!("{path}?lease=0"),
        "/api/v1/features/mine/distribution" => format!("{path}?feature=plays"),
        _ => path,
    };
    (path, body)
}

fn described(wire: &Wire) -> BTreeSet<(String, String)> {
    let document = wire.get("/openapi.json");
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.insert((method.to_uppercase(), path.clone()));
        }
    }
    routes
}

#[test]
fn every_route_keeps_tenants_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    let covered = COVERED.iter().map(|(method, path, ..)| (*method, *path));
    let known: BTreeSet<(String, String)> = covered
        .chain(EXEMPT.iter().copied())
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    let described = described(wire);
    let forgotten: Vec<_> = described.symmetric_difference(&known).collect();
    assert!(
        forgotten.is_empty(),
        "put these into a table of this test: {forgotten:?}"
    );

    let world = fill(&server, folder.path());
    let issue = |scopes: Value| {
        let key = wire.post("/api/v1/keys", &json!({"label": "weak", "scopes": scopes}));
        wire.with_key(key["secret"].as_str().unwrap())
    };
    let (reader, writer) = (issue(json!(["read"])), issue(json!(["read", "write"])));
    let admin = issue(json!(["read", "write", "admin"]));
    let second = wire.post("/api/v1/tenants", &json!({"name": "second"}));
    let stranger = wire.with_key(second["key"]["secret"].as_str().unwrap());

    for (method, path) in EXEMPT {
        let reply = wire.anonymous().send(method, path, &[], b"");
        assert_eq!(reply.status, 200, "{method} {path}");
        assert!(
            !reply.text().contains(MARK),
            "{method} {path} tells too much"
        );
    }
    for (method, path, needed, expected) in COVERED {
        let (place, body) = request(path, &world);
        let context = format!("{method} {path}");
        wire.anonymous()
            .ask(method, &place, &body)
            .problem(401, &context);
        let too_weak: &[&Wire] = match *needed {
            "read" => &[],
            "write" => &[&reader],
            "admin" => &[&reader, &writer],
            _ => &[&reader, &writer, &admin],
        };
        for client in too_weak {
            client.ask(method, &place, &body).problem(403, &context);
        }
        let reply = stranger.ask(method, &place, &body);
        let text = reply.text();
        match expected {
            Stranger::NotFound => drop(reply.problem(404, &context)),
            Stranger::NoReference => drop(reply.problem(400, &context)),
            Stranger::Denied => drop(reply.problem(403, &context)),
            Stranger::OwnOnly => assert!(reply.status < 300, "{context}: {text}"),
        }
        if *path == "/api/v1/track-matches" {
            assert_eq!(reply.json()["tracks"], json!([null]), "{context}");
        }
        if *path == "/api/v1/track-ids" {
            assert_eq!(reply.json()["unknown"], 1, "{context}");
        }
        // A name that the caller sent may come back in the problem; nothing else may.
        let told = text.replace(&world.listener, "");
        assert!(!told.contains(MARK), "{context} tells a stranger: {text}");
        if *method == "GET" && *expected == Stranger::OwnOnly {
            for id in [
                &world.track,
                &world.playlist,
                &world.job,
                &world.model,
                &world.key,
                &world.audit,
            ] {
                assert!(
                    !text.contains(id.as_str()),
                    "{context} tells a stranger: {text}"
                );
            }
        }
    }
    // Nothing that the weak or the strange tried has happened.
    let still = wire.get("/api/v1/overview");
    assert_eq!(
        (
            &still["tracks"],
            &still["playlists"],
            &still["events"].is_u64()
        ),
        (&json!(12), &json!(1), &true)
    );
    assert_eq!(
        wire.get(&format!("/api/v1/playlists/{}", world.playlist))["name"],
        MARK
    );
    assert!(
        wire.walk("/api/v1/listeners", "listeners", 50)
            .iter()
            .all(|l| l["name"] != "x")
    );

    // The same names in another tenant are other things.
    stranger.post(
        "/api/v1/tracks",
        &json!({"title": "own", "external_ids": {"a": format!("{MARK}-0")}}),
    );
    let own = stranger.get(&format!("/api/v1/tracks/a:{MARK}-0"));
    assert_eq!(
        (&own["title"], own["id"] == json!(world.track)),
        (&json!("own"), false)
    );
    assert_eq!(
        wire.get(&format!("/api/v1/tracks/{}", world.track))["title"],
        format!("{MARK} 0")
    );

    // A revoked key opens nothing, a removed tenant's key neither.
    let key = wire.post(
        "/api/v1/keys",
        &json!({"label": "short", "scopes": ["read"]}),
    );
    let short = wire.with_key(key["secret"].as_str().unwrap());
    assert_eq!(short.send("GET", "/api/v1/overview", &[], b"").status, 200);
    let path = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    assert_eq!(wire.send("DELETE", &path, &[], b"").status, 204);
    short
        .send("GET", "/api/v1/overview", &[], b"")
        .problem(401, "revoked");
    let path = format!("/api/v1/tenants/{}", second["id"].as_str().unwrap());
    assert_eq!(
        wire.send(
            "DELETE",
            &path,
            &[("x-operator-reason", "the test is over")],
            b""
        )
        .status,
        204
    );
    stranger
        .send("GET", "/api/v1/overview", &[], b"")
        .problem(401, "removed tenant");
    let audit = wire.walk("/api/v1/audit", "entries", 50);
    assert!(
        audit
            .iter()
            .any(|entry| entry["reason"] == "the test is over")
    );
}
