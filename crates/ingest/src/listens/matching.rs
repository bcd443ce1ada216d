//! Finding the track that a few words mean.

use std::collections::{BTreeSet, HashMap};

use leitmotif_domain::TrackId;
use leitmotif_domain::track::Track;

use super::names::{ArtistKey, TitleKey, artist_key, folded, likeness, title_key};

/// Least likeness of two titles: one wrong letter in seven. Below it, other songs of an artist come
/// in range (`Part 1` and `Part 2` differ less, which is why numbers must be equal).
const TITLE_LIKENESS_MIN: f32 = 0.84;
/// Least likeness of two artists.
const ARTIST_LIKENESS_MIN: f32 = 0.8;
/// Artists that share a credit, though not the first: alike, but less than a typing mistake.
const SHARED_CREDIT: f32 = 0.9;
/// How much better than another song the best one has to be.
const LEAD_MIN: f32 = 0.04;
/// How far the lengths of the same recording lie apart: players round, and releases differ in
/// their silence.
const DURATION_SLACK_MS: u32 = 15_000;
/// The same for names that only resemble each other.
const DURATION_SLACK_FUZZY_MS: u32 = 5_000;
/// What equal lengths and releases add, so that they decide between copies of one recording.
const DURATION_WEIGHT: f32 = 0.02;
const ALBUM_WEIGHT: f32 = 0.01;
/// What stands where an artist is not known.
const NO_ARTIST: [&str; 6] = [
    "",
    "n a",
    "unknown",
    "unknown artist",
    "various",
    "various artists",
];

/// What is known of a recording that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    title: TitleKey,
    artist: ArtistKey,
    album: String,
    duration_ms: Option<u32>,
}

impl Words {
    /// Folds the words once.
    pub fn new(title: &str, artist: &str, album: Option<&str>, duration_ms: Option<u32>) -> Self {
        Self {
            title: title_key(title),
            artist: artist_key(artist),
            album: folded(album.unwrap_or_default()),
            duration_ms,
        }
    }

    /// Whether these words mean clearly another song: neither title nor artist is near enough for one
    /// mistake, and both artists are named.
    pub fn is_clearly_another(&self, other: &Self) -> bool {
        let is_named = |words: &Self| !NO_ARTIST.contains(&words.artist.whole.as_str());
        is_named(self)
            && is_named(other)
            && title_likeness(&self.title.name, &other.title.name).is_none()
            && artist_likeness(&self.artist, &other.artist).is_none()
    }

    /// The song as it is compared: title, version and artist, folded.
    pub fn name(&self) -> String {
        [&self.title.name, &self.title.version, &self.artist.whole]
            .map(String::as_str)
            .join("\n")
    }

    fn of_track(track: &Track) -> Self {
        let details = &track.details;
        let album = details.album.as_deref();
        Self::new(&details.title, &details.artist, album, details.duration_ms)
    }
}

/// A catalogue by its words.
#[derive(Debug, Default)]
pub struct MatchIndex {
    tracks: HashMap<TrackId, Words>,
    by_artist: HashMap<String, BTreeSet<TrackId>>,
    by_title: HashMap<String, BTreeSet<TrackId>>,
}

impl MatchIndex {
    /// Adds a track or renews it.
    pub fn put(&mut self, track: &Track) {
        self.remove(track.id);
        let words = Words::of_track(track);
        for part in &words.artist.parts {
            let tracks = self.by_artist.entry(part.clone()).or_default();
            tracks.insert(track.id);
        }
        let tracks = self.by_title.entry(words.title.name.clone()).or_default();
        tracks.insert(track.id);
        self.tracks.insert(track.id, words);
    }

    /// Forgets a track.
    pub fn remove(&mut self, id: TrackId) {
        let Some(words) = self.tracks.remove(&id) else {
            return;
        };
        for part in &words.artist.parts {
            drop_from(&mut self.by_artist, part, id);
        }
        drop_from(&mut self.by_title, &words.title.name, id);
    }

    /// How long a track is.
    pub fn duration_ms(&self, id: TrackId) -> Option<u32> {
        self.tracks.get(&id)?.duration_ms
    }

    /// Finds the track that the words mean: artist and title must be the same but for writing, and
    /// the version and the length must not contradict. `None` when nothing is near enough, or when
    /// two songs are.
    ///
    /// A mistake in the artist is forgiven when the title is right, one in the title when an artist
    /// of the credit is; mistakes in both are not.
    ///
    /// - Cost: O(tracks of the artists + tracks of the title), with an alignment for each title of
    ///   an artist.
    pub fn find(&self, words: &Words) -> Option<TrackId> {
        let artists = (words.artist.parts.iter()).filter_map(|part| self.by_artist.get(part));
        let mut candidates: BTreeSet<TrackId> = artists.flatten().copied().collect();
        let titled = self.by_title.get(&words.title.name);
        candidates.extend(titled.into_iter().flatten());
        let mut best: Option<(f32, TrackId)> = None;
        let mut rival: Option<(f32, TrackId)> = None;
        for id in candidates {
            let Some(score) = self.tracks.get(&id).and_then(|known| score(words, known)) else {
                continue;
            };
            match best {
                Some((top, _)) if score <= top => {
                    rival = rival
                        .filter(|(second, _)| *second >= score)
                        .or(Some((score, id)));
                }
                _ => rival = best.replace((score, id)),
            }
        }
        let (top, id) = best?;
        let is_contested = rival.is_some_and(|(second, other)| {
            top - second < LEAD_MIN && !self.is_same_song(id, other)
        });
        (!is_contested).then_some(id)
    }

    fn is_same_song(&self, one: TrackId, other: TrackId) -> bool {
        let key = |id| {
            let words: &Words = self.tracks.get(&id)?;
            Some((&words.title.name, words.artist.parts.first()?))
        };
        key(one) == key(other)
    }
}

fn drop_from(tracks: &mut HashMap<String, BTreeSet<TrackId>>, key: &str, id: TrackId) {
    if let Some(found) = tracks.get_mut(key) {
        found.remove(&id);
        if found.is_empty() {
            tracks.remove(key);
        }
    }
}

/// How well a track fits; `None` when it does not.
fn score(asked: &Words, known: &Words) -> Option<f32> {
    if asked.title.version != known.title.version {
        return None;
    }
    let title = title_likeness(&asked.title.name, &known.title.name)?;
    let artist = artist_likeness(&asked.artist, &known.artist)?;
    let is_exact = title == 1.0 && artist == 1.0;
    let nearness = duration_nearness(asked.duration_ms, known.duration_ms, is_exact)?;
    let is_same_release = !asked.album.is_empty() && asked.album == known.album;
    let release = if is_same_release { ALBUM_WEIGHT } else { 0.0 };
    Some(title + artist + DURATION_WEIGHT * nearness + release)
}

fn title_likeness(asked: &str, known: &str) -> Option<f32> {
    let likeness = likeness(asked, known);
    let numbers = |text: &str| {
        let is_number = |word: &&str| word.chars().any(|c| c.is_ascii_digit());
        text.split(' ')
            .filter(is_number)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let is_alike =
        likeness == 1.0 || likeness >= TITLE_LIKENESS_MIN && numbers(asked) == numbers(known);
    is_alike.then_some(likeness)
}

fn artist_likeness(asked: &ArtistKey, known: &ArtistKey) -> Option<f32> {
    if asked.whole == known.whole || asked.parts.first() == known.parts.first() {
        return Some(1.0);
    }
    if asked.parts.iter().any(|part| known.parts.contains(part)) {
        return Some(SHARED_CREDIT);
    }
    let first = |key: &ArtistKey| key.parts.first().cloned().unwrap_or_default();
    let by_first = likeness(&first(asked), &first(known));
    let likeness = by_first.max(likeness(&asked.whole, &known.whole));
    (likeness >= ARTIST_LIKENESS_MIN).then_some(likeness)
}

fn duration_nearness(asked: Option<u32>, known: Option<u32>, is_exact: bool) -> Option<f32> {
    let (Some(asked), Some(known)) = (asked, known) else {
        return Some(0.0);
    };
    let slack = if is_exact {
        DURATION_SLACK_MS.max(known / 10)
    } else {
        DURATION_SLACK_FUZZY_MS
    };
    let apart = asked.abs_diff(known);
    (apart <= slack).then(|| 1.0 - apart as f32 / slack as f32)
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;
    use leitmotif_domain::chance::{Seed, SplitMix64};
    use leitmotif_domain::track::TrackDetails;

    use super::*;

    fn track(id: u128, title: &str, artist: &str, duration_ms: Option<u32>) -> Track {
        Track {
            id: TrackId::from_u128(id),
            details: TrackDetails {
                title: title.to_owned(),
                artist: artist.to_owned(),
                duration_ms,
                ..TrackDetails::default()
            },
            audio: None,
            has_lyrics: false,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn words_find_their_track_and_no_other() {
        let mut index = MatchIndex::default();
        let catalogue = [
            ("Heroes", "David Bowie", Some(371_000)),
            ("Heroes (Live)", "David Bowie", Some(400_000)),
            ("Shine On, Pt. 1", "Pink Floyd", None),
            ("Shine On, Pt. 2", "Pink Floyd", None),
            ("Hurt", "Nine Inch Nails", Some(373_000)),
            ("Hurt", "Johnny Cash", Some(218_000)),
            ("Jóga", "Björk", None),
        ];
        for (place, (title, artist, length)) in catalogue.into_iter().enumerate() {
            index.put(&track(place as u128, title, artist, length));
        }
        let check = |title: &str, artist: &str, length: Option<u32>, expected: Option<u128>| {
            let found = index.find(&Words::new(title, artist, None, length));
            assert_eq!(found.map(TrackId::as_u128), expected, "{title} by {artist}");
        };
        check(
            "heroes - 2017 remaster",
            "DAVID BOWIE",
            Some(372_000),
            Some(0),
        );
        check("Heroes", "David Bowie", Some(210_000), None);
        check("Heroes - Live", "David Bowie", None, Some(1));
        check("Heroes (Acoustic)", "David Bowie", None, None);
        check("Shine On Part 2", "Pink Floyd", None, Some(3));
        check("Shine On, Pt. 3", "Pink Floyd", None, None);
        check("Hurt", "Johnny Cash", None, Some(5));
        check("Hurt", "Somebody Else", None, None);
        check("Joga", "Bjork feat. Guest", None, Some(6));
        check("Shien On Pt. 1", "Pink Floyd", None, Some(2));
        check("Hurt", "Johny Cash", None, Some(5));
        index.remove(TrackId::from_u128(5));
        assert_eq!(
            index.find(&Words::new("Hurt", "Johnny Cash", None, None)),
            None
        );
    }

    const NOUNS: [&str; 32] = [
        "river", "night", "heart", "fire", "summer", "street", "moon", "shadow", "morning", "city",
        "ocean", "winter", "mirror", "garden", "thunder", "paper", "silver", "window", "highway",
        "ghost", "diamond", "rain", "train", "stranger", "echo", "island", "velvet", "engine",
        "desert", "carnival", "lantern", "anchor",
    ];
    const OPENERS: [&str; 16] = [
        "the",
        "my",
        "broken",
        "golden",
        "last",
        "never",
        "into the",
        "under the",
        "dancing with the",
        "a thousand",
        "waiting for the",
        "don't stop the",
        "café",
        "electric",
        "lonely",
        "burning",
    ];

    fn pick<'a>(rng: &mut SplitMix64, words: &[&'a str]) -> &'a str {
        words[rng.next_below(words.len())]
    }

    fn capital(text: &str) -> String {
        let mut letters = text.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect()
    }

    fn song(rng: &mut SplitMix64) -> String {
        let (opener, noun) = (pick(rng, &OPENERS), pick(rng, &NOUNS));
        let base = capital(&format!("{opener} {noun}"));
        match rng.next_below(8) {
            0 => format!(
                "{base} ({} {})",
                capital(pick(rng, &OPENERS)),
                pick(rng, &NOUNS)
            ),
            1 => format!("{base}, Pt. {}", 1 + rng.next_below(2)),
            2 => format!("{base} & {}", pick(rng, &NOUNS)),
            _ => base,
        }
    }

    /// One typing mistake in the middle of a text.
    fn mistyped(rng: &mut SplitMix64, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let at = 1 + rng.next_below(letters.len().saturating_sub(2).max(1));
        let last = letters.len() - 1;
        match rng.next_below(3) {
            0 => drop(letters.remove(at.min(last))),
            1 => letters.swap(at - 1, at.min(last)),
            _ => letters.insert(at, 'e'),
        }
        letters.into_iter().collect()
    }

    fn variation(kind: &str, rng: &mut SplitMix64, title: &str, artist: &str) -> (String, String) {
        let (title, artist) = (title.to_owned(), artist.to_owned());
        match kind {
            "case" => (title.to_uppercase(), artist.to_lowercase()),
            "remastered" => (
                format!("{title} - {} Remaster", 1990 + rng.next_below(30)),
                artist,
            ),
            "album version" => (format!("{title} (Album Version)"), artist),
            "feat. in title" => (format!("{title} (feat. Some Guest)"), artist),
            "feat. in artist" => (title, format!("{artist} feat. Some Guest")),
            "punctuation" => (
                title
                    .replace('\'', "’")
                    .replace('&', "and")
                    .replace([',', '.'], ""),
                artist.replace('&', "and").replace('.', ""),
            ),
            "accents" => (
                title.replace('é', "e"),
                artist.replace('ö', "o").replace('é', "e"),
            ),
            "typo in title" => (mistyped(rng, &title), artist),
            "typo in artist" => (title, mistyped(rng, &artist)),
            _ => (title, artist),
        }
    }

    /// Precision and recall on a generated catalogue: up to 400 artists, 1,600 songs, a fifth of which
    /// also exist live or acoustic; a quarter of what is asked is not in the catalogue.
    #[test]
    fn matching_is_measured_on_realistic_variations() {
        let mut rng = Seed(7).rng();
        let mut artists: Vec<String> = (0..400)
            .map(|place| match place % 5 {
                0 => format!("The {}s", capital(pick(&mut rng, &NOUNS))),
                1 => format!(
                    "{} & the {}",
                    capital(pick(&mut rng, &NOUNS)),
                    pick(&mut rng, &NOUNS)
                ),
                2 => format!("DJ {}", capital(pick(&mut rng, &NOUNS))),
                3 => format!("Béla {}", capital(pick(&mut rng, &NOUNS))),
                _ => format!(
                    "{}. Mc{}",
                    capital(pick(&mut rng, &["j", "k", "l", "m"])),
                    pick(&mut rng, &NOUNS)
                ),
            })
            .collect();
        artists.sort();
        artists.dedup();
        let mut index = MatchIndex::default();
        let mut known: HashMap<TrackId, (String, String, u32)> = HashMap::new();
        let mut absent: Vec<(String, String, u32)> = Vec::new();
        let mut seen = BTreeSet::new();
        for id in 0..1_600 {
            let (title, artist) = (
                song(&mut rng),
                artists[rng.next_below(artists.len())].clone(),
            );
            let length = 120_000 + rng.next_below(200_000) as u32;
            if !seen.insert((title.clone(), artist.clone())) {
                continue;
            }
            if id % 4 == 0 {
                absent.push((title, artist, length));
                continue;
            }
            let one = TrackId::from_u128(id * 2);
            index.put(&track(id * 2, &title, &artist, Some(length)));
            if id % 5 == 0 {
                let version = if id % 2 == 0 { "Live" } else { "Acoustic" };
                index.put(&track(
                    id * 2 + 1,
                    &format!("{title} ({version})"),
                    &artist,
                    Some(length),
                ));
            }
            known.insert(one, (title, artist, length));
        }
        let mut ids: Vec<_> = known.keys().copied().collect();
        ids.sort_unstable();
        let kinds = [
            "as it is",
            "case",
            "remastered",
            "album version",
            "feat. in title",
            "feat. in artist",
            "punctuation",
            "accents",
            "typo in title",
            "typo in artist",
        ];
        let (mut right_all, mut wrong_all, mut asked_all) = (0, 0, 0);
        let mut check = |kind: &str, has_length: bool| -> (f64, f64) {
            let (mut right, mut wrong) = (0_u32, 0_u32);
            for id in &ids {
                let (title, artist, length) = &known[id];
                let (title, artist) = variation(kind, &mut rng, title, artist);
                let words = Words::new(&title, &artist, None, has_length.then_some(*length + 900));
                match index.find(&words) {
                    Some(found) if found == *id => right += 1,
                    Some(_) => wrong += 1,
                    None => {}
                }
            }
            for (title, artist, length) in &absent {
                let (title, artist) = variation(kind, &mut rng, title, artist);
                let words = Words::new(&title, &artist, None, has_length.then_some(*length));
                wrong += u32::from(index.find(&words).is_some());
            }
            right_all += right;
            wrong_all += wrong;
            asked_all += ids.len() as u32;
            let precision = f64::from(right) / f64::from((right + wrong).max(1));
            (precision, f64::from(right) / ids.len() as f64)
        };
        for has_length in [true, false] {
            for kind in kinds {
                let (precision, recall) = check(kind, has_length);
                println!(
                    "{kind}, length {has_length}: precision {precision:.4}, recall {recall:.4}"
                );
            }
        }
        let precision = f64::from(right_all) / f64::from(right_all + wrong_all);
        let recall = f64::from(right_all) / f64::from(asked_all);
        println!("all: precision {precision:.4}, recall {recall:.4} of {asked_all}");
        assert!(precision > 0.98, "precision {precision}");
        assert!(recall > 0.9, "recall {recall}");
    }
}
