//! The server on the folder, or at `--url`: does it answer, what do its own checks say, and how much
//! memory does it hold.

use std::time::Duration;

use leitmotif_demo::tour::{Answer, Call};

use super::Check;
use crate::client::Client;
use crate::commands::capacity::measure::process_mb;
use crate::platform::{Platform, inspect};
use crate::settings::Settings;

/// How long a server may take to say whether it is ready: it does so in a millisecond unless it hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Memory of the machine that should be left, in MiB: a worker's decoding child may take some 200.
const MEMORY_LEFT_MB: f64 = 256.0;

/// Checks the server, if there is one.
pub async fn check(settings: &Settings) -> Vec<Check> {
    let name = "server";
    if let Some(url) = &settings.url {
        return vec![answers(url).await];
    }
    match inspect::is_held(&settings.data) {
        Ok(true) => {}
        Ok(false) => return vec![Check::ok(name, "no process holds the folder")],
        Err(error) => {
            let finding = format!("who holds the folder is not known: {error}");
            let advice = "give the folder to the user that runs Leitmotif";
            return vec![Check::attention(name, finding, advice)];
        }
    }
    let holder = Platform::holder(&settings.data).unwrap_or_else(|| "another process".to_owned());
    let mut words = holder.split_whitespace();
    let address = words.clone().find(|word| word.starts_with("http://"));
    let process = words.find(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    let mut checks = vec![match address {
        Some(address) => answers(address).await,
        None => Check::ok(
            name,
            format!("the folder is held by {holder}, which serves nothing"),
        ),
    }];
    checks.extend(process.map(memory));
    checks
}

/// Asks a server whether it is ready.
async fn answers(base: &str) -> Check {
    let name = "server";
    // The probes take no key.
    let client = Client::http(base, "");
    let call = Call {
        method: "GET",
        path: "/readyz?verbose".to_owned(),
        ..Call::default()
    };
    match tokio::time::timeout(ANSWER_WITHIN, client.send(call)).await {
        Ok(Ok(answer)) => ready(base, &answer),
        Ok(Err(error)) => Check::failed(
            name,
            format!("{base} cannot be reached: {error:#}"),
            "start it with `leitmotif serve`, or set --url to where it listens",
        ),
        Err(_) => Check::failed(
            name,
            format!(
                "{base} does not answer within {} s",
                ANSWER_WITHIN.as_secs()
            ),
            "it hangs or the machine is overloaded: look at its log, then start it again; nothing \
             that it acknowledged is lost",
        ),
    }
}

fn ready(base: &str, answer: &Answer) -> Check {
    let text = String::from_utf8_lossy(&answer.body);
    let failed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("[-]")?.split_whitespace().next())
        .collect();
    match (answer.status, failed.as_slice()) {
        (200, []) => Check::ok("server", format!("{base} is ready")),
        (_, ["views"]) => Check::attention(
            "server",
            format!("{base} answers, and still reads models into memory"),
            "wait: answers are slow until it is done",
        ),
        (status, list) => Check::failed(
            "server",
            format!("{base} is not ready (status {status}): {}", list.join(", ")),
            "it starts, stops or cannot read its control file: ask again in a minute, then look at its log",
        ),
    }
}

/// What a process of this machine holds, and what the machine has left.
fn memory(process: &str) -> Check {
    let name = "memory";
    let held = process_mb(process, "VmRSS:");
    let left = available_mb();
    let (Ok(held), Some(left)) = (held, left) else {
        return Check::ok(name, "not known on this system");
    };
    let finding =
        format!("process {process} holds {held:.0} MB, the machine has {left:.0} MB left");
    if left < MEMORY_LEFT_MB {
        let advice = "set fewer `workers`, or give the machine more memory: `leitmotif capacity` says \
                      how much a load needs";
        return Check::attention(name, finding, advice);
    }
    Check::ok(name, finding)
}

fn available_mb() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_server_is_as_well_as_it_says() {
        for (status, body, expected) in [
            (200, "[+]serving ok\n[+]views ok\n", Verdict::Ok),
            (503, "[+]serving ok\n[-]views failed\n", Verdict::Attention),
            (503, "[-]serving failed\n[-]views failed\n", Verdict::Failed),
            (500, "", Verdict::Failed),
        ] {
            let answer = Answer {
                status,
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(ready("x", &answer).verdict, expected, "{body}");
        }
    }
}
