//! What a plugin says of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::InvalidValue;
use crate::limits;
use crate::track::check_text;

/// Version of the calls between the platform and plugins; another one is refused.
pub const PLUGIN_ABI: u32 = 1;

/// Sample rates that a plugin may ask for, in hertz.
pub const PLUGIN_RATES_HZ: [u32; 5] = [8_000, 11_025, 16_000, 22_050, 44_100];

/// Longest example of sound in seconds.
const EXAMPLE_SECONDS_MAX: f64 = 30.0;
/// Most tones of an example.
const TONES_MAX: usize = 64;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    /// Version of the calls it is made for.
    pub abi: u32,
    /// Its name, the first part of the names of its descriptors: small letters, digits and `-`.
    pub name: String,
    /// Its version; other numbers need another one.
    pub version: String,
    /// What it does, for people.
    #[serde(default)]
    pub description: String,
    /// Who made it.
    #[serde(default)]
    pub author: String,
    /// What it must be given.
    pub needs: PluginNeeds,
    /// What it tells of a track.
    pub descriptors: Vec<DeclaredDescriptor>,
    /// Inputs with what it must tell of them; they are tried before it is installed.
    pub examples: Vec<Example>,
}

/// What a plugin must be given. It does not run on a track that lacks the sound or the words it needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginNeeds {
    /// The sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioNeed>,
    /// The words.
    #[serde(default)]
    pub lyrics: bool,
    /// Descriptors of ours by name; a plugin is given `null` for what a track lacks.
    #[serde(default)]
    pub descriptors: Vec<String>,
}

/// Which sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioNeed {
    /// Its rate, one of [`PLUGIN_RATES_HZ`].
    pub sample_rate_hz: u32,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Any number.
    Number,
    /// A whole number.
    Integer,
    /// Words, one of `values` where those are declared.
    Text,
    /// Yes or no.
    Boolean,
}

/// A descriptor that a plugin may return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredDescriptor {
    /// Its name without that of the plugin: small letters, digits and `_`.
    pub name: String,
    /// What its value is.
    pub kind: ValueKind,
    /// Unit of numbers; empty for none.
    #[serde(default)]
    pub unit: String,
    /// What it means, for people.
    pub description: String,
    /// Least value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Greatest value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The only values of a text; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// An input with what must be told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<ExampleAudio>,
    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lyrics: Option<String>,
    /// Descriptors of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub descriptors: BTreeMap<String, Value>,
    /// What must be told, by the name of the descriptor.
    pub expect: BTreeMap<String, Expectation>,
}

/// Sound that is written down as what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleAudio {
    /// How long it is.
    pub seconds: f64,
    /// What sounds in it; nothing is silence.
    #[serde(default)]
    pub tones: Vec<Tone>,
}

/// A sine that begins and ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tone {
    /// Its frequency.
    pub hertz: f64,
    /// Its amplitude in 0..=1.
    pub amplitude: f64,
    /// When it begins.
    #[serde(default)]
    pub from_seconds: f64,
    /// When it ends; with the sound when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_seconds: Option<f64>,
}

/// A value that must be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The value; `null` where nothing may be told.
    pub value: Value,
    /// How far a number may be off.
    #[serde(default)]
    pub tolerance: f64,
}

impl PluginManifest {
    /// Checks everything that can be told without running the plugin.
    ///
    /// - Errors: [`InvalidValue`] naming the field.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if self.abi != PLUGIN_ABI {
            let reason = format!("is {}, this release speaks {PLUGIN_ABI}", self.abi);
            return Err(InvalidValue::new("abi", reason));
        }
        check_word("name", &self.name, '-')?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
        if !(1..=32).contains(&self.version.len()) || !self.version.bytes().all(is_plain) {
            let reason = "must have 1..=32 characters of a-z A-Z 0-9 . - +";
            return Err(InvalidValue::new("version", reason));
        }
        check_text("description", &self.description)?;
        check_text("author", &self.author)?;
        self.needs.check()?;
        check_count(
            "descriptors",
            self.descriptors.len(),
            1,
            limits::PLUGIN_DESCRIPTORS_MAX,
        )?;
        let mut names = BTreeSet::new();
        for one in &self.descriptors {
            one.check()?;
            if !names.insert(one.name.as_str()) {
                let reason = format!("`{}` stands twice", one.name);
                return Err(InvalidValue::new("descriptors", reason));
            }
        }
        check_count(
            "examples",
            self.examples.len(),
            1,
            limits::PLUGIN_EXAMPLES_MAX,
        )?;
        let mut examples = self.examples.iter();
        examples.try_for_each(|example| example.check(&self.needs, &names))
    }

    /// The declaration of a descriptor.
    pub fn descriptor(&self, name: &str) -> Option<&DeclaredDescriptor> {
        self.descriptors.iter().find(|one| one.name == name)
    }

    /// The name under which a descriptor is shown beside ours.
    pub fn full_name(&self, descriptor: &str) -> String {
        format!("{}.{descriptor}", self.name)
    }
}

impl PluginNeeds {
    fn check(&self) -> Result<(), InvalidValue> {
        if self.audio.is_none() && !self.lyrics && self.descriptors.is_empty() {
            let reason = "must name audio, lyrics or descriptors: of nothing nothing can be told";
            return Err(InvalidValue::new("needs", reason));
        }
        if let Some(audio) = &self.audio
            && !PLUGIN_RATES_HZ.contains(&audio.sample_rate_hz)
        {
            let reason = format!(
                "is {}, must be one of {PLUGIN_RATES_HZ:?}",
                audio.sample_rate_hz
            );
            return Err(InvalidValue::new("needs.audio.sample_rate_hz", reason));
        }
        check_count(
            "needs.descriptors",
            self.descriptors.len(),
            0,
            limits::PLUGIN_DESCRIPTORS_MAX,
        )
    }
}

impl DeclaredDescriptor {
    fn check(&self) -> Result<(), InvalidValue> {
        check_word("descriptors.name", &self.name, '_')?;
        check_text("descriptors.description", &self.description)?;
        check_text("descriptors.unit", &self.unit)?;
        let refused = |reason: String| {
            let reason = format!("`{}` {reason}", self.name);
            Err(InvalidValue::new("descriptors", reason))
        };
        if self.description.is_empty() {
            return refused("has no description".to_owned());
        }
        let is_number = matches!(self.kind, ValueKind::Number | ValueKind::Integer);
        if !is_number && (self.minimum.is_some() || self.maximum.is_some()) {
            return refused("has a range but is no number".to_owned());
        }
        if let (Some(least), Some(most)) = (self.minimum, self.maximum)
            && least > most
        {
            return refused(format!("has the empty range {least}..={most}"));
        }
        if !self.values.is_empty() && self.kind != ValueKind::Text {
            return refused("lists values but is no text".to_owned());
        }
        check_count(
            "descriptors.values",
            self.values.len(),
            0,
            limits::PLUGIN_DESCRIPTORS_MAX,
        )
    }

    /// Says what is wrong with a value; `null` is always right.
    ///
    /// - Errors: a sentence that begins with what the value is.
    pub fn check_value(&self, value: &Value) -> Result<(), String> {
        let is_kind = match self.kind {
            ValueKind::Number => value.is_number(),
            ValueKind::Integer => value.is_i64() || value.is_u64(),
            ValueKind::Text => value.is_string(),
            ValueKind::Boolean => value.is_boolean(),
        };
        if value.is_null() {
            return Ok(());
        }
        if !is_kind {
            let shown: String = value.to_string().chars().take(80).collect();
            return Err(format!("{shown} is no {:?}", self.kind).to_lowercase());
        }
        if let Some(number) = value.as_f64() {
            let least = self.minimum.unwrap_or(f64::MIN);
            let most = self.maximum.unwrap_or(f64::MAX);
            if !(least..=most).contains(&number) {
                return Err(format!("{number} is not in {least}..={most}"));
            }
        }
        if let Some(text) = value.as_str() {
            check_text("value", text).map_err(|error| error.reason)?;
            if !self.values.is_empty() && !self.values.iter().any(|one| one == text) {
                return Err(format!("`{text}` is none of its values"));
            }
        }
        Ok(())
    }
}

impl Example {
    fn check(&self, needs: &PluginNeeds, names: &BTreeSet<&str>) -> Result<(), InvalidValue> {
        let refused = |reason: String| Err(InvalidValue::new("examples", reason));
        if self.audio.is_some() != needs.audio.is_some() || self.lyrics.is_some() != needs.lyrics {
            return refused("an example must give exactly what the plugin needs".to_owned());
        }
        if let Some(unknown) = self
            .expect
            .keys()
            .find(|name| !names.contains(name.as_str()))
        {
            return refused(format!("`{unknown}` is expected but not declared"));
        }
        if self.expect.is_empty() {
            return refused("an example expects nothing".to_owned());
        }
        let Some(audio) = &self.audio else {
            return Ok(());
        };
        if !(0.0..=EXAMPLE_SECONDS_MAX).contains(&audio.seconds) {
            let seconds = audio.seconds;
            return refused(format!(
                "{seconds} s of audio, at most {EXAMPLE_SECONDS_MAX}"
            ));
        }
        check_count("examples.audio.tones", audio.tones.len(), 0, TONES_MAX)
    }
}

fn check_count(field: &str, count: usize, least: usize, most: usize) -> Result<(), InvalidValue> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    let reason = format!("{count} of them, must be {least}..={most}");
    Err(InvalidValue::new(field, reason))
}

/// Refuses a name that is not small letters, digits and the joining sign, a letter first.
fn check_word(field: &str, word: &str, joining: char) -> Result<(), InvalidValue> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joining;
    let begins_well = word.starts_with(|c: char| c.is_ascii_lowercase());
    if (2..=limits::PLUGIN_NAME_BYTES_MAX).contains(&word.len())
        && begins_well
        && word.chars().all(is_plain)
    {
        return Ok(());
    }
    let reason = format!(
        "must have 2..={} characters of a-z 0-9 {joining}, a letter first",
        limits::PLUGIN_NAME_BYTES_MAX
    );
    Err(InvalidValue::new(field, reason))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub fn document() -> Value {
        json!({
            "abi": 1, "name": "line-length", "version": "1.0.0", "needs": {"lyrics": true},
            "descriptors": [{"name": "mean_words", "kind": "number", "unit": "words",
                "description": "Words of a line on average", "minimum": 0, "maximum": 100}],
            "examples": [{"lyrics": "one two", "expect": {"mean_words": {"value": 2}}}]
        })
    }

    pub fn manifest() -> PluginManifest {
        serde_json::from_value(document()).unwrap()
    }

    /// What is refused of a manifest in which the value at a place is another.
    fn refused(place: &str, value: Value) -> String {
        let mut changed = document();
        *changed.pointer_mut(place).unwrap() = value;
        let manifest = serde_json::from_value::<PluginManifest>(changed);
        match manifest {
            Ok(manifest) => manifest.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_manifest_is_checked_field_by_field() {
        manifest().check().unwrap();
        let check = |place: &str, value: Value, expected: &str| {
            let told = refused(place, value);
            assert!(told.contains(expected), "{place}: {told}");
        };
        check("/abi", json!(2), "abi: is 2, this release speaks 1");
        check("/name", json!("Line"), "a letter first");
        check("/name", json!("l"), "2..=32");
        check("/version", json!(""), "1..=32 characters");
        check("/needs", json!({}), "of nothing nothing can be told");
        check("/needs", json!({"clock": true}), "unknown field");
        check("/needs", json!({"audio": {"sample_rate_hz": 9}}), "is 9");
        check("/descriptors", json!([]), "0 of them, must be 1..=32");
        let one = document()["descriptors"][0].clone();
        check(
            "/descriptors",
            json!([one, one]),
            "`mean_words` stands twice",
        );
        check("/descriptors/0/description", json!(""), "no description");
        check(
            "/descriptors/0/kind",
            json!("text"),
            "has a range but is no number",
        );
        check("/descriptors/0/minimum", json!(101), "empty range");
        check("/examples", json!([]), "0 of them, must be 1..=16");
        check(
            "/examples/0/lyrics",
            json!(null),
            "exactly what the plugin needs",
        );
        check(
            "/examples/0/expect",
            json!({"x": {"value": 1}}),
            "`x` is expected",
        );
        check("/examples/0/expect", json!({}), "expects nothing");
    }

    #[test]
    fn lists_are_taken_up_to_their_bounds() {
        let many = |count: usize| -> Vec<Value> {
            let one = |number| {
                let mut one = document()["descriptors"][0].clone();
                one["name"] = json!(format!("words_{number}"));
                one
            };
            (0..count).map(one).collect()
        };
        let with = |descriptors: Vec<Value>, examples: usize| {
            let mut changed = document();
            let mut example = changed["examples"][0].clone();
            example["expect"] = json!({"words_0": {"value": 2}});
            changed["descriptors"] = json!(descriptors);
            changed["examples"] = json!(vec![example; examples]);
            let manifest = serde_json::from_value::<PluginManifest>(changed).unwrap();
            manifest.check().map_err(|error| error.to_string())
        };
        let (descriptors, examples) = (limits::PLUGIN_DESCRIPTORS_MAX, limits::PLUGIN_EXAMPLES_MAX);
        assert_eq!(with(many(descriptors), examples), Ok(()));
        let told = with(many(descriptors + 1), 1).unwrap_err();
        assert!(told.contains("33 of them, must be 1..=32"), "{told}");
        let told = with(many(1), examples + 1).unwrap_err();
        assert!(told.contains("17 of them, must be 1..=16"), "{told}");
        let longest = "a".repeat(limits::PLUGIN_NAME_BYTES_MAX);
        assert!(refused("/name", json!(format!("{longest}a"))).contains("2..=32"));
        let mut named = manifest();
        named.name = longest;
        named.check().unwrap();
    }

    #[test]
    fn values_are_what_was_declared() {
        let mut one = manifest().descriptors[0].clone();
        let check = |one: &DeclaredDescriptor, value: Value, expected: Result<(), &str>| {
            assert_eq!(one.check_value(&value), expected.map_err(str::to_owned));
        };
        check(&one, json!(2.5), Ok(()));
        check(&one, json!(null), Ok(()));
        check(&one, json!(100.5), Err("100.5 is not in 0..=100"));
        check(&one, json!("2"), Err("\"2\" is no number"));
        one.kind = ValueKind::Integer;
        check(&one, json!(2.5), Err("2.5 is no integer"));
        one.kind = ValueKind::Text;
        one.values = vec!["slow".to_owned()];
        check(&one, json!("slow"), Ok(()));
        check(&one, json!("fast"), Err("`fast` is none of its values"));
    }
}
