//! The union of all offers.

use crate::candidates::Offer;
use crate::explain::{Reason, Source};
use crate::keyed::KeyedMap;

/// A candidate with what every source says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Sum of the weighted shares.
    pub blended: f32,
    /// The weighted share of each source, largest first.
    pub reasons: Vec<Reason>,
    /// Share of the source's best and place from 0, for each source that a ranker knows.
    pub offers: [Option<(f32, u32)>; Source::LEARNT],
}

impl Pooled {
    /// The candidate as it would stand here had it entered the catalogue after the training: known by
    /// its content alone. `None` when content does not offer it.
    pub fn as_new(&self, content_weight: f32) -> Option<Self> {
        let content = Source::Content as usize;
        let offer = self.offers[content]?;
        let mut offers = [None; Source::LEARNT];
        offers[content] = Some(offer);
        Some(Self {
            index: self.index,
            blended: content_weight * offer.0,
            reasons: Vec::new(),
            offers,
        })
    }
}

/// Pools offers: each offer's scores are divided by its best, so that 1 is the best anywhere, then
/// weighted and summed. Best first, ties by index.
pub fn pool(offers: &[Offer]) -> Vec<Pooled> {
    let mut pooled: KeyedMap<usize, Pooled> = KeyedMap::default();
    for offer in offers {
        let best = (offer.candidates.first()).map_or(0.0, |candidate| candidate.score);
        if best <= 0.0 {
            continue;
        }
        for (place, candidate) in offer.candidates.iter().enumerate() {
            let share = candidate.score / best;
            let one = (pooled.entry(candidate.index)).or_insert_with(|| Pooled {
                index: candidate.index,
                blended: 0.0,
                reasons: Vec::new(),
                offers: [None; Source::LEARNT],
            });
            if let Some(slot) = one.offers.get_mut(offer.source as usize) {
                // Known and cold content are one source to the ranker; the better place speaks.
                let place = place as u32;
                let better = slot.is_none_or(|(known, _)| share > known);
                *slot = if better { Some((share, place)) } else { *slot };
            }
            if offer.weight > 0.0 {
                one.blended += offer.weight * share;
                one.reasons.push(Reason {
                    source: offer.source,
                    contribution: offer.weight * share,
                    because_of: candidate.because_of,
                });
            }
        }
    }
    let mut pooled: Vec<Pooled> = (pooled.into_values())
        .filter(|one| !one.reasons.is_empty())
        .collect();
    for one in &mut pooled {
        (one.reasons).sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    }
    pooled.sort_unstable_by(|a, b| b.blended.total_cmp(&a.blended).then(a.index.cmp(&b.index)));
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Candidate;

    fn offer(source: Source, scores: &[(usize, f32)]) -> Offer {
        let candidates = scores
            .iter()
            .map(|&(index, score)| Candidate {
                index,
                score,
                because_of: None,
            })
            .collect();
        Offer::new(source, candidates, 100)
    }

    #[test]
    fn contributions_sum_to_the_score() {
        let pooled = pool(&[
            offer(Source::Taste, &[(1, 2.0), (2, 1.0)]),
            offer(Source::Neighbours, &[(2, 8.0), (3, 4.0)]).weighing(0.5),
            offer(Source::Content, &[(9, 1.0)]).weighing(0.0),
        ]);
        let order: Vec<_> = pooled.iter().map(|one| one.index).collect();
        assert_eq!(order, [1, 2, 3], "a tie at 1.0 goes to the lower index");
        for one in &pooled {
            let sum: f32 = one.reasons.iter().map(|reason| reason.contribution).sum();
            assert!((sum - one.blended).abs() < 1e-6);
        }
        assert_eq!(pooled[1].reasons[0].source, Source::Taste);
        assert_eq!(pooled[1].offers[Source::Taste as usize], Some((0.5, 1)));
        assert_eq!(
            pooled[1].offers[Source::Neighbours as usize],
            Some((1.0, 0))
        );
    }
}
