//! Weighted transitions from one item to those that follow it.

use super::{ScoreBoard, check_item, check_share};
use crate::error::{Error, Result};

/// Hyper-parameters of [`SequentialRules`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SequentialRulesOptions {
    /// How many steps ahead a transition counts; one of `d` steps weighs `1 / d`.
    pub steps: usize,
    /// How many of the last items of the running session speak.
    pub last_items: usize,
    /// What the voice of each earlier item is multiplied by.
    pub decay: f32,
}

impl Default for SequentialRulesOptions {
    fn default() -> Self {
        Self {
            steps: 10,
            last_items: 3,
            decay: 0.6,
        }
    }
}

/// How often each item followed another, near followers counting more.
///
/// An item that follows itself is kept: listeners do repeat tracks.
///
/// - Source: sequential rules of Ludewig and Jannach 2018 (arXiv 1803.09587, section 3), with `1 / d`
///   weights, self-transitions, and a decaying sum over the last items.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialRules {
    options: SequentialRulesOptions,
    /// For each item its followers in ascending order.
    rows: Vec<Vec<(u32, f32)>>,
}

impl SequentialRules {
    /// Makes rules that know nothing yet.
    ///
    /// - Errors: [`Error::InvalidOption`] for no steps, no items, or a decay outside 0 to 1.
    pub fn empty(item_count: usize, options: SequentialRulesOptions) -> Result<Self> {
        for (name, value) in [("steps", options.steps), ("last_items", options.last_items)] {
            if value == 0 {
                return Err(Error::InvalidOption {
                    name,
                    value: 0.0,
                    allowed: "1 or more",
                });
            }
        }
        check_share("decay", options.decay)?;
        Ok(Self {
            options,
            rows: vec![Vec::new(); item_count],
        })
    }

    /// Counts the transitions of all sessions.
    ///
    /// - Errors: as [`SequentialRules::empty`], and [`Error::OutOfRange`] for an item that is none.
    /// - Cost: O(events × steps × log followers).
    pub fn fit(
        sessions: &[Vec<u32>],
        item_count: usize,
        options: SequentialRulesOptions,
    ) -> Result<Self> {
        let mut rules = Self::empty(item_count, options)?;
        for session in sessions {
            rules.learn(session)?;
        }
        Ok(rules)
    }

    /// Adds the transitions of one more session.
    ///
    /// - Errors: [`Error::OutOfRange`]; nothing of the session is counted then.
    pub fn learn(&mut self, session: &[u32]) -> Result<()> {
        for &item in session {
            check_item(item, self.rows.len())?;
        }
        for (at, &follower) in session.iter().enumerate() {
            for distance in 1..=self.options.steps.min(at) {
                let row = &mut self.rows[session[at - distance] as usize];
                let weight = 1.0 / distance as f32;
                match row.binary_search_by_key(&follower, |entry| entry.0) {
                    Ok(place) => row[place].1 += weight,
                    Err(place) => row.insert(place, (follower, weight)),
                }
            }
        }
        Ok(())
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.rows.len()
    }

    /// What followed an item and how much, in ascending order of items.
    pub fn followers(&self, item: u32) -> &[(u32, f32)] {
        self.rows.get(item as usize).map_or(&[], Vec::as_slice)
    }

    /// The weight of one transition.
    pub fn transition(&self, from: u32, to: u32) -> f32 {
        let row = self.followers(from);
        (row.binary_search_by_key(&to, |entry| entry.0)).map_or(0.0, |place| row[place].1)
    }

    /// Returns the `k` likeliest next items of a running session, best first, ties by lower item.
    ///
    /// - Shape: `board` must have as many slots as there are items.
    /// - Cost: O(last items × followers).
    pub fn recommend(&self, session: &[u32], k: usize, board: &mut ScoreBoard) -> Vec<(u32, f32)> {
        let mut voice = 1.0;
        for &item in session.iter().rev().take(self.options.last_items) {
            for &(follower, weight) in self.followers(item) {
                board.add(follower, voice * weight);
            }
            voice *= self.options.decay;
        }
        board.take_top(k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_transitions() {
        let options = SequentialRulesOptions {
            steps: 2,
            last_items: 2,
            decay: 0.5,
        };
        let sessions = [vec![0, 1, 2, 0], vec![1, 1, 3]];
        let rules = SequentialRules::fit(&sessions, 4, options).unwrap();
        assert_eq!(rules.followers(0), [(1, 1.0), (2, 0.5)]);
        assert_eq!(
            rules.followers(1),
            [(0, 0.5), (1, 1.0), (2, 1.0), (3, 1.5)],
            "a repeat is a transition to itself"
        );
        let mut board = ScoreBoard::new(4);
        // Item 1 speaks in full, item 0 by half.
        let found = rules.recommend(&[0, 1], 3, &mut board);
        assert_eq!(found, [(1, 1.5), (3, 1.5), (2, 1.25)]);
        assert!(rules.recommend(&[9], 3, &mut board).is_empty());
    }

    #[test]
    fn a_session_with_a_stranger_is_refused_whole() {
        let mut rules = SequentialRules::empty(2, SequentialRulesOptions::default()).unwrap();
        assert!(rules.learn(&[0, 1, 2]).is_err());
        assert!(rules.followers(0).is_empty());
        let bad = SequentialRulesOptions {
            decay: f32::NAN,
            ..SequentialRulesOptions::default()
        };
        assert!(SequentialRules::empty(2, bad).is_err());
    }
}
