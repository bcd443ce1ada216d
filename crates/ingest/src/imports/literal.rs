//! Values that a program printed instead of writing JSON: the way Python shows lists and dictionaries.

use serde_json::{Map, Value};

/// Deepest nesting that is followed; catalogues need three.
const DEPTH_MAX: usize = 16;

/// Reads what Python's `repr` writes for lists, tuples, dictionaries, texts, numbers, `True`,
/// `False` and `None`. Anything else, and anything behind it, gives `None`.
///
/// - Cost: O(text), nested at most sixteen deep.
pub fn parse_python(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.skip_space();
    reader.rest.is_empty().then_some(value)
}

/// Reads a list of short texts however it was written: a JSON list, JSON or Python text that holds
/// a list, or words with commas between them. Nothing gives the empty list.
pub fn read_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(item_text).collect(),
        Value::String(text) => list_in_text(text.trim()),
        _ => Vec::new(),
    }
}

fn list_in_text(text: &str) -> Vec<String> {
    if matches!(text, "" | "null" | "None" | "nan") {
        return Vec::new();
    }
    let parsed = serde_json::from_str(text)
        .ok()
        .or_else(|| parse_python(text));
    match parsed {
        Some(Value::Array(items)) => items.iter().filter_map(item_text).collect(),
        Some(Value::String(inner)) if inner.len() < text.len() => list_in_text(inner.trim()),
        _ => {
            let bare = text.trim_matches(|c| matches!(c, '[' | ']' | '(' | ')'));
            let words = bare
                .split(',')
                .map(|word| word.trim().trim_matches(['\'', '"']));
            let filled = words.filter(|word| !word.is_empty());
            filled.map(str::to_owned).collect()
        }
    }
}

fn item_text(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, expected: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_space();
        match self.rest.chars().next()? {
            '[' => self.list('[', ']', depth),
            '(' => self.list('(', ')', depth),
            '{' => self.dictionary(depth),
            '\'' | '"' => self.text().map(Value::String),
            'u' if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                self.text().map(Value::String)
            }
            _ => self.word(),
        }
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        self.take(open);
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value(depth + 1)?);
            if !self.take(',') {
                return self.take(close).then_some(Value::Array(items));
            }
        }
        Some(Value::Array(items))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.take('{');
        let mut fields = Map::new();
        while !self.take('}') {
            let key = match self.value(depth + 1)? {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            if !self.take(':') {
                return None;
            }
            fields.insert(key, self.value(depth + 1)?);
            if !self.take(',') {
                return self.take('}').then_some(Value::Object(fields));
            }
        }
        Some(Value::Object(fields))
    }

    /// A text in single or double quotes.
    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => {
                    let (_, escaped) = letters.next()?;
                    let digits = match escaped {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    if digits == 0 {
                        text.push_str(&unescaped(escaped));
                        continue;
                    }
                    let hexadecimal: String = (0..digits)
                        .map_while(|_| letters.next().map(|(_, digit)| digit))
                        .collect();
                    let code = u32::from_str_radix(&hexadecimal, 16).ok()?;
                    // Halves of surrogate pairs are no letters.
                    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                _ => text.push(letter),
            }
        }
        None
    }

    /// A number or one of the three named values.
    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" | "nan" | "null" => Some(Value::Null),
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            _ => match word.parse::<i64>() {
                Ok(number) => Some(number.into()),
                Err(_) => {
                    let number = word.parse::<f64>().ok()?;
                    Some(serde_json::Number::from_f64(number)?.into())
                }
            },
        }
    }
}

fn unescaped(letter: char) -> String {
    match letter {
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        'r' => "\r".to_owned(),
        '\n' => String::new(),
        '\\' | '\'' | '"' => letter.to_string(),
        other => format!("\\{other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn python_values_are_read() {
        let check = |text: &str, expected: Option<Value>| {
            assert_eq!(parse_python(text), expected, "{text}");
        };
        check("['a', \"b's\", 'c\\'d']", Some(json!(["a", "b's", "c'd"])));
        check("[]", Some(json!([])));
        check("('a',)", Some(json!(["a"])));
        check("[u'caf\\xe9', '\\u0430\\n']", Some(json!(["café", "а\n"])));
        check(
            "{'id': 'x', 'explicit': False, 'n': None, 'p': 3, 'l': [1.5]}",
            Some(json!({"id": "x", "explicit": false, "n": null, "p": 3, "l": [1.5]})),
        );
        check("['a', 'b'", None);
        check("['a' 'b']", None);
        check("['a'] rest", None);
        check("'open", None);
        check("object()", None);
        check(&"[".repeat(100_000), None);
    }

    #[test]
    fn lists_are_read_however_they_were_written() {
        let check = |value: Value, expected: &[&str]| {
            assert_eq!(read_list(&value), expected, "{value}");
        };
        check(json!(["a", " b ", ""]), &["a", "b"]);
        check(json!("[\"a\", \"b\"]"), &["a", "b"]);
        check(json!("['a', 'b, c']"), &["a", "b, c"]);
        check(json!("\"['a']\""), &["a"]);
        check(json!("a, b,, c"), &["a", "b", "c"]);
        check(json!("['a', b"), &["a", "b"]);
        check(json!("[]"), &[]);
        check(json!(""), &[]);
        check(json!("None"), &[]);
        check(Value::Null, &[]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\](){}'\"\\\\ux,:a1 é]{0,40}") {
            let _ = parse_python(&text);
            let _ = read_list(&Value::String(text));
        }

        #[test]
        fn what_python_shows_comes_back(words in proptest::collection::vec("[a-zé ]{1,8}", 0..6)) {
            let shown = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
            let parsed = parse_python(&format!("[{shown}]"));
            proptest::prop_assert_eq!(parsed, Some(json!(words)));
        }
    }
}
