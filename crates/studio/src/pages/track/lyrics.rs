//! The words, their rhymes coloured by chain, their lines lit while they are sung.

use leitmotif_api::native::analysis::RhymeAnswer;
use leitmotif_api::native::syllables::SyllableAnswer;
use leitmotif_api::native::tracks::LyricsAnswer;
use maud::{Markup, html};

use super::{TrackView, density, meaning};
use crate::links;
use crate::parts::empty;

/// Colours of the style sheet, `.chain-0` and on; later chains begin again.
pub const CHAIN_COLOURS: usize = 12;

/// Draws the words.
pub fn section(lyrics: &LyricsAnswer, view: &TrackView) -> Markup {
    let analysis = view.analysis.as_ref();
    let rhymes = analysis.map_or(&[][..], |analysis| &analysis.rhymes);
    let lines = &lyrics.lines;
    let is_timed = view.track.has_audio && lines.iter().any(|line| line.time_ms.is_some());
    let sung = view
        .close
        .as_ref()
        .and_then(|close| close.syllables.lines.as_deref());
    html! {
        section aria-labelledby="words" {
            h2 #words { "Words" }
            p.quiet {
                (told(rhymes, lyrics))
                @if is_timed { " Lines light up while they are sung; click one to hear it." }
            }
            @if let Some(analysis) = analysis { (meaning::lines(&analysis.descriptors)) }
            (closer(view, sung.is_some()))
            @if lines.is_empty() { (empty("The text holds no line of verse.")) } @else {
                ol class=(if sung.is_some() { "verse is-close" } else { "verse" }) data-verse[is_timed] {
                    @for (place, line) in lines.iter().enumerate() {
                        @let syllables = sung.and_then(|sung| sung.get(place)).map(Vec::as_slice);
                        li data-time=[line.time_ms.map(|ms| ms.to_string())] {
                            (verse(&line.text, &stretches(rhymes, place), syllables.unwrap_or_default()))
                            @if let Some(syllables) = syllables {
                                " " span.syllable-count title={ (syllables.len()) " syllables" } { (syllables.len()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way to a close look, and what it shows.
fn closer(view: &TrackView, is_sung: bool) -> Markup {
    let page = links::track(&view.track.id);
    let asked = links::with_query(&page, &[("words", Some("close"))]);
    html! {
        @if let Some(close) = &view.close {
            p.quiet {
                @if is_sung {
                    "Dots part syllables, " b.stressed { "stressed" } " ones are strong, those " span.stressed-second { "stressed in the word alone" } " underlined, words whose sound was guessed from their letters "
                    span.guessed { "slanted" } ". At the end of each line is its count. "
                } @else { "Syllables and stress are known of English words only. " }
                a href={ (page) "#words" } { "Words alone" }
            }
            (density::section(&close.traits))
        } @else {
            p { a href={ (asked) "#words" } { "Syllables, stress and density" } " " span.quiet { "against the whole catalogue" } }
        }
    }
}

/// Which rhymes there are.
fn told(rhymes: &[RhymeAnswer], lyrics: &LyricsAnswer) -> String {
    let chains = rhymes
        .iter()
        .map(|rhyme| rhyme.chain + 1)
        .max()
        .unwrap_or(0);
    if chains == 0 {
        return "No rhymes are known of these words.".to_owned();
    }
    let multi = rhymes.iter().filter(|rhyme| is_multi(rhyme)).count();
    let is_inside = |rhyme: &&RhymeAnswer| {
        let line = lyrics.lines.get(rhyme.line);
        line.is_some_and(|line| is_internal(rhyme, &line.text))
    };
    let internal = rhymes.iter().filter(is_inside).count();
    format!(
        "{chains} rhyme chains; stretches of one colour rhyme, across lines too. {multi} are of two syllables and more (underlined), {internal} lie inside a line (dotted edge)."
    )
}

fn is_multi(rhyme: &RhymeAnswer) -> bool {
    rhyme.syllable_count > 1
}

/// Whether words follow the stretch in its line.
fn is_internal(rhyme: &RhymeAnswer, line: &str) -> bool {
    let mut rest = line.chars().skip(rhyme.end_char);
    // A stretch may end within the last word: only a letter after a gap is another word.
    rest.by_ref().find(|letter| letter.is_whitespace());
    rest.any(char::is_alphanumeric)
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
fn verse(text: &str, stretches: &[&RhymeAnswer], syllables: &[SyllableAnswer]) -> Markup {
    let characters: Vec<char> = text.chars().collect();
    let inside: Vec<&&RhymeAnswer> = stretches
        .iter()
        .filter(|rhyme| rhyme.end_char <= characters.len())
        .collect();
    let mut reached = 0;
    let mut pieces: Vec<(usize, usize, Option<&RhymeAnswer>)> = Vec::new();
    for rhyme in inside {
        pieces.push((reached, rhyme.start_char, None));
        pieces.push((rhyme.start_char, rhyme.end_char, Some(rhyme)));
        reached = rhyme.end_char;
    }
    pieces.push((reached, characters.len(), None));
    html! {
        @for (from, to, rhyme) in pieces {
            @if let Some(rhyme) = rhyme {
                span class=(rhyme_class(rhyme, text)) title=(tooltip(rhyme, text)) {
                    (sung(&characters, from, to, syllables))
                }
            } @else { (sung(&characters, from, to, syllables)) }
        }
    }
}

fn rhyme_class(rhyme: &RhymeAnswer, text: &str) -> String {
    let multi = if is_multi(rhyme) { " rhyme-multi" } else { "" };
    let inside = if is_internal(rhyme, text) {
        " rhyme-inside"
    } else {
        ""
    };
    format!("rhyme chain-{}{multi}{inside}", rhyme.chain % CHAIN_COLOURS)
}

fn tooltip(rhyme: &RhymeAnswer, text: &str) -> String {
    let syllables = if is_multi(rhyme) {
        format!(", {} syllables", rhyme.syllable_count)
    } else {
        String::new()
    };
    let inside = if is_internal(rhyme, text) {
        ", inside the line"
    } else {
        ""
    };
    format!("Rhyme chain {}{syllables}{inside}", rhyme.chain + 1)
}

/// A stretch of a line with its syllables parted and stressed; the plain text without syllables.
fn sung(characters: &[char], from: usize, to: usize, syllables: &[SyllableAnswer]) -> Markup {
    let text = |from: usize, to: usize| -> String {
        let to = to.min(characters.len());
        characters
            .get(from.min(to)..to)
            .unwrap_or_default()
            .iter()
            .collect()
    };
    let mut reached = from;
    let mut pieces: Vec<(String, String, &SyllableAnswer, bool)> = Vec::new();
    for syllable in syllables {
        let (start, end) = (syllable.start_char.max(reached), syllable.end_char.min(to));
        if start >= end {
            continue;
        }
        // A rhyme may begin within a syllable; the dot stands where the syllable does.
        let is_parted = !syllable.begins_word && start == syllable.start_char;
        pieces.push((text(reached, start), text(start, end), syllable, is_parted));
        reached = end;
    }
    html! {
        @for (before, syllable, sung, is_parted) in pieces {
            (before)
            @if is_parted { span.part aria-hidden="true" { "·" } }
            @match syllable_class(sung) {
                "" => (syllable),
                class => span class=(class) { (syllable) },
            }
        }
        (text(reached, to))
    }
}

fn syllable_class(sung: &SyllableAnswer) -> &'static str {
    match (sung.stress, sung.is_guessed) {
        (1, false) => "stressed",
        (1, true) => "stressed guessed",
        (2, false) => "stressed-second",
        (2, true) => "stressed-second guessed",
        (_, true) => "guessed",
        (_, false) => "",
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
            syllable_count: 1,
        }
    }

    fn drawn(text: &str, rhymes: &[RhymeAnswer]) -> String {
        verse(text, &stretches(rhymes, 0), &[]).into_string()
    }

    #[test]
    fn stretches_are_cut_by_characters_and_escaped() {
        let shown = drawn("жар <b> дар", &[rhyme(13, 8, 11), rhyme(0, 0, 3)]);
        assert_eq!(
            shown,
            "<span class=\"rhyme chain-0 rhyme-inside\" title=\"Rhyme chain 1, inside the line\">жар</span> &lt;b&gt; \
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

    #[test]
    fn syllables_are_parted_stressed_and_kept_within_rhymes() {
        let syllable = |start_char, end_char, stress, begins_word| SyllableAnswer {
            start_char,
            end_char,
            stress,
            begins_word,
            is_guessed: false,
        };
        let syllables = [
            syllable(0, 1, 0, true),
            syllable(1, 4, 1, false),
            syllable(5, 7, 1, true),
        ];
        let plain = sung(&['a', 'b', 'c', 'd', ' ', 'g', 'o', '!'], 0, 8, &syllables).into_string();
        assert_eq!(
            plain,
            "a<span class=\"part\" aria-hidden=\"true\">·</span><span class=\"stressed\">bcd</span> \
             <span class=\"stressed\">go</span>!"
        );
        // The rhyme begins within the second syllable: nothing is lost or told twice.
        let mut long = rhyme(0, 2, 4);
        long.syllable_count = 2;
        let shown = verse("abcd go!", &[&long], &syllables).into_string();
        assert!(
            shown.contains("rhyme chain-0 rhyme-multi rhyme-inside"),
            "{shown}"
        );
        let mut text = String::new();
        let mut is_tag = false;
        for letter in shown.replace('·', "").chars() {
            match letter {
                '<' => is_tag = true,
                '>' => is_tag = false,
                _ if !is_tag => text.push(letter),
                _ => {}
            }
        }
        assert_eq!(text, "abcd go!");
        // Syllables of another text do no harm.
        let odd = [syllable(7, 3, 0, false), syllable(90, 99, 1, true)];
        assert_eq!(verse("ab", &[], &odd).into_string(), "ab");
    }
}
