//! Traits: the descriptors by which tracks of a catalogue are held against each other.
//!
//! A value says little by itself. These are the ones that are kept for every track of a tenant, so that
//! a track can be placed among the others and a likeness weighed by how rare it is.

mod pairs;
mod read;
mod table;

pub use read::TraitValues;
pub use table::{Coincidence, Standing, TraitTable, strongest};

/// How two values of a trait are held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// By their difference.
    Difference,
    /// By the difference of their logarithms within an octave: halves and doubles are the same.
    Octaves,
    /// By steps on the circle of fifths, relative keys side by side; the other mode is one step more.
    Wheel,
    /// The same or not.
    Sameness,
}

impl Comparison {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Difference => "difference",
            Self::Octaves => "octaves",
            Self::Wheel => "wheel",
            Self::Sameness => "sameness",
        }
    }

    /// How far apart two values are; between 0 and the largest distance of the comparison.
    pub fn distance(self, one: f32, other: f32) -> f64 {
        let (one, other) = (f64::from(one), f64::from(other));
        match self {
            Self::Difference => (one - other).abs(),
            Self::Octaves => pairs::around(one.log2(), other.log2()),
            Self::Wheel => f64::from(pairs::wheel_steps(one as u8, other as u8)),
            Self::Sameness => f64::from(u8::from(one != other)),
        }
    }
}

/// A descriptor that is kept for every track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trait {
    /// Name of the descriptor, its unit last.
    pub name: &'static str,
    /// What it is about: two traits of one family say much the same, and only one of them is counted
    /// among the strongest shared ones.
    pub family: &'static str,
    /// Unit for people; empty where there is none.
    pub unit: &'static str,
    /// How values are held against each other.
    pub comparison: Comparison,
}

/// How many traits there are.
pub const TRAIT_COUNT: usize = 25;

const fn measure(name: &'static str, family: &'static str, unit: &'static str) -> Trait {
    Trait {
        name,
        family,
        unit,
        comparison: Comparison::Difference,
    }
}

const fn by(comparison: Comparison, of: Trait) -> Trait {
    Trait { comparison, ..of }
}

/// Every trait; of two equally strong ones the earlier is named first.
pub const TRAITS: [Trait; TRAIT_COUNT] = [
    by(Comparison::Octaves, measure("tempo_bpm", "tempo", "bpm")),
    by(Comparison::Wheel, measure("key", "key", "")),
    by(
        Comparison::Sameness,
        measure("time_signature", "metre", "beats a bar"),
    ),
    measure("energy", "energy", "of 1"),
    measure("integrated_loudness_lufs", "loudness", "LUFS"),
    measure("loudness_range_lu", "loudness range", "LU"),
    measure("danceability", "danceability", "of 1"),
    measure("acousticness", "acousticness", "of 1"),
    measure("instrumentalness", "voice", "of 1"),
    measure("speechiness", "voice", "of 1"),
    measure("spectral_centroid_hz", "brightness", "Hz"),
    measure("spectral_flatness", "noise", ""),
    measure("onset_rate_hz", "onsets", "Hz"),
    measure("duration_ms", "length", "ms"),
    measure("year", "year", ""),
    by(Comparison::Sameness, measure("genre", "genre", "")),
    by(Comparison::Sameness, measure("language", "language", "")),
    measure("word_count", "words", "words"),
    measure("mattr_ratio", "vocabulary", "share"),
    measure("syllables_per_line_mean", "syllables", "syllables a line"),
    measure("stress_regularity_ratio", "stress", "share"),
    measure("verse_metre_regularity_ratio", "stress", "share"),
    measure("rhyme_density_ratio", "rhyme", "share"),
    measure("repeated_line_ratio", "repetition", "share"),
    measure("sentiment", "sentiment", "−1 to 1"),
];

/// The place of a trait in [`TRAITS`].
pub fn trait_index(name: &str) -> Option<usize> {
    TRAITS.iter().position(|one| one.name == name)
}
