//! Settings: one typed tree, read once. Sources, later ones win: defaults, `leitmotif.toml`, the
//! environment (`LEITMOTIF_…`), the command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::role::Role;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
    /// What the process does of the whole; only `serve --role` says so, as all else needs everything.
    #[serde(skip)]
    pub role: Role,
    /// Analysis workers, each with a decoding child; 0 for one per core.
    pub workers: usize,
    /// Requests a second that one key may make.
    pub requests_per_second: u64,
    /// Requests one key may make at once.
    pub request_burst: u64,
    /// Requests of one tenant a UTC day; 0 for no bound.
    pub requests_per_day: u64,
    /// Folders that may be imported over HTTP.
    pub import_roots: Vec<PathBuf>,
    /// Activities with a taste of their own, such as `sleep`: what is played meanwhile is told from what the
    /// person plays otherwise.
    pub own_tastes: Vec<String>,
    /// Folder of a sentence encoder for lyrics: `model.onnx` and `tokenizer.json`. Needs a build with the
    /// feature `onnx`.
    pub lyrics_encoder: Option<PathBuf>,
    /// Whether webhooks may lead to addresses that only this machine or its network can reach. Any tenant's
    /// administrator can then make the server ask them.
    pub webhook_private_addresses: bool,
    /// A file of certificates (PEM) whose receivers webhooks trust besides those that the system trusts.
    pub webhook_roots: Option<PathBuf>,
    /// Encrypts the secrets of webhooks in the data folder: 64 hexadecimal digits. Without it they are stored as they
    /// are, and whoever can read the folder can sign messages.
    pub webhook_secrets_key: Option<Secret>,
    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as `leitmotif=debug`.
    pub log: String,
    /// Whether log lines are JSON documents.
    pub log_json: bool,
    /// A running server that commands talk to instead of opening the data folder.
    pub url: Option<String>,
    /// The key commands use with `url`.
    pub key: Option<Secret>,
}

/// A text that does not print.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("leitmotif-data"),
            address: SocketAddr::from(([127, 0, 0, 1], 7700)),
            role: Role::All,
            workers: 0,
            requests_per_second: 2_000,
            request_burst: 10_000,
            requests_per_day: 0,
            import_roots: Vec::new(),
            own_tastes: Vec::new(),
            lyrics_encoder: None,
            webhook_private_addresses: false,
            webhook_roots: None,
            webhook_secrets_key: None,
            log: "info".to_owned(),
            log_json: false,
            url: None,
            key: None,
        }
    }
}

impl Settings {
    /// Reads the settings.
    ///
    /// - Errors: the key and the place of anything unknown or out of bounds.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            anyhow::ensure!(
                path.is_file(),
                "the settings file `{}` does not exist",
                path.display()
            );
            figment = figment.merge(Toml::file_exact(path));
        } else {
            figment = figment.merge(Toml::file("leitmotif.toml"));
        }
        let settings: Self = figment
            .merge(Env::prefixed("LEITMOTIF_"))
            .extract()
            .context("the settings do not read")?;
        settings.check()?;
        Ok(settings)
    }

    /// The key that encrypts the secrets of webhooks, where there is one.
    ///
    /// - Errors: a text that is no key.
    pub fn webhook_secrets_key(&self) -> anyhow::Result<Option<[u8; 32]>> {
        let Some(text) = &self.webhook_secrets_key else {
            return Ok(None);
        };
        let bytes = hex::decode(text.expose()).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(Some)
            .context("`webhook_secrets_key` must be 64 hexadecimal digits")
    }

    fn check(&self) -> anyhow::Result<()> {
        self.webhook_secrets_key()?;
        anyhow::ensure!(
            self.workers <= 1_024,
            "`workers` is {}, at most 1024",
            self.workers
        );
        anyhow::ensure!(
            self.requests_per_second > 0,
            "`requests_per_second` must be at least 1"
        );
        anyhow::ensure!(self.request_burst > 0, "`request_burst` must be at least 1");
        let is_word = |activity: &String| !activity.trim().is_empty() && !activity.contains('#');
        anyhow::ensure!(
            self.own_tastes.iter().all(is_word),
            "`own_tastes` are names of activities: neither empty nor with a `#`"
        );
        Ok(())
    }

    /// Workers to run.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leitmotif.toml");
        std::fs::write(&path, "wrokers = 2\n").unwrap();
        let error = format!("{:#}", Settings::read(Some(&path)).unwrap_err());
        assert!(error.contains("wrokers"), "{error}");
        std::fs::write(&path, "workers = 99999\n").unwrap();
        let error = format!("{:#}", Settings::read(Some(&path)).unwrap_err());
        assert!(error.contains("`workers` is 99999"), "{error}");
        std::fs::write(&path, "workers = 3\n").unwrap();
        assert_eq!(Settings::read(Some(&path)).unwrap().worker_count(), 3);
    }

    #[test]
    fn secrets_do_not_print() {
        let settings = Settings {
            key: Some("hidden".to_owned().into()),
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("hidden"));
    }
}
