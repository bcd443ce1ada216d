//! The methods of every wrapped port, listed once.

use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use leitmotif_domain::definition::{
    Definition, DefinitionKind, LiveDefinition, NewDefinition, Share,
};
use leitmotif_domain::event::{Event, RecordedEvent};
use leitmotif_domain::job::{Job, JobCounts, NewJob, Progress};
use leitmotif_domain::listener::Listener;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::plugin::Plugin;
use leitmotif_domain::track::{Lyrics, Track, TrackRef};
use leitmotif_domain::webhook::{DeadLetter, Pause, Webhook};
use leitmotif_domain::{
    AuditId, EventId, JobId, ListenerId, PlaylistId, TenantScope, TrackId, WebhookId,
};

use super::{Flaky, Metered, PortCall, Retry, Timeout};
use crate::error::Result;
use crate::ports::{
    AnalysisDocument, Appended, BlobKey, BlobStat, BlobStore, CatalogCounts, CatalogStore,
    Checkpoint, ConsumerPosition, DefinitionStore, EventLog, EventSelection, EventSlice,
    EventWindow, ImportAudit, ImportStore, JobFilter, JobQueue, LeasedJob, PluginStore,
    SpaceFilter, StatePart, Statement, StatementCount, TrackFilter, TrackPatch, UpsertResult,
    VectorFilter, VectorMatch, VectorSpace, VectorStore, WebhookStore,
};

/// Implements one port for one wrapper. The word before each method says whether the call may be
/// repeated: `again`, `once`, or `again if` with a condition on the arguments.
macro_rules! forward {
    (@repeatable again) => { true };
    (@repeatable once) => { false };
    (@repeatable again if $condition:expr) => { $condition };
    ($wrapper:ident, $port:ident: $(
        [$($repeat:tt)+] $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;
    )+) => {
        #[async_trait]
        impl<T: $port + ?Sized> $port for $wrapper<T> {
            $(async fn $method(&self, scope: &TenantScope, $($argument: $type),*) -> Result<$answer> {
                let call = PortCall {
                    port: stringify!($port),
                    method: stringify!($method),
                    is_repeatable: forward!(@repeatable $($repeat)+),
                };
                let work = || self.inner.$method(scope, $(Clone::clone(&$argument)),*);
                self.around(call, work).await
            })+
        }
    };
}

macro_rules! forward_every_port {
    ($($wrapper:ident)+) => {$(
        forward! { $wrapper, EventLog:
            [again] append(events: Vec<Event>) -> Vec<Appended>;
            [again] read(after_offset: u64, limit: usize) -> Vec<RecordedEvent>;
            [again] select(selection: &EventSelection, from: u64, limit: usize) -> EventSlice;
            [again] head() -> u64;
            [again] of_listener(listener: ListenerId, page: &PageRequest) -> Page<RecordedEvent>;
            [again] of_kind(listener: ListenerId, window: &EventWindow, limit: usize) -> Vec<RecordedEvent>;
            [again] event(id: EventId) -> Option<RecordedEvent>;
            [again] count_of_kind(listener: ListenerId, kind: &str) -> u64;
            [again] checkpoint(consumer: &str) -> Option<Checkpoint>;
            [again] consumers() -> Vec<ConsumerPosition>;
            [again] save_checkpoint(consumer: &str, checkpoint: Checkpoint) -> ();
            [again] save_parts(consumer: &str, offset: u64, parts: Vec<StatePart>) -> ();
            [again] commit_parts(consumer: &str, since: u64, checkpoint: Checkpoint) -> ();
            [again] parts(consumer: &str, from: u32, limit: usize) -> Vec<StatePart>;
            [again] drop_checkpoint(consumer: &str) -> ();
        }
        forward! { $wrapper, CatalogStore:
            [again if patches.iter().all(is_named)]
                upsert_tracks(patches: Vec<TrackPatch>) -> Vec<UpsertResult>;
            [again] tracks(ids: &[TrackId]) -> Vec<Track>;
            [again] resolve(references: &[TrackRef]) -> Vec<Option<TrackId>>;
            [again] list_tracks(filter: &TrackFilter, page: &PageRequest) -> Page<Track>;
            [again] track_ids(filter: &TrackFilter) -> Vec<TrackId>;
            [again] delete_track(id: TrackId) -> bool;
            [again] counts() -> CatalogCounts;
            [again] lyrics(id: TrackId) -> Option<Lyrics>;
            [again] lyrics_of(ids: &[TrackId]) -> Vec<Option<Lyrics>>;
            [again] put_analysis(id: TrackId, analysis: AnalysisDocument) -> ();
            [again] analyses(ids: &[TrackId]) -> Vec<Option<AnalysisDocument>>;
            [again] touch_listeners(names: &[String]) -> ();
            [again] listener(id: ListenerId) -> Option<Listener>;
            [again] list_listeners(page: &PageRequest) -> Page<Listener>;
            [again] put_playlist(playlist: Playlist) -> ();
            [again] playlist(id: PlaylistId) -> Option<Playlist>;
            [again] list_playlists(page: &PageRequest) -> Page<Playlist>;
            [again] delete_playlist(id: PlaylistId) -> bool;
        }
        forward! { $wrapper, VectorStore:
            [again] upsert(space: &VectorSpace, vectors: Vec<(TrackId, Vec<f32>)>) -> ();
            [again] remove(track: TrackId) -> ();
            [again] remove_from(track: TrackId, spaces: SpaceFilter) -> ();
            [again] remove_space(space: &VectorSpace) -> ();
            [again] vector(space: &VectorSpace, track: TrackId) -> Option<Vec<f32>>;
            [again] nearest(
                space: &VectorSpace, query: &[f32], count: usize, filter: Option<VectorFilter>
            ) -> Vec<VectorMatch>;
            [again] spaces() -> Vec<(VectorSpace, u64)>;
        }
        forward! { $wrapper, BlobStore:
            [again] put(key: &BlobKey, bytes: Bytes) -> ();
            [again] read(key: &BlobKey, range: Range<u64>) -> Bytes;
            [again] stat(key: &BlobKey) -> Option<BlobStat>;
            [again] delete(key: &BlobKey) -> bool;
            [again] upload_len(upload: &BlobKey) -> u64;
            [once] upload_append(upload: &BlobKey, at: u64, bytes: Bytes) -> ();
            [once] upload_finish(upload: &BlobKey, key: &BlobKey) -> ();
            [again] upload_abort(upload: &BlobKey) -> ();
            [again] upload_path(upload: &BlobKey) -> Option<PathBuf>;
            [again] local_path(key: &BlobKey) -> Option<PathBuf>;
        }
        forward! { $wrapper, DefinitionStore:
            [again] add_definition(definition: NewDefinition) -> Definition;
            [again] definition(kind: DefinitionKind, name: &str, version: u32) -> Option<Definition>;
            [again] list_versions(kind: DefinitionKind, name: &str, page: &PageRequest) -> Page<Definition>;
            [again] live_definitions(kind: DefinitionKind) -> Vec<LiveDefinition>;
            [again] set_shares(kind: DefinitionKind, name: &str, shares: &[Share]) -> ();
        }
        forward! { $wrapper, ImportStore:
            [again] put_statements(statements: Vec<Statement>) -> u64;
            [again] statements(track: TrackId) -> Vec<Statement>;
            [again] statement_counts() -> Vec<StatementCount>;
            [once] put_audit(audit: ImportAudit) -> ();
            [again] audit(id: AuditId) -> Option<ImportAudit>;
            [again] list_audits(page: &PageRequest) -> Page<ImportAudit>;
        }
        forward! { $wrapper, WebhookStore:
            [once] add_webhook(webhook: Webhook) -> ();
            [again] webhook(id: WebhookId) -> Option<Webhook>;
            [again] list_webhooks(page: &PageRequest) -> Page<Webhook>;
            [again] pause_webhook(id: WebhookId, pause: Option<Pause>) -> bool;
            [again] delete_webhook(id: WebhookId) -> bool;
            [again] put_dead_letter(letter: DeadLetter) -> ();
            [again] dead_letter(webhook: WebhookId, offset: u64) -> Option<DeadLetter>;
            [again] list_dead_letters(webhook: WebhookId, page: &PageRequest) -> Page<DeadLetter>;
            [again] delete_dead_letter(webhook: WebhookId, offset: u64) -> bool;
        }
        forward! { $wrapper, PluginStore:
            [again] put_plugin(plugin: Plugin) -> ();
            [again] plugin(name: &str) -> Option<Plugin>;
            [again] list_plugins(page: &PageRequest) -> Page<Plugin>;
            [once] count_plugin_answer(name: &str, module_hash: &str, failure: Option<String>) -> Option<Plugin>;
            [again] enable_plugin(name: &str, is_enabled: bool) -> Option<Plugin>;
            [again] delete_plugin(name: &str) -> bool;
        }
        forward! { $wrapper, JobQueue:
            [again] enqueue(jobs: Vec<NewJob>) -> Vec<JobId>;
            [once] lease(kind: &str, count: usize, lease_ms: i64) -> Vec<LeasedJob>;
            [once] begin(source: &str, lease_ms: i64) -> LeasedJob;
            [again] progress(leased: &LeasedJob, progress: Progress, lease_ms: i64) -> ();
            [once] complete(leased: &LeasedJob) -> ();
            [once] fail(leased: &LeasedJob, error: &str, retry_after_ms: Option<i64>) -> ();
            [again] release_all() -> u64;
            [again] revive(id: JobId) -> bool;
            [again] job(id: JobId) -> Option<Job>;
            [again] list_jobs(filter: &JobFilter, page: &PageRequest) -> Page<Job>;
            [again] job_counts() -> JobCounts;
        }
    )+};
}

forward_every_port! { Retry Timeout Metered Flaky }

/// A patch that finds its track again, so that a second write does not make a second track.
fn is_named(patch: &TrackPatch) -> bool {
    patch.id.is_some() || !patch.details.external_ids.is_empty()
}
