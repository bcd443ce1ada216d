//! A made-up catalogue in the shape of `rap-scraper`: its tables as JSON lines, and its one-table
//! export. Names, verses and judgements are invented; proportions are those of the original.

use std::io::{Result, Write};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::verses::{Theme, VerseForm, VerseLanguage, VerseSpec, write_verse};

/// Tracks of the original; every other count of it is kept in proportion to this one.
pub const TRACKS_OF_ORIGINAL: u64 = 57_718;
/// Rows of the one-table export.
pub const TABLE_ROWS: u64 = 1_000;
/// Artists in the one-table export.
const TABLE_ARTISTS: u64 = 24;
/// Rows of it whose analysis is a stand-in.
const TABLE_FALLBACKS: u64 = 258;
/// Different Spotify ids in it.
const TABLE_SPOTIFY_IDS: u64 = 929;
/// Rows of it with a bare year.
const TABLE_YEARS: u64 = 63;
/// Rows of it whose Spotify data has the first shape.
const TABLE_SHAPE_A: u64 = 753;

const MOODS: [&str; 5] = ["confident", "calm", "angry", "sad", "playful"];
const GENRES: [&str; 4] = ["boom bap", "trap", "drill", "jazz rap"];
const LEVELS: [&str; 3] = ["low", "medium", "high"];
const THEMES: [&str; 6] = [
    "success",
    "street life",
    "love",
    "money",
    "it's late",
    "family",
];

/// The analyzers of the original: name, version, how many tracks have a row of it.
const ANALYZERS: [(&str, &str, u64); 9] = [
    ("simplified_features", "1.0", 57_717),
    ("simplified_features", "1.0", 57_717),
    ("simplified_features_v2", "2.0", 57_717),
    ("qwen-3-4b-fp8", "qwen-3-4b-fp8", 57_716),
    ("qwen-3-4b-fp8", "qwen-3-4b-fp8", 4_217),
    ("gemma-3-27b-it", "gemma-3-27b-it", 34_320),
    ("emotion_analyzer_v2", "2.0", 207),
    ("mock_analyzer_v1", "1.0", 27),
    ("ollama:llama3.2:3b", "llama3.2:3b", 8),
];
/// Rows of the original with Spotify data.
const SPOTIFY_ROWS: u64 = 34_066;
/// Of a thousand rows, those that get a vector in the made-up catalogue.
const VECTORS_PER_MILLE: u64 = 10;

/// Writes `tracks.jsonl`.
pub fn write_tracks(seed: u64, tracks: u64, mut out: impl Write) -> Result<()> {
    for index in 0..tracks {
        let mut rng = rng_of(seed, index, 0);
        let spotify = is_among(index, SPOTIFY_ROWS).then(|| {
            let is_shared = index % 14 == 13 && is_among(index - 1, SPOTIFY_ROWS);
            let id = if is_shared { index - 1 } else { index };
            let options = SpotifyOptions {
                id,
                is_a: index % 4 != 3,
                is_year: index % 16 == 5,
            };
            spotify_of(&mut rng, &options)
        });
        let spotify = match spotify {
            // Some rows hold the object as text, as an older migration left it.
            Some(object) if index % 50 == 7 => Value::String(object.to_string()),
            Some(object) => object,
            None => Value::Null,
        };
        let lyrics = (index % 200 != 199).then(|| lyrics_of(seed, index));
        let vector = |dimension: usize, rng: &mut ChaCha8Rng| -> Vec<f32> {
            (0..dimension)
                .map(|_| (rng.random_range(-1.0_f32..1.0) * 1e4).round() / 1e4)
                .collect()
        };
        let has_vector = index % 1_000 < VECTORS_PER_MILLE;
        let row = json!({
            "id": index + 1,
            "title": title_of(&mut rng),
            "artist": format!("Artist {}", index % 340),
            "word_count": lyrics.as_ref().map(|text| text.split_whitespace().count()),
            "lyrics": lyrics,
            "url": null, "genius_id": (index % 3 == 0).then_some(900_000 + index),
            "scraped_date": "2025-06-01T10:00:00", "genre": null, "release_date": null,
            "album": null, "language": null, "explicit": null, "song_art_url": null,
            "popularity_score": null, "lyrics_quality_score": null,
            "created_at": "2025-07-01T10:00:00.123456", "spotify_data": spotify,
            "lyrics_embedding": has_vector.then(|| vector(768, &mut rng)),
            "flow_embedding": (has_vector && index % 2 == 0).then(|| json!(vector(384, &mut rng)).to_string()),
            "embedding_model": null, "embedding_timestamp": null,
        });
        writeln!(out, "{row}")?;
    }
    Ok(())
}

/// Writes `analysis.jsonl`; answers how many rows.
pub fn write_analyses(seed: u64, tracks: u64, mut out: impl Write) -> Result<u64> {
    let mut rows = 0;
    for index in 0..tracks {
        for (place, (author, version, share)) in ANALYZERS.iter().enumerate() {
            if !is_among(index, *share) {
                continue;
            }
            rows += 1;
            // The second row of an analyzer repeats the first for every other track.
            let is_second = place > 0 && ANALYZERS[place - 1].0 == *author;
            let salt = if is_second && index % 2 == 0 {
                place - 1
            } else {
                place
            };
            let mut rng = rng_of(seed, index, 1 + salt as u64);
            let mut row = if author.starts_with("simplified") || author.starts_with("emotion") {
                features_of(&mut rng)
            } else if rng.random_range(0..100) < 8 {
                stand_in()
            } else {
                judgement_of(&mut rng)
            };
            let fields = json!({"id": rows, "track_id": index + 1, "analyzer_type": author,
                "model_version": version, "created_at": "2025-07-02T10:00:00",
                "processing_time_ms": 800 + rows % 100, "embedding": null});
            if let (Some(row), Value::Object(fields)) = (row.as_object_mut(), fields) {
                row.extend(fields);
            }
            writeln!(out, "{row}")?;
        }
    }
    Ok(rows)
}

/// Writes the one-table export, with exactly the properties that the original's has.
pub fn write_table(seed: u64, mut out: impl Write) -> Result<()> {
    writeln!(
        out,
        "id,artist,title,lyrics,word_count,explicit,qwen_sentiment,qwen_confidence,qwen_themes,\
         qwen_complexity,spotify_data,lyrics_length,lines_count,avg_words_per_line,artist_style,\
         mood_label,theme_category,quality_score"
    )?;
    for index in 0..TABLE_ROWS {
        let mut rng = rng_of(seed, index, 77);
        let lyrics = lyrics_of(seed, index);
        let (words, lines) = (lyrics.split_whitespace().count(), lyrics.lines().count());
        // 7,919 has no factor in common with 1,000: every place is met once.
        let place = index * 7_919 % TABLE_ROWS;
        let is_fallback = place < TABLE_FALLBACKS;
        let complexity = f64::from(rng.random_range(10_u32..1_000)) / 1_000.0;
        let complexity = if is_fallback { 0.0 } else { complexity };
        let spotify = spotify_of(
            &mut rng,
            &SpotifyOptions {
                id: index % TABLE_SPOTIFY_IDS,
                is_a: place >= TABLE_ROWS - TABLE_SHAPE_A,
                is_year: index * 7 % TABLE_ROWS < TABLE_YEARS,
            },
        );
        let themes = if is_fallback {
            "[]".to_owned()
        } else {
            python_list(&[pick(&mut rng, &THEMES), pick(&mut rng, &THEMES)])
        };
        let cells = [
            (34_000 + index).to_string(),
            format!("Artist {}", index % TABLE_ARTISTS),
            title_of(&mut rng),
            lyrics.clone(),
            words.to_string(),
            String::new(),
            if is_fallback {
                "neutral"
            } else {
                pick(&mut rng, &MOODS)
            }
            .to_owned(),
            if is_fallback { "0.0" } else { "0.85" }.to_owned(),
            themes,
            complexity.to_string(),
            spotify.to_string(),
            lyrics.len().to_string(),
            lines.to_string(),
            format!("{:.3}", words as f64 / lines.max(1) as f64),
            pick(&mut rng, &GENRES).to_owned(),
            "neutral".to_owned(),
            pick(&mut rng, &LEVELS).to_owned(),
            complexity.to_string(),
        ];
        let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        writeln!(out, "{}", quoted.join(","))?;
    }
    Ok(())
}

fn rng_of(seed: u64, index: u64, salt: u64) -> ChaCha8Rng {
    let mixed =
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index.wrapping_mul(31).wrapping_add(salt);
    ChaCha8Rng::seed_from_u64(mixed)
}

/// Spreads `share` of the original's tracks evenly, so that any number of tracks has its part.
fn is_among(index: u64, share: u64) -> bool {
    let before = |count: u64| count * share / TRACKS_OF_ORIGINAL;
    before(index + 1) > before(index)
}

fn pick(rng: &mut ChaCha8Rng, words: &[&'static str]) -> &'static str {
    words[rng.random_range(0..words.len())]
}

fn title_of(rng: &mut ChaCha8Rng) -> String {
    let first = pick(
        rng,
        &["Night", "Glass", "River", "Paper", "Copper", "Winter"],
    );
    let second = pick(
        rng,
        &["Streets", "Talk", "Letters", "Lights", "Crowns", "Miles"],
    );
    format!("{first} {second} {}", rng.random_range(1..9_999))
}

fn lyrics_of(seed: u64, index: u64) -> String {
    let language = if index % 25 == 24 {
        VerseLanguage::Russian
    } else {
        VerseLanguage::English
    };
    let spec = VerseSpec {
        seed: seed ^ (index << 8),
        theme: Theme::ALL[index as usize % Theme::ALL.len()],
        form: VerseForm::ALL[(index / 8) as usize % VerseForm::ALL.len()],
        language,
        verse_count: 3 + (index % 8) as usize,
        has_chorus: true,
    };
    write_verse(&spec).text
}

struct SpotifyOptions {
    id: u64,
    is_a: bool,
    is_year: bool,
}

fn spotify_of(rng: &mut ChaCha8Rng, options: &SpotifyOptions) -> Value {
    let id = format!("made{:018}", options.id);
    let year = rng.random_range(1994..2025);
    let date = if options.is_year {
        year.to_string()
    } else {
        format!(
            "{year}-0{}-1{}",
            rng.random_range(1..10),
            rng.random_range(0..10)
        )
    };
    let artist = json!([{"id": format!("maker{:017}", options.id % 340), "name": "Somebody"}]);
    let popularity = rng.random_range(0..95);
    if options.is_a {
        json!({"id": id, "name": "T", "album": {"name": "Made up"}, "artists": artist,
            "explicit": rng.random_bool(0.6), "popularity": popularity,
            "duration_ms": rng.random_range(90_000..320_000), "preview_url": null,
            "release_date": date, "external_urls": {"spotify": "https://example.org"},
            "migration_date": "2025-08-01T10:00:00", "migrated_from_sqlite": true})
    } else {
        json!({"track_id": id, "album_id": "made", "album_name": "Made up", "artists": artist,
            "popularity": popularity, "preview_url": null, "release_date": date,
            "external_urls": {"spotify": "https://example.org"}})
    }
}

/// What `simplified_features` writes.
fn features_of(rng: &mut ChaCha8Rng) -> Value {
    let mut share = || f64::from(rng.random_range(0_u32..1_000)) / 1_000.0;
    let features = json!({"rhyme_density": share(), "alliteration_score": share(),
        "ttr_score": share(), "complex_words_ratio": share(), "creativity_score": share(),
        "flow_consistency": share(), "overall_complexity": share(), "technical_skill": share(),
        "innovation_score": share(), "artistic_sophistication": share(), "confidence_score": 0.8,
        "average_word_length": 3.0 + share(), "average_syllables_per_line": 6.0 + 6.0 * share()});
    let mut row = json!({"sentiment": null, "confidence": 0.8, "themes": null,
        "complexity_score": share(), "analysis_data": {"features": features,
        "metadata": {"analyzer_version": "1.0"}}});
    let counts = json!({"perfect_rhymes": rng.random_range(0..40),
        "internal_rhymes": rng.random_range(0..20), "unique_words": rng.random_range(60..260),
        "total_words": rng.random_range(120..600), "syllable_count": rng.random_range(200..900),
        "metaphor_count": rng.random_range(0..9), "rhyme_scheme": pick(rng, &["AABB", "ABAB", "AAAA"])});
    if let (Some(Value::Object(features)), Value::Object(counts)) =
        (row.pointer_mut("/analysis_data/features"), counts)
    {
        features.extend(counts);
    }
    row
}

/// What a language model writes.
fn judgement_of(rng: &mut ChaCha8Rng) -> Value {
    let mood = pick(rng, &MOODS);
    let themes = [pick(rng, &THEMES), pick(rng, &THEMES)];
    let shown = if rng.random_bool(0.5) {
        json!(themes).to_string()
    } else {
        python_list(&themes)
    };
    let data = json!({
        "genre_analysis": {"primary_genre": pick(rng, &GENRES), "subgenre": "none", "confidence": 0.8},
        "mood_analysis": {"primary_mood": mood, "emotional_intensity": pick(rng, &LEVELS),
            "energy_level": pick(rng, &LEVELS), "valence": pick(rng, &LEVELS)},
        "content_analysis": {"explicit_content": rng.random_bool(0.5), "main_themes": themes,
            "narrative_style": "first person"},
        "technical_analysis": {"rhyme_scheme": pick(rng, &["AABB", "ABAB"]), "flow_pattern": "steady",
            "complexity_level": pick(rng, &LEVELS), "wordplay_quality": pick(rng, &LEVELS)},
        "quality_metrics": {"lyrical_creativity": 0.7, "technical_skill": 0.6, "authenticity": 0.8,
            "overall_quality": 0.7, "ai_generated_likelihood": 0.1},
        "cultural_context": {"era_estimate": "2010s", "regional_style": "none"}});
    json!({"sentiment": mood, "confidence": 0.85, "themes": shown,
        "complexity_score": f64::from(rng.random_range(0_u32..100)) / 100.0, "analysis_data": data})
}

/// What is written when a language model's answer could not be read.
fn stand_in() -> Value {
    json!({"sentiment": "neutral", "confidence": 0.0, "themes": "[]", "complexity_score": 0.0,
        "analysis_data": {"quality_metrics": {"overall_quality": 0.3, "ai_generated_likelihood": 0.5}}})
}

/// A list as Python shows it.
fn python_list(words: &[&str]) -> String {
    let shown = words.iter().map(|word| {
        if word.contains('\'') {
            format!("\"{word}\"")
        } else {
            format!("'{word}'")
        }
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(", "))
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_analyses_are_as_many_as_the_originals() {
        let rows: u64 = (0..TRACKS_OF_ORIGINAL)
            .flat_map(|index| ANALYZERS.iter().filter(move |one| is_among(index, one.2)))
            .count() as u64;
        assert_eq!(rows, 269_646);
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes() {
        let written = |seed| {
            let mut bytes = Vec::new();
            write_tracks(seed, 30, &mut bytes).unwrap();
            write_analyses(seed, 30, &mut bytes).unwrap();
            write_table(seed, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(written(5), written(5));
        assert_ne!(written(5), written(6));
    }
}
