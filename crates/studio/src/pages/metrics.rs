//! Metrics: each with its value and its days, and one of them with its groups and its definition.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::middleware::auth::ReadAccess;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::metrics::definitions::{self, MetricAnswer, MetricSummary};
use leitmotif_api::native::metrics::values::{self, ValueAnswer, ValuesAnswer, ValuesQuery};
use leitmotif_api::paging::PageQuery;
use leitmotif_api::{ApiState, Problem};
use leitmotif_domain::limits;
use leitmotif_domain::zone::Calendar;
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{PageResult, shown};
use crate::format::{grouped, label, percent, trimmed};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::empty;
use crate::visitor::Visitor;

const SECTION: &str = "/studio/metrics";
/// Days that are shown: four weeks, so that every day of the week counts alike.
const DAYS: i32 = 28;
/// Width and height of a row of days in its own units.
const SPARK_WIDTH: f64 = 100.0;
/// See [`SPARK_WIDTH`].
const SPARK_HEIGHT: f64 = 24.0;

/// A metric in the last four weeks and in the four before.
pub struct Shown {
    /// The last weeks, by day.
    pub now: ValuesAnswer,
    /// Those before.
    pub before: ValueAnswer,
}

/// Every metric.
pub async fn show(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    let access = ReadAccess(visitor.access.0.clone());
    let query = QueryParameters(PageQuery {
        limit: Some(limits::PAGE_ITEMS_MAX),
        cursor: None,
    });
    let Json(answer) = definitions::list(State(state.clone()), access, query).await?;
    let mut metrics = Vec::with_capacity(answer.metrics.len());
    for metric in &answer.metrics {
        metrics.push(read(&state, &visitor, &metric.name).await?);
    }
    let body = metrics_body(&metrics);
    Ok(shown(page(&Shell::of(&visitor, SECTION, "Metrics"), &body)))
}

/// What a metric is broken down by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MetricQuery {
    /// The breakdown; by placement when left out, where the metric has it.
    by: Option<String>,
}

/// One metric.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(name): Path<String>,
    QueryParameters(query): QueryParameters<MetricQuery>,
) -> PageResult {
    let access = || ReadAccess(visitor.access.0.clone());
    let Json(metric) =
        definitions::describe(State(state.clone()), access(), Path(name.clone())).await?;
    let has_placement = metric.summary.breakdowns.contains(&"placement");
    let usual = if has_placement { "placement" } else { "day" };
    let asked = ValuesQuery {
        by: Some(query.by.unwrap_or_else(|| usual.to_owned())),
        ..days_back(&state, DAYS, 0)
    };
    let groups = values::values(
        State(state.clone()),
        access(),
        Path(name.clone()),
        QueryParameters(asked),
    );
    let Json(groups) = groups.await?;
    let told = read(&state, &visitor, &name).await?;
    let body = metric_body(&metric, &told, &groups);
    Ok(shown(page(&Shell::of(&visitor, SECTION, &name), &body)))
}

async fn read(state: &ApiState, visitor: &Visitor, name: &str) -> Result<Shown, Problem> {
    let asked = |query: ValuesQuery| {
        let access = ReadAccess(visitor.access.0.clone());
        values::values(
            State(state.clone()),
            access,
            Path(name.to_owned()),
            QueryParameters(query),
        )
    };
    let by_day = ValuesQuery {
        by: Some("day".to_owned()),
        ..days_back(state, DAYS, 0)
    };
    let Json(now) = asked(by_day).await?;
    let Json(before) = asked(days_back(state, 2 * DAYS, DAYS)).await?;
    Ok(Shown {
        now,
        before: before.total,
    })
}

/// From so many days ago to so many days ago, today being a whole day.
fn days_back(state: &ApiState, from: i32, to: i32) -> ValuesQuery {
    let calendar = Calendar::of(None);
    let today = calendar.map_or(0, |calendar| calendar.day(state.clock.now()));
    ValuesQuery {
        from: Some(Calendar::text(today - from + 1)),
        to: Some(Calendar::text(today - to + 1)),
        ..ValuesQuery::default()
    }
}

/// Draws the metrics.
pub fn metrics_body(metrics: &[Shown]) -> Markup {
    let offset = metrics.iter().map(|one| one.now.log_offset).max();
    html! {
        h1 { "Metrics" }
        p.quiet {
            "What was shown and what became of it in the last " (DAYS) " days, level with event "
            (grouped(offset.unwrap_or(0))) " of the log. Intervals hold the value of a like crowd of listeners 19 times of 20."
        }
        div.scroll tabindex="0" role="region" aria-label="Metrics" { table {
            caption { "Metrics, the last " (DAYS) " days" }
            thead { tr {
                th scope="col" { "Metric" } th.number scope="col" { "Value" } th scope="col" { "Interval" }
                th scope="col" { "By day" } th scope="col" { "What it says" }
            } }
            tbody { @for one in metrics {
                @let metric = &one.now.metric;
                tr {
                    th scope="row" { a href=(links::metric(&metric.name)) { (label(&metric.name)) } }
                    td.number { (value_text(metric, one.now.total.value)) }
                    td.nowrap { (interval_text(metric, &one.now.total)) }
                    td { (sparkline(one)) }
                    td { (conclusion(one)) }
                }
            } }
        } }
    }
}

/// Draws a metric.
pub fn metric_body(metric: &MetricAnswer, told: &Shown, groups: &ValuesAnswer) -> Markup {
    let (summary, total) = (&metric.summary, &told.now.total);
    let by = groups
        .groups
        .first()
        .and_then(|group| group.key.keys().next());
    html! {
        h1 { (label(&summary.name)) }
        p { (summary.description) "." }
        p role="status" { (conclusion(told)) }
        dl.facts {
            div { dt { "Value, last " (DAYS) " days" } dd { (value_text(summary, total.value)) " (" (interval_text(summary, total)) ")" } }
            div { dt { "Observations" } dd { (grouped(total.observations)) " of " (grouped(total.listeners)) " listeners" } }
            div { dt { "Counted once" } dd { (label(summary.observation)) } }
            div { dt { "Better" } dd { (summary.better) } }
            @if let Some(window_s) = summary.window_s { div { dt { "Window" } dd { (trimmed(window_s as f64 / 3_600.0, 1)) " hours" } } }
            div { dt { "In service" } dd { @if let Some(version) = summary.version { "version " (version) } @else { "built in" } } }
            div { dt { "Level with event" } dd { (grouped(told.now.log_offset)) } }
            @if told.now.listener_share < 1.0 {
                div { dt { "Listeners counted" } dd { (percent(told.now.listener_share)) ", the rest is left out for memory" } }
            }
        }
        figure.reliability.pareto { (sparkline(told)) figcaption.quiet { "By day (UTC), from the least to the greatest value; a day without observations is left out." } }
        nav.tabs aria-label="Broken down by" { ul {
            @for name in &summary.breakdowns {
                li { a href=(links::with_query(&links::metric(&summary.name), &[("by", Some(name))])) aria-current=[(by == Some(name)).then_some("true")] { "by " (name) } }
            }
        } }
        (groups_table(summary, groups))
        details { summary { "The file" } pre.code tabindex="0" { (metric.text) } }
    }
}

fn groups_table(summary: &MetricSummary, groups: &ValuesAnswer) -> Markup {
    if groups.groups.is_empty() {
        return empty("Nothing of it happened in these days.");
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Groups" { table {
            caption { "The same, broken down" }
            thead { tr {
                th scope="col" { "Group" } th.number scope="col" { "Value" } th scope="col" { "Interval" }
                th.number scope="col" { "Observations" } th.number scope="col" { "Listeners" }
            } }
            tbody { @for group in &groups.groups { tr {
                th scope="row" { @for name in group.key.values() { (name.as_deref().unwrap_or("none")) " " } }
                td.number { (value_text(summary, group.value.value)) }
                td.nowrap { (interval_text(summary, &group.value)) }
                td.number { (grouped(group.value.observations)) }
                td.number { (grouped(group.value.listeners)) }
            } } }
        } }
    }
}

/// A value in its unit.
fn value_text(metric: &MetricSummary, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let number = number_text(metric, value);
    match metric.unit.as_str() {
        "share" => format!("{number} %"),
        unit => format!("{number} {unit}").trim_end().to_owned(),
    }
}

/// The number of a value without its unit.
fn number_text(metric: &MetricSummary, value: f64) -> String {
    if metric.unit == "share" {
        return trimmed(value * 100.0, 1);
    }
    trimmed(value, if value.abs() < 10.0 { 3 } else { 1 })
}

fn interval_text(metric: &MetricSummary, value: &ValueAnswer) -> String {
    let (Some(low), Some(high)) = (value.low, value.high) else {
        return "too few listeners".to_owned();
    };
    // A share of less than nothing is what the normal distribution says of few; nobody means it.
    let (low, high) = if metric.unit == "share" {
        (low.max(0.0), high.min(1.0))
    } else {
        (low, high)
    };
    format!(
        "{} to {}",
        number_text(metric, low),
        value_text(metric, Some(high))
    )
}

/// Whether it became better, in a sentence. Intervals that are apart tell of a difference more surely than one in twenty.
fn conclusion(told: &Shown) -> String {
    let (metric, now, before) = (&told.now.metric, &told.now.total, &told.before);
    let Some(value) = now.value else {
        return format!("Nothing was observed in the last {DAYS} days.");
    };
    let (Some(low), Some(high), Some(former), Some(former_low), Some(former_high)) =
        (now.low, now.high, before.value, before.low, before.high)
    else {
        return format!("There is nothing yet to hold the last {DAYS} days against.");
    };
    let former = value_text(metric, Some(former));
    if low <= former_high && former_low <= high {
        return format!(
            "No change can be told: it was {former} in the {DAYS} days before, and the intervals overlap."
        );
    }
    let is_more = value > former_high;
    let word = match (metric.better, is_more) {
        ("neither", true) => "More",
        ("neither", false) => "Less",
        ("higher", true) | ("lower", false) => "Better",
        _ => "Worse",
    };
    format!("{word} than in the {DAYS} days before, when it was {former}.")
}

/// The days as a line; the numbers are in the table by day.
fn sparkline(told: &Shown) -> Markup {
    let days: Vec<(i32, f64)> = (told.now.groups.iter())
        .filter_map(|group| {
            let day = group.key.get("day")?.as_deref()?;
            Some((Calendar::parse_day(day).ok()?, group.value.value?))
        })
        .collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return html! { span.quiet { "–" } };
    };
    if first.0 == last.0 {
        return html! { span.quiet { "one day" } };
    }
    let low = days
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::INFINITY, f64::min);
    let high = days
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::NEG_INFINITY, f64::max);
    let width = f64::from(last.0 - first.0);
    let reach = if high > low { high - low } else { 1.0 };
    let points = days.iter().map(|(day, value)| {
        let x = f64::from(day - first.0) / width * SPARK_WIDTH;
        let y = (SPARK_HEIGHT - 4.0) * (1.0 - (value - low) / reach) + 2.0;
        format!("{x:.1},{y:.1}")
    });
    let points: Vec<String> = points.collect();
    let metric = &told.now.metric;
    let (from, to) = (
        value_text(metric, Some(low)),
        value_text(metric, Some(high)),
    );
    html! {
        svg.sparkline viewBox=(format!("0 0 {SPARK_WIDTH} {SPARK_HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(format!("{} days, from {from} to {to}", days.len())) {
            polyline.reliability-curve points=(points.join(" ")) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: f64, half: f64) -> ValueAnswer {
        ValueAnswer {
            value: Some(value),
            low: Some(value - half),
            high: Some(value + half),
            listeners: 9,
            observations: 99,
            numerator: 1.0,
            denominator: 2.0,
        }
    }

    #[test]
    fn values_and_intervals_stand_in_their_unit() {
        let mut told = crate::pages::tests::a_metric("higher", value(0.05, 0.1), value(0.3, 0.1));
        let metric = &mut told.now.metric;
        for (unit, expected) in [
            ("share", ["5 %", "0 to 15 %"]),
            ("plays", ["0.05 plays", "−0.05 to 0.15 plays"]),
            ("", ["0.05", "−0.05 to 0.15"]),
        ] {
            metric.unit = unit.to_owned();
            let total = &told.now.total;
            let said = [
                value_text(metric, total.value),
                interval_text(metric, total),
            ];
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn a_change_is_told_where_the_intervals_are_apart() {
        for (better, now, before, said) in [
            ("higher", value(0.5, 0.1), value(0.3, 0.05), "Better than"),
            ("lower", value(0.5, 0.1), value(0.3, 0.05), "Worse than"),
            ("lower", value(0.1, 0.1), value(0.3, 0.05), "Better than"),
            ("neither", value(0.1, 0.1), value(0.3, 0.05), "Less than"),
            ("higher", value(0.4, 0.1), value(0.3, 0.05), "No change"),
        ] {
            let told = crate::pages::tests::a_metric(better, now, before);
            assert!(conclusion(&told).starts_with(said), "{}", conclusion(&told));
        }
    }
}
