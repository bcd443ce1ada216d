//! From an index to bytes.

use super::checksum::xxh64;
use super::header::{HEADER_BYTES, SECTION_COUNT};
use super::stored::{Stored, encode_all};
use super::{ALIGNMENT, MAGIC, VERSION};
use crate::graph::{LinkLine, NO_SLOT, link_lines};
use crate::index::Index;
use crate::options::Metric;
use crate::quantise::{CodeLine, Terms};
use crate::store::SlotState;

/// Writes an index as a snapshot.
///
/// - Cost: twice the size of vectors and links in memory while it runs.
pub(crate) fn encode(index: &Index, generation: u64) -> Vec<u8> {
    let mut bytes = vec![0u8; HEADER_BYTES];
    let mut table = [(0u64, 0u64); SECTION_COUNT];
    for (entry, section) in table.iter_mut().zip(sections(index)) {
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        *entry = (section.len() as u64, xxh64(&section));
        bytes.extend_from_slice(&section);
    }
    let header = header(index, generation, &table);
    bytes[..HEADER_BYTES].copy_from_slice(&header);
    bytes
}

fn header(
    index: &Index,
    generation: u64,
    table: &[(u64, u64); SECTION_COUNT],
) -> [u8; HEADER_BYTES] {
    let metric: u64 = match index.store.metric {
        Metric::Cosine => 0,
        Metric::Dot => 1,
        Metric::L2 => 2,
    };
    let mut body = Vec::with_capacity(HEADER_BYTES);
    let words = [
        generation,
        index.store.dimension as u64,
        metric,
        index.options.m as u64,
        index.options.ef_construction as u64,
        index.options.seed,
        index.options.exact_below as u64,
        index.store.slot_count() as u64,
    ];
    for word in words {
        body.extend_from_slice(&word.to_le_bytes());
    }
    body.extend_from_slice(&index.graph.entry.unwrap_or(NO_SLOT).to_le_bytes());
    body.extend_from_slice(&(index.graph.top_level as u32).to_le_bytes());
    for (length, checksum) in table {
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&checksum.to_le_bytes());
    }
    let mut header = [0u8; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[20..20 + body.len()].copy_from_slice(&body);
    let checksum = xxh64(&header[20..]);
    header[12..20].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Yields the sections one at a time, so that only one is held besides the file.
fn sections(index: &Index) -> impl Iterator<Item = Vec<u8>> + '_ {
    let makers: [fn(&Index) -> Vec<u8>; SECTION_COUNT] = [
        states,
        |index| encode_all(index.store.ids.iter()),
        levels,
        |index| encode_all(index.store.vectors.iter()),
        base_links,
        upper_links,
        codes,
        terms,
        order,
    ];
    makers.into_iter().map(move |make| make(index))
}

fn states(index: &Index) -> Vec<u8> {
    index
        .store
        .states
        .iter()
        .map(|&state| state as u8)
        .collect()
}

fn levels(index: &Index) -> Vec<u8> {
    (0..index.store.slot_count() as u32)
        .map(|slot| index.linked_level(slot).unwrap_or(0) as u8)
        .collect()
}

/// Whole cache lines, as a walk reads them.
fn base_links(index: &Index) -> Vec<u8> {
    let lines_per_slot = link_lines(index.options.m);
    let mut bytes = Vec::with_capacity(index.store.slot_count() * lines_per_slot * 64);
    for slot in 0..index.store.slot_count() as u32 {
        if index.linked_level(slot).is_some() {
            let lines = index.graph.base_lines(slot).iter();
            lines.for_each(|&line| line.store(&mut bytes));
        } else {
            (0..lines_per_slot).for_each(|_| LinkLine::EMPTY.store(&mut bytes));
        }
    }
    bytes
}

fn upper_links(index: &Index) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut links = Vec::new();
    for slot in 0..index.store.slot_count() as u32 {
        for level in 1..=index.linked_level(slot).unwrap_or(0) {
            index.graph.copy_links(slot, level, &mut links);
            push_list(&mut bytes, &mut links, index.graph.capacity(level));
        }
    }
    bytes
}

/// Codes of slots in use; what a free slot last held is nobody's business and would depend on the
/// history of the index.
fn codes(index: &Index) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(index.store.codes.len() * size_of::<CodeLine>());
    for slot in 0..index.store.slot_count() as u32 {
        for &line in index.store.code(slot) {
            let line = if is_free(index, slot) {
                CodeLine::ZERO
            } else {
                line
            };
            line.store(&mut bytes);
        }
    }
    bytes
}

fn terms(index: &Index) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(index.store.terms.len() * size_of::<Terms>());
    for slot in 0..index.store.slot_count() as u32 {
        let terms = if is_free(index, slot) {
            Terms::default()
        } else {
            index.store.terms[slot as usize]
        };
        terms.store(&mut bytes);
    }
    bytes
}

fn is_free(index: &Index, slot: u32) -> bool {
    index.store.states[slot as usize] == SlotState::Free
}

/// Live slots by ascending id, for looking ids up without a table.
fn order(index: &Index) -> Vec<u8> {
    let mut slots: Vec<u32> = index.store.live_slots().collect();
    slots.sort_unstable_by_key(|&slot| index.store.ids[slot as usize]);
    encode_all(slots.iter())
}

/// Appends a list padded to its capacity.
fn push_list(bytes: &mut Vec<u8>, links: &mut Vec<u32>, capacity: usize) {
    links.resize(capacity, NO_SLOT);
    bytes.extend(links.iter().flat_map(|link| link.to_le_bytes()));
}
