//! What the child that runs plugins is told, and what it answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use leitmotif_domain::limits;
use leitmotif_domain::plugin::PluginManifest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::jobs::child::ChildCommand;

/// The hidden subcommand that turns this binary into the child.
pub const PLUGIN_COMMAND: &str = "plugin-worker";

/// What the child is told, as one JSON document on its standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginOrder {
    /// The file of the module.
    pub module: PathBuf,
    /// What to do with it.
    pub task: PluginTask,
    /// Address space of the child in bytes.
    pub memory_bytes_max: u64,
    /// Processor time of the child in seconds.
    pub cpu_seconds_max: u64,
}

/// What to do with a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginTask {
    /// Load it and run its examples.
    Check,
    /// Run it on a track.
    Run {
        /// The sound, if it needs that.
        sound: Option<PluginSound>,
        /// The words, if it needs them.
        lyrics: Option<String>,
        /// The descriptors of ours that it asked for.
        descriptors: BTreeMap<String, Value>,
    },
}

/// A file that a plugin hears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginSound {
    /// The file.
    pub path: PathBuf,
    /// Its ending, a hint only.
    pub extension: String,
    /// Seconds heard at most.
    pub seconds_max: u32,
}

/// What the child answers, as one JSON document on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginAnswer {
    /// It is a plugin, and tells of its examples what it should.
    Accepted(Box<PluginManifest>),
    /// What it tells of a track.
    Told(Vec<ToldDescriptor>),
    /// It is refused, or failed; trying again will not help.
    Failed {
        /// Why, a sentence.
        reason: String,
    },
}

/// A descriptor as a plugin told it, found to be as declared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ToldDescriptor {
    /// Its declared name, without that of the plugin.
    pub name: String,
    /// The value; `null` when unknown.
    pub value: Value,
    /// Probability that the value is right, where the plugin can tell.
    pub confidence: Option<f32>,
    /// How the value was obtained; may be empty.
    pub method: String,
    /// Why there is no value.
    pub reason: Option<String>,
}

/// Runs plugins somewhere safe.
#[async_trait]
pub trait PluginHost: Send + Sync {
    /// Does a task with the module in a file; `None` when it did not end in time.
    ///
    /// - Errors: `Decoder` when the process is at fault and not the plugin.
    async fn ask(&self, module: PathBuf, task: PluginTask) -> Result<Option<PluginAnswer>>;
}

/// The child process of this binary.
#[derive(Debug, Clone)]
pub struct PluginProcess {
    /// The binary to run.
    pub program: PathBuf,
}

#[async_trait]
impl PluginHost for PluginProcess {
    async fn ask(&self, module: PathBuf, task: PluginTask) -> Result<Option<PluginAnswer>> {
        let time_max = Duration::from_millis(limits::PLUGIN_MS_MAX);
        let order = PluginOrder {
            module,
            task,
            memory_bytes_max: limits::PLUGIN_PROCESS_BYTES_MAX,
            cpu_seconds_max: time_max.as_secs(),
        };
        let child = ChildCommand {
            program: &self.program,
            command: PLUGIN_COMMAND,
            time_max,
        };
        child.ask(&order).await.map_err(|error| match error {
            Error::Audio { .. } => Error::Decoder {
                reason: "its answer is larger than the bound".to_owned(),
            },
            other => other,
        })
    }
}
