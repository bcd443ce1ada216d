//! The playground: a listener, a moment and controls on one side, the list with its reasons and the
//! trace on the other.

mod only;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::middleware::body::{JsonBody, QueryParameters};
use leitmotif_api::native::explanations;
use leitmotif_api::native::recommendations::{
    ContextInput, RecommendAnswer, RecommendInput, recommend,
};
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};
use serde::Deserialize;

use self::only::OnlyForm;
use super::recommended::recommended_list;
use super::trace::trace_section;
use crate::failure::{PageResult, shown};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, notice};
use crate::visitor::Visitor;

/// Where lists are shown when nothing else is said.
const PLACEMENT: &str = "playground";
/// Controls turn in steps of this.
const STEP: &str = "0.25";

/// What is set in the form.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The name the player uses; empty for nobody known.
    pub listener: String,
    /// Whose pipeline makes the list.
    pub placement: String,
    /// −1 to 1.
    pub familiarity: String,
    /// −1 to 1.
    pub popularity: String,
    /// −1 to 1.
    pub freshness: String,
    /// Device class.
    pub device: String,
    /// What the listener does.
    pub activity: String,
    /// Hour of the day.
    pub hour: String,
    /// Day of the week, 1 for Monday.
    pub weekday: String,
    /// Present when heard tracks may appear.
    pub heard: Option<String>,
    /// Tracks that the list starts from, by id, with commas between.
    pub seeds: String,
    /// What every track must satisfy.
    #[serde(flatten)]
    pub only: OnlyForm,
}

impl Settings {
    fn is_asked(&self) -> bool {
        !(self.listener.is_empty() && self.placement.is_empty() && self.seeds.is_empty())
    }

    fn pairs(&self) -> Vec<(&str, Option<&str>)> {
        let own = [
            ("listener", Some(self.listener.as_str())),
            ("placement", Some(&self.placement)),
            ("familiarity", Some(&self.familiarity)),
            ("popularity", Some(&self.popularity)),
            ("freshness", Some(&self.freshness)),
            ("device", Some(&self.device)),
            ("activity", Some(&self.activity)),
            ("hour", Some(&self.hour)),
            ("weekday", Some(&self.weekday)),
            ("heard", self.heard.as_deref()),
            ("seeds", Some(&self.seeds)),
        ];
        own.into_iter().chain(self.only.pairs()).collect()
    }

    /// The request that the form stands for.
    ///
    /// - Errors: 400 naming the field that is no number.
    pub fn request(&self) -> Result<RecommendInput, Problem> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let number = |field: &str, value: &str| match text(value) {
            None => Ok(None),
            Some(value) => value.parse::<f32>().map(Some).map_err(|_| {
                Problem::invalid(format!("/{field}"), format!("`{value}` is no number"))
            }),
        };
        let whole = |field: &str, value: &str| match text(value) {
            None => Ok(None),
            Some(value) => value.parse::<u8>().map(Some).map_err(|_| {
                let detail = format!("`{value}` is no whole number of 0 to 255");
                Problem::invalid(format!("/context/{field}"), detail)
            }),
        };
        Ok(RecommendInput {
            listener: text(&self.listener),
            placement: Some(text(&self.placement).unwrap_or_else(|| PLACEMENT.to_owned())),
            familiarity: number("familiarity", &self.familiarity)?,
            popularity: number("popularity", &self.popularity)?,
            freshness: number("freshness", &self.freshness)?,
            context: ContextInput {
                device: text(&self.device),
                activity: text(&self.activity),
                hour: whole("hour", &self.hour)?,
                weekday: whole("weekday", &self.weekday)?,
                zone: None,
                cell: None,
            },
            include_heard: self.heard.is_some(),
            seeds: (self.seeds.split(',')).filter_map(text).collect(),
            constraints: self.only.constraints()?,
            ..RecommendInput::default()
        })
    }
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(settings): QueryParameters<Settings>,
) -> PageResult {
    let result = if settings.is_asked() {
        Some(answered(&state, &visitor, &settings).await?)
    } else {
        None
    };
    let body = html! {
        h1 { "Playground" }
        p.quiet { "Ask for a list as a player would, see why it is what it is. What is shown here is written to the log like any other list." }
        div.playground {
            (form(&settings))
            div {
                @if let Some(result) = result { (result) } @else {
                    (empty("Name a listener, or leave the name empty and ask for somebody unknown."))
                }
            }
        }
    };
    let shell =
        Shell::of(&visitor, "/studio/playground", "Playground").with_module("recommended.js");
    Ok(shown(page(&shell, &body)))
}

/// The list and its trace alone, for the page's module.
pub async fn fragment(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(settings): QueryParameters<Settings>,
) -> PageResult {
    let answer = ask(&state, &visitor, &settings).await?;
    let drawn = drawn(&state, &visitor, &answer).await?;
    Ok(shown(drawn))
}

async fn ask(
    state: &ApiState,
    visitor: &Visitor,
    settings: &Settings,
) -> Result<RecommendAnswer, Problem> {
    let input = JsonBody(settings.request()?);
    let list = recommend(State(state.clone()), visitor.access.clone(), input).await?;
    Ok(list.into())
}

async fn answered(
    state: &ApiState,
    visitor: &Visitor,
    settings: &Settings,
) -> Result<Markup, Problem> {
    let answer = ask(state, visitor, settings).await?;
    let drawn = drawn(state, visitor, &answer).await?;
    let source = links::with_query("/studio/playground/list", &settings.pairs());
    Ok(html! {
        (notice())
        div.recommended data-recommended data-listener=(settings.listener.trim()) data-source=(source) { (drawn) }
    })
}

async fn drawn(
    state: &ApiState,
    visitor: &Visitor,
    answer: &RecommendAnswer,
) -> Result<Markup, Problem> {
    let access = visitor.access.clone();
    let id = Path(answer.request_id.clone());
    let Json(told) = explanations::explain(State(state.clone()), access, id).await?;
    let can_act = visitor.can_write() && told.listener.is_some();
    Ok(html! {
        @if let Some(shortage) = &answer.shortage { p.notice { (shortage) } }
        (recommended_list(answer, can_act))
        (trace_section(&told))
    })
}

fn form(settings: &Settings) -> Markup {
    let texts = [
        ("listener", "Listener", &settings.listener),
        ("placement", "Placement", &settings.placement),
        (
            "seeds",
            "Start from tracks, ids with commas",
            &settings.seeds,
        ),
        ("device", "Device", &settings.device),
        ("activity", "Activity", &settings.activity),
    ];
    let turns = [
        (
            "familiarity",
            "New artists … known artists",
            &settings.familiarity,
        ),
        ("popularity", "Deep cuts … hits", &settings.popularity),
        (
            "freshness",
            "Old … new in the catalogue",
            &settings.freshness,
        ),
    ];
    html! {
        form.playground-form method="get" action="/studio/playground" {
            @for (name, title, value) in texts {
                div.field {
                    label for=(name) { (title) }
                    input id=(name) type="text" name=(name) value=(value) maxlength="200" placeholder=[(name == "placement").then_some(PLACEMENT)];
                }
            }
            @for (name, title, value) in turns {
                div.field {
                    label for=(name) { (title) }
                    input id=(name) type="range" name=(name) min="-1" max="1" step=(STEP) value=(if value.is_empty() { "0" } else { value });
                }
            }
            div.field {
                label for="hour" { "Hour of the day, 0 to 23" }
                input #hour type="number" name="hour" min="0" max="23" value=(settings.hour);
            }
            div.field {
                label for="weekday" { "Day of the week, 1 for Monday" }
                input #weekday type="number" name="weekday" min="1" max="7" value=(settings.weekday);
            }
            div.field {
                label { input type="checkbox" name="heard" value="1" checked[settings.heard.is_some()]; " heard tracks too" }
            }
            (settings.only.form())
            div.field { button type="submit" { "Ask" } }
        }
    }
}
