//! Names as they are compared: without case, accents, punctuation, guests and remasters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that introduce a guest.
const GUEST_WORDS: [&str; 4] = ["feat", "ft", "featuring", "with"];
/// Words that say that this is another recording of the same song.
const VERSION_WORDS: [&str; 30] = [
    "acapella",
    "acappella",
    "acoustic",
    "alternate",
    "club",
    "cover",
    "demo",
    "dub",
    "edit",
    "extended",
    "instrumental",
    "interlude",
    "intro",
    "karaoke",
    "live",
    "mix",
    "orchestral",
    "outtake",
    "piano",
    "radio",
    "rehearsal",
    "remix",
    "reprise",
    "rework",
    "session",
    "skit",
    "slowed",
    "sped",
    "take",
    "unplugged",
];
/// Words of an addition that names the same recording.
const NEUTRAL_WORDS: [&str; 24] = [
    "album",
    "anniversary",
    "bonus",
    "clean",
    "deluxe",
    "digital",
    "digitally",
    "edition",
    "explicit",
    "expanded",
    "hd",
    "lp",
    "mono",
    "original",
    "remaster",
    "remastered",
    "remasterizado",
    "single",
    "soundtrack",
    "stereo",
    "track",
    "version",
    "video",
    "lyric",
];
/// Words between the artists of one credit.
const ARTIST_JOINTS: [&str; 9] = [
    "and",
    "feat",
    "ft",
    "featuring",
    "with",
    "x",
    "vs",
    "versus",
    "y",
];

/// A title in the parts that are compared apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TitleKey {
    /// The song.
    pub name: String,
    /// Which recording of it: `live at leeds`, `acoustic`; empty for the usual one.
    pub version: String,
}

/// An artist credit in the parts that are compared apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtistKey {
    /// The whole credit.
    pub whole: String,
    /// The artists in it, as credited; the first carries the most.
    pub parts: Vec<String>,
}

/// Writes a text as words of lower-case letters and digits with one space between: no accents, no
/// punctuation, `&` as `and`.
pub fn folded(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '.' => {}
            '&' | '+' => kept.push_str(" and "),
            'ß' => kept.push_str("ss"),
            'æ' | 'Æ' => kept.push_str("ae"),
            'œ' | 'Œ' => kept.push_str("oe"),
            'ø' | 'Ø' => kept.push('o'),
            'ł' | 'Ł' => kept.push('l'),
            'đ' | 'Đ' => kept.push('d'),
            c if c.is_alphanumeric() => kept.extend(c.to_lowercase()),
            _ => kept.push(' '),
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes a title apart.
pub fn title_key(title: &str) -> TitleKey {
    let mut name: Vec<String> = Vec::new();
    let mut version: Vec<String> = Vec::new();
    for (is_addition, text) in segments(title) {
        let words: Vec<String> = folded(&text)
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(|word| if word == "pt" { "part" } else { word }.to_owned())
            .collect();
        let is_guest = |word: &String| GUEST_WORDS.contains(&word.as_str());
        if !is_addition {
            // `with` is an ordinary word of titles; only in brackets it introduces a guest.
            let guest = words
                .iter()
                .position(|word| is_guest(word) && word != "with");
            let end = guest.filter(|at| *at > 0).unwrap_or(words.len());
            name.extend_from_slice(&words[..end]);
        } else if words.first().is_some_and(is_guest) || is_neutral(&words) {
        } else if words
            .iter()
            .any(|word| VERSION_WORDS.contains(&word.as_str()))
        {
            version.extend(words.into_iter().filter(|word| !says_the_same(word)));
        } else {
            name.extend(words);
        }
    }
    if name.is_empty() {
        let whole = folded(title);
        return TitleKey {
            name: if whole.is_empty() {
                title.trim().to_lowercase()
            } else {
                whole
            },
            version: String::new(),
        };
    }
    TitleKey {
        name: name.join(" "),
        version: version.join(" "),
    }
}

/// Takes an artist credit apart.
pub fn artist_key(artist: &str) -> ArtistKey {
    let whole = without_article(&folded(artist));
    let mut parts: Vec<String> = Vec::new();
    for credited in artist.split([',', ';', '/', '(', ')', '[', ']']) {
        let mut part: Vec<String> = Vec::new();
        for word in folded(credited).split_whitespace() {
            if ARTIST_JOINTS.contains(&word) {
                parts.push(part.join(" "));
                part.clear();
            } else {
                part.push(word.to_owned());
            }
        }
        parts.push(part.join(" "));
    }
    let mut kept: Vec<String> = Vec::new();
    for part in parts.into_iter().map(|part| without_article(&part)) {
        if !part.is_empty() && part != "the" && !kept.contains(&part) {
            kept.push(part);
        }
    }
    if kept.is_empty() {
        kept.push(whole.clone());
    }
    ArtistKey { whole, parts: kept }
}

fn without_article(words: &str) -> String {
    words.strip_prefix("the ").unwrap_or(words).to_owned()
}

fn is_neutral(words: &[String]) -> bool {
    let says_nothing = |word: &String| {
        NEUTRAL_WORDS.contains(&word.as_str()) || word.chars().all(|c| c.is_ascii_digit())
    };
    // `(1999)` alone may be the song; a year beside `remaster` is not.
    let is_original_mix = words == ["original", "mix"];
    let has_word = words
        .iter()
        .any(|word| NEUTRAL_WORDS.contains(&word.as_str()));
    is_original_mix || has_word && words.iter().all(says_nothing)
}

fn says_the_same(word: &str) -> bool {
    let is_year = word.len() == 4 && word.chars().all(|c| c.is_ascii_digit());
    is_year || NEUTRAL_WORDS.contains(&word)
}

/// The text outside brackets, and each addition: what stands in brackets or behind a dash with
/// spaces around.
fn segments(title: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let (mut depth, mut current, mut is_tail) = (0_u32, String::new(), false);
    let characters: Vec<char> = title.chars().collect();
    for (place, c) in characters.iter().enumerate() {
        let beside = |step: isize| {
            let at = place.checked_add_signed(step);
            at.and_then(|at| characters.get(at)) == Some(&' ')
        };
        let is_dash = matches!(c, '-' | '–' | '—') && beside(-1) && beside(1);
        let is_edge = matches!(c, '(' | '[' | ')' | ']') || is_dash && depth == 0;
        if !is_edge {
            current.push(*c);
            continue;
        }
        found.push((depth > 0 || is_tail, std::mem::take(&mut current)));
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => is_tail = true,
        }
    }
    found.push((depth > 0 || is_tail, current));
    found.retain(|(_, text)| !text.trim().is_empty());
    if let Some(first) = found.first_mut()
        && title.trim_start().starts_with(|c| c != '(' && c != '[')
    {
        first.0 = false;
    }
    found
}

/// How alike two texts are, 0 to 1: one minus the optimal string alignment distance (insert, drop,
/// change, swap neighbours) over the longer length.
///
/// - Cost: O(product of the lengths).
pub fn likeness(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longer = a.len().max(b.len());
    // Names that differ in length by half cannot be alike; do not fill the table for them.
    if a.len().abs_diff(b.len()) * 2 > longer {
        return 0.0;
    }
    let mut before = vec![0_usize; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, x) in a.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, y) in b.iter().enumerate() {
            let changed = above[column] + usize::from(x != y);
            let mut cost = changed.min(above[column + 1] + 1).min(line[column] + 1);
            let is_swap = row > 0 && column > 0 && *x == b[column - 1] && a[row - 1] == *y;
            if is_swap {
                cost = cost.min(before[column - 1] + 1);
            }
            line.push(cost);
        }
        before = std::mem::replace(&mut above, line);
    }
    1.0 - above[b.len()] as f32 / longer.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_lose_what_does_not_name_the_recording() {
        let check = |title: &str, name: &str, version: &str| {
            let key = title_key(title);
            assert_eq!(
                (key.name.as_str(), key.version.as_str()),
                (name, version),
                "{title}"
            );
        };
        check("Don’t Stop", "dont stop", "");
        check("Café del Mar (feat. Somebody Else)", "cafe del mar", "");
        check("Song feat. Guest", "song", "");
        check("Dancing with Myself", "dancing with myself", "");
        check("Song (with Guest)", "song", "");
        check("Heroes - 2017 Remaster", "heroes", "");
        check("Heroes (Remastered 2009)", "heroes", "");
        check("Heroes - Single Version", "heroes", "");
        check("Heroes (Live at Leeds)", "heroes", "live at leeds");
        check("Heroes - Live", "heroes", "live");
        check("Heroes (Live) [2009 Remaster]", "heroes", "live");
        check("Strobe (Original Mix)", "strobe", "");
        check("Strobe (Club Edit)", "strobe", "club edit");
        check(
            "(I Can't Get No) Satisfaction",
            "i cant get no satisfaction",
            "",
        );
        check("1999", "1999", "");
        check("(1999)", "1999", "");
        check("Shine On, Pt. 1", "shine on part 1", "");
        check("Live", "live", "");
        check("!!!", "!!!", "");
        check("Rock & Roll", "rock and roll", "");
    }

    #[test]
    fn artists_are_taken_apart() {
        let check = |artist: &str, expected: &[&str]| {
            assert_eq!(artist_key(artist).parts, expected, "{artist}");
        };
        check("The Beatles", &["beatles"]);
        check("Beatles, The", &["beatles"]);
        check("Simon & Garfunkel", &["simon", "garfunkel"]);
        check("Drake feat. Future", &["drake", "future"]);
        check("Björk", &["bjork"]);
        check("A; B / C", &["a", "b", "c"]);
        check("The The", &["the"]);
        check("", &[""]);
    }

    #[test]
    fn likeness_counts_typing_mistakes() {
        let check = |a: &str, b: &str, expected: f32| {
            let (there, back) = (likeness(a, b), likeness(b, a));
            assert!(
                (there - expected).abs() < 1e-6 && there == back,
                "{a} {b}: {there}"
            );
        };
        check("", "", 1.0);
        check("abcd", "abcd", 1.0);
        check("abcd", "abdc", 0.75);
        check("abcd", "abd", 0.75);
        check("abcd", "xbcd", 0.75);
        check("abcd", "a", 0.0);
    }
}
