//! Factors of tracks that came after the training, by what they sound and read like.

use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_learn::factorize::{AttributeMap, AttributedFactors, IalsModel};
use leitmotif_storage::ports::{VectorSpace, VectorStore, current_spaces};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// From the vectors of a track in some spaces to its factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColdMap {
    /// Names of the spaces.
    spaces: Vec<String>,
    map: AttributeMap,
}

/// The vectors of tracks in every space that is read, of length 1.
#[derive(Default)]
pub struct ContentVectors {
    spaces: Vec<String>,
    widths: Vec<usize>,
    by_track: Vec<Vec<Option<Vec<f32>>>>,
}

impl ContentVectors {
    /// Reads the vectors of some tracks; of more than [`limits::COLD_MAP_TRACKS_MAX`] those of every n-th.
    ///
    /// - Cost: a read for each track and space; memory for the vectors.
    pub async fn read(
        vectors: &dyn VectorStore,
        scope: &TenantScope,
        tracks: &[TrackId],
    ) -> Result<Self> {
        let spaces = current_spaces(vectors, scope).await?;
        let spaces: Vec<VectorSpace> = spaces.into_iter().map(|(space, _)| space).collect();
        let step = tracks.len().div_ceil(limits::COLD_MAP_TRACKS_MAX).max(1);
        let mut by_track = Vec::with_capacity(tracks.len());
        for (number, track) in tracks.iter().enumerate() {
            let is_read = number.is_multiple_of(step);
            let read = if is_read { spaces.as_slice() } else { &[] };
            let mut held = held(vectors, scope, read, *track).await?;
            held.resize(spaces.len(), None);
            by_track.push(held);
        }
        let width = |space: usize| {
            let first = by_track.iter().find_map(|held| held[space].as_ref());
            first.map_or(0, Vec::len)
        };
        Ok(Self {
            widths: (0..spaces.len()).map(width).collect(),
            spaces: spaces
                .iter()
                .map(|space| space.as_str().to_owned())
                .collect(),
            by_track,
        })
    }

    /// The vectors of a track by space.
    pub fn of(&self, track: usize) -> Vec<Option<&[f32]>> {
        let held = self.by_track.get(track).map_or(&[][..], Vec::as_slice);
        held.iter().map(|vector| vector.as_deref()).collect()
    }

    /// Whether any space holds a track.
    pub fn holds(&self, track: usize) -> bool {
        let held = self.by_track.get(track);
        held.is_some_and(|held| held.iter().any(Option::is_some))
    }

    /// How alike tracks are to some others: cosines, each space with equal weight, added up.
    ///
    /// - Cost: O(tracks · width).
    pub fn likeness(&self, from: &[(usize, f32)], tracks: &[usize]) -> Vec<f32> {
        // Cosines of vectors of length 1 add up as the vectors do.
        let mut sums: Vec<Vec<f32>> = self.widths.iter().map(|width| vec![0.0; *width]).collect();
        for (track, weight) in from {
            for (sum, held) in sums.iter_mut().zip(self.of(*track)) {
                let both = sum.iter_mut().zip(held.unwrap_or_default());
                both.for_each(|(sum, x)| *sum += weight * x);
            }
        }
        let alike = |track: &usize| {
            let spaces = sums.iter().zip(self.of(*track));
            let cosine = |(sum, held): (&Vec<f32>, Option<&[f32]>)| -> f32 {
                let held = held.unwrap_or_default();
                sum.iter().zip(held).map(|(x, y)| x * y).sum()
            };
            spaces.map(cosine).sum()
        };
        tracks.iter().map(alike).collect()
    }
}

/// The vectors of a track, of length 1.
async fn held(
    vectors: &dyn VectorStore,
    scope: &TenantScope,
    spaces: &[VectorSpace],
    track: TrackId,
) -> Result<Vec<Option<Vec<f32>>>> {
    let mut held = Vec::with_capacity(spaces.len());
    for space in spaces {
        let vector = vectors.vector(scope, space, track).await?;
        held.push(vector.filter(|vector| !vector.is_empty()).map(unit));
    }
    Ok(held)
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

impl ColdMap {
    /// Fits the map on the columns that were played.
    ///
    /// - Cost: that of [`AttributeMap::fit`].
    pub fn fit(
        content: &ContentVectors,
        taste: &IalsModel,
        is_played: &[bool],
        penalty: f64,
    ) -> Result<Self> {
        let played = (0..is_played.len()).filter(|column| is_played[*column]);
        let known = played.filter_map(|column| Some((column, taste.item_factor(column)?)));
        let (attributes, targets): (Vec<_>, Vec<&[f32]>) = known
            .filter(|(column, _)| content.holds(*column))
            .map(|(column, factor)| (content.of(column), factor))
            .unzip();
        let examples = AttributedFactors {
            widths: &content.widths,
            attributes: &attributes,
            targets: &targets.concat(),
            factors: taste.factors(),
        };
        Ok(Self {
            spaces: content.spaces.clone(),
            map: AttributeMap::fit(&examples, penalty)?,
        })
    }

    /// Whether it maps to so many factors and nothing in it is damaged.
    pub fn fits(&self, factors: usize) -> bool {
        self.map.factors() == factors && self.map.is_sound()
    }

    /// The factor of a track with these vectors.
    pub fn factor(&self, held: &[Option<&[f32]>]) -> Option<Vec<f32>> {
        self.map.factor(held)
    }

    /// The factors of tracks, of those that a space of the map holds.
    ///
    /// - Cost: a read for each track and space.
    pub async fn factors(
        &self,
        vectors: &dyn VectorStore,
        scope: &TenantScope,
        tracks: &[TrackId],
    ) -> Result<Vec<(TrackId, Vec<f32>)>> {
        let spaces: std::result::Result<Vec<VectorSpace>, _> =
            self.spaces.iter().map(|name| name.parse()).collect();
        let spaces = spaces?;
        let mut factors = Vec::new();
        for track in tracks {
            let held = held(vectors, scope, &spaces, *track).await?;
            let held: Vec<_> = held.iter().map(|vector| vector.as_deref()).collect();
            factors.extend(self.factor(&held).map(|factor| (*track, factor)));
        }
        Ok(factors)
    }
}
