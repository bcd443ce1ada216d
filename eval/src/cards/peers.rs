//! What others reach, as the kits' own notes tell.

use super::card::Peer;

/// How the peers of the audio kit were measured.
const KIT: &str =
    "measured by us on the clips of this kit and its held-out twins together, same definition";

const fn kit(name: &'static str, metric: &'static str, value: f64) -> Peer {
    Peer {
        name,
        metric,
        value,
        note: KIT,
    }
}

pub const TEMPO: [Peer; 7] = [
    kit("essentia degara", "Acc1", 0.552),
    kit("aubio", "Acc1", 0.559),
    kit("essentia percival", "Acc1", 0.545),
    kit("librosa", "Acc1", 0.462),
    kit("stratum-dsp", "Acc1", 0.414),
    kit("essentia multifeature", "Acc2", 0.936),
    kit("librosa", "Acc2", 0.840),
];

const fn beats(name: &'static str, value: f64) -> Peer {
    Peer {
        name,
        metric: "beat F",
        value,
        note: "measured by us on 108 synthesised clips, this kit's and its held-out twins', same definition",
    }
}

pub const BEATS: [Peer; 4] = [
    beats("essentia degara", 0.770),
    beats("essentia multifeature", 0.689),
    beats("aubio", 0.641),
    beats("librosa", 0.606),
];

const fn key(name: &'static str, value: f64, note: &'static str) -> Peer {
    Peer {
        name,
        metric: "MIREX weighted",
        value,
        note,
    }
}

const KEY_SYNTH: &str = "measured by us on 108 synthesised clips, same definition";
const KEY_PIANO: &str = "measured by us on 29 piano performances, same definition";

pub const KEY: [Peer; 4] = [
    key("essentia bgate", 0.894, KEY_SYNTH),
    key("librosa with Krumhansl's profiles", 0.831, KEY_SYNTH),
    key("essentia bgate", 0.779, KEY_PIANO),
    key("librosa with Krumhansl's profiles", 0.534, KEY_PIANO),
];

const fn rhyme(name: &'static str, metric: &'static str, value: f64, note: &'static str) -> Peer {
    Peer {
        name,
        metric,
        value,
        note,
    }
}

const VERSE: &str = "measured by us on the same verse";
const SUFFIXES: &str = "suffixes; measured by us on the same verse";

pub const RHYME: [Peer; 4] = [
    rhyme("pronouncing, with a fallback", "pair F1", 0.841, VERSE),
    rhyme("pronouncing, with a fallback", "exact scheme", 0.514, VERSE),
    rhyme("advanced_algorithmic", "pair F1", 0.542, SUFFIXES),
    rhyme("simplified_features", "pair F1", 0.349, SUFFIXES),
];
