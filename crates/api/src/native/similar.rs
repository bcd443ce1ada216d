//! Tracks that are near in an embedding space.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_recommend::search::{
    Constraint, Constraints, NearAnswer, NearRequest, tells_of_words,
};
use leitmotif_storage::ports::{VectorSpace, current_spaces};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::constraints::{ConstraintQuery, ShortfallAnswer};
use super::find_track;
use super::vectors::is_own;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Widest tempo range about the track's own, per cent: wider ones are named by their ends.
const BPM_NEAR_MAX: f32 = 50.0;

/// Spaces by what they are of.
const AUDIO: &str = "audio";
const LYRICS: &str = "lyrics";
const BOTH: &str = "both";
/// Places of each space that `both` is made of: behind them a track is near in no space that counts.
const RANKED_BOTH: usize = 500;
/// What the lyrics weigh in `both` where nobody says: as much as the sound.
const LYRICS_WEIGHT: f32 = 0.5;

/// What is near.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarQuery {
    /// Tracks wanted; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Embedding space; the first the track is in when left out, our own before imported ones. `audio` and
    /// `lyrics` are the best of our own of that kind that the track is in, `both` weighs the two.
    pub space: Option<String>,
    /// What the lyrics weigh in `both`; the sound weighs the rest. A half when left out.
    #[param(minimum = 0, maximum = 1)]
    pub lyrics_weight: Option<f32>,
    /// Tempo within so many per cent of the track's own, halves and doubles counting as it.
    #[param(minimum = 0, maximum = 50)]
    pub bpm_near: Option<f32>,
}

/// A near track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SimilarTrack {
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// Cosine distance, 0 to 2; in `both` the weighted mean of the shares of tracks that are nearer in each
    /// space, 0 to 1.
    pub distance: f32,
}

/// The near tracks, nearest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SimilarAnswer {
    /// The space they were found in, two with ` + ` between for `both`; distances of two spaces are never compared.
    pub space: String,
    /// The tracks.
    pub tracks: Vec<SimilarTrack>,
    /// Why they are fewer than asked for, when constraints are the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<ShortfallAnswer>,
}

/// Finds the tracks nearest to a track, among those that satisfy constraints.
///
/// Constraints are always kept to: rather fewer tracks come back, and the answer says why. `key_match`
/// without `key` means the track's own key.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/similar", tag = "similar",
    params(("id" = String, Path, description = "track id or `namespace:id`"), SimilarQuery,
        ConstraintQuery), responses(
    (status = 200, body = SimilarAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn similar(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<SimilarQuery>,
    QueryParameters(wanted): QueryParameters<ConstraintQuery>,
) -> Result<Json<SimilarAnswer>, Problem> {
    similar_tracks(&state, &access, &id, &query, &wanted)
        .await
        .map(Json)
}

/// See [`similar`].
pub async fn similar_tracks(
    state: &ApiState,
    access: &ReadAccess,
    id: &str,
    query: &SimilarQuery,
    wanted: &ConstraintQuery,
) -> Result<SimilarAnswer, Problem> {
    let scope = access.scope();
    let limit = query.limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
    if limit == 0 || limit > limits::PAGE_ITEMS_MAX {
        let detail = format!("must be in 1..={}", limits::PAGE_ITEMS_MAX);
        return Err(Problem::invalid("?limit", detail));
    }
    let track = find_track(state, scope, id).await?;
    let constraints = constraints_beside(state, scope, track, wanted, query.bpm_near).await?;
    let asking = Asking {
        state,
        access,
        track,
        constraints,
    };
    if query.space.as_deref() == Some(BOTH) {
        return asking.both(query, limit).await;
    }
    for space in spaces_of(state, scope, query).await? {
        if let Some(near) = asking.near(&space, limit).await? {
            let found = near.tracks.iter().map(|one| (one.track, one.distance));
            return Ok(SimilarAnswer {
                tracks: asking.named(found.collect()).await?,
                space: space.to_string(),
                shortfall: near.shortfall.map(ShortfallAnswer::from),
            });
        }
    }
    let wanted = query.space.as_deref().map_or("any space", |name| name);
    Err(Problem::not_found("embedding of the track in", wanted))
}

/// A question for near tracks, put to one space or two.
struct Asking<'a> {
    state: &'a ApiState,
    access: &'a ReadAccess,
    track: TrackId,
    constraints: Constraints,
}

impl Asking<'_> {
    /// `None` where the track is not in the space.
    async fn near(&self, space: &VectorSpace, count: usize) -> Result<Option<NearAnswer>, Problem> {
        let request = NearRequest {
            track: self.track,
            space: space.clone(),
            constraints: self.constraints.clone(),
            may_read_lyrics: self.access.may_read_lyrics(),
            count,
        };
        let near = self.state.search.near(self.access.scope(), request).await?;
        Ok(near)
    }

    /// The nearest in sound and lyrics together. Distances of two spaces mean different things, so that each
    /// space only orders: what counts is the share of the nearest tracks of a space that are nearer than this.
    async fn both(&self, query: &SimilarQuery, limit: usize) -> Result<SimilarAnswer, Problem> {
        let lyrics_weight = query.lyrics_weight.unwrap_or(LYRICS_WEIGHT);
        if !(0.0..=1.0).contains(&lyrics_weight) {
            return Err(Problem::invalid("?lyrics_weight", "must be in 0..=1"));
        }
        let (mut names, mut rankings, mut shortfall) = (Vec::new(), Vec::new(), None);
        for (kind, weight) in [(AUDIO, 1.0 - lyrics_weight), (LYRICS, lyrics_weight)] {
            let of_kind = named_spaces(self.state, self.access.scope(), kind).await?;
            let mut found = None;
            for space in of_kind {
                if let Some(near) = self.near(&space, RANKED_BOTH.max(limit)).await? {
                    found = Some((space, near));
                    break;
                }
            }
            let missing = || Problem::not_found("embedding of the track in", kind);
            let (space, near) = found.ok_or_else(missing)?;
            names.push(space.to_string());
            rankings.push((near.tracks.iter().map(|one| one.track).collect(), weight));
            shortfall = shortfall.or(near.shortfall);
        }
        let mut order = weighed(&rankings);
        order.truncate(limit);
        let is_short = order.len() < limit;
        Ok(SimilarAnswer {
            tracks: self.named(order).await?,
            space: names.join(" + "),
            shortfall: shortfall.filter(|_| is_short).map(ShortfallAnswer::from),
        })
    }

    /// Puts titles to tracks; one that is gone is left out.
    async fn named(&self, found: Vec<(TrackId, f32)>) -> Result<Vec<SimilarTrack>, Problem> {
        let ids: Vec<_> = found.iter().map(|(track, _)| *track).collect();
        let known = self.state.catalog.tracks(self.access.scope(), &ids).await?;
        let mut known: HashMap<_, _> = known
            .into_iter()
            .map(|track| (track.id, track.details))
            .collect();
        let named = found.into_iter().filter_map(|(track, distance)| {
            let details = known.remove(&track)?;
            Some(SimilarTrack {
                id: track.to_string(),
                title: details.title,
                artist: details.artist,
                distance,
            })
        });
        Ok(named.collect())
    }
}

/// Merges rankings with their weights: each track by the weighted mean of its places, as shares of the ranking;
/// one that a ranking does not reach stands behind its last. Ties go by id.
fn weighed(rankings: &[(Vec<TrackId>, f32)]) -> Vec<(TrackId, f32)> {
    let mut all: BTreeMap<TrackId, f32> = BTreeMap::new();
    let total: f32 = rankings.iter().map(|(_, weight)| weight).sum();
    for (ranking, weight) in rankings {
        for (place, track) in ranking.iter().enumerate() {
            let nearer = place as f32 / ranking.len() as f32;
            *all.entry(*track).or_insert(total) -= weight * (1.0 - nearer);
        }
    }
    let mut order: Vec<(TrackId, f32)> = all.into_iter().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    order.retain(|(_, share)| *share < total);
    order
}

/// The spaces to look in, in order.
async fn spaces_of(
    state: &ApiState,
    scope: &TenantScope,
    query: &SimilarQuery,
) -> Result<Vec<VectorSpace>, Problem> {
    if let Some(kind @ (AUDIO | LYRICS)) = query.space.as_deref() {
        return named_spaces(state, scope, kind).await;
    }
    if let Some(name) = &query.space {
        let space = name.parse::<VectorSpace>();
        return Ok(vec![
            space.map_err(|error| Problem::invalid("?space", error.reason))?,
        ]);
    }
    let found = current_spaces(state.vectors.as_ref(), scope)
        .await?
        .into_iter();
    let mut spaces: Vec<VectorSpace> = found.map(|(space, _)| space).collect();
    // What we measured ourselves comes before what was imported.
    spaces.sort_by_key(|space| !is_own(space));
    Ok(spaces)
}

/// Our own spaces of a kind, the best first: of lyrics an encoder's, then what a corpus taught, then the words.
async fn named_spaces(
    state: &ApiState,
    scope: &TenantScope,
    kind: &str,
) -> Result<Vec<VectorSpace>, Problem> {
    let found = current_spaces(state.vectors.as_ref(), scope).await?;
    let own = found.into_iter().map(|(space, _)| space);
    let mut own: Vec<VectorSpace> = own
        .filter(|space| is_own(space) && tells_of_words(space) == (kind == LYRICS))
        .collect();
    let rank = |space: &VectorSpace| {
        let is_learned = space.learned_lyrics_number().is_some();
        (!space.is_of_lyrics_encoder(), !is_learned)
    };
    own.sort_by_key(rank);
    Ok(own)
}

/// Reads the constraints; those that compare with the track itself read what was measured of it.
pub async fn constraints_beside(
    state: &ApiState,
    scope: &TenantScope,
    track: TrackId,
    wanted: &ConstraintQuery,
    bpm_near: Option<f32>,
) -> Result<Constraints, Problem> {
    let is_set = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
    let compares = bpm_near.is_some() || is_set(&wanted.key_match) && !is_set(&wanted.key);
    if !compares {
        return wanted.read(None);
    }
    let own = state.search.facts(scope, &[track]).await?;
    let own = own.first().copied().unwrap_or_default();
    let mut constraints = wanted.read(own.key)?;
    if let Some(percent) = bpm_near {
        if !(0.0..=BPM_NEAR_MAX).contains(&percent) {
            let detail = format!("{percent} is not in 0..={BPM_NEAR_MAX}");
            return Err(Problem::invalid("?bpm_near", detail));
        }
        let unknown = || Problem::invalid("?bpm_near", "the tempo of the track is unknown");
        let tempo_bpm = own.tempo_bpm.ok_or_else(unknown)?;
        constraints.0.push(Constraint::TempoBpm {
            min: tempo_bpm * (1.0 - percent / 100.0),
            max: tempo_bpm * (1.0 + percent / 100.0),
            with_octaves: true,
        });
    }
    Ok(constraints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spaces_are_weighed_by_their_orders() {
        let track = TrackId::from_u128;
        let tracks = |ids: &[u128]| ids.iter().copied().map(track).collect::<Vec<_>>();
        let merged = |lyrics_weight: f32| {
            let sound = (tracks(&[1, 2, 3, 4]), 1.0 - lyrics_weight);
            let lyrics = (tracks(&[4, 3, 5, 6]), lyrics_weight);
            weighed(&[sound, lyrics])
        };
        let ids = |merged: Vec<(TrackId, f32)>| {
            let ids = merged.into_iter().map(|(track, _)| track.as_u128());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(merged(0.0)), [1, 2, 3, 4], "the sound alone");
        assert_eq!(ids(merged(1.0)), [4, 3, 5, 6], "the lyrics alone");
        // 3 and 4 are in both; 4 is 3/4 and first, 3 is 2/4 and 1/4.
        let halves = merged(0.5);
        assert_eq!(halves[0], (track(3), 0.375));
        assert_eq!(halves[1], (track(4), 0.375));
        assert_eq!(halves[2], (track(1), 0.5));
    }
}
