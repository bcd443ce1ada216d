//! Heads: which of the tenant's labels are told, how well, and what is missing for the others.

use axum::Json;
use axum::extract::State;
use axum::response::Redirect;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::heads::{
    self, HeadAnswer, HeadMeasureAnswer, HeadsAnswer, IntervalAnswer, NeedAnswer, ValueHeadAnswer,
};
use leitmotif_api::native::jobs::JobAnswer;
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use super::jobs::{followed, newest};
use crate::failure::{Failure, PageResult, shown};
use crate::format::{grouped, moment, percent};
use crate::layout::{Shell, page};
use crate::parts::{empty, notice, pager};
use crate::visitor::{Visitor, Writer};

const SECTION: &str = "/studio/heads";
const KIND: &str = "train_heads";

/// The labels.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let access = || visitor.access.clone();
    let asked = QueryParameters(query);
    let Json(answer) = heads::list(State(state.clone()), access(), asked).await?;
    let last = newest(&state, access(), KIND).await?;
    let body = heads_body(&answer, last.as_ref(), visitor.can_write(), is_first);
    let shell = Shell::of(&visitor, SECTION, "Heads").with_module("followed.js");
    Ok(shown(page(&shell, &body)))
}

/// Queues a training.
pub async fn train(
    State(state): State<ApiState>,
    Writer(access): Writer,
) -> Result<Redirect, Failure> {
    // The page that follows shows the job.
    let (_, Json(_)) = heads::train(State(state), access).await?;
    Ok(Redirect::to(SECTION))
}

/// Draws the labels; `last` is the newest training.
pub fn heads_body(
    answer: &HeadsAnswer,
    last: Option<&JobAnswer>,
    can_write: bool,
    is_first: bool,
) -> Markup {
    html! {
        div.track-head {
            h1 { "Heads" }
            @if can_write {
                form method="post" action="/studio/heads/train" {
                    button type="submit" { "Train on the labels" }
                }
            }
        }
        p {
            "Genre and mood are told by what you label yourself: the genre of a track, and its tags "
            code { "genre:…" } " and " code { "mood:…" }
            "; valence and liveness by tags with a number from 0 to 1, as " code { "valence:0.7" }
            ". A label is told only where that went well with artists that were not learnt from."
        }
        (notice())
        (followed(KIND, last))
        (summary(answer))
        @if !answer.values.is_empty() { (values(answer)) }
        @if !answer.heads.is_empty() { (table(answer)) }
        @else { (empty("No track with an analysis carries a genre or mood.")) }
        (pager(SECTION, &[], &answer.page, is_first))
    }
}

fn summary(answer: &HeadsAnswer) -> Markup {
    let count = |count: usize| grouped(count as u64);
    html! {
        @match answer.trained_at {
            None => (empty("Nothing is trained yet. The counts are of all labelled tracks; those that are analysed teach.")),
            Some(at) => dl.facts.facts-row {
                div { dt { "Trained" } dd { (moment(at)) } }
                div { dt { "Tracks with a genre" } dd { (count(answer.genre_tracks)) } }
                div { dt { "Tracks with a mood" } dd { (count(answer.mood_tracks)) } }
                @if !answer.inputs.is_empty() {
                    div { dt { "Looks at" } dd { (answer.inputs.join(", ")) } }
                }
            },
        }
        @if answer.is_stale {
            p.notice role="note" { "Labels changed since the heads were trained." }
        }
        @if answer.unmeasured_tracks > 0 {
            p.notice role="note" {
                (count(answer.unmeasured_tracks)) " labelled tracks are not analysed and teach nothing."
            }
        }
        @if answer.labels_left_out > 0 {
            p.quiet { (count(answer.labels_left_out)) " of the rarest labels are not listed." }
        }
    }
}

fn table(answer: &HeadsAnswer) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Heads" {
            table {
                caption {
                    "Skill: 0 % is a guess, 100 % is perfect. Bar: the 95 % interval; tick: the value; line: "
                    (percent(answer.bar)) ", which the lower end of skill and F1 must reach"
                }
                thead { tr {
                    th scope="col" { "Label" } th.number scope="col" { "Tracks" }
                    th.number scope="col" { "Artists" } th scope="col" { "Skill" }
                    th.number scope="col" { "F1" } th scope="col" { "Told?" }
                } }
                tbody { @for head in &answer.heads { (row(head, answer.bar)) } }
            }
        }
    }
}

fn row(head: &HeadAnswer, bar: f64) -> Markup {
    html! {
        tr {
            th scope="row" { span.quiet { (head.kind) } " " (head.label) }
            td.number { (counted(head.tracks, head.needs.map(|needs| needs.tracks))) }
            td.number { (counted(head.artists, head.needs.map(|needs| needs.artists))) }
            td {
                @match &head.measure {
                    Some(measure) => { (interval_bar(measure.skill, bar)) (text_of(measure)) },
                    None => span.unknown { "not measured" },
                }
            }
            td.number { @match &head.measure {
                Some(measure) => (percent(measure.f1.value)),
                None => "–",
            } }
            td { (told_or_why(head.reason.as_deref())) }
        }
    }
}

fn values(answer: &HeadsAnswer) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Values" {
            table {
                caption {
                    "Skill: 0 % tells the mean everywhere, 100 % is perfect. Bar: the 95 % interval; tick: the \
                     value; line: " (percent(answer.value_bar)) ", which the lower end must reach"
                }
                thead { tr {
                    th scope="col" { "Value" } th.number scope="col" { "Tracks" }
                    th.number scope="col" { "Artists" } th scope="col" { "Skill" }
                    th.number scope="col" { "Mean error" } th scope="col" { "Told?" }
                } }
                tbody { @for value in &answer.values { (value_row(value, answer.value_bar)) } }
            }
        }
    }
}

fn value_row(value: &ValueHeadAnswer, bar: f64) -> Markup {
    html! {
        tr {
            th scope="row" { (value.name) }
            td.number { (counted(value.tracks, value.needs.map(|needs| needs.tracks))) }
            td.number { (counted(value.artists, value.needs.map(|needs| needs.artists))) }
            td {
                @match &value.measure {
                    Some(measure) => {
                        (interval_bar(measure.skill, bar))
                        span.quiet {
                            (percent(measure.skill.value)) " (" (percent(measure.skill.low)) " to "
                            (percent(measure.skill.high)) "); within 0.15 of the label for "
                            (percent(measure.near.value))
                        }
                    },
                    None => span.unknown { "not measured" },
                }
            }
            td.number { @match &value.measure {
                Some(measure) => {
                    (format!("{:.2}, of the mean {:.2}", measure.mean_error.value, measure.mean_error_of_mean))
                },
                None => "–",
            } }
            td { (told_or_why(value.reason.as_deref())) }
        }
    }
}

/// How many there are and, where some are missing, of how many and how many those are.
fn counted(count: usize, need: Option<NeedAnswer>) -> Markup {
    let number = |count: usize| grouped(count as u64);
    html! {
        (number(count))
        @if let Some(need) = need.filter(|need| need.missing > 0) {
            " of " (number(need.need)) br; span.quiet { (number(need.missing)) " missing" }
        }
    }
}

fn told_or_why(reason: Option<&str>) -> Markup {
    html! {
        @match reason {
            None => span.state.state-done { "told" },
            Some(reason) => { span.state { "not told" } " " span.quiet { (reason) } },
        }
    }
}

fn text_of(measure: &HeadMeasureAnswer) -> Markup {
    let (skill, precision) = (measure.skill, measure.average_precision);
    html! {
        span.quiet {
            (percent(skill.value)) " (" (percent(skill.low)) " to " (percent(skill.high))
            "); average precision " (percent(precision.value)) ", of a guess " (percent(measure.prevalence))
        }
    }
}

/// An interval on a scale from 0 to 1, with the bar that its lower end must reach.
fn interval_bar(interval: IntervalAnswer, bar: f64) -> Markup {
    let at = |share: f64| {
        let share = if share.is_finite() { share } else { 0.0 };
        100.0 * share.clamp(0.0, 1.0)
    };
    let (low, high) = (at(interval.low), at(interval.high));
    let text = |number: f64| format!("{number:.1}");
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar-ground x="0" y="0" width="100" height="8" rx="2" {}
            rect.bar-value x=(text(low)) y="2" width=(text((high - low).max(0.5))) height="4" {}
            rect.bar-tick x=(text(at(interval.value))) y="0" width="0.8" height="8" {}
            rect.bar-asked x=(text(at(bar))) y="0" width="0.4" height="8" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_stays_in_its_frame() {
        let interval = IntervalAnswer {
            value: f64::NAN,
            low: -3.0,
            high: 7.0,
        };
        let drawn = interval_bar(interval, 0.5).into_string();
        assert!(drawn.contains(r#"x="0.0" y="2" width="100.0""#), "{drawn}");
        assert!(!drawn.contains("NaN"));
    }
}
