//! The services over the stores, and who does which jobs.

use std::path::PathBuf;
use std::sync::Arc;

use leitmotif_domain::Clock;
use leitmotif_domain::chance::Entropy;
use leitmotif_features::Features;
use leitmotif_features::metrics::MetricRegistry;
use leitmotif_ingest::Catalogue;
use leitmotif_ingest::duplicates::DuplicatesRunner;
use leitmotif_ingest::jobs::{
    AnalyzeRunner, AudioProcess, JobRunner, ScanRunner, TenantDirectory, TextsRunner, Workers,
};
use leitmotif_ingest::listens::ScrobbleLog;
use leitmotif_ingest::lyrics_encoder::LyricsEncoder;
use leitmotif_ingest::lyrics_space::LyricsSpaces;
use leitmotif_ingest::plugins::{PluginProcess, Plugins, SpreadPluginsRunner};
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::map::Mapper;
use leitmotif_recommend::service::Stores;
use leitmotif_recommend::{Recommender, Searcher};
use leitmotif_storage::embedded::EmbeddedStorage;
use tokio::sync::{Notify, Semaphore};

use crate::role::Role;
use crate::trainer::{
    BatchRunner, EncodeLyricsRunner, FormerSpaces, HeadsBehind, LearnLyricsRunner, ReplayRunner,
    TrainHeadsRunner, TrainRunner,
};

/// What works on the stores.
pub struct Services {
    /// What players report.
    pub scrobbles: Arc<ScrobbleLog>,
    /// Tracks and what is known of them.
    pub catalogue: Arc<Catalogue>,
    /// Answers and models.
    pub recommender: Arc<Recommender>,
    /// Features by definition.
    pub features: Arc<Features>,
    /// Metrics by definition.
    pub metric_registry: Arc<MetricRegistry>,
    /// Search.
    pub search: Arc<Searcher>,
    /// Maps of the catalogue.
    pub mapper: Arc<Mapper>,
    /// Spaces of lyrics.
    pub lyrics_spaces: Arc<LyricsSpaces>,
    /// Analyzers of third parties.
    pub plugins: Arc<Plugins>,
    /// Wakes the workers.
    pub wake: Arc<Notify>,
}

impl Services {
    /// Builds them over a storage.
    pub fn new(
        storage: &Arc<EmbeddedStorage>,
        exposures: ExposureWriter,
        encoder: Option<Arc<dyn LyricsEncoder>>,
        program: PathBuf,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        let features = Arc::new(Features::new(
            storage.clone(),
            storage.clone(),
            Arc::clone(clock),
        ));
        let stores = Stores {
            catalog: storage.clone(),
            log: storage.clone(),
            vectors: storage.clone(),
            blobs: storage.clone(),
            models: storage.clone(),
            definitions: storage.clone(),
            features: Arc::clone(&features),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        };
        let catalogue = Arc::new(Catalogue::over(storage, clock));
        let recommender = Arc::new(Recommender::new(stores, exposures));
        let search = Arc::new(Searcher::new(Arc::clone(&recommender)));
        Self {
            scrobbles: Arc::clone(&catalogue.scrobbles),
            lyrics_spaces: Arc::new(LyricsSpaces::new(Arc::clone(&catalogue), encoder)),
            plugins: Arc::new(Plugins {
                catalogue: Arc::clone(&catalogue),
                host: Arc::new(PluginProcess { program }),
            }),
            catalogue,
            recommender,
            mapper: Arc::new(Mapper::new(Arc::clone(&search))),
            search,
            features,
            metric_registry: Arc::new(MetricRegistry::new(storage.clone(), storage.clone())),
            wake: Arc::new(Notify::new()),
        }
    }

    /// What the process does with jobs, by its role.
    pub fn runners(
        &self,
        role: Role,
        storage: &Arc<EmbeddedStorage>,
        decoder: &Arc<dyn AudioProcess>,
        count: usize,
    ) -> Vec<Arc<dyn JobRunner>> {
        let mut runners = Vec::new();
        if role.trains() {
            runners.extend(self.trainers(storage));
        }
        if role.works() {
            runners.extend(self.analysers(storage, decoder, count));
        }
        runners
    }

    fn trainers(&self, storage: &Arc<EmbeddedStorage>) -> [Arc<dyn JobRunner>; 4] {
        let former = FormerSpaces {
            spaces: Arc::clone(&self.lyrics_spaces),
            mapper: Arc::clone(&self.mapper),
        };
        let heads = HeadsBehind {
            recommender: Arc::clone(&self.recommender),
            jobs: storage.clone(),
        };
        [
            Arc::new(TrainRunner {
                recommender: Arc::clone(&self.recommender),
            }),
            Arc::new(TrainHeadsRunner {
                recommender: Arc::clone(&self.recommender),
                former: former.clone(),
            }),
            Arc::new(LearnLyricsRunner {
                heads: heads.clone(),
                former: former.clone(),
            }),
            Arc::new(EncodeLyricsRunner { heads, former }),
        ]
    }

    fn analysers(
        &self,
        storage: &Arc<EmbeddedStorage>,
        decoder: &Arc<dyn AudioProcess>,
        count: usize,
    ) -> [Arc<dyn JobRunner>; 7] {
        [
            Arc::new(BatchRunner {
                recommender: Arc::clone(&self.recommender),
            }),
            Arc::new(ReplayRunner {
                search: Arc::clone(&self.search),
            }),
            Arc::new(ScanRunner {
                catalogue: Arc::clone(&self.catalogue),
            }),
            Arc::new(TextsRunner {
                catalogue: Arc::clone(&self.catalogue),
            }),
            Arc::new(SpreadPluginsRunner {
                catalogue: Arc::clone(&self.catalogue),
            }),
            Arc::new(DuplicatesRunner {
                catalogue: Arc::clone(&self.catalogue),
            }),
            Arc::new(AnalyzeRunner {
                catalogue: Arc::clone(&self.catalogue),
                process: Arc::clone(decoder),
                ledger: storage.clone(),
                lyrics_spaces: Arc::clone(&self.lyrics_spaces),
                computing: Semaphore::new(count),
                plugins: Arc::clone(&self.plugins),
            }),
        ]
    }

    /// Who takes jobs from the queue.
    pub fn workers(
        &self,
        runners: Vec<Arc<dyn JobRunner>>,
        storage: &Arc<EmbeddedStorage>,
        directory: &Arc<TenantDirectory>,
        entropy: &Arc<dyn Entropy>,
    ) -> Workers {
        Workers {
            queue: storage.clone(),
            log: storage.clone(),
            directory: Arc::clone(directory),
            runners,
            wake: Arc::clone(&self.wake),
            entropy: Arc::clone(entropy),
        }
    }
}
