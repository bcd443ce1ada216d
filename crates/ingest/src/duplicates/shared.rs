//! Groups of tracks that carry one external id.

use std::collections::BTreeMap;

use leitmotif_domain::shared_id::shared_ids;
use leitmotif_domain::track::{Track, TrackRef};
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_storage::duplicates::{DuplicateGroup, DuplicateTrack};
use leitmotif_storage::ports::CatalogStore;

use super::groups::{Rank, rank};
use crate::error::Result;

/// Gathers the tracks that carry an id of another track.
///
/// - Cost: memory of those tracks only, for whoever owns an id is asked for at the end.
#[derive(Default)]
pub(super) struct SharedIds {
    carriers: BTreeMap<(String, String), BTreeMap<TrackId, Rank>>,
}

impl SharedIds {
    /// Takes a track in.
    pub fn add(&mut self, track: &Track) {
        for (namespace, id) in shared_ids(&track.details.external_ids) {
            let key = (namespace.to_owned(), id.to_owned());
            let carriers = self.carriers.entry(key).or_default();
            carriers.insert(track.id, rank(track));
        }
    }

    /// The groups of two and more, each with the track that owns the id.
    pub async fn finish(
        mut self,
        store: &dyn CatalogStore,
        scope: &TenantScope,
    ) -> Result<Vec<DuplicateGroup>> {
        let keys: Vec<(String, String)> = self.carriers.keys().cloned().collect();
        for keys in keys.chunks(limits::PAGE_ITEMS_MAX) {
            let references = keys.iter().map(|(namespace, id)| TrackRef::External {
                namespace: namespace.clone(),
                value: id.clone(),
            });
            let references: Vec<TrackRef> = references.collect();
            let owners = store.resolve(scope, &references).await?;
            let known: Vec<TrackId> = owners.iter().flatten().copied().collect();
            let read = store.tracks(scope, &known).await?;
            let ranks: BTreeMap<TrackId, Rank> =
                read.iter().map(|track| (track.id, rank(track))).collect();
            for (key, owner) in keys.iter().zip(owners) {
                let found = owner.and_then(|owner| Some((owner, *ranks.get(&owner)?)));
                if let Some(carriers) = self.carriers.get_mut(key) {
                    carriers.extend(found);
                }
            }
        }
        let several = self.carriers.into_iter().filter(|(_, all)| all.len() > 1);
        let groups = several.filter_map(|((namespace, id), carriers)| {
            let canonical = carriers.iter().max_by_key(|(_, rank)| **rank)?.0;
            let tracks = carriers.keys().map(|track| DuplicateTrack {
                track: *track,
                bit_error_rate: 0.0,
                offset_s: 0.0,
            });
            Some(DuplicateGroup {
                canonical: *canonical,
                tracks: tracks.collect(),
                shared_id: Some(format!("{namespace}:{id}")),
            })
        });
        Ok(groups.collect())
    }
}
