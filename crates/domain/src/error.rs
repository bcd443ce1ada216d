//! What went wrong, as far as the caller can act on it.

use std::fmt;

/// The eight kinds every error of every crate maps to; HTTP status codes are chosen from them in
/// one file of `api`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong; sending it again will not help.
    Invalid,
    /// The object does not exist, or belongs to somebody else.
    NotFound,
    /// The request contradicts the present state.
    Conflict,
    /// The credential is missing, wrong or too weak.
    Denied,
    /// A bound was reached: quota, queue, body, disk.
    Exhausted,
    /// A part is not reachable for now; retrying may help.
    Unavailable,
    /// Stored data failed its checks.
    Corrupt,
    /// Our fault.
    Bug,
}

impl ErrorKind {
    /// Says whether the same request may succeed later without a change.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable)
    }

    /// The stable lower-case name used in problem documents and metric labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Exhausted => "exhausted",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A value from outside that does not parse into a domain type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidValue {
    /// The field, as the sender named it.
    pub field: String,
    /// What is wrong and what would do.
    pub reason: String,
}

impl InvalidValue {
    /// Names the field and what is wrong with it.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
