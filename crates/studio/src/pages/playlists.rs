//! Playlists, and one of them with its flow.

use std::fmt::Write;

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::{Form, Json};
use leitmotif_api::middleware::auth::ReadAccess;
use leitmotif_api::middleware::body::{JsonBody, QueryParameters};
use leitmotif_api::native::playlist_drafts::{self, DraftInput, FlowTrack, StepCostsBy};
use leitmotif_api::native::playlist_files::{self, FlowAnswer};
use leitmotif_api::native::playlists::{
    self, FurtherTracks, PlaylistAnswer, PlaylistInput, PlaylistsAnswer,
};
use leitmotif_api::paging::PageQuery;
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::track::circle::Place;
use crate::failure::{Failure, PageResult, shown};
use crate::format::{duration_text, grouped, moment, or_unknown};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::{Visitor, Writer};

/// Width of the chart in its own units.
const CHART_WIDTH: f64 = 1_000.0;
/// Height of the energy curve.
const CURVE_HEIGHT: f64 = 120.0;
/// Space between curve and bars.
const GAP_HEIGHT: f64 = 10.0;
/// Height of the band in which keys stand.
const KEY_HEIGHT: f64 = 66.0;
/// Height of a bar for a step of cost 1.
const STEP_HEIGHT: f64 = 80.0;

/// The list of playlists.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = playlists::list(State(state), visitor.access.clone(), asked).await?;
    let body = playlists_body(&answer, is_first, visitor.can_write());
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/playlists", "Playlists"),
        &body,
    )))
}

/// One playlist.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> PageResult {
    let access = || visitor.access.clone();
    let Json(playlist) = playlists::get(State(state.clone()), access(), Path(id.clone())).await?;
    let Json(flow) = playlist_files::flow(State(state), access(), Path(id)).await?;
    let body = playlist_body(&playlist, &flow, visitor.can_write());
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/playlists", &playlist.name),
        &body,
    )))
}

/// The form that makes a playlist.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MakeForm {
    /// What it shall be called.
    name: String,
    /// Words it starts from, or filters it keeps to.
    text: String,
    /// A genre, when there are no words.
    genre: String,
    /// The name the player uses for the person it is for; a daily mix when there are neither words nor genre.
    listener: String,
    /// How energy should run; empty for the flow alone.
    arc: String,
}

/// Drafts a playlist, keeps it and shows it.
pub async fn make(
    State(state): State<ApiState>,
    Writer(access): Writer,
    Form(form): Form<MakeForm>,
) -> Result<Redirect, Failure> {
    let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (text, listener) = (filled(&form.text), filled(&form.listener));
    let genre = filled(&form.genre);
    let kind = match (&text, &genre) {
        (Some(_), _) => "text",
        (None, Some(_)) => "genre",
        (None, None) => "daily_mix",
    };
    let asked = json!({
        "kind": kind, "text": text, "genre": genre, "listener": listener, "arc": filled(&form.arc),
    });
    let asked: DraftInput =
        serde_json::from_value(asked).map_err(|error| Problem::invalid("", error.to_string()))?;
    let read = ReadAccess(access.0.clone());
    let Json(draft) = playlist_drafts::draft(State(state.clone()), read, JsonBody(asked)).await?;
    let kept = PlaylistInput {
        name: form.name,
        description: None,
        owner: listener,
        tracks: draft.tracks.into_iter().map(|track| track.id).collect(),
    };
    let (_, Json(playlist)) = playlists::create(State(state), access, JsonBody(kept)).await?;
    Ok(Redirect::to(&links::playlist(&playlist.id)))
}

/// How many tracks more.
#[derive(Debug, Deserialize)]
pub struct ContinueForm {
    count: usize,
}

/// Puts behind a playlist what goes on after it.
pub async fn go_on(
    State(state): State<ApiState>,
    Writer(access): Writer,
    Path(id): Path<String>,
    Form(form): Form<ContinueForm>,
) -> Result<Redirect, Failure> {
    let asked = json!({"kind": "continuation", "playlist": id, "count": form.count});
    let asked: DraftInput =
        serde_json::from_value(asked).map_err(|error| Problem::invalid("", error.to_string()))?;
    let read = ReadAccess(access.0.clone());
    let Json(draft) = playlist_drafts::draft(State(state.clone()), read, JsonBody(asked)).await?;
    let tracks = draft.tracks.into_iter().map(|track| track.id).collect();
    let further = JsonBody(FurtherTracks { tracks });
    let Json(longer) = playlists::append(State(state), access, Path(id), further).await?;
    Ok(Redirect::to(&links::playlist(&longer.id)))
}

/// Draws the list.
pub fn playlists_body(answer: &PlaylistsAnswer, is_first: bool, can_write: bool) -> Markup {
    html! {
        h1 { "Playlists" }
        @if can_write { (make_form()) }
        @if answer.playlists.is_empty() {
            (empty("No playlists yet."))
        } @else {
            table {
                caption { "Oldest first" }
                thead { tr { th scope="col" { "Name" } th.number scope="col" { "Tracks" } th scope="col" { "Changed" } } }
                tbody {
                    @for playlist in &answer.playlists {
                        tr {
                            th scope="row" { a href=(links::playlist(&playlist.id)) { (playlist.name) } }
                            td.number { (grouped(playlist.tracks.len() as u64)) }
                            td { (moment(playlist.updated_at)) }
                        }
                    }
                }
            }
        }
        (pager("/studio/playlists", &[], &answer.page, is_first))
    }
}

fn make_form() -> Markup {
    let texts = [
        ("name", "Name", true),
        (
            "text",
            "Starts from (words of title, artist, album), or keeps to (140 bpm, 90s, A minor)",
            false,
        ),
        ("genre", "Of a genre (when there are no words)", false),
        (
            "listener",
            "For (a listener; without words and genre a daily mix)",
            false,
        ),
    ];
    let arcs = [
        ("", "as it flows best"),
        ("rise", "rising"),
        ("fall", "falling"),
        ("peak", "a peak in the middle"),
        ("valley", "a valley in the middle"),
    ];
    html! {
        form.filters method="post" action="/studio/playlists" {
            @for (name, title, is_needed) in texts {
                div.field.field-wide {
                    label for=(name) { (title) }
                    input id=(name) type="text" name=(name) maxlength="200" required[is_needed];
                }
            }
            div.field {
                label for="arc" { "Energy" }
                select #arc name="arc" {
                    @for (choice, words) in arcs { option value=(choice) { (words) } }
                }
            }
            div.field.field-buttons { button type="submit" { "Make a playlist" } }
        }
    }
}

/// Draws one playlist.
pub fn playlist_body(playlist: &PlaylistAnswer, flow: &FlowAnswer, can_write: bool) -> Markup {
    let tracks = flow.tracks.as_slice();
    let file = |format: &str| {
        let path = format!("/api/v1/playlists/{}/file", links::encode(&playlist.id));
        links::with_query(&path, &[("format", Some(format))])
    };
    let lengths = tracks.iter().filter_map(|track| track.duration_ms);
    let length_ms: u64 = lengths.map(u64::from).sum();
    let length = (length_ms > 0).then(|| duration_text(length_ms));
    html! {
        h1 { (playlist.name) }
        @if !playlist.description.is_empty() { p { (playlist.description) } }
        dl.facts.facts-row {
            div { dt { "Tracks" } dd { (grouped(playlist.tracks.len() as u64)) } }
            div { dt { "Length" } dd { (or_unknown(length.as_deref())) } }
            div { dt { "Owner" }
            dd { @if let Some(owner) = &playlist.owner { a.mono href=(links::listener(owner)) { (owner) } } @else { "nobody" } } }
            div { dt { "Changed" } dd { (moment(playlist.updated_at)) } }
            div { dt { "As a file" } dd {
                a href=(file("m3u8")) download { "M3U8" } " · "
                a href=(file("xspf")) download { "XSPF" } " · "
                a href=(file("jspf")) download { "JSPF" }
            } }
        }
        @if tracks.is_empty() { (empty("No tracks in it.")) } @else {
            (flow_chart(tracks))
            div.scroll { table {
                caption {
                    "Tracks in order"
                    @if tracks.len() < playlist.tracks.len() { ", the first " (tracks.len()) }
                    ". A step costs 0 where one track flows into the next and 1 where nothing fits"
                    (match flow.step_costs_by {
                        StepCostsBy::Listening => ", as learnt from where listeners played on.",
                        StepCostsBy::Convention => ", by a convention of mixing.",
                    })
                }
                thead { tr {
                    th.number scope="col" { "Place" } th scope="col" { "Title" } th scope="col" { "Artist" }
                    th.number scope="col" { "Tempo" } th scope="col" { "Key" } th.number scope="col" { "Energy" }
                    th.number scope="col" { "Step" } th.number scope="col" { "Length" }
                } }
                tbody { @for (place, track) in tracks.iter().enumerate() { (flow_row(place, track)) } }
            } }
            @if can_write { (continue_form(&playlist.id)) }
        }
    }
}

fn continue_form(id: &str) -> Markup {
    html! {
        form.filters method="post" action={ (links::playlist(id)) "/continue" } {
            div.field {
                label for="count" { "Tracks that go on from here" }
                input #count type="number" name="count" min="2" max="100" value="10";
            }
            div.field.field-buttons { button type="submit" { "Go on" } }
        }
    }
}

fn flow_row(place: usize, track: &FlowTrack) -> Markup {
    let tempo = track.tempo_bpm.map(|bpm| format!("{bpm:.0} bpm"));
    let share = |value: Option<f32>| value.map(|value| format!("{value:.2}"));
    let length = (track.duration_ms).map(|ms| duration_text(u64::from(ms)));
    html! {
        tr {
            td.number { (place + 1) }
            th scope="row" { a href=(links::track(&track.id)) { (track.title) } }
            td { (or_unknown(Some(&track.artist))) }
            td.number { (or_unknown(tempo.as_deref())) }
            td { (or_unknown(track.key.as_deref())) }
            td.number { (or_unknown(share(track.energy).as_deref())) }
            td.number { @if place > 0 { (or_unknown(share(track.step_cost).as_deref())) } }
            td.number { (or_unknown(length.as_deref())) }
        }
    }
}

/// Draws energy as a curve, the key of each track as a mark on the circle of fifths laid flat, and the cost of
/// each step as a bar under them.
fn flow_chart(tracks: &[FlowTrack]) -> Markup {
    let slot = CHART_WIDTH / tracks.len().max(1) as f64;
    let mut curve = String::new();
    for (place, track) in tracks.iter().enumerate() {
        let Some(energy) = track.energy else { continue };
        let command = if curve.is_empty() { 'M' } else { 'L' };
        let y = CURVE_HEIGHT * (1.0 - f64::from(energy.clamp(0.0, 1.0)));
        // Writing to a String cannot fail.
        let _ = write!(curve, "{command}{:.1} {y:.1}", (place as f64 + 0.5) * slot);
    }
    let keys_top = CURVE_HEIGHT + GAP_HEIGHT;
    let bottom = keys_top + KEY_HEIGHT + GAP_HEIGHT + STEP_HEIGHT;
    let text = |value: f64| format!("{value:.1}");
    // A bar stands between the two tracks whose step it is.
    let bars = tracks.iter().enumerate().filter_map(|(place, track)| {
        let height = STEP_HEIGHT * f64::from(track.step_cost?.clamp(0.0, 1.0));
        let left = (place as f64 - 0.3) * slot;
        Some((text(left), text(bottom - height), text(height)))
    });
    let keys = tracks.iter().enumerate().filter_map(|(place, track)| {
        let Place { hour, is_minor } = Place::named(track.key.as_deref()?)?;
        let y = keys_top + KEY_HEIGHT * hour as f64 / 12.0;
        let class = if is_minor {
            "flow-key flow-minor"
        } else {
            "flow-key"
        };
        Some((class, text((place as f64 + 0.2) * slot), text(y)))
    });
    html! {
        figure.flow {
            svg viewBox="0 0 1000 286" preserveAspectRatio="none" role="img" aria-label="Energy of each track as a curve, its key as a mark, cost of each step as bars; the numbers are in the table" {
                line.flow-ground x1="0" x2="1000" y1="120" y2="120" {}
                path.flow-energy d=(curve) {}
                @for (class, left, top) in keys {
                    rect class=(class) x=(left) y=(top) width=(text(0.6 * slot)) height="5" {}
                }
                @for (left, top, height) in bars {
                    rect.flow-step x=(left) y=(top) width=(text(0.6 * slot)) height=(height) {}
                }
            }
            figcaption.quiet { "Above: energy, 0 to 1. In the middle: the key on the circle of fifths from C (above) to F (below), minor keys beside their relative major and paler; F is next to C. Below: the cost of each step, 0 to 1." }
        }
    }
}
