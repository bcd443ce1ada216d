//! `leitmotif train` and `leitmotif model`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

/// Time between two looks at a training.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The rows of the ladder, weakest idea first.
const LADDER: [&str; 12] = [
    "random",
    "popularity",
    "audience_popularity",
    "trending",
    "item_item",
    "content",
    "session",
    "sessions",
    "neighbours",
    "ials",
    "blend",
    "ranked",
];

#[derive(clap::Args)]
pub struct TrainArgs {
    /// How much the report measures.
    #[arg(long, value_enum, default_value_t = Report::Brief)]
    report: Report,
    /// Puts the new model into production even if it is worse than the one that is there.
    #[arg(long)]
    force: bool,
    /// Searches for settings, within `--budget` or `--trials`.
    #[arg(long)]
    auto: bool,
    /// How long to search: `45s`, `10m` or `2h`.
    #[arg(
        long,
        requires = "auto",
        conflicts_with = "trials",
        default_value = "60s"
    )]
    budget: String,
    /// How many settings to try, of the sources and of the ranker: `24`, or `24,9` for each its own.
    #[arg(long, requires = "auto")]
    trials: Option<String>,
}

/// How much a report measures.
#[derive(Clone, Copy, ValueEnum)]
enum Report {
    /// The ladder, and the model in production on the same listens.
    Brief,
    /// What each group of the ranker's columns brings and what variety costs, too.
    Full,
}

#[derive(Subcommand)]
pub enum ModelCommand {
    /// Lists the models, newest first; the one in production is marked.
    List {
        /// Models shown at most.
        #[arg(long, default_value_t = 20)]
        count: usize,
    },
    /// Shows the training report of a model; of the newest when none is named.
    Show {
        /// The model.
        id: Option<String>,
    },
    /// Puts a model into production: forward, or back after a bad one.
    Promote {
        /// The model.
        id: String,
    },
    /// Writes the ranker of a model as a LightGBM model file; what the blend counts beside it is printed.
    ExportRanker {
        /// The model.
        id: String,
        /// The file.
        file: PathBuf,
    },
    /// Registers a new model: the sources of another with the ranker of a LightGBM model file.
    ImportRanker {
        /// The model whose sources it stands on.
        id: String,
        /// The file.
        file: PathBuf,
        /// What the blended score counts beside the trees.
        #[arg(long, default_value_t = 0.0)]
        blend_weight: f32,
    },
}

impl TrainArgs {
    fn body(&self) -> anyhow::Result<Value> {
        let report = match self.report {
            Report::Brief => "brief",
            Report::Full => "full",
        };
        let promotion = if self.force { "always" } else { "if_not_worse" };
        let search = match (self.auto, &self.trials) {
            (false, _) => Value::Null,
            (true, None) => json!({"seconds": seconds_of(&self.budget)?}),
            (true, Some(trials)) => {
                let (sources, ranker) = trials_of(trials)?;
                json!({"source_trials": sources, "ranker_trials": ranker})
            }
        };
        Ok(json!({"report": report, "promotion": promotion, "search": search}))
    }
}

fn seconds_of(text: &str) -> anyhow::Result<u64> {
    let wrong = || format!("`{text}` is no time: give `45s`, `10m` or `2h`");
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: u64 = number.parse().with_context(wrong)?;
    let seconds = match unit {
        "s" => number,
        "m" => number.saturating_mul(60),
        "h" => number.saturating_mul(3_600),
        _ => anyhow::bail!(wrong()),
    };
    Ok(seconds)
}

fn trials_of(text: &str) -> anyhow::Result<(u32, u32)> {
    let wrong = || format!("`{text}` is no number of trials: give `24`, or `24,9`");
    let (sources, ranker) = text.split_once(',').unwrap_or((text, text));
    let count = |text: &str| text.trim().parse().with_context(wrong);
    Ok((count(sources)?, count(ranker)?))
}

/// Trains and prints the report.
pub async fn train(args: TrainArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let queued = client.post("/api/v1/training-runs", &args.body()?).await?;
    wait(client, text_of(&queued, "job")).await?;
    let model = read(None, client).await?;
    print(&model, as_json, print_model);
    Ok(ExitCode::SUCCESS)
}

async fn export_ranker(id: &str, file: &Path, client: &Client) -> anyhow::Result<()> {
    let path = format!("/api/v1/models/{}/ranker", escape(id));
    let ranker = client.get(&path).await?;
    std::fs::write(file, text_of(&ranker, "trees"))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    let weight = &ranker["blend_weight"];
    println!(
        "{} written; the blended score counts {weight} beside the trees",
        file.display()
    );
    Ok(())
}

/// Waits for a training and tells a person at a terminal which stage it is in.
pub(super) async fn wait(client: &Client, job: &str) -> anyhow::Result<()> {
    let is_watched = std::io::stderr().is_terminal();
    let mut told = String::new();
    let began = Instant::now();
    loop {
        let state = client.get(&format!("/api/v1/jobs/{job}")).await?;
        match text_of(&state, "state") {
            "done" => return Ok(()),
            "dead" => anyhow::bail!("{}", text_of(&state, "error")),
            _ => {}
        }
        let stage = text_of(&state, "stage");
        if is_watched && !stage.is_empty() && stage != told {
            let count = |name: &str| state.get(name).and_then(Value::as_u64).unwrap_or(0);
            let share = count("progress_done") * 100 / count("progress_total").max(1);
            let left_s = match share {
                0 => String::new(),
                done => {
                    let left = began.elapsed().as_secs() * (100_u64.saturating_sub(done)) / done;
                    format!("  ETA {left} s")
                }
            };
            eprintln!("{share:3} %  {}{left_s}", stage.replace('_', " "));
            stage.clone_into(&mut told);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Does what the subcommand says.
pub async fn run(
    command: ModelCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        ModelCommand::ExportRanker { id, file } => export_ranker(&id, &file, client).await?,
        ModelCommand::ImportRanker {
            id,
            file,
            blend_weight,
        } => {
            let trees = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let path = format!("/api/v1/models/{}/ranker", escape(&id));
            let asked = json!({"trees": trees, "blend_weight": blend_weight});
            let made = client.post(&path, &asked).await?;
            print(&made, as_json, |made| {
                let id = text_of(made, "id");
                println!(
                    "model {id}; nothing judged it here: `leitmotif model promote {id}` puts it into production"
                );
            });
        }
        ModelCommand::List { count } => {
            let path = format!("/api/v1/models?limit={count}");
            let answer = client.get(&path).await?;
            print(&answer, as_json, |answer| {
                list_of(answer, "models").iter().for_each(print_line);
            });
        }
        ModelCommand::Show { id } => {
            print(&read(id.as_deref(), client).await?, as_json, print_model);
        }
        ModelCommand::Promote { id } => {
            let path = format!("/api/v1/models/{}/production", escape(&id));
            let model = client.put(&path, &json!({})).await?;
            print(&model, as_json, |model| {
                println!("{} is in production", text_of(model, "id"));
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a model with its whole report; the newest when none is named.
async fn read(id: Option<&str>, client: &Client) -> anyhow::Result<Value> {
    let newest = match id {
        Some(id) => id.to_owned(),
        None => {
            let models = client.get("/api/v1/models?limit=1").await?;
            let newest = list_of(&models, "models").first();
            let newest = newest.context("there is no model yet, `leitmotif train` makes one")?;
            text_of(newest, "id").to_owned()
        }
    };
    client
        .get(&format!("/api/v1/models/{}", escape(&newest)))
        .await
}

fn number(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer)?.as_f64()
}

fn is_in_production(model: &Value) -> bool {
    model.get("is_production") == Some(&Value::Bool(true))
}

fn print_line(model: &Value) {
    let mark = if is_in_production(model) { "*" } else { " " };
    let reached = [
        "/report/ladder/blend/ndcg_at_10",
        "/report/ladder/ranked/ndcg_at_10",
    ];
    let best = reached
        .iter()
        .filter_map(|one| number(model, one))
        .fold(0.0, f64::max);
    let (id, created) = (text_of(model, "id"), text_of(model, "created_at"));
    println!("{mark} {id}  {created}  NDCG@10 {best:.4}");
}

/// What a search brought, in a sentence.
fn verdict_text(verdict: &Value) -> String {
    let reached = |way: &str| number(verdict, &format!("/{way}_ndcg_at_10")).unwrap_or(0.0);
    let interval = number(verdict, "/gain/low").zip(number(verdict, "/gain/high"));
    let interval = interval.map_or(String::new(), |(low, high)| {
        format!(", gain {low:+.4} to {high:+.4}")
    });
    format!(
        "search      NDCG@10 {:.4} found, {:.4} usual{interval}; {}",
        reached("found"),
        reached("usual"),
        match verdict["is_kept"] == true {
            true => "what was found is used",
            false => "the usual settings are used",
        }
    )
}

fn print_model(model: &Value) {
    let place = if is_in_production(model) {
        ", in production"
    } else {
        ""
    };
    println!("model {}{place}", text_of(model, "id"));
    let report = model.get("report").unwrap_or(&Value::Null);
    for name in LADDER {
        let row = format!("/ladder/{name}");
        let Some(reached) = number(report, &format!("{row}/ndcg_at_10")) else {
            continue;
        };
        let bound = |name: &str| number(report, &format!("{row}/interval/{name}"));
        let interval = (bound("low").zip(bound("high"))).map_or(String::new(), |(low, high)| {
            format!("  ({low:.4} to {high:.4})")
        });
        println!("{name:12} NDCG@10 {reached:.4}{interval}");
    }
    if let Some(gain) = number(report, "/ladder/ranked_gain/mean") {
        let bound = |name: &str| number(report, &format!("/ladder/ranked_gain/interval/{name}"));
        let (low, high) = (bound("low").unwrap_or(gain), bound("high").unwrap_or(gain));
        println!("ranked less blend    {gain:+.4}  ({low:+.4} to {high:+.4})");
    }
    if let Some(verdict) = report
        .pointer("/search/verdict")
        .filter(|told| told.is_object())
    {
        println!("{}", verdict_text(verdict));
    }
    if let Some(kept) = report.pointer("/neighbours/kept") {
        println!("neighbours by {}", neighbours_name(kept));
    }
    let recall = |way: &str| number(report, &format!("/cold/{way}_recall_at_20"));
    if let Some((mapped, alike)) = recall("mapped").zip(recall("content")) {
        println!("new tracks  recall@20 {mapped:.4} mapped, {alike:.4} by likeness");
    }
    print_newcomers(report);
    for reason in ["/promotion/reason", "/steps/reason"] {
        if let Some(reason) = report.pointer(reason).and_then(Value::as_str) {
            println!("{reason}");
        }
    }
    for warning in list_of(report, "warnings").iter().filter_map(Value::as_str) {
        println!("warning: {warning}");
    }
    print_measured(report);
}

/// How listeners are answered of whom few tracks are known.
fn print_newcomers(report: &Value) {
    let rows = report.pointer("/newcomers/rows").and_then(Value::as_array);
    for row in rows.into_iter().flatten() {
        let told = |name: &str| number(row, name).unwrap_or(0.0);
        let known = match told("/known") as u64 {
            0 => "unplayed tracks".to_owned(),
            1 => "1 track".to_owned(),
            count => format!("{count} tracks"),
        };
        println!(
            "by {known:15} NDCG@10 {:.4}, popularity {:.4}",
            told("/answered_ndcg_at_10"),
            told("/popularity_ndcg_at_10")
        );
    }
}

/// A model of neighbours by its name; one with settings is an object of that name.
fn neighbours_name(kept: &Value) -> &str {
    let named = kept.as_object().and_then(|named| named.keys().next());
    named.map_or_else(|| kept.as_str().unwrap_or_default(), String::as_str)
}

fn print_measured(report: &Value) {
    let groups = report.pointer("/ablation/groups").and_then(Value::as_array);
    for group in groups.into_iter().flatten() {
        let lost = number(group, "/difference").unwrap_or(0.0);
        println!("without {:12} {:+.4}", text_of(group, "group"), -lost);
    }
    let points = report.pointer("/pareto/points").and_then(Value::as_array);
    for point in points.into_iter().flatten() {
        let of = |name: &str| number(point, name).unwrap_or(0.0);
        let is_efficient = point.get("is_efficient") == Some(&Value::Bool(true));
        println!(
            "diversity {:.2}  NDCG@10 {:.4}  variety {:.3}  coverage {:.3}{}",
            of("/diversity"),
            of("/ndcg_at_10"),
            of("/intra_list_diversity"),
            of("/coverage"),
            if is_efficient { "  efficient" } else { "" }
        );
    }
    let tried = |name: &str| number(report, &format!("/search/{name}"));
    if let Some((sources, ranker)) = tried("source_trial_count").zip(tried("ranker_trial_count")) {
        println!(
            "tried {sources} settings of the sources and {ranker} of the ranker; `--auto --trials {sources},{ranker}` gives this model again"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_and_trials_read_or_say_what_is_wrong() {
        let seconds = |text: &str| seconds_of(text).map_err(|error| error.to_string());
        assert_eq!(seconds("45s"), Ok(45));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("2h"), Ok(7_200));
        for wrong in ["", "s", "45", "-1s", "1.5m", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(trials_of("24").ok(), Some((24, 24)));
        assert_eq!(trials_of("24, 9").ok(), Some((24, 9)));
        assert!(trials_of("many").is_err());
    }
}
