//! The demo world: artists with a style each, their songs with verses, and who listens.

use std::collections::BTreeMap;

use crate::listeners::{ListenersSpec, Simulation, TrackTraits, simulate_listeners};
use crate::songs::{SongSpec, SongTruth, Style, render_song, wav_bytes};
use crate::verses::{Theme, VerseForm, VerseLanguage, VerseSpec, write_verse};

/// First and second halves of the names of artists that do not exist.
const FIRST_NAMES: [&str; 12] = [
    "Amber", "Copper", "Distant", "Electric", "Gentle", "Hollow", "Ivory", "Lunar", "Nimble",
    "Paper", "Quiet", "Velvet",
];
/// See [`FIRST_NAMES`].
const SECOND_NAMES: [&str; 8] = [
    "Anchors", "Birches", "Cascade", "Dominoes", "Engine", "Ferries", "Harbour", "Lanterns",
];
/// Halves of song titles.
const TITLE_OPENINGS: [&str; 14] = [
    "After",
    "Before",
    "Beyond",
    "Counting",
    "Crossing",
    "Dancing with",
    "Finding",
    "Leaving",
    "Letters from",
    "Running past",
    "Sleeping under",
    "Talking to",
    "Under",
    "Waiting for",
];
/// See [`TITLE_OPENINGS`].
const TITLE_ENDINGS: [&str; 18] = [
    "the River",
    "Midnight",
    "the Station",
    "Copper Skies",
    "the Morning",
    "Old Maps",
    "the Tide",
    "Paper Boats",
    "the Orchard",
    "Winter Light",
    "the Long Road",
    "Small Hours",
    "the Bridge",
    "Quiet Rooms",
    "the Garden",
    "Neon Rain",
    "the Lighthouse",
    "Summer Dust",
];

/// Size and seed of the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorldSpec {
    /// Everything follows from it.
    pub seed: u64,
    /// Songs.
    pub song_count: usize,
    /// Seconds per song.
    pub song_seconds: f64,
    /// Artists.
    pub artist_count: usize,
    /// Listeners.
    pub listener_count: usize,
    /// Plays and skips.
    pub listen_count: usize,
    /// Days they are spread over.
    pub day_count: u32,
}

impl Default for WorldSpec {
    fn default() -> Self {
        Self {
            seed: 7,
            song_count: 224,
            song_seconds: 20.0,
            artist_count: 56,
            listener_count: 500,
            listen_count: 40_000,
            day_count: 84,
        }
    }
}

/// One song of the world before it is rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldSong {
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// Its album.
    pub album: String,
    /// Its style, as a genre.
    pub genre: String,
    /// How it is rendered.
    pub spec: SongSpec,
    /// Its words; about two in three songs have some.
    pub lyrics: Option<String>,
    artist_index: usize,
}

impl WorldSong {
    /// Tells artists apart.
    pub fn artist_key(&self) -> u64 {
        self.artist_index as u64
    }
}

/// A rendered song.
pub struct RenderedSong {
    /// A WAV file.
    pub wav: Vec<u8>,
    /// What is true of it.
    pub truth: SongTruth,
}

/// The catalogue of a world.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Size and seed.
    pub spec: WorldSpec,
    /// The songs.
    pub songs: Vec<WorldSong>,
}

impl World {
    /// Draws the catalogue.
    pub fn new(spec: WorldSpec) -> Self {
        let songs = (0..spec.song_count)
            .map(|index| draw_song(&spec, index))
            .collect();
        Self { spec, songs }
    }

    /// Renders a song.
    pub fn render(&self, index: usize) -> Option<RenderedSong> {
        let song = render_song(&self.songs.get(index)?.spec);
        Some(RenderedSong {
            wav: wav_bytes(&song),
            truth: song.truth,
        })
    }

    /// Lets the listeners play and skip, given what rendering said of each song; of one that was not
    /// rendered its style says how forceful it is.
    pub fn simulate(&self, truths: &BTreeMap<usize, SongTruth>) -> Simulation {
        let spec = ListenersSpec {
            seed: self.spec.seed,
            listener_count: self.spec.listener_count,
            listen_count: self.spec.listen_count,
            day_count: self.spec.day_count,
            ..ListenersSpec::default()
        };
        simulate_listeners(&spec, &self.traits(truths))
    }

    /// What the simulation needs to know of each song; see [`World::simulate`].
    pub fn traits(&self, truths: &BTreeMap<usize, SongTruth>) -> Vec<TrackTraits> {
        let songs = self.songs.iter().enumerate();
        let traits = songs.map(|(index, song)| {
            let style = song.spec.style;
            TrackTraits {
                artist_index: song.artist_index,
                style_index: Style::ALL.iter().position(|s| *s == style).unwrap_or(0),
                tempo_bpm: song.spec.tempo_bpm,
                energy: (truths.get(&index)).map_or_else(|| style.energy(), |truth| truth.energy),
                key: song.spec.key,
                mode: song.spec.mode,
                track_ms: (self.spec.song_seconds * 1_000.0) as u32,
            }
        });
        traits.collect()
    }
}

fn draw_song(spec: &WorldSpec, index: usize) -> WorldSong {
    let artist_index = index % spec.artist_count.max(1);
    let round = index / spec.artist_count.max(1);
    let style = Style::ALL[artist_index % Style::ALL.len()];
    let seed = spec.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
    let first = FIRST_NAMES[(artist_index * 7) % FIRST_NAMES.len()];
    let second =
        SECOND_NAMES[(artist_index + artist_index / FIRST_NAMES.len()) % SECOND_NAMES.len()];
    let opening = TITLE_OPENINGS[(index * 5 + round) % TITLE_OPENINGS.len()];
    let ending = TITLE_ENDINGS[(index * 11 + round * 3) % TITLE_ENDINGS.len()];
    WorldSong {
        title: format!("{opening} {ending}"),
        artist: format!("{first} {second}"),
        album: format!("{second} {}", ["One", "Two", "Three", "Four"][round % 4]),
        genre: format!("{style:?}").to_lowercase(),
        spec: SongSpec::typical(style, seed, spec.song_seconds),
        lyrics: (index % 3 != 2).then(|| draw_words(seed, style, index)),
        artist_index,
    }
}

fn draw_words(seed: u64, style: Style, index: usize) -> String {
    let form = match style {
        Style::Trap | Style::BoomBap => VerseForm::ALL[VerseForm::ALL.len() - 1],
        _ => VerseForm::ALL[index % (VerseForm::ALL.len() - 1)],
    };
    let verse = write_verse(&VerseSpec {
        seed,
        theme: Theme::ALL[index % Theme::ALL.len()],
        form,
        language: if index % 40 == 1 {
            VerseLanguage::Russian
        } else {
            VerseLanguage::English
        },
        verse_count: 3,
        has_chorus: index.is_multiple_of(2),
    });
    verse.text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_world_follows_from_its_seed() {
        let spec = WorldSpec {
            song_count: 60,
            ..WorldSpec::default()
        };
        let world = World::new(spec);
        assert_eq!(world, World::new(spec));
        assert_ne!(world, World::new(WorldSpec { seed: 8, ..spec }));
        let styles: HashSet<_> = world.songs.iter().map(|song| &song.genre).collect();
        assert_eq!(styles.len(), Style::ALL.len());
        let names: HashSet<_> = world.songs.iter().map(|s| (&s.title, &s.artist)).collect();
        assert_eq!(names.len(), world.songs.len(), "no two songs are confused");
        let artists: HashSet<_> = world.songs.iter().map(|s| &s.artist).collect();
        assert_eq!(artists.len(), spec.artist_count);
    }
}
