//! The command line is a client of the public API: over HTTP when a server runs, in this very
//! process otherwise. There is no third way in.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, header};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use leitmotif_demo::tour::{Answer, Call, PublicApi, TourError};
use serde_json::Value;
use tower::ServiceExt;

use crate::platform::Platform;
use crate::settings::Settings;

/// A client of the public API.
pub struct Client {
    transport: Transport,
    key: String,
}

enum Transport {
    InProcess(Router),
    Http {
        base: String,
        client: HttpClient<HttpConnector, Full<Bytes>>,
    },
}

impl Client {
    /// Talks to a platform in this process.
    pub fn in_process(platform: &Platform) -> Self {
        Self {
            transport: Transport::InProcess(platform.router.clone()),
            key: platform.local_key.clone(),
        }
    }

    /// Talks to a server.
    pub fn http(base: &str, key: &str) -> Self {
        let client = HttpClient::builder(TokioExecutor::new()).build_http();
        let base = base.trim_end_matches('/').to_owned();
        Self {
            transport: Transport::Http { base, client },
            key: key.to_owned(),
        }
    }

    /// Sends a request.
    pub async fn send(&self, call: Call) -> anyhow::Result<Answer> {
        let path = &call.path;
        let target = match &self.transport {
            Transport::InProcess(_) => path.clone(),
            Transport::Http { base, .. } => format!("{base}{path}"),
        };
        let mut builder = Request::builder()
            .method(call.method)
            .uri(target)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if !call.content_type.is_empty() {
            builder = builder.header(header::CONTENT_TYPE, call.content_type);
        }
        let body = Bytes::from(call.body);
        match &self.transport {
            Transport::InProcess(router) => {
                let request = builder.body(Body::from(body))?;
                let response = router.clone().oneshot(request).await?;
                let status = response.status().as_u16();
                let body = response.into_body().collect().await?.to_bytes();
                Ok(Answer {
                    status,
                    body: body.to_vec(),
                })
            }
            Transport::Http { base, client } => {
                let request = builder.body(Full::new(body))?;
                let response = client
                    .request(request)
                    .await
                    .with_context(|| format!("cannot reach the server at {base}"))?;
                let status = response.status().as_u16();
                let body = response.into_body().collect().await?.to_bytes();
                Ok(Answer {
                    status,
                    body: body.to_vec(),
                })
            }
        }
    }

    /// Sends a request and parses the answer; a problem becomes an error in its own words.
    pub async fn json(&self, call: Call) -> anyhow::Result<Value> {
        let answer = self.accepted(call).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).context("the server's answer is no JSON")
    }

    /// Reads a file of text, such as a playlist.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let call = Call {
            method: "GET",
            path: path.to_owned(),
            ..Call::default()
        };
        let answer = self.accepted(call).await?;
        String::from_utf8(answer.body).context("the server's answer is no text")
    }

    /// Reads an answer of any length piece by piece, as it arrives.
    ///
    /// - Errors: a problem in its own words; an answer that breaks off.
    pub async fn stream(
        &self,
        path: &str,
        take: &mut (dyn FnMut(&[u8]) -> anyhow::Result<()> + Send),
    ) -> anyhow::Result<()> {
        let target = match &self.transport {
            Transport::InProcess(_) => path.to_owned(),
            Transport::Http { base, .. } => format!("{base}{path}"),
        };
        let builder = Request::builder()
            .uri(target)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        match &self.transport {
            Transport::InProcess(router) => {
                let response = router.clone().oneshot(builder.body(Body::empty())?).await?;
                let (parts, body) = response.into_parts();
                take_pieces(parts.status.as_u16(), body, take).await
            }
            Transport::Http { base, client } => {
                let request = builder.body(Full::new(Bytes::new()))?;
                let response = client
                    .request(request)
                    .await
                    .with_context(|| format!("cannot reach the server at {base}"))?;
                let (parts, body) = response.into_parts();
                take_pieces(parts.status.as_u16(), body, take).await
            }
        }
    }

    /// Sends a request; a problem becomes an error in its own words.
    async fn accepted(&self, call: Call) -> anyhow::Result<Answer> {
        let answer = self.send(call).await?;
        if answer.status >= 400 {
            anyhow::bail!("{}", problem_text(&answer));
        }
        Ok(answer)
    }

    /// Reads a document.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(Call {
            method: "GET",
            path: path.to_owned(),
            ..Call::default()
        })
        .await
    }

    /// Sends a document.
    pub async fn post(&self, path: &str, document: &Value) -> anyhow::Result<Value> {
        self.send_document("POST", path, document).await
    }

    /// Puts a document in place of another.
    pub async fn put(&self, path: &str, document: &Value) -> anyhow::Result<Value> {
        self.send_document("PUT", path, document).await
    }

    async fn send_document(
        &self,
        method: &'static str,
        path: &str,
        document: &Value,
    ) -> anyhow::Result<Value> {
        let call = Call {
            method,
            path: path.to_owned(),
            content_type: "application/json",
            body: document.to_string().into_bytes(),
        };
        self.json(call).await
    }
}

/// Hands on the pieces of a body.
async fn take_pieces<B>(
    status: u16,
    mut body: B,
    take: &mut (dyn FnMut(&[u8]) -> anyhow::Result<()> + Send),
) -> anyhow::Result<()>
where
    B: http_body_util::BodyExt<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if status >= 400 {
        let body = body.collect().await?.to_bytes().to_vec();
        anyhow::bail!("{}", problem_text(&Answer { status, body }));
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.context("the server's answer broke off")?;
        if let Some(piece) = frame.data_ref() {
            take(piece)?;
        }
    }
    Ok(())
}

/// A problem in one line: what happened, and which fields.
fn problem_text(answer: &Answer) -> String {
    let parsed: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = parsed
        .get("detail")
        .and_then(Value::as_str)
        .unwrap_or("no details");
    let fields = parsed
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let pointers: Vec<&str> = fields
        .filter_map(|field| field.get("pointer")?.as_str())
        .filter(|p| !p.is_empty())
        .collect();
    if pointers.is_empty() {
        return format!("{detail} (status {})", answer.status);
    }
    format!(
        "{} at {} (status {})",
        detail,
        pointers.join(", "),
        answer.status
    )
}

#[async_trait]
impl PublicApi for Client {
    async fn call(&self, call: Call) -> Result<Answer, TourError> {
        self.send(call)
            .await
            .map_err(|error| TourError::Unreachable {
                reason: error.to_string(),
            })
    }

    async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// A client, and the platform behind it when it runs in this process.
pub struct Connection {
    /// The client.
    pub client: Client,
    platform: Option<Platform>,
}

impl Connection {
    /// Connects: to `url` when it is set, to the server that holds the data folder when one does,
    /// to the folder itself otherwise.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(url) = &settings.url {
            let key = settings.key.as_ref().map(|key| key.expose().to_owned());
            let key = key.or_else(|| Platform::local_key(&settings.data));
            let key = key.context("set a key for the server: `--key` or LEITMOTIF_KEY")?;
            return Ok(Self {
                client: Client::http(url, &key),
                platform: None,
            });
        }
        let holder = format!("process {} running a command", std::process::id());
        match Platform::start(settings, "default", &holder).await {
            Ok(platform) => Ok(Self {
                client: Client::in_process(&platform),
                platform: Some(platform),
            }),
            Err(error) => Self::to_holder(settings).ok_or(error),
        }
    }

    /// The server that holds the data folder, if it says where it listens.
    fn to_holder(settings: &Settings) -> Option<Self> {
        let holder = Platform::holder(&settings.data)?;
        let base = holder
            .split_whitespace()
            .find(|word| word.starts_with("http://"))?;
        let key = Platform::local_key(&settings.data)?;
        Some(Self {
            client: Client::http(base, &key),
            platform: None,
        })
    }

    /// Ends the platform behind the client.
    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        match self.platform {
            Some(platform) => platform.stop().await,
            None => Ok(()),
        }
    }
}
