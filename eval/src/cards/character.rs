//! Cards of energy, danceability, acousticness and speechiness: nobody's labels, but how far they repeat.

use std::collections::BTreeMap;
use std::path::Path;

use leitmotif_analysis::audio::DecodeLimits;
use leitmotif_analysis::audio::decode_bytes;
use rayon::prelude::*;

use super::audio::data;
use super::blank;
use super::card::{Card, Confidence, Status};
use crate::audio::Scored;
use crate::calibrate::agreement::{Agreements, halves_of, judge_excerpts};
use crate::calibrate::cross_validated;
use crate::calibration::{Calibration, Outcome, mean_with_interval};

/// Name, title, what it is, why it is unvalidated.
const ROWS: [(&str, &str, &str, &str); 4] = [
    (
        "energy",
        "Energy",
        "How active a track sounds: flux, onsets, percussion, brightness, loudness, density by fixed weights.",
        "No labels of energy are known to us with audio of a free licence. That it rises and falls as it should is tested on \
         pairs of songs with one difference, in the demo's test `hearing`; how far it agrees with listeners is not known.",
    ),
    (
        "danceability",
        "Danceability",
        "How regular and clear the movement is: scaling exponent, pulse clarity, percussion.",
        "No labels of danceability are known to us with audio of a free licence; it follows a published formula, tested on \
         pairs of songs with one difference, in the demo's test `hearing`.",
    ),
    (
        "acousticness",
        "Acousticness",
        "How far the sound is of held or plucked notes; says nothing of how it was made.",
        "No labels of acousticness are known to us with audio of a free licence; tested on pairs of songs with one difference, \
         in the demo's test `hearing`.",
    ),
    (
        "speechiness",
        "Speechiness",
        "The probability of a voice times the signs of speech: pauses, syllables, hisses, no pulse.",
        "The kit has no labelled speech; the voice under it is validated in the card `voices`.",
    ),
];

/// Distances of the halves of the clips, and the confidences in the first halves.
type Halves = BTreeMap<String, (Vec<f64>, Vec<Outcome>)>;

pub fn cards(kit: &Path, clips: &[Scored], jobs: usize) -> anyhow::Result<Vec<Card>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()?;
    let judged: Vec<Vec<(String, f64, Outcome)>> = pool.install(|| {
        let files = clips.par_iter().map(|clip| kit.join(&clip.label.file));
        files
            .map(|file| {
                let extension = file.extension().and_then(|extension| extension.to_str());
                let bytes = std::fs::read(&file)?;
                let audio = decode_bytes(&bytes, extension, &DecodeLimits::default())?;
                halves_of(&audio)
            })
            .collect::<anyhow::Result<_>>()
    })?;
    let mut halves = Halves::new();
    for (name, distance, outcome) in judged.into_iter().flatten() {
        let (distances, outcomes) = halves.entry(name).or_default();
        distances.push(distance);
        outcomes.push(outcome);
    }
    let songs = judge_excerpts(jobs)?;
    let rows = ROWS.into_iter();
    Ok(rows.map(|row| card(row, clips, &halves, &songs)).collect())
}

fn card(
    (name, title, what, why): (&'static str, &'static str, &'static str, &'static str),
    clips: &[Scored],
    halves: &Halves,
    songs: &Agreements,
) -> Card {
    let mut confidences = Vec::new();
    let mut judge = |definition, outcomes: &[Outcome]| {
        confidences.extend(Calibration::of(outcomes).map(|calibration| Confidence {
            of: name,
            definition,
            calibration,
        }));
    };
    let (distances, outcomes) = halves.get(name).cloned().unwrap_or_default();
    judge(
        "Whether the second half of a clip measures the same as the first within 0.1; what is shipped, on the clips of the kit, of \
         which none took part in the fit.",
        &outcomes,
    );
    let samples = songs.get(name).map(Vec::as_slice).unwrap_or_default();
    judge(
        "The same evidence on excerpts of 12, 24 and 48 s of the songs of the synthesiser that the shipped map is fitted on, \
         cross-validated over five folds of songs.",
        &cross_validated(samples),
    );
    let mut notes = vec![
        "The confidence is the chance that an excerpt of the same track, as long and elsewhere, measures the same within 0.1. It goes by \
         how far the halves of the track agree and how long it is, and says nothing of whether listeners would agree."
            .to_owned(),
        "The halves of a clip lie next to each other, mostly in one part of a song, and agree more often than excerpts from anywhere in it: \
         on the clips the confidence is too low rather than too high."
            .to_owned(),
        "It is null where a half of the track is too short for a value, and where there is no value.".to_owned(),
    ];
    notes.extend(mean_with_interval(&distances).map(|(mean, [low, high])| {
        format!("The halves of a clip of the kit differ by {mean} on average (95 % interval {low} to {high}).")
    }));
    Card {
        descriptors: vec![name],
        what,
        unit: "0 to 1",
        status: Status::Unvalidated,
        unvalidated_because: Some(why),
        data: data(clips, |_| true),
        confidences,
        notes,
        ..blank(name, title, "sound")
    }
}
