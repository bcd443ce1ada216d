//! Reading LightGBM's text form.

use super::ensemble::Ensemble;
use super::lightgbm_text::{Lines, Section};
use super::parameters::{DEPTH_MAX, LEAVES_MAX, TREES_MAX};
use super::tree::{Missing, Node, Outcome, Test, Tree};
use crate::error::{Error, Result};

/// Longest model text; a model of 10,000 trees with 31 leaves has 40 MB.
const TEXT_BYTES_MAX: usize = 256 << 20;

impl Ensemble {
    /// Reads a model that LightGBM or [`Ensemble::to_lightgbm`] wrote; text of any origin is safe.
    ///
    /// Scores are those of LightGBM for the same single-precision rows, as raw scores.
    ///
    /// - Errors: [`Error::Corrupt`] with the line and what to do; [`Error::Unsupported`] for several
    ///   classes, averaged or linear trees; [`Error::TooLarge`] above 256 MiB.
    /// - Cost: O(text); memory at most some twenty times the text.
    /// - Source: files of LightGBM 4.7.0, versions v3 and v4 of the format.
    pub fn from_lightgbm(text: &str) -> Result<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TooLarge { count: text.len() });
        }
        let mut lines = Lines::new(text);
        let header = Header::read(&mut lines)?;
        let mut trees = Vec::new();
        loop {
            let line = lines.next_filled()?;
            if line.text == "end of trees" {
                break;
            }
            if !line.text.starts_with("Tree=") {
                return Err(line.corrupt("expected `Tree=` or `end of trees`"));
            }
            if trees.len() == TREES_MAX {
                return Err(Error::TooLarge {
                    count: TREES_MAX + 1,
                });
            }
            let section = Section::read(line, &mut lines)?;
            trees.push(read_tree(&section, header.names.len())?);
        }
        let declared = header.tree_count;
        if trees.is_empty() || declared.is_some_and(|count| count != trees.len()) {
            return Err(Error::Corrupt(format!(
                "it has {} trees where `tree_sizes` names {}, save the model again",
                trees.len(),
                declared.unwrap_or(1)
            )));
        }
        Ok(Self::assemble(
            trees,
            header.names,
            header.infos,
            header.objective,
        ))
    }
}

/// What stands before the trees.
struct Header {
    names: Vec<String>,
    infos: Vec<String>,
    objective: String,
    tree_count: Option<usize>,
}

impl Header {
    fn read(lines: &mut Lines<'_>) -> Result<Self> {
        let first = lines.next_line()?;
        if first.text != "tree" {
            return Err(first.corrupt("a LightGBM model starts with `tree`"));
        }
        let section = Section::read(first, lines)?;
        let version = section.line("version")?;
        if !matches!(version.text, "v3" | "v4") {
            let what = format!("format `{}`, save it with LightGBM 3 or 4", version.text);
            return Err(Error::Unsupported(what));
        }
        let classes: usize = section.one("num_class")?;
        let per_round: usize = section.one("num_tree_per_iteration")?;
        if classes != 1 || per_round != 1 {
            let what = format!("{classes} classes, fit one model a class");
            return Err(Error::Unsupported(what));
        }
        if section.values.contains_key("average_output") {
            let what = "averaged trees (`boosting=rf`), fit with `boosting=gbdt`";
            return Err(Error::Unsupported(what.to_owned()));
        }
        let most: usize = section.one("max_feature_idx")?;
        let words = |key: &str| -> Result<Vec<String>> {
            let line = section.line(key)?;
            let words: Vec<String> = line.text.split(' ').map(str::to_owned).collect();
            if Some(words.len()) != most.checked_add(1) {
                let what = format!("`{key}` does not name {most} + 1 columns");
                return Err(line.corrupt(&what));
            }
            Ok(words)
        };
        let sizes = section.values.get("tree_sizes");
        Ok(Self {
            names: words("feature_names")?,
            infos: words("feature_infos")?,
            objective: (section.values.get("objective"))
                .map_or_else(String::new, |line| line.text.to_owned()),
            tree_count: sizes.map(|line| line.text.split_ascii_whitespace().count()),
        })
    }
}

fn read_tree(section: &Section<'_>, column_count: usize) -> Result<Tree> {
    let leaf_count: usize = section.one("num_leaves")?;
    if !(1..=LEAVES_MAX).contains(&leaf_count) {
        let what = format!("`num_leaves` is {leaf_count}, allowed is 1 to {LEAVES_MAX}");
        return Err(section.line("num_leaves")?.corrupt(&what));
    }
    if section.optional::<u8>("is_linear", 1)? != [0] {
        let what = "linear trees, fit with `linear_tree=false`";
        return Err(Error::Unsupported(what.to_owned()));
    }
    let node_count = leaf_count - 1;
    let leaves = outcomes(section, "leaf", leaf_count)?;
    let inner = outcomes(section, "internal", node_count)?;
    let columns: Vec<u32> = section.many("split_feature", node_count)?;
    if columns
        .iter()
        .any(|&column| column as usize >= column_count)
    {
        let what = format!("`split_feature` names a column outside the {column_count}");
        return Err(section.line("split_feature")?.corrupt(&what));
    }
    let tests = read_tests(section, node_count)?;
    let left: Vec<i32> = section.many("left_child", node_count)?;
    let right: Vec<i32> = section.many("right_child", node_count)?;
    let gains = match section.values.contains_key("split_gain") {
        true => section.finite("split_gain", node_count)?,
        false => vec![0.0; node_count],
    };
    let nodes = (tests.into_iter().enumerate())
        .map(|(at, test)| Node {
            column: columns[at],
            test,
            left: left[at],
            right: right[at],
            gain: gains[at],
            outcome: inner[at],
        })
        .collect();
    let shrinkage: Vec<f64> = section.optional("shrinkage", 1)?;
    let tree = Tree {
        nodes,
        leaves,
        shrinkage: shrinkage[0],
    };
    check_shape(&tree).map_err(|what| section.first.corrupt(what))?;
    Ok(tree)
}

/// Values, weights and counts of the leaves or nodes.
fn outcomes(section: &Section<'_>, kind: &str, count: usize) -> Result<Vec<Outcome>> {
    let key = |what: &str| format!("{kind}_{what}");
    let value_key = key("value");
    let values = match kind == "leaf" || section.values.contains_key(value_key.as_str()) {
        true => section.finite(&value_key, count)?,
        false => vec![0.0; count],
    };
    let weight_key = key("weight");
    // A constant tree is written with an empty list.
    let is_weighed = (section.values.get(weight_key.as_str())).is_some_and(|l| !l.text.is_empty());
    let weights = match is_weighed {
        true => section.finite(&weight_key, count)?,
        false => vec![0.0; count],
    };
    let count_key = key("count");
    let is_counted = (section.values.get(count_key.as_str())).is_some_and(|l| !l.text.is_empty());
    let counts: Vec<u64> = match is_counted {
        true => section.many(&count_key, count)?,
        false => vec![0; count],
    };
    let parts = values.into_iter().zip(weights).zip(counts);
    Ok(parts
        .map(|((value, weight), count)| Outcome {
            value,
            weight,
            count,
        })
        .collect())
}

fn read_tests(section: &Section<'_>, node_count: usize) -> Result<Vec<Test>> {
    let thresholds = section.finite("threshold", node_count)?;
    let decisions: Vec<u8> = section.many("decision_type", node_count)?;
    let mut sets = read_sets(section)?;
    let pairs = thresholds.into_iter().zip(decisions);
    pairs
        .map(|(threshold, decision)| {
            let missing = match decision >> 2 {
                0 => Missing::None,
                1 => Missing::Zero,
                2 => Missing::Nan,
                _ => {
                    let line = section.line("decision_type")?;
                    return Err(line.corrupt(&format!("decision {decision} is unknown")));
                }
            };
            if decision & 1 == 0 {
                return Ok(Test::Number {
                    threshold,
                    missing,
                    is_missing_left: decision & 2 != 0,
                });
            }
            let is_whole = threshold >= 0.0 && threshold.fract() == 0.0;
            let set = sets.get_mut(threshold as usize).filter(|_| is_whole);
            // A set that many nodes share would be copied for each of them.
            let Some(set) = set.and_then(Option::take) else {
                let line = section.line("threshold")?;
                let what = format!("{threshold} is no set of categories, or used twice");
                return Err(line.corrupt(&what));
            };
            Ok(Test::Categories { set, missing })
        })
        .collect()
}

/// The sets of categories of a tree, each used by one node.
fn read_sets(section: &Section<'_>) -> Result<Vec<Option<Vec<u32>>>> {
    let set_count = section.optional::<u32>("num_cat", 1)?[0] as usize;
    if set_count == 0 {
        return Ok(Vec::new());
    }
    if set_count >= LEAVES_MAX {
        return Err(section.line("num_cat")?.corrupt("`num_cat` is too large"));
    }
    let bounds: Vec<usize> = section.many("cat_boundaries", set_count + 1)?;
    let is_rising = bounds.is_sorted() && bounds[0] == 0;
    let word_count = bounds.last().copied().unwrap_or(0);
    let words: Vec<u32> = section.many("cat_threshold", word_count)?;
    if !is_rising {
        let line = section.line("cat_boundaries")?;
        return Err(line.corrupt("`cat_boundaries` do not rise from 0"));
    }
    let sets = bounds.windows(2).map(|pair| &words[pair[0]..pair[1]]);
    Ok(sets.map(|set| Some(set.to_vec())).collect())
}

/// Checks that every node and leaf is reached, once, and not too deep.
fn check_shape(tree: &Tree) -> std::result::Result<(), &'static str> {
    if tree.nodes.is_empty() {
        return Ok(());
    }
    let mut is_reached = [
        vec![false; tree.nodes.len()],
        vec![false; tree.leaves.len()],
    ];
    let mut open = vec![(0i32, 0usize)];
    while let Some((child, depth)) = open.pop() {
        let (kind, at) = match child >= 0 {
            true => (0, child as usize),
            false => (1, !child as usize),
        };
        let Some(reached) = is_reached[kind].get_mut(at) else {
            return Err("a child of the tree does not exist");
        };
        if std::mem::replace(reached, true) {
            return Err("a node of the tree is reached twice");
        }
        if depth > DEPTH_MAX {
            return Err("the tree is deeper than 512, fit with a smaller `max_depth`");
        }
        if let Some(node) = tree.nodes.get(at).filter(|_| kind == 0) {
            open.extend([(node.right, depth + 1), (node.left, depth + 1)]);
        }
    }
    if is_reached.iter().flatten().any(|reached| !reached) {
        return Err("a node of the tree is not reached");
    }
    Ok(())
}
