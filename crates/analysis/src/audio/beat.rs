//! Beat times: the most probable path through a bar-pointer model of position and tempo.

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

struct Lattice<'a> {
    periods: &'a [usize],
    /// For each period: scores of its states, by the frame they were entered, modulo the period.
    scores: Vec<Vec<f32>>,
    /// For each period: reachable previous periods (index of the first) and their log probabilities.
    transitions: Vec<(usize, Vec<f32>)>,
    /// `[frames × periods]` index of the previous period.
    previous: Vec<u8>,
    arrivals: Vec<f32>,
}

impl<'a> Lattice<'a> {
    fn new(periods: &'a [usize], frame_count: usize) -> Self {
        // Normalised over the targets of each source.
        let log_weight = |from: usize, to: usize| {
            let ratio = to as f64 / from as f64 - 1.0;
            (ratio.abs() <= TEMPO_CHANGE_MAX).then_some(-TEMPO_CHANGE_SHARPNESS * ratio.abs())
        };
        let norms: Vec<f64> = periods
            .iter()
            .map(|&from| {
                periods
                    .iter()
                    .filter_map(|&to| log_weight(from, to))
                    .map(f64::exp)
                    .sum::<f64>()
                    .ln()
            })
            .collect();
        let transitions = periods
            .iter()
            .map(|&to| {
                let reachable = |&from: &usize| log_weight(from, to).is_some();
                let first = periods.iter().position(reachable).unwrap_or(0);
                let logs = periods
                    .iter()
                    .zip(&norms)
                    .filter_map(|(&from, norm)| Some((log_weight(from, to)? - norm) as f32))
                    .collect();
                (first, logs)
            })
            .collect();
        Self {
            periods,
            scores: periods.iter().map(|&period| vec![0.0; period]).collect(),
            transitions,
            previous: Vec::with_capacity(frame_count * periods.len()),
            arrivals: vec![0.0; periods.len()],
        }
    }

    fn advance(&mut self, frame: usize, evidence: f32) {
        for ((arrival, scores), &period) in
            self.arrivals.iter_mut().zip(&self.scores).zip(self.periods)
        {
            *arrival = scores[frame % period];
        }
        for (index, &period) in self.periods.iter().enumerate() {
            let (first, logs) = &self.transitions[index];
            let mut best = (f32::NEG_INFINITY, *first);
            for (offset, (arrival, log)) in self.arrivals[*first..].iter().zip(logs).enumerate() {
                if arrival + log > best.0 {
                    best = (arrival + log, first + offset);
                }
            }
            self.previous.push(best.1 as u8);
            let scores = &mut self.scores[index];
            scores[frame % period] = best.0;
            for age in 0..(period / BEAT_SHARE).max(1) {
                scores[(frame + period - age) % period] += evidence;
            }
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
