//! The card of tuning, on songs of the demo that are played a little too fast or too slow.

use leitmotif_analysis::analyzer::{Analyzer, TrackInput};
use leitmotif_analysis::audio::{AudioBuffer, HarmonyAnalyzer};
use leitmotif_demo::songs::{SongSpec, Style, render_song};

use super::blank;
use super::card::{Card, Data, Metric, worst};

const ERROR: Metric = Metric {
    name: "mean absolute error, cents",
    definition: "Mean distance of the told tuning from the true one, around the circle of a semitone.",
    source: "distance of circular values",
};
const NEAR: Metric = Metric {
    name: "within 5 cents",
    definition: "Share of songs whose tuning is told within 5 cents, about what trained ears notice.",
    source: "Zwicker & Fastl, Psychoacoustics, 3rd edition 2007, chapter 7: 0.2 % just noticed, 3.6 cents",
};

/// Songs of each style: seeds far from those of fits.
const SEEDS: std::ops::Range<u64> = 5_000..5_004;
const SECONDS: f64 = 24.0;
/// How far songs are detuned, in cents: coprime steps through a semitone, its middle left out.
const CENTS_MAX: i64 = 45;
const CENTS_STEP: i64 = 37;

struct Judged {
    style: Style,
    error_cents: f64,
}

pub fn card() -> anyhow::Result<Card> {
    let mut judged = Vec::new();
    for (index, (seed, style)) in SEEDS
        .flat_map(|seed| Style::ALL.map(|style| (seed, style)))
        .enumerate()
    {
        let cents = (index as i64 * CENTS_STEP).rem_euclid(2 * CENTS_MAX + 1) - CENTS_MAX;
        judged.extend(judge(style, seed, cents as f64)?);
    }
    let errors: Vec<f64> = judged.iter().map(|song| song.error_cents).collect();
    let near: Vec<f64> = errors
        .iter()
        .map(|error| f64::from(u8::from(*error <= 5.0)))
        .collect();
    let scores = [
        ERROR.mean("detuned songs", &errors),
        NEAR.mean("detuned songs", &near),
    ];
    let by_style = judged.iter().map(|song| {
        let is_near = f64::from(u8::from(song.error_cents <= 5.0));
        (format!("{:?}", song.style).to_lowercase(), is_near)
    });
    Ok(Card {
        descriptors: vec!["tuning_cents"],
        what: "Deviation of the tuning from A = 440 Hz.",
        unit: "cents, −50 to 50",
        data: vec![Data {
            name: "songs of the demo, seeds 5000 to 5003, played at another rate: detuned by −45 to 45 cents",
            count: judged.len(),
            of: "songs",
            origin: "synthesised",
            licence: "our own",
        }],
        scores: scores.into_iter().flatten().collect(),
        failures: worst(NEAR.name, 0.95, by_style),
        notes: vec![
            "A tuning has no confidence: its error is that of a measurement, and is above.".to_owned(),
            "The synthesiser is in tune with itself, but for the vibrato of its voices; choirs, old pianos and tapes that drift have no single \
             tuning to be right about."
                .to_owned(),
        ],
        ..blank("tuning", "Tuning", "harmony")
    })
}

/// Error on one song; `None` where no tuning is told.
fn judge(style: Style, seed: u64, cents: f64) -> anyhow::Result<Option<Judged>> {
    let song = render_song(&SongSpec::typical(style, seed, SECONDS));
    let nominal_hz = f64::from(song.sample_rate_hz);
    let sample_rate_hz = (nominal_hz * (cents / 1_200.0).exp2()).round() as u32;
    let truth = 1_200.0 * (f64::from(sample_rate_hz) / nominal_hz).log2();
    let audio = AudioBuffer {
        samples: song.samples,
        channel_count: song.channel_count,
        sample_rate_hz,
    };
    let input = TrackInput {
        audio: Some(&audio),
        lyrics: None,
    };
    let descriptors = HarmonyAnalyzer.analyze(&input)?;
    let found = descriptors.iter().find(|one| one.name == "tuning_cents");
    let found = found.and_then(|one| one.value.as_f64());
    Ok(found.map(|found| Judged {
        style,
        error_cents: circular_distance(found, truth),
    }))
}

/// Distance of two tunings: a semitone up is none at all.
fn circular_distance(one: f64, other: f64) -> f64 {
    let distance = (one - other).rem_euclid(100.0);
    distance.min(100.0 - distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_semitone_are_near() {
        for (one, other, expected) in [(10.0, 7.0, 3.0), (49.0, -49.0, 2.0), (-20.0, 30.0, 50.0)] {
            assert!((circular_distance(one, other) - expected).abs() < 1e-9);
        }
    }
}
