//! Which exposure an outcome follows from.

use leitmotif_domain::Timestamp;

use super::rows::{Answer, ListenerFacts, Play, Shown};

/// Gives the outcomes of a listener to what was shown to them.
pub struct Attribution<'f> {
    facts: &'f ListenerFacts,
    window_ms: i64,
    /// Answers by their request.
    requests: Vec<(u128, u32)>,
}

impl<'f> Attribution<'f> {
    /// Attribution within a window.
    ///
    /// - Cost: O(a log a) over the answers.
    pub fn new(facts: &'f ListenerFacts, window_ms: i64) -> Self {
        let numbered = facts.answers.iter().zip(0_u32..);
        let mut requests: Vec<_> = numbered
            .map(|(one, number)| (one.request, number))
            .collect();
        requests.sort_unstable();
        Self {
            facts,
            window_ms,
            requests,
        }
    }

    /// The place among the listener's rows of the exposure that a play follows from: of the answer that it names, if
    /// that showed the track; else as [`Attribution::latest`] says.
    pub fn of_play(&self, play: &Play) -> Option<usize> {
        self.named(play)
            .or_else(|| self.latest(play.track, play.at))
    }

    /// The latest exposure of a track at a moment or before it, not longer ago than the window; of several at one
    /// moment that of the last request.
    pub fn latest(&self, track: u32, at: Timestamp) -> Option<usize> {
        let shown = &self.facts.shown;
        let end = shown.partition_point(|one| (one.track, one.at) <= (track, at));
        let place = end.checked_sub(1)?;
        let found = shown.get(place)?;
        let is_within = found.track == track && at.since_ms(found.at) <= self.window_ms;
        is_within.then_some(place)
    }

    fn named(&self, play: &Play) -> Option<usize> {
        if play.request == 0 {
            return None;
        }
        let first = self
            .requests
            .partition_point(|(request, _)| *request < play.request);
        let (request, number) = *self.requests.get(first)?;
        let answer = self.answer(number).filter(|_| request == play.request)?;
        let key = (play.track, answer.at, number);
        let key_of = |one: &Shown| (one.track, one.at, one.answer);
        let place = self.facts.shown.partition_point(|one| key_of(one) < key);
        (self.facts.shown.get(place)).filter(|one| key_of(one) == key)?;
        Some(place)
    }

    fn answer(&self, number: u32) -> Option<&Answer> {
        self.facts.answers.get(number as usize)
    }
}
