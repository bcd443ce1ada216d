//! A demo world and what its log teaches, split by time as the platform's training splits it.

use std::collections::BTreeMap;

use leitmotif_demo::listeners::{
    ListenOutcome, ListenersSpec, SimulatedListen, Simulation, TrackTraits, simulate_listeners,
};
use leitmotif_demo::songs::{Mode as SongMode, Style};
use leitmotif_demo::world::{World, WorldSpec};
use leitmotif_learn::sequencing::{
    Mode, PlayRates, SessionPlays, StepListen, StepParts, StepRow, TrackSound, steps_of,
};

/// Shares of the listens, as in training: before the first, listens tell how often is played on; steps up to
/// the second are learnt from, those after it judge.
const LEARN_AT: f64 = 0.32;
/// See [`LEARN_AT`].
const JUDGE_AT: f64 = 0.8;
/// As in training.
const HABIT: usize = 10;
/// As in training.
const SESSION_GAP_MS: i64 = 30 * 60 * 1_000;

/// A world with what was learnt of it.
pub struct Learnt {
    pub simulation: Simulation,
    pub listener_count: usize,
    pub artists: Vec<u64>,
    pub sounds: Vec<TrackSound>,
    pub rows: Vec<StepRow>,
    /// Steps after those, with their listeners.
    pub held_out: Vec<(u32, StepRow)>,
    /// How often is played on, where judging begins.
    pub rates: PlayRates,
    /// What each listener played last before that.
    last: Vec<Vec<usize>>,
}

impl Learnt {
    pub fn of(seed: u64, step_strength: f32) -> anyhow::Result<Self> {
        let world = World::new(WorldSpec {
            seed,
            ..WorldSpec::default()
        });
        let traits = world.traits(&BTreeMap::new());
        let spec = ListenersSpec {
            seed,
            step_strength,
            ..ListenersSpec::default()
        };
        let simulation = simulate_listeners(&spec, &traits);
        let sounds: Vec<TrackSound> = traits.iter().map(sound_of).collect();
        let counts = (spec.listener_count, traits.len());
        let listens = &simulation.listens;
        let place = |share: f64| (listens.len() as f64 * share) as usize;
        let (learn_at, judge_at) = (place(LEARN_AT), place(JUDGE_AT));
        let learnt = rows(&listens[..judge_at], learn_at, counts, &sounds);
        let (held_out, rates) = rows(listens, judge_at, counts, &sounds);
        let mut last = vec![Vec::new(); spec.listener_count];
        for listen in listens[..judge_at].iter().rev() {
            let tracks: &mut Vec<usize> = &mut last[listen.listener_index];
            if listen.outcome == ListenOutcome::Played && tracks.len() < HABIT {
                tracks.push(listen.track_index);
            }
        }
        Ok(Self {
            listener_count: spec.listener_count,
            artists: (traits.iter())
                .map(|track| track.artist_index as u64)
                .collect(),
            rows: learnt.0.into_iter().map(|(_, row)| row).collect(),
            simulation,
            sounds,
            held_out,
            rates,
            last,
        })
    }

    /// Mean parts of steps to a track from what the listener played last.
    pub fn habit(&self, listener: usize, track: usize) -> StepParts {
        let last = self.last.get(listener).into_iter().flatten();
        let others = last.filter(|one| **one != track);
        StepParts::mean(others.map(|one| StepParts::of(&self.sounds[*one], &self.sounds[track])))
    }
}

/// The steps from a place on, with their listeners, and how often is played on before it.
fn rows(
    listens: &[SimulatedListen],
    from: usize,
    (listeners, items): (usize, usize),
    sounds: &[TrackSound],
) -> (Vec<(u32, StepRow)>, PlayRates) {
    let told = || listens.iter().map(step_listen);
    let rates = PlayRates::of(told().take(from), listeners, items);
    let from_ms = listens
        .get(from)
        .map_or(i64::MAX, |listen| listen.at_ms as i64);
    let steps = steps_of(told(), SESSION_GAP_MS, from_ms);
    let plays = SessionPlays::of(told(), SESSION_GAP_MS, &(0..listeners as u32).collect());
    let parts = |from: u32, to: u32| StepParts::of(&sounds[from as usize], &sounds[to as usize]);
    let rows = steps.into_iter().filter_map(|step| {
        let others = plays.beside(&step, HABIT);
        let played = others.iter().chain([&step.from]);
        let row = StepRow {
            parts: parts(step.from, step.to),
            habit: StepParts::mean(played.map(|one| parts(*one, step.to))),
            rates: rates.columns(step.listener, step.to),
            is_played: step.is_played,
        };
        (!others.is_empty()).then_some((step.listener, row))
    });
    (rows.collect(), rates)
}

/// What would be measured of a track.
fn sound_of(track: &TrackTraits) -> TrackSound {
    let mode = match track.mode {
        SongMode::Major => Mode::Major,
        SongMode::Minor => Mode::Minor,
    };
    TrackSound {
        tempo_bpm: Some(track.tempo_bpm as f32),
        key: Some((track.key, mode)),
        energy: Some(track.energy),
        timbre: Some(direction(track.style_index)),
    }
}

fn step_listen(listen: &SimulatedListen) -> StepListen {
    StepListen {
        listener: listen.listener_index as u32,
        item: listen.track_index as u32,
        at_ms: listen.at_ms as i64,
        is_played: Some(listen.outcome == ListenOutcome::Played),
    }
}

/// One direction a style.
fn direction(style_index: usize) -> Vec<f32> {
    let mut vector = vec![0.0; Style::ALL.len()];
    if let Some(component) = vector.get_mut(style_index) {
        *component = 1.0;
    }
    vector
}
