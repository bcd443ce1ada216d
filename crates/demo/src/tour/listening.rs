//! Plays and skips in, a trained model and its speed out.

use std::time::Instant;

use leitmotif_domain::EventId;
use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::wire::{PublicApi, at, get, post};
use super::{LadderSummary, TourError, TourProgress};
use crate::listeners::{ListenOutcome, SimulatedListen, Simulation};

/// Events sent together.
const EVENTS_PER_CALL: usize = 1_000;
/// Recommendations timed.
const TIMED_CALLS: usize = 1_000;
/// Time between two looks at the training.
const LOOK_EVERY_MS: u64 = 100;

/// What the platform says of its training.
pub struct TrainingOutcome {
    /// The ladder as the platform measured it; the oracle is not its to know.
    pub ladder: LadderSummary,
    /// From here on plays were held out, milliseconds since 1970.
    pub split_at_ms: i64,
}

/// The name a simulated listener goes by.
pub fn listener_name(index: usize) -> String {
    format!("listener-{index:03}")
}

/// Sends the plays and skips.
pub async fn send(
    api: &dyn PublicApi,
    catalogue: &Catalogue,
    simulation: &Simulation,
    start_ms: i64,
    progress: &dyn TourProgress,
) -> Result<(), TourError> {
    let step = "send plays and skips";
    progress.begin(step, simulation.listens.len() as u64);
    let mut sent: u64 = 0;
    for part in simulation.listens.chunks(EVENTS_PER_CALL) {
        let event = |(listen, number): (&SimulatedListen, u64)| {
            let at_ms = start_ms + i64::try_from(listen.at_ms).ok()?;
            let mut event = event_of(listen, catalogue, at_ms)?;
            // Plays of one moment go by their ids, which would follow from the tenant's and differ on every run.
            let id = EventId::derive(&[b"simulated", &number.to_be_bytes()]);
            event["event_id"] = json!(id.to_string());
            Some(event)
        };
        let events: Vec<Value> = part.iter().zip(sent..).filter_map(event).collect();
        post(api, "/api/v1/events", &json!({ "events": events })).await?;
        sent += part.len() as u64;
        progress.advance(step, sent);
    }
    progress.end(step);
    Ok(())
}

/// A play as a player tells it at a time of its own; none for a song that the platform does not know.
pub fn event_of(listen: &SimulatedListen, catalogue: &Catalogue, at_ms: i64) -> Option<Value> {
    let outcome = match listen.outcome {
        ListenOutcome::Played => "completed",
        ListenOutcome::Skipped => "skipped",
    };
    Some(json!({
        "kind": "listen",
        "occurred_at": at_ms,
        "listener": listener_name(listen.listener_index),
        "track": catalogue.ids.get(listen.track_index)?,
        "outcome": outcome,
        "played_ms": listen.played_ms,
        "track_ms": listen.track_ms,
        "source": "simulated",
    }))
}

/// Trains and reads the report.
pub async fn train(
    api: &dyn PublicApi,
    progress: &dyn TourProgress,
) -> Result<TrainingOutcome, TourError> {
    let step = "train the recommender";
    let mut total = 1;
    progress.begin(step, total);
    let queued = post(api, "/api/v1/training-runs", &json!({})).await?;
    let path = format!(
        "/api/v1/jobs/{}",
        at(&queued, &["job"]).as_str().unwrap_or_default()
    );
    loop {
        let job = get(api, &path).await?;
        match at(&job, &["state"]).as_str() {
            Some("done") => break,
            Some("dead") => {
                let reason = at(&job, &["error"])
                    .as_str()
                    .unwrap_or("unknown")
                    .to_owned();
                return Err(TourError::Failed {
                    what: "training",
                    reason,
                });
            }
            _ => {
                let count = |name: &str| at(&job, &[name]).as_u64().unwrap_or(0);
                let known = count("progress_total").max(1);
                if known != total {
                    total = known;
                    progress.begin(step, total);
                }
                progress.advance(step, count("progress_done"));
                api.pause(LOOK_EVERY_MS).await;
            }
        }
    }
    progress.advance(step, total);
    progress.end(step);
    let models = get(api, "/api/v1/models?limit=1").await?;
    let model = at(&models, &["models"]).get(0).cloned().unwrap_or_default();
    let report = at(&model, &["report"]);
    let rung = |name: &str| {
        at(report, &["ladder", name, "ndcg_at_10"])
            .as_f64()
            .unwrap_or(0.0)
    };
    let split_at = at(report, &["split_at"]).clone();
    let split_at_ms = serde_json::from_value::<leitmotif_domain::Timestamp>(split_at)
        .map(leitmotif_domain::Timestamp::as_ms)
        .map_err(|error| TourError::Unexpected {
            call: "GET /api/v1/models".to_owned(),
            reason: error.to_string(),
        })?;
    let ladder = LadderSummary {
        random: rung("random"),
        popularity: rung("popularity"),
        item_item: rung("item_item"),
        ials: rung("ials"),
        blend: rung("blend"),
        ranker: rung("ranked"),
        oracle: 0.0,
    };
    Ok(TrainingOutcome {
        ladder,
        split_at_ms,
    })
}

/// Times recommendations one after the other; median and 99th percentile in milliseconds.
pub async fn latency(
    api: &dyn PublicApi,
    listener_count: usize,
    progress: &dyn TourProgress,
) -> Result<(f64, f64), TourError> {
    let step = "time recommendations";
    progress.begin(step, TIMED_CALLS as u64);
    let mut times_ms = Vec::with_capacity(TIMED_CALLS);
    for index in 0..TIMED_CALLS {
        let listener = listener_name((index * 37) % listener_count.max(1));
        let asked = json!({ "listener": listener, "count": 20, "placement": "demo" });
        let started = Instant::now();
        post(api, "/api/v1/recommendations", &asked).await?;
        times_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
        progress.advance(step, index as u64 + 1);
    }
    progress.end(step);
    times_ms.sort_by(f64::total_cmp);
    let percentile = |share: f64| {
        let place = ((times_ms.len() as f64 * share) as usize).min(times_ms.len() - 1);
        times_ms.get(place).copied().unwrap_or(0.0)
    };
    Ok((percentile(0.5), percentile(0.99)))
}
