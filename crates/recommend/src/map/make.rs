//! One run of the layout: read, find neighbours, lay out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_learn::layout::{
    LayoutOptions, NeighbourLists, fill_unit_square, lay_out, principal_plane,
};
use leitmotif_storage::ports::{VectorSpace, VectorStore};

use super::placed::LaidOut;
use crate::error::{Error, Result};

/// Neighbours that pull a point, as UMAP takes them.
pub const NEIGHBOURS: usize = 15;
/// Points that are laid out; tracks beyond stand among their neighbours. A run of so many takes some
/// minutes of one core and 300 MB.
pub const POINTS_MAX: usize = 200_000;
/// Components that the start is made of: wider vectors are folded, which keeps their distances about.
const START_COMPONENTS: usize = 256;
/// Share of the work that lies in finding neighbours, of a thousand.
const NEIGHBOURS_PERMILLE: u64 = 700;

/// How far a run is; shared with whoever asks.
#[derive(Debug, Default)]
pub struct RunState {
    /// Of a thousand.
    pub permille: AtomicU64,
    /// Set when nobody wants the map any more.
    pub is_given_up: AtomicBool,
}

/// Makes the map of a space; `None` when it was given up.
///
/// The same vectors in the same index give the same map.
///
/// - Cost: one read and one search of the index per track, then the layout on one thread.
pub async fn make(
    vectors: &dyn VectorStore,
    scope: &TenantScope,
    space: &VectorSpace,
    catalogue: &[TrackId],
    run: Arc<RunState>,
) -> Result<Option<LaidOut>> {
    let mut rows: Vec<f32> = Vec::new();
    let mut width = 0;
    let mut tracks: Vec<TrackId> = Vec::new();
    let mut near: Vec<TrackId> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    for (done, track) in catalogue.iter().enumerate() {
        if run.is_given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let permille = done as u64 * NEIGHBOURS_PERMILLE / catalogue.len().max(1) as u64;
        run.permille.store(permille, Ordering::Relaxed);
        if tracks.len() >= POINTS_MAX {
            break;
        }
        let Some(vector) = vectors.vector(scope, space, *track).await? else {
            continue;
        };
        let folded = folded_unit(&vector);
        // Only a space that was emptied takes another dimension; what was read before is gone then.
        if tracks.is_empty() {
            width = folded.len();
        }
        if folded.len() != width {
            continue;
        }
        let found = vectors
            .nearest(scope, space, &vector, NEIGHBOURS + 1, None)
            .await?;
        rows.extend(folded);
        tracks.push(*track);
        near.extend(
            found
                .iter()
                .map(|one| one.track)
                .filter(|other| other != track),
        );
        ends.push(near.len());
    }
    let work = move || {
        let lists = lists_of(&tracks, &near, &ends);
        let start = principal_plane(&rows, width);
        drop(rows);
        let options = LayoutOptions::default();
        let rest = 1_000 - NEIGHBOURS_PERMILLE;
        let laid = lay_out(start, &lists, &options, &mut |rounds| {
            let permille = NEIGHBOURS_PERMILLE + rest * rounds as u64 / options.rounds as u64;
            run.permille.store(permille, Ordering::Relaxed);
            !run.is_given_up.load(Ordering::Relaxed)
        });
        laid.map(|mut places| {
            fill_unit_square(&mut places);
            LaidOut::new(&tracks, &places)
        })
    };
    let made = tokio::task::spawn_blocking(work).await;
    made.map_err(Error::bug)
}

/// The neighbours by the places of the tracks.
fn lists_of(tracks: &[TrackId], near: &[TrackId], ends: &[usize]) -> NeighbourLists {
    let numbers: HashMap<TrackId, u32> = tracks.iter().copied().zip(0u32..).collect();
    let mut lists = NeighbourLists::with_capacity(near.len());
    let mut start = 0;
    for end in ends {
        let found = near.get(start..*end).unwrap_or_default();
        let known = found.iter().filter_map(|track| numbers.get(track).copied());
        lists.push(known.take(NEIGHBOURS));
        start = *end;
    }
    lists
}

/// A vector of unit length, folded to at most [`START_COMPONENTS`]: components beyond are added to
/// earlier ones with alternating signs (Charikar, Chen & Farach-Colton, "Finding frequent items in data
/// streams", ICALP 2002, with a fixed assignment).
fn folded_unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    let mut folded = vec![0.0f32; vector.len().min(START_COMPONENTS)];
    for (index, x) in vector.iter().enumerate() {
        let sign = if (index / START_COMPONENTS).is_multiple_of(2) {
            scale
        } else {
            -scale
        };
        folded[index % START_COMPONENTS] += x * sign;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_vectors_are_folded_and_have_unit_length() {
        assert_eq!(folded_unit(&[3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(folded_unit(&[0.0, 0.0]), [0.0, 0.0]);
        let mut wide = vec![0.0; 600];
        (wide[1], wide[257], wide[513]) = (2.0, 1.0, 2.0);
        let folded = folded_unit(&wide);
        assert_eq!(folded.len(), 256);
        assert!((folded[1] - 1.0).abs() < 1e-6, "(2 − 1 + 2) / 3");
    }

    #[test]
    fn neighbours_are_numbered_and_strangers_left_out() {
        let id = TrackId::from_u128;
        let tracks = [id(10), id(20), id(30)];
        let near = [id(20), id(99), id(30), id(10)];
        let lists = lists_of(&tracks, &near, &[2, 4, 4]);
        assert_eq!(
            (lists.of(0), lists.of(1), lists.of(2)),
            (&[1][..], &[2, 0][..], &[][..])
        );
    }
}
