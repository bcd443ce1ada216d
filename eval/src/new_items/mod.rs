//! Items that nobody has played: recall of what listeners took to among them, by a map from what items are
//! like to their factors, and by likeness alone.
//!
//! Items are dealt into folds. Those of one fold are new: their plays are taken out before factors are
//! fitted. Those of the next fold choose the penalty and the settings of the factorisation in the same way,
//! so that nothing is chosen on what judges.

pub mod kits;

use std::collections::HashSet;
use std::path::PathBuf;

use leitmotif_learn::factorize::{AttributeMap, AttributedFactors, IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::rank_metrics::{ndcg_at, recall_at};
use leitmotif_learn::top_k;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::random::Random;
use kits::Kit;

/// Folds of items; each judges once.
const FOLDS: usize = 5;
/// Newest items of a listener whose likes are looked for, as an answer asks the vector store.
const SEEDS: usize = 3;
/// Penalties tried.
const PENALTIES: [f64; 4] = [1e-4, 1e-3, 1e-2, 1e-1];
/// Settings of the factorisation tried: factors, regularisation, alpha.
const SETTINGS: [(usize, f32, f32); 2] = [(16, 4.0, 1.0), (64, 40.0, 19.0)];
/// Draws of listeners for the interval of a difference.
const RESAMPLES: usize = 1_000;

#[derive(clap::Args)]
pub struct Args {
    /// Seeds of demo worlds.
    #[arg(long, value_delimiter = ',', default_value = "7")]
    seeds: Vec<u64>,
    /// Folder of the lastfm-2k kit: artists by their tags.
    #[arg(long)]
    lastfm: Option<PathBuf>,
    /// File of the track features kit: tracks of playlists by their features.
    #[arg(long)]
    spotify: Option<PathBuf>,
    /// Length of the judged lists.
    #[arg(long, default_value_t = 10)]
    depth: usize,
}

/// What is judged on one fold: the ways of asking, in this order.
const WAYS: [&str; 5] = ["chance", "content_seeds", "content_all", "mapped", "both"];

/// Recall and NDCG of one listener by each way.
type Row = [(f64, f64); WAYS.len()];

/// Judges every kit that is named.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut report = Map::new();
    for seed in &args.seeds {
        let kit = kits::demo(*seed)?;
        report.insert(format!("demo {seed}"), judge(&kit, args.depth)?);
    }
    if let Some(folder) = &args.lastfm {
        report.insert(
            "lastfm-2k".to_owned(),
            judge(&kits::lastfm(folder)?, args.depth)?,
        );
    }
    if let Some(file) = &args.spotify {
        report.insert(
            "spotify-features".to_owned(),
            judge(&kits::spotify(file)?, args.depth)?,
        );
    }
    Ok(Value::Object(report))
}

/// Judges every fold by what its next one chose.
fn judge(kit: &Kit, depth: usize) -> anyhow::Result<Value> {
    let (mut rows, mut chosen): (Vec<Row>, Vec<Value>) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let mut best: Option<(f64, IalsOptions, f64)> = None;
        for settings in SETTINGS.map(options) {
            let unheard = [fold, (fold + 1) % FOLDS];
            let trial = Trial::new(kit, &unheard, settings)?;
            for penalty in PENALTIES {
                let reached = trial.recall(unheard[1], penalty, depth)?;
                if best.is_none_or(|(known, ..)| reached > known) {
                    best = Some((reached, settings, penalty));
                }
            }
        }
        let Some((_, settings, penalty)) = best else {
            continue;
        };
        let trial = Trial::new(kit, &[fold], settings)?;
        rows.extend(trial.rows(fold, penalty, depth)?);
        chosen.push(json!({"factors": settings.factors, "penalty": penalty}));
    }
    let mut told = Map::new();
    for (way, name) in WAYS.iter().enumerate() {
        let reached = json!({
            format!("recall@{depth}"): mean(&rows, |row| row[way].0),
            format!("ndcg@{depth}"): mean(&rows, |row| row[way].1),
        });
        told.insert((*name).to_owned(), reached);
    }
    told.insert("items".to_owned(), json!(kit.attributes.len()));
    told.insert("questions".to_owned(), json!(rows.len()));
    told.insert("chosen".to_owned(), json!(chosen));
    let less = |way: usize, other: usize| interval(&rows, |row| row[way].0 - row[other].0);
    told.insert("mapped_less_content_seeds".to_owned(), less(3, 1));
    told.insert("mapped_less_content_all".to_owned(), less(3, 2));
    told.insert("both_less_content_all".to_owned(), less(4, 2));
    Ok(Value::Object(told))
}

/// Deals items, so that neither artists nor the order of a kit are dealt with them.
fn fold_of(item: usize) -> usize {
    Random(item as u64).index(FOLDS)
}

fn options((factors, regularization, alpha): (usize, f32, f32)) -> IalsOptions {
    IalsOptions {
        factors,
        regularization,
        alpha,
        ..IalsOptions::default()
    }
}

/// Factors fitted without the plays of some folds.
struct Trial<'k> {
    kit: &'k Kit,
    known: InteractionMatrix,
    model: IalsModel,
    /// Items that were fitted: known and played.
    fitted: Vec<usize>,
}

impl<'k> Trial<'k> {
    fn new(kit: &'k Kit, unheard: &[usize], settings: IalsOptions) -> anyhow::Result<Self> {
        let is_known = |item: &usize| !unheard.contains(&fold_of(*item));
        let triplets: Vec<Triplet> = (kit.plays.iter())
            .filter(|(_, item)| is_known(item))
            .map(|&(row, column)| Triplet {
                row,
                column,
                weight: 1.0,
            })
            .collect();
        let items = kit.attributes.len();
        let known = InteractionMatrix::from_triplets(kit.listeners, items, &triplets)?.binarize();
        let mut is_played = vec![false; items];
        (triplets.iter()).for_each(|triplet| is_played[triplet.column] = true);
        Ok(Self {
            model: IalsModel::fit(&known, settings)?,
            kit,
            known,
            fitted: (0..items).filter(|item| is_played[*item]).collect(),
        })
    }

    fn held(&self, item: usize) -> Vec<Option<&[f32]>> {
        let spaces = self.kit.attributes[item].iter();
        spaces.map(|attributes| attributes.as_deref()).collect()
    }

    /// Fits the map with a penalty, and maps the new items.
    fn mapped(&self, new: &[usize], penalty: f64) -> anyhow::Result<Vec<Option<Vec<f32>>>> {
        let attributes: Vec<_> = self.fitted.iter().map(|item| self.held(*item)).collect();
        let factors = self.model.factors();
        let targets: Vec<f32> = (self.fitted.iter())
            .flat_map(|item| &self.model.item_factors()[item * factors..][..factors])
            .copied()
            .collect();
        let examples = AttributedFactors {
            widths: &self.kit.widths,
            attributes: &attributes,
            targets: &targets,
            factors,
        };
        let map = AttributeMap::fit(&examples, penalty)?;
        Ok(new
            .iter()
            .map(|item| map.factor(&self.held(*item)))
            .collect())
    }

    /// The items of a fold that any space holds, and the listeners who took to some of them with the places
    /// of these.
    fn questions(&self, fold: usize) -> (Vec<usize>, Vec<(usize, HashSet<usize>)>) {
        let new: Vec<usize> = (0..self.kit.attributes.len())
            .filter(|item| fold_of(*item) == fold && self.held(*item).iter().any(Option::is_some))
            .collect();
        let mut relevant = vec![HashSet::new(); self.kit.listeners];
        for (listener, item) in &self.kit.plays {
            if let Ok(place) = new.binary_search(item) {
                relevant[*listener].insert(place);
            }
        }
        let asked = relevant
            .into_iter()
            .enumerate()
            .filter(|(listener, relevant)| {
                !relevant.is_empty() && self.known.row(*listener).0.len() >= SEEDS
            });
        (new, asked.collect())
    }

    /// Recall of the mapped factors alone.
    fn recall(&self, fold: usize, penalty: f64, depth: usize) -> anyhow::Result<f64> {
        let (new, asked) = self.questions(fold);
        let mapped = self.mapped(&new, penalty)?;
        let recalls = asked.par_iter().map(|(listener, relevant)| {
            recall_at(
                &top_k(&self.products(*listener, &mapped), depth),
                relevant,
                depth,
            )
        });
        let recalls: Vec<f64> = recalls.collect();
        Ok(recalls.iter().sum::<f64>() / recalls.len().max(1) as f64)
    }

    /// Asks for the items of a fold by every way.
    fn rows(&self, fold: usize, penalty: f64, depth: usize) -> anyhow::Result<Vec<Row>> {
        let (new, asked) = self.questions(fold);
        let mapped = self.mapped(&new, penalty)?;
        let rows = asked.par_iter().map(|(listener, relevant)| {
            self.scores(*listener, &new, &mapped).map(|scores| {
                let list = top_k(&scores, depth);
                (
                    recall_at(&list, relevant, depth),
                    ndcg_at(&list, relevant, depth),
                )
            })
        });
        Ok(rows.collect())
    }

    /// The factor of a listener times the mapped ones.
    fn products(&self, listener: usize, mapped: &[Option<Vec<f32>>]) -> Vec<f32> {
        let factor = self.model.user_factor(listener).unwrap_or_default();
        let product = |mapped: &Option<Vec<f32>>| -> f32 {
            let mapped = mapped.as_deref().unwrap_or_default();
            mapped.iter().zip(factor).map(|(a, b)| a * b).sum()
        };
        mapped.iter().map(product).collect()
    }

    /// Scores of the new items by each way.
    fn scores(
        &self,
        listener: usize,
        new: &[usize],
        mapped: &[Option<Vec<f32>>],
    ) -> [Vec<f32>; WAYS.len()] {
        let mut random = Random(listener as u64);
        let chance = new.iter().map(|_| random.uniform() as f32).collect();
        let known: Vec<usize> = (self.known.row(listener).0.iter())
            .map(|item| *item as usize)
            .collect();
        let newest = (self.kit.newest[listener].iter().copied())
            .filter(|item| known.contains(item))
            .take(SEEDS);
        let seeds = self.kit.likeness(&newest.collect::<Vec<_>>(), new);
        let all = self.kit.likeness(&known, new);
        let products = self.products(listener, mapped);
        let share = |scores: &[f32]| -> Vec<f32> {
            let best = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            scores.iter().map(|score| score / best).collect()
        };
        let both = share(&all)
            .iter()
            .zip(share(&products))
            .map(|(a, b)| a + b)
            .collect();
        [chance, seeds, all, products, both]
    }
}

fn mean(rows: &[Row], value: impl Fn(&Row) -> f64) -> f64 {
    rows.iter().map(value).sum::<f64>() / rows.len().max(1) as f64
}

/// The mean of a difference with its 95 % interval, by resampling questions.
fn interval(rows: &[Row], value: impl Fn(&Row) -> f64) -> Value {
    let values: Vec<f64> = rows.iter().map(value).collect();
    let mut random = Random(1);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = (0..values.len()).map(|_| values[random.index(values.len())]);
            drawn.sum::<f64>() / values.len().max(1) as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means.get((RESAMPLES as f64 * share) as usize).copied();
    let middle = values.iter().sum::<f64>() / values.len().max(1) as f64;
    json!({"mean": middle, "low": at(0.025), "high": at(0.975)})
}
