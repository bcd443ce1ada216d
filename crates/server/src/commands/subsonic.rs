//! `leitmotif import subsonic`: what a media server calls the tracks that are here, so that players and
//! plugins that speak its ids are understood; its favourites on request.
//!
//! Ids that are known stay as they are, so that going on after a stop is running it again.

mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use leitmotif_demo::tour::TourProgress;
use leitmotif_domain::limits;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;
use crate::progress::Bars;
use server::{MediaServer, Song, Who};

/// Songs asked for at once; what every server of the protocol grants.
const SONGS_PER_PAGE: usize = 500;
/// Songs that are not here, shown by name.
const MISSING_SHOWN: usize = 10;
/// Ids that were refused, shown with the reason.
const REFUSED_SHOWN: usize = 10;
#[derive(clap::Args)]
pub struct Args {
    /// Address of the media server, `http://host:port`.
    from: String,
    /// User of the media server; without one an API key of the server stands for user and password.
    #[arg(long)]
    user: Option<String>,
    /// File with the password, or the API key; `-` reads it from standard input.
    #[arg(long)]
    password_file: PathBuf,
    /// Sends the password itself: for servers that keep only its hash, and so cannot check a salted one.
    #[arg(long)]
    plain_password: bool,
    /// Namespace of the ids; what the server calls itself when left out.
    #[arg(long)]
    namespace: Option<String>,
    /// Adds the songs that are not here, without their sound.
    #[arg(long)]
    add_missing: bool,
    /// Takes what the user has starred as likes of this listener.
    #[arg(long)]
    listener: Option<String>,
}

/// What came of it.
#[derive(Default)]
struct Summary {
    namespace: String,
    songs: u64,
    linked: u64,
    unchanged: u64,
    added: u64,
    likes: u64,
    missing: u64,
    missing_examples: Vec<String>,
    refused: u64,
    refused_examples: Vec<String>,
}

impl Summary {
    fn document(&self) -> Value {
        json!({
            "namespace": self.namespace,
            "songs": self.songs,
            "linked": self.linked,
            "unchanged": self.unchanged,
            "added": self.added,
            "likes": self.likes,
            "missing": self.missing,
            "missing_examples": self.missing_examples,
            "refused": self.refused,
            "refused_examples": self.refused_examples,
        })
    }
}

/// Walks the songs of the server, page by page, and tells the catalogue their ids.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let secret = secret_of(&args)?;
    let who = match args.user.clone() {
        None => Who::Key(secret),
        Some(user) if args.plain_password => Who::Plain(user, secret),
        Some(user) => Who::Salted(user, secret),
    };
    let server = MediaServer::open(&args.from, &who).await?;
    let namespace = args.namespace.clone();
    let mut importing = Importing {
        client,
        add_missing: args.add_missing,
        listener: args.listener.clone(),
        summary: Summary {
            namespace: namespace.unwrap_or_else(|| server.namespace().to_owned()),
            ..Summary::default()
        },
    };
    let bars = Bars::new(as_json);
    let step = "match songs";
    bars.begin(step, server.song_count().await?.unwrap_or(0));
    let mut first_before = None;
    loop {
        let at = importing.summary.songs as usize;
        let songs = server.songs(at, SONGS_PER_PAGE).await?;
        let Some(first) = songs.first().map(|song| song.id().to_owned()) else {
            break;
        };
        ensure!(
            first_before.as_ref() != Some(&first),
            "the media server tells the same songs again: it does not page, so that not all can be read"
        );
        first_before = Some(first);
        for part in songs.chunks(limits::MATCHES_PER_BATCH_MAX.min(limits::TRACKS_PER_BATCH_MAX)) {
            importing.take(part).await?;
        }
        importing.summary.songs += songs.len() as u64;
        bars.advance(step, importing.summary.songs);
    }
    bars.end(step);
    let summary = importing.summary;
    print(&summary.document(), as_json, print_text);
    Ok(if summary.refused > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn secret_of(args: &Args) -> anyhow::Result<String> {
    let path = &args.password_file;
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

struct Importing<'c> {
    client: &'c Client,
    add_missing: bool,
    listener: Option<String>,
    summary: Summary,
}

impl Importing<'_> {
    /// Finds the tracks of songs and tells them their ids.
    async fn take(&mut self, songs: &[Song]) -> anyhow::Result<()> {
        let namespace = self.summary.namespace.clone();
        // There is nothing to know a song without an id by.
        let songs: Vec<&Song> = songs.iter().filter(|song| !song.id().is_empty()).collect();
        let words: Vec<Value> = songs.iter().map(|song| song.words(&namespace)).collect();
        let asked = json!({ "tracks": words });
        let answer = self.client.post("/api/v1/track-matches", &asked).await?;
        let matches = list_of(&answer, "tracks").iter().map(Value::as_str);
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for (song, found) in songs.into_iter().zip(matches) {
            match found {
                Some(track) => here.push((song, track.to_owned())),
                None => missing.push(song),
            }
        }
        self.link(&here).await?;
        if self.add_missing {
            here.extend(self.add(&missing).await?);
        } else {
            self.summary.missing += missing.len() as u64;
            let room = MISSING_SHOWN.saturating_sub(self.summary.missing_examples.len());
            let names = missing.iter().take(room).map(|song| song.name());
            self.summary.missing_examples.extend(names);
        }
        self.like(&here).await
    }

    async fn link(&mut self, here: &[(&Song, String)]) -> anyhow::Result<()> {
        if here.is_empty() {
            return Ok(());
        }
        let namespace = &self.summary.namespace;
        let ids: Vec<Value> = (here.iter())
            .map(|(song, track)| song.ids(namespace, track))
            .collect();
        let sent = json!({ "tracks": ids });
        let answer = self.client.post("/api/v1/track-ids", &sent).await?;
        let count = |name: &str| answer[name].as_u64().unwrap_or(0);
        self.summary.linked += count("linked");
        self.summary.unchanged += count("unchanged");
        self.summary.refused += count("refused");
        for ((song, _), told) in here.iter().zip(list_of(&answer, "tracks")) {
            let examples = &mut self.summary.refused_examples;
            if text_of(told, "outcome") == "refused" && examples.len() < REFUSED_SHOWN {
                examples.push(format!("{}: {}", song.name(), text_of(told, "reason")));
            }
        }
        Ok(())
    }

    /// Writes songs as tracks; answers them with their ids.
    async fn add<'s>(&mut self, songs: &[&'s Song]) -> anyhow::Result<Vec<(&'s Song, String)>> {
        if songs.is_empty() {
            return Ok(Vec::new());
        }
        let namespace = &self.summary.namespace;
        let tracks: Vec<Value> = songs.iter().map(|song| song.track(namespace)).collect();
        let sent = json!({ "tracks": tracks });
        let answer = self.client.post("/api/v1/tracks", &sent).await?;
        self.summary.added += answer["created"].as_u64().unwrap_or(0);
        let ids = list_of(&answer, "tracks").iter();
        let ids = ids.map(|told| text_of(told, "id").to_owned());
        Ok(songs.iter().copied().zip(ids).collect())
    }

    /// Tells what is starred; a star of the same moment counts once.
    async fn like(&mut self, here: &[(&Song, String)]) -> anyhow::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        let likes: Vec<Value> = (here.iter())
            .filter_map(|(song, track)| {
                let at = song.starred_at()?;
                Some(
                    json!({"kind": "feedback", "occurred_at": at, "listener": listener,
                    "track": track, "opinion": "like"}),
                )
            })
            .collect();
        if likes.is_empty() {
            return Ok(());
        }
        let sent = json!({ "events": likes });
        let answer = self.client.post("/api/v1/events", &sent).await?;
        self.summary.likes += answer["written"].as_u64().unwrap_or(0);
        Ok(())
    }
}

fn print_text(summary: &Value) {
    println!(
        "{} songs of `{}`: {} linked, {} linked before, {} added, {} likes",
        summary["songs"],
        text_of(summary, "namespace"),
        summary["linked"],
        summary["unchanged"],
        summary["added"],
        summary["likes"],
    );
    if summary["missing"].as_u64() > Some(0) {
        println!("{} are not in the catalogue:", summary["missing"]);
    }
    for name in list_of(summary, "missing_examples") {
        println!("  {}", name.as_str().unwrap_or_default());
    }
    if summary["refused"].as_u64() > Some(0) {
        println!("{} were refused:", summary["refused"]);
    }
    for reason in list_of(summary, "refused_examples") {
        println!("  {}", reason.as_str().unwrap_or_default());
    }
}
