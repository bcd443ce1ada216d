//! The values of a metric.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::Timestamp;
use leitmotif_domain::zone::Calendar;
use leitmotif_features::metrics::definition::VALUE_SCALE;
use leitmotif_features::metrics::registry::Reading;
use leitmotif_features::metrics::tally::GroupKey;
use leitmotif_features::metrics::{Breakdown, LiveMetric, MetricDefinition, MetricValue, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::definitions::{MetricSummary, metric_of};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::native::off_thread;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Breakdowns beside each other.
const BREAKDOWNS_MAX: usize = 2;

/// Which values.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ValuesQuery {
    /// Observations from here on: a day (`2026-11-30`) or a moment. From the first when left out.
    pub from: Option<String>,
    /// Observations before this day or moment; up to the last when left out. Outcomes that follow from them later count.
    pub to: Option<String>,
    /// One or two of `day`, `placement`, `rung`, `model`, `pipeline`, with a comma between them.
    pub by: Option<String>,
    /// Whose days: `Europe/Lisbon`, `+02:00`; those of UTC when left out.
    pub zone: Option<String>,
}

/// The values of a metric.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ValuesAnswer {
    /// The metric.
    pub metric: MetricSummary,
    /// The last event that counts.
    pub log_offset: u64,
    /// Share of the listeners that are counted: 1 for everybody, a half, a quarter and so on where they have done more
    /// than is kept in memory. A recount counts everybody.
    pub listener_share: f64,
    /// Whose days.
    pub zone: String,
    /// From this moment on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// All observations together.
    pub total: ValueAnswer,
    /// The groups by their keys, the days in order.
    pub groups: Vec<GroupAnswer>,
}

/// A value with how sure it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ValueAnswer {
    /// The value; `null` where there is nothing to divide by.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval, where listeners are what varies; `null` for fewer than two.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Listeners with an observation.
    pub listeners: u64,
    /// Observations; exposures for a `catalogue_track`.
    pub observations: u64,
    /// What is divided.
    pub numerator: f64,
    /// By what.
    pub denominator: f64,
}

/// A group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupAnswer {
    /// What the group has in common, by breakdown; `null` for what has no such part, such as a play that follows from
    /// nothing shown, an answer without a model or the built-in pipeline.
    #[schema(value_type = Object)]
    pub key: BTreeMap<&'static str, Option<String>>,
    /// Its value.
    #[serde(flatten)]
    pub value: ValueAnswer,
}

impl ValueAnswer {
    pub(super) fn of(value: &MetricValue) -> Self {
        let scaled = |sum: i128| sum as f64 / VALUE_SCALE as f64;
        Self {
            value: value.value,
            low: value.interval.map(|(low, _)| low),
            high: value.interval.map(|(_, high)| high),
            listeners: value.listeners,
            observations: value.observations,
            numerator: scaled(value.numerator),
            denominator: scaled(value.denominator),
        }
    }
}

/// Reads a metric: its value, and the value of each group, with intervals whose unit is the listener. It is level with
/// the log: what came late counts where it belongs. Private sessions and inferred skips are in no metric.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/values", tag = "metrics",
    params(("metric" = String, Path, description = "The metric"), ValuesQuery), responses(
    (status = 200, body = ValuesAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn values(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(metric): Path<String>,
    QueryParameters(query): QueryParameters<ValuesQuery>,
) -> Result<Json<ValuesAnswer>, Problem> {
    let scope = access.scope().clone();
    let metric = metric_of(&state, &scope, &metric).await?;
    let asked = asked_of(&metric.definition, &query)?;
    let (registry, definition) = (
        Arc::clone(&state.metric_registry),
        metric.definition.clone(),
    );
    let own = asked.clone();
    let read = async move { Ok(registry.read(&scope, &[definition], &own).await?) };
    let reading = off_thread(read).await?.into_iter().next();
    let reading = reading.ok_or_else(|| Problem::bug(&"one metric is read as one"))?;
    Ok(Json(answer_of(&metric, &asked, &query, &reading)))
}

fn answer_of(
    metric: &LiveMetric,
    asked: &Query,
    query: &ValuesQuery,
    reading: &Reading,
) -> ValuesAnswer {
    let (definition, evaluation) = (&metric.definition, &reading.evaluation);
    let groups = evaluation.groups.iter().map(|(key, tally)| GroupAnswer {
        key: key_of(&asked.by, key),
        value: ValueAnswer::of(&evaluation.value(definition, tally)),
    });
    ValuesAnswer {
        metric: MetricSummary::of(definition, metric.version),
        log_offset: reading.offset,
        listener_share: reading.part.share(),
        zone: query.zone.clone().unwrap_or_else(|| "UTC".to_owned()),
        from: asked.from,
        to: asked.to,
        total: ValueAnswer::of(&evaluation.value(definition, &evaluation.total)),
        groups: groups.collect(),
    }
}

fn key_of(by: &[Breakdown], key: &GroupKey) -> BTreeMap<&'static str, Option<String>> {
    let mut labels = key.labels.iter().cloned();
    by.iter()
        .map(|one| {
            let label = match one {
                Breakdown::Day => key.day.map(Calendar::text),
                _ => labels.next().flatten(),
            };
            (one.name(), label)
        })
        .collect()
}

/// Reads what is asked of a metric.
pub(super) fn asked_of(
    definition: &MetricDefinition,
    query: &ValuesQuery,
) -> Result<Query, Problem> {
    let calendar = Calendar::of(query.zone.as_deref())
        .map_err(|error| Problem::invalid("?zone", error.reason))?;
    let moment = |name: &str, text: &Option<String>| -> Result<Option<Timestamp>, Problem> {
        let Some(text) = text else { return Ok(None) };
        let day = Calendar::parse_day(text).map(|day| calendar.start_of(day));
        let read = day.or_else(|_| Timestamp::parse(text));
        read.map(Some).map_err(|_| {
            let detail = format!("`{text}` is no day (2026-11-30) and no moment");
            Problem::invalid(format!("?{name}"), detail)
        })
    };
    Ok(Query {
        from: moment("from", &query.from)?,
        to: moment("to", &query.to)?,
        by: breakdowns(definition, query.by.as_deref())?,
        calendar: calendar.clone(),
    })
}

fn breakdowns(
    definition: &MetricDefinition,
    given: Option<&str>,
) -> Result<Vec<Breakdown>, Problem> {
    let mut by = Vec::new();
    for name in given.into_iter().flat_map(|text| text.split(',')) {
        let found = Breakdown::ALL.into_iter().find(|one| one.name() == name);
        let Some(found) = found.filter(|one| one.is_of(definition.observation)) else {
            let has = |one: &Breakdown| one.is_of(definition.observation);
            let names: Vec<&str> = (Breakdown::ALL.into_iter().filter(has))
                .map(Breakdown::name)
                .collect();
            let detail = format!(
                "a `{}` cannot be broken down by `{name}`, but by {}",
                definition.observation.name(),
                names.join(", ")
            );
            return Err(Problem::invalid("?by", detail));
        };
        by.push(found);
    }
    if by.len() > BREAKDOWNS_MAX || by.first() == by.get(1) && by.len() == 2 {
        let detail = format!("at most {BREAKDOWNS_MAX} different ones");
        return Err(Problem::invalid("?by", detail));
    }
    Ok(by)
}
