//! What was found and what was decided, kept as two documents of the tenant.

use std::collections::BTreeMap;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{TenantScope, Timestamp, TrackId};
use leitmotif_storage::ports::{BlobKey, BlobStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::groups::DuplicateGroup;
use crate::error::Result;

const REPORT: &str = "duplicates/groups.json";
const DECISIONS: &str = "duplicates/decisions.json";

/// What the last search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DuplicateReport {
    /// When it ended; `None` before the first search.
    pub searched_at: Option<Timestamp>,
    /// Tracks that have a fingerprint.
    pub fingerprinted: u64,
    /// The groups by their first track.
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
}

/// Reads what was found and decided.
pub async fn read_report(blobs: &dyn BlobStore, scope: &TenantScope) -> Result<DuplicateReport> {
    let mut report: DuplicateReport = read(blobs, scope, REPORT).await?;
    report.decisions = read(blobs, scope, DECISIONS).await?;
    Ok(report)
}

pub(super) async fn keep_report(
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
    let read = serde_json::from_slice(&bytes).map_err(|error| leitmotif_storage::Error::Corrupt {
        reason: format!("`{}`: {error}; search for duplicates again", key.as_str()),
    });
    Ok(read?)
}

async fn write(
    blobs: &dyn BlobStore,
    scope: &TenantScope,
    key: &str,
    value: &impl Serialize,
) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(leitmotif_storage::Error::bug)?;
    Ok(blobs.put(scope, &key.parse()?, bytes.into()).await?)
}
