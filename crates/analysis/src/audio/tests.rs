//! Known signals through the whole analysis.

use serde_json::Value;

use super::*;
use crate::analyzer::{Analyzer, TrackInput};

const RATE_HZ: u32 = 22_050;

fn mono(samples: Vec<f32>) -> AudioBuffer {
    AudioBuffer {
        samples,
        channel_count: 1,
        sample_rate_hz: RATE_HZ,
    }
}

fn noise(frame_count: usize) -> Vec<f32> {
    let mut state = 12_345u32;
    (0..frame_count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        })
        .collect()
}

fn sine(frequency_hz: f32, frame_count: usize, rate_hz: u32) -> Vec<f32> {
    (0..frame_count)
        .map(|index| {
            let cycles = f64::from(frequency_hz) * index as f64 / f64::from(rate_hz);
            ((cycles.fract() * std::f64::consts::TAU).sin() * 0.4) as f32
        })
        .collect()
}

/// A drum pattern: kick on one and three, snare on two and four, hats in eighths, `division` a beat.
fn drums(bpm: f64, seconds: f64, division: usize) -> Vec<f32> {
    let mut signal = vec![0.0f32; (seconds * f64::from(RATE_HZ)) as usize];
    let hiss = noise(4_000);
    let step = 60.0 / bpm / division as f64 * f64::from(RATE_HZ);
    let mut index = 0usize;
    loop {
        let start = (0.25 * f64::from(RATE_HZ) + step * index as f64) as usize;
        if start + 4_000 >= signal.len() {
            return signal;
        }
        let mut before = 0.0;
        for (offset, &hiss) in hiss.iter().enumerate() {
            let time = offset as f32 / RATE_HZ as f32;
            let kick = (std::f32::consts::TAU * 60.0 * time).sin() * (-25.0 * time).exp();
            let snare = hiss * (-30.0 * time).exp();
            let hat = (hiss - before) * 0.15 * (-90.0 * time).exp();
            let beat = match (index % division, index / division % 2) {
                (0, 0) => kick,
                (0, _) => snare,
                _ => 0.0,
            };
            before = hiss;
            signal[start + offset] += 0.6 * beat + hat;
        }
        index += 1;
    }
}

/// The drums with a bass note and a triad that change every bar: I vi IV V in C. Bars have four beats,
/// in compound time two.
fn band(bpm: f64, seconds: f64, division: usize) -> Vec<f32> {
    let mut signal = drums(bpm, seconds, division);
    let chords: [[i32; 4]; 4] = [
        [36, 60, 64, 67],
        [33, 60, 64, 69],
        [41, 60, 65, 69],
        [43, 59, 62, 67],
    ];
    let beats_per_bar = if division == 3 { 2.0 } else { 4.0 };
    let bar = 60.0 / bpm * beats_per_bar;
    for (index, sample) in signal.iter_mut().enumerate() {
        let time = index as f64 / f64::from(RATE_HZ) - 0.25;
        if time < 0.0 {
            continue;
        }
        let chord = chords[(time / bar) as usize % 4];
        let fade = (-1.5 * (time % (60.0 / bpm))).exp();
        for note in chord {
            let frequency = 440.0 * 2f64.powf(f64::from(note - 69) / 12.0);
            *sample += (0.08 * fade * (frequency * time * std::f64::consts::TAU).sin()) as f32;
        }
    }
    signal
}

fn value<'a>(analysis: &'a AudioAnalysis, name: &str) -> &'a Value {
    &analysis
        .descriptors
        .iter()
        .find(|found| found.name == name)
        .expect(name)
        .value
}

#[test]
fn hears_the_tempo_and_beats_of_a_band() {
    for bpm in [80.0, 90.0, 105.0, 120.0, 135.0, 150.0, 165.0] {
        let analysis = analyze_audio(&mono(band(bpm, 20.0, 2))).expect("analyses");
        let found = value(&analysis, "tempo_bpm").as_f64().expect("has a tempo");
        assert!((found / bpm - 1.0).abs() < 0.02, "{found} for {bpm}");
        assert_eq!(value(&analysis, "time_signature"), 4, "{bpm}");
        assert_eq!(value(&analysis, "key"), "C", "{bpm}");
        let period_ms = 60_000.0 / bpm;
        let hits = analysis.beats_ms.iter().filter(|&&beat| {
            let position = (f64::from(beat) - 250.0) / period_ms;
            (position - position.round()).abs() * period_ms <= 35.0
        });
        assert!(hits.count() * 10 >= analysis.beats_ms.len() * 9, "{bpm}");
    }
}

#[test]
fn compound_time_has_dotted_beats() {
    for bpm in [56.0, 66.0, 76.0, 92.0, 110.0] {
        let analysis = analyze_audio(&mono(band(bpm, 24.0, 3))).expect("analyses");
        let found = value(&analysis, "tempo_bpm").as_f64().expect("has a tempo");
        assert!((found / bpm - 1.0).abs() < 0.02, "{found} for {bpm}");
        assert_eq!(value(&analysis, "time_signature"), 6, "{bpm}");
        // Every second beat begins a bar.
        let (beats, downbeats) = (analysis.beats_ms.len(), analysis.downbeats_ms.len());
        assert!(beats.abs_diff(2 * downbeats) <= 2, "{beats} {downbeats}");
    }
}

#[test]
fn clicks_at_many_tempi_are_read_up_to_a_factor() {
    for step in 0..16 {
        let bpm = 50.0 + 10.0 * f64::from(step);
        let mut signal = vec![0.0f32; 20 * RATE_HZ as usize];
        let mut at = 0.1;
        while at < 19.9 {
            let start = (at * f64::from(RATE_HZ)) as usize;
            for (offset, hiss) in noise(300).iter().enumerate() {
                signal[start + offset] = hiss * (1.0 - offset as f32 / 300.0);
            }
            at += 60.0 / bpm;
        }
        let analysis = analyze_audio(&mono(signal)).expect("analyses");
        let found = value(&analysis, "tempo_bpm").as_f64().expect("has a tempo");
        let is_level = [1.0 / 3.0, 0.5, 1.0, 2.0, 3.0]
            .iter()
            .any(|factor| (found / bpm / factor - 1.0).abs() < 0.02);
        assert!(is_level, "{found} for {bpm}");
    }
}

#[test]
fn what_cannot_be_known_is_null() {
    let second = RATE_HZ as usize;
    let cases: [(&str, Vec<f32>); 7] = [
        ("silence", vec![0.0; second * 5]),
        ("direct current", vec![0.3; second * 5]),
        ("noise", noise(second * 12)),
        ("sine", sine(1_000.0, second * 10, RATE_HZ)),
        ("10 ms", noise(second / 100)),
        ("one frame", vec![0.5]),
        ("not a number", vec![f32::NAN; second]),
    ];
    for (name, samples) in cases {
        let analysis = analyze_audio(&mono(samples)).expect(name);
        for unknown in [
            "tempo_bpm",
            "tempo_alt_bpm",
            "beat_count",
            "time_signature",
            "key",
            "mode",
        ] {
            assert_eq!(value(&analysis, unknown), &Value::Null, "{name}: {unknown}");
        }
        assert!(
            analysis.beats_ms.is_empty() && analysis.downbeats_ms.is_empty(),
            "{name}"
        );
        assert!(
            analysis.embedding.iter().all(|value| value.is_finite()),
            "{name}"
        );
        for descriptor in &analysis.descriptors {
            assert!(
                !descriptor.value.is_null() || descriptor.confidence.is_none(),
                "{name}"
            );
        }
    }
    let empty = mono(Vec::new());
    assert!(matches!(
        analyze_audio(&empty),
        Err(crate::AnalysisError::Unsuitable { .. })
    ));
}

/// Clicks of two milliseconds, or single samples, at times that nobody counted.
fn random_clicks(seconds: usize, per_second: usize, width: usize, seed: u32) -> Vec<f32> {
    let mut signal = vec![0.0f32; seconds * RATE_HZ as usize];
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    for _ in 0..seconds * per_second {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = ((u64::from(state) * signal.len() as u64) >> 32) as usize;
        for (sample, hiss) in signal.iter_mut().skip(at).zip(noise(width)) {
            *sample += if width == 1 { 0.8 } else { hiss };
        }
    }
    signal
}

/// A tone that rises from 50 Hz to 8 kHz, evenly or by octaves.
fn sweep(seconds: usize, by_octaves: bool) -> Vec<f32> {
    let (low, high) = (50.0f64, 8_000.0f64);
    let length = seconds as f64;
    let octaves = (high / low).ln();
    (0..seconds * RATE_HZ as usize)
        .map(|index| {
            let time = index as f64 / f64::from(RATE_HZ);
            let cycles = match by_octaves {
                true => low * length / octaves * ((time / length * octaves).exp() - 1.0),
                false => low * time + (high - low) * time * time / (2.0 * length),
            };
            ((cycles.fract() * std::f64::consts::TAU).sin() * 0.5) as f32
        })
        .collect()
}

#[test]
fn nothing_is_sure_of_what_is_no_music() {
    let mut cases: Vec<(String, AudioBuffer)> = Vec::new();
    for (rate_hz, frequency_hz) in [(48_000, 220.0), (192_000, 220.0), (22_050, 330.0)] {
        let audio = AudioBuffer {
            samples: sine(frequency_hz, rate_hz as usize * 6, rate_hz),
            channel_count: 1,
            sample_rate_hz: rate_hz,
        };
        cases.push((format!("sine at {rate_hz}"), audio));
    }
    for by_octaves in [true, false] {
        cases.push((format!("sweep {by_octaves}"), mono(sweep(6, by_octaves))));
    }
    cases.push((
        "direct current".to_owned(),
        mono(vec![0.3; RATE_HZ as usize * 6]),
    ));
    for (seconds, seeds) in [(6, 0..4), (20, 0..3), (60, 0..1)] {
        for seed in seeds {
            for (per_second, width) in [(2, 1), (4, 40), (8, 1)] {
                let name = format!("{per_second} clicks a second, {seconds} s, {width}, {seed}");
                let clicks = random_clicks(seconds, per_second, width, seed);
                cases.push((name, mono(clicks)));
            }
        }
    }
    for (name, audio) in cases {
        let analysis = analyze_audio(&audio).expect(&name);
        for unknown in ["tempo_bpm", "key", "danceability", "instrumentalness"] {
            assert_eq!(value(&analysis, unknown), &Value::Null, "{name}: {unknown}");
        }
    }
}

const CHARACTER_NAMES: [&str; 5] = [
    "energy",
    "danceability",
    "acousticness",
    "instrumentalness",
    "speechiness",
];

#[test]
fn character_is_null_or_in_range() {
    let second = RATE_HZ as usize;
    let clicks: Vec<f32> = (0..second * 12)
        .map(|index| if index % (second / 2) < 20 { 0.8 } else { 0.0 })
        .collect();
    // The names are those of the values that must be unknown.
    let all = CHARACTER_NAMES.as_slice();
    let no_music = &["danceability", "instrumentalness"];
    let cases: [(&str, Vec<f32>, &[&str]); 8] = [
        ("silence", vec![0.0; second * 5], all),
        ("one frame", vec![0.5], all),
        ("10 ms", noise(second / 100), all),
        ("not a number", vec![f32::NAN; second * 5], all),
        ("direct current", vec![0.3; second * 5], no_music),
        ("noise", noise(second * 12), no_music),
        ("sine", sine(1_000.0, second * 10, RATE_HZ), no_music),
        ("clicks", clicks, &[]),
    ];
    for (name, samples, unknown) in cases {
        let analysis = analyze_audio(&mono(samples)).expect(name);
        for character in CHARACTER_NAMES {
            match value(&analysis, character).as_f64() {
                Some(found) => {
                    assert!((0.0..=1.0).contains(&found), "{name}: {character} {found}");
                    assert!(!unknown.contains(&character), "{name}: {character} {found}");
                }
                None => assert!(unknown.contains(&character), "{name}: {character}"),
            }
        }
    }
}

#[test]
fn louder_is_more_energy_and_nothing_else() {
    let song = band(110.0, 16.0, 2);
    let quieter = song.iter().map(|sample| sample * 0.25).collect();
    let (song, quieter) = (
        analyze_audio(&mono(song)).expect("analyses"),
        analyze_audio(&mono(quieter)).expect("analyses"),
    );
    let of = |analysis: &AudioAnalysis, name: &str| value(analysis, name).as_f64().expect(name);
    assert!(of(&song, "energy") > of(&quieter, "energy") + 0.03);
    for name in &CHARACTER_NAMES[1..] {
        assert!(
            (of(&song, name) - of(&quieter, name)).abs() < 0.01,
            "{name}"
        );
    }
}

#[test]
fn sections_are_told_with_their_times() {
    let analysis = analyze_audio(&mono(band(120.0, 40.0, 2))).expect("analyses");
    let sections = value(&analysis, "structure")
        .as_array()
        .expect("is long enough");
    assert_eq!(
        (&sections[0]["start_ms"], &sections[0]["label"]),
        (&0.into(), &"A".into())
    );
    assert_eq!(sections[0]["confidence"], Value::Null);
    assert_eq!(
        sections.last().map(|last| &last["end_ms"]),
        Some(&40_000.into())
    );
    let short = analyze_audio(&mono(band(120.0, 6.0, 2))).expect("analyses");
    assert_eq!(value(&short, "structure"), &Value::Null);
}

#[test]
fn any_rate_and_channel_count() {
    for (rate_hz, channel_count) in [
        (8_000, 1),
        (11_025, 8),
        (44_100, 2),
        (96_000, 6),
        (192_000, 2),
    ] {
        let samples = sine(440.0, rate_hz as usize * 2, rate_hz)
            .into_iter()
            .flat_map(|sample| std::iter::repeat_n(sample, channel_count))
            .collect();
        let audio = AudioBuffer {
            samples,
            channel_count,
            sample_rate_hz: rate_hz,
        };
        let analysis = analyze_audio(&audio).expect("analyses");
        assert_eq!(value(&analysis, "duration_ms"), 2_000);
        let tuning = value(&analysis, "tuning_cents").as_f64().expect("is tuned");
        assert!(tuning.abs() < 5.0, "{tuning} at {rate_hz}");
        assert_eq!(analysis.embedding.len(), AUDIO_EMBEDDING_DIMENSIONS);
    }
}

#[test]
fn is_deterministic_and_survives_storage() {
    let audio = mono(drums(110.0, 12.0, 2));
    let first = analyze_audio(&audio).expect("analyses");
    let second = std::thread::spawn(move || analyze_audio(&audio).expect("analyses"));
    assert_eq!(first, second.join().expect("no panic"));
    let text = serde_json::to_string(&first).expect("serialises");
    assert_eq!(
        first,
        serde_json::from_str::<AudioAnalysis>(&text).expect("reads back")
    );
    let norm: f32 = first.embedding.iter().map(|value| value * value).sum();
    assert!((norm - 1.0).abs() < 1e-4);
}

#[test]
fn the_embedding_hears_likeness() {
    let embed = |samples: Vec<f32>| analyze_audio(&mono(samples)).expect("analyses").embedding;
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let song = drums(120.0, 16.0, 2);
    let quieter = song.iter().map(|sample| sample * 0.2).collect();
    let later = song.iter().skip(66_150).copied().collect();
    let (song, quieter, later) = (embed(song), embed(quieter), embed(later));
    let tone = embed(sine(440.0, 16 * RATE_HZ as usize, RATE_HZ));
    assert!(cosine(&song, &quieter) > 0.99);
    assert!(cosine(&song, &later) > 0.9);
    assert!(cosine(&song, &tone) < 0.8);
}

#[test]
fn analyzers_return_what_they_declare() {
    let audio = mono(drums(100.0, 8.0, 2));
    let whole = analyze_audio(&audio).expect("analyses");
    let analyzers: [&dyn Analyzer; 3] = [&RhythmAnalyzer, &HarmonyAnalyzer, &SoundAnalyzer];
    let mut together = Vec::new();
    for analyzer in analyzers {
        let found = analyzer
            .analyze(&TrackInput {
                audio: Some(&audio),
                lyrics: None,
            })
            .expect("analyses");
        let names: Vec<&String> = found.iter().map(|descriptor| &descriptor.name).collect();
        assert_eq!(
            names,
            analyzer.describe().descriptors.iter().collect::<Vec<_>>()
        );
        assert!(analyzer.analyze(&TrackInput::default()).is_err());
        together.extend(found);
    }
    assert_eq!(together, whole.descriptors);
}
