//! The sections of a track as a strip under its waveform.

use leitmotif_api::native::analysis::{AnalysisAnswer, DescriptorAnswer};
use maud::{Markup, html};
use serde_json::Value;

/// Name of the descriptor that holds the sections.
pub const STRUCTURE: &str = "structure";
/// Colours of labels; the next label begins again.
const COLOURS: usize = 6;
/// Narrowest section that is written on, as a share of the track.
const WRITTEN_MIN: f64 = 0.02;

/// A section as the analysis tells it.
pub struct Section {
    /// Start in milliseconds.
    pub start_ms: u64,
    /// End in milliseconds.
    pub end_ms: u64,
    /// Equal labels repeat each other.
    pub label: String,
    /// Confidence in the start.
    pub confidence: Option<f64>,
}

/// Reads sections; what is not one is left out.
pub fn sections(value: &Value) -> Vec<Section> {
    let read = |one: &Value| {
        Some(Section {
            start_ms: one["start_ms"].as_u64()?,
            end_ms: one["end_ms"].as_u64()?,
            label: one["label"].as_str()?.to_owned(),
            confidence: one["confidence"].as_f64(),
        })
    };
    let all = value.as_array().into_iter().flatten();
    all.filter_map(read).collect()
}

/// A time as `m:ss`.
pub fn clock(milliseconds: u64) -> String {
    let seconds = (milliseconds + 500) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The strip of an analysis, as long as the analysis says the track is.
pub fn sections_of(analysis: &AnalysisAnswer) -> Markup {
    let all = &analysis.descriptors;
    let length = all.iter().find(|one| one.name == "duration_ms");
    strip(all, length.and_then(|one| one.value.as_u64()))
}

/// Draws the strip; nothing without sections or a length.
pub fn strip(descriptors: &[DescriptorAnswer], duration_ms: Option<u64>) -> Markup {
    let found = descriptors.iter().find(|one| one.name == STRUCTURE);
    let sections = found.map_or_else(Vec::new, |one| sections(&one.value));
    let Some(duration_ms) = duration_ms.filter(|_| !sections.is_empty()) else {
        return html! {};
    };
    let share = |ms: u64| (ms as f64 / duration_ms as f64).min(1.0);
    let spoken: Vec<String> = sections
        .iter()
        .map(|section| format!("{} from {}", section.label, clock(section.start_ms)))
        .collect();
    html! {
        div.lane data-lane {
            span.lane-name { "Sections" }
            svg.sections role="img" aria-label={ "Sections: " (spoken.join(", ")) } {
                @for section in &sections {
                    @let (from, to) = (share(section.start_ms), share(section.end_ms));
                    rect class={ "section-" (colour(&section.label)) } x=(share_text(from)) y="0" width=(share_text((to - from).max(0.0))) height="100%" {
                        title { (section.label) " from " (clock(section.start_ms)) " to " (clock(section.end_ms)) }
                    }
                    @if to - from >= WRITTEN_MIN {
                        text x=(share_text((from + to) / 2.0)) y="50%" text-anchor="middle" dominant-baseline="central" { (section.label) }
                    }
                }
                line.playhead x1="0" x2="0" y1="0" y2="100%" data-playhead {}
            }
        }
    }
}

/// A share of the width, as SVG takes it.
pub fn share_text(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// The colour of a label: its letter, in turn.
fn colour(label: &str) -> usize {
    let letter = label.bytes().next().unwrap_or(b'A');
    usize::from(letter.wrapping_sub(b'A')) % COLOURS
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: Value) -> [DescriptorAnswer; 1] {
        [DescriptorAnswer {
            name: STRUCTURE.to_owned(),
            value,
            confidence: None,
            method: "novelty".to_owned(),
            version: "1.3.0".to_owned(),
            card: None,
            plugin: None,
            reason: None,
            evidence_count: None,
            evidence_unit: None,
        }]
    }

    #[test]
    fn repeats_have_one_colour_and_nothing_leaves_the_strip() {
        let value = json!([{"start_ms": 0, "end_ms": 400, "label": "A", "confidence": null},
            {"start_ms": 400, "end_ms": 410, "label": "B", "confidence": 0.4},
            {"start_ms": 410, "end_ms": 2_000, "label": "A", "confidence": 0.9}]);
        let shown = strip(&told(value), Some(1_000)).into_string();
        assert_eq!(shown.matches("section-0").count(), 2, "{shown}");
        assert_eq!(shown.matches("<text").count(), 2, "{shown}");
        assert!(
            shown.contains(r#"x="41.00%""#) && shown.contains(r#"width="59.00%""#),
            "{shown}"
        );
    }

    #[test]
    fn without_sections_there_is_no_strip() {
        for value in [Value::Null, json!([]), json!("A"), json!([{"label": "A"}])] {
            assert_eq!(strip(&told(value), Some(1_000)).into_string(), "");
        }
        let value = json!([{"start_ms": 0, "end_ms": 400, "label": "A"}]);
        assert_eq!(strip(&told(value), None).into_string(), "");
        assert_eq!(clock(61_600), "1:02");
    }
}
