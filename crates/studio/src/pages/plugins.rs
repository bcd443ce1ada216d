//! Plugins: which there are, how their trials go, and what they tell.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Redirect;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::plugins::{self, PluginAnswer, PluginDescriptorAnswer, PluginsAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use crate::failure::{Failure, PageResult, shown};
use crate::format::{grouped, moment, percent};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::{Administrator, Visitor};

const SECTION: &str = "/studio/plugins";

/// Every plugin.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = plugins::list(State(state), visitor.access.clone(), asked).await?;
    let body = plugins_body(&answer, visitor.can_administer(), is_first);
    let shell = Shell::of(&visitor, SECTION, "Plugins").with_module("plugins.js");
    Ok(shown(page(&shell, &body)))
}

/// One plugin.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> PageResult {
    let Json(plugin) = plugins::get(State(state), visitor.access.clone(), Path(name)).await?;
    let body = plugin_body(&plugin, visitor.can_administer());
    let shell = Shell::of(&visitor, SECTION, &plugin.name);
    Ok(shown(page(&shell, &body)))
}

/// Lets a plugin run.
pub async fn enable(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Path(name): Path<String>,
) -> Result<Redirect, Failure> {
    let Json(plugin) = plugins::enable(State(state), access, Path(name)).await?;
    Ok(Redirect::to(&links::plugin(&plugin.name)))
}

/// Keeps a plugin from running.
pub async fn disable(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Path(name): Path<String>,
) -> Result<Redirect, Failure> {
    let Json(plugin) = plugins::disable(State(state), access, Path(name)).await?;
    Ok(Redirect::to(&links::plugin(&plugin.name)))
}

/// Removes a plugin.
pub async fn remove(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Path(name): Path<String>,
) -> Result<Redirect, Failure> {
    plugins::delete(State(state), access, Path(name)).await?;
    Ok(Redirect::to(SECTION))
}

/// Draws the plugins.
pub fn plugins_body(answer: &PluginsAnswer, can_administer: bool, is_first: bool) -> Markup {
    html! {
        h1 { "Plugins" }
        p.quiet { "Analyzers of third parties. A module is checked, tried on its own examples, and runs on a small share of the tracks before it runs on all. Nobody here has measured how right it is." }
        @if can_administer { (upload()) }
        @if answer.plugins.is_empty() {
            (empty("No plugin was added yet."))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Plugins" { table {
                caption { "By name" }
                thead { tr {
                    th scope="col" { "Plugin" } th scope="col" { "Version" } th scope="col" { "State" }
                    th.number scope="col" { "Tracks" } th.number scope="col" { "Failures" } th scope="col" { "Tells" }
                } }
                tbody { @for plugin in &answer.plugins { tr {
                    th scope="row" { a href=(links::plugin(&plugin.name)) { (plugin.name) } }
                    td.mono { (plugin.version) }
                    td { (state_of(plugin)) }
                    td.number { (grouped(plugin.answers)) }
                    td.number { (grouped(plugin.failures)) }
                    td { (plugin.descriptors.len()) " descriptors" }
                } } }
            } }
        }
        (pager(SECTION, &[], &answer.page, is_first))
    }
}

fn upload() -> Markup {
    html! {
        form.filters data-upload data-to=(SECTION) {
            div.field {
                label for="module" { "Add a module, or another version" }
                input #module type="file" name="module" accept=".wasm,application/wasm" required;
            }
            div.field.field-buttons { button type="submit" { "Add" } }
        }
        p.notice data-refused role="alert" hidden {}
        noscript { p.quiet { "Without scripts: " code { "leitmotif plugin add FILE" } "." } }
    }
}

/// Draws a plugin.
pub fn plugin_body(plugin: &PluginAnswer, can_administer: bool) -> Markup {
    let place = links::plugin(&plugin.name);
    html! {
        p.quiet { a href=(SECTION) { "Plugins" } }
        h1 { (plugin.name) }
        @if !plugin.description.is_empty() { p { (plugin.description) } }
        @if let Some(why) = &plugin.stopped_because {
            p.notice role="note" { strong { "Stopped. " } (why) }
        }
        dl.facts {
            dt { "State" } dd { (state_of(plugin)) }
            dt { "Run on" } dd { (grouped(plugin.answers)) " tracks since its trial began, " (grouped(plugin.failures)) " failures" }
            @if let Some(failure) = &plugin.last_failure { dt { "Last failure" } dd { (failure) } }
            dt { "Version" } dd.mono { (plugin.version) }
            @if !plugin.author.is_empty() { dt { "Author" } dd { (plugin.author) } }
            dt { "Is given" } dd {
                (plugin.needs.join(", "))
                @if let Some(rate) = plugin.sample_rate_hz { " (sound at " (grouped(u64::from(rate))) " Hz)" }
            }
            dt { "Added" } dd { (moment(plugin.added_at)) }
            dt { "Module" } dd { (grouped(plugin.size_bytes)) " bytes, SHA-256 " span.mono { (plugin.module_hash) } }
        }
        @if can_administer { (buttons(plugin, &place)) }
        section aria-labelledby="tells" {
            h2 #tells { "What it tells" }
            (descriptors_table(&plugin.descriptors))
        }
        section aria-labelledby="examples" {
            h2 #examples { "Its examples" }
            p.quiet { "Inputs of its manifest with what it must tell of them; it was tried on them when it was added." }
            @for (place, example) in plugin.examples.iter().enumerate() {
                details { summary { "Example " (place + 1) } pre.code { (serde_json::to_string_pretty(example).unwrap_or_default()) } }
            }
        }
    }
}

fn buttons(plugin: &PluginAnswer, place: &str) -> Markup {
    let is_running = plugin.is_enabled && plugin.stage != "stopped";
    html! {
        div.field-buttons {
            @if is_running {
                form method="post" action={ (place) "/disable" } { button type="submit" { "Stop" } }
            } @else {
                form method="post" action={ (place) "/enable" } { button type="submit" { "Let it run" } }
            }
            form method="post" action={ (place) "/remove" } {
                button.plain type="submit" { "Remove, with what it told" }
            }
        }
    }
}

fn descriptors_table(descriptors: &[PluginDescriptorAnswer]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Descriptors" { table {
            caption { "Under these names in analyses, searches, maps and exports" }
            thead { tr { th scope="col" { "Descriptor" } th scope="col" { "Kind" } th scope="col" { "Range" } th scope="col" { "Meaning" } } }
            tbody { @for one in descriptors { tr {
                th.mono scope="row" { (one.name) }
                td { (one.kind) @if !one.unit.is_empty() { ", " (one.unit) } }
                td { (range_text(one)) }
                td { (one.description) }
            } } }
        } }
    }
}

fn range_text(descriptor: &PluginDescriptorAnswer) -> String {
    if !descriptor.values.is_empty() {
        return descriptor.values.join(", ");
    }
    match (descriptor.minimum, descriptor.maximum) {
        (None, None) => "any".to_owned(),
        (Some(least), None) => format!("from {least}"),
        (None, Some(most)) => format!("to {most}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
    }
}

fn state_of(plugin: &PluginAnswer) -> Markup {
    html! {
        @match (plugin.is_enabled, plugin.stage) {
            (_, "stopped") => span.state { "stopped" },
            (false, _) => span.state { "disabled" },
            (true, "trial") => { span.state { "on trial" } " " span.quiet { "with " (percent(plugin.trial_share)) " of the tracks" } },
            (true, _) => span.state.state-done { "active" },
        }
        @if let Some(why) = &plugin.stopped_because { " " span.quiet { (why) } }
    }
}
