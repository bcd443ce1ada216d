//! The key of a track on the circle of fifths.

use leitmotif_api::native::analysis::{AnalysisAnswer, DescriptorAnswer};
use maud::{Markup, html};
use serde_json::Value;

use super::circle::{CIRCLE, Place};
use crate::format::percent;

/// Radii of the rings, in the units of a picture of 200 by 200.
const OUTER: (f64, f64) = (62.0, 96.0);
const INNER: (f64, f64) = (32.0, 62.0);
/// Share of the track from which on a key that holds for a while is told.
const HELD_MIN: f64 = 0.05;

/// What is known of a track's key.
struct Keys {
    main: Place,
    confidence: Option<f64>,
    alternative: Option<Place>,
    /// Keys that hold for parts of the track, with their share of it, the longest first.
    held: Vec<(Place, f64)>,
}

impl Keys {
    fn read(analysis: &AnalysisAnswer) -> Option<Self> {
        let find = |name: &str| analysis.descriptors.iter().find(|one| one.name == name);
        let text = |one: &DescriptorAnswer| one.value.as_str().map(str::to_owned);
        let key = find("key")?;
        let mode = find("mode").and_then(text)?;
        let named = |name: &str| find(name).and_then(text);
        Some(Self {
            main: Place::named(&format!("{} {mode}", text(key)?))?,
            confidence: key.confidence.map(f64::from),
            alternative: named("key_alternative").and_then(|name| Place::named(&name)),
            held: held(
                find("key_changes").map_or(&Value::Null, |one| &one.value),
                find("duration_ms").and_then(|one| one.value.as_u64()),
            ),
        })
    }

    fn class(&self, place: Place) -> &'static str {
        if place == self.main {
            "wheel-key"
        } else if self.main.neighbours().contains(&place) {
            "wheel-near"
        } else {
            "wheel-other"
        }
    }
}

/// Shares of the track by key.
fn held(changes: &Value, duration_ms: Option<u64>) -> Vec<(Place, f64)> {
    let Some(duration) = duration_ms.filter(|duration| *duration > 0) else {
        return Vec::new();
    };
    let read = |one: &Value| {
        let name = format!("{} {}", one["key"].as_str()?, one["mode"].as_str()?);
        Some((one["start_ms"].as_u64()?, Place::named(&name)?))
    };
    let spans: Vec<(u64, Place)> = changes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(read)
        .collect();
    let ends = spans
        .iter()
        .skip(1)
        .map(|(start, _)| *start)
        .chain([duration]);
    let mut held: Vec<(Place, f64)> = Vec::new();
    for ((start, place), end) in spans.iter().zip(ends) {
        let share = end.saturating_sub(*start) as f64 / duration as f64;
        match held.iter_mut().find(|(known, _)| known == place) {
            Some((_, sum)) => *sum += share,
            None => held.push((*place, share)),
        }
    }
    held.sort_by(|one, other| other.1.total_cmp(&one.1));
    held
}

/// Draws the wheel with what it says; nothing without a key.
pub fn section(analysis: &AnalysisAnswer) -> Markup {
    let Some(keys) = Keys::read(analysis) else {
        return html! {};
    };
    let near = keys.main.neighbours();
    let others: Vec<&(Place, f64)> = (keys.held.iter())
        .filter(|(place, share)| *place != keys.main && *share >= HELD_MIN)
        .collect();
    html! {
        section.harmony aria-labelledby="wheel" {
            h2 #wheel { "Key" }
            div.wheel-beside {
                (picture(&keys))
                dl.facts {
                    dt { "Key" }
                    dd {
                        strong { (keys.main.name()) }
                        @if let Some(confidence) = keys.confidence { ", " (percent(confidence)) " sure" }
                    }
                    @if let Some(alternative) = keys.alternative {
                        dt { "Next best" }
                        dd {
                            (alternative.name())
                            @if let Some(confidence) = keys.confidence { ", at most " (percent(1.0 - confidence)) }
                        }
                    }
                    dt { "Mixes with" }
                    dd { (near[0].name()) ", " (near[1].name()) ", " (near[2].name()) }
                    @if !others.is_empty() {
                        dt { "Also in" }
                        dd { @for (place, (other, share)) in others.iter().enumerate() {
                            @if place > 0 { ", " } (other.name()) " for " (percent(*share)) " of the track"
                        } }
                    }
                }
            }
            p.quiet.legend {
                span.key.key-main { "the key" } " " span.key.key-near { "mixes well" }
                @if keys.alternative.is_some() { " " span.key.key-alternative { "next best reading" } }
                ". Majors outside, their relative minors inside; a step on the ring is a fifth."
            }
        }
    }
}

fn picture(keys: &Keys) -> Markup {
    let told = keys.alternative.map_or_else(String::new, |other| {
        format!("; the next best reading is {}", other.name())
    });
    html! {
        svg.wheel viewBox="0 0 200 200" role="img" aria-label={ "Circle of fifths: " (keys.main.name()) " is marked, its neighbours are shaded" (told) } {
            @for hour in 0..CIRCLE.len() {
                @for (is_minor, ring) in [(false, OUTER), (true, INNER)] {
                    @let place = Place { hour, is_minor };
                    path class={ (keys.class(place)) @if keys.alternative == Some(place) { " wheel-alternative" } } d=(wedge(hour, ring)) {}
                }
            }
            @for (hour, (major, minor)) in CIRCLE.into_iter().enumerate() {
                @for (is_minor, ring, name) in [(false, OUTER, major.to_owned()), (true, INNER, format!("{minor}m"))] {
                    @let (x, y) = point(hour as f64, (ring.0 + ring.1) / 2.0);
                    @let class = name_class(keys.main == Place { hour, is_minor }, is_minor);
                    text class=(class) x=(tenths(x)) y=(tenths(y)) text-anchor="middle" dominant-baseline="central" { (name) }
                }
            }
        }
    }
}

fn name_class(is_key: bool, is_minor: bool) -> &'static str {
    match (is_key, is_minor) {
        (true, true) => "wheel-inner wheel-marked",
        (true, false) => "wheel-marked",
        (false, true) => "wheel-inner",
        (false, false) => "wheel-outer",
    }
}

/// A piece of a ring about an hour.
fn wedge(hour: usize, (inner, outer): (f64, f64)) -> String {
    let (from, to) = (hour as f64 - 0.5, hour as f64 + 0.5);
    let at = |hour: f64, radius: f64| {
        let (x, y) = point(hour, radius);
        format!("{} {}", tenths(x), tenths(y))
    };
    format!(
        "M{}A{outer} {outer} 0 0 1 {}L{}A{inner} {inner} 0 0 0 {}Z",
        at(from, outer),
        at(to, outer),
        at(to, inner),
        at(from, inner)
    )
}

/// A point of a clock face of twelve hours.
fn point(hour: f64, radius: f64) -> (f64, f64) {
    let angle = hour / 12.0 * std::f64::consts::TAU;
    (100.0 + radius * angle.sin(), 100.0 - radius * angle.cos())
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;
    use serde_json::json;

    use super::*;

    fn analysis(descriptors: &[(&str, Value)]) -> AnalysisAnswer {
        let one = |(name, value): &(&str, Value)| DescriptorAnswer {
            name: (*name).to_owned(),
            value: value.clone(),
            confidence: Some(0.75),
            method: String::new(),
            version: String::new(),
            card: None,
            plugin: None,
            reason: None,
            evidence_count: None,
            evidence_unit: None,
        };
        AnalysisAnswer {
            track: String::new(),
            analysed_at: Timestamp::from_ms(0),
            descriptors: descriptors.iter().map(one).collect(),
            beats_ms: Vec::new(),
            downbeats_ms: Vec::new(),
            waveform: Default::default(),
            loudness_curve: Default::default(),
            rhymes: Vec::new(),
            remarks: Vec::new(),
            failures: Vec::new(),
            is_current: true,
        }
    }

    #[test]
    fn the_wheel_marks_the_key_its_neighbours_and_the_next_best() {
        let shown = section(&analysis(&[
            ("key", json!("A")),
            ("mode", json!("minor")),
            ("key_alternative", json!("C major")),
            ("duration_ms", json!(100_000)),
            (
                "key_changes",
                json!([{"start_ms": 0, "key": "A", "mode": "minor"},
                {"start_ms": 60_000, "key": "B", "mode": "minor"},
                {"start_ms": 98_000, "key": "G", "mode": "major"}]),
            ),
        ]))
        .into_string();
        assert_eq!(shown.matches("class=\"wheel-key\"").count(), 1, "{shown}");
        assert_eq!(shown.matches("class=\"wheel-near").count(), 3, "{shown}");
        assert_eq!(
            shown.matches("wheel-near wheel-alternative").count(),
            1,
            "{shown}"
        );
        for expected in [
            "75 % sure",
            "at most 25 %",
            "D minor, E minor, C major",
            "B minor for 38 % of the track",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        assert!(!shown.contains("G major for"), "{shown}");
    }

    #[test]
    fn without_a_key_there_is_no_wheel() {
        for key in [Value::Null, json!("H"), json!(3)] {
            let found = analysis(&[("key", key), ("mode", json!("minor"))]);
            assert_eq!(section(&found).into_string(), "");
        }
        assert_eq!(section(&analysis(&[("key", json!("A"))])).into_string(), "");
    }
}
