//! Walking a folder: every file once, whatever the links say.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use leitmotif_domain::limits;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Endings of the files that are looked at; what is in them is found out by reading.
pub const AUDIO_EXTENSIONS: [&str; 10] = [
    "mp3", "flac", "ogg", "oga", "wav", "m4a", "aac", "aif", "aiff", "mp4",
];

/// Endings of the texts beside a file that hold its words, the first found counts.
pub const WORDS_EXTENSIONS: [&str; 2] = ["lrc", "txt"];

/// A file that may hold audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Where.
    pub path: PathBuf,
    /// Bytes.
    pub size_bytes: u64,
    /// When it was last written, in milliseconds since the epoch.
    pub modified_ms: i64,
    /// When the words beside it were last modified, if there are any.
    pub words_modified_ms: Option<i64>,
}

/// Walks a folder depth first, without holding a directory's entries in memory.
///
/// - Links are followed; a folder already visited (by device and inode) is not entered again, so
///   cycles end. Unreadable folders are reported and passed over.
pub struct Walk {
    open: Vec<fs::ReadDir>,
    visited: HashSet<(u64, u64)>,
    seen: usize,
}

impl Walk {
    /// Opens the top folder.
    ///
    /// - Errors: `Unreadable` when it does not exist or is no folder.
    pub fn new(top: &Path) -> Result<Self> {
        let metadata = fs::metadata(top).map_err(|error| Error::unreadable(top, error))?;
        let entries = fs::read_dir(top).map_err(|error| Error::unreadable(top, error))?;
        let visited = HashSet::from([(metadata.dev(), metadata.ino())]);
        Ok(Self {
            open: vec![entries],
            visited,
            seen: 0,
        })
    }

    fn step(&mut self, path: &Path) -> Result<Option<FoundFile>> {
        let metadata = fs::metadata(path).map_err(|error| Error::unreadable(path, error))?;
        if metadata.is_dir() {
            let is_new = self.visited.insert((metadata.dev(), metadata.ino()));
            if is_new && self.open.len() < limits::SCAN_DEPTH_MAX {
                let entries = fs::read_dir(path).map_err(|error| Error::unreadable(path, error))?;
                self.open.push(entries);
            }
            return Ok(None);
        }
        if !metadata.is_file() || !has_audio_ending(path) {
            return Ok(None);
        }
        let words = WORDS_EXTENSIONS
            .iter()
            .find_map(|ending| fs::metadata(path.with_extension(ending)).ok());
        Ok(Some(FoundFile {
            path: path.to_owned(),
            size_bytes: metadata.len(),
            modified_ms: modified_ms_of(&metadata),
            words_modified_ms: words.as_ref().map(modified_ms_of),
        }))
    }
}

impl Iterator for Walk {
    type Item = Result<FoundFile>;

    fn next(&mut self) -> Option<Result<FoundFile>> {
        while let Some(entries) = self.open.last_mut() {
            let entry = match entries.next() {
                None => {
                    self.open.pop();
                    continue;
                }
                Some(Err(error)) => {
                    self.open.pop();
                    return Some(Err(Error::unreadable(Path::new("a folder"), error)));
                }
                Some(Ok(entry)) => entry,
            };
            self.seen += 1;
            if self.seen > limits::SCAN_FILES_MAX {
                self.open.clear();
                let reason = format!("more than {} entries", limits::SCAN_FILES_MAX);
                return Some(Err(Error::unreadable(&entry.path(), reason)));
            }
            match self.step(&entry.path()) {
                Ok(None) => {}
                Ok(Some(file)) => return Some(Ok(file)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

fn modified_ms_of(metadata: &fs::Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000)
        .saturating_add(metadata.mtime_nsec() / 1_000_000)
}

/// The lower-case ending of a file name.
pub fn extension_of(path: &Path) -> String {
    path.extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

fn has_audio_ending(path: &Path) -> bool {
    AUDIO_EXTENSIONS.contains(&extension_of(path).as_str())
}

/// Hashes a file's bytes (SHA-256, hexadecimal), reading in pieces.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).map_err(|error| Error::unreadable(path, error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| Error::unreadable(path, error))?;
        if read == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// Reads the start of a text file, repairing broken UTF-8; `None` when there is no such file.
pub fn read_text(path: &Path, bytes_max: usize) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .ok()?
        .take(bytes_max as u64)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_once_and_cycles_end() {
        let folder = tempfile::tempdir().unwrap();
        let album = folder.path().join("artist/album");
        fs::create_dir_all(&album).unwrap();
        fs::write(album.join("one.MP3"), b"a").unwrap();
        fs::write(album.join("cover.jpg"), b"a").unwrap();
        std::os::unix::fs::symlink(folder.path(), album.join("up")).unwrap();
        std::os::unix::fs::symlink(album.join("nowhere"), album.join("dangling.mp3")).unwrap();
        let found: Vec<_> = Walk::new(folder.path()).unwrap().collect();
        let files: Vec<_> = found.iter().flatten().collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].path.ends_with("one.MP3"));
        assert_eq!(found.len(), 2, "the dangling link is reported");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Walk::new(Path::new("/does/not/exist")).err().unwrap();
        assert!(error.to_string().contains("/does/not/exist"));
    }
}
