//! Adding a plugin: it is checked in a child, tried on its examples, and begins its trial.

use bytes::Bytes;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::plugin::{Plugin, PluginManifest};
use leitmotif_domain::{TenantScope, limits};
use leitmotif_storage::ports::BlobKey;
use sha2::{Digest, Sha256};

use super::apply::Plugins;
use super::order::{PluginAnswer, PluginTask};
use crate::accuracy::{self, Card};
use crate::error::{Error, Result};

/// Names that ours go by besides those of cards, their analyzers and descriptors.
const TAKEN_NAMES: [&str; 4] = ["audio", "heads", "leitmotif", "lyrics"];

impl Plugins {
    /// Adds a plugin, or puts another version in its place; its trial begins.
    ///
    /// The same file sent again changes nothing.
    ///
    /// - Errors: `Invalid` with a sentence for what is no plugin or fails its own examples; `Conflict` for other
    ///   bytes of a version that is installed; `Decoder` when the child is at fault.
    pub async fn add(&self, scope: &TenantScope, module: Bytes) -> Result<Plugin> {
        let size = module.len();
        if size > limits::PLUGIN_BYTES_MAX {
            let reason = format!("{size} bytes, at most {}", limits::PLUGIN_BYTES_MAX);
            return Err(InvalidValue::new("module", reason).into());
        }
        let hash = hex::encode(Sha256::digest(&module));
        let key = module_key(&hash)?;
        let is_known = self.catalogue.blobs.stat(scope, &key).await?.is_some();
        self.catalogue.blobs.put(scope, &key, module).await?;
        let added = self.add_stored(scope, &hash, size as u64).await;
        if added.is_err() && !is_known {
            self.catalogue.blobs.delete(scope, &key).await?;
        }
        added
    }

    async fn add_stored(&self, scope: &TenantScope, hash: &str, size_bytes: u64) -> Result<Plugin> {
        let manifest = self.checked(scope, hash).await?;
        refuse_taken(&manifest.name)?;
        let store = &self.catalogue.plugins;
        let former = store.plugin(scope, &manifest.name).await?;
        if let Some(former) = &former {
            if former.module_hash == hash {
                return Ok(former.clone());
            }
            if former.manifest.version == manifest.version {
                let (name, version) = (&manifest.name, &manifest.version);
                let reason = format!(
                    "version {version} of `{name}` is installed with other bytes: raise the version"
                );
                return Err(leitmotif_storage::Error::Conflict { reason }.into());
            }
        }
        let counts = self.catalogue.store.counts(scope).await?;
        let track_count = match (manifest.needs.audio.is_some(), manifest.needs.lyrics) {
            (true, false) => counts.with_audio,
            (false, true) => counts.with_lyrics,
            (true, true) => counts.with_audio.min(counts.with_lyrics),
            (false, false) => counts.tracks,
        };
        let now = self.catalogue.clock.now();
        let plugin = Plugin::on_trial(manifest, hash.to_owned(), size_bytes, now, track_count);
        store.put_plugin(scope, plugin.clone()).await?;
        if let Some(former) = former {
            let key = module_key(&former.module_hash)?;
            self.catalogue.blobs.delete(scope, &key).await?;
        }
        self.spread(scope).await?;
        Ok(plugin)
    }

    /// Lets a child load a stored module and run its examples.
    async fn checked(&self, scope: &TenantScope, hash: &str) -> Result<PluginManifest> {
        let refused = |reason: String| Error::from(InvalidValue::new("module", reason));
        let path = self.module_path(scope, hash).await?;
        match self.host.ask(path, PluginTask::Check).await? {
            Some(PluginAnswer::Accepted(manifest)) => Ok(*manifest),
            Some(PluginAnswer::Failed { reason }) => Err(refused(reason)),
            Some(PluginAnswer::Told(_)) => Err(refused("it was not checked".to_owned())),
            None => {
                let seconds = limits::PLUGIN_MS_MAX / 1_000;
                Err(refused(format!(
                    "its examples did not end within {seconds} s"
                )))
            }
        }
    }

    /// Lets a plugin run or not; `None` when there is none of this name.
    pub async fn enable(
        &self,
        scope: &TenantScope,
        name: &str,
        is_enabled: bool,
    ) -> Result<Option<Plugin>> {
        let plugins = &self.catalogue.plugins;
        let enabled = plugins.enable_plugin(scope, name, is_enabled).await?;
        if enabled.is_some() {
            self.spread(scope).await?;
        }
        Ok(enabled)
    }

    /// Removes a plugin, and by and by what it told; says whether there was one.
    pub async fn remove(&self, scope: &TenantScope, name: &str) -> Result<bool> {
        let Some(plugin) = self.catalogue.plugins.plugin(scope, name).await? else {
            return Ok(false);
        };
        let removed = self.catalogue.plugins.delete_plugin(scope, name).await?;
        let key = module_key(&plugin.module_hash)?;
        self.catalogue.blobs.delete(scope, &key).await?;
        self.spread(scope).await?;
        Ok(removed)
    }

    /// Queues the walk over the catalogue that finds which tracks lack an answer.
    pub(super) async fn spread(&self, scope: &TenantScope) -> Result<()> {
        let job = NewJob::alone(JobTask::SpreadPlugins);
        self.catalogue.jobs.enqueue(scope, vec![job]).await?;
        Ok(())
    }
}

/// Where a module lies.
pub(super) fn module_key(hash: &str) -> Result<BlobKey> {
    Ok(format!("plugins/{hash}.wasm").parse()?)
}

/// Refuses a name by which something of ours goes, so that nobody mistakes one for the other.
fn refuse_taken(name: &str) -> Result<()> {
    let underscored = name.replace('-', "_");
    // What is exact by definition is the same whoever tells it.
    let has_descriptor =
        |card: &Card| card.status != "exact" && card.descriptors.contains(&underscored);
    let is_taken = TAKEN_NAMES.contains(&name)
        || accuracy::cards()
            .iter()
            .any(|card| card.name == name || card.analyzer == name || has_descriptor(card));
    if is_taken {
        let reason = format!("its manifest: name: `{name}` is a name of ours, take another");
        return Err(InvalidValue::new("module", reason).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_are_taken() {
        for name in ["tempo", "rhythm", "words", "audio", "tempo-bpm"] {
            let told = refuse_taken(name).expect_err("it is taken").to_string();
            assert!(told.contains("is a name of ours"), "{told}");
        }
        for name in ["line-length", "line-count"] {
            assert!(refuse_taken(name).is_ok(), "{name}");
        }
    }
}
