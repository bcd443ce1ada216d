//! What is there and what is going on.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::jobs::{JobCountsAnswer, JobsAnswer, JobsQuery};
use leitmotif_api::native::overview::OverviewAnswer;
use leitmotif_api::native::training::ModelAnswer;
use leitmotif_api::native::{jobs, overview, training};
use leitmotif_api::paging::PageQuery;
use leitmotif_domain::job::JobState;
use maud::{Markup, html};
use serde_json::Value;

use super::jobs::{kind_name, progress};
use crate::failure::{PageResult, shown};
use crate::format::{grouped, moment, trimmed};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{announcer, bar, bar_with_interval, empty};
use crate::visitor::Visitor;

/// Running jobs shown at once.
const RUNNING_SHOWN: usize = 6;

/// The sources of the ladder, weakest idea first.
const LADDER: [(&str, &str); 12] = [
    ("random", "Random order"),
    ("popularity", "Popularity"),
    (
        "audience_popularity",
        "Popularity by time, activity and genre",
    ),
    ("trending", "More than usual in these days"),
    ("content", "Alike in sound or words"),
    ("item_item", "Played by the same listeners (cosine)"),
    ("neighbours", "Played by the same listeners (as kept)"),
    ("session", "What follows the last tracks"),
    ("sessions", "Sessions like the running one"),
    ("ials", "Taste (matrix factorisation)"),
    ("blend", "All of them, blended"),
    ("ranked", "The blend in the learned order"),
];

/// The overview of the visitor's tenant.
pub async fn show(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    let access = || visitor.access.clone();
    let Json(counts) = overview::overview(State(state.clone()), access()).await?;
    let running = JobsQuery {
        state: Some(JobState::Running),
        limit: Some(RUNNING_SHOWN),
        ..JobsQuery::default()
    };
    let Json(running) =
        jobs::list(State(state.clone()), access(), QueryParameters(running)).await?;
    let models = PageQuery::default();
    let Json(models) = training::list(State(state), access(), QueryParameters(models)).await?;
    let production =
        (models.models.iter()).find(|model| model.is_production && model.name == "recommender");
    let body = overview_body(&counts, &running, production);
    let shell = Shell::of(&visitor, "/studio", "Overview").with_module("overview.js");
    Ok(shown(page(&shell, &body)))
}

/// Draws the answers.
pub fn overview_body(
    counts: &OverviewAnswer,
    running: &JobsAnswer,
    production: Option<&ModelAnswer>,
) -> Markup {
    html! {
        h1 { "Overview" }
        (announcer())
        (tiles_section(counts))
        (jobs_section(&counts.jobs, running))
        div.columns {
            (model_section(counts, production))
            section aria-labelledby="spaces" {
                h2 #spaces { "Embedding spaces" }
                @if counts.spaces.is_empty() {
                    (empty("No track has an embedding yet: they come with the first analysis."))
                } @else {
                    table {
                        caption { "Distances are compared within one space only" }
                        thead { tr { th scope="col" { "Space" } th.number scope="col" { "Tracks" } } }
                        tbody {
                            @for space in &counts.spaces {
                                tr { th scope="row" { (space.name) } td.number { (grouped(space.tracks)) } }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(model) = production { (ladder_section(&model.report)) }
    }
}

fn tiles_section(counts: &OverviewAnswer) -> Markup {
    let tiles = [
        ("tracks", "Tracks", counts.tracks, "/studio/library"),
        (
            "with_audio",
            "with audio",
            counts.with_audio,
            "/studio/library?audio=yes",
        ),
        (
            "with_lyrics",
            "with lyrics",
            counts.with_lyrics,
            "/studio/library?lyrics=yes",
        ),
        (
            "analysed",
            "analysed",
            counts.analysed,
            "/studio/library?analysis=yes",
        ),
        ("artists", "Artists", counts.artists, "/studio/library"),
        (
            "listeners",
            "Listeners",
            counts.listeners,
            "/studio/listeners",
        ),
        (
            "playlists",
            "Playlists",
            counts.playlists,
            "/studio/playlists",
        ),
        ("events", "Events", counts.events, "/studio/listeners"),
    ];
    html! {
        section aria-labelledby="counts" {
            h2 #counts { "In the catalogue" }
            ul.tiles {
                @for (name, title, count, href) in tiles {
                    li { a href=(href) { strong data-count=(name) { (grouped(count)) } span { (title) } } }
                }
            }
        }
    }
}

fn jobs_section(counts: &JobCountsAnswer, running: &JobsAnswer) -> Markup {
    let states = [
        ("waiting", counts.waiting),
        ("running", counts.running),
        ("done", counts.done),
        ("dead", counts.dead),
    ];
    let all = counts.waiting + counts.running + counts.done + counts.dead;
    html! {
        section aria-labelledby="work" data-overview-jobs {
            h2 #work { "Work" }
            ul.states {
                @for (name, count) in states {
                    li { a href={ "/studio/jobs?state=" (name) } {
                        span class={ "state state-" (name) } { (name) } " "
                        strong data-jobs=(name) { (grouped(count)) }
                    } }
                }
            }
            label.quiet for="all-jobs" { "Jobs done" }
            progress #all-jobs max=(all.max(1)) value=(counts.done) data-jobs-progress {}
            ul.running data-running {
                @for job in &running.jobs {
                    li { span { (kind_name(job.kind)) " " span.quiet { (job.subject.as_deref().unwrap_or_default()) } }
                        (progress(job)) }
                }
            }
            p { a href="/studio/jobs" { "All jobs" } }
        }
    }
}

fn model_section(counts: &OverviewAnswer, production: Option<&ModelAnswer>) -> Markup {
    html! {
        section aria-labelledby="model" {
            h2 #model { "Model in production" }
            @if let Some(model) = &counts.model {
                dl.facts {
                    dt { "Version" } dd.mono { a href=(links::model(&model.id)) { (model.id) } }
                    dt { "Trained" } dd { (moment(model.created_at)) }
                    dt { "Events behind" }
                    dd { span data-events-behind { (grouped(model.events_behind)) } " events" }
                    @if let Some(report) = production.map(|model| &model.report) {
                        @for (field, title) in [("listens", "Learnt from"), ("listeners", "Listeners"), ("items", "Tracks")] {
                            @if let Some(count) = report.get(field).and_then(Value::as_u64) {
                                dt { (title) } dd { (grouped(count)) @if field == "listens" { " listens" } }
                            }
                        }
                    }
                }
            } @else {
                (empty("None yet. Until the first training, recommendations come from content and popularity."))
            }
        }
    }
}

/// Draws the ladder of a training report: every source on the same held-out listens.
pub fn ladder_section(report: &Value) -> Markup {
    let Some(ladder) = report.get("ladder").filter(|ladder| ladder.is_object()) else {
        return html! {};
    };
    let read = |source: &str, metric: &str| ladder.get(source)?.get(metric)?.as_f64();
    let interval = |source: &str| {
        let bounds = ladder.get(source)?.get("interval")?;
        bounds
            .get("low")?
            .as_f64()
            .zip(bounds.get("high")?.as_f64())
    };
    let listeners = ladder.get("listeners").and_then(Value::as_u64);
    let metrics = [
        ("ndcg_at_10", "NDCG at 10"),
        ("recall_at_20", "Recall at 20"),
    ];
    let largest = |metric: &str| {
        let values = LADDER.iter().filter_map(|(source, _)| read(source, metric));
        let bounds = LADDER.iter().filter_map(|(source, _)| interval(source));
        let bounds = bounds
            .map(|(_, high)| high)
            .filter(|_| metric == "ndcg_at_10");
        values.chain(bounds).fold(0.0_f64, f64::max)
    };
    let is_ranked = report.pointer("/ranker/is_in_use") == Some(&Value::Bool(true));
    let in_use = if is_ranked { "ranked" } else { "blend" };
    html! {
        section aria-labelledby="ladder" {
            h2 #ladder { "What each step adds" }
            table.ladder {
                caption {
                    "Quality on listens that came after the training data"
                    @if let Some(listeners) = listeners { ", " (grouped(listeners)) " listeners asked" }
                    "; 0 is worst, 1 is best, every track is ranked. Bars are scaled to the best of the column; thin lines and brackets are 95 % intervals."
                }
                thead { tr {
                    th scope="col" { "Source" }
                    @for (_, title) in metrics { th scope="col" { (title) } }
                } }
                tbody {
                    @for (source, title) in LADDER {
                        tr class=[(source == in_use).then_some("best")] {
                            th scope="row" { (title) }
                            @for (metric, title) in metrics {
                                td data-label=(title) {
                                    @if let Some(value) = read(source, metric) {
                                        @let most = largest(metric).max(f64::MIN_POSITIVE);
                                        @if let Some((low, high)) = interval(source).filter(|_| metric == "ndcg_at_10") {
                                            span.measure { (trimmed(value, 4)) " " span.quiet { "(" (trimmed(low, 4)) " to " (trimmed(high, 4)) ")" } }
                                            (bar_with_interval(value / most, low / most, high / most))
                                        } @else {
                                            span.measure { (trimmed(value, 4)) }
                                            (bar(value / most, "bar-wide"))
                                        }
                                    } @else { span.unknown { "unknown" } }
                                }
                            }
                        }
                    }
                }
            }
            (settings(report))
        }
    }
}

fn settings(report: &Value) -> Markup {
    let groups = [
        ("factorization", "Settings of the factorisation"),
        ("blend", "Weights of the blend"),
    ];
    html! {
        details {
            summary { "Evidence: settings and weights" }
            @for (field, title) in groups {
                @if let Some(Value::Object(fields)) = report.get(field) {
                    h3 { (title) }
                    dl.facts {
                        @for (name, value) in fields {
                            dt { (name.replace('_', " ")) }
                            dd { @if let Some(number) = value.as_f64() { (trimmed(number, 4)) } @else { (value) } }
                        }
                    }
                }
            }
            @if let Some(split) = report.get("split_at").and_then(Value::as_str) {
                p.quiet { "Listens from " (split) " on were held out for judging." }
            }
        }
    }
}
