//! What every backend refuses, and how every backend reads cursors and searches.

use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::ids::decode_base62;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::{WebhookId, limits};

use crate::error::{Error, Result};
use crate::ports::has_direction;

/// Refuses a batch of events beyond its bound.
pub fn check_event_count(event_count: usize) -> Result<()> {
    if event_count > limits::EVENTS_PER_BATCH_MAX {
        let reason = format!(
            "{event_count} events, at most {}",
            limits::EVENTS_PER_BATCH_MAX
        );
        return Err(InvalidValue::new("events", reason).into());
    }
    Ok(())
}

/// The refusal of a checkpoint that another one is ahead of.
pub fn further_already(consumer: &str) -> Error {
    let reason = format!("consumer `{consumer}` is further already, or elsewhere");
    Error::Conflict { reason }
}

/// Refuses a batch of statements beyond its bound.
pub fn check_statement_count(statement_count: usize) -> Result<()> {
    if statement_count > limits::STATEMENTS_PER_BATCH_MAX {
        let reason = format!(
            "{statement_count} statements, at most {}",
            limits::STATEMENTS_PER_BATCH_MAX
        );
        return Err(InvalidValue::new("statements", reason).into());
    }
    Ok(())
}

/// Refuses one more name of a kind of definition when there are `count` already.
pub fn check_definition_count(kind: DefinitionKind, count: usize) -> Result<()> {
    if count >= limits::DEFINITIONS_MAX {
        let reason = format!("{count} {kind} definitions exist, the most there may be");
        return Err(InvalidValue::new("name", reason).into());
    }
    Ok(())
}

/// Refuses one more webhook when there are `count` already.
pub fn check_webhook_count(count: usize) -> Result<()> {
    if count >= limits::WEBHOOKS_MAX {
        let reason = format!("{count} webhooks exist, the most there may be");
        return Err(InvalidValue::new("url", reason).into());
    }
    Ok(())
}

/// Refuses one more plugin when there are `count` already.
pub fn check_plugin_count(count: usize) -> Result<()> {
    if count >= limits::PLUGINS_MAX {
        let reason = format!("{count} plugins exist, the most there may be");
        return Err(InvalidValue::new("name", reason).into());
    }
    Ok(())
}

/// The refusal of a webhook whose id is taken.
pub fn webhook_is_there(id: WebhookId) -> Error {
    let reason = format!("webhook `{id}` is there already");
    Error::Conflict { reason }
}

/// Refuses a vector that no index takes.
pub fn check_vector(vector: &[f32]) -> Result<()> {
    if vector.is_empty() || vector.len() > limits::VECTOR_DIMENSION_MAX {
        let reason = format!(
            "{} components, must be in 1..={}",
            vector.len(),
            limits::VECTOR_DIMENSION_MAX
        );
        return Err(InvalidValue::new("vector", reason).into());
    }
    if let Some(position) = vector.iter().position(|value| !value.is_finite()) {
        let reason = format!("component {position} is not a finite number");
        return Err(InvalidValue::new("vector", reason).into());
    }
    if !has_direction(vector) {
        let reason = "its length is zero or beyond arithmetic, cosine needs a direction";
        return Err(InvalidValue::new("vector", reason).into());
    }
    Ok(())
}

/// Refuses a vector of another dimension than its space.
pub fn check_dimension(space: &str, dimension: usize, expected: usize) -> Result<()> {
    if dimension != expected {
        let reason = format!("{dimension} components, space `{space}` has {expected}");
        return Err(InvalidValue::new("vector", reason).into());
    }
    Ok(())
}

/// The id a listing by id goes on after; `otherwise` for the first page.
pub fn page_id(page: &PageRequest, otherwise: u128) -> Result<u128> {
    match &page.after {
        Some(text) => Ok(decode_base62(text).ok_or_else(foreign_cursor)?),
        None => Ok(otherwise),
    }
}

/// The number a listing by position goes on after; `otherwise` for the first page.
pub fn page_position(page: &PageRequest, otherwise: i64) -> Result<i64> {
    match &page.after {
        Some(text) => Ok(text.parse().map_err(|_| foreign_cursor())?),
        None => Ok(otherwise),
    }
}

fn foreign_cursor() -> InvalidValue {
    InvalidValue::new("cursor", "is not a position of this listing")
}

/// What a search looks at: title, artist and album, lower case.
pub fn search_text(details: &TrackDetails) -> String {
    let album = details.album.as_deref().unwrap_or_default();
    format!("{}\n{}\n{album}", details.title, details.artist).to_lowercase()
}
