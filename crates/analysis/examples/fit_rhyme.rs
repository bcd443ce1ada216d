//! Learns the rhyme model from annotated verse and cross-validates it over authors.
//!
//! `cargo run --release -p leitmotif-analysis --example fit_rhyme -- VERSE.pgold OUTPUT.json`

use std::error::Error;

use leitmotif_analysis::lyrics::rhyme::{AnnotatedPoem, DecoderSettings, EndWord, RhymeModel};

const FOLD_COUNT: usize = 5;
const SETTINGS: DecoderSettings = DecoderSettings {
    evidence_weight: 0.6,
    free_base: -1.0,
    free_per_line: -0.5,
    table_weight: 2.0,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, options @ ..] = arguments.as_slice() else {
        return Err("usage: fit_rhyme VERSE.pgold OUTPUT.json [--tune]".into());
    };
    let poems = read_poems(&std::fs::read_to_string(source)?);
    let mut authors: Vec<&str> = poems.iter().map(|poem| poem.author.as_str()).collect();
    authors.dedup();
    let folds: Vec<RhymeModel> = (0..FOLD_COUNT)
        .map(|fold| {
            let taught: Vec<&AnnotatedPoem> = poems
                .iter()
                .filter(|poem| fold_of(&authors, &poem.author) != fold)
                .collect();
            RhymeModel::fit(&taught, SETTINGS)
        })
        .collect();
    let mut grid = vec![SETTINGS];
    if options.iter().any(|option| option == "--tune") {
        grid.clear();
        for evidence_weight in [0.6, 0.8, 1.0, 1.3] {
            for free_base in [-5.0, -3.0, -1.0] {
                for free_per_line in [-0.9, -0.5, -0.25] {
                    for table_weight in [0.5, 2.0] {
                        grid.push(DecoderSettings {
                            evidence_weight,
                            free_base,
                            free_per_line,
                            table_weight,
                        });
                    }
                }
            }
        }
    }
    for settings in grid {
        let mut total = Tally::default();
        for (fold, taught) in folds.iter().enumerate() {
            let model = RhymeModel {
                settings,
                ..taught.clone()
            };
            let mut tally = Tally::default();
            for poem in poems
                .iter()
                .filter(|poem| fold_of(&authors, &poem.author) == fold)
            {
                tally.judge(&model, poem);
            }
            if options.is_empty() {
                println!("fold {fold}: {}", tally.summary());
            }
            total.add(&tally);
        }
        println!("{settings:?} {}", total.summary());
    }
    let model = RhymeModel::fit(&poems.iter().collect::<Vec<_>>(), SETTINGS);
    std::fs::write(target, serde_json::to_string(&model)?)?;
    Ok(())
}

fn fold_of(authors: &[&str], author: &str) -> usize {
    authors
        .iter()
        .position(|known| *known == author)
        .unwrap_or(0)
        % FOLD_COUNT
}

fn read_poems(text: &str) -> Vec<AnnotatedPoem> {
    let mut poems: Vec<AnnotatedPoem> = Vec::new();
    let mut author = String::new();
    let mut name = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("# AUTHOR ") {
            author = found.to_owned();
            name.clear();
        } else if line.starts_with("POEM") {
            let mut fields = line.split_whitespace();
            let found = fields.next().unwrap_or("").to_owned();
            let words: Vec<EndWord> = fields.map(EndWord::new).collect();
            let labels: Vec<usize> = lines
                .next()
                .unwrap_or("")
                .split_whitespace()
                .filter_map(|label| label.parse().ok())
                .collect();
            if found != name {
                poems.push(AnnotatedPoem {
                    author: author.clone(),
                    stanzas: Vec::new(),
                });
                name = found;
            }
            if let Some(poem) = poems.last_mut().filter(|_| words.len() == labels.len()) {
                poem.stanzas.push((words, labels));
            }
        }
    }
    poems
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
    fn judge(&mut self, model: &RhymeModel, poem: &AnnotatedPoem) {
        let words: Vec<Vec<EndWord>> = poem
            .stanzas
            .iter()
            .map(|(words, _)| words.clone())
            .collect();
        for (scheme, (_, labels)) in model.schemes(&words).iter().zip(&poem.stanzas) {
            let mut is_exact = true;
            for second in 0..labels.len() {
                for first in 0..second {
                    let wanted = labels[first] == labels[second];
                    let found = scheme.labels[first] == scheme.labels[second];
                    self.hits += usize::from(wanted && found);
                    self.found += usize::from(found);
                    self.wanted += usize::from(wanted);
                    is_exact &= wanted == found;
                }
            }
            self.stanzas += 1;
            self.exact += usize::from(is_exact);
        }
    }

    fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.found += other.found;
        self.wanted += other.wanted;
        self.exact += other.exact;
        self.stanzas += other.stanzas;
    }

    fn summary(&self) -> String {
        format!(
            "pair F1 {:.4} (P {:.4} R {:.4}), exact {:.4}, {} stanzas",
            2.0 * self.hits as f64 / (self.found + self.wanted) as f64,
            self.hits as f64 / self.found as f64,
            self.hits as f64 / self.wanted as f64,
            self.exact as f64 / self.stanzas as f64,
            self.stanzas,
        )
    }
}
