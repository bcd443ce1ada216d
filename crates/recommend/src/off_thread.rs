//! Work that takes its time, off the threads that answer.

use crate::error::{Error, Result};

/// Does work that is too long for the async threads.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::bug)
}
