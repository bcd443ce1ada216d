//! From a request to a list, on one rung after the other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::{ListenerId, ModelId, RequestId, Rung, TrackId};
use leitmotif_features::{Judgement, ListenerProfile};

use crate::candidates::{
    Offer, content_neighbours, familiar, fresh, item_neighbours, popular, taste,
};
use crate::error::Result;
use crate::explain::{Reason, Source};
use crate::model::RecommenderModel;
use crate::rank::{Ranked, blend};
use crate::rerank::rerank;
use crate::view::{TenantView, taste_weight};

/// Candidates a source may offer per wanted place, and at least.
const OFFER_PER_PLACE: usize = 10;
/// Fewest candidates a source may offer.
const OFFER_MIN: usize = 200;
/// What content counts beside neighbours when only a few tracks are known.
const SESSION_CONTENT_WEIGHT: f32 = 0.5;
/// Least weight of tracks that came after the training: the blend was learnt without them, and a
/// track that is never shown is never played.
const COLD_WEIGHT_MIN: f32 = 0.3;
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

/// A step of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// How long it took in microseconds.
    pub duration_us: u64,
}

/// Measures steps.
pub struct Stopwatch {
    spans: Vec<Span>,
    last: Instant,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self {
            spans: Vec::new(),
            last: Instant::now(),
        }
    }

    /// Ends a step and begins the next; a step that comes again adds to its former time.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        let taken = now.duration_since(self.last).as_micros();
        let duration_us = u64::try_from(taken).unwrap_or(u64::MAX);
        match self.spans.iter_mut().find(|span| span.name == name) {
            Some(span) => span.duration_us = span.duration_us.saturating_add(duration_us),
            None => self.spans.push(Span { name, duration_us }),
        }
        self.last = now;
    }

    /// The steps.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }
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
        let offers = offers_of(rung, view, request, near)?;
        watch.lap("candidates");
        let ranked = blend(&offers);
        watch.lap("rank");
        let places = rerank(&view.catalogue, ranked, is_excluded, &mut taken, missing);
        if chosen.places.is_empty() && !places.is_empty() {
            chosen.rung = rung;
        }
        chosen.places.extend(places);
        watch.lap("rerank");
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
    let ranked = blend(&[familiar(view, profile, view.catalogue.len())]);
    let places = rerank(
        &view.catalogue,
        ranked,
        |index| explicit.contains(&index),
        taken,
        missing,
    );
    chosen.places.extend(places);
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
                model_offers(view, model, &entries, near, count)?
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
    let cold_weight = weights.content.max(COLD_WEIGHT_MIN);
    Ok(vec![
        taste(view, model, entries, count)?.weighing(weights.taste),
        item_neighbours(view, model, &liked, count).weighing(weights.neighbours),
        content_neighbours(view, model, &liked, count).weighing(weights.content),
        popular(view, count).weighing(weights.popular),
        Offer::of_content(view, near, count).weighing(cold_weight),
    ])
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

/// A sentence for a reason.
pub fn sentence(source: Source, because_of: Option<&str>) -> String {
    match (source, because_of) {
        (Source::Taste, _) => "fits the taste shown so far".to_owned(),
        (Source::Neighbours, Some(title)) => format!("played by listeners of “{title}”"),
        (Source::Neighbours, None) => "played by listeners of similar tracks".to_owned(),
        (Source::Content, Some(title)) => format!("sounds or reads like “{title}”"),
        (Source::Content, None) => "sounds or reads alike".to_owned(),
        (Source::Popular, _) => "played a lot lately".to_owned(),
        (Source::Fresh, _) => "new in the catalogue".to_owned(),
        (Source::Familiar, _) => "not heard for a while".to_owned(),
    }
}
