//! What is kept of one entity.

use serde::{Deserialize, Serialize};

use super::occurrence::{Occurrence, Rest};
use super::plan::{DECAY_TILES, Measure, MeasureKind, Part, Read, Tiling};
use crate::aggregate::sessions::LATE_MS_MAX;
use crate::aggregate::{Counts, Edge, Merge, Sessions, Sketch, Tiles};
use crate::definition::{Field, Scalar};

/// What one event of full age counts in a decayed sum: its weight to 2⁻²⁴.
const DECAY_UNIT: f64 = (1_i64 << 24) as f64;

/// The states of an entity, one for each measure of its view's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EntityState {
    /// When the newest event happened; the lowest number before the first.
    pub newest_ms: i64,
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
        self.until_ms = i64::MIN;
        self.untils.fill(i64::MIN);
    }
}

impl PartialEq for LastRead {
    /// What was read is no part of the state.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Series {
    Sum(Tiles<i64>),
    Sessions(Sessions),
    Distinct(Tiles<Sketch>),
    Counts(Tiles<Counts>),
    /// The value, or nothing where the moment is the value.
    Edge(Edge<Option<Scalar>>),
    /// JSON as it came.
    Pushed(Edge<Box<str>>),
}

impl EntityState {
    pub fn of(measures: &[Measure]) -> Self {
        Self {
            newest_ms: i64::MIN,
            series: measures.iter().map(Series::of).collect(),
            read: LastRead::default(),
        }
        .ready()
    }

    /// A state that was read back: its columns are to be computed.
    pub fn ready(mut self) -> Self {
        self.read.stale();
        self
    }

    /// Takes one occurrence in.
    ///
    /// - Cost: O(1) for each measure of its kind.
    pub fn apply(&mut self, measures: &[Measure], occurrence: &Occurrence<'_>, now_ms: i64) {
        for (measure, series) in measures.iter().zip(&mut self.series) {
            let is_counted = measure.event == occurrence.kind
                && (measure.filters.iter()).all(|filter| filter.holds(|f| occurrence.read(f)));
            if is_counted {
                series.apply(measure, occurrence);
                series.forget(measure, now_ms);
                series.forget_sessions(measure, occurrence.known_at.as_ms());
            }
        }
        if occurrence.sign > 0 {
            self.newest_ms = self.newest_ms.max(occurrence.at.as_ms());
        }
        self.read.stale();
    }

    /// Forgets what no window reaches any more at a moment, so that equal histories have equal bytes.
    pub fn forget(&mut self, measures: &[Measure], now_ms: i64) {
        for (measure, series) in measures.iter().zip(&mut self.series) {
            series.forget(measure, now_ms);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let series: usize = self.series.iter().map(Series::memory_bytes).sum();
        size_of::<Self>()
            + self.series.len() * size_of::<Series>()
            + self.read.numbers.len() * (size_of::<f64>() + size_of::<i64>())
            + series
    }

    fn series(&self, read: Read) -> Option<&Series> {
        self.series.get(read.measure)
    }

    /// The sum of a part, and until when it holds.
    pub fn sum(&self, read: Read, at_ms: i64) -> (i64, i64) {
        match (self.series(read), read.part) {
            (Some(Series::Sum(tiles)), part) => {
                let (after, last, until) = bounds(part, at_ms);
                let sums = tiles.between(after, last).map(|(_, sum)| *sum);
                (sums.fold(0, i64::saturating_add), until)
            }
            (Some(Series::Sessions(sessions)), Part::Session { gap_ms }) => sessions
                .lasting(at_ms, gap_ms)
                .map_or((0, i64::MAX), |(sum, over)| (sum, over.saturating_add(1))),
            _ => (0, i64::MAX),
        }
    }

    /// How many different values a part has.
    pub fn distinct(&self, read: Read, at_ms: i64) -> (f64, i64) {
        let Some(Series::Distinct(tiles)) = self.series(read) else {
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
    pub fn top(&self, read: Read, at_ms: i64, k: usize) -> Vec<(u128, i64)> {
        let Some(Series::Counts(tiles)) = self.series(read) else {
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
    pub fn decayed(&self, measure: usize, half_life_ms: i64, at_ms: i64) -> (f64, i64) {
        let here = at_ms.div_euclid(half_life_ms);
        let end_ms = (here + 1).saturating_mul(half_life_ms);
        let Some(Series::Sum(tiles)) = self.series.get(measure) else {
            return (0.0, end_ms);
        };
        let mut sum = 0.0;
        // What is older may be there still, or not, as events came.
        for (tile, weight) in tiles.between(here - DECAY_TILES, here) {
            // A power of two is exact, so that this is a sum of integers until the last bits are full.
            let age = i32::try_from(here - tile).unwrap_or(i32::MAX);
            sum += *weight as f64 * 0.5_f64.powi(age);
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
            MeasureKind::Count | MeasureKind::Said(_) | MeasureKind::Sum(_)
                if matches!(measure.tiling, Tiling::Sessions { .. }) =>
            {
                Self::Sessions(Sessions::default())
            }
            MeasureKind::Count
            | MeasureKind::Said(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Decayed(..) => Self::Sum(Tiles::default()),
            MeasureKind::Distinct(_) => Self::Distinct(Tiles::default()),
            MeasureKind::Counts(_) => Self::Counts(Tiles::default()),
            MeasureKind::Newest(_) | MeasureKind::Oldest(_) => Self::Edge(Edge::default()),
            MeasureKind::Pushed(_) => Self::Pushed(Edge::default()),
        }
    }

    fn apply(&mut self, measure: &Measure, occurrence: &Occurrence<'_>) {
        let read = |field: Option<Field>| match field {
            None => Some(None),
            Some(field) => occurrence.read(field).map(Some),
        };
        let at_ms = occurrence.at.as_ms();
        let tile = match measure.tiling {
            Tiling::Tiles { width_ms, .. } => at_ms.div_euclid(width_ms),
            Tiling::Whole | Tiling::Sessions { .. } => 0,
        };
        match (self, &measure.kind) {
            (Self::Sum(tiles), kind) => {
                if let Some(by) = amount(kind, occurrence) {
                    let sum = tiles.tile(tile);
                    *sum = sum.saturating_add(by * occurrence.sign);
                }
            }
            (Self::Sessions(sessions), kind) => {
                let is_late = occurrence.known_at.since_ms(occurrence.at) > LATE_MS_MAX;
                let Tiling::Sessions { gap_ms } = measure.tiling else {
                    return;
                };
                if let (Some(by), false) = (amount(kind, occurrence), is_late) {
                    sessions.add(at_ms, gap_ms, by * occurrence.sign);
                }
            }
            (Self::Counts(tiles), MeasureKind::Counts(field)) => {
                if let Some(value) = occurrence.read(*field) {
                    tiles.tile(tile).add(value.bits(), occurrence.sign);
                }
            }
            // What cannot be taken out again stays: a sketch and an end of history hold no more than
            // they show.
            _ if occurrence.sign < 0 => {}
            (Self::Distinct(tiles), MeasureKind::Distinct(field)) => {
                if let Some(value) = occurrence.read(*field) {
                    tiles.tile(tile).add(value.bits());
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

    fn forget(&mut self, measure: &Measure, now_ms: i64) {
        match (self, measure.tiling) {
            (Self::Sum(tiles), Tiling::Tiles { width_ms, kept }) => {
                tiles.forget_through(now_ms.div_euclid(width_ms) - kept);
            }
            (Self::Distinct(tiles), Tiling::Tiles { width_ms, kept }) => {
                tiles.forget_through(now_ms.div_euclid(width_ms) - kept);
            }
            (Self::Counts(tiles), Tiling::Tiles { width_ms, kept }) => {
                tiles.forget_through(now_ms.div_euclid(width_ms) - kept);
            }
            _ => {}
        }
    }

    /// Sessions go by when events were known of, not by when somebody reads: a session that outlasts
    /// the bound on late events would otherwise be whole or not, depending on how often it was read.
    fn forget_sessions(&mut self, measure: &Measure, known_ms: i64) {
        if let (Self::Sessions(sessions), Tiling::Sessions { gap_ms }) = (self, measure.tiling) {
            sessions.forget(known_ms, gap_ms);
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Sum(tiles) => tiles.memory_bytes(),
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

/// What an event adds; `None` where it does not say the field.
fn amount(kind: &MeasureKind, occurrence: &Occurrence<'_>) -> Option<i64> {
    let number = |field: Field| match occurrence.read(field)? {
        Scalar::Number(value) => Some(value),
        Scalar::Id(_) => None,
    };
    match kind {
        MeasureKind::Said(field) => number(*field).map(|_| 1),
        MeasureKind::Sum(field) => number(*field),
        MeasureKind::Decayed(field, half_life_ms) => {
            let value = match field {
                None => 1,
                Some(field) => number(*field)?,
            };
            // The weight at the end of the event's own tile: of 1/2 to 1, and an integer, so that the
            // order of events does not show.
            let at_ms = occurrence.at.as_ms();
            let end_ms = (at_ms.div_euclid(*half_life_ms) + 1).saturating_mul(*half_life_ms);
            let age = (end_ms - at_ms) as f64 / *half_life_ms as f64;
            let weight = ((-age).exp2() * DECAY_UNIT).round() as i64;
            Some(weight.saturating_mul(value))
        }
        _ => Some(1),
    }
}
