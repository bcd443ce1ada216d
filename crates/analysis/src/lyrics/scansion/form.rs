//! Metres, and the forms that lines of each take.

use serde::{Deserialize, Serialize};

/// How stresses follow each other in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metre {
    /// Weak, strong.
    Iambic,
    /// Strong, weak.
    Trochaic,
    /// Weak, weak, strong; lines that open weak, strong, weak, weak too.
    Anapaestic,
    /// Strong, weak, weak.
    Dactylic,
    /// None of these throughout.
    Mixed,
}

/// Every metre but the mixed one has a strict form and a free one. Told apart, strict lines hold their
/// syllables in place and free ones do not loosen them.
pub(super) const FORM_COUNT: usize = 9;

impl Metre {
    /// All metres, in order.
    pub const ALL: [Self; 5] = [
        Self::Iambic,
        Self::Trochaic,
        Self::Anapaestic,
        Self::Dactylic,
        Self::Mixed,
    ];

    /// Returns the name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iambic => "iambic",
            Self::Trochaic => "trochaic",
            Self::Anapaestic => "anapaestic",
            Self::Dactylic => "dactylic",
            Self::Mixed => "mixed",
        }
    }

    /// Returns the syllables of a foot; `None` where feet differ.
    pub fn foot_syllables(self) -> Option<usize> {
        match self {
            Self::Iambic | Self::Trochaic => Some(2),
            Self::Anapaestic | Self::Dactylic => Some(3),
            Self::Mixed => None,
        }
    }

    /// The place of the form of a line of this metre.
    pub(super) fn form_of(self, stresses: &[bool]) -> usize {
        let Some(period) = self.foot_syllables() else {
            return FORM_COUNT - 1;
        };
        let strong = |phase: usize| {
            stresses
                .iter()
                .enumerate()
                .all(|(at, is_strong)| *is_strong == (at % period == phase))
        };
        self as usize * 2 + usize::from(!(0..period).any(strong))
    }

    /// The metre that a form is of.
    pub(super) fn of_form(form: usize) -> Self {
        Self::ALL.get(form / 2).copied().unwrap_or(Self::Mixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_strict_where_feet_repeat() {
        let stresses = |line: &str| line.chars().map(|mark| mark == '+').collect::<Vec<_>>();
        for (metre, line, expected) in [
            (Metre::Iambic, "-+-+-", 0),
            (Metre::Iambic, "+--+-+", 1),
            (Metre::Trochaic, "+-+-+", 2),
            (Metre::Anapaestic, "--+--+", 4),
            (Metre::Anapaestic, "-+--+-", 4),
            (Metre::Anapaestic, "-+-+--+", 5),
            (Metre::Dactylic, "+--+-", 6),
            (Metre::Mixed, "-+-+", 8),
        ] {
            let form = metre.form_of(&stresses(line));
            assert_eq!((form, Metre::of_form(form)), (expected, metre), "{line}");
        }
    }
}
