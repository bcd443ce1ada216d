//! What several ways of finding found, as one list.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::blend::{Blend, LegScores};
use super::expand::TextQuery;
use super::index::TextIndex;
use super::search::TextHit;

/// Text hits that stand for what was meant when others like them are looked for.
const SEEDS: usize = 3;
/// Share of the best hit's score from which another is a seed too.
const SEED_SHARE: f32 = 0.8;

impl TextHit {
    /// What the words alone say.
    pub fn legs(&self) -> LegScores {
        LegScores {
            names: self.names,
            lyrics: self.lyrics,
            title: self.title,
            coverage: self.coverage,
            phrase: self.phrase,
            ..LegScores::default()
        }
    }
}

impl Blend {
    /// The hits to look for others like, each with its share of their scores: the best, and those
    /// hardly worse.
    pub fn seeds(&self, hits: &[TextHit]) -> Vec<(u128, f32)> {
        let named = hits.iter().map(|hit| hit.coverage).fold(0.0, f32::max);
        let legs = |hit: &TextHit| LegScores {
            named,
            ..hit.legs()
        };
        let mut scored: Vec<(u128, f32)> = (hits.iter())
            .map(|hit| (hit.id, self.score(&legs(hit))))
            .collect();
        sort_best_first(&mut scored);
        let least = scored.first().map_or(0.0, |(_, score)| score * SEED_SHARE);
        scored.truncate(SEEDS);
        scored.retain(|(_, score)| *score >= least && *score > 0.0);
        let total: f32 = scored.iter().map(|(_, score)| score).sum();
        scored.iter_mut().for_each(|(_, score)| *score /= total);
        scored
    }

    /// Orders candidates, best first, ties by id.
    pub fn rank(&self, candidates: &BTreeMap<u128, LegScores>) -> Vec<(u128, f32)> {
        let mut scored: Vec<(u128, f32)> = (candidates.iter())
            .map(|(id, legs)| (*id, self.score(legs)))
            .collect();
        sort_best_first(&mut scored);
        scored
    }
}

/// Puts what the words and the embeddings found into one list. What only an embedding found is
/// compared with the words too, so that no leg is missing where it can be known.
///
/// - `meaning` and `likeness`: documents with a nearness of 0 to 1, the larger the nearer.
pub fn assemble(
    index: &TextIndex,
    query: &TextQuery,
    hits: &[TextHit],
    meaning: &[(u128, f32)],
    likeness: &[(u128, f32)],
) -> BTreeMap<u128, LegScores> {
    let mut candidates: BTreeMap<u128, LegScores> =
        hits.iter().map(|hit| (hit.id, hit.legs())).collect();
    for (found, is_meaning) in [(meaning, true), (likeness, false)] {
        // Turned away from the query, or without any bearing on it, is not near.
        for &(id, nearness) in found.iter().filter(|(_, nearness)| *nearness > 0.0) {
            let legs = match candidates.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => match index.compare(query, id) {
                    Some(hit) => unknown.insert(hit.legs()),
                    None => continue,
                },
            };
            let leg = if is_meaning {
                &mut legs.meaning
            } else {
                &mut legs.likeness
            };
            *leg = leg.max(nearness.clamp(0.0, 1.0));
        }
    }
    let named = candidates.values().map(|legs| legs.coverage);
    let named = named.fold(0.0, f32::max).clamp(0.0, 1.0);
    candidates.values_mut().for_each(|legs| legs.named = named);
    candidates
}

fn sort_best_first(scored: &mut [(u128, f32)]) {
    scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}
