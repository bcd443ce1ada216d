//! Any bytes as a snapshot of a vector index, and a real snapshot with changed bytes and checksums
//! made right again: refused, or an index that answers, changes and writes itself.
#![no_main]

use std::sync::OnceLock;

use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash64;

const DIMENSION: usize = 4;
/// The layout of `crates/vectors/src/snapshot/header.rs`: what the header's checksum covers, and the
/// table of sections (length, checksum).
const HEADER_BYTES: usize = 256;
const CHECKSUM_AT: usize = 12;
const SECTIONS_AT: usize = 92;
const SECTION_COUNT: usize = 9;

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((0..128, edits)) => check(&edited(edits)),
        Some((_, bytes)) => check(bytes),
        None => {}
    }
});

fn check(bytes: &[u8]) {
    let Ok((mut index, generation)) = Index::load_bytes(bytes) else {
        return;
    };
    let written = index.to_bytes(generation);
    let (_, again) = Index::load_bytes(&written).expect("what an index writes can be read");
    assert_eq!(again, generation);
    let query = vec![0.5; index.dimension()];
    let options = SearchOptions {
        ef: 16,
        filter: None,
    };
    let _ = index.search(&query, 10, &options);
    let _ = index.upsert(u128::MAX, &query);
    index.remove(1);
    let _ = index.search(&query, 10, &options);
}

/// A small index with a graph, deletes included, as its snapshot.
fn snapshot() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let options = IndexOptions {
            m: 2,
            ef_construction: 8,
            exact_below: 0,
            ..IndexOptions::default()
        };
        let mut index = Index::new(DIMENSION, Metric::Cosine, options).expect("options are valid");
        for id in 0..24_u8 {
            let at = f32::from(id);
            let vector = [at.sin(), at.cos(), (at * 0.7).sin(), 0.3];
            let stored = index.upsert(u128::from(id), &vector);
            stored.expect("the vector is finite and not zero");
        }
        index.remove(3);
        index.to_bytes(7)
    })
}

/// Applies edits of three bytes, place and value, and corrects the checksums.
fn edited(edits: &[u8]) -> Vec<u8> {
    let mut bytes = snapshot().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        let at = at % bytes.len();
        bytes[at] = edit[2];
    }
    let mut start = HEADER_BYTES;
    for section in 0..SECTION_COUNT {
        let entry = SECTIONS_AT + 16 * section;
        let mut length = [0; 8];
        length.copy_from_slice(&bytes[entry..entry + 8]);
        let begin = start.next_multiple_of(64);
        let end = usize::try_from(u64::from_le_bytes(length))
            .ok()
            .and_then(|length| begin.checked_add(length))
            .filter(|end| *end <= bytes.len());
        let Some(end) = end else {
            break;
        };
        let sum = XxHash64::oneshot(0, &bytes[begin..end]);
        bytes[entry + 8..entry + 16].copy_from_slice(&sum.to_le_bytes());
        start = end;
    }
    let sum = XxHash64::oneshot(0, &bytes[CHECKSUM_AT + 8..HEADER_BYTES]);
    bytes[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&sum.to_le_bytes());
    bytes
}
