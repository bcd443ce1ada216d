//! What of lyrics depends on how the words sound.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::json;

use super::{described, measured, spread};
use crate::descriptor::Descriptor;
use crate::lyrics::flow::{Flow, alliteration, stress_regularity};
use crate::lyrics::french::FrenchEnd;
use crate::lyrics::readability::{SMOG_SENTENCES_MIN, TextCounts};
use crate::lyrics::rhyme::{
    ChainLimits, EndWord, RhymeChains, RhymeModel, RhymeSpan, Scheme, SpelledRime,
    spelled_syllable_count,
};
use crate::lyrics::russian::{RussianEnd, StressCandidates};
use crate::lyrics::scansion::{VerseMetre, scan_poem};
use crate::lyrics::syllables::{SungWord, WordSound};
use crate::lyrics::text::LyricsText;
use crate::lyrics::words::{PlacedWord, TextWords};

/// Stanzas whose scheme is reported; the decoder reads them all.
const SCHEME_COUNT_MAX: usize = 200;
/// Confidence in the syllable counts of languages counted by spelling; from hand checks.
const SPELLED_SYLLABLES_CONFIDENCE: f32 = 0.85;

/// Method of what scanned lines tell.
const SCANSION: &str = "pronunciation+learned-scansion";

/// What depends on how the words sound; every part may be unknown.
#[derive(Default)]
pub(super) struct Sound {
    method: Cow<'static, str>,
    flow: Option<Flow>,
    flow_confidence: Option<f32>,
    schemes: Option<Vec<Scheme>>,
    pub chains: Option<RhymeChains>,
    stress_regularity: Option<f64>,
    verse_metre: Option<VerseMetre>,
    alliteration: Option<f64>,
    /// The formulas of readability are of English.
    counts: Option<TextCounts>,
    is_english: bool,
}

impl Sound {
    pub(super) fn of_english(text: &LyricsText, words: &TextWords<'_>) -> Self {
        let forms = words.forms();
        let sounds: Vec<WordSound> = forms.iter().map(|form| WordSound::new(form)).collect();
        let sung = |word: &PlacedWord<'_>| sounds[word.id].sung(word.token, forms[word.id].clone());
        let lines: Vec<Vec<SungWord>> = words
            .lines()
            .map(|line| line.iter().map(sung).collect())
            .collect();
        let ends = words.lines().map(|line| match line.last() {
            Some(word) => {
                EndWord::from_pronunciation(&forms[word.id], &sounds[word.id].pronunciation)
            }
            None => EndWord::new(""),
        });
        let stanzas = in_stanzas(text, ends);
        let schemes = RhymeModel::embedded().sung_schemes(&stanzas);
        let groups = end_groups(&schemes);
        let guessed_count = lines
            .iter()
            .flatten()
            .filter(|word| word.is_guessed)
            .count();
        let known_ratio = 1.0 - guessed_count as f32 / words.count().max(1) as f32;
        let counts = lines
            .iter()
            .map(|line| line.iter().map(|w| w.syllables.len()).sum());
        Self {
            method: Cow::Borrowed("pronunciation+learned-rhyme"),
            flow: Some(Flow::measure(counts.collect())),
            flow_confidence: Some(known_ratio),
            chains: Some(RhymeChains::find(&lines, &groups, ChainLimits::default())),
            schemes: Some(schemes),
            stress_regularity: stress_regularity(&lines),
            verse_metre: VerseMetre::of(&scan_poem(&lines)),
            alliteration: alliteration(&lines),
            counts: Some(TextCounts::of(&lines)),
            is_english: true,
        }
    }

    pub(super) fn of_spelling(text: &LyricsText, words: &TextWords<'_>, code: &str) -> Self {
        let ends = words.lines().map(|line| {
            line.last()
                .and_then(|word| SpelledRime::new(word.token.text, code))
                .unwrap_or_else(SpelledRime::unknown)
        });
        let read =
            |stanzas: &[Vec<SpelledRime>]| RhymeModel::embedded().spelled_sung_schemes(stanzas);
        Self::of_line_ends(text, words, code, ends, read)
    }

    /// French by rule: syllables by spelling, rhyme by how words end.
    pub(super) fn of_french(text: &LyricsText, words: &TextWords<'_>) -> Self {
        let ends = words
            .lines()
            .map(|line| FrenchEnd::new(line.last().map_or("", |word| word.token.text)));
        let read = |stanzas: &[Vec<FrenchEnd>]| RhymeModel::embedded().french_sung_schemes(stanzas);
        Self {
            method: Cow::Borrowed("french-rules"),
            ..Self::of_line_ends(text, words, "fr", ends, read)
        }
    }

    /// Russian by rule: in beta, so the method says it, and of how many words the stress is known.
    pub(super) fn of_russian(text: &LyricsText, words: &TextWords<'_>) -> Self {
        let ends = words
            .lines()
            .map(|line| RussianEnd::new(line.last().map_or("", |word| word.token.text)));
        let read =
            |stanzas: &[Vec<RussianEnd>]| RhymeModel::embedded().russian_sung_schemes(stanzas);
        let (mut known, mut read_count) = (0, 0);
        for (form, count) in words.counted() {
            if let Some(stress) = StressCandidates::of(form) {
                read_count += count;
                known += if stress.is_known { count } else { 0 };
            }
        }
        let percent = (100.0 * known as f64 / read_count.max(1) as f64).round();
        Self {
            method: Cow::Owned(format!(
                "russian-rules-beta: stress known of {percent} % of words"
            )),
            ..Self::of_line_ends(text, words, "ru", ends, read)
        }
    }

    /// What line ends tell without pronunciations; nothing where syllables cannot be counted.
    fn of_line_ends<W>(
        text: &LyricsText,
        words: &TextWords<'_>,
        code: &str,
        ends: impl Iterator<Item = W>,
        read: impl Fn(&[Vec<W>]) -> Vec<Scheme>,
    ) -> Self {
        let count_line = |line: &[PlacedWord<'_>]| -> Option<usize> {
            line.iter()
                .map(|word| spelled_syllable_count(word.token.text, code))
                .sum()
        };
        let counts: Option<Vec<usize>> = words.lines().map(count_line).collect();
        let Some(counts) = counts else {
            return Self::default();
        };
        let schemes = read(&in_stanzas(text, ends));
        let chains = spelled_chains(words, &schemes, &counts);
        Self {
            method: Cow::Borrowed("spelling"),
            flow: Some(Flow::measure(counts)),
            flow_confidence: Some(SPELLED_SYLLABLES_CONFIDENCE),
            schemes: Some(schemes),
            chains: Some(chains),
            ..Self::default()
        }
    }

    /// Describes syllables and stress.
    pub(super) fn flow_descriptors(&self) -> Vec<Descriptor> {
        let (flow, trust, method) = (self.flow.as_ref(), self.flow_confidence, self.method());
        let count = json!(flow.map(|flow| flow.syllable_count));
        let mean = flow.and_then(|flow| flow.mean);
        let variance = flow.and_then(|flow| flow.variance);
        let verse = self.verse_metre;
        let metre = json!(verse.map(|verse| verse.metre.name()));
        let regularity = verse.map(|verse| verse.regularity);
        let feet = verse.map(|verse| verse.feet_per_line);
        vec![
            described("syllable_count", count, trust, method),
            measured("syllables_per_line_mean", mean, trust, method),
            measured("syllables_per_line_variance", variance, trust, method),
            measured(
                "stress_regularity_ratio",
                self.stress_regularity,
                trust,
                method,
            ),
            described("verse_metre", metre, None, SCANSION),
            measured("verse_metre_regularity_ratio", regularity, trust, SCANSION),
            measured("feet_per_line_mean", feet, trust, SCANSION),
            measured("alliteration_ratio", self.alliteration, trust, method),
        ]
    }

    /// Describes how easy the words read, lines taken as sentences.
    pub(super) fn reading_descriptors(&self) -> Vec<Descriptor> {
        let (counts, trust) = (self.counts, self.flow_confidence);
        let why = match counts {
            None => Some("the formulas are of English".to_owned()),
            Some(counts) => counts.too_small(),
        };
        let told = |name, formula: fn(&TextCounts) -> Option<f64>, method| {
            let value = counts.as_ref().and_then(formula);
            measured(name, value, trust, method).because(why.clone())
        };
        let few_lines = |counts: TextCounts| {
            let lines = counts.sentences;
            format!("too small to tell: {lines} of {SMOG_SENTENCES_MIN} lines")
        };
        let smog = told("smog_grade", TextCounts::smog_grade, "smog");
        let smog = match why {
            None => smog.because(counts.map(few_lines)),
            Some(_) => smog,
        };
        vec![
            told("reading_ease", TextCounts::flesch_reading_ease, "flesch"),
            told(
                "flesch_kincaid_grade",
                TextCounts::flesch_kincaid_grade,
                "flesch-kincaid",
            ),
            smog,
            told(
                "automated_readability_grade",
                TextCounts::automated_readability_grade,
                "ari",
            ),
            told(
                "coleman_liau_grade",
                TextCounts::coleman_liau_grade,
                "coleman-liau",
            ),
        ]
    }

    /// Describes rhyme.
    pub(super) fn rhyme_descriptors(&self) -> Vec<Descriptor> {
        let (chains, trust, method) =
            (self.chains.as_ref(), self.rhyme_confidence(), self.method());
        // Spelling shows rhyme at line ends only.
        let heard = chains.filter(|_| self.is_english);
        let schemes = self.schemes.as_ref().map(|schemes| {
            let letters = schemes.iter().take(SCHEME_COUNT_MAX).map(Scheme::letters);
            letters.collect::<Vec<_>>()
        });
        let density = chains.and_then(|chains| chains.density_ratio);
        let chain_count = json!(chains.map(|chains| chains.chain_count));
        let multi_count = json!(heard.map(|chains| chains.multi_syllable_count));
        let internal_count = json!(heard.map(|chains| chains.internal_count));
        vec![
            described("rhyme_scheme", json!(schemes), trust, method),
            measured("rhyme_density_ratio", density, trust, method),
            described("rhyme_chain_count", chain_count, trust, method),
            described("multi_syllable_rhyme_count", multi_count, trust, method),
            described("internal_rhyme_count", internal_count, trust, method),
        ]
    }

    /// The part of the vector's statistics that depends on sound.
    pub(super) fn style(&self, line_count: usize) -> Vec<f32> {
        let (flow, chains) = (self.flow.as_ref(), self.chains.as_ref());
        let per_line = |count: usize| count as f64 / line_count.max(1) as f64;
        let deviation = flow.and_then(|flow| flow.variance).map(f64::sqrt);
        let multi = chains.map(|chains| per_line(chains.multi_syllable_count));
        let internal = chains.map(|chains| per_line(chains.internal_count));
        vec![
            spread(flow.and_then(|flow| flow.mean), 9.0, 5.0),
            spread(deviation, 2.5, 2.5),
            spread(self.stress_regularity, 0.68, 0.15),
            spread(self.alliteration, 0.12, 0.12),
            spread(chains.and_then(|chains| chains.density_ratio), 0.3, 0.25),
            spread(multi, 0.4, 0.6),
            spread(internal, 0.6, 0.8),
        ]
    }

    fn method(&self) -> &str {
        if self.method.is_empty() {
            "none"
        } else {
            &self.method
        }
    }

    /// Share of stanzas whose scheme should be right; a stanza of one line has only one and says nothing.
    fn rhyme_confidence(&self) -> Option<f32> {
        let schemes = self.schemes.iter().flatten();
        let told = schemes.filter(|scheme| scheme.labels.len() > 1);
        let (sum, count) = told.fold((0.0, 0usize), |(sum, count), scheme| {
            (sum + scheme.confidence, count + 1)
        });
        (count > 0).then(|| sum / count as f32)
    }
}

/// Numbers the rhyming line ends over the whole text; a line that rhymes with none has no group.
fn end_groups(schemes: &[Scheme]) -> Vec<Option<usize>> {
    let mut groups = Vec::new();
    let mut next = 0;
    for scheme in schemes {
        for label in &scheme.labels {
            let size = scheme.labels.iter().filter(|other| *other == label).count();
            groups.push((size > 1).then_some(next + label));
        }
        next += scheme.labels.iter().max().map_or(0, |label| label + 1);
    }
    groups
}

/// Divides what each line has into the stanzas of the lines.
fn in_stanzas<W>(text: &LyricsText, mut lines: impl Iterator<Item = W>) -> Vec<Vec<W>> {
    let stanzas = text.stanzas().into_iter();
    stanzas
        .map(|range| lines.by_ref().take(range.len()).collect())
        .collect()
}

/// Chains of whole end words, for languages without pronunciations.
fn spelled_chains(words: &TextWords<'_>, schemes: &[Scheme], counts: &[usize]) -> RhymeChains {
    let mut chains = RhymeChains::default();
    let mut ids: HashMap<usize, usize> = HashMap::new();
    for ((line, group), words) in end_groups(schemes)
        .into_iter()
        .enumerate()
        .zip(words.lines())
    {
        let Some((group, word)) = group.zip(words.last()) else {
            continue;
        };
        let next_id = ids.len();
        chains.spans.push(RhymeSpan {
            chain_id: *ids.entry(group).or_insert(next_id),
            line,
            start_char: word.token.start_char,
            end_char: word.token.end_char,
            syllable_count: 1,
        });
    }
    chains.chain_count = ids.len();
    let total: usize = counts.iter().sum();
    chains.density_ratio = (total > 0).then(|| (chains.spans.len() as f64 / total as f64).min(1.0));
    chains
}
