//! Columns of any descriptor that analyses tell, ours or a plugin's: kept from the first question on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use leitmotif_domain::TrackId;
use leitmotif_domain::error::InvalidValue;
use serde_json::Value;

/// Columns kept at once: each is 24 bytes a track. Whoever asks for more has the least recent ones read again.
pub const COLUMNS_MAX: usize = 16;
/// Names said in a refusal.
const NAMES_SAID: usize = 200;

/// What a descriptor tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToldKind {
    /// A number.
    Number,
    /// A word, or yes and no.
    Word,
}

/// A column: a value for each track of which the descriptor is known.
#[derive(Debug, Clone, Default)]
pub struct ToldColumn {
    /// Numbers as they are; words as their place in `names`.
    pub values: Arc<HashMap<TrackId, f32>>,
    /// The words, in the order first met.
    pub names: Vec<String>,
}

/// The descriptors of a tenant by name, and the columns that were asked for.
#[derive(Debug, Default)]
pub struct ToldColumns {
    seen: BTreeMap<String, ToldKind>,
    kept: BTreeMap<String, (u64, ToldColumn)>,
    /// Counts questions, so that the column asked for least recently goes first.
    clock: u64,
}

impl ToldColumns {
    /// Takes over what an analysis document says of a track; `Null` for none.
    pub fn put(&mut self, track: TrackId, document: &Value) {
        for (name, value) in described(document) {
            if let Some(kind) = kind_of(value)
                && !self.seen.contains_key(name)
            {
                self.seen.insert(name.to_owned(), kind);
            }
        }
        for (name, (_, column)) in &mut self.kept {
            column.put(track, value_in(document, name));
        }
    }

    /// Takes a track out.
    pub fn remove(&mut self, track: TrackId) {
        for (_, column) in self.kept.values_mut() {
            column.put(track, None);
        }
    }

    /// Every descriptor that an analysis told, by name.
    pub fn names(&self) -> impl Iterator<Item = (&str, ToldKind)> {
        self.seen.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// A column, if it is kept.
    pub fn asked(&mut self, name: &str) -> Option<ToldColumn> {
        self.clock += 1;
        let (asked, column) = self.kept.get_mut(name)?;
        *asked = self.clock;
        Some(column.clone())
    }

    /// Begins to keep a column; the one asked for least recently goes where there are too many.
    pub fn keep(&mut self, name: &str, column: ToldColumn) {
        self.clock += 1;
        self.kept.insert(name.to_owned(), (self.clock, column));
        if self.kept.len() > COLUMNS_MAX {
            let oldest = self.kept.iter().min_by_key(|(_, (asked, _))| *asked);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.kept.remove(&name);
            }
        }
    }

    /// Checks that there is such a descriptor.
    ///
    /// - Errors: `Invalid` with the names that there are.
    pub fn check(&self, name: &str, needed: Option<ToldKind>) -> Result<(), InvalidValue> {
        let fits = |kind: ToldKind| needed.is_none_or(|needed| needed == kind);
        if self.seen.get(name).is_some_and(|kind| fits(*kind)) {
            return Ok(());
        }
        let known = self.names().filter(|(_, kind)| fits(*kind));
        let known: Vec<&str> = known.map(|(name, _)| name).take(NAMES_SAID).collect();
        let reason = format!(
            "no analysed track has a {}`{name}`; there are: {}",
            if needed == Some(ToldKind::Number) {
                "number "
            } else {
                "descriptor "
            },
            known.join(", ")
        );
        Err(InvalidValue::new("descriptors", reason))
    }
}

impl ToldColumn {
    /// Takes over the value of a track, or that there is none.
    pub fn put(&mut self, track: TrackId, value: Option<&Value>) {
        let told = value.and_then(|value| self.number_of(value));
        if told.is_none() && !self.values.contains_key(&track) {
            return;
        }
        // Answers hold the column only while they are made: it is seldom copied.
        let values = Arc::make_mut(&mut self.values);
        match told {
            Some(number) => values.insert(track, number),
            None => values.remove(&track),
        };
    }

    fn number_of(&mut self, value: &Value) -> Option<f32> {
        let word = match value {
            Value::Number(number) => {
                let number = number.as_f64()? as f32;
                return number.is_finite().then_some(number);
            }
            Value::Bool(truth) => truth.to_string(),
            Value::String(text) => text.clone(),
            _ => return None,
        };
        let known = self.names.iter().position(|name| *name == word);
        let place = known.unwrap_or_else(|| {
            self.names.push(word);
            self.names.len() - 1
        });
        Some(place as f32)
    }
}

/// The value of a descriptor in an analysis document.
pub fn value_in<'d>(document: &'d Value, name: &str) -> Option<&'d Value> {
    let mut all = described(document);
    all.find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn kind_of(value: &Value) -> Option<ToldKind> {
    match value {
        Value::Number(_) => Some(ToldKind::Number),
        Value::Bool(_) | Value::String(_) => Some(ToldKind::Word),
        _ => None,
    }
}

/// Every descriptor of a document with its value: ours and those of plugins.
fn described(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let ours = ["audio", "lyrics"].into_iter().map(|part| &document[part]);
    let plugins = document["plugins"].as_array().into_iter().flatten();
    let parts = ours.chain(plugins);
    let told = parts.filter_map(|part| part["descriptors"].as_array());
    let told = told.flatten();
    told.filter_map(|one| Some((one["name"].as_str()?, &one["value"])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(number: u128) -> TrackId {
        TrackId::from_u128(number)
    }

    fn document(length: Value, mood: &str) -> Value {
        let one = |name: &str, value: Value| json!({"name": name, "value": value});
        json!({"audio": {"descriptors": [one("tempo_bpm", json!(90.0)), one("mfcc", json!([1]))]},
            "plugins": [{"descriptors": [one("verse.length", length), one("verse.mood", json!(mood))]}]})
    }

    #[test]
    fn columns_follow_what_is_told() {
        let mut columns = ToldColumns::default();
        columns.put(id(1), &document(json!(12), "calm"));
        let names: Vec<_> = columns.names().collect();
        assert_eq!(
            names,
            [
                ("tempo_bpm", ToldKind::Number),
                ("verse.length", ToldKind::Number),
                ("verse.mood", ToldKind::Word)
            ]
        );
        assert!(columns.asked("verse.length").is_none());
        columns.keep("verse.length", ToldColumn::default());
        columns.keep("verse.mood", ToldColumn::default());
        columns.put(id(2), &document(json!(7.5), "dark"));
        columns.put(id(3), &document(Value::Null, "calm"));
        columns.put(id(4), &document(json!(1), "calm"));
        columns.remove(id(4));
        let lengths = columns.asked("verse.length").unwrap();
        assert_eq!(*lengths.values, HashMap::from([(id(2), 7.5)]));
        let moods = columns.asked("verse.mood").unwrap();
        assert_eq!(moods.names, ["dark", "calm"]);
        assert_eq!(*moods.values, HashMap::from([(id(2), 0.0), (id(3), 1.0)]));
        columns.put(id(2), &Value::Null);
        assert!(columns.asked("verse.length").unwrap().values.is_empty());
    }

    #[test]
    fn names_that_are_none_are_refused_with_those_there_are() {
        let mut columns = ToldColumns::default();
        columns.put(id(1), &document(json!(12), "calm"));
        let number = Some(ToldKind::Number);
        assert!(columns.check("verse.length", number).is_ok());
        assert!(columns.check("verse.mood", None).is_ok());
        for name in ["verse.mood", "verse.width", "mfcc"] {
            let refused = columns.check(name, number).unwrap_err().to_string();
            assert!(refused.contains("tempo_bpm, verse.length"), "{refused}");
            assert!(!refused.contains(", verse.mood"), "{refused}");
        }
    }

    #[test]
    fn columns_are_bounded() {
        let mut columns = ToldColumns::default();
        columns.keep("first", ToldColumn::default());
        for number in 0..COLUMNS_MAX {
            assert!(columns.asked("first").is_some());
            columns.keep(&format!("c{number}"), ToldColumn::default());
        }
        assert!(columns.asked("first").is_some() && columns.asked("c0").is_none());
    }
}
