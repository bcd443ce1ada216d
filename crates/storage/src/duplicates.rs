//! Recordings that are in the catalogue more than once: what a search found and what people decided, kept
//! as two documents of the tenant. Who finds them and who reads them meet here.

use std::collections::BTreeMap;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, Verdict};
use leitmotif_domain::{EventId, TenantScope, Timestamp, TrackId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ports::{BlobKey, BlobStore, EventLog};

const REPORT: &str = "duplicates/groups.json";
const DECISIONS: &str = "duplicates/decisions.json";
/// The subject of the verdict in the log that says that other groups hold from now on.
pub const DUPLICATES: &str = "duplicates";

/// A track of a group. Of a group that only shares an id both numbers are 0 and mean nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DuplicateTrack {
    /// The track.
    pub track: TrackId,
    /// Share of fingerprint bits that differ from the nearest other track of the group.
    pub bit_error_rate: f64,
    /// By how much it begins later than that track, in seconds.
    pub offset_s: f64,
}

/// Tracks that sound like one recording, or carry one id elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DuplicateGroup {
    /// The track that stands for the group.
    pub canonical: TrackId,
    /// The tracks by id, at least two.
    pub tracks: Vec<DuplicateTrack>,
    /// The id that they carry, as `namespace:id`; `None` for those that sound the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_id: Option<String>,
}

impl DuplicateGroup {
    /// The name of the group, which does not change when others join: its first track, or what is derived
    /// of the id that they share, for the same track may begin a group of either kind.
    pub fn id(&self) -> Option<TrackId> {
        match &self.shared_id {
            Some(id) => Some(TrackId::derive(&[b"shared id", id.as_bytes()])),
            None => self.tracks.first().map(|first| first.track),
        }
    }

    /// The ids of its tracks.
    pub fn ids(&self) -> Vec<TrackId> {
        self.tracks.iter().map(|one| one.track).collect()
    }
}

/// What the last search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DuplicateReport {
    /// When it ended; `None` before the first search.
    pub searched_at: Option<Timestamp>,
    /// Tracks that have a fingerprint.
    pub fingerprinted: u64,
    /// The groups by their names.
    pub groups: Vec<DuplicateGroup>,
    /// What people said of groups, by the name of the group.
    #[serde(skip)]
    pub decisions: BTreeMap<TrackId, Decision>,
}

/// What a person said of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether they are one recording.
    pub is_confirmed: bool,
    /// The track that is to stand for them; the rule's choice when nobody chose.
    pub canonical: Option<TrackId>,
    /// The tracks that were looked at: a group that others joined since is open again.
    pub tracks: Vec<TrackId>,
}

impl DuplicateReport {
    /// The decision on a group, if it is about the group as it is.
    pub fn decision(&self, group: &DuplicateGroup) -> Option<&Decision> {
        let decision = self.decisions.get(&group.id()?)?;
        (decision.tracks == group.ids()).then_some(decision)
    }

    /// The groups that a person confirmed as they are, each with the track that stands for it first and
    /// the others by id. What nobody looked at, and a group that changed since, is not among them.
    pub fn confirmed(&self) -> Vec<Vec<TrackId>> {
        let confirmed = self.groups.iter().filter_map(|group| {
            let decision = self.decision(group).filter(|said| said.is_confirmed)?;
            let canonical = decision.canonical.unwrap_or(group.canonical);
            let others = group.ids().into_iter().filter(|track| *track != canonical);
            Some([canonical].into_iter().chain(others).collect())
        });
        confirmed.collect()
    }
}

/// Reads what was found and decided.
pub async fn read_report(blobs: &dyn BlobStore, scope: &TenantScope) -> Result<DuplicateReport> {
    let mut report: DuplicateReport = read(blobs, scope, REPORT).await?;
    report.decisions = read(blobs, scope, DECISIONS).await?;
    Ok(report)
}

/// Keeps what a search found in place of what was found before.
pub async fn keep_report(
    blobs: &dyn BlobStore,
    scope: &TenantScope,
    report: &DuplicateReport,
) -> Result<()> {
    write(blobs, scope, REPORT, report).await
}

/// Writes down what a person said of a group; a later word replaces it. Two people who decide at the
/// same moment may lose one of the words, which the list then shows as open.
///
/// - Errors: `Invalid` when the canonical track is none of the group.
pub async fn decide(
    blobs: &dyn BlobStore,
    scope: &TenantScope,
    group: &DuplicateGroup,
    is_confirmed: bool,
    canonical: Option<TrackId>,
) -> Result<()> {
    let tracks = group.ids();
    if let Some(chosen) = canonical.filter(|chosen| !tracks.contains(chosen)) {
        let reason = format!("`{chosen}` is none of the group");
        return Err(InvalidValue::new("canonical", reason).into());
    }
    let Some(id) = group.id() else {
        return Ok(());
    };
    let mut decisions: BTreeMap<TrackId, Decision> = read(blobs, scope, DECISIONS).await?;
    decisions.insert(
        id,
        Decision {
            is_confirmed,
            canonical,
            tracks,
        },
    );
    write(blobs, scope, DECISIONS, &decisions).await
}

/// Tells the log that groups were found or decided on, after they were written; whoever keeps them in
/// memory reads them again.
pub async fn announce(
    log: &dyn EventLog,
    scope: &TenantScope,
    event_id: EventId,
    conclusion: &str,
    now: Timestamp,
) -> Result<()> {
    let event = Event {
        event_id,
        occurred_at: now,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::Verdict(Verdict {
            subject: DUPLICATES.to_owned(),
            conclusion: conclusion.to_owned(),
            detail: None,
        }),
    };
    log.append(scope, vec![event]).await?;
    Ok(())
}

async fn read<T: DeserializeOwned + Default>(
    blobs: &dyn BlobStore,
    scope: &TenantScope,
    key: &str,
) -> Result<T> {
    let key: BlobKey = key.parse()?;
    if blobs.stat(scope, &key).await?.is_none() {
        return Ok(T::default());
    }
    let bytes = blobs.read(scope, &key, 0..u64::MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Corrupt {
        reason: format!("`{}`: {error}; search for duplicates again", key.as_str()),
    })
}

async fn write(
    blobs: &dyn BlobStore,
    scope: &TenantScope,
    key: &str,
    value: &impl Serialize,
) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(Error::bug)?;
    blobs.put(scope, &key.parse()?, bytes.into()).await
}
