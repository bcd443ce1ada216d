//! What the sources offer on each rung.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use leitmotif_domain::{Rung, TrackId};

use super::RANKED_MAX;
use super::choose::exclusions;
use super::definition::{ListOptions, PipelineDefinition, Stage};
use super::request::{Degraded, DegradedCause, RecommendRequest};
use crate::audiences::{Audience, leading_genre};
use crate::candidates::{
    LAST_TRACKS, Offer, content_neighbours, familiar, fresh, item_neighbours, popular_with,
    session, sessions, taste, trending,
};
use crate::counts::MOST_POPULAR;
use crate::error::{Error, Result};
use crate::explain::Source;
use crate::keyed::KeyedSet;
use crate::known::{KnownTrack, KnownTracks};
use crate::model::{BlendWeights, RecommenderModel};
use crate::rank::{Pooled, at_moment, pool, shortlist};
use crate::recent_sessions::RUNNING_TRACKS;
use crate::trace::{Deadline, Stopwatch};
use crate::view::{TenantView, taste_weight};

/// Candidates a source may offer per wanted place, and at least.
const OFFER_PER_PLACE: usize = 10;
/// Fewest candidates a source may offer.
const OFFER_MIN: usize = 200;
/// Least share of the whole weight for tracks that came after the training: the blend was learnt
/// without them, and a track that is never shown is never played.
const COLD_SHARE_MIN: f32 = 0.3;
/// Recent tracks that stand for the session when no seeds are given.
const SESSION_TRACKS: usize = 5;
/// Tracks whose embedding neighbours are asked of the vector store.
const CONTENT_SEEDS: usize = 3;

/// Tracks that the popular and the newest are looked for among before all others are: as many as are kept in
/// order. Of a large catalogue, pooling all would take a quarter of a kilobyte a track, for a list that
/// reaches further only where exclusions and rules leave too few of these.
pub const FIRST_HELPING: usize = MOST_POPULAR;

/// Which part of what is offered to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helping {
    /// The best [`FIRST_HELPING`].
    First,
    /// Those behind them.
    Rest,
}

impl Helping {
    fn of(self, view: &TenantView, source: impl Fn(&TenantView, usize) -> Offer) -> Offer {
        if self == Self::First {
            return source(view, FIRST_HELPING);
        }
        let mut offer = source(view, view.catalogue.len());
        let best = |offer: &Offer| offer.candidates.first().map_or(0.0, |one| one.score);
        let before = best(&offer);
        let reached = FIRST_HELPING.min(offer.candidates.len());
        offer.candidates.drain(..reached);
        // An offer is measured by its best: these stay what they are beside those before them.
        let share = if before > 0.0 {
            best(&offer) / before
        } else {
            0.0
        };
        offer.weighing(share)
    }
}

/// A track found by embedding: its similarity, and the seed it follows from.
pub type Near = (TrackId, f32, TrackId);

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
    let known = KnownTracks::of(view, request.listener);
    let mut liked: Vec<_> = (known.iter())
        .filter(|one| one.history.signal() > 0.0)
        .map(|one| {
            let weight = taste_weight(one.history.signal());
            (one.history.last_played, one.track, weight)
        })
        .collect();
    liked.sort_unstable_by_key(|(at, track, _)| std::cmp::Reverse((*at, *track)));
    liked
        .into_iter()
        .take(CONTENT_SEEDS)
        .map(|(_, track, weight)| (track, weight))
        .collect()
}

/// Asks the sources of one rung, each for itself.
pub struct Asking<'a> {
    /// What is known.
    pub view: &'a TenantView,
    /// What is asked.
    pub request: &'a RecommendRequest,
    /// What the listener knows.
    pub known: &'a KnownTracks<'a>,
    /// How.
    pub definition: &'a PipelineDefinition,
    /// Tracks that may not be shown: a source that offers what the listener knows best offers them first.
    pub excluded_count: usize,
    /// What may be shown at all, by catalogue index, where constraints say so.
    pub only: Option<Arc<KeyedSet<usize>>>,
    /// Embedding neighbours of [`content_seeds`].
    pub near: &'a [Near],
    /// What was left out.
    pub degraded: Vec<Degraded>,
}

impl<'a> Asking<'a> {
    /// The offers of a rung, of each recording the track that stands for it. A source that fails, or
    /// whose turn comes too late, is left out and told.
    pub fn offers(&mut self, rung: Rung, helping: Helping, watch: &Stopwatch) -> Vec<Offer> {
        let view = self.view;
        let offers = self.offers_of_tracks(rung, helping, watch).into_iter();
        let mut offers: Vec<Offer> = offers.map(|offer| offer.of_recordings(view)).collect();
        if let Some(only) = &self.only {
            for offer in &mut offers {
                let most = self.most_of(offer.source);
                offer.candidates.retain(|one| only.contains(&one.index));
                offer.candidates.truncate(most);
            }
        }
        offers
    }

    /// How many candidates a source offers at most.
    fn most_of(&self, source: Source) -> usize {
        let said = self.definition.count_of(source);
        said.unwrap_or_else(|| self.usual_count())
    }

    /// How many candidates a source is asked for. The best of what constraints admit may stand anywhere in what it
    /// has, so that it is cut when they have been looked at.
    fn asked_of(&self, source: Source) -> usize {
        match self.only {
            Some(_) => self.view.catalogue.len(),
            None => self.most_of(source),
        }
    }

    /// The offers with what the file says that their sources count; none of those that it leaves out.
    fn weighed(&self, offers: impl Iterator<Item = (Offer, f32)>) -> Vec<Offer> {
        let weighed = offers.filter_map(|(offer, built_in)| {
            let weight = self.definition.weight_or(offer.source, built_in);
            (weight > 0.0).then(|| offer.weighing(weight))
        });
        weighed.collect()
    }

    /// Candidates of a source: as many as a list is made of, half of which at least may be shown however much
    /// the listener has heard.
    fn usual_count(&self) -> usize {
        let usual = (self.request.count * OFFER_PER_PLACE).max(OFFER_MIN);
        usual.max(usual / 2 + self.excluded_count)
    }

    fn offers_of_tracks(&mut self, rung: Rung, helping: Helping, watch: &Stopwatch) -> Vec<Offer> {
        let (view, request) = (self.view, self.request);
        match (rung, view.model.as_ref()) {
            (Rung::Personalised, Some(model)) => {
                let entries = taste_entries(self.known, model, request);
                if entries.iter().any(|(_, weight)| *weight > 0.0) {
                    self.personal(model, &entries, watch)
                } else {
                    Vec::new()
                }
            }
            (Rung::Session, Some(model)) => self.of_session(model),
            (Rung::Personalised | Rung::Session, None) => Vec::new(),
            (Rung::Content, _) => {
                let near = Offer::of_content(view, self.near, self.asked_of(Source::Content));
                self.weighed([(near, 1.0)].into_iter())
            }
            (Rung::Popular, _) if self.definition.is_of_trends() => {
                let most = self.most_of_all(Source::Trending, helping);
                let trends = most.map(|most| trending(view, most.min(FIRST_HELPING)));
                trends.into_iter().collect()
            }
            (Rung::Popular, _) => {
                let lists = self.audiences();
                let popular = |view: &TenantView, count| popular_with(view, &lists, count);
                let offer = match self.definition.count_of(Source::Popular) {
                    None => Some(helping.of(view, popular)),
                    Some(_) => self
                        .most_of_all(Source::Popular, helping)
                        .map(|most| popular(view, most)),
                };
                self.weighed(offer.into_iter().map(|offer| (offer, 1.0)))
            }
            // A list has to end somewhere: what stands on the last rung is neither weighed nor counted.
            (Rung::Static, _) => vec![helping.of(view, fresh)],
        }
    }

    /// How many of what everybody is offered: the first helping alone where the file says a number.
    fn most_of_all(&self, source: Source, helping: Helping) -> Option<usize> {
        match (self.definition.count_of(source), helping) {
            (None, _) => Some(FIRST_HELPING),
            (Some(_), Helping::First) => Some(self.asked_of(source)),
            (Some(_), Helping::Rest) => None,
        }
    }

    /// What is like the last tracks, and what many play: the fewer tracks are known, the more.
    fn of_session(&self, model: &Arc<RecommenderModel>) -> Vec<Offer> {
        let view = self.view;
        let entries = session_entries(self.known, model, self.request);
        let played = entries.iter();
        let played = played.filter(|(column, _)| model.neighbours.of(*column).len() > 0);
        let [by_neighbours, by_content, by_popularity] =
            model.newcomers.mix.weights(played.count());
        // Few entries, and the rungs below know less.
        let unhurried = Deadline::default();
        let count = self.asked_of(Source::Neighbours);
        let neighbours = item_neighbours(view, model, &entries, count, unhurried);
        let count = self.asked_of(Source::Content);
        let content = content_neighbours(view, model, &entries, count, unhurried);
        let near = Offer::of_content(view, self.near, count);
        let content = content.map(|offer| (offer, by_content));
        let cold = by_content.max(COLD_SHARE_MIN * (by_neighbours + by_content + by_popularity));
        let neighbours = neighbours.map(|offer| (offer, by_neighbours));
        let popular = (by_popularity > 0.0).then(|| {
            let count = self.asked_of(Source::Popular);
            (popular_with(view, &self.audiences(), count), by_popularity)
        });
        let known = neighbours.into_iter().chain(content);
        self.weighed(known.chain([(near, cold)]).chain(popular))
    }

    fn personal(
        &mut self,
        model: &Arc<RecommenderModel>,
        entries: &[(usize, f32)],
        watch: &Stopwatch,
    ) -> Vec<Offer> {
        let (view, near) = (self.view, self.near);
        let weights = self.definition.blend(&model.blend);
        let personal = Personal::of(self, model, entries);
        let known = Source::ALL.into_iter().zip(weights.by_source());
        let known = known.map(|(source, weight)| (source, weight, false));
        let cold = (Source::Content, cold_weight(&weights), true);
        let deadline = self.definition.budgets.deadline(Stage::Candidates);
        let mut offers = Vec::with_capacity(Source::LEARNT + 1);
        for (source, weight, is_cold) in known.chain([cold]) {
            let is_idle = weight == 0.0 && !source.is_asked_unweighed();
            if is_idle || self.definition.leaves_out(source) {
                continue;
            }
            // The first source answers however late it is: a list needs candidates.
            let is_late = !offers.is_empty() && watch.spent() >= deadline;
            let count = self.asked_of(source);
            let until = match offers.is_empty() {
                true => Deadline::default(),
                false => watch.deadline(deadline),
            };
            let offer = match (is_late, is_cold) {
                (true, _) => Ok(None),
                (false, true) => Ok(Some(Offer::of_content(view, near, count))),
                (false, false) => unbroken(|| personal.offer(source, count, until)),
            };
            match offer {
                Ok(Some(offer)) => offers.push(offer.weighing(weight)),
                Err(error) => {
                    tracing::warn!(source = source.name(), %error, "a source of candidates failed");
                    self.degrade(source.name(), DegradedCause::Failed);
                }
                Ok(None) => self.degrade(source.name(), DegradedCause::Late),
            }
        }
        offers.extend(self.added());
        offers
    }

    /// What a file adds to the sources that are learnt.
    fn added(&self) -> Vec<Offer> {
        let added = [Source::Fresh, Source::Familiar]
            .into_iter()
            .filter_map(|source| {
                let weight = self.definition.added_weight(source);
                let count = self.asked_of(source);
                let offer = match source {
                    _ if weight == 0.0 => return None,
                    Source::Fresh => fresh(self.view, count),
                    _ => familiar(self.known, count),
                };
                Some(offer.weighing(weight))
            });
        added.collect()
    }

    /// What the audiences of the request play most, where a model knows them, and how much that counts beside what
    /// everybody plays.
    fn audiences(&self) -> (Vec<&'a [(u32, f32)]>, f32) {
        let view = self.view;
        let model = view
            .model
            .as_deref()
            .filter(|model| model.blend.audience > 0.0);
        let Some((model, known)) = model.and_then(|model| Some((model, model.audiences.as_ref()?)))
        else {
            return (Vec::new(), 0.0);
        };
        let genre_of = |one: &KnownTrack| {
            let card = view.catalogue.card(one.index?)?;
            Some((card.genre_key()?, one.history.signal()))
        };
        let genre = leading_genre(self.known.iter().filter_map(genre_of));
        let lists = known.at(&Audience::of(&self.request.moment, genre));
        (lists, model.blend.audience)
    }

    /// Tells that a part is missing, once.
    pub fn degrade(&mut self, part: &'static str, cause: DegradedCause) {
        let told = Degraded { part, cause };
        if !self.degraded.contains(&told) {
            self.degraded.push(told);
        }
    }
}

/// A source that breaks off is one that failed: the others and the rungs below have no part in its mistake. Nothing
/// it was lent can be left half changed, because sources only read.
fn unbroken<T>(source: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(source))
        .unwrap_or_else(|_| Err(Error::bug("a source of candidates broke off")))
}

/// What the sources are asked with that know the listener.
struct Personal<'a> {
    view: &'a TenantView,
    model: &'a RecommenderModel,
    /// The history, as columns of the model.
    entries: &'a [(usize, f32)],
    /// Those of them that were not rejected: a rejected track may not vote for its neighbours, only against
    /// itself.
    liked: Vec<(usize, f32)>,
    /// The last tracks as columns of the model, and as catalogue indexes.
    last: Vec<u32>,
    running: Vec<u32>,
    /// What the audiences of the request play most, and how much that counts.
    audiences: (Vec<&'a [(u32, f32)]>, f32),
}

impl<'a> Personal<'a> {
    fn of(asking: &Asking<'a>, model: &'a RecommenderModel, entries: &'a [(usize, f32)]) -> Self {
        let liked = entries.iter().copied().filter(|(_, weight)| *weight > 0.0);
        Self {
            view: asking.view,
            model,
            entries,
            liked: liked.collect(),
            last: last_columns(asking.known),
            running: running_indexes(asking.known),
            audiences: asking.audiences(),
        }
    }

    /// What a source offers; `None` when the deadline comes first.
    fn offer(&self, source: Source, count: usize, deadline: Deadline) -> Result<Option<Offer>> {
        let Self { view, model, .. } = *self;
        Ok(Some(match source {
            Source::Taste => taste(view, model, self.entries, count)?,
            Source::Neighbours => {
                return Ok(item_neighbours(view, model, &self.liked, count, deadline));
            }
            Source::Content => {
                return Ok(content_neighbours(
                    view,
                    model,
                    &self.liked,
                    count,
                    deadline,
                ));
            }
            Source::Session => return Ok(session(view, model, &self.last, count)),
            Source::Popular => popular_with(view, &self.audiences, count),
            Source::Sessions => sessions(view, &self.running, count),
            Source::Trending => trending(view, count),
            other => {
                let reason = format!("`{}` is no source of its own", other.name());
                return Err(Error::bug(reason));
            }
        }))
    }
}

/// What a ranker would be given for a listener: the same candidates that a request has.
pub(crate) fn personal_shortlist(
    view: &TenantView,
    request: &RecommendRequest,
    known: &KnownTracks<'_>,
) -> Result<Vec<Pooled>> {
    let definition = PipelineDefinition::unhurried(ListOptions::default());
    let excluded = exclusions(view, request, known, &definition, None);
    let mut asking = Asking {
        view,
        request,
        known,
        definition: &definition,
        excluded_count: excluded.len(),
        only: None,
        near: &[],
        degraded: Vec::new(),
    };
    let offers = asking.offers(Rung::Personalised, Helping::First, &Stopwatch::start());
    if let Some(missing) = asking.degraded.first() {
        return Err(Error::bug(format!(
            "source `{}` failed in training",
            missing.part
        )));
    }
    let wanted = RANKED_MAX.max(request.count);
    let is_excluded = |one: &Pooled| excluded.contains(&one.index);
    let mut pooled = pool(view, &offers);
    at_moment(view, &view.shift(&request.moment), &mut pooled);
    Ok(shortlist(&pooled, is_excluded, wanted))
}

/// What content counts for a track that the model does not know.
pub(crate) fn cold_weight(weights: &BlendWeights) -> f32 {
    let whole: f32 = weights.by_source().into_iter().sum();
    weights.content.max(COLD_SHARE_MIN * whole)
}

/// Whether so few tracks are known that the session rung answers better than the blend of those who are known well.
pub(super) fn is_newcomer(
    known: &KnownTracks<'_>,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> bool {
    let most = model.newcomers.tracks_max as usize;
    let is_liked =
        |one: &&KnownTrack| one.column.is_some() && taste_weight(one.history.signal()) > 0.0;
    // Most listeners are known well, which the first few of their tracks tell.
    let liked = known.iter().filter(is_liked).take(most + 1);
    most > 0 && liked.count() <= most && {
        let entries = taste_entries(known, model, request).into_iter();
        entries.filter(|(_, weight)| *weight > 0.0).count() <= most
    }
}

/// The listener's history, and the seeds on top, as columns of the model.
fn taste_entries(
    known: &KnownTracks<'_>,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> Vec<(usize, f32)> {
    if !known.has_profile() {
        return Vec::new();
    }
    let mut entries: Vec<(usize, f32)> = (known.iter())
        .filter_map(|one| {
            let weight = taste_weight(one.history.signal());
            (weight != 0.0).then_some((one.column?, weight))
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
fn last_columns(known: &KnownTracks<'_>) -> Vec<u32> {
    let liked = known.recent().filter(|one| one.history.signal() > 0.0);
    liked
        .filter_map(|one| one.column?.try_into().ok())
        .take(LAST_TRACKS)
        .collect()
}

/// The same as catalogue indexes, as many as are compared with sessions.
fn running_indexes(known: &KnownTracks<'_>) -> Vec<u32> {
    let liked = known.recent().filter(|one| one.history.signal() > 0.0);
    liked
        .filter_map(|one| one.index?.try_into().ok())
        .take(RUNNING_TRACKS)
        .collect()
}

/// The seeds, or the listener's last tracks that were not rejected.
fn session_entries(
    known: &KnownTracks<'_>,
    model: &RecommenderModel,
    request: &RecommendRequest,
) -> Vec<(usize, f32)> {
    if !request.seeds.is_empty() {
        let columns = request.seeds.iter().filter_map(|seed| model.column(*seed));
        return columns.map(|column| (column, 1.0)).collect();
    }
    let liked = known.recent().filter(|one| one.history.signal() > 0.0);
    liked
        .take(SESSION_TRACKS)
        .filter_map(|one| Some((one.column?, 1.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_breaks_off_has_failed() {
        assert_eq!(unbroken(|| Ok(3)).ok(), Some(3));
        let said = unbroken(|| Err::<u8, _>(Error::bug("no factors")));
        assert!(said.is_err_and(|error| error.to_string().contains("no factors")));
        let broken = unbroken(|| -> Result<u8> { panic!("out of range") });
        assert!(broken.is_err_and(|error| error.to_string().contains("broke off")));
    }
}
