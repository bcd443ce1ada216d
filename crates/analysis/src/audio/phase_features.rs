//! The numbers that tell the beat from the off-beat once its level is known.
//!
//! Even motion sounds the same on and between beats. What differs is which notes begin there: bass
//! notes, long notes, many at once, and notes that change the harmony fall on beats; what answers them
//! falls between. Each of these is a curve over time that is read at the beats and at the places
//! between them.

use super::evidence::{Evidence, average, positions, read_peak};
use super::frames::RhythmFrames;
use super::onset::{BAND_COUNT, GROUP_COUNT, LOW_BAND_COUNT, MIDDLE_BAND_COUNT, OnsetEnvelope};

/// Curves made for this, beside the onset envelopes and the harmonic novelty.
const OWN_COUNT: usize = 8;
const CURVE_COUNT: usize = OWN_COUNT + GROUP_COUNT + 2;
/// Readings of a curve: against half, quarters and thirds of the beat, against its mean, how often it
/// wins over the half beat, and how much every other beat stands out.
const READ_COUNT: usize = 6;
const FIRST_COUNT: usize = 2;
/// Number of features of one reading.
pub(crate) const PHASE_FEATURE_COUNT: usize = CURVE_COUNT * READ_COUNT + FIRST_COUNT;

/// Frames from an onset to the first and the last level that a held note keeps: 46 ms and 0.35 s.
const HELD_FRAMES: (usize, usize) = (4, 30);
/// Frames from an onset to the last level that a bass note keeps: 0.16 s.
const BASS_HELD_FRAMES: usize = 14;
/// Frames between the compared levels before and after an onset: half a window on either side.
const BEFORE_FRAMES: usize = 3;
/// Rise of the log magnitude from which a band takes part in an onset.
const RISE_MIN: f32 = 0.25;
/// Half widths of the spectra that are compared for a change of notes, in frames: 0.2 and 0.5 s.
const SHORT_CHANGE_FRAMES: usize = 17;
const LONG_CHANGE_FRAMES: usize = 43;
/// Least height of an onset, in root mean squares, and half width in which it is the highest.
const ONSET_MIN: f32 = 0.6;
const ONSET_RADIUS: usize = 5;
/// Longest gap between onsets that counts, in frames: 1.2 s.
const GAP_FRAMES_MAX: f32 = 100.0;
/// Share of the mean added to both sides of a ratio.
const RATIO_FLOOR: f64 = 0.1;

/// Curves over time in rhythm frames, none negative.
#[derive(Debug)]
pub(crate) struct PhaseCurves {
    curves: [Vec<f32>; OWN_COUNT],
    means: [f64; OWN_COUNT],
    first_onset: Option<f64>,
}

impl PhaseCurves {
    /// Computes the curves. Cost: O(frames × bands × held frames).
    pub(crate) fn new(frames: &RhythmFrames, envelope: &OnsetEnvelope) -> Self {
        let rows: Vec<&[f32]> = frames.bands.chunks_exact(BAND_COUNT).collect();
        let sums = cumulative(&rows);
        let low = 0..LOW_BAND_COUNT;
        let middle = LOW_BAND_COUNT..MIDDLE_BAND_COUNT;
        let onsets = onset_frames(&envelope.total);
        let (gap_after, gap_before) = gaps(&onsets, envelope.total.len());
        let curves = [
            held(&rows, &sums, low.clone(), BASS_HELD_FRAMES),
            held(&rows, &sums, low.clone(), HELD_FRAMES.1),
            held(&rows, &sums, middle.clone(), HELD_FRAMES.1),
            rising(&rows),
            gap_after,
            gap_before,
            change(&sums, low.start..middle.end, SHORT_CHANGE_FRAMES),
            change(&sums, low.start..middle.end, LONG_CHANGE_FRAMES),
        ];
        let means = std::array::from_fn(|index| {
            average(curves[index].iter().map(|&value| f64::from(value)))
        });
        Self {
            curves,
            means,
            first_onset: onsets.first().map(|&frame| frame as f64),
        }
    }

    /// Describes a reading by its beats.
    pub(crate) fn features(
        &self,
        evidence: &Evidence<'_>,
        beats: &[f64],
    ) -> [f64; PHASE_FEATURE_COUNT] {
        let mut values = Vec::with_capacity(PHASE_FEATURE_COUNT);
        for (curve, &mean) in self.curves.iter().zip(&self.means) {
            values.extend(describe(beats, mean, |at| read_peak(curve, at)));
        }
        for series in 0..=GROUP_COUNT {
            let curve = evidence.series(series);
            values.extend(describe(beats, evidence.means[series], |at| {
                read_peak(curve, at)
            }));
        }
        values.extend(describe(beats, evidence.novelty_mean, |at| {
            evidence.read_novelty(at)
        }));
        values.extend(self.first_phase(beats));
        std::array::from_fn(|index| values.get(index).copied().unwrap_or(0.0))
    }

    /// Where between the beats the first onset falls, as cosine and sine.
    fn first_phase(&self, beats: &[f64]) -> [f64; FIRST_COUNT] {
        let (Some(first), &[one, two, ..]) = (self.first_onset, beats) else {
            return [0.0; FIRST_COUNT];
        };
        let angle = (first - one) / (two - one).max(1.0) * std::f64::consts::TAU;
        [angle.cos(), angle.sin()]
    }
}

fn describe(beats: &[f64], mean: f64, read: impl Fn(f64) -> f64) -> [f64; READ_COUNT] {
    let mean = mean.max(1e-9);
    let at = |phase: f64| -> Vec<f64> {
        positions(beats, phase)
            .map(|position| read(position) / mean)
            .collect()
    };
    let level = |values: &[f64]| average(values.iter().copied());
    let ratio = |a: f64, b: f64| ((a + RATIO_FLOOR) / (b + RATIO_FLOOR)).ln();
    let (on, half) = (at(0.0), at(0.5));
    let quarters = (level(&at(0.25)) + level(&at(0.75))) / 2.0;
    let thirds = (level(&at(1.0 / 3.0)) + level(&at(2.0 / 3.0))) / 2.0;
    let beat = level(&on);
    let wins = average(on.iter().zip(&half).map(|(on, half)| {
        let margin = RATIO_FLOOR * (on + half);
        f64::from(u8::from(*on > half + margin)) - f64::from(u8::from(*half > on + margin))
    }));
    let every_other = |first: usize| average(on.iter().skip(first).step_by(2).copied());
    [
        ratio(beat, level(&half)),
        ratio(beat, quarters),
        ratio(beat, thirds),
        (beat + RATIO_FLOOR).ln(),
        wins,
        ratio(every_other(0), every_other(1)).abs(),
    ]
}

/// Sums of the rows before each frame, band by band: `[(frames + 1) × bands]`.
fn cumulative(rows: &[&[f32]]) -> Vec<[f32; MIDDLE_BAND_COUNT]> {
    let mut running = [0.0f32; MIDDLE_BAND_COUNT];
    let mut sums = Vec::with_capacity(rows.len() + 1);
    sums.push(running);
    for row in rows {
        for (total, value) in running.iter_mut().zip(*row) {
            *total += value;
        }
        sums.push(running);
    }
    sums
}

/// How much the bands stay above what they were: notes that begin and are held.
fn held(
    rows: &[&[f32]],
    sums: &[[f32; MIDDLE_BAND_COUNT]],
    bands: std::ops::Range<usize>,
    until: usize,
) -> Vec<f32> {
    let last = rows.len();
    (0..last)
        .map(|frame| {
            let (from, to) = ((frame + HELD_FRAMES.0).min(last), (frame + until).min(last));
            let (Some(before), true) = (frame.checked_sub(BEFORE_FRAMES), from < to) else {
                return 0.0;
            };
            let scale = 1.0 / (to - from) as f32;
            bands
                .clone()
                .map(|band| {
                    let after = (sums[to][band] - sums[from][band]) * scale;
                    (after - rows[before][band]).max(0.0)
                })
                .sum()
        })
        .collect()
}

/// Share of the bands that rise: how many notes and drums begin together.
fn rising(rows: &[&[f32]]) -> Vec<f32> {
    (0..rows.len())
        .map(|frame| {
            let Some(before) = frame.checked_sub(BEFORE_FRAMES) else {
                return 0.0;
            };
            let count = rows[frame]
                .iter()
                .zip(rows[before])
                .filter(|(now, before)| *now - *before > RISE_MIN)
                .count();
            count as f32 / BAND_COUNT as f32
        })
        .collect()
}

/// How much the spectra just before and just after differ: one minus their cosine.
fn change(
    sums: &[[f32; MIDDLE_BAND_COUNT]],
    bands: std::ops::Range<usize>,
    width: usize,
) -> Vec<f32> {
    let last = sums.len() - 1;
    (0..last)
        .map(|frame| {
            let (from, to) = (frame.saturating_sub(width), (frame + width).min(last));
            let (mut dot, mut left, mut right) = (0.0f32, 0.0f32, 0.0f32);
            for band in bands.clone() {
                let before = sums[frame][band] - sums[from][band];
                let after = sums[to][band] - sums[frame][band];
                dot += before * after;
                left += before * before;
                right += after * after;
            }
            let scale = (left * right).sqrt();
            if scale > 0.0 {
                (1.0 - dot / scale).max(0.0)
            } else {
                0.0
            }
        })
        .collect()
}

fn onset_frames(total: &[f32]) -> Vec<usize> {
    (0..total.len())
        .filter(|&frame| {
            let value = total[frame];
            let from = frame.saturating_sub(ONSET_RADIUS);
            let to = (frame + ONSET_RADIUS + 1).min(total.len());
            value >= ONSET_MIN
                && total[from..frame].iter().all(|&before| before < value)
                && total[frame + 1..to].iter().all(|&after| after <= value)
        })
        .collect()
}

/// At each onset, the time until the next and since the last one; zero elsewhere.
fn gaps(onsets: &[usize], frame_count: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut after, mut before) = (vec![0.0f32; frame_count], vec![0.0f32; frame_count]);
    for pair in onsets.windows(2) {
        let gap = ((pair[1] - pair[0]) as f32).min(GAP_FRAMES_MAX);
        after[pair[0]] = gap;
        before[pair[1]] = gap;
    }
    (after, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_stand_out_by_what_falls_on_them() {
        let curve: Vec<f32> = (0..400)
            .map(|frame| if frame % 40 == 0 { 1.0 } else { 0.0 })
            .collect();
        let on: Vec<f64> = (0..10).map(|beat| f64::from(beat) * 40.0).collect();
        let off: Vec<f64> = on.iter().map(|beat| beat + 20.0).collect();
        let read = |at: f64| read_peak(&curve, at);
        let (on, off) = (describe(&on, 0.025, read), describe(&off, 0.025, read));
        assert!(on[0] > 1.0 && off[0] < -1.0, "{on:?} {off:?}");
        assert_eq!((on[4], off[4]), (1.0, -1.0));
    }

    #[test]
    fn held_notes_rise_and_short_ones_do_not() {
        let mut bands = vec![0.0f32; 120 * BAND_COUNT];
        for frame in 20..120 {
            bands[frame * BAND_COUNT] = 1.0;
        }
        for frame in 20..24 {
            bands[frame * BAND_COUNT + 20] = 1.0;
        }
        let rows: Vec<&[f32]> = bands.chunks_exact(BAND_COUNT).collect();
        let sums = cumulative(&rows);
        assert!(held(&rows, &sums, 0..1, HELD_FRAMES.1)[20] > 0.9);
        assert!(held(&rows, &sums, 20..21, HELD_FRAMES.1)[20] < 0.1);
    }

    #[test]
    fn gaps_are_told_at_both_ends() {
        let (after, before) = gaps(&[2, 7], 10);
        assert_eq!((after[2], before[7]), (5.0, 5.0));
        assert_eq!(after.iter().chain(&before).sum::<f32>(), 10.0);
    }
}
