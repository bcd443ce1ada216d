//! Lyrics as the lines that their analysis counts.

use leitmotif_analysis::lyrics::LyricsText;

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

#[cfg(test)]
mod tests {
    use super::*;

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
