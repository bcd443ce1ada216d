//! Trained models: which one answers, and what a training found.

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::{Form, Json};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::{OptionalJsonBody, QueryParameters};
use leitmotif_api::native::training::{self, ModelAnswer, ModelsAnswer, TrainingInput};
use leitmotif_api::paging::PageQuery;
use leitmotif_domain::training::ReportDepth;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::jobs::stage_name;
use super::model_charts::{ablation_section, pareto_section};
use super::model_outcomes::{exposures_section, listened_section, moments_section, steps_section};
use super::overview::ladder_section;
use crate::failure::{Failure, PageResult, shown};
use crate::format::{duration_text, grouped, moment, percent, trimmed};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::{Administrator, Visitor};

const SECTION: &str = "/studio/models";
/// Columns of the ranker that are shown before the evidence is opened.
const COLUMNS_SHOWN: usize = 12;

/// Every model.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = training::list(State(state), visitor.access.clone(), asked).await?;
    let body = models_body(&answer, is_first, visitor.can_administer());
    Ok(shown(page(&Shell::of(&visitor, SECTION, "Models"), &body)))
}

/// One model with its report.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> PageResult {
    let Json(model) = training::get(State(state), visitor.access.clone(), Path(id)).await?;
    let body = model_body(&model, visitor.can_administer());
    Ok(shown(page(&Shell::of(&visitor, SECTION, "Model"), &body)))
}

/// What a training is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TrainForm {
    /// `brief` or `full`.
    report: Option<ReportDepth>,
}

/// Queues a training.
pub async fn train(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Form(form): Form<TrainForm>,
) -> Result<Redirect, Failure> {
    let input = TrainingInput {
        report: form.report,
        ..TrainingInput::default()
    };
    // The job is shown by the page that follows.
    let (_, Json(_)) = training::create(State(state), access, OptionalJsonBody(input)).await?;
    Ok(Redirect::to("/studio/jobs"))
}

/// Puts a model into production.
pub async fn promote(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let Json(model) = training::set_production(State(state), access, Path(id)).await?;
    Ok(Redirect::to(&links::model(&model.id)))
}

fn read(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer)?.as_f64()
}

/// What requests would have reached, by the order that serves.
fn reached(report: &Value) -> Option<f64> {
    let is_ranked = report.pointer("/ranker/is_in_use") == Some(&Value::Bool(true));
    let row = if is_ranked { "ranked" } else { "blend" };
    read(report, &format!("/ladder/{row}/ndcg_at_10"))
}

/// Draws the list.
pub fn models_body(answer: &ModelsAnswer, is_first: bool, can_administer: bool) -> Markup {
    html! {
        h1 { "Models" }
        p.quiet { "A training fits a model on everything played so far and judges it on listens that came later. It answers requests unless it is measurably worse than the model that is there." }
        @if can_administer {
            form.filters method="post" action="/studio/models/train" {
                div.field { label for="report" { "Report" }
                    select #report name="report" {
                        option value="brief" { "Brief: the ladder and the comparison" }
                        option value="full" { "Full: what the ranker needs and what variety costs, too" }
                    }
                }
                div.field.field-buttons { button type="submit" { "Train now" } }
            }
        }
        @if answer.models.is_empty() && is_first {
            (empty("None yet. Until the first training, recommendations come from content and popularity."))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Models" {
                table {
                    caption { "Newest first; NDCG at 10 of the order that serves, on each model's own held-out listens" }
                    thead { tr {
                        th scope="col" { "Model" } th scope="col" { "Family" } th scope="col" { "Trained" } th.number scope="col" { "NDCG at 10" }
                        th.number scope="col" { "Listens" } th scope="col" { "State" }
                    } }
                    tbody { @for model in &answer.models { tr class=[model.is_production.then_some("best")] {
                        th scope="row" { a.mono href=(links::model(&model.id)) { (model.id) } }
                        td { (model.name) }
                        td { (moment(model.created_at)) }
                        td.number { @if let Some(value) = reached(&model.report) { (trimmed(value, 4)) } @else { span.unknown { "unknown" } } }
                        td.number { @if let Some(count) = model.report.get("listens").and_then(Value::as_u64) { (grouped(count)) } }
                        td { (standing(model)) }
                    } } }
                }
            }
        }
        (pager(SECTION, &[], &answer.page, is_first))
    }
}

fn standing(model: &ModelAnswer) -> &'static str {
    let was_promoted = model.report.pointer("/promotion/is_promoted");
    match (model.is_production, was_promoted) {
        (true, _) => "in production",
        (false, Some(Value::Bool(false))) => "held back",
        (false, _) => "replaced",
    }
}

/// Draws one model.
pub fn model_body(model: &ModelAnswer, can_administer: bool) -> Markup {
    let report = &model.report;
    html! {
        p { a href=(SECTION) { "All models" } }
        h1 { "Model" }
        dl.facts {
            dt { "Version" } dd.mono { (model.id) }
            dt { "Family" } dd { (model.name) }
            dt { "Trained" } dd { (moment(model.created_at)) }
            dt { "State" } dd { (standing(model)) }
            @if let Some(reason) = report.pointer("/promotion/reason").and_then(Value::as_str) {
                dt { "When it was trained" } dd { (reason) }
            }
        }
        @if can_administer && !model.is_production { (promotion(model)) }
        (warnings(report))
        (ladder_section(report))
        (ablation_section(report))
        (pareto_section(report))
        (columns_section(report))
        (listened_section(report))
        (moments_section(report))
        (steps_section(report))
        (exposures_section(report))
        div.columns { (data_section(report)) (stages_section(report)) }
        (neighbours_section(report))
        (cold_section(report))
        (newcomers_section(report))
        (search_section(report))
    }
}

/// A button behind a second look.
fn promotion(model: &ModelAnswer) -> Markup {
    html! {
        details.promotion {
            summary { "Put this model into production" }
            p { "Requests are answered from it at once, and from the model that is in production now no more. The way back is the same button on that model's page." }
            form method="post" action={ (links::model(&model.id)) "/promote" } {
                button type="submit" { "Yes, answer from this model" }
            }
        }
    }
}

fn warnings(report: &Value) -> Markup {
    let told = report.get("warnings").and_then(Value::as_array);
    let told: Vec<&str> = (told.into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    html! {
        @if !told.is_empty() {
            section aria-labelledby="warnings" {
                h2 #warnings { "Doubtful" }
                ul { @for warning in &told { li { (warning) } } }
            }
        }
    }
}

fn columns_section(report: &Value) -> Markup {
    let columns = report.pointer("/ranker/columns").and_then(Value::as_array);
    let share = |column: &Value| {
        Some((
            column.get(0)?.as_str()?.to_owned(),
            column.get(1)?.as_f64()?,
        ))
    };
    let shares: Vec<(String, f64)> = (columns.into_iter().flatten()).filter_map(share).collect();
    let most = shares
        .first()
        .map_or(1.0, |(_, share)| share.max(f64::MIN_POSITIVE));
    html! {
        @if !shares.is_empty() {
            section aria-labelledby="columns" {
                h2 #columns { "What the ranker leans on" }
                table {
                    caption { "Share of all gain in the trees, the first " (shares.len().min(COLUMNS_SHOWN)) " of " (shares.len()) " columns" }
                    thead { tr { th scope="col" { "Column" } th scope="col" { "Share" } } }
                    tbody { @for (name, share) in shares.iter().take(COLUMNS_SHOWN) { tr {
                        th scope="row" { (name.replace('_', " ")) }
                        td { span.measure { (percent(*share)) } (crate::parts::bar(share / most, "bar-wide")) }
                    } } }
                }
            }
        }
    }
}

fn data_section(report: &Value) -> Markup {
    let fields = [
        ("listens", "Listens and judgements"),
        ("skips", "Skipped or disliked"),
        ("listeners", "Listeners"),
        ("tracks", "Tracks"),
        ("played_tracks", "Tracks played"),
        ("held_out", "Held out for judging"),
        ("unknown_tracks", "Of unknown tracks, left out"),
        ("without_listener", "Of nobody, left out"),
        ("duplicates", "Repeated"),
        ("clock_anomalies", "Oddly dated"),
    ];
    let count = |name: &str| report.get("data")?.get(name)?.as_u64();
    html! {
        @if report.get("data").is_some_and(Value::is_object) {
            section aria-labelledby="data" {
                h2 #data { "What it learnt from" }
                dl.facts { @for (name, title) in fields {
                    @if let Some(count) = count(name) { dt { (title) } dd { (grouped(count)) } }
                } }
            }
        }
    }
}

fn stages_section(report: &Value) -> Markup {
    let stages = report.get("stages").and_then(Value::as_array);
    let stages: Vec<&Value> = stages.into_iter().flatten().collect();
    html! {
        @if !stages.is_empty() {
            section aria-labelledby="stages" {
                h2 #stages { "Stages" }
                table {
                    caption { "What each stage took, in order" }
                    thead { tr { th scope="col" { "Stage" } th.number scope="col" { "Took" } } }
                    tbody { @for stage in &stages { tr {
                        th scope="row" { (stage_name(stage.get("stage").and_then(Value::as_str).unwrap_or_default())) }
                        td.number {
                            (duration_text(stage.get("duration_ms").and_then(Value::as_u64).unwrap_or(0)))
                            @if stage.get("is_resumed") == Some(&Value::Bool(true)) { " " span.quiet { "(was there already)" } }
                        }
                    } } }
                }
            }
        }
    }
}

/// Which model of neighbours was kept, and what the others reached.
fn neighbours_section(report: &Value) -> Markup {
    let kept = report.pointer("/neighbours/kept");
    let trials = report.pointer("/neighbours/trials");
    let trials = trials
        .and_then(Value::as_array)
        .map_or(&[][..], |trials| trials);
    html! {
        @if !trials.is_empty() {
            section aria-labelledby="neighbours" {
                h2 #neighbours { "What is played by the same listeners" }
                table {
                    caption { "Models of neighbours, each alone on the weighing listens; the best answers, of equals the simpler" }
                    thead { tr { th scope="col" { "Model" } th.number scope="col" { "NDCG at 10" } } }
                    tbody { @for trial in trials { tr class=[(trial.get("settings") == kept).then_some("best")] {
                        th scope="row" { (neighbours_text(trial.get("settings"))) }
                        td.number { (trimmed(read(trial, "/ndcg_at_10").unwrap_or(0.0), 4)) }
                    } } }
                }
            }
        }
    }
}

/// How tracks are found that came after the training.
fn cold_section(report: &Value) -> Markup {
    let rows = [
        (
            "/cold/mapped_recall_at_20",
            "Taste, by a map from sound and words",
        ),
        ("/cold/content_recall_at_20", "Likeness to what was played"),
    ];
    let is_in_use = report.pointer("/cold/is_in_use") == Some(&Value::Bool(true));
    html! {
        @if report.get("cold").is_some_and(Value::is_object) {
            section aria-labelledby="cold" {
                h2 #cold { "Tracks that nobody has played yet" }
                table {
                    caption { "Share of what listeners took to among the first 20 of tracks whose plays were taken out" }
                    thead { tr { th scope="col" { "Found by" } th.number scope="col" { "Recall" } } }
                    tbody { @for (pointer, title) in rows { tr {
                        th scope="row" { (title) }
                        td.number { @if let Some(value) = read(report, pointer) { (trimmed(value, 4)) } }
                    } } }
                }
                p.quiet { @if is_in_use { "New tracks are mapped." } @else { "New tracks are found by likeness alone." } }
            }
        }
    }
}

/// How listeners are answered of whom few tracks are known.
fn newcomers_section(report: &Value) -> Markup {
    let rows = report.pointer("/newcomers/rows").and_then(Value::as_array);
    let columns = [
        ("/answered_ndcg_at_10", "Answered"),
        ("/alone_ndcg_at_10", "These tracks alone"),
        ("/blend_ndcg_at_10", "The blend"),
        ("/popularity_ndcg_at_10", "Popularity"),
    ];
    html! {
        @if let Some(rows) = rows {
            section aria-labelledby="newcomers" {
                h2 #newcomers { "New listeners" }
                table {
                    caption { "NDCG@10 for listeners cut to so many of their tracks, by sources that do not know them" }
                    thead { tr {
                        th.number scope="col" { "Known tracks" }
                        @for (_, title) in columns { th.number scope="col" { (title) } }
                    } }
                    tbody { @for row in rows { tr {
                        th.number scope="row" { @match read(row, "/known") {
                            Some(known) if known > 0.0 => (trimmed(known, 0)),
                            _ => "unplayed ones",
                        } }
                        @for (pointer, _) in columns {
                            td.number { @if let Some(value) = read(row, pointer) { (trimmed(value, 4)) } }
                        }
                    } } }
                }
                @if let Some(most) = read(report, "/newcomers/chosen/tracks_max") {
                    p.quiet { "Up to " (trimmed(most, 0)) " known tracks are answered so, more by the blend." }
                }
            }
        }
    }
}

/// A model of neighbours by its name, with its settings where it has some.
fn neighbours_text(settings: Option<&Value>) -> String {
    let titles = [
        ("item_cosine", "Item cosine"),
        ("rp3_beta", "Random walks, RP3β"),
        ("ease", "Linear model, EASE"),
    ];
    let (name, fields) = match settings {
        Some(Value::String(name)) => (name.as_str(), None),
        Some(Value::Object(named)) => match named.iter().next() {
            Some((name, fields)) => (name.as_str(), Some(fields)),
            None => ("", None),
        },
        _ => ("", None),
    };
    let title = titles.iter().find(|(known, _)| *known == name);
    let title = title.map_or(name, |(_, title)| title);
    match settings_text(fields) {
        told if told.is_empty() => title.to_owned(),
        told => format!("{title}: {told}"),
    }
}

fn search_section(report: &Value) -> Markup {
    let trials = |name: &str| {
        let trials = report
            .get("search")
            .and_then(|search| search.get(name)?.as_array());
        trials.cloned().unwrap_or_default()
    };
    let groups = [
        ("source_trials", "Settings of the sources that were tried"),
        ("ranker_trials", "Settings of the ranker that were tried"),
    ];
    let verdicts = [
        ("verdict", "sources", "blend"),
        ("ranker_verdict", "ranker", "order"),
    ];
    html! {
        @for (name, what, judged) in verdicts {
            @if let Some(verdict) = report.pointer(&format!("/search/{name}")).filter(|told| told.is_object()) {
                p { (search_text(verdict, what, judged)) }
            }
        }
        @for (name, title) in groups {
            @let trials = trials(name);
            @if !trials.is_empty() {
                details {
                    summary { (title) ": " (trials.len()) }
                    div.scroll tabindex="0" role="region" aria-label=(title) {
                        table {
                            caption { "In the order in which they were tried, on the weighing listens" }
                            thead { tr { th scope="col" { "Settings" } th.number scope="col" { "NDCG at 10" } } }
                            tbody { @for trial in &trials { tr {
                                th scope="row" { (settings_text(trial.get("settings"))) }
                                td.number { (trimmed(read(trial, "/ndcg_at_10").unwrap_or(0.0), 4)) }
                            } } }
                        }
                    }
                }
            }
        }
    }
}

/// Whether what a search found for a part is used, and by how much it is better.
fn search_text(verdict: &Value, part: &str, judged: &str) -> String {
    let reached = |way: &str| {
        let value = read(verdict, &format!("/{way}_ndcg_at_10"));
        trimmed(value.unwrap_or(0.0), 4)
    };
    let used = match verdict["is_kept"] == true {
        true => "what the search found is used",
        false => "the usual settings are used",
    };
    let (found, usual) = (reached("found"), reached("usual"));
    format!(
        "Of the {part}, {used}: on listens that no trial saw, its {judged} has NDCG at 10 {found}, the usual one {usual}."
    )
}

fn settings_text(settings: Option<&Value>) -> String {
    let fields = settings.and_then(Value::as_object);
    let told = fields.into_iter().flatten().filter_map(|(name, value)| {
        let number = value.as_f64()?;
        (name != "seed").then(|| format!("{} {}", name.replace('_', " "), trimmed(number, 3)))
    });
    told.collect::<Vec<_>>().join(", ")
}
