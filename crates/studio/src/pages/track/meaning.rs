//! What the words say, in few lines: sentiment with its arc, themes, and emotions.

use leitmotif_api::native::analysis::DescriptorAnswer;
use maud::{Markup, html};
use serde_json::Value;

use crate::format::{percent, trimmed};

/// Name of the descriptor that holds the themes.
pub const THEMES: &str = "themes";
/// Name of the descriptor that holds the emotions.
pub const EMOTIONS: &str = "emotions";
/// The descriptor that tells explicit words.
pub const EXPLICIT_WORDS: &str = "explicit_words";
/// Themes or emotions named beside the words; the rest is in the values.
const THEMES_SHOWN: usize = 4;

/// Draws the lines; what is not known has none here, its reason is among the values.
pub fn lines(descriptors: &[DescriptorAnswer]) -> Markup {
    let find = |name: &str| descriptors.iter().find(|one| one.name == name);
    let sentiment = find("sentiment").and_then(|one| one.value.as_f64());
    let arc = find("sentiment_arc").map_or_else(Vec::new, |one| quarters(&one.value));
    let read = |name: &str| {
        let told = find(name)?;
        Some((named_shares(&told.value), told.method.as_str()))
    };
    let named = [("Themes ", read(THEMES)), ("Emotions ", read(EMOTIONS))];
    html! {
        @if let Some(sentiment) = sentiment {
            p { span.quiet { "Sentiment " } (signed(sentiment)) " " @if !arc.is_empty() { (arc_bars(&arc)) } }
        }
        @for (title, (shares, method)) in named.into_iter().filter_map(|(title, told)| Some((title, told?))) {
            @if !shares.is_empty() {
                p {
                    span.quiet { (title) } (shown(&shares, THEMES_SHOWN))
                    @if method.contains("unvalidated") {
                        " " span.quiet title="found by lists of words, never checked against labels" { "unvalidated" }
                    }
                }
            }
        }
    }
}

/// Explicit words with how often each stands, as text.
pub fn explicit_text(value: &Value) -> String {
    let words = value.as_array().into_iter().flatten();
    let told: Vec<String> = words
        .filter_map(
            |one| match (one["word"].as_str()?, one["count"].as_u64()?) {
                (word, 1) => Some(word.to_owned()),
                (word, count) => Some(format!("{word} × {count}")),
            },
        )
        .collect();
    if told.is_empty() {
        return "none".to_owned();
    }
    told.join(", ")
}

/// Themes with the share of lines that touch them, or emotions with the share of emotional words, as text.
pub fn shares_text(value: &Value) -> String {
    let themes = named_shares(value);
    if themes.is_empty() {
        return "none".to_owned();
    }
    shown(&themes, themes.len())
}

fn shown(themes: &[(String, f64)], most: usize) -> String {
    let named = themes.iter().take(most);
    let told: Vec<String> = named
        .map(|(theme, share)| format!("{} {}", theme.replace('_', " "), percent(*share)))
        .collect();
    told.join(", ")
}

/// Reads themes or emotions; what is neither is left out.
fn named_shares(value: &Value) -> Vec<(String, f64)> {
    let read = |one: &Value| {
        let name = one["theme"].as_str().or(one["emotion"].as_str())?;
        let share = one["line_ratio"].as_f64().or(one["share"].as_f64())?;
        Some((name.to_owned(), share))
    };
    let all = value.as_array().into_iter().flatten();
    all.filter_map(read).collect()
}

/// Reads the arc; nothing when a quarter is no number.
fn quarters(value: &Value) -> Vec<f64> {
    let all = value.as_array().into_iter().flatten();
    let read: Option<Vec<f64>> = all.map(Value::as_f64).collect();
    read.unwrap_or_default()
}

fn signed(number: f64) -> String {
    let plus = if number >= 0.005 { "+" } else { "" };
    format!("{plus}{}", trimmed(number, 2))
}

/// A bar for each quarter, up from the middle when it is positive, down when negative.
fn arc_bars(arc: &[f64]) -> Markup {
    let told: Vec<String> = arc.iter().map(|mean| signed(*mean)).collect();
    let bars = arc.iter().enumerate().map(|(place, mean)| {
        let height = (mean.clamp(-1.0, 1.0).abs() * 15.0).max(0.6);
        let top = if *mean < 0.0 { 15.0 } else { 15.0 - height };
        (place * 10 + 1, format!("{top:.1}"), format!("{height:.1}"))
    });
    html! {
        svg.arc viewBox={ "0 0 " (arc.len() * 10) " 30" } preserveAspectRatio="none" role="img"
            aria-label={ "Sentiment from beginning to end: " (told.join(", ")) } {
            line.arc-ground x1="0" x2=(arc.len() * 10) y1="15" y2="15" {}
            @for (left, top, height) in bars { rect.bar-value x=(left) y=(top) width="8" height=(height) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn descriptor(name: &str, value: Value, method: &str) -> DescriptorAnswer {
        DescriptorAnswer {
            name: name.to_owned(),
            value,
            confidence: None,
            method: method.to_owned(),
            version: "1.0.0".to_owned(),
            card: None,
            plugin: None,
            reason: None,
            evidence_count: None,
            evidence_unit: None,
        }
    }

    #[test]
    fn explicit_words_are_told_with_their_counts() {
        let words = json!([{"word": "damn", "count": 3, "lines": [0, 4, 5]}, {"word": "hell", "count": 1, "lines": [2]}]);
        assert_eq!(explicit_text(&words), "damn × 3, hell");
        assert_eq!(explicit_text(&json!([])), "none");
        assert_eq!(explicit_text(&json!([{"word": 7}])), "none");
    }

    #[test]
    fn sentiment_has_four_bars_and_themes_say_unvalidated() {
        let themes = json!([{"theme": "night_and_party", "line_ratio": 0.25}]);
        let all = [
            descriptor("sentiment", json!(-0.314), "vader-lines+coverage"),
            descriptor(
                "sentiment_arc",
                json!([0.5, 0.1, -0.2, -0.9]),
                "vader-lines+coverage",
            ),
            descriptor(THEMES, themes, "word-lists-unvalidated"),
            descriptor(
                EMOTIONS,
                json!([{"emotion": "joy", "share": 0.6, "words": []}]),
                "word-lists+negation-unvalidated",
            ),
        ];
        let drawn = lines(&all).into_string();
        assert_eq!(drawn.matches("<rect").count(), 4, "{drawn}");
        for expected in [
            "−0.31",
            "+0.5, +0.1, −0.2, −0.9",
            "night and party 25 %",
            "joy 60 %",
            ">unvalidated<",
        ] {
            assert!(drawn.contains(expected), "{expected}: {drawn}");
        }
    }

    #[test]
    fn the_unknown_draws_nothing() {
        let all = [
            descriptor(
                "sentiment",
                Value::Null,
                "vader-lines+coverage: the language is not English",
            ),
            descriptor("sentiment_arc", json!(["a", 1e300]), ""),
            descriptor(THEMES, json!([]), "word-lists-unvalidated"),
        ];
        assert_eq!(lines(&all).into_string(), "");
        assert_eq!(shares_text(&json!([])), "none");
    }
}
