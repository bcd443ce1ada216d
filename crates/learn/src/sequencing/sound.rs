//! What of a track's sound decides how it follows another.

/// Major or minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Major.
    Major,
    /// Minor.
    Minor,
}

/// What was measured of a track; what is unknown is `None` and costs nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrackSound {
    /// Tempo in beats a minute.
    pub tempo_bpm: Option<f32>,
    /// Tonic, 0 for C to 11 for B, and mode.
    pub key: Option<(u8, Mode)>,
    /// Energy, 0..=1.
    pub energy: Option<f32>,
    /// Audio embedding; only ever compared within one space.
    pub timbre: Option<Vec<f32>>,
}
