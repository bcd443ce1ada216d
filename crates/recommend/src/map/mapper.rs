//! The maps of a process: made once, kept, brought level with the catalogue on every question.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use leitmotif_domain::{ErrorKind, TenantId, TenantScope, TrackId};
use leitmotif_storage::ports::{BlobKey, VectorFilter, VectorSpace};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::make::{NEIGHBOURS, POINTS_MAX, RunState, make};
use super::placed::{CatalogueMap, GridPlace, LaidOut, among};
use crate::error::{Error, Result};
use crate::search::Searcher;

/// Tracks looked up in one question; what came beyond is placed by the following ones.
const LATER_PER_QUESTION: usize = 2_000;
/// Tracks that came later, as a part of those laid out, from which on the map is made anew.
const LATER_PART: usize = 10;
/// Runs at a time in this process: each takes a core and the index.
const RUNS: usize = 1;
/// Largest stored map read: 36 bytes for each of the points at most.
const STORED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How far the first run of a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapProgress {
    /// Of a thousand.
    pub permille: u64,
}

/// What there is to show.
#[derive(Debug, Clone)]
pub enum MapView {
    /// The map.
    Ready(Arc<CatalogueMap>),
    /// It is being made.
    Making(MapProgress),
}

/// Makes and keeps maps.
pub struct Mapper {
    searcher: Arc<Searcher>,
    slots: Mutex<HashMap<(TenantId, VectorSpace), Arc<MapSlot>>>,
    runs: Arc<Semaphore>,
}

/// What is kept of one map.
#[derive(Default)]
struct MapSlot {
    kept: Mutex<Kept>,
    /// Held by whoever brings the map level.
    follower: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    laid_out: Option<Arc<LaidOut>>,
    /// Tracks that the run did not know, with their places; without one they have no vector.
    later: HashMap<TrackId, Option<GridPlace>>,
    /// Vectors of the space when `later` was filled; another number means that some may have come.
    vector_count: u64,
    shown: Option<Arc<CatalogueMap>>,
    run: Option<Arc<RunState>>,
    failure: Option<Error>,
}

impl Mapper {
    /// Starts with no map.
    pub fn new(searcher: Arc<Searcher>) -> Self {
        Self {
            searcher,
            slots: Mutex::default(),
            runs: Arc::new(Semaphore::new(RUNS)),
        }
    }

    /// Forgets a tenant that was removed; its runs end.
    pub fn forget(&self, tenant: TenantId) {
        self.slots.lock().retain(|(owner, _), slot| {
            if *owner == tenant {
                slot.give_up();
            }
            *owner != tenant
        });
    }

    /// Forgets the map of a space that was removed, and what is stored of it.
    pub async fn forget_space(&self, scope: &TenantScope, space: &VectorSpace) -> Result<()> {
        let slot = self.slots.lock().remove(&(scope.tenant(), space.clone()));
        if let Some(slot) = slot {
            slot.give_up();
        }
        let blobs = &self.searcher.stores().blobs;
        blobs.delete(scope, &key_of(space)?).await?;
        Ok(())
    }

    /// Shows the map of a space, level with the catalogue; `None` for a space that holds nothing. The
    /// first question begins to make it.
    ///
    /// - Errors: those of the stores; why the run failed, once: the next question begins another.
    /// - Cost: one pass over the catalogue; for tracks that came since one read and one search each.
    pub async fn view(&self, scope: &TenantScope, space: &VectorSpace) -> Result<Option<MapView>> {
        let vectors = &self.searcher.stores().vectors;
        let spaces = vectors.spaces(scope).await?;
        let Some((_, count)) = spaces.into_iter().find(|(name, _)| name == space) else {
            return Ok(None);
        };
        let slot = self.slot(scope.tenant(), space);
        let _follower = slot.follower.lock().await;
        if let Some(failure) = slot.kept.lock().failure.take() {
            return Err(failure);
        }
        if slot.kept.lock().laid_out.is_none() {
            match self.load(scope, space).await? {
                Some(stored) => slot.kept.lock().laid_out = Some(Arc::new(stored)),
                None => return Ok(Some(MapView::Making(self.begin(scope, space, &slot)))),
            }
        }
        let Some(laid_out) = slot.kept.lock().laid_out.clone() else {
            return Ok(None);
        };
        let catalogue = self.searcher.track_ids(scope).await?;
        self.place_later(scope, space, &slot, &laid_out, &catalogue, count)
            .await?;
        let shown = slot.shown(space, &laid_out, &catalogue);
        // A catalogue beyond the bound would be laid out for ever.
        let is_whole = laid_out.count() < POINTS_MAX;
        if is_whole && shown.placed_later * LATER_PART > laid_out.count() {
            self.begin(scope, space, &slot);
        }
        Ok(Some(MapView::Ready(shown)))
    }

    fn slot(&self, tenant: TenantId, space: &VectorSpace) -> Arc<MapSlot> {
        let key = (tenant, space.clone());
        Arc::clone(self.slots.lock().entry(key).or_default())
    }

    async fn load(&self, scope: &TenantScope, space: &VectorSpace) -> Result<Option<LaidOut>> {
        let blobs = &self.searcher.stores().blobs;
        let read = blobs
            .read(scope, &key_of(space)?, 0..STORED_BYTES_MAX)
            .await;
        match read {
            // A damaged one is made anew: the vectors have everything.
            Ok(bytes) => Ok(LaidOut::of_bytes(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Places tracks that the run did not know.
    async fn place_later(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        slot: &MapSlot,
        laid_out: &Arc<LaidOut>,
        catalogue: &[TrackId],
        count: u64,
    ) -> Result<()> {
        let unknown: Vec<TrackId> = {
            let mut kept = slot.kept.lock();
            if kept.vector_count != count {
                // A track without a vector may have one now.
                kept.later.retain(|_, place| place.is_some());
            }
            let is_unknown = |track: &&TrackId| {
                laid_out.place(**track).is_none() && !kept.later.contains_key(track)
            };
            let unknown = catalogue.iter().filter(is_unknown).copied();
            unknown.take(LATER_PER_QUESTION).collect()
        };
        let vectors = &self.searcher.stores().vectors;
        for track in unknown {
            let vector = vectors.vector(scope, space, track).await?;
            let place = match vector {
                None => None,
                Some(vector) => {
                    let known = Arc::clone(laid_out);
                    let has_place: VectorFilter =
                        Arc::new(move |other| known.place(other).is_some());
                    let near = vectors
                        .nearest(scope, space, &vector, NEIGHBOURS, Some(has_place))
                        .await?;
                    let places: Vec<(GridPlace, f32)> = (near.iter())
                        .filter_map(|one| Some((laid_out.place(one.track)?, one.distance)))
                        .collect();
                    Some(among(&places))
                }
            };
            slot.kept.lock().later.insert(track, place);
        }
        slot.kept.lock().vector_count = count;
        Ok(())
    }

    /// Begins a run, unless one is on its way, and says how far it is.
    fn begin(&self, scope: &TenantScope, space: &VectorSpace, slot: &Arc<MapSlot>) -> MapProgress {
        let mut kept = slot.kept.lock();
        if let Some(run) = &kept.run {
            return MapProgress {
                permille: run.permille.load(Ordering::Relaxed),
            };
        }
        let run = Arc::new(RunState::default());
        kept.run = Some(Arc::clone(&run));
        drop(kept);
        let (scope, space, slot) = (scope.clone(), space.clone(), Arc::clone(slot));
        let (searcher, runs) = (Arc::clone(&self.searcher), Arc::clone(&self.runs));
        tokio::spawn(async move {
            let made = one_run(&searcher, &runs, &scope, &space, run).await;
            let mut kept = slot.kept.lock();
            kept.run = None;
            match made {
                Ok(Some(laid_out)) => {
                    kept.laid_out = Some(Arc::new(laid_out));
                    kept.later.clear();
                }
                Ok(None) => {}
                Err(error) => kept.failure = Some(error),
            }
        });
        MapProgress { permille: 0 }
    }
}

impl Drop for Mapper {
    /// Ends the runs, so that a process that stops does not wait for them.
    fn drop(&mut self) {
        self.slots.lock().values().for_each(|slot| slot.give_up());
    }
}

impl MapSlot {
    fn give_up(&self) {
        if let Some(run) = &self.kept.lock().run {
            run.is_given_up.store(true, Ordering::Relaxed);
        }
    }

    /// The map as it is now; the former one while nothing changed.
    fn shown(
        &self,
        space: &VectorSpace,
        laid_out: &LaidOut,
        catalogue: &[TrackId],
    ) -> Arc<CatalogueMap> {
        let mut kept = self.kept.lock();
        let fresh = CatalogueMap::of(space.clone(), catalogue, laid_out, &kept.later);
        match &kept.shown {
            Some(shown) if shown.version == fresh.version => Arc::clone(shown),
            _ => {
                let fresh = Arc::new(fresh);
                kept.shown = Some(Arc::clone(&fresh));
                fresh
            }
        }
    }
}

async fn one_run(
    searcher: &Searcher,
    runs: &Semaphore,
    scope: &TenantScope,
    space: &VectorSpace,
    run: Arc<RunState>,
) -> Result<Option<LaidOut>> {
    let _permit = runs.acquire().await.map_err(Error::bug)?;
    let catalogue = searcher.track_ids(scope).await?;
    let stores = searcher.stores();
    let made = make(stores.vectors.as_ref(), scope, space, &catalogue, run).await?;
    if let Some(laid_out) = &made {
        let bytes = laid_out.to_bytes().map_err(Error::bug)?;
        let key = key_of(space)?;
        stores.blobs.put(scope, &key, bytes.into()).await?;
    }
    Ok(made)
}

fn key_of(space: &VectorSpace) -> Result<BlobKey> {
    Ok(format!("maps/{space}").parse::<BlobKey>()?)
}
