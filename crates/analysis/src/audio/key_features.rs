//! The numbers that tell the key of a track: profiles of its pitch classes, its bass and its chords.
//!
//! A scale is shared by a major key and its relative minor, and mixes of scales by more. What parts them is what
//! listeners go by: on which notes the bass rests, which chords sound how long, and how the track begins.

use super::chords::{templates, triad_fits};
use super::key::{HARMONY_FPS, key_scores, mean_chroma};
use super::key_weights::KEY_WEIGHTS;
use super::network::softmax;

/// Profiles of one track, twelve values each.
pub(crate) const KEY_PROFILE_COUNT: usize = 12;
/// Length of the segments that are held against the published profiles beside the whole, in seconds: about one
/// chord or two.
const SEGMENT_S: f64 = 4.0;
/// Length of the opening, in seconds: pieces begin on their tonic far more often than not, and modulate later.
const OPENING_S: f64 = 2.0;
/// Length of the spans that chords are read of, in seconds: a beat or less.
const CHORD_S: f64 = 0.5;
/// Weight of the correlation with a triad in its share of a span, in nats, as when chords are told.
const CHORD_FIT_WEIGHT: f64 = 9.0;
/// Standard deviations beyond which a value counts no further: what was never heard when the weights were
/// fitted must not decide alone.
const STANDARD_MAX: f64 = 4.0;

/// Pitch-class profiles of the frames of a track, in its own tuning.
pub(crate) struct KeyFrames<'a> {
    /// Of all that sounds.
    pub chroma: &'a [[f32; 12]],
    /// Of the bass alone; one class a frame at most.
    pub bass: &'a [[f32; 12]],
}

/// Weights of a mode in the score of a key.
pub(crate) struct ModeWeights {
    /// By profile and degree above the tonic.
    pub degrees: [[f32; 12]; KEY_PROFILE_COUNT],
    pub offset: f32,
}

/// Weights of a linear score of keys; all twelve tonics share them.
pub(crate) struct KeyWeights {
    /// Mean of each profile's values.
    pub centres: [f32; KEY_PROFILE_COUNT],
    /// One over the standard deviation of each profile's values.
    pub scales: [f32; KEY_PROFILE_COUNT],
    pub major: ModeWeights,
    pub minor: ModeWeights,
}

/// What tells the key of a track.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyFeatures {
    /// Each starts at C.
    pub profiles: [[f64; 12]; KEY_PROFILE_COUNT],
}

impl KeyFeatures {
    /// Measures the profiles.
    ///
    /// - Shape: classes of the whole and of its bass; correlations of the whole, of its segments in the mean and of
    ///   the opening with the major, then the minor keys; shares of the major, then the minor chords of the whole
    ///   and of the opening.
    /// - Cost: O(frames).
    pub(crate) fn of(frames: &KeyFrames<'_>) -> Self {
        let chroma = frames.chroma;
        let whole = mean_chroma(chroma);
        let opening = &chroma[..chroma.len().min(frames_in(OPENING_S))];
        let opening = key_scores(&mean_chroma(opening));
        let segments: Vec<[f64; 24]> = chroma
            .chunks(frames_in(SEGMENT_S))
            .map(|chunk| key_scores(&mean_chroma(chunk)))
            .collect();
        let (fits, segment_fits) = (halves(&key_scores(&whole)), halves(&mean_of(&segments)));
        let chords = chord_shares(chroma);
        let span_count = (OPENING_S / CHORD_S) as usize;
        let opening_chords = halves(&mean_of(&chords[..chords.len().min(span_count)]));
        let (chords, opening_fits) = (halves(&mean_of(&chords)), halves(&opening));
        Self {
            profiles: [
                whole,
                bass_shares(frames.bass),
                fits[0],
                fits[1],
                segment_fits[0],
                segment_fits[1],
                opening_fits[0],
                opening_fits[1],
                chords[0],
                chords[1],
                opening_chords[0],
                opening_chords[1],
            ],
        }
    }

    /// Shares of the twelve major, then the twelve minor keys; they sum to 1.
    ///
    /// - Source: profiles turned to each tonic as in Krumhansl, "Cognitive Foundations of Musical Pitch", Oxford 1990,
    ///   chapter 4, whose weights are those of a multinomial logistic regression (Bishop, "Pattern Recognition and
    ///   Machine Learning", Springer 2006, section 4.3.4); all tonics share them, so no key is favoured.
    pub(crate) fn key_shares(&self) -> Vec<f64> {
        let weights = &KEY_WEIGHTS;
        let standard: [[f64; 12]; KEY_PROFILE_COUNT] = std::array::from_fn(|profile| {
            let centre = f64::from(weights.centres[profile]);
            let scale = f64::from(weights.scales[profile]);
            self.profiles[profile]
                .map(|value| ((value - centre) * scale).clamp(-STANDARD_MAX, STANDARD_MAX))
        });
        let score = |mode: &ModeWeights, tonic: usize| {
            let rows = mode.degrees.iter().zip(&standard);
            let sum: f64 = rows
                .map(|(weights, values)| {
                    let degrees = weights.iter().enumerate();
                    degrees
                        .map(|(degree, &weight)| f64::from(weight) * values[(tonic + degree) % 12])
                        .sum::<f64>()
                })
                .sum();
            sum + f64::from(mode.offset)
        };
        let major = (0..12).map(|tonic| score(&weights.major, tonic));
        let minor = (0..12).map(|tonic| score(&weights.minor, tonic));
        softmax(&major.chain(minor).collect::<Vec<f64>>())
    }
}

fn frames_in(seconds: f64) -> usize {
    ((seconds * HARMONY_FPS) as usize).max(1)
}

/// The major and the minor half of 24 values.
fn halves(values: &[f64; 24]) -> [[f64; 12]; 2] {
    std::array::from_fn(|mode| std::array::from_fn(|class| values[mode * 12 + class]))
}

/// Mean by place; all zero without rows.
fn mean_of(rows: &[[f64; 24]]) -> [f64; 24] {
    let count = rows.len().max(1) as f64;
    std::array::from_fn(|index| rows.iter().map(|row| row[index]).sum::<f64>() / count)
}

/// How the bass is shared among the classes; loud notes count by the square root. All zero without a bass.
fn bass_shares(frames: &[[f32; 12]]) -> [f64; 12] {
    let mut shares = [0.0f64; 12];
    for frame in frames {
        for (share, &weight) in shares.iter_mut().zip(frame) {
            *share += f64::from(weight).sqrt();
        }
    }
    let total: f64 = shares.iter().sum();
    if total > 0.0 {
        shares.iter_mut().for_each(|share| *share /= total);
    }
    shares
}

/// Shares of the 24 triads in spans of [`CHORD_S`]; what remains of the track at its end is left out.
fn chord_shares(frames: &[[f32; 12]]) -> Vec<[f64; 24]> {
    let templates = templates();
    let span = ((CHORD_S * HARMONY_FPS).round() as usize).clamp(1, frames.len().max(1));
    frames
        .chunks_exact(span)
        .map(|chunk| {
            let sum: [f64; 12] = std::array::from_fn(|class| {
                chunk.iter().map(|frame| f64::from(frame[class])).sum()
            });
            let fits = triad_fits(&sum, &templates).map(|fit| fit * CHORD_FIT_WEIGHT);
            let shares = softmax(&fits);
            std::array::from_fn(|chord| shares[chord])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with these classes.
    fn frame(classes: &[usize]) -> [f32; 12] {
        let mut row = [0.0; 12];
        classes.iter().for_each(|&class| row[class % 12] = 1.0);
        row
    }

    /// Triads on these roots, a second each, with the roots in the bass.
    fn track(chords: &[(usize, usize)]) -> (Vec<[f32; 12]>, Vec<[f32; 12]>) {
        let seconds = HARMONY_FPS as usize;
        let rows = |of: &dyn Fn(usize, usize) -> [f32; 12]| {
            let frames = chords
                .iter()
                .flat_map(|&(root, third)| std::iter::repeat_n(of(root, third), seconds));
            frames.collect()
        };
        (
            rows(&|root, third| frame(&[root, root + third, root + 7])),
            rows(&|root, _| frame(&[root])),
        )
    }

    #[test]
    fn shares_turn_with_the_music() {
        let shares = |shift: usize| {
            let roots = [(0, 3), (8, 4), (3, 4), (10, 4)].repeat(4);
            let turned: Vec<(usize, usize)> = roots
                .iter()
                .map(|&(root, third)| ((root + shift) % 12, third))
                .collect();
            let (chroma, bass) = track(&turned);
            let frames = KeyFrames {
                chroma: &chroma,
                bass: &bass,
            };
            KeyFeatures::of(&frames).key_shares()
        };
        let (still, turned) = (shares(0), shares(5));
        assert!((still.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (key, share) in still.iter().enumerate() {
            let to = key / 12 * 12 + (key % 12 + 5) % 12;
            assert!((share - turned[to]).abs() < 1e-9, "key {key}");
        }
    }

    /// The published profiles alone take these for G major, E minor and A minor.
    #[test]
    fn keys_of_one_scale_are_told_apart() {
        let (c, d, e, f, g, a) = ((0, 4), (2, 3), (4, 3), (5, 4), (7, 4), (9, 3));
        for (chords, key) in [
            ([a, g, f, g], 12 + 9),
            ([c, e, f, g], 0),
            ([c, d, a, g], 0),
            ([c, f, g, f], 0),
            ([a, d, f, g], 12 + 9),
        ] {
            let (chroma, bass) = track(&chords.repeat(4));
            let frames = KeyFrames {
                chroma: &chroma,
                bass: &bass,
            };
            let shares = KeyFeatures::of(&frames).key_shares();
            assert!(shares[key] > 0.5, "{chords:?}: {shares:?}");
        }
    }

    #[test]
    fn profiles_by_hand() {
        let (chroma, bass) = track(&[(0, 4), (0, 4), (0, 4), (7, 4)]);
        let frames = KeyFrames {
            chroma: &chroma,
            bass: &bass,
        };
        let features = KeyFeatures::of(&frames);
        let [whole, bass] = [0, 1].map(|profile| features.profiles[profile]);
        // C sounds in three of four seconds, a third of each.
        assert!((whole[0] - 0.25).abs() < 1e-6 && (whole[7] - 1.0 / 3.0).abs() < 1e-6);
        assert!((bass[0] - 0.75).abs() < 1e-6 && (bass[7] - 0.25).abs() < 1e-6);
        let [major, minor] = [8, 9].map(|profile| features.profiles[profile]);
        let total: f64 = major.iter().chain(&minor).sum();
        assert!((total - 1.0).abs() < 1e-9 && major[0] > 0.5 && major[7] > 0.15);
    }

    #[test]
    fn nothing_that_sounds_is_no_error() {
        for frames in [vec![], vec![[0.0; 12]; 3]] {
            let features = KeyFeatures::of(&KeyFrames {
                chroma: &frames,
                bass: &frames,
            });
            assert!(
                features
                    .profiles
                    .iter()
                    .flatten()
                    .all(|value| value.is_finite())
            );
            assert!(features.key_shares().iter().all(|share| share.is_finite()));
        }
    }
}
