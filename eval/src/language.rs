//! Which language passages of text are in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::lyrics::identify_language;
use serde_json::{Value, json};

use crate::calibration::{Calibration, Outcome};

/// Least length of a passage, in characters.
const PASSAGE_CHARACTERS: usize = 200;
/// Poets of the kit, all English.
const POETS: [&str; 4] = ["byron", "housman", "lovelace", "swift"];

#[derive(clap::Args)]
pub struct Args {
    /// Folder of the lyrics kit, whose four English poets the card is of.
    #[arg(long)]
    data: PathBuf,
    /// Further texts as `CODE=FILE`, the code as in ISO 639-1; may stand several times.
    #[arg(long = "text")]
    texts: Vec<String>,
    /// Least length of a passage, in characters.
    #[arg(long, default_value_t = PASSAGE_CHARACTERS)]
    characters: usize,
}

/// One passage, as it was told.
pub struct Told {
    /// Where it is from.
    pub source: String,
    pub confidence: Option<f64>,
    pub code: Option<String>,
    pub is_right: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut by_language: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    by_language.insert("en".to_owned(), kit_passages(&args.data, args.characters)?);
    for text in &args.texts {
        let (code, path) = text
            .split_once('=')
            .with_context(|| format!("`{text}` is not CODE=FILE"))?;
        let told = read_passages(Path::new(path), code, args.characters)?;
        by_language.entry(code.to_owned()).or_default().extend(told);
    }
    let told = by_language.into_iter().map(|(code, told)| {
        let right = told.iter().filter(|told| told.is_right).count();
        let mut mistaken: BTreeMap<String, usize> = BTreeMap::new();
        for told in told.iter().filter(|told| !told.is_right) {
            let code = told.code.clone().unwrap_or_else(|| "none".to_owned());
            *mistaken.entry(code).or_default() += 1;
        }
        let outcomes = outcomes(&told);
        let summary = json!({
            "recall": right as f64 / told.len().max(1) as f64,
            "passages": told.len(),
            "mistaken_for": mistaken,
            "calibration": Calibration::of(&outcomes),
        });
        (code, summary)
    });
    Ok(Value::Object(told.collect()))
}

/// Passages of the kit's poets of the length that the card counts.
pub fn card_passages(kit: &Path) -> anyhow::Result<Vec<Told>> {
    kit_passages(kit, PASSAGE_CHARACTERS)
}

/// Confidences of the passages that were told a language, with whether it was right.
pub fn outcomes(told: &[Told]) -> Vec<Outcome> {
    told.iter()
        .filter_map(|told| Some((told.confidence?, told.is_right)))
        .collect()
}

fn kit_passages(kit: &Path, characters: usize) -> anyhow::Result<Vec<Told>> {
    let mut all = Vec::new();
    for poet in POETS {
        let path = kit.join(format!("poems_en_{poet}.txt"));
        let told = read_passages(&path, "en", characters)?;
        all.extend(told.into_iter().map(|told| Told {
            source: poet.to_owned(),
            ..told
        }));
    }
    Ok(all)
}

fn read_passages(path: &Path, code: &str, characters: usize) -> anyhow::Result<Vec<Told>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let told = passages(&text, characters).into_iter().map(|passage| {
        let guess = identify_language(&passage);
        Told {
            source: code.to_owned(),
            is_right: guess.as_ref().is_some_and(|guess| guess.code == code),
            confidence: guess.as_ref().map(|guess| f64::from(guess.confidence)),
            code: guess.map(|guess| guess.code),
        }
    });
    Ok(told.collect())
}

/// Verse without tags in passages of whole lines; what is left at the end is too short.
fn passages(text: &str, characters: usize) -> Vec<String> {
    const TAGS: [&str; 3] = ["AUTHOR", "TITLE", "RHYME"];
    let mut passages = Vec::new();
    let mut passage = String::new();
    for line in text
        .lines()
        .filter(|line| !TAGS.iter().any(|tag| line.starts_with(tag)))
    {
        passage.push_str(line);
        passage.push('\n');
        if passage.chars().count() >= characters {
            passages.push(std::mem::take(&mut passage));
        }
    }
    passages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_whole_lines_without_tags() {
        let line = "x".repeat(120);
        let text = format!("TITLE t\n{line}\n{line}\n{line}\n");
        let found = passages(&text, PASSAGE_CHARACTERS);
        assert_eq!(found.len(), 1);
        assert!(!found[0].contains("TITLE") && found[0].lines().count() == 2);
    }
}
