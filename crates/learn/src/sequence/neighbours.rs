//! Next items from the most similar recent sessions.

use std::collections::BinaryHeap;

use super::{ScoreBoard, check_item};
use crate::error::{Error, Result};
use crate::top_k::top_k;

/// Hyper-parameters of [`SessionNeighbours`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SessionNeighboursOptions {
    /// How many of the most recent sessions that share an item are compared.
    pub candidate_sessions: usize,
    /// How many of them, the most similar, speak.
    pub neighbours: usize,
    /// How many of the last items of the running session are looked at.
    pub last_items: usize,
    /// Over how many places an item next to the shared one loses its weight to `1/e`; none treats
    /// all items of a neighbour alike.
    pub place_decay: Option<f32>,
}

impl Default for SessionNeighboursOptions {
    fn default() -> Self {
        Self {
            candidate_sessions: 1000,
            neighbours: 100,
            last_items: 50,
            place_decay: None,
        }
    }
}

/// Recent sessions, found by the items they hold.
///
/// - Source: VS-kNN of Ludewig and Jannach 2018 (arXiv 1803.09587): linear weights by position,
///   inverse document frequency, and a `1 / step` weight for the last shared item; the index of
///   recent sessions an item is that of VMIS-kNN, Kersbergen et al. 2022. `place_decay` is the third
///   factor of STAN, Garg et al. 2019.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionNeighbours {
    options: SessionNeighboursOptions,
    starts: Vec<usize>,
    items: Vec<u32>,
    /// For each item the sessions that hold it, oldest first.
    postings: Vec<Vec<u32>>,
}

/// A past session beside the running one.
struct Neighbour {
    session: u32,
    similarity: f32,
}

impl SessionNeighbours {
    /// Makes an index without sessions.
    ///
    /// - Errors: [`Error::InvalidOption`] for a count of 0 or a decay that is not above 0.
    pub fn empty(item_count: usize, options: SessionNeighboursOptions) -> Result<Self> {
        let counts = [
            ("candidate_sessions", options.candidate_sessions),
            ("neighbours", options.neighbours),
            ("last_items", options.last_items),
        ];
        for (name, value) in counts {
            if value == 0 {
                return Err(Error::InvalidOption {
                    name,
                    value: 0.0,
                    allowed: "1 or more",
                });
            }
        }
        if let Some(value) = options.place_decay
            && !(value > 0.0 && value.is_finite())
        {
            return Err(Error::InvalidOption {
                name: "place_decay",
                value: f64::from(value),
                allowed: "above 0",
            });
        }
        Ok(Self {
            options,
            starts: vec![0],
            items: Vec::new(),
            postings: vec![Vec::new(); item_count],
        })
    }

    /// Indexes sessions given in the order of time.
    ///
    /// - Errors: as [`SessionNeighbours::empty`], and those of [`SessionNeighbours::learn`].
    /// - Cost: O(events) time; 8 bytes an event and 8 a session.
    pub fn fit(
        sessions: &[Vec<u32>],
        item_count: usize,
        options: SessionNeighboursOptions,
    ) -> Result<Self> {
        let mut index = Self::empty(item_count, options)?;
        for session in sessions {
            index.learn(session)?;
        }
        Ok(index)
    }

    /// Adds the most recent session.
    ///
    /// - Errors: [`Error::OutOfRange`] for an item that is none, [`Error::TooLarge`] beyond 2³² − 1
    ///   sessions; the index is unchanged then.
    pub fn learn(&mut self, session: &[u32]) -> Result<()> {
        for &item in session {
            check_item(item, self.postings.len())?;
        }
        let count = self.session_count();
        let number = u32::try_from(count).map_err(|_| Error::TooLarge { count })?;
        for &item in session {
            let posting = &mut self.postings[item as usize];
            if posting.last() != Some(&number) {
                posting.push(number);
            }
        }
        self.items.extend_from_slice(session);
        self.starts.push(self.items.len());
        Ok(())
    }

    /// Number of sessions.
    pub fn session_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of sessions that hold an item.
    pub fn sessions_with(&self, item: u32) -> usize {
        self.postings.get(item as usize).map_or(0, Vec::len)
    }

    /// Returns the `k` likeliest next items of a running session, best first, ties by lower item.
    ///
    /// Items of the running session may come again.
    ///
    /// - Shape: `board` must have as many slots as there are items.
    /// - Cost: O(candidate sessions × log session + neighbours × session).
    pub fn recommend(&self, session: &[u32], k: usize, board: &mut ScoreBoard) -> Vec<(u32, f32)> {
        let recent = &session[session.len().saturating_sub(self.options.last_items)..];
        let voices = Voices::of(recent);
        for neighbour in self.nearest(&voices) {
            self.add_neighbour(&neighbour, &voices, board);
        }
        board.take_top(k)
    }

    /// The most similar of the most recent sessions that share an item.
    fn nearest(&self, voices: &Voices) -> Vec<Neighbour> {
        let candidates = self.recent_sessions(voices);
        let similarities: Vec<f32> =
            (candidates.iter().map(|candidate| candidate.similarity)).collect();
        let best = top_k(&similarities, self.options.neighbours);
        best.into_iter()
            .map(|at| Neighbour { ..candidates[at] })
            .collect()
    }

    /// Walks the sessions of all items of the running session from the newest back, adding up the
    /// weights of the items each shares.
    fn recent_sessions(&self, voices: &Voices) -> Vec<Neighbour> {
        let postings: Vec<&[u32]> = (voices.items.iter())
            .map(|voice| (self.postings.get(voice.item as usize)).map_or(&[][..], Vec::as_slice))
            .collect();
        // The heap holds the newest unread session of each item.
        let mut heap: BinaryHeap<(u32, usize, usize)> = (postings.iter().enumerate())
            .filter_map(|(voice, posting)| Some((*posting.last()?, voice, posting.len() - 1)))
            .collect();
        let mut found: Vec<Neighbour> =
            Vec::with_capacity(self.options.candidate_sessions.min(4096));
        while let Some((session, voice, place)) = heap.pop() {
            let similarity = voices.items[voice].weight;
            if let Some(last) = found.last_mut()
                && last.session == session
            {
                last.similarity += similarity;
            } else if found.len() == self.options.candidate_sessions {
                break;
            } else {
                found.push(Neighbour {
                    session,
                    similarity,
                });
            }
            if let Some(next) = place.checked_sub(1) {
                heap.push((postings[voice][next], voice, next));
            }
        }
        for neighbour in &mut found {
            let length = self.session(neighbour.session).len() as f32;
            neighbour.similarity /= length.sqrt();
        }
        found
    }

    fn session(&self, number: u32) -> &[u32] {
        let at = number as usize;
        &self.items[self.starts[at]..self.starts[at + 1]]
    }

    fn add_neighbour(&self, neighbour: &Neighbour, voices: &Voices, board: &mut ScoreBoard) {
        let items = self.session(neighbour.session);
        let Some((shared_at, step)) = (items.iter().enumerate())
            .filter_map(|(place, &item)| Some((place, voices.step(item)?)))
            .min_by_key(|&(place, step)| (step, usize::MAX - place))
        else {
            return;
        };
        let weight = neighbour.similarity / step as f32;
        for (place, &item) in items.iter().enumerate() {
            let near = self.options.place_decay.map_or(1.0, |decay| {
                (-(place.abs_diff(shared_at) as f32) / decay).exp()
            });
            board.add(item, weight * near * self.rarity(item));
        }
    }

    /// Inverse document frequency of an item.
    fn rarity(&self, item: u32) -> f32 {
        let sessions = self.session_count() as f32;
        (sessions / self.sessions_with(item).max(1) as f32)
            .ln()
            .max(f32::MIN_POSITIVE)
    }
}

/// The different items of a running session and how loudly each speaks.
struct Voices {
    /// Last item first.
    items: Vec<Voice>,
}

struct Voice {
    item: u32,
    /// Position from the front over the length: the last item has 1.
    weight: f32,
    /// Steps from the end, the last item has 1.
    step: usize,
}

impl Voices {
    fn of(session: &[u32]) -> Self {
        let length = session.len();
        let mut items: Vec<Voice> = Vec::with_capacity(length);
        for (at, &item) in session.iter().enumerate().rev() {
            if items.iter().all(|voice| voice.item != item) {
                items.push(Voice {
                    item,
                    weight: (at + 1) as f32 / length as f32,
                    step: length - at,
                });
            }
        }
        Self { items }
    }

    fn step(&self, item: u32) -> Option<usize> {
        (self.items.iter().find(|voice| voice.item == item)).map(|voice| voice.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(sessions: &[Vec<u32>], options: SessionNeighboursOptions) -> SessionNeighbours {
        SessionNeighbours::fit(sessions, 6, options).unwrap()
    }

    #[test]
    fn hand_worked_scores() {
        let sessions = [vec![0, 1, 2], vec![1, 3], vec![4, 5], vec![4, 4]];
        let found = index(&sessions, SessionNeighboursOptions::default());
        assert_eq!((found.session_count(), found.sessions_with(4)), (4, 2));
        let mut board = ScoreBoard::new(6);
        let list = found.recommend(&[0, 1], 6, &mut board);
        // Items 0 and 1 speak with 1/2 and 1; session 0 shares both, session 1 the last one.
        let (first, second) = (1.5 / 3f32.sqrt(), 1.0 / 2f32.sqrt());
        let (rare, common) = (4f32.ln(), 2f32.ln());
        let expected = [
            (0, first * rare),
            (2, first * rare),
            (3, second * rare),
            (1, (first + second) * common),
        ];
        let mut sorted = expected;
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        assert_eq!(list.len(), 4);
        for (got, wanted) in list.iter().zip(&sorted) {
            assert_eq!(got.0, wanted.0);
            assert!((got.1 - wanted.1).abs() < 1e-5, "{list:?} {sorted:?}");
        }
    }

    #[test]
    fn only_the_newest_sessions_are_compared() {
        let options = SessionNeighboursOptions {
            candidate_sessions: 1,
            ..SessionNeighboursOptions::default()
        };
        let mut found = index(&[vec![0, 1], vec![0, 2], vec![5]], options);
        let mut board = ScoreBoard::new(6);
        let items = |list: Vec<(u32, f32)>| list.iter().map(|entry| entry.0).collect::<Vec<_>>();
        assert_eq!(items(found.recommend(&[0], 9, &mut board)), [2, 0]);
        found.learn(&[3, 0]).unwrap();
        assert_eq!(items(found.recommend(&[0], 9, &mut board)), [3, 0]);
    }

    #[test]
    fn near_items_gain_by_place_decay() {
        let options = SessionNeighboursOptions {
            place_decay: Some(1.0),
            ..SessionNeighboursOptions::default()
        };
        let found = index(&[vec![1, 0, 2, 3], vec![5]], options);
        let list = found.recommend(&[0], 9, &mut ScoreBoard::new(6));
        let order: Vec<u32> = list.iter().map(|entry| entry.0).collect();
        assert_eq!(order, [0, 1, 2, 3]);
    }

    #[test]
    fn strangers_and_bad_options_are_refused() {
        let mut found = index(&[vec![0]], SessionNeighboursOptions::default());
        assert!(found.learn(&[0, 6]).is_err());
        assert_eq!(found.session_count(), 1);
        let mut board = ScoreBoard::new(6);
        assert!(found.recommend(&[77], 5, &mut board).is_empty());
        assert!(found.recommend(&[], 5, &mut board).is_empty());
        let bad = SessionNeighboursOptions {
            place_decay: Some(0.0),
            ..SessionNeighboursOptions::default()
        };
        assert!(SessionNeighbours::empty(1, bad).is_err());
    }
}
