//! Where sections begin: novelty of sound and of repetition, and the regularity of music.
//!
//! The weights were found by a coordinate search on 70 synthesised songs (seeds 1000 to 1004 of every
//! style of the demo), the cost of a boundary and the least spread then moved on 42 of them, so that
//! steady sounds fall apart less; held-out seeds are judged in `docs/measurements.md`.

use super::similarity::Similarity;
use super::units::{TIMBRE_COUNT, Units};

/// Bars before and after a unit that are compared: one phrase.
const HALF_BARS: usize = 4;
/// Weights of the two novelties against the cost of a boundary. Changes of harmony need no third one:
/// they show as changes of repetition.
const TIMBRE_WEIGHT: f64 = 4.0;
const REPETITION_WEIGHT: f64 = 0.6;
const BOUNDARY_COST: f64 = 1.1;
/// Cost of a boundary off the downbeats, times the confidence in the metre.
const OFF_COST: f64 = 1.0;
/// Cost of a length that is no multiple of a bar in steps of half; half the one that the search found,
/// for a twentieth of the gain: real songs are less regular than synthesised ones.
const LENGTH_COST: f64 = 1.7;
/// Shortest section, in bars.
const SHORTEST_BARS: usize = 4;
/// Share of all units that count as nearest neighbours, and the least likeness of a neighbour.
const NEIGHBOUR_SHARE: f64 = 0.05;
const RECURRENCE_MIN: f32 = 0.5;
/// Spread that even a machine's repetition is granted, in squared scaled cepstrum.
const SPREAD_MIN: f64 = 0.1;

/// How much each unit looks like the beginning of something new, over the cost of a boundary.
///
/// - Shape: one value a unit.
/// - Cost: O(units²).
pub(crate) fn gains(units: &Units, similarity: &Similarity) -> Vec<f64> {
    let half = HALF_BARS * units.units_per_bar;
    let timbre = timbre_novelty(units, half);
    let repetition = repetition_novelty(similarity, half);
    let novelties = timbre.iter().zip(&repetition).enumerate();
    novelties
        .map(|(unit, (timbre, repetition))| {
            let is_downbeat = units.is_downbeat.get(unit).copied().unwrap_or(true);
            let off_cost = if is_downbeat {
                0.0
            } else {
                OFF_COST * units.metre_confidence
            };
            TIMBRE_WEIGHT * timbre + REPETITION_WEIGHT * repetition - BOUNDARY_COST - off_cost
        })
        .collect()
}

/// Running sums of rows, for means over any span.
struct RunningSums<const WIDTH: usize> {
    sums: Vec<[f64; WIDTH]>,
}

impl<const WIDTH: usize> RunningSums<WIDTH> {
    fn new(rows: impl Iterator<Item = [f32; WIDTH]>) -> Self {
        let mut running = [0.0; WIDTH];
        let mut sums = vec![running];
        for row in rows {
            for (total, value) in running.iter_mut().zip(row) {
                *total += f64::from(value);
            }
            sums.push(running);
        }
        Self { sums }
    }

    fn mean(&self, from: usize, to: usize) -> [f64; WIDTH] {
        let (low, high) = (self.sums[from], self.sums[to]);
        let count = (to - from).max(1) as f64;
        std::array::from_fn(|index| (high[index] - low[index]) / count)
    }
}

/// Distance of the mean sound before and after each unit, in deviations within the two.
///
/// - Source: with the inner product as similarity this is the checkerboard kernel of Foote, "Automatic
///   audio segmentation using a measure of audio novelty", ICME 2000, without the matrix; divided by the
///   spread as in Fisher's criterion, so that restless music needs more.
fn timbre_novelty(units: &Units, half: usize) -> Vec<f64> {
    let sums = RunningSums::<TIMBRE_COUNT>::new(units.timbre.iter().copied());
    let squares = RunningSums::<TIMBRE_COUNT>::new(
        (units.timbre.iter()).map(|row| row.map(|value| value * value)),
    );
    spans(units.count(), half)
        .map(|(from, unit, to)| {
            let (before, after) = (sums.mean(from, unit), sums.mean(unit, to));
            let (before_square, after_square) = (squares.mean(from, unit), squares.mean(unit, to));
            let mut novelty = 0.0;
            for index in 0..TIMBRE_COUNT {
                let apart = (before[index] - after[index]).powi(2);
                let spread = before_square[index] - before[index].powi(2) + after_square[index]
                    - after[index].powi(2);
                novelty += apart / (spread.max(0.0) + SPREAD_MIN);
            }
            (novelty / TIMBRE_COUNT as f64).sqrt()
        })
        .collect()
}

/// Each unit with the span of `half` units before and after it; the first and the last units have
/// shorter ones.
fn spans(count: usize, half: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..count).map(move |unit| (unit.saturating_sub(half), unit, (unit + half).min(count)))
}

/// How much it changes with which other moments the music goes along.
///
/// - Source: structure features of Serrà et al. 2012: recurrence among nearest neighbours over the lag,
///   smoothed along time; novelty is the change of that row. Smoothing is a box on either side.
fn repetition_novelty(similarity: &Similarity, half: usize) -> Vec<f64> {
    let count = similarity.count;
    let neighbour_count = ((count as f64 * NEIGHBOUR_SHARE) as usize).max(2);
    let recurrence = recurrence_over_lag(similarity, neighbour_count);
    let mut novelty = vec![0.0f64; count];
    let mut column = vec![0i32; count + 1];
    for lag in 1..count {
        for unit in 0..count {
            column[unit + 1] = column[unit] + i32::from(recurrence[lag * count + unit]);
        }
        for (from, unit, to) in spans(count, half) {
            if unit == from {
                continue;
            }
            let before = f64::from(column[unit] - column[from]) / (unit - from) as f64;
            let after = f64::from(column[to] - column[unit]) / (to - unit) as f64;
            novelty[unit] += (before - after).powi(2);
        }
    }
    // As a share of the neighbours there are, so that long tracks do not have more of it.
    let scale = 1.0 / neighbour_count as f64;
    novelty.iter().map(|value| (value * scale).sqrt()).collect()
}

/// Whether the music at a unit goes along with that a lag later, among the nearest neighbours of both.
///
/// - Shape: `[count × count]`, rows are lags.
fn recurrence_over_lag(similarity: &Similarity, neighbour_count: usize) -> Vec<bool> {
    let count = similarity.count;
    let mut sorted = Vec::with_capacity(count);
    let least: Vec<f32> = (0..count)
        .map(|unit| {
            sorted.clear();
            sorted.extend_from_slice(similarity.row(unit));
            let place = neighbour_count.min(count - 1);
            let (_, value, _) = sorted.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
            value.max(RECURRENCE_MIN)
        })
        .collect();
    let mut recurrence = vec![false; count * count];
    for a in 0..count {
        for (b, &value) in similarity.row(a).iter().enumerate() {
            let lag = if b >= a { b - a } else { b + count - a };
            recurrence[lag * count + a] = value >= least[a] && value >= least[b];
        }
    }
    recurrence
}

/// Chooses the units at which sections begin, the first (0) included.
///
/// - Source: Sargent, Bimbot & Vincent, "A regularity-constrained Viterbi algorithm and its application
///   to the structural segmentation of songs", ISMIR 2011: novelty is won, lengths away from whole
///   phrases cost.
/// - Cost: O(units²).
pub(crate) fn choose(units: &Units, gains: &[f64]) -> Vec<usize> {
    let count = gains.len();
    let bar = units.units_per_bar;
    let shortest = (SHORTEST_BARS * bar).max(1);
    let mut best = vec![f64::NEG_INFINITY; count + 1];
    let mut from = vec![0usize; count + 1];
    best[0] = 0.0;
    for end in shortest..=count {
        let gain = gains.get(end).copied().unwrap_or(0.0);
        for start in 0..=end - shortest {
            // The ends of a track keep no phrase.
            let is_edge = start == 0 || end == count;
            let cost = if is_edge {
                0.0
            } else {
                length_cost(end - start, bar)
            };
            let score = best[start] + gain - cost;
            if score > best[end] {
                best[end] = score;
                from[end] = start;
            }
        }
    }
    let mut starts = Vec::new();
    let mut at = count;
    while at > 0 {
        at = from[at];
        starts.push(at);
    }
    starts.reverse();
    starts
}

/// What a length costs: nothing for multiples of four bars, more for two, one and none.
fn length_cost(length: usize, bar: usize) -> f64 {
    let is_multiple = |bars: usize| length.is_multiple_of((bars * bar).max(1));
    let steps = if is_multiple(4) {
        0.0
    } else if is_multiple(2) {
        0.5
    } else if is_multiple(1) {
        1.0
    } else {
        1.5
    };
    LENGTH_COST * steps
}
