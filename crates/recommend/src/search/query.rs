//! One question by words: read, found, blended, paged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, Search};
use leitmotif_domain::track::Track;
use leitmotif_domain::{EventId, ListenerId, TenantScope, TrackId};
use leitmotif_learn::retrieval::{
    Blend, DescriptorWord, DescriptorWords, LegScores, QueryOptions, TextHit, TextQuery, assemble,
};
use leitmotif_storage::ports::{VectorFilter, VectorSpace, current_spaces};

use super::constraints::{Constraint, Constraints};
use super::corpus::Corpus;
use super::highlight::{Highlight, mark, mark_line};
use super::near::{filter_of, tells_of_words};
use super::popularity::popularity_percent;
use super::service::{RESULTS_MAX, SearchSlot, Searcher};
use crate::error::Result;
use crate::off_thread::off_thread;

/// Candidates that words bring at least, however small the page: the blend chooses among them.
const CANDIDATES_MIN: usize = 200;
/// Candidates that an embedding brings for the query and for each seed.
const NEIGHBOURS: usize = 100;
/// Share of a query that must stand together in one name for its describing words to be that name.
const NAMED_SHARE: f32 = 0.95;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// The words.
    pub text: String,
    /// What must hold besides.
    pub constraints: Constraints,
    /// Whether the caller may read lyrics: without, they neither match, nor count, nor show.
    pub may_read_lyrics: bool,
    /// Whether the last word may be unfinished.
    pub is_typing: bool,
    /// Whether describing words become constraints.
    pub reads_descriptors: bool,
    /// Whether tracks must hold every word in title, artist or release, while any does.
    pub wants_all_words: bool,
    /// Whether embeddings may bring tracks that no word names.
    pub with_embeddings: bool,
    /// The query in the space of lyrics, where its words have a place there.
    pub words_vector: Option<(VectorSpace, Vec<f32>)>,
    /// Results passed over.
    pub offset: usize,
    /// Results wanted.
    pub count: usize,
}

/// A describing word as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDescriptor {
    /// The words.
    pub text: String,
    /// What they ask.
    pub constraint: Constraint,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTrack {
    /// The track.
    pub track: Track,
    /// The blended score; its size means nothing beyond this answer.
    pub score: f32,
    /// What each leg says.
    pub legs: LegScores,
    /// Where the words were found.
    pub highlights: Vec<Highlight>,
}

/// A page of results.
#[derive(Debug, Clone, Default)]
pub struct SearchAnswer {
    /// The tracks, best first.
    pub tracks: Vec<FoundTrack>,
    /// Whether more follow.
    pub has_more: bool,
    /// Results that can be reached.
    pub found: usize,
    /// The words that were looked for.
    pub words: String,
    /// The words that were taken as descriptions.
    pub descriptors: Vec<ReadDescriptor>,
}

/// A query that was read and looked up.
struct Found {
    words: String,
    descriptors: Vec<ReadDescriptor>,
    query: TextQuery,
    hits: Vec<TextHit>,
}

/// Candidates in order, with what each leg says.
type Ranked = Vec<(TrackId, f32, LegScores)>;

impl Searcher {
    /// Finds tracks by words.
    ///
    /// - Errors: those of the stores; an empty range in the constraints.
    /// - Cost: follows the log, then the lists of the words and up to one vector search for the query
    ///   and three for what it found, in every space.
    pub async fn search(
        &self,
        scope: &TenantScope,
        request: SearchRequest,
    ) -> Result<SearchAnswer> {
        (request.constraints.0.iter()).try_for_each(Constraint::check)?;
        let described = DescriptorWords::parse(&request.text, &|_| false);
        let is_measured = |word: &DescriptorWord| {
            matches!(word, DescriptorWord::TempoBpm(..) | DescriptorWord::Key(_))
        };
        let needs = request.constraints.ask_for_measurements()
            || request.reads_descriptors && described.found.iter().any(|f| is_measured(&f.0));
        let slot = self.level(scope, needs).await?;
        let asked = request.constraints.clone();
        let may_read = request.may_read_lyrics;
        let mut constraints = self.resolve(scope, &slot, asked, may_read).await?;
        let request = Arc::new(request);
        let work = (Arc::clone(&slot), Arc::clone(&request));
        let (found, constraints) = off_thread(move || {
            let (slot, request) = work;
            let found = look_up(&slot, &request, &mut constraints);
            (Arc::new(found), Arc::new(constraints))
        })
        .await?;
        let ranked = if found.query.is_empty() {
            self.by_popularity(scope, &slot, &constraints).await?
        } else {
            let near = self.embedded(scope, &slot, &request, &found, &constraints);
            let (meaning, likeness) = near.await?;
            let (slot, found) = (Arc::clone(&slot), Arc::clone(&found));
            off_thread(move || blend(&slot.corpus.read(), &found, &meaning, &likeness)).await?
        };
        self.page(scope, &slot, &request, found, ranked).await
    }

    /// Writes a search down as the listener's.
    pub async fn record_search(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        query: String,
        result_count: usize,
    ) {
        let now = self.stores().clock.now();
        let event_id = EventId::derive(&[
            b"search",
            &scope.tenant().as_u128().to_be_bytes(),
            &listener.as_u128().to_be_bytes(),
            &now.as_ms().to_be_bytes(),
            query.as_bytes(),
        ]);
        let result_count = u32::try_from(result_count).unwrap_or(u32::MAX);
        let payload = EventPayload::Search(Search {
            query,
            result_count,
        });
        let event = Event {
            event_id,
            occurred_at: now,
            listener: Some(listener),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        };
        self.recommender().record(scope, event).await;
    }

    /// What embeddings say: nearness to the query, and to what its words found best.
    async fn embedded(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        request: &SearchRequest,
        found: &Found,
        constraints: &Arc<Constraints>,
    ) -> Result<(Vec<(u128, f32)>, Vec<(u128, f32)>)> {
        let (mut meaning, mut likeness) = (Vec::new(), BTreeMap::new());
        // A query none of whose words is known has no place in any space either.
        if !request.with_embeddings || found.hits.is_empty() {
            return Ok((meaning, Vec::new()));
        }
        let vectors = &self.stores().vectors;
        let keep: Option<VectorFilter> = filter_of(slot, constraints, None);
        let may_read = request.may_read_lyrics;
        if let Some((space, query)) = request.words_vector.as_ref().filter(|_| may_read) {
            let near = vectors.nearest(scope, space, query, NEIGHBOURS, keep.clone());
            let near = near.await?.into_iter();
            meaning.extend(near.map(|near| (near.track.as_u128(), 1.0 - near.distance)));
        }
        let spaces = current_spaces(vectors.as_ref(), scope)
            .await?
            .into_iter()
            .map(|(space, _)| space);
        let spaces: Vec<_> = spaces
            .filter(|space| may_read || !tells_of_words(space))
            .collect();
        for space in &spaces {
            let mut of_space: BTreeMap<u128, f32> = BTreeMap::new();
            for (seed, share) in Blend::SHIPPED.seeds(&found.hits) {
                let track = TrackId::from_u128(seed);
                let Some(vector) = vectors.vector(scope, space, track).await? else {
                    continue;
                };
                let near = vectors.nearest(scope, space, &vector, NEIGHBOURS, keep.clone());
                for near in near.await?.into_iter().filter(|near| near.track != track) {
                    let part = share * (1.0 - near.distance).max(0.0);
                    *of_space.entry(near.track.as_u128()).or_default() += part;
                }
            }
            // Distances of two spaces are not compared: each counts against its own nearest.
            let most = of_space.values().copied().fold(f32::MIN_POSITIVE, f32::max);
            for (track, nearness) in of_space {
                *likeness.entry(track).or_insert(0.0) += nearness / most / spaces.len() as f32;
            }
        }
        Ok((meaning, likeness.into_iter().collect()))
    }

    /// Everything that may be shown, most played first.
    async fn by_popularity(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        constraints: &Arc<Constraints>,
    ) -> Result<Ranked> {
        if constraints.is_empty() {
            return Ok(Vec::new());
        }
        let played: HashMap<TrackId, f32> = self
            .recommender()
            .with_view(scope, popularity_percent)
            .await?;
        let (slot, constraints) = (Arc::clone(slot), Arc::clone(constraints));
        off_thread(move || {
            let corpus = slot.corpus.read();
            let admitted = corpus
                .facts()
                .filter(|(track, facts)| constraints.admit(*track, facts));
            let of = |track: TrackId| played.get(&track).copied().unwrap_or(0.0);
            let mut ranked: Ranked = admitted
                .map(|(track, _)| (track, of(track) / 100.0, LegScores::default()))
                .collect();
            ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            ranked.truncate(RESULTS_MAX);
            ranked
        })
        .await
    }

    async fn page(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        request: &SearchRequest,
        found: Arc<Found>,
        ranked: Ranked,
    ) -> Result<SearchAnswer> {
        let shown = ranked.iter().skip(request.offset).take(request.count);
        let shown: Vec<_> = shown.copied().collect();
        let ids: Vec<TrackId> = shown.iter().map(|(track, ..)| *track).collect();
        let catalog = &self.stores().catalog;
        let tracks = catalog.tracks(scope, &ids).await?.into_iter();
        let mut tracks: HashMap<TrackId, Track> = tracks.map(|track| (track.id, track)).collect();
        let sung: Vec<TrackId> = (shown.iter())
            .filter(|(_, _, legs)| request.may_read_lyrics && legs.lyrics > 0.0)
            .map(|(track, ..)| *track)
            .collect();
        let lyrics = catalog.lyrics_of(scope, &sung).await?;
        let lyrics: HashMap<TrackId, String> = (sung.into_iter().zip(lyrics))
            .filter_map(|(track, lyrics)| Some((track, lyrics?.text)))
            .collect();
        let words: HashSet<String> = {
            let corpus = slot.corpus.read();
            corpus
                .text
                .words_of(&found.query)
                .map(str::to_owned)
                .collect()
        };
        let results = shown.into_iter().filter_map(|(id, score, legs)| {
            let track = tracks.remove(&id)?;
            let highlights = highlights(&track, lyrics.get(&id).map(String::as_str), &words);
            Some(FoundTrack {
                track,
                score,
                legs,
                highlights,
            })
        });
        let reached = request.offset.saturating_add(request.count);
        Ok(SearchAnswer {
            tracks: results.collect(),
            has_more: ranked.len() > reached && reached < RESULTS_MAX,
            found: ranked.len(),
            words: found.words.trim().to_owned(),
            descriptors: found.descriptors.clone(),
        })
    }
}

/// Reads a query and asks the lists. Describing words are added to the constraints, unless all the
/// words together are a name.
fn look_up(slot: &SearchSlot, request: &SearchRequest, constraints: &mut Constraints) -> Found {
    let corpus = slot.corpus.read();
    let options = QueryOptions {
        with_lyrics: request.may_read_lyrics,
        is_typing: request.is_typing,
    };
    let count =
        (request.offset.saturating_add(request.count) + 1).clamp(CANDIDATES_MIN, RESULTS_MAX);
    let ask = |words: &str, constraints: &Constraints| {
        let query = corpus.text.query(words, options);
        let admits = |id: u128| corpus.admits(constraints, TrackId::from_u128(id));
        let hits = slot.with_scratch(|s| corpus.text.search(&query, count, &admits, s));
        (query, hits)
    };
    let is_genre = |key: &str| corpus.genre(key).is_some();
    let described = DescriptorWords::parse(&request.text, &is_genre);
    let (query, hits) = ask(&request.text, constraints);
    let is_name = |hit: &TextHit| hit.coverage >= NAMED_SHARE;
    let reads = request.reads_descriptors && !described.found.is_empty();
    let (words, descriptors, query, mut hits) = if reads && !hits.iter().any(is_name) {
        let descriptors = read_descriptors(&corpus, &request.text, described.found);
        let asked = descriptors.iter().map(|read| read.constraint.clone());
        constraints.0.extend(asked);
        let (query, hits) = ask(&described.rest, constraints);
        (described.rest, descriptors, query, hits)
    } else {
        (request.text.clone(), Vec::new(), query, hits)
    };
    if request.wants_all_words && hits.iter().any(|hit| hit.is_complete) {
        hits.retain(|hit| hit.is_complete);
    }
    Found {
        words,
        descriptors,
        query,
        hits,
    }
}

fn read_descriptors(
    corpus: &Corpus,
    text: &str,
    found: Vec<(DescriptorWord, std::ops::Range<usize>)>,
) -> Vec<ReadDescriptor> {
    let read = found.into_iter().map(|(word, span)| ReadDescriptor {
        text: text.get(span).unwrap_or_default().to_owned(),
        constraint: match word {
            DescriptorWord::TempoBpm(min, max) => Constraint::TempoBpm {
                min,
                max,
                with_octaves: true,
            },
            DescriptorWord::Key(key) => Constraint::Keys(vec![key.into()]),
            DescriptorWord::Year(from, to) => Constraint::Year(from, to),
            DescriptorWord::DurationMs(from, to) => Constraint::DurationMs(from, to),
            DescriptorWord::Genre(key) => {
                let number = corpus.genre(&key);
                Constraint::Genre(key, number)
            }
        },
    });
    read.collect()
}

fn blend(
    corpus: &Corpus,
    found: &Found,
    meaning: &[(u128, f32)],
    likeness: &[(u128, f32)],
) -> Ranked {
    let candidates = assemble(&corpus.text, &found.query, &found.hits, meaning, likeness);
    let ranked = Blend::SHIPPED.rank(&candidates).into_iter();
    ranked
        .take(RESULTS_MAX)
        .filter_map(|(id, score)| Some((TrackId::from_u128(id), score, *candidates.get(&id)?)))
        .collect()
}

fn highlights(track: &Track, lyrics: Option<&str>, words: &HashSet<String>) -> Vec<Highlight> {
    let details = &track.details;
    let fields = [
        ("title", Some(&details.title)),
        ("artist", Some(&details.artist)),
        ("release", details.album.as_ref()),
        ("genre", details.genre.as_ref()),
    ];
    let marked = fields
        .into_iter()
        .filter_map(|(field, text)| mark(field, text?, words));
    marked
        .chain(lyrics.and_then(|lyrics| mark_line(lyrics, words)))
        .collect()
}
