//! Rhyme chains across lines, for the coloured display and the density.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::lyrics::phonemes::VOWEL_COUNT;
use crate::lyrics::syllables::{SungWord, Syllable};

/// Longest unit that is matched, in syllables; longer ones are found as overlapping pieces.
const UNIT_SYLLABLES_MAX: usize = 4;
/// Earlier places of one sound that are tried: the nearest rhyme is nearly always among them.
const RECENT_COUNT: usize = 4;

/// A coloured stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RhymeSpan {
    /// Stretches of one chain rhyme with each other; numbered from 0 by first appearance.
    pub chain_id: usize,
    /// Index of the line among the lines of verse.
    pub line: usize,
    /// First character, in Unicode scalar values.
    pub start_char: usize,
    /// Character after the last.
    pub end_char: usize,
    /// Syllables in the stretch.
    pub syllable_count: usize,
}

/// What limits the search for chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLimits {
    /// Lines between two links of a chain; rap listeners hear about four.
    pub line_gap_max: usize,
    /// Stretches returned.
    pub span_count_max: usize,
}

impl Default for ChainLimits {
    fn default() -> Self {
        Self {
            line_gap_max: 4,
            span_count_max: 8_000,
        }
    }
}

/// The chains of a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RhymeChains {
    /// Coloured stretches by line and place.
    pub spans: Vec<RhymeSpan>,
    /// Chains found.
    pub chain_count: usize,
    /// Share of syllables inside a chain, 0..=1; `None` without syllables.
    pub density_ratio: Option<f64>,
    /// Stretches of two or more syllables that rhyme as a whole.
    pub multi_syllable_count: usize,
    /// Stretches that do not end their line.
    pub internal_count: usize,
}

impl RhymeChains {
    /// Finds chains: line ends that the scheme joins, words with equal stressed tails, and runs of
    /// two to four syllables with equal vowels and similar consonants, across word borders.
    ///
    /// - Shape: `lines` are the sung lines in order; `end_groups` gives the rhyme group of each
    ///   line's end, or `None`; group numbers are unique over the text.
    /// - Cost: O(syllables).
    /// - Source: the units follow Hirjee and Brown, "Using automated rhyme detection to
    ///   characterize rhyming style in rap music" (2010); the matching rules are our own.
    pub fn find(
        lines: &[Vec<SungWord>],
        end_groups: &[Option<usize>],
        limits: ChainLimits,
    ) -> Self {
        let mut finder = Finder::new(lines, limits);
        finder.link_ends(end_groups);
        finder.link_words();
        finder.link_runs();
        finder.collect()
    }
}

/// A syllable in the flat order of the text.
struct Place<'a> {
    line: usize,
    word_index: usize,
    word: &'a SungWord,
    syllable: Syllable,
    is_word_end: bool,
    is_line_end: bool,
}

struct Finder<'a> {
    places: Vec<Place<'a>>,
    /// Union-find parents, one per syllable: a unit stands for its last syllable.
    parents: Vec<usize>,
    /// First syllable of the longest unit ending here, where any does.
    unit_starts: Vec<Option<usize>>,
    limits: ChainLimits,
}

impl<'a> Finder<'a> {
    fn new(lines: &'a [Vec<SungWord>], limits: ChainLimits) -> Self {
        let mut places = Vec::new();
        let mut word_index = 0;
        for (line, words) in lines.iter().enumerate() {
            for word in words {
                for (place, syllable) in word.syllables.iter().enumerate() {
                    let is_word_end = place + 1 == word.syllables.len();
                    places.push(Place {
                        line,
                        word_index,
                        word,
                        syllable: *syllable,
                        is_word_end,
                        is_line_end: false,
                    });
                }
                word_index += 1;
            }
            if let Some(last) = places.last_mut().filter(|last| last.line == line) {
                last.is_line_end = true;
            }
        }
        let count = places.len();
        Self {
            places,
            parents: (0..count).collect(),
            unit_starts: vec![None; count],
            limits,
        }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while let Some(parent) = self
            .parents
            .get(node)
            .copied()
            .filter(|parent| *parent != node)
        {
            let grand = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(cell) = self.parents.get_mut(node) {
                *cell = grand;
            }
            node = grand;
        }
        node
    }

    /// Joins two units, each given by its first and last syllable.
    fn link(&mut self, left: (usize, usize), right: (usize, usize)) {
        let (a, b) = (self.root(left.1), self.root(right.1));
        if let Some(cell) = self.parents.get_mut(a.max(b)) {
            *cell = a.min(b);
        }
        for (start, end) in [left, right] {
            if let Some(cell) = self.unit_starts.get_mut(end) {
                *cell = Some(cell.map_or(start, |known| known.min(start)));
            }
        }
    }

    /// The first syllable of the stressed tail of the word that ends at `end`.
    fn tail_start(&self, end: usize) -> usize {
        let word = self.places.get(end).map(|place| place.word_index);
        let mut start = end;
        let mut place = end;
        while let Some(here) = self.places.get(place) {
            if Some(here.word_index) != word || end - place >= UNIT_SYLLABLES_MAX {
                break;
            }
            start = place;
            if here.syllable.stress == 1 || place == 0 {
                break;
            }
            place -= 1;
        }
        start
    }

    fn link_ends(&mut self, end_groups: &[Option<usize>]) {
        let mut last_of_group: HashMap<usize, (usize, usize)> = HashMap::new();
        let ends: Vec<(usize, usize)> = (self.places.iter().enumerate())
            .filter(|(_, place)| place.is_line_end)
            .map(|(index, place)| (index, place.line))
            .collect();
        for (end, line) in ends {
            let Some(group) = end_groups.get(line).copied().flatten() else {
                continue;
            };
            let unit = (self.tail_start(end), end);
            if let Some(previous) = last_of_group.insert(group, unit) {
                // Only what agrees is coloured: `lonely` and `slowly` share their last syllable.
                let shared = self.shared_syllables(previous, unit).max(1);
                self.link(
                    (previous.1 + 1 - shared, previous.1),
                    (end + 1 - shared, end),
                );
            }
        }
    }

    fn shared_syllables(&self, left: (usize, usize), right: (usize, usize)) -> usize {
        let most = (left.1 - left.0).min(right.1 - right.0) + 1;
        (0..most)
            .take_while(|back| {
                let at = |end: usize| self.places.get(end - back).map(|p| p.syllable.vowel);
                at(left.1) == at(right.1)
            })
            .count()
    }

    /// Joins words with equal stressed tails.
    fn link_words(&mut self) {
        let mut recent: HashMap<[u64; UNIT_SYLLABLES_MAX], Recent> = HashMap::new();
        for end in 0..self.places.len() {
            let Some(place) = self.places.get(end) else {
                continue;
            };
            if !place.is_word_end || (place.word.is_small && !place.is_line_end) {
                continue;
            }
            let (line, folded) = (place.line, &place.word.folded);
            let start = self.tail_start(end);
            // A tail has at most as many syllables; 0 is none.
            let mut key = [0; UNIT_SYLLABLES_MAX];
            for (cell, place) in key.iter_mut().zip(&self.places[start..=end]) {
                *cell =
                    (u64::from(place.syllable.vowel) + 1) << 32 | u64::from(place.syllable.after);
            }
            let earlier = recent.entry(key).or_default();
            let partner = earlier.latest_first().find(|other| {
                self.places.get(*other).is_some_and(|other| {
                    line - other.line <= self.limits.line_gap_max && other.word.folded != *folded
                })
            });
            earlier.push(end);
            if let Some(partner) = partner {
                self.link((partner + start - end, partner), (start, end));
            }
        }
    }

    /// Joins runs of two to four syllables that start on a beat.
    fn link_runs(&mut self) {
        let mut recent = vec![Recent::default(); VOWEL_COUNT * VOWEL_COUNT];
        for start in 0..self.places.len() {
            let Some([first, second]) = self.run_vowels(start) else {
                continue;
            };
            let pair = usize::from(first) * VOWEL_COUNT + usize::from(second);
            let earlier = &mut recent[pair];
            let partner = earlier
                .latest_first()
                .filter_map(|other| self.run_length(other, start).map(|length| (other, length)))
                .max_by_key(|(other, length)| (*length, *other));
            earlier.push(start);
            if let Some((other, length)) = partner {
                self.link((other, other + length - 1), (start, start + length - 1));
            }
        }
    }

    fn run_vowels(&self, start: usize) -> Option<[u8; 2]> {
        let (first, second) = (self.places.get(start)?, self.places.get(start + 1)?);
        let is_beat = first.syllable.stress > 0 && !first.word.is_small;
        (is_beat && first.line == second.line)
            .then_some([first.syllable.vowel, second.syllable.vowel])
    }

    /// How many syllables two runs share; `None` when they do not rhyme as a run.
    fn run_length(&self, left: usize, right: usize) -> Option<usize> {
        let (first, second) = (self.places.get(left)?, self.places.get(right)?);
        if second.line - first.line > self.limits.line_gap_max {
            return None;
        }
        let mut length = 0;
        let mut near_count = 0;
        let mut is_repeat = true;
        while length < UNIT_SYLLABLES_MAX && left + length < right {
            let (a, b) = (
                self.places.get(left + length)?,
                self.places.get(right + length),
            );
            let Some(b) = b.filter(|b| b.line == second.line && a.line == first.line) else {
                break;
            };
            if a.syllable.vowel != b.syllable.vowel {
                break;
            }
            near_count += usize::from(a.syllable.after_near == b.syllable.after_near);
            is_repeat &= a.word.folded == b.word.folded;
            length += 1;
        }
        let last = length.checked_sub(1)?;
        let (a, b) = (
            self.places.get(left + last)?,
            self.places.get(right + last)?,
        );
        if is_repeat || length < 2 || a.is_word_end != b.is_word_end {
            return None;
        }
        // `basement` and `pavement`: a full last syllable carries consonants that differ before it.
        let is_full = a.syllable.after == b.syllable.after && a.syllable.after != 0;
        let is_near = a.syllable.after_near == b.syllable.after_near && near_count >= 2;
        let is_run = is_full || is_near;
        is_run.then_some(length)
    }

    fn collect(mut self) -> RhymeChains {
        let roots: Vec<Option<usize>> = (0..self.places.len())
            .map(|end| self.unit_starts[end].map(|_| self.root(end)))
            .collect();
        let mut sizes = vec![0usize; self.places.len()];
        roots.iter().flatten().for_each(|root| sizes[*root] += 1);
        let mut units: Vec<(usize, usize, usize)> = Vec::new();
        for (end, (start, root)) in self.unit_starts.iter().zip(&roots).enumerate() {
            let unit = start.zip(*root).filter(|(_, root)| sizes[*root] > 1);
            units.extend(unit.map(|(start, root)| (start, end, root)));
        }
        // Longer units first at the same start; what lies inside another unit is not drawn.
        units.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut chains = RhymeChains::default();
        let mut ids: Vec<Option<usize>> = vec![None; self.places.len()];
        let mut covered_to = 0usize;
        let mut covered_count = 0usize;
        for (start, end, root) in units {
            if end < covered_to || chains.spans.len() >= self.limits.span_count_max {
                continue;
            }
            covered_count += end + 1 - start.max(covered_to);
            let (Some(first), Some(last)) = (self.places.get(start), self.places.get(end)) else {
                continue;
            };
            let chain_id = *ids[root].get_or_insert(chains.chain_count);
            chains.chain_count = chains.chain_count.max(chain_id + 1);
            let from = start.max(covered_to);
            let start_char = self
                .places
                .get(from)
                .map_or(first.syllable.start_char, |p| p.syllable.start_char);
            chains.spans.push(RhymeSpan {
                chain_id,
                line: last.line,
                start_char,
                end_char: last.syllable.end_char,
                syllable_count: end + 1 - start,
            });
            chains.multi_syllable_count += usize::from(end > start);
            chains.internal_count += usize::from(!last.is_line_end);
            covered_to = end + 1;
        }
        let total = self.places.len();
        chains.density_ratio = (total > 0).then(|| covered_count as f64 / total as f64);
        chains
    }
}

/// The latest places of one sound.
#[derive(Debug, Clone, Default)]
struct Recent {
    places: [usize; RECENT_COUNT],
    count: usize,
}

impl Recent {
    fn push(&mut self, place: usize) {
        self.places[self.count % RECENT_COUNT] = place;
        self.count += 1;
    }

    fn latest_first(&self) -> impl Iterator<Item = usize> {
        let kept = self.count.saturating_sub(RECENT_COUNT)..self.count;
        kept.rev().map(|index| self.places[index % RECENT_COUNT])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::syllables::Singer;

    fn chains(lines: &[&str], end_groups: &[Option<usize>]) -> RhymeChains {
        let mut singer = Singer::default();
        let sung: Vec<Vec<SungWord>> = lines.iter().map(|line| singer.sing(line)).collect();
        RhymeChains::find(&sung, end_groups, ChainLimits::default())
    }

    fn words<'a>(lines: &[&'a str], chains: &RhymeChains) -> Vec<(usize, &'a str)> {
        chains
            .spans
            .iter()
            .map(|span| {
                (
                    span.chain_id,
                    &lines[span.line][span.start_char..span.end_char],
                )
            })
            .collect()
    }

    #[test]
    fn joins_ends_by_scheme_and_words_by_sound() {
        let lines = ["the cold light burns", "all night she turns"];
        let found = chains(&lines, &[Some(0), Some(0)]);
        assert_eq!(
            words(&lines, &found),
            [(0, "light"), (1, "burns"), (0, "night"), (1, "turns")]
        );
        assert_eq!(found.chain_count, 2);
        assert_eq!(found.internal_count, 2);
        assert!(
            found
                .density_ratio
                .is_some_and(|ratio| (ratio - 4.0 / 8.0).abs() < 1e-9)
        );
    }

    #[test]
    fn finds_runs_over_word_borders() {
        let lines = ["I paint the city lights", "a saint with pretty nights"];
        let found = chains(&lines, &[None, None]);
        assert!(
            found.multi_syllable_count >= 2,
            "{:?}",
            words(&lines, &found)
        );
    }

    #[test]
    fn repetition_is_not_rhyme_and_nothing_is_fine() {
        let found = chains(&["falling falling", "falling"], &[None, None]);
        assert!(found.spans.is_empty());
        assert_eq!(chains(&[], &[]).density_ratio, None);
        assert_eq!(chains(&["...", ""], &[None]).density_ratio, None);
    }
}
