//! From pairs that sound the same to groups, and which of a group stands for it.

use std::collections::BTreeMap;

use leitmotif_analysis::audio::{Fingerprint, FingerprintIndex};
use leitmotif_domain::TrackId;
use leitmotif_domain::track::Track;
use leitmotif_storage::duplicates::{DuplicateGroup, DuplicateTrack};

/// Endings of formats that keep every sample.
const LOSSLESS: [&str; 4] = ["flac", "wav", "aif", "aiff"];
/// Difference in length that counts, in milliseconds: encoders pad by fractions of a second.
const LENGTH_STEP_MS: u32 = 2_000;
/// Difference in bit rate that counts, in bits a second.
const BIT_RATE_STEP: u64 = 8_000;

/// What the choice of the canonical track looks at, best greatest: lossless before lossy, then the
/// longer, then the higher bit rate, then the one that came first. Differences that encoders make by
/// themselves do not count.
pub(super) type Rank = (bool, u32, u64, std::cmp::Reverse<TrackId>);

/// Ranks a track.
pub(super) fn rank(track: &Track) -> Rank {
    let audio = track.audio.as_ref();
    let length_ms = track.details.duration_ms.unwrap_or(0);
    let bits = audio.map_or(0, |audio| audio.size_bytes.saturating_mul(8_000));
    let bit_rate = bits.checked_div(u64::from(length_ms)).unwrap_or(0);
    (
        audio.is_some_and(|audio| LOSSLESS.contains(&audio.extension.as_str())),
        length_ms / LENGTH_STEP_MS,
        bit_rate / BIT_RATE_STEP,
        std::cmp::Reverse(track.id),
    )
}

/// Gathers tracks in the order of their ids and groups those that sound the same.
///
/// - Cost: memory of the index, at most 5.2 kB a track.
#[derive(Default)]
pub(super) struct Grouping {
    index: FingerprintIndex,
    members: Vec<Member>,
}

struct Member {
    rank: Rank,
    track: TrackId,
    /// The member this one was joined to, its own number for the first of a group.
    parent: usize,
    /// The nearest other member: differing bits, and by how much this one begins later.
    nearest: Option<(f64, f64)>,
}

impl Member {
    fn meet(&mut self, bit_error_rate: f64, offset_s: f64) {
        if self.nearest.is_none_or(|(least, _)| bit_error_rate < least) {
            self.nearest = Some((bit_error_rate, offset_s));
        }
    }
}

impl Grouping {
    /// Takes a track in.
    pub fn add(&mut self, track: &Track, fingerprint: Fingerprint) {
        let number = self.members.len();
        let found = self.index.add(fingerprint);
        self.members.push(Member {
            rank: rank(track),
            track: track.id,
            parent: number,
            nearest: None,
        });
        for (other, found) in found {
            // The match tells by how much the other begins later.
            self.members[number].meet(found.bit_error_rate, -found.offset_s);
            self.members[other].meet(found.bit_error_rate, found.offset_s);
            let (a, b) = (self.root(number), self.root(other));
            // The earlier track stays the root, so that a group keeps its name.
            self.members[a.max(b)].parent = a.min(b);
        }
    }

    /// Tracks taken in.
    pub fn count(&self) -> u64 {
        self.members.len() as u64
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.members[number].parent != number {
            let above = self.members[number].parent;
            self.members[number].parent = self.members[above].parent;
            number = above;
        }
        number
    }

    /// The groups of two and more, by their first track.
    pub fn finish(mut self) -> Vec<DuplicateGroup> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for number in 0..self.members.len() {
            groups.entry(self.root(number)).or_default().push(number);
        }
        let several = groups.into_values().filter(|numbers| numbers.len() > 1);
        let groups = several.filter_map(|numbers| {
            let members = || numbers.iter().map(|number| &self.members[*number]);
            let canonical = members().max_by_key(|member| member.rank)?.track;
            let tracks = members().map(|member| {
                let (bit_error_rate, offset_s) = member.nearest.unwrap_or_default();
                DuplicateTrack {
                    track: member.track,
                    bit_error_rate: rounded(bit_error_rate),
                    offset_s: rounded(offset_s),
                }
            });
            Some(DuplicateGroup {
                canonical,
                tracks: tracks.collect(),
                shared_id: None,
            })
        });
        groups.collect()
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;
    use leitmotif_domain::track::{AudioLocation, AudioSource, TrackDetails};

    use super::*;

    fn track(id: u128, extension: &str, duration_ms: u32, size_bytes: u64) -> Track {
        Track {
            id: TrackId::from_u128(id),
            details: TrackDetails {
                duration_ms: Some(duration_ms),
                ..TrackDetails::default()
            },
            audio: Some(AudioSource {
                location: AudioLocation::File(String::new()),
                content_hash: String::new(),
                payload_hash: None,
                size_bytes,
                extension: extension.to_owned(),
            }),
            has_lyrics: false,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        }
    }

    fn fingerprint(seed: u32, skipped: usize) -> Fingerprint {
        let mut state = seed;
        let mut word = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("{:04x}", state >> 16)
        };
        let text: String = (0..400).map(|_| word()).skip(skipped).collect();
        text.try_into().unwrap()
    }

    #[test]
    fn copies_are_grouped_and_the_best_stands_for_them() {
        let mut grouping = Grouping::default();
        let catalogue = [
            (track(1, "mp3", 200_000, 3_000_000), fingerprint(7, 0)),
            (track(2, "mp3", 180_000, 3_000_000), fingerprint(8, 0)),
            (track(3, "flac", 200_500, 20_000_000), fingerprint(7, 30)),
            (track(4, "mp3", 200_000, 8_000_000), fingerprint(7, 5)),
            (track(5, "mp3", 181_000, 3_010_000), fingerprint(8, 0)),
            (track(6, "ogg", 100_000, 1), fingerprint(9, 0)),
            (track(7, "mp3", 100_000, 1), Fingerprint::default()),
            (track(8, "mp3", 100_000, 1), Fingerprint::default()),
        ];
        for (track, fingerprint) in &catalogue {
            grouping.add(track, fingerprint.clone());
        }
        let groups = grouping.finish();
        let ids = |numbers: &[u128]| {
            numbers
                .iter()
                .map(|id| TrackId::from_u128(*id))
                .collect::<Vec<_>>()
        };
        assert_eq!(groups.len(), 2, "silence is no duplicate of silence");
        assert_eq!(groups[0].ids(), ids(&[1, 3, 4]));
        assert_eq!(groups[0].canonical, TrackId::from_u128(3), "lossless");
        assert_eq!(groups[0].id(), Some(TrackId::from_u128(1)));
        // The copies begin 30 and 5 words of 93 ms into the first.
        let offsets: Vec<f64> = groups[0].tracks.iter().map(|one| one.offset_s).collect();
        let words: Vec<i64> = (offsets.iter())
            .map(|offset| (offset / 0.092_88).round() as i64)
            .collect();
        assert_eq!(words, [-30, 30, 5], "{offsets:?}");
        assert_eq!(groups[1].ids(), ids(&[2, 5]));
        assert_eq!(
            groups[1].canonical,
            TrackId::from_u128(2),
            "nothing but age tells them apart"
        );
    }

    #[test]
    fn the_rank_counts_in_its_order() {
        let better = [
            (track(2, "wav", 1_000, 1), track(1, "mp3", 900_000, 1)),
            (
                track(2, "mp3", 240_000, 1),
                track(1, "mp3", 200_000, 9_000_000),
            ),
            (
                track(2, "mp3", 200_000, 8_000_000),
                track(1, "mp3", 200_900, 3_000_000),
            ),
            (
                track(1, "mp3", 200_000, 3_000_000),
                track(2, "mp3", 200_900, 3_000_100),
            ),
        ];
        for (best, other) in better {
            assert!(rank(&best) > rank(&other), "{best:?} {other:?}");
        }
    }
}
