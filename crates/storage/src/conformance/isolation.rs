//! Two tenants: whatever one writes, the other neither sees nor touches.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use leitmotif_domain::definition::{DefinitionKind, Share};
use leitmotif_domain::job::Progress;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::TrackRef;
use leitmotif_domain::{
    AuditId, EventId, KeyId, ListenerId, ModelId, PlaylistId, TenantScope, TrackId, WebhookId,
};
use serde_json::json;

use super::definitions::definition;
use super::imports::{audit, statement};
use super::jobs::analyze;
use super::records::{answer, model, used};
use super::webhooks::{letter, webhook};
use super::world::{World, audio, listen, lyrics, patch};
use crate::ports::{
    AnalysisDocument, BlobKey, Checkpoint, EventWindow, JobFilter, LeasedJob, StatePart,
    TrackFilter, TrackPatch, VectorSpace, current_spaces,
};

/// What the first tenant wrote, as far as the second could name it.
struct Fixture {
    track: TrackId,
    key: KeyId,
    leased: LeasedJob,
}

const PIPELINE: DefinitionKind = DefinitionKind::Pipeline;

/// Answers by method.
type Answers = BTreeMap<&'static str, String>;

fn shown(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn blob() -> BlobKey {
    "audio/one".parse().unwrap()
}

fn part() -> StatePart {
    StatePart {
        part: 4,
        state: vec![1],
    }
}

fn upload() -> BlobKey {
    "upload-1".parse().unwrap()
}

fn sound() -> VectorSpace {
    "sound-1".parse().unwrap()
}

fn playlist(world: &World, tracks: &[TrackId]) -> Playlist {
    Playlist {
        id: PlaylistId::from_u128(1),
        name: "list".to_owned(),
        description: String::new(),
        owner: None,
        tracks: tracks.to_vec(),
        created_at: world.now(),
        updated_at: world.now(),
    }
}

pub async fn tenants_do_not_see_each_other(world: &World) {
    let (first, second) = (world.first(), world.second());
    let fixture = populate(world, &first).await;
    let empty = read_all(world, &second, &fixture).await;
    for (method, answer) in &empty {
        let nothing = [
            "Ok(0)",
            "Ok([])",
            "Ok(None)",
            "Ok([None])",
            "Ok(Page { items: [], next: None })",
            "Ok(EventSlice { events: [], reached: 0 })",
            "Ok(CatalogCounts { tracks: 0, with_audio: 0, with_lyrics: 0, analysed: 0, artists: 0, listeners: 0, playlists: 0 })",
            "Ok(JobCounts { waiting: 0, running: 0, done: 0, dead: 0 })",
            "Err(NotFound)",
        ];
        let is_own = [
            "Accounts::own_tenant",
            "Accounts::list_keys",
            "BlobStore::local_path",
        ];
        assert!(
            nothing.contains(&answer.as_str()) || is_own.contains(method),
            "{method}: {answer}"
        );
    }
    let own = read_all(world, &first, &fixture).await;
    for (method, answer) in &own {
        assert_ne!(
            answer, &empty[method],
            "{method} of the writer sees nothing"
        );
    }
    attack_all(world, &second, &fixture).await;
    assert_eq!(read_all(world, &first, &fixture).await, own);
}

/// Writes something with every port.
async fn populate(world: &World, scope: &TenantScope) -> Fixture {
    let sent = TrackPatch {
        audio: Some(audio("h")),
        lyrics: Some(lyrics("la")),
        ..patch("one", &[("a", "1")])
    };
    let track = world.track(scope, sent).await;
    let analysis = AnalysisDocument {
        input_hash: "h".to_owned(),
        document: json!(1),
    };
    let names = ["anna".to_owned()];
    world
        .catalog
        .put_analysis(scope, track, analysis)
        .await
        .unwrap();
    world.catalog.touch_listeners(scope, &names).await.unwrap();
    let list = playlist(world, &[track]);
    world.catalog.put_playlist(scope, list).await.unwrap();
    let event = listen(1, Some(ListenerId::from_u128(1)));
    world.events.append(scope, vec![event]).await.unwrap();
    let point = Checkpoint {
        offset: 1,
        state: vec![1],
    };
    world
        .events
        .save_checkpoint(scope, "taste", point.clone())
        .await
        .unwrap();
    let (events, parts) = (&world.events, vec![part()]);
    let saved = events.save_parts(scope, "tastes", 1, parts).await;
    saved.unwrap();
    let committed = events.commit_parts(scope, "tastes", 0, point).await;
    committed.unwrap();
    let vectors = vec![(track, vec![1.0, 0.0])];
    world
        .vectors
        .upsert(scope, &sound(), vectors)
        .await
        .unwrap();
    let bytes = Bytes::from_static(b"bytes");
    world
        .blobs
        .put(scope, &blob(), bytes.clone())
        .await
        .unwrap();
    world
        .blobs
        .upload_append(scope, &upload(), 0, bytes)
        .await
        .unwrap();
    world
        .jobs
        .enqueue(scope, vec![analyze(1), analyze(2)])
        .await
        .unwrap();
    let said = vec![statement(track, "author", 1)];
    world.imports.put_statements(scope, said).await.unwrap();
    let made = definition("home", "text");
    world.definitions.add_definition(scope, made).await.unwrap();
    world.imports.put_audit(scope, audit(1)).await.unwrap();
    let mut leased = world
        .jobs
        .lease(scope, "analyze_track", 1, 60_000)
        .await
        .unwrap();
    world.models.register(scope, model(1)).await.unwrap();
    world
        .models
        .set_alias(scope, "production", ModelId::from_u128(1))
        .await
        .unwrap();
    world
        .ledger
        .record_usage(scope, world.now(), Some("d"), used(5))
        .await
        .unwrap();
    world
        .ledger
        .replay_begin(scope, "k", [1; 32], world.now())
        .await
        .unwrap();
    world
        .ledger
        .replay_finish(scope, "k", answer())
        .await
        .unwrap();
    world.webhooks.add_webhook(scope, webhook(1)).await.unwrap();
    let put = world.webhooks.put_dead_letter(scope, letter(1, 1)).await;
    put.unwrap();
    Fixture {
        track,
        key: world.keys[0].record.id,
        leased: leased.remove(0),
    }
}

/// Calls every reading method with the first tenant's names.
async fn read_all(world: &World, scope: &TenantScope, fixture: &Fixture) -> Answers {
    let (
        World {
            accounts,
            catalog,
            events,
            vectors,
            ..
        },
        page,
    ) = (world, PageRequest::largest());
    let World {
        blobs,
        definitions,
        imports,
        jobs,
        models,
        ledger,
        webhooks,
        ..
    } = world;
    let hook = WebhookId::from_u128(1);
    let (ids, listener) = ([fixture.track], ListenerId::from_u128(1));
    let anna = ListenerId::of_name(world.first().tenant(), "anna");
    let external = TrackRef::External {
        namespace: "a".to_owned(),
        value: "1".to_owned(),
    };
    let window = EventWindow::of_kind("listen");
    let (list, all) = (PlaylistId::from_u128(1), TrackFilter::default());
    let (every, model) = (JobFilter::default(), ModelId::from_u128(1));
    let read = blobs
        .read(scope, &blob(), 0..9)
        .await
        .map_err(|error| error.kind());
    BTreeMap::from([
        (
            "Accounts::own_tenant",
            shown(accounts.own_tenant(scope).await),
        ),
        (
            "Accounts::list_keys",
            shown(accounts.list_keys(scope, &page).await),
        ),
        (
            "CatalogStore::tracks",
            shown(catalog.tracks(scope, &ids).await),
        ),
        (
            "CatalogStore::resolve",
            shown(catalog.resolve(scope, &[external]).await),
        ),
        (
            "CatalogStore::list_tracks",
            shown(catalog.list_tracks(scope, &all, &page).await),
        ),
        ("CatalogStore::counts", shown(catalog.counts(scope).await)),
        (
            "CatalogStore::lyrics",
            shown(catalog.lyrics(scope, fixture.track).await),
        ),
        (
            "CatalogStore::lyrics_of",
            shown(catalog.lyrics_of(scope, &ids).await),
        ),
        (
            "CatalogStore::analyses",
            shown(catalog.analyses(scope, &ids).await),
        ),
        (
            "CatalogStore::listener",
            shown(catalog.listener(scope, anna).await),
        ),
        (
            "CatalogStore::list_listeners",
            shown(catalog.list_listeners(scope, &page).await),
        ),
        (
            "CatalogStore::playlist",
            shown(catalog.playlist(scope, list).await),
        ),
        (
            "CatalogStore::list_playlists",
            shown(catalog.list_playlists(scope, &page).await),
        ),
        ("EventLog::read", shown(events.read(scope, 0, 9).await)),
        (
            "EventLog::select",
            shown(events.select(scope, &Default::default(), 0, 9).await),
        ),
        ("EventLog::consumers", shown(events.consumers(scope).await)),
        ("EventLog::head", shown(events.head(scope).await)),
        (
            "EventLog::of_listener",
            shown(events.of_listener(scope, listener, &page).await),
        ),
        (
            "EventLog::of_kind",
            shown(events.of_kind(scope, listener, &window, 9).await),
        ),
        (
            "EventLog::event",
            shown(events.event(scope, EventId::from_u128(1)).await),
        ),
        (
            "EventLog::count_of_kind",
            shown(events.count_of_kind(scope, listener, "listen").await),
        ),
        (
            "EventLog::checkpoint",
            shown(events.checkpoint(scope, "taste").await),
        ),
        (
            "EventLog::parts",
            shown(events.parts(scope, "tastes", 0, 9).await),
        ),
        (
            "VectorStore::vector",
            shown(vectors.vector(scope, &sound(), fixture.track).await),
        ),
        (
            "VectorStore::nearest",
            shown(vectors.nearest(scope, &sound(), &[1.0, 0.0], 9, None).await),
        ),
        ("VectorStore::spaces", shown(vectors.spaces(scope).await)),
        (
            "VectorStore::current_spaces",
            shown(current_spaces(vectors.as_ref(), scope).await),
        ),
        ("BlobStore::read", shown(read)),
        ("BlobStore::stat", shown(blobs.stat(scope, &blob()).await)),
        (
            "BlobStore::upload_len",
            shown(blobs.upload_len(scope, &upload()).await),
        ),
        (
            "DefinitionStore::definition",
            shown(definitions.definition(scope, PIPELINE, "home", 1).await),
        ),
        (
            "DefinitionStore::list_versions",
            shown(
                definitions
                    .list_versions(scope, PIPELINE, "home", &page)
                    .await,
            ),
        ),
        (
            "DefinitionStore::live_definitions",
            shown(definitions.live_definitions(scope, PIPELINE).await),
        ),
        (
            "ImportStore::statements",
            shown(
                imports
                    .statements(scope, fixture.track)
                    .await
                    .map_err(|error| error.kind()),
            ),
        ),
        (
            "ImportStore::statement_counts",
            shown(imports.statement_counts(scope).await),
        ),
        (
            "ImportStore::audit",
            shown(imports.audit(scope, AuditId::from_u128(1)).await),
        ),
        (
            "ImportStore::list_audits",
            shown(imports.list_audits(scope, &page).await),
        ),
        (
            "JobQueue::job",
            shown(jobs.job(scope, fixture.leased.job.id).await),
        ),
        (
            "JobQueue::list_jobs",
            shown(jobs.list_jobs(scope, &every, &page).await),
        ),
        ("JobQueue::job_counts", shown(jobs.job_counts(scope).await)),
        (
            "ModelRegistry::model",
            shown(models.model(scope, model).await),
        ),
        (
            "ModelRegistry::list_models",
            shown(models.list_models(scope, &page).await),
        ),
        (
            "ModelRegistry::alias",
            shown(models.alias(scope, "production").await),
        ),
        (
            "Ledger::usage",
            shown(ledger.usage(scope, "2000-01-01", "2100-01-01").await),
        ),
        (
            "WebhookStore::webhook",
            shown(webhooks.webhook(scope, hook).await),
        ),
        (
            "WebhookStore::list_webhooks",
            shown(webhooks.list_webhooks(scope, &page).await),
        ),
        (
            "WebhookStore::dead_letter",
            shown(webhooks.dead_letter(scope, hook, 1).await),
        ),
        (
            "WebhookStore::list_dead_letters",
            shown(webhooks.list_dead_letters(scope, hook, &page).await),
        ),
    ])
}

/// Calls every writing method as a stranger with the first tenant's names. Each is told that the
/// object is not there, or does the work beside it.
async fn attack_all(world: &World, scope: &TenantScope, fixture: &Fixture) {
    let answers = attack_catalog_and_log(world, scope, fixture)
        .await
        .into_iter()
        .chain(attack_the_rest(world, scope, fixture).await)
        .chain(attack_webhooks(world, scope).await);
    for (method, answer, expected) in answers {
        assert_eq!(answer, expected, "{method}");
    }
}

type Attacks = Vec<(&'static str, String, &'static str)>;

fn outcome<T: Debug>(result: crate::error::Result<T>) -> String {
    shown(result.map_err(|error| error.kind()))
}

async fn attack_catalog_and_log(world: &World, scope: &TenantScope, fixture: &Fixture) -> Attacks {
    let World {
        catalog,
        events,
        vectors,
        blobs,
        ..
    } = world;
    let track = fixture.track;
    let named = TrackPatch {
        id: Some(track),
        ..patch("stolen", &[])
    };
    let matched = catalog
        .upsert_tracks(scope, vec![patch("own", &[("a", "1")])])
        .await;
    let outcomes = matched.map(|written| (written[0].outcome, written[0].id == track));
    let analysis = AnalysisDocument {
        input_hash: "x".to_owned(),
        document: json!(2),
    };
    let event = listen(1, None);
    // The first event is that of the track of its own.
    let appended = events.append(scope, vec![event]).await;
    let point = Checkpoint {
        offset: 0,
        state: vec![],
    };
    let bytes = Bytes::from_static(b"stolen");
    let (path, stolen) = (
        blobs.local_path(scope, &blob()).await,
        "stolen".parse().unwrap(),
    );
    let own_path = blobs.local_path(&world.first(), &blob()).await.unwrap();
    let is_same = path.map(|path| path.is_some() && path == own_path);
    vec![
        (
            "CatalogStore::upsert_tracks",
            outcome(outcomes),
            "Ok((Created, false))",
        ),
        (
            "CatalogStore::upsert_tracks",
            outcome(catalog.upsert_tracks(scope, vec![named]).await),
            "Err(NotFound)",
        ),
        (
            "CatalogStore::delete_track",
            outcome(catalog.delete_track(scope, track).await),
            "Ok(false)",
        ),
        (
            "CatalogStore::put_analysis",
            outcome(catalog.put_analysis(scope, track, analysis).await),
            "Ok(())",
        ),
        (
            "CatalogStore::touch_listeners",
            outcome(
                catalog
                    .touch_listeners(scope, &["anna".to_owned(), "ben".to_owned()])
                    .await,
            ),
            "Ok(())",
        ),
        (
            "CatalogStore::put_playlist",
            outcome(catalog.put_playlist(scope, playlist(world, &[track])).await),
            "Err(NotFound)",
        ),
        (
            "CatalogStore::put_playlist",
            outcome(catalog.put_playlist(scope, playlist(world, &[])).await),
            "Ok(())",
        ),
        (
            "CatalogStore::delete_playlist",
            outcome(
                catalog
                    .delete_playlist(scope, PlaylistId::from_u128(1))
                    .await,
            ),
            "Ok(true)",
        ),
        (
            "EventLog::append",
            outcome(appended),
            "Ok([Appended { offset: 2, is_duplicate: false }])",
        ),
        (
            "EventLog::save_checkpoint",
            outcome(events.save_checkpoint(scope, "taste", point.clone()).await),
            "Ok(())",
        ),
        (
            "EventLog::save_parts",
            outcome(events.save_parts(scope, "tastes", 1, vec![part()]).await),
            "Ok(())",
        ),
        (
            "EventLog::commit_parts",
            outcome(events.commit_parts(scope, "tastes", 0, point).await),
            "Ok(())",
        ),
        (
            "EventLog::drop_checkpoint",
            outcome(events.drop_checkpoint(scope, "taste").await),
            "Ok(())",
        ),
        (
            "VectorStore::upsert",
            outcome(
                vectors
                    .upsert(scope, &sound(), vec![(track, vec![1.0; 3])])
                    .await,
            ),
            "Ok(())",
        ),
        (
            "VectorStore::remove",
            outcome(vectors.remove(scope, track).await),
            "Ok(())",
        ),
        (
            "VectorStore::remove_from",
            outcome(vectors.remove_from(scope, track, Arc::new(|_| true)).await),
            "Ok(())",
        ),
        (
            "VectorStore::remove_space",
            outcome(vectors.remove_space(scope, &sound()).await),
            "Ok(())",
        ),
        ("BlobStore::local_path", outcome(is_same), "Ok(false)"),
        (
            "BlobStore::upload_path",
            outcome(blobs.upload_path(scope, &upload()).await),
            "Ok(None)",
        ),
        (
            "BlobStore::upload_append",
            outcome(
                blobs
                    .upload_append(scope, &upload(), 5, bytes.clone())
                    .await,
            ),
            "Err(Conflict)",
        ),
        (
            "BlobStore::upload_finish",
            outcome(blobs.upload_finish(scope, &upload(), &stolen).await),
            "Err(NotFound)",
        ),
        (
            "BlobStore::upload_abort",
            outcome(blobs.upload_abort(scope, &upload()).await),
            "Ok(())",
        ),
        (
            "BlobStore::delete",
            outcome(blobs.delete(scope, &blob()).await),
            "Ok(false)",
        ),
        (
            "BlobStore::put",
            outcome(blobs.put(scope, &blob(), bytes).await),
            "Ok(())",
        ),
    ]
}

async fn attack_the_rest(world: &World, scope: &TenantScope, fixture: &Fixture) -> Attacks {
    let World {
        accounts,
        definitions,
        imports,
        jobs,
        models,
        ledger,
        ..
    } = world;
    let said = vec![statement(fixture.track, "stranger", 1)];
    let (leased, now) = (&fixture.leased, world.now());
    let foreign_key = world.keys[0].record.clone();
    let done = Progress { done: 1, total: 1 };
    let share = Share {
        version: 1,
        weight: 1,
    };
    let enqueued = jobs.enqueue(scope, vec![analyze(1)]).await;
    let enqueued = enqueued.map(|ids| ids[0] == leased.job.id);
    let taken = jobs
        .lease(scope, "analyze_track", 9, 9)
        .await
        .map(|jobs| jobs.len());
    vec![
        (
            "Accounts::put_key",
            outcome(accounts.put_key(scope, foreign_key).await),
            "Err(Invalid)",
        ),
        (
            "Accounts::expire_key",
            outcome(accounts.expire_key(scope, fixture.key, now).await),
            "Ok(false)",
        ),
        (
            "DefinitionStore::set_shares",
            outcome(
                definitions
                    .set_shares(scope, PIPELINE, "home", &[share])
                    .await,
            ),
            "Err(NotFound)",
        ),
        (
            "DefinitionStore::add_definition",
            outcome(
                definitions
                    .add_definition(scope, definition("home", "x"))
                    .await
                    .map(|one| one.version),
            ),
            "Ok(1)",
        ),
        (
            "ImportStore::put_statements",
            outcome(imports.put_statements(scope, said).await),
            "Err(NotFound)",
        ),
        (
            "ImportStore::put_audit",
            outcome(imports.put_audit(scope, audit(1)).await),
            "Ok(())",
        ),
        ("JobQueue::enqueue", outcome(enqueued), "Ok(false)"),
        ("JobQueue::lease", outcome(taken), "Ok(1)"),
        (
            "JobQueue::progress",
            outcome(jobs.progress(scope, leased, done, 9).await),
            "Err(Conflict)",
        ),
        (
            "JobQueue::complete",
            outcome(jobs.complete(scope, leased).await),
            "Err(Conflict)",
        ),
        (
            "JobQueue::fail",
            outcome(jobs.fail(scope, leased, "x", None).await),
            "Err(Conflict)",
        ),
        (
            "JobQueue::release_all",
            outcome(jobs.release_all(scope).await),
            "Ok(1)",
        ),
        (
            "JobQueue::revive",
            outcome(jobs.revive(scope, leased.job.id).await),
            "Ok(false)",
        ),
        (
            "ModelRegistry::set_alias",
            outcome(
                models
                    .set_alias(scope, "production", ModelId::from_u128(1))
                    .await,
            ),
            "Err(NotFound)",
        ),
        (
            "ModelRegistry::register",
            outcome(models.register(scope, model(1)).await),
            "Ok(())",
        ),
        (
            "Ledger::record_usage",
            outcome(ledger.record_usage(scope, now, Some("d"), used(9)).await),
            "Ok(())",
        ),
        (
            "Ledger::replay_begin",
            outcome(ledger.replay_begin(scope, "k", [2; 32], now).await),
            "Ok(Fresh)",
        ),
        (
            "Ledger::replay_abandon",
            outcome(ledger.replay_abandon(scope, "k").await),
            "Ok(())",
        ),
        (
            "Ledger::replay_abandon_all",
            outcome(ledger.replay_abandon_all(scope).await),
            "Ok(0)",
        ),
        (
            "Ledger::replay_finish",
            outcome(ledger.replay_finish(scope, "k", answer()).await),
            "Ok(())",
        ),
    ]
}

async fn attack_webhooks(world: &World, scope: &TenantScope) -> Attacks {
    let (webhooks, id) = (&world.webhooks, WebhookId::from_u128(1));
    vec![
        (
            "WebhookStore::pause_webhook",
            outcome(webhooks.pause_webhook(scope, id, None).await),
            "Ok(false)",
        ),
        (
            "WebhookStore::put_dead_letter",
            outcome(webhooks.put_dead_letter(scope, letter(1, 2)).await),
            "Err(NotFound)",
        ),
        (
            "WebhookStore::delete_dead_letter",
            outcome(webhooks.delete_dead_letter(scope, id, 1).await),
            "Ok(false)",
        ),
        (
            "WebhookStore::delete_webhook",
            outcome(webhooks.delete_webhook(scope, id).await),
            "Ok(false)",
        ),
        (
            "WebhookStore::add_webhook",
            outcome(webhooks.add_webhook(scope, webhook(1)).await),
            "Ok(())",
        ),
    ]
}

/// The methods the isolation check calls, read from its own text.
pub fn covered_methods() -> Vec<String> {
    let mut methods: Vec<String> = include_str!("isolation.rs")
        .split('"')
        .filter(|text| {
            let mut words = text.split("::");
            let is_word = |word: Option<&str>| {
                word.is_some_and(|word| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                })
            };
            is_word(words.next()) && is_word(words.next()) && words.next().is_none()
        })
        .map(str::to_owned)
        .collect();
    methods.sort();
    methods.dedup();
    methods
}

/// The port methods that take a tenant's scope, read from the text of the ports.
pub fn scoped_methods() -> Vec<String> {
    let ports = [
        include_str!("../ports/accounts.rs"),
        include_str!("../ports/blobs.rs"),
        include_str!("../ports/catalog.rs"),
        include_str!("../ports/definitions.rs"),
        include_str!("../ports/events.rs"),
        include_str!("../ports/imports.rs"),
        include_str!("../ports/jobs.rs"),
        include_str!("../ports/ledger.rs"),
        include_str!("../ports/models.rs"),
        include_str!("../ports/vectors.rs"),
        include_str!("../ports/webhooks.rs"),
    ];
    let mut methods: Vec<String> = ports.into_iter().flat_map(scoped_in).collect();
    methods.sort();
    methods
}

fn scoped_in(text: &str) -> Vec<String> {
    let port = text
        .split("pub trait ")
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    let signatures = text.split("async fn ").skip(1);
    signatures
        .filter_map(|rest| rest.split(';').next())
        .filter(|signature| signature.contains("scope: &TenantScope"))
        .filter_map(|signature| signature.split('(').next())
        .map(|method| format!("{}::{method}", port.unwrap_or_default()))
        .collect()
}
