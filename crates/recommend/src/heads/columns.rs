//! Which numbers about a track heads look at.

use std::collections::BTreeMap;

use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::{AnalysisDocument, VectorSpace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::service::Stores;

/// Longest row of numbers under one name that is taken.
const PARTS_MAX: usize = 64;
/// Columns of descriptors at most; the built-in analyzers have some 120.
const DESCRIPTOR_COLUMNS_MAX: usize = 512;
/// Columns of embeddings at most.
const EMBEDDING_COLUMNS_MAX: usize = 1_024;
/// Labelled tracks that must have a number before it is a column.
const KNOWN_MIN: usize = 20;

/// One number of a descriptor: name, place in a row of numbers, version of the analyzer.
type Measured = (String, usize, String);

/// Where the numbers of a row come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Embedding spaces with their dimensions; each has a column more, which says whether the track is in
    /// the space at all.
    spaces: Vec<(String, usize)>,
    /// Descriptors that are numbers.
    descriptors: Vec<Measured>,
}

/// Short numbers for what was met: tens of thousands of tracks have the same names.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<Measured, u32>);

impl Names {
    fn number(&mut self, name: &str, place: usize, version: &str) -> u32 {
        let next = self.0.len() as u32;
        let key = (name.to_owned(), place, version.to_owned());
        *self.0.entry(key).or_insert(next)
    }
}

/// What is known of one track.
#[derive(Debug, Default)]
pub struct Known {
    vectors: Vec<Option<Vec<f32>>>,
    /// Numbers by their name.
    numbers: Vec<(u32, f32)>,
}

impl Known {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.vectors.iter().all(Option::is_none)
    }
}

/// Reads what is known of tracks, in the order of the ids; the vectors in the order of the spaces.
pub async fn read_known(
    stores: &Stores,
    scope: &TenantScope,
    spaces: &[VectorSpace],
    ids: &[TrackId],
    names: &mut Names,
) -> Result<Vec<Known>> {
    let documents = stores.catalog.analyses(scope, ids).await?;
    let mut known = Vec::with_capacity(ids.len());
    for (id, document) in ids.iter().zip(documents) {
        let mut vectors = Vec::with_capacity(spaces.len());
        for space in spaces {
            vectors.push(stores.vectors.vector(scope, space, *id).await?);
        }
        let numbers = document
            .as_ref()
            .map(|document| numbers_of(document, names));
        let numbers = numbers.unwrap_or_default();
        known.push(Known { vectors, numbers });
    }
    Ok(known)
}

/// Every number and row of numbers of an analysis.
fn numbers_of(document: &AnalysisDocument, names: &mut Names) -> Vec<(u32, f32)> {
    let parts = ["audio", "lyrics"].into_iter();
    let descriptors = parts.flat_map(|part| {
        let listed = document.document[part]["descriptors"].as_array();
        listed.into_iter().flatten()
    });
    let mut numbers = Vec::new();
    for descriptor in descriptors {
        let (Some(name), Some(version)) =
            (descriptor["name"].as_str(), descriptor["version"].as_str())
        else {
            continue;
        };
        let mut take = |place: usize, value: &Value| {
            if let Some(number) = value.as_f64() {
                numbers.push((names.number(name, place, version), number as f32));
            }
        };
        match &descriptor["value"] {
            Value::Array(parts)
                if parts.len() <= PARTS_MAX && parts.iter().all(Value::is_number) =>
            {
                parts
                    .iter()
                    .enumerate()
                    .for_each(|(place, part)| take(place, part));
            }
            value => take(0, value),
        }
    }
    numbers
}

impl Columns {
    /// Chooses the columns: spaces and descriptors that enough tracks have, each descriptor in the
    /// version that most have it in.
    pub fn choose(spaces: &[VectorSpace], names: &Names, known: &[Known]) -> Self {
        let mut chosen: Vec<(usize, &str, usize)> = Vec::new();
        for (place, space) in spaces.iter().enumerate() {
            let vectors = known
                .iter()
                .filter_map(|one| one.vectors.get(place)?.as_ref());
            let count = vectors.clone().count();
            if let Some(first) = vectors.clone().next().filter(|_| count >= KNOWN_MIN) {
                chosen.push((count, space.as_str(), first.len()));
            }
        }
        // The fullest first, so that a bound leaves out what fewest have.
        chosen.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let mut left = EMBEDDING_COLUMNS_MAX;
        chosen.retain(|(_, _, size)| {
            let fits = *size < left;
            left -= if fits { size + 1 } else { 0 };
            fits
        });
        let mut counts = vec![0_usize; names.0.len()];
        for (number, _) in known.iter().flat_map(|one| &one.numbers) {
            counts[*number as usize] += 1;
        }
        // Of the versions of one number the one that most tracks have; the later of equals.
        let mut best: BTreeMap<(&str, usize), (usize, &str)> = BTreeMap::new();
        for ((name, place, version), number) in &names.0 {
            let found = (counts[*number as usize], version.as_str());
            let slot = best.entry((name.as_str(), *place)).or_insert(found);
            *slot = (*slot).max(found);
        }
        let enough = best
            .into_iter()
            .filter(|(_, (count, _))| *count >= KNOWN_MIN);
        let descriptors = enough
            .map(|((name, place), (_, version))| (name.to_owned(), place, version.to_owned()));
        Self {
            spaces: (chosen
                .into_iter()
                .map(|(_, space, size)| (space.to_owned(), size)))
            .collect(),
            descriptors: descriptors.take(DESCRIPTOR_COLUMNS_MAX).collect(),
        }
    }

    /// Columns of a row.
    pub fn width(&self) -> usize {
        let embedded: usize = self.spaces.iter().map(|(_, size)| size + 1).sum();
        embedded + self.descriptors.len()
    }

    /// What the columns are, in words.
    pub fn describe(&self) -> Vec<String> {
        let spaces = self
            .spaces
            .iter()
            .map(|(space, size)| format!("{space} ({size} numbers)"));
        let count = self.descriptors.len();
        let descriptors = (count > 0).then(|| format!("{count} numbers of descriptors"));
        spaces.chain(descriptors).collect()
    }

    /// The spaces.
    pub fn spaces(&self) -> Vec<VectorSpace> {
        let names = self.spaces.iter();
        names.filter_map(|(space, _)| space.parse().ok()).collect()
    }

    /// The column of each name that has one.
    pub fn places(&self, names: &Names) -> Vec<Option<usize>> {
        let first = self.width() - self.descriptors.len();
        let mut places = vec![None; names.0.len()];
        for (place, measured) in self.descriptors.iter().enumerate() {
            if let Some(number) = names.0.get(measured) {
                places[*number as usize] = Some(first + place);
            }
        }
        places
    }

    /// The row of a track whose vectors were read from `spaces`; NaN where something is unknown, as it is
    /// where another version measured it. `None` where nothing is known.
    ///
    /// - Shape: `places` as [`Columns::places`] gives them for the names that the track was read with.
    pub fn row(
        &self,
        spaces: &[VectorSpace],
        places: &[Option<usize>],
        known: &Known,
    ) -> Option<Vec<f32>> {
        let mut row = Vec::with_capacity(self.width());
        let mut is_known = false;
        for (name, size) in &self.spaces {
            let place = spaces.iter().position(|space| space.as_str() == name);
            let vector = place.and_then(|place| known.vectors.get(place)?.as_ref());
            let vector = vector.filter(|vector| vector.len() == *size);
            row.push(if vector.is_some() { 1.0 } else { 0.0 });
            is_known |= vector.is_some();
            match vector {
                Some(vector) => row.extend(vector),
                None => row.resize(row.len() + size, f32::NAN),
            }
        }
        row.resize(self.width(), f32::NAN);
        for (number, value) in &known.numbers {
            if let Some(place) = places.get(*number as usize).copied().flatten() {
                row[place] = *value;
                is_known = true;
            }
        }
        is_known.then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(names: &mut Names, version: &str, vector: Option<Vec<f32>>) -> Known {
        let descriptor =
            |name: &str, value: Value| json!({"name": name, "value": value, "version": version});
        let document = json!({
            "audio": {"descriptors": [descriptor("tempo_bpm", json!(120.5)), descriptor("mfcc", json!([1, 2]))]},
            "lyrics": {"descriptors": [descriptor("language", json!("en")), descriptor("energy", Value::Null),
                descriptor("themes", json!([{"theme": "love"}])), json!(7)]},
        });
        let stored = AnalysisDocument {
            input_hash: String::new(),
            document,
        };
        Known {
            vectors: vec![vector],
            numbers: numbers_of(&stored, names),
        }
    }

    #[test]
    fn rows_hold_numbers_and_know_what_they_do_not_know() {
        let spaces: Vec<VectorSpace> = vec!["own-1".parse().unwrap()];
        let mut names = Names::default();
        let mut all: Vec<Known> = (0..25)
            .map(|_| known(&mut names, "2", Some(vec![0.6, 0.8])))
            .collect();
        all.push(known(&mut names, "1", None));
        let columns = Columns::choose(&spaces, &names, &all);
        let places = columns.places(&names);
        assert_eq!(columns.width(), 3 + 3);
        assert_eq!(
            columns.describe(),
            ["own-1 (2 numbers)", "3 numbers of descriptors"]
        );
        let row = columns.row(&spaces, &places, &all[0]).unwrap();
        assert_eq!(row, [1.0, 0.6, 0.8, 1.0, 2.0, 120.5]);
        // Another version measured all of it, and there is no vector: nothing is known.
        assert_eq!(columns.row(&spaces, &places, &all[25]), None);
        let alone = columns.row(&[], &places, &all[0]).unwrap();
        assert!(alone[0] == 0.0 && alone[1].is_nan() && alone[5] == 120.5);
        assert_eq!(
            Columns::choose(&spaces, &names, &all[..10]),
            Columns::default()
        );
    }

    #[test]
    fn embeddings_are_bounded() {
        let spaces: Vec<VectorSpace> = ["a", "b", "c"].map(|name| name.parse().unwrap()).to_vec();
        let one = || Known {
            vectors: vec![
                Some(vec![1.0; 800]),
                Some(vec![1.0; 800]),
                Some(vec![1.0; 100]),
            ],
            numbers: Vec::new(),
        };
        let all: Vec<Known> = (0..20).map(|_| one()).collect();
        assert_eq!(
            Columns::choose(&spaces, &Names::default(), &all).width(),
            801 + 101
        );
    }
}
