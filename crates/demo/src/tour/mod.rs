//! The tour: fill a running platform through its public API, let it learn, measure it against the
//! truth.

mod catalogue;
mod flow;
mod judge;
mod listening;
mod skips;
mod wire;

pub use flow::FlowSummary;
pub use judge::Accuracy;
pub use wire::{Answer, Call, PublicApi};

use serde::Serialize;

use crate::listeners::SkipGain;
use crate::world::{World, WorldSpec};

/// Why the tour stopped.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// The platform could not be reached.
    #[error("cannot reach the platform: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// The platform refused a call.
    #[error("{call} was answered with {status}: {detail}")]
    Refused {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// The platform answered something unexpected.
    #[error("{call} was answered with something unexpected: {reason}")]
    Unexpected {
        /// Method and path.
        call: String,
        /// What was wrong with it.
        reason: String,
    },
    /// Work of the platform failed.
    #[error("the {what} failed: {reason}")]
    Failed {
        /// Which work.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

/// Hears how far the tour is.
pub trait TourProgress: Send + Sync {
    /// A step of `total` units begins (or is known to be longer).
    fn begin(&self, step: &str, total: u64);
    /// So many units of a step are done.
    fn advance(&self, step: &str, done: u64);
    /// The step is done.
    fn end(&self, step: &str);
}

/// The quality ladder: NDCG@10 on held-out simulated plays, all tracks ranked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct LadderSummary {
    /// A random order.
    pub random: f64,
    /// Decayed popularity.
    pub popularity: f64,
    /// Item-item cosine.
    pub item_item: f64,
    /// Matrix factorisation.
    pub ials: f64,
    /// The weighted sum of all sources.
    pub blend: f64,
    /// The blend's candidates in the learned ranker's order; 0 where no order was learnt.
    pub ranker: f64,
    /// An order by the hidden tastes themselves: what no model can beat by much.
    pub oracle: f64,
}

/// What the tour found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TourSummary {
    /// Everything below is simulated.
    pub simulated: bool,
    /// Songs.
    pub songs: usize,
    /// Listeners.
    pub listeners: usize,
    /// Plays and skips.
    pub listens: usize,
    /// Measured against the truth.
    #[serde(flatten)]
    pub accuracy: Accuracy,
    /// The quality ladder.
    pub ladder: LadderSummary,
    /// What the order of playlists is worth.
    pub flow: FlowSummary,
    /// What it brings that a skip counts at once.
    pub skips: SkipGain,
    /// Median time of a recommendation in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
}

const DAY_MS: i64 = 86_400_000;

/// Walks the whole tour. `now_ms` is the present; the simulated weeks end when its day began: what is counted by day is
/// then the same at every hour, and the ladder follows from the world's seed alone.
pub async fn walk(
    api: &dyn PublicApi,
    spec: WorldSpec,
    now_ms: i64,
    progress: &dyn TourProgress,
) -> Result<TourSummary, TourError> {
    let world = World::new(spec);
    let catalogue = catalogue::fill(api, &world, progress).await?;
    let simulation = world.simulate(&catalogue.truths);
    let start_ms = now_ms - now_ms.rem_euclid(DAY_MS) - i64::from(spec.day_count) * DAY_MS;
    listening::send(api, &catalogue, &simulation, start_ms, progress).await?;
    catalogue::wait_for_analysis(api, world.songs.len() as u64, progress).await?;
    let report = listening::train(api, progress).await?;
    let accuracy = judge::accuracy(api, &catalogue, progress).await?;
    let oracle = judge::oracle(&simulation, &report, start_ms);
    let flow = flow::judge(api, &world, &catalogue, &simulation, progress).await?;
    let (p50_ms, p99_ms) = listening::latency(api, spec.listener_count, progress).await?;
    // Last: what is heard meanwhile is part of the log from then on.
    let skips = skips::measure(api, &catalogue, &simulation, now_ms, progress).await?;
    Ok(TourSummary {
        simulated: true,
        songs: world.songs.len(),
        listeners: spec.listener_count,
        listens: simulation.listens.len(),
        accuracy,
        ladder: LadderSummary {
            oracle,
            ..report.ladder
        },
        flow,
        skips,
        p50_ms,
        p99_ms,
    })
}
