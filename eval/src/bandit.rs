//! Choosing among arms by what came of them, in worlds whose best arm is known, and what logs say of rules that did not make them.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use leitmotif_learn::bandit::{Counts, Estimate, Logged, ThompsonOptions, estimate, shares};
use serde_json::{Value, json};

use crate::files::open_text;
use crate::random::Random;

/// Share of choices that the comparison leaves to chance, the usual one tenth.
const EPSILON: f64 = 0.1;
/// Spread of what an arm succeeds more or less than others, and more or less in a segment, in log odds.
const ARM_SPREAD: f64 = 0.4;
const SEGMENT_SPREAD: f64 = 0.3;
/// Log odds that all arms start from: about one in six.
const BASE: f64 = -1.6;

/// Simulates choices in worlds with segments, by Thompson sampling and by the best so far with one tenth of chance, both learning once
/// in so many rounds; then asks the log of the former what always taking each segment's best would have reached. With logs of the Open
/// Bandit Dataset, what the uniform log says of a policy that learnt is held against what that policy reached.
#[derive(clap::Args)]
pub struct Args {
    /// Choices in each world.
    #[arg(long, default_value_t = 40_000)]
    rounds: usize,
    /// Ways to choose from.
    #[arg(long, default_value_t = 4)]
    arms: usize,
    /// Segments, such as the parts of the day.
    #[arg(long, default_value_t = 5)]
    segments: usize,
    /// Choices until what came of them counts.
    #[arg(long, default_value_t = 200)]
    refresh: usize,
    /// Least share of an arm.
    #[arg(long, default_value_t = ThompsonOptions::default().floor)]
    floor: f64,
    /// What is known of an arm in all segments is worth so many trials in one.
    #[arg(long, default_value_t = ThompsonOptions::default().prior_trials)]
    prior_trials: f64,
    /// Worlds, one of each seed from 1 on.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Log of a policy that learnt, in the dataset's columns.
    #[arg(long, requires = "uniform")]
    logged: Option<PathBuf>,
    /// Log of the uniform policy.
    #[arg(long, requires = "logged")]
    uniform: Option<PathBuf>,
}

/// Prints `regret_ratio` with its worst world, `off_policy_within` of the worlds, and with logs `open_bandit`.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(
        args.arms > 1 && args.segments > 0 && args.refresh > 0 && args.seeds > 0,
        "there must be two arms at least, and one segment, round and world"
    );
    let worlds: Vec<Lived> = (1..=args.seeds).map(|seed| live(args, seed)).collect();
    let mean =
        |of: &dyn Fn(&Lived) -> f64| worlds.iter().map(of).sum::<f64>() / worlds.len() as f64;
    let (thompson, greedy) = (mean(&|one| one.thompson), mean(&|one| one.greedy));
    let ratios = worlds.iter().map(|one| one.thompson / one.greedy);
    let judged = worlds.iter().filter_map(|one| one.is_within);
    let (told, within) = judged.fold((0, 0), |(told, within), is| {
        (told + 1, within + usize::from(is))
    });
    let mut answer = json!({
        "rounds": args.rounds, "arms": args.arms, "segments": args.segments, "refresh": args.refresh,
        "worlds": args.seeds,
        "regret_thompson": thompson, "regret_epsilon_greedy": greedy, "regret_uniform": mean(&|one| one.uniform),
        "regret_ratio": thompson / greedy,
        "regret_ratio_worst": ratios.fold(0.0, f64::max),
        "off_policy_told": told, "off_policy_within": within,
    });
    if let (Some(logged), Some(uniform)) = (&args.logged, &args.uniform) {
        answer["open_bandit"] = open_bandit(logged, uniform)?;
    }
    Ok(answer)
}

/// What came of a world.
struct Lived {
    /// Successes missed against the best arm of each segment.
    thompson: f64,
    greedy: f64,
    uniform: f64,
    /// Whether the truth of the best rule lies in what the log says of it; none where the log says nothing.
    is_within: Option<bool>,
}

fn live(args: &Args, seed: u64) -> Lived {
    let mut random = Random(seed);
    let mut normal = |spread: f64| spread * f64::from(random.normal());
    let arms: Vec<f64> = (0..args.arms).map(|_| normal(ARM_SPREAD)).collect();
    let rates: Vec<Vec<f64>> = (arms.iter())
        .map(|arm| {
            let odds = (0..args.segments).map(|_| BASE + arm + normal(SEGMENT_SPREAD));
            odds.map(|odds| 1.0 / (1.0 + (-odds).exp())).collect()
        })
        .collect();
    let best: Vec<usize> = (0..args.segments)
        .map(|segment| best_of(rates.iter().map(|of_arm| of_arm[segment])))
        .collect();
    let options = ThompsonOptions {
        floor: args.floor,
        prior_trials: args.prior_trials,
        ..ThompsonOptions::default()
    };
    let by_thompson = |counts: &[Vec<Counts>], segment: usize, round: usize| {
        shares(
            counts,
            segment,
            &options,
            seed ^ (round * args.segments + segment) as u64,
        )
    };
    let by_greed = |counts: &[Vec<Counts>], segment: usize, _: usize| -> Vec<f64> {
        let known = best_of(counts.iter().map(|of_arm| {
            let Counts { trials, successes } = of_arm[segment];
            (successes as f64 + 1.0) / (trials as f64 + 2.0)
        }));
        let chance = EPSILON / args.arms as f64;
        let share = |arm| chance + if arm == known { 1.0 - EPSILON } else { 0.0 };
        (0..args.arms).map(share).collect()
    };
    let (thompson, logged) = choose(args, seed, &rates, &best, &by_thompson);
    let (greedy, _) = choose(args, seed, &rates, &best, &by_greed);
    let uniform = choose(args, seed, &rates, &best, &|_, _, _| {
        vec![1.0 / args.arms as f64; args.arms]
    })
    .0;
    let truth = best
        .iter()
        .enumerate()
        .map(|(segment, arm)| rates[*arm][segment]);
    let truth = truth.sum::<f64>() / args.segments as f64;
    let within = |told: Estimate| (told.interval.0..=told.interval.1).contains(&truth);
    Lived {
        thompson,
        greedy,
        uniform,
        is_within: estimate(logged.into_iter()).map(within),
    }
}

/// The share of each arm by what is known, in a segment at a round.
type Rule<'r> = dyn Fn(&[Vec<Counts>], usize, usize) -> Vec<f64> + 'r;

/// Chooses for so many rounds; the successes missed, and the log as it weighs for the best rule.
fn choose(
    args: &Args,
    seed: u64,
    rates: &[Vec<f64>],
    best: &[usize],
    rule: &Rule<'_>,
) -> (f64, Vec<Logged>) {
    let mut random = Random(seed.wrapping_mul(7_919));
    let mut counts = vec![vec![Counts::default(); args.segments]; args.arms];
    let mut waiting: Vec<(usize, usize, bool)> = Vec::with_capacity(args.refresh);
    let mut by_segment = Vec::new();
    let (mut regret, mut logged) = (0.0, Vec::with_capacity(args.rounds));
    for round in 0..args.rounds {
        if round % args.refresh == 0 {
            for (arm, segment, went) in waiting.drain(..) {
                let of = &mut counts[arm][segment];
                *of = of.plus(Counts {
                    trials: 1,
                    successes: u64::from(went),
                });
            }
            by_segment = (0..args.segments)
                .map(|segment| rule(&counts, segment, round))
                .collect();
        }
        let segment = random.index(args.segments);
        let shares: &[f64] = &by_segment[segment];
        let arm = drawn(shares, random.uniform());
        let went = random.uniform() < rates[arm][segment];
        waiting.push((arm, segment, went));
        regret += rates[best[segment]][segment] - rates[arm][segment];
        logged.push(Logged {
            propensity: shares[arm],
            target: f64::from(u8::from(arm == best[segment])),
            reward: f64::from(u8::from(went)),
        });
    }
    (regret, logged)
}

fn best_of(values: impl Iterator<Item = f64>) -> usize {
    let best = values.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(0, |(at, _)| at)
}

/// The arm whose share holds a number in 0..1.
fn drawn(shares: &[f64], mut at: f64) -> usize {
    for (arm, share) in shares.iter().enumerate() {
        if at < *share {
            return arm;
        }
        at -= share;
    }
    shares.len() - 1
}

/// What the uniform log says of choosing each item as often as a policy chose it at its position, beside what that policy reached.
/// The way back says nothing: what the policy hardly ever chose weighs more than all else.
fn open_bandit(logged: &Path, uniform: &Path) -> anyhow::Result<Value> {
    let (logged, uniform) = (read(logged)?, read(uniform)?);
    let mut chosen: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    let mut at_position: BTreeMap<usize, f64> = BTreeMap::new();
    for row in &logged {
        *chosen.entry((row.position, row.item)).or_default() += 1.0;
        *at_position.entry(row.position).or_default() += 1.0;
    }
    let as_chosen = |row: &Row| {
        let times = chosen.get(&(row.position, row.item)).copied();
        let all = at_position.get(&row.position).copied().unwrap_or(1.0);
        Logged {
            propensity: row.propensity,
            target: times.unwrap_or(0.0) / all,
            reward: row.reward,
        }
    };
    let told = estimate(uniform.iter().map(as_chosen));
    let reached = logged.iter().map(|row| row.reward).sum::<f64>() / logged.len() as f64;
    let arms = chosen.keys().map(|(_, item)| item + 1).max().unwrap_or(1);
    let back = estimate(logged.iter().map(|row| Logged {
        propensity: row.propensity,
        target: 1.0 / arms as f64,
        reward: row.reward,
    }));
    Ok(json!({
        "arms": arms, "logged": logged.len(), "uniform": uniform.len(),
        "told": told.map(document), "reached": reached, "told_of_uniform": back.map(document),
        "reached_within_told": told.map(|told| (told.interval.0..=told.interval.1).contains(&reached)),
    }))
}

fn document(one: Estimate) -> Value {
    json!({"value": one.value, "interval": one.interval, "effective": one.effective, "trials": one.trials})
}

struct Row {
    item: usize,
    position: usize,
    reward: f64,
    propensity: f64,
}

fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let mut lines = open_text(path)?.lines();
    let header = lines.next().context("the log is empty")??;
    let header: Vec<&str> = header.split(',').collect();
    let column = |name: &str| {
        let at = header.iter().position(|one| *one == name);
        at.with_context(|| format!("{}: no column `{name}`", path.display()))
    };
    let (item, position) = (column("item_id")?, column("position")?);
    let (click, propensity) = (column("click")?, column("propensity_score")?);
    let row = |line: std::io::Result<String>| -> anyhow::Result<Row> {
        let line = line?;
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |at: usize| cells.get(at).copied().context("a row is cut");
        Ok(Row {
            item: cell(item)?.parse()?,
            position: cell(position)?.parse()?,
            reward: cell(click)?.parse()?,
            propensity: cell(propensity)?.parse()?,
        })
    };
    lines.map(row).collect()
}
