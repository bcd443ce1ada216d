//! The same tracks in several orders, and how many of them would be played to the end.

use std::collections::BTreeMap;

use leitmotif_learn::sequencing::{
    ARTIST_GAP, BEAM, SequenceOptions, SequencingProblem, StepModel, StepParts, StepRow,
    TransitionWeights, sequence, sequence_tracks,
};
use leitmotif_learn::top_k;

use super::world::Learnt;
use crate::random::Random;

/// Shuffles of a playlist; their mean stands for chance.
const SHUFFLES: usize = 8;
/// Above what any step costs by the hidden truth, in logits: costs have to lie between 0 and 1.
const DEAREST_LOGITS: f64 = 5.0;

/// Expected plays of a playlist by the way it was ordered, in the mean over listeners.
pub struct Orders(BTreeMap<&'static str, f64>);

impl Orders {
    /// Expected plays of a playlist; 0 for an order that there is not.
    pub fn plays(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// Gives each listener the tracks that are expected to be played most without regard to steps, and
    /// orders them in every way.
    pub fn of(
        learnt: &Learnt,
        model: &StepModel,
        playlists: usize,
        length: usize,
    ) -> anyhow::Result<Self> {
        let mut sums: BTreeMap<&'static str, f64> = BTreeMap::new();
        let listeners = playlists.min(learnt.listener_count);
        for listener in 0..listeners {
            let playlist = Playlist::of(learnt, model, listener, length);
            for (name, order) in playlist.orders()? {
                *sums.entry(name).or_default() += playlist.expected_plays(&order);
            }
            *sums.entry("shuffled").or_default() += playlist.shuffled();
        }
        sums.values_mut()
            .for_each(|sum| *sum /= listeners.max(1) as f64);
        Ok(Self(sums))
    }
}

/// The tracks of one listener.
struct Playlist<'l> {
    learnt: &'l Learnt,
    model: &'l StepModel,
    listener: usize,
    tracks: Vec<usize>,
    /// The end of the simulation.
    at_ms: u64,
}

impl<'l> Playlist<'l> {
    fn of(learnt: &'l Learnt, model: &'l StepModel, listener: usize, length: usize) -> Self {
        let mut playlist = Self {
            learnt,
            model,
            listener,
            tracks: Vec::new(),
            at_ms: (learnt.simulation.listens.last()).map_or(0, |listen| listen.at_ms),
        };
        let unknown = StepParts::default();
        let scores: Vec<f32> = (0..learnt.sounds.len())
            .map(|track| playlist.log_odds(track, unknown) as f32)
            .collect();
        playlist.tracks = top_k(&scores, length);
        playlist
    }

    /// What the learnt model says of a track after a step.
    fn log_odds(&self, track: usize, parts: StepParts) -> f64 {
        self.model.log_odds(&StepRow {
            parts,
            habit: self.learnt.habit(self.listener, track),
            rates: (self.learnt.rates).columns(self.listener as u32, track as u32),
            is_played: true,
        })
    }

    fn truth(&self, previous: Option<usize>, track: usize) -> f64 {
        let oracle = &self.learnt.simulation.oracle;
        let told = oracle.play_probability_after(previous, self.listener, track, self.at_ms);
        told.map_or(0.0, f64::from)
    }

    /// Places of the tracks, by each way to order them.
    fn orders(&self) -> anyhow::Result<Vec<(&'static str, Vec<usize>)>> {
        let learnt = self.learnt;
        let sounds: Vec<_> = (self.tracks.iter())
            .map(|track| learnt.sounds[*track].clone())
            .collect();
        let artists: Vec<u64> = self
            .tracks
            .iter()
            .map(|track| learnt.artists[*track])
            .collect();
        let weighed = |weights: TransitionWeights| -> anyhow::Result<Vec<usize>> {
            let options = SequenceOptions {
                weights,
                ..SequenceOptions::default()
            };
            Ok(sequence_tracks(&sounds, &artists, options)?.order)
        };
        let by = |cost: &dyn Fn(usize, usize) -> f64| -> anyhow::Result<Vec<usize>> {
            let pairs = self.tracks.iter().flat_map(|from| {
                let to = self.tracks.iter();
                to.map(move |to| cost(*from, *to) as f32)
            });
            let transitions: Vec<f32> = pairs.collect();
            Ok(sequence(&SequencingProblem {
                transitions: &transitions,
                places: &[],
                groups: &artists,
                gap: ARTIST_GAP,
                first: None,
                last: None,
                beam: BEAM,
            })?)
        };
        let step = |from: usize, to: usize| StepParts::of(&learnt.sounds[from], &learnt.sounds[to]);
        let oracle = &learnt.simulation.oracle;
        // What an expected play costs more, from 0 to 1: a step matters where the listener is in doubt.
        let lost = |without: f64, with: f64| 0.5 + 0.5 * (without - with);
        let chance = |odds: f64| 1.0 / (1.0 + (-odds).exp());
        Ok(vec![
            ("convention", weighed(TransitionWeights::CONVENTION)?),
            ("learnt", weighed(self.model.weights().unwrap_or_default())?),
            (
                "learnt_expected",
                by(&|from, to| {
                    let without = chance(self.log_odds(to, StepParts::default()));
                    lost(without, chance(self.log_odds(to, step(from, to))))
                })?,
            ),
            (
                "truth",
                by(&|from, to| {
                    f64::from(oracle.step_cost(from, to).unwrap_or(0.0)) / DEAREST_LOGITS
                })?,
            ),
            (
                "truth_expected",
                by(&|from, to| lost(self.truth(None, to), self.truth(Some(from), to)))?,
            ),
        ])
    }

    fn shuffled(&self) -> f64 {
        let mut random = Random(self.listener as u64);
        let mut order: Vec<usize> = (0..self.tracks.len()).collect();
        let mut sum = 0.0;
        for _ in 0..SHUFFLES {
            for place in (1..order.len()).rev() {
                order.swap(place, random.index(place + 1));
            }
            sum += self.expected_plays(&order);
        }
        sum / SHUFFLES as f64
    }

    /// How many tracks are played to the end in the mean.
    fn expected_plays(&self, order: &[usize]) -> f64 {
        let tracks: Vec<usize> = order.iter().map(|place| self.tracks[*place]).collect();
        let oracle = &self.learnt.simulation.oracle;
        let plays = oracle.expected_plays(self.listener, &tracks, self.at_ms);
        plays.unwrap_or(0.0)
    }
}
