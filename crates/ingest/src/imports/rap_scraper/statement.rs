//! Statements on their way to the API.

use leitmotif_domain::Timestamp;
use leitmotif_domain::statement::{StatementKind, StatementStatus};
use serde_json::{Map, Value, json};

use super::SOURCE;
use crate::imports::cells::text_at;

/// What a row says of its track.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedStatement {
    /// Who said it.
    pub author: String,
    /// Version of the author or day of the snapshot; empty when unknown.
    pub version: String,
    /// How it came about.
    pub kind: StatementKind,
    /// Whether it counts.
    pub status: StatementStatus,
    /// When it was said.
    pub said_at: Option<Timestamp>,
    /// The content, whose hash is part of its key.
    pub content: Value,
}

impl MappedStatement {
    /// A statement that counts.
    pub fn good(author: &str, version: &str, kind: StatementKind, content: Value) -> Self {
        Self {
            author: author.to_owned(),
            version: version.to_owned(),
            kind,
            status: StatementStatus::Good,
            said_at: None,
            content,
        }
    }

    /// The body that `POST /api/v1/statements` takes one of.
    pub fn body(&self, track: &str) -> Value {
        json!({
            "track": track,
            "source": SOURCE,
            "author": self.author,
            "version": self.version,
            "kind": self.kind,
            "status": self.status,
            "said_at": self.said_at,
            "content": self.content,
        })
    }
}

/// A moment of a row; one without a zone is taken as UTC.
pub fn moment_at(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let text = text_at(row, name)?.replace(' ', "T");
    let parse = |text: String| serde_json::from_value(Value::String(text)).ok();
    parse(text.clone()).or_else(|| parse(format!("{text}Z")))
}

/// Keeps those columns that say something.
pub fn filled_columns(row: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let filled = names.iter().filter_map(|name| {
        let value = row.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    filled.collect()
}
