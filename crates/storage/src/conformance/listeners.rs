//! Listeners and playlists.

use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::{ErrorKind, ListenerId, PlaylistId, TrackId, limits};

use super::kind_of;
use super::world::{World, page, patch};

pub async fn listeners_are_known_by_name(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let touched = names(&["zoë", "Anna", "ben"]);
    catalog.touch_listeners(&scope, &touched).await.unwrap();
    let made_at = world.now();
    world.clock.advance_ms(5);
    let touched = names(&["ben", "anna"]);
    catalog.touch_listeners(&scope, &touched).await.unwrap();
    let too_long = names(&["new", &"x".repeat(limits::NAME_BYTES_MAX + 1)]);
    let refused = catalog.touch_listeners(&scope, &too_long).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
    let listed = catalog
        .list_listeners(&scope, &page(2, None))
        .await
        .unwrap();
    let rest = catalog
        .list_listeners(&scope, &page(9, listed.next))
        .await
        .unwrap();
    let listed: Vec<_> = listed
        .items
        .iter()
        .chain(&rest.items)
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(listed, ["Anna", "anna", "ben", "zoë"]);
    let id = ListenerId::of_name(scope.tenant(), "ben");
    let ben = catalog.listener(&scope, id).await.unwrap().unwrap();
    assert_eq!((ben.id, ben.created_at), (id, made_at));
    let unknown = ListenerId::from_u128(1);
    assert_eq!(catalog.listener(&scope, unknown).await.unwrap(), None);
}

pub async fn playlists_hold_known_tracks(world: &World) {
    let (scope, catalog) = (world.first(), &world.catalog);
    let one = world.track(&scope, patch("one", &[])).await;
    let two = world.track(&scope, patch("two", &[])).await;
    let list = |id, name: &str, tracks: &[TrackId]| Playlist {
        id: PlaylistId::from_u128(id),
        name: name.to_owned(),
        description: "for mornings".to_owned(),
        owner: Some(ListenerId::from_u128(4)),
        tracks: tracks.to_vec(),
        created_at: world.now(),
        updated_at: world.now(),
    };
    let first = list(1, "first", &[two, one, two]);
    catalog.put_playlist(&scope, first.clone()).await.unwrap();
    catalog
        .put_playlist(&scope, list(2, "second", &[]))
        .await
        .unwrap();
    let read = catalog.playlist(&scope, first.id).await.unwrap();
    assert_eq!(read, Some(first.clone()));
    for (bad, kind) in [
        (
            list(1, "unknown", &[one, TrackId::from_u128(5)]),
            ErrorKind::NotFound,
        ),
        (list(1, " ", &[]), ErrorKind::Invalid),
        (
            list(1, "long", &vec![one; limits::PLAYLIST_TRACKS_MAX + 1]),
            ErrorKind::Invalid,
        ),
    ] {
        assert_eq!(kind_of(catalog.put_playlist(&scope, bad).await), kind);
    }
    let unchanged = catalog.playlist(&scope, first.id).await.unwrap();
    assert_eq!(unchanged, Some(first.clone()));
    world.clock.advance_ms(9);
    let renamed = list(1, "renamed", &[one]);
    catalog.put_playlist(&scope, renamed.clone()).await.unwrap();
    let read = catalog.playlist(&scope, first.id).await.unwrap().unwrap();
    assert_eq!(
        (read.name.as_str(), read.created_at),
        ("renamed", first.created_at)
    );
    assert_eq!(
        (read.updated_at, read.tracks),
        (renamed.updated_at, vec![one])
    );
    let listed = catalog
        .list_playlists(&scope, &page(1, None))
        .await
        .unwrap();
    assert_eq!(listed.items[0].name, "renamed");
    let rest = catalog
        .list_playlists(&scope, &page(1, listed.next))
        .await
        .unwrap();
    assert_eq!((rest.items[0].name.as_str(), rest.next), ("second", None));
    assert!(catalog.delete_playlist(&scope, first.id).await.unwrap());
    assert!(!catalog.delete_playlist(&scope, first.id).await.unwrap());
    assert_eq!(catalog.playlist(&scope, first.id).await.unwrap(), None);
    assert_eq!(catalog.counts(&scope).await.unwrap().playlists, 1);
}
