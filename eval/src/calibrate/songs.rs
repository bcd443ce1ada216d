//! Answers on songs of the demo's synthesiser, whose tempo and key are known.

use std::ops::Range;

use leitmotif_analysis::audio::{analyze_audio, confidence_evidence};
use leitmotif_demo::songs::{Mode, SongSpec, Style, render_song};
use rayon::prelude::*;

use super::{FOLD_COUNT, Sample};
use crate::audio::{PITCH_CLASSES, SAME, is_tempo_hit};
use crate::audio_embedding::degrade::{Degradation, buffer, degrade};
use crate::random::Random;

/// Songs of each style, their length, and the seed of the first: far from those of the demo, of tests
/// and of other fits.
const SONGS_PER_STYLE: u64 = 45;
const SECONDS: f64 = 24.0;
const SEED_FIRST: u64 = 20_000;

pub const HEADER: &str = "\
//! Weights of the evidence in the confidences.
//!
//! Fitted on excerpts of 12 whole songs of each of the 14 styles of the demo's synthesiser. No recorded
//! music and no clip of an evaluation kit took part.
//! Not edited by hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate audio --out crates/analysis/src/audio/confidence_weights.rs
//! cargo fmt --all
//! ```
";

/// What was found on the songs.
pub struct Songs {
    pub tempo: Vec<Sample>,
    pub key: Vec<Sample>,
}

/// Judges a song of each style and seed, so many at once, in their order.
pub fn of_each_song<T: Send>(
    jobs: usize,
    seeds: Range<u64>,
    judge: impl Fn(Style, u64) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()?;
    let songs: Vec<(Style, u64)> = seeds
        .flat_map(|seed| Style::ALL.map(|style| (style, seed)))
        .collect();
    pool.install(|| {
        let songs = songs.into_par_iter();
        songs.map(|(style, seed)| judge(style, seed)).collect()
    })
}

/// Plays and judges the songs.
pub fn judge_songs(jobs: usize) -> anyhow::Result<Songs> {
    let seeds = SEED_FIRST..SEED_FIRST + SONGS_PER_STYLE;
    let judged = of_each_song(jobs, seeds, judge_song)?;
    let (mut tempo, mut key) = (Vec::new(), Vec::new());
    for [of_tempo, of_key] in judged {
        tempo.extend(of_tempo);
        key.extend(of_key);
    }
    Ok(Songs { tempo, key })
}

/// Tempo and key of one song, where they are told.
fn judge_song(style: Style, seed: u64) -> anyhow::Result<[Option<Sample>; 2]> {
    let song = render_song(&SongSpec::typical(style, seed, SECONDS));
    let mut random = Random(seed);
    let samples = match seed % 3 {
        0 => song.samples,
        1 => degrade(&song.samples, Degradation::PinkNoise(18.0), &mut random)?,
        _ => degrade(&song.samples, Degradation::LowPass(4_500.0), &mut random)?,
    };
    let audio = buffer(samples);
    let evidence = confidence_evidence(&audio)?;
    let analysis = analyze_audio(&audio)?;
    let value = |name: &str| {
        let mut descriptors = analysis.descriptors.iter();
        descriptors
            .find(|found| found.name == name)
            .map(|found| &found.value)
    };
    let fold = seed as usize % FOLD_COUNT;
    let sample = |evidence: &[f64], is_right| Sample {
        evidence: evidence.to_vec(),
        is_right,
        group: format!("{style:?}").to_lowercase(),
        fold,
    };
    let bpm = value("tempo_bpm").and_then(|value| value.as_f64());
    let is_tempo_right = is_tempo_hit(song.truth.tempo_bpm, bpm, &SAME);
    let mode = match song.truth.mode {
        Mode::Major => "major",
        Mode::Minor => "minor",
    };
    let tonic = PITCH_CLASSES.get(usize::from(song.truth.key)).copied();
    let is_key_right = value("key").and_then(|value| value.as_str()) == tonic
        && value("mode").and_then(|value| value.as_str()) == Some(mode);
    Ok([
        evidence
            .tempo
            .map(|evidence| sample(&evidence, is_tempo_right)),
        evidence.key.map(|evidence| sample(&evidence, is_key_right)),
    ])
}
