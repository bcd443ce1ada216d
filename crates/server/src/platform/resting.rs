//! A part of a model that is late or fails again and again, over HTTP: no request fails, the answer says what is
//! missing, and the part is back when it has rested. In this process, so that the clock can be moved.

use leitmotif_learn::trees::{
    BinOptions, Dataset, Examples, Features as Columns, Objective, Parameters, fit,
};
use leitmotif_recommend::rank::{COLUMN_COUNT, column_names};
use leitmotif_storage::ports::BlobStore;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::served::Served;
use crate::client::Client;

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
}

/// The model that was trained, before there is another.
async fn trained(client: &Client) -> String {
    let models = client
        .get("/api/v1/models?limit=1")
        .await
        .expect("models are listed");
    let only = models["models"][0]["id"].as_str();
    only.expect("a model has an id").to_owned()
}

/// Puts an order beside the trained model; answers the model that has both.
async fn put_ranker(client: &Client) -> String {
    let path = format!("/api/v1/models/{}/ranker", trained(client).await);
    let ranker = json!({"trees": trees(), "blend_weight": 1.0});
    let made = client.post(&path, &ranker).await.expect("the trees read");
    made["id"].as_str().expect("an id").to_owned()
}

async fn put_into_production(client: &Client, model: &str) {
    let path = format!("/api/v1/models/{model}/production");
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
    let served = Served::start(T0).await;
    let client = &served.client;
    fill(client).await;
    let made = put_ranker(client).await;
    put_into_production(client, &made).await;
    serve(client, LATE).await;
    for number in 0..5 {
        assert_eq!(cause(client).await.as_deref(), Some("late"), "{number}");
    }
    serve(client, UNHURRIED).await;
    assert_eq!(cause(client).await.as_deref(), Some("resting"));
    served.clock.advance_ms(REST_MS - 1);
    assert_eq!(cause(client).await.as_deref(), Some("resting"));
    served.clock.advance_ms(1);
    assert_eq!(cause(client).await, None, "it has rested");
    serve(client, LATE).await;
    assert_eq!(cause(client).await.as_deref(), Some("late"));
    serve(client, UNHURRIED).await;
    assert_eq!(cause(client).await, None, "once is not again and again");
    served.stop().await;
}

/// Makes the factors of a stored model so large that no listener can be folded in: its taste then fails, while
/// neighbours and sessions still answer. The form is that of `model_bytes` in `recommend`.
async fn spoil_taste(served: &Served, model: &str) {
    const CHECKSUM_BYTES: usize = 32;
    let platform = &served.platform;
    let scope = &served.scope;
    let key = format!("models/{model}").parse().expect("a key");
    let read = platform.storage.read(scope, &key, 0..u64::MAX).await;
    let mut bytes = read.expect("the model is stored").to_vec();
    let count_at = |bytes: &[u8], at: usize| {
        let count = bytes.get(at..at + 8).and_then(|part| part.try_into().ok());
        usize::try_from(u64::from_le_bytes(count.expect("eight bytes"))).expect("it fits")
    };
    let items = count_at(&bytes, 8);
    let options = 16 + 16 * items;
    let factors = options + 8 + count_at(&bytes, options);
    for component in bytes[factors..factors + 4 * items].chunks_exact_mut(4) {
        component.copy_from_slice(&1e25_f32.to_le_bytes());
    }
    let end = bytes.len() - CHECKSUM_BYTES;
    let checksum = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum);
    let put = platform.storage.put(scope, &key, bytes.into()).await;
    put.expect("the model is stored again");
}

/// Asks for a list that must come; tells its rung and what is missing.
async fn missing(client: &Client) -> (String, Vec<(String, String)>) {
    let asked = json!({"listener": "p3", "placement": "front", "count": 8});
    let answer = client.post("/api/v1/recommendations", &asked).await;
    let answer = answer.expect("no answer fails");
    assert_eq!(
        answer["tracks"].as_array().map(Vec::len),
        Some(8),
        "{answer}"
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let degraded = answer["degraded"].as_array().into_iter().flatten();
    let parts = degraded.map(|one| (text(&one["part"]), text(&one["cause"])));
    (text(&answer["rung"]), parts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_again_and_again_rests_with_its_model_and_is_tried_again() {
    let served = Served::start(T0).await;
    let client = &served.client;
    fill(client).await;
    let other = trained(client).await;
    let made = put_ranker(client).await;
    spoil_taste(&served, &made).await;
    put_into_production(client, &made).await;
    serve(client, UNHURRIED).await;
    let parts = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(part, cause)| ((*part).to_owned(), (*cause).to_owned()))
            .collect()
    };
    let (failed, resting) = (
        // The order asks for the listener's factor, too.
        parts(&[("taste", "failed"), ("ranking", "failed")]),
        parts(&[("model", "resting")]),
    );
    // The rung below carries the list: nothing else of this one counts in the blend.
    for number in 0..5 {
        let told = missing(client).await;
        assert_eq!(told, ("session".to_owned(), failed.clone()), "{number}");
    }
    // Then the model rests, and the rungs without one answer.
    let (rung, told) = missing(client).await;
    assert_eq!((rung.as_str(), &told), ("popular", &resting));
    served.clock.advance_ms(REST_MS - 1);
    assert_eq!(missing(client).await.1, resting);
    served.clock.advance_ms(1);
    let (rung, told) = missing(client).await;
    assert_eq!(
        (rung.as_str(), &told),
        ("session", &failed),
        "it is tried again"
    );
    assert_eq!(missing(client).await.1, resting, "once more was enough");
    // Each drop is counted.
    let metrics = client.text("/metrics").await.expect("metrics are served");
    let counted = |part: &str, cause: &str| {
        let lines = metrics.lines().filter(|line| {
            line.contains("recommendations_degraded")
                && line.contains(&format!("\"{part}\""))
                && line.contains(&format!("\"{cause}\""))
        });
        let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum::<u64>()
    };
    assert_eq!(
        (counted("taste", "failed"), counted("model", "resting")),
        (6, 3)
    );
    // Another model in its place starts anew.
    put_into_production(client, &other).await;
    let (rung, told) = missing(client).await;
    assert_eq!((rung.as_str(), told), ("personalised", Vec::new()));
    served.stop().await;
}
