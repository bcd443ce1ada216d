//! Scores of chords, keys over time and tuning for the `audio` measurement.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// How far a change of key may be found from the true one, in seconds.
const KEY_CHANGE_WINDOW_S: f64 = 5.0;

/// Rows of a text file, split at spaces; `None` when there is no such file.
fn rows(path: &Path) -> anyhow::Result<Option<Vec<Vec<String>>>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let split = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    Ok(Some(text.lines().map(split).collect()))
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0) / 1000.0
}

/// A chord with its start and end in seconds; `None` for one that is neither major nor minor.
pub type LabelledChord = (f64, f64, Option<String>);

/// Share of the labelled time whose major or minor triad is named; other chords, `X` in a file, are left out.
///
/// - `None` when the clip has no chord file.
pub fn chord_recall(path: &Path, found: Option<&Value>) -> anyhow::Result<Option<f64>> {
    let Some(rows) = rows(path)? else {
        return Ok(None);
    };
    let mut truth: Vec<LabelledChord> = Vec::new();
    for row in rows {
        if let [start, end, name] = row.as_slice() {
            let name = (name != "X").then(|| name.clone());
            truth.push((start.parse()?, end.parse()?, name));
        }
    }
    Ok(recalled(&truth, found))
}

/// The share of [`chord_recall`]; `None` where nothing is labelled.
///
/// - Source: MIREX chord symbol recall over major, minor and none.
pub fn recalled(truth: &[LabelledChord], found: Option<&Value>) -> Option<f64> {
    let found = found.and_then(Value::as_array);
    let (mut right, mut total) = (0.0, 0.0);
    for (start, end, name) in truth {
        let Some(name) = name else { continue };
        total += end - start;
        for span in found
            .into_iter()
            .flatten()
            .filter(|span| span["chord"] == **name)
        {
            let common = end.min(seconds(&span["end_ms"])) - start.max(seconds(&span["start_ms"]));
            right += common.max(0.0);
        }
    }
    (total > 0.0).then(|| right / total)
}

/// Changes of key: how many are true, found, and both.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct KeyChanges {
    /// Changes in the labels.
    pub truth: usize,
    /// Changes told.
    pub found: usize,
    /// Told ones near a labelled one, to its tonic.
    pub hits: usize,
}

/// Compares the keys after the first; `None` when the clip has no key file.
pub fn key_changes(path: &Path, found: Option<&Value>) -> anyhow::Result<Option<KeyChanges>> {
    let Some(truth) = rows(path)? else {
        return Ok(None);
    };
    let truth: Vec<(f64, &str)> = truth
        .iter()
        .skip(1)
        .filter_map(|row| Some((row.first()?.parse().ok()?, row.get(1)?.as_str())))
        .collect();
    let found: Vec<&Value> = found
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .skip(1)
        .collect();
    let is_hit = |&&(at, tonic): &&(f64, &str)| {
        found.iter().any(|key| {
            key["key"] == tonic && (seconds(&key["start_ms"]) - at).abs() <= KEY_CHANGE_WINDOW_S
        })
    };
    Ok(Some(KeyChanges {
        truth: truth.len(),
        found: found.len(),
        hits: truth.iter().filter(is_hit).count(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clips_without_labels_are_not_scored() {
        let missing = Path::new("no/such/file");
        assert_eq!(chord_recall(missing, None).expect("is no error"), None);
        assert_eq!(key_changes(missing, None).expect("is no error"), None);
    }

    #[test]
    fn chords_and_keys_are_compared_in_time() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("labels.txt");
        std::fs::write(&path, "0 1 C:maj\n1 2 X\n2 4 A:min\n").expect("writes");
        let found = json!([
            {"start_ms": 0, "end_ms": 3000, "chord": "C:maj"},
            {"start_ms": 3000, "end_ms": 4000, "chord": "A:min"},
        ]);
        let recall = chord_recall(&path, Some(&found)).expect("reads");
        assert!((recall.expect("is labelled") - 2.0 / 3.0).abs() < 1e-9);
        std::fs::write(&path, "0 C major\n12.5 D major\n").expect("writes");
        let found = json!([
            {"start_ms": 0, "key": "C", "mode": "major"},
            {"start_ms": 14000, "key": "D", "mode": "major"},
        ]);
        let changes = key_changes(&path, Some(&found)).expect("reads");
        let expected = KeyChanges {
            truth: 1,
            found: 1,
            hits: 1,
        };
        assert_eq!(changes, Some(expected));
    }
}
