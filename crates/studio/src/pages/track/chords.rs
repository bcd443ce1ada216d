//! The chords of a track as a lane under its waveform.

use std::collections::BTreeMap;

use leitmotif_api::native::analysis::DescriptorAnswer;
use maud::{Markup, html};
use serde_json::Value;

use super::circle::{Place, fifth_of};
use super::sections::{clock, share_text};
use crate::format::percent;

/// Name of the descriptor that holds the chords.
pub const CHORDS: &str = "chords";
/// Narrowest chord that is written on, as a share of the track.
const WRITTEN_MIN: f64 = 0.022;
/// Chords drawn and listed at most: two a second for three hours would be no picture.
const CHORDS_MAX: usize = 2_000;

/// A chord with its time.
struct Chord {
    start_ms: u64,
    end_ms: u64,
    /// As the analysis writes it: `A:min`, `N`.
    name: String,
}

impl Chord {
    /// Written short: `Am`, `C`, `–` for none.
    fn short(&self) -> String {
        match self.name.split_once(':') {
            Some((root, "min")) => format!("{root}m"),
            Some((root, _)) => root.to_owned(),
            None => "–".to_owned(),
        }
    }

    /// Spoken: `A minor`, `no chord`.
    fn spoken(&self) -> String {
        let place = Place::of_chord(&self.name);
        place.map_or_else(|| "no chord".to_owned(), Place::name)
    }

    fn class(&self) -> String {
        let root = self.name.split_once(':');
        match root.and_then(|(root, mode)| Some((fifth_of(root)?, mode))) {
            Some((fifth, "min")) => format!("fifth fifth-{fifth} is-minor"),
            Some((fifth, _)) => format!("fifth fifth-{fifth}"),
            None => "fifth-none".to_owned(),
        }
    }
}

fn chords(descriptors: &[DescriptorAnswer]) -> Vec<Chord> {
    let found = descriptors.iter().find(|one| one.name == CHORDS);
    let all = found.and_then(|one| one.value.as_array());
    let read = |one: &Value| {
        let chord = Chord {
            start_ms: one["start_ms"].as_u64()?,
            end_ms: one["end_ms"].as_u64()?,
            name: one["chord"].as_str()?.to_owned(),
        };
        (chord.end_ms > chord.start_ms).then_some(chord)
    };
    let all = all.into_iter().flatten().filter_map(read);
    all.take(CHORDS_MAX).collect()
}

/// Draws the lane; nothing without chords or a length.
pub fn lane(descriptors: &[DescriptorAnswer], duration_ms: Option<u64>) -> Markup {
    let chords = chords(descriptors);
    let Some(duration_ms) = duration_ms.filter(|_| !chords.is_empty()) else {
        return html! {};
    };
    let share = |ms: u64| (ms as f64 / duration_ms as f64).min(1.0);
    html! {
        div.lane data-lane {
            span.lane-name { "Chords" }
            svg.chords role="img" aria-label=(summary(&chords)) {
                @for chord in &chords {
                    @let (from, to) = (share(chord.start_ms), share(chord.end_ms));
                    rect class=(chord.class()) x=(share_text(from)) y="0" width=(share_text((to - from).max(0.0))) height="100%" {
                        title { (chord.spoken()) ", " (clock(chord.start_ms)) " to " (clock(chord.end_ms)) }
                    }
                    @if to - from >= WRITTEN_MIN {
                        text x=(share_text((from + to) / 2.0)) y="50%" text-anchor="middle" dominant-baseline="central" { (chord.short()) }
                    }
                }
                line.playhead x1="0" x2="0" y1="0" y2="100%" data-playhead {}
            }
        }
    }
}

/// The chords as a table, for whoever does not see the lane.
pub fn table(descriptors: &[DescriptorAnswer]) -> Markup {
    let chords = chords(descriptors);
    html! {
        @if !chords.is_empty() {
            details.listed {
                summary { "Chords as a table" }
                div.scroll.listed-rows tabindex="0" role="region" aria-label="Chords with their times" {
                    table {
                        caption { (summary(&chords)) }
                        thead { tr { th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Chord" } } }
                        tbody {
                            @for chord in &chords {
                                tr { td.number { (clock(chord.start_ms)) } td.number { (clock(chord.end_ms)) } td { (chord.spoken()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many there are, and those that sound longest.
fn summary(chords: &[Chord]) -> String {
    let mut lengths: BTreeMap<String, u64> = BTreeMap::new();
    let mut whole = 0;
    for chord in chords {
        let length = chord.end_ms - chord.start_ms;
        *lengths.entry(chord.spoken()).or_default() += length;
        whole += length;
    }
    let mut longest: Vec<(String, u64)> = lengths.into_iter().collect();
    longest.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let told: Vec<String> = longest
        .iter()
        .take(4)
        .map(|(name, length)| format!("{name} {}", percent(*length as f64 / whole as f64)))
        .collect();
    let changes = chords.len().saturating_sub(1);
    format!("{changes} chord changes; longest sound {}", told.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: Value) -> [DescriptorAnswer; 1] {
        [DescriptorAnswer {
            name: CHORDS.to_owned(),
            value,
            confidence: None,
            method: String::new(),
            version: String::new(),
            card: None,
            plugin: None,
            reason: None,
            evidence_count: None,
            evidence_unit: None,
        }]
    }

    #[test]
    fn chords_have_the_colour_of_their_root_and_stay_inside() {
        let value = json!([{"start_ms": 0, "end_ms": 500, "chord": "A:min"},
            {"start_ms": 500, "end_ms": 700, "chord": "N"},
            {"start_ms": 700, "end_ms": 5_000, "chord": "G:maj"},
            {"start_ms": 9, "end_ms": 9, "chord": "C:maj"}, {"chord": 3}]);
        let told = told(value);
        let shown = lane(&told, Some(1_000)).into_string();
        assert_eq!(shown.matches("<rect").count(), 3, "{shown}");
        for expected in [
            "fifth fifth-3 is-minor",
            "fifth-none",
            "class=\"fifth fifth-1\"",
            ">Am<",
            ">G<",
            "width=\"30.00%\"",
            "A minor, 0:00 to 0:01",
            "2 chord changes",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        let listed = table(&told).into_string();
        assert!(
            listed.contains("<td>no chord</td>") && listed.contains("<td>G major</td>"),
            "{listed}"
        );
    }

    #[test]
    fn without_chords_there_is_no_lane() {
        for value in [
            Value::Null,
            json!([]),
            json!("N"),
            json!([{"chord": "A:min"}]),
        ] {
            assert_eq!(lane(&told(value.clone()), Some(1_000)).into_string(), "");
            assert_eq!(table(&told(value)).into_string(), "");
        }
    }
}
