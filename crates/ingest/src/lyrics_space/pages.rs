//! The lyrics of a tenant, page by page.

use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::Lyrics;
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_storage::ports::TrackFilter;

use crate::catalogue::Catalogue;
use crate::error::Result;

/// The songs with lyrics in the order of their ids, page by page.
#[derive(Default)]
pub(crate) struct Pages {
    after: Option<String>,
    is_over: bool,
}

impl Pages {
    /// The next page; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        catalogue: &Catalogue,
        scope: &TenantScope,
    ) -> Result<Option<Vec<(TrackId, Lyrics)>>> {
        if self.is_over {
            return Ok(None);
        }
        let store = &catalogue.store;
        let filter = TrackFilter {
            has_lyrics: Some(true),
            ..TrackFilter::default()
        };
        let asked = PageRequest::new(Some(limits::PAGE_ITEMS_MAX), self.after.take())?;
        let page = store.list_tracks(scope, &filter, &asked).await?;
        self.is_over = page.next.is_none();
        self.after = page.next;
        let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
        let lyrics = store.lyrics_of(scope, &ids).await?;
        let songs = ids.into_iter().zip(lyrics);
        Ok(Some(
            songs
                .filter_map(|(id, lyrics)| Some((id, lyrics?)))
                .collect(),
        ))
    }
}
