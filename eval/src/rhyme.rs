//! Rhyme schemes of verse against a gold annotation.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::lyrics::rhyme::{EndWord, RhymeModel, Scheme, SpelledRime};

use crate::calibration::Calibration;
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
    let model = RhymeModel::embedded();
    let started = std::time::Instant::now();
    let mut tally = Tally::default();
    let mut outcomes = Vec::new();
    for poem in &poems {
        let schemes = schemes(model, poem, &args.language);
        for (stanza, scheme) in poem.stanzas.iter().zip(&schemes) {
            tally.judge(stanza, scheme);
            if stanza.words.len() > 1 {
                outcomes.push((f64::from(scheme.confidence), stanza.is_exact(scheme)));
            }
        }
    }
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    Ok(serde_json::json!({
        "pair_f1": ratio(2 * tally.hits, tally.found + tally.wanted),
        "pair_precision": ratio(tally.hits, tally.found),
        "pair_recall": ratio(tally.hits, tally.wanted),
        "scheme_exact": ratio(tally.exact, tally.stanzas),
        "stanzas": tally.stanzas,
        "calibration": Calibration::of(&outcomes),
        "seconds": started.elapsed().as_secs_f64(),
    }))
}

fn schemes(model: &RhymeModel, poem: &Poem, language: &str) -> Vec<Scheme> {
    let stanzas = poem.stanzas.iter();
    if language == "en" {
        return model.schemes(&stanzas.map(Stanza::end_words).collect::<Vec<_>>());
    }
    model.spelled_schemes(
        &stanzas
            .map(|stanza| stanza.rimes(language))
            .collect::<Vec<_>>(),
    )
}

/// Reads poems; stanzas whose words and labels differ in number are broken and left out.
pub fn read_poems(path: &Path, is_split: bool) -> anyhow::Result<Vec<Poem>> {
    let mut poems: Vec<Poem> = Vec::new();
    let (mut name, mut author) = (String::new(), String::new());
    let mut lines = open_text(path)?.lines();
    while let Some(line) = lines.next() {
        let line = line?;
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
