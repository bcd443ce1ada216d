//! Reading a file through a memory map.
#![allow(unsafe_code)] // a memory map is unsafe by nature: the file may change under it

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// The bytes of a file; an empty file cannot be mapped and has none.
pub(super) enum FileBytes {
    Empty,
    Mapped(Mmap),
}

impl std::ops::Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Mapped(map) => map,
        }
    }
}

/// Maps a file for reading.
pub(super) fn open(path: &Path) -> io::Result<FileBytes> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(FileBytes::Empty);
    }
    // SAFETY: snapshots are written under another name and renamed, never changed in place, so the
    // mapped file stays as it is even when a newer one replaces it. The map lives for one load.
    let map = unsafe { Mmap::map(&file)? };
    Ok(FileBytes::Mapped(map))
}
