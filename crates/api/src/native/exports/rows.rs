//! Reading the rows of a table, page by page.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use leitmotif_domain::event::{Event, EventPayload, Listen};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::{Lyrics, Track};
use leitmotif_domain::{ListenerId, TrackId, limits};
use leitmotif_ingest::jobs::TrackAnalysis;
use leitmotif_storage::ports::{TrackFilter, VectorSpace};
use leitmotif_storage::tables::{Cell, write_row};
use leitmotif_storage::{Error, error::Result};
use serde::Serialize;
use sha2::Sha256;

use super::{Export, ExportTable};

/// Events looked at for one page of listens.
const EVENTS_PER_PAGE: usize = 1_000;
/// Bytes of a pseudonym: 128 bits, so that two listeners never share one.
const PSEUDONYM_BYTES: usize = 16;

impl Export {
    /// The lines of a page and where the next begins; `None` after the last.
    pub(super) async fn page(&self, from: &str) -> Result<(Bytes, Option<String>)> {
        match self.table {
            ExportTable::Listens => self.page_of_listens(from).await,
            _ => self.page_of_tracks(from).await,
        }
    }

    async fn page_of_tracks(&self, from: &str) -> Result<(Bytes, Option<String>)> {
        let after = Some(from.to_owned()).filter(|key| !key.is_empty());
        let asked = PageRequest::new(Some(limits::PAGE_ITEMS_MAX), after)?;
        let filter = TrackFilter::default();
        let page = self
            .state
            .catalog
            .list_tracks(&self.scope, &filter, &asked)
            .await?;
        let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
        let rows = match self.table {
            ExportTable::Tracks => {
                let lyrics = self.state.catalog.lyrics_of(&self.scope, &ids).await?;
                let pairs = page.items.into_iter().zip(lyrics);
                let rows = pairs.map(|(track, lyrics)| self.track(track, lyrics));
                rows.collect::<Result<Vec<_>>>()?
            }
            ExportTable::Descriptors => self.descriptors(&ids).await?,
            _ => self.embeddings(&ids).await?,
        };
        Ok((self.lines(&rows)?, page.next))
    }

    fn lines(&self, rows: &[Vec<Cell>]) -> Result<Bytes> {
        let columns = self.table.columns(self.with_lyrics);
        let mut out = Vec::new();
        for row in rows {
            write_row(&columns, row, &mut out)?;
        }
        Ok(out.into())
    }

    fn track(&self, track: Track, lyrics: Option<Lyrics>) -> Result<Vec<Cell>> {
        let details = track.details;
        let (lyrics_hash, text) = lyrics.map(|one| (one.content_hash, one.text)).unzip();
        let audio = track.audio;
        let size = audio
            .as_ref()
            .and_then(|audio| i64::try_from(audio.size_bytes).ok());
        let mut row = vec![
            Cell::Text(track.id.to_string()),
            Cell::Text(details.title),
            Cell::Text(details.artist),
            details.album.into(),
            details.genre.into(),
            details.release_date.map(String::from).into(),
            details.duration_ms.into(),
            details.explicit.into(),
            details.track_number.into(),
            details.popularity.map(u32::from).into(),
            json_cell(&details.external_ids)?,
            json_cell(&details.artist_ids)?,
            json_cell(&details.tags)?,
            audio
                .as_ref()
                .map(|audio| audio.content_hash.clone())
                .into(),
            audio
                .as_ref()
                .and_then(|audio| audio.payload_hash.clone())
                .into(),
            size.map_or(Cell::Null, Cell::Integer),
            audio.map(|audio| audio.extension).into(),
            lyrics_hash.into(),
            Cell::Text(track.created_at.to_string()),
        ];
        if self.with_lyrics {
            row.push(text.into());
        }
        Ok(row)
    }

    async fn descriptors(&self, ids: &[TrackId]) -> Result<Vec<Vec<Cell>>> {
        let analyses = self.state.catalog.analyses(&self.scope, ids).await?;
        let mut rows = Vec::new();
        for (id, stored) in ids.iter().zip(analyses) {
            let Some(stored) = stored else {
                continue;
            };
            let analysis: TrackAnalysis =
                serde_json::from_value(stored.document).map_err(Error::bug)?;
            let audio = analysis.audio.into_iter().flat_map(|part| part.descriptors);
            let words = analysis
                .lyrics
                .into_iter()
                .flat_map(|part| part.descriptors);
            let told = analysis
                .plugins
                .into_iter()
                .flat_map(|part| part.descriptors);
            let all = audio
                .map(|one| ("audio", one))
                .chain(words.map(|one| ("lyrics", one)))
                .chain(told.map(|one| ("plugin", one)));
            for (source, descriptor) in all {
                let number = descriptor.value.as_f64();
                let value = match descriptor.value.is_null() {
                    true => Cell::Null,
                    false => json_cell(&descriptor.value)?,
                };
                rows.push(vec![
                    Cell::Text(id.to_string()),
                    Cell::Text(source.to_owned()),
                    Cell::Text(descriptor.name),
                    value,
                    number.into(),
                    descriptor.confidence.and_then(widened).into(),
                    Cell::Text(descriptor.method),
                    Cell::Text(descriptor.version),
                    descriptor
                        .evidence_count
                        .map(|count| Cell::Integer(count as i64))
                        .into(),
                    descriptor.evidence_unit.into(),
                ]);
            }
        }
        Ok(rows)
    }

    async fn embeddings(&self, ids: &[TrackId]) -> Result<Vec<Vec<Cell>>> {
        let spaces = self.state.vectors.spaces(&self.scope).await?;
        let mut rows = Vec::new();
        for id in ids {
            for (space, _) in &spaces {
                rows.extend(self.embedding(*id, space).await?);
            }
        }
        Ok(rows)
    }

    async fn embedding(&self, id: TrackId, space: &VectorSpace) -> Result<Option<Vec<Cell>>> {
        let vector = self.state.vectors.vector(&self.scope, space, id).await?;
        Ok(vector.map(|vector| {
            let space = Cell::Text(space.to_string());
            vec![Cell::Text(id.to_string()), space, Cell::Reals(vector)]
        }))
    }

    async fn page_of_listens(&self, from: &str) -> Result<(Bytes, Option<String>)> {
        let from: u64 = from.parse().unwrap_or(0);
        let events = self
            .state
            .log
            .read(&self.scope, from, EVENTS_PER_PAGE)
            .await?;
        let next = events.last().map(|last| last.offset.to_string());
        let rows: Vec<_> = events
            .iter()
            .filter_map(|one| self.listen(&one.event))
            .collect();
        Ok((self.lines(&rows)?, next))
    }

    /// A play as a row; `None` for other events and for private sessions, which are nobody else's.
    fn listen(&self, event: &Event) -> Option<Vec<Cell>> {
        if event.payload.is_private() {
            return None;
        }
        let (kind, listen) = match &event.payload {
            EventPayload::Listen(listen) => ("listen", listen),
            EventPayload::ScrobbleDeleted(deleted) => ("taken_back", deleted.listen.as_ref()?),
            _ => return None,
        };
        let Listen {
            track,
            played_ms,
            track_ms,
            outcome,
            source,
            request_id,
            reason,
            ..
        } = listen;
        let outcome = serde_json::to_value(outcome).ok()?;
        Some(vec![
            event
                .listener
                .map(|listener| self.pseudonym(listener))
                .into(),
            Cell::Text(track.to_string()),
            Cell::Text(kind.to_owned()),
            Cell::Text(event.occurred_at.to_string()),
            outcome.as_str().map(str::to_owned).into(),
            (*played_ms).into(),
            (*track_ms).into(),
            source.clone().into(),
            request_id.map(|id| id.to_string()).into(),
            reason.clone().into(),
        ])
    }

    /// Names a listener by a keyed hash. Our own id will not do: it follows from the name that the
    /// player uses, so that whoever guesses the name finds the person.
    fn pseudonym(&self, listener: ListenerId) -> String {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.state.cursor_key)
            .expect("HMAC takes a key of any length");
        mac.update(b"leitmotif export: listener");
        mac.update(&self.scope.tenant().as_u128().to_be_bytes());
        mac.update(&listener.as_u128().to_be_bytes());
        hex::encode(&mac.finalize().into_bytes()[..PSEUDONYM_BYTES])
    }
}

fn json_cell(value: &impl Serialize) -> Result<Cell> {
    Ok(Cell::Text(
        serde_json::to_string(value).map_err(Error::bug)?,
    ))
}

/// A number in single precision as the double of the same shortest text.
fn widened(number: f32) -> Option<f64> {
    number.to_string().parse().ok()
}
