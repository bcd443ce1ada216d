//! From a snapshot to an index; believes nothing.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::MmapMut;

use super::check::{check_code, check_order, check_vector, is_in_graph, leads_well};
use super::checksum::xxh64;
use super::header::{
    BASE_LINKS, CODES, Header, IDS, LEVELS, ORDER, STATES, Section, TERMS, UPPER_LINKS, VECTORS,
};
use super::map::{Mapped, Plain, map_part};
use super::stored::decode_all;
use super::{corrupt, io_error};
use crate::error::Result;
use crate::graph::{LEVEL_MAX, LinkLine, NO_SLOT, link_lines};
use crate::index::Index;
use crate::lookup::IdLookup;
use crate::quantise::{CodeLine, Terms};
use crate::rows::Rows;
use crate::store::SlotState;

/// Where a snapshot comes from.
pub(super) enum Source<'s> {
    /// Bytes of anybody; arrays are copied from them.
    Bytes(&'s [u8]),
    /// A file, whose arrays stay in it.
    File(&'s File, &'s Path),
}

/// The bytes of one section.
enum SectionBytes<'s> {
    Held(&'s [u8]),
    Mapped(MmapMut),
}

impl Deref for SectionBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl SectionBytes<'_> {
    fn into_rows<T: Plain>(self) -> Rows<T> {
        match self {
            Self::Held(bytes) => decode_all(bytes).into(),
            Self::Mapped(map) => match Mapped::new(map) {
                Ok(mapped) => mapped.into(),
                Err(map) => decode_all(&map).into(),
            },
        }
    }
}

impl<'s> Source<'s> {
    /// Finds a section and checks its checksum.
    fn section(&self, section: &Section) -> Result<SectionBytes<'s>> {
        let bytes = self.unchecked_section(section)?;
        if xxh64(&bytes) != section.checksum {
            let name = section.name;
            return Err(corrupt(format!("checksum of section `{name}` is wrong")));
        }
        Ok(bytes)
    }

    fn unchecked_section(&self, section: &Section) -> Result<SectionBytes<'s>> {
        let part = section.part.clone();
        Ok(match self {
            // The header was checked against the length of these bytes.
            Self::Bytes(bytes) => SectionBytes::Held(&bytes[part]),
            Self::File(..) if part.is_empty() => SectionBytes::Held(&[]),
            Self::File(file, path) => {
                SectionBytes::Mapped(map_part(file, part).map_err(io_error("map", path))?)
            }
        })
    }
}

/// Reads an index.
///
/// - Errors: [`crate::Error::Corrupt`] unless checksums, lengths and every reference are right.
/// - Cost: O(bytes); nothing is allocated before the lengths were checked against the input.
pub(super) fn read(source: &Source<'_>, header: &Header) -> Result<Index> {
    let mut index = Index::new(header.dimension, header.metric, header.options)
        .map_err(|error| corrupt(error.to_string()))?;
    fill_store(&mut index, source, header)?;
    fill_graph(&mut index, source, header)?;
    Ok(index)
}

fn fill_store(index: &mut Index, source: &Source<'_>, header: &Header) -> Result<()> {
    let section = |at: usize| source.section(&header.sections[at]);
    let store = &mut index.store;
    for &state in &*section(STATES)? {
        store.states.push(match state {
            0 => SlotState::Free,
            1 => SlotState::Pending,
            2 => SlotState::Linked,
            3 => SlotState::Dead,
            other => return Err(corrupt(format!("slot state {other} is unknown"))),
        });
    }
    store.ids = section(IDS)?.into_rows();
    store.vectors = section(VECTORS)?.into_rows();
    let has_codes = header.version > 1;
    if has_codes {
        store.codes = section(CODES)?.into_rows();
        store.terms = section(TERMS)?.into_rows();
    } else {
        let slot_count = store.slot_count();
        store.codes = vec![CodeLine::ZERO; slot_count * store.code_lines].into();
        store.terms = vec![Terms::default(); slot_count].into();
    }
    for slot in 0..store.slot_count() as u32 {
        if store.states[slot as usize] == SlotState::Free {
            continue;
        }
        check_vector(store, slot)?;
        if has_codes {
            check_code(store, slot)?;
        } else {
            store.encode_slot(slot);
        }
    }
    let lookup = if has_codes {
        read_lookup(index, source, header)?
    } else {
        None
    };
    (index.store.restore_lookups(lookup)).map_err(|id| corrupt(format!("id {id:#x} occurs twice")))
}

/// Checks the order of ids; returns the lookup that uses it where it lies, in a mapped file.
fn read_lookup(index: &Index, source: &Source<'_>, header: &Header) -> Result<Option<IdLookup>> {
    let order = source.section(&header.sections[ORDER])?;
    check_order(&index.store, &order)?;
    let order: Rows<u32> = order.into_rows();
    // The checksum was compared when the ids themselves were read; this is the same part again.
    let ids: Rows<u128> = (source.unchecked_section(&header.sections[IDS])?).into_rows();
    Ok(match (order.into_saved(), ids.into_saved()) {
        (Some(order), Some(ids)) => Some(IdLookup::from_saved(order, ids)),
        _ => None,
    })
}

fn fill_graph(index: &mut Index, source: &Source<'_>, header: &Header) -> Result<()> {
    let section = |at: usize| source.section(&header.sections[at]);
    let (levels, upper) = (section(LEVELS)?, section(UPPER_LINKS)?);
    // How many levels a slot is on: what a link to it is checked against, in one access.
    let mut heights = vec![0u8; header.slot_count];
    let (mut top, mut lists) = (0, 0usize);
    for (slot, (&level, height)) in levels.iter().zip(&mut heights).enumerate() {
        let is_linked = is_in_graph(index.store.states[slot]);
        if usize::from(level) > LEVEL_MAX || (level > 0 && !is_linked) {
            return Err(corrupt(format!("slot {slot} has level {level}")));
        }
        *height = if is_linked { level + 1 } else { 0 };
        top = top.max(*height);
        lists += usize::from(level);
    }
    if lists.checked_mul(4 * header.options.m) != Some(upper.len()) {
        return Err(corrupt("section `upper links` has a wrong length"));
    }
    let is_empty = top == 0 && header.entry == NO_SLOT && header.top_level == 0;
    if !is_empty {
        let is_right = top > 0
            && header.top_level == u32::from(top - 1)
            && heights.get(header.entry as usize) == Some(&top);
        if !is_right {
            return Err(corrupt("entry of the graph is wrong"));
        }
        index.graph.entry = Some(header.entry);
        index.graph.top_level = header.top_level as usize;
    }
    let base = section(BASE_LINKS)?;
    let base = if header.version > 1 {
        base.into_rows()
    } else {
        padded_links(&base, header.options.m).into()
    };
    index.graph.restore_base(base, header.slot_count);
    check_base_links(index, &heights)?;
    fill_upper_links(index, &heights, &upper)
}

/// Brings the lists of version 1, which ends each at its capacity, to whole cache lines.
fn padded_links(base: &[u8], m: usize) -> Vec<LinkLine> {
    let mut lines = Vec::with_capacity(base.len() / (8 * m) * link_lines(m));
    for list in base.chunks_exact(8 * m) {
        for line in list.chunks(size_of::<LinkLine>()) {
            let mut padded = LinkLine::EMPTY;
            let words = line.as_chunks::<4>().0.iter();
            (padded.0.iter_mut().zip(words)).for_each(|(to, &word)| *to = u32::from_le_bytes(word));
            lines.push(padded);
        }
    }
    lines
}

fn check_base_links(index: &Index, heights: &[u8]) -> Result<()> {
    let capacity = index.graph.capacity(0);
    for slot in 0..heights.len() as u32 {
        let lines = index.graph.base_lines(slot).iter();
        let links = lines.flat_map(|line| line.0);
        if !leads_well(links, slot, 0, capacity, heights) {
            return Err(corrupt(format!("links of slot {slot} lead nowhere")));
        }
    }
    Ok(())
}

fn fill_upper_links(index: &mut Index, heights: &[u8], upper: &[u8]) -> Result<()> {
    let capacity = index.graph.capacity(1);
    let mut lists = upper.chunks_exact(4 * capacity);
    for (slot, &height) in heights.iter().enumerate() {
        if height < 2 {
            continue;
        }
        let mut levels = Vec::with_capacity(usize::from(height - 1));
        for (level, list) in (1..height).zip(lists.by_ref()) {
            let words = list.as_chunks::<4>().0.iter();
            let links = words.map(|&word| u32::from_le_bytes(word));
            if !leads_well(links.clone(), slot as u32, level, capacity, heights) {
                return Err(corrupt(format!("links of slot {slot} lead nowhere")));
            }
            levels.push(links.take_while(|&link| link != NO_SLOT).collect());
        }
        index.graph.restore_upper(slot as u32, levels);
    }
    Ok(())
}
