//! Verses of our own writing, put together from clauses and endings with a known rhyme scheme.

mod phrases;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use phrases::{ENGLISH_ENDINGS, RAP_ENDINGS, RUSSIAN_ENDINGS, openers};

/// Lines per stanza in every form.
const STANZA_LINES: usize = 4;

/// What a verse is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// Being together.
    Love,
    /// Being left.
    Loss,
    /// Going somewhere.
    Travel,
    /// Streets and windows.
    City,
    /// Fields and weather.
    Nature,
    /// Dancing.
    Party,
    /// Working one's way up.
    Ambition,
    /// Looking back.
    Memory,
}

impl Theme {
    /// All themes.
    pub const ALL: [Self; 8] = [
        Self::Love,
        Self::Loss,
        Self::Travel,
        Self::City,
        Self::Nature,
        Self::Party,
        Self::Ambition,
        Self::Memory,
    ];
}

/// How stanzas rhyme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerseForm {
    /// `aabb`.
    Couplets,
    /// `abab`.
    Alternate,
    /// `aabb` with endings that rhyme over two syllables or more.
    RapCouplets,
    /// `aaaa` with endings that rhyme over two syllables or more.
    RapRun,
}

impl VerseForm {
    /// All forms.
    pub const ALL: [Self; 4] = [
        Self::Couplets,
        Self::Alternate,
        Self::RapCouplets,
        Self::RapRun,
    ];

    /// Returns the scheme of one stanza.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Couplets | Self::RapCouplets => "aabb",
            Self::Alternate => "abab",
            Self::RapRun => "aaaa",
        }
    }

    fn is_rap(self) -> bool {
        matches!(self, Self::RapCouplets | Self::RapRun)
    }
}

/// Language of a verse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerseLanguage {
    /// English.
    English,
    /// Russian; rap forms fall back to plain endings, the scheme stays.
    Russian,
}

impl VerseLanguage {
    /// Returns the ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerseSpec {
    /// Everything random follows from it.
    pub seed: u64,
    /// What it is about.
    pub theme: Theme,
    /// How it rhymes.
    pub form: VerseForm,
    /// Its language.
    pub language: VerseLanguage,
    /// Verses; a chorus follows each when `has_chorus`.
    pub verse_count: usize,
    /// Whether a repeated chorus is put in.
    pub has_chorus: bool,
}

/// Written lyrics with what is known about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verse {
    /// The lyrics, with section markers and blank lines between stanzas.
    pub text: String,
    /// The truth.
    pub truth: VerseTruth,
}

/// What is known about written lyrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerseTruth {
    /// Scheme of each stanza, in order of the text.
    pub schemes: Vec<String>,
    /// What it is about.
    pub theme: Theme,
    /// ISO 639-1 code.
    pub language: String,
}

/// Writes lyrics.
///
/// - Cost: O(lines); deterministic in the spec.
pub fn write_verse(spec: &VerseSpec) -> Verse {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    let chorus = spec.has_chorus.then(|| stanza(&mut rng, spec));
    let mut sections: Vec<(String, String)> = Vec::new();
    for number in 1..=spec.verse_count {
        sections.push((format!("[Verse {number}]"), stanza(&mut rng, spec)));
        if let Some(chorus) = &chorus {
            sections.push(("[Chorus]".to_owned(), chorus.clone()));
        }
    }
    let schemes = vec![spec.form.scheme().to_owned(); sections.len()];
    let texts: Vec<String> = sections
        .into_iter()
        .map(|(marker, stanza)| format!("{marker}\n{stanza}"))
        .collect();
    Verse {
        text: texts.join("\n\n"),
        truth: VerseTruth {
            schemes,
            theme: spec.theme,
            language: spec.language.code().to_owned(),
        },
    }
}

/// Writes one stanza: a clause of the theme and an ending of the wanted rhyme for each line.
fn stanza(rng: &mut ChaCha8Rng, spec: &VerseSpec) -> String {
    let families: &[&[&str]] = match (spec.language, spec.form.is_rap()) {
        (VerseLanguage::Russian, _) => RUSSIAN_ENDINGS,
        (VerseLanguage::English, true) => RAP_ENDINGS,
        (VerseLanguage::English, false) => ENGLISH_ENDINGS,
    };
    let mut family_order: Vec<usize> = (0..families.len()).collect();
    family_order.shuffle(rng);
    let clauses = openers(spec.theme, spec.language);
    let mut clause_order: Vec<&str> = clauses.to_vec();
    clause_order.shuffle(rng);
    let mut used = vec![0usize; families.len()];
    let rotations: Vec<usize> = families
        .iter()
        .map(|family| rng.random_range(0..family.len()))
        .collect();
    let lines: Vec<String> = spec
        .form
        .scheme()
        .bytes()
        .zip(clause_order.iter().cycle())
        .take(STANZA_LINES)
        .map(|(label, clause)| {
            let family = family_order[usize::from(label - b'a') % family_order.len()];
            let endings = families[family];
            let ending = endings[(rotations[family] + used[family]) % endings.len()];
            used[family] += 1;
            format!("{clause} {ending}")
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use leitmotif_analysis::lyrics::analyze_lyrics;

    fn spec(seed: u64, form: VerseForm, language: VerseLanguage) -> VerseSpec {
        let theme = Theme::ALL[seed as usize % Theme::ALL.len()];
        VerseSpec {
            seed,
            theme,
            form,
            language,
            verse_count: 3,
            has_chorus: seed.is_multiple_of(2),
        }
    }

    #[test]
    fn is_deterministic_and_never_rhymes_a_word_with_itself() {
        for seed in 0..40 {
            for form in VerseForm::ALL {
                for language in [VerseLanguage::English, VerseLanguage::Russian] {
                    let verse = write_verse(&spec(seed, form, language));
                    assert_eq!(verse, write_verse(&spec(seed, form, language)));
                    for stanza in verse.text.split("\n\n") {
                        let mut ends: Vec<&str> = stanza
                            .lines()
                            .filter_map(|line| line.split(' ').next_back())
                            .collect();
                        ends.sort_unstable();
                        ends.dedup();
                        assert_eq!(ends.len(), STANZA_LINES + 1, "{stanza}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_analysis_finds_the_truth() {
        let (mut right, mut total) = (0usize, 0usize);
        for seed in 0..40 {
            for form in VerseForm::ALL {
                for language in [VerseLanguage::English, VerseLanguage::Russian] {
                    let verse = write_verse(&spec(seed, form, language));
                    let analysis = analyze_lyrics(&verse.text);
                    let value = |name: &str| {
                        let found = analysis.descriptors.iter().find(|d| d.name == name);
                        found
                            .map(|descriptor| descriptor.value.to_string())
                            .unwrap_or_default()
                    };
                    assert_eq!(value("language"), format!("{:?}", verse.truth.language));
                    let wanted = format!("{:?}", verse.truth.schemes).replace(", ", ",");
                    right += usize::from(value("rhyme_scheme") == wanted);
                    total += 1;
                }
            }
        }
        assert!(right * 100 >= total * 85, "{right} of {total}");
    }
}
