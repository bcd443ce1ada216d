//! What the tenant says of a track as numbers, and what heads make of them.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::{ModelId, TenantScope, TrackId};
use leitmotif_learn::heads::{
    Examples, Shortage, VALUE_BAR, ValueHead, ValueMeasure, ValueOptions, train_value,
};
use serde::{Deserialize, Serialize};

use super::document::Heads;
use super::predict::{AskedHeads, UNMEASURED};
use super::reading::{not_trained, shortage_text};
use crate::error::Result;
use crate::service::Recommender;

/// Longest text of a number in bytes: `0.123456789`.
const NUMBER_BYTES_MAX: usize = 32;

/// What a value is of; each is between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// How glad it sounds.
    Valence,
    /// How much it sounds like played before people.
    Liveness,
}

impl ValueKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Valence, Self::Liveness];

    /// The name on the wire, and before the colon of a tag.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valence => "valence",
            Self::Liveness => "liveness",
        }
    }
}

/// The values of a track.
pub type Values = BTreeMap<ValueKind, f64>;

/// Reads the values among the tags of a track: `valence:0.7`. A number outside 0..=1 or another text is
/// no value, and of two different ones for a kind neither counts: nobody knows which is meant.
pub fn values_of(tags: &[String]) -> Values {
    let mut found: BTreeMap<ValueKind, Option<f64>> = BTreeMap::new();
    for tag in tags {
        let Some((name, number)) = tag.split_once(':') else {
            continue;
        };
        let mut kinds = ValueKind::ALL.into_iter();
        let kind = kinds.find(|kind| name.trim().eq_ignore_ascii_case(kind.name()));
        let number = Some(number.trim()).filter(|text| text.len() <= NUMBER_BYTES_MAX);
        let value = number.and_then(|text| text.parse::<f64>().ok());
        if let Some((kind, value)) = kind.zip(value.filter(|value| (0.0..=1.0).contains(value))) {
            let known = found.entry(kind).or_insert(Some(value));
            *known = known.filter(|known| *known == value);
        }
    }
    let agreed = found.into_iter();
    agreed
        .filter_map(|(kind, value)| Some((kind, value?)))
        .collect()
}

/// What is known of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueRow {
    /// What it is of.
    pub kind: ValueKind,
    /// Measured tracks that carry it.
    pub tracks: usize,
    /// Their artists.
    pub artists: usize,
    /// Whether it is told, or why not.
    pub standing: ValueStanding,
    /// What tells of it, where it is told.
    pub(super) head: Option<ValueHead>,
}

/// Whether a value is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ValueStanding {
    /// It is.
    Shown(ValueMeasure),
    /// It was measured, and is not good enough; so many more tracks with it are worth another try.
    BelowBar(ValueMeasure, usize),
    /// There is too little to learn from.
    TooFew(Shortage),
    /// Nothing was trained yet; what is missing before it can be.
    NotTrained(Shortage),
}

impl ValueRow {
    /// Trains a value on the tracks that carry it: `rows` are those, with their values.
    pub(super) fn train(kind: ValueKind, examples: &Examples, rows: &[(usize, f64)]) -> Self {
        let (places, values): (Vec<usize>, Vec<f64>) = rows.iter().copied().unzip();
        let artists: BTreeSet<u64> = places.iter().map(|row| examples.group(*row)).collect();
        let (standing, head) =
            match train_value(examples, &places, &values, ValueOptions::default()) {
                Err(shortage) => (ValueStanding::TooFew(shortage), None),
                Ok(judged) if judged.measure.is_above_bar() => {
                    (ValueStanding::Shown(judged.measure), Some(judged.head))
                }
                Ok(judged) => {
                    let factor = judged.measure.labels_factor();
                    let more = ((factor - 1.0) * rows.len() as f64).ceil().max(1.0) as usize;
                    (ValueStanding::BelowBar(judged.measure, more), None)
                }
            };
        Self {
            kind,
            tracks: rows.len(),
            artists: artists.len(),
            standing,
            head,
        }
    }

    /// What it is worth; `None` where there was too little to measure.
    pub fn measure(&self) -> Option<&ValueMeasure> {
        match &self.standing {
            ValueStanding::Shown(measure) | ValueStanding::BelowBar(measure, _) => Some(measure),
            ValueStanding::TooFew(_) | ValueStanding::NotTrained(_) => None,
        }
    }

    /// How many tracks with the value are missing until another training is worth it; `None` where it is
    /// told.
    pub fn missing(&self) -> Option<Shortage> {
        match &self.standing {
            ValueStanding::Shown(_) => None,
            ValueStanding::TooFew(shortage) | ValueStanding::NotTrained(shortage) => {
                Some(*shortage)
            }
            ValueStanding::BelowBar(_, tracks) => Some(Shortage {
                tracks: *tracks,
                ..Shortage::default()
            }),
        }
    }

    /// Why it is not told, with what is missing; `None` where it is.
    pub fn reason(&self) -> Option<String> {
        let (name, needs) = (self.kind.name(), self.needs()?);
        match &self.standing {
            ValueStanding::Shown(_) => None,
            ValueStanding::TooFew(missing) => Some(shortage_text(name, missing, &needs)),
            ValueStanding::NotTrained(missing) => Some(not_trained(name, missing, &needs)),
            ValueStanding::BelowBar(measure, more) => Some(format!(
                "skill is {:.2} and at least {:.2}; at least {VALUE_BAR} is asked: {more} more tracks \
                 labelled `{name}` are worth another try ({})",
                measure.skill.value,
                measure.skill.low,
                needs.counts_text()
            )),
        }
    }
}

/// What is known of one value of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct ValuePrediction {
    /// What it is of.
    pub kind: ValueKind,
    /// What it is, or why it is not known.
    pub told: ToldValue,
    /// The heads that were asked.
    pub model: Option<ModelId>,
}

/// A value of a track.
#[derive(Debug, Clone, PartialEq)]
pub enum ToldValue {
    /// The tenant gave it; heads are not asked.
    Given(f64),
    /// What the head tells, and how sure that is: the share of told values that are near their label.
    Heard(f64, f64),
    /// Nothing, and why.
    Unknown(String),
}

impl ToldValue {
    /// The value, where it is known.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Given(value) | Self::Heard(value, _) => Some(*value),
            Self::Unknown(_) => None,
        }
    }
}

impl Recommender {
    /// Says the values of a track. Those that the tenant gave come before what heads say.
    ///
    /// - Cost: as [`Recommender::told`]; without heads that tell a value, one read of the alias.
    pub async fn told_values(
        &self,
        scope: &TenantScope,
        track: TrackId,
        given: &Values,
    ) -> Result<Vec<ValuePrediction>> {
        let asked = self.asked_heads(scope).await?;
        let mut row = None;
        let mut predictions = Vec::with_capacity(ValueKind::ALL.len());
        for kind in ValueKind::ALL {
            let known = match &asked {
                AskedHeads::Loaded(id, heads) => Ok((*id, heads)),
                AskedHeads::Untrained(counted) => Err(counted.why_no_value(kind)),
                AskedHeads::Damaged(why) => Err(why.clone()),
            };
            let told = match (given.get(&kind), &known) {
                (Some(value), _) => ToldValue::Given(*value),
                (None, Err(why)) => ToldValue::Unknown(why.clone()),
                (None, Ok((_, heads))) => match heads.speaking_value(kind) {
                    Err(why) => ToldValue::Unknown(why),
                    Ok((head, measure)) => {
                        if row.is_none() {
                            row = Some(self.row_of(scope, heads, track).await?);
                        }
                        match row.as_ref().and_then(Option::as_ref) {
                            Some(row) => ToldValue::Heard(head.tell(row), measure.near.value),
                            None => ToldValue::Unknown(UNMEASURED.to_owned()),
                        }
                    }
                },
            };
            let model = match &told {
                ToldValue::Given(_) => None,
                _ => known.ok().map(|(id, _)| id),
            };
            predictions.push(ValuePrediction { kind, told, model });
        }
        Ok(predictions)
    }
}

impl Heads {
    /// The head of a value that is told, or why it is not.
    fn speaking_value(
        &self,
        kind: ValueKind,
    ) -> std::result::Result<(&ValueHead, &ValueMeasure), String> {
        let Some(row) = self.values.iter().find(|row| row.kind == kind) else {
            return Err(
                "these heads were trained before values were learnt: train them again".to_owned(),
            );
        };
        let speaking = row.head.as_ref().zip(row.measure());
        speaking.ok_or_else(|| row.reason().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_from_0_to_1_and_nothing_else() {
        let check = |tags: &[&str], expected: &[(ValueKind, f64)]| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let expected: Values = expected.iter().copied().collect();
            assert_eq!(values_of(&tags), expected, "{tags:?}");
        };
        use ValueKind::{Liveness, Valence};
        check(
            &["valence:0.7", "Liveness: 1", "mood:dark", "live"],
            &[(Valence, 0.7), (Liveness, 1.0)],
        );
        check(&["VALENCE : 0", "valence:0.0"], &[(Valence, 0.0)]);
        check(&["valence:0.2", "valence:0.3"], &[]);
        check(&["valence:0.2", "valence:0.3", "valence:0.2"], &[]);
        for text in [
            "", "high", "NaN", "inf", "-0.1", "1.01", "70%", "0,7", "0.5:1",
        ] {
            check(&[&format!("valence:{text}")], &[]);
        }
        check(&[&format!("valence:0.{}", "1".repeat(10_000))], &[]);
        check(&["valence", ":", "valence::"], &[]);
    }
}
