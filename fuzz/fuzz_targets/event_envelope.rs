//! Any bytes as an event: refused, or read, written and read again as the same event.
#![no_main]

use leitmotif_domain::event::{Event, EventPayload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = serde_json::from_slice::<Event>(bytes) else {
        return;
    };
    if let EventPayload::Listen(listen) = &event.payload {
        let signal = listen.signal();
        assert!((-1.0..=1.0).contains(&signal), "signal {signal}");
    }
    let text = serde_json::to_vec(&event).expect("an event that was read can be written");
    // A score beyond the range of `f32` reads as infinity and is written as null: not an event.
    if let Ok(again) = serde_json::from_slice::<Event>(&text) {
        assert_eq!(again, event);
    }
});
