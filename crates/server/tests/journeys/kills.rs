//! The process may die at any moment.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::harness::{TestServer, binary, wait_until, write_song};
use crate::kill_engine::{KillPlan, run};
use crate::tables::now;

#[test]
fn acknowledged_is_kept_whenever_the_process_dies() {
    let folder = tempfile::tempdir().unwrap();
    let plan = KillPlan {
        kills: 50,
        seed: 20_240_229,
        ready_max: Duration::from_secs(5),
        now_ms: now(),
    };
    let report = run(plan, binary(), folder.path());
    eprintln!("kills: {report:?}");
    assert_eq!(report.kills, 50);
    assert!(
        report.acknowledged_batches > 50,
        "the load was real: {report:?}"
    );
}

/// A first start that dies at any moment leaves a folder that starts.
#[test]
fn a_first_start_may_die() {
    for delay_ms in [1, 3, 6, 10, 15, 25, 40, 60] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(binary())
            .args(["serve", "--address", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let server = TestServer::start(folder.path());
        let tenants = server.wire.walk("/api/v1/tenants", "tenants", 10);
        assert_eq!(tenants.len(), 1, "after {delay_ms} ms");
    }
}

#[test]
fn analysis_goes_on_after_a_kill() {
    const SONGS: u64 = 30;
    const WORKERS: u64 = 2;
    // Most songs that a worker has in work.
    const TOGETHER: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let (music, data) = (folder.path().join("music"), folder.path().join("data"));
    fs::create_dir(&music).unwrap();
    for seed in 0..SONGS {
        write_song(
            &music.join(format!("{seed}.wav")),
            seed,
            2.0 + 0.01 * seed as f64,
        );
    }
    let roots = format!("[{:?}]", music.display().to_string());
    let settings = [
        ("LEITMOTIF_IMPORT_ROOTS", roots.as_str()),
        ("LEITMOTIF_WORKERS", "2"),
    ];
    let mut kills = 0;
    for analysed in [0, 4, 11, 19] {
        let mut server = TestServer::with(&data, &settings);
        if kills == 0 {
            let job = server
                .wire
                .post("/api/v1/imports", &json!({ "path": music }));
            assert!(job["job"].is_string());
        }
        wait_until("some songs are analysed", || {
            let overview = server.wire.get("/api/v1/overview");
            let is_far = overview["jobs"]["waiting"].as_u64().unwrap() > 0
                && overview["analysed"].as_u64().unwrap() >= analysed;
            let is_over = overview["analysed"].as_u64() == Some(SONGS);
            (is_far || is_over).then_some(())
        });
        server.kill();
        kills += 1;
    }
    let server = TestServer::with(&data, &settings);
    assert_eq!(server.wait_idle(), 0, "no job is lost to a kill");
    let overview = server.wire.get("/api/v1/overview");
    assert_eq!(
        (&overview["tracks"], &overview["analysed"]),
        (&json!(SONGS), &json!(SONGS))
    );
    assert_eq!(
        server.usage("tracks_analysed"),
        SONGS,
        "each is counted once"
    );
    let jobs = server
        .wire
        .walk("/api/v1/jobs?kind=analyze_track", "jobs", 100);
    let attempts: u64 = jobs
        .iter()
        .map(|job| job["attempts"].as_u64().unwrap())
        .sum();
    eprintln!("analysis: {attempts} attempts for {SONGS} songs and {kills} kills");
    assert_eq!(jobs.len() as u64, SONGS);
    assert!(
        attempts <= SONGS + kills * WORKERS * TOGETHER,
        "at most the songs in work are done again"
    );
}
