//! Questions: similar, recommend, jobs, overview; and the work one waits for: analyze, train.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::batch::BatchArgs;
use super::replay::ReplayArgs;
use super::search::{ConstraintArgs, query_text};
use super::{list_of, print, text_of};
use crate::client::Client;

/// Time between two looks at a job.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub struct AnalyzeArgs {
    /// Track id or `namespace:id`.
    track: String,
}

#[derive(clap::Args)]
pub struct SimilarArgs {
    /// Track id, `namespace:id`, or words of title and artist that name one track.
    track: String,
    /// Tracks wanted.
    #[arg(long, default_value_t = 10)]
    count: usize,
    /// Embedding space, or `audio`, `lyrics`, `both`; the first the track is in when left out.
    #[arg(long)]
    space: Option<String>,
    /// What the lyrics weigh in `both`, 0 to 1; a half when left out.
    #[arg(long)]
    lyrics_weight: Option<f32>,
    /// Tempo within so many per cent of the track's own.
    #[arg(long)]
    bpm_near: Option<f32>,
    #[command(flatten)]
    constraints: ConstraintArgs,
}

/// What is known of the moment.
#[derive(clap::Args, serde::Serialize)]
pub struct MomentArgs {
    /// Device class: rules of the placement may ask it, and the order may follow it, as what follows here.
    #[arg(long)]
    pub device: Option<String>,
    /// Activity, for example `running`.
    #[arg(long)]
    pub activity: Option<String>,
    /// Hour of the day where the listener is, 0 to 23.
    #[arg(long)]
    pub hour: Option<u8>,
    /// Day of the week where the listener is, 1 for Monday.
    #[arg(long)]
    pub weekday: Option<u8>,
    /// Where the listener's clock stands, `Europe/Lisbon` or `+02:00`: hour and weekday follow from it where
    /// they are left out.
    #[arg(long)]
    pub zone: Option<String>,
    /// Where on earth, coarsely: a geohash of at most four characters.
    #[arg(long)]
    pub cell: Option<String>,
}

/// What lists are to be made for.
#[derive(clap::Args)]
pub struct ObjectiveArgs {
    /// What lists are to be made for, with what it counts: `relevance=1`, `diversity=0.5` (0 to 1), `novelty=0.3`, `freshness=-0.2`
    /// (-1 to 1).
    #[arg(long = "objective", value_name = "NAME=WEIGHT", value_parser = objective)]
    objectives: Vec<(String, f32)>,
}

impl ObjectiveArgs {
    fn document(&self) -> Value {
        let pairs = self.objectives.iter().cloned();
        pairs.map(|(name, weight)| (name, json!(weight))).collect()
    }

    /// As a query has them; none where nothing is said.
    pub fn text(&self) -> Option<String> {
        let pairs = self.objectives.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, weight)| format!("{name}:{weight}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

fn objective(text: &str) -> Result<(String, f32), String> {
    let (name, weight) = text.split_once('=').ok_or("there is no `=` in it")?;
    let weight = weight
        .parse()
        .map_err(|_| format!("`{weight}` is no number"))?;
    Ok((name.to_owned(), weight))
}

/// What a list was made for.
pub fn made_for(list: &Value) -> String {
    let told = list_of(list, "objectives").iter().map(|one| {
        let weight = one.get("weight").and_then(Value::as_f64).unwrap_or(0.0);
        format!("{} {weight:.2}", text_of(one, "name"))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[derive(Subcommand)]
pub enum RecommendCommand {
    /// Makes the lists of many listeners, all from what is known at one moment, and writes them into a file.
    Batch(BatchArgs),
    /// Gives answers of the past again from what was known then, and compares them with what was shown.
    /// Ends with a failure when one differs without a reason.
    Replay(ReplayArgs),
}

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RecommendArgs {
    #[command(subcommand)]
    pub command: Option<RecommendCommand>,
    /// The name the player uses for the person; left out for nobody known.
    listener: Option<String>,
    /// Tracks wanted.
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// Tracks the list starts from.
    #[arg(long)]
    seed: Vec<String>,
    /// Tracks that must not appear.
    #[arg(long)]
    exclude: Vec<String>,
    /// Tracks that the listener has heard may appear.
    #[arg(long)]
    include_heard: bool,
    #[command(flatten)]
    moment: MomentArgs,
    /// Where it would be shown; the pipeline of that placement makes the list.
    #[arg(long, default_value = "command-line")]
    placement: String,
    /// From -1, artists never heard, to 1, artists the listener plays.
    #[arg(long, allow_negative_numbers = true)]
    familiarity: Option<f32>,
    /// From -1, deep cuts, to 1, hits.
    #[arg(long, allow_negative_numbers = true)]
    popularity: Option<f32>,
    /// From -1, old in the catalogue, to 1, new.
    #[arg(long, allow_negative_numbers = true)]
    freshness: Option<f32>,
    #[command(flatten)]
    objectives: ObjectiveArgs,
    #[command(flatten)]
    constraints: ConstraintArgs,
    /// Shows the steps with their times.
    #[arg(long)]
    trace: bool,
}

#[derive(clap::Args)]
pub struct JobsArgs {
    /// Only jobs in this state: waiting, running, done, dead.
    #[arg(long)]
    state: Option<String>,
    /// Jobs wanted.
    #[arg(long, default_value_t = 50)]
    count: usize,
}

/// Analyses a track and prints what was measured.
pub async fn analyze(
    args: AnalyzeArgs,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let track = find(client, &args.track).await?;
    let queued = client
        .post(&format!("/api/v1/tracks/{track}/analyze"), &json!({}))
        .await?;
    wait(client, text_of(&queued, "job")).await?;
    let analysis = client
        .get(&format!("/api/v1/tracks/{track}/analysis"))
        .await?;
    print(&analysis, as_json, |analysis| {
        for descriptor in list_of(analysis, "descriptors") {
            let value = match descriptor.get("value") {
                Some(Value::Null) | None => "unknown".to_owned(),
                Some(value) => value.to_string(),
            };
            let shown: String = value.chars().take(48).collect();
            let confidence = descriptor.get("confidence").and_then(Value::as_f64);
            let confidence = confidence
                .map(|c| format!("{:.0} %", c * 100.0))
                .unwrap_or_default();
            let (name, method) = (text_of(descriptor, "name"), text_of(descriptor, "method"));
            println!("{name:34} {shown:48} {confidence:>6}  {method}");
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Prints the nearest tracks.
pub async fn similar(
    args: SimilarArgs,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let track = find(client, &args.track).await?;
    let own = [
        ("space", args.space),
        (
            "lyrics_weight",
            args.lyrics_weight.map(|weight| weight.to_string()),
        ),
        ("bpm_near", args.bpm_near.map(|percent| percent.to_string())),
    ];
    let rest = query_text(own.into_iter().chain(args.constraints.pairs()));
    let path = format!("/api/v1/tracks/{track}/similar?limit={}{rest}", args.count);
    let answer = client.get(&path).await?;
    print(&answer, as_json, |answer| {
        println!("cosine distance in {}", text_of(answer, "space"));
        for track in list_of(answer, "tracks") {
            let distance = track.get("distance").and_then(Value::as_f64).unwrap_or(0.0);
            let (title, artist) = (text_of(track, "title"), text_of(track, "artist"));
            println!(
                "{distance:.4}  {title} · {artist}  {}",
                text_of(track, "id")
            );
        }
        if let Some(shortfall) = answer.get("shortfall") {
            println!("{}", text_of(shortfall, "reason"));
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Prints recommendations with their reasons.
pub async fn recommend(
    args: RecommendArgs,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let asked = json!({
        "listener": args.listener, "count": args.count, "seeds": args.seed,
        "placement": args.placement, "trace": args.trace, "familiarity": args.familiarity,
        "popularity": args.popularity, "freshness": args.freshness,
        "exclude": args.exclude, "include_heard": args.include_heard,
        "context": args.moment, "objectives": args.objectives.document(),
        "constraints": args.constraints.document(),
    });
    let answer = client.post("/api/v1/recommendations", &asked).await?;
    print(&answer, as_json, |answer| {
        println!(
            "rung {}, request {}, made for {}",
            text_of(answer, "rung"),
            text_of(answer, "request_id"),
            made_for(answer)
        );
        for track in list_of(answer, "tracks") {
            let position = track.get("position").and_then(Value::as_u64).unwrap_or(0);
            let score = track.get("score").and_then(Value::as_f64).unwrap_or(0.0);
            let (title, artist) = (text_of(track, "title"), text_of(track, "artist"));
            let reason = list_of(track, "reasons")
                .first()
                .map(|r| text_of(r, "text"));
            println!(
                "{position:3}  {score:.3}  {title} · {artist}  ({})",
                reason.unwrap_or("–")
            );
        }
        if let Some(shortage) = answer.get("shortage").and_then(Value::as_str) {
            println!("{shortage}");
        }
        for span in list_of(answer, "trace") {
            let taken = span.get("duration_us").and_then(Value::as_u64).unwrap_or(0);
            println!("{:32} {taken:>7} µs", text_of(span, "name"));
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Prints jobs.
pub async fn jobs(args: JobsArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let state = args
        .state
        .map(|state| format!("&state={state}"))
        .unwrap_or_default();
    let answer = client
        .get(&format!("/api/v1/jobs?limit={}{state}", args.count))
        .await?;
    print(&answer, as_json, |answer| {
        for job in list_of(answer, "jobs") {
            let (state, kind) = (text_of(job, "state"), text_of(job, "kind"));
            let (subject, error) = (text_of(job, "subject"), text_of(job, "error"));
            println!("{state:8} {kind:14} {subject}  {error}");
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Prints a document name by name.
pub async fn show(client: &Client, path: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.get(path).await?;
    print(&answer, as_json, |answer| {
        for (name, value) in answer.as_object().into_iter().flatten() {
            println!("{:14} {value}", name.replace('_', " "));
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Finds a track: by id, by `namespace:id`, or by words that name exactly one.
pub(super) async fn find(client: &Client, text: &str) -> anyhow::Result<String> {
    let is_reference = text.contains(':') || (text.len() == 22 && !text.contains(' '));
    if is_reference
        && let Ok(track) = client
            .get(&format!("/api/v1/tracks/{}", escape(text)))
            .await
    {
        return Ok(text_of(&track, "id").to_owned());
    }
    let found = client
        .get(&format!("/api/v1/tracks?limit=5&q={}", escape(text)))
        .await?;
    match list_of(&found, "tracks") {
        [] => anyhow::bail!("no track is called `{text}`"),
        [one] => Ok(text_of(one, "id").to_owned()),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|t| {
                    format!(
                        "  {} {} · {}",
                        text_of(t, "id"),
                        text_of(t, "title"),
                        text_of(t, "artist")
                    )
                })
                .collect();
            anyhow::bail!(
                "several tracks match `{text}`, name one:\n{}",
                names.join("\n")
            )
        }
    }
}

/// Escapes a text for a URL.
pub(super) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b':' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Waits for a job.
pub(super) async fn wait(client: &Client, job: &str) -> anyhow::Result<()> {
    loop {
        let state = client.get(&format!("/api/v1/jobs/{job}")).await?;
        match text_of(&state, "state") {
            "done" => return Ok(()),
            "dead" => anyhow::bail!("{}", text_of(&state, "error")),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
