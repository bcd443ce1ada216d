//! Layouts that were shown, against the chances they were drawn with.

use leitmotif_domain::event::ExposedTrack;
use leitmotif_domain::{Clock, RequestId};
use leitmotif_recommend::layouts::{SampleRatio, drawn_ratio};

use super::*;

impl World {
    /// Shows two shelves of a page to so many listeners.
    async fn show(&self, group: &str, count: usize, layout: &str, propensity: Option<f32>) {
        for number in 0..count {
            for _ in 0..2 {
                let id = EventId::generate(self.clock.as_ref(), self.stores.entropy.as_ref());
                let track = self.tracks[0];
                let shown = Exposure {
                    request_id: RequestId::from_u128(id.as_u128()),
                    placement: "home.for_you".to_owned(),
                    rung: Rung::Popular,
                    model: None,
                    assignment: None,
                    tracks: vec![ExposedTrack {
                        track,
                        score: None,
                        propensity: None,
                    }],
                    reasons: Default::default(),
                    is_sequenced: false,
                    exploration: None,
                    moment: Moment {
                        hour: Some(8),
                        ..Moment::default()
                    },
                    layout: Some(layout.to_owned()),
                    layout_propensity: propensity,
                    basis: None,
                };
                let event = Event {
                    event_id: id,
                    occurred_at: self.clock.now(),
                    listener: Some(self.listener(&format!("{group} {number}"))),
                    schema_version: EVENT_SCHEMA_VERSION,
                    payload: EventPayload::Exposure(shown),
                };
                self.storage.append(&self.scope, vec![event]).await.unwrap();
            }
        }
    }

    async fn ratio(&self) -> Option<SampleRatio> {
        let found = drawn_ratio(self.storage.as_ref(), &self.scope, "known_first").await;
        found.unwrap()
    }
}

#[tokio::test]
async fn layouts_are_held_against_their_chances_once_for_a_listener() {
    let world = World::new().await;
    world.show("even", 500, "new_first", None).await;
    assert_eq!(world.ratio().await, None, "these were not drawn");
    world.show("a", 48, "known_first", Some(0.25)).await;
    world.show("b", 152, "new_first", Some(0.75)).await;
    let found = world.ratio().await.unwrap();
    assert_eq!((found.trials, found.observed), (200, 48));
    assert!((found.expected - 50.0).abs() < 1e-9, "{found:?}");
    assert!(found.p > 0.5, "{found:?}");
    world.show("c", 60, "known_first", Some(0.25)).await;
    let skewed = world.ratio().await.unwrap();
    assert!(skewed.p < 0.001, "{skewed:?}");
}
