//! `leitmotif heads`: genre, mood and values by the tenant's own labels.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::query::{escape, wait};
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum HeadsCommand {
    /// Lists every label: how well it is told, or why it is not and how many labels are missing.
    List,
    /// Shows one label.
    Show {
        /// `genre:` or `mood:` and the label.
        name: String,
    },
    /// Learns from the labels as they are now, then lists them.
    Train,
}

/// Lists, shows or trains heads.
pub async fn run(
    command: HeadsCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        HeadsCommand::Show { name } => {
            let path = format!("/api/v1/heads/{}", escape(&name));
            print(&client.get(&path).await?, as_json, print_head);
        }
        HeadsCommand::List => print(&all(client).await?, as_json, print_all),
        HeadsCommand::Train => {
            let queued = client.post("/api/v1/heads/train", &json!({})).await?;
            wait(client, text_of(&queued, "job")).await?;
            print(&all(client).await?, as_json, print_all);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The listing, all pages as one.
async fn all(client: &Client) -> anyhow::Result<Value> {
    let mut heads = Vec::new();
    let mut path = "/api/v1/heads?limit=200".to_owned();
    loop {
        let mut page = client.get(&path).await?;
        heads.extend_from_slice(list_of(&page, "heads"));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/heads?limit=200&cursor={cursor}"),
            None => {
                page["heads"] = json!(heads);
                return Ok(page);
            }
        }
    }
}

fn print_all(answer: &Value) {
    if answer["trained_at"].is_null() {
        println!(
            "nothing is trained: give tracks a genre or tags `mood:…` and `valence:…`, then `leitmotif heads train`"
        );
    }
    let heads = list_of(answer, "heads");
    for head in heads {
        println!(
            "{:32} {:6} tracks {:5} artists  {}",
            text_of(head, "name"),
            head["tracks"],
            head["artists"],
            standing(head)
        );
    }
    for value in list_of(answer, "values") {
        let (tracks, artists) = (&value["tracks"], &value["artists"]);
        let name = text_of(value, "name");
        println!(
            "{name:32} {tracks:6} tracks {artists:5} artists  {}",
            standing(value)
        );
    }
    let told = heads.iter().filter(|head| head["state"] == "shown").count();
    println!("{told} of {} labels are told", heads.len());
    if answer["unmeasured_tracks"].as_u64().unwrap_or_default() > 0 {
        let count = &answer["unmeasured_tracks"];
        println!("{count} labelled tracks are not analysed and teach nothing");
    }
    if answer["is_stale"] == true {
        println!("labels changed since: `leitmotif heads train` learns from them");
    }
}

fn print_head(head: &Value) {
    let (tracks, artists) = (&head["tracks"], &head["artists"]);
    println!(
        "{}: {tracks} tracks of {artists} artists",
        text_of(head, "name")
    );
    for (name, told) in [
        ("average_precision", "average precision"),
        ("skill", "skill over a guess"),
        ("f1", "F1"),
        ("roc_auc", "ROC AUC"),
    ] {
        if let Some(value) = head["measure"].get(name) {
            println!("{told:20} {}", interval(value));
        }
    }
    println!("{}", standing(head));
}

fn standing(head: &Value) -> String {
    match head["reason"].as_str() {
        Some(reason) => format!("not told: {reason}"),
        None => format!("told, skill {}", interval(&head["measure"]["skill"])),
    }
}

/// `0.81 (95 %: 0.72 to 0.88)`.
fn interval(value: &Value) -> String {
    let number = |name: &str| value[name].as_f64().unwrap_or_default();
    let (low, high) = (number("low"), number("high"));
    format!("{:.2} (95 %: {low:.2} to {high:.2})", number("value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_told_with_its_interval_or_its_reason() {
        let skill = json!({"value": 0.812, "low": 0.7, "high": 0.9});
        let told = json!({"reason": null, "measure": {"skill": skill}});
        assert_eq!(standing(&told), "told, skill 0.81 (95 %: 0.70 to 0.90)");
        let refused = json!({"reason": "3 more tracks are missing", "measure": null});
        assert_eq!(standing(&refused), "not told: 3 more tracks are missing");
    }
}
