//! The bytes of a feature set: the same for the same events, until time moves a window.

use std::collections::BTreeMap;

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::RecordedEvent;
use serde::{Deserialize, Serialize};

use super::entity_state::EntityState;
use super::names::Names;
use super::{Credited, FeatureSet, LiveView};
use crate::definition::text_id;
use crate::entity::EntityKey;

/// A set as it is written down.
#[derive(Serialize)]
struct Image<'a> {
    views: Vec<ViewImage<&'a EntityState>>,
    artists: Vec<(u128, u128)>,
    names: Vec<(u128, &'a str)>,
    ahead: Vec<AheadImage>,
    passed_over: u64,
    offset: u64,
    known_at: Timestamp,
}

#[derive(Deserialize)]
struct OwnedImage {
    views: Vec<ViewImage<EntityState>>,
    artists: Vec<(u128, u128)>,
    names: Vec<(u128, Box<str>)>,
    ahead: Vec<AheadImage>,
    passed_over: u64,
    offset: u64,
    known_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ViewImage<S> {
    /// Name and text of the view: states of another text are of another shape.
    fingerprint: u128,
    refused: u64,
    entities: Vec<(EntityKey, S)>,
}

#[derive(Serialize, Deserialize)]
struct AheadImage {
    /// As JSON: payloads are tagged, which the encoding of the rest cannot read.
    event: String,
    known_at: Timestamp,
    artists: Vec<(u128, u128)>,
}

fn fingerprint(view: &LiveView) -> u128 {
    text_id(&format!("{}\n{}", view.definition.name, view.text))
}

impl FeatureSet {
    /// The bytes of the set, with nothing in them that no window reaches.
    ///
    /// - Cost: O(entities log entities), and memory for the bytes.
    pub fn encode(&mut self) -> Result<Vec<u8>, postcard::Error> {
        let now_ms = self.now.as_ms();
        for (_, state) in &mut self.views {
            let plan = &state.plan;
            let entities = state.entities.iter_mut();
            entities.for_each(|entity| entity.forget(plan, now_ms));
        }
        let views = self.views.iter().map(|(live, state)| {
            let entity = |(key, place): (&EntityKey, &u32)| {
                Some((*key, state.entities.get(*place as usize)?))
            };
            let mut entities: Vec<_> = state.index.iter().filter_map(entity).collect();
            entities.sort_unstable_by_key(|(key, _)| *key);
            ViewImage {
                fingerprint: fingerprint(live),
                refused: state.refused,
                entities,
            }
        });
        let mut artists: Vec<_> = self.artists.iter().map(|(a, b)| (*a, *b)).collect();
        artists.sort_unstable();
        let ahead = self.ahead.values().map(|waiting| {
            Ok(AheadImage {
                event: serde_json::to_string(&waiting.event)
                    .map_err(|_| postcard::Error::SerdeSerCustom)?,
                known_at: waiting.known_at,
                artists: waiting.artists.clone(),
            })
        });
        postcard::to_allocvec(&Image {
            views: views.collect(),
            artists,
            names: self.names.sorted(),
            ahead: ahead.collect::<Result<_, postcard::Error>>()?,
            passed_over: self.passed_over,
            offset: self.offset,
            known_at: self.known_at,
        })
    }

    /// Reads a set back; `None` for bytes of other views or of another release: the log has
    /// everything, and a set is built anew from it.
    pub fn decode(views: &[LiveView], bytes: &[u8]) -> Option<Self> {
        let image: OwnedImage = postcard::from_bytes(bytes).ok()?;
        // What had been known of had happened by then, but for what waits; time goes on from there.
        let mut set = Self::new(views, image.known_at);
        if image.views.len() != set.views.len() {
            return None;
        }
        for ((live, state), stored) in set.views.iter_mut().zip(image.views) {
            let is_whole = (stored.entities.iter()).all(|(_, one)| one.is_of(&state.plan));
            if stored.fingerprint != fingerprint(live) || !is_whole {
                return None;
            }
            state.refused = stored.refused;
            state.index.reserve(stored.entities.len());
            for (key, entity) in stored.entities {
                state.index.insert(key, state.entities.len() as u32);
                state.entities.push(entity.ready());
            }
        }
        set.artists = image.artists.into_iter().collect();
        set.names = Names::of(image.names);
        let mut ahead = BTreeMap::new();
        for waiting in image.ahead {
            let event: RecordedEvent = serde_json::from_str(&waiting.event).ok()?;
            let key = (event.event.occurred_at, event.offset);
            let waiting = Credited {
                event,
                known_at: waiting.known_at,
                artists: waiting.artists,
            };
            ahead.insert(key, waiting);
        }
        set.ahead = ahead;
        (set.passed_over, set.offset) = (image.passed_over, image.offset);
        set.known_at = image.known_at;
        Some(set)
    }
}
