//! Whether another excerpt of the same song measures the same energy, danceability, acousticness and speechiness.

use std::collections::BTreeMap;

use leitmotif_analysis::audio::{AudioBuffer, CharacterValue, SAME_WITHIN, character_values};
use leitmotif_demo::songs::{SongSpec, Style, render_song};

use super::songs::of_each_song;
use super::{FOLD_COUNT, Sample};
use crate::calibration::Outcome;

/// Songs of each style in their whole form, and the seed of the first: far from those of other fits.
const SONGS_PER_STYLE: u64 = 12;
const SEED_FIRST: u64 = 40_000;
/// Lengths of the excerpts in seconds.
const LENGTHS_S: [f64; 3] = [12.0, 24.0, 48.0];

/// What was found of each descriptor, by its name.
pub type Agreements = BTreeMap<String, Vec<Sample>>;

/// Plays the songs, cuts two excerpts of each length out of each, and compares their values.
pub fn judge_excerpts(jobs: usize) -> anyhow::Result<Agreements> {
    let seeds = SEED_FIRST..SEED_FIRST + SONGS_PER_STYLE;
    let judged = of_each_song(jobs, seeds, judge_song)?;
    let mut agreements = Agreements::new();
    for (name, sample) in judged.into_iter().flatten() {
        agreements.entry(name).or_default().push(sample);
    }
    Ok(agreements)
}

fn judge_song(style: Style, seed: u64) -> anyhow::Result<Vec<(String, Sample)>> {
    let song = render_song(&SongSpec::whole(style, seed));
    let audio = AudioBuffer {
        samples: song.samples,
        channel_count: song.channel_count,
        sample_rate_hz: song.sample_rate_hz,
    };
    let seconds = audio.duration_ms() as f64 / 1_000.0;
    let mut samples = Vec::new();
    for (index, length_s) in LENGTHS_S.into_iter().enumerate() {
        // The places differ from song to song; the two never overlap.
        let free_s = seconds - 2.0 * length_s;
        if free_s <= 0.0 {
            continue;
        }
        let place = |turn: u64| f64::from((seed * 7 + index as u64 * 5 + turn) as u32 % 11) / 10.0;
        let first_s = place(0) * free_s * 0.5;
        let second_s = first_s + length_s + place(3) * (free_s - first_s);
        let [first, second] = [first_s, second_s]
            .map(|start_s| character_values(&excerpt(&audio, start_s, length_s)));
        for (one, other) in first?.into_iter().zip(second?) {
            let Some((evidence, is_right)) = compared(&one, &other) else {
                continue;
            };
            let sample = Sample {
                evidence: evidence.to_vec(),
                is_right,
                group: format!("{style:?}").to_lowercase(),
                fold: seed as usize % FOLD_COUNT,
            };
            samples.push((one.name, sample));
        }
    }
    Ok(samples)
}

/// Evidence of one excerpt, and whether the other measures the same.
fn compared(one: &CharacterValue, other: &CharacterValue) -> Option<([f64; 2], bool)> {
    let distance = (one.value? - other.value?).abs();
    Some((one.evidence?, distance <= SAME_WITHIN))
}

/// Distance of the values of both halves of a recording by descriptor, with the confidence in the first.
pub fn halves_of(audio: &AudioBuffer) -> anyhow::Result<Vec<(String, f64, Outcome)>> {
    let length_s = audio.duration_ms() as f64 / 2_000.0;
    let first = character_values(&excerpt(audio, 0.0, length_s))?;
    let second = character_values(&excerpt(audio, length_s, length_s))?;
    let told = first.into_iter().zip(second).filter_map(|(one, other)| {
        let distance = (one.value? - other.value?).abs();
        Some((
            one.name,
            distance,
            (one.confidence?, distance <= SAME_WITHIN),
        ))
    });
    Ok(told.collect())
}

fn excerpt(audio: &AudioBuffer, start_s: f64, length_s: f64) -> AudioBuffer {
    let rate = f64::from(audio.sample_rate_hz);
    let sample_at = |seconds: f64| {
        let frame = (seconds * rate) as usize;
        (frame * audio.channel_count).min(audio.samples.len())
    };
    AudioBuffer {
        samples: audio.samples[sample_at(start_s)..sample_at(start_s + length_s)].to_vec(),
        channel_count: audio.channel_count,
        sample_rate_hz: audio.sample_rate_hz,
    }
}
