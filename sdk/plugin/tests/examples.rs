//! The plugin among the examples tells of its own examples what it says, and what sounds is heard.

use leitmotif_plugin::trial::check_examples;
use leitmotif_plugin::{Plugin, Told, Track};

#[path = "../examples/line_length.rs"]
mod line_length;

const MANIFEST: &str = include_str!("../examples/line_length.json");

#[test]
fn line_length_tells_what_it_says() {
    check_examples::<line_length::LineLength>(MANIFEST).unwrap();
    let wrong = MANIFEST.replace("2.5", "3.5");
    let told = check_examples::<line_length::LineLength>(&wrong).unwrap_err();
    assert_eq!(told, "example 1: `mean_words` is 2.5, must be 3.5");
}

/// The highest sample and how many there were.
#[derive(Default)]
struct Peak {
    rate_hz: f64,
    peak: f64,
    count: u32,
}

impl Plugin for Peak {
    fn begin(&mut self, track: Track) {
        self.rate_hz = f64::from(track.sample_rate_hz.unwrap_or(1));
        assert!(track.descriptors["key"].is_null());
        assert_eq!(track.descriptors["tempo_bpm"], 120);
    }

    fn hear(&mut self, samples: &[f32]) {
        self.count += samples.len() as u32;
        let highest = samples.iter().copied().fold(0.0_f32, f32::max);
        self.peak = self.peak.max(f64::from(highest));
    }

    fn finish(&mut self) -> Vec<Told> {
        let seconds = f64::from(self.count) / self.rate_hz;
        vec![
            Told::of("peak", self.peak).sure(0.5),
            Told::of("seconds", seconds),
        ]
    }
}

#[test]
fn sound_comes_in_parts_of_a_second() {
    let manifest = r#"{"needs": {"audio": {"sample_rate_hz": 8000}, "descriptors": ["key", "tempo_bpm"]},
        "examples": [{"audio": {"seconds": 2.5, "tones": [{"hertz": 100, "amplitude": 0.5}]},
            "descriptors": {"tempo_bpm": 120},
            "expect": {"peak": {"value": 0.5, "tolerance": 0.001}, "seconds": {"value": 2.5}}}]}"#;
    check_examples::<Peak>(manifest).unwrap();
    assert!(check_examples::<Peak>("{").is_err());
}
