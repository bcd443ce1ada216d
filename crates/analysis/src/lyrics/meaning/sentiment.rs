//! The feeling of one line: valences of its words, changed by the words and signs around them.

use super::lexicon::SentimentLexicon;
use super::modifiers::Role;
use crate::lyrics::tokens::folded;

/// What a degree word adds to the valence after it.
const DEGREE_STEP: f64 = 0.293;
/// What is left of that with no, one and two words between.
const DEGREE_BY_DISTANCE: [f64; NEGATION_REACH] = [1.0, 0.95, 0.9];
/// Words after a negation that it turns, as far as a degree word reaches too.
pub(super) const NEGATION_REACH: usize = 3;
/// What capitals add, when not everything is in capitals.
const CAPITALS_STEP: f64 = 0.733;
/// What a negation multiplies with: the opposite of "good" is less than "bad".
const NEGATION_FACTOR: f64 = -0.74;
/// Weights before and after `but`: what follows is what is meant.
const BUT_FACTORS: (f64, f64) = (0.5, 1.5);
/// What one exclamation mark adds; more than four add nothing.
const EXCLAMATION_STEP: f64 = 0.292;
const EXCLAMATION_COUNT_MAX: usize = 4;
/// What one of two or three question marks adds, and what four or more add together.
const QUESTION_STEP: f64 = 0.18;
const QUESTION_SUM_MAX: f64 = 0.96;
/// Square of the sum that stands at 0.71 of the scale; near the largest sum expected of a sentence.
const NORMALISER: f64 = 15.0;

/// What one line says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LineSentiment {
    /// Normalised sum of valences, −1..=1; 0 when no word is in the lexicon.
    pub compound: f64,
    /// Words and emoticons that are in the lexicon.
    pub matched_count: usize,
    /// Matched ones and all other words that are neither function words nor modifiers.
    pub content_count: usize,
}

/// Measures the sentiment of one line or sentence.
///
/// - Shape: any text; words stand between spaces, outer punctuation is cut off.
/// - Units: see [`LineSentiment`].
/// - Cost: O(characters).
/// - Source: Hutto and Gilbert, ICWSM 2014, the five heuristics and their constants. Departures:
///   typographic apostrophes and dashes are read as plain ones, `runnin'` is read as `running`, words
///   of two letters lose their punctuation too, `nobody` negates, and idioms, `least`, `never so`
///   and emoji have no rule of their own.
pub fn measure_line(line: &str) -> LineSentiment {
    let words = words_of(line);
    let is_emphasis = has_mixed_case(&words);
    let valences: Vec<f64> = (0..words.len())
        .map(|place| valence_in_context(&words, place, is_emphasis))
        .collect();
    let sum = weighted_by_but(&words, &valences);
    let sum = if sum == 0.0 {
        0.0
    } else {
        sum + sum.signum() * punctuation_emphasis(line)
    };
    let is_matched = |word: &&Word| word.valence.is_some();
    LineSentiment {
        compound: (sum / (sum * sum + NORMALISER).sqrt()).clamp(-1.0, 1.0),
        matched_count: words.iter().filter(is_matched).count(),
        content_count: words
            .iter()
            .filter(|word| word.valence.is_some() || word.role == Role::Content)
            .count(),
    }
}

struct Word {
    folded: String,
    role: Role,
    /// Has capitals and no small letter.
    is_capital: bool,
    valence: Option<f64>,
}

fn words_of(line: &str) -> Vec<Word> {
    let lexicon = SentimentLexicon::embedded();
    let is_gap = |letter: char| letter.is_whitespace() || matches!(letter, '—' | '–' | '…');
    // A search for two hyphens costs as much as a word, and most lines have none.
    let has_dashes = line.contains("--");
    let mut words = Vec::new();
    for chunk in line.split(is_gap) {
        if has_dashes {
            let parts = chunk.split("--").filter(|part| !part.is_empty());
            words.extend(parts.filter_map(|part| read_word(lexicon, part)));
        } else if !chunk.is_empty() {
            words.extend(read_word(lexicon, chunk));
        }
    }
    words
}

fn read_word(lexicon: &SentimentLexicon, chunk: &str) -> Option<Word> {
    let bare = chunk.trim_matches(|letter: char| !letter.is_alphanumeric());
    let emoticon = || {
        let has_sign = chunk.chars().any(|letter| letter.is_ascii_punctuation());
        let listed = lexicon.valence(chunk);
        has_sign.then(|| listed.or_else(|| lexicon.valence(&chunk.to_lowercase())))?
    };
    let folded = folded(bare);
    if folded.is_empty() {
        // Signs alone are an emoticon or nothing.
        return emoticon().map(|valence| Word {
            folded: chunk.to_owned(),
            role: Role::Content,
            is_capital: false,
            valence: Some(valence),
        });
    }
    let has_dropped_g = || {
        let rest = || chunk.split_once(bare).map_or("", |(_, rest)| rest);
        folded.ends_with("in") && rest().starts_with(['\'', '’', '‘', '`'])
    };
    let mut valence = lexicon.valence(&folded);
    if valence.is_none() && has_dropped_g() {
        valence = lexicon.valence(&format!("{folded}g"));
    }
    Some(Word {
        is_capital: bare.chars().any(char::is_uppercase) && !bare.chars().any(char::is_lowercase),
        // An emoticon such as `:D` holds letters; the word inside it is none of its own.
        valence: (folded.len() <= 2).then(emoticon).flatten().or(valence),
        role: Role::of(&folded),
        folded,
    })
}

/// Tells whether some words, but not all, are in capitals: only then do capitals mean something.
fn has_mixed_case(words: &[Word]) -> bool {
    let capitals = words.iter().filter(|word| word.is_capital).count();
    (1..words.len()).contains(&capitals)
}

fn valence_in_context(words: &[Word], place: usize, is_emphasis: bool) -> f64 {
    let Some((word, valence)) = words
        .get(place)
        .and_then(|word| Some((word, word.valence?)))
        .filter(|(word, _)| word.role.degree() == 0.0)
    else {
        return 0.0;
    };
    let next = words.get(place + 1);
    let is_before = |other: &str| next.is_some_and(|next| next.folded == other);
    // `kind of` weakens and is not kind; a `no` before a feeling turns it and is none itself.
    let is_degree_pair = matches!(word.folded.as_str(), "kind" | "sort") && is_before("of");
    let is_turning = word.folded == "no" && next.is_some_and(|next| next.valence.is_some());
    if is_degree_pair || is_turning {
        return 0.0;
    }
    let mut total = valence;
    if is_emphasis && word.is_capital {
        total += CAPITALS_STEP * valence.signum();
    }
    for (distance, share) in (1..).zip(DEGREE_BY_DISTANCE) {
        let Some(before) = place.checked_sub(distance) else {
            break;
        };
        total += degree_step(words, before, is_emphasis) * share * total.signum();
        if words
            .get(before)
            .is_some_and(|word| word.role == Role::Negation)
        {
            total *= NEGATION_FACTOR;
        }
    }
    total
}

/// What the word at `place` adds to the strength of a feeling after it; capitals add to it, whichever
/// way the word points: whoever shouts means it.
fn degree_step(words: &[Word], place: usize, is_emphasis: bool) -> f64 {
    let Some(word) = words.get(place) else {
        return 0.0;
    };
    let before = place.checked_sub(1).and_then(|before| words.get(before));
    let is_pair = word.folded == "of"
        && before.is_some_and(|before| matches!(before.folded.as_str(), "kind" | "sort"));
    let direction = if is_pair {
        Role::Dampener.degree()
    } else {
        word.role.degree()
    };
    if direction == 0.0 {
        return 0.0;
    }
    let emphasis = if is_emphasis && word.is_capital {
        CAPITALS_STEP
    } else {
        0.0
    };
    direction * DEGREE_STEP + emphasis
}

fn weighted_by_but(words: &[Word], valences: &[f64]) -> f64 {
    let Some(turn) = words.iter().position(|word| word.folded == "but") else {
        return valences.iter().sum();
    };
    let (before, after) = valences.split_at(turn);
    before.iter().sum::<f64>() * BUT_FACTORS.0 + after.iter().sum::<f64>() * BUT_FACTORS.1
}

fn punctuation_emphasis(line: &str) -> f64 {
    let count = |sign: char| line.chars().filter(|letter| *letter == sign).count();
    let exclamation = count('!').min(EXCLAMATION_COUNT_MAX) as f64 * EXCLAMATION_STEP;
    let question = match count('?') {
        0 | 1 => 0.0,
        few @ 2..=3 => few as f64 * QUESTION_STEP,
        _ => QUESTION_SUM_MAX,
    };
    exclamation + question
}
