//! Tracks, listeners and playlists.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use leitmotif_domain::listener::Listener;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::{Lyrics, Track, TrackRef, check_text};
use leitmotif_domain::{EventId, ListenerId, PlaylistId, TenantScope, Timestamp, TrackId};

use super::{MemoryStorage, page_of};
use crate::arguments::{page_id, search_text};
use crate::changes;
use crate::error::{Error, Result};
use crate::merge::{self, Merged};
use crate::ports::{
    AnalysisDocument, CatalogCounts, CatalogStore, TrackFilter, TrackPatch, UpsertOutcome,
    UpsertResult,
};

/// The catalogue of one tenant.
#[derive(Default)]
pub struct Catalog {
    tracks: BTreeMap<TrackId, Stored>,
    external_ids: HashMap<(String, String), TrackId>,
    listeners: BTreeMap<String, Listener>,
    playlists: BTreeMap<PlaylistId, Playlist>,
}

/// A track with what lies beside it.
#[derive(Clone)]
struct Stored {
    track: Track,
    lyrics: Option<Lyrics>,
    analysis: Option<AnalysisDocument>,
}

impl Catalog {
    /// Whether a track is there.
    pub fn has(&self, id: TrackId) -> bool {
        self.tracks.contains_key(&id)
    }

    fn upsert_all(
        &mut self,
        patches: Vec<TrackPatch>,
        fresh: Vec<TrackId>,
        now: Timestamp,
    ) -> Result<Vec<UpsertResult>> {
        let mut former: Vec<(TrackId, Option<Stored>)> = Vec::new();
        let mut results = Vec::with_capacity(patches.len());
        for (patch, id) in patches.into_iter().zip(fresh) {
            let merged = match self.merge(patch, id, now) {
                Ok(merged) => merged,
                Err(error) => {
                    for (id, stored) in former.into_iter().rev() {
                        self.replace(id, stored);
                    }
                    return Err(error);
                }
            };
            results.push(merged.result);
            if merged.result.outcome == UpsertOutcome::Unchanged {
                continue;
            }
            let id = merged.track.id;
            let stored = self.tracks.get(&id).cloned();
            let analysis = stored.as_ref().and_then(|stored| stored.analysis.clone());
            former.push((id, stored));
            let (track, lyrics) = (merged.track, merged.lyrics);
            self.replace(
                id,
                Some(Stored {
                    track,
                    lyrics,
                    analysis,
                }),
            );
        }
        Ok(results)
    }

    fn merge(&self, patch: TrackPatch, fresh: TrackId, now: Timestamp) -> Result<Merged> {
        let matched = merge::only_match(&patch.details, |namespace, value| {
            Ok(self.find_external(namespace, value))
        })?;
        let Some(id) = merge::meant_track(patch.id, matched)? else {
            return Ok(merge::created(fresh, patch, now));
        };
        let stored = self.tracks.get(&id);
        let stored = stored.ok_or_else(|| Error::not_found("track", id))?;
        merge::updated(stored.track.clone(), stored.lyrics.clone(), patch, now)
    }

    fn find_external(&self, namespace: &str, value: &str) -> Option<TrackId> {
        let key = (namespace.to_owned(), value.to_owned());
        self.external_ids.get(&key).copied()
    }

    /// Puts a track (or nothing) in the place of another, with its external ids.
    fn replace(&mut self, id: TrackId, stored: Option<Stored>) -> bool {
        let former = self.tracks.remove(&id);
        if let Some(former) = &former {
            for (namespace, value) in &former.track.details.external_ids {
                self.external_ids
                    .remove(&(namespace.clone(), value.clone()));
            }
        }
        if let Some(stored) = stored {
            for (namespace, value) in &stored.track.details.external_ids {
                self.external_ids
                    .insert((namespace.clone(), value.clone()), id);
            }
            self.tracks.insert(id, stored);
        }
        former.is_some()
    }

    fn touch(&mut self, listeners: Vec<Listener>) {
        for listener in listeners {
            let name = listener.name.clone();
            self.listeners.entry(name).or_insert(listener);
        }
    }

    fn counts(&self) -> CatalogCounts {
        let count = |is_counted: fn(&Stored) -> bool| {
            self.tracks
                .values()
                .filter(|stored| is_counted(stored))
                .count() as u64
        };
        let artists: BTreeSet<String> = self
            .tracks
            .values()
            .map(|stored| stored.track.details.artist.to_lowercase())
            .filter(|artist| !artist.is_empty())
            .collect();
        CatalogCounts {
            tracks: self.tracks.len() as u64,
            with_audio: count(|stored| stored.track.audio.is_some()),
            with_lyrics: count(|stored| stored.lyrics.is_some()),
            analysed: count(|stored| stored.analysis.is_some()),
            artists: artists.len() as u64,
            listeners: self.listeners.len() as u64,
            playlists: self.playlists.len() as u64,
        }
    }
}

fn passes(stored: &Stored, filter: &TrackFilter) -> bool {
    let details = &stored.track.details;
    let is_same = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_ref().is_none_or(|wanted| {
            value.is_some_and(|value| value.to_lowercase() == wanted.to_lowercase())
        })
    };
    let is_flag = |wanted: Option<bool>, value: bool| wanted.is_none_or(|wanted| wanted == value);
    let search = search_text(details);
    let words = filter.text.iter().flat_map(|text| text.split_whitespace());
    words
        .map(str::to_lowercase)
        .all(|word| search.contains(&word))
        && is_same(&filter.artist, Some(&details.artist))
        && (filter.artist_id.as_ref())
            .is_none_or(|(namespace, id)| details.artist_ids.get(namespace) == Some(id))
        && is_same(&filter.genre, details.genre.as_deref())
        && is_flag(filter.has_audio, stored.track.audio.is_some())
        && is_flag(filter.has_lyrics, stored.lyrics.is_some())
        && is_flag(filter.has_analysis, stored.analysis.is_some())
}

#[async_trait]
impl CatalogStore for MemoryStorage {
    async fn upsert_tracks(
        &self,
        scope: &TenantScope,
        patches: Vec<TrackPatch>,
    ) -> Result<Vec<UpsertResult>> {
        patches.iter().try_for_each(|patch| patch.details.check())?;
        let (clock, entropy) = (self.clock.as_ref(), self.entropy.as_ref());
        let fresh = TrackId::generate_ascending(patches.len(), clock, entropy);
        let now = self.clock.now();
        self.with(scope, |state| {
            let results = state.catalog.upsert_all(patches, fresh, now)?;
            for result in &results {
                let id = EventId::generate(self.clock.as_ref(), self.entropy.as_ref());
                let stored = state.catalog.tracks.get(&result.id);
                let artist = stored.map_or("", |stored| &stored.track.details.artist);
                if let Some(change) = changes::of_upsert(result, artist, id, now) {
                    state.log.append(change, now);
                }
            }
            Ok(results)
        })
    }

    async fn tracks(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Track>> {
        self.with(scope, |state| {
            let tracks = &state.catalog.tracks;
            let found = ids.iter().filter_map(|id| tracks.get(id));
            Ok(found.map(|stored| stored.track.clone()).collect())
        })
    }

    async fn resolve(
        &self,
        scope: &TenantScope,
        references: &[TrackRef],
    ) -> Result<Vec<Option<TrackId>>> {
        self.with(scope, |state| {
            let catalog = &state.catalog;
            let resolve = |reference: &TrackRef| match reference {
                TrackRef::Id(id) => catalog.tracks.contains_key(id).then_some(*id),
                TrackRef::External { namespace, value } => catalog.find_external(namespace, value),
            };
            Ok(references.iter().map(resolve).collect())
        })
    }

    async fn list_tracks(
        &self,
        scope: &TenantScope,
        filter: &TrackFilter,
        page: &PageRequest,
    ) -> Result<Page<Track>> {
        let after = TrackId::from_u128(page_id(page, 0)?);
        self.with(scope, |state| {
            let items = state
                .catalog
                .tracks
                .range(after..)
                .filter(|(id, stored)| **id > after && passes(stored, filter))
                .take(page.limit() + 1)
                .map(|(_, stored)| stored.track.clone())
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |track| {
                track.id.to_string()
            }))
        })
    }

    async fn track_ids(&self, scope: &TenantScope, filter: &TrackFilter) -> Result<Vec<TrackId>> {
        self.with(scope, |state| {
            let tracks = state.catalog.tracks.iter();
            let shown = tracks.filter(|(_, stored)| passes(stored, filter));
            Ok(shown.map(|(id, _)| *id).collect())
        })
    }

    async fn delete_track(&self, scope: &TenantScope, id: TrackId) -> Result<bool> {
        let now = self.clock.now();
        self.with(scope, |state| {
            for playlist in state.catalog.playlists.values_mut() {
                playlist.tracks.retain(|track| *track != id);
            }
            state.imports.forget(id);
            let was_there = state.catalog.replace(id, None);
            if was_there {
                let event = EventId::generate(self.clock.as_ref(), self.entropy.as_ref());
                state.log.append(changes::of_removal(id, event, now), now);
            }
            Ok(was_there)
        })
    }

    async fn counts(&self, scope: &TenantScope) -> Result<CatalogCounts> {
        self.with(scope, |state| Ok(state.catalog.counts()))
    }

    async fn lyrics(&self, scope: &TenantScope, id: TrackId) -> Result<Option<Lyrics>> {
        self.with(scope, |state| {
            let found = state.catalog.tracks.get(&id);
            Ok(found.and_then(|stored| stored.lyrics.clone()))
        })
    }

    async fn lyrics_of(&self, scope: &TenantScope, ids: &[TrackId]) -> Result<Vec<Option<Lyrics>>> {
        self.with(scope, |state| {
            let tracks = &state.catalog.tracks;
            let lyrics = |id: &TrackId| tracks.get(id).and_then(|stored| stored.lyrics.clone());
            Ok(ids.iter().map(lyrics).collect())
        })
    }

    async fn put_analysis(
        &self,
        scope: &TenantScope,
        id: TrackId,
        analysis: AnalysisDocument,
    ) -> Result<()> {
        self.with(scope, |state| {
            if let Some(stored) = state.catalog.tracks.get_mut(&id) {
                stored.analysis = Some(analysis);
            }
            Ok(())
        })
    }

    async fn analyses(
        &self,
        scope: &TenantScope,
        ids: &[TrackId],
    ) -> Result<Vec<Option<AnalysisDocument>>> {
        self.with(scope, |state| {
            let tracks = &state.catalog.tracks;
            let find = |id| tracks.get(id).and_then(|stored| stored.analysis.clone());
            Ok(ids.iter().map(find).collect())
        })
    }

    async fn touch_listeners(&self, scope: &TenantScope, names: &[String]) -> Result<()> {
        let now = self.clock.now();
        self.with(scope, |state| {
            names
                .iter()
                .try_for_each(|name| check_text("listener", name))?;
            let listener = |name: &String| Listener {
                id: ListenerId::of_name(scope.tenant(), name),
                name: name.clone(),
                created_at: now,
            };
            state.catalog.touch(names.iter().map(listener).collect());
            Ok(())
        })
    }

    async fn listener(&self, scope: &TenantScope, id: ListenerId) -> Result<Option<Listener>> {
        self.with(scope, |state| {
            let mut listeners = state.catalog.listeners.values();
            Ok(listeners.find(|listener| listener.id == id).cloned())
        })
    }

    async fn list_listeners(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Listener>> {
        self.with(scope, |state| {
            let listeners = &state.catalog.listeners;
            Ok(page_of(listeners, page.after.as_ref(), page, |listener| {
                listener.name.clone()
            }))
        })
    }

    async fn put_playlist(&self, scope: &TenantScope, playlist: Playlist) -> Result<()> {
        playlist.check()?;
        self.with(scope, |state| {
            let catalog = &mut state.catalog;
            let is_unknown = |track: &&TrackId| !catalog.tracks.contains_key(track);
            if let Some(track) = playlist.tracks.iter().find(is_unknown) {
                return Err(Error::not_found("track", track));
            }
            let mut playlist = playlist;
            if let Some(former) = catalog.playlists.get(&playlist.id) {
                playlist.created_at = former.created_at;
            }
            catalog.playlists.insert(playlist.id, playlist);
            Ok(())
        })
    }

    async fn playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<Option<Playlist>> {
        self.with(scope, |state| Ok(state.catalog.playlists.get(&id).cloned()))
    }

    async fn list_playlists(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Playlist>> {
        let after = PlaylistId::from_u128(page_id(page, 0)?);
        self.with(scope, |state| {
            let playlists = &state.catalog.playlists;
            Ok(page_of(playlists, Some(&after), page, |playlist| {
                playlist.id.to_string()
            }))
        })
    }

    async fn delete_playlist(&self, scope: &TenantScope, id: PlaylistId) -> Result<bool> {
        self.with(scope, |state| {
            Ok(state.catalog.playlists.remove(&id).is_some())
        })
    }
}
