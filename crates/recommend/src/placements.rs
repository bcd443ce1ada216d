//! The pipelines of a tenant, and which of them answers a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::definition::{DefinitionKind, LiveDefinition, assign};
use leitmotif_domain::{Assignment, TenantScope};
use leitmotif_storage::ports::DefinitionStore;

use crate::error::Result;
use crate::pipeline::{PipelineDefinition, RecommendRequest, TRENDING};

/// The pipelines in service, by placement. A placement without one is answered by the built-in.
#[derive(Debug)]
pub struct Placements {
    built_in: Arc<PipelineDefinition>,
    /// The built-in of [`TRENDING`].
    trending: Arc<PipelineDefinition>,
    live: BTreeMap<String, Live>,
}

#[derive(Debug)]
struct Live {
    definition: LiveDefinition,
    /// The versions that have a share.
    versions: BTreeMap<u32, Arc<PipelineDefinition>>,
}

impl Default for Placements {
    fn default() -> Self {
        Self {
            built_in: Arc::default(),
            trending: Arc::new(PipelineDefinition::trending()),
            live: BTreeMap::new(),
        }
    }
}

impl Placements {
    /// Reads every version that has a share. One that this release does not understand is told in the
    /// log and answered by the built-in: a list somewhat different is better than none.
    pub async fn read(store: &dyn DefinitionStore, scope: &TenantScope) -> Result<Self> {
        let kind = DefinitionKind::Pipeline;
        let mut placements = Self::default();
        for definition in store.live_definitions(scope, kind).await? {
            let mut versions = BTreeMap::new();
            for share in &definition.shares {
                let stored = store.definition(scope, kind, &definition.name, share.version);
                let Some(stored) = stored.await? else {
                    continue;
                };
                match PipelineDefinition::parse(&stored.text) {
                    Ok(parsed) => {
                        versions.insert(share.version, Arc::new(parsed));
                    }
                    Err(error) => tracing::error!(
                        placement = %definition.name, version = share.version, %error,
                        "a pipeline in service does not read"
                    ),
                }
            }
            let name = definition.name.clone();
            placements.live.insert(
                name,
                Live {
                    definition,
                    versions,
                },
            );
        }
        Ok(placements)
    }

    /// Versions whatever shares they have, for requests that say which version answers.
    pub(crate) fn of_versions(found: BTreeMap<(String, u32), Arc<PipelineDefinition>>) -> Self {
        let mut placements = Self::default();
        for ((name, version), pipeline) in found {
            let live = placements.live.entry(name.clone()).or_insert_with(|| Live {
                definition: LiveDefinition {
                    name,
                    newest_version: version,
                    shares: Vec::new(),
                },
                versions: BTreeMap::new(),
            });
            live.versions.insert(version, pipeline);
        }
        placements
    }

    /// The version that answers, and its pipeline: a draft before all, then what an experiment chose,
    /// then the shares of the placement, then the built-in.
    ///
    /// - `unit` is what is assigned: a listener, or a request of nobody known.
    pub fn assign(
        &self,
        request: &RecommendRequest,
        unit: &str,
    ) -> (Assignment, Arc<PipelineDefinition>) {
        if let Some(draft) = &request.draft {
            return (Assignment::built_in("draft"), Arc::clone(draft));
        }
        let live = self.live.get(&request.placement);
        let chosen = (request.assignment.clone())
            .or_else(|| Some(assign(DefinitionKind::Pipeline, &live?.definition, unit)))
            .unwrap_or_else(|| Assignment::built_in(&request.placement));
        let version = chosen
            .version
            .and_then(|version| live?.versions.get(&version));
        match version {
            Some(definition) => (chosen, Arc::clone(definition)),
            None => {
                let built_in = match request.placement.as_str() {
                    TRENDING => &self.trending,
                    _ => &self.built_in,
                };
                let assignment = Assignment::built_in(&request.placement);
                (assignment, Arc::clone(built_in))
            }
        }
    }
}
