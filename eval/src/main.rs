//! Quality and load on labelled data; every subcommand prints one JSON object as its last line.

mod audio;
mod audio_embedding;
mod audio_scores;
mod audio_speed;
mod bandit;
mod beat_scores;
mod calibrate;
mod calibration;
mod cards;
mod drawn_world;
mod duplicates;
mod events;
mod features;
mod files;
mod freshness;
mod heads;
mod ladder;
mod language;
mod load;
mod ltr;
mod lyrics_embedding;
mod map;
mod memory;
mod moments;
mod new_items;
mod new_listeners;
mod propensity;
mod random;
mod rap_pairs;
mod recommend;
mod rhyme;
mod search;
mod sequence;
mod server;
mod sessions;
mod skip_adaptation;
mod song_kit;
mod step_costs;
mod stress;
mod training;
mod two_stage;
mod vectors;
mod wire;
mod world;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "leitmotif-eval", about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tempo, beats and key on labelled clips, and the speed of the whole audio analysis.
    Audio(audio::Args),
    /// Nearest neighbours by the audio embedding: excerpts, degraded copies, styles.
    AudioEmbedding(audio_embedding::Args),
    /// What the whole audio analysis costs, stage by stage.
    AudioSpeed(audio_speed::Args),
    /// How the evidence of an answer becomes its confidence: fits and writes the weights.
    Calibrate(calibrate::Args),
    /// Writes songs of the demo's synthesiser as labelled clips, to fit and to measure on.
    Songs(song_kit::Args),
    /// Accuracy cards of every family of descriptors.
    Cards(cards::Args),
    /// Copies of a recording by their fingerprints: recall by degradation, false matches.
    Duplicates(duplicates::Args),
    /// Rhyme schemes of verse against a gold annotation.
    Rhyme(rhyme::Args),
    /// Languages of passages: the kit's English, and further texts.
    Language(language::Args),
    /// Rhyming syllable pairs of rap: learnt on one file, judged on another.
    RapPairs(rap_pairs::Args),
    /// Stress of the syllables of verse: learnt on one file, judged on another.
    Stress(stress::Args),
    /// Top-n recommendation on a fixed split, all items ranked.
    Recommend(recommend::Args),
    /// Every model with its quality, speed, time to fit, size and reasons, on a fixed split.
    Ladder(ladder::Args),
    /// How soon a play changes what is recommended, on a served world.
    Freshness(freshness::Args),
    /// What nobody has played: a map from what items are like to their factors, beside likeness alone.
    NewItems(new_items::Args),
    /// Listeners who have just named one, three or five tracks: what these bring beside what many play.
    NewListeners(new_listeners::Args),
    /// What the ranker gains from knowing the moment of a request, in worlds whose tastes move with it.
    Moments(moments::Args),
    /// What a session gains when skips and plays count at once, in a world whose listeners are simulated.
    SkipAdaptation(skip_adaptation::Args),
    /// Next track of listening sessions, every prefix, all tracks ranked.
    Sessions(sessions::Args),
    /// Candidates of session models, ordered by a learned ranker.
    TwoStage(two_stage::Args),
    /// How well ordered playlists flow, against shuffled ones.
    Sequence(sequence::Args),
    /// Whether step costs learnt from a log order playlists better than the convention, in demo worlds.
    StepCosts(step_costs::Args),
    /// Nearest neighbours by lyrics embeddings: the other half of a text, its author; the cost of learning.
    LyricsEmbedding(lyrics_embedding::Args),
    /// Learning to rank: quality of the order, time to fit and to score.
    Ltr(ltr::Args),
    /// Position bias: whether swapped pairs find it, and what knowing it brings to a learnt order.
    Propensity(propensity::Args),
    /// Choosing by what came of it: regret against a tenth of chance, and what logs say of other rules
    Bandit(bandit::Args),
    /// Search by words and embeddings: each leg alone, their blend, and latency.
    Search(search::Args),
    /// The map of a catalogue: how well it keeps neighbourhoods, time and memory, beside the principal plane.
    Map(map::Args),
    /// Recall and speed of vector search against exact search.
    Vectors(vectors::Args),
    /// Durable listens over HTTP in batches, and the speed of a replay of the log.
    Events(events::Args),
    /// Features: reads, replay, parity and leaks.
    Features(features::Args),
    /// What a catalogue and its listeners cost in memory, and how fitting grows.
    Memory(memory::Args),
    /// A whole training over generated logs of several sizes, then the server that answers from it.
    Training(training::Args),
    /// Genre and other labels told by heads, on artists that they did not learn from.
    Heads(heads::Args),
    /// Open-loop HTTP load, latency counted from the intended start.
    Load(load::Args),
}

fn main() -> anyhow::Result<()> {
    let summary = match Cli::parse().command {
        Command::Audio(args) => audio::run(&args)?,
        Command::AudioEmbedding(args) => audio_embedding::run(&args)?,
        Command::AudioSpeed(args) => audio_speed::run(&args)?,
        Command::Calibrate(args) => calibrate::run(&args)?,
        Command::Songs(args) => song_kit::run(&args)?,
        Command::Cards(args) => cards::run(&args)?,
        Command::Duplicates(args) => duplicates::run(&args)?,
        Command::Rhyme(args) => rhyme::run(&args)?,
        Command::Language(args) => language::run(&args)?,
        Command::RapPairs(args) => rap_pairs::run(&args)?,
        Command::Stress(args) => stress::run(&args)?,
        Command::Recommend(args) => recommend::run(&args)?,
        Command::Ladder(args) => ladder::run(&args)?,
        Command::Freshness(args) => freshness::run(&args)?,
        Command::NewItems(args) => new_items::run(&args)?,
        Command::NewListeners(args) => new_listeners::run(&args)?,
        Command::Moments(args) => moments::run(&args)?,
        Command::SkipAdaptation(args) => skip_adaptation::run(&args)?,
        Command::Sessions(args) => sessions::run(&args)?,
        Command::TwoStage(args) => two_stage::run(&args)?,
        Command::Sequence(args) => sequence::run(&args)?,
        Command::StepCosts(args) => step_costs::run(&args)?,
        Command::LyricsEmbedding(args) => lyrics_embedding::run(&args)?,
        Command::Ltr(args) => ltr::run(&args)?,
        Command::Propensity(args) => propensity::run(&args)?,
        Command::Bandit(args) => bandit::run(&args)?,
        Command::Search(args) => search::run(&args)?,
        Command::Map(args) => map::run(&args)?,
        Command::Vectors(args) => vectors::run(&args)?,
        Command::Events(args) => events::run(&args)?,
        Command::Features(args) => features::run(&args)?,
        Command::Memory(args) => memory::run(&args)?,
        Command::Training(args) => training::run(&args)?,
        Command::Heads(args) => heads::run(&args)?,
        Command::Load(args) => load::run(&args)?,
    };
    println!("{summary}");
    Ok(())
}
