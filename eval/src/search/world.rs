//! A catalogue that is made up: names and verses of invented words whose frequencies fall as those of
//! a language do.

use crate::random::Random;

/// Distinct invented words.
const WORDS: usize = 200_000;
/// Words that a subject of songs has for its own.
const SUBJECT_WORDS: usize = 120;
const SUBJECTS: usize = 400;
/// Tracks of an artist, on average.
const TRACKS_PER_ARTIST: usize = 9;
/// Share of sung words that belong to the subject.
const SUBJECT_SHARE: f64 = 0.35;
const GENRES: [&str; 12] = [
    "rock", "jazz", "hip hop", "folk", "techno", "house", "soul", "metal", "ambient", "punk",
    "disco", "blues",
];

/// One made-up track.
pub struct MadeTrack {
    pub title: String,
    pub artist: String,
    pub release: String,
    pub genre: &'static str,
    pub subject: usize,
    pub lyrics: Vec<u32>,
    pub tempo_bpm: f32,
    pub year: u16,
}

/// Words and subjects that all tracks draw from.
pub struct World {
    words: Vec<String>,
    artists: Vec<Artist>,
    subjects: Vec<Vec<u32>>,
    seed: u64,
}

struct Artist {
    name: String,
    subject: usize,
    genre: &'static str,
    releases: [String; 3],
}

impl World {
    /// Makes a world for so many tracks.
    pub fn new(track_count: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut seen = std::collections::HashSet::new();
        let mut words = Vec::with_capacity(WORDS);
        while words.len() < WORDS {
            // Frequent words are short, as they are in languages.
            let syllables = 1
                + usize::from(words.len() > 300)
                + random.index(2 + usize::from(words.len() > 5_000));
            let word: String = (0..syllables).map(|_| syllable(&mut random)).collect();
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        let subjects: Vec<Vec<u32>> = (0..SUBJECTS)
            .map(|_| {
                (0..SUBJECT_WORDS)
                    .map(|_| 300 + random.index(40_000) as u32)
                    .collect()
            })
            .collect();
        let artists = (0..(track_count / TRACKS_PER_ARTIST).max(1)).map(|_| {
            let phrase = |random: &mut Random, most: usize| {
                let count = 1 + random.index(most);
                let picked: Vec<&str> = (0..count)
                    .map(|_| words[skewed(random, WORDS, 3.0)].as_str())
                    .collect();
                picked.join(" ")
            };
            Artist {
                name: phrase(&mut random, 3),
                subject: random.index(SUBJECTS),
                genre: GENRES[random.index(GENRES.len())],
                releases: std::array::from_fn(|_| phrase(&mut random, 3)),
            }
        });
        let artists = artists.collect();
        Self {
            artists,
            subjects,
            words,
            seed,
        }
    }

    /// The track of a number; always the same.
    pub fn track(&self, number: usize) -> MadeTrack {
        let mut random =
            Random(self.seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let artist = &self.artists[random.index(self.artists.len())];
        let title_words = 1 + random.index(4);
        let title: Vec<&str> = (0..title_words)
            .map(|_| self.words[skewed(&mut random, WORDS, 4.0)].as_str())
            .collect();
        let length = 120 + random.index(180);
        let subject = &self.subjects[artist.subject];
        let lyrics = (0..length).map(|_| {
            if random.uniform() < SUBJECT_SHARE {
                subject[skewed(&mut random, SUBJECT_WORDS, 2.0)]
            } else {
                skewed(&mut random, 40_000, 5.0) as u32
            }
        });
        let lyrics = lyrics.collect();
        MadeTrack {
            title: title.join(" "),
            artist: artist.name.clone(),
            release: artist.releases[random.index(3)].clone(),
            genre: artist.genre,
            subject: artist.subject,
            lyrics,
            tempo_bpm: 60.0 + random.index(130) as f32,
            year: 1960 + random.index(65) as u16,
        }
    }

    /// The words of a subject, those sung most first.
    pub fn subject(&self, number: usize) -> &[u32] {
        &self.subjects[number]
    }

    /// Sung words as text, eight to a line.
    pub fn verse(&self, lyrics: &[u32]) -> String {
        let lines = lyrics.chunks(8).map(|line| self.line(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Sung words as one line.
    pub fn line(&self, words: &[u32]) -> String {
        let words: Vec<&str> = words
            .iter()
            .map(|&w| self.words[w as usize].as_str())
            .collect();
        words.join(" ")
    }
}

/// An index below `count`, small ones more often: the larger `skew`, the more so. With 5 over 40,000
/// words the commonest is in most songs and the ten commonest make a fifth of all words.
fn skewed(random: &mut Random, count: usize, skew: f64) -> usize {
    ((random.uniform().powf(skew) * count as f64) as usize).min(count - 1)
}

fn syllable(random: &mut Random) -> String {
    const ONSETS: [&str; 20] = [
        "b", "k", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr",
        "sh", "ch", "br",
    ];
    const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
    const CODAS: [&str; 8] = ["", "", "", "n", "r", "l", "s", "t"];
    let mut pick = |from: &[&'static str]| from[random.index(from.len())];
    [pick(&ONSETS), pick(&VOWELS), pick(&CODAS)].concat()
}
