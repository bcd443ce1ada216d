//! Queries as people type them, made from tracks that are then the right answers.

use super::world::{MadeTrack, World};
use crate::random::Random;

/// Kinds of queries, in equal parts.
pub const KINDS: [&str; 5] = [
    "title_typo",
    "artist_title",
    "lyric_line",
    "descriptor",
    "subject",
];

/// One query and what was meant.
pub struct MadeQuery {
    pub kind: usize,
    pub text: String,
    /// The track it was made from.
    pub track: usize,
    /// Its tempo, when the query names it.
    pub tempo_bpm: Option<f32>,
    /// Its year, when the query names it.
    pub year: Option<u16>,
}

/// Makes a query of a kind from a track.
pub fn make(world: &World, track: usize, kind: usize, random: &mut Random) -> MadeQuery {
    let made = world.track(track);
    let mut query = MadeQuery {
        kind,
        text: String::new(),
        track,
        tempo_bpm: None,
        year: None,
    };
    query.text = match kind {
        0 => with_mistake(&made.title, random),
        1 => artist_and_beginning(&made, random),
        2 => {
            let length = 4 + random.index(4);
            let from = random.index(made.lyrics.len() - length);
            let mut words = made.lyrics[from..from + length].to_vec();
            if random.uniform() < 0.3 {
                words.remove(random.index(length)); // remembered with a hole
            }
            world.line(&words)
        }
        3 if random.uniform() < 0.5 => {
            query.tempo_bpm = Some(made.tempo_bpm);
            format!(
                "{} {} bpm",
                with_mistake(&made.artist, random),
                made.tempo_bpm
            )
        }
        3 => {
            query.year = Some(made.year);
            format!("{} {}", made.artist, made.year)
        }
        // Words of a subject: every song about it answers.
        _ => {
            let subject = world.subject(made.subject);
            let words: Vec<u32> = (0..6).map(|_| subject[random.index(40)]).collect();
            world.line(&words)
        }
    };
    query
}

/// One mistake in a word of four letters or more, two in one of eight; none in shorter ones.
fn with_mistake(text: &str, random: &mut Random) -> String {
    let mut words: Vec<Vec<char>> = text.split(' ').map(|word| word.chars().collect()).collect();
    let long: Vec<usize> = (0..words.len())
        .filter(|&at| words[at].len() >= 4)
        .collect();
    if long.is_empty() {
        return text.to_owned();
    }
    let word = &mut words[long[random.index(long.len())]];
    for _ in 0..1 + usize::from(word.len() >= 9 && random.uniform() < 0.5) {
        let at = random.index(word.len() - 1);
        let letter = char::from(b'a' + random.index(26) as u8);
        match random.index(4) {
            0 => word[at] = letter,
            1 => word.insert(at, letter),
            2 => drop(word.remove(at)),
            _ => word.swap(at, at + 1),
        }
    }
    let words: Vec<String> = words.into_iter().map(String::from_iter).collect();
    words.join(" ")
}

fn artist_and_beginning(track: &MadeTrack, random: &mut Random) -> String {
    let artist: Vec<&str> = track.artist.split(' ').collect();
    let title: Vec<&str> = track.title.split(' ').collect();
    let kept = 1 + random.index(title.len());
    let mut words = vec![artist[random.index(artist.len())].to_owned()];
    words.extend(title[..kept].iter().map(|word| (*word).to_owned()));
    if let Some(last) = words.last_mut() {
        let letters = last.chars().count();
        if letters > 3 {
            *last = last.chars().take(letters - 1 - random.index(2)).collect();
        }
    }
    words.join(" ")
}
