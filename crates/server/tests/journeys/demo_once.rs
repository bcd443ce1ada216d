//! The demo, small: every number is there, the first rungs of the ladder stand in order, and they are the same again.

use crate::harness::cli;

#[test]
fn demo_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let summary = cli(&data, &["demo", "--once", "--json", "--songs", "60"]).json();
    let number = |path: &str| {
        let value = summary.pointer(path).and_then(serde_json::Value::as_f64);
        value.unwrap_or_else(|| panic!("`{path}` is missing: {summary}"))
    };
    for path in ["/tempo_acc1", "/tempo_acc2", "/key_exact"] {
        assert!((0.0..=1.0).contains(&number(path)), "{path}: {summary}");
    }
    assert!(number("/tempo_acc1") <= number("/tempo_acc2"));
    for path in [
        "/p50_ms",
        "/p99_ms",
        "/peak_rss_mb",
        "/seconds",
        "/ladder/oracle",
        "/flow/shuffled_plays",
        "/flow/convention_plays",
        "/flow/ordered_plays",
        "/skips/completed_untold",
        "/skips/completed_told",
    ] {
        assert!(number(path) > 0.0, "{path}: {summary}");
    }
    let rung = |name: &str| number(&format!("/ladder/{name}"));
    assert!(rung("random") < rung("popularity"), "{summary}");
    assert!(rung("popularity") < rung("item_item"), "{summary}");
    assert!(
        rung("blend") > rung("random") && rung("ials") > rung("random"),
        "{summary}"
    );
    eprintln!("demo: {summary}");
    let again = folder.path().join("again");
    let again = cli(&again, &["demo", "--once", "--json", "--songs", "60"]).json();
    assert_eq!(again["ladder"], summary["ladder"]);

    // The next demo replaces a simulated folder and nothing else.
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("thesis.txt"), b"x").unwrap();
    let refused = cli(&own, &["demo", "--once", "--json", "--songs", "5"]);
    assert!(!refused.is_success && refused.stderr.contains("holds no demo world"));
    assert!(own.join("thesis.txt").exists());
}
