//! Songs: found by words, by sound, by artist.

use std::collections::{BTreeMap, HashSet};

use leitmotif_domain::limits;
use leitmotif_domain::track::Track;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_ingest::listens::names::folded;
use leitmotif_recommend::search::Highlight;
use leitmotif_storage::ports::TrackFilter;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::errors::Failure;
use super::payload;
use crate::native::audio::media_type_of;
use crate::problem::Problem;
use crate::protocols::catalogue::{self, IdSpace};
use crate::state::ApiState;

/// Songs of a similarity answer when nothing is said.
const SONIC_DEFAULT: usize = 10;
const PATH_DEFAULT: usize = 25;
const SIMILAR_DEFAULT: usize = 50;
/// Items of each kind of a search when nothing is said.
const SEARCH_DEFAULT: usize = 20;
/// Tracks of a search that artists and albums are gathered from.
const GATHERED_MAX: usize = 1_000;

type Answer = Result<Map<String, Value>, Failure>;

/// A song with its fields in which words were found.
type Named = (Track, Vec<Highlight>);

/// Finds songs, and their artists and albums, by words. No words find everything.
pub async fn search3(state: &ApiState, call: &Call<'_>) -> Answer {
    let query = call.get("query").unwrap_or_default().trim_matches('"');
    leitmotif_domain::track::check_text("query", query)
        .map_err(|wrong| Failure::new(0, wrong.to_string()))?;
    let most = limits::RECOMMENDATIONS_MAX;
    let count = |name: &str| call.count(name, SEARCH_DEFAULT, most);
    let offset = |name: &str| call.count(name, 0, usize::MAX);
    let (from, wanted) = (offset("songOffset")?, count("songCount")?);
    let scope = call.scope();
    let (songs, gathered): (Vec<Track>, Vec<Named>) = if query.trim().is_empty() {
        let filter = TrackFilter::default();
        let songs = catalogue::listed(state, scope, &filter, from, wanted).await?;
        let all = catalogue::listed(state, scope, &filter, 0, GATHERED_MAX).await?;
        (
            songs,
            all.into_iter().map(|track| (track, Vec::new())).collect(),
        )
    } else {
        let (found, _) = catalogue::search(state, scope, query, 0, GATHERED_MAX).await?;
        let found: Vec<Named> = (found.into_iter())
            .map(|found| (found.track, found.highlights))
            .collect();
        let songs = found.iter().skip(from).take(wanted);
        (songs.map(|(track, _)| track.clone()).collect(), found)
    };
    let words = folded(query).split_whitespace().count();
    let mut artists: BTreeMap<String, Value> = BTreeMap::new();
    let mut albums: BTreeMap<(String, String), Vec<&Track>> = BTreeMap::new();
    for (track, highlights) in &gathered {
        let (details, id) = (&track.details, track.id.to_string());
        if !details.artist.is_empty() && names_it(highlights, "artist", words) {
            artists
                .entry(folded(&details.artist))
                .or_insert_with(|| json!({"id": id, "name": details.artist}));
        }
        let album = details.album.as_deref();
        if let Some(album) = album.filter(|_| names_it(highlights, "release", words)) {
            let key = (folded(album), folded(&details.artist));
            albums.entry(key).or_default().push(track);
        }
    }
    let artists = artists
        .into_values()
        .skip(offset("artistOffset")?)
        .take(count("artistCount")?);
    let albums = albums
        .into_values()
        .filter_map(|tracks| album_of(&tracks))
        .skip(offset("albumOffset")?)
        .take(count("albumCount")?);
    let songs = children(state, scope, &IdSpace::Ours, &songs).await?;
    Ok(payload(
        "searchResult3",
        json!({
            "artist": artists.collect::<Vec<_>>(),
            "album": albums.collect::<Vec<_>>(),
            "song": songs,
        }),
    ))
}

/// Whether a field holds as many found words as were looked for.
fn names_it(highlights: &[Highlight], field: &str, words: usize) -> bool {
    let marked = highlights.iter().find(|highlight| highlight.field == field);
    let parts = marked.into_iter().flat_map(|highlight| &highlight.parts);
    parts.filter(|part| part.is_match).count() >= words
}

/// An album; its parts that clients insist on follow from its tracks.
fn album_of(tracks: &[&Track]) -> Option<Value> {
    let first = tracks.first()?;
    let id = first.id.to_string();
    let lengths = tracks.iter().filter_map(|track| track.details.duration_ms);
    Some(json!({
        "id": id,
        "name": first.details.album,
        "artist": first.details.artist,
        "artistId": id,
        "songCount": tracks.len(),
        "duration": lengths.map(u64::from).sum::<u64>().div_ceil(1_000),
        "created": first.created_at.to_string(),
    }))
}

/// The songs that sound most like one, most similar first.
pub async fn sonic_similar(state: &ApiState, call: &Call<'_>) -> Answer {
    let (track, space) = catalogue::find(state, call.scope(), call.needed("id")?).await?;
    let count = call.count("count", SONIC_DEFAULT, limits::PAGE_ITEMS_MAX)?;
    let near = catalogue::near(state, call.scope(), &track, count, &call.wanted()?).await?;
    let near = near.into_iter().map(|one| (one.track, one.distance));
    matches(state, call.scope(), &space, near).await
}

/// A way through the sound; similarity is that to the first song.
pub async fn sonic_path(state: &ApiState, call: &Call<'_>) -> Answer {
    let scope = call.scope();
    let (from, space) = catalogue::find(state, scope, call.needed("startSongId")?).await?;
    let (to, _) = catalogue::find(state, scope, call.needed("endSongId")?).await?;
    let count = call.count("count", PATH_DEFAULT, limits::PAGE_ITEMS_MAX)?;
    let wanted = call.wanted()?;
    let path = catalogue::path(state, scope, (from.id, to.id), count.max(2), &wanted).await?;
    let path = path
        .into_iter()
        .map(|(track, from_start, _)| (track, from_start));
    matches(state, scope, &space, path).await
}

/// Songs that sound like a song, or like those of an artist. An album is named by one of its songs.
pub async fn similar_songs(state: &ApiState, call: &Call<'_>, name: &str) -> Answer {
    let (scope, id) = (call.scope(), call.needed("id")?);
    let count = call.count("count", SIMILAR_DEFAULT, limits::PAGE_ITEMS_MAX)?;
    let wanted = call.wanted()?;
    let (near, space) = match catalogue::find(state, scope, id).await {
        Ok((track, space)) => {
            let near = catalogue::near(state, scope, &track, count, &wanted).await?;
            (near, space)
        }
        Err(problem) if problem.is_not_found() => {
            let (artist, space) = catalogue::find_artist(state, scope, id).await?;
            let near = catalogue::near_artist_songs(state, scope, &artist, count, &wanted).await?;
            (near, space)
        }
        Err(problem) => return Err(problem.into()),
    };
    let near = catalogue::without_copies(near);
    let tracks: Vec<Track> = near.into_iter().map(|one| one.track).collect();
    let songs = children(state, scope, &space, &tracks).await?;
    Ok(payload(name, json!({"song": songs})))
}

/// The songs of an artist that are played most, of those that satisfy constraints.
pub async fn top_songs(state: &ApiState, call: &Call<'_>) -> Answer {
    let scope = call.scope();
    let (artist, space) = match (call.get("id"), call.get("artist")) {
        (Some(id), _) => catalogue::find_artist(state, scope, id).await?,
        (None, Some(name)) => (name.to_owned(), IdSpace::Ours),
        (None, None) => return Err(Failure::missing("artist")),
    };
    let count = call.count("count", SIMILAR_DEFAULT, limits::PAGE_ITEMS_MAX)?;
    let only = catalogue::admitted(state, scope, &call.wanted()?).await?;
    let mut tracks = catalogue::artist_tracks(state, scope, &artist).await?;
    if let Some(only) = only {
        tracks.retain(|track| only.tracks.contains(&track.id));
    }
    let ids: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
    let popularity = state.recommender.popularity(scope, &ids).await;
    let popularity = popularity.map_err(Problem::from)?;
    // Songs that nobody played have nothing to be ordered by.
    let played: HashSet<TrackId> = popularity.keys().copied().collect();
    tracks.retain(|track| played.contains(&track.id));
    tracks.sort_by(|a, b| {
        let of = |track: &Track| popularity.get(&track.id).copied().unwrap_or(0.0);
        of(b).total_cmp(&of(a)).then(a.id.cmp(&b.id))
    });
    tracks.truncate(count);
    let songs = children(state, scope, &space, &tracks).await?;
    Ok(payload("topSongs", json!({"song": songs})))
}

/// Tracks with their distances as matches.
async fn matches(
    state: &ApiState,
    scope: &TenantScope,
    space: &IdSpace,
    near: impl Iterator<Item = (Track, f32)>,
) -> Answer {
    let (tracks, distances): (Vec<Track>, Vec<f32>) = near.unzip();
    let tempos = tempos_of(state, scope, &tracks).await?;
    let told = tracks.iter().zip(tempos).zip(distances);
    let matches = told.filter_map(|((track, tempo), distance)| {
        let entry = child(space, track, tempo)?;
        Some(json!({"entry": entry, "similarity": 1.0 - distance}))
    });
    Ok(payload("sonicMatch", matches.collect()))
}

/// Tracks as songs; those that have no id in the space are left out.
async fn children(
    state: &ApiState,
    scope: &TenantScope,
    space: &IdSpace,
    tracks: &[Track],
) -> Result<Vec<Value>, Problem> {
    let tempos = tempos_of(state, scope, tracks).await?;
    let told = tracks.iter().zip(tempos);
    Ok(told
        .filter_map(|(track, tempo)| child(space, track, tempo))
        .collect())
}

/// The measured tempos, in beats a minute.
async fn tempos_of(
    state: &ApiState,
    scope: &TenantScope,
    tracks: &[Track],
) -> Result<Vec<Option<f32>>, Problem> {
    let ids: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
    let facts = state.search.facts(scope, &ids).await?;
    Ok(facts.into_iter().map(|facts| facts.tempo_bpm).collect())
}

/// A song. What is not known is left out.
fn child(space: &IdSpace, track: &Track, tempo_bpm: Option<f32>) -> Option<Value> {
    let details = &track.details;
    let id = space.id_of(track)?;
    let seconds = details.duration_ms.map(|length| length.div_ceil(1_000));
    let mut song = json!({
        "id": id,
        "title": details.title,
        "isDir": false,
        "artist": details.artist,
        "artistId": space.artist_id_of(track),
        "album": details.album,
        "albumId": details.album.as_ref().map(|_| id.as_str()),
        "duration": seconds,
        "track": details.track_number,
        "year": details.release_date.as_ref().map(|date| date.year()),
        "genre": details.genre,
        "bpm": tempo_bpm.map(|tempo| tempo.round() as u32),
        "suffix": track.audio.as_ref().map(|audio| audio.extension.as_str()),
        "contentType": track.audio.as_ref().and_then(|audio| media_type_of(&audio.extension)),
        "type": "music",
        "isrc": details.external_ids.get("isrc").map(|isrc| [isrc]),
        "musicBrainzId": details.external_ids.get("musicbrainz"),
    });
    if let Value::Object(members) = &mut song {
        members.retain(|_, value| !value.is_null());
    }
    Some(song)
}
