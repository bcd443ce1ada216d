//! Blending the offers into one order.

use std::collections::HashMap;

use crate::candidates::Offer;
use crate::explain::Reason;

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

/// Blends offers: each offer's scores are divided by its best, so that 1 is the best anywhere, then
/// weighted and summed. Best first, ties by index.
pub fn blend(offers: &[Offer]) -> Vec<Ranked> {
    let mut parts: HashMap<usize, Vec<Reason>> = HashMap::new();
    for offer in offers {
        let best = offer
            .candidates
            .first()
            .map_or(0.0, |candidate| candidate.score);
        let weight = offer.weight;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Candidate;
    use crate::explain::Source;

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
        let ranked = blend(&[
            offer(Source::Taste, &[(1, 2.0), (2, 1.0)]),
            offer(Source::Neighbours, &[(2, 8.0), (3, 4.0)]).weighing(0.5),
            offer(Source::Content, &[(9, 1.0)]).weighing(0.0),
        ]);
        let order: Vec<_> = ranked.iter().map(|one| one.index).collect();
        assert_eq!(order, [1, 2, 3], "a tie at 1.0 goes to the lower index");
        for one in &ranked {
            let sum: f32 = one.reasons.iter().map(|reason| reason.contribution).sum();
            assert!((sum - one.score).abs() < 1e-6);
        }
        assert_eq!(ranked[1].reasons[0].source, Source::Taste);
    }
}
