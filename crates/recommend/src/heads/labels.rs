//! What the tenant says of a track, as labels.

use std::collections::BTreeSet;
use std::fmt;

use leitmotif_domain::bucket::murmur3_32;
use serde::{Deserialize, Serialize};

use super::values::Values;

/// Longest label in bytes; what is longer is a sentence and not a label.
const LABEL_BYTES_MAX: usize = 100;

/// What a label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// Which sort of music.
    Genre,
    /// How it feels.
    Mood,
}

impl LabelKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Genre, Self::Mood];

    /// The name on the wire, and before the colon of a tag.
    pub fn name(self) -> &'static str {
        match self {
            Self::Genre => "genre",
            Self::Mood => "mood",
        }
    }
}

/// A label, folded: lower case, single spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// What it is about.
    pub kind: LabelKind,
    /// Its name.
    pub name: String,
}

impl Label {
    /// Folds a text; `None` where it is empty, too long, nothing but punctuation or holds control
    /// characters.
    pub fn new(kind: LabelKind, text: &str) -> Option<Self> {
        if text.len() > 4 * LABEL_BYTES_MAX {
            return None;
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let name = words.join(" ");
        let is_label = !name.is_empty()
            && name.len() <= LABEL_BYTES_MAX
            && !name.chars().any(char::is_control)
            && !name.chars().all(|c| c.is_ascii_punctuation());
        is_label.then_some(Self { kind, name })
    }

    /// Reads `genre:drill`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let kind = LabelKind::ALL.into_iter().find(|one| one.name() == kind)?;
        Self::new(kind, name)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind.name(), self.name)
    }
}

/// The labels of a track: its genre, which may name several with `;` between them, and its tags
/// `genre:…` and `mood:…`. Other tags are no labels.
pub fn labels_of(genre: Option<&str>, tags: &[String]) -> BTreeSet<Label> {
    let genres = genre.unwrap_or_default().split(';');
    let genres = genres.filter_map(|text| Label::new(LabelKind::Genre, text));
    let tagged = tags.iter().filter_map(|tag| {
        let (kind, name) = tag.split_once(':')?;
        let kind = kind.trim();
        let kind =
            (LabelKind::ALL.into_iter()).find(|one| kind.eq_ignore_ascii_case(one.name()))?;
        Label::new(kind, name)
    });
    genres.chain(tagged).collect()
}

/// A number for the labels and values of a track, to be summed over all tracks: the sum tells whether
/// they changed, whatever the order in which tracks are read.
pub(super) fn checksum(track: u128, labels: &BTreeSet<Label>, values: &Values) -> u64 {
    let mut bytes = track.to_be_bytes().to_vec();
    for label in labels {
        bytes.extend_from_slice(label.to_string().as_bytes());
        bytes.push(b'\n');
    }
    for (kind, value) in values {
        bytes.extend_from_slice(kind.name().as_bytes());
        bytes.extend_from_slice(&value.to_be_bytes());
    }
    (u64::from(murmur3_32(&bytes, 0)) << 32) | u64::from(murmur3_32(&bytes, 0x9E37_79B9))
}

#[cfg(test)]
mod tests {
    use super::super::values::ValueKind;
    use super::*;

    fn told(genre: Option<&str>, tags: &[&str]) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        labels_of(genre, &tags)
            .iter()
            .map(Label::to_string)
            .collect()
    }

    #[test]
    fn labels_are_folded_and_other_tags_are_none() {
        assert_eq!(
            told(Some(" Hip\t Hop ;RAP; "), &[]),
            ["genre:hip hop", "genre:rap"]
        );
        assert_eq!(
            told(
                Some("Rap"),
                &[
                    "Mood: Dark",
                    "genre:rap",
                    "live",
                    "era:90s",
                    "mood:",
                    "moody:x"
                ]
            ),
            ["genre:rap", "mood:dark"]
        );
        assert!(told(None, &[]).is_empty());
    }

    #[test]
    fn hostile_texts_are_no_labels() {
        let long = "x".repeat(10_240);
        let colons = ":".repeat(1_000);
        for text in ["", " ", ";;;", "\u{0}", "a\u{7}b", &long, &"ß".repeat(51)] {
            assert!(
                told(Some(text), &[&format!("mood:{text}"), &colons]).is_empty(),
                "{text:?}"
            );
        }
        assert_eq!(told(Some(&"x".repeat(100)), &[]).len(), 1);
        assert!(told(Some(&"x".repeat(101)), &[]).is_empty());
        // A capital that is longer in lower case may pass the first bound and not the second.
        assert!(told(Some(&"İ".repeat(50)), &[]).is_empty());
        assert_eq!(
            Label::parse("mood:a:b").map(|label| label.name),
            Some("a:b".to_owned())
        );
        assert_eq!(Label::parse("other:a"), None);
    }

    #[test]
    fn a_checksum_sees_every_label_and_track() {
        let none = Values::new();
        let of = |track, genre| checksum(track, &labels_of(Some(genre), &[]), &none);
        assert_eq!(of(1, "Rap; rock"), of(1, "rock;rap"));
        assert_ne!(of(1, "rap"), of(1, "rock"));
        assert_ne!(of(1, "rap"), of(2, "rap"));
        let glad = |value| Values::from([(ValueKind::Valence, value)]);
        let with = |value| checksum(1, &labels_of(Some("rap"), &[]), &glad(value));
        assert_ne!(with(0.5), of(1, "rap"));
        assert_ne!(with(0.5), with(0.6));
    }
}
