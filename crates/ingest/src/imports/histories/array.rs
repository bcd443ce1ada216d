//! The objects of a JSON array one by one, so that a file that was cut gives what is whole in it.

use std::io::BufRead;

use leitmotif_domain::limits;
use serde_json::Value;

use crate::imports::lines::{Fault, Row};

/// Reads the objects of an array, each with the line it begins on. An object that does not parse is
/// a fault; one that is beyond the bound or never ends is the last.
///
/// - Memory: one object.
pub fn read_elements<R: BufRead>(reader: R) -> impl Iterator<Item = Row> {
    let mut elements = Elements {
        bytes: reader.bytes(),
        line: 1,
        is_over: false,
    };
    std::iter::from_fn(move || elements.next_element())
}

struct Elements<R> {
    bytes: std::io::Bytes<R>,
    line: u64,
    is_over: bool,
}

impl<R: BufRead> Elements<R> {
    fn next_element(&mut self) -> Option<Row> {
        if self.is_over {
            return None;
        }
        let mut element = Vec::new();
        let (mut depth, mut is_text, mut is_escaped) = (0_u32, false, false);
        let mut line = self.line;
        loop {
            let byte = match self.bytes.next() {
                Some(Ok(byte)) => byte,
                Some(Err(error)) => return self.end(line, error.to_string()),
                None if depth == 0 => {
                    self.is_over = true;
                    return None;
                }
                None => return self.end(line, "the file ends inside of it".to_owned()),
            };
            if byte == b'\n' {
                self.line += 1;
            }
            if depth == 0 {
                // Between the objects: brackets and commas.
                if byte != b'{' {
                    continue;
                }
                line = self.line;
            }
            element.push(byte);
            if element.len() > limits::IMPORT_LINE_BYTES_MAX {
                let most = limits::IMPORT_LINE_BYTES_MAX;
                return self.end(line, format!("longer than {most} bytes"));
            }
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_text => is_escaped = true,
                b'"' => is_text = !is_text,
                b'{' | b'[' if !is_text => depth += 1,
                b'}' | b']' if !is_text => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(parsed(line, &element));
            }
        }
    }

    fn end(&mut self, line: u64, reason: String) -> Option<Row> {
        self.is_over = true;
        Some(Err(Fault { line, reason }))
    }
}

fn parsed(line: u64, element: &[u8]) -> Row {
    match serde_json::from_slice(element) {
        Ok(Value::Object(object)) => Ok((line, object)),
        Ok(_) => Err(Fault {
            line,
            reason: "no JSON object".to_owned(),
        }),
        Err(error) => Err(Fault {
            line,
            reason: error.to_string(),
        }),
    }
}
