//! What all views want to know of an event, found out once.

use super::occurrence::Occurrence;
use super::plan::{Measure, MeasureKind, Tiling};
use crate::definition::{EventKind, Field, Filter, Scalar};

/// What one event of full age counts in a decayed sum: its weight to 2⁻²⁴.
pub(super) const DECAY_UNIT: f64 = (1_i64 << 24) as f64;

/// Everything that is read of events.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Widths of tiles in milliseconds; the first is that of what has no tiles.
    widths: Vec<i64>,
    kinds: [OfKind; EventKind::ALL.len()],
}

/// What is read of events of one kind.
#[derive(Debug, Clone, Default)]
struct OfKind {
    fields: Vec<Field>,
    filters: Vec<Vec<Filter>>,
    amounts: Vec<Amount>,
}

/// What an event adds to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    One,
    /// One where the event says a number.
    Said(Field),
    Value(Field),
    /// The weight by age, times a number where one is named; the width is the half-life.
    Decayed(Option<Field>, usize),
}

/// What was read of the present event.
#[derive(Debug, Clone, Default)]
pub(super) struct Readings {
    fields: [Option<Scalar>; Field::COUNT],
    /// The tile it lies in, for each width.
    tiles: Vec<i64>,
    /// The tile that the present moment lies in, for each width.
    now_tiles: Vec<i64>,
    now_ms: Option<i64>,
    holds: Vec<bool>,
    amounts: Vec<Option<i64>>,
}

impl Wanted {
    /// The number of a tiling's width.
    pub fn width(&mut self, tiling: Tiling) -> usize {
        if self.widths.is_empty() {
            self.widths.push(0);
        }
        match tiling {
            Tiling::Tiles { width_ms, .. } => number_in(&mut self.widths, width_ms),
            Tiling::Whole | Tiling::Sessions { .. } => 0,
        }
    }

    /// The number of what must hold of events that a measure counts.
    pub fn filter(&mut self, measure: &Measure) -> usize {
        let fields = measure.filters.iter().flat_map(Filter::fields);
        fields.for_each(|field| self.field(measure.event, field));
        number_in(&mut self.of(measure.event).filters, measure.filters.clone())
    }

    /// The number of what an event adds to a measure.
    pub fn amount(&mut self, measure: &Measure) -> usize {
        let amount = match &measure.kind {
            MeasureKind::Said(field) => Amount::Said(*field),
            MeasureKind::Sum(field) => Amount::Value(*field),
            MeasureKind::Decayed(field, half_life_ms) => {
                let width = Tiling::Tiles {
                    width_ms: *half_life_ms,
                    kept: 0,
                };
                Amount::Decayed(*field, self.width(width))
            }
            _ => Amount::One,
        };
        if let Amount::Said(field) | Amount::Value(field) | Amount::Decayed(Some(field), _) = amount
        {
            self.field(measure.event, field);
        }
        number_in(&mut self.of(measure.event).amounts, amount)
    }

    /// Says that a field is read.
    pub fn field(&mut self, event: EventKind, field: Field) {
        number_in(&mut self.of(event).fields, field);
    }

    fn of(&mut self, event: EventKind) -> &mut OfKind {
        &mut self.kinds[event as usize]
    }
}

fn number_in<T: PartialEq>(known: &mut Vec<T>, wanted: T) -> usize {
    known
        .iter()
        .position(|one| *one == wanted)
        .unwrap_or_else(|| {
            known.push(wanted);
            known.len() - 1
        })
}

impl Readings {
    /// Reads an event.
    ///
    /// - Cost: O(1) for each different field, condition, amount and width.
    pub fn read(&mut self, wanted: &Wanted, occurrence: &Occurrence<'_>, now_ms: i64) {
        let tile_of = |at_ms: i64, width_ms: &i64| match width_ms {
            0 => 0,
            width_ms => at_ms.div_euclid(*width_ms),
        };
        let at_ms = occurrence.at.as_ms();
        self.tiles.clear();
        self.tiles.extend(
            wanted
                .widths
                .iter()
                .map(|width_ms| tile_of(at_ms, width_ms)),
        );
        if self.now_ms != Some(now_ms) {
            self.now_ms = Some(now_ms);
            self.now_tiles.clear();
            self.now_tiles.extend(
                wanted
                    .widths
                    .iter()
                    .map(|width_ms| tile_of(now_ms, width_ms)),
            );
        }
        let of_kind = &wanted.kinds[occurrence.kind as usize];
        for field in &of_kind.fields {
            self.fields[*field as usize] = occurrence.read(*field);
        }
        let (fields, tiles) = (&self.fields, &self.tiles);
        let holds = |filters: &Vec<Filter>| {
            filters
                .iter()
                .all(|filter| filter.holds(|field| fields[field as usize]))
        };
        self.holds.clear();
        self.holds.extend(of_kind.filters.iter().map(holds));
        let number = |field: Field| match fields[field as usize]? {
            Scalar::Number(value) => Some(value),
            Scalar::Id(_) => None,
        };
        let amount = |amount: &Amount| match amount {
            Amount::One => Some(1),
            Amount::Said(field) => number(*field).map(|_| 1),
            Amount::Value(field) => number(*field),
            Amount::Decayed(field, width) => {
                let value = match field {
                    None => 1,
                    Some(field) => number(*field)?,
                };
                let (half_life_ms, tile) = (*wanted.widths.get(*width)?, *tiles.get(*width)?);
                Some(weight(at_ms, tile, half_life_ms).saturating_mul(value))
            }
        };
        self.amounts.clear();
        self.amounts.extend(of_kind.amounts.iter().map(amount));
    }

    /// A field of the event; only of those that are wanted.
    pub fn field(&self, field: Field) -> Option<Scalar> {
        self.fields[field as usize]
    }

    pub fn holds(&self, filter: usize) -> bool {
        self.holds.get(filter).copied().unwrap_or(false)
    }

    pub fn amount(&self, amount: usize) -> Option<i64> {
        self.amounts.get(amount).copied().flatten()
    }

    /// The tile of the event by a tiling, and the last that is forgotten by now.
    pub fn tile(&self, width: usize, tiling: Tiling) -> (i64, i64) {
        let of = |tiles: &Vec<i64>| tiles.get(width).copied().unwrap_or(0);
        let through = match tiling {
            Tiling::Tiles { kept, .. } => of(&self.now_tiles) - kept,
            Tiling::Whole | Tiling::Sessions { .. } => i64::MIN,
        };
        (of(&self.tiles), through)
    }
}

/// The weight at the end of the event's own tile: of 1/2 to 1, and an integer, so that the order of events does not
/// show.
fn weight(at_ms: i64, tile: i64, half_life_ms: i64) -> i64 {
    let end_ms = (tile + 1).saturating_mul(half_life_ms);
    let age = (end_ms - at_ms) as f64 / half_life_ms as f64;
    ((-age).exp2() * DECAY_UNIT).round() as i64
}
