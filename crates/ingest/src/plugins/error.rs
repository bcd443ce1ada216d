//! Why a plugin is refused, or says nothing of a track.

use leitmotif_domain::error::InvalidValue;

/// Why a plugin is refused, or says nothing of a track. Each is a sentence for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// It is no WebAssembly module that is taken.
    #[error("it is no module that can be loaded: {reason}")]
    Malformed {
        /// What the engine says.
        reason: String,
    },
    /// It wants to call something.
    #[error("it imports `{module}.{name}`; a plugin is given nothing to call")]
    Import {
        /// Of which module.
        module: String,
        /// What.
        name: String,
    },
    /// It lacks something that is called.
    #[error("it does not export {wanted}")]
    Export {
        /// What, with its type.
        wanted: &'static str,
    },
    /// It has no manifest, or one that does not read.
    #[error("its manifest: {reason}")]
    Manifest {
        /// What is wrong with it.
        reason: String,
    },
    /// It used up its fuel.
    #[error("it used up its fuel in `{call}`: it runs too long, or for ever")]
    Fuel {
        /// The call that did not return.
        call: &'static str,
    },
    /// It broke off.
    #[error("it broke off in `{call}`: {reason}")]
    Trap {
        /// The call that did not return.
        call: &'static str,
        /// What the engine says.
        reason: String,
    },
    /// What it answered is not an answer.
    #[error("its answer: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// It does not tell of its own example what it should.
    #[error("example {number}: {reason}")]
    Example {
        /// Which, from 1.
        number: usize,
        /// What it told.
        reason: String,
    },
    /// The sound could not be read.
    #[error("the sound cannot be read: {reason}")]
    Sound {
        /// Why.
        reason: String,
    },
}

impl PluginError {
    /// An answer that is none.
    pub(super) fn answer(reason: impl Into<String>) -> Self {
        Self::Answer {
            reason: reason.into(),
        }
    }
}

impl From<InvalidValue> for PluginError {
    fn from(error: InvalidValue) -> Self {
        Self::Manifest {
            reason: error.to_string(),
        }
    }
}
