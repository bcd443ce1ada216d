//! The catalogue as foreign clients see it: tracks by a media server's ids, artists and albums by
//! one of their tracks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::{MEDIA_SERVERS, Track, TrackRef};
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_ingest::listens::names::artist_key;
use leitmotif_ingest::listens::recording_id;
use leitmotif_recommend::playlists::sonic_path;
use leitmotif_recommend::search::{Admitted, FoundTrack, NearRequest, SearchRequest};
use leitmotif_storage::ports::{TrackFilter, VectorMatch, VectorSpace, current_spaces};

use crate::native::constraints::ConstraintQuery;
use crate::native::similar::constraints_beside;
use crate::problem::Problem;
use crate::state::ApiState;

/// Tracks of an artist that stand for it.
const ARTIST_TRACKS_MAX: usize = 20;
/// Neighbours looked at for each of them.
const ARTIST_LOOK: usize = 60;
/// Tracks of a listing that can be reached at all: a listing is read from its start.
const LISTED_MAX: usize = 20_000;
/// Pairs of songs shown for two artists.
const PAIRS_MAX: usize = 5;

/// Whose ids an answer is written in: those of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdSpace {
    /// Ours.
    Ours,
    /// Those of this namespace; a track without one cannot be told.
    Of(String),
}

impl IdSpace {
    /// The id of a track.
    pub fn id_of(&self, track: &Track) -> Option<String> {
        match self {
            Self::Ours => Some(track.id.to_string()),
            Self::Of(namespace) => track.details.external_ids.get(namespace).cloned(),
        }
    }

    /// The id of a track's artist; the track's own where the artist has none, which names the artist too.
    pub fn artist_id_of(&self, track: &Track) -> Option<String> {
        let theirs = match self {
            Self::Ours => None,
            Self::Of(namespace) => track.details.artist_ids.get(namespace).cloned(),
        };
        theirs.or_else(|| self.id_of(track))
    }
}

/// What near tracks must satisfy, as parameters beside those of a protocol.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The parameters.
    pub constraints: ConstraintQuery,
    /// Whether words may be found in lyrics.
    pub may_read_lyrics: bool,
}

/// A track near another.
#[derive(Debug, Clone)]
pub struct Near {
    /// The track.
    pub track: Track,
    /// Half the cosine distance, 0 to 1.
    pub distance: f32,
}

/// Two songs, the asked artist's first.
pub type SongPair = (Track, Track);

/// An artist near another.
#[derive(Debug, Clone)]
pub struct NearArtist {
    /// One of its tracks, the nearest.
    pub track: Track,
    /// Mean distance of the pairs, 0 to 1.
    pub distance: f32,
    /// The nearest pairs of songs.
    pub pairs: Vec<SongPair>,
}

/// Finds a track by our id, by `namespace:id`, or by a media server's bare id.
///
/// - Errors: 404.
pub async fn find(
    state: &ApiState,
    scope: &TenantScope,
    text: &str,
) -> Result<(Track, IdSpace), Problem> {
    let missing = || Problem::not_found("track", text);
    let mut named: Vec<(TrackRef, IdSpace)> = Vec::new();
    match text.parse::<TrackRef>() {
        Ok(TrackRef::External { namespace, value }) => {
            let space = IdSpace::Of(namespace.clone());
            named.push((TrackRef::External { namespace, value }, space));
        }
        Ok(ours) => named.push((ours, IdSpace::Ours)),
        Err(_) => {}
    }
    if !text.is_empty() && !text.contains(':') {
        named.extend(MEDIA_SERVERS.iter().map(|namespace| {
            let reference = TrackRef::External {
                namespace: (*namespace).to_owned(),
                value: text.to_owned(),
            };
            (reference, IdSpace::Of((*namespace).to_owned()))
        }));
    }
    let (references, spaces): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let found = state.catalog.resolve(scope, &references).await?;
    let found = found.into_iter().zip(spaces);
    let (id, space) = found
        .filter_map(|(id, space)| Some((id?, space)))
        .next()
        .ok_or_else(missing)?;
    let track = state.catalog.tracks(scope, &[id]).await?.pop();
    Ok((track.ok_or_else(missing)?, space))
}

/// Finds an artist by an id elsewhere, `namespace:id` or a media server's bare one, or by that of any of
/// its tracks; answers the name it is credited by.
///
/// - Errors: 404.
pub async fn find_artist(
    state: &ApiState,
    scope: &TenantScope,
    text: &str,
) -> Result<(String, IdSpace), Problem> {
    let named: Vec<(&str, &str)> = match text.split_once(':') {
        Some(named) => vec![named],
        None if text.is_empty() => Vec::new(),
        None => MEDIA_SERVERS.iter().map(|&name| (name, text)).collect(),
    };
    for (namespace, id) in named {
        if let Some(artist) = artist_named(state, scope, namespace, id).await? {
            return Ok((artist, IdSpace::Of(namespace.to_owned())));
        }
    }
    let (track, space) = find(state, scope, text).await?;
    Ok((track.details.artist, space))
}

/// The artist that an id of a namespace names, where a track carries it.
pub async fn artist_named(
    state: &ApiState,
    scope: &TenantScope,
    namespace: &str,
    id: &str,
) -> Result<Option<String>, Problem> {
    let filter = TrackFilter {
        artist_id: Some((namespace.to_owned(), id.to_owned())),
        ..TrackFilter::default()
    };
    let one = PageRequest::new(Some(1), None)?;
    let found = state.catalog.list_tracks(scope, &filter, &one).await?;
    Ok(found
        .items
        .into_iter()
        .next()
        .map(|track| track.details.artist))
}

/// The id a media server would know a track by, ours where none does.
pub fn server_id(track: &Track) -> String {
    let ids = &track.details.external_ids;
    let known = MEDIA_SERVERS
        .iter()
        .find_map(|namespace| ids.get(*namespace));
    known.cloned().unwrap_or_else(|| track.id.to_string())
}

/// Finds a track by its words.
pub async fn find_by_words(
    state: &ApiState,
    scope: &TenantScope,
    title: &str,
    artist: &str,
) -> Result<Track, Problem> {
    let tracks = artist_tracks(state, scope, artist).await?;
    let wanted = recording_id(title, artist);
    let found = tracks
        .into_iter()
        .find(|track| recording_id(&track.details.title, &track.details.artist) == wanted);
    found.ok_or_else(|| Problem::not_found("track", title))
}

/// Finds tracks by words as foreign clients do: all words, mistakes forgiven, the last one perhaps
/// unfinished. Lyrics do not match: these protocols look for names. Says how many can be reached.
pub async fn search(
    state: &ApiState,
    scope: &TenantScope,
    text: &str,
    offset: usize,
    count: usize,
) -> Result<(Vec<FoundTrack>, usize), Problem> {
    let request = SearchRequest {
        text: text.to_owned(),
        is_typing: true,
        wants_all_words: true,
        offset,
        count,
        ..SearchRequest::default()
    };
    let answer = state.search.search(scope, request).await?;
    Ok((answer.tracks, answer.found))
}

/// The tracks of an artist, named as it is credited.
pub async fn artist_tracks(
    state: &ApiState,
    scope: &TenantScope,
    artist: &str,
) -> Result<Vec<Track>, Problem> {
    let filter = TrackFilter {
        artist: Some(artist.to_owned()),
        ..TrackFilter::default()
    };
    listed(state, scope, &filter, 0, ARTIST_TRACKS_MAX * 10).await
}

/// Tracks of a listing from an offset on, among the first 20,000.
///
/// - Cost: reads what it skips.
pub async fn listed(
    state: &ApiState,
    scope: &TenantScope,
    filter: &TrackFilter,
    offset: usize,
    count: usize,
) -> Result<Vec<Track>, Problem> {
    let mut page = PageRequest::largest();
    let mut tracks: Vec<Track> = Vec::new();
    let wanted = offset.saturating_add(count).min(LISTED_MAX);
    while tracks.len() < wanted {
        let found = state.catalog.list_tracks(scope, filter, &page).await?;
        tracks.extend(found.items);
        match found.next {
            Some(after) => page = page.following(after),
            None => break,
        }
    }
    tracks.truncate(wanted);
    Ok(tracks.into_iter().skip(offset).collect())
}

/// The tracks nearest to a track, nearest first, without itself and other versions of its recording; of
/// every other recording the track that stands for it.
///
/// - Errors: 404 when the track has no embedding.
pub async fn near(
    state: &ApiState,
    scope: &TenantScope,
    track: &Track,
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<Near>, Problem> {
    let Some((space, vector)) = embedding(state, scope, track.id).await? else {
        let id = track.id.to_string();
        return Err(Problem::not_found("embedding of the track", &id));
    };
    if wanted.constraints != ConstraintQuery::default() {
        return near_within(state, scope, track, space, count, wanted).await;
    }
    let beside = state.recommender.beside(scope, vec![track.id]).await?;
    let found = state
        .vectors
        .nearest(scope, &space, &vector, count.saturating_add(1), beside)
        .await?;
    let mut others = found;
    others.retain(|one| one.track != track.id);
    others.truncate(count);
    told_near(state, scope, &others).await
}

/// The same among the tracks that satisfy constraints.
async fn near_within(
    state: &ApiState,
    scope: &TenantScope,
    track: &Track,
    space: VectorSpace,
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<Near>, Problem> {
    let constraints = constraints_beside(state, scope, track.id, &wanted.constraints, None);
    let request = NearRequest {
        track: track.id,
        space,
        constraints: constraints.await?,
        may_read_lyrics: wanted.may_read_lyrics,
        count,
    };
    let found = state.search.near(scope, request).await?;
    told_near(state, scope, &found.unwrap_or_default().tracks).await
}

async fn told_near(
    state: &ApiState,
    scope: &TenantScope,
    found: &[VectorMatch],
) -> Result<Vec<Near>, Problem> {
    let ids: Vec<TrackId> = found.iter().map(|one| one.track).collect();
    let distances: HashMap<TrackId, f32> = found
        .iter()
        .map(|one| (one.track, half(one.distance)))
        .collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let near = |track: Track| {
        let distance = distances.get(&track.id).copied()?;
        Some(Near { track, distance })
    };
    Ok(tracks.into_iter().filter_map(near).collect())
}

/// A way through the sound from one track to another, both included, with the distance of every
/// track from the start and from the track before. What lies between the ends satisfies the constraints.
pub async fn path(
    state: &ApiState,
    scope: &TenantScope,
    (from, to): (TrackId, TrackId),
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<(Track, f32, f32)>, Problem> {
    let only = admitted(state, scope, wanted).await?;
    let ids = sonic_path(&state.recommender, scope, from, to, count, only).await?;
    let space = embedding(state, scope, from).await?;
    let Some((space, start)) = space else {
        return Err(Problem::not_found(
            "embedding of the track",
            &from.to_string(),
        ));
    };
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let mut steps = Vec::with_capacity(tracks.len());
    let mut before = start.clone();
    for track in tracks {
        let vector = state.vectors.vector(scope, &space, track.id).await?;
        let vector = vector.unwrap_or_else(|| before.clone());
        let (from_start, from_before) = (apart(&start, &vector), apart(&before, &vector));
        before = vector;
        steps.push((track, from_start, from_before));
    }
    Ok(steps)
}

/// The tracks that satisfy constraints; `None` where nothing constrains.
///
/// - Errors: 400 with the parameter that is wrong.
pub async fn admitted(
    state: &ApiState,
    scope: &TenantScope,
    wanted: &Wanted,
) -> Result<Option<Arc<Admitted>>, Problem> {
    let constraints = wanted.constraints.read(None)?;
    let admitted = state
        .search
        .admitted(scope, constraints, wanted.may_read_lyrics);
    Ok(admitted.await?)
}

/// Artists whose songs are near those of an artist, nearest first; only songs that satisfy the constraints speak for
/// another artist.
///
/// - Cost: a vector search for each of up to 20 songs of the artist.
pub async fn near_artists(
    state: &ApiState,
    scope: &TenantScope,
    artist: &str,
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<NearArtist>, Problem> {
    let asked = first_of(artist);
    let mut groups: BTreeMap<String, Vec<(f32, SongPair)>> = BTreeMap::new();
    for (song, near) in around_artist(state, scope, artist, ARTIST_LOOK, wanted).await? {
        for other in near {
            let name = first_of(&other.track.details.artist);
            if name.is_empty() || name == asked {
                continue;
            }
            let pair = (song.clone(), other.track);
            groups.entry(name).or_default().push((other.distance, pair));
        }
    }
    let mut artists: Vec<NearArtist> = groups.into_values().filter_map(nearest_pairs).collect();
    artists.sort_by(|a, b| {
        a.distance
            .total_cmp(&b.distance)
            .then(a.track.id.cmp(&b.track.id))
    });
    artists.truncate(count);
    Ok(artists)
}

/// The tracks nearest to any of an artist's, nearest first; the artist's own may be among them.
///
/// - Cost: a vector search for each of up to 20 songs of the artist.
pub async fn near_artist_songs(
    state: &ApiState,
    scope: &TenantScope,
    artist: &str,
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<Near>, Problem> {
    let around = around_artist(state, scope, artist, count, wanted).await?;
    let mut near: Vec<Near> = around.into_iter().flat_map(|(_, near)| near).collect();
    near.sort_by(|a, b| {
        a.distance
            .total_cmp(&b.distance)
            .then(a.track.id.cmp(&b.track.id))
    });
    let mut seen = HashSet::new();
    near.retain(|one| seen.insert(one.track.id));
    near.truncate(count);
    Ok(near)
}

/// Up to 20 songs of an artist, each with the tracks nearest to it.
async fn around_artist(
    state: &ApiState,
    scope: &TenantScope,
    artist: &str,
    count: usize,
    wanted: &Wanted,
) -> Result<Vec<(Track, Vec<Near>)>, Problem> {
    let mut own = artist_tracks(state, scope, artist).await?;
    if own.is_empty() {
        return Err(Problem::not_found("artist", artist));
    }
    own.truncate(ARTIST_TRACKS_MAX);
    let mut around = Vec::with_capacity(own.len());
    for song in own {
        if embedding(state, scope, song.id).await?.is_some() {
            let near = near(state, scope, &song, count, wanted).await?;
            around.push((song, near));
        }
    }
    Ok(around)
}

/// The first artist of a credit, as artists are compared.
fn first_of(credit: &str) -> String {
    let parts = artist_key(credit).parts;
    parts.into_iter().next().unwrap_or_default()
}

fn nearest_pairs(mut pairs: Vec<(f32, SongPair)>) -> Option<NearArtist> {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs.truncate(PAIRS_MAX);
    let distance = pairs.iter().map(|(distance, _)| distance).sum::<f32>() / pairs.len() as f32;
    let pairs: Vec<SongPair> = pairs.into_iter().map(|(_, pair)| pair).collect();
    Some(NearArtist {
        track: pairs.first()?.1.clone(),
        distance,
        pairs,
    })
}

/// Removes further copies of a recording that is in the list.
pub fn without_copies(mut near: Vec<Near>) -> Vec<Near> {
    let mut seen = HashSet::new();
    near.retain(|one| {
        let details = &one.track.details;
        seen.insert(recording_id(&details.title, &details.artist))
    });
    near
}

async fn embedding(
    state: &ApiState,
    scope: &TenantScope,
    track: TrackId,
) -> Result<Option<(VectorSpace, Vec<f32>)>, Problem> {
    for (space, _) in current_spaces(state.vectors.as_ref(), scope).await? {
        if let Some(vector) = state.vectors.vector(scope, &space, track).await? {
            return Ok(Some((space, vector)));
        }
    }
    Ok(None)
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let length = (dot(a, a) * dot(b, b)).sqrt();
    if length == 0.0 {
        return 1.0;
    }
    half(1.0 - dot(a, b) / length)
}

/// Cosine distance, 0 to 2, as 0 to 1.
fn half(distance: f32) -> f32 {
    (distance / 2.0).clamp(0.0, 1.0)
}
