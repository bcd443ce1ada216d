//! One learning: read the lyrics, learn, embed every song, switch.

use std::collections::HashMap;
use std::sync::Arc;

use leitmotif_analysis::lyrics::{LyricsCorpus, LyricsSpace, lyrics_words};
use leitmotif_domain::job::Progress;
use leitmotif_domain::track::Lyrics;
use leitmotif_domain::{TenantScope, TrackId};

use super::document::LearnedLyrics;
use super::pages::Pages;
use super::spaces::{LyricsSpaces, off_thread, vector_of};
use crate::error::Result;

/// Learns from all lyrics of a tenant, embeds every song in a space of its own, and puts it into use.
///
/// The space appears whole, in one write, and is the newest from then on; songs whose words came or changed
/// while it was made are embedded before the job ends. A job that is cut off begins anew and leaves what was
/// in use.
///
/// - Errors: `TooLittle` says what is missing; `Storage`.
/// - Cost: the lyrics are read three times; the vectors of all songs are in memory at once, 512 bytes each.
pub async fn learn_lyrics(
    spaces: &LyricsSpaces,
    scope: &TenantScope,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<Arc<LearnedLyrics>> {
    let songs = spaces.catalogue.store.counts(scope).await?.with_lyrics;
    // Reading, learning and embedding are a third each.
    let mut progress = Progress {
        done: 0,
        total: 3 * songs,
    };
    on_progress(progress);
    let mut corpus = LyricsCorpus::default();
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&spaces.catalogue, scope).await? {
        progress.done = (progress.done + page.len() as u64).min(songs);
        corpus = off_thread(move || {
            for (_, lyrics) in &page {
                corpus.add(lyrics_words(&lyrics.text).iter().map(String::as_str));
            }
            corpus
        })
        .await?;
        on_progress(progress);
        if corpus.is_full() {
            break;
        }
    }
    let learned_from = corpus.song_count() as u64;
    let embedding = learn(corpus, |done, of| {
        progress.done = songs + songs * done as u64 / of.max(1) as u64;
        on_progress(progress);
    })
    .await?;
    let number = 1 + spaces
        .newest_number(scope)
        .await?
        .max(former_number(spaces, scope).await);
    let now = spaces.catalogue.clock.now();
    let learned = Arc::new(LearnedLyrics::new(number, now, learned_from, embedding));
    let (mut vectors, mut read) = (Vec::new(), HashMap::new());
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&spaces.catalogue, scope).await? {
        let embedding = Arc::clone(&learned);
        let work = move || embedded(&embedding, page);
        for (track, hash, vector) in off_thread(work).await? {
            vectors.extend(vector.map(|vector| (track, vector)));
            read.insert(track, hash);
            progress.done = (progress.done + 1).min(progress.total);
        }
        on_progress(progress);
    }
    let store = &spaces.catalogue.vectors;
    store.upsert(scope, &learned.space(), vectors).await?;
    spaces.switch(scope, &learned).await?;
    catch_up(spaces, scope, &learned, read).await?;
    progress.done = progress.total;
    on_progress(progress);
    Ok(learned)
}

/// Learns off the async threads, telling of each pass.
async fn learn(
    corpus: LyricsCorpus,
    mut on_pass: impl FnMut(usize, usize) + Send,
) -> Result<LyricsSpace> {
    // There are a handful of passes, so the channel stays small.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        LyricsSpace::learn(corpus, &mut |done, of| {
            // Nobody listens when the job was dropped; what is learned then goes nowhere.
            let _ = tell.send((done, of));
        })
    });
    while let Some((done, of)) = told.recv().await {
        on_pass(done, of);
    }
    Ok(work.await.map_err(leitmotif_storage::Error::bug)??)
}

/// The number of the document, which may be of a space that holds no vector; a damaged one is replaced.
async fn former_number(spaces: &LyricsSpaces, scope: &TenantScope) -> u64 {
    let former = spaces.current(scope).await.ok().flatten();
    former.map_or(0, |learned| learned.number)
}

/// Embeds what came or changed while the space was made, and takes out what went.
async fn catch_up(
    spaces: &LyricsSpaces,
    scope: &TenantScope,
    learned: &Arc<LearnedLyrics>,
    mut read: HashMap<TrackId, String>,
) -> Result<()> {
    let catalogue = &spaces.catalogue;
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&spaces.catalogue, scope).await? {
        let page = page.into_iter();
        let changed: Vec<(TrackId, Lyrics)> = page
            .filter(|(track, lyrics)| read.remove(track).as_ref() != Some(&lyrics.content_hash))
            .collect();
        if changed.is_empty() {
            continue;
        }
        let embedding = Arc::clone(learned);
        let embedded = off_thread(move || embedded(&embedding, changed)).await?;
        let vectors = embedded
            .into_iter()
            .filter_map(|(track, _, vector)| Some((track, vector?)));
        let space = learned.space();
        catalogue
            .vectors
            .upsert(scope, &space, vectors.collect())
            .await?;
    }
    for track in read.into_keys() {
        if catalogue.store.tracks(scope, &[track]).await?.is_empty() {
            catalogue.vectors.remove(scope, track).await?;
        }
    }
    Ok(())
}

/// Each song with the hash of its words and its vector, if it has one.
fn embedded(
    learned: &LearnedLyrics,
    songs: Vec<(TrackId, Lyrics)>,
) -> Vec<(TrackId, String, Option<Vec<f32>>)> {
    let songs = songs.into_iter();
    songs
        .map(|(track, lyrics)| (track, lyrics.content_hash, vector_of(learned, &lyrics.text)))
        .collect()
}
