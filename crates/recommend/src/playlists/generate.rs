//! Making a playlist.

use std::collections::HashSet;
use std::sync::Arc;

use leitmotif_domain::{Assignment, ListenerId, ModelId, RequestId, Rung, TenantScope, TrackId};
use leitmotif_learn::sequencing::{
    ARTIST_GAP, EnergyArc, SequenceOptions, TrackSound, TransitionWeights, sequence_tracks,
};
use serde::{Deserialize, Serialize};

use super::mix::{Period, mix};
use super::path::sonic_path;
use super::shown::Origin;
use super::sound::sounds_of;
use super::{CONTINUATION_PLACEMENT, PLACEMENT};
use crate::error::Result;
use crate::pipeline::{RecommendRequest, RecommendedTrack};
use crate::recordings::Recordings;
use crate::rules::Rule;
use crate::search::Admitted;
use crate::service::Recommender;
use crate::view::TenantView;

/// Tracks at the end of a playlist that its continuation starts from.
const CONTINUED_SEEDS: usize = 10;

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
    /// These tracks, as many as are wanted, and nothing else.
    Tracks(Vec<TrackId>),
    /// What goes on after these tracks, without any of them.
    Continuation(Vec<TrackId>),
    /// The best of a genre: for a listener by their taste, for nobody known by what many play.
    Genre(String),
    /// What the listener knows and loves, mixed with what they do not know yet.
    Mix {
        /// Share of known tracks, 0..=1.
        familiarity: f32,
        /// How long it stays the same while nothing new is heard.
        period: Period,
    },
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistRequest {
    /// What it is made of.
    pub kind: PlaylistKind,
    /// For whom; a mix needs somebody.
    pub listener: Option<ListenerId>,
    /// Tracks wanted.
    pub count: usize,
    /// How energy should run.
    pub arc: Option<EnergyArc>,
    /// What its tracks must be among, beside those that were named; any when absent.
    pub only: Option<Arc<Admitted>>,
    /// Whether it is asked in a private session, of which nothing is written down.
    pub is_private: bool,
}

/// A playlist before it is named and stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistDraft {
    /// Names it as an answer that was shown; none in a private session.
    pub request_id: Option<RequestId>,
    /// How personal the choice of the tracks was.
    pub rung: Rung,
    /// The model behind the choice.
    pub model: Option<ModelId>,
    /// The version of the pipeline that chose; absent for the built-in one and where none did.
    pub assignment: Option<Assignment>,
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
    /// Why there are fewer tracks than wanted, where there are.
    pub shortage: Option<String>,
    /// How many tracks of one artist stand closer than they should, where any do.
    pub crowding: Option<String>,
}

/// The tracks of a playlist before they are ordered.
pub(super) struct Material {
    /// The tracks, best first.
    pub tracks: Vec<TrackId>,
    /// Where they come from.
    pub origin: Origin,
    /// Why there are fewer than wanted, where there are.
    pub shortage: Option<String>,
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

/// Makes a playlist: chooses tracks by relevance, then orders them by how they flow. What it shows is
/// written to the log, except in a private session.
///
/// - Errors: `Invalid` for a mix without a listener, a path between equal tracks or tracks
///   that were not heard; those of the stores.
/// - Cost: one recommendation, one read of the tracks' analyses, and the ordering, which is done
///   off the async threads.
pub async fn generate(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
) -> Result<PlaylistDraft> {
    let (weights, basis) = step_costs(recommender, scope).await?;
    let (flow, origin, shortage) = match &request.kind {
        PlaylistKind::Path { from, to } => {
            let only = request.only.clone();
            let tracks = sonic_path(recommender, scope, *from, *to, request.count, only).await?;
            let flow = Flow::kept(recommender, scope, tracks, weights).await?;
            (flow, Origin::of(Rung::Content), None)
        }
        _ => {
            let chosen = material(recommender, scope, request).await?;
            let flow = Flow::found(recommender, scope, request, chosen.tracks, weights).await?;
            (flow, chosen.origin, chosen.shortage)
        }
    };
    let artists = recommender.artist_keys(scope, &flow.tracks).await?;
    let request_id = (!request.is_private).then(|| recommender.new_request_id());
    if let Some(request_id) = request_id {
        let exposure = origin.exposure(request_id, request, &flow.tracks);
        let now = recommender.stores().clock.now();
        let exposed = recommender.expose(scope, request.listener, now, exposure);
        exposed.await;
    }
    Ok(PlaylistDraft {
        request_id,
        rung: origin.rung,
        model: origin.model,
        assignment: origin.assignment,
        shortage: told_shortage(request, flow.tracks.len(), shortage),
        crowding: told_crowding(&artists),
        tracks: flow.tracks,
        sounds: flow.sounds,
        steps: flow.steps,
        shuffled_step: flow.shuffled_step,
        basis,
    })
}

/// Tracks in their order, with what is heard from one to the next.
struct Flow {
    tracks: Vec<TrackId>,
    sounds: Vec<TrackSound>,
    steps: Vec<f32>,
    shuffled_step: Option<f32>,
}

impl Flow {
    /// The order as it is.
    async fn kept(
        recommender: &Recommender,
        scope: &TenantScope,
        tracks: Vec<TrackId>,
        weights: TransitionWeights,
    ) -> Result<Self> {
        let sounds = sounds_of(recommender.stores(), scope, &tracks).await?;
        let steps = (sounds.windows(2))
            .map(|pair| weights.cost(&pair[0], &pair[1]))
            .collect();
        Ok(Self {
            tracks,
            sounds,
            steps,
            shuffled_step: None,
        })
    }

    /// The order that flows best.
    async fn found(
        recommender: &Recommender,
        scope: &TenantScope,
        request: &PlaylistRequest,
        chosen: Vec<TrackId>,
        weights: TransitionWeights,
    ) -> Result<Self> {
        // A continuation flows out of the track before it, which is not a part of it.
        let before = match &request.kind {
            PlaylistKind::Continuation(before) => before.last().copied(),
            _ => None,
        };
        let chosen: Vec<TrackId> = before.into_iter().chain(chosen).collect();
        let artists = recommender.artist_keys(scope, &chosen).await?;
        let sounds = sounds_of(recommender.stores(), scope, &chosen).await?;
        let options = SequenceOptions {
            weights,
            arc: request.arc,
            keep_first: before.is_some()
                || request.arc.is_none() && matches!(request.kind, PlaylistKind::Seeds(_)),
        };
        let work = move || {
            let sequenced = sequence_tracks(&sounds, &artists, options)?;
            let left_out = usize::from(before.is_some());
            let order = sequenced.order.iter().skip(left_out);
            Ok(Self {
                tracks: order.clone().map(|&at| chosen[at]).collect(),
                sounds: order.map(|&at| sounds[at].clone()).collect(),
                steps: sequenced.steps.into_iter().skip(left_out).collect(),
                shuffled_step: Some(sequenced.shuffled_step),
            })
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(crate::error::Error::bug)?
    }
}

/// Chooses the tracks.
async fn material(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
) -> Result<Material> {
    let named = |tracks: &[TrackId]| {
        let (tracks, count) = (tracks.to_vec(), request.count);
        recommender.with_view(scope, move |view| {
            distinct(view.catalogue.recordings(), &tracks, count)
        })
    };
    match &request.kind {
        PlaylistKind::Tracks(tracks) => {
            let only = request.only.as_ref();
            let admitted = tracks.iter().copied();
            let admitted: Vec<TrackId> = admitted
                .filter(|track| only.is_none_or(|only| only.tracks.contains(track)))
                .collect();
            Ok(Material {
                tracks: named(&admitted).await?,
                origin: Origin::of(Rung::Content),
                shortage: None,
            })
        }
        PlaylistKind::Seeds(seeds) => {
            let mut tracks = named(seeds).await?;
            let missing = request.count - tracks.len();
            let found = recommended(recommender, scope, request, seeds, missing, None).await?;
            tracks.extend(found.tracks);
            Ok(Material { tracks, ..found })
        }
        PlaylistKind::Continuation(before) => continued(recommender, scope, request, before).await,
        PlaylistKind::Genre(genre) => {
            let rule = Rule::of_genre(genre);
            recommended(recommender, scope, request, &[], request.count, Some(rule)).await
        }
        PlaylistKind::Mix {
            familiarity,
            period,
        } => mix(recommender, scope, request, *familiarity, *period).await,
        PlaylistKind::Path { .. } => Err(crate::error::Error::bug("a path is no material")),
    }
}

/// What goes on after some tracks, by the last of them and, where one is named, a listener's taste.
async fn continued(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
    before: &[TrackId],
) -> Result<Material> {
    let newest_first: Vec<TrackId> = before.iter().rev().copied().collect();
    let seeds = recommender.with_view(scope, move |view| {
        distinct(view.catalogue.recordings(), &newest_first, CONTINUED_SEEDS)
    });
    let seeds = seeds.await?;
    let asked = RecommendRequest {
        listener: request.listener,
        seeds,
        exclude: before.to_vec(),
        only: request.only.clone(),
        count: request.count,
        placement: CONTINUATION_PLACEMENT.to_owned(),
        // People put into their playlists what they know.
        include_heard: true,
        ..RecommendRequest::default()
    };
    ranked(recommender, scope, asked).await
}

/// Why there are fewer tracks than wanted, where there are and nobody said so yet.
fn told_shortage(request: &PlaylistRequest, found: usize, told: Option<String>) -> Option<String> {
    let wanted = request.count;
    if found >= wanted {
        return None;
    }
    // A ranking counts what it was asked for, which is a part of the playlist, or more than it.
    let reason = told.as_deref().and_then(|told| told.split_once(": "));
    let constrained = request.only.as_ref().map(|only| only.shortfall.to_string());
    let reason = reason.map(|(_, reason)| reason.to_owned()).or(constrained);
    let reason = reason.unwrap_or_else(|| "the catalogue has no other that fits".to_owned());
    Some(format!("{found} of {wanted} tracks: {reason}"))
}

/// How many tracks stand within [`ARTIST_GAP`] places behind another of their artist, where any do.
fn told_crowding(artists: &[u64]) -> Option<String> {
    let is_close = |place: &usize| {
        let before = &artists[place.saturating_sub(ARTIST_GAP)..*place];
        before.contains(&artists[*place])
    };
    let close = (0..artists.len()).filter(is_close).count();
    (close > 0).then(|| {
        format!(
            "{close} of {} tracks stand within {ARTIST_GAP} places of another by their artist: nothing else was found for their places",
            artists.len()
        )
    })
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

/// What goes with the seeds, by the same ranking that answers recommendations; a rule may narrow it.
pub(super) async fn recommended(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
    seeds: &[TrackId],
    count: usize,
    rule: Option<Rule>,
) -> Result<Material> {
    if count == 0 {
        return Ok(Material {
            tracks: Vec::new(),
            origin: Origin::of(match request.listener {
                Some(_) if seeds.is_empty() => Rung::Personalised,
                _ => Rung::Session,
            }),
            shortage: None,
        });
    }
    let mut asked = RecommendRequest {
        listener: request.listener,
        seeds: seeds.to_vec(),
        only: request.only.clone(),
        count,
        placement: PLACEMENT.to_owned(),
        // Of a genre somebody wants to hear it, known or not.
        include_heard: request.listener.is_none() || rule.is_some(),
        ..RecommendRequest::default()
    };
    let mut narrowed = None;
    if let Some(rule) = rule {
        let unit = request.listener.map(|listener| listener.to_string());
        let live = |view: &TenantView| {
            let unit = unit.as_deref().unwrap_or_default();
            view.placements.assign(&asked, unit)
        };
        let (assignment, live) = recommender.with_view(scope, live).await?;
        asked.draft = Some(Arc::new(live.narrowed(rule)));
        narrowed = Some(assignment);
    }
    let mut found = ranked(recommender, scope, asked).await?;
    if let Some(assignment) = narrowed {
        // A draft has no version of its own: the one that it narrows chose.
        found.origin.assignment = assignment.version.map(|_| assignment.clone());
    }
    Ok(found)
}

/// What the ranking that answers recommendations finds; nobody is shown it as it is.
async fn ranked(
    recommender: &Recommender,
    scope: &TenantScope,
    asked: RecommendRequest,
) -> Result<Material> {
    let found = recommender.rank(scope, asked).await?;
    let id = |track: &RecommendedTrack| track.track;
    Ok(Material {
        tracks: found.tracks.iter().map(id).collect(),
        origin: Origin::of_ranking(&found),
        shortage: found.shortage,
    })
}
