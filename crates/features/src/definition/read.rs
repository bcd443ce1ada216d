//! The shape of a view's file, and places in it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::DefinitionError;

/// A view as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewText {
    pub name: Spanned<String>,
    #[serde(default)]
    pub description: String,
    pub entity: Spanned<String>,
    #[serde(default)]
    pub join_keys: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub push_source: Option<String>,
    #[serde(default)]
    pub ttl: Option<Spanned<String>>,
    #[serde(default)]
    pub services: BTreeMap<Spanned<String>, Spanned<Vec<String>>>,
    #[serde(default)]
    pub features: Vec<FeatureText>,
    #[serde(default)]
    pub derived: Vec<DerivedText>,
}

/// A feature as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureText {
    pub name: Spanned<String>,
    #[serde(default)]
    pub description: String,
    pub event: Spanned<String>,
    pub aggregate: Spanned<String>,
    #[serde(default)]
    pub field: Option<Spanned<String>>,
    #[serde(default)]
    pub filter: Option<Spanned<String>>,
    #[serde(default)]
    pub window: Option<Spanned<String>>,
    #[serde(default)]
    pub tile: Option<Spanned<String>>,
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    #[serde(default)]
    pub prior: Option<Spanned<f64>>,
    #[serde(default)]
    pub prior_weight: Option<Spanned<f64>>,
    #[serde(default)]
    pub half_life: Option<Spanned<String>>,
    #[serde(default)]
    pub k: Option<Spanned<usize>>,
    #[serde(default)]
    pub space: Option<Spanned<String>>,
}

/// A derived feature as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DerivedText {
    pub name: Spanned<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub ratio: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub difference: Option<Spanned<Vec<String>>>,
}

/// The text that is read, for telling places in it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a>(pub &'a str);

impl Source<'_> {
    /// An error at a byte.
    pub fn error(self, at: usize, reason: impl Into<String>) -> DefinitionError {
        let before = self.0.get(..at).unwrap_or(self.0);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = before.get(line_start..).unwrap_or_default();
        DefinitionError {
            line: before.matches('\n').count() + 1,
            column: line_text.chars().count() + 1,
            reason: reason.into(),
        }
    }

    /// An error at a value.
    pub fn error_on<T>(self, value: &Spanned<T>, reason: impl Into<String>) -> DefinitionError {
        self.error(value.span().start, reason)
    }

    /// Finds a word among those there are.
    pub fn one_of<T: Copy>(
        self,
        given: &Spanned<String>,
        what: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, DefinitionError> {
        let found = all.iter().find(|one| name(**one) == given.get_ref());
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
            let text = given.get_ref();
            let reason = format!("`{text}` is no `{what}`: is one of {}", names.join(", "));
            self.error_on(given, reason)
        })
    }

    /// An error within a text, so many bytes after its first.
    pub fn error_within(
        self,
        value: &Spanned<String>,
        within: usize,
        reason: impl Into<String>,
    ) -> DefinitionError {
        let span = value.span();
        // A basic string without escapes stands in the file as it is read, after its quote.
        let inner = self.0.get(span.start + 1..span.end.saturating_sub(1));
        let is_plain = inner == Some(value.get_ref().as_str());
        let at = if is_plain {
            span.start + 1 + within
        } else {
            span.start
        };
        self.error(at, reason)
    }
}

/// Units of durations, the longer spelling of none a beginning of another.
const UNITS: [(&str, i64); 5] = [
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
];
/// Longest duration: ten years.
const DURATION_MS_MAX: i64 = 3_660 * 86_400_000;

/// Reads `90s`, `30m`, `6h`, `7d` or `4w` as milliseconds.
pub(crate) fn duration_ms(what: &str, text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no `{what}`: write 90s, 30m, 6h, 7d or 4w");
    let (unit, factor) = UNITS
        .iter()
        .find(|(unit, _)| text.ends_with(unit))
        .ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).unwrap_or_default().trim();
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    let length = count.saturating_mul(*factor);
    if length == 0 {
        return Err(format!("`{what}` is 0, must be at least 1s"));
    }
    if length > DURATION_MS_MAX {
        return Err(format!("`{what}` is {text}, must be at most 3660d"));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bounds() {
        for (text, expected) in [
            ("90s", Some(90_000)),
            ("30m", Some(1_800_000)),
            ("4w", Some(28 * 86_400_000)),
            ("3660d", Some(DURATION_MS_MAX)),
            ("3661d", None),
            ("0d", None),
            ("d", None),
            ("-1d", None),
            ("7", None),
            ("7 days", None),
            ("99999999999999999999d", None),
            ("", None),
        ] {
            assert_eq!(duration_ms("window", text).ok(), expected, "{text}");
        }
    }
}
