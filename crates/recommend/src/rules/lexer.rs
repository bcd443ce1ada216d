//! From characters to words, with their columns.

use leitmotif_domain::limits;

use super::RuleError;

/// A word of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// `filter`, `and`, `track.year`.
    Word(String),
    /// `2`, `-0.5`.
    Number(f64),
    /// `"jazz"` or `'jazz'`.
    Text(String),
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)`, `[`, `]`, `,`.
    Sign(&'static str),
}

impl Token {
    /// How it is shown in an error.
    pub fn shown(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Text(text) => format!("\"{text}\""),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

/// Longer signs first, so that `<=` is not `<`.
const SIGNS: [&str; 11] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];

/// Cuts a rule into tokens with their columns, from 1.
pub fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RuleError> {
    if text.len() > limits::RULE_BYTES_MAX {
        let (size, size_max) = (text.len(), limits::RULE_BYTES_MAX);
        let reason = format!("the rule has {size} bytes, at most {size_max} are read");
        return Err(RuleError::at(1, reason));
    }
    let mut found = Vec::new();
    let mut rest = text;
    let mut column = 1;
    while let Some(first) = rest.chars().next() {
        let (token, bytes) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if first == '"' || first == '\'' {
            let (text, bytes) = quoted(rest, first, column)?;
            (Some(Token::Text(text)), bytes)
        } else if first.is_ascii_digit() || first == '-' || first == '.' {
            let (number, bytes) = number(rest, column)?;
            (Some(Token::Number(number)), bytes)
        } else if first.is_ascii_alphabetic() {
            let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            let bytes = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..bytes].to_owned())), bytes)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign =
                sign.ok_or_else(|| RuleError::at(column, format!("`{first}` means nothing here")))?;
            (Some(Token::Sign(sign)), sign.len())
        };
        found.extend(token.map(|token| (column, token)));
        let (read, left) = rest.split_at(bytes);
        column += read.chars().count();
        rest = left;
    }
    Ok(found)
}

/// A text in quotes; the other sort of quote may stand inside.
fn quoted(rest: &str, quote: char, column: usize) -> Result<(String, usize), RuleError> {
    let inside = &rest[1..];
    match inside.find(quote) {
        Some(end) => Ok((inside[..end].to_owned(), end + 2)),
        None => Err(RuleError::at(column, "the text does not end")),
    }
}

fn number(rest: &str, column: usize) -> Result<(f64, usize), RuleError> {
    let is_of_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let bytes = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
    let written = &rest[..bytes];
    match written.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((number, bytes)),
        _ => Err(RuleError::at(
            column,
            format!("`{written}` is not a number"),
        )),
    }
}
