//! The job: every song that is not in the space yet.

use std::sync::Arc;

use leitmotif_domain::job::Progress;
use leitmotif_domain::track::Lyrics;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::VectorSpace;

use super::{LyricsEncoder, vector_of};
use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::lyrics_space::{LyricsSpaces, Pages, off_thread};

/// Embeds every song that has no vector of the encoder yet, and removes the spaces of former encoders; says
/// which went.
///
/// A song is written as soon as it is embedded, so a job that is cut off goes on where it was. A song that
/// the encoder fails at is passed over and told of at the end; the former spaces stay then.
///
/// - Errors: `Encoder` without an encoder, and with songs that were passed over; `Storage`.
/// - Cost: one pass over the tracks, one text in memory besides the encoder.
pub async fn encode_lyrics(
    spaces: &LyricsSpaces,
    scope: &TenantScope,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<Vec<VectorSpace>> {
    let encoder = spaces.encoder().ok_or_else(Error::no_encoder)?;
    let catalogue = spaces.catalogue.as_ref();
    let mut progress = Progress {
        done: 0,
        total: catalogue.store.counts(scope).await?.with_lyrics,
    };
    on_progress(progress);
    let (mut failed, mut first_failure) = (0u64, None);
    let mut pages = Pages::default();
    while let Some(page) = pages.next(catalogue, scope).await? {
        for (track, lyrics) in page {
            let held = catalogue.vectors.vector(scope, encoder.space(), track);
            if held.await?.is_none() {
                match encode(catalogue, scope, encoder, track, lyrics).await {
                    Err(Error::Encoder { reason }) => {
                        failed += 1;
                        first_failure.get_or_insert((track, reason));
                    }
                    other => other?,
                }
            }
            progress.done = (progress.done + 1).min(progress.total);
            on_progress(progress);
        }
    }
    if let Some((track, reason)) = first_failure {
        let reason = format!("{failed} songs are not embedded, the first is `{track}`: {reason}");
        return Err(Error::Encoder { reason });
    }
    progress.done = progress.total;
    on_progress(progress);
    drop_former(catalogue, scope, encoder.space()).await
}

/// Embeds one song by the words it has when the vector is written. Words that change later are the matter
/// of their own analysis, which writes after that.
async fn encode(
    catalogue: &Catalogue,
    scope: &TenantScope,
    encoder: &Arc<dyn LyricsEncoder>,
    track: TrackId,
    mut lyrics: Lyrics,
) -> Result<()> {
    let (vectors, space) = (&catalogue.vectors, encoder.space());
    loop {
        let (reader, text) = (Arc::clone(encoder), lyrics.text);
        match off_thread(move || vector_of(reader.as_ref(), &text)).await?? {
            Some(vector) => vectors.upsert(scope, space, vec![(track, vector)]).await?,
            None => leave(catalogue, scope, space, track).await?,
        }
        let now = catalogue.store.lyrics_of(scope, &[track]).await?;
        match now.into_iter().next().flatten() {
            Some(now) if now.content_hash == lyrics.content_hash => return Ok(()),
            Some(now) => lyrics = now,
            None => return leave(catalogue, scope, space, track).await,
        }
    }
}

async fn leave(
    catalogue: &Catalogue,
    scope: &TenantScope,
    space: &VectorSpace,
    track: TrackId,
) -> Result<()> {
    let space = space.clone();
    let is_meant = Arc::new(move |other: &VectorSpace| *other == space);
    Ok(catalogue
        .vectors
        .remove_from(scope, track, is_meant)
        .await?)
}

async fn drop_former(
    catalogue: &Catalogue,
    scope: &TenantScope,
    present: &VectorSpace,
) -> Result<Vec<VectorSpace>> {
    let mut dropped = Vec::new();
    for (space, _) in catalogue.vectors.spaces(scope).await? {
        if space.is_of_lyrics_encoder() && space != *present {
            catalogue.vectors.remove_space(scope, &space).await?;
            dropped.push(space);
        }
    }
    Ok(dropped)
}
