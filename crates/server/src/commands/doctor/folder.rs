//! The data folder itself: is it there, is there room, does its control file read.

use std::path::Path;

use super::{Check, sized};
use crate::platform::{Platform, inspect};

/// Free room below which writing fails soon: the log of a database file grows to some 16 MB before
/// it is folded in, and a training writes its model beside the old one.
const DISK_BYTES_FAILED: u64 = 64_000_000;
/// Free room below which a larger import may not fit.
const DISK_BYTES_ATTENTION: u64 = 1_000_000_000;

/// Checks the folder. One that is not there has nothing else to check.
pub fn check(data: &Path) -> Vec<Check> {
    let mut checks = vec![written(data)];
    if !data.is_dir() {
        return checks;
    }
    checks.push(disk(data));
    if !data.join("control.db").exists() {
        checks.push(Check::attention(
            "database",
            "there is no control.db: nothing was ever kept here",
            "start `leitmotif serve` or import something; if this folder was in use, restore it",
        ));
        return checks;
    }
    checks.push(keys(data));
    checks.push(file_check("database", inspect::check_control(data)));
    checks
}

fn written(data: &Path) -> Check {
    let name = "folder";
    if !data.is_dir() {
        return Check::failed(
            name,
            "it does not exist",
            "say where the data lies with --data or LEITMOTIF_DATA; `leitmotif serve` makes a new folder",
        );
    }
    match tempfile::tempfile_in(data) {
        Ok(_) => Check::ok(name, "it exists and can be written"),
        Err(error) => Check::failed(
            name,
            format!("it cannot be written: {error}"),
            "give the folder to the user that runs Leitmotif, or mount its disk for writing",
        ),
    }
}

fn disk(data: &Path) -> Check {
    let name = "disk";
    let advice = "free some space or move the folder to a larger disk";
    let free = match rustix::fs::statvfs(data) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            let finding = format!("its free space is not known: {error}");
            return Check::attention(name, finding, "look at the disk of the folder");
        }
    };
    let finding = format!("{} free", sized(free));
    match free {
        0..DISK_BYTES_FAILED => Check::failed(name, finding, advice),
        DISK_BYTES_FAILED..DISK_BYTES_ATTENTION => Check::attention(name, finding, advice),
        _ => Check::ok(name, finding),
    }
}

fn keys(data: &Path) -> Check {
    match Platform::check_keys(data) {
        Ok(()) => Check::ok("keys", "seal.key and local.key read"),
        Err(error) => Check::failed(
            "keys",
            format!("{error:#}"),
            "restore seal.key from a backup; local.key is issued anew by the next start",
        ),
    }
}

/// What a check of a database file found.
pub fn file_check(
    name: &'static str,
    found: Result<inspect::FileState, leitmotif_storage::Error>,
) -> Check {
    let state = match found {
        Ok(state) => state,
        Err(error) => {
            let advice =
                "restore the file from a backup, or give it to the user that runs Leitmotif";
            return Check::failed(name, error.to_string(), advice);
        }
    };
    let file = state.path.file_name().unwrap_or_default().to_string_lossy();
    let format = format!("format {} of {}", state.format, state.format_max);
    if state.format > state.format_max {
        let finding = format!("{file} has {format}: a newer release wrote it");
        return Check::failed(name, finding, "use that release again");
    }
    if !state.problems.is_empty() {
        let finding = format!("{file} is damaged: {}", state.problems.join("; "));
        return Check::failed(
            name,
            finding,
            "stop the server and restore the file from a backup",
        );
    }
    let finding = format!("{file}, {}, {format}, is whole", sized(state.size_bytes));
    if state.format < state.format_max {
        let advice = "nothing needs to be done: the next start brings it to the present format";
        return Check::attention(name, finding, advice);
    }
    Check::ok(name, finding)
}
