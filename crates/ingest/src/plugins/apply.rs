//! Plugins at work: which run on a track, what they told, how their trials go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use leitmotif_analysis::Descriptor;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::plugin::{Plugin, PluginStage};
use leitmotif_domain::track::Lyrics;
use leitmotif_domain::{TenantScope, TrackId, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::install::module_key;
use super::order::{PluginAnswer, PluginHost, PluginSound, PluginTask, ToldDescriptor};
use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::jobs::document::TrackAnalysis;

/// What one plugin told of a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginPart {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its module, hexadecimal.
    pub module_hash: String,
    /// Number of the trial that it was run in.
    pub trial: u32,
    /// The input of the analysis that it was run on; empty when it is to be run again.
    pub input_hash: String,
    /// What it told, under the names by which it is shown.
    pub descriptors: Vec<Descriptor>,
    /// Why it told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The plugins of every tenant.
pub struct Plugins {
    /// Where they, their modules, tracks and analyses lie.
    pub catalogue: Arc<Catalogue>,
    /// Where they run.
    pub host: Arc<dyn PluginHost>,
}

/// What a plugin may be run on.
pub(crate) struct PluginTrack<'a> {
    /// The track.
    pub id: TrackId,
    /// Its file, if it has one.
    pub sound: Option<(PathBuf, String)>,
    /// Its words, if it has some.
    pub lyrics: Option<&'a Lyrics>,
    /// Names what was analysed.
    pub input_hash: &'a str,
}

impl Catalogue {
    /// Every plugin of a tenant, by name.
    pub async fn plugins_of(&self, scope: &TenantScope) -> Result<Vec<Plugin>> {
        let all = PageRequest::new(Some(limits::PLUGINS_MAX), None)?;
        Ok(self.plugins.list_plugins(scope, &all).await?.items)
    }
}

/// Which plugins have yet to be run on a track, and whether some told of it that are gone.
pub(crate) fn outstanding<'p>(
    plugins: &'p [Plugin],
    track: TrackId,
    document: &TrackAnalysis,
    input_hash: &str,
) -> (Vec<&'p Plugin>, bool) {
    let is_told = |plugin: &Plugin| {
        document.plugins.iter().any(|part| {
            part.plugin == plugin.name()
                && part.module_hash == plugin.module_hash
                && part.input_hash == input_hash
                && (part.failure.is_none() || part.trial == plugin.trial)
        })
    };
    let can_run = |plugin: &Plugin| {
        let needs = &plugin.manifest.needs;
        (needs.audio.is_none() || document.audio.is_some())
            && (!needs.lyrics || document.lyrics.is_some())
    };
    let wanted = plugins
        .iter()
        .filter(|plugin| plugin.is_for(track) && can_run(plugin) && !is_told(plugin));
    let is_gone = |part: &PluginPart| !plugins.iter().any(|plugin| plugin.name() == part.plugin);
    (wanted.collect(), document.plugins.iter().any(is_gone))
}

impl Plugins {
    /// Runs on a track the plugins that have not told of it yet, and drops what was told by those that are gone;
    /// says whether the document is another then. What a plugin fails at costs its own part only.
    ///
    /// - Errors: `Storage`.
    pub(crate) async fn bring_level(
        &self,
        scope: &TenantScope,
        track: &PluginTrack<'_>,
        document: &mut TrackAnalysis,
    ) -> Result<bool> {
        let plugins = self.catalogue.plugins_of(scope).await?;
        let (wanted, some_are_gone) = outstanding(&plugins, track.id, document, track.input_hash);
        if some_are_gone {
            let is_installed =
                |part: &PluginPart| plugins.iter().any(|plugin| plugin.name() == part.plugin);
            document.plugins.retain(is_installed);
        }
        let mut parts = Vec::with_capacity(wanted.len());
        for plugin in &wanted {
            parts.push(self.run(scope, plugin, track, document).await?);
        }
        let is_changed = some_are_gone || !parts.is_empty();
        for part in parts {
            document.plugins.retain(|other| other.plugin != part.plugin);
            document.plugins.push(part);
        }
        document.plugins.sort_by(|a, b| a.plugin.cmp(&b.plugin));
        Ok(is_changed)
    }

    async fn run(
        &self,
        scope: &TenantScope,
        plugin: &Plugin,
        track: &PluginTrack<'_>,
        document: &TrackAnalysis,
    ) -> Result<PluginPart> {
        let mut part = PluginPart {
            plugin: plugin.name().to_owned(),
            version: plugin.manifest.version.clone(),
            module_hash: plugin.module_hash.clone(),
            trial: plugin.trial,
            input_hash: track.input_hash.to_owned(),
            descriptors: Vec::new(),
            failure: None,
        };
        let path = self.module_path(scope, &plugin.module_hash).await;
        let asked = match path {
            Ok(_) if plugin.manifest.needs.audio.is_some() && track.sound.is_none() => {
                Err(Error::Decoder {
                    reason: "the audio of the track is not on this machine".to_owned(),
                })
            }
            Ok(path) => self.host.ask(path, task_of(plugin, track, document)).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(Some(PluginAnswer::Told(told))) => {
                let descriptors = told.into_iter().map(|one| descriptor_of(plugin, one));
                part.descriptors = descriptors.collect();
            }
            Ok(Some(PluginAnswer::Failed { reason })) => part.failure = Some(reason),
            Ok(Some(PluginAnswer::Accepted(_))) => {
                part.failure = Some("it was checked, not run".to_owned());
            }
            Ok(None) => {
                let seconds = limits::PLUGIN_MS_MAX / 1_000;
                part.failure = Some(format!("it did not end within {seconds} s"));
            }
            // Not its fault: it is run again with the next analysis, and its trial does not hear of it.
            Err(error) => {
                part.input_hash.clear();
                part.failure = Some(error.to_string());
                return Ok(part);
            }
        }
        self.count(scope, plugin, part.failure.clone()).await?;
        Ok(part)
    }

    /// Counts an answer; a trial that ends well spreads the plugin over the catalogue.
    async fn count(
        &self,
        scope: &TenantScope,
        plugin: &Plugin,
        failure: Option<String>,
    ) -> Result<()> {
        let (name, hash) = (plugin.name(), &plugin.module_hash);
        let store = &self.catalogue.plugins;
        let counted = store
            .count_plugin_answer(scope, name, hash, failure)
            .await?;
        match counted {
            Some(counted) if counted.stage != plugin.stage => {
                let (version, stage) = (&counted.manifest.version, counted.stage.name());
                tracing::info!(plugin = name, %version, stage, "the trial of a plugin is over");
                if counted.stage == PluginStage::Everywhere {
                    self.spread(scope).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The file of a module.
    pub(super) async fn module_path(&self, scope: &TenantScope, hash: &str) -> Result<PathBuf> {
        let key = module_key(hash)?;
        let found = self.catalogue.blobs.local_path(scope, &key).await?;
        found.ok_or_else(|| Error::Decoder {
            reason: "the module of the plugin is not on this machine".to_owned(),
        })
    }
}

fn task_of(plugin: &Plugin, track: &PluginTrack<'_>, document: &TrackAnalysis) -> PluginTask {
    let needs = &plugin.manifest.needs;
    let sound = track.sound.as_ref().filter(|_| needs.audio.is_some());
    let value_of = |name: &String| {
        let ours = document.built_in_descriptors();
        let mut named = ours.filter(|one| one.name == *name);
        named.next().map_or(Value::Null, |one| one.value.clone())
    };
    let known = needs.descriptors.iter();
    let descriptors: BTreeMap<String, Value> =
        known.map(|name| (name.clone(), value_of(name))).collect();
    PluginTask::Run {
        sound: sound.map(|(path, extension)| PluginSound {
            path: path.clone(),
            extension: extension.clone(),
            seconds_max: limits::ANALYSIS_SECONDS_MAX,
        }),
        lyrics: (track.lyrics.filter(|_| needs.lyrics)).map(|lyrics| lyrics.text.clone()),
        descriptors,
    }
}

fn descriptor_of(plugin: &Plugin, told: ToldDescriptor) -> Descriptor {
    let method = match told.method.as_str() {
        "" => "plugin".to_owned(),
        method => method.to_owned(),
    };
    Descriptor {
        name: plugin.manifest.full_name(&told.name),
        value: told.value,
        confidence: told.confidence,
        method,
        version: plugin.manifest.version.clone(),
        reason: told.reason,
        evidence_count: None,
        evidence_unit: None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use leitmotif_domain::clock::{ManualClock, Timestamp};
    use leitmotif_domain::job::JobTask;
    use leitmotif_domain::track::TrackDetails;
    use leitmotif_domain::{Clock, ErrorKind};
    use leitmotif_storage::embedded::EmbeddedStorage;
    use leitmotif_storage::ports::{
        BlobStore, CatalogStore, JobFilter, JobQueue, PluginStore, TrackPatch,
    };

    use super::super::module::PluginModule;
    use super::super::spread::SpreadPluginsRunner;
    use super::super::testing::{HostHere, answering, plugin, wat_of, words_manifest};
    use super::*;
    use crate::catalogue::lyrics_of;
    use crate::jobs::{AnalyzeRunner, DecoderProcess};
    use crate::lyrics_space::LyricsSpaces;
    use crate::testing::{entropy, tenant_in};

    struct World {
        storage: Arc<EmbeddedStorage>,
        scope: TenantScope,
        plugins: Arc<Plugins>,
        runner: AnalyzeRunner,
        ids: Vec<TrackId>,
        _folder: tempfile::TempDir,
    }

    impl World {
        /// A catalogue of analysed words.
        async fn of(track_count: usize) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_ms(1)));
            let opened =
                EmbeddedStorage::open(folder.path(), Arc::clone(&clock), entropy(), "test");
            let storage = Arc::new(opened.expect("an empty folder opens"));
            let scope = tenant_in(storage.as_ref(), clock.as_ref()).await;
            let catalogue = Arc::new(Catalogue::over(&storage, &clock));
            let plugins = Arc::new(Plugins {
                catalogue: Arc::clone(&catalogue),
                host: Arc::new(HostHere),
            });
            let runner = AnalyzeRunner {
                process: Arc::new(DecoderProcess::new("none".into())),
                ledger: storage.clone(),
                lyrics_spaces: Arc::new(LyricsSpaces::new(Arc::clone(&catalogue), None)),
                computing: tokio::sync::Semaphore::new(2),
                plugins: Arc::clone(&plugins),
                catalogue,
            };
            let patch = |number: usize| TrackPatch {
                details: TrackDetails {
                    title: format!("song {number}"),
                    ..TrackDetails::default()
                },
                lyrics: lyrics_of(&format!(
                    "la la of song {number}, a line that is long enough"
                )),
                ..TrackPatch::default()
            };
            let patches = (0..track_count).map(patch).collect();
            let written = runner.catalogue.upsert(&scope, patches).await;
            let ids: Vec<TrackId> = written
                .expect("is written")
                .iter()
                .map(|one| one.id)
                .collect();
            let world = Self {
                storage,
                scope,
                plugins,
                runner,
                ids,
                _folder: folder,
            };
            world.work().await;
            world
        }

        /// Analyses what waits.
        async fn work(&self) {
            loop {
                let leased = self.storage.lease(&self.scope, "analyze_track", 50, 60_000);
                let jobs = leased.await.expect("the queue answers");
                if jobs.is_empty() {
                    return;
                }
                for leased in jobs {
                    let JobTask::AnalyzeTrack { track } = leased.job.task else {
                        continue;
                    };
                    let done = self.runner.analyze(&self.scope, track).await;
                    done.expect("is analysed");
                    let completed = self.storage.complete(&self.scope, &leased).await;
                    completed.expect("is reported");
                }
            }
        }

        /// Walks the catalogue for the plugins, and analyses what that queues; answers how much it was.
        async fn spread(&self) -> u64 {
            let runner = SpreadPluginsRunner {
                catalogue: Arc::clone(&self.runner.catalogue),
            };
            let queued = runner.spread(&self.scope, |_| {}).await;
            self.work().await;
            queued.expect("is walked")
        }

        async fn add(&self, module: Vec<u8>) -> Result<Plugin> {
            self.plugins.add(&self.scope, Bytes::from(module)).await
        }

        async fn plugin(&self) -> Plugin {
            let read = self.storage.plugin(&self.scope, "line-length").await;
            read.expect("the store answers").expect("it is installed")
        }

        /// The versions that told of tracks, and how many of each.
        async fn told(&self) -> BTreeMap<String, usize> {
            let analyses = self.storage.analyses(&self.scope, &self.ids).await;
            let mut versions = BTreeMap::new();
            for stored in analyses.expect("the store answers").into_iter().flatten() {
                let document: TrackAnalysis =
                    serde_json::from_value(stored.document).expect("it reads");
                for part in &document.plugins {
                    let told = match &part.failure {
                        Some(_) => format!("{} failed", part.version),
                        None => part.version.clone(),
                    };
                    *versions.entry(told).or_insert(0) += 1;
                }
            }
            versions
        }
    }

    fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
        let owned = expected
            .iter()
            .map(|(text, count)| ((*text).to_owned(), *count));
        owned.collect()
    }

    const TWO_WORDS: &str = r#"{"descriptors":[{"name":"mean_words","value":2}]}"#;

    #[tokio::test]
    async fn a_plugin_goes_from_its_trial_over_the_catalogue_and_leaves_nothing() {
        let world = World::of(60).await;
        let added = world.add(answering(TWO_WORDS)).await.expect("it is taken");
        assert_eq!(
            (added.stage, added.trial_share),
            (PluginStage::Trial, 6_667)
        );
        assert_eq!(
            world.add(answering(TWO_WORDS)).await.expect("is there"),
            added
        );
        let chosen = world.ids.iter().filter(|id| added.is_for(**id)).count();
        assert!((25..55).contains(&chosen), "{chosen} of 60");
        assert_eq!(world.spread().await, chosen as u64);
        let after = world.plugin().await;
        assert_eq!((after.stage, after.failures), (PluginStage::Everywhere, 0));
        let spreading = JobFilter {
            kind: Some("spread_plugins".to_owned()),
            ..JobFilter::default()
        };
        let page = PageRequest::largest();
        let jobs = world
            .storage
            .list_jobs(&world.scope, &spreading, &page)
            .await;
        assert!(!jobs.expect("the queue answers").items.is_empty());
        assert_eq!(world.spread().await, 60 - chosen as u64);
        assert_eq!(world.spread().await, 0);
        assert_eq!(world.told().await, counts(&[("1.0.0", 60)]));
        let first = world.ids[0];
        let is_stale = async || world.runner.catalogue.is_stale(&world.scope, first).await;
        assert!(!is_stale().await.expect("it is told"));
        let removed = world.plugins.remove(&world.scope, "line-length").await;
        assert!(removed.expect("the store answers"));
        assert!(is_stale().await.expect("it is told"));
        assert_eq!(world.spread().await, 60);
        assert_eq!(world.told().await, counts(&[]));
    }

    #[tokio::test]
    async fn a_version_that_fails_is_stopped_and_the_former_answers_stay() {
        let world = World::of(10).await;
        world.add(answering(TWO_WORDS)).await.expect("it is taken");
        assert_eq!(world.spread().await, 10);
        let other = wat_of(&words_manifest("1.0.0"), "", "");
        let conflict = world.add(plugin(&other)).await.expect_err("other bytes");
        assert_eq!(conflict.kind(), ErrorKind::Conflict);
        // It tells of its example, which is short, and breaks off at every song.
        let breaking = "(if (i32.gt_u (local.get 0) (i32.const 50)) (then (unreachable)))";
        let second = wat_of(&words_manifest("2.0.0"), "", breaking);
        world.add(plugin(&second)).await.expect("it is taken");
        assert!(
            world
                .runner
                .catalogue
                .is_stale(&world.scope, world.ids[0])
                .await
                .expect("told")
        );
        assert_eq!(world.spread().await, 10);
        let stopped = world.plugin().await;
        assert_eq!((stopped.stage, stopped.answers), (PluginStage::Stopped, 3));
        let reason = stopped.stopped_because.expect("there is a reason");
        assert!(
            reason.contains("it broke off in `leitmotif_begin`"),
            "{reason}"
        );
        let expected = counts(&[("1.0.0", 7), ("2.0.0 failed", 3)]);
        assert_eq!(world.told().await, expected);
        assert_eq!(world.spread().await, 0, "it runs nowhere");
        let again = world
            .plugins
            .enable(&world.scope, "line-length", true)
            .await;
        assert_eq!(
            again.expect("the store answers").map(|one| one.trial),
            Some(2)
        );
        assert_eq!(world.spread().await, 10, "where it failed it is run again");
    }

    #[tokio::test]
    async fn what_is_refused_leaves_no_file() {
        let world = World::of(1).await;
        let taken = wat_of(&words_manifest("1.0.0"), "", "").replace("line-length", "tempo");
        for module in [b"no module".to_vec(), plugin(&taken)] {
            let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&module));
            let refused = world.add(module).await.expect_err("it is refused");
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
            let key = module_key(&hash).expect("it is a name");
            let left = world.storage.stat(&world.scope, &key).await;
            assert_eq!(left.expect("the store answers"), None);
        }
        let large = vec![0; limits::PLUGIN_BYTES_MAX + 1];
        let refused = world.add(large).await.expect_err("it is too large");
        assert!(refused.to_string().contains("at most 4194304"), "{refused}");
    }

    /// Whatever bytes come in, loading and running end with an answer or a sentence.
    #[test]
    fn damaged_modules_never_panic() {
        let whole = answering(TWO_WORDS);
        let chance = entropy();
        let next = || chance.next_u128() as u32 as usize;
        let (mut refused, mut ran) = (0, 0);
        for _ in 0..4_000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + next() % 4 {
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] = next() as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, next() as u8),
                }
            }
            match PluginModule::load(&bytes) {
                Err(_) => refused += 1,
                Ok(_) => {
                    ran += 1;
                    // An answer or a sentence, it does not matter which.
                    let _ = super::super::testing::run_on(&bytes, "one");
                }
            }
        }
        assert!(refused > 1_000 && ran > 50, "{refused} refused, {ran} ran");
    }
}
