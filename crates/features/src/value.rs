//! What a feature is at a moment.

use std::collections::HashMap;

use leitmotif_domain::{Timestamp, TrackId};
use serde_json::{Value as Json, json};

/// A value of a feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none: no event says it.
    Null,
    /// A number, never infinite or not a number.
    Number(f64),
    /// A moment.
    Moment(Timestamp),
    /// A text, or an id as it is shown.
    Text(String),
    /// Texts, the most frequent first.
    Texts(Vec<String>),
    /// Tracks with their weights, whose vectors are still to be read; see [`Value::resolve`].
    Tracks(Vec<(TrackId, i64)>),
    /// A vector.
    Vector(Vec<f32>),
    /// What was pushed, as it came.
    Pushed(Json),
}

impl Value {
    /// The value as JSON; what has no vectors yet is null.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Tracks(_) => Json::Null,
            Self::Number(number) => json!(number),
            Self::Moment(at) => json!(at),
            Self::Text(text) => json!(text),
            Self::Texts(texts) => json!(texts),
            Self::Vector(vector) => json!(vector),
            Self::Pushed(value) => value.clone(),
        }
    }

    /// The value as a number: a moment in milliseconds, NaN for what is no number.
    pub fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Moment(at) => at.as_ms() as f64,
            Self::Pushed(value) => value.as_f64().unwrap_or(f64::NAN),
            _ => f64::NAN,
        }
    }

    /// Whether there is none.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Pushed(Json::Null))
    }

    /// Whether two values are the same to the last bit.
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }

    /// Puts the weighted mean of vectors in the place of tracks. The log has no vectors, so they are an
    /// argument; without any of them the value is null.
    ///
    /// - Shape: every vector has the dimension of the first; others are passed over.
    pub fn resolve(&mut self, vectors: &HashMap<TrackId, Vec<f32>>) {
        let Self::Tracks(tracks) = self else { return };
        let known = tracks
            .iter()
            .filter_map(|(track, weight)| Some((vectors.get(track)?, *weight as f64)));
        let (mut sums, mut total) = (Vec::new(), 0.0);
        for (vector, weight) in known {
            if sums.is_empty() {
                sums = vec![0.0_f64; vector.len()];
            }
            if sums.len() == vector.len() {
                let parts = sums.iter_mut().zip(vector);
                parts.for_each(|(sum, part)| *sum += f64::from(*part) * weight);
                total += weight;
            }
        }
        *self = if total > 0.0 {
            Self::Vector(sums.iter().map(|sum| (sum / total) as f32).collect())
        } else {
            Self::Null
        };
    }
}

/// How the values of an entity stand in one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// There are values.
    Present,
    /// No event tells of the entity.
    NotFound,
    /// The newest event is older than the view's time to live; every value is null.
    OutsideMaxAge,
}

/// The values of an entity at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// How they stand.
    pub status: Status,
    /// When the newest event that counts happened.
    pub newest: Option<Timestamp>,
    /// One a column.
    pub values: Vec<Value>,
}

impl Row {
    /// Whether two rows are the same to the last bit.
    pub fn is_identical(&self, other: &Self) -> bool {
        let pairs = self.values.iter().zip(&other.values);
        self.status == other.status
            && self.newest == other.newest
            && self.values.len() == other.values.len()
            && pairs.into_iter().all(|(a, b)| a.is_identical(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_weighted_by_plays() {
        let track = TrackId::from_u128;
        let vectors = HashMap::from([
            (track(1), vec![1.0, 0.0]),
            (track(2), vec![0.0, 1.0]),
            (track(3), vec![9.0]),
        ]);
        let mut value = Value::Tracks(vec![
            (track(1), 3),
            (track(2), 1),
            (track(3), 5),
            (track(4), 7),
        ]);
        value.resolve(&vectors);
        assert_eq!(value, Value::Vector(vec![0.75, 0.25]));
        let mut none = Value::Tracks(vec![(track(4), 7)]);
        none.resolve(&vectors);
        assert_eq!(none, Value::Null);
    }
}
