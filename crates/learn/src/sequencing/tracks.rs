//! The order of a playlist.

use serde::{Deserialize, Serialize};

use super::order::{SequencingProblem, sequence};
use super::sound::TrackSound;
use super::transition::TransitionWeights;
use crate::error::Result;

/// Beginnings kept by the search; beyond 16 nothing was gained on 30 tracks.
pub const BEAM: usize = 16;
/// Places between two tracks of one artist.
pub const ARTIST_GAP: usize = 2;
/// What being at the wrong place of an arc counts beside a transition.
const ARC_WEIGHT: f32 = 1.0;
/// How energy should run over a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyArc {
    /// From quiet to loud.
    Rise,
    /// From loud to quiet.
    Fall,
    /// Up to the middle and down again.
    Peak,
    /// Down to the middle and up again.
    Valley,
}

impl EnergyArc {
    /// The wished energy rank, 0..=1, at a place of 0..=1.
    fn target(self, place: f32) -> f32 {
        match self {
            Self::Rise => place,
            Self::Fall => 1.0 - place,
            Self::Peak => 1.0 - (2.0 * place - 1.0).abs(),
            Self::Valley => (2.0 * place - 1.0).abs(),
        }
    }
}

/// What an order must keep to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SequenceOptions {
    /// What each part of a step counts; the convention unless something else was learnt.
    pub weights: TransitionWeights,
    /// How energy should run; none leaves it to the transitions.
    pub arc: Option<EnergyArc>,
    /// Whether the first track given stays first.
    pub keep_first: bool,
}

/// An order and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequenced {
    /// Positions of the tracks given, in the new order.
    pub order: Vec<usize>,
    /// Cost of each step, 0..=1: one less than there are tracks.
    pub steps: Vec<f32>,
    /// Expected cost of a step when the same tracks are shuffled.
    pub shuffled_step: f32,
}

impl Sequenced {
    /// Mean cost of a step, 0 for fewer than two tracks.
    pub fn mean_step(&self) -> f32 {
        self.steps.iter().sum::<f32>() / self.steps.len().max(1) as f32
    }
}

/// Orders tracks so that each flows into the next, artists apart.
///
/// - Shape: `artists` has one key a track.
/// - Cost: see [`sequence`]; the pairs cost O(tracks² × dimension of the embedding).
pub fn sequence_tracks(
    sounds: &[TrackSound],
    artists: &[u64],
    options: SequenceOptions,
) -> Result<Sequenced> {
    let count = sounds.len();
    let weights = &options.weights;
    let transitions: Vec<f32> = (sounds.iter())
        .flat_map(|from| sounds.iter().map(|to| weights.cost(from, to)))
        .collect();
    let places = options.arc.map(|arc| place_costs(sounds, arc));
    let problem = SequencingProblem {
        transitions: &transitions,
        places: places.as_deref().unwrap_or_default(),
        groups: artists,
        gap: ARTIST_GAP,
        first: (options.keep_first && count > 0).then_some(0),
        last: None,
        beam: BEAM,
    };
    let order = sequence(&problem)?;
    let steps = (order.windows(2))
        .map(|pair| transitions[pair[0] * count + pair[1]])
        .collect();
    Ok(Sequenced {
        order,
        steps,
        shuffled_step: shuffled_step(&transitions, count),
    })
}

/// The cost of each track at each place: how far its energy rank is from the arc.
fn place_costs(sounds: &[TrackSound], arc: EnergyArc) -> Vec<f32> {
    let count = sounds.len();
    let last = count.saturating_sub(1).max(1) as f32;
    let ranks = energy_ranks(sounds);
    (ranks.iter())
        .flat_map(|rank| {
            (0..count).map(move |place| {
                let target = arc.target(place as f32 / last);
                rank.map_or(0.0, |rank| ARC_WEIGHT * (rank - target).abs())
            })
        })
        .collect()
}

/// Energy by rank, 0..=1 over the tracks whose energy is known: an arc is about these tracks, not
/// about all music.
fn energy_ranks(sounds: &[TrackSound]) -> Vec<Option<f32>> {
    let mut known: Vec<(f32, usize)> = (sounds.iter().enumerate())
        .filter_map(|(at, sound)| Some((sound.energy?, at)))
        .collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let last = known.len().saturating_sub(1).max(1) as f32;
    let mut ranks = vec![None; sounds.len()];
    for (rank, (_, at)) in known.into_iter().enumerate() {
        ranks[at] = Some(rank as f32 / last);
    }
    ranks
}

/// In a random order every pair of different tracks is as likely to be a step as any other.
fn shuffled_step(transitions: &[f32], count: usize) -> f32 {
    let pairs = (transitions.iter().enumerate()).filter(|(at, _)| at / count != at % count);
    let sum: f64 = pairs.map(|(_, cost)| f64::from(*cost)).sum();
    (sum / (count * count.saturating_sub(1)).max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sounds(tempi: &[f32]) -> Vec<TrackSound> {
        let energy = |bpm: f32| Some((bpm - 80.0) / 100.0);
        (tempi.iter())
            .map(|&bpm| TrackSound {
                tempo_bpm: Some(bpm),
                energy: energy(bpm),
                ..TrackSound::default()
            })
            .collect()
    }

    #[test]
    fn an_order_flows_and_beats_a_shuffle() {
        let sounds = sounds(&[120.0, 90.0, 110.0, 100.0, 95.0, 115.0, 105.0, 125.0]);
        let artists: Vec<u64> = (0..8).collect();
        let found = sequence_tracks(&sounds, &artists, SequenceOptions::default()).unwrap();
        assert!(found.mean_step() < 0.7 * found.shuffled_step, "{found:?}");
        let kept = SequenceOptions {
            keep_first: true,
            ..SequenceOptions::default()
        };
        assert_eq!(
            sequence_tracks(&sounds, &artists, kept).unwrap().order[0],
            0
        );
    }

    #[test]
    fn arcs_run_as_they_are_called() {
        let sounds = sounds(&[100.0, 140.0, 120.0, 160.0, 90.0, 110.0, 130.0]);
        let artists: Vec<u64> = (0..7).collect();
        let energies = |arc| {
            let options = SequenceOptions {
                arc: Some(arc),
                ..SequenceOptions::default()
            };
            let found = sequence_tracks(&sounds, &artists, options).unwrap();
            let energy = |at: usize| sounds[at].energy.unwrap();
            (found.order.into_iter().map(energy)).collect::<Vec<f32>>()
        };
        assert!(energies(EnergyArc::Rise).is_sorted());
        assert!(energies(EnergyArc::Fall).is_sorted_by(|a, b| a >= b));
        // Of seven places the turn is one of the middle three.
        let turn = |energies: &[f32], best: f32| {
            let at = energies.iter().position(|energy| *energy == best);
            at.is_some_and(|at| (2..=4).contains(&at))
        };
        let peak = energies(EnergyArc::Peak);
        assert!(
            turn(&peak, 0.8) && peak[0] < 0.4 && peak[6] < 0.4,
            "{peak:?}"
        );
        let valley = energies(EnergyArc::Valley);
        assert!(
            turn(&valley, 0.1) && valley[0] > 0.4 && valley[6] > 0.4,
            "{valley:?}"
        );
    }

    #[test]
    fn other_weights_make_another_order() {
        let sound = |bpm: f32, energy: f32| TrackSound {
            tempo_bpm: Some(bpm),
            energy: Some(energy),
            ..TrackSound::default()
        };
        let sounds = [sound(90.0, 0.9), sound(92.0, 0.1), sound(130.0, 0.5)];
        let ordered = |weights| {
            let options = SequenceOptions {
                weights: TransitionWeights::scaled(weights).unwrap(),
                ..SequenceOptions::default()
            };
            sequence_tracks(&sounds, &[1, 2, 3], options).unwrap().order
        };
        // Where falls alone are minded the order rises; where tempo is, the slow ones stand together.
        assert_eq!(ordered([0.0, 0.0, 0.0, 1.0, 0.0]), [1, 2, 0]);
        let by_tempo = ordered([1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(by_tempo[1] != 2, "{by_tempo:?}");
    }

    #[test]
    fn nothing_one_and_unknown_tracks() {
        let none = sequence_tracks(&[], &[], SequenceOptions::default()).unwrap();
        assert!(none.order.is_empty() && none.mean_step() == 0.0);
        let unknown = vec![TrackSound::default(); 3];
        let arc = SequenceOptions {
            arc: Some(EnergyArc::Peak),
            keep_first: true,
            ..SequenceOptions::default()
        };
        let found = sequence_tracks(&unknown, &[1, 1, 2], arc).unwrap();
        assert_eq!(found.order.len(), 3);
    }
}
