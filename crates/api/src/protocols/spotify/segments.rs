//! Segments as the protocol writes them.

use leitmotif_ingest::jobs::segments::Segment;
use serde_json::{Value, json};

/// A piece between two onsets. `confidence` is how far its onset stands out, and no probability.
pub fn segment_object(segment: &Segment) -> Value {
    let rounded = |values: &[f32; 12]| -> Vec<f64> {
        let values = values.iter().map(|value| thousandths((*value).into()));
        values.collect()
    };
    json!({
        "start": thousandths(segment.start_s),
        "duration": thousandths(segment.duration_s),
        "confidence": segment.onset_strength.map(|strength| thousandths(strength.into())),
        "loudness_start": segment.loudness_start_db,
        "loudness_max": segment.loudness_max_db,
        "loudness_max_time": thousandths(segment.loudness_max_s),
        "loudness_end": segment.loudness_end_db,
        "pitches": rounded(&segment.pitches),
        "timbre": rounded(&segment.timbre),
    })
}

fn thousandths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_every_field_of_the_protocol() {
        let told = segment_object(&Segment {
            start_s: 1.234_56,
            duration_s: 0.5,
            onset_strength: None,
            loudness_start_db: -20.25,
            loudness_max_db: -3.0,
            loudness_max_s: 0.1,
            loudness_end_db: -30.0,
            pitches: [1.0 / 3.0; 12],
            timbre: [-2.5; 12],
        });
        let expected = json!({
            "start": 1.235, "duration": 0.5, "confidence": null, "loudness_start": -20.25,
            "loudness_max": -3.0, "loudness_max_time": 0.1, "loudness_end": -30.0,
            "pitches": vec![0.333; 12], "timbre": vec![-2.5; 12],
        });
        assert_eq!(told, expected);
    }
}
