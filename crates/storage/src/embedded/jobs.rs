//! The job queue as a lease table.

use async_trait::async_trait;
use leitmotif_domain::event::Event;
use leitmotif_domain::job::{
    IMPORT_KIND, Job, JobCounts, JobState, JobTask, NewJob, ONE_AT_A_TIME, Progress,
};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::failed_job_notice;
use leitmotif_domain::{JobId, TenantScope, Timestamp, limits};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::EmbeddedStorage;
use super::catalog_rows::page_start;
use crate::error::{Error, Result};
use crate::ports::{
    IMPORTER_GONE, JobFilter, JobQueue, LeasedJob, alone_if_lost, new_lease, taken_by,
};

const COLUMNS: &str =
    "id, task, state, attempts, progress_done, progress_total, error, created_at, updated_at";

/// Takes jobs from their workers: back to waiting, or dead when that happened too often or when no worker would
/// take it up.
const GIVE_BACK: &str =
    "UPDATE jobs SET state = CASE WHEN losses + 1 >= ?2 OR kind = ?3 THEN 'dead' ELSE 'waiting' END,
     error = CASE WHEN kind = ?3 THEN ?4
     WHEN losses + 1 >= ?2 THEN 'attempt after attempt lost its worker' ELSE error END,
     losses = losses + 1, not_before = ?1, updated_at = ?1";

/// Makes jobs wait afresh whose run has ended and which were asked for meanwhile.
const BEGIN_AGAIN: &str =
    "UPDATE jobs SET state = 'waiting', attempts = 0, losses = 0, progress_done = 0,
     progress_total = 0, wanted_again = 0 WHERE wanted_again = 1 AND state != 'running'";

#[async_trait]
impl JobQueue for EmbeddedStorage {
    async fn enqueue(&self, scope: &TenantScope, jobs: Vec<NewJob>) -> Result<Vec<JobId>> {
        let fresh: Vec<JobId> = jobs
            .iter()
            .map(|_| JobId::generate(self.clock.as_ref(), self.entropy.as_ref()))
            .collect();
        let now = self.clock.now();
        let work = move |db: &Connection| {
            jobs.iter()
                .zip(fresh)
                .map(|(job, id)| enqueue_one(db, job, id, now))
                .collect()
        };
        self.files(scope)?.database.write(work).await
    }

    async fn lease(
        &self,
        scope: &TenantScope,
        kind: &str,
        count: usize,
        lease_ms: i64,
    ) -> Result<Vec<LeasedJob>> {
        let (kind, now) = (kind.to_owned(), self.clock.now());
        let lease = new_lease(self.entropy.as_ref());
        let work = move |db: &Connection| {
            let (_, told) = give_back(db, "state = 'running' AND lease_until <= ?1", now)?;
            let until = now.plus_ms(lease_ms);
            Ok((lease_ready(db, &kind, count, lease, now, until)?, told))
        };
        self.write_and_tell(scope, work).await
    }

    async fn begin(&self, scope: &TenantScope, source: &str, lease_ms: i64) -> Result<LeasedJob> {
        let id = JobId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let (now, lease) = (self.clock.now(), new_lease(self.entropy.as_ref()));
        let source = source.to_owned();
        let work = move |db: &Connection| {
            let (_, told) = give_back(db, "state = 'running' AND lease_until <= ?1", now)?;
            // What was given back is told whether or not this import may begin.
            let begun = match running_alone(db)? {
                Some(other) => Err(taken_by(&other)),
                None => insert_begun(db, id, source, lease, (now, lease_ms)),
            };
            Ok((begun, told))
        };
        self.write_and_tell(scope, work).await?
    }

    async fn progress(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        progress: Progress,
        lease_ms: i64,
    ) -> Result<()> {
        let (id, lease, now) = (leased.job.id, leased.lease, self.clock.now());
        let work = move |db: &Connection| {
            let changed = db.execute(
                "UPDATE jobs SET progress_done = ?, progress_total = ?, lease_until = ?,
                 updated_at = ? WHERE id = ? AND state = 'running' AND lease = ?",
                params![
                    to_i64(progress.done),
                    to_i64(progress.total),
                    now.plus_ms(lease_ms).as_ms(),
                    now.as_ms(),
                    key_of(id),
                    to_i64(lease)
                ],
            )?;
            held(changed, id)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn complete(&self, scope: &TenantScope, leased: &LeasedJob) -> Result<()> {
        let (id, lease, now) = (leased.job.id, leased.lease, self.clock.now());
        let work = move |db: &Connection| {
            let changed = db
                .prepare_cached(
                    "UPDATE jobs SET state = 'done', error = NULL, progress_done = progress_total,
                     updated_at = ? WHERE id = ? AND state = 'running' AND lease = ?",
                )?
                .execute(params![now.as_ms(), key_of(id), to_i64(lease)])?;
            held(changed, id)?;
            begin_again(db)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn fail(
        &self,
        scope: &TenantScope,
        leased: &LeasedJob,
        error: &str,
        retry_after_ms: Option<i64>,
    ) -> Result<()> {
        let (id, lease, now) = (leased.job.id, leased.lease, self.clock.now());
        let retry_at = retry_after_ms.map(|wait| now.plus_ms(wait).as_ms());
        let error: String = error.chars().take(limits::NAME_BYTES_MAX).collect();
        let work = move |db: &Connection| {
            let changed = db.execute(
                "UPDATE jobs SET error = ?1, not_before = coalesce(?2, ?3), updated_at = ?3,
                 state = CASE WHEN ?2 IS NULL OR attempts - losses >= ?4 THEN 'dead'
                 ELSE 'waiting' END WHERE id = ?5 AND state = 'running' AND lease = ?6",
                params![
                    error,
                    retry_at,
                    now.as_ms(),
                    limits::JOB_ATTEMPTS_MAX,
                    key_of(id),
                    to_i64(lease)
                ],
            )?;
            held(changed, id)?;
            begin_again(db)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn release_all(&self, scope: &TenantScope) -> Result<u64> {
        let now = self.clock.now();
        let work = move |db: &Connection| {
            // A job that takes the process down with it would otherwise be begun for ever.
            give_back(db, "state = 'running'", now)
        };
        self.write_and_tell(scope, work).await
    }

    async fn revive(&self, scope: &TenantScope, id: JobId) -> Result<bool> {
        let now = self.clock.now();
        let work = move |db: &Connection| {
            let revived = db.execute(
                "UPDATE OR IGNORE jobs SET state = 'waiting', attempts = 0, losses = 0, not_before = ?1,
                 updated_at = ?1 WHERE id = ?2 AND state = 'dead' AND kind <> ?3",
                params![now.as_ms(), key_of(id), IMPORT_KIND],
            )?;
            Ok(revived > 0)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn job(&self, scope: &TenantScope, id: JobId) -> Result<Option<Job>> {
        let work = move |db: &Connection| {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?");
            let found = db.query_row(&sql, [key_of(id)], job_parts).optional()?;
            found.map(job_of).transpose()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn list_jobs(
        &self,
        scope: &TenantScope,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<Job>> {
        let limit = page.limit();
        let mut sql = format!("SELECT {COLUMNS} FROM jobs WHERE id < ?");
        let mut arguments = vec![Value::Blob(page_start(page, u128::MAX)?.to_vec())];
        if let Some(state) = filter.state {
            sql.push_str(" AND state = ?");
            arguments.push(Value::Text(state.name().to_owned()));
        }
        if let Some(kind) = &filter.kind {
            sql.push_str(" AND kind = ?");
            arguments.push(Value::Text(kind.clone()));
        }
        sql.push_str(" ORDER BY id DESC LIMIT ?");
        arguments.push(Value::Integer(limit as i64 + 1));
        let work = move |db: &Connection| {
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(arguments), job_parts)?;
            rows.map(|parts| job_of(parts?)).collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |job| job.id.to_string()))
    }

    async fn job_counts(&self, scope: &TenantScope) -> Result<JobCounts> {
        let work = |db: &Connection| {
            let mut counts = JobCounts::default();
            let sql = "SELECT state, count(*) FROM jobs GROUP BY state";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                match state_of(&row.get::<_, String>(0)?)? {
                    JobState::Waiting => counts.waiting = count,
                    JobState::Running => counts.running = count,
                    JobState::Done => counts.done = count,
                    JobState::Dead => counts.dead = count,
                }
            }
            Ok(counts)
        };
        self.files(scope)?.database.read(work).await
    }
}

/// The import that runs, if one does.
fn running_alone(db: &Connection) -> Result<Option<Job>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE state = 'running' AND kind IN (?1, ?2) ORDER BY id LIMIT 1"
    );
    let found = db
        .prepare_cached(&sql)?
        .query_row(ONE_AT_A_TIME, job_parts)
        .optional()?;
    found.map(job_of).transpose()
}

fn insert_begun(
    db: &Connection,
    id: JobId,
    source: String,
    lease: u64,
    (now, lease_ms): (Timestamp, i64),
) -> Result<LeasedJob> {
    let sql = format!(
        "INSERT INTO jobs (id, kind, task, state, attempts, dedupe_key, lease, lease_until, not_before,
         created_at, updated_at) VALUES (?1, ?2, ?3, 'running', 1, ?2, ?4, ?5, ?6, ?6, ?6) RETURNING {COLUMNS}"
    );
    let task = JobTask::ImportTracks { source };
    let parts = db.query_row(
        &sql,
        params![
            key_of(id),
            task.kind(),
            serde_json::to_string(&task)?,
            to_i64(lease),
            now.plus_ms(lease_ms).as_ms(),
            now.as_ms()
        ],
        job_parts,
    )?;
    let job = job_of(parts)?;
    Ok(LeasedJob { job, lease })
}

fn enqueue_one(db: &Connection, job: &NewJob, id: JobId, now: Timestamp) -> Result<JobId> {
    let inserted = db
        .prepare_cached(
            "INSERT OR IGNORE INTO jobs
             (id, kind, task, state, dedupe_key, not_before, created_at, updated_at)
             VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?5, ?5)",
        )?
        .execute(params![
            key_of(id),
            job.task.kind(),
            serde_json::to_string(&job.task)?,
            job.dedupe_key,
            now.as_ms()
        ])?;
    if inserted == 1 {
        return Ok(id);
    }
    if job.task.follows_input() {
        db.prepare_cached(
            "UPDATE jobs SET wanted_again = 1 WHERE dedupe_key = ? AND state = 'running'",
        )?
        .execute([&job.dedupe_key])?;
    }
    let key: [u8; 16] = db.query_row(
        "SELECT id FROM jobs WHERE dedupe_key = ? AND state IN ('waiting', 'running')",
        [&job.dedupe_key],
        |row| row.get(0),
    )?;
    Ok(JobId::from_u128(u128::from_be_bytes(key)))
}

/// Takes jobs from their workers; how many, and what is to be told of those that died of it.
fn give_back(db: &Connection, which: &str, now: Timestamp) -> Result<(u64, Vec<Event>)> {
    let taken = db
        .prepare_cached(&format!("{GIVE_BACK} WHERE {which}"))?
        .execute(params![
            now.as_ms(),
            limits::JOB_LOSSES_MAX,
            IMPORT_KIND,
            IMPORTER_GONE
        ])?;
    begin_again(db)?;
    if taken == 0 {
        return Ok((0, Vec::new()));
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE state = 'dead' AND updated_at = ?1
         AND (losses >= ?2 OR kind = ?3 AND losses > 0)"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let arguments = params![now.as_ms(), limits::JOB_LOSSES_MAX, IMPORT_KIND];
    let dead = statement.query_map(arguments, job_parts)?;
    let told = dead.map(|parts| {
        let job = job_of(parts?)?;
        let reason = job.error.clone().unwrap_or_default();
        Ok(failed_job_notice(&job, reason))
    });
    Ok((taken as u64, told.collect::<Result<_>>()?))
}

fn begin_again(db: &Connection) -> Result<()> {
    db.prepare_cached(BEGIN_AGAIN)?.execute([])?;
    Ok(())
}

fn lease_ready(
    db: &Connection,
    kind: &str,
    count: usize,
    lease: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<LeasedJob>> {
    let mut taking = db.prepare_cached(&format!(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease = ?1, lease_until = ?2,
         updated_at = ?3 WHERE id = ?4 RETURNING {COLUMNS}"
    ))?;
    let (lease_key, until) = (to_i64(lease), until.as_ms());
    let mut jobs = (ready(db, kind, count, now)?.into_iter())
        .map(|id| {
            let arguments = params![lease_key, until, now.as_ms(), id];
            job_of(taking.query_row(arguments, job_parts)?)
        })
        .collect::<Result<Vec<_>>>()?;
    jobs.sort_by_key(|job| job.id);
    Ok(jobs
        .into_iter()
        .map(|job| LeasedJob { job, lease })
        .collect())
}

/// The jobs that are next: several that never lost a worker, or one that did.
fn ready(db: &Connection, kind: &str, count: usize, now: Timestamp) -> Result<Vec<[u8; 16]>> {
    let is_alone = ONE_AT_A_TIME.contains(&kind);
    if is_alone && running_alone(db)?.is_some() {
        return Ok(Vec::new());
    }
    let count = if is_alone { count.min(1) } else { count };
    let mut statement = db.prepare_cached(
        "SELECT id, losses > 0 FROM jobs WHERE kind = ?1 AND state = 'waiting' AND not_before <= ?2
         ORDER BY not_before, id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![kind, now.as_ms(), count as i64], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let ready: Vec<([u8; 16], bool)> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(alone_if_lost(ready))
}

fn held(changed: usize, id: JobId) -> Result<()> {
    if changed == 0 {
        return Err(Error::Conflict {
            reason: format!("the lease on job `{id}` was lost"),
        });
    }
    Ok(())
}

type JobParts = (
    [u8; 16],
    String,
    String,
    u32,
    i64,
    i64,
    Option<String>,
    i64,
    i64,
);

fn job_parts(row: &Row<'_>) -> rusqlite::Result<JobParts> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
    ))
}

fn job_of(parts: JobParts) -> Result<Job> {
    let (id, task, state, attempts, done, total, error, created_at, updated_at) = parts;
    Ok(Job {
        id: JobId::from_u128(u128::from_be_bytes(id)),
        task: serde_json::from_str::<JobTask>(&task)?,
        state: state_of(&state)?,
        attempts,
        progress: Progress {
            done: done.unsigned_abs(),
            total: total.unsigned_abs(),
        },
        error,
        created_at: Timestamp::from_ms(created_at),
        updated_at: Timestamp::from_ms(updated_at),
    })
}

fn state_of(text: &str) -> Result<JobState> {
    match text {
        "waiting" => Ok(JobState::Waiting),
        "running" => Ok(JobState::Running),
        "done" => Ok(JobState::Done),
        "dead" => Ok(JobState::Dead),
        other => Err(Error::Corrupt {
            reason: format!("unknown job state `{other}`"),
        }),
    }
}

fn key_of(id: JobId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
