//! Decoding runs outside: a child process with limits, so that a hostile file costs one job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use leitmotif_analysis::audio::AudioAnalysis;
use leitmotif_domain::limits;
use serde::{Deserialize, Serialize};

use super::child::ChildCommand;
use crate::error::{Error, Result};

/// The hidden subcommand that turns this binary into the child.
pub const DECODER_COMMAND: &str = "decode-worker";

/// What the child is told, as one JSON document on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodeOrder {
    /// The file.
    pub path: PathBuf,
    /// Its ending, a hint only.
    pub extension: String,
    /// Address space of the child in bytes.
    pub memory_bytes_max: u64,
    /// Processor time of the child in seconds.
    pub cpu_seconds_max: u64,
    /// Seconds of audio analysed at most.
    pub audio_seconds_max: u32,
}

/// What the child answers, as one JSON document on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodeAnswer {
    /// The analysis.
    Analysis(Box<AudioAnalysis>),
    /// The file cannot be analysed; trying again will not help.
    Refused {
        /// What is wrong with it.
        reason: String,
    },
}

/// Analyses audio somewhere safe.
#[async_trait]
pub trait AudioProcess: Send + Sync {
    /// Analyses a file: as much of it as ends in time.
    ///
    /// - Errors: `Audio` when the file is at fault, `Decoder` when the process is.
    async fn analyze(&self, path: &Path, extension: &str) -> Result<AudioAnalysis>;

    /// Analyses the first seconds of a file that may still grow.
    ///
    /// - Errors: as [`AudioProcess::analyze`].
    async fn hear(&self, path: &Path, extension: &str, seconds_max: u32) -> Result<AudioAnalysis>;
}

/// The child process of this binary.
#[derive(Debug, Clone)]
pub struct DecoderProcess {
    /// The binary to run.
    pub program: PathBuf,
    /// Wall clock for one file.
    pub time_max: Duration,
    /// Address space of the child in bytes.
    pub memory_bytes_max: u64,
}

impl DecoderProcess {
    /// Runs the given binary with the default limits.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            time_max: Duration::from_millis(limits::DECODER_MS_MAX),
            memory_bytes_max: limits::DECODER_MEMORY_BYTES_MAX,
        }
    }

    /// Asks a new child; `None` when its time ran out.
    async fn ask(
        &self,
        path: &Path,
        extension: &str,
        audio_seconds_max: u32,
    ) -> Result<Option<DecodeAnswer>> {
        let order = DecodeOrder {
            path: path.to_owned(),
            extension: extension.to_owned(),
            memory_bytes_max: self.memory_bytes_max,
            cpu_seconds_max: self.time_max.as_secs().max(1),
            audio_seconds_max,
        };
        let child = ChildCommand {
            program: &self.program,
            command: DECODER_COMMAND,
            time_max: self.time_max,
        };
        child.ask(&order).await
    }
}

impl DecoderProcess {
    fn late(&self) -> Error {
        Error::Decoder {
            reason: format!("no answer within {} s", self.time_max.as_secs()),
        }
    }
}

impl DecodeAnswer {
    fn told(self) -> Result<AudioAnalysis> {
        match self {
            Self::Analysis(analysis) => Ok(*analysis),
            Self::Refused { reason } => Err(Error::Audio { reason }),
        }
    }
}

#[async_trait]
impl AudioProcess for DecoderProcess {
    async fn analyze(&self, path: &Path, extension: &str) -> Result<AudioAnalysis> {
        for seconds_max in limits::ANALYSIS_SECONDS_TRIED {
            if let Some(answer) = self.ask(path, extension, seconds_max).await? {
                return answer.told();
            }
        }
        Err(self.late())
    }

    async fn hear(&self, path: &Path, extension: &str, seconds_max: u32) -> Result<AudioAnalysis> {
        let answer = self.ask(path, extension, seconds_max).await?;
        answer.ok_or_else(|| self.late())?.told()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program in the child's place.
    async fn answered_by(script: &str) -> Result<AudioAnalysis> {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("child");
        std::fs::write(&program, format!("#!/bin/sh\nread -r order\n{script}\n")).expect("written");
        let runs = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&program, runs).expect("it may run");
        let process = DecoderProcess::new(program);
        process.analyze(Path::new("song.wav"), "wav").await
    }

    #[tokio::test]
    async fn what_does_not_end_in_time_is_heard_in_ever_shorter_parts() {
        let only = |seconds: u32| {
            format!(
                "case \"$order\" in *'\"audio_seconds_max\":{seconds}}}'*) \
                 echo '{{\"refused\":{{\"reason\":\"{seconds}\"}}}}';; *) kill -9 $$;; esac"
            )
        };
        for seconds in limits::ANALYSIS_SECONDS_TRIED {
            let answer = answered_by(&only(seconds)).await;
            let reason = answer.expect_err("it refuses").to_string();
            assert!(reason.contains(&seconds.to_string()), "{reason}");
        }
        let never = answered_by(&only(1)).await.expect_err("no answer");
        assert!(never.to_string().contains("no answer within"), "{never}");
        let broken = answered_by("exit 3").await.expect_err("no answer");
        assert!(broken.to_string().contains("exit status: 3"), "{broken}");
    }
}
