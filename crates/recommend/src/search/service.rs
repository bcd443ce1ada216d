//! The searcher of a process: one corpus per tenant, level with the log on every question.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use leitmotif_domain::event::EventPayload;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{TenantId, TenantScope, TrackId};
use leitmotif_features::projection::READ_BATCH;
use leitmotif_learn::retrieval::SearchScratch;
use leitmotif_storage::ports::TrackFilter;
use parking_lot::{Mutex, RwLock};

use super::constraints::{Constraint, Constraints};
use super::corpus::{Corpus, read_tracks};
use super::popularity::popularity_percent;
use super::told::{ToldColumn, ToldKind, value_in};
use super::traits::TraitTable;
use crate::error::Result;
use crate::off_thread::off_thread;
use crate::service::{Recommender, Stores};

/// Results that can be reached by paging: nobody reads further, and each costs a place in every heap.
pub const RESULTS_MAX: usize = 1_000;
/// Changes that are taken over while nobody searches: ten milliseconds of indexing.
const CHANGES_PER_LOCK: usize = 64;
/// Scratch memories kept for the next question.
const SCRATCH_MAX: usize = 4;

/// Answers questions for tracks.
pub struct Searcher {
    recommender: Arc<Recommender>,
    tenants: RwLock<HashMap<TenantId, Arc<SearchSlot>>>,
}

/// What is kept for one tenant.
#[derive(Default)]
pub(super) struct SearchSlot {
    pub corpus: RwLock<Corpus>,
    scratch: Mutex<Vec<SearchScratch>>,
    /// The traits of every track, with the revision of the corpus they were put together of.
    traits: Mutex<Option<(u64, Arc<TraitTable>)>>,
    /// Held by whoever reads the log into the corpus; says whether it was opened.
    follower: tokio::sync::Mutex<bool>,
}

impl SearchSlot {
    /// Lends scratch memory.
    pub fn with_scratch<T>(&self, work: impl FnOnce(&mut SearchScratch) -> T) -> T {
        let mut scratch = self.scratch.lock().pop().unwrap_or_default();
        let answer = work(&mut scratch);
        let mut kept = self.scratch.lock();
        if kept.len() < SCRATCH_MAX {
            kept.push(scratch);
        }
        answer
    }
}

impl Searcher {
    /// Starts with no corpus; each is read by the first question of its tenant.
    pub fn new(recommender: Arc<Recommender>) -> Self {
        Self {
            recommender,
            tenants: RwLock::new(HashMap::new()),
        }
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.write().remove(&tenant);
    }

    pub(crate) fn stores(&self) -> &Stores {
        self.recommender.stores()
    }

    pub(crate) fn recommender(&self) -> &Recommender {
        &self.recommender
    }

    /// Brings the corpus of a tenant level with the log, reading it anew when there is none.
    ///
    /// - Cost: the first call reads the catalogue with its lyrics; the first `with_measured` one
    ///   every analysis; others the new events.
    pub(super) async fn level(
        &self,
        scope: &TenantScope,
        with_measured: bool,
    ) -> Result<Arc<SearchSlot>> {
        let slot = self.slot(scope.tenant());
        let head = self.stores().log.head(scope).await?;
        let is_level = {
            let corpus = slot.corpus.read();
            head > 0 && corpus.offset >= head && (corpus.has_measured || !with_measured)
        };
        if is_level {
            return Ok(slot);
        }
        let mut is_open = slot.follower.lock().await;
        if !*is_open {
            let opened = self.open(scope).await?;
            *slot.corpus.write() = opened;
            *is_open = true;
        }
        self.follow(scope, &slot).await?;
        if with_measured && !slot.corpus.read().has_measured {
            // Nothing follows the log meanwhile, so no newer analysis is overwritten.
            let tracks = slot.corpus.read().tracks();
            self.measure(scope, &slot, &tracks).await?;
            slot.corpus.write().has_measured = true;
        }
        drop(is_open);
        Ok(slot)
    }

    /// Fills in what only the catalogue and the log know of a constraint.
    pub(super) async fn resolve(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        constraints: Constraints,
        may_read_lyrics: bool,
    ) -> Result<Constraints> {
        let resolved = self.resolve_by(scope, slot, constraints, may_read_lyrics, None);
        resolved.await
    }

    /// The same; `percent` is how popular tracks are, where that is not as at present.
    pub(super) async fn resolve_by(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        mut constraints: Constraints,
        may_read_lyrics: bool,
        percent: Option<HashMap<TrackId, f32>>,
    ) -> Result<Constraints> {
        for constraint in &mut constraints.0 {
            match constraint {
                Constraint::Popularity { played, .. } => {
                    let percent = match &percent {
                        Some(percent) => percent.clone(),
                        None => (self.recommender.with_view(scope, popularity_percent)).await?,
                    };
                    *played = Arc::new(percent);
                }
                Constraint::Descriptor { name, values, .. } => {
                    let column = self
                        .told_column(scope, name, Some(ToldKind::Number))
                        .await?;
                    *values = column.values;
                }
                _ => {}
            }
        }
        let slot = Arc::clone(slot);
        off_thread(move || {
            let corpus = slot.corpus.read();
            for constraint in &mut constraints.0 {
                match constraint {
                    Constraint::Genre(key, number) => *number = corpus.genre(key),
                    Constraint::Text(words, tracks) => {
                        *tracks = Arc::new(corpus.holding_all(words, may_read_lyrics));
                    }
                    _ => {}
                }
            }
            constraints
        })
        .await
    }

    /// Every track of the catalogue, by id, level with the log.
    pub async fn track_ids(&self, scope: &TenantScope) -> Result<Vec<TrackId>> {
        let slot = self.level(scope, false).await?;
        let mut tracks = slot.corpus.read().tracks();
        tracks.sort_unstable();
        Ok(tracks)
    }

    /// The traits of every track, level with the log.
    ///
    /// - Cost: that of the first question that needs analyses; after a change of the catalogue one pass
    ///   over it with a sort per trait.
    pub async fn traits(&self, scope: &TenantScope) -> Result<Arc<TraitTable>> {
        let slot = self.level(scope, true).await?;
        let revision = slot.corpus.read().revision;
        if let Some((known, table)) = slot.traits.lock().as_ref()
            && *known == revision
        {
            return Ok(Arc::clone(table));
        }
        off_thread(move || {
            let (revision, table) = {
                let corpus = slot.corpus.read();
                (corpus.revision, Arc::new(corpus.trait_table()))
            };
            *slot.traits.lock() = Some((revision, Arc::clone(&table)));
            table
        })
        .await
    }

    /// Every descriptor that an analysis told, ours and those of plugins, by name.
    pub async fn told_names(&self, scope: &TenantScope) -> Result<Vec<(String, ToldKind)>> {
        let slot = self.level(scope, true).await?;
        let corpus = slot.corpus.read();
        let names = corpus.told.names();
        Ok(names.map(|(name, kind)| (name.to_owned(), kind)).collect())
    }

    /// A descriptor of every track, level with the log.
    ///
    /// - Errors: `Invalid` with the names that there are, where none of this kind is called so.
    /// - Cost: the first question for a descriptor reads every analysis, as the first that needs analyses does;
    ///   the next none, until fifteen others were asked for after it.
    pub async fn told_column(
        &self,
        scope: &TenantScope,
        name: &str,
        needed: Option<ToldKind>,
    ) -> Result<ToldColumn> {
        let slot = self.level(scope, true).await?;
        slot.corpus.read().told.check(name, needed)?;
        // Nothing follows the log meanwhile, so no newer analysis is missed.
        let following = slot.follower.lock().await;
        let kept = slot.corpus.write().told.asked(name);
        if let Some(column) = kept {
            return Ok(column);
        }
        let mut tracks = slot.corpus.read().tracks();
        tracks.sort_unstable();
        let mut column = ToldColumn::default();
        for ids in tracks.chunks(CHANGES_PER_LOCK) {
            let analyses = self.stores().catalog.analyses(scope, ids).await?;
            for (id, analysis) in ids.iter().zip(&analyses) {
                let told = analysis.as_ref();
                column.put(*id, told.and_then(|told| value_in(&told.document, name)));
            }
        }
        slot.corpus.write().told.keep(name, column.clone());
        drop(following);
        Ok(column)
    }

    fn slot(&self, tenant: TenantId) -> Arc<SearchSlot> {
        if let Some(slot) = self.tenants.read().get(&tenant) {
            return Arc::clone(slot);
        }
        Arc::clone(self.tenants.write().entry(tenant).or_default())
    }

    async fn open(&self, scope: &TenantScope) -> Result<Corpus> {
        let stores = self.stores();
        // The log first: what changes while the catalogue is read is then read again.
        let mut corpus = Corpus::at(stores.log.head(scope).await?);
        let mut page = PageRequest::largest();
        loop {
            let filter = TrackFilter::default();
            let found = stores.catalog.list_tracks(scope, &filter, &page).await?;
            let read = read_tracks(stores, scope, found.items).await?;
            corpus = off_thread(move || {
                read.iter().for_each(|track| corpus.put(track));
                corpus
            })
            .await?;
            match found.next {
                Some(after) => page = page.following(after),
                None => break,
            }
        }
        off_thread(move || {
            corpus.text.compact();
            corpus
        })
        .await
    }

    async fn follow(&self, scope: &TenantScope, slot: &Arc<SearchSlot>) -> Result<()> {
        loop {
            let from = slot.corpus.read().offset;
            let events = self.stores().log.read(scope, from, READ_BATCH).await?;
            let Some(last) = events.last().map(|event| event.offset) else {
                return Ok(());
            };
            let mut changed = BTreeSet::new();
            let mut analysed = BTreeSet::new();
            for event in &events {
                match &event.event.payload {
                    EventPayload::CatalogueChanged(change) => drop(changed.insert(change.track)),
                    EventPayload::AnalysisCompleted(done) => drop(analysed.insert(done.track)),
                    _ => {}
                }
            }
            let changed: Vec<TrackId> = changed.into_iter().collect();
            for ids in changed.chunks(CHANGES_PER_LOCK) {
                self.renew(scope, slot, ids).await?;
            }
            let analysed: Vec<TrackId> = analysed.into_iter().collect();
            if slot.corpus.read().has_measured {
                self.measure(scope, slot, &analysed).await?;
            }
            slot.corpus.write().offset = last;
        }
    }

    async fn renew(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        ids: &[TrackId],
    ) -> Result<()> {
        let stores = self.stores();
        let tracks = stores.catalog.tracks(scope, ids).await?;
        let kept: BTreeSet<TrackId> = tracks.iter().map(|track| track.id).collect();
        let gone: Vec<TrackId> = (ids.iter().copied())
            .filter(|id| !kept.contains(id))
            .collect();
        let read = read_tracks(stores, scope, tracks).await?;
        let slot = Arc::clone(slot);
        off_thread(move || {
            let mut corpus = slot.corpus.write();
            gone.into_iter().for_each(|id| corpus.remove(id));
            read.iter().for_each(|track| corpus.put(track));
        })
        .await
    }

    /// Reads analyses.
    async fn measure(
        &self,
        scope: &TenantScope,
        slot: &Arc<SearchSlot>,
        tracks: &[TrackId],
    ) -> Result<()> {
        for ids in tracks.chunks(CHANGES_PER_LOCK) {
            let analyses = self.stores().catalog.analyses(scope, ids).await?;
            let mut corpus = slot.corpus.write();
            for (id, analysis) in ids.iter().zip(&analyses) {
                corpus.set_measured(*id, analysis.as_ref());
            }
        }
        Ok(())
    }
}
