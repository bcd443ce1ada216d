//! Beat times: the most probable path through a bar-pointer model of position and tempo.

use std::ops::Range;

use super::frames::RHYTHM_FPS;

/// Sharpness of tempo changes: the density of a change by a factor `r` falls as `exp(−λ·|r − 1|)`.
/// Krebs et al. use 100 for one network's activations; ours are blunter and piano playing is freer.
const TEMPO_CHANGE_SHARPNESS: f64 = 60.0;
/// Largest change from one beat to the next that is considered at all.
const TEMPO_CHANGE_MAX: f64 = 0.2;
/// A beat takes this share of the beat period; the rest of it is "no beat".
const BEAT_SHARE: usize = 16;
/// Frames between two corrections of the running scores, so that they keep their precision.
const RENORMALISE_FRAMES: usize = 1024;

/// Range of beat periods, in frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PeriodRange {
    pub shortest: f64,
    pub longest: f64,
}

/// Tracks beats through an activation function.
///
/// - Shape: `activation` at [`RHYTHM_FPS`], in 0..=1, high where a beat is likely.
/// - Returns frame indices, rising; empty for a range without whole periods.
/// - Cost: O(frames × (periods × beat width + periods²·0.1)), memory one byte per frame and period.
/// - Source: Krebs, Böck & Widmer, "An efficient state-space model for joint tempo and meter
///   tracking", ISMIR 2015. Equal parts of all states that see "no beat" cancel, so only the states
///   inside a beat are touched; the result is the same path.
pub(crate) fn track_beats(activation: &[f32], range: PeriodRange) -> Vec<usize> {
    let shortest = range.shortest.round().max(4.0) as usize;
    let longest = range.longest.round().min(4.0 * RHYTHM_FPS) as usize;
    // Back pointers are bytes.
    let periods: Vec<usize> = (shortest..=longest).take(256).collect();
    if periods.is_empty() || activation.is_empty() {
        return Vec::new();
    }
    let mut lattice = Lattice::new(&periods, activation.len());
    for (frame, &value) in activation.iter().enumerate() {
        lattice.advance(frame, beat_evidence(value));
    }
    lattice.trace_back(activation)
}

/// Log ratio of "beat" to "no beat" for one activation value (Krebs et al., equation 5).
fn beat_evidence(activation: f32) -> f32 {
    let activation = activation.clamp(0.02, 0.98);
    ((BEAT_SHARE - 1) as f32 * activation / (1.0 - activation)).ln()
}

/// Periods that are looked at side by side: two registers of four, kept while all sources pass.
const LANES: usize = 8;

/// Transitions to as many neighbouring periods as there are lanes.
struct Targets {
    /// Previous periods from which any of them is reachable.
    sources: Range<usize>,
    /// Log probability from each source, −∞ to what is out of its reach and past the last period.
    logs: Vec<[f32; LANES]>,
}

struct Lattice<'a> {
    periods: &'a [usize],
    /// For each period: scores of its states, by the frame they were entered, modulo the period.
    scores: Vec<Vec<f32>>,
    /// For each period: the place of the current frame in its scores.
    places: Vec<usize>,
    transitions: Vec<Targets>,
    /// `[frames × periods]` index of the previous period.
    previous: Vec<u8>,
    arrivals: Vec<f32>,
    best: Vec<f32>,
}

impl<'a> Lattice<'a> {
    fn new(periods: &'a [usize], frame_count: usize) -> Self {
        // Normalised over the targets of each source.
        let log_weight = |from: usize, to: usize| {
            let ratio = to as f64 / from as f64 - 1.0;
            (ratio.abs() <= TEMPO_CHANGE_MAX).then_some(-TEMPO_CHANGE_SHARPNESS * ratio.abs())
        };
        let norm = |&from: &usize| {
            let weights = periods.iter().filter_map(|&to| log_weight(from, to));
            weights.map(f64::exp).sum::<f64>().ln()
        };
        let norms: Vec<f64> = periods.iter().map(norm).collect();
        let transitions = periods.chunks(LANES).map(|targets| {
            let logs_from = |index: usize| -> [f32; LANES] {
                std::array::from_fn(|lane| {
                    let log = targets
                        .get(lane)
                        .and_then(|&to| log_weight(periods[index], to));
                    log.map_or(f32::NEG_INFINITY, |log| (log - norms[index]) as f32)
                })
            };
            let is_source = |&index: &usize| logs_from(index).iter().any(|log| log.is_finite());
            let first = (0..periods.len()).find(is_source).unwrap_or(0);
            let last = (0..periods.len()).rfind(is_source).unwrap_or(0);
            Targets {
                sources: first..last + 1,
                logs: (first..=last).map(logs_from).collect(),
            }
        });
        Self {
            periods,
            scores: periods.iter().map(|&period| vec![0.0; period]).collect(),
            places: vec![0; periods.len()],
            transitions: transitions.collect(),
            previous: Vec::with_capacity(frame_count * periods.len()),
            arrivals: vec![0.0; periods.len()],
            best: vec![0.0; periods.len()],
        }
    }

    fn advance(&mut self, frame: usize, evidence: f32) {
        let states = self.scores.iter().zip(&self.places);
        for (arrival, (scores, place)) in self.arrivals.iter_mut().zip(states) {
            *arrival = scores[*place];
        }
        for (targets, best) in self.transitions.iter().zip(self.best.chunks_mut(LANES)) {
            let (scores, origins) = best_origins(targets, &self.arrivals);
            best.copy_from_slice(&scores[..best.len()]);
            let origins = origins.map(|origin| origin as u8);
            self.previous.extend_from_slice(&origins[..best.len()]);
        }
        let states = self.scores.iter_mut().zip(&mut self.places);
        for ((scores, place), best) in states.zip(&self.best) {
            let period = scores.len();
            scores[*place] = *best;
            // The states of the beat: the newest ones, which may lie on both ends of the ring.
            let width = (period / BEAT_SHARE).max(1);
            let newest = (*place + 1).min(width);
            let (from_start, from_end) = (*place + 1 - newest, period - (width - newest));
            for score in &mut scores[from_start..=*place] {
                *score += evidence;
            }
            for score in &mut scores[from_end..] {
                *score += evidence;
            }
            *place = if *place + 1 == period { 0 } else { *place + 1 };
        }
        if frame % RENORMALISE_FRAMES == RENORMALISE_FRAMES - 1 {
            let best = self
                .scores
                .iter()
                .flatten()
                .fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            self.scores
                .iter_mut()
                .flatten()
                .for_each(|score| *score -= best);
        }
    }

    fn trace_back(&self, activation: &[f32]) -> Vec<usize> {
        let frame_count = activation.len();
        let mut best = (f32::NEG_INFINITY, 0usize, 0isize);
        for (index, (scores, &period)) in self.scores.iter().zip(self.periods).enumerate() {
            for age in 0..period {
                let entered = frame_count as isize - 1 - age as isize;
                let score = scores[entered.rem_euclid(period as isize) as usize];
                if score > best.0 {
                    best = (score, index, entered);
                }
            }
        }
        let (_, mut index, mut entered) = best;
        let mut beats = Vec::new();
        while let Ok(frame) = usize::try_from(entered) {
            let width = (self.periods[index] / BEAT_SHARE).max(1);
            let region = activation
                .get(frame..(frame + width).min(frame_count))
                .unwrap_or_default();
            let peak =
                (0..region.len()).max_by(|&a, &b| region[a].total_cmp(&region[b]).then(b.cmp(&a)));
            beats.push(frame + peak.unwrap_or(0));
            index = usize::from(self.previous[frame * self.periods.len() + index]);
            entered -= self.periods[index] as isize;
        }
        beats.reverse();
        beats
    }
}

/// Best score of each target and the index of the period it comes from; of equal ones the first.
fn best_origins(targets: &Targets, arrivals: &[f32]) -> ([f32; LANES], [f32; LANES]) {
    let mut best = [f32::NEG_INFINITY; LANES];
    // Indices under 256 as floats: choices of one type stay in the registers of the scores.
    let mut origins = [targets.sources.start as f32; LANES];
    let sources = &arrivals[targets.sources.clone()];
    for ((index, arrival), logs) in targets.sources.clone().zip(sources).zip(&targets.logs) {
        let origin = index as f32;
        for lane in 0..LANES {
            let score = arrival + logs[lane];
            let is_better = score > best[lane];
            best[lane] = if is_better { score } else { best[lane] };
            origins[lane] = if is_better { origin } else { origins[lane] };
        }
    }
    (best, origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(bpm: f64) -> PeriodRange {
        let period = 60.0 * RHYTHM_FPS / bpm;
        PeriodRange {
            shortest: period * 0.8,
            longest: period * 1.25,
        }
    }

    #[test]
    fn follows_a_tempo_that_drifts() {
        let mut activation = vec![0.02f32; 4000];
        let (mut at, mut period, mut truth) = (30.0f64, 50.0f64, Vec::new());
        while at < 3990.0 {
            activation[at as usize] = 0.9;
            truth.push(at as usize);
            at += period;
            period *= 1.003;
        }
        let beats = track_beats(
            &activation,
            PeriodRange {
                shortest: 40.0,
                longest: 70.0,
            },
        );
        let hits = truth
            .iter()
            .filter(|&&beat| beats.iter().any(|&b| b.abs_diff(beat) <= 2))
            .count();
        assert!(hits * 100 >= truth.len() * 95, "{hits} of {}", truth.len());
        assert!(beats.len() <= truth.len() + 1);
    }

    #[test]
    fn empty_and_flat_inputs() {
        assert!(track_beats(&[], range(120.0)).is_empty());
        let beats = track_beats(&[0.5; 1000], range(120.0));
        assert!(beats.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            !track_beats(&[0.5], range(120.0))
                .iter()
                .any(|&beat| beat > 0)
        );
    }
}
