//! What the view of a tenant says of tracks, level with the log.

use std::collections::HashMap;

use leitmotif_domain::{TenantScope, TrackId};

use crate::catalogue::TrackCard;
use crate::error::Result;
use crate::service::Recommender;
use crate::view::TenantView;

impl Recommender {
    /// Finds the titles of tracks.
    pub async fn titles(
        &self,
        scope: &TenantScope,
        tracks: &[TrackId],
    ) -> Result<HashMap<TrackId, String>> {
        let named = self.names(scope, tracks).await?.into_iter();
        Ok(named.map(|(track, (title, _))| (track, title)).collect())
    }

    /// Finds title and artist of tracks.
    pub async fn names(
        &self,
        scope: &TenantScope,
        tracks: &[TrackId],
    ) -> Result<HashMap<TrackId, (String, String)>> {
        let name = |view: &TenantView, track: TrackId| {
            let card = view.catalogue.card(view.catalogue.index(track)?)?;
            Some((track, (card.title.to_string(), card.artist.to_string())))
        };
        let named = |view: &TenantView| tracks.iter().filter_map(|one| name(view, *one)).collect();
        self.with_view(scope, named).await
    }

    /// How popular tracks are; those that nobody plays are left out.
    pub async fn popularity(
        &self,
        scope: &TenantScope,
        tracks: &[TrackId],
    ) -> Result<HashMap<TrackId, f64>> {
        let now = self.stores().clock.now();
        let popularity = |view: &TenantView| {
            let known = tracks.iter().filter_map(|track| {
                let activity = view.projection.state.track(*track)?;
                Some((*track, activity.popularity(now)))
            });
            known.filter(|(_, played)| *played > 0.0).collect()
        };
        self.with_view(scope, popularity).await
    }

    /// The artists of tracks as spacing compares them; a track that is gone is its own.
    pub async fn artist_keys(&self, scope: &TenantScope, tracks: &[TrackId]) -> Result<Vec<u64>> {
        let keys = |view: &TenantView| {
            let key = |track: &TrackId| view.catalogue.artist_key(*track);
            tracks.iter().map(key).collect()
        };
        self.with_view(scope, keys).await
    }

    /// The tracks under these indexes of a trace, with title and artist; those that are gone are left
    /// out.
    pub async fn cards(
        &self,
        scope: &TenantScope,
        indexes: &[usize],
    ) -> Result<HashMap<usize, TrackCard>> {
        let cards = |view: &TenantView| {
            let card = |index: &usize| Some((*index, view.catalogue.card(*index)?.clone()));
            indexes.iter().filter_map(card).collect()
        };
        self.with_view(scope, cards).await
    }
}
