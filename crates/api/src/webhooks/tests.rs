//! Deliveries and notices over a store in memory, with receivers that are scripted.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{
    AnalysisCompleted, EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome,
};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::webhook::{DeadLetter, NoticeKind, Webhook, WebhookSecret};
use leitmotif_domain::{
    Clock, EventId, ListenerId, OperatorScope, TenantId, TenantScope, Timestamp, TrackId,
    WebhookId, limits,
};
use leitmotif_features::Features;
use leitmotif_ingest::jobs::TenantDirectory;
use leitmotif_recommend::Recommender;
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::service::Stores;
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{Accounts, CatalogStore, EventLog, TrackPatch, WebhookStore};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::digest::Digest;
use super::drift::Drift;
use super::{Courier, Deliveries, DeliveryParts, Notices, Outgoing};
use crate::middleware::daily::DailyRequests;

/// A receiver per path: answers what it is told to, 200 when nothing is left, never under `/hang`, and under `/slow` when it
/// is let.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<u16, String>>>,
    taken: Mutex<Vec<Outgoing>>,
    arrived: Notify,
    answers_slowly: Notify,
}

impl Script {
    fn answer(&self, answers: &[u16]) {
        self.answers
            .lock()
            .extend(answers.iter().map(|one| Ok(*one)));
    }

    /// The ids of what was sent, and forgets it.
    fn sent(&self) -> Vec<String> {
        let id = |message: &Outgoing| header(message, "webhook-id").to_owned();
        self.taken.lock().drain(..).map(|one| id(&one)).collect()
    }
}

fn header<'m>(message: &'m Outgoing, name: &str) -> &'m str {
    let found = message.headers.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value)
}

#[async_trait]
impl Courier for Script {
    async fn post(&self, message: Outgoing) -> Result<u16, String> {
        if message.url.path() == "/hang" {
            std::future::pending::<()>().await;
        }
        if message.url.path() == "/slow" {
            self.arrived.notify_one();
            self.answers_slowly.notified().await;
        }
        self.taken.lock().push(message);
        self.answers.lock().pop_front().unwrap_or(Ok(200))
    }
}

struct World {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    directory: Arc<TenantDirectory>,
    scope: TenantScope,
    script: Arc<Script>,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(1_700_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage = Arc::new(MemoryStorage::new(clock.clone(), entropy));
        let seal = SealKey::new([1; 32]);
        let tenant = Tenant {
            id: TenantId::from_u128(1),
            name: "t".to_owned(),
            created_at: clock.now(),
        };
        let operator = OperatorScope::of_platform(&seal, "test");
        let created = storage.create_tenant(&operator, tenant.clone()).await;
        created.unwrap();
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let directory = Arc::new(TenantDirectory::new(seal, storage.clone()));
        directory.refresh().await.unwrap();
        Self {
            storage,
            clock,
            directory,
            scope,
            script: Arc::default(),
        }
    }

    fn deliveries(&self) -> Arc<Deliveries> {
        Arc::new(Deliveries::new(DeliveryParts {
            webhooks: self.storage.clone(),
            log: self.storage.clone(),
            courier: self.script.clone(),
            directory: self.directory.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(Seed(2))),
            outcomes: Default::default(),
        }))
    }

    fn recommender(&self) -> Recommender {
        let stores = Stores {
            catalog: self.storage.clone(),
            log: self.storage.clone(),
            vectors: self.storage.clone(),
            blobs: self.storage.clone(),
            models: self.storage.clone(),
            definitions: self.storage.clone(),
            features: Arc::new(Features::new(
                self.storage.clone(),
                self.storage.clone(),
                self.clock.clone(),
            )),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(Seed(3))),
        };
        let (exposures, _writer) = ExposureWriter::start(self.storage.clone());
        Recommender::new(stores, exposures)
    }

    async fn webhook(&self, id: u128, path: &str, kinds: &[NoticeKind]) -> Webhook {
        let webhook = Webhook {
            id: WebhookId::from_u128(id),
            url: format!("http://example.org{path}"),
            kinds: kinds.to_vec(),
            secret: WebhookSecret::from_bytes(vec![7; 24]),
            created_at: self.clock.now(),
            after_offset: self.storage.head(&self.scope).await.unwrap(),
            pause: None,
        };
        let added = self.storage.add_webhook(&self.scope, webhook.clone()).await;
        added.unwrap();
        webhook
    }

    async fn append(&self, id: u128, listener: Option<ListenerId>, payload: EventPayload) {
        let event = Event {
            event_id: EventId::from_u128(id),
            occurred_at: self.clock.now(),
            listener,
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        };
        let appended = self.storage.append(&self.scope, vec![event]).await;
        appended.unwrap();
    }

    async fn analysed(&self, id: u128) {
        let done = AnalysisCompleted {
            track: TrackId::from_u128(id),
            analyzers: Vec::new(),
        };
        let payload = EventPayload::AnalysisCompleted(done);
        self.append(id, None, payload).await;
    }

    async fn letters(&self, webhook: &Webhook) -> Vec<DeadLetter> {
        let page = PageRequest::largest();
        let read = self
            .storage
            .list_dead_letters(&self.scope, webhook.id, &page);
        read.await.unwrap().items
    }

    /// The notices of a kind in the log.
    async fn notices(&self, kind: NoticeKind) -> Vec<serde_json::Value> {
        let events = self.storage.read(&self.scope, 0, 10_000).await.unwrap();
        let of_kind = events
            .iter()
            .filter(|one| NoticeKind::of_event(one) == Some(kind));
        of_kind
            .map(|one| serde_json::to_value(&one.event.payload).unwrap()["payload"].clone())
            .collect()
    }
}

fn id(number: u128) -> String {
    EventId::from_u128(number).to_string()
}

#[tokio::test]
async fn messages_come_in_order_and_a_failed_one_keeps_the_next_waiting() {
    let world = World::new().await;
    world.analysed(1).await;
    let webhook = world
        .webhook(1, "/", &[NoticeKind::AnalysisCompleted])
        .await;
    let deliveries = world.deliveries();
    for number in 2..=4 {
        let listen = Listen::of(TrackId::from_u128(1), ListenOutcome::Completed);
        let play = EventPayload::Listen(listen);
        world.append(100 + number, None, play).await;
        world.analysed(number).await;
    }
    world.script.answer(&[200, 500]);
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    assert_eq!(world.script.sent(), [id(2), id(3)]);
    let (_, state) = deliveries.state_of(&world.scope, &webhook).await.unwrap();
    let waiting = state.waiting.unwrap();
    assert_eq!((state.delivered, waiting.attempts), (1, 1));
    assert_eq!(waiting.error, "the receiver answered 500");
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    assert_eq!(world.script.sent(), [""; 0], "it is not yet time");
    world.clock.advance_ms(10_000);
    // A process that died meanwhile goes on where the stored position is.
    let deliveries = world.deliveries();
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    assert_eq!(world.script.sent(), [id(3), id(4)]);
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    let (offset, state) = deliveries.state_of(&world.scope, &webhook).await.unwrap();
    assert_eq!((offset, state.delivered, state.waiting), (7, 3, None));
    assert_eq!(world.script.sent(), [""; 0]);
}

#[tokio::test]
async fn a_message_is_given_up_and_a_receiver_that_keeps_failing_is_paused() {
    let world = World::new().await;
    let webhook = world
        .webhook(1, "/", &[NoticeKind::AnalysisCompleted])
        .await;
    let deliveries = world.deliveries();
    let given_up = limits::DELIVERY_FAILURES_MAX as usize;
    for number in 1..=given_up as u128 + 1 {
        world.analysed(number).await;
    }
    let attempts = limits::DELIVERY_ATTEMPTS_MAX as usize;
    world.script.answer(&vec![503; attempts * given_up]);
    let read = async || world.storage.webhook(&world.scope, webhook.id).await;
    let pause = async || read().await.unwrap().unwrap().pause;
    while pause().await.is_none() {
        deliveries.advance(&world.scope, &webhook).await.unwrap();
        world.clock.advance_ms(3_600_000 * 2);
    }
    assert_eq!(world.script.sent().len(), attempts * given_up);
    let letters = world.letters(&webhook).await;
    let offsets: Vec<u64> = letters.iter().map(|letter| letter.offset).collect();
    assert_eq!(offsets, [1, 2, 3]);
    assert_eq!(letters[0].attempts, limits::DELIVERY_ATTEMPTS_MAX);
    let pause = pause().await.unwrap();
    assert!(pause.reason.starts_with("3 messages"), "{}", pause.reason);
    let told = world.notices(NoticeKind::WebhookPaused).await;
    assert_eq!(told[0]["detail"]["webhook"], webhook.id.to_string());
    // Let go on, it takes what came after; what was given up stays to be sent again.
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    assert_eq!(world.script.sent(), [id(4)]);
    assert_eq!(world.letters(&webhook).await.len(), 3);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_paused_at_once() {
    let world = World::new().await;
    let webhook = world.webhook(1, "/", &[]).await;
    world.analysed(1).await;
    world.script.answer(&[410]);
    let deliveries = world.deliveries();
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    assert_eq!(world.letters(&webhook).await.len(), 1);
    assert_eq!(world.notices(NoticeKind::WebhookPaused).await.len(), 1);
}

#[tokio::test]
async fn messages_are_signed_at_the_moment_of_each_attempt() {
    let world = World::new().await;
    let webhook = world.webhook(1, "/", &[]).await;
    world.analysed(1).await;
    world.script.answer(&[500]);
    let deliveries = world.deliveries();
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    world.clock.advance_ms(10_000);
    deliveries.advance(&world.scope, &webhook).await.unwrap();
    let sent = world.script.taken.lock();
    assert_eq!(sent[0].body, sent[1].body);
    for (message, at_s) in sent.iter().zip([1_700_000_000, 1_700_000_010]) {
        assert_eq!(header(message, "webhook-timestamp"), at_s.to_string());
        let signed = super::signature::sign(&webhook.secret, &id(1), at_s, &message.body);
        assert_eq!(header(message, "webhook-signature"), signed);
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let hangs = world.webhook(1, "/hang", &[]).await;
    let works = world.webhook(2, "/", &[]).await;
    let deliveries = world.deliveries();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&deliveries).run(stopped));
    for number in 1..=50 {
        world.analysed(number).await;
    }
    let level = async |webhook: &Webhook| {
        let read = deliveries.state_of(&world.scope, webhook).await;
        read.unwrap().1.delivered
    };
    while level(&works).await < 50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(level(&hangs).await, 0);
    stop.send_replace(true);
    running.await.unwrap();
    let expected: Vec<String> = (1..=50).map(id).collect();
    assert_eq!(world.script.sent(), expected);
}

#[tokio::test]
async fn a_digest_tells_once_a_day_of_new_tracks_by_artists_played_often() {
    let world = World::new().await;
    let recommender = world.recommender();
    let add = async |title: &str, artist: &str| {
        let patch = TrackPatch {
            details: TrackDetails {
                title: title.to_owned(),
                artist: artist.to_owned(),
                ..TrackDetails::default()
            },
            ..TrackPatch::default()
        };
        world.clock.advance_ms(1);
        let written = world.storage.upsert_tracks(&world.scope, vec![patch]).await;
        written.unwrap()[0].id
    };
    let digest = Digest {
        log: world.storage.as_ref(),
        recommender: &recommender,
        scope: &world.scope,
    };
    let known = add("known", "often").await;
    let other = add("other", "once").await;
    let listener = ListenerId::of_name(world.scope.tenant(), "anna");
    for (number, track) in [(1, known), (2, known), (3, known), (4, other)] {
        let play = EventPayload::Listen(Listen::of(track, ListenOutcome::Completed));
        world.append(number, Some(listener), play).await;
    }
    digest.follow(world.clock.now()).await.unwrap();
    let fresh = add("fresh", "often").await;
    add("fresh too", "once").await;
    digest.follow(world.clock.now()).await.unwrap();
    let told = async || world.notices(NoticeKind::ReleasesDigest).await;
    assert_eq!(told().await.len(), 0, "the day is not over");
    for _ in 0..2 {
        world.clock.advance_ms(24 * 3_600_000);
        digest.follow(world.clock.now()).await.unwrap();
    }
    let told = told().await;
    assert_eq!(told.len(), 1);
    let detail = &told[0]["detail"];
    assert_eq!(detail["day"], "2023-11-14");
    assert_eq!(detail["artists"][0]["artist"], "often");
    assert_eq!(detail["artists"][0]["tracks"][0], fresh.to_string());
    assert_eq!(detail["artists"][0]["track_count"], 1);
    assert_eq!(detail["artists"][0]["listeners"][0], listener.to_string());
    assert_eq!(detail["artist_count"], 1);
}

#[tokio::test]
async fn drift_is_told_once_a_day_and_only_when_there_is_some() {
    let world = World::new().await;
    let drift = Drift {
        log: world.storage.as_ref(),
        scope: &world.scope,
    };
    let listener = ListenerId::of_name(world.scope.tenant(), "anna");
    let mut number = 0;
    // A day of two hundred plays and more, the share of skips as told.
    let mut day = async |skipped_of_ten: u128, is_private: bool| {
        for _ in 0..250 {
            number += 1;
            let outcome = if number % 10 < skipped_of_ten {
                ListenOutcome::Skipped
            } else {
                ListenOutcome::Completed
            };
            let listen = Listen {
                private: is_private,
                ..Listen::of(TrackId::from_u128(1), outcome)
            };
            world
                .append(number, Some(listener), EventPayload::Listen(listen))
                .await;
        }
        drift.follow(world.clock.now()).await.unwrap();
        world.clock.advance_ms(24 * 3_600_000);
        drift.follow(world.clock.now()).await.unwrap();
    };
    let told = async || world.notices(NoticeKind::DriftNoticed).await;
    for _ in 0..7 {
        day(2, false).await;
    }
    assert_eq!(told().await.len(), 0, "every day was like the others");
    day(8, false).await;
    day(8, true).await;
    let told = told().await;
    assert_eq!(told.len(), 1, "private plays are no day");
    let detail = &told[0]["detail"];
    assert_eq!(
        (&detail["day"], &told[0]["conclusion"]),
        (
            &serde_json::json!("2023-11-21"),
            &serde_json::json!("outcome differed from the week before"),
        )
    );
    let found = &detail["drifts"][0];
    assert_eq!(
        (&found["count"], &found["reference_count"]),
        (&serde_json::json!(250), &serde_json::json!(1_750),)
    );
    assert_eq!(found["bins"], serde_json::json!([50, 200, 0]));
    // 0.6 ln 4 twice, less what half a count in every bin smooths.
    let index = found["population_stability_index"].as_f64().unwrap();
    assert!((index - 1.2 * 4.0_f64.ln()).abs() < 0.03, "{index}");
    assert!(found["probability_by_chance"].as_f64().unwrap() < 1e-3);
}

#[tokio::test]
async fn a_history_that_is_imported_is_no_drift() {
    let world = World::new().await;
    let drift = Drift {
        log: world.storage.as_ref(),
        scope: &world.scope,
    };
    let listener = ListenerId::of_name(world.scope.tenant(), "anna");
    drift.follow(world.clock.now()).await.unwrap();
    for (number, outcome) in (0..2_000).map(|number| (number, ListenOutcome::Completed)) {
        let event = Event {
            event_id: EventId::from_u128(number),
            occurred_at: world.clock.now().plus_ms(-30 * 24 * 3_600_000),
            listener: Some(listener),
            schema_version: EVENT_SCHEMA_VERSION,
            payload: EventPayload::Listen(Listen::of(TrackId::from_u128(1), outcome)),
        };
        world
            .storage
            .append(&world.scope, vec![event])
            .await
            .unwrap();
    }
    world.clock.advance_ms(24 * 3_600_000);
    drift.follow(world.clock.now()).await.unwrap();
    let stored = world.storage.checkpoint(&world.scope, "drift-2").await;
    let stored = String::from_utf8(stored.unwrap().unwrap().state).unwrap();
    assert!(!stored.contains("outcome"), "{stored}");
}

#[tokio::test]
async fn a_quota_that_is_nearly_spent_is_told_once_a_day() {
    let world = World::new().await;
    world.webhook(1, "/", &[NoticeKind::QuotaNearlySpent]).await;
    let daily = Arc::new(DailyRequests::new(10, world.storage.clone()));
    let notices = Notices {
        webhooks: world.storage.clone(),
        log: world.storage.clone(),
        recommender: Arc::new(world.recommender()),
        daily: daily.clone(),
        directory: world.directory.clone(),
        clock: world.clock.clone(),
    };
    let told = async || world.notices(NoticeKind::QuotaNearlySpent).await;
    for request in 1..=9 {
        let now = world.clock.now();
        assert!(daily.admit(&world.scope, now).await.unwrap());
        notices.look(&world.scope).await.unwrap();
        // Four fifths of ten, and then not again.
        assert_eq!(told().await.len(), usize::from(request >= 8), "{request}");
    }
    let first = told().await.remove(0);
    assert_eq!(first["conclusion"], "8 of the day's 10 requests are made");
    assert_eq!(first["detail"]["requests_max"], 10);
    world.clock.advance_ms(24 * 3_600_000);
    notices.look(&world.scope).await.unwrap();
    assert_eq!(told().await.len(), 1, "another day has its own requests");
}

#[tokio::test]
async fn a_webhook_that_is_removed_during_a_delivery_leaves_nothing() {
    let world = World::new().await;
    let webhook = world.webhook(1, "/slow", &[]).await;
    let deliveries = world.deliveries();
    world.analysed(1).await;
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&deliveries).run(stopped));
    world.script.arrived.notified().await;
    world
        .storage
        .delete_webhook(&world.scope, webhook.id)
        .await
        .unwrap();
    deliveries.forget(&world.scope, webhook.id).await.unwrap();
    world.script.answers_slowly.notify_one();
    // The task of the delivery ends after it looked whether the webhook is still there.
    while !deliveries.is_idle() {
        tokio::task::yield_now().await;
    }
    let consumers = world.storage.consumers(&world.scope).await.unwrap();
    assert_eq!(consumers, [], "no position of nobody");
    stop.send_replace(true);
    running.await.unwrap();
}
