//! A map by id for very many small values, that only grows.

use std::fmt;
use std::marker::PhantomData;

use leitmotif_domain::{ListenerId, TrackId};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Entries that are allocated together. Larger blocks would leave more of the last one empty, smaller
/// ones need more places to be looked up in.
const BLOCK: usize = 1_024;
/// Slots whose entries are stored together: some 21 to 42 entries. Larger parts would be written again
/// for fewer changes, smaller ones would cost more rows.
const SLOTS_PER_PART: usize = 64;
/// Entries that room is made for at most where bytes claim how many there are.
const ROOM_MAX: usize = 1 << 26;
/// Slots of the first table.
const SLOTS_MIN: usize = 16;
/// 2^64 divided by the golden ratio: multiples of it are spread evenly (Knuth, volume 3, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// An id of 128 bits.
pub trait Id: Copy + Ord {
    /// Its bits, of which the low 64 differ for ids that differ by chance or by counting.
    fn bits(self) -> u128;
}

impl Id for TrackId {
    fn bits(self) -> u128 {
        self.as_u128()
    }
}

impl Id for ListenerId {
    fn bits(self) -> u128 {
        self.as_u128()
    }
}

/// Values by id, each with a number from 0 in the order of their first sight.
///
/// An entry costs its own size and some 6 to 12 bytes: entries lie in blocks that never move, so that
/// growing copies numbers of 32 bits only and leaves no room empty. A hash map of the standard library
/// keeps a fifth to a half of its entries empty and holds all of them twice while it grows; a tree keeps
/// a third empty. Ids are random or derived already, so the hash need not defend against an attacker.
///
/// Two maps are equal, and have the same bytes, when they hold the same values, whatever came first.
#[derive(Clone)]
pub struct IdMap<K, V> {
    /// One more than the number of the entry; 0 where there is none. A power of two, or empty.
    slots: Vec<u32>,
    blocks: Vec<Vec<(K, V)>>,
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            blocks: Vec::new(),
        }
    }
}

impl<K: Id, V> IdMap<K, V> {
    /// An empty map whose table has room for so many entries. Who puts entries in part by part has to
    /// make room first: those of one part would crowd a smaller table at one place.
    pub fn with_room(count: usize) -> Self {
        let mut slots = SLOTS_MIN;
        while !has_room(slots, count.min(ROOM_MAX)) {
            slots *= 2;
        }
        Self {
            slots: vec![0; slots],
            blocks: Vec::new(),
        }
    }

    /// How many parts the entries make, which follows from how many entries there are.
    pub fn part_count(&self) -> usize {
        self.slots.len().div_ceil(SLOTS_PER_PART).max(1)
    }

    /// The part that an id belongs to, below [`IdMap::part_count`].
    pub fn part_of(&self, key: K) -> usize {
        match self.slots.len() {
            0 => 0,
            _ => self.home(key) / SLOTS_PER_PART,
        }
    }

    /// The entries of a part, by id.
    ///
    /// - Cost: O(entries of the part), whatever the map holds.
    pub fn part(&self, number: usize) -> Vec<&(K, V)> {
        let mask = self.slots.len().saturating_sub(1);
        let begin = number * SLOTS_PER_PART;
        let end = (begin + SLOTS_PER_PART).min(self.slots.len());
        let mut found = Vec::new();
        // What did not fit into its own slots lies behind them, up to the next free one.
        for place in begin..begin + self.slots.len() {
            let marked = self.slots.get(place & mask).copied().unwrap_or(0);
            if marked == 0 && place >= end {
                break;
            }
            let entry = marked.checked_sub(1).and_then(|one| self.entry(one));
            found.extend(entry.filter(|(key, _)| self.part_of(*key) == number));
        }
        found.sort_unstable_by_key(|(key, _)| *key);
        found
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.blocks
            .last()
            .map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The number of an id.
    pub fn number(&self, key: K) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.find(key).ok()
    }

    /// The value of an id.
    pub fn get(&self, key: K) -> Option<&V> {
        let number = self.number(key)?;
        self.entry(number).map(|(_, value)| value)
    }

    /// The value of an id, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let number = self.number(key)?;
        self.value_mut(number)
    }

    /// The value of a number.
    pub fn value(&self, number: u32) -> Option<&V> {
        self.entry(number).map(|(_, value)| value)
    }

    /// The value of a number, to be changed.
    pub fn value_mut(&mut self, number: u32) -> Option<&mut V> {
        let block = self.blocks.get_mut(number as usize / BLOCK)?;
        let entry = block.get_mut(number as usize % BLOCK);
        entry.map(|(_, value)| value)
    }

    /// Puts a value under an id that is new, and leaves the value of a known one; tells the number.
    ///
    /// - Cost: constant on the average.
    pub fn number_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> u32 {
        if let Some(number) = self.number(key) {
            return number;
        }
        // Only what is new lets it grow, so that its parts follow from what it holds alone.
        if !has_room(self.slots.len(), self.len() + 1) {
            self.grow();
        }
        match self.find(key) {
            Ok(number) => number,
            Err(slot) => {
                let number = self.len();
                let marked = u32::try_from(number + 1).expect("so many ids do not fit into memory");
                self.slots[slot] = marked;
                match self.blocks.last_mut() {
                    Some(last) if last.len() < BLOCK => last.push((key, make())),
                    _ => {
                        // The first block grows, for there are many small tenants.
                        let room = if self.blocks.is_empty() { 0 } else { BLOCK };
                        let mut block = Vec::with_capacity(room);
                        block.push((key, make()));
                        self.blocks.push(block);
                    }
                }
                marked - 1
            }
        }
    }

    /// The value of an id, which is put there where it is new.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let number = self.number_or_insert_with(key, V::default) as usize;
        &mut self.blocks[number / BLOCK][number % BLOCK].1
    }

    /// Every id with its value, by number.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let entries = self.blocks.iter().flatten();
        entries.map(|(key, value)| (*key, value))
    }

    /// The entry of a number.
    fn entry(&self, number: u32) -> Option<&(K, V)> {
        self.blocks
            .get(number as usize / BLOCK)?
            .get(number as usize % BLOCK)
    }

    /// The number of an id, or the free slot where it belongs; there has to be one.
    fn find(&self, key: K) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(key);
        loop {
            let Some(number) = self.slots[slot].checked_sub(1) else {
                return Err(slot);
            };
            if self.entry(number).is_some_and(|(known, _)| *known == key) {
                return Ok(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The slot where the search for an id begins.
    fn home(&self, key: K) -> usize {
        let bits = key.bits();
        let hash = (bits as u64 ^ (bits >> 64) as u64).wrapping_mul(GOLDEN);
        // The high bits of the product hang on all of the id.
        (hash >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    fn grow(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        for place in 0..self.len() {
            let number = place as u32;
            let key = self.blocks[place / BLOCK][place % BLOCK].0;
            if let Err(slot) = self.find(key) {
                self.slots[slot] = number + 1;
            }
        }
    }
}

/// Whether so many entries fit into a table: two thirds full at most, for longer searches would cost
/// more than the slots save.
fn has_room(slots: usize, entries: usize) -> bool {
    entries * 3 <= slots * 2
}

impl<K: Id, V: PartialEq> PartialEq for IdMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let is_there = |(key, value): (K, &V)| other.get(key) == Some(value);
        self.len() == other.len() && self.iter().all(is_there)
    }
}

impl<K: Id, V: Eq> Eq for IdMap<K, V> {}

impl<K: Id + fmt::Debug, V: fmt::Debug> fmt::Debug for IdMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Id + Serialize, V: Serialize> Serialize for IdMap<K, V> {
    /// Writes the entries by id, so that the bytes do not tell what came first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<&(K, V)> = self.blocks.iter().flatten().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        let mut map = serializer.serialize_map(Some(entries.len()))?;
        for (key, value) in entries {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, K: Id + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for IdMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Id + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = IdMap<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("values by id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<IdMap<K, V>, A::Error> {
        // No room is made for the number of entries that the bytes claim.
        let mut map = IdMap::default();
        while let Some((key, value)) = entries.next_entry()? {
            map.number_or_insert_with(key, || value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn numbers_follow_first_sight_across_blocks() {
        let mut map = IdMap::default();
        let key = |place: u128| TrackId::from_u128(place.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C));
        for round in 0..2 {
            for place in 0..5_000 {
                let number = map.number_or_insert_with(key(place), || place + round * 10_000);
                assert_eq!(u128::from(number), place);
            }
        }
        assert_eq!(map.len(), 5_000);
        assert_eq!(map.get(key(4_321)), Some(&4_321));
        assert_eq!(map.number(key(5_000)), None);
        assert!(IdMap::<TrackId, u8>::default().get(key(0)).is_none());
    }

    #[test]
    fn ids_that_differ_in_one_half_are_told_apart() {
        let mut map: IdMap<TrackId, u128> = IdMap::default();
        let ids = (0..200_u128).flat_map(|id| [id, id << 64, (id << 64) | id]);
        ids.clone()
            .for_each(|id| *map.get_or_default(TrackId::from_u128(id)) = id);
        for id in ids {
            assert_eq!(map.get(TrackId::from_u128(id)), Some(&id));
        }
        assert_eq!(map.len(), 598);
    }

    proptest::proptest! {
        #[test]
        fn every_entry_is_in_its_part_alone(
            keys in proptest::collection::vec(0_u128..3_000, 0..2_000),
            spread in proptest::sample::select(vec![1_u128, 1 << 64, 0x9E37_79B9_7F4A_7C15_F39C]),
        ) {
            let mut map = IdMap::default();
            for key in &keys {
                map.number_or_insert_with(TrackId::from_u128(key.wrapping_mul(spread)), || *key);
            }
            let mut ids = Vec::new();
            for number in 0..map.part_count() {
                let part = map.part(number);
                proptest::prop_assert!(part.is_sorted_by_key(|(key, _)| *key));
                proptest::prop_assert!(part.iter().all(|(key, _)| map.part_of(*key) == number));
                ids.extend(part.iter().map(|(key, _)| *key));
            }
            ids.sort_unstable();
            let mut expected: Vec<TrackId> = map.iter().map(|(key, _)| key).collect();
            expected.sort_unstable();
            proptest::prop_assert_eq!(ids, expected);
            // Room that was made first gives the same parts, in whatever order the entries come.
            let mut again = IdMap::with_room(map.len());
            for number in (0..map.part_count()).rev() {
                for (key, value) in map.part(number) {
                    again.number_or_insert_with(*key, || *value);
                }
            }
            proptest::prop_assert!(again == map);
            if !map.is_empty() {
                proptest::prop_assert_eq!(again.part_count(), map.part_count());
            }
        }

        #[test]
        fn it_holds_what_a_tree_holds(keys in proptest::collection::vec(0_u128..400, 0..600)) {
            let (mut map, mut tree) = (IdMap::default(), BTreeMap::new());
            for (place, key) in keys.iter().enumerate() {
                *map.get_or_default(TrackId::from_u128(*key)) = place;
                tree.insert(TrackId::from_u128(*key), place);
            }
            let bytes = postcard::to_allocvec(&map).unwrap();
            proptest::prop_assert_eq!(&bytes, &postcard::to_allocvec(&tree).unwrap());
            let read: IdMap<TrackId, usize> = postcard::from_bytes(&bytes).unwrap();
            proptest::prop_assert!(read == map);
            proptest::prop_assert_eq!(map.len(), tree.len());
            if let Some((key, _)) = tree.first_key_value() {
                *map.get_mut(*key).unwrap() += 1;
                proptest::prop_assert!(read != map);
            }
        }
    }
}
