//! A part of a model that is late again and again, over HTTP: no request fails, the answer says what is missing, and
//! the part is back when it has rested. In this process, so that the clock can be moved.

use leitmotif_domain::Timestamp;
use leitmotif_domain::clock::ManualClock;
use leitmotif_learn::trees::{
    BinOptions, Dataset, Examples, Features as Columns, Objective, Parameters, fit,
};
use leitmotif_recommend::rank::{COLUMN_COUNT, column_names};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::client::Client;
use crate::commands::serve::serve_router;

const T0: i64 = 1_700_000_000_000;
const MINUTE_MS: i64 = 60_000;
/// How long a part rests.
const REST_MS: i64 = 30_000;
const TRACKS: i64 = 40;
const LISTENERS: i64 = 60;
const PLAYS: i64 = 900;
/// The budget of a stage begins where those before it end, so that all of them are spent.
const LATE: &str = "[budgets]\nfeatures = 0\ncandidates = 0\nranking = 0\nlist = 0";
const UNHURRIED: &str = "[budgets]\nranking = 60000";

/// Two camps of listeners, and a model with an order of its own in production.
async fn fill(client: &Client) {
    let track = |number: i64| {
        json!({"title": format!("Track {number}"), "artist": format!("Artist {}", number / 4),
            "external_ids": {"t": number.to_string()}})
    };
    let tracks: Vec<Value> = (0..TRACKS).map(track).collect();
    let sent = client
        .post("/api/v1/tracks", &json!({ "tracks": tracks }))
        .await;
    sent.expect("tracks are taken");
    let play = |number: i64| {
        let listener = number % LISTENERS;
        let track = (number * 7 + number / LISTENERS) % (TRACKS / 2) * 2 + listener % 2;
        json!({"kind": "listen", "occurred_at": T0 - (PLAYS - number) * MINUTE_MS,
            "listener": format!("p{listener}"), "track": format!("t:{track}"),
            "outcome": "completed", "played_ms": 180_000, "track_ms": 180_000})
    };
    let events: Vec<Value> = (0..PLAYS).map(play).collect();
    let sent = client
        .post("/api/v1/events", &json!({ "events": events }))
        .await;
    sent.expect("events are taken");
    let asked = json!({"promotion": "always"});
    let queued = client.post("/api/v1/training-runs", &asked).await;
    let job = queued.expect("a training is queued")["job"].clone();
    let path = format!("/api/v1/jobs/{}", job.as_str().expect("a job has an id"));
    loop {
        let job = client.get(&path).await.expect("the job is known");
        match job["state"].as_str() {
            Some("done") => break,
            Some("dead") => panic!("the training failed: {job}"),
            _ => tokio::task::yield_now().await,
        }
    }
    let models = client
        .get("/api/v1/models?limit=1")
        .await
        .expect("models are listed");
    let base = models["models"][0]["id"]
        .as_str()
        .expect("a model has an id");
    let path = format!("/api/v1/models/{base}/ranker");
    let ranker = json!({"trees": trees(), "blend_weight": 1.0});
    let made = client.post(&path, &ranker).await.expect("the trees read");
    let made = made["id"].as_str().expect("an id");
    let path = format!("/api/v1/models/{made}/production");
    let put = client.put(&path, &json!({})).await;
    put.expect("it is put into production");
}

/// An order in the form that a file brings.
fn trees() -> String {
    let row = |at: usize| (at * 37 % 101) as f32 / 101.0;
    let rows: Vec<f32> = (0..200 * COLUMN_COUNT).map(row).collect();
    let labels: Vec<f32> = rows.chunks(COLUMN_COUNT).map(|row| row[0]).collect();
    let columns = Columns::new(&rows, COLUMN_COUNT).expect("whole rows");
    let examples = Examples::new(columns, &labels);
    let dataset = Dataset::new(&examples, &BinOptions::default()).expect("rows bin");
    let parameters = Parameters {
        objective: Objective::Regression,
        trees: 5,
        ..Parameters::default()
    };
    let fitted = fit(&dataset, None, &parameters)
        .expect("trees fit")
        .ensemble;
    fitted
        .with_names(column_names())
        .expect("a name each")
        .to_lightgbm()
}

/// Puts a pipeline into service.
async fn serve(client: &Client, text: &str) {
    let versions = "/api/v1/pipelines/front/versions";
    let added = client.post(versions, &json!({ "text": text })).await;
    let version = added.expect("the pipeline reads")["version"].clone();
    let shares = json!({"shares": [{"version": version, "weight": 1}]});
    let put = client.put("/api/v1/pipelines/front/shares", &shares).await;
    put.expect("the version is known");
}

/// Asks for a list, and tells what is said of the order.
async fn cause(client: &Client) -> Option<String> {
    let asked = json!({"listener": "p3", "placement": "front", "count": 8});
    let answer = client.post("/api/v1/recommendations", &asked).await;
    let answer = answer.expect("no answer fails");
    assert_eq!(answer["rung"], "personalised", "{answer}");
    assert_eq!(
        answer["tracks"].as_array().map(Vec::len),
        Some(8),
        "{answer}"
    );
    let degraded = answer["degraded"].as_array().into_iter().flatten();
    let ranking = { degraded }.find(|one| one["part"] == "ranking")?;
    ranking["cause"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_late_again_and_again_rests_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        data: folder.path().to_owned(),
        workers: 1,
        ..Settings::default()
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_ms(T0)));
    let platform = Platform::start_by(&settings, "local", "a test", clock.clone()).await;
    let platform = platform.expect("an empty folder opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let ended = async move { drop(stopped.await) };
    let serving = tokio::spawn(serve_router(listener, platform.router.clone(), ended));
    let client = Client::http(&base, &platform.local_key);
    fill(&client).await;
    serve(&client, LATE).await;
    for number in 0..5 {
        assert_eq!(cause(&client).await.as_deref(), Some("late"), "{number}");
    }
    serve(&client, UNHURRIED).await;
    assert_eq!(cause(&client).await.as_deref(), Some("resting"));
    clock.advance_ms(REST_MS - 1);
    assert_eq!(cause(&client).await.as_deref(), Some("resting"));
    clock.advance_ms(1);
    assert_eq!(cause(&client).await, None, "it has rested");
    serve(&client, LATE).await;
    assert_eq!(cause(&client).await.as_deref(), Some("late"));
    serve(&client, UNHURRIED).await;
    assert_eq!(cause(&client).await, None, "once is not again and again");
    drop((client, stop));
    serving
        .await
        .expect("serving ends")
        .expect("no socket fails");
    platform.stop().await.expect("the platform stops");
}
