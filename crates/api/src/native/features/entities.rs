//! Naming entities: what a caller writes to what features know, and back.

use std::collections::{BTreeMap, HashMap};

use leitmotif_domain::track::TrackRef;
use leitmotif_domain::{ListenerId, RequestId, TenantScope, TrackId, limits};
use leitmotif_features::definition::{Entity, text_id};
use leitmotif_features::service::Level;
use leitmotif_features::{EntityKey, ViewDefinition};
use serde_json::Value;

use crate::problem::Problem;
use crate::state::ApiState;

/// Entities by join key, one value a row.
pub type EntityColumns = BTreeMap<String, Vec<Value>>;

/// Counts the rows, and refuses columns of several lengths.
pub fn row_count(entities: &EntityColumns) -> Result<usize, Problem> {
    let mut lengths = entities.iter().map(|(key, values)| (key, values.len()));
    let Some((first, count)) = lengths.next() else {
        return Err(Problem::invalid("/entities", "names no join key"));
    };
    if let Some((other, length)) = lengths.find(|(_, length)| *length != count) {
        let detail = format!("`{first}` has {count} values, `{other}` has {length}");
        return Err(Problem::invalid("/entities", detail));
    }
    if count > limits::FEATURE_ROWS_MAX {
        let detail = format!("{count} rows, at most {}", limits::FEATURE_ROWS_MAX);
        return Err(Problem::invalid("/entities", detail));
    }
    Ok(count)
}

/// Finds the entities of a view in rows; `None` for one that is not in the catalogue.
///
/// - Errors: 400 for a missing join key, or a value that is neither text nor number.
pub async fn keys_of(
    state: &ApiState,
    scope: &TenantScope,
    view: &ViewDefinition,
    entities: &EntityColumns,
) -> Result<Vec<Option<EntityKey>>, Problem> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    for key in &view.join_keys {
        let Some(values) = entities.get(key) else {
            let detail = format!("the view `{}` needs the join key `{key}`", view.name);
            return Err(Problem::invalid("/entities", detail));
        };
        let texts = values.iter().map(|value| text_of(key, value));
        parts.push(texts.collect::<Result<_, _>>()?);
    }
    let first = parts.first().map(Vec::as_slice).unwrap_or_default();
    let second = parts.get(1).map(Vec::as_slice).unwrap_or_default();
    let tracks = match view.entity {
        Entity::Track => tracks_of(state, scope, first).await?,
        _ => HashMap::new(),
    };
    let key = |row: usize| {
        let text = first.get(row)?;
        match view.entity {
            Entity::Listener => Some(EntityKey::of(listener_of(scope, text).as_u128())),
            Entity::Track => tracks.get(text).map(|track| EntityKey::of(track.as_u128())),
            Entity::Artist | Entity::ContextCell => Some(EntityKey::of(text_id(text))),
            Entity::ListenerArtist => {
                let listener = listener_of(scope, text).as_u128();
                Some(EntityKey::pair(listener, text_id(second.get(row)?)))
            }
            Entity::Request => {
                let request: RequestId = text.parse().ok()?;
                Some(EntityKey::of(request.as_u128()))
            }
            Entity::Named => {
                let texts: Vec<String> = [Some(text), second.get(row)]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect();
                Some(EntityKey::of_texts(&texts))
            }
        }
    };
    Ok((0..first.len()).map(key).collect())
}

/// A join key's value as text: numbers are written as they are.
pub fn text_of(key: &str, value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => {
            leitmotif_domain::track::check_text(key, text)?;
            Ok(text.clone())
        }
        Value::Number(number) => Ok(number.to_string()),
        _ => {
            let detail = format!("a value of `{key}` must be a text or a number");
            Err(Problem::invalid("/entities", detail))
        }
    }
}

/// A listener by id, or by the name the player uses.
pub fn listener_of(scope: &TenantScope, text: &str) -> ListenerId {
    let id = text.parse::<ListenerId>();
    id.unwrap_or_else(|_| ListenerId::of_name(scope.tenant(), text))
}

async fn tracks_of(
    state: &ApiState,
    scope: &TenantScope,
    texts: &[String],
) -> Result<HashMap<String, TrackId>, Problem> {
    let mut tracks = HashMap::new();
    let mut named: Vec<(&String, TrackRef)> = Vec::new();
    for text in texts {
        // An id of ours needs no look at the catalogue: one that is not there has no events either.
        match (text.parse::<TrackId>(), text.parse::<TrackRef>()) {
            (Ok(track), _) => drop(tracks.insert(text.clone(), track)),
            (_, Ok(reference)) => named.push((text, reference)),
            _ => {}
        }
    }
    if !named.is_empty() {
        let references: Vec<TrackRef> = named.iter().map(|(_, one)| one.clone()).collect();
        let found = state.catalog.resolve(scope, &references).await?;
        for ((text, _), track) in named.iter().zip(found) {
            if let Some(track) = track {
                tracks.insert((*text).clone(), track);
            }
        }
    }
    Ok(tracks)
}

/// The parts of an entity as a caller writes them; null for a text that has no name any more.
pub fn shown(view: &ViewDefinition, key: EntityKey, level: &Level) -> Vec<Value> {
    let [first, second] = key.parts();
    let named = |id: u128| level.name(id).map_or(Value::Null, Value::from);
    match view.entity {
        Entity::Listener => vec![ListenerId::from_u128(first).to_string().into()],
        Entity::Track => vec![TrackId::from_u128(first).to_string().into()],
        Entity::Request => vec![RequestId::from_u128(first).to_string().into()],
        Entity::Artist | Entity::ContextCell => vec![named(first)],
        Entity::ListenerArtist => {
            vec![
                ListenerId::from_u128(first).to_string().into(),
                named(second),
            ]
        }
        Entity::Named => {
            let parts = [first, second].into_iter().take(view.join_keys.len());
            parts.map(named).collect()
        }
    }
}
