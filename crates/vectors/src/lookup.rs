//! Which slot holds an id.

use std::collections::HashMap;

use crate::snapshot::Mapped;

/// The slots of live ids.
///
/// A hash table of a million ids takes 70 MB and a large part of the time of a load. A snapshot
/// therefore lists its slots by id, and a mapped one is asked by halving; the table then holds only
/// what changed since.
#[derive(Default)]
pub(crate) struct IdLookup {
    /// Live slots by ascending id, as saved.
    saved_order: Mapped<u32>,
    /// Ids by slot, as saved: a view of its own, since a slot that is used again changes its id.
    saved_ids: Mapped<u128>,
    /// Ids put in or taken out since; without a mapped snapshot all of them.
    changed: HashMap<u128, Option<u32>>,
    live_count: usize,
}

impl IdLookup {
    /// Starts from what a snapshot lists; the order was checked.
    pub(crate) fn from_saved(saved_order: Mapped<u32>, saved_ids: Mapped<u128>) -> Self {
        Self {
            live_count: saved_order.len(),
            saved_order,
            saved_ids,
            changed: HashMap::new(),
        }
    }

    pub(crate) fn reserve(&mut self, count: usize) {
        self.changed.reserve(count);
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.live_count
    }

    pub(crate) fn get(&self, id: u128) -> Option<u32> {
        match self.changed.get(&id) {
            Some(&slot) => slot,
            None => self.saved(id),
        }
    }

    /// Puts in an id that is not there.
    pub(crate) fn insert(&mut self, id: u128, slot: u32) {
        self.changed.insert(id, Some(slot));
        self.live_count += 1;
    }

    /// Takes an id out and tells its slot.
    pub(crate) fn remove(&mut self, id: u128) -> Option<u32> {
        let slot = self.get(id)?;
        if self.saved(id).is_some() {
            self.changed.insert(id, None);
        } else {
            self.changed.remove(&id);
        }
        self.live_count -= 1;
        Some(slot)
    }

    fn saved(&self, id: u128) -> Option<u32> {
        let found = (self.saved_order)
            .binary_search_by(|&slot| self.saved_ids[slot as usize].cmp(&id))
            .ok()?;
        Some(self.saved_order[found])
    }
}
