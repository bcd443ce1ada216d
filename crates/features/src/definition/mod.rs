//! Feature views: what is computed of events for one sort of entity, as a text file.

pub mod built_in;
pub mod fields;
pub mod filter;
mod meaning;
mod parse;
pub(crate) mod read;

use std::collections::BTreeMap;

pub use fields::{EventKind, Field, Scalar, text_id};
pub use filter::Filter;

/// The service whose features are columns of the ranker from the next training on.
pub const RANKER_SERVICE: &str = "ranker";

/// A text that is no feature view: where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct DefinitionError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// What a view is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// Who plays.
    Listener,
    /// What is played.
    Track,
    /// Who is credited.
    Artist,
    /// One listener with one artist.
    ListenerArtist,
    /// When, on what and doing what somebody listens; see [`crate::entity::context_cell`].
    ContextCell,
    /// One answer of the recommender.
    Request,
    /// Whatever a sender names; for pushed values alone.
    Named,
}

impl Entity {
    /// Every entity.
    pub const ALL: [Self; 7] = [
        Self::Listener,
        Self::Track,
        Self::Artist,
        Self::ListenerArtist,
        Self::ContextCell,
        Self::Request,
        Self::Named,
    ];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Track => "track",
            Self::Artist => "artist",
            Self::ListenerArtist => "listener_artist",
            Self::ContextCell => "context_cell",
            Self::Request => "request",
            Self::Named => "named",
        }
    }

    /// The names of its parts where a file does not give others.
    pub fn join_keys(self) -> &'static [&'static str] {
        match self {
            Self::Listener => &["listener"],
            Self::Track => &["track"],
            Self::Artist => &["artist"],
            Self::ListenerArtist => &["listener", "artist"],
            Self::ContextCell => &["context_cell"],
            Self::Request => &["request"],
            Self::Named => &["entity"],
        }
    }
}

/// Over which events of an entity a feature is computed, at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All of them.
    AllTime,
    /// The last so many milliseconds, to the tile: the tile of the moment and as many whole ones
    /// before it as make the length.
    Sliding {
        /// Length.
        length_ms: i64,
        /// What it moves by.
        tile_ms: i64,
    },
    /// The stretch of the calendar (UTC) that the moment lies in, up to the moment.
    Tumbling {
        /// Length.
        length_ms: i64,
    },
    /// The session that lasts: events with no gap longer than this between them.
    Session {
        /// The longest gap.
        gap_ms: i64,
    },
}

/// What is computed.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// How many.
    Count,
    /// The sum of a number.
    Sum(Field),
    /// The mean of a number, where events say it.
    Mean(Field),
    /// The share of events for which a condition holds, drawn towards `prior` as by `prior_weight`
    /// more events.
    Rate {
        /// The condition.
        when: Filter,
        /// What an entity without events has.
        prior: f64,
        /// How many events the prior counts as.
        prior_weight: f64,
    },
    /// How many different values, approximately; see [`crate::aggregate::sketch::STANDARD_ERROR`].
    Distinct(Field),
    /// The value of the newest event, or its moment without a field.
    Last(Option<Field>),
    /// The value of the oldest event, or its moment.
    First(Option<Field>),
    /// The most frequent values.
    TopK {
        /// Of what.
        field: Field,
        /// How many.
        k: usize,
    },
    /// Each event counts half as much per half-life of age.
    DecayedSum {
        /// What is summed; each event counts one without it.
        field: Option<Field>,
        /// Half-life.
        half_life_ms: i64,
    },
    /// The mean of the embeddings of the most frequent tracks, weighted by how often they came.
    EmbeddingMean {
        /// The embedding space.
        space: String,
    },
    /// What a sender said last.
    Pushed,
}

/// One feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its name, unique in the view.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Of which events.
    pub event: EventKind,
    /// Which of them count.
    pub filter: Filter,
    /// What is computed.
    pub aggregate: Aggregate,
    /// Over which time.
    pub window: Window,
}

/// How two features make another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// The first divided by the second; null where the second is 0.
    Ratio,
    /// The first less the second.
    Difference,
}

/// A feature of features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Its name, unique in the view.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// How it is made.
    pub combination: Combination,
    /// Columns of the two it is made of: features first, then derived ones, in the order of the file.
    pub inputs: [usize; 2],
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// A number.
    Number,
    /// A moment.
    Moment,
    /// A text or an id.
    Text,
    /// Texts, the most frequent first.
    Texts,
    /// A vector.
    Vector,
    /// Whatever was pushed.
    Any,
}

impl ValueType {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Moment => "moment",
            Self::Text => "text",
            Self::Texts => "texts",
            Self::Vector => "vector",
            Self::Any => "any",
        }
    }
}

/// A feature view.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewDefinition {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is about.
    pub entity: Entity,
    /// How the parts of an entity are called by those who ask.
    pub join_keys: Vec<String>,
    /// The name that values are pushed under; that of the view where the file gives no other.
    pub push_source: String,
    /// Groups of features that are read together under one name, from several views as may be: the columns of this view
    /// in each.
    pub services: BTreeMap<String, Vec<usize>>,
    /// An entity without an event for so long has no values any more.
    pub ttl_ms: Option<i64>,
    /// What is computed of events.
    pub features: Vec<Feature>,
    /// What is computed of features, in the order of the file.
    pub derived: Vec<Derived>,
    /// The derived ones in an order in which each comes after those it is made of.
    pub derived_order: Vec<usize>,
}

impl ViewDefinition {
    /// Reads a view.
    ///
    /// - Errors: [`DefinitionError`] with line and column: text that is not TOML, unknown keys, fields
    ///   or aggregates, windows of nothing, names that stand twice, features that are made of each
    ///   other, and everything beyond its bound.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        parse::view(text)
    }

    /// Names of all columns: features, then derived ones.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let features = self.features.iter().map(|feature| feature.name.as_str());
        features.chain(self.derived.iter().map(|derived| derived.name.as_str()))
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.features.len() + self.derived.len()
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns().position(|column| column == name)
    }

    /// The columns of a service; none where the view has no part in it.
    pub fn service(&self, name: &str) -> &[usize] {
        self.services.get(name).map_or(&[], Vec::as_slice)
    }

    /// What the values of a column are.
    pub fn value_type(&self, column: usize) -> ValueType {
        (self.features.get(column)).map_or(ValueType::Number, Feature::value_type)
    }
}

impl Feature {
    /// What its values are.
    pub fn value_type(&self) -> ValueType {
        match &self.aggregate {
            Aggregate::Last(None) | Aggregate::First(None) => ValueType::Moment,
            Aggregate::Last(Some(field)) | Aggregate::First(Some(field)) if !field.is_number() => {
                ValueType::Text
            }
            Aggregate::TopK { .. } => ValueType::Texts,
            Aggregate::EmbeddingMean { .. } => ValueType::Vector,
            Aggregate::Pushed => ValueType::Any,
            _ => ValueType::Number,
        }
    }
}

#[cfg(test)]
mod tests;
