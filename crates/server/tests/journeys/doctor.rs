//! What `leitmotif doctor` says of folders that are well and of such that are not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{TestServer, cli, wait_until};

/// What the doctor says, and whether it ended well.
fn doctor(data: &Path) -> (Value, bool) {
    let said = cli(data, &["doctor", "--json"]);
    let found = serde_json::from_str(&said.stdout).expect(&said.stderr);
    (found, said.is_success)
}

/// The verdicts of the checks of a name, one a tenant where it is asked of each.
fn verdicts(found: &Value, name: &str) -> Vec<String> {
    let checks = found["checks"].as_array().unwrap().iter();
    let named = checks.filter(|check| check["name"] == name);
    named
        .map(|check| check["verdict"].as_str().unwrap().to_owned())
        .collect()
}

fn finding(found: &Value, name: &str) -> String {
    let mut checks = found["checks"].as_array().unwrap().iter().rev();
    let check = checks.find(|check| check["name"] == name).unwrap();
    check["finding"].as_str().unwrap().to_owned()
}

/// The file of the only tenant.
fn tenant_file(data: &Path) -> std::path::PathBuf {
    let mut tenants = fs::read_dir(data.join("tenants")).unwrap();
    tenants.next().unwrap().unwrap().path().join("tenant.db")
}

#[test]
fn journey_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (found, is_well) = doctor(&data);
    assert!(
        !is_well && verdicts(&found, "folder") == ["failed"],
        "{found}"
    );
    assert!(!data.exists(), "asking makes no folder");

    // Beside a server at work, whose checks it asks for.
    let server = TestServer::start(&data);
    let track = json!({"title": "Sung", "lyrics": "one line\nand another line"});
    server.wire.post("/api/v1/tracks", &track);
    server.wait_idle();
    let found = wait_until("the server is well", || {
        let (found, is_well) = doctor(&data);
        (is_well && found["verdict"] == "ok").then_some(found)
    });
    assert_eq!(verdicts(&found, "database"), ["ok", "ok"], "{found}");
    for name in [
        "folder", "keys", "log", "jobs", "model", "spaces", "server", "memory",
    ] {
        assert_eq!(verdicts(&found, name), ["ok"], "{name}: {found}");
    }
    assert!(finding(&found, "server").contains("is ready"), "{found}");
    assert!(finding(&found, "jobs").contains("1 done"), "{found}");
    assert!(finding(&found, "spaces").contains("words"), "{found}");
    assert!(server.stop());

    let (found, is_well) = doctor(&data);
    assert!(
        is_well && finding(&found, "server").contains("no process"),
        "{found}"
    );
    let said = cli(&data, &["doctor"]);
    assert!(
        said.is_success && said.stdout.contains("OK"),
        "{}",
        said.stdout
    );

    // A file of a newer release, and one that is damaged.
    let file = tenant_file(&data);
    let whole = fs::read(&file).unwrap();
    let mut newer = whole.clone();
    // Bytes 60 to 63 of an SQLite header are the user version.
    newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&file, &newer).unwrap();
    let (found, is_well) = doctor(&data);
    assert!(
        !is_well && finding(&found, "database").contains("newer"),
        "{found}"
    );
    let mut damaged = whole;
    for byte in damaged.iter_mut().skip(4_096) {
        *byte ^= 0x5a;
    }
    fs::write(&file, &damaged).unwrap();
    let (found, is_well) = doctor(&data);
    assert_eq!(verdicts(&found, "database"), ["ok", "failed"], "{found}");
    let said = cli(&data, &["doctor"]);
    assert!(!is_well && said.stdout.contains("→"), "{}", said.stdout);
}

/// A server that was killed at its work leaves jobs behind, and whoever asks is told what to do.
#[test]
fn journey_doctor_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = TestServer::start(&data);
    let tracks: Vec<Value> = (0..1_000)
        .map(|i| json!({"title": format!("Sung {i}"), "lyrics": "one line\nand another line"}))
        .collect();
    server
        .wire
        .post("/api/v1/tracks", &json!({ "tracks": tracks }));
    server.kill();
    let (found, is_well) = doctor(&data);
    assert!(is_well, "{found}");
    assert_eq!(verdicts(&found, "jobs"), ["attention"], "{found}");
    assert!(finding(&found, "jobs").contains("waiting"), "{found}");
    assert!(finding(&found, "server").contains("no process"), "{found}");
}
