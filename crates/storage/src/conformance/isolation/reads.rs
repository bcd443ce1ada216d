//! Every method that reads, called with what another tenant wrote.

use super::*;

/// Calls every reading method with the first tenant's names.
pub async fn read_all(world: &World, scope: &TenantScope, fixture: &Fixture) -> Answers {
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
        plugins,
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
        (
            "CatalogStore::track_ids",
            shown(catalog.track_ids(scope, &all).await),
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
            "PluginStore::plugin",
            shown(plugins.plugin(scope, "one").await),
        ),
        (
            "PluginStore::list_plugins",
            shown(plugins.list_plugins(scope, &page).await),
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
