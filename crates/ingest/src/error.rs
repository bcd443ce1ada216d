//! Why something did not come in.

use leitmotif_analysis::lyrics::TooLittle;
use leitmotif_domain::ErrorKind;
use leitmotif_domain::error::InvalidValue;

/// Why something did not come in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A value breaks a bound.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The store refused or failed.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file of the owner is not written to.
    #[error("left `{path}` alone: {reason}")]
    LeftAlone {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The audio cannot be decoded or analysed; trying again will not help.
    #[error("cannot analyse the audio: {reason}")]
    Audio {
        /// What is wrong with it.
        reason: String,
    },
    /// There is too little to learn from; more songs help, trying again does not.
    #[error(transparent)]
    TooLittle(#[from] TooLittle),
    /// The lyrics encoder cannot be used, or fails at a text; trying again does not help.
    #[error("the lyrics encoder: {reason}")]
    Encoder {
        /// What is wrong with it.
        reason: String,
    },
    /// The decoding child ended or hung; trying again may help.
    #[error("the decoder stopped: {reason}")]
    Decoder {
        /// How it ended.
        reason: String,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) | Self::Audio { .. } | Self::TooLittle(_) | Self::Encoder { .. } => {
                ErrorKind::Invalid
            }
            Self::Storage(error) => error.kind(),
            Self::Unreadable { .. } => ErrorKind::NotFound,
            Self::LeftAlone { .. } => ErrorKind::Conflict,
            Self::Decoder { .. } => ErrorKind::Unavailable,
        }
    }

    /// An encoder that cannot be used.
    #[cfg(feature = "onnx")]
    pub(crate) fn encoder(reason: String) -> Self {
        Self::Encoder { reason }
    }

    /// There is none in the settings.
    pub(crate) fn no_encoder() -> Self {
        Self::Encoder {
            reason: "there is none: set `lyrics_encoder` in the settings to its folder".to_owned(),
        }
    }

    /// A file that is not written to.
    pub fn left_alone(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::LeftAlone {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Unreadable {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// The result of taking something in.
pub type Result<T> = std::result::Result<T, Error>;
