//! The mapped index against its heap twin and the one that was built; damage, forgery, old versions.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::checksum::xxh64;
use super::header::{HEADER_BYTES, SECTION_COUNT};
use super::map::CAN_MAP;
use super::*;
use crate::graph::mix;
use crate::options::{IndexOptions, Metric, Neighbour, SearchOptions};

/// Written by the code of format version 1: `version_1` below tells what it holds.
const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/version_1.snapshot");

/// A folder of the test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("leitmotif-snapshot-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("index.vectors")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One change of an index.
#[derive(Debug, Clone)]
enum Change {
    Put(u8, u64),
    Remove(u8),
    Compact,
    Build(u8),
}

fn changes(count: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        12 => (any::<u8>(), any::<u64>()).prop_map(|(id, seed)| Change::Put(id, seed)),
        4 => any::<u8>().prop_map(Change::Remove),
        1 => Just(Change::Compact),
        1 => any::<u8>().prop_map(Change::Build),
    ];
    prop::collection::vec(change, 0..count)
}

fn point(seed: u64, dimension: usize) -> Vec<f32> {
    (0..dimension as u64)
        .map(|axis| (mix(seed ^ (axis << 32)) >> 40) as f32 / (1 << 24) as f32 - 0.4)
        .collect()
}

fn apply(index: &mut Index, change: &Change) {
    let dimension = index.dimension();
    match *change {
        Change::Put(id, seed) => index
            .upsert(u128::from(id) << 77, &point(seed, dimension))
            .unwrap(),
        Change::Remove(id) => drop(index.remove(u128::from(id) << 77)),
        Change::Compact => index.compact(),
        Change::Build(first) => {
            let ids = u64::from(first)..u64::from(first) + 40;
            let vectors: Vec<Vec<f32>> = ids.clone().map(|id| point(!id, dimension)).collect();
            let items = ids.zip(&vectors);
            let items = items.map(|(id, vector)| (u128::from(id) << 77, vector.as_slice()));
            index.build_parallel(items, 1).unwrap();
        }
    }
}

/// All that an index answers.
fn answers(index: &Index) -> Vec<Vec<Neighbour>> {
    let odd = |id: u128| (id >> 77) & 1 == 1;
    let few = |id: u128| (id >> 77) % 31 == 5;
    let filters = [
        None,
        Some(&odd as &(dyn Fn(u128) -> bool + Sync)),
        Some(&few),
    ];
    let queries = (0..6).map(|seed| point(seed, index.dimension()));
    queries
        .flat_map(|query| {
            filters.map(|filter| {
                let options = SearchOptions { ef: 12, filter };
                index.search(&query, 7, &options).unwrap()
            })
        })
        .collect()
}

fn check_same(built: &Index, loaded: &Index) {
    assert!(loaded.to_bytes(9) == built.to_bytes(9));
    assert_eq!(answers(loaded), answers(built));
    assert_eq!(loaded.len(), built.len());
    for id in (0..256).map(|id| id << 77) {
        assert_eq!(loaded.get(id), built.get(id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    /// Several forged bytes at a time, mapped and on the heap.
    #[test]
    fn much_forged_snapshots_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..48), 1..6),
    ) {
        let folder = Folder::new("much-forged");
        let mut bytes = small_index(Metric::Cosine).to_bytes(0);
        for (at, value) in edits {
            // Behind the header, where a change of several bytes may fit together.
            let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
            bytes[at] = value;
        }
        sign(&mut bytes);
        if let Ok(index) = load_twice(&folder.file(), &bytes) {
            use_forged(index);
        }
    }

    /// Mapped, copied to the heap, or never saved: the same answers and bytes, before and after
    /// changes, and the file stays as it was.
    #[test]
    fn loaded_indexes_are_the_built_one(
        dimension in prop::sample::select(vec![1usize, 5, 16, 64, 65, 130]),
        metric in prop::sample::select(vec![Metric::Cosine, Metric::Dot, Metric::L2]),
        m in 2usize..20,
        exact_below in prop::sample::select(vec![0usize, 60]),
        before in changes(160),
        after in changes(60),
    ) {
        let options = IndexOptions { m, ef_construction: 24, exact_below, ..IndexOptions::default() };
        let mut built = Index::new(dimension, metric, options).unwrap();
        before.iter().for_each(|change| apply(&mut built, change));
        let folder = Folder::new("same");
        let path = folder.file();
        built.save(&path, 9).unwrap();
        let file = fs::read(&path).unwrap();
        let mut mapped = Index::load(&path).unwrap().0;
        let mut owned = Index::load_bytes(&file).unwrap().0;
        if CAN_MAP {
            let store = &mapped.store;
            prop_assert_eq!(store.vectors.pieces().1.len() + store.codes.pieces().1.len(), 0);
        }
        prop_assert_eq!(owned.store.vectors.pieces().0.len(), 0);
        check_same(&built, &mapped);
        check_same(&built, &owned);
        for change in &after {
            apply(&mut built, change);
            apply(&mut mapped, change);
            apply(&mut owned, change);
        }
        prop_assert!(fs::read(&path).unwrap() == file);
        // A newer file in the place of the mapped one.
        mapped.save(&path, 9).unwrap();
        check_same(&built, &mapped);
        check_same(&built, &owned);
        check_same(&built, &Index::load(&path).unwrap().0);
    }
}

fn small_index(metric: Metric) -> Index {
    let options = IndexOptions {
        exact_below: 0,
        m: 2,
        ef_construction: 8,
        ..IndexOptions::default()
    };
    let mut index = Index::new(3, metric, options).expect("valid options");
    for id in 0..40u8 {
        let vector = [f32::from(id), f32::from(id % 7), 1.0];
        index.upsert(u128::from(id), &vector).expect("valid vector");
    }
    index.remove(3);
    index
}

/// Loads a file and checks that the heap twin takes it or refuses it likewise.
fn load_twice(path: &Path, bytes: &[u8]) -> Result<Index> {
    // A new file each time: the last one may still be mapped.
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    let mapped = Index::load(path).map(|(index, _)| index);
    let owned = Index::load_bytes(bytes).map(|(index, _)| index);
    match (&mapped, &owned) {
        (Ok(mapped), Ok(owned)) => assert_eq!(answers(mapped), answers(owned)),
        (Err(mapped), Err(owned)) => assert_eq!(mapped.to_string(), owned.to_string()),
        _ => panic!("mapped {mapped:?}, owned {owned:?}"),
    }
    mapped
}

#[test]
fn damaged_files_are_refused() {
    let folder = Folder::new("damaged");
    let path = folder.file();
    for whole in [small_index(Metric::L2).to_bytes(1), VERSION_1.to_vec()] {
        let expected = answers(&load_twice(&path, &whole).unwrap());
        let mut padding_count = 0;
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            if let Ok(index) = load_twice(&path, &damaged) {
                // Bytes between sections belong to nothing.
                assert_eq!(answers(&index), expected, "byte {at}");
                padding_count += 1;
            }
        }
        assert!(padding_count < SECTION_COUNT * ALIGNMENT);
        for length in 0..whole.len() {
            let error = load_twice(&path, &whole[..length]).unwrap_err();
            assert!(
                matches!(error, Error::Corrupt(_)),
                "{length} bytes: {error}"
            );
        }
        let error = load_twice(&path, &[&whole[..], &[0]].concat()).unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{error}");
    }
}

/// Rewrites all checksums, as a forger would.
fn sign(bytes: &mut [u8]) {
    let mut end = HEADER_BYTES;
    for section in 0..SECTION_COUNT {
        let field = 92 + section * 16;
        let length = bytes[field..field + 8].try_into().map(u64::from_le_bytes);
        let start = end.next_multiple_of(ALIGNMENT);
        end = start.saturating_add(length.expect("eight bytes") as usize);
        if let Some(section) = bytes.get(start..end) {
            let sum = xxh64(section);
            bytes[field + 8..field + 16].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = xxh64(&bytes[20..HEADER_BYTES]);
    bytes[12..20].copy_from_slice(&sum.to_le_bytes());
}

/// Forged bytes with right checksums either fail or give an index that can be used.
#[test]
fn forged_snapshots_never_panic() {
    let folder = Folder::new("forged");
    let path = folder.file();
    let bytes = encode(&small_index(Metric::L2), 0);
    for at in 0..bytes.len() {
        for value in [0, 1, 3, 0x7f, 0xff] {
            let mut forged = bytes.clone();
            forged[at] = value;
            sign(&mut forged);
            let index = if at.is_multiple_of(16) {
                load_twice(&path, &forged)
            } else {
                decode(&forged).map(|(index, _)| index)
            };
            if let Ok(index) = index {
                use_forged(index);
            }
        }
    }
}

fn use_forged(mut index: Index) {
    let written = index.to_bytes(0);
    Index::load_bytes(&written).expect("what an index writes can be read");
    let query = vec![1.0; index.dimension()];
    let _ = index.search(&query, 5, &Default::default());
    let _ = index.upsert(99, &query);
    index.remove(5);
    index.compact();
}

/// Right checksums over codes, terms or an order that are not the vectors' own.
#[test]
fn forged_codes_terms_and_orders_are_refused() {
    let bytes = encode(&small_index(Metric::L2), 0);
    let header = header::Header::decode(&bytes, bytes.len()).unwrap();
    for (section, at, expected) in [
        (header::CODES, 1, "code of slot 0 "),
        (header::CODES, 63, "code of slot 0 "),
        (header::TERMS, 8 + 2, "code of slot 1 "),
        (header::TERMS, 8 + 7, "code of slot 1 "),
        (header::ORDER, 4, "out of order"),
        (header::ORDER, 6, "not live"),
    ] {
        let mut forged = bytes.clone();
        forged[header.sections[section].part.start + at] ^= 0x12;
        sign(&mut forged);
        let error = decode(&forged).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// The vector that was stored under an id in the file of version 1.
fn version_1_vector(id: u128) -> Vec<f32> {
    (0..5u128)
        .map(|axis| ((id * 7 + axis * axis * 11) % 23) as f32 - 11.0)
        .collect()
}

#[test]
fn version_1_is_read_and_becomes_the_present_one() {
    let folder = Folder::new("version-1");
    fs::write(folder.file(), VERSION_1).unwrap();
    assert_eq!(VERSION_1[8..12], 1u32.to_le_bytes());
    let loaded = [
        Index::load(&folder.file()).unwrap(),
        Index::load_bytes(VERSION_1).unwrap(),
    ];
    for (mut index, generation) in loaded {
        assert_eq!(
            (generation, index.len(), index.metric()),
            (77, 55, Metric::L2)
        );
        for id in 0..60 {
            let is_there = ![3, 20, 41, 5, 59].contains(&id);
            let vector = version_1_vector(id);
            assert_eq!(index.get(id), is_there.then(|| vector.clone()));
            let found = index.search(&vector, 1, &SearchOptions::default()).unwrap();
            // 23 ids later the same vector comes again.
            assert_eq!(found[0].distance, 0.0);
        }
        let bytes = index.to_bytes(77);
        assert_eq!(bytes[8..12], VERSION.to_le_bytes());
        let (mut again, _) = Index::load_bytes(&bytes).unwrap();
        for index in [&mut index, &mut again] {
            index.upsert(61, &version_1_vector(61)).unwrap();
            index.upsert(3, &version_1_vector(3)).unwrap();
            index.remove(10);
        }
        check_same(&index, &again);
    }
}

/// What a mapped index reads stays when its file is replaced or removed.
#[test]
fn replaced_files_stay_readable() {
    let folder = Folder::new("replaced");
    let path = folder.file();
    let old = small_index(Metric::L2);
    old.save(&path, 1).unwrap();
    let mapped = Index::load(&path).unwrap().0;
    small_index(Metric::Dot).save(&path, 2).unwrap();
    check_same(&old, &mapped);
    fs::remove_file(&path).unwrap();
    check_same(&old, &mapped);
    assert_eq!(
        Index::load(&path).unwrap_err().kind(),
        crate::ErrorKind::Unavailable
    );
}
