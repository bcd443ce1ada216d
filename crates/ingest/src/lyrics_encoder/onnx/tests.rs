//! An encoder against what onnxruntime and the tokenizers of Python say, and files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use leitmotif_domain::ErrorKind;
use serde::Deserialize;

use super::OnnxEncoder;
use crate::lyrics_encoder::{LyricsEncoder, vector_of};

/// Both compute in single precision, in another order.
const TOLERANCE: f32 = 1e-4;

/// What `eval/tools/make_lyrics_encoder.py` recorded.
#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    model: Vec<Option<Vec<f32>>>,
    sentence: Vec<Option<Vec<f32>>>,
}

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/encoder");
    folder.join(name)
}

/// A folder with one of the networks and the tokenizer.
fn folder_with(network: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.onnx"), network).unwrap();
    let tokenizer = folder.path().join("tokenizer.json");
    fs::copy(fixture("tokenizer.json"), tokenizer).unwrap();
    folder
}

fn network(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn opened(name: &str) -> OnnxEncoder {
    OnnxEncoder::open(folder_with(&network(name)).path()).unwrap()
}

fn refusal(folder: &Path) -> String {
    match OnnxEncoder::open(folder) {
        Ok(encoder) => format!("taken as {}", encoder.space()),
        Err(error) => error.to_string(),
    }
}

fn check(encoder: &OnnxEncoder, texts: &[String], expected: &[Option<Vec<f32>>]) {
    for (text, expected) in texts.iter().zip(expected) {
        let ours = vector_of(encoder, text).unwrap();
        let (ours, expected) = match (ours, expected) {
            (Some(ours), Some(expected)) => (ours, expected),
            (ours, expected) => {
                assert_eq!((ours, expected), (None, &None), "{text:?}");
                continue;
            }
        };
        let pairs = ours.iter().zip(expected);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        assert_eq!(ours.len(), expected.len());
        assert!(worst < TOLERANCE, "{text:?} is off by {worst}");
    }
}

#[test]
fn vectors_are_those_of_onnxruntime() {
    let expected: Expected = serde_json::from_slice(&network("expected.json")).unwrap();
    assert_eq!(expected.texts.len(), 15);
    let encoder = OnnxEncoder::open(&fixture("")).unwrap();
    assert_eq!((encoder.dimensions(), encoder.window_tokens()), (16, 32));
    check(&encoder, &expected.texts, &expected.model);
    check(
        &opened("sentence.onnx"),
        &expected.texts,
        &expected.sentence,
    );
}

#[test]
fn other_files_are_another_space_and_the_same_files_the_same_vectors() {
    let (one, again) = (opened("model.onnx"), opened("model.onnx"));
    assert!(one.space().is_of_lyrics_encoder());
    assert_eq!(one.space(), again.space());
    let text = "the river of the night\nand the stone";
    let first = vector_of(&one, text).unwrap();
    assert_eq!(first, vector_of(&again, text).unwrap());
    assert_eq!(first, vector_of(&one, text).unwrap());
    assert_ne!(one.space(), opened("sentence.onnx").space());
    let folder = folder_with(&network("model.onnx"));
    let path = folder.path().join("tokenizer.json");
    let changed = fs::read_to_string(&path).unwrap() + "\n";
    fs::write(&path, changed).unwrap();
    let other = OnnxEncoder::open(folder.path()).unwrap();
    assert_ne!(one.space(), other.space());
    // A folder as exporters write it.
    let folder = folder_with(b"");
    let nested = folder.path().join("onnx");
    fs::create_dir(&nested).unwrap();
    fs::remove_file(folder.path().join("model.onnx")).unwrap();
    fs::copy(fixture("model.onnx"), nested.join("model.onnx")).unwrap();
    let nested = OnnxEncoder::open(folder.path()).unwrap();
    assert_eq!(one.space(), nested.space());
}

#[test]
fn files_that_are_no_encoder_are_refused_with_the_reason() {
    let nowhere = OnnxEncoder::open(Path::new("/nowhere")).err().unwrap();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    let said = nowhere.to_string();
    assert!(said.contains("/nowhere/model.onnx"), "{said}");
    let whole = network("model.onnx");
    let mut half_zeroed = whole.clone();
    half_zeroed[whole.len() / 2..].fill(0);
    for (bytes, reason) in [
        (Vec::new(), "no ONNX network"),
        (b"garbage, not a network".to_vec(), "no ONNX network"),
        (whole[..whole.len() / 2].to_vec(), "no ONNX network"),
        (half_zeroed, "no ONNX network"),
        (network("broken_inputs.onnx"), "takes `pixels`"),
        (network("broken_outputs.onnx"), "tells `logits`"),
        (network("broken_wide.onnx"), "4097 numbers"),
        (network("broken_nan.onnx"), "no numbers (NaN"),
        (network("broken_operator.onnx"), "lacks: Einstein"),
    ] {
        let said = refusal(folder_with(&bytes).path());
        assert!(said.contains(reason), "{reason}: {said}");
        assert!(said.starts_with("the lyrics encoder: `"), "{said}");
    }
    let folder = folder_with(&whole);
    let path = folder.path().join("tokenizer.json");
    let sound = fs::read_to_string(&path).unwrap();
    for bad in ["", "[1, 2]", "{\"model\": {}}", &sound[..sound.len() / 2]] {
        fs::write(&path, bad).unwrap();
        let said = refusal(folder.path());
        assert!(said.contains("`tokenizer.json` is no tokenizer"), "{said}");
    }
    // A tokenizer of another network: ids that it has no weights for.
    let wider = sound.replacen("\"vocab\":{", "\"vocab\":{\"zzz\":9000,", 1);
    assert_ne!(wider, sound);
    fs::write(&path, wider).unwrap();
    let encoder = OnnxEncoder::open(folder.path());
    if let Ok(encoder) = encoder {
        let told = vector_of(&encoder, "zzz");
        assert!(told.is_err(), "{told:?}");
    }
    fs::remove_file(&path).unwrap();
    let said = refusal(folder.path());
    assert!(said.contains("tokenizer.json"), "{said}");
}

#[test]
fn every_cut_of_a_network_is_refused_or_works() {
    let whole = network("sentence.onnx");
    for at in (0..whole.len()).step_by(whole.len() / 12) {
        let said = refusal(folder_with(&whole[..at]).path());
        assert!(said.starts_with("the lyrics encoder: `"), "{at}: {said}");
    }
}

#[test]
fn long_and_odd_texts_are_bounded() {
    let encoder = opened("model.onnx");
    let line = "the river of the night and the stone of the sea\n";
    let huge = line.repeat((10 << 20) / line.len());
    assert!(vector_of(&encoder, &huge).unwrap().is_some());
    let windows = encoder.windows.cut(&huge).unwrap();
    // What is beyond the bound changes nothing.
    let longer = huge.clone() + "war war war";
    assert_eq!(encoder.windows.cut(&longer).unwrap(), windows);
    assert_eq!(windows.len(), 8_192usize.div_ceil(30));
    assert!(windows.iter().all(|window| window.ids.len() <= 32));
    for odd in [
        "a".repeat(1 << 20),
        "\u{202e}".repeat(1000) + "river",
        "ש".repeat(5000),
        "e\u{301}".repeat(5000),
        "\0\u{1}\u{2}".to_owned(),
        "[CLS] [SEP] [PAD] [MASK] night".to_owned(),
    ] {
        let told = vector_of(&encoder, &odd).unwrap();
        let length = told.map(|vector| vector.iter().map(|one| one * one).sum::<f32>());
        assert!(length.is_none_or(|length| (length - 1.0).abs() < 1e-4));
    }
}
