//! Keeping a listening state level with the log.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use leitmotif_domain::event::RecordedEvent;
use leitmotif_domain::{ErrorKind, TenantScope};
use leitmotif_storage::ports::EventLog;

use crate::saving;
use crate::state::ListeningState;

/// The name under which the state is checkpointed. A changed state shape takes a new name, so that
/// an old checkpoint is never misread: the state is rebuilt from the log instead.
pub const CONSUMER: &str = "listening-6";
/// Names of earlier shapes; their checkpoints are dropped when the present shape is first opened.
const RETIRED: &[&str] = &["listening-1", "listening-2", "listening-3", "listening-4"];
/// Events read at once.
pub const READ_BATCH: usize = 5_000;

/// Why a projection cannot follow.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The log cannot be read or the checkpoint not written.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// The state does not encode.
    #[error("cannot encode the listening state: {reason}")]
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

/// A listening state and the log offset it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// The state.
    pub state: ListeningState,
    /// The last offset in it.
    pub offset: u64,
    checkpointed: u64,
}

impl Projection {
    /// Starts from the stored checkpoint, or from nothing when there is none that reads.
    pub async fn open(log: &dyn EventLog, scope: &TenantScope) -> Result<Self, Error> {
        let Some(checkpoint) = log.checkpoint(scope, CONSUMER).await? else {
            for retired in RETIRED {
                log.drop_checkpoint(scope, retired).await?;
            }
            return Ok(Self::default());
        };
        if let Some(state) = saving::read_state(log, scope, &checkpoint).await? {
            return Ok(Self {
                state,
                offset: checkpoint.offset,
                checkpointed: checkpoint.offset,
            });
        }
        // The log has everything; a checkpoint is only a shortcut.
        log.drop_checkpoint(scope, CONSUMER).await?;
        Ok(Self::default())
    }

    /// Builds the state anew from the first event up to an offset, beside whatever lives.
    ///
    /// - Cost: reads and decodes the whole log up to there; memory for one more state.
    pub async fn replay(
        log: &dyn EventLog,
        scope: &TenantScope,
        through_offset: u64,
    ) -> Result<Self, Error> {
        let mut projection = Self::default();
        projection.follow(log, scope, through_offset).await?;
        Ok(projection)
    }

    /// Takes in events that follow the state, in order. Events it has already are passed over.
    pub fn take(&mut self, events: &[RecordedEvent]) {
        for event in events {
            if event.offset > self.offset {
                self.state.apply(event);
                self.offset = event.offset;
            }
        }
    }

    /// Passes over events that change nothing in a state; who knows that of them says so. Nothing happens
    /// where the state is no longer at `from`.
    pub fn pass_over(&mut self, from: u64, through: u64) {
        if self.offset == from {
            self.offset = self.offset.max(through);
        }
    }

    /// Reads what the log has beyond the state, up to its present head.
    pub async fn catch_up(&mut self, log: &dyn EventLog, scope: &TenantScope) -> Result<(), Error> {
        let head = log.head(scope).await?;
        self.follow(log, scope, head).await
    }

    /// Reads up to an offset. The next events are read and decoded while those before are taken in.
    async fn follow(
        &mut self,
        log: &dyn EventLog,
        scope: &TenantScope,
        through_offset: u64,
    ) -> Result<(), Error> {
        let read = |after: u64| {
            let left = through_offset.saturating_sub(after);
            let batch = READ_BATCH.min(usize::try_from(left).unwrap_or(READ_BATCH));
            log.read(scope, after, batch)
        };
        if self.offset >= through_offset {
            return Ok(());
        }
        let mut ahead = Ahead::begin(read(self.offset)).await;
        loop {
            let events = ahead.end().await?;
            let Some(last) = events.last().map(|event| event.offset) else {
                return Ok(());
            };
            if last >= through_offset {
                self.take(&events);
                return Ok(());
            }
            ahead = Ahead::begin(read(last)).await;
            self.take(&events);
        }
    }

    /// Events taken in since the last checkpoint.
    pub fn behind_checkpoint(&self) -> u64 {
        self.offset.saturating_sub(self.checkpointed)
    }

    /// The offset of the stored checkpoint, 0 for none.
    pub(crate) fn checkpointed(&self) -> u64 {
        self.checkpointed
    }

    /// Says at which offset the state is stored.
    pub(crate) fn set_checkpointed(&mut self, offset: u64) {
        self.checkpointed = offset;
    }
}

/// Work that was begun and is waited for later.
pub(crate) enum Ahead<F: Future> {
    Running(F),
    Done(F::Output),
}

impl<F: Future + Unpin> Ahead<F> {
    /// Begins: what the work asks of other threads is done there from now on.
    pub async fn begin(mut work: F) -> Self {
        match poll_fn(|context| Poll::Ready(Pin::new(&mut work).poll(context))).await {
            Poll::Ready(output) => Self::Done(output),
            Poll::Pending => Self::Running(work),
        }
    }

    /// Waits for the end.
    pub async fn end(self) -> F::Output {
        match self {
            Self::Running(work) => work.await,
            Self::Done(output) => output,
        }
    }
}
