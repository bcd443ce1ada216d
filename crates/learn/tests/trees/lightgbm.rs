//! Models of LightGBM 4.7.0: the same scores and contributions; see
//! `eval/tools/make_lightgbm_fixtures.py`.

use leitmotif_learn::trees::{Ensemble, Features};

/// Sums of doubles in another order differ by less; a wrong turn at a node by far more.
const TOLERANCE: f64 = 1e-9;

const MODELS: [&str; 6] = [
    "binary_nan",
    "categories",
    "lambdarank",
    "regression_40_leaves",
    "regression_80_leaves",
    "zero_missing",
];

pub fn model_text(name: &str) -> String {
    read(&format!("{name}.model.txt"))
}

fn read(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lightgbm");
    std::fs::read_to_string(format!("{folder}/{file}")).unwrap()
}

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    let words = text.split(' ').map(|word| word.parse().ok().unwrap());
    words.collect()
}

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

#[test]
fn scores_and_contributions_are_those_of_lightgbm() {
    for name in MODELS {
        let ensemble = Ensemble::from_lightgbm(&model_text(name)).unwrap();
        let again = Ensemble::from_lightgbm(&ensemble.to_lightgbm()).unwrap();
        assert_eq!(again, ensemble, "{name}");
        let text = read(&format!("{name}.rows.tsv"));
        let (mut all, mut expected) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let parts: Vec<&str> = line.split('|').collect();
            let row: Vec<f32> = numbers(parts[0]);
            let score: f64 = parts[1].parse().unwrap();
            let shares: Vec<f64> = numbers(parts[2]);
            let got = ensemble.predict_row(&row).unwrap();
            assert!(
                close(got, score),
                "{name}, row {at}: {got}, not {score}, for {row:?}"
            );
            let contributions = ensemble.contributions(&row).unwrap();
            let got_shares = contributions.columns.iter().chain([&contributions.bias]);
            for (column, (&got, &share)) in got_shares.zip(&shares).enumerate() {
                assert!(
                    close(got, share),
                    "{name}, row {at}, {column}: {got}, not {share}"
                );
            }
            all.extend(row);
            expected.push(got);
        }
        let features = Features::new(&all, ensemble.column_count()).unwrap();
        assert_eq!(super::data::scores(&ensemble, features), expected, "{name}");
    }
}

#[test]
fn what_we_write_has_their_fields() {
    let theirs = model_text("categories");
    let ours = Ensemble::from_lightgbm(&theirs).unwrap().to_lightgbm();
    let keys = |text: &str| -> Vec<String> {
        let lines = text.lines().take_while(|line| *line != "end of trees");
        lines
            .map(|line| line.split('=').next().unwrap().to_owned())
            .collect()
    };
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(sorted(keys(&ours)), sorted(keys(&theirs)));
    let sizes = ours
        .lines()
        .find_map(|line| line.strip_prefix("tree_sizes="))
        .unwrap();
    let mut at = ours.find("Tree=0").unwrap();
    for size in numbers::<usize>(sizes) {
        assert!(ours[at..].starts_with("Tree="));
        at += size;
    }
    assert!(ours[at..].starts_with("end of trees"));
}
