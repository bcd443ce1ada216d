//! Recommendations for many listeners at once, from what was known at one moment.

use std::time::Instant;

use leitmotif_domain::job::Progress;
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{ListenerId, TenantScope, Timestamp, TrackId, limits};
use leitmotif_storage::ports::BlobKey;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::pipeline::{RecommendRequest, Recommendations};
use crate::service::{Manner, Recommender};
use crate::trace::Stopwatch;

/// Listeners whose rows are written at once: what is held in memory, and what a restart does again.
pub const LISTENERS_PER_PART: usize = limits::PAGE_ITEMS_MAX;

/// What a batch is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// The placement whose pipeline makes the lists.
    pub placement: String,
    /// Places wanted of each list.
    pub count: usize,
    /// For whom, by name; every listener when absent.
    pub listeners: Option<Vec<String>>,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchState {
    /// The last event that the lists know of.
    pub log_offset: u64,
    /// The moment that the lists are made for.
    pub at: Timestamp,
    /// Listeners done.
    pub done: u64,
    /// Listeners to do.
    pub total: u64,
    /// Parts written.
    pub parts: u32,
    /// Where the listing of listeners goes on; absent at the end, and where listeners are named.
    pub after: Option<String>,
    /// Whether every listener is done.
    pub is_done: bool,
    /// What was spent on lists, all runs together.
    pub spent_ms: u64,
}

/// One row of a batch: the list of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRow {
    /// The listener's name.
    pub listener: String,
    /// How personal the list is.
    pub rung: String,
    /// The model behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_version: Option<String>,
    /// The version of the pipeline that made it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pipeline_version: Option<u32>,
    /// The tracks in order.
    pub tracks: Vec<BatchTrack>,
}

/// One place of a row. Numbers are written so that they read back as they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchTrack {
    /// The track.
    pub id: TrackId,
    /// What it was ranked by.
    pub score: f32,
    /// Share of it that the listener is expected to hear, where a model tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_listened_share: Option<f32>,
}

impl BatchRow {
    fn of(listener: String, answered: &Recommendations) -> Self {
        let tracks = answered.tracks.iter().map(|place| BatchTrack {
            id: place.track,
            score: place.score,
            expected_listened_share: place.expected_listened_share,
        });
        Self {
            listener,
            rung: answered.rung.name().to_owned(),
            model_version: answered.model.map(|model| model.to_string()),
            pipeline_version: answered.assignment.version,
            tracks: tracks.collect(),
        }
    }
}

impl Recommender {
    /// Stores what a batch is asked for; the batch before is given up with its rows.
    pub async fn prepare_batch(&self, scope: &TenantScope, request: &BatchRequest) -> Result<()> {
        let blobs = &self.stores().blobs;
        if let Some(former) = self.batch_state(scope).await? {
            for part in 0..former.parts {
                blobs.delete(scope, &part_key(part)?).await?;
            }
        }
        blobs.delete(scope, &state_key()?).await?;
        self.write(scope, &request_key()?, request).await
    }

    /// How far the last batch is; none before the first, and before one that waits begins.
    pub async fn batch_state(&self, scope: &TenantScope) -> Result<Option<BatchState>> {
        self.read(scope, &state_key()?).await
    }

    /// A part of the rows, one JSON object a line; none beyond the last.
    pub async fn batch_part(&self, scope: &TenantScope, part: u32) -> Result<Option<Vec<u8>>> {
        let (blobs, key) = (&self.stores().blobs, part_key(part)?);
        let Some(stat) = blobs.stat(scope, &key).await? else {
            return Ok(None);
        };
        let bytes = blobs.read(scope, &key, 0..stat.size_bytes).await?;
        Ok(Some(bytes.to_vec()))
    }

    /// Makes the lists of the stored request.
    ///
    /// All lists follow from what a start at one moment would read: the log up to one offset and the tables
    /// as they are then. They are made as those of single requests, with all the time it takes and nothing
    /// left to chance, and nothing is written down as shown. What embeddings tell of tracks that the model
    /// does not know is asked of the vector store as it is.
    ///
    /// A run that was cut off goes on after its last part when the log has not grown since, and begins anew
    /// otherwise: lists of two moments are not mixed.
    ///
    /// - Cost: one more view in memory, and one part of rows; an answer for each listener.
    /// - Errors: `Invalid` where nothing was asked for.
    pub async fn run_batch(
        &self,
        scope: &TenantScope,
        report: impl Fn(Progress),
    ) -> Result<BatchState> {
        let asked: Option<BatchRequest> = self.read(scope, &request_key()?).await?;
        let request = asked.ok_or_else(|| {
            leitmotif_domain::error::InvalidValue::new("batch", "no batch was asked for")
        })?;
        let mut state = self.begin(scope, &request).await?;
        let slot = self.open_beside(scope, state.at).await?;
        if slot.offset() != state.log_offset {
            state = self.anew(scope, &request, slot.offset()).await?;
        }
        let manner = Manner {
            now: state.at,
            is_explored: false,
            is_awaited: false,
            request_id: None,
        };
        while !state.is_done {
            report(Progress {
                done: state.done,
                total: state.total,
            });
            let begun = Instant::now();
            let names = self.next_listeners(scope, &request, &mut state).await?;
            let mut lines = Vec::new();
            for name in names {
                let asked = RecommendRequest {
                    listener: Some(ListenerId::of_name(scope.tenant(), &name)),
                    count: request.count,
                    placement: request.placement.clone(),
                    ..RecommendRequest::default()
                };
                let slot = slot.clone();
                let watch = Stopwatch::start();
                let answered = self.answer_on(scope, slot, asked, manner, watch).await?;
                let row = BatchRow::of(name, &answered);
                serde_json::to_writer(&mut lines, &row).map_err(Error::bug)?;
                lines.push(b'\n');
                state.done += 1;
            }
            let key = part_key(state.parts)?;
            (self.stores().blobs).put(scope, &key, lines.into()).await?;
            state.parts += 1;
            state.spent_ms += u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.write(scope, &state_key()?, &state).await?;
        }
        report(Progress {
            done: state.done,
            total: state.total,
        });
        Ok(state)
    }

    /// Where a batch goes on, or its beginning.
    async fn begin(&self, scope: &TenantScope, request: &BatchRequest) -> Result<BatchState> {
        match self.batch_state(scope).await? {
            Some(state) => Ok(state),
            None => {
                let head = self.stores().log.head(scope).await?;
                self.anew(scope, request, head).await
            }
        }
    }

    async fn anew(
        &self,
        scope: &TenantScope,
        request: &BatchRequest,
        log_offset: u64,
    ) -> Result<BatchState> {
        let total = match &request.listeners {
            Some(names) => names.len() as u64,
            None => self.stores().catalog.counts(scope).await?.listeners,
        };
        Ok(BatchState {
            log_offset,
            at: self.stores().clock.now(),
            done: 0,
            total,
            parts: 0,
            after: None,
            is_done: false,
            spent_ms: 0,
        })
    }

    /// The next part's listeners; notes where the one after it begins.
    async fn next_listeners(
        &self,
        scope: &TenantScope,
        request: &BatchRequest,
        state: &mut BatchState,
    ) -> Result<Vec<String>> {
        if let Some(names) = &request.listeners {
            let from = usize::try_from(state.done).unwrap_or(usize::MAX);
            let rest = names.get(from..).unwrap_or_default();
            state.is_done = rest.len() <= LISTENERS_PER_PART;
            return Ok(rest.iter().take(LISTENERS_PER_PART).cloned().collect());
        }
        let page = PageRequest::new(Some(LISTENERS_PER_PART), state.after.clone())?;
        let page = self.stores().catalog.list_listeners(scope, &page).await?;
        state.is_done = page.next.is_none();
        state.after = page.next;
        Ok(page
            .items
            .into_iter()
            .map(|listener| listener.name)
            .collect())
    }

    async fn read<T: for<'a> Deserialize<'a>>(
        &self,
        scope: &TenantScope,
        key: &BlobKey,
    ) -> Result<Option<T>> {
        let blobs = &self.stores().blobs;
        let Some(stat) = blobs.stat(scope, key).await? else {
            return Ok(None);
        };
        let bytes = blobs.read(scope, key, 0..stat.size_bytes).await?;
        let read = serde_json::from_slice(&bytes);
        let damaged = |error| leitmotif_storage::Error::Corrupt {
            reason: format!("`{key}`: {error}"),
        };
        Ok(Some(read.map_err(damaged)?))
    }

    async fn write(
        &self,
        scope: &TenantScope,
        key: &BlobKey,
        value: &impl Serialize,
    ) -> Result<()> {
        let bytes = serde_json::to_vec(value).map_err(Error::bug)?;
        Ok(self.stores().blobs.put(scope, key, bytes.into()).await?)
    }
}

fn request_key() -> Result<BlobKey> {
    Ok("batch/request.json".parse()?)
}

fn state_key() -> Result<BlobKey> {
    Ok("batch/state.json".parse()?)
}

fn part_key(part: u32) -> Result<BlobKey> {
    Ok(format!("batch/part-{part:06}.jsonl").parse()?)
}
