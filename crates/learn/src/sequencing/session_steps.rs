//! The steps that listeners took within a session.

use std::collections::{BTreeSet, HashMap};

/// A listen, as far as steps need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepListen {
    /// Listener, numbered from zero.
    pub listener: u32,
    /// Track, numbered from zero.
    pub item: u32,
    /// When it began, in milliseconds from any moment.
    pub at_ms: i64,
    /// Whether it was played to the end or left early; none where it says neither.
    pub is_played: Option<bool>,
}

/// A step of a session: what was played last, what came after it, and whether that was played on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Listener.
    pub listener: u32,
    /// Track that was played last.
    pub from: u32,
    /// Track that followed.
    pub to: u32,
    /// Whether it was played to the end.
    pub is_played: bool,
}

/// Finds the steps in listens that come in order of time.
///
/// A session ends with a pause of more than `gap_ms` between the beginnings of two listens. What was left
/// early leads to no step: the ear is still with the track before it. A track again after itself is no step.
///
/// - Cost: O(listens), memory for the listeners and the steps.
pub fn steps_of(listens: impl IntoIterator<Item = StepListen>, gap_ms: i64) -> Vec<Step> {
    // When each listener began last, and what they played last in that session.
    let mut sessions: HashMap<u32, (i64, Option<u32>)> = HashMap::new();
    let mut steps = Vec::new();
    for listen in listens {
        let session = sessions
            .entry(listen.listener)
            .or_insert((listen.at_ms, None));
        if listen.at_ms.saturating_sub(session.0) > gap_ms {
            session.1 = None;
        }
        session.0 = listen.at_ms;
        let Some(is_played) = listen.is_played else {
            continue;
        };
        if let Some(from) = session.1.filter(|from| *from != listen.item) {
            steps.push(Step {
                listener: listen.listener,
                from,
                to: listen.item,
                is_played,
            });
        }
        if is_played {
            session.1 = Some(listen.item);
        }
    }
    steps
}

/// The last distinct tracks that each of some listeners played to the end, newest first, in listens that
/// come in order of time.
///
/// - Cost: O(listens), memory for the listeners asked about.
pub fn last_played(
    listens: impl DoubleEndedIterator<Item = StepListen>,
    listeners: &BTreeSet<u32>,
    most: usize,
) -> HashMap<u32, Vec<u32>> {
    let mut last: HashMap<u32, Vec<u32>> = listeners.iter().map(|one| (*one, Vec::new())).collect();
    for listen in listens.rev().filter(|one| one.is_played == Some(true)) {
        if let Some(items) = last.get_mut(&listen.listener)
            && items.len() < most
            && !items.contains(&listen.item)
        {
            items.push(listen.item);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_what_was_played_within_a_session() {
        let listen = |listener, item, at_ms, is_played| StepListen {
            listener,
            item,
            at_ms,
            is_played,
        };
        let found = steps_of(
            [
                listen(0, 1, 0, Some(true)),
                listen(1, 8, 1, Some(false)),
                listen(0, 2, 5, Some(false)),
                listen(1, 9, 6, Some(true)),
                listen(0, 3, 9, Some(true)),
                listen(0, 3, 12, Some(true)),
                listen(0, 5, 15, None),
                listen(0, 4, 20, Some(true)),
                listen(0, 6, 31, Some(true)),
            ],
            10,
        );
        let step = |from, to, is_played| Step {
            listener: 0,
            from,
            to,
            is_played,
        };
        // 1 → 2 is left, so 3 follows 1; 3 again is no step; 5 says nothing; 6 comes after a pause. Listener 1
        // played nothing before 9.
        assert_eq!(
            found,
            [step(1, 2, false), step(1, 3, true), step(3, 4, true)]
        );
        assert!(steps_of([], 10).is_empty());
    }

    #[test]
    fn the_last_played_are_distinct_and_newest_first() {
        let listen = |listener, item, is_played| StepListen {
            listener,
            item,
            at_ms: 0,
            is_played: Some(is_played),
        };
        let listens = [
            listen(0, 1, true),
            listen(0, 2, true),
            listen(1, 9, true),
            listen(0, 3, false),
            listen(0, 1, true),
            listen(0, 4, true),
        ];
        let last = last_played(listens.into_iter(), &BTreeSet::from([0, 7]), 2);
        assert_eq!(last, HashMap::from([(0, vec![4, 1]), (7, Vec::new())]));
    }
}
