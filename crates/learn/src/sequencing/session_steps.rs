//! The steps that listeners took within a session, and what they played in other sessions.

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
    /// Number of the session among those of the listener.
    session: u32,
}

/// Listens parted into sessions: a pause of more than `gap_ms` between the beginnings of two listens ends one.
struct Sessions {
    gap_ms: i64,
    /// When each listener began last, and the number of that session.
    last: HashMap<u32, (i64, u32)>,
}

impl Sessions {
    fn new(gap_ms: i64) -> Self {
        Self {
            gap_ms,
            last: HashMap::new(),
        }
    }

    /// The number of the session that a listen is in.
    fn number(&mut self, listen: &StepListen) -> u32 {
        let first = (listen.at_ms, 0);
        let (at_ms, number) = self.last.entry(listen.listener).or_insert(first);
        if listen.at_ms.saturating_sub(*at_ms) > self.gap_ms {
            *number += 1;
        }
        *at_ms = listen.at_ms;
        *number
    }
}

/// Finds the steps from a moment on in listens that come in order of time.
///
/// What was left early leads to no step: the ear is still with the track before it. A track again after
/// itself is no step.
///
/// - Cost: O(listens), memory for the listeners and the steps.
pub fn steps_of(
    listens: impl IntoIterator<Item = StepListen>,
    gap_ms: i64,
    from_ms: i64,
) -> Vec<Step> {
    let mut sessions = Sessions::new(gap_ms);
    // What each listener played last, and in which session.
    let mut last: HashMap<u32, (u32, u32)> = HashMap::new();
    let mut steps = Vec::new();
    for listen in listens {
        let session = sessions.number(&listen);
        let Some(is_played) = listen.is_played else {
            continue;
        };
        let before = last.get(&listen.listener);
        if let Some((_, from)) = before.filter(|(number, _)| *number == session)
            && *from != listen.item
            && listen.at_ms >= from_ms
        {
            steps.push(Step {
                listener: listen.listener,
                from: *from,
                to: listen.item,
                is_played,
                session,
            });
        }
        if is_played {
            last.insert(listen.listener, (session, listen.item));
        }
    }
    steps
}

/// What some listeners played to the end, session by session.
pub struct SessionPlays {
    /// Session and track, in order of time, by listener.
    played: HashMap<u32, Vec<(u32, u32)>>,
}

impl SessionPlays {
    /// Reads the listens that steps were found in.
    ///
    /// - Cost: O(listens), memory for the plays of the listeners asked about.
    pub fn of(
        listens: impl IntoIterator<Item = StepListen>,
        gap_ms: i64,
        listeners: &BTreeSet<u32>,
    ) -> Self {
        let mut sessions = Sessions::new(gap_ms);
        let mut played: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for listen in listens {
            if listeners.contains(&listen.listener) {
                let session = sessions.number(&listen);
                if listen.is_played == Some(true) {
                    let plays = played.entry(listen.listener).or_default();
                    plays.push((session, listen.item));
                }
            }
        }
        Self { played }
    }

    /// What the listener of a step played in the sessions next to it, nearest first, as often as it was
    /// played; the track that the step leads to is left out.
    pub fn beside(&self, step: &Step, most: usize) -> Vec<u32> {
        let played = self
            .played
            .get(&step.listener)
            .map_or(&[][..], Vec::as_slice);
        let begin = played.partition_point(|(session, _)| *session < step.session);
        let end = played.partition_point(|(session, _)| *session <= step.session);
        let mut before = played[..begin].iter().rev();
        let mut after = played[end..].iter();
        let mut items = Vec::with_capacity(most);
        while items.len() < most {
            let pair = [before.next(), after.next()];
            if pair == [None, None] {
                break;
            }
            let found = pair.into_iter().flatten().map(|(_, item)| *item);
            items.extend(found.filter(|item| *item != step.to));
        }
        items.truncate(most);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(listener: u32, item: u32, at_ms: i64, is_played: Option<bool>) -> StepListen {
        StepListen {
            listener,
            item,
            at_ms,
            is_played,
        }
    }

    #[test]
    fn steps_lead_from_what_was_played_within_a_session() {
        let listens = [
            listen(0, 1, 0, Some(true)),
            listen(1, 8, 1, Some(false)),
            listen(0, 2, 5, Some(false)),
            listen(1, 9, 6, Some(true)),
            listen(0, 3, 9, Some(true)),
            listen(0, 3, 12, Some(true)),
            listen(0, 5, 15, None),
            listen(0, 4, 20, Some(true)),
            listen(0, 6, 31, Some(true)),
            listen(0, 7, 32, Some(true)),
        ];
        let step = |session, from, to, is_played| Step {
            listener: 0,
            from,
            to,
            is_played,
            session,
        };
        // 1 → 2 is left, so 3 follows 1; 3 again is no step; 5 says nothing; 6 comes after a pause. Listener 1
        // played nothing before 9.
        let found = steps_of(listens, 10, 0);
        let expected = [
            step(0, 1, 2, false),
            step(0, 1, 3, true),
            step(0, 3, 4, true),
            step(1, 6, 7, true),
        ];
        assert_eq!(found, expected);
        assert_eq!(steps_of(listens, 10, 20), expected[2..]);
        assert!(steps_of([], 10, 0).is_empty());
    }

    #[test]
    fn what_was_played_beside_a_session_comes_nearest_first() {
        let listens = [
            listen(0, 1, 0, Some(true)),
            listen(0, 2, 1, Some(true)),
            listen(0, 3, 100, Some(true)),
            listen(0, 4, 101, Some(true)),
            listen(0, 9, 102, Some(false)),
            listen(1, 8, 150, Some(true)),
            listen(0, 4, 200, Some(true)),
            listen(0, 5, 201, Some(true)),
            listen(0, 6, 202, Some(false)),
            listen(0, 7, 203, Some(true)),
        ];
        let steps = steps_of(listens, 10, 100);
        let plays = SessionPlays::of(listens, 10, &BTreeSet::from([0]));
        // The step 3 → 4 of the second session: 2 before, 5 after (4 is where it leads), 1, 7.
        assert_eq!((steps[0].from, steps[0].to), (3, 4));
        assert_eq!(plays.beside(&steps[0], 9), [2, 1, 5, 7]);
        assert_eq!(plays.beside(&steps[0], 1), [2]);
        let nobody = SessionPlays::of(listens, 10, &BTreeSet::new());
        assert!(nobody.beside(&steps[0], 9).is_empty());
    }
}
