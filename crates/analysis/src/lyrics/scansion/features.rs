//! What a scanner sees of a syllable: the weight of its word, its place there, and its neighbours.

use crate::lyrics::syllables::SungWord;

/// Small words of verse that [`SungWord::is_small`] does not count: older forms, auxiliaries, joints;
/// sorted.
const LIGHT_WORDS: [&str; 33] = [
    "'tis", "'twas", "all", "am", "art", "doth", "hast", "hath", "here", "how", "let", "like",
    "may", "might", "more", "must", "now", "o", "o'er", "one", "shall", "some", "such", "thee",
    "thou", "through", "thy", "till", "while", "whose", "why", "ye", "yet",
];

/// How heavy a syllable is before its line is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Weight {
    /// A small word of one syllable.
    Light,
    /// Another word of one syllable.
    Heavy,
    /// Unstressed in a longer word.
    Unstressed,
    /// Primary stress of a longer word.
    Primary,
    /// Secondary stress of a longer word.
    Secondary,
}

/// Count of weights, and with the edge of the line.
const WEIGHTS: usize = 5;
const NEIGHBOURS: usize = WEIGHTS + 1;
const EDGE: usize = WEIGHTS;
/// Places and lengths of words are counted up to here.
const PLACES: usize = 5;

/// Blocks of features, in order; each constant is where its block begins.
const OWN: usize = 1;
const BEFORE: usize = OWN + WEIGHTS;
const AFTER: usize = BEFORE + NEIGHBOURS * WEIGHTS;
const BETWEEN: usize = AFTER + NEIGHBOURS * WEIGHTS;
const PLACE: usize = BETWEEN + NEIGHBOURS * NEIGHBOURS * WEIGHTS;
const PATTERN: usize = PLACE + 3 * PLACES * PLACES;
const GUESSED: usize = PATTERN + 2 * 9 + 3 * 27 + PLACES * PLACES;
const FIRST: usize = GUESSED + PLACES * PLACES;
const LAST: usize = FIRST + WEIGHTS;
/// Where the features of single words begin: for each, that it stands there, and that a heavy or
/// stressed syllable follows it.
pub(super) const WORDS: usize = LAST + WEIGHTS;

struct Seen<'a> {
    word: &'a SungWord,
    place: usize,
    weight: Weight,
}

/// Reads the features of every syllable of a line: tells the place of the syllable and that of a weight.
///
/// - Shape: `listed` are the words that have weights of their own, sorted.
/// - Cost: O(syllables), about ten features for each.
pub(super) fn each_feature(
    line: &[SungWord],
    listed: &[String],
    mut tell: impl FnMut(usize, usize),
) {
    let seen: Vec<Seen<'_>> = line.iter().flat_map(seen_of).collect();
    let weight_at = |at: Option<usize>| {
        at.and_then(|at| seen.get(at))
            .map_or(EDGE, |seen| seen.weight as usize)
    };
    for (at, own) in seen.iter().enumerate() {
        let weight = own.weight as usize;
        let (before, after) = (weight_at(at.checked_sub(1)), weight_at(Some(at + 1)));
        tell(at, 0);
        tell(at, OWN + weight);
        tell(at, BEFORE + before * WEIGHTS + weight);
        tell(at, AFTER + after * WEIGHTS + weight);
        tell(
            at,
            BETWEEN + (before * NEIGHBOURS + after) * WEIGHTS + weight,
        );
        if at == 0 {
            tell(at, FIRST + weight);
        }
        if at + 1 == seen.len() {
            tell(at, LAST + weight);
        }
        if !is_bare(own.word) {
            in_word(own).for_each(|feature| tell(at, feature));
        } else if let Ok(index) = listed.binary_search(&own.word.folded) {
            tell(at, WORDS + 2 * index);
            if after == Weight::Heavy as usize || after == Weight::Primary as usize {
                tell(at, WORDS + 2 * index + 1);
            }
        }
    }
}

/// Tells whether verse seldom stresses a word, though it may.
pub fn is_light(word: &SungWord) -> bool {
    word.is_small || LIGHT_WORDS.binary_search(&word.folded.as_str()).is_ok()
}

/// Tells whether a word has one syllable, and so takes its stress from the line.
pub(super) fn is_bare(word: &SungWord) -> bool {
    word.syllables.len() == 1
}

fn seen_of(word: &SungWord) -> impl Iterator<Item = Seen<'_>> {
    word.syllables
        .iter()
        .enumerate()
        .map(move |(place, syllable)| Seen {
            word,
            place,
            weight: match (is_bare(word), syllable.stress) {
                (true, _) if is_light(word) => Weight::Light,
                (true, _) => Weight::Heavy,
                (false, 1) => Weight::Primary,
                (false, 2) => Weight::Secondary,
                (false, _) => Weight::Unstressed,
            },
        })
}

/// Features of a syllable of a longer word: its place, and the stresses of the whole.
fn in_word(seen: &Seen<'_>) -> impl Iterator<Item = usize> {
    let syllables = &seen.word.syllables;
    let length = syllables.len().min(PLACES);
    let place = seen.place.min(PLACES - 1);
    let spot = place * PLACES + length - 1;
    let stress = |at: usize| {
        syllables
            .get(at)
            .map_or(0, |s| usize::from(s.stress.min(2)))
    };
    let pattern = match syllables.len() {
        2 => (stress(0) * 3 + stress(1)) * 2 + place,
        3 => 18 + ((stress(0) * 3 + stress(1)) * 3 + stress(2)) * 3 + place,
        _ => {
            let primary = syllables.iter().position(|s| s.stress == 1).unwrap_or(0);
            18 + 81 + primary.min(PLACES - 1) * PLACES + place
        }
    };
    let own = PLACE + stress(seen.place) * PLACES * PLACES + spot;
    [own, PATTERN + pattern]
        .into_iter()
        .chain(seen.word.is_guessed.then_some(GUESSED + spot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::syllables::Singer;

    #[test]
    fn features_stay_in_their_table() {
        assert!(LIGHT_WORDS.is_sorted());
        let listed = ["hill".to_owned(), "the".to_owned()];
        let line = Singer::default().sing("the unquestionable blorkestation of the hill");
        let mut seen = Vec::new();
        each_feature(&line, &listed, |at, feature| seen.push((at, feature)));
        assert!(
            seen.iter()
                .all(|(_, feature)| *feature < WORDS + 2 * listed.len())
        );
        let words: Vec<_> = seen
            .iter()
            .filter(|(_, feature)| *feature >= WORDS)
            .collect();
        let count: usize = line.iter().map(|word| word.syllables.len()).sum();
        // The first "the" stands before a weak syllable, the second before a heavy one.
        let expected = [
            (0, WORDS + 2),
            (count - 2, WORDS + 2),
            (count - 2, WORDS + 3),
            (count - 1, WORDS),
        ];
        assert_eq!(words, expected.iter().collect::<Vec<_>>());
    }
}
