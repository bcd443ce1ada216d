//! Numbers as people read them, each with its unit.

use leitmotif_domain::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

/// What stands where a value is not known.
pub const UNKNOWN: &str = "unknown";

/// Unit suffixes of names, as they are shown, with the digits after the point.
const UNITS: [(&str, &str, usize); 14] = [
    ("_bpm", "bpm", 1),
    ("_lufs", "LUFS", 1),
    ("_lu", "LU", 1),
    ("_dbtp", "dBTP", 1),
    ("_dbfs", "dBFS", 1),
    ("_db", "dB", 1),
    ("_hz", "Hz", 1),
    ("_cents", "cents", 1),
    ("_words", "words", 1),
    ("_s", "s", 2),
    ("_bytes", "bytes", 0),
    ("_count", "", 0),
    ("_mean", "", 2),
    ("_variance", "", 2),
];

/// A descriptor's value with its unit; `unknown` when there is none.
pub fn value_text(name: &str, value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::Bool(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number_text(name, number)),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().map(|item| value_text(name, item)).collect();
            shown.join(", ")
        }
        Value::Object(_) => value.to_string(),
    }
}

fn number_text(name: &str, number: f64) -> String {
    if name.ends_with("_ms") {
        return duration_text(number.max(0.0).round() as u64);
    }
    if name.ends_with("_ratio") {
        return percent(number);
    }
    if name == "time_signature" {
        return format!("{number:.0} beats a bar");
    }
    let unit = UNITS.iter().find(|(suffix, ..)| name.ends_with(suffix));
    match unit {
        Some((_, "", digits)) => trimmed(number, *digits),
        Some((_, unit, digits)) => format!("{} {unit}", trimmed(number, *digits)),
        None => trimmed(number, 3),
    }
}

/// A name without its unit, in words: `spectral_centroid_hz` → `Spectral centroid`.
pub fn label(name: &str) -> String {
    let known = match name {
        "tempo_bpm" => "Tempo",
        "tempo_alt_bpm" => "Other reading of the tempo",
        "key_camelot" => "Camelot code",
        "integrated_loudness_lufs" => "Loudness",
        "loudness_range_lu" => "Loudness range",
        "replaygain_db" => "ReplayGain",
        "mfcc" => "MFCC",
        "mfcc_deviation" => "MFCC deviation",
        "mfcc_delta_deviation" => "MFCC change deviation",
        "mattr_ratio" => "Moving type/token ratio",
        "mtld_words" => "Lexical diversity (MTLD)",
        "unique_words_first_35k_count" => "Unique words in the first 35,000",
        "duration_ms" => "Length",
        "sentiment_arc" => "Sentiment by quarters",
        "sentiment_positive_ratio" => "Lines of positive sentiment",
        "sentiment_negative_ratio" => "Lines of negative sentiment",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let units = UNITS.iter().map(|(suffix, ..)| *suffix);
    let cut = units
        .filter(|suffix| !matches!(*suffix, "_mean" | "_variance" | "_count"))
        .chain(["_ms", "_ratio"])
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    let words = cut.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// Rounds, and drops zeros at the end.
pub fn trimmed(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    let text = if text == "-0" { "0".to_owned() } else { text };
    text.replace('-', "−")
}

/// A share of one as percent.
pub fn percent(share: f64) -> String {
    format!("{} %", trimmed(share * 100.0, 1))
}

/// A length as `m:ss` or `h:mm:ss`; below ten seconds in milliseconds.
pub fn duration_text(milliseconds: u64) -> String {
    if milliseconds < 10_000 {
        return format!("{} ms", grouped(milliseconds));
    }
    let seconds = (milliseconds + 500) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        return format!("{hours}:{minutes:02}:{seconds:02} h");
    }
    format!("{minutes}:{seconds:02} min")
}

/// A count with thin groups of thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A moment, to the minute, in UTC.
pub fn moment(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let short = match exact.get(..16) {
        Some(minute) if exact.contains('T') => format!("{} UTC", minute.replace('T', " ")),
        _ => exact.clone(),
    };
    html! { time datetime=(exact) title=(exact) { (short) } }
}

/// Text, or `unknown`.
pub fn or_unknown(text: Option<&str>) -> Markup {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => html! { (text) },
        None => html! { span.unknown { (UNKNOWN) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_carry_their_units() {
        let check = |name: &str, value: Value, expected: &str| {
            assert_eq!(value_text(name, &value), expected, "{name}");
        };
        check("tempo_bpm", json!(119.98), "120 bpm");
        check("integrated_loudness_lufs", json!(-14.25), "−14.2 LUFS");
        check(
            "true_peak_dbtp",
            json!(-0.01),
            "−0 dBTP".trim_start_matches('−'),
        );
        check("duration_ms", json!(215_400), "3:35 min");
        check("duration_ms", json!(2_500), "2,500 ms");
        check("duration_ms", json!(3_700_000), "1:01:40 h");
        check("rhyme_density_ratio", json!(0.256), "25.6 %");
        check("word_count", json!(312), "312");
        check("tempo_bpm", Value::Null, "unknown");
        check("key", json!("F#"), "F#");
        check("time_signature", json!(4), "4 beats a bar");
    }

    #[test]
    fn labels_lose_their_units() {
        assert_eq!(label("spectral_centroid_hz"), "Spectral centroid");
        assert_eq!(label("beat_count"), "Beat count");
        assert_eq!(label("tempo_bpm"), "Tempo");
        assert_eq!(label("syllables_per_line_mean"), "Syllables per line mean");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
