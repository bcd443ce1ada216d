//! Small corpora of two subjects: what is near, what is refused, what is bounded.

use std::fmt::Write;

use super::*;
use crate::lyrics::lyrics_words;
use proptest::prelude::*;

/// Two subjects with 60 words each; a song has some of one subject and of the words that all share.
fn song(number: usize, subject: &str) -> Vec<String> {
    let mut state = (number as u32)
        .wrapping_mul(2_654_435_761)
        .wrapping_add(12_345);
    let mut below = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % bound
    };
    let mut words = Vec::new();
    for _ in 0..30 {
        words.push(format!("{subject}{}", below(60)));
        words.push(format!("all{}", below(20)));
    }
    words
}

fn corpus(songs: impl Iterator<Item = Vec<String>>) -> LyricsCorpus {
    let mut corpus = LyricsCorpus::default();
    songs.for_each(|words| corpus.add(words.iter().map(String::as_str)));
    corpus
}

fn two_subjects(songs: usize) -> LyricsCorpus {
    corpus((0..songs).map(|number| song(number, ["sea", "war"][number % 2])))
}

fn learned(corpus: LyricsCorpus) -> LyricsSpace {
    LyricsSpace::learn(corpus, &mut |_, _| {}).expect("enough to learn from")
}

fn embedded(space: &LyricsSpace, words: &str) -> Option<Vec<f32>> {
    space.embed(words.split_whitespace())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn songs_of_a_subject_are_near_without_a_common_word() {
    let space = learned(two_subjects(120));
    assert!(space.dimensions() == 30 && space.word_count() == 140);
    // New songs: of one subject with two halves of its words, and of the other.
    let of = |subject: &str, numbers: std::ops::Range<usize>| -> Vec<f32> {
        let words: Vec<String> = numbers.map(|at| format!("{subject}{at}")).collect();
        space
            .embed(words.iter().map(String::as_str))
            .expect("known words")
    };
    let (sea, other_sea, war) = (of("sea", 0..30), of("sea", 30..60), of("war", 0..30));
    let (same, apart) = (cosine(&sea, &other_sea), cosine(&sea, &war));
    assert!(same > 0.2 && apart < -0.2, "{same} {apart}");
}

#[test]
fn a_song_without_a_known_word_has_no_place() {
    let space = learned(two_subjects(120));
    assert_eq!(embedded(&space, ""), None);
    assert_eq!(embedded(&space, "nowhere Sea1 море"), None);
    assert!(embedded(&space, "nowhere sea1").is_some());
}

#[test]
fn too_little_is_refused_with_what_is_missing() {
    let check = |corpus: LyricsCorpus, expected: &str| {
        let refusal = LyricsSpace::learn(corpus, &mut |_, _| {}).unwrap_err();
        assert_eq!(refusal.to_string(), expected);
    };
    let songs = |count: usize| {
        format!("the words of {count} different songs are too few to learn from: 50 are needed")
    };
    let words = |count: usize| {
        format!(
            "{count} words are shared by two songs or more, too few to learn from: 100 are needed"
        )
    };
    check(LyricsCorpus::default(), &songs(0));
    check(two_subjects(1), &songs(1));
    check(two_subjects(49), &songs(49));
    let empty = (0..1_000).map(|_| Vec::new());
    check(corpus(empty), &songs(0));
    let same = (0..1_000).map(|_| song(1, "sea"));
    check(corpus(same), &songs(1));
    let one_word = (1..200).map(|times| vec!["la".to_owned(); times]);
    check(corpus(one_word), &words(1));
    let common = (1..60usize).map(|number| {
        let word = |at: usize| ["the", "and", "of", "to", "a"][(number + at) % 5].to_owned();
        (0..number).map(word).collect()
    });
    check(corpus(common), &words(5));
    let own = (0..60).map(|number| (0..50).map(|at| format!("w{number}x{at}")).collect());
    check(corpus(own), &words(0));
    let alike = (0..60).map(|number| {
        let shared = (0..120).map(|at| format!("w{at}"));
        shared.chain([format!("own{number}")]).collect()
    });
    check(
        corpus(alike),
        "the songs differ in none of the words that they share: there is nothing to learn",
    );
    assert!(LyricsSpace::learn(two_subjects(50), &mut |_, _| {}).is_ok());
}

#[test]
fn copies_of_a_song_count_once() {
    let with_copies = (0..60)
        .map(|number| song(number, ["sea", "war"][number % 2]))
        .chain((0..500).map(|_| song(0, "sea")));
    assert_eq!(learned(corpus(with_copies)), learned(two_subjects(60)));
}

#[test]
fn the_same_songs_give_the_same_space_on_any_thread() {
    let alone = learned(two_subjects(80));
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| learned(two_subjects(80))))
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), alone);
    }
}

#[test]
fn the_order_of_songs_does_not_change_neighbours() {
    let forward = learned(two_subjects(80));
    let backward = (0..80).rev();
    let backward = learned(corpus(
        backward.map(|number| song(number, ["sea", "war"][number % 2])),
    ));
    let (one, other) = ("sea1 sea2 all3", "sea1 war5 all7");
    let near = |space: &LyricsSpace| {
        let at = |words| embedded(space, words).expect("known words");
        cosine(&at(one), &at(other))
    };
    assert!((near(&forward) - near(&backward)).abs() < 0.02);
}

#[test]
fn a_language_is_its_words_whatever_the_script() {
    let of = |subject: &'static str| {
        (0..60).map(move |number| song(number, [subject, "война"][number % 2]))
    };
    let space = learned(corpus(of("愛")));
    let at = |words: &str| embedded(&space, words).expect("known words");
    let [love, other, war] = ["愛1 愛2 all1", "愛11 愛12 all1", "война1 война2 all1"].map(at);
    assert!(cosine(&love, &other) > cosine(&love, &war));
}

#[test]
fn hostile_songs_are_bounded() {
    let mut text = String::new();
    for number in 0..1_500_000 {
        let _ = write!(text, "w{number} ");
        if number % 20 == 0 {
            text.push('\n');
        }
    }
    assert!(text.len() > 10 << 20);
    let words = lyrics_words(&text);
    assert!(
        words.len() < 200_000,
        "lyrics are cut before they are counted"
    );
    let mut corpus = two_subjects(60);
    corpus.add(words.iter().map(String::as_str));
    corpus.add(std::iter::repeat_n("sea1", 100_000));
    assert_eq!(corpus.song_count(), 62);
    let space = learned(corpus);
    assert_eq!(space.word_count(), 140);
    let long = space.embed(std::iter::repeat_n("sea1", 100_000));
    assert!(long.is_some_and(|vector| vector.iter().all(|value| value.is_finite())));
}

#[test]
fn a_stored_space_is_the_same_and_a_torn_one_is_refused() {
    let space = learned(two_subjects(60));
    let stored = serde_json::to_value(&space).expect("writes");
    let read = |value: &serde_json::Value| serde_json::from_value::<LyricsSpace>(value.clone());
    assert_eq!(read(&stored).expect("reads"), space);
    for part in ["words", "weights", "directions", "middle"] {
        let mut torn = stored.clone();
        torn[part].as_array_mut().expect("a list").pop();
        assert!(read(&torn).is_err(), "{part}");
    }
    let mut mixed = stored.clone();
    mixed["words"].as_array_mut().expect("a list").swap(0, 5);
    assert!(read(&mixed).is_err());
}

proptest! {
    #[test]
    fn any_words_give_a_vector_of_length_one_or_none(
        texts in prop::collection::vec("([a-d]{1,2} ?){0,12}", 50..70),
        asked in "\\PC{0,40}",
    ) {
        let mut corpus = two_subjects(60);
        for text in &texts {
            corpus.add(text.split_whitespace());
        }
        let space = learned(corpus);
        for text in texts.iter().chain([&asked]) {
            if let Some(vector) = embedded(&space, text) {
                prop_assert_eq!(vector.len(), space.dimensions());
                prop_assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
            }
        }
    }
}
