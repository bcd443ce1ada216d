//! Acoustic fingerprints: whether two files hold the same recording, whatever was done to it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::frames::{RHYTHM_FPS, RhythmFrames};
use super::onset::BAND_COUNT;

/// Rhythm frames between two words: 93 ms, so that a copy cut anywhere is at most 46 ms off the grid.
const HOP_FRAMES: usize = 8;
/// Rhythm frames that a word averages over: 372 ms, eight times the worst misalignment.
const WINDOW_FRAMES: usize = 32;
/// First of the spectral bands that are read: 270 Hz, above what small speakers drop.
const FIRST_BAND: usize = 14;
/// Bands between two groups and bands in a group: 14 % and 24 % wide, so that a copy 2 % slower
/// keeps most of its energy in the same group. The highest ends at 5 kHz, where lossy coding begins
/// to cut.
const GROUP_STEP: usize = 3;
const GROUP_WIDTH: usize = 5;
/// Bits of a word: differences of neighbouring groups.
const BIT_COUNT: usize = 16;
/// Longest part that is fingerprinted, in seconds: recordings that agree for two minutes are the same.
const SECONDS_MAX: f64 = 120.0;
/// Words per second.
const WORDS_PER_SECOND: f64 = RHYTHM_FPS / HOP_FRAMES as f64;

/// Words between the two of a key, which then share no sound, and the bits taken of them: few enough
/// for copies to agree, enough to part a million recordings.
const KEY_STEP_WORDS: usize = 4;
const KEY_BIT_COUNT: u32 = 24;
/// Keys kept of a recording: those that hash lowest, so that copies keep the same ones. A quarter of
/// two minutes, and all of half a minute, which has none to spare.
const KEYS_MAX: usize = 320;
/// Recordings under one key at most: beyond, it is silence or a loop that says nothing.
const POSTINGS_MAX: usize = 64;
/// Keys that must agree at about one offset.
const VOTES_MIN: u32 = 2;
/// Offsets counted together, in words: a copy 2 % slower drifts by one word in five seconds.
const OFFSET_BIN_WORDS: i32 = 16;
/// Candidates looked at per recording.
const CANDIDATES_MAX: usize = 32;

/// Words of a block when two fingerprints are laid over each other: 3 s, in which a copy 2 % slower
/// drifts by less than a word.
const BLOCK_WORDS: usize = 32;
/// Words by which a block may lie off the one before.
const DRIFT_WORDS: i32 = 1;
/// Shortest overlap that proves anything, in words: 6 s, and half of the shorter recording, because
/// with a short one some offset of a long one always looks good.
const OVERLAP_WORDS_MIN: usize = 64;

/// The bits of a recording over time.
///
/// - Shape: one word of 16 bits every 93 ms, of the first two minutes; empty for silence.
/// - Stored as hexadecimal text: 43 characters a second, 5.2 kB at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint {
    words: Vec<u16>,
}

/// How two fingerprints lie over each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FingerprintMatch {
    /// Share of bits that differ where they overlap; about 0.5 for different recordings.
    pub bit_error_rate: f64,
    /// By how much the second begins later, in seconds.
    pub offset_s: f64,
    /// How long they overlap, in seconds.
    pub overlap_s: f64,
}

/// Highest bit error rate of copies of one recording. See `docs/measurements.md`: above what nearly
/// all degraded copies reach, below what different songs of one sample pack come down to.
pub const SAME_RECORDING_ERROR_MAX: f64 = 0.25;

impl FingerprintMatch {
    /// Whether both are the same recording.
    pub fn is_same(&self) -> bool {
        self.bit_error_rate <= SAME_RECORDING_ERROR_MAX
    }
}

/// Reads the fingerprint off spectra that are there anyway.
///
/// - Shape: a bit is 1 where the difference between two neighbouring groups of bands grows over
///   93 ms, each averaged over 372 ms: the level, a constant filter and slow changes cancel.
/// - Cost: O(frames × groups), under a thousandth of the analysis; 21.5 bytes a second.
/// - Source: J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002, §4.2.
///   We depart in wider and overlapping bands of compressed magnitudes, and in an eighth of the words,
///   which takes a hundredth of the space and bears a change of speed.
pub(crate) fn take_fingerprint(frames: &RhythmFrames) -> Fingerprint {
    let frame_count = frames.frame_count.min((SECONDS_MAX * RHYTHM_FPS) as usize);
    let rows: Vec<&[f32]> = frames
        .bands
        .chunks_exact(BAND_COUNT)
        .take(frame_count)
        .collect();
    let hops: Vec<[f32; BIT_COUNT + 1]> = rows.chunks(HOP_FRAMES).map(group_energies).collect();
    let windows: Vec<[f32; BIT_COUNT + 1]> = hops
        .windows(WINDOW_FRAMES / HOP_FRAMES)
        .map(|window| std::array::from_fn(|group| window.iter().map(|hop| hop[group]).sum()))
        .collect();
    let words = windows.windows(2).map(|pair| {
        let slope = |window: &[f32; BIT_COUNT + 1], bit: usize| window[bit] - window[bit + 1];
        (0..BIT_COUNT).fold(0u16, |word, bit| {
            let is_growing = slope(&pair[1], bit) > slope(&pair[0], bit);
            word << 1 | u16::from(is_growing)
        })
    });
    Fingerprint {
        words: words.collect(),
    }
}

fn group_energies(rows: &[&[f32]]) -> [f32; BIT_COUNT + 1] {
    std::array::from_fn(|group| {
        let first = FIRST_BAND + group * GROUP_STEP;
        let bands = |row: &&[f32]| row.iter().skip(first).take(GROUP_WIDTH).sum::<f32>();
        rows.iter().map(bands).sum()
    })
}

impl Fingerprint {
    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Lays two fingerprints over each other, `other` beginning `offset_words` later, and follows a
    /// slow drift block by block. `None` when too little overlaps.
    ///
    /// - Cost: O(words).
    fn compare_at(&self, other: &Self, offset_words: i32) -> Option<FingerprintMatch> {
        let (mut offset, mut errors, mut compared) = (offset_words, 0, 0);
        // Where the overlap begins; a candidate is right but for one step of the drift.
        let mut begin = None;
        for (block, words) in self.words.chunks_exact(BLOCK_WORDS).enumerate() {
            let start = (block * BLOCK_WORDS) as i32;
            let best = (offset - DRIFT_WORDS..=offset + DRIFT_WORDS).filter_map(|shift| {
                let from = usize::try_from(start - shift).ok()?;
                let there = other.words.get(from..from + BLOCK_WORDS)?;
                let pairs = words.iter().zip(there);
                let count: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
                // Equal counts stay where they are, so that silence does not drift.
                Some((count, (shift - offset).abs(), shift))
            });
            if let Some((count, _, shift)) = best.min() {
                (offset, errors) = (shift, errors + count);
                begin.get_or_insert(shift);
                compared += BLOCK_WORDS;
            }
        }
        let half = self.words.len().min(other.words.len()) / 2;
        (compared >= OVERLAP_WORDS_MIN.max(half)).then(|| FingerprintMatch {
            bit_error_rate: f64::from(errors) / (compared * BIT_COUNT) as f64,
            offset_s: f64::from(begin.unwrap_or(offset_words)) / WORDS_PER_SECOND,
            overlap_s: compared as f64 / WORDS_PER_SECOND,
        })
    }

    /// The best match over every offset, to judge the index by.
    ///
    /// - Cost: O(words²).
    pub fn compare(&self, other: &Self) -> Option<FingerprintMatch> {
        let span = |one: &Self| one.words.len() as i32;
        let offsets = -span(other)..=span(self);
        let matches = offsets.filter_map(|offset| self.compare_at(other, offset));
        matches.min_by(|a, b| a.bit_error_rate.total_cmp(&b.bit_error_rate))
    }

    /// Every key with the word it begins at.
    fn keys(&self) -> impl Iterator<Item = (u32, u16)> {
        let pairs = self
            .words
            .iter()
            .zip(self.words.iter().skip(KEY_STEP_WORDS));
        let loud = |word: &u16| ![0, u16::MAX].contains(word);
        (pairs.zip(0..))
            .filter(move |((first, second), _)| loud(first) && loud(second))
            .map(|((first, second), place)| {
                // Twelve bits of each, the lower frequencies, which every copy keeps.
                let half = KEY_BIT_COUNT / 2;
                let low = BIT_COUNT as u32 - half;
                (
                    u32::from(first >> low) << half | u32::from(second >> low),
                    place,
                )
            })
    }

    /// The keys that an index keeps.
    fn kept_keys(&self) -> impl Iterator<Item = (u32, u16)> {
        let mixed = |key: u32| key.wrapping_mul(0x9E37_79B1).rotate_left(15);
        let mut keys: Vec<_> = self
            .keys()
            .map(|(key, place)| (mixed(key), key, place))
            .collect();
        keys.sort_unstable();
        keys.into_iter()
            .take(KEYS_MAX)
            .map(|(_, key, place)| (key, place))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        let words = fingerprint.words.iter();
        words.map(|word| format!("{word:04x}")).collect()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let broken = || "a fingerprint is words of four hexadecimal digits".to_owned();
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(4) {
            return Err(broken());
        }
        let word = |place: usize| u16::from_str_radix(text.get(place..place + 4)?, 16).ok();
        let words = (0..text.len()).step_by(4).map(word).collect::<Option<_>>();
        Ok(Self {
            words: words.ok_or_else(broken)?,
        })
    }
}

/// Finds recordings that may be the same, without comparing each with each.
///
/// - Cost: to add, 320 keys of 8 bytes; to ask, 25 look-ups a word, because a key of a copy may have
///   one wrong bit. A key holds at most 64 recordings, whatever their number.
/// - Source: the look-up of Haitsma and Kalker 2002, §5, with the histogram of offsets of A. Wang,
///   "An Industrial-Strength Audio Search Algorithm", ISMIR 2003, §2.3.
#[derive(Debug, Default)]
pub struct FingerprintIndex {
    postings: HashMap<u32, Vec<(u32, u16)>>,
    fingerprints: Vec<Fingerprint>,
}

impl FingerprintIndex {
    /// Adds a recording and returns the earlier ones that are the same, best first, each with the
    /// number under which it was added: 0 for the first, and so on.
    pub fn add(&mut self, fingerprint: Fingerprint) -> Vec<(usize, FingerprintMatch)> {
        let found = self.find(&fingerprint);
        let number = self.fingerprints.len() as u32;
        for (key, place) in fingerprint.kept_keys() {
            let postings = self.postings.entry(key).or_default();
            if postings.len() < POSTINGS_MAX {
                postings.push((number, place));
            }
        }
        self.fingerprints.push(fingerprint);
        found
    }

    /// Recordings in the index that are the same, best first.
    pub fn find(&self, fingerprint: &Fingerprint) -> Vec<(usize, FingerprintMatch)> {
        let mut found: Vec<(usize, FingerprintMatch)> = Vec::new();
        for (number, offset) in self.candidates(fingerprint) {
            let Some(other) = self.fingerprints.get(number) else {
                continue;
            };
            // The bin says the offset to sixteen words; the best of them is looked for.
            let offsets = offset - OFFSET_BIN_WORDS..=offset + OFFSET_BIN_WORDS;
            let matches = offsets.filter_map(|offset| fingerprint.compare_at(other, offset));
            let best = matches.min_by(|a, b| a.bit_error_rate.total_cmp(&b.bit_error_rate));
            found.extend(
                best.filter(FingerprintMatch::is_same)
                    .map(|best| (number, best)),
            );
        }
        found.sort_by(|a, b| {
            a.1.bit_error_rate
                .total_cmp(&b.1.bit_error_rate)
                .then(a.0.cmp(&b.0))
        });
        found
    }

    /// Earlier recordings with the offset that most of the shared keys agree on, most votes first.
    fn candidates(&self, fingerprint: &Fingerprint) -> Vec<(usize, i32)> {
        let mut votes: HashMap<(u32, i32), u32> = HashMap::new();
        for (key, place) in fingerprint.keys() {
            let flipped = (0..KEY_BIT_COUNT).map(|bit| key ^ 1 << bit);
            let probes = std::iter::once(key).chain(flipped);
            let found = probes.filter_map(|probe| self.postings.get(&probe));
            for (number, there) in found.flatten() {
                let offset = i32::from(place) - i32::from(*there);
                // Two overlapping bins, so that votes on an edge are not parted.
                let bin = offset.div_euclid(OFFSET_BIN_WORDS);
                *votes.entry((*number, bin)).or_default() += 1;
                *votes.entry((*number, bin + 1)).or_default() += 1;
            }
        }
        let mut best: HashMap<u32, (u32, i32)> = HashMap::new();
        for ((number, bin), count) in votes {
            let entry = best.entry(number).or_default();
            *entry = (*entry).max((count, bin * OFFSET_BIN_WORDS));
        }
        let mut ranked: Vec<_> = (best.into_iter())
            .filter(|(_, (count, _))| *count >= VOTES_MIN)
            .map(|(number, (count, offset))| (std::cmp::Reverse(count), number, offset))
            .collect();
        ranked.sort_unstable();
        let top = ranked.into_iter().take(CANDIDATES_MAX);
        top.map(|(_, number, offset)| (number as usize, offset))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, count: usize) -> Vec<u16> {
        let mut state = seed;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        };
        (0..count).map(step).collect()
    }

    fn of(words: &[u16]) -> Fingerprint {
        Fingerprint {
            words: words.to_vec(),
        }
    }

    #[test]
    fn texts_read_back() {
        let fingerprint = of(&[0, 1, 0xABCD, u16::MAX]);
        let text = String::from(fingerprint.clone());
        assert_eq!(text, "00000001abcdffff");
        assert_eq!(Fingerprint::try_from(text), Ok(fingerprint));
        for text in ["123", "12 4", "é12", "+123", "123g"] {
            assert!(Fingerprint::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn bits_follow_the_growth_between_neighbours() {
        // Group 0 swells against the others: the first bit is set, the second is not.
        let row = |swell: f32| {
            let mut row = vec![0.0; BAND_COUNT];
            row[FIRST_BAND] = swell;
            row
        };
        let frame_count = 64;
        let rising: Vec<f32> = (0..frame_count)
            .flat_map(|frame| row(frame as f32))
            .collect();
        let fingerprint = take_fingerprint(&RhythmFrames {
            frame_count,
            bands: rising,
        });
        assert_eq!(fingerprint.words, [0x8000; 4]);
        let still: Vec<f32> = (0..frame_count).flat_map(|_| row(1.0)).collect();
        let fingerprint = take_fingerprint(&RhythmFrames {
            frame_count,
            bands: still,
        });
        assert_eq!(fingerprint.words, [0; 4], "what stays does not grow");
        assert!(take_fingerprint(&RhythmFrames::default()).is_empty());
    }

    #[test]
    fn a_cut_copy_lies_at_its_offset() {
        let words = noise(1, 600);
        let found = of(&words).compare(&of(&words[32..])).unwrap();
        assert_eq!(found.bit_error_rate, 0.0);
        assert!((found.offset_s - 32.0 / WORDS_PER_SECOND).abs() < 1e-9);
        let other = of(&words).compare(&of(&noise(2, 600))).unwrap();
        assert!(other.bit_error_rate > 0.4, "{other:?}");
        assert_eq!(
            of(&words).compare(&of(&words[..60])),
            None,
            "too short to tell"
        );
    }

    #[test]
    fn the_index_finds_copies_and_nothing_else() {
        let mut index = FingerprintIndex::default();
        for seed in 0..200 {
            assert_eq!(index.add(of(&noise(seed, 900))), [], "{seed}");
        }
        let spoiled = |seed: u32| -> Vec<u16> {
            let errors = noise(seed + 9_000, 900);
            let words = noise(seed, 900);
            // One bit in sixteen.
            words
                .iter()
                .zip(errors)
                .map(|(word, error)| word ^ 1 << (error % 16))
                .collect()
        };
        for seed in [0, 77, 199] {
            let found = index.add(of(&spoiled(seed)[40..]));
            assert_eq!(found[0].0, seed as usize);
            assert!(
                (found[0].1.bit_error_rate - 1.0 / 16.0).abs() < 0.02,
                "{found:?}"
            );
            assert_eq!(found.len(), 1);
        }
        // A key of a loop that everything has stops growing.
        for _ in 0..300 {
            index.add(of(&[0x5555; 400]));
        }
        assert!(
            index
                .postings
                .values()
                .all(|list| list.len() <= POSTINGS_MAX)
        );
    }
}
