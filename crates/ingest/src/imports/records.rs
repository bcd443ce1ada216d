//! CSV records out of lines, so that one quote that is never closed costs one record and not the
//! rest of the file.

use std::collections::VecDeque;
use std::io::{BufRead, Result};

use leitmotif_domain::limits;
use serde_json::{Map, Value};

use super::lines::{Fault, Line, Row, read_line};

/// Reads CSV with a header; every cell is text, an empty one is `null`. A record with too many or
/// too few cells, one that is not UTF-8, and one whose quotes do not enclose whole cells is a fault;
/// the lines behind the last kind are passed over up to one that is a record again. A file that
/// cannot be read any further ends with a fault.
///
/// - Memory: one record, which is bounded as a line is.
pub fn read_cells<R: BufRead>(reader: R) -> std::result::Result<impl Iterator<Item = Row>, Fault> {
    let mut records = Records {
        reader,
        line: 0,
        waiting: VecDeque::new(),
        is_over: false,
    };
    let nothing = || Fault {
        line: 1,
        reason: "no header".to_owned(),
    };
    let (_, header) = records.next_record().ok_or_else(nothing)??;
    let header: Vec<String> = cells_in(&header)
        .iter()
        .map(|name| String::from_utf8_lossy(name))
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_lowercase())
        .collect();
    let mut is_passing_over = false;
    Ok(std::iter::from_fn(move || {
        loop {
            let (line, bytes) = match records.next_record()? {
                Ok(record) => record,
                Err(_) if is_passing_over && !records.is_over => continue,
                Err(fault) => {
                    is_passing_over = true;
                    return Some(Err(fault));
                }
            };
            let commas = bytes.iter().filter(|byte| **byte == b',').count();
            if is_passing_over && commas + 1 < header.len() {
                continue;
            }
            let cells = cells_in(&bytes);
            if cells.iter().all(<[u8]>::is_empty) && cells.len() <= 1 {
                continue;
            }
            if is_passing_over && cells.len() != header.len() {
                continue;
            }
            is_passing_over = false;
            let row = row_of(&header, &cells).map_err(|reason| Fault { line, reason });
            return Some(row.map(|row| (line, row)));
        }
    }))
}

struct Records<R> {
    reader: R,
    line: u64,
    /// Lines that were read and then found not to belong to the record before them.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Whether the reader has failed: it would do so again for ever.
    is_over: bool,
}

impl<R: BufRead> Records<R> {
    /// The next record with its first line.
    fn next_record(&mut self) -> Option<std::result::Result<(u64, Vec<u8>), Fault>> {
        if self.is_over {
            return None;
        }
        let (line, first) = match self.next_line() {
            Ok(found) => found?,
            Err(error) => {
                self.is_over = true;
                let reason = error.to_string();
                let line = self.line + 1;
                return Some(Err(Fault { line, reason }));
            }
        };
        let fault = |reason: &str| {
            Some(Err(Fault {
                line,
                reason: reason.to_owned(),
            }))
        };
        let Some(mut record) = first else {
            return fault("the line is too long");
        };
        let mut quotes = Quotes::default();
        quotes.take(&record);
        if quotes.place == Place::Broken {
            return fault("a quote is closed inside a cell");
        }
        let mut taken = Vec::new();
        while quotes.place == Place::Quoted {
            let more = match self.next_line() {
                Ok(Some((line, Some(more)))) => (line, more),
                // The end, or nothing that could close the quote.
                _ => {
                    self.put_back(&record, taken);
                    return fault(UNCLOSED);
                }
            };
            quotes.take(&more.1);
            let is_too_long = record.len() + more.1.len() > limits::IMPORT_LINE_BYTES_MAX;
            if is_too_long || quotes.place == Place::Broken {
                self.waiting.push_front(more);
                self.put_back(&record, taken);
                return fault(UNCLOSED);
            }
            taken.push((more.0, record.len()));
            record.extend_from_slice(&more.1);
        }
        Some(Ok((line, record)))
    }

    /// A line with its number; its text is missing when it is too long.
    fn next_line(&mut self) -> Result<Option<(u64, Option<Vec<u8>>)>> {
        if let Some((line, bytes)) = self.waiting.pop_front() {
            return Ok(Some((line, Some(bytes))));
        }
        let found = read_line(&mut self.reader, limits::IMPORT_LINE_BYTES_MAX)?;
        self.line += 1;
        Ok(found.map(|found| match found {
            Line::Whole(bytes) => (self.line, Some(bytes)),
            Line::TooLong => (self.line, None),
        }))
    }

    /// Gives back all lines of a record but its first: `taken` has their numbers and beginnings.
    fn put_back(&mut self, record: &[u8], taken: Vec<(u64, usize)>) {
        let mut end = record.len();
        for (line, start) in taken.into_iter().rev() {
            let bytes = record.get(start..end).unwrap_or_default().to_vec();
            self.waiting.push_front((line, bytes));
            end = start;
        }
    }
}

/// What is wrong with a record that no quote ends.
const UNCLOSED: &str = "a quote is never closed";

/// Where in a record a byte lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a cell: only here does a quote begin one.
    #[default]
    Start,
    /// In a cell without quotes, in which a quote is a character like any.
    Plain,
    /// In a quoted cell.
    Quoted,
    /// Behind a quote that closes the cell or, before another one, stands for itself.
    AfterQuote,
    /// Behind a closed quote there was something else than the end of the cell: either its quotes
    /// are not doubled, or it is the opening quote of a later record that closed this one.
    Broken,
}

/// Follows quotes through the lines of a record.
///
/// - Source: RFC 4180, section 2, rules 5 to 7; a quote inside a plain cell is taken as it is.
#[derive(Default)]
struct Quotes {
    place: Place,
}

impl Quotes {
    fn take(&mut self, line: &[u8]) {
        for byte in line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) {
            self.place = match (self.place, byte) {
                (Place::Broken, _) => return,
                (Place::Start, b'"') | (Place::AfterQuote, b'"') => Place::Quoted,
                (Place::Quoted, b'"') => Place::AfterQuote,
                (Place::Quoted, _) => Place::Quoted,
                (_, b',' | b'\n' | b'\r') => Place::Start,
                (Place::AfterQuote, _) => Place::Broken,
                (Place::Start | Place::Plain, _) => Place::Plain,
            };
        }
    }
}

fn cells_in(record: &[u8]) -> csv::ByteRecord {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(record.len().clamp(64, 1 << 16))
        .from_reader(record);
    let mut cells = csv::ByteRecord::new();
    // Bytes in memory cannot fail to be read, and a flexible record has any number of cells.
    let _ = reader.read_byte_record(&mut cells);
    cells
}

fn row_of(
    header: &[String],
    record: &csv::ByteRecord,
) -> std::result::Result<Map<String, Value>, String> {
    if record.len() != header.len() {
        let (found, expected) = (record.len(), header.len());
        return Err(format!("{found} cells, the header has {expected}"));
    }
    let mut row = Map::new();
    for (name, bytes) in header.iter().zip(record) {
        let text = std::str::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))?;
        let cell = if text.trim().is_empty() {
            Value::Null
        } else {
            text.into()
        };
        row.insert(name.clone(), cell);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8]) -> Vec<String> {
        let rows = read_cells(text).unwrap();
        rows.map(|row| match row {
            Ok((line, object)) => format!("{line} {}", Value::Object(object)),
            Err(fault) => format!("{} !", fault.line),
        })
        .collect()
    }

    #[test]
    fn cells_are_read_and_broken_records_named() {
        let text = b"\xef\xbb\xbfID,lyrics,x\n1,\"a\n\"\"b\",\n\n2,short\n3,\xff,z\n5,a,b\n";
        let expected = [
            "2 {\"id\":\"1\",\"lyrics\":\"a\\n\\\"b\",\"x\":null}",
            "5 !",
            "6 !",
            "7 {\"id\":\"5\",\"lyrics\":\"a\",\"x\":\"b\"}",
        ];
        assert_eq!(shown(text), expected);
        assert!(read_cells(&b""[..]).is_err());
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_one_record() {
        let text = b"a,b\n1,\"open\nmore\nof it\n2,x\n3,y\n";
        let expected = [
            "2 !",
            "5 {\"a\":\"2\",\"b\":\"x\"}",
            "6 {\"a\":\"3\",\"b\":\"y\"}",
        ];
        assert_eq!(shown(text), expected);
        assert_eq!(
            shown(b"a,b\n1,2\n3,\"cut"),
            ["2 {\"a\":\"1\",\"b\":\"2\"}", "3 !"]
        );
        let mut long = b"a,b\n1,\"open\n".to_vec();
        for _ in 0..limits::IMPORT_LINE_BYTES_MAX / 4 {
            long.extend_from_slice(b"word\n");
        }
        long.extend_from_slice(b"2,x\n");
        assert_eq!(
            shown(&long),
            [
                "2 !",
                &format!(
                    "{} {{\"a\":\"2\",\"b\":\"x\"}}",
                    3 + limits::IMPORT_LINE_BYTES_MAX / 4
                )
            ]
        );
    }

    #[test]
    fn a_quote_that_a_later_one_closes_costs_one_record() {
        let text = b"a,b\n1,\"open\n2,x\n3,\"y, z\"\n4,\"two\nlines\"\n5,w\n";
        let expected = [
            "2 !",
            "3 {\"a\":\"2\",\"b\":\"x\"}",
            "4 {\"a\":\"3\",\"b\":\"y, z\"}",
            "5 {\"a\":\"4\",\"b\":\"two\\nlines\"}",
            "7 {\"a\":\"5\",\"b\":\"w\"}",
        ];
        assert_eq!(shown(text), expected);
        let text = b"a,b\n1,\"he \"said\" it\"\n7\" mix,x\n12\" mix,y\n";
        let expected = [
            "2 !",
            "3 {\"a\":\"7\\\" mix\",\"b\":\"x\"}",
            "4 {\"a\":\"12\\\" mix\",\"b\":\"y\"}",
        ];
        assert_eq!(shown(text), expected);
    }

    /// A disk that fails does so again and again.
    #[test]
    fn a_reader_that_fails_ends_the_table() {
        struct Failing;
        impl std::io::Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }
        let text = std::io::Read::chain(&b"a,b\n1,\"open\n2,x\n"[..], Failing);
        let rows = read_cells(std::io::BufReader::new(text)).unwrap();
        let lines: Vec<_> = rows
            .map(|row| {
                row.map_or_else(
                    |fault| (fault.line, fault.reason),
                    |row| (row.0, String::new()),
                )
            })
            .collect();
        assert_eq!(lines.first().map(|one| one.0), Some(2));
        assert_eq!(lines.last().map(|one| one.1.as_str()), Some("gone"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "[\",\n\ra1é]{0,80}") {
            if let Ok(rows) = read_cells(text.as_bytes()) {
                rows.for_each(drop);
            }
        }
    }
}
