//! What constraints ask of a track.

use leitmotif_domain::track::TrackDetails;
use leitmotif_learn::retrieval::tokenize;
use leitmotif_learn::sequencing::Mode;
use serde_json::Value;

use super::keys::MusicalKey;

/// What is known of a track that a constraint can ask for; what is unknown satisfies none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TrackFacts {
    /// Tempo in beats a minute.
    pub tempo_bpm: Option<f32>,
    /// Key.
    pub key: Option<MusicalKey>,
    /// Energy, 0 to 1, as a descriptor of that name says.
    pub energy: Option<f32>,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Year of release.
    pub year: Option<u16>,
    /// Number of the genre among those of the catalogue.
    pub genre: Option<u32>,
}

impl TrackFacts {
    /// Takes over what the sender said; what was measured stays.
    pub fn set_details(&mut self, details: &TrackDetails, genre: Option<u32>) {
        self.duration_ms = details.duration_ms;
        self.year = details.release_date.as_ref().map(|date| date.year());
        self.genre = genre;
    }

    /// Takes over what an analysis document says; `Null` for none.
    pub fn set_measured(&mut self, document: &Value) {
        let sound = crate::playlists::measured_of(document);
        self.tempo_bpm = sound.tempo_bpm;
        self.key = sound.key.map(|(tonic, mode)| MusicalKey {
            tonic: tonic % 12,
            is_minor: mode == Mode::Minor,
        });
        // Loudness may stand in for energy in an order; a constraint asks for what was measured.
        self.energy = energy_of(document);
    }
}

fn energy_of(document: &Value) -> Option<f32> {
    let descriptors = document["audio"]["descriptors"].as_array()?;
    let found = descriptors.iter().find(|one| one["name"] == "energy")?;
    let energy = found["value"].as_f64()? as f32;
    (0.0..=1.0).contains(&energy).then_some(energy)
}

/// A genre as genres are compared: its words, folded.
pub fn genre_key(genre: &str) -> String {
    let words: Vec<String> = tokenize(genre)
        .into_iter()
        .map(|token| token.text)
        .collect();
    words.join(" ")
}
