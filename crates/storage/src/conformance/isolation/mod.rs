//! Two tenants: whatever one writes, the other neither sees nor touches.

mod attacks;
mod reads;

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
use super::plugins::plugin;
use super::records::{answer, model, used};
use super::webhooks::{letter, webhook};
use super::world::{World, audio, listen, lyrics, patch};
use crate::ports::{
    AnalysisDocument, BlobKey, Checkpoint, EventWindow, JobFilter, LeasedJob, StatePart,
    TrackFilter, TrackPatch, VectorSpace, current_spaces,
};

use self::attacks::attack_all;
use self::reads::read_all;

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
    let put = world.plugins.put_plugin(scope, plugin("one", "1")).await;
    put.unwrap();
    Fixture {
        track,
        key: world.keys[0].record.id,
        leased: leased.remove(0),
    }
}

/// The methods the isolation check calls, read from its own text.
pub fn covered_methods() -> Vec<String> {
    let parts = [include_str!("reads.rs"), include_str!("attacks.rs")];
    let texts = parts.into_iter().flat_map(|part| part.split('"'));
    let mut methods: Vec<String> = texts
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
        include_str!("../../ports/accounts.rs"),
        include_str!("../../ports/blobs.rs"),
        include_str!("../../ports/catalog.rs"),
        include_str!("../../ports/definitions.rs"),
        include_str!("../../ports/events.rs"),
        include_str!("../../ports/imports.rs"),
        include_str!("../../ports/jobs.rs"),
        include_str!("../../ports/ledger.rs"),
        include_str!("../../ports/models.rs"),
        include_str!("../../ports/plugins.rs"),
        include_str!("../../ports/vectors.rs"),
        include_str!("../../ports/webhooks.rs"),
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
