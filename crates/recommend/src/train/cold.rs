//! Whether tracks that nobody has played are found better by a map to factors than by likeness alone.

use std::collections::HashSet;

use leitmotif_domain::chance::Seed;
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::matrix::Triplet;
use leitmotif_learn::rank_metrics::recall_at;
use leitmotif_learn::top_k;
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Play};
use super::interval::mean_of;
use super::ladder::{DEPTH, questions_max};
use crate::cold_map::{ColdMap, ContentVectors};
use crate::error::Result;

/// Tracks are dealt into so many folds: one judges, one chooses the penalty.
const FOLDS: usize = 5;
/// See [`FOLDS`].
const JUDGES: usize = 0;
/// See [`FOLDS`].
const CHOOSES: usize = 1;
/// Penalties tried: on demo worlds and recorded ones the best lay between the ends.
const PENALTIES: [f64; 4] = [1e-4, 1e-3, 1e-2, 1e-1];
/// Fewest new tracks, and listeners who took to some, that anything is chosen by.
const TRACKS_MIN: usize = 20;
/// Seed of the folds.
const SEED: Seed = Seed(0x636f_6c64);

/// How new tracks are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColdReport {
    /// Tracks whose plays were taken out.
    pub tracks: u64,
    /// Listeners who took to some of them.
    pub listeners: u64,
    /// The penalty of the map, chosen on other tracks.
    pub penalty: f64,
    /// Share of what they took to among the first 20 of these tracks by mapped factors, 0 to 1.
    pub mapped_recall_at_20: f64,
    /// The same by likeness to what they took to before.
    pub content_recall_at_20: f64,
    /// Whether new tracks are mapped: where that recalls more.
    pub is_in_use: bool,
}

/// Takes the plays of a part of the tracks out and asks for them, by the map and by likeness.
///
/// - Cost: two fits of the factorisation and five of the map.
pub fn judge(
    dataset: &Dataset,
    plays: &[Play],
    content: &ContentVectors,
    settings: IalsOptions,
) -> Result<Option<ColdReport>> {
    let mut random = SEED.rng();
    let folds: Vec<usize> = (dataset.items.iter())
        .map(|_| random.next_below(FOLDS))
        .collect();
    let (all, liked) = (dataset.matrix(plays)?, dataset.liked_matrix(plays)?);
    let trial = |unheard: &[usize]| -> Result<Trial<'_>> {
        let is_known = |column: usize| !unheard.contains(&folds[column]);
        let known = without(&all, &is_known)?;
        Ok(Trial {
            taste: IalsModel::fit(&known, settings)?,
            known,
            liked: &liked,
            content,
            folds: &folds,
        })
    };
    let choosing = trial(&[JUDGES, CHOOSES])?;
    let mut best: Option<(f64, f64)> = None;
    for penalty in PENALTIES {
        let Some((mapped, ..)) = choosing.recalls(CHOOSES, penalty)? else {
            return Ok(None);
        };
        if best.is_none_or(|(known, _)| mapped > known) {
            best = Some((mapped, penalty));
        }
    }
    let Some((_, penalty)) = best else {
        return Ok(None);
    };
    let judged = trial(&[JUDGES])?.recalls(JUDGES, penalty)?;
    Ok(judged.map(|(mapped, alike, tracks, listeners)| ColdReport {
        tracks: tracks as u64,
        listeners: listeners as u64,
        penalty,
        mapped_recall_at_20: mapped,
        content_recall_at_20: alike,
        is_in_use: mapped > alike,
    }))
}

/// Which columns anybody took to.
pub fn played(matrix: &InteractionMatrix) -> Vec<bool> {
    let mut is_played = vec![false; matrix.column_count()];
    for row in 0..matrix.row_count() {
        for (column, weight) in matrix.entries(row) {
            is_played[column] |= weight > 0.0;
        }
    }
    is_played
}

fn without(
    matrix: &InteractionMatrix,
    is_known: &impl Fn(usize) -> bool,
) -> Result<InteractionMatrix> {
    let rows = 0..matrix.row_count();
    let entries = rows.flat_map(|row| matrix.entries(row).map(move |entry| (row, entry)));
    let triplets: Vec<Triplet> = entries
        .filter(|(_, (column, _))| is_known(*column))
        .map(|(row, (column, weight))| Triplet {
            row,
            column,
            weight,
        })
        .collect();
    let (rows, columns) = (matrix.row_count(), matrix.column_count());
    Ok(InteractionMatrix::from_triplets(rows, columns, &triplets)?)
}

/// Factors fitted without the plays of some folds.
struct Trial<'t> {
    taste: IalsModel,
    known: InteractionMatrix,
    liked: &'t InteractionMatrix,
    content: &'t ContentVectors,
    folds: &'t [usize],
}

impl Trial<'_> {
    /// Recall of the tracks of a fold by mapped factors and by likeness, and how many tracks and listeners
    /// were asked about; none for too few.
    fn recalls(&self, fold: usize, penalty: f64) -> Result<Option<(f64, f64, usize, usize)>> {
        let new: Vec<usize> = (0..self.folds.len())
            .filter(|column| self.folds[*column] == fold && self.content.holds(*column))
            .collect();
        let map = ColdMap::fit(self.content, &self.taste, &played(&self.known), penalty)?;
        let mapped: Vec<Vec<f32>> = (new.iter())
            .map(|column| map.factor(&self.content.of(*column)).unwrap_or_default())
            .collect();
        let (mut by_map, mut by_likeness) = (Vec::new(), Vec::new());
        let most = questions_max(new.len());
        for listener in (0..self.liked.row_count()).filter(|_| !new.is_empty()) {
            let relevant: HashSet<usize> = (self.liked.entries(listener))
                .filter_map(|(column, _)| new.binary_search(&column).ok())
                .collect();
            let before = self.known.entries(listener);
            let before: Vec<_> = before.filter(|(_, weight)| *weight > 0.0).collect();
            if relevant.is_empty() || before.is_empty() || by_map.len() >= most {
                continue;
            }
            let factor = self.taste.user_factor(listener).unwrap_or_default();
            let product = |mapped: &Vec<f32>| mapped.iter().zip(factor).map(|(a, b)| a * b).sum();
            let products: Vec<f32> = mapped.iter().map(product).collect();
            let alike = self.content.likeness(&before, &new);
            by_map.push(recall_at(&top_k(&products, DEPTH), &relevant, DEPTH));
            by_likeness.push(recall_at(&top_k(&alike, DEPTH), &relevant, DEPTH));
        }
        let is_enough = new.len() >= TRACKS_MIN && by_map.len() >= TRACKS_MIN;
        let (mapped, alike) = (mean_of(&by_map), mean_of(&by_likeness));
        Ok(is_enough.then_some((mapped, alike, new.len(), by_map.len())))
    }
}
