//! What skips keep out of lists and move down in them: one rule, which every placement keeps.
//!
//! - A track that its listener dislikes, or skipped more than they played and liked it, is **rejected**:
//!   no list holds it, whether heard tracks may appear in the list or not.
//! - A track whose newest play of the running session was skipped **rests**: no list holds it before the
//!   session is over, or it is played on after all, as long as there is anything else to show.
//! - Skips **move down** what is left, the track for as long as it was not played on, its artist more
//!   weakly and only where skips prevail. What a skip weighs halves with every [`HALF_LIFE_DAYS`], to nothing
//!   after [`FORGOTTEN_DAYS`].
//!
//! What is wished for explicitly goes before skips: the seeds of a request with their artists, and what a rule
//! pins. A dislike is explicit too, and stands against a pin.

use leitmotif_domain::{Timestamp, TrackId};
use leitmotif_features::{Judgement, TrackHistory};

use crate::keyed::{KeyedMap, KeyedSet};
use crate::known::KnownTracks;
use crate::recent_sessions::SESSION_GAP_MS;
use crate::view::TenantView;

/// Days after which a skip weighs half: a mood passes, and what is skipped again and again is rejected anyway.
const HALF_LIFE_DAYS: f64 = 3.0;
/// Days after which a skip weighs less than a thousandth, and is not read any more.
const FORGOTTEN_DAYS: i64 = 30;
/// How far a whole skip moves the track, in units of the distance from the worst candidate to the best: behind
/// all others.
const OF_TRACK: f32 = 1.0;
/// How far it moves the artist's other tracks: out of the first places, not out of the list.
const OF_ARTIST: f32 = 0.25;
/// Skips of an artist that count at most: more would hide an artist for weeks.
const ARTIST_SKIPS_MAX: f32 = 3.0;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Whether a listener wants a track no more.
pub fn is_rejected(history: &TrackHistory) -> bool {
    history.judgement() == Judgement::Disliked || history.signal() < 0.0
}

/// The skips of a listener that have a say at a moment.
#[derive(Debug, Default)]
pub struct RecentSkips {
    /// Tracks skipped in the running session, all versions, by catalogue index.
    resting: KeyedSet<usize>,
    /// How far skips move a track, all versions, by catalogue index.
    tracks: KeyedMap<usize, f32>,
    /// How far skips move what an artist made.
    artists: KeyedMap<u64, f32>,
}

/// What the newest plays of one track come to.
#[derive(Default)]
struct Run {
    /// Skips since it was played on, as far as they did not fade.
    skips: f32,
    rests: bool,
    is_over: bool,
}

impl RecentSkips {
    /// Reads the newest plays; skips say nothing of the artists of `seeds`.
    ///
    /// - Cost: O(newest plays), of which there are few; without a skip among them one pass.
    pub fn of(
        view: &TenantView,
        known: &KnownTracks<'_>,
        seeds: &[TrackId],
        now: Timestamp,
    ) -> Self {
        let mut recent = Self::default();
        let since = now.plus_ms(-FORGOTTEN_DAYS * DAY_MS);
        if !known.has_skip_since(since) {
            return recent;
        }
        let mut runs: KeyedMap<TrackId, Run> = KeyedMap::default();
        let (mut later, mut is_running) = (now, true);
        for (at, one, signal) in known.recent_signals() {
            if at < since {
                break;
            }
            let age_ms = now.since_ms(at).max(0);
            is_running &= later.since_ms(at) < SESSION_GAP_MS;
            later = at;
            let faded = (age_ms as f64 / DAY_MS as f64 / -HALF_LIFE_DAYS).exp2() as f32;
            let run = runs.entry(one.track).or_default();
            if signal < 0.0 && !run.is_over {
                run.skips -= signal * faded;
                run.rests |= is_running;
            }
            // A play of unknown length says nothing.
            run.is_over |= signal > 0.0;
            if let Some(card) = one.index.and_then(|index| view.catalogue.card(index)) {
                *recent.artists.entry(card.artist_key).or_insert(0.0) += signal * faded;
            }
        }
        for (track, run) in runs.into_iter().filter(|(_, run)| run.skips > 0.0) {
            for index in view.catalogue.versions(track) {
                *recent.tracks.entry(index).or_insert(0.0) += OF_TRACK * run.skips;
                if run.rests {
                    recent.resting.insert(index);
                }
            }
        }
        for seed in seeds.iter().filter_map(|seed| view.catalogue.index(*seed)) {
            if let Some(card) = view.catalogue.card(seed) {
                recent.artists.remove(&card.artist_key);
            }
        }
        recent.artists.retain(|_, liking| {
            *liking = OF_ARTIST * (-*liking).min(ARTIST_SKIPS_MAX);
            *liking > 0.0
        });
        recent
    }

    /// Whether nothing rests or moves.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.artists.is_empty()
    }

    /// Whether a track was skipped in the running session and not played on since.
    pub fn rests(&self, index: usize) -> bool {
        self.resting.contains(&index)
    }

    /// How far a track moves down, in units of the distance from the worst candidate to the best: by skips of
    /// itself, and by those of its artist.
    pub fn moves(&self, index: usize, artist_key: u64) -> [(&'static str, f32); 2] {
        let of = |found: Option<&f32>| found.copied().unwrap_or(0.0);
        [
            ("track", of(self.tracks.get(&index))),
            ("artist", of(self.artists.get(&artist_key))),
        ]
    }
}
