//! Work that outlives the request that asked for it.

use async_trait::async_trait;
use leitmotif_domain::chance::Entropy;
use leitmotif_domain::job::{Job, JobCounts, JobState, JobTask, NewJob, Progress};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{JobId, TenantScope, limits};

use crate::error::{Error, Result};

/// A job in the hands of a worker, until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedJob {
    /// The job.
    pub job: Job,
    /// Proves that the lease is still this worker's; every lease has another.
    pub lease: u64,
}

/// Which jobs a listing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    pub kind: Option<String>,
}

/// The queue of a tenant. At-least-once: a worker that dies is followed by another after the lease.
///
/// - Ordering: oldest first among the jobs whose time has come.
/// - A job that dies because attempt after attempt lost its worker is told to the log in the same transaction
///   ([`leitmotif_domain::webhook::failed_job_notice`]): nobody is left who could report it.
/// - Of the kinds [`leitmotif_domain::job::ONE_AT_A_TIME`] together one job runs at a time.
/// - A job that was begun by [`Self::begin`] is dead when its lease ends or is given back, and is not revived: there
///   is no worker for it.
/// - A lease that was lost makes `progress`, `complete` and `fail` answer `Conflict`.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Queues jobs; one whose key already waits or runs is not queued again. Answers the ids, the
    /// existing one for such a job. One that runs and [follows its input] waits again when this run
    /// ends, however it ends, with fresh attempts.
    ///
    /// [follows its input]: leitmotif_domain::job::JobTask::follows_input
    async fn enqueue(&self, scope: &TenantScope, jobs: Vec<NewJob>) -> Result<Vec<JobId>>;

    /// Takes up to `count` jobs of a kind whose time has come, for `lease_ms`. A job whose lease
    /// ended is taken again, alone, so that one that takes its worker down with it blames few others; one that was
    /// begun too often becomes dead instead. Nothing of a kind that runs alone while another of these runs.
    async fn lease(
        &self,
        scope: &TenantScope,
        kind: &str,
        count: usize,
        lease_ms: i64,
    ) -> Result<Vec<LeasedJob>>;

    /// Begins an import in the hands of the caller.
    ///
    /// - Errors: `Conflict` while another import runs, in a sentence that names it.
    async fn begin(&self, scope: &TenantScope, source: &str, lease_ms: i64) -> Result<LeasedJob>;

    /// Reports progress and extends the lease.
    async fn progress(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        progress: Progress,
        lease_ms: i64,
    ) -> Result<()>;

    /// Finishes a job.
    async fn complete(&self, scope: &TenantScope, leased: &LeasedJob) -> Result<()>;

    /// Reports a failed attempt. The job waits `retry_after_ms`, or is dead when `None` or when its
    /// attempts are used up.
    async fn fail(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        error: &str,
        retry_after_ms: Option<i64>,
    ) -> Result<()>;

    /// Gives every lease back, when a process that held the folder alone starts again, and says how
    /// many there were. A job that was begun too often becomes dead instead of waiting.
    async fn release_all(&self, scope: &TenantScope) -> Result<u64>;

    /// Makes a dead job wait again; says whether it was dead.
    async fn revive(&self, scope: &TenantScope, id: JobId) -> Result<bool>;

    /// Reads a job.
    async fn job(&self, scope: &TenantScope, id: JobId) -> Result<Option<Job>>;

    /// Lists jobs, newest first.
    async fn list_jobs(
        &self,
        scope: &TenantScope,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<Job>>;

    /// Counts jobs by state.
    async fn job_counts(&self, scope: &TenantScope) -> Result<JobCounts>;
}

/// Why an import is dead that nobody ended.
pub(crate) const IMPORTER_GONE: &str =
    "whoever read the table is gone: the same command again goes on";

/// Draws the number of a lease; 63 bits, because SQLite's integers have a sign.
pub(crate) fn new_lease(entropy: &dyn Entropy) -> u64 {
    let mut token = [0_u8; 8];
    entropy.fill(&mut token);
    u64::from_le_bytes(token) >> 1
}

/// Why an import does not begin: another runs.
pub(crate) fn taken_by(running: &Job) -> Error {
    let what = match &running.task {
        JobTask::ScanFolder { path } => path,
        JobTask::ImportTracks { source } => source,
        other => other.kind(),
    };
    let (id, since) = (running.id, running.created_at);
    let reason = format!(
        "`{what}` is being imported (job `{id}`, since {since}), and imports go one after the other: try again when it is done; \
         one that was killed is given up {} s after its last sign of life",
        limits::JOB_LEASE_MS / 1_000
    );
    Error::Conflict { reason }
}

/// Of the jobs that are next, with whether each lost a worker before: those before the first that did, or that
/// one alone.
pub(crate) fn alone_if_lost<I>(ready: Vec<(I, bool)>) -> Vec<I> {
    let sound = ready.iter().take_while(|(_, was_lost)| !was_lost).count();
    let taken = ready.into_iter().map(|(id, _)| id);
    taken.take(sound.max(1)).collect()
}
