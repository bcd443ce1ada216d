//! The rows of a listener: what was shown to them, what they played and what they judged.

use std::mem;

use leitmotif_domain::Timestamp;

/// An answer that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// Its request.
    pub request: u128,
    /// Its setting.
    pub setting: u32,
    pub(super) hour: u8,
    pub(super) weekday: u8,
    pub(super) device: u16,
    pub(super) activity: u16,
}

/// A track of an answer. Rows are kept in this order: a track's exposures one after the other as they were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// The track.
    pub track: u32,
    /// When.
    pub at: Timestamp,
    /// The answer's place among those of the listener.
    pub answer: u32,
    /// Position in it, from 0.
    pub position: u16,
}

/// A play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Play {
    /// When.
    pub at: Timestamp,
    /// The track.
    pub track: u32,
    /// The request that it names, 0 for none.
    pub request: u128,
    pub(super) played_ms: Option<u32>,
    pub(super) track_ms: Option<u32>,
    pub(super) share_milli: Option<i16>,
    pub(super) signal_milli: i16,
    pub(super) outcome: u8,
    pub(super) hour: u8,
    pub(super) weekday: u8,
    pub(super) source: u16,
    pub(super) reason: u16,
    pub(super) device: u16,
    pub(super) activity: u16,
}

/// A judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judged {
    /// The track.
    pub track: u32,
    /// When.
    pub at: Timestamp,
    /// Its place in the log: of two at one moment the later one stands.
    pub(super) offset: u64,
    pub(super) opinion: u8,
}

/// The rows of a listener.
#[derive(Debug, Clone, Default)]
pub struct ListenerFacts {
    /// Answers, by time once sorted.
    pub answers: Vec<Answer>,
    /// Their tracks.
    pub shown: Vec<Shown>,
    /// Plays by time.
    pub plays: Vec<Play>,
    /// The last judgement of each track.
    pub judged: Vec<Judged>,
    /// Plays that were taken back, by moment and track.
    pub(super) taken_back: Vec<(Timestamp, u32)>,
    pub(super) is_sorted: bool,
}

impl ListenerFacts {
    /// Puts rows in their order, takes plays back and keeps of each track the last judgement. A play that is not
    /// there yet may be taken back already.
    pub(super) fn sort(&mut self) {
        if mem::replace(&mut self.is_sorted, true) {
            return;
        }
        let mut order: Vec<u32> = (0..self.answers.len() as u32).collect();
        order.sort_unstable_by_key(|number| {
            let answer = &self.answers[*number as usize];
            (answer.at, answer.request)
        });
        let mut places = vec![0_u32; order.len()];
        for (place, number) in (0_u32..).zip(&order) {
            places[*number as usize] = place;
        }
        self.answers = order
            .iter()
            .map(|number| self.answers[*number as usize])
            .collect();
        for shown in &mut self.shown {
            shown.answer = places[shown.answer as usize];
        }
        self.shown.sort_unstable();
        self.plays.sort_unstable();
        self.taken_back.sort_unstable();
        let taken_back = &self.taken_back;
        self.plays
            .retain(|play| taken_back.binary_search(&(play.at, play.track)).is_err());
        self.judged.sort_unstable();
        let mut last: Vec<Judged> = Vec::with_capacity(self.judged.len());
        for judged in self.judged.drain(..) {
            match last.last_mut().filter(|one| one.track == judged.track) {
                Some(one) => *one = judged,
                None => last.push(judged),
            }
        }
        self.judged = last;
    }
}
