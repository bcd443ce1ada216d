//! What happened to a track.

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
    /// By day. Most plays are of the last one, and a list is half of what a tree takes.
    tiles: Vec<(i32, Tile)>,
}

impl TrackActivity {
    /// Counts a play.
    pub fn add(&mut self, listen: &Listen, occurred_at: Timestamp) {
        let tile = self.tile(day_of(occurred_at));
        tile.plays = tile.plays.saturating_add(1);
        match listen.outcome {
            ListenOutcome::Completed => tile.completions = tile.completions.saturating_add(1),
            ListenOutcome::Skipped => tile.skips = tile.skips.saturating_add(1),
            ListenOutcome::Partial => {}
        }
    }

    /// Takes a counted play out again.
    pub fn take_out(&mut self, listen: &Listen, occurred_at: Timestamp) {
        let tile = self.tile(day_of(occurred_at));
        tile.plays = tile.plays.saturating_sub(1);
        match listen.outcome {
            ListenOutcome::Completed => tile.completions = tile.completions.saturating_sub(1),
            ListenOutcome::Skipped => tile.skips = tile.skips.saturating_sub(1),
            ListenOutcome::Partial => {}
        }
    }

    fn tile(&mut self, day: i32) -> &mut Tile {
        let is_newest = self.tiles.last().is_none_or(|(last, _)| *last < day);
        let place = if is_newest {
            Err(self.tiles.len())
        } else {
            self.tiles.binary_search_by_key(&day, |(day, _)| *day)
        };
        let place = place.unwrap_or_else(|place| {
            if self.tiles.len() == self.tiles.capacity() {
                // A quarter more instead of twice as much: most tracks have few days.
                self.tiles.reserve_exact(1 + self.tiles.len() / 4);
            }
            self.tiles.insert(place, (day, Tile::default()));
            place
        });
        &mut self.tiles[place].1
    }

    /// Sums every day.
    pub fn total(&self) -> Tile {
        let tiles = self.tiles.iter().map(|(_, tile)| tile);
        tiles.fold(Tile::default(), |sum, tile| Tile {
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

fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.as_ms().div_euclid(TILE_MS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::TrackId;

    use super::*;

    fn listen(outcome: ListenOutcome) -> Listen {
        Listen::of(TrackId::from_u128(1), outcome)
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
