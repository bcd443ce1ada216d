//! A child process of this binary: one order in, one answer out, killed when its time is over.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use leitmotif_domain::limits;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::error::{Error, Result};

/// How a child is started.
pub(crate) struct ChildCommand<'a> {
    /// The binary to run.
    pub program: &'a Path,
    /// The hidden subcommand that turns it into the child.
    pub command: &'static str,
    /// Wall clock for one order.
    pub time_max: Duration,
}

impl ChildCommand<'_> {
    /// Asks a new child; `None` when its time ran out.
    ///
    /// - Errors: `Decoder` when the process is at fault, `Audio` when its answer is too large.
    pub async fn ask<A: DeserializeOwned>(&self, order: &impl Serialize) -> Result<Option<A>> {
        let order = serde_json::to_vec(order).map_err(leitmotif_storage::Error::bug)?;
        let mut child = self.spawn()?;
        // Dropping the child kills it.
        match tokio::time::timeout(self.time_max, talk(&mut child, &order)).await {
            Ok(answer) => answer,
            Err(_) => Ok(None),
        }
    }

    fn spawn(&self) -> Result<Child> {
        Command::new(self.program)
            .arg(self.command)
            .env_clear()
            // The allocator of the binary reserves a GiB of address space at once, beside which a limit
            // on it says little.
            .env("MIMALLOC_ARENA_RESERVE", "16MiB")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::Decoder {
                reason: format!("cannot start it: {error}"),
            })
    }
}

/// Whether the system ended the child because its processor time was over.
fn is_out_of_time(status: ExitStatus) -> bool {
    let by_time = [Signal::KILL, Signal::XCPU].map(|signal| Some(signal.as_raw()));
    by_time.contains(&status.signal())
}

/// Gives a child its order and takes its answer; `None` when its time ran out.
async fn talk<A: DeserializeOwned>(child: &mut Child, order: &[u8]) -> Result<Option<A>> {
    let broken = |error: std::io::Error| Error::Decoder {
        reason: error.to_string(),
    };
    if let Some(mut input) = child.stdin.take() {
        input.write_all(order).await.map_err(broken)?;
    }
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        let bound = limits::DECODER_OUTPUT_BYTES_MAX as u64;
        output
            .take(bound + 1)
            .read_to_end(&mut answer)
            .await
            .map_err(broken)?;
    }
    if answer.len() > limits::DECODER_OUTPUT_BYTES_MAX {
        return Err(Error::Audio {
            reason: "its analysis is larger than the bound".to_owned(),
        });
    }
    let status = child.wait().await.map_err(broken)?;
    if is_out_of_time(status) {
        return Ok(None);
    }
    if !status.success() {
        return Err(Error::Decoder {
            reason: format!("it ended with {status}"),
        });
    }
    let answer = serde_json::from_slice(&answer);
    answer.map(Some).map_err(|error| Error::Decoder {
        reason: format!("its answer does not parse: {error}"),
    })
}

/// In the child: reads the one order.
pub(crate) fn read_order<O: DeserializeOwned>(
    input: impl Read,
    bytes_max: u64,
) -> std::result::Result<O, String> {
    let mut text = Vec::new();
    let read = input.take(bytes_max).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// In the child: limits its memory and processor time, and lets it write to its pipe only.
pub(crate) fn confine(
    memory_bytes_max: u64,
    cpu_seconds_max: u64,
) -> std::result::Result<(), String> {
    limit(Resource::As, memory_bytes_max)?;
    limit(Resource::Cpu, cpu_seconds_max)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)
}

fn limit(resource: Resource, value: u64) -> std::result::Result<(), String> {
    let both = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(resource, both).map_err(|error| format!("cannot limit the child: {error}"))
}
