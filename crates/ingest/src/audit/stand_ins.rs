//! Values of a column that look like stand-ins: what a program writes where it does not know.

use std::collections::{BTreeMap, HashMap};

use super::document::StandIn;

/// Words that say nothing is known, lower case.
const WORDS: [&str; 16] = [
    "-",
    "--",
    "?",
    "missing",
    "n.a.",
    "n/a",
    "na",
    "nan",
    "nil",
    "none",
    "not available",
    "null",
    "tbd",
    "undefined",
    "unknown",
    "unspecified",
];
/// Rows that a word stands in before it is named: a song may be called `Unknown`.
const WORD_ROWS_MIN: u64 = 2;
/// Numbers of a column below which nothing is said of them.
const NUMBERS_MIN: u64 = 200;
/// Different values from which a column of numbers counts as continuous; below, each is a class and may be frequent.
const DISTINCT_MIN: u64 = 20;
/// Rows and share that a number has at least.
const NUMBER_ROWS_MIN: u64 = 10;
const SHARE_MIN: f64 = 0.01;
/// Values on either side that a number is held against.
const NEIGHBOURS: usize = 5;
/// How many times as often as the most frequent neighbour. Counts that fall off steeply at an end (a geometric
/// distribution with p = 0.7) stay below.
const RATIO_MIN: f64 = 6.0;
/// Numbers of one column that are named.
const SHOWN_MAX: usize = 5;

/// Counts what may be a stand-in while rows go by.
///
/// - Memory: the numbers that occur more than once, 24 bytes each, and at most the words.
#[derive(Default)]
pub(super) struct StandIns {
    numbers: u64,
    /// Numbers met again, by their bits.
    repeated: HashMap<u64, u64>,
    words: BTreeMap<&'static str, u64>,
}

impl StandIns {
    /// Counts a number; `is_new` when the column had no such value before.
    pub fn number(&mut self, number: f64, is_new: bool) {
        self.numbers += 1;
        if !is_new {
            *self.repeated.entry(number.to_bits()).or_insert(1) += 1;
        }
    }

    /// Counts a text.
    pub fn text(&mut self, text: &str) {
        let longest = WORDS.iter().map(|word| word.len()).max().unwrap_or(0);
        if text.len() > longest {
            return;
        }
        let folded = text.to_lowercase();
        if let Ok(place) = WORDS.binary_search(&folded.as_str()) {
            *self.words.entry(WORDS[place]).or_insert(0) += 1;
        }
    }

    /// What stands out, numbers first, the most frequent first; `distinct` values are in `filled` rows.
    ///
    /// A number stands out when it has at least 1 % of the rows and six times as many as any of the five values
    /// next to it on either side, in a column with 20 values and more. A word stands out when it is one that
    /// says nothing is known, in two rows and more, beside other values.
    ///
    /// - What this is wrong about: numbers that are frequent for a reason, as 0 for *never*. It is a question to
    ///   whoever made the table, and nothing is left out for it.
    pub fn finish(self, filled: u64, distinct: u64) -> Vec<StandIn> {
        let share = |count: u64| count as f64 / filled.max(1) as f64;
        let mut found = Vec::new();
        if self.numbers >= NUMBERS_MIN && distinct >= DISTINCT_MIN {
            for (number, count, neighbours) in outliers(&self.repeated, self.numbers) {
                found.push(StandIn {
                    value: number.to_string(),
                    count,
                    share: share(count),
                    neighbours_max: Some(neighbours),
                });
            }
        }
        found.sort_by(|one, other| {
            other
                .count
                .cmp(&one.count)
                .then(one.value.cmp(&other.value))
        });
        found.truncate(SHOWN_MAX);
        let words = self.words.into_iter();
        let words = words.filter(|(_, count)| distinct > 1 && *count >= WORD_ROWS_MIN);
        found.extend(words.map(|(word, count)| StandIn {
            value: word.to_owned(),
            count,
            share: share(count),
            neighbours_max: None,
        }));
        found
    }
}

/// Numbers with their count and that of the most frequent neighbour; a value that occurs once counts so.
fn outliers(repeated: &HashMap<u64, u64>, rows: u64) -> Vec<(f64, u64, u64)> {
    let counts = repeated
        .iter()
        .map(|(bits, count)| (f64::from_bits(*bits), *count));
    let mut counts: Vec<(f64, u64)> = counts.collect();
    counts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let least = (SHARE_MIN * rows as f64).max(NUMBER_ROWS_MIN as f64);
    let places = counts.iter().enumerate();
    let frequent = places.filter(|(_, (_, count))| *count as f64 >= least);
    let judged = frequent.map(|(place, (number, count))| {
        let before = counts.iter().take(place).rev().take(NEIGHBOURS);
        let after = counts.iter().skip(place + 1).take(NEIGHBOURS);
        let neighbours = before.chain(after).map(|(_, count)| *count).max();
        (*number, *count, neighbours.unwrap_or(1))
    });
    judged
        .filter(|(_, count, neighbours)| *count as f64 >= RATIO_MIN * *neighbours as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use leitmotif_domain::chance::{Seed, SplitMix64};

    use super::*;

    fn found(numbers: &[f64]) -> Vec<StandIn> {
        let mut counted = StandIns::default();
        let mut seen = HashSet::new();
        for number in numbers {
            counted.number(*number, seen.insert(number.to_bits()));
        }
        counted.finish(numbers.len() as u64, seen.len() as u64)
    }

    fn rounded(number: f64, digits: i32) -> f64 {
        let scale = 10_f64.powi(digits);
        (number * scale).round() / scale
    }

    /// Columns that nobody filled in: of each kind 200 with 300 to 3,000 rows.
    fn clean(kind: usize, rng: &mut SplitMix64) -> Vec<f64> {
        let rows = 300 + rng.next_below(2_700);
        (0..rows).map(|_| value(kind, rng)).collect()
    }

    fn value(kind: usize, rng: &mut SplitMix64) -> f64 {
        let angle = std::f64::consts::TAU * rng.next_f64();
        let normal = (-2.0 * (1.0 - rng.next_f64()).ln()).sqrt() * angle.cos();
        match kind {
            0 => rng.next_f64(),
            1 => rounded(0.5 + 0.15 * normal, 2).clamp(0.0, 1.0),
            2 => rounded((12.2 + 0.4 * normal).exp(), 0),
            3 => rounded((5.3 + 0.4 * normal).exp(), 0),
            4 => rounded(normal.abs() * 30.0, 0),
            5 => rounded(120.0 + 25.0 * normal, 0),
            // Counts that fall off: exponentially with a mean of nine, and by a power.
            6 => (-9.0 * (1.0 - rng.next_f64()).ln()).floor(),
            _ => (1.0 - rng.next_f64()).powf(-0.7).floor(),
        }
    }

    #[test]
    fn clean_columns_raise_one_alarm_in_a_hundred_at_most() {
        let mut rng = Seed(7).rng();
        let mut alarms = [0; 8];
        for (kind, alarms) in alarms.iter_mut().enumerate() {
            for _ in 0..200 {
                *alarms += usize::from(!found(&clean(kind, &mut rng)).is_empty());
            }
        }
        assert!(alarms.iter().sum::<usize>() <= 16, "{alarms:?} of 200 each");
    }

    #[test]
    fn defaults_are_found_in_nineteen_of_twenty_columns() {
        let mut rng = Seed(8).rng();
        // Among counts that fall off, a fifth is not six times its neighbour.
        let mut missed = [0; 6];
        for (kind, missed) in missed.iter_mut().enumerate() {
            for round in 0..50 {
                let mut column = clean(kind, &mut rng);
                let default = [0.5, -1.0, 0.123][round % 3];
                // A fifth of the rows: the programs that do this do it wherever they fail.
                column.iter_mut().step_by(5).for_each(|v| *v = default);
                let is_found = found(&column)
                    .iter()
                    .any(|one| one.value == default.to_string());
                *missed += usize::from(!is_found);
            }
        }
        assert!(missed.iter().sum::<usize>() <= 15, "{missed:?} of 50 each");
    }

    #[test]
    fn hand_worked_columns() {
        let mut column: Vec<f64> = (0..300).map(|n| f64::from(n) / 300.0).collect();
        assert!(found(&column).is_empty());
        column.extend([0.5; 9]);
        assert_eq!(found(&column)[0].count, 10, "0.5 was there once");
        let mut few = column.clone();
        few.truncate(308);
        assert!(found(&few).is_empty(), "nine rows are too few");
        // A neighbour with two rows asks for twelve.
        column.push(151.0 / 300.0);
        assert!(found(&column).is_empty());
        column.extend([0.5; 2]);
        let one = &found(&column)[0];
        assert_eq!((one.count, one.neighbours_max), (12, Some(2)));
        assert!((one.share - 12.0 / 312.0).abs() < 1e-12);
        // Classes are no stand-ins, and neither is a column of one value.
        assert!(found(&[1.0; 400]).is_empty());
        let classes: Vec<f64> = (0..400).map(|n| f64::from(n % 10 / 9)).collect();
        assert!(found(&classes).is_empty());
    }

    #[test]
    fn words_that_say_nothing_is_known() {
        assert!(WORDS.is_sorted());
        let words = |texts: &[&str]| {
            let mut counted = StandIns::default();
            texts.iter().for_each(|text| counted.text(text));
            let found = counted.finish(texts.len() as u64, 3);
            found.into_iter().map(|one| one.value).collect::<Vec<_>>()
        };
        assert_eq!(
            words(&["N/A", "n/a", "Unknown", "UNKNOWN", "rock", "None"]),
            ["n/a", "unknown"]
        );
        assert!(words(&["unknown pleasures", "the unknown", "x"]).is_empty());
    }
}
