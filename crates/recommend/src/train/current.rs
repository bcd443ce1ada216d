//! The model in production beside a new one, on the same held-out listens.
//!
//! The model in production was fitted on everything that was known when it was trained, usually a
//! part of what is now held out: its factors know the answers. Its recipe does not: settings, blend
//! and trees were chosen on the first four fifths of a log that has only grown since. So a model that
//! saw held-out listens is fitted anew by its own recipe on what the new one is fitted on; one that
//! saw none of them is judged as it stands.

use leitmotif_domain::ModelId;
use leitmotif_domain::training::Promotion;
use serde::{Deserialize, Serialize};

use super::dataset::Split;
use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::Judged;
use super::report::PromotionReport;

/// How the model in production was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As it stands: it has seen none of the held-out listens.
    AsItStands,
    /// Fitted anew by its own settings, blend and trees on what came before the held-out listens,
    /// because it has seen some of them.
    FittedAnew,
}

/// Two models on the same listens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The model in production.
    pub current: ModelId,
    /// How it was judged.
    pub basis: Basis,
    /// Listeners asked about.
    pub listeners: u64,
    /// NDCG@10 of the new model, as requests would be answered.
    pub new_ndcg_at_10: f64,
    /// NDCG@10 of the model in production.
    pub current_ndcg_at_10: f64,
    /// New less current.
    pub difference: f64,
    /// 95% interval of the difference, by resampling listeners; none for fewer than two.
    pub interval: Option<Interval>,
}

impl Comparison {
    /// Compares by listener.
    pub fn new(current: ModelId, basis: Basis, new: &[Judged], old: &[Judged]) -> Self {
        let ndcg =
            |judged: &[Judged]| -> Vec<f64> { judged.iter().map(|one| one.ndcg_at_10).collect() };
        let (new, old) = (ndcg(new), ndcg(old));
        let differences: Vec<f64> = new.iter().zip(&old).map(|(new, old)| new - old).collect();
        Self {
            current,
            basis,
            listeners: differences.len() as u64,
            new_ndcg_at_10: mean_of(&new),
            current_ndcg_at_10: mean_of(&old),
            difference: mean_of(&differences),
            interval: interval_of_mean(&differences),
        }
    }

    /// Whether the new model is worse by more than chance.
    pub fn is_worse(&self) -> bool {
        self.interval.is_some_and(|interval| interval.high < 0.0)
    }
}

/// Whether a model that learnt from the log up to an offset has seen any of the asked listens.
pub fn has_seen(split: &Split<'_>, log_offset: u64) -> bool {
    split.test().iter().any(|play| play.offset <= log_offset)
}

/// What is known of the model in production.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CurrentModel {
    /// There is none.
    None,
    /// It cannot be judged, and why.
    Damaged(ModelId, String),
    /// It was judged.
    Judged(Comparison),
}

impl CurrentModel {
    /// Which it is.
    pub fn id(&self) -> Option<ModelId> {
        match self {
            Self::None => None,
            Self::Damaged(id, _) => Some(*id),
            Self::Judged(comparison) => Some(comparison.current),
        }
    }

    /// How the two compare, where both could be judged.
    pub fn comparison(&self) -> Option<&Comparison> {
        match self {
            Self::None | Self::Damaged(..) => None,
            Self::Judged(comparison) => Some(comparison),
        }
    }

    /// Decides whether the new model answers requests.
    pub fn promotion(&self, wanted: Promotion) -> PromotionReport {
        let (is_worse, told) = match self {
            Self::None => (false, "no model was in production".to_owned()),
            Self::Damaged(id, reason) => {
                let told = format!("the model in production, {id}, cannot be judged: {reason}");
                (false, told)
            }
            Self::Judged(comparison) => (comparison.is_worse(), sentence(comparison)),
        };
        let reason = match (is_worse, wanted) {
            (false, _) => told,
            (true, Promotion::Always) => {
                format!("{told}; put into production all the same, as asked")
            }
            (true, Promotion::IfNotWorse) => {
                format!("{told}; it was registered and the model in production stays")
            }
        };
        PromotionReport {
            is_promoted: !is_worse || wanted == Promotion::Always,
            reason,
        }
    }
}

fn sentence(comparison: &Comparison) -> String {
    if comparison.listeners == 0 {
        return "no listener took to a track that was new to them in the held-out listens: nothing \
                says which model is better"
            .to_owned();
    }
    let verdict = match comparison.interval {
        Some(interval) if interval.high < 0.0 => "worse than",
        Some(interval) if interval.low > 0.0 => "better than",
        _ => "not measurably different from",
    };
    let interval = comparison.interval.map_or(String::new(), |interval| {
        format!(
            ", 95% interval {:+.4} to {:+.4}",
            interval.low, interval.high
        )
    });
    format!(
        "NDCG@10 {:.4} is {verdict} {:.4} of the model in production on {} listeners: {:+.4}{interval}",
        comparison.new_ndcg_at_10,
        comparison.current_ndcg_at_10,
        comparison.listeners,
        comparison.difference,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(values: impl Iterator<Item = f64>) -> Vec<Judged> {
        let one = |ndcg_at_10| Judged {
            ndcg_at_10,
            recall_at_20: 0.0,
        };
        values.map(one).collect()
    }

    fn compare(shift: f64) -> CurrentModel {
        let spread = |number: usize| (number % 10) as f64 / 20.0;
        let old = judged((0..100).map(|number| 0.2 + spread(number)));
        let wobble = |number: usize| {
            if number.is_multiple_of(2) {
                0.01
            } else {
                -0.01
            }
        };
        let new = judged((0..100).map(|number| 0.2 + spread(number) + shift + wobble(number)));
        let id = ModelId::from_u128(4);
        CurrentModel::Judged(Comparison::new(id, Basis::FittedAnew, &new, &old))
    }

    #[test]
    fn only_what_is_worse_beyond_chance_is_held_back() {
        let promoted = |current: &CurrentModel, wanted| current.promotion(wanted).is_promoted;
        for (shift, wanted) in [(-0.05, false), (-0.0005, true), (0.0, true), (0.05, true)] {
            let current = compare(shift);
            assert_eq!(promoted(&current, Promotion::IfNotWorse), wanted, "{shift}");
            assert!(promoted(&current, Promotion::Always));
        }
        let worse = compare(-0.05).promotion(Promotion::IfNotWorse).reason;
        assert!(
            worse.contains("worse than") && worse.contains("-0.0500"),
            "{worse}"
        );
        assert!(worse.contains("the model in production stays"), "{worse}");
    }

    #[test]
    fn nothing_and_what_is_damaged_hold_nothing_back() {
        let wanted = Promotion::IfNotWorse;
        assert!(CurrentModel::None.promotion(wanted).is_promoted);
        let damaged = CurrentModel::Damaged(ModelId::from_u128(4), "half of it".to_owned());
        let told = damaged.promotion(wanted);
        assert!(
            told.is_promoted && told.reason.contains("half of it"),
            "{told:?}"
        );
    }
}
