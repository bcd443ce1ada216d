//! The player: waveform, beat grid, playhead. Without scripts it is a picture above the browser's
//! own player.

use std::fmt::Write;

use leitmotif_api::native::analysis::{AnalysisAnswer, WaveformAnswer};
use leitmotif_api::native::tracks::TrackAnswer;
use maud::{Markup, html};

use super::{chords, loudness, sections};
use crate::links::encode;

/// Width of the picture in its own units.
const WIDTH: f64 = 1_000.0;
/// Half of its height: a sample of 127 reaches this far.
const HALF: f64 = 64.0;
/// Beats drawn at most: 3 hours at 200 bpm are beyond what a picture can show.
const BEATS_MAX: usize = 4_000;

/// Draws the player.
pub fn player(track: &TrackAnswer, analysis: Option<&AnalysisAnswer>) -> Markup {
    let duration_ms = duration_ms(track, analysis);
    let source = format!("/api/v1/tracks/{}/audio", encode(&track.id));
    html! {
        section.player aria-labelledby="listen" data-player data-duration=[duration_ms.map(|ms| ms.to_string())] {
            h2 #listen { "Listen" }
            @if let Some(analysis) = analysis.filter(|analysis| !analysis.waveform.minimum.is_empty()) {
                (timeline(analysis, duration_ms))
            }
            audio controls preload="metadata" src=(source) data-audio { "This browser plays no audio." }
            p.complaint role="alert" data-audio-problem hidden { "The audio cannot be played by this browser." }
            @if let Some(analysis) = analysis {
                span hidden data-beats=(times(&analysis.beats_ms)) data-downbeats=(times(&analysis.downbeats_ms)) {}
                (loudness::legend(analysis))
                (loudness::table(analysis))
                (chords::table(&analysis.descriptors))
            }
        }
    }
}

/// Everything that runs along the time of the track, one under the other.
fn timeline(analysis: &AnalysisAnswer, duration_ms: Option<u64>) -> Markup {
    html! {
        div.wave data-seek {
            svg viewBox="0 0 1000 128" preserveAspectRatio="none" role="img" aria-label="Waveform with beat grid" {
                path.wave-shape d=(outline(&analysis.waveform)) {}
                path.wave-beats d=(ticks(&analysis.beats_ms, duration_ms, 128.0)) {}
                path.wave-downbeats d=(ticks(&analysis.downbeats_ms, duration_ms, 128.0)) {}
                line.playhead x1="0" x2="0" y1="0" y2="128" data-playhead {}
            }
        }
        (sections::strip(&analysis.descriptors, duration_ms))
        (chords::lane(&analysis.descriptors, duration_ms))
        (loudness::lane(analysis, duration_ms))
        p.quiet.legend {
            span.count-in data-count-in aria-hidden="true" {} " "
            "Fine lines are beats, strong ones downbeats: "
            (analysis.beats_ms.len()) " beats, " (analysis.downbeats_ms.len()) " downbeats. Sections of one letter repeat each other; chords have the colour of their root on the circle of fifths. "
            span data-hint hidden { "Click a lane, or focus the wave and use the arrow keys (5 s), Page Up and Down (one bar), Home and End." }
        }
    }
}

/// The waveform alone, for pages on which nothing plays.
pub fn waveform_of(analysis: &AnalysisAnswer) -> Markup {
    html! {
        div.wave {
            svg viewBox="0 0 1000 128" preserveAspectRatio="none" role="img" aria-label="Waveform" {
                path.wave-shape d=(outline(&analysis.waveform)) {}
            }
        }
    }
}

/// Times for the module that counts along.
fn times(times_ms: &[u32]) -> String {
    let told: Vec<String> = times_ms
        .iter()
        .take(BEATS_MAX)
        .map(u32::to_string)
        .collect();
    told.join(" ")
}

fn duration_ms(track: &TrackAnswer, analysis: Option<&AnalysisAnswer>) -> Option<u64> {
    let measured = analysis.and_then(|analysis| {
        let mut all = analysis.descriptors.iter();
        all.find(|descriptor| descriptor.name == "duration_ms")?
            .value
            .as_u64()
    });
    measured
        .or(track.duration_ms.map(u64::from))
        .filter(|duration| *duration > 0)
}

/// The outline of the wave: along the highest samples and back along the lowest.
fn outline(waveform: &WaveformAnswer) -> String {
    let count = waveform.maximum.len().min(waveform.minimum.len());
    if count == 0 {
        return String::new();
    }
    let step = WIDTH / count as f64;
    let height = |sample: i8| HALF - f64::from(sample) / 127.0 * (HALF - 2.0);
    let mut path = String::with_capacity(count * 24);
    for (column, sample) in waveform.maximum.iter().take(count).enumerate() {
        let command = if column == 0 { 'M' } else { 'L' };
        let (x, y) = ((column as f64 + 0.5) * step, height(*sample) - 0.5);
        let _ = write!(path, "{command}{x:.1} {y:.1}"); // writing to a String cannot fail
    }
    for (column, sample) in waveform.minimum.iter().take(count).enumerate().rev() {
        let (x, y) = ((column as f64 + 0.5) * step, height(*sample) + 0.5);
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    path.push('Z');
    path
}

/// Ticks at the bottom of the picture.
fn ticks(times_ms: &[u32], duration_ms: Option<u64>, length: f64) -> String {
    let Some(duration_ms) = duration_ms else {
        return String::new();
    };
    let mut path = String::new();
    for time in times_ms.iter().take(BEATS_MAX) {
        let x = f64::from(*time) / duration_ms as f64 * WIDTH;
        if x <= WIDTH {
            let _ = write!(path, "M{x:.1} 128v{:.0}", -length);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_is_closed_and_stays_inside() {
        let waveform = WaveformAnswer {
            minimum: vec![-127, -1, 0],
            maximum: vec![127, 1],
        };
        assert_eq!(
            outline(&waveform),
            "M250.0 1.5L750.0 63.0L750.0 65.0L250.0 126.5Z"
        );
        assert_eq!(outline(&WaveformAnswer::default()), "");
    }

    #[test]
    fn ticks_need_a_length_and_stay_inside() {
        assert_eq!(
            ticks(&[0, 500, 9_999], Some(1_000), 14.0),
            "M0.0 128v-14M500.0 128v-14"
        );
        assert_eq!(ticks(&[500], None, 14.0), "");
    }
}
