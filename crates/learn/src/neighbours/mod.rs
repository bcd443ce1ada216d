//! Models that keep the nearest items of each item.

pub mod item_cosine;
pub mod rp3beta;

pub use item_cosine::item_cosine;
pub use rp3beta::{Rp3BetaOptions, rp3beta};

use std::borrow::Cow;
use std::fmt;

use rayon::prelude::*;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::matrix::{InteractionMatrix, Triplet};
use crate::random::SplitMix;

/// Items of one listener that others are paired with. Of longer histories so many are drawn: without a
/// bound a listener costs the square of what they heard.
///
/// - Source: the interaction cut of Schelter, Boden and Markl 2012, who bound the histories of power users
///   by drawing from them, so that item similarities cost time linear in the listeners. We pair every
///   item of a listener with the drawn ones and weigh those by what they stand for, so that each sum is
///   right on the average.
pub const PAIRED_MAX: usize = 500;

/// Items whose lists are made at once. More would hold more of them before they are packed.
const ITEMS_AT_ONCE: usize = 1 << 14;
/// What the largest similarity of a list is written as.
const STEPS: f32 = i16::MAX as f32;

/// The nearest items of each item with their similarity, nearest first.
///
/// Most of a model is these lists, so an entry takes six bytes: the item, and the similarity as a share
/// of the largest of its list, in steps of 1/32,767. The largest itself is exact, and no other is off by
/// more than half a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemNeighbours {
    /// Where the list of each item begins, and where the last one ends.
    starts: Vec<usize>,
    items: Vec<u32>,
    shares: Vec<i16>,
    /// The similarity that is furthest from 0, by item.
    largest: Vec<f32>,
}

/// Lists of neighbours as they lie in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackedLists {
    /// How many neighbours each item has.
    pub lengths: Vec<u32>,
    /// The neighbours of all items on end.
    pub items: Vec<u32>,
    /// Their similarities as shares of the largest of their list, in steps of 1/32,767.
    pub shares: Vec<i16>,
    /// The similarity that is furthest from 0, by item.
    pub largest: Vec<f32>,
}

impl Default for ItemNeighbours {
    fn default() -> Self {
        Self {
            starts: vec![0],
            items: Vec::new(),
            shares: Vec::new(),
            largest: Vec::new(),
        }
    }
}

impl ItemNeighbours {
    /// Takes lists made elsewhere, such as nearest neighbours in an embedding space.
    ///
    /// - Errors: [`Error::OutOfRange`] for a neighbour that is no item, [`Error::NotFinite`] for a
    ///   similarity.
    pub fn from_lists(lists: Vec<Vec<(u32, f32)>>) -> Result<Self> {
        let mut neighbours = Self::default();
        lists.iter().try_for_each(|list| neighbours.push(list))?;
        neighbours.check_items()?;
        Ok(neighbours)
    }

    /// Takes lists as they lie in memory, of any origin; see [`ItemNeighbours::packed`].
    ///
    /// - Errors: [`Error::Corrupt`] unless they are what [`ItemNeighbours::packed`] could answer.
    pub fn from_packed(packed: PackedLists) -> Result<Self> {
        let corrupt = |what: &str| Err(Error::Corrupt(what.to_owned()));
        let PackedLists {
            lengths,
            items,
            shares,
            largest,
        } = packed;
        if lengths.len() != largest.len() || items.len() != shares.len() {
            return corrupt("lists of neighbours differ in their number");
        }
        if largest.iter().any(|one| !one.is_finite() || *one < 0.0) {
            return corrupt("a similarity is not finite");
        }
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        starts.push(0);
        let mut end = 0_usize;
        for length in lengths {
            end = end.saturating_add(length as usize);
            starts.push(end);
        }
        if end != items.len() {
            return corrupt("lists of neighbours have other lengths");
        }
        let neighbours = Self {
            starts,
            items,
            shares,
            largest,
        };
        neighbours.check_items()?;
        Ok(neighbours)
    }

    /// The lists as they lie in memory: lengths, items and shares on end, and the largest of each list.
    pub fn packed(&self) -> (impl Iterator<Item = u32> + '_, &[u32], &[i16], &[f32]) {
        let lengths = self
            .starts
            .windows(2)
            .map(|ends| (ends[1] - ends[0]) as u32);
        (lengths, &self.items, &self.shares, &self.largest)
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.largest.len()
    }

    /// Number of neighbours of all items together.
    pub fn entry_count(&self) -> usize {
        self.items.len()
    }

    /// Bytes that they take.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.starts)
            + size_of_val(&*self.items)
            + size_of_val(&*self.shares)
            + size_of_val(&*self.largest)
    }

    /// Yields the neighbours of an item, nearest first, ties by lower item.
    pub fn of(&self, item: usize) -> impl ExactSizeIterator<Item = (u32, f32)> + '_ {
        let range = self.range(item);
        let largest = self.largest.get(item).copied().unwrap_or(0.0);
        let entries = self.items[range.clone()].iter().zip(&self.shares[range]);
        entries.map(move |(&other, &share)| (other, f32::from(share) / STEPS * largest))
    }

    /// The neighbours of an item with their similarities as they are kept, in the order of [`ItemNeighbours::of`], and
    /// what a step of these is worth.
    pub fn packed_of(&self, item: usize) -> (&[u32], &[i16], f32) {
        let entries = self.range(item);
        let largest = self.largest.get(item).copied().unwrap_or(0.0);
        let shares = &self.shares[entries.clone()];
        (&self.items[entries], shares, largest / STEPS)
    }

    fn range(&self, item: usize) -> std::ops::Range<usize> {
        match (self.starts.get(item), self.starts.get(item + 1)) {
            (Some(&start), Some(&end)) => start..end,
            _ => 0..0,
        }
    }

    /// Scores every item by the weighted similarity to a listener's items.
    ///
    /// Items outside the model are passed over: they have no neighbours.
    ///
    /// - Cost: O(entries × neighbours + items).
    pub fn score(&self, entries: &[(usize, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0; self.item_count()];
        for &(item, weight) in entries {
            for (neighbour, similarity) in self.of(item) {
                scores[neighbour as usize] += weight * similarity;
            }
        }
        scores
    }

    /// Adds the list of the next item; whether its neighbours exist is seen when all are there.
    fn push(&mut self, list: &[(u32, f32)]) -> Result<()> {
        let row = self.item_count();
        let mut largest = 0.0_f32;
        for &(item, similarity) in list {
            if !similarity.is_finite() {
                let column = item as usize;
                return Err(Error::NotFinite { row, column });
            }
            largest = largest.max(similarity.abs());
        }
        // Of numbers that are all but 0 the share may be beyond what a float holds.
        let share = |similarity: f32| (similarity / largest * STEPS).round() as i16;
        self.items.extend(list.iter().map(|(item, _)| *item));
        self.shares
            .extend(list.iter().map(|(_, similarity)| share(*similarity)));
        self.starts.push(self.items.len());
        self.largest.push(largest);
        Ok(())
    }

    fn check_items(&self) -> Result<()> {
        let count = self.item_count();
        let stranger = self.items.iter().find(|item| **item as usize >= count);
        stranger.map_or(Ok(()), |stranger| {
            Err(Error::OutOfRange {
                axis: "item",
                index: *stranger as usize,
                count,
            })
        })
    }

    /// Gives the room back that growing took.
    fn shrink(mut self) -> Self {
        self.starts.shrink_to_fit();
        self.items.shrink_to_fit();
        self.shares.shrink_to_fit();
        self.largest.shrink_to_fit();
        self
    }

    /// Keeps the `count` most similar others of each item.
    ///
    /// `add` adds up what one item has with others, `similarity` makes one number of the item, the
    /// other and their sum; those of 0 or less are dropped.
    ///
    /// - Cost: what `add` costs, and O(others touched) for each item: none of it grows with the items
    ///   that have nothing in common.
    pub(crate) fn from_sums(
        item_count: usize,
        count: usize,
        add: impl Fn(usize, &mut Sums) + Sync,
        similarity: impl Fn(usize, usize, f32) -> f32 + Sync,
    ) -> Result<Self> {
        let nearest = |sums: &mut Sums, item: usize| {
            add(item, sums);
            let mut list: Vec<(u32, f32)> = sums
                .drain()
                .filter(|&(other, _)| other as usize != item)
                .map(|(other, sum)| (other, similarity(item, other as usize, sum)))
                .filter(|&(_, similarity)| similarity > 0.0)
                .collect();
            let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            if list.len() > count {
                list.select_nth_unstable_by(count, order);
                list.truncate(count);
            }
            list.sort_unstable_by(order);
            list.shrink_to_fit();
            list
        };
        let mut neighbours = Self::default();
        for first in (0..item_count).step_by(ITEMS_AT_ONCE) {
            let lists: Vec<Vec<(u32, f32)>> = (first..item_count.min(first + ITEMS_AT_ONCE))
                .into_par_iter()
                .map_init(|| Sums::new(item_count), nearest)
                .collect();
            lists.iter().try_for_each(|list| neighbours.push(list))?;
        }
        Ok(neighbours.shrink())
    }
}

impl Serialize for ItemNeighbours {
    /// Writes the lists one after the other, as `Vec<Vec<(u32, f32)>>` would be.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let lists = (0..self.item_count()).map(|item| self.of(item).collect::<Vec<_>>());
        serializer.collect_seq(lists)
    }
}

impl<'de> Deserialize<'de> for ItemNeighbours {
    /// Reads lists one by one, so that a model does not lie in memory twice.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Lists;
        impl<'de> Visitor<'de> for Lists {
            type Value = ItemNeighbours;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of neighbours for each item")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut lists: A,
            ) -> std::result::Result<ItemNeighbours, A::Error> {
                let mut neighbours = ItemNeighbours::default();
                while let Some(list) = lists.next_element::<Vec<(u32, f32)>>()? {
                    neighbours.push(&list).map_err(A::Error::custom)?;
                }
                neighbours.check_items().map_err(A::Error::custom)?;
                Ok(neighbours.shrink())
            }
        }
        deserializer.deserialize_seq(Lists)
    }
}

/// A sum for every item, of which few are touched; emptied at the cost of those.
pub(crate) struct Sums {
    values: Vec<f32>,
    is_touched: Vec<bool>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(item_count: usize) -> Self {
        Self {
            values: vec![0.0; item_count],
            is_touched: vec![false; item_count],
            touched: Vec::new(),
        }
    }

    /// Adds to the sum of an item.
    pub(crate) fn add(&mut self, item: usize, amount: f32) {
        if !std::mem::replace(&mut self.is_touched[item], true) {
            self.touched.push(item as u32);
        }
        self.values[item] += amount;
    }

    /// Takes the touched items with their sums out.
    fn drain(&mut self) -> impl Iterator<Item = (u32, f32)> {
        let (values, is_touched) = (&mut self.values, &mut self.is_touched);
        self.touched.drain(..).map(|item| {
            is_touched[item as usize] = false;
            (item, std::mem::take(&mut values[item as usize]))
        })
    }
}

/// A matrix with at most `most` entries in a row, which stand for all of it: each drawn entry weighs as
/// many times more as there are more.
///
/// - Deterministic: which entries are drawn follows from their places.
/// - Cost: O(entries), and a copy where any row is longer.
fn drawn(matrix: &InteractionMatrix, most: usize) -> Result<Cow<'_, InteractionMatrix>> {
    let length = |row: usize| matrix.row(row).0.len();
    if (0..matrix.row_count()).all(|row| length(row) <= most) {
        return Ok(Cow::Borrowed(matrix));
    }
    let mut triplets = Vec::with_capacity(matrix.entry_count());
    for row in 0..matrix.row_count() {
        let (columns, weights) = matrix.row(row);
        let kept = most.min(columns.len());
        let stands_for = columns.len() as f32 / kept.max(1) as f32;
        for place in SplitMix::new(row as u64).choose(columns.len(), kept) {
            triplets.push(Triplet {
                row,
                column: columns[place as usize] as usize,
                weight: weights[place as usize] * stands_for,
            });
        }
    }
    let drawn =
        InteractionMatrix::from_triplets(matrix.row_count(), matrix.column_count(), &triplets)?;
    Ok(Cow::Owned(drawn))
}

/// Adds `Σ_u a(u, item) · b(u, other)` over the listeners of an item to every other item.
fn add_paths(
    by_item: &InteractionMatrix,
    matrix: &InteractionMatrix,
    item: usize,
    step: impl Fn(usize, f32) -> f32,
    sums: &mut Sums,
) {
    for (row, weight) in by_item.entries(item) {
        let factor = step(row, weight);
        for (other, weight) in matrix.entries(row) {
            sums.add(other, factor * weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix_of(rows: usize, columns: usize, share: f32) -> InteractionMatrix {
        let mut draw = SplitMix::new(7);
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let triplets: Vec<Triplet> = places
            .filter(|_| draw.unit() < share)
            .map(|(row, column)| Triplet {
                row,
                column,
                weight: 1.0,
            })
            .collect();
        InteractionMatrix::from_triplets(rows, columns, &triplets).unwrap()
    }

    #[test]
    fn a_long_row_is_drawn_from_and_a_short_one_stays() {
        let matrix = matrix_of(4, 60, 0.5);
        assert!(matches!(drawn(&matrix, 60).unwrap(), Cow::Borrowed(_)));
        let kept = drawn(&matrix, 25).unwrap();
        for row in 0..4 {
            let (columns, weights) = kept.row(row);
            let all = matrix.row(row).0;
            assert_eq!(columns.len(), all.len().min(25));
            assert!(columns.iter().all(|column| all.contains(column)));
            let (sum, whole) = (weights.iter().sum::<f32>(), all.len() as f32);
            assert!((sum - whole).abs() < 1e-3, "{sum} for {whole}");
        }
        assert_eq!(drawn(&matrix, 25).unwrap(), kept, "the same is drawn again");
    }

    #[test]
    fn sums_over_drawn_rows_are_right_on_the_average() {
        let matrix = matrix_of(4_000, 40, 0.5);
        let by_item = matrix.transpose().unwrap();
        let kept = drawn(&matrix, 5).unwrap();
        let sums_of = |matrix: &InteractionMatrix| {
            let mut sums = Sums::new(40);
            add_paths(&by_item, matrix, 0, |_, weight| weight, &mut sums);
            let mut found: Vec<(u32, f32)> = sums.drain().filter(|one| one.0 != 0).collect();
            found.sort_unstable_by_key(|one| one.0);
            found
        };
        for ((other, drawn), (_, whole)) in sums_of(&kept).into_iter().zip(sums_of(&matrix)) {
            // A thousand pairs, each there with one chance in four: one part in twenty is an error.
            assert!(
                (drawn / whole - 1.0).abs() < 0.25,
                "{other}: {drawn}, {whole}"
            );
        }
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        let read = |lists: Vec<Vec<(u32, f32)>>| ItemNeighbours::from_lists(lists);
        assert!(read(vec![vec![(2, 1.0)], vec![]]).is_err());
        assert!(read(vec![vec![(1, f32::NAN)], vec![]]).is_err());
        assert!(read(vec![vec![(1, f32::INFINITY)], vec![]]).is_err());
        let zeros = read(vec![
            vec![(1, 0.0), (0, -0.0)],
            vec![(0, f32::MIN_POSITIVE)],
        ])
        .unwrap();
        let zeros: Vec<(u32, f32)> = zeros.of(0).collect();
        assert_eq!(zeros, [(1, 0.0), (0, 0.0)]);
        assert_eq!(read(vec![]).unwrap().of(0).len(), 0);
    }

    proptest! {
        #[test]
        fn packed_lists_are_what_was_given_but_for_half_a_step(
            lists in prop::collection::vec(prop::collection::vec((0_u32..9, -3.0_f32..3.0), 0..12), 9),
        ) {
            let packed = ItemNeighbours::from_lists(lists.clone()).unwrap();
            prop_assert_eq!(packed.entry_count(), lists.iter().map(Vec::len).sum::<usize>());
            for (item, list) in lists.iter().enumerate() {
                let largest = list.iter().map(|one| one.1.abs()).fold(0.0, f32::max);
                let bound = largest * (0.5 / STEPS + 2.0 * f32::EPSILON);
                prop_assert_eq!(packed.of(item).len(), list.len());
                for (found, given) in packed.of(item).zip(list) {
                    prop_assert_eq!(found.0, given.0);
                    prop_assert!((found.1 - given.1).abs() <= bound, "{:?} {:?}", found, given);
                    prop_assert!(given.1.abs() < largest || found.1 == given.1);
                }
            }
            let (lengths, items, shares, largest) = packed.packed();
            let parts = PackedLists {
                lengths: lengths.collect(),
                items: items.to_vec(),
                shares: shares.to_vec(),
                largest: largest.to_vec(),
            };
            prop_assert_eq!(ItemNeighbours::from_packed(parts.clone()).unwrap(), packed.clone());
            let mut damaged = [parts.clone(), parts.clone(), parts.clone(), parts];
            damaged[0].lengths[3] += 1;
            damaged[1].largest[3] = f32::NAN;
            damaged[2].shares.push(0);
            damaged[3].items.push(9);
            damaged[3].shares.push(1);
            damaged[3].lengths[8] += 1;
            for parts in damaged {
                prop_assert!(ItemNeighbours::from_packed(parts).is_err());
            }
            // Written and read, and packed again, nothing moves further.
            let again = (0..9).map(|item| packed.of(item).collect()).collect();
            prop_assert_eq!(ItemNeighbours::from_lists(again).unwrap(), packed.clone());
        }
    }
}
