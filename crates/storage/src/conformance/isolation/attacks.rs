//! Every method that writes, called by a stranger.

use super::*;

/// Calls every writing method as a stranger with the first tenant's names. Each is told that the
/// object is not there, or does the work beside it.
pub async fn attack_all(world: &World, scope: &TenantScope, fixture: &Fixture) {
    let answers = attack_catalog_and_log(world, scope, fixture)
        .await
        .into_iter()
        .chain(attack_the_rest(world, scope, fixture).await)
        .chain(attack_plugins(world, scope).await)
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
            "JobQueue::begin",
            outcome(
                jobs.begin(scope, "own", 9)
                    .await
                    .map(|begun| begun.job.attempts),
            ),
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

async fn attack_plugins(world: &World, scope: &TenantScope) -> Attacks {
    let plugins = &world.plugins;
    let counted = plugins.count_plugin_answer(scope, "one", "hash of 1", None);
    vec![
        (
            "PluginStore::count_plugin_answer",
            outcome(counted.await),
            "Ok(None)",
        ),
        (
            "PluginStore::enable_plugin",
            outcome(plugins.enable_plugin(scope, "one", false).await),
            "Ok(None)",
        ),
        (
            "PluginStore::delete_plugin",
            outcome(plugins.delete_plugin(scope, "one").await),
            "Ok(false)",
        ),
        (
            "PluginStore::put_plugin",
            outcome(plugins.put_plugin(scope, plugin("one", "2")).await),
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
