//! Links of the navigable small-world graph.

use crate::rows::Rows;

/// Marks the end of a link list.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Highest level of a node. With `m ≥ 2` a node reaches it once in 65,536 or more rarely.
pub(crate) const LEVEL_MAX: usize = 16;

const LINKS_PER_LINE: usize = 16;

/// One cache line of bottom-level links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct LinkLine(pub [u32; LINKS_PER_LINE]);

impl LinkLine {
    pub(crate) const EMPTY: Self = Self([NO_SLOT; LINKS_PER_LINE]);
}

/// Number of cache lines of the bottom-level links of a slot.
pub(crate) fn link_lines(m: usize) -> usize {
    (2 * m).div_ceil(LINKS_PER_LINE)
}

/// Adjacency lists by slot and level.
///
/// The bottom level, where a walk spends its time, has a fixed stride of whole cache lines and ends
/// a list by [`NO_SLOT`]. The upper levels hold one node in `m` and are plain lists.
pub(crate) struct Graph {
    m: usize,
    lines_per_slot: usize,
    base: Rows<LinkLine>,
    upper: Vec<Box<[Vec<u32>]>>,
    /// Where walks start: a node of the top level.
    pub entry: Option<u32>,
    pub top_level: usize,
}

impl Graph {
    pub(crate) fn new(m: usize) -> Self {
        Self {
            m,
            lines_per_slot: link_lines(m),
            base: Rows::default(),
            upper: Vec::new(),
            entry: None,
            top_level: 0,
        }
    }

    /// Most links of a node on a level.
    pub(crate) fn capacity(&self, level: usize) -> usize {
        if level == 0 { 2 * self.m } else { self.m }
    }

    pub(crate) fn ensure_slots(&mut self, slot_count: usize) {
        self.base
            .grow(slot_count * self.lines_per_slot, LinkLine::EMPTY);
        self.upper.resize_with(slot_count, Default::default);
    }

    /// Takes over the bottom level of a snapshot, whole lines for every slot, links in the graph only.
    pub(crate) fn restore_base(&mut self, base: Rows<LinkLine>, slot_count: usize) {
        debug_assert_eq!(base.len(), slot_count * self.lines_per_slot);
        self.base = base;
        self.upper.resize_with(slot_count, Default::default);
    }

    /// Takes over the upper levels of a slot of a snapshot, from level 1 up.
    pub(crate) fn restore_upper(&mut self, slot: u32, levels: Vec<Vec<u32>>) {
        self.upper[slot as usize] = levels.into();
    }

    /// Number of cache lines of bottom-level links.
    pub(crate) fn base_lines_total(&self) -> usize {
        self.base.len()
    }

    pub(crate) fn level(&self, slot: u32) -> usize {
        self.upper[slot as usize].len()
    }

    /// Gives an unlinked slot its level, with empty lists.
    pub(crate) fn set_level(&mut self, slot: u32, level: usize) {
        self.upper[slot as usize] = vec![Vec::new(); level].into();
        self.set_links(slot, 0, &[]);
    }

    /// Bottom-level links: whole lines, of which those from the first [`NO_SLOT`] on are empty.
    #[inline(always)]
    pub(crate) fn base_lines(&self, slot: u32) -> &[LinkLine] {
        self.base
            .row(slot as usize * self.lines_per_slot, self.lines_per_slot)
    }

    #[inline(always)]
    pub(crate) fn prefetch_base(&self, slot: u32) {
        let first = slot as usize * self.lines_per_slot;
        for line in first..first + self.lines_per_slot {
            self.base.prefetch(line);
        }
    }

    /// Copies the links of a slot on a level.
    #[inline]
    pub(crate) fn copy_links(&self, slot: u32, level: usize, links: &mut Vec<u32>) {
        links.clear();
        if level > 0 {
            links.extend_from_slice(&self.upper[slot as usize][level - 1]);
            return;
        }
        for line in self.base_lines(slot) {
            for &link in &line.0 {
                if link == NO_SLOT {
                    return;
                }
                links.push(link);
            }
        }
    }

    /// Replaces the links of a slot on a level; there must be no more than the capacity.
    pub(crate) fn set_links(&mut self, slot: u32, level: usize, links: &[u32]) {
        debug_assert!(links.len() <= self.capacity(level));
        if level > 0 {
            let list = &mut self.upper[slot as usize][level - 1];
            list.clear();
            list.extend_from_slice(links);
            return;
        }
        let start = slot as usize * self.lines_per_slot;
        let lines = self.base.row_mut(start, self.lines_per_slot);
        let places = lines.iter_mut().flat_map(|line| &mut line.0);
        let padded = links.iter().copied().chain(std::iter::repeat(NO_SLOT));
        for (place, link) in places.zip(padded) {
            *place = link;
        }
    }
}

/// Draws the level of a node from the index's seed and the node's id alone.
///
/// A node thus keeps its level over updates, and neither order nor threads change it.
pub(crate) fn draw_level(seed: u64, id: u128, m: usize) -> usize {
    let mixed = mix(mix(seed ^ (id as u64)) ^ ((id >> 64) as u64));
    // 53 random bits as a number in 0.0..1.0, without 0.0 itself.
    let uniform = ((mixed >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let level = -uniform.ln() / (m as f64).ln();
    (level as usize).min(LEVEL_MAX)
}

/// Scrambles 64 bits (the finaliser of SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_come_back_as_set() {
        let mut graph = Graph::new(10);
        graph.ensure_slots(3);
        graph.set_level(1, 2);
        let mut links = Vec::new();
        for (level, set) in [(0, vec![5; 20]), (0, vec![7]), (1, vec![1, 2]), (2, vec![])] {
            graph.set_links(1, level, &set);
            graph.copy_links(1, level, &mut links);
            assert_eq!(links, set);
        }
        graph.copy_links(2, 0, &mut links);
        assert!(links.is_empty());
    }

    #[test]
    fn levels_fall_off_by_m() {
        let mut counts = [0usize; LEVEL_MAX + 1];
        for id in 0..160_000u128 {
            counts[draw_level(7, id, 16)] += 1;
        }
        assert!(
            (9_400..10_600).contains(&(160_000 - counts[0])),
            "{counts:?}"
        );
        assert!(
            (500..750).contains(&(160_000 - counts[0] - counts[1])),
            "{counts:?}"
        );
    }
}
