//! The real binary: a server that dies with its guard, and the command line.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::wire::Wire;

/// Longest wait for anything: far beyond what a loaded machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server over a data folder; killed when dropped.
pub struct TestServer {
    pub wire: Wire,
    /// From the start of the process to the first good `/readyz`.
    pub ready_after: Duration,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl TestServer {
    /// Starts the binary under test with a debug log.
    pub fn start(data: &Path) -> Self {
        Self::with(data, &[])
    }

    /// Starts it with settings from the environment.
    pub fn with(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(binary(), data, settings).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a part of the platform alone.
    pub fn in_role(data: &Path, role: &str) -> Self {
        Self::spawn_in_role(data, role).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same; the error is what it said before it gave up.
    pub fn spawn_in_role(data: &Path, role: &str) -> Result<Self, String> {
        Self::spawn_with(binary(), data, &[], &["--role", role])
    }

    /// Starts a binary; the error is what it said before it gave up.
    pub fn spawn(binary: &Path, data: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::spawn_with(binary, data, settings, &[])
    }

    fn spawn_with(
        binary: &Path,
        data: &Path,
        settings: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Self, String> {
        let started = Instant::now();
        let mut command = Command::new(binary);
        command
            .args(["serve", "--address", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .env("LEITMOTIF_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in settings {
            command.env(name, value);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = child.stderr.take().unwrap();
        let kept = Arc::clone(&log);
        let keeper = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split_once("http://")?.1;
            Some(rest.split('/').next()?.to_owned())
        });
        let Some(address) = address else {
            let _ = child.wait();
            let _ = keeper.join();
            return Err(log.lock().unwrap().join("\n"));
        };
        // Nobody reads further, and a full pipe would stop the server.
        let drain = std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let key = std::fs::read_to_string(data.join("local.key")).unwrap();
        let mut server = Self {
            wire: Wire {
                address,
                key: Some(key.trim().to_owned()),
            },
            ready_after: Duration::ZERO,
            child,
            log,
            readers: vec![keeper, drain],
        };
        wait_until("/readyz", || {
            let reply = server.wire.try_send("GET", "/readyz", &[], b"").ok()?;
            (reply.status == 200).then_some(())
        });
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// Waits until no job waits or runs; returns how many are dead.
    pub fn wait_idle(&self) -> u64 {
        wait_until("the jobs end", || {
            let jobs = &self.wire.get("/api/v1/overview")["jobs"];
            let is_idle = jobs["waiting"] == 0 && jobs["running"] == 0;
            is_idle.then(|| jobs["dead"].as_u64().unwrap())
        })
    }

    /// Waits for a job; returns it.
    pub fn wait_job(&self, job: &Value) -> Value {
        let path = format!("/api/v1/jobs/{}", job.as_str().unwrap());
        wait_until(&path, || {
            let job = self.wire.get(&path);
            let is_over = job["state"] == "done" || job["state"] == "dead";
            is_over.then_some(job)
        })
    }

    /// The sum of a usage metric over all days.
    pub fn usage(&self, metric: &str) -> u64 {
        let usage = self.wire.get("/api/v1/usage");
        let rows = usage["usage"].as_array().unwrap().iter();
        let mine = rows.filter(|row| row["metric"] == metric);
        mine.map(|row| row["amount"].as_u64().unwrap()).sum()
    }

    /// Asks the process to end and waits until it has; returns whether it ended well.
    pub fn stop(mut self) -> bool {
        let id = self.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        let status = wait_until("the server ends", || self.child.try_wait().unwrap());
        status.success()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let key = self.wire.key.as_deref().unwrap_or("no key");
        let is_told = self.log().contains(key);
        if !std::thread::panicking() {
            assert!(!is_told, "the log tells the key");
        }
    }
}

/// The binary under test; an example that shares this file is told another.
pub fn binary() -> &'static Path {
    Path::new(option_env!("CARGO_BIN_EXE_leitmotif").unwrap_or("leitmotif"))
}

/// Polls a condition until it holds.
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub is_success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn json(&self) -> Value {
        assert!(self.is_success, "{}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs a command over a data folder to its end.
pub fn cli(data: &Path, arguments: &[&str]) -> Said {
    cli_with(data, arguments, &[])
}

/// The same, with settings from the environment.
pub fn cli_with(data: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Said {
    let mut command = Command::new(binary());
    command
        .arg("--data")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in settings {
        command.env(name, value);
    }
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut stdout = String::new();
    let mut output = child.stdout.take().unwrap();
    output.read_to_string(&mut stdout).unwrap();
    let status = child.wait().unwrap();
    Said {
        is_success: status.success(),
        stdout,
        stderr: reader.join().unwrap().unwrap(),
    }
}

/// Writes a short song as a WAV file.
pub fn write_song(path: &Path, seed: u64, seconds: f64) {
    use leitmotif_demo::songs::{SongSpec, Style, render_song, write_wav};
    let style = Style::ALL[seed as usize % Style::ALL.len()];
    write_wav(&render_song(&SongSpec::typical(style, seed, seconds)), path).unwrap();
}
