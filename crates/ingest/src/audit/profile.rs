//! Columns of any table, counted while its rows go by.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use super::document::{ColumnFindings, FaultFinding, TableAudit, Tally};
use super::stand_ins::StandIns;

/// Different values that are counted in one column; 57,718 rows of unique texts stay below.
const DISTINCT_MAX: usize = 100_000;
/// Different values up to which a column counts as one of labels.
const LABELS_MAX: usize = 24;
/// Longest label that is shown, in characters; longer values are no labels.
const LABEL_CHARS_MAX: usize = 60;
/// Faults that are named; the others are counted.
const FAULTS_SHOWN: usize = 50;
/// Characters of the ids of one row that are named.
const CLASH_CHARS_MAX: usize = 120;
/// Columns of one table; more are a sign that rows are no rows.
const COLUMNS_MAX: usize = 400;

/// A table while it is read.
///
/// - Cost: O(cells); memory bounded by columns × 100,000 hashes, whatever the rows hold.
#[derive(Default)]
pub struct TableProfile {
    /// The counts so far; columns are filled in at the end.
    pub counts: TableAudit,
    /// Rows that could be read.
    read_rows: u64,
    columns: Vec<Column>,
    index_of: HashMap<String, usize>,
}

struct Column {
    name: String,
    filled: u64,
    /// Sum over rows of a hash of row and value: equal for equal columns, in any order of summing.
    print: u128,
    distinct: HashSet<u64>,
    is_at_bound: bool,
    labels: Option<HashMap<String, u64>>,
    stand_ins: StandIns,
}

impl TableProfile {
    /// Begins a table.
    pub fn new(name: &str) -> Self {
        let counts = TableAudit {
            name: name.to_owned(),
            ..TableAudit::default()
        };
        Self {
            counts,
            ..Self::default()
        }
    }

    /// Counts a row that could be read.
    pub fn row(&mut self, row: &Map<String, Value>) {
        self.counts.rows_in += 1;
        self.read_rows += 1;
        for (name, value) in row {
            let Some(column) = self.column(name) else {
                continue;
            };
            let place = self.counts.rows_in;
            if let (Some(column), Some(cell)) = (self.columns.get_mut(column), Cell::of(value)) {
                column.take(place, cell);
            }
        }
    }

    fn column(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.index_of.get(name) {
            return Some(*index);
        }
        if self.columns.len() >= COLUMNS_MAX {
            return None;
        }
        self.columns.push(Column {
            name: name.to_owned(),
            filled: 0,
            print: 0,
            distinct: HashSet::new(),
            is_at_bound: false,
            labels: Some(HashMap::new()),
            stand_ins: StandIns::default(),
        });
        self.index_of
            .insert(name.to_owned(), self.columns.len() - 1);
        Some(self.columns.len() - 1)
    }

    /// Notes a line that is no row.
    pub fn broken(&mut self, line: u64, reason: String) {
        self.counts.rows_in += 1;
        self.reject(line, reason);
    }

    /// Notes a row that was read and cannot be used.
    pub fn reject(&mut self, line: u64, reason: String) {
        self.counts.rejected_rows += 1;
        self.name(line, reason, false);
    }

    /// Notes a row that is used although a part of it cannot be read.
    pub fn damaged(&mut self, line: u64, reason: String) {
        self.counts.damaged_rows += 1;
        self.name(line, reason, true);
    }

    /// Notes a row that is a track of its own, because under these ids, `namespace:id`, another song is in the
    /// catalogue.
    pub fn clashed(&mut self, line: u64, ids: &[String]) {
        self.counts.clashing_rows += 1;
        let ids = ids.join("`, `");
        let ids: String = ids.chars().take(CLASH_CHARS_MAX).collect();
        self.damaged(
            line,
            format!(
                "`{ids}` is another song of the catalogue: both are kept, this one without the id"
            ),
        );
    }

    fn name(&mut self, line: u64, reason: String, is_used: bool) {
        if self.counts.faults.len() < FAULTS_SHOWN {
            self.counts.faults.push(FaultFinding {
                line,
                reason,
                is_used,
            });
        }
    }

    /// Ends the table.
    pub fn finish(self) -> TableAudit {
        let mut audit = self.counts;
        // What the catalogue refuses is known later than what cannot be read.
        audit.faults.sort_by_key(|fault| fault.line);
        let used = self.read_rows;
        let names = |is_wanted: &dyn Fn(&Column) -> bool| -> Vec<String> {
            let wanted = self.columns.iter().filter(|column| is_wanted(column));
            wanted.map(|column| column.name.clone()).collect()
        };
        audit.empty_columns = names(&|column| column.filled == 0);
        let has_one_value = |column: &Column| {
            column.filled > 1 && column.distinct.len() == 1 && !column.is_at_bound
        };
        audit.constant_columns = names(&|column| has_one_value(column) && column.filled == used);
        audit.constant_where_filled =
            names(&|column| has_one_value(column) && column.filled < used);
        for (place, one) in self.columns.iter().enumerate() {
            let varies = one.filled > 0 && one.distinct.len() > 1;
            let later = self.columns.iter().skip(place + 1);
            for other in later.filter(|other| varies && other.print == one.print) {
                let pair = (one.name.clone(), other.name.clone());
                audit.identical_columns.push(pair);
            }
        }
        audit.columns = self.columns.into_iter().map(Column::finish).collect();
        audit
    }
}

impl Column {
    fn take(&mut self, row: u64, cell: Cell) {
        self.filled += 1;
        let placed = |salt: u64| hash_of(&(row, cell.hash, salt));
        let print = u128::from(placed(1)) << 64 | u128::from(placed(2));
        self.print = self.print.wrapping_add(print);
        let is_new = !self.distinct.contains(&cell.hash);
        if is_new && self.distinct.len() < DISTINCT_MAX {
            self.distinct.insert(cell.hash);
        } else if is_new {
            self.is_at_bound = true;
        }
        match (cell.number, &cell.label) {
            (Some(number), _) => self.stand_ins.number(number, is_new),
            (None, Some(text)) => self.stand_ins.text(text),
            (None, None) => {}
        }
        if let (Some(labels), Some(label)) = (&mut self.labels, &cell.label) {
            *labels.entry(label.clone()).or_insert(0) += 1;
        }
        let is_label = cell.label.is_some();
        if !is_label || self.labels.as_ref().is_some_and(|l| l.len() > LABELS_MAX) {
            self.labels = None;
        }
    }

    fn finish(self) -> ColumnFindings {
        let distinct = self.distinct.len() as u64;
        ColumnFindings {
            stand_ins: self.stand_ins.finish(self.filled, distinct),
            filled: self.filled,
            distinct,
            is_distinct_at_bound: self.is_at_bound,
            labels: tallies(self.labels.unwrap_or_default()),
            name: self.name,
        }
    }
}

/// Most frequent first, then by name.
pub fn tallies(counts: impl IntoIterator<Item = (String, u64)>) -> Vec<Tally> {
    let mut tallies: Vec<Tally> = counts
        .into_iter()
        .map(|(name, count)| Tally { name, count })
        .collect();
    tallies.sort_by(|one, other| (other.count, &one.name).cmp(&(one.count, &other.name)));
    tallies
}

/// A cell that has a value: the same number or truth value is the same, typed or spelled.
struct Cell {
    hash: u64,
    number: Option<f64>,
    label: Option<String>,
}

impl Cell {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(truth) => Some(Self::labelled(truth.to_string())),
            Value::Number(number) => Some(Self::numbered(number.as_f64()?)),
            Value::String(text) => {
                let text = text.trim();
                if text.is_empty() {
                    return None;
                }
                let is_short = text.chars().nth(LABEL_CHARS_MAX).is_none();
                if !is_short {
                    return Some(Self {
                        hash: hash_of(&text),
                        number: None,
                        label: None,
                    });
                }
                let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
                let is_truth = matches!(text, "True" | "False" | "TRUE" | "FALSE");
                Some(match number {
                    Some(number) => Self::numbered(number),
                    None if is_truth => Self::labelled(text.to_lowercase()),
                    None => Self::labelled(text.to_owned()),
                })
            }
            Value::Array(_) | Value::Object(_) => {
                let mut hasher = HashWriter(DefaultHasher::new());
                serde_json::to_writer(&mut hasher, value).ok()?;
                Some(Self {
                    hash: hasher.0.finish(),
                    number: None,
                    label: None,
                })
            }
        }
    }

    fn labelled(text: String) -> Self {
        Self {
            hash: hash_of(&text.as_str()),
            number: None,
            label: Some(text),
        }
    }

    fn numbered(number: f64) -> Self {
        // `-0` and `0` are one value.
        let number = number + 0.0;
        Self {
            number: Some(number),
            ..Self::labelled(number.to_string())
        }
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

struct HashWriter(DefaultHasher);

impl std::io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_told_apart_by_what_they_hold() {
        let mut profile = TableProfile::new("t");
        for number in 0..40 {
            let row = json!({"id": number, "copy": format!("{number}.0"), "label": number % 3,
                "one": "same", "none": null, "blank": " ", "flag": if number % 2 == 0 { "True" } else { "False" },
                "typed_flag": number % 2 == 0, "deep": {"a": [number % 2]}, "every": "a"});
            profile.row(row.as_object().unwrap());
        }
        let late = json!({"late": 1, "later": "1", "every": "a"});
        profile.row(late.as_object().unwrap());
        profile.broken(43, "cut".to_owned());
        let audit = profile.finish();
        assert_eq!((audit.rows_in, audit.rejected_rows), (42, 1));
        assert_eq!(audit.constant_columns, ["every"]);
        assert_eq!(audit.constant_where_filled, ["one"]);
        assert_eq!(audit.empty_columns, ["blank", "none"]);
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(
            audit.identical_columns,
            [pair("copy", "id"), pair("flag", "typed_flag")]
        );
        let column = |name: &str| audit.columns.iter().find(|c| c.name == name).unwrap();
        assert_eq!((column("id").distinct, column("label").distinct), (40, 3));
        assert_eq!(
            column("label").labels[0],
            Tally {
                name: "0".to_owned(),
                count: 14
            }
        );
        assert!(column("id").labels.is_empty() && column("deep").labels.is_empty());
    }

    #[test]
    fn stand_ins_are_told_by_column() {
        let mut profile = TableProfile::new("t");
        for number in 0..400 {
            let is_unknown = number % 4 == 0;
            let score = if is_unknown { 0.5 } else { f64::from(number) };
            let mood = if is_unknown { "Unknown" } else { "calm" };
            let row =
                json!({"score": score, "spelled": score.to_string(), "mood": mood, "id": number});
            profile.row(row.as_object().unwrap());
        }
        let audit = profile.finish();
        let told = |name: &str| {
            let column = audit.columns.iter().find(|c| c.name == name).unwrap();
            let values = column.stand_ins.iter();
            values
                .map(|one| (one.value.clone(), one.count))
                .collect::<Vec<_>>()
        };
        assert_eq!(told("score"), [("0.5".to_owned(), 100)]);
        assert_eq!(told("spelled"), told("score"));
        assert_eq!(told("mood"), [("unknown".to_owned(), 100)]);
        assert!(told("id").is_empty());
    }

    #[test]
    fn counting_is_bounded() {
        let mut profile = TableProfile::new("t");
        for number in 0..=DISTINCT_MAX {
            profile.row(json!({ "id": number }).as_object().unwrap());
        }
        let wide: Map<String, Value> = (0..500).map(|n| (format!("c{n}"), json!(n))).collect();
        profile.row(&wide);
        for line in 0..100 {
            profile.damaged(line, "x".to_owned());
        }
        let audit = profile.finish();
        assert!(audit.columns[0].is_distinct_at_bound);
        assert_eq!(audit.columns[0].distinct, DISTINCT_MAX as u64);
        assert_eq!(
            (audit.columns.len(), audit.faults.len()),
            (COLUMNS_MAX, FAULTS_SHOWN)
        );
    }
}
