//! The searchable side of a tenant's catalogue, in memory.

use std::collections::{HashMap, HashSet};

use leitmotif_domain::track::Track;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_learn::retrieval::{QueryOptions, TextDocument, TextIndex};
use leitmotif_storage::ports::AnalysisDocument;

use super::constraints::Constraints;
use super::facts::{TrackFacts, genre_key};
use super::told::ToldColumns;
use super::traits::{TraitTable, TraitValues, trait_index};
use crate::error::Result;
use crate::service::Stores;

/// Tracks read and indexed together: their lyrics are in memory at once, and while they are put in
/// nobody searches.
const BATCH: usize = 64;

/// What is searched, and what constraints ask.
#[derive(Default)]
pub struct Corpus {
    /// The words.
    pub text: TextIndex,
    /// Position in the log up to which all is current.
    pub offset: u64,
    /// Whether analyses were read. They are long, so only the first question that needs them pays.
    pub has_measured: bool,
    /// Counts what changed, so that what is computed of the whole can tell whether it still holds.
    pub revision: u64,
    facts: HashMap<TrackId, TrackFacts>,
    traits: HashMap<TrackId, TraitValues>,
    /// What analyses tell by name, and the columns of it that were asked for.
    pub told: ToldColumns,
    genres: HashMap<String, u32>,
    languages: HashMap<String, u32>,
}

/// A track as it is read for the corpus.
pub struct ReadTrack {
    track: Track,
    lyrics: Option<String>,
}

impl Corpus {
    /// Makes an empty corpus that is to be current up to a position in the log.
    pub fn at(offset: u64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }

    /// Puts a track in, or its new state.
    pub fn put(&mut self, read: &ReadTrack) {
        let details = &read.track.details;
        let labels: Vec<&str> = (details.genre.iter().chain(&details.tags))
            .map(String::as_str)
            .collect();
        let document = TextDocument {
            title: &details.title,
            artist: &details.artist,
            release: details.album.as_deref().unwrap_or_default(),
            genres: &labels,
            lyrics: read.lyrics.as_deref().unwrap_or_default(),
        };
        self.text.put(read.track.id.as_u128(), &document);
        let genre = details.genre.as_deref().map(genre_key);
        let genre = genre
            .filter(|genre| !genre.is_empty())
            .map(|genre| number_of(&mut self.genres, &genre));
        let facts = self.facts.entry(read.track.id).or_default();
        facts.set_details(details, genre);
        self.revision += 1;
    }

    /// Takes a track out.
    pub fn remove(&mut self, track: TrackId) {
        self.text.remove(track.as_u128());
        self.facts.remove(&track);
        self.traits.remove(&track);
        self.told.remove(track);
        self.revision += 1;
    }

    /// Takes over what was measured of a track that is there.
    pub fn set_measured(&mut self, track: TrackId, analysis: Option<&AnalysisDocument>) {
        if let Some(facts) = self.facts.get_mut(&track) {
            let nothing = serde_json::Value::Null;
            let document = analysis.map_or(&nothing, |analysis| &analysis.document);
            facts.set_measured(document);
            let languages = &mut self.languages;
            let values = TraitValues::of(document, |code| number_of(languages, code));
            self.traits.insert(track, values);
            self.told.put(track, document);
            self.revision += 1;
        }
    }

    /// Puts the traits of every track together.
    pub fn trait_table(&self) -> TraitTable {
        let [genre, year, length] = ["genre", "year", "duration_ms"].map(trait_index);
        let rows = self.facts.iter().map(|(track, facts)| {
            let mut values = self.traits.get(track).copied().unwrap_or_default();
            let said = [
                (genre, facts.genre.map(|genre| genre as f32)),
                (year, facts.year.map(f32::from)),
                (length, facts.duration_ms.map(|ms| ms as f32)),
            ];
            for (index, value) in said {
                // What was measured goes before what the sender said.
                if let Some(index) = index
                    && values.get(index).is_none()
                {
                    values.set(index, value);
                }
            }
            (*track, values)
        });
        TraitTable::new(
            rows.collect(),
            names_of(&self.languages),
            names_of(&self.genres),
        )
    }

    /// The number of a folded genre, if a track has it.
    pub fn genre(&self, key: &str) -> Option<u32> {
        self.genres.get(key).copied()
    }

    /// Whether a track is there and may be shown.
    pub fn admits(&self, constraints: &Constraints, track: TrackId) -> bool {
        let facts = self.facts.get(&track);
        facts.is_some_and(|facts| constraints.admit(track, facts))
    }

    /// The tracks that hold every one of some words.
    pub fn holding_all(&self, words: &str, may_read_lyrics: bool) -> HashSet<TrackId> {
        let options = QueryOptions {
            with_lyrics: may_read_lyrics,
            is_typing: false,
        };
        let query = self.text.query(words, options);
        let held = self.text.holding_all(&query).into_iter();
        held.map(TrackId::from_u128).collect()
    }

    /// Every track with what is known of it, in no order.
    pub fn facts(&self) -> impl Iterator<Item = (TrackId, &TrackFacts)> {
        self.facts.iter().map(|(track, facts)| (*track, facts))
    }

    /// What is known of a track.
    pub fn facts_of(&self, track: TrackId) -> Option<&TrackFacts> {
        self.facts.get(&track)
    }

    /// Every track, in no order.
    pub fn tracks(&self) -> Vec<TrackId> {
        self.facts.keys().copied().collect()
    }
}

/// The number of a name, a new one for a new name.
fn number_of(numbers: &mut HashMap<String, u32>, name: &str) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let next = numbers.len() as u32;
    numbers.insert(name.to_owned(), next);
    next
}

/// The names in the order of their numbers.
fn names_of(numbers: &HashMap<String, u32>) -> Vec<String> {
    let mut names: Vec<(&u32, &String)> = numbers
        .iter()
        .map(|(name, number)| (number, name))
        .collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name.clone()).collect()
}

/// Reads tracks with their lyrics; those that are gone are left out.
pub async fn read_tracks(
    stores: &Stores,
    scope: &TenantScope,
    tracks: Vec<Track>,
) -> Result<Vec<ReadTrack>> {
    let with_lyrics: Vec<TrackId> = (tracks.iter())
        .filter(|track| track.has_lyrics)
        .map(|track| track.id)
        .collect();
    let mut lyrics = HashMap::new();
    for ids in with_lyrics.chunks(BATCH) {
        let read = stores.catalog.lyrics_of(scope, ids).await?;
        let found = ids.iter().zip(read);
        lyrics.extend(found.filter_map(|(id, lyrics)| Some((*id, lyrics?.text))));
    }
    let read = tracks.into_iter().map(|track| {
        let lyrics = lyrics.remove(&track.id);
        ReadTrack { track, lyrics }
    });
    Ok(read.collect())
}
