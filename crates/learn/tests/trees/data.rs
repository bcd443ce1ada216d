//! Synthetic rows and a fit of them.

use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Fit, Objective, Parameters, fit,
};

/// Numbers in 0..1 from a seed.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// Rows of four columns, the last a category, some missing, with a label that depends on all.
pub struct Rows {
    pub values: Vec<f32>,
    pub labels: Vec<f32>,
}

pub const COLUMNS: usize = 4;
pub const CATEGORY: usize = 3;

impl Rows {
    pub fn new(count: usize, seed: u64) -> Self {
        let mut noise = Noise(seed);
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let mut row = [
                noise.next() - 0.5,
                noise.next() * 4.0,
                noise.next().round(),
                0.0,
            ];
            row[CATEGORY] = (noise.next() * 12.0).floor();
            let effect = [0.5, -1.0, 2.0][row[CATEGORY] as usize % 3];
            labels.push(row[0] * row[1] + row[2] + effect);
            if noise.next() < 0.1 {
                row[1] = f32::NAN;
            }
            values.extend(row);
        }
        Self { values, labels }
    }

    pub fn features(&self) -> Features<'_> {
        Features::new(&self.values, COLUMNS).unwrap()
    }

    pub fn examples(&self) -> Examples<'_> {
        Examples::new(self.features(), &self.labels)
    }
}

pub fn bins() -> BinOptions {
    BinOptions {
        categorical: vec![CATEGORY],
        ..BinOptions::default()
    }
}

pub fn small() -> Parameters {
    let mut parameters = Parameters {
        objective: Objective::Regression,
        trees: 20,
        leaves: 8,
        leaf_rows_min: 5,
        ..Parameters::default()
    };
    parameters.categories.group_rows_min = 5;
    parameters
}

pub fn fit_to(examples: &Examples<'_>, parameters: &Parameters) -> Fit {
    let dataset = Dataset::new(examples, &bins()).unwrap();
    fit(&dataset, None, parameters).unwrap()
}

pub fn scores(ensemble: &Ensemble, features: Features<'_>) -> Vec<f64> {
    let mut scores = vec![0.0; features.row_count()];
    ensemble.predict_into(features, &mut scores).unwrap();
    scores
}

pub fn mean_square(scores: &[f64], labels: &[f32]) -> f64 {
    let errors = scores.iter().zip(labels);
    let sum: f64 = errors
        .map(|(score, &label)| (score - f64::from(label)).powi(2))
        .sum();
    sum / scores.len() as f64
}
