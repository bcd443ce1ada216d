//! The sources of the ladder, as the product fits them.

use std::time::Instant;

use anyhow::Context;
use leitmotif_learn::factorize::{EaseModel, EaseOptions, IalsModel, IalsOptions};
use leitmotif_learn::neighbours::{ItemNeighbours, Rp3BetaOptions, item_cosine, rp3beta};
use leitmotif_learn::{InteractionMatrix, popularity};

use super::best_unknown;
use crate::recommend::binary_row;

/// Neighbours kept of each item: what the product keeps.
const NEIGHBOURS: usize = 200;
const BY_OWN_ITEMS: &str = "the listener's own items that it is near to: the score is their sum";

/// A fitted source.
pub struct Source {
    /// Its name in the report.
    pub name: &'static str,
    /// What fitting it took.
    pub fit_s: f64,
    /// Which reasons it can give.
    pub reasons: &'static str,
    model: Model,
}

enum Model {
    Popularity(Vec<f32>),
    Neighbours(ItemNeighbours),
    Factors(IalsModel),
}

/// Fits every source.
pub fn fit_all(matrix: &InteractionMatrix, seed: u64) -> anyhow::Result<Vec<Source>> {
    let binary = matrix.binarize();
    let popular = || Ok(Model::Popularity(popularity::listener_counts(matrix)));
    let cosine = || Ok(Model::Neighbours(item_cosine(&binary, NEIGHBOURS)?));
    let walks = || {
        Ok(Model::Neighbours(rp3beta(
            matrix,
            Rp3BetaOptions::default(),
        )?))
    };
    let linear = || {
        let model = EaseModel::fit(&binary, EaseOptions::default())?;
        Ok(Model::Neighbours(model.neighbours(NEIGHBOURS)?))
    };
    let factors = || {
        let options = IalsOptions {
            seed,
            ..IalsOptions::default()
        };
        Ok(Model::Factors(IalsModel::fit(matrix, options)?))
    };
    Ok(vec![
        fitted(
            "popularity",
            "what everybody plays: the same for all",
            popular,
        )?,
        fitted("item_cosine", BY_OWN_ITEMS, cosine)?,
        fitted("rp3beta", BY_OWN_ITEMS, walks)?,
        fitted("ease", BY_OWN_ITEMS, linear)?,
        fitted(
            "ials",
            "the nearest of the listener's own items by factors: a likeness, not a sum",
            factors,
        )?,
    ])
}

fn fitted(
    name: &'static str,
    reasons: &'static str,
    fit: impl FnOnce() -> anyhow::Result<Model>,
) -> anyhow::Result<Source> {
    let began = Instant::now();
    let model = fit().with_context(|| format!("cannot fit {name}"))?;
    Ok(Source {
        name,
        fit_s: began.elapsed().as_secs_f64(),
        reasons,
        model,
    })
}

impl Source {
    /// Scores every item for a listener.
    pub fn scores(&self, matrix: &InteractionMatrix, row: usize) -> anyhow::Result<Vec<f32>> {
        match &self.model {
            Model::Popularity(counts) => Ok(counts.clone()),
            Model::Neighbours(neighbours) => Ok(neighbours.score(&binary_row(matrix, row))),
            Model::Factors(model) => {
                let mut scores = vec![0.0; model.item_count()];
                let factor = model.user_factor(row).context("listener has no factor")?;
                model.score(factor, &mut scores);
                Ok(scores)
            }
        }
    }

    /// The listener's list by this source alone.
    pub fn list(
        &self,
        matrix: &InteractionMatrix,
        row: usize,
        count: usize,
    ) -> anyhow::Result<Vec<usize>> {
        Ok(best_unknown(self.scores(matrix, row)?, matrix, row, count))
    }

    /// Bytes held in memory. Factors of listeners are not counted: the product folds listeners in.
    pub fn bytes(&self) -> usize {
        match &self.model {
            Model::Popularity(counts) => size_of_val(counts.as_slice()),
            Model::Neighbours(neighbours) => neighbours.memory_bytes(),
            Model::Factors(model) => size_of_val(model.item_factors()),
        }
    }
}
