//! Tracks, lyrics and analyses.

use leitmotif_domain::event::{CatalogueChange, EventPayload};
use leitmotif_domain::track::{AudioLocation, AudioSource, TrackRef};
use leitmotif_domain::{ErrorKind, TenantScope, TrackId, limits};
use serde_json::json;

use super::kind_of;
use super::world::{World, audio, lyrics, page, patch};
use crate::ports::{AnalysisDocument, TrackFilter, TrackPatch, UpsertOutcome};

/// A patch for a track by its id.
fn named(id: TrackId, patch: TrackPatch) -> TrackPatch {
    TrackPatch {
        id: Some(id),
        ..patch
    }
}

/// Ties go by id: what is trained on a catalogue is the same wherever the same was sent.
pub async fn tracks_of_one_write_sort_as_given(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let titles: Vec<String> = (0..40).map(|number| format!("song {number}")).collect();
    let patches = titles.iter().map(|title| patch(title, &[])).collect();
    let written = catalog.upsert_tracks(&scope, patches).await.unwrap();
    assert!(written.is_sorted_by(|a, b| a.id < b.id), "{written:?}");
    let ids: Vec<TrackId> = written.iter().map(|one| one.id).collect();
    let stored = catalog.tracks(&scope, &ids).await.unwrap();
    let stored: Vec<&str> = stored
        .iter()
        .map(|one| one.details.title.as_str())
        .collect();
    assert_eq!(stored, titles);
}

pub async fn tracks_are_matched_by_any_external_id(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let id = world
        .track(&scope, patch("one", &[("spotify", "s1"), ("isrc", "i1")]))
        .await;
    let batch = vec![
        patch("one", &[("isrc", "i1"), ("path", "/p1")]),
        patch("two", &[("path", "/p2")]),
        patch("two again", &[("path", "/p2")]),
    ];
    let written = catalog.upsert_tracks(&scope, batch).await.unwrap();
    assert_eq!(written[0].id, id);
    assert_eq!(written[1].id, written[2].id);
    let outcomes: Vec<_> = written.iter().map(|one| one.outcome).collect();
    use UpsertOutcome::{Created, Unchanged, Updated};
    assert_eq!(outcomes, [Updated, Created, Updated]);
    let again = catalog.upsert_tracks(&scope, vec![patch("one", &[("spotify", "s1")])]);
    assert_eq!(again.await.unwrap()[0].outcome, Unchanged);
    let stored = &catalog.tracks(&scope, &[id]).await.unwrap()[0];
    let namespaces: Vec<_> = stored.details.external_ids.keys().collect();
    assert_eq!(namespaces, ["isrc", "path", "spotify"]);
    let external = |namespace: &str, value: &str| TrackRef::External {
        namespace: namespace.to_owned(),
        value: value.to_owned(),
    };
    let references = [
        external("path", "/p1"),
        external("path", "/p9"),
        TrackRef::Id(id),
        TrackRef::Id(TrackId::from_u128(1)),
    ];
    let found = catalog.resolve(&scope, &references).await.unwrap();
    assert_eq!(found, [Some(id), None, Some(id), None]);
    let order = [written[1].id, TrackId::from_u128(1), id];
    let tracks = catalog.tracks(&scope, &order).await.unwrap();
    let tracks: Vec<_> = tracks.iter().map(|track| track.id).collect();
    assert_eq!(tracks, [written[1].id, id]);
    // A value that is replaced no longer names the track.
    world
        .track(
            &scope,
            patch("one", &[("spotify", "s1"), ("path", "/moved")]),
        )
        .await;
    let found = catalog.resolve(&scope, &references[..1]).await.unwrap();
    assert_eq!(found, [None]);
}

pub async fn contradictions_change_nothing(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let one = world.track(&scope, patch("one", &[("a", "1")])).await;
    let two = world.track(&scope, patch("two", &[("b", "1")])).await;
    for (bad, kind) in [
        (
            patch("both", &[("a", "1"), ("b", "1")]),
            ErrorKind::Conflict,
        ),
        (named(two, patch("two", &[("a", "1")])), ErrorKind::Conflict),
        (
            named(TrackId::from_u128(3), patch("gone", &[])),
            ErrorKind::NotFound,
        ),
        (patch("", &[]), ErrorKind::Invalid),
        (patch("bad namespace", &[("A B", "1")]), ErrorKind::Invalid),
    ] {
        let batch = vec![
            patch("new", &[("c", "1")]),
            patch("one changed", &[("a", "1"), ("d", "1")]),
            bad.clone(),
        ];
        let refused = catalog.upsert_tracks(&scope, batch).await;
        assert_eq!(kind_of(refused), kind, "{bad:?}");
    }
    assert_eq!(catalog.counts(&scope).await.unwrap().tracks, 2);
    let stored = &catalog.tracks(&scope, &[one]).await.unwrap()[0];
    assert_eq!(stored.details, patch("one", &[("a", "1")]).details);
    let gone = [("c", "1"), ("d", "1")].map(|(namespace, value)| TrackRef::External {
        namespace: namespace.to_owned(),
        value: value.to_owned(),
    });
    assert_eq!(catalog.resolve(&scope, &gone).await.unwrap(), [None, None]);
    // Merged ids have the same bound as sent ones.
    for turn in 0..2 {
        let names: Vec<String> = (0..20)
            .map(|name| format!("n{}", turn * 20 + name))
            .collect();
        let ids: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let written = catalog
            .upsert_tracks(&scope, vec![named(one, patch("one", &ids))])
            .await;
        match turn {
            0 => assert!(written.is_ok(), "{written:?}"),
            _ => assert_eq!(kind_of(written), ErrorKind::Invalid),
        }
    }
    const { assert!(20 < limits::EXTERNAL_IDS_MAX && 40 > limits::EXTERNAL_IDS_MAX) };
}

pub async fn updates_merge_and_say_what_is_new(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let id = world.track(&scope, patch("one", &[])).await;
    let made_at = world.now();
    let with = |title: &str, hash: Option<&str>, words: Option<&str>| TrackPatch {
        id: Some(id),
        audio: hash.map(audio),
        lyrics: words.map(lyrics),
        ..patch(title, &[])
    };
    use UpsertOutcome::{Unchanged, Updated};
    for (sent, outcome, needs_analysis) in [
        (with("one", None, None), Unchanged, false),
        (with("one", Some("h1"), None), Updated, true),
        (with("one", Some("h1"), None), Unchanged, false),
        (with("renamed", None, None), Updated, false),
        (with("renamed", None, Some("la")), Updated, true),
        (with("renamed", None, Some("la")), Unchanged, false),
        (with("renamed", Some("h2"), Some("li")), Updated, true),
    ] {
        world.clock.advance_ms(1);
        let written = catalog
            .upsert_tracks(&scope, vec![sent.clone()])
            .await
            .unwrap();
        assert_eq!(
            (written[0].outcome, written[0].needs_analysis),
            (outcome, needs_analysis),
            "{sent:?}"
        );
    }
    let moved = AudioSource {
        location: AudioLocation::File("/music/one".to_owned()),
        ..audio("h2")
    };
    let sounding = |content_hash: &str, payload_hash: &str| AudioSource {
        payload_hash: Some(payload_hash.to_owned()),
        content_hash: content_hash.to_owned(),
        ..moved.clone()
    };
    // Where the payload is known it alone says whether the sound is new.
    for (source, needs_analysis) in [
        (sounding("h3", "p1"), true),
        (sounding("h4", "p1"), false),
        (sounding("h4", "p2"), true),
        (moved.clone(), true),
    ] {
        let sent = TrackPatch {
            audio: Some(source),
            ..with("renamed", None, None)
        };
        let written = catalog.upsert_tracks(&scope, vec![sent]).await.unwrap();
        assert_eq!(
            (written[0].outcome, written[0].needs_analysis),
            (Updated, needs_analysis)
        );
    }
    let stored = &catalog.tracks(&scope, &[id]).await.unwrap()[0];
    assert_eq!(
        (stored.audio.as_ref(), stored.has_lyrics),
        (Some(&moved), true)
    );
    assert_eq!(
        (stored.created_at, stored.updated_at),
        (made_at, world.now())
    );
    assert_eq!(
        catalog.lyrics(&scope, id).await.unwrap(),
        Some(lyrics("li"))
    );
    let other = world.track(&scope, patch("two", &[])).await;
    assert_eq!(catalog.lyrics(&scope, other).await.unwrap(), None);
    assert!(other > id);
}

pub async fn artists_are_found_by_their_ids(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let by = |title: &str, artist: &str, ids: &[(&str, &str)]| {
        let mut sent = patch(title, &[("x", title)]);
        sent.details.artist = artist.to_owned();
        let ids = ids
            .iter()
            .map(|(space, id)| ((*space).to_owned(), (*id).to_owned()));
        sent.details.artist_ids = ids.collect();
        sent
    };
    let found_by = async |scope: &TenantScope, space: &str, id: &str| -> Vec<String> {
        let filter = TrackFilter {
            artist_id: Some((space.to_owned(), id.to_owned())),
            ..TrackFilter::default()
        };
        let listed = catalog.list_tracks(scope, &filter, &page(9, None)).await;
        let items = listed.unwrap().items;
        items.into_iter().map(|track| track.details.title).collect()
    };
    let found = async |space, id| found_by(&scope, space, id).await;
    let first = world.track(&scope, by("1", "Ann", &[("n", "a")])).await;
    world
        .track(&scope, by("2", "Ann", &[("n", "a"), ("s", "q")]))
        .await;
    world.track(&scope, by("3", "Bea", &[("n", "b")])).await;
    assert_eq!(found("n", "a").await, ["1", "2"]);
    assert_eq!(found("s", "q").await, ["2"]);
    assert!(found("s", "a").await.is_empty());
    // Ids that are not named again stay, as long as the artist does.
    world.track(&scope, by("1", "Ann", &[("s", "q")])).await;
    assert_eq!(found("n", "a").await, ["1", "2"]);
    assert_eq!(found("s", "q").await, ["1", "2"]);
    world.track(&scope, by("1", "Bea", &[("n", "b")])).await;
    assert_eq!(found("n", "b").await, ["1", "3"]);
    assert_eq!(found("s", "q").await, ["2"]);
    assert!(found_by(&world.second(), "n", "b").await.is_empty());
    assert!(catalog.delete_track(&scope, first).await.unwrap());
    assert_eq!(found("n", "b").await, ["3"]);
}

pub async fn filters_select_tracks(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    for (title, artist, album, genre, hash, words) in [
        (
            "Blue Moon",
            "Élodie",
            Some("Nights"),
            Some("Jazz"),
            Some("h"),
            None,
        ),
        ("Moonlight", "elodie", None, Some("rock"), None, Some("la")),
        (
            "Sun",
            "Élodie",
            Some("Blue days"),
            None,
            Some("h"),
            Some("la"),
        ),
    ] {
        let mut sent = patch(title, &[]);
        sent.details.artist = artist.to_owned();
        sent.details.album = album.map(str::to_owned);
        sent.details.genre = genre.map(str::to_owned);
        sent.audio = hash.map(audio);
        sent.lyrics = words.map(lyrics);
        let id = world.track(&scope, sent).await;
        if title == "Sun" {
            let done = AnalysisDocument {
                input_hash: "h".to_owned(),
                document: json!({}),
            };
            catalog.put_analysis(&scope, id, done).await.unwrap();
        }
    }
    let all = TrackFilter::default();
    let text = |text: &str| TrackFilter {
        text: Some(text.to_owned()),
        ..all.clone()
    };
    let artist = |artist: &str| TrackFilter {
        artist: Some(artist.to_owned()),
        ..all.clone()
    };
    let genre = |genre: &str| TrackFilter {
        genre: Some(genre.to_owned()),
        ..all.clone()
    };
    for (filter, expected) in [
        (all.clone(), vec!["Blue Moon", "Moonlight", "Sun"]),
        (text("MOON"), vec!["Blue Moon", "Moonlight"]),
        (text("blue élodie"), vec!["Blue Moon", "Sun"]),
        (text("%"), vec![]),
        (text(" "), vec!["Blue Moon", "Moonlight", "Sun"]),
        (artist("ÉLODIE"), vec!["Blue Moon", "Sun"]),
        (artist("élod"), vec![]),
        (genre("jazz"), vec!["Blue Moon"]),
        (
            TrackFilter {
                has_audio: Some(true),
                ..all.clone()
            },
            vec!["Blue Moon", "Sun"],
        ),
        (
            TrackFilter {
                has_audio: Some(false),
                ..all.clone()
            },
            vec!["Moonlight"],
        ),
        (
            TrackFilter {
                has_lyrics: Some(false),
                ..all.clone()
            },
            vec!["Blue Moon"],
        ),
        (
            TrackFilter {
                has_analysis: Some(true),
                ..all.clone()
            },
            vec!["Sun"],
        ),
        (
            TrackFilter {
                has_analysis: Some(false),
                ..text("moon")
            },
            vec!["Blue Moon", "Moonlight"],
        ),
    ] {
        let listed = catalog
            .list_tracks(&scope, &filter, &page(9, None))
            .await
            .unwrap();
        let titles: Vec<_> = listed
            .items
            .iter()
            .map(|one| one.details.title.as_str())
            .collect();
        assert_eq!(titles, expected, "{filter:?}");
        let ids = catalog.track_ids(&scope, &filter).await.unwrap();
        let listed: Vec<_> = listed.items.iter().map(|one| one.id).collect();
        assert_eq!(ids, listed, "{filter:?}");
    }
    let counts = catalog.counts(&scope).await.unwrap();
    assert_eq!(
        (counts.tracks, counts.with_audio, counts.with_lyrics),
        (3, 2, 2)
    );
    assert_eq!((counts.analysed, counts.artists), (1, 2));
}

pub async fn pages_are_stable_under_inserts(world: &World) {
    let (scope, catalog, all) = (world.first(), &world.catalog, TrackFilter::default());
    for title in ["1", "2", "3", "4", "5"] {
        world.track(&scope, patch(title, &[])).await;
    }
    let mut request = page(2, None);
    let mut seen = String::new();
    loop {
        let listed = catalog.list_tracks(&scope, &all, &request).await.unwrap();
        seen.extend(
            listed
                .items
                .iter()
                .map(|track| track.details.title.as_str()),
        );
        let Some(next) = listed.next else { break };
        if seen.len() == 2 {
            world.track(&scope, patch("6", &[])).await;
        }
        request = request.following(next);
    }
    assert_eq!(seen, "123456");
    let foreign = page(2, Some("?".to_owned()));
    let refused = catalog.list_tracks(&scope, &all, &foreign).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
}

pub async fn analyses_follow_their_track(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let id = world.track(&scope, patch("one", &[])).await;
    let gone = TrackId::from_u128(1);
    let analysis = |tempo: u32| AnalysisDocument {
        input_hash: format!("hash {tempo}"),
        document: json!({ "tempo": tempo, "key": ["C", null] }),
    };
    for tempo in [100, 120] {
        catalog
            .put_analysis(&scope, id, analysis(tempo))
            .await
            .unwrap();
        catalog
            .put_analysis(&scope, gone, analysis(tempo))
            .await
            .unwrap();
    }
    let read = catalog.analyses(&scope, &[gone, id]).await.unwrap();
    assert_eq!(read, [None, Some(analysis(120))]);
    world
        .track(
            &scope,
            TrackPatch {
                id: Some(id),
                ..patch("renamed", &[])
            },
        )
        .await;
    let read = catalog.analyses(&scope, &[id]).await.unwrap();
    assert_eq!(read, [Some(analysis(120))]);
}

pub async fn deleted_tracks_leave_nothing_behind(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let sent = TrackPatch {
        lyrics: Some(lyrics("la")),
        ..patch("one", &[("a", "1")])
    };
    let one = world.track(&scope, sent).await;
    let two = world.track(&scope, patch("two", &[])).await;
    let done = AnalysisDocument {
        input_hash: "h".to_owned(),
        document: json!(1),
    };
    catalog.put_analysis(&scope, one, done).await.unwrap();
    let playlist = leitmotif_domain::playlist::Playlist {
        id: leitmotif_domain::PlaylistId::from_u128(1),
        name: "list".to_owned(),
        description: String::new(),
        owner: None,
        tracks: vec![one, two, one],
        created_at: world.now(),
        updated_at: world.now(),
    };
    catalog
        .put_playlist(&scope, playlist.clone())
        .await
        .unwrap();
    assert!(catalog.delete_track(&scope, one).await.unwrap());
    assert!(!catalog.delete_track(&scope, one).await.unwrap());
    assert_eq!(catalog.tracks(&scope, &[one]).await.unwrap(), []);
    assert_eq!(catalog.lyrics(&scope, one).await.unwrap(), None);
    assert_eq!(catalog.analyses(&scope, &[one]).await.unwrap(), [None]);
    let left = catalog
        .playlist(&scope, playlist.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(left.tracks, [two]);
    let anew = catalog
        .upsert_tracks(&scope, vec![patch("anew", &[("a", "1")])])
        .await;
    assert_eq!(anew.unwrap()[0].outcome, UpsertOutcome::Created);
    assert_eq!(catalog.counts(&scope).await.unwrap().analysed, 0);
}

pub async fn a_change_and_its_event_are_one(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let told = async || {
        let events = world.events.read(&scope, 0, 99).await.unwrap();
        let head = world.events.head(&scope).await.unwrap();
        assert_eq!(head, events.len() as u64, "readers see it at once");
        let changes = events.into_iter().map(|one| match one.event.payload {
            EventPayload::CatalogueChanged(changed) => (changed.track, changed.change),
            other => panic!("{other:?}"),
        });
        changes.collect::<Vec<_>>()
    };
    let batch = vec![patch("one", &[("a", "1")]), patch("two", &[])];
    let written = catalog.upsert_tracks(&scope, batch).await.unwrap();
    let (one, two) = (written[0].id, written[1].id);
    let mut expected = vec![(one, CatalogueChange::Added), (two, CatalogueChange::Added)];
    assert_eq!(told().await, expected);
    let batch = vec![patch("one", &[("a", "1")]), named(two, patch("2", &[]))];
    catalog.upsert_tracks(&scope, batch).await.unwrap();
    expected.push((two, CatalogueChange::Updated));
    assert_eq!(told().await, expected, "what did not change is not told");
    let unknown = named(TrackId::from_u128(1), patch("3", &[]));
    let batch = vec![patch("three", &[]), unknown];
    assert!(catalog.upsert_tracks(&scope, batch).await.is_err());
    assert_eq!(told().await, expected, "nor is what was refused");
    assert!(catalog.delete_track(&scope, one).await.unwrap());
    assert!(!catalog.delete_track(&scope, one).await.unwrap());
    expected.push((one, CatalogueChange::Removed));
    assert_eq!(told().await, expected);
}
