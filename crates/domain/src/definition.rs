//! Definitions: text files that say how a part of the platform behaves, in immutable versions, and
//! the shares of traffic that live versions have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bucket;
use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::limits;

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionKind {
    /// How the lists of a placement are made.
    Pipeline,
    /// What is computed of events, for one sort of entity.
    FeatureView,
    /// A number about what was shown and what became of it.
    Metric,
}

impl DefinitionKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::FeatureView => "feature_view",
            Self::Metric => "metric",
        }
    }
}

impl fmt::Display for DefinitionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is handed in; the store numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDefinition {
    /// What it defines.
    pub kind: DefinitionKind,
    /// Its name, such as the placement.
    pub name: String,
    /// The text as it was written, comments and all.
    pub text: String,
    /// Why it was made; may be empty.
    pub note: String,
    /// When it was handed in.
    pub created_at: Timestamp,
}

impl NewDefinition {
    /// Checks every bound.
    ///
    /// - Errors: [`InvalidValue`] naming the field.
    pub fn check(&self) -> Result<(), InvalidValue> {
        check_name(&self.name)?;
        if self.text.len() > limits::DEFINITION_BYTES_MAX {
            let (size, size_max) = (self.text.len(), limits::DEFINITION_BYTES_MAX);
            let reason = format!("{size} bytes, at most {size_max}");
            return Err(InvalidValue::new("text", reason));
        }
        crate::track::check_text("note", &self.note)
    }
}

/// Refuses a name that could not stand in an address or a file name.
pub fn check_name(name: &str) -> Result<(), InvalidValue> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_named = (1..=limits::DEFINITION_NAME_BYTES_MAX).contains(&name.len());
    if !is_named || !name.bytes().all(is_plain) {
        let reason = format!(
            "must have 1..={} characters of a-z A-Z 0-9 - _ .",
            limits::DEFINITION_NAME_BYTES_MAX
        );
        return Err(InvalidValue::new("name", reason));
    }
    Ok(())
}

/// One immutable version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What it defines.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: String,
    /// Counts from 1 for each name.
    pub version: u32,
    /// The text.
    pub text: String,
    /// Why it was made.
    pub note: String,
    /// When.
    pub created_at: Timestamp,
}

/// How much of the traffic a version answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The version.
    pub version: u32,
    /// Its weight beside the others.
    pub weight: u32,
}

/// Refuses shares that cannot divide traffic.
///
/// - Errors: [`InvalidValue`] for no share, too many, one version twice, or weights of zero alone.
pub fn check_shares(shares: &[Share]) -> Result<(), InvalidValue> {
    let invalid = |reason: String| Err(InvalidValue::new("shares", reason));
    if shares.is_empty() || shares.len() > limits::DEFINITION_SHARES_MAX {
        let (count, count_max) = (shares.len(), limits::DEFINITION_SHARES_MAX);
        return invalid(format!("{count} versions, must be in 1..={count_max}"));
    }
    for (at, share) in shares.iter().enumerate() {
        if shares[..at]
            .iter()
            .any(|other| other.version == share.version)
        {
            return invalid(format!("version {} stands twice", share.version));
        }
    }
    if shares.iter().all(|share| share.weight == 0) {
        return invalid("every weight is 0".to_owned());
    }
    Ok(())
}

/// A name with what answers under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDefinition {
    /// The name.
    pub name: String,
    /// The newest version, live or not.
    pub newest_version: u32,
    /// The live versions by number; empty while none was chosen.
    pub shares: Vec<Share>,
}

/// Which version answers a request, and how likely that was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Whose version: the name of the definition, or of an experiment.
    pub name: String,
    /// The version; `None` for what is built in.
    pub version: Option<u32>,
    /// Probability of this version for a unit drawn at random.
    pub propensity: f32,
}

impl Assignment {
    /// What is built in, which everybody gets.
    pub fn built_in(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: None,
            propensity: 1.0,
        }
    }
}

/// Assigns a unit, such as a listener, to a live version. The same unit always gets the same one
/// while the shares stay as they are.
pub fn assign(kind: DefinitionKind, live: &LiveDefinition, unit: &str) -> Assignment {
    let weights: Vec<u32> = live.shares.iter().map(|share| share.weight).collect();
    let salt = format!("{kind}:{}", live.name);
    let chosen = bucket::choose(&salt, unit, &weights).and_then(|index| live.shares.get(index));
    match chosen {
        None => Assignment::built_in(&live.name),
        Some(share) => Assignment {
            name: live.name.clone(),
            version: Some(share.version),
            propensity: (f64::from(share.weight)
                / weights.iter().map(|weight| f64::from(*weight)).sum::<f64>())
                as f32,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(version: u32, weight: u32) -> Share {
        Share { version, weight }
    }

    #[test]
    fn names_are_plain() {
        for (name, is_good) in [
            ("home", true),
            ("daily-mix_2.b", true),
            ("", false),
            ("a/b", false),
            ("é", false),
        ] {
            assert_eq!(check_name(name).is_ok(), is_good, "{name:?}");
        }
        let longest = "a".repeat(limits::DEFINITION_NAME_BYTES_MAX);
        assert!(check_name(&longest).is_ok());
        assert!(check_name(&format!("{longest}a")).is_err());
    }

    #[test]
    fn texts_have_a_bound() {
        let of = |size: usize| NewDefinition {
            kind: DefinitionKind::Pipeline,
            name: "home".to_owned(),
            text: "x".repeat(size),
            note: String::new(),
            created_at: Timestamp::from_ms(0),
        };
        assert!(of(limits::DEFINITION_BYTES_MAX).check().is_ok());
        assert!(of(limits::DEFINITION_BYTES_MAX + 1).check().is_err());
    }

    #[test]
    fn shares_divide_traffic_or_are_refused() {
        assert!(check_shares(&[share(1, 1)]).is_ok());
        assert!(check_shares(&[share(1, 0), share(2, 3)]).is_ok());
        assert!(check_shares(&[]).is_err());
        assert!(check_shares(&[share(1, 0)]).is_err());
        assert!(check_shares(&[share(1, 1), share(1, 2)]).is_err());
        let many: Vec<Share> = (0..=limits::DEFINITION_SHARES_MAX as u32)
            .map(|version| share(version, 1))
            .collect();
        assert!(check_shares(&many[1..]).is_ok());
        assert!(check_shares(&many).is_err());
    }

    #[test]
    fn units_are_divided_by_weight_and_stay() {
        let live = LiveDefinition {
            name: "home".to_owned(),
            newest_version: 2,
            shares: vec![share(1, 9), share(2, 1)],
        };
        let assigned = |unit: usize| assign(DefinitionKind::Pipeline, &live, &unit.to_string());
        let second = (0..10_000)
            .filter(|unit| assigned(*unit).version == Some(2))
            .count();
        assert!(
            (850..1_150).contains(&second),
            "{second} of 10,000 for a tenth"
        );
        assert_eq!(assigned(7), assigned(7));
        assert!((assigned(7).propensity - 0.9).abs() < 1e-6 || assigned(7).version == Some(2));
        let none = LiveDefinition {
            shares: Vec::new(),
            ..live.clone()
        };
        assert_eq!(
            assign(DefinitionKind::Pipeline, &none, "1"),
            Assignment::built_in("home")
        );
    }
}
