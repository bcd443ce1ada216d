//! `leitmotif home`: what a listener's home shows.

use std::process::ExitCode;

use serde_json::Value;

use super::query::{MomentArgs, ObjectiveArgs, made_for};
use super::search::query_text;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(clap::Args)]
pub struct HomeArgs {
    /// The name the player uses; left out for nobody known.
    listener: Option<String>,
    /// Tracks on a shelf, 1 to 50.
    #[arg(long, default_value_t = 12)]
    count: usize,
    #[command(flatten)]
    moment: MomentArgs,
    #[command(flatten)]
    objectives: ObjectiveArgs,
}

/// Prints the shelves in their order.
pub async fn run(args: HomeArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let number = |number: Option<u8>| number.map(|number| number.to_string());
    let asked = query_text(
        [
            ("listener", args.listener),
            ("device", args.moment.device),
            ("activity", args.moment.activity),
            ("hour", number(args.moment.hour)),
            ("weekday", number(args.moment.weekday)),
            ("zone", args.moment.zone),
            ("cell", args.moment.cell),
            ("objectives", args.objectives.text()),
        ]
        .into_iter(),
    );
    let path = format!("/api/v1/home?count={}{asked}", args.count);
    let answer = client.get(&path).await?;
    print(&answer, as_json, |answer| {
        println!("layout {}", text_of(answer, "layout"));
        for shelf in list_of(answer, "shelves") {
            println!(
                "\n{} (placement {}, rung {}, request {}, made for {})",
                text_of(shelf, "name"),
                text_of(shelf, "placement"),
                text_of(shelf, "rung"),
                text_of(shelf, "request_id"),
                made_for(shelf),
            );
            list_of(shelf, "tracks").iter().for_each(print_track);
        }
        for shelf in list_of(answer, "left_out") {
            let (name, reason) = (text_of(shelf, "name"), text_of(shelf, "reason"));
            println!("\n{name} is left out: {reason}");
        }
    });
    Ok(ExitCode::SUCCESS)
}

fn print_track(track: &Value) {
    let reason = list_of(track, "reasons").first();
    println!(
        "{:3}  {} · {}  ({})",
        track["position"].as_u64().unwrap_or(0),
        text_of(track, "title"),
        text_of(track, "artist"),
        reason.map_or("–", |reason| text_of(reason, "text")),
    );
}
