//! Playlists, and one of them.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::playlists::{self, PlaylistAnswer, PlaylistsAnswer};
use leitmotif_api::native::tracks::{self, TrackAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use crate::failure::{PageResult, shown};
use crate::format::{duration_text, grouped, moment, or_unknown};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::Visitor;

/// Tracks of a playlist that are shown; the API has the rest.
const TRACKS_SHOWN: usize = 200;

/// The list of playlists.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = playlists::list(State(state), visitor.access.clone(), asked).await?;
    let body = playlists_body(&answer, is_first);
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
    let Json(playlist) = playlists::get(State(state.clone()), access(), Path(id)).await?;
    let mut found = Vec::new();
    for id in playlist.tracks.iter().take(TRACKS_SHOWN) {
        // A track may be removed between the two answers; its place is shown without a title.
        let track = tracks::get(State(state.clone()), access(), Path(id.clone())).await;
        found.push((id.clone(), track.ok().map(|Json(track)| track)));
    }
    let body = playlist_body(&playlist, &found);
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/playlists", &playlist.name),
        &body,
    )))
}

/// Draws the list.
pub fn playlists_body(answer: &PlaylistsAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Playlists" }
        @if answer.playlists.is_empty() {
            (empty("No playlists yet. They are made through /api/v1/playlists."))
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

/// Draws one playlist.
pub fn playlist_body(
    playlist: &PlaylistAnswer,
    tracks: &[(String, Option<TrackAnswer>)],
) -> Markup {
    html! {
        h1 { (playlist.name) }
        @if !playlist.description.is_empty() { p { (playlist.description) } }
        dl.facts.facts-row {
            div { dt { "Tracks" } dd { (grouped(playlist.tracks.len() as u64)) } }
            div { dt { "Owner" }
            dd { @if let Some(owner) = &playlist.owner { a.mono href=(links::listener(owner)) { (owner) } } @else { "nobody" } } }
            div { dt { "Changed" } dd { (moment(playlist.updated_at)) } }
        }
        @if tracks.is_empty() { (empty("No tracks in it.")) } @else {
            table {
                caption {
                    "Tracks in order"
                    @if tracks.len() < playlist.tracks.len() { ", the first " (tracks.len()) }
                }
                thead { tr { th.number scope="col" { "Place" } th scope="col" { "Title" } th scope="col" { "Artist" } th.number scope="col" { "Length" } } }
                tbody {
                    @for (place, (id, track)) in tracks.iter().enumerate() {
                        tr {
                            td.number { (place + 1) }
                            @if let Some(track) = track {
                                th scope="row" { a href=(links::track(id)) { (track.title) } }
                                td { (or_unknown(Some(&track.artist))) }
                                td.number { (or_unknown(track.duration_ms.map(|ms| duration_text(u64::from(ms))).as_deref())) }
                            } @else {
                                th scope="row" { span.quiet { "removed track" } }
                                td { (or_unknown(None)) }
                                td.number { (or_unknown(None)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
