//! What the analysis hears in songs whose making is known: parts left out, faster, fuller, whole forms.
//!
//! The pairs are one song played twice with one difference, so the difference is all that can be heard.

use leitmotif_analysis::audio::{AudioAnalysis, AudioBuffer, analyze_audio};
use leitmotif_demo::form_scores::{HeardSection, boundary_f, pairwise_f};
use leitmotif_demo::songs::{Cast, Lead, Song, SongSpec, Style, render_song};
use serde_json::Value;

/// No number of the analysis was fitted on songs of this seed.
const SEED: u64 = 9_001;

fn buffer(song: Song, gain: f32) -> AudioBuffer {
    AudioBuffer {
        samples: song.samples.iter().map(|sample| sample * gain).collect(),
        channel_count: song.channel_count,
        sample_rate_hz: song.sample_rate_hz,
    }
}

fn hear(spec: &SongSpec) -> AudioAnalysis {
    analyze_audio(&buffer(render_song(spec), 1.0)).expect("songs can be analysed")
}

fn typical(style: Style, lead: Lead) -> SongSpec {
    SongSpec {
        cast: Cast {
            lead,
            ..Cast::default()
        },
        ..SongSpec::typical(style, SEED, 24.0)
    }
}

fn value<'a>(analysis: &'a AudioAnalysis, name: &str) -> &'a Value {
    let found = analysis.descriptors.iter().find(|one| one.name == name);
    &found.expect("is described").value
}

fn number(analysis: &AudioAnalysis, name: &str) -> f64 {
    value(analysis, name)
        .as_f64()
        .expect("songs have every value")
}

/// How much a value rises from one song to the other.
fn rise(from: &AudioAnalysis, to: &AudioAnalysis, name: &str) -> f64 {
    number(to, name) - number(from, name)
}

#[test]
fn without_its_voice_a_song_is_more_instrumental() {
    let (mut instrumental, mut spoken) = (Vec::new(), Vec::new());
    for style in Style::ALL {
        let without = hear(&typical(style, Lead::Silent));
        for lead in [Lead::Sung, Lead::Rapped] {
            let with = hear(&typical(style, lead));
            instrumental.push(rise(&with, &without, "instrumentalness"));
            spoken.push(rise(&without, &with, "speechiness"));
        }
    }
    // A singer who hardly sings in these seconds may leave no trace in three decimals.
    for (name, rises, least) in [
        ("instrumentalness", instrumental, INSTRUMENTAL_MIN),
        ("speechiness", spoken, SPOKEN_MIN),
    ] {
        let up = strict(&rises);
        println!("{name} rises in {up} of {}", rises.len());
        assert!(rises.iter().all(|more| *more >= 0.0), "{name}: {rises:?}");
        assert!(up >= least, "{name}: {up} of {}: {rises:?}", rises.len());
    }
}

/// Songs of 28 in which the rise has to be strict: it is in all of them, and one may be lost to a change elsewhere.
const INSTRUMENTAL_MIN: usize = 27;
const SPOKEN_MIN: usize = 27;

/// How many values rise at all.
fn strict(rises: &[f64]) -> usize {
    rises.iter().filter(|more| **more > 0.0).count()
}

#[test]
fn most_voices_are_told_from_instruments() {
    let share = |lead: Lead| {
        let hears_voice =
            |style: &&Style| number(&hear(&typical(**style, lead)), "instrumentalness") < 0.5;
        Style::ALL.iter().filter(hears_voice).count() as f64 / Style::ALL.len() as f64
    };
    let (sung, played) = (share(Lead::Sung), share(Lead::Instrument));
    println!("voice heard: {sung:.2} of sung, {played:.2} of played songs");
    assert!(sung - played > 0.4, "{sung} against {played}");
}

#[test]
fn without_drums_a_song_is_calmer_and_more_acoustic() {
    // Piano has no drums to take away.
    for style in Style::ALL
        .into_iter()
        .filter(|style| *style != Style::Piano)
    {
        let spec = typical(style, Lead::Instrument);
        let with = hear(&spec);
        let cast = Cast {
            has_drums: false,
            ..spec.cast
        };
        let without = hear(&SongSpec { cast, ..spec });
        for (name, sign) in [
            ("energy", -1.0),
            ("danceability", -1.0),
            ("acousticness", 1.0),
        ] {
            let more = rise(&with, &without, name) * sign;
            assert!(more > 0.0, "{style:?} {name}: {more}");
        }
    }
}

#[test]
fn faster_is_more_energy_and_a_higher_tempo() {
    let pairs = Style::ALL.map(|style| {
        let spec = typical(style, Lead::Instrument);
        let tempo_bpm = spec.tempo_bpm * 1.25;
        (hear(&spec), hear(&SongSpec { tempo_bpm, ..spec }))
    });
    // Beyond 200 beats a minute strokes run into each other, fewer onsets are heard, and half the tempo is told.
    for (name, least) in [("energy", 12), ("tempo_bpm", 12), ("onset_rate_hz", 12)] {
        let rises: Vec<f64> = (pairs.iter())
            .map(|(slow, fast)| rise(slow, fast, name))
            .collect();
        let up = strict(&rises);
        println!("{name} rises in {up} of {}", rises.len());
        assert!(up >= least, "{name}: {up} of {}: {rises:?}", rises.len());
    }
}

#[test]
fn louder_alone_is_more_energy_and_louder_by_as_much() {
    for style in Style::ALL {
        let song = || render_song(&typical(style, Lead::Instrument));
        let quiet = analyze_audio(&buffer(song(), 0.5)).expect("can be analysed");
        let loud = analyze_audio(&buffer(song(), 1.0)).expect("can be analysed");
        let energy = rise(&quiet, &loud, "energy");
        assert!(energy > 0.0, "{style:?}: {energy}");
        let level = rise(&quiet, &loud, "integrated_loudness_lufs");
        assert!((level - 6.02).abs() < 0.1, "{style:?}: {level}");
        for name in ["danceability", "acousticness"] {
            let other = rise(&quiet, &loud, name);
            assert!(other.abs() < 0.02, "{style:?} {name}: {other}");
        }
    }
}

#[test]
fn louder_and_denser_is_more_energy() {
    for style in Style::ALL {
        let full = typical(style, Lead::Instrument);
        let sparse = SongSpec {
            cast: Cast {
                has_drums: false,
                has_chords: false,
                ..full.cast
            },
            ..full.clone()
        };
        let quiet = analyze_audio(&buffer(render_song(&sparse), 0.25)).expect("can be analysed");
        let more = rise(&quiet, &hear(&full), "energy");
        assert!(more > 0.05, "{style:?}: {more}");
    }
}

#[test]
fn songs_of_one_loudness_still_spread_in_energy() {
    let energies: Vec<f64> = Style::ALL
        .into_iter()
        .map(|style| {
            let spec = typical(style, Lead::Instrument);
            let loudness = number(&hear(&spec), "integrated_loudness_lufs");
            let gain = 10f64.powf((-20.0 - loudness) / 20.0) as f32;
            let even = analyze_audio(&buffer(render_song(&spec), gain)).expect("can be analysed");
            assert!((number(&even, "integrated_loudness_lufs") + 20.0).abs() < 0.2);
            number(&even, "energy")
        })
        .collect();
    let highest = energies.iter().fold(0.0, |a: f64, b| a.max(*b));
    let lowest = energies.iter().fold(1.0, |a: f64, b| a.min(*b));
    assert!(highest - lowest > 0.3, "{energies:?}");
}

#[test]
fn whole_forms_are_heard() {
    let mut sums = [0.0; 3];
    for style in Style::ALL {
        let song = render_song(&SongSpec::whole(style, SEED));
        let truth = song.truth.sections.clone();
        let analysis = analyze_audio(&buffer(song, 1.0)).expect("can be analysed");
        let sections = value(&analysis, "structure")
            .as_array()
            .expect("is long enough");
        let heard: Vec<HeardSection> = sections
            .iter()
            .map(|section| HeardSection {
                start_s: section["start_ms"].as_f64().unwrap_or(-1.0) / 1_000.0,
                label: section["label"].as_str().unwrap_or_default().to_owned(),
                confidence: section["confidence"].as_f64(),
            })
            .collect();
        sums[0] += boundary_f(&truth, &heard, 3.0);
        sums[1] += boundary_f(&truth, &heard, 0.5);
        sums[2] += pairwise_f(&truth, &heard);
    }
    let [wide, narrow, pairs] = sums.map(|sum| sum / Style::ALL.len() as f64);
    println!("boundaries F {wide:.3} at 3 s, {narrow:.3} at 0.5 s, label pairs F {pairs:.3}");
    // Floors well under what is measured (docs/measurements.md): one seed wanders.
    assert!(
        wide > 0.75 && narrow > 0.7 && pairs > 0.7,
        "{wide} {narrow} {pairs}"
    );
}
