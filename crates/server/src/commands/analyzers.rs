//! `leitmotif analyzers`: what is measured, and how right it is.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<AnalyzersCommand>,
}

/// Without one, the families of descriptors are listed.
#[derive(Subcommand)]
enum AnalyzersCommand {
    /// Shows the accuracy card of a family of descriptors.
    Card {
        /// Its name, as `leitmotif analyzers` lists it.
        name: String,
    },
}

/// Lists the families, or shows a card.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    match args.command {
        None => {
            // There are fewer than one page holds.
            let answer = client.get("/api/v1/analyzers?limit=200").await?;
            print(&answer, as_json, print_list);
        }
        Some(AnalyzersCommand::Card { name }) => {
            let path = format!("/api/v1/analyzers/{}/card", escape(&name));
            let answer = client.get(&path).await?;
            print(&answer, as_json, print_card);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_list(answer: &Value) {
    for one in list_of(answer, "analyzers") {
        let headline = match one.get("headline").filter(|score| !score.is_null()) {
            Some(score) => format!("{} {}", text_of(score, "metric"), value_of(score)),
            None => text_of(one, "status").to_owned(),
        };
        println!(
            "{:18} {:10} {headline}",
            text_of(one, "name"),
            text_of(one, "analyzer")
        );
    }
}

/// Value, interval and count of a score.
fn value_of(score: &Value) -> String {
    let value = score["value"].as_f64().unwrap_or_default();
    let interval = match score["interval"].as_array().map(Vec::as_slice) {
        Some([low, high]) => format!(" (95 %: {low} to {high})"),
        _ => String::new(),
    };
    format!("{value}{interval}, n = {}", score["count"])
}

fn print_card(answer: &Value) {
    let card = &answer["card"];
    println!("{}\n{}", text_of(card, "title"), text_of(card, "what"));
    println!(
        "unit {}; analyzer {} {}",
        text_of(card, "unit"),
        text_of(card, "analyzer"),
        text_of(card, "version")
    );
    for (note, of) in [("stale", answer), ("unvalidated_because", card)] {
        if let Some(text) = of.get(note).and_then(Value::as_str) {
            println!("{}: {text}", note.split('_').next().unwrap_or(note));
        }
    }
    for data in list_of(card, "data") {
        let (name, of) = (text_of(data, "name"), text_of(data, "of"));
        println!(
            "data         {} {of}: {name} ({})",
            data["count"],
            text_of(data, "origin")
        );
    }
    for score in list_of(card, "scores") {
        println!(
            "{:12} {} on {}",
            text_of(score, "metric"),
            value_of(score),
            text_of(score, "of")
        );
    }
    for confidence in list_of(card, "confidences") {
        println!(
            "calibration  error {} of {} (a perfect one: {}), n = {}. {}",
            confidence["ece"],
            text_of(confidence, "of"),
            confidence["ece_of_perfect"][0],
            confidence["count"],
            text_of(confidence, "definition")
        );
    }
    for peer in list_of(card, "peers") {
        println!(
            "peer         {} {} {}",
            text_of(peer, "name"),
            text_of(peer, "metric"),
            peer["value"]
        );
    }
    for failure in list_of(card, "failures") {
        let (group, metric) = (text_of(failure, "group"), text_of(failure, "metric"));
        println!(
            "fails        {group}: {metric} {}, n = {}",
            failure["value"], failure["count"]
        );
    }
    for note in list_of(card, "notes") {
        println!("note         {}", note.as_str().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scores_are_told_with_their_interval() {
        let score = json!({"metric": "Acc1", "value": 0.93, "interval": [0.86, 0.99], "count": 73});
        assert_eq!(value_of(&score), "0.93 (95 %: 0.86 to 0.99), n = 73");
        let bound = json!({"metric": "error", "value": 0.06, "count": 5});
        assert_eq!(value_of(&bound), "0.06, n = 5");
    }
}
