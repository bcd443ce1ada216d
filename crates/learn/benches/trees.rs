//! How long 200 candidates take to be scored and 20 to be explained by 200 trees of 8 leaves. Prints one
//! JSON object.
//!
//! The rows follow from a seed: 4,000 rows of 25 columns, a fifth of them missing.

use std::hint::black_box;
use std::time::Instant;

use leitmotif_learn::trees::{
    BinOptions, Dataset, Examples, Explainer, Features, Objective, Parameters, fit,
};

const COLUMNS: usize = 25;
const ROWS: usize = 4_000;
const CANDIDATES: usize = 200;
const PLACES: usize = 20;
const TREES: usize = 200;
const ROUNDS: usize = 2_000;

fn main() {
    let mut state = 7_u64;
    let values: Vec<f32> = (0..ROWS * COLUMNS)
        .map(|_| {
            state = (state.wrapping_mul(6_364_136_223_846_793_005)).wrapping_add(1);
            let number = (state >> 40) as f32 / (1u64 << 24) as f32;
            if number < 0.2 { f32::NAN } else { number }
        })
        .collect();
    let known = |value: f32| if value.is_nan() { 0.5 } else { value };
    let label = |row: &[f32]| (0..8).map(|at| known(row[at]) * known(row[at + 8])).sum();
    let labels: Vec<f32> = values.chunks(COLUMNS).map(label).collect();
    let features = Features::new(&values, COLUMNS).expect("whole rows");
    let parameters = Parameters {
        objective: Objective::Regression,
        trees: TREES,
        leaves: 8,
        ..Parameters::default()
    };
    let dataset = Dataset::new(&Examples::new(features, &labels), &BinOptions::default());
    let ensemble = fit(&dataset.expect("rows with labels"), None, &parameters)
        .expect("finite labels")
        .ensemble;
    let explainer = Explainer::new(&ensemble, (0..COLUMNS).map(|column| column % 7).collect())
        .expect("a fitted ensemble knows its rows");

    let part = |rows: usize| Features::new(&values[..rows * COLUMNS], COLUMNS).expect("whole rows");
    let (candidates, places) = (part(CANDIDATES), part(PLACES));
    let mut scores = vec![0.0; CANDIDATES];
    let score_us = median_us(|| {
        let scored = ensemble.predict_into(black_box(candidates), &mut scores);
        scored.expect("as many scores as rows");
    });
    let explain_us = median_us(|| {
        let parts = explainer.contributions(&ensemble, black_box(places));
        black_box(parts.expect("the ensemble it was made of"));
    });
    println!("{{\"score_200_us\":{score_us:.1},\"explain_20_us\":{explain_us:.1}}}");
}

fn median_us(mut run: impl FnMut()) -> f64 {
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[ROUNDS / 2]
}
