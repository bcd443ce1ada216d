//! The union of all offers.

use crate::candidates::{Candidate, Offer, best_first};
use crate::explain::{Reason, Source};
use crate::moments::MomentShift;
use crate::view::TenantView;

/// A candidate with what every source says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pooled {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Sum of the weighted shares.
    pub blended: f32,
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
            offers,
        })
    }
}

impl Pooled {
    /// The same with more or less to its blended score.
    pub fn shifted(&self, part: f32) -> Self {
        Self {
            blended: self.blended + part,
            ..*self
        }
    }
}

/// Adds to each what the moment makes of it.
pub fn at_moment(view: &TenantView, shift: &MomentShift<'_>, pooled: &mut [Pooled]) {
    if shift.is_nothing() {
        return;
    }
    for one in pooled.iter_mut() {
        one.blended += shift.of(view.column(one.index));
    }
}

/// Pools offers: each offer's scores are divided by its best, so that 1 is the best anywhere, then
/// weighted and summed. In no order; what only offers without weight hold is left out.
pub fn pool(view: &TenantView, offers: &[Offer]) -> Vec<Pooled> {
    let most = offers.iter().map(|offer| offer.candidates.len()).max();
    let mut numbers = view.numbers.lend();
    let room = 2 * most.unwrap_or(0);
    let mut pooled: Vec<Pooled> = Vec::with_capacity(room);
    let mut are_weighed: Vec<bool> = Vec::with_capacity(room);
    for offer in offers {
        for (place, candidate, share) in offer.shares() {
            let at = numbers.number(candidate.index);
            if at == pooled.len() {
                let one = Pooled {
                    index: candidate.index,
                    blended: 0.0,
                    offers: [None; Source::LEARNT],
                };
                pooled.push(one);
                are_weighed.push(false);
            }
            let (Some(one), Some(is_weighed)) = (pooled.get_mut(at), are_weighed.get_mut(at))
            else {
                continue;
            };
            if let Some(slot) = one.offers.get_mut(offer.source as usize) {
                // Known and cold content are one source to the ranker; the better place speaks.
                let better = slot.is_none_or(|(known, _)| share > known);
                *slot = if better { Some((share, place)) } else { *slot };
            }
            if offer.weight > 0.0 {
                one.blended += offer.weight * share;
                *is_weighed = true;
            }
        }
    }
    let mut are_weighed = are_weighed.into_iter();
    pooled.retain(|_| are_weighed.next() == Some(true));
    pooled
}

/// A pool in order: best first, ties by index.
pub fn in_order(pooled: &[Pooled]) -> Vec<Pooled> {
    shortlist(pooled, |_| false, pooled.len())
}

/// The best candidates of the blend that may be shown: what the ranker orders. Best first, ties by index.
///
/// - Cost: O(pool + wanted · log wanted).
pub fn shortlist(
    pooled: &[Pooled],
    is_excluded: impl Fn(&Pooled) -> bool,
    wanted: usize,
) -> Vec<Pooled> {
    // Keys are sorted, not what they stand for, which is large.
    let allowed = (0_u32..).zip(pooled).filter(|(_, one)| !is_excluded(one));
    let key = |one: &Pooled| best_first(one.blended, one.index as u32);
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(pooled.len());
    order.extend(allowed.map(|(at, one)| (key(one), at)));
    if order.len() > wanted {
        order.select_nth_unstable(wanted);
        order.truncate(wanted);
    }
    order.sort_unstable();
    let best = order.into_iter();
    best.filter_map(|(_, at)| pooled.get(at as usize).copied())
        .collect()
}

/// The weighted share of each offer in the blended score of some candidates, in their order, largest first.
///
/// - Shape: no index twice.
/// - Cost: O(candidates of all offers), so it is asked once for all tracks of the list.
pub fn reasons(view: &TenantView, offers: &[Offer], indexes: &[usize]) -> Vec<Vec<Reason>> {
    // Room for one of each offer, and for what a ranker adds to them.
    let room = || Vec::with_capacity(offers.len() + 2);
    let mut told: Vec<Vec<Reason>> = std::iter::repeat_with(room).take(indexes.len()).collect();
    let mut places = view.numbers.lend();
    for index in indexes {
        places.number(*index);
    }
    for offer in offers.iter().filter(|offer| offer.weight > 0.0) {
        for (_, candidate, share) in offer.shares() {
            let Some(place) = places.find(candidate.index) else {
                continue;
            };
            let cause = candidate.because_of;
            let card = cause.and_then(|index| view.catalogue.card(index as usize));
            told[place].push(Reason {
                source: offer.source,
                contribution: offer.weight * share,
                because_of: card.map(|card| card.id),
            });
        }
    }
    for reasons in &mut told {
        reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    }
    told
}

impl Offer {
    /// The candidates with their places and shares of the best; none when the best is worth nothing.
    fn shares(&self) -> impl Iterator<Item = (u32, &Candidate, f32)> {
        let best = (self.candidates.first()).map_or(0.0, |candidate| candidate.score);
        let worthy = if best > 0.0 {
            self.candidates.as_slice()
        } else {
            &[]
        };
        (worthy.iter().zip(0..)).map(move |(one, place)| (place, one, one.score / best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let offers = [
            offer(Source::Taste, &[(1, 2.0), (2, 1.0)]),
            offer(Source::Neighbours, &[(2, 8.0), (3, 4.0)]).weighing(0.5),
            offer(Source::Content, &[(9, 1.0)]).weighing(0.0),
            offer(Source::Session, &[(8, -1.0)]),
        ];
        let view = TenantView::default();
        let pooled = in_order(&pool(&view, &offers));
        let order: Vec<_> = pooled.iter().map(|one| one.index).collect();
        assert_eq!(order, [1, 2, 3], "a tie at 1.0 goes to the lower index");
        let shown = shortlist(&pooled, |one| one.index == 1, 1);
        assert_eq!(shown, pooled[1..2]);
        assert_eq!(shortlist(&pooled, |_| true, 9), []);
        assert_eq!(shortlist(&pooled, |_| false, 0), []);
        let told = reasons(&view, &offers, &order);
        for (one, told) in pooled.iter().zip(&told) {
            let sum: f32 = told.iter().map(|reason| reason.contribution).sum();
            assert!((sum - one.blended).abs() < 1e-6);
        }
        assert_eq!(told[1][0].source, Source::Taste);
        assert_eq!(pooled[1].offers[Source::Taste as usize], Some((0.5, 1)));
        assert_eq!(
            pooled[1].offers[Source::Neighbours as usize],
            Some((1.0, 0))
        );
    }
}
