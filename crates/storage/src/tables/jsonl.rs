//! Rows as lines of JSON, and back.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Cell, Column, ColumnKind};
use crate::error::{Error, Result};

/// Appends a row as one line: an object whose names have the order of the columns, nulls included,
/// numbers in their shortest form that reads back the same.
///
/// - Errors: `Bug` when the row does not fit its columns.
pub fn write_row(columns: &[Column], row: &[Cell], out: &mut Vec<u8>) -> Result<()> {
    if columns.len() != row.len() {
        let reason = format!("{} cells for {} columns", row.len(), columns.len());
        return Err(Error::bug(reason));
    }
    out.push(b'{');
    for (place, (column, cell)) in columns.iter().zip(row).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_json(out, &column.name)?;
        out.push(b':');
        match (cell, column.kind) {
            (Cell::Null, _) => out.extend_from_slice(b"null"),
            (Cell::Text(text), ColumnKind::Text | ColumnKind::Json) => write_json(out, text)?,
            (Cell::Integer(number), ColumnKind::Integer) => write_json(out, number)?,
            (Cell::Real(number), ColumnKind::Real) => write_json(out, number)?,
            (Cell::Flag(flag), ColumnKind::Flag) => write_json(out, flag)?,
            (Cell::Reals(numbers), ColumnKind::Reals) => write_json(out, numbers)?,
            _ => {
                let reason = format!("column `{}` does not take {cell:?}", column.name);
                return Err(Error::bug(reason));
            }
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<()> {
    serde_json::to_writer(out, value).map_err(Error::bug)
}

/// Reads a line back, numbers exactly as they were.
///
/// - Errors: `Corrupt` naming the column that is missing or of another kind.
pub fn parse_row(columns: &[Column], line: &[u8]) -> Result<Vec<Cell>> {
    let corrupt = |reason: String| Error::Corrupt { reason };
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line)
        .map_err(|error| corrupt(format!("a row is no JSON object: {error}")))?;
    let cells = columns.iter().map(|column| {
        let value = fields.get(column.name.as_ref());
        let value = value.ok_or_else(|| corrupt(format!("a row has no `{}`", column.name)))?;
        cell_of(column.kind, value.get())
            .ok_or_else(|| corrupt(format!("`{}` of a row is of another kind", column.name)))
    });
    cells.collect()
}

/// Numbers are read by the standard library, because the JSON reader may be off by the last bit.
fn cell_of(kind: ColumnKind, text: &str) -> Option<Cell> {
    if text == "null" {
        return Some(Cell::Null);
    }
    Some(match kind {
        ColumnKind::Text => Cell::Text(serde_json::from_str(text).ok()?),
        // A document as text, or the document itself.
        ColumnKind::Json => {
            Cell::Text(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()))
        }
        ColumnKind::Integer => Cell::Integer(text.parse().ok()?),
        ColumnKind::Real => Cell::Real(
            text.parse()
                .ok()
                .filter(|number: &f64| number.is_finite())?,
        ),
        ColumnKind::Flag => Cell::Flag(text.parse().ok()?),
        ColumnKind::Reals => {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim();
            let numbers = inner.split(',').filter(|_| !inner.is_empty());
            let single = |number: &str| number.trim().parse::<f32>().ok();
            Cell::Reals(numbers.map(single).collect::<Option<_>>()?)
        }
    })
}
