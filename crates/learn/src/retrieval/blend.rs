//! One order from several ways of finding.

/// Ways of finding that a blend weighs.
pub const LEG_NAMES: [&str; 7] = [
    "names", "lyrics", "title", "coverage", "phrase", "meaning", "likeness",
];
const LEGS: usize = LEG_NAMES.len();

/// What each way of finding says of one document, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegScores {
    /// BM25F over the short fields.
    pub names: f32,
    /// BM25 over the lyrics.
    pub lyrics: f32,
    /// Share of the title that was named.
    pub title: f32,
    /// Share of the query found in short fields.
    pub coverage: f32,
    /// Longest run of the query in one short field.
    pub phrase: f32,
    /// Nearness of the lyrics' embedding to that of the query.
    pub meaning: f32,
    /// Nearness to what the words found best.
    pub likeness: f32,
}

impl LegScores {
    /// The numbers in the order of [`LEG_NAMES`].
    pub fn as_array(&self) -> [f32; LEGS] {
        [
            self.names,
            self.lyrics,
            self.title,
            self.coverage,
            self.phrase,
            self.meaning,
            self.likeness,
        ]
    }
}

/// A weighted sum of [`LegScores`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    weights: [f32; LEGS],
}

/// One query to fit on: what was found, and which of it was meant.
#[derive(Debug, Clone, Default)]
pub struct BlendQuery {
    /// The documents found.
    pub candidates: Vec<LegScores>,
    /// Whether each was meant.
    pub relevant: Vec<bool>,
}

/// Passes of the fit: the loss moves by less than a ten-thousandth after.
const PASSES: usize = 400;
const STEP: f32 = 2.0;
/// Weight decay: keeps a weight finite that every query of a small set agrees on.
const DECAY: f32 = 1e-4;

impl Blend {
    /// The weights the product ships with, fitted by `leitmotif-eval search` on generated queries.
    pub const SHIPPED: Self = Self {
        weights: [1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1],
    };

    /// A blend of one's own, in the order of [`LEG_NAMES`].
    pub fn of_weights(weights: [f32; LEGS]) -> Self {
        Self { weights }
    }

    /// The weights in the order of [`LEG_NAMES`].
    pub fn weights(&self) -> [f32; LEGS] {
        self.weights
    }

    /// The score of a document.
    pub fn score(&self, legs: &LegScores) -> f32 {
        let legs = legs.as_array();
        (self.weights.iter().zip(legs)).map(|(weight, leg)| weight * leg).sum()
    }

    /// Fits weights so that what was meant comes first. No leg gets a negative weight: being found
    /// by one is never held against a document.
    ///
    /// - Errors: none; queries in which nothing or everything was meant say nothing.
    /// - Cost: 400 passes over all candidates.
    /// - Source: Cao et al. 2007 (ListNet, top-one probabilities), by projected gradient descent from
    ///   equal weights.
    pub fn fit(queries: &[BlendQuery]) -> Self {
        let useful: Vec<&BlendQuery> = (queries.iter())
            .filter(|query| {
                let meant = query.relevant.iter().filter(|&&is_meant| is_meant).count();
                meant > 0 && meant < query.candidates.len()
            })
            .collect();
        let mut weights = [1.0f32; LEGS];
        if useful.is_empty() {
            return Self { weights };
        }
        for pass in 0..PASSES {
            let mut gradient = [0.0f64; LEGS];
            for query in &useful {
                add_gradient(&weights, query, &mut gradient);
            }
            let step = STEP / (1.0 + pass as f32 / 40.0).sqrt();
            for (weight, slope) in weights.iter_mut().zip(gradient) {
                let slope = (slope / useful.len() as f64) as f32 + DECAY * *weight;
                *weight = (*weight - step * slope).max(0.0);
            }
        }
        Self { weights }
    }
}

/// Adds the slope of `−ln P(meant)` under a softmax over the candidates.
fn add_gradient(weights: &[f32; LEGS], query: &BlendQuery, gradient: &mut [f64; LEGS]) {
    let blend = Blend { weights: *weights };
    let scores: Vec<f32> = query.candidates.iter().map(|legs| blend.score(legs)).collect();
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponents: Vec<f64> = scores.iter().map(|s| f64::from(s - most).exp()).collect();
    let total: f64 = exponents.iter().sum();
    let meant: f64 = (exponents.iter().zip(&query.relevant))
        .filter(|(_, is_meant)| **is_meant)
        .map(|(exponent, _)| exponent)
        .sum();
    for ((legs, exponent), is_meant) in query.candidates.iter().zip(exponents).zip(&query.relevant) {
        let target = if *is_meant { exponent / meant } else { 0.0 };
        let pull = exponent / total - target;
        for (slope, leg) in gradient.iter_mut().zip(legs.as_array()) {
            *slope += pull * f64::from(leg);
        }
    }
}
