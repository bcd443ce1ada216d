//! What observations of a metric come to, as a whole and by group; what listeners of different parts did adds up.

use std::collections::{BTreeMap, HashMap};

use super::definition::{MetricDefinition, Observation, VALUE_SCALE};
use super::interval::{Moments, jackknife};

/// Groups of listeners that a jackknife leaves out one after the other: the bits of a mask.
pub(super) const DEALT: u32 = u64::BITS;

/// A group of observations.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// The day, where it is broken down by days.
    pub day: Option<i32>,
    /// The other parts in the order of the query; none for a play that follows from nothing shown, and for what
    /// has no such part, such as an answer without a model.
    pub labels: Vec<Option<String>>,
}

/// What is known of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sums over listeners.
    pub moments: Moments,
    /// Of each catalogue track that was shown, to which groups of listeners.
    pub(super) tracks: HashMap<u128, u64>,
}

/// The value of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricValue {
    /// The value; none where nothing stands below the line.
    pub value: Option<f64>,
    /// Its 95 % interval; none for too few listeners.
    pub interval: Option<(f64, f64)>,
    /// Listeners with an observation.
    pub listeners: u64,
    /// Observations; exposures of tracks for a `catalogue_track`.
    pub observations: u64,
    /// The sum above, in parts of [`VALUE_SCALE`].
    pub numerator: i128,
    /// The sum below, in the same parts.
    pub denominator: i128,
}

/// A metric over a part of the listeners; parts that share nobody add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// All observations.
    pub total: Tally,
    /// Each group.
    pub groups: BTreeMap<GroupKey, Tally>,
    /// Tracks of the catalogue.
    pub catalogue_size: u64,
}

impl Evaluation {
    /// Adds what other listeners did.
    pub fn merge(&mut self, other: Self) {
        self.total.merge(other.total);
        for (key, tally) in other.groups {
            self.groups.entry(key).or_default().merge(tally);
        }
        self.catalogue_size = self.catalogue_size.max(other.catalogue_size);
    }

    /// The value of the total or of a group.
    pub fn value(&self, definition: &MetricDefinition, tally: &Tally) -> MetricValue {
        let moments = &tally.moments;
        if definition.observation == Observation::CatalogueTrack {
            return tally.coverage(self.catalogue_size);
        }
        MetricValue {
            value: moments.ratio(),
            interval: moments.interval(),
            listeners: moments.listeners,
            observations: moments.observations,
            numerator: moments.x,
            denominator: moments.y,
        }
    }
}

impl Tally {
    fn merge(&mut self, other: Self) {
        self.moments.merge(&other.moments);
        for (track, groups) in other.tracks {
            *self.tracks.entry(track).or_default() |= groups;
        }
    }

    /// The share of the catalogue that was shown. What a group of listeners alone was shown is what would be missing
    /// without it.
    fn coverage(&self, catalogue_size: u64) -> MetricValue {
        let (shown, size) = (self.tracks.len() as f64, catalogue_size as f64);
        let (mut alone, mut dealt) = ([0_u64; DEALT as usize], 0_u64);
        for groups in self.tracks.values() {
            dealt |= groups;
            if groups.count_ones() == 1 {
                alone[groups.trailing_zeros() as usize] += 1;
            }
        }
        let is_dealt = |group: &u32| dealt & (1 << group) != 0;
        let without: Vec<f64> = (0..DEALT)
            .filter(is_dealt)
            .map(|group| (shown - alone[group as usize] as f64) / size)
            .collect();
        let value = (catalogue_size > 0).then(|| shown / size);
        MetricValue {
            value,
            interval: value.and_then(|value| jackknife(value, &without)),
            listeners: self.moments.listeners,
            observations: self.moments.observations,
            numerator: i128::from(VALUE_SCALE) * self.tracks.len() as i128,
            denominator: i128::from(VALUE_SCALE) * i128::from(catalogue_size),
        }
    }
}
