//! How often listeners play on, and tracks are played on, whatever came before.

use super::session_steps::StepListen;

/// How many columns tell how often is played on.
pub const RATE_COLUMNS: usize = 2;
/// Plays of the whole log that stand beside those of a listener or a track: with ten of their own, the
/// log-odds are two thirds theirs.
const PRIOR_PLAYS: f32 = 5.0;

/// How often listeners play on and tracks are played on.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayRates {
    overall: f32,
    /// Listens that were played to the end, and those that were either, by listener.
    listeners: Vec<(f32, f32)>,
    items: Vec<(f32, f32)>,
}

impl PlayRates {
    /// Counts listens that are known; one of a listener or track beyond the counts is passed over.
    ///
    /// - Cost: O(listens).
    pub fn of(
        known: impl IntoIterator<Item = StepListen>,
        listener_count: usize,
        item_count: usize,
    ) -> Self {
        let mut rates = Self {
            overall: 0.5,
            listeners: vec![(0.0, 0.0); listener_count],
            items: vec![(0.0, 0.0); item_count],
        };
        let (mut played, mut all) = (0.0_f64, 0.0_f64);
        for listen in known {
            let Some(is_played) = listen.is_played else {
                continue;
            };
            let one = f32::from(u8::from(is_played));
            let counts = [
                rates.listeners.get_mut(listen.listener as usize),
                rates.items.get_mut(listen.item as usize),
            ];
            for count in counts.into_iter().flatten() {
                count.0 += one;
                count.1 += 1.0;
            }
            played += f64::from(one);
            all += 1.0;
        }
        // One play each way keeps the odds finite.
        rates.overall = ((played + 1.0) / (all + 2.0)) as f32;
        rates
    }

    /// By how much the log-odds of a listener and of a track are above those of all listens; 0 for what is
    /// not known.
    pub fn columns(&self, listener: u32, item: u32) -> [f32; RATE_COLUMNS] {
        [
            self.above(self.listeners.get(listener as usize)),
            self.above(self.items.get(item as usize)),
        ]
    }

    fn above(&self, counts: Option<&(f32, f32)>) -> f32 {
        let Some((played, all)) = counts.filter(|(_, all)| *all > 0.0) else {
            return 0.0;
        };
        let share = (played + PRIOR_PLAYS * self.overall) / (all + PRIOR_PLAYS);
        log_odds(share) - log_odds(self.overall)
    }
}

fn log_odds(share: f32) -> f32 {
    (share / (1.0 - share)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_lean_to_their_own_as_listens_come_in() {
        let listen = |listener, item, is_played| StepListen {
            listener,
            item,
            at_ms: 0,
            is_played: Some(is_played),
        };
        let mut known = vec![listen(1, 1, true), listen(1, 1, false)];
        known.extend((0..10).map(|number| listen(0, 0, number < 9)));
        known.extend((0..10).map(|number| listen(2, 1, number < 1)));
        known.push(listen(9, 9, false));
        let rates = PlayRates::of(known, 3, 2);
        let [listener, item] = rates.columns(0, 0);
        assert!(listener > 1.0 && item > 1.0);
        // Twelve played and thirteen left in all: a half, on the way to nine of ten by ten of fifteen.
        let share: f32 = (9.0 + 5.0 * 12.0 / 25.0) / 15.0;
        let expected = log_odds(share) - log_odds(12.0 / 25.0);
        assert!((listener - expected).abs() < 1e-5, "{listener} {expected}");
        assert!(rates.columns(2, 1)[0] < -1.0);
        assert_eq!(rates.columns(70, 70), [0.0; RATE_COLUMNS]);
    }
}
