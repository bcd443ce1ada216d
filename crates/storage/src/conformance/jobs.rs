//! The job queue.

use leitmotif_domain::job::{JobCounts, JobState, JobTask, NewJob, Progress};
use leitmotif_domain::webhook::NoticeKind;
use leitmotif_domain::{ErrorKind, JobId, TenantScope, TrackId, limits};

use super::kind_of;
use super::world::{World, page};
use crate::ports::{JobFilter, LeasedJob};

const KIND: &str = "analyze_track";

pub(super) fn analyze(number: u128) -> NewJob {
    NewJob {
        task: JobTask::AnalyzeTrack {
            track: TrackId::from_u128(number),
        },
        dedupe_key: format!("analyze {number}"),
    }
}

async fn queue(world: &World, scope: &TenantScope, number: u128) -> JobId {
    world.clock.advance_ms(1);
    let queued = world.jobs.enqueue(scope, vec![analyze(number)]).await;
    queued.unwrap()[0]
}

async fn lease(world: &World, scope: &TenantScope, count: usize) -> Vec<LeasedJob> {
    world.jobs.lease(scope, KIND, count, 1_000).await.unwrap()
}

async fn state(world: &World, scope: &TenantScope, id: JobId) -> (JobState, u32) {
    let job = world.jobs.job(scope, id).await.unwrap().unwrap();
    (job.state, job.attempts)
}

pub async fn open_jobs_are_not_queued_twice(world: &World) {
    let scope = world.first();
    let batch = vec![analyze(1), analyze(2), analyze(1)];
    let ids = world.jobs.enqueue(&scope, batch).await.unwrap();
    assert!(ids[0] == ids[2] && ids[0] != ids[1]);
    assert_eq!(queue(world, &scope, 1).await, ids[0]);
    for leased in &lease(world, &scope, 9).await {
        world.jobs.complete(&scope, leased).await.unwrap();
    }
    assert_ne!(queue(world, &scope, 1).await, ids[0], "it is done");
    assert_eq!(
        world.jobs.job(&scope, JobId::from_u128(1)).await.unwrap(),
        None
    );
}

pub async fn leases_go_to_the_oldest_first(world: &World) {
    let scope = world.first();
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(queue(world, &scope, number).await);
    }
    assert_eq!(
        world.jobs.lease(&scope, "train", 9, 1_000).await.unwrap(),
        []
    );
    assert_eq!(lease(world, &scope, 0).await, []);
    let leased = lease(world, &scope, 2).await;
    let taken: Vec<_> = leased.iter().map(|one| one.job.id).collect();
    assert_eq!(taken, ids[..2]);
    assert_eq!(
        (leased[0].job.state, leased[0].job.attempts),
        (JobState::Running, 1)
    );
    let rest = lease(world, &scope, 9).await;
    assert_eq!(rest[0].job.id, ids[2]);
    assert_eq!(lease(world, &scope, 9).await, []);
    let half = Progress { done: 1, total: 2 };
    world
        .jobs
        .progress(&scope, &rest[0], half, 1_000)
        .await
        .unwrap();
    assert_eq!(
        world
            .jobs
            .job(&scope, ids[2])
            .await
            .unwrap()
            .unwrap()
            .progress,
        half
    );
    world.jobs.complete(&scope, &rest[0]).await.unwrap();
    let done = world.jobs.job(&scope, ids[2]).await.unwrap().unwrap();
    assert_eq!((done.state, done.progress.done), (JobState::Done, 2));
    let counts = world.jobs.job_counts(&scope).await.unwrap();
    assert_eq!(
        counts,
        JobCounts {
            running: 2,
            done: 1,
            ..JobCounts::default()
        }
    );
}

pub async fn a_lost_lease_is_a_conflict(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let id = queue(world, &scope, 1).await;
    let lost = lease(world, &scope, 1).await.remove(0);
    world.clock.advance_ms(600);
    jobs.progress(&scope, &lost, Progress::default(), 1_000)
        .await
        .unwrap();
    world.clock.advance_ms(999);
    assert_eq!(
        lease(world, &scope, 1).await,
        [],
        "progress extends a lease"
    );
    world.clock.advance_ms(1);
    let taken = lease(world, &scope, 1).await.remove(0);
    assert_eq!((taken.job.id, taken.job.attempts), (id, 2));
    assert_ne!(taken.lease, lost.lease);
    let refused = [
        kind_of(
            jobs.progress(&scope, &lost, Progress::default(), 1_000)
                .await,
        ),
        kind_of(jobs.complete(&scope, &lost).await),
        kind_of(jobs.fail(&scope, &lost, "late", None).await),
    ];
    assert_eq!(refused, [ErrorKind::Conflict; 3]);
    jobs.complete(&scope, &taken).await.unwrap();
    assert_eq!(
        kind_of(jobs.complete(&scope, &taken).await),
        ErrorKind::Conflict
    );
    assert_eq!(state(world, &scope, id).await, (JobState::Done, 2));
}

pub async fn a_job_asked_for_while_it_runs_runs_again(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let id = queue(world, &scope, 1).await;
    // Every way a run can end: done, failed for good, worker lost, process lost.
    let leased = lease(world, &scope, 1).await.remove(0);
    assert_eq!(queue(world, &scope, 1).await, id, "it runs");
    assert_eq!(lease(world, &scope, 1).await, [], "never twice at a time");
    jobs.complete(&scope, &leased).await.unwrap();
    assert_eq!(state(world, &scope, id).await, (JobState::Waiting, 0));
    let leased = lease(world, &scope, 1).await.remove(0);
    queue(world, &scope, 1).await;
    jobs.fail(&scope, &leased, "hopeless", None).await.unwrap();
    assert_eq!(state(world, &scope, id).await, (JobState::Waiting, 0));
    lease(world, &scope, 1).await;
    queue(world, &scope, 1).await;
    world.clock.advance_ms(1_000);
    let leased = lease(world, &scope, 1).await.remove(0);
    assert_eq!((leased.job.id, leased.job.attempts), (id, 1));
    queue(world, &scope, 1).await;
    jobs.release_all(&scope).await.unwrap();
    assert_eq!(state(world, &scope, id).await, (JobState::Waiting, 0));
    // Nobody asked again, so it ends; what follows no input runs once.
    let leased = lease(world, &scope, 1).await.remove(0);
    jobs.complete(&scope, &leased).await.unwrap();
    assert_eq!(state(world, &scope, id).await, (JobState::Done, 1));
    let train = || NewJob {
        task: JobTask::Train(Default::default()),
        dedupe_key: "train".to_owned(),
    };
    let first = jobs.enqueue(&scope, vec![train()]).await.unwrap();
    let leased = jobs.lease(&scope, "train", 1, 1_000).await.unwrap();
    assert_eq!(jobs.enqueue(&scope, vec![train()]).await.unwrap(), first);
    jobs.complete(&scope, &leased[0]).await.unwrap();
    assert_eq!(state(world, &scope, first[0]).await, (JobState::Done, 1));
}

pub async fn failures_wait_and_then_die(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let id = queue(world, &scope, 1).await;
    for attempt in 1..=limits::JOB_ATTEMPTS_MAX {
        let leased = lease(world, &scope, 1).await.remove(0);
        assert_eq!(leased.job.attempts, attempt);
        jobs.fail(&scope, &leased, "no decoder", Some(500))
            .await
            .unwrap();
        world.clock.advance_ms(499);
        assert_eq!(lease(world, &scope, 1).await, [], "its time has not come");
        world.clock.advance_ms(1);
    }
    let dead = jobs.job(&scope, id).await.unwrap().unwrap();
    assert_eq!(
        (dead.state, dead.error.as_deref()),
        (JobState::Dead, Some("no decoder"))
    );
    let other = queue(world, &scope, 2).await;
    let leased = lease(world, &scope, 9).await.remove(0);
    jobs.fail(&scope, &leased, "hopeless", None).await.unwrap();
    assert_eq!(state(world, &scope, other).await, (JobState::Dead, 1));
    // A worker that dies every time ends the same way.
    let poison = queue(world, &scope, 3).await;
    for _ in 0..limits::JOB_LOSSES_MAX {
        assert_eq!(lease(world, &scope, 9).await.len(), 1);
        world.clock.advance_ms(1_000);
    }
    assert_eq!(lease(world, &scope, 9).await, []);
    assert_eq!(state(world, &scope, poison).await.0, JobState::Dead);
}

pub async fn dead_jobs_are_revived(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let id = queue(world, &scope, 1).await;
    assert!(!jobs.revive(&scope, id).await.unwrap(), "it waits");
    let leased = lease(world, &scope, 1).await.remove(0);
    jobs.fail(&scope, &leased, "hopeless", None).await.unwrap();
    let twin = queue(world, &scope, 1).await;
    assert!(!jobs.revive(&scope, id).await.unwrap(), "its twin waits");
    let leased = lease(world, &scope, 1).await.remove(0);
    assert_eq!(leased.job.id, twin);
    jobs.complete(&scope, &leased).await.unwrap();
    assert!(jobs.revive(&scope, id).await.unwrap());
    assert_eq!(state(world, &scope, id).await, (JobState::Waiting, 0));
    assert_eq!(lease(world, &scope, 9).await.len(), 1);
    assert!(!jobs.revive(&scope, JobId::from_u128(1)).await.unwrap());
}

pub async fn released_jobs_wait_again(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let id = queue(world, &scope, 1).await;
    assert_eq!(jobs.release_all(&scope).await.unwrap(), 0);
    for attempt in 1..=limits::JOB_LOSSES_MAX {
        let leased = lease(world, &scope, 1).await.remove(0);
        assert_eq!(jobs.release_all(&scope).await.unwrap(), 1);
        assert_eq!(
            kind_of(jobs.complete(&scope, &leased).await),
            ErrorKind::Conflict
        );
        // A job that takes its process down is not begun for ever.
        let expected = if attempt < limits::JOB_LOSSES_MAX {
            JobState::Waiting
        } else {
            JobState::Dead
        };
        assert_eq!(state(world, &scope, id).await, (expected, attempt));
        let told = world.events.read(&scope, 0, 100).await.unwrap();
        let told = told.iter().filter_map(NoticeKind::of_event);
        let is_dead = expected == JobState::Dead;
        assert_eq!(
            told.count(),
            usize::from(is_dead),
            "told once, when it died"
        );
    }
    // Workers that were lost are no failures: as many of these as ever end a job.
    let id = queue(world, &scope, 2).await;
    for _ in 0..limits::JOB_ATTEMPTS_MAX {
        lease(world, &scope, 1).await;
        jobs.release_all(&scope).await.unwrap();
    }
    for failure in 1..=limits::JOB_ATTEMPTS_MAX {
        assert_eq!(state(world, &scope, id).await.0, JobState::Waiting);
        let leased = lease(world, &scope, 1).await.remove(0);
        let attempt = limits::JOB_ATTEMPTS_MAX + failure;
        assert_eq!(leased.job.attempts, attempt);
        jobs.fail(&scope, &leased, "no decoder", Some(0))
            .await
            .unwrap();
    }
    assert_eq!(state(world, &scope, id).await.0, JobState::Dead);
}

pub async fn jobs_that_lost_their_worker_come_alone(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let (first, second) = (queue(world, &scope, 1).await, queue(world, &scope, 2).await);
    lease(world, &scope, 2).await;
    jobs.release_all(&scope).await.unwrap();
    let fresh = [queue(world, &scope, 3).await, queue(world, &scope, 4).await];
    let ids = |leased: Vec<LeasedJob>| -> Vec<JobId> {
        leased.into_iter().map(|one| one.job.id).collect()
    };
    let mut rounds = Vec::new();
    for _ in 0..4 {
        rounds.push(ids(lease(world, &scope, 9).await));
    }
    assert_eq!(rounds[..2], [vec![first], vec![second]]);
    assert_eq!(rounds[2..], [fresh.to_vec(), vec![]]);
    // What stands before a lost one does not take it along.
    let early = queue(world, &scope, 5).await;
    world.clock.advance_ms(1);
    assert_eq!(jobs.release_all(&scope).await.unwrap(), 4);
    let late = queue(world, &scope, 6).await;
    assert_eq!(ids(lease(world, &scope, 9).await), [early]);
    for lost in [first, second, fresh[0], fresh[1]] {
        assert_eq!(ids(lease(world, &scope, 9).await), [lost]);
    }
    assert_eq!(ids(lease(world, &scope, 9).await), [late]);
}

pub async fn imports_run_one_after_the_other(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let first = jobs.begin(&scope, "songs.csv", 1_000).await.unwrap();
    assert_eq!(
        (first.job.state, first.job.attempts, first.job.task.kind()),
        (JobState::Running, 1, "import_tracks")
    );
    let refused = jobs.begin(&scope, "other.csv", 1_000).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let sentence = refused.to_string();
    assert!(sentence.contains("`songs.csv`"), "{sentence}");
    assert!(sentence.contains(&first.job.id.to_string()), "{sentence}");
    // A folder waits for the table, another folder for that, and a table does not begin beside them.
    let scan = |path: &str| NewJob {
        task: JobTask::ScanFolder {
            path: path.to_owned(),
        },
        dedupe_key: path.to_owned(),
    };
    let scan_a = jobs.enqueue(&scope, vec![scan("/a")]).await.unwrap();
    world.clock.advance_ms(1);
    jobs.enqueue(&scope, vec![scan("/b")]).await.unwrap();
    let lease = async || jobs.lease(&scope, "scan_folder", 9, 1_000).await.unwrap();
    assert_eq!(lease().await, []);
    jobs.complete(&scope, &first).await.unwrap();
    let read = lease().await;
    assert_eq!((read.len(), read[0].job.id), (1, scan_a[0]));
    assert_eq!(lease().await, []);
    let refused = jobs.begin(&scope, "other.csv", 1_000).await.unwrap_err();
    assert!(refused.to_string().contains("`/a`"), "{refused}");
    // Tenants do not wait for each other; other kinds do not wait at all.
    let own = jobs.begin(&world.second(), "theirs.csv", 1_000).await;
    assert_eq!(own.unwrap().job.state, JobState::Running);
    queue(world, &scope, 1).await;
    assert_eq!(
        jobs.lease(&scope, KIND, 1, 1_000_000).await.unwrap().len(),
        1
    );
    jobs.complete(&scope, &read[0]).await.unwrap();
    let read = lease().await;
    jobs.complete(&scope, &read[0]).await.unwrap();

    // Whoever was killed makes room: with the lease, and at once when the process held the folder.
    let killed = jobs.begin(&scope, "killed.csv", 1_000).await.unwrap();
    world.clock.advance_ms(999);
    assert!(jobs.begin(&scope, "next.csv", 1_000).await.is_err());
    world.clock.advance_ms(1);
    let next = jobs.begin(&scope, "next.csv", 1_000).await.unwrap();
    let late = jobs.progress(&scope, &killed, Progress::default(), 1_000);
    assert_eq!(kind_of(late.await), ErrorKind::Conflict);
    assert_eq!(
        state(world, &scope, killed.job.id).await,
        (JobState::Dead, 1)
    );
    assert!(!jobs.revive(&scope, killed.job.id).await.unwrap());
    jobs.release_all(&scope).await.unwrap();
    assert_eq!(state(world, &scope, next.job.id).await.0, JobState::Dead);
    let told = world.events.read(&scope, 0, 100).await.unwrap();
    assert_eq!(told.iter().filter_map(NoticeKind::of_event).count(), 2);
    let last = jobs.begin(&scope, "last.csv", 1_000).await.unwrap();
    jobs.complete(&scope, &last).await.unwrap();
}

pub async fn jobs_are_listed_newest_first(world: &World) {
    let (scope, jobs) = (world.first(), &world.jobs);
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(queue(world, &scope, number).await);
    }
    world.clock.advance_ms(1);
    let train = NewJob {
        task: JobTask::Train(Default::default()),
        dedupe_key: "train".to_owned(),
    };
    ids.push(jobs.enqueue(&scope, vec![train]).await.unwrap()[0]);
    lease(world, &scope, 1).await;
    let list = async |state: Option<JobState>, kind: Option<&str>| {
        let filter = JobFilter {
            state,
            kind: kind.map(str::to_owned),
        };
        let listed = jobs
            .list_jobs(&scope, &filter, &page(9, None))
            .await
            .unwrap();
        listed.items.iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(Some(JobState::Running), None).await, [ids[0]]);
    assert_eq!(
        list(Some(JobState::Waiting), Some(KIND)).await,
        [ids[2], ids[1]]
    );
    let all = JobFilter::default();
    let newest = jobs.list_jobs(&scope, &all, &page(3, None)).await.unwrap();
    let rest = jobs
        .list_jobs(&scope, &all, &page(3, newest.next))
        .await
        .unwrap();
    assert_eq!(
        (rest.items[0].id, rest.items.len(), rest.next),
        (ids[0], 1, None)
    );
}
