//! Listeners who have just come and named a few tracks: what the seeds bring beside what many play.
//!
//! Listeners are dealt into folds. Those of a fold are new: models are fitted on the others alone. Each then names so many of
//! the tracks they took to, drawn at random, and all their other tracks are looked for among all tracks but the named.

use std::collections::HashSet;
use std::path::PathBuf;

use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::{ItemNeighbours, Rp3BetaOptions, item_cosine, rp3beta};
use leitmotif_learn::rank_metrics::ndcg_at;
use leitmotif_learn::{popularity, top_k};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::calibration::mean_with_interval;
use crate::new_items::kits::{self, Kit};
use crate::random::Random;

/// Folds of listeners; each is new once.
const FOLDS: usize = 5;
/// How many tracks are named.
const SEEDS: [usize; 3] = [1, 3, 5];
/// Fewest other tracks that a listener is asked about with.
const OTHERS_MIN: usize = 5;
/// Length of the judged lists.
const DEPTH: usize = 10;
/// Neighbours of the cosine, as a training keeps them.
const NEIGHBOURS: usize = 200;
/// What content counts beside neighbours where few tracks are known, as in the product's session rung.
const CONTENT_WEIGHT: f32 = 0.5;
/// The ways of answering, in this order.
const WAYS: [&str; 6] = [
    "chance",
    "popularity",
    "content",
    "cosine",
    "walks",
    "taste",
];
/// The product's answer to seeds: neighbours, and content beside them.
const SESSION: &str = "session_rung";

#[derive(clap::Args)]
pub struct Args {
    /// Seeds of demo worlds.
    #[arg(long, value_delimiter = ',', default_value = "7")]
    seeds: Vec<u64>,
    /// Folder of the lastfm-2k kit.
    #[arg(long)]
    lastfm: Option<PathBuf>,
}

/// NDCG of one listener by each way, the session rung last.
type Row = [f64; WAYS.len() + 1];

/// Judges every kit that is named.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut report = Map::new();
    for seed in &args.seeds {
        report.insert(format!("demo {seed}"), judge(&kits::demo(*seed)?)?);
    }
    if let Some(folder) = &args.lastfm {
        report.insert("lastfm-2k".to_owned(), judge(&kits::lastfm(folder)?)?);
    }
    Ok(Value::Object(report))
}

fn judge(kit: &Kit) -> anyhow::Result<Value> {
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); SEEDS.len()];
    for fold in 0..FOLDS {
        let fitted = Fitted::without(kit, fold)?;
        for (rows, count) in rows.iter_mut().zip(SEEDS) {
            rows.extend(fitted.rows(kit, fold, count)?);
        }
    }
    let mut told = Map::new();
    for (rows, count) in rows.iter().zip(SEEDS) {
        let mut of_count = Map::new();
        let names = WAYS.iter().chain([&SESSION]).enumerate();
        for (way, name) in names {
            let reached: Vec<f64> = rows.iter().map(|row| row[way]).collect();
            let less: Vec<f64> = rows.iter().map(|row| row[way] - row[1]).collect();
            let (mean, less) = (mean_with_interval(&reached), mean_with_interval(&less));
            let value = json!({
                "ndcg@10": mean.map(|one| one.0),
                "less_popularity": less.map(|one| one.0),
                "interval_95": less.map(|one| one.1),
            });
            of_count.insert((*name).to_owned(), value);
        }
        of_count.insert("listeners".to_owned(), json!(rows.len()));
        told.insert(format!("{count} seeds"), Value::Object(of_count));
    }
    Ok(Value::Object(told))
}

/// Models of all listeners but those of a fold.
struct Fitted {
    popularity: Vec<f32>,
    cosine: ItemNeighbours,
    walks: ItemNeighbours,
    taste: IalsModel,
}

/// Deals listeners, so that the order of a kit is not dealt with them.
fn fold_of(listener: usize) -> usize {
    Random(listener as u64 ^ 0x006e_6577).index(FOLDS)
}

impl Fitted {
    fn without(kit: &Kit, fold: usize) -> anyhow::Result<Self> {
        let known = kit
            .plays
            .iter()
            .filter(|(listener, _)| fold_of(*listener) != fold);
        let triplets: Vec<Triplet> = known
            .map(|&(row, column)| Triplet {
                row,
                column,
                weight: 1.0,
            })
            .collect();
        let items = kit.attributes.len();
        let matrix = InteractionMatrix::from_triplets(kit.listeners, items, &triplets)?;
        Ok(Self {
            popularity: popularity::listener_counts(&matrix),
            cosine: item_cosine(&matrix, NEIGHBOURS)?,
            walks: rp3beta(&matrix, Rp3BetaOptions::default())?,
            taste: IalsModel::fit(&matrix, IalsOptions::default())?,
        })
    }

    /// Judges the new listeners of a fold by so many named tracks.
    fn rows(&self, kit: &Kit, fold: usize, count: usize) -> anyhow::Result<Vec<Row>> {
        (0..kit.listeners)
            .into_par_iter()
            .filter(|listener| fold_of(*listener) == fold)
            .filter(|listener| kit.newest[*listener].len() >= SEEDS[2] + OTHERS_MIN)
            .map(|listener| self.row(kit, listener, count))
            .collect()
    }

    fn row(&self, kit: &Kit, listener: usize, count: usize) -> anyhow::Result<Row> {
        let (seeds, others) = named(&kit.newest[listener], listener, count);
        let relevant: HashSet<usize> = others.into_iter().collect();
        let items: Vec<usize> = (0..kit.attributes.len()).collect();
        let entries: Vec<(usize, f32)> = seeds.iter().map(|seed| (*seed, 1.0)).collect();
        let mut chance = Random(listener as u64);
        let mut taste = vec![0.0; items.len()];
        self.taste.score(&self.taste.fold_in(&entries)?, &mut taste);
        let content = kit.likeness(&seeds, &items);
        let walks = self.walks.score(&entries);
        let share = |scores: &[f32]| -> Vec<f32> {
            let best = items.iter().filter(|item| !seeds.contains(item));
            let best = best
                .map(|item| scores[*item])
                .fold(f32::MIN_POSITIVE, f32::max);
            scores.iter().map(|score| score.max(0.0) / best).collect()
        };
        let both = share(&walks).into_iter().zip(share(&content));
        let session = both
            .map(|(walks, content)| walks + CONTENT_WEIGHT * content)
            .collect();
        let ways = [
            items.iter().map(|_| chance.uniform() as f32).collect(),
            self.popularity.clone(),
            content,
            self.cosine.score(&entries),
            walks,
            taste,
            session,
        ];
        Ok(ways.map(|mut scores: Vec<f32>| {
            seeds
                .iter()
                .for_each(|seed| scores[*seed] = f32::NEG_INFINITY);
            ndcg_at(&top_k(&scores, DEPTH), &relevant, DEPTH)
        }))
    }
}

/// So many tracks of a listener, drawn, and the others. Who names more names those before, too.
fn named(tracks: &[usize], listener: usize, count: usize) -> (Vec<usize>, Vec<usize>) {
    let mut drawn = tracks.to_vec();
    drawn.sort_unstable();
    let mut random = Random(listener as u64 ^ 0x7365_6564);
    for place in 0..count.min(drawn.len()) {
        let other = place + random.index(drawn.len() - place);
        drawn.swap(place, other);
    }
    let others = drawn.split_off(count.min(drawn.len()));
    (drawn, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_more_names_those_before_too() {
        let tracks: Vec<usize> = (10..30).rev().collect();
        let (three, _) = named(&tracks, 4, 3);
        let (five, others) = named(&tracks, 4, 5);
        assert_eq!(five[..3], three);
        let mut all = [five, others].concat();
        all.sort_unstable();
        assert_eq!(all, (10..30).collect::<Vec<_>>());
        assert_ne!(named(&tracks, 5, 3).0, three);
    }
}
