//! Windows by tiles: one addition for an event, one for each tile of a window that is read.

use serde::{Deserialize, Serialize};

use super::Merge;

/// States by tile, in order; most events are of the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles<S> {
    tiles: Vec<(i64, S)>,
}

impl<S> Default for Tiles<S> {
    fn default() -> Self {
        Self { tiles: Vec::new() }
    }
}

impl<S: Merge> Tiles<S> {
    /// The state of a tile; `None` for one that is forgotten, as are all up to `through`.
    ///
    /// - Cost: O(1) for the newest tile, O(log tiles) to find another.
    pub fn tile(&mut self, index: i64, through: i64) -> Option<&mut S> {
        let newest = self.newest();
        if newest == Some(index) {
            return self.tiles.last_mut().map(|(_, state)| state);
        }
        if index <= through {
            return None;
        }
        if self.tiles.len() == self.tiles.capacity() {
            // What no window reaches is not read, and goes when its room is needed.
            self.forget_through(through);
        }
        let place = if newest.is_none_or(|last| last < index) {
            Err(self.tiles.len())
        } else {
            self.tiles.binary_search_by_key(&index, |(index, _)| *index)
        };
        let place = place.unwrap_or_else(|place| {
            if self.tiles.len() == self.tiles.capacity() {
                // A quarter more than needed: entities are many and most have a few tiles.
                self.tiles.reserve_exact((self.tiles.len() / 4).max(1));
            }
            self.tiles.insert(place, (index, S::default()));
            place
        });
        self.tiles.get_mut(place).map(|(_, state)| state)
    }

    /// The newest tile.
    pub fn newest(&self) -> Option<i64> {
        self.tiles.last().map(|(last, _)| *last)
    }

    /// The states of the tiles above `after`, up to `last`.
    pub fn between(&self, after: i64, last: i64) -> impl Iterator<Item = (i64, &S)> {
        let start = self.tiles.partition_point(|(index, _)| *index <= after);
        let newer = self.tiles.get(start..).unwrap_or_default().iter();
        newer
            .take_while(move |(index, _)| *index <= last)
            .map(|(index, state)| (*index, state))
    }

    /// Forgets the tiles up to one.
    pub fn forget_through(&mut self, index: i64) {
        let end = self.tiles.partition_point(|(at, _)| *at <= index);
        self.tiles.drain(..end);
    }

    /// How many tiles are kept.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Bytes on the heap, without those of the states themselves.
    pub fn memory_bytes(&self) -> usize {
        self.tiles.capacity() * size_of::<(i64, S)>()
    }

    /// Every state.
    pub fn states(&self) -> impl Iterator<Item = &S> {
        self.tiles.iter().map(|(_, state)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_tiles_find_their_place_and_old_ones_go() {
        let mut tiles = Tiles::<i64>::default();
        for (index, value) in [(5, 1), (7, 2), (3, 4), (7, 8), (5, 16)] {
            *tiles.tile(index, 2).unwrap() += value;
        }
        let read = |tiles: &Tiles<i64>, after, last| {
            tiles.between(after, last).map(|(_, sum)| *sum).sum::<i64>()
        };
        assert_eq!(read(&tiles, 2, 7), 31);
        assert_eq!(read(&tiles, 3, 6), 17);
        assert_eq!(read(&tiles, 7, 9), 0);
        assert!(tiles.tile(2, 2).is_none(), "a forgotten tile");
        tiles.forget_through(4);
        assert_eq!((tiles.len(), read(&tiles, i64::MIN, i64::MAX)), (2, 27));
    }
}
