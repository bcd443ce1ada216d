//! Two tracks side by side, and the way to choose them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::analysis::{self, AnalysisAnswer};
use leitmotif_api::native::compare::{self, ComparedTrack, ComparisonAnswer, SharedDescriptor};
use leitmotif_api::native::constraints::ConstraintQuery;
use leitmotif_api::native::search::{self, SearchQuery, SearchResults};
use leitmotif_api::native::tracks::{self, TrackAnswer};
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::library::tabs;
use super::track::{sections_of, waveform_of};
use crate::failure::{PageResult, shown};
use crate::format::{grouped, label, or_unknown, percent, trimmed, value_text};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{bar, empty};
use crate::visitor::Visitor;

const PAGE: &str = "/studio/compare";
/// Found tracks offered.
const OFFERED: usize = 20;
/// Largest cosine distance.
const DISTANCE_MAX: f64 = 2.0;

/// What is chosen so far.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CompareQuery {
    /// The first track.
    pub track: String,
    /// The other.
    pub with: String,
    /// Words to find the next one by.
    pub q: String,
}

/// What the page shows before both are chosen.
pub struct Choosing {
    /// The first track, once it is chosen.
    pub track: Option<TrackAnswer>,
    /// What was found.
    pub found: Option<SearchResults>,
    /// What was asked.
    pub query: CompareQuery,
}

/// Two tracks with what was measured of them.
pub struct Compared {
    /// How they stand to each other.
    pub answer: ComparisonAnswer,
    /// The analysis of each, where there is one.
    pub analyses: [Option<AnalysisAnswer>; 2],
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<CompareQuery>,
) -> PageResult {
    let shell = Shell::of(&visitor, "/studio/library", "Compare");
    let access = || visitor.access.clone();
    let here = || State(state.clone());
    let is_chosen = |id: &str| !id.trim().is_empty();
    if is_chosen(&query.track) && is_chosen(&query.with) {
        let pair = Path((query.track.clone(), query.with.clone()));
        let Json(answer) = compare::compare(here(), access(), pair).await?;
        let mut analyses = [None, None];
        for (place, track) in analyses.iter_mut().zip([&answer.track, &answer.other]) {
            let read = analysis::get(here(), access(), Path(track.id.clone())).await;
            *place = found(read)?;
        }
        let body = compared_body(&Compared { answer, analyses });
        return Ok(shown(page(&shell, &body)));
    }
    let track = if is_chosen(&query.track) {
        let Json(track) = tracks::get(here(), access(), Path(query.track.clone())).await?;
        Some(track)
    } else {
        None
    };
    let results = if is_chosen(&query.q) {
        let asked = SearchQuery {
            q: Some(query.q.clone()),
            limit: Some(OFFERED),
            ..SearchQuery::default()
        };
        let wanted = QueryParameters(ConstraintQuery::default());
        let Json(results) =
            search::search(here(), access(), QueryParameters(asked), wanted).await?;
        Some(results)
    } else {
        None
    };
    let choosing = Choosing {
        track,
        found: results,
        query,
    };
    Ok(shown(page(&shell, &choosing_body(&choosing))))
}

fn found<T>(answer: Result<Json<T>, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(Json(answer)) => Ok(Some(answer)),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Draws the way to choose tracks.
pub fn choosing_body(choosing: &Choosing) -> Markup {
    let chosen = choosing.track.as_ref();
    let title = if chosen.is_some() {
        "The other track"
    } else {
        "The first track"
    };
    html! {
        h1 { "Compare" }
        (tabs(PAGE))
        @if let Some(track) = chosen {
            p { "Compare " a href=(links::track(&track.id)) { (track.title) } " by " (or_unknown(Some(&track.artist))) " with another track. " a href=(PAGE) { "Choose another" } }
        } @else {
            p.quiet { "Two tracks side by side, with what they share that is rare in this catalogue." }
        }
        form.filters method="get" action=(PAGE) role="search" {
            @if let Some(track) = chosen { input type="hidden" name="track" value=(track.id); }
            div.field.field-wide {
                label for="q" { (title) }
                input #q type="search" name="q" value=(choosing.query.q) placeholder="title, artist, words" maxlength="200";
            }
            div.field.field-buttons { button type="submit" { "Find" } }
        }
        @match &choosing.found {
            Some(results) => (offered(results, chosen)),
            None => {}
        }
    }
}

fn offered(results: &SearchResults, chosen: Option<&TrackAnswer>) -> Markup {
    let others: Vec<&TrackAnswer> = (results.tracks.iter())
        .map(|found| &found.track)
        .filter(|found| chosen.is_none_or(|track| track.id != found.id))
        .collect();
    let link = |id: &str| match chosen {
        Some(track) => between(&track.id, id),
        None => links::with_query(PAGE, &[("track", Some(id))]),
    };
    html! {
        @if others.is_empty() { (empty("No other track matches. Look for fewer words.")) } @else {
            table {
                caption { (others.len()) " found; choose one" }
                thead { tr { th scope="col" { "Track" } th scope="col" { "Artist" } } }
                tbody { @for found in others {
                    tr {
                        th scope="row" { a href=(link(&found.id)) { (found.title) } }
                        td { (or_unknown(Some(&found.artist))) }
                    }
                } }
            }
        }
    }
}

/// The address of a comparison.
pub fn between(track: &str, other: &str) -> String {
    links::with_query(PAGE, &[("track", Some(track)), ("with", Some(other))])
}

/// Draws two tracks side by side.
pub fn compared_body(compared: &Compared) -> Markup {
    let answer = &compared.answer;
    let (track, other) = (&answer.track, &answer.other);
    html! {
        h1 { "Compare" }
        (tabs(PAGE))
        div.pair {
            (side(track, compared.analyses[0].as_ref()))
            (side(other, compared.analyses[1].as_ref()))
        }
        p {
            a href=(between(&other.id, &track.id)) { "The other way round" } " · "
            a href=(links::with_query(PAGE, &[("track", Some(&track.id))])) { "Another track beside the first" }
        }
        (strongest(answer))
        (traits(answer))
        (spaces(answer))
    }
}

fn side(track: &ComparedTrack, analysis: Option<&AnalysisAnswer>) -> Markup {
    html! {
        article.card.pair-side {
            h2 { a href=(links::track(&track.id)) { (track.title) } }
            p.byline { (or_unknown(Some(&track.artist))) }
            @match analysis {
                Some(analysis) if !analysis.waveform.minimum.is_empty() => {
                    (waveform_of(analysis))
                    (sections_of(analysis))
                }
                Some(_) => p.quiet { "Known by its words only." },
                None => p.quiet { "Not analysed yet." },
            }
        }
    }
}

/// The strongest shared traits, each with how rare it is.
fn strongest(answer: &ComparisonAnswer) -> Markup {
    let shown = answer.strongest.iter().filter_map(|name| {
        let mut all = answer.descriptors.iter();
        all.find(|one| one.name == *name)
    });
    let shown: Vec<&SharedDescriptor> = shown.collect();
    html! {
        section aria-labelledby="shared" {
            h2 #shared { "What they share most" }
            @if shown.is_empty() {
                (empty("In nothing that is known of both are these two nearer than most pairs of the catalogue. Under ten analysed tracks nothing is rare."))
            } @else {
                div.cards {
                    @for one in &shown {
                        article.card {
                            h3 { (label(&one.name)) }
                            p.card-value { (both(one)) }
                            p.card-beside { (apart(one)) }
                            @if let Some(ratio) = one.pairs_ratio {
                                p.card-beside { "as near as only " strong { (share(ratio)) } " of all pairs of tracks" }
                            }
                        }
                    }
                }
                p.quiet { "A trait counts the more the fewer pairs of the " (grouped(answer.catalogue_tracks as u64)) " tracks of this catalogue are at most as far apart in it. Of traits that say much the same only the strongest is named." }
            }
        }
    }
}

fn both(one: &SharedDescriptor) -> String {
    let (a, b) = (
        value_text(&one.name, &one.track),
        value_text(&one.name, &one.other),
    );
    if a == b { a } else { format!("{a} and {b}") }
}

/// How far apart two values are, in words.
fn apart(one: &SharedDescriptor) -> String {
    let (Some(distance), Some(comparison)) = (one.distance, one.comparison.as_deref()) else {
        return one
            .difference
            .map_or_else(String::new, |difference| signed(&one.name, difference));
    };
    match comparison {
        "octaves" if distance == 0.0 => "the same, halves and doubles counting".to_owned(),
        "octaves" => format!(
            "{} apart, halves and doubles counting",
            percent(2f64.powf(distance) - 1.0)
        ),
        "wheel" if distance == 0.0 => "the same key".to_owned(),
        "wheel" if distance == 1.0 => "1 step on the circle of fifths".to_owned(),
        "wheel" => format!("{} steps on the circle of fifths", trimmed(distance, 0)),
        "sameness" if distance == 0.0 => "the same".to_owned(),
        "sameness" => "different".to_owned(),
        _ => one
            .difference
            .map_or_else(String::new, |difference| signed(&one.name, difference)),
    }
}

fn signed(name: &str, difference: f64) -> String {
    if difference == 0.0 {
        return "no difference".to_owned();
    }
    let size = value_text(name, &serde_json::json!(difference.abs()));
    let size = if name == "year" {
        format!("{} years", trimmed(difference.abs(), 0))
    } else {
        size
    };
    let size = if name.ends_with("_ratio") {
        format!("{} points", trimmed(difference.abs() * 100.0, 1))
    } else {
        size
    };
    let sign = if difference < 0.0 { '−' } else { '+' };
    format!("{sign}{size}")
}

/// A share of pairs; the smallest are told as less than.
fn share(ratio: f64) -> String {
    if ratio < 0.000_5 {
        return "under 0.1 %".to_owned();
    }
    percent(ratio)
}

fn traits(answer: &ComparisonAnswer) -> Markup {
    let (told, others): (Vec<_>, Vec<_>) =
        (answer.descriptors.iter()).partition(|one| one.comparison.is_some());
    html! {
        section aria-labelledby="traits" {
            h2 #traits { "Everything known of both" }
            @if told.is_empty() { (empty("Nothing is known of both. Analyse them first.")) } @else {
                div.scroll tabindex="0" role="region" aria-label="Traits of both tracks" {
                    table {
                        caption { "Longer bars are rarer likenesses: the share of pairs that are further apart. Percentiles are among the tracks of this catalogue." }
                        thead { tr {
                            th scope="col" { "Trait" } th scope="col" { (answer.track.title) } th scope="col" { (answer.other.title) }
                            th scope="col" { "Apart" } th scope="col" { "Pairs as near" }
                        } }
                        tbody { @for one in &told { (trait_row(one)) } }
                    }
                }
            }
            @if !others.is_empty() {
                details.group {
                    summary { "More values" " " span.quiet { (others.len()) " values" } }
                    div.scroll tabindex="0" role="region" aria-label="More values of both tracks" {
                        table {
                            caption { "Not set against the catalogue" }
                            thead { tr { th scope="col" { "Value" } th scope="col" { (answer.track.title) } th scope="col" { (answer.other.title) } th scope="col" { "Apart" } } }
                            tbody { @for one in &others {
                                tr {
                                    th scope="row" { (label(&one.name)) }
                                    td { (value_text(&one.name, &one.track)) } td { (value_text(&one.name, &one.other)) }
                                    td { (apart(one)) }
                                }
                            } }
                        }
                    }
                }
            }
        }
    }
}

fn trait_row(one: &SharedDescriptor) -> Markup {
    let cell = |value: &Value, percentile: Option<f64>| {
        html! {
            (value_text(&one.name, value))
            @if let Some(percentile) = percentile { " " span.quiet.nowrap title="share of the catalogue that is lower" { (trimmed(percentile, 0)) " % lower" } }
        }
    };
    html! {
        tr {
            th scope="row" { (label(&one.name)) }
            td { (cell(&one.track, one.track_percentile)) }
            td { (cell(&one.other, one.other_percentile)) }
            td { (apart(one)) }
            td {
                @match one.pairs_ratio {
                    Some(ratio) => { span.measure { (share(ratio)) } (bar(1.0 - ratio, "bar-near")) }
                    None => span.unknown title={ "known of " (one.tracks_known) " tracks, too few to say" } { "too few tracks" },
                }
            }
        }
    }
}

fn spaces(answer: &ComparisonAnswer) -> Markup {
    html! {
        section aria-labelledby="spaces" {
            h2 #spaces { "By embedding" }
            @if answer.spaces.is_empty() { (empty("Neither track has an embedding.")) } @else {
                table {
                    caption { "Cosine distance in each space: 0 is the same direction, 2 the opposite. Distances of two spaces are not comparable. Longer bars are nearer." }
                    thead { tr { th scope="col" { "Space" } th scope="col" { "Cosine distance" } } }
                    tbody { @for one in &answer.spaces {
                        tr {
                            th.mono scope="row" { (one.space) }
                            td { @match one.distance {
                                Some(distance) => { span.measure { (trimmed(distance, 4)) } (bar(1.0 - distance / DISTANCE_MAX, "bar-near")) }
                                None => span.unknown { "only one of them is in it" },
                            } }
                        }
                    } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(name: &str, comparison: &str, distance: f64, a: Value, b: Value) -> SharedDescriptor {
        SharedDescriptor {
            name: name.to_owned(),
            unit: String::new(),
            difference: b.as_f64().zip(a.as_f64()).map(|(b, a)| b - a),
            track: a,
            other: b,
            distance: Some(distance),
            comparison: Some(comparison.to_owned()),
            pairs_ratio: Some(0.012),
            track_percentile: Some(40.0),
            other_percentile: Some(60.0),
            tracks_known: 50,
        }
    }

    #[test]
    fn distances_are_told_in_the_words_of_their_comparison() {
        let check = |one: SharedDescriptor, expected: &str| assert_eq!(apart(&one), expected);
        check(
            one("tempo_bpm", "octaves", 0.0, json!(60), json!(120)),
            "the same, halves and doubles counting",
        );
        check(
            one("tempo_bpm", "octaves", 0.0144, json!(100), json!(101)),
            "1 % apart, halves and doubles counting",
        );
        check(
            one("key", "wheel", 1.0, json!("C major"), json!("A minor")),
            "1 step on the circle of fifths",
        );
        check(
            one("genre", "sameness", 0.0, json!("folk"), json!("folk")),
            "the same",
        );
        check(
            one(
                "integrated_loudness_lufs",
                "difference",
                2.5,
                json!(-9.5),
                json!(-12),
            ),
            "−2.5 LUFS",
        );
        check(
            one("mattr_ratio", "difference", 0.02, json!(0.5), json!(0.52)),
            "+2 points",
        );
        check(
            one("year", "difference", 3.0, json!(1990), json!(1993)),
            "+3 years",
        );
        assert_eq!(
            (share(0.0001), share(0.012)),
            ("under 0.1 %".to_owned(), "1.2 %".to_owned())
        );
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(
            between("a&b", "t:1"),
            "/studio/compare?track=a%26b&with=t%3A1"
        );
    }
}
