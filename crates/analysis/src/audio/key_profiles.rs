//! Published key profiles: how often each degree of the scale sounds, from the tonic upwards.

/// Degrees of the major and the minor key, tonic first.
pub(crate) struct KeyProfile {
    pub major: [f64; 12],
    pub minor: [f64; 12],
}

/// Krumhansl & Kessler, "Tracing the dynamic changes in perceived tonal organization", Psychological
/// Review 89(4), 1982: probe-tone ratings.
pub(crate) const KRUMHANSL_KESSLER: KeyProfile = KeyProfile {
    major: [
        6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
    ],
    minor: [
        6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
    ],
};

/// Temperley, "Music and Probability", MIT Press 2007: share of segments of the Kostka–Payne corpus
/// that hold the degree.
pub(crate) const TEMPERLEY: KeyProfile = KeyProfile {
    major: [
        0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400,
    ],
    minor: [
        0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330,
    ],
};

/// Albrecht & Shanahan, "The use of large corpora to train a new type of key-finding algorithm",
/// Music Perception 31(1), 2013: share of notes in 490 pieces.
pub(crate) const ALBRECHT_SHANAHAN: KeyProfile = KeyProfile {
    major: [
        0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081,
    ],
    minor: [
        0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052,
    ],
};
