//! Answers for somebody of whom only a few tracks are known: what these say, drawn towards what many play.
//!
//! One track says little of a listener, and how much less than popularity depends on the catalogue: where all play much
//! of the same few hundred tracks, popularity is hard to beat; where tastes part, one track beats it. So how fast the
//! known tracks take over is found on listeners whose other tracks are known.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::rank_metrics::ndcg_at;

/// Who offers, in the order of all weights here: neighbours of the known tracks by who plays what, neighbours by
/// content, and what many play.
pub const OFFERS: usize = 3;
/// How many tracks newcomers are asked with.
pub const KNOWN_COUNTS: [usize; 3] = [1, 3, 5];
/// Items that a source offers to a pool at most, as in an answer.
pub const POOLED: usize = 200;
/// Fewest other tracks that an answer is judged by.
pub const OTHERS_MIN: usize = 5;
/// Depth of the lists that are judged.
const DEPTH: usize = 10;
/// Tracks that popularity may be worth: from nothing to so many that the known ones break its ties alone.
const PRIORS: [f32; 11] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];
/// What content may count beside neighbours.
const CONTENTS: [f32; 6] = [0.5, 0.0, 0.1, 0.2, 1.0, 2.0];
/// What content may count beside popularity where nobody plays the known tracks.
const UNPLAYED: [f32; 8] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/// How much each source counts for somebody of whom few tracks are known.
///
/// A track's score is its share of the best of each source, so weighed: the known tracks have `n / (n + prior)` of the
/// whole and popularity the rest, as the mean of a sample of `n` is drawn towards that of everybody.
///
/// - Source: the credibility of a sample of Bühlmann 1967, which Efron and Morris 1973 have as empirical Bayes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NewcomerMix {
    /// So many known tracks count as much as what many play.
    pub prior_tracks: f32,
    /// What content counts beside neighbours.
    pub content: f32,
    /// What content counts beside what many play, where nobody plays the known tracks; without a number it is all
    /// there is.
    pub unplayed_content: Option<f32>,
}

impl Default for NewcomerMix {
    /// What is used where nothing was learnt: the known tracks alone.
    fn default() -> Self {
        Self {
            prior_tracks: 0.0,
            content: CONTENTS[0],
            unplayed_content: None,
        }
    }
}

/// Somebody of whom a few tracks are known, and what they took to besides.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// How many of the known tracks anybody else plays.
    pub known: usize,
    /// What each source offers: items, none of them known, with their share of its best.
    pub offers: [Vec<(usize, f32)>; OFFERS],
    /// Their other tracks.
    pub relevant: HashSet<usize>,
}

impl NewcomerMix {
    /// What each source counts where so many known tracks are played by others.
    pub fn weights(&self, known: usize) -> [f32; OFFERS] {
        match (known, self.unplayed_content) {
            (0, None) => [0.0, 1.0, 0.0],
            (0, Some(content)) => [0.0, content, 1.0],
            (known, _) => {
                let evidence = known as f32 / (known as f32 + self.prior_tracks);
                [evidence, evidence * self.content, 1.0 - evidence]
            }
        }
    }

    /// Finds the mix that answers these newcomers best: those with known tracks that are played tell two of the
    /// numbers, those without the third.
    ///
    /// - Errors: none; without newcomers of a kind its numbers are the usual ones.
    /// - Cost: O(newcomers × 74 × offered).
    pub fn fit(newcomers: &[Newcomer]) -> Self {
        let (unplayed, played): (Vec<Pooled>, Vec<Pooled>) = (newcomers.iter())
            .map(Pooled::of)
            .partition(|one| one.newcomer.known == 0);
        let mut found = Self::default();
        if !played.is_empty() {
            let tried = PRIORS.into_iter().flat_map(|prior_tracks| {
                CONTENTS.map(|content| Self {
                    prior_tracks,
                    content,
                    ..found
                })
            });
            found = best_of(tried, &played).unwrap_or(found);
        }
        if !unplayed.is_empty() {
            let tried = UNPLAYED.into_iter().map(|content| Self {
                unplayed_content: Some(content),
                ..found
            });
            found = best_of(tried, &unplayed).unwrap_or(found);
        }
        found
    }

    /// NDCG@10 of the answer to a newcomer.
    pub fn ndcg(&self, newcomer: &Newcomer) -> f64 {
        Pooled::of(newcomer).ndcg(self.weights(newcomer.known))
    }
}

impl Newcomer {
    /// NDCG@10 of what many play.
    pub fn popularity_ndcg(&self) -> f64 {
        Pooled::of(self).ndcg([0.0, 0.0, 1.0])
    }
}

/// Shares of the best of some scores: the best so many items that are not known, where any is worth something.
pub fn offer_of(scores: &[f32], known: &[usize], count: usize) -> Vec<(usize, f32)> {
    let mut masked = scores.to_vec();
    for known in known {
        if let Some(score) = masked.get_mut(*known) {
            *score = f32::NEG_INFINITY;
        }
    }
    let best = crate::top_k(&masked, count);
    let most = best.first().map_or(0.0, |item| masked[*item]);
    let worthy = best.into_iter().filter(|item| masked[*item] > 0.0);
    worthy.map(|item| (item, masked[item] / most)).collect()
}

/// What is offered to a newcomer, each item once.
struct Pooled<'n> {
    newcomer: &'n Newcomer,
    items: Vec<(usize, [f32; OFFERS])>,
}

impl<'n> Pooled<'n> {
    fn of(newcomer: &'n Newcomer) -> Self {
        let mut items: BTreeMap<usize, [f32; OFFERS]> = BTreeMap::new();
        for (source, offer) in newcomer.offers.iter().enumerate() {
            for (item, share) in offer {
                items.entry(*item).or_default()[source] = *share;
            }
        }
        Self {
            newcomer,
            items: items.into_iter().collect(),
        }
    }

    fn ndcg(&self, weights: [f32; OFFERS]) -> f64 {
        let score = |shares: &[f32; OFFERS]| -> f32 {
            let parts = shares.iter().zip(weights);
            parts.map(|(share, weight)| share * weight).sum()
        };
        let mut scored: Vec<(f32, usize)> = (self.items.iter())
            .map(|(item, shares)| (score(shares), *item))
            .filter(|(score, _)| *score > 0.0)
            .collect();
        let order = |a: &(f32, usize), b: &(f32, usize)| -> Ordering {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        };
        if scored.len() > DEPTH {
            scored.select_nth_unstable_by(DEPTH - 1, order);
            scored.truncate(DEPTH);
        }
        scored.sort_unstable_by(order);
        let ranked: Vec<usize> = scored.into_iter().map(|(_, item)| item).collect();
        ndcg_at(&ranked, &self.newcomer.relevant, DEPTH)
    }
}

/// The mix with the best mean; of equals the first.
fn best_of(
    tried: impl Iterator<Item = NewcomerMix>,
    newcomers: &[Pooled<'_>],
) -> Option<NewcomerMix> {
    let mut best: Option<(f64, NewcomerMix)> = None;
    for mix in tried {
        let each = newcomers.iter();
        let sum: f64 = each
            .map(|one| one.ndcg(mix.weights(one.newcomer.known)))
            .sum();
        if best.is_none_or(|(known, _)| sum > known) {
            best = Some((sum, mix));
        }
    }
    best.map(|(_, mix)| mix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn newcomer(known: usize, offers: [&[(usize, f32)]; OFFERS], relevant: &[usize]) -> Newcomer {
        Newcomer {
            known,
            offers: offers.map(<[_]>::to_vec),
            relevant: relevant.iter().copied().collect(),
        }
    }

    #[test]
    fn the_more_is_known_the_less_popularity_counts() {
        let mix = NewcomerMix {
            prior_tracks: 3.0,
            content: 0.5,
            unplayed_content: Some(0.25),
        };
        let check = |known, expected| assert_eq!(mix.weights(known), expected);
        check(0, [0.0, 0.25, 1.0]);
        check(1, [0.25, 0.125, 0.75]);
        check(3, [0.5, 0.25, 0.5]);
        let usual = NewcomerMix::default();
        assert_eq!(usual.weights(1), [1.0, 0.5, 0.0]);
        assert_eq!(usual.weights(0), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn shares_are_of_the_best_that_is_unknown() {
        let scores = [4.0, 2.0, 0.0, 1.0, -1.0];
        assert_eq!(offer_of(&scores, &[0], 9), [(1, 1.0), (3, 0.5)]);
        assert_eq!(offer_of(&scores, &[], 1), [(0, 1.0)]);
        assert_eq!(offer_of(&[0.0; 3], &[], 9), []);
    }

    /// Neighbours know better, popularity knows better, and content alone knows better.
    #[test]
    fn what_answers_best_is_found() {
        let (right, wrong): (&[_], &[_]) = (&[(1, 1.0), (2, 0.5)], &[(3, 1.0), (4, 0.5)]);
        let asked = |known, offers| vec![newcomer(known, offers, &[1, 2]); 3];
        let by_neighbours = NewcomerMix::fit(&asked(1, [right, wrong, wrong]));
        assert_eq!(by_neighbours.prior_tracks, 0.0);
        let by_popularity = NewcomerMix::fit(&asked(1, [wrong, wrong, right]));
        assert!(by_popularity.prior_tracks > 1.0);
        assert_eq!(by_popularity.unplayed_content, None, "nobody was asked so");
        let by_content = NewcomerMix::fit(&asked(0, [&[], right, wrong]));
        assert!(by_content.unplayed_content > Some(1.0));
        let by_all = NewcomerMix::fit(&asked(0, [&[], wrong, right]));
        assert_eq!(by_all.unplayed_content, Some(0.0));
        assert_eq!(NewcomerMix::fit(&[]), NewcomerMix::default());
    }

    proptest! {
        /// Popularity is nearly among what is tried, so what is found is hardly worse on what it was found by.
        #[test]
        fn nothing_is_found_that_is_worse_than_the_known_tracks_alone(
            seeds in prop::collection::vec(
                (prop::collection::vec(0.01_f32..1.0, 12), prop::collection::vec(0.01_f32..1.0, 12), 0_usize..6),
                1..8,
            ),
        ) {
            let newcomers: Vec<Newcomer> = seeds.iter().map(|(neighbours, popular, known)| Newcomer {
                known: *known,
                offers: [offer_of(neighbours, &[], 12), Vec::new(), offer_of(popular, &[], 12)],
                relevant: (0..4).collect(),
            }).collect();
            let found = NewcomerMix::fit(&newcomers);
            let mean = |mix: NewcomerMix| -> f64 { newcomers.iter().map(|one| mix.ndcg(one)).sum() };
            prop_assert!(mean(found) >= mean(NewcomerMix::default()) - 1e-9);
        }
    }
}
