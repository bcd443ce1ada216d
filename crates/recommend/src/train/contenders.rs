//! The tracks of a question that any blend could put first, so that many blends can be tried.

use leitmotif_learn::top_k;

use super::ladder::{DEPTH, Judged, SourceScores};
use super::questions::Question;
use crate::audiences::mixed;
use crate::explain::Source;
use crate::model::BlendWeights;

/// Tracks that each source names. A blend is a sum of shares of each source's best: to be among its
/// first twenty without being among the first two thousand of any source, a track would have to be
/// middling everywhere and better for it than all that are not. Smaller catalogues are taken whole.
const NAMED: usize = 2_000;

/// What any blend could put first for one listener, with its share of each source's best.
pub struct Contenders {
    /// Columns, ascending.
    items: Vec<u32>,
    /// By the number of the source; empty for a source that has nothing to say.
    shares: [Vec<f32>; Source::LEARNT],
    /// How much more often each is played at the moment; empty where nothing is known of it.
    lifts: Vec<f32>,
    /// Popularity with everybody, and with the audience of the question, each as a share of the most popular; empty
    /// where nothing is known of the audience.
    popular: Vec<(f32, f32)>,
}

impl Contenders {
    /// Takes what each source names of the tracks that the listener does not know.
    ///
    /// - Cost: O(items); memory for at most eight times 2,000 tracks.
    pub fn of(scores: &SourceScores, question: &Question) -> Self {
        let is_heard = scores.is_heard(question);
        let unheard = || (0..is_heard.len() as u32).filter(|item| !is_heard[*item as usize]);
        let mut items = Vec::new();
        let audience = Some(scores.audience.as_slice()).filter(|scores| !scores.is_empty());
        for source in scores.sources().into_iter().chain(audience) {
            let mut named: Vec<u32> = unheard().collect();
            if named.len() > NAMED {
                let score = |item: &u32| source[*item as usize];
                let order = |a: &u32, b: &u32| score(b).total_cmp(&score(a)).then(a.cmp(b));
                named.select_nth_unstable_by(NAMED, order);
                named.truncate(NAMED);
            }
            items.extend(named);
        }
        items.sort_unstable();
        items.dedup();
        let shares = scores.sources().map(|source| {
            let best = unheard()
                .map(|item| source[item as usize])
                .fold(0.0, f32::max);
            if best <= 0.0 {
                return Vec::new();
            }
            let share = |item: &u32| source[*item as usize] / best;
            items.iter().map(share).collect()
        });
        let lifts = items
            .iter()
            .filter_map(|item| scores.lifts.get(*item as usize));
        let most = scores.popular.iter().copied().fold(0.0, f32::max);
        let popular = audience
            .filter(|_| most > 0.0)
            .map_or(Vec::new(), |audience| {
                let both = |item: &u32| {
                    (
                        scores.popular[*item as usize] / most,
                        audience[*item as usize],
                    )
                };
                items.iter().map(both).collect()
            });
        Self {
            popular,
            lifts: lifts.copied().collect(),
            items,
            shares,
        }
    }

    /// The shares of popularity where that with the audience counts so much; none where nothing is known of it.
    fn popular_with(&self, weight: f32) -> Option<Vec<f32>> {
        let mixed = |(popular, audience): &(f32, f32)| mixed(*popular, *audience, weight);
        let best = self.popular.iter().map(mixed).fold(0.0, f32::max);
        (weight > 0.0 && best > 0.0)
            .then(|| self.popular.iter().map(|one| mixed(one) / best).collect())
    }

    /// Judges a blend of the sources.
    pub fn judged(&self, weights: &BlendWeights, question: &Question) -> Judged {
        let mut sum = vec![0.0; self.items.len()];
        let popular = self.popular_with(weights.audience);
        let mut sources = self.shares.each_ref();
        if let Some(popular) = &popular {
            sources[Source::Popular as usize] = popular;
        }
        for (shares, weight) in sources.into_iter().zip(weights.by_source()) {
            if weight > 0.0 {
                let both = sum.iter_mut().zip(shares);
                both.for_each(|(slot, share)| *slot += weight * share);
            }
        }
        if weights.moment > 0.0 {
            let both = sum.iter_mut().zip(&self.lifts);
            both.for_each(|(slot, lift)| *slot += weights.moment * lift);
        }
        let first: Vec<usize> = (top_k(&sum, DEPTH).into_iter())
            .map(|place| self.items[place] as usize)
            .collect();
        Judged::of(&first, question)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use leitmotif_domain::chance::Seed;

    use super::super::ladder::judged;
    use super::*;
    use crate::moments::UNKNOWN;

    /// Scores as sources have them: two of every track, three of few.
    fn scores(count: usize, seed: u64) -> SourceScores {
        let mut random = Seed(seed).rng();
        let mut dense = || {
            (0..count)
                .map(|_| random.next_f64() as f32)
                .collect::<Vec<_>>()
        };
        let (taste, popular, lifts, audience) = (dense(), dense(), dense(), dense());
        let mut sparse = || {
            let mut scores = vec![0.0; count];
            (0..count / 50)
                .for_each(|_| scores[random.next_below(count)] = random.next_f64() as f32);
            scores
        };
        SourceScores {
            neighbours: sparse(),
            content: vec![0.0; count],
            session: sparse(),
            sessions: sparse(),
            trending: sparse(),
            taste,
            lifts,
            audience,
            popular: popular.into_iter().map(|score| score.powi(8)).collect(),
        }
    }

    #[test]
    fn contenders_are_judged_as_all_tracks_are() {
        for (count, seed) in [(30, 1), (1_500, 2), (30_000, 3), (30_000, 4)] {
            let scores = scores(count, seed);
            let mut random = Seed(seed ^ 99).rng();
            let mut drawn = |most: usize| -> HashSet<usize> {
                (0..most).map(|_| random.next_below(count)).collect()
            };
            let heard = drawn(count / 10);
            let mut best = top_k(&scores.taste, 60);
            best.retain(|item| !heard.contains(item));
            let question = Question {
                listener: 0,
                moment: UNKNOWN,
                relevant: best.into_iter().step_by(3).collect(),
                heard,
                last: Vec::new(),
                loved: HashSet::new(),
                elsewhere: HashSet::new(),
            };
            let contenders = Contenders::of(&scores, &question);
            for neighbours in [0.0, 0.1, 1.5] {
                for popular in [0.0, 0.4] {
                    let weights = BlendWeights {
                        neighbours,
                        popular,
                        moment: popular / 2.0,
                        audience: neighbours / 2.0,
                        ..BlendWeights::default()
                    };
                    let whole = judged(&question, scores.blended(&question, &weights));
                    let found = contenders.judged(&weights, &question);
                    let difference = (found.ndcg_at_10 - whole.ndcg_at_10).abs();
                    assert!(difference < 1e-12, "{count}: {found:?}, {whole:?}");
                }
            }
        }
    }
}
