//! Storing a listening state in parts: what changed since the last time, a bounded number of bytes at
//! once, and none of it counts before all of it is there.

use leitmotif_domain::{ErrorKind, TenantScope};
use leitmotif_storage::ports::{Checkpoint, EventLog, StatePart};

use crate::projection::{CONSUMER, Error, Projection};
use crate::state::{ListeningState, StateSizes};

/// Bytes of parts that are encoded and written at once: as long as nothing else can be written.
const BATCH_BYTES: usize = 2 << 20;
/// Parts that are read at once, some ten kilobytes each.
const READ_PARTS: usize = 256;

/// Who holds a projection, which others read meanwhile.
pub trait Holder: Sync {
    /// Lends it for a moment.
    fn with<T>(&self, work: impl FnOnce(&mut Projection) -> T) -> T;
}

impl Holder for parking_lot::Mutex<Projection> {
    fn with<T>(&self, work: impl FnOnce(&mut Projection) -> T) -> T {
        work(&mut self.lock())
    }
}

/// Stores the state of a projection: the parts that changed since it was stored, then all of it counts
/// at once. Nothing may be taken in meanwhile.
///
/// - Errors: those of the log. What was not stored is stored the next time. Where another state was
///   stored instead, the next time stores all of it.
/// - Cost: memory for two megabytes of parts.
pub async fn save<H: Holder>(
    holder: &H,
    log: &dyn EventLog,
    scope: &TenantScope,
) -> Result<(), Error> {
    let (offset, since, parts) = holder.with(|projection| {
        let parts = projection.state.take_changed_parts();
        (projection.offset, projection.checkpointed(), parts)
    });
    let stored = save_parts(holder, log, scope, (since, offset), &parts).await;
    match &stored {
        Ok(()) => holder.with(|projection| projection.set_checkpointed(offset)),
        Err(error) => {
            let is_elsewhere = error.kind() == ErrorKind::Conflict;
            let stands = log.checkpoint(scope, CONSUMER).await;
            holder.with(|projection| {
                projection.state.forget_stored_parts();
                if let (true, Ok(stands)) = (is_elsewhere, stands) {
                    projection.set_checkpointed(stands.map_or(0, |one| one.offset));
                }
            });
        }
    }
    stored
}

/// Stores all of a state instead of whatever is stored.
///
/// - Errors: those of the log; `Conflict` when somebody else stored a state in between.
pub async fn save_anew<H: Holder>(
    holder: &H,
    log: &dyn EventLog,
    scope: &TenantScope,
) -> Result<(), Error> {
    log.drop_checkpoint(scope, CONSUMER).await?;
    holder.with(|projection| {
        projection.state.forget_stored_parts();
        projection.set_checkpointed(0);
    });
    save(holder, log, scope).await
}

async fn save_parts<H: Holder>(
    holder: &H,
    log: &dyn EventLog,
    scope: &TenantScope,
    (since, offset): (u64, u64),
    parts: &[u32],
) -> Result<(), Error> {
    let mut left = parts;
    // A state that is stored already has nothing new.
    while !left.is_empty() && offset > since {
        let (batch, rest) = holder.with(|projection| encode_some(&projection.state, left))?;
        log.save_parts(scope, CONSUMER, offset, batch).await?;
        left = rest;
    }
    let sizes = holder.with(|projection| projection.state.sizes());
    let state = postcard::to_allocvec(&sizes).map_err(|error| unencoded(&error))?;
    let checkpoint = Checkpoint { offset, state };
    Ok(log.commit_parts(scope, CONSUMER, since, checkpoint).await?)
}

/// Encodes the first of some parts, and answers the others too.
fn encode_some<'p>(
    state: &ListeningState,
    parts: &'p [u32],
) -> Result<(Vec<StatePart>, &'p [u32]), Error> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES
        && let Some(part) = parts.get(batch.len())
    {
        let state = state.encode_part(*part);
        let state = state.map_err(|error| unencoded(&error))?;
        bytes += state.len();
        batch.push(StatePart { part: *part, state });
    }
    let rest = parts.get(batch.len()..).unwrap_or_default();
    Ok((batch, rest))
}

/// Reads a stored state; none where its parts do not read, or are not all there.
pub(crate) async fn read_state(
    log: &dyn EventLog,
    scope: &TenantScope,
    checkpoint: &Checkpoint,
) -> Result<Option<ListeningState>, Error> {
    let Ok(sizes) = postcard::from_bytes::<StateSizes>(&checkpoint.state) else {
        return Ok(None);
    };
    let mut state = ListeningState::with_room(sizes);
    let mut is_read = true;
    let mut from = 0;
    while is_read {
        let parts = log.parts(scope, CONSUMER, from, READ_PARTS).await?;
        let Some(last) = parts.last() else { break };
        from = last.part.saturating_add(1);
        let mut read = parts
            .iter()
            .map(|one| state.decode_part(one.part, &one.state));
        is_read = read.all(|outcome| outcome.is_ok());
    }
    // What was just read is stored.
    state.take_changed_parts();
    Ok((is_read && state.sizes() == sizes).then_some(state))
}

/// What of a state is compared: every part that holds something, in order.
///
/// - Cost: one part in memory at a time.
pub fn parts_of(state: &ListeningState) -> impl Iterator<Item = Result<StatePart, Error>> + '_ {
    (0..state.part_numbers()).filter_map(|part| match state.encode_part(part) {
        Ok(state) if state.is_empty() => None,
        Ok(state) => Some(Ok(StatePart { part, state })),
        Err(error) => Some(Err(unencoded(&error))),
    })
}

fn unencoded(error: &postcard::Error) -> Error {
    Error::Encode {
        reason: error.to_string(),
    }
}
