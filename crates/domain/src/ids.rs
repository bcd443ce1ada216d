//! 128-bit identifiers, shown as 22 characters of base62.
//!
//! Some foreign clients accept only `[0-9A-Za-z]+`, so dashes are out. Ids made here are UUIDv7 and
//! sort by time; ids that must be the same on every retry are derived from what they name (UUIDv8).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::chance::Entropy;
use crate::clock::Clock;
use crate::error::InvalidValue;

/// Characters in the text form of an id: ⌈128 / log2 62⌉.
pub const ID_CHARS: usize = 22;

/// Digits of base62 that fit into 64 bits.
const CHARS_PER_PART: usize = 10;
/// 62 to the power of [`CHARS_PER_PART`].
const PART: u128 = 62_u128.pow(CHARS_PER_PART as u32);

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes 128 bits as 22 characters of base62; the order of texts is the order of numbers.
pub fn encode_base62(value: u128) -> [u8; ID_CHARS] {
    let mut text = [b'0'; ID_CHARS];
    let mut rest = value;
    // Dividing 128 bits is slow and answers carry many ids: two of them make three parts of 64 bits.
    for part in text.rchunks_mut(CHARS_PER_PART) {
        let mut digits = (rest % PART) as u64;
        rest /= PART;
        for slot in part.iter_mut().rev() {
            *slot = ALPHABET[(digits % 62) as usize];
            digits /= 62;
        }
    }
    text
}

/// Reads 22 characters of base62; `None` for any other length or character, or beyond 128 bits.
pub fn decode_base62(text: &str) -> Option<u128> {
    if text.len() != ID_CHARS {
        return None;
    }
    // Ten digits fit 64 bits: two multiplications of 128 bits instead of twenty-two.
    let (high, rest) = text
        .as_bytes()
        .split_at_checked(ID_CHARS - 2 * CHUNK_CHARS)?;
    let (middle, low) = rest.split_at_checked(CHUNK_CHARS)?;
    let above = u128::from(digits_of(high)?) * CHUNK + u128::from(digits_of(middle)?);
    above
        .checked_mul(CHUNK)?
        .checked_add(u128::from(digits_of(low)?))
}

/// Digits read at once, and what a step of so many weighs.
const CHUNK_CHARS: usize = 10;
const CHUNK: u128 = 62_u128.pow(CHUNK_CHARS as u32);

fn digits_of(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        Some(value * 62 + u64::from(digit))
    })
}

/// Derives 128 bits from parts, the same on every retry (UUIDv8 layout). Parts are length-prefixed,
/// so `("ab", "c")` and `("a", "bc")` differ.
pub fn derive_u128(purpose: &str, parts: &[&[u8]]) -> u128 {
    let mut hasher = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut first = [0_u8; 16];
    first.copy_from_slice(&digest[..16]);
    with_version(u128::from_be_bytes(first), 8)
}

fn with_version(bits: u128, version: u128) -> u128 {
    let cleared = bits & !(0xF << 76) & !(0x3 << 62);
    cleared | (version << 76) | (0x2 << 62)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Wraps 128 bits read from our own storage.
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// Makes a new id that sorts by time (UUIDv7).
            pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                let milliseconds = clock.now().as_ms().max(0) as u128 & 0xFFFF_FFFF_FFFF;
                Self(with_version((milliseconds << 80) | (entropy.next_u128() >> 48), 7))
            }

            /// Makes so many new ids in ascending order: what is made together then sorts as it was sent, and
            /// what follows from that order is the same wherever the same is sent.
            pub fn generate_ascending(
                count: usize,
                clock: &dyn Clock,
                entropy: &dyn Entropy,
            ) -> Vec<Self> {
                let mut ids: Vec<Self> = (0..count).map(|_| Self::generate(clock, entropy)).collect();
                ids.sort_unstable();
                ids
            }

            /// Derives the id that these parts always have.
            pub fn derive(parts: &[&[u8]]) -> Self {
                Self(derive_u128($noun, parts))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode_base62(self.0);
                formatter.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;
            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                decode_base62(text).map(Self).ok_or_else(|| {
                    InvalidValue::new($noun, format!(
                        "`{}` is not an id of {ID_CHARS} characters 0-9A-Za-z",
                        text.chars().take(64).collect::<String>()
                    ))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    let text = encode_base62(self.0);
                    serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
                } else {
                    serializer.serialize_u128(self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return u128::deserialize(deserializer).map(Self);
                }
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "an id of {ID_CHARS} characters")
                    }

                    // Ids are most of what a log is read for: no copy of the text is made.
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(de::Error::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

id!(
    /// A customer of the platform: one folder, one schema.
    TenantId, "tenant");
id!(
    /// A recording in a catalogue.
    TrackId, "track");
id!(
    /// A person who plays music.
    ListenerId, "listener");
id!(
    /// One fact in the log; the idempotency key of an append.
    EventId, "event");
id!(
    /// One answered recommendation request.
    RequestId, "request");
id!(
    /// An API key (not its secret).
    KeyId, "key");
id!(
    /// A playlist.
    PlaylistId, "playlist");
id!(
    /// A recording known by its words alone: folded title and artist.
    RecordingId, "recording");
id!(
    /// A piece of queued work.
    JobId, "job");
id!(
    /// An immutable version of a trained model.
    ModelId, "model");
id!(
    /// The audit of one import.
    AuditId, "audit");
id!(
    /// An address that is told of what happens.
    WebhookId, "webhook");

impl RecordingId {
    /// The id as a UUID in lower-case hexadecimal with dashes, as MusicBrainz and its kin write ids.
    pub fn to_uuid(self) -> String {
        let text = format!("{:032x}", self.0);
        let parts = [
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..],
        ];
        parts.join("-")
    }

    /// Reads a UUID; `None` for anything else.
    pub fn of_uuid(text: &str) -> Option<Self> {
        let is_dash = |place: usize| matches!(place, 8 | 13 | 18 | 23);
        let is_shaped = text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| {
                if is_dash(place) {
                    byte == b'-'
                } else {
                    byte.is_ascii_hexdigit()
                }
            });
        let digits = || text.chars().filter(|c| *c != '-').collect::<String>();
        let bits = is_shaped.then(|| u128::from_str_radix(&digits(), 16).ok());
        bits.flatten().map(Self)
    }
}

impl ListenerId {
    /// The id that an outside name always has within a tenant; no look-up on the hot path.
    pub fn of_name(tenant: TenantId, name: &str) -> Self {
        Self::derive(&[&tenant.as_u128().to_be_bytes(), name.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Seed, SeededEntropy};
    use crate::clock::{ManualClock, Timestamp};

    #[test]
    fn hand_worked_texts() {
        assert_eq!(&encode_base62(0), b"0000000000000000000000");
        assert_eq!(&encode_base62(61), b"000000000000000000000z");
        assert_eq!(&encode_base62(62), b"0000000000000000000010");
        assert_eq!(decode_base62("7n42DGM5Tflk9n8mt7Fhc7"), Some(u128::MAX));
        assert_eq!(decode_base62("7n42DGM5Tflk9n8mt7Fhc8"), None);
        assert_eq!(decode_base62("zzzzzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(decode_base62("short"), None);
        assert_eq!(decode_base62("000000000000000000000-"), None);
    }

    #[test]
    fn ids_made_together_ascend() {
        let clock = ManualClock::new(Timestamp::from_ms(1_700_000_000_000));
        let entropy = SeededEntropy::new(Seed(1));
        let ids = TrackId::generate_ascending(50, &clock, &entropy);
        assert!(ids.len() == 50 && ids.is_sorted_by(|a, b| a < b));
        let random: std::collections::HashSet<u64> =
            ids.iter().map(|id| id.as_u128() as u64).collect();
        assert_eq!(random.len(), 50, "no id tells the next");
    }

    #[test]
    fn generated_ids_sort_by_time_and_carry_version_7() {
        let clock = ManualClock::new(Timestamp::from_ms(1_700_000_000_000));
        let entropy = SeededEntropy::new(Seed(1));
        let early = TrackId::generate(&clock, &entropy);
        clock.advance_ms(1);
        let late = TrackId::generate(&clock, &entropy);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!((early.as_u128() >> 76) & 0xF, 7);
        assert_eq!((early.as_u128() >> 62) & 0x3, 2);
        assert_eq!(early.as_u128() >> 80, 1_700_000_000_000);
    }

    #[test]
    fn derived_ids_separate_their_parts() {
        assert_ne!(
            EventId::derive(&[b"ab", b"c"]),
            EventId::derive(&[b"a", b"bc"])
        );
        assert_ne!(
            EventId::derive(&[b"a"]).as_u128(),
            TrackId::derive(&[b"a"]).as_u128()
        );
    }

    #[test]
    fn recordings_are_written_as_uuids() {
        let text = "0a1b2c3d-4e5f-8a1b-8c3d-4e5f60718293";
        let id = RecordingId::of_uuid(text).unwrap();
        assert_eq!(id.to_uuid(), text);
        assert_eq!(RecordingId::of_uuid(&text.to_uppercase()), Some(id));
        for wrong in ["", "0a1b2c3d4e5f8a1b8c3d4e5f60718293", &text[1..], "é"] {
            assert_eq!(RecordingId::of_uuid(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_round_trips(bits: u128) {
            let id = TrackId::from_u128(bits);
            proptest::prop_assert_eq!(id.to_string().parse::<TrackId>().unwrap(), id);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,40}") {
            if let Ok(id) = text.parse::<TrackId>() {
                proptest::prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
