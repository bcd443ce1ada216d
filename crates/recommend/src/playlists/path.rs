//! A way through the sound from one track to another.

use std::collections::HashSet;
use std::sync::Arc;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_learn::sequencing::ARTIST_GAP;
use leitmotif_storage::ports::{VectorFilter, VectorSpace};

use super::sound::audio_space;
use crate::error::{Error, Result};
use crate::search::Admitted;
use crate::service::{Recommender, Stores};
use crate::view::TenantView;

/// Finds a way between two tracks: each step is the unused track nearest to the straight line
/// between them, at even distances, of an artist that is not among the [`ARTIST_GAP`] tracks before it, nor
/// nearer to the end than that and the end's. Where no other artist is left, the nearest of all is the step.
///
/// Of a recording that is there more than once only the track that stands for it is a step.
/// The answer begins with `from` and ends with `to`, whatever `only` admits in between; it is shorter than `count`
/// where the catalogue has no more tracks.
///
/// - Errors: `Invalid` for ends that are one recording or an end without audio embedding.
/// - Cost: one filtered vector search a step, two where no other artist is left.
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
    let Some(space) = audio_space(stores, scope).await? else {
        return Err(not_heard("from", from));
    };
    let start = unit_vector(stores, scope, &space, "from", from).await?;
    let end = unit_vector(stores, scope, &space, "to", to).await?;
    let between = count.saturating_sub(2);
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
        let mut around = path[path.len().saturating_sub(ARTIST_GAP)..].to_vec();
        // The steps that follow, if they follow, are not enough to keep the end away.
        if between - step < ARTIST_GAP {
            around.push(to);
        }
        for avoided in [around.as_slice(), &[]] {
            let unused = unused(recommender, scope, &path, to, avoided, only.clone()).await?;
            let near = (stores.vectors).nearest(scope, &space, &point, 1, Some(unused));
            if let Some(next) = near.await?.first() {
                path.push(next.track);
                break;
            }
        }
    }
    path.push(to);
    Ok(path)
}

/// What may be the next step: no track of the path nor another version of its ends, and no artist of the tracks
/// that are to be avoided.
async fn unused(
    recommender: &Recommender,
    scope: &TenantScope,
    path: &[TrackId],
    to: TrackId,
    avoided: &[TrackId],
    only: Option<Arc<Admitted>>,
) -> Result<VectorFilter> {
    let artists = recommender.artist_keys(scope, avoided).await?;
    let taken: HashSet<TrackId> = path.iter().copied().chain([to]).collect();
    let ends = [path.first().copied().unwrap_or(to), to];
    let keep = move |view: &TenantView, track| {
        let recordings = view.catalogue.recordings();
        !taken.contains(&track)
            && only
                .as_ref()
                .is_none_or(|only| only.tracks.contains(&track))
            && !artists.contains(&view.catalogue.artist_key(track))
            && view.catalogue.is_standing(track)
            && !ends.iter().any(|end| recordings.is_same(*end, track))
    };
    recommender.filter(scope, keep).await
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
