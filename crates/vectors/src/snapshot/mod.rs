//! Snapshots: an index as one checked file.
//!
//! All numbers are little-endian. A header of 192 bytes is followed by six sections, each padded to
//! 64 bytes: slot states, ids, levels, vectors, bottom links, upper links. Header and sections each
//! carry an XXH64 checksum. Codes are not stored: they follow from the vectors.

mod checksum;
mod map;
mod read;
mod write;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::index::Index;

pub(crate) use read::decode;
pub(crate) use write::encode;

/// First bytes of a snapshot. The last ones reveal transfers that rewrite line ends.
const MAGIC: [u8; 8] = *b"LMVEC\r\n\x1a";

/// Version of the layout; raised when a reader of the old one would misread the new one.
const VERSION: u32 = 1;

const SECTION_COUNT: usize = 6;

/// Fixed part: magic, version, checksum, then 10 words and two words per section.
const HEADER_BYTES: usize = 192;

/// Sections begin at multiples of a cache line.
const ALIGNMENT: usize = 64;

/// Writes a snapshot beside `path`, syncs it and renames it into place.
pub(crate) fn save(index: &Index, path: &Path, generation: u64) -> Result<()> {
    let bytes = encode(index, generation);
    let temporary = temporary_path(path);
    let fail = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    };
    let written = write_synced(&temporary, &bytes).map_err(fail("write", &temporary));
    let renamed = written
        .and_then(|()| fs::rename(&temporary, path).map_err(fail("rename", path)))
        .and_then(|()| sync_folder(path).map_err(fail("sync the folder of", path)));
    if renamed.is_err() {
        // The first error is the one to report; a leftover is overwritten by the next save.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Maps a snapshot into memory and reads it.
pub(crate) fn load(path: &Path) -> Result<(Index, u64)> {
    let map = map::open(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    decode(&map)
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

#[cfg(test)]
mod tests {
    use super::checksum::xxh64;
    use super::*;
    use crate::options::{IndexOptions, Metric};

    /// Rewrites all checksums, as a forger would.
    fn sign(bytes: &mut [u8]) {
        let mut end = HEADER_BYTES;
        for section in 0..SECTION_COUNT {
            let field = 92 + section * 16;
            let length = bytes[field..field + 8].try_into().map(u64::from_le_bytes);
            let start = end.next_multiple_of(ALIGNMENT);
            end = start.saturating_add(length.expect("eight bytes") as usize);
            if let Some(section) = bytes.get(start..end) {
                let sum = xxh64(section);
                bytes[field + 8..field + 16].copy_from_slice(&sum.to_le_bytes());
            }
        }
        let sum = xxh64(&bytes[20..HEADER_BYTES]);
        bytes[12..20].copy_from_slice(&sum.to_le_bytes());
    }

    /// Forged bytes with right checksums either fail or give an index that can be used.
    #[test]
    fn forged_snapshots_never_panic() {
        let options = IndexOptions {
            exact_below: 0,
            m: 2,
            ef_construction: 8,
            ..IndexOptions::default()
        };
        let mut index = Index::new(3, Metric::L2, options).expect("valid options");
        for id in 0..40u8 {
            let vector = [f32::from(id), f32::from(id % 7), 1.0];
            index.upsert(u128::from(id), &vector).expect("valid vector");
        }
        index.remove(3);
        let bytes = encode(&index, 0);
        for at in 0..bytes.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut forged = bytes.clone();
                forged[at] = value;
                sign(&mut forged);
                if let Ok((mut index, _)) = decode(&forged) {
                    let query = vec![1.0; index.dimension()];
                    let _ = index.search(&query, 5, &Default::default());
                    let _ = index.upsert(99, &query);
                    index.remove(5);
                    index.compact();
                }
            }
        }
    }
}
