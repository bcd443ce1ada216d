//! `leitmotif capacity`: what a load needs, worked out from what is measured on this machine.

mod listeners;
pub mod measure;
mod plan;

use std::process::ExitCode;

use anyhow::ensure;
use serde_json::{Value, json};

pub use self::measure::process_mb;

use self::listeners::ListenerArgs;
use self::measure::Figures;
use self::plan::{Load, Plan};
use super::print;
use crate::progress::Bars;
use crate::settings::Settings;

#[derive(clap::Args)]
pub struct Args {
    /// `plan`, which is all that there is to do; may be left out.
    #[arg(value_parser = ["plan"])]
    what: Option<String>,
    /// Tracks that come in on a day, such as 1000000 or 1M.
    #[arg(long, default_value_t = 1_000_000, value_parser = count)]
    tracks_per_day: u64,
    /// Share of them with audio, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    audio_share: f64,
    /// Share of them with lyrics, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    lyrics_share: f64,
    /// Seconds of audio that are analysed of a track.
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// The busiest hour over the average one.
    #[arg(long, default_value_t = 3.0)]
    peak: f64,
    /// Share of its time that a worker may be busy in the busiest hour, above 0, at most 1.
    #[arg(long, default_value_t = 0.7)]
    busy: f64,
    /// Days for which tracks are kept.
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Songs that are analysed to measure; more take longer and say more.
    #[arg(long, default_value_t = 32)]
    songs: usize,
    #[command(flatten)]
    listeners: ListenerArgs,
}

/// Reads `250`, `40k`, `10M` or `2G`, decimal.
fn count(text: &str) -> Result<u64, String> {
    let factors = [('k', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)];
    let named = factors
        .iter()
        .find_map(|(letter, factor)| Some((text.strip_suffix(*letter)?, *factor)));
    let (digits, factor) = named.unwrap_or((text, 1));
    let number = digits.parse::<u64>().ok();
    let number = number.and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| "write a whole number such as 250000, 40k or 10M".to_owned())
}

impl Args {
    fn load(&self) -> anyhow::Result<Load> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        ensure!(
            is_share(self.audio_share) && is_share(self.lyrics_share),
            "--audio-share and --lyrics-share are shares: from 0 to 1"
        );
        ensure!(
            is_share(self.busy) && self.busy > 0.0,
            "--busy is a share above 0, at most 1"
        );
        ensure!(
            self.peak.is_finite() && self.peak >= 1.0,
            "--peak is the busiest hour over the average one: at least 1"
        );
        ensure!(
            (1.0..=600.0).contains(&self.seconds),
            "--seconds is a length of audio: from 1 to 600"
        );
        ensure!(
            (8..=1_000).contains(&self.songs),
            "--songs is how many are measured: from 8 to 1000"
        );
        Ok(Load {
            tracks_per_day: self.tracks_per_day,
            audio_share: self.audio_share,
            lyrics_share: self.lyrics_share,
            peak: self.peak,
            busy: self.busy,
            days: self.days,
        })
    }
}

/// Measures, plans and prints both.
pub async fn run(args: Args, settings: &Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let load = args.load()?;
    let bars = Bars::new(as_json);
    if args.listeners.users().is_some() {
        let told = listeners::run(&args.listeners, (load.peak, load.busy), &bars).await?;
        print(&told, as_json, listeners::print_text);
        return Ok(ExitCode::SUCCESS);
    }
    let figures =
        measure::measure(args.seconds, args.songs, settings.worker_count(), &bars).await?;
    let plan = Plan::of(&load, &figures);
    let document = json!({ "load": load, "seconds": args.seconds, "measured": figures,
        "extrapolated": plan });
    print(&document, as_json, |_: &Value| {
        print_text(&args, &load, &figures, &plan);
    });
    Ok(ExitCode::SUCCESS)
}

fn print_text(args: &Args, load: &Load, figures: &Figures, plan: &Plan) {
    let kb = |bytes: f64| format!("{:.1} kB", bytes / 1e3);
    println!(
        "measured here, {} songs made for it, {} workers",
        args.songs, figures.workers
    );
    println!(
        "  audio       {:.3} s of a core a track of {} s, decoding WAV; {:.2} times the tracks with all workers",
        figures.audio_s, args.seconds, figures.audio_speedup
    );
    println!("  lyrics      {:.4} s of a core a song", figures.lyrics_s);
    println!("  writing     {:.5} s of a core a track", figures.write_s);
    println!(
        "  memory      {:.0} MiB a worker's child; {:.0} MiB the server, {} more a track",
        figures.worker_mb,
        figures.server_mb,
        kb(figures.memory_bytes)
    );
    println!(
        "  disk        {} a track, {} more with lyrics, {} more with audio (originals not counted)",
        kb(figures.disk_bytes),
        kb(figures.disk_lyrics_bytes),
        kb(figures.disk_audio_bytes)
    );
    println!();
    println!(
        "extrapolated, for {} tracks a day, {:.0} % with audio and {:.0} % with lyrics",
        load.tracks_per_day,
        load.audio_share * 100.0,
        load.lyrics_share * 100.0
    );
    println!(
        "  tracks      {:.2} a second on average, {:.2} in the busiest hour (× {})",
        plan.per_second, plan.per_second_peak, load.peak
    );
    println!(
        "  workers     {} on average, {} in the busiest hour, each {:.0} % busy and one core",
        plan.workers,
        plan.workers_peak,
        load.busy * 100.0
    );
    println!(
        "  memory      {:.1} GiB for the workers; {:.1} GiB for the server after {} days, {} tracks",
        plan.workers_gib, plan.server_gib, load.days, plan.tracks_kept
    );
    println!(
        "  disk        {:.1} GB a day, {:.1} GB after {} days",
        plan.disk_gb_a_day, plan.disk_gb, load.days
    );
    println!();
    println!(
        "Extrapolated means: the cost of a track is taken to stay what it was here. Not in it: the"
    );
    println!(
        "vectors of the index in memory (`leitmotif-eval vectors` measures them), listens (`leitmotif-eval"
    );
    println!(
        "memory`), decoding of MP3 or AAC instead of WAV, and what other processors would do."
    );
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn load(told: &[&str]) -> anyhow::Result<Load> {
        Cli::parse_from([&["capacity"], told].concat()).args.load()
    }

    #[test]
    fn counts_are_written_short_or_in_full() {
        for (text, expected) in [
            ("250", 250),
            ("40k", 40_000),
            ("10M", 10_000_000),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(count(text), Ok(expected));
        }
        for text in ["", "M", "1.5M", "-1", "10m", "1 M", "99999999999G"] {
            assert!(count(text).is_err(), "{text}");
        }
        assert!(load(&["plan", "--users", "10M"]).is_ok());
        assert!(Cli::try_parse_from(["capacity", "guess"]).is_err());
    }

    #[test]
    fn what_lies_on_a_bound_is_taken_and_what_lies_beyond_is_refused() {
        assert!(load(&[]).is_ok());
        let bounds = [
            ("--audio-share", ["0", "1"], ["-0.1", "1.1"]),
            ("--lyrics-share", ["0", "1"], ["-0.1", "NaN"]),
            ("--busy", ["0.01", "1"], ["0", "1.1"]),
            ("--peak", ["1", "100"], ["0.9", "inf"]),
            ("--seconds", ["1", "600"], ["0.9", "601"]),
            ("--songs", ["8", "1000"], ["7", "1001"]),
        ];
        for (name, taken, refused) in bounds {
            for value in taken {
                assert!(
                    load(&[&format!("{name}={value}")]).is_ok(),
                    "{name} {value}"
                );
            }
            for value in refused {
                let error = load(&[&format!("{name}={value}")]).unwrap_err().to_string();
                assert!(error.contains(name), "{name} {value}: {error}");
            }
        }
    }
}
