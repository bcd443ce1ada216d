//! Pieces of a track between its onsets: how loud each is, which pitches sound and in which colour.

use serde::{Deserialize, Serialize};

use super::frames::{HARMONY_HOP, RHYTHM_FPS, RHYTHM_HOP, Spectra, TIMBRE_STEP};
use super::onset::OnsetEnvelope;

/// Most segments of a track: eight a second for half an hour. What comes after belongs to the last.
pub const SEGMENTS_MAX: usize = 14_400;
/// Bytes of a packed segment.
const RECORD_BYTES: usize = 24;
/// Packed confidence of a segment that no onset begins.
const NO_ONSET: u8 = u8::MAX;
/// Steps of a packed loudness: a quarter of a decibel, down to −63.75.
const LOUDNESS_STEP_DB: f32 = 0.25;
/// Steps of the packed timbre but of its first value, which is a level. Cepstral coefficients of natural logarithms
/// lie within ±60 in music.
const TIMBRE_STEP_SIZE: f32 = 0.5;
/// Level at which the first timbre coefficient is 0, in decibels below full scale.
const TIMBRE_FLOOR_DB: f32 = -60.0;
/// Largest packed pitch.
const PITCH_STEPS: f32 = 15.0;

/// A piece between two onsets.
///
/// - Units: seconds from the start of the track; decibels below full scale, of the mono signal in steps of 12 ms,
///   −63.75 at least.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Where it begins.
    pub start_s: f64,
    /// How long it is.
    pub duration_s: f64,
    /// How far its onset stands out, 0 to 1; no probability. `None` where none begins it: at the start.
    pub onset_strength: Option<f32>,
    /// Loudness at its start.
    pub loudness_start_db: f32,
    /// Its highest loudness.
    pub loudness_max_db: f32,
    /// When that is, from its start.
    pub loudness_max_s: f64,
    /// Loudness at its end, which is that at the start of the next.
    pub loudness_end_db: f32,
    /// How strong each pitch class is, C first, the strongest 1; all 0 where nothing tonal sounds.
    pub pitches: [f32; 12],
    /// Level above −60 dB, then the cepstral coefficients 1 to 11.
    pub timbre: [f32; 12],
}

/// The segments of a track, packed.
///
/// - Shape: 24 bytes a segment and one for the last level: length in rhythm frames (two, little endian), strength
///   of the onset, loudness at the start and at most, where that is, twelve pitches of four bits, twelve
///   coefficients. Empty for silence.
/// - Stored as hexadecimal text in JSON, and as they are elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Segments {
    bytes: Vec<u8>,
}

/// Finds the segments of a track in spectra that are there anyway.
///
/// - Errors: none; a track without onsets is one segment, a silent one has none.
/// - Cost: O(frames), under a thousandth of the analysis.
/// - Source: the fields are those that T. Jehan, "Creating Music by Listening", MIT 2005, ch. 3 describes. We depart
///   in everything measured: onsets of our own flux, pitch classes of peaks, and cepstral coefficients in place of
///   learnt ones.
pub(crate) fn find_segments(
    spectra: &Spectra,
    chroma: &[[f32; 12]],
    envelope: &OnsetEnvelope,
    working_gain_db: f64,
) -> Segments {
    let frame_count = spectra.levels.len();
    if spectra.is_silent || frame_count == 0 {
        return Segments::default();
    }
    let level_db = |frame: usize| {
        let level = spectra.levels.get(frame).copied().unwrap_or_default();
        (20.0 * f64::from(level.max(1e-9)).log10() - working_gain_db) as f32
    };
    let mut starts = vec![(0, None)];
    for (frame, strength) in envelope.onsets() {
        let (last, _) = starts[starts.len() - 1];
        // A longer pause than its length can say is parted.
        let parts = (frame - last) / usize::from(u16::MAX);
        starts.extend((1..=parts).map(|part| (last + part * usize::from(u16::MAX), None)));
        if frame > 0 && frame < frame_count {
            starts.push((frame, Some(strength)));
        }
    }
    starts.truncate(SEGMENTS_MAX);
    let ends = starts.iter().skip(1).map(|(start, _)| *start);
    let ends: Vec<usize> = ends.chain([frame_count]).collect();
    let mut bytes = Vec::with_capacity(starts.len() * RECORD_BYTES + 1);
    for ((start, strength), end) in starts.into_iter().zip(ends) {
        let length = (end - start).min(usize::from(u16::MAX));
        let loudest = (start..end).max_by(|&a, &b| level_db(a).total_cmp(&level_db(b)));
        let loudest = loudest.unwrap_or(start);
        let share = (loudest - start) as f32 / length.max(1) as f32;
        bytes.extend_from_slice(&(length as u16).to_le_bytes());
        bytes.push(strength.map_or(NO_ONSET, packed_strength));
        bytes.push(packed_db(level_db(start)));
        bytes.push(packed_db(level_db(loudest)));
        bytes.push((share * 255.0).round() as u8);
        bytes.extend(packed_pitches(&pitches_of(chroma, start, end)));
        bytes.extend(timbre_of(spectra, start, end, working_gain_db));
    }
    bytes.push(packed_db(level_db(frame_count - 1)));
    Segments { bytes }
}

/// An onset of the root mean square of all is half sure to stand out.
fn packed_strength(strength: f32) -> u8 {
    (strength / (strength + 1.0) * 254.0).round() as u8
}

fn packed_db(level_db: f32) -> u8 {
    (-level_db / LOUDNESS_STEP_DB).round().clamp(0.0, 255.0) as u8
}

fn unpacked_db(packed: u8) -> f32 {
    -f32::from(packed) * LOUDNESS_STEP_DB
}

/// Mean of the frames in a segment, at least of the nearest one; scaled so that the strongest is 1.
fn pitches_of(chroma: &[[f32; 12]], start: usize, end: usize) -> [f32; 12] {
    let to_frame = |frame: usize| frame * RHYTHM_HOP / HARMONY_HOP;
    let first = to_frame(start).min(chroma.len().saturating_sub(1));
    let after = (to_frame(end).max(first + 1)).min(chroma.len());
    let mut sums = [0.0_f32; 12];
    for frame in chroma.get(first..after).unwrap_or_default() {
        for (sum, value) in sums.iter_mut().zip(frame) {
            *sum += value;
        }
    }
    let strongest = sums.iter().copied().fold(0.0, f32::max);
    if strongest > 0.0 {
        sums.iter_mut().for_each(|sum| *sum /= strongest);
    }
    sums
}

fn packed_pitches(pitches: &[f32; 12]) -> [u8; 6] {
    let nibble = |index: usize| {
        (pitches[index] * PITCH_STEPS)
            .round()
            .clamp(0.0, PITCH_STEPS) as u8
    };
    std::array::from_fn(|pair| nibble(2 * pair) | nibble(2 * pair + 1) << 4)
}

/// Mean level and mean coefficients of the frames in a segment, at least of the nearest one, packed.
fn timbre_of(spectra: &Spectra, start: usize, end: usize, working_gain_db: f64) -> [u8; 12] {
    let rows = &spectra.timbre.rows;
    let first = (start / TIMBRE_STEP).min(rows.len().saturating_sub(1));
    let after = (end / TIMBRE_STEP).max(first + 1).min(rows.len());
    let rows = rows.get(first..after).unwrap_or_default();
    let mean = |coefficient: usize| {
        let sum: f32 = rows.iter().map(|row| row.mfcc[coefficient]).sum();
        sum / rows.len().max(1) as f32
    };
    let levels = spectra.levels.get(start..end).unwrap_or_default();
    let power: f64 = levels.iter().map(|level| f64::from(level * level)).sum();
    let power = (power / levels.len().max(1) as f64).max(1e-18);
    let level_db = (10.0 * power.log10() - working_gain_db) as f32;
    std::array::from_fn(|index| match index {
        0 => packed_db(level_db.min(0.0)),
        _ => ((mean(index) / TIMBRE_STEP_SIZE)
            .round()
            .clamp(-127.0, 127.0) as i8)
            .cast_unsigned(),
    })
}

impl Segments {
    /// Takes bytes that [`Segments::as_bytes`] gave away; `None` for others.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let is_whole = bytes.is_empty() || bytes.len() % RECORD_BYTES == 1;
        (is_whole && bytes.len() <= SEGMENTS_MAX * RECORD_BYTES + 1).then_some(Self { bytes })
    }

    /// The packed segments.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Unpacks the segments, in the order of time.
    pub fn unpack(&self) -> Vec<Segment> {
        let (records, last_level) = match self.bytes.split_last() {
            Some((last, records)) => (records, *last),
            None => return Vec::new(),
        };
        let records: Vec<&[u8]> = records.chunks_exact(RECORD_BYTES).collect();
        let mut frame = 0_usize;
        let mut segments = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let length = usize::from(u16::from_le_bytes([record[0], record[1]]));
            let duration_s = length as f64 / RHYTHM_FPS;
            let end_level = records.get(index + 1).map_or(last_level, |next| next[3]);
            segments.push(Segment {
                start_s: frame as f64 / RHYTHM_FPS,
                duration_s,
                onset_strength: (record[2] != NO_ONSET).then(|| f32::from(record[2]) / 254.0),
                loudness_start_db: unpacked_db(record[3]),
                loudness_max_db: unpacked_db(record[4]),
                loudness_max_s: duration_s * f64::from(record[5]) / 255.0,
                loudness_end_db: unpacked_db(end_level),
                pitches: std::array::from_fn(|index| {
                    let nibble = record[6 + index / 2] >> (4 * (index % 2)) & 0x0F;
                    f32::from(nibble) / PITCH_STEPS
                }),
                timbre: std::array::from_fn(|index| match index {
                    0 => (unpacked_db(record[12]) - TIMBRE_FLOOR_DB).max(0.0),
                    _ => f32::from(record[12 + index].cast_signed()) * TIMBRE_STEP_SIZE,
                }),
            });
            frame += length;
        }
        segments
    }
}

impl From<Segments> for String {
    fn from(segments: Segments) -> Self {
        segments
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl TryFrom<String> for Segments {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || "segments are no whole number of packed ones".to_owned();
        let digits: Option<Vec<u32>> = text.chars().map(|one| one.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
        let pairs = digits.ok_or_else(refused)?;
        let bytes = pairs
            .chunks_exact(2)
            .map(|pair| (pair[0] * 16 + pair[1]) as u8);
        Self::from_bytes(bytes.collect()).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{AudioBuffer, analyze_audio};
    use super::*;

    const RATE_HZ: u32 = 22_050;

    /// Notes of a second each, that fade to nothing.
    fn notes(of: &[(f64, f64)]) -> AudioBuffer {
        let note = |(hertz, amplitude): &(f64, f64)| {
            let (hertz, amplitude) = (*hertz, *amplitude);
            (0..RATE_HZ).map(move |index| {
                let second = f64::from(index) / f64::from(RATE_HZ);
                let wave = (std::f64::consts::TAU * hertz * second).sin();
                (amplitude * (-3.0 * second).exp() * wave) as f32
            })
        };
        AudioBuffer {
            samples: of.iter().flat_map(note).collect(),
            channel_count: 1,
            sample_rate_hz: RATE_HZ,
        }
    }

    fn strongest(segment: &Segment) -> usize {
        let by_strength =
            |a: &usize, b: &usize| segment.pitches[*a].total_cmp(&segment.pitches[*b]);
        (0..12).max_by(by_strength).expect("there are twelve")
    }

    #[test]
    fn notes_become_segments_with_their_pitch_and_loudness() {
        // A, C, E; the second half as loud.
        let audio = notes(&[(440.0, 0.5), (523.25, 0.25), (659.26, 0.5), (440.0, 0.5)]);
        let segments = analyze_audio(&audio)
            .expect("is analysed")
            .segments
            .unpack();
        let near = |second: f64| {
            let found = segments
                .iter()
                .find(|one| (one.start_s - second).abs() < 0.04);
            found.unwrap_or_else(|| panic!("none at {second}: {segments:?}"))
        };
        assert_eq!(segments[0].start_s, 0.0);
        for (second, pitch) in [(1.0, 0), (2.0, 4), (3.0, 9)] {
            let segment = near(second);
            assert_eq!(strongest(segment), pitch, "{segment:?}");
            assert!(
                segment
                    .onset_strength
                    .is_some_and(|strength| strength > 0.5)
            );
        }
        let quieter = near(2.0).loudness_max_db - near(1.0).loudness_max_db;
        assert!((quieter - 6.0).abs() < 1.0, "{quieter}");
        // A sine of 0.5 has −9 dB, and fades over the first 12 ms.
        assert!(
            (near(2.0).loudness_max_db + 9.2).abs() < 0.6,
            "{:?}",
            near(2.0)
        );
        let last = segments.last().expect("there are some");
        assert!((last.start_s + last.duration_s - 4.0).abs() < 0.05);
        for pair in segments.windows(2) {
            assert!((pair[0].start_s + pair[0].duration_s - pair[1].start_s).abs() < 1e-9);
            assert_eq!(pair[0].loudness_end_db, pair[1].loudness_start_db);
            assert!(pair[0].loudness_max_db >= pair[0].loudness_start_db);
            assert!(pair[0].loudness_max_s <= pair[0].duration_s);
        }
    }

    #[test]
    fn silence_has_none_and_a_steady_tone_few() {
        let silence = notes(&[(440.0, 0.0), (440.0, 0.0)]);
        assert!(
            analyze_audio(&silence)
                .expect("is analysed")
                .segments
                .is_empty()
        );
        let mut tone = notes(&[(440.0, 0.5); 3]);
        for (index, sample) in tone.samples.iter_mut().enumerate() {
            let second = index as f64 / f64::from(RATE_HZ);
            *sample = (0.5 * (std::f64::consts::TAU * 440.0 * second).sin()) as f32;
        }
        let segments = analyze_audio(&tone).expect("is analysed").segments;
        assert!((1..=3).contains(&segments.unpack().len()));
    }

    #[test]
    fn bytes_that_are_no_segments_are_refused() {
        for count in [0, 1, 25, 49] {
            assert!(Segments::from_bytes(vec![0; count]).is_some(), "{count}");
        }
        for count in [2, 24, 26, (SEGMENTS_MAX + 1) * RECORD_BYTES + 1] {
            assert!(Segments::from_bytes(vec![0; count]).is_none(), "{count}");
        }
        assert!(Segments::try_from("0".to_owned()).is_err());
        assert!(Segments::try_from("xy".to_owned()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_within_a_step(
            level in -63.0_f32..0.0, strength in 0.0_f32..50.0, pitches in any::<[u8; 12]>(),
        ) {
            prop_assert!((unpacked_db(packed_db(level)) - level).abs() <= LOUDNESS_STEP_DB / 2.0);
            prop_assert!(packed_strength(strength) < NO_ONSET);
            let pitches = pitches.map(|one| f32::from(one) / 255.0);
            let packed = packed_pitches(&pitches);
            for (index, pitch) in pitches.iter().enumerate() {
                let nibble = packed[index / 2] >> (4 * (index % 2)) & 0x0F;
                prop_assert!((f32::from(nibble) / PITCH_STEPS - pitch).abs() <= 0.5 / PITCH_STEPS + 1e-6);
            }
        }

        #[test]
        fn any_whole_records_are_read_and_written_back(
            count in 0_usize..40, seed in any::<u8>(),
        ) {
            let bytes = (0..count * RECORD_BYTES + 1).map(|at| (at as u8).wrapping_mul(31) ^ seed);
            let segments = Segments::from_bytes(bytes.collect()).expect("whole records");
            prop_assert_eq!(segments.unpack().len(), count);
            let text = String::from(segments.clone());
            prop_assert_eq!(Segments::try_from(text), Ok(segments));
        }
    }
}
