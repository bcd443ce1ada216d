//! What each tenant's file says: its log, jobs, model and spaces.

use std::path::Path;

use leitmotif_domain::{TenantId, Timestamp};
use leitmotif_recommend::is_whole_model;
use leitmotif_recommend::service::PRODUCTION;

use super::folder::file_check;
use super::{Check, spoken};
use crate::platform::inspect::{self, JobsState, ModelState, TenantState};

/// Consumers of the log, and what replay and rebuild call them.
const CONSUMERS: [(&str, &str); 3] = [
    (leitmotif_features::projection::CONSUMER, "listening"),
    (leitmotif_features::service::CONSUMER, "features"),
    (leitmotif_ingest::listens::CONSUMER, "scrobbles"),
];
/// Events behind the log that a start reads again in some seconds.
const BEHIND_EVENTS: u64 = 1_000_000;
/// How long a job may wait while workers work: an import of 100,000 songs takes half an hour.
const WAITING_MS: i64 = 24 * 3_600_000;

/// Checks every tenant.
pub fn check_all(data: &Path, now: Timestamp) -> Vec<Check> {
    if !data.join("control.db").exists() {
        return Vec::new();
    }
    // A control file that does not read has failed a check of its own.
    let tenants = inspect::tenants(data).unwrap_or_default();
    let is_held = inspect::is_held(data).unwrap_or(false);
    let mut checks = Vec::new();
    for (tenant, name) in tenants {
        let of_tenant = check_one(data, tenant, is_held, now).into_iter();
        checks.extend(of_tenant.map(|check| Check {
            tenant: Some(name.clone()),
            ..check
        }));
    }
    checks
}

fn check_one(data: &Path, tenant: TenantId, is_held: bool, now: Timestamp) -> Vec<Check> {
    let found = inspect::check_tenant(data, tenant);
    let is_present = found
        .as_ref()
        .is_ok_and(|file| file.format == file.format_max);
    let file = file_check("database", found);
    if !is_present {
        return vec![file];
    }
    match inspect::tenant(data, tenant, PRODUCTION, now) {
        Ok(state) => vec![
            file,
            log(&state),
            jobs(&state.jobs, is_held, now),
            model(state.model.as_ref(), now),
            spaces(&state),
        ],
        Err(error) => {
            let advice = "stop the server and restore the file from a backup";
            vec![file, Check::failed("log", error.to_string(), advice)]
        }
    }
}

/// Sets what consumers have stored beside the end of the log.
fn log(state: &TenantState) -> Check {
    let name = "log";
    let head = state.head_offset;
    let stored = |consumer: &str| {
        let mut found = state.consumers.iter();
        found.find_map(|(name, offset)| (name == consumer).then_some(*offset))
    };
    let mut behind = Vec::new();
    for (consumer, projection) in CONSUMERS {
        let Some(offset) = stored(consumer) else {
            continue;
        };
        if offset > head {
            let finding = format!("{consumer} is at event {offset}, and the log ends at {head}");
            let advice = format!(
                "the log lost events: restore the folder from a backup, or run \
                 `leitmotif events rebuild --projection {projection}`"
            );
            return Check::failed(name, finding, &advice);
        }
        behind.push((consumer, head - offset));
    }
    let most = behind.iter().map(|(_, events)| *events).max();
    let behind: Vec<String> = behind
        .iter()
        .map(|(consumer, events)| format!("{consumer} {events} behind"))
        .collect();
    let finding = match behind.as_slice() {
        [] => format!("{head} events, no stored state"),
        list => format!("{head} events; {}", list.join(", ")),
    };
    if most.unwrap_or(head) > BEHIND_EVENTS {
        let advice = "the next start reads them again, which takes a while; stop the server with \
                      SIGTERM so that it can write its state down";
        return Check::attention(name, finding, advice);
    }
    Check::ok(name, finding)
}

fn jobs(jobs: &JobsState, is_held: bool, now: Timestamp) -> Check {
    let name = "jobs";
    let find = |state: &str| jobs.by_state.iter().find(|found| found.0 == state);
    let count = |state: &str| find(state).map_or(0, |found| found.1);
    let mut finding = match jobs.by_state.is_empty() {
        true => "none".to_owned(),
        false => String::new(),
    };
    for (state, count, oldest) in &jobs.by_state {
        let comma = if finding.is_empty() { "" } else { ", " };
        let age = spoken(now.since_ms(*oldest));
        finding.push_str(&format!("{comma}{count} {state} (oldest {age})"));
    }
    for (what, count) in [
        ("without a living worker", jobs.overdue),
        ("lost a worker before", jobs.lost_a_worker),
    ] {
        if count > 0 {
            finding.push_str(&format!("; {count} {what}"));
        }
    }
    for (kind, error) in &jobs.errors {
        finding.push_str(&format!("; {kind}: {error}"));
    }
    let waits_long = find("waiting").is_some_and(|(_, _, at)| now.since_ms(*at) > WAITING_MS);
    let advice = if jobs.overdue > 0 && is_held {
        "a worker died or hangs: another takes the job within a minute; if the count stays, start \
         the server again"
    } else if !is_held && count("waiting") + count("running") > 0 {
        "no process works on them: `leitmotif serve` goes on where they stopped"
    } else if count("dead") > 0 && count("dead") == jobs.refused {
        "`leitmotif jobs --state dead` says which were refused and why; the same input is refused \
         again, so mend the file or the lyrics: sent or scanned anew, they are analysed anew"
    } else if count("dead") > 0 {
        "`leitmotif jobs --state dead` says which failed and why; what was mended is tried again by \
         `POST /api/v1/jobs/{id}/retry`"
    } else if jobs.lost_a_worker > 0 {
        "something ends workers: look for a file that breaks the decoder, or for too little memory"
    } else if waits_long {
        "the workers do not keep up, or do not run: look at `workers` in the settings and at the log"
    } else {
        return Check::ok(name, finding);
    };
    Check::attention(name, finding, advice)
}

fn model(model: Option<&ModelState>, now: Timestamp) -> Check {
    let name = "model";
    let Some(model) = model else {
        return Check::ok(
            name,
            "none is in production yet; `leitmotif train` makes one",
        );
    };
    let advice = "restore its file from a backup, or train another with `leitmotif train`";
    let read = std::fs::File::open(&model.file).and_then(is_whole_model);
    match read {
        Ok(true) => {
            let age = spoken(now.since_ms(model.created_at));
            Check::ok(name, format!("{}, {age} old, is whole", model.id))
        }
        Ok(false) => Check::failed(name, format!("the file of {} is damaged", model.id), advice),
        Err(error) => {
            let finding = format!("the file of {} does not read: {error}", model.id);
            Check::failed(name, finding, advice)
        }
    }
}

fn spaces(state: &TenantState) -> Check {
    let spaces = state.spaces.iter();
    let shown: Vec<String> = spaces
        .map(|(name, vectors)| format!("{name} {vectors}"))
        .collect();
    let finding = match shown.as_slice() {
        [] => "no vectors yet".to_owned(),
        list => list.join(", "),
    };
    Check::ok("spaces", finding)
}
