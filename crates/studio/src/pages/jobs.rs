//! Queued work: how far it is, what failed, another try.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Redirect;
use leitmotif_api::middleware::auth::ReadAccess;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::jobs::{self, JobAnswer, JobsAnswer, JobsQuery};
use leitmotif_api::{ApiState, Problem};
use leitmotif_domain::job::JobState;
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{Failure, PageResult, shown};
use crate::format::{grouped, moment};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{announcer, empty, pager};
use crate::visitor::{Visitor, Writer};

/// The states, as the filter offers them.
const STATES: [&str; 4] = ["waiting", "running", "done", "dead"];

/// Which jobs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct JobsPageQuery {
    /// Empty for all.
    #[serde(default)]
    pub state: String,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<JobsPageQuery>,
) -> PageResult {
    let answer = ask(state, &visitor, &query).await?;
    let body = jobs_body(&answer, &query, visitor.can_write());
    let shell = Shell::of(&visitor, "/studio/jobs", "Jobs").with_module("jobs.js");
    Ok(shown(page(&shell, &body)))
}

/// The rows alone, for the page's module.
pub async fn fragment(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<JobsPageQuery>,
) -> PageResult {
    let answer = ask(state, &visitor, &query).await?;
    Ok(shown(rows(&answer.jobs, visitor.can_write())))
}

/// Gives a dead job another try.
pub async fn retry(
    State(state): State<ApiState>,
    Writer(access): Writer,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    // The answer is shown by the page that follows.
    let Json(_) = jobs::retry(State(state), access, Path(id)).await?;
    Ok(Redirect::to("/studio/jobs"))
}

async fn ask(
    state: ApiState,
    visitor: &Visitor,
    query: &JobsPageQuery,
) -> Result<JobsAnswer, Problem> {
    let asked = JobsQuery {
        state: state_of(&query.state)?,
        cursor: query.cursor.clone(),
        ..JobsQuery::default()
    };
    let Json(answer) =
        jobs::list(State(state), visitor.access.clone(), QueryParameters(asked)).await?;
    Ok(answer)
}

fn state_of(text: &str) -> Result<Option<JobState>, Problem> {
    match text {
        "" => Ok(None),
        "waiting" => Ok(Some(JobState::Waiting)),
        "running" => Ok(Some(JobState::Running)),
        "done" => Ok(Some(JobState::Done)),
        "dead" => Ok(Some(JobState::Dead)),
        _ => Err(Problem::invalid("?state", "waiting, running, done or dead")),
    }
}

/// Draws the answer.
pub fn jobs_body(answer: &JobsAnswer, query: &JobsPageQuery, can_write: bool) -> Markup {
    let counts = [
        answer.counts.waiting,
        answer.counts.running,
        answer.counts.done,
        answer.counts.dead,
    ];
    let filter = [("state", Some(query.state.as_str()))];
    let source = |path: &str| {
        let mut pairs = filter.to_vec();
        pairs.push(("cursor", query.cursor.as_deref()));
        links::with_query(path, &pairs)
    };
    html! {
        h1 { "Jobs" }
        (announcer())
        nav.states aria-label="Jobs by state" {
            ul {
                li { a href="/studio/jobs" aria-current=[query.state.is_empty().then_some("true")] { "All" } }
                @for (name, count) in STATES.into_iter().zip(counts) {
                    li { a href={ "/studio/jobs?state=" (name) } aria-current=[(query.state == name).then_some("true")] {
                        span class={ "state state-" (name) } { (name) } " "
                        strong data-jobs=(name) { (grouped(count)) }
                    } }
                }
            }
        }
        div.scroll tabindex="0" role="region" aria-label="Jobs" {
            table.jobs data-rows=(source("/studio/jobs/rows")) data-source=(source("/api/v1/jobs")) {
                caption { "Newest first; the page follows the work while it is open" }
                thead { tr {
                    th scope="col" { "Job" } th scope="col" { "State" } th scope="col" { "Progress" }
                    th.number scope="col" { "Attempts" } th scope="col" { "Changed" } th scope="col" { "Action" }
                } }
                tbody { (rows(&answer.jobs, can_write)) }
            }
        }
        (pager("/studio/jobs", &filter, &answer.page, query.cursor.is_none()))
    }
}

/// Draws the rows of jobs.
pub fn rows(jobs: &[JobAnswer], can_write: bool) -> Markup {
    html! {
        @for job in jobs {
            tr data-job=(job.id) data-state=(job.state) {
                th scope="row" {
                    (kind_name(job.kind))
                    @if let Some(subject) = &job.subject {
                        br;
                        @if job.kind == "analyze_track" { a.mono href=(links::track(subject)) { (subject) } }
                        @else { span.mono { (subject) } }
                    }
                    @if let Some(error) = &job.error {
                        p.job-error { "Last attempt: " (error) }
                    }
                }
                td { span class={ "state state-" (job.state) } { (job.state) } }
                td { (progress(job)) }
                td.number data-attempts { (job.attempts) }
                td { (moment(job.updated_at)) }
                td {
                    @if job.state == "dead" && can_write {
                        form method="post" action={ "/studio/jobs/" (links::encode(&job.id)) "/retry" } {
                            button type="submit" aria-label={ "Try job " (job.id) " again" } { "Try again" }
                        }
                    }
                }
            }
        }
        @if jobs.is_empty() { tr { td colspan="6" { (empty("No jobs here.")) } } }
    }
}

/// Draws how far a job is.
pub fn progress(job: &JobAnswer) -> Markup {
    let total = job.progress_total;
    let text = if let Some(stage) = job.stage {
        let share = job.progress_done.saturating_mul(100) / total.max(1);
        format!("{share} %, {}", stage_name(stage))
    } else if total == 0 {
        "not begun".to_owned()
    } else {
        format!("{} of {} steps", grouped(job.progress_done), grouped(total))
    };
    let text = if job.state == "done" {
        "done".to_owned()
    } else {
        text
    };
    let done = if job.state == "done" {
        total.max(1)
    } else {
        job.progress_done.min(total)
    };
    html! {
        span.progress {
            progress max=(total.max(1)) value=(done) aria-label={ "Progress of " (kind_name(job.kind)) } {}
            span.quiet data-steps { (text) }
        }
    }
}

/// The newest job of a kind, which `followed.js` keeps current: drawn while it waits or runs, and told when it
/// failed.
pub fn followed(kind: &str, last: Option<&JobAnswer>) -> Markup {
    let active = last.filter(|job| matches!(job.state, "waiting" | "running"));
    let known = last.map(|job| format!("{}:{}", job.id, job.state));
    let failed = last.filter(|job| job.state == "dead");
    let failed = failed.and_then(|job| job.error.as_deref());
    html! {
        div data-followed=(kind) data-known=(known.unwrap_or_default()) hidden[active.is_none()] {
            @match active {
                Some(job) => (progress(job)),
                None => span.progress {
                    progress max="1" value="0" aria-label={ "Progress of " (kind_name(kind)) } {}
                    span.quiet data-steps {}
                },
            }
        }
        @if let Some(error) = failed {
            p.complaint { (kind_name(kind)) " failed the last time: " (error) }
        }
    }
}

/// The newest job of a kind.
pub async fn newest(
    state: &ApiState,
    access: ReadAccess,
    kind: &str,
) -> Result<Option<JobAnswer>, Failure> {
    let one = QueryParameters(JobsQuery {
        kind: Some(kind.to_owned()),
        limit: Some(1),
        ..JobsQuery::default()
    });
    let Json(found) = jobs::list(State(state.clone()), access, one).await?;
    Ok(found.jobs.into_iter().next())
}

/// What a kind of job is called.
pub fn kind_name(kind: &str) -> &str {
    match kind {
        "analyze_track" => "Analyse track",
        "scan_folder" => "Read folder",
        "import_tracks" => "Import table",
        "find_duplicates" => "Find duplicates",
        "train" => "Train models",
        "train_heads" => "Train heads",
        "learn_lyrics" => "Learn from lyrics",
        "encode_lyrics" => "Encode lyrics",
        other => other,
    }
}

/// What a stage of a training is called.
pub fn stage_name(stage: &str) -> String {
    stage.replace('_', " ")
}
