//! Ids elsewhere under which another song is in the catalogue already.

use std::collections::HashMap;
use std::sync::Arc;

use leitmotif_domain::shared_id::{mark_of, mark_shared};
use leitmotif_domain::track::{Track, TrackRef};
use leitmotif_domain::{TenantId, TenantScope};
use leitmotif_storage::ports::{CatalogStore, TrackPatch};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::listens::matching::Words;

/// Namespaces whose ids are of a song whatever it is called: those of Genius number the page of a song, on which
/// title and artist are edited. Ids of streaming services are matched by words and often to another song; numbers
/// of rows are those of one database of several.
const SONG_NAMESPACES: [&str; 1] = ["genius"];

/// Bytes of a hash that tell a song from others under one id: there are a few, not millions.
const OWN_BYTES: usize = 8;

/// Whose turn it is to look which songs are there under which ids and to write what follows from that: two who
/// did it beside each other would each find no song of the other, and the later would write over the earlier.
#[derive(Default)]
pub struct ApartTurns(Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>);

impl ApartTurns {
    /// Waits for the tenant's turn, which is over when the guard is dropped.
    pub(crate) async fn take(&self, scope: &TenantScope) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = Arc::clone(self.0.lock().entry(scope.tenant()).or_default());
        turn.lock_owned().await
    }
}

/// Takes ids from tracks under which clearly another song is in the catalogue, so that the two are not made
/// one: the track keeps a mark of the id instead, by which the search for duplicates groups them. Answers the
/// ids of each patch, as `namespace:id`, in the order of the patches.
///
/// Clearly another song is what differs in title *and* artist by more than [`Words`] forgives when listens
/// are matched, both artists being named. So a title that was corrected, an artist that was, and anything
/// about a track whose artist was not known is an update still. So is one that corrects both at once where both
/// carry the same id of [`SONG_NAMESPACES`]; where they do not, it gets two tracks and a group to decide on. A
/// patch with an id of ours says itself which track it means, and is let be.
///
/// - Cost: one look-up for all ids, one for their tracks.
pub(crate) async fn keep_apart(
    store: &dyn CatalogStore,
    scope: &TenantScope,
    patches: &mut [TrackPatch],
) -> Result<Vec<Vec<String>>> {
    let mut places = Vec::new();
    let mut references = Vec::new();
    for (place, patch) in patches.iter().enumerate().filter(|(_, p)| p.id.is_none()) {
        let own = own_of(patch);
        for (namespace, id) in &patch.details.external_ids {
            let (mark, marked) = mark_of(namespace, id, &own);
            for (namespace, value) in [(namespace.clone(), id.clone()), (mark, marked)] {
                references.push(TrackRef::External { namespace, value });
            }
            places.push((place, namespace.clone(), id.clone()));
        }
    }
    let found = store.resolve(scope, &references).await?;
    let owners: Vec<_> = found.iter().step_by(2).flatten().copied().collect();
    let known = store.tracks(scope, &owners).await?;
    let mut clashes = vec![Vec::new(); patches.len()];
    for ((place, namespace, id), pair) in places.into_iter().zip(found.chunks(2)) {
        let (patch, owner) = (&mut patches[place], pair.first().copied().flatten());
        let owner = owner.and_then(|owner| known.iter().find(|track| track.id == owner));
        match owner {
            Some(owner) if is_other_song(patch, owner) => {
                let own = own_of(patch);
                patch.details.external_ids.remove(&namespace);
                mark_shared(&mut patch.details, &namespace, &id, &own);
                clashes[place].push(format!("{namespace}:{id}"));
            }
            Some(_) => {}
            // Whoever owned the id is gone: it goes to the track that carried the mark.
            None => patch.id = patch.id.or(pair.get(1).copied().flatten()),
        }
    }
    Ok(clashes)
}

fn is_other_song(patch: &TrackPatch, owner: &Track) -> bool {
    let details = &patch.details;
    let is_same = |namespace: &&str| {
        let id = details.external_ids.get(*namespace);
        id.is_some() && id == owner.details.external_ids.get(*namespace)
    };
    if SONG_NAMESPACES.iter().any(is_same) {
        return false;
    }
    Words::new(&details.title, &details.artist, None, None).is_clearly_another(&Words::new(
        &owner.details.title,
        &owner.details.artist,
        None,
        None,
    ))
}

/// What tells the song apart from others under its id; another genre or text of it changes nothing.
fn own_of(patch: &TrackPatch) -> String {
    let words = Words::new(&patch.details.title, &patch.details.artist, None, None);
    let hash = hex::encode(Sha256::digest(words.name().as_bytes()));
    hash.chars().take(2 * OWN_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use leitmotif_domain::clock::{Clock, ManualClock, Timestamp};
    use leitmotif_domain::shared_id::shared_ids;
    use leitmotif_domain::track::TrackDetails;
    use leitmotif_storage::ports::UpsertOutcome;

    use super::*;
    use crate::testing::store_of_one;

    fn row(title: &str, artist: &str, genre: &str) -> TrackPatch {
        TrackPatch {
            details: TrackDetails {
                title: title.to_owned(),
                artist: artist.to_owned(),
                genre: Some(genre.to_owned()),
                external_ids: BTreeMap::from([("spotify".to_owned(), "s1".to_owned())]),
                ..TrackDetails::default()
            },
            ..TrackPatch::default()
        }
    }

    #[tokio::test]
    async fn another_song_under_an_id_is_a_track_of_its_own() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_ms(1)));
        let (storage, scope) = store_of_one(clock).await;
        let send = async |patch: TrackPatch| {
            let mut patches = vec![patch];
            let clashes = keep_apart(storage.as_ref(), &scope, &mut patches).await;
            let sent = storage.upsert_tracks(&scope, patches).await.unwrap()[0];
            (sent.id, sent.outcome, clashes.unwrap().remove(0))
        };
        let (first, outcome, clashes) = send(row("Heroes", "David Bowie", "rock")).await;
        assert_eq!((outcome, clashes.len()), (UpsertOutcome::Created, 0));
        for correction in [
            row("Heroes (Live at Leeds)", "David Bowie", "rock"),
            row("An other title", "DAVID BOWIE", "rock"),
            row("Heroes", "Somebody else", "rock"),
            row("Heroes", "", "rock"),
            row("HEROES - 2017 Remaster", "Another one", "rock"),
        ] {
            let title = correction.details.title.clone();
            for sent in [correction, row("Heroes", "David Bowie", "rock")] {
                let (id, outcome, clashes) = send(sent).await;
                assert_eq!((id, outcome), (first, UpsertOutcome::Updated), "{title}");
                assert!(clashes.is_empty());
            }
        }

        let (second, outcome, clashes) = send(row("Hurt", "Johnny Cash", "country")).await;
        assert_eq!(outcome, UpsertOutcome::Created);
        assert_eq!(clashes, ["spotify:s1"]);
        let kept = storage.tracks(&scope, &[first, second]).await.unwrap();
        assert_eq!(kept[0].details.title, "Heroes");
        let marks: Vec<_> = shared_ids(&kept[1].details.external_ids).collect();
        assert_eq!(marks, [("spotify", "s1")]);
        for (again, expected) in [
            (
                row("Hurt", "Johnny Cash", "country"),
                UpsertOutcome::Unchanged,
            ),
            (row("HURT!", "Johnny Cash", "folk"), UpsertOutcome::Updated),
        ] {
            let (id, outcome, clashes) = send(again).await;
            assert_eq!(
                (id, outcome, clashes.len()),
                (second, expected, 1),
                "again is no third"
            );
        }

        // Title and artist are corrected at once: the page of the song says that it is one, a number of a
        // row does not, and neither do two pages.
        let paged = |title: &str, artist: &str, page: &str, row_id: &str| {
            let mut patch = row(title, artist, "rap");
            let ids = [("genius", page), ("rap-scraper", row_id)].into_iter();
            patch.details.external_ids = ids
                .filter(|(_, id)| !id.is_empty())
                .map(|(name, id)| (name.to_owned(), id.to_owned()))
                .collect();
            patch
        };
        let (song, ..) = send(paged("Ноктюрн", "Nobody", "7", "1")).await;
        let (id, outcome, clashes) = send(paged("Night", "Somebody", "7", "1")).await;
        assert_eq!((id, outcome), (song, UpsertOutcome::Updated));
        assert!(clashes.is_empty());
        for (page, expected) in [("", 1), ("8", 1)] {
            let (id, _, clashes) = send(paged("Another morning", "Who", page, "1")).await;
            assert_ne!(id, song);
            assert_eq!(clashes.len(), expected, "{clashes:?}");
        }

        storage.delete_track(&scope, first).await.unwrap();
        let (id, _, clashes) = send(row("Hurt", "Johnny Cash", "folk")).await;
        assert_eq!((id, clashes.len()), (second, 0), "the id is its own now");
    }
}
