//! Cards on words: stress, language.

use std::path::Path;

use anyhow::Context;
use leitmotif_analysis::lyrics::identify_language;
use leitmotif_analysis::lyrics::syllables::Singer;

use super::blank;
use super::card::{Card, Confidence, Data, Metric, worst};
use crate::calibration::{Calibration, Outcome};

const STRESS: Metric = Metric {
    name: "stress agreement",
    definition: "Share of the syllables of words of two syllables or more that are stressed where the scansion has a strong \
        position, and only there.",
    source: "exact agreement with the scansion",
};
const LANGUAGE: Metric = Metric {
    name: "recall",
    definition: "Share of passages of about 200 characters whose language is told.",
    source: "exact agreement",
};
/// Least length of a passage, in characters.
const PASSAGE_CHARACTERS: usize = 200;
/// Most syllables of one word.
const WORD_SYLLABLES_MAX: usize = 5;

pub fn cards(kit: &Path) -> anyhow::Result<Vec<Card>> {
    Ok(vec![stress(kit)?, language(kit)?])
}

/// A syllable as it is spelled, and whether its position is strong.
type Scanned = (String, bool);

/// Lines of scanned verse and the metre of each.
fn read_scansion(text: &str) -> Vec<(String, Vec<Scanned>)> {
    text.split("\n\n")
        .filter_map(|block| {
            let rows: Vec<Vec<&str>> = block
                .lines()
                .map(|line| line.split('\t').collect())
                .collect();
            let metre = (*rows.first()?.get(6)?).to_owned();
            let syllable = |row: &Vec<&str>| Some(((*row.get(1)?).to_owned(), *row.get(2)? == "+"));
            Some((metre, rows.iter().filter_map(syllable).collect()))
        })
        .collect()
}

/// Joins syllables to words of the dictionary, longest first, and compares the stress of each.
fn stress_of_line(singer: &mut Singer, line: &[Scanned]) -> Vec<bool> {
    let mut agreements = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let longest = WORD_SYLLABLES_MAX.min(line.len() - at);
        let word = (2..=longest).rev().find_map(|count| {
            let part = line.get(at..at + count)?;
            let spelled: String = part.iter().map(|(text, _)| text.as_str()).collect();
            let sung = singer.sing(&spelled);
            let [word] = sung.as_slice() else { return None };
            let is_word = !word.is_guessed && word.syllables.len() == count;
            is_word.then(|| {
                let pairs = word.syllables.iter().zip(part);
                pairs
                    .map(|(syllable, (_, is_strong))| (syllable.stress > 0) == *is_strong)
                    .collect::<Vec<bool>>()
            })
        });
        at += word.as_ref().map_or(1, Vec::len);
        agreements.extend(word.into_iter().flatten());
    }
    agreements
}

fn stress(kit: &Path) -> anyhow::Result<Card> {
    let mut judged: Vec<(String, bool)> = Vec::new();
    let mut line_count = 0;
    for file in ["meter_en.train.tsv", "meter_en.dev.tsv"] {
        let path = kit.join(file);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut singer = Singer::default();
        for (metre, line) in read_scansion(&text) {
            line_count += 1;
            let agreements = stress_of_line(&mut singer, &line);
            judged.extend(
                agreements
                    .into_iter()
                    .map(|is_right| (metre.clone(), is_right)),
            );
        }
    }
    let value = |is_right: bool| f64::from(u8::from(is_right));
    let values: Vec<f64> = judged
        .iter()
        .map(|(_, is_right)| value(*is_right))
        .collect();
    Ok(Card {
        descriptors: vec!["stress_regularity_ratio", "syllable_count", "syllables_per_line_mean"],
        what: "Which syllables of English words are stressed; the regularity of stress goes by it.",
        unit: "share of syllables",
        data: vec![Data {
            name: "scanned English verse",
            count: line_count,
            of: "lines",
            origin: "written, scanned by hand",
            licence: "public domain, annotations without a stated licence; evaluation",
        }],
        scores: STRESS.mean("words of the dictionary", &values).into_iter().collect(),
        failures: worst("stress agreement", 0.9, judged.iter().map(|(metre, is_right)| (format!("metre {metre}"), value(*is_right)))),
        notes: vec![
            "Syllables are joined to the longest word of the dictionary that has as many; words of one syllable are left out, \
             because verse decides their stress."
                .to_owned(),
            "The regularity itself has no labels.".to_owned(),
        ],
        ..blank("stress", "Metre stress", "words")
    })
}

fn language(kit: &Path) -> anyhow::Result<Card> {
    let mut told: Vec<(&str, Option<f64>, bool)> = Vec::new();
    for poet in ["byron", "housman", "lovelace", "swift"] {
        let path = kit.join(format!("poems_en_{poet}.txt"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for passage in passages(&text) {
            let guess = identify_language(&passage);
            let is_right = guess.as_ref().is_some_and(|guess| guess.code == "en");
            told.push((
                poet,
                guess.map(|guess| f64::from(guess.confidence)),
                is_right,
            ));
        }
    }
    let value = |is_right: bool| f64::from(u8::from(is_right));
    let values: Vec<f64> = told.iter().map(|(.., is_right)| value(*is_right)).collect();
    let outcomes: Vec<Outcome> = told
        .iter()
        .filter_map(|(_, confidence, is_right)| Some(((*confidence)?, *is_right)))
        .collect();
    Ok(Card {
        descriptors: vec!["language"],
        what: "The language of lyrics, or none where the text is too short or of no known language.",
        unit: "ISO 639-1",
        data: vec![Data {
            name: "English verse of four poets in passages",
            count: told.len(),
            of: "passages",
            origin: "written",
            licence: "public domain",
        }],
        scores: LANGUAGE.mean("English", &values).into_iter().collect(),
        confidences: Calibration::of(&outcomes)
            .map(|calibration| Confidence {
                of: "language",
                definition: "Whether the language is English, as it is; English alone cannot show whether other languages are told apart.",
                calibration,
            })
            .into_iter()
            .collect(),
        failures: worst("recall", 0.98, told.iter().map(|(poet, _, is_right)| ((*poet).to_owned(), value(*is_right)))),
        notes: vec!["No labelled text of the other languages is in the kit; they are unvalidated here.".to_owned()],
        ..blank("language", "Language", "words")
    })
}

/// Verse without tags in passages of whole lines.
fn passages(text: &str) -> Vec<String> {
    const TAGS: [&str; 3] = ["AUTHOR", "TITLE", "RHYME"];
    let mut passages = Vec::new();
    let mut passage = String::new();
    for line in text
        .lines()
        .filter(|line| !TAGS.iter().any(|tag| line.starts_with(tag)))
    {
        passage.push_str(line);
        passage.push('\n');
        if passage.chars().count() >= PASSAGE_CHARACTERS {
            passages.push(std::mem::take(&mut passage));
        }
    }
    passages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_joined_to_words_and_compared() {
        let text = "1\tre\t-\t.\tJJ\t1\tiambic\tx\t-+-\n2\tmem\t+\t.\tJJ\t2\tiambic\tx\t-+-\n3\tber\t-\t.\tNN\t0\tiambic\tx\t-+-\n\n1\tla\t-\t.\tNN\t0\ttroch\tx\t-+\n2\tter\t+\t.\tNN\t0\ttroch\tx\t-+\n";
        let lines = read_scansion(text);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].0, "iambic");
        let mut singer = Singer::default();
        assert_eq!(stress_of_line(&mut singer, &lines[0].1), [true, true, true]);
        // "later" is stressed on the first syllable; this scansion says the other.
        assert_eq!(stress_of_line(&mut singer, &lines[1].1), [false, false]);
        assert!(read_scansion("").is_empty());
    }

    #[test]
    fn passages_are_whole_lines_without_tags() {
        let line = "x".repeat(120);
        let text = format!("TITLE t\n{line}\n{line}\n{line}\n");
        let found = passages(&text);
        assert_eq!(found.len(), 1);
        assert!(!found[0].contains("TITLE") && found[0].lines().count() == 2);
    }
}
