//! How much of a track a listener is expected to hear.

use std::sync::Arc;

use leitmotif_learn::trees::{Ensemble, Explainer, Features};

use super::columns::{COLUMN_COUNT, column_sources};
use super::learned::over_our_columns;
use crate::error::Result;

/// Boosted trees over the columns of the ranker that tell the share of a track which will be heard.
pub struct ListenedShare {
    ensemble: Ensemble,
    explainer: Explainer,
    /// The features among the columns, which come last.
    features: Arc<[String]>,
}

impl ListenedShare {
    /// Takes a fitted ensemble.
    ///
    /// - Errors: `Invalid` naming a column that it was fitted on and is not ours.
    pub fn new(ensemble: Ensemble) -> Result<Self> {
        let (ensemble, features) = over_our_columns(ensemble)?;
        let explainer = Explainer::new(&ensemble, column_sources(features.len()))?;
        Ok(Self {
            ensemble,
            explainer,
            features,
        })
    }

    /// The features among its columns, as `view.feature`.
    pub fn features(&self) -> &Arc<[String]> {
        &self.features
    }

    /// Reads trees in LightGBM's text form.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::new(Ensemble::from_lightgbm(text)?)
    }

    /// Writes them in LightGBM's text form.
    pub fn to_text(&self) -> String {
        self.ensemble.to_lightgbm()
    }

    /// The expected share of each row.
    ///
    /// - Shape: `rows` is `[tracks × (COLUMN_COUNT + features)]`.
    /// - Units: a share, 0 to 1.
    /// - Cost: O(tracks × trees × depth).
    pub fn of_rows(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let shares = self.raw(rows)?.into_iter();
        Ok(shares.map(|share| share.clamp(0.0, 1.0) as f32).collect())
    }

    /// As the trees say it, which may lie a little outside 0 to 1.
    pub(crate) fn raw(&self, rows: &[f32]) -> Result<Vec<f64>> {
        let width = COLUMN_COUNT + self.features.len();
        let mut shares = vec![0.0; rows.len() / width];
        (self.ensemble).predict_into(Features::new(rows, width)?, &mut shares)?;
        Ok(shares)
    }

    /// What every share starts from.
    pub(super) fn bias(&self) -> f64 {
        self.explainer.bias()
    }

    /// What each column of one row adds to [`ListenedShare::bias`].
    pub(super) fn by_column(&self, row: &[f32]) -> Result<Vec<f64>> {
        Ok(self.ensemble.contributions(row)?.columns)
    }

    /// What each source adds to [`ListenedShare::bias`], row by row.
    pub(super) fn contributions(&self, rows: Features<'_>) -> Result<Vec<f64>> {
        Ok(self.explainer.contributions(&self.ensemble, rows)?)
    }
}
