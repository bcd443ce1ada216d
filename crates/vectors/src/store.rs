//! Vectors, codes and ids by slot.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::{Error, Result};
use crate::kernels::kernels;
use crate::lookup::IdLookup;
use crate::options::Metric;
use crate::quantise::{CodeLine, QueryCode, Terms, code_lines, encode};
use crate::rows::Rows;

/// The largest accepted squared length: leaves room for `|a − b|² ≤ 4·max(|a|², |b|²)` in `f32`.
pub(crate) const NORM_MAX: f32 = f32::MAX / 16.0;

/// Slots are `u32` with the top bit kept for marks.
pub(crate) const SLOTS_MAX: usize = (u32::MAX >> 1) as usize;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SlotState {
    /// Nothing; may be reused.
    Free = 0,
    /// A live vector that the graph does not know yet.
    Pending = 1,
    /// A live vector in the graph.
    Linked = 2,
    /// A removed vector that the graph still walks through.
    Dead = 3,
}

/// All vectors of an index, by slot.
pub(crate) struct Store {
    pub dimension: usize,
    pub metric: Metric,
    pub code_lines: usize,
    pub states: Vec<SlotState>,
    pub ids: Rows<u128>,
    pub vectors: Rows<f32>,
    pub codes: Rows<CodeLine>,
    pub terms: Rows<Terms>,
    slot_of: IdLookup,
    /// Free slots, the lowest first: the choice must not depend on whether the index was saved and
    /// loaded since they fell free.
    free: BinaryHeap<Reverse<u32>>,
    pub pending_count: usize,
    pub dead_count: usize,
    /// Largest error of any code and largest length of any vector since the last reset: with them
    /// the exact scan bounds how wrong a coded distance can be.
    pub code_error_max: f32,
    pub length_max: f32,
}

impl Store {
    pub(crate) fn new(dimension: usize, metric: Metric) -> Self {
        Self {
            dimension,
            metric,
            code_lines: code_lines(dimension),
            states: Vec::new(),
            ids: Rows::default(),
            vectors: Rows::default(),
            codes: Rows::default(),
            terms: Rows::default(),
            slot_of: IdLookup::default(),
            free: BinaryHeap::new(),
            pending_count: 0,
            dead_count: 0,
            code_error_max: 0.0,
            length_max: 0.0,
        }
    }

    pub(crate) fn live_count(&self) -> usize {
        self.slot_of.len()
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn slot(&self, id: u128) -> Option<u32> {
        self.slot_of.get(id)
    }

    pub(crate) fn live_ids(&self) -> impl Iterator<Item = u128> + '_ {
        self.live_slots().map(|slot| self.ids[slot as usize])
    }

    pub(crate) fn live_slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.slot_count() as u32).filter(|&slot| self.is_live(slot))
    }

    #[inline(always)]
    pub(crate) fn is_live(&self, slot: u32) -> bool {
        matches!(
            self.states[slot as usize],
            SlotState::Pending | SlotState::Linked
        )
    }

    pub(crate) fn vector(&self, slot: u32) -> &[f32] {
        self.vectors
            .row(slot as usize * self.dimension, self.dimension)
    }

    pub(crate) fn code(&self, slot: u32) -> &[CodeLine] {
        self.codes
            .row(slot as usize * self.code_lines, self.code_lines)
    }

    /// Checks a vector of outside and brings it into the stored form.
    pub(crate) fn prepare(&self, vector: &[f32]) -> Result<Vec<f32>> {
        if vector.len() != self.dimension {
            return Err(Error::WrongDimension {
                expected: self.dimension,
                found: vector.len(),
            });
        }
        if let Some(position) = vector.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { position });
        }
        let norm: f64 = vector.iter().map(|&x| f64::from(x).powi(2)).sum();
        if self.metric != Metric::Cosine {
            if norm > f64::from(NORM_MAX) {
                return Err(Error::TooLong { limit: NORM_MAX });
            }
            return Ok(vector.to_vec());
        }
        if norm == 0.0 {
            return Err(Error::ZeroVector);
        }
        let inverse = 1.0 / norm.sqrt();
        Ok(vector
            .iter()
            .map(|&x| (f64::from(x) * inverse) as f32)
            .collect())
    }

    /// Puts a prepared vector into a slot of its own; the id must not be present.
    pub(crate) fn insert(&mut self, id: u128, vector: &[f32]) -> Result<u32> {
        debug_assert!(self.slot(id).is_none());
        let slot = match self.free.pop() {
            Some(Reverse(slot)) => slot,
            None if self.slot_count() >= SLOTS_MAX => {
                return Err(Error::Full { limit: SLOTS_MAX });
            }
            None => self.push_slot(),
        };
        self.ids[slot as usize] = id;
        self.slot_of.insert(id, slot);
        self.states[slot as usize] = SlotState::Pending;
        self.pending_count += 1;
        self.overwrite(slot, vector);
        Ok(slot)
    }

    fn push_slot(&mut self) -> u32 {
        let slot = self.slot_count() as u32;
        self.states.push(SlotState::Free);
        let count = self.slot_count();
        self.ids.grow(count, 0);
        self.terms.grow(count, Terms::default());
        self.vectors.grow(count * self.dimension, 0.0);
        self.codes.grow(count * self.code_lines, CodeLine::ZERO);
        slot
    }

    /// Replaces the vector of a slot that the graph does not know.
    pub(crate) fn overwrite(&mut self, slot: u32, vector: &[f32]) {
        debug_assert_eq!(self.states[slot as usize], SlotState::Pending);
        let start = slot as usize * self.dimension;
        self.vectors
            .row_mut(start, self.dimension)
            .copy_from_slice(vector);
        self.encode_slot(slot);
    }

    /// Derives codes and terms from the vector of a slot.
    pub(crate) fn encode_slot(&mut self, slot: u32) {
        let slot = slot as usize;
        let vector = self.vectors.row(slot * self.dimension, self.dimension);
        let lines = self.codes.row_mut(slot * self.code_lines, self.code_lines);
        let (scale, error) = encode(vector, lines);
        let norm = kernels().dot(vector, vector);
        self.terms[slot] = Terms {
            scale,
            norm: if self.metric == Metric::L2 { norm } else { 0.0 },
        };
        self.code_error_max = self.code_error_max.max(error);
        self.length_max = self.length_max.max(norm.sqrt());
    }

    /// Takes an id out; its slot is free at once unless the graph knows it.
    pub(crate) fn remove(&mut self, id: u128) -> bool {
        let Some(slot) = self.slot_of.remove(id) else {
            return false;
        };
        if self.states[slot as usize] == SlotState::Linked {
            self.states[slot as usize] = SlotState::Dead;
            self.dead_count += 1;
        } else {
            self.pending_count -= 1;
            self.states[slot as usize] = SlotState::Free;
            self.free.push(Reverse(slot));
        }
        true
    }

    /// Records that the graph now knows a slot.
    pub(crate) fn mark_linked(&mut self, slot: u32) {
        debug_assert_eq!(self.states[slot as usize], SlotState::Pending);
        self.states[slot as usize] = SlotState::Linked;
        self.pending_count -= 1;
    }

    /// Records that the graph has lost a live slot, which must be linked again.
    pub(crate) fn mark_pending(&mut self, slot: u32) {
        debug_assert_eq!(self.states[slot as usize], SlotState::Linked);
        self.states[slot as usize] = SlotState::Pending;
        self.pending_count += 1;
    }

    /// Records that no link leads to a dead slot any more.
    pub(crate) fn release(&mut self, slot: u32) {
        debug_assert_eq!(self.states[slot as usize], SlotState::Dead);
        self.states[slot as usize] = SlotState::Free;
        self.dead_count -= 1;
        self.free.push(Reverse(slot));
    }

    /// Takes over the lookup of a store whose slots were filled from a snapshot, or builds it from
    /// the ids of live slots.
    ///
    /// - Errors: the id that two live slots share.
    pub(crate) fn restore_lookups(
        &mut self,
        saved: Option<IdLookup>,
    ) -> std::result::Result<(), u128> {
        let must_build = saved.is_none();
        self.slot_of = saved.unwrap_or_default();
        if must_build {
            self.slot_of.reserve(self.slot_count());
        }
        for slot in 0..self.slot_count() as u32 {
            match self.states[slot as usize] {
                SlotState::Free => self.free.push(Reverse(slot)),
                SlotState::Dead => self.dead_count += 1,
                state => {
                    self.pending_count += usize::from(state == SlotState::Pending);
                    if must_build {
                        let id = self.ids[slot as usize];
                        if self.slot_of.get(id).is_some() {
                            return Err(id);
                        }
                        self.slot_of.insert(id, slot);
                    }
                }
            }
        }
        Ok(())
    }

    /// Encodes a prepared query; returns the length of the code's error.
    pub(crate) fn encode_query(&self, vector: &[f32], query: &mut QueryCode) -> f32 {
        let mut lines = vec![CodeLine::ZERO; self.code_lines];
        let (scale, error) = encode(vector, &mut lines);
        let norm = kernels().dot(vector, vector);
        self.set_query(query, &lines, scale, norm);
        error
    }

    /// Makes the query that a stored vector would be.
    pub(crate) fn slot_query(&self, slot: u32, query: &mut QueryCode) {
        let terms = self.terms[slot as usize];
        self.set_query(query, self.code(slot), terms.scale, terms.norm);
    }

    fn set_query(&self, query: &mut QueryCode, lines: &[CodeLine], scale: f32, norm: f32) {
        query.set_codes(lines);
        (query.offset, query.factor) = match self.metric {
            Metric::Cosine => (1.0, scale),
            Metric::Dot => (0.0, scale),
            Metric::L2 => (norm, 2.0 * scale),
        };
    }

    /// Measures coded distances of slots; `products` is room for the kernel.
    #[inline]
    pub(crate) fn coded_distances(
        &self,
        query: &QueryCode,
        slots: &[u32],
        products: &mut Vec<i32>,
        distances: &mut Vec<f32>,
    ) {
        products.resize(slots.len(), 0);
        self.code_products(&query.lines, slots, products);
        distances.clear();
        distances.extend(
            (slots.iter().zip(products.iter()))
                .map(|(&slot, &products)| query.distance(self.terms[slot as usize], products)),
        );
    }

    /// Multiplies codes in the piece where they lie; kernels know one array.
    #[inline]
    fn code_products(&self, query: &[CodeLine], slots: &[u32], products: &mut [i32]) {
        let (saved, added) = self.codes.pieces();
        let is_saved = |slot: u32| (slot as usize * self.code_lines) < saved.len();
        if saved.is_empty() {
            kernels().code_products(query, added, slots, products);
        } else if added.is_empty() || slots.iter().all(|&slot| is_saved(slot)) {
            kernels().code_products(query, saved, slots, products);
        } else {
            self.code_products_mixed(query, slots, products);
        }
    }

    fn code_products_mixed(&self, query: &[CodeLine], slots: &[u32], mut products: &mut [i32]) {
        let (saved, added) = self.codes.pieces();
        let saved_slots = (saved.len() / self.code_lines) as u32;
        let is_saved = |slot: u32| slot < saved_slots;
        for run in slots.chunk_by(|&a, &b| is_saved(a) == is_saved(b)) {
            let (of_run, rest) = std::mem::take(&mut products).split_at_mut(run.len());
            products = rest;
            if is_saved(run[0]) {
                kernels().code_products(query, saved, run, of_run);
                continue;
            }
            let mut within = [0; 64];
            for (run, products) in run.chunks(64).zip(of_run.chunks_mut(64)) {
                let within = &mut within[..run.len()];
                (within.iter_mut().zip(run)).for_each(|(to, &slot)| *to = slot - saved_slots);
                kernels().code_products(query, added, within, products);
            }
        }
    }

    /// Asks for the code and terms of a slot ahead of [`Store::coded_distances`].
    #[inline(always)]
    pub(crate) fn prefetch_code(&self, slot: u32) {
        self.terms.prefetch(slot as usize);
        let first = slot as usize * self.code_lines;
        // Beyond a few lines the processor's own prefetcher has caught on.
        for line in first..first + self.code_lines.min(4) {
            self.codes.prefetch(line);
        }
    }

    /// Asks for the first lines of a vector ahead of [`Store::distance`].
    #[inline(always)]
    pub(crate) fn prefetch_vector(&self, slot: u32) {
        let start = slot as usize * self.dimension;
        for line in 0..self.dimension.div_ceil(16).min(8) {
            self.vectors.prefetch(start + line * 16);
        }
    }

    /// Measures the distance of a prepared query to a slot in full precision.
    pub(crate) fn distance(&self, query: &[f32], slot: u32) -> f32 {
        let vector = self.vector(slot);
        match self.metric {
            Metric::Cosine => (1.0 - kernels().dot(query, vector)).clamp(0.0, 2.0),
            Metric::Dot => -kernels().dot(query, vector),
            Metric::L2 => kernels().l2(query, vector),
        }
    }
}
