//! The log of facts.

use async_trait::async_trait;
use leitmotif_domain::event::{Event, EventPayload, RecordedEvent};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp};

use crate::error::Result;

/// What became of one appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its position in the log, the earlier one if it was there already.
    pub offset: u64,
    /// Whether it was there already; nothing changed then.
    pub is_duplicate: bool,
}

/// How far a consumer has read, with the state it reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last offset that is part of the state; 0 before the first.
    pub offset: u64,
    /// The consumer's state.
    pub state: Vec<u8>,
}

/// A part of a consumer's state, for states that are too large to be one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatePart {
    /// Its number, which the consumer chooses.
    pub part: u32,
    /// Its bytes.
    pub state: Vec<u8>,
}

/// Which events of a listener and a kind are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventWindow {
    /// The kind, by its stable name.
    pub kind: String,
    /// Only events that happened later.
    pub after: Option<Timestamp>,
    /// Only events that happened earlier.
    pub before: Option<Timestamp>,
    /// Whether the earliest come first; the latest do otherwise.
    pub is_earliest_first: bool,
}

impl EventWindow {
    /// All events of a kind, the latest first.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            after: None,
            before: None,
            is_earliest_first: false,
        }
    }

    /// The events of one moment.
    pub fn at(kind: &str, moment: Timestamp) -> Self {
        Self {
            after: Some(moment.plus_ms(-1)),
            before: Some(moment.plus_ms(1)),
            ..Self::of_kind(kind)
        }
    }
}

/// Which events of the log are read, and in which direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSelection {
    /// Only this kind, by its stable name.
    pub kind: Option<String>,
    /// Only this listener's.
    pub listener: Option<ListenerId>,
    /// Whether the reader goes back from the newest.
    pub is_newest_first: bool,
    /// Whether what was answered is left out, [`leitmotif_domain::event::EventPayload::ANSWER_KINDS`].
    pub is_without_answers: bool,
}

impl EventSelection {
    /// Everything but what was answered, oldest first: what those follow who make answers and matches.
    pub fn without_answers() -> Self {
        Self {
            is_without_answers: true,
            ..Self::default()
        }
    }

    /// Whether a kind is left out for what it tells.
    pub(crate) fn leaves_out(&self, kind: &str) -> bool {
        self.is_without_answers && EventPayload::ANSWER_KINDS.contains(&kind)
    }
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSlice {
    /// What was selected, in the reader's direction.
    pub events: Vec<RecordedEvent>,
    /// How far the reader came: where the next part begins. It may come further without having
    /// found anything.
    pub reached: u64,
}

/// How far a consumer is, without its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerPosition {
    /// Its name.
    pub consumer: String,
    /// The last offset that is part of its stored state.
    pub offset: u64,
    /// Size of the stored state with its parts.
    pub state_bytes: u64,
}

/// The append-only log of a tenant.
///
/// - Ordering: offsets grow by one per new event; a reader never sees offset n + 1 before n.
/// - Durability: an acknowledged event survives a crash of the process and of the machine.
/// - Idempotency: by `event_id`; the first write wins.
/// - Visibility: an appended event is readable once its append returned.
/// - Metering: each new event that [`leitmotif_domain::event::EventPayload::is_metered`] counts one
///   `events` in the usage of the day, in the same transaction.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends events, all or none. The answer has their order.
    ///
    /// - Errors: `Invalid` beyond [`leitmotif_domain::limits::EVENTS_PER_BATCH_MAX`].
    async fn append(&self, scope: &TenantScope, events: Vec<Event>) -> Result<Vec<Appended>>;

    /// Reads up to `limit` events after an offset, in order.
    async fn read(
        &self,
        scope: &TenantScope,
        after_offset: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>>;

    /// Reads up to `limit` selected events beyond an offset in the reader's direction: after
    /// `from`, or before it for the newest first. Without a listener at most
    /// [`leitmotif_domain::limits::EVENTS_SCANNED_MAX`] offsets are looked at, so that a rare kind
    /// costs several short reads instead of a long one.
    async fn select(
        &self,
        scope: &TenantScope,
        selection: &EventSelection,
        from: u64,
        limit: usize,
    ) -> Result<EventSlice>;

    /// The last offset, 0 for an empty log. Cheap: asked on every request.
    async fn head(&self, scope: &TenantScope) -> Result<u64>;

    /// Reads a listener's events, newest offset first; the page key is an offset.
    ///
    /// - Cost: may look at the key of every event of the listener, and reads those of the page.
    async fn of_listener(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        page: &PageRequest,
    ) -> Result<Page<RecordedEvent>>;

    /// Reads up to `limit` events of a listener by the moment they happened, those of one moment by
    /// offset.
    async fn of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        window: &EventWindow,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>>;

    /// Reads an event by its id.
    async fn event(&self, scope: &TenantScope, id: EventId) -> Result<Option<RecordedEvent>>;

    /// Counts a listener's events of a kind.
    async fn count_of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        kind: &str,
    ) -> Result<u64>;

    /// Reads a consumer's checkpoint.
    async fn checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<Option<Checkpoint>>;

    /// Every consumer with a checkpoint, by name.
    async fn consumers(&self, scope: &TenantScope) -> Result<Vec<ConsumerPosition>>;

    /// Stores how far a consumer is together with its state, in one transaction. An offset behind
    /// the stored one is refused with `Conflict`: two copies of a consumer are running.
    async fn save_checkpoint(
        &self,
        scope: &TenantScope,
        consumer: &str,
        checkpoint: Checkpoint,
    ) -> Result<()>;

    /// Writes parts of the state that a consumer has at an offset, durable but not yet read: they are
    /// what [`EventLog::parts`] reads once [`EventLog::commit_parts`] names that offset. Until then, and
    /// after a crash, the parts before stand. Written again, a part replaces the one of that offset.
    ///
    /// - Errors: `Conflict` when the stored checkpoint has that offset or a later one.
    async fn save_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        offset: u64,
        parts: Vec<StatePart>,
    ) -> Result<()>;

    /// Makes the parts that were written at the checkpoint's offset the stored ones, together with the
    /// checkpoint and in one transaction: each takes the place of the part of its number, parts that
    /// were not written again stay. What was written and never committed is removed.
    ///
    /// - `since` is the offset of the checkpoint that the parts are changes of, 0 for none. `Conflict`
    ///   when another one is stored, and the new one is not, or when the offset goes back.
    async fn commit_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        since: u64,
        checkpoint: Checkpoint,
    ) -> Result<()>;

    /// Reads up to `limit` of the stored parts from a number on, in order.
    async fn parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        from: u32,
        limit: usize,
    ) -> Result<Vec<StatePart>>;

    /// Forgets a checkpoint and its parts, so that the consumer starts anew.
    async fn drop_checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<()>;
}
