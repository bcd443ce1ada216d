//! Sums of an entity by tile: those that move together lie side by side.

use serde::{Deserialize, Serialize};

use super::steps::Group;

/// The tile of a group that has none yet. No moment lies in it.
const NO_TILE: i64 = i64::MIN;

/// Sums in groups of one width of tiles. Nearly every event is of the newest tile, so the newest rows of all groups
/// are one array: taking an event in touches a line or two of it, whatever the number of sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// For each group its newest tile, then the sums of it.
    newest: Box<[i64]>,
    /// For each group the rows before, in order of their tiles: the tile, then the sums. Empty where no group has any:
    /// of many entities one event is known.
    older: Box<[Vec<i64>]>,
}

impl Sums {
    pub fn of(groups: &[Group]) -> Self {
        let mut newest = vec![0; groups.iter().map(Group::stride).sum()];
        for group in groups {
            newest[group.start] = NO_TILE;
        }
        Self {
            newest: newest.into(),
            older: Box::default(),
        }
    }

    /// Whether these are sums of such groups.
    pub fn is_of(&self, groups: &[Group]) -> bool {
        let rows = groups.iter().zip(&self.older);
        self.newest.len() == groups.iter().map(Group::stride).sum::<usize>()
            && (self.older.is_empty() || self.older.len() == groups.len())
            && { rows }.all(|(group, rows)| rows.len().is_multiple_of(group.stride()))
    }

    /// The sums of a tile, to be added to; `None` for a tile that is forgotten, up to `through`.
    ///
    /// - Cost: O(1) for the newest tile, O(log tiles) to find another, O(tiles) to put one between others.
    pub fn row(
        &mut self,
        place: usize,
        groups: &[Group],
        tile: i64,
        through: i64,
    ) -> Option<&mut [i64]> {
        let group = groups.get(place)?;
        let held = *self.newest.get(group.start)?;
        if tile != held {
            if tile <= through {
                return None;
            }
            if tile < held {
                self.make_older(groups.len());
                return older_row(self.older.get_mut(place)?, group, tile);
            }
            self.turn((place, groups.len()), group, tile, through);
        }
        self.newest
            .get_mut(group.start + 1..group.start + group.stride())
    }

    fn make_older(&mut self, groups: usize) {
        if self.older.is_empty() {
            self.older = vec![Vec::new(); groups].into();
        }
    }

    /// Begins a tile newer than all.
    fn turn(&mut self, (place, groups): (usize, usize), group: &Group, tile: i64, through: i64) {
        if self
            .newest
            .get(group.start)
            .is_some_and(|held| *held != NO_TILE)
        {
            self.make_older(groups);
        }
        let newest = (self.newest).get_mut(group.start..group.start + group.stride());
        let Some(newest) = newest else { return };
        let older = self.older.get_mut(place);
        if let Some(older) = older.filter(|_| newest[0] != NO_TILE && newest[0] > through) {
            if older.capacity() < older.len() + newest.len() {
                // What no window reaches is not read, and goes when its room is needed: to look for it each time
                // would cost more than all else. A quarter more than needed: most entities have a few tiles.
                drop_through(older, group, through);
                older.reserve_exact((older.len() / 4).max(newest.len()));
            }
            older.extend_from_slice(newest);
        }
        newest.fill(0);
        newest[0] = tile;
    }

    /// Forgets the tiles of each group that are over at a moment.
    pub fn forget(&mut self, groups: &[Group], now_ms: i64) {
        for (place, group) in groups.iter().enumerate() {
            let Some(through) = group.tiling.forgotten(now_ms) else {
                continue;
            };
            if let Some(older) = self.older.get_mut(place) {
                drop_through(older, group, through);
            }
            let newest = (self.newest).get_mut(group.start..group.start + group.stride());
            if let Some(newest) = newest.filter(|newest| newest[0] <= through) {
                newest.fill(0);
                newest[0] = NO_TILE;
            }
        }
        if self.older.iter().all(Vec::is_empty) {
            self.older = Box::default();
        }
    }

    /// One sum of the tiles above `after`, up to `last`, in order of the tiles.
    pub fn between(
        &self,
        (place, group): (usize, &Group),
        cell: usize,
        after: i64,
        last: i64,
    ) -> impl Iterator<Item = (i64, i64)> {
        let older = self.older.get(place).map_or(&[][..], Vec::as_slice);
        let begin = first_above(older, group.stride(), after) * group.stride();
        let rows = older.get(begin..).unwrap_or_default();
        let newest = self.newest.get(group.start..group.start + group.stride());
        let newest = newest.filter(|row| row[0] != NO_TILE && row[0] > after);
        let rows = rows.chunks_exact(group.stride()).chain(newest);
        rows.take_while(move |row| row[0] <= last)
            .map(move |row| (row[0], row.get(cell + 1).copied().unwrap_or(0)))
    }

    /// A number of the newest rows.
    pub fn look(&self) -> i64 {
        self.newest.first().copied().unwrap_or(0)
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        let older = self.older.iter().map(Vec::capacity).sum::<usize>();
        (self.newest.len() + older) * size_of::<i64>() + self.older.len() * size_of::<Vec<i64>>()
    }
}

/// The place of the first row of a tile above one.
fn first_above(rows: &[i64], stride: usize, tile: i64) -> usize {
    let (mut low, mut high) = (0, rows.len() / stride);
    while low < high {
        let middle = low.midpoint(high);
        if rows[middle * stride] <= tile {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn older_row<'a>(rows: &'a mut Vec<i64>, group: &Group, tile: i64) -> Option<&'a mut [i64]> {
    let stride = group.stride();
    let above = first_above(rows, stride, tile) * stride;
    let is_known = above >= stride && rows[above - stride] == tile;
    let begin = if is_known { above - stride } else { above };
    if !is_known {
        let row = std::iter::once(tile).chain(std::iter::repeat_n(0, stride - 1));
        rows.splice(begin..begin, row);
    }
    rows.get_mut(begin + 1..begin + stride)
}

fn drop_through(rows: &mut Vec<i64>, group: &Group, through: i64) {
    if rows.first().is_some_and(|first| *first <= through) {
        let end = first_above(rows, group.stride(), through) * group.stride();
        rows.drain(..end);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::plan::Tiling;

    fn groups() -> Vec<Group> {
        let tiling = Tiling::Tiles {
            width_ms: 1,
            kept: 9,
        };
        let of = |start, cells| Group {
            tiling,
            width: 0,
            start,
            cells,
        };
        vec![of(0, 2), of(3, 1)]
    }

    fn told(sums: &Sums, place: usize, cell: usize, after: i64, last: i64) -> Vec<(i64, i64)> {
        let groups = groups();
        sums.between((place, &groups[place]), cell, after, last)
            .collect()
    }

    #[test]
    fn late_tiles_find_their_place_and_old_ones_go() {
        let groups = groups();
        let mut sums = Sums::of(&groups);
        for (tile, by) in [(5, 1), (7, 2), (3, 4), (7, 8), (5, 16)] {
            sums.row(0, &groups, tile, 1).unwrap()[1] += by;
        }
        sums.row(1, &groups, 6, 1).unwrap()[0] = 9;
        assert_eq!(told(&sums, 0, 1, 2, 7), [(3, 4), (5, 17), (7, 10)]);
        assert_eq!(told(&sums, 0, 1, 3, 6), [(5, 17)]);
        assert_eq!(told(&sums, 0, 1, 7, 9), []);
        assert_eq!(told(&sums, 1, 0, i64::MIN, i64::MAX), [(6, 9)]);
        assert!(sums.row(0, &groups, 4, 4).is_none(), "a forgotten tile");
        sums.forget(&groups, 14);
        assert_eq!(told(&sums, 0, 1, i64::MIN, i64::MAX), [(7, 10)]);
        sums.forget(&groups, 16);
        assert!(
            sums == Sums::of(&groups),
            "what is forgotten leaves nothing"
        );
        assert!(sums.is_of(&groups) && !sums.is_of(&groups[..1]));
    }

    proptest::proptest! {
        #[test]
        fn sums_are_those_of_a_plain_map(
            steps in proptest::collection::vec((0_i64..40, 0_usize..2, 1_i64..9, 0_i64..12), 1..80),
        ) {
            let groups = groups();
            let (mut sums, mut plain) = (Sums::of(&groups), BTreeMap::new());
            let mut through = -1;
            for (tile, cell, by, forgotten) in steps {
                through = through.max(forgotten);
                if let Some(row) = sums.row(0, &groups, tile, through) {
                    row[cell] += by;
                    plain.entry(tile).or_insert([0, 0])[cell] += by;
                }
            }
            sums.forget(&groups, through + 9);
            plain.retain(|tile, _| *tile > through);
            for cell in 0..2 {
                let expected: Vec<(i64, i64)> =
                    plain.iter().map(|(tile, row): (&i64, &[i64; 2])| (*tile, row[cell])).collect();
                proptest::prop_assert_eq!(told(&sums, 0, cell, i64::MIN, i64::MAX), expected);
            }
        }
    }
}
