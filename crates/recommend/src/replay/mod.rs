//! Answers that were given, worked out again from what was known then.
//!
//! An exposure names its model, its pipeline and its moment, and keeps what was asked and where the listening state stood
//! ([`AnswerBasis`]). The log is read once from its beginning, the state goes through it as it did live, and where an answer
//! stood it is given again by the code that gives answers. What is left to chance follows from the id of the request.
//!
//! Tables have no past: tracks that came later are left out, but what was changed or removed is as it is now, and so are
//! vectors. An answer that differs after such a change is counted apart, and no difference is claimed.

mod compare;
mod features;
mod past;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::asked::{AnswerBasis, AnswerSelection, Asked};
use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::event::{EventPayload, Exposure, Moment, RecordedEvent};
use leitmotif_domain::job::Progress;
use leitmotif_domain::{
    Assignment, JobId, ListenerId, ModelId, RequestId, TenantScope, Timestamp, TrackId, limits,
};
use leitmotif_storage::ports::{BlobKey, EventSelection};
use serde::{Deserialize, Serialize};

pub use compare::{Difference, Outcome, OutcomeCounts, ShownPlace};

use crate::error::{Error, Result};
use crate::pipeline::{PipelineDefinition, RecommendRequest};
use crate::placements::Placements;
use crate::search::{Constraint, Constraints, Searcher};
use crate::service::Manner;
use crate::trace::Stopwatch;
use past::Past;

/// Exposures read at once.
const READ_AT_ONCE: usize = 500;
/// Answers between two reports of how far it is.
const ANSWERS_PER_REPORT: usize = 20;
/// Differences that are told one by one.
const DIFFERENCES_TOLD: usize = 20;

/// What came of answers that were worked out again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The last event of the log then.
    pub log_offset: u64,
    /// Answers that were looked at, by what came of them.
    pub counts: OutcomeCounts,
    /// The first differences, by offset.
    pub differences: Vec<Difference>,
    /// The time it took.
    pub spent_ms: u64,
}

/// An answer as it was given.
pub(crate) struct Served {
    /// Where its exposure is in the log.
    offset: u64,
    at: Timestamp,
    listener: Option<ListenerId>,
    request_id: RequestId,
    placement: String,
    moment: Moment,
    model: Option<ModelId>,
    assignment: Option<Assignment>,
    is_playlist: bool,
    places: Vec<ShownPlace>,
    basis: AnswerBasis,
}

impl Served {
    fn of(recorded: RecordedEvent) -> Option<Self> {
        let event = recorded.event;
        let EventPayload::Exposure(exposure) = event.payload else {
            return None;
        };
        let Exposure {
            request_id,
            placement,
            model,
            assignment,
            tracks,
            is_sequenced,
            moment,
            basis,
            ..
        } = exposure;
        let place = |(track, score): (TrackId, Option<f32>)| ShownPlace { track, score };
        let places = tracks.iter().map(|one| place((one.track, one.score)));
        Some(Self {
            offset: recorded.offset,
            at: event.occurred_at,
            listener: event.listener,
            request_id,
            placement,
            moment,
            model,
            assignment,
            is_playlist: is_sequenced,
            places: places.collect(),
            basis: basis.unwrap_or_default(),
        })
    }

    /// Why it cannot be given again, by what its exposure says alone.
    fn obstacle(&self) -> Option<Outcome> {
        let is_incomplete = |asked: &Asked| asked.is_incomplete;
        if self.is_playlist {
            Some(Outcome::Playlist)
        } else if self.basis.log_offset == 0 {
            Some(Outcome::Early)
        } else if self.basis.is_degraded {
            Some(Outcome::Degraded)
        } else if self.basis.asked.as_deref().is_some_and(is_incomplete) {
            Some(Outcome::Incomplete)
        } else {
            None
        }
    }

    /// The last event that popularity had been counted with.
    fn counted_offset(&self) -> u64 {
        let basis = &self.basis;
        basis.counted_offset.unwrap_or(basis.log_offset)
    }

    /// The last event that the sessions had been read with.
    fn sessions_offset(&self) -> u64 {
        let basis = &self.basis;
        basis.sessions_offset.unwrap_or(basis.log_offset)
    }

    /// The version of its pipeline, where it was not the built-in one.
    fn version(&self) -> Option<(&str, u32)> {
        let version = self.assignment.as_ref()?.version?;
        Some((&self.placement, version))
    }

    /// What was asked, but for what constraints admit.
    fn request(&self) -> RecommendRequest {
        let asked = self.basis.asked.as_deref().cloned().unwrap_or_default();
        let built_in = || Assignment::built_in(&self.placement);
        RecommendRequest {
            listener: self.listener,
            seeds: asked.seeds,
            count: (asked.count).map_or(self.places.len(), |count| count as usize),
            placement: self.placement.clone(),
            exclude: asked.exclude,
            include_heard: asked.include_heard,
            disabled_rungs: asked.disabled_rungs,
            controls: asked.controls,
            usual_controls: asked.usual_controls,
            moment: self.moment.clone(),
            assignment: Some(self.assignment.clone().unwrap_or_else(built_in)),
            ..RecommendRequest::default()
        }
    }
}

impl Searcher {
    /// Gives answers of the past again and holds them against what was shown then: tracks, order, and scores to the bit.
    ///
    /// - Shape: the newest [`limits::REPLAYED_ANSWERS_MAX`] where more are selected.
    /// - Errors: those of the stores.
    /// - Cost: one reading of the log up to the newest of the answers, one more view in memory, a count of popularity for each
    ///   that was made live meanwhile, and an answer for each.
    pub async fn replay_answers(
        &self,
        scope: &TenantScope,
        job: JobId,
        selection: &AnswerSelection,
        report: impl Fn(Progress),
    ) -> Result<ReplayReport> {
        let begun = Instant::now();
        let head = self.stores().log.head(scope).await?;
        let served = self.served(scope, selection, head).await?;
        let total = served.len() as u64;
        let (placements, missing) = self.pipelines_of(scope, &served).await?;
        let mut told = ReplayReport {
            log_offset: head,
            ..ReplayReport::default()
        };
        let mut able = Vec::with_capacity(served.len());
        for one in served {
            let is_missing = |(placement, version)| missing.contains_key(&(placement, version));
            let obstacle = one.obstacle();
            let gone = (one
                .version()
                .map(|(name, version)| (name.to_owned(), version)))
            .is_some_and(is_missing)
            .then_some(Outcome::PipelineGone);
            match obstacle.or(gone) {
                Some(outcome) => told.counts.add(outcome),
                None => able.push(one),
            }
        }
        able.sort_by_key(|one| (one.basis.log_offset, one.offset));
        let mut past = Past::begin(self.recommender(), scope, placements, &able).await?;
        let needed = needed_from(&able);
        let mut unlike = Vec::new();
        for ((number, one), (counted, sessions)) in able.iter().enumerate().zip(needed) {
            past.forget_before(counted, sessions);
            if number % ANSWERS_PER_REPORT == 0 {
                let done = told.counts.total() + unlike.len() as u64;
                report(Progress { done, total });
            }
            match self.again(scope, &mut past, one).await? {
                Again::Outcome(outcome) => told.counts.add(outcome),
                Again::Unlike(difference, hangs_on_vectors) => {
                    unlike.push((difference, hangs_on_vectors, one.basis.log_offset));
                }
            }
        }
        let changes = past.into_changes(head).await?;
        for (mut difference, hangs_on_vectors, log_offset) in unlike {
            difference.outcome = changes.reason_since(log_offset, hangs_on_vectors);
            told.counts.add(difference.outcome);
            told.differences.push(difference);
        }
        told.differences
            .sort_by_key(|one| (one.outcome != Outcome::Different, one.offset));
        told.differences.truncate(DIFFERENCES_TOLD);
        told.spent_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        report(Progress { done: total, total });
        let bytes = serde_json::to_vec(&(job, &told)).map_err(Error::bug)?;
        let blobs = &self.stores().blobs;
        blobs.put(scope, &report_key()?, bytes.into()).await?;
        Ok(told)
    }

    /// The report of the last replay with its job; none before the first.
    pub async fn replay_report(
        &self,
        scope: &TenantScope,
    ) -> Result<Option<(JobId, ReplayReport)>> {
        let (blobs, key) = (&self.stores().blobs, report_key()?);
        let Some(stat) = blobs.stat(scope, &key).await? else {
            return Ok(None);
        };
        let bytes = blobs.read(scope, &key, 0..stat.size_bytes).await?;
        let damaged = |error| leitmotif_storage::Error::Corrupt {
            reason: format!("`{key}`: {error}"),
        };
        Ok(Some(serde_json::from_slice(&bytes).map_err(damaged)?))
    }

    /// Reads the newest answers of a selection.
    async fn served(
        &self,
        scope: &TenantScope,
        selection: &AnswerSelection,
        head: u64,
    ) -> Result<Vec<Served>> {
        let wanted = (selection.count as usize).min(limits::REPLAYED_ANSWERS_MAX);
        let exposures = EventSelection {
            kind: Some("exposure".to_owned()),
            is_newest_first: true,
            ..EventSelection::default()
        };
        let last = selection.through_offset.unwrap_or(head).min(head);
        let first = selection.from_offset.unwrap_or(0);
        let (mut from, mut served) = (last + 1, Vec::new());
        while from > first.max(1) && served.len() < wanted {
            let limit = READ_AT_ONCE.min(wanted - served.len());
            let slice = self.stores().log.select(scope, &exposures, from, limit);
            let slice = slice.await?;
            let within = slice.events.into_iter().filter(|one| one.offset >= first);
            served.extend(within.filter_map(Served::of));
            if slice.reached >= from {
                break;
            }
            from = slice.reached;
        }
        Ok(served)
    }

    /// The pipelines that made answers, and those that are gone or read no more.
    async fn pipelines_of(
        &self,
        scope: &TenantScope,
        served: &[Served],
    ) -> Result<(Placements, BTreeMap<(String, u32), ()>)> {
        let definitions = &self.stores().definitions;
        let (mut found, mut missing) = (BTreeMap::new(), BTreeMap::new());
        for (name, version) in served.iter().filter_map(Served::version) {
            let key = (name.to_owned(), version);
            if found.contains_key(&key) || missing.contains_key(&key) {
                continue;
            }
            let stored = definitions.definition(scope, DefinitionKind::Pipeline, name, version);
            let parsed = (stored.await?).and_then(|one| PipelineDefinition::parse(&one.text).ok());
            match parsed {
                Some(definition) => drop(found.insert(key, Arc::new(definition))),
                None => drop(missing.insert(key, ())),
            }
        }
        Ok((Placements::of_versions(found), missing))
    }

    /// Gives one answer again.
    async fn again(&self, scope: &TenantScope, past: &mut Past<'_>, one: &Served) -> Result<Again> {
        past.advance(one).await?;
        if !past.put_model(one.model).await? {
            return Ok(Again::Outcome(Outcome::ModelGone));
        }
        if !past.put_features(one.basis.features).await? {
            return Ok(Again::Outcome(Outcome::FeaturesChanged));
        }
        let mut request = one.request();
        let asked = one.basis.asked.as_deref();
        let constraints = asked.map(|asked| asked.constraints.as_slice());
        let constraints = constraints.unwrap_or_default();
        if !constraints.is_empty() {
            let may_read_lyrics = asked.is_some_and(|asked| asked.may_read_lyrics);
            let wanted = Constraints(constraints.iter().map(Constraint::of_asked).collect());
            let played = Some(past.popularity_percent());
            request.only = (self.admitted_by(scope, wanted, may_read_lyrics, played)).await?;
        }
        let manner = Manner {
            now: one.at,
            is_explored: true,
            is_awaited: false,
            request_id: Some(one.request_id),
        };
        let hangs_on_vectors = past.hangs_on_vectors() || !constraints.is_empty();
        let (slot, watch) = (past.slot(), Stopwatch::start());
        let answered = (self.recommender()).answer_on(scope, slot, request, manner, watch);
        let places = answered.await?.tracks.into_iter().map(|place| ShownPlace {
            track: place.track,
            score: Some(place.score),
        });
        let places: Vec<ShownPlace> = places.collect();
        Ok(match Difference::first(one, &places) {
            None => Again::Outcome(Outcome::Identical),
            Some(difference) => Again::Unlike(difference, hangs_on_vectors),
        })
    }
}

/// What came of one answer.
enum Again {
    Outcome(Outcome),
    /// It differs; whether it hangs on vectors of the store.
    Unlike(Difference, bool),
}

/// From each answer on, the lowest offsets that popularity was counted and sessions were read at.
fn needed_from(answers: &[Served]) -> Vec<(u64, u64)> {
    let mut least = (u64::MAX, u64::MAX);
    let mut needed: Vec<(u64, u64)> = (answers.iter().rev())
        .map(|one| {
            least.0 = least.0.min(one.counted_offset());
            least.1 = least.1.min(one.sessions_offset());
            least
        })
        .collect();
    needed.reverse();
    needed
}

fn report_key() -> Result<BlobKey> {
    Ok("answer-replay/report.json".parse()?)
}
