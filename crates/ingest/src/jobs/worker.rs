//! The loop of a worker: take a job, keep the lease, report how it went.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use leitmotif_domain::chance::Entropy;
use leitmotif_domain::job::{JobState, Progress};
use leitmotif_domain::webhook::failed_job_notice;
use leitmotif_domain::{ErrorKind, TenantScope, limits};
use leitmotif_storage::ports::{EventLog, JobQueue, LeasedJob};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::jobs::directory::TenantDirectory;

/// How long an idle worker waits before it looks again, unless it is woken.
const IDLE: Duration = Duration::from_millis(500);
/// Most jobs that a worker does at once: so many that their writes share durable commits, and few enough that a process that
/// dies has little to do again.
const TOGETHER_MAX: usize = 8;
/// A worker takes as many jobs at once as are done in about this time: short ones together, so that they do not
/// wait for the disk one after the other; long ones singly, so that other tenants and kinds have their turn.
const ROUND: Duration = Duration::from_millis(100);
/// First wait before a failed job is tried again; doubled per attempt, with jitter.
const BACK_OFF_MS: i64 = 1_000;

/// Why a job did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// What went wrong, for a person.
    pub reason: String,
    /// Whether trying again can help.
    pub is_retryable: bool,
}

impl From<Error> for JobFailure {
    fn from(error: Error) -> Self {
        let is_retryable = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Exhausted);
        Self {
            reason: error.to_string(),
            is_retryable,
        }
    }
}

/// Does the jobs of one kind. Implementations are idempotent: a job may be done twice.
#[async_trait]
pub trait JobRunner: Send + Sync {
    /// The kind of job, as in [`leitmotif_domain::job::JobTask::kind`].
    fn kind(&self) -> &'static str;

    /// Whether a stop of the process may cut a job off: it is long, and goes on where it was at the next
    /// start. Other jobs are finished first.
    fn may_be_cut(&self) -> bool {
        false
    }

    /// Whether a worker may do several at once: they mostly wait, and what they compute is bounded elsewhere.
    fn may_be_together(&self) -> bool {
        false
    }

    /// Does a job.
    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure>;
}

/// A leased job in the hands of its runner.
pub struct JobHandle {
    /// The job.
    pub leased: LeasedJob,
    progress: watch::Sender<Progress>,
}

impl JobHandle {
    /// Tells how far the job is; written down with the next heartbeat.
    pub fn report(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }
}

/// Leased jobs of one tenant, and who does them.
type Taken = (TenantScope, Vec<LeasedJob>, Arc<dyn JobRunner>);

/// The workers of a process.
pub struct Workers {
    /// Where the jobs wait.
    pub queue: Arc<dyn JobQueue>,
    /// Where it is told that a job failed for good.
    pub log: Arc<dyn EventLog>,
    /// Whose jobs.
    pub directory: Arc<TenantDirectory>,
    /// Who does them, in the order of their urgency.
    pub runners: Vec<Arc<dyn JobRunner>>,
    /// Wakes an idle worker.
    pub wake: Arc<Notify>,
    /// Chance, for the jitter.
    pub entropy: Arc<dyn Entropy>,
}

impl Workers {
    /// Gives back the leases of a former life of this process, which held the folder alone.
    pub async fn release_lost(&self) -> Result<(), leitmotif_storage::Error> {
        for scope in self.directory.scopes() {
            let released = self.queue.release_all(&scope).await?;
            if released > 0 {
                tracing::info!(tenant = %scope.tenant(), released, "jobs go on after a restart");
            }
        }
        Ok(())
    }

    /// Runs `count` workers until `stop` turns true; a job in work is finished first, unless it may be cut.
    pub async fn run(self: Arc<Self>, count: usize, stop: watch::Receiver<bool>) {
        let mut workers = JoinSet::new();
        for index in 0..count {
            workers.spawn(Arc::clone(&self).work(index, stop.clone()));
        }
        while workers.join_next().await.is_some() {}
    }

    async fn work(self: Arc<Self>, index: usize, mut stop: watch::Receiver<bool>) {
        let mut turn = index;
        let mut together = 1;
        while !*stop.borrow() {
            match self.take(turn, together).await {
                Some((scope, leased, runner)) => {
                    let began = Instant::now();
                    let count = leased.len();
                    self.perform_all(&scope, leased, &runner, &stop).await;
                    if runner.may_be_together() {
                        together = next_together(count, began.elapsed());
                    }
                    self.wake.notify_one();
                }
                None => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep(IDLE) => {}
                        _ = stop.changed() => {}
                    }
                }
            }
            turn = turn.wrapping_add(1);
        }
    }

    /// Takes jobs of one kind and tenant. Each turn starts at another tenant, so that no tenant starves another.
    async fn take(&self, turn: usize, together: usize) -> Option<Taken> {
        let scopes = self.directory.scopes();
        let shift = if scopes.is_empty() {
            0
        } else {
            turn % scopes.len()
        };
        for scope in scopes.iter().cycle().skip(shift).take(scopes.len()) {
            for runner in &self.runners {
                let count = if runner.may_be_together() {
                    together
                } else {
                    1
                };
                let leased = self
                    .queue
                    .lease(scope, runner.kind(), count, limits::JOB_LEASE_MS)
                    .await;
                match leased {
                    Ok(jobs) if jobs.is_empty() => {}
                    Ok(jobs) => return Some((scope.clone(), jobs, Arc::clone(runner))),
                    Err(error) => {
                        tracing::warn!(tenant = %scope.tenant(), %error, "cannot lease a job");
                    }
                }
            }
        }
        None
    }

    /// Does jobs beside each other.
    async fn perform_all(
        self: &Arc<Self>,
        scope: &TenantScope,
        leased: Vec<LeasedJob>,
        runner: &Arc<dyn JobRunner>,
        stop: &watch::Receiver<bool>,
    ) {
        let mut running = JoinSet::new();
        for job in leased {
            let (workers, scope) = (Arc::clone(self), scope.clone());
            let (runner, stop) = (Arc::clone(runner), stop.clone());
            running.spawn(async move {
                workers.perform(&scope, job, runner.as_ref(), stop).await;
            });
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                // Its lease runs out, and it is done again.
                tracing::error!(%error, "a job broke off");
            }
        }
    }

    async fn perform(
        &self,
        scope: &TenantScope,
        leased: LeasedJob,
        runner: &dyn JobRunner,
        mut stop: watch::Receiver<bool>,
    ) {
        let (sender, receiver) = watch::channel(leased.job.progress);
        let last = receiver.clone();
        let handle = JobHandle {
            leased: leased.clone(),
            progress: sender,
        };
        let outcome = tokio::select! {
            outcome = runner.run(scope, &handle) => outcome,
            () = self.keep_lease(scope, &leased, receiver) => return,
            // The next start gives the lease back.
            _ = stop.wait_for(|is_stopping| *is_stopping), if runner.may_be_cut() => return,
        };
        let last = *last.borrow();
        let reported = match outcome {
            Ok(()) => self.complete(scope, &leased, last).await,
            Err(failure) => {
                let wait = failure
                    .is_retryable
                    .then(|| self.back_off_ms(leased.job.attempts));
                let (id, attempts) = (leased.job.id, leased.job.attempts);
                tracing::warn!(job = %id, attempts, reason = %failure.reason, "job failed");
                self.fail(scope, &leased, &failure.reason, wait).await
            }
        };
        if let Err(error) = reported {
            // The lease runs out and the job is done again; runners are idempotent.
            tracing::warn!(job = %leased.job.id, %error, "cannot report a job");
        }
    }

    /// Completes a job with its last progress: heartbeats are seconds apart, and a job that is done should
    /// not say that it is nearly done.
    async fn complete(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        last: Progress,
    ) -> Result<(), leitmotif_storage::Error> {
        if last != leased.job.progress {
            let lease_ms = limits::JOB_LEASE_MS;
            self.queue.progress(scope, leased, last, lease_ms).await?;
        }
        self.queue.complete(scope, leased).await?;
        tracing::debug!(job = %leased.job.id, kind = leased.job.task.kind(), "a job is done");
        Ok(())
    }

    /// Reports a failed attempt, and tells the log when it was the last.
    async fn fail(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        reason: &str,
        wait: Option<i64>,
    ) -> Result<(), leitmotif_storage::Error> {
        self.queue.fail(scope, leased, reason, wait).await?;
        let left = self.queue.job(scope, leased.job.id).await?;
        let Some(dead) = left.filter(|job| job.state == JobState::Dead) else {
            return Ok(());
        };
        let event = failed_job_notice(&dead, reason.to_owned());
        self.log.append(scope, vec![event]).await?;
        Ok(())
    }

    /// Extends the lease while the job runs; ends when the lease is lost.
    async fn keep_lease(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        progress: watch::Receiver<Progress>,
    ) {
        let beat = Duration::from_millis(limits::JOB_LEASE_MS.unsigned_abs() / 20);
        loop {
            tokio::time::sleep(beat).await;
            let now = *progress.borrow();
            match self
                .queue
                .progress(scope, leased, now, limits::JOB_LEASE_MS)
                .await
            {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tracing::warn!(job = %leased.job.id, "the lease was lost, the job is dropped");
                    return;
                }
                Err(error) => tracing::warn!(job = %leased.job.id, %error, "no heartbeat"),
                Ok(()) => {}
            }
        }
    }

    fn back_off_ms(&self, attempts: u32) -> i64 {
        let base = BACK_OFF_MS << attempts.saturating_sub(1).min(10);
        let jitter = (self.entropy.next_u128() % base.unsigned_abs() as u128) as i64;
        base + jitter
    }
}

/// How many jobs to take next where so many took so long: at most twice as many as before.
fn next_together(count: usize, taken: Duration) -> usize {
    let each = taken / count.max(1) as u32;
    let fitting = ROUND.as_micros() / each.as_micros().max(1);
    let fitting = usize::try_from(fitting).unwrap_or(TOGETHER_MAX);
    fitting.clamp(1, (2 * count).clamp(1, TOGETHER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_jobs_are_done_together_and_long_ones_singly() {
        let next = |count, ms| next_together(count, Duration::from_millis(ms));
        assert_eq!(next(1, 10), 2, "twice as many at most");
        assert_eq!(next(4, 8), TOGETHER_MAX);
        assert_eq!(next(8, 160), 5);
        assert_eq!(next(4, 4_000), 1);
        assert_eq!(next(1, 0), 2);
        assert_eq!(next(0, 0), 1);
    }
}
