//! When listeners listen, on what and doing what, and how that moves their tastes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{TASTE_DIMENSIONS, drawn};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Parts of a day, six hours each from midnight.
const PARTS: usize = 4;
/// Devices; they say nothing of taste, and there is nothing to be learnt of them.
const DEVICES: [&str; 3] = ["phone", "speaker", "desktop"];
/// Activities that listeners name, and how much of everybody's taste each moves.
const ACTIVITIES: [&str; 3] = ["running", "working", "cooking"];
/// Share of sessions of which the activity is named.
const NAMED_SHARE: f64 = 0.4;
/// How far everybody's taste moves with the part of the day, the kind of the day and the activity, and how
/// far each listener's own does with the part of the day, as shares of the length of a taste.
const COMMON_REACH: f32 = 0.35;
/// See [`COMMON_REACH`].
const OWN_REACH: f32 = 0.35;

/// The moment of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionMoment {
    part: u8,
    is_weekend: bool,
    device: u8,
    activity: Option<u8>,
}

impl SessionMoment {
    /// Draws what a session that begins at a time is like; the simulation begins on a Monday at midnight.
    pub(super) fn draw(rng: &mut ChaCha8Rng, at_ms: u64) -> Self {
        let is_named = rng.random::<f64>() < NAMED_SHARE;
        let activity = rng.random_range(0..ACTIVITIES.len()) as u8;
        Self {
            part: (at_ms % DAY_MS / (DAY_MS / PARTS as u64)) as u8,
            is_weekend: at_ms / DAY_MS % 7 >= 5,
            device: rng.random_range(0..DEVICES.len()) as u8,
            activity: is_named.then_some(activity),
        }
    }

    /// The device class.
    pub fn device(&self) -> &'static str {
        DEVICES[usize::from(self.device)]
    }

    /// The activity, where it is named.
    pub fn activity(&self) -> Option<&'static str> {
        self.activity
            .map(|activity| ACTIVITIES[usize::from(activity)])
    }
}

/// How moments move tastes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TasteShifts {
    parts: [[f32; TASTE_DIMENSIONS]; PARTS],
    kinds: [[f32; TASTE_DIMENSIONS]; 2],
    activities: [[f32; TASTE_DIMENSIONS]; ACTIVITIES.len()],
    /// By listener.
    own: Vec<[[f32; TASTE_DIMENSIONS]; PARTS]>,
}

impl TasteShifts {
    /// Draws how the tastes of so many listeners move at full strength, times a strength.
    pub(super) fn draw(rng: &mut ChaCha8Rng, listener_count: usize, strength: f32) -> Self {
        let mut direction = |reach: f32| {
            let mut vector = drawn(rng, 1.0);
            for cell in vector.iter_mut().skip(super::DRAWN_DIMENSIONS) {
                *cell = rng.random_range(-1.0..1.0);
            }
            let length = vector.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
            vector.map(|cell| strength * reach * cell / length.max(1e-6))
        };
        Self {
            parts: std::array::from_fn(|_| direction(COMMON_REACH)),
            kinds: std::array::from_fn(|_| direction(COMMON_REACH)),
            activities: std::array::from_fn(|_| direction(COMMON_REACH)),
            own: (0..listener_count)
                .map(|_| std::array::from_fn(|_| direction(OWN_REACH)))
                .collect(),
        }
    }

    /// What a moment adds to the taste of a listener; nothing for strangers.
    pub(super) fn at(
        &self,
        listener_index: usize,
        moment: &SessionMoment,
    ) -> [f32; TASTE_DIMENSIONS] {
        let part = usize::from(moment.part);
        let activity = moment.activity.map(usize::from);
        let added = [
            self.parts.get(part),
            self.kinds.get(usize::from(moment.is_weekend)),
            activity.and_then(|activity| self.activities.get(activity)),
            (self.own.get(listener_index)).and_then(|own| own.get(part)),
        ];
        let mut sum = [0.0; TASTE_DIMENSIONS];
        for added in added.into_iter().flatten() {
            sum.iter_mut()
                .zip(added)
                .for_each(|(sum, cell)| *sum += cell);
        }
        sum
    }
}
