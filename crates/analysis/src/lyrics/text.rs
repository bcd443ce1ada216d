//! Raw lyrics to lines: cleaning, LRC times, stanzas and section markers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Bytes of lyrics that are read; the longest songs have about 20 kB, the rest is not a song.
pub const LYRICS_BYTES_MAX: usize = 256 << 10;
/// Lines that are read.
pub const LINE_COUNT_MAX: usize = 4_000;
/// Characters of one line that are read: longer ones are prose without line breaks.
pub const LINE_CHARS_MAX: usize = 1_000;
/// Longest section name; longer bracketed lines are ad-libs, part of the verse.
const SECTION_CHARS_MAX: usize = 60;

/// Words that open a section marker, in the languages we name.
const SECTION_WORDS: [&str; 30] = [
    "intro",
    "verse",
    "chorus",
    "hook",
    "bridge",
    "outro",
    "pre-chorus",
    "prechorus",
    "post-chorus",
    "refrain",
    "interlude",
    "skit",
    "break",
    "instrumental",
    "solo",
    "couplet",
    "pont",
    "strophe",
    "vers",
    "estribillo",
    "verso",
    "coro",
    "ritornello",
    "strofa",
    "zwrotka",
    "refren",
    "куплет",
    "припев",
    "интро",
    "аутро",
];

/// Lyrics as clean lines of verse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LyricsText {
    /// Lines with words, in order.
    pub lines: Vec<LyricsLine>,
    /// Section markers, each before the line it opens.
    pub sections: Vec<Section>,
    /// LRC metadata such as `("ar", "...")`, in order.
    pub metadata: Vec<(String, String)>,
    /// What of the text was not read, in words; empty for every song of a usual length.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// One line of verse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LyricsLine {
    /// The words, without tags, never blank.
    pub text: String,
    /// When the line is sung, from the start of the recording, where the lyrics say.
    pub time_ms: Option<u64>,
    /// Index of its stanza: stanzas end at blank lines and section markers.
    pub stanza_index: usize,
}

/// A marker such as `[Chorus]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The marker without brackets.
    pub name: String,
    /// Index of the first line after it; equals the line count when nothing follows.
    pub line_index: usize,
}

impl LyricsText {
    /// Reads lyrics, plain or LRC.
    ///
    /// - Shape: any text; beyond [`LYRICS_BYTES_MAX`], [`LINE_COUNT_MAX`] and [`LINE_CHARS_MAX`] it
    ///   is cut. A byte order mark, control and invisible characters are dropped, Unicode is
    ///   composed (NFC). LRC lines with several times are repeated and sorted by time.
    /// - Cost: O(bytes).
    pub fn parse(raw: &str) -> Self {
        let clean = cleaned(cut(raw, LYRICS_BYTES_MAX));
        let mut text = Self::default();
        text.remark_cuts(raw, &clean);
        let mut stanza = StanzaCounter::default();
        let mut is_timed = false;
        for raw_line in clean.lines().take(LINE_COUNT_MAX) {
            let (times, rest) = time_tags(raw_line);
            let rest = without_word_times(rest);
            let rest = rest.trim();
            if times.is_empty() {
                if rest.is_empty() {
                    stanza.close();
                    continue;
                }
                if let Some(entry) = metadata_tag(rest) {
                    text.metadata.push(entry);
                    continue;
                }
            }
            if let Some(name) = section_name(rest) {
                stanza.close();
                text.sections.push(Section {
                    name: name.to_owned(),
                    line_index: text.lines.len(),
                });
                continue;
            }
            if !rest.chars().any(char::is_alphanumeric) {
                stanza.close();
                continue;
            }
            let line: String = rest.chars().take(LINE_CHARS_MAX).collect();
            let stanza_index = stanza.open();
            is_timed |= times.len() > 1;
            let times = if times.is_empty() { vec![None] } else { times };
            for time_ms in times.into_iter().take(LINE_COUNT_MAX - text.lines.len()) {
                text.lines.push(LyricsLine {
                    text: line.clone(),
                    time_ms,
                    stanza_index,
                });
            }
        }
        if is_timed && text.lines.iter().all(|line| line.time_ms.is_some()) {
            text.unfold_repeats();
        }
        text
    }

    /// Returns the stanzas as runs of line indices.
    pub fn stanzas(&self) -> Vec<std::ops::Range<usize>> {
        let mut stanzas: Vec<std::ops::Range<usize>> = Vec::new();
        let mut previous = None;
        for (index, line) in self.lines.iter().enumerate() {
            match stanzas.last_mut() {
                Some(last) if previous == Some(line.stanza_index) => last.end = index + 1,
                _ => stanzas.push(index..index + 1),
            }
            previous = Some(line.stanza_index);
        }
        stanzas
    }

    /// Says which bounds the text is beyond.
    fn remark_cuts(&mut self, raw: &str, clean: &str) {
        if raw.len() > LYRICS_BYTES_MAX {
            let (read, given) = (LYRICS_BYTES_MAX >> 10, raw.len() >> 10);
            let remark = format!("the first {read} KiB of {given} KiB of lyrics were read");
            self.remarks.push(remark);
        }
        let line_count = clean.lines().count();
        if line_count > LINE_COUNT_MAX {
            let remark = format!("the first {LINE_COUNT_MAX} of {line_count} lines were read");
            self.remarks.push(remark);
        }
        let is_long =
            |line: &&str| line.len() > LINE_CHARS_MAX && line.chars().nth(LINE_CHARS_MAX).is_some();
        let long_count = clean.lines().take(LINE_COUNT_MAX).filter(is_long).count();
        if long_count > 0 {
            let remark = format!(
                "of {long_count} long lines the first {LINE_CHARS_MAX} characters were read"
            );
            self.remarks.push(remark);
        }
    }

    /// Puts repeated LRC lines where they are sung.
    fn unfold_repeats(&mut self) {
        self.lines.sort_by_key(|line| line.time_ms);
        for section in &mut self.sections {
            section.line_index = section.line_index.min(self.lines.len());
        }
    }
}

#[derive(Default)]
struct StanzaCounter {
    current: usize,
    is_open: bool,
}

impl StanzaCounter {
    fn open(&mut self) -> usize {
        self.is_open = true;
        self.current
    }

    fn close(&mut self) {
        if self.is_open {
            self.current += 1;
            self.is_open = false;
        }
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// Drops what is not text, joins line ends, composes.
fn cleaned(text: &str) -> Cow<'_, str> {
    let is_dropped = |letter: char| {
        matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}' | '\u{00ad}' | '\u{fffd}')
            || (letter.is_control() && !matches!(letter, '\n' | '\t' | '\r' | '\u{0085}'))
    };
    let is_break =
        |letter: char| matches!(letter, '\r' | '\t' | '\u{0085}' | '\u{2028}' | '\u{2029}');
    if text.is_ascii()
        && !text
            .bytes()
            .any(|byte| byte < 32 && byte != b'\n' || byte == 127)
    {
        return Cow::Borrowed(text);
    }
    let plain: String = text
        .replace("\r\n", "\n")
        .chars()
        .filter(|letter| !is_dropped(*letter))
        .map(|letter| match letter {
            '\t' => ' ',
            _ if is_break(letter) => '\n',
            _ => letter,
        })
        .collect();
    Cow::Owned(if is_nfc(&plain) {
        plain
    } else {
        plain.nfc().collect()
    })
}

/// Splits the leading `[mm:ss.xx]` tags off a line.
fn time_tags(line: &str) -> (Vec<Option<u64>>, &str) {
    let mut times = Vec::new();
    let mut rest = line.trim_start();
    while let Some((tag, after)) = rest
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        match time_ms(tag) {
            Some(time) => times.push(Some(time)),
            None => break,
        }
        rest = after.trim_start();
    }
    (times, rest)
}

/// Reads `mm:ss`, `mm:ss.x`, `mm:ss.xx`, `mm:ss.xxx` and `mm:ss:xx`.
fn time_ms(tag: &str) -> Option<u64> {
    let (minutes, seconds) = tag.trim().split_once(':')?;
    let (whole, fraction) = seconds.split_once(['.', ':']).unwrap_or((seconds, ""));
    let digits = |text: &str, digits_max: usize| {
        let is_number = text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !text.is_empty() {
            text.parse::<u64>().ok()
        } else {
            None
        }
    };
    let fraction_ms = match fraction.len() {
        0 => 0,
        length @ 1..=3 => digits(fraction, 3)? * [100, 10, 1].get(length - 1)?,
        _ => return None,
    };
    let seconds = digits(whole, 2).filter(|seconds| *seconds < 60)?;
    Some((digits(minutes, 4)? * 60 + seconds) * 1_000 + fraction_ms)
}

/// Drops the `<mm:ss.xx>` word times of enhanced LRC.
fn without_word_times(line: &str) -> Cow<'_, str> {
    if !line.contains('<') {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('<') {
        kept.push_str(before);
        match after.split_once('>') {
            Some((tag, tail)) if time_ms(tag).is_some() => rest = tail,
            _ => {
                kept.push('<');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    let words: Vec<&str> = kept.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

/// Reads `[ar:Somebody]`.
fn metadata_tag(line: &str) -> Option<(String, String)> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let (key, value) = inner.split_once(':')?;
    let is_key = matches!(
        key.trim().to_ascii_lowercase().as_str(),
        "ar" | "al" | "ti" | "au" | "by" | "re" | "ve" | "la" | "length" | "offset" | "tool" | "id"
    );
    is_key.then(|| (key.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

/// Reads `[Chorus]`, `(Verse 2: Somebody)`, `Bridge:`.
fn section_name(line: &str) -> Option<&str> {
    let bracketed = line
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(name) = bracketed {
        let is_short = name.chars().count() <= SECTION_CHARS_MAX;
        return (is_short && !name.contains(['[', ']'])).then_some(name.trim());
    }
    let round = line
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let name = round.or_else(|| line.strip_suffix(':'))?.trim();
    let first = name
        .split([' ', ':', ','])
        .next()
        .unwrap_or("")
        .to_lowercase();
    let is_short = name.split_whitespace().count() <= 5;
    (is_short && SECTION_WORDS.contains(&first.as_str())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(raw: &str) -> Vec<String> {
        LyricsText::parse(raw)
            .lines
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn what_is_cut_is_told() {
        let remarks = |raw: &str| LyricsText::parse(raw).remarks;
        let lines = |count: usize| "la la\n".repeat(count);
        assert_eq!(remarks(&lines(LINE_COUNT_MAX)), [""; 0]);
        assert_eq!(
            remarks(&lines(LINE_COUNT_MAX + 1)),
            ["the first 4000 of 4001 lines were read"]
        );
        let line = |count: usize| "é".repeat(count);
        assert_eq!(remarks(&line(LINE_CHARS_MAX)), [""; 0]);
        assert_eq!(
            remarks(&line(LINE_CHARS_MAX + 1)),
            ["of 1 long lines the first 1000 characters were read"]
        );
        let page = format!("{}\n", "x".repeat(1_023));
        assert_eq!(remarks(&page.repeat(256)).len(), 1, "long lines alone");
        assert_eq!(
            remarks(&page.repeat(300))[0],
            "the first 256 KiB of 300 KiB of lyrics were read"
        );
    }

    #[test]
    fn plain_text_keeps_lines_and_stanzas() {
        let text = LyricsText::parse("\u{feff}[Verse 1]\r\none\r\ntwo\r\n\r\n(Chorus)\nthree\0\n");
        let stanzas: Vec<usize> = text.lines.iter().map(|line| line.stanza_index).collect();
        assert_eq!(stanzas, [0, 0, 1]);
        assert_eq!(text.stanzas(), [0..2, 2..3]);
        assert_eq!(
            text.lines.last().map(|line| line.text.as_str()),
            Some("three")
        );
        let sections: Vec<(&str, usize)> = text
            .sections
            .iter()
            .map(|s| (s.name.as_str(), s.line_index))
            .collect();
        assert_eq!(sections, [("Verse 1", 0), ("Chorus", 2)]);
    }

    #[test]
    fn lrc_times_and_tags_are_read() {
        let raw = "[ti:Own Song]\n[ar: Nobody]\n[00:12.50][01:00]we sing\n\
            [00:15.250]<00:15.30>once <00:15.90>more\n[99:99]odd";
        let text = LyricsText::parse(raw);
        assert_eq!(
            text.metadata.first(),
            Some(&("ti".to_owned(), "Own Song".to_owned()))
        );
        let timed: Vec<(Option<u64>, &str)> = text
            .lines
            .iter()
            .map(|line| (line.time_ms, line.text.as_str()))
            .collect();
        assert_eq!(
            timed,
            [
                (Some(12_500), "we sing"),
                (Some(60_000), "we sing"),
                (Some(15_250), "once more"),
                (None, "[99:99]odd")
            ]
        );
    }

    #[test]
    fn repeated_times_are_unfolded_in_order() {
        let text = LyricsText::parse("[00:10][00:30]a b\n[00:20]c d");
        let words: Vec<&str> = text.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(words, ["a b", "c d", "a b"]);
    }

    #[test]
    fn composes_and_drops_the_invisible() {
        assert_eq!(lines("cafe\u{301}\u{200b} noir"), ["caf\u{e9} noir"]);
        assert_eq!(lines("a\u{2028}b"), ["a", "b"]);
        assert!(lines("\n \n***\n\0\0").is_empty());
        assert!(lines("").is_empty());
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(lines(&"word\n".repeat(100_000)).len() <= LINE_COUNT_MAX);
        let long = lines(&"ы".repeat(LYRICS_BYTES_MAX));
        assert_eq!(
            long.first().map(|line| line.chars().count()),
            Some(LINE_CHARS_MAX)
        );
        let tags = "[00:01]".repeat(30_000) + "x";
        assert!(lines(&tags).len() <= LINE_COUNT_MAX);
    }
}
