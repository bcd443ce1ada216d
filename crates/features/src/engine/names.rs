//! The words behind the ids of texts.

use std::collections::HashMap;

use leitmotif_domain::limits;

use super::key_hash::BuildIdHasher;

/// Texts by id. One that came beyond the bound has no name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names(HashMap<u128, Box<str>, BuildIdHasher>);

impl Names {
    /// Keeps a text. Of two spellings of one text the lesser is kept, whichever came first.
    pub fn remember(&mut self, id: u128, text: &str) {
        let text = text.trim();
        let is_full = self.0.len() >= limits::FEATURE_NAMES_MAX;
        match self.0.get_mut(&id) {
            Some(kept) if **kept <= *text => {}
            Some(kept) => *kept = text.into(),
            None if is_full => {}
            None => drop(self.0.insert(id, text.into())),
        }
    }

    /// The text of an id.
    pub fn get(&self, id: u128) -> Option<&str> {
        self.0.get(&id).map(|text| &**text)
    }

    /// Every name, by id.
    pub fn sorted(&self) -> Vec<(u128, &str)> {
        let mut all: Vec<_> = self.0.iter().map(|(id, text)| (*id, &**text)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    pub fn of(names: Vec<(u128, Box<str>)>) -> Self {
        Self(names.into_iter().collect())
    }

    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.0.values().map(|text| text.len()).sum();
        texts + self.0.capacity() * (size_of::<(u128, Box<str>)>() + 1)
    }
}
