//! Results of finished stages, written down so that a training that is broken off goes on.
//!
//! What is cheap to find again is not written: the fits of a moment follow from the settings, and the
//! rows of the ranker are larger than all the rest together.

use leitmotif_domain::{ErrorKind, ModelId, TenantScope, Timestamp};
use leitmotif_features::LiveView;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_storage::ports::BlobKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TrainingRun;
use super::ablation::Ablation;
use super::against::SearchVerdict;
use super::cold::ColdReport;
use super::current::CurrentModel;
use super::exposed::ExposureReport;
use super::fitting::{LearntTrees, SourceSettings};
use super::ladder::Ladder;
use super::listened::ListenedReport;
use super::moment::MomentReport;
use super::newcomers::NewcomerReport;
use super::ranker::{RankerReport, RankerTrial};
use super::report::Pareto;
use super::steps::{LearntSteps, StepReport};
use super::tune::{NeighbourTrial, SourceTrial};
use crate::catalogue::CatalogueView;
use crate::error::{Error, Result};
use crate::model::BlendWeights;
use crate::rank::column_names;
use crate::service::Stores;

/// Raised with every change of what training computes, so that parts of an older program are left.
const RECIPE: u32 = 6;
/// The parts, by name.
const PARTS: [&str; 8] = [
    "begin",
    "source_trials",
    "sources",
    "ranker_trials",
    "ranker",
    "evaluated",
    "measured",
    "model",
];

/// What was found for the sources.
#[derive(Serialize, Deserialize)]
pub struct SettledSources {
    /// Embedding neighbours of each track.
    pub content: ItemNeighbours,
    /// The settings they are fitted with.
    pub settings: SourceSettings,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// Everything tried for the factorisation.
    pub trials: Vec<SourceTrial>,
    /// Everything tried for neighbours.
    pub neighbour_trials: Vec<NeighbourTrial>,
    /// Whether what a search found is used.
    pub verdict: Option<SearchVerdict>,
    /// How new tracks are found.
    pub cold: Option<ColdReport>,
    /// How new listeners are answered.
    pub newcomers: Option<NewcomerReport>,
}

/// An order that was learnt.
#[derive(Serialize, Deserialize)]
pub struct SettledOrder {
    /// The trees as text.
    pub trees: String,
    /// What the blended score counts beside them.
    pub blend_weight: f32,
    /// What the expected listened share would count in it.
    pub listened_weight: f32,
    /// What is told of it.
    pub report: RankerReport,
}

/// The order that was learnt, if any.
#[derive(Serialize, Deserialize)]
pub struct SettledRanker {
    /// The trees as text, what the blend counts beside them, and what is told of them.
    pub learnt: Option<SettledOrder>,
    /// The order of the usual settings, where a search found another.
    pub usual: Option<SettledOrder>,
    /// Everything tried.
    pub trials: Vec<RankerTrial>,
    /// What lists that were shown brought to it.
    pub exposed: Option<ExposureReport>,
    /// Trees that tell the listened share as text.
    pub listened: Option<String>,
    /// What steps from one track to the next cost.
    pub steps: Option<LearntSteps>,
}

impl SettledRanker {
    /// The order that a model has: the usual one where what a search found does not reach more.
    pub fn kept(&self, verdict: Option<&SearchVerdict>) -> Option<&SettledOrder> {
        match (&self.usual, verdict) {
            (Some(usual), Some(verdict)) if !verdict.is_kept => Some(usual),
            _ => self.learnt.as_ref(),
        }
    }
}

/// What the held-out listens said.
#[derive(Serialize, Deserialize)]
pub struct Evaluated {
    /// When they begin.
    pub split_at: Timestamp,
    /// How each source does.
    pub ladder: Ladder,
    /// Whether the order that a search found is used; none where there was only the usual one.
    pub ranker_verdict: Option<SearchVerdict>,
    /// Whether the learnt order beat the blend.
    pub is_ranker_in_use: bool,
    /// How well the listened share is told; none where it was not learnt.
    pub listened: Option<ListenedReport>,
    /// How well the costs of steps tell where listeners play on; none where they were not learnt.
    pub steps: Option<StepReport>,
    /// What knowing the moment brings; none where listens tell no moments.
    pub moments: Option<MomentReport>,
    /// The model in production on the same listens.
    pub current: CurrentModel,
}

impl Evaluated {
    /// What of the trees a model keeps.
    pub fn kept(&self, learnt: LearntTrees) -> LearntTrees {
        let is_told = self.listened.is_some_and(|report| report.is_in_use);
        learnt.kept(self.is_ranker_in_use, is_told)
    }
}

/// What a full report shows beyond the ladder.
#[derive(Default, Serialize, Deserialize)]
pub struct Measured {
    /// What the ranker needs.
    pub ablation: Option<Ablation>,
    /// Relevance against variety.
    pub pareto: Option<Pareto>,
}

/// The parts of one training.
pub struct Settled<'s> {
    stores: &'s Stores,
    scope: &'s TenantScope,
    key: [u8; 32],
    /// The last offset of the log that this training reads, however often it is begun.
    pub until: u64,
    /// The model that it makes, however often it is begun: where its bytes are written.
    pub id: ModelId,
}

impl<'s> Settled<'s> {
    /// Finds where the log stood when this job began first, or notes where it stands now. A part of
    /// another job, another catalogue or another program is never taken.
    pub async fn open(
        stores: &'s Stores,
        scope: &'s TenantScope,
        run: &TrainingRun,
        catalogue: &CatalogueView,
        views: &[LiveView],
    ) -> Result<Self> {
        let base = base_key(run, catalogue, views)?;
        let mut settled = Self {
            stores,
            scope,
            key: base,
            until: 0,
            id: ModelId::generate(stores.clock.as_ref(), stores.entropy.as_ref()),
        };
        (settled.until, settled.id) = match settled.read("begin").await? {
            Some(begun) => begun,
            None => {
                let begun = (stores.log.head(scope).await?, settled.id);
                settled.write("begin", &begun).await?;
                begun
            }
        };
        let mut hasher = Sha256::new();
        hasher.update(base);
        hasher.update(settled.until.to_le_bytes());
        settled.key = hasher.finalize().into();
        Ok(settled)
    }

    /// Reads a part; one that is damaged or another training's is removed and counts as none.
    pub async fn read<T: DeserializeOwned>(&self, part: &'static str) -> Result<Option<T>> {
        let key = blob_key(part)?;
        let bytes = match self.stores.blobs.read(self.scope, &key, 0..u64::MAX).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let value = unsealed(&self.key, part, &bytes);
        if value.is_none() {
            tracing::info!(part, "a part of another or damaged training is removed");
            self.stores.blobs.delete(self.scope, &key).await?;
        }
        Ok(value)
    }

    /// Writes a part down.
    pub async fn write<T: Serialize>(&self, part: &'static str, value: &T) -> Result<()> {
        let key = blob_key(part)?;
        let bytes = sealed(&self.key, part, value)?;
        Ok(self
            .stores
            .blobs
            .put(self.scope, &key, bytes.into())
            .await?)
    }

    /// Removes all parts, once they are not needed any more.
    pub async fn clear(&self) -> Result<()> {
        for part in PARTS {
            let key = blob_key(part)?;
            self.stores.blobs.delete(self.scope, &key).await?;
        }
        Ok(())
    }
}

fn blob_key(part: &str) -> Result<BlobKey> {
    Ok(format!("training/{part}").parse()?)
}

/// Everything a training follows from but the log.
fn base_key(run: &TrainingRun, catalogue: &CatalogueView, views: &[LiveView]) -> Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    hasher.update(RECIPE.to_le_bytes());
    hasher.update(env!("CARGO_PKG_VERSION"));
    hasher.update(run.job.as_u128().to_le_bytes());
    hasher.update(serde_json::to_vec(&run.request).map_err(Error::bug)?);
    // Trees on other columns are of no use, whoever forgot to raise the recipe.
    for column in column_names() {
        hasher.update(column);
        hasher.update([0]);
    }
    for view in views {
        hasher.update(view.text.as_bytes());
        hasher.update([0]);
    }
    for (_, card) in catalogue.cards() {
        hasher.update(card.id.as_u128().to_le_bytes());
        hasher.update(card.artist_key.to_le_bytes());
        hasher.update(card.canonical_key.to_le_bytes());
        hasher.update(card.genre_key().unwrap_or(0).to_le_bytes());
        hasher.update(card.created_at.as_ms().to_le_bytes());
    }
    Ok(hasher.finalize().into())
}

/// A checksum over key, name and value, then the value.
fn sealed<T: Serialize>(key: &[u8; 32], part: &str, value: &T) -> Result<Vec<u8>> {
    let value = postcard::to_allocvec(value).map_err(Error::bug)?;
    let mut bytes = checksum(key, part, &value).to_vec();
    bytes.extend(value);
    Ok(bytes)
}

fn unsealed<T: DeserializeOwned>(key: &[u8; 32], part: &str, bytes: &[u8]) -> Option<T> {
    let (sum, value) = bytes.split_first_chunk::<32>()?;
    if *sum != checksum(key, part, value) {
        return None;
    }
    postcard::from_bytes(value).ok()
}

fn checksum(key: &[u8; 32], part: &str, value: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(part);
    hasher.update([0]);
    hasher.update(value);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_under_its_own_key_and_name_alone() {
        let key = [7; 32];
        let bytes = sealed(&key, "sources", &vec![1_u64, 2, 3]).unwrap();
        let read =
            |key: &[u8; 32], part: &str, bytes: &[u8]| unsealed::<Vec<u64>>(key, part, bytes);
        assert_eq!(read(&key, "sources", &bytes), Some(vec![1, 2, 3]));
        assert_eq!(read(&[8; 32], "sources", &bytes), None, "another training");
        assert_eq!(read(&key, "ranker", &bytes), None, "another part");
        for cut in 0..bytes.len() {
            assert_eq!(read(&key, "sources", &bytes[..cut]), None);
            let mut damaged = bytes.clone();
            damaged[cut] ^= 1;
            assert_eq!(read(&key, "sources", &damaged), None);
        }
    }
}
