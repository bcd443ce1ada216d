//! Accuracy cards: what every family of descriptors measures, on what, how well, and where it fails.

mod audio;
mod card;
mod character;
mod ebu;
mod learnt;
mod lyrics;
mod markdown;
mod measures;
mod peers;
mod rhyme;
mod songs;
mod timbre;
mod tuning;
mod unvalidated;

use std::path::PathBuf;

use anyhow::Context;
use leitmotif_analysis::Analyzer;
use leitmotif_analysis::audio::AUDIO_ANALYZER_VERSION;
use leitmotif_analysis::lyrics::{MEANING_VERSION, WordsAnalyzer};
use serde_json::{Value, json};

use card::Card;

/// Makes the accuracy cards anew, as Markdown and JSON; same inputs, same bytes.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with the kits: `audio/`, `lyrics/` and `recsys/`.
    #[arg(long)]
    data: PathBuf,
    /// Folder that the cards are written to, `docs/accuracy`.
    #[arg(long)]
    out: PathBuf,
    /// Clips analysed at the same time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Makes the cards of lyrics alone and leaves those of audio, which take long, as they are.
    #[arg(long)]
    lyrics_only: bool,
    /// Makes the card of loudness alone, whose signals need no data.
    #[arg(long, conflicts_with = "lyrics_only")]
    loudness_only: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut cards = match args.loudness_only {
        true => vec![ebu::card()],
        false => all(args)?,
    };
    cards.sort_by_key(|card| card.name);
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make `{}`", args.out.display()))?;
    for card in &cards {
        let json = serde_json::to_string_pretty(card)? + "\n";
        for (extension, text) in [("json", json), ("md", markdown::markdown(card))] {
            let path = args.out.join(card.name).with_extension(extension);
            std::fs::write(&path, text)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
        }
    }
    let names: Vec<&str> = cards.iter().map(|card| card.name).collect();
    Ok(json!({"cards": names}))
}

fn all(args: &Args) -> anyhow::Result<Vec<Card>> {
    let mut cards = Vec::new();
    if !args.lyrics_only {
        cards.extend(audio::cards(&args.data.join("audio"), args.jobs)?);
        cards.extend(songs::cards(args.jobs)?);
        cards.push(ebu::card());
        cards.push(tuning::card()?);
        cards.push(timbre::card()?);
    }
    cards.extend(rhyme::cards(&args.data.join("lyrics"))?);
    cards.extend(lyrics::cards(&args.data.join("lyrics"))?);
    cards.extend(measures::cards(&args.data.join("lyrics"))?);
    cards.extend(learnt::cards(&args.data)?);
    cards.extend(unvalidated::cards());
    if args.lyrics_only {
        cards.retain(|card| matches!(card.analyzer, "words" | "meaning"));
    }
    Ok(cards)
}

/// The version of an analyzer as this program has it.
fn version_of(analyzer: &str) -> String {
    match analyzer {
        "words" => WordsAnalyzer.describe().version,
        "meaning" => MEANING_VERSION.to_owned(),
        _ => AUDIO_ANALYZER_VERSION.to_owned(),
    }
}

/// A card without numbers, to fill in.
fn blank(name: &'static str, title: &'static str, analyzer: &'static str) -> Card {
    Card {
        name,
        title,
        analyzer,
        version: version_of(analyzer),
        descriptors: Vec::new(),
        what: "",
        unit: "",
        status: card::Status::Validated,
        unvalidated_because: None,
        data: Vec::new(),
        scores: Vec::new(),
        confidences: Vec::new(),
        peers: Vec::new(),
        failures: Vec::new(),
        notes: Vec::new(),
    }
}
