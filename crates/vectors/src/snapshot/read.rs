//! From bytes to an index; believes nothing.

use super::checksum::xxh64;
use super::{ALIGNMENT, HEADER_BYTES, MAGIC, SECTION_COUNT, VERSION};
use crate::error::{Error, Result};
use crate::graph::{LEVEL_MAX, NO_SLOT};
use crate::index::Index;
use crate::options::{IndexOptions, Metric};
use crate::quantise::{CodeLine, Terms};
use crate::store::{NORM_MAX, SLOTS_MAX, SlotState};

/// How far the squared length of a stored cosine vector may be from 1.
const UNIT_TOLERANCE: f64 = 1e-3;

fn corrupt(what: impl Into<String>) -> Error {
    Error::Corrupt(what.into())
}

/// Reads numbers off the front of a slice.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        let (bytes, rest) =
            (self.0.split_first_chunk::<SIZE>()).ok_or_else(|| corrupt("header ends too early"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn usize(&mut self, name: &str) -> Result<usize> {
        usize::try_from(self.u64()?).map_err(|_| corrupt(format!("{name} is too large")))
    }
}

struct Header {
    generation: u64,
    dimension: usize,
    metric: Metric,
    options: IndexOptions,
    slot_count: usize,
    entry: u32,
    top_level: u32,
    sections: [(usize, u64); SECTION_COUNT],
}

/// Reads a snapshot.
///
/// - Errors: [`Error::Corrupt`] unless checksums, lengths and every reference are right, and
///   [`Error::UnsupportedVersion`].
/// - Cost: O(bytes); nothing is allocated before the lengths were checked against the input.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Index, u64)> {
    let header = decode_header(bytes)?;
    let sections = split_sections(bytes, &header)?;
    let mut index = Index::new(header.dimension, header.metric, header.options)
        .map_err(|error| corrupt(error.to_string()))?;
    fill_store(&mut index, &sections)?;
    fill_graph(&mut index, &sections, &header)?;
    Ok((index, header.generation))
}

fn decode_header(bytes: &[u8]) -> Result<Header> {
    let header = (bytes.get(..HEADER_BYTES))
        .ok_or_else(|| corrupt(format!("{} bytes are too few for a header", bytes.len())))?;
    let mut reader = Reader(header);
    if reader.take::<8>()? != MAGIC {
        return Err(corrupt("it does not begin like one"));
    }
    let version = reader.u32()?;
    let checksum = reader.u64()?;
    if version != VERSION {
        return Err(Error::UnsupportedVersion {
            found: version,
            supported: VERSION,
        });
    }
    if checksum != xxh64(reader.0) {
        return Err(corrupt("checksum of the header is wrong"));
    }
    let generation = reader.u64()?;
    let dimension = reader.usize("dimension")?;
    let metric = match reader.u64()? {
        0 => Metric::Cosine,
        1 => Metric::Dot,
        2 => Metric::L2,
        other => return Err(corrupt(format!("metric {other} is unknown"))),
    };
    let options = IndexOptions {
        m: reader.usize("m")?,
        ef_construction: reader.usize("ef_construction")?,
        seed: reader.u64()?,
        exact_below: reader.usize("exact_below")?,
    };
    let slot_count = reader.usize("number of slots")?;
    let (entry, top_level) = (reader.u32()?, reader.u32()?);
    let mut sections = [(0, 0); SECTION_COUNT];
    for section in &mut sections {
        *section = (reader.usize("length of a section")?, reader.u64()?);
    }
    Ok(Header {
        generation,
        dimension,
        metric,
        options,
        slot_count,
        entry,
        top_level,
        sections,
    })
}

/// Cuts the sections out of the file after checking their lengths and checksums.
fn split_sections<'b>(bytes: &'b [u8], header: &Header) -> Result<[&'b [u8]; SECTION_COUNT]> {
    let slot_count = header.slot_count;
    if slot_count > SLOTS_MAX {
        return Err(corrupt(format!("{slot_count} slots are too many")));
    }
    // Index::new checks these too, but the products below need them bounded first.
    if header.dimension > crate::DIMENSION_MAX || header.options.m > 64 {
        return Err(corrupt("dimension or m is too large"));
    }
    let row_bytes = [
        Some(1),
        Some(16),
        Some(1),
        Some(4 * header.dimension),
        Some(8 * header.options.m),
        None,
    ];
    let names = ["states", "ids", "levels", "vectors", "links", "upper links"];
    let mut sections = [&bytes[..0]; SECTION_COUNT];
    let mut start = HEADER_BYTES;
    for (at, &(length, checksum)) in header.sections.iter().enumerate() {
        let name = names[at];
        if row_bytes[at].is_some_and(|row| slot_count.checked_mul(row) != Some(length)) {
            return Err(corrupt(format!("section `{name}` has a wrong length")));
        }
        let section = (start.checked_next_multiple_of(ALIGNMENT))
            .and_then(|begin| Some(begin..begin.checked_add(length)?))
            .and_then(|range| {
                start = range.end;
                bytes.get(range)
            })
            .ok_or_else(|| corrupt(format!("section `{name}` ends past the file")))?;
        if xxh64(section) != checksum {
            return Err(corrupt(format!("checksum of section `{name}` is wrong")));
        }
        sections[at] = section;
    }
    if start != bytes.len() {
        return Err(corrupt("bytes follow the last section"));
    }
    Ok(sections)
}

fn fill_store(index: &mut Index, sections: &[&[u8]; SECTION_COUNT]) -> Result<()> {
    let store = &mut index.store;
    for &state in sections[0] {
        store.states.push(match state {
            0 => SlotState::Free,
            1 => SlotState::Pending,
            2 => SlotState::Linked,
            3 => SlotState::Dead,
            other => return Err(corrupt(format!("slot state {other} is unknown"))),
        });
    }
    let ids = sections[1].as_chunks::<16>().0.iter();
    store.ids = ids.map(|&id| u128::from_le_bytes(id)).collect();
    let components = sections[3].as_chunks::<4>().0.iter();
    store.vectors = components.map(|&x| f32::from_le_bytes(x)).collect();
    let slot_count = store.slot_count();
    store.terms = vec![Terms::default(); slot_count];
    store.codes = vec![CodeLine::ZERO; slot_count * store.code_lines];
    for slot in 0..slot_count as u32 {
        if store.states[slot as usize] != SlotState::Free {
            check_vector(store.metric, store.vector(slot), slot)?;
            store.encode_slot(slot);
        }
    }
    (store.restore_lookups()).map_err(|id| corrupt(format!("id {id:#x} occurs twice")))
}

fn check_vector(metric: Metric, vector: &[f32], slot: u32) -> Result<()> {
    let norm: f64 = vector.iter().map(|&x| f64::from(x).powi(2)).sum();
    let is_valid = match metric {
        Metric::Cosine => (norm - 1.0).abs() <= UNIT_TOLERANCE,
        Metric::Dot | Metric::L2 => norm <= f64::from(NORM_MAX),
    };
    // A NaN or infinity anywhere makes the sum so, and fails both comparisons.
    if is_valid {
        Ok(())
    } else {
        Err(corrupt(format!("vector of slot {slot} is out of range")))
    }
}

fn fill_graph(index: &mut Index, sections: &[&[u8]; SECTION_COUNT], header: &Header) -> Result<()> {
    let levels = sections[2];
    index.graph.ensure_slots(header.slot_count);
    let (mut top, mut lists) = (None, 0usize);
    for (slot, &level) in levels.iter().enumerate() {
        let is_linked = is_in_graph(index.store.states[slot]);
        if usize::from(level) > LEVEL_MAX || (level > 0 && !is_linked) {
            return Err(corrupt(format!("slot {slot} has level {level}")));
        }
        if is_linked {
            top = top.max(Some(level));
            lists += usize::from(level);
            index.graph.set_level(slot as u32, usize::from(level));
        }
    }
    if lists.checked_mul(4 * header.options.m) != Some(sections[5].len()) {
        return Err(corrupt("section `upper links` has a wrong length"));
    }
    match top {
        None if header.entry == NO_SLOT && header.top_level == 0 => {}
        Some(top)
            if header.top_level == u32::from(top)
                && levels.get(header.entry as usize) == Some(&top)
                && is_in_graph(index.store.states[header.entry as usize]) =>
        {
            index.graph.entry = Some(header.entry);
            index.graph.top_level = usize::from(top);
        }
        _ => return Err(corrupt("entry of the graph is wrong")),
    }
    fill_links(index, sections, levels)
}

fn is_in_graph(state: SlotState) -> bool {
    matches!(state, SlotState::Linked | SlotState::Dead)
}

fn fill_links(index: &mut Index, sections: &[&[u8]; SECTION_COUNT], levels: &[u8]) -> Result<()> {
    let words = |section: usize| {
        let chunks = sections[section].as_chunks::<4>().0.iter();
        chunks.map(|&word| u32::from_le_bytes(word))
    };
    let (mut base, mut upper) = (words(4), words(5));
    let mut links = Vec::new();
    for (slot, &level) in levels.iter().enumerate() {
        for at in 0..=level {
            let capacity = index.graph.capacity(usize::from(at));
            links.clear();
            if at == 0 {
                links.extend(base.by_ref().take(capacity));
            } else {
                links.extend(upper.by_ref().take(capacity));
            }
            check_links(index, levels, slot as u32, at, &mut links)?;
            index.graph.set_links(slot as u32, usize::from(at), &links);
        }
    }
    Ok(())
}

/// Cuts a list at its end mark and checks where each link leads.
fn check_links(
    index: &Index,
    levels: &[u8],
    slot: u32,
    level: u8,
    links: &mut Vec<u32>,
) -> Result<()> {
    let end = links.iter().position(|&link| link == NO_SLOT);
    let padding = links.split_off(end.unwrap_or(links.len()));
    let is_padded = padding.iter().all(|&link| link == NO_SLOT);
    let leads_well = links.iter().all(|&link| {
        link != slot
            && (levels.get(link as usize)).is_some_and(|&of_link| of_link >= level)
            && is_in_graph(index.store.states[link as usize])
    });
    let is_listed = links.is_empty() || is_in_graph(index.store.states[slot as usize]);
    if is_padded && leads_well && is_listed {
        Ok(())
    } else {
        Err(corrupt(format!("links of slot {slot} lead nowhere")))
    }
}
