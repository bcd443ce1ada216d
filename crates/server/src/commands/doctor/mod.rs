//! `leitmotif doctor`: whether a data folder and the server on it are well, and what to do where they
//! are not.
//!
//! The one command that reads the folder beside its holder: it is asked when a server hangs, when it
//! does not start, and when nobody knows which. It reads counts and states, nothing that a tenant
//! keeps, and changes nothing.

mod folder;
mod server;
mod tenant;

use std::process::ExitCode;

use leitmotif_domain::Clock;
use leitmotif_domain::clock::SystemClock;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::settings::Settings;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Nothing is to be done.
    Ok,
    /// It works, and somebody should look.
    Attention,
    /// It does not work.
    Failed,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Attention => "attention",
            Self::Failed => "failed",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: &'static str,
    /// The tenant that it is about.
    tenant: Option<String>,
    verdict: Verdict,
    finding: String,
    /// What to do; empty when all is well.
    advice: String,
}

impl Check {
    fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self {
            name,
            tenant: None,
            verdict: Verdict::Ok,
            finding: finding.into(),
            advice: String::new(),
        }
    }

    fn attention(name: &'static str, finding: impl Into<String>, advice: &str) -> Self {
        Self {
            verdict: Verdict::Attention,
            advice: advice.to_owned(),
            ..Self::ok(name, finding)
        }
    }

    fn failed(name: &'static str, finding: impl Into<String>, advice: &str) -> Self {
        Self {
            verdict: Verdict::Failed,
            advice: advice.to_owned(),
            ..Self::ok(name, finding)
        }
    }

    fn document(&self) -> Value {
        json!({
            "name": self.name,
            "tenant": self.tenant,
            "verdict": self.verdict.name(),
            "finding": self.finding,
            "advice": self.advice,
        })
    }
}

/// Checks everything; ends with a failure when something failed.
pub async fn run(settings: &Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let data = settings.data.clone();
    let of_folder = tokio::task::spawn_blocking(move || {
        let now = SystemClock.now();
        let mut checks = folder::check(&data);
        checks.extend(tenant::check_all(&data, now));
        checks
    });
    checks.extend(of_folder.await?);
    checks.extend(server::check(settings).await);
    let worst = checks.iter().map(|check| check.verdict).max();
    let worst = worst.unwrap_or(Verdict::Ok);
    let document = json!({
        "folder": settings.data,
        "verdict": worst.name(),
        "checks": checks.iter().map(Check::document).collect::<Vec<_>>(),
    });
    print(&document, as_json, print_checks);
    Ok(match worst {
        Verdict::Failed => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

fn print_checks(document: &Value) {
    println!("folder {}", text_of(document, "folder"));
    for check in list_of(document, "checks") {
        let tenant = match text_of(check, "tenant") {
            "" => String::new(),
            name => format!("{name}: "),
        };
        let verdict = match text_of(check, "verdict") {
            "ok" => "OK",
            other => other,
        };
        let name = text_of(check, "name");
        println!(
            "{verdict:10} {name:11} {tenant}{}",
            text_of(check, "finding")
        );
        if !text_of(check, "advice").is_empty() {
            println!("{:22} → {}", "", text_of(check, "advice"));
        }
    }
}

/// A length of time as somebody would say it.
fn spoken(milliseconds: i64) -> String {
    match milliseconds.max(0) / 1_000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Bytes as somebody would say them.
fn sized(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_spoken() {
        for (milliseconds, expected) in [
            (-5, "0 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (400_000_000, "4 days"),
        ] {
            assert_eq!(spoken(milliseconds), expected);
        }
        for (bytes, expected) in [(1, "1 KB"), (2_500_000, "2 MB"), (1_250_000_000, "1.2 GB")] {
            assert_eq!(sized(bytes), expected);
        }
    }

    #[test]
    fn the_worst_verdict_counts() {
        assert!(Verdict::Failed > Verdict::Attention && Verdict::Attention > Verdict::Ok);
    }
}
