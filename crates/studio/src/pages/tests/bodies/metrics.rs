//! Metrics by definition.

use std::collections::BTreeMap;

use leitmotif_api::native::metrics::definitions::{MetricAnswer, MetricSummary};
use leitmotif_api::native::metrics::values::{GroupAnswer, ValueAnswer, ValuesAnswer};
use maud::Markup;

use super::super::super::metrics::{self, Shown};
use super::{AT, text};

fn value(value: Option<f64>) -> ValueAnswer {
    ValueAnswer {
        value,
        low: value.map(|value| value - 0.1),
        high: value.map(|value| value + 0.1),
        listeners: 9,
        observations: 99,
        numerator: 1.0,
        denominator: 2.0,
    }
}

fn values(better: &'static str, total: ValueAnswer) -> ValuesAnswer {
    let group = |day: &str, found| GroupAnswer {
        key: BTreeMap::from([("day", Some(day.to_owned())), ("placement", Some(text()))]),
        value: value(found),
    };
    ValuesAnswer {
        metric: MetricSummary {
            name: text(),
            description: text(),
            observation: "exposed_track",
            better,
            unit: text(),
            window_s: Some(86_400),
            breakdowns: vec!["day", "placement"],
            version: Some(1),
        },
        log_offset: 9,
        listener_share: 0.5,
        zone: text(),
        from: Some(AT),
        to: None,
        total,
        groups: vec![
            group("2026-11-28", Some(0.3)),
            group("2026-11-29", None),
            group("2026-11-30", Some(0.2)),
        ],
    }
}

/// A metric with its last weeks and those before.
pub(in crate::pages) fn a_metric(
    better: &'static str,
    now: ValueAnswer,
    before: ValueAnswer,
) -> Shown {
    Shown {
        now: values(better, now),
        before,
    }
}

pub(super) fn some_metrics() -> [Markup; 2] {
    let told = || a_metric("lower", value(Some(0.5)), value(None));
    let metric = MetricAnswer {
        summary: values("lower", value(None)).metric,
        text: text(),
    };
    let nothing = a_metric("higher", value(None), value(Some(0.1)));
    let groups = values("lower", value(Some(0.5)));
    [
        metrics::metrics_body(&[told(), nothing]),
        metrics::metric_body(&metric, &told(), &groups),
    ]
}
