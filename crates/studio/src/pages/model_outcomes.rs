//! What a training report says of what became of tracks: how much of them is heard, what the moment and the
//! step from the track before did, and what their position did.

use maud::{Markup, html};
use serde_json::Value;

use crate::format::{grouped, percent, trimmed};

fn number(value: &Value, pointer: &str) -> f64 {
    let found = value.pointer(pointer).and_then(Value::as_f64);
    found.filter(|number| number.is_finite()).unwrap_or(0.0)
}

fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// How well it is told how much of a track a listener will hear.
pub fn listened_section(report: &Value) -> Markup {
    let guesses = [
        ("constant_mae", "The mean of all listens"),
        ("listener_mean_mae", "The listener's mean"),
        ("track_mean_mae", "The track's mean"),
        ("mae", "The model"),
    ];
    html! {
        @if let Some(listened) = report.get("listened").filter(|one| one.is_object()) {
            @let is_in_use = listened.get("is_in_use") == Some(&Value::Bool(true));
            @let most = guesses.iter().map(|(name, _)| number(listened, &format!("/{name}"))).fold(f64::MIN_POSITIVE, f64::max);
            section aria-labelledby="listened" {
                h2 #listened { "How much of a track is heard" }
                p.quiet {
                    "Error of the expected share on " (grouped(count(listened, "listens"))) " listens of "
                    (grouped(count(listened, "listeners"))) " listeners that came after the training data; less is better. "
                    @if is_in_use { "Answers tell the share." } @else { "Answers do not tell it: it is not surely better than the best mean." }
                }
                table {
                    caption { "Mean absolute error as a share of the track" }
                    thead { tr { th scope="col" { "Told by" } th scope="col" { "Error" } } }
                    tbody { @for (name, title) in guesses { tr {
                        @let error = number(listened, &format!("/{name}"));
                        th scope="row" { (title) }
                        td { span.measure { (percent(error)) } (crate::parts::bar(error / most, "bar-wide")) }
                    } } }
                }
                @if listened.get("interval").is_some_and(Value::is_object) {
                    p { "Better than the best mean by " (points(number(listened, "/gain"))) " points (95 % interval "
                        (points(number(listened, "/interval/low"))) " to " (points(number(listened, "/interval/high"))) "). In the order it counts "
                        (trimmed(number(listened, "/order_weight"), 2)) "." }
                }
            }
        }
    }
}

/// A difference of two shares in hundredths of the whole: per cent would be read as a part of one of them.
fn points(difference: f64) -> String {
    trimmed(difference * 100.0, 1)
}

/// What steps from one track to the next cost, and whether playlists are ordered by it.
pub fn steps_section(report: &Value) -> Markup {
    let parts = [
        ("tempo", "Another tempo"),
        ("key", "Another key"),
        ("energy_rise", "A rise in energy"),
        ("energy_fall", "A fall in energy"),
        ("timbre", "Another sound"),
    ];
    html! {
        @if let Some(steps) = report.get("steps").filter(|one| one.is_object()) {
            section aria-labelledby="steps" {
                h2 #steps { "What a step to the next track costs" }
                @if let Some(reason) = steps.get("reason").and_then(Value::as_str) { p { (capitalised(reason)) "." } }
                p.quiet {
                    "Learnt from " (grouped(count(steps, "steps"))) " steps within sessions, with taste taken out; judged on "
                    (grouped(count(steps, "steps_judged"))) " steps of " (grouped(count(steps, "listeners")))
                    " listeners that came after the training data. "
                    @if number(steps, "/worst_logits") > 0.0 {
                        "The costliest step takes " (trimmed(number(steps, "/worst_logits"), 2)) " off the log-odds of playing on."
                    }
                }
                @if steps.get("weights").is_some_and(Value::is_object) {
                    table {
                        caption { "What each part counts at its worst, as a share of the costliest step" }
                        thead { tr { th scope="col" { "Part" } th scope="col" { "Learnt" } th scope="col" { "Convention" } } }
                        tbody { @for (name, title) in parts { tr {
                            th scope="row" { (title) }
                            @for side in ["weights", "convention"] {
                                @let share = number(steps, &format!("/{side}/{name}"));
                                td { span.measure { (percent(share)) } (crate::parts::bar(share, "bar-wide")) }
                            }
                        } } }
                    }
                }
            }
        }
    }
}

/// What knowing the moment of a request brings, and what was learnt of which moments.
pub fn moments_section(report: &Value) -> Markup {
    let aspects = [
        ("part_of_day", "Part of the day"),
        ("kind_of_day", "Kind of day"),
        ("device", "Device"),
        ("activity", "Activity"),
    ];
    html! {
        @if let Some(moments) = report.get("moments").filter(|one| one.is_object()) {
            @let values = || moments.get("values").and_then(Value::as_array).into_iter().flatten();
            section aria-labelledby="moments" {
                h2 #moments { "What the moment brings" }
                p {
                    "NDCG@10 of the same answers is " (trimmed(number(moments, "/told_ndcg_at_10"), 4)) " told the moment and "
                    (trimmed(number(moments, "/untold_ndcg_at_10"), 4)) " not told it, on " (grouped(count(moments, "listeners"))) " listeners"
                    @if moments.get("interval").is_some_and(Value::is_object) {
                        ": a difference of " (trimmed(number(moments, "/difference"), 4)) " (95 % interval "
                        (trimmed(number(moments, "/interval/low"), 4)) " to " (trimmed(number(moments, "/interval/high"), 4)) ")"
                    }
                    ". In the blend it counts " (trimmed(number(moments, "/weight"), 2)) "."
                }
                table {
                    caption { "Listens that each moment was learnt from" }
                    thead { tr { th scope="col" { "Aspect" } th scope="col" { "Value" } th.number scope="col" { "Listens" } } }
                    tbody { @for (aspect, title) in aspects {
                        @for value in values().filter(|one| one.get("aspect").and_then(Value::as_str) == Some(aspect)) { tr {
                            th scope="row" { (title) }
                            td { (value.get("name").and_then(Value::as_str).unwrap_or_default()) }
                            td.number { (grouped(count(value, "listens"))) }
                        } }
                    } }
                }
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// What lists that were shown brought, and how likely each position is looked at.
pub fn exposures_section(report: &Value) -> Markup {
    let positions = report.pointer("/exposures/examination");
    let positions: Vec<&Value> =
        (positions.and_then(Value::as_array).into_iter().flatten()).collect();
    html! {
        @if let Some(exposures) = report.get("exposures").filter(|one| one.is_object()) {
            section aria-labelledby="exposures" {
                h2 #exposures { "What shown lists taught" }
                dl.facts {
                    dt { "Lists" } dd { (grouped(count(exposures, "lists"))) }
                    dt { "Tracks played from them" } dd { (grouped(count(exposures, "listens"))) }
                    dt { "Pairs left to chance" } dd { (grouped(count(exposures, "pairs"))) ", " (grouped(count(exposures, "swapped_pairs"))) " of them swapped" }
                    dt { "Lists learnt from" } dd { (grouped(count(exposures, "lists_used"))) }
                }
                @if let Some(reason) = exposures.get("refused").and_then(Value::as_str) { p { (reason) } }
                @if !positions.is_empty() {
                    table {
                        caption { "How likely a position is looked at, as a share of the first" }
                        thead { tr { th scope="col" { "Position" } th scope="col" { "Looked at" } } }
                        tbody { @for position in &positions { tr {
                            @let share = number(position, "/share");
                            th scope="row" { (count(position, "position")) }
                            td { span.measure { (percent(share)) } (crate::parts::bar(share, "bar-wide")) }
                        } } }
                    }
                }
            }
        }
    }
}
