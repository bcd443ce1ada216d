//! CSV and JSON lines with metadata and lyrics, turned into the JSON objects that the track route
//! takes. The first wrong row is named by its line.

use std::io::{BufRead, Read};

use serde_json::{Map, Value};

/// Why a table stops.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row cannot be read.
    #[error("line {line}: {reason}")]
    Row {
        /// Line of the file, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The header lacks what every track needs.
    #[error("the header has no `title` column; it has: {columns}")]
    NoTitle {
        /// The columns there are.
        columns: String,
    },
}

/// A row as the track route takes it, with its line.
pub type Row = Result<(u64, Value), TableError>;

/// Columns of whole numbers and of truth values; every other one is text.
const NUMBER_COLUMNS: [&str; 3] = ["duration_ms", "popularity", "track_number"];
const TEXT_COLUMNS: [&str; 7] = [
    "id",
    "title",
    "artist",
    "album",
    "genre",
    "release_date",
    "lyrics",
];

/// Reads JSON lines; empty lines are passed over, broken UTF-8 is repaired.
pub fn read_jsonl<R: BufRead>(mut reader: R) -> impl Iterator<Item = Row> {
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            line += 1;
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Err(error) => {
                    return Some(Err(TableError::Row {
                        line,
                        reason: error.to_string(),
                    }));
                }
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            return Some(match serde_json::from_str(text) {
                Ok(value) => Ok((line, value)),
                Err(error) => Err(TableError::Row {
                    line,
                    reason: error.to_string(),
                }),
            });
        }
    })
}

/// Reads CSV with a header. Columns that are no track field become external ids when they are
/// named `external_ids.<namespace>`, tags when named `tags` (split at `;`), and are left out
/// otherwise.
///
/// - Errors: [`TableError::NoTitle`] for a header without `title`.
pub fn read_csv<R: Read>(reader: R) -> Result<impl Iterator<Item = Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(false)
        .from_reader(reader);
    let header = reader
        .byte_headers()
        .map_err(|error| TableError::Row {
            line: 1,
            reason: error.to_string(),
        })?
        .iter()
        .map(|name| {
            String::from_utf8_lossy(name)
                .trim_start_matches('\u{feff}')
                .trim()
                .to_lowercase()
        })
        .collect::<Vec<_>>();
    if !header.iter().any(|name| name == "title") {
        return Err(TableError::NoTitle {
            columns: header.join(", "),
        });
    }
    Ok(reader.into_byte_records().map(move |record| {
        let record = record.map_err(|error| TableError::Row {
            line: error.position().map_or(0, csv::Position::line),
            reason: error.to_string(),
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        row_of(&header, &record)
            .map(|row| (line, row))
            .map_err(|reason| TableError::Row { line, reason })
    }))
}

fn row_of(header: &[String], record: &csv::ByteRecord) -> Result<Value, String> {
    let mut row = Map::new();
    let mut external_ids = Map::new();
    for (name, bytes) in header.iter().zip(record) {
        let text = String::from_utf8_lossy(bytes).trim().to_owned();
        if text.is_empty() {
            continue;
        }
        if NUMBER_COLUMNS.contains(&name.as_str()) {
            let number: u64 = text
                .parse()
                .map_err(|_| format!("`{name}`: `{text}` is no number"))?;
            row.insert(name.clone(), number.into());
        } else if name == "explicit" {
            row.insert(name.clone(), truth_of(&text)?.into());
        } else if name == "tags" {
            let tags: Vec<_> = text
                .split(';')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .collect();
            row.insert(name.clone(), tags.into());
        } else if let Some(namespace) = name.strip_prefix("external_ids.") {
            external_ids.insert(namespace.to_owned(), text.into());
        } else if TEXT_COLUMNS.contains(&name.as_str()) {
            row.insert(name.clone(), text.into());
        }
    }
    if !external_ids.is_empty() {
        row.insert("external_ids".to_owned(), external_ids.into());
    }
    Ok(row.into())
}

fn truth_of(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "1" => Ok(true),
        "false" | "f" | "no" | "0" => Ok(false),
        _ => Err(format!("`explicit`: `{text}` is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_rows_become_objects() {
        let text = "\u{feff}title,Artist,duration_ms,explicit,external_ids.genius,tags,other\n\
                    \"A, B\",X,1000,true,77,rap; live,z\nC,,,,,,\n";
        let rows: Vec<_> = read_csv(text.as_bytes())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            rows[0].1,
            serde_json::json!({"title": "A, B", "artist": "X", "duration_ms": 1000,
                "explicit": true, "external_ids": {"genius": "77"}, "tags": ["rap", "live"]})
        );
        assert_eq!(rows[1], (3, serde_json::json!({"title": "C"})));
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line() {
        let rows: Vec<_> = read_csv("title,duration_ms\nA,1\nB,long\n".as_bytes())
            .unwrap()
            .collect();
        let error = rows[1].as_ref().unwrap_err().to_string();
        assert!(error.starts_with("line 3: `duration_ms`"), "{error}");
        let ragged: Vec<_> = read_csv("title,artist\nA\n".as_bytes()).unwrap().collect();
        assert!(
            ragged[0]
                .as_ref()
                .unwrap_err()
                .to_string()
                .starts_with("line 2")
        );
        assert!(matches!(
            read_csv("name\nA\n".as_bytes()),
            Err(TableError::NoTitle { .. })
        ));
    }

    #[test]
    fn json_lines_repair_and_name() {
        let bytes = b"\n{\"title\":\"a\xff\"}\n{oops\n";
        let rows: Vec<_> = read_jsonl(&bytes[..]).collect();
        assert_eq!(rows[0].as_ref().unwrap().0, 2);
        assert!(
            rows[1]
                .as_ref()
                .unwrap_err()
                .to_string()
                .starts_with("line 3")
        );
        assert_eq!(rows.len(), 2);
    }
}
