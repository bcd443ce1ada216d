//! Samples to WAV.

use std::path::Path;

use super::Song;

/// Why a WAV file cannot be written.
pub type WavError = std::io::Error;

/// Encodes a song as 16-bit PCM WAV.
///
/// - Cost: O(samples), two bytes each.
/// - Source: RIFF WAVE, `WAVE_FORMAT_PCM`.
pub fn wav_bytes(song: &Song) -> Vec<u8> {
    let data_bytes = (song.samples.len() * 2) as u32;
    let channel_count = song.channel_count as u16;
    let frame_bytes = channel_count * 2;
    let mut bytes = Vec::with_capacity(44 + song.samples.len() * 2);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data_bytes).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16u32.to_le_bytes());
    bytes.extend_from_slice(&1u16.to_le_bytes());
    bytes.extend_from_slice(&channel_count.to_le_bytes());
    bytes.extend_from_slice(&song.sample_rate_hz.to_le_bytes());
    bytes.extend_from_slice(&(song.sample_rate_hz * u32::from(frame_bytes)).to_le_bytes());
    bytes.extend_from_slice(&frame_bytes.to_le_bytes());
    bytes.extend_from_slice(&16u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_bytes.to_le_bytes());
    for sample in &song.samples {
        let value = (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// Writes a song to a WAV file.
///
/// - Errors: [`WavError`] when the file cannot be written.
pub fn write_wav(song: &Song, path: &Path) -> Result<(), WavError> {
    std::fs::write(path, wav_bytes(song))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::songs::{SongSpec, Style, render_song};

    #[test]
    fn header_counts_the_bytes() {
        let song = render_song(&SongSpec::typical(Style::Piano, 1, 0.5));
        let bytes = wav_bytes(&song);
        assert_eq!(bytes.len(), 44 + song.samples.len() * 2);
        assert_eq!(bytes.get(..4), Some(b"RIFF".as_slice()));
        assert_eq!(bytes.get(24..28), Some(22_050u32.to_le_bytes().as_slice()));
    }
}
