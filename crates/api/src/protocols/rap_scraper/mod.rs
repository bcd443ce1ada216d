//! The routes of the rap scraper's own service, so that its clients go on against this one.
//!
//! - Source: the request and answer models of that service's version 3. Where it answers with an opinion of a
//!   language model, this one answers `null`.

mod analysis;
mod batch;
pub mod errors;

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use leitmotif_ingest::jobs::texts::{describe_lyrics, lyrics_analyzers};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::middleware::auth::ReadAccess;
use crate::middleware::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use analysis::analysis_of;

/// Where the protocol is spoken, besides below [`BATCHES`].
pub const PATHS: [&str; 8] = [
    "/analyze",
    "/batch",
    "/cache/stats",
    "/config/info",
    "/health",
    "/models/info",
    "/models/status",
    "/ready",
];
/// What the paths of batches begin with.
pub const BATCHES: &str = "/batch/";

/// Fewest and most characters of lyrics, as the service has them.
const LYRICS_CHARS: std::ops::RangeInclusive<usize> = 10..=5_000;
/// Version of this program, as its clients expect it to look.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The service has three environments; whoever serves others is in this one.
const ENVIRONMENT: &str = "production";

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/analyze", post(analyze))
        .route("/batch", post(batch::submit))
        .route("/batch/{id}/status", get(batch::status))
        .route("/models/info", get(models_info))
        .route("/models/status", get(models_status))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/config/info", get(config_info))
        .route("/cache/stats", get(cache_stats))
}

#[derive(Debug, Deserialize)]
struct AnalyzeRequest {
    lyrics: String,
    #[serde(default)]
    temperature: Option<f64>,
}

/// Measures lyrics at once. `use_cache` changes nothing, since there is no cache, nor `temperature`, since nothing
/// is drawn by chance.
async fn analyze(
    State(state): State<ApiState>,
    _access: ReadAccess,
    JsonBody(request): JsonBody<AnalyzeRequest>,
) -> Result<Json<Value>, Problem> {
    let started = Instant::now();
    check_lyrics("/lyrics", &request.lyrics)?;
    if let Some(temperature) = request.temperature
        && !(0.1..=1.0).contains(&temperature)
    {
        let detail = format!("{temperature} is not in 0.1..=1");
        return Err(Problem::invalid("/temperature", detail));
    }
    let descriptors = describe_lyrics(request.lyrics).await?;
    Ok(Json(json!({
        "success": true,
        "analysis": analysis_of(&descriptors),
        "cached": false,
        "timestamp": state.clock.now().to_string(),
        "processing_time_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })))
}

fn check_lyrics(pointer: &str, lyrics: &str) -> Result<(), Problem> {
    let count = lyrics.chars().count();
    if LYRICS_CHARS.contains(&count) {
        return Ok(());
    }
    let (least, most) = (LYRICS_CHARS.start(), LYRICS_CHARS.end());
    let detail = format!("{count} characters, must be {least}..={most}");
    Err(Problem::invalid(pointer, detail))
}

/// Says which analyzers there are; the service's models of opinion are not.
async fn models_info(State(state): State<ApiState>, _access: ReadAccess) -> Json<Value> {
    let models: Map<String, Value> = lyrics_analyzers()
        .into_iter()
        .map(|analyzer| {
            let told = json!({
                "name": format!("{} {}", analyzer.name, analyzer.version),
                "provider": "Internal",
                "capabilities": analyzer.descriptors,
                "status": "active",
            });
            (analyzer.name, told)
        })
        .collect();
    let timestamp = state.clock.now().to_string();
    Json(json!({"models": models, "version": VERSION, "timestamp": timestamp}))
}

async fn models_status(State(state): State<ApiState>, _access: ReadAccess) -> Json<Value> {
    let models: Map<String, Value> = lyrics_analyzers()
        .into_iter()
        .map(|analyzer| {
            let told = json!({
                "status": "loaded",
                "version": analyzer.version,
                "provider": "Internal",
                "latency_ms": null,
            });
            (analyzer.name, told)
        })
        .collect();
    Json(json!({
        "api_version": VERSION,
        "models_loaded": true,
        "models": models,
        "timestamp": state.clock.now().to_string(),
    }))
}

/// Says whether the server takes work; Feast's client asks the same path and reads the status alone.
async fn health(State(state): State<ApiState>) -> (StatusCode, Json<Value>) {
    let (status, word) = match state.is_ready.load(Ordering::Acquire) {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "error"),
    };
    let told = json!({
        "status": word,
        "version": VERSION,
        "environment": ENVIRONMENT,
        "timestamp": state.clock.now().to_string(),
        // The service's cache and language model have no counterpart here.
        "components": {"database": word, "redis": "unavailable", "qwen": "unavailable", "analyzers": word},
    });
    (status, Json(told))
}

async fn ready(State(state): State<ApiState>) -> (StatusCode, Json<Value>) {
    let (status, word) = match state.is_ready.load(Ordering::Acquire) {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let timestamp = state.clock.now().to_string();
    (
        status,
        Json(json!({"status": word, "timestamp": timestamp})),
    )
}

/// Says what of the service's settings has a counterpart here.
async fn config_info(_access: ReadAccess) -> Json<Value> {
    Json(json!({
        "application": {"name": "Leitmotif", "version": VERSION, "environment": ENVIRONMENT},
        "api": {
            "host": null, "port": null, "workers": null, "cors_enabled": false,
            "rate_limit_enabled": true, "rate_limit_rpm": null,
        },
        "database": {"type": "embedded", "pool_size": null},
        "redis": {"enabled": false},
        "monitoring": {"prometheus_enabled": true, "grafana_enabled": false},
    }))
}

async fn cache_stats(_access: ReadAccess) -> Json<Value> {
    Json(json!({
        "enabled": false,
        "stats": null,
        "config": null,
        "message": "there is no cache: lyrics are measured in milliseconds",
        "error": null,
    }))
}
