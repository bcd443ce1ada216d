//! How an answer came about: its steps as a waterfall, its sources, rules and candidates.

use leitmotif_api::native::explanations::{CandidateTraceAnswer, ExplanationAnswer};
use leitmotif_api::native::recommendations::SpanAnswer;
use maud::{Markup, html};

use crate::format::{grouped, trimmed};
use crate::links;
use crate::parts::empty;

/// Candidates shown besides those of the list.
const OTHERS_SHOWN: usize = 60;

/// Draws the whole explanation.
pub fn trace_section(told: &ExplanationAnswer) -> Markup {
    let total_us = told.latency_us.unwrap_or(0).max(1);
    let at = &told.context;
    let (hour, weekday) = (
        at.hour.map(|hour| hour.to_string()),
        at.weekday.map(|day| day.to_string()),
    );
    let moment = [
        ("Device", &at.device),
        ("Activity", &at.activity),
        ("Hour", &hour),
        ("Weekday", &weekday),
    ];
    let moment = moment
        .into_iter()
        .filter_map(|(name, said)| Some((name, said.as_ref()?)));
    html! {
        section.trace aria-labelledby="trace" {
            h2 #trace { "How it came about" }
            dl.facts.facts-row {
                div { dt { "Placement" } dd { (told.placement) } }
                @for (name, value) in moment { div { dt { (name) } dd { (value) } } }
                div { dt { "Pipeline" } dd { @if let Some(version) = told.pipeline_version { "version " (version) } @else { "built in" } } }
                div { dt { "Took" } dd { (trimmed(total_us as f64 / 1_000.0, 2)) " ms" } }
                @if let Some(offset) = told.log_offset { div { dt { "Log offset" } dd.number { (grouped(offset)) } } }
            }
            @for part in &told.degraded {
                p.notice { "Missing: " strong { (part.part) } (match part.cause {
                    "late" => ", its budget was used up before it began or ended",
                    "resting" => ", it failed or was late again and again and is left out for half a minute",
                    _ => ", it failed; the log says why",
                }) }
            }
            (waterfall(&told.spans, total_us))
            (flow(told))
            @if !told.rules.is_empty() {
                table {
                    caption { "Rules" }
                    thead { tr { th scope="col" { "Rule" } th.number scope="col" { "Dropped" } th.number scope="col" { "Moved" } } }
                    tbody { @for rule in &told.rules {
                        tr { th.mono scope="row" { (rule.rule) } td.number { (grouped(rule.dropped)) } td.number { (grouped(rule.moved)) } }
                    } }
                }
            }
            (candidates(&told.candidates))
        }
    }
}

/// Draws steps where they began, as long as they took.
fn waterfall(spans: &[SpanAnswer], total_us: u64) -> Markup {
    let share = |us: u64| format!("{:.2}", us as f64 / total_us as f64 * 100.0);
    let width = |us: u64| format!("{:.2}", (us as f64 / total_us as f64 * 100.0).max(0.4));
    html! {
        table.waterfall {
            caption { "Steps, in the order in which they first began" }
            thead { tr { th scope="col" { "Step" } th scope="col" { "When" } th.number scope="col" { "Took" } } }
            tbody { @for span in spans {
                tr {
                    th scope="row" { (span.name) }
                    td { svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                        rect.bar-ground x="0" y="0" width="100" height="8" {}
                        rect.bar-value x=(share(span.start_us.min(total_us))) y="0" width=(width(span.duration_us)) height="8" {}
                    } }
                    td.number { (grouped(span.duration_us)) " µs" }
                }
            } }
        }
    }
}

/// Draws the way of the candidates with their counts: sources, ranking, list.
fn flow(told: &ExplanationAnswer) -> Markup {
    let with = |fate: &str| {
        told.candidates
            .iter()
            .filter(|one| one.fate == fate)
            .count() as u64
    };
    let offering = told.sources.iter().filter(|source| source.offered > 0);
    html! {
        ol.stages aria-label="Candidates from stage to stage" {
            li {
                strong { "Sources" }
                @for source in offering {
                    span { (source.source) " " (grouped(source.offered as u64)) span.quiet { " · weight " (trimmed(f64::from(source.weight), 2)) " · " (source.rung) } }
                }
            }
            li { strong { "Ranked" } span { (grouped(told.candidates.len() as u64)) } }
            li {
                strong { "List" }
                @for (fate, words) in [("filtered", "dropped by a filter"), ("capped", "over a cap"), ("duplicate", "another version of a recording"), ("not_reached", "further down")] {
                    @if with(fate) > 0 { span { (grouped(with(fate))) span.quiet { " " (words) } } }
                }
            }
            li { strong { "Shown" } span { (grouped(with("shown"))) } }
        }
    }
}

fn candidates(candidates: &[CandidateTraceAnswer]) -> Markup {
    let shown = candidates
        .iter()
        .filter(|one| one.position.is_some())
        .count()
        + OTHERS_SHOWN;
    html! {
        details {
            summary { "Every candidate (" (grouped(candidates.len() as u64)) ")" }
            @if candidates.is_empty() { (empty("There were none.")) } @else {
                div.scroll tabindex="0" role="region" aria-label="Candidates" { table {
                    caption { "The list first" @if candidates.len() > shown { ", then the next " (OTHERS_SHOWN) " of " (grouped(candidates.len() as u64)) } }
                    thead { tr {
                        th.number scope="col" { "Place" } th scope="col" { "Track" } th scope="col" { "What became of it" }
                        th.number scope="col" { "Score" } th scope="col" { "Offered by" } th scope="col" { "Moved by" }
                    } }
                    tbody { @for one in candidates.iter().take(shown) { (candidate_row(one)) } }
                } }
            }
        }
    }
}

fn candidate_row(one: &CandidateTraceAnswer) -> Markup {
    let number = |value: Option<f32>| value.map(|value| trimmed(f64::from(value), 3));
    html! {
        tr {
            td.number { @if let Some(position) = one.position { (position) } @else { "–" } }
            th scope="row" { a href=(links::track(&one.id)) { (one.title.as_deref().unwrap_or("removed track")) }
                @if let Some(artist) = &one.artist { span.quiet { " " (artist) } } }
            td { (one.fate.replace('_', " ")) @if let Some(rule) = &one.dropped_by { " by " code { (rule) } } }
            td.number { @if let Some(score) = number(one.score) { (score) } @else { "–" } }
            td {
                @for (at, offer) in one.sources.iter().enumerate() { @if at > 0 { ", " } (offer.source) " #" (offer.place) }
                @for (at, kept) in one.reasons.iter().enumerate() { @if at > 0 { ", " } (kept.source) " " (trimmed(f64::from(kept.contribution), 3)) }
            }
            td { @for (at, by) in one.adjustments.iter().enumerate() {
                @if at > 0 { ", " } (by.source) " " (by.name) " " (trimmed(f64::from(by.amount), 3))
            } }
        }
    }
}
