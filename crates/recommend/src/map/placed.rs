//! Places of tracks, as they are kept and as they are shown.

use std::collections::HashMap;

use leitmotif_domain::TrackId;
use leitmotif_learn::layout::Place;
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};

/// Places along each axis: finer than any screen, and two bytes a number.
pub const GRID: u16 = u16::MAX;

/// A place on the grid.
pub type GridPlace = [u16; 2];

/// Form of the stored map; another one is not read, and the map is made anew.
const STORED_VERSION: u32 = 1;

/// What a run of the layout found. Kept as a blob, so that a restart does not cost a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaidOut {
    version: u32,
    /// Ids in rising order.
    tracks: Vec<u128>,
    places: Vec<GridPlace>,
}

impl LaidOut {
    /// Puts a run together: one place in the unit square per track.
    pub fn new(tracks: &[TrackId], places: &[Place]) -> Self {
        let mut all: Vec<(u128, GridPlace)> = (tracks.iter().zip(places))
            .map(|(track, place)| (track.as_u128(), on_grid(*place)))
            .collect();
        all.sort_unstable();
        Self {
            version: STORED_VERSION,
            tracks: all.iter().map(|(track, _)| *track).collect(),
            places: all.iter().map(|(_, place)| *place).collect(),
        }
    }

    /// Writes the stored form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        postcard::to_allocvec(self).map_err(|error| error.to_string())
    }

    /// Reads the stored form; what is damaged or of another version is no map.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let read: Self = postcard::from_bytes(bytes).ok()?;
        let is_rising = read.tracks.is_sorted_by(|one, other| one < other);
        let is_whole = read.tracks.len() == read.places.len();
        (read.version == STORED_VERSION && is_rising && is_whole).then_some(read)
    }

    /// How many tracks have a place.
    pub fn count(&self) -> usize {
        self.tracks.len()
    }

    /// The place of a track.
    pub fn place(&self, track: TrackId) -> Option<GridPlace> {
        let index = self.tracks.binary_search(&track.as_u128()).ok()?;
        self.places.get(index).copied()
    }
}

/// A place in the unit square on the grid; what is not finite stands in the middle.
fn on_grid(place: Place) -> GridPlace {
    place.map(|x| {
        let x = if x.is_finite() {
            x.clamp(0.0, 1.0)
        } else {
            0.5
        };
        (x * f32::from(GRID)).round() as u16
    })
}

/// The place of a track that came later: the mean of its neighbours, the nearer the heavier.
///
/// `near` holds places with cosine distances; without any the track stands in the middle.
pub fn among(near: &[(GridPlace, f32)]) -> GridPlace {
    /// Keeps the weight of a copy finite; a copy outweighs a neighbour at a distance of 0.1 tenfold.
    const COPY: f64 = 0.01;
    let (mut sum, mut weights) = ([0.0f64; 2], 0.0);
    for (place, distance) in near {
        let distance = f64::from(*distance).max(0.0);
        let weight = 1.0 / (COPY + distance);
        if weight.is_finite() {
            sum[0] += weight * f64::from(place[0]);
            sum[1] += weight * f64::from(place[1]);
            weights += weight;
        }
    }
    if weights <= 0.0 {
        return [GRID / 2; 2];
    }
    sum.map(|sum| (sum / weights).round().clamp(0.0, f64::from(GRID)) as u16)
}

/// A map as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueMap {
    /// The space.
    pub space: VectorSpace,
    /// Changes with every track that comes or goes, and with every run.
    pub version: String,
    /// The tracks in the order of their ids; a point is named by its place in it.
    pub tracks: Vec<TrackId>,
    /// A place for each.
    pub places: Vec<GridPlace>,
    /// How many of them stand among their neighbours until the next run.
    pub placed_later: usize,
}

impl CatalogueMap {
    /// Puts together what is there: tracks of the catalogue with a place of the run or a later one.
    pub fn of(
        space: VectorSpace,
        catalogue: &[TrackId],
        laid_out: &LaidOut,
        later: &HashMap<TrackId, Option<GridPlace>>,
    ) -> Self {
        let (mut tracks, mut places, mut placed_later) = (Vec::new(), Vec::new(), 0);
        for track in catalogue {
            let known = laid_out.place(*track);
            let place = known.or_else(|| later.get(track).copied().flatten());
            if let Some(place) = place {
                placed_later += usize::from(known.is_none());
                tracks.push(*track);
                places.push(place);
            }
        }
        Self {
            version: version_of(&tracks, &places),
            space,
            tracks,
            places,
            placed_later,
        }
    }
}

/// FNV-1a over ids and places: names a state, protects nothing.
fn version_of(tracks: &[TrackId], places: &[GridPlace]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for (track, place) in tracks.iter().zip(places) {
        take(&track.as_u128().to_le_bytes());
        take(&place[0].to_le_bytes());
        take(&place[1].to_le_bytes());
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> TrackId {
        TrackId::from_u128(number)
    }

    #[test]
    fn a_run_survives_its_stored_form_and_damage_is_no_map() {
        let run = LaidOut::new(&[id(7), id(3)], &[[1.0, 0.0], [f32::NAN, 2.0]]);
        assert_eq!(run.place(id(7)), Some([GRID, 0]));
        assert_eq!(run.place(id(3)), Some([32_768, GRID]));
        assert_eq!(run.place(id(5)), None);
        let bytes = run.to_bytes().unwrap();
        assert_eq!(LaidOut::of_bytes(&bytes), Some(run.clone()));
        assert_eq!(LaidOut::of_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(LaidOut::of_bytes(b""), None);
        let of_another_version = LaidOut {
            version: 9,
            ..run.clone()
        };
        assert_eq!(
            LaidOut::of_bytes(&of_another_version.to_bytes().unwrap()),
            None
        );
        let unsorted = LaidOut {
            tracks: vec![9, 2],
            ..run
        };
        assert_eq!(LaidOut::of_bytes(&unsorted.to_bytes().unwrap()), None);
    }

    #[test]
    fn later_tracks_stand_among_their_neighbours() {
        // Weights 1/0.11 and 1/0.21, by hand: (0 × 9.0909 + 210 × 4.7619) / 13.8528 = 72.2.
        assert_eq!(among(&[([0, 100], 0.1), ([210, 100], 0.2)]), [72, 100]);
        // A copy weighs most.
        assert_eq!(among(&[([0, 0], 0.0), ([1_000, 0], 0.99)]), [10, 0]);
        assert_eq!(among(&[]), [32_767; 2]);
        assert_eq!(among(&[([5, 5], f32::NAN)]), [5, 5]);
    }

    #[test]
    fn a_map_holds_what_is_in_the_catalogue() {
        let space: VectorSpace = "other-1".parse().unwrap();
        let run = LaidOut::new(&[id(1), id(2)], &[[0.0, 0.0], [1.0, 1.0]]);
        let later = HashMap::from([(id(4), Some([9, 9])), (id(5), None)]);
        let map = CatalogueMap::of(space.clone(), &[id(2), id(4), id(5), id(6)], &run, &later);
        assert_eq!(
            (map.tracks.as_slice(), map.placed_later),
            (&[id(2), id(4)][..], 1)
        );
        assert_eq!(map.places, [[GRID, GRID], [9, 9]]);
        let same = CatalogueMap::of(space.clone(), &[id(2), id(4)], &run, &later);
        assert_eq!(same.version, map.version);
        let other = CatalogueMap::of(space, &[id(2)], &run, &later);
        assert_ne!(other.version, map.version);
    }
}
