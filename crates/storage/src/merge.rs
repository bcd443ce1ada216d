//! How a patch changes a stored track.

use std::collections::BTreeMap;

use leitmotif_domain::track::{AudioSource, Lyrics, Track, TrackDetails};
use leitmotif_domain::{Timestamp, TrackId};

use crate::error::{Error, Result};
use crate::ports::{TrackPatch, UpsertOutcome, UpsertResult};

/// What is stored of a track after a patch.
pub struct Merged {
    /// What the caller is told.
    pub result: UpsertResult,
    /// The track; unchanged when the outcome says so.
    pub track: Track,
    /// Its lyrics.
    pub lyrics: Option<Lyrics>,
}

/// Decides which track a patch means, from its own id and the one its external ids name.
///
/// - Errors: `Conflict` when they differ.
pub fn meant_track(named: Option<TrackId>, matched: Option<TrackId>) -> Result<Option<TrackId>> {
    if let (Some(named), Some(matched)) = (named, matched)
        && named != matched
    {
        let reason = format!("an external id of `{named}` belongs to track `{matched}`");
        return Err(Error::Conflict { reason });
    }
    Ok(named.or(matched))
}

/// Folds what the external ids of one patch name into one track.
///
/// - Errors: `Conflict` when they name several.
pub fn only_match<'a>(
    details: &'a TrackDetails,
    mut find: impl FnMut(&'a str, &'a str) -> Result<Option<TrackId>>,
) -> Result<Option<TrackId>> {
    let mut matched: Option<(TrackId, String)> = None;
    for (namespace, value) in &details.external_ids {
        let Some(id) = find(namespace, value)? else {
            continue;
        };
        let name = format!("{namespace}:{value}");
        match &matched {
            Some((other, first)) if *other != id => {
                let reason =
                    format!("external ids `{first}` and `{name}` belong to different tracks");
                return Err(Error::Conflict { reason });
            }
            Some(_) => {}
            None => matched = Some((id, name)),
        }
    }
    Ok(matched.map(|(id, _)| id))
}

/// A track that was not there before.
pub fn created(id: TrackId, patch: TrackPatch, now: Timestamp) -> Merged {
    let result = UpsertResult {
        id,
        outcome: UpsertOutcome::Created,
        needs_analysis: patch.audio.is_some() || patch.lyrics.is_some(),
    };
    let track = Track {
        id,
        details: patch.details,
        audio: patch.audio,
        has_lyrics: patch.lyrics.is_some(),
        created_at: now,
        updated_at: now,
    };
    Merged {
        result,
        track,
        lyrics: patch.lyrics,
    }
}

/// A stored track after a patch.
///
/// - Errors: `Invalid` when the merged external ids are too many.
pub fn updated(
    stored: Track,
    stored_lyrics: Option<Lyrics>,
    patch: TrackPatch,
    now: Timestamp,
) -> Result<Merged> {
    let mut details = patch.details;
    keep_ids(&mut details.external_ids, &stored.details.external_ids);
    // Whoever names another artist says nothing of the ids of the one before.
    if details.artist == stored.details.artist {
        keep_ids(&mut details.artist_ids, &stored.details.artist_ids);
    }
    details.check()?;
    let audio = patch.audio.or_else(|| stored.audio.clone());
    let is_new_audio = hash_of(&audio) != hash_of(&stored.audio);
    let is_new_lyrics = patch.lyrics.is_some() && patch.lyrics != stored_lyrics;
    if details == stored.details && audio == stored.audio && !is_new_lyrics {
        let result = UpsertResult {
            id: stored.id,
            outcome: UpsertOutcome::Unchanged,
            needs_analysis: false,
        };
        return Ok(Merged {
            result,
            track: stored,
            lyrics: stored_lyrics,
        });
    }
    let lyrics = patch.lyrics.or(stored_lyrics);
    let result = UpsertResult {
        id: stored.id,
        outcome: UpsertOutcome::Updated,
        needs_analysis: is_new_audio || is_new_lyrics,
    };
    let track = Track {
        details,
        audio,
        has_lyrics: lyrics.is_some(),
        updated_at: now,
        ..stored
    };
    Ok(Merged {
        result,
        track,
        lyrics,
    })
}

/// Keeps stored ids of namespaces that a patch does not name.
fn keep_ids(ids: &mut BTreeMap<String, String>, stored: &BTreeMap<String, String>) {
    for (namespace, value) in stored {
        ids.entry(namespace.clone())
            .or_insert_with(|| value.clone());
    }
}

fn hash_of(audio: &Option<AudioSource>) -> Option<&str> {
    audio.as_ref().map(AudioSource::sound_hash)
}
