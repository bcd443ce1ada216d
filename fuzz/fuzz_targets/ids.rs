//! Any text as an id, a reference to a track, a release date: refused, or shown as it was read.
#![no_main]

use leitmotif_domain::TrackId;
use leitmotif_domain::track::{ReleaseDate, TrackRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<TrackId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(reference) = text.parse::<TrackRef>() {
        match reference {
            TrackRef::Id(id) => assert_eq!(id.to_string(), text),
            TrackRef::External { namespace, value } => {
                assert_eq!(format!("{namespace}:{value}"), text);
            }
        }
    }
    if let Ok(date) = text.parse::<ReleaseDate>() {
        assert_eq!(date.as_str(), text);
        for (index, byte) in text.bytes().enumerate() {
            let is_right = if index == 4 || index == 7 {
                byte == b'-'
            } else {
                byte.is_ascii_digit()
            };
            assert!(is_right, "`{text}` passed as a date");
        }
    }
});
