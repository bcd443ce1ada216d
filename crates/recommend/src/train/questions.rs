//! What is asked of a model about the listens after a split.

use std::collections::HashSet;

use super::dataset::{Dataset, LOVED_SIGNAL, Play, RELEVANT_SIGNAL, Split, sums};
use crate::moments::UNKNOWN;
use crate::recent_sessions::RUNNING_TRACKS;

/// What is asked of a model about one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Index of the listener.
    pub listener: usize,
    /// The number of the moment at which they took to what is relevant.
    pub moment: u16,
    /// Columns played before the cut; never an answer.
    pub heard: HashSet<usize>,
    /// The last columns they took to before the cut, newest first.
    pub last: Vec<u32>,
    /// Columns the listener took to after the cut.
    pub relevant: HashSet<usize>,
    /// Those of them that were loved.
    pub loved: HashSet<usize>,
    /// Columns the listener newly took to at other moments alone.
    pub elsewhere: HashSet<usize>,
}

impl Dataset {
    /// The questions of a split: for each listener the tracks known before and the new ones they
    /// took to afterwards, at each moment of theirs where listens tell it. Listeners without a new one
    /// are left out; of more questions than `most` every n-th is asked.
    ///
    /// - Cost: O(n log n) in the plays, of which those of the asked listeners are held at 8 bytes.
    pub fn questions(&self, split: &Split<'_>, most: usize) -> Vec<Question> {
        let mut taken_to = signals_by_moment(split.test());
        taken_to.retain(|one| one.signal >= RELEVANT_SIGNAL);
        let mut is_asked = vec![false; self.listeners.len()];
        for one in &taken_to {
            is_asked[one.listener as usize] = true;
        }
        let known = split.train().iter();
        let known = known.filter(|play| is_asked[play.listener as usize]);
        let mut heard: Vec<(u32, u32)> = known.map(|play| (play.listener, play.item)).collect();
        heard.sort_unstable();
        heard.dedup();
        taken_to.retain(|one| heard.binary_search(&(one.listener, one.item)).is_err());
        let chunks = taken_to.chunk_by(|a, b| (a.listener, a.moment) == (b.listener, b.moment));
        let step = chunks.clone().count().div_ceil(most.max(1)).max(1);
        let mut questions: Vec<Question> = chunks
            .step_by(step)
            .map(|new| ask(new, &taken_to, &heard))
            .collect();
        last_tracks(split.train(), &mut questions);
        questions
    }
}

/// What plays at one moment say of a track together.
#[derive(Debug, Clone, Copy)]
struct Signal {
    listener: u32,
    moment: u16,
    item: u32,
    signal: f32,
}

/// What plays say of each track at each moment, by listener, moment and track. What was said at no known
/// moment, such as a like, counts at every moment at which the listener played the track, or else alone.
fn signals_by_moment(plays: &[Play]) -> Vec<Signal> {
    let sums = sums(plays.iter(), |play| (play.listener, play.item, play.moment));
    let mut signals = Vec::with_capacity(sums.len());
    for of_item in sums.chunk_by(|a, b| (a.0.0, a.0.1) == (b.0.0, b.0.1)) {
        let (said, rest) = match of_item {
            [((_, _, UNKNOWN), said), rest @ ..] if !rest.is_empty() => (*said, rest),
            all => (0.0, all),
        };
        signals.extend(
            rest.iter()
                .map(|((listener, item, moment), signal)| Signal {
                    listener: *listener,
                    moment: *moment,
                    item: *item,
                    signal: signal + said,
                }),
        );
    }
    signals.sort_unstable_by_key(|one| (one.listener, one.moment, one.item));
    signals
}

/// Asks for the tracks that a listener newly took to, of all that anybody did.
fn ask(new: &[Signal], taken_to: &[Signal], heard: &[(u32, u32)]) -> Question {
    let (listener, moment) = new
        .first()
        .map_or((0, UNKNOWN), |one| (one.listener, one.moment));
    let known = heard.partition_point(|(other, _)| *other < listener);
    let known = heard[known..].iter();
    let known = known.take_while(|(other, _)| *other == listener);
    let own = taken_to.partition_point(|one| one.listener < listener);
    let own = taken_to[own..].iter();
    let own = own.take_while(|one| one.listener == listener);
    let relevant: HashSet<usize> = new.iter().map(|one| one.item as usize).collect();
    let elsewhere = own.map(|one| one.item as usize);
    let loved = new.iter().filter(|one| one.signal >= LOVED_SIGNAL);
    Question {
        listener: listener as usize,
        moment,
        heard: known.map(|(_, item)| *item as usize).collect(),
        last: Vec::new(),
        elsewhere: elsewhere.filter(|item| !relevant.contains(item)).collect(),
        relevant,
        loved: loved.map(|one| one.item as usize).collect(),
    }
}

/// Fills in the last columns that the listeners took to. The questions are in order of listeners.
fn last_tracks(known: &[Play], questions: &mut [Question]) {
    for play in known.iter().rev().filter(|play| play.signal > 0.0) {
        let listener = play.listener as usize;
        let first = questions.partition_point(|question| question.listener < listener);
        let own = questions[first..].iter_mut();
        for question in own.take_while(|question| question.listener == listener) {
            if question.last.len() < RUNNING_TRACKS {
                question.last.push(play.item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::dataset::tests::dataset;
    use super::*;

    /// The questions by maps and sets, one play after the other.
    fn naive(split: &Split<'_>) -> Vec<Question> {
        let mut signals: BTreeMap<(u32, u32), BTreeMap<u16, f32>> = BTreeMap::new();
        for play in split.test() {
            let of_item = signals.entry((play.listener, play.item)).or_default();
            *of_item.entry(play.moment).or_default() += play.signal;
        }
        let each = signals.into_iter().flat_map(|(key, mut of_item)| {
            if of_item.len() > 1
                && let Some(said) = of_item.remove(&UNKNOWN)
            {
                of_item.values_mut().for_each(|signal| *signal += said);
            }
            of_item
                .into_iter()
                .map(move |(moment, signal)| (key, moment, signal))
        });
        let mut questions: BTreeMap<(u32, u16), Question> = BTreeMap::new();
        for ((listener, item), moment, signal) in each {
            let known = || {
                split
                    .train()
                    .iter()
                    .filter(|play| play.listener == listener)
            };
            let heard: HashSet<usize> = known().map(|play| play.item as usize).collect();
            if signal < RELEVANT_SIGNAL || heard.contains(&(item as usize)) {
                continue;
            }
            let last = known().rev().filter(|play| play.signal > 0.0);
            let question = questions
                .entry((listener, moment))
                .or_insert_with(|| Question {
                    listener: listener as usize,
                    moment,
                    heard,
                    last: last.take(RUNNING_TRACKS).map(|play| play.item).collect(),
                    relevant: HashSet::new(),
                    loved: HashSet::new(),
                    elsewhere: HashSet::new(),
                });
            question.relevant.insert(item as usize);
            if signal >= LOVED_SIGNAL {
                question.loved.insert(item as usize);
            }
        }
        let all = questions.clone();
        for ((listener, moment), question) in &mut questions {
            let others = all.range((*listener, 0)..=(*listener, u16::MAX));
            let others = others.filter(|((_, other), _)| other != moment);
            let elsewhere = others.flat_map(|(_, other)| other.relevant.iter().copied());
            question.elsewhere = elsewhere
                .filter(|item| !question.relevant.contains(item))
                .collect();
        }
        questions.into_values().collect()
    }

    #[test]
    fn of_too_many_questions_every_other_is_asked() {
        let plays: Vec<(u32, u32, f32, u16)> =
            (0..6).map(|listener| (listener, 1, 1.0, UNKNOWN)).collect();
        let dataset = dataset(&plays);
        let asked = |most: usize| {
            let questions = dataset.questions(&dataset.split(0.0, 1.0), most);
            questions.iter().map(|one| one.listener).collect::<Vec<_>>()
        };
        assert_eq!(asked(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(asked(5), [0, 2, 4]);
        assert_eq!(asked(1), [0]);
        assert_eq!(asked(0), [0]);
    }

    proptest! {
        #[test]
        fn questions_are_those_of_plain_maps(
            plays in prop::collection::vec((0_u32..6, 0_u32..12, -1.0_f32..1.0, 0_u16..3), 1..200),
            known in 0.0_f64..1.0,
        ) {
            let dataset = dataset(&plays);
            let split = dataset.split(known, 1.0);
            prop_assert_eq!(dataset.questions(&split, 100), naive(&split));
        }
    }
}
