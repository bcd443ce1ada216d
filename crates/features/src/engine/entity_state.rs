//! What is kept of one entity.

use serde::{Deserialize, Serialize};

use super::occurrence::{Occurrence, Rest};
use super::plan::{DECAY_TILES, Measure, MeasureKind, Part, Plan, Read, Tiling};
use super::readings::{DECAY_UNIT, Readings};
use super::steps::{OtherStep, Slot};
use super::sums::Sums;
use crate::aggregate::sessions::LATE_MS_MAX;
use crate::aggregate::{Counts, Edge, Merge, Sessions, Sketch, Tiles};
use crate::definition::{Field, Scalar};

/// The states of an entity, where the slots of its view's plan say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EntityState {
    /// When the newest event happened; the lowest number before the first.
    pub newest_ms: i64,
    pub sums: Sums,
    pub series: Box<[Series]>,
    /// The columns as they were last read.
    #[serde(skip)]
    pub read: LastRead,
}

/// Columns of an entity, and until when they hold unless something happens.
#[derive(Debug, Clone, Default)]
pub(super) struct LastRead {
    /// The first of `untils`.
    pub until_ms: i64,
    pub numbers: Box<[f64]>,
    /// Until when each column holds: at the turn of an hour the windows of days stay as they are.
    pub untils: Box<[i64]>,
}

impl LastRead {
    /// Something happened: every column is to be computed.
    fn stale(&mut self) {
        if self.until_ms > i64::MIN {
            self.until_ms = i64::MIN;
            self.untils.fill(i64::MIN);
        }
    }
}

impl PartialEq for LastRead {
    /// What was read is no part of the state.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A state that is no sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Series {
    Sessions(Sessions),
    Distinct(Tiles<Sketch>),
    Counts(Tiles<Counts>),
    /// The value, or nothing where the moment is the value.
    Edge(Edge<Option<Scalar>>),
    /// JSON as it came.
    Pushed(Edge<Box<str>>),
}

impl EntityState {
    pub fn of(plan: &Plan) -> Self {
        let others = plan.slots.iter().zip(&plan.measures);
        let others = others.filter(|(slot, _)| matches!(slot, Slot::Other { .. }));
        Self {
            newest_ms: i64::MIN,
            sums: Sums::of(&plan.groups),
            series: others.map(|(_, measure)| Series::of(measure)).collect(),
            read: LastRead::default(),
        }
        .ready()
    }

    /// A state that was read back: its columns are to be computed.
    pub fn ready(mut self) -> Self {
        self.read.until_ms = i64::MIN;
        self
    }

    /// Whether these are the states of such a plan.
    pub fn is_of(&self, plan: &Plan) -> bool {
        self.sums.is_of(&plan.groups) && self.series.len() == plan.other_count()
    }

    /// Takes one occurrence in.
    ///
    /// - Cost: O(1) for each measure of its kind.
    pub fn apply(&mut self, plan: &Plan, occurrence: &Occurrence<'_>, readings: &Readings) {
        let steps = &plan.steps[occurrence.kind as usize];
        for step in &steps.groups {
            let Some(group) = plan.groups.get(step.group) else {
                continue;
            };
            let (tile, through) = readings.tile(group.width, group.tiling);
            let mut row = None;
            for cell in &step.cells {
                let amount = readings.amount(cell.amount);
                let (Some(by), true) = (amount, readings.holds(cell.filter)) else {
                    continue;
                };
                if row.is_none() {
                    row = self.sums.row(step.group, &plan.groups, tile, through);
                }
                let Some(row) = row.as_deref_mut() else { break };
                if let Some(sum) = row.get_mut(cell.cell) {
                    *sum = sum.saturating_add(by * occurrence.sign);
                }
            }
        }
        for step in &steps.others {
            let measure = plan.measures.get(step.measure);
            let series = self.series.get_mut(step.place);
            if let (true, Some(measure), Some(series)) =
                (readings.holds(step.filter), measure, series)
            {
                series.apply(measure, step, occurrence, readings);
            }
        }
        if occurrence.sign > 0 {
            self.newest_ms = self.newest_ms.max(occurrence.at.as_ms());
        }
        self.read.stale();
    }

    /// Reads a little of everything that the next event changes, so that it is near when it comes. What the number
    /// is does not matter.
    pub fn look(&self) -> i64 {
        let others = self.series.iter().map(Series::look);
        others.fold(self.newest_ms ^ self.sums.look(), |seen, one| seen ^ one)
    }

    /// Forgets what no window reaches any more at a moment, so that equal histories have equal bytes.
    pub fn forget(&mut self, plan: &Plan, now_ms: i64) {
        self.sums.forget(&plan.groups, now_ms);
        for (slot, measure) in plan.slots.iter().zip(&plan.measures) {
            if let (Slot::Other { place }, Some(through)) = (slot, measure.tiling.forgotten(now_ms))
                && let Some(series) = self.series.get_mut(*place)
            {
                series.forget(through);
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let series: usize = self.series.iter().map(Series::memory_bytes).sum();
        size_of::<Self>()
            + self.sums.memory_bytes()
            + self.series.len() * size_of::<Series>()
            + self.read.numbers.len() * (size_of::<f64>() + size_of::<i64>())
            + series
    }

    /// A state that is no sum.
    pub fn series(&self, plan: &Plan, measure: usize) -> Option<&Series> {
        match plan.slots.get(measure)? {
            Slot::Other { place } => self.series.get(*place),
            Slot::Sum { .. } => None,
        }
    }

    fn tiles(
        &self,
        plan: &Plan,
        measure: usize,
        (after, last): (i64, i64),
    ) -> impl Iterator<Item = (i64, i64)> {
        let slot = plan.slots.get(measure);
        let found = slot.and_then(|slot| match slot {
            Slot::Sum { group, cell } => Some((*group, plan.groups.get(*group)?, *cell)),
            Slot::Other { .. } => None,
        });
        let tiles = found.map(|(place, group, cell)| {
            let group = (place, group);
            self.sums.between(group, cell, after, last)
        });
        tiles.into_iter().flatten()
    }

    /// The sum of a part, and until when it holds.
    pub fn sum(&self, plan: &Plan, read: Read, at_ms: i64) -> (i64, i64) {
        if let Part::Session { gap_ms } = read.part {
            let Some(Series::Sessions(sessions)) = self.series(plan, read.measure) else {
                return (0, i64::MAX);
            };
            let lasting = sessions.lasting(at_ms, gap_ms);
            return lasting.map_or((0, i64::MAX), |(sum, over)| (sum, over.saturating_add(1)));
        }
        let (after, last, until) = bounds(read.part, at_ms);
        let sums = self.tiles(plan, read.measure, (after, last));
        let sum = sums.map(|(_, sum)| sum).fold(0, i64::saturating_add);
        (sum, until)
    }

    /// How many different values a part has.
    pub fn distinct(&self, plan: &Plan, read: Read, at_ms: i64) -> (f64, i64) {
        let Some(Series::Distinct(tiles)) = self.series(plan, read.measure) else {
            return (0.0, i64::MAX);
        };
        let (after, last, until) = bounds(read.part, at_ms);
        let mut states = tiles.between(after, last).map(|(_, sketch)| sketch);
        let estimate = match (states.next(), states.next()) {
            (None, _) => 0.0,
            (Some(only), None) => only.estimate(),
            (Some(first), Some(second)) => {
                let mut union = first.clone();
                union.merge(second);
                states.for_each(|sketch| union.merge(sketch));
                union.estimate()
            }
        };
        (estimate, until)
    }

    /// The most frequent values of a part.
    pub fn top(&self, plan: &Plan, read: Read, at_ms: i64, k: usize) -> Vec<(u128, i64)> {
        let Some(Series::Counts(tiles)) = self.series(plan, read.measure) else {
            return Vec::new();
        };
        let (after, last, _) = bounds(read.part, at_ms);
        let mut union = Counts::default();
        tiles
            .between(after, last)
            .for_each(|(_, counts)| union.merge(counts));
        union.top(k)
    }

    /// A decayed sum as it is at the end of the tile of the moment, and when that is.
    pub fn decayed(
        &self,
        plan: &Plan,
        measure: usize,
        half_life_ms: i64,
        at_ms: i64,
    ) -> (f64, i64) {
        let here = at_ms.div_euclid(half_life_ms);
        let end_ms = (here + 1).saturating_mul(half_life_ms);
        let mut sum = 0.0;
        // What is older may be there still, or not, as events came.
        for (tile, weight) in self.tiles(plan, measure, (here - DECAY_TILES, here)) {
            // A power of two is exact, so that this is a sum of integers until the last bits are full.
            let age = i32::try_from(here - tile).unwrap_or(i32::MAX);
            sum += weight as f64 * 0.5_f64.powi(age);
        }
        (sum / DECAY_UNIT, end_ms)
    }
}

/// Tiles of a part above the first number up to the second, and the moment they hold until.
fn bounds(part: Part, at_ms: i64) -> (i64, i64, i64) {
    match part {
        Part::Tiles { width_ms, count } => {
            let last = at_ms.div_euclid(width_ms);
            (last - count, last, (last + 1).saturating_mul(width_ms))
        }
        Part::Whole | Part::Session { .. } => (i64::MIN, i64::MAX, i64::MAX),
    }
}

impl Series {
    fn of(measure: &Measure) -> Self {
        match &measure.kind {
            MeasureKind::Count
            | MeasureKind::Said(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Decayed(..) => Self::Sessions(Sessions::default()),
            MeasureKind::Distinct(_) => Self::Distinct(Tiles::default()),
            MeasureKind::Counts(_) => Self::Counts(Tiles::default()),
            MeasureKind::Newest(_) | MeasureKind::Oldest(_) => Self::Edge(Edge::default()),
            MeasureKind::Pushed(_) => Self::Pushed(Edge::default()),
        }
    }

    fn apply(
        &mut self,
        measure: &Measure,
        step: &OtherStep,
        occurrence: &Occurrence<'_>,
        readings: &Readings,
    ) {
        let read = |field: Option<Field>| match field {
            None => Some(None),
            Some(field) => readings.field(field).map(Some),
        };
        let (tile, through) = readings.tile(step.width, measure.tiling);
        match (self, &measure.kind) {
            (Self::Sessions(sessions), _) => {
                let is_late = occurrence.known_at.since_ms(occurrence.at) > LATE_MS_MAX;
                let Tiling::Sessions { gap_ms } = measure.tiling else {
                    return;
                };
                if let (Some(by), false) = (readings.amount(step.amount), is_late) {
                    sessions.add(occurrence.at.as_ms(), gap_ms, by * occurrence.sign);
                }
                // Sessions go by when events were known of, not by when somebody reads: a session that
                // outlasts the bound on late events would otherwise be whole or not, depending on how often
                // it was read.
                sessions.forget(occurrence.known_at.as_ms(), gap_ms);
            }
            (Self::Counts(tiles), MeasureKind::Counts(field)) => {
                if let Some(value) = readings.field(*field)
                    && let Some(counts) = tiles.tile(tile, through)
                {
                    counts.add(value.bits(), occurrence.sign);
                }
            }
            // What cannot be taken out again stays: a sketch and an end of history hold no more than
            // they show.
            _ if occurrence.sign < 0 => {}
            (Self::Distinct(tiles), MeasureKind::Distinct(field)) => {
                if let Some(value) = readings.field(*field)
                    && let Some(sketch) = tiles.tile(tile, through)
                {
                    sketch.add(value.bits());
                }
            }
            (Self::Edge(edge), MeasureKind::Newest(field)) => {
                if let Some(value) = read(*field) {
                    edge.keep_newest(occurrence.edge_key(), value);
                }
            }
            (Self::Edge(edge), MeasureKind::Oldest(field)) => {
                if let Some(value) = read(*field) {
                    edge.keep_oldest(occurrence.edge_key(), value);
                }
            }
            (Self::Pushed(edge), MeasureKind::Pushed(name)) => {
                if let Rest::Pushed(pushed) = occurrence.rest
                    && let Some(value) = pushed.values.get(name)
                {
                    edge.keep_newest(occurrence.edge_key(), value.to_string().into());
                }
            }
            _ => {}
        }
    }

    fn look(&self) -> i64 {
        match self {
            Self::Sessions(_) => 0,
            Self::Distinct(tiles) => tiles.newest().unwrap_or(0),
            Self::Counts(tiles) => tiles.newest().unwrap_or(0),
            Self::Edge(edge) => edge.get().map_or(0, |(key, _)| key.at_ms),
            Self::Pushed(edge) => edge.get().map_or(0, |(key, _)| key.at_ms),
        }
    }

    fn forget(&mut self, through: i64) {
        match self {
            Self::Distinct(tiles) => tiles.forget_through(through),
            Self::Counts(tiles) => tiles.forget_through(through),
            Self::Sessions(_) | Self::Edge(_) | Self::Pushed(_) => {}
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Sessions(sessions) => sessions.memory_bytes(),
            Self::Distinct(tiles) => {
                let states: usize = tiles.states().map(Sketch::memory_bytes).sum();
                tiles.memory_bytes() + states
            }
            Self::Counts(tiles) => {
                let states: usize = tiles.states().map(Counts::memory_bytes).sum();
                tiles.memory_bytes() + states
            }
            Self::Edge(_) => 0,
            Self::Pushed(edge) => edge.get().map_or(0, |(_, text)| text.len()),
        }
    }
}
