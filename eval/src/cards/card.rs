//! The shape of an accuracy card.

use serde::Serialize;

use crate::calibration::{Calibration, interval, mean_with_interval, rounded};

/// What is known of how right a family of descriptors is.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Stable lower-case name, the card's address.
    pub name: &'static str,
    pub title: &'static str,
    /// The analyzer that measures them, and its version when the card was made.
    pub analyzer: &'static str,
    pub version: String,
    /// Names of the descriptors; empty where the result is no descriptor.
    pub descriptors: Vec<&'static str>,
    /// What it is, with its unit.
    pub what: &'static str,
    pub unit: &'static str,
    pub status: Status,
    /// Why it is not validated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unvalidated_because: Option<&'static str>,
    pub data: Vec<Data>,
    /// The first is the headline.
    pub scores: Vec<Score>,
    pub confidences: Vec<Confidence>,
    pub peers: Vec<Peer>,
    /// Groups that do worst, found by this measurement.
    pub failures: Vec<Failure>,
    /// What to know beside the numbers.
    pub notes: Vec<String>,
}

/// Whether the numbers are of labelled data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Validated,
    Unvalidated,
    /// Right by definition: there is nothing to label, and tests hold the program to it.
    Exact,
}

/// What was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Data {
    pub name: &'static str,
    pub count: usize,
    /// What is counted.
    pub of: &'static str,
    /// Whether it is synthesised, performed, recorded or written.
    pub origin: &'static str,
    pub licence: &'static str,
}

/// A number with its definition.
#[derive(Debug, Clone, Serialize)]
pub struct Score {
    pub metric: &'static str,
    pub of: &'static str,
    pub value: f64,
    /// 95 % bootstrap interval; none for a bound that is checked on every case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    pub count: usize,
    pub definition: &'static str,
    pub source: &'static str,
}

/// How far a confidence is the share of right answers.
#[derive(Debug, Clone, Serialize)]
pub struct Confidence {
    pub of: &'static str,
    /// What counts as right, and which map on what data.
    pub definition: &'static str,
    #[serde(flatten)]
    pub calibration: Calibration,
}

/// Somebody else's number for the same metric.
#[derive(Debug, Clone, Serialize)]
pub struct Peer {
    pub name: &'static str,
    pub metric: &'static str,
    pub value: f64,
    pub note: &'static str,
}

/// A group that does badly.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub group: String,
    pub metric: &'static str,
    pub value: f64,
    pub count: usize,
}

/// What metric a score is of.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub definition: &'static str,
    pub source: &'static str,
}

impl Metric {
    /// The mean of values; `None` without any.
    pub fn mean(&self, of: &'static str, values: &[f64]) -> Option<Score> {
        let (value, interval) = mean_with_interval(values)?;
        Some(self.score(of, value, Some(interval), values.len()))
    }

    /// A statistic of `count` items that it is given by index.
    pub fn of_items(
        &self,
        of: &'static str,
        count: usize,
        statistic: impl Fn(&[usize]) -> f64,
    ) -> Score {
        let all: Vec<usize> = (0..count).collect();
        let value = rounded(statistic(&all));
        self.score(of, value, Some(interval(count, statistic)), count)
    }

    /// A number without an interval.
    pub fn score(
        &self,
        of: &'static str,
        value: f64,
        interval: Option<[f64; 2]>,
        count: usize,
    ) -> Score {
        Score {
            metric: self.name,
            of,
            value,
            interval,
            count,
            definition: self.definition,
            source: self.source,
        }
    }
}

/// The groups whose mean is lowest and under `good`, worst first, five at most.
pub fn worst(
    metric: &'static str,
    good: f64,
    values: impl Iterator<Item = (String, f64)>,
) -> Vec<Failure> {
    let mut groups: std::collections::BTreeMap<String, Vec<f64>> =
        std::collections::BTreeMap::new();
    for (group, value) in values {
        groups.entry(group).or_default().push(value);
    }
    let mut failures: Vec<Failure> = groups
        .into_iter()
        .map(|(group, values)| Failure {
            group,
            metric,
            value: rounded(values.iter().sum::<f64>() / values.len() as f64),
            count: values.len(),
        })
        .filter(|failure| failure.value < good)
        .collect();
    failures.sort_by(|one, other| {
        one.value
            .total_cmp(&other.value)
            .then(one.group.cmp(&other.group))
    });
    failures.truncate(5);
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_good_ones_not_at_all() {
        let values = [("a", 1.0), ("b", 0.0), ("b", 0.5), ("c", 0.5), ("d", 0.95)];
        let found = worst(
            "m",
            0.9,
            values
                .into_iter()
                .map(|(group, value)| (group.to_owned(), value)),
        );
        let told: Vec<(&str, f64, usize)> = found
            .iter()
            .map(|failure| (failure.group.as_str(), failure.value, failure.count))
            .collect();
        assert_eq!(told, [("b", 0.25, 2), ("c", 0.5, 1)]);
    }
}
