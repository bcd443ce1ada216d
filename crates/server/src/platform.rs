//! The composition root: the only module that names a backend.

#[cfg(test)]
mod near;
#[cfg(test)]
mod resting;
#[cfg(test)]
mod served;
mod services;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use axum::Router;
use leitmotif_api::metrics::Metrics;
use leitmotif_api::middleware::daily::DailyRequests;
use leitmotif_api::middleware::quota::Quotas;
use leitmotif_api::native::home::LAYOUTS;
use leitmotif_api::webhooks::Deliveries;
use leitmotif_api::{ApiParts, ApiState};
use leitmotif_domain::chance::Entropy;
use leitmotif_domain::clock::SystemClock;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::tenant::keys::issue;
use leitmotif_domain::tenant::{PresentedKey, Scope, SealKey, Tenant};
use leitmotif_domain::{Clock, OperatorScope, TenantId};
use leitmotif_features::Features;
use leitmotif_ingest::jobs::{AudioProcess, Beginnings, DecoderProcess, TenantDirectory, Workers};
use leitmotif_recommend::Recommender;
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::layouts::Layouts;
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::{Accounts, Ledger, WebhookStore};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A data folder as it lies there, for `leitmotif doctor`.
pub use leitmotif_storage::embedded::inspect;

use self::services::Services;
use crate::entropy::SystemEntropy;
use crate::lyrics_encoder;
use crate::role::Role;
use crate::sealed_webhooks::SealedWebhooks;
use crate::settings::Settings;
use crate::telling::Telling;
use crate::trust;

/// The file with the local operator's key, readable by the folder's owner alone.
const KEY_FILE: &str = "local.key";
/// The file with the key that seals scopes and signs cursors.
const SEAL_FILE: &str = "seal.key";

/// A built platform with its background work running.
pub struct Platform {
    /// The whole HTTP surface.
    pub router: Router,
    /// The key of the local operator.
    pub local_key: String,
    /// Flips `/readyz`.
    pub is_ready: Arc<AtomicBool>,
    storage: Arc<EmbeddedStorage>,
    recommender: Arc<Recommender>,
    features: Arc<Features>,
    daily: Arc<DailyRequests>,
    directory: Arc<TenantDirectory>,
    stop: watch::Sender<bool>,
    workers: JoinHandle<()>,
    tellers: Vec<JoinHandle<()>>,
    warming: JoinHandle<()>,
    exposures: JoinHandle<()>,
}

impl Platform {
    /// Opens the data folder and starts the workers. `tenant` names the first tenant of a new
    /// folder; `holder` is what a second process on the folder is told.
    pub async fn start(settings: &Settings, tenant: &str, holder: &str) -> anyhow::Result<Self> {
        Self::start_by(settings, tenant, holder, Arc::new(SystemClock)).await
    }

    /// The same by a clock.
    async fn start_by(
        settings: &Settings,
        tenant: &str,
        holder: &str,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let encoder = lyrics_encoder::of(settings.lyrics_encoder.as_deref()).await?;
        let opened = Opened::of(settings, tenant, holder, &clock, &entropy).await?;
        let (storage, directory) = (opened.storage, opened.directory);
        let (exposure_writer, exposures) = ExposureWriter::start(storage.clone());
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let own = program.clone();
        let services = Services::new(&storage, exposure_writer, encoder, own, &clock, &entropy);
        let decoder: Arc<dyn AudioProcess> = Arc::new(DecoderProcess::new(program));
        let count = settings.worker_count();
        let runners = services.runners(settings.role, &storage, &decoder, count);
        let workers = services.workers(runners, &storage, &directory, &entropy);
        free_claims(&storage, &workers, &directory).await?;
        let (stop, stopped) = watch::channel(false);
        let workers = tokio::spawn(Arc::new(workers).run(count, stopped));
        let is_ready = Arc::new(AtomicBool::new(false));
        let (warming, is_warm) = warm(settings.role, &services.recommender, &directory);
        let daily = daily_of(settings, &storage);
        let metrics = Metrics::default();
        let webhooks = sealed_webhooks(settings, &storage, &entropy)?;
        let telling = Telling {
            webhooks: Arc::clone(&webhooks),
            tls: trust::connector(settings.webhook_roots.as_deref())?,
            log: storage.clone(),
            directory: &directory,
            recommender: &services.recommender,
            daily: &daily,
            clock: &clock,
            entropy: &entropy,
        };
        let (deliveries, tellers) = telling.start(settings, &metrics, &stop);
        let running = Running {
            decoder,
            deliveries,
            webhooks,
            directory: Arc::clone(&directory),
            daily: Arc::clone(&daily),
            clock,
            entropy,
            cursor_key: derive(&opened.secret, "cursor"),
            is_ready: Arc::clone(&is_ready),
            is_warm,
            metrics,
        };
        let state = running.state(settings, &storage, &services);
        let router = router_of(settings.role, state);
        is_ready.store(true, Ordering::Release);
        Ok(Self {
            router,
            local_key: opened.local_key,
            is_ready,
            storage,
            recommender: services.recommender,
            features: services.features,
            daily,
            directory,
            stop,
            workers,
            tellers,
            warming,
            exposures,
        })
    }

    /// Finishes what is in work and writes down what is only in memory.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.is_ready.store(false, Ordering::Release);
        self.stop.send_replace(true);
        self.warming.abort();
        self.workers.await?;
        for teller in self.tellers {
            teller.await?;
        }
        self.recommender
            .checkpoint_all(&self.directory.scopes())
            .await?;
        self.features
            .checkpoint_all(&self.directory.scopes())
            .await?;
        self.daily.flush(&self.directory.scopes()).await?;
        drop((self.router, self.recommender));
        self.exposures.await?;
        self.storage.flush()?;
        Ok(())
    }

    /// Reads the local operator's key of a data folder, for talking to the server that holds it.
    pub fn local_key(data: &Path) -> Option<String> {
        let text = fs::read_to_string(data.join(KEY_FILE)).ok()?;
        Some(text.trim().to_owned())
    }

    /// Reads who holds a data folder.
    pub fn holder(data: &Path) -> Option<String> {
        EmbeddedStorage::holder(data)
    }

    /// Says what is wrong with the keys of a data folder.
    pub fn check_keys(data: &Path) -> anyhow::Result<()> {
        let path = data.join(SEAL_FILE);
        let seal = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        anyhow::ensure!(seal.len() == 32, "`{}` is damaged", path.display());
        let path = data.join(KEY_FILE);
        fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(())
    }
}

/// A data folder that is opened, with whom it holds.
struct Opened {
    storage: Arc<EmbeddedStorage>,
    secret: Vec<u8>,
    local_key: String,
    directory: Arc<TenantDirectory>,
}

impl Opened {
    async fn of(
        settings: &Settings,
        tenant: &str,
        holder: &str,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> anyhow::Result<Self> {
        let storage = open_storage(&settings.data, clock, entropy, holder)?;
        let secret = seal_secret(&settings.data, entropy.as_ref())?;
        let seal = SealKey::new(derive(&secret, "seal"));
        let local_key = bootstrap(
            &settings.data,
            &storage,
            &seal,
            tenant,
            &**clock,
            &**entropy,
        )
        .await?;
        let directory = Arc::new(TenantDirectory::new(seal, storage.clone()));
        directory.refresh().await?;
        Ok(Self {
            storage,
            secret,
            local_key,
            directory,
        })
    }
}

fn sealed_webhooks(
    settings: &Settings,
    storage: &Arc<EmbeddedStorage>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Arc<dyn WebhookStore>> {
    let key = settings.webhook_secrets_key()?;
    Ok(Arc::new(SealedWebhooks::new(
        storage.clone(),
        key,
        Arc::clone(entropy),
    )))
}

fn daily_of(settings: &Settings, storage: &Arc<EmbeddedStorage>) -> Arc<DailyRequests> {
    let per_day = settings.requests_per_day;
    Arc::new(DailyRequests::new(per_day, storage.clone()))
}

/// What a process in a role answers.
fn router_of(role: Role, state: ApiState) -> Router {
    if role.answers() {
        leitmotif_api::router(state, leitmotif_studio::pages())
    } else {
        leitmotif_api::probes(state)
    }
}

/// Reads the tenants that have a model into memory where anything is answered, one after the other, and says when that is done; one
/// that does not read is told when it is asked for.
fn warm(
    role: Role,
    recommender: &Arc<Recommender>,
    directory: &TenantDirectory,
) -> (JoinHandle<()>, Arc<AtomicBool>) {
    let (recommender, is_warm) = (Arc::clone(recommender), Arc::new(AtomicBool::new(false)));
    let told = ToldAtTheEnd(Arc::clone(&is_warm));
    let scopes = if role.answers() {
        directory.scopes()
    } else {
        Vec::new()
    };
    let warming = tokio::spawn(async move {
        for scope in scopes {
            if let Err(error) = recommender.warm(&scope).await {
                tracing::warn!(tenant = %scope.tenant(), %error, "a view is not read ahead");
            }
        }
        drop(told);
    });
    (warming, is_warm)
}

/// Sets a flag when it goes, so that a panic in the work before does not leave a server unready for ever.
struct ToldAtTheEnd(Arc<AtomicBool>);

impl Drop for ToldAtTheEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Frees what a process that died held: leased jobs and claimed idempotency keys.
async fn free_claims(
    storage: &EmbeddedStorage,
    workers: &Workers,
    directory: &TenantDirectory,
) -> anyhow::Result<()> {
    workers.release_lost().await?;
    for scope in directory.scopes() {
        storage.replay_abandon_all(&scope).await?;
    }
    Ok(())
}

/// What runs and is known besides the stores and the services.
struct Running {
    decoder: Arc<dyn AudioProcess>,
    deliveries: Arc<Deliveries>,
    webhooks: Arc<dyn WebhookStore>,
    directory: Arc<TenantDirectory>,
    daily: Arc<DailyRequests>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    cursor_key: [u8; 32],
    is_ready: Arc<AtomicBool>,
    is_warm: Arc<AtomicBool>,
    metrics: Metrics,
}

impl Running {
    /// Everything a handler can reach.
    fn state(
        self,
        settings: &Settings,
        storage: &Arc<EmbeddedStorage>,
        services: &Services,
    ) -> ApiState {
        ApiState::new(ApiParts {
            catalog: storage.clone(),
            log: storage.clone(),
            vectors: storage.clone(),
            blobs: storage.clone(),
            imports: storage.clone(),
            definitions: storage.clone(),
            jobs: storage.clone(),
            models: storage.clone(),
            ledger: storage.clone(),
            accounts: storage.clone(),
            webhooks: self.webhooks,
            deliveries: self.deliveries,
            webhook_private_addresses: settings.webhook_private_addresses,
            webhook_secrets_encrypted: settings.webhook_secrets_key.is_some(),
            scrobbles: Arc::clone(&services.scrobbles),
            catalogue: Arc::clone(&services.catalogue),
            plugins: Arc::clone(&services.plugins),
            beginnings: Arc::new(Beginnings::new(self.decoder)),
            lyrics_spaces: Arc::clone(&services.lyrics_spaces),
            mapper: Arc::clone(&services.mapper),
            search: Arc::clone(&services.search),
            recommender: Arc::clone(&services.recommender),
            features: Arc::clone(&services.features),
            layouts: Arc::new(Layouts::new(
                &LAYOUTS,
                Arc::clone(&services.metric_registry),
                Arc::clone(&self.clock),
            )),
            metric_registry: Arc::clone(&services.metric_registry),
            directory: self.directory,
            wake_workers: Arc::clone(&services.wake),
            clock: self.clock,
            entropy: self.entropy,
            cursor_key: self.cursor_key,
            quotas: Quotas::new(settings.requests_per_second, settings.request_burst),
            daily: self.daily,
            import_roots: settings.import_roots.clone(),
            own_tastes: settings.own_tastes.clone(),
            is_ready: self.is_ready,
            is_warm: self.is_warm,
            metrics: self.metrics,
            keys: Default::default(),
            replays: Default::default(),
        })
    }
}

/// Reads the local operator's key, or issues one: for a new folder together with its first tenant,
/// for an old one whose key was revoked, lost or has expired.
async fn bootstrap(
    data: &Path,
    storage: &EmbeddedStorage,
    seal: &SealKey,
    name: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<String> {
    if let Some(key) = Platform::local_key(data)
        && opens(storage, &key, clock).await?
    {
        return Ok(key);
    }
    let operator = OperatorScope::of_platform(seal, "issue the local operator's key");
    let oldest = storage
        .list_tenants(&operator, &PageRequest::new(Some(1), None)?)
        .await?;
    let tenant = match oldest.items.first() {
        Some(tenant) => tenant.id,
        None => {
            let id = TenantId::generate(clock, entropy);
            let tenant = Tenant {
                id,
                name: name.to_owned(),
                created_at: clock.now(),
            };
            storage.create_tenant(&operator, tenant).await?;
            id
        }
    };
    let issued = issue(
        tenant,
        Scope::ALL.to_vec().into(),
        "local operator",
        clock,
        entropy,
    );
    storage.put_key_of(&operator, issued.record).await?;
    write_private(&data.join(KEY_FILE), issued.secret_text.as_bytes())?;
    Ok(issued.secret_text)
}

async fn opens(storage: &EmbeddedStorage, key: &str, clock: &dyn Clock) -> anyhow::Result<bool> {
    let Ok(presented) = key.parse::<PresentedKey>() else {
        return Ok(false);
    };
    let record = storage.find_key(presented.prefix()).await?;
    Ok(record.is_some_and(|record| presented.verify(&record, clock.now()).is_some()))
}

/// Opens the data folder; `holder` is what a second process on it is told.
fn open_storage(
    data: &Path,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    holder: &str,
) -> anyhow::Result<Arc<EmbeddedStorage>> {
    let opened = EmbeddedStorage::open(data, clock.clone(), entropy.clone(), holder);
    let cannot = || format!("cannot open the data folder `{}`", data.display());
    Ok(Arc::new(opened.with_context(cannot)?))
}

fn seal_secret(data: &Path, entropy: &dyn Entropy) -> anyhow::Result<Vec<u8>> {
    let path = data.join(SEAL_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            anyhow::ensure!(
                bytes.len() == 32,
                "`{}` is damaged: restore it",
                path.display()
            );
            Ok(bytes)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = vec![0; 32];
            entropy.fill(&mut bytes);
            write_private(&path, &bytes)?;
            Ok(bytes)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside: PathBuf = path.with_extension("writing");
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}

fn derive(secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(secret);
    hasher.update(purpose.as_bytes());
    hasher.finalize().into()
}
