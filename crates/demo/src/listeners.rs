//! Listeners with hidden tastes, what they were offered and what they made of it.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

pub use self::moments::SessionMoment;
use self::moments::TasteShifts;
pub use self::oracle::TasteOracle;
pub use self::sitting::{BothSittings, Sitting, SkipGain};
use self::steps::{StepSound, TakenStep};
use crate::songs::Mode;

mod moments;
mod oracle;
mod sitting;
mod steps;

/// Length of taste and track vectors: enough for styles to differ in many ways, few enough for a
/// factor model to find them.
const TASTE_DIMENSIONS: usize = 12;
/// The last two dimensions are tempo and energy, measured and not drawn.
const DRAWN_DIMENSIONS: usize = TASTE_DIMENSIONS - 2;
/// Steepness of taste: spread of utility over tracks, in logits of playing to the end.
const TASTE_WEIGHT: f32 = 2.2;
/// How much everybody likes popular tracks, in logits per standard deviation of log popularity.
const QUALITY_WEIGHT: f32 = 0.45;
/// Exponent of the popularity law; catalogues show 0.8 to 1.
const ZIPF_EXPONENT: f64 = 0.9;
/// Share of offers taken from the charts.
const CHART_SHARE: f64 = 0.30;
/// Tracks a listener weighs before choosing one.
const CONSIDERED_COUNT: usize = 14;
/// Listens in one sitting, at most.
const SESSION_LISTENS_MAX: usize = 14;
const DAY_MS: u64 = 86_400_000;

/// What the simulation needs to know of a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackTraits {
    /// Artist, numbered from zero.
    pub artist_index: usize,
    /// Style, numbered from zero.
    pub style_index: usize,
    /// Beats a minute.
    pub tempo_bpm: f64,
    /// Forcefulness, 0..=1.
    pub energy: f32,
    /// Tonic pitch class, 0 for C to 11 for B.
    pub key: u8,
    /// Mode.
    pub mode: Mode,
    /// Length in milliseconds.
    pub track_ms: u32,
}

/// Size and seed of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ListenersSpec {
    /// Everything random follows from it.
    pub seed: u64,
    /// Listeners.
    pub listener_count: usize,
    /// Listens in all.
    pub listen_count: usize,
    /// Days over which they are spread, at least one.
    pub day_count: u32,
    /// How much listeners mind the step from one track to the next: 1 as they do, 0 not at all.
    pub step_strength: f32,
    /// How much tastes move with the hour, the kind of day and the activity: 1 is clearly, 0 not at all.
    pub moment_strength: f32,
}

impl Default for ListenersSpec {
    fn default() -> Self {
        Self {
            seed: 1,
            listener_count: 500,
            listen_count: 40_000,
            day_count: 84,
            step_strength: 1.0,
            moment_strength: 0.0,
        }
    }
}

/// How a listen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenOutcome {
    /// Played to the end or nearly.
    Played,
    /// Left early.
    Skipped,
}

/// One simulated listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedListen {
    /// Listener.
    pub listener_index: usize,
    /// Track.
    pub track_index: usize,
    /// Start, in milliseconds from the start of the simulation.
    pub at_ms: u64,
    /// Time played in milliseconds.
    pub played_ms: u32,
    /// Length of the track in milliseconds.
    pub track_ms: u32,
    /// How it ended.
    pub outcome: ListenOutcome,
    /// The moment of its session.
    pub moment: SessionMoment,
}

/// Simulated listens, with the truth behind them.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Listens by time.
    pub listens: Vec<SimulatedListen>,
    /// The truth.
    pub oracle: TasteOracle,
}

#[derive(Debug, Clone, PartialEq)]
struct TrackVector {
    vector: [f32; TASTE_DIMENSIONS],
    popularity: f64,
    quality: f32,
    sound: StepSound,
    track_ms: u32,
}

#[derive(Debug, Clone, PartialEq)]
struct Listener {
    early_taste: [f32; TASTE_DIMENSIONS],
    late_taste: [f32; TASTE_DIMENSIONS],
    /// Dislike of everything that is not to the taste.
    pickiness: f32,
    discovery: f64,
    activity: f64,
    /// How much steps between tracks are minded, around 1.
    minding: f32,
}

/// What moves tastes: how much of the time has passed, and the moment.
#[derive(Debug, Clone, Copy)]
struct Mood {
    progress: f32,
    shift: [f32; TASTE_DIMENSIONS],
}

impl Listener {
    /// Utility of a track, with what the moment adds to the taste.
    fn utility(&self, track: &TrackVector, mood: &Mood) -> f32 {
        let tastes = self.early_taste.iter().zip(&self.late_taste);
        let match_with = (tastes.zip(&mood.shift).zip(&track.vector))
            .map(|(((early, late), shift), value)| {
                (early + mood.progress * (late - early) + shift) * value
            })
            .sum::<f32>();
        TASTE_WEIGHT * match_with + QUALITY_WEIGHT * track.quality - self.pickiness
    }
}

/// Draws a catalogue: artists keep to one style, tempo and energy follow the style.
///
/// - Cost: O(tracks); deterministic in `seed`.
pub fn draw_tracks(
    seed: u64,
    track_count: usize,
    artist_count: usize,
    style_count: usize,
) -> Vec<TrackTraits> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7261_636b);
    let mut keys = ChaCha8Rng::seed_from_u64(seed ^ 0x6b65_7973);
    let styles: Vec<(f64, f32)> = (0..style_count.max(1))
        .map(|_| (rng.random_range(70.0..170.0), rng.random_range(0.1..0.95)))
        .collect();
    (0..track_count)
        .map(|_| {
            let artist_index = rng.random_range(0..artist_count.max(1));
            let style_index = artist_index % styles.len();
            let (tempo_bpm, energy) = styles[style_index];
            TrackTraits {
                artist_index,
                style_index,
                tempo_bpm: tempo_bpm * rng.random_range(0.92..1.08),
                energy: (energy + rng.random_range(-0.1f32..0.1)).clamp(0.0, 1.0),
                key: keys.random_range(0..12),
                mode: if keys.random::<f64>() < 0.5 {
                    Mode::Major
                } else {
                    Mode::Minor
                },
                track_ms: rng.random_range(120_000..320_000),
            }
        })
        .collect()
}

/// Simulates listeners of a catalogue.
///
/// - Shape: listens come ordered by time, indices refer to `tracks` and to `0..listener_count`. What
///   is offered mixes charts, chance and taste; whether it is played to the end depends on the utility,
///   which drifts for some listeners, and on the step from what was played to the end before it in the
///   same sitting.
/// - Cost: O(listens × tracks considered) and O(listeners × tracks) for nothing else, twice; 40,000
///   listens take well under a second; deterministic.
pub fn simulate_listeners(spec: &ListenersSpec, tracks: &[TrackTraits]) -> Simulation {
    let (without, taken) = live(spec, tracks, 0.0, 0.0);
    if spec.step_strength == 0.0 {
        return without;
    }
    let usual_step = steps::usual_step(&taken, spec.step_strength);
    live(spec, tracks, spec.step_strength, usual_step).0
}

/// Lets everybody listen, and tells the steps they took.
fn live(
    spec: &ListenersSpec,
    tracks: &[TrackTraits],
    step_strength: f32,
    usual_step: f32,
) -> (Simulation, Vec<TakenStep>) {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed ^ 0x6c69_7374);
    // Chance of its own: what was drawn before listeners minded steps is drawn still.
    let mut minds = ChaCha8Rng::seed_from_u64(spec.seed ^ 0x7374_6570);
    let mut moments = ChaCha8Rng::seed_from_u64(spec.seed ^ 0x6d6f_6d65);
    let shifts = TasteShifts::draw(&mut moments, spec.listener_count, spec.moment_strength);
    let end_ms = u64::from(spec.day_count.max(1)) * DAY_MS;
    let styles = style_vectors(&mut rng, tracks);
    let track_vectors = track_vectors(&mut rng, tracks, &styles);
    let listeners: Vec<Listener> = (0..spec.listener_count)
        .map(|_| draw_listener(&mut rng, &mut minds, &styles))
        .collect();
    let mut simulation = Simulation {
        listens: Vec::with_capacity(spec.listen_count),
        oracle: TasteOracle {
            tracks: track_vectors,
            listeners,
            end_ms,
            step_strength,
            usual_step,
            shifts,
        },
    };
    let mut taken = Vec::new();
    if tracks.is_empty() || spec.listener_count == 0 {
        return (simulation, taken);
    }
    let charts = Charts::new(&simulation.oracle.tracks);
    let activity = Cumulative::new(simulation.oracle.listeners.iter().map(|l| l.activity));
    while simulation.listens.len() < spec.listen_count {
        let listener_index = activity.draw(&mut rng);
        let room = spec.listen_count - simulation.listens.len();
        let length = rng.random_range(4..=SESSION_LISTENS_MAX).min(room);
        let session = play_session(
            &mut rng,
            &mut moments,
            &simulation.oracle,
            &charts,
            listener_index,
            length,
            &mut taken,
        );
        simulation.listens.extend(session);
    }
    simulation
        .listens
        .sort_by_key(|listen| (listen.at_ms, listen.listener_index));
    (simulation, taken)
}

/// Popularity as a lottery, and a flatter one for what taste looks at.
struct Charts {
    popular: Cumulative,
    considered: Cumulative,
}

impl Charts {
    fn new(tracks: &[TrackVector]) -> Self {
        Self {
            popular: Cumulative::new(tracks.iter().map(|track| track.popularity)),
            considered: Cumulative::new(tracks.iter().map(|track| track.popularity.powf(0.35))),
        }
    }
}

/// Weights for drawing by binary search.
struct Cumulative {
    sums: Vec<f64>,
}

impl Cumulative {
    fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let add = |weight: f64| {
            sum += weight;
            sum
        };
        Self {
            sums: weights.map(add).collect(),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let point = rng.random::<f64>() * total;
        self.sums
            .partition_point(|sum| *sum <= point)
            .min(self.sums.len().saturating_sub(1))
    }
}

fn play_session(
    rng: &mut ChaCha8Rng,
    moments: &mut ChaCha8Rng,
    oracle: &TasteOracle,
    charts: &Charts,
    listener_index: usize,
    length: usize,
    taken: &mut Vec<TakenStep>,
) -> Vec<SimulatedListen> {
    let listener = &oracle.listeners[listener_index];
    let mut at_ms = session_start(rng, oracle.end_ms);
    let moment = SessionMoment::draw(moments, at_ms);
    let shift = oracle.shifts.at(listener_index, &moment);
    let mut heard: Vec<usize> = Vec::with_capacity(length);
    let mut previous: Option<&TrackVector> = None;
    let mut listens = Vec::with_capacity(length);
    for _ in 0..length {
        let progress = at_ms as f32 / oracle.end_ms as f32;
        let mood = Mood { progress, shift };
        let mut track_index = offer(rng, oracle, charts, listener, &mood);
        for _ in 0..4 {
            if !heard.contains(&track_index) {
                break;
            }
            track_index = offer(rng, oracle, charts, listener, &mood);
        }
        heard.push(track_index);
        let track = &oracle.tracks[track_index];
        let utility = listener.utility(track, &mood);
        if let Some(previous) = previous {
            taken.push(TakenStep {
                utility,
                minding: listener.minding,
                cost: previous.sound.cost_to(&track.sound),
            });
        }
        let wish = utility + oracle.step(listener, previous, track);
        let is_played = rng.random::<f32>() < logistic(wish);
        if is_played {
            previous = Some(track);
        }
        let share: f32 = if is_played {
            rng.random_range(0.92..1.0)
        } else {
            rng.random_range(0.02f32..0.75).powi(2)
        };
        let played_ms = (share * track.track_ms as f32) as u32;
        listens.push(SimulatedListen {
            listener_index,
            track_index,
            at_ms,
            played_ms,
            track_ms: track.track_ms,
            outcome: if is_played {
                ListenOutcome::Played
            } else {
                ListenOutcome::Skipped
            },
            moment,
        });
        at_ms += u64::from(played_ms) + rng.random_range(500..6_000);
    }
    listens
}

/// People listen most in the evening and some in the morning.
fn session_start(rng: &mut ChaCha8Rng, end_ms: u64) -> u64 {
    let day = rng.random_range(0..(end_ms / DAY_MS).max(1));
    let hour: f64 = match rng.random_range(0..10) {
        0..=1 => rng.random_range(6.5..9.5),
        2..=4 => rng.random_range(9.0..17.0),
        _ => rng.random_range(17.0..23.0),
    };
    day * DAY_MS + (hour * 3_600_000.0) as u64
}

fn offer(
    rng: &mut ChaCha8Rng,
    oracle: &TasteOracle,
    charts: &Charts,
    listener: &Listener,
    mood: &Mood,
) -> usize {
    let chance: f64 = rng.random();
    if chance < listener.discovery {
        return rng.random_range(0..oracle.tracks.len());
    }
    if chance < listener.discovery + CHART_SHARE {
        return charts.popular.draw(rng);
    }
    let considered: Vec<usize> = (0..CONSIDERED_COUNT)
        .map(|_| charts.considered.draw(rng))
        .collect();
    let liking = |index: &usize| f64::from(listener.utility(&oracle.tracks[*index], mood)).exp();
    let place = Cumulative::new(considered.iter().map(liking)).draw(rng);
    considered[place]
}

/// One direction of taste per style, and how common the style is.
fn style_vectors(rng: &mut ChaCha8Rng, tracks: &[TrackTraits]) -> Vec<[f32; TASTE_DIMENSIONS]> {
    let style_count = tracks
        .iter()
        .map(|track| track.style_index + 1)
        .max()
        .unwrap_or(1);
    (0..style_count).map(|_| drawn(rng, 1.0)).collect()
}

fn track_vectors(
    rng: &mut ChaCha8Rng,
    tracks: &[TrackTraits],
    styles: &[[f32; TASTE_DIMENSIONS]],
) -> Vec<TrackVector> {
    let artist_count = tracks
        .iter()
        .map(|track| track.artist_index + 1)
        .max()
        .unwrap_or(0);
    let artists: Vec<[f32; TASTE_DIMENSIONS]> =
        (0..artist_count).map(|_| drawn(rng, 0.55)).collect();
    let fames: Vec<f64> = (0..artist_count).map(|_| rng.random::<f64>()).collect();
    let mut order: Vec<usize> = (0..tracks.len()).collect();
    order.shuffle(rng);
    // Artists' fame and luck decide the rank together.
    let luck: Vec<f64> = tracks.iter().map(|_| rng.random::<f64>()).collect();
    order.sort_by(|left, right| {
        let fame = |index: &usize| fames[tracks[*index].artist_index] + luck[*index];
        fame(right).total_cmp(&fame(left))
    });
    let mut popularity = vec![0.0f64; tracks.len()];
    for (rank, index) in order.into_iter().enumerate() {
        popularity[index] = (rank as f64 + 1.0).powf(-ZIPF_EXPONENT);
    }
    let total: f64 = popularity.iter().sum();
    let logs: Vec<f32> = popularity.iter().map(|share| share.ln() as f32).collect();
    let (mean, spread) = mean_and_spread(&logs);
    tracks
        .iter()
        .enumerate()
        .map(|(index, track)| {
            let noise = drawn(rng, 0.35);
            let mut vector = [0.0; TASTE_DIMENSIONS];
            for (place, cell) in vector.iter_mut().enumerate().take(DRAWN_DIMENSIONS) {
                *cell = styles[track.style_index][place]
                    + artists[track.artist_index][place]
                    + noise[place];
            }
            vector[DRAWN_DIMENSIONS] = ((track.tempo_bpm - 115.0) / 60.0) as f32;
            vector[DRAWN_DIMENSIONS + 1] = (track.energy - 0.5) * 1.5;
            TrackVector {
                vector,
                popularity: popularity[index] / total,
                quality: (logs[index] - mean) / spread,
                sound: StepSound::of(track),
                track_ms: track.track_ms,
            }
        })
        .collect()
}

fn draw_listener(
    rng: &mut ChaCha8Rng,
    minds: &mut ChaCha8Rng,
    styles: &[[f32; TASTE_DIMENSIONS]],
) -> Listener {
    let early_taste = draw_taste(rng, styles);
    // Four in ten drift part of the way to another taste.
    let drift: f32 = if rng.random::<f64>() < 0.4 {
        rng.random_range(0.1..0.5)
    } else {
        0.0
    };
    let other = draw_taste(rng, styles);
    let mut late_taste = early_taste;
    for (late, other) in late_taste.iter_mut().zip(other) {
        *late += drift * (other - *late);
    }
    Listener {
        early_taste,
        late_taste,
        pickiness: rng.random_range(-0.2..0.9),
        discovery: rng.random_range(0.04..0.22),
        activity: rng.random_range(-0.8f64..0.8).exp(),
        minding: minds.random_range(0.4..1.6),
    }
}

/// A taste leans to one to three styles, with a mind of its own.
fn draw_taste(rng: &mut ChaCha8Rng, styles: &[[f32; TASTE_DIMENSIONS]]) -> [f32; TASTE_DIMENSIONS] {
    let mut taste = drawn(rng, 0.45);
    for strength in [1.0f32, 0.7, 0.45]
        .into_iter()
        .take(rng.random_range(1..=3))
    {
        let style = styles[rng.random_range(0..styles.len())];
        taste
            .iter_mut()
            .zip(style)
            .for_each(|(cell, value)| *cell += strength * value);
    }
    taste[DRAWN_DIMENSIONS] = rng.random_range(-0.6..0.6);
    taste[DRAWN_DIMENSIONS + 1] = rng.random_range(-0.6..0.6);
    let length = taste
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt()
        .max(1e-6);
    taste.iter_mut().for_each(|value| *value /= length);
    taste
}

/// A vector with roughly normal entries (sum of three uniform draws) in the drawn dimensions.
fn drawn(rng: &mut ChaCha8Rng, spread: f32) -> [f32; TASTE_DIMENSIONS] {
    let mut vector = [0.0; TASTE_DIMENSIONS];
    for cell in vector.iter_mut().take(DRAWN_DIMENSIONS) {
        let sum: f32 = (0..3).map(|_| rng.random_range(-1.0f32..1.0)).sum();
        *cell = sum * spread * 0.5;
    }
    vector
}

fn mean_and_spread(values: &[f32]) -> (f32, f32) {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f32>()
        / count;
    (mean, variance.sqrt().max(1e-6))
}

fn logistic(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

#[cfg(test)]
mod tests;
