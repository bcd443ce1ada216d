//! The command line.

mod analyzers;
mod audit;
mod batch;
mod capacity;
mod demo;
mod doctor;
mod duplicates;
mod events;
mod export;
mod export_manifest;
mod feature;
mod heads;
mod histories;
mod home;
mod import;
mod import_turn;
mod lyrics;
mod manage;
mod metric;
mod model;
mod pipeline;
mod playlist;
mod playlist_files;
mod plugin;
mod query;
mod rap_scraper;
mod replay;
mod search;
pub mod serve;
mod subsonic;
mod tables;
mod tags;
mod tracks;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use leitmotif_ingest::jobs::process::DECODER_COMMAND;
use leitmotif_ingest::plugins::PLUGIN_COMMAND;
use serde_json::Value;

use crate::client::Connection;
use crate::settings::Settings;

/// Music analysis, search and recommendations you host yourself.
///
/// Every command but `demo`, `serve`, `capacity` and `doctor` is a client of the public API: of the server at
/// `--url`, of the server that holds the data folder, or of the folder itself when none does.
#[derive(Parser)]
#[command(name = "leitmotif", version, about)]
struct Cli {
    /// Settings file; `leitmotif.toml` in the working folder when left out.
    #[arg(long, global = true)]
    settings: Option<PathBuf>,
    /// Data folder.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// A running server to talk to.
    #[arg(long, global = true)]
    url: Option<String>,
    /// API key for `--url`.
    #[arg(long, global = true)]
    key: Option<String>,
    /// Prints one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds a small simulated world, shows what the platform makes of it, and serves it.
    Demo(demo::Args),
    /// Serves the API and the studio.
    Serve(serve::Args),
    /// Imports a folder of music, a table of tracks (JSONL, CSV), or the catalogue of another program.
    Import(import::Args),
    /// Shows what an import brought and what is wrong with it.
    Audit(audit::Args),
    /// Lists what is measured, and shows how right it is.
    Analyzers(analyzers::Args),
    /// Analyses one track, or everything whose input changed.
    Analyze(query::AnalyzeArgs),
    /// Lists the tracks that are nearest to a track.
    Similar(query::SimilarArgs),
    /// Lists tracks, by age or in the order of any descriptor.
    Tracks(tracks::TracksArgs),
    /// Finds tracks by words and filters.
    Search(search::SearchArgs),
    /// Recommends tracks to a listener, or to many at once.
    Recommend(Box<query::RecommendArgs>),
    /// Shows the shelves of a listener's home in their order.
    Home(home::HomeArgs),
    /// Explains an answer: what took how long, what became of every candidate.
    Explain {
        /// `request_id` of the answer.
        request: String,
    },
    /// Says how the lists of a placement are made.
    #[command(subcommand)]
    Pipeline(pipeline::PipelineCommand),
    /// Lists, tries and changes feature views, and reads features of the past.
    #[command(subcommand)]
    Feature(feature::FeatureCommand),
    /// Reads metrics by definition, changes them, and counts them anew from the log.
    #[command(subcommand)]
    Metric(metric::MetricCommand),
    /// Makes, lists and exports playlists.
    #[command(subcommand)]
    Playlist(playlist::PlaylistCommand),
    /// Reads the log of events, and builds anew what follows from it.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Writes what was measured into the tags of your own files, and takes it back.
    #[command(subcommand)]
    Tags(tags::TagsCommand),
    /// Finds recordings that are in the catalogue more than once.
    Duplicates(duplicates::DuplicatesArgs),
    /// Writes the catalogue as tables with a manifest: JSON lines or Parquet.
    Export(export::ExportArgs),
    /// Says whether the data folder and the server on it are well, and what to do where they are not.
    Doctor,
    /// Measures this machine and says how many workers, how much memory and disk a load needs.
    Capacity(capacity::Args),
    /// Tells genre and mood by your own labels: what is told, how well, and what is missing.
    #[command(subcommand)]
    Heads(heads::HeadsCommand),
    /// Which lyrics are alike: learned from your own, and by a sentence encoder that you bring.
    #[command(subcommand)]
    Lyrics(lyrics::LyricsCommand),
    /// Trains the recommender on everything played so far.
    Train(model::TrainArgs),
    /// Lists models, shows training reports, and says which model answers.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Lists jobs.
    Jobs(query::JobsArgs),
    /// Shows counts of everything.
    Overview,
    /// Shows what was used.
    Usage,
    /// Manages tenants.
    #[command(subcommand)]
    Tenant(manage::TenantCommand),
    /// Manages API keys.
    #[command(subcommand)]
    Key(manage::KeyCommand),
    /// Adds analyzers of third parties, and says how they do.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Tells other programs of what happens, by signed messages.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Prints the OpenAPI document.
    Openapi,
    /// Decodes and analyses one file under limits; started by the workers.
    #[command(hide = true)]
    DecodeWorker,
    /// Runs one plugin under limits; started by the workers.
    #[command(hide = true)]
    PluginWorker,
}

/// Parses the command line and does what it says.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match &cli.command {
        Command::DecodeWorker => {
            let done = leitmotif_ingest::jobs::decoder::run(std::io::stdin(), std::io::stdout());
            return Ok(child_exit(DECODER_COMMAND, done));
        }
        Command::PluginWorker => {
            let done = leitmotif_ingest::plugins::run(std::io::stdin(), std::io::stdout());
            return Ok(child_exit(PLUGIN_COMMAND, done));
        }
        Command::Openapi => {
            println!("{}", leitmotif_api::router::openapi().to_pretty_json()?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let mut settings = Settings::read(cli.settings.as_deref())?;
    if let Some(data) = cli.data {
        settings.data = data;
    }
    settings.url = cli.url.or(settings.url);
    settings.key = cli.key.map(Into::into).or(settings.key);
    let is_long_running = matches!(cli.command, Command::Serve(_));
    start_log(&settings, is_long_running)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(dispatch(cli.command, settings, cli.json))
}

/// How a child of this binary ends: only what kept it from answering is a failure.
fn child_exit(command: &str, outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("leitmotif {command}: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => return demo::run(args, settings, as_json).await,
        Command::Capacity(args) => return capacity::run(args, &settings, as_json).await,
        Command::Doctor => return doctor::run(&settings, as_json).await,
        Command::Serve(args) => {
            serve::run(args, settings).await?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let data = settings.data.clone();
    let connection = Connection::open(&import::with_roots(settings, &command)).await?;
    let outcome = match command {
        Command::Import(args) => import::run(args, &connection.client, as_json).await,
        Command::Audit(args) => audit::run(args, &connection.client, as_json).await,
        Command::Analyzers(args) => analyzers::run(args, &connection.client, as_json).await,
        Command::Analyze(args) => query::analyze(args, &connection.client, as_json).await,
        Command::Similar(args) => query::similar(args, &connection.client, as_json).await,
        Command::Tracks(args) => tracks::run(args, &connection.client, as_json).await,
        Command::Search(args) => search::run(args, &connection.client, as_json).await,
        Command::Home(args) => home::run(args, &connection.client, as_json).await,
        Command::Recommend(mut args) => match args.command.take() {
            Some(query::RecommendCommand::Batch(batch)) => {
                batch::run(batch, &connection.client, as_json).await
            }
            Some(query::RecommendCommand::Replay(replay)) => {
                replay::run(replay, &connection.client, as_json).await
            }
            None => query::recommend(*args, &connection.client, as_json).await,
        },
        Command::Explain { request } => {
            pipeline::explain(&request, &connection.client, as_json).await
        }
        Command::Pipeline(command) => pipeline::run(command, &connection.client, as_json).await,
        Command::Feature(command) => feature::run(command, &connection.client, as_json).await,
        Command::Metric(command) => metric::run(command, &connection.client, as_json).await,
        Command::Playlist(command) => playlist::run(command, &connection.client, as_json).await,
        Command::Events(command) => events::run(command, &connection.client, as_json).await,
        Command::Tags(command) => tags::run(command, &data, &connection.client, as_json).await,
        Command::Duplicates(args) => duplicates::run(args, &connection.client, as_json).await,
        Command::Export(args) => export::run(args, &connection.client, as_json).await,
        Command::Lyrics(command) => lyrics::run(command, &connection.client, as_json).await,
        Command::Heads(command) => heads::run(command, &connection.client, as_json).await,
        Command::Train(args) => model::train(args, &connection.client, as_json).await,
        Command::Model(command) => model::run(command, &connection.client, as_json).await,
        Command::Jobs(args) => query::jobs(args, &connection.client, as_json).await,
        Command::Overview => query::show(&connection.client, "/api/v1/overview", as_json).await,
        Command::Usage => query::show(&connection.client, "/api/v1/usage", as_json).await,
        Command::Tenant(command) => manage::tenant(command, &connection.client, as_json).await,
        Command::Key(command) => manage::key(command, &connection.client, as_json).await,
        Command::Plugin(command) => plugin::run(command, &connection.client, as_json).await,
        Command::Webhook(command) => webhook::run(command, &connection.client, as_json).await,
        Command::Demo(_)
        | Command::Serve(_)
        | Command::Capacity(_)
        | Command::Doctor
        | Command::Openapi
        | Command::DecodeWorker
        | Command::PluginWorker => Ok(ExitCode::SUCCESS),
    };
    connection.close().await?;
    outcome
}

/// Starts the log: lines or JSON on standard error; commands only say what went wrong.
fn start_log(settings: &Settings, is_long_running: bool) -> anyhow::Result<()> {
    let wanted = settings.log.as_str();
    let wished = tracing_subscriber::EnvFilter::try_new(wanted)
        .with_context(|| format!("`log` is `{wanted}`, which is no log filter"))?;
    let filter = if is_long_running {
        wished
    } else {
        tracing_subscriber::EnvFilter::new("warn")
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if settings.log_json {
        builder.json().init()
    } else {
        builder.init()
    }
    Ok(())
}

/// Prints a document: as it is, or by `text`.
fn print(document: &Value, as_json: bool, text: impl FnOnce(&Value)) {
    if as_json {
        println!("{document}");
    } else {
        text(document);
    }
}

/// The text under a name, empty when there is none.
fn text_of<'v>(document: &'v Value, name: &str) -> &'v str {
    document
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The list under a name.
fn list_of<'v>(document: &'v Value, name: &str) -> &'v [Value] {
    document
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// A flag of a command that is called like a global one would be given the value of that, such as the API
    /// key.
    #[test]
    fn no_command_has_a_flag_that_is_called_like_a_global_one() {
        fn check(command: &clap::Command, global: &[String]) {
            for sub in command.get_subcommands() {
                for argument in sub.get_arguments() {
                    let id = argument.get_id().to_string();
                    assert!(!global.contains(&id), "`{} --{id}`", sub.get_name());
                }
                check(sub, global);
            }
        }
        let command = Cli::command();
        let global = command.get_arguments().filter(|one| one.is_global_set());
        let global: Vec<String> = global.map(|one| one.get_id().to_string()).collect();
        assert!(global.contains(&"key".to_owned()));
        check(&command, &global);
    }
}
