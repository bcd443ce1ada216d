//! The words, their rhymes coloured by chain, their lines lit while they are sung.

use leitmotif_api::native::analysis::{AnalysisAnswer, RhymeAnswer};
use leitmotif_api::native::tracks::LyricsAnswer;
use maud::{Markup, html};

use super::meaning;
use crate::parts::empty;

/// Colours of the style sheet, `.chain-0` and on; later chains begin again.
pub const CHAIN_COLOURS: usize = 12;

/// Draws the words.
pub fn section(
    lyrics: &LyricsAnswer,
    analysis: Option<&AnalysisAnswer>,
    has_audio: bool,
) -> Markup {
    let rhymes = analysis.map_or(&[][..], |analysis| &analysis.rhymes);
    let is_timed = has_audio && lyrics.lines.iter().any(|line| line.time_ms.is_some());
    let chains = rhymes
        .iter()
        .map(|rhyme| rhyme.chain + 1)
        .max()
        .unwrap_or(0);
    html! {
        section aria-labelledby="words" {
            h2 #words { "Words" }
            p.quiet {
                @if chains > 0 { (chains) " rhyme chains; stretches of one colour rhyme, the number is in the tooltip." }
                @else { "No rhymes are known of these words." }
                @if is_timed { " Lines light up while they are sung; click one to hear it." }
            }
            @if let Some(analysis) = analysis { (meaning::lines(&analysis.descriptors)) }
            @if lyrics.lines.is_empty() { (empty("The text holds no line of verse.")) } @else {
                ol.verse data-verse[is_timed] {
                    @for (place, line) in lyrics.lines.iter().enumerate() {
                        li data-time=[line.time_ms.map(|ms| ms.to_string())] {
                            (verse(&line.text, &stretches(rhymes, place)))
                        }
                    }
                }
            }
        }
    }
}

/// The rhymes of a line in order, without overlaps: the earlier, longer one is kept.
fn stretches(rhymes: &[RhymeAnswer], line: usize) -> Vec<&RhymeAnswer> {
    let mut here: Vec<&RhymeAnswer> = rhymes.iter().filter(|rhyme| rhyme.line == line).collect();
    here.sort_by_key(|rhyme| (rhyme.start_char, std::cmp::Reverse(rhyme.end_char)));
    let mut reached = 0;
    here.retain(|rhyme| {
        let is_free = rhyme.start_char >= reached && rhyme.end_char > rhyme.start_char;
        if is_free {
            reached = rhyme.end_char;
        }
        is_free
    });
    here
}

/// Draws a line. Stretches beyond its end are of an older text and are left out.
fn verse(text: &str, stretches: &[&RhymeAnswer]) -> Markup {
    let characters: Vec<char> = text.chars().collect();
    let cut = |start: usize, end: usize| -> String {
        let end = end.min(characters.len());
        characters
            .get(start.min(end)..end)
            .unwrap_or_default()
            .iter()
            .collect()
    };
    let inside = stretches
        .iter()
        .filter(|rhyme| rhyme.end_char <= characters.len());
    let mut reached = 0;
    let pieces: Vec<(String, String, usize)> = inside
        .map(|rhyme| {
            let before = cut(reached, rhyme.start_char);
            reached = rhyme.end_char;
            (before, cut(rhyme.start_char, rhyme.end_char), rhyme.chain)
        })
        .collect();
    html! {
        @for (before, rhyme, chain) in pieces {
            (before)
            span class={ "rhyme chain-" (chain % CHAIN_COLOURS) } title={ "Rhyme chain " (chain + 1) } { (rhyme) }
        }
        (cut(reached, characters.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhyme(chain: usize, start_char: usize, end_char: usize) -> RhymeAnswer {
        RhymeAnswer {
            chain,
            line: 0,
            start_char,
            end_char,
        }
    }

    fn drawn(text: &str, rhymes: &[RhymeAnswer]) -> String {
        verse(text, &stretches(rhymes, 0)).into_string()
    }

    #[test]
    fn stretches_are_cut_by_characters_and_escaped() {
        let shown = drawn("жар <b> дар", &[rhyme(13, 8, 11), rhyme(0, 0, 3)]);
        assert_eq!(
            shown,
            "<span class=\"rhyme chain-0\" title=\"Rhyme chain 1\">жар</span> &lt;b&gt; \
             <span class=\"rhyme chain-1\" title=\"Rhyme chain 14\">дар</span>"
        );
    }

    #[test]
    fn stretches_of_another_text_do_no_harm() {
        assert_eq!(drawn("ab", &[rhyme(0, 5, 9), rhyme(1, 2, 1)]), "ab");
        let overlapping = drawn("abcd", &[rhyme(0, 0, 3), rhyme(1, 1, 4)]);
        assert!(overlapping.ends_with(">abc</span>d"), "{overlapping}");
        assert!(stretches(&[rhyme(0, 0, 1)], 7).is_empty());
    }
}
