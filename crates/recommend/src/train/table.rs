//! Rows of several questions on end, as the trees read them.

use std::ops::Range;

use leitmotif_domain::chance::Seed;
use leitmotif_learn::trees::{Examples, Features};

use crate::error::Result;
use crate::rank::COLUMN_COUNT;

/// One question in so many decides when enough is learnt.
const VALIDATION_EVERY: usize = 5;

/// Rows of several questions on end.
#[derive(Clone)]
pub struct RankerRows {
    columns: usize,
    values: Vec<f32>,
    /// The blended score of each row, which counts beside the trees whatever columns they see.
    blended: Vec<f32>,
    labels: Vec<f32>,
    group_sizes: Vec<usize>,
}

impl Default for RankerRows {
    fn default() -> Self {
        Self::empty(COLUMN_COUNT)
    }
}

impl RankerRows {
    fn empty(columns: usize) -> Self {
        Self {
            columns,
            values: Vec::new(),
            blended: Vec::new(),
            labels: Vec::new(),
            group_sizes: Vec::new(),
        }
    }

    /// Begins the rows of another question.
    pub fn begin_group(&mut self) {
        self.group_sizes.push(0);
    }

    /// Adds a row to the question begun last.
    pub fn push(&mut self, blended: f32, label: f32, fill: impl FnOnce(&mut Vec<f32>)) {
        fill(&mut self.values);
        self.blended.push(blended);
        self.labels.push(label);
        if let Some(size) = self.group_sizes.last_mut() {
            *size += 1;
        }
    }

    /// How many questions.
    pub fn question_count(&self) -> usize {
        self.group_sizes.len()
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

    /// The rows for the trees.
    pub fn features(&self) -> Result<Features<'_>> {
        Ok(Features::new(&self.values, self.columns)?)
    }

    /// The rows with their labels for the trees.
    pub fn examples(&self) -> Result<Examples<'_>> {
        Ok(Examples {
            group_sizes: &self.group_sizes,
            ..Examples::new(self.features()?, &self.labels)
        })
    }

    /// What trees and blend say together.
    pub fn scores(&self, trees: &[f64], blend_weight: f32) -> Vec<f64> {
        let both = trees.iter().zip(&self.blended);
        both.map(|(trees, blended)| trees + f64::from(blend_weight) * f64::from(*blended))
            .collect()
    }

    /// Splits every n-th question off.
    pub fn split(&self) -> (Self, Self) {
        let (mut training, mut validation) = (Self::empty(self.columns), Self::empty(self.columns));
        for (number, group) in self.groups().enumerate() {
            match number % VALIDATION_EVERY {
                0 => validation.copy(self, group),
                _ => training.copy(self, group),
            }
        }
        (training, validation)
    }

    /// Draws at most so many questions, in their order.
    pub fn sample(&self, most: usize, seed: Seed) -> Self {
        let chosen = sample(self.question_count(), most, seed);
        let groups: Vec<Range<usize>> = self.groups().collect();
        let mut kept = Self::empty(self.columns);
        for group in chosen.into_iter().filter_map(|number| groups.get(number)) {
            kept.copy(self, group.clone());
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

    fn copy(&mut self, from: &Self, group: Range<usize>) {
        let values = group.start * from.columns..group.end * from.columns;
        self.values.extend_from_slice(&from.values[values]);
        self.blended.extend_from_slice(&from.blended[group.clone()]);
        self.labels.extend_from_slice(&from.labels[group.clone()]);
        self.group_sizes.push(group.len());
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
    fn rows_keep_their_questions_when_parted_sampled_and_narrowed() {
        let mut rows = RankerRows::empty(2);
        for question in 0..10 {
            rows.begin_group();
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
