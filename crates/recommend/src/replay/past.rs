//! The view of a tenant on its way through the log.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use leitmotif_domain::asked::FeatureBasis;
use leitmotif_domain::event::{CatalogueChange, EventPayload, RecordedEvent};
use leitmotif_domain::{ErrorKind, ModelId, TenantScope, Timestamp, TrackId};
use leitmotif_features::projection::READ_BATCH;
use leitmotif_storage::duplicates::DUPLICATES;

use super::features::PastFeatures;
use super::{Outcome, Served};
use crate::catalogue::{CatalogueView, TrackCard};
use crate::counts::{Counts, day_of};
use crate::error::Result;
use crate::model_bytes;
use crate::placements::Placements;
use crate::recent_sessions::RecentSessions;
use crate::recordings::Recordings;
use crate::search::popularity_percent;
use crate::service::{PRODUCTION, Recommender, TenantSlot};

/// What was known at one offset after the other.
pub(super) struct Past<'r> {
    recommender: &'r Recommender,
    scope: &'r TenantScope,
    slot: Arc<TenantSlot>,
    /// Cards of tracks that did not come yet.
    cards: HashMap<TrackId, TrackCard>,
    /// Events that were read and not taken in.
    read: VecDeque<RecordedEvent>,
    /// What answered then.
    production: Option<ModelId>,
    /// What answers in the view.
    model: Option<ModelId>,
    /// The features of answers whose models read any.
    features: PastFeatures,
    /// Tracks that came since factors were mapped.
    unmapped: Vec<TrackId>,
    /// What answers to come were counted by, by offset and day.
    wanted_counts: BTreeMap<(u64, i64), WantedCounts>,
    /// The sessions that answers to come knew, by offset.
    wanted_sessions: BTreeMap<u64, Option<Arc<RecentSessions>>>,
    changes: Changes,
}

/// A moment of the day that counts are wanted of, and the counts once they are made.
type WantedCounts = (Timestamp, Option<Arc<Counts>>);

/// The last event of each kind of change that the tables do not keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    catalogue: u64,
    vectors: u64,
}

impl Changes {
    fn note(&mut self, recorded: &RecordedEvent) {
        match &recorded.event.payload {
            EventPayload::CatalogueChanged(changed) if changed.change != CatalogueChange::Added => {
                self.catalogue = recorded.offset;
            }
            EventPayload::Verdict(verdict) if verdict.subject == DUPLICATES => {
                self.catalogue = recorded.offset;
            }
            EventPayload::AnalysisCompleted(_) => self.vectors = recorded.offset,
            _ => {}
        }
    }

    /// Why an answer of that offset may well be another now.
    pub(super) fn reason_since(&self, log_offset: u64, hangs_on_vectors: bool) -> Outcome {
        if self.catalogue > log_offset {
            Outcome::CatalogueChanged
        } else if hangs_on_vectors && self.vectors > log_offset {
            Outcome::VectorsChanged
        } else {
            Outcome::Different
        }
    }
}

impl<'r> Past<'r> {
    /// Stands before the first event.
    pub(super) async fn begin(
        recommender: &'r Recommender,
        scope: &'r TenantScope,
        placements: Placements,
        answers: &[Served],
    ) -> Result<Self> {
        let stores = recommender.stores();
        // Indexes are those of the ids, which decide between equals, whenever a track came.
        let mut catalogue = CatalogueView::read(stores.catalog.as_ref(), scope).await?;
        let recordings = Recordings::read(stores.blobs.as_ref(), scope).await?;
        catalogue.set_recordings(recordings);
        let cards = catalogue.take_cards();
        let slot = Arc::<TenantSlot>::default();
        {
            let mut view = slot.view.write();
            view.catalogue = catalogue;
            view.placements = placements;
        }
        let counts = |one: &Served| ((one.counted_offset(), day_of(one.at)), (one.at, None));
        Ok(Self {
            recommender,
            scope,
            slot,
            cards,
            read: VecDeque::new(),
            production: None,
            model: None,
            features: PastFeatures::default(),
            unmapped: Vec::new(),
            wanted_counts: answers.iter().map(counts).collect(),
            wanted_sessions: (answers.iter())
                .map(|one| (one.sessions_offset(), None))
                .collect(),
            changes: Changes::default(),
        })
    }

    /// What answers are made from.
    pub(super) fn slot(&self) -> Arc<TenantSlot> {
        Arc::clone(&self.slot)
    }

    /// Goes on to where an answer stood, and counts on the way what answers were counted by.
    ///
    /// - Answers come by their offsets.
    pub(super) async fn advance(&mut self, one: &Served) -> Result<()> {
        let end = one.basis.log_offset;
        loop {
            let stop = self.next_stop().map_or(end, |stop| stop.min(end));
            self.go_to(stop).await?;
            self.count_here()?;
            if stop == end {
                break;
            }
        }
        let counts = self
            .wanted_counts
            .get(&(one.counted_offset(), day_of(one.at)));
        let sessions = self.wanted_sessions.get(&one.sessions_offset());
        let mut view = self.slot.view.write();
        if let Some((_, Some(counts))) = counts {
            view.counts = Arc::clone(counts);
        }
        if let Some(Some(sessions)) = sessions {
            view.sessions = Arc::clone(sessions);
        }
        Ok(())
    }

    /// The next offset at which something is to be counted.
    fn next_stop(&self) -> Option<u64> {
        let counts = self
            .wanted_counts
            .iter()
            .find(|(_, (_, made))| made.is_none());
        let sessions = self.wanted_sessions.iter().find(|(_, made)| made.is_none());
        let counts = counts.map(|((offset, _), _)| *offset);
        counts
            .into_iter()
            .chain(sessions.map(|(offset, _)| *offset))
            .min()
    }

    fn count_here(&mut self) -> Result<()> {
        let view = self.slot.view.read();
        let here = view.projection.offset;
        for (_, (now, made)) in self.wanted_counts.range_mut(..=(here, i64::MAX)) {
            if made.is_none() {
                let counts = Counts::of(&view.projection.state, &view.catalogue, *now);
                *made = Some(Arc::new(counts));
            }
        }
        for (_, made) in self.wanted_sessions.range_mut(..=here) {
            if made.is_none() {
                *made = Some(Arc::new(view.read_sessions()?));
            }
        }
        Ok(())
    }

    /// Forgets what no answer from here on was counted by.
    pub(super) fn forget_before(&mut self, counted: u64, sessions: u64) {
        self.wanted_counts = self.wanted_counts.split_off(&(counted, i64::MIN));
        self.wanted_sessions = self.wanted_sessions.split_off(&sessions);
    }

    /// Takes the events up to an offset in.
    async fn go_to(&mut self, offset: u64) -> Result<()> {
        loop {
            if self.read.is_empty() {
                let from = self.slot.offset();
                if from >= offset {
                    return Ok(());
                }
                let log = &self.recommender.stores().log;
                self.read = log.read(self.scope, from, READ_BATCH).await?.into();
                if self.read.is_empty() {
                    return Ok(());
                }
            }
            let slot = Arc::clone(&self.slot);
            let mut view = slot.view.write();
            let mut has_new_tracks = false;
            while let Some(event) = self.read.pop_front_if(|event| event.offset <= offset) {
                self.changes.note(&event);
                view.take(std::slice::from_ref(&event));
                match &event.event.payload {
                    EventPayload::CatalogueChanged(changed) => {
                        if changed.change == CatalogueChange::Removed {
                            view.catalogue.remove(changed.track);
                        } else if let Some(card) = self.cards.remove(&changed.track) {
                            view.catalogue.put_card(card);
                            self.unmapped.push(changed.track);
                        }
                        has_new_tracks = true;
                    }
                    EventPayload::ModelChanged(changed) if changed.alias == PRODUCTION => {
                        self.production = Some(changed.model);
                    }
                    _ => {}
                }
            }
            if has_new_tracks {
                view.map_columns();
            }
            if !self.read.is_empty() {
                return Ok(());
            }
        }
    }

    /// Puts the model of an answer into the view, the one in production then where the answer names none. False where it is
    /// gone.
    pub(super) async fn put_model(&mut self, named: Option<ModelId>) -> Result<bool> {
        let wanted = named.or(self.production);
        let recommender = self.recommender;
        let stores = recommender.stores();
        if wanted != self.model {
            let model = match wanted {
                None => None,
                Some(id) => match model_bytes::load(&stores.blobs, self.scope, id).await {
                    Ok(model) => Some(Arc::new(model)),
                    Err(error)
                        if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) =>
                    {
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                },
            };
            self.model = wanted;
            let mut view = self.slot.view.write();
            view.set_model(model);
            self.unmapped = view.unknown_tracks();
        }
        if !self.unmapped.is_empty() {
            let model = self.slot.view.read().model.clone();
            let mapped = recommender.mapped(self.scope, model, &self.unmapped).await;
            self.slot.view.write().put_mapped(mapped);
            self.unmapped.clear();
        }
        Ok(true)
    }

    /// Puts the features into the view that an answer read, where the model reads any. False where their views are not
    /// what they were.
    pub(super) async fn put_features(&mut self, basis: Option<FeatureBasis>) -> Result<bool> {
        let model = self.slot.view.read().model.clone();
        let names = model.as_ref().map_or(&[][..], |model| model.features());
        if names.is_empty() {
            return Ok(true);
        }
        let stores = self.recommender.stores();
        let held = (self.features).stand_at(stores, self.scope, names, basis);
        let held = held.await?;
        let has_them = held.is_some();
        held.into_iter()
            .for_each(|set| self.slot.hold_features(set));
        Ok(has_them)
    }

    /// How popular tracks were, as constraints ask for it.
    pub(super) fn popularity_percent(&self) -> HashMap<TrackId, f32> {
        popularity_percent(&self.slot.view.read())
    }

    /// Whether answers hang on vectors of tracks that the model does not know.
    pub(super) fn hangs_on_vectors(&self) -> bool {
        let view = self.slot.view.read();
        view.mapped().next().is_some() || view.has_cold_tracks()
    }

    /// Reads on to the end of the log for what was changed since.
    pub(super) async fn into_changes(mut self, head: u64) -> Result<Changes> {
        let mut offset = self.slot.offset();
        loop {
            for event in self.read.drain(..) {
                self.changes.note(&event);
                offset = event.offset;
            }
            if offset >= head {
                return Ok(self.changes);
            }
            let log = &self.recommender.stores().log;
            self.read = log.read(self.scope, offset, READ_BATCH).await?.into();
            if self.read.is_empty() {
                return Ok(self.changes);
            }
        }
    }
}
