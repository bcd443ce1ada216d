//! The index as its callers see it.

use proptest::prelude::*;

use super::*;

fn document<'d>(title: &'d str, artist: &'d str, lyrics: &'d str) -> TextDocument<'d> {
    TextDocument {
        title,
        artist,
        lyrics,
        ..TextDocument::default()
    }
}

fn catalogue() -> TextIndex {
    let mut index = TextIndex::new();
    let tracks = [
        (
            1,
            "Paper Lanterns",
            "Nora Vale",
            "we float above the river tonight",
        ),
        (2, "Lantern", "The Paper Boys", "a match a candle a spark"),
        (3, "River Tonight", "Nora Vale", "nothing here but rain"),
        (4, "Белая ночь", "Форум", "дождь стучит в окно"),
        (5, "Déjà Vu", "Kairo", "again and again and again"),
    ];
    for (id, title, artist, lyrics) in tracks {
        index.put(id, &document(title, artist, lyrics));
    }
    index
}

fn ranked(index: &TextIndex, text: &str, with_lyrics: bool) -> Vec<u128> {
    let options = QueryOptions {
        with_lyrics,
        is_typing: true,
    };
    let query = index.query(text, options);
    let hits = index.search(&query, 10, &|_| true, &mut SearchScratch::default());
    let candidates = assemble(index, &query, &hits, &[], &[]);
    let ranked = Blend::SHIPPED.rank(&candidates);
    ranked.into_iter().map(|(id, _)| id).collect()
}

#[test]
fn titles_are_found_whole_mistyped_unfinished_and_in_any_case() {
    let index = catalogue();
    let check = |text: &str, first: u128| {
        assert_eq!(ranked(&index, text, false).first(), Some(&first), "{text}");
    };
    check("paper lanterns", 1);
    check("papre lanterns", 1);
    check("nora vale paper", 1);
    check("lantern", 2);
    check("RIVER TONIGHT", 3);
    check("river to", 3);
    check("белая ночь", 4);
    check("белая ноч", 4);
    check("бела нчоь", 4);
    check("deja vu", 5);
    assert!(ranked(&index, "zzzz", false).is_empty());
    assert!(ranked(&index, "", false).is_empty());
}

#[test]
fn lyrics_match_only_where_they_may() {
    let index = catalogue();
    assert_eq!(ranked(&index, "match candle spark", true), [2]);
    assert!(ranked(&index, "match candle spark", false).is_empty());
    // A word of lyrics must not complete or correct one of a query without them either.
    let options = QueryOptions {
        with_lyrics: false,
        is_typing: true,
    };
    let query = index.query("candl", options);
    assert_eq!(index.words_of(&query).count(), 0);
    // Nor change what a name weighs.
    let mut silent = TextIndex::new();
    silent.put(1, &document("Paper Lanterns", "Nora Vale", ""));
    let mut sung = TextIndex::new();
    sung.put(
        1,
        &document("Paper Lanterns", "Nora Vale", "paper paper paper"),
    );
    let hits = |index: &TextIndex| {
        let query = index.query("paper", options);
        index.search(&query, 5, &|_| true, &mut SearchScratch::default())
    };
    assert_eq!(hits(&silent), hits(&sung));
}

#[test]
fn a_filter_leaves_enough_and_only_its_own() {
    let mut index = TextIndex::new();
    for id in 0..500u128 {
        index.put(id, &document("same title", "x", ""));
    }
    let options = QueryOptions {
        with_lyrics: true,
        is_typing: false,
    };
    let query = index.query("same title", options);
    let admits = |id: u128| id % 50 == 7;
    let hits = index.search(&query, 10, &admits, &mut SearchScratch::default());
    assert_eq!(hits.len(), 10);
    assert!(hits.iter().all(|hit| admits(hit.id)));
}

#[test]
fn the_blend_learns_which_leg_to_trust() {
    let legs = |names: f32, meaning: f32| LegScores {
        names,
        meaning,
        ..LegScores::default()
    };
    // Names always tell; meaning is noise that is often louder.
    let query = |noise: f32| BlendQuery {
        candidates: vec![legs(0.3, noise), legs(0.6, 0.5), legs(0.2, 1.0 - noise)],
        relevant: vec![false, true, false],
    };
    let queries: Vec<_> = (0..20).map(|i| query(i as f32 / 20.0)).collect();
    let blend = Blend::fit(&queries);
    let [names, _, _, _, _, meaning, ..] = blend.weights();
    assert!(names > 3.0 * meaning, "{:?}", blend.weights());
    for query in &queries {
        let scores: Vec<_> = query.candidates.iter().map(|c| blend.score(c)).collect();
        assert!(scores[1] > scores[0] && scores[1] > scores[2]);
    }
    assert_eq!(Blend::fit(&[]).weights(), [1.0; 9]);
}

proptest! {
    /// Whatever the order of changes, the index answers like one built from what is left.
    #[test]
    fn changes_leave_the_index_as_if_built_anew(
        changes in proptest::collection::vec((0u128..6, 0usize..5), 1..40),
    ) {
        let titles = ["red sun", "blue moon", "red moon", "sun"];
        let mut index = TextIndex::new();
        let mut held = std::collections::BTreeMap::new();
        for (id, choice) in changes {
            match titles.get(choice) {
                Some(title) => {
                    index.put(id, &document(title, "artist", title));
                    held.insert(id, *title);
                }
                None => {
                    prop_assert_eq!(index.remove(id), held.remove(&id).is_some());
                }
            }
        }
        index.compact();
        let mut anew = TextIndex::new();
        for (id, title) in &held {
            anew.put(*id, &document(title, "artist", title));
        }
        prop_assert_eq!(index.len(), held.len());
        for text in ["red", "sun moon", "artist", "blu"] {
            let mut left = ranked(&index, text, true);
            let mut right = ranked(&anew, text, true);
            left.sort_unstable();
            right.sort_unstable();
            prop_assert_eq!(left, right, "{}", text);
        }
    }
}
