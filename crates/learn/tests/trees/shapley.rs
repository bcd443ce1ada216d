//! Contributions: they add up to the score and are the Shapley values, checked by their definition.

use leitmotif_learn::trees::{Ensemble, Parameters};
use proptest::prelude::*;

use super::data::{CATEGORY, COLUMNS, Rows, fit_to, small};

/// A tree as its file tells it.
struct Told {
    columns: Vec<usize>,
    left: Vec<i32>,
    right: Vec<i32>,
    values: Vec<f64>,
    leaf_counts: Vec<f64>,
    inner_counts: Vec<f64>,
    thresholds: Vec<f64>,
}

impl Told {
    fn read(section: &str) -> Self {
        let list = |key: &str| -> Vec<f64> {
            let prefix = format!("{key}=");
            let line = section
                .lines()
                .find_map(|line| line.strip_prefix(&prefix))
                .unwrap();
            line.split(' ').map(|word| word.parse().unwrap()).collect()
        };
        Self {
            columns: list("split_feature").iter().map(|&x| x as usize).collect(),
            left: list("left_child").iter().map(|&x| x as i32).collect(),
            right: list("right_child").iter().map(|&x| x as i32).collect(),
            values: list("leaf_value"),
            leaf_counts: list("leaf_count"),
            inner_counts: list("internal_count"),
            thresholds: list("threshold"),
        }
    }

    fn count(&self, child: i32) -> f64 {
        if child < 0 {
            self.leaf_counts[!child as usize]
        } else {
            self.inner_counts[child as usize]
        }
    }

    /// Mean score when only the columns of a set are known.
    fn mean(&self, at: i32, row: &[f32], known: u32) -> f64 {
        if at < 0 {
            return self.values[!at as usize];
        }
        let node = at as usize;
        let sides = [self.left[node], self.right[node]];
        if known >> self.columns[node] & 1 == 1 {
            let is_left = f64::from(row[self.columns[node]]) <= self.thresholds[node];
            return self.mean(sides[usize::from(!is_left)], row, known);
        }
        let parts = sides.map(|side| self.count(side) * self.mean(side, row, known));
        (parts[0] + parts[1]) / self.count(at)
    }
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

#[test]
fn they_are_shapley_values() {
    let mut rows = Rows::new(400, 5);
    for row in rows.values.chunks_exact_mut(COLUMNS) {
        // Numbers only, so that the definition needs no other test than a threshold.
        row[1] = if row[1].is_nan() { 9.0 } else { row[1] };
    }
    let dataset = leitmotif_learn::trees::Dataset::new(
        &rows.examples(),
        &leitmotif_learn::trees::BinOptions::default(),
    )
    .unwrap();
    let ensemble = leitmotif_learn::trees::fit(
        &dataset,
        None,
        &Parameters {
            trees: 5,
            ..small()
        },
    )
    .unwrap()
    .ensemble;
    let text = ensemble.to_lightgbm();
    let trees: Vec<Told> = text.split("Tree=").skip(1).map(Told::read).collect();
    assert_eq!(trees.len(), 5);
    for row in rows.features().rows().take(20) {
        let got = ensemble.contributions(row).unwrap();
        let mean = |known: u32| {
            trees
                .iter()
                .map(|tree| tree.mean(0, row, known))
                .sum::<f64>()
        };
        assert!((got.bias - mean(0)).abs() < 1e-12);
        for (column, &part) in got.columns.iter().enumerate() {
            let mut expected = 0.0;
            for known in (0u32..1 << COLUMNS).filter(|known| known >> column & 1 == 0) {
                let size = known.count_ones();
                let weight = factorial(size) * factorial(COLUMNS as u32 - size - 1)
                    / factorial(COLUMNS as u32);
                expected += weight * (mean(known | 1 << column) - mean(known));
            }
            assert!(
                (part - expected).abs() < 1e-12,
                "column {column}: {part}, not {expected}"
            );
        }
    }
}

#[test]
fn counts_are_needed() {
    let rows = Rows::new(200, 6);
    let text = fit_to(&rows.examples(), &small()).ensemble.to_lightgbm();
    let bare: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("internal_count"))
        .collect();
    let ensemble = Ensemble::from_lightgbm(&(bare.join("\n") + "\n")).unwrap();
    let error = ensemble.contributions(&[0.0; COLUMNS]).unwrap_err();
    assert!(error.to_string().contains("internal_count"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn they_add_up(seed in any::<u64>(), leaves in 2usize..40, odd in any::<f32>()) {
        let rows = Rows::new(300, seed);
        let parameters = Parameters { leaves, trees: 6, ..small() };
        let ensemble = fit_to(&rows.examples(), &parameters).ensemble;
        let strange = [odd, f32::NAN, 0.0, -odd];
        prop_assert_eq!(CATEGORY + 1, strange.len());
        for row in rows.features().rows().take(20).chain([&strange[..]]) {
            let score = ensemble.predict_row(row).unwrap();
            let parts = ensemble.contributions(row).unwrap();
            let sum = parts.bias + parts.columns.iter().sum::<f64>();
            prop_assert!((sum - score).abs() < 1e-9, "{} {}", sum, score);
        }
    }
}
