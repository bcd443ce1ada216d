//! The tracks: search, filters, pages.

mod found;

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::analyzers;
use leitmotif_api::native::constraints::ConstraintQuery;
use leitmotif_api::native::search::{self, SearchQuery};
use leitmotif_api::native::track_order::{SortAnswer, SortDirection};
use leitmotif_api::native::tracks::{self, TrackAnswer, TrackQuery, TracksAnswer};
use leitmotif_api::paging::PageQuery;
use leitmotif_api::problem::Problem;
use leitmotif_domain::limits;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use crate::failure::{PageResult, shown};
use crate::format::{duration_text, label, or_unknown, value_text};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::Visitor;

pub use found::found_body;

/// The filter form. A field that is left empty does not filter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LibraryQuery {
    /// Words of title, artist or album.
    pub q: String,
    /// The artist.
    pub artist: String,
    /// The genre.
    pub genre: String,
    /// `yes`, `no` or empty.
    pub audio: String,
    /// `yes`, `no` or empty.
    pub lyrics: String,
    /// `yes`, `no` or empty.
    pub analysis: String,
    /// `yes` leaves describing words words.
    pub words: String,
    /// `yes` also shows what only an embedding found.
    pub alike: String,
    /// A descriptor to order by.
    pub sort: String,
    /// `desc` for the greatest first.
    pub order: String,
    /// Where the page begins.
    pub cursor: Option<String>,
}

impl LibraryQuery {
    fn pairs(&self) -> [(&'static str, Option<&str>); 10] {
        [
            ("q", Some(&self.q)),
            ("artist", Some(&self.artist)),
            ("genre", Some(&self.genre)),
            ("audio", Some(&self.audio)),
            ("lyrics", Some(&self.lyrics)),
            ("analysis", Some(&self.analysis)),
            ("words", Some(&self.words)),
            ("alike", Some(&self.alike)),
            ("sort", Some(&self.sort)),
            ("order", Some(&self.order)),
        ]
    }

    /// Whether this is a search. An exact artist, what a track has, or an order is a question to the listing.
    fn is_search(&self) -> bool {
        let listed = [
            &self.artist,
            &self.audio,
            &self.lyrics,
            &self.analysis,
            &self.sort,
        ];
        !self.q.trim().is_empty() && listed.iter().all(|text| text.is_empty())
    }

    fn searched(&self) -> (SearchQuery, ConstraintQuery) {
        let search = SearchQuery {
            q: Some(self.q.clone()),
            filters: Some(self.words != "yes"),
            embeddings: Some(self.alike == "yes"),
            cursor: self.cursor.clone(),
            ..SearchQuery::default()
        };
        let wanted = ConstraintQuery {
            genre: Some(self.genre.clone()).filter(|genre| !genre.is_empty()),
            ..ConstraintQuery::default()
        };
        (search, wanted)
    }

    fn asked(&self) -> TrackQuery {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let choice = |text: &str| match text {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        TrackQuery {
            q: filled(&self.q),
            artist: filled(&self.artist),
            artist_id: None,
            genre: filled(&self.genre),
            has_audio: choice(&self.audio),
            has_lyrics: choice(&self.lyrics),
            has_analysis: choice(&self.analysis),
            sort: filled(&self.sort),
            order: (self.order == "desc" && filled(&self.sort).is_some())
                .then_some(SortDirection::Desc),
            limit: None,
            cursor: self.cursor.clone(),
        }
    }
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<LibraryQuery>,
) -> PageResult {
    if query.is_search() {
        let (asked, wanted) = query.searched();
        let (asked, wanted) = (QueryParameters(asked), QueryParameters(wanted));
        let access = visitor.access.clone();
        let Json(answer) = search::search(State(state), access, asked, wanted).await?;
        let shell = Shell::of(&visitor, "/studio/library", "Library");
        return Ok(shown(page(&shell, &found_body(&answer, &query))));
    }
    let asked = QueryParameters(query.asked());
    let here = State(state.clone());
    let Json(answer) = tracks::list(here, visitor.access.clone(), asked).await?;
    let names = descriptors(state, &visitor).await?;
    let body = library_body(&answer, &query, &names);
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/library", "Library"),
        &body,
    )))
}

/// Names to order by: those that analyzers have, so that nothing must be read for the offer.
async fn descriptors(state: ApiState, visitor: &Visitor) -> Result<Vec<String>, Problem> {
    let all = QueryParameters(PageQuery {
        limit: Some(limits::PAGE_ITEMS_MAX),
        cursor: None,
    });
    let Json(known) = analyzers::list(State(state), visitor.access.clone(), all).await?;
    let families = known.analyzers.into_iter();
    let mut names: Vec<String> = families.flat_map(|family| family.descriptors).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The pages about the catalogue as a whole: the second level of the navigation.
const PAGES: [(&str, &str); 4] = [
    ("/studio/library", "Tracks"),
    ("/studio/map", "Map"),
    ("/studio/compare", "Compare"),
    ("/studio/duplicates", "Duplicates"),
];

/// Leads from one of them to the others.
pub fn tabs(current: &str) -> Markup {
    html! {
        nav.tabs aria-label="Library" {
            ul { @for (href, name) in PAGES {
                li { a href=(href) aria-current=[(href == current).then_some("page")] { (name) } }
            } }
        }
    }
}

/// Draws the answer.
pub fn library_body(answer: &TracksAnswer, query: &LibraryQuery, names: &[String]) -> Markup {
    let sort = answer.sort.as_ref();
    let is_filtered = query
        .pairs()
        .iter()
        .any(|(_, value)| value.is_some_and(|v| !v.is_empty()));
    html! {
        h1 { "Library" }
        (tabs("/studio/library"))
        (filter_form(query, is_filtered, names))
        @if answer.tracks.is_empty() {
            @if is_filtered { (empty("No track matches. Loosen a filter or look for fewer words.")) }
            @else { (empty("No tracks yet. Import a folder or a table, or send tracks to /api/v1/tracks.")) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tracks" {
                table {
                    caption { (answer.tracks.len()) @if answer.tracks.len() == 1 { " track" } @else { " tracks" } " on this page, " (order_text(sort)) }
                    thead { tr {
                        th scope="col" { "Title" } th scope="col" { "Artist" } th scope="col" { "Album" }
                        th scope="col" { "Genre" } th scope="col" { "Released" } th.number scope="col" { "Length" }
                        @if let Some(sort) = sort {
                            th.number scope="col" aria-sort=(aria_sort(sort)) { (label(&sort.by)) }
                        }
                        th scope="col" { "Has" }
                    } }
                    tbody { @for (place, track) in answer.tracks.iter().enumerate() { (row(track, sort.map(|sort| (sort.by.as_str(), sort.values.get(place).copied().flatten())))) } }
                }
            }
        }
        (pager("/studio/library", &query.pairs(), &answer.page, query.cursor.is_none()))
    }
}

fn order_text(sort: Option<&SortAnswer>) -> String {
    match sort {
        None => "oldest first".to_owned(),
        Some(sort) => {
            let first = match sort.order {
                SortDirection::Asc => "least",
                SortDirection::Desc => "most",
            };
            format!("by {}, {first} first, unknown last", label(&sort.by))
        }
    }
}

fn aria_sort(sort: &SortAnswer) -> &'static str {
    match sort.order {
        SortDirection::Asc => "ascending",
        SortDirection::Desc => "descending",
    }
}

/// A track; `told` is the descriptor that the list is ordered by, and what it is of this one.
fn row(track: &TrackAnswer, told: Option<(&str, Option<f32>)>) -> Markup {
    let by_artist = links::with_query("/studio/library", &[("artist", Some(&track.artist))]);
    html! {
        tr {
            th scope="row" { a href=(links::track(&track.id)) { (track.title) } }
            td { @if track.artist.is_empty() { (or_unknown(None)) } @else { a.soft href=(by_artist) { (track.artist) } } }
            td { (or_unknown(track.album.as_deref())) }
            td { (or_unknown(track.genre.as_deref())) }
            td { (or_unknown(track.release_date.as_deref())) }
            td.number { (or_unknown(track.duration_ms.map(|ms| duration_text(u64::from(ms))).as_deref())) }
            @if let Some((name, value)) = told {
                td.number { (or_unknown(value.map(|value| value_text(name, &json!(value))).as_deref())) }
            }
            td.has {
                @if track.has_audio { span.tag { "audio" } }
                @if track.has_lyrics { span.tag { "lyrics" } }
            }
        }
    }
}

fn filter_form(query: &LibraryQuery, is_filtered: bool, names: &[String]) -> Markup {
    let choices = [
        ("audio", "Audio", &query.audio),
        ("lyrics", "Lyrics", &query.lyrics),
        ("analysis", "Analysis", &query.analysis),
    ];
    let texts = [
        ("artist", "Artist", &query.artist),
        ("genre", "Genre", &query.genre),
    ];
    html! {
        form.filters role="search" method="get" action="/studio/library" {
            div.field.field-wide {
                label for="q" { "Search titles, artists, albums and lyrics, or describe: 140 bpm, A minor, 90s" }
                input #q type="search" name="q" value=(query.q) maxlength="200";
            }
            @for (name, title, value) in texts {
                div.field {
                    label for=(name) { (title) }
                    input id=(name) type="text" name=(name) value=(value) maxlength="200";
                }
            }
            @for (name, title, value) in choices {
                div.field {
                    label for=(name) { (title) }
                    select id=(name) name=(name) {
                        @for (choice, words) in [("", "any"), ("yes", "with"), ("no", "without")] {
                            option value=(choice) selected[value == choice] { (words) }
                        }
                    }
                }
            }
            div.field.field-wide {
                label for="sort" { "Order by" }
                input #sort type="text" name="sort" value=(query.sort) maxlength="200" list="descriptors" placeholder="age";
                datalist #descriptors { @for name in names { option value=(name) {} } }
            }
            div.field {
                label for="order" { "Which way" }
                select #order name="order" {
                    @for (choice, words) in [("", "least first"), ("desc", "most first")] {
                        option value=(choice) selected[query.order == choice] { (words) }
                    }
                }
            }
            div.field.field-buttons {
                button type="submit" { "Search" }
                @if is_filtered { a href="/studio/library" { "Clear" } }
            }
        }
    }
}
