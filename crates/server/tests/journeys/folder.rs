//! One process per folder, and clear words when something is in the way.

use std::fs;

use serde_json::json;

use crate::harness::{TestServer, binary, cli, cli_with};

#[test]
fn a_held_folder_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    let error = TestServer::spawn(binary(), folder.path(), &[])
        .err()
        .unwrap();
    assert!(error.contains(&server.wire.address), "{error}");
    assert!(
        error.contains("serving") && error.contains("process"),
        "{error}"
    );

    // Commands talk to the server that holds the folder.
    server.wire.post(
        "/api/v1/tracks",
        &json!({"title": "Over HTTP", "external_ids": {"t": "1"}}),
    );
    let overview = cli(folder.path(), &["overview", "--json"]).json();
    assert_eq!(overview["tracks"], 1);
    let made = cli(folder.path(), &["tenant", "create", "by-command", "--json"]).json();
    let key = made["key"]["secret"].as_str().unwrap();
    let own = server.wire.with_key(key).get("/api/v1/overview");
    assert_eq!(
        (&own["tenant"], &own["tracks"]),
        (&json!("by-command"), &json!(0))
    );
    let keys = cli(folder.path(), &["key", "list"]);
    assert!(keys.stdout.contains("local operator"), "{}", keys.stdout);

    // So they do by address, with the key in the environment, from any folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("http://{}/", server.wire.address);
    let settings = [("LEITMOTIF_URL", url.as_str()), ("LEITMOTIF_KEY", key)];
    let said = cli_with(elsewhere.path(), &["overview", "--json"], &settings).json();
    assert_eq!(said["tenant"], "by-command");
    let wrong = cli(
        elsewhere.path(),
        &["--url", &url, "--key", "lmk_no", "overview"],
    );
    assert!(
        !wrong.is_success && wrong.stderr.contains("401"),
        "{}",
        wrong.stderr
    );
    let nobody = cli(
        elsewhere.path(),
        &["--url", "http://127.0.0.1:1", "--key", "k", "overview"],
    );
    assert!(
        nobody
            .stderr
            .contains("cannot reach the server at http://127.0.0.1:1"),
        "{}",
        nobody.stderr
    );

    // The lock ends with the process.
    let mut server = server;
    server.kill();
    assert_eq!(
        cli(folder.path(), &["overview", "--json"]).json()["tracks"],
        1
    );
}

#[test]
fn what_is_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = cli(&data, &["serve", "--address", &address]);
    assert!(!said.is_success);
    assert!(
        said.stderr.contains(&address) && said.stderr.contains("--address"),
        "{}",
        said.stderr
    );

    let file = folder.path().join("settings.toml");
    let refused = |text: &str, expected: &str| {
        fs::write(&file, text).unwrap();
        let said = cli(&data, &["--settings", file.to_str().unwrap(), "overview"]);
        assert!(!said.is_success, "{text}: {}", said.stdout);
        assert!(said.stderr.contains(expected), "{text}: {}", said.stderr);
    };
    refused("wrokers = 2\n", "wrokers");
    refused("workers = \"many\"\n", "workers");
    refused("workers = 5000\n", "5000");
    refused("requests_per_second = 0\n", "requests_per_second");
    refused("address = \"somewhere\"\n", "address");
    refused("log = \"lou=d=er\"\n", "log");
    refused("workers = \n", "settings");
    let unknown = cli_with(&data, &["overview"], &[("LEITMOTIF_WROKERS", "2")]);
    assert!(
        !unknown.is_success && unknown.stderr.contains("wrokers"),
        "{}",
        unknown.stderr
    );
    let missing = cli(&data, &["--settings", "/does/not/exist.toml", "overview"]);
    assert!(!missing.is_success && missing.stderr.contains("/does/not/exist.toml"));
    let command = cli(&data, &["dance"]);
    assert!(!command.is_success && command.stderr.contains("dance"));

    let file = folder.path().join("a file");
    fs::write(&file, b"x").unwrap();
    let said = cli(&file, &["overview"]);
    assert!(
        !said.is_success && said.stderr.contains("a file"),
        "{}",
        said.stderr
    );
    let gone = cli(&data, &["import", "/does/not/exist"]);
    assert!(
        !gone.is_success && gone.stderr.contains("/does/not/exist"),
        "{}",
        gone.stderr
    );
}

#[test]
fn a_read_only_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(data.join("probe"), b"x").is_ok() {
        eprintln!("SKIPPED: a read-only folder; this user may write everywhere");
        return;
    }
    let said = cli(&data, &["overview"]);
    assert!(!said.is_success);
    assert!(
        said.stderr.contains(data.to_str().unwrap()),
        "{}",
        said.stderr
    );
}

/// A lost key file is no lost folder: the next start issues another.
#[test]
fn a_lost_key_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path());
    server
        .wire
        .post("/api/v1/tracks", &json!({"title": "Kept"}));
    assert!(server.stop());
    fs::remove_file(folder.path().join("local.key")).unwrap();
    let server = TestServer::start(folder.path());
    assert_eq!(server.wire.get("/api/v1/overview")["tracks"], 1);
    assert_eq!(server.wire.walk("/api/v1/tenants", "tenants", 10).len(), 1);
}
