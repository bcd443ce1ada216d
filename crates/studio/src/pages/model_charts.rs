//! The pictures of a training report: what the ranker needs, and what variety costs.

use maud::{Markup, html};
use serde_json::Value;

use crate::format::{grouped, percent, trimmed};

/// Width and height of the curve's ground, in its own units.
const WIDTH: f64 = 300.0;
/// See [`WIDTH`].
const HEIGHT: f64 = 180.0;

fn read(value: &Value, pointer: &str) -> Option<f64> {
    value
        .pointer(pointer)?
        .as_f64()
        .filter(|number| number.is_finite())
}

fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// A difference around zero with its interval, in units of the largest of the table.
fn difference_bar(difference: f64, low: f64, high: f64, reach: f64) -> Markup {
    let place = |value: f64| 50.0 + 50.0 * (value / reach.max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0);
    let at = |value: f64| format!("{:.2}", place(value));
    let (from, until) = (place(difference.min(0.0)), place(difference.max(0.0)));
    html! {
        svg.bar.bar-wide viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar-ground x="0" y="0" width="100" height="8" rx="2" {}
            rect.bar-value x=(format!("{from:.2}")) y="0" width=(format!("{:.2}", until - from)) height="8" {}
            line.bar-zero x1="50" y1="0" x2="50" y2="8" {}
            line.bar-interval x1=(at(low)) y1="4" x2=(at(high)) y2="4" {}
        }
    }
}

/// Draws what is lost without each group of the ranker's columns.
pub fn ablation_section(report: &Value) -> Markup {
    let Some(ablation) = report.get("ablation").filter(|found| found.is_object()) else {
        return html! {};
    };
    let groups: Vec<&Value> = (ablation.get("groups").and_then(Value::as_array))
        .into_iter()
        .flatten()
        .collect();
    let bounds = |group: &Value| {
        let difference = read(group, "/difference").unwrap_or(0.0);
        let low = read(group, "/interval/low").unwrap_or(difference);
        (
            difference,
            low,
            read(group, "/interval/high").unwrap_or(difference),
        )
    };
    let widest = |reach: f64, group: &&Value| {
        let (_, low, high) = bounds(group);
        reach.max(low.abs()).max(high.abs())
    };
    let reach = groups.iter().fold(0.0, widest);
    html! {
        section aria-labelledby="ablation" {
            h2 #ablation { "What the ranker needs" }
            table.ladder {
                caption {
                    "NDCG at 10 that is lost when the trees are grown without a group of columns, with its 95 % interval. The blend beside the trees still counts every source. "
                    (sampled(ablation))
                }
                thead { tr { th scope="col" { "Without" } th.number scope="col" { "Columns" } th scope="col" { "Lost" } } }
                tbody { @for group in &groups {
                    @let (difference, low, high) = bounds(group);
                    tr {
                        th scope="row" { (group.get("group").and_then(Value::as_str).unwrap_or_default()) }
                        td.number { (count(group, "columns")) }
                        td data-label="Lost" {
                            span.measure { (trimmed(difference, 4)) " " span.quiet { "(" (trimmed(low, 4)) " to " (trimmed(high, 4)) ")" } }
                            (difference_bar(difference, low, high, reach))
                        }
                    }
                } }
            }
        }
    }
}

/// Whether all listeners stand behind a number, or a sample.
fn sampled(part: &Value) -> String {
    let (asked, all) = (count(part, "listeners"), count(part, "listeners_held_out"));
    if asked < all {
        format!(
            "A sample of {} of {} listeners.",
            grouped(asked),
            grouped(all)
        )
    } else {
        format!("{} listeners.", grouped(asked))
    }
}

struct Point {
    setting: f64,
    relevance: f64,
    low: f64,
    high: f64,
    variety: f64,
    coverage: f64,
    is_efficient: bool,
}

fn points(curve: &Value) -> Vec<Point> {
    let points = curve.get("points").and_then(Value::as_array);
    let point = |value: &Value| {
        let relevance = read(value, "/ndcg_at_10")?;
        Some(Point {
            setting: read(value, "/diversity")?,
            relevance,
            low: read(value, "/interval/low").unwrap_or(relevance),
            high: read(value, "/interval/high").unwrap_or(relevance),
            variety: read(value, "/intra_list_diversity")?,
            coverage: read(value, "/coverage")?,
            is_efficient: value.get("is_efficient") == Some(&Value::Bool(true)),
        })
    };
    points.into_iter().flatten().filter_map(point).collect()
}

/// A range with some air on both sides.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let air = ((high - low) * 0.08).max(1e-6);
    (low - air, high + air)
}

/// Draws relevance against variety.
pub fn pareto_section(report: &Value) -> Markup {
    let Some(curve) = report.get("pareto").filter(|found| found.is_object()) else {
        return html! {};
    };
    let points = points(curve);
    html! {
        section aria-labelledby="pareto" {
            h2 #pareto { "What variety costs" }
            p.quiet {
                "Each point is a setting of " code { "diversity" } " in a pipeline with " code { "diversify = \"mmr\"" }
                ". A filled point is efficient: no other is better in one and no worse in the other. " (sampled(curve))
            }
            div.columns {
                @if !points.is_empty() { (scatter(&points)) }
                div.scroll tabindex="0" role="region" aria-label="Settings of the knob" {
                    table {
                        caption { "The same points as numbers" }
                        thead { tr {
                            th.number scope="col" { "Diversity" } th.number scope="col" { "NDCG at 10" }
                            th.number scope="col" { "Variety" } th.number scope="col" { "Catalogue shown" } th scope="col" { "Efficient" }
                        } }
                        tbody { @for point in &points { tr {
                            th.number scope="row" { (trimmed(point.setting, 2)) }
                            td.number { (trimmed(point.relevance, 4)) }
                            td.number { (trimmed(point.variety, 3)) }
                            td.number { (percent(point.coverage)) }
                            td { @if point.is_efficient { "yes" } @else { "no" } }
                        } } }
                    }
                }
            }
        }
    }
}

fn scatter(points: &[Point]) -> Markup {
    let across = range(points.iter().map(|point| point.variety));
    let up = range(points.iter().flat_map(|point| [point.low, point.high]));
    let x = |value: f64| format!("{:.1}", WIDTH * (value - across.0) / (across.1 - across.0));
    let y = |value: f64| format!("{:.1}", HEIGHT * (1.0 - (value - up.0) / (up.1 - up.0)));
    let spoken = |point: &Point| {
        let (setting, variety) = (trimmed(point.setting, 2), trimmed(point.variety, 3));
        format!(
            "at {setting}: NDCG {}, variety {variety}",
            trimmed(point.relevance, 4)
        )
    };
    let told = points.iter().map(spoken).collect::<Vec<_>>().join("; ");
    let path = points
        .iter()
        .map(|point| format!("{},{}", x(point.variety), y(point.relevance)));
    let path = path.collect::<Vec<_>>().join(" ");
    let label = format!("Relevance against variety: {told}");
    html! {
        figure.reliability.pareto {
            svg viewBox="-44 -14 356 228" role="img" aria-label=(label) {
                rect.reliability-ground x="0" y="0" width=(WIDTH) height=(HEIGHT) {}
                polyline.reliability-curve points=(path) {}
                @for (place, point) in points.iter().enumerate() {
                    line.pareto-interval x1=(x(point.variety)) y1=(y(point.low)) x2=(x(point.variety)) y2=(y(point.high)) {}
                    circle class=(if point.is_efficient { "pareto-efficient" } else { "pareto-other" }) cx=(x(point.variety)) cy=(y(point.relevance)) r="5" {}
                    text x=(x(point.variety)) y=(y(point.relevance)) dx="8" dy=(if place % 2 == 0 { "-7" } else { "15" }) { (trimmed(point.setting, 2)) }
                }
                text x="0" y="194" { (trimmed(across.0, 2)) }
                text x=(WIDTH) y="194" text-anchor="end" { (trimmed(across.1, 2)) }
                text x="150" y="208" text-anchor="middle" { "variety within a list" }
                text x="-4" y="8" text-anchor="end" { (trimmed(up.1, 3)) }
                text x="-4" y=(HEIGHT) text-anchor="end" { (trimmed(up.0, 3)) }
                text x="-90" y="-32" transform="rotate(-90)" text-anchor="middle" { "NDCG at 10" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bars_stand_on_their_side_of_zero_and_stay_inside() {
        let drawn =
            |difference, low, high| difference_bar(difference, low, high, 0.1).into_string();
        let gain = drawn(0.05, 0.0, 0.1);
        assert!(gain.contains(r#"x="50.00" y="0" width="25.00""#), "{gain}");
        assert!(gain.contains(r#"x1="50.00" y1="4" x2="100.00""#), "{gain}");
        let loss = drawn(-0.05, -0.9, 0.0);
        assert!(loss.contains(r#"x="25.00" y="0" width="25.00""#), "{loss}");
        assert!(loss.contains(r#"x1="0.00" y1="4""#), "{loss}");
    }

    #[test]
    fn a_curve_of_one_point_and_a_damaged_report_are_drawn() {
        let point = json!({"diversity": 0.1, "ndcg_at_10": 0.2, "intra_list_diversity": 0.3,
            "coverage": 0.4, "is_efficient": true});
        let one = json!({"pareto": {"points": [point], "listeners": 3, "listeners_held_out": 9}});
        let drawn = pareto_section(&one).into_string();
        assert!(
            drawn.contains("pareto-efficient") && !drawn.contains("NaN"),
            "{drawn}"
        );
        assert!(drawn.contains("A sample of 3 of 9 listeners."));
        for damaged in [json!({}), json!({"pareto": 7, "ablation": []})] {
            assert!(pareto_section(&damaged).into_string().is_empty());
            assert!(ablation_section(&damaged).into_string().is_empty());
        }
        let empty =
            json!({"pareto": {"points": [{"diversity": "x"}]}, "ablation": {"groups": [{}]}});
        assert!(!pareto_section(&empty).into_string().contains("<circle"));
        assert!(!ablation_section(&empty).into_string().contains("NaN"));
    }
}
