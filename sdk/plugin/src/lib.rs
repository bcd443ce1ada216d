//! What authors of plugins for Leitmotif write them with: a trait, the calls of the platform around it, and a check
//! of the plugin's own examples that runs on the author's machine.
//!
//! ```
//! use leitmotif_plugin::{Plugin, Told, Track};
//!
//! #[derive(Default)]
//! struct Shouting {
//!     share: f64,
//! }
//!
//! impl Plugin for Shouting {
//!     fn begin(&mut self, track: Track) {
//!         let words = track.lyrics.unwrap_or_default();
//!         let loud = words.chars().filter(|one| one.is_uppercase()).count();
//!         self.share = loud as f64 / words.chars().count().max(1) as f64;
//!     }
//!
//!     fn finish(&mut self) -> Vec<Told> {
//!         vec![Told::of("capital_share", self.share).by("count")]
//!     }
//! }
//! ```
//!
//! A library of type `cdylib` that ends with `leitmotif_plugin::export!(Shouting, "plugin.json");` is then a plugin,
//! built with `cargo build --release --target wasm32-unknown-unknown`.

mod export;
mod host;
mod told;
pub mod trial;

pub use host::Host;
pub use told::{Answer, Told};

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What the platform says of a track before any sound.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Track {
    /// Rate of the sound that follows, if the plugin asked for sound.
    #[serde(default)]
    pub sample_rate_hz: Option<u32>,
    /// The words, if the plugin asked for them.
    #[serde(default)]
    pub lyrics: Option<String>,
    /// The descriptors that the plugin asked for, by name; `null` for what the track lacks.
    #[serde(default)]
    pub descriptors: BTreeMap<String, Value>,
}

/// An analyzer. One is made for each track.
pub trait Plugin: Default {
    /// Takes what is known of the track.
    fn begin(&mut self, track: Track);

    /// Hears the next part of the sound: mono, of at most a second, at the rate that the manifest asks for.
    fn hear(&mut self, samples: &[f32]) {
        let _ = samples;
    }

    /// Tells what was found; what is declared and not told is unknown.
    fn finish(&mut self) -> Vec<Told>;
}
