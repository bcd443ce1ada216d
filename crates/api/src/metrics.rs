//! Every metric of the platform, declared in one place. Labels are bounded: routes as templates,
//! never ids.

use std::fmt::Write;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the latency buckets in seconds: fine around the 10 ms a recommendation may take.
const LATENCY_BUCKETS_S: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Upper bounds of the buckets of one stage in seconds: stages take microseconds, their budgets are
/// 10 and 40 ms.
const STAGE_BUCKETS_S: [f64; 10] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.04, 0.1,
];

/// Which request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// HTTP method.
    pub method: String,
    /// Route template, `unmatched` for none.
    pub route: String,
    /// HTTP status.
    pub status: u16,
}

/// Which route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// Route template.
    pub route: String,
}

/// Which rung.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RungLabels {
    /// How personal the answer was.
    pub rung: &'static str,
}

/// Which part of an answer is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DegradedLabels {
    /// The source or stage.
    pub part: &'static str,
    /// `late` or `failed`.
    pub cause: &'static str,
}

/// Which stage of a recommendation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StageLabels {
    /// Its name.
    pub stage: &'static str,
}

/// What became of an attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DeliveryLabels {
    /// `taken`, `failed`, or `given_up` beside the last `failed`.
    pub outcome: &'static str,
}

/// The numbers at `/metrics`.
pub struct Metrics {
    registry: Registry,
    /// Answered requests.
    pub requests: Family<RequestLabels, Counter>,
    /// How long they took.
    pub latency: Family<RouteLabels, Histogram>,
    /// Requests being answered.
    pub in_flight: Gauge,
    /// Events written.
    pub events_appended: Counter,
    /// Events that were there already.
    pub events_duplicate: Counter,
    /// Recommendations by rung.
    pub recommendations: Family<RungLabels, Counter>,
    /// Parts that failed or came too late.
    pub degraded: Family<DegradedLabels, Counter>,
    /// How long the stages of recommendations took.
    pub stages: Family<StageLabels, Histogram>,
    /// Attempts to deliver messages to webhooks.
    pub deliveries: Family<DeliveryLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("leitmotif");
        let requests = Family::default();
        registry.register("http_requests", "Answered HTTP requests", requests.clone());
        let latency: Family<RouteLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS_S));
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            latency.clone(),
        );
        let in_flight = Gauge::default();
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            in_flight.clone(),
        );
        let events_appended = Counter::default();
        registry.register(
            "events_appended",
            "Events written to the log",
            events_appended.clone(),
        );
        let events_duplicate = Counter::default();
        registry.register(
            "events_duplicate",
            "Events sent again that the log had already",
            events_duplicate.clone(),
        );
        let recommendations = Family::default();
        registry.register(
            "recommendations",
            "Answered recommendation requests by rung",
            recommendations.clone(),
        );
        let degraded = Family::default();
        registry.register(
            "recommendations_degraded",
            "Parts of recommendations that failed or came too late",
            degraded.clone(),
        );
        let stages: Family<StageLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(STAGE_BUCKETS_S));
        registry.register(
            "recommendation_stage_duration_seconds",
            "Time a stage of a recommendation took",
            stages.clone(),
        );
        let deliveries = Family::default();
        registry.register(
            "webhook_deliveries",
            "Attempts to deliver messages to webhooks by outcome",
            deliveries.clone(),
        );
        Self {
            registry,
            requests,
            latency,
            in_flight,
            events_appended,
            events_duplicate,
            recommendations,
            degraded,
            stages,
            deliveries,
        }
    }
}

/// Media type of the default form.
pub const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Media type of OpenMetrics.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Writes OpenMetrics 1.0.
    pub fn to_open_metrics(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Writes the Prometheus text format 0.0.4, in which a counter's family carries `_total`.
    pub fn to_plain_text(&self) -> String {
        let open = self.to_open_metrics();
        let counters: Vec<&str> = open
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
            .collect();
        let mut text = String::with_capacity(open.len());
        for line in open
            .lines()
            .filter(|line| *line != "# EOF" && !line.starts_with("# UNIT"))
        {
            let renamed = ["# HELP ", "# TYPE "].iter().find_map(|mark| {
                let (name, rest) = line.strip_prefix(mark)?.split_once(' ')?;
                counters
                    .contains(&name)
                    .then(|| format!("{mark}{name}_total {rest}"))
            });
            let _ = writeln!(text, "{}", renamed.as_deref().unwrap_or(line));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_counters_as_their_readers_expect() {
        let metrics = Metrics::default();
        metrics.events_appended.inc();
        let open = metrics.to_open_metrics();
        assert!(open.contains("# TYPE leitmotif_events_appended counter"));
        assert!(open.contains("leitmotif_events_appended_total 1"));
        assert!(open.ends_with("# EOF\n"));
        let plain = metrics.to_plain_text();
        assert!(plain.contains("# TYPE leitmotif_events_appended_total counter"));
        assert!(plain.contains("# HELP leitmotif_events_appended_total "));
        assert!(!plain.contains("# EOF"));
    }
}
