//! The shape of every analysis result: a value never travels without its evidence.

use serde::{Deserialize, Serialize};

/// One measured property of a track.
///
/// - Units: named by the last part of `name` (`tempo_bpm`, `loudness_lufs`).
/// - `value` is `null` when the property could not be measured; it is never an invented default.
/// - `confidence` is a probability of being right in 0..=1 where the method can tell, else `None`
///   (exact measurements such as loudness carry `None`: they have a tolerance, not a probability).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Stable name with the unit as last part, for example `tempo_bpm`.
    pub name: String,
    /// The measured value as JSON; `null` when unknown.
    pub value: serde_json::Value,
    /// Probability that the value is right, where the method can tell.
    pub confidence: Option<f32>,
    /// How the value was obtained, for example `tempogram+dp`.
    pub method: String,
    /// Version of the analyzer that measured it; a changed number bumps it.
    pub version: String,
    /// Why the value is `null`, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many of `evidence_unit` the value was computed from, or was found too few to be; `None` in
    /// analyses that are older than the count, and where whoever told the value did not count.
    #[serde(default, rename = "n", skip_serializing_if = "Option::is_none")]
    pub evidence_count: Option<u64>,
    /// What was counted: `frames`, `beats`, `milliseconds`, `words`, `lines`.
    #[serde(default, rename = "n_unit", skip_serializing_if = "Option::is_none")]
    pub evidence_unit: Option<String>,
}

impl Descriptor {
    /// The same with why there is no value; one that has a value needs no reason.
    pub fn because(self, reason: Option<String>) -> Self {
        let reason = reason.filter(|_| self.value.is_null());
        Self { reason, ..self }
    }

    /// The same with what it was computed from.
    pub fn computed_from(self, (count, unit): (usize, &str)) -> Self {
        Self {
            evidence_count: Some(count as u64),
            evidence_unit: Some(unit.to_owned()),
            ..self
        }
    }
}
