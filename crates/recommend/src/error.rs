//! Why there is no answer.

use leitmotif_domain::ErrorKind;
use leitmotif_domain::error::InvalidValue;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A value breaks a bound.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The store refused or failed.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// The listening state cannot follow the log.
    #[error(transparent)]
    Features(#[from] leitmotif_features::Error),
    /// There is too little to learn from.
    #[error("cannot train: {reason}")]
    TooLittle {
        /// What is missing.
        reason: String,
    },
    /// A stored model does not read.
    #[error("model `{model}` is damaged: {reason}; train a new one")]
    DamagedModel {
        /// Which model.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// A mistake of ours.
    #[error("internal recommender error: {reason}")]
    Bug {
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Storage(error) => error.kind(),
            Self::Features(error) => error.kind(),
            Self::TooLittle { .. } => ErrorKind::Conflict,
            Self::DamagedModel { .. } => ErrorKind::Corrupt,
            Self::Bug { .. } => ErrorKind::Bug,
        }
    }

    /// A mistake of ours.
    pub fn bug(reason: impl ToString) -> Self {
        Self::Bug {
            reason: reason.to_string(),
        }
    }
}

impl From<leitmotif_learn::Error> for Error {
    fn from(error: leitmotif_learn::Error) -> Self {
        Self::bug(error)
    }
}

impl From<leitmotif_features::service::Error> for Error {
    fn from(error: leitmotif_features::service::Error) -> Self {
        match error {
            leitmotif_features::service::Error::Storage(error) => Self::Storage(error),
            error => Self::bug(error),
        }
    }
}

/// The result of a recommender call.
pub type Result<T> = std::result::Result<T, Error>;
