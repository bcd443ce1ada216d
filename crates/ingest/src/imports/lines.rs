//! Rows of files that may be broken anywhere: each is whole or is named with its line, and the ones
//! behind it are read all the same.

use std::io::{BufRead, Read};

use leitmotif_domain::limits;
use serde_json::{Map, Value};

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// A row by column, with its line.
pub type Row = Result<(u64, Map<String, Value>), Fault>;

/// Reads one JSON object a line; empty lines are passed over. A line that is cut, too long, not
/// UTF-8 or no object is a fault; a file that cannot be read any further ends with one.
pub fn read_objects<R: BufRead>(mut reader: R) -> impl Iterator<Item = Row> {
    let mut line = 0;
    let mut is_over = false;
    std::iter::from_fn(move || {
        while !is_over {
            line += 1;
            let fault = |reason: String| Some(Err(Fault { line, reason }));
            match read_line(&mut reader, limits::IMPORT_LINE_BYTES_MAX) {
                Ok(None) => return None,
                Err(error) => {
                    is_over = true;
                    return fault(error.to_string());
                }
                Ok(Some(Line::TooLong)) => {
                    return fault(format!(
                        "longer than {} bytes",
                        limits::IMPORT_LINE_BYTES_MAX
                    ));
                }
                Ok(Some(Line::Whole(bytes))) => match object_in(&bytes) {
                    Ok(None) => {}
                    Ok(Some(object)) => return Some(Ok((line, object))),
                    Err(reason) => return fault(reason),
                },
            }
        }
        None
    })
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// Reads up to a line feed; a line beyond the bound is passed over without being kept.
fn read_line(reader: &mut impl BufRead, bytes_max: usize) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let mut bounded = reader.by_ref().take(bytes_max as u64 + 1);
    if bounded.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() <= bytes_max || bytes.ends_with(b"\n") {
        return Ok(Some(Line::Whole(bytes)));
    }
    loop {
        let waiting = reader.fill_buf()?;
        let (used, is_end) = match waiting.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (waiting.len(), waiting.is_empty()),
        };
        reader.consume(used);
        if is_end {
            return Ok(Some(Line::TooLong));
        }
    }
}

fn object_in(bytes: &[u8]) -> Result<Option<Map<String, Value>>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 from byte {}", error.valid_up_to() + 1))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(_) => Err("no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads CSV with a header; every cell is text, an empty one is `null`. A record with too many or
/// too few cells, or one that is not UTF-8, is a fault.
pub fn read_cells<R: Read>(reader: R) -> Result<impl Iterator<Item = Row>, Fault> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader.byte_headers().map_err(|error| Fault {
        line: 1,
        reason: error.to_string(),
    })?;
    let header: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name))
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_lowercase())
        .collect();
    let mut is_over = false;
    let mut records = reader.into_byte_records();
    Ok(std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let record = match records.next()? {
            Ok(record) => record,
            Err(error) => {
                is_over = true;
                return Some(Err(Fault {
                    line: error.position().map_or(0, csv::Position::line),
                    reason: error.to_string(),
                }));
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let row = cells_of(&header, &record).map_err(|reason| Fault { line, reason });
        Some(row.map(|row| (line, row)))
    }))
}

fn cells_of(header: &[String], record: &csv::ByteRecord) -> Result<Map<String, Value>, String> {
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

    fn shown(rows: impl Iterator<Item = Row>) -> Vec<String> {
        rows.map(|row| match row {
            Ok((line, object)) => format!("{line} {}", Value::Object(object)),
            Err(fault) => format!("{} !", fault.line),
        })
        .collect()
    }

    #[test]
    fn broken_lines_are_named_and_the_rest_is_read() {
        let text =
            b"\xef\xbb\xbf{\"a\":1}\n\n{\"a\":2\n[1]\n{\"a\":\"\xff\"}\nnull\n{\"a\":3}\n{\"a\":";
        let expected = [
            "1 {\"a\":1}",
            "3 !",
            "4 !",
            "5 !",
            "6 !",
            "7 {\"a\":3}",
            "8 !",
        ];
        assert_eq!(shown(read_objects(&text[..])), expected);
    }

    #[test]
    fn lines_are_bounded() {
        let mut text = vec![b'x'; limits::IMPORT_LINE_BYTES_MAX + 7];
        text.extend_from_slice(b"\n{\"a\":1}");
        assert_eq!(shown(read_objects(&text[..])), ["1 !", "2 {\"a\":1}"]);
        let mut reader = &b"123\n1234\n"[..];
        assert!(matches!(
            read_line(&mut reader, 3),
            Ok(Some(Line::Whole(_)))
        ));
        assert!(matches!(read_line(&mut reader, 3), Ok(Some(Line::TooLong))));
        assert!(matches!(read_line(&mut reader, 3), Ok(None)));
    }

    #[test]
    fn cells_are_read_and_broken_records_named() {
        let text =
            b"\xef\xbb\xbfID,lyrics,x\n1,\"a\nb\",\n2,short\n3,\xff,z\n4,\"never closed,y\n5,a,b\n";
        let expected = [
            "2 {\"id\":\"1\",\"lyrics\":\"a\\nb\",\"x\":null}",
            "4 !",
            "5 !",
            "6 !",
        ];
        assert_eq!(shown(read_cells(&text[..]).unwrap()), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            read_objects(&bytes[..]).for_each(drop);
            if let Ok(rows) = read_cells(&bytes[..]) {
                rows.for_each(drop);
            }
        }
    }
}
