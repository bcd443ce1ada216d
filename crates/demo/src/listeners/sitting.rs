//! Sittings: a listener hears one track after the other, and what it brings when the platform is told of each at once.

use leitmotif_domain::chance::{Seed, SplitMix64};
use serde::Serialize;

use super::{ListenOutcome, SimulatedListen, Simulation};

/// What a skipped track is heard of, as a share.
const SKIPPED_SHARE: f64 = 0.15;

/// A listener who hears one track after the other. With the same seed they have the same luck at the same place.
pub struct Sitting<'s> {
    simulation: &'s Simulation,
    /// What the listener heard last before, whose moment the sitting has.
    last: SimulatedListen,
    luck: SplitMix64,
    previous: Option<usize>,
    played_to_end: Vec<bool>,
}

impl<'s> Sitting<'s> {
    /// A sitting of somebody who has listened before.
    pub fn of(simulation: &'s Simulation, listener_index: usize, seed: u64) -> Option<Self> {
        let mut own = simulation.listens.iter().rev();
        let last = own.find(|listen| listen.listener_index == listener_index)?;
        Some(Self {
            simulation,
            last: *last,
            luck: Seed(seed).rng(),
            previous: None,
            played_to_end: Vec::new(),
        })
    }

    /// Who listens.
    pub fn listener_index(&self) -> usize {
        self.last.listener_index
    }

    /// Hears a track; none for a track of another world.
    pub fn hear(&mut self, track_index: usize) -> Option<SimulatedListen> {
        let luck = self.luck.next_f64();
        let chance = self.simulation.oracle.play_probability_at(
            self.previous,
            self.last.listener_index,
            track_index,
            self.last.at_ms,
            &self.last.moment,
        )?;
        let is_played = luck < f64::from(chance);
        if is_played {
            self.previous = Some(track_index);
        }
        self.played_to_end.push(is_played);
        let (outcome, share) = match is_played {
            true => (ListenOutcome::Played, 1.0),
            false => (ListenOutcome::Skipped, SKIPPED_SHARE),
        };
        Some(SimulatedListen {
            track_index,
            outcome,
            played_ms: (share * f64::from(self.last.track_ms)) as u32,
            ..self.last
        })
    }

    /// Which tracks were played to the end, by their places.
    pub fn played_to_end(self) -> Vec<bool> {
        self.played_to_end
    }
}

/// Two sittings of one listener with the same luck: of the first the platform was told nothing before it was over, of the
/// second each track as it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BothSittings {
    /// What was played to the end untold.
    pub untold: Vec<bool>,
    /// What was played to the end told.
    pub told: Vec<bool>,
}

/// What being told at once brings: shares of tracks that are played to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct SkipGain {
    /// Listeners, each of whom had both sittings.
    pub sessions: usize,
    /// Share of the tracks untold.
    pub completed_untold: f64,
    /// Share of the tracks told.
    pub completed_told: f64,
    /// Share in the second half of the sittings untold.
    pub second_half_untold: f64,
    /// Share in the second half told.
    pub second_half_told: f64,
    /// The difference, listener by listener.
    pub gain: f64,
    /// The difference with twice its standard error over listeners.
    pub interval: [f64; 2],
}

impl SkipGain {
    /// Adds sittings up.
    pub fn of(sittings: &[BothSittings]) -> Self {
        let completed = |session: &[bool]| {
            session.iter().filter(|played| **played).count() as f64 / session.len().max(1) as f64
        };
        let second_half = |session: &[bool]| completed(&session[session.len() / 2..]);
        let count = sittings.len().max(1) as f64;
        let mean =
            |part: &dyn Fn(&BothSittings) -> f64| sittings.iter().map(part).sum::<f64>() / count;
        let gain_of = |one: &BothSittings| completed(&one.told) - completed(&one.untold);
        let gain = mean(&gain_of);
        let variance = mean(&|one| (gain_of(one) - gain).powi(2));
        let reach = 2.0 * (variance / count).sqrt();
        Self {
            sessions: sittings.len(),
            completed_untold: mean(&|one| completed(&one.untold)),
            completed_told: mean(&|one| completed(&one.told)),
            second_half_untold: mean(&|one| second_half(&one.untold)),
            second_half_told: mean(&|one| second_half(&one.told)),
            gain,
            interval: [gain - reach, gain + reach],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::listeners::{ListenersSpec, simulate_listeners};
    use crate::world::{World, WorldSpec};

    #[test]
    fn the_gain_by_hand() {
        let both = |untold: &[bool], told: &[bool]| BothSittings {
            untold: untold.to_vec(),
            told: told.to_vec(),
        };
        let gain = SkipGain::of(&[
            both(&[false, false, false, true], &[false, true, true, true]),
            both(&[true, false, true, false], &[true, false, true, false]),
        ]);
        // One quarter against three, and a half against a half.
        assert_eq!((gain.completed_untold, gain.completed_told), (0.375, 0.625));
        assert_eq!(
            (gain.second_half_untold, gain.second_half_told),
            (0.5, 0.75)
        );
        assert_eq!((gain.gain, gain.sessions), (0.25, 2));
        let reach = 2.0 * (0.0625_f64 / 2.0).sqrt();
        assert!((gain.interval[1] - 0.25 - reach).abs() < 1e-12);
    }

    #[test]
    fn the_same_tracks_are_heard_with_the_same_luck() {
        let spec = WorldSpec {
            song_count: 30,
            listener_count: 4,
            listen_count: 400,
            ..WorldSpec::default()
        };
        let world = World::new(spec);
        let listeners = ListenersSpec {
            listener_count: spec.listener_count,
            listen_count: spec.listen_count,
            ..ListenersSpec::default()
        };
        let simulation = simulate_listeners(&listeners, &world.traits(&BTreeMap::new()));
        let heard = |seed: u64| -> Vec<SimulatedListen> {
            let mut sitting = Sitting::of(&simulation, 1, seed).unwrap();
            (0..20).map(|track| sitting.hear(track).unwrap()).collect()
        };
        assert_eq!(heard(7), heard(7));
        assert_ne!(heard(7), heard(8));
        assert!(heard(7).iter().all(|listen| listen.listener_index == 1));
        assert!(Sitting::of(&simulation, 99, 1).is_none());
        let mut sitting = Sitting::of(&simulation, 1, 1).unwrap();
        assert!(sitting.hear(999).is_none(), "a track of no world");
    }
}
