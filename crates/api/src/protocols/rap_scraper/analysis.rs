//! Our descriptors under the names of the service. What we have no evidence for is `null`, and named as such.

use leitmotif_ingest::jobs::Descriptor;
use serde_json::{Map, Value, json};

/// Mean sentiment of a line from which a text counts as positive, and below whose negative as negative.
///
/// - Source: Hutto and Gilbert, "VADER" (ICWSM 2014), whose rules measure the lines.
const SENTIMENT_NEUTRAL: f64 = 0.05;

/// Its names and ours, where the value is the same.
const SAME: [(&str, &str); 14] = [
    ("language", "language"),
    ("rhyme_density", "rhyme_density_ratio"),
    ("internal_rhymes", "internal_rhyme_count"),
    ("alliteration_score", "alliteration_ratio"),
    ("total_words", "word_count"),
    ("unique_words", "unique_word_count"),
    ("ttr_score", "type_token_ratio"),
    ("total_lines", "line_count"),
    ("syllable_count", "syllable_count"),
    ("average_syllables_per_line", "syllables_per_line_mean"),
    ("syllable_variance", "syllables_per_line_variance"),
    ("flesch_reading_ease", "reading_ease"),
    ("flesch_kincaid_grade", "flesch_kincaid_grade"),
    ("smog_index", "smog_grade"),
];

/// Names of the service for which nothing is measured: opinions, and counts without a definition.
const UNMEASURED: [&str; 12] = [
    "complexity_score",
    "quality_score",
    "creativity_score",
    "overall_complexity",
    "artistic_sophistication",
    "technical_skill",
    "innovation_score",
    "authenticity_score",
    "commercial_appeal",
    "metaphor_count",
    "wordplay_instances",
    "flow_breaks",
];

/// The `analysis` of an answer.
pub fn analysis_of(descriptors: &[Descriptor]) -> Value {
    let find = |name: &str| descriptors.iter().find(|one| one.name == name);
    let value = |name: &str| find(name).map_or(&Value::Null, |one| &one.value);
    let mut told = Map::new();
    told.insert("sentiment".to_owned(), sentiment(value("sentiment")));
    told.insert("sentiment_score".to_owned(), value("sentiment").clone());
    told.insert("themes".to_owned(), themes(value("themes")));
    let emotions = emotions(value("emotions"));
    told.insert("dominant_emotion".to_owned(), dominant(&emotions));
    told.insert("emotional_profile".to_owned(), emotions);
    told.insert("rhyme_scheme".to_owned(), scheme(value("rhyme_scheme")));
    for (theirs, ours) in SAME {
        told.insert(theirs.to_owned(), value(ours).clone());
    }
    for name in UNMEASURED {
        told.insert(name.to_owned(), Value::Null);
    }
    told.insert("unmeasured".to_owned(), json!(UNMEASURED));
    let versions = ["word_count", "sentiment"].map(|name| find(name).map(|one| &one.version));
    told.insert(
        "analyzer_version".to_owned(),
        json!({"words": versions[0], "meaning": versions[1]}),
    );
    Value::Object(told)
}

fn sentiment(mean: &Value) -> Value {
    match mean.as_f64() {
        None => Value::Null,
        Some(mean) if mean >= SENTIMENT_NEUTRAL => json!("positive"),
        Some(mean) if mean <= -SENTIMENT_NEUTRAL => json!("negative"),
        Some(_) => json!("neutral"),
    }
}

/// The schemes of all stanzas, one after the other.
fn scheme(stanzas: &Value) -> Value {
    let Some(stanzas) = stanzas.as_array() else {
        return stanzas.clone();
    };
    let schemes: Vec<&str> = stanzas.iter().filter_map(Value::as_str).collect();
    json!(schemes.join(" "))
}

/// Names of themes, the one in most lines first.
fn themes(listed: &Value) -> Value {
    let Some(listed) = listed.as_array() else {
        return Value::Null;
    };
    listed.iter().map(|one| one["theme"].clone()).collect()
}

/// Shares of the emotional words by emotion.
fn emotions(listed: &Value) -> Value {
    let Some(listed) = listed.as_array() else {
        return Value::Null;
    };
    let pairs = listed.iter().filter_map(|one| {
        let name = one["emotion"].as_str()?.to_owned();
        Some((name, one["share"].clone()))
    });
    Value::Object(pairs.collect())
}

/// The emotion with the largest share; of equal ones the first by name.
fn dominant(emotions: &Value) -> Value {
    let shares = emotions.as_object().into_iter().flatten();
    let largest = shares.fold(None, |largest: Option<(&String, f64)>, (name, share)| {
        let share = share.as_f64()?;
        match largest {
            Some((_, most)) if most >= share => largest,
            _ => Some((name, share)),
        }
    });
    largest.map_or(Value::Null, |(name, _)| json!(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, value: Value) -> Descriptor {
        Descriptor {
            name: name.to_owned(),
            value,
            confidence: None,
            method: "test".to_owned(),
            version: "1".to_owned(),
            reason: None,
            evidence_count: None,
            evidence_unit: None,
        }
    }

    #[test]
    fn what_is_measured_has_their_names_and_the_rest_is_null() {
        let told = analysis_of(&[
            measured("word_count", json!(12)),
            measured("rhyme_scheme", json!(["aabb", "cc"])),
            measured("sentiment", json!(-0.2)),
            measured("themes", json!([{"theme": "love", "line_ratio": 0.5}])),
            measured(
                "emotions",
                json!([{"emotion": "joy", "share": 0.25}, {"emotion": "anger", "share": 0.75}]),
            ),
        ]);
        assert_eq!(told["sentiment"], "negative");
        assert_eq!(told["themes"], json!(["love"]));
        assert_eq!(
            told["emotional_profile"],
            json!({"joy": 0.25, "anger": 0.75})
        );
        assert_eq!(told["dominant_emotion"], "anger");
        assert_eq!(told["total_words"], 12);
        assert_eq!(told["rhyme_scheme"], "aabb cc");
        for name in ["complexity_score", "quality_score", "ttr_score"] {
            assert!(told[name].is_null() && told.get(name).is_some(), "{name}");
        }
        assert_eq!(
            told["analyzer_version"],
            json!({"words": "1", "meaning": "1"})
        );
    }

    #[test]
    fn sentiment_is_neutral_around_zero() {
        let check = |mean: Value, expected: Value| assert_eq!(sentiment(&mean), expected);
        check(json!(0.05), json!("positive"));
        check(json!(0.049), json!("neutral"));
        check(json!(-0.05), json!("negative"));
        check(Value::Null, Value::Null);
    }
}
