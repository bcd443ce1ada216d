//! Blending the offers into one order.

use std::collections::HashMap;

use leitmotif_domain::TrackId;

use crate::candidates::Offer;
use crate::explain::{Reason, Source};
use crate::model::BlendWeights;

/// A candidate with its blended score and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Sum of the contributions.
    pub score: f32,
    /// The contributions, largest first.
    pub reasons: Vec<Reason>,
}

/// How much a source counts.
pub fn weight_of(weights: &BlendWeights, source: Source) -> f32 {
    match source {
        Source::Taste => weights.taste,
        Source::Neighbours => weights.neighbours,
        Source::Content => weights.content,
        Source::Popular => weights.popular,
        // Fillers only ever compete with themselves.
        Source::Fresh | Source::Familiar => 1.0,
    }
}

/// Blends offers: each source's scores are divided by its best, so that 1 is the best anywhere,
/// then weighted and summed. Best first, ties by index.
pub fn blend(offers: &[Offer], weights: &BlendWeights) -> Vec<Ranked> {
    let mut parts: HashMap<usize, Vec<Reason>> = HashMap::new();
    for offer in offers {
        let best = offer
            .candidates
            .first()
            .map_or(0.0, |candidate| candidate.score);
        let weight = weight_of(weights, offer.source);
        if best <= 0.0 || weight <= 0.0 {
            continue;
        }
        for candidate in &offer.candidates {
            parts.entry(candidate.index).or_default().push(Reason {
                source: offer.source,
                contribution: weight * candidate.score / best,
                because_of: candidate.because_of,
            });
        }
    }
    let mut ranked: Vec<Ranked> = parts
        .into_iter()
        .map(|(index, mut reasons)| {
            reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
            let score = reasons.iter().map(|reason| reason.contribution).sum();
            Ranked {
                index,
                score,
                reasons,
            }
        })
        .collect();
    ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    ranked
}

/// The track that said most for a candidate.
pub fn because_of(ranked: &Ranked) -> Option<TrackId> {
    ranked.reasons.iter().find_map(|reason| reason.because_of)
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
        let weights = BlendWeights {
            taste: 1.0,
            neighbours: 0.5,
            content: 0.0,
            popular: 0.1,
        };
        let ranked = blend(
            &[
                offer(Source::Taste, &[(1, 2.0), (2, 1.0)]),
                offer(Source::Neighbours, &[(2, 8.0), (3, 4.0)]),
                offer(Source::Content, &[(9, 1.0)]),
            ],
            &weights,
        );
        let order: Vec<_> = ranked.iter().map(|one| one.index).collect();
        assert_eq!(order, [1, 2, 3], "a tie at 1.0 goes to the lower index");
        for one in &ranked {
            let sum: f32 = one.reasons.iter().map(|reason| reason.contribution).sum();
            assert!((sum - one.score).abs() < 1e-6);
        }
        assert_eq!(ranked[1].reasons[0].source, Source::Taste);
    }
}
