//! Any text as lyrics.
#![no_main]

use leitmotif_analysis::lyrics::analyze_lyrics;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let analysis = analyze_lyrics(text);
    for descriptor in &analysis.descriptors {
        let is_sane = descriptor
            .confidence
            .is_none_or(|confidence| (0.0..=1.0).contains(&confidence));
        assert!(is_sane, "{descriptor:?}");
    }
});
