//! Whether step costs that are learnt from a log order playlists better than a mixer's convention, in
//! worlds whose listeners mind steps in a way that is known.
//!
//! Nothing is rendered: tempo, key and energy of a song stand for what would be measured of it, and its
//! style, as one of so many directions, for its embedding.

mod orders;
mod world;

use leitmotif_learn::sequencing::{StepColumns, StepModel, TransitionWeights};
use serde_json::{Value, json};

use self::orders::Orders;
use self::world::Learnt;

/// Draws demo worlds, learns from four fifths of their listens what steps cost, judges that on the last
/// fifth, and orders playlists of the same tracks in several ways, of which the hidden tastes say how many
/// tracks would be played to the end.
#[derive(clap::Args)]
pub struct Args {
    /// Worlds drawn: seeds 1 to this.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// How much listeners mind steps: 1 as in the demo, 0 not at all.
    #[arg(long, default_value_t = 1.0)]
    strength: f32,
    /// Listeners of a world for whom a playlist is made.
    #[arg(long, default_value_t = 200)]
    playlists: usize,
    /// Tracks of a playlist.
    #[arg(long, default_value_t = 20)]
    length: usize,
}

/// Measures all worlds and compares them pair by pair.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut worlds = Vec::new();
    for seed in 1..=args.seeds {
        let world = measure(args, seed)?;
        eprintln!("{}", world.line());
        worlds.push(world);
    }
    let of = |value: &dyn Fn(&Measured) -> f64| -> Value {
        let values: Vec<f64> = worlds.iter().map(value).collect();
        let (mean, error) = mean_and_error(&values);
        json!({"mean": mean, "standard_error": error})
    };
    let plays = |name: &str| of(&|world| world.orders.plays(name));
    let gain =
        |name: &str, over: &str| of(&|world| world.orders.plays(name) - world.orders.plays(over));
    let better = (worlds.iter())
        .filter(|world| world.orders.plays("learnt") > world.orders.plays("convention"))
        .count();
    let mut weights = serde_json::Map::new();
    for (place, name) in ["tempo", "key", "energy_rise", "energy_fall", "timbre"]
        .into_iter()
        .enumerate()
    {
        weights.insert(name.to_owned(), of(&|world| world.costs[place]));
    }
    Ok(json!({
        "worlds": worlds.len(),
        "strength": args.strength,
        "playlists_per_world": args.playlists,
        "length": args.length,
        "steps_learnt_from": of(&|world| world.steps as f64),
        "logits_at_worst": weights,
        "loss_less_by_learnt_per_step": of(&|world| world.gain),
        "worlds_in_which_learnt_is_surely_better": worlds.iter().filter(|one| one.is_sure).count(),
        "plays_per_playlist": {
            "shuffled": plays("shuffled"),
            "convention": plays("convention"),
            "learnt": plays("learnt"),
            "learnt_expected": plays("learnt_expected"),
            "truth": plays("truth"),
            "truth_expected": plays("truth_expected"),
        },
        "convention_less_shuffled": gain("convention", "shuffled"),
        "learnt_less_convention": gain("learnt", "convention"),
        "learnt_expected_less_learnt": gain("learnt_expected", "learnt"),
        "truth_less_learnt": gain("truth", "learnt"),
        "worlds_in_which_learnt_orders_better": better,
    }))
}

/// What was found in a world.
struct Measured {
    seed: u64,
    steps: usize,
    costs: Vec<f64>,
    /// By how much the learnt costs lose less than the convention's with a fitted scale, in nats a step.
    gain: f64,
    is_sure: bool,
    orders: Orders,
}

impl Measured {
    fn line(&self) -> String {
        let plays = |name: &str| self.orders.plays(name);
        format!(
            "seed {}: loss less by {:.5} nats a step{}, plays {:.3} shuffled, {:.3} convention, {:.3} learnt, {:.3} truth",
            self.seed,
            self.gain,
            if self.is_sure { ", surely" } else { "" },
            plays("shuffled"),
            plays("convention"),
            plays("learnt"),
            plays("truth"),
        )
    }
}

fn measure(args: &Args, seed: u64) -> anyhow::Result<Measured> {
    let learnt = Learnt::of(seed, args.strength)?;
    let fitted = |columns| StepModel::fit(&learnt.rows, columns);
    let convention = StepColumns::Cost(TransitionWeights::CONVENTION);
    let models = fitted(StepColumns::Parts).zip(fitted(convention));
    let (parts, scaled) = models.ok_or_else(|| anyhow::anyhow!("all steps ended alike"))?;
    let (gain, is_sure) = judge(&learnt, &parts, &scaled);
    Ok(Measured {
        seed,
        steps: learnt.rows.len(),
        costs: parts.costs().to_vec(),
        gain,
        is_sure,
        orders: Orders::of(&learnt, &parts, args.playlists, args.length)?,
    })
}

/// By how much the first model loses less on the held-out steps, and whether two standard errors, by
/// listener, lie above 0.
fn judge(learnt: &Learnt, parts: &StepModel, scaled: &StepModel) -> (f64, bool) {
    let mut sums = vec![0.0; learnt.listener_count];
    for (listener, row) in &learnt.held_out {
        sums[*listener as usize] += scaled.log_loss(row) - parts.log_loss(row);
    }
    let scale = sums.len() as f64 / learnt.held_out.len().max(1) as f64;
    sums.iter_mut().for_each(|sum| *sum *= scale);
    let (mean, error) = mean_and_error(&sums);
    (mean, mean > 2.0 * error)
}

/// A mean and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0) / count).sqrt())
}
