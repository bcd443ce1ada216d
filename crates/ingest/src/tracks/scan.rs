//! Reading a folder into the catalogue, again and again: unchanged files cost a look, renamed ones
//! no analysis.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use leitmotif_domain::job::Progress;
use leitmotif_domain::track::{AudioLocation, AudioSource};
use leitmotif_domain::{ErrorKind, TenantScope, limits};
use leitmotif_storage::ports::{BlobKey, TrackPatch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue::{Catalogue, is_cut, lyrics_of};
use crate::error::{Error, Result};
use crate::tracks::files::{FoundFile, WORDS_EXTENSIONS, Walk, extension_of, hash_file, read_text};
use crate::tracks::payload::hash_payload;
use crate::tracks::tags::read_tags;

/// Files written to the catalogue together.
const BATCH_FILES: usize = 200;
/// Batches between two writings of the stamps; what a death in between costs is hashing again.
const BATCHES_PER_SAVE: usize = 16;
/// Problems kept word for word in the report.
const PROBLEMS_KEPT: usize = 20;

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Audio files seen.
    pub files: u64,
    /// Files as they were at the last scan.
    pub unchanged: u64,
    /// Tracks written or renewed.
    pub written: u64,
    /// Files whose bytes another file of this scan has too.
    pub duplicates: u64,
    /// Tracks whose lyrics were longer than their bound, and are kept to it.
    #[serde(default)]
    pub lyrics_cut: u64,
    /// Files and folders that could not be read.
    pub unreadable: u64,
    /// The first problems, in words.
    pub problems: Vec<String>,
}

/// What the last scan knew of each file.
type Stamps = HashMap<PathBuf, Stamp>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size_bytes: u64,
    modified_ms: i64,
    #[serde(default)]
    words_modified_ms: Option<i64>,
    content_hash: String,
}

/// A file with its tags and words read.
struct ReadFile {
    patch: TrackPatch,
    is_lyrics_cut: bool,
    path: PathBuf,
    stamp: Stamp,
}

/// Reads a folder into the catalogue. `on_progress` hears of files done and files seen.
///
/// - Idempotent: a second scan of an unchanged folder changes nothing. A scan that died goes on
///   where its last batch ended, because written files carry a stamp.
/// - Errors: `Unreadable` for the folder itself, `Storage`. Broken files are counted, not errors.
pub async fn scan_folder(
    catalogue: &Catalogue,
    scope: &TenantScope,
    folder: &Path,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<ScanReport> {
    let key = stamps_key(folder)?;
    let mut stamps = load_stamps(catalogue, scope, &key).await?;
    let mut report = ScanReport::default();
    let mut hashes = HashSet::new();
    let mut walk = Walk::new(folder)?;
    for batch in 1.. {
        let (walked, found) = blocking(move || {
            let found: Vec<_> = walk.by_ref().take(BATCH_FILES).collect();
            (walk, found)
        })
        .await?;
        walk = walked;
        if found.is_empty() {
            break;
        }
        let fresh = sort_out(found, &stamps, &mut hashes, &mut report);
        let read = blocking(move || fresh.into_iter().map(read_file).collect::<Vec<_>>()).await?;
        write_batch(
            catalogue,
            scope,
            read,
            &mut stamps,
            &mut hashes,
            &mut report,
        )
        .await?;
        if batch % BATCHES_PER_SAVE == 0 {
            save_stamps(catalogue, scope, &key, &stamps).await?;
        }
        let done = report.unchanged + report.written + report.duplicates;
        on_progress(Progress {
            done,
            total: report.files,
        });
    }
    save_stamps(catalogue, scope, &key, &stamps).await?;
    Ok(report)
}

/// Keeps the files that must be read: new ones and those whose size or time changed.
fn sort_out(
    found: Vec<Result<FoundFile>>,
    stamps: &Stamps,
    hashes: &mut HashSet<String>,
    report: &mut ScanReport,
) -> Vec<FoundFile> {
    let mut fresh = Vec::new();
    for item in found {
        match item {
            Err(error) => note_problem(report, &error),
            Ok(file) => {
                report.files += 1;
                let known = stamps.get(&file.path).filter(|stamp| {
                    stamp.size_bytes == file.size_bytes
                        && stamp.modified_ms == file.modified_ms
                        && stamp.words_modified_ms == file.words_modified_ms
                });
                match known {
                    Some(stamp) => {
                        report.unchanged += 1;
                        hashes.insert(stamp.content_hash.clone());
                    }
                    None => fresh.push(file),
                }
            }
        }
    }
    fresh
}

fn read_file(file: FoundFile) -> Result<ReadFile> {
    let content_hash = hash_file(&file.path)?;
    let tags = read_tags(&file.path);
    let mut details = tags.details;
    let path_text = file.path.to_string_lossy();
    if path_text.len() <= limits::NAME_BYTES_MAX && !path_text.chars().any(char::is_control) {
        details
            .external_ids
            .insert("path".to_owned(), path_text.into_owned());
    }
    details
        .external_ids
        .insert("sha256".to_owned(), content_hash.clone());
    let beside = WORDS_EXTENSIONS
        .iter()
        .find_map(|ending| read_text(&file.path.with_extension(ending), limits::BODY_BYTES_MAX));
    let lyrics = beside.or(tags.lyrics).and_then(|text| lyrics_of(&text));
    let audio = AudioSource {
        location: AudioLocation::File(file.path.to_string_lossy().into_owned()),
        content_hash: content_hash.clone(),
        payload_hash: hash_payload(&file.path)?,
        size_bytes: file.size_bytes,
        extension: extension_of(&file.path),
    };
    Ok(ReadFile {
        is_lyrics_cut: lyrics.as_ref().is_some_and(is_cut),
        patch: TrackPatch {
            id: None,
            details,
            audio: Some(audio),
            lyrics,
        },
        stamp: Stamp {
            size_bytes: file.size_bytes,
            modified_ms: file.modified_ms,
            words_modified_ms: file.words_modified_ms,
            content_hash,
        },
        path: file.path,
    })
}

async fn write_batch(
    catalogue: &Catalogue,
    scope: &TenantScope,
    read: Vec<Result<ReadFile>>,
    stamps: &mut Stamps,
    hashes: &mut HashSet<String>,
    report: &mut ScanReport,
) -> Result<()> {
    let mut fresh = Vec::new();
    for item in read {
        match item {
            Err(error) => note_problem(report, &error),
            Ok(file) if hashes.insert(file.stamp.content_hash.clone()) => fresh.push(file),
            Ok(file) => {
                report.duplicates += 1;
                stamps.insert(file.path, file.stamp);
            }
        }
    }
    let patches: Vec<TrackPatch> = fresh.iter().map(|file| file.patch.clone()).collect();
    let is_whole = match catalogue.upsert(scope, patches).await {
        Ok(_) => true,
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Conflict) => false,
        Err(error) => return Err(error),
    };
    for file in fresh {
        // A single track that the store refuses must not hold up the other files.
        if !is_whole && let Err(error) = catalogue.upsert(scope, vec![file.patch]).await {
            note_problem(report, &Error::unreadable(&file.path, error));
            continue;
        }
        report.written += 1;
        report.lyrics_cut += u64::from(file.is_lyrics_cut);
        stamps.insert(file.path, file.stamp);
    }
    Ok(())
}

fn note_problem(report: &mut ScanReport, error: &Error) {
    report.unreadable += 1;
    if report.problems.len() < PROBLEMS_KEPT {
        report.problems.push(error.to_string());
    }
}

fn stamps_key(folder: &Path) -> Result<BlobKey> {
    let name = hex::encode(Sha256::digest(folder.to_string_lossy().as_bytes()));
    Ok(format!("scans/{}.json", &name[..32]).parse()?)
}

async fn load_stamps(catalogue: &Catalogue, scope: &TenantScope, key: &BlobKey) -> Result<Stamps> {
    if catalogue.blobs.stat(scope, key).await?.is_none() {
        return Ok(Stamps::new());
    }
    let bytes = catalogue.blobs.read(scope, key, 0..u64::MAX).await?;
    // Lost stamps cost a second hashing, nothing else.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn save_stamps(
    catalogue: &Catalogue,
    scope: &TenantScope,
    key: &BlobKey,
    stamps: &Stamps,
) -> Result<()> {
    let bytes = serde_json::to_vec(stamps).map_err(leitmotif_storage::Error::bug)?;
    Ok(catalogue.blobs.put(scope, key, bytes.into()).await?)
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| leitmotif_storage::Error::bug(error).into())
}
