//! The catalogue as the ranker sees it: dense indexes and what spacing and duplicate rules need.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use leitmotif_domain::bucket::murmur3_32;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::{ReleaseDate, Track};
use leitmotif_domain::{TenantScope, Timestamp, TrackId};
use leitmotif_features::IdMap;
use leitmotif_storage::ports::{CatalogStore, TrackFilter};

use crate::error::Result;
use crate::heads::Untrained;
use crate::keyed::KeyedMap;
use crate::recordings::Recordings;

/// What ranking and answering need of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackCard {
    /// The track.
    pub id: TrackId,
    /// Title as printed.
    pub title: Box<str>,
    /// Artist as printed.
    pub artist: Box<str>,
    /// The artist as the spacing rule compares it; unknown artists all differ.
    pub artist_key: u64,
    /// The recording as the duplicate rule compares it: title and artist without case,
    /// punctuation and bracketed additions.
    pub canonical_key: u64,
    /// When it entered the catalogue.
    pub created_at: Timestamp,
    /// Release it appeared on.
    pub album: Option<Box<str>>,
    /// Genre as the sender calls it.
    pub genre: Option<Box<str>>,
    /// Year of release.
    pub year: Option<u16>,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Whether the sender marks it explicit.
    pub explicit: Option<bool>,
    /// How popular it is elsewhere, 0 to 100.
    pub prior: Option<u8>,
    /// Free labels.
    pub tags: Box<[String]>,
    /// See [`TrackCard::genre_key`]; read of every candidate of an answer.
    genre_key: Option<u64>,
    /// See [`TrackCard::release_key`]; 0 for none.
    release_key: u32,
}

impl TrackCard {
    /// The release as rules compare it: two of one name by two artists are two.
    pub fn album_key(&self) -> Option<u64> {
        let album = self.album.as_deref()?;
        Some(hash64(&format!(
            "{}\n{}",
            self.artist_key,
            normalise(album)
        )))
    }

    /// The release as spacing compares it: a compilation is one, whoever plays on it, and two releases that
    /// happen to have one name are kept apart too.
    pub fn release_key(&self) -> Option<u64> {
        (self.release_key != 0).then_some(u64::from(self.release_key))
    }

    /// The genre as rules and calibration compare it.
    pub fn genre_key(&self) -> Option<u64> {
        self.genre_key
    }
}

/// The tracks of a tenant under dense indexes. An index is never used for another track.
#[derive(Debug, Default)]
pub struct CatalogueView {
    /// The indexes are its numbers; a track that is gone has no card. In blocks: one list of all cards would
    /// be held twice whenever it grows.
    cards: IdMap<TrackId, Option<TrackCard>>,
    /// None while training, which learns of tracks as they were played.
    recordings: Recordings,
    /// The index that stands for the recording of an index, where that is another: a popular rung asks
    /// it of every track.
    standing: KeyedMap<u32, u32>,
    /// Whether something is said of a popularity elsewhere that was not when popularity was last counted.
    has_new_priors: bool,
    /// What labels there are, counted when it is asked for.
    untrained: OnceLock<Arc<Untrained>>,
}

impl CatalogueView {
    /// Reads all tracks, in the order of their ids.
    pub async fn read(catalog: &dyn CatalogStore, scope: &TenantScope) -> Result<Self> {
        let mut view = Self::default();
        let mut page = PageRequest::largest();
        loop {
            let filter = TrackFilter::default();
            let found = catalog.list_tracks(scope, &filter, &page).await?;
            found.items.iter().for_each(|track| view.put(track));
            match found.next {
                Some(after) => page = page.following(after),
                None => return Ok(view),
            }
        }
    }

    /// Adds a track or renews its card.
    pub fn put(&mut self, track: &Track) {
        let card = self.cards.get_or_default(track.id);
        let before = card.as_ref().and_then(|card| card.prior);
        self.has_new_priors |= before != track.details.popularity;
        *card = Some(card_of(track));
        self.untrained = OnceLock::new();
        self.settle(track.id);
    }

    /// Takes every card out; the indexes stay those of their tracks.
    pub(crate) fn take_cards(&mut self) -> HashMap<TrackId, TrackCard> {
        let ids: Vec<TrackId> = self.cards.iter().map(|(id, _)| id).collect();
        let cards = ids
            .into_iter()
            .filter_map(|id| Some((id, self.cards.get_mut(id)?.take()?)));
        let cards = cards.collect();
        self.standing.clear();
        self.untrained = OnceLock::new();
        cards
    }

    /// Puts a card in.
    pub(crate) fn put_card(&mut self, card: TrackCard) {
        let id = card.id;
        self.has_new_priors |= card.prior.is_some();
        self.untrained = OnceLock::new();
        *self.cards.get_or_default(id) = Some(card);
        self.settle(id);
    }

    /// Takes a track out; its index stays taken.
    pub fn remove(&mut self, id: TrackId) {
        if let Some(card) = self.cards.get_mut(id) {
            *card = None;
        }
        self.untrained = OnceLock::new();
        self.settle(id);
    }

    /// What labels there are before any training.
    ///
    /// - Cost: one pass over all tracks, and none again until one changes.
    pub fn untrained(&self) -> Arc<Untrained> {
        let counted = || Arc::new(Untrained::count(self));
        Arc::clone(self.untrained.get_or_init(counted))
    }

    /// Whether something new was said of popularity elsewhere; not twice.
    pub fn take_new_priors(&mut self) -> bool {
        std::mem::take(&mut self.has_new_priors)
    }

    /// Which tracks are one recording.
    pub fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// Says anew which tracks are one recording.
    ///
    /// - Cost: O(tracks in groups).
    pub fn set_recordings(&mut self, recordings: Recordings) {
        self.recordings = recordings;
        self.standing.clear();
        let firsts: Vec<TrackId> = self.recordings.firsts().collect();
        firsts.into_iter().for_each(|first| self.settle(first));
    }

    /// Finds anew which track stands for the recording of a track that came or went.
    fn settle(&mut self, track: TrackId) {
        let versions = self.recordings.versions(track);
        let stands = versions.iter().find_map(|version| self.index(*version));
        for version in versions {
            let Some(index) = self.cards.number(*version) else {
                continue;
            };
            match stands {
                Some(stands) if stands as u32 != index => {
                    self.standing.insert(index, stands as u32);
                }
                _ => drop(self.standing.remove(&index)),
            }
        }
    }

    /// The index of a track that is in the catalogue.
    pub fn index(&self, id: TrackId) -> Option<usize> {
        let index = self.cards.number(id)? as usize;
        self.card(index).map(|_| index)
    }

    /// The index of the track that stands for the recording of a track: the canonical one of a confirmed
    /// group, the next of the group where that is gone, else its own.
    pub fn standing_for(&self, index: usize) -> usize {
        let other = self.standing.get(&(index as u32));
        other.map_or(index, |other| *other as usize)
    }

    /// Whether no other track stands for the recording of a track.
    pub fn is_standing(&self, track: TrackId) -> bool {
        let index = self.index(track);
        index.is_none_or(|index| self.standing_for(index) == index)
    }

    /// The indexes of all tracks of the recording of a track, whether it is in the catalogue or not.
    pub fn versions(&self, track: TrackId) -> impl Iterator<Item = usize> + '_ {
        let versions = self.recordings.versions(track);
        let alone = versions.is_empty().then_some(track);
        let all = versions.iter().copied().chain(alone);
        all.filter_map(|version| self.index(version))
    }

    /// The artist of a track as spacing compares it; a track that is gone is its own.
    pub fn artist_key(&self, track: TrackId) -> u64 {
        let card = self.index(track).and_then(|index| self.card(index));
        card.map_or(track.as_u128() as u64, |card| card.artist_key)
    }

    /// The card under an index; `None` once the track is gone.
    pub fn card(&self, index: usize) -> Option<&TrackCard> {
        self.cards.value(index as u32)?.as_ref()
    }

    /// The tracks under indexes, in their order. One without a card is no candidate; as a track that nobody knows it
    /// keeps its place.
    pub fn tracks_at(&self, indexes: impl Iterator<Item = usize>) -> Vec<TrackId> {
        let nobodys = TrackId::from_u128(0);
        let track = |index| self.card(index).map_or(nobodys, |card| card.id);
        indexes.map(track).collect()
    }

    /// Every track with its index.
    pub fn cards(&self) -> impl Iterator<Item = (usize, &TrackCard)> {
        let cards = self.cards.iter().map(|(_, card)| card).enumerate();
        cards.filter_map(|(index, card)| Some((index, card.as_ref()?)))
    }

    /// One more than the largest index.
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// Whether there has never been a track.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }
}

fn card_of(track: &Track) -> TrackCard {
    let details = &track.details;
    let artist = normalise(&details.artist);
    let title = normalise(&details.title);
    let own = track.id.as_u128() as u64;
    TrackCard {
        id: track.id,
        title: track.details.title.as_str().into(),
        artist: track.details.artist.as_str().into(),
        artist_key: if artist.is_empty() {
            own
        } else {
            hash64(&artist)
        },
        canonical_key: hash64(&format!("{artist}\n{title}")),
        created_at: track.created_at,
        album: details.album.as_deref().map(Box::from),
        genre: details.genre.as_deref().map(Box::from),
        year: details.release_date.as_ref().map(ReleaseDate::year),
        duration_ms: details.duration_ms,
        explicit: details.explicit,
        prior: details.popularity,
        tags: details.tags.clone().into(),
        genre_key: (details.genre.as_deref()).map(|genre| hash64(&normalise(genre))),
        release_key: (details.album.as_deref())
            .map_or(0, |album| murmur3_32(normalise(album).as_bytes(), 0).max(1)),
    }
}

/// Lower case, letters and digits only, without what stands in brackets: `Song (Remastered)` and
/// `song` are one recording to a listener.
fn normalise(text: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            c if depth == 0 && c.is_alphanumeric() => kept.extend(c.to_lowercase()),
            _ => {}
        }
    }
    if kept.is_empty() {
        text.trim().to_lowercase()
    } else {
        kept
    }
}

/// A number for a text.
pub(crate) fn hash64(text: &str) -> u64 {
    let bytes = text.as_bytes();
    (u64::from(murmur3_32(bytes, 0)) << 32) | u64::from(murmur3_32(bytes, 0x9E37_79B9))
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::track::TrackDetails;

    use super::*;

    fn track(id: u128, title: &str, artist: &str) -> Track {
        Track {
            id: TrackId::from_u128(id),
            details: TrackDetails {
                title: title.to_owned(),
                artist: artist.to_owned(),
                ..TrackDetails::default()
            },
            audio: None,
            has_lyrics: false,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn versions_of_a_recording_share_a_key_and_strangers_do_not() {
        let key = |title, artist| card_of(&track(1, title, artist)).canonical_key;
        assert_eq!(
            key("Song (Remastered 2011)", "The Band"),
            key("song!", "the band")
        );
        assert_ne!(key("Song", "The Band"), key("Song", "Other"));
        assert_ne!(key("(one)", "x"), key("(two)", "x"));
        let unknown = |id| card_of(&track(id, "a", "")).artist_key;
        assert_ne!(unknown(1), unknown(2));
    }

    #[test]
    fn the_next_of_a_group_stands_for_a_canonical_track_that_is_gone() {
        let mut view = CatalogueView::default();
        (1..5).for_each(|id| view.put(&track(id, "a", "x")));
        let [one, two, three] = [1, 2, 3].map(TrackId::from_u128);
        let stands = |view: &CatalogueView| [0, 1, 2, 3].map(|index| view.standing_for(index));
        assert_eq!(stands(&view), [0, 1, 2, 3]);
        view.set_recordings(Recordings::new(vec![vec![three, one, two]]));
        assert_eq!(stands(&view), [2, 2, 2, 3]);
        assert!(view.is_standing(three) && !view.is_standing(one));
        view.remove(three);
        assert_eq!(view.standing_for(1), 0);
        view.remove(one);
        assert_eq!(view.standing_for(1), 1);
        assert_eq!(view.versions(one).collect::<Vec<_>>(), [1]);
        view.put(&track(3, "a", "x"));
        assert_eq!(view.standing_for(1), 2);
        view.set_recordings(Recordings::default());
        assert_eq!(stands(&view), [0, 1, 2, 3]);
    }

    #[test]
    fn an_index_is_never_reused() {
        let mut view = CatalogueView::default();
        view.put(&track(1, "a", "x"));
        view.put(&track(2, "b", "x"));
        view.remove(TrackId::from_u128(1));
        assert_eq!(view.index(TrackId::from_u128(1)), None);
        view.put(&track(3, "c", "x"));
        assert_eq!(view.index(TrackId::from_u128(3)), Some(2));
        view.put(&track(1, "a", "x"));
        assert_eq!(view.index(TrackId::from_u128(1)), Some(0));
        assert_eq!(view.cards().count(), 3);
    }
}
