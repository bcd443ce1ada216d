//! Where a Russian word may be stressed: what spelling, grammar and a list of common words tell.

use std::sync::OnceLock;

use super::sounds::is_vowel;
use super::stressed_words::STRESSED_WORDS;
use crate::lyrics::fixed_map::FixedMap;

/// A weight from which a stress counts as known.
const KNOWN_MIN: f32 = 0.9;
/// Candidates of less weight are left out.
const WEIGHT_MIN: f32 = 0.01;
/// Longest word that is read, in letters.
const LETTERS_MAX: usize = 40;
/// Weight of reading a stressed `е` as an unmarked `ё`: before a hard consonant or at the end, and before a
/// soft one, where the old language kept `е`.
const UNMARKED_YO: [f32; 2] = [0.25, 0.03];

/// Weights of the last vowel, the one before it, and so on, in words of two, three, four and more vowels,
/// where nothing else is known; our own estimates.
const PLAIN_WEIGHTS: [[f32; 5]; 4] = [
    [0.45, 0.55, 0.0, 0.0, 0.0],
    [0.25, 0.5, 0.25, 0.0, 0.0],
    [0.12, 0.43, 0.33, 0.12, 0.0],
    [0.08, 0.32, 0.35, 0.17, 0.08],
];

/// Endings with the weights of the last vowel, the one before it, and so on; what is left of 1 goes to the
/// vowels before these. Longer endings stand before those that they end in. The endings and their habits are
/// those of the grammar (Timberlake 2004, ch. 2 and 3), the weights our own estimates.
const ENDINGS: [(&[&str], &[f32]); 44] = [
    (&["ический", "ическая", "ическое"], &[0.0, 0.0, 0.95]),
    (&["ировать", "ивать", "ывать"], &[0.01, 0.02, 0.95]),
    (&["ация", "яция", "ации", "яции"], &[0.0, 0.0, 0.95]),
    (&["аниями", "ениями"], &[0.0, 0.02, 0.0, 0.9]),
    (
        &["ание", "ания", "анию", "анием", "аниях"],
        &[0.0, 0.0, 0.9],
    ),
    (
        &["ение", "ения", "ению", "ением", "ениях"],
        &[0.0, 0.0, 0.93],
    ),
    (&["анье", "анья", "анью", "аньем", "аньях"], &[0.02, 0.92]),
    (&["енье", "енья", "енью", "еньем", "еньях"], &[0.02, 0.94]),
    (&["аний", "ений"], &[0.02, 0.9]),
    (&["изм", "ист", "ант", "ент", "ун"], &[0.9]),
    (&["ость", "есть"], &[0.04]),
    (&["остью", "ости"], &[0.02, 0.04]),
    (&["тель", "теля", "телю", "тели"], &[0.0, 0.85]),
    (&["ими", "ыми"], &[0.02, 0.2]),
    (&["его"], &[0.05, 0.15]),
    (&["ого"], &[0.03, 0.3]),
    (&["ему"], &[0.1, 0.1]),
    (&["ому"], &[0.05, 0.3]),
    (
        &["енный", "енная", "енное", "енной", "енные", "енных"],
        &[0.05, 0.7],
    ),
    (
        &["анный", "анная", "анное", "анной", "анные", "анных"],
        &[0.05, 0.55],
    ),
    (
        &["ущий", "ющий", "ящий", "ащий", "имый", "емый"],
        &[0.0, 0.55],
    ),
    (&["ий", "ый"], &[0.0]),
    (&["ою", "ею"], &[0.03, 0.5]),
    (&["ой"], &[0.55]),
    (&["уя", "юя"], &[0.05, 0.75]),
    (&["ая"], &[0.03, 0.4]),
    (&["яя"], &[0.02, 0.35]),
    (&["ую", "ые"], &[0.02, 0.3]),
    (&["ое"], &[0.03, 0.3]),
    (&["ие", "ия", "ии", "ию", "юю"], &[0.03, 0.15]),
    (&["ее"], &[0.01, 0.55]),
    (&["ых", "ым", "их", "им"], &[0.35]),
    (
        &["ает", "ают", "аешь", "аем", "аю", "яет", "яют", "яю"],
        &[0.03, 0.7],
    ),
    (&["еет", "еют", "еешь", "еем"], &[0.0, 0.85]),
    (&["ует", "уют", "уешь"], &[0.03, 0.6]),
    (&["ять", "еть", "уть", "оть"], &[0.7]),
    (&["ать", "ить"], &[0.58]),
    (&["ала", "яла", "ела", "ила", "ула", "ыла"], &[0.12, 0.55]),
    (
        &[
            "али", "яли", "ели", "или", "ули", "ыли", "ало", "яло", "ело", "ило",
        ],
        &[0.02, 0.6],
    ),
    (
        &["ал", "ял", "ел", "ил", "ул", "ыл", "ав", "ив", "яв"],
        &[0.62],
    ),
    (&["ами", "ями"], &[0.02, 0.6]),
    (&["ешь", "ет", "ем"], &[0.35]),
    (&["ишь", "ит", "ят", "ат", "ут", "ют"], &[0.55]),
    (
        &[
            "ец", "ок", "ак", "як", "ач", "ам", "ям", "ах", "ях", "ов", "ом", "ей",
        ],
        &[0.58],
    ),
];

/// One way to stress a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StressCandidate {
    /// Place of the stressed vowel among the vowel letters, from 0.
    pub vowel: usize,
    /// Whether it is an `е` that is read as `ё`.
    pub is_yo: bool,
    /// How likely it is; the weights of a word sum up to about 1.
    pub weight: f32,
}

/// All ways to stress a word, as its spelling leaves them open.
#[derive(Debug, Clone, PartialEq)]
pub struct StressCandidates {
    /// The word in lower case; of a word with hyphens its last part.
    pub word: String,
    /// At least one.
    pub candidates: Vec<StressCandidate>,
    /// Whether the place of the stress is known by rule: `ё`, a single vowel, a listed word, or an ending
    /// that fixes it.
    pub is_known: bool,
}

impl StressCandidates {
    /// Finds them; `None` for a word without a Russian vowel.
    ///
    /// - Cost: O(letters), about fifty endings compared.
    /// - Source: A. Timberlake, *A Reference Grammar of Russian*, 2004, on what endings are stressed; the
    ///   weights are our own estimates.
    pub fn of(word: &str) -> Option<Self> {
        let lower: String = word.chars().flat_map(char::to_lowercase).collect();
        let part = lower.rsplit(['-', '‐', '‑']).next().unwrap_or("");
        let letters: Vec<char> = part
            .chars()
            .filter(|letter| letter.is_alphabetic())
            .take(LETTERS_MAX)
            .collect();
        let vowels: Vec<usize> = (0..letters.len())
            .filter(|at| is_vowel(letters[*at]))
            .collect();
        if vowels.is_empty() {
            return None;
        }
        let told = told_stress(&letters, &vowels);
        let is_told = told.is_some();
        let weights = told.unwrap_or_else(|| guessed_weights(&letters, vowels.len()));
        let mut candidates = Vec::new();
        for (vowel, weight) in weights {
            candidates.extend(read(&letters, &vowels, vowel, weight, is_told));
        }
        candidates.retain(|candidate| candidate.weight >= WEIGHT_MIN);
        let mut by_vowel = vec![0.0f32; vowels.len()];
        for candidate in &candidates {
            by_vowel[candidate.vowel] += candidate.weight;
        }
        Some(Self {
            word: letters.iter().collect(),
            candidates,
            is_known: by_vowel.iter().any(|weight| *weight >= KNOWN_MIN),
        })
    }
}

/// Places of stress, as places of vowels, with their weights.
type Weights = Vec<(usize, f32)>;

/// What `ё`, a single vowel or the list of words tell.
fn told_stress(letters: &[char], vowels: &[usize]) -> Option<Weights> {
    if let Some(yo) = vowels.iter().rposition(|at| letters[*at] == 'ё') {
        return Some(vec![(yo, 1.0)]);
    }
    if vowels.len() == 1 {
        return Some(vec![(0, 1.0)]);
    }
    let key: String = letters.iter().collect();
    let listed = listed_words().get(key.as_str())?;
    let share = 1.0 / listed.len() as f32;
    Some(listed.iter().map(|listed| (listed.vowel, share)).collect())
}

/// What the ending tells, and the habit of words of this length.
fn guessed_weights(letters: &[char], vowel_count: usize) -> Weights {
    let (stem_end, cut_vowels) = without_reflexive(letters);
    let word: String = letters[..stem_end].iter().collect();
    let count = vowel_count - cut_vowels;
    let endings = ENDINGS.iter();
    let fixed = endings
        .filter(|(endings, _)| endings.iter().any(|ending| word.ends_with(ending)))
        .map(|(_, weights)| *weights)
        .next()
        .unwrap_or(&[]);
    let plain = PLAIN_WEIGHTS[count.clamp(2, 5) - 2];
    let mut from_end = vec![0.0f32; count];
    let fixed_count = fixed.len().min(count);
    from_end[..fixed_count].copy_from_slice(&fixed[..fixed_count]);
    let left = 1.0 - from_end.iter().sum::<f32>();
    let open: f32 = plain.iter().take(count).skip(fixed_count).sum();
    if open > 0.0 {
        for (weight, plain) in from_end.iter_mut().zip(plain).skip(fixed_count) {
            *weight = left * plain / open;
        }
    }
    let total: f32 = from_end.iter().sum();
    from_end
        .into_iter()
        .enumerate()
        .map(|(back, weight)| (count - 1 - back, weight / total.max(f32::MIN_POSITIVE)))
        .collect()
}

/// Where a verb ends before its `-ся` or `-сь`, and the vowels of that.
fn without_reflexive(letters: &[char]) -> (usize, usize) {
    let is_long = letters.iter().filter(|letter| is_vowel(**letter)).count() > 2;
    match letters {
        [.., 'с', 'я'] if is_long => (letters.len() - 2, 1),
        [.., 'с', 'ь'] => (letters.len() - 2, 0),
        _ => (letters.len(), 0),
    }
}

/// The ways to read a stressed vowel: an `е` may stand for `ё`, unless the list says what it is.
fn read(
    letters: &[char],
    vowels: &[usize],
    vowel: usize,
    weight: f32,
    is_told: bool,
) -> Vec<StressCandidate> {
    let at = vowels[vowel];
    let candidate = |is_yo, weight| StressCandidate {
        vowel,
        is_yo,
        weight,
    };
    if letters[at] != 'е' {
        return vec![candidate(letters[at] == 'ё', weight)];
    }
    let key: String = letters.iter().collect();
    let listed = listed_words().get(key.as_str()).filter(|_| is_told);
    if let Some(listed) = listed.and_then(|all| all.iter().find(|one| one.vowel == vowel)) {
        return vec![candidate(listed.is_yo, weight)];
    }
    let next = letters[at + 1..]
        .iter()
        .position(|letter| is_vowel(*letter) || *letter == 'ь');
    let is_before_soft = match next {
        Some(0) | None => false,
        // The `с` of `-ся` is hard before it: `дается` is `даётся`.
        Some(2) if letters[at + 1..] == ['т', 'с', 'я'] => false,
        Some(gap) => matches!(letters[at + 1 + gap], 'ь' | 'е' | 'и' | 'ю' | 'я'),
    };
    let yo = UNMARKED_YO[usize::from(is_before_soft)];
    vec![
        candidate(false, weight * (1.0 - yo)),
        candidate(true, weight * yo),
    ]
}

/// Where a listed word is stressed.
struct Listed {
    vowel: usize,
    is_yo: bool,
}

fn listed_words() -> &'static FixedMap<String, Vec<Listed>> {
    static WORDS: OnceLock<FixedMap<String, Vec<Listed>>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut words: FixedMap<String, Vec<Listed>> = FixedMap::default();
        for marked in STRESSED_WORDS.split_whitespace() {
            let lower: String = marked.chars().flat_map(char::to_lowercase).collect();
            let letters = lower.chars().zip(marked.chars());
            let mut vowels = letters.filter(|(lower, _)| is_vowel(*lower)).enumerate();
            let stressed = vowels.find(|(_, (lower, marked))| lower != marked);
            let Some((vowel, (letter, _))) = stressed else {
                continue;
            };
            let is_yo = letter == 'ё';
            words
                .entry(lower.replace('ё', "е"))
                .or_default()
                .push(Listed { vowel, is_yo });
        }
        words
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn best(word: &str) -> (usize, bool, bool) {
        let found = StressCandidates::of(word).expect("has a vowel");
        let best = found
            .candidates
            .iter()
            .max_by(|one, other| one.weight.total_cmp(&other.weight))
            .expect("has a candidate");
        (best.vowel, best.is_yo, found.is_known)
    }

    #[test]
    fn spelling_endings_and_the_list_tell_the_stress() {
        for (word, expected) in [
            ("дом", (0, false, true)),
            ("Зелёный", (1, true, true)),
            ("зеленый", (1, true, true)),
            ("когда", (1, false, true)),
            ("мечтанье", (1, false, true)),
            ("наслаждений", (2, false, true)),
            ("политический", (2, false, true)),
            ("радость", (0, false, true)),
            ("как-нибудь", (1, false, true)),
            ("торжествуя", (2, false, false)),
            ("казался", (1, false, false)),
        ] {
            assert_eq!(best(word), expected, "{word}");
        }
        assert_eq!(StressCandidates::of("в"), None);
        assert_eq!(StressCandidates::of("hello"), None);
        let mountains = StressCandidates::of("горы").expect("has vowels");
        assert_eq!(mountains.candidates.len(), 2);
        assert!(!mountains.is_known);
    }

    #[test]
    fn every_listed_word_has_one_stress() {
        for marked in STRESSED_WORDS.split_whitespace() {
            let capitals = marked
                .chars()
                .filter(|letter| letter.is_uppercase())
                .count();
            assert_eq!(capitals, 1, "{marked}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn weights_sum_to_one(word in "[абвгдежзиклмностуыьэюяё]{1,14}") {
            if let Some(found) = StressCandidates::of(&word) {
                let sum: f32 = found.candidates.iter().map(|one| one.weight).sum();
                prop_assert!((0.9..1.001).contains(&sum), "{sum}");
            }
        }
    }
}
