//! How loud a track is over time, under its waveform.

use std::fmt::Write;

use leitmotif_api::native::analysis::{AnalysisAnswer, LoudnessCurveAnswer};
use maud::{Markup, html};

use super::sections::clock;
use crate::format::trimmed;

/// Width and height of the picture in its own units.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 100.0;
/// Quietest loudness that is drawn: what lies below is on the ground line.
const LOW_LUFS: f64 = -60.0;
/// Loudness drawn below the integrated one at least.
const SPAN_LU: f64 = 20.0;
/// Rows of the table: one for each so many parts of the track.
const ROWS: usize = 24;

/// What is drawn, in LUFS.
struct Frame {
    top: f64,
    bottom: f64,
}

impl Frame {
    /// Whole tens that hold everything worth seeing.
    fn around(curve: &LoudnessCurveAnswer, integrated: Option<f64>) -> Self {
        let loudest = curve
            .momentary_lufs
            .iter()
            .copied()
            .fold(-70.0f32, f32::max);
        let top = (f64::from(loudest) / 10.0).ceil() * 10.0;
        let quiet = integrated.unwrap_or(top - 10.0) - SPAN_LU;
        let bottom = (quiet / 10.0).floor() * 10.0;
        Self {
            top,
            bottom: bottom.max(LOW_LUFS).min(top - 10.0),
        }
    }

    fn height(&self, lufs: f64) -> f64 {
        let share = (self.top - lufs) / (self.top - self.bottom);
        share.clamp(0.0, 1.0) * HEIGHT
    }

    /// Every tenth LUFS inside.
    fn marks(&self) -> Vec<f64> {
        let count = ((self.top - self.bottom) / 10.0).round() as usize;
        (1..count)
            .map(|step| self.top - step as f64 * 10.0)
            .collect()
    }
}

fn integrated(analysis: &AnalysisAnswer) -> Option<f64> {
    let mut all = analysis.descriptors.iter();
    let found = all.find(|one| one.name == "integrated_loudness_lufs")?;
    found.value.as_f64()
}

/// Draws the curve; says why when there is none.
pub fn lane(analysis: &AnalysisAnswer, duration_ms: Option<u64>) -> Markup {
    let curve = &analysis.loudness_curve;
    let Some(duration_ms) = duration_ms.filter(|_| !curve.short_term_lufs.is_empty()) else {
        return html! {};
    };
    let integrated = integrated(analysis);
    let frame = Frame::around(curve, integrated);
    let line = |values: &[f32]| path(values, curve.step_ms, duration_ms, &frame);
    html! {
        div.lane data-lane {
            span.lane-name { "Loudness" }
            svg.loudness role="img" aria-label=(summary(curve, integrated)) {
                @for mark in frame.marks() {
                    @let y = format!("{:.1}%", frame.height(mark));
                    line.loudness-mark x1="0" x2="100%" y1=(y) y2=(y) {}
                }
                svg width="100%" height="100%" viewBox="0 0 1000 100" preserveAspectRatio="none" {
                    path.loudness-momentary d=(line(&curve.momentary_lufs)) {}
                    path.loudness-short d=(line(&curve.short_term_lufs)) {}
                    @if let Some(integrated) = integrated {
                        @let y = format!("{:.1}", frame.height(integrated));
                        line.loudness-whole x1="0" x2="1000" y1=(y) y2=(y) {}
                    }
                }
                @for mark in frame.marks() {
                    text.loudness-text x="4" y=(format!("{:.1}%", frame.height(mark))) dy="11" { (trimmed(mark, 0)) " LUFS" }
                }
                line.playhead x1="0" x2="0" y1="0" y2="100%" data-playhead {}
            }
        }
    }
}

/// Says what the lines are; without a curve, how to get one.
pub fn legend(analysis: &AnalysisAnswer) -> Markup {
    let has_sound = !analysis.waveform.minimum.is_empty();
    html! {
        @if !analysis.loudness_curve.short_term_lufs.is_empty() {
            p.quiet.legend {
                span.key.key-short { "short-term loudness (3 s)" } " "
                span.key.key-momentary { "momentary (400 ms)" }
                @if let Some(integrated) = integrated(analysis) {
                    " " span.key.key-whole { "integrated, " (trimmed(integrated, 1)) " LUFS" }
                }
            }
        } @else if has_sound {
            p.quiet.legend { "There is no loudness curve: the track was analysed before curves were kept, or is too short. “Analyse again” makes one." }
        }
    }
}

/// The curve as a table, for whoever does not see it.
pub fn table(analysis: &AnalysisAnswer) -> Markup {
    let curve = &analysis.loudness_curve;
    let count = curve.short_term_lufs.len().min(curve.momentary_lufs.len());
    let stride = count.div_ceil(ROWS).max(1);
    let loudest = |values: &[f32], from: usize| {
        let part = values.iter().skip(from).take(stride).copied();
        trimmed(f64::from(part.fold(f32::MIN, f32::max)), 1)
    };
    html! {
        @if count > 0 {
            details.listed {
                summary { "Loudness as a table" }
                div.scroll.listed-rows tabindex="0" role="region" aria-label="Loudness over time" {
                    table {
                        caption { (summary(curve, integrated(analysis))) }
                        thead { tr { th scope="col" { "From" } th.number scope="col" { "Short-term, LUFS" } th.number scope="col" { "Momentary, LUFS" } } }
                        tbody {
                            @for from in (0..count).step_by(stride) {
                                tr {
                                    td { (clock(from as u64 * u64::from(curve.step_ms))) }
                                    td.number { (loudest(&curve.short_term_lufs, from)) }
                                    td.number { (loudest(&curve.momentary_lufs, from)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A line through the middles of the steps, level at both ends.
fn path(values: &[f32], step_ms: u32, duration_ms: u64, frame: &Frame) -> String {
    let mut path = String::with_capacity(values.len() * 12);
    let last = values.len().saturating_sub(1);
    for (index, lufs) in values.iter().enumerate() {
        let middle = match index {
            0 => 0.0,
            _ if index == last => duration_ms as f64,
            _ => (index as f64 + 0.5) * f64::from(step_ms),
        };
        let x = (middle / duration_ms as f64 * WIDTH).min(WIDTH);
        let command = if index == 0 { 'M' } else { 'L' };
        let y = frame.height(f64::from(*lufs));
        let _ = write!(path, "{command}{x:.1} {y:.1}"); // writing to a String cannot fail
    }
    path
}

fn summary(curve: &LoudnessCurveAnswer, integrated: Option<f64>) -> String {
    let (place, loudest) =
        curve
            .short_term_lufs
            .iter()
            .enumerate()
            .fold((0, f32::MIN), |best, (place, lufs)| {
                if *lufs > best.1 { (place, *lufs) } else { best }
            });
    let at = clock(place as u64 * u64::from(curve.step_ms));
    let whole = integrated.map_or_else(String::new, |lufs| {
        format!("; integrated {} LUFS", trimmed(lufs, 1))
    });
    format!(
        "Loudness over time; loudest at {at} with {} LUFS short-term{whole}",
        trimmed(f64::from(loudest), 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(short: &[f32]) -> LoudnessCurveAnswer {
        LoudnessCurveAnswer {
            step_ms: 1_000,
            momentary_lufs: short.iter().map(|lufs| lufs + 2.0).collect(),
            short_term_lufs: short.to_vec(),
        }
    }

    #[test]
    fn the_frame_holds_the_loud_and_the_integrated() {
        let frame = Frame::around(&curve(&[-20.0, -11.0]), Some(-14.0));
        assert_eq!((frame.top, frame.bottom), (0.0, -40.0));
        assert_eq!(frame.marks(), [-10.0, -20.0, -30.0]);
        assert_eq!(frame.height(-10.0), 25.0);
        assert_eq!((frame.height(5.0), frame.height(-70.0)), (0.0, 100.0));
        // Silence has a frame too.
        let silent = Frame::around(&curve(&[-70.0]), None);
        assert!(silent.top > silent.bottom && silent.height(-70.0).is_finite());
    }

    #[test]
    fn the_line_spans_the_track() {
        let frame = Frame {
            top: 0.0,
            bottom: -40.0,
        };
        let drawn = path(&[-20.0, -10.0, -40.0], 1_000, 2_500, &frame);
        assert_eq!(drawn, "M0.0 50.0L600.0 25.0L1000.0 100.0");
        assert_eq!(path(&[], 1_000, 2_500, &frame), "");
        let told = summary(&curve(&[-20.0, -11.0]), Some(-14.0));
        assert_eq!(
            told,
            "Loudness over time; loudest at 0:01 with −11 LUFS short-term; integrated −14 LUFS"
        );
    }
}
