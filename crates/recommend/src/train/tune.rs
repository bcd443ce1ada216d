//! Finding the settings on held-out listens that are not the ones that judge.

use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::ItemNeighbours;

use super::Parts;
use super::dataset::{Dataset, Question, Split};
use super::ladder::{SourceScores, bounded, mean, row_of};
use crate::error::Result;
use crate::model::BlendWeights;

/// Entries above which the factorisation's settings are not searched: each fit takes minutes there.
const SEARCH_ENTRIES_MAX: usize = 2_000_000;
/// Settings tried: (factors, regularisation, alpha). Small catalogues want few factors and little
/// confidence, large ones the last rows; a fit on the demo world takes about a tenth of a second.
const SETTINGS: [(usize, f32, f32); 10] = [
    (8, 4.0, 1.0),
    (8, 16.0, 4.0),
    (16, 4.0, 1.0),
    (16, 16.0, 1.0),
    (16, 16.0, 4.0),
    (32, 16.0, 1.0),
    (32, 16.0, 4.0),
    (64, 16.0, 1.0),
    (64, 16.0, 4.0),
    (64, 40.0, 19.0),
];
/// Weights tried for a source beside factorisation at 1.
const WEIGHTS: [f32; 8] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5];
/// Passes over the sources; the weights settle after two.
const PASSES: usize = 2;

/// Chooses the factorisation's settings by NDCG@10 on the split.
pub fn factorization(dataset: &Dataset, split: &Split<'_>) -> Result<IalsOptions> {
    let matrix = dataset.matrix(split.train())?;
    let default = IalsOptions {
        is_binary: false,
        ..IalsOptions::default()
    };
    let questions = bounded(dataset.questions(split), dataset.items.len());
    if matrix.entry_count() > SEARCH_ENTRIES_MAX || questions.is_empty() {
        return Ok(default);
    }
    let mut best = (f64::NEG_INFINITY, default);
    for (factors, regularization, alpha) in SETTINGS {
        let options = IalsOptions {
            factors,
            regularization,
            alpha,
            ..default
        };
        let model = IalsModel::fit(&matrix, options)?;
        let rows = questions.iter().map(|question| {
            let mut scores = vec![0.0; dataset.items.len()];
            if let Some(factor) = model.user_factor(question.listener) {
                model.score(factor, &mut scores);
            }
            row_of(question, scores)
        });
        let quality = mean(rows).ndcg_at_10;
        if quality > best.0 {
            best = (quality, options);
        }
    }
    Ok(best.1)
}

/// Chooses how much each source counts, one after the other, by NDCG@10 on the split.
pub fn blend(
    dataset: &Dataset,
    split: &Split<'_>,
    parts: &Parts,
    content: &ItemNeighbours,
) -> BlendWeights {
    let questions = bounded(dataset.questions(split), dataset.items.len() * 4);
    if questions.is_empty() {
        return BlendWeights::default();
    }
    let scored: Vec<(Question, SourceScores)> = questions
        .into_iter()
        .map(|question| {
            let scores = SourceScores::of(dataset, parts, content, &question);
            (question, scores)
        })
        .collect();
    let quality = |weights: &BlendWeights| {
        let rows = scored
            .iter()
            .map(|(question, scores)| row_of(question, scores.blended(question, weights)));
        mean(rows).ndcg_at_10
    };
    let mut weights = BlendWeights {
        taste: 1.0,
        neighbours: 0.0,
        content: 0.0,
        popular: 0.0,
        session: 0.0,
    };
    let mut best = quality(&weights);
    let fields: [fn(&mut BlendWeights) -> &mut f32; 4] = [
        |w| &mut w.neighbours,
        |w| &mut w.popular,
        |w| &mut w.content,
        |w| &mut w.session,
    ];
    for _ in 0..PASSES {
        for field in fields {
            for weight in WEIGHTS {
                let mut tried = weights;
                *field(&mut tried) = weight;
                let reached = quality(&tried);
                if reached > best {
                    (best, weights) = (reached, tried);
                }
            }
        }
    }
    weights
}
