//! What a listener did with which tracks, read once for an answer.

use leitmotif_domain::zone::DayPart;
use leitmotif_domain::{ListenerId, Timestamp, TrackId};
use leitmotif_features::{ListenerProfile, TrackHistory};

use crate::keyed::{KeyedMap, KeyedSet, map_for};
use crate::skips::is_rejected;
use crate::view::TenantView;

/// A track that a listener did something with.
#[derive(Debug, Clone, Copy)]
pub struct KnownTrack {
    /// Which.
    pub track: TrackId,
    /// What.
    pub history: TrackHistory,
    /// Its index in the catalogue; none once it is gone.
    pub index: Option<usize>,
    /// Its column in the model; one that is gone may still have it.
    pub column: Option<usize>,
}

/// The tracks that a listener did something with, none for nobody known.
///
/// A profile keeps plays, of which every sum is a pass and a sort: an answer asks for them several times.
#[derive(Default)]
pub struct KnownTracks<'p> {
    profile: Option<&'p ListenerProfile>,
    /// By id.
    list: Vec<KnownTrack>,
    /// Places in the list by catalogue index.
    places: KeyedMap<usize, usize>,
    /// The newest plays, newest first: when, of which place in the list, and what each says of its track. They are
    /// gone through again and again.
    recent: Vec<(Timestamp, u32, f32)>,
}

impl<'p> KnownTracks<'p> {
    /// Sums a profile by track.
    ///
    /// - Cost: O(plays of the profile · log).
    pub fn of(view: &'p TenantView, listener: Option<ListenerId>) -> Self {
        let profile = view.profile(listener);
        let Some(profile) = profile else {
            return Self::default();
        };
        let tracks = profile.tracks();
        let room = tracks.size_hint().1.unwrap_or(0);
        let mut list = Vec::with_capacity(room);
        list.extend(tracks.map(|(track, history)| {
            let index = view.catalogue.index(track);
            KnownTrack {
                track,
                history,
                index,
                column: index.map_or_else(
                    || view.model.as_ref()?.column(track),
                    |index| view.column(index),
                ),
            }
        }));
        let mut places = map_for(list.len());
        let placed = list.iter().zip(0..);
        places.extend(placed.filter_map(|(one, place)| Some((one.index?, place))));
        let mut recent = Vec::with_capacity(room);
        recent.extend(profile.recent_signals().filter_map(|(at, track, signal)| {
            let place = list.binary_search_by_key(&track, |one| one.track).ok()?;
            Some((at, u32::try_from(place).ok()?, signal))
        }));
        Self {
            profile: Some(profile),
            list,
            places,
            recent,
        }
    }

    /// Whether the listener is known.
    pub fn has_profile(&self) -> bool {
        self.profile.is_some()
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &KnownTrack> {
        self.list.iter()
    }

    /// What was done with the track under a catalogue index.
    pub fn history(&self, index: usize) -> Option<&TrackHistory> {
        let place = self.places.get(&index)?;
        self.list.get(*place).map(|one| &one.history)
    }

    /// The tracks of the newest plays, newest first, each as often as it was played.
    pub fn recent(&self) -> impl Iterator<Item = &KnownTrack> {
        self.recent_signals().map(|(_, one, _)| one)
    }

    /// The newest plays with when they were and what each says of its track; newest first.
    pub fn recent_signals(&self) -> impl Iterator<Item = (Timestamp, &KnownTrack, f32)> {
        let plays = self.recent.iter();
        plays
            .filter_map(|(at, place, signal)| Some((*at, self.list.get(*place as usize)?, *signal)))
    }

    /// Whether a skip is among the newest plays, back to a moment.
    pub fn has_skip_since(&self, moment: Timestamp) -> bool {
        let mut lately = self.recent.iter().take_while(|(at, ..)| *at >= moment);
        lately.any(|(_, _, signal)| *signal < 0.0)
    }

    /// Those of the newest plays that lie in a part of the listener's day, newest first.
    pub fn recent_in(&self, part: DayPart) -> impl Iterator<Item = &KnownTrack> {
        let profile = self.profile.into_iter();
        let plays = profile.flat_map(move |profile| profile.recent_in(part));
        plays.filter_map(|track| self.find(track))
    }

    fn find(&self, track: TrackId) -> Option<&KnownTrack> {
        let place = self.list.binary_search_by_key(&track, |one| one.track);
        self.list.get(place.ok()?)
    }

    /// Every version of what the listener rejects.
    pub fn rejected(&self, view: &TenantView) -> KeyedSet<usize> {
        let tracks = self.list.iter();
        let rejected = tracks.filter(|one| is_rejected(&one.history));
        rejected
            .flat_map(|one| view.catalogue.versions(one.track))
            .collect()
    }
}
