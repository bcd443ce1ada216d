//! `leitmotif recommend replay`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::batch::wait;
use super::{list_of, print, text_of};
use crate::client::Client;

const REPLAYS: &str = "/api/v1/answer-replays";

#[derive(clap::Args)]
pub struct ReplayArgs {
    /// The newest so many answers, at most 10,000.
    #[arg(long, short = 'n', default_value_t = 1_000)]
    count: usize,
    /// Only answers whose exposure lies at this offset of the log or behind it.
    #[arg(long)]
    from: Option<u64>,
    /// Only answers whose exposure lies at this offset of the log or before it.
    #[arg(long)]
    through: Option<u64>,
}

/// Gives answers of the past again; fails where one differs without a reason.
pub async fn run(args: ReplayArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let asked = json!({
        "count": args.count, "from_offset": args.from, "through_offset": args.through,
    });
    let queued = client.post(REPLAYS, &asked).await?;
    let job = text_of(&queued, "job");
    wait(client, job, "replay", as_json).await?;
    let answer = client.get(&format!("{REPLAYS}/{job}")).await?;
    print(&answer, as_json, print_report);
    let is_same = answer["different"] == 0;
    Ok(if is_same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_report(answer: &Value) {
    println!(
        "{} answers through event {}: {} identical, {} DIFFERENT, in {:.2} s",
        answer["answers"],
        answer["log_offset"],
        answer["identical"],
        answer["different"],
        answer["elapsed_ms"].as_f64().unwrap_or(0.0) / 1_000.0,
    );
    let counted = [
        ("catalogue_changed", "differ, the catalogue changed since"),
        ("vectors_changed", "differ, vectors changed since"),
    ];
    let left_out = [
        ("model_gone", "not replayed: the model is gone"),
        ("pipeline_gone", "not replayed: the pipeline is gone"),
        (
            "features_changed",
            "not replayed: features it read are defined otherwise",
        ),
        ("degraded", "not replayed: a part failed or was late"),
        ("incomplete", "not replayed: more was asked than is kept"),
        ("playlists", "not replayed: playlists"),
        ("early", "not replayed: from before this was kept"),
    ];
    let of = |counts: &Value, names: &[(&str, &str)]| {
        for (name, told) in names {
            let count = counts[*name].as_u64().unwrap_or(0);
            if count > 0 {
                println!("{count:>9}  {told}");
            }
        }
    };
    of(answer, &counted);
    of(&answer["left_out"], &left_out);
    for one in list_of(answer, "differences") {
        println!(
            "event {} place {} of {}: was {} {}, is {} {} ({})",
            one["offset"],
            one["position"],
            text_of(one, "request_id"),
            text_of(&one["was"], "track"),
            one["was"]["score"],
            text_of(&one["is"], "track"),
            one["is"]["score"],
            text_of(one, "reason"),
        );
    }
}
