//! Analyzers of third parties: what they say of themselves, and how far they are trusted.

mod manifest;

use serde::{Deserialize, Serialize};

use crate::bucket;
use crate::clock::Timestamp;
use crate::ids::TrackId;
use crate::limits;

pub use manifest::{
    AudioNeed, DeclaredDescriptor, Example, ExampleAudio, Expectation, PLUGIN_ABI, PLUGIN_RATES_HZ,
    PluginManifest, PluginNeeds, Tone, ValueKind,
};

/// Parts that the share of a trial is counted in.
const SHARE_PARTS: u32 = 10_000;

/// How far a plugin is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginStage {
    /// It runs on a share of the tracks until enough answers are in.
    Trial,
    /// It runs on every track.
    Everywhere,
    /// It failed too often on trial, and runs nowhere.
    Stopped,
}

impl PluginStage {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Everywhere => "everywhere",
            Self::Stopped => "stopped",
        }
    }
}

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plugin {
    /// What it says of itself.
    pub manifest: PluginManifest,
    /// SHA-256 of its module, hexadecimal.
    pub module_hash: String,
    /// Bytes of its module.
    pub size_bytes: u64,
    /// When this version was added.
    pub added_at: Timestamp,
    /// Whether it may run.
    pub is_enabled: bool,
    /// How far it is trusted.
    pub stage: PluginStage,
    /// Number of its trial, from 1; where it failed it is run again in another trial.
    pub trial: u32,
    /// Tracks of 10,000 that it runs on while on trial.
    pub trial_share: u32,
    /// Tracks it was run on since the trial began.
    pub answers: u64,
    /// Those it failed on.
    pub failures: u64,
    /// Why it failed last.
    pub last_failure: Option<String>,
    /// Why it was stopped.
    pub stopped_because: Option<String>,
}

impl Plugin {
    /// A plugin at the beginning of its trial, in a catalogue of so many tracks that it could run on.
    pub fn on_trial(
        manifest: PluginManifest,
        module_hash: String,
        size_bytes: u64,
        added_at: Timestamp,
        track_count: u64,
    ) -> Self {
        Self {
            manifest,
            module_hash,
            size_bytes,
            added_at,
            is_enabled: true,
            stage: PluginStage::Trial,
            trial: 1,
            trial_share: trial_share(track_count),
            answers: 0,
            failures: 0,
            last_failure: None,
            stopped_because: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Whether it runs on a track: on every one, or on its share of them by the one hash that divides traffic.
    pub fn is_for(&self, track: TrackId) -> bool {
        let is_chosen = || {
            let salt = format!("plugin:{}:{}", self.name(), self.module_hash);
            let weights = [self.trial_share, SHARE_PARTS - self.trial_share];
            bucket::choose(&salt, &track.to_string(), &weights) == Some(0)
        };
        self.is_enabled
            && match self.stage {
                PluginStage::Trial => is_chosen(),
                PluginStage::Everywhere => true,
                PluginStage::Stopped => false,
            }
    }

    /// Counts an answer; with why it failed, if it did. A trial ends at the first answer that decides it.
    pub fn count(&mut self, failure: Option<&str>) {
        self.answers += 1;
        if let Some(reason) = failure {
            self.failures += 1;
            self.last_failure = Some(reason.to_owned());
        }
        if self.stage != PluginStage::Trial {
            return;
        }
        if self.failures > limits::PLUGIN_TRIAL_FAILURES_MAX {
            self.stage = PluginStage::Stopped;
            self.stopped_because = Some(format!(
                "it failed on {} of the first {} tracks, last: {}",
                self.failures,
                self.answers,
                self.last_failure.as_deref().unwrap_or_default()
            ));
        } else if self.answers >= limits::PLUGIN_TRIAL_ANSWERS {
            self.stage = PluginStage::Everywhere;
        }
    }

    /// Lets it run or not. One that was stopped begins its trial anew.
    pub fn enable(&mut self, is_enabled: bool) {
        self.is_enabled = is_enabled;
        if is_enabled && self.stage == PluginStage::Stopped {
            self.stage = PluginStage::Trial;
            self.trial += 1;
            (self.answers, self.failures) = (0, 0);
            (self.last_failure, self.stopped_because) = (None, None);
        }
    }
}

/// One track in a hundred; in a small catalogue as many as bring twice the answers that decide a trial, since
/// chance deals them out.
fn trial_share(track_count: u64) -> u32 {
    let wanted = 2 * limits::PLUGIN_TRIAL_ANSWERS * u64::from(SHARE_PARTS);
    let share = wanted.div_ceil(track_count.max(1));
    let share = share.clamp(limits::PLUGIN_TRIAL_SHARE.into(), SHARE_PARTS.into());
    u32::try_from(share).unwrap_or(SHARE_PARTS)
}

#[cfg(test)]
mod tests {
    use super::manifest::tests::manifest;
    use super::*;

    fn plugin(track_count: u64) -> Plugin {
        let (hash, now) = ("ab".to_owned(), Timestamp::from_ms(0));
        Plugin::on_trial(manifest(), hash, 100, now, track_count)
    }

    #[test]
    fn a_trial_has_one_track_in_a_hundred_or_as_many_as_decide_it() {
        for (track_count, share) in [
            (0, 10_000),
            (40, 10_000),
            (80, 5_000),
            (4_000, 100),
            (57_000, 100),
        ] {
            assert_eq!(plugin(track_count).trial_share, share, "{track_count}");
        }
        let large = plugin(57_000);
        let chosen = (0..57_000).filter(|id| large.is_for(TrackId::from_u128(*id)));
        let count = chosen.count();
        assert!((500..=640).contains(&count), "{count} of 57,000");
    }

    #[test]
    fn a_trial_ends_well() {
        let mut plugin = plugin(1_000_000);
        for number in 1..=limits::PLUGIN_TRIAL_ANSWERS {
            assert_eq!(plugin.stage, PluginStage::Trial);
            let failure = (number <= limits::PLUGIN_TRIAL_FAILURES_MAX).then_some("it ends");
            plugin.count(failure);
        }
        assert_eq!(plugin.stage, PluginStage::Everywhere);
        assert!((0..100).all(|id| plugin.is_for(TrackId::from_u128(id))));
        plugin.count(Some("later"));
        assert_eq!(
            plugin.stage,
            PluginStage::Everywhere,
            "the trial is over, failures are only counted"
        );
        plugin.enable(false);
        assert!(!plugin.is_for(TrackId::from_u128(1)));
    }

    #[test]
    fn a_trial_is_stopped_and_may_begin_anew() {
        let mut plugin = plugin(1);
        plugin.count(None);
        for _ in 0..=limits::PLUGIN_TRIAL_FAILURES_MAX {
            plugin.count(Some("its fuel is used up"));
        }
        assert_eq!(plugin.stage, PluginStage::Stopped);
        let because = "it failed on 3 of the first 4 tracks, last: its fuel is used up";
        assert_eq!(plugin.stopped_because.as_deref(), Some(because));
        assert!(!plugin.is_for(TrackId::from_u128(1)));
        plugin.enable(true);
        assert_eq!((plugin.stage, plugin.answers), (PluginStage::Trial, 0));
        assert_eq!(plugin.trial, 2);
        assert!(plugin.is_for(TrackId::from_u128(1)));
    }
}
