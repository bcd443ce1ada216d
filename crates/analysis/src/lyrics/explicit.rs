//! Words that make a track explicit; a small list of our own, English and Russian.

/// Stems that count with any ending.
const STEMS: [&str; 17] = [
    "fuck",
    "motherfuck",
    "shit",
    "bullshit",
    "bitch",
    "nigg",
    "cunt",
    "whore",
    "asshole",
    "dickhead",
    "faggot",
    "pussy",
    "хуй",
    "хуе",
    "блят",
    "пизд",
    "ебат",
];
/// Words that count only whole: as stems they would catch harmless words.
const WHOLE_WORDS: [&str; 17] = [
    "ass", "dick", "dicks", "cock", "hoe", "hoes", "slut", "sluts", "cum", "tits", "fag", "thot",
    "mf", "muhfucka", "сука", "суки", "бля",
];

/// Tells whether a folded word is explicit; starred spellings (`f**k`) are not seen.
pub fn is_explicit(word: &str) -> bool {
    let bare = word.trim_matches('\'');
    STEMS.iter().any(|stem| bare.starts_with(stem)) || WHOLE_WORDS.contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catches_forms_and_spares_harmless_words() {
        assert!(
            ["fuckin'", "bitches", "ass", "shitty"]
                .iter()
                .all(|word| is_explicit(word))
        );
        let harmless = [
            "class",
            "assume",
            "cocktail",
            "hoed",
            "scunthorpe",
            "dickens",
            "title",
        ];
        assert!(harmless.iter().all(|word| !is_explicit(word)));
    }
}
