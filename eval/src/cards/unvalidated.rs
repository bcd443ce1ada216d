//! Cards without numbers: of what no labels are known for, and of what is right by definition. They say so, and why.

use super::blank;
use super::card::{Card, Data, Metric, Status};

/// Name, title, analyzer, descriptors, what it is, unit, and why it is unvalidated or what holds the program to it.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
    &'static str,
);

const ROWS: [Row; 5] = [
    (
        "onsets",
        "Onsets",
        "rhythm",
        &["onset_rate_hz"],
        "How many onsets a second stand out of the flux.",
        "hertz",
        "No recordings with onsets marked by people are in the kit; the beats that are found among them are measured.",
    ),
    (
        "sentiment",
        "Sentiment",
        "meaning",
        &[
            "sentiment",
            "sentiment_deviation",
            "sentiment_positive_ratio",
            "sentiment_negative_ratio",
            "sentiment_arc",
        ],
        "How positive or negative the words are, by the VADER lexicon and rules.",
        "−1 to 1",
        "No lyrics with sentiment labels are in the kit. That the rules are those of the reference is measured by \
         `eval/peers/sentiment_vader.py`; how far they agree with people who read lyrics is not known.",
    ),
    (
        "themes",
        "Themes",
        "meaning",
        &["themes"],
        "Which of a fixed list of themes the words are about, by word lists.",
        "names with shares",
        "No lyrics with themes labelled by people are in the kit; the word lists are our own.",
    ),
    (
        "emotions",
        "Emotions",
        "meaning",
        &["emotions"],
        "Which of joy, anger, fear, sadness, love and surprise the words name, by word lists, negated words left out.",
        "names with shares and words",
        "No lyrics with emotions labelled by people are in the kit; the word lists are our own, as the known lexicons of \
         emotions may not be shipped.",
    ),
    (
        "explicitness",
        "Explicitness",
        "words",
        &["explicit_word_count", "explicit_words"],
        "How many words are on the list of explicit words, which, and in which lines.",
        "words",
        "A count of listed words is exact, but no lyrics with labels of explicitness are in the kit, so it is not known how \
         well the list agrees with the label that a shop would give.",
    ),
];

const EXACT: [Row; 2] = [
    (
        "counts",
        "Counts of lines",
        "words",
        &["line_count", "stanza_count", "repeated_line_ratio"],
        "How many lines and stanzas the lyrics have, and which share of the lines repeats an earlier one.",
        "lines, stanzas, 0 to 1",
        "Exact by definition: what counts as a line, a stanza and a repetition is said in the crate. Tests hold it to that: \
         `crates/analysis/src/lyrics/text.rs` by cases worked by hand, `crates/analysis/src/lyrics/analysis/tests.rs` by properties of any text.",
    ),
    (
        "length",
        "Length and sample peak",
        "sound",
        &["duration_ms", "sample_peak_dbfs"],
        "How long the audio is that was decoded, and its highest sample.",
        "milliseconds, dBFS",
        "Exact by definition: samples are counted and compared. Tests of the crate hold it to that at any rate and number of channels; a file \
         that is cut or damaged is as long as what was decoded of it.",
    ),
];

/// The cards without numbers.
pub fn cards() -> Vec<Card> {
    let exact = EXACT.iter().map(
        |&(name, title, analyzer, descriptors, what, unit, note)| Card {
            descriptors: descriptors.to_vec(),
            what,
            unit,
            status: Status::Exact,
            notes: vec![note.to_owned()],
            ..blank(name, title, analyzer)
        },
    );
    let unvalidated =
        ROWS.iter().map(
            |&(name, title, analyzer, descriptors, what, unit, why)| Card {
                descriptors: descriptors.to_vec(),
                what,
                unit,
                status: Status::Unvalidated,
                unvalidated_because: Some(why),
                ..blank(name, title, analyzer)
            },
        );
    exact
        .chain(unvalidated)
        .chain([letter_to_sound()])
        .collect()
}

const PHONEMES: Metric = Metric {
    name: "phoneme error",
    definition: "Edits between guessed and listed phonemes over the listed ones, stress left out.",
    source: "Bisani & Ney, Speech Communication 50(5), 2008",
};
const WORDS: Metric = Metric {
    name: "word error",
    definition: "Share of words with any phoneme wrong, stress left out.",
    source: "Bisani & Ney, Speech Communication 50(5), 2008",
};
/// Words that were held out, and what was measured on them, by the command that the notes name: learning without them is the work of that
/// example, and the rules that are shipped have seen every word.
const HELD_OUT: (usize, f64, f64) = (13_516, 0.112, 0.4933);

fn letter_to_sound() -> Card {
    let (count, phonemes, words) = HELD_OUT;
    Card {
        what: "Pronunciations guessed for words that the dictionary lacks; syllables and rhyme of such words go by them.",
        unit: "phonemes",
        data: vec![Data {
            name: "every tenth word of the CMU pronouncing dictionary, the others learned from",
            count,
            of: "words",
            origin: "written",
            licence: "BSD",
        }],
        scores: vec![
            PHONEMES.score("words held out", phonemes, None, count),
            WORDS.score("words held out", words, None, count),
        ],
        notes: vec![
            "The shipped rules are learned from the whole dictionary, by the same program. `cargo run --release -p leitmotif-analysis --example \
             build_pronunciations -- cmudict.dict OUT --hold-out` learns them without a tenth of the words and prints these numbers."
                .to_owned(),
            "Most held-out words are names.".to_owned(),
            "Last run on 1 December 2026 with words version 5; counting the stress too, 0.0661 of the words more are wrong.".to_owned(),
        ],
        ..blank("letter-to-sound", "Letter to sound", "words")
    }
}
