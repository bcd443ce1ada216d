//! What can go wrong, named for the caller.

use std::path::PathBuf;

/// The result of an index operation.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an [`Error`], for callers that translate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller passed something that can never work.
    Invalid,
    /// The index is full.
    Exhausted,
    /// A file could not be read or written; trying again may help.
    Unavailable,
    /// A snapshot is damaged or not a snapshot.
    Corrupt,
}

/// Why an index operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A vector or query has another dimension than the index.
    #[error("vector has {found} components, the index has {expected}")]
    WrongDimension {
        /// Dimension of the index.
        expected: usize,
        /// Length of the given vector.
        found: usize,
    },
    /// A component is NaN or infinite.
    #[error("vector component {position} is not finite")]
    NotFinite {
        /// Position of the first such component.
        position: usize,
    },
    /// The squared length of the vector does not fit the arithmetic.
    #[error("vector is too long: its squared length exceeds {limit:e}")]
    TooLong {
        /// The largest accepted squared length.
        limit: f32,
    },
    /// A vector without direction was given to a cosine index.
    #[error("zero vector has no direction, cosine distance needs one")]
    ZeroVector,
    /// An option of a new index is out of range.
    #[error("option `{name}` is {value}, allowed is {allowed}")]
    InvalidOption {
        /// Name of the option.
        name: &'static str,
        /// The given value.
        value: usize,
        /// The allowed range in words.
        allowed: &'static str,
    },
    /// The index cannot take more vectors.
    #[error("index is full at {limit} vectors")]
    Full {
        /// The largest number of slots.
        limit: usize,
    },
    /// The pool of build threads could not be started.
    #[error("cannot start the build threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// A snapshot file could not be read or written.
    #[error("cannot {action} snapshot `{}`", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A snapshot's contents are not a valid index.
    #[error("snapshot is corrupt: {0}")]
    Corrupt(String),
    /// A snapshot was written by another version of the format.
    #[error("snapshot has format version {found}, this build reads {supported}")]
    UnsupportedVersion {
        /// Version in the file.
        found: u32,
        /// Version this build reads.
        supported: u32,
    },
}

impl Error {
    /// Tells the class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::WrongDimension { .. }
            | Self::NotFinite { .. }
            | Self::TooLong { .. }
            | Self::ZeroVector
            | Self::InvalidOption { .. } => ErrorKind::Invalid,
            Self::Full { .. } => ErrorKind::Exhausted,
            Self::Threads(_) | Self::Io { .. } => ErrorKind::Unavailable,
            Self::Corrupt(_) | Self::UnsupportedVersion { .. } => ErrorKind::Corrupt,
        }
    }
}
