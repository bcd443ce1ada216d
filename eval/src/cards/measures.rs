//! Cards on closed measures of words: each is computed a second time, plainly, and compared.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::Context;
use leitmotif_analysis::lyrics::vocabulary::WindowVocabulary;
use leitmotif_analysis::lyrics::{LyricsAnalysis, analyze_lyrics_as, lyrics_words};

use super::blank;
use super::card::{Card, Data, Failure, Metric, Score, worst};
use crate::lyrics_embedding::{Text, read_texts};

const EXACTNESS: Metric = Metric {
    name: "exact",
    definition: "Share of values that are those of the second computation, or of a hand, within the tolerance that is named.",
    source: "exact agreement",
};
/// Values are sums of few numbers; what differs by more is another number.
const TOLERANCE: f64 = 1e-9;
/// The formulas of readability are published with two digits and more.
const READABILITY_TOLERANCE: f64 = 0.01;
/// Lines of a passage to read: more than thirty sentences, which SMOG needs.
const PASSAGE_LINES: usize = 36;
/// A window that poems are long enough for.
const WINDOW_WORDS: usize = 1_000;

/// Lines with how many of their content words open as one of the two content words before, and how many there are;
/// worked by hand, by sound.
const ALLITERATIONS: [(&str, usize, usize); 20] = [
    ("phone fast", 1, 2),
    ("know kick", 0, 2),
    ("big black bears", 1, 3),
    ("sweet silent thought", 0, 3),
    ("cold kings", 1, 2),
    ("city song", 1, 2),
    ("gentle giant", 1, 2),
    ("gold giant", 0, 2),
    ("knight nurse", 1, 2),
    ("write right round", 2, 3),
    ("shining sea", 0, 2),
    ("shine shadow", 1, 2),
    ("deep dark dungeon", 2, 3),
    ("bright brown bread", 2, 3),
    ("music makes magic", 1, 3),
    ("the moon makes me mad", 2, 3),
    ("apple orange", 0, 2),
    ("night night", 0, 2),
    ("about table boy", 1, 3),
    ("tall blue green ten", 0, 4),
];

pub fn cards(kit: &Path) -> anyhow::Result<Vec<Card>> {
    Ok(vec![alliteration()?, vocabulary(kit)?, readability(kit)?])
}

fn value(analysis: &LyricsAnalysis, name: &str) -> Option<f64> {
    let mut descriptors = analysis.descriptors.iter();
    descriptors.find(|found| found.name == name)?.value.as_f64()
}

fn is_equal(one: Option<f64>, other: Option<f64>, tolerance: f64) -> f64 {
    let is_equal = match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= tolerance,
        (one, other) => one.is_none() && other.is_none(),
    };
    f64::from(u8::from(is_equal))
}

fn alliteration() -> anyhow::Result<Card> {
    let judged = ALLITERATIONS.map(|(line, hits, words)| {
        let found = value(&analyze_lyrics_as(line, Some("en")), "alliteration_ratio");
        is_equal(found, Some(hits as f64 / words as f64), TOLERANCE)
    });
    let failures = ALLITERATIONS.iter().zip(judged);
    let failures = failures.map(|((line, ..), value)| (format!("`{line}`"), value));
    Ok(Card {
        descriptors: vec!["alliteration_ratio"],
        what: "Share of content words whose stressed syllable opens with the same consonants as that of one of the two content \
            words before them in the line, by sound.",
        unit: "0 to 1",
        data: vec![Data {
            name: "lines worked by hand",
            count: ALLITERATIONS.len(),
            of: "lines",
            origin: "written for this",
            licence: "our own",
        }],
        scores: EXACTNESS.mean("lines worked by hand", &judged).into_iter().collect(),
        failures: worst(EXACTNESS.name, 1.0, failures),
        notes: vec![
            "English only. Whole clusters must agree: `sweet` and `silent` do not alliterate. Words that the dictionary lacks go by a guessed \
             sound."
                .to_owned(),
            "That the share is what it is defined as says nothing of what listeners notice.".to_owned(),
        ],
        ..blank("alliteration", "Alliteration", "words")
    })
}

/// Mean over all windows, each counted anew.
fn plain_window_mean(words: &[String], window: usize) -> Option<f64> {
    let counts = words.windows(window).map(|window| {
        let types: BTreeSet<&String> = window.iter().collect();
        types.len() as f64
    });
    let counts: Vec<f64> = counts.collect();
    (!counts.is_empty()).then(|| counts.iter().sum::<f64>() / counts.len() as f64)
}

/// MTLD as its authors describe it: the factors of one direction, the types of a stretch counted anew.
fn plain_factors<'w>(words: impl Iterator<Item = &'w String>) -> f64 {
    let mut factors = 0.0;
    let mut stretch: Vec<&String> = Vec::new();
    let ratio = |stretch: &[&String]| {
        let types: BTreeSet<&&String> = stretch.iter().collect();
        types.len() as f64 / stretch.len() as f64
    };
    for word in words {
        stretch.push(word);
        if ratio(&stretch) <= 0.72 {
            factors += 1.0;
            stretch.clear();
        }
    }
    if !stretch.is_empty() {
        factors += (1.0 - ratio(&stretch)) / (1.0 - 0.72);
    }
    factors
}

fn plain_mtld(words: &[String]) -> Option<f64> {
    let count = words.len() as f64;
    let of = |factors: f64| {
        if factors > 0.0 {
            count / factors
        } else {
            count
        }
    };
    let ways = (of(plain_factors(words.iter())) + of(plain_factors(words.iter().rev()))) / 2.0;
    (words.len() >= 50).then_some(ways)
}

/// Each measure of every text, compared with its second computation.
fn vocabulary_scores(texts: &[Text]) -> Vec<Score> {
    let mut judged: [Vec<f64>; 3] = Default::default();
    for text in texts {
        let whole = text.whole();
        let analysis = analyze_lyrics_as(&whole, Some("en"));
        let words = lyrics_words(&whole);
        let mattr = plain_window_mean(&words, 50).map(|types| types / 50.0);
        let equal = |name, plain| is_equal(value(&analysis, name), plain, TOLERANCE);
        judged[0].push(equal("mtld_words", plain_mtld(&words)));
        judged[1].push(equal("mattr_ratio", mattr));
        let all = WindowVocabulary::of_texts(std::slice::from_ref(&words), 50);
        judged[2].push(is_equal(
            all.unique_mean,
            plain_window_mean(&words, 50),
            TOLERANCE * 50.0,
        ));
    }
    let [mtld, mattr, windows] = &judged;
    [
        EXACTNESS.mean("MTLD within 10⁻⁹ words", mtld),
        EXACTNESS.mean("moving type/token ratio within 10⁻⁹", mattr),
        EXACTNESS.mean("mean of windows of 50 words", windows),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn vocabulary(kit: &Path) -> anyhow::Result<Card> {
    let texts = read_texts(kit)?;
    let mut scores = vocabulary_scores(&texts);
    let poets = poets_in_windows(
        &texts
            .iter()
            .map(|t| (t.author.clone(), t.whole()))
            .collect::<Vec<_>>(),
    );
    let equal: Vec<f64> = poets.iter().map(|(.., is_equal)| *is_equal).collect();
    scores.extend(EXACTNESS.mean(
        "first 1,000 words of a poet, and the mean of all such windows",
        &equal,
    ));
    Ok(Card {
        descriptors: vec![
            "mtld_words",
            "mattr_ratio",
            "type_token_ratio",
            "unique_word_count",
            "unique_words_first_35k_count",
            "word_count",
        ],
        what: "How many different words a text has: MTLD, moving type/token ratio, and different words in a window of fixed length.",
        unit: "words, or a share",
        data: vec![Data {
            name: "poems of Byron, Housman, Lovelace and Swift, cut into texts of 8 to 48 lines",
            count: texts.len(),
            of: "texts",
            origin: "written",
            licence: "public domain",
        }],
        scores,
        notes: vec![
            "The second computation counts every window and every stretch anew, from the definitions of Covington & McFall 2010 and McCarthy & \
             Jarvis 2010."
                .to_owned(),
            format!(
                "Different words per {WINDOW_WORDS}, over all of a poet in the kit: {}.",
                poets
                    .iter()
                    .map(|(poet, mean, _)| format!("{poet} {mean:.0}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            "A song is shorter than 35,000 words, so `unique_words_first_35k_count` is null there; it is a measure of an artist.".to_owned(),
            "Words are not brought to a base form: `sing` and `sings` are two.".to_owned(),
        ],
        ..blank("vocabulary", "Vocabulary", "words")
    })
}

/// Each poet's mean over windows, and whether it and the first window are those counted anew.
fn poets_in_windows(texts: &[(String, String)]) -> Vec<(String, f64, f64)> {
    let mut poets: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for (author, text) in texts {
        match poets.iter_mut().find(|(poet, _)| poet == author) {
            Some((_, of_poet)) => of_poet.push(lyrics_words(text)),
            None => poets.push((author.clone(), vec![lyrics_words(text)])),
        }
    }
    let judged = poets.into_iter().filter_map(|(poet, texts)| {
        let found = WindowVocabulary::of_texts(&texts, WINDOW_WORDS);
        // Every hundredth window is enough to tell, and counting them all anew takes minutes.
        let words: Vec<String> = texts.concat();
        let first: BTreeSet<&String> = words.get(..WINDOW_WORDS)?.iter().collect();
        let is_first = found.unique_in_first == Some(first.len());
        let mean = found.unique_mean?;
        let stepped: Vec<f64> = words
            .windows(WINDOW_WORDS)
            .step_by(100)
            .map(|window| window.iter().collect::<BTreeSet<_>>().len() as f64)
            .collect();
        let stepped = stepped.iter().sum::<f64>() / stepped.len() as f64;
        let is_near = (stepped / mean - 1.0).abs() < 0.02;
        Some((poet, mean, f64::from(u8::from(is_first && is_near))))
    });
    judged.collect()
}

/// What the five formulas make of counts, in the order of [`FORMULAS`], written down a second time.
fn plain_formulas(words: f64, sentences: f64, syllables: f64, long: f64, letters: f64) -> [f64; 5] {
    [
        206.835 - 1.015 * (words / sentences) - 84.6 * (syllables / words),
        0.39 * (words / sentences) + 11.8 * (syllables / words) - 15.59,
        1.043 * (long * (30.0 / sentences)).sqrt() + 3.1291,
        4.71 * (letters / words) + 0.5 * (words / sentences) - 21.43,
        0.0588 * (letters / words * 100.0) - 0.296 * (sentences / words * 100.0) - 15.8,
    ]
}

const FORMULAS: [&str; 5] = [
    "reading_ease",
    "flesch_kincaid_grade",
    "smog_grade",
    "automated_readability_grade",
    "coleman_liau_grade",
];

/// What of each formula is equal, passage by passage.
fn readability_judged(lines: &[&str], syllables: &HashMap<String, usize>) -> Vec<Vec<f64>> {
    let mut judged: Vec<Vec<f64>> = vec![Vec::new(); FORMULAS.len()];
    for passage in lines.chunks_exact(PASSAGE_LINES) {
        let words: Vec<&str> = passage
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        let counts: Vec<usize> = words.iter().map(|word| syllables[*word]).collect();
        let letters = words
            .iter()
            .flat_map(|word| word.chars())
            .filter(char::is_ascii_lowercase);
        let expected = plain_formulas(
            words.len() as f64,
            PASSAGE_LINES as f64,
            counts.iter().sum::<usize>() as f64,
            counts.iter().filter(|count| **count > 2).count() as f64,
            letters.count() as f64,
        );
        let analysis = analyze_lyrics_as(&passage.join("\n"), Some("en"));
        for ((judged, name), expected) in judged.iter_mut().zip(FORMULAS).zip(expected) {
            let found = value(&analysis, name);
            judged.push(is_equal(found, Some(expected), READABILITY_TOLERANCE));
        }
    }
    judged
}

fn readability(kit: &Path) -> anyhow::Result<Card> {
    let syllables = dictionary_syllables(&kit.join("cmudict.dict"))?;
    let plain = |line: &&str| {
        let mut words = line.split_whitespace();
        let is_word = |word: &str| syllables.contains_key(word);
        words.clone().count() > 2 && words.all(is_word)
    };
    let texts = read_texts(kit)?;
    let lower: Vec<String> = texts
        .iter()
        .map(|text| plain_words(&text.whole()))
        .collect();
    let lines: Vec<&str> = lower
        .iter()
        .flat_map(|text| text.lines())
        .filter(plain)
        .collect();
    let judged = readability_judged(&lines, &syllables);
    let all: Vec<f64> = judged.concat();
    let failures: Vec<Failure> = worst(
        EXACTNESS.name,
        1.0,
        FORMULAS.iter().zip(&judged).flat_map(|(name, judged)| {
            judged
                .iter()
                .map(move |value| (format!("`{name}`"), *value))
        }),
    );
    Ok(Card {
        descriptors: FORMULAS.to_vec(),
        what: "How easy English words read, by five closed formulas, lines taken as sentences.",
        unit: "0 to 100 and beyond, or years of school",
        data: vec![Data {
            name: "lines of Byron, Housman, Lovelace and Swift whose words are all in the CMU dictionary, in passages of 36",
            count: judged[0].len(),
            of: "passages",
            origin: "written",
            licence: "public domain",
        }],
        scores: EXACTNESS.mean("all five formulas within 0.01", &all).into_iter().collect(),
        failures,
        notes: vec![
            "The second computation counts the syllables of each word's first reading in the dictionary's own file and writes the formulas down \
             again. Words outside the dictionary are guessed, and are not judged here."
                .to_owned(),
            "The formulas were made for prose: of lyrics only comparisons mean something. Below 100 words all are null, below 30 lines SMOG."
                .to_owned(),
        ],
        ..blank("readability", "Readability", "words")
    })
}

/// Small letters, inner apostrophes and spaces.
fn plain_words(text: &str) -> String {
    let kept = text.chars().map(|letter| match letter {
        '\n' => '\n',
        '\'' | 'a'..='z' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => ' ',
    });
    kept.collect()
}

/// Syllables of the first reading of each word.
fn dictionary_syllables(path: &Path) -> anyhow::Result<HashMap<String, usize>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut syllables = HashMap::new();
    for line in text.lines() {
        let reading = line.split('#').next().unwrap_or("");
        let Some((word, phonemes)) = reading.split_once(' ') else {
            continue;
        };
        let vowels = phonemes
            .split(' ')
            .filter(|phoneme| phoneme.ends_with(['0', '1', '2']));
        if word.chars().all(|letter| letter.is_ascii_lowercase()) {
            syllables.insert(word.to_owned(), vowels.count());
        }
    }
    Ok(syllables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_measures_are_those_of_a_hand() {
        let words = |text: &str| lyrics_words(text);
        // One word repeated: every second word ends a stretch.
        assert_eq!(plain_mtld(&vec!["la".to_owned(); 60]), Some(2.0));
        assert_eq!(plain_mtld(&words("too short")), None);
        assert_eq!(plain_window_mean(&words("a b a a"), 2), Some(5.0 / 3.0));
        assert_eq!(plain_window_mean(&words("a"), 2), None);
        let [ease, ..] = plain_formulas(1000.0, 55.0, 1798.0, 74.0, 3324.0);
        assert!((ease - 36.27).abs() < 0.01, "{ease}");
        assert_eq!(plain_words("I'm, HERE—now"), "i'm  here now");
    }
}
