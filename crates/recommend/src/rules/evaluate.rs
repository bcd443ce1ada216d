//! Whether a condition holds.

use super::fields::{Field, Value};

/// Answers what a condition asks of one candidate.
pub trait Facts {
    /// The value of a field.
    fn value(&self, field: Field) -> Value<'_>;
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A number.
    Number(f64),
    /// A text in lower case.
    Text(String),
    /// True or false.
    Flag(bool),
}

/// How is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// A condition; the parser has checked that the sorts of values fit.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One of them holds.
    Any(Vec<Condition>),
    /// All of them hold.
    All(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The field has a value.
    Known(Field),
    /// The text has it somewhere, or the list has it as a member.
    Contains(Field, String),
    /// The field compares so.
    Compare(Field, Comparison, Operand),
}

impl Condition {
    /// Whether it holds; an unknown value fits no comparison.
    ///
    /// - Cost: O(size of the condition); its depth is bounded by the parser.
    pub fn holds(&self, facts: &impl Facts) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Known(field) => facts.value(*field) != Value::Unknown,
            Self::Contains(field, wanted) => match facts.value(*field) {
                Value::Text(text) => text.to_lowercase().contains(wanted),
                Value::List(list) => list.iter().any(|one| one.to_lowercase() == *wanted),
                _ => false,
            },
            Self::Compare(field, comparison, operand) => {
                compares(facts.value(*field), *comparison, operand)
            }
        }
    }
}

fn compares(value: Value<'_>, comparison: Comparison, operand: &Operand) -> bool {
    match (value, operand) {
        (Value::Number(left), Operand::Number(right)) => match comparison {
            Comparison::Equal => left == *right,
            Comparison::Unequal => left != *right,
            Comparison::Less => left < *right,
            Comparison::AtMost => left <= *right,
            Comparison::More => left > *right,
            Comparison::AtLeast => left >= *right,
        },
        (Value::Text(left), Operand::Text(right)) => {
            (left.to_lowercase() == *right) == (comparison == Comparison::Equal)
        }
        (Value::Flag(left), Operand::Flag(right)) => {
            (left == *right) == (comparison == Comparison::Equal)
        }
        _ => false,
    }
}
