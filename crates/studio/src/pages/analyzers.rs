//! Analyzers with their accuracy cards.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::analyzers::parts::{Bin, Card, Confidence, Score};
use leitmotif_api::native::analyzers::{self, AnalyzerCardAnswer, AnalyzersAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use crate::failure::{PageResult, shown};
use crate::format::{grouped, percent};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::pager;
use crate::visitor::Visitor;

const SECTION: &str = "/studio/analyzers";

/// The list of analyzers.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = analyzers::list(State(state), visitor.access.clone(), asked).await?;
    let body = analyzers_body(&answer, is_first);
    Ok(shown(page(
        &Shell::of(&visitor, SECTION, "Analyzers"),
        &body,
    )))
}

/// One accuracy card.
pub async fn show_one(visitor: Visitor, Path(name): Path<String>) -> PageResult {
    let Json(answer) = analyzers::card(visitor.access.clone(), Path(name)).await?;
    let body = card_body(&answer);
    Ok(shown(page(
        &Shell::of(&visitor, SECTION, &answer.card.title),
        &body,
    )))
}

/// Draws the list.
pub fn analyzers_body(answer: &AnalyzersAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Analyzers" }
        p { "What is measured of a track, and how right it is on labelled data. A card says what the number is of, how sure it is, and where it fails." }
        div.scroll tabindex="0" role="region" aria-label="Analyzers" {
            table {
                caption { "With a 95 % interval where there is one" }
                thead { tr {
                    th scope="col" { "Measured" } th scope="col" { "Headline" } th scope="col" { "Analyzer" }
                } }
                tbody {
                    @for one in &answer.analyzers {
                        tr {
                            th scope="row" {
                                @if let Some(plugin) = &one.plugin { a href=(links::plugin(plugin)) { (one.title) } }
                                @else { a href=(links::analyzer(&one.name)) { (one.title) } }
                            }
                            td { @match &one.headline {
                                Some(score) => { (score.metric) " " (number(score.value)) (interval(score)) }
                                None => span.unknown { (one.status.replace('_', " ")) },
                            } }
                            td { (one.analyzer) " " span.mono.quiet { (one.version) } }
                        }
                    }
                }
            }
        }
        (pager(SECTION, &[], &answer.page, is_first))
    }
}

/// Draws a card.
pub fn card_body(answer: &AnalyzerCardAnswer) -> Markup {
    let card = &answer.card;
    html! {
        p.quiet { a href=(SECTION) { "Analyzers" } }
        h1 { (card.title) }
        p { (card.what) }
        dl.facts {
            dt { "Unit" } dd { (card.unit) }
            dt { "Analyzer" } dd { (card.analyzer) " " span.mono { (card.version) } }
            @if !card.descriptors.is_empty() { dt { "Descriptors" } dd.mono { (card.descriptors.join(", ")) } }
        }
        @if let Some(stale) = &answer.stale { p.notice role="note" { (stale) } }
        @if let Some(why) = &card.unvalidated_because {
            p.notice role="note" { strong { "Unvalidated. " } (why) }
        }
        @if !card.scores.is_empty() { (scores(card)) }
        @if !card.confidences.is_empty() {
            section aria-labelledby="confidence" {
                h2 #confidence { "Can its confidence be believed?" }
                p { "Where answers that are 80 % sure are right 80 times of 100, the points lie on the line. A point is as large as the answers behind it are many." }
                div.reliabilities { @for confidence in &card.confidences { (reliability(confidence)) } }
            }
        }
        @if !card.failures.is_empty() { (failures(card)) }
        @if !card.peers.is_empty() { (peers(card)) }
        @if !card.data.is_empty() { (data(card)) }
        @if !card.notes.is_empty() {
            section aria-labelledby="notes" {
                h2 #notes { "Notes" }
                ul { @for note in &card.notes { li { (note) } } }
            }
        }
    }
}

fn scores(card: &Card) -> Markup {
    let mut told: Vec<&Score> = Vec::new();
    for score in &card.scores {
        if !told.iter().any(|known| known.metric == score.metric) {
            told.push(score);
        }
    }
    html! {
        section aria-labelledby="scores" {
            h2 #scores { "Scores" }
            div.scroll tabindex="0" role="region" aria-label="Scores" {
                table {
                    thead { tr {
                        th scope="col" { "Metric" } th scope="col" { "On" } th.number scope="col" { "Value" }
                        th scope="col" { "95 % interval" } th.number scope="col" { "n" }
                    } }
                    tbody { @for score in &card.scores { tr {
                        th scope="row" { (score.metric) } td { (score.of) } td.number { (number(score.value)) }
                        td { (interval(score)) } td.number { (grouped(score.count)) }
                    } } }
                }
            }
            dl.facts { @for score in told { dt { (score.metric) } dd { (score.definition) " " span.quiet { (score.source) } } } }
        }
    }
}

/// One reliability curve with its calibration error.
fn reliability(confidence: &Confidence) -> Markup {
    let [low, high] = confidence.ece_interval;
    let [perfect, most] = confidence.ece_of_perfect;
    let told = format!(
        "Reliability of {}: {}",
        confidence.of,
        confidence
            .curve
            .iter()
            .map(bin_text)
            .collect::<Vec<_>>()
            .join("; ")
    );
    html! {
        figure.reliability {
            svg viewBox="-14 -6 126 124" role="img" aria-label=(told) {
                rect.reliability-ground x="0" y="0" width="100" height="100" {}
                line.reliability-ideal x1="0" y1="100" x2="100" y2="0" {}
                polyline.reliability-curve points=(points(&confidence.curve)) {}
                @for bin in &confidence.curve {
                    circle.reliability-point cx=(place(bin.confidence)) cy=(place(1.0 - bin.accuracy)) r=(radius(bin, confidence.count)) {}
                }
                text x="50" y="115" text-anchor="middle" { "confidence" }
                text x="-50" y="-4" transform="rotate(-90)" text-anchor="middle" { "right" }
            }
            figcaption {
                strong { (confidence.of) } " " (confidence.definition) " Calibration error " strong { (number(confidence.ece)) }
                " (95 %: " (number(low)) " to " (number(high)) "), n = " (grouped(confidence.count))
                ". A perfectly calibrated predictor would measure " (number(perfect)) " here, and under " (number(most)) " in 95 % of cases."
            }
        }
    }
}

fn bin_text(bin: &Bin) -> String {
    format!(
        "{} sure, {} right, n = {}",
        percent(bin.confidence),
        percent(bin.accuracy),
        bin.count
    )
}

/// A share as a place in the picture.
fn place(share: f64) -> String {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    format!("{:.1}", share * 100.0)
}

fn points(curve: &[Bin]) -> String {
    let point = |bin: &Bin| format!("{},{}", place(bin.confidence), place(1.0 - bin.accuracy));
    curve.iter().map(point).collect::<Vec<_>>().join(" ")
}

/// The area of a point is the share of the answers behind it; the smallest can still be seen.
fn radius(bin: &Bin, count: u64) -> String {
    let share = bin.count as f64 / count.max(1) as f64;
    format!("{:.1}", 1.2 + 5.0 * share.min(1.0).sqrt())
}

fn failures(card: &Card) -> Markup {
    html! {
        section aria-labelledby="failures" {
            h2 #failures { "Where it fails" }
            div.scroll tabindex="0" role="region" aria-label="Groups that fail" {
                table {
                    thead { tr { th scope="col" { "Group" } th scope="col" { "Metric" } th.number scope="col" { "Value" } th.number scope="col" { "n" } } }
                    tbody { @for failure in &card.failures { tr {
                        th scope="row" { (failure.group) } td { (failure.metric) }
                        td.number { (number(failure.value)) } td.number { (grouped(failure.count)) }
                    } } }
                }
            }
        }
    }
}

fn peers(card: &Card) -> Markup {
    html! {
        section aria-labelledby="peers" {
            h2 #peers { "Others" }
            div.scroll tabindex="0" role="region" aria-label="Others" {
                table {
                    thead { tr { th scope="col" { "Who" } th scope="col" { "Metric" } th.number scope="col" { "Value" } th scope="col" { "How" } } }
                    tbody { @for peer in &card.peers { tr {
                        th scope="row" { (peer.name) } td { (peer.metric) } td.number { (number(peer.value)) } td { (peer.note) }
                    } } }
                }
            }
        }
    }
}

fn data(card: &Card) -> Markup {
    html! {
        section aria-labelledby="data" {
            h2 #data { "Measured on" }
            ul { @for data in &card.data {
                li { (grouped(data.count)) " " (data.of) ": " (data.name) "; " (data.origin) ". " span.quiet { (data.licence) } }
            } }
        }
    }
}

fn number(value: f64) -> String {
    format!("{value:.3}")
}

fn interval(score: &Score) -> String {
    score
        .interval
        .map(|[low, high]| format!(" ({low:.3} to {high:.3})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use leitmotif_api::native::analyzers::parts::{card, cards};

    use super::*;

    fn answer(name: &str, stale: Option<&str>) -> AnalyzerCardAnswer {
        AnalyzerCardAnswer {
            current_version: None,
            stale: stale.map(str::to_owned),
            card: card(name).expect("is compiled in").clone(),
        }
    }

    #[test]
    fn every_card_is_drawn() {
        for card in cards() {
            let shown = card_body(&answer(&card.name, None)).into_string();
            assert!(shown.contains(&card.version), "{}", card.name);
            assert_eq!(
                shown.contains("Unvalidated. "),
                card.status == "unvalidated",
                "{}",
                card.name
            );
            assert_eq!(
                shown.matches("<svg").count(),
                card.confidences.len(),
                "{}",
                card.name
            );
            assert!(
                !shown.contains("NaN") && !shown.contains("style=") && !shown.contains("<script")
            );
        }
        let stale = card_body(&answer("tempo", Some("make it anew"))).into_string();
        assert!(stale.contains("make it anew"));
    }

    #[test]
    fn points_stay_in_the_picture() {
        let curve = [
            Bin {
                confidence: 2.0,
                accuracy: -1.0,
                count: 1,
            },
            Bin {
                confidence: f64::NAN,
                accuracy: 0.5,
                count: 0,
            },
        ];
        assert_eq!(points(&curve), "100.0,100.0 0.0,50.0");
        assert_eq!(radius(&curve[0], 0), "6.2");
    }
}
