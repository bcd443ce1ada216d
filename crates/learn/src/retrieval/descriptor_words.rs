//! Words of a query that describe instead of naming: `140 bpm`, `A minor`, `90s`, `under 3 min`.

use std::ops::Range;

use super::fold::{Token, tokenize};

/// How far from a single tempo another still is that tempo: the tolerance of tempo evaluations.
const TEMPO_TOLERANCE: f32 = 0.04;
/// How far from a single length another still is that length: half a minute in five.
const DURATION_TOLERANCE: f32 = 0.1;
/// Tempi and years that are believed; other numbers stay words.
const TEMPI_BPM: (f32, f32) = (20.0, 400.0);
const YEARS: (u16, u16) = (1900, 2099);
const MINUTES_MAX: f32 = 24.0 * 60.0;
/// Words in the longest genre that is looked for.
const GENRE_WORDS_MAX: usize = 3;

/// A key by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyName {
    /// Pitch class of the tonic, C = 0.
    pub tonic: u8,
    /// Whether it is minor.
    pub is_minor: bool,
}

/// What words describe.
#[derive(Debug, Clone, PartialEq)]
pub enum DescriptorWord {
    /// A tempo from to, beats a minute.
    TempoBpm(f32, f32),
    /// A key.
    Key(KeyName),
    /// Years of release from to.
    Year(u16, u16),
    /// Milliseconds from to; 0 and the largest number stand for no bound.
    DurationMs(u32, u32),
    /// A genre of the catalogue, folded.
    Genre(String),
}

/// A query taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DescriptorWords {
    /// What is left to be looked for.
    pub rest: String,
    /// What was described, with the bytes of the query that say so.
    pub found: Vec<(DescriptorWord, Range<usize>)>,
}

impl DescriptorWords {
    /// Takes the describing words out of a query. `is_genre` knows the folded genres of the
    /// catalogue, words apart by one space.
    ///
    /// Of two descriptions of one kind both count. What is not believable stays words: `1000 bpm`.
    ///
    /// - Cost: O(words).
    pub fn parse(text: &str, is_genre: &dyn Fn(&str) -> bool) -> Self {
        let reader = Reader {
            text,
            tokens: tokenize(text),
        };
        let mut found: Vec<(DescriptorWord, Range<usize>)> = Vec::new();
        let mut place = 0;
        while place < reader.tokens.len() {
            let read = (reader.tempo(place))
                .or_else(|| reader.duration(place))
                .or_else(|| reader.key(place))
                .or_else(|| reader.year(place))
                .or_else(|| reader.genre(place, is_genre));
            match read {
                Some((word, next)) => {
                    let span = reader.tokens[place].span.start..reader.end(next);
                    found.push((word, span));
                    place = next;
                }
                None => place += 1,
            }
        }
        let mut rest = String::with_capacity(text.len());
        let mut from = 0;
        for (_, span) in &found {
            rest.push_str(&text[from..span.start]);
            from = span.end;
        }
        rest.push_str(&text[from..]);
        // A separator that stood between descriptions is nothing to look for.
        let is_open = rest.ends_with(|c: char| c.is_alphanumeric());
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut rest = words.join(" ");
        if !is_open && !rest.is_empty() {
            rest.push(' ');
        }
        Self { rest, found }
    }
}

/// A description with the place after it.
type Read = Option<(DescriptorWord, usize)>;

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn word(&self, place: usize) -> &str {
        self.tokens.get(place).map_or("", |token| &token.text)
    }

    /// Where what ends before a place ends; a `#` belongs to the note before it.
    fn end(&self, next: usize) -> usize {
        let token = &self.tokens[next - 1];
        let has_sharp = self.text[token.span.end..].starts_with(['#', '♯', '♭']);
        let mark = self.text[token.span.end..].chars().next();
        let mark = mark.filter(|_| has_sharp).map_or(0, char::len_utf8);
        token.span.end + mark
    }

    /// What stands between a token and the next.
    fn gap(&self, place: usize) -> &str {
        match (self.tokens.get(place), self.tokens.get(place + 1)) {
            (Some(one), Some(next)) => &self.text[one.span.end..next.span.start],
            _ => "",
        }
    }

    /// A number or two with a dash between, each with the unit that may stick to the last.
    fn numbers(&self, place: usize) -> Option<(f32, f32, String, usize)> {
        let (first, unit) = split_number(self.word(place))?;
        if !unit.is_empty() {
            return Some((first, first, unit.to_owned(), place + 1));
        }
        let dash = self.gap(place).trim();
        if matches!(dash, "-" | "–" | "—" | "..")
            && let Some((second, unit)) = split_number(self.word(place + 1))
            && second >= first
        {
            return Some((first, second, unit.to_owned(), place + 2));
        }
        Some((first, first, String::new(), place + 1))
    }

    fn tempo(&self, place: usize) -> Read {
        let is_named = matches!(self.word(place), "bpm" | "tempo" | "темп");
        let (from, to, unit, next) = self.numbers(place + usize::from(is_named))?;
        let next = match (unit.as_str(), self.word(next)) {
            ("bpm", _) => next,
            ("", "bpm") => next + 1,
            ("", _) if is_named => next,
            _ => return None,
        };
        let is_believable = from >= TEMPI_BPM.0 && to <= TEMPI_BPM.1;
        let (from, to) = widened(from, to, TEMPO_TOLERANCE);
        is_believable.then_some((DescriptorWord::TempoBpm(from, to), next))
    }

    fn duration(&self, place: usize) -> Read {
        let bound = self.word(place);
        let is_under = matches!(bound, "under" | "below" | "shorter");
        let is_over = matches!(bound, "over" | "above" | "longer");
        let than = usize::from(self.word(place + 1) == "than");
        let from_place = if is_under || is_over {
            place + 1 + than
        } else {
            place
        };
        let (from, to, unit, next) = self.numbers(from_place)?;
        let is_unit = |unit: &str| matches!(unit, "min" | "mins" | "minute" | "minutes" | "мин");
        let next = match unit.as_str() {
            unit if is_unit(unit) => next,
            "" if is_unit(self.word(next)) => next + 1,
            _ => return None,
        };
        if from <= 0.0 || to > MINUTES_MAX {
            return None;
        }
        let ms = |minutes: f32| (minutes * 60_000.0).round() as u32;
        let (least, most) = widened(from, to, DURATION_TOLERANCE);
        let range = match (is_under, is_over) {
            (true, _) => DescriptorWord::DurationMs(0, ms(to)),
            (_, true) => DescriptorWord::DurationMs(ms(from), u32::MAX),
            _ => DescriptorWord::DurationMs(ms(least), ms(most)),
        };
        Some((range, next))
    }

    /// A note, its accidental as sign, letter or word, and a mode. Without a mode a letter is a letter.
    fn key(&self, place: usize) -> Read {
        let token = self.tokens.get(place)?;
        let mut letters = token.text.chars();
        let natural = match letters.next()? {
            'c' => 0,
            'd' => 2,
            'e' => 4,
            'f' => 5,
            'g' => 7,
            'a' => 9,
            'b' | 'h' => 11,
            _ => return None,
        };
        let mut next = place + 1;
        let raised = match (letters.next(), letters.next()) {
            (Some('b'), None) => 11,
            (Some(_), _) => return None,
            (None, _) if self.text[token.span.end..].starts_with(['#', '♯']) => 1,
            (None, _) if self.text[token.span.end..].starts_with('♭') => 11,
            (None, _) if self.word(next) == "sharp" => {
                next += 1;
                1
            }
            (None, _) if self.word(next) == "flat" => {
                next += 1;
                11
            }
            (None, _) => 0,
        };
        let is_minor = match self.word(next) {
            "minor" | "min" | "moll" => true,
            "major" | "maj" | "dur" => false,
            _ => return None,
        };
        // `3 b min` is no key, and `a min` after a number is a length that was not understood.
        let key = KeyName {
            tonic: ((natural + raised) % 12) as u8,
            is_minor,
        };
        Some((DescriptorWord::Key(key), next + 1))
    }

    fn year(&self, place: usize) -> Read {
        let word = self.word(place);
        if let Some(decade) = word.strip_suffix('s') {
            let decade: u16 = decade.parse().ok()?;
            let from = match (decade, decade % 10) {
                (1900..=2090, 0) => decade,
                (30..=90, 0) => 1900 + decade,
                (10..=20, 0) if decade > 0 => 2000 + decade,
                _ => return None,
            };
            return Some((DescriptorWord::Year(from, from + 9), place + 1));
        }
        if word.len() != 4 {
            return None;
        }
        let (from, to, unit, next) = self.numbers(place)?;
        let is_year = |year: f32| year >= f32::from(YEARS.0) && year <= f32::from(YEARS.1);
        let is_range = unit.is_empty() && is_year(from) && is_year(to);
        is_range.then_some((DescriptorWord::Year(from as u16, to as u16), next))
    }

    fn genre(&self, place: usize, is_genre: &dyn Fn(&str) -> bool) -> Read {
        let most = GENRE_WORDS_MAX.min(self.tokens.len() - place);
        (1..=most).rev().find_map(|length| {
            let words: Vec<&str> = (place..place + length).map(|at| self.word(at)).collect();
            let name = words.join(" ");
            is_genre(&name).then_some((DescriptorWord::Genre(name), place + length))
        })
    }
}

/// A number at the beginning of a word, and what sticks to it.
fn split_number(word: &str) -> Option<(f32, &str)> {
    let digits = word
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    if digits == 0 || digits > 4 {
        return None;
    }
    Some((number.parse().ok()?, unit))
}

/// A single value with its tolerance; a range as it is.
fn widened(from: f32, to: f32, tolerance: f32) -> (f32, f32) {
    if from < to {
        return (from, to);
    }
    (from * (1.0 - tolerance), to * (1.0 + tolerance))
}

#[cfg(test)]
mod tests {
    use super::DescriptorWord::{DurationMs, Genre, Key, TempoBpm, Year};
    use super::*;

    fn parsed(text: &str) -> (Vec<DescriptorWord>, String) {
        let is_genre = |name: &str| matches!(name, "hip hop" | "jazz");
        let words = DescriptorWords::parse(text, &is_genre);
        (words.found.into_iter().map(|f| f.0).collect(), words.rest)
    }

    #[test]
    fn descriptions_are_taken_out_of_the_words() {
        let key = |tonic, is_minor| Key(KeyName { tonic, is_minor });
        let check = |text: &str, found: &[DescriptorWord], rest: &str| {
            assert_eq!(parsed(text), (found.to_vec(), rest.to_owned()), "{text}");
        };
        check("120-130 bpm nora", &[TempoBpm(120.0, 130.0)], "nora");
        check("nora 120 – 130 BPM", &[TempoBpm(120.0, 130.0)], "nora ");
        check("A minor lamps", &[key(9, true)], "lamps");
        check("lamps c# Major", &[key(1, false)], "lamps ");
        check("Bb maj", &[key(10, false)], "");
        check("f sharp minor", &[key(6, true)], "");
        check("nora 90s", &[Year(1990, 1999)], "nora ");
        check("nora 1994", &[Year(1994, 1994)], "nora ");
        check(
            "1994-1999 jazz",
            &[Year(1994, 1999), Genre("jazz".to_owned())],
            "",
        );
        check(
            "Hip-Hop under 3 min",
            &[Genre("hip hop".to_owned()), DurationMs(0, 180_000)],
            "",
        );
        check(
            "longer than 5 minutes",
            &[DurationMs(300_000, u32::MAX)],
            "",
        );
        check("2-3min", &[DurationMs(120_000, 180_000)], "");
        check("plain words", &[], "plain words");
        check("a minor", &[key(9, true)], "");
        check("am I a fool", &[], "am I a fool");
        check("1000 bpm", &[], "1000 bpm");
        check("room 1408", &[], "room 1408");
        check("99 problems", &[], "99 problems");
        check("", &[], "");
    }

    #[test]
    fn a_single_tempo_has_a_tolerance() {
        for text in ["140 bpm", "140bpm", "bpm 140", "tempo 140"] {
            let (found, rest) = parsed(text);
            let [TempoBpm(from, to)] = found[..] else {
                panic!("{text}: {found:?}");
            };
            assert!((from - 134.4).abs() < 0.01 && (to - 145.6).abs() < 0.01);
            assert_eq!(rest, "");
        }
    }

    #[test]
    fn spans_name_the_words() {
        let text = "nora in c# minor, 90s";
        let words = DescriptorWords::parse(text, &|_| false);
        let named: Vec<&str> = words.found.iter().map(|f| &text[f.1.clone()]).collect();
        assert_eq!(named, ["c# minor", "90s"]);
        assert_eq!(words.rest, "nora in , ");
    }
}
