//! Listeners: people who play music.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::ListenerId;

/// A person who plays music, known by the name their player sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Our id, derived from tenant and name.
    pub id: ListenerId,
    /// The name the players use.
    pub name: String,
    /// When the first event named them.
    pub created_at: Timestamp,
}
