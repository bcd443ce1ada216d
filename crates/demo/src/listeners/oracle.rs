//! What the simulation knows and nobody else.

use super::moments::{SessionMoment, TasteShifts};
use super::{Listener, Mood, TASTE_DIMENSIONS, TrackVector, logistic};

/// Knows every listener's utility of every track, and what they mind about steps between tracks.
#[derive(Debug, Clone, PartialEq)]
pub struct TasteOracle {
    pub(super) tracks: Vec<TrackVector>,
    pub(super) listeners: Vec<Listener>,
    pub(super) end_ms: u64,
    /// See [`ListenersSpec::step_strength`].
    pub(super) step_strength: f32,
    /// The cost of a usual step, see [`super::steps::usual_step`].
    pub(super) usual_step: f32,
    /// See [`ListenersSpec::moment_strength`].
    pub(super) shifts: TasteShifts,
}

impl TasteOracle {
    /// Returns the utility of a track to a listener at a time, whatever the moment, in logits of playing
    /// it to the end; `None` for strangers.
    pub fn utility(&self, listener_index: usize, track_index: usize, at_ms: u64) -> Option<f32> {
        self.utility_with(listener_index, track_index, at_ms, [0.0; TASTE_DIMENSIONS])
    }

    /// Returns the utility at a moment.
    pub fn utility_at(
        &self,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
        moment: &SessionMoment,
    ) -> Option<f32> {
        let shift = self.shifts.at(listener_index, moment);
        self.utility_with(listener_index, track_index, at_ms, shift)
    }

    /// Returns what orders tracks best by what is offered and then played: the utility, at a moment where one is
    /// told, and half the logarithm of popularity, since about half of the offers follow it. Negative infinity
    /// for strangers.
    pub fn expected(
        &self,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
        moment: Option<&SessionMoment>,
    ) -> f32 {
        let utility = match moment {
            Some(moment) => self.utility_at(listener_index, track_index, at_ms, moment),
            None => self.utility(listener_index, track_index, at_ms),
        };
        let told = utility.zip(self.popularity(track_index));
        told.map_or(f32::NEG_INFINITY, |(utility, popularity)| {
            utility + 0.5 * popularity.max(f64::MIN_POSITIVE).ln() as f32
        })
    }

    fn utility_with(
        &self,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
        shift: [f32; TASTE_DIMENSIONS],
    ) -> Option<f32> {
        let listener = self.listeners.get(listener_index)?;
        let track = self.tracks.get(track_index)?;
        let progress = at_ms as f32 / self.end_ms.max(1) as f32;
        Some(listener.utility(track, &Mood { progress, shift }))
    }

    /// Returns the probability that the listener plays the track to the end.
    pub fn play_probability(
        &self,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
    ) -> Option<f32> {
        self.play_probability_after(None, listener_index, track_index, at_ms)
    }

    /// Returns the probability that the listener plays the track to the end after another that they
    /// played to the end in the same sitting; a sitting begins with nothing before.
    pub fn play_probability_after(
        &self,
        previous: Option<usize>,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
    ) -> Option<f32> {
        let utility = self.utility(listener_index, track_index, at_ms)?;
        self.probability_after(previous, listener_index, track_index, utility)
    }

    /// The same at a moment.
    pub fn play_probability_at(
        &self,
        previous: Option<usize>,
        listener_index: usize,
        track_index: usize,
        at_ms: u64,
        moment: &SessionMoment,
    ) -> Option<f32> {
        let utility = self.utility_at(listener_index, track_index, at_ms, moment)?;
        self.probability_after(previous, listener_index, track_index, utility)
    }

    fn probability_after(
        &self,
        previous: Option<usize>,
        listener_index: usize,
        track_index: usize,
        utility: f32,
    ) -> Option<f32> {
        let listener = self.listeners.get(listener_index)?;
        let track = self.tracks.get(track_index)?;
        let previous = match previous {
            Some(index) => Some(self.tracks.get(index)?),
            None => None,
        };
        Some(logistic(utility + self.step(listener, previous, track)))
    }

    /// Returns what the step from one track to another costs somebody who minds steps as most do, in
    /// logits of playing the second to the end, at least 0; `None` for strangers.
    pub fn step_cost(&self, from_index: usize, to_index: usize) -> Option<f32> {
        let (from, to) = (self.tracks.get(from_index)?, self.tracks.get(to_index)?);
        Some(self.step_strength * from.sound.cost_to(&to.sound))
    }

    /// Returns how many of these tracks the listener plays to the end in the mean, in this order, in a
    /// sitting that begins with them; `None` for strangers.
    ///
    /// - Cost: O(tracks²): what is left early leads to no step, so the chance of each track to be the last
    ///   that was played is carried along.
    pub fn expected_plays(
        &self,
        listener_index: usize,
        order: &[usize],
        at_ms: u64,
    ) -> Option<f64> {
        let mut last_played: Vec<(Option<usize>, f64)> = vec![(None, 1.0)];
        let mut plays = 0.0;
        for track in order {
            let mut played = 0.0;
            for (previous, chance) in &mut last_played {
                let told = self.play_probability_after(*previous, listener_index, *track, at_ms)?;
                played += *chance * f64::from(told);
                *chance *= 1.0 - f64::from(told);
            }
            last_played.push((Some(*track), played));
            plays += played;
        }
        Some(plays)
    }

    /// What the step adds to the utility.
    pub(super) fn step(
        &self,
        listener: &Listener,
        previous: Option<&TrackVector>,
        track: &TrackVector,
    ) -> f32 {
        previous.map_or(0.0, |previous| {
            let beyond = previous.sound.cost_to(&track.sound) - self.usual_step;
            -self.step_strength * listener.minding * beyond
        })
    }

    /// Returns the share of all offers that a track draws by popularity alone.
    pub fn popularity(&self, track_index: usize) -> Option<f64> {
        self.tracks.get(track_index).map(|track| track.popularity)
    }
}
