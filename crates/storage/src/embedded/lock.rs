//! One process per folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Holds the folder until dropped; the operating system lets go when the process dies, however.
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock and writes who holds it.
    ///
    /// - Errors: `Locked` naming the holder.
    pub fn take(root: &Path, holder: &str) -> Result<Self> {
        let path = root.join("LOCK");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    path: root.display().to_string(),
                    holder: Self::holder(root).unwrap_or_else(|| "another process".to_owned()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.write_all(holder.as_bytes())?;
        Ok(Self { _file: file })
    }

    /// Reads who wrote itself down last.
    pub fn holder(root: &Path) -> Option<String> {
        let text = std::fs::read_to_string(root.join("LOCK")).ok()?;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    }
}
