//! A server of our own to measure: started on a folder, asked for its memory, stopped again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::wire::Wire;

/// Longest wait until a server is ready: a large log may have to be read first.
const READY_PATIENCE: Duration = Duration::from_secs(1_800);

/// A running server; killed when dropped.
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// The key of the local tenant.
    pub key: String,
    /// From the start of the process to the first good `/readyz`.
    pub ready_after: Duration,
    child: Child,
    drain: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a binary on a data folder and waits until it is ready.
    pub fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--address", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", binary.display()))?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let rest = line.split_once("http://")?.1;
            Some(rest.split('/').next()?.to_owned())
        });
        // Nobody reads further, and a full pipe would stop the server.
        let drain = std::thread::spawn(move || lines.for_each(drop));
        let mut server = Self {
            address: address.context("the server ended before it told its address")?,
            key: std::fs::read_to_string(data.join("local.key"))?
                .trim()
                .to_owned(),
            ready_after: Duration::ZERO,
            child,
            drain: Some(drain),
        };
        while server.wire()?.exchange("GET", "/readyz", b"").is_err() {
            ensure!(
                started.elapsed() < READY_PATIENCE,
                "the server is not ready"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// Asks it to end and waits until it has, so that what it knows is written down.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let process = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status()?;
        ensure!(told.success(), "cannot ask the server to end");
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// A connection to it.
    pub fn wire(&self) -> anyhow::Result<Wire> {
        Wire::open(&self.address, &self.key)
    }

    /// Resident memory now, in MiB.
    pub fn resident_mb(&self) -> anyhow::Result<f64> {
        process_mb(&self.child.id().to_string(), "VmRSS:")
    }

    /// The most that was resident since its start, in MiB.
    pub fn peak_mb(&self) -> anyhow::Result<f64> {
        process_mb(&self.child.id().to_string(), "VmHWM:")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

/// A line of `/proc/{process}/status` in MiB; `self` is this process.
///
/// - Errors: on systems without `/proc`.
pub fn process_mb(process: &str, field: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}: memory is measured on Linux only"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib
        .with_context(|| format!("no {field} in {path}"))?
        .parse()?;
    Ok(kib / 1_024.0)
}
