//! The stored analysis of a track.

use leitmotif_analysis::Descriptor;
use leitmotif_analysis::audio::{Fingerprint, LoudnessCurve, Waveform};
use leitmotif_analysis::lyrics::RhymeSpan;
use leitmotif_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plugins::PluginPart;

/// Everything measured of a track, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackAnalysis {
    /// When it was measured.
    pub analysed_at: Timestamp,
    /// What was measured of the sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioPart>,
    /// What was measured of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lyrics: Option<LyricsPart>,
    /// What plugins told, by their name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginPart>,
    /// What could not be measured and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// What of the audio was not heard and what of the lyrics not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What was measured of the sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioPart {
    /// Rhythm, harmony, sound.
    pub descriptors: Vec<Descriptor>,
    /// Beat times in milliseconds.
    pub beats_ms: Vec<u32>,
    /// Downbeat times in milliseconds.
    pub downbeats_ms: Vec<u32>,
    /// Picture of the waveform.
    pub waveform: Waveform,
    /// How loud the track is over time; empty in analyses of earlier versions.
    #[serde(default)]
    pub loudness_curve: LoudnessCurve,
    /// Tells copies of one recording; empty in analyses of earlier versions.
    #[serde(default)]
    pub fingerprint: Fingerprint,
}

/// What was measured of the words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LyricsPart {
    /// Language, rhyme, flow, vocabulary, sentiment, themes.
    pub descriptors: Vec<Descriptor>,
    /// Where in the text rhymes lie.
    pub chains: Vec<RhymeSpan>,
}

impl TrackAnalysis {
    /// Every descriptor: ours, then those of plugins, whose names have a dot.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        let told = self.plugins.iter().flat_map(|part| &part.descriptors);
        self.built_in_descriptors().chain(told)
    }

    /// Every descriptor of ours.
    pub fn built_in_descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        let audio = self.audio.iter().flat_map(|part| &part.descriptors);
        audio.chain(self.lyrics.iter().flat_map(|part| &part.descriptors))
    }

    /// What could not be measured, by ours and by plugins.
    pub fn every_failure(&self) -> Vec<String> {
        let failed = self.plugins.iter().filter_map(|part| {
            let (plugin, version) = (&part.plugin, &part.version);
            let failure = part.failure.as_ref()?;
            Some(format!("plugin `{plugin}` {version}: {failure}"))
        });
        self.failures.iter().cloned().chain(failed).collect()
    }

    /// The descriptor of a name.
    pub fn descriptor(&self, name: &str) -> Option<&Descriptor> {
        self.descriptors()
            .find(|descriptor| descriptor.name == name)
    }
}
