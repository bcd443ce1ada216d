//! Files that nobody should have written: a reason with a remedy, never a panic.

use leitmotif_learn::ErrorKind;
use leitmotif_learn::trees::{Ensemble, Features};
use proptest::prelude::*;

use super::lightgbm::model_text;

/// Reads a model and uses all of it; a model that is read must also work.
fn exercise(text: &str) {
    let Ok(ensemble) = Ensemble::from_lightgbm(text) else {
        return;
    };
    let width = ensemble.column_count();
    let values: Vec<f32> = (0..3 * width)
        .map(|at| [0.0, f32::NAN, -1.5][at % 3])
        .collect();
    let mut scores = vec![0.0; 3];
    let features = Features::new(&values, width).unwrap();
    ensemble.predict_into(features, &mut scores).unwrap();
    for (row, score) in features.rows().zip(scores) {
        assert_eq!(
            ensemble.predict_row(row).unwrap().to_bits(),
            score.to_bits()
        );
        let _ = ensemble.contributions(row);
    }
    Ensemble::from_lightgbm(&ensemble.to_lightgbm()).unwrap();
}

#[test]
fn each_damage_is_named() {
    let numbers = model_text("binary_nan");
    let sets = model_text("categories");
    let edit = |text: &str, key: &str, value: &str| {
        let mut is_done = false;
        let lines = text.lines().map(|line| {
            if line.starts_with(&format!("{key}=")) && !is_done {
                is_done = true;
                return format!("{key}={value}");
            }
            line.to_owned()
        });
        let edited: Vec<String> = lines.collect();
        assert!(is_done, "{key}");
        edited.join("\n")
    };
    let nan = "nan 1 1 1 1 1 1 1";
    let cases = [
        (String::new(), "it ends before"),
        ("tree\n".to_owned(), "it ends before"),
        ("forest\n".to_owned(), "starts with `tree`"),
        (numbers.replace("end of trees", ""), "expected `Tree=`"),
        (edit(&numbers, "version", "v9"), "LightGBM 3 or 4"),
        (edit(&numbers, "num_class", "3"), "fit one model a class"),
        (edit(&numbers, "max_feature_idx", "9"), "`feature_names`"),
        (
            edit(&numbers, "max_feature_idx", "18446744073709551615"),
            "`feature_names`",
        ),
        (edit(&numbers, "tree_sizes", "1 2"), "names 2"),
        (edit(&numbers, "num_leaves", "0"), "allowed is 1 to"),
        (
            edit(&numbers, "num_leaves", "99999999999"),
            "allowed is 1 to",
        ),
        (edit(&numbers, "num_leaves", "65536"), "need 65536"),
        (edit(&numbers, "num_leaves", "-3"), "no number of its kind"),
        (
            edit(&numbers, "threshold", nan),
            "`threshold` is not a number",
        ),
        (edit(&numbers, "threshold", "1 2"), "has 2 numbers, need 8"),
        (
            edit(&numbers, "split_feature", "0 1 2 3 4 0 0 0"),
            "outside the 4",
        ),
        (
            edit(&numbers, "split_feature", "-1 1 2 3 0 0 0 0"),
            "no number",
        ),
        (
            edit(&numbers, "left_child", "0 2 3 4 5 6 7 1"),
            "reached twice",
        ),
        (
            edit(&numbers, "left_child", "900 2 3 4 5 6 7 1"),
            "does not exist",
        ),
        (
            edit(&numbers, "left_child", "-2147483648 2 3 4 5 6 7 1"),
            "does not exist",
        ),
        (
            edit(&numbers, "decision_type", "12 0 0 0 0 0 0 0"),
            "decision 12",
        ),
        (edit(&numbers, "is_linear", "1"), "linear_tree=false"),
        (
            edit(&numbers, "leaf_value", "nan 1 1 1 1 1 1 1 1"),
            "not a number",
        ),
        (
            edit(&numbers, "leaf_count", "-1 1 1 1 1 1 1 1 1"),
            "no number",
        ),
        (edit(&sets, "num_cat", "4000000000"), "too large"),
        (
            edit(&sets, "cat_boundaries", "0 9 3 4 5"),
            "`cat_threshold`",
        ),
        (
            edit(&sets, "threshold", "7 0 1 2 3 4 5 6 7"),
            "no set of categories",
        ),
        (edit(&sets, "threshold", "0 0 0 0 0 0 0 0 0"), "used twice"),
    ];
    for (text, reason) in cases {
        let error = Ensemble::from_lightgbm(&text).unwrap_err();
        assert!(
            error.to_string().contains(reason),
            "{error}; expected {reason}"
        );
    }
    let error = Ensemble::from_lightgbm("forest\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let linear = edit(&numbers, "is_linear", "1");
    let error = Ensemble::from_lightgbm(&linear).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn deep_trees_are_refused_before_anything_recurses() {
    let deep = |node_count: usize| {
        let list = |of: &dyn Fn(usize) -> String, count: usize| {
            (0..count).map(of).collect::<Vec<_>>().join(" ")
        };
        let left = |at: usize| {
            if at + 1 < node_count {
                at + 1
            } else {
                usize::MAX
            }
        };
        let child = |at: usize| match left(at) {
            usize::MAX => (!(node_count as i64)).to_string(),
            next => next.to_string(),
        };
        let zeros = list(&|_| "0".to_owned(), node_count);
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\n\
             feature_names=a\nfeature_infos=none\n\nTree=0\nnum_leaves={}\nsplit_feature={zeros}\n\
             threshold={zeros}\ndecision_type={zeros}\nleft_child={}\nright_child={}\n\
             leaf_value={}\n\nend of trees\n",
            node_count + 1,
            list(&child, node_count),
            list(&|at| (!(at as i64)).to_string(), node_count),
            list(&|_| "1".to_owned(), node_count + 1),
        )
    };
    exercise(&deep(512));
    assert!(Ensemble::from_lightgbm(&deep(512)).is_ok());
    let error = Ensemble::from_lightgbm(&deep(513)).unwrap_err();
    assert!(error.to_string().contains("`max_depth`"), "{error}");
    assert!(Ensemble::from_lightgbm(&deep(60_000)).is_err());
}

#[test]
fn cut_files_are_refused() {
    for name in ["binary_nan", "categories"] {
        let text = model_text(name);
        let end = text.find("end of trees").unwrap();
        for at in 0..end {
            assert!(
                Ensemble::from_lightgbm(&text[..at]).is_err(),
                "{name} cut at {at}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutations_never_panic(
        is_sets in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12), 1..6),
    ) {
        let text = model_text(if is_sets { "categories" } else { "binary_nan" });
        let mut words: Vec<String> = text.split_inclusive([' ', '\n', '=']).map(str::to_owned).collect();
        let values = ["0", "-1", "1", "nan", "inf", "-inf", "1e400", "4294967295", "", "x", "2", "-2147483648"];
        for (at, value) in edits {
            let at = at.index(words.len());
            let end = words[at].chars().last().unwrap_or(' ');
            words[at] = format!("{}{end}", values[value]);
        }
        exercise(&words.concat());
    }

    #[test]
    fn noise_never_panics(text in "\\PC{0,200}") {
        exercise(&text);
    }
}
