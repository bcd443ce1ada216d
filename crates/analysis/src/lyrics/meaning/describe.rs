//! Lines to descriptors.

use serde_json::{Value, json};

use super::emotions::{EMOTION_WORDS_MIN, Emotions};
use super::sentiment::{LineSentiment, measure_line};
use super::themes::{Theme, Themes};
use crate::descriptor::Descriptor;
use crate::lyrics::text::LyricsText;
use crate::lyrics::words::TextWords;

/// Version of every descriptor of meaning; a changed number a user can see bumps it.
pub const MEANING_VERSION: &str = "1.1.0";
/// Words of the lexicon that a text must hold: with fewer, one word decides the whole song.
pub const MIN_MATCHED_COUNT: usize = 3;
/// From here on a line counts as positive, below its negative as negative; the lexicon's authors' own.
const POLARITY_MIN: f64 = 0.05;
/// Matched words at which the text is half as sure as it can be.
const HALF_SURE_COUNT: f64 = 10.0;
/// Share of content words in the lexicon above which more does not make surer.
const FULL_COVERAGE: f64 = 0.15;
const QUARTER_COUNT: usize = 4;

/// Names of the descriptors, in the order they are returned.
pub(super) const DESCRIPTORS: [&str; 7] = [
    "sentiment",
    "sentiment_deviation",
    "sentiment_positive_ratio",
    "sentiment_negative_ratio",
    "sentiment_arc",
    "themes",
    "emotions",
];
const SENTIMENT_METHOD: &str = "vader-lines+coverage";
const THEMES_METHOD: &str = "word-lists-unvalidated";
const EMOTIONS_METHOD: &str = "word-lists+negation-unvalidated";

/// Describes sentiment, themes and emotions of lyrics.
///
/// - Shape: `words` are those of `text`; `language` is ISO 639-1; what is not English yields `null` with the reason in `method`.
/// - Units: sentiment −1..=1, ratios 0..=1; `sentiment_arc` is the mean of each quarter of the lines;
///   `themes` lists `{theme, line_ratio}`, the largest share first, without untouched themes; `emotions` lists
///   `{emotion, share, words}`, the share among the words that name an emotion.
/// - Confidence grows with the count of matched words and their share among content words; it is not
///   calibrated. Themes and emotions have none: no labels are there to judge
///   them.
/// - Cost: O(characters).
pub(in crate::lyrics) fn describe_meaning(
    text: &LyricsText,
    words: &TextWords<'_>,
    language: Option<&str>,
) -> Vec<Descriptor> {
    let counted = meaning_of(text, words, language).into_iter().map(|told| {
        let is_of_words = told.name == "emotions";
        let lines = (text.lines.len(), "lines");
        told.computed_from(if is_of_words {
            (words.count(), "words")
        } else {
            lines
        })
    });
    counted.collect()
}

fn meaning_of(text: &LyricsText, words: &TextWords<'_>, language: Option<&str>) -> Vec<Descriptor> {
    if language != Some("en") {
        let reason = match language {
            Some(_) => "the language is not English",
            None => "the language is unknown",
        };
        return DESCRIPTORS.map(|name| unknown(name, reason)).to_vec();
    }
    let lines: Vec<LineSentiment> = text
        .lines
        .iter()
        .map(|line| measure_line(&line.text))
        .collect();
    let mut descriptors = describe_sentiment(&lines);
    descriptors.push(describe_themes(words));
    descriptors.push(describe_emotions(words));
    descriptors
}

fn describe_sentiment(lines: &[LineSentiment]) -> Vec<Descriptor> {
    let matched_count: usize = lines.iter().map(|line| line.matched_count).sum();
    let sentiment_names = || {
        let names = DESCRIPTORS.iter();
        names.filter(|name| method_of(name) == SENTIMENT_METHOD)
    };
    if matched_count < MIN_MATCHED_COUNT {
        let reason = format!("{matched_count} words in the lexicon, need {MIN_MATCHED_COUNT}");
        return sentiment_names()
            .map(|name| unknown(name, &reason))
            .collect();
    }
    let sureness = Some(confidence(lines));
    let mean = mean_compound(lines);
    let count = lines.len() as f64;
    let squares = lines.iter().map(|line| (line.compound - mean).powi(2));
    let share = |is_counted: &dyn Fn(f64) -> bool| {
        let counted = lines.iter().filter(|line| is_counted(line.compound));
        json!(rounded(counted.count() as f64 / count))
    };
    let (arc, arc_sureness) = arc_of(lines);
    let values = [
        (json!(rounded(mean)), sureness),
        (
            json!(rounded((squares.sum::<f64>() / count).sqrt())),
            sureness,
        ),
        (share(&|compound| compound >= POLARITY_MIN), sureness),
        (share(&|compound| compound <= -POLARITY_MIN), sureness),
        (arc, arc_sureness),
    ];
    sentiment_names()
        .zip(values)
        .map(|(name, (value, confidence))| match value {
            Value::Null => unknown(name, "fewer lines than quarters"),
            value => described(name, value, confidence, SENTIMENT_METHOD),
        })
        .collect()
}

/// Mean of each quarter, as sure as its least sure quarter; `null` with fewer than four lines.
fn arc_of(lines: &[LineSentiment]) -> (Value, Option<f32>) {
    if lines.len() < QUARTER_COUNT {
        return (Value::Null, None);
    }
    let edge = |quarter: usize| quarter * lines.len() / QUARTER_COUNT;
    let quarters: Vec<&[LineSentiment]> = (0..QUARTER_COUNT)
        .filter_map(|quarter| lines.get(edge(quarter)..edge(quarter + 1)))
        .collect();
    let means: Vec<f64> = quarters
        .iter()
        .map(|quarter| rounded(mean_compound(quarter)))
        .collect();
    let sureness = quarters.iter().map(|quarter| confidence(quarter));
    (json!(means), sureness.min_by(f32::total_cmp))
}

fn describe_themes(words: &TextWords<'_>) -> Descriptor {
    let themes: Vec<Themes> = words.forms().iter().map(|form| Themes::of(form)).collect();
    let mut counts = Theme::ALL.map(|theme| (theme, 0_usize));
    let mut line_count = 0_usize;
    for line in words.lines() {
        line_count += 1;
        let found = line
            .iter()
            .fold(Themes::default(), |found, word| found.and(themes[word.id]));
        for (theme, count) in &mut counts {
            *count += usize::from(found.has(*theme));
        }
    }
    counts.sort_by_key(|(theme, count)| (std::cmp::Reverse(*count), *theme));
    let line_count = line_count.max(1) as f64;
    let touched: Vec<Value> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(theme, count)| {
            json!({"theme": theme.name(), "line_ratio": rounded(*count as f64 / line_count)})
        })
        .collect();
    described("themes", json!(touched), None, THEMES_METHOD)
}

fn describe_emotions(words: &TextWords<'_>) -> Descriptor {
    let found = Emotions::find(words);
    if found.word_count < EMOTION_WORDS_MIN {
        let count = found.word_count;
        let reason = format!("{count} emotional words, need {EMOTION_WORDS_MIN}");
        return unknown("emotions", &reason);
    }
    described("emotions", found.told(), None, method_of("emotions"))
}

fn mean_compound(lines: &[LineSentiment]) -> f64 {
    lines.iter().map(|line| line.compound).sum::<f64>() / lines.len().max(1) as f64
}

fn confidence(lines: &[LineSentiment]) -> f32 {
    let matched = lines.iter().map(|line| line.matched_count).sum::<usize>() as f64;
    let content = lines.iter().map(|line| line.content_count).sum::<usize>() as f64;
    let by_coverage = (matched / content.max(1.0) / FULL_COVERAGE).min(1.0);
    rounded(matched / (matched + HALF_SURE_COUNT) * by_coverage) as f32
}

/// Four digits: more would look surer than a lexicon can be.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

fn method_of(name: &str) -> &'static str {
    match name {
        "themes" => THEMES_METHOD,
        "emotions" => EMOTIONS_METHOD,
        _ => SENTIMENT_METHOD,
    }
}

fn unknown(name: &str, reason: &str) -> Descriptor {
    let method = method_of(name);
    let told = described(name, Value::Null, None, &format!("{method}: {reason}"));
    told.because(Some(reason.to_owned()))
}

fn described(name: &str, value: Value, confidence: Option<f32>, method: &str) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        value,
        confidence,
        method: method.to_owned(),
        version: MEANING_VERSION.to_owned(),
        reason: None,
        evidence_count: None,
        evidence_unit: None,
    }
}
