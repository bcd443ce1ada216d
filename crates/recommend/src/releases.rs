//! New tracks by artists that somebody plays often.

use std::collections::BTreeMap;

use leitmotif_domain::{ListenerId, TenantScope, TrackId};

use crate::error::Result;
use crate::keyed::KeyedMap;
use crate::service::Recommender;
use crate::view::TenantView;

/// What an artist's tracks must add up to for a listener to play the artist often, in completed plays. A
/// like counts as three of them, so that one like is enough; skips take away.
const OFTEN: f32 = 3.0;

/// New tracks of one artist, and who plays the artist often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewByArtist {
    /// The artist as printed on the first of them.
    pub artist: String,
    /// The new tracks, by id.
    pub tracks: Vec<TrackId>,
    /// Who plays the artist often, by id.
    pub listeners: Vec<ListenerId>,
}

impl Recommender {
    /// Tells which of some new tracks are by artists that listeners play often, artists with the most such
    /// listeners first. Tracks that are gone again and tracks without an artist are left out.
    ///
    /// - Cost: O(tracks that listeners know), off the async threads; asked once a day.
    pub async fn listeners_of_new(
        &self,
        scope: &TenantScope,
        tracks: Vec<TrackId>,
    ) -> Result<Vec<NewByArtist>> {
        self.with_view_off_thread(scope, move |view| listeners_of_new(view, tracks))
            .await
    }
}

fn listeners_of_new(view: &TenantView, mut tracks: Vec<TrackId>) -> Vec<NewByArtist> {
    tracks.sort_unstable();
    tracks.dedup();
    let mut by_artist: BTreeMap<u64, NewByArtist> = BTreeMap::new();
    for track in tracks {
        let index = view.catalogue.index(track);
        let Some(card) = index.and_then(|index| view.catalogue.card(index)) else {
            continue;
        };
        if card.artist.is_empty() {
            continue;
        }
        let found = by_artist.entry(card.artist_key);
        let of_artist = found.or_insert_with(|| NewByArtist {
            artist: card.artist.to_string(),
            tracks: Vec::new(),
            listeners: Vec::new(),
        });
        of_artist.tracks.push(track);
    }
    let mut listeners: Vec<_> = view.projection.state.listeners().collect();
    listeners.sort_unstable_by_key(|(id, _)| *id);
    for (listener, profile) in listeners {
        let mut signals: KeyedMap<u64, f32> = KeyedMap::default();
        for (track, history) in profile.tracks() {
            let card = (view.catalogue.index(track)).and_then(|index| view.catalogue.card(index));
            if let Some(card) = card.filter(|card| by_artist.contains_key(&card.artist_key)) {
                *signals.entry(card.artist_key).or_default() += history.signal();
            }
        }
        for (artist, signal) in signals {
            if let Some(of_artist) = by_artist.get_mut(&artist).filter(|_| signal >= OFTEN) {
                of_artist.listeners.push(listener);
            }
        }
    }
    let mut found: Vec<NewByArtist> = by_artist.into_values().collect();
    found.retain(|one| !one.listeners.is_empty());
    found.sort_by(|a, b| {
        let count = |one: &NewByArtist| one.listeners.len();
        count(b)
            .cmp(&count(a))
            .then_with(|| a.artist.cmp(&b.artist))
    });
    found
}
