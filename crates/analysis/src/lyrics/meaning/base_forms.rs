//! English words in the form that a list has them in.

/// Looks a folded word up in a list of base forms: the word itself, else the first base form that is listed.
pub(super) fn of_base_form<T>(word: &str, listed: impl Fn(&str) -> Option<T>) -> Option<T> {
    let word = word.strip_suffix("'s").unwrap_or(word).trim_matches('\'');
    if let Some(found) = listed(word) {
        return Some(found);
    }
    // `-in` for `-ing` is how singers spell it; the lists have no word that this confuses.
    let endings = [
        ("ies", "y"),
        ("ied", "y"),
        ("es", ""),
        ("s", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
        ("in", "e"),
        ("in", ""),
    ];
    for (ending, replacement) in endings {
        let long_enough = |stem: &&str| stem.len() + replacement.len() >= 3;
        let Some(stem) = word.strip_suffix(ending).filter(long_enough) else {
            continue;
        };
        let undoubled = || {
            let mut letters = stem.chars().rev();
            let is_double = letters.next() == letters.next();
            // Doubling follows a short vowel before -ed and -ing: `hugging` is of `hug`.
            is_double.then(|| stem.char_indices().last().map(|(last, _)| &stem[..last]))?
        };
        let found = match replacement {
            "" => listed(stem).or_else(|| listed(undoubled()?)),
            _ => listed(&format!("{stem}{replacement}")),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
