//! A view made ready: which states are kept of events, and how columns are read of them.

use std::sync::Arc;

use super::readings::Wanted;
use super::steps::{Group, Slot, Steps};
use crate::definition::{Aggregate, EventKind, Feature, Field, Filter, ViewDefinition, Window};

/// Tiles of a decayed sum, each a half-life long: what is older weighs under 2⁻³¹.
pub(super) const DECAY_TILES: i64 = 32;
/// Most frequent tracks that an embedding mean is made of.
const EMBEDDING_TRACKS: usize = 32;

/// A view made ready.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub definition: Arc<ViewDefinition>,
    /// What is kept of events. Features that differ in their window alone share a state.
    pub measures: Vec<Measure>,
    /// Where the state of each measure lies.
    pub slots: Vec<Slot>,
    /// Sums that have the same tiles.
    pub groups: Vec<Group>,
    /// What is done with an event, by its kind.
    pub steps: [Steps; EventKind::ALL.len()],
    /// How each feature is read; derived ones are not among them.
    pub columns: Vec<Column>,
    /// Columns that change with every moment, and the half-life they do it with.
    pub decayed: Vec<(usize, i64)>,
}

/// A state kept of events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub event: EventKind,
    /// Each of them holds of what is counted: the feature's own, and that of a rate.
    pub filters: Vec<Filter>,
    pub kind: MeasureKind,
    pub tiling: Tiling,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MeasureKind {
    /// How many events.
    Count,
    /// How many events say a field.
    Said(Field),
    /// The sum of a field.
    Sum(Field),
    /// Weights of events, or their values, by age.
    Decayed(Option<Field>, i64),
    /// Different values.
    Distinct(Field),
    /// Counts by value.
    Counts(Field),
    /// The newest value, or its moment.
    Newest(Option<Field>),
    /// The oldest value, or its moment.
    Oldest(Option<Field>),
    /// The newest pushed value of a name.
    Pushed(String),
}

/// How a state is divided by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tiling {
    /// Not at all.
    Whole,
    /// By tiles, so many of which are kept.
    Tiles { width_ms: i64, kept: i64 },
    /// By sessions.
    Sessions { gap_ms: i64 },
}

/// How a feature is read.
#[derive(Debug, Clone)]
pub(super) enum Column {
    Sum {
        of: Read,
        scale: i64,
    },
    Mean {
        sum: Read,
        count: Read,
        scale: i64,
    },
    Rate {
        hits: Read,
        all: Read,
        prior: f64,
        weight: f64,
    },
    Distinct {
        of: Read,
    },
    Edge {
        measure: usize,
        length_ms: Option<i64>,
        field: Option<Field>,
    },
    Top {
        of: Read,
        k: usize,
        field: Field,
    },
    Decayed {
        measure: usize,
        half_life_ms: i64,
        scale: i64,
    },
    Embedding {
        of: Read,
        tracks: usize,
    },
    Pushed {
        measure: usize,
    },
}

/// A part of a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub measure: usize,
    pub part: Part,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Whole,
    /// The tile of the moment and those before it, so many together.
    Tiles {
        width_ms: i64,
        count: i64,
    },
    Session {
        gap_ms: i64,
    },
}

impl Plan {
    /// Makes a view ready, and adds what it reads of events to what is wanted of them.
    pub fn of(definition: Arc<ViewDefinition>, wanted: &mut Wanted) -> Self {
        let mut plan = Self {
            measures: Vec::new(),
            slots: Vec::new(),
            groups: Vec::new(),
            steps: Default::default(),
            columns: Vec::new(),
            decayed: Vec::new(),
            definition: Arc::clone(&definition),
        };
        for feature in &definition.features {
            let column = plan.column(feature);
            if let Column::Decayed { half_life_ms, .. } = &column {
                plan.decayed.push((plan.columns.len(), *half_life_ms));
            }
            plan.columns.push(column);
        }
        plan.place(wanted);
        plan
    }

    fn column(&mut self, feature: &Feature) -> Column {
        let scale_of = |field: Option<Field>| field.map_or(1, Field::scale);
        match &feature.aggregate {
            Aggregate::Count => Column::Sum {
                of: self.read(feature, None, MeasureKind::Count),
                scale: 1,
            },
            Aggregate::Sum(field) => Column::Sum {
                of: self.read(feature, None, MeasureKind::Sum(*field)),
                scale: field.scale(),
            },
            Aggregate::Mean(field) => Column::Mean {
                sum: self.read(feature, None, MeasureKind::Sum(*field)),
                count: self.read(feature, None, MeasureKind::Said(*field)),
                scale: field.scale(),
            },
            Aggregate::Rate {
                when,
                prior,
                prior_weight,
            } => Column::Rate {
                hits: self.read(feature, Some(when), MeasureKind::Count),
                all: self.read(feature, None, MeasureKind::Count),
                prior: *prior,
                weight: *prior_weight,
            },
            Aggregate::Distinct(field) => Column::Distinct {
                of: self.read(feature, None, MeasureKind::Distinct(*field)),
            },
            Aggregate::TopK { field, k } => Column::Top {
                of: self.read(feature, None, MeasureKind::Counts(*field)),
                k: *k,
                field: *field,
            },
            Aggregate::EmbeddingMean { .. } => Column::Embedding {
                of: self.read(feature, None, MeasureKind::Counts(Field::Track)),
                tracks: EMBEDDING_TRACKS,
            },
            Aggregate::Last(field) => self.edge(feature, MeasureKind::Newest(*field), *field),
            Aggregate::First(field) => self.edge(feature, MeasureKind::Oldest(*field), *field),
            Aggregate::DecayedSum {
                field,
                half_life_ms,
            } => {
                let tiling = Tiling::Tiles {
                    width_ms: *half_life_ms,
                    kept: DECAY_TILES,
                };
                let kind = MeasureKind::Decayed(*field, *half_life_ms);
                Column::Decayed {
                    measure: self.measure(feature, None, kind, tiling),
                    half_life_ms: *half_life_ms,
                    scale: scale_of(*field),
                }
            }
            Aggregate::Pushed => Column::Pushed {
                measure: self.whole(feature, MeasureKind::Pushed(feature.name.clone())),
            },
        }
    }

    fn edge(&mut self, feature: &Feature, kind: MeasureKind, field: Option<Field>) -> Column {
        Column::Edge {
            measure: self.whole(feature, kind),
            length_ms: match feature.window {
                Window::Sliding { length_ms, .. } => Some(length_ms),
                _ => None,
            },
            field,
        }
    }

    fn whole(&mut self, feature: &Feature, kind: MeasureKind) -> usize {
        self.measure(feature, None, kind, Tiling::Whole)
    }

    fn read(&mut self, feature: &Feature, when: Option<&Filter>, kind: MeasureKind) -> Read {
        let (tiling, part) = match feature.window {
            Window::AllTime => (Tiling::Whole, Part::Whole),
            Window::Sliding { length_ms, tile_ms } => {
                let (width_ms, count) = (tile_ms, length_ms / tile_ms);
                let kept = count;
                (
                    Tiling::Tiles { width_ms, kept },
                    Part::Tiles { width_ms, count },
                )
            }
            Window::Tumbling { length_ms } => {
                let (width_ms, count) = (length_ms, 1);
                let kept = count;
                (
                    Tiling::Tiles { width_ms, kept },
                    Part::Tiles { width_ms, count },
                )
            }
            Window::Session { gap_ms } => (Tiling::Sessions { gap_ms }, Part::Session { gap_ms }),
        };
        let measure = self.measure(feature, when, kind, tiling);
        Read { measure, part }
    }

    /// Finds the state that a feature is read of, or adds it.
    fn measure(
        &mut self,
        feature: &Feature,
        when: Option<&Filter>,
        kind: MeasureKind,
        tiling: Tiling,
    ) -> usize {
        let filters = [Some(&feature.filter), when].into_iter().flatten();
        let filters = filters.filter(|filter| !filter.is_empty()).cloned();
        let wanted = Measure {
            event: feature.event,
            filters: filters.collect(),
            kind,
            tiling,
        };
        let same = |measure: &Measure| {
            measure.event == wanted.event
                && measure.filters == wanted.filters
                && measure.kind == wanted.kind
                && measure.tiling.is_alike(wanted.tiling)
        };
        match self.measures.iter().position(same) {
            Some(place) => {
                if let Some(measure) = self.measures.get_mut(place) {
                    measure.tiling = measure.tiling.longer(tiling);
                }
                place
            }
            None => {
                self.measures.push(wanted);
                self.measures.len() - 1
            }
        }
    }
}

impl Tiling {
    /// The last tile that no window reaches any more at a moment; `None` for what has no tiles.
    pub fn forgotten(self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Tiles { width_ms, kept } => Some(now_ms.div_euclid(width_ms) - kept),
            Self::Whole | Self::Sessions { .. } => None,
        }
    }

    pub fn is_alike(self, other: Self) -> bool {
        match (self, other) {
            (Self::Tiles { width_ms: a, .. }, Self::Tiles { width_ms: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }

    pub fn longer(self, other: Self) -> Self {
        match (self, other) {
            (Self::Tiles { width_ms, kept: a }, Self::Tiles { kept: b, .. }) => Self::Tiles {
                width_ms,
                kept: a.max(b),
            },
            (own, _) => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_one_measure_share_its_tiles() {
        let text = "name = 'v'\nentity = 'track'
            [[features]]\nname = 'a'\nevent = 'listen'\naggregate = 'count'\nwindow = '30d'
            [[features]]\nname = 'b'\nevent = 'listen'\naggregate = 'count'\nwindow = '7d'\ntile = '1d'
            [[features]]\nname = 'c'\nevent = 'listen'\naggregate = 'rate'\nwhen = 'outcome == skipped'\nwindow = '90d'
            [[features]]\nname = 'd'\nevent = 'listen'\naggregate = 'count'";
        let plan = Plan::of(
            Arc::new(ViewDefinition::parse(text).unwrap()),
            &mut Wanted::default(),
        );
        assert_eq!(plan.measures.len(), 3, "by day, by day skipped, whole");
        let kept = Tiling::Tiles {
            width_ms: 86_400_000,
            kept: 90,
        };
        assert_eq!(plan.measures[0].tiling, kept);
        let groups: Vec<usize> = plan.groups.iter().map(|group| group.cells).collect();
        assert_eq!(groups, [2, 1], "by day together, whole");
    }
}
