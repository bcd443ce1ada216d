//! The public face of the index.
#![allow(clippy::unwrap_used)] // helpers of tests count as outside code

use std::collections::HashMap;

use leitmotif_vectors::{
    Error, ErrorKind, Index, IndexOptions, Metric, Neighbour, SearchOptions, active_kernels,
};

/// SplitMix64; the tests need numbers that look random and never change.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// About normal: a sum of four uniform numbers.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..4)
            .map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32)
            .sum();
        (sum - 2.0) * 1.732
    }

    /// Points around 32 centres, spread in 12 directions each.
    fn clustered(&mut self, count: usize, dimension: usize) -> Vec<Vec<f32>> {
        let axes: Vec<Vec<f32>> = (0..32 * 13)
            .map(|_| (0..dimension).map(|_| self.normal()).collect())
            .collect();
        (0..count)
            .map(|_| {
                let cluster = &axes[(self.next() % 32) as usize * 13..][..13];
                let mut point = cluster[0].clone();
                for axis in &cluster[1..] {
                    let offset = 0.4 * self.normal();
                    point
                        .iter_mut()
                        .zip(axis)
                        .for_each(|(x, a)| *x += offset * a);
                }
                point
            })
            .collect()
    }
}

fn options(exact_below: usize) -> IndexOptions {
    IndexOptions {
        exact_below,
        ef_construction: 64,
        ..IndexOptions::default()
    }
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)));
    let dot: f64 = pairs().map(|(x, y)| x * y).sum();
    match metric {
        Metric::Dot => -dot,
        Metric::L2 => pairs().map(|(x, y)| (x - y) * (x - y)).sum(),
        Metric::Cosine => {
            let norms = pairs().fold((0.0, 0.0), |(m, n), (x, y)| (m + x * x, n + y * y));
            1.0 - dot / (norms.0 * norms.1).sqrt()
        }
    }
}

/// Ids of the true neighbours among the stored vectors.
fn truth(
    metric: Metric,
    stored: &HashMap<u128, Vec<f32>>,
    query: &[f32],
    k: usize,
    passes: impl Fn(u128) -> bool,
) -> Vec<u128> {
    let mut all: Vec<(f64, u128)> = (stored.iter())
        .filter(|(id, _)| passes(**id))
        .map(|(&id, vector)| (distance(metric, query, vector), id))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(k).map(|(_, id)| id).collect()
}

fn recall(
    index: &Index,
    stored: &HashMap<u128, Vec<f32>>,
    queries: &[Vec<f32>],
    ef: usize,
    filter: Option<&(dyn Fn(u128) -> bool + Sync)>,
) -> f64 {
    let (mut hits, mut wanted) = (0, 0);
    for query in queries {
        let passes = |id| filter.is_none_or(|filter| filter(id));
        let expected = truth(index.metric(), stored, query, 10, passes);
        let found = index
            .search(query, 10, &SearchOptions { ef, filter })
            .unwrap();
        assert_eq!(found.len(), expected.len());
        assert!(found.is_sorted_by(|a, b| (a.distance, a.id) < (b.distance, b.id)));
        assert!(
            found
                .iter()
                .all(|n| passes(n.id) && stored.contains_key(&n.id))
        );
        wanted += expected.len();
        hits += found.iter().filter(|n| expected.contains(&n.id)).count();
    }
    hits as f64 / wanted as f64
}

fn built(
    metric: Metric,
    count: usize,
    dimension: usize,
    threads: usize,
) -> (Index, HashMap<u128, Vec<f32>>, Vec<Vec<f32>>) {
    let mut points = Random(5).clustered(count + 100, dimension);
    let queries = points.split_off(count);
    let stored: HashMap<u128, Vec<f32>> = (0u128..).zip(points.iter().cloned()).collect();
    let mut index = Index::new(dimension, metric, options(0)).unwrap();
    let items = (0u128..).zip(points.iter().map(Vec::as_slice));
    index.build_parallel(items, threads).unwrap();
    (index, stored, queries)
}

#[test]
fn hand_worked_distances() {
    let check = |metric, expected: [(u128, f32); 3]| {
        for exact_below in [0, 100] {
            let mut index = Index::new(2, metric, options(exact_below)).unwrap();
            index.upsert(3, &[0.0, 2.0]).unwrap();
            index.upsert(2, &[3.0, 0.0]).unwrap();
            index.upsert(1, &[1.0, 0.0]).unwrap();
            let found = index
                .search(&[2.0, 0.0], 5, &SearchOptions::default())
                .unwrap();
            let expected = expected.map(|(id, distance)| Neighbour { id, distance });
            assert_eq!(found, expected, "{metric:?}, exact below {exact_below}");
        }
    };
    check(Metric::Cosine, [(1, 0.0), (2, 0.0), (3, 1.0)]);
    check(Metric::Dot, [(2, -6.0), (1, -2.0), (3, 0.0)]);
    check(Metric::L2, [(1, 1.0), (2, 1.0), (3, 8.0)]);
}

#[test]
fn invalid_input_is_named() {
    let mut cosine = Index::new(2, Metric::Cosine, options(0)).unwrap();
    let mut l2 = Index::new(2, Metric::L2, options(0)).unwrap();
    assert!(matches!(
        cosine.upsert(1, &[0.0, 0.0]),
        Err(Error::ZeroVector)
    ));
    assert!(matches!(
        cosine.upsert(1, &[1.0]),
        Err(Error::WrongDimension {
            expected: 2,
            found: 1
        })
    ));
    for bad in [f32::NAN, f32::INFINITY] {
        let result = l2.upsert(1, &[0.0, bad]);
        assert!(matches!(result, Err(Error::NotFinite { position: 1 })));
    }
    assert!(matches!(
        l2.upsert(1, &[3e38, 3e38]),
        Err(Error::TooLong { .. })
    ));
    let query = cosine.search(&[f32::NAN, 0.0], 1, &SearchOptions::default());
    assert_eq!(query.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(cosine.is_empty() && l2.is_empty());
    for (dimension, m, ef_construction) in [(0, 16, 64), (9000, 16, 64), (4, 1, 64), (4, 16, 8)] {
        let options = IndexOptions {
            m,
            ef_construction,
            ..options(0)
        };
        assert!(Index::new(dimension, Metric::L2, options).is_err());
    }
}

#[test]
fn empty_and_small_indexes_answer() {
    for exact_below in [0, 100] {
        let mut index = Index::new(3, Metric::L2, options(exact_below)).unwrap();
        let search = |index: &Index, k| {
            index
                .search(&[0.0; 3], k, &SearchOptions::default())
                .unwrap()
        };
        assert_eq!(search(&index, 3), []);
        index.upsert(9, &[1.0, 0.0, 0.0]).unwrap();
        assert_eq!(search(&index, 0), []);
        assert_eq!(search(&index, usize::MAX).len(), 1);
        index.upsert(9, &[2.0, 0.0, 0.0]).unwrap();
        assert_eq!(index.get(9), Some(vec![2.0, 0.0, 0.0]));
        assert_eq!(
            search(&index, 1),
            [Neighbour {
                id: 9,
                distance: 4.0
            }]
        );
        assert!(index.remove(9) && !index.remove(9));
        assert_eq!(search(&index, 1), []);
        assert_eq!((index.len(), index.get(9)), (0, None));
    }
}

#[test]
fn scan_is_exact() {
    for metric in [Metric::Cosine, Metric::Dot, Metric::L2] {
        let mut random = Random(3);
        let stored: HashMap<u128, Vec<f32>> = (0u128..).zip(random.clustered(1_000, 33)).collect();
        let mut index = Index::new(33, metric, options(2_000)).unwrap();
        stored
            .iter()
            .for_each(|(&id, vector)| index.upsert(id, vector).unwrap());
        let queries = random.clustered(50, 33);
        assert_eq!(
            recall(&index, &stored, &queries, 10, None),
            1.0,
            "{metric:?}"
        );
    }
}

#[test]
fn graph_recall_by_metric() {
    for (metric, least) in [
        (Metric::Cosine, 0.97),
        (Metric::L2, 0.97),
        (Metric::Dot, 0.9),
    ] {
        let (index, stored, queries) = built(metric, 4_000, 48, 2);
        let found = recall(&index, &stored, &queries, 64, None);
        assert!(
            found >= least,
            "{metric:?} with {}: {found}",
            active_kernels()
        );
    }
}

#[test]
fn one_by_one_insertion_has_the_recall_of_a_bulk_build() {
    let (bulk, stored, queries) = built(Metric::Cosine, 3_000, 32, 2);
    let mut single = Index::new(32, Metric::Cosine, options(500)).unwrap();
    for id in 0..3_000 {
        single.upsert(id, &stored[&id]).unwrap();
    }
    let found = [&bulk, &single].map(|index| recall(index, &stored, &queries, 48, None));
    assert!(
        found[0] >= 0.97 && (found[0] - found[1]).abs() < 0.02,
        "{found:?}"
    );
}

#[test]
fn filters_keep_recall() {
    let (index, stored, queries) = built(Metric::Cosine, 6_000, 32, 2);
    let one_percent = |id: u128| id.is_multiple_of(100);
    let ten_percent = |id: u128| id.is_multiple_of(10);
    let half = |id: u128| id.is_multiple_of(2);
    let few = |id: u128| id < 3;
    let none = |_: u128| false;
    for filter in [
        &one_percent as &(dyn Fn(u128) -> bool + Sync),
        &ten_percent,
        &half,
    ] {
        let found = recall(&index, &stored, &queries, 64, Some(filter));
        assert!(found >= 0.97, "{found}");
    }
    assert_eq!(recall(&index, &stored, &queries, 64, Some(&few)), 1.0);
    let filter = Some(&none as &(dyn Fn(u128) -> bool + Sync));
    let found = index.search(&queries[0], 5, &SearchOptions { ef: 64, filter });
    assert_eq!(found.unwrap(), []);
}

#[test]
fn deletes_and_updates_keep_recall() {
    let (mut index, mut stored, queries) = built(Metric::L2, 4_000, 32, 2);
    let replacements = Random(77).clustered(1_000, 32);
    for (round, vector) in replacements.into_iter().enumerate() {
        let id = round as u128;
        index.upsert(id, &vector).unwrap();
        stored.insert(id, vector);
    }
    for id in 2_000..3_500 {
        assert!(index.remove(id));
        stored.remove(&id);
    }
    assert_eq!(index.len(), stored.len());
    let before = recall(&index, &stored, &queries, 64, None);
    index.compact();
    let after = recall(&index, &stored, &queries, 64, None);
    assert!(before >= 0.96 && after >= 0.96, "{before} {after}");
    let mut ids: Vec<u128> = index.ids().collect();
    ids.sort_unstable();
    let mut expected: Vec<u128> = stored.keys().copied().collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[test]
fn removing_all_and_filling_again_works() {
    let (mut index, stored, queries) = built(Metric::Cosine, 500, 16, 1);
    (0..500).for_each(|id| assert!(index.remove(id)));
    assert_eq!(
        index
            .search(&queries[0], 3, &SearchOptions::default())
            .unwrap(),
        []
    );
    index.compact();
    for (id, vector) in &stored {
        index.upsert(*id, vector).unwrap();
    }
    assert!(recall(&index, &stored, &queries, 64, None) >= 0.98);
}

#[test]
fn equal_vectors_do_not_hide_the_others() {
    let mut points = Random(11).clustered(1_000, 16);
    let silent = vec![1.0; 16];
    points.splice(0..0, std::iter::repeat_n(silent.clone(), 600));
    let stored: HashMap<u128, Vec<f32>> = (0u128..).zip(points).collect();
    let mut index = Index::new(16, Metric::Cosine, options(0)).unwrap();
    for id in 0..stored.len() as u128 {
        index.upsert(id, &stored[&id]).unwrap();
    }
    let queries: Vec<Vec<f32>> = (600..700).map(|id| stored[&id].clone()).collect();
    assert!(recall(&index, &stored, &queries, 64, None) >= 0.97);
    let found = index
        .search(&silent, 10, &SearchOptions::default())
        .unwrap();
    assert!(found.iter().all(|n| n.distance < 1e-6));
}

#[test]
fn builds_are_the_same_bytes_on_any_number_of_threads() {
    let bytes = [1, 1, 3].map(|threads| built(Metric::Cosine, 1_500, 24, threads).0.to_bytes(4));
    assert!(bytes[0] == bytes[1] && bytes[0] == bytes[2]);
}

/// A folder of the test's own, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("leitmotif-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn snapshots_come_back() {
    let folder = Folder::new("snapshots");
    let path = folder.0.join("index.snapshot");
    for metric in [Metric::Cosine, Metric::Dot, Metric::L2] {
        let (mut index, _, queries) = built(metric, 1_200, 20, 2);
        (0..100).for_each(|id| assert!(index.remove(id * 3)));
        index.save(&path, 42).unwrap();
        let (mut loaded, generation) = Index::load(&path).unwrap();
        assert_eq!(
            (generation, loaded.metric(), loaded.len()),
            (42, metric, index.len())
        );
        for query in &queries {
            let search =
                |index: &Index| index.search(query, 10, &SearchOptions::default()).unwrap();
            assert_eq!(search(&index), search(&loaded));
        }
        assert!(loaded.to_bytes(42) == index.to_bytes(42));
        loaded.upsert(7_000, &queries[0]).unwrap();
        assert!(loaded.contains(7_000));
    }
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
    let missing = Index::load(&folder.0.join("missing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Unavailable);
}

#[test]
fn small_and_empty_indexes_are_saved() {
    for count in [0, 1, 5] {
        let mut index = Index::new(3, Metric::L2, IndexOptions::default()).unwrap();
        (0..count).for_each(|id| index.upsert(id, &[id as f32, 0.0, 1.0]).unwrap());
        let (loaded, _) = Index::load_bytes(&index.to_bytes(0)).unwrap();
        assert_eq!(loaded.len(), count as usize);
        assert!(loaded.to_bytes(0) == index.to_bytes(0));
    }
}

#[test]
fn damaged_snapshots_are_refused() {
    let (index, _, _) = built(Metric::Cosine, 60, 5, 1);
    let bytes = index.to_bytes(1);
    assert!(Index::load_bytes(&bytes).is_ok());
    let padding = padding_of(&bytes);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let result = Index::load_bytes(&damaged);
        // Bytes between sections belong to nothing.
        assert!(padding.contains(&at) || result.is_err(), "byte {at}");
    }
    for length in 0..bytes.len() {
        let error = Index::load_bytes(&bytes[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(Index::load_bytes(&longer).is_err());
}

/// Positions between sections, from the lengths in the header.
fn padding_of(bytes: &[u8]) -> Vec<usize> {
    let mut padding = Vec::new();
    let mut end = 256usize;
    for section in 0..9 {
        let field = 20 + 72 + section * 16;
        let length = u64::from_le_bytes(bytes[field..field + 8].try_into().unwrap());
        padding.extend(end..end.next_multiple_of(64));
        end = end.next_multiple_of(64) + length as usize;
    }
    padding
}
