//! How much is played, as it was counted last.

use leitmotif_domain::Timestamp;
use leitmotif_features::ListeningState;
use leitmotif_features::track::TILE_MS;

use crate::candidates::{Best, MOST_TRENDING, TREND_HALF_LIFE_DAYS, trends};
use crate::catalogue::CatalogueView;
use crate::rank::skip_rate;

/// Most popular tracks that are kept in order: more than a list is made of.
pub(crate) const MOST_POPULAR: usize = 2_000;

/// Decayed plays that the greatest popularity elsewhere is worth: less than a play of the last half year, so that it
/// orders what nobody plays and nothing else.
const PRIOR_PLAYS: f32 = 0.01;

/// How much is played, by catalogue index. It follows from a listening state, a catalogue and a day.
#[derive(Debug, Default)]
pub struct Counts {
    /// Decayed popularity.
    pub popularity: Vec<f32>,
    /// The largest of them.
    pub popularity_max: f32,
    /// `ln(1 + x)` of each, as a ranker is told of it.
    pub popularity_logs: Vec<f32>,
    /// Skips per play.
    pub skip_rates: Vec<f32>,
    /// How much more than usual a track is played.
    pub trends: Vec<f32>,
    /// The most popular tracks, best first.
    pub most_popular: Vec<u32>,
    /// The tracks that are played more than usual, with how much, best first.
    pub most_trending: Vec<(u32, f32)>,
    /// All plays.
    pub plays: u64,
    /// The day as of which plays are weighed.
    day: i64,
}

impl Counts {
    /// Counts what was played as it weighs at `now`. A track that nobody plays here counts as it is said to be
    /// played elsewhere, below one that is played.
    ///
    /// - Cost: O(tracks with their days).
    pub fn of(state: &ListeningState, catalogue: &CatalogueView, now: Timestamp) -> Self {
        let mut popularity = vec![0.0; catalogue.len()];
        for (index, card) in catalogue.cards() {
            if let (Some(popularity), Some(prior)) = (popularity.get_mut(index), card.prior) {
                *popularity = PRIOR_PLAYS * f32::from(prior) / 100.0;
            }
        }
        let mut skip_rates = vec![skip_rate(0, 0); catalogue.len()];
        let mut plays = 0;
        let mut lately = vec![0.0; catalogue.len()];
        let mut usually = vec![0.0; catalogue.len()];
        for (track, activity) in state.tracks() {
            let total = activity.total();
            plays += u64::from(total.plays);
            if let Some(index) = catalogue.index(track)
                && let (Some(popularity), Some(rate)) =
                    (popularity.get_mut(index), skip_rates.get_mut(index))
            {
                let played = activity.popularity(now);
                *popularity = popularity.max(played as f32);
                *rate = skip_rate(total.plays, total.skips);
                usually[index] = played;
                lately[index] = activity.decayed(now, TREND_HALF_LIFE_DAYS);
            }
        }
        let most = most_of(&popularity, MOST_POPULAR);
        let trends = trends(&lately, &usually);
        Self {
            popularity_max: most.first().map_or(0.0, |(_, score)| *score),
            popularity_logs: popularity.iter().map(|plays| plays.ln_1p()).collect(),
            most_popular: most.into_iter().map(|(index, _)| index).collect(),
            most_trending: most_of(&trends, MOST_TRENDING),
            popularity,
            skip_rates,
            trends,
            plays,
            day: day_of(now),
        }
    }

    /// Whether plays are weighed as of the day of a moment.
    pub fn are_of_day(&self, now: Timestamp) -> bool {
        self.day == day_of(now)
    }
}

/// The day that plays are weighed by at a moment: within it, counts of one state are the same.
pub fn day_of(now: Timestamp) -> i64 {
    now.as_ms().div_euclid(TILE_MS)
}

/// The places of the largest of some numbers above 0, with these, largest first.
fn most_of(numbers: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut most = Best::new(count);
    for (place, number) in (0..).zip(numbers).filter(|(_, number)| **number > 0.0) {
        most.tell(place, *number);
    }
    most.into_sorted().collect()
}
