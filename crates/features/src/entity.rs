//! Whom a feature is about, and how they are named in events.

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::Listen;
use leitmotif_domain::zone::LocalHour;
use serde::{Deserialize, Serialize};

use crate::definition::text_id;

/// An entity of a view: one id, or two for a pair; what has no id goes by that of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    first: u128,
    second: u128,
}

impl EntityKey {
    /// An entity of one part.
    pub const fn of(id: u128) -> Self {
        Self {
            first: id,
            second: 0,
        }
    }

    /// An entity of two parts.
    pub const fn pair(first: u128, second: u128) -> Self {
        Self { first, second }
    }

    /// An entity that is named by texts.
    pub fn of_texts(texts: &[String]) -> Self {
        let mut ids = texts.iter().map(|text| text_id(text));
        Self::pair(ids.next().unwrap_or(0), ids.next().unwrap_or(0))
    }

    /// The ids of its parts.
    pub fn parts(self) -> [u128; 2] {
        [self.first, self.second]
    }
}

/// Names the context of a play: `weekend/evening/phone/running`, with `-` for what is not said.
///
/// The parts of the day are six hours long on the listener's own clock: night from midnight, then
/// morning, afternoon and evening. The coarse place is no part of it: cells would be as many as towns
/// and each nearly empty.
pub fn context_cell(listen: &Listen, at: Timestamp) -> String {
    let local = LocalHour::at(at, listen.zone.as_deref());
    let day = if local.is_weekend() {
        "weekend"
    } else {
        "weekday"
    };
    let part = local.part().name();
    let said = |text: &Option<String>| match text.as_deref().map(str::trim) {
        None | Some("") => "-".to_owned(),
        Some(text) => text.to_lowercase(),
    };
    format!(
        "{day}/{part}/{}/{}",
        said(&listen.device),
        said(&listen.activity)
    )
}
