//! What was measured, each number with confidence, method and version.

use leitmotif_api::native::analysis::{AnalysisAnswer, DescriptorAnswer};
use leitmotif_api::native::analyzers::parts::{Card, card_of_descriptor};
use maud::{Markup, html};
use serde_json::Value;

use super::meaning::{EMOTIONS, EXPLICIT_WORDS, THEMES, explicit_text, shares_text};
use super::sections::{STRUCTURE, clock, sections};
use crate::format::{UNKNOWN, label, moment, percent, value_text};
use crate::links;

/// Descriptors that are lists of labels.
const LABELS: [&str; 2] = ["genre", "mood"];
/// Descriptors that are told by the tenant or by heads.
const TOLD: [&str; 4] = ["genre", "mood", "valence", "liveness"];

/// Descriptors that are read together, under one headline.
const HEADLINES: [(&str, &[&str]); 7] = [
    ("Tempo", &["tempo_bpm", "tempo_alt_bpm", "time_signature"]),
    ("Key", &["key", "mode", "key_camelot"]),
    (
        "Loudness",
        &[
            "integrated_loudness_lufs",
            "loudness_range_lu",
            "true_peak_dbtp",
        ],
    ),
    (
        "Energy",
        &[
            "energy",
            "danceability",
            "acousticness",
            "instrumentalness",
            "speechiness",
        ],
    ),
    ("Length", &["duration_ms"]),
    ("Words", &["language", "word_count", "rhyme_density_ratio"]),
    ("Genre", &TOLD),
];

/// Where the rest belongs, by the beginning of the name.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Rhythm", &["tempo", "beat", "onset", "time_signature"]),
    ("Harmony", &["key", "mode", "tuning", "chroma", "chord"]),
    (
        "Level",
        &[
            "integrated",
            "loudness",
            "momentary",
            "short_term",
            "true_peak",
            "sample_peak",
            "replaygain",
            "level",
            "duration",
        ],
    ),
    (
        "Sound",
        &[
            "spectral",
            "zero_crossing",
            "mfcc",
            "energy",
            "danceability",
            "acousticness",
            "instrumentalness",
            "speechiness",
            "structure",
        ],
    ),
    (
        "Words and rhyme",
        &[
            "language",
            "line",
            "stanza",
            "word",
            "unique",
            "type_token",
            "mattr",
            "mtld",
            "repeated",
            "explicit",
            "syllable",
            "stress",
            "verse",
            "feet",
            "alliteration",
            "reading",
            "rhyme",
            "multi_syllable",
            "internal",
            "rap",
            "sentiment",
            "themes",
            "emotions",
        ],
    ),
];

/// Draws every descriptor.
pub fn section(analysis: &AnalysisAnswer) -> Markup {
    let all = &analysis.descriptors;
    let find = |name: &&str| all.iter().find(|descriptor| descriptor.name == **name);
    html! {
        section aria-labelledby="measured" {
            h2 #measured { "Measured" }
            p.quiet { "Analysed " (moment(analysis.analysed_at)) ". Each value opens its evidence." }
            div.cards {
                @for (title, names) in HEADLINES {
                    @let parts: Vec<&DescriptorAnswer> = names.iter().filter_map(find).collect();
                    @if let Some((first, rest)) = parts.split_first() { (headline(title, first, rest)) }
                }
            }
            @for failure in &analysis.failures { p.complaint { "Could not be measured: " (failure) } }
            @for remark in &analysis.remarks { p.complaint { "Mind: " (remark) "." } }
            @for (title, members) in grouped(all) {
                @if !members.is_empty() {
                    details.group {
                        summary { (title) " " span.quiet { (members.len()) " values" } }
                        div.values { @for descriptor in members { (entry(descriptor)) } }
                    }
                }
            }
        }
    }
}

/// Every descriptor in its group; what no group knows comes after, and what third parties told last.
fn grouped(all: &[DescriptorAnswer]) -> Vec<(&'static str, Vec<&DescriptorAnswer>)> {
    let place = |descriptor: &DescriptorAnswer| {
        if descriptor.plugin.is_some() {
            return Some(GROUPS.len() + 1);
        }
        GROUPS.iter().position(|(_, starts)| {
            starts
                .iter()
                .any(|start| descriptor.name.starts_with(start))
        })
    };
    let titles = GROUPS
        .iter()
        .map(|(title, _)| *title)
        .chain(["Other", "Told by plugins"]);
    let mut groups: Vec<(&'static str, Vec<_>)> = titles.map(|title| (title, Vec::new())).collect();
    for descriptor in all {
        if let Some(group) = groups.get_mut(place(descriptor).unwrap_or(GROUPS.len())) {
            group.1.push(descriptor);
        }
    }
    groups
}

fn headline(title: &str, first: &DescriptorAnswer, rest: &[&DescriptorAnswer]) -> Markup {
    // Tonic and mode are one statement: "F# minor".
    let joined = rest
        .iter()
        .find(|other| other.name == "mode" && !first.value.is_null());
    let mode = joined
        .and_then(|other| other.value.as_str())
        .unwrap_or_default();
    let beside = rest
        .iter()
        .filter(|other| other.name != "mode" || mode.is_empty());
    html! {
        article.card {
            h3 { (title) }
            p.card-value { (value(first)) @if !mode.is_empty() { " " (mode) } }
            @for other in beside {
                p.card-beside { span.quiet { (label(&other.name)) } " " (value(other)) }
            }
            details.evidence {
                summary { "Evidence" }
                @for descriptor in std::iter::once(&first).chain(rest) { (evidence(descriptor, true)) }
            }
        }
    }
}

fn entry(descriptor: &DescriptorAnswer) -> Markup {
    html! {
        div.value {
            span.value-name { (label(&descriptor.name)) }
            span.value-text { (value(descriptor)) }
            details.evidence { summary { "Evidence" } (evidence(descriptor, false)) }
        }
    }
}

/// Draws a value; a row of numbers as a picture with the numbers in its evidence.
pub fn value(descriptor: &DescriptorAnswer) -> Markup {
    match &descriptor.value {
        Value::Null => html! { span.unknown { (UNKNOWN) } },
        Value::Array(_) if is_labels(descriptor) => html! { (labels_text(&descriptor.value)) },
        Value::Array(_) if [THEMES, EMOTIONS].contains(&descriptor.name.as_str()) => {
            html! { (shares_text(&descriptor.value)) }
        }
        Value::Array(_) if descriptor.name == EXPLICIT_WORDS => {
            html! { (explicit_text(&descriptor.value)) }
        }
        Value::Array(items) if items.iter().all(Value::is_number) => profile(items),
        Value::Array(_) if descriptor.name == STRUCTURE => html! { (form_text(&descriptor.value)) },
        other => html! { (value_text(&descriptor.name, other)) },
    }
}

/// Draws confidence, method and version.
pub fn evidence(descriptor: &DescriptorAnswer, is_named: bool) -> Markup {
    html! {
        dl.facts {
            @if is_named { dt { "Value" } dd { (label(&descriptor.name)) ": " @if is_labels(descriptor) { (value(descriptor)) } @else { (value_text(&descriptor.name, &descriptor.value)) } } }
            @else if descriptor.name == STRUCTURE { dt { "Sections" } dd { (boundaries_text(&descriptor.value)) } }
            @else if ![THEMES, EMOTIONS, EXPLICIT_WORDS].contains(&descriptor.name.as_str()) && !is_labels(descriptor) && descriptor.value.is_array() { dt { "Values" } dd { (value_text("", &descriptor.value)) } }
            dt { "Confidence" }
            dd { @match descriptor.confidence {
                Some(confidence) => (percent(f64::from(confidence))),
                None => span.unknown title="the method gives no confidence" { (UNKNOWN) },
            } }
            @if let Some(reason) = &descriptor.reason { dt { "Why unknown" } dd { (reason) } }
            @if let (Some(count), Some(unit)) = (descriptor.evidence_count, &descriptor.evidence_unit) {
                dt { "Computed from" } dd { (crate::format::grouped(count)) " " (unit) }
            }
            dt { "Method" } dd.mono { (descriptor.method) }
            dt { "Version" } dd.mono { (descriptor.version) }
            dt { "Name" } dd.mono { (descriptor.name) }
            @if let Some(plugin) = &descriptor.plugin {
                dt { "Accuracy" } dd { "not measured by us: told by the plugin " span.mono { (plugin) } " of a third party" }
            }
            @if is_labels(descriptor) { dt { "Accuracy" } dd { a href="/studio/heads" { "Heads: what is told, and how well" } } }
            @if let Some(card) = card_of_descriptor(&descriptor.name) {
                dt { "Accuracy" } dd { a href=(links::analyzer(&card.name)) { (accuracy(card)) } }
            }
        }
    }
}

fn is_labels(descriptor: &DescriptorAnswer) -> bool {
    LABELS.contains(&descriptor.name.as_str())
}

/// Labels with their probabilities; those that a person gave have none.
fn labels_text(value: &Value) -> String {
    let all = value.as_array().into_iter().flatten();
    let told = all.filter_map(|one| {
        let label = one["label"].as_str()?;
        Some(match one["probability"].as_f64() {
            Some(sure) => format!("{label} {}", percent(sure)),
            None => label.to_owned(),
        })
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "none of those that are told".to_owned()
    } else {
        told.join(", ")
    }
}

/// The headline of an accuracy card.
fn accuracy(card: &Card) -> String {
    match card.scores.first() {
        Some(score) => format!("{}: {} {:.3}", card.title, score.metric, score.value),
        None => format!("{}: {}", card.title, card.status),
    }
}

/// Labels in order: `A B A C`.
fn form_text(value: &Value) -> String {
    let labels: Vec<String> = sections(value)
        .into_iter()
        .map(|section| section.label)
        .collect();
    labels.join(" ")
}

/// Each section with its start and how sure that is.
fn boundaries_text(value: &Value) -> String {
    let told: Vec<String> = sections(value)
        .iter()
        .map(|section| {
            let sure = section
                .confidence
                .map(|sure| format!(" ({})", percent(sure)));
            let start = clock(section.start_ms);
            format!("{} from {start}{}", section.label, sure.unwrap_or_default())
        })
        .collect();
    told.join(", ")
}

/// A row of numbers as columns from the zero line.
fn profile(items: &[Value]) -> Markup {
    let numbers: Vec<f64> = items.iter().filter_map(Value::as_f64).collect();
    let highest = numbers
        .iter()
        .fold(0.0_f64, |highest, number| highest.max(*number));
    let lowest = numbers
        .iter()
        .fold(0.0_f64, |lowest, number| lowest.min(*number));
    let span = (highest - lowest).max(f64::MIN_POSITIVE);
    let width = 100.0 / numbers.len().max(1) as f64;
    let column = |place: usize, number: f64| {
        let top = (highest - number.max(0.0)) / span * 30.0;
        let height = (number.abs() / span * 30.0).max(0.4);
        (
            format!("{:.2}", place as f64 * width),
            format!("{top:.2}"),
            format!("{:.2}", width * 0.8),
            format!("{height:.2}"),
        )
    };
    html! {
        svg.profile viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={ (numbers.len()) " values, listed in the evidence" } {
            @for (place, number) in numbers.iter().enumerate() {
                @let (x, y, width, height) = column(place, *number);
                rect.bar-value x=(x) y=(y) width=(width) height=(height) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn descriptor(name: &str, value: Value, confidence: Option<f32>) -> DescriptorAnswer {
        DescriptorAnswer {
            name: name.to_owned(),
            value,
            confidence,
            method: "flux+viterbi".to_owned(),
            version: "1.0.0".to_owned(),
            card: None,
            plugin: None,
            reason: None,
            evidence_count: Some(412),
            evidence_unit: Some("beats".to_owned()),
        }
    }

    #[test]
    fn an_unmeasured_value_is_unknown_never_a_number() {
        let unmeasured = descriptor("tempo_bpm", Value::Null, None);
        assert!(value(&unmeasured).into_string().contains("unknown"));
        let shown = headline("Tempo", &unmeasured, &[]).into_string();
        assert!(!shown.contains(" bpm"), "{shown}");
        assert_eq!(shown.matches(">unknown<").count(), 2, "{shown}");
    }

    #[test]
    fn evidence_names_confidence_method_and_version() {
        let shown = entry(&descriptor("tempo_bpm", json!(120.0), Some(0.914))).into_string();
        for expected in [
            "120 bpm",
            "91.4 %",
            "flux+viterbi",
            "1.0.0",
            "412 beats",
            "<summary>Evidence",
            "/studio/analyzers/tempo",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }

    #[test]
    fn key_and_mode_are_one_statement() {
        let (key, mode) = (
            descriptor("key", json!("F#"), Some(0.8)),
            descriptor("mode", json!("minor"), Some(0.8)),
        );
        let shown = headline("Key", &key, &[&mode]).into_string();
        assert!(shown.contains("F# minor"), "{shown}");
    }

    #[test]
    fn every_descriptor_is_in_one_group() {
        let all = [
            descriptor("tempo_bpm", json!(1), None),
            descriptor("rhyme_scheme", json!("AABB"), None),
            descriptor("something_else", json!(0.5), None),
            DescriptorAnswer {
                plugin: Some("meter".to_owned()),
                ..descriptor("meter.tempo", json!(0.5), None)
            },
        ];
        let groups = grouped(&all);
        assert_eq!(
            groups
                .iter()
                .map(|(_, members)| members.len())
                .sum::<usize>(),
            4
        );
        let last: Vec<(&str, usize)> = groups[GROUPS.len()..]
            .iter()
            .map(|(title, members)| (*title, members.len()))
            .collect();
        assert_eq!(last, [("Other", 1), ("Told by plugins", 1)]);
        let shown = evidence(&all[3], true).into_string();
        assert!(shown.contains("not measured by us"), "{shown}");
    }

    #[test]
    fn sections_are_labels_with_their_starts_in_the_evidence() {
        let told = json!([{"start_ms": 0, "end_ms": 61_500, "label": "A", "confidence": null},
            {"start_ms": 61_500, "end_ms": 90_000, "label": "B", "confidence": 0.9}]);
        let shown = entry(&descriptor("structure", told, None)).into_string();
        assert!(shown.contains("A B"), "{shown}");
        assert!(shown.contains("A from 0:00, B from 1:02 (90 %)"), "{shown}");
    }

    #[test]
    fn a_profile_survives_strange_numbers() {
        for items in [json!([]), json!([0, 0]), json!([-1.5, 2.0])] {
            let shown = value(&descriptor("mfcc", items, None)).into_string();
            assert!(!shown.contains("NaN") && !shown.contains("inf"), "{shown}");
        }
    }
}
