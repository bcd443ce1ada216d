//! A way through the sound from one track to another.

use std::collections::HashSet;
use std::sync::Arc;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::{VectorFilter, VectorSpace};

use super::sound::audio_space;
use crate::error::{Error, Result};
use crate::search::Admitted;
use crate::service::{Recommender, Stores};
use crate::view::TenantView;

/// Neighbours looked at for a step beyond those already taken.
const LOOK: usize = 8;

/// Finds a way between two tracks: each step is the unused track nearest to the straight line
/// between them, at even distances.
///
/// Of a recording that is there more than once only the track that stands for it is a step.
/// The answer begins with `from` and ends with `to`, whatever `only` admits in between; it is shorter than `count`
/// where the catalogue has no more tracks.
///
/// - Errors: `Invalid` for ends that are one recording or an end without audio embedding.
/// - Cost: one vector search a step.
pub async fn sonic_path(
    recommender: &Recommender,
    scope: &TenantScope,
    from: TrackId,
    to: TrackId,
    count: usize,
    only: Option<Arc<Admitted>>,
) -> Result<Vec<TrackId>> {
    let stores = recommender.stores();
    if from == to {
        return Err(InvalidValue::new("to", "must differ from the first track").into());
    }
    let is_same = |view: &TenantView| view.catalogue.recordings().is_same(from, to);
    if recommender.with_view(scope, is_same).await? {
        return Err(InvalidValue::new("to", "is the same recording as the first track").into());
    }
    let beside = within(recommender.beside(scope, vec![from, to]).await?, only);
    let Some(space) = audio_space(stores, scope).await? else {
        return Err(not_heard("from", from));
    };
    let start = unit_vector(stores, scope, &space, "from", from).await?;
    let end = unit_vector(stores, scope, &space, "to", to).await?;
    let between = count.saturating_sub(2);
    let mut taken = HashSet::from([from, to]);
    let mut path = vec![from];
    for step in 1..=between {
        let share = step as f32 / (between + 1) as f32;
        let point: Vec<f32> = (start.iter().zip(&end))
            .map(|(a, b)| (1.0 - share) * a + share * b)
            .collect();
        // Opposite ends meet in nothing; there is no direction to look in there.
        if point.iter().all(|value| *value == 0.0) {
            continue;
        }
        let looked_at = taken.len() + LOOK;
        let near = (stores.vectors).nearest(scope, &space, &point, looked_at, beside.clone());
        let next = (near.await?.into_iter()).find(|one| !taken.contains(&one.track));
        if let Some(next) = next {
            taken.insert(next.track);
            path.push(next.track);
        }
    }
    path.push(to);
    Ok(path)
}

/// A filter that also keeps to admitted tracks, where anything constrains.
fn within(filter: Option<VectorFilter>, only: Option<Arc<Admitted>>) -> Option<VectorFilter> {
    let Some(only) = only else {
        return filter;
    };
    Some(Arc::new(move |track| {
        only.tracks.contains(&track) && filter.as_ref().is_none_or(|passes| passes(track))
    }))
}

async fn unit_vector(
    stores: &Stores,
    scope: &TenantScope,
    space: &VectorSpace,
    field: &'static str,
    track: TrackId,
) -> Result<Vec<f32>> {
    let found = stores.vectors.vector(scope, space, track).await?;
    let mut vector = found.ok_or_else(|| not_heard(field, track))?;
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    Ok(vector)
}

fn not_heard(field: &'static str, track: TrackId) -> Error {
    let reason = format!("track `{track}` has no audio embedding; analyse its audio first");
    InvalidValue::new(field, reason).into()
}
