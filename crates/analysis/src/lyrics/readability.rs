//! How easy a text reads, by the closed formulas of the field.

use super::syllables::SungWord;

/// Words of the passages that the formulas were made on; of fewer they tell chance.
pub const WORDS_MIN: usize = 100;
/// Sentences that SMOG is defined on.
pub const SMOG_SENTENCES_MIN: usize = 30;
/// Syllables from which a word counts as long.
const LONG_WORD_SYLLABLES: usize = 3;

/// What the formulas count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextCounts {
    /// Words.
    pub words: usize,
    /// Sentences; of lyrics, lines.
    pub sentences: usize,
    /// Syllables.
    pub syllables: usize,
    /// Words of three syllables or more.
    pub long_words: usize,
    /// Letters and digits.
    pub letters: usize,
}

impl TextCounts {
    /// Counts sung lines; a line without words is no sentence.
    ///
    /// - Cost: O(letters).
    pub fn of(lines: &[Vec<SungWord>]) -> Self {
        let mut counts = Self::default();
        for line in lines.iter().filter(|line| !line.is_empty()) {
            counts.sentences += 1;
            for word in line {
                // What has no vowel sound, such as `hmm`, is spoken all the same.
                let syllables = word.syllables.len().max(1);
                counts.words += 1;
                counts.syllables += syllables;
                counts.long_words += usize::from(syllables >= LONG_WORD_SYLLABLES);
                counts.letters += word.folded.chars().filter(|c| c.is_alphanumeric()).count();
            }
        }
        counts
    }

    /// Why the formulas would tell chance, where they would.
    pub fn too_small(&self) -> Option<String> {
        (self.words < WORDS_MIN)
            .then(|| format!("too small to tell: {} of {WORDS_MIN} words", self.words))
    }

    fn per_sentence(&self) -> f64 {
        self.words as f64 / self.sentences as f64
    }

    fn per_word(&self, count: usize) -> f64 {
        count as f64 / self.words as f64
    }

    fn told(&self, formula: impl FnOnce() -> f64) -> Option<f64> {
        (self.words >= WORDS_MIN && self.sentences > 0).then(formula)
    }

    /// Flesch reading ease: about 0 (hard) to 100 (easy), unbounded.
    ///
    /// - Errors: `None` below [`WORDS_MIN`], as for all the formulas.
    /// - Source: Flesch 1948, "A new readability yardstick". Made for prose sentences, so that of lyrics
    ///   only comparisons mean something; so are all the others.
    pub fn flesch_reading_ease(&self) -> Option<f64> {
        self.told(|| 206.835 - 1.015 * self.per_sentence() - 84.6 * self.per_word(self.syllables))
    }

    /// Flesch–Kincaid grade: years of school in the United States, unbounded.
    ///
    /// - Source: Kincaid et al. 1975, "Derivation of new readability formulas for Navy enlisted personnel".
    pub fn flesch_kincaid_grade(&self) -> Option<f64> {
        self.told(|| 0.39 * self.per_sentence() + 11.8 * self.per_word(self.syllables) - 15.59)
    }

    /// SMOG grade: years of school; `None` below [`SMOG_SENTENCES_MIN`] sentences too.
    ///
    /// - Source: McLaughlin 1969, "SMOG grading: a new readability formula".
    pub fn smog_grade(&self) -> Option<f64> {
        let is_enough = self.sentences >= SMOG_SENTENCES_MIN;
        let told = self.told(|| {
            let per_thirty = self.long_words as f64 * 30.0 / self.sentences as f64;
            1.0430 * per_thirty.sqrt() + 3.1291
        });
        told.filter(|_| is_enough)
    }

    /// Automated readability index: years of school, unbounded.
    ///
    /// - Source: Senter and Smith 1967, "Automated readability index".
    pub fn automated_readability_grade(&self) -> Option<f64> {
        self.told(|| 4.71 * self.per_word(self.letters) + 0.5 * self.per_sentence() - 21.43)
    }

    /// Coleman–Liau index: years of school, unbounded.
    ///
    /// - Source: Coleman and Liau 1975, "A computer readability formula designed for machine scoring".
    pub fn coleman_liau_grade(&self) -> Option<f64> {
        self.told(|| {
            let letters = 100.0 * self.per_word(self.letters);
            let sentences = 100.0 * self.per_word(self.sentences);
            0.0588 * letters - 0.296 * sentences - 15.8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::syllables::Singer;

    /// Counts (words, sentences, syllables, long words, letters) and what the five formulas make of them,
    /// worked out apart from this code.
    const WORKED: [([usize; 5], [f64; 5]); 20] = [
        ([356, 40, 646, 100, 1771], [44.29, 9.29, 12.16, 6.45, 10.13]),
        ([1000, 55, 1798, 74, 3324], [36.27, 12.72, 9.76, 3.32, 2.12]),
        ([183, 40, 278, 13, 824], [73.67, 4.12, 6.39, 2.07, 4.21]),
        ([250, 31, 366, 13, 1320], [74.80, 4.83, 6.83, 7.47, 11.58]),
        ([517, 30, 633, 95, 1811], [85.76, 5.58, 13.30, 3.69, 3.08]),
        ([127, 30, 163, 8, 705], [93.96, 1.21, 6.08, 6.83, 9.85]),
        ([189, 40, 371, 30, 912], [35.97, 9.42, 8.08, 3.66, 6.31]),
        ([255, 31, 502, 68, 998], [31.94, 10.85, 11.59, 1.12, 3.61]),
        ([413, 31, 802, 32, 1650], [29.03, 12.52, 8.93, 4.05, 5.47]),
        ([119, 40, 137, 12, 468], [106.42, -0.84, 6.26, -1.42, -2.62]),
        ([405, 55, 617, 21, 1545], [70.48, 5.26, 6.66, 0.22, 2.61]),
        ([130, 40, 241, 0, 661], [46.70, 7.55, 3.13, 4.14, 4.99]),
        ([412, 80, 765, 55, 2018], [44.52, 8.33, 7.87, 4.21, 7.25]),
        ([253, 31, 489, 71, 1018], [35.04, 10.40, 11.77, 1.60, 4.23]),
        ([428, 80, 567, 59, 1975], [89.33, 2.13, 8.04, 2.98, 5.80]),
        ([427, 40, 483, 121, 1459], [100.30, 1.92, 13.07, 0.00, 1.52]),
        ([416, 80, 593, 18, 1606], [80.96, 3.26, 5.84, -0.65, 1.21]),
        (
            [1002, 40, 1720, 92, 5127],
            [36.19, 14.43, 11.79, 15.19, 13.10],
        ),
        ([203, 40, 405, 9, 673], [32.90, 9.93, 5.84, -3.28, -2.14]),
        (
            [1029, 55, 1161, 228, 4141],
            [92.39, 5.02, 14.76, 6.88, 6.281],
        ),
    ];

    #[test]
    fn formulas_keep_to_a_hundredth() {
        for ([words, sentences, syllables, long_words, letters], expected) in WORKED {
            let counts = TextCounts {
                words,
                sentences,
                syllables,
                long_words,
                letters,
            };
            let told = [
                counts.flesch_reading_ease(),
                counts.flesch_kincaid_grade(),
                counts.smog_grade(),
                counts.automated_readability_grade(),
                counts.coleman_liau_grade(),
            ];
            for (told, expected) in told.into_iter().zip(expected) {
                assert!(
                    (told.unwrap() - expected).abs() <= 0.01,
                    "{counts:?}: {told:?}"
                );
            }
        }
    }

    #[test]
    fn counts_are_those_of_a_hand() {
        let mut singer = Singer::default();
        let lines = ["The cat sat on the mat.", "", "A banana isn't difficult"];
        let lines: Vec<_> = lines.iter().map(|line| singer.sing(line)).collect();
        let counts = TextCounts::of(&lines);
        // the-cat-sat-on-the-mat, a-ba-na-na-is-n't-dif-fi-cult
        let expected = TextCounts {
            words: 10,
            sentences: 2,
            syllables: 15,
            long_words: 2,
            letters: 17 + 20,
        };
        assert_eq!(counts, expected);
    }

    #[test]
    fn too_little_text_is_said_to_be() {
        let mut counts = TextCounts {
            words: 99,
            sentences: 29,
            syllables: 150,
            long_words: 5,
            letters: 400,
        };
        let why = counts.too_small().unwrap();
        assert!(why.contains("99 of 100"), "{why}");
        assert_eq!(counts.flesch_reading_ease(), None);
        counts.words = 100;
        assert!(counts.too_small().is_none());
        assert!(counts.flesch_reading_ease().is_some());
        assert_eq!(counts.smog_grade(), None, "29 lines");
    }
}
