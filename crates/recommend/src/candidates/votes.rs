//! Where the neighbours of a listener's tracks are added up.

use leitmotif_learn::neighbours::ItemNeighbours;

use crate::scratch::{Lent, Scratch, ScratchPool};
use crate::trace::Deadline;

/// Entries that are added between two looks at the clock: some ten microseconds.
const ENTRIES_PER_LOOK: usize = 64;

/// What the tracks of a listener say of one track.
#[derive(Clone, Copy, Default)]
struct Vote {
    /// The most that one of them said, as bits of a number that is not negative, above the complement of
    /// its place: the largest is the strongest, the first of equals. 0 before anything was said.
    strongest: u64,
    sum: f32,
}

/// Sums of votes by column of the model, emptied at the cost of what was touched.
#[derive(Default)]
pub struct Votes {
    by_column: Vec<Vote>,
    /// The columns that something was said of, before [`Votes::touched_count`]; one place more than there are
    /// columns, so that every column can be noted before it is known to be new.
    touched: Vec<u32>,
    touched_count: usize,
}

impl Votes {
    /// Adds the neighbours of each entry with their similarity times its weight; false when the deadline came before
    /// the last entry.
    pub fn add(
        &mut self,
        neighbours: &ItemNeighbours,
        entries: &[(usize, f32)],
        deadline: Deadline,
    ) -> bool {
        let (by_column, touched) = (&mut self.by_column[..], &mut self.touched[..]);
        let (mut touched_count, mut is_whole) = (self.touched_count, true);
        for (place, &(column, weight)) in entries.iter().enumerate() {
            if place % ENTRIES_PER_LOOK == ENTRIES_PER_LOOK - 1 && deadline.is_over() {
                is_whole = false;
                break;
            }
            let place = u64::from(!(place as u32));
            let (listed, shares, step) = neighbours.packed_of(column);
            let weight = weight * step;
            for (&neighbour, &share) in listed.iter().zip(shares) {
                let part = weight * f32::from(share);
                let vote = &mut by_column[neighbour as usize];
                // Without jumps: whether a column is new is anybody's guess.
                touched[touched_count] = neighbour;
                touched_count += usize::from(vote.strongest == 0);
                vote.sum += part;
                let strength = u64::from(part.max(0.0).to_bits()) << 32 | place;
                vote.strongest = vote.strongest.max(strength);
            }
        }
        self.touched_count = touched_count;
        is_whole
    }

    /// What was said of a column, added up.
    pub fn sum(&self, column: usize) -> f32 {
        self.by_column.get(column).map_or(0.0, |vote| vote.sum)
    }

    /// The columns that something was said of, with the sum.
    pub fn sums(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        let touched = self.touched[..self.touched_count].iter();
        touched.map(|column| (*column as usize, self.sum(*column as usize)))
    }

    /// The place of the entry that said most for a column; `None` where none spoke for it.
    pub fn strongest(&self, column: usize) -> Option<usize> {
        let strongest = self.by_column.get(column)?.strongest;
        (strongest >> 32 > 0).then_some(!(strongest as u32) as usize)
    }

    fn fit(&mut self, column_count: usize) {
        self.by_column.resize(column_count, Vote::default());
        self.touched.resize(column_count + 1, 0);
    }
}

impl Scratch for Votes {
    fn clear(&mut self) {
        for column in &self.touched[..self.touched_count] {
            self.by_column[*column as usize] = Vote::default();
        }
        self.touched_count = 0;
    }
}

impl ScratchPool<Votes> {
    /// Lends empty sums for a model of so many columns: at 20 bytes each, those of a million are 20 MB.
    pub fn lend_for(&self, column_count: usize) -> Lent<'_, Votes> {
        let mut votes = self.lend();
        votes.fit(column_count);
        votes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_add_up_and_the_first_of_the_strongest_is_named() {
        let lists = vec![
            vec![(2, 0.5), (3, 0.25)],
            vec![(2, 1.0)],
            vec![(3, 0.5), (1, -1.0)],
            vec![],
        ];
        let neighbours = ItemNeighbours::from_lists(lists).unwrap();
        let pool = ScratchPool::default();
        {
            let mut votes = pool.lend_for(4);
            votes.add(
                &neighbours,
                &[(0, 2.0), (1, 1.0), (2, 1.0)],
                Deadline::default(),
            );
            let mut columns: Vec<_> = votes.sums().map(|(column, _)| column).collect();
            columns.sort_unstable();
            assert_eq!(columns, [1, 2, 3]);
            for (column, expected) in [0.0, -1.0, 2.0, 1.0, 0.0].into_iter().enumerate() {
                assert!((votes.sum(column) - expected).abs() < 1e-4);
            }
            let strongest: Vec<_> = (0..5).map(|column| votes.strongest(column)).collect();
            let nobody = None;
            assert_eq!(strongest, [nobody, nobody, Some(0), Some(0), nobody]);
        }
        let votes = pool.lend_for(9);
        assert_eq!(votes.sums().count(), 0, "nothing is left of the one before");
        assert!((0..9).all(|column| votes.sum(column) == 0.0));
    }
}
