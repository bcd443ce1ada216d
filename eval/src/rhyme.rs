//! Rhyme schemes of verse against a gold annotation.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::lyrics::french::FrenchEnd;
use leitmotif_analysis::lyrics::rhyme::{EndWord, RhymeModel, Scheme, SpelledRime};
use leitmotif_analysis::lyrics::russian::{RussianEnd, StressCandidates};

use crate::calibration::{Calibration, Outcome};
use crate::files::open_text;

#[derive(clap::Args)]
pub struct Args {
    /// Annotated verse: `POEMn word word ...`, then the scheme within the stanza, one label per word;
    /// consecutive stanzas of one `POEMn` are one poem. Plain or gzip.
    #[arg(long)]
    gold: PathBuf,
    /// Language of the verse, ISO 639-1.
    #[arg(long, default_value = "en")]
    language: String,
    /// Judges every stanza alone, without the votes of its poem.
    #[arg(long)]
    stanzas_alone: bool,
}

/// A poem with what is known of its rhymes.
#[derive(Debug, Clone, Default)]
pub struct Poem {
    /// Empty where the file does not tell.
    pub author: String,
    pub stanzas: Vec<Stanza>,
}

/// End words of the lines of a stanza, and the label of each; equal labels rhyme.
#[derive(Debug, Clone)]
pub struct Stanza {
    pub words: Vec<String>,
    pub labels: Vec<String>,
}

impl Stanza {
    /// The words as they sound in English.
    pub fn end_words(&self) -> Vec<EndWord> {
        self.words.iter().map(|word| EndWord::new(word)).collect()
    }

    /// The words as they are spelled.
    pub fn rimes(&self, language: &str) -> Vec<SpelledRime> {
        let rime =
            |word: &String| SpelledRime::new(word, language).unwrap_or_else(SpelledRime::unknown);
        self.words.iter().map(rime).collect()
    }

    /// The words as they sound in French.
    pub fn french_ends(&self) -> Vec<FrenchEnd> {
        self.words.iter().map(|word| FrenchEnd::new(word)).collect()
    }

    /// The words as they sound in Russian.
    pub fn russian_ends(&self) -> Vec<RussianEnd> {
        self.words
            .iter()
            .map(|word| RussianEnd::new(word))
            .collect()
    }

    /// The labels as the file numbers them; what is no number rhymes with nothing.
    pub fn numbered(&self) -> Vec<usize> {
        let number = |(line, label): (usize, &String)| label.parse().unwrap_or(usize::MAX - line);
        self.labels.iter().enumerate().map(number).collect()
    }

    /// Pairs of lines: whether they rhyme, and whether the scheme says so.
    pub fn pairs<'s>(&'s self, scheme: &'s Scheme) -> impl Iterator<Item = (bool, bool)> + 's {
        let lines = || self.labels.iter().zip(&scheme.labels);
        lines().enumerate().flat_map(move |(place, (gold, label))| {
            lines()
                .skip(place + 1)
                .map(move |(other_gold, other)| (gold == other_gold, label == other))
        })
    }

    /// Tells whether the whole scheme is right.
    pub fn is_exact(&self, scheme: &Scheme) -> bool {
        self.pairs(scheme)
            .all(|(is_wanted, is_found)| is_wanted == is_found)
    }
}

pub fn run(args: &Args) -> anyhow::Result<serde_json::Value> {
    let poems = read_poems(&args.gold, args.stanzas_alone)?;
    let started = std::time::Instant::now();
    let judged = judge(&poems, |poem| schemes(poem, &args.language));
    let mut summary = judged.told();
    summary["seconds"] = serde_json::json!(started.elapsed().as_secs_f64());
    if args.language == "fr" {
        summary["authors"] = by_author(&poems, &args.language);
        summary["by_spelling"] = judge(&poems, |poem| spelled_schemes(poem, "fr")).told();
        summary["equal_suffixes"] = judge(&poems, suffix_schemes).told();
    }
    if args.language == "ru" {
        summary["authors"] = by_author(&poems, &args.language);
        summary["by_spelling"] = judge(&poems, |poem| spelled_schemes(poem, "ru")).told();
        summary["equal_suffixes"] = judge(&poems, suffix_schemes).told();
        summary["stress_known"] = serde_json::json!(known_stress_share(&poems));
    }
    Ok(summary)
}

/// What was told of poems.
#[derive(Default)]
pub struct Judged {
    tally: Tally,
    /// Confidence and rightness of stanzas of two lines or more.
    pub outcomes: Vec<Outcome>,
}

impl Judged {
    fn told(&self) -> serde_json::Value {
        let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let tally = &self.tally;
        serde_json::json!({
            "pair_f1": ratio(2 * tally.hits, tally.found + tally.wanted),
            "pair_precision": ratio(tally.hits, tally.found),
            "pair_recall": ratio(tally.hits, tally.wanted),
            "scheme_exact": ratio(tally.exact, tally.stanzas),
            "stanzas": tally.stanzas,
            "calibration": Calibration::of(&self.outcomes),
        })
    }
}

fn judge(poems: &[Poem], read: impl Fn(&Poem) -> Vec<Scheme>) -> Judged {
    let mut judged = Judged::default();
    for poem in poems {
        for (stanza, scheme) in poem.stanzas.iter().zip(&read(poem)) {
            judged.tally.judge(stanza, scheme);
            if stanza.words.len() > 1 {
                let confidence = f64::from(scheme.confidence);
                judged.outcomes.push((confidence, stanza.is_exact(scheme)));
            }
        }
    }
    judged
}

fn by_author(poems: &[Poem], language: &str) -> serde_json::Value {
    let mut authors: BTreeMap<&str, Vec<Poem>> = BTreeMap::new();
    for poem in poems {
        authors.entry(&poem.author).or_default().push(poem.clone());
    }
    let told = authors.into_iter().map(|(author, poems)| {
        let mut told = judge(&poems, |poem| schemes(poem, language)).told();
        told["calibration"].take();
        (author.to_owned(), told)
    });
    serde_json::Value::Object(told.collect())
}

/// Schemes by the rules of the language: the sound of English, French and Russian, the spelling of others.
fn schemes(poem: &Poem, language: &str) -> Vec<Scheme> {
    let model = RhymeModel::embedded();
    let stanzas = poem.stanzas.iter();
    match language {
        "en" => model.schemes(&stanzas.map(Stanza::end_words).collect::<Vec<_>>()),
        "fr" => model.french_schemes(&stanzas.map(Stanza::french_ends).collect::<Vec<_>>()),
        "ru" => russian_schemes(poem),
        _ => spelled_schemes(poem, language),
    }
}

/// Schemes of Russian by rule.
pub fn russian_schemes(poem: &Poem) -> Vec<Scheme> {
    let stanzas = poem.stanzas.iter().map(Stanza::russian_ends);
    RhymeModel::embedded().russian_schemes(&stanzas.collect::<Vec<_>>())
}

/// Schemes by reduced letters, which French and Russian had before their sounds.
pub fn spelled_schemes(poem: &Poem, language: &str) -> Vec<Scheme> {
    let stanzas = poem.stanzas.iter().map(|stanza| stanza.rimes(language));
    RhymeModel::embedded().spelled_schemes(&stanzas.collect::<Vec<_>>())
}

/// The simplest baseline: lines rhyme whose words end in the same two letters.
pub fn suffix_schemes(poem: &Poem) -> Vec<Scheme> {
    let suffix = |word: &String| -> String {
        let letters = word.chars().rev().filter(|letter| letter.is_alphabetic());
        letters.take(2).flat_map(char::to_lowercase).collect()
    };
    let scheme = |stanza: &Stanza| {
        let mut seen: Vec<String> = Vec::new();
        let labels = stanza.words.iter().map(|word| {
            let suffix = suffix(word);
            let known = seen.iter().position(|other| *other == suffix);
            known.unwrap_or_else(|| {
                seen.push(suffix);
                seen.len() - 1
            })
        });
        Scheme {
            labels: labels.collect(),
            confidence: 0.5,
            evidence: Default::default(),
        }
    };
    poem.stanzas.iter().map(scheme).collect()
}

/// The Russian verse that is part of this program's sources.
pub fn russian_gold() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rhyme_ru.gold")
}

/// Share of the line ends whose stress is known by rule.
pub fn known_stress_share(poems: &[Poem]) -> f64 {
    let words = poems
        .iter()
        .flat_map(|poem| &poem.stanzas)
        .flat_map(|stanza| &stanza.words);
    let read: Vec<StressCandidates> = words
        .filter_map(|word| StressCandidates::of(word))
        .collect();
    read.iter().filter(|stress| stress.is_known).count() as f64 / read.len().max(1) as f64
}

/// Reads poems; stanzas whose words and labels differ in number are broken and left out.
pub fn read_poems(path: &Path, is_split: bool) -> anyhow::Result<Vec<Poem>> {
    let mut poems: Vec<Poem> = Vec::new();
    let (mut name, mut author) = (String::new(), String::new());
    let mut lines = open_text(path)?.lines();
    while let Some(line) = lines.next() {
        let line = decoded_once(line?);
        if let Some(comment) = line.strip_prefix('#') {
            name.clear();
            if let Some(found) = comment.trim().strip_prefix("AUTHOR ") {
                author = found.to_owned();
            }
        }
        if !line.starts_with("POEM") {
            continue;
        }
        let scheme = lines
            .next()
            .context("a stanza without its scheme ends the file")??;
        let mut fields = line.split_whitespace().map(str::to_owned);
        let found = fields.next().unwrap_or_default();
        let words: Vec<String> = fields.collect();
        let labels: Vec<String> = scheme.split_whitespace().map(str::to_owned).collect();
        if found != name || is_split {
            poems.push(Poem {
                author: author.clone(),
                stanzas: Vec::new(),
            });
            name = found;
        }
        if words.len() == labels.len() {
            poems
                .last_mut()
                .context("a poem was opened")?
                .stanzas
                .push(Stanza { words, labels });
        }
    }
    Ok(poems)
}

/// Undoes UTF-8 that was taken for Latin-1 and written as UTF-8 again, as the French verse comes.
fn decoded_once(line: String) -> String {
    let bytes: Option<Vec<u8>> = line
        .chars()
        .map(|letter| u8::try_from(letter).ok())
        .collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or(line)
}

#[derive(Default)]
struct Tally {
    hits: usize,
    found: usize,
    wanted: usize,
    exact: usize,
    stanzas: usize,
}

impl Tally {
    fn judge(&mut self, stanza: &Stanza, scheme: &Scheme) {
        for (is_wanted, is_found) in stanza.pairs(scheme) {
            self.hits += usize::from(is_wanted && is_found);
            self.found += usize::from(is_found);
            self.wanted += usize::from(is_wanted);
        }
        self.stanzas += 1;
        self.exact += usize::from(stanza.is_exact(scheme));
    }
}
