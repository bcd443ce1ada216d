//! What a backend can report.

use leitmotif_domain::ErrorKind;
use leitmotif_domain::error::InvalidValue;

/// Why a storage call failed. A failed write changed nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An argument breaks a bound or a contract.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The named object does not exist in this tenant.
    #[error("no {noun} `{id}`")]
    NotFound {
        /// What was looked for.
        noun: &'static str,
        /// Its id.
        id: String,
    },
    /// The write contradicts what is stored.
    #[error("{reason}")]
    Conflict {
        /// What stands against it.
        reason: String,
    },
    /// The disk is full; reads go on, and writes work again once there is room.
    #[error("the disk is full: free some space and send the request again")]
    DiskFull,
    /// A queue is at its bound; the same call may succeed later.
    #[error("{what} is at its bound, try again later")]
    Busy {
        /// Which queue.
        what: &'static str,
    },
    /// The folder cannot be written.
    #[error("cannot write `{path}`: the folder is read-only or belongs to somebody else")]
    ReadOnly {
        /// Which file.
        path: String,
    },
    /// Another process holds the folder.
    #[error("the folder `{path}` is in use by {holder}")]
    Locked {
        /// Which folder.
        path: String,
        /// Who holds it.
        holder: String,
    },
    /// The backend did not answer in time or at all.
    #[error("{backend} is not available: {reason}")]
    Unavailable {
        /// Which backend.
        backend: &'static str,
        /// What it said.
        reason: String,
    },
    /// Stored data failed its checks.
    #[error("stored data is damaged: {reason}")]
    Corrupt {
        /// What is wrong and what to do.
        reason: String,
    },
    /// A mistake of ours.
    #[error("internal storage error: {reason}")]
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
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } | Self::Locked { .. } => ErrorKind::Conflict,
            Self::DiskFull => ErrorKind::Exhausted,
            Self::Busy { .. } | Self::Unavailable { .. } | Self::ReadOnly { .. } => {
                ErrorKind::Unavailable
            }
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Bug { .. } => ErrorKind::Bug,
        }
    }

    /// A missing object.
    pub fn not_found(noun: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            noun,
            id: id.to_string(),
        }
    }

    /// A mistake of ours.
    pub fn bug(reason: impl ToString) -> Self {
        Self::Bug {
            reason: reason.to_string(),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => Self::DiskFull,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::ReadOnly {
                path: error.to_string(),
            },
            _ => Self::Unavailable {
                backend: "disk",
                reason: error.to_string(),
            },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::DiskFull,
            Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => Self::ReadOnly {
                path: error.to_string(),
            },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Corrupt {
                reason: format!("{error}; restore the file from a backup"),
            },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy {
                what: "the database",
            },
            Some(Code::SystemIoFailure) => Self::Unavailable {
                backend: "disk",
                reason: error.to_string(),
            },
            _ => Self::bug(error),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt {
            reason: format!("a stored document does not parse: {error}"),
        }
    }
}

/// The result of a storage call.
pub type Result<T> = std::result::Result<T, Error>;
