//! Tables of typed columns on their way into files: JSON lines always, Parquet under the feature
//! `parquet`. The same rows give the same bytes on every machine.

use std::borrow::Cow;

mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;

pub use jsonl::{parse_row, write_row};
#[cfg(feature = "parquet")]
pub use parquet::ParquetWriter;

/// What a column holds; every cell may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text in UTF-8.
    Text,
    /// A JSON document as text.
    Json,
    /// A whole number.
    Integer,
    /// A number in double precision; never NaN or infinite.
    Real,
    /// True or false.
    Flag,
    /// A list of numbers in single precision.
    Reals,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, the unit last.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub kind: ColumnKind,
    /// What it means.
    pub description: &'static str,
    /// Unit, where the number has one.
    pub unit: Option<&'static str>,
}

impl Column {
    /// A column without a unit.
    pub const fn new(name: &'static str, kind: ColumnKind, description: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            kind,
            description,
            unit: None,
        }
    }

    /// A column whose name is known when the table is made.
    pub fn named(name: String, kind: ColumnKind) -> Self {
        Self {
            name: Cow::Owned(name),
            kind,
            description: "",
            unit: None,
        }
    }

    /// The same with a unit.
    pub const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Unknown.
    Null,
    /// Text or a JSON document.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A list of numbers.
    Reals(Vec<f32>),
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

#[cfg(test)]
mod tests;
