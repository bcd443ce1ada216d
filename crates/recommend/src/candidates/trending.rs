//! What is played more than usual in these days.

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::view::TenantView;

/// Days after which a play counts half for what is played in these days.
pub const TREND_HALF_LIFE_DAYS: f64 = 3.0;
/// Plays that every track has in these days and usually: a track with one play is no trend.
const PRIOR_PLAYS: f64 = 3.0;
/// Trending tracks that are kept in order: more than a list is made of.
pub(crate) const MOST_TRENDING: usize = 500;

/// How much more each track is played in these days than usual: the smoothed ratio less 1, and 0 where it is
/// no more.
///
/// What is usual is the share of all long-lived plays that the last days have, so that a week in which
/// everything is played more makes no trends, nor does a new platform.
///
/// - Shape: `lately` and `usually` are decayed plays by track, with [`TREND_HALF_LIFE_DAYS`] and with that of
///   popularity.
/// - Cost: O(tracks).
/// - Source: the smoothed ratio of an observed to an expected count, as for surprising rates of small
///   counts; DuMouchel 1999 shrinks them by a fitted prior, here it is a fixed number of plays.
pub fn trends(lately: &[f64], usually: &[f64]) -> Vec<f32> {
    let whole: f64 = usually.iter().sum();
    let usual = if whole > 0.0 {
        lately.iter().sum::<f64>() / whole
    } else {
        0.0
    };
    (lately.iter().zip(usually))
        .map(|(lately, usually)| {
            let ratio = (lately + PRIOR_PLAYS) / (usually * usual + PRIOR_PLAYS);
            (ratio - 1.0).max(0.0) as f32
        })
        .collect()
}

/// Offers the tracks that are played more than usual, by how much.
///
/// - Cost: O(count): they are kept in order.
pub fn trending(view: &TenantView, count: usize) -> Offer {
    let living = |(index, score): &(u32, f32)| {
        let index = *index as usize;
        view.catalogue.card(index).map(|_| Candidate {
            index,
            score: *score,
            because_of: None,
        })
    };
    let candidates = view.most_trending().iter().filter_map(living).take(count);
    Offer::of_sorted(Source::Trending, candidates.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_track_trends_by_how_much_more_it_is_played_than_usual() {
        // A fifth of all plays is of these days: the first has five times its share, the second just its
        // own, the third none.
        let found = trends(&[20.0, 10.0, 0.0], &[20.0, 50.0, 80.0]);
        assert!((found[0] - (23.0 / 7.0 - 1.0)).abs() < 1e-6, "{found:?}");
        assert_eq!(found[1..], [0.0, 0.0]);
    }

    #[test]
    fn few_plays_trend_less_than_many_of_the_same_ratio() {
        let found = trends(&[1.0, 30.0, 0.0], &[1.0, 30.0, 279.0]);
        assert!(found[0] > 0.0 && found[1] > 4.0 * found[0], "{found:?}");
    }

    #[test]
    fn nothing_trends_where_nothing_or_everything_is_played_lately() {
        assert_eq!(trends(&[0.0, 0.0], &[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(trends(&[4.0, 90.0], &[4.0, 90.0]), [0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn what_has_no_more_than_its_share_of_these_days_does_not_trend(
            plays in prop::collection::vec((0.0_f64..1e6, 0.0_f64..1e6), 1..20),
        ) {
            // What is of these days is a part of all.
            let lately: Vec<f64> = plays.iter().map(|(lately, _)| *lately).collect();
            let usually: Vec<f64> = plays.iter().map(|(lately, rest)| lately + rest).collect();
            let whole = |plays: &[f64]| plays.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            for (place, trend) in trends(&lately, &usually).into_iter().enumerate() {
                let share = |plays: &[f64]| plays[place] / whole(plays);
                prop_assert!(trend.is_finite() && trend >= 0.0);
                prop_assert!(share(&lately) > share(&usually) || trend < 1e-6);
            }
        }
    }
}
