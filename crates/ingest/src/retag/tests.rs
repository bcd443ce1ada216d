//! Real files of each format, small ones made for this purpose: see `tests/fixtures/tagged/README.md`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use lofty::file::{AudioFile, TaggedFileExt};

use super::*;
use crate::tracks::files::hash_file;
use crate::tracks::payload::hash_payload;

const FILES: [&str; 7] = [
    "chord.mp3",
    "bare.mp3",
    "chord.wav",
    "chord.flac",
    "chord.ogg",
    "front.m4a",
    "back.m4a",
];

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A copy of a fixture with an old time and its own permissions.
    fn file(&self, name: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tagged");
        let path = self.folder.path().join(name);
        fs::copy(source.join(name), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let time = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        path
    }

    fn journal_path(&self) -> PathBuf {
        self.folder.path().join("undo.jsonl")
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.journal_path()).unwrap()
    }

    fn undo(&self) -> UndoReport {
        undo(&mut self.journal(), &self.journal_path(), |_| {}).unwrap()
    }

    fn leftovers(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).unwrap().flatten();
        let temporary = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".tmp");
        entries
            .filter(|entry| temporary(&entry.file_name()))
            .count()
    }
}

fn wanted() -> TagValues {
    let measured = Measured {
        tempo_bpm: Some((120.4, 0.9)),
        key: Some((("F#".to_owned(), "minor".to_owned()), 0.9)),
        replaygain_db: Some(-6.54),
        sample_peak_dbfs: Some(-0.1),
        genre: Some("Électro".to_owned()),
    };
    values_of(&measured, &TagField::ALL, 0.5)
}

fn plan_of(path: &Path, wanted: &TagValues) -> crate::error::Result<TagPlan> {
    let (content, payload) = (hash_file(path).unwrap(), hash_payload(path).unwrap());
    let known = KnownSound {
        content_hash: &content,
        payload_hash: payload.as_deref(),
    };
    plan(path, known, wanted)
}

fn retag(world: &World, path: &Path, wanted: &TagValues) {
    apply(&plan_of(path, wanted).unwrap(), &mut world.journal()).unwrap();
}

/// What a stranger sees of a file: every tag and picture, by lofty's own reading.
fn seen(path: &Path) -> (Vec<String>, usize) {
    let file = lofty::read_from_path(path).unwrap();
    assert!(file.properties().duration().as_millis() > 0);
    let tag = file.primary_tag();
    let texts = tag.iter().flat_map(|tag| tag.items()).filter_map(|item| {
        let text = item.value().text()?;
        Some(format!("{:?}={text}", item.key()))
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    (texts, tag.map_or(0, |tag| tag.pictures().len()))
}

#[test]
fn every_format_takes_the_values_and_gives_them_back() {
    for name in FILES {
        let world = World::new();
        let path = world.file(name);
        let (bytes, before) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap());
        let sound = hash_payload(&path).unwrap();
        assert!(sound.is_some(), "{name}");
        let (texts, pictures) = seen(&path);

        let planned = plan_of(&path, &wanted()).unwrap();
        assert_eq!(planned.changes.len(), 5, "{name}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "a plan writes nothing");
        apply(&planned, &mut world.journal()).unwrap();

        assert_eq!(hash_payload(&path).unwrap(), sound, "{name}");
        let after = fs::metadata(&path).unwrap();
        assert_eq!(after.mode(), before.mode(), "{name}");
        assert_ne!(
            after.mtime(),
            before.mtime(),
            "{name}: players look by the time"
        );
        let (new_texts, new_pictures) = seen(&path);
        assert_eq!(new_pictures, pictures, "{name}");
        let is_ours = |text: &String| {
            ["Bpm", "IntegerBpm", "Key", "ReplayGain", "Genre"]
                .iter()
                .any(|ours| text.contains(ours))
        };
        let others = |texts: &[String]| {
            texts
                .iter()
                .filter(|text| !is_ours(text))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            others(&new_texts),
            others(&texts),
            "{name}: other tags stay"
        );
        let container = super::names::container_of(&path).unwrap().unwrap();
        let ours = super::names::TagBlock::read(&path, container)
            .unwrap()
            .values();
        assert_eq!(ours, wanted(), "{name}");
        // What lofty's general reading knows of them: it has no tempo of MP4.
        let known = new_texts.iter().filter(|text| is_ours(text)).count();
        assert!(known >= 4, "{name}: {new_texts:?}");
        let again = plan_of(&path, &wanted()).unwrap();
        assert_eq!(
            again.changes,
            [],
            "{name}: a second run finds nothing to do"
        );
        let journal = fs::metadata(world.journal_path()).unwrap().len();
        assert!(journal < 12_000, "{name}: {journal} bytes of journal");

        assert_eq!(world.undo().restored, 1, "{name}");
        assert!(
            fs::read(&path).unwrap() == bytes,
            "{name} is byte for byte as it was"
        );
        let back = fs::metadata(&path).unwrap();
        assert_eq!(
            (back.mtime(), back.mtime_nsec(), back.mode()),
            (before.mtime(), before.mtime_nsec(), before.mode())
        );
        assert_eq!(world.undo(), UndoReport::default(), "{name}");
        assert_eq!(world.leftovers(), 0);
    }
}

#[test]
fn several_changes_are_taken_back_in_turn() {
    for name in FILES {
        let world = World::new();
        let path = world.file(name);
        let bytes = fs::read(&path).unwrap();
        for bpm in ["61", "62", "1"] {
            retag(
                &world,
                &path,
                &TagValues::from([(TagName::Bpm, bpm.to_owned())]),
            );
        }
        let long = "a longer genre than most ".repeat(40).trim().to_owned();
        retag(&world, &path, &TagValues::from([(TagName::Genre, long)]));
        assert_eq!(world.undo().restored, 4, "{name}");
        assert!(fs::read(&path).unwrap() == bytes, "{name}");
    }
}

#[test]
fn what_stands_there_already_is_kept() {
    let world = World::new();
    let path = world.file("chord.mp3");
    let bpm = |text: &str| TagValues::from([(TagName::Bpm, text.to_owned())]);
    let planned = plan_of(&path, &bpm("100")).unwrap();
    assert_eq!(planned.changes[0].old.as_deref(), Some("99"));
    assert_eq!(plan_of(&path, &bpm("99")).unwrap().changes, []);
    retag(&world, &path, &bpm("98.7"));
    assert_eq!(
        plan_of(&path, &bpm("99")).unwrap().changes,
        [],
        "a finer tempo stays"
    );
}

#[test]
fn files_that_are_not_ours_to_write_are_left_alone() {
    let world = World::new();
    let refused = |path: &Path, reason: &str| {
        let bytes = fs::read(path).unwrap();
        let error = plan_of(path, &wanted()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(fs::read(path).unwrap(), bytes);
    };
    let path = world.file("chord.flac");
    let link = world.folder.path().join("link.flac");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    refused(&link, "it is a link");
    let second = world.folder.path().join("second.flac");
    fs::hard_link(&path, &second).unwrap();
    refused(&path, "several names");
    fs::remove_file(&second).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    refused(&path, "read-only");
    let text = world.folder.path().join("letter.mp3");
    fs::write(&text, "dear diary, this is no music").unwrap();
    refused(&text, "not written");
    fs::write(
        &text,
        [b"fLaC\x84\0\0\x10".as_slice(), &[0xFF; 100]].concat(),
    )
    .unwrap();
    refused(&text, "damaged");
    fs::write(
        &text,
        [b"ID3\x04\0\0\0\0\x10\0".as_slice(), &[0xFF; 3_000]].concat(),
    )
    .unwrap();
    assert!(plan_of(&text, &wanted()).is_err());
    let known = KnownSound {
        content_hash: "0",
        payload_hash: None,
    };
    assert!(plan(&world.folder.path().join("gone.mp3"), known, &wanted()).is_err());
}

#[test]
fn a_file_with_other_sound_than_was_analysed_is_left_alone() {
    let world = World::new();
    let path = world.file("chord.mp3");
    let known = KnownSound {
        content_hash: "0000",
        payload_hash: None,
    };
    let error = plan(&path, known, &wanted()).unwrap_err().to_string();
    assert!(error.contains("changed since it was analysed"), "{error}");
    let known = KnownSound {
        content_hash: "0000",
        payload_hash: Some("1111"),
    };
    assert!(plan(&path, known, &wanted()).is_err());
    // Tags that another program changed do not matter where the sound is known.
    let payload = hash_payload(&path).unwrap();
    let known = KnownSound {
        content_hash: "0000",
        payload_hash: payload.as_deref(),
    };
    assert!(plan(&path, known, &wanted()).is_ok());
}

#[test]
fn a_file_changed_since_is_not_undone() {
    let world = World::new();
    let (path, other) = (world.file("chord.mp3"), world.file("chord.ogg"));
    let original = fs::read(&other).unwrap();
    retag(&world, &path, &wanted());
    retag(&world, &other, &wanted());
    let edited = [fs::read(&path).unwrap(), vec![1]].concat();
    fs::write(&path, &edited).unwrap();
    let report = world.undo();
    assert_eq!((report.restored, report.left_alone), (1, 1), "{report:?}");
    assert!(report.problems[0].contains("changed since"), "{report:?}");
    assert_eq!(fs::read(&path).unwrap(), edited);
    assert!(fs::read(&other).unwrap() == original);
    // It is tried again, and succeeds once the file is what was written.
    fs::write(&path, &edited[..edited.len() - 1]).unwrap();
    assert_eq!(world.undo().restored, 1);
}

/// A process that died before the rename leaves a whole line and the old file; one that died in the
/// line leaves a part of it.
#[test]
fn a_journal_cut_anywhere_leads_back() {
    let world = World::new();
    let path = world.file("chord.ogg");
    let original = fs::read(&path).unwrap();
    retag(&world, &path, &wanted());
    let changed = fs::read(&path).unwrap();
    let journal = fs::read(world.journal_path()).unwrap();
    for cut in [0, 1, journal.len() / 2, journal.len() - 1] {
        fs::write(world.journal_path(), &journal[..cut]).unwrap();
        fs::write(&path, &original).unwrap();
        assert_eq!(world.undo(), UndoReport::default());
        assert_eq!(fs::read(&path).unwrap(), original);
        // Writing goes on over the torn line.
        retag(&world, &path, &wanted());
        assert_eq!(world.undo().restored, 1);
        assert!(fs::read(&path).unwrap() == original);
    }
    fs::write(world.journal_path(), &journal).unwrap();
    fs::write(&path, &original).unwrap();
    assert_eq!(world.undo().never_written, 1);
    fs::write(world.journal_path(), &journal).unwrap();
    fs::write(&path, &changed).unwrap();
    // What a killed process left beside the file is written over.
    let copy = super::file::Copy::beside(&path).unwrap();
    fs::write(&copy.path, b"half").unwrap();
    assert_eq!(world.undo().restored, 1);
    assert!(fs::read(&path).unwrap() == original);
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn one_process_at_a_time_writes_tags() {
    let world = World::new();
    let held = world.journal();
    let error = Journal::open(&world.journal_path()).err().unwrap();
    assert!(error.to_string().contains("another command"), "{error}");
    drop(held);
    world.journal();
}

#[test]
fn flac_comments_change_in_their_place() {
    let world = World::new();
    let path = world.file("chord.flac");
    let bytes = fs::read(&path).unwrap();
    // The same file without any block but STREAMINFO.
    let mut bare = bytes[..42].to_vec();
    bare[4] |= 0x80;
    let mut at = 4;
    loop {
        let size = u32::from_be_bytes([0, bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let is_last = bytes[at] & 0x80 != 0;
        at += 4 + size;
        if is_last {
            break;
        }
    }
    bare.extend_from_slice(&bytes[at..]);
    fs::write(&path, &bare).unwrap();
    let sound = hash_payload(&path).unwrap();
    retag(&world, &path, &wanted());
    assert_eq!(hash_payload(&path).unwrap(), sound);
    assert_eq!(seen(&path).0.len(), 5);
    assert_eq!(world.undo().restored, 1);
    assert!(fs::read(&path).unwrap() == bare);
}
