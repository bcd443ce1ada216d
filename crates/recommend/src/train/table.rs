//! Rows of several questions on end, as the trees read them.

use std::collections::BTreeSet;
use std::ops::Range;

use leitmotif_domain::chance::Seed;
use leitmotif_learn::trees::{Examples, Features};

use crate::error::Result;
use crate::rank::COLUMN_COUNT;

/// One listener in so many decides what is learnt best, with all their questions: the questions of one
/// listener share answers, and what one of them taught would be asked of the other.
const VALIDATION_EVERY: usize = 5;

/// Whether a listener, by the dataset's index, is one of those whose answers decide and never teach.
pub fn is_validating(listener: usize) -> bool {
    listener.is_multiple_of(VALIDATION_EVERY)
}

/// Rows of several questions on end.
#[derive(Clone)]
pub struct RankerRows {
    columns: usize,
    values: Vec<f32>,
    /// The blended score of each row, which counts beside the trees whatever columns they see.
    blended: Vec<f32>,
    labels: Vec<f32>,
    /// One over the chance that each row was looked at.
    inverse_propensities: Vec<f32>,
    group_sizes: Vec<usize>,
    /// Whose each group is, by the dataset's index.
    listeners: Vec<usize>,
    /// The groups, by number, that are lists as they were shown. They teach; only questions validate,
    /// since what was shown is no sample of what there is.
    shown: BTreeSet<usize>,
}

impl Default for RankerRows {
    fn default() -> Self {
        Self::empty(COLUMN_COUNT)
    }
}

impl RankerRows {
    /// Rows with so many features behind the ranker's own columns.
    pub fn with_features(count: usize) -> Self {
        Self::empty(COLUMN_COUNT + count)
    }

    fn empty(columns: usize) -> Self {
        Self {
            columns,
            values: Vec::new(),
            blended: Vec::new(),
            labels: Vec::new(),
            inverse_propensities: Vec::new(),
            group_sizes: Vec::new(),
            listeners: Vec::new(),
            shown: BTreeSet::new(),
        }
    }

    /// Begins the rows of another question of a listener, by the dataset's index.
    pub fn begin_group(&mut self, listener: usize) {
        self.group_sizes.push(0);
        self.listeners.push(listener);
    }

    /// Begins the rows of a list as it was shown to a listener.
    pub fn begin_shown(&mut self, listener: usize) {
        self.shown.insert(self.group_sizes.len());
        self.begin_group(listener);
    }

    /// Adds a row to the group begun last.
    pub fn push(&mut self, blended: f32, label: f32, fill: impl FnOnce(&mut Vec<f32>)) {
        self.push_weighed(blended, label, 1.0, fill);
    }

    /// Adds a row with one over the chance that it was looked at.
    pub fn push_weighed(
        &mut self,
        blended: f32,
        label: f32,
        inverse_propensity: f32,
        fill: impl FnOnce(&mut Vec<f32>),
    ) {
        fill(&mut self.values);
        self.blended.push(blended);
        self.labels.push(label);
        self.inverse_propensities.push(inverse_propensity);
        if let Some(size) = self.group_sizes.last_mut() {
            *size += 1;
        }
    }

    /// How many questions; lists that were shown are none.
    pub fn question_count(&self) -> usize {
        self.group_sizes.len() - self.shown.len()
    }

    /// How many lists that were shown.
    pub fn shown_count(&self) -> usize {
        self.shown.len()
    }

    /// How many rows.
    pub fn row_count(&self) -> usize {
        self.labels.len()
    }

    /// What each candidate was to its listener.
    pub fn labels(&self) -> &[f32] {
        &self.labels
    }

    /// The rows of each question.
    pub fn groups(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut end = 0;
        self.group_sizes.iter().map(move |size| {
            let first = end;
            end += size;
            first..end
        })
    }

    /// The rows on end.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Columns of each row.
    pub fn column_count(&self) -> usize {
        self.columns
    }

    /// The rows for the trees.
    pub fn features(&self) -> Result<Features<'_>> {
        Ok(Features::new(&self.values, self.columns)?)
    }

    /// The rows with their labels for trees that correct these scores, one a row.
    pub fn examples<'r>(&'r self, initial_scores: &'r [f32]) -> Result<Examples<'r>> {
        Ok(Examples {
            group_sizes: &self.group_sizes,
            initial_scores: Some(initial_scores),
            inverse_propensities: (!self.shown.is_empty()).then_some(&self.inverse_propensities),
            ..Examples::new(self.features()?, &self.labels)
        })
    }

    /// The blended score of each row, times so much.
    pub fn blended(&self, weight: f32) -> Vec<f32> {
        self.blended.iter().map(|one| weight * one).collect()
    }

    /// What trees and blend say together.
    pub fn scores(&self, trees: &[f64], blend_weight: f32) -> Vec<f64> {
        let both = trees.iter().zip(&self.blended);
        both.map(|(trees, blended)| trees + f64::from(blend_weight) * f64::from(*blended))
            .collect()
    }

    /// Splits the questions of every n-th listener off; their shown lists teach nothing, since their
    /// answers are those of the questions.
    pub fn split(&self) -> (Self, Self) {
        let (mut training, mut validation) = (Self::empty(self.columns), Self::empty(self.columns));
        for (number, group) in self.groups().enumerate() {
            let is_shown = self.shown.contains(&number);
            if !is_validating(self.listeners[number]) {
                training.copy(self, number, group);
            } else if !is_shown {
                validation.copy(self, number, group);
            }
        }
        (training, validation)
    }

    /// Draws at most so many questions, in their order, without lists that were shown.
    pub fn sample(&self, most: usize, seed: Seed) -> Self {
        let questions: Vec<(usize, Range<usize>)> = (self.groups().enumerate())
            .filter(|(number, _)| !self.shown.contains(number))
            .collect();
        let mut kept = Self::empty(self.columns);
        for chosen in sample(questions.len(), most, seed) {
            if let Some((number, group)) = questions.get(chosen) {
                kept.copy(self, *number, group.clone());
            }
        }
        kept
    }

    /// The same rows without some columns.
    pub fn without(&self, is_dropped: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.columns).filter(|one| !is_dropped(*one)).collect();
        let rows = self.values.chunks(self.columns);
        Self {
            columns: kept.len(),
            values: rows
                .flat_map(|row| kept.iter().map(|column| row[*column]))
                .collect(),
            ..self.clone()
        }
    }

    fn copy(&mut self, from: &Self, number: usize, group: Range<usize>) {
        if from.shown.contains(&number) {
            self.shown.insert(self.group_sizes.len());
        }
        let values = group.start * from.columns..group.end * from.columns;
        self.values.extend_from_slice(&from.values[values]);
        self.blended.extend_from_slice(&from.blended[group.clone()]);
        self.labels.extend_from_slice(&from.labels[group.clone()]);
        (self.inverse_propensities).extend_from_slice(&from.inverse_propensities[group.clone()]);
        self.group_sizes.push(group.len());
        self.listeners.push(from.listeners[number]);
    }
}

/// Draws at most so many of `count` numbers, ascending; all of them when they are few.
pub fn sample(count: usize, most: usize, seed: Seed) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    if count <= most {
        return numbers;
    }
    let mut generator = seed.rng();
    for place in 0..most {
        let other = place + generator.next_below(count - place);
        numbers.swap(place, other);
    }
    numbers.truncate(most);
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_ascending_distinct_and_follows_from_its_seed() {
        let drawn = sample(1_000, 50, Seed(3));
        assert_eq!(drawn.len(), 50);
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn[49] < 1_000);
        assert_eq!(drawn, sample(1_000, 50, Seed(3)));
        assert_ne!(drawn, sample(1_000, 50, Seed(4)));
        assert_eq!(sample(3, 50, Seed(3)), [0, 1, 2]);
    }

    #[test]
    fn shown_lists_teach_and_never_validate() {
        let mut rows = RankerRows::empty(1);
        for question in 0..10 {
            let listener = question / 2;
            rows.begin_group(listener);
            rows.push(question as f32, 1.0, |values| values.push(0.0));
            rows.begin_shown(listener);
            rows.push_weighed(-1.0, 3.0, 2.5, |values| values.push(0.0));
        }
        let counts = |rows: &RankerRows| (rows.question_count(), rows.shown_count());
        let (training, validation) = rows.split();
        assert_eq!(counts(&training), (8, 8));
        assert_eq!(counts(&validation), (2, 0));
        assert_eq!(validation.blended, [0.0, 1.0], "both of one listener");
        assert_eq!(validation.listeners, [0, 0]);
        let weights = |rows: &RankerRows| -> Option<Vec<f32>> {
            let initial = rows.blended(1.0);
            let examples = rows.examples(&initial).unwrap();
            examples.inverse_propensities.map(<[f32]>::to_vec)
        };
        assert!(weights(&validation).is_none());
        let weights = weights(&training).unwrap();
        assert_eq!(weights.iter().filter(|one| **one == 2.5).count(), 8);
        assert_eq!(counts(&rows.sample(3, Seed(1))), (3, 0));
    }

    #[test]
    fn rows_keep_their_questions_when_parted_sampled_and_narrowed() {
        let mut rows = RankerRows::empty(2);
        for question in 0..10 {
            rows.begin_group(question);
            for place in 0..=question % 3 {
                let value = (question * 10 + place) as f32;
                rows.push(value, 1.0, |values| values.extend([value, -value]));
            }
        }
        let (training, validation) = rows.split();
        assert_eq!(
            (training.question_count(), validation.question_count()),
            (8, 2)
        );
        assert_eq!(validation.blended, [0.0, 50.0, 51.0, 52.0]);
        let second = rows.without(|column| column == 0);
        assert_eq!(second.values[..3], [0.0, -10.0, -11.0]);
        assert_eq!(second.features().unwrap().row_count(), rows.row_count());
        let some = rows.sample(4, Seed(1));
        assert_eq!(some.groups().count(), 4);
        assert_eq!(
            some.scores(&vec![0.0; some.row_count()], 2.0)[0],
            f64::from(2.0 * some.blended[0])
        );
    }
}
