//! What happened to a track.

use std::cmp::Ordering;

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::{Listen, ListenOutcome};
use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
#[derive(Debug, Clone, Default)]
pub struct TrackActivity {
    tiles: Tiles,
}

/// Tiles by day. Most tracks have few plays a day, whose counts fit a byte each.
#[derive(Debug, Clone)]
enum Tiles {
    Narrow(Vec<NarrowTile>),
    /// Once a count of any day is beyond a byte. Behind a pointer, so that the others pay nothing.
    #[expect(
        clippy::box_collection,
        reason = "a list itself would widen every track by eight bytes"
    )]
    Wide(Box<Vec<(i32, Tile)>>),
}

/// A tile of a day with few plays, in eight bytes.
#[derive(Debug, Clone, Copy)]
struct NarrowTile {
    day: i32,
    plays: u8,
    completions: u8,
    skips: u8,
}

impl NarrowTile {
    fn new((day, tile): (i32, Tile)) -> Option<Self> {
        Some(Self {
            day,
            plays: tile.plays.try_into().ok()?,
            completions: tile.completions.try_into().ok()?,
            skips: tile.skips.try_into().ok()?,
        })
    }

    fn widen(self) -> (i32, Tile) {
        let tile = Tile {
            plays: self.plays.into(),
            completions: self.completions.into(),
            skips: self.skips.into(),
        };
        (self.day, tile)
    }
}

impl Default for Tiles {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Tiles {
    /// Changes the tile of a day, which is empty where there was none.
    fn change(&mut self, day: i32, change: impl FnOnce(&mut Tile)) {
        match self {
            Self::Narrow(tiles) => {
                let place = place_of(tiles, day, |tile| tile.day).unwrap_or_else(|place| {
                    make_room(tiles);
                    let empty = NarrowTile {
                        day,
                        plays: 0,
                        completions: 0,
                        skips: 0,
                    };
                    tiles.insert(place, empty);
                    place
                });
                let (_, mut tile) = tiles[place].widen();
                change(&mut tile);
                if let Some(narrow) = NarrowTile::new((day, tile)) {
                    tiles[place] = narrow;
                } else {
                    let mut wide: Vec<_> = tiles.iter().map(|tile| tile.widen()).collect();
                    wide[place].1 = tile;
                    *self = Self::Wide(Box::new(wide));
                }
            }
            Self::Wide(tiles) => {
                let place = place_of(tiles, day, |(day, _)| *day).unwrap_or_else(|place| {
                    make_room(tiles);
                    tiles.insert(place, (day, Tile::default()));
                    place
                });
                change(&mut tiles[place].1);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (i32, Tile)> {
        let (narrow, wide) = match self {
            Self::Narrow(tiles) => (tiles.as_slice(), &[][..]),
            Self::Wide(tiles) => (&[][..], tiles.as_slice()),
        };
        let narrow = narrow.iter().map(|tile| tile.widen());
        narrow.chain(wide.iter().copied())
    }
}

/// Where a day is, or belongs. Most plays are of the last day.
fn place_of<T>(tiles: &[T], day: i32, day_of: impl Fn(&T) -> i32) -> Result<usize, usize> {
    match tiles.last().map(|last| day.cmp(&day_of(last))) {
        None | Some(Ordering::Greater) => Err(tiles.len()),
        Some(Ordering::Equal) => Ok(tiles.len() - 1),
        Some(Ordering::Less) => tiles.binary_search_by_key(&day, day_of),
    }
}

/// A quarter more instead of twice as much: most tracks have few days.
fn make_room<T>(tiles: &mut Vec<T>) {
    if tiles.len() == tiles.capacity() {
        tiles.reserve_exact(1 + tiles.len() / 4);
    }
}

impl PartialEq for TrackActivity {
    fn eq(&self, other: &Self) -> bool {
        self.tiles.iter().eq(other.tiles.iter())
    }
}

impl Eq for TrackActivity {}

impl Serialize for TrackActivity {
    /// Writes days with their tiles, however they are kept.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = match &self.tiles {
            Tiles::Narrow(tiles) => tiles.len(),
            Tiles::Wide(tiles) => tiles.len(),
        };
        let mut tiles = serializer.serialize_seq(Some(count))?;
        for tile in self.tiles.iter() {
            tiles.serialize_element(&tile)?;
        }
        tiles.end()
    }
}

impl<'de> Deserialize<'de> for TrackActivity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tiles = Vec::<(i32, Tile)>::deserialize(deserializer)?;
        if !tiles.is_sorted_by(|(day, _), (next, _)| day < next) {
            return Err(D::Error::custom("the days of a track are out of order"));
        }
        let narrow: Option<Vec<NarrowTile>> = tiles.iter().copied().map(NarrowTile::new).collect();
        let tiles = match narrow {
            Some(mut narrow) => {
                narrow.shrink_to_fit();
                Tiles::Narrow(narrow)
            }
            None => Tiles::Wide(Box::new(tiles)),
        };
        Ok(Self { tiles })
    }
}

impl TrackActivity {
    /// Counts a play.
    pub fn add(&mut self, listen: &Listen, occurred_at: Timestamp) {
        self.tiles.change(day_of(occurred_at), |tile| {
            tile.plays = tile.plays.saturating_add(1);
            match listen.outcome {
                ListenOutcome::Completed => tile.completions = tile.completions.saturating_add(1),
                ListenOutcome::Skipped => tile.skips = tile.skips.saturating_add(1),
                ListenOutcome::Partial => {}
            }
        });
    }

    /// Takes a counted play out again.
    pub fn take_out(&mut self, listen: &Listen, occurred_at: Timestamp) {
        self.tiles.change(day_of(occurred_at), |tile| {
            tile.plays = tile.plays.saturating_sub(1);
            match listen.outcome {
                ListenOutcome::Completed => tile.completions = tile.completions.saturating_sub(1),
                ListenOutcome::Skipped => tile.skips = tile.skips.saturating_sub(1),
                ListenOutcome::Partial => {}
            }
        });
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
        self.decayed(now, POPULARITY_HALF_LIFE_DAYS)
    }

    /// The same with another half-life.
    pub fn decayed(&self, now: Timestamp, half_life_days: f64) -> f64 {
        let today = now.as_ms().div_euclid(TILE_MS);
        self.tiles
            .iter()
            .map(|(day, tile)| {
                let age_days = (today - i64::from(day)).max(0) as f64;
                let liked = tile.plays.saturating_sub(tile.skips);
                f64::from(liked) * (-age_days / half_life_days).exp2()
            })
            .sum()
    }
}

fn day_of(at: Timestamp) -> i32 {
    let day = at.as_ms().div_euclid(TILE_MS);
    day.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
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
        assert!((activity.decayed(now, 15.0) - 1.25).abs() < 1e-9);
        assert_eq!(
            activity.total(),
            Tile {
                plays: 3,
                completions: 2,
                skips: 1
            }
        );
    }

    /// What a million tracks cost is these two numbers and how many days they were played on.
    #[test]
    fn entries_stay_small() {
        assert_eq!(size_of::<TrackActivity>(), 24);
        assert_eq!(size_of::<NarrowTile>(), 8);
    }

    #[test]
    fn counts_go_on_beyond_a_byte() {
        let (mut activity, day) = (TrackActivity::default(), Timestamp::from_ms(TILE_MS));
        activity.add(&listen(ListenOutcome::Skipped), day.plus_ms(TILE_MS));
        for _ in 0..1_000 {
            activity.add(&listen(ListenOutcome::Completed), day);
        }
        let written = postcard::to_allocvec(&activity).unwrap();
        assert!(matches!(activity.tiles, Tiles::Wide(_)));
        for _ in 0..900 {
            activity.take_out(&listen(ListenOutcome::Completed), day);
        }
        let total = activity.total();
        assert_eq!((total.plays, total.completions, total.skips), (101, 100, 1));
        // What is kept wide is written like what never was.
        let mut few = TrackActivity::default();
        (0..100).for_each(|_| few.add(&listen(ListenOutcome::Completed), day));
        few.add(&listen(ListenOutcome::Skipped), day.plus_ms(TILE_MS));
        assert_eq!(few, activity);
        let bytes = [&few, &activity].map(|one| postcard::to_allocvec(one).unwrap());
        assert_eq!(bytes[0], bytes[1]);
        let read: TrackActivity = postcard::from_bytes(&written).unwrap();
        assert_eq!(read.total().plays, 1_001);
    }

    #[test]
    fn clocks_that_jump_make_days_of_their_own() {
        let mut activity = TrackActivity::default();
        let moments = [i64::MAX, 0, -1, i64::MIN, TILE_MS, 0];
        for at in moments {
            activity.add(&listen(ListenOutcome::Completed), Timestamp::from_ms(at));
        }
        assert_eq!(activity.total().plays, 6);
        let days: Vec<i32> = activity.tiles.iter().map(|(day, _)| day).collect();
        assert!(
            days.is_sorted_by(|a, b| a < b) && days.contains(&-1),
            "{days:?}"
        );
        assert!(activity.popularity(Timestamp::from_ms(0)).is_finite());
        let bytes = postcard::to_allocvec(&vec![(2, Tile::default()), (1, Tile::default())]);
        assert!(postcard::from_bytes::<TrackActivity>(&bytes.unwrap()).is_err());
    }
}
