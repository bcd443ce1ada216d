//! `leitmotif demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use leitmotif_demo::tour::{TourSummary, walk};
use leitmotif_demo::world::WorldSpec;
use leitmotif_domain::Clock;
use leitmotif_domain::clock::SystemClock;
use serde_json::{Value, json};

use super::capacity::process_mb;
use super::serve::{bind, holder, serve, serve_router};
use crate::client::Client;
use crate::platform::Platform;
use crate::progress::Bars;
use crate::settings::Settings;

#[derive(clap::Args)]
pub struct Args {
    /// Ends after the summary instead of serving.
    #[arg(long)]
    once: bool,
    /// Songs in the world.
    #[arg(long, default_value_t = WorldSpec::default().song_count)]
    songs: usize,
    /// Seed of the world.
    #[arg(long, default_value_t = WorldSpec::default().seed)]
    seed: u64,
    /// Where to listen; port 0 picks a free one.
    #[arg(long)]
    address: Option<SocketAddr>,
}

/// Builds the world, walks the tour through the public API, prints what was found.
pub async fn run(args: Args, mut settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    if settings.data == Settings::default().data {
        settings.data = PathBuf::from("leitmotif-demo-data");
    }
    start_anew(&settings.data)?;
    // With --once nobody else needs to find the server, so any free port will do.
    let fallback = if args.once {
        SocketAddr::from(([127, 0, 0, 1], 0))
    } else {
        settings.address
    };
    let listener = bind(args.address.unwrap_or(fallback)).await?;
    let address = listener.local_addr()?;
    let platform = Platform::start(&settings, "demo", &holder(address)).await?;
    let key = platform.local_key.clone();
    mark(&settings.data)?;
    let router = platform.router.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let tour_server = tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        serve_router(listener, router, shutdown).await
    });
    let client = Client::http(&format!("http://{address}"), &key);
    let spec = WorldSpec {
        song_count: args.songs,
        seed: args.seed,
        ..WorldSpec::default()
    };
    let bars = Bars::new(as_json);
    let found = walk(&client, spec, SystemClock.now().as_ms(), &bars).await;
    drop(client);
    let _ = stop.send(());
    tour_server.await??;
    let summary = found?;
    let document = document_of(&summary, started.elapsed().as_secs_f64())?;
    if as_json {
        println!("{document}");
    } else {
        print_summary(&summary, &document);
    }
    if args.once {
        platform.stop().await?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("studio   http://{address}/studio");
    println!("key      {key}");
    println!(
        "stop with Ctrl-C; the world lies in {}",
        settings.data.display()
    );
    let listener = bind(address).await?;
    serve(listener, platform).await?;
    Ok(ExitCode::SUCCESS)
}

/// The file that says that a folder holds a simulated world, and so may be thrown away.
const MARK: &str = "SIMULATED";

/// Throws the world of an earlier demo away; any other folder with something in it is left alone.
fn start_anew(data: &std::path::Path) -> anyhow::Result<()> {
    let Ok(mut entries) = std::fs::read_dir(data) else {
        return Ok(());
    };
    if entries.next().is_none() {
        return Ok(());
    }
    anyhow::ensure!(
        data.join(MARK).is_file(),
        "`{}` is not empty and holds no demo world: choose another folder with --data",
        data.display()
    );
    std::fs::remove_dir_all(data)
        .with_context(|| format!("cannot remove the former world in `{}`", data.display()))
}

fn mark(data: &std::path::Path) -> anyhow::Result<()> {
    let text = "Everything in this folder is simulated; the next demo replaces it.\n";
    std::fs::write(data.join(MARK), text).context("cannot mark the demo folder")
}

fn document_of(summary: &TourSummary, seconds: f64) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(summary)?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("peak_rss_mb".to_owned(), json!(peak_rss_mb()));
        fields.insert("seconds".to_owned(), json!((seconds * 10.0).round() / 10.0));
    }
    Ok(document)
}

/// The largest memory this process has held, in MiB, where the system tells.
fn peak_rss_mb() -> Option<u64> {
    process_mb("self", "VmHWM:").ok().map(|mb| mb as u64)
}

fn print_summary(summary: &TourSummary, document: &Value) {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let ladder = &summary.ladder;
    println!();
    println!("Everything here is simulated: songs, words, listeners, plays.");
    println!(
        "{} songs, {} listeners, {} plays and skips, in {} s",
        summary.songs,
        summary.listeners,
        summary.listens,
        document.get("seconds").unwrap_or(&Value::Null)
    );
    println!();
    println!("analysis against the truth");
    println!(
        "  tempo within 4 %          {}",
        percent(summary.accuracy.tempo_acc1)
    );
    println!(
        "  tempo, octaves forgiven   {}",
        percent(summary.accuracy.tempo_acc2)
    );
    println!(
        "  key and mode              {}",
        percent(summary.accuracy.key_exact)
    );
    println!();
    println!("recommendations, NDCG@10 on held-out plays, all tracks ranked");
    let rows = [
        ("random", ladder.random),
        ("popularity", ladder.popularity),
        ("item-item", ladder.item_item),
        ("iALS", ladder.ials),
        ("blend", ladder.blend),
        ("learned ranker", ladder.ranker),
        ("oracle (ceiling)", ladder.oracle),
    ];
    for (name, value) in rows {
        let bar = "█".repeat((value * 100.0).round().clamp(0.0, 60.0) as usize);
        println!("  {name:18} {value:.4} {bar}");
    }
    println!();
    let flow = &summary.flow;
    println!(
        "tracks of a daily mix played to the end: {:.2} shuffled, {:.2} by the mixers' convention, {:.2} as ordered (by {})",
        flow.shuffled_plays, flow.convention_plays, flow.ordered_plays, flow.step_costs_by
    );
    let skips = &summary.skips;
    println!(
        "tracks of a session of 12 played to the end: {} when skips are told at the end, {} when at once: {:+.1} points ({:+.1} to {:+.1}), {} listeners",
        percent(skips.completed_untold),
        percent(skips.completed_told),
        skips.gain * 100.0,
        skips.interval[0] * 100.0,
        skips.interval[1] * 100.0,
        skips.sessions
    );
    println!();
    println!(
        "a recommendation over HTTP: {:.1} ms median, {:.1} ms at p99; peak memory {} MiB",
        summary.p50_ms,
        summary.p99_ms,
        document.get("peak_rss_mb").unwrap_or(&Value::Null)
    );
    println!();
}
