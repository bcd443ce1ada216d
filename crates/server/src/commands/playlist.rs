//! `leitmotif playlist`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::query::find;
use super::search::RangeArgs;
use super::{list_of, playlist_files, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum PlaylistCommand {
    /// Makes a playlist whose tracks flow into each other, and keeps it when it is given a name.
    Make(Box<MakeArgs>),
    /// Says what goes on after a playlist, and puts it behind on request.
    Continue {
        /// Its id.
        id: String,
        /// Tracks wanted.
        #[arg(long, default_value_t = 10)]
        count: usize,
        /// The name the player uses for the person it is for; its owner when left out.
        #[arg(long)]
        listener: Option<String>,
        /// Puts the tracks behind those of the playlist.
        #[arg(long)]
        append: bool,
    },
    /// Lists playlists, oldest first.
    List {
        /// Playlists wanted.
        #[arg(long, default_value_t = 50)]
        count: usize,
    },
    /// Shows the tracks of a playlist with tempo, key, energy and the cost of each step.
    Show {
        /// Its id.
        id: String,
    },
    /// Reads playlists of files: M3U, M3U8, XSPF, JSPF. One of the same name is replaced.
    Import {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The name the player uses for the person they belong to.
        #[arg(long)]
        owner: Option<String>,
    },
    /// Writes a playlist as a file.
    Export {
        /// Its id.
        id: String,
        /// File format.
        #[arg(long, value_enum, default_value = "m3u8")]
        format: Format,
        /// The file; standard output when left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("kind").required(true).args(["seed", "text", "genre", "from", "daily_mix", "weekly_mix"])))]
pub struct MakeArgs {
    /// A track it starts from; may be given several times.
    #[arg(long)]
    seed: Vec<String>,
    /// Words that name the tracks it starts from, or filters it keeps to, such as `140 bpm` or `90s`.
    #[arg(long)]
    text: Option<String>,
    /// The best of a genre, by the listener's taste where one is given.
    #[arg(long)]
    genre: Option<String>,
    /// Where a way through the sound begins.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// Where the way ends.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// Mixes what the listener loves with what is new to them, another one each day.
    #[arg(long, requires = "listener")]
    daily_mix: bool,
    /// What is new to the listener, another one each week.
    #[arg(long, requires = "listener")]
    weekly_mix: bool,
    /// The name the player uses for the person it is for.
    #[arg(long)]
    listener: Option<String>,
    /// Tracks wanted.
    #[arg(long, default_value_t = 30)]
    count: usize,
    /// How energy should run.
    #[arg(long, value_enum)]
    arc: Option<Arc>,
    #[command(flatten)]
    ranges: RangeArgs,
    /// Only tracks of this genre, whatever the kind.
    #[arg(long)]
    only_genre: Option<String>,
    /// Only tracks that have all of these words in title, artist, release, genre or lyrics.
    #[arg(long)]
    only_text: Option<String>,
    /// Keeps the playlist under this name.
    #[arg(long)]
    name: Option<String>,
    /// A private session: nothing of what is shown is written down.
    #[arg(long)]
    private: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Arc {
    /// From quiet to loud.
    Rise,
    /// From loud to quiet.
    Fall,
    /// Up to the middle and down again.
    Peak,
    /// Down to the middle and up again.
    Valley,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// Extended M3U.
    M3u8,
    /// XML Shareable Playlist Format.
    Xspf,
    /// The same as JSON.
    Jspf,
}

/// Does what the subcommand says.
pub async fn run(
    command: PlaylistCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        PlaylistCommand::Make(args) => make(*args, client, as_json).await?,
        PlaylistCommand::Continue {
            id,
            count,
            listener,
            append,
        } => {
            let asked = json!({"kind": "continuation", "playlist": id, "count": count,
                "listener": listener});
            let mut draft = client.post("/api/v1/playlist-drafts", &asked).await?;
            if append {
                let further = json!({ "tracks": ids_of(&draft) });
                let path = format!("/api/v1/playlists/{id}/tracks");
                client.post(&path, &further).await?;
                draft["playlist"] = json!(id);
            }
            print(&draft, as_json, print_draft);
        }
        PlaylistCommand::List { count } => {
            let answer = client
                .get(&format!("/api/v1/playlists?limit={count}"))
                .await?;
            print(&answer, as_json, |answer| {
                for playlist in list_of(answer, "playlists") {
                    let tracks = list_of(playlist, "tracks").len();
                    let (id, name) = (text_of(playlist, "id"), text_of(playlist, "name"));
                    println!("{id}  {tracks:>5} tracks  {name}");
                }
            });
        }
        PlaylistCommand::Show { id } => {
            let answer = client.get(&format!("/api/v1/playlists/{id}/flow")).await?;
            print(&answer, as_json, |answer| {
                print_flow(answer);
                println!("{}", costs_by(answer));
            });
        }
        PlaylistCommand::Import { files, owner } => {
            for path in &files {
                let read = playlist_files::import(path, owner.as_deref(), client).await?;
                print(&read, as_json, playlist_files::print_text);
            }
        }
        PlaylistCommand::Export { id, format, out } => export(&id, format, out, client).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn make(args: MakeArgs, client: &Client, as_json: bool) -> anyhow::Result<()> {
    let mut asked =
        json!({"count": args.count, "listener": args.listener, "private": args.private});
    asked["constraints"] = args.ranges.document(args.only_genre, args.only_text);
    if let Some(arc) = args.arc.and_then(|arc| arc.to_possible_value()) {
        asked["arc"] = json!(arc.get_name());
    }
    asked["kind"] = json!(if let (Some(from), Some(to)) = (&args.from, &args.to) {
        asked["from"] = json!(find(client, from).await?);
        asked["to"] = json!(find(client, to).await?);
        "path"
    } else if let Some(text) = &args.text {
        asked["text"] = json!(text);
        "text"
    } else if let Some(genre) = &args.genre {
        asked["genre"] = json!(genre);
        "genre"
    } else if args.daily_mix {
        "daily_mix"
    } else if args.weekly_mix {
        "weekly_mix"
    } else {
        let mut seeds = Vec::new();
        for seed in &args.seed {
            seeds.push(find(client, seed).await?);
        }
        asked["seeds"] = json!(seeds);
        "seeds"
    });
    let mut draft = client.post("/api/v1/playlist-drafts", &asked).await?;
    if let Some(name) = &args.name {
        let kept = json!({"name": name, "owner": args.listener, "tracks": ids_of(&draft)});
        let playlist = client.post("/api/v1/playlists", &kept).await?;
        draft["playlist"] = playlist["id"].clone();
    }
    print(&draft, as_json, print_draft);
    Ok(())
}

/// Where the costs of steps come from, as a sentence.
fn costs_by(answer: &Value) -> &'static str {
    match answer["step_costs_by"].as_str() {
        Some("listening") => "steps cost what was learnt from where listeners played on",
        _ => "steps cost what mixers agree on; nothing was learnt that surely tells better",
    }
}

fn ids_of(draft: &Value) -> Vec<&Value> {
    let tracks = list_of(draft, "tracks").iter();
    tracks.filter_map(|track| track.get("id")).collect()
}

fn print_draft(draft: &Value) {
    print_flow(draft);
    if let Some(cost) = draft["step_cost"].as_f64() {
        let shuffled = draft["shuffled_step_cost"].as_f64();
        let beside = shuffled.map(|cost| format!(", shuffled {cost:.3}"));
        println!(
            "cost of a step {cost:.3}{} (0 smooth, 1 rough)",
            beside.unwrap_or_default()
        );
        println!("{}", costs_by(draft));
    }
    for told in ["shortage", "crowding"] {
        if let Some(sentence) = draft[told].as_str() {
            println!("{sentence}");
        }
    }
    if let Some(request) = draft["request_id"].as_str() {
        println!("request {request}");
    }
    if let Some(id) = draft["playlist"].as_str() {
        println!("kept as playlist {id}");
    }
}

fn print_flow(answer: &Value) {
    for (place, track) in list_of(answer, "tracks").iter().enumerate() {
        let number = |name: &str| track.get(name).and_then(Value::as_f64);
        let shown = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let tempo = shown(number("tempo_bpm").map(|bpm| format!("{bpm:.0} bpm")));
        let energy = shown(number("energy").map(|energy| format!("{energy:.2}")));
        let step = shown(number("step_cost").map(|cost| format!("{cost:.2}")));
        let key = shown(track["key"].as_str().map(str::to_owned));
        println!(
            "{:3}  {tempo:>7}  {key:8}  energy {energy:>4}  step {step:>4}  {} · {}",
            place + 1,
            text_of(track, "title"),
            text_of(track, "artist"),
        );
    }
}

async fn export(
    id: &str,
    format: Format,
    out: Option<PathBuf>,
    client: &Client,
) -> anyhow::Result<()> {
    let format = format
        .to_possible_value()
        .context("every format has a name")?;
    let path = format!("/api/v1/playlists/{id}/file?format={}", format.get_name());
    let text = client.text(&path).await?;
    match out {
        Some(path) => std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?,
        None => print!("{text}"),
    }
    Ok(())
}
