//! Poems as texts of the length of a song.

use std::path::Path;

use anyhow::{Context, ensure};

/// Lines of a text at most: long poems are cut into texts of about the length of a song.
const LINES_MAX: usize = 48;
/// Lines of a text at least.
const LINES_MIN: usize = 8;

/// A text in two halves.
pub struct Text {
    pub author: String,
    /// The poem it is of: cantos of one are one.
    pub poem: String,
    /// Whether it is the beginning of a title.
    pub is_first: bool,
    pub halves: [String; 2],
}

impl Text {
    pub fn whole(&self) -> String {
        self.halves.join("\n")
    }
}

/// Reads every `poems_en_*.txt` of a folder.
pub fn read_texts(folder: &Path) -> anyhow::Result<Vec<Text>> {
    let entries = folder
        .read_dir()
        .with_context(|| folder.display().to_string())?;
    let mut paths: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with("poems_en_") && name.ends_with(".txt")
    });
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        texts.extend(texts_of(&String::from_utf8_lossy(&bytes)));
    }
    ensure!(
        !texts.is_empty(),
        "no `poems_en_*.txt` in {}",
        folder.display()
    );
    Ok(texts)
}

fn texts_of(file: &str) -> Vec<Text> {
    let (mut texts, mut author, mut title, mut number) = (Vec::new(), "", "", 0);
    let mut lines: Vec<&str> = Vec::new();
    for line in file.lines().chain(["TITLE"]).map(str::trim) {
        if let Some(name) = line.strip_prefix("AUTHOR") {
            author = name.trim();
        } else if let Some(next) = line.strip_prefix("TITLE") {
            texts.extend(cut(author, &poem_of(title, number), &lines));
            lines.clear();
            (title, number) = (next.trim(), number + 1);
        } else if !line.is_empty() && !line.starts_with("RHYME") {
            lines.push(line);
        }
    }
    texts
}

/// `Don Juan, II` is `Don Juan`; a title that is missing, or stands twice, is a poem of its own.
fn poem_of(title: &str, number: usize) -> String {
    match title.split_once(',') {
        Some((poem, _)) if !poem.is_empty() => poem.to_owned(),
        _ => format!("{title} #{number}"),
    }
}

fn cut(author: &str, poem: &str, lines: &[&str]) -> Vec<Text> {
    let parts = lines.chunks(LINES_MAX).enumerate();
    parts
        .filter(|(_, part)| part.len() >= LINES_MIN)
        .map(|(place, part)| {
            let (first, second) = part.split_at(part.len() / 2);
            Text {
                author: author.to_owned(),
                poem: poem.to_owned(),
                is_first: place == 0,
                halves: [first.join("\n"), second.join("\n")],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poems_are_cut_into_texts_with_halves() {
        let line = |number: usize| format!("line {number}\n");
        let long: String = (0..60).map(line).collect();
        let file = format!("AUTHOR A. B.\n\nTITLE Epic, I\n\nRHYME a a\n\n{long}\nTITLE\nshort\n");
        let texts = texts_of(&file);
        assert_eq!(texts.len(), 2, "the last is too short");
        assert_eq!(
            (texts[0].author.as_str(), texts[0].poem.as_str()),
            ("A. B.", "Epic")
        );
        assert_eq!((texts[0].is_first, texts[1].is_first), (true, false));
        assert!(texts[0].halves[1].starts_with("line 24\n"));
        assert_eq!(texts[1].whole().lines().count(), 12);
    }
}
