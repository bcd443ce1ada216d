//! `leitmotif metric`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use leitmotif_features::metrics::MetricDefinition;
use serde_json::{Value, json};

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum MetricCommand {
    /// Lists the metrics.
    List,
    /// Describes a metric, with its file.
    Describe {
        /// The metric.
        metric: String,
    },
    /// Reads a metric: its value with its interval, and those of groups.
    Read(ReadArgs),
    /// Counts a metric anew from the first event and compares what is kept. Ends with a failure when they differ.
    Recount(ReadArgs),
    /// Says whether a file is a metric, and where it is not.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Adds a file as the newest version of its metric and puts it into service.
    Put {
        /// The file.
        file: PathBuf,
        /// Why it was made.
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// Which values.
#[derive(Args)]
pub struct ReadArgs {
    /// The metric.
    metric: String,
    /// From this day (2026-11-30) or moment on.
    #[arg(long)]
    from: Option<String>,
    /// Before this day or moment.
    #[arg(long)]
    to: Option<String>,
    /// Breaks down by day, placement, rung, model, pipeline or layout; two with a comma between them.
    #[arg(long)]
    by: Option<String>,
    /// Whose days: `Europe/Lisbon`, `+02:00`; those of UTC when left out.
    #[arg(long)]
    zone: Option<String>,
}

impl ReadArgs {
    fn path(&self, route: &str) -> String {
        let given = [
            ("from", &self.from),
            ("to", &self.to),
            ("by", &self.by),
            ("zone", &self.zone),
        ];
        let pairs = given.into_iter();
        let pairs =
            pairs.filter_map(|(name, text)| Some(format!("{name}={}", escape(text.as_ref()?))));
        let query: Vec<String> = pairs.collect();
        format!(
            "/api/v1/metrics/{}/{route}?{}",
            escape(&self.metric),
            query.join("&")
        )
    }
}

/// Does what the subcommand says.
pub async fn run(
    command: MetricCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        MetricCommand::List => {
            let mut metrics = Vec::new();
            let mut path = "/api/v1/metrics?limit=200".to_owned();
            loop {
                let listed = client.get(&path).await?;
                metrics.extend_from_slice(list_of(&listed, "metrics"));
                match listed["next_cursor"].as_str() {
                    Some(cursor) => path = format!("/api/v1/metrics?limit=200&cursor={cursor}"),
                    None => break,
                }
            }
            print(&json!({ "metrics": metrics }), as_json, |answer| {
                list_of(answer, "metrics").iter().for_each(print_metric);
            });
        }
        MetricCommand::Describe { metric } => {
            let path = format!("/api/v1/metrics/{}", escape(&metric));
            let answer = client.get(&path).await?;
            print(&answer, as_json, |answer| {
                print_metric(answer);
                print!("{}", text_of(answer, "text"));
            });
        }
        MetricCommand::Read(args) => {
            let answer = client.get(&args.path("values")).await?;
            print(&answer, as_json, print_values);
        }
        MetricCommand::Recount(args) => {
            let result = recount(&args, client).await?;
            print(&result, as_json, print_recount);
            if result["is_equal"] != true {
                return Ok(ExitCode::FAILURE);
            }
        }
        MetricCommand::Check { file } => {
            let (name, _) = read(&file)?;
            print(&json!({"valid": true, "name": name}), as_json, |_| {
                println!("{name} reads well")
            });
        }
        MetricCommand::Put { file, note } => {
            let (name, text) = read(&file)?;
            let path = format!("/api/v1/metrics/{name}");
            let added = client
                .put(&path, &json!({"text": text, "note": note}))
                .await?;
            print(&added, as_json, |added| {
                println!("{name} version {} in service", added["version"]);
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the lines of a recount up to its result; progress goes to standard error.
async fn recount(args: &ReadArgs, client: &Client) -> anyhow::Result<Value> {
    let mut waiting = Vec::new();
    let mut result = None;
    let mut problem = None;
    let take = &mut |bytes: &[u8]| {
        waiting.extend_from_slice(bytes);
        while let Some(length) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=length).collect();
            let mut line: Value = serde_json::from_slice(&line).context("a line is no JSON")?;
            if let Some(progress) = line.get("progress") {
                eprintln!("{} of {} events", progress["done"], progress["total"]);
            }
            problem = problem
                .take()
                .or(line["problem"].as_str().map(str::to_owned));
            result = result.take().or(line.get_mut("result").map(Value::take));
        }
        Ok(())
    };
    client.stream(&args.path("recount"), take).await?;
    match (result, problem) {
        (Some(result), _) => Ok(result),
        (None, Some(problem)) => anyhow::bail!("{problem}"),
        (None, None) => anyhow::bail!("the recount ended without a result"),
    }
}

/// Reads a file and refuses one that is no metric, before anything is sent; with the metric's name.
fn read(file: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    let metric = MetricDefinition::parse(&text).with_context(|| format!("`{}`", file.display()))?;
    Ok((metric.name, text))
}

fn print_metric(metric: &Value) {
    let version = match metric["version"].as_u64() {
        Some(version) => format!("version {version}"),
        None => "built in".to_owned(),
    };
    println!(
        "{:20} {:16} {version:12} {:8} {}",
        text_of(metric, "name"),
        text_of(metric, "observation"),
        text_of(metric, "unit"),
        text_of(metric, "description"),
    );
}

fn print_values(answer: &Value) {
    let metric = &answer["metric"];
    let title = format!("{} ({})", text_of(metric, "name"), text_of(metric, "unit"));
    println!("{title:40} {}", value_text(&answer["total"]));
    for group in list_of(answer, "groups") {
        let key = group["key"].as_object().into_iter().flatten();
        let parts = key.map(|(name, label)| format!("{name} {}", label.as_str().unwrap_or("–")));
        let parts: Vec<String> = parts.collect();
        println!("  {:38} {}", parts.join(", "), value_text(group));
    }
    let share = answer["listener_share"].as_f64().unwrap_or(1.0);
    let whose = if share < 1.0 {
        format!(", of {:.2} % of the listeners", share * 100.0)
    } else {
        String::new()
    };
    println!("through event {}{whose}", answer["log_offset"]);
}

/// A value with its interval and how many there were.
fn value_text(value: &Value) -> String {
    let number = |name: &str| value[name].as_f64().map(|number| format!("{number:.4}"));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let interval = match (number("low"), number("high")) {
        (Some(low), Some(high)) => format!("[{low}, {high}]"),
        _ => "[–]".to_owned(),
    };
    format!(
        "{:>10} {interval:22} n {} of {} listeners",
        or_none(number("value")),
        value["observations"],
        value["listeners"]
    )
}

fn print_recount(result: &Value) {
    println!("kept       {}", value_text(&result["kept"]));
    println!("recounted  {}", value_text(&result["recounted"]));
    if result["listener_share"] != 1.0 {
        println!("everybody  {}", value_text(&result["everybody"]));
    }
    let (groups, differing) = (&result["groups"], &result["differing"]);
    let offset = &result["log_offset"];
    if result["is_equal"] == true {
        println!("equal to the last bit in {groups} groups, through event {offset}");
    } else {
        println!("{differing} of {groups} groups differ, through event {offset}");
    }
}
