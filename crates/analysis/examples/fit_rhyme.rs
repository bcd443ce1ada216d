//! Learns the rhyme model from annotated verse and cross-validates it over authors.
//!
//! `cargo run --release -p leitmotif-analysis --example fit_rhyme -- VERSE.pgold OUTPUT.json`

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use leitmotif_analysis::lyrics::rhyme::{
    DecoderSettings, EndWord, NO_FEATURE, PAIR_FEATURE_COUNT, RhymeModel, SchemePrior,
    pair_features,
};

const FOLD_COUNT: usize = 5;
const LINE_GAP_MAX: usize = 12;
const SETTINGS: DecoderSettings = DecoderSettings {
    evidence_weight: 0.6,
    free_base: -1.0,
    free_per_line: -0.5,
    table_weight: 2.0,
};

struct Poem {
    author: String,
    stanzas: Vec<(Vec<EndWord>, Vec<usize>)>,
}

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
            let taught: Vec<&Poem> = poems
                .iter()
                .filter(|poem| fold_of(&authors, &poem.author) != fold)
                .collect();
            fit(&taught)
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
    let model = RhymeModel {
        settings: SETTINGS,
        ..fit(&poems.iter().collect::<Vec<_>>())
    };
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

fn read_poems(text: &str) -> Vec<Poem> {
    let mut poems: Vec<Poem> = Vec::new();
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
                poems.push(Poem {
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

struct Row {
    features: Vec<u16>,
    gap: usize,
    rhymes: bool,
    weight: f64,
}

fn rows(poems: &[&Poem]) -> Vec<Row> {
    let mut by_author: HashMap<&str, usize> = HashMap::new();
    for poem in poems {
        *by_author.entry(&poem.author).or_default() += poem.stanzas.len();
    }
    let mut rows = Vec::new();
    for poem in poems {
        // Prolific authors must not drown the others: weight falls with the root of their output.
        let weight = 1.0
            / (by_author[poem.author.as_str()] as f64 / 100.0)
                .max(1.0)
                .sqrt();
        for (words, labels) in &poem.stanzas {
            for second in 0..words.len() {
                for first in second.saturating_sub(LINE_GAP_MAX)..second {
                    rows.push(Row {
                        features: pair_features(&words[first], &words[second])
                            .into_iter()
                            .filter(|feature| *feature != NO_FEATURE)
                            .collect(),
                        gap: second - first,
                        rhymes: labels[first] == labels[second],
                        weight,
                    });
                }
            }
        }
    }
    rows
}

/// Logistic regression by AdaGrad; gap intercepts take up the prior and are then dropped.
fn fit(poems: &[&Poem]) -> RhymeModel {
    let rows = rows(poems);
    let gap_at = PAIR_FEATURE_COUNT;
    let mut weights = vec![0.0f64; gap_at + LINE_GAP_MAX + 1];
    let mut squares = vec![1e-6f64; weights.len()];
    for epoch in 0..12 {
        let stride = 7919 + 2 * epoch;
        for step in 0..rows.len() {
            let row = &rows[(step * stride) % rows.len()];
            let places = row
                .features
                .iter()
                .map(|f| usize::from(*f))
                .chain([gap_at + row.gap]);
            let score: f64 = places.clone().map(|place| weights[place]).sum();
            let error =
                row.weight * (f64::from(u8::from(row.rhymes)) - 1.0 / (1.0 + (-score).exp()));
            for place in places {
                let slope = error - 2e-5 * weights[place];
                squares[place] += slope * slope;
                weights[place] += 0.1 * slope / squares[place].sqrt();
            }
        }
    }
    let mut shift = 0.0;
    for gap in 1..=4 {
        let count = rows
            .iter()
            .filter(|row| row.gap == gap)
            .map(|row| row.weight)
            .sum::<f64>();
        let hits = rows
            .iter()
            .filter(|row| row.gap == gap && row.rhymes)
            .map(|row| row.weight)
            .sum::<f64>();
        shift += (weights[gap_at + gap] - (hits / (count - hits)).ln()) / 4.0;
    }
    let mut pair_weights: Vec<f32> = weights[..PAIR_FEATURE_COUNT]
        .iter()
        .map(|w| (*w * 1e3).round() as f32 / 1e3)
        .collect();
    pair_weights[0] += (shift * 1e3).round() as f32 / 1e3;
    RhymeModel {
        pair_weights,
        schemes: scheme_priors(poems),
        settings: SETTINGS,
    }
}

fn scheme_priors(poems: &[&Poem]) -> Vec<SchemePrior> {
    let mut counts: BTreeMap<(usize, String), f64> = BTreeMap::new();
    let mut totals: HashMap<usize, f64> = HashMap::new();
    for poem in poems {
        // One poem in forty stanzas of one form is one choice of form, not forty.
        let weight = 1.0 / (poem.stanzas.len() as f64).sqrt();
        for (_, labels) in &poem.stanzas {
            if labels.len() <= 18 {
                *counts.entry((labels.len(), letters(labels))).or_default() += weight;
                *totals.entry(labels.len()).or_default() += weight;
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count >= 1.0)
        .map(|((length, scheme), count)| SchemePrior {
            scheme,
            log_share: ((count / (totals[&length] + 5.0)).ln() * 1e3).round() as f32 / 1e3,
        })
        .collect()
}

fn letters(labels: &[usize]) -> String {
    let mut seen: Vec<usize> = Vec::new();
    labels
        .iter()
        .map(|label| {
            let place = seen
                .iter()
                .position(|known| known == label)
                .unwrap_or_else(|| {
                    seen.push(*label);
                    seen.len() - 1
                });
            (b'a' + place as u8) as char
        })
        .collect()
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
    fn judge(&mut self, model: &RhymeModel, poem: &Poem) {
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
