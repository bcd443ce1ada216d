//! The lines of LightGBM's text form: sections of `key=value`.

use std::collections::HashMap;
use std::str::FromStr;

use super::binning::THRESHOLD_MAX;
use crate::error::{Error, Result};

/// A line with its number from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    pub(super) number: usize,
    pub(super) text: &'t str,
}

impl Line<'_> {
    pub(super) fn corrupt(&self, what: &str) -> Error {
        Error::Corrupt(format!(
            "line {}: {what}, save the model again",
            self.number
        ))
    }
}

pub(super) struct Lines<'t> {
    lines: std::iter::Enumerate<std::str::Lines<'t>>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            lines: text.lines().enumerate(),
        }
    }

    pub(super) fn next_line(&mut self) -> Result<Line<'t>> {
        let (index, text) = self.lines.next().ok_or_else(|| {
            let what = "it ends before `end of trees`, copy the whole file";
            Error::Corrupt(what.to_owned())
        })?;
        Ok(Line {
            number: index + 1,
            text: text.trim_end(),
        })
    }

    pub(super) fn next_filled(&mut self) -> Result<Line<'t>> {
        loop {
            let line = self.next_line()?;
            if !line.text.is_empty() {
                return Ok(line);
            }
        }
    }
}

/// Lines `key=value` up to an empty line.
pub(super) struct Section<'t> {
    pub(super) first: Line<'t>,
    pub(super) values: HashMap<&'t str, Line<'t>>,
}

impl<'t> Section<'t> {
    pub(super) fn read(first: Line<'t>, lines: &mut Lines<'t>) -> Result<Self> {
        let mut values = HashMap::new();
        loop {
            let line = lines.next_line()?;
            if line.text.is_empty() {
                return Ok(Self { first, values });
            }
            let (key, text) = line.text.split_once('=').unwrap_or((line.text, ""));
            let value = Line {
                number: line.number,
                text,
            };
            if values.insert(key, value).is_some() {
                return Err(line.corrupt(&format!("`{key}` is there twice")));
            }
        }
    }

    pub(super) fn line(&self, key: &str) -> Result<Line<'t>> {
        (self.values.get(key).copied())
            .ok_or_else(|| self.first.corrupt(&format!("`{key}` is missing below")))
    }

    pub(super) fn one<T: FromStr>(&self, key: &str) -> Result<T> {
        let line = self.line(key)?;
        (line.text.parse()).map_err(|_| line.corrupt(&format!("`{key}` is no number of its kind")))
    }

    /// Numbers of a key, exactly `count`.
    pub(super) fn many<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let line = self.line(key)?;
        let mut numbers = Vec::new();
        for word in line.text.split_ascii_whitespace() {
            let number = word.parse();
            numbers.push(number.map_err(|_| {
                line.corrupt(&format!(
                    "`{key}` holds something that is no number of its kind"
                ))
            })?);
        }
        if numbers.len() != count {
            let what = format!("`{key}` has {} numbers, need {count}", numbers.len());
            return Err(line.corrupt(&what));
        }
        Ok(numbers)
    }

    pub(super) fn finite(&self, key: &str, count: usize) -> Result<Vec<f64>> {
        let numbers: Vec<f64> = self.many(key, count)?;
        if numbers.iter().any(|number| number.is_nan()) {
            return Err(self.line(key)?.corrupt(&format!("`{key}` is not a number")));
        }
        let clamp = |number: f64| number.clamp(-THRESHOLD_MAX, THRESHOLD_MAX);
        Ok(numbers.into_iter().map(clamp).collect())
    }

    /// As [`Section::many`], but zeros where the file has nothing.
    pub(super) fn optional<T: FromStr + Clone + Default>(
        &self,
        key: &str,
        count: usize,
    ) -> Result<Vec<T>> {
        if self.values.contains_key(key) {
            return self.many(key, count);
        }
        Ok(vec![T::default(); count])
    }
}
