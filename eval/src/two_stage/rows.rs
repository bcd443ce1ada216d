//! What the second stage is told of a candidate.

use super::sources::{Candidate, Offer, SOURCES, Sources};

/// Columns of one generator: rank, score, share of its best.
const OF_SOURCE: usize = 3;
/// Columns of a row.
pub const COLUMNS: usize = SOURCES * OF_SOURCE + 16;
/// Share of the sessions, the latest, that count as recent.
const RECENT_SHARE: f64 = 0.1;

/// How often items were played.
pub struct ItemCounts {
    all: Vec<f32>,
    recent: Vec<f32>,
    /// How many sessions ago an item was last played, as a share of all sessions.
    age: Vec<f32>,
}

impl ItemCounts {
    /// Counts a log in the order of time.
    pub fn of(sessions: &[Vec<u32>], item_count: usize) -> Self {
        let mut counts = Self {
            all: vec![0.0; item_count],
            recent: vec![0.0; item_count],
            age: vec![1.0; item_count],
        };
        let total = sessions.len().max(1) as f64;
        let recent_from = total * (1.0 - RECENT_SHARE);
        for (number, session) in sessions.iter().enumerate() {
            for &item in session {
                counts.all[item as usize] += 1.0;
                counts.age[item as usize] = (1.0 - number as f64 / total) as f32;
                if number as f64 >= recent_from {
                    counts.recent[item as usize] += 1.0;
                }
            }
        }
        counts
    }
}

/// Appends the row of a candidate; what does not apply is NaN.
pub fn row_of(
    sources: &Sources,
    counts: &ItemCounts,
    prefix: &[u32],
    candidate: &Candidate,
    row: &mut Vec<f32>,
) {
    for offer in &candidate.offers {
        let known = |value: fn(&Offer) -> f32| offer.as_ref().map_or(f32::NAN, value);
        row.push(known(|offer| f32::from(offer.rank)));
        row.push(known(|offer| offer.score));
        row.push(known(|offer| offer.share));
    }
    let item = candidate.item;
    let at = item as usize;
    let offered = candidate.offers.iter().flatten().count();
    row.push(offered as f32);
    row.push(counts.all[at].ln_1p());
    row.push(counts.recent[at].ln_1p());
    row.push(counts.recent[at] / counts.all[at].max(1.0));
    row.push(counts.age[at]);
    let length = prefix.len();
    let mut distinct = prefix.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    row.push(length as f32);
    row.push(distinct.len() as f32 / length.max(1) as f32);
    let last_place = prefix.iter().rposition(|&other| other == item);
    row.push(last_place.map_or(f32::NAN, |place| (length - place) as f32));
    row.push(prefix.iter().filter(|&&other| other == item).count() as f32);
    let before = |steps: usize| length.checked_sub(steps).map(|place| prefix[place]);
    for steps in 1..=3 {
        row.push(before(steps).map_or(f32::NAN, |from| sources.rules.transition(from, item)));
    }
    let last = before(1).unwrap_or_default();
    let backwards = sources.backward_rules.transition(last, item);
    row.push(backwards);
    row.push(sources.rules.transition(last, item) / counts.all[last as usize].max(1.0));
    row.push(sources.rules.transition(last, item) / counts.all[at].max(1.0));
    // A cycle: this very step lies behind the running session already.
    let steps = prefix.windows(2).filter(|pair| *pair == [last, item]);
    row.push(steps.count() as f32);
}
