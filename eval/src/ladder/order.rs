//! What sources offer together: their weighted sum, and the order that trees give it.

use std::collections::{BTreeSet, HashSet};

use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Objective, Parameters, fit,
};
use leitmotif_learn::{InteractionMatrix, rank_metrics, top_k};
use rayon::prelude::*;

use super::sources::Source;
use super::{DEPTH, best_unknown};

/// Items that each source offers.
const OFFERS: usize = 100;
/// Contenders that trees order, best of the blend first.
const ORDERED: usize = 200;
/// Weights tried for a source, one source after the other, twice.
const WEIGHTS: [f32; 7] = [0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5];
const PASSES: usize = 2;
/// What a listener's best contender is worth by the blend, in the mean, before the trees correct it.
const BEST_BY_BLEND: f32 = 2.0;
/// A leaf holds at least one in so many of the rows.
const LEAVES_OF_ROWS: usize = 400;
/// Columns besides the sources' scores: the blend, and how much of the listener is known.
const FURTHER_COLUMNS: usize = 2;

/// What all sources offer a listener.
pub struct Contenders {
    items: Vec<usize>,
    /// The score of each source as a share of its best, source by source.
    shares: Vec<Vec<f32>>,
    known_items: usize,
}

impl Contenders {
    /// Asks every source.
    pub fn of(matrix: &InteractionMatrix, sources: &[Source], row: usize) -> anyhow::Result<Self> {
        let scores: Vec<Vec<f32>> = (sources.iter())
            .map(|source| source.scores(matrix, row))
            .collect::<anyhow::Result<_>>()?;
        let offered: BTreeSet<usize> = (scores.iter())
            .flat_map(|scores| best_unknown(scores.clone(), matrix, row, OFFERS))
            .collect();
        let items: Vec<usize> = offered.into_iter().collect();
        let shares = scores.iter().map(|scores| {
            let best = items.iter().map(|item| scores[*item]).fold(0.0, f32::max);
            let share = |item: &usize| {
                if best > 0.0 {
                    scores[*item].max(0.0) / best
                } else {
                    0.0
                }
            };
            items.iter().map(share).collect()
        });
        Ok(Self {
            shares: shares.collect(),
            items,
            known_items: matrix.row(row).0.len(),
        })
    }

    fn blended(&self, weights: &[f32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.items.len()];
        for (shares, weight) in self.shares.iter().zip(weights) {
            for (slot, share) in sum.iter_mut().zip(shares) {
                *slot += weight * share;
            }
        }
        sum
    }

    /// The first items by the weighted sum.
    pub fn by_blend(&self, weights: &Weights) -> Vec<usize> {
        self.first(&weights.0)
    }

    fn first(&self, weights: &[f32]) -> Vec<usize> {
        let places = top_k(&self.blended(weights), DEPTH);
        places.into_iter().map(|place| self.items[place]).collect()
    }

    /// The contenders that trees order, as places, with their rows.
    fn rows(&self, weights: &Weights) -> (Vec<usize>, Vec<f32>) {
        let blended = self.blended(&weights.0);
        let places = top_k(&blended, ORDERED);
        let mut rows = Vec::with_capacity(places.len() * (self.shares.len() + FURTHER_COLUMNS));
        for &place in &places {
            rows.extend(self.shares.iter().map(|shares| shares[place]));
            rows.extend([blended[place], self.known_items as f32]);
        }
        (places, rows)
    }
}

/// How much each source counts.
pub struct Weights(Vec<f32>);

impl Weights {
    /// Chooses them one after the other by NDCG@10.
    pub fn learn(asked: &[(Contenders, HashSet<usize>)]) -> Self {
        let sources = asked.first().map_or(0, |(one, _)| one.shares.len());
        let quality = |weights: &[f32]| -> f64 {
            let gains = asked.par_iter().map(|(contenders, relevant)| {
                rank_metrics::ndcg_at(&contenders.first(weights), relevant, DEPTH)
            });
            // Summed in order, so that the number of threads does not show.
            gains.collect::<Vec<f64>>().into_iter().sum()
        };
        let mut weights = vec![0.0; sources];
        // Factorisation, the last, is what the others are weighed beside.
        if let Some(last) = weights.last_mut() {
            *last = 1.0;
        }
        let mut best = quality(&weights);
        for _ in 0..PASSES {
            for source in 0..sources {
                for weight in WEIGHTS {
                    let mut tried = weights.clone();
                    tried[source] = weight;
                    let reached = quality(&tried);
                    if reached > best {
                        (best, weights) = (reached, tried);
                    }
                }
            }
        }
        Self(weights)
    }

    /// The weights by source.
    pub fn named(&self, sources: &[Source]) -> serde_json::Map<String, serde_json::Value> {
        let named = sources.iter().zip(&self.0);
        named
            .map(|(source, weight)| (source.name.to_owned(), (*weight).into()))
            .collect()
    }
}

/// Trees that correct the blend, grown as the product grows them.
pub struct Order {
    trees: Ensemble,
    /// What the blended score counts beside the trees.
    blend_weight: f32,
}

impl Order {
    /// Learns from listeners of whom an item was among the contenders.
    pub fn learn(
        asked: &[(Contenders, HashSet<usize>)],
        weights: &Weights,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let columns = weights.0.len() + FURTHER_COLUMNS;
        let mut table = Table::default();
        for (contenders, relevant) in asked {
            table.add(contenders, relevant, weights);
        }
        let mean_best = table.bests.iter().sum::<f32>() / table.bests.len().max(1) as f32;
        let blend_weight = BEST_BY_BLEND / mean_best.max(f32::MIN_POSITIVE);
        let initial: Vec<f32> = (table.blended.iter())
            .map(|blended| blend_weight * blended)
            .collect();
        let parameters = Parameters {
            objective: Objective::LAMBDA_RANK,
            trees: 100,
            leaves: 8,
            learning_rate: 0.04,
            leaf_rows_min: (table.labels.len() / LEAVES_OF_ROWS).max(1),
            ndcg_at: DEPTH,
            seed,
            ..Parameters::default()
        };
        let examples = Examples {
            group_sizes: &table.group_sizes,
            initial_scores: Some(&initial),
            ..Examples::new(Features::new(&table.values, columns)?, &table.labels)
        };
        let dataset = Dataset::new(&examples, &BinOptions::default())?;
        Ok(Self {
            trees: fit(&dataset, None, &parameters)?.ensemble,
            blend_weight,
        })
    }

    /// The first items by the blend and the trees.
    pub fn list(&self, contenders: &Contenders, weights: &Weights) -> anyhow::Result<Vec<usize>> {
        let (places, rows) = contenders.rows(weights);
        let mut scores = vec![0.0; places.len()];
        let columns = weights.0.len() + FURTHER_COLUMNS;
        let rows = Features::new(&rows, columns)?;
        self.trees.predict_into(rows, &mut scores)?;
        let blended = contenders.blended(&weights.0);
        let scores: Vec<f32> = (scores.iter().zip(&places))
            .map(|(score, place)| *score as f32 + self.blend_weight * blended[*place])
            .collect();
        let first = top_k(&scores, DEPTH).into_iter();
        Ok(first.map(|at| contenders.items[places[at]]).collect())
    }

    /// Bytes held in memory.
    pub fn bytes(&self) -> usize {
        self.trees.memory_bytes()
    }
}

/// Rows of several listeners on end.
#[derive(Default)]
struct Table {
    values: Vec<f32>,
    labels: Vec<f32>,
    group_sizes: Vec<usize>,
    blended: Vec<f32>,
    /// The best blended score of each listener.
    bests: Vec<f32>,
}

impl Table {
    fn add(&mut self, contenders: &Contenders, relevant: &HashSet<usize>, weights: &Weights) {
        let (places, rows) = contenders.rows(weights);
        let label = |place: &usize| {
            let is_relevant = relevant.contains(&contenders.items[*place]);
            f32::from(u8::from(is_relevant))
        };
        let labels: Vec<f32> = places.iter().map(label).collect();
        if labels.contains(&1.0) {
            self.values.extend(rows);
            self.group_sizes.push(labels.len());
            self.labels.extend(labels);
            let blended = contenders.blended(&weights.0);
            let blended: Vec<f32> = places.iter().map(|place| blended[*place]).collect();
            self.bests.push(blended.iter().copied().fold(0.0, f32::max));
            self.blended.extend(blended);
        }
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_learn::matrix::Triplet;

    use super::super::sources;
    use super::*;

    /// Two groups of listeners and items; nobody knows all items of their group.
    fn world() -> InteractionMatrix {
        let mut triplets = Vec::new();
        for row in 0..24 {
            for column in (0..16).filter(|column| column % 2 == row % 2) {
                if (row + column) % 5 != 0 {
                    triplets.push(Triplet {
                        row,
                        column,
                        weight: 1.0,
                    });
                }
            }
        }
        InteractionMatrix::from_triplets(24, 16, &triplets).unwrap()
    }

    #[test]
    fn lists_hold_unknown_items_and_weighing_never_costs() {
        let matrix = world();
        let sources = sources::fit_all(&matrix, 1).unwrap();
        let asked: Vec<(Contenders, HashSet<usize>)> = (0..24)
            .map(|row| {
                let contenders = Contenders::of(&matrix, &sources, row).unwrap();
                let relevant = (0..16).filter(|item| {
                    item % 2 == row % 2 && !matrix.row(row).0.contains(&(*item as u32))
                });
                (contenders, relevant.collect())
            })
            .collect();
        let weights = Weights::learn(&asked);
        let alone = Weights(vec![0.0, 0.0, 0.0, 0.0, 1.0]);
        let mut sums = [0.0, 0.0];
        for (row, (contenders, relevant)) in asked.iter().enumerate() {
            let lists = [contenders.by_blend(&weights), contenders.by_blend(&alone)];
            for (sum, list) in sums.iter_mut().zip(&lists) {
                let known = matrix.row(row).0;
                assert!(list.iter().all(|item| !known.contains(&(*item as u32))));
                *sum += rank_metrics::ndcg_at(list, relevant, DEPTH);
            }
        }
        assert!(sums[0] >= sums[1], "{sums:?}");
        let order = Order::learn(&asked, &weights, 1).unwrap();
        let list = order.list(&asked[0].0, &weights).unwrap();
        assert_eq!(list.len(), asked[0].0.items.len().min(DEPTH));
    }
}
