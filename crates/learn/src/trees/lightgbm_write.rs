//! Writing LightGBM's text form.

use std::fmt::Write;

use super::ensemble::Ensemble;
use super::tree::{Missing, Node, Outcome, Test, Tree};

impl Ensemble {
    /// Writes the model so that LightGBM 3 and 4, and [`Ensemble::from_lightgbm`], read it.
    ///
    /// - Cost: O(nodes); about 4 KB for a tree of 31 leaves.
    pub fn to_lightgbm(&self) -> String {
        let trees: Vec<String> = (self.trees.iter().enumerate())
            .map(|(at, tree)| tree_text(at, tree))
            .collect();
        let mut text = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\n");
        let sizes = joined(trees.iter().map(String::len));
        text.push_str("label_index=0\n");
        push(&mut text, "max_feature_idx", self.column_count() - 1);
        if !self.objective.is_empty() {
            push(&mut text, "objective", &self.objective);
        }
        push(&mut text, "feature_names", self.names.join(" "));
        push(&mut text, "feature_infos", self.infos.join(" "));
        push(&mut text, "tree_sizes", sizes);
        text.push('\n');
        trees.iter().for_each(|tree| text.push_str(tree));
        text.push_str("end of trees\n\nfeature_importances:\n");
        let mut used: Vec<(usize, &String)> = (self.importances().iter().zip(&self.names))
            .filter(|(importance, _)| importance.split_count > 0)
            .map(|(importance, name)| (importance.split_count, name))
            .collect();
        used.sort_by_key(|&(count, _)| usize::MAX - count);
        for (count, name) in used {
            push(&mut text, name, count);
        }
        text.push_str("\npandas_categorical:null\n");
        text
    }
}

fn tree_text(at: usize, tree: &Tree) -> String {
    let mut text = String::new();
    let sets: Vec<&[u32]> = (tree.nodes.iter())
        .filter_map(|node| match &node.test {
            Test::Categories { set, .. } => Some(set.as_slice()),
            Test::Number { .. } => None,
        })
        .collect();
    let mut next_set = 0;
    let thresholds = tree.nodes.iter().map(|node| match node.test {
        Test::Number { threshold, .. } => number(threshold),
        Test::Categories { .. } => {
            next_set += 1;
            (next_set - 1).to_string()
        }
    });
    push(&mut text, "Tree", at);
    push(&mut text, "num_leaves", tree.leaves.len());
    push(&mut text, "num_cat", sets.len());
    let nodes = || tree.nodes.iter();
    push(
        &mut text,
        "split_feature",
        joined(nodes().map(|node| node.column)),
    );
    push(
        &mut text,
        "split_gain",
        joined(nodes().map(|node| number(node.gain))),
    );
    push(&mut text, "threshold", joined(thresholds));
    push(&mut text, "decision_type", joined(nodes().map(decision)));
    push(
        &mut text,
        "left_child",
        joined(nodes().map(|node| node.left)),
    );
    push(
        &mut text,
        "right_child",
        joined(nodes().map(|node| node.right)),
    );
    push_outcomes(&mut text, "leaf", &tree.leaves);
    let inner: Vec<Outcome> = nodes().map(|node| node.outcome).collect();
    push_outcomes(&mut text, "internal", &inner);
    if !sets.is_empty() {
        let ends = sets.iter().scan(0, |end, set| {
            *end += set.len();
            Some(*end)
        });
        push(
            &mut text,
            "cat_boundaries",
            joined(std::iter::once(0).chain(ends)),
        );
        push(
            &mut text,
            "cat_threshold",
            joined(sets.iter().copied().flatten()),
        );
    }
    push(&mut text, "is_linear", 0);
    push(&mut text, "shrinkage", number(tree.shrinkage));
    text.push_str("\n\n");
    text
}

fn push_outcomes(text: &mut String, kind: &str, outcomes: &[Outcome]) {
    let all = || outcomes.iter();
    push(
        text,
        &format!("{kind}_value"),
        joined(all().map(|o| number(o.value))),
    );
    push(
        text,
        &format!("{kind}_weight"),
        joined(all().map(|o| number(o.weight))),
    );
    push(
        text,
        &format!("{kind}_count"),
        joined(all().map(|o| o.count)),
    );
}

fn push(text: &mut String, key: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key}={value}");
}

fn joined<T: ToString>(values: impl Iterator<Item = T>) -> String {
    let words: Vec<String> = values.map(|value| value.to_string()).collect();
    words.join(" ")
}

/// Shortest text that reads back to the same bits, with an exponent where digits would be many.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e16).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Kind of test, side and kind of missing values as bits.
fn decision(node: &Node) -> u8 {
    let code = |missing: Missing| match missing {
        Missing::None => 0,
        Missing::Zero => 4,
        Missing::Nan => 8,
    };
    match node.test {
        Test::Number {
            missing,
            is_missing_left,
            ..
        } => code(missing) | u8::from(is_missing_left) << 1,
        Test::Categories { missing, .. } => code(missing) | 1,
    }
}
