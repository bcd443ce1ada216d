//! What must hold in the sections of a snapshot.

use super::corrupt;
use crate::error::Result;
use crate::graph::NO_SLOT;
use crate::kernels::kernels;
use crate::options::Metric;
use crate::quantise::code_error;
use crate::store::{NORM_MAX, SlotState, Store};

/// How far the squared length of a stored cosine vector may be from 1.
const UNIT_TOLERANCE: f64 = 1e-3;

/// How far, as a share, a stored squared length may be from ours: another processor sums in another
/// order, which changes the last digits.
const NORM_TOLERANCE: f32 = 1e-4;

/// Checks that the vector of a slot is one that an index would have stored.
pub(super) fn check_vector(store: &Store, slot: u32) -> Result<()> {
    let vector = store.vector(slot);
    // The fast sum decides what is clearly right. A NaN or infinity anywhere makes it so, and fails.
    let norm = f64::from(kernels().dot(vector, vector));
    let is_clear = match store.metric {
        Metric::Cosine => (norm - 1.0).abs() <= UNIT_TOLERANCE / 2.0,
        Metric::Dot | Metric::L2 => norm <= f64::from(NORM_MAX) / 2.0,
    };
    if is_clear {
        return Ok(());
    }
    let norm: f64 = vector.iter().map(|&x| f64::from(x).powi(2)).sum();
    let is_valid = match store.metric {
        Metric::Cosine => (norm - 1.0).abs() <= UNIT_TOLERANCE,
        Metric::Dot | Metric::L2 => norm <= f64::from(NORM_MAX),
    };
    // Here too a NaN or infinity fails both comparisons.
    if is_valid {
        Ok(())
    } else {
        Err(corrupt(format!("vector of slot {slot} is out of range")))
    }
}

/// Checks that the code of a slot stands for its vector, and widens the bounds of the exact scan by
/// its error.
pub(super) fn check_code(store: &mut Store, slot: u32) -> Result<()> {
    let (vector, terms) = (store.vector(slot), store.terms[slot as usize]);
    let norm = kernels().dot(vector, vector);
    let expected = if store.metric == Metric::L2 {
        norm
    } else {
        0.0
    };
    let is_near = (terms.norm - expected).abs() <= expected * NORM_TOLERANCE + f32::MIN_POSITIVE;
    let error = code_error(vector, store.code(slot), terms.scale);
    match error.filter(|_| is_near) {
        Some(error) => {
            store.code_error_max = store.code_error_max.max(error);
            store.length_max = store.length_max.max(norm.sqrt());
            Ok(())
        }
        None => Err(corrupt(format!("code of slot {slot} is not its vector's"))),
    }
}

/// Checks that a section lists every live slot once, by ascending id.
///
/// Ascending ids are distinct, so are their slots, and as many distinct live slots as there are live
/// slots are all of them.
pub(super) fn check_order(store: &Store, order: &[u8]) -> Result<()> {
    let (slots, rest) = order.as_chunks::<4>();
    let mut before = None;
    for &slot in slots {
        let slot = u32::from_le_bytes(slot);
        let state = store.states.get(slot as usize);
        if !matches!(state, Some(SlotState::Pending | SlotState::Linked)) {
            return Err(corrupt(format!("slot {slot} in the order is not live")));
        }
        let id = Some(store.ids[slot as usize]);
        if id <= before {
            return Err(corrupt(format!("slot {slot} is out of order")));
        }
        before = id;
    }
    if !rest.is_empty() || slots.len() != store.live_slots().count() {
        return Err(corrupt("section `order` has a wrong length"));
    }
    Ok(())
}

pub(super) fn is_in_graph(state: SlotState) -> bool {
    matches!(state, SlotState::Linked | SlotState::Dead)
}

/// Checks a list of links up to and after its end mark, and where each link leads.
#[inline]
pub(super) fn leads_well(
    links: impl Iterator<Item = u32>,
    slot: u32,
    level: u8,
    capacity: usize,
    heights: &[u8],
) -> bool {
    let (mut count, mut is_ended) = (0, false);
    for link in links {
        if link == NO_SLOT {
            is_ended = true;
            continue;
        }
        count += 1;
        let height = heights.get(link as usize).copied().unwrap_or(0);
        if is_ended || link == slot || height <= level {
            return false;
        }
    }
    count <= capacity && (count == 0 || heights[slot as usize] > level)
}
