//! Listeners who have just come and named a few tracks: what the seeds bring beside what many play.
//!
//! Listeners are dealt into folds. Those of a fold are new: models are fitted on the others alone. Each then names so many of
//! the tracks they took to, drawn at random, and all their other tracks are looked for among all tracks but the named. What
//! popularity counts beside the seeds is found as in a training: on the listeners of another fold, by models of the rest.

use std::collections::HashSet;
use std::path::PathBuf;

use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::{ItemNeighbours, Rp3BetaOptions, item_cosine, rp3beta};
use leitmotif_learn::newcomers::{
    KNOWN_COUNTS, Newcomer, NewcomerMix, OTHERS_MIN, POOLED, offer_of,
};
use leitmotif_learn::rank_metrics::ndcg_at;
use leitmotif_learn::{popularity, top_k};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::calibration::mean_with_interval;
use crate::new_items::kits::{self, Kit};
use crate::random::Random;

/// Folds of listeners; each is new once.
const FOLDS: usize = 5;
/// Length of the judged lists.
const DEPTH: usize = 10;
/// Neighbours of the cosine, as a training keeps them.
const NEIGHBOURS: usize = 200;
/// The ways of answering, in this order: last the known tracks alone by neighbours and content, the product's answer to seeds,
/// and that to seeds that nobody has played yet.
const WAYS: [&str; 9] = [
    "chance",
    "popularity",
    "content",
    "cosine",
    "walks",
    "taste",
    "seeds_alone",
    "session_rung",
    "session_rung_unplayed",
];

#[derive(clap::Args)]
pub struct Args {
    /// Seeds of demo worlds.
    #[arg(long, value_delimiter = ',', default_value = "7")]
    seeds: Vec<u64>,
    /// Folder of the lastfm-2k kit.
    #[arg(long)]
    lastfm: Option<PathBuf>,
}

/// NDCG of one listener by each way.
type Row = [f64; WAYS.len()];

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
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); KNOWN_COUNTS.len()];
    let mut mixes = Vec::new();
    for fold in 0..FOLDS {
        let mix = mix_without(kit, fold)?;
        mixes.push(json!(mix));
        let fitted = Fitted::without(kit, &[fold])?;
        for (rows, count) in rows.iter_mut().zip(KNOWN_COUNTS) {
            rows.extend(fitted.rows(kit, fold, count, mix)?);
        }
    }
    let mut told = Map::new();
    told.insert("mixes".to_owned(), json!(mixes));
    for (rows, count) in rows.iter().zip(KNOWN_COUNTS) {
        let mut of_count = Map::new();
        for (way, name) in WAYS.iter().enumerate() {
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

/// The mix that a training without the listeners of a fold would find.
fn mix_without(kit: &Kit, fold: usize) -> anyhow::Result<NewcomerMix> {
    let asked = (fold + 1) % FOLDS;
    let fitted = Fitted::without(kit, &[fold, asked])?;
    let newcomers = (newcomers_of(kit, asked))
        .flat_map(|listener| KNOWN_COUNTS.map(|count| (listener, count)))
        .flat_map(|(listener, count)| {
            let (seeds, others) = named(&kit.newest[listener], listener, count);
            let scores = fitted.scores(kit, &seeds);
            [true, false].map(|is_played| newcomer(&scores, &seeds, &others, is_played))
        });
    Ok(NewcomerMix::fit(&newcomers.collect::<Vec<_>>()))
}

/// The listeners of a fold who know enough to be asked.
fn newcomers_of(kit: &Kit, fold: usize) -> impl Iterator<Item = usize> {
    let most = KNOWN_COUNTS[KNOWN_COUNTS.len() - 1] + OTHERS_MIN;
    (0..kit.listeners)
        .filter(move |listener| fold_of(*listener) == fold)
        .filter(move |listener| kit.newest[*listener].len() >= most)
}

/// A listener who named some tracks, as the product sees them; where nobody plays these, it has no neighbours to offer.
fn newcomer(scores: &Scores, seeds: &[usize], others: &[usize], is_played: bool) -> Newcomer {
    let offer = |scores: &[f32]| offer_of(scores, seeds, POOLED);
    let walks = if is_played {
        offer(&scores.walks)
    } else {
        Vec::new()
    };
    Newcomer {
        known: if is_played { seeds.len() } else { 0 },
        offers: [walks, offer(&scores.content), offer(&scores.popularity)],
        relevant: others.iter().copied().collect(),
    }
}

/// What the parts of the product's answer say of every item.
struct Scores {
    walks: Vec<f32>,
    content: Vec<f32>,
    popularity: Vec<f32>,
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
    fn without(kit: &Kit, folds: &[usize]) -> anyhow::Result<Self> {
        let known = kit
            .plays
            .iter()
            .filter(|(listener, _)| !folds.contains(&fold_of(*listener)));
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

    fn scores(&self, kit: &Kit, seeds: &[usize]) -> Scores {
        let items: Vec<usize> = (0..kit.attributes.len()).collect();
        Scores {
            walks: self.walks.score(&entries_of(seeds)),
            content: kit.likeness(seeds, &items),
            popularity: self.popularity.clone(),
        }
    }

    /// Judges the new listeners of a fold by so many named tracks.
    fn rows(
        &self,
        kit: &Kit,
        fold: usize,
        count: usize,
        mix: NewcomerMix,
    ) -> anyhow::Result<Vec<Row>> {
        let listeners: Vec<usize> = newcomers_of(kit, fold).collect();
        let rows = listeners.into_par_iter();
        rows.map(|listener| self.row(kit, listener, count, mix))
            .collect()
    }

    fn row(
        &self,
        kit: &Kit,
        listener: usize,
        count: usize,
        mix: NewcomerMix,
    ) -> anyhow::Result<Row> {
        let (seeds, others) = named(&kit.newest[listener], listener, count);
        let scores = self.scores(kit, &seeds);
        let [played, unplayed] =
            [true, false].map(|is_played| newcomer(&scores, &seeds, &others, is_played));
        let relevant: HashSet<usize> = others.into_iter().collect();
        let entries = entries_of(&seeds);
        let mut chance = Random(listener as u64);
        let mut taste = vec![0.0; kit.attributes.len()];
        self.taste.score(&self.taste.fold_in(&entries)?, &mut taste);
        let judged = |mut scores: Vec<f32>| {
            seeds
                .iter()
                .for_each(|seed| scores[*seed] = f32::NEG_INFINITY);
            ndcg_at(&top_k(&scores, DEPTH), &relevant, DEPTH)
        };
        Ok([
            judged(taste.iter().map(|_| chance.uniform() as f32).collect()),
            judged(scores.popularity),
            judged(scores.content),
            judged(self.cosine.score(&entries)),
            judged(scores.walks),
            judged(taste),
            NewcomerMix::default().ndcg(&played),
            mix.ndcg(&played),
            mix.ndcg(&unplayed),
        ])
    }
}

fn entries_of(seeds: &[usize]) -> Vec<(usize, f32)> {
    seeds.iter().map(|seed| (*seed, 1.0)).collect()
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
