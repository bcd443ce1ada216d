//! Candidate sources, one file each. A source scores catalogue indexes; its scores only mean
//! something among themselves.

mod best;
mod content;
mod familiar;
mod fresh;
mod neighbours;
mod popular;
mod session;
mod sessions;
mod taste;
mod trending;
mod votes;

pub use best::{Best, best_first};
pub use content::{content_cold, content_neighbours};
pub use familiar::familiar;
pub use fresh::fresh;
pub use neighbours::item_neighbours;
pub use popular::popular_with;
pub use session::{LAST_TRACKS, session, voices};
pub use sessions::sessions;
pub use taste::taste;
pub(crate) use trending::MOST_TRENDING;
pub use trending::{TREND_HALF_LIFE_DAYS, trending, trends};
pub use votes::Votes;

use crate::explain::Source;
use crate::keyed::KeyedSet;
use crate::view::TenantView;

/// One scored track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its index in the catalogue view.
    pub index: usize,
    /// The source's score.
    pub score: f32,
    /// The track of the listener it follows from, by its index in the catalogue view.
    pub because_of: Option<u32>,
}

/// What one source offers, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The source.
    pub source: Source,
    /// How much it counts in the blend.
    pub weight: f32,
    /// Its candidates.
    pub candidates: Vec<Candidate>,
}

impl Offer {
    /// Sorts by score, ties by index, and keeps the best `count`.
    pub fn new(source: Source, mut candidates: Vec<Candidate>, count: usize) -> Self {
        candidates.retain(|candidate| candidate.score.is_finite());
        let order =
            |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index));
        candidates.sort_unstable_by(order);
        candidates.truncate(count);
        Self::of_sorted(source, candidates)
    }

    /// Offers the best of what was scored; `because_of` tells of an index which track it follows from.
    fn of_best(source: Source, best: Best, because_of: impl Fn(usize) -> Option<u32>) -> Self {
        let candidates = best.into_sorted().map(|(index, score)| Candidate {
            index: index as usize,
            score,
            because_of: because_of(index as usize),
        });
        Self::of_sorted(source, candidates.collect())
    }

    fn of_sorted(source: Source, candidates: Vec<Candidate>) -> Self {
        Self {
            source,
            weight: 1.0,
            candidates,
        }
    }

    /// Puts the track that stands for its recording in the place of each candidate, which has the best
    /// score of its versions.
    pub fn of_recordings(mut self, view: &TenantView) -> Self {
        if view.catalogue.recordings().is_empty() {
            return self;
        }
        let mut seen: KeyedSet<usize> = KeyedSet::default();
        self.candidates.retain_mut(|candidate| {
            candidate.index = view.catalogue.standing_for(candidate.index);
            seen.insert(candidate.index)
        });
        self
    }

    /// Sets how much the offer counts.
    pub fn weighing(self, weight: f32) -> Self {
        Self { weight, ..self }
    }
}
