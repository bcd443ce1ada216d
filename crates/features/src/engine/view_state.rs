//! A view in memory: its entities, and how columns are read of them.

use std::collections::HashMap;

use leitmotif_domain::{ListenerId, RequestId, Timestamp, TrackId, limits};

use super::entity_state::{EntityState, Series};
use super::key_hash::BuildIdHasher;
use super::names::Names;
use super::occurrence::{Occurrence, Rest};
use super::plan::{Column, Plan};
use super::readings::Readings;
use crate::definition::{Combination, Entity, Field, Scalar, ValueType, text_id};
use crate::entity::EntityKey;
use crate::value::{Row, Status, Value};

/// The entities of a view.
#[derive(Debug, Clone)]
pub(super) struct ViewState {
    pub plan: Plan,
    pub index: HashMap<EntityKey, u32, BuildIdHasher>,
    pub entities: Vec<EntityState>,
    /// Entities that were refused at the bound.
    pub refused: u64,
    /// Whom each occurrence of a batch is counted for.
    keys: Vec<Option<EntityKey>>,
    /// Their places among the entities.
    places: Vec<Option<u32>>,
}

/// Values of many entities at a moment, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Which columns of the view.
    pub columns: Vec<usize>,
    /// How each entity stands.
    pub statuses: Vec<Status>,
    /// When the newest event of each happened.
    pub newest: Vec<Option<Timestamp>>,
    /// Numbers, `[entities × columns]`; a moment in milliseconds, NaN for nothing and for what is no
    /// number.
    pub numbers: Vec<f64>,
    /// Values of columns that are no numbers, by their place among `columns`.
    pub others: Vec<(usize, Vec<Value>)>,
}

impl Rows {
    /// A value.
    pub fn value(&self, row: usize, column: usize) -> Value {
        if let Some((_, values)) = self.others.iter().find(|(place, _)| *place == column) {
            return values.get(row).cloned().unwrap_or(Value::Null);
        }
        let place = row * self.columns.len() + column;
        match self.numbers.get(place) {
            Some(number) if !number.is_nan() => Value::Number(*number),
            _ => Value::Null,
        }
    }

    /// One entity's values.
    pub fn row(&self, row: usize) -> Row {
        Row {
            status: self.statuses.get(row).copied().unwrap_or(Status::NotFound),
            newest: self.newest.get(row).copied().flatten(),
            values: (0..self.columns.len())
                .map(|column| self.value(row, column))
                .collect(),
        }
    }
}

impl ViewState {
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            index: HashMap::default(),
            entities: Vec::new(),
            refused: 0,
            keys: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Finds out whom the next occurrence of a batch is counted for, and keeps the words that are shown.
    pub fn begin(&mut self, occurrence: &Occurrence<'_>, readings: &Readings, names: &mut Names) {
        let key = self.key(occurrence);
        self.keys.push(key);
        let Some(key) = key else { return };
        let entity = self.plan.definition.entity;
        let is_named = entity == Entity::ContextCell || matches!(occurrence.rest, Rest::Pushed(_));
        if is_named && !self.index.contains_key(&key) {
            self.remember_entity(occurrence, key, names);
        }
        for field in &self.plan.steps[occurrence.kind as usize].texts {
            if let Some(text) = occurrence.text(*field)
                && let Some(Scalar::Id(id)) = readings.field(*field)
            {
                names.remember(id, text);
            }
        }
    }

    fn key(&self, occurrence: &Occurrence<'_>) -> Option<EntityKey> {
        let steps = &self.plan.steps[occurrence.kind as usize];
        if steps.groups.is_empty() && steps.others.is_empty() {
            return None;
        }
        let entity = self.plan.definition.entity;
        match occurrence.rest {
            Rest::Pushed(pushed) if pushed.view == self.plan.definition.name => {
                key_of_pushed(entity, &pushed.entity)
            }
            Rest::Pushed(_) => None,
            _ => occurrence.key(entity),
        }
    }

    /// Takes the occurrences in that were begun.
    pub fn apply(&mut self, batch: &[Occurrence<'_>], readings: &[Readings]) {
        let mut places = std::mem::take(&mut self.places);
        let mut keys = std::mem::take(&mut self.keys);
        places.clear();
        places.extend(keys.drain(..).map(|key| self.place(key?)));
        // Whom the batch concerns lies all over memory. Fetched one after the other, each waits for the last; looked
        // at together, they come together.
        let entities = places
            .iter()
            .flatten()
            .filter_map(|at| self.entities.get(*at as usize));
        std::hint::black_box(entities.fold(0, |seen, entity| seen ^ entity.look()));
        for ((place, occurrence), readings) in places.iter().zip(batch).zip(readings) {
            let state = place.and_then(|at| self.entities.get_mut(at as usize));
            if let Some(state) = state {
                state.apply(&self.plan, occurrence, readings);
            }
        }
        (self.places, self.keys) = (places, keys);
    }

    /// The place of an entity, which is made where it is new.
    fn place(&mut self, key: EntityKey) -> Option<u32> {
        if let Some(place) = self.index.get(&key) {
            return Some(*place);
        }
        if self.entities.len() >= limits::FEATURE_ENTITIES_MAX {
            self.refused += 1;
            return None;
        }
        let place = self.entities.len() as u32;
        self.index.insert(key, place);
        self.entities.push(EntityState::of(&self.plan));
        Some(place)
    }

    /// Keeps the words that an entity goes by, where it has no id of ours.
    fn remember_entity(&self, occurrence: &Occurrence<'_>, key: EntityKey, names: &mut Names) {
        let entity = self.plan.definition.entity;
        if let Rest::Pushed(pushed) = occurrence.rest {
            let is_worded = matches!(entity, Entity::Named | Entity::Artist | Entity::ContextCell);
            for (id, part) in key.parts().into_iter().zip(&pushed.entity) {
                if is_worded || id == text_id(part) {
                    names.remember(id, part);
                }
            }
        } else if entity == Entity::ContextCell
            && let Some(name) = occurrence.cell_name()
        {
            names.remember(key.parts()[0], &name);
        }
    }

    /// Reads columns of many entities at a moment no earlier than the last read.
    ///
    /// - Cost: for each entity a look-up and a copy of its columns; what changed since its last read
    ///   is computed anew, O(tiles) for each window.
    pub fn read(
        &mut self,
        keys: &[EntityKey],
        columns: &[usize],
        names: &Names,
        at_ms: i64,
    ) -> Rows {
        let plan = &self.plan;
        let width = plan.definition.width();
        let mut rows = Rows {
            columns: columns.to_vec(),
            statuses: Vec::with_capacity(keys.len()),
            newest: Vec::with_capacity(keys.len()),
            numbers: Vec::with_capacity(keys.len() * columns.len()),
            others: Vec::new(),
        };
        let is_whole = columns.len() == width && columns.iter().enumerate().all(|(a, b)| a == *b);
        let factors = decay_factors(plan, at_ms);
        let mut whole = vec![f64::NAN; width];
        let oldest_ms = (plan.definition.ttl_ms).map_or(i64::MIN, |ttl| at_ms.saturating_sub(ttl));
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            let state = (self.index.get(key)).and_then(|at| self.entities.get_mut(*at as usize));
            let state = state.filter(|state| state.newest_ms > i64::MIN);
            let newest = state
                .as_ref()
                .map(|state| Timestamp::from_ms(state.newest_ms));
            rows.newest.push(newest);
            let Some(state) = state else {
                rows.statuses.push(Status::NotFound);
                rows.numbers
                    .resize(rows.numbers.len() + columns.len(), f64::NAN);
                places.push(None);
                continue;
            };
            if state.newest_ms < oldest_ms {
                rows.statuses.push(Status::OutsideMaxAge);
                rows.numbers
                    .resize(rows.numbers.len() + columns.len(), f64::NAN);
                places.push(None);
                continue;
            }
            rows.statuses.push(Status::Present);
            if state.read.until_ms <= at_ms {
                compute(plan, state, at_ms);
            }
            finish(plan, &state.read.numbers, &factors, &mut whole);
            if is_whole {
                rows.numbers.extend_from_slice(&whole);
            } else {
                let picked = columns
                    .iter()
                    .map(|at| whole.get(*at).copied().unwrap_or(f64::NAN));
                rows.numbers.extend(picked);
            }
            places.push(self.index.get(key).copied());
        }
        rows.others = self.others(columns, &places, names, at_ms);
        rows
    }

    /// Values of columns that are no numbers, for entities at their places.
    fn others(
        &self,
        columns: &[usize],
        places: &[Option<u32>],
        names: &Names,
        at_ms: i64,
    ) -> Vec<(usize, Vec<Value>)> {
        let plan = &self.plan;
        let is_other = |column: usize| plan.definition.value_type(column) != ValueType::Number;
        let asked = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_other(**column));
        let values = asked.map(|(place, column)| {
            let value = |at: &Option<u32>| {
                let state = at.and_then(|at| self.entities.get(at as usize));
                state.map_or(Value::Null, |state| {
                    typed(plan, state, *column, names, at_ms)
                })
            };
            (place, places.iter().map(value).collect())
        });
        values.collect()
    }

    pub fn memory_bytes(&self) -> usize {
        let index = self.index.capacity() * (size_of::<(EntityKey, u32)>() + 1);
        let entities: usize = self.entities.iter().map(EntityState::memory_bytes).sum();
        index + entities
    }
}

/// The entity that a sender names, where texts alone tell it.
fn key_of_pushed(entity: Entity, parts: &[String]) -> Option<EntityKey> {
    let id = |at: usize| parts.get(at);
    match entity {
        Entity::Named => Some(EntityKey::of_texts(parts)),
        Entity::Artist | Entity::ContextCell => Some(EntityKey::of(text_id(id(0)?))),
        Entity::Listener => Some(EntityKey::of(id(0)?.parse::<ListenerId>().ok()?.as_u128())),
        Entity::Track => Some(EntityKey::of(id(0)?.parse::<TrackId>().ok()?.as_u128())),
        Entity::Request => Some(EntityKey::of(id(0)?.parse::<RequestId>().ok()?.as_u128())),
        Entity::ListenerArtist => Some(EntityKey::pair(
            id(0)?.parse::<ListenerId>().ok()?.as_u128(),
            text_id(id(1)?),
        )),
    }
}

/// By how much a decayed column differs now from the end of its tile.
fn decay_factors(plan: &Plan, at_ms: i64) -> Vec<(usize, f64)> {
    let factor = |(column, half_life_ms): &(usize, i64)| {
        let end_ms = (at_ms.div_euclid(*half_life_ms) + 1).saturating_mul(*half_life_ms);
        let left = (end_ms - at_ms) as f64 / *half_life_ms as f64;
        (*column, left.exp2())
    };
    plan.decayed.iter().map(factor).collect()
}

/// Computes the columns of an entity that hold no longer, but for what every moment changes.
fn compute(plan: &Plan, state: &mut EntityState, at_ms: i64) {
    let mut read = std::mem::take(&mut state.read);
    if read.numbers.len() != plan.columns.len() {
        read.numbers = vec![f64::NAN; plan.columns.len()].into();
        read.untils = vec![i64::MIN; plan.columns.len()].into();
    }
    read.until_ms = i64::MAX;
    let slots = read.numbers.iter_mut().zip(&mut read.untils);
    for (column, (value, until)) in plan.columns.iter().zip(slots) {
        if *until <= at_ms {
            (*value, *until) = number(plan, column, state, at_ms);
        }
        read.until_ms = read.until_ms.min(*until);
    }
    state.read = read;
}

fn number(plan: &Plan, column: &Column, state: &EntityState, at_ms: i64) -> (f64, i64) {
    match column {
        Column::Sum { of, scale } => {
            let (sum, until) = state.sum(plan, *of, at_ms);
            (sum as f64 / *scale as f64, until)
        }
        Column::Mean { sum, count, scale } => {
            let ((sum, until), (count, _)) =
                (state.sum(plan, *sum, at_ms), state.sum(plan, *count, at_ms));
            let mean = sum as f64 / (count as f64 * *scale as f64);
            (if count > 0 { mean } else { f64::NAN }, until)
        }
        Column::Rate {
            hits,
            all,
            prior,
            weight,
        } => {
            let (hits, until_hits) = state.sum(plan, *hits, at_ms);
            let (all, until_all) = state.sum(plan, *all, at_ms);
            let all = all as f64 + weight;
            let rate = (hits as f64 + prior * weight) / all;
            let until = until_hits.min(until_all);
            (if all > 0.0 { rate } else { f64::NAN }, until)
        }
        Column::Distinct { of } => state.distinct(plan, *of, at_ms),
        Column::Decayed {
            measure,
            half_life_ms,
            scale,
        } => {
            let (sum, until) = state.decayed(plan, *measure, *half_life_ms, at_ms);
            (sum / *scale as f64, until)
        }
        Column::Edge {
            measure,
            length_ms,
            field,
        } => match edge(plan, state, *measure, *length_ms, at_ms) {
            None => (f64::NAN, i64::MAX),
            Some((held_ms, value, until)) => {
                let scale = field.map_or(1, Field::scale) as f64;
                let number = match value {
                    None => held_ms as f64,
                    Some(Scalar::Number(number)) => number as f64 / scale,
                    Some(Scalar::Id(_)) => f64::NAN,
                };
                (number, until)
            }
        },
        Column::Pushed { measure } => {
            let number = pushed(plan, state, *measure).and_then(|value| value.as_f64());
            (number.unwrap_or(f64::NAN), i64::MAX)
        }
        Column::Top { .. } | Column::Embedding { .. } => (f64::NAN, i64::MAX),
    }
}

/// The end of a history that a window reaches: its moment, its value, and until when.
fn edge(
    plan: &Plan,
    state: &EntityState,
    measure: usize,
    length_ms: Option<i64>,
    at_ms: i64,
) -> Option<(i64, Option<Scalar>, i64)> {
    let Some(Series::Edge(edge)) = state.series(plan, measure) else {
        return None;
    };
    let (key, value) = edge.get()?;
    let until = length_ms.map_or(i64::MAX, |length| key.at_ms.saturating_add(length));
    (at_ms < until).then_some((key.at_ms, *value, until))
}

fn pushed(plan: &Plan, state: &EntityState, measure: usize) -> Option<serde_json::Value> {
    let Some(Series::Pushed(edge)) = state.series(plan, measure) else {
        return None;
    };
    serde_json::from_str(edge.get()?.1).ok()
}

/// Writes a whole row: what was kept, what the moment changes, and what is made of other columns.
fn finish(plan: &Plan, kept: &[f64], factors: &[(usize, f64)], row: &mut [f64]) {
    let (features, derived) = row.split_at_mut(kept.len().min(row.len()));
    features.copy_from_slice(kept.get(..features.len()).unwrap_or_default());
    for (column, factor) in factors {
        if let Some(value) = features.get_mut(*column) {
            *value *= factor;
        }
    }
    let count = features.len();
    for place in &plan.definition.derived_order {
        let Some(definition) = plan.definition.derived.get(*place) else {
            continue;
        };
        let [a, b] = definition
            .inputs
            .map(|input| match input.checked_sub(count) {
                None => features.get(input).copied().unwrap_or(f64::NAN),
                Some(input) => derived.get(input).copied().unwrap_or(f64::NAN),
            });
        let value = match definition.combination {
            Combination::Ratio if b == 0.0 => f64::NAN,
            Combination::Ratio => a / b,
            Combination::Difference => a - b,
        };
        if let Some(slot) = derived.get_mut(*place) {
            *slot = value;
        }
    }
}

/// A value that is no number.
fn typed(plan: &Plan, state: &EntityState, column: usize, names: &Names, at_ms: i64) -> Value {
    match plan.columns.get(column) {
        Some(Column::Edge {
            measure,
            length_ms,
            field,
        }) => match (edge(plan, state, *measure, *length_ms, at_ms), field) {
            (None, _) => Value::Null,
            (Some((held_ms, None, _)), _) => Value::Moment(Timestamp::from_ms(held_ms)),
            (Some((_, Some(Scalar::Id(id)), _)), Some(field)) => {
                shown(*field, id, names).map_or(Value::Null, Value::Text)
            }
            (Some((_, Some(_), _)), _) => Value::Null,
        },
        Some(Column::Top { of, k, field }) => {
            let top = state.top(plan, *of, at_ms, *k);
            let texts = top.iter().filter_map(|(id, _)| shown(*field, *id, names));
            Value::Texts(texts.collect())
        }
        Some(Column::Embedding { of, tracks }) => {
            let top = state.top(plan, *of, at_ms, *tracks);
            let tracks = top
                .iter()
                .map(|(id, count)| (TrackId::from_u128(*id), *count));
            Value::Tracks(tracks.collect())
        }
        Some(Column::Pushed { measure }) => {
            pushed(plan, state, *measure).map_or(Value::Null, Value::Pushed)
        }
        _ => Value::Null,
    }
}

/// An id as it is shown; nothing for a text that has no name.
fn shown(field: Field, id: u128, names: &Names) -> Option<String> {
    match field {
        Field::Track => Some(TrackId::from_u128(id).to_string()),
        Field::Listener => Some(ListenerId::from_u128(id).to_string()),
        Field::Request => Some(RequestId::from_u128(id).to_string()),
        field if field.is_number() => {
            let value = id as i64 as f64 / field.scale() as f64;
            Some(value.to_string())
        }
        _ => names.get(id).map(str::to_owned),
    }
}
