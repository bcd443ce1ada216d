//! How far columns of a table agree that label the same rows with the same words: two people, two programs.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::agreement::{Contingency, kappa, word_of};
use super::document::Agreement;

/// Different labels up to which a column is one of labels, as in the profile of a table.
const LABELS_MAX: usize = 24;
/// Columns that are held against each other; of a wider table the first ones.
const COLUMNS_MAX: usize = 64;
/// What such an agreement is filed under.
const FIELD: &str = "columns of the table";

/// Columns of labels, pair by pair, while their rows go by.
///
/// - Cost: a row costs its pairs of columns of labels; memory is bounded by 64 columns of 24 labels.
#[derive(Default)]
pub struct ColumnAgreements {
    columns: Vec<LabelColumn>,
    index_of: HashMap<String, u16>,
    words: HashMap<String, u16>,
    tables: HashMap<(u16, u16), Contingency>,
}

struct LabelColumn {
    name: String,
    labels: BTreeSet<u16>,
    /// Whether it had too many labels, which makes it no column of such.
    is_closed: bool,
}

impl ColumnAgreements {
    /// Takes a row.
    pub fn take(&mut self, row: &Map<String, Value>) {
        let mut said: Vec<(u16, u16)> = Vec::new();
        for (name, value) in row {
            if let Some(label) = label_of(value)
                && let Some(column) = self.column(name)
                && let Some(word) = self.label(column, label)
            {
                said.push((column, word));
            }
        }
        said.sort_unstable();
        for (place, (first, one)) in said.iter().enumerate() {
            for (second, other) in &said[place + 1..] {
                let table = self.tables.entry((*first, *second)).or_default();
                *table.entry((*one, *other)).or_insert(0) += 1;
            }
        }
    }

    fn column(&mut self, name: &str) -> Option<u16> {
        if let Some(index) = self.index_of.get(name) {
            return Some(*index);
        }
        if self.columns.len() >= COLUMNS_MAX {
            return None;
        }
        let index = self.columns.len() as u16;
        self.columns.push(LabelColumn {
            name: name.to_owned(),
            labels: BTreeSet::new(),
            is_closed: false,
        });
        self.index_of.insert(name.to_owned(), index);
        Some(index)
    }

    /// The number of a label of a column; `None` once the column has too many.
    fn label(&mut self, index: u16, label: String) -> Option<u16> {
        let column = self.columns.get_mut(usize::from(index))?;
        if column.is_closed {
            return None;
        }
        let next = self.words.len() as u16;
        let word = *self.words.entry(label).or_insert(next);
        column.labels.insert(word);
        if column.labels.len() > LABELS_MAX {
            column.is_closed = true;
            self.tables
                .retain(|(first, second), _| *first != index && *second != index);
            return None;
        }
        Some(word)
    }

    /// Compares every two columns of which one has no label that the other has not.
    pub fn compare(self) -> Vec<Agreement> {
        let mut tables: Vec<_> = self.tables.into_iter().collect();
        tables.sort_unstable_by_key(|(pair, _)| *pair);
        let compared = tables.into_iter().filter_map(|((first, second), table)| {
            let first = self.columns.get(usize::from(first))?;
            let second = self.columns.get(usize::from(second))?;
            let is_same =
                first.labels.is_subset(&second.labels) || second.labels.is_subset(&first.labels);
            let several = first.labels.len().max(second.labels.len()) > 1;
            let tracks: u64 = table.values().sum();
            if !is_same || !several || tracks < 2 {
                return None;
            }
            let (same_share, kappa) = kappa(&table);
            Some(Agreement {
                field: FIELD.to_owned(),
                first: first.name.clone(),
                second: second.name.clone(),
                tracks,
                same_share,
                kappa,
            })
        });
        compared.collect()
    }
}

/// A label in words: numbers are measurements, and `true` of one column is not `true` of another.
fn label_of(value: &Value) -> Option<String> {
    let word = word_of(value).filter(|_| value.is_string())?;
    let is_other = word.parse::<f64>().is_ok() || matches!(word.as_str(), "true" | "false");
    (!is_other).then_some(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(rows: impl Iterator<Item = Value>) -> Vec<Agreement> {
        let mut agreements = ColumnAgreements::default();
        for row in rows {
            agreements.take(row.as_object().unwrap());
        }
        agreements.compare()
    }

    /// The textbook table: 20 both calm, 15 both wild, 5 and 10 mixed; kappa 0.4.
    #[test]
    fn two_columns_with_the_same_labels_are_compared() {
        let cells = [
            ("calm", "calm", 20),
            ("calm", "wild", 5),
            ("wild", "calm", 10),
            ("wild", "Wild ", 15),
        ];
        let rows = cells.iter().flat_map(|(by_ann, by_bob, count)| {
            (0..*count).map(move |number| {
                json!({"title": format!("{by_ann} {by_bob} {number}"), "mood_ann": by_ann,
                    "mood_bob": by_bob, "genre": "folk", "live": "true", "loud": "true", "rank": "1"})
            })
        });
        let found = compared(rows);
        assert_eq!(found.len(), 1, "{found:?}");
        let one = &found[0];
        assert_eq!(
            (one.first.as_str(), one.second.as_str()),
            ("mood_ann", "mood_bob")
        );
        assert_eq!((one.tracks, one.same_share), (50, 0.7));
        assert!((one.kappa.unwrap() - 0.4).abs() < 1e-9);
    }

    #[test]
    fn texts_and_wide_tables_are_bounded() {
        let texts =
            (0..200).map(|number| json!({"a": format!("t{number}"), "b": format!("t{number}")}));
        assert_eq!(compared(texts), []);
        let wide = |number: usize| {
            let cells =
                (0..200).map(|column| (format!("c{column:03}"), json!(format!("l{}", number % 3))));
            Value::Object(cells.collect())
        };
        let found = compared((0..9).map(wide));
        assert_eq!(found.len(), COLUMNS_MAX * (COLUMNS_MAX - 1) / 2);
        let few = compared([json!({"a": "x", "b": "x"})].into_iter());
        assert_eq!(few, [], "one row is no agreement");
    }
}
