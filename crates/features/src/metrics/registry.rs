//! The metrics of a process: of each tenant the definitions in service and the rows they are computed from, level with
//! the log whenever they are asked for.

use std::sync::Arc;

use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::{ErrorKind, TenantId, TenantScope};
use leitmotif_storage::ports::{DefinitionStore, EventLog};
use parking_lot::Mutex;

use super::MetricDefinition;
use super::built_in::BUILT_IN;
use super::evaluation::{GROUPS_MAX, Query, evaluate};
use super::facts::{FACTS_MAX, Facts, Part};
use super::tally::Evaluation;
use crate::projection::READ_BATCH;

/// Tenants whose rows stay in memory; of more, those that were not asked for longest read their log again.
const TENANTS_MAX: usize = 4;
/// Bits of the smallest part that a recount goes by: beyond it one listener alone would be too many rows.
const PART_BITS_MAX: u32 = 20;
/// Bits that a part is divided by at once, at most.
const SPLIT_BITS_MAX: u32 = 8;
/// How full parts are made, so that a part with more than its share still fits.
const PART_FILL: f64 = 0.8;

/// Why a metric cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log or the definitions cannot be read.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// The answer would be too long.
    #[error("over {GROUPS_MAX} groups: ask for a shorter time, or break down by less")]
    TooManyGroups,
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::TooManyGroups => ErrorKind::Invalid,
        }
    }
}

type Result<T> = std::result::Result<T, Error>;

/// A metric in service.
#[derive(Debug, Clone)]
pub struct LiveMetric {
    /// Its version; none for a built-in one.
    pub version: Option<u32>,
    /// The file.
    pub text: Arc<str>,
    /// What it says.
    pub definition: Arc<MetricDefinition>,
}

/// A metric at an offset.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The sums.
    pub evaluation: Evaluation,
    /// The last event in them.
    pub offset: u64,
    /// Whose they are: everybody's, or a part of the listeners where all have too many rows.
    pub part: Part,
}

/// How far a recount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecountProgress {
    /// Events read, over all passes through the log.
    pub done: u64,
    /// Events to read. It grows when the listeners turn out to need more passes.
    pub total: u64,
}

/// A metric as it is kept beside the same counted anew from the first event.
#[derive(Debug, Clone)]
pub struct Recount {
    /// As it is kept.
    pub kept: Reading,
    /// The same listeners, counted anew.
    pub recounted: Evaluation,
    /// Everybody, counted anew.
    pub everybody: Evaluation,
}

impl Recount {
    /// Whether what is kept is to the last bit what the log says.
    pub fn is_equal(&self) -> bool {
        self.kept.evaluation == self.recounted
    }
}

/// Computes metrics.
pub struct MetricRegistry {
    log: Arc<dyn EventLog>,
    definitions: Arc<dyn DefinitionStore>,
    tenants: Mutex<Vec<(TenantId, Arc<Slot>)>>,
    rows_max: usize,
}

struct Slot {
    facts: Mutex<Facts>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            facts: Mutex::new(Facts::of_part(Part::default())),
        }
    }
}

impl MetricRegistry {
    /// Starts with no rows; those of a tenant are read when they are first asked for.
    pub fn new(log: Arc<dyn EventLog>, definitions: Arc<dyn DefinitionStore>) -> Self {
        Self::with_rows(log, definitions, FACTS_MAX)
    }

    /// The same with another bound of rows.
    pub fn with_rows(
        log: Arc<dyn EventLog>,
        definitions: Arc<dyn DefinitionStore>,
        rows_max: usize,
    ) -> Self {
        Self {
            log,
            definitions,
            tenants: Mutex::default(),
            rows_max,
        }
    }

    /// The metrics of a tenant by name: its own, and the built-in ones of other names.
    pub async fn metrics(&self, scope: &TenantScope) -> Result<Vec<LiveMetric>> {
        let kind = DefinitionKind::Metric;
        let mut metrics: Vec<LiveMetric> = built_in_metrics();
        for definition in self.definitions.live_definitions(scope, kind).await? {
            let Some(share) = definition.shares.first() else {
                continue;
            };
            let (name, version) = (&definition.name, share.version);
            let stored = self.definitions.definition(scope, kind, name, version);
            let Some(stored) = stored.await? else {
                continue;
            };
            match MetricDefinition::parse(&stored.text) {
                Ok(parsed) => {
                    metrics.retain(|metric| metric.definition.name != *name);
                    metrics.push(LiveMetric {
                        version: Some(version),
                        text: stored.text.into(),
                        definition: Arc::new(parsed),
                    });
                }
                // The built-in of that name answers, if there is one; nothing else stops.
                Err(error) => tracing::error!(
                    metric = %name, version, %error, "a metric in service does not read"
                ),
            }
        }
        metrics.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
        Ok(metrics)
    }

    /// Reads metrics, all at one offset that is level with the log. It computes: call it where that may take its time.
    ///
    /// - Cost: what came to the log since is read, all of it when the tenant was not asked for yet (some 400,000 events a
    ///   second); then one pass over the rows for each metric.
    pub async fn read(
        &self,
        scope: &TenantScope,
        metrics: &[Arc<MetricDefinition>],
        query: &Query,
    ) -> Result<Vec<Reading>> {
        let slot = self.level(scope).await?;
        let mut facts = slot.facts.lock();
        facts.sort();
        let read = |metric: &Arc<MetricDefinition>| {
            let evaluation = evaluate(metric, &facts, query, facts.part);
            Ok(Reading {
                evaluation: evaluation.map_err(|_| Error::TooManyGroups)?,
                offset: facts.offset,
                part: facts.part,
            })
        };
        metrics.iter().map(read).collect()
    }

    /// Counts a metric anew from the first event, over every listener, and holds what is kept against it. `tell` hears
    /// of every some thousand events and says whether to go on; nothing comes of a recount that is given up. It
    /// computes: call it where that may take its time.
    ///
    /// - Cost: one pass through the log for every so many rows; memory for as many.
    pub async fn recount(
        &self,
        scope: &TenantScope,
        metric: &Arc<MetricDefinition>,
        query: &Query,
        mut tell: impl FnMut(RecountProgress) -> bool + Send,
    ) -> Result<Option<Recount>> {
        let kept = self
            .read(scope, std::slice::from_ref(metric), query)
            .await?;
        let Some(kept) = kept.into_iter().next() else {
            return Ok(None);
        };
        let (mut everybody, mut recounted) = (Evaluation::default(), Evaluation::default());
        let mut waiting = vec![Part::default()];
        let mut done = 0;
        while let Some(part) = waiting.pop() {
            let later = waiting.len() as u64 * kept.offset;
            let mut facts = Facts::of_part(part);
            while facts.offset < kept.offset && facts.count() <= self.rows_max {
                let left = kept.offset - facts.offset;
                let limit = READ_BATCH.min(usize::try_from(left).unwrap_or(READ_BATCH));
                let events = self.log.read(scope, facts.offset, limit).await?;
                if events.is_empty() {
                    break;
                }
                done += events.len() as u64;
                events.iter().for_each(|event| facts.take(event));
                let total = done + (kept.offset - facts.offset) + later;
                if !tell(RecountProgress { done, total }) {
                    return Ok(None);
                }
            }
            if facts.count() > self.rows_max && part.bits < PART_BITS_MAX {
                let seen = facts.offset as f64 / kept.offset as f64;
                waiting.extend(self.divided(part, facts.count() as f64 / seen));
                continue;
            }
            facts.sort();
            let of = |part| evaluate(metric, &facts, query, part).map_err(|_| Error::TooManyGroups);
            everybody.merge(of(Part::default())?);
            recounted.merge(of(kept.part)?);
        }
        Ok(Some(Recount {
            kept,
            recounted,
            everybody,
        }))
    }

    /// The parts of a part that would have so many rows, the last first.
    fn divided(&self, part: Part, expected: f64) -> impl Iterator<Item = Part> + use<> {
        let times = expected / (PART_FILL * self.rows_max as f64);
        let left = (PART_BITS_MAX - part.bits).min(SPLIT_BITS_MAX);
        let more = (times.log2().ceil() as u32).clamp(1, left);
        (0..1_u32 << more).rev().map(move |low| Part {
            bits: part.bits + more,
            index: part.index << more | low,
        })
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.lock().retain(|(known, _)| *known != tenant);
    }

    fn slot(&self, tenant: TenantId) -> Arc<Slot> {
        let mut tenants = self.tenants.lock();
        let known = tenants.iter().position(|(known, _)| *known == tenant);
        let entry = match known {
            Some(place) => tenants.remove(place),
            None => (tenant, Arc::default()),
        };
        let slot = Arc::clone(&entry.1);
        tenants.push(entry);
        if tenants.len() > TENANTS_MAX {
            tenants.remove(0);
        }
        slot
    }

    /// Reads what the log has beyond the rows. Two that follow at once read the same events, and each takes in what the
    /// other has not.
    async fn level(&self, scope: &TenantScope) -> Result<Arc<Slot>> {
        let slot = self.slot(scope.tenant());
        let head = self.log.head(scope).await?;
        loop {
            let offset = slot.facts.lock().offset;
            if offset >= head {
                return Ok(slot);
            }
            let events = self.log.read(scope, offset, READ_BATCH).await?;
            if events.is_empty() {
                return Ok(slot);
            }
            let mut facts = slot.facts.lock();
            events.iter().for_each(|event| facts.take(event));
            while facts.count() > self.rows_max && facts.part.bits < PART_BITS_MAX {
                facts.halve();
            }
        }
    }
}

/// The metrics that ship with the product, by name.
pub fn built_in_metrics() -> Vec<LiveMetric> {
    let parsed = |text: &&'static str| LiveMetric {
        version: None,
        text: (*text).into(),
        definition: Arc::new(
            MetricDefinition::parse(text).expect("a test reads every built-in metric"),
        ),
    };
    BUILT_IN.iter().map(parsed).collect()
}
