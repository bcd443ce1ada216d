//! How dense the words are, against those of the whole catalogue.

use leitmotif_api::native::traits::{SpreadAnswer, TraitAnswer, TraitsAnswer};
use maud::{Markup, html};

use crate::format::{grouped, label, trimmed, value_text};
use crate::parts::empty;

/// Traits of the words that are told, in order.
const SHOWN: [&str; 7] = [
    "rhyme_density_ratio",
    "syllables_per_line_mean",
    "stress_regularity_ratio",
    "verse_metre_regularity_ratio",
    "mattr_ratio",
    "repeated_line_ratio",
    "word_count",
];
/// Tracks from which on a distribution is a reference.
const REFERENCE_MIN: usize = 10;
const HEIGHT: f64 = 40.0;

/// Draws each trait of the words among those of the catalogue.
pub fn section(traits: &TraitsAnswer) -> Markup {
    let shown: Vec<&TraitAnswer> = SHOWN
        .iter()
        .filter_map(|name| traits.traits.iter().find(|one| one.name == *name))
        .collect();
    html! {
        div.densities aria-label="Density against the catalogue" role="group" {
            @if shown.is_empty() { (empty("Nothing was measured of these words.")) }
            @for one in shown { (card(one)) }
        }
    }
}

fn card(one: &TraitAnswer) -> Markup {
    let value = value_text(&one.name, &one.value);
    html! {
        figure.density {
            figcaption {
                strong { (label(&one.name)) } " " (value)
                span.quiet { (beside(one)) }
            }
            @if let (Some(spread), true) = (&one.spread, one.tracks_known >= REFERENCE_MIN) {
                (picture(spread, one.value.as_f64()))
                div.density-ends aria-hidden="true" {
                    span { (end(&one.name, spread.low)) } span { (end(&one.name, spread.high)) }
                }
            }
        }
    }
}

/// Where the value stands, and among how many.
fn beside(one: &TraitAnswer) -> String {
    match one.percentile.filter(|_| one.tracks_known >= REFERENCE_MIN) {
        Some(percentile) => format!(
            " higher than {} % of {} tracks of this catalogue",
            trimmed(percentile, 0),
            grouped(one.tracks_known as u64)
        ),
        None => format!(
            " known of {} tracks, too few to be a reference",
            grouped(one.tracks_known as u64)
        ),
    }
}

fn end(name: &str, value: f32) -> String {
    let rounded = (f64::from(value) * 1e4).round() / 1e4;
    value_text(name, &serde_json::json!(rounded))
}

fn picture(spread: &SpreadAnswer, value: Option<f64>) -> Markup {
    let count = spread.counts.len().max(1);
    let most = spread.counts.iter().copied().max().unwrap_or(0).max(1);
    let width = 100.0 / count as f64;
    let (low, high) = (f64::from(spread.low), f64::from(spread.high));
    let place = value.filter(|_| high > low).map(|value| {
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        format!("{:.1}", share * 100.0)
    });
    html! {
        svg.spread viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true" {
            @for (step, tracks) in spread.counts.iter().enumerate() {
                @let height = f64::from(*tracks) / f64::from(most) * (HEIGHT - 2.0);
                rect.spread-bar x=(format!("{:.2}", step as f64 * width)) y=(format!("{:.2}", HEIGHT - height))
                    width=(format!("{:.2}", width * 0.86)) height=(format!("{height:.2}")) {}
            }
            @if let Some(place) = place {
                line.spread-here x1=(place) x2=(place) y1="0" y2="40" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn density(known: usize) -> TraitsAnswer {
        TraitsAnswer {
            track: String::new(),
            traits: vec![TraitAnswer {
                name: "rhyme_density_ratio".to_owned(),
                unit: "share".to_owned(),
                value: json!(0.3),
                tracks_known: known,
                percentile: Some(81.6),
                spread: Some(SpreadAnswer {
                    low: 0.1,
                    high: 0.5,
                    counts: vec![1, 4, 0],
                }),
            }],
        }
    }

    #[test]
    fn a_density_says_among_how_many_it_stands() {
        let shown = section(&density(1_234)).into_string();
        for expected in [
            "30 %",
            "higher than 82 % of 1,234 tracks",
            "<rect",
            "x1=\"50.0\"",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }

    #[test]
    fn few_tracks_are_no_reference() {
        let shown = section(&density(3)).into_string();
        assert!(shown.contains("known of 3 tracks, too few"), "{shown}");
        assert!(!shown.contains("<rect") && !shown.contains("81"), "{shown}");
        let nothing = TraitsAnswer {
            track: String::new(),
            traits: Vec::new(),
        };
        assert!(
            section(&nothing)
                .into_string()
                .contains("Nothing was measured")
        );
    }
}
