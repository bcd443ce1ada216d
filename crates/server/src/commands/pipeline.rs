//! `leitmotif pipeline` and `leitmotif explain`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use leitmotif_recommend::PipelineDefinition;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum PipelineCommand {
    /// Lists the placements that have a pipeline of their own, with what is in service.
    List,
    /// Prints a pipeline: a version, the newest, or without a placement the built-in one.
    Show {
        /// The placement.
        placement: Option<String>,
        /// The version; the newest when left out.
        #[arg(long, requires = "placement")]
        version: Option<u32>,
    },
    /// Says whether a file is a pipeline, and where it is not.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Adds a file as the newest version of a placement.
    Put {
        /// The placement.
        placement: String,
        /// The file.
        file: PathBuf,
        /// Why it was made.
        #[arg(long, default_value = "")]
        note: String,
        /// Puts it into service for everybody at once.
        #[arg(long)]
        live: bool,
    },
    /// Puts versions into service: `3` for all of the traffic, `2=90 3=10` for shares of it, nothing
    /// for the built-in.
    Live {
        /// The placement.
        placement: String,
        /// Versions, each with its weight.
        shares: Vec<String>,
    },
}

/// Does what the subcommand says.
pub async fn run(
    command: PipelineCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        PipelineCommand::List => {
            let answer = client.get("/api/v1/pipelines").await?;
            print(&answer, as_json, |answer| {
                for pipeline in list_of(answer, "pipelines") {
                    print_pipeline(pipeline);
                }
            });
        }
        PipelineCommand::Show { placement, version } => {
            show(placement.as_deref(), version, client, as_json).await?;
        }
        PipelineCommand::Check { file } => {
            read(&file)?;
            print(&json!({"valid": true}), as_json, |_| println!("reads well"));
        }
        PipelineCommand::Put {
            placement,
            file,
            note,
            live,
        } => {
            let body = json!({"text": read(&file)?, "note": note});
            let path = format!("/api/v1/pipelines/{placement}/versions");
            let added = client.post(&path, &body).await?;
            let version = added.get("version").and_then(Value::as_u64).unwrap_or(0);
            if live {
                set_live(
                    client,
                    &placement,
                    &json!([{"version": version, "weight": 1}]),
                )
                .await?;
            }
            print(&added, as_json, |_| {
                let state = if live { "in service" } else { "not in service" };
                println!("{placement} version {version}, {state}");
            });
        }
        PipelineCommand::Live { placement, shares } => {
            let shares = shares.iter().map(|share| share_of(share));
            let shares = Value::from(shares.collect::<anyhow::Result<Vec<_>>>()?);
            set_live(client, &placement, &shares).await?;
            print(
                &json!({"placement": placement, "shares": shares}),
                as_json,
                |answer| {
                    print_pipeline(answer);
                },
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a file and refuses one that is no pipeline, before anything is sent.
fn read(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    PipelineDefinition::parse(&text).with_context(|| format!("`{}`", file.display()))?;
    Ok(text)
}

async fn show(
    placement: Option<&str>,
    version: Option<u32>,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<()> {
    let Some(placement) = placement else {
        let answer = client.get("/api/v1/pipelines").await?;
        let built_in = json!({"text": text_of(&answer, "built_in")});
        print(&built_in, as_json, |shown| {
            print!("{}", text_of(shown, "text"))
        });
        return Ok(());
    };
    let versions = format!("/api/v1/pipelines/{placement}/versions");
    let shown = match version {
        Some(version) => client.get(&format!("{versions}/{version}")).await?,
        None => {
            let newest = client.get(&format!("{versions}?limit=1")).await?;
            let first = list_of(&newest, "versions").first().cloned();
            first.with_context(|| format!("`{placement}` has no pipeline of its own"))?
        }
    };
    print(&shown, as_json, |shown| {
        print!("{}", text_of(shown, "text"))
    });
    Ok(())
}

async fn set_live(client: &Client, placement: &str, shares: &Value) -> anyhow::Result<()> {
    let path = format!("/api/v1/pipelines/{placement}/shares");
    let put = client.put(&path, &json!({ "shares": shares })).await;
    put.map(drop)
}

fn share_of(text: &str) -> anyhow::Result<Value> {
    let (version, weight) = text.split_once('=').unwrap_or((text, "1"));
    let number = |part: &str| part.parse::<u32>();
    match (number(version), number(weight)) {
        (Ok(version), Ok(weight)) => Ok(json!({"version": version, "weight": weight})),
        _ => anyhow::bail!("`{text}` is no share: write a version, or version=weight"),
    }
}

fn print_pipeline(pipeline: &Value) {
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
    let shares = list_of(pipeline, "shares").iter();
    let shares: Vec<String> = shares
        .map(|share| {
            format!(
                "{} (weight {})",
                number(share, "version"),
                number(share, "weight")
            )
        })
        .collect();
    let live = if shares.is_empty() {
        "built-in".to_owned()
    } else {
        format!("version {}", shares.join(", version "))
    };
    println!("{:24} {live}", text_of(pipeline, "placement"));
}

/// Prints how an answer came about.
pub async fn explain(request: &str, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.get(&format!("/api/v1/explain/{request}")).await?;
    print(&answer, as_json, print_explanation);
    Ok(ExitCode::SUCCESS)
}

fn print_explanation(answer: &Value) {
    let text = |name: &str| text_of(answer, name);
    println!(
        "{} at {}, rung {}",
        text("placement"),
        text("at"),
        text("rung")
    );
    for span in list_of(answer, "spans") {
        let taken = span.get("duration_us").and_then(Value::as_u64).unwrap_or(0);
        println!("{:24} {taken:>7} µs", text_of(span, "name"));
    }
    for part in list_of(answer, "degraded") {
        println!(
            "missing: {} ({})",
            text_of(part, "part"),
            text_of(part, "cause")
        );
    }
    for source in list_of(answer, "sources") {
        let offered = source.get("offered").and_then(Value::as_u64).unwrap_or(0);
        let rung = text_of(source, "rung");
        println!(
            "{rung:12} {:12} offered {offered}",
            text_of(source, "source")
        );
    }
    for rule in list_of(answer, "rules") {
        let count = |name: &str| rule.get(name).and_then(Value::as_u64).unwrap_or(0);
        println!(
            "rule `{}` dropped {}, moved {}",
            text_of(rule, "rule"),
            count("dropped"),
            count("moved")
        );
    }
    for candidate in list_of(answer, "candidates") {
        let position = candidate.get("position").and_then(Value::as_u64);
        let place = position.map_or_else(|| "–".to_owned(), |place| place.to_string());
        let score = candidate.get("score").and_then(Value::as_f64);
        let score = score.map_or_else(|| "–".to_owned(), |score| format!("{score:.3}"));
        let why = candidate
            .get("dropped_by")
            .and_then(Value::as_str)
            .unwrap_or_default();
        println!(
            "{place:>3}  {score:>7}  {:14} {} · {}  {why}",
            text_of(candidate, "fate"),
            text_of(candidate, "title"),
            text_of(candidate, "artist"),
        );
        let reasons = list_of(candidate, "reasons").iter().map(|reason| {
            let carried = reason.get("contribution").and_then(Value::as_f64);
            format!(
                "{} {:.3}",
                text_of(reason, "source"),
                carried.unwrap_or(0.0)
            )
        });
        let reasons: Vec<String> = reasons.collect();
        if !reasons.is_empty() {
            println!("              {}", reasons.join(", "));
        }
    }
}
