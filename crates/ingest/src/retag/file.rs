//! One file: what would change, and the change itself.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::delta::Delta;
use super::journal::{FileState, Journal, Written};
use super::names::{Container, TagBlock, TagName, container_of};
use super::values::TagValues;
use crate::error::{Error, Result};
use crate::tracks::files::hash_file;
use crate::tracks::payload::hash_payload;
use crate::tracks::tags::read_tags;

/// What the catalogue knows of the sound it analysed.
#[derive(Debug, Clone, Copy)]
pub struct KnownSound<'a> {
    /// SHA-256 of all bytes.
    pub content_hash: &'a str,
    /// Hash of the sound without the tags.
    pub payload_hash: Option<&'a str>,
}

/// One tag that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// Which.
    pub name: TagName,
    /// What stood there.
    pub old: Option<String>,
    /// What will.
    pub new: String,
}

/// What would change in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPlan {
    path: PathBuf,
    container: Container,
    /// The changes; empty when everything stands there already.
    pub changes: Vec<TagChange>,
}

/// Finds what would change in a file. Writes nothing.
///
/// - Errors: `LeftAlone` with the reason: a link, a file of several names, a read-only one, a format
///   whose tags we do not write, tags that do not read completely, sound that is not the one
///   analysed; `Unreadable`.
pub fn plan(path: &Path, known: KnownSound<'_>, wanted: &TagValues) -> Result<TagPlan> {
    let alone = |reason: String| Error::left_alone(path, reason);
    check_kind(path, &stat(path)?)?;
    let container = container_of(path).map_err(|error| Error::unreadable(path, error))?;
    let container = container.ok_or_else(|| alone("tags of this format are not written".into()))?;
    let present = TagBlock::read(path, container).map_err(alone)?.values();
    let genre = read_tags(path).details.genre;
    let changes: Vec<TagChange> = (wanted.iter())
        .filter(|(name, new)| !is_same(**name, present.get(name), genre.as_deref(), new))
        .map(|(name, new)| TagChange {
            name: *name,
            old: present.get(name).cloned(),
            new: new.clone(),
        })
        .collect();
    if !changes.is_empty() {
        check_sound(path, known)?;
    }
    Ok(TagPlan {
        path: path.to_owned(),
        container,
        changes,
    })
}

/// Whether a tag says already what it should: a finer tempo is kept, and a genre counts as the scan
/// reads it (`(17)` is `Rock`).
fn is_same(name: TagName, present: Option<&String>, genre: Option<&str>, new: &str) -> bool {
    let Some(present) = present else {
        return false;
    };
    match name {
        TagName::Bpm => present
            .trim()
            .parse()
            .is_ok_and(|bpm: f64| format!("{:.0}", bpm.round()) == new),
        TagName::Genre => present == new || genre == Some(new),
        _ => present == new,
    }
}

fn stat(path: &Path) -> Result<Metadata> {
    fs::symlink_metadata(path).map_err(|error| Error::unreadable(path, error))
}

/// A change puts a new file in the place of the old one, which a link or a second name would not
/// follow; and a file that its owner protected stays so even where we could write.
pub(super) fn check_kind(path: &Path, metadata: &Metadata) -> Result<()> {
    let reason = if metadata.file_type().is_symlink() {
        "it is a link; name the file itself in the catalogue"
    } else if !metadata.is_file() {
        "it is no file"
    } else if metadata.nlink() > 1 {
        "it has several names (hard links), which would part"
    } else if metadata.permissions().readonly() {
        "it is read-only"
    } else {
        return Ok(());
    };
    Err(Error::left_alone(path, reason))
}

fn check_sound(path: &Path, known: KnownSound<'_>) -> Result<()> {
    let is_known = match known.payload_hash {
        Some(payload) => hash_payload(path)?.as_deref() == Some(payload),
        None => hash_file(path)? == known.content_hash,
    };
    if is_known {
        return Ok(());
    }
    let reason = "it changed since it was analysed; import its folder again first";
    Err(Error::left_alone(path, reason))
}

/// Changes the tags of a file.
///
/// The new file is made beside the old one, checked (same sound, tags as wanted), told to the
/// journal, and only then put in the old one's place by a rename: whenever the process dies, the
/// file is the old or the new one, and the journal can bring the old one back. Its permissions are
/// kept, and its owner where the system allows it. Its time of modification moves, because players
/// and backups look for changes by it; taking the change back brings the old time back as well.
///
/// - Errors: `LeftAlone` when the new file does not pass or the old one changed meanwhile;
///   `Unreadable` when the disk refuses. The file is as it was then.
pub fn apply(plan: &TagPlan, journal: &mut Journal) -> Result<()> {
    let path = plan.path.as_path();
    let before = stat(path)?;
    check_kind(path, &before)?;
    let copy = Copy::beside(path)?;
    let result = write_new(plan, &before, &copy, journal);
    // After the rename there is nothing to remove; before it, a copy that stays is harmless.
    let _ = fs::remove_file(&copy.path);
    result
}

fn write_new(plan: &TagPlan, before: &Metadata, copy: &Copy, journal: &mut Journal) -> Result<()> {
    let path = plan.path.as_path();
    let unreadable = |error: io::Error| Error::unreadable(path, error);
    let alone = |reason: String| Error::left_alone(path, reason);
    let mut tags = TagBlock::read(path, plan.container).map_err(alone)?;
    for change in &plan.changes {
        tags.set(change.name, &change.new);
    }
    let mut original = File::open(path).map_err(unreadable)?;
    let mut new = copy.create().map_err(unreadable)?;
    io::copy(&mut original, &mut new).map_err(unreadable)?;
    tags.write(&mut new).map_err(alone)?;
    check_new(plan, copy)?;
    copy.finish(&new, before).map_err(unreadable)?;
    let state = |path: &Path, metadata: &Metadata| -> Result<FileState> {
        Ok(FileState {
            sha256: hash_file(path)?,
            size_bytes: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
        })
    };
    let written = Written {
        file: path.to_string_lossy().into_owned(),
        changes: plan.changes.clone(),
        before: state(path, before)?,
        after: state(&copy.path, &new.metadata().map_err(unreadable)?)?,
        restore: Delta::between(&original, &new).map_err(unreadable)?,
    };
    let now = stat(path)?;
    let is_untouched = |a: &Metadata, b: &Metadata| {
        (a.ino(), a.len(), a.mtime(), a.mtime_nsec())
            == (b.ino(), b.len(), b.mtime(), b.mtime_nsec())
    };
    if !is_untouched(before, &now) {
        return Err(alone("it changed while its tags were written".to_owned()));
    }
    journal.tell(&written).map_err(unreadable)?;
    copy.replace(path).map_err(unreadable)
}

fn check_new(plan: &TagPlan, copy: &Copy) -> Result<()> {
    let alone = |reason: &str| Error::left_alone(&plan.path, reason);
    let sound = hash_payload(&plan.path)?;
    if sound.is_none() {
        return Err(alone("where its sound lies is not understood"));
    }
    if hash_payload(&copy.path)? != sound {
        return Err(alone("writing its tags would change its sound"));
    }
    let written = TagBlock::read(&copy.path, plan.container)
        .map_err(|reason| alone(&reason))?
        .values();
    let is_written = |change: &TagChange| written.get(&change.name) == Some(&change.new);
    if plan.changes.iter().all(is_written) {
        return Ok(());
    }
    Err(alone("its tags do not take the new values"))
}

/// The file that is to take a file's place.
pub(super) struct Copy {
    pub(super) path: PathBuf,
    folder: PathBuf,
}

impl Copy {
    /// Names the copy: beside the file, because a rename does not cross file systems, and always the
    /// same for one file, so that what a killed process left is written over.
    pub(super) fn beside(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = hex::encode(Sha256::digest(path.as_os_str().as_encoded_bytes()));
        let path = folder.join(format!(".leitmotif-tags-{}.tmp", &name[..16]));
        Ok(Self { path, folder })
    }

    pub(super) fn create(&self) -> io::Result<File> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create_new(true)
            .open(&self.path)
    }

    /// Gives the copy the permissions and, where allowed, the owner of the file, and makes it durable.
    pub(super) fn finish(&self, copy: &File, before: &Metadata) -> io::Result<()> {
        // Only the superuser may give files away; for everybody else the owner is the same anyway.
        let _ = std::os::unix::fs::fchown(copy, Some(before.uid()), Some(before.gid()));
        copy.set_permissions(before.permissions())?;
        copy.sync_all()
    }

    pub(super) fn replace(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        File::open(&self.folder)?.sync_all()
    }
}
