//! Cards of what no labels are known for: they say so, and why.

use super::blank;
use super::card::{Card, Status};

/// Name, title, analyzer, descriptors, what it is, unit, why it is unvalidated.
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
        "letter-to-sound",
        "Letter to sound",
        "words",
        &[],
        "Pronunciations guessed for words that the dictionary lacks; syllables and rhyme of such words go by them.",
        "phonemes",
        "The shipped rules are learned from the whole dictionary, so no word of it is held out for this card. \
         `cargo run --release -p leitmotif-analysis --example build_pronunciations -- cmudict.dict OUT --hold-out` learns \
         them without a tenth of the words and prints the error on it.",
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

/// The cards without numbers.
pub fn cards() -> Vec<Card> {
    ROWS.iter()
        .map(
            |&(name, title, analyzer, descriptors, what, unit, why)| Card {
                descriptors: descriptors.to_vec(),
                what,
                unit,
                status: Status::Unvalidated,
                unvalidated_because: Some(why),
                ..blank(name, title, analyzer)
            },
        )
        .collect()
}
