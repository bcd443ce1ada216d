//! Work that takes longer than an async thread may be held.

use crate::error::Result;

/// Does work on a thread that may be held.
pub(crate) async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| leitmotif_storage::Error::bug(error).into())
}
