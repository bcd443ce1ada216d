//! Rhyme schemes of verse against a gold annotation.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::lyrics::rhyme::{EndWord, RhymeModel, Scheme, SpelledRime};

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

struct Stanza {
    words: Vec<String>,
    labels: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<serde_json::Value> {
    let poems = read_poems(&args.gold, args.stanzas_alone)?;
    let model = RhymeModel::embedded();
    let started = std::time::Instant::now();
    let mut tally = Tally::default();
    for poem in &poems {
        let schemes = schemes(model, poem, &args.language);
        for (stanza, scheme) in poem.iter().zip(&schemes) {
            tally.judge(stanza, scheme);
        }
    }
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    Ok(serde_json::json!({
        "pair_f1": ratio(2 * tally.hits, tally.found + tally.wanted),
        "pair_precision": ratio(tally.hits, tally.found),
        "pair_recall": ratio(tally.hits, tally.wanted),
        "scheme_exact": ratio(tally.exact, tally.stanzas),
        "stanzas": tally.stanzas,
        "seconds": started.elapsed().as_secs_f64(),
    }))
}

fn schemes(model: &RhymeModel, poem: &[Stanza], language: &str) -> Vec<Scheme> {
    if language == "en" {
        let end_words = |stanza: &Stanza| stanza.words.iter().map(|w| EndWord::new(w)).collect();
        return model.schemes(&poem.iter().map(end_words).collect::<Vec<_>>());
    }
    let rime =
        |word: &String| SpelledRime::new(word, language).unwrap_or_else(SpelledRime::unknown);
    let rimes = |stanza: &Stanza| stanza.words.iter().map(rime).collect();
    model.spelled_schemes(&poem.iter().map(rimes).collect::<Vec<_>>())
}

/// Reads poems; stanzas whose words and labels differ in number are broken and left out.
fn read_poems(path: &Path, is_split: bool) -> anyhow::Result<Vec<Vec<Stanza>>> {
    let mut poems: Vec<Vec<Stanza>> = Vec::new();
    let mut name = String::new();
    let mut lines = open_text(path)?.lines();
    while let Some(line) = lines.next() {
        let line = line?;
        if line.starts_with('#') {
            name.clear();
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
            poems.push(Vec::new());
            name = found;
        }
        if words.len() == labels.len() {
            poems
                .last_mut()
                .context("a poem was opened")?
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
        let mut is_exact = true;
        let lines: Vec<(&String, &usize)> = stanza.labels.iter().zip(&scheme.labels).collect();
        for (place, (gold, label)) in lines.iter().enumerate() {
            for (other_gold, other_label) in lines.iter().skip(place + 1) {
                let (is_wanted, is_found) = (gold == other_gold, label == other_label);
                self.hits += usize::from(is_wanted && is_found);
                self.found += usize::from(is_found);
                self.wanted += usize::from(is_wanted);
                is_exact &= is_wanted == is_found;
            }
        }
        self.stanzas += 1;
        self.exact += usize::from(is_exact);
    }
}
