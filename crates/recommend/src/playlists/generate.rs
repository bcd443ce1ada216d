//! Making a playlist.

use std::collections::HashSet;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{ListenerId, TenantScope, TrackId};
use leitmotif_features::Judgement;
use leitmotif_learn::sequencing::{
    EnergyArc, SequenceOptions, TrackSound, TransitionWeights, sequence_tracks,
};
use serde::{Deserialize, Serialize};

use super::path::sonic_path;
use super::sound::sounds_of;
use crate::error::Result;
use crate::known::KnownTracks;
use crate::pipeline::{RecommendRequest, RecommendedTrack};
use crate::recordings::Recordings;
use crate::service::Recommender;
use crate::view::TenantView;

/// What a playlist is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaylistKind {
    /// These tracks and what goes with them.
    Seeds(Vec<TrackId>),
    /// A way from one track to another.
    Path {
        /// Where it begins.
        from: TrackId,
        /// Where it ends.
        to: TrackId,
    },
    /// What the listener knows and loves, mixed with what they do not know yet.
    DailyMix {
        /// Share of known tracks, 0..=1.
        familiarity: f32,
    },
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistRequest {
    /// What it is made of.
    pub kind: PlaylistKind,
    /// For whom; a daily mix needs somebody.
    pub listener: Option<ListenerId>,
    /// Tracks wanted.
    pub count: usize,
    /// How energy should run.
    pub arc: Option<EnergyArc>,
}

/// A playlist before it is named and stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistDraft {
    /// The tracks in order.
    pub tracks: Vec<TrackId>,
    /// What was measured of each.
    pub sounds: Vec<TrackSound>,
    /// Cost of each step, 0..=1: one less than there are tracks.
    pub steps: Vec<f32>,
    /// Expected cost of a step when the same tracks are shuffled; none where the order is the
    /// playlist's meaning.
    pub shuffled_step: Option<f32>,
    /// Where the costs of steps come from.
    pub basis: StepBasis,
}

/// Where the costs of steps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepBasis {
    /// From what listeners played on after, as the model in production learnt it.
    Listening,
    /// From a convention of mixing: there is no model, or nothing that surely tells better.
    Convention,
}

/// What each part of a step counts for a tenant at present, and where that comes from.
pub async fn step_costs(
    recommender: &Recommender,
    scope: &TenantScope,
) -> Result<(TransitionWeights, StepBasis)> {
    let learnt = |view: &TenantView| view.model.as_ref().and_then(|model| model.steps);
    Ok(match recommender.with_view(scope, learnt).await? {
        Some(weights) => (weights, StepBasis::Listening),
        None => (TransitionWeights::CONVENTION, StepBasis::Convention),
    })
}

/// Makes a playlist: chooses tracks by relevance, then orders them by how they flow.
///
/// - Errors: `Invalid` for a daily mix without a listener, a path between equal tracks or tracks
///   that were not heard; those of the stores.
/// - Cost: one recommendation, one read of the tracks' analyses, and the ordering, which is done
///   off the async threads.
pub async fn generate(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
) -> Result<PlaylistDraft> {
    let stores = recommender.stores();
    let (weights, basis) = step_costs(recommender, scope).await?;
    let chosen = match &request.kind {
        PlaylistKind::Path { from, to } => {
            let tracks = sonic_path(recommender, scope, *from, *to, request.count).await?;
            let sounds = sounds_of(stores, scope, &tracks).await?;
            let steps = (sounds.windows(2))
                .map(|pair| weights.cost(&pair[0], &pair[1]))
                .collect();
            return Ok(PlaylistDraft {
                tracks,
                sounds,
                steps,
                shuffled_step: None,
                basis,
            });
        }
        PlaylistKind::Seeds(seeds) => {
            let mut tracks = (recommender)
                .with_view(scope, |view| {
                    distinct(view.catalogue.recordings(), seeds, request.count)
                })
                .await?;
            let missing = request.count - tracks.len();
            tracks.extend(recommended(recommender, scope, request, seeds, missing).await?);
            tracks
        }
        PlaylistKind::DailyMix { familiarity } => {
            daily_mix(recommender, scope, request, *familiarity).await?
        }
    };
    let artists = recommender.artist_keys(scope, &chosen).await?;
    let sounds = sounds_of(stores, scope, &chosen).await?;
    let options = SequenceOptions {
        weights,
        arc: request.arc,
        keep_first: request.arc.is_none() && matches!(request.kind, PlaylistKind::Seeds(_)),
    };
    let work = move || {
        let sequenced = sequence_tracks(&sounds, &artists, options)?;
        let tracks = sequenced.order.iter().map(|&at| chosen[at]).collect();
        let sounds = (sequenced.order.iter().map(|&at| sounds[at].clone())).collect();
        Ok(PlaylistDraft {
            tracks,
            sounds,
            steps: sequenced.steps,
            shuffled_step: Some(sequenced.shuffled_step),
            basis,
        })
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(crate::error::Error::bug)?
}

/// The seeds as they were named, each recording once.
fn distinct(recordings: &Recordings, seeds: &[TrackId], count: usize) -> Vec<TrackId> {
    let mut seen = HashSet::new();
    let first = seeds.iter().copied().filter(|track| seen.insert(*track));
    let mut tracks = first.collect();
    recordings.distinct(&mut tracks);
    tracks.truncate(count);
    tracks
}

/// What goes with the seeds, by the same ranking that answers recommendations.
async fn recommended(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
    seeds: &[TrackId],
    count: usize,
) -> Result<Vec<TrackId>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let asked = RecommendRequest {
        listener: request.listener,
        seeds: seeds.to_vec(),
        count,
        placement: "playlist".to_owned(),
        include_heard: request.listener.is_none(),
        ..RecommendRequest::default()
    };
    let found = recommender.rank(scope, asked).await?;
    let id = |track: RecommendedTrack| track.track;
    Ok(found.tracks.into_iter().map(id).collect())
}

/// The listener's favourites, those not heard for longest first among equals, then what is new to
/// them.
async fn daily_mix(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
    familiarity: f32,
) -> Result<Vec<TrackId>> {
    let Some(listener) = request.listener else {
        return Err(InvalidValue::new("listener", "a daily mix is made for somebody").into());
    };
    let known_count = (request.count as f32 * familiarity.clamp(0.0, 1.0)).round() as usize;
    let mut tracks = recommender
        .with_view(scope, |view| favourites(view, listener, known_count))
        .await?;
    let missing = request.count - tracks.len();
    let fresh = recommended(recommender, scope, request, &[], missing).await?;
    let known: HashSet<TrackId> = tracks.iter().copied().collect();
    tracks.extend(fresh.into_iter().filter(|track| !known.contains(track)));
    Ok(tracks)
}

/// What the listener loves, each recording once and by the track that stands for it.
fn favourites(view: &TenantView, listener: ListenerId, count: usize) -> Vec<TrackId> {
    let known = KnownTracks::of(view, Some(listener));
    let rejected = known.rejected(view);
    let mut known: Vec<_> = (known.iter())
        .map(|one| (one.track, one.history))
        .filter(|(_, history)| history.judgement() != Judgement::Disliked)
        .filter(|(_, history)| history.signal() > 0.0)
        .map(|(track, history)| (history.signal(), history.last_played, track))
        .collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let standing = known.into_iter().filter_map(|(_, _, track)| {
        let Some(index) = view.catalogue.index(track) else {
            return Some(track);
        };
        let standing = view.catalogue.card(view.catalogue.standing_for(index))?;
        (!rejected.contains(&index)).then_some(standing.id)
    });
    let mut tracks = standing.collect();
    view.catalogue.recordings().distinct(&mut tracks);
    tracks.truncate(count);
    tracks
}
