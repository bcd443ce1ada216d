//! What can go wrong, named for the caller.

/// The result of fitting or reading a model.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an [`Error`], for callers that translate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller passed something that can never work.
    Invalid,
    /// Stored bytes are damaged.
    Corrupt,
}

/// Why a matrix or model could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row or column lies outside the matrix.
    #[error("{axis} {index} is outside the matrix of {count}")]
    OutOfRange {
        /// `row`, `column` or `item`.
        axis: &'static str,
        /// The given index.
        index: usize,
        /// The number of rows or columns.
        count: usize,
    },
    /// A weight is NaN or infinite.
    #[error("weight at row {row}, column {column} is not finite")]
    NotFinite {
        /// Row of the weight.
        row: usize,
        /// Column of the weight.
        column: usize,
    },
    /// A matrix is too large for its 32-bit indices.
    #[error("matrix of {count} is too large")]
    TooLarge {
        /// The offending number.
        count: usize,
    },
    /// A hyper-parameter is out of range.
    #[error("option `{name}` is {value}, allowed is {allowed}")]
    InvalidOption {
        /// Name of the option.
        name: &'static str,
        /// The given value.
        value: f64,
        /// The allowed range in words.
        allowed: &'static str,
    },
    /// A system of equations has no stable solution; more regularisation helps.
    #[error("system of equations is not positive definite at row {row}")]
    NotPositiveDefinite {
        /// Where the factorisation stopped.
        row: usize,
    },
    /// Parts that belong together differ in their number.
    #[error("{count} {name}, need {expected}")]
    Mismatch {
        /// What was counted.
        name: &'static str,
        /// How many there are.
        count: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A number of an example is out of range.
    #[error("{name} of row {row} is {value}, correct or remove the row")]
    InvalidRow {
        /// What the number is.
        name: &'static str,
        /// Where it is.
        row: usize,
        /// The given number.
        value: f32,
    },
    /// A valid model that needs what we do not have.
    #[error("model is not supported: {0}")]
    Unsupported(String),
    /// The bytes of a model are not a valid model.
    #[error("model is corrupt: {0}")]
    Corrupt(String),
}

impl Error {
    /// Tells the class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt(_) => ErrorKind::Corrupt,
            _ => ErrorKind::Invalid,
        }
    }
}
