//! Songs of the demo's synthesiser as labelled clips, in the layout that `leitmotif-eval audio` reads.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use leitmotif_demo::songs::{Mode, SongSpec, SongTruth, Style, render_song, wav_bytes};
use serde_json::{Value, json};

use crate::audio::PITCH_CLASSES;

/// Length of a song, as where confidences are fitted.
const SECONDS: f64 = 24.0;
/// Columns of `labels.csv`.
const HEADER: &str = "file,kind,bpm,bpm_kind,key,mode,key_kind,genre,meter,beats_file\n";

/// Songs of every style of the demo's synthesiser, written with their labels.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Seed of the first song of each style.
    #[arg(long)]
    seed: u64,
    /// Songs of each style.
    #[arg(long, default_value_t = 1)]
    count: u64,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let beats_folder = args.out.join("beats");
    std::fs::create_dir_all(&beats_folder)
        .with_context(|| format!("cannot make `{}`", beats_folder.display()))?;
    let mut labels = HEADER.to_owned();
    let seeds = args.seed..args.seed.saturating_add(args.count);
    for (seed, style) in seeds.flat_map(|seed| Style::ALL.map(|style| (seed, style))) {
        let song = render_song(&SongSpec::typical(style, seed, SECONDS));
        let style = format!("{style:?}").to_lowercase();
        let name = format!("{style}_{seed}");
        std::fs::write(args.out.join(format!("{name}.wav")), wav_bytes(&song))?;
        let mut beats = String::new();
        for (index, beat) in (0..).zip(&song.truth.beats_s) {
            let place = index % song.truth.beats_per_bar + 1;
            writeln!(beats, "{beat:.4} {place}")?;
        }
        std::fs::write(beats_folder.join(format!("{name}.txt")), beats)?;
        writeln!(labels, "{}", label(&name, &style, &song.truth))?;
    }
    std::fs::write(args.out.join("labels.csv"), labels)?;
    Ok(json!({ "songs": args.count * Style::ALL.len() as u64 }))
}

fn label(name: &str, style: &str, truth: &SongTruth) -> String {
    let key = PITCH_CLASSES
        .get(usize::from(truth.key))
        .copied()
        .unwrap_or_default();
    let mode = match truth.mode {
        Mode::Major => "major",
        Mode::Minor => "minor",
    };
    // Two dotted beats to the bar are 6/8.
    let metre = match truth.beats_per_bar {
        2 => 6,
        beats => beats,
    };
    let bpm = truth.tempo_bpm;
    format!("{name}.wav,demo,{bpm},exact,{key},{mode},exact,{style},{metre},beats/{name}.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn songs_are_written_with_their_labels() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let args = Args {
            out: folder.path().to_owned(),
            seed: 7,
            count: 1,
        };
        run(&args).expect("writes");
        let labels = std::fs::read_to_string(folder.path().join("labels.csv")).expect("reads");
        assert_eq!(labels.lines().count(), 1 + Style::ALL.len());
        let soul = labels.lines().find(|line| line.starts_with("soul_7.wav"));
        assert!(soul.is_some_and(|line| line.ends_with(",soul,6,beats/soul_7.txt")));
        assert!(folder.path().join("waltz_7.wav").exists());
    }
}
