//! What a line is about, by lists of words.

use std::sync::OnceLock;

use super::base_forms::of_base_form;
use super::theme_words::THEME_WORDS;
use crate::lyrics::fixed_map::FixedMap;
use crate::lyrics::tokens::{folded, tokenize};

/// A subject of songs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Theme {
    /// Being in love.
    Love,
    /// Parting and missing somebody.
    Heartbreak,
    /// Having, wanting or lacking money.
    Money,
    /// Going out at night, dancing and drinking.
    NightAndParty,
    /// Life in the streets, crime and police.
    Street,
    /// God and prayer.
    Faith,
    /// Parents, children, home.
    Family,
    /// Land, water, weather and sky.
    Nature,
    /// Hardship and fighting through it.
    Struggle,
    /// Praising oneself.
    Boasting,
}

impl Theme {
    /// Every theme, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::Love,
        Self::Heartbreak,
        Self::Money,
        Self::NightAndParty,
        Self::Street,
        Self::Faith,
        Self::Family,
        Self::Nature,
        Self::Struggle,
        Self::Boasting,
    ];

    /// Returns the stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Love => "love",
            Self::Heartbreak => "heartbreak",
            Self::Money => "money",
            Self::NightAndParty => "night_and_party",
            Self::Street => "street",
            Self::Faith => "faith",
            Self::Family => "family",
            Self::Nature => "nature",
            Self::Struggle => "struggle",
            Self::Boasting => "boasting",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Returns the themes that at least one word of a line belongs to, in the order of [`Theme::ALL`].
///
/// - Shape: any text; English endings are cut off to find the listed form of a word.
/// - Cost: O(characters).
pub fn themes_of_line(line: &str) -> Vec<Theme> {
    let found = tokenize(line)
        .iter()
        .fold(Themes::default(), |found, token| {
            found.and(Themes::of(&folded(token.text)))
        });
    Theme::ALL
        .into_iter()
        .filter(|theme| found.has(*theme))
        .collect()
}

/// A set of themes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Themes(u16);

impl Themes {
    /// Those of one folded word: of the word itself, else of the first base form that is listed.
    pub(super) fn of(word: &str) -> Self {
        let listed = |form: &str| word_bits().get(form).copied();
        Self(of_base_form(word, listed).unwrap_or_default())
    }

    /// These and others.
    pub(super) fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Tells whether a theme is among them.
    pub(super) fn has(self, theme: Theme) -> bool {
        self.0 & theme.bit() != 0
    }
}

fn word_bits() -> &'static FixedMap<&'static str, u16> {
    static BITS: OnceLock<FixedMap<&'static str, u16>> = OnceLock::new();
    BITS.get_or_init(|| {
        let mut bits = FixedMap::default();
        for (theme, words) in THEME_WORDS {
            for word in words.split_whitespace() {
                *bits.entry(word).or_default() |= theme.bit();
            }
        }
        bits
    })
}
