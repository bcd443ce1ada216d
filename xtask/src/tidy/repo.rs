//! The text files of the repository, read once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Names that hold nothing we wrote.
const SKIPPED: [&str; 9] = [
    ".git",
    ".venv",
    "__pycache__",
    "artifacts",
    "corpus",
    "leitmotif-data",
    "node_modules",
    "shared",
    "target",
];
/// Endings of the files that are read.
const TEXT_ENDINGS: [&str; 14] = [
    "css", "html", "js", "json", "md", "mjs", "py", "rs", "sh", "sql", "toml", "txt", "yaml", "yml",
];
/// Larger files are data, not text.
const TEXT_BYTES_MAX: u64 = 2 << 20;

/// A text file.
pub struct TextFile {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl TextFile {
    /// Tells whether the name ends with `.rs`.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// The repository as the checks see it.
pub struct Repo {
    /// Where it lies.
    pub root: PathBuf,
    /// Its text files, sorted by path.
    pub files: Vec<TextFile>,
}

impl Repo {
    /// Reads every text file below `root`.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Tells whether a path exists, a folder too.
    pub fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let path = entry.path();
        // In a linked working tree `.git` is a file.
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            read_folder(root, &path, files)?;
        } else if kind.is_file() && is_text(&path) && entry.metadata()?.len() <= TEXT_BYTES_MAX {
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let shown = path.strip_prefix(root)?.to_string_lossy();
            files.push(TextFile {
                path: shown.replace('\\', "/"),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
    }
    Ok(())
}

/// Files without an ending are scripts and notices.
fn is_text(path: &Path) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some(ending) => TEXT_ENDINGS.contains(&ending),
        None => true,
    }
}
