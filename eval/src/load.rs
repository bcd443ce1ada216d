//! Open-loop HTTP load: requests start when the schedule says so, however slow the answers are.
//!
//! Latency counts from the *intended* start. A server that stalls for a second at 1,000 requests a
//! second therefore shows a thousand slow requests, not the one that happened to be waiting.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// After this long an answer is an error; the longest route of the product answers within it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most requests of one run: their latencies are kept, 16 bytes each.
const REQUESTS_MAX: f64 = 50_000_000.0;
/// Wait before a connection that broke is opened again, so that a dead server is not hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

#[derive(clap::Args)]
pub struct Args {
    /// Where to send requests, `http://host:port/path`.
    #[arg(long)]
    url: String,
    /// Requests per second.
    #[arg(long)]
    rate: f64,
    /// How long requests are started.
    #[arg(long)]
    seconds: f64,
    /// API key, sent as a bearer token.
    #[arg(long)]
    key: Option<String>,
    #[arg(long, default_value = "GET")]
    method: Method,
    /// File with one JSON document per line; requests take them in turn.
    #[arg(long)]
    body: Option<PathBuf>,
    /// Kept-alive connections, and so the most requests under way at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// Sends the load and sums it up: `p50_ms`, `p90_ms`, `p99_ms` and `max_ms` of the answers with a
/// 2xx status, `errors` (everything else), `achieved` good answers per second, requests `sent`, and
/// `start_lag_p99_ms`, by how much requests started late because no connection was free.
pub fn run(args: &Args) -> anyhow::Result<serde_json::Value> {
    let plan = Plan::new(args)?;
    // One thread for the load, one for the schedule; the other cores are the server's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(generate(Arc::new(plan)))
}

/// What to send, where and when.
struct Plan {
    authority: String,
    path: Uri,
    method: Method,
    bearer: Option<String>,
    bodies: Vec<Bytes>,
    request_count: usize,
    rate_per_second: f64,
    connection_count: usize,
}

impl Plan {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let uri: Uri = args
            .url
            .parse()
            .with_context(|| format!("`{}` is not a URL", args.url))?;
        ensure!(
            uri.scheme_str() == Some("http"),
            "`{}` is not http://…",
            args.url
        );
        let authority = uri.authority().context("the URL names no host")?;
        ensure!(
            args.rate.is_finite() && args.rate > 0.0,
            "the rate is not above 0"
        );
        ensure!(args.connections > 0, "a load needs a connection");
        let request_count = (args.rate * args.seconds).floor();
        ensure!(
            (1.0..=REQUESTS_MAX).contains(&request_count),
            "{request_count} requests, not between 1 and {REQUESTS_MAX}"
        );
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            authority: with_port(authority.as_str()),
            path: path.parse()?,
            method: args.method.clone(),
            bearer: args.key.as_ref().map(|key| format!("Bearer {key}")),
            bodies: args.body.as_deref().map_or(Ok(Vec::new()), read_bodies)?,
            request_count: request_count as usize,
            rate_per_second: args.rate,
            connection_count: args.connections,
        })
    }

    /// When a request should start, counted from the start of the run.
    fn intended(&self, index: usize) -> Duration {
        Duration::from_secs_f64(index as f64 / self.rate_per_second)
    }

    fn request(&self, index: usize) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.path.clone())
            .header(HOST, &self.authority);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let body = match self.bodies.as_slice() {
            [] => Bytes::new(),
            bodies => {
                request = request.header(CONTENT_TYPE, "application/json");
                bodies[index % bodies.len()].clone()
            }
        };
        Ok(request.body(Full::new(body))?)
    }
}

fn with_port(authority: &str) -> String {
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    if has_port {
        host.to_owned()
    } else {
        format!("{host}:80")
    }
}

fn read_bodies(path: &Path) -> anyhow::Result<Vec<Bytes>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut bodies = Vec::new();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        serde_json::from_str::<serde::de::IgnoredAny>(line)
            .with_context(|| format!("line {} of `{}` is not JSON", index + 1, path.display()))?;
        bodies.push(Bytes::copy_from_slice(line.as_bytes()));
    }
    ensure!(!bodies.is_empty(), "`{}` holds no document", path.display());
    Ok(bodies)
}

/// What one connection saw.
#[derive(Default)]
struct Tally {
    /// Of good answers, from the intended start.
    latencies: Vec<Duration>,
    /// From the intended to the real start.
    lags: Vec<Duration>,
    error_count: usize,
    first_error: Option<String>,
}

impl Tally {
    fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.lags.extend(other.lags);
        self.error_count += other.error_count;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// The schedule: requests that are due and not taken yet.
struct Schedule {
    due: Semaphore,
    next: AtomicUsize,
    started: Instant,
}

async fn generate(plan: Arc<Plan>) -> anyhow::Result<serde_json::Value> {
    let mut connections = Vec::with_capacity(plan.connection_count);
    for _ in 0..plan.connection_count {
        let connection = connect(&plan.authority).await;
        connections.push(connection.with_context(|| format!("no answer at {}", plan.authority))?);
    }
    let schedule = Arc::new(Schedule {
        due: Semaphore::new(0),
        next: AtomicUsize::new(0),
        started: Instant::now(),
    });
    let ticker = {
        let (plan, schedule) = (Arc::clone(&plan), Arc::clone(&schedule));
        std::thread::spawn(move || tick(&plan, &schedule))
    };
    let mut workers = JoinSet::new();
    for connection in connections {
        workers.spawn(work(Arc::clone(&plan), Arc::clone(&schedule), connection));
    }
    let mut tally = Tally::default();
    while let Some(part) = workers.join_next().await {
        tally.merge(part?);
    }
    let elapsed = schedule.started.elapsed();
    if ticker.join().is_err() {
        bail!("the schedule stopped early");
    }
    if let Some(error) = &tally.first_error {
        eprintln!("{} errors, the first: {error}", tally.error_count);
    }
    Ok(summary(tally, elapsed))
}

/// Releases each request at its moment. A thread of its own: the timers of the runtime are a
/// millisecond coarse, and sleeping here is not.
fn tick(plan: &Plan, schedule: &Schedule) {
    let mut released = 0;
    while released < plan.request_count {
        let now = schedule.started.elapsed();
        let mut due = released;
        while due < plan.request_count && plan.intended(due) <= now {
            due += 1;
        }
        if due > released {
            schedule.due.add_permits(due - released);
            released = due;
        } else {
            std::thread::sleep(plan.intended(released).saturating_sub(now));
        }
    }
    // One more for each connection, to find that nothing is left.
    schedule.due.add_permits(plan.connection_count);
}

async fn work(plan: Arc<Plan>, schedule: Arc<Schedule>, connection: Connection) -> Tally {
    let mut tally = Tally::default();
    let mut connection = Some(connection);
    while let Ok(permit) = schedule.due.acquire().await {
        permit.forget();
        let index = schedule.next.fetch_add(1, Ordering::Relaxed);
        if index >= plan.request_count {
            break;
        }
        let intended = schedule.started + plan.intended(index);
        tally.lags.push(intended.elapsed());
        let sent = tokio::time::timeout(TIMEOUT, send(&plan, index, &mut connection));
        let outcome = sent
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within 30 s")));
        match outcome {
            Ok(status) if status.is_success() => tally.latencies.push(intended.elapsed()),
            Ok(status) => count_error(&mut tally, format!("status {status}")),
            Err(error) => {
                count_error(&mut tally, format!("{error:#}"));
                connection = None;
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        }
    }
    tally
}

fn count_error(tally: &mut Tally, error: String) {
    tally.error_count += 1;
    tally.first_error.get_or_insert(error);
}

type Connection = SendRequest<Full<Bytes>>;

async fn connect(authority: &str) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await?;
    // The driver's error reaches the request that was under way.
    tokio::spawn(async move { drop(driver.await) });
    Ok(sender)
}

async fn send(
    plan: &Plan,
    index: usize,
    connection: &mut Option<Connection>,
) -> anyhow::Result<hyper::StatusCode> {
    // A server may close a kept-alive connection between two requests; that is not an error.
    if let Some(open) = connection
        && open.ready().await.is_err()
    {
        *connection = None;
    }
    let sender = match connection {
        Some(open) => open,
        None => connection.insert(connect(&plan.authority).await?),
    };
    sender.ready().await?;
    let response = sender.send_request(plan.request(index)?).await?;
    let status = response.status();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(status)
}

fn summary(mut tally: Tally, elapsed: Duration) -> serde_json::Value {
    let good_count = tally.latencies.len();
    let sent = tally.lags.len();
    tally.latencies.sort_unstable();
    tally.lags.sort_unstable();
    json!({
        "p50_ms": percentile_ms(&tally.latencies, 0.50),
        "p90_ms": percentile_ms(&tally.latencies, 0.90),
        "p99_ms": percentile_ms(&tally.latencies, 0.99),
        "max_ms": percentile_ms(&tally.latencies, 1.0),
        "errors": tally.error_count,
        "achieved": good_count as f64 / elapsed.as_secs_f64(),
        "sent": sent,
        "start_lag_p99_ms": percentile_ms(&tally.lags, 0.99),
    })
}

/// The nearest-rank percentile of sorted durations; `None` of none.
fn percentile_ms(sorted: &[Duration], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let duration = sorted.get(rank.max(1) - 1)?;
    Some((duration.as_secs_f64() * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use hyper::Response;
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use tokio::net::TcpListener;

    use super::*;

    /// What a request looked like to the server.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Seen {
        method: Method,
        path: String,
        bearer: Option<String>,
        body: String,
    }

    type Answer = fn(usize) -> (u16, Duration);

    /// Serves on a free port until the process ends; answers what `answer` says of the n-th request.
    fn serve(answer: Answer) -> (String, Arc<Mutex<Vec<Seen>>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(accept(listener, log, answer));
        });
        (address, seen)
    }

    async fn accept(listener: std::net::TcpListener, log: Arc<Mutex<Vec<Seen>>>, answer: Answer) {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let log = Arc::clone(&log);
            let service = service_fn(move |request| respond(request, Arc::clone(&log), answer));
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    }

    async fn respond(
        request: Request<Incoming>,
        log: Arc<Mutex<Vec<Seen>>>,
        answer: Answer,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let bearer = parts.headers.get(AUTHORIZATION);
        let seen = Seen {
            method: parts.method,
            path: parts.uri.to_string(),
            bearer: bearer.map(|value| value.to_str().unwrap().to_owned()),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        let index = {
            let mut log = log.lock().unwrap();
            log.push(seen);
            log.len() - 1
        };
        let (status, pause) = answer(index);
        tokio::time::sleep(pause).await;
        let response = Response::builder().status(status);
        Ok(response.body(Full::new(Bytes::from_static(b"{}"))).unwrap())
    }

    fn args(url: String, rate: f64, seconds: f64) -> Args {
        Args {
            url,
            rate,
            seconds,
            key: None,
            method: Method::GET,
            body: None,
            connections: 2,
        }
    }

    #[test]
    fn every_request_is_sent_with_its_key_and_body_in_turn() {
        let (address, seen) = serve(|_| (200, Duration::ZERO));
        let bodies = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(bodies.path(), "{\"a\":1}\n\n{\"a\":2}\n").unwrap();
        let summary = run(&Args {
            key: Some("lm_key".to_owned()),
            method: Method::POST,
            body: Some(bodies.path().to_owned()),
            ..args(format!("http://{address}/x?y=1"), 400.0, 0.1)
        });
        let summary = summary.unwrap();
        assert_eq!(summary["sent"], 40);
        assert_eq!(summary["errors"], 0);
        let (p50, max) = (summary["p50_ms"].as_f64(), summary["max_ms"].as_f64());
        assert!(p50.unwrap() > 0.0 && p50 <= max, "{summary}");
        // 40 requests are started within 97.5 ms at the earliest.
        assert!(
            summary["achieved"].as_f64().unwrap() <= 40.0 / 0.0975,
            "{summary}"
        );
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 40);
        let second = Seen {
            method: Method::POST,
            path: "/x?y=1".to_owned(),
            bearer: Some("Bearer lm_key".to_owned()),
            body: "{\"a\":2}".to_owned(),
        };
        assert_eq!(
            seen.iter().filter(|request| **request == second).count(),
            20
        );
    }

    #[test]
    fn a_stall_delays_everything_that_was_due_meanwhile() {
        // One connection, 100 requests a second, and the first answer takes 300 ms: about thirty
        // requests should have started in the meantime, and all of them are late.
        let stall = |index| (200, Duration::from_millis(if index == 0 { 300 } else { 0 }));
        let (address, _) = serve(stall);
        let summary = run(&Args {
            connections: 1,
            ..args(format!("http://{address}/"), 100.0, 0.4)
        });
        let summary = summary.unwrap();
        assert_eq!(summary["sent"], 40);
        // The 20th slowest of 40 was due at 200 ms at the latest, so it waited at least 100 ms.
        assert!(summary["p50_ms"].as_f64().unwrap() >= 90.0, "{summary}");
        assert!(summary["max_ms"].as_f64().unwrap() >= 300.0, "{summary}");
        assert!(
            summary["start_lag_p99_ms"].as_f64().unwrap() >= 200.0,
            "{summary}"
        );
    }

    #[test]
    fn refusals_are_errors_and_do_not_flatter_the_latency() {
        let (address, _) = serve(|index| (if index % 4 == 0 { 503 } else { 200 }, Duration::ZERO));
        let summary = run(&args(format!("http://{address}/"), 400.0, 0.1)).unwrap();
        assert_eq!(summary["errors"], 10);
        assert_eq!(summary["sent"], 40);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |args: Args| run(&args).unwrap_err().to_string();
        assert!(refused(args("https://x/".to_owned(), 1.0, 1.0)).contains("http://"));
        assert!(refused(args("http://127.0.0.1:1/".to_owned(), 1.0, 1.0)).contains("no answer"));
        assert!(refused(args("http://x/".to_owned(), 0.0, 1.0)).contains("rate"));
        assert!(refused(args("http://x/".to_owned(), 1.0, 0.5)).contains("requests"));
        assert_eq!(with_port("host"), "host:80");
        assert_eq!(with_port("[::1]"), "[::1]:80");
        assert_eq!(with_port("[::1]:8080"), "[::1]:8080");
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&sorted, 0.5), Some(100.0));
        assert_eq!(percentile_ms(&sorted, 0.99), Some(198.0));
        assert_eq!(percentile_ms(&sorted, 1.0), Some(200.0));
        assert_eq!(percentile_ms(&[], 0.5), None);
    }
}
