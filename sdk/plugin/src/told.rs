//! What a plugin tells.

use serde::Serialize;
use serde_json::Value;

/// The answer of a plugin, as it goes to the platform.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What it tells.
    pub descriptors: Vec<Told>,
}

/// One property of a track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// The declared name.
    pub name: String,
    /// The value; `null` when unknown.
    pub value: Value,
    /// Probability that the value is right, in 0..=1, where the plugin can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// How the value was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Told {
    /// A value. A number that is none or infinite becomes unknown, since the platform takes no others.
    pub fn of(name: &str, value: impl Into<Value>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            confidence: None,
            method: String::new(),
            reason: None,
        }
    }

    /// That there is no value, and why.
    pub fn unknown(name: &str, reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..Self::of(name, Value::Null)
        }
    }

    /// The same with how sure it is.
    pub fn sure(self, confidence: f32) -> Self {
        Self {
            confidence: Some(confidence),
            ..self
        }
    }

    /// The same with how it was found.
    pub fn by(self, method: &str) -> Self {
        Self {
            method: method.to_owned(),
            ..self
        }
    }
}
