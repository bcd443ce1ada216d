//! Features: the views, and one of them with its definition, freshness, distribution and parity.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::auth::ReadAccess;
use leitmotif_api::middleware::body::{JsonBody, QueryParameters};
use leitmotif_api::native::features::distribution::{self, DistributionAnswer, DistributionQuery};
use leitmotif_api::native::features::past::{self, ParityAnswer, ParityInput};
use leitmotif_api::native::features::views::{
    self, FeatureAnswer, ViewAnswer, ViewSummary, ViewsAnswer,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{PageResult, shown};
use crate::format::{grouped, moment, trimmed};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::empty;
use crate::visitor::Visitor;

const SECTION: &str = "/studio/features";
/// Entities of each view that are read and computed anew when parity is asked for.
const PARITY_SAMPLE: usize = 20;
/// Height of the tallest bar of a distribution.
const BAR_HEIGHT: f64 = 100.0;

/// Every view.
pub async fn show(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    list_page(&state, &visitor, None).await
}

/// Computes served values anew and shows how far they differ.
pub async fn compare(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    let access = ReadAccess(visitor.access.0.clone());
    let input = JsonBody(ParityInput {
        sample: PARITY_SAMPLE,
    });
    let Json(parity) = past::parity(State(state.clone()), access, input).await?;
    list_page(&state, &visitor, Some(parity)).await
}

async fn list_page(
    state: &ApiState,
    visitor: &Visitor,
    parity: Option<ParityAnswer>,
) -> PageResult {
    let access = ReadAccess(visitor.access.0.clone());
    let Json(answer) = views::list(State(state.clone()), access).await?;
    let body = views_body(&answer, parity.as_ref());
    Ok(shown(page(&Shell::of(visitor, SECTION, "Features"), &body)))
}

/// Draws the views.
pub fn views_body(answer: &ViewsAnswer, parity: Option<&ParityAnswer>) -> Markup {
    html! {
        h1 { "Features" }
        p.quiet { "A view says what is computed of events for one sort of entity. Values are level with event " (grouped(answer.through_offset)) " of the log." }
        @if let Some(parity) = parity { (parity_notice(parity)) }
        div.scroll tabindex="0" role="region" aria-label="Feature views" { table {
            caption { "Feature views" }
            thead { tr {
                th scope="col" { "View" } th scope="col" { "About" } th scope="col" { "In service" }
                th.number scope="col" { "Features" } th.number scope="col" { "Entities" } th.number scope="col" { "Memory, kB" }
            } }
            tbody { @for view in &answer.views { tr {
                th scope="row" { a href=(links::feature_view(&view.name)) { (view.name) } }
                td { (view.description) }
                td { (in_service(view)) }
                td.number { (view.feature_count) }
                td.number { (grouped(view.entity_count)) }
                td.number { (grouped(view.memory_bytes / 1_000)) }
            } } }
        } }
        form method="post" action="/studio/features/parity" {
            button type="submit" { "Compare with a replay" }
            span.quiet { " Computes what was served anew from the log, to the last bit." }
        }
    }
}

fn parity_notice(parity: &ParityAnswer) -> Markup {
    html! {
        p.notice role="status" data-differing=(parity.differing) {
            @if parity.differing == 0 {
                "All " (grouped(parity.values)) " values of " (grouped(parity.rows)) " served rows are what a replay gives, to the last bit."
            } @else {
                (grouped(parity.differing)) " of " (grouped(parity.values)) " served values differ from a replay, by "
                (trimmed(parity.difference_max, 6)) " at most. Please report this: it is a fault of the platform."
            }
        }
    }
}

fn in_service(view: &ViewSummary) -> Markup {
    html! { @if let Some(version) = view.version { "version " (version) } @else { "built in" } }
}

/// Which feature's values are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ViewQuery {
    /// The feature; the first number of the view when left out.
    feature: Option<String>,
}

/// One view.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(name): Path<String>,
    QueryParameters(query): QueryParameters<ViewQuery>,
) -> PageResult {
    let access = || ReadAccess(visitor.access.0.clone());
    let Json(view) = views::describe(State(state.clone()), access(), Path(name.clone())).await?;
    let numbers = view
        .features
        .iter()
        .filter(|one| one.value_type == "number");
    let feature = query
        .feature
        .or_else(|| numbers.clone().map(|one| one.name.clone()).next());
    let distribution = match feature {
        None => None,
        Some(feature) => {
            let asked = QueryParameters(DistributionQuery { feature });
            let answer =
                distribution::distribution(State(state), access(), Path(name), asked).await?;
            Some(answer.0)
        }
    };
    let body = view_body(&view, distribution.as_ref());
    Ok(shown(page(
        &Shell::of(&visitor, SECTION, &view.summary.name),
        &body,
    )))
}

/// Draws a view.
pub fn view_body(view: &ViewAnswer, distribution: Option<&DistributionAnswer>) -> Markup {
    let summary = &view.summary;
    html! {
        h1 { (summary.name) }
        p { (summary.description) }
        dl.facts {
            div { dt { "Entity" } dd { (summary.entity) " by " (summary.join_keys.join(", ")) } }
            div { dt { "In service" } dd { (in_service(summary)) } }
            div { dt { "Entities" } dd { (grouped(summary.entity_count)) } }
            div { dt { "Level with event" } dd { (grouped(view.through_offset)) } }
            div { dt { "Newest event" } dd { @if let Some(newest) = view.newest { (moment(newest)) } @else { "nothing yet" } } }
            @if let Some(ttl_s) = summary.ttl_s { div { dt { "Time to live" } dd { (whole_time(ttl_s)) } } }
        }
        @if let Some(distribution) = distribution { (histogram(distribution)) }
        (features_table(view))
        details { summary { "The file" } pre.code tabindex="0" { (view.text) } }
    }
}

/// Seconds in the largest unit that says them whole.
fn whole_time(seconds: i64) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|(size, _)| seconds % size == 0);
    let (size, name) = unit.unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / size)
}

fn features_table(view: &ViewAnswer) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Features" { table {
            caption { "Features" }
            thead { tr { th scope="col" { "Feature" } th scope="col" { "Value" } th scope="col" { "Computed of" } th scope="col" { "Services" } th scope="col" { "What it is" } } }
            tbody { @for feature in &view.features { tr {
                th scope="row" { @if feature.value_type == "number" {
                    a href=(links::with_query(&links::feature_view(&view.summary.name), &[("feature", Some(&feature.name))])) { (feature.name) }
                } @else { (feature.name) } }
                td { (feature.value_type) }
                td { (source_of(feature)) }
                td { (services_of(feature)) }
                td { (feature.description) }
            } } }
        } }
    }
}

fn source_of(feature: &FeatureAnswer) -> String {
    match (feature.event, feature.combination) {
        (Some(event), _) => event.to_owned(),
        (None, combination) => {
            format!(
                "{} of {}",
                combination.unwrap_or_default(),
                feature.made_of.join(", ")
            )
        }
    }
}

/// Who reads a feature: the service `ranker` is the learnt order.
fn services_of(feature: &FeatureAnswer) -> String {
    let told = feature.services.iter().map(|name| match name.as_str() {
        "ranker" => "ranker: a column of the learnt order",
        name => name,
    });
    told.collect::<Vec<_>>().join(", ")
}

/// How the values of a feature lie, as bars; the numbers stand beside them.
fn histogram(told: &DistributionAnswer) -> Markup {
    let tallest = told.bins.iter().copied().max().unwrap_or(0).max(1);
    let slot = 1_000.0 / told.bins.len().max(1) as f64;
    let text = |value: f64| format!("{value:.1}");
    let bars = told.bins.iter().enumerate().map(|(place, count)| {
        let height = BAR_HEIGHT * *count as f64 / tallest as f64;
        (
            text(place as f64 * slot + 0.05 * slot),
            text(BAR_HEIGHT - height),
            text(height),
        )
    });
    html! {
        section aria-labelledby="distribution" {
            h2 #distribution { "How " (told.feature) " lies" }
            @if let (Some(min), Some(max), Some(mean)) = (told.min, told.max, told.mean) {
                figure.flow {
                    svg viewBox="0 0 1000 110" preserveAspectRatio="none" role="img" aria-label="Entities by value, in twenty steps from the smallest to the largest" {
                        @for (left, top, height) in bars {
                            rect.flow-step x=(left) y=(top) width=(text(0.9 * slot)) height=(height) {}
                        }
                        line.flow-ground x1="0" x2="1000" y1="104" y2="104" {}
                    }
                    figcaption.quiet {
                        "From " (trimmed(min, 3)) " to " (trimmed(max, 3)) ", mean " (trimmed(mean, 3)) ", over "
                        (grouped(told.entity_count)) " entities, " (grouped(told.null_count)) " of them without a value."
                    }
                }
            } @else { (empty("No entity has a value yet.")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_whole() {
        for (seconds, said) in [
            (172_800, "2 days"),
            (90_000, "25 hours"),
            (90, "90 seconds"),
            (120, "2 minutes"),
        ] {
            assert_eq!(whole_time(seconds), said);
        }
    }
}
