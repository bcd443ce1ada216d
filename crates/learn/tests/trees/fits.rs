//! What a fit promises.

use leitmotif_learn::Error;
use leitmotif_learn::rank_metrics::graded_ndcg_at;
use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Monotone, Objective, Parameters, fit,
};

use super::data::{CATEGORY, COLUMNS, Noise, Rows, bins, fit_to, mean_square, scores, small};

#[test]
fn regression_learns_numbers_gaps_and_categories() {
    let (train, test) = (Rows::new(4000, 1), Rows::new(1000, 2));
    let parameters = Parameters {
        trees: 150,
        leaves: 31,
        ..small()
    };
    let ensemble = fit_to(&train.examples(), &parameters).ensemble;
    let error = mean_square(&scores(&ensemble, test.features()), &test.labels);
    let mean = test.labels.iter().sum::<f32>() / test.labels.len() as f32;
    let constant = vec![f64::from(mean); test.labels.len()];
    let variance = mean_square(&constant, &test.labels);
    assert!(error < 0.05 * variance, "{error} of {variance}");
    let used = ensemble.importances();
    assert!(
        used.iter().all(|importance| importance.split_count > 0),
        "{used:?}"
    );
    assert!(used[CATEGORY].gain > used[2].gain);
}

#[test]
fn batches_score_as_rows_do() {
    let rows = Rows::new(1003, 3);
    for leaves in [2, 31, 33, 64, 65, 200] {
        let parameters = Parameters {
            leaves,
            trees: 5,
            leaf_rows_min: 1,
            ..small()
        };
        let ensemble = fit_to(&rows.examples(), &parameters).ensemble;
        let expected: Vec<f64> = rows
            .features()
            .rows()
            .map(|row| ensemble.predict_row(row).unwrap())
            .collect();
        assert_eq!(scores(&ensemble, rows.features()), expected, "{leaves}");
        let again = Ensemble::from_lightgbm(&ensemble.to_lightgbm()).unwrap();
        assert_eq!(again, ensemble);
        assert_eq!(scores(&again, rows.features()), expected);
    }
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let rows = Rows::new(3000, 4);
    let labels: Vec<f32> = rows
        .labels
        .iter()
        .map(|label| label.round().clamp(0.0, 3.0))
        .collect();
    let group_sizes = [30; 100];
    let examples = Examples {
        group_sizes: &group_sizes,
        ..Examples::new(rows.features(), &labels)
    };
    let parameters = Parameters {
        objective: Objective::LAMBDA_RANK,
        bagging_fraction: 0.7,
        bagging_trees: 3,
        feature_fraction: 0.6,
        ..small()
    };
    let fit_on = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let parameters = Parameters {
            seed,
            ..parameters.clone()
        };
        pool.install(|| fit_to(&examples, &parameters).ensemble.to_lightgbm())
    };
    let one = fit_on(1, 1);
    assert_eq!(one, fit_on(3, 1));
    assert_ne!(one, fit_on(1, 2));
}

#[test]
fn ranking_learns_an_order() {
    let mut noise = Noise(9);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let offset = noise.next() * 10.0;
        for _ in 0..20 {
            let quality = noise.next();
            // Only the order within a query tells: the offset drowns the rest.
            values.extend([quality, offset, noise.next()]);
            labels.push((quality * 4.0).floor());
        }
    }
    let features = Features::new(&values, 3).unwrap();
    let group_sizes = [20; 100];
    let examples = Examples {
        group_sizes: &group_sizes,
        ..Examples::new(features, &labels)
    };
    let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
    let parameters = Parameters {
        trees: 30,
        leaf_rows_min: 10,
        ..Parameters::default()
    };
    let fitted = fit(&dataset, Some(&examples), &parameters).unwrap();
    let scores = scores(&fitted.ensemble, features);
    let queries = labels.chunks(20).zip(scores.chunks(20));
    let ndcg = queries
        .map(|(labels, scores)| graded_ndcg_at(labels, scores, 10))
        .sum::<f64>();
    assert!(ndcg / 100.0 > 0.99, "{ndcg}");
    let last = fitted.validation_losses.last().unwrap();
    assert!((1.0 - ndcg / 100.0 - last).abs() < 1e-9);
}

/// Rows shown first are clicked for being shown first; the weights undo it.
#[test]
fn inverse_propensities_undo_position_bias() {
    let mut noise = Noise(21);
    let (mut values, mut labels, mut inverse, mut truth) = (vec![], vec![], vec![], vec![]);
    for _ in 0..600 {
        for place in 0..6 {
            let is_good = noise.next() < 0.5;
            // The logging policy shows bad rows first, half of the time.
            let propensity = if place == 0 { 1.0 } else { 0.1 };
            let is_shown_first = place == 0;
            let quality = if is_shown_first {
                0.0
            } else {
                f32::from(u8::from(is_good))
            };
            let chance = (0.3 + 0.5 * quality) * propensity;
            values.extend([quality]);
            labels.push(f32::from(u8::from(noise.next() < chance)));
            inverse.push(1.0 / propensity);
            truth.push(quality);
        }
    }
    let features = Features::new(&values, 1).unwrap();
    let group_sizes = vec![6; 600];
    let plain = Examples {
        group_sizes: &group_sizes,
        ..Examples::new(features, &labels)
    };
    let corrected = Examples {
        inverse_propensities: Some(&inverse),
        ..plain
    };
    let difference = |examples: &Examples<'_>| {
        let dataset = Dataset::new(examples, &BinOptions::default()).unwrap();
        let ensemble = fit(&dataset, None, &Parameters::default())
            .unwrap()
            .ensemble;
        ensemble.predict_row(&[1.0]).unwrap() - ensemble.predict_row(&[0.0]).unwrap()
    };
    assert!(difference(&plain) < 0.0, "{}", difference(&plain));
    assert!(difference(&corrected) > 0.0, "{}", difference(&corrected));
}

/// Two columns tell the label; what one of them tells is given, so the trees learn the other alone.
#[test]
fn trees_correct_what_rows_start_from() {
    let mut noise = Noise(5);
    let (mut values, mut labels, mut initial) = (vec![], vec![], vec![]);
    for _ in 0..2_000 {
        let (known, unknown) = (noise.next(), noise.next());
        values.extend([known, unknown]);
        labels.push(10.0 * known + unknown);
        initial.push(10.0 * known);
    }
    let features = Features::new(&values, 2).unwrap();
    let plain = Examples::new(features, &labels);
    let given = Examples {
        initial_scores: Some(&initial),
        ..plain
    };
    let parameters = Parameters {
        early_stopping: Some(5),
        ..small()
    };
    let dataset = Dataset::new(&given, &BinOptions::default()).unwrap();
    let fitted = fit(&dataset, Some(&given), &parameters).unwrap();
    let gains = fitted.ensemble.importances();
    assert!(gains[1].gain > 100.0 * gains[0].gain, "{gains:?}");
    let corrected: Vec<f64> = (scores(&fitted.ensemble, features).iter().zip(&initial))
        .map(|(trees, initial)| trees + f64::from(*initial))
        .collect();
    let error = mean_square(&corrected, &labels);
    let last = fitted.validation_losses.iter().copied().reduce(f64::min);
    assert!((error - last.unwrap()).abs() < 1e-9, "judged with them");
    assert!(error < 0.01, "{error}");
    // No model file holds what rows start from: what is read again says the same without it.
    let again = Ensemble::from_lightgbm(&fitted.ensemble.to_lightgbm()).unwrap();
    assert_eq!(scores(&again, features), scores(&fitted.ensemble, features));

    let refused = |initial: &[f32]| {
        let examples = Examples {
            initial_scores: Some(initial),
            ..plain
        };
        Dataset::new(&examples, &BinOptions::default()).unwrap_err()
    };
    assert!(matches!(
        refused(&initial[1..]),
        Error::Mismatch {
            name: "initial scores",
            ..
        }
    ));
    initial[7] = f32::NAN;
    assert!(matches!(
        refused(&initial),
        Error::InvalidRow {
            name: "initial scores",
            row: 7,
            ..
        }
    ));
}

#[test]
fn binary_scores_are_log_odds() {
    let values: Vec<f32> = (0..1000).map(|at| (at % 2) as f32).collect();
    let labels: Vec<f32> = (0..1000)
        .map(|at| f32::from(u8::from(at % 2 == 1 && at % 10 != 1)))
        .collect();
    let examples = Examples::new(Features::new(&values, 1).unwrap(), &labels);
    let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
    let parameters = Parameters {
        objective: Objective::Binary,
        trees: 200,
        ..Parameters::default()
    };
    let ensemble = fit(&dataset, None, &parameters).unwrap().ensemble;
    let chance = |value: f32| {
        ensemble
            .probability(ensemble.predict_row(&[value]).unwrap())
            .unwrap()
    };
    // Boosting ends once the sure side has too little hessian left to count as enough rows.
    assert!((chance(1.0) - 0.8).abs() < 0.01, "{}", chance(1.0));
    assert!(chance(0.0) < 0.01);
    assert!(
        fit_to(&Rows::new(50, 1).examples(), &small())
            .ensemble
            .probability(0.0)
            .is_none()
    );
}

#[test]
fn weights_count_as_copies() {
    let rows = Rows::new(300, 8);
    let mut copied = Rows {
        values: rows.values.clone(),
        labels: rows.labels.clone(),
    };
    let mut weights = vec![1.0; 300];
    for (row, weight) in weights.iter_mut().enumerate().take(100) {
        copied
            .values
            .extend_from_slice(&rows.values[row * COLUMNS..(row + 1) * COLUMNS]);
        copied.labels.push(rows.labels[row]);
        *weight = 2.0;
    }
    let parameters = Parameters {
        trees: 1,
        leaves: 2,
        leaf_rows_min: 1,
        ..small()
    };
    let weighted = Examples {
        weights: Some(&weights),
        ..rows.examples()
    };
    let a = fit_to(&weighted, &parameters).ensemble;
    let b = fit_to(&copied.examples(), &parameters).ensemble;
    for (x, y) in scores(&a, rows.features())
        .iter()
        .zip(scores(&b, rows.features()))
    {
        assert!((x - y).abs() < 1e-5, "{x} {y}");
    }
}

#[test]
fn missing_values_go_to_the_better_side() {
    for (missing_label, expected) in [(0.0, 0.0), (1.0, 1.0)] {
        let values: Vec<f32> = (0..300)
            .map(|at| {
                if at % 3 == 0 {
                    f32::NAN
                } else {
                    (at % 3) as f32
                }
            })
            .collect();
        let labels: Vec<f32> = (values.iter())
            .map(|&value| {
                if value.is_nan() {
                    missing_label
                } else {
                    value - 1.0
                }
            })
            .collect();
        let examples = Examples::new(Features::new(&values, 1).unwrap(), &labels);
        let parameters = Parameters {
            trees: 1,
            learning_rate: 1.0,
            leaves: 2,
            ..small()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let ensemble = fit(&dataset, None, &parameters).unwrap().ensemble;
        let score = ensemble.predict_row(&[f32::NAN]).unwrap();
        assert!((score - expected).abs() < 1e-6, "{score}");
        assert!((ensemble.predict_row(&[1.0]).unwrap()).abs() < 1e-6);
        assert!((ensemble.predict_row(&[2.0]).unwrap() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn monotone_columns_are_monotone() {
    let rows = Rows::new(2000, 10);
    for (monotone, sign) in [(Monotone::Increasing, 1.0), (Monotone::Decreasing, -1.0)] {
        let parameters = Parameters {
            monotone: vec![monotone, monotone],
            trees: 40,
            leaves: 31,
            ..small()
        };
        let ensemble = fit_to(&rows.examples(), &parameters).ensemble;
        for row in rows.features().rows().take(50) {
            for column in 0..2 {
                let mut row = row.to_vec();
                let mut last = f64::NEG_INFINITY;
                for step in -20..=20 {
                    row[column] = step as f32 * 0.25;
                    let score = sign * ensemble.predict_row(&row).unwrap();
                    assert!(score >= last - 1e-12, "{monotone:?} {column} {step}");
                    last = score;
                }
            }
        }
    }
}

#[test]
fn early_stopping_keeps_the_best() {
    let (train, valid) = (Rows::new(200, 11), Rows::new(200, 12));
    let mut noisy = Rows {
        values: train.values.clone(),
        labels: train.labels.clone(),
    };
    let mut noise = Noise(13);
    noisy
        .labels
        .iter_mut()
        .for_each(|label| *label += 4.0 * noise.next());
    let dataset = Dataset::new(&noisy.examples(), &bins()).unwrap();
    let parameters = Parameters {
        trees: 400,
        early_stopping: Some(10),
        learning_rate: 0.3,
        ..small()
    };
    let fitted = fit(&dataset, Some(&valid.examples()), &parameters).unwrap();
    let losses = &fitted.validation_losses;
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let best = losses.iter().position(|&loss| loss == least).unwrap();
    assert_eq!(losses.len(), best + 11);
    assert_eq!(fitted.ensemble.tree_count(), best + 1);
    let error = mean_square(&scores(&fitted.ensemble, valid.features()), &valid.labels);
    assert!((error - least).abs() < 1e-9);
}

#[test]
fn limits_are_kept() {
    let rows = Rows::new(500, 14);
    let parameters = Parameters {
        depth_max: 2,
        leaf_rows_min: 60,
        trees: 3,
        ..small()
    };
    let text = fit_to(&rows.examples(), &parameters).ensemble.to_lightgbm();
    for line in text.lines() {
        if let Some(leaves) = line.strip_prefix("num_leaves=") {
            assert!((2..=4).contains(&leaves.parse::<usize>().unwrap()));
        }
        if let Some(counts) = line.strip_prefix("leaf_count=") {
            assert!(
                counts
                    .split(' ')
                    .all(|count| count.parse::<usize>().unwrap() >= 60)
            );
        }
    }
    let tiny = Parameters {
        leaf_rows_min: 251,
        ..small()
    };
    let ensemble = fit_to(&rows.examples(), &tiny).ensemble;
    assert_eq!(ensemble.tree_count(), 1);
    let mean = f64::from(rows.labels.iter().sum::<f32>()) / 500.0;
    assert!((ensemble.predict_row(&[0.0; COLUMNS]).unwrap() - mean).abs() < 1e-4);
    assert_eq!(
        Ensemble::from_lightgbm(&ensemble.to_lightgbm()).unwrap(),
        ensemble
    );
}

#[test]
fn bad_input_is_named() {
    let rows = Rows::new(20, 15);
    assert!(Features::new(&[0.0; 5], 2).is_err() && Features::new(&[], 0).is_err());
    let check = |examples: Examples<'_>, options: BinOptions, parameters: Parameters| {
        let error = Dataset::new(&examples, &options)
            .and_then(|dataset| fit(&dataset, Some(&examples), &parameters))
            .unwrap_err();
        assert!(!error.to_string().is_empty());
        error
    };
    let examples = rows.examples();
    let few = Examples {
        labels: &rows.labels[1..],
        ..examples
    };
    assert!(matches!(
        check(few, bins(), small()),
        Error::Mismatch { count: 19, .. }
    ));
    let labels = vec![f32::NAN; 20];
    let bad = Examples {
        labels: &labels,
        ..examples
    };
    assert!(matches!(
        check(bad, bins(), small()),
        Error::InvalidRow { row: 0, .. }
    ));
    let weights = vec![-1.0; 20];
    let bad = Examples {
        weights: Some(&weights),
        ..examples
    };
    assert!(matches!(
        check(bad, bins(), small()),
        Error::InvalidRow { .. }
    ));
    let bad = Examples {
        group_sizes: &[5, usize::MAX, 16],
        ..examples
    };
    assert!(matches!(
        check(bad, bins(), small()),
        Error::Mismatch { .. }
    ));
    let ranking = Parameters {
        objective: Objective::LAMBDA_RANK,
        ..small()
    };
    assert!(matches!(
        check(examples, bins(), ranking),
        Error::InvalidRow { .. }
    ));
    let binary = Parameters {
        objective: Objective::Binary,
        ..small()
    };
    assert!(matches!(
        check(examples, bins(), binary),
        Error::InvalidRow { .. }
    ));
    let options = BinOptions {
        categorical: vec![9],
        ..BinOptions::default()
    };
    assert!(matches!(
        check(examples, options, small()),
        Error::OutOfRange { index: 9, .. }
    ));
    let options = BinOptions {
        bins_max: 256,
        ..BinOptions::default()
    };
    assert!(matches!(
        check(examples, options, small()),
        Error::InvalidOption { .. }
    ));
    let wrong = Parameters {
        learning_rate: f64::NAN,
        ..small()
    };
    assert!(matches!(
        check(examples, bins(), wrong),
        Error::InvalidOption { .. }
    ));
    let infinite = vec![f32::INFINITY; 20 * COLUMNS];
    let bad = Examples {
        features: Features::new(&infinite, COLUMNS).unwrap(),
        ..examples
    };
    assert!(Dataset::new(&bad, &BinOptions::default()).is_err());
    let ensemble = fit_to(&examples, &small()).ensemble;
    assert!(ensemble.predict_row(&[0.0]).is_err());
    assert!(
        ensemble
            .predict_into(rows.features(), &mut [0.0; 3])
            .is_err()
    );
    assert!(
        ensemble
            .clone()
            .with_names(vec!["a b".to_owned(); COLUMNS])
            .is_err()
    );
    assert!(ensemble.with_names(vec!["a".to_owned(); COLUMNS]).is_ok());
}
