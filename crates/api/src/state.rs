//! What every handler can reach.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use leitmotif_domain::Clock;
use leitmotif_domain::chance::Entropy;
use leitmotif_features::Features;
use leitmotif_features::metrics::MetricRegistry;
use leitmotif_ingest::Catalogue;
use leitmotif_ingest::jobs::{Beginnings, TenantDirectory};
use leitmotif_ingest::listens::ScrobbleLog;
use leitmotif_ingest::lyrics_space::LyricsSpaces;
use leitmotif_ingest::plugins::Plugins;
use leitmotif_recommend::layouts::Layouts;
use leitmotif_recommend::map::Mapper;
use leitmotif_recommend::{Recommender, Searcher};
use leitmotif_storage::ports::{
    Accounts, BlobStore, CatalogStore, DefinitionStore, EventLog, ImportStore, JobQueue, Ledger,
    ModelRegistry, VectorStore, WebhookStore,
};
use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::middleware::auth::KeyCache;
use crate::middleware::daily::DailyRequests;
use crate::middleware::quota::Quotas;
use crate::native::replays::ReplayGate;
use crate::webhooks::Deliveries;

/// What the composition root hands over.
pub struct ApiParts {
    /// Tracks, listeners, playlists.
    pub catalog: Arc<dyn CatalogStore>,
    /// Facts.
    pub log: Arc<dyn EventLog>,
    /// Embeddings.
    pub vectors: Arc<dyn VectorStore>,
    /// Bytes.
    pub blobs: Arc<dyn BlobStore>,
    /// What imports brought besides tracks.
    pub imports: Arc<dyn ImportStore>,
    /// Pipelines.
    pub definitions: Arc<dyn DefinitionStore>,
    /// Queued work.
    pub jobs: Arc<dyn JobQueue>,
    /// Model versions.
    pub models: Arc<dyn ModelRegistry>,
    /// Usage and replays.
    pub ledger: Arc<dyn Ledger>,
    /// Tenants and keys.
    pub accounts: Arc<dyn Accounts>,
    /// Who is told of what happens.
    pub webhooks: Arc<dyn WebhookStore>,
    /// Delivers what they are told.
    pub deliveries: Arc<Deliveries>,
    /// Whether webhooks may lead to addresses inside the operator's network.
    pub webhook_private_addresses: bool,
    /// Whether new secrets of webhooks are encrypted where they are stored.
    pub webhook_secrets_encrypted: bool,
    /// Takes scrobbles in.
    pub scrobbles: Arc<ScrobbleLog>,
    /// Writes tracks with what follows from it.
    pub catalogue: Arc<Catalogue>,
    /// Analyzers of third parties.
    pub plugins: Arc<Plugins>,
    /// Hears uploads while they arrive.
    pub beginnings: Arc<Beginnings>,
    /// Answers recommendation requests.
    pub recommender: Arc<Recommender>,
    /// Computes features.
    pub features: Arc<Features>,
    /// Computes metrics by definition.
    pub metric_registry: Arc<MetricRegistry>,
    /// What came of the layouts of the home page.
    pub layouts: Arc<Layouts>,
    /// Finds tracks.
    pub search: Arc<Searcher>,
    /// What the tenants' lyrics taught.
    pub lyrics_spaces: Arc<LyricsSpaces>,
    /// Makes maps of catalogues.
    pub mapper: Arc<Mapper>,
    /// The tenants that background work serves.
    pub directory: Arc<TenantDirectory>,
    /// Wakes the job workers.
    pub wake_workers: Arc<Notify>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Signs cursors.
    pub cursor_key: [u8; 32],
    /// Quotas by key.
    pub quotas: Quotas,
    /// Requests by tenant and day.
    pub daily: Arc<DailyRequests>,
    /// Folders that may be imported over HTTP; empty for none.
    pub import_roots: Vec<PathBuf>,
    /// Activities with a taste of their own.
    pub own_tastes: Vec<String>,
    /// Whether the server takes new work; false while it starts and once it stops.
    pub is_ready: Arc<AtomicBool>,
    /// Whether what answers are made from was read into memory; false for a while after the start.
    pub is_warm: Arc<AtomicBool>,
    /// The numbers at `/metrics`.
    pub metrics: Metrics,
    /// Key records asked for lately.
    pub keys: KeyCache,
    /// Lets one replay run at a time.
    pub replays: ReplayGate,
}

/// The parts, shared.
#[derive(Clone)]
pub struct ApiState(Arc<ApiParts>);

impl ApiState {
    /// Shares the parts.
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for ApiState {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}
