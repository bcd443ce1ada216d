//! Rows as Parquet, without Arrow.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::{Cell, Column, ColumnKind};
use crate::error::{Error, Result};

/// Named as the writer in every file; part of the bytes, so it moves only with the layout below.
const CREATED_BY: &str = "leitmotif tables 1";
/// Rows and bytes held before they are written as a group: readers skip by group, and memory stays
/// bounded.
const GROUP_ROWS_MAX: usize = 50_000;
const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Writes rows into a Parquet file.
///
/// - Layout: every column optional; text and JSON as `STRING`, whole numbers as `INT64`, numbers as
///   `DOUBLE`, lists as the three-level `LIST` of `FLOAT`; Snappy; format version 1, which every
///   reader takes. The same rows give the same bytes.
/// - Cost: memory of one group, at most 50,000 rows or 32 MiB and a row.
/// - Source: Apache Parquet format, logical types and nested encoding.
pub struct ParquetWriter<W: Write + Send> {
    columns: Vec<Column>,
    buffers: Vec<Buffer>,
    row_count: usize,
    held_bytes: usize,
    file: SerializedFileWriter<W>,
}

#[derive(Default)]
struct Levels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

enum Buffer {
    Text(Vec<ByteArray>, Levels),
    Integer(Vec<i64>, Levels),
    Real(Vec<f64>, Levels),
    Flag(Vec<bool>, Levels),
    Reals(Vec<f32>, Levels),
}

impl Buffer {
    fn new(kind: ColumnKind) -> Self {
        let levels = Levels::default();
        match kind {
            ColumnKind::Text | ColumnKind::Json => Self::Text(Vec::new(), levels),
            ColumnKind::Integer => Self::Integer(Vec::new(), levels),
            ColumnKind::Real => Self::Real(Vec::new(), levels),
            ColumnKind::Flag => Self::Flag(Vec::new(), levels),
            ColumnKind::Reals => Self::Reals(Vec::new(), levels),
        }
    }

    /// Takes a cell in; says how many bytes it holds, or that it is of another kind.
    fn push(&mut self, cell: &Cell) -> Option<usize> {
        match (self, cell) {
            (
                Self::Text(_, levels)
                | Self::Integer(_, levels)
                | Self::Real(_, levels)
                | Self::Flag(_, levels),
                Cell::Null,
            ) => {
                levels.definition.push(0);
                Some(2)
            }
            (Self::Reals(_, levels), Cell::Null) => {
                levels.definition.push(0);
                levels.repetition.push(0);
                Some(4)
            }
            (Self::Text(values, levels), Cell::Text(text)) => {
                values.push(ByteArray::from(text.as_bytes().to_vec()));
                levels.definition.push(1);
                Some(text.len() + 34)
            }
            (Self::Integer(values, levels), Cell::Integer(number)) => {
                values.push(*number);
                levels.definition.push(1);
                Some(10)
            }
            (Self::Real(values, levels), Cell::Real(number)) => {
                values.push(*number);
                levels.definition.push(1);
                Some(10)
            }
            (Self::Flag(values, levels), Cell::Flag(flag)) => {
                values.push(*flag);
                levels.definition.push(1);
                Some(3)
            }
            (Self::Reals(values, levels), Cell::Reals(numbers)) => {
                values.extend_from_slice(numbers);
                // An empty list is there (1) without an element (2).
                let defined = if numbers.is_empty() { 1 } else { 2 };
                let count = numbers.len().max(1);
                levels
                    .definition
                    .extend(std::iter::repeat_n(defined, count));
                levels.repetition.push(0);
                levels.repetition.extend(std::iter::repeat_n(1, count - 1));
                Some(8 * count)
            }
            _ => None,
        }
    }

    fn write(self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        match self {
            Self::Text(values, levels) => put::<ByteArrayType>(column, &values, &levels, false),
            Self::Integer(values, levels) => put::<Int64Type>(column, &values, &levels, false),
            Self::Real(values, levels) => put::<DoubleType>(column, &values, &levels, false),
            Self::Flag(values, levels) => put::<BoolType>(column, &values, &levels, false),
            Self::Reals(values, levels) => put::<FloatType>(column, &values, &levels, true),
        }
    }
}

fn put<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: &Levels,
    is_list: bool,
) -> Result<()> {
    let repetition = is_list.then_some(levels.repetition.as_slice());
    let typed = column.typed::<T>();
    let written = typed.write_batch(values, Some(&levels.definition), repetition);
    written.map(drop).map_err(failed)
}

fn failed(error: impl ToString) -> Error {
    Error::Unavailable {
        backend: "the Parquet file",
        reason: error.to_string(),
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    pub fn new(out: W, columns: &[Column]) -> Result<Self> {
        let fields: Vec<String> = columns.iter().map(field).collect();
        let schema = format!("message row {{ {} }}", fields.concat());
        let schema = parse_message_type(&schema).map_err(Error::bug)?;
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            columns: columns.to_vec(),
            buffers: buffers(columns),
            row_count: 0,
            held_bytes: 0,
            file: file.map_err(failed)?,
        })
    }

    /// Takes a row.
    ///
    /// - Errors: `Bug` when it does not fit the columns; `Unavailable` when it cannot be written.
    pub fn write(&mut self, row: &[Cell]) -> Result<()> {
        if row.len() != self.columns.len() {
            let reason = format!("{} cells for {} columns", row.len(), self.columns.len());
            return Err(Error::bug(reason));
        }
        for ((buffer, cell), column) in self.buffers.iter_mut().zip(row).zip(&self.columns) {
            let held = buffer.push(cell);
            self.held_bytes += held.ok_or_else(|| {
                Error::bug(format!("column `{}` does not take {cell:?}", column.name))
            })?;
        }
        self.row_count += 1;
        if self.row_count >= GROUP_ROWS_MAX || self.held_bytes >= GROUP_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.row_count == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group().map_err(failed)?;
        for buffer in std::mem::replace(&mut self.buffers, buffers(&self.columns)) {
            let column = group.next_column().map_err(failed)?;
            let mut column = column.ok_or_else(|| Error::bug("a column is missing"))?;
            buffer.write(&mut column)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.row_count, self.held_bytes) = (0, 0);
        Ok(())
    }

    /// Ends the file and gives back what it was written into.
    pub fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.file.into_inner().map_err(failed)
    }
}

fn buffers(columns: &[Column]) -> Vec<Buffer> {
    let new = |column: &Column| Buffer::new(column.kind);
    columns.iter().map(new).collect()
}

fn field(column: &Column) -> String {
    let name = &column.name;
    match column.kind {
        ColumnKind::Text | ColumnKind::Json => format!("optional binary {name} (STRING); "),
        ColumnKind::Integer => format!("optional int64 {name}; "),
        ColumnKind::Real => format!("optional double {name}; "),
        ColumnKind::Flag => format!("optional boolean {name}; "),
        ColumnKind::Reals => format!(
            "optional group {name} (LIST) {{ repeated group list {{ required float element; }} }} "
        ),
    }
}
