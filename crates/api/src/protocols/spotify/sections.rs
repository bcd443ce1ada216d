//! The sections of a track as the protocol has them: each with its own loudness, tempo and key.

use serde_json::{Value, json};

use super::features::{Measured, mode_of, pitch_class};

/// How near a section's tempo has to be to the track's to be as sure: what counts as right on the card.
const SAME_TEMPO: f64 = 0.04;

/// Fewer beats say nothing of a tempo.
const BEATS_MIN: usize = 4;

/// The sections; what is not measured by section is `null`, as is the metre, which is the track's.
pub fn sections(measured: &Measured<'_>) -> Vec<Value> {
    let told = measured.descriptor("structure")["value"].as_array();
    let beats = measured.moments("beats_ms");
    let section = |one: &Value| {
        let start = one["start_ms"].as_f64()? / 1_000.0;
        let end = one["end_ms"].as_f64()? / 1_000.0;
        let (key, mode) = key_at(measured, (start + end) / 2.0);
        let tempo = tempo_within(&beats, start, end);
        // What a section has in common with the whole track is as sure as there; the rest nobody judged.
        let of_track = |is_same: bool, name: &str| match is_same {
            true => measured.confidence(name).clone(),
            false => Value::Null,
        };
        let whole_tempo = measured.number("tempo");
        let is_same_tempo = tempo
            .zip(whole_tempo)
            .is_some_and(|(one, whole)| (one / whole - 1.0).abs() <= SAME_TEMPO);
        let is_same_key =
            key.is_some() && key == measured.whole("key") && mode == measured.whole("mode");
        Some(json!({
            "start": start,
            "duration": (end - start).max(0.0),
            "confidence": one["confidence"],
            "loudness": loudness_within(measured, start, end),
            "tempo": tempo,
            "tempo_confidence": of_track(is_same_tempo, "tempo_bpm"),
            "key": key.unwrap_or(-1),
            "key_confidence": of_track(is_same_key, "key"),
            "mode": mode,
            "mode_confidence": of_track(is_same_key, "mode"),
            "time_signature": measured.whole("time_signature"),
            "time_signature_confidence": measured.confidence("time_signature"),
        }))
    };
    told.into_iter().flatten().filter_map(section).collect()
}

/// Mean momentary loudness by power, in LUFS.
fn loudness_within(measured: &Measured<'_>, start: f64, end: f64) -> Option<f64> {
    let curve = &measured.audio()["loudness_curve"];
    let step = curve["step_ms"].as_f64()? / 1_000.0;
    let values = curve["momentary_lufs"].as_array()?.iter().enumerate();
    let within = values.filter(|(place, _)| (start..end).contains(&(*place as f64 * step)));
    let powers: Vec<f64> = within
        .filter_map(|(_, value)| Some(10f64.powf(value.as_f64()? / 10.0)))
        .collect();
    let mean = powers.iter().sum::<f64>() / powers.len() as f64;
    (!powers.is_empty()).then(|| (100.0 * mean.log10()).round() / 10.0)
}

/// Beats a minute by the median of the beats' distances.
fn tempo_within(beats: &[f64], start: f64, end: f64) -> Option<f64> {
    let within: Vec<f64> = (beats.iter().copied())
        .filter(|beat| (start..end).contains(beat))
        .collect();
    let mut distances: Vec<f64> = within.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_by(f64::total_cmp);
    let median = distances.get(distances.len() / 2).copied()?;
    (within.len() >= BEATS_MIN && median > 0.0).then(|| (6_000.0 / median).round() / 100.0)
}

/// The key that holds at a moment, and its mode.
fn key_at(measured: &Measured<'_>, moment: f64) -> (Option<i64>, Option<i64>) {
    let changes = measured.descriptor("key_changes")["value"].as_array();
    let has_begun = |change: &&Value| {
        let start = change["start_ms"].as_f64();
        start.is_some_and(|start| start / 1_000.0 <= moment)
    };
    let held = changes.into_iter().flatten().rfind(has_begun);
    let text = |name: &str| held.and_then(|change| change[name].as_str());
    let whole = |number: f64| number as i64;
    (
        text("key").and_then(pitch_class).map(whole),
        text("mode").and_then(mode_of).map(whole),
    )
}

#[cfg(test)]
mod tests {
    use leitmotif_storage::ports::AnalysisDocument;

    use super::*;

    #[test]
    fn each_section_has_its_own() {
        let beats: Vec<u32> = (0..20)
            .map(|beat| beat * 500)
            .chain([10_400, 10_700])
            .collect();
        let document = AnalysisDocument {
            input_hash: String::new(),
            document: json!({"audio": {
            "beats_ms": beats,
            "loudness_curve": {"step_ms": 1_000, "momentary_lufs": [-20.0, -20.0, null, -10.0]},
            "descriptors": [
                {"name": "structure", "value": [
                    {"start_ms": 0, "end_ms": 3_000, "confidence": null},
                    {"start_ms": 3_000, "end_ms": 10_000, "confidence": 0.9},
                    {"start_ms": 10_000, "end_ms": 11_000, "confidence": 0.5}]},
                {"name": "time_signature", "value": 12, "confidence": 0.7},
                {"name": "tempo_bpm", "value": 121.0, "confidence": 0.9},
                {"name": "key", "value": "A", "confidence": 0.8},
                {"name": "mode", "value": "minor", "confidence": 0.8},
                {"name": "key_changes", "value": [
                    {"start_ms": 0, "key": "C", "mode": "major"},
                    {"start_ms": 4_000, "key": "A", "mode": "minor"}]},
            ]}}),
        };
        let told = sections(&Measured::new(Some(&document)));
        let column = |name: &str| told.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
        assert_eq!(
            column("loudness"),
            [json!(-20.0), json!(-10.0), Value::Null]
        );
        assert_eq!(column("tempo"), [json!(120.0), json!(120.0), Value::Null]);
        assert_eq!(column("key"), [0, 9, 9]);
        assert_eq!(column("mode"), [1, 0, 0]);
        assert_eq!(column("time_signature"), [4, 4, 4], "the beats of a bar");
        assert_eq!(column("time_signature_confidence"), [0.7, 0.7, 0.7]);
        assert_eq!(
            column("tempo_confidence"),
            [json!(0.9), json!(0.9), Value::Null]
        );
        assert_eq!(
            column("key_confidence"),
            [Value::Null, json!(0.8), json!(0.8)],
            "the key of the whole"
        );
    }
}
