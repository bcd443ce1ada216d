//! Readings of the metre: candidate beat levels and phases with the evidence for each.
//!
//! A periodicity fixes the beat only up to a factor and half a period. Each candidate is tracked, and
//! then described by what listeners go by: where kick, snare and cymbals fall between its beats,
//! where the harmony changes, how dense events are, and how usual the tempo is.

use super::beat::{PeriodRange, track_beats};
use super::division_features::{DIVISION_FEATURE_COUNT, division_features};
use super::evidence::{Evidence, average};
use super::frames::RHYTHM_FPS;
use super::phase_features::{PHASE_FEATURE_COUNT, PhaseCurves};
use super::reading_features::{FEATURE_COUNT, features};
use super::tempo::TEMPO_RANGE_BPM;

/// Freedom of the tempo around a candidate while its beats are tracked.
const TRACKING_RANGE: (f64, f64) = (0.84, 1.19);
/// Levels tried around each salient periodicity.
const LEVELS: [f64; 7] = [1.0, 0.5, 2.0, 1.0 / 3.0, 3.0, 2.0 / 3.0, 1.5];
/// Salient periodicities that are tried at all levels.
const SALIENT_COUNT: usize = 2;
/// Candidates nearer than this are one.
const SAME_PERIOD: f64 = 0.06;

/// Fewest beats of a reading.
const BEAT_COUNT_MIN: usize = 3;
/// Shortest period that is tracked, in rhythm frames: sixteenths at 108 bpm.
const SHORTEST_DIVISION_FRAMES: f64 = 12.0;
/// How many periods of a grid may make a beat, and the longest period of which they do, in seconds.
const DIVISIONS: [(usize, f64); 3] = [(2, 0.75), (3, 0.5), (4, 0.375)];

/// One reading of the metre.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub bpm: f64,
    /// Beats in rhythm frames, rising.
    pub beats: Vec<f64>,
    pub features: [f64; FEATURE_COUNT],
    /// How its beats divide.
    pub division: [f64; DIVISION_FEATURE_COUNT],
    /// What tells its beats from the off-beats.
    pub phase: [f64; PHASE_FEATURE_COUNT],
}

/// All readings of a track.
///
/// Every candidate period is tracked as a grid. A grid is read as the beat, in its phase and half a
/// period later, and as a division of the beat: even notes of a keyboard are followed through free
/// timing far better than the beats they hide, so each second, third or fourth of them may be one.
///
/// - Cost: one beat tracking per candidate period.
pub(crate) fn readings(
    evidence: &Evidence<'_>,
    curves: &PhaseCurves,
    salient: &[(f64, f64)],
    activation: &[f32],
) -> Vec<Reading> {
    let slowest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.0;
    let fastest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.1;
    let mut readings = Vec::new();
    let mut push = |beats: Vec<f64>| {
        let Some(period) = period_of_beats(&beats) else {
            return;
        };
        if beats.len() >= BEAT_COUNT_MIN && (fastest * 0.9..=slowest * 1.2).contains(&period) {
            readings.push(Reading {
                bpm: 60.0 * RHYTHM_FPS / period,
                features: features(evidence, &beats, period),
                division: division_features(evidence, &beats, period),
                phase: curves.features(evidence, &beats),
                beats,
            });
        }
    };
    for period in candidate_periods(salient) {
        let range = PeriodRange {
            shortest: (period * TRACKING_RANGE.0).max(SHORTEST_DIVISION_FRAMES),
            longest: period * TRACKING_RANGE.1,
        };
        let grid: Vec<f64> = track_beats(activation, range)
            .into_iter()
            .map(|beat| beat as f64)
            .collect();
        let between = |pair: &[f64]| (pair[0] + pair[1]) / 2.0;
        push(grid.windows(2).map(between).collect());
        for (division, longest) in DIVISIONS {
            if period > longest * RHYTHM_FPS {
                continue;
            }
            for offset in 0..division {
                push(
                    grid.iter()
                        .skip(offset)
                        .step_by(division)
                        .copied()
                        .collect(),
                );
            }
        }
        push(grid);
    }
    readings
}

/// Mean period of beats near the median one, in frames: averages out the frame grid.
pub(crate) fn period_of_beats(beats: &[f64]) -> Option<f64> {
    let mut intervals: Vec<f64> = beats.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_by(f64::total_cmp);
    let median = *intervals.get(intervals.len() / 2)?;
    let near = intervals
        .iter()
        .copied()
        .filter(|interval| (interval / median - 1.0).abs() < 0.1);
    Some(average(near)).filter(|&period| period > 0.0)
}

fn candidate_periods(salient: &[(f64, f64)]) -> Vec<f64> {
    let longest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.0;
    let mut periods: Vec<f64> = Vec::new();
    for &(period, _) in salient.iter().take(SALIENT_COUNT) {
        for level in LEVELS {
            let candidate = period * level;
            let is_new = periods
                .iter()
                .all(|known| (candidate / known - 1.0).abs() > SAME_PERIOD);
            if (SHORTEST_DIVISION_FRAMES..=longest).contains(&candidate) && is_new {
                periods.push(candidate);
            }
        }
    }
    periods
}
