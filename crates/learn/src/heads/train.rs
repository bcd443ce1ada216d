//! Fits a head and says what it is worth.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::examples::Examples;
use super::folds::{FOLDS, deal};
use super::logistic::{Logistic, LogisticOptions};
use super::measure::{HeadMeasure, Interval, Scored, measure};

/// Fewest tracks with the label, and without it: below, an interval is too wide to be under any bar.
pub const POSITIVES_MIN: usize = 20;
/// Fewest artists with the label, and without it: one for each fold.
pub const GROUPS_MIN: usize = FOLDS;
/// What the lower bounds of skill and F1 must reach: half of the way from a guess to perfection, and
/// more right than wrong.
pub const BAR: f64 = 0.5;

/// How heads are trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadOptions {
    /// The regression.
    pub logistic: LogisticOptions,
    /// Seed of the draws for the intervals.
    pub seed: u64,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self {
            logistic: LogisticOptions::default(),
            seed: 1,
        }
    }
}

/// What tells of a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The score.
    pub logistic: Logistic,
    /// From the score to a probability.
    pub calibration: Calibration,
    /// The label is named from this score on.
    pub threshold: f64,
}

impl Head {
    /// The probability of the label, and whether that is enough to name it.
    ///
    /// - Shape: a standardised row.
    pub fn judge(&self, row: &[f32]) -> (f64, bool) {
        let score = self.logistic.score(row);
        (self.calibration.probability(score), score >= self.threshold)
    }
}

/// What is missing before a label can be learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// Tracks with the label.
    pub tracks: usize,
    /// Artists with the label.
    pub artists: usize,
    /// Tracks that are labelled otherwise.
    pub other_tracks: usize,
    /// Artists labelled otherwise.
    pub other_artists: usize,
}

/// A head with what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The head, fitted on all rows.
    pub head: Head,
    /// What heads fitted like it are worth on artists they did not see.
    pub measure: HeadMeasure,
}

impl HeadMeasure {
    /// Whether the head may speak: the lower bounds of skill and F1 reach [`BAR`].
    pub fn is_above_bar(&self) -> bool {
        self.skill.low >= BAR && self.f1.low >= BAR
    }

    /// How many times as many labels there should be before it is worth trying again: as many as narrow
    /// the intervals enough if the values stay, and twice as many where a value itself is below the bar.
    /// An interval is taken to narrow with the root of their number.
    pub fn labels_factor(&self) -> f64 {
        let of = |interval| labels_factor(interval, BAR);
        of(self.skill).max(of(self.f1)).max(1.0)
    }
}

/// How many times as many labels may lift the lower bound over a bar.
pub(super) fn labels_factor(interval: Interval, bar: f64) -> f64 {
    let (width, room) = (interval.value - interval.low, interval.value - bar);
    if interval.value < bar {
        2.0
    } else if room > width / 2.0 {
        (width / room).powi(2)
    } else {
        4.0
    }
}

/// Fits a head on labelled rows and judges it on folds that share no artist.
///
/// - Shape: `rows` are indexes into `examples`, in ascending order for the same bits each time; `targets`
///   has one entry a row.
/// - Errors: a [`Shortage`] where there are too few tracks or artists with or without the label.
/// - Cost: six fits, and 1,000 passes for the intervals.
pub fn train_head(
    examples: &Examples,
    rows: &[usize],
    targets: &[bool],
    options: HeadOptions,
) -> Result<Judged, Shortage> {
    let groups: Vec<u64> = rows.iter().map(|row| examples.group(*row)).collect();
    check(&groups, targets)?;
    let folds = deal(&groups, targets);
    let scores = unseen_scores(examples, rows, targets, &folds, options.logistic);
    let thresholds = thresholds(&scores, targets, &folds);
    let scored = (0..rows.len()).map(|place| Scored {
        score: scores[place],
        is_positive: targets[place],
        is_named: scores[place] >= thresholds[folds[place]],
        group: groups[place],
    });
    let measure = measure(scored.collect(), options.seed);
    let head = Head {
        logistic: Logistic::fit(examples, rows, targets, options.logistic),
        calibration: Calibration::fit(&scores, targets),
        threshold: best_threshold(scores.iter().copied().zip(targets.iter().copied())),
    };
    Ok(Judged { head, measure })
}

/// The score of each row by a regression that saw no track of its fold, so none of its artist.
fn unseen_scores(
    examples: &Examples,
    rows: &[usize],
    targets: &[bool],
    folds: &[usize],
    options: LogisticOptions,
) -> Vec<f64> {
    let fits = (0..FOLDS).into_par_iter().map(|fold| {
        let known = (0..rows.len()).filter(|place| folds[*place] != fold);
        let (rows, targets): (Vec<usize>, Vec<bool>) =
            known.map(|place| (rows[place], targets[place])).unzip();
        Logistic::fit(examples, &rows, &targets, options)
    });
    let fits: Vec<Logistic> = fits.collect();
    let scored = rows.iter().zip(folds);
    scored
        .map(|(row, fold)| fits[*fold].score(examples.row(*row)))
        .collect()
}

fn check(groups: &[u64], targets: &[bool]) -> Result<(), Shortage> {
    let count = |wanted: bool| {
        let rows = groups.iter().zip(targets);
        let of = rows.filter(|(_, target)| **target == wanted);
        let tracks = of.clone().count();
        let artists: BTreeSet<u64> = of.map(|(group, _)| *group).collect();
        (
            POSITIVES_MIN.saturating_sub(tracks),
            GROUPS_MIN.saturating_sub(artists.len()),
        )
    };
    let ((tracks, artists), (other_tracks, other_artists)) = (count(true), count(false));
    let shortage = Shortage {
        tracks,
        artists,
        other_tracks,
        other_artists,
    };
    if shortage == Shortage::default() {
        Ok(())
    } else {
        Err(shortage)
    }
}

/// For each fold the threshold that is best on the others.
fn thresholds(scores: &[f64], targets: &[bool], folds: &[usize]) -> [f64; FOLDS] {
    std::array::from_fn(|fold| {
        let others = (0..scores.len()).filter(|place| folds[*place] != fold);
        best_threshold(others.map(|place| (scores[place], targets[place])))
    })
}

/// The score from which naming gives the best F1, half way to the next lower one; the highest of equals.
fn best_threshold(rows: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut rows: Vec<(f64, bool)> = rows.collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|(_, target)| *target).count() as f64;
    let (mut best, mut threshold, mut hits) = (-1.0, f64::MAX, 0.0);
    for (place, (score, target)) in rows.iter().enumerate() {
        hits += f64::from(u8::from(*target));
        let below = rows.get(place + 1).map(|(below, _)| *below);
        if below == Some(*score) {
            continue;
        }
        let f1 = 2.0 * hits / (positives + (place + 1) as f64);
        if f1 > best {
            best = f1;
            threshold = below.map_or(*score, |below| score + 0.5 * (below - score));
        }
    }
    threshold
}
