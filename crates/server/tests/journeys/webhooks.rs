//! Webhooks through the real binary: signed, given up, sent again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection, StreamOwned};

use crate::harness::{TestServer, cli_with, wait_until};

/// A message as it came.
#[derive(Clone)]
struct Message {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The signature computed as the standard says, without the code under test.
    fn expected_signature(&self, secret: &str) -> String {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
        let mut signed = format!(
            "{}.{}.",
            self.header("webhook-id"),
            self.header("webhook-timestamp")
        )
        .into_bytes();
        signed.extend(&self.body);
        format!(
            "v1,{}",
            STANDARD.encode(hmac_sha256(&key.unwrap(), &signed))
        )
    }
}

/// HMAC by its definition in RFC 2104, for keys of at most a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message);
    let outer = Sha256::new().chain_update(padded(0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

/// A receiver that keeps what it is sent and answers with a status that can be changed.
struct Receiver {
    address: String,
    status: Arc<AtomicU16>,
    messages: Arc<Mutex<Vec<Message>>>,
}

/// A stream that is read and written.
trait Wires: Read + Write {}

impl<T: Read + Write> Wires for T {}

/// What encrypts the connections of a receiver, by the certificate of the fixtures.
fn encryption() -> Arc<ServerConfig> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    let certificate = CertificateDer::from_pem_file(folder.join("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.unwrap())
}

impl Receiver {
    fn start() -> Self {
        Self::with(None)
    }

    fn with(encryption: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (status, messages) = (Arc::new(AtomicU16::new(200)), Arc::default());
        let (answered, kept) = (Arc::clone(&status), Arc::clone(&messages));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let stream: Box<dyn Wires> = match &encryption {
                    None => Box::new(stream),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        Box::new(StreamOwned::new(connection, stream))
                    }
                };
                let mut reader = BufReader::new(stream);
                // Whoever does not trust the certificate hangs up before a word.
                if reader.fill_buf().map_or(true, <[u8]>::is_empty) {
                    continue;
                }
                let message = read_message(&mut reader);
                let kept: &Mutex<Vec<Message>> = &kept;
                kept.lock().unwrap().push(message);
                let status = answered.load(Ordering::SeqCst);
                // Redirects lead to a place that must not be asked.
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
                );
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        });
        Self {
            address,
            status,
            messages,
        }
    }

    fn wait_for(&self, count: usize) -> Vec<Message> {
        wait_until("messages arrive", || {
            let messages = self.messages.lock().unwrap();
            (messages.len() >= count).then(|| messages.clone())
        })
    }
}

fn read_message(reader: &mut impl BufRead) -> Message {
    let mut headers = Vec::new();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("POST /hook "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut message = Message {
        headers,
        body: Vec::new(),
    };
    let length: usize = message.header("content-length").parse().unwrap();
    message.body = vec![0; length];
    reader.read_exact(&mut message.body).unwrap();
    message
}

#[test]
fn journey_webhooks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let receiver = Receiver::start();
    let address = format!("http://{}/hook", receiver.address);
    let allowed = [
        ("LEITMOTIF_WEBHOOK_PRIVATE_ADDRESSES", "true"),
        ("LEITMOTIF_REQUESTS_PER_DAY", "1000000"),
    ];
    let server = TestServer::with(&data, &allowed);
    let wire = &server.wire;
    let made = cli_with(&data, &["webhook", "add", &address, "--json"], &[]).json();
    let secret = made["secret"].as_str().unwrap();
    let id = made["id"].as_str().unwrap();

    let track = json!({"title": "one", "lyrics": "la la\nla lo", "external_ids": {"a": "1"}});
    wire.post("/api/v1/tracks", &json!({ "tracks": [track] }));
    let first = &receiver.wait_for(1)[0];
    assert_eq!(first.json()["type"], "analysis.completed");
    assert_eq!(
        first.header("webhook-signature"),
        first.expected_signature(secret)
    );
    // Nobody played anything: the training fails, and the receiver hears of it.
    wire.post("/api/v1/training-runs", &json!({}));
    let second = &receiver.wait_for(2)[1];
    assert_eq!(second.json()["type"], "training.failed");
    assert!(second.json()["data"]["conclusion"].is_string());

    receiver.status.store(410, Ordering::SeqCst);
    wire.post("/api/v1/training-runs", &json!({}));
    let path = format!("/api/v1/webhooks/{id}");
    wait_until("the webhook is paused", || {
        wire.get(&path)["paused_because"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(wire.get(&path).get("secret").is_none());
    // What it missed shows in the lag of the log.
    let consumers = wire.get("/api/v1/events/consumers")["consumers"].clone();
    let mut consumers = consumers.as_array().unwrap().iter();
    let found = consumers.find(|one| one["consumer"] == format!("webhook-{id}"));
    assert!(found.is_some_and(|one| one["projection"].is_null()));
    let letters = wire.get(&format!("{path}/dead-letters"));
    assert_eq!(letters["dead_letters"][0]["kind"], "training.failed");

    receiver.status.store(307, Ordering::SeqCst);
    let again = cli_with(&data, &["webhook", "replay", id], &[]);
    assert!(
        !again.is_success && again.stderr.contains("307"),
        "{}",
        again.stderr
    );
    receiver.status.store(204, Ordering::SeqCst);
    let again = cli_with(&data, &["webhook", "replay", id, "--json"], &[]).json();
    assert_eq!(again, json!({"sent": 1, "taken": 1}));
    assert_eq!(
        wire.get(&format!("{path}/dead-letters"))["dead_letters"],
        json!([])
    );
    let before = receiver.messages.lock().unwrap().len();
    let resumed = wire.post(&format!("{path}/resume"), &json!({}));
    assert_eq!(resumed["paused_at"], Value::Null);
    let told = &receiver.wait_for(before + 1)[before];
    assert_eq!(told.json()["type"], "webhook.paused");
    assert!(server.stop());

    // Without the setting the same address is refused: at the door, and again before it is connected to.
    let server = TestServer::start(&data);
    let asked = json!({ "url": address });
    let refused = server.wire.ask("POST", "/api/v1/webhooks", &asked);
    refused.points_at(400, "/url", "a private address");
    for (url, pointer) in [("ftp://example.org/", "/url"), ("nothing", "/url")] {
        let refused = server
            .wire
            .ask("POST", "/api/v1/webhooks", &json!({ "url": url }));
        refused.points_at(400, pointer, url);
    }
    let unknown = json!({"url": "http://example.org/", "kinds": ["job.failed", "weather"]});
    let refused = server.wire.ask("POST", "/api/v1/webhooks", &unknown);
    refused.points_at(400, "/kinds/1", "an unknown kind");
    server.wire.post("/api/v1/training-runs", &json!({}));
    let waits = wait_until("the delivery is refused", || {
        server.wire.get(&path)["last_error"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(waits.contains("no public address"), "{waits}");
}

/// An encrypted receiver is reached where its certificate is trusted, and told nothing where it is not. Secrets are
/// encrypted by a key of the settings, and closed without it.
#[test]
fn journey_encrypted_webhooks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let receiver = Receiver::with(Some(encryption()));
    let address = format!("https://{}/hook", receiver.address);
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls/certificate.pem");
    let key = "5e".repeat(32);
    let trusting = [
        ("LEITMOTIF_WEBHOOK_PRIVATE_ADDRESSES", "true"),
        ("LEITMOTIF_WEBHOOK_ROOTS", roots.to_str().unwrap()),
        ("LEITMOTIF_WEBHOOK_SECRETS_KEY", key.as_str()),
    ];
    let server = TestServer::with(&data, &trusting);
    let made = server.wire.post(
        "/api/v1/webhooks",
        &json!({"url": address, "kinds": ["training.failed"]}),
    );
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    assert_eq!(made["is_secret_encrypted"], true);
    let path = format!("/api/v1/webhooks/{id}");
    server.wire.post("/api/v1/training-runs", &json!({}));
    let told = &receiver.wait_for(1)[0];
    assert_eq!(
        told.header("webhook-signature"),
        told.expected_signature(secret)
    );
    assert!(server.stop());

    // The key alone: the secret opens, and nobody trusts the receiver.
    let server = TestServer::with(&data, &[trusting[0], trusting[2]]);
    server.wire.post("/api/v1/training-runs", &json!({}));
    let failed = wait_until("the delivery fails", || {
        server.wire.get(&path)["last_error"]
            .as_str()
            .map(str::to_owned)
    });
    let is_untrusted =
        failed.contains("no encrypted connection") || failed.contains("trusts no certificates");
    assert!(
        is_untrusted && receiver.messages.lock().unwrap().len() == 1,
        "{failed}"
    );
    assert!(server.stop());

    let server = TestServer::with(&data, &trusting[..2]);
    let reply = server.wire.send("GET", &path, &[], b"");
    let problem = reply.problem(503, "a secret without its key");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("webhook_secrets_key"), "{problem}");
}
