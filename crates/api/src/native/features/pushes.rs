//! Values that somebody else computed.

use std::collections::BTreeMap;

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, FeaturesPushed, check_occurred_at,
};
use leitmotif_domain::{EventId, TenantScope, Timestamp, limits};
use leitmotif_features::LiveView;
use leitmotif_features::definition::{Entity, EventKind};
use serde_json::Value;

use super::entities::{EntityColumns, keys_of, text_of};
use crate::problem::Problem;
use crate::state::ApiState;

/// Rows handed in: columns of equal length.
pub struct Pushed {
    /// Join keys and features, and whatever else came with them.
    pub columns: BTreeMap<String, Vec<Value>>,
    /// When the values of each row held.
    pub at: Vec<Timestamp>,
    /// When each row was made.
    pub created_at: Vec<Option<Timestamp>>,
}

/// Writes rows of a view to the log, all or none; they answer the next read.
///
/// - Errors: 400 for a missing join key, an entity that is not known, or a moment out of bounds.
pub async fn push(
    state: &ApiState,
    scope: &TenantScope,
    view: &LiveView,
    pushed: Pushed,
) -> Result<(), Problem> {
    let definition = &view.definition;
    let count = pushed.at.len();
    if count > limits::EVENTS_PER_BATCH_MAX {
        let detail = format!("{count} rows, at most {}", limits::EVENTS_PER_BATCH_MAX);
        return Err(Problem::invalid("/df", detail));
    }
    let keys: EntityColumns = (definition.join_keys.iter())
        .filter_map(|key| Some((key.clone(), pushed.columns.get(key)?.clone())))
        .collect();
    let known = keys_of(state, scope, definition, &keys).await?;
    let now = state.clock.now();
    let mut events = Vec::with_capacity(count);
    for (row, at) in pushed.at.iter().enumerate() {
        check_occurred_at(*at, now)?;
        let mut entity = Vec::new();
        for key in &definition.join_keys {
            let value = keys.get(key).and_then(|values| values.get(row));
            entity.push(text_of(key, value.unwrap_or(&Value::Null))?);
        }
        let Some(Some(key)) = known.get(row) else {
            let detail = format!("row {row}: `{}` is not known", entity.join("`, `"));
            return Err(Problem::invalid("/df", detail));
        };
        // The log keeps ids where there are ids, and words where there are none.
        if matches!(
            definition.entity,
            Entity::Listener | Entity::ListenerArtist | Entity::Track
        ) && let Some(first) = entity.first_mut()
        {
            *first = EventId::from_u128(key.parts()[0]).to_string();
        }
        let values = definition
            .features
            .iter()
            .filter(|one| one.event == EventKind::Push);
        let values = values.filter_map(|feature| {
            let value = pushed.columns.get(&feature.name)?.get(row)?;
            Some((feature.name.clone(), value.clone()))
        });
        let payload = FeaturesPushed {
            view: definition.name.clone(),
            entity,
            created_at: pushed.created_at.get(row).copied().flatten(),
            values: values.collect(),
        };
        events.push(event_of(scope, *at, payload)?);
    }
    state.log.append(scope, events).await?;
    Ok(())
}

/// The same row sent again is the same event.
fn event_of(scope: &TenantScope, at: Timestamp, payload: FeaturesPushed) -> Result<Event, Problem> {
    let text = serde_json::to_string(&payload).map_err(|error| Problem::bug(&error))?;
    let event_id = EventId::derive(&[
        b"features_pushed",
        &scope.tenant().as_u128().to_be_bytes(),
        &at.as_ms().to_be_bytes(),
        text.as_bytes(),
    ]);
    Ok(Event {
        event_id,
        occurred_at: at,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::FeaturesPushed(payload),
    })
}
