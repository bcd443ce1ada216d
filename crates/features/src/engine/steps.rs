//! Where the states of a view's measures lie, and what is done with an event.

use super::plan::{Measure, MeasureKind, Plan, Tiling};
use super::readings::Wanted;
use crate::definition::Field;
use crate::definition::fields::FieldKind;

/// Where the state of a measure lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Sum { group: usize, cell: usize },
    Other { place: usize },
}

/// Sums that have the same tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// As many tiles are kept as the longest window needs.
    pub tiling: Tiling,
    /// The number of its width among those that are wanted.
    pub width: usize,
    /// Where its newest row begins.
    pub start: usize,
    /// How many sums it has.
    pub cells: usize,
}

impl Group {
    /// Numbers of a row: its tile and the sums.
    pub fn stride(&self) -> usize {
        self.cells + 1
    }
}

/// What is done with an event of a kind. Conditions and amounts go by their numbers among those that are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    pub groups: Vec<GroupStep>,
    pub others: Vec<OtherStep>,
    /// Fields whose words are kept.
    pub texts: Vec<Field>,
}

#[derive(Debug, Clone)]
pub(super) struct GroupStep {
    pub group: usize,
    pub cells: Vec<CellStep>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct CellStep {
    pub cell: usize,
    pub filter: usize,
    pub amount: usize,
}

#[derive(Debug, Clone)]
pub(super) struct OtherStep {
    pub place: usize,
    pub measure: usize,
    pub filter: usize,
    pub amount: usize,
    pub width: usize,
}

impl Plan {
    /// Gives each measure its place, and says what is done with events.
    pub fn place(&mut self, wanted: &mut Wanted) {
        let mut others = 0;
        for (number, measure) in self.measures.iter().enumerate() {
            let filter = wanted.filter(measure);
            let amount = wanted.amount(measure);
            let width = wanted.width(measure.tiling);
            let steps = &mut self.steps[measure.event as usize];
            if let Some(field) = measure.kind.field() {
                wanted.field(measure.event, field);
                let is_text = field.kind() == FieldKind::Text;
                if is_text && measure.kind.is_shown() && !steps.texts.contains(&field) {
                    steps.texts.push(field);
                }
            }
            if !measure.is_sum() {
                self.slots.push(Slot::Other { place: others });
                steps.others.push(OtherStep {
                    place: others,
                    measure: number,
                    filter,
                    amount,
                    width,
                });
                others += 1;
                continue;
            }
            let same = |group: &Group| group.tiling.is_alike(measure.tiling);
            let found = self.groups.iter().position(same);
            let group = found.unwrap_or(self.groups.len());
            if found.is_none() {
                let tiling = measure.tiling;
                self.groups.push(Group {
                    tiling,
                    width,
                    start: 0,
                    cells: 0,
                });
            }
            let cell = self.groups[group].cells;
            self.groups[group].tiling = self.groups[group].tiling.longer(measure.tiling);
            self.groups[group].cells += 1;
            self.slots.push(Slot::Sum { group, cell });
            let step = CellStep {
                cell,
                filter,
                amount,
            };
            match steps.groups.iter_mut().find(|one| one.group == group) {
                Some(one) => one.cells.push(step),
                None => steps.groups.push(GroupStep {
                    group,
                    cells: vec![step],
                }),
            }
        }
        let mut start = 0;
        for group in &mut self.groups {
            group.start = start;
            start += group.stride();
        }
    }

    /// How many states there are that are no sums.
    pub fn other_count(&self) -> usize {
        let is_other = |slot: &&Slot| matches!(slot, Slot::Other { .. });
        self.slots.iter().filter(is_other).count()
    }
}

impl Measure {
    /// Whether it is a sum by tiles, or over all time.
    fn is_sum(&self) -> bool {
        let is_sum = matches!(
            self.kind,
            MeasureKind::Count
                | MeasureKind::Said(_)
                | MeasureKind::Sum(_)
                | MeasureKind::Decayed(..)
        );
        is_sum && !matches!(self.tiling, Tiling::Sessions { .. })
    }
}

impl MeasureKind {
    /// The field whose values are kept.
    fn field(&self) -> Option<Field> {
        match self {
            Self::Distinct(field) | Self::Counts(field) => Some(*field),
            Self::Newest(field) | Self::Oldest(field) => *field,
            _ => None,
        }
    }

    /// Whether values are shown as they were, so that their words are kept.
    fn is_shown(&self) -> bool {
        !matches!(self, Self::Distinct(_))
    }
}
