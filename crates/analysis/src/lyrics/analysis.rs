//! The whole of lyrics analysis: text in, descriptors, rhyme chains and vector out.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::embedding::embed;
use super::explicit::is_explicit;
use super::flow::{Flow, alliteration, reading_ease, stress_regularity};
use super::language::{LanguageGuess, identify_language};
use super::rhyme::{
    ChainLimits, EndWord, RhymeChains, RhymeModel, RhymeSpan, Scheme, SpelledRime,
    spelled_syllable_count,
};
use super::syllables::{Singer, SungWord};
use super::text::LyricsText;
use super::tokens::{folded, tokenize};
use super::vocabulary::{Vocabulary, unique_words_in_first};
use crate::descriptor::Descriptor;

/// Version of every lyrics descriptor; a changed number a user can see bumps it.
pub const WORDS_VERSION: &str = "1";
/// Stanzas whose scheme is reported; the decoder reads them all.
const SCHEME_COUNT_MAX: usize = 200;
/// Window in which large vocabularies are compared across artists.
const UNIQUE_WORDS_WINDOW: usize = 35_000;
/// Confidence in the syllable counts of languages counted by spelling; from hand checks.
const SPELLED_SYLLABLES_CONFIDENCE: f32 = 0.85;
/// Confidence in spelled rhyme relative to the decoder's own.
const SPELLED_RHYME_TRUST: f32 = 0.6;

/// Words whose share tells of the style, with the spread of that share over songs.
struct StyleWords {
    words: &'static [&'static str],
    middle: f64,
    width: f64,
}

/// Order and numbers are part of the embedding space: changing one makes it another space.
const STYLE_WORDS: [StyleWords; 5] = [
    StyleWords {
        words: &["i", "me", "my", "i'm", "mine", "я", "мне", "мой"],
        middle: 0.08,
        width: 0.06,
    },
    StyleWords {
        words: &["you", "your", "you're", "ты", "тебя", "тебе"],
        middle: 0.05,
        width: 0.05,
    },
    StyleWords {
        words: &["we", "us", "our", "мы", "нас", "нам"],
        middle: 0.015,
        width: 0.02,
    },
    StyleWords {
        words: &["love", "heart", "baby", "kiss", "любовь", "сердце"],
        middle: 0.02,
        width: 0.03,
    },
    StyleWords {
        words: &["oh", "yeah", "hey", "la", "na", "ooh", "uh", "ой", "эй"],
        middle: 0.02,
        width: 0.04,
    },
];

/// What lyrics analysis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LyricsAnalysis {
    /// Measured properties; those that cannot be measured are there with `null`.
    pub descriptors: Vec<Descriptor>,
    /// Rhyme chains for display; lines count [`LyricsText::lines`].
    pub chains: Vec<RhymeSpan>,
    /// Vector in the space [`super::LYRICS_EMBEDDING_SPACE`].
    pub embedding: Vec<f32>,
}

/// Analyses lyrics, telling the language by itself.
///
/// - Shape: any text, plain or LRC; see [`LyricsText::parse`] for its bounds.
/// - Cost: about half a millisecond for a song.
pub fn analyze_lyrics(raw: &str) -> LyricsAnalysis {
    analyze_lyrics_as(raw, None)
}

/// Analyses lyrics whose language (ISO 639-1) the caller may know.
pub fn analyze_lyrics_as(raw: &str, language: Option<&str>) -> LyricsAnalysis {
    let text = LyricsText::parse(raw);
    let language = match language {
        Some(code) => Some(LanguageGuess {
            code: code.to_owned(),
            confidence: 1.0,
        }),
        None => {
            let lines: Vec<&str> = text.lines.iter().map(|line| line.text.as_str()).collect();
            identify_language(&lines.join("\n"))
        }
    };
    let words: Vec<String> = text
        .lines
        .iter()
        .flat_map(|line| tokenize(&line.text))
        .map(|token| folded(token.text))
        .collect();
    let sound = match language.as_ref().map(|guess| guess.code.as_str()) {
        Some("en") => Sound::of_english(&text),
        Some(code) => Sound::of_spelling(&text, code),
        None => Sound::default(),
    };
    let vocabulary = Vocabulary::measure(&words);
    let measured = Measured {
        text: &text,
        language,
        words: &words,
        vocabulary,
        sound,
    };
    LyricsAnalysis {
        descriptors: measured.descriptors(),
        embedding: embed(words.iter().map(String::as_str), &measured.style()),
        chains: measured
            .sound
            .chains
            .map_or(Vec::new(), |chains| chains.spans),
    }
}

/// What depends on how the words sound; every part may be unknown.
#[derive(Default)]
struct Sound {
    method: &'static str,
    flow: Option<Flow>,
    flow_confidence: Option<f32>,
    schemes: Option<Vec<Scheme>>,
    chains: Option<RhymeChains>,
    stress_regularity: Option<f64>,
    alliteration: Option<f64>,
    is_english: bool,
}

impl Sound {
    fn of_english(text: &LyricsText) -> Self {
        let mut singer = Singer::default();
        let lines: Vec<Vec<SungWord>> = text
            .lines
            .iter()
            .map(|line| singer.sing(&line.text))
            .collect();
        let stanzas: Vec<Vec<EndWord>> = text
            .stanzas()
            .into_iter()
            .map(|range| {
                let lines = lines.get(range).unwrap_or(&[]);
                let end_word = |line: &Vec<SungWord>| {
                    let word = line
                        .last()
                        .map_or("", |word| word.folded.as_str())
                        .to_owned();
                    EndWord::from_pronunciation(&word, singer.pronunciation(&word))
                };
                lines.iter().map(end_word).collect()
            })
            .collect();
        let schemes = RhymeModel::embedded().sung_schemes(&stanzas);
        let groups = end_groups(&schemes);
        let words = lines.iter().flatten();
        let guessed_count = words.clone().filter(|word| word.is_guessed).count();
        let known_ratio = 1.0 - guessed_count as f32 / words.count().max(1) as f32;
        let counts = lines
            .iter()
            .map(|line| line.iter().map(|w| w.syllables.len()).sum());
        Self {
            method: "pronunciation+learned-rhyme",
            flow: Some(Flow::measure(counts.collect())),
            flow_confidence: Some(known_ratio),
            chains: Some(RhymeChains::find(&lines, &groups, ChainLimits::default())),
            schemes: Some(schemes),
            stress_regularity: stress_regularity(&lines),
            alliteration: alliteration(&lines),
            is_english: true,
        }
    }

    fn of_spelling(text: &LyricsText, code: &str) -> Self {
        let count_line = |line: &str| -> Option<usize> {
            tokenize(line)
                .iter()
                .map(|token| spelled_syllable_count(token.text, code))
                .sum()
        };
        let counts: Option<Vec<usize>> = text
            .lines
            .iter()
            .map(|line| count_line(&line.text))
            .collect();
        let Some(counts) = counts else {
            return Self::default();
        };
        let rime = |line: &str| {
            let end = tokenize(line).last().map(|token| token.text);
            end.and_then(|word| SpelledRime::new(word, code))
                .unwrap_or_else(SpelledRime::unknown)
        };
        let stanzas: Vec<Vec<SpelledRime>> = text
            .stanzas()
            .into_iter()
            .map(|range| {
                let lines = text.lines.get(range).unwrap_or(&[]);
                lines.iter().map(|line| rime(&line.text)).collect()
            })
            .collect();
        let mut schemes = RhymeModel::embedded().spelled_schemes(&stanzas);
        for scheme in &mut schemes {
            scheme.confidence *= SPELLED_RHYME_TRUST;
        }
        let chains = spelled_chains(text, &schemes, &counts);
        Self {
            method: "spelling",
            flow: Some(Flow::measure(counts)),
            flow_confidence: Some(SPELLED_SYLLABLES_CONFIDENCE),
            schemes: Some(schemes),
            chains: Some(chains),
            ..Self::default()
        }
    }

    fn rhyme_confidence(&self) -> Option<f32> {
        let schemes = self
            .schemes
            .as_ref()
            .filter(|schemes| !schemes.is_empty())?;
        let sum: f32 = schemes.iter().map(|scheme| scheme.confidence).sum();
        Some(sum / schemes.len() as f32)
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

/// Chains of whole end words, for languages without pronunciations.
fn spelled_chains(text: &LyricsText, schemes: &[Scheme], counts: &[usize]) -> RhymeChains {
    let mut chains = RhymeChains::default();
    let mut ids: HashMap<usize, usize> = HashMap::new();
    for ((line, group), text_line) in end_groups(schemes).into_iter().enumerate().zip(&text.lines) {
        let Some((group, token)) = group.zip(tokenize(&text_line.text).last().copied()) else {
            continue;
        };
        let next_id = ids.len();
        chains.spans.push(RhymeSpan {
            chain_id: *ids.entry(group).or_insert(next_id),
            line,
            start_char: token.start_char,
            end_char: token.end_char,
            syllable_count: 1,
        });
    }
    chains.chain_count = ids.len();
    let total: usize = counts.iter().sum();
    chains.density_ratio = (total > 0).then(|| (chains.spans.len() as f64 / total as f64).min(1.0));
    chains
}

/// All measurements, ready to be reported.
struct Measured<'a> {
    text: &'a LyricsText,
    language: Option<LanguageGuess>,
    words: &'a [String],
    vocabulary: Vocabulary,
    sound: Sound,
}

impl Measured<'_> {
    fn descriptors(&self) -> Vec<Descriptor> {
        let mut descriptors = self.text_descriptors();
        descriptors.extend(self.sound_descriptors());
        descriptors
    }

    fn text_descriptors(&self) -> Vec<Descriptor> {
        let count = |name, value: usize| described(name, json!(value), None, "count");
        let vocabulary = &self.vocabulary;
        let language = self.language.as_ref();
        let explicit_count = self.words.iter().filter(|word| is_explicit(word)).count();
        let is_listed = language.is_some_and(|guess| matches!(guess.code.as_str(), "en" | "ru"));
        vec![
            described(
                "language",
                json!(language.map(|guess| guess.code.as_str())),
                language.map(|guess| guess.confidence),
                "function-words+script",
            ),
            count("line_count", self.text.lines.len()),
            count("stanza_count", self.text.stanzas().len()),
            count("word_count", self.words.len()),
            count("unique_word_count", vocabulary.type_count),
            measured(
                "type_token_ratio",
                vocabulary.type_token_ratio,
                None,
                "types/tokens",
            ),
            measured("mattr_ratio", vocabulary.mattr_ratio, None, "mattr-50"),
            measured("mtld_words", vocabulary.mtld_words, None, "mtld-0.72"),
            described(
                "unique_words_first_35k_count",
                json!(unique_words_in_first(self.words, UNIQUE_WORDS_WINDOW)),
                None,
                "first-35000",
            ),
            measured(
                "repeated_line_ratio",
                self.repeated_line_ratio(),
                None,
                "folded-lines",
            ),
            described(
                "explicit_word_count",
                if is_listed {
                    json!(explicit_count)
                } else {
                    Value::Null
                },
                None,
                "word-list",
            ),
        ]
    }

    fn sound_descriptors(&self) -> Vec<Descriptor> {
        let mut descriptors = self.flow_descriptors();
        descriptors.extend(self.rhyme_descriptors());
        descriptors
    }

    fn flow_descriptors(&self) -> Vec<Descriptor> {
        let sound = &self.sound;
        let method = self.sound_method();
        let flow = sound.flow.as_ref();
        let flow_confidence = sound.flow_confidence;
        let reading = flow.filter(|_| sound.is_english).and_then(|flow| {
            reading_ease(self.words.len(), self.text.lines.len(), flow.syllable_count)
        });
        let regularity = sound.stress_regularity;
        vec![
            described(
                "syllable_count",
                json!(flow.map(|flow| flow.syllable_count)),
                flow_confidence,
                method,
            ),
            measured(
                "syllables_per_line_mean",
                flow.and_then(|f| f.mean),
                flow_confidence,
                method,
            ),
            measured(
                "syllables_per_line_variance",
                flow.and_then(|flow| flow.variance),
                flow_confidence,
                method,
            ),
            measured(
                "stress_regularity_ratio",
                regularity,
                flow_confidence,
                method,
            ),
            measured(
                "alliteration_ratio",
                sound.alliteration,
                flow_confidence,
                method,
            ),
            measured("reading_ease", reading, flow_confidence, "flesch"),
        ]
    }

    fn rhyme_descriptors(&self) -> Vec<Descriptor> {
        let sound = &self.sound;
        let method = self.sound_method();
        let chains = sound.chains.as_ref();
        let rhyme_confidence = sound.rhyme_confidence();
        let counted = |name, value: Option<usize>| {
            let confidence = value.and(rhyme_confidence);
            described(name, json!(value), confidence, method)
        };
        let heard = chains.filter(|_| sound.is_english);
        vec![
            described(
                "rhyme_scheme",
                self.scheme_letters(),
                rhyme_confidence,
                method,
            ),
            measured(
                "rhyme_density_ratio",
                chains.and_then(|chains| chains.density_ratio),
                rhyme_confidence,
                method,
            ),
            counted("rhyme_chain_count", chains.map(|chains| chains.chain_count)),
            counted(
                "multi_syllable_rhyme_count",
                heard.map(|c| c.multi_syllable_count),
            ),
            counted(
                "internal_rhyme_count",
                heard.map(|chains| chains.internal_count),
            ),
        ]
    }

    fn sound_method(&self) -> &'static str {
        match self.sound.method {
            "" => "none",
            method => method,
        }
    }

    fn scheme_letters(&self) -> Value {
        match &self.sound.schemes {
            Some(schemes) => {
                let letters = schemes.iter().take(SCHEME_COUNT_MAX).map(Scheme::letters);
                json!(letters.collect::<Vec<_>>())
            }
            None => Value::Null,
        }
    }

    fn repeated_line_ratio(&self) -> Option<f64> {
        let lines: Vec<String> = self
            .text
            .lines
            .iter()
            .map(|line| {
                let words: Vec<String> = tokenize(&line.text)
                    .iter()
                    .map(|token| folded(token.text))
                    .collect();
                words.join(" ")
            })
            .collect();
        let distinct: HashSet<&String> = lines.iter().collect();
        (!lines.is_empty()).then(|| 1.0 - distinct.len() as f64 / lines.len() as f64)
    }

    /// Statistics for the vector, each scaled so that songs spread over about −1..=1.
    fn style(&self) -> Vec<f32> {
        let spread = |value: Option<f64>, middle: f64, width: f64| {
            value.map_or(0.0, |value| ((value - middle) / width) as f32)
        };
        let flow = self.sound.flow.as_ref();
        let chains = self.sound.chains.as_ref();
        let share_of = |list: &[&str]| {
            let hits = self
                .words
                .iter()
                .filter(|word| list.contains(&word.as_str()))
                .count();
            (!self.words.is_empty()).then(|| hits as f64 / self.words.len() as f64)
        };
        let line_count = self.text.lines.len() as f64;
        let per_line = |count: Option<usize>| count.map(|count| count as f64 / line_count.max(1.0));
        let letters: usize = self.words.iter().map(|word| word.chars().count()).sum();
        let mean_letters =
            (!self.words.is_empty()).then(|| letters as f64 / self.words.len() as f64);
        let explicit = self.words.iter().filter(|word| is_explicit(word)).count() as f64;
        let explicit_share = (!self.words.is_empty()).then(|| explicit / self.words.len() as f64);
        let mut statistics = vec![
            spread(flow.and_then(|flow| flow.mean), 9.0, 5.0),
            spread(flow.and_then(|flow| flow.variance).map(f64::sqrt), 2.5, 2.5),
            spread(self.sound.stress_regularity, 0.68, 0.15),
            spread(self.sound.alliteration, 0.12, 0.12),
            spread(chains.and_then(|chains| chains.density_ratio), 0.3, 0.25),
            spread(
                per_line(chains.map(|chains| chains.multi_syllable_count)),
                0.4,
                0.6,
            ),
            spread(
                per_line(chains.map(|chains| chains.internal_count)),
                0.6,
                0.8,
            ),
            spread(self.vocabulary.mattr_ratio, 0.7, 0.15),
            spread(self.vocabulary.mtld_words, 55.0, 50.0),
            spread(self.vocabulary.type_token_ratio, 0.45, 0.25),
            spread(self.repeated_line_ratio(), 0.25, 0.3),
            spread((line_count > 0.0).then(|| line_count.ln()), 3.6, 1.0),
            spread(mean_letters, 4.0, 0.8),
        ];
        let shares = STYLE_WORDS
            .iter()
            .map(|style| spread(share_of(style.words), style.middle, style.width));
        statistics.extend(shares);
        statistics.push(spread(explicit_share, 0.01, 0.02));
        statistics
    }
}

fn described(
    name: &str,
    value: Value,
    confidence: Option<f32>,
    method: &'static str,
) -> Descriptor {
    let confidence = if value.is_null() { None } else { confidence };
    Descriptor {
        name: name.to_owned(),
        value,
        confidence,
        method: method.to_owned(),
        version: WORDS_VERSION.to_owned(),
    }
}

fn measured(
    name: &str,
    value: Option<f64>,
    confidence: Option<f32>,
    method: &'static str,
) -> Descriptor {
    described(name, json!(value), confidence, method)
}
