//! Whoever reads what a command prints may stop reading, as `head` does.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::harness::{binary, cli};

/// What a shell says of a program that wrote to a closed pipe.
const CLOSED: Option<i32> = Some(141);

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // More than a pipe holds, so that the command is still writing when its reader goes.
    let mut child = Command::new(binary())
        .arg("openapi")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut begin = [0; 300];
    child.stdout.take().unwrap().read_exact(&mut begin).unwrap();
    let said = child.wait_with_output().unwrap();
    assert_eq!(said.status.code(), CLOSED);
    assert_eq!(String::from_utf8_lossy(&said.stderr), "");

    let table = folder.path().join("songs.csv");
    fs::write(&table, "title\nOne\n").unwrap();
    let imported = cli(&data, &["import", table.to_str().unwrap()]);
    assert!(imported.is_success, "{}", imported.stderr);
    for arguments in [
        &["overview"][..],
        &["overview", "--json"],
        &["analyzers"],
        &["doctor"],
        &["events", "tail", "--follow"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = Command::new(binary())
            .args(arguments)
            .arg("--data")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), CLOSED, "{arguments:?}: {complaint}");
        assert_eq!(complaint, "", "{arguments:?}");
    }
}
