//! Any bytes as an audio file whose tags are read; the first byte chooses the ending of the name.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use leitmotif_ingest::tracks::tags::read_tags;
use libfuzzer_sys::fuzz_target;

const ENDINGS: [&str; 7] = ["mp3", "flac", "ogg", "m4a", "wav", "aiff", "opus"];

fuzz_target!(|bytes: &[u8]| {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
    let Some((choice, content)) = bytes.split_first() else {
        return;
    };
    let ending = ENDINGS[usize::from(*choice) % ENDINGS.len()];
    let path = folder.path().join(format!("input.{ending}"));
    fs::write(&path, content).expect("the temporary folder takes a file");
    let tags = read_tags(&path);
    assert!(!tags.details.title.is_empty());
});
