//! Chance in a list, as the placement's definition allows it.

use std::collections::{HashMap, HashSet};

use leitmotif_learn::exposure::{ExplorationOptions, Listed, Policy, Slot};

use super::list::{Fate, Gathered, ListMaker};
use crate::explain::Source;

impl ListMaker<'_> {
    /// Lets chance change a chosen list: positions in the pool with the probability of each at its
    /// place. What a rule put where it is stays there.
    ///
    /// Only the first part of a list that has any places is explored. Tracks are drawn only where that
    /// part fills the list: below a gap, a rung further down would show what was replaced.
    pub(super) fn explore(
        &mut self,
        pool: &[Gathered],
        chosen: Vec<usize>,
        pinned: &HashSet<usize>,
        count: usize,
    ) -> Vec<(usize, f32)> {
        let chance = self.chance.filter(|_| !chosen.is_empty());
        let Some(seed) = chance else {
            return chosen.into_iter().map(|at| (at, 1.0)).collect();
        };
        self.chance = None;
        let exploration = self.definition.exploration;
        let rest = if exploration.draw > 0.0 && chosen.len() == count {
            self.drawable(pool, &chosen)
        } else {
            Vec::new()
        };
        let groups: Vec<u64> = chosen.iter().map(|at| self.artist(pool, *at)).collect();
        let by_rule = |at: usize| {
            let moved = pool.get(at).map(|one| one.adjustments.as_slice());
            (moved.unwrap_or_default().iter()).any(|moved| moved.source == Source::Rule)
        };
        let is_fixed: Vec<bool> = (chosen.iter())
            .map(|at| pinned.contains(at) || by_rule(*at))
            .collect();
        let options = ExplorationOptions {
            swap: exploration.swap,
            draw: exploration.draw,
            draw_after: exploration.draw_after,
        };
        let listed = Listed {
            groups: &groups,
            is_fixed: &is_fixed,
            gap: self.definition.list.artist_gap,
            rest_count: rest.len(),
        };
        let mut draws = seed.rng();
        let explored = Policy::new(options, &listed).explore(|| draws.next_f64());
        self.pairs = explored.pairs;
        let places = explored.slots.iter().zip(explored.propensities);
        places
            .filter_map(|(slot, propensity)| {
                let at = match slot {
                    Slot::Listed(place) => chosen.get(*place),
                    Slot::Drawn(number) => rest.get(*number),
                };
                Some((*at?, propensity))
            })
            .collect()
    }

    /// The candidates that may stand anywhere in the list, whichever of them are drawn: one of each
    /// artist that the list does not hold, as many as the caps allow beside the whole list.
    fn drawable(&self, pool: &[Gathered], chosen: &[usize]) -> Vec<usize> {
        let shown: HashSet<usize> = chosen.iter().copied().collect();
        let capped: HashSet<usize> = (self.considered.iter())
            .filter(|one| matches!(one.fate, Fate::Capped(_)))
            .map(|one| one.index)
            .collect();
        let mut artists: HashSet<u64> = chosen.iter().map(|at| self.artist(pool, *at)).collect();
        let mut counted: HashMap<(usize, u64), usize> = HashMap::new();
        for key in chosen.iter().flat_map(|at| self.caps_at(pool, *at)) {
            *counted.entry(key.0).or_insert(0) += 1;
        }
        let mut rest = Vec::new();
        for (at, one) in pool.iter().enumerate() {
            if shown.contains(&at) || capped.contains(&one.ranked.index) {
                continue;
            }
            let artist = self.artist(pool, at);
            let caps = self.caps_at(pool, at);
            let is_full = |(key, most): &((usize, u64), usize)| {
                counted.get(key).copied().unwrap_or(0) >= *most
            };
            if artists.contains(&artist) || caps.iter().any(is_full) {
                continue;
            }
            artists.insert(artist);
            for (key, _) in caps {
                *counted.entry(key).or_insert(0) += 1;
            }
            rest.push(at);
        }
        rest
    }

    fn artist(&self, pool: &[Gathered], at: usize) -> u64 {
        let card = (pool.get(at)).and_then(|one| self.view.catalogue.card(one.ranked.index));
        card.map_or(0, |card| card.artist_key)
    }

    fn caps_at(&self, pool: &[Gathered], at: usize) -> Vec<((usize, u64), usize)> {
        let Some(index) = pool.get(at).map(|one| one.ranked.index) else {
            return Vec::new();
        };
        let card = self.view.catalogue.card(index);
        card.map_or_else(Vec::new, |card| self.caps_of(index, card))
    }
}
