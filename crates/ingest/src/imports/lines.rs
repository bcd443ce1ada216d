//! Rows of files that may be broken anywhere: each is whole or is named with its line, and the ones
//! behind it are read all the same.

use std::io::BufRead;

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

/// One line.
pub(super) enum Line {
    /// All of it, with its line feed.
    Whole(Vec<u8>),
    /// It is beyond the bound, and gone.
    TooLong,
}

/// Reads up to a line feed; a line beyond the bound is passed over without being kept.
pub(super) fn read_line(
    reader: &mut impl BufRead,
    bytes_max: usize,
) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let mut bounded = std::io::Read::take(&mut *reader, bytes_max as u64 + 1);
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

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            read_objects(&bytes[..]).for_each(drop);
        }
    }
}
