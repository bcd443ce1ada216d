//! The features of a process: one set per tenant, level with the log on every read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::{Clock, ErrorKind, TenantId, TenantScope, Timestamp, limits};
use leitmotif_storage::ports::{Checkpoint, DefinitionStore, EventLog};
use parking_lot::{Mutex, RwLock};

use crate::definition::ViewDefinition;
use crate::definition::built_in::BUILT_IN;
use crate::engine::{FeatureSet, LiveView, Rows, ViewSize};
use crate::entity::EntityKey;
use crate::parity::{Parity, ServedRow};
use crate::projection::{Ahead, READ_BATCH};

/// The name under which the states are checkpointed. A changed shape takes a new name, so that an old
/// checkpoint is never misread: the states are built anew from the log instead.
pub const CONSUMER: &str = "features-2";
/// The name of the shape before; its checkpoint is dropped when the present shape is first opened.
const RETIRED: &str = "features-1";
/// Events after which the states are written down: what a start has to read again.
const EVENTS_PER_CHECKPOINT: u64 = 200_000;
/// Events that are taken in at once: who reads waits for no more.
const EVENTS_PER_LOCK: usize = 64;
/// Rows remembered of one read, to be computed anew one day.
const ROWS_REMEMBERED: usize = 8;
/// Newest events that a preview is computed from: about a tenth of a second.
const PREVIEW_EVENTS: u64 = 50_000;

/// Why features cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The log or the definitions cannot be read, or the checkpoint not written.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// The states do not encode.
    #[error("cannot encode the features: {reason}")]
    Encode {
        /// What the encoder said.
        reason: String,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Encode { .. } => ErrorKind::Bug,
        }
    }
}

type Result<T> = std::result::Result<T, Error>;

/// Keeps the features of every tenant and answers from them.
pub struct Features {
    log: Arc<dyn EventLog>,
    definitions: Arc<dyn DefinitionStore>,
    clock: Arc<dyn Clock>,
    tenants: RwLock<HashMap<TenantId, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    set: Mutex<Option<FeatureSet>>,
    served: Mutex<VecDeque<ServedRow>>,
    checkpointed: AtomicU64,
}

/// The features of a tenant, level with the log when they were asked for, or as they stood.
pub struct Level {
    head: u64,
    slot: Arc<Slot>,
    clock: Arc<dyn Clock>,
}

/// What was read, and what it follows from.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The values.
    pub rows: Rows,
    /// The last event in them.
    pub offset: u64,
    /// The moment they hold at.
    pub at: Timestamp,
}

impl Features {
    /// Starts with no set; each is opened when it is first asked for.
    pub fn new(
        log: Arc<dyn EventLog>,
        definitions: Arc<dyn DefinitionStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            log,
            definitions,
            clock,
            tenants: RwLock::new(HashMap::new()),
        }
    }

    /// Brings the features of a tenant level with the log, opening them when they are not.
    ///
    /// - Cost: a look at the head of the log; what came since is read and taken in.
    pub async fn level(&self, scope: &TenantScope) -> Result<Level> {
        let standing = self.standing(scope).await?;
        if standing.behind() > 0 {
            self.follow(scope, &standing.slot, standing.head).await?;
        }
        Ok(standing)
    }

    /// The features of a tenant as they stand, opened when they are not, for who can tell from them and the head of the
    /// log that nothing between them concerns what is read.
    ///
    /// - Cost: a look at the head of the log.
    pub async fn standing(&self, scope: &TenantScope) -> Result<Level> {
        let slot = self.slot(scope.tenant());
        if slot.set.lock().is_none() {
            let opened = self.open(scope, &slot).await?;
            slot.put(opened);
        }
        Ok(Level {
            head: self.log.head(scope).await?,
            slot,
            clock: Arc::clone(&self.clock),
        })
    }

    /// The views of a tenant: its own, and the built-in ones of other names.
    pub async fn views(&self, scope: &TenantScope) -> Result<Vec<LiveView>> {
        let kind = DefinitionKind::FeatureView;
        let mut views: Vec<LiveView> = built_in_views();
        for definition in self.definitions.live_definitions(scope, kind).await? {
            let Some(share) = definition.shares.iter().max_by_key(|share| share.weight) else {
                continue;
            };
            let name = &definition.name;
            let stored = self
                .definitions
                .definition(scope, kind, name, share.version);
            let Some(stored) = stored.await? else {
                continue;
            };
            match ViewDefinition::parse(&stored.text) {
                Ok(parsed) => {
                    views.retain(|view| view.definition.name != *name);
                    views.push(LiveView {
                        version: Some(share.version),
                        text: stored.text.into(),
                        definition: Arc::new(parsed),
                    });
                }
                // The built-in of that name answers, if there is one; nothing else stops.
                Err(error) => tracing::error!(
                    view = %name, version = share.version, %error,
                    "a feature view in service does not read"
                ),
            }
        }
        views.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
        Ok(views)
    }

    /// Builds every view anew from the first event and puts it in the place of what lives; views that
    /// are new answer from then on. Requests are answered from the former ones meanwhile.
    ///
    /// - Cost: reads and decodes the whole log, and memory for a second set.
    pub async fn rebuild(&self, scope: &TenantScope) -> Result<Checkpoint> {
        let slot = self.slot(scope.tenant());
        let head = self.log.head(scope).await?;
        let views = self.views(scope).await?;
        let mut built = self.replay(scope, &views, head, self.clock.now()).await?;
        let checkpoint = checkpoint_of(&mut built)?;
        self.log.drop_checkpoint(scope, CONSUMER).await?;
        slot.put_anew(built);
        self.save(scope, &slot, checkpoint.clone()).await?;
        Ok(checkpoint)
    }

    /// The states that live, and those of a replay up to the same event and moment.
    ///
    /// - Cost: as [`Features::rebuild`].
    pub async fn compare(&self, scope: &TenantScope) -> Result<(Checkpoint, Checkpoint)> {
        let level = self.level(scope).await?;
        let (live, views, now) = {
            let mut set = level.slot.set.lock();
            let Some(set) = set.as_mut() else {
                return Ok((Checkpoint::default(), Checkpoint::default()));
            };
            let views: Vec<LiveView> = set.views().cloned().collect();
            (checkpoint_of(set)?, views, set.now())
        };
        let mut replayed = self.replay(scope, &views, live.offset, now).await?;
        Ok((live, checkpoint_of(&mut replayed)?))
    }

    /// Computes remembered rows anew, each from the log up to the event and the moment it was served at,
    /// and tells how far they differ.
    ///
    /// - Cost: one pass over the log, and memory for a second set.
    pub async fn parity(&self, scope: &TenantScope) -> Result<Parity> {
        let level = self.level(scope).await?;
        let views: Vec<LiveView> = level.views();
        let mut served: Vec<ServedRow> = level.slot.served.lock().iter().cloned().collect();
        served.sort_by_key(|row| (row.offset, row.at));
        let mut parity = Parity::default();
        let first = served
            .first()
            .map_or_else(|| self.clock.now(), |row| row.at);
        let mut set = FeatureSet::new(&views, first);
        for row in &served {
            set.advance(row.at);
            self.take_through(scope, &mut set, row.offset).await?;
            parity.add(row, &mut set);
        }
        Ok(parity)
    }

    /// Computes views that are not in service from the newest events alone.
    pub async fn preview(&self, scope: &TenantScope, views: &[LiveView]) -> Result<Preview> {
        let level = self.level(scope).await?;
        let head = self.log.head(scope).await?;
        let after_offset = head.saturating_sub(PREVIEW_EVENTS);
        let mut set = {
            let live = level.slot.set.lock();
            match live.as_ref() {
                Some(live) => live.beside(views),
                None => FeatureSet::new(views, self.clock.now()),
            }
        };
        set.start_after(after_offset);
        self.take_through(scope, &mut set, head).await?;
        Ok(Preview { set, after_offset })
    }

    /// Writes the states down, before a planned end.
    pub async fn checkpoint_all(&self, scopes: &[TenantScope]) -> Result<()> {
        for scope in scopes {
            let slot = self.tenants.read().get(&scope.tenant()).cloned();
            if let Some(slot) = slot {
                self.checkpoint(scope, &slot).await?;
            }
        }
        Ok(())
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.write().remove(&tenant);
    }

    fn slot(&self, tenant: TenantId) -> Arc<Slot> {
        if let Some(slot) = self.tenants.read().get(&tenant) {
            return Arc::clone(slot);
        }
        Arc::clone(self.tenants.write().entry(tenant).or_default())
    }

    /// Starts from the checkpoint, where there is one of the present views, else from nothing.
    async fn open(&self, scope: &TenantScope, slot: &Slot) -> Result<FeatureSet> {
        let views = self.views(scope).await?;
        let stored = self.log.checkpoint(scope, CONSUMER).await?;
        if stored.is_none() {
            self.log.drop_checkpoint(scope, RETIRED).await?;
        }
        let found = stored.and_then(|stored| FeatureSet::decode(&views, &stored.state));
        let mut set = found.unwrap_or_else(|| FeatureSet::new(&views, self.clock.now()));
        slot.checkpointed.store(set.offset(), Ordering::Relaxed);
        set.advance(self.clock.now());
        Ok(set)
    }

    /// Reads what the log has beyond the set, up to its head. Two that follow at once read the same events, and each takes
    /// in what the other has not: parts go on from an offset that was reached. A checkpoint is due once enough came.
    async fn follow(&self, scope: &TenantScope, slot: &Slot, head: u64) -> Result<()> {
        while slot.offset() < head {
            let offset = slot.offset();
            let events = self.log.read(scope, offset, READ_BATCH).await?;
            if events.is_empty() {
                break;
            }
            let mut before = offset;
            for part in events.chunks(EVENTS_PER_LOCK) {
                let mut set = slot.set.lock();
                let Some(set) = set.as_mut() else {
                    return Ok(());
                };
                // A set that was put in this one's place meanwhile may be behind the part.
                if set.offset() < before {
                    break;
                }
                set.advance(self.clock.now());
                set.take_all(part);
                before = set.offset();
            }
        }
        let stored = slot.checkpointed.load(Ordering::Relaxed);
        if slot.offset().saturating_sub(stored) >= EVENTS_PER_CHECKPOINT {
            self.checkpoint(scope, slot).await?;
        }
        Ok(())
    }

    async fn replay(
        &self,
        scope: &TenantScope,
        views: &[LiveView],
        through_offset: u64,
        now: Timestamp,
    ) -> Result<FeatureSet> {
        let mut set = FeatureSet::new(views, now);
        self.take_through(scope, &mut set, through_offset).await?;
        Ok(set)
    }

    async fn take_through(
        &self,
        scope: &TenantScope,
        set: &mut FeatureSet,
        through_offset: u64,
    ) -> Result<()> {
        let read = |after: u64| {
            let left = through_offset.saturating_sub(after);
            let batch = READ_BATCH.min(usize::try_from(left).unwrap_or(READ_BATCH));
            self.log.read(scope, after, batch)
        };
        if set.offset() >= through_offset {
            return Ok(());
        }
        // The next events are read and decoded while those before are taken in.
        let mut ahead = Ahead::begin(read(set.offset())).await;
        loop {
            let events = ahead.end().await?;
            let Some(last) = events.last().map(|event| event.offset) else {
                return Ok(());
            };
            if last >= through_offset {
                set.take_all(&events);
                return Ok(());
            }
            ahead = Ahead::begin(read(last)).await;
            set.take_all(&events);
        }
    }

    async fn checkpoint(&self, scope: &TenantScope, slot: &Slot) -> Result<()> {
        let checkpoint = match slot.set.lock().as_mut() {
            Some(set) => checkpoint_of(set)?,
            None => return Ok(()),
        };
        self.save(scope, slot, checkpoint).await
    }

    async fn save(&self, scope: &TenantScope, slot: &Slot, checkpoint: Checkpoint) -> Result<()> {
        let offset = checkpoint.offset;
        match self.log.save_checkpoint(scope, CONSUMER, checkpoint).await {
            // Another request wrote a newer one down meanwhile.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            outcome => outcome?,
        }
        slot.checkpointed.fetch_max(offset, Ordering::Relaxed);
        Ok(())
    }
}

/// Views that were computed from the newest events alone.
pub struct Preview {
    /// The views.
    pub set: FeatureSet,
    /// The event after which they begin; 0 when they have the whole log.
    pub after_offset: u64,
}

/// The views that ship with the product, in order of their names.
pub fn built_in_views() -> Vec<LiveView> {
    let mut views: Vec<LiveView> = Vec::new();
    for text in BUILT_IN {
        let parsed = ViewDefinition::parse(text).expect("a test reads every built-in view");
        views.push(LiveView {
            version: None,
            text: text.into(),
            definition: Arc::new(parsed),
        });
    }
    views
}

fn checkpoint_of(set: &mut FeatureSet) -> Result<Checkpoint> {
    let state = set.encode().map_err(|error| Error::Encode {
        reason: error.to_string(),
    })?;
    Ok(Checkpoint {
        offset: set.offset(),
        state,
    })
}

impl Slot {
    /// The last event that was taken in.
    fn offset(&self) -> u64 {
        self.set.lock().as_ref().map_or(0, FeatureSet::offset)
    }

    /// Puts an opened set in, unless another was opened meanwhile.
    fn put(&self, opened: FeatureSet) {
        let mut set = self.set.lock();
        if set.is_none() {
            *set = Some(opened);
        }
    }

    /// Puts a set in the place of the former. What was served before cannot be computed by new views.
    fn put_anew(&self, built: FeatureSet) {
        let mut served = self.served.lock();
        served.retain(|row| {
            let view = built.view(&row.view);
            view.is_some_and(|view| view.text == row.text)
        });
        *self.set.lock() = Some(built);
    }
}

impl Level {
    /// The views that answer.
    pub fn views(&self) -> Vec<LiveView> {
        let set = self.slot.set.lock();
        set.as_ref()
            .map(|set| set.views().cloned().collect())
            .unwrap_or_default()
    }

    /// A view that answers.
    pub fn view(&self, name: &str) -> Option<LiveView> {
        self.slot.set.lock().as_ref()?.view(name).cloned()
    }

    /// Reads what lives under one lock, so that all of it stands at one event and one moment.
    pub fn with_set<T>(&self, read: impl FnOnce(&mut FeatureSet) -> T) -> Option<T> {
        self.slot.set.lock().as_mut().map(read)
    }

    /// How much a view holds.
    pub fn size(&self, view: &str) -> Option<ViewSize> {
        self.slot.set.lock().as_ref()?.size(view)
    }

    /// Memory of names and credits, which views share.
    pub fn shared_bytes(&self) -> usize {
        self.slot
            .set
            .lock()
            .as_ref()
            .map_or(0, FeatureSet::shared_bytes)
    }

    /// The last event that was taken in.
    pub fn offset(&self) -> u64 {
        self.slot.offset()
    }

    /// The end of the log when it was asked for.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// How many events lie between them.
    pub fn behind(&self) -> u64 {
        self.head.saturating_sub(self.offset())
    }

    /// Entities of a view in the order of their keys.
    pub fn entities(&self, view: &str, after: Option<EntityKey>, limit: usize) -> Vec<EntityKey> {
        let set = self.slot.set.lock();
        set.as_ref()
            .map(|set| set.entities(view, after, limit))
            .unwrap_or_default()
    }

    /// The name of an artist or a context cell.
    pub fn name(&self, id: u128) -> Option<String> {
        self.slot.set.lock().as_ref()?.name(id).map(str::to_owned)
    }

    /// Reads columns of entities as they are now; `None` for an unknown view. A few of the rows are
    /// remembered, to be computed anew one day.
    pub fn read(&self, view: &str, keys: &[EntityKey], columns: &[usize]) -> Option<Answer> {
        let mut set = self.slot.set.lock();
        let set = set.as_mut()?;
        let rows = set.read(view, keys, columns, self.clock.now())?;
        let (offset, at) = (set.offset(), set.now());
        let text = Arc::clone(&set.view(view)?.text);
        let mut served = self.slot.served.lock();
        if columns.is_empty() {
            return Some(Answer { rows, offset, at });
        }
        for (place, key) in keys.iter().take(ROWS_REMEMBERED).enumerate() {
            if served.len() >= limits::FEATURE_ROWS_SERVED_MAX {
                served.pop_front();
            }
            served.push_back(ServedRow {
                view: view.to_owned(),
                text: Arc::clone(&text),
                key: *key,
                columns: columns.to_vec(),
                offset,
                at,
                row: rows.row(place),
            });
        }
        Some(Answer { rows, offset, at })
    }
}
