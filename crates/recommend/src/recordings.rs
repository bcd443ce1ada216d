//! Which tracks of the catalogue are one recording.

use leitmotif_domain::{ErrorKind, TenantScope, TrackId};
use leitmotif_storage::duplicates::read_report;
use leitmotif_storage::ports::BlobStore;

use crate::error::Result;
use crate::keyed::{KeyedMap, KeyedSet};

/// The groups of duplicates that a person confirmed. Groups that nobody decided on, that were dismissed
/// or that changed since the decision do not count: two performances of one song may sound alike to a
/// machine, and leaving a track out of every list is no small thing.
#[derive(Debug, Default)]
pub struct Recordings {
    /// The tracks of each group, the one that stands for it first.
    groups: Vec<Vec<TrackId>>,
    group_of: KeyedMap<TrackId, u32>,
}

impl Recordings {
    /// Takes groups whose first track stands for them. A track that is in several belongs to the first.
    pub fn new(groups: Vec<Vec<TrackId>>) -> Self {
        let mut recordings = Self::default();
        for tracks in groups {
            let number = recordings.groups.len() as u32;
            let mut own = Vec::with_capacity(tracks.len());
            for track in tracks {
                recordings.group_of.entry(track).or_insert_with(|| {
                    own.push(track);
                    number
                });
            }
            recordings.groups.push(own);
        }
        recordings
    }

    /// Reads the groups of a tenant. Damaged ones cost the grouping, not the answers of everybody.
    ///
    /// - Errors: those of the store.
    /// - Cost: one read of all groups that the last search found.
    pub async fn read(blobs: &dyn BlobStore, scope: &TenantScope) -> Result<Self> {
        match read_report(blobs, scope).await {
            Ok(report) => Ok(Self::new(report.confirmed())),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::error!(%error, "the groups of duplicates do not load");
                Ok(Self::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The first track of each group.
    pub fn firsts(&self) -> impl Iterator<Item = TrackId> + '_ {
        self.groups
            .iter()
            .filter_map(|group| group.first().copied())
    }

    /// The tracks that are the same recording as a track, itself included, the one that stands for them
    /// first; empty where nothing was confirmed of it.
    pub fn versions(&self, track: TrackId) -> &[TrackId] {
        let number = self.group_of.get(&track);
        number.map_or(&[], |number| self.groups[*number as usize].as_slice())
    }

    /// Whether two tracks are one recording.
    pub fn is_same(&self, one: TrackId, other: TrackId) -> bool {
        one == other || self.versions(one).contains(&other)
    }

    /// Leaves of every recording the first track.
    pub fn distinct(&self, tracks: &mut Vec<TrackId>) {
        let mut seen: KeyedSet<u32> = KeyedSet::default();
        tracks.retain(|track| match self.group_of.get(track) {
            Some(number) => seen.insert(*number),
            None => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u128]) -> Vec<TrackId> {
        numbers.iter().copied().map(TrackId::from_u128).collect()
    }

    #[test]
    fn a_recording_is_in_a_list_once() {
        let recordings = Recordings::new(vec![ids(&[3, 1]), ids(&[5, 4, 6])]);
        let check = |list: &[u128], expected: &[u128]| {
            let mut list = ids(list);
            recordings.distinct(&mut list);
            assert_eq!(list, ids(expected));
        };
        check(&[2, 1, 7, 3, 2], &[2, 1, 7, 2]);
        check(&[6, 4, 1, 5, 8], &[6, 1, 8]);
        check(&[], &[]);
    }

    #[test]
    fn versions_are_known_from_each_other_and_the_first_group_wins() {
        let recordings = Recordings::new(vec![ids(&[3, 1]), ids(&[1, 2])]);
        let [one, two, three, four] = [1, 2, 3, 4].map(TrackId::from_u128);
        assert_eq!(recordings.versions(one), ids(&[3, 1]));
        assert_eq!(recordings.versions(two), ids(&[2]));
        assert!(recordings.versions(four).is_empty());
        assert!(recordings.is_same(one, three) && recordings.is_same(four, four));
        assert!(!recordings.is_same(one, two) && !recordings.is_same(three, four));
        assert!(Recordings::default().is_empty() && !recordings.is_empty());
    }
}
