//! From a request to a list, on one rung after the other.

use std::collections::HashSet;
use std::sync::Arc;

use leitmotif_domain::{ListenerId, ModelId, RequestId, Rung, Timestamp, TrackId};
use leitmotif_features::{Judgement, ListenerProfile};

use crate::candidates::{
    LAST_TRACKS, Offer, content_neighbours, familiar, fresh, item_neighbours, popular, session,
    taste,
};
use crate::error::Result;
use crate::explain::Reason;
use crate::model::{BlendWeights, RecommenderModel};
use crate::rank::{ListenerFacts, Pooled, Ranked, blend, pool};
use crate::rerank::rerank;
use crate::trace::{Span, Stopwatch};
use crate::view::{TenantView, taste_weight};

/// Candidates a source may offer per wanted place, and at least.
const OFFER_PER_PLACE: usize = 10;
/// Fewest candidates a source may offer.
const OFFER_MIN: usize = 200;
/// What content counts beside neighbours when only a few tracks are known.
const SESSION_CONTENT_WEIGHT: f32 = 0.5;
/// Least share of the whole weight for tracks that came after the training: the blend was learnt
/// without them, and a track that is never shown is never played.
const COLD_SHARE_MIN: f32 = 0.3;
/// Candidates a learned ranker orders; the blend chooses which.
pub const RANKED_MAX: usize = 200;
/// Recent tracks that stand for the session when no seeds are given.
const SESSION_TRACKS: usize = 5;
/// Tracks whose embedding neighbours are asked of the vector store.
const CONTENT_SEEDS: usize = 3;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendRequest {
    /// For whom; `None` for nobody known.
    pub listener: Option<ListenerId>,
    /// Tracks the list starts from; without a listener they are all that is known.
    pub seeds: Vec<TrackId>,
    /// Places wanted.
    pub count: usize,
    /// Where the list is shown.
    pub placement: String,
    /// Tracks that must not appear.
    pub exclude: Vec<TrackId>,
    /// Whether tracks the listener has heard may appear.
    pub include_heard: bool,
    /// Rungs that must not be used.
    pub disabled_rungs: Vec<Rung>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendations {
    /// Names this answer; a listen that carries it is attributed exactly.
    pub request_id: RequestId,
    /// How personal it is.
    pub rung: Rung,
    /// The model behind it.
    pub model: Option<ModelId>,
    /// The tracks in order.
    pub tracks: Vec<RecommendedTrack>,
    /// What took how long.
    pub spans: Vec<Span>,
}

/// One place of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendedTrack {
    /// The track.
    pub track: TrackId,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// What it was ranked by; the contributions of the reasons sum to it.
    pub score: f32,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A finished list before it is named.
pub struct Chosen {
    /// How personal it is.
    pub rung: Rung,
    /// The places.
    pub places: Vec<Ranked>,
}

/// The tracks whose embedding neighbours the vector store should be asked for: the seeds, or the
/// newest tracks the listener took to.
pub fn content_seeds(view: &TenantView, request: &RecommendRequest) -> Vec<(TrackId, f32)> {
    if !request.seeds.is_empty() {
        return request
            .seeds
            .iter()
            .take(CONTENT_SEEDS)
            .map(|seed| (*seed, 1.0))
            .collect();
    }
    let Some(profile) = view.profile(request.listener) else {
        return Vec::new();
    };
    let mut liked: Vec<_> = profile
        .tracks()
        .filter(|(_, history)| history.signal() > 0.0)
        .map(|(track, history)| (history.last_played, track, taste_weight(history.signal())))
        .collect();
    liked.sort_unstable_by_key(|(at, track, _)| std::cmp::Reverse((*at, *track)));
    liked
        .into_iter()
        .take(CONTENT_SEEDS)
        .map(|(_, track, weight)| (track, weight))
        .collect()
}

/// Fills the list from the best rung that has something, then from the rungs below.
///
/// `near` are embedding neighbours of [`content_seeds`]: of every track when there is no model, of
/// the tracks the model does not know when there is one.
pub fn choose(
    view: &TenantView,
    request: &RecommendRequest,
    near: &[(TrackId, f32, TrackId)],
    now: Timestamp,
    watch: &mut Stopwatch,
) -> Result<Chosen> {
    let profile = view.profile(request.listener);
    let excluded = exclusions(view, request, profile);
    let is_excluded = |index: usize| excluded.contains(&index);
    let mut taken = HashSet::new();
    let mut chosen = Chosen {
        rung: Rung::Static,
        places: Vec::new(),
    };
    watch.lap("features");
    for rung in [
        Rung::Personalised,
        Rung::Session,
        Rung::Content,
        Rung::Popular,
        Rung::Static,
    ] {
        let missing = request.count.saturating_sub(chosen.places.len());
        if missing == 0 || (request.disabled_rungs.contains(&rung) && rung != Rung::Static) {
            continue;
        }
        let pool = pool(&offers_of(rung, view, request, near)?);
        watch.lap("candidates");
        let ranker = view
            .model
            .as_deref()
            .and_then(|model| model.ranker.as_ref());
        let places = match ranker.filter(|_| rung == Rung::Personalised) {
            None => {
                let ranked = blend(pool);
                watch.lap("rank");
                rerank(&view.catalogue, ranked, is_excluded, &mut taken, missing)
            }
            Some(ranker) => {
                let facts = ListenerFacts::of(view, profile, now)?;
                let shortlist = shortlist(pool, &excluded, missing);
                let mut order = ranker.rank(view, &facts, shortlist)?;
                watch.lap("rank");
                let ranked = std::mem::take(&mut order.ranked);
                let mut places = rerank(&view.catalogue, ranked, is_excluded, &mut taken, missing);
                watch.lap("rerank");
                for place in &mut places {
                    ranker.explain(&order, place)?;
                }
                places
            }
        };
        if chosen.places.is_empty() && !places.is_empty() {
            chosen.rung = rung;
        }
        chosen.places.extend(places);
        let step = if ranker.is_some() {
            "explain"
        } else {
            "rerank"
        };
        watch.lap(step);
    }
    fill_with_familiar(view, request, profile, &mut taken, &mut chosen);
    Ok(chosen)
}

/// A listener who has heard everything still gets a list.
fn fill_with_familiar(
    view: &TenantView,
    request: &RecommendRequest,
    profile: Option<&ListenerProfile>,
    taken: &mut HashSet<u64>,
    chosen: &mut Chosen,
) {
    let missing = request.count.saturating_sub(chosen.places.len());
    let Some(profile) = profile.filter(|_| missing > 0) else {
        return;
    };
    let explicit: HashSet<usize> = indexes(view, request.exclude.iter().chain(&request.seeds));
    let ranked = blend(pool(&[familiar(view, profile, view.catalogue.len())]));
    let places = rerank(
        &view.catalogue,
        ranked,
        |index| explicit.contains(&index),
        taken,
        missing,
    );
    chosen.places.extend(places);
}

/// The best candidates of the blend that may be shown: what the ranker orders.
fn shortlist(pool: Vec<Pooled>, excluded: &HashSet<usize>, wanted: usize) -> Vec<Pooled> {
    let allowed = pool
        .into_iter()
        .filter(|one| !excluded.contains(&one.index));
    allowed.take(RANKED_MAX.max(wanted)).collect()
}

/// What a ranker would be given for a listener: the same candidates that a request has.
pub(crate) fn personal_shortlist(
    view: &TenantView,
    request: &RecommendRequest,
) -> Result<Vec<Pooled>> {
    let pool = pool(&offers_of(Rung::Personalised, view, request, &[])?);
    let excluded = exclusions(view, request, view.profile(request.listener));
    Ok(shortlist(pool, &excluded, request.count))
}

fn exclusions(
    view: &TenantView,
    request: &RecommendRequest,
    profile: Option<&ListenerProfile>,
) -> HashSet<usize> {
    let mut excluded = indexes(view, request.exclude.iter().chain(&request.seeds));
    for (track, history) in profile.into_iter().flat_map(|profile| profile.tracks()) {
        let is_heard = history.plays > 0 && !request.include_heard;
        let is_rejected = history.judgement() == Judgement::Disliked;
        if (is_heard || is_rejected)
            && let Some(index) = view.catalogue.index(track)
        {
            excluded.insert(index);
        }
    }
    excluded
}

fn indexes<'t>(view: &TenantView, tracks: impl Iterator<Item = &'t TrackId>) -> HashSet<usize> {
    tracks
        .filter_map(|track| view.catalogue.index(*track))
        .collect()
}

fn offers_of(
    rung: Rung,
    view: &TenantView,
    request: &RecommendRequest,
    near: &[(TrackId, f32, TrackId)],
) -> Result<Vec<Offer>> {
    let count = (request.count * OFFER_PER_PLACE).max(OFFER_MIN);
    Ok(match (rung, view.model.as_ref()) {
        (Rung::Personalised, Some(model)) => {
            let entries = taste_entries(view, model, request);
            if entries.iter().any(|(_, weight)| *weight > 0.0) {
                let last = last_columns(view, model, request);
                model_offers(view, model, &entries, &last, near, count)?
            } else {
                Vec::new()
            }
        }
        (Rung::Session, Some(model)) => {
            let entries = session_entries(view, model, request);
            vec![
                item_neighbours(view, model, &entries, count),
                content_neighbours(view, model, &entries, count).weighing(SESSION_CONTENT_WEIGHT),
                Offer::of_content(view, near, count).weighing(SESSION_CONTENT_WEIGHT),
            ]
        }
        (Rung::Personalised | Rung::Session, None) => Vec::new(),
        (Rung::Content, _) => vec![Offer::of_content(view, near, count)],
        // Everything played may be excluded already, so these offer all they have.
        (Rung::Popular, _) => vec![popular(view, view.catalogue.len())],
        (Rung::Static, _) => vec![fresh(view, view.catalogue.len())],
    })
}

fn model_offers(
    view: &TenantView,
    model: &Arc<RecommenderModel>,
    entries: &[(usize, f32)],
    last: &[usize],
    near: &[(TrackId, f32, TrackId)],
    count: usize,
) -> Result<Vec<Offer>> {
    let weights = &model.blend;
    // A track the listener rejects may not vote for its neighbours, only against itself.
    let liked: Vec<_> = entries
        .iter()
        .copied()
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    Ok(vec![
        taste(view, model, entries, count)?.weighing(weights.taste),
        item_neighbours(view, model, &liked, count).weighing(weights.neighbours),
        content_neighbours(view, model, &liked, count).weighing(weights.content),
        popular(view, count).weighing(weights.popular),
        session(view, model, last, count).weighing(weights.session),
        Offer::of_content(view, near, count).weighing(cold_weight(weights)),
    ])
}

/// What content counts for a track that the model does not know.
pub(crate) fn cold_weight(weights: &BlendWeights) -> f32 {
    let whole = weights.taste + weights.neighbours + weights.popular + weights.session;
    weights
        .content
        .max(COLD_SHARE_MIN * (whole + weights.content))
}

/// The listener's history, and the seeds on top, as columns of the model.
fn taste_entries(
    view: &TenantView,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> Vec<(usize, f32)> {
    let Some(profile) = view.profile(request.listener) else {
        return Vec::new();
    };
    let mut entries: Vec<(usize, f32)> = profile
        .tracks()
        .filter_map(|(track, history)| {
            let weight = taste_weight(history.signal());
            (weight != 0.0).then_some((model.column(track)?, weight))
        })
        .collect();
    for seed in &request.seeds {
        if let Some(column) = model.column(*seed)
            && !entries.iter().any(|(known, _)| *known == column)
        {
            entries.push((column, 1.0));
        }
    }
    entries
}

/// The listener's last tracks that were not rejected, newest first, as columns of the model.
fn last_columns(
    view: &TenantView,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> Vec<usize> {
    let Some(profile) = view.profile(request.listener) else {
        return Vec::new();
    };
    let is_liked =
        |track: &TrackId| (profile.history(*track)).is_some_and(|known| known.signal() > 0.0);
    let recent = profile.recent().map(|(_, track)| track).filter(is_liked);
    recent
        .filter_map(|track| model.column(track))
        .take(LAST_TRACKS)
        .collect()
}

/// The seeds, or the listener's last tracks that were not rejected.
fn session_entries(
    view: &TenantView,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> Vec<(usize, f32)> {
    if !request.seeds.is_empty() {
        let columns = request.seeds.iter().filter_map(|seed| model.column(*seed));
        return columns.map(|column| (column, 1.0)).collect();
    }
    let Some(profile) = view.profile(request.listener) else {
        return Vec::new();
    };
    profile
        .recent()
        .filter(|(_, track)| {
            profile
                .history(*track)
                .is_some_and(|known| known.signal() > 0.0)
        })
        .take(SESSION_TRACKS)
        .filter_map(|(_, track)| Some((model.column(track)?, 1.0)))
        .collect()
}

/// Turns places into what the caller sees.
pub fn present(view: &TenantView, places: Vec<Ranked>) -> Vec<RecommendedTrack> {
    places
        .into_iter()
        .filter_map(|place| {
            let card = view.catalogue.card(place.index)?;
            Some(RecommendedTrack {
                track: card.id,
                title: card.title.to_string(),
                artist: card.artist.to_string(),
                score: place.score,
                reasons: place.reasons,
            })
        })
        .collect()
}
