//! Snapshots: an index as one checked file, laid out so that a mapped file is the index.
//!
//! All numbers are little-endian. A header of 256 bytes is followed by nine sections, each beginning
//! at a multiple of 64 bytes: slot states, ids, levels, vectors, bottom links in whole cache lines,
//! upper links, codes, terms of the codes, and the live slots by ascending id. Header and sections
//! each carry an XXH64 checksum.
//!
//! A load maps the file and leaves ids, vectors, codes, terms, bottom links and the order in it: they
//! are shared with the page cache and with other processes. The maps are private, so a change copies
//! one page, and what is added goes to the heap ([`crate::rows`]). States and upper links, a few
//! bytes a slot, are copied.
//!
//! Everything is checked before `load` returns, not section by section when first used: a search has
//! no way to report damage, and a walk that trusts its links needs every one of them checked. The
//! check reads the whole file once.
//!
//! Version 1 had a header of 192 bytes, no codes, terms and order, and bottom links without padding.
//! It is still read: its ids and vectors stay mapped, the rest is made anew.

mod check;
mod checksum;
mod header;
mod map;
mod read;
mod stored;
mod write;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::index::Index;

pub(crate) use map::{Mapped, Plain};
pub(crate) use write::encode;

/// First bytes of a snapshot. The last ones reveal transfers that rewrite line ends.
const MAGIC: [u8; 8] = *b"LMVEC\r\n\x1a";

/// Version of the layout; raised when a reader of the old one would misread the new one.
const VERSION: u32 = 2;

/// Sections begin at multiples of a cache line, as the arrays of an index do.
const ALIGNMENT: usize = 64;

fn corrupt(what: impl Into<String>) -> Error {
    Error::Corrupt(what.into())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

/// Writes a snapshot beside `path`, syncs it and renames it into place.
///
/// Never in place: indexes that were loaded from the old file still read it. Two writers of one path
/// at a time would share the name beside it; callers hold a lock for that.
pub(crate) fn save(index: &Index, path: &Path, generation: u64) -> Result<()> {
    let bytes = encode(index, generation);
    let temporary = temporary_path(path);
    let written = write_synced(&temporary, &bytes).map_err(io_error("write", &temporary));
    let renamed = written
        .and_then(|()| fs::rename(&temporary, path).map_err(io_error("rename", path)))
        .and_then(|()| sync_folder(path).map_err(io_error("sync the folder of", path)));
    if renamed.is_err() {
        // The first error is the one to report; a leftover is overwritten by the next save.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Maps a snapshot and makes it an index; where it cannot be used in place, reads it.
pub(crate) fn load(path: &Path) -> Result<(Index, u64)> {
    if !map::CAN_MAP {
        return decode(&fs::read(path).map_err(io_error("read", path))?);
    }
    let (file, front, file_bytes) = open(path).map_err(io_error("read", path))?;
    let header = header::Header::decode(&front, file_bytes)?;
    let index = read::read(&read::Source::File(&file, path), &header)?;
    Ok((index, header.generation))
}

/// Makes an index from the bytes of a snapshot, on the heap: the safe twin of [`load`].
pub(crate) fn decode(bytes: &[u8]) -> Result<(Index, u64)> {
    let header = header::Header::decode(bytes, bytes.len())?;
    let index = read::read(&read::Source::Bytes(bytes), &header)?;
    Ok((index, header.generation))
}

/// Opens a file and reads as much as a header takes.
fn open(path: &Path) -> io::Result<(File, Vec<u8>, usize)> {
    let mut file = File::open(path)?;
    let mut front = Vec::with_capacity(header::HEADER_BYTES);
    (&mut file)
        .take(header::HEADER_BYTES as u64)
        .read_to_end(&mut front)?;
    let file_bytes = usize::try_from(file.metadata()?.len())
        .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    Ok((file, front, file_bytes))
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".writing");
    path.with_file_name(name)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename durable; only Unix lets a program sync a folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
