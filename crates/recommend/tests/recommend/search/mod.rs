//! Searching and narrowing over a real store.

use std::sync::Arc;

use leitmotif_domain::TrackId;
use leitmotif_domain::event::{AnalysisCompleted, CatalogueChange, CatalogueChanged, EventPayload};
use leitmotif_domain::track::{Lyrics, TrackDetails};
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::search::{
    Constraint, ConstraintName, Constraints, KeyMatch, MusicalKey, NearRequest, SearchAnswer,
    SearchRequest, genre_key,
};
use leitmotif_recommend::{Recommender, Searcher};
use leitmotif_storage::ports::{AnalysisDocument, CatalogStore, EventLog, TrackPatch, VectorStore};
use proptest::prelude::*;
use serde_json::json;

use super::World;

/// What a made track is.
#[derive(Debug, Clone, Default)]
struct Made {
    title: String,
    artist: String,
    lyrics: Option<&'static str>,
    genre: Option<&'static str>,
    year: Option<u16>,
    duration_ms: Option<u32>,
    tempo_bpm: Option<f32>,
    key: Option<MusicalKey>,
    energy: Option<f32>,
}

fn named(title: &str, artist: &str) -> Made {
    Made {
        title: title.to_owned(),
        artist: artist.to_owned(),
        ..Made::default()
    }
}

struct Searching {
    world: World,
    searcher: Searcher,
}

impl Searching {
    async fn new() -> Self {
        let world = World::new().await;
        let (exposures, _) = ExposureWriter::start(world.storage.clone());
        let recommender = Recommender::new(world.stores.clone(), exposures);
        let searcher = Searcher::new(Arc::new(recommender));
        Self { world, searcher }
    }

    async fn put(&self, id: Option<TrackId>, made: &Made) -> TrackId {
        let World { storage, scope, .. } = &self.world;
        self.world.clock.advance_ms(1);
        let patch = TrackPatch {
            id,
            details: TrackDetails {
                title: made.title.clone(),
                artist: made.artist.clone(),
                genre: made.genre.map(str::to_owned),
                release_date: made.year.map(|year| year.to_string().parse().unwrap()),
                duration_ms: made.duration_ms,
                ..TrackDetails::default()
            },
            lyrics: made.lyrics.map(|text| Lyrics {
                text: text.to_owned(),
                content_hash: text.to_owned(),
            }),
            ..TrackPatch::default()
        };
        let track = storage.upsert_tracks(scope, vec![patch]).await.unwrap()[0].id;
        self.changed(track, CatalogueChange::Added).await;
        let mut descriptors = Vec::new();
        descriptors.extend(
            made.tempo_bpm
                .map(|v| json!({"name": "tempo_bpm", "value": v})),
        );
        descriptors.extend(made.energy.map(|v| json!({"name": "energy", "value": v})));
        if let Some(key) = made.key {
            let text = key.to_string();
            let (tonic, mode) = text.split_once(' ').unwrap();
            descriptors.push(json!({"name": "key", "value": tonic}));
            descriptors.push(json!({"name": "mode", "value": mode}));
        }
        if !descriptors.is_empty() {
            let analysis = AnalysisDocument {
                input_hash: String::new(),
                document: json!({"audio": {"descriptors": descriptors}}),
            };
            storage.put_analysis(scope, track, analysis).await.unwrap();
            let done = AnalysisCompleted {
                track,
                analyzers: Vec::new(),
            };
            self.world
                .append(None, EventPayload::AnalysisCompleted(done))
                .await;
        }
        track
    }

    async fn changed(&self, track: TrackId, change: CatalogueChange) {
        let changed = CatalogueChanged {
            track,
            change,
            artist: None,
        };
        self.world
            .append(None, EventPayload::CatalogueChanged(changed))
            .await;
    }

    async fn ask(&self, request: SearchRequest) -> SearchAnswer {
        self.searcher
            .search(&self.world.scope, request)
            .await
            .unwrap()
    }

    async fn find(&self, text: &str) -> SearchAnswer {
        self.ask(request(text)).await
    }

    async fn first(&self, text: &str) -> Option<TrackId> {
        self.find(text)
            .await
            .tracks
            .first()
            .map(|found| found.track.id)
    }
}

fn request(text: &str) -> SearchRequest {
    SearchRequest {
        text: text.to_owned(),
        may_read_lyrics: true,
        is_typing: true,
        reads_descriptors: true,
        with_embeddings: true,
        count: 10,
        ..SearchRequest::default()
    }
}

#[tokio::test]
async fn a_change_is_found_by_the_next_search() {
    let searching = Searching::new().await;
    let track = searching
        .put(None, &named("Paper Lanterns", "Nora Vale"))
        .await;
    assert_eq!(searching.first("papre lanterns").await, Some(track));
    assert_eq!(searching.first("nora pap").await, Some(track));
    searching
        .put(Some(track), &named("Glass Harbour", "Nora Vale"))
        .await;
    assert_eq!(searching.first("glass harbor").await, Some(track));
    let found = searching.find("lanterns").await;
    assert!(found.tracks.is_empty(), "{found:?}");
    let world = &searching.world;
    world
        .storage
        .delete_track(&world.scope, track)
        .await
        .unwrap();
    searching.changed(track, CatalogueChange::Removed).await;
    assert_eq!(searching.first("glass harbour").await, None);
}

#[tokio::test]
async fn lyrics_match_and_show_only_where_they_may_be_read() {
    let searching = Searching::new().await;
    let made = Made {
        lyrics: Some("first line\ncandle spark and ember\nlast line"),
        ..named("Untitled", "Somebody")
    };
    let track = searching.put(None, &made).await;
    let found = searching.find("candle ember").await;
    assert_eq!(found.tracks[0].track.id, track);
    assert!(found.tracks[0].legs.lyrics > 0.0);
    let shown: String = (found.tracks[0].highlights.iter())
        .filter(|one| one.field == "lyrics")
        .flat_map(|one| one.parts.iter().map(|part| part.text.as_str()))
        .collect();
    assert_eq!(shown, "candle spark and ember");
    let barred = |text: &str| SearchRequest {
        may_read_lyrics: false,
        words_vector: Some(("leitmotif-words-1".parse().unwrap(), vec![1.0])),
        ..request(text)
    };
    assert!(
        searching
            .ask(barred("candle ember"))
            .await
            .tracks
            .is_empty()
    );
    let named = searching.ask(barred("untitled candle")).await;
    assert_eq!(named.tracks[0].legs.lyrics, 0.0);
    assert!(
        named.tracks[0]
            .highlights
            .iter()
            .all(|one| one.field != "lyrics")
    );
    let words = Constraints(vec![Constraint::Text("candle".to_owned(), Arc::default())]);
    let constrained = SearchRequest {
        constraints: words,
        ..barred("untitled")
    };
    assert!(searching.ask(constrained).await.tracks.is_empty());
}

#[tokio::test]
async fn describing_words_become_constraints_unless_they_are_a_name() {
    let searching = Searching::new().await;
    let key = "A minor".parse().unwrap();
    let made = |title: &str, tempo_bpm: f32, genre: &'static str| Made {
        tempo_bpm: Some(tempo_bpm),
        key: Some(key),
        genre: Some(genre),
        year: Some(1994),
        duration_ms: Some(150_000),
        ..named(title, "Kairo")
    };
    let fast = searching
        .put(None, &made("Harbour", 140.0, "Hip-Hop"))
        .await;
    let half = searching.put(None, &made("Lamp", 70.5, "jazz")).await;
    let slow = searching.put(None, &made("Stone", 100.0, "jazz")).await;
    let tracks = |answer: &SearchAnswer| -> Vec<TrackId> {
        let mut found: Vec<_> = answer.tracks.iter().map(|found| found.track.id).collect();
        found.sort_unstable();
        found
    };
    let answer = searching.find("kairo 140 bpm").await;
    assert_eq!(tracks(&answer), [fast, half]);
    assert_eq!(
        (answer.words.as_str(), answer.descriptors[0].text.as_str()),
        ("kairo", "140 bpm")
    );
    assert_eq!(tracks(&searching.find("kairo jazz").await), [half, slow]);
    assert_eq!(
        tracks(&searching.find("hip hop a minor under 3 min 90s").await),
        [fast]
    );
    assert!(searching.find("kairo c major").await.tracks.is_empty());
    let literal = SearchRequest {
        reads_descriptors: false,
        ..request("kairo 140 bpm")
    };
    assert_eq!(tracks(&searching.ask(literal).await), [fast, half, slow]);
    let title = searching.put(None, &named("1994", "Year Band")).await;
    let answer = searching.find("1994 year band").await;
    assert!(answer.descriptors.is_empty(), "{answer:?}");
    assert_eq!(answer.tracks[0].track.id, title);
}

#[tokio::test]
async fn a_search_of_a_listener_is_an_event() {
    let searching = Searching::new().await;
    let world = &searching.world;
    let listener = world.listener("anna");
    let before = world.storage.head(&world.scope).await.unwrap();
    searching
        .searcher
        .record_search(&world.scope, listener, "kairo".to_owned(), 3)
        .await;
    let events = loop {
        let events = world.storage.read(&world.scope, before, 10).await.unwrap();
        if !events.is_empty() {
            break events;
        }
        tokio::task::yield_now().await;
    };
    let EventPayload::Search(search) = &events[0].event.payload else {
        panic!("{events:?}");
    };
    assert_eq!((search.query.as_str(), search.result_count), ("kairo", 3));
    assert_eq!(events[0].event.listener, Some(listener));
}

/// A catalogue whose descriptors are known or not, by turns.
async fn described_catalogue(searching: &Searching) -> Vec<(TrackId, Made)> {
    let space = "leitmotif-audio-9".parse().unwrap();
    let mut tracks = Vec::new();
    for index in 0..60u16 {
        let tonic = (index % 12) as u8;
        let known = |every: u16| index % every != 0;
        let made = Made {
            genre: known(5).then_some(["jazz", "rock", "folk"][usize::from(index) % 3]),
            year: known(7).then_some(1970 + index),
            duration_ms: known(6).then_some(60_000 + 7_000 * u32::from(index)),
            tempo_bpm: known(4).then_some(60.0 + 2.5 * f32::from(index)),
            key: known(3).then_some(MusicalKey {
                tonic,
                is_minor: index % 2 == 0,
            }),
            energy: known(2).then_some(f32::from(index) / 60.0),
            ..named(&format!("made {index}"), "Maker")
        };
        let track = searching.put(None, &made).await;
        let angle = f32::from(index) / 20.0;
        let vector = vec![angle.cos(), angle.sin(), 0.1];
        let storage = &searching.world.storage;
        let scope = &searching.world.scope;
        storage
            .upsert(scope, &space, vec![(track, vector)])
            .await
            .unwrap();
        tracks.push((track, made));
    }
    tracks
}

#[derive(Debug, Clone)]
enum Wish {
    Tempo(f32, f32, bool),
    Key(u8, bool, KeyMatch),
    Energy(f32, f32),
    Duration(u32, u32),
    Year(u16, u16),
    Genre(&'static str),
}

impl Wish {
    fn constraint(&self) -> Constraint {
        match *self {
            Self::Tempo(min, max, with_octaves) => Constraint::TempoBpm {
                min,
                max,
                with_octaves,
            },
            Self::Key(tonic, is_minor, wanted) => {
                Constraint::Keys(MusicalKey { tonic, is_minor }.matching(wanted))
            }
            Self::Energy(min, max) => Constraint::Energy(min, max),
            Self::Duration(min, max) => Constraint::DurationMs(min, max),
            Self::Year(min, max) => Constraint::Year(min, max),
            Self::Genre(genre) => Constraint::Genre(genre_key(genre), None),
        }
    }

    /// Said anew, from what the track was made of.
    fn is_met(&self, made: &Made) -> bool {
        match *self {
            Self::Tempo(min, max, with_octaves) => made.tempo_bpm.is_some_and(|bpm| {
                let is_in = |bpm: f32| bpm >= min && bpm <= max;
                is_in(bpm) || with_octaves && (is_in(bpm * 2.0) || is_in(bpm * 0.5))
            }),
            Self::Key(tonic, is_minor, wanted) => made.key.is_some_and(|key| {
                let is_same_mode = key.is_minor == is_minor;
                let up = (key.tonic + 12 - tonic) % 12;
                let relative = if is_minor { 3 } else { 9 };
                match wanted {
                    KeyMatch::Same => is_same_mode && up == 0,
                    KeyMatch::Relative => {
                        (is_same_mode && up == 0) || (!is_same_mode && up == relative)
                    }
                    KeyMatch::Wheel => {
                        (is_same_mode && [0, 5, 7].contains(&up))
                            || (!is_same_mode && up == relative)
                    }
                }
            }),
            Self::Energy(min, max) => made.energy.is_some_and(|e| e >= min && e <= max),
            Self::Duration(min, max) => made.duration_ms.is_some_and(|ms| ms >= min && ms <= max),
            Self::Year(min, max) => made.year.is_some_and(|year| year >= min && year <= max),
            Self::Genre(genre) => made.genre == Some(genre),
        }
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let tempo = (50f32..200.0, 0f32..60.0, any::<bool>())
        .prop_map(|(from, width, octaves)| Wish::Tempo(from, from + width, octaves));
    let wanted = prop_oneof![
        Just(KeyMatch::Same),
        Just(KeyMatch::Relative),
        Just(KeyMatch::Wheel)
    ];
    let key = (0u8..12, any::<bool>(), wanted).prop_map(|(t, m, w)| Wish::Key(t, m, w));
    let energy = (0f32..1.0, 0f32..1.0).prop_map(|(from, width)| Wish::Energy(from, from + width));
    let duration =
        (0u32..400_000, 0u32..300_000).prop_map(|(from, width)| Wish::Duration(from, from + width));
    let year = (1960u16..2030, 0u16..40).prop_map(|(from, width)| Wish::Year(from, from + width));
    let genre = prop_oneof![Just("jazz"), Just("rock"), Just("polka")].prop_map(Wish::Genre);
    prop_oneof![tempo, key, energy, duration, year, genre]
}

#[test]
fn a_constraint_is_always_kept_to_and_nothing_that_keeps_to_it_is_missed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (searching, tracks) = runtime.block_on(async {
        let searching = Searching::new().await;
        let tracks = described_catalogue(&searching).await;
        (searching, tracks)
    });
    let scope = &searching.world.scope;
    proptest!(|(wishes in proptest::collection::vec(wish(), 0..4), seed in 0usize..60, count in 1usize..40)| {
        let constraints = Constraints(wishes.iter().map(Wish::constraint).collect());
        let meets = |made: &Made| wishes.iter().all(|wish| wish.is_met(made));
        let near = runtime.block_on(searching.searcher.near(scope, NearRequest {
            track: tracks[seed].0,
            space: "leitmotif-audio-9".parse().unwrap(),
            constraints: constraints.clone(),
            may_read_lyrics: true,
            count,
        })).unwrap().unwrap();
        for one in &near.tracks {
            let (_, made) = tracks.iter().find(|(track, _)| *track == one.track).unwrap();
            prop_assert!(meets(made) && one.track != tracks[seed].0, "{:?} {:?}", wishes, made);
        }
        let meeting = (tracks.iter().enumerate())
            .filter(|(index, (_, made))| *index != seed && meets(made))
            .count();
        prop_assert_eq!(near.tracks.len(), meeting.min(count));
        if let Some(shortfall) = &near.shortfall {
            prop_assert_eq!(shortfall.admitted as usize, meeting);
        }
        prop_assert_eq!(near.shortfall.is_some(), !wishes.is_empty() && meeting < count);
        let found = runtime.block_on(searching.ask(SearchRequest {
            constraints,
            reads_descriptors: false,
            count: 100,
            ..request("made maker")
        }));
        let all = tracks.iter().filter(|(_, made)| meets(made)).count();
        let made = found.tracks.iter().filter(|found| found.track.details.artist == "Maker");
        prop_assert_eq!(made.count(), all);
        let is_outside = |track: TrackId| {
            let made = tracks.iter().find(|(known, _)| *known == track);
            made.is_some_and(|(_, made)| !meets(made))
        };
        let outside = found.tracks.iter().find(|found| is_outside(found.track.id));
        prop_assert!(outside.is_none(), "{:?}", outside);
    });
}

#[tokio::test]
async fn a_short_answer_says_what_is_lacking() {
    let searching = Searching::new().await;
    let tracks = described_catalogue(&searching).await;
    let constraints = vec![Constraint::Energy(0.0, 1.0), Constraint::Year(2020, 2029)];
    let request = NearRequest {
        track: tracks[1].0,
        space: "leitmotif-audio-9".parse().unwrap(),
        constraints: Constraints(constraints),
        may_read_lyrics: true,
        count: 20,
    };
    let near = searching
        .searcher
        .near(&searching.world.scope, request)
        .await;
    let shortfall = near.unwrap().unwrap().shortfall.unwrap();
    // Every other made track lacks energy, and so do the 36 of the world.
    assert_eq!(shortfall.lacking[&ConstraintName::Energy], 30 + 36);
    assert_eq!(shortfall.tracks, 59 + 36);
    assert!(shortfall.outside[&ConstraintName::Year] > 0);
}

#[tokio::test]
async fn popularity_leaves_hits_or_deep_cuts() {
    let searching = Searching::new().await;
    let world = &searching.world;
    let played = world.tracks[3];
    let outcome = leitmotif_domain::event::ListenOutcome::Completed;
    world.play("anna", played, outcome).await;
    let of = |min, max| Constraint::Popularity {
        min,
        max,
        played: Arc::default(),
    };
    let ask = |constraint| SearchRequest {
        constraints: Constraints(vec![constraint]),
        count: 100,
        ..request("")
    };
    let hits = searching.ask(ask(of(50.0, 100.0))).await;
    assert_eq!(
        hits.tracks
            .iter()
            .map(|found| found.track.id)
            .collect::<Vec<_>>(),
        [played]
    );
    let cuts = searching.ask(ask(of(0.0, 20.0))).await;
    assert_eq!(cuts.found, 35);
}
