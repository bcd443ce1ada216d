//! From a request to a list, on one rung after the other.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use leitmotif_domain::asked::FeatureBasis;
use leitmotif_domain::chance::Seed;
use leitmotif_domain::{Rung, Timestamp, TrackId};
use leitmotif_features::Judgement;
use leitmotif_learn::exposure::ExploredPair;

use super::definition::{Controls, PipelineDefinition, RankBy, Stage};
use super::facts::RequestFacts;
use super::list::{Considered, ListMaker, Placed, dropping_rule, is_pinned};
use super::offers::{Asking, FIRST_HELPING, Helping, Near, is_newcomer};
use super::request::{Causes, Degraded, DegradedCause, RecommendRequest, RecommendedTrack};
use crate::breaker::Resting;
use crate::candidates::{Offer, familiar};
use crate::error::Result;
use crate::explain::{Reason, Source};
use crate::feature_source::FeatureSource;
use crate::keyed::KeyedSet;
use crate::known::{KnownTrack, KnownTracks};
use crate::moments::MomentShift;
use crate::rank::{
    COLUMN_COUNT, FeatureAsk, FeatureRows, LearntOrder, ListenerFacts, Pooled, RankedRows, Ranker,
    at_moment, blend, fill_row, in_order, pool, reasons, shortlist,
};
use crate::skips::{RecentSkips, is_rejected};
use crate::trace::{Deadline, SourceTrace, Stopwatch};
use crate::view::TenantView;

/// A finished list before it is named.
pub struct Chosen {
    /// How personal it is.
    pub rung: Rung,
    /// The places.
    pub places: Vec<Placed>,
    /// Neighbouring places whose order was left to chance.
    pub pairs: Vec<ExploredPair>,
    /// What failed or came too late.
    pub degraded: Vec<Degraded>,
    /// What the sources offered.
    pub sources: Vec<SourceTrace>,
    /// The rows of the candidates that the ranker ordered.
    pub by_ranker: RankedRows,
    /// The best candidates of the blend, where no ranker ordered them.
    pub by_blend: Vec<Pooled>,
    /// Where the features of the order stood, where any was read.
    pub features: Option<FeatureBasis>,
    /// What became of the candidates.
    pub considered: Vec<Considered>,
    /// How many candidates each rule dropped.
    pub dropped_by_rule: Vec<u64>,
}

impl Chosen {
    fn nothing() -> Self {
        Self {
            rung: Rung::Static,
            places: Vec::new(),
            pairs: Vec::new(),
            degraded: Vec::new(),
            sources: Vec::new(),
            by_ranker: RankedRows::default(),
            by_blend: Vec::new(),
            features: None,
            considered: Vec::new(),
            dropped_by_rule: Vec::new(),
        }
    }
}

/// What an answer is made under.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Where the features of the order are read, if it has any, or why they cannot be.
    pub features: std::result::Result<Option<&'a FeatureSource>, DegradedCause>,
    /// What the definition's exploration draws from; without it nothing is explored.
    pub chance: Option<Seed>,
    /// What of the model is left out for now.
    pub resting: Resting,
}

/// Fills the list from the best rung that has something, then from the rungs below.
///
/// `near` are embedding neighbours of [`super::content_seeds`]: of every track when there is no model, of
/// the tracks the model does not know when there is one; or why they are missing.
///
/// - Errors: only mistakes of ours; a source or a stage that fails costs its part, and the answer
///   says so.
pub fn choose(
    view: &TenantView,
    request: &RecommendRequest,
    definition: &PipelineDefinition,
    near: std::result::Result<&[Near], DegradedCause>,
    at: Circumstances<'_>,
    watch: &mut Stopwatch,
) -> Result<Chosen> {
    let Circumstances {
        now,
        chance,
        resting,
        features,
    } = at;
    watch.begin_budgets();
    let controls = controls_of(request, &definition.controls);
    let has_artists = controls.familiarity != 0.0 || !definition.rules.is_empty();
    let known = Arc::new(KnownTracks::of(view, request.listener));
    let facts = RequestFacts::new(view, request, &known, now, has_artists);
    let skips = RecentSkips::of(view, &known, &request.seeds, now);
    let lately = Lately::of(&facts, &skips, now);
    let excluded = exclusions(view, request, &known, definition, Some(lately));
    let (excluded_count, only) = (excluded.len(), only_of(view, request));
    let mut making = Making {
        view,
        request,
        definition,
        known: Arc::clone(&known),
        now: at.now,
        resting: at.resting,
        features,
        list: ListMaker::new(view, definition, controls, &facts, excluded, &skips),
        asking: Asking {
            view,
            request,
            known: &known,
            definition,
            excluded_count,
            only: only.clone(),
            near: near.unwrap_or_default(),
            degraded: (near.err().into_iter())
                .map(|cause| Degraded {
                    part: Source::Content.name(),
                    cause,
                })
                .collect(),
        },
        chosen: Chosen::nothing(),
    };
    if resting.sources {
        making.asking.degrade("model", DegradedCause::Resting);
    }
    making.list.explore_by(chance);
    making.list.show_only(only);
    watch.lap("features");
    making.fill_rungs(watch)?;
    making.fill_with_familiar();
    watch.lap("list");
    Ok(making.finish())
}

/// A list in the making.
struct Making<'a> {
    view: &'a TenantView,
    request: &'a RecommendRequest,
    definition: &'a PipelineDefinition,
    known: Arc<KnownTracks<'a>>,
    now: Timestamp,
    resting: Resting,
    features: std::result::Result<Option<&'a FeatureSource>, DegradedCause>,
    list: ListMaker<'a>,
    asking: Asking<'a>,
    chosen: Chosen,
}

impl<'a> Making<'a> {
    fn missing(&self) -> usize {
        self.request.count.saturating_sub(self.chosen.places.len())
    }

    /// Adds what each rung has, from the most personal on, until nothing is missing.
    fn fill_rungs(&mut self, watch: &mut Stopwatch) -> Result<()> {
        let disabled = &self.request.disabled_rungs;
        for rung in [
            Rung::Personalised,
            Rung::Session,
            Rung::Content,
            Rung::Popular,
            Rung::Static,
        ] {
            let is_of_model = matches!(rung, Rung::Personalised | Rung::Session);
            let is_resting = self.resting.sources && is_of_model;
            let is_disabled = disabled.contains(&rung) && rung != Rung::Static;
            let is_passed = rung == Rung::Personalised && self.is_newcomer();
            if self.missing() > 0 && !is_disabled && !is_resting && !is_passed {
                self.fill(rung, watch)?;
            }
        }
        Ok(())
    }

    /// Whether the session rung answers in the place of the most personal one.
    fn is_newcomer(&self) -> bool {
        let has_session = !self.request.disabled_rungs.contains(&Rung::Session);
        let model = self.view.model.as_deref().filter(|_| has_session);
        model.is_some_and(|model| is_newcomer(&self.known, model, self.request))
    }

    /// The finished list.
    fn finish(self) -> Chosen {
        let (mut list, mut chosen) = (self.list, self.chosen);
        chosen.degraded = self.asking.degraded;
        chosen.pairs = list.take_pairs();
        chosen.dropped_by_rule = list.dropped_by_rule();
        chosen.considered = list.into_considered();
        chosen
    }

    /// Adds what a rung has.
    fn fill(&mut self, rung: Rung, watch: &mut Stopwatch) -> Result<()> {
        self.fill_from(rung, Helping::First, watch)?;
        // Everything that many play may be excluded already.
        let has_rest = matches!(rung, Rung::Popular | Rung::Static)
            && self.view.catalogue.len() > FIRST_HELPING;
        if has_rest && self.missing() > 0 {
            self.fill_from(rung, Helping::Rest, watch)?;
        }
        Ok(())
    }

    fn fill_from(&mut self, rung: Rung, helping: Helping, watch: &mut Stopwatch) -> Result<()> {
        let offers = self.asking.offers(rung, helping, watch);
        self.remember_sources(rung, &offers);
        let shift = self.shift(rung);
        let mut pooled = pool(self.view, &offers);
        at_moment(self.view, &shift, &mut pooled);
        watch.lap("candidates");
        let order = match self.ranker(rung) {
            Some(ranker) => self.ordered(ranker, &pooled, watch)?.zip(Some(ranker)),
            None => None,
        };
        let deadline = watch.deadline(self.definition.budgets.deadline(Stage::List));
        if deadline.is_over() {
            self.asking.degrade("list", DegradedCause::Late);
        }
        let missing = self.missing();
        let places = match order {
            None => {
                let pooled = in_order(&pooled);
                let ranked = blend(&pooled);
                watch.lap("ranking");
                let mut places = self.list.choose(ranked, missing, deadline);
                give_reasons(self.view, &offers, &shift, &mut places);
                if rung == Rung::Personalised && !deadline.is_over() {
                    self.expect_blended(&pooled, &mut places)?;
                }
                // For the trace.
                let kept = self.definition.ranking.candidates;
                self.chosen.by_blend.extend(pooled.into_iter().take(kept));
                places
            }
            Some((mut order, ranker)) => {
                watch.lap("ranking");
                let ranked = std::mem::take(&mut order.ranked);
                let mut places = self.list.choose(ranked, missing, deadline);
                watch.lap("list");
                give_reasons(self.view, &offers, &shift, &mut places);
                let told = places.iter_mut();
                let told = told.map(|one| (&mut one.ranked, &mut one.reasons));
                ranker.explain(&order.rows, told)?;
                self.expect(&mut places, |index, rows| {
                    order.rows.append_row(index, rows)
                })?;
                self.chosen.by_ranker = order.rows;
                watch.lap("explain");
                places
            }
        };
        if self.chosen.places.is_empty() && !places.is_empty() {
            self.chosen.rung = rung;
        }
        self.add(places);
        watch.lap("list");
        Ok(())
    }

    /// The ranker of a rung, where the pipeline, the model and the breaker have one.
    fn ranker(&mut self, rung: Rung) -> Option<&'a Ranker> {
        let is_by_ranker =
            self.definition.ranking.by == RankBy::Ranker && rung == Rung::Personalised;
        let model = self.view.model.as_deref().filter(|_| is_by_ranker)?;
        if model.is_ranker_unread {
            self.asking.degrade("ranking", DegradedCause::Failed);
        }
        let ranker = model.ranker.as_ref()?;
        if self.resting.ranking {
            self.asking.degrade("ranking", DegradedCause::Resting);
            return None;
        }
        Some(ranker)
    }

    /// Orders candidates by a ranker; none when it is late or fails, so that the blend orders them.
    fn ordered(
        &mut self,
        ranker: &Ranker,
        pooled: &[Pooled],
        watch: &Stopwatch,
    ) -> Result<Option<LearntOrder>> {
        let deadline = watch.deadline(self.definition.budgets.deadline(Stage::Ranking));
        if deadline.is_over() {
            self.asking.degrade("ranking", DegradedCause::Late);
            return Ok(None);
        }
        let Some(facts) = self.facts_or_none() else {
            self.asking.degrade("ranking", DegradedCause::Failed);
            return Ok(None);
        };
        let wanted = self.definition.ranking.candidates.max(self.missing());
        let excluded = |one: &Pooled| self.list.is_excluded(one.index);
        let candidates = shortlist(pooled, excluded, wanted);
        let of_track = candidates.iter().map(|one| one.index);
        let Some(features) = self.features_of(ranker.features(), of_track) else {
            return Ok(None);
        };
        let cause = match ranker.rank(self.view, &facts, &candidates, &features, deadline) {
            Ok(Some(order)) => return Ok(Some(order)),
            Ok(None) => DegradedCause::Late,
            Err(error) => {
                tracing::warn!(%error, "the ranker failed");
                DegradedCause::Failed
            }
        };
        self.asking.degrade("ranking", cause);
        Ok(None)
    }

    /// Reads the features of these names for candidates; none where that fails, which the answer says then.
    fn features_of(
        &mut self,
        names: &[String],
        indexes: impl Iterator<Item = usize>,
    ) -> Option<FeatureRows> {
        if names.is_empty() {
            return Some(FeatureRows::default());
        }
        let source = match self.features {
            Ok(Some(source)) => source,
            // The model was put in between two looks at it.
            Ok(None) => return self.without_features(DegradedCause::Failed),
            Err(cause) => return self.without_features(cause),
        };
        let asked = FeatureAsk {
            listener: self.request.listener,
            moment: &self.request.moment,
            now: self.now,
        };
        let tracks = self.view.catalogue.tracks_at(indexes);
        match source.read(names, &asked, &tracks) {
            Ok((rows, basis)) => {
                self.chosen.features = Some(basis);
                Some(rows)
            }
            Err(gone) => {
                tracing::warn!(%gone, "the learnt order is left out");
                self.without_features(DegradedCause::Failed)
            }
        }
    }

    fn without_features(&mut self, cause: DegradedCause) -> Option<FeatureRows> {
        self.asking.degrade("features", cause);
        None
    }

    /// Tells how much of each place will be heard, by the rows that a ranker would have read.
    fn expect_blended(&mut self, pooled: &[Pooled], places: &mut [Placed]) -> Result<()> {
        let model = self.view.model.as_deref();
        let Some(listened) = model.and_then(|model| model.listened.as_ref()) else {
            return Ok(());
        };
        if places.is_empty() {
            return Ok(());
        }
        let Some(facts) = self.facts_or_none() else {
            return Ok(());
        };
        let indexes: Vec<usize> = places.iter().map(|place| place.ranked.index).collect();
        let Some(features) = self.features_of(listened.features(), indexes.iter().copied()) else {
            return Ok(());
        };
        let view = self.view;
        self.expect(places, |index, rows| {
            let place = indexes.iter().position(|one| *one == index);
            let known = pooled.iter().find(|one| one.index == index).zip(place);
            if let Some((one, place)) = known {
                let column = view.column(index);
                fill_row(view, &facts, one, column, rows);
                features.append(place, column.is_some(), rows);
            }
            known.is_some()
        })
    }

    /// What the moment adds on a rung; the newest tracks are the newest at every moment.
    fn shift(&self, rung: Rung) -> MomentShift<'a> {
        match rung {
            Rung::Static => MomentShift::default(),
            _ => self.view.shift(&self.request.moment),
        }
    }

    /// What the ranker is told of the listener at the moment of the request.
    fn facts(&self) -> Result<ListenerFacts<'a>> {
        let facts = ListenerFacts::of(self.view, Arc::clone(&self.known), self.now)?;
        facts.at(self.view, &self.request.moment)
    }

    /// The same; none where the factors of a model are such that no listener can be folded in. That costs what is
    /// made from them, and not the answer.
    fn facts_or_none(&self) -> Option<ListenerFacts<'a>> {
        let facts = self.facts();
        facts
            .inspect_err(|error| tracing::warn!(%error, "a listener cannot be told to the ranker"))
            .ok()
    }

    /// Scores the rows of the final list alone, whatever the pool was.
    fn expect(
        &mut self,
        places: &mut [Placed],
        append_row: impl Fn(usize, &mut Vec<f32>) -> bool,
    ) -> Result<()> {
        let model = self.view.model.as_deref();
        let Some(listened) = model.and_then(|model| model.listened.as_ref()) else {
            return Ok(());
        };
        let width = COLUMN_COUNT + listened.features().len();
        let mut rows = Vec::with_capacity(places.len() * width);
        let mut indexes: Vec<usize> = places.iter().map(|place| place.ranked.index).collect();
        indexes.retain(|index| append_row(*index, &mut rows));
        let shares = listened.of_rows(&rows)?;
        let told: Vec<(usize, f32)> = indexes.into_iter().zip(shares).collect();
        self.list.expect(places, &told);
        Ok(())
    }

    fn add(&mut self, places: Vec<Placed>) {
        let places = places.into_iter().map(with_adjustments);
        self.chosen.places.extend(places);
    }

    /// Keeps what the sources offered, for the trace.
    fn remember_sources(&mut self, rung: Rung, offers: &[Offer]) {
        let told = offers.iter().map(|offer| SourceTrace {
            rung,
            source: offer.source,
            weight: offer.weight,
            offered: offer.candidates.len(),
        });
        self.chosen.sources.extend(told);
    }

    /// A listener who has heard everything still gets a list.
    fn fill_with_familiar(&mut self) {
        let missing = self.missing();
        if missing == 0 || !self.known.has_profile() {
            return;
        }
        let mut excluded = explicit(self.view, self.request);
        excluded.extend(self.known.rejected(self.view));
        self.list.exclude_only(excluded);
        let known = familiar(&self.known, self.view.catalogue.len());
        let known = [known.of_recordings(self.view)];
        let mut places = self.list.choose(
            blend(&in_order(&pool(self.view, &known))),
            missing,
            Deadline::default(),
        );
        give_reasons(self.view, &known, &MomentShift::default(), &mut places);
        self.add(places);
    }
}

/// Tells each place what its blended score is made of.
fn give_reasons(
    view: &TenantView,
    offers: &[Offer],
    shift: &MomentShift<'_>,
    places: &mut [Placed],
) {
    let indexes: Vec<usize> = places.iter().map(|place| place.ranked.index).collect();
    let told = reasons(view, offers, &indexes);
    for ((place, told), index) in places.iter_mut().zip(told).zip(indexes) {
        place.reasons = told;
        let contribution = shift.of(view.column(index));
        if contribution != 0.0 {
            place.reasons.push(Reason {
                source: Source::Moment,
                contribution,
                because_of: None,
            });
            (place.reasons).sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        }
    }
}

/// A place with what moved it among its reasons, which sum to its score.
fn with_adjustments(mut place: Placed) -> Placed {
    for adjustment in place.adjustments.drain(..) {
        place.ranked.score += adjustment.amount;
        let told = &mut place.reasons;
        match (told.iter_mut()).find(|reason| reason.source == adjustment.source) {
            Some(reason) => reason.contribution += adjustment.amount,
            None => told.push(Reason {
                source: adjustment.source,
                contribution: adjustment.amount,
                because_of: None,
            }),
        }
    }
    (place.reasons).sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    place
}

/// Where the controls of a request stand.
pub fn controls_of(request: &RecommendRequest, standing: &Controls) -> Controls {
    let (turned, usual) = (&request.controls, &request.usual_controls);
    let stands = |turned: Option<f32>, standing: f32, usual: Option<f32>| {
        let by_file = (standing != 0.0).then_some(standing);
        turned.or(by_file).or(usual).unwrap_or_default()
    };
    Controls {
        familiarity: stands(turned.familiarity, standing.familiarity, usual.familiarity),
        popularity: stands(turned.popularity, standing.popularity, usual.popularity),
        freshness: stands(turned.freshness, standing.freshness, usual.freshness),
    }
}

/// What of a listener's newest plays has a say in what may be shown.
#[derive(Clone, Copy)]
pub struct Lately<'a> {
    facts: &'a RequestFacts<'a>,
    skips: &'a RecentSkips,
    now: Timestamp,
}

impl<'a> Lately<'a> {
    /// Puts them together.
    pub fn of(facts: &'a RequestFacts<'a>, skips: &'a RecentSkips, now: Timestamp) -> Self {
        Self { facts, skips, now }
    }

    /// Whether a rule pins a known track, which skips do not keep out then.
    fn is_pinned(&self, view: &TenantView, definition: &PipelineDefinition, index: usize) -> bool {
        let card = view.catalogue.card(index);
        card.is_some_and(|card| is_pinned(definition, &self.facts.of(index, card)))
    }
}

/// What may not be shown. Where nothing is said of the moment, nothing was played lately.
pub fn exclusions(
    view: &TenantView,
    request: &RecommendRequest,
    known: &KnownTracks<'_>,
    definition: &PipelineDefinition,
    lately: Option<Lately<'_>>,
) -> KeyedSet<usize> {
    let mut excluded = explicit(view, request);
    excluded.reserve(known.iter().len());
    let may_be_heard = request.include_heard || definition.list.include_heard;
    let window_ms = i64::from(definition.list.repeat_hours) * 3_600 * 1_000;
    let has_versions = !view.catalogue.recordings().is_empty();
    for KnownTrack {
        track,
        history,
        index,
        ..
    } in known.iter()
    {
        let is_heard = history.plays > 0 && !may_be_heard;
        let is_recent = || {
            window_ms > 0
                && history.plays > 0
                && lately.is_some_and(|one| one.now.since_ms(history.last_played) < window_ms)
        };
        let rests = || lately.is_some_and(|one| index.is_some_and(|index| one.skips.rests(index)));
        let is_pinned = || {
            lately
                .zip(*index)
                .is_some_and(|(one, index)| one.is_pinned(view, definition, index))
        };
        let is_unwanted = || {
            history.judgement() == Judgement::Disliked
                || (is_rejected(history) || rests()) && !is_pinned()
        };
        // What was heard is most, and asked first.
        if is_heard || is_recent() || is_unwanted() {
            if has_versions {
                // What was heard or rejected of one version was so of the recording.
                excluded.extend(view.catalogue.versions(*track));
            } else {
                excluded.extend(*index);
            }
        }
    }
    excluded
}

/// Those of some tracks, by catalogue index, that the placement of a request may show: rules are kept, and what
/// was rejected or played lately is left out.
///
/// - Cost: O(tracks of the profile), and the filters for each track.
pub fn let_through(
    view: &TenantView,
    request: &RecommendRequest,
    known: &KnownTracks<'_>,
    now: Timestamp,
    tracks: impl Iterator<Item = usize>,
) -> std::vec::IntoIter<usize> {
    let unit = request.listener.map(|listener| listener.to_string());
    let unit = unit.as_deref().unwrap_or_default();
    let (_, definition) = view.placements.assign(request, unit);
    let facts = RequestFacts::new(view, request, known, now, !definition.rules.is_empty());
    let skips = RecentSkips::of(view, known, &request.seeds, now);
    let lately = Lately::of(&facts, &skips, now);
    let excluded = exclusions(view, request, known, &definition, Some(lately));
    let may_be_shown = |index: &usize| {
        let card = view
            .catalogue
            .card(*index)
            .filter(|_| !excluded.contains(index));
        card.is_some_and(|card| dropping_rule(&definition, &facts.of(*index, card)).is_none())
    };
    let kept: Vec<usize> = tracks.filter(may_be_shown).collect();
    kept.into_iter()
}

/// What constraints admit, by catalogue index.
fn only_of(view: &TenantView, request: &RecommendRequest) -> Option<Arc<KeyedSet<usize>>> {
    let admitted = request.only.as_ref()?;
    let indexes = admitted
        .tracks
        .iter()
        .filter_map(|track| view.catalogue.index(*track));
    Some(Arc::new(indexes.collect()))
}

/// What the request excludes by name.
fn explicit(view: &TenantView, request: &RecommendRequest) -> KeyedSet<usize> {
    let named = request.exclude.iter().chain(&request.seeds);
    named
        .flat_map(|track: &TrackId| view.catalogue.versions(*track))
        .collect()
}

/// Finds the titles of what reasons follow from.
pub fn causes_of(view: &TenantView, tracks: &[RecommendedTrack]) -> Causes {
    let mut causes = Causes::default();
    let reasons = tracks.iter().flat_map(|track| &track.reasons);
    for cause in reasons.filter_map(|reason| reason.because_of) {
        if let Entry::Vacant(room) = causes.entry(cause)
            && let Some(index) = view.catalogue.index(cause)
            && let Some(card) = view.catalogue.card(index)
        {
            room.insert(Arc::from(&*card.title));
        }
    }
    causes
}

/// Turns places into what the caller sees.
pub fn present(view: &TenantView, places: Vec<Placed>) -> Vec<RecommendedTrack> {
    let shown = places.into_iter().filter_map(|place| {
        let card = view.catalogue.card(place.ranked.index)?;
        Some(RecommendedTrack {
            track: card.id,
            title: card.title.to_string(),
            artist: card.artist.to_string(),
            score: place.ranked.score,
            propensity: place.propensity,
            expected_listened_share: place.expected_listened_share,
            reasons: place.reasons,
        })
    });
    shown.collect()
}
