//! Analyzers of third parties: WebAssembly modules that tell more of a track.
//!
//! A module is never read in the server's process. A child of this binary loads it, without anything to call,
//! with bounds on its memory, its steps and its answer, and is itself held by limits of the system.

mod apply;
mod child;
mod error;
mod examples;
mod install;
mod module;
mod order;
mod session;
mod spread;
#[cfg(test)]
mod testing;

pub use apply::{PluginPart, Plugins};
pub(crate) use apply::{PluginTrack, outstanding};
pub use child::run;
pub use error::PluginError;
pub use module::{MANIFEST_SECTION, PluginModule};
pub use order::{
    PLUGIN_COMMAND, PluginAnswer, PluginHost, PluginOrder, PluginProcess, PluginSound, PluginTask,
    ToldDescriptor,
};
pub use session::{PluginInput, Session};
pub use spread::SpreadPluginsRunner;
