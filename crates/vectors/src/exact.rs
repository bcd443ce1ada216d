//! Exact search by scanning, with codes to leave out what cannot be near.

use crate::options::Metric;
use crate::scratch::{Candidate, Scratch};
use crate::store::Store;

/// Codes measured in one kernel call.
const CHUNK: usize = 256;

/// Finds the `k` nearest of the given slots, exactly, ascending.
///
/// A first pass measures codes. By the Cauchy–Schwarz inequality a coded product is wrong by at most
/// `|q|·e_v + e_q·(|v| + e_v)` with the lengths `e` of the two coding errors, so only slots within
/// twice that of the `k`-th coded distance can be in the result; a second pass measures those in full
/// precision.
///
/// - Cost: O(slots × dimension) byte products, then a few times `k` full distances; 4 bytes a slot.
pub(crate) fn scan(
    store: &Store,
    query: &[f32],
    slots: &[u32],
    k: usize,
    scratch: &mut Scratch,
) -> Vec<Candidate> {
    let query_error = store.encode_query(query, &mut scratch.query);
    let margin = coding_margin(store, query, query_error);
    let mut coded: Vec<f32> = Vec::with_capacity(slots.len());
    scratch.pool.reset(k);
    for chunk in slots.chunks(CHUNK) {
        store.coded_distances(
            &scratch.query,
            chunk,
            &mut scratch.products,
            &mut scratch.distances,
        );
        for (&slot, &distance) in chunk.iter().zip(&scratch.distances) {
            scratch.pool.insert(Candidate { distance, slot });
        }
        coded.extend_from_slice(&scratch.distances);
    }
    let threshold = scratch.pool.bound() + 2.0 * margin;
    let mut found: Vec<Candidate> = (slots.iter().zip(&coded))
        // A bound that overflowed keeps everything.
        .filter(|&(_, &distance)| distance <= threshold || !threshold.is_finite())
        .map(|(&slot, _)| Candidate {
            distance: store.distance(query, slot),
            slot,
        })
        .collect();
    keep_nearest(store, &mut found, k);
    found
}

/// Sorts by distance, then id, and keeps the first `k`.
pub(crate) fn keep_nearest(store: &Store, found: &mut Vec<Candidate>, k: usize) {
    let order = |a: &Candidate, b: &Candidate| {
        let ids = (store.ids[a.slot as usize], store.ids[b.slot as usize]);
        a.distance.total_cmp(&b.distance).then(ids.0.cmp(&ids.1))
    };
    if k > 0 && found.len() > 2 * k {
        found.select_nth_unstable_by(k - 1, order);
        found.truncate(k);
    }
    found.sort_unstable_by(order);
    found.truncate(k);
}

/// Bounds how far a coded distance is from the true one.
fn coding_margin(store: &Store, query: &[f32], query_error: f32) -> f32 {
    let query_length = query.iter().map(|x| x * x).sum::<f32>().sqrt();
    let error = query_length * store.code_error_max
        + query_error * (store.length_max + store.code_error_max);
    let factor = if store.metric == Metric::L2 { 2.0 } else { 1.0 };
    // Rounding of the f32 arithmetic itself, far below the coding error but not nothing.
    let rounding = 1e-5 * (query_length + store.length_max).powi(2);
    factor * error + rounding
}
