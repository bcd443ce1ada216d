//! A map by id that knows which of its parts changed since they were stored.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id_map::{Id, IdMap};

/// An [`IdMap`] that is stored in parts, of which only those are written again that changed.
#[derive(Clone)]
pub struct PartedMap<K, V> {
    map: IdMap<K, V>,
    /// By part. Shorter than there are parts: what is beyond changed.
    is_stored: Vec<bool>,
}

impl<K, V> Default for PartedMap<K, V> {
    fn default() -> Self {
        Self {
            map: IdMap::default(),
            is_stored: Vec::new(),
        }
    }
}

impl<K: Id, V> PartedMap<K, V> {
    /// An empty map that is filled part by part to so many entries.
    pub fn with_room(count: usize) -> Self {
        Self {
            map: IdMap::with_room(count),
            is_stored: Vec::new(),
        }
    }

    /// How many entries there are.
    pub fn entry_count(&self) -> usize {
        self.map.len()
    }

    /// The value of an id.
    pub fn get(&self, key: K) -> Option<&V> {
        self.map.get(key)
    }

    /// The value of an id, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.note(key);
        self.map.get_mut(key)
    }

    /// The value of an id, which is put there where it is new.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let parts = self.map.part_count();
        let number = self.map.number_or_insert_with(key, V::default);
        if self.map.part_count() != parts {
            // The parts are others now.
            self.is_stored.clear();
        }
        self.note(key);
        (self.map.value_mut(number)).expect("the number was given just now")
    }

    /// Every id with its value.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.map.iter()
    }

    /// How many parts there are.
    pub fn part_count(&self) -> usize {
        self.map.part_count()
    }

    /// The parts that changed since they were stored; they count as stored from here on.
    pub fn take_changed(&mut self) -> Vec<usize> {
        let is_stored = std::mem::take(&mut self.is_stored);
        self.is_stored = vec![true; self.part_count()];
        let is_changed = |part: &usize| !is_stored.get(*part).copied().unwrap_or(false);
        (0..self.part_count()).filter(is_changed).collect()
    }

    /// Counts all parts as changed.
    pub fn forget_stored(&mut self) {
        self.is_stored.clear();
    }

    fn note(&mut self, key: K) {
        let part = self.map.part_of(key);
        if let Some(is_stored) = self.is_stored.get_mut(part) {
            *is_stored = false;
        }
    }
}

impl<K: Id + Serialize, V: Serialize> PartedMap<K, V> {
    /// The bytes of a part: the same for the same entries, in whatever order they came; none for one
    /// without entries.
    pub fn encode(&self, part: usize) -> postcard::Result<Vec<u8>> {
        let entries = self.map.part(part);
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        postcard::to_allocvec(&entries)
    }
}

impl<K: Id + DeserializeOwned, V: for<'de> Deserialize<'de>> PartedMap<K, V> {
    /// Puts the entries of a part in.
    ///
    /// - Errors: for bytes that are none, and for an entry that is there already.
    pub fn decode(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        for (key, value) in postcard::from_bytes::<Vec<(K, V)>>(bytes)? {
            let known = self.map.len();
            self.map.number_or_insert_with(key, || value);
            if self.map.len() == known {
                return Err(postcard::Error::SerdeDeCustom);
            }
        }
        Ok(())
    }
}

impl<K: Id + fmt::Debug, V: fmt::Debug> fmt::Debug for PartedMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(formatter)
    }
}

impl<K: Id, V: PartialEq> PartialEq for PartedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Id, V: Eq> Eq for PartedMap<K, V> {}

impl<K: Id + Serialize, V: Serialize> Serialize for PartedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(serializer)
    }
}

impl<'de, K: Id + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for PartedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = IdMap::deserialize(deserializer)?;
        Ok(Self {
            map,
            is_stored: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use leitmotif_domain::TrackId;

    use super::*;

    fn id(place: u64) -> TrackId {
        TrackId::from_u128(u128::from(place) << 3)
    }

    #[test]
    fn only_what_changed_is_written_again() {
        let mut map: PartedMap<TrackId, u64> = PartedMap::default();
        assert_eq!(map.take_changed(), [0]);
        (0..1_000).for_each(|place| *map.get_or_default(id(place)) = place);
        let all = map.take_changed();
        assert_eq!(all.len(), map.part_count());
        assert!(all.len() > 20, "{}", all.len());
        assert_eq!(map.take_changed(), [0; 0]);
        *map.get_mut(id(7)).unwrap() = 70;
        map.get_or_default(id(8));
        let mut expected = vec![map.map.part_of(id(7)), map.map.part_of(id(8))];
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(map.take_changed(), expected);
        map.forget_stored();
        assert_eq!(map.take_changed().len(), map.part_count());
        // Twice as many entries have other parts.
        (0..3_000).for_each(|place| *map.get_or_default(id(place)) = place);
        assert_eq!(map.take_changed().len(), map.part_count());
    }

    proptest::proptest! {
        #[test]
        fn parts_that_are_stored_as_they_change_give_the_map(
            batches in proptest::collection::vec(
                proptest::collection::vec((0_u64..5_000, 0_u64..9), 1..600), 1..6),
        ) {
            let mut map: PartedMap<TrackId, u64> = PartedMap::default();
            let mut stored: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
            for batch in &batches {
                for (place, amount) in batch {
                    *map.get_or_default(id(*place)) += amount;
                }
                for part in map.take_changed() {
                    stored.insert(part, map.encode(part).unwrap());
                }
                let mut read = PartedMap::with_room(map.entry_count());
                stored.values().for_each(|bytes| read.decode(bytes).unwrap());
                proptest::prop_assert!(read == map);
                let mut other = stored.values().next().unwrap().clone();
                proptest::prop_assert!(read.decode(&other).is_err() || other.is_empty());
                other.pop();
                let mut broken: PartedMap<TrackId, u64> = PartedMap::default();
                proptest::prop_assert!(broken.decode(&other).is_err() || other.is_empty());
            }
        }
    }
}
