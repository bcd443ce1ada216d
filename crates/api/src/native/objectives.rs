//! What a list is to be made for, as callers say it.

use leitmotif_recommend::pipeline::{Objective, TurnedControls};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

/// What a list is to be made for. What is left out stays as the placement's pipeline has it.
///
/// Relevance and diversity are weights of each other: `{"relevance": 1, "diversity": 1}` gives each a half. The
/// others are controls under another name, and may not be turned twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectivesInput {
    /// What fits the listener; 1 when left out.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub relevance: Option<f32>,
    /// What is unlike the other tracks of the list.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub diversity: Option<f32>,
    /// Artists never heard (1) or those the listener plays (−1): `familiarity` the other way round.
    #[serde(default)]
    #[schema(minimum = -1, maximum = 1)]
    pub novelty: Option<f32>,
    /// What is new in the catalogue (1) or old (−1).
    #[serde(default)]
    #[schema(minimum = -1, maximum = 1)]
    pub freshness: Option<f32>,
}

/// What a list was made for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ObjectiveAnswer {
    /// `relevance`, `diversity`, `familiarity`, `novelty`, `popularity` or `freshness`.
    pub name: &'static str,
    /// Relevance and diversity share 1; the others are the control's turn, −1 to 1.
    pub weight: f32,
}

impl From<Objective> for ObjectiveAnswer {
    fn from(objective: Objective) -> Self {
        Self {
            name: objective.name,
            weight: objective.weight,
        }
    }
}

impl ObjectivesInput {
    /// Reads `name:weight` pairs between commas, as a query has them.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut read = Self::default();
        for pair in text.split(',') {
            let unread = || {
                let detail = format!(
                    "`{pair}` is not `name:weight` with a name of relevance, diversity (0 to 1), novelty and freshness (-1 to 1)"
                );
                Problem::invalid("?objectives", detail)
            };
            let (name, weight) = pair.split_once(':').ok_or_else(unread)?;
            let slot = match name.trim() {
                "relevance" => &mut read.relevance,
                "diversity" => &mut read.diversity,
                "novelty" => &mut read.novelty,
                "freshness" => &mut read.freshness,
                _ => return Err(unread()),
            };
            let weight: f32 = weight.trim().parse().map_err(|_| unread())?;
            if slot.replace(weight).is_some() {
                return Err(unread());
            }
        }
        Ok(read)
    }

    /// Turns the controls towards the objectives.
    pub fn turn(&self, turned: TurnedControls) -> Result<TurnedControls, Problem> {
        let invalid =
            |name: &str, detail: String| Problem::invalid(format!("/objectives/{name}"), detail);
        for (name, weight, least) in [
            ("relevance", self.relevance, 0.0),
            ("diversity", self.diversity, 0.0),
            ("novelty", self.novelty, -1.0),
            ("freshness", self.freshness, -1.0),
        ] {
            if let Some(weight) = weight.filter(|weight| !(least..=1.0).contains(weight)) {
                return Err(invalid(name, format!("{weight} is not in {least} to 1")));
            }
        }
        for (name, is_twice, control) in [
            (
                "novelty",
                self.novelty.is_some() && turned.familiarity.is_some(),
                "familiarity",
            ),
            (
                "freshness",
                self.freshness.is_some() && turned.freshness.is_some(),
                "freshness",
            ),
        ] {
            if is_twice {
                return Err(invalid(name, format!("`{control}` turns the same")));
            }
        }
        let relevance = self.relevance.unwrap_or(1.0);
        let diversity = match (self.relevance, self.diversity) {
            (None, None) => None,
            (_, diversity) => Some(diversity.unwrap_or(0.0)),
        };
        if diversity.is_some_and(|diversity| relevance + diversity <= 0.0) {
            return Err(invalid(
                "relevance",
                "weighs nothing, nor does diversity".to_owned(),
            ));
        }
        Ok(TurnedControls {
            diversity: diversity.map(|diversity| diversity / (relevance + diversity)),
            familiarity: turned.familiarity.or(self.novelty.map(|novelty| -novelty)),
            freshness: turned.freshness.or(self.freshness),
            ..turned
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_turn_controls() {
        let turn = |text: &str| {
            let read = ObjectivesInput::parse(text).unwrap();
            read.turn(TurnedControls::default()).unwrap()
        };
        let both = turn("relevance:1, diversity:0.25,novelty:0.5");
        assert_eq!((both.diversity, both.familiarity), (Some(0.2), Some(-0.5)));
        assert_eq!(turn("diversity:1").diversity, Some(0.5));
        assert_eq!(turn("relevance:0.5").diversity, Some(0.0));
        let fresh = turn("freshness:-1");
        assert_eq!((fresh.freshness, fresh.diversity), (Some(-1.0), None));
    }

    #[test]
    fn what_is_no_objective_is_refused() {
        for text in [
            "",
            "profit:1",
            "relevance",
            "novelty:x",
            "novelty:1,novelty:1",
        ] {
            assert!(ObjectivesInput::parse(text).is_err(), "{text}");
        }
        let turned = TurnedControls {
            familiarity: Some(0.1),
            ..TurnedControls::default()
        };
        for text in [
            "diversity:2",
            "diversity:-0.1",
            "relevance:0",
            "relevance:NaN",
            "novelty:0.1",
        ] {
            let read = ObjectivesInput::parse(text).unwrap();
            assert!(read.turn(turned).is_err(), "{text}");
        }
    }
}
