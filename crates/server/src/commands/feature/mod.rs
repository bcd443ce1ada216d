//! `leitmotif feature`.

mod backfill;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use leitmotif_features::ViewDefinition;
use serde_json::{Value, json};

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum FeatureCommand {
    /// Lists the feature views with what they hold.
    List,
    /// Describes a view: its features, how fresh it is, and its file.
    Describe {
        /// The view.
        view: String,
    },
    /// Computes a file that is not in service from the newest events.
    Preview {
        /// The file.
        file: PathBuf,
    },
    /// Adds a file as the newest version of its view and puts it into service.
    Put {
        /// The file.
        file: PathBuf,
        /// Why it was made.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Writes features as they were at moments of the past.
    Backfill(backfill::Args),
    /// Computes served values anew from the log and counts those that differ. Ends with a failure when
    /// any does.
    Parity {
        /// Entities of each view that are read first, at most 200.
        #[arg(long, default_value_t = 50)]
        sample: usize,
    },
}

/// Does what the subcommand says.
pub async fn run(
    command: FeatureCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        FeatureCommand::List => {
            let answer = client.get("/api/v1/features").await?;
            print(&answer, as_json, |answer| {
                list_of(answer, "views").iter().for_each(print_view);
            });
        }
        FeatureCommand::Describe { view } => {
            let answer = client
                .get(&format!("/api/v1/features/{}", escape(&view)))
                .await?;
            print(&answer, as_json, print_description);
        }
        FeatureCommand::Preview { file } => {
            let body = json!({"text": read(&file)?.1});
            let answer = client.post("/api/v1/features/preview", &body).await?;
            print(&answer, as_json, print_rows);
        }
        FeatureCommand::Put { file, note } => {
            let (name, text) = read(&file)?;
            let path = format!("/api/v1/features/{name}/versions");
            let added = client
                .post(&path, &json!({"text": text, "note": note}))
                .await?;
            print(&added, as_json, |added| {
                println!("{name} version {} in service", added["version"]);
            });
        }
        FeatureCommand::Backfill(args) => backfill::run(args, client, as_json).await?,
        FeatureCommand::Parity { sample } => {
            let asked = json!({ "sample": sample });
            let answer = client.post("/api/v1/features/parity", &asked).await?;
            print(&answer, as_json, |answer| {
                println!(
                    "{} of {} values in {} rows differ, by {} at most",
                    answer["differing"], answer["values"], answer["rows"], answer["difference_max"]
                );
            });
            if answer["differing"] != 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a file and refuses one that is no view, before anything is sent; with the view's name.
fn read(file: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    let view = ViewDefinition::parse(&text).with_context(|| format!("`{}`", file.display()))?;
    Ok((view.name, text))
}

fn print_view(view: &Value) {
    let version = match view["version"].as_u64() {
        Some(version) => format!("version {version}"),
        None => "built in".to_owned(),
    };
    println!(
        "{:20} {:16} {version:12} {:>4} features {:>9} entities  {}",
        text_of(view, "name"),
        text_of(view, "entity"),
        view["feature_count"],
        view["entity_count"],
        text_of(view, "description"),
    );
}

fn print_description(view: &Value) {
    print_view(view);
    let newest = view["newest"].as_str().unwrap_or("nothing yet");
    println!("through event {}, newest {newest}", view["through_offset"]);
    for feature in list_of(view, "features") {
        let made_of: Vec<&str> = list_of(feature, "made_of")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let source = match feature["event"].as_str() {
            Some(event) => event.to_owned(),
            None => format!(
                "{} of {}",
                text_of(feature, "combination"),
                made_of.join(", ")
            ),
        };
        let services: Vec<&str> = list_of(feature, "services")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let services = match services.as_slice() {
            [] => String::new(),
            listed => format!("  [{}]", listed.join(", ")),
        };
        println!(
            "  {:28} {:8} {source:28} {}{services}",
            text_of(feature, "name"),
            text_of(feature, "value_type"),
            text_of(feature, "description")
        );
    }
}

fn print_rows(answer: &Value) {
    println!(
        "{} entities after event {}",
        answer["entity_count"], answer["after_offset"]
    );
    let names: Vec<&str> = list_of(answer, "features")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for row in list_of(answer, "rows") {
        let values = names.iter().zip(list_of(row, "values"));
        let told: Vec<String> = values
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        println!("{}", told.join("  "));
    }
}
