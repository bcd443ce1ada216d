//! What was done to which file, written down before it is done.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leitmotif_domain::job::Progress;
use serde::{Deserialize, Serialize};

use super::delta::Delta;
use super::file::{Copy, TagChange, check_kind};
use crate::error::{Error, Result};
use crate::tracks::files::hash_file;

/// Problems kept word for word in the report.
const PROBLEMS_KEPT: usize = 20;

/// A file at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub sha256: String,
    pub size_bytes: u64,
    pub modified_s: i64,
    pub modified_ns: i64,
}

/// One change of one file, with what takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub file: String,
    pub changes: Vec<TagChange>,
    pub before: FileState,
    pub after: FileState,
    pub restore: Delta,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A file is about to be changed.
    Written(Box<Written>),
    /// The change told at this byte of the journal was taken back.
    Undone(u64),
}

/// The undo journal: JSON lines, each durable before the file it speaks of is touched.
pub struct Journal {
    file: File,
    end: u64,
}

/// What taking back came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UndoReport {
    /// Files that are as they were.
    pub restored: u64,
    /// Changes that never reached their file.
    pub never_written: u64,
    /// Files left alone because something else changed them since.
    pub left_alone: u64,
    /// The first problems, in words.
    pub problems: Vec<String>,
}

impl Journal {
    /// Opens a journal, or begins one. One process at a time writes tags.
    ///
    /// - Errors: `Unreadable` when it cannot be opened or another process holds it.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |error: io::Error| Error::unreadable(path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(unreadable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::unreadable(path, "another command writes tags now"));
            }
            Err(TryLockError::Error(error)) => return Err(unreadable(error)),
        }
        let end = whole_lines(&mut file).map_err(unreadable)?;
        // What a killed process left half written speaks of a file it did not touch.
        file.set_len(end).map_err(unreadable)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(unreadable)?;
        folder.sync_all().map_err(unreadable)?;
        Ok(Self { file, end })
    }

    /// Tells of a change that is about to be made; durable when it returns.
    pub(super) fn tell(&mut self, written: &Written) -> io::Result<()> {
        self.append(&Line::Written(Box::new(written.clone())))
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        self.end += text.len() as u64;
        Ok(())
    }

    /// Places of the changes that were not taken back, in the order they were made.
    fn open_changes(&mut self) -> io::Result<Vec<u64>> {
        #[derive(Deserialize)]
        struct Sketch {
            undone: Option<u64>,
        }
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&mut self.file);
        let (mut open, mut at, mut text) = (Vec::new(), 0, Vec::new());
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(open);
            }
            let sketch: Sketch = serde_json::from_slice(&text)?;
            match sketch.undone {
                Some(undone) => open.retain(|place| *place != undone),
                None => open.push(at),
            }
            at += read as u64;
        }
    }

    fn change_at(&mut self, place: u64) -> io::Result<Written> {
        self.file.seek(SeekFrom::Start(place))?;
        let mut text = Vec::new();
        BufReader::new(&mut self.file).read_until(b'\n', &mut text)?;
        match serde_json::from_slice(&text)? {
            Line::Written(written) => Ok(*written),
            Line::Undone(_) => Err(io::Error::other(
                "the journal names a line that is no change",
            )),
        }
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut buffer = vec![0; 64 * 1024];
    while end > 0 {
        let piece = end.min(buffer.len() as u64);
        let bytes = &mut buffer[..piece as usize];
        file.seek(SeekFrom::Start(end - piece))?;
        file.read_exact(bytes)?;
        if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - piece + place as u64 + 1);
        }
        end -= piece;
    }
    Ok(0)
}

/// Takes back every change of a journal that was not taken back yet, the last first. Each file is
/// then byte for byte what it was, with the time it had.
///
/// - A file that something else changed since is left alone and counted.
/// - Idempotent: a run that died goes on where it ended.
/// - Errors: `Unreadable` for the journal itself.
pub fn undo(
    journal: &mut Journal,
    journal_path: &Path,
    mut on_progress: impl FnMut(Progress),
) -> Result<UndoReport> {
    let unreadable = |error: io::Error| Error::unreadable(journal_path, error);
    let open = journal.open_changes().map_err(unreadable)?;
    let mut report = UndoReport::default();
    let total = open.len() as u64;
    for (done, place) in (1..).zip(open.into_iter().rev()) {
        let written = journal.change_at(place).map_err(unreadable)?;
        match restore(&written) {
            Ok(was_written) => {
                journal.append(&Line::Undone(place)).map_err(unreadable)?;
                let count = if was_written {
                    &mut report.restored
                } else {
                    &mut report.never_written
                };
                *count += 1;
            }
            Err(error) => {
                report.left_alone += 1;
                if report.problems.len() < PROBLEMS_KEPT {
                    report.problems.push(error.to_string());
                }
            }
        }
        on_progress(Progress { done, total });
    }
    Ok(report)
}

/// Brings a file back; says whether the change had reached it.
fn restore(written: &Written) -> Result<bool> {
    let path = Path::new(&written.file);
    let unreadable = |error: io::Error| Error::unreadable(path, error);
    let copy = Copy::beside(path)?;
    let metadata = std::fs::symlink_metadata(path).map_err(unreadable)?;
    check_kind(path, &metadata)?;
    let present = hash_file(path)?;
    if present == written.before.sha256 {
        return Ok(false);
    }
    if present != written.after.sha256 {
        let reason = "it changed since its tags were written";
        return Err(Error::left_alone(path, reason));
    }
    let rebuilt = (|| {
        let source = File::open(path)?;
        let mut out = BufWriter::new(copy.create()?);
        written.restore.rebuild(&source, &mut out)?;
        let new = out.into_inner().map_err(|error| error.into_error())?;
        new.set_modified(modified(&written.before))?;
        copy.finish(&new, &metadata)
    })();
    let checked = rebuilt.map_err(unreadable).and_then(|()| {
        if hash_file(&copy.path)? == written.before.sha256 {
            return copy.replace(path).map_err(unreadable);
        }
        Err(Error::left_alone(
            path,
            "the journal does not lead back to what it was",
        ))
    });
    if checked.is_err() {
        let _ = std::fs::remove_file(&copy.path);
    }
    checked.map(|()| true)
}

fn modified(state: &FileState) -> SystemTime {
    let nanoseconds = Duration::from_nanos(state.modified_ns.unsigned_abs());
    let seconds = Duration::from_secs(state.modified_s.unsigned_abs());
    let whole = if state.modified_s < 0 {
        UNIX_EPOCH - seconds
    } else {
        UNIX_EPOCH + seconds
    };
    whole + nanoseconds
}
