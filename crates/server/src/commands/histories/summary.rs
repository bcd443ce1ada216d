//! What came of an import, for people and for programs.

use serde_json::{Value, json};

use super::read::Batch;
use crate::commands::list_of;

/// Examples of rejected rows shown at the end.
const EXAMPLES: usize = 10;

/// What came of an import.
#[derive(Default)]
pub struct Summary {
    pub files_passed_over: Vec<String>,
    rows: u64,
    listens: u64,
    skips: u64,
    private: u64,
    other: u64,
    matched: u64,
    waiting: u64,
    duplicates: u64,
    rejected: u64,
    faults: Vec<String>,
}

impl Summary {
    /// Counts what the rows of a batch hold.
    pub fn add_rows(&mut self, batch: &Batch) {
        self.rows += batch.rows;
        self.skips += batch.skips;
        self.private += batch.private;
        self.other += batch.other;
        self.rejected += batch.rejected;
        let left = EXAMPLES.saturating_sub(self.faults.len());
        self.faults.extend(batch.faults.iter().take(left).cloned());
    }

    /// Counts what the platform made of them.
    pub fn add_answer(&mut self, answer: &Value) {
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.listens += count("written");
        self.duplicates += count("duplicates");
        self.matched += count("matched");
        self.waiting += count("waiting");
    }

    /// The summary as a document.
    pub fn document(&self) -> Value {
        json!({
            "rows": self.rows,
            "listens": self.listens,
            "skips": self.skips,
            "private": self.private,
            "matched": self.matched,
            "unresolved": self.waiting,
            "duplicates": self.duplicates,
            "no_track": self.other,
            "rejected": self.rejected,
            "rejected_examples": self.faults,
            "files_passed_over": self.files_passed_over,
        })
    }
}

/// Prints a summary line by line.
pub fn print_text(document: &Value) {
    for (name, value) in document.as_object().into_iter().flatten() {
        if value.is_u64() {
            println!("{:18} {value}", name.replace('_', " "));
        }
    }
    for example in list_of(document, "rejected_examples") {
        println!("rejected: {}", example.as_str().unwrap_or_default());
    }
    for file in list_of(document, "files_passed_over") {
        println!("passed over: {}", file.as_str().unwrap_or_default());
    }
}
