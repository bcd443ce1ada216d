//! The newest or the oldest value, by moment and event, whatever the order they came in.

use serde::{Deserialize, Serialize};

/// What orders the values of a feature: the moment, then what was made later, then the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeKey {
    /// When it happened, in milliseconds.
    pub at_ms: i64,
    /// When the sender made the row, in milliseconds; the lowest number where it does not say.
    pub made_ms: i64,
    /// The event.
    pub event: u128,
    /// The place in the event.
    pub place: u32,
}

/// One end of an entity's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge<V> {
    held: Option<(EdgeKey, V)>,
}

impl<V> Default for Edge<V> {
    fn default() -> Self {
        Self { held: None }
    }
}

impl<V: PartialEq> Edge<V> {
    /// Takes a value in that holds if it is the newest.
    pub fn keep_newest(&mut self, key: EdgeKey, value: V) {
        if self.held.as_ref().is_none_or(|(held, _)| *held < key) {
            self.held = Some((key, value));
        }
    }

    /// Takes a value in that holds if it is the oldest.
    pub fn keep_oldest(&mut self, key: EdgeKey, value: V) {
        if self.held.as_ref().is_none_or(|(held, _)| *held > key) {
            self.held = Some((key, value));
        }
    }

    /// What holds.
    pub fn get(&self) -> Option<(&EdgeKey, &V)> {
        self.held.as_ref().map(|(key, value)| (key, value))
    }
}
