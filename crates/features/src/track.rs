//! What happened to a track.

use std::collections::BTreeMap;

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::{Listen, ListenOutcome};
use serde::{Deserialize, Serialize};

/// Width of a tile. A window of n days costs n tiles to read and one addition to write.
pub const TILE_MS: i64 = 24 * 3_600 * 1_000;
/// Days after which a play counts half: what is popular this month, not what was last year.
pub const POPULARITY_HALF_LIFE_DAYS: f64 = 30.0;

/// Counts of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Plays begun.
    pub plays: u32,
    /// Plays heard to the end.
    pub completions: u32,
    /// Plays skipped.
    pub skips: u32,
}

/// What happened to a track, by day. Integers only, so sums do not depend on their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackActivity {
    tiles: BTreeMap<i32, Tile>,
}

impl TrackActivity {
    /// Counts a play.
    pub fn add(&mut self, listen: &Listen, occurred_at: Timestamp) {
        let day = i32::try_from(occurred_at.as_ms().div_euclid(TILE_MS)).unwrap_or(i32::MAX);
        let tile = self.tiles.entry(day).or_default();
        tile.plays = tile.plays.saturating_add(1);
        match listen.outcome {
            ListenOutcome::Completed => tile.completions = tile.completions.saturating_add(1),
            ListenOutcome::Skipped => tile.skips = tile.skips.saturating_add(1),
            ListenOutcome::Partial => {}
        }
    }

    /// Takes a counted play out again.
    pub fn take_out(&mut self, listen: &Listen, occurred_at: Timestamp) {
        let day = i32::try_from(occurred_at.as_ms().div_euclid(TILE_MS)).unwrap_or(i32::MAX);
        let Some(tile) = self.tiles.get_mut(&day) else {
            return;
        };
        tile.plays = tile.plays.saturating_sub(1);
        match listen.outcome {
            ListenOutcome::Completed => tile.completions = tile.completions.saturating_sub(1),
            ListenOutcome::Skipped => tile.skips = tile.skips.saturating_sub(1),
            ListenOutcome::Partial => {}
        }
    }

    /// Sums every day.
    pub fn total(&self) -> Tile {
        self.tiles.values().fold(Tile::default(), |sum, tile| Tile {
            plays: sum.plays.saturating_add(tile.plays),
            completions: sum.completions.saturating_add(tile.completions),
            skips: sum.skips.saturating_add(tile.skips),
        })
    }

    /// Plays that were not skipped, each weighing half as much per
    /// [`POPULARITY_HALF_LIFE_DAYS`] of age.
    ///
    /// - Cost: O(days with plays).
    pub fn popularity(&self, now: Timestamp) -> f64 {
        let today = now.as_ms().div_euclid(TILE_MS);
        self.tiles
            .iter()
            .map(|(day, tile)| {
                let age_days = (today - i64::from(*day)).max(0) as f64;
                let liked = tile.plays.saturating_sub(tile.skips);
                f64::from(liked) * (-age_days / POPULARITY_HALF_LIFE_DAYS).exp2()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::TrackId;

    use super::*;

    fn listen(outcome: ListenOutcome) -> Listen {
        Listen {
            track: TrackId::from_u128(1),
            played_ms: None,
            track_ms: None,
            outcome,
            source: None,
            request_id: None,
            device: None,
            activity: None,
            private: false,
        }
    }

    #[test]
    fn a_play_weighs_half_after_a_half_life() {
        let now = Timestamp::from_ms(1_000 * TILE_MS);
        let mut activity = TrackActivity::default();
        activity.add(&listen(ListenOutcome::Completed), now);
        activity.add(
            &listen(ListenOutcome::Completed),
            now.plus_ms(-30 * TILE_MS),
        );
        activity.add(&listen(ListenOutcome::Skipped), now);
        assert!((activity.popularity(now) - 1.5).abs() < 1e-9);
        assert_eq!(
            activity.total(),
            Tile {
                plays: 3,
                completions: 2,
                skips: 1
            }
        );
    }
}
