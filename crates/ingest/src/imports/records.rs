//! CSV records out of lines, so that one quote that is never closed costs one record and not the
//! rest of the file.

use std::collections::VecDeque;
use std::io::{BufRead, Result};

use leitmotif_domain::limits;
use serde_json::{Map, Value};

use super::lines::{Fault, Line, Row, read_line};

/// Reads CSV with a header; every cell is text, an empty one is `null`. A record with too many or
/// too few cells, one that is not UTF-8, and one whose quote is never closed is a fault; the lines
/// behind the last kind are passed over up to one that is a record again.
///
/// - Memory: one record, which is bounded as a line is.
pub fn read_cells<R: BufRead>(reader: R) -> std::result::Result<impl Iterator<Item = Row>, Fault> {
    let mut records = Records {
        reader,
        line: 0,
        waiting: VecDeque::new(),
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
                Err(_) if is_passing_over => continue,
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
}

impl<R: BufRead> Records<R> {
    /// The next record with its first line.
    fn next_record(&mut self) -> Option<std::result::Result<(u64, Vec<u8>), Fault>> {
        let (line, first) = match self.next_line() {
            Ok(found) => found?,
            Err(error) => {
                let reason = error.to_string();
                let line = self.line;
                return Some(Err(Fault { line, reason }));
            }
        };
        let unclosed = "a quote is never closed";
        let fault = |reason: &str| {
            Some(Err(Fault {
                line,
                reason: reason.to_owned(),
            }))
        };
        let Some(mut record) = first else {
            return fault("the line is too long");
        };
        let mut is_open = opens(&record);
        let mut taken = Vec::new();
        while is_open {
            let more = match self.next_line() {
                Ok(Some((line, Some(more)))) => (line, more),
                // The end, or nothing that could close the quote.
                _ => {
                    self.put_back(&record, taken);
                    return fault(unclosed);
                }
            };
            if record.len() + more.1.len() > limits::IMPORT_LINE_BYTES_MAX {
                self.waiting.push_front(more);
                self.put_back(&record, taken);
                return fault(unclosed);
            }
            is_open ^= opens(&more.1);
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

/// Whether a line changes between inside and outside of quotes; a doubled quote does it twice.
fn opens(line: &[u8]) -> bool {
    line.iter().filter(|byte| **byte == b'"').count() % 2 == 1
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

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "[\",\n\ra1é]{0,80}") {
            if let Ok(rows) = read_cells(text.as_bytes()) {
                rows.for_each(drop);
            }
        }
    }
}
