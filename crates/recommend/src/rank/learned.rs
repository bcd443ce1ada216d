//! Ordering by a learned ranker, with reasons that sum to the score.

use std::sync::Arc;

use leitmotif_domain::error::InvalidValue;
use leitmotif_learn::trees::{Ensemble, Explainer, Features};

use super::columns::{
    BLENDED, COLUMN_COUNT, ListenerFacts, column_sources, fill_row, names_with, pooled_of_row,
    shown_names_with,
};
use super::features::is_feature;
use super::{FeatureRows, ListenedShare, Pooled, Ranked};
use crate::error::{Error, Result};
use crate::explain::{Reason, Source};
use crate::trace::Deadline;
use crate::view::TenantView;

/// Rows that are filled between two looks at the clock: some ten microseconds.
const ROWS_PER_LOOK: usize = 64;

/// Boosted trees over the columns of this version, on top of the blend: trees alone know steps only,
/// and a listener whose taste moves a little should see the order move a little.
pub struct Ranker {
    ensemble: Ensemble,
    /// What the blended score counts beside the trees.
    blend_weight: f32,
    explainer: Explainer,
    /// The features among the columns, which come last.
    features: Arc<[String]>,
    /// The expected listened share, where it is a term of the order, with what it counts.
    listened: Option<(Arc<ListenedShare>, f32)>,
}

impl Ranker {
    /// Takes a fitted ensemble.
    ///
    /// - Errors: `Invalid` naming a column that it was fitted on and is not ours, or for a weight
    ///   that is not a number of 0 or more.
    pub fn new(ensemble: Ensemble, blend_weight: f32) -> Result<Self> {
        if !(blend_weight >= 0.0 && blend_weight.is_finite()) {
            let reason = format!("weight of the blend is {blend_weight}");
            return Err(InvalidValue::new("ranker", reason).into());
        }
        let (ensemble, features) = over_our_columns(ensemble)?;
        let explainer = Explainer::new(&ensemble, column_sources(features.len()))?;
        Ok(Self {
            ensemble,
            blend_weight,
            explainer,
            features,
            listened: None,
        })
    }

    /// Makes the expected listened share a term of the order; a weight of 0 leaves it out.
    pub fn with_listened(self, share: Arc<ListenedShare>, weight: f32) -> Self {
        Self {
            listened: (weight > 0.0).then_some((share, weight)),
            ..self
        }
    }

    /// The expected listened share as a term of the order, with what it counts.
    pub fn listened(&self) -> Option<&(Arc<ListenedShare>, f32)> {
        self.listened.as_ref()
    }

    /// Reads a ranker in LightGBM's text form.
    pub fn from_text(text: &str, blend_weight: f32) -> Result<Self> {
        Self::new(Ensemble::from_lightgbm(text)?, blend_weight)
    }

    /// What the blended score counts beside the trees.
    pub fn blend_weight(&self) -> f32 {
        self.blend_weight
    }

    /// Writes it in LightGBM's text form.
    pub fn to_text(&self) -> String {
        self.ensemble.to_lightgbm()
    }

    /// The features among its columns, as `view.feature`.
    pub fn features(&self) -> &Arc<[String]> {
        &self.features
    }

    /// The trees.
    pub fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }

    /// Orders a pool of which the features were read. Best first, ties by index; `None` when the deadline comes first.
    ///
    /// - Errors: features that are not those of [`Ranker::features`].
    /// - Cost: O(pool × trees × depth).
    pub fn rank(
        &self,
        view: &TenantView,
        facts: &ListenerFacts<'_>,
        pool: &[Pooled],
        features: &FeatureRows,
        deadline: Deadline,
    ) -> Result<Option<LearntOrder>> {
        if features.width() != self.features.len() {
            return Err(Error::bug(
                "the features of the candidates are not the ranker's",
            ));
        }
        let width = COLUMN_COUNT + self.features.len();
        let mut rows = Vec::with_capacity(pool.len() * width);
        for (first, some) in (0..).step_by(ROWS_PER_LOOK).zip(pool.chunks(ROWS_PER_LOOK)) {
            for (place, one) in (first..).zip(some) {
                let column = view.column(one.index);
                fill_row(view, facts, one, column, &mut rows);
                features.append(place, column.is_some(), &mut rows);
            }
            if deadline.is_over() {
                return Ok(None);
            }
        }
        let mut scores = vec![0.0; pool.len()];
        (self.ensemble).predict_into(Features::new(&rows, width)?, &mut scores)?;
        if let Some((share, weight)) = &self.listened {
            for (score, told) in scores.iter_mut().zip(share.raw(&rows)?) {
                *score += f64::from(*weight) * (told - share.bias());
            }
        }
        let indexes = pool.iter().map(|one| one.index).collect();
        // What every score starts from says nothing of any track.
        let bias = self.explainer.bias();
        let mut ranked: Vec<Ranked> = (pool.iter().zip(scores))
            .map(|(one, score)| Ranked {
                index: one.index,
                score: (score - bias) as f32 + self.blend_weight * one.blended,
            })
            .collect();
        ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
        Ok(Some(LearntOrder {
            ranked,
            rows: RankedRows {
                features: Arc::clone(&self.features),
                indexes,
                values: rows,
            },
        }))
    }

    /// Puts the exact contributions of trees and blend in place of the blend's reasons: one for each
    /// source, summing to the score, largest first. Tracks that were not in the pool keep theirs.
    ///
    /// - Cost: O(tracks × trees × tests), for trees as small as ours.
    /// - Source: Lundberg et al. 2020, path-dependent tree attribution; a source's contribution is the
    ///   sum over its columns.
    pub fn explain<'r>(
        &self,
        order: &RankedRows,
        places: impl Iterator<Item = (&'r mut Ranked, &'r mut Vec<Reason>)>,
    ) -> Result<()> {
        let mut rows = Vec::new();
        let explained: Vec<_> = places
            .filter(|(ranked, _)| order.append_row(ranked.index, &mut rows))
            .collect();
        let rows = Features::new(&rows, COLUMN_COUNT + self.features.len())?;
        let width = self.explainer.group_count();
        let mut parts = self.explainer.contributions(&self.ensemble, rows)?;
        if let Some((share, weight)) = &self.listened {
            for (part, told) in parts.iter_mut().zip(share.contributions(rows)?) {
                *part += f64::from(*weight) * told;
            }
        }
        for ((ranked, reasons), parts) in explained.into_iter().zip(parts.chunks_exact(width)) {
            self.retell(reasons, parts);
            ranked.score = reasons.iter().map(|reason| reason.contribution).sum();
        }
        Ok(())
    }

    /// What each column of one row adds to its score, largest first; what adds nothing is left out.
    ///
    /// - Cost: O(trees × leaves × depth).
    /// - Source: as for [`Ranker::explain`].
    pub fn by_column(&self, row: &[f32]) -> Result<Vec<(String, f32)>> {
        let mut parts = self.ensemble.contributions(row)?.columns;
        if let Some((share, weight)) = &self.listened {
            let told = share.by_column(row)?;
            for (part, told) in parts.iter_mut().zip(told) {
                *part += f64::from(*weight) * told;
            }
        }
        if let Some(part) = parts.get_mut(BLENDED) {
            *part += f64::from(self.blend_weight * pooled_of_row(0, row).blended);
        }
        let named = shown_names_with(&self.features).into_iter().zip(parts);
        let mut told: Vec<(String, f32)> = named
            .filter(|(_, part)| *part != 0.0)
            .map(|(name, part)| (name, part as f32))
            .collect();
        told.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(told)
    }

    /// Puts what trees and blend give each source in the place of the blend's reasons; `parts` is what the trees give.
    fn retell(&self, reasons: &mut Vec<Reason>, parts: &[f64]) {
        let mut by_source = [0.0; Source::ALL.len()];
        let mut because_of = [None; Source::ALL.len()];
        for (sum, part) in by_source.iter_mut().zip(parts) {
            *sum = *part;
        }
        // In place: an answer tells of its list alone, and has the room already.
        for reason in reasons.drain(..) {
            let source = reason.source as usize;
            by_source[source] += f64::from(self.blend_weight * reason.contribution);
            because_of[source] = because_of[source].or(reason.because_of);
        }
        let told = Source::ALL.into_iter().zip(by_source).zip(because_of);
        let told = told.filter(|((_, sum), _)| *sum != 0.0);
        reasons.extend(told.map(|((source, sum), because_of)| Reason {
            source,
            contribution: sum as f32,
            because_of,
        }));
        reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    }
}

/// Trees over our columns, of which those that were fitted by an earlier version know fewer, and the features that
/// they know beside them.
pub(super) fn over_our_columns(ensemble: Ensemble) -> Result<(Ensemble, Arc<[String]>)> {
    let features = ensemble.names().iter().filter(|name| is_feature(name));
    let features: Arc<[String]> = features.cloned().collect();
    let ours = names_with(&features);
    if ensemble.names() == ours.as_slice() {
        return Ok((ensemble, features));
    }
    let stranger = ensemble.names().iter().find(|name| !ours.contains(name));
    if let Some(name) = stranger {
        let reason = format!("column `{name}` does not exist here");
        return Err(InvalidValue::new("ranker", reason).into());
    }
    Ok((ensemble.over_columns(&ours)?, features))
}

/// A pool in the ranker's order, and the rows it was ordered by.
pub struct LearntOrder {
    /// Best first.
    pub ranked: Vec<Ranked>,
    /// In the order of the pool.
    pub rows: RankedRows,
}

/// The rows that a ranker read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RankedRows {
    /// The features behind the columns of [`column_names`].
    features: Arc<[String]>,
    /// Catalogue index of each row.
    indexes: Vec<usize>,
    /// [`RankedRows::width`] values each.
    values: Vec<f32>,
}

impl RankedRows {
    /// Columns of each row.
    pub fn width(&self) -> usize {
        COLUMN_COUNT + self.features.len()
    }

    /// The names of the columns, as people know them.
    pub fn names(&self) -> Vec<String> {
        shown_names_with(&self.features)
    }

    /// The rows with their catalogue indexes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let rows = self.values.chunks_exact(self.width());
        self.indexes.iter().copied().zip(rows)
    }

    /// Appends the row of a catalogue index; false when it was not in the pool.
    ///
    /// - Cost: O(pool); a list asks for few of its tracks.
    pub fn append_row(&self, index: usize, rows: &mut Vec<f32>) -> bool {
        let place = self.indexes.iter().position(|other| *other == index);
        let row = place.and_then(|place| self.values.chunks_exact(self.width()).nth(place));
        rows.extend_from_slice(row.unwrap_or_default());
        row.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use leitmotif_domain::Timestamp;
    use leitmotif_learn::trees::{BinOptions, Dataset, Examples, Objective, Parameters, fit};

    use super::*;
    use crate::candidates::Offer;
    use crate::known::KnownTracks;
    use crate::rank::{pool, reasons};
    use crate::trace::Stopwatch;

    #[test]
    fn reasons_sum_to_the_score_of_trees_and_blend() {
        let rows: Vec<f32> = (0..200 * COLUMN_COUNT)
            .map(|at| (at * 37 % 101) as f32 / 101.0)
            .collect();
        let labels: Vec<f32> = (rows.chunks(COLUMN_COUNT))
            .map(|row| row[0] + row[COLUMN_COUNT - 1])
            .collect();
        let examples = Examples::new(Features::new(&rows, COLUMN_COUNT).unwrap(), &labels);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 20,
            leaves: 8,
            leaf_rows_min: 5,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let ensemble = fit(&dataset, None, &parameters).unwrap().ensemble;
        let unnamed = Ranker::new(ensemble.clone(), 0.5);
        assert!(unnamed.is_err(), "columns must be ours by name");
        let named = ensemble.with_names(names_with(&[])).unwrap();
        assert!(Ranker::new(named.clone(), f32::NAN).is_err());
        let share = Arc::new(ListenedShare::from_text(&named.to_lightgbm()).unwrap());
        let ranker = Ranker::new(named, 0.5).unwrap();
        assert!(ranker.listened().is_none());
        let ranker = ranker.with_listened(share, 0.7);

        let candidates = (0..9).map(|index| crate::candidates::Candidate {
            index,
            score: 9.0 - index as f32,
            because_of: None,
        });
        let offers = [Offer::new(Source::Taste, candidates.collect(), 9)];
        let view = TenantView::default();
        let nobody = Arc::new(KnownTracks::of(&view, None));
        let facts = ListenerFacts::of(&view, nobody, Timestamp::from_ms(0)).unwrap();
        let pooled = pool(&view, &offers);
        let late = Stopwatch::start().deadline(Duration::ZERO);
        let none = FeatureRows::default();
        let ranked = ranker.rank(&view, &facts, &pooled, &none, late);
        assert!(ranked.unwrap().is_none());
        let order = ranker.rank(&view, &facts, &pooled, &none, Deadline::default());
        let mut order = order.unwrap().unwrap();
        assert!(order.ranked.is_sorted_by(|a, b| a.score >= b.score));
        let ranked = std::mem::take(&mut order.ranked);
        let indexes: Vec<usize> = ranked.iter().map(|one| one.index).collect();
        let told = reasons(&view, &offers, &indexes);
        let mut places: Vec<(Ranked, Vec<Reason>)> = ranked.into_iter().zip(told).collect();
        let scores: Vec<f32> = places.iter().map(|(one, _)| one.score).collect();
        let told = places.iter_mut().map(|(one, reasons)| (one, reasons));
        ranker.explain(&order.rows, told).unwrap();
        for ((one, reasons), score) in places.into_iter().zip(scores) {
            let sum: f32 = reasons.iter().map(|reason| reason.contribution).sum();
            assert!((sum - score).abs() < 1e-4, "{reasons:?}");
            assert!((one.score - score).abs() < 1e-4);
            let (_, row) = order.rows.iter().find(|(at, _)| *at == one.index).unwrap();
            let by_column = ranker.by_column(row).unwrap();
            assert!(by_column.is_sorted_by(|a, b| a.1 >= b.1));
            let sum: f32 = by_column.iter().map(|(_, part)| part).sum();
            assert!((sum - score).abs() < 1e-4, "{by_column:?}");
        }
    }
}
