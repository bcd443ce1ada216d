//! Lyrics as the lines that their analysis counts.

use leitmotif_analysis::lyrics::scansion::{LineScan, scan_poem};
use leitmotif_analysis::lyrics::syllables::{Singer, SungWord, Syllable};
use leitmotif_analysis::lyrics::vocabulary::WindowVocabulary;
use leitmotif_analysis::lyrics::{LyricsText, identify_language, lyrics_words};

/// One line of verse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerseLine {
    /// The words, without time tags.
    pub text: String,
    /// When it is sung, from the start of the recording, where the lyrics say.
    pub time_ms: Option<u64>,
}

/// Splits lyrics into lines of verse, numbered as rhymes number them: section markers, blank lines
/// and metadata are not lines.
pub fn verse_lines(lyrics: &str) -> Vec<VerseLine> {
    let lines = LyricsText::parse(lyrics).lines.into_iter();
    lines
        .map(|line| VerseLine {
            text: line.text,
            time_ms: line.time_ms,
        })
        .collect()
}

/// The vocabulary of several lyrics in a row, in windows of a fixed length.
///
/// - Cost: O(words).
pub fn vocabulary_of(lyrics: &[String], window_words: usize) -> WindowVocabulary {
    let texts: Vec<Vec<String>> = lyrics.iter().map(|text| lyrics_words(text)).collect();
    WindowVocabulary::of_texts(&texts, window_words)
}

/// A syllable as it is sung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SungSyllable {
    /// First character in the line.
    pub start_char: usize,
    /// Character after the last.
    pub end_char: usize,
    /// Stress in its line: 1 stressed, 2 stressed in the word but not in the line, 0 in neither.
    pub stress: u8,
    /// Whether a word begins with it.
    pub begins_word: bool,
    /// Whether the sound of the word was guessed from its letters.
    pub is_guessed: bool,
}

/// Divides English lyrics into syllables and scans them as one poem, one list for each line of [`verse_lines`]; `None` for other
/// languages, of whose sounds nothing is known here.
///
/// - Cost: one dictionary look-up per distinct word, and the scan of the lines.
pub fn sung_lines(lyrics: &str) -> Option<Vec<Vec<SungSyllable>>> {
    if identify_language(lyrics)?.code != "en" {
        return None;
    }
    let mut singer = Singer::default();
    let lines = LyricsText::parse(lyrics).lines.into_iter();
    let sung: Vec<Vec<SungWord>> = lines.map(|line| singer.sing(&line.text)).collect();
    let scans = scan_poem(&sung);
    Some(
        sung.iter()
            .zip(&scans)
            .map(|(words, scan)| placed(words, scan))
            .collect(),
    )
}

fn placed(words: &[SungWord], scan: &LineScan) -> Vec<SungSyllable> {
    let syllables = words.iter().flat_map(|word| {
        let numbered = word.syllables.iter().enumerate();
        numbered.map(move |(index, syllable)| (word, index, syllable))
    });
    let stressed = syllables.zip(scan.stresses());
    let place = |((word, index, syllable), is_strong): ((&SungWord, usize, &Syllable), bool)| {
        // A function word has no stress of its own.
        let is_strong_alone = syllable.stress > 0 && !word.is_small;
        SungSyllable {
            start_char: syllable.start_char,
            end_char: syllable.end_char,
            stress: match (is_strong, is_strong_alone) {
                (true, _) => 1,
                (false, true) => 2,
                (false, false) => 0,
            },
            begins_word: index == 0,
            is_guessed: word.is_guessed,
        }
    };
    stressed.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_have_places_and_stress() {
        let lyrics = "[00:01.00]the morning was the colour of the river\nand I remember all of it";
        let lines = sung_lines(lyrics).expect("is English");
        assert_eq!(lines.len(), 2);
        let text: Vec<char> = "the morning was the colour of the river".chars().collect();
        let pieces: Vec<(String, u8, bool)> = lines[0]
            .iter()
            .map(|one| {
                let piece = text[one.start_char..one.end_char].iter().collect();
                (piece, one.stress, one.begins_word)
            })
            .collect();
        let words = pieces.iter().filter(|(_, _, begins)| *begins).count();
        assert_eq!((pieces.len(), words), (11, 8), "{pieces:?}");
        let whole: String = pieces.iter().map(|(piece, ..)| piece.as_str()).collect();
        assert_eq!(whole, "themorningwasthecolouroftheriver");
        assert_eq!((pieces[1].1, pieces[2].1), (1, 0), "MOR-ning");
        assert_eq!(
            sung_lines("белая ночь опустилась как облако на сонный город"),
            None
        );
        assert_eq!(sung_lines(""), None);
    }

    #[test]
    fn markers_and_tags_are_not_verse() {
        let lines = verse_lines("[ar:X]\n[Chorus]\n[00:01.50]first light\n\n[00:03.00]last night");
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.text.as_str(), line.time_ms))
            .collect();
        assert_eq!(
            shown,
            [("first light", Some(1_500)), ("last night", Some(3_000))]
        );
    }
}
