//! Hand-worked cases, properties, and what must not pass the bar.

use proptest::prelude::*;

use super::calibration::Calibration;
use super::folds::deal;
use super::measure::{Scored, measure};
use super::*;
use crate::random::SplitMix;

/// A number in −1..1.
fn noise(random: &mut SplitMix) -> f32 {
    random.below(2_000_001) as f32 / 1e6 - 1.0
}

/// Rows of `width` columns of noise, by artists of four tracks; `tell` writes what tells.
fn world(
    artists: usize,
    width: usize,
    tell: impl Fn(u64, &mut [f32], &mut SplitMix) -> bool,
) -> (Examples, Vec<bool>) {
    let mut random = SplitMix::new(3);
    let (mut rows, mut groups, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for artist in 0..artists as u64 {
        for _ in 0..4 {
            let mut row: Vec<f32> = (0..width).map(|_| noise(&mut random)).collect();
            targets.push(tell(artist, &mut row, &mut random));
            rows.extend(row);
            groups.push(artist.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
    }
    (Examples::new(rows, width, groups).expect("fits"), targets)
}

fn train(examples: &Examples, targets: &[bool]) -> Result<Judged, Shortage> {
    let rows: Vec<usize> = (0..examples.len()).collect();
    train_head(examples, &rows, targets, HeadOptions::default())
}

#[test]
fn a_hand_worked_regression() {
    // Two rows at ±1 after scaling, one of each kind: the loss is softplus(−w) + w²λ/2, whose slope is 0
    // where sigmoid(−w) = λ w. For λ = 0.5 that is w = 0.6748...; by symmetry the bias is 0.
    let examples = Examples::new(vec![2.0, 4.0], 1, vec![1, 2]).unwrap();
    let options = LogisticOptions {
        penalty: 0.5,
        is_balanced: false,
    };
    let fitted = Logistic::fit(&examples, &[0, 1], &[false, true], options);
    let weight = fitted.weights[0];
    assert!(
        (1.0 / (1.0 + weight.exp()) - 0.5 * weight).abs() < 1e-6,
        "{weight}"
    );
    assert!((weight - 0.674_8).abs() < 1e-3 && fitted.bias.abs() < 1e-6);
    assert!((fitted.score(&[2.0]) - 2.0 * weight).abs() < 1e-9);
}

#[test]
fn without_columns_the_bias_is_the_log_odds_and_balance_makes_it_zero() {
    let examples = Examples::new(Vec::new(), 0, vec![1, 2, 3, 4]).unwrap();
    let targets = [true, false, false, false];
    let fit = |is_balanced| {
        let options = LogisticOptions {
            penalty: 1.0,
            is_balanced,
        };
        Logistic::fit(&examples, &[0, 1, 2, 3], &targets, options).bias
    };
    assert!((fit(false) + 3f64.ln()).abs() < 1e-5);
    assert!(fit(true).abs() < 1e-5);
    let one_kind = Logistic::fit(&examples, &[1, 2], &[false; 2], LogisticOptions::default());
    assert_eq!(one_kind.bias, 0.0);
}

#[test]
fn hand_worked_measures() {
    let targets = [true, false, true, false];
    // Positives at places 1 and 3: (1/1 + 2/3) / 2. Pairs in order: 2 + 1 of 4.
    let scores = [4.0, 3.0, 2.0, 1.0];
    assert!((average_precision(&scores, &targets) - 5.0 / 6.0).abs() < 1e-12);
    assert!((roc_auc(&scores, &targets) - 0.75).abs() < 1e-12);
    // All equal: one step at the share of positives, and half of the pairs.
    assert_eq!(average_precision(&[1.0; 4], &targets), 0.5);
    assert_eq!(roc_auc(&[1.0; 4], &targets), 0.5);
    assert_eq!((average_precision(&[], &[]), roc_auc(&[], &[])), (0.0, 0.5));
}

#[test]
fn f1_skill_and_bounds_by_hand() {
    let row = |score: f64, is_positive, is_named, group| Scored {
        score,
        is_positive,
        is_named,
        group,
    };
    // Named: one right, one wrong; one missed. F1 = 2·1 / (2 + 2).
    let rows = vec![
        row(4.0, true, true, 1),
        row(3.0, false, true, 2),
        row(2.0, true, false, 3),
        row(1.0, false, false, 4),
    ];
    let found = measure(rows, 1);
    assert_eq!(found.f1.value, 0.5);
    assert!((found.skill.value - (5.0 / 6.0 - 0.5) / 0.5).abs() < 1e-12);
    assert!((found.f1_of_yes - 2.0 / 3.0).abs() < 1e-12);
    for interval in [
        found.f1,
        found.skill,
        found.average_precision,
        found.roc_auc,
    ] {
        assert!(interval.low <= interval.value && interval.value <= interval.high);
    }
}

#[test]
fn a_calibrated_score_is_the_share_of_positives() {
    // At score −1 one of four is positive, at 1 three of four. Platt's smoothed targets pull towards half.
    let (mut scores, mut targets) = (Vec::new(), Vec::new());
    for place in 0..4_000 {
        let is_high = place % 2 == 0;
        scores.push(if is_high { 1.0 } else { -1.0 });
        targets.push((place / 2 % 4 == 0) != is_high);
    }
    let calibration = Calibration::fit(&scores, &targets);
    assert!((calibration.probability(1.0) - 0.75).abs() < 1e-3);
    assert!((calibration.probability(-1.0) - 0.25).abs() < 1e-3);
    // Scores that are the wrong way round are worth nothing, and never turn the order over.
    let turned: Vec<f64> = scores.iter().map(|score| -score).collect();
    let flat = Calibration::fit(&turned, &targets);
    assert_eq!(flat.slope, 0.0);
    assert!((flat.probability(5.0) - 0.5).abs() < 1e-3);
}

#[test]
fn no_artist_is_in_two_folds_and_a_label_of_five_artists_is_in_each() {
    let (examples, targets) = world(40, 1, |artist, _, _| artist.is_multiple_of(8));
    let groups: Vec<u64> = (0..examples.len()).map(|row| examples.group(row)).collect();
    let folds = deal(&groups, &targets);
    for (a, fold) in groups.iter().zip(&folds) {
        let same = groups.iter().zip(&folds).filter(|(b, _)| *b == a);
        assert!(same.clone().all(|(_, other)| other == fold));
    }
    for fold in 0..FOLDS {
        assert!((folds.iter().zip(&targets)).any(|(at, target)| *at == fold && *target));
    }
}

#[test]
fn what_tells_passes_the_bar_and_noise_does_not() {
    let tells = |artist: u64, row: &mut [f32], random: &mut SplitMix| {
        let is_so = artist.is_multiple_of(3);
        row[0] = if is_so { 1.0 } else { 0.0 } + 0.3 * noise(random);
        is_so
    };
    let (examples, targets) = world(45, 8, tells);
    let judged = train(&examples, &targets).unwrap();
    assert!(judged.measure.is_above_bar(), "{:?}", judged.measure);
    let (sure, is_named) = judged.head.judge(examples.row(0));
    assert!(sure > 0.9 && is_named, "{sure}");
    let (examples, targets) = world(45, 8, |artist, _, _| artist.is_multiple_of(3));
    let judged = train(&examples, &targets).unwrap();
    assert!(!judged.measure.is_above_bar() && judged.measure.skill.low < 0.2);
    assert_eq!(judged.measure.labels_factor(), 2.0);
}

#[test]
fn knowing_the_artist_is_worth_nothing() {
    // One column an artist: on tracks of known artists the label would be told without a fault.
    let artists = 40;
    let tells = |artist: u64, row: &mut [f32], _: &mut SplitMix| {
        row.fill(0.0);
        row[artist as usize] = 1.0;
        row[40] = artist as f32;
        (artist * 7 + 3) % 11 < 4
    };
    let (examples, targets) = world(artists, 41, tells);
    let judged = train(&examples, &targets).unwrap();
    let rows: Vec<usize> = (0..examples.len()).collect();
    let seen = Logistic::fit(&examples, &rows, &targets, LogisticOptions::default());
    let scores: Vec<f64> = rows
        .iter()
        .map(|row| seen.score(examples.row(*row)))
        .collect();
    assert!(
        average_precision(&scores, &targets) > 0.99,
        "the artist does tell on known tracks"
    );
    assert!(judged.measure.skill.value < 0.2, "{:?}", judged.measure);
    assert!(!judged.measure.is_above_bar());
}

#[test]
fn a_shortage_says_what_is_missing() {
    let (examples, targets) = world(40, 2, |artist, _, _| artist < 2);
    let missing = Shortage {
        tracks: 12,
        artists: 3,
        ..Shortage::default()
    };
    assert_eq!(train(&examples, &targets).unwrap_err(), missing);
    let (examples, targets) = world(6, 2, |_, _, _| true);
    let missing = Shortage {
        other_tracks: 20,
        other_artists: 5,
        ..Shortage::default()
    };
    assert_eq!(train(&examples, &targets).unwrap_err(), missing);
    let nothing = Examples::new(Vec::new(), 3, Vec::new()).unwrap();
    let missing = train(&nothing, &[]).unwrap_err();
    assert_eq!((missing.tracks, missing.other_artists), (20, 5));
}

#[test]
fn unknown_infinite_and_constant_numbers_do_no_harm() {
    let absurd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        0.0,
    ];
    let tells = |artist: u64, row: &mut [f32], random: &mut SplitMix| {
        row[0] = absurd[random.below(absurd.len())];
        row[1] = f32::NAN;
        row[2] = 7.5;
        artist.is_multiple_of(2)
    };
    let (examples, targets) = world(20, 4, tells);
    for row in 0..examples.len() {
        assert!(examples.row(row).iter().all(|value| value.abs() <= 5.0));
        assert_eq!(examples.row(row)[1..3], [0.0; 2]);
    }
    let judged = train(&examples, &targets).unwrap();
    assert!(
        judged
            .head
            .logistic
            .weights
            .iter()
            .all(|weight| weight.is_finite())
    );
    assert!(Examples::new(vec![1.0; 5], 2, vec![1, 2]).is_err());
}

#[test]
fn more_labels_are_asked_for_where_they_can_help() {
    let at = |value: f64, low: f64| Interval {
        value,
        low,
        high: 1.0,
    };
    let factor = |skill, f1| {
        HeadMeasure {
            skill,
            f1,
            ..HeadMeasure::default()
        }
        .labels_factor()
    };
    let good = at(0.9, 0.8);
    // 0.3 wide where 0.2 are allowed: (0.3 / 0.2)² times as many.
    assert!((factor(at(0.7, 0.4), good) - 2.25).abs() < 1e-9);
    assert_eq!(factor(at(0.501, 0.2), good), 4.0);
    assert_eq!(factor(good, at(0.3, 0.1)), 2.0);
    assert_eq!(factor(good, good), 1.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The order of the rows changes no fold, and the same rows give the same bits on any thread.
    #[test]
    fn folds_follow_from_the_artists_alone(seed in 0_u64..1_000) {
        let mut random = SplitMix::new(seed);
        let groups: Vec<u64> = (0..60).map(|_| random.below(12) as u64).collect();
        let targets: Vec<bool> = (0..60).map(|_| random.below(3) == 0).collect();
        let folds = deal(&groups, &targets);
        let mut order: Vec<usize> = (0..60).collect();
        (1..60).rev().for_each(|at| order.swap(at, random.below(at + 1)));
        let turned_groups: Vec<u64> = order.iter().map(|at| groups[*at]).collect();
        let turned_targets: Vec<bool> = order.iter().map(|at| targets[*at]).collect();
        let turned = deal(&turned_groups, &turned_targets);
        for (place, at) in order.iter().enumerate() {
            prop_assert_eq!(turned[place], folds[*at]);
        }
    }

    /// Turning a label round turns the regression round.
    #[test]
    fn a_label_and_its_opposite_are_one_regression(seed in 0_u64..1_000) {
        let mut random = SplitMix::new(seed);
        let rows: Vec<f32> = (0..120).map(|_| noise(&mut random)).collect();
        let examples = Examples::new(rows, 3, (0..40).collect()).unwrap();
        let chosen: Vec<usize> = (0..40).collect();
        let targets: Vec<bool> = (0..40).map(|_| random.below(2) == 0).collect();
        let turned: Vec<bool> = targets.iter().map(|target| !target).collect();
        let options = LogisticOptions::default();
        let one = Logistic::fit(&examples, &chosen, &targets, options);
        let other = Logistic::fit(&examples, &chosen, &turned, options);
        prop_assert_eq!(&one, &Logistic::fit(&examples, &chosen, &targets, options));
        for row in 0..40 {
            let sum = one.score(examples.row(row)) + other.score(examples.row(row));
            prop_assert!(sum.abs() < 1e-3, "{}", sum);
        }
    }

    /// Average precision lies between its least and 1, and a monotone change of scores changes nothing.
    #[test]
    fn measures_look_at_the_order_alone(rows in prop::collection::vec((-50_i32..50, any::<bool>()), 1..80)) {
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
        let grown: Vec<f64> = scores.iter().map(|score| (score / 10.0).exp()).collect();
        let targets: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let precision = average_precision(&scores, &targets);
        prop_assert!((0.0..=1.0).contains(&precision));
        prop_assert_eq!(precision, average_precision(&grown, &targets));
        prop_assert_eq!(roc_auc(&scores, &targets), roc_auc(&grown, &targets));
        let turned: Vec<bool> = targets.iter().map(|target| !target).collect();
        prop_assert!((roc_auc(&scores, &targets) + roc_auc(&scores, &turned) - 1.0).abs() < 1e-9);
    }
}
