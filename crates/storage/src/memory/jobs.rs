//! The job queue as a map by id.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::event::Event;
use leitmotif_domain::job::{
    IMPORT_KIND, Job, JobCounts, JobState, JobTask, NewJob, ONE_AT_A_TIME, Progress,
};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::failed_job_notice;
use leitmotif_domain::{JobId, TenantScope, Timestamp, limits};

use super::MemoryStorage;
use crate::arguments::page_id;
use crate::error::{Error, Result};
use crate::ports::{
    IMPORTER_GONE, JobFilter, JobQueue, LeasedJob, alone_if_lost, new_lease, taken_by,
};

/// The queue of one tenant.
#[derive(Default)]
pub struct Jobs(BTreeMap<JobId, Entry>);

/// A job with what the queue knows of it.
struct Entry {
    job: Job,
    dedupe_key: String,
    not_before: Timestamp,
    lease: u64,
    lease_until: Timestamp,
    /// Attempts that lost their worker.
    losses: u32,
    /// Asked for while it ran.
    is_wanted_again: bool,
}

impl Entry {
    fn is_open(&self) -> bool {
        matches!(self.job.state, JobState::Waiting | JobState::Running)
    }

    /// Takes the job from its worker: back to waiting, or dead when that happened too often.
    fn give_back(&mut self, now: Timestamp) {
        self.job.state = JobState::Waiting;
        self.losses += 1;
        if self.losses >= limits::JOB_LOSSES_MAX {
            self.job.state = JobState::Dead;
            self.job.error = Some("attempt after attempt lost its worker".to_owned());
        }
        if self.job.task.kind() == IMPORT_KIND {
            self.job.state = JobState::Dead;
            self.job.error = Some(IMPORTER_GONE.to_owned());
        }
        self.not_before = now;
        self.job.updated_at = now;
        self.begin_again_if_wanted();
    }

    /// A run has ended: the job waits afresh when it was asked for meanwhile.
    fn begin_again_if_wanted(&mut self) {
        if std::mem::take(&mut self.is_wanted_again) {
            self.job.state = JobState::Waiting;
            (self.job.attempts, self.losses) = (0, 0);
            self.job.progress = Progress::default();
        }
    }
}

impl Jobs {
    fn enqueue(&mut self, new: NewJob, id: JobId, now: Timestamp) -> JobId {
        let is_same = |entry: &&mut Entry| entry.is_open() && entry.dedupe_key == new.dedupe_key;
        if let Some(entry) = self.0.values_mut().find(is_same) {
            entry.is_wanted_again =
                entry.job.state == JobState::Running && new.task.follows_input();
            return entry.job.id;
        }
        let job = Job {
            id,
            task: new.task,
            state: JobState::Waiting,
            attempts: 0,
            progress: Progress::default(),
            error: None,
            created_at: now,
            updated_at: now,
        };
        let entry = Entry {
            job,
            dedupe_key: new.dedupe_key,
            not_before: now,
            lease: 0,
            lease_until: now,
            losses: 0,
            is_wanted_again: false,
        };
        self.0.insert(id, entry);
        id
    }

    /// Takes jobs from their workers; how many, and what is to be told of those that died of it.
    fn give_back_where(
        &mut self,
        now: Timestamp,
        is_lost: impl Fn(&Entry) -> bool,
    ) -> (u64, Vec<Event>) {
        let (mut count, mut told) = (0, Vec::new());
        for entry in self.0.values_mut() {
            if entry.job.state == JobState::Running && is_lost(entry) {
                entry.give_back(now);
                count += 1;
                if entry.job.state == JobState::Dead {
                    let reason = entry.job.error.clone().unwrap_or_default();
                    told.push(failed_job_notice(&entry.job, reason));
                }
            }
        }
        (count, told)
    }

    /// The import that runs, if one does.
    fn running_alone(&self) -> Option<&Job> {
        let is_it =
            |job: &&Job| job.state == JobState::Running && ONE_AT_A_TIME.contains(&job.task.kind());
        self.0.values().map(|entry| &entry.job).find(is_it)
    }

    /// Puts a waiting job into the hands of a worker.
    fn take(
        &mut self,
        id: JobId,
        lease: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<LeasedJob> {
        let entry = self.0.get_mut(&id)?;
        entry.job.state = JobState::Running;
        entry.job.attempts += 1;
        entry.job.updated_at = now;
        entry.lease = lease;
        entry.lease_until = until;
        let job = entry.job.clone();
        Some(LeasedJob { job, lease })
    }

    fn ready(&self, kind: &str, count: usize, now: Timestamp) -> Vec<JobId> {
        let is_alone = ONE_AT_A_TIME.contains(&kind);
        if is_alone && self.running_alone().is_some() {
            return Vec::new();
        }
        let count = if is_alone { count.min(1) } else { count };
        let is_ready = |entry: &&Entry| {
            entry.job.state == JobState::Waiting
                && entry.job.task.kind() == kind
                && entry.not_before <= now
        };
        let ready = self.0.values().filter(is_ready);
        let mut ready: Vec<_> = ready
            .map(|entry| (entry.not_before, entry.job.id, entry.losses > 0))
            .collect();
        ready.sort_unstable();
        ready.truncate(count);
        let ready = ready.into_iter().map(|(_, id, is_lost)| (id, is_lost));
        let mut ids: Vec<JobId> = alone_if_lost(ready.collect());
        ids.sort_unstable();
        ids
    }

    /// The entry of a job whose lease is still this one.
    ///
    /// - Errors: `Conflict` when the lease was lost.
    fn held(&mut self, leased: &LeasedJob) -> Result<&mut Entry> {
        let id = leased.job.id;
        let is_held =
            |entry: &Entry| entry.job.state == JobState::Running && entry.lease == leased.lease;
        match self.0.get_mut(&id) {
            Some(entry) if is_held(entry) => Ok(entry),
            _ => Err(Error::Conflict {
                reason: format!("the lease on job `{id}` was lost"),
            }),
        }
    }
}

#[async_trait]
impl JobQueue for MemoryStorage {
    async fn enqueue(&self, scope: &TenantScope, jobs: Vec<NewJob>) -> Result<Vec<JobId>> {
        let now = self.clock.now();
        let fresh = || JobId::generate(self.clock.as_ref(), self.entropy.as_ref());
        self.with(scope, |state| {
            let queue = |job| state.jobs.enqueue(job, fresh(), now);
            Ok(jobs.into_iter().map(queue).collect())
        })
    }

    async fn lease(
        &self,
        scope: &TenantScope,
        kind: &str,
        count: usize,
        lease_ms: i64,
    ) -> Result<Vec<LeasedJob>> {
        let now = self.clock.now();
        let lease = new_lease(self.entropy.as_ref());
        self.with(scope, |state| {
            let is_lost = |entry: &Entry| entry.lease_until <= now;
            let (_, told) = state.jobs.give_back_where(now, is_lost);
            for event in told {
                state.log.append(event, now);
            }
            let jobs = &mut state.jobs;
            let ready = jobs.ready(kind, count, now).into_iter();
            let until = now.plus_ms(lease_ms);
            Ok(ready
                .filter_map(|id| jobs.take(id, lease, now, until))
                .collect())
        })
    }

    async fn begin(&self, scope: &TenantScope, source: &str, lease_ms: i64) -> Result<LeasedJob> {
        let id = JobId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let (now, lease) = (self.clock.now(), new_lease(self.entropy.as_ref()));
        let task = JobTask::ImportTracks {
            source: source.to_owned(),
        };
        self.with(scope, |state| {
            let is_lost = |entry: &Entry| entry.lease_until <= now;
            let (_, told) = state.jobs.give_back_where(now, is_lost);
            for event in told {
                state.log.append(event, now);
            }
            if let Some(other) = state.jobs.running_alone() {
                return Err(taken_by(other));
            }
            state.jobs.enqueue(NewJob::alone(task), id, now);
            let leased = state.jobs.take(id, lease, now, now.plus_ms(lease_ms));
            leased.ok_or_else(|| Error::bug("a job is gone as it begins"))
        })
    }

    async fn progress(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        progress: Progress,
        lease_ms: i64,
    ) -> Result<()> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let entry = state.jobs.held(leased)?;
            entry.job.progress = progress;
            entry.job.updated_at = now;
            entry.lease_until = now.plus_ms(lease_ms);
            Ok(())
        })
    }

    async fn complete(&self, scope: &TenantScope, leased: &LeasedJob) -> Result<()> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let entry = state.jobs.held(leased)?;
            entry.job.state = JobState::Done;
            entry.job.error = None;
            entry.job.progress.done = entry.job.progress.total;
            entry.job.updated_at = now;
            entry.begin_again_if_wanted();
            Ok(())
        })
    }

    async fn fail(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        error: &str,
        retry_after_ms: Option<i64>,
    ) -> Result<()> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let entry = state.jobs.held(leased)?;
            let failures = entry.job.attempts - entry.losses;
            let retry_at = retry_after_ms
                .filter(|_| failures < limits::JOB_ATTEMPTS_MAX)
                .map(|wait| now.plus_ms(wait));
            entry.job.state = match retry_at {
                Some(_) => JobState::Waiting,
                None => JobState::Dead,
            };
            entry.job.error = Some(error.chars().take(limits::NAME_BYTES_MAX).collect());
            entry.not_before = retry_at.unwrap_or(now);
            entry.job.updated_at = now;
            entry.begin_again_if_wanted();
            Ok(())
        })
    }

    async fn release_all(&self, scope: &TenantScope) -> Result<u64> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let (count, told) = state.jobs.give_back_where(now, |_| true);
            for event in told {
                state.log.append(event, now);
            }
            Ok(count)
        })
    }

    async fn revive(&self, scope: &TenantScope, id: JobId) -> Result<bool> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let jobs = &mut state.jobs.0;
            let dead = jobs.get(&id).filter(|one| {
                one.job.state == JobState::Dead && one.job.task.kind() != IMPORT_KIND
            });
            let Some(key) = dead.map(|entry| entry.dedupe_key.clone()) else {
                return Ok(false);
            };
            let is_taken = |entry: &Entry| entry.is_open() && entry.dedupe_key == key;
            if jobs.values().any(is_taken) {
                return Ok(false);
            }
            if let Some(entry) = jobs.get_mut(&id) {
                entry.job.state = JobState::Waiting;
                (entry.job.attempts, entry.losses) = (0, 0);
                entry.job.updated_at = now;
                entry.not_before = now;
            }
            Ok(true)
        })
    }

    async fn job(&self, scope: &TenantScope, id: JobId) -> Result<Option<Job>> {
        self.with(scope, |state| {
            Ok(state.jobs.0.get(&id).map(|entry| entry.job.clone()))
        })
    }

    async fn list_jobs(
        &self,
        scope: &TenantScope,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<Job>> {
        let before = JobId::from_u128(page_id(page, u128::MAX)?);
        self.with(scope, |state| {
            let is_shown = |job: &&Job| {
                filter.state.is_none_or(|state| state == job.state)
                    && filter
                        .kind
                        .as_ref()
                        .is_none_or(|kind| kind == job.task.kind())
            };
            let jobs = state.jobs.0.range(..before).rev();
            let items = jobs
                .map(|(_, entry)| &entry.job)
                .filter(is_shown)
                .take(page.limit() + 1)
                .cloned()
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |job| {
                job.id.to_string()
            }))
        })
    }

    async fn job_counts(&self, scope: &TenantScope) -> Result<JobCounts> {
        self.with(scope, |state| {
            let mut counts = JobCounts::default();
            for entry in state.jobs.0.values() {
                match entry.job.state {
                    JobState::Waiting => counts.waiting += 1,
                    JobState::Running => counts.running += 1,
                    JobState::Done => counts.done += 1,
                    JobState::Dead => counts.dead += 1,
                }
            }
            Ok(counts)
        })
    }
}
