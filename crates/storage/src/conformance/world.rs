//! A backend with two tenants in it.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::chance::{Entropy, Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::tenant::{IssuedKey, PresentedKey, Scope, SealKey, Tenant, keys};
use leitmotif_domain::track::{AudioLocation, AudioSource, Lyrics, TrackDetails};
use leitmotif_domain::{
    Clock, EventId, ListenerId, OperatorScope, TenantId, TenantScope, Timestamp, TrackId,
};

use crate::ports::{
    Accounts, BlobStore, CatalogStore, DefinitionStore, EventLog, ImportStore, JobQueue, Ledger,
    ModelRegistry, PluginStore, TrackPatch, VectorStore, WebhookStore,
};

/// A backend of every port, a clock to move, and two tenants.
pub struct World {
    /// The control plane.
    pub accounts: Arc<dyn Accounts>,
    /// The catalogue.
    pub catalog: Arc<dyn CatalogStore>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
    /// The vectors.
    pub vectors: Arc<dyn VectorStore>,
    /// The blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// The definitions.
    pub definitions: Arc<dyn DefinitionStore>,
    /// What imports brought.
    pub imports: Arc<dyn ImportStore>,
    /// The jobs.
    pub jobs: Arc<dyn JobQueue>,
    /// The models.
    pub models: Arc<dyn ModelRegistry>,
    /// Usage and replays.
    pub ledger: Arc<dyn Ledger>,
    /// The plugins.
    pub plugins: Arc<dyn PluginStore>,
    /// The webhooks.
    pub webhooks: Arc<dyn WebhookStore>,
    /// The clock the backend was made with.
    pub clock: Arc<ManualClock>,
    /// Kept until the end of the check, for example a temporary folder.
    pub guard: Box<dyn Any + Send + Sync>,
    pub(super) keys: Vec<IssuedKey>,
    entropy: SeededEntropy,
}

impl World {
    /// The clock a world starts with.
    pub fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)))
    }

    /// The entropy a backend is made with.
    pub fn entropy() -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(Seed(11)))
    }

    /// Takes every port from one backend; single ports may be replaced afterwards.
    pub fn of<S>(store: &Arc<S>, clock: Arc<ManualClock>, guard: Box<dyn Any + Send + Sync>) -> Self
    where
        S: Accounts
            + CatalogStore
            + EventLog
            + VectorStore
            + BlobStore
            + DefinitionStore
            + ImportStore
            + JobQueue
            + ModelRegistry
            + Ledger
            + PluginStore
            + WebhookStore
            + 'static,
    {
        Self {
            accounts: Arc::clone(store) as _,
            catalog: Arc::clone(store) as _,
            events: Arc::clone(store) as _,
            vectors: Arc::clone(store) as _,
            blobs: Arc::clone(store) as _,
            definitions: Arc::clone(store) as _,
            imports: Arc::clone(store) as _,
            jobs: Arc::clone(store) as _,
            models: Arc::clone(store) as _,
            ledger: Arc::clone(store) as _,
            plugins: Arc::clone(store) as _,
            webhooks: Arc::clone(store) as _,
            clock,
            guard,
            keys: Vec::new(),
            entropy: SeededEntropy::new(Seed(12)),
        }
    }

    /// Makes the two tenants and a key for each.
    pub async fn prepare(&mut self) {
        for (number, name) in [(1, "first"), (2, "second")] {
            let tenant = self.tenant(number, name);
            let created = self.accounts.create_tenant(&self.operator(), tenant).await;
            created.unwrap();
            let key = self.issue(TenantId::from_u128(number));
            self.accounts
                .put_key_of(&self.operator(), key.record.clone())
                .await
                .unwrap();
            self.keys.push(key);
        }
    }

    /// The scope of the first tenant.
    pub fn first(&self) -> TenantScope {
        self.scope_of(&self.keys[0])
    }

    /// The scope of the second tenant.
    pub fn second(&self) -> TenantScope {
        self.scope_of(&self.keys[1])
    }

    pub(super) fn scope_of(&self, key: &IssuedKey) -> TenantScope {
        let presented: PresentedKey = key.secret_text.parse().unwrap();
        presented.verify(&key.record, self.now()).unwrap().1
    }

    pub(super) fn issue(&self, tenant: TenantId) -> IssuedKey {
        let scopes = vec![Scope::Read, Scope::Write].into();
        keys::issue(tenant, scopes, "test", self.clock.as_ref(), &self.entropy)
    }

    pub(super) fn tenant(&self, number: u128, name: &str) -> Tenant {
        Tenant {
            id: TenantId::from_u128(number),
            name: name.to_owned(),
            created_at: self.now(),
        }
    }

    pub(super) fn operator(&self) -> OperatorScope {
        OperatorScope::of_platform(&SealKey::new([7; 32]), "test")
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes one track and names it.
    pub(super) async fn track(&self, scope: &TenantScope, patch: TrackPatch) -> TrackId {
        // Ids order by time: a later track has a later id.
        self.clock.advance_ms(1);
        let written = self.catalog.upsert_tracks(scope, vec![patch]).await;
        written.unwrap()[0].id
    }
}

pub(super) fn page(limit: usize, after: Option<String>) -> PageRequest {
    PageRequest::new(Some(limit), after).unwrap()
}

pub(super) fn patch(title: &str, external_ids: &[(&str, &str)]) -> TrackPatch {
    let external_ids: BTreeMap<String, String> = external_ids
        .iter()
        .map(|(namespace, value)| ((*namespace).to_owned(), (*value).to_owned()))
        .collect();
    TrackPatch {
        details: TrackDetails {
            title: title.to_owned(),
            external_ids,
            ..TrackDetails::default()
        },
        ..TrackPatch::default()
    }
}

pub(super) fn audio(content_hash: &str) -> AudioSource {
    AudioSource {
        location: AudioLocation::Blob("audio/one".to_owned()),
        content_hash: content_hash.to_owned(),
        payload_hash: None,
        size_bytes: 9,
        extension: "flac".to_owned(),
    }
}

pub(super) fn lyrics(text: &str) -> Lyrics {
    Lyrics {
        text: text.to_owned(),
        content_hash: format!("hash of {text}"),
    }
}

/// A listen with a given id.
pub fn listen(id: u128, listener: Option<ListenerId>) -> Event {
    Event {
        event_id: EventId::from_u128(id),
        occurred_at: Timestamp::from_ms(1_600_000_000_000),
        listener,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::Listen(Listen {
            played_ms: Some(1_000),
            track_ms: Some(2_000),
            source: Some("rädio".to_owned()),
            ..Listen::of(TrackId::from_u128(id), ListenOutcome::Partial)
        }),
    }
}
