//! The recommender of a process: one view per tenant, level with the log on every request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::chance::Entropy;
use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, ExposedTrack, Exposure, Moment,
};
use leitmotif_domain::shown_reasons::ShownReasons;
use leitmotif_domain::{
    Clock, ErrorKind, EventId, ListenerId, ModelId, RequestId, TenantId, TenantScope, Timestamp,
    TrackId,
};
use leitmotif_features::saving::{self, Holder};
use leitmotif_features::service::Level;
use leitmotif_features::{FeatureSet, Features, ListenerProfile, Projection, projection};
use leitmotif_storage::ports::{
    BlobStore, CatalogStore, DefinitionStore, EventLog, EventSelection, ModelRecord, ModelRegistry,
    VectorFilter, VectorStore, current_spaces,
};
use parking_lot::{Mutex, RwLock};

use crate::answering::Answering;
use crate::breaker::{Breaker, Part, Resting};
use crate::candidates::content_cold;
use crate::catalogue::CatalogueView;
use crate::error::{Error, Result};
use crate::explain::Source;
use crate::exposures::ExposureWriter;
use crate::feature_source::FeatureSource;
use crate::heads::Heads;
use crate::model::RecommenderModel;
use crate::model_bytes;
use crate::pipeline::{
    Budgets, Degraded, DegradedCause, Near, PipelineDefinition, RecommendRequest, Recommendations,
    ShownLayout, Stage, content_seeds,
};
use crate::placements::Placements;
use crate::recordings::Recordings;
use crate::trace::{Stopwatch, Trace, TraceRing};
use crate::view::{FollowUp, TenantView};

/// The alias requests are answered from.
pub const PRODUCTION: &str = "production";
/// Events after which the listening state is written down: what a start has to read again.
const EVENTS_PER_CHECKPOINT: u64 = 50_000;
/// Size of a model, in item factors, above which scoring leaves the async threads: at about two
/// thousand million multiplications a second this many are half a millisecond.
const INLINE_FACTORS_MAX: usize = 1_000_000;

/// Where the recommender reads and writes.
#[derive(Clone)]
pub struct Stores {
    /// Tracks.
    pub catalog: Arc<dyn CatalogStore>,
    /// Facts.
    pub log: Arc<dyn EventLog>,
    /// Embeddings.
    pub vectors: Arc<dyn VectorStore>,
    /// Model bytes.
    pub blobs: Arc<dyn BlobStore>,
    /// Model versions.
    pub models: Arc<dyn ModelRegistry>,
    /// Pipelines.
    pub definitions: Arc<dyn DefinitionStore>,
    /// Feature views.
    pub features: Arc<Features>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Answers recommendation requests.
pub struct Recommender {
    stores: Stores,
    exposures: ExposureWriter,
    traces: Arc<TraceRing>,
    tenants: RwLock<HashMap<TenantId, Arc<TenantSlot>>>,
}

/// What is kept in memory for a tenant.
#[derive(Default)]
pub(crate) struct TenantSlot {
    pub(crate) view: RwLock<TenantView>,
    /// Held by whoever reads the log into the view; says whether the view was opened.
    follower: tokio::sync::Mutex<bool>,
    /// What of the model is left out for a while.
    breaker: Breaker,
    /// The heads that answered last, with their version.
    heads: RwLock<Option<KeptHeads>>,
    /// The features that answers read in the place of those that live, where the view does not follow the log.
    features: RwLock<Option<Arc<Mutex<FeatureSet>>>>,
    /// The model for which views were built anew last.
    features_built_for: Mutex<Option<ModelId>>,
    /// Held by who reads what the log has beyond the features. Others wait for that, and do not read it again.
    features_follower: tokio::sync::Mutex<()>,
}

impl TenantSlot {
    /// The last event that is part of it.
    pub(crate) fn offset(&self) -> u64 {
        self.view.read().projection.offset
    }

    /// The features that its answers read in the place of those that live.
    pub(crate) fn held_features(&self) -> Option<Arc<Mutex<FeatureSet>>> {
        self.features.read().clone()
    }

    /// Sets the features that its answers read.
    pub(crate) fn hold_features(&self, features: Arc<Mutex<FeatureSet>>) {
        *self.features.write() = Some(features);
    }

    /// Whether views are to be built anew for a model: once for each.
    pub(crate) fn begins_features_of(&self, model: ModelId) -> bool {
        self.features_built_for.lock().replace(model) != Some(model)
    }

    /// The features of the tenant, level with the log.
    pub(crate) async fn features_level(
        &self,
        features: &Features,
        scope: &TenantScope,
    ) -> std::result::Result<Level, leitmotif_features::service::Error> {
        let _follower = self.features_follower.lock().await;
        features.level(scope).await
    }

    /// Whether somebody reads what the log has beyond the features.
    pub(crate) fn follows_features(&self) -> bool {
        self.features_follower.try_lock().is_err()
    }

    /// Notes which parts of a model did their work in an answer.
    fn note(&self, model: ModelId, resting: Resting, trace: &Trace) {
        let failed = |part: &str| {
            let is_it = |one: &Degraded| one.part == part && one.cause != DegradedCause::Resting;
            trace.degraded.iter().any(is_it)
        };
        if trace.by_ranker.iter().next().is_some() {
            self.breaker.note(model, Part::Ranking, true, trace.at);
        } else if failed("ranking") {
            self.breaker.note(model, Part::Ranking, false, trace.at);
        }
        // What sounds alike is the vector store's too, which may fail for itself.
        let of_model = [Source::Taste, Source::Neighbours, Source::Session].map(Source::name);
        let has_failed =
            |one: &Degraded| one.cause == DegradedCause::Failed && of_model.contains(&one.part);
        if trace.degraded.iter().any(has_failed) {
            self.breaker.note(model, Part::Sources, false, trace.at);
        } else if !resting.sources {
            self.breaker.note(model, Part::Sources, true, trace.at);
        }
    }
}

impl Holder for TenantSlot {
    fn with<T>(&self, work: impl FnOnce(&mut Projection) -> T) -> T {
        work(&mut self.view.write().projection)
    }
}

/// How an answer is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// The moment that it is made for.
    pub now: Timestamp,
    /// Whether the pipeline's exploration applies.
    pub is_explored: bool,
    /// Whether somebody waits: stages keep to their budgets, and a trace is kept.
    pub is_awaited: bool,
    /// The name of the answer, from which chance follows; a new one where it has none yet.
    pub request_id: Option<RequestId>,
}

/// Heads with their version.
pub(crate) type KeptHeads = (ModelId, Arc<Heads>);

impl Recommender {
    /// Starts with no view; each is opened by its first request.
    pub fn new(stores: Stores, exposures: ExposureWriter) -> Self {
        Self {
            stores,
            exposures,
            traces: Arc::default(),
            tenants: RwLock::new(HashMap::new()),
        }
    }

    /// Where it reads and writes.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Answers a request; what it shows is written to the log.
    ///
    /// - Cost: that of [`Recommender::rank`].
    pub async fn recommend(
        &self,
        scope: &TenantScope,
        request: RecommendRequest,
    ) -> Result<Recommendations> {
        let listener = request.listener;
        let (placement, moment) = (request.placement.clone(), request.moment.clone());
        let layout = request.layout;
        let mut answered = self.answer(scope, request, true).await?;
        if !answered.tracks.is_empty() {
            let exposure = exposure_of(&mut answered, placement, moment, layout);
            self.expose(scope, listener, answered.at, exposure).await;
        }
        Ok(answered)
    }

    /// Hands over what was shown to somebody at a moment, under the id of its request.
    pub(crate) async fn expose(
        &self,
        scope: &TenantScope,
        listener: Option<ListenerId>,
        at: Timestamp,
        exposure: Exposure,
    ) {
        let event = Event {
            event_id: EventId::from_u128(exposure.request_id.as_u128()),
            occurred_at: at,
            listener,
            schema_version: EVENT_SCHEMA_VERSION,
            payload: EventPayload::Exposure(exposure),
        };
        self.exposures.record(scope, event).await;
    }

    /// Names an answer.
    pub(crate) fn new_request_id(&self) -> RequestId {
        RequestId::generate(self.stores.clock.as_ref(), self.stores.entropy.as_ref())
    }

    /// The pipeline that answers a listener at a placement.
    pub async fn pipeline(
        &self,
        scope: &TenantScope,
        placement: &str,
        listener: ListenerId,
    ) -> Result<Arc<PipelineDefinition>> {
        let slot = self.level(scope).await?;
        let request = RecommendRequest {
            placement: placement.to_owned(),
            ..RecommendRequest::default()
        };
        let view = slot.view.read();
        Ok(view.placements.assign(&request, &listener.to_string()).1)
    }

    /// Answers a request that nobody is shown as it is, such as the raw material of a playlist: nothing
    /// is left to chance, but in a draft that is tried out.
    ///
    /// - Cost: reads the log's new events, one fold-in, one pass over the model's items.
    pub async fn rank(
        &self,
        scope: &TenantScope,
        request: RecommendRequest,
    ) -> Result<Recommendations> {
        let is_tried_out = request.draft.is_some();
        self.answer(scope, request, is_tried_out).await
    }

    async fn answer(
        &self,
        scope: &TenantScope,
        request: RecommendRequest,
        is_explored: bool,
    ) -> Result<Recommendations> {
        let mut watch = Stopwatch::start();
        let slot = self.level(scope).await?;
        watch.lap("features");
        let manner = Manner {
            now: self.stores.clock.now(),
            is_explored,
            is_awaited: true,
            request_id: None,
        };
        self.answer_on(scope, slot, request, manner, watch).await
    }

    /// Answers from what is kept in memory, level with the log or not.
    pub(crate) async fn answer_on(
        &self,
        scope: &TenantScope,
        slot: Arc<TenantSlot>,
        request: RecommendRequest,
        manner: Manner,
        mut watch: Stopwatch,
    ) -> Result<Recommendations> {
        let unit = request.listener.map(|listener| listener.to_string());
        let request_id = manner.request_id.unwrap_or_else(|| self.new_request_id());
        let unit = unit.unwrap_or_else(|| request_id.to_string());
        let (assignment, mut definition) = slot.view.read().placements.assign(&request, &unit);
        if let Some(diversity) = request.controls.diversity {
            definition = Arc::new(definition.with_diversity(diversity));
        }
        if !manner.is_awaited {
            let mut unhurried = definition.as_ref().clone();
            unhurried.budgets = Budgets::unlimited();
            definition = Arc::new(unhurried);
        }
        watch.lap("assignment");
        let model = slot.view.read().model.as_ref().map(|model| model.id);
        let model = model.filter(|_| manner.is_awaited);
        let resting = model.map_or(Resting::default(), |id| {
            slot.breaker.resting(id, manner.now)
        });
        let is_small =
            slot.view.read().model.as_ref().is_none_or(|model| {
                model.items.len() * model.taste.factors() <= INLINE_FACTORS_MAX
            });
        watch.lap("model");
        let features = FeatureSource::of(&self.stores, &self.exposures, scope, &slot).await;
        watch.lap("features");
        let budget = definition.budgets.deadline(Stage::Candidates);
        let near = match &request.near {
            Some(near) => Ok(near.clone()),
            None => self.near_within(budget, scope, &slot, &request).await,
        };
        watch.lap("content neighbours");
        let answering = Answering {
            request_id,
            request,
            assignment,
            definition,
            near,
            features,
            now: manner.now,
            is_explored: manner.is_explored,
            resting,
        };
        let (traces, tenant) = (Arc::clone(&self.traces), scope.tenant());
        let work = move || {
            let (answered, trace) = answering.answer(&slot.view.read(), watch)?;
            if let Some(model) = model {
                slot.note(model, resting, &trace);
            }
            if manner.is_awaited {
                traces.keep(tenant, trace);
            }
            Ok(answered)
        };
        if is_small {
            return work();
        }
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::bug)?
    }

    /// Reads a tenant that has a model in production into memory, so that its first request does not have to.
    pub async fn warm(&self, scope: &TenantScope) -> Result<()> {
        if self.production(scope).await?.is_some() {
            let slot = self.level(scope).await?;
            // Where they fail, the first answer says so.
            let _ = FeatureSource::of(&self.stores, &self.exposures, scope, &slot).await;
        }
        Ok(())
    }

    /// Reads a listener's profile, level with the log.
    pub async fn with_profile<T>(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        read: impl FnOnce(Option<&ListenerProfile>) -> T,
    ) -> Result<T> {
        let slot = self.level(scope).await?;
        let view = slot.view.read();
        Ok(read(view.profile(Some(listener))))
    }

    /// Reads what is known of a tenant, level with the log.
    pub(crate) async fn with_view<T>(
        &self,
        scope: &TenantScope,
        read: impl FnOnce(&TenantView) -> T,
    ) -> Result<T> {
        let slot = self.level(scope).await?;
        let view = slot.view.read();
        Ok(read(&view))
    }

    /// Reads what is known of a tenant, level with the log, off the async threads.
    pub(crate) async fn with_view_off_thread<T: Send + 'static>(
        &self,
        scope: &TenantScope,
        read: impl FnOnce(&TenantView) -> T + Send + 'static,
    ) -> Result<T> {
        let slot = self.level(scope).await?;
        tokio::task::spawn_blocking(move || read(&slot.view.read()))
            .await
            .map_err(Error::bug)
    }

    /// The heads that were kept.
    pub(crate) fn kept_heads(&self, tenant: TenantId) -> Option<KeptHeads> {
        self.slot(tenant).heads.read().clone()
    }

    /// Keeps heads instead of those before.
    pub(crate) fn keep_heads(&self, tenant: TenantId, heads: KeptHeads) {
        *self.slot(tenant).heads.write() = Some(heads);
    }

    /// Hands an event over that was no client's, to be written beside the answer.
    pub(crate) async fn record(&self, scope: &TenantScope, event: Event) {
        self.exposures.record(scope, event).await;
    }

    /// What may stand beside some tracks in a list: of every recording the track that stands for it, and
    /// none of the recordings of the tracks themselves. `None` where no track is known twice.
    pub async fn beside(
        &self,
        scope: &TenantScope,
        tracks: Vec<TrackId>,
    ) -> Result<Option<VectorFilter>> {
        let has_none = |view: &TenantView| view.catalogue.recordings().is_empty();
        if self.with_view(scope, has_none).await? {
            return Ok(None);
        }
        let keep = move |view: &TenantView, other| {
            let is_same = |track: &TrackId| view.catalogue.recordings().is_same(*track, other);
            view.catalogue.is_standing(other) && !tracks.iter().any(is_same)
        };
        Ok(Some(self.filter(scope, keep).await?))
    }

    /// A filter of tracks by what is known of them, level with the log as it is now.
    pub(crate) async fn filter(
        &self,
        scope: &TenantScope,
        keep: impl Fn(&TenantView, TrackId) -> bool + Send + Sync + 'static,
    ) -> Result<VectorFilter> {
        let slot = self.level(scope).await?;
        Ok(Arc::new(move |track| keep(&slot.view.read(), track)))
    }

    /// Writes the listening states down, before a planned end.
    pub async fn checkpoint_all(&self, scopes: &[TenantScope]) -> Result<()> {
        for scope in scopes {
            let slot = self.tenants.read().get(&scope.tenant()).cloned();
            if let Some(slot) = slot {
                // Nothing is taken in while a state is stored.
                let is_open = slot.follower.lock().await;
                if *is_open {
                    self.checkpoint(scope, &slot).await?;
                }
            }
        }
        Ok(())
    }

    /// The trace of one of the last answers.
    pub fn trace(&self, scope: &TenantScope, request_id: RequestId) -> Option<Arc<Trace>> {
        self.traces.find(scope.tenant(), request_id)
    }

    /// The production model of a tenant.
    pub async fn production(&self, scope: &TenantScope) -> Result<Option<ModelRecord>> {
        Ok(self.stores.models.alias(scope, PRODUCTION).await?)
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.write().remove(&tenant);
    }

    /// Brings the view of a tenant level with the log, opening it when it is not.
    async fn level(&self, scope: &TenantScope) -> Result<Arc<TenantSlot>> {
        let slot = self.slot(scope.tenant());
        let head = self.stores.log.head(scope).await?;
        if head > 0 && self.is_level(scope, &slot, head) {
            return Ok(slot);
        }
        let mut is_open = slot.follower.lock().await;
        if !*is_open {
            let opened = self.open(scope, self.stores.clock.now()).await?;
            *slot.view.write() = opened;
            *is_open = true;
        }
        self.follow(scope, &slot, head).await?;
        drop(is_open);
        Ok(slot)
    }

    /// Whether a view is level with the log, or is once what this process wrote itself is passed over.
    fn is_level(&self, scope: &TenantScope, slot: &TenantSlot, head: u64) -> bool {
        let (offset, is_of_today) = {
            let view = slot.view.read();
            let is_of_today = view.counts.are_of_day(self.stores.clock.now());
            (view.projection.offset, is_of_today)
        };
        if !is_of_today {
            return false;
        }
        if offset >= head {
            return true;
        }
        // A view that was not opened yet knows nothing.
        if offset == 0 {
            return false;
        }
        let through = self.exposures.passed_over(scope.tenant(), offset);
        let mut view = slot.view.write();
        view.pass_over(offset, through);
        through >= head && view.projection.behind_checkpoint() < EVENTS_PER_CHECKPOINT
    }

    fn slot(&self, tenant: TenantId) -> Arc<TenantSlot> {
        if let Some(slot) = self.tenants.read().get(&tenant) {
            return Arc::clone(slot);
        }
        Arc::clone(self.tenants.write().entry(tenant).or_default())
    }

    /// Reads what is kept of a tenant beside what lives, as a start at `now` would, for work that must not
    /// see what comes meanwhile.
    pub(crate) async fn open_beside(
        &self,
        scope: &TenantScope,
        now: Timestamp,
    ) -> Result<Arc<TenantSlot>> {
        let slot = TenantSlot::default();
        let view = self.open(scope, now).await?;
        if (view.model.as_ref()).is_some_and(|model| !model.features().is_empty()) {
            slot.hold_features(self.stores.features_beside(scope).await?);
        }
        *slot.view.write() = view;
        Ok(Arc::new(slot))
    }

    async fn open(&self, scope: &TenantScope, now: Timestamp) -> Result<TenantView> {
        let mut view = TenantView::default();
        view.projection = Projection::open(self.stores.log.as_ref(), scope).await?;
        // What events say of catalogue and model is in what is read below.
        (view.projection.catch_up(self.stores.log.as_ref(), scope)).await?;
        view.catalogue = CatalogueView::read(self.stores.catalog.as_ref(), scope).await?;
        let recordings = Recordings::read(self.stores.blobs.as_ref(), scope).await?;
        view.catalogue.set_recordings(recordings);
        view.set_model(self.load_model_or_none(scope).await?);
        let unknown = view.unknown_tracks();
        let mapped = self.mapped(scope, view.model.clone(), &unknown).await;
        view.put_mapped(mapped);
        view.placements = Placements::read(self.stores.definitions.as_ref(), scope).await?;
        view.refresh_popularity(now);
        let sessions = view.read_sessions()?;
        view.set_sessions(sessions);
        Ok(view)
    }

    /// Reads the log up to `head` at least.
    async fn follow(&self, scope: &TenantScope, slot: &Arc<TenantSlot>, head: u64) -> Result<()> {
        // What was answered changes nothing, and is most of the log where much is asked.
        let selection = EventSelection::without_answers();
        loop {
            let from = slot.view.read().projection.offset;
            if from >= head {
                break;
            }
            let read = (self.stores.log).select(scope, &selection, from, projection::READ_BATCH);
            let slice = read.await?;
            let follow_up = slot.view.write().take_slice(from, &slice);
            self.read_besides(scope, slot, follow_up).await?;
        }
        slot.view
            .write()
            .refresh_popularity(self.stores.clock.now());
        if slot.view.read().wants_sessions() {
            let reading = Arc::clone(slot);
            // Others go on reading meanwhile.
            let read = move || reading.view.read().read_sessions();
            let sessions = tokio::task::spawn_blocking(read).await;
            let sessions = sessions.map_err(Error::bug)??;
            slot.view.write().set_sessions(sessions);
        }
        if slot.view.read().projection.behind_checkpoint() >= EVENTS_PER_CHECKPOINT {
            self.checkpoint(scope, slot).await?;
        }
        Ok(())
    }

    async fn read_besides(
        &self,
        scope: &TenantScope,
        slot: &TenantSlot,
        follow_up: FollowUp,
    ) -> Result<()> {
        if !follow_up.tracks.is_empty() {
            let mut tracks = self.stores.catalog.tracks(scope, &follow_up.tracks).await?;
            // Indexes decide between equals: those of tracks that came together follow their ids, as after a start.
            tracks.sort_unstable_by_key(|track| track.id);
            let found: HashSet<TrackId> = tracks.iter().map(|track| track.id).collect();
            let gone = follow_up.tracks.iter().filter(|id| !found.contains(id));
            let mut view = slot.view.write();
            gone.for_each(|id| view.catalogue.remove(*id));
            tracks.iter().for_each(|track| view.catalogue.put(track));
            view.map_columns();
        }
        if follow_up.has_new_recordings {
            let recordings = Recordings::read(self.stores.blobs.as_ref(), scope).await?;
            slot.view.write().catalogue.set_recordings(recordings);
        }
        if follow_up.has_new_pipelines {
            let placements = Placements::read(self.stores.definitions.as_ref(), scope).await?;
            slot.view.write().placements = placements;
        }
        if follow_up.has_new_model {
            let model = self.load_model_or_none(scope).await?;
            slot.view.write().set_model(model);
        }
        let new = if follow_up.has_new_model {
            slot.view.read().unknown_tracks()
        } else {
            [follow_up.tracks, follow_up.analysed].concat()
        };
        let model = slot.view.read().model.clone();
        let mapped = self.mapped(scope, model, &new).await;
        if !mapped.is_empty() {
            slot.view.write().put_mapped(mapped);
        }
        Ok(())
    }

    /// The factors of tracks by what they sound and read like, where a model maps them. A vector store that
    /// fails costs these, and not the answer: the tracks are then offered by their content alone.
    pub(crate) async fn mapped(
        &self,
        scope: &TenantScope,
        model: Option<Arc<RecommenderModel>>,
        tracks: &[TrackId],
    ) -> Vec<(TrackId, Vec<f32>)> {
        let Some(cold) = model.as_ref().and_then(|model| model.cold.as_ref()) else {
            return Vec::new();
        };
        let vectors = self.stores.vectors.as_ref();
        let mapped = cold.factors(vectors, scope, tracks).await;
        mapped.unwrap_or_else(|error| {
            tracing::warn!(%error, "tracks that the model does not know were not mapped");
            Vec::new()
        })
    }

    /// Stores what changed in the listening state; whoever calls it holds the follower's lock.
    async fn checkpoint(&self, scope: &TenantScope, slot: &TenantSlot) -> Result<()> {
        Ok(saving::save(slot, self.stores.log.as_ref(), scope).await?)
    }

    /// Loads the production model; one that is damaged or lost costs its rung, not the answers of
    /// everybody.
    async fn load_model_or_none(
        &self,
        scope: &TenantScope,
    ) -> Result<Option<Arc<RecommenderModel>>> {
        match self.load_model(scope).await {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                tracing::error!(%error, "the production model does not load");
                Ok(None)
            }
            outcome => outcome,
        }
    }

    async fn load_model(&self, scope: &TenantScope) -> Result<Option<Arc<RecommenderModel>>> {
        let Some(record) = self.production(scope).await? else {
            return Ok(None);
        };
        let model = model_bytes::load(&self.stores.blobs, scope, record.id).await?;
        Ok(Some(Arc::new(model)))
    }

    /// Asks the vector store, for as long as candidates may take; one that fails or is slow costs its
    /// candidates, not the answer.
    async fn near_within(
        &self,
        budget: Duration,
        scope: &TenantScope,
        slot: &TenantSlot,
        request: &RecommendRequest,
    ) -> std::result::Result<Vec<Near>, DegradedCause> {
        match tokio::time::timeout(budget, self.near(scope, slot, request)).await {
            Ok(Ok(near)) => Ok(near),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the vector store could not be asked for candidates");
                Err(DegradedCause::Failed)
            }
            Err(_) => Err(DegradedCause::Late),
        }
    }

    /// Asks the vector store for what the model's lists cannot know.
    async fn near(
        &self,
        scope: &TenantScope,
        slot: &TenantSlot,
        request: &RecommendRequest,
    ) -> Result<Vec<Near>> {
        let (seeds, model) = {
            let view = slot.view.read();
            if !view.has_cold_tracks() {
                return Ok(Vec::new());
            }
            (content_seeds(&view, request), view.model.clone())
        };
        if seeds.is_empty() {
            return Ok(Vec::new());
        }
        let is_filtered = model.is_some() || request.only.is_some();
        let only = request.only.clone();
        let is_wanted = move |track: TrackId| {
            let is_cold = model
                .as_ref()
                .is_none_or(|model| model.column(track).is_none());
            is_cold
                && only
                    .as_ref()
                    .is_none_or(|only| only.tracks.contains(&track))
        };
        let keep = is_filtered.then(|| Arc::new(is_wanted) as VectorFilter);
        let vectors = self.stores.vectors.as_ref();
        let spaces: Vec<_> = current_spaces(vectors, scope)
            .await?
            .into_iter()
            .map(|(space, _)| space)
            .collect();
        content_cold(vectors, scope, &spaces, &seeds, keep, request.count.max(50)).await
    }
}

fn exposure_of(
    answered: &mut Recommendations,
    placement: String,
    moment: Moment,
    layout: Option<ShownLayout>,
) -> Exposure {
    let shown = |place: &crate::pipeline::RecommendedTrack| ExposedTrack {
        track: place.track,
        score: Some(place.score),
        propensity: Some(place.propensity),
    };
    Exposure {
        request_id: answered.request_id,
        placement,
        rung: answered.rung,
        model: answered.model,
        assignment: (answered.assignment.version).map(|_| answered.assignment.clone()),
        tracks: answered.tracks.iter().map(shown).collect(),
        reasons: ShownReasons::new(answered.tracks.iter().map(|place| {
            (place.reasons.iter()).map(|one| (one.source.name(), one.contribution, one.because_of))
        })),
        is_sequenced: false,
        exploration: answered.exploration.clone(),
        moment,
        layout: layout.map(|layout| layout.name.to_owned()),
        layout_propensity: layout.and_then(|layout| layout.propensity),
        basis: Some(std::mem::take(&mut answered.basis)),
    }
}
