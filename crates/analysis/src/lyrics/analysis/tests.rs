//! Whole songs through the lyrics analysis.

use proptest::prelude::*;

use super::*;
use crate::lyrics::LYRICS_EMBEDDING_DIMENSIONS;

const SONG: &str = "[Verse 1]
I left the harbour with the morning in my hair
A pocket full of copper and a borrowed coat to wear
The gulls were writing letters on the paper of the sky
And nobody was asking and I never told them why

[Chorus]
So carry me over, carry me slow
Over the water where the tall lights grow
I was a whisper, I was a flame
I was a stranger who answered to your name

[Verse 2]
The city has a rhythm that is made of glass and steel
It tells me what to carry but it never asks to feel
I hide beneath the awning of a station in the rain
And count the windows turning on the slowly leaving train

[Chorus]
So carry me over, carry me slow
Over the water where the tall lights grow
I was a whisper, I was a flame
I was a stranger who answered to your name
";

const RUSSIAN: &str = "Я вышел из дома, когда рассвело,
И ветер принёс мне большое тепло,
А город проснулся и начал шуметь,
И улицы стали негромко звенеть.";

fn value(analysis: &LyricsAnalysis, name: &str) -> Value {
    let found = analysis
        .descriptors
        .iter()
        .find(|descriptor| descriptor.name == name);
    found.map_or(Value::Null, |descriptor| descriptor.value.clone())
}

#[test]
fn a_song_is_measured() {
    let analysis = analyze_lyrics(SONG);
    assert_eq!(value(&analysis, "language"), json!("en"));
    assert_eq!(value(&analysis, "line_count"), json!(16));
    assert_eq!(
        value(&analysis, "rhyme_scheme"),
        json!(["aabb", "aabb", "aabb", "aabb"])
    );
    assert_eq!(value(&analysis, "repeated_line_ratio"), json!(0.25));
    assert_eq!(
        value(&analysis, "unique_words_first_35k_count"),
        Value::Null
    );
    let density = value(&analysis, "rhyme_density_ratio")
        .as_f64()
        .expect("measured");
    assert!((0.05..0.5).contains(&density), "{density}");
    let mean = value(&analysis, "syllables_per_line_mean")
        .as_f64()
        .expect("measured");
    assert!((10.0..14.0).contains(&mean), "{mean}");
}

#[test]
fn spans_lie_on_their_words() {
    let analysis = analyze_lyrics(SONG);
    let text = LyricsText::parse(SONG);
    let word_at = |span: &RhymeSpan| -> String {
        let line = text
            .lines
            .get(span.line)
            .map_or("", |line| line.text.as_str());
        line.chars()
            .skip(span.start_char)
            .take(span.end_char - span.start_char)
            .collect()
    };
    let last_of = |line: usize| analysis.chains.iter().rfind(|span| span.line == line);
    let (hair, wear) = (last_of(0).expect("rhymes"), last_of(1).expect("rhymes"));
    assert_eq!(
        (word_at(hair), word_at(wear)),
        ("hair".to_owned(), "wear".to_owned())
    );
    assert_eq!(hair.chain_id, wear.chain_id);
}

#[test]
fn russian_is_measured_by_rule_and_says_that_it_is_in_beta() {
    let analysis = analyze_lyrics(RUSSIAN);
    assert_eq!(value(&analysis, "language"), json!("ru"));
    assert_eq!(value(&analysis, "rhyme_scheme"), json!(["aabb"]));
    assert_eq!(value(&analysis, "syllable_count"), json!(44));
    assert_eq!(value(&analysis, "stress_regularity_ratio"), Value::Null);
    assert!(!analysis.chains.is_empty());
    let scheme = analysis.descriptors.iter();
    let scheme = scheme.filter(|one| one.name == "rhyme_scheme");
    // Of 23 words with a vowel 13: seven have one, four are listed, one has `ё`, one an ending that tells.
    let methods: Vec<&str> = scheme.map(|one| one.method.as_str()).collect();
    assert_eq!(
        methods,
        ["russian-rules-beta: stress known of 57 % of words"]
    );
}

#[test]
fn french_is_heard_by_its_rules() {
    let lyrics = "le soir descend sur les maisons\nla ville chante encore nos chansons\net dans la rue où tu m'attends\nje suis plus vieux de cent printemps";
    let analysis = analyze_lyrics(lyrics);
    assert_eq!(value(&analysis, "language"), json!("fr"));
    assert_eq!(value(&analysis, "rhyme_scheme"), json!(["aabb"]));
    let mut scheme = analysis.descriptors.iter();
    let scheme = scheme
        .find(|one| one.name == "rhyme_scheme")
        .expect("there is one");
    assert_eq!(scheme.method, "french-rules");
    assert!(scheme.confidence.is_some_and(|confidence| confidence > 0.5));
}

#[test]
fn the_unknown_is_null_and_never_invented() {
    for raw in ["", "la la la", "\u{0}\u{feff}", "夜の道を歩いている"] {
        let analysis = analyze_lyrics(raw);
        for name in [
            "rhyme_scheme",
            "syllable_count",
            "rhyme_density_ratio",
            "mtld_words",
        ] {
            assert_eq!(value(&analysis, name), Value::Null, "{name} of {raw:?}");
        }
    }
    let known = analyze_lyrics_as("day\nway", Some("en"));
    assert_eq!(value(&known, "rhyme_scheme"), json!(["aa"]));
}

#[test]
fn analysis_is_deterministic_and_round_trips() {
    let analysis = analyze_lyrics(SONG);
    let text = serde_json::to_string(&analysis).expect("plain data");
    assert_eq!(
        text,
        serde_json::to_string(&analyze_lyrics(SONG)).expect("plain data")
    );
    let back: LyricsAnalysis = serde_json::from_str(&text).expect("own output");
    assert_eq!(back.chains, analysis.chains);
}

#[test]
fn hostile_sizes_finish() {
    for raw in [
        "day ".repeat(60_000),
        "a day\n".repeat(40_000),
        "[00:01]the night is mine\n\n".repeat(9_000),
        "'".repeat(100_000),
        "-a".repeat(100_000),
    ] {
        let analysis = analyze_lyrics_as(&raw, Some("en"));
        assert_eq!(analysis.embedding.len(), LYRICS_EMBEDDING_DIMENSIONS);
    }
}

/// Prints the speed; run with `--release -- --nocapture speed` for a number worth quoting.
#[test]
fn speed() {
    let song = format!(
        "{SONG}\n{}",
        SONG.replace("the", "that").replace("I ", "we ")
    );
    analyze_lyrics(&song);
    let started = std::time::Instant::now();
    let song_count = 200;
    for _ in 0..song_count {
        analyze_lyrics(&song);
    }
    let rate = f64::from(song_count) / started.elapsed().as_secs_f64();
    println!("{} characters, {rate:.0} songs a second", song.len());
    assert!(rate > 50.0, "{rate}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_gives_sound_numbers(raw in "(\\PC|\\n|[a-z' ]){0,400}", known in any::<bool>()) {
        let analysis = analyze_lyrics_as(&raw, known.then_some("en"));
        let text = LyricsText::parse(&raw);
        for descriptor in &analysis.descriptors {
            prop_assert!(descriptor.confidence.is_none_or(|c| (0.0..=1.0).contains(&c)));
            if descriptor.name.ends_with("_ratio") {
                let is_share = descriptor.value.as_f64().is_none_or(|v| (0.0..=1.0).contains(&v));
                prop_assert!(is_share, "{descriptor:?}");
            }
        }
        for span in &analysis.chains {
            let line = text.lines.get(span.line).expect("a line of the text");
            prop_assert!(span.start_char <= span.end_char);
            prop_assert!(span.end_char <= line.text.chars().count());
        }
        let norm: f32 = analysis.embedding.iter().map(|value| value * value).sum();
        prop_assert!(norm == 0.0 || (norm - 1.0).abs() < 1e-3);
    }
}
