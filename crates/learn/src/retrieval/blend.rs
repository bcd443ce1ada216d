//! One order from several ways of finding.

/// Ways of finding.
pub const LEG_NAMES: [&str; 7] = [
    "names", "lyrics", "title", "coverage", "phrase", "meaning", "likeness",
];
/// What a blend weighs: the legs, of which those that read lyrics count twice: as far as the query
/// names nothing, and as far as it does.
const COLUMNS: usize = LEG_NAMES.len() + 2;

/// What each way of finding says of one document, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegScores {
    /// BM25F over the short fields.
    pub names: f32,
    /// BM25 over the lyrics.
    pub lyrics: f32,
    /// How exactly the query is the title.
    pub title: f32,
    /// Share of the query found in short fields.
    pub coverage: f32,
    /// Longest run of the query in one short field.
    pub phrase: f32,
    /// Nearness of the lyrics' embedding to that of the query.
    pub meaning: f32,
    /// Nearness to what the words found best.
    pub likeness: f32,
    /// The largest coverage of any document: how much of the query is names at all. A query that
    /// names something hardly wants the songs that sing its words.
    pub named: f32,
}

impl LegScores {
    /// The numbers in the order of [`LEG_NAMES`].
    pub fn as_array(&self) -> [f32; LEG_NAMES.len()] {
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

    fn columns(&self) -> [f32; COLUMNS] {
        let unnamed = 1.0 - self.named;
        [
            self.names,
            self.lyrics * unnamed,
            self.title,
            self.coverage,
            self.phrase,
            self.meaning * unnamed,
            self.likeness,
            self.lyrics * self.named,
            self.meaning * self.named,
        ]
    }
}

/// A weighted sum of [`LegScores`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    weights: [f32; COLUMNS],
}

/// One query to fit on: what was found, and which of it was meant.
#[derive(Debug, Clone, Default)]
pub struct BlendQuery {
    /// The documents found.
    pub candidates: Vec<LegScores>,
    /// Whether each was meant.
    pub relevant: Vec<bool>,
}

/// Passes of the fit: the weights move by less than a hundredth of their size after.
const PASSES: usize = 1_200;
const STEP: f32 = 2.0;
/// Least weight of a leg: what only an embedding found has an order among itself, behind everything
/// that words found.
const WEIGHT_MIN: f32 = 0.01;
/// Weight decay: keeps a weight finite that every query of a small set agrees on.
const DECAY: f32 = 1e-4;

impl Blend {
    /// The weights the product ships with, fitted by `leitmotif-eval search` on generated queries of seed 1.
    pub const SHIPPED: Self = Self {
        weights: [6.7, 17.0, 5.3, 6.5, 0.7, 0.01, 0.01, 5.9, 0.8],
    };

    /// The weights: those of [`LEG_NAMES`] in their order, then lyrics and meaning of a query that
    /// names something.
    pub fn weights(&self) -> [f32; COLUMNS] {
        self.weights
    }

    /// The score of a document.
    pub fn score(&self, legs: &LegScores) -> f32 {
        let columns = legs.columns();
        (self.weights.iter().zip(columns))
            .map(|(weight, value)| weight * value)
            .sum()
    }

    /// Fits weights so that what was meant comes first. No leg gets a weight below 0.01: being found
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
        let mut weights = [1.0f32; COLUMNS];
        if useful.is_empty() {
            return Self { weights };
        }
        for pass in 0..PASSES {
            let mut gradient = [0.0f64; COLUMNS];
            for query in &useful {
                add_gradient(&weights, query, &mut gradient);
            }
            let step = STEP / (1.0 + pass as f32 / 40.0).sqrt();
            for (weight, slope) in weights.iter_mut().zip(gradient) {
                let slope = (slope / useful.len() as f64) as f32 + DECAY * *weight;
                *weight = (*weight - step * slope).max(WEIGHT_MIN);
            }
        }
        Self { weights }
    }
}

/// Adds the slope of the mean of `−ln P` over what was meant, under a softmax over the candidates.
fn add_gradient(weights: &[f32; COLUMNS], query: &BlendQuery, gradient: &mut [f64; COLUMNS]) {
    let blend = Blend { weights: *weights };
    let scores: Vec<f32> = query
        .candidates
        .iter()
        .map(|legs| blend.score(legs))
        .collect();
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponents: Vec<f64> = scores.iter().map(|s| f64::from(s - most).exp()).collect();
    let total: f64 = exponents.iter().sum();
    let meant = query.relevant.iter().filter(|&&is_meant| is_meant).count() as f64;
    for ((legs, exponent), is_meant) in query.candidates.iter().zip(exponents).zip(&query.relevant)
    {
        let target = if *is_meant { 1.0 / meant } else { 0.0 };
        let pull = exponent / total - target;
        for (slope, value) in gradient.iter_mut().zip(legs.columns()) {
            *slope += pull * f64::from(value);
        }
    }
}
