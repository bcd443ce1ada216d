//! Learning from lists that were shown, in a world whose position bias is known: is it found, and does
//! knowing it make the learnt order better?

use leitmotif_learn::exposure::{
    Examination, ExplorationOptions, Listed, Policy, ShownPair, Slot, SwapCounts,
};
use leitmotif_learn::rank_metrics::graded_ndcg_at;
use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Objective, Parameters, fit,
};
use serde_json::{Value, json};

use crate::random::Random;

/// Parts of a taste.
const TASTES: usize = 5;
/// Columns of a row: a noisy product for each taste, the score that the old order is by, its place.
const COLUMNS: usize = TASTES + 2;
/// Candidates of a listener.
const CANDIDATES: usize = 20;
/// Places of a list.
const PLACES: usize = 10;
/// How often a track that is looked at and not liked is begun and skipped.
const SKIPPED: f64 = 0.3;
/// As in training: what one over the examination counts at most.
const INVERSE_MAX: f64 = 10.0;

/// The old order knows part of the truth; listeners look at position k with probability
/// `k^-severity` and play what they look at and like. Lists teach trees with no, with estimated and with
/// true propensities; fresh listeners, whose likes are known for all candidates, judge.
#[derive(clap::Args)]
pub struct Args {
    /// Lists that are shown.
    #[arg(long, default_value_t = 20_000)]
    lists: usize,
    /// Listeners that judge.
    #[arg(long, default_value_t = 2_000)]
    judges: usize,
    /// How fast attention falls with the position.
    #[arg(long, default_value_t = 1.0)]
    severity: f64,
    /// Probability that a pair of neighbours changes places.
    #[arg(long, default_value_t = 0.2)]
    swap: f32,
    /// Worlds, one of each seed from 1 on.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
}

/// What a listener could be shown.
struct Choice {
    rows: Vec<f32>,
    /// Whether each candidate would be liked.
    likes: Vec<bool>,
    /// Candidates in the old order.
    order: Vec<usize>,
}

fn choice(random: &mut Random) -> Choice {
    let taste = random.normals(TASTES);
    let mut rows = Vec::with_capacity(CANDIDATES * COLUMNS);
    let (mut likes, mut scores) = (Vec::new(), Vec::new());
    for _ in 0..CANDIDATES {
        let products: Vec<f32> = taste.iter().map(|part| part * random.normal()).collect();
        let utility: f32 = products.iter().sum();
        likes.push(random.uniform() < 1.0 / (1.0 + f64::from(2.0 - utility).exp()));
        // The old order sees the first two tastes and much else.
        let score = products[0] + products[1] + random.normal();
        rows.extend(products.iter().map(|one| one + 0.3 * random.normal()));
        rows.extend([score, 0.0]);
        scores.push(score);
    }
    let mut order: Vec<usize> = (0..CANDIDATES).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    for (place, candidate) in order.iter().enumerate() {
        rows[candidate * COLUMNS + COLUMNS - 1] = place as f32;
    }
    Choice { rows, likes, order }
}

/// Rows of lists that were shown.
#[derive(Default)]
struct Shown {
    rows: Vec<f32>,
    labels: Vec<f32>,
    /// Position of each row.
    positions: Vec<usize>,
    group_sizes: Vec<usize>,
    swaps: SwapCounts,
}

impl Shown {
    fn add(&mut self, args: &Args, choice: &Choice, random: &mut Random) {
        let groups: Vec<u64> = (0..PLACES as u64).collect();
        let listed = Listed {
            groups: &groups,
            is_fixed: &[false; PLACES],
            gap: 0,
            rest_count: 0,
        };
        let options = ExplorationOptions {
            swap: args.swap,
            draw: 0.0,
            draw_after: 0,
        };
        let explored = Policy::new(options, &listed).explore(|| random.uniform());
        let mut is_played = [false; PLACES];
        for (position, slot) in explored.slots.iter().enumerate() {
            let place = match slot {
                Slot::Listed(place) | Slot::Drawn(place) => *place,
            };
            let candidate = choice.order[place];
            let is_examined = random.uniform() < examined(args, position);
            is_played[position] = is_examined && choice.likes[candidate];
            let is_skipped = is_examined && !choice.likes[candidate] && random.uniform() < SKIPPED;
            self.labels.push(match (is_played[position], is_skipped) {
                (true, _) => 3.0,
                (false, true) => 0.0,
                (false, false) => 1.0,
            });
            self.positions.push(position);
            let row = candidate * COLUMNS;
            self.rows.extend(&choice.rows[row..row + COLUMNS]);
        }
        self.group_sizes.push(PLACES);
        for pair in explored.pairs {
            self.swaps.add(ShownPair {
                first: pair.first,
                swap: args.swap,
                is_swapped: pair.is_swapped,
                is_played: [is_played[pair.first], is_played[pair.first + 1]],
            });
        }
    }

    fn fit(&self, examination: Option<&dyn Fn(usize) -> f64>) -> anyhow::Result<Ensemble> {
        let both = self.positions.iter().zip(&self.labels);
        let inverse = both.map(|(position, label)| match examination {
            Some(share) if *label > 1.0 => (1.0 / share(*position)).min(INVERSE_MAX) as f32,
            _ => 1.0,
        });
        let inverse: Vec<f32> = inverse.collect();
        let examples = Examples {
            group_sizes: &self.group_sizes,
            inverse_propensities: Some(&inverse),
            ..Examples::new(Features::new(&self.rows, COLUMNS)?, &self.labels)
        };
        let parameters = Parameters {
            objective: Objective::LAMBDA_RANK,
            trees: 150,
            leaves: 15,
            learning_rate: 0.1,
            leaf_rows_min: 200,
            lambda_l2: 10.0,
            seed: 1,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default())?;
        Ok(fit(&dataset, None, &parameters)?.ensemble)
    }
}

fn examined(args: &Args, position: usize) -> f64 {
    ((position + 1) as f64).powf(-args.severity)
}

/// Mean NDCG@10 of the old order and of trees over listeners whose likes are known.
fn judge(judges: &[Choice], ensemble: Option<&Ensemble>) -> anyhow::Result<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for choice in judges.iter().filter(|one| one.likes.contains(&true)) {
        let mut scores: Vec<f64> = (choice.rows.chunks(COLUMNS))
            .map(|row| f64::from(row[TASTES]))
            .collect();
        if let Some(ensemble) = ensemble {
            ensemble.predict_into(Features::new(&choice.rows, COLUMNS)?, &mut scores)?;
        }
        let labels = choice.likes.iter().map(|like| f32::from(u8::from(*like)));
        sum += graded_ndcg_at(&labels.collect::<Vec<_>>(), &scores, 10);
        count += 1;
    }
    Ok(sum / f64::from(count.max(1)))
}

/// One world.
struct World {
    examination: Examination,
    /// NDCG@10 of the old order, and of trees without, with estimated and with true propensities.
    ndcg: [f64; 4],
}

fn world(args: &Args, seed: u64) -> anyhow::Result<World> {
    let mut random = Random(seed);
    let mut shown = Shown::default();
    for _ in 0..args.lists {
        let choice = choice(&mut random);
        shown.add(args, &choice, &mut random);
    }
    let judges: Vec<Choice> = (0..args.judges).map(|_| choice(&mut random)).collect();
    let examination = shown.swaps.estimate()?;
    let fits = [
        shown.fit(None)?,
        shown.fit(Some(&|position| examination.at(position)))?,
        shown.fit(Some(&|position| examined(args, position)))?,
    ];
    Ok(World {
        ndcg: [
            judge(&judges, None)?,
            judge(&judges, Some(&fits[0]))?,
            judge(&judges, Some(&fits[1]))?,
            judge(&judges, Some(&fits[2]))?,
        ],
        examination,
    })
}

/// Measures.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let worlds = (1..=args.seeds).map(|seed| world(args, seed));
    let worlds: Vec<World> = worlds.collect::<anyhow::Result<_>>()?;
    let positions = (0..PLACES).map(|position| {
        let found: Vec<f64> = (worlds.iter())
            .map(|world| world.examination.at(position))
            .collect();
        let (mean, deviation) = mean_and_deviation(&found);
        json!({"position": position + 1, "true": examined(args, position), "mean": mean, "sd": deviation})
    });
    let errors = worlds.iter().map(|world| {
        let off = |position| {
            let told: f64 = world.examination.at(position);
            (told.ln() - examined(args, position).ln()).abs()
        };
        (0..PLACES).map(off).fold(0.0, f64::max)
    });
    let (error, error_sd) = mean_and_deviation(&errors.collect::<Vec<_>>());
    let told = |read: &dyn Fn(&World) -> f64| {
        let (mean, sd) = mean_and_deviation(&worlds.iter().map(read).collect::<Vec<_>>());
        json!({"mean": mean, "sd": sd})
    };
    let wins = worlds
        .iter()
        .filter(|one| one.ndcg[2] > one.ndcg[1])
        .count();
    Ok(json!({
        "lists": args.lists, "severity": args.severity, "swap": args.swap, "seeds": args.seeds,
        "examination": positions.collect::<Vec<_>>(),
        "worst_log_error": {"mean": error, "sd": error_sd},
        "swapped_pairs": worlds.iter().map(|one| one.examination.swapped).min(),
        "ndcg@10": {
            "old_order": told(&|one| one.ndcg[0]),
            "without": told(&|one| one.ndcg[1]),
            "estimated": told(&|one| one.ndcg[2]),
            "true": told(&|one| one.ndcg[3]),
        },
        "estimated_minus_without": told(&|one| one.ndcg[2] - one.ndcg[1]),
        "worlds_in_which_estimated_wins": wins,
    }))
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}
