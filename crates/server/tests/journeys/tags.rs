//! Measurements into the owner's files and out again, through the real command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{binary, cli, wait_until, write_song};

fn bytes_of(files: &[PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn analysed(data: &Path) -> u64 {
    let usage = cli(data, &["usage", "--json"]).json();
    let rows = usage["usage"].as_array().unwrap().iter();
    let mine = rows.filter(|row| row["metric"] == "tracks_analysed");
    mine.map(|row| row["amount"].as_u64().unwrap()).sum()
}

fn build(music: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(music).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/fixtures/tagged");
    let mut files = Vec::new();
    for name in ["chord.mp3", "chord.flac", "chord.ogg", "front.m4a"] {
        fs::copy(fixtures.join(name), music.join(name)).unwrap();
        files.push(music.join(name));
    }
    for seed in 0..3 {
        let path = music.join(format!("song {seed}.wav"));
        write_song(&path, seed, 8.0);
        files.push(path);
    }
    files
}

#[test]
fn journey_tags() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    let files = build(&music);
    let before = bytes_of(&files);
    cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    let count = analysed(&data);
    assert_eq!(count, files.len() as u64);

    let nothing = cli(&data, &["tags", "write", "--undo"]);
    assert!(!nothing.is_success && nothing.stderr.contains("nothing was written"));
    let planned = cli(&data, &["tags", "write", "--json"]).json();
    assert_eq!(planned["changed"], files.len(), "{planned}");
    assert_eq!(planned["applied"], false);
    assert_eq!(bytes_of(&files), before, "a dry run writes nothing");
    let text = cli(&data, &["tags", "write", "--only", "replaygain"]);
    assert!(text.stdout.contains("track_gain – → "), "{}", text.stdout);
    assert!(!text.stdout.contains("bpm"), "{}", text.stdout);

    fs::set_permissions(&files[0], fs::Permissions::from_mode(0o444)).unwrap();
    let applied = cli(&data, &["tags", "write", "--apply", "--json"]).json();
    assert_eq!(
        (&applied["changed"], &applied["left_alone"]),
        (&Value::from(6), &Value::from(1))
    );
    assert!(
        applied["problems"][0]
            .as_str()
            .unwrap()
            .contains("read-only"),
        "{applied}"
    );
    fs::set_permissions(&files[0], fs::Permissions::from_mode(0o644)).unwrap();
    let again = cli(&data, &["tags", "write", "--apply", "--json"]).json();
    assert_eq!(
        (&again["changed"], &again["unchanged"]),
        (&Value::from(1), &Value::from(6))
    );
    let song = applied["files"].as_array().unwrap().iter();
    let names = song.flat_map(|file| file["changes"].as_array().unwrap());
    let names: Vec<&str> = names
        .map(|change| change["name"].as_str().unwrap())
        .collect();
    for name in ["bpm", "key", "track_gain", "track_peak"] {
        assert!(names.contains(&name), "{names:?}");
    }

    // The catalogue takes the new files in without listening to them again.
    let rescanned = cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    assert_eq!(rescanned["new_tracks"], 0, "{rescanned}");
    assert_eq!(analysed(&data), count, "new tags are no new sound");
    let settled = cli(&data, &["tags", "write", "--json"]).json();
    assert_eq!(settled["unchanged"], files.len(), "{settled}");

    let undone = cli(&data, &["tags", "write", "--undo", "--json"]).json();
    assert_eq!(undone["restored"], files.len(), "{undone}");
    assert!(
        bytes_of(&files) == before,
        "every file is byte for byte as it was"
    );
    cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    assert_eq!(analysed(&data), count);

    // Other sound under the old name is not tagged with what was measured of the old one.
    write_song(&files[4], 9, 8.0);
    let changed = cli(&data, &["tags", "write", "--json"]).json();
    assert_eq!(changed["left_alone"], 1, "{changed}");
}

/// Killed at any moment, every file is the old or the new one, and undo brings all back.
#[test]
fn a_killed_writer_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    let files = build(&music);
    let before = bytes_of(&files);
    cli(&data, &["import", music.to_str().unwrap(), "--json"]).json();
    let journal = data.join("tags-undo.jsonl");
    for lines in 1..4 {
        let mut writer = Command::new(binary())
            .args(["tags", "write", "--apply", "--json", "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("some files are written", || {
            let told = fs::read(&journal).unwrap_or_default();
            let is_over = writer.try_wait().unwrap().is_some();
            let count = told.iter().filter(|byte| **byte == b'\n').count();
            (is_over || count >= lines).then_some(())
        });
        let _ = writer.kill();
        writer.wait().unwrap();
        for (path, old) in files.iter().zip(&before) {
            let now = fs::read(path).unwrap();
            let tags = leitmotif_ingest::tracks::payload::hash_payload(path).unwrap();
            assert!(now == *old || tags.is_some(), "{}", path.display());
        }
    }
    let finished = cli(&data, &["tags", "write", "--apply", "--json"]).json();
    assert_eq!(finished["left_alone"], 0, "{finished}");
    cli(&data, &["tags", "write", "--undo", "--json"]).json();
    assert!(bytes_of(&files) == before);
    let entries = fs::read_dir(&music).unwrap();
    assert_eq!(entries.count(), files.len(), "nothing is left beside them");
}
